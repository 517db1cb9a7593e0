d = dict(a=1, b=[2])
for k in list(d):
    d[k + '2'] = d[k]
d['b'].append(3)
d.setdefault('z', {})['y'] = 1
d.setdefault('z', {})['x'] = [1]
d['z'].setdefault('l', []).append(4)
d.pop('a'); d.pop('nope', None)
d.update({'q': d}, r=5)
e = d.popitem()
d['b'], d['c'] = d.get('c'), d['b']
d['c'] = d.pop('c')
del d['b']
d = dict((i, [i]) for i in range(5))
for i in d:
    d[i].append(i)
    d[i] += [9]
    d[i] = d[i] + [8]
d[0], d[1] = d[1], d[0]
d[True] = 'one'
d[1.0] = 'uno'
d[(1, 2)] = d[0]
for k in [3, 2]:
    d[k] = d.pop(k)
n = None
d[n] = n
d.clear()
