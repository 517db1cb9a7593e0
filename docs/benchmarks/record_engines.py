"""Random programs in which all kinds of statements change what others hold: are both engines exact?

    python record_engines.py FIRST_SEED HOW_MANY [async]

With `async` the programs are those of async functions. The steps and states of engine="rewrite" are compared with those
of engine="trace", one by one. Prints what differs, with the seed; with one seed the program, too. A program that the
rewriting engine leaves to the other counts as left.
"""
from __future__ import print_function
import os
import random
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
import hotload                                                                    # noqa: E402
import test_hotload                                                               # noqa: E402

HEAD = '''import random, heapq, bisect, collections, copy, itertools, functools, math, operator, re
from collections import deque, OrderedDict, Counter, namedtuple
random.seed(3)
P = namedtuple('P', 'x y')
class O(object):
    total = 0
    def __init__(self, v=0):
        self.v, self.kids = v, []
        O.total += 1
    def add(self, x):
        self.kids.append(x)
        return self
    @property
    def top(self):
        log.append('top')
        return a
    @staticmethod
    def st(x):
        x.append(1)
        return x
    @classmethod
    def make(cls, v):
        cls.last = v
        return cls(v)
    def __getitem__(self, k):
        return self.kids[k]
    def __setitem__(self, k, v):
        self.kids[k:k + 1] = [v]
    def __iter__(self):
        for k in self.kids:
            yield k
    def __call__(self, x):
        self.v = x
        return a
    def __iadd__(self, x):
        self.kids.append(x)
        return self
class H(object):
    __slots__ = ('p', 'q')
    def __init__(self, p):
        self.p = p
class S(list):
    pass
class M(S):
    def append(self, x):
        S.append(self, x)
        self.n = len(self)
class D(dict):
    def __missing__(self, k):
        self[k] = [k]
        return self[k]
class E1(Exception):
    def __init__(self, v):
        Exception.__init__(self, v)
        self.v = v
def f(x, y=None):
    x.append(y)
    return x
def push2(x):
    a.append(x)
    return x
def fact(n):
    return 1 if n < 2 else n * fact(n - 1)
def count(n):
    i = 0
    while True:
        if i >= n:
            return
        got = yield i
        if got:
            log.append(got)
        i += 1
def grow(box, n):
    for i in range(n):
        box.append(i)
        yield len(box)
    box.append('done')
def fin(n):
    try:
        if n % 3 == 0:
            raise KeyError(n)
        if n % 3 == 1:
            return n
    except KeyError as e:
        log.append(str(e))
        if n > 5:
            raise
    finally:
        log.append("fin")
    return -n
def mk():
    box = []
    def push(x):
        box.append(x)
        return len(box)
    return push, box
def swap(p, q):
    p[:], q[:] = q[:], p[:]
def acc(x, into=[]):
    into.append(x)
    return into
push, pbox = mk()
log = []
a, b, c = [1], [[2], 3], [O()]
d, o, s = {}, O(), set()
h, m, dd, cn, od, dq = H(1), M([1]), D(), Counter('ab'), OrderedDict(), deque([1], maxlen=4)
dfl, ba, t, gg = collections.defaultdict(list), bytearray(b'abc'), (a, b), count(3)
q = S([1])
o.l = a
n = 0
class W(object):
    def __enter__(self):
        log.append("in")
        return self
    def __exit__(self, *e):
        log.append("out")
        return e[0] is KeyError
'''

