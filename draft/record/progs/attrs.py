class A(object):
    shared = []
    count = 0
    def __init__(self, v):
        self.v = v
        A.count += 1
        self.shared.append(v)
        type(self).last = self
a = A(1)
b = A([2])
b.v.append(3)
a.v, b.v = b.v, a.v
del a.v
a.other = b
b.other = a
setattr(a, 'dyn', [1])
a.dyn.append(2)
delattr(b, 'other')
a.__dict__['raw'] = 5
vars(a)['raw2'] = 6
a.__dict__ = {'fresh': [1]}
a.fresh.append(2)
A.shared = [9]
A.shared.append(a)
A.extra = {'k': 1}
A.extra['k'] = 2
del A.extra
class B(A):
    count = 10
B.count += 1
B.shared.append(0)
A.count += 5
class Borg(object):
    state = {}
    def __init__(self):
        self.__dict__ = self.state
p, q = Borg(), Borg()
p.x = 1
q.x += 1
q.y = [p]
p.y.append(q)
a.n = 0
for i in range(3):
    a.n += i
    a.l = [i]
    a.l += [i]
    a.l[0] = a
