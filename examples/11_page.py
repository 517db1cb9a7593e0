# How do I walk through a whole run, forward and back, in a browser?
#
#     hotload --record --html page.html script.py        writes page.html after each run; reload it after a save
#
# Here the same from Python, for a text. The page needs no network and no other file, and can be sent to others.
from __future__ import print_function
import os
import shutil
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import hotload

TEXT = '''def average(numbers):
    return sum(numbers) / len(numbers)

waiting = [3, 1, 2]
while True:
    last = average(waiting)
    waiting.pop()
'''
folder = tempfile.mkdtemp()
recording = hotload.record(TEXT)
page = os.path.join(folder, "page.html")
print("the page has the steps %d to %d" % recording.to_html(page))
print("it begins where this was raised:", type(recording.error).__name__)
with open(page) as stream:
    print("it names nothing that is elsewhere:", "://" not in stream.read())
print("of a long run a few steps are enough:", recording.to_html(page, first=5, last=12))
shutil.rmtree(folder)                               # in life, open the page instead

# Output:
# the page has the steps 0 to 28
# it begins where this was raised: ZeroDivisionError
# it names nothing that is elsewhere: True
# of a long run a few steps are enough: (5, 12)