# Separated by ;; and with ~ for the end of a line. {0}, {1}: a, b or c; {E}: an expression. What this Python cannot
# compile is left out.
EXPRESSIONS = r'''
    n ;; a ;; b ;; c ;; len({0}) ;; n % 3 ;; [n, {0}] ;; {{n: {0}}} ;; o.v ;; fact(n % 5) ;;
    [x for x in range(n % 4)] ;; sum(x for x in range(n)) ;; (n, {0}) ;; list(count(n % 3)) ;;
    sorted(map(str, range(3))) ;; {1}[-1] ;; d.get(n) ;; "%s" % n ;; n if n % 2 else {0} ;; not {0} or n ;;
    [y for x in ([1, n], [2]) for y in x if y] ;; (lambda z: z + n)(1) ;; push(n) ;; str(n).upper() ;; {0}.pop() ;;
    {0}.append(n) or n ;; f({0}, n) ;; push2(n) ;; o.top ;; o.st({0}) ;; O.make(n).v ;; o(n) ;;
    list(grow({0}, n % 3)) ;; dd[n % 4] ;; dfl[n % 3] ;; d.setdefault(n, {0}) ;; d.pop(n, {0}) ;;
    heapq.heappop([n, 1]) ;; next(gg, None) ;; copy.copy({0}) ;; copy.deepcopy({0}) ;; P(n, {0}) ;; {0}[:] ;;
    tuple({0}) ;; {0} + [n] ;; {0} * 1 ;; (a.append(n), b.append(n), a)[2] ;;
    max({0}, key=lambda z: isinstance(z, int)) ;;
    [push2(z) for z in range(n % 3)] ;; list(map(push2, range(n % 3))) ;; sum([push(z) for z in (1, 2)]) ;; acc(n) ;;
    O(n) ;; H({0}) ;; set([n]) ;; frozenset([n]) ;; cn.most_common(1) ;; any(push(z) for z in (0, 1)) ;;
    (yieldless() if n > 99 else n) ;; o.add(n).add({0}).kids ;; {0} is {1} ;; n in {0} ;; {0}.index(n) ;;
    {0}.count(n) ;; sorted({0}, key=lambda z: log.append(1) or 0) ;; dict(k={0}) ;; dict([(n, {0})]) ;;
    list(zip({0}, {1})) ;; list(enumerate({0})) ;; vars(h2())["x"] if n > 50 else 1 ;;
    re.sub("a", lambda k: str(push(n)), "aba") ;; functools.reduce(lambda x, y: x + [y], range(n % 3), []) ;;
    isinstance({0}, list) ;; getattr(o, "v") ;; hasattr(o, "top") ;; math.floor(n) ;; random.random() ;;
    random.choice([1, {0}]) ;; operator.itemgetter(0)({0}) ;; "".join(str(z) for z in range(2)) ;;
    list(reversed({0})) ;; type({0})(n for n in [1]) ;; bool({0}) ;; id({0}) > 0 ;; {0}.extend([n]) or {0} ;; o.kids ;;
    t ;; t[0] ;; h.p ;; m ;; len(dq) ;; od ;; len(ba) ;; -n ;; n ** 2 ;; {0} == {1} ;; min(n, 2) ;; divmod(n, 2)
'''
STATEMENTS = r'''
    {0}.append({E}) ;; {0} = {1} ;; {0} = [{1}, n] ;; {0} += [n, {E}] ;; {0}[n % len({0})] = {E} ;;
    {0}.insert(0, {E}) ;; {0}.reverse() ;; {0}[1:] = {1}[:2] ;; d[n % 3] = {E} ;;
    d.setdefault(n % 4, []).append({0}) ;; o.l = {0} ;; o.l.append({E}) ;; o.m = o ;; o.l, {0} = {0}, o.l ;;
    f({0}, {1}) ;; f({0}) ;; {0} = f(list({1}[:3]), n) ;; d.pop(n % 3, None) ;; d.clear() ;;
    {0} = [x for x in {1} if x is not None][:5] ;; {0}.extend({1}[:2]) ;; {0}.pop() ;; {0} = {0} + [n] ;;
    {0} = list({0}) ;; del d[n % 3] ;; {0}[99] ;; {0}[0], {1}[-1] = {1}[-1], {0}[0] ;; vars(o)["k"] = {0} ;;
    o.k = {E} ;; s.add(n % 4) ;; s.add((n, "t")) ;; s.discard(n % 3) ;; s |= set([n]) ;; q.append({E}) ;; q[0] = n ;;
    q.extend([n]) ;; o.add({E}) ;; o.add({0}).add(n) ;; o.kids[-1:] = [n] ;; x = {0}.pop() if len({0}) > 1 else None ;;
    fin(n) ;; log.append(fin(n)) ;; d[n] = d.get(n, 0) + 1 ;; d[n] += 1 ;; o.v *= 2 ;; del {0}[0] ;; del {0}[::2] ;;
    random.shuffle({0}) ;; {0}[:] = [n] ;; push({E}) ;; o = O({E}) ;; i, {0}[i % 1] = 0, n ;;
    d["z"], o.z, y = {0}, n, {E} ;; for d[n] in range(2): log.append(n) ;; for w, u in zip({0}, {1}): log.append(n) ;;
    del o.k ;; c.append(O({E})) ;; globals()["g%d" % (n % 3)] = {0} ;; t = {0} = {E} ;; o.__dict__["dyn"] = {E} ;;
    setattr(o, "sa", {E}) ;; assert {E} ;; {0} = {E} ;; {E} ;; {E}, {E} ;; x = [{E}, {E}] ;; x = {E} if {E} else {E} ;;
    f({0}, {E}) ;; f({E}, {E}) ;; h.p = {E} ;; h.q, h.p = h.p, {E} ;; del h.q ;; h.p.append({E}) ;; m.append({E}) ;;
    m[0] = {E} ;; m.extend([n]) ;; dd[n % 3].append({E}) ;; dd[n] = {E} ;; del dd[n] ;; dfl[n % 3].append({E}) ;;
    dfl[{0}[0]] ;; cn[n % 3] += 1 ;; cn.update([n]) ;; cn.subtract("a") ;; od[n % 3] = {E} ;; od.pop(n % 3, None) ;;
    od.popitem() if od else 0 ;; dq.append({E}) ;; dq.appendleft(n) ;; dq.popleft() ;; dq.rotate(1) ;;
    dq.extend([n, {E}]) ;; ba.append(n) ;; ba[0] = n ;; ba += b"x" ;; ba.reverse() ;; del ba[:1] ;;
    heapq.heappush(pbox, n) ;; heapq.heapify(pbox) ;; bisect.insort(log, "k") ;; swap({0}, {1}) ;; acc({E}) ;;
    O.total += 1 ;; O.extra = {E} ;; del O.extra ;; o.st({0}) ;; O.make({E}) ;; o.top.append({E}) ;; o[0] = {E} ;;
    o += {E} ;; o.kids += [{E}] ;; o.kids[0] += 1 ;; {0}[-1] += 1 ;; {0}[0].append({E}) ;; x, (y, z) = n, ({E}, {E}) ;;
    x = y = {E} ;; ({0})[0] = {1}[0] = {E} ;; {0}.sort(key=id) if 0 else {0}.reverse() ;;
    {0}.sort(key=lambda z: log.append(len({0})) or 0) ;; {0}.extend(grow({0}, n % 3)) ;;
    {0}.extend(z for z in range(2)) ;; {0}.extend(map(push2, range(2))) ;; {0} += grow({1}, 2) ;;
    s.update([n], (7,)) ;; s.add(frozenset([n % 2])) ;; s.discard(frozenset([n % 2])) ;; d[frozenset([n % 2])] = {E} ;;
    d[(n % 2, "k")] = {E} ;; d[n % 2, (1, n % 2)] = {E} ;; d[float(n % 3)] = {E} ;; d[True] = {E} ;;
    d.update({{n: {E}}}) ;; d.update(k={E}) ;; d = dict(d) ;; for x in grow({0}, 3): log.append(x) ;;
    for x in grow({0}, 3):~    break ;; for k in list(d): d.pop(k) ;; for x in o: log.append(x) ;;
    for o.it in range(2): pass ;; for {0}[0], y in [(1, n), (2, {E})]: pass ;; while len({0}) > 3: {0}.pop() ;;
    gg = count(n % 4) ;; next(gg) ;; gg.send(n) ;; gg.close() ;; raise E1({E}) ;; raise KeyError(n) ;; 1 // 0 ;;
    x = {{}}; x[n] = x; d["x"] = x ;; {0}.append({0}) ;; t = ({0}, {{n: {1}}}) ;; t[0].append({E}) ;; t[1][n] = {E} ;;
    e1 = E1({E}); e1.w = {E} ;; e1.v = {E} ;; e1.args = (n, {0}) ;; del x ;; del a[0], b[0] ;; zz = {E} ;;
    x = o.v = {0}[0] = {E} ;; lst = [[] for _ in range(2)]; lst[0].append({E}) ;;
    r = [p for p in [{0}, {1}]]; r[0].append(n) ;; p = P(n, {0}); p.y.append(n) ;;
    x = copy.copy(o); x.kids.append(n) ;; x = copy.deepcopy(c); x.append(n) ;; x = O.__new__(O); x.u = {E} ;;
    x = type("T", (O,), {{"k": n}}); x.k = {0} ;; fn = lambda z=[]: z.append(n) or z~fn().append({E}) ;;
    fn = {0}.append(n) ;; list.append({0}, n) ;; list.__setitem__({0}, 0, n) ;; dict.__setitem__(d, n, {E}) ;;
    object.__setattr__(o, "z", {E}) ;; {0}.__setitem__(0, {E}) ;; {0}.__delitem__(0) ;; {0}.__iadd__([n]) ;;
    {0}.__init__([n, {E}]) ;; d.__init__(z=n) ;; operator.setitem({0}, 0, {E}) ;; getattr({0}, "append")(n) ;;
    x = {0}.copy() if n < 0 else {0}[:] ;; {0}.remove(n) ;; {0} *= 2 ;; del {0}[3:] ;; x = {0}.pop(0) ;;
    x = d.pop(n % 3) ;; n2 = n; n2 = d.pop(n2, 1) ;; n2 = n % 3; n2 = d.setdefault(n2, 5) ;; x = s.pop() ;;
    if {0}.append(n) or {E}: log.append(1) ;; while {0}.pop(): log.append(1) ;; assert {0}.append(n) is None ;;
    return_ = {0}.append(n), f({1}, n) ;; f({0}, {1}.append(n)) ;; {0}.append(1); f({0}); {0}.append(2) ;;
    push2(push2(n)) ;; x = push2(n) + len({0}) ;; {0}[f({1}, 0)[0] if 0 else 0] = {E} ;; {0}[push2(0)] = {E} ;;
    {0}[push2(0):] = [{E}] ;; o.add(push2(n)).k = {E} ;; f({0}).append(push2(n)) ;; f({0})[0] = f({1})[-1] ;;
    d[push2(n % 2)] += push2(1) ;; f({0})[0] += [1] ;; x = [z for z in a if b.append(0) is None] ;;
    x = {{z: push2(z) for z in range(2)}} ;; x = {{push2(z) for z in range(2)}} ;;
    x = list(push2(z) for z in range(2)) ;; with W() as w0, W(): {0}.append({E}) ;;
    sorted({0}, key=lambda z: {1}.append(0) or 0) ;; functools.partial(f, {0})(n) ;; itertools.chain({0}, {1}) ;;
    x = list(itertools.chain(grow({0}, 2), grow({1}, 1))) ;; x = iter({0}); next(x) ;;
    x = max({0}, {1}, key=lambda z: {0}.append(0) or len(z)) ;; x = min([{0}], key=f) ;;
    x = [f(z) for z in [{0}, {1}]] ;; list(map(f, [{0}, {1}])) ;; x = list(filter(f, [{0}, {1}])) ;;
    print_ = str(o) and repr({0}) and 1 ;; x = "%s" % ({0},) and 1 ;; x = collections.deque({0}); x.append(n) ;;
    x = sum([{0}, {1}], []) ;; x = {0} and {1} and {E} ;; x = {0} or f({0}) ;; x = not f({0}) ;;
    x = n < len(f({0})) < n + 5 ;; x = ({0}.append(n), len({0})) ;; x = [{0}.pop(), {0}.append(n), {0}[:]] ;;
    x = {0}[:] + ({0}.append(n) or []) ;; x = dict(a={0}.append(n), b=list({0})) ;; x = lambda: {0}.append(n)~x() ;;
    x = f~x({0}) ;; x = O.add~x(o, {E}) ;; x = o.add~x({E}) ;; x = {0}.__len__() ;; o.fn = f~o.fn({0}, n) ;;
    o.cb = lambda z: {1}.append(z)~o.cb(n) ;; O.add2 = lambda self, z: self.kids.append(z)~o.add2(n) ;;
    exec("e = n") ;; exec("a.append(n)") ;; eval("a.append(5)") ;;
    {0}.clear() ;; d |= {{n: {E}}} ;; x, *y = {0} ;; *x, {0}[0] = {1} ;; a[0], *o.rest = {1} ;; od.move_to_end(n) ;;
    def gn():~    yield from grow({0}, 2)~x = list(gn()) ;;
    def nl():~    k = []~    def go():~        nonlocal k~        k = k + [n]~    go(), k, go()~    return k~x = nl() ;;
    x = sorted({0}, key=lambda z: str(type(z)), reverse=True) ;; print(n, {0}, sep="") ;; f(*[{0}, n]) ;;
    f(**{{"x": {0}, "y": n}}) ;;
    if (x := {E}): log.append(1) ;; x = (y := {0}).append(n) or y ;; print([y := 1, y ** 2])
'''


