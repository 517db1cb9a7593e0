class L(list):
    def __init__(self, *a):
        super(L, self).__init__(*a)
        self.log = []
    def append(self, x):
        self.log.append(x)
        list.append(self, x)
    def twice(self):
        self.extend(self[:])
class D(dict):
    def __setitem__(self, k, v):
        self.last = k
        dict.__setitem__(self, k, v)
    def __missing__(self, k):
        self[k] = []
        return self[k]
class S(set):
    pass
class I(int):
    pass
class T(str):
    pass
class Tu(tuple):
    def __new__(cls, *a):
        return super(Tu, cls).__new__(cls, a)
x = L([1, 2])
x.append(3)
x.twice()
x += [9]
x[0] = x.log
x.log.append(0)
x.sort(key=str)
d = D()
d['a'] = 1
d['m'].append(2)
d.update(b=5)
d['b'] += 1
del d['a']
d.setdefault('q', []).append(1)
s = S([1])
s.add(2)
s.tag = 'x'
s |= {5}
i = I(5)
i.note = ['n']
i.note.append(i + 1)
t = T('abc')
t.u = t.upper()
tu = Tu(1, [2])
tu[1].append(3)
tu.attr = tu
class E(Exception):
    def __init__(self, a):
        Exception.__init__(self, a)
        self.extra = [a]
try:
    raise E('oops')
except E as e:
    e.extra.append(1)
    keep = e
keep.extra.append(2)
keep.args = ('changed',)
class Q(object):
    pass
class Stack(list):
    def push(self, v):
        self.append(v)
st = Stack()
for k in range(4):
    st.push([k])
st.pop().append(1)
while st:
    st.pop()
