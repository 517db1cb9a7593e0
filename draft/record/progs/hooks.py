class D(object):
    def __get__(self, obj, cls):
        if obj is None:
            return self
        obj.gets += 1
        return obj.__dict__.get('_x')
    def __set__(self, obj, v):
        obj.sets.append(v)
        obj.__dict__['_x'] = v
class H(object):
    x = D()
    def __init__(self):
        self.gets = 0
        self.sets = []
        self.items = {}
    def __getattr__(self, name):
        self.gets += 100
        return [name]
    def __getitem__(self, k):
        return self.items.setdefault(k, [])
    def __setitem__(self, k, v):
        self.items[k] = v
    def __delitem__(self, k):
        del self.items[k]
    def __contains__(self, k):
        self.gets += 1
        return k in self.items
    def __iter__(self):
        for k in sorted(self.items):
            yield k
    def __len__(self):
        self.gets += 1
        return len(self.items)
    def __call__(self, *a, **k):
        self.items.update(k)
        return self
    def __enter__(self):
        self.sets.append('in')
        return self
    def __exit__(self, *a):
        self.sets.append('out')
    def __eq__(self, o):
        self.gets += 1
        return True
    def __hash__(self):
        return 5
    def __add__(self, o):
        self.sets.append(o)
        return self
    def __iadd__(self, o):
        self.sets.append(('i', o))
        return self
    def __repr__(self):
        self.gets += 1
        return 'H'
h = H()
h.x = 1
h.x += 1
v = h.missing
h['a'].append(1)
h['a'].append(2)
h['b'] = 5
h['b'] += 1
del h['b']
w = 'a' in h
l = [k for k in h]
if h:
    pass
h(z=[1])(y=2)
h.items['z'].append(3)
with h as g:
    g['w'].append('w')
u = h == 5
d = {h: 'key'}
d[h] = 'again'
h2 = h + 1
h += 2
s = '%r' % h
h['a'] += [7]
h['n'][:] = [1, 2]
