x = [3, 1, 2]
x.append(5); x.extend([7, 8])
x.insert(1, 'i')
x.remove('i')
y = x.pop()
z = x.pop(0)
x.sort()
x.sort(reverse=True)
x.reverse()
x *= 2
x += (1, 2)
x[1:3] = []
x[::2] = [0] * len(x[::2])
w = x.index(0), x.count(0)
x.__setitem__(0, 'dunder')
x.extend(x)
del x[-1], x[0]
x[len(x) - 1] = 'last'
x[-2] = 'prev'
for i, v in enumerate(x):
    x[i] = [v]
n = x
n += n
x = x + [1]
del x[:]
n.clear() if hasattr(n, 'clear') else None
