# How do I change the end of a script without waiting for its begin?
#
#     hotload --cache --store none examples/8_cache.py
#
# Here the saves are made by the program itself; each prints what ran. The typo of the second is shown, then mended.
import os
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import hotload

LOAD = """import time
def load():
    time.sleep(0.2)
    return [1, 2, 3, 4, 5]
data = load()
"""
MEAN = "def mean(xs):\n    reutrn sum(xs) / float(len(xs))\nm = mean(data)\n"
VARIANCE = "def variance(xs, m):\n    return sum((x - m) ** 2 for x in xs) / len(xs)\nv = variance(data, m)\n"

path = os.path.join(tempfile.mkdtemp(), "growing.py")
open(path, "w").close()
script = hotload.CachedScript(path)
for text in (LOAD, LOAD + MEAN, LOAD + MEAN.replace("reutrn", "return"),
             LOAD + MEAN.replace("reutrn", "return") + VARIANCE):
    with open(path, "w") as stream:
        stream.write(text)
    report = script.run()
    print("%s: %s" % (type(report.error).__name__ if report.error else "ran",
                           ", ".join(item.text for item in report.ran) or "nothing"))
print("%s %s" % (script.namespace["m"], script.namespace["v"]))

# Output:
# ran: import time, def load():, data = load()
# SyntaxError: nothing
# ran: def mean(xs):, m = mean(data)
# ran: def variance(xs, m):, v = variance(data, m)
# 3.0 2.0
