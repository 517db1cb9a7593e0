import collections
from collections import deque, Counter, defaultdict, OrderedDict, namedtuple
q = deque([1, 2], maxlen=4)
q.append(3); q.append(4); q.append(5)
q.appendleft(0)
q.rotate(1)
x = q.popleft()
q.extend([7, 8]); q.extendleft([9])
q[0] = [1]
q[0].append(2)
r = deque()
for i in range(6):
    r.append(i)
    if i % 2:
        r.popleft()
    r.appendleft([i])
r.reverse(); r.remove([1]) if [1] in r else None
c = Counter('abca')
c['z'] += 1
c.update('zzz')
c.subtract('a')
del c['b']
m = c.most_common(1)
c += Counter('q')
dd = defaultdict(list)
dd['a'].append(1)
dd['a'].append(2)
n = dd['new']
dd['b'] += [3]
for w in 'the cat the dog'.split():
    dd[w].append(len(w))
    c[w] += 1
di = defaultdict(int)
for ch in 'hello':
    di[ch] += 1
dn = defaultdict(lambda: defaultdict(list))
dn['x']['y'].append(1)
dn['x']['z']
z = dn['q']['r']
if di['unseen'] == 0:
    pass
od = OrderedDict([('a', 1), ('b', 2), ('c', 3)])
od['d'] = 4
od['a'] = od.pop('a')
if hasattr(od, 'move_to_end'):
    od.move_to_end('b')
    od.move_to_end('d', last=False)
od.popitem()
od['b'] = [od]
del od['a']
P = namedtuple('P', 'x y')
p = P(1, [2])
p.y.append(3)
p = p._replace(x=5)
ch = dict(p=p)
