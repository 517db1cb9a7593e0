# What did the program know at each step, and where did the wrong value come from?
#
#     hotload --record script.py          records a script, and shows the last lines that ran when it fails
#
# Here the program is a text.
from __future__ import print_function
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import hotload

PROGRAM = '''
def mean(numbers):
    total = 0
    for number in numbers:
        total += number
    return total / len(numbers)

marks = [3, 4]
marks.append(None)
average = mean(marks)
'''

recording = hotload.record(PROGRAM)
print('ended by', type(recording.error).__name__)
last = recording.visits(5)[-1]
state = recording.state(last)
print('line', recording.line(last), 'total', state['total'], 'number', state['number'])
for n, path, line, frame, old, new in recording.changes('marks'):
    print('line', line, 'made', old, 'to', new)
print('total was above 2 at', len(recording.when('total > 2')), 'steps')

# Output:
# ended by TypeError
# line 5 total 7 number None
# line 8 made None to [3, 4]
# line 9 made [3, 4] to [3, 4, None]
# total was above 2 at 6 steps
