# How do I call my program's own start and end around each reload?
#
#     python3 launch.py          then change the greeting in app.py and save; Ctrl-C ends it
#     python3 launch.py --once   loads it twice, as one save would
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", ".."))     # not needed when hotload.py lies beside this file
import hotload


class App(hotload.ReloadedPythonModule):
    def pre_reload_hook(self, module):              # before a reload: the old program is still there
        module.shutdown()

    def post_reload_hook(self, module):             # after it: the new one is
        module.init("from launch.py")


step = App.from_module_name("app")

if "--once" in sys.argv:
    step.run()
    step.run()
else:
    hotload.hotload(watch=[HERE], steps=[step])

# Output:
# init from launch.py: Hello
# shutdown
# init from launch.py: Hello
