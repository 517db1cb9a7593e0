log = []
def key(x):
    log.append(x)
    return -x
x = [3, 1, 2]
x.sort(key=key)
y = sorted(x, key=key)
z = max(x, key=lambda v: v % 3)
import functools
def cmp(a, b):
    log.append((a, b))
    return (a > b) - (a < b)
x.sort(key=functools.cmp_to_key(cmp))
w = list(map(lambda q: q * 2, x))
f = list(filter(key, x))
r = functools.reduce(lambda a, b: a + b, x)
class K(object):
    def __init__(self, v):
        self.v = v
        self.n = 0
    def __lt__(self, o):
        self.n += 1
        o.n += 1
        return self.v < o.v
    def __eq__(self, o):
        return self.v == o.v
    def __hash__(self):
        return hash(self.v)
ks = [K(3), K(1), K(2)]
ks.sort()
import heapq, bisect
heapq.heapify(ks)
heapq.heappush(ks, K(0))
t = heapq.heappop(ks)
bisect.insort(x, 2)
d = {K(5): 'five', K(6): [6]}
d[K(5)] = 'again'
s = {K(7), K(7), K(8)}
s.add(K(9))
d[K(6)].append(7)
