# How do changes of a helper module reach the module that is reloaded?
#
#     python3 launch.py          then change mymath.py and save; Ctrl-C ends it
#     python3 launch.py --once   runs the steps once
#
# `hotload report.py` on the command line does all this by itself.
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", ".."))     # not needed when hotload.py lies beside this file
import hotload

steps = [
    hotload.ReloadModules(),                        # what changed and what imports it, helpers first
    hotload.ReloadedPythonModule.from_module_name("report"),
    # A step of its own reloads its helper by hand, and needs no ReloadModules:
    hotload.ReloadedPythonModule.from_module_name("by_hand"),
]

if "--once" in sys.argv:
    for step in steps:
        step.run()
else:
    hotload.hotload(watch=[HERE], steps=steps)

# Output:
# report: 25
# by hand: 25