ASYNC_HEAD = '''import asyncio, sys, types
async def gather(*many, **how):
    many = [spawn(v) for v in many]
    return await asyncio.gather(*many, **how) if sys.version_info > (3, 7) else [await v for v in many]
async def leaf(v):
    await asyncio.sleep(0)
    return v
async def quick(v):
    return v
async def deep(v):
    log.append('deep')
    w = await leaf(v)
    return await quick(w)
async def fails(v):
    await asyncio.sleep(0)
    raise KeyError(v)
async def stays(v):
    try:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        log.append(v)
    except asyncio.CancelledError:
        log.append('cancelled')
        if v % 3 == 0:
            raise
        if v % 3 == 1:
            await asyncio.sleep(0)
    finally:
        log.append('end')
    return v
async def agen(v):
    try:
        for i in range(v):
            if i % 2:
                await asyncio.sleep(0)
            got = yield i
            if got:
                log.append(got)
    finally:
        log.append('agen')
async def agen2(v):
    async for i in agen(v):
        yield [i]
@types.coroutine
def old(v):
    w = yield from asyncio.sleep(0).__await__()
    return v
class Aw(object):
    def __init__(self, v):
        self.v = v
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return self.v
class Now(object):
    def __await__(self):
        return iter(())
class AW(object):
    async def __aenter__(self):
        log.append('in')
        await asyncio.sleep(0)
        return self
    async def __aexit__(self, *e):
        log.append('out')
        if n % 2:
            await asyncio.sleep(0)
        return e[0] is KeyError
class AI(object):
    def __init__(self, v):
        self.left = v
    def __aiter__(self):
        return self
    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        if n % 2:
            await asyncio.sleep(0)
        return [self.left]
async def inner_return(v):
    async with AW():
        for i in range(3):
            async with AW() as w:
                if i == v:
                    return w
                if i > v:
                    break
        else:
            log.append('else')
    return v
async def shares(v):
    total = 0
    async def adds(k):
        nonlocal total
        for i in range(2):
            await asyncio.sleep(0)
            total += k
        return total
    got = await gather(adds(1), adds(v))
    return got, total, await adds(1)
async def feeds(q, v):
    for i in range(v):
        await q.put([i])
    await q.put(None)
async def eats(q, into):
    while True:
        item = await q.get()
        if item is None:
            return len(into)
        into.append(item)
async def passes(v):
    try:
        return await v
    except KeyError as e:
        log.append(str(e))
        raise ValueError(n)
    finally:
        await asyncio.sleep(0)
def spawn(v):
    return asyncio.ensure_future(v)
'''

