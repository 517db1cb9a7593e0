import threading, io, re
f = io.StringIO() if False else open(__import__('os').devnull)
l = [f, threading.Lock(), re.compile('x'), (i for i in 'ab'), lambda: 1, iter([1]), type, len, object()]
l.append(l[0])
d = {'o': l[8], 'g': l[3]}
next(l[3])
it = l[5]
next(it)
m = map(str, [1])
z = zip([1], [2])
r = reversed([1])
sl = slice(1, 2)
mv = memoryview(b'abc')
class W(object):
    def __reduce__(self):
        raise TypeError('no')
    def __deepcopy__(self, memo):
        raise TypeError('no')
    def __eq__(self, other):
        raise TypeError('no')
    __hash__ = object.__hash__
    def __repr__(self):
        raise TypeError('no')
w = W()
w.me = w
l.append(w)
w.x = [w]
w.x.append(1)
q = {w: w}
f.close()
del l[0], d['g']
