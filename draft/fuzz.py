"""Random edits: what old references give after each save equals a fresh import; and the fast way equals the whole way."""
import os, random, sys, types, tempfile, shutil, traceback
sys.path.insert(0, '/work/scratch/live')
sys.dont_write_bytecode = True
import hotload
def expr(r, names):
    return r.choice(['%d' % r.randrange(9), 'x', 'x + %d' % r.randrange(9), '(x, %d)' % r.randrange(9)] + ['%s' % n for n in names])
def func(r, name, consts, indent='', method=False):
    self_ = 'self, ' if method else ''
    kind = r.randrange(6)
    doc = '%s    """doc %d"""\n' % (indent, r.randrange(3)) if r.random() < .2 else ''
    pars = r.choice(['x', 'x, y=%d' % r.randrange(5), 'x=3', 'x, *z'])
    if r.random() < .15 and consts: pars = 'x, y=(1, %s)' % r.choice(['2', '3'])
    deco = ''
    if r.random() < .2: deco = '%s@%s\n' % (indent, r.choice(['twice', 'ident']))
    e = expr(r, consts)
    if kind == 0: body = '%s    return %s\n' % (indent, e)
    elif kind == 1: body = '%s    k = %s\n\n%s    return [k for _ in range(2)]\n' % (indent, e, indent)
    elif kind == 2: body = '%s    return (lambda q: (q, %s))(x)\n' % (indent, e)
    elif kind == 3: body = '%s    def inner(v):\n%s        return v, x\n%s    return inner(%s)\n' % ((indent,) * 3 + (e,))
    elif kind == 4: body = '%s    # c%d\n%s    if x:\n%s        return %s\n%s    return None\n' % (indent, r.randrange(99), indent, indent, e, indent)
    else: body = '%s    return %s, [i for i in (1, 2)], %s\n' % (indent, e, expr(r, consts))
    return deco + '%sdef %s(%s%s):\n' % (indent, name, self_, pars) + doc + body
class Mod(object):
    def __init__(self, r):
        self.r, self.n = r, 0
        self.items = []   # (kind, name, text or list)
        for _ in range(r.randrange(2, 9)): self.add()
    def consts(self): return [i[1] for i in self.items if i[0] == 'const']
    def new(self, p): self.n += 1; return '%s%d' % (p, self.n)
    def make(self, kind, name):
        r = self.r
        if kind == 'const': return 'const', name, '%s = %s\n' % (name, r.choice(['%d' % r.randrange(99), '[1, %d]' % r.randrange(9), '"s%d"' % r.randrange(9), '(\n    1,\n    %d,\n)' % r.randrange(9)]))
        if kind == 'func': return 'func', name, func(r, name, [])
        if kind == 'cls': return 'cls', name, [func(r, 'm%d' % i, [], '    ', True) for i in range(r.randrange(1, 4))] + (['    attr = %d\n' % r.randrange(9)] if r.random() < .5 else [])
        if kind == 'lam': return 'lam', name, '%s = lambda x: (x, %d); %s_b = lambda x: %d\n' % (name, r.randrange(9), name, r.randrange(9))
        if kind == 'if': return 'if', name, 'if True:\n' + func(r, name, [], '    ') + ('else:\n    pass\n' if r.random() < .5 else '')
        if kind == 'doc': return 'doc', name, '"""text\ndef not_me():\n    return 1\n"""\n'
        if kind == 'use': return 'use', name, 'def %s(x):\n    return x, %s\n' % (name, r.choice(self.consts() or ['x']))
    def add(self):
        kind = self.r.choice(['const', 'func', 'func', 'func', 'cls', 'cls', 'lam', 'if', 'doc', 'use'])
        self.items.insert(self.r.randrange(len(self.items) + 1), self.make(kind, self.new(kind)))
    def edit(self):
        r = self.r
        what = r.randrange(8)
        if not self.items or what == 0: self.add()
        elif what == 1 and len(self.items) > 2:
            i = r.randrange(len(self.items)); 
            if self.items[i][0] not in ('const',): del self.items[i]
        elif what == 2:
            i, j = r.randrange(len(self.items)), r.randrange(len(self.items))
            self.items[i], self.items[j] = self.items[j], self.items[i]
        elif what == 3:
            self.items.insert(r.randrange(len(self.items) + 1), ('com', None, r.choice(['# hello %d\n' % r.randrange(99), '\n\n', '#x\n#y\n'])))
        else:
            i = r.randrange(len(self.items))
            k, name, _ = self.items[i]
            if k != 'com': self.items[i] = self.make(k, name)
            else: del self.items[i]
    def text(self):
        out = ['def ident(f):\n    return f\n\n\ndef twice(f):\n    def call(*a):\n        return [f(*a)] * 2\n    return call\n\n']
        for k, name, t in self.items:
            out.append('class %s(object):\n%s' % (name, ''.join(t)) if k == 'cls' else t)
            out.append(self.r.choice(['', '\n', '\n\n']) if self.r.random() < .1 else '\n')
        return ''.join(out)