ASYNC_EXPRESSIONS = r'''
    n ;; {0} ;; push(n) ;; f({0}, n) ;; o.top ;; dd[n % 4] ;; [n, {0}] ;; await leaf(n) ;; await quick({0}) ;;
    await deep(n) ;; await Aw({0}) ;; await Now() ;; await old(n) ;; await leaf(await quick(n)) ;;
    (await leaf(n), {0}) ;;
    [await leaf(z) for z in range(n % 3)] ;; [z async for z in agen(n % 3)] ;; {{z: await quick(z) for z in (1, 2)}} ;;
    {{z async for z in agen(n % 3)}} ;; [z for z in [1, 2] if await quick(z)] ;; await spawn(leaf(n)) ;;
    [push2(z) async for z in agen(2)] ;; sum([await leaf(z) for z in range(n % 3)]) ;;
    await gather(leaf(n), deep(2)) ;; await asyncio.wait_for(leaf({0}), 9) ;; await inner_return(n % 4) ;;
    await shares(n) ;; await passes(leaf({0})) ;; await passes(fails(n)) ;; await AI(2).__anext__() ;;
    await agen(2).asend(None) ;; await agen(2).__anext__() ;; n if await quick(n % 2) else {0} ;;
    await quick(n % 2) and await leaf({0}) ;; not await quick(n) ;; push(await leaf(n)) ;; f({0}, await leaf(n)) ;;
    push2(push2(await leaf(n))) ;; o.add(await quick({0})).kids ;; dict(k=await quick({0})) ;; f(*[await leaf({0})]) ;;
    f(**{{"x": await quick({0})}}) ;; copy.copy(await leaf({0})) ;; {0}[await quick(0)] ;; str(await leaf(n)) ;;
    await gather(fails(n), leaf(1), return_exceptions=True) ;; sorted(await leaf([2, 1])) ;;
    await fails(n)
'''
ASYNC_STATEMENTS = r'''
    {0}.append({E}) ;; {0} = [{1}, n] ;; {0} += [n, {E}] ;; {0}[n % len({0})] = {E} ;; {0}[1:] = {1}[:2] ;;
    d[n % 3] = {E} ;; d.setdefault(n % 4, []).append({E}) ;; o.l = {E} ;; o.l, {0} = {0}, o.l ;; f({0}, {1}) ;;
    {0}.extend({1}[:2]) ;; {0}.pop() ;; d[await quick(n)] += await leaf(1) ;; o.v += await leaf(1) ;;
    {0}[-1:] = await leaf([n]) ;; x, y = {E}, {E} ;; x, (y, z) = n, ({E}, {E}) ;; x = {E} ;; {E} ;; x = [{E}, {E}] ;;
    (await leaf({0})).append(n) ;; (await leaf(o)).k = {E} ;; (await leaf({0}))[0] = {E} ;; del (await leaf({0}))[0] ;;
    {0}.append({1}.append(n) or await leaf({0})) ;; heapq.heappush(pbox, await leaf(n)) ;; s.add(await quick(n)) ;;
    x = {0}.pop() if await quick(n) else await leaf(n) ;; d.update(k=await leaf({0})) ;; acc(await leaf({0})) ;;
    log.extend([await quick(1), await leaf(2)]) ;; assert await leaf(n), await quick(1) ;; raise E1(await leaf(n)) ;;
    raise KeyError(n) ;; await fails(n) ;; {0}[99] ;; tt = spawn(stays(n)) ;; tt.cancel() ;; await tt ;;
    tt = spawn(stays(n))~await asyncio.sleep(0)~tt.cancel()~x = await tt ;;
    tt = spawn(passes(stays(n)))~await asyncio.sleep(0)~tt.cancel()~x = await tt ;;
    tt = spawn(passes(passes(stays(n))))~await asyncio.sleep(0)~tt.cancel()~x = await tt ;;
    x = spawn(leaf({0}))~{0} = [n]~(await x).append({1}) ;;
    x = [spawn(deep(z)) for z in range(2)]~y = [await z for z in x] ;;
    x = asyncio.Queue(2)~y = spawn(feeds(x, n % 4))~await eats(x, {0})~await y ;;
    async for z in agen(3): log.append(z) ;; async for z in agen2(n % 4): {0}.append(z) ;;
    async for z in AI(2): z.append({E}) ;; async for d[n] in agen(2): log.append(n) ;;
    async for z in agen(3):~    if z == 1: break~    await leaf(z)~else:~    log.append("else") ;;
    async for z in AI(3):~    if n % 2: continue~    {0}.append(z)~else:~    log.append("else") ;;
    async for z in {0}: pass ;; async for z, y in agen(2): pass ;; await {0} ;;
    async with AW() as w0: {0}.append({E}) ;; async with AW() as w0, AW() as o.w: {0}.append({E}) ;;
    async with AW():~    raise KeyError(n) ;; async with AW():~    raise E1({E}) ;; async with {0}: pass ;;
    with W(), W() as w1: x = {E} ;; async with asyncio.Lock(): {0}.append({E}) ;;
    for z in range(3):~    async with AW():~        if z == n % 3: break~        if z: continue~        log.append(z) ;;
    for z in range(3):~  with W():~    async with AW():~      try:~        if z: break~      finally:~        push(z) ;;
    for z in range(2):~    async with AW():~        with W():~            if z: break~            continue ;;
    x = agen(3)~await x.asend(None)~await x.asend({E}) ;; x = agen(3)~await x.asend(None)~await x.aclose() ;;
    x = agen(3)~await x.asend(None)~await x.athrow(KeyError) ;; x = leaf(n)~x.send(None)~x.close() ;;
    x = deep(n)~x.send(None)~x.send(None) ;; x = passes(leaf(n))~x.send(None)~x.throw(KeyError) ;;
    x = passes(stays(n))~x.send(None)~x.throw(asyncio.CancelledError) ;; x = leaf({0})~await x~await x ;;
    async def k(v=[]):~    v.append(await leaf(n))~    return v~x = await k() ;;
    async def k(*v):~    for z in v: z.append(await quick(n))~    yield v~async for x in k({0}, {1}): pass ;;
    try:~    await fails(n)~except KeyError as e:~    x = e.args~finally:~    await leaf(n) ;;
    while await quick(len({0}) > 2): {0}.pop() ;; if await quick({0}) and push2(n): log.append(1) ;;
    for z in await leaf([1, 2]): push2(z) ;; with await leaf(W()): log.append(n) ;;
    return_ = lambda: {0}~return_().append({E}) ;; x = [{0}.append(await leaf(1)), {0}[:]] ;;
    x = {0}[:] + (await leaf({0}.append(n)) or []) ;; x = f"{{await leaf(n)}}"
'''


