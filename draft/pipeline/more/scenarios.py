import random, shutil, os, signal, time, textwrap, json
from lab import Failure, short
ALL = []
def scenario(level, needs=(), timeout=60):
    def register(function):
        function.level, function.needs, function.timeout = level, tuple(needs), timeout
        ALL.append(function)
        return function
    return register
import importlib.util
spec = importlib.util.spec_from_file_location('vis', 'scenarios_visible.py')
vis = importlib.util.module_from_spec(spec); spec.loader.exec_module(vis)
CHAIN3, MIXED, MIXED_OUT, BIG, STEPS, steps_out = vis.CHAIN3, vis.MIXED, vis.MIXED_OUT, vis.BIG, vis.STEPS, vis.steps_out

@scenario('core')
def saved_before_crash(lab):
    text = CHAIN3.replace('sum(raw)', 'sum(raw) / zero').replace("    @ReactorFunc\n    def load", "    zero = 0\n    @ReactorFunc\n    def load", 1)
    lab.write(text)
    lab.run('show').bad('zero')
    lab.write(CHAIN3)
    lab.run('show').good([6], ['total'])

@scenario('core')
def crashed_reruns(lab):
    lab.write('''
        @ReactorFunc
        def a(pipe):
            mark('a')
            pipe.send('x', 1)
            yield
            if pipe.read_config('crash'):
                raise ValueError('boom')
        @ReactorFunc
        def show(pipe):
            x = yield pipe.receive('x')
            out(x)
    ''')
    lab.config(crash=True)
    lab.run('show').bad('boom')
    lab.run('show').bad('boom')
    lab.config(crash=False)
    lab.run('show').good([1], ['a'])
    lab.run('show').good([1], [])

@scenario('core')
def wrong_guesses(lab):
    lab.write('''
        @ReactorFunc
        def other(pipe):
            mark('other')
            z = yield pipe.receive('z')
            pipe.send('other' + str(z), 'x')
        @ReactorFunc
        def again(pipe):
            mark('again')
            pipe.send('z', 1)
        @ReactorFunc
        def right(pipe):
            mark('right')
            pipe.send('%s' % ('x' * 1), 5)
        @ReactorFunc
        def show(pipe):
            x = yield pipe.receive('x')
            out(x)
    ''')
    r = lab.run('show').good([5])
    lab.run('show').good([5], [])

@scenario('core')
def guess_that_waits_for_the_name_itself(lab):
    lab.write('''
        N = ['x', 'y']
        @ReactorFunc
        def first(pipe):
            x = yield pipe.receive(N[0])
            pipe.send(N[1], x + 1)
        @ReactorFunc
        def second(pipe):
            pipe.send(N[0], 1)
        @ReactorFunc
        def show(pipe):
            x = yield pipe.receive('x')
            y = yield pipe.receive('y')
            out([x, y])
    ''')
    lab.run('show').good([[1, 2]])
    lab.run('show').good([[1, 2]])

@scenario('core')
def producer_moves_to_other_reactor(lab):
    a = '''
        @ReactorFunc
        def a(pipe):
            mark('a')
            pipe.send('x', 1)
            %s
        @ReactorFunc
        def b(pipe):
            mark('b')
            pipe.send('w', 1)
            %s
        @ReactorFunc
        def show(pipe):
            y = yield pipe.receive('y')
            out(y)
    '''
    lab.write(a % ("pipe.send('y', 2)", ''))
    lab.run('show').good([2])
    lab.write(a % ('', "pipe.send('y', 3)"))
    lab.run('show').good([3])
    lab.run('show').good([3], [])

@scenario('core', needs=['auto'])
def found_by_themselves(lab):
    lab.script('''
m = pipeline(u"""
@ReactorFunc
def a(pipe):
    mark('a')
    pipe.send('x', 1)
@ReactorFunc
def show(pipe):
    x = yield pipe.receive('x')
    out(x)
""")
with plant(auto=True) as p:
    p.run_reactor(m.show)
    ''').good([1], ['a'])

@scenario('core', needs=['big'])
def big_arrays(lab):
    lab.write(BIG % (64 * 2 ** 20, 64 * 2 ** 20))
    lab.run('show').good([16], ['fill'])
    lab.run('show').good([16], [])

