import sys
code = """
if (n := 5) > 3: y = [n]
while (n := n - 1) > 2:
    y.append(n)
z = [w := i for i in range(3)]
def f(a, /, b, *, c): return [a, b, c]
r = f(1, 2, c=3)
"""
if sys.version_info >= (3, 8):
    pass
big = 10 ** 40
big += 1
small = -7
text = 'a' * 10
text += 'b' * 5
u = 'h\xe9llo \u20ac'
fl = 0.1 + 0.2
fl -= 0.3
nan = float('nan')
ls = [nan, nan]
ls[0] = nan
cx = 1j ** 2
bits = 1
for i in range(70):
    bits <<= 1
bits = bits // 3
none = None
none = not none