def forms(text):
    """The list of forms in one of the texts above."""
    return [part.strip() for part in text.strip().split(';;')]


class Maker(object):
    """Makes the text of a program from a seed."""

    frame = 'if 1:\n %s'                        # what statements stand in

    def __init__(self, seed):
        self.pick = random.Random(seed)
        self.expressions, self.statements = forms(EXPRESSIONS), forms(STATEMENTS)

    def expression(self):
        """A random one."""
        return self.pick.choice(self.expressions).format(self.pick.choice('abc'), self.pick.choice('abc'))

    def simple(self, indent):
        """The lines of a random statement that holds no others."""
        while True:
            form = self.pick.choice(self.statements)
            while '{E}' in form:
                form = form.replace('{E}', self.expression().replace('{', '{{').replace('}', '}}'), 1)
            lines = form.format(self.pick.choice('abc'), self.pick.choice('abc')).split('~')
            try:
                compile(self.frame % '\n '.join(lines), 'form', 'exec', 0, True)
            except SyntaxError:
                continue
            return [indent + line for line in lines]

    def block(self, indent, depth=0):
        """The lines of a random statement."""
        if depth > 1 or self.pick.random() > 0.25:
            return self.simple(indent)
        inner, deeper = indent + '    ', lambda: self.block(indent + '    ', depth + 1)
        kind = self.pick.choice(['if', 'for', 'while', 'try', 'finally', 'with', 'def', 'class'])
        maybe = lambda head: [indent + head] + deeper() if self.pick.random() < 0.5 else []
        if kind == 'if':
            return [indent + 'if %s:' % self.expression()] + deeper() + maybe(
                'elif %s:' % self.expression()) + maybe('else:')
        if kind == 'for':
            many = self.pick.choice(['range(2)', 'count(3)', 'list(a[:2])', '(1, n)', 'grow(a, 2)', '[push2(1), f(b)]'])
            leap = [inner + 'if %s:' % self.expression(), inner + '    ' + self.pick.choice(['break', 'continue'])]
            return [indent + 'for x%d in %s:' % (depth, many)] + deeper() + leap * self.pick.randrange(
                2) + maybe('else:')
        if kind == 'while':
            return [indent + 'k%d = 0' % depth, indent + 'while k%d < %d:' % (depth, self.pick.randint(1, 3)),
                    inner + 'k%d += 1' % depth] + deeper()
        if kind == 'try':
            return [indent + 'try:'] + deeper() + [indent + 'except (IndexError, KeyError):'] + deeper() + [
                indent + 'except Exception as err:'] + deeper() + maybe('else:')
        if kind == 'finally':
            return [indent + 'try:'] + deeper() + [indent + 'except Exception:', inner + 'log.append(0)',
                                                   indent + 'finally:'] + deeper()
        if kind == 'with':
            return [indent + 'with W() as w%d:' % depth] + deeper()
        if kind == 'class':
            return [indent + 'class K%d(O):' % depth, inner + 'box = ' + self.expression(), inner + 'def go(self):',
                    inner + '    self.box.append(n)', inner + '    return self', inner + 'val = ' + self.expression(),
                    indent + 'kk = K%d(n).go()' % depth]
        return [indent + 'def g%d(p, *r):' % depth, inner + 'h = [p]', inner + 'h.append(r)',
                inner + 'for j in r: h[0] = j'] + self.simple(inner) + [
                    inner + 'return h', indent + 'res = g%d(n, %s)' % (depth, self.expression())]

    def program(self):
        """The text."""
        lines = [HEAD.strip(), 'for n in range(%d):' % self.pick.randint(2, 6)]
        for _ in range(self.pick.randint(3, 8)):
            lines += ['    try:'] + self.block('        ') + ['    except Exception as err0:', '        pass',
                      '    if len(a) > 9: del a[3:]', '    if len(b) > 9: del b[3:]']
        return '\n'.join(lines) + '\n'


