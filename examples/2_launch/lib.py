# The module that launch.py loads again on every save.

x = 3
y = 4

print("a hypotenuse of %s" % (x * x + y * y) ** 0.5)
