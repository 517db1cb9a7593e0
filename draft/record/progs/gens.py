def gen(n, box):
    try:
        for i in range(n):
            box.append(i)
            got = yield i
            if got:
                box.append(got)
    finally:
        box.append('end')
b1, b2 = [], []
g1, g2 = gen(3, b1), gen(3, b2)
next(g1); next(g2)
x = next(g1)
y = g2.send('hi')
for v in g1:
    b2.append(v)
g2.close()
def walk(t):
    if t:
        for v in walk(t[0]):
            yield v
        yield t[1]
        for v in walk(t[2]):
            yield v
tree = ((None, 1, None), 2, (None, 3, None))
out = []
for v in walk(tree):
    out.append(v)
    if v == 2:
        break
def first():
    g = gen(5, b1)
    return next(g)
f = first()
z = list(gen(2, b2))
s = sum(i for i in gen(3, b1))
p = dict(zip('ab', gen(2, b1)))
def inf():
    n = 0
    while True:
        yield n
        n += 1
i = inf()
for a in i:
    if a > 2:
        break
def thrower():
    while True:
        try:
            yield b1
        except ValueError as e:
            b1.append(str(e))
t = thrower()
next(t)
t.throw(ValueError('x'))
t.throw(ValueError('y'))
next(t)
del t