class AsyncMaker(Maker):
    """Makes the text of a program of async functions."""

    frame = 'async def f():\n %s'

    def __init__(self, seed):
        Maker.__init__(self, seed)
        self.expressions, self.statements = forms(ASYNC_EXPRESSIONS), forms(ASYNC_STATEMENTS)

    def block(self, indent, depth=0):
        """The lines of a random statement."""
        if depth > 1 or self.pick.random() > 0.3:
            return self.simple(indent)
        inner, deeper = indent + '    ', lambda: self.block(indent + '    ', depth + 1)
        kind = self.pick.choice(['if', 'for', 'try', 'finally', 'with', 'async for', 'async with', 'def'])
        if kind == 'if':
            return [indent + 'if %s:' % self.expression()] + deeper() + [indent + 'else:'] + deeper()
        if kind in ('for', 'async for'):
            many = self.pick.choice(['agen(3)', 'AI(2)', 'agen2(2)'] if kind[0] == 'a' else [
                'range(2)', '(1, n)', 'count(2)'])
            leap = [inner + 'if %s:' % self.expression(), inner + '    ' + self.pick.choice(['break', 'continue'])]
            return [indent + '%s x%d in %s:' % (kind, depth, many)] + deeper() + leap * self.pick.randrange(2)
        if kind in ('with', 'async with'):
            return [indent + '%s %s() as w%d:' % (kind, 'AW' if kind[0] == 'a' else 'W', depth)] + deeper()
        if kind == 'def':
            return [indent + 'async def g%d(p):' % depth] + self.block(inner, 2) + [
                inner + self.pick.choice(['return p', 'yield p', 'return await leaf(p)']),
                indent + 'tt = spawn(g%d(n)) if not hasattr(g%d(0), "asend") else None' % (depth, depth)]
        return [indent + 'try:'] + deeper() + [indent + 'except (IndexError, KeyError) as err:'] + deeper() + (
            [indent + 'finally:'] + deeper() if kind == 'finally' else [])

    def program(self):
        """The text."""
        lines = [HEAD.strip(), ASYNC_HEAD.strip(), 'async def main(v):',
                 '    global a, b, c, d, o, s, n, tt', '    for n in range(v):']
        for _ in range(self.pick.randint(3, 7)):
            lines += ['        try:'] + self.block('            ') + [
                '        except (Exception, asyncio.CancelledError) as err0:', '            pass',
                '        if len(a) > 9: del a[3:]', '        if len(b) > 9: del b[3:]']
        lines.append('    x = None')             # what is left open then is closed in the order of addresses
        many = self.pick.randint(1, 2)
        run = ['tt = None', 'async def both():', '    await gather(%s)' % ', '.join(
            'main(%d)' % self.pick.randint(1, 4) for _ in range(many)), 'loop = asyncio.new_event_loop()',
            'asyncio.set_event_loop(loop)', 'try:', '    loop.run_until_complete(both())', 'finally:',
            '    loop.run_until_complete(loop.shutdown_asyncgens())', '    loop.close()']
        return '\n'.join(lines + run) + '\n'


