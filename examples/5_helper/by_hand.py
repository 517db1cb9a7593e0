# Reloads its helper itself, every time. Good where it is always this one helper that you work on.
try:
    from importlib import reload        # Python 3.4 and newer
except ImportError:
    from imp import reload              # 2.7 (where it is a builtin as well) and 3.3

import mymath
reload(mymath)

print("by hand: %d" % mymath.squares(3, 4))
