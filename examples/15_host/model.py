# The module that launch.py loads again on every save. In Abaqus it would begin with `from abaqus import mdb`.

length, height, width = 4.0, 0.2, 0.1       # m
load, stiffness = 1000.0, 25.6e9            # N, N / m^2

print("a beam of length %s and height %s" % (length, height))
print("bends by %.1f mm" % (1000 * load * length ** 3 / (3 * stiffness * width * height ** 3 / 12)))
