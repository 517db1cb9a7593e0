# The helper.


def squares(x, y):
    return x * x + y * y
