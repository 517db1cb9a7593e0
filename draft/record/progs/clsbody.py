class Meta(type):
    reg = []
    def __new__(mcs, name, bases, ns):
        cls = type.__new__(mcs, name, bases, ns)
        mcs.reg.append(name)
        return cls
    def __init__(cls, name, bases, ns, *_):
        cls.made = [name]
M = Meta('M', (object,), {'z': [1]})
M.z.append(2)
class Body(M):
    table = {}
    for i in range(3):
        table[i] = i * i
    del i
    x = [v for v in (1, 2)]
    def f(self):
        self.table['f'] = self
        return self
    y = x
    y.append(3)
    class Inner(object):
        z = 1
        w = [z]
        w.append(2)
b = Body().f()
Body.table['new'] = 1
Body.Inner.w.append(b)
Body.i = 5
Body.Inner.z += 1
made = M.made
made.append('x')
class WithProp(object):
    _n = 0
    @property
    def n(self):
        self._n += 1
        return self._n
    @classmethod
    def make(cls):
        cls.made = getattr(cls, 'made', 0) + 1
        return cls()
    @staticmethod
    def st(l):
        l.append(1)
l = []
w = WithProp.make()
w.n; w.n
WithProp.st(l)
w2 = WithProp.make()
