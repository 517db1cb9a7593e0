# How does a value that takes long survive the reloads?
#
#     hotload keep.py            or: python3 launch.py
#     python3 launch.py --once   runs keep.py twice, as one save would: each value is computed in the first run only
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", ".."))     # not needed when hotload.py lies beside this file
import hotload

step = hotload.ReloadedScript(os.path.join(HERE, "keep.py"))

if "--once" in sys.argv:
    step.run()
    step.run()
else:
    hotload.hotload(watch=[HERE], steps=[step])

# Output:
# computing a table ...
# computing an answer ...
# 10 rows, answer 42
# 10 rows, answer 42
