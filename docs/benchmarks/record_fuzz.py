"""Random programs, each state of which is compared with that of a slow and simple oracle (the one of the tests).

    python docs/benchmarks/record_fuzz.py FIRST_SEED END_SEED

Each program is recorded three times: with plans for all lines from their first run on, with the audits that a
recording begins with, and with few of them. It says what differs first, and where; nothing should.
"""
from __future__ import print_function
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
import hotload                                                                   # noqa: E402
import test_hotload                                                              # noqa: E402

# What each program begins with: objects that share parts, and classes and functions that change things unseen.
HEAD = '''
import collections, heapq, bisect, random, functools, itertools, copy
random.seed(3)
class O(object):
    shared = []
    total = 0
    def __init__(self, v=None):
        self.v = v
        self.items = []
    def put(self, x):
        self.items.append(x)
        return self
    def bump(self):
        O.total += 1
        self.v = (self.v, O.total)
    def share(self, x):
        self.shared.append(x)
    def give(self):
        return self.items
    @property
    def top(self):
        self.seen = getattr(self, 'seen', 0) + 1
        return self.items[-1] if self.items else None
    @top.setter
    def top(self, x):
        self.items.append(x)
    @staticmethod
    def stat(x, y=[]):
        y.append(x)
        return y
    @classmethod
    def cls(c, x):
        c.last = x
        return c
    def __getitem__(self, k):
        self.got = k
        return self.items[k]
    def __setitem__(self, k, x):
        self.items.insert(0, x)
    def __iadd__(self, x):
        self.items.append(x)
        return self
    def __add__(self, x):
        self.added = x
        return O(x)
    def __len__(self):
        self.lens = getattr(self, 'lens', 0) + 1
        return len(self.items)
    def __contains__(self, x):
        self.cont = x
        return False
    def __iter__(self):
        self.it = 1
        for x in list(self.items):
            yield x
    def __call__(self, x):
        self.called = x
        a.append(x)
        return x
    def __enter__(self):
        self.inside = True
        return self.items
    def __exit__(self, *args):
        self.inside = False
        return True
    def __bool__(self):
        self.bools = getattr(self, 'bools', 0) + 1
        return True
    __nonzero__ = __bool__
    def __eq__(self, other):
        self.eqs = getattr(self, 'eqs', 0) + 1
        return self is other
    def __hash__(self):
        return 7
    def __lt__(self, other):
        self.lts = getattr(self, 'lts', 0) + 1
        return self.lts % 2 == 1
class P(O):
    def put(self, x):
        self.p = x
        return super(P, self).put(x)
class S(object):
    __slots__ = ('l', 'm')
class W(object):
    def __setattr__(self, k, v):
        b.append(k)
        object.__setattr__(self, k, v)
    def __getattr__(self, k):
        if k.startswith('_'): raise AttributeError(k)
        b.append('?' + k)
        return 3
    def __delattr__(self, k):
        b.append('-' + k)
        object.__delattr__(self, k)
class L(list):
    def append(self, x):
        self.n = x
        list.append(self, x)
class D(dict):
    def __missing__(self, k):
        self[k] = [k]
        return self[k]
class Desc(object):
    def __get__(self, o, c):
        a.append('get')
        return 5
    def __set__(self, o, v):
        o.__dict__['raw'] = v
class H(object):
    d = Desc()
def f(x, y=None):
    x.append(y)
    return x
def g(x, acc=[]):
    acc.append(x)
    return acc
def h(**kw):
    kw['z'] = 1
    o.__dict__.update(kw)
    return kw
def va(*args):
    for q in args:
        if isinstance(q, list): q.append(len(args))
    return args
def gl():
    global a, n2
    a = a + [1]
    n2 = a
def rec(k, acc):
    acc.append(k)
    if k: rec(k - 1, acc)
    return acc
def make():
    box, k = [], 0
    def add(x):
        box.append(x)
        return box
    def count():
        box.append(len(box))
    return add, count
def gen(x, k=3):
    try:
        for i in range(k):
            x.append(i)
            got = yield x
            if got is not None: x.append(got)
    finally:
        b.append('fin')
def dec(fn):
    @functools.wraps(fn)
    def inner(*args):
        c.append(fn.__name__)
        return fn(*args)
    return inner
@dec
def decorated(x):
    x.append('dec')
def boom(x):
    x.append('boom')
    raise ValueError(x)
def cleanup(x):
    try:
        return x
    finally:
        x.append('late')
add, count = make()
a, b, c = [1], [[2], 3], [O()]
d, e, o, p, s, w, q, l, hh = {}, D(), O(), P(), S(), W(), collections.deque([1], 5), L(), H()
s.l = a
o.l = a
dd = collections.defaultdict(list)
od = collections.OrderedDict()
ct = collections.Counter()
st = set()
ba = bytearray(b'abc')
gg = gen(a)
heap = []
t = (a, [5])
fn = a.append
part = functools.partial(f, b)
txt = ''
n2 = None
'''
# What it does in a loop: a form a line, in which {L} is the name of a list and {V} a value.
FORMS = r'''{L}.append({V})
{L} = {V}
{L} = [{V}, n]
{L} += [n]
{L} += {L}[:2]
{L}[n % len({L})] = {V}
{L}.insert(0, n)
{L}.reverse()
{L}[1:] = {L}[:2]
{L}[::2] = [n] * len({L}[::2])
{L}.sort(key=lambda x: str(type(x)))
{L}.sort(key=lambda x: b.append(n) or 0)
{L}.extend({L}[:2])
{L}.extend(x for x in {L}[:2])
{L}.remove({L}[0])
{L} = {L} + [n]
{L} = list({L})[:6]
{L} *= 2
{L} = [x for x in {L} if x is not None][:5]
{L} = sorted({L}, key=lambda x: str(type(x)))[:5]
{L}[0], {L}[-1] = {L}[-1], {L}[0]
{L}, {L} = {L}, {L}
del {L}[:2]
if len({L}) > 5: del {L}[3:]
if len({L}) > 1: {L}.pop()
if len({L}) > 1: {L}.pop(0)
x, y = {L}[:1], {V}
for x in {L}[:3]: y = x
for {L}[0] in [n, {V}]: pass
for o.k in {L}[:2]: p.k = o.k
for d[n] in {L}[:2]: pass
for i, x in enumerate({L}[:3]): {L}[i] = i
while len({L}) > 4: {L}.pop()
d[n % 3] = {V}
d.setdefault(n % 4, []).append({V})
d[n % 3].append(n)
d.pop(n % 3, None)
d.update({{n: {V}}})
d.update(z={V})
d['x'] = d.pop(n % 3, 1)
d.clear()
d = dict(d, k={V})
d = {{}}
del d[n % 3]
for k in list(d): d[k] = n
for k in d: d[k] = {V}
d = dict((i, x) for i, x in enumerate({L}[:3]))
dd[n % 3].append({V})
dd[n % 3]
if dd[n % 4]: n2 = dd
x = dd[n % 5]
e[n % 3]
e[n % 3].append({V})
x = e[n % 4]
od[n % 3] = {V}
od['k'] = od.pop('k', n)
od.popitem()
ct[n % 3] += 1
ct.update('ab')
ct.subtract('a')
st.add(n % 4)
st.add(({V} is None, n))
st |= set([n])
st.discard(n % 4)
st.add(O)
st.add(o)
st.clear()
st = set(x for x in range(n % 3))
q.append({V})
q.appendleft(n)
q.rotate(1)
q.popleft()
q.extend({L}[:2])
q[0] = {V}
ba.append(n % 250)
ba[0] = n % 250
ba += b'xy'
ba[1:2] = b''
ba.pop()
heapq.heappush(heap, n * 7 % 5)
heapq.heappop(heap)
bisect.insort(heap, n)
heapq.heapify(heap)
random.shuffle({L})
random.shuffle(d['x'])
x = copy.copy({L})
x = copy.deepcopy({L})
f({L}, {V})
f({L})
{L} = f(list({L}[:3]), n)
g({V}).append(n)
g(n)
h(k={V})
h(**{{'q': {V}}})
va({L}, {L})
va(*{L}[:2])
gl()
rec(2, {L})
add({V})
count()
add({V}).append(n)
next(gg)
gg.send({V})
gg.close()
gg = gen({L})
for x in gen({L}, 2): y = x
x = list(gen({L}, 2))
x = sum(1 for _ in gen({L}, 2))
x = [z.append(n) for z in {L} if type(z) is list]
x = [z for z in gen({L}, 2)]
x = any(z is {L} for z in gen({L}, 2))
decorated({L})
boom({L})
cleanup({L})
o.v = {V}
o.v
o.l = {L}
o.l.append(n)
o.items = {L}
o.items.append({V})
o.items[0] = {V}
o.items += [n]
o.n = getattr(o, 'n', 0) + 1
o.n += 1
o.me = o
o.put({V})
o.put({V}).put(n)
p.put({V})
p.give().append(n)
o.bump()
p.bump()
o.share({V})
p.shared.append(n)
O.shared = {L}
P.shared = [n]
O.total += 1
o.total = n
o.top
o.top = {V}
x = o.top
o.stat({V})
O.stat(n).append({V})
O.cls({V})
P.cls(n)
o[0]
x = o[-1]
o[n] = {V}
o += {V}
x = o + {V}
len(o)
if o: n2 = o
n in o
for x in o: y = x
x = list(o)
x, y = o.items[:1], list(p)
o({V})
with o as x: x.append(n)
with o: boom({L})
o == p
x = max([o, p])
[o, p].sort()
x = sorted([o, p])
d[o] = {V}
d[o].append(n)
o in d
o in st
setattr(o, 'dyn', {V})
delattr(o, 'dyn')
del o.v
vars(o)['k'] = {V}
o.__dict__['j'] = n
o.__dict__ = p.__dict__
o = O({V})
o, p = P(o), P(p)
s.l = {V}
s.m = s
s.l.append(n)
del s.m
w.x = {V}
w.zz
w.x.append(n)
del w.x
w.y = w.yy = n
l.append({V})
l.n = n
l += [n]
l[0] = {V}
l.insert(0, {V})
hh.d
hh.d = {V}
x = hh.d
t[0].append(n)
t = (a, b)
x, y = t
(x, y), n2 = t, n
fn({V})
fn = {L}.append
part(n)
part = functools.partial(f, {L})
for _ in map({L}.append, [1]): pass
list(map({L}.append, [n]))
list(map(lambda z: {L}.append(z), [n]))
x = list(filter(lambda z: {L}.append(1), [n]))
x = functools.reduce(lambda u, v: u + [v], {L}[:3], [])
n2 = lambda: {L}
n2().append(n)
globals()['dyn'] = {V}
globals()['dyn'].append(n)
exec('dyn2 = n')
exec('{L}.append(n)')
eval('{L}.append(n)')
locals()
txt += str(n)
txt = txt[-5:] * 2
x = '%s' % ({L} is None)
x = u'%d' % n
x = 10 ** (n * 10) + 0.5 ** n
x = n if n % 2 else {V}
x = {L} and {L}[0]
x = {L} or o.put(n)
x = not {L}
x = [{L}] * 2
x = {{'k': {L}}}
x = {L}[0:1] + [{V}]
x = y = {V}
x = y = []
del x
del y, n2
x = type({V})
x = isinstance({L}, list) and {L}.append(n)
assert {L} is not None, o.put(n)
print(n)
x = zip({L}[:2], [n])
x = iter({L})
next(x)
x = reversed({L})
next(x)
x = {L}.pop if n % 2 else {L}.append
x(0)
{L}.append({L})
{L}[{L}.index({L}[-1])] = {V}
{L}[len({L}) - 1] = {V}
d[len({L}) % 3] = d.get(1, {V})
d.get(n % 3, {L}).append(n)
(d if n % 2 else e)['c'] = {V}
[{L}, d][0].append(n)
[a, b, c][n % 3].append({V})
(a or b).append(n)
{{'a': a, 'b': b}}['a'].append(n)
d['n'] = d.get('n', 0) + 1
d['l'] = d.get('l', []) + [n]
d.setdefault('m', {{}})[n % 3] = {V}
d.setdefault('m', {{}}).setdefault(n % 2, []).append({V})
d['m'][n % 3] = n
o.items[0].append(n)
o.l[n % 2] = o.items
d[str(n)] = {V}
d['%d-%s' % (n, txt)] = {V}
d[n, n % 2] = {V}
d[(n % 3, 'x')] = d.get((n % 3, 'x'), 0) + 1
i = n; d[i] = i; i += 1; d[i] = {V}
i = {L}[0] = n
{L}[0] = {L} = [{V}, 2]
n3 = d[n % 2] = {{}}
class K(object): z = {L}
K.z.append(n)
K.y = n
x = K(); x.z = {V}; K.w = x
def k2(u={L}): u.append(n); return u
k2().append(1)
k2.attr = {V}
f.attr = n
import math
from collections import deque as dq
x = dq({L}[:3], 2)
x.append(1)
try: boom({L})\nexcept ValueError as err: x = err.args
try: boom({L})\nexcept ValueError as err: kept = err
try: x = d[99]\nexcept KeyError: {L}.append('k')\nelse: b.append('e')\nfinally: c.append('f')
try: raise KeyError({L})\nexcept (KeyError, ValueError): pass
kept.args[0].append(n)
kept.extra = {V}
if n % 2: {L}.append(n)\nelif n % 3: {L} = [n]\nelse: d[n] = {L}
for i in range(3):\n    if i == 1: continue\n    {L}.append(i)\nelse: x = i
while True:\n    {L}.append(n)\n    if len({L}) > 2: break
with o as x, p as y:\n    x.append(y)\n    y.append(n)
def z(u):\n    v = u\n    v.append(n)\n    del v\n    u = [u]\n    return u\nx = z({L})
def z():\n    for i in range(2):\n        yield {L}\nx = [u.append(n) for u in z() if type(u) is list]'''
FORMS_3 = r'''{L}, *rest = {L} + [n]
*rest, x = {L}
x, (y, *rest) = n, {L}
if (m := n % 3): {L}.append(m)
while (m := len({L})) > 3: {L}.pop()
x = [m := n, m ** 2]
x = [y := z for z in {L}[:3]]
d |= {{n: {V}}}
d = {{**d, 'x': {V}}}
{L} = [*{L}[:2], *{L}[:2]]
f(*[{L}], **{{'y': n}})
x = f'{{n}}{{o.put(n) is o}}'
def z():\n    nonlocal_ = [n]\n    def y():\n        nonlocal nonlocal_\n        nonlocal_ = nonlocal_ + [1]\n        nonlocal_.append({V})\n        return nonlocal_\n    y()\n    return y()\nx = z()
def z():\n    yield from gen({L}, 2)\n    return 3\nx = list(z())
async def z(x):\n    x.append(n)\n    return x\ntry: z({L}).send(None)\nexcept StopIteration as err: x = err.value
print(n, end='')
x = list({L}).copy()
{L}.clear()
{L}.copy().append(n)
d.popitem()'''
LISTS = 'a b c'.split()
VALUES = 'a|b|c|n|None|o|d|[n]|[]|a[:2]|{}|t|b[0]|(n, a)|"s"|o.items|s|q|l|w'.split('|')
MODES = [('plans', (-1, 0, 0)), ('audits', (3000, 3, 4)), ('few audits', (-1, 1, 1))]


