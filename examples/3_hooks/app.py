# A program that does nothing when it is imported: launch.py says when it begins and when it ends.

greeting = "Hello"


def init(caller):
    print("init %s: %s" % (caller, greeting))


def shutdown():
    print("shutdown")
