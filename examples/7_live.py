# How does a program that runs get new code, without starting again and without losing its objects?
#
#     hotload --live game.py        patches game.py and its modules on every save, while they run
#
# Here the program saves its own module, and asks for the patch itself.
from __future__ import print_function
import io
import os
import shutil
import sys
import tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import hotload

TEXT = u'''class Dog(object):
    def speak(self):
        return "%s says wuff" % self.name
'''
folder = os.path.realpath(tempfile.mkdtemp())
sys.path.insert(0, folder)
with io.open(os.path.join(folder, "dogs.py"), "w") as stream:
    stream.write(TEXT)
patch = hotload.LivePatch(folder)                   # the modules that lie in this folder
import dogs

rex = dogs.Dog()
rex.name, speak = "Rex", rex.speak                  # an object, and a method that somebody else may hold
print(speak())
with io.open(os.path.join(folder, "dogs.py"), "w") as stream:
    stream.write(TEXT.replace(u"wuff", u"woof"))    # as your editor would
print("\n".join(str(change) for change in patch.apply()))
print(speak(), "-", "the same object:", rex.speak())
shutil.rmtree(folder)

# Output:
# Rex says wuff
# Update dogs.Dog.speak
# Rex says woof - the same object: Rex says woof