@scenario('core', needs=['big'])
def big_memory(lab):
    lab.write(BIG % (2 ** 30, 2 ** 30))
    a = lab.run('show', timeout=120).good([256], ['fill'])
    b = lab.run('show', timeout=120).good([256], [])
    note = '%.0f MB cold, %.0f warm, %.1f s %.1f s' % (a.anon_mib, b.anon_mib, a.seconds, b.seconds)
    if max(a.anon_mib, b.anon_mib) > 100: raise Failure(note)
    return note

@scenario('core', needs=['temp'])
def temp_freed(lab):
    lab.write('''
        @ReactorFunc
        def a(pipe):
            mark('a')
            t = adapter.allocate_temp(pipe, 'tmp', 2 ** 20)
            adapter.big_write(t, 5, b'hello')
            pipe.send('x', adapter.big_read(t, 5, 5).decode())
        @ReactorFunc
        def show(pipe):
            x = yield pipe.receive('x')
            out(x)
    ''')
    lab.run('show').good(['hello'], ['a'])
    if lab.store_bytes() > 2 ** 19: raise Failure('temp not freed: %s' % lab.files())
    lab.run('show').good(['hello'], [])

SPEC = '''
    class Thing(object):
        def __init__(self, v): self.v = v
    def save(t, path):
        with open(path, 'w') as f: f.write(str(t.v))
    def load(path):
        with open(path) as f: return Thing(int(f.read()))
    def before(plant):
        adapter.register_spec(plant, 'thing', Thing, save, load)
    @ReactorFunc
    def a(pipe):
        mark('a')
        pipe.send('x/..', Thing(5))
        pipe.send('y', Thing(6), 'thing')
    @ReactorFunc
    def show(pipe):
        x = yield pipe.receive('x/..')
        y = yield pipe.receive('y')
        out([type(x).__name__, x.v, y.v])
'''
@scenario('core', needs=['spec'])
def custom_spec(lab):
    lab.write(SPEC)
    lab.run('show').good([['Thing', 5, 6]], ['a'])
    lab.run('show').good([['Thing', 5, 6]], [])
    if lab.strays(): raise Failure(str(lab.strays()))

@scenario('core')
def config_values(lab):
    conf = '''
        class Point(object):
            def __init__(self, x): self.x = x
        def f(x): return x + %d
        class Call(object):
            def __init__(self, k): self.k = k
            def __call__(self, x): return x * self.k * %d
        CONFIG = {'s': {'a', 'b', 'c', %r}, 'p': Point(%d), 'n': {'k': [1, {'m': {1, 2}}, slice(1, 2)]}, 'f': f, 'l': lambda x: x - %d,
                  'c': Call(3), 'b': b'x', 't': (1, None, True, 1.5)}
    '''
    lab.write('''
        @ReactorFunc
        def a(pipe):
            mark('a')
            g = pipe.read_config
            pipe.send('x', [sorted(g('s')), g('p').x, g('f')(1), g('l')(1), g('c')(1), g('n')['k'][2].stop])
        @ReactorFunc
        def show(pipe):
            x = yield pipe.receive('x')
            out(x)
    ''')
    vals = dict(a=1, k=1, d='d', p=1, l=1)
    base = (1, 1, 'd', 1, 1)
    lab.conf(conf % base); lab.run('show').good(ran=['a'])
    for i in range(3):
        lab.run('show').good(ran=[], note='same')
    for i, other in enumerate([(2, 1, 'd', 1, 1), (1, 2, 'd', 1, 1), (1, 1, 'e', 1, 1), (1, 1, 'd', 2, 1), (1, 1, 'd', 1, 2)]):
        lab.conf(conf % other)
        lab.run('show').good(ran=['a'], note='changed %d' % i)
        lab.conf(conf % base)
        lab.run('show').good(ran=[], note='back %d' % i)

@scenario('core')
def not_generators_and_unchanged_send_stops(lab):
    t = '''
        @ReactorFunc
        def a(pipe):
            mark('a')
            pipe.send('x', sum([10]) // %d)
        @ReactorFunc
        def b(pipe):
            mark('b')
            x = yield pipe.receive('x')
            pipe.send('y', x)
        @ReactorFunc
        def show(pipe):
            out((yield pipe.receive('y')))
    '''
    lab.write(t % 4); lab.run('show').good([2], ['a', 'b'])
    lab.write(t % 5); lab.run('show').good([2], ['a'])

