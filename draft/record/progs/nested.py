a = [[1], {'k': [2]}]
a[0].append(3)
a[1]['k'][0] = 5
a[1]['k'] += [6, 7]
a[0] += [1]
b = a[1]
b['new'] = a
a[1]['k'][1:2] = 'xyz'
del a[0][0]
del b['k']
a.append(a)
a[2][0].insert(0, 'deep')