def compiles(text):
    """Whether this Python can read it."""
    try:
        compile(text, '<form>', 'exec')
        return True
    except SyntaxError:
        return False


def filled(form, pick):
    """The text of a form with names and values in it."""
    text = form.replace('{{', '\1').replace('}}', '\2').replace('\\n', '\n')
    while '{L}' in text or '{V}' in text:
        at = min(text.find(mark) for mark in ('{L}', '{V}') if mark in text)
        text = text[:at] + pick.choice(LISTS if text[at + 1] == 'L' else VALUES) + text[at + 3:]
    return text.replace('\1', '{').replace('\2', '}')


def indented(text, columns):
    """The text, moved to the right."""
    return '\n'.join(' ' * columns + line for line in text.split('\n'))


def program(seed):
    """The text of the program of a seed."""
    pick, lines = random.Random(seed), []
    forms = [form for form in (FORMS + '\n' + FORMS_3).split('\n') if compiles(filled(form, random.Random(1)))]
    in_function = pick.random() < 0.35
    if in_function:
        lines.append('def body(n):\n    global a, b, c, d, e, o, p, l, ba, st, ct, gg, t, fn, part, txt, n2')
    else:
        lines.append('for n in range(%d):' % pick.randint(3, 14))
    for _ in range(pick.randint(4, 12)):
        lines.append(indented('try:\n%s\nexcept Exception: pass' % indented(filled(pick.choice(forms), pick), 4), 4))
    if in_function:
        lines.append('for n in range(%d):\n    body(n)' % pick.randint(3, 14))
    return HEAD + '\n'.join(lines) + '\n'