@scenario('robust')
def names(lab):
    lab.write(u'''
        NAMES = ['a/b', '../../up', '..', 'x' * 300, u'h\\xe9', 'plant', 'con', '', ' ', '/abs/path', 'a\\nb', 'manifest', 'journals', 'a"b', '%s']
        @ReactorFunc
        def a(pipe):
            mark('a')
            for n in NAMES: pipe.send(n, [n] * 2000)
        @ReactorFunc
        def show(pipe):
            for n in NAMES:
                v = yield pipe.receive(n)
                if v != [n] * 2000: out(n)
    ''')
    lab.run('show').good([], ['a'])
    lab.run('show').good([], [])
    if lab.strays(): raise Failure(str(lab.strays()))

@scenario('robust', needs=['file', 'spec', 'big'])
def odd_names_files(lab):
    lab.write(u'''
        NAMES = ['a/b', '../../up', 'x' * 300, u'h\\xe9', 'plant']
        @ReactorFunc
        def a(pipe):
            mark('a')
            for n in NAMES:
                p = adapter.allocate_file(pipe, n)
                with open(p, 'w') as f: f.write('z')
                adapter.send_file(pipe, n, p)
                b = adapter.allocate_big(pipe, n + 'b', 10)
                adapter.big_write(b, 0, b'0123456789')
                adapter.send_big(pipe, n + 'b', b)
        @ReactorFunc
        def show(pipe):
            for n in NAMES:
                p = yield pipe.receive(n)
                with open(p) as f: s = f.read()
                b = yield pipe.receive(n + 'b')
                if s != 'z' or adapter.big_read(b, 0, 10) != b'0123456789': out(n)
    ''')
    lab.run('show').good([], ['a'])
    lab.run('show').good([], [])
    if lab.strays(): raise Failure(str(lab.strays()))

@scenario('robust')
def graph_errors(lab):
    t = '''
        @ReactorFunc
        def alpha(pipe):
            %s
        @ReactorFunc
        def beta(pipe):
            %s
        @ReactorFunc
        def show(pipe):
            x = yield pipe.receive('data')
            out(x)
    '''
    lab.write(t % ("pipe.send('data', 1)", "pipe.send('data', 2)"))
    a = lab.run('show', timeout=15).bad('data', 'alpha', 'beta', note='two producers')
    lab.write(t % ("z = yield pipe.receive('q'); pipe.send('data', 1)", "z = yield pipe.receive('data'); pipe.send('q', 2)"))
    b = lab.run('show', timeout=15).bad('data', 'alpha', 'beta', note='cycle')
    lab.write(t % ("pass", "pass"))
    c = lab.run('show', timeout=15).bad('data', 'show', note='nobody')
    lab.write(t % ("pipe.send('dta', 1)", "pass"))
    d = lab.run('show', timeout=15).bad('data', 'show', 'dta', note='close')
    lab.write(t % ("if pipe.read_config('n'): pipe.send('data', 1)", "pass"))
    lab.config(n=0)
    e = lab.run('show', timeout=15).bad('data', note='never sends')
    lab.config(n=1)
    lab.run('show').good([1])
    for r in (a, b, c, d, e):
        if '\n' in r.error['text']: raise Failure('more than a line: ' + r.error['text'])
    return ' | '.join(r.error['text'] for r in (a, b, c, d, e))

@scenario('robust')
def self_cycle(lab):
    lab.write('''
        @ReactorFunc
        def alpha(pipe):
            x = yield pipe.receive('data')
            pipe.send('data', x)
        @ReactorFunc
        def show(pipe):
            x = yield pipe.receive('data')
            out(x)
    ''')
    return lab.run('show', timeout=15).bad('data', 'alpha').error['text']

