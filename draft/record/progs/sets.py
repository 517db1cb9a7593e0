s = {1, 2}
s.add(3)
s.add(3)
s.discard(9)
s.remove(1)
s |= {5, 6}
s &= {5, 6, 2}
s ^= {2, 7}
s -= {7}
s.update([8, (1, 2)], 'ab')
t = s
t.clear()
f = frozenset([1, 2])
t.add(f)
for i in range(4):
    t.add((i, i % 2))
    t.add(i * 2)
u = t.pop()
v = t.copy()
v.add('only v')
t.difference_update(v)