class Quiet(object):
    """Where the programs print to."""

    def write(self, text):
        """Forget it."""

    def flush(self):
        """Nothing to do."""


def difference(text, wanted):
    """What differs first between the oracle's steps and a recording, as a text, or None."""
    recording = hotload.record(text, raw=True)
    got = [(recording.event(n), recording.line(n)) for n in range(recording.steps())]
    if [step[:2] for step in wanted] != got:
        return 'the events differ'
    for n, (event, line, picture) in enumerate(wanted):
        found = test_hotload.picture(recording.dicts(n))
        if found != picture:
            names = [name for one, two in zip(picture, found) for name, part in one if dict(two).get(name) != part]
            return 'step %d, %s, line %d: %s  (%s)' % (n, event, line, text.split('\n')[line - 1].strip(),
                                                       ', '.join(names))


def main():
    bad = 0
    for seed in range(int(sys.argv[1]), int(sys.argv[2])):
        text, out = program(seed), sys.stdout
        sys.stdout = Quiet()
        try:
            wanted, found = test_hotload.run_oracle(text), []
            for name, (hotload.FREE_AUDITS, hotload.AUDIT_RUNS, hotload.CHECKED_RUNS) in MODES:
                found.append((name, difference(text, wanted)))
        finally:
            sys.stdout = out
        for name, what in found:
            if what:
                bad += 1
                print('seed %d, %s: %s' % (seed, name, what))
    print('%d differ' % bad)


if __name__ == '__main__':
    main()
