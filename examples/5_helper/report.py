# Imports its helper as any module does. ReloadModules, the first step in launch.py, keeps it new.
from mymath import squares

print("report: %d" % squares(3, 4))