def result(fn, *a):
    try: return repr_(fn(*a))
    except Exception as e: return '%s' % type(e).__name__
def repr_(v):
    return repr(v) if not callable(v) else 'callable'
def lines(space):
    out = {}
    for k, v in sorted(space.items()):
        if isinstance(v, types.FunctionType) and v.__code__.co_filename != hotload.OWN_FILE: out[k] = v.__code__.co_firstlineno
        if isinstance(v, type) and v.__module__ == 'fm':
            for n, f in vars(v).items():
                if isinstance(f, types.FunctionType) and f.__code__.co_filename != hotload.OWN_FILE: out[k + '.' + n] = f.__code__.co_firstlineno
    return out
def behaviour(space):
    out = {}
    for k, v in sorted(space.items()):
        if k.startswith('__') or k in ('ident', 'twice'): continue
        if isinstance(v, type):
            obj = v()
            for n in sorted(vars(v)):
                if n.startswith('m'): out[k + '.' + n] = result(getattr(obj, n), 1), getattr(vars(v)[n], '__doc__', None)
                if n == 'attr': out[k + '.' + n] = v.attr
        elif callable(v): out[k] = result(v, 1), v.__doc__
        else: out[k] = repr(v)
    return out
def run(seed, whole):
    r = random.Random(seed)
    folder = os.path.realpath(tempfile.mkdtemp()); sys.path.insert(0, folder)
    path = os.path.join(folder, 'fm.py')
    mod = Mod(r)
    def write(t): open(path, 'w').write(t)
    if whole:
        orig = hotload.LiveFile.prepare
        hotload.LiveFile.prepare = lambda self, data, name=None, whole=False: orig(self, data, name, True)
    patch = hotload.LivePatch(folder)
    old = ''
    try:
        write(mod.text())
        import fm
        held = dict(vars(fm))
        for step in range(12):
            old = mod.text()
            for _ in range(r.randrange(1, 4)): mod.edit()
            text = mod.text(); write(text)
            changes = patch.apply(path)
            freshm = {'__name__': 'fm'}
            exec(compile(text, path, 'exec', 0, True), freshm)
            want, got = behaviour(freshm), behaviour(vars(fm))
            for k in list(got):
                if k not in want and k.startswith(('lam', 'const')): del got[k]    # stays, as with a reload
            if want != got:
                return step, 'module', dict((k, (want.get(k), got.get(k))) for k in set(want) | set(got) if want.get(k) != got.get(k)), [str(c) for c in changes], folder
            wl, gl = lines(freshm), lines(vars(fm))
            if any(wl[k] != gl[k] for k in wl if k in gl):
                return step, 'lines', [(k, wl[k], gl.get(k)) for k in wl if wl[k] != gl.get(k)], [str(c) for c in changes]
            ob, nb = behaviour(dict((k, v) for k, v in held.items() if k in vars(fm))), behaviour(vars(fm))
            for k in ob:
                if not isinstance(vars(fm).get(k.split('.')[0]), (types.FunctionType, type)): continue
                if ob[k] != nb.get(k) and k in nb and '__doc__' and ob[k][0] != nb[k][0]:
                    return step, 'held', k, ob[k], nb.get(k), [str(c) for c in changes], old, text
            held.update((k, v) for k, v in vars(fm).items() if k not in held)
            for k in list(held):
                if k not in vars(fm): del held[k]
            f = hotload.live_file(path)
            if f.source is None: continue
            if f.source.data != text.encode(): return step, 'data'
            full = hotload.Source(path, f.data)
            if full.starts != f.source.starts or f.source.at != f.source.starts: return step, 'starts', full.starts, f.source.starts, f.source.at
    except Exception:
        return traceback.format_exc(), old, '-----', mod.text()
    finally:
        sys.path.remove(folder); sys.modules.pop('fm', None); patch.close()
        if whole: hotload.LiveFile.prepare = orig
        shutil.rmtree(folder)
a, b = int(sys.argv[1]), int(sys.argv[2])
bad = 0
for seed in range(a, b):
    for whole in (False, True):
        why = run(seed, whole)
        if why:
            bad += 1
            print('seed', seed, 'whole' if whole else 'fast')
            for w in why: print('   ', w)
            if bad > 2: sys.exit(1)
print(sys.version_info[:2], 'bad', bad)
