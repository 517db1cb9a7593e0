class O(object):
    pass
o = O()
o.l = [0, 0, 0]
d = {}
i = 0
i, o.l[i] = 1, 2
o.l[i], i = 5, 2
o.l[i], o.a, d['k'], (x, y) = 1, [2], 3, (4, 5)
for o.b in range(2):
    d[o.b] = o.b
for d['x'], o.l[1] in [(1, 2), (3, 4)]:
    pass
for o.l[o.l[0] % 3] in 'ab':
    pass
[q, [r, s]] = 1, (2, 3)
a = b = c = [1]
b += [2]
c = c + [3]
o.l[0] += 5
o.l[-1] -= 1
d['k'] *= 2
o.a += [1]
x, y = y, x
z = [1, 2, 3]
z[0], z[1], z[2] = z[2], z[0], z[1]
z[z[0] - 3] = 'w'
m = [[0] * 3 for _ in range(3)]
for r in range(3):
    for s in range(3):
        m[r][s] = r * s
        m[s][r] += 1
m[0], m[1] = m[1], m[0]
m[0][0], m[1][1] = m[1][1], m[0][0]
with open(__import__('os').devnull) as o.f:
    pass
del o.f, d['k'], m[0][0], x
del (y, z)
n = {}
n['a'] = n['b'] = []
n['a'].append(1)
p = [n['a'], n['b']]
p[0].extend(p[1])
t = ([], {})
t[0].append(1); t[1]['z'] = t[0]
node = root = {}
for ch in 'abc':
    node = node.setdefault(ch, {})
node['end'] = True
stack = [[1, [2, [3]]]]
while stack:
    top = stack.pop()
    if isinstance(top, list):
        stack.extend(top)
queue = [0]
seen = set(queue)
graph = {0: [1, 2], 1: [3], 2: [3], 3: []}
while queue:
    v = queue.pop(0)
    for w in graph[v]:
        if w not in seen:
            seen.add(w)
            queue.append(w)
