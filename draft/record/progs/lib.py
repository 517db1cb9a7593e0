import random, heapq, bisect, copy, itertools, operator
random.seed(5)
x = list(range(8))
random.shuffle(x)
rng = random.Random(3)
rng.shuffle(x)
y = random.sample(x, 3)
h = []
for v in x:
    heapq.heappush(h, (v % 3, v))
while len(h) > 4:
    heapq.heappop(h)
heapq.heappushpop(h, (0, 0))
b = []
for v in x:
    bisect.insort(b, v)
    bisect.insort_left(b, -v)
c = copy.copy(b); dcopy = copy.deepcopy([b, b])
dcopy[0].append('x')
operator.setitem(b, 0, 'set')
operator.delitem(b, 1)
b = operator.iadd(b, [1])
it = iter(b)
next(it)
g = itertools.chain(b, x)
next(g)
m = list(map(b.append, [1, 2]))
n = list(filter(x.append, [5]))
any(map(x.append, [6, 0]))
for _ in map(x.append, 'ab'):
    pass
import functools
p = functools.partial(x.append, 'partial')
p()
p()
am = x.append
am('bound')
am('again')
setattr_ = {}
setattr_.update(zip('ab', [[1], [2]]))
e = sum([[1], [2]], [])