@scenario('robust')
def renamed_merged(lab):
    lab.write(CHAIN3); lab.run('show').good([6])
    lab.write(CHAIN3.replace('def load', 'def reader').replace('[1, 2, 3]', '[1, 2, 9]'))
    lab.run('show').good([12])
    lab.write('''
        @ReactorFunc
        def both(pipe):
            mark('both')
            pipe.send('raw', [5])
            pipe.send('sum', 55)
        @ReactorFunc
        def show(pipe):
            s = yield pipe.receive('sum')
            out(s)
    ''')
    lab.run('show').good([55], ['both'])
    lab.write(CHAIN3); lab.run('show').good([6])
    lab.write(CHAIN3.replace("def total", "def add_up").replace('sum(raw)', 'max(raw)'))
    lab.run('show').good([3])

def damage(lab, kind, path, rng):
    data = path.read_bytes()
    if kind == 'truncate': path.write_bytes(data[:len(data) // 2])
    elif kind == 'empty': path.write_bytes(b'')
    elif kind == 'flip' and data:
        d = bytearray(data)
        for _ in range(3):
            d[rng.randrange(len(d))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(d))
    elif kind == 'remove': path.unlink()
    elif kind == 'garbage': path.write_bytes(bytes(rng.randrange(256) for _ in range(300)))

@scenario('robust', timeout=300)
def damaged_files(lab):
    lab.write(MIXED); lab.run('show').good(MIXED_OUT)
    keep = lab.root / 'keep'; shutil.copytree(str(lab.store), str(keep))
    rng = random.Random(5)
    n = 0
    for kind in ('truncate', 'empty', 'flip', 'remove', 'garbage', 'flip'):
        for rel in lab.files(keep):
            shutil.rmtree(str(lab.store)); shutil.copytree(str(keep), str(lab.store))
            damage(lab, kind, lab.store / rel, rng)
            lab.run('show').good(MIXED_OUT, note='%s %s' % (kind, rel))
            lab.run('show').good(MIXED_OUT, [], note='then %s %s' % (kind, rel))
            n += 1
    return '%d cases' % n

@scenario('robust', timeout=300, needs=['big', 'file', 'spec'])
def damaged_other_kinds(lab):
    lab.write(SPEC.replace("        pipe.send('y', Thing(6), 'thing')\n", '''        pipe.send('y', Thing(6), 'thing')
        p = adapter.allocate_file(pipe, 'f')
        with open(p, 'w') as f: f.write('file' * 100)
        adapter.send_file(pipe, 'f', p)
        b = adapter.allocate_big(pipe, 'b', 100000)
        adapter.big_write(b, 50000, b'big')
        adapter.send_big(pipe, 'b', b)
''').replace("        out([type", '''        f = yield pipe.receive('f')
        with open(f) as s: out(s.read() == 'file' * 100)
        b = yield pipe.receive('b')
        out([len(b), adapter.big_read(b, 50000, 3).decode(), sum(bytearray(adapter.big_read(b, 0, 100000)))])
        out([type'''))
    expected = [True, [100000, 'big', 306], ['Thing', 5, 6]]
    lab.run('show').good(expected)
    keep = lab.root / 'keep'; shutil.copytree(str(lab.store), str(keep))
    rng = random.Random(6); n = 0
    for kind in ('truncate', 'empty', 'flip', 'remove', 'garbage'):
        for rel in lab.files(keep):
            shutil.rmtree(str(lab.store)); shutil.copytree(str(keep), str(lab.store))
            damage(lab, kind, lab.store / rel, rng)
            lab.run('show').good(expected, note='%s %s' % (kind, rel))
            n += 1
    return '%d cases' % n

@scenario('robust', timeout=100)
def two_processes(lab):
    t = STEPS.replace('range(20000)', 'range(2000)')
    def want(n):
        v = [i + 8 * n for i in range(2000)]
        return [[v[0], v[-1], sum(v), 2000 + n]]
    lab.write(t)
    for count in (2, 8):
        for round in range(3):
            kids = []
            for i in range(count):
                lab.config(n=i % 3 + round * 10)
                c = lab.start('show'); lab.kill(c, 0, 0); kids.append((i % 3 + round * 10, c))
            for n, c in kids:
                lab.finish(c).good(want(n), note='%d processes, n=%d' % (count, n))
        lab.config(n=1); lab.run('show').good(want(1))

@scenario('robust', timeout=100)
def same_at_once(lab):
    lab.write(STEPS)
    lab.config(n=1)
    for round in range(3):
        kids = [lab.start('show') for _ in range(8)]
        for c in kids: lab.finish(c).good(steps_out(1))
        shutil.rmtree(str(lab.store))

@scenario('robust')
def moved_store(lab):
    lab.write(MIXED); lab.run('show').good(MIXED_OUT)
    new = lab.root / 'outer' / 'elsewhere'
    shutil.move(str(lab.store), str(new))
    lab.run('show', store=new).good(MIXED_OUT, [])
    lab.run('show').good(MIXED_OUT, ['numbers', 'mix'])

@scenario('robust')
def full_disk(lab):
    lab.write(MIXED)
    notes = []
    for limit in (100, 1000, 3000, 5000, 100000):
        r = lab.run('show', file_limit=limit)
        notes.append('%d: %s' % (limit, r.code))
        if r.code == 0: r.good(MIXED_OUT)
        lab.run('show').good(MIXED_OUT, note='after limit %d' % limit)
        lab.run('show').good(MIXED_OUT, [], note='after limit %d' % limit)
        shutil.rmtree(str(lab.store))
    return ' '.join(notes)

@scenario('robust', needs=['big', 'file'])
def full_disk_big(lab):
    lab.write(BIG % (2 ** 23, 2 ** 23))
    r = lab.run('show', file_limit=100000)
    if r.code == 0: r.good([2])
    note = r.describe_error()
    lab.run('show').good([2], ['fill'])
    return note

@scenario('robust')
def unwritable(lab):
    lab.write(MIXED); lab.run('show').good(MIXED_OUT)
    for p in sorted(lab.store.rglob('*'), reverse=True): os.chmod(str(p), 0o555 if p.is_dir() else 0o444)
    os.chmod(str(lab.store), 0o555)
    lab.run('show').good(MIXED_OUT, [])
    shutil.rmtree(str(lab.store))
    lab.store.write_text('a file')
    return lab.run('show').bad('store').error['text']

@scenario('robust')
def mutated_by_receiver(lab):
    lab.write('''
        @ReactorFunc
        def a(pipe):
            pipe.send('d', {'k': [1]})
            pipe.send('big', list(range(3000)))
        @ReactorFunc
        def b(pipe):
            d = yield pipe.receive('d')
            d['k'].append(2)
            c = pipe.read_config('c'); c.append(9)
            big = yield pipe.receive('big'); big.append(1)
            pipe.send('b', d)
        @ReactorFunc
        def show(pipe):
            b = yield pipe.receive('b')
            d = yield pipe.receive('d')
            big = yield pipe.receive('big')
            out([b, d, pipe.read_config('c'), len(big)])
    ''')
    lab.config(c=[1])
    want = [[{'k': [1, 2]}, {'k': [1]}, [1], 3000]]
    lab.run('show').good(want); lab.run('show').good(want)

@scenario('robust', needs=['file', 'big'])
def mutated_file_by_receiver(lab):
    lab.write('''
        @ReactorFunc
        def a(pipe):
            p = adapter.allocate_file(pipe, 'f')
            with open(p, 'w') as f: f.write('good')
            adapter.send_file(pipe, 'f', p)
            b = adapter.allocate_big(pipe, 'b', 100)
            adapter.big_write(b, 0, b'good')
            adapter.send_big(pipe, 'b', b)
        @ReactorFunc
        def b(pipe):
            p = yield pipe.receive('f')
            with open(p, 'w') as f: f.write('evil')
            b = yield pipe.receive('b')
            adapter.big_write(b, 0, b'evil')
            pipe.send('b_done', 1)
        @ReactorFunc
        def show(pipe):
            b = yield pipe.receive('b_done')
            p = yield pipe.receive('f')
            b = yield pipe.receive('b')
            with open(p) as f: out([f.read(), adapter.big_read(b, 0, 4).decode()])
    ''')
    lab.run('show').good([['good', 'good']]); lab.run('show').good([['good', 'good']])

@scenario('beyond')
def closure_default_edit(lab):
    t = '''
        def make(k):
            def inner(x): return x * k
            return inner
        f = make(%d)
        TABLE = {'a': [1, (2, %d)]}
        def g(x, d=%d): return x + d
        @ReactorFunc
        def a(pipe):
            mark('a')
            pipe.send('x', [f(1), TABLE['a'][1][1], g(1)])
        @ReactorFunc
        def show(pipe):
            out((yield pipe.receive('x')))
    '''
    lab.write(t % (1, 1, 1)); lab.run('show').good([[1, 1, 2]], ['a'])
    lab.write(t % (2, 1, 1)); lab.run('show').good([[2, 1, 2]], ['a'])
    lab.write(t % (2, 2, 1)); lab.run('show').good([[2, 2, 2]], ['a'])
    lab.write(t % (2, 2, 2)); lab.run('show').good([[2, 2, 3]], ['a'])
    lab.write(t % (1, 1, 1)); lab.run('show').good([[1, 1, 2]], [], note='undo')

@scenario('beyond')
def comments_rerun_nothing(lab):
    lab.write(CHAIN3); lab.run('show').good([6], ['load', 'total'])
    lab.write('    # a comment\n\n' + CHAIN3.replace("mark('total')", "mark('total')   # c\n\n        # more").replace('sum(raw)', '(sum( raw ))'))
    lab.run('show').good([6], [])
    lab.write(CHAIN3.replace("        mark('total')", "        'doc'\n        mark('total')"))
    lab.run('show').good([6], [], note='docstring added')
    lab.write(CHAIN3 + '\n    def unrelated(): pass\n    X = 5\n')
    lab.run('show').good([6], [], note='unrelated added')

@scenario('beyond')
def undo_free(lab):
    lab.write(CHAIN3); lab.run('show').good([6], ['load', 'total'])
    lab.write(CHAIN3.replace('[1, 2, 3]', '[4]')); lab.run('show').good([4], ['load', 'total'])
    lab.write(CHAIN3); lab.run('show').good([6], [])
    lab.write(CHAIN3.replace('[1, 2, 3]', '[4]')); lab.run('show').good([4], [])

@scenario('beyond', needs=['max_bytes'])
def bounded(lab):
    lab.write('''
        @ReactorFunc
        def a(pipe):
            mark('a')
            pipe.send('x', [pipe.read_config('n')] * 100000)
            pipe.send('s', b'%d' % 1 * 100000 if False else bytearray(200000))
        @ReactorFunc
        def show(pipe):
            x = yield pipe.receive('x')
            s = yield pipe.receive('s')
            out(sum(x))
    ''')
    most = 1500000
    for n in list(range(12)) + [11, 0]:
        lab.config(n=n)
        lab.run('show', max_bytes=most).good([n * 100000])
        if lab.store_bytes() > most: raise Failure('%d bytes' % lab.store_bytes())
    lab.config(n=0); lab.run('show', max_bytes=most).good([0], [])
    lab.config(n=3); lab.run('show', max_bytes=1000).good([300000])
    lab.run('show', max_bytes=1000).good([300000])
    if lab.store_bytes() > 1000: return 'with bound 1000: %d' % lab.store_bytes()

@scenario('beyond', needs=['graph'])
def graph(lab):
    lab.write(CHAIN3 + '''
    def after(plant):
        t = adapter.graph(plant)
        out([w in t for w in ('load', 'total', 'show', 'raw', 'sum', '->', 'digraph')])
''')
    lab.run('show').good([6, [True] * 7])
    lab.run('show').good([6, [True] * 7])

@scenario('robust')
def instance_with_edited_method(lab):
    t = '''
        class Model(object):
            def __init__(self): self.k = 2
            def apply(self, x): return x * self.k%s
        @ReactorFunc
        def train(pipe):
            mark('train')
            pipe.send('model', Model())
        @ReactorFunc
        def use(pipe):
            mark('use')
            model = yield pipe.receive('model')
            pipe.send('y', model.apply(3))
        @ReactorFunc
        def show(pipe):
            out((yield pipe.receive('y')))
    '''
    lab.write(t % ''); lab.run('show').good([6], ['train', 'use'])
    lab.run('show').good([6], [])
    lab.write(t % ' + 1'); lab.run('show').good([7], ['train', 'use'])

@scenario('beyond')
def lazy_import_edit(lab):
    p = lab.work / 'lazy_mod.py'
    lab.write("    import sys\n    sys.path.insert(0, %r)\n" % str(lab.work) + CHAIN3.replace("raw = yield pipe.receive('raw')", "raw = yield pipe.receive('raw')\n        from lazy_mod import f\n        import lazy_mod as lm").replace('sum(raw)', 'f(raw) + lm.K'))
    p.write_text('K = 1\ndef f(x):\n    return sum(x)\n')
    lab.run('show').good([7], ['load', 'total'])
    lab.run('show').good([7], [])
    p.write_text('# c\nK = 1\ndef f(x):\n    return  sum(x)\n')
    lab.run('show').good([7], [])
    p.write_text('K = 2\ndef f(x):\n    return sum(x)\n')
    lab.run('show').good([8], ['total'])

@scenario('robust', timeout=300)
def chain_10000(lab):
    return vis.scale(lab, 10000, True, 120)
@scenario('robust', timeout=300)
def fan_10000(lab):
    return vis.scale(lab, 10000, False, 120)

@scenario('robust')
def other_python(lab):
    other = lab.other_python or '/root/.pyenv/versions/3.8.18/bin/python'
    lab.write(MIXED); lab.run('show').good(MIXED_OUT)
    lab.run('show', python=other).good(MIXED_OUT)
    lab.run('show').good(MIXED_OUT, [])
    lab.run('show', python=other).good(MIXED_OUT, [])

@scenario('core')
def aux_on_object(lab):
    conf = '''
        class Conf(ConfigBase):
            def __init__(self):
                super(Conf, self).__init__()
                self.w, self.verbose = 3, %d
                self.mark_auxiliary(['verbose'])
        CONFIG = Conf()
    '''
    lab.write('''
        @ReactorFunc
        def a(pipe, config):
            mark('a')
            config.verbose
            pipe.send('a', config.w)
        @ReactorFunc
        def show(pipe, config):
            out((yield pipe.receive('a')))
    ''')
    lab.conf(conf % 1); lab.run('show').good([3], ['a'])
    lab.conf(conf % 2); lab.run('show').good([3], [])

@scenario('beyond', needs=['workers'])
def workers_same_results(lab):
    lab.write(STEPS.replace('range(20000)', 'range(2000)'))
    lab.config(n=1)
    v = [i + 8 for i in range(2000)]
    want = [[v[0], v[-1], sum(v), 2001]]
    lab.run('show', workers=3).good(want)
    lab.run('show').good(want, [])
    lab.run('show', workers=3).good(want, [])
    lab.config(n=2)
    v = [i + 16 for i in range(2000)]
    lab.run('show', workers=3).good([[v[0], v[-1], sum(v), 2002]])

@scenario('beyond', needs=['workers'])
def workers_error(lab):
    lab.write(CHAIN3.replace('sum(raw)', 'summ(raw)'))
    r = lab.run('show', workers=2)
    if r.error['error'] != 'NameError': raise Failure(r.describe_error())
    lab.write(CHAIN3); lab.run('show', workers=2).good([6], ['total'])
    lab.write(CHAIN3.replace('sum(raw)', '__import__("os")._exit(3)'))
    r = lab.run('show', workers=2).bad('total')
    lab.write(CHAIN3.replace('sum(raw)', 'max(raw)')); lab.run('show', workers=2).good([3], ['total'])
    return r.error['text']

@scenario('robust')
def two_roots_conditional_sender(lab):
    lab.write('''
        @ReactorFunc
        def fast(pipe):
            if pipe.read_config('fast'): pipe.send('x', 'fast')
        @ReactorFunc
        def slow(pipe):
            if not pipe.read_config('fast'): pipe.send('x', 'slow')
        @ReactorFunc
        def show(pipe):
            out((yield pipe.receive('x')))
    ''')
    for f, w in ((1, 'fast'), (0, 'slow'), (1, 'fast'), (1, 'fast'), (0, 'slow')):
        lab.config(fast=f); lab.run('show').good([w])

@scenario('beyond')
def float_and_type_changes_of_constants(lab):
    t = 'K = %s\n' + textwrap.dedent(CHAIN3).replace('sum(raw)', 'repr(K)')
    for k in ('1', '1.0', 'True', '"1"', '[1]', '(1,)', '{1: 2}', '{1: 3}', 'None', '0.0', '-0.0'):
        lab.write(t % k); lab.run('show').good(ran=['load', 'total'] if k == '1' else ['total'], note=k)
