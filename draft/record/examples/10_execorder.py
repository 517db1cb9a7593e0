# Does the program in Execorder's README run? (On Pythons before 3.7: execorder.record.)
from __future__ import print_function
import hotload as execorder

code = '''
import random
random.seed(1)
X = []
for i in range(10):
    X += [random.randint(1, 100)]
    random.shuffle(X)
'''

recording = getattr(execorder, 'exec', execorder.record)(code)
lengths = [len(recording.state(n).get('X') or []) for n in range(40)]
print(lengths[-1], max(lengths), sorted(lengths) == lengths)

# 10 10 True