def facts(recording, n):
    """(event, line, frame) of a step."""
    return recording.event(n), recording.line(n), recording._steps[n].frame


def difference(text):
    """What differs between the engines, as a text; '' if nothing; None if the program is left to the trace engine."""
    random.seed(1)
    trace = hotload.record(text, engine='trace')
    random.seed(1)
    rewrite = hotload.record(text, engine='rewrite')
    if rewrite.engine != 'rewrite':
        return None
    if type(trace.error) is not type(rewrite.error) or rewrite.approximate:
        return 'errors %r %r, approximate %s' % (trace.error, rewrite.error, rewrite.approximate)
    at, lines, n, steps = 0, {}, 0, trace.steps()
    while n < steps:
        fact, other = facts(trace, n), facts(rewrite, at) if at < rewrite.steps() else None
        if fact != other and fact[0] == 'line' and lines.get(fact[2]) == fact[1]:
            n += 1                              # Python told of the line twice, and so does the trace engine
            continue
        if fact != other and fact[0] == 'call' and n + 2 < steps and facts(trace, n + 1) == (
                'exception',) + fact[1:] and facts(trace, n + 2) == ('return',) + fact[1:]:
            n += 3                              # a generator that was closed before it began
            continue
        lines[fact[2]] = fact[1]
        if fact != other:
            return 'step %d: trace has %s, rewrite %s' % (n, fact, other)
        if test_hotload.picture(trace.dicts(n)) != test_hotload.picture(rewrite.dicts(at)):
            return 'the state of step %d, line %d' % (n, fact[1])
        n, at = n + 1, at + 1
    return '' if at == rewrite.steps() else 'rewrite has more steps'


class Quiet(object):
    """What the programs print goes nowhere."""

    def write(self, text):
        """Write nothing."""

    def flush(self):
        """Nothing to do."""


def main():
    warnings.simplefilter('ignore')
    first, many = int(sys.argv[1]), int(sys.argv[2])
    counts, out = {'exact': 0, 'wrong': 0, 'left': 0}, sys.stdout
    maker = AsyncMaker if sys.argv[3:] == ['async'] else Maker
    for seed in range(first, first + many):
        text = maker(seed).program()
        sys.stdout = Quiet()
        try:
            found = difference(text)
        finally:
            sys.stdout = out
        counts['left' if found is None else 'wrong' if found else 'exact'] += 1
        if found:
            print('seed %d: %s' % (seed, found))
        if many == 1:
            print(text)
    print(sys.version.split()[0], counts)
    return 1 if counts['wrong'] else 0


if __name__ == '__main__':
    sys.exit(main())
