class Noisy(object):
    log = []
    def __init__(self, n):
        self.n = n
        self.box = [n]
a = Noisy(1)
a = Noisy(2)
a = None
for i in range(6):
    x = [i]
    y = {'i': x}
    x = y = None
    z = Noisy(i)
    z.box.append(i)
def f():
    t = [1]
    t.append([2])
    return t[1]
for i in range(4):
    w = f()
    w.append(i)
    w = f()
del w
ids = []
for i in range(5):
    o = object()
    ids.append([i])
    del o
s = 'x'
for i in range(5):
    s = s + str(i)
