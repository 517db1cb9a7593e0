# How do I run the loop inside an application that embeds Python (Abaqus and its like)?
#
#     execfile("launch.py")                 at the application's prompt, in Python 2
#     exec(open("launch.py").read())        in Python 3; or however the application runs a script
#     python3 launch.py --once              outside of an application: one run
#
# A save of model.py runs it again, in the application. A new file named `stop` in this folder ends the loop.
import os
import sys

# The application may tell neither the path of a script nor its arguments: then the current folder counts.
HERE = os.path.dirname(os.path.abspath(__file__)) if "__file__" in globals() else os.getcwd()
STOP = os.path.join(HERE, "stop")
sys.path += [HERE, os.path.join(HERE, "..", "..")]  # the second: not needed when hotload.py lies in this folder
import hotload


def end_when_asked():
    if os.path.exists(STOP):
        os.remove(STOP)
        loop.stop()


loop = hotload.Loop(
    watch=[hotload.listfiles(HERE, ext=".py"), STOP],
    steps=[hotload.ReloadedPythonModule.from_module_name("model"), end_when_asked])

if "--once" in getattr(sys, "argv", []):
    loop.run()
    loop.close()
else:
    loop.forever()

# Output:
# a beam of length 4.0 and height 0.2
# bends by 12.5 mm
