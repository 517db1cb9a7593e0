import asyncio, dataclasses, enum, typing
@dataclasses.dataclass
class P:
    x: int
    y: list = dataclasses.field(default_factory=list)
p = P(1)
p.y.append(2)
p.x += 1
q = dataclasses.replace(p, x=9)
q.y.append(3)
class C(enum.Enum):
    R = 1
    G = 2
c = C.R
m = {C.R: [1], C.G: 2}
m[c].append(2)
first, *mid, last = range(5)
mid.append(9)
def kw(*a, k=[], **kw):
    k.append(a)
    kw['z'] = k
    return kw
kw(1, 2, b=3)
kw(*mid, **{'c': 1})
x: int = 5
y: typing.List[int] = []
y += [1]
s = f'{x!r:>4}{y}'
log = []
class Actx:
    async def __aenter__(self):
        log.append('ae')
        return self
    async def __aexit__(self, *a):
        log.append('ax')
async def agen():
    for i in range(3):
        log.append(i)
        yield i
async def worker(n, q):
    while True:
        item = await q.get()
        if item is None:
            break
        log.append((n, item))
        await asyncio.sleep(0)
async def main():
    q = asyncio.Queue()
    async with Actx() as a:
        async for v in agen():
            await q.put([v])
    ts = [asyncio.ensure_future(worker(i, q)) for i in range(2)]
    for _ in ts:
        await q.put(None)
    await asyncio.gather(*ts)
    r = [v async for v in agen()]
    return r
loop = asyncio.new_event_loop()
res = loop.run_until_complete(main())
loop.close()
del loop
def sub():
    got = yield from [1, 2]
    return log
def dele():
    r = yield from sub()
    r.append('ret')
list(dele())
b = {**m, 'n': 1}
(lambda z: z.append(1))(mid)
nested = [[i * j for j in range(2)] for i in range(2)]
nested2 = [v for row in nested for v in row]
t = 1, 2
*st, = t
try:
    try:
        raise KeyError(1)
    except KeyError as e:
        raise ValueError(2) from e
except ValueError as e2:
    ctx = e2
import contextlib
@contextlib.contextmanager
def cm(l):
    l.append('in')
    try:
        yield l
    finally:
        l.append('out')
with cm(mid) as inner:
    inner.append('body')
with contextlib.ExitStack() as es:
    es.callback(mid.append, 'cb')
    es.enter_context(cm(mid))
with contextlib.suppress(ZeroDivisionError):
    mid.append(1 // 0)
class Sup:
    def __init_subclass__(cls, **k):
        log.append(cls.__name__)
        cls.k = k
class Sub(Sup, a=1):
    pass
def nl():
    n = [0]
    m = 0
    def a():
        nonlocal m
        m += 1
        n[0] += 1
        def b():
            nonlocal m
            m *= 2
        b()
        return m
    a()
    x = a()
    return n, m, x
nl()
class SN:
    def __set_name__(self, o, n):
        log.append(n)
class HS:
    z = SN()
import types
ns = types.SimpleNamespace(a=1, b=[2])
ns.b.append(3)
ns.a = 5
