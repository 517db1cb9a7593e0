# How do I start the loop from Python, where there is no command line?
#
#     python3 launch.py          then change lib.py and save; Ctrl-C ends it
#     python3 launch.py --once   runs the steps once
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", ".."))     # not needed when hotload.py lies beside this file
import hotload

watch = [hotload.listfiles(HERE, ext=".py")]        # new files are seen too
steps = [
    hotload.ClearTerminal(),                        # the newest output always stands at the top
    hotload.ReloadedPythonModule.from_module_name("lib"),
]

if "--once" in sys.argv:
    for step in steps:
        step.run()
else:
    hotload.hotload(watch=watch, steps=steps)

# Output:
# a hypotenuse of 5.0
