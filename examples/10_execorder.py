# Does the program in Execorder's README run as it was written?
#
# Yes, with hotload imported by that name. (hotload.exec needs Python 3.7; hotload.record is the same everywhere.)
from __future__ import print_function
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import hotload as execorder

code = '''
import random
X = []
for i in range(10):
    X += [random.randint(1, 100)]
    random.shuffle(X)
'''

recording = getattr(execorder, 'exec', execorder.record)(code)      # Execute the code and get a Recording back

lengths = []
for n in range(40):                        # Efficiently query the state at any time
    X = recording.state(n).get('X', None)
    lengths.append('-' if X is None else str(len(X)))       # the README prints X, which is another one each time

print(' '.join(lengths))

# Output:
# - - - 0 0 1 1 1 2 2 2 3 3 3 4 4 4 5 5 5 6 6 6 7 7 7 8 8 8 9 9 9 10 10 10 10 10 10 10 10
