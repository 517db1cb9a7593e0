"""Tests of the sections Meaning to Pipeline. To be put into test_hotload.py below the banners of their sections.

Until then: HOTLOAD_UNDER_TEST= python tests_pipe.py
"""
from __future__ import absolute_import, division, print_function
import array
import gc
import pickle
import sys
sys.path.insert(0, '/work/main')
from test_hotload import *                                                       # noqa: E402,F401,F403
import test_hotload                                                              # noqa: E402
os = test_hotload.os

##############################################################################
## 13. Meaning -- fingerprints of functions and values, with all that they use
##############################################################################

MEANING = u'''
import math, helpers
from helpers import scale as rescale
FACTOR = 2
TABLE = {'a': [1, (2, 3)], 'b': {'x', 'y', 'z'}}

class Base(object):
    def weight(self, v):
        return v * 3

class Model(Base):
    limit = 5
    def __init__(self, k):
        self.k = k
    def apply(self, x):
        return self.weight(sum(x)) + Model.limit
    @property
    def doubled(self):
        return self.k * 2
    @staticmethod
    def twice(x):
        return x * 2

def maker(k):
    def inner(x, base=1):
        return x * k + base
    return inner

made = maker(7)

def deeper(x):
    return sum(x)

def helper(x):
    return deeper(x) + FACTOR

def even(n): return odd(n - 1) if n else 0
def odd(n): return even(n - 1) if n else 1

def top(pipe, x=1):
    y = [helper(q) for q in [[1]]]
    def local(z):
        "local doc"
        return z + 4
    from lazy import late
    return (helper(y) + math.sqrt(4) + Model(1).apply(y) + even(3) + helpers.shift(x) + rescale(x) + local(1)
            + made(x) + TABLE['a'][0] + late(x) + Model.twice(x))
'''
HELPERS = u'OFFSET = 10\ndef shift(x):\n    return x + OFFSET\ndef scale(x):\n    return x * 10\ndef unused(x): return 1\n'
LAZY = u'def late(x):\n    return x + 100\n'


class TestMeaning(Case):

    def digest(self, text=MEANING, helpers=HELPERS, lazy=LAZY):
        for name, source in ('helpers', helpers), ('lazy', lazy):
            self.save(name + '.py', source)
            module = sys.modules[name] = type(sys)(name)
            module.__file__ = self.path(name + '.py')
            exec(compile(source.encode('utf-8'), module.__file__, 'exec', 0, True), vars(module))
        module = sys.modules['mine'] = type(sys)('mine')
        module.__file__ = self.path('mine.py')
        exec(compile(text.encode('utf-8'), module.__file__, 'exec', 0, True), vars(module))
        return hotload.Meanings().of(module.top)

    def test_layout_comments_docstrings_and_order_mean_nothing(self):
        whole = self.digest()
        moved = MEANING.partition(u'def deeper')
        for text in (u'# a comment\n' + MEANING, u'\n\n\n' + MEANING,
                     MEANING.replace(u'return deeper(x) + FACTOR', u'# why\n    return (deeper( x )  +\n      FACTOR)'),
                     MEANING.replace(u'"local doc"', u'"another"'), MEANING.replace(u'        "local doc"\n', u''),
                     MEANING.replace(u'def helper(x):\n', u'def helper(x):\n    "A doc that was not there."\n'),
                     MEANING.replace(u'    def weight', u'    """Of the class."""\n    def weight'),
                     MEANING + u'\ndef unrelated(): return 1\n', u'import math, helpers\ndef deeper' + moved[2] + moved[0]):
            self.assertEqual(self.digest(text), whole, text)
        self.assertEqual(self.digest(helpers=HELPERS.replace(u'return 1', u'return 2')), whole, 'of what is not used')
        self.assertEqual(self.digest(lazy=u'# c\n' + LAZY), whole)

    def test_every_edit_of_what_is_used_counts(self):
        seen = {self.digest(): 'the original'}
        for old, new in ((u'return sum(x)', u'return max(x)'), (u'FACTOR = 2', u'FACTOR = 3'), (u'FACTOR = 2', u'FACTOR = 2.0'),
                         (u'v * 3', u'v * 4'), (u'limit = 5', u'limit = 6'), (u'else 1', u'else 2'), (u'[[1]]', u'[[2]]'),
                         (u'self.k * 2', u'self.k * 3'), (u'return x * 2', u'return x * 22'), (u'maker(7)', u'maker(8)'),
                         (u'base=1', u'base=2'), (u'(2, 3)', u'(2, 4)'), (u"'z'}", u"'w'}"), (u'z + 4', u'z + 5'),
                         (u'pipe, x=1', u'pipe, x=2'), (u'math.sqrt', u'math.exp'), (u'class Model(Base)', u'class Model(object)'),
                         (u'def even', u'def sum(x): return 0\ndef even')):
            digest = self.digest(MEANING.replace(old, new))
            self.assertNotIn(digest, seen, (old, new, seen.get(digest)))
            seen[digest] = old, new
        for how in (dict(helpers=HELPERS.replace(u'OFFSET = 10', u'OFFSET = 11')), dict(lazy=LAZY.replace(u'100', u'101')),
                    dict(helpers=HELPERS.replace(u'x * 10', u'x * 20'))):
            self.assertNotIn(self.digest(**how), seen, how)

    def test_a_module_that_is_handed_on_counts_as_a_whole(self):
        text = u'import helpers\ndef use(module, x): return module.shift(x)\ndef top(x): return use(helpers, x)\n'
        before = self.digest(text)
        self.assertNotEqual(before, self.digest(text, HELPERS.replace(u'x + OFFSET', u'x - OFFSET')))

    def test_values_of_all_kinds_are_told_apart_and_hash_randomization_is_not(self):
        program = u'''if 1:
            import sys, collections, decimal, datetime, re, functools, hotload
            class P(object):
                def __init__(self, x): self.x = x
            class S(object):
                __slots__ = ('a',)
            class D(dict): pass
            s = S(); s.a = 1
            Pair = collections.namedtuple('Pair', 'a b')
            loop = [1]; loop.append(loop)
            values = [0, 0.0, -0.0, False, None, '', b'x', 'x1', [1], (1,), {1}, frozenset([1]), {1: 1}, [], (), {}, [[1]],
                      ['a', ['b']], set('abcdefgh'), {'k': set('xyz')}, slice(1), slice(2), P(1), P(2), P([1]), s, Pair(1, 2),
                      decimal.Decimal('1.1'), datetime.date(2020, 1, 1), re.compile('a'), re.compile('b'), D(a=1), D(a=2),
                      functools.partial(len, 1), functools.partial(len, 2), loop, P(P(1)), 1 + 2j, 10 ** 30,
                      len, sum, P, S, bytearray(b'a'), bytearray(b'b'), [P(1), P(1)], P(1).__init__, float('nan')]
            import binascii
            print(' '.join(binascii.hexlify(hotload.Meanings().of(v)).decode() for v in values))
        '''
        found = set()
        for seed in ('0', '1', '2'):
            status, out, err = run_python(program, env={'PYTHONHASHSEED': seed})
            self.assertEqual(status, 0, err)
            found.add(out)
            self.assertEqual(len(set(out.split())), len(out.split()))
        self.assertEqual(len(found), 1)

    def test_helpers_of_all_shapes(self):
        has_cache = hasattr(__import__('functools'), 'lru_cache')
        for text, edits in (
                (u'import functools\n@functools.lru_cache(None)\ndef f(x): return x+1\ntop = lambda: f(1)', u'x+1 x+2')
                if has_cache else (u'f = 1\ntop = lambda: f', u'1 2'),
                (u'import functools\ndef g(x, y): return x+y\nf = functools.partial(g, 1)\ntop = lambda: f(1)', u'x+y x-y'),
                (u'import functools\ndef d(f):\n @functools.wraps(f)\n def w(*a): return f(*a)*2\n return w\n'
                 u'@d\ndef f(x): return x+1\ntop = lambda: f(1)', u'*2 *3 x+1 x+5'),
                (u'class M(object):\n def __init__(s, k): s.k = k\n def f(s): return s.k*2\nm = M(3)\ntop = lambda: m.f()',
                 u'M(3) M(4) s.k*2 s.k*3'),
                (u'class M(object):\n def __init__(s, k): s.k = k\n def f(s): return s.k*2\nm = M(3).f\ntop = lambda: m()',
                 u'M(3) M(4) s.k*2 s.k*3'),
                (u'def p(): return 1\nT = {"p": [p]}\ntop = lambda: T["p"][0]()', u'1 5'),
                (u'class Me(type):\n K = 1\nB = Me("B", (object,), {})\ntop = lambda: B.K', u'1 8'),
                (u'def f1(): return 1\ntop = lambda: globals()["f1"]()', u'1\n 3\n'),
                (u'import re\nP = re.compile("a+")\ntop = lambda: P.findall("b")', u'a+ a*'),
                (u'import hotload\nc = hotload.ConfigValue()\nc.k = 1\ntop = lambda: c.k', u'1 2'),
                (u'top = lambda: sum([1])\nother = 1', u'other sum')):
            edits = edits.split(u' ')
            for old, new in zip(edits[::2], edits[1::2]):
                self.assertIn(old, text)
                self.assertNotEqual(self.digest(text), self.digest(text.replace(old, new)), (text, new))
                self.assertEqual(self.digest(text), self.digest(text))

    def test_a_long_chain_of_helpers_is_followed(self):
        text = u'def f0(x): return %s\n' + u''.join(u'def f%d(x): return f%d(x)\n' % (n, n - 1) for n in range(1, 3000))
        text += u'top = f2999\n'
        self.assertNotEqual(self.digest(text % 1), self.digest(text % 2))

    def test_calls_are_read_from_the_code(self):
        self.digest(u'def sub(pipe): pipe.send("inner", 1)\n'
                    u'def top(pipe):\n x = yield pipe.receive("a")\n pipe.send("b", x)\n pipe.send("c" + x, x)\n sub(pipe)\n')
        meanings, top = hotload.Meanings(), sys.modules['mine'].top
        self.assertEqual(meanings.called_with(top, 'receive'), set(['a']))
        self.assertEqual(meanings.called_with(top, 'send'), set(['inner', 'b', None]))


##############################################################################
## 14. Pipeline -- functions whose results survive
##############################################################################

CHAIN = u'''
@ReactorFunc
def load(pipe):
    note('load')
    pipe.send('raw', [1, 2, 3])
    yield

@ReactorFunc
def total(pipe):
    note('total')
    raw = yield pipe.receive('raw')
    pipe.send('sum', sum(raw))

@ReactorFunc
def show(pipe):
    s = yield pipe.receive('sum')
    out(s)
'''


class PlantCase(Case):
    """Runs texts of reactors, in this process. What a reactor notes and gives out is returned."""

    def setUp(self):
        Case.setUp(self)
        self.addCleanup(hotload.REACTORS.clear)
        self.addCleanup(hotload.SUBREACTORS.clear)
        self.extra = {}

    def load(self, text, name='mine'):
        self.noted, self.given = [], []
        module = sys.modules[name] = type(sys)(name)
        module.__file__ = self.path(name + '.py')
        vars(module).update(self.extra, note=self.noted.append, out=self.given.append, hotload=hotload)
        vars(module).update((name, getattr(hotload, name)) for name in (
            'ReactorFunc', 'SubreactorFunc', 'Ingredient', 'ConfigBase', 'Plant', 'IngredientTypeSpec'))
        exec(compile(text.encode('utf-8'), module.__file__, 'exec', 0, True), vars(module))
        return module

    def plant(self, **how):
        return hotload.Plant(self.path('store'), **how)

    def run_text(self, text, root='show', **how):
        """([what was noted], [what was given out]) of one run in a new Plant."""
        self.noted, self.given = [], []
        module = self.load(text)
        with self.plant(**how) as plant:
            plant.run_reactor(getattr(module, root))
        return self.noted, self.given

    def assertRuns(self, text, noted, given=None, **how):
        found = self.run_text(text, **how)
        self.assertEqual(sorted(found[0]), sorted(noted))
        if given is not None:
            self.assertEqual(found[1], given)

    def error(self, text, *words, **how):
        """The message of the HotloadError that a run raises; it is one line and holds these words."""
        with self.assertRaises(hotload.HotloadError) as caught:
            self.run_text(text, **how)
        for word in words:
            self.assertIn(word, str(caught.exception))
        self.assertNotIn('\n', str(caught.exception))
        return caught.exception

    def entries(self):
        """Paths of the files in the store."""
        return sorted(os.path.join(place, name) for place, _, names in os.walk(self.path('store')) for name in names)


class TestPipeline(PlantCase):

    def test_only_what_changed_runs_and_undoing_is_free(self):
        self.assertRuns(CHAIN, ['load', 'total'], [6])
        self.assertRuns(CHAIN, [], [6])
        edited = CHAIN.replace(u'sum(raw)', u'sum(raw) * 10')
        self.assertRuns(edited, ['total'], [60])
        self.assertRuns(CHAIN, [], [6])
        self.assertRuns(edited.replace(u'[1, 2, 3]', u'[4]'), ['load', 'total'], [40])
        self.assertRuns(edited, [], [60])

    def test_an_unchanged_value_stops_the_reruns_below_it(self):
        self.run_text(CHAIN)
        self.assertRuns(CHAIN.replace(u'[1, 2, 3]', u'[1] + [2, 3]'), ['load'], [6])

    def test_only_parameters_that_are_read_count(self):
        text = CHAIN.replace(u'sum(raw)', u"sum(raw) * pipe.read_config('factor')")
        self.assertRuns(text, ['load', 'total'], [12], config={'factor': 2, 'other': 1})
        self.assertRuns(text, [], [12], config={'factor': 2, 'other': 5})
        self.assertRuns(text, ['total'], [18], config={'factor': 3})
        self.assertRuns(text, ['total'], [12.0], config={'factor': 2.0})
        self.assertRuns(text, [], [12], config={'factor': 2})
        with self.assertRaises(AttributeError):
            self.run_text(text, config={'facto': 2})

    def test_auxiliary_and_unregistered_parameters_do_not(self):
        text = CHAIN.replace(u'sum(raw)', u"sum(raw) + 0 * pipe.read_config('a') + 0 * pipe.read_config_unregistered('b')")
        for number in range(3):
            self.noted, self.given = [], []
            module = self.load(text)
            with self.plant(config={'a': number, 'b': number}) as plant:
                plant.mark_params_as_auxiliary(['a'])
                plant.run_reactor(module.show)
            self.assertEqual(sorted(self.noted), ['load', 'total'] if number == 0 else [])

    def test_config_objects(self):
        text = u'''
class Conf(ConfigBase):
    shape = 'round'
    def __init__(self, width, colour):
        self.width, self.colour = width, colour
    def double(self):
        return self.width * 2
    @property
    def half(self):
        return self.width // 2
@ReactorFunc
def a(pipe, config):
    note('a')
    pipe.send('a', [config.double(), config.half, config.shape, config.has('no'), hasattr(config, 'nothing')])
@ReactorFunc
def show(pipe, config):
    a = yield pipe.receive('a')
    out([a, config.peek('colour'), config.colour])
    try:
        config.colour = 1
    except hotload.HotloadError:
        out('refused')
'''
        self.noted, self.given = [], []
        for width, colour, ran in (4, 'red', 1), (4, 'blue', 0), (6, 'blue', 1), (4, 'red', 0):
            del self.noted[:], self.given[:]
            module = self.load(text)
            with self.plant(config=module.Conf(width, colour)) as plant:
                plant.run_reactor('show')
            self.assertEqual(self.noted, ['a'] * ran)
            self.assertEqual(self.given, [[[width * 2, width // 2, 'round', False, False], colour, colour], 'refused'])

    def test_a_value_mutated_by_its_receiver_changes_nobody_elses(self):
        text = u'''
@ReactorFunc
def a(pipe):
    data = {'k': [1]}
    pipe.send('data', data)
    data['k'].append('after send')
    own = yield pipe.receive('data')
    own['k'].append('own')
@ReactorFunc
def b(pipe):
    data = yield pipe.receive('data')
    data['k'].append(2)
    pipe.read_config('list').append(3)
    pipe.send('b', data)
@ReactorFunc
def show(pipe):
    b = yield pipe.receive('b')
    data = yield pipe.receive('data')
    out([b, data, pipe.read_config('list')])
'''
        for _ in range(2):
            self.assertEqual(self.run_text(text, config={'list': [0]})[1], [[{'k': [1, 2]}, {'k': [1]}, [0]]])

    def test_subreactors(self):
        text = u'''
@SubreactorFunc
def inner(pipe, n):
    note('inner')
    raise hotload.Return(n + pipe.read_config('step'))
@SubreactorFunc
def plain(n):
    return n * 2
@SubreactorFunc
def outer(pipe, n):
    seed = yield pipe.receive('seed')
    try:
        yield fails(pipe)
    except KeyError:
        note('caught')
    v = yield inner(pipe, n)
    w = yield plain(v)
    raise hotload.Return(w * seed)
@SubreactorFunc
def fails(pipe):
    yield pipe.receive('seed')
    raise KeyError('x')
@ReactorFunc
def make_seed(pipe):
    pipe.send('seed', 3)
@ReactorFunc
def use(pipe):
    v = yield outer(pipe, 10)
    pipe.send('value', v)
@ReactorFunc
def show(pipe):
    v = yield pipe.receive('value')
    out(v)
'''
        self.assertRuns(text, ['caught', 'inner'], [66], config={'step': 1})
        self.assertRuns(text, [], [66], config={'step': 1})
        self.assertRuns(text, ['caught', 'inner'], [72], config={'step': 2})
        self.assertRuns(text.replace(u'n * 2', u'n * 3'), ['caught', 'inner'], [108], config={'step': 2})
        self.assertRuns(text, [], [66], config={'step': 1})
        if not PY2:
            delegating = text.replace(u'= yield ', u'= yield from ').replace(u'raise hotload.Return', u'return ')
            delegating = delegating.replace(u'yield from pipe', u'yield pipe').replace(u'return (n +', u'yield; return (n +')
            self.assertRuns(delegating, ['caught', 'inner'], [66], config={'step': 1})

    def test_outputs_and_inputs_may_depend_on_values(self):
        text = u'''
@ReactorFunc
def which(pipe):
    pipe.send('which', pipe.read_config('which'))
@ReactorFunc
def p(pipe):
    note('p')
    pipe.send('p', 1)
@ReactorFunc
def q(pipe):
    note('q')
    pipe.send('q', 2)
@ReactorFunc
def use(pipe):
    note('use')
    name = yield pipe.receive('which')
    v = yield pipe.receive(name)
    pipe.send('v', v)
@ReactorFunc
def show(pipe):
    v = yield pipe.receive('v')
    out(v)
'''
        self.assertRuns(text, ['p', 'use'], [1], config={'which': 'p'})
        self.assertRuns(text, ['q', 'use'], [2], config={'which': 'q'})
        self.assertRuns(text.replace(u"'p', 1", u"'p', 5"), [], [2], config={'which': 'q'})
        self.assertRuns(text.replace(u"'p', 1", u"'p', 5"), ['p', 'use'], [5], config={'which': 'p'})
        self.assertRuns(text, [], [1], config={'which': 'p'})

    def test_two_reactors_may_share_a_name_if_one_of_them_sends_it(self):
        text = u'''
@ReactorFunc
def fast(pipe):
    if pipe.read_config('fast'):
        pipe.send('x', 'fast')
@ReactorFunc
def slow(pipe):
    if not pipe.read_config('fast'):
        pipe.send('x', 'slow')
@ReactorFunc
def show(pipe):
    out((yield pipe.receive('x')))
'''
        for fast in (True, False, True, True, False):
            self.assertEqual(self.run_text(text, config={'fast': fast})[1], ['fast' if fast else 'slow'])

    def test_wrong_guesses_are_mended(self):
        text = u'''
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
'''
        for _ in range(2):
            self.assertEqual(self.run_text(text)[1], [[1, 2]])

    def test_errors_name_all_that_is_involved(self):
        pair = u'''
@ReactorFunc
def alpha(pipe):
    %s
@ReactorFunc
def beta(pipe):
    %s
@ReactorFunc
def show(pipe):
    out((yield pipe.receive('data')))
'''
        self.error(pair % (u"pipe.send('data', 1)", u"pipe.send('data', 2)"), 'data', 'alpha', 'beta')
        self.error(pair % (u"x = yield pipe.receive('q'); pipe.send('data', 1)",
                           u"x = yield pipe.receive('data'); pipe.send('q', 2)"), 'data', "'q'", 'alpha', 'beta')
        self.error(pair % (u"x = yield pipe.receive('data'); pipe.send('data', x)", u'pass'), 'data', 'alpha')
        self.error(pair % (u'pass', u"pipe.send('dta', 1)"), 'show', "'data'", "'dta'")
        self.error(pair % (u"pipe.send('data', iter(lambda: 1, 2))", u'pass'), 'alpha', "'data'")
        self.error(pair % (u"pipe.send('data', 1); pipe.send('data', 2)", u'pass'), 'alpha', 'twice')
        self.error(pair % (u"pipe.receive('q'); pipe.send('data', 1)", u'pass'), 'alpha', 'yield')
        self.error(pair % (u"pipe.send('data', 1); yield 5", u'pass'), 'alpha', '5')
        self.error(pair % (u"pipe.send(5, 1)", u'pass'), 'alpha', '5')
        self.error(pair % (u"pipe.send('data', 1, 'tabel')", u'pass'), 'tabel')
        with self.plant() as plant:
            with self.assertRaises(hotload.HotloadError):
                plant.run_reactor('shw')

    def test_an_exception_is_itself_and_what_was_finished_stays(self):
        crash = CHAIN.replace(u'sum(raw)', u'sum(raw) // 0')
        with self.assertRaises(ZeroDivisionError) as caught:
            self.run_text(crash)
        self.assertEqual(getattr(caught.exception, '__notes__', ['raised in reactor total']), ['raised in reactor total'])
        self.assertRuns(CHAIN, ['total'], [6])
        with self.plant(config={}) as plant:    # in one plant, the next run is a new one
            module = self.load(crash)
            for _ in range(2):
                self.assertRaises(ZeroDivisionError, plant.run_reactor, module.show)
            plant.run_reactor(module.load)

    def test_a_reactor_that_crashed_after_it_sent_runs_again(self):
        text = u'''
@ReactorFunc
def a(pipe):
    note('a')
    pipe.send('x', 1)
    yield
    1 // pipe.read_config('n')
@ReactorFunc
def show(pipe):
    out((yield pipe.receive('x')))
'''
        for n in (0, 0, 1):
            try:
                self.run_text(text, config={'n': n})
            except ZeroDivisionError:
                pass
            self.assertEqual(self.noted, ['a'])
        self.assertRuns(text, [], [1], config={'n': 1})

    def test_none_and_empty_values_are_values(self):
        text = u'''
ITEMS = [None, 0, 0.0, False, '', b'', [], (), {}, set(), u'\\xe9', 1 + 2j, 2 ** 70, bytearray(b'a'), slice(1)]
@ReactorFunc
def a(pipe):
    note('a')
    for i, value in enumerate(ITEMS):
        pipe.send('v%d' % i, value)
@ReactorFunc
def show(pipe):
    for i, value in enumerate(ITEMS):
        got = yield pipe.receive('v%d' % i)
        out(got == value and type(got) is type(value))
'''
        for ran in (['a'], []):
            self.assertRuns(text, ran, [True] * 15)

    def test_any_name_will_do(self):
        text = u'''
NAMES = ['a/b', '../../up', '..', 'x' * 300, u'h\\xe9', 'plant', '', ' ', '/abs', 'a\\nb', 'a"b', '%s', u'\\u20ac' * 99]
@ReactorFunc
def a(pipe):
    for name in NAMES:
        pipe.send(name, [name] * 1000)
        with open(pipe.allocate(name + 'f', Ingredient.Type.file), 'w') as stream:
            stream.write('z')
@ReactorFunc
def show(pipe):
    for name in NAMES:
        v = yield pipe.receive(name)
        f = yield pipe.receive(name + 'f')
        out(v == [name] * 1000 and open(f).read() == 'z')
'''
        for _ in range(2):
            self.assertEqual(self.run_text(text)[1], [True] * 13)
        self.assertEqual(sorted(os.listdir(self.folder)), ['store'])

    def test_instances_and_edited_methods(self):
        text = u'''
class Model(object):
    def __init__(self): self.k = 2
    def apply(self, x): return x * self.k
@ReactorFunc
def train(pipe):
    note('train')
    pipe.send('model', [Model()] * 2)
@ReactorFunc
def use(pipe):
    note('use')
    model = (yield pipe.receive('model'))[0]
    pipe.send('y', [model.apply(3), type(model) is Model])
@ReactorFunc
def show(pipe):
    out((yield pipe.receive('y')))
'''
        self.assertRuns(text, ['train', 'use'], [[6, True]])
        self.assertRuns(text, [], [[6, True]])
        self.assertRuns(text.replace(u'x * self.k', u'x + self.k'), ['train', 'use'], [[5, True]])

    def test_files_buffers_and_temporary_ones(self):
        text = u'''
@ReactorFunc
def a(pipe):
    note('a')
    path = pipe.allocate('report', Ingredient.Type.file)
    with open(path, 'w') as stream:
        stream.write('good')
    pipe.send('report', path, Ingredient.Type.file)
    with open('own.txt', 'w') as stream:
        stream.write('mine')
    pipe.send('copy', 'own.txt', Ingredient.Type.file)
    array = pipe.allocate('array', Ingredient.Type.buffer, size=5000000)
    array[1000:1004] = b'good'
    temp = pipe.allocate_temp('temp', Ingredient.Type.buffer, size=4000000)
    temp[0:3] = b'abc'
    pipe.send('array', array, Ingredient.Type.buffer)
    pipe.send('sent', b'bytes', Ingredient.Type.buffer)
    pipe.send('temp was', bytes(temp[0:3]))
    own = yield pipe.receive('array')
    assert own[1000:1004] == b'good'
@ReactorFunc
def b(pipe):
    path = yield pipe.receive('report')
    with open(path, 'w') as stream:
        stream.write('evil')
    array = yield pipe.receive('array')
    array[1000:1004] = b'evil'
    pipe.send('b', 1)
@ReactorFunc
def show(pipe):
    yield pipe.receive('b')
    for name in 'report', 'copy':
        path = yield pipe.receive(name)
        out(open(path).read())
    array = yield pipe.receive('array')
    sent = yield pipe.receive('sent')
    temp = yield pipe.receive('temp was')
    out([len(array), bytes(array[1000:1004]), bytes(array[:1]), bytes(sent[:]), temp])
'''
        for _ in range(2):
            self.assertEqual(self.run_text(text)[1], ['good', 'mine', [5000000, b'good', b'\0', b'bytes', b'abc']])
        self.assertLess(sum(map(os.path.getsize, self.entries())), 6000000)

    def test_types_of_the_user(self):
        text = u'''
import os
class Thing(object):
    def __init__(self, v): self.v = v
class ThingSpec(IngredientTypeSpec):
    closed = 0
    @classmethod
    def get_name(cls): return 'thing'
    def store(self, warehouse, name, value):
        with open(os.path.join(warehouse.baseDir, name + '.txt'), 'w') as stream:
            stream.write(str(value.v))
        return {'times': 2}
    def fetch(self, warehouse, name, meta):
        with open(os.path.join(warehouse.baseDir, name + '.txt')) as stream:
            return Thing(int(stream.read()) * meta['times'])
    def is_instance(self, value): return isinstance(value, Thing)
    def close(self): ThingSpec.closed += 1
@ReactorFunc
def a(pipe):
    note('a')
    pipe.send('x/y', Thing(5))
    pipe.send('y', Thing(6), 'thing')
    pipe.send('z', Thing(7), ThingSpec)
@ReactorFunc
def show(pipe):
    for name in 'x/y', 'y', 'z':
        thing = yield pipe.receive(name)
        out(thing.v)
'''
        for source, ran, given in (text, ['a'], [10, 12, 14]), (text, [], [10, 12, 14]), (
                text.replace(u"'times': 2", u"'times': 3"), ['a'], [15, 18, 21]):
            self.noted, self.given = [], []
            module = self.load(source)
            with self.plant() as plant:
                plant.warehouse.register_ingredient_specs([module.ThingSpec()])
                plant.run_reactor(module.show)
                self.assertEqual(str(plant.get_ingredient_object('y').type), 'thing')
            self.assertEqual((self.noted, self.given, module.ThingSpec.closed), (ran, given, 1))

    def test_outside_files(self):
        text = CHAIN.replace(u'[1, 2, 3]', u"[len(open(pipe.depends_on('data.txt')).read())]")
        text = text.replace(u'    yield\n', u"    pipe.depends_on('folder')\n    yield\n")
        self.files({'data.txt': u'four', 'folder/a.txt': u'a'})
        self.assertRuns(text, ['load', 'total'], [4])
        self.assertRuns(text, [], [4])
        self.save('data.txt', u'fives')
        self.assertRuns(text, ['load', 'total'], [5])
        self.save('data.txt', u'five2')
        self.assertRuns(text, ['load'], [5])
        self.save('folder/b.txt', u'')
        self.assertRuns(text, ['load'], [5])
        self.save('data.txt', u'four')
        os.remove(self.path('folder', 'b.txt'))
        self.assertRuns(text, [], [4])

    def test_events_and_history(self):
        seen, module = [], None
        self.noted, self.given = [], []
        text = CHAIN + u'@SubreactorFunc\ndef sub(pipe):\n    return 1\n'
        text = text.replace(u"    note('total')", u"    note('total')\n    yield sub(pipe)")
        for kept in (False, True):
            del seen[:]
            module = self.load(text)
            with self.plant() as plant:
                for kind in ('reactor_started', 'subreactor_started', 'subreactor_finished', 'reactor_finished'):
                    plant.add_event_listener(getattr(plant.EventType, kind), lambda *event: seen.append(event[:2]))
                plant.add_event_listener(plant.EventType.reactor_step, len)
                plant.remove_event_listener(len)
                plant.run_reactor('show')
                plant.run_reactor(module.show)              # once a session
                history = plant.get_execution_history()
                self.assertEqual(sorted(history), ['show'] if kept else ['load', 'show', 'total'])
                self.assertTrue(all(0 <= record.totalRuntime < 60 for record in history.values()))
                lines = []
                plant.print_execution_history(lines.append)
                self.assertEqual(len(lines), len(history))
            names = [name for kind, name in seen if kind == hotload.Plant.EventType.reactor_finished]
            self.assertEqual(names, ['show'] if kept else ['load', 'total', 'show'])
            self.assertEqual((hotload.Plant.EventType.subreactor_finished, 'sub') in seen, not kept)

    def test_reasons_tree_and_graph(self):
        text = CHAIN.replace(u'sum(raw)', u'smooth(raw)') + u'def smooth(x):\n    return sum(x) * FACTOR\nFACTOR = 1\n'

        def look(text, config=None):
            self.load(text)
            with self.plant(config=config) as plant:
                return plant.outdated(), plant.tree(), plant.graph()
        self.noted, self.given = [], []
        self.assertEqual(look(text)[0], ['%s: it never ran' % name for name in ('load', 'total', 'show')])
        self.run_text(text)
        self.assertEqual(look(text)[0], [])
        self.assertEqual(look(text.replace(u'sum(x)', u'max(x)'))[0], [
            'total: function `smooth` in mine.py changed', "show: 'sum' is made again by total"])
        self.assertEqual(look(text.replace(u'FACTOR = 1', u'FACTOR = 2'))[0][0],
                         'total: what it knows as `FACTOR` in mine.py changed')
        self.assertEqual(look(text.replace(u'[1, 2, 3]', u'[1]'))[0][0], 'load: its code changed')
        _, tree, graph = look(text.replace(u'sum(x)', u'max(x)'))
        self.assertEqual([line.split()[0] for line in tree.splitlines()], ['show', 'sum', 'raw'])
        self.assertIn('fresh', tree)
        for word in ('digraph', 'load', 'total', 'show', 'raw', 'sum', '->'):
            self.assertIn(word, graph)
        lines = []
        self.run_text(text.replace(u'sum(x)', u'max(x)'), progress=lines.append)
        self.assertTrue(lines[0].startswith('total ran in '), lines)
        self.assertIn('2 ran, 1 kept', lines[-1])
        self.assertEqual((self.out.getvalue(), self.err.getvalue()), ('', ''))

    def test_fetching_exporting_and_what_is_known(self):
        self.run_text(CHAIN)
        self.load(CHAIN)
        with self.plant() as plant:
            self.assertEqual(plant.fetch_ingredient('raw'), [1, 2, 3])
            self.assertTrue(plant.is_ingredient_known('sum') and not plant.is_ingredient_known('other'))
            found = plant.get_ingredient_object('raw')
            self.assertEqual((found.name, found.type, found.producerName), ('raw', hotload.Ingredient.Type.list, 'load'))
            plant.export(['raw', 'sum'], self.path('out'))
            with self.assertRaises(hotload.HotloadError):
                plant.fetch_ingredient('other')
        self.assertEqual(hotload.load_ingredients(self.path('out')), {'raw': [1, 2, 3], 'sum': 6})
        self.assertEqual(hotload.load_ingredients(self.path('out'), ['sum']), {'sum': 6})
        with self.assertRaises(hotload.HotloadError):
            hotload.load_ingredients(self.path('nothing'))

    def test_another_fingerprint_of_code(self):
        versions = {'load': 1, 'total': 1, 'show': 1}

        def of(function):
            return '%s %d' % (function.__name__, versions[function.__name__])
        self.assertRuns(CHAIN, ['load', 'total'], [6], function_hash=of)
        self.assertRuns(CHAIN.replace(u'sum(raw)', u'max(raw)'), [], [6], functionHash=of)
        versions['total'] = 2
        self.assertRuns(CHAIN, ['total'], [6], functionHash=of)

    def test_a_new_run_of_a_module_forgets_the_reactors_of_its_last(self):
        self.run_text(CHAIN)
        self.error(CHAIN.replace(u'@ReactorFunc\ndef load', u'def load'), "'raw'", 'total')

    def test_what_comes_from_two_modules(self):
        parts = CHAIN.split(u'\n\n@ReactorFunc')
        first = self.load(parts[0], 'first')
        module = self.load(u'@ReactorFunc' + parts[1] + u'\n\n@ReactorFunc' + parts[2], 'second')
        first.note = self.noted.append
        with self.plant() as plant:
            plant.run_reactor(module.show)
        self.assertEqual((self.noted, self.given), (['total', 'load'], [6]))

    def test_renamed_and_merged_reactors(self):
        self.run_text(CHAIN)
        self.assertEqual(self.run_text(CHAIN.replace(u'def load', u'def fetch').replace(u'3]', u'9]'))[1], [12])
        merged = u"@ReactorFunc\ndef both(pipe):\n    pipe.send('raw', [5])\n    pipe.send('sum', 55)\n"
        self.assertEqual(self.run_text(merged + CHAIN[CHAIN.index(u'@ReactorFunc\ndef show'):])[1], [55])
        self.assertEqual(self.run_text(CHAIN)[1], [6])

    def test_a_chain_and_a_fan_of_thousands(self):
        text = u'''
def step(i):
    def body(pipe):
        v = yield pipe.receive('v%d' % (i - 1 if DEEP else 0))
        pipe.send('v%d' % i, v + 1)
    body.__name__ = 'step%d' % i
    return ReactorFunc(body)
@ReactorFunc
def first(pipe):
    pipe.send('v0', pipe.read_config('base'))
for i in range(1, N + 1):
    step(i)
@ReactorFunc
def show(pipe):
    total = 0
    for i in [N] if DEEP else range(1, N + 1):
        total += yield pipe.receive('v%d' % i)
    out(total)
'''
        for deep in (True, False):
            source = u'N, DEEP = 3000, %s\n' % deep + text
            for base in (1, 1, 2):
                self.assertEqual(self.run_text(source, config={'base': base})[1],
                                 [base + 3000 if deep else 3000 * (base + 1)])

    def test_large_values_are_not_read_again_within_the_process(self):
        text = CHAIN.replace(u'[1, 2, 3]', u'list(range(10000))')
        self.run_text(text)
        before, read = hotload.read_bytes, []
        hotload.read_bytes = lambda path: read.append(path) or before(path)
        self.addCleanup(setattr, hotload, 'read_bytes', before)
        for _ in range(3):
            self.run_text(text.replace(u'sum(raw)', u'max(raw) + %d' % len(read)))
        self.assertLessEqual(len([path for path in read if 'entries' in path]), 1)

    def test_a_reactor_cannot_run_the_plant(self):
        self.noted, self.given = [], []
        module = self.load(u'@ReactorFunc\ndef show(pipe):\n    plants[0].run_reactor("show")\n')
        with self.plant() as plant:
            module.plants = [plant]
            with self.assertRaises(hotload.HotloadError):
                plant.run_reactor(module.show)

    def test_numpy_arrays_are_mapped_into_memory(self):
        try:
            import numpy
        except ImportError:
            self.skipTest('no numpy here')
        self.extra['np'] = numpy
        text = u'''
@ReactorFunc
def a(pipe):
    note('a')
    pipe.send('big', np.arange(400000.).reshape(400, 1000))
    pipe.send('small', np.arange(3), Ingredient.Type.array)
    pipe.send('empty', np.zeros((0, 3)), Ingredient.Type.array)
    array = pipe.allocate('filled', Ingredient.Type.array, shape=(1000, 100), dtype='f4')
    array[:] = 7
@ReactorFunc
def show(pipe):
    for name in 'big', 'small', 'empty', 'filled':
        array = yield pipe.receive(name)
        out([type(array) is np.ndarray, array.shape, float(array.sum())])
        if array.size:
            array.flat[0] = 99
'''
        expected = [[True, (400, 1000), 79999800000.0], [True, (3,), 3.0], [True, (0, 3), 0.0], [True, (1000, 100), 700000.0]]
        for _ in range(2):
            self.assertEqual(self.run_text(text)[1], expected)


class TestStoreOfPipeline(PlantCase):

    MIXED = u'''
@ReactorFunc
def numbers(pipe):
    pipe.send('list', list(range(1000)))
    pipe.send('int', 123456789)
    with open(pipe.allocate('file', Ingredient.Type.file), 'w') as stream:
        stream.write('file' * 100)
    pipe.allocate('buffer', Ingredient.Type.buffer, size=100000)[5:8] = b'big'
@ReactorFunc
def mix(pipe):
    a = yield pipe.receive('list')
    pipe.send('mixed', a[::-1])
@ReactorFunc
def show(pipe):
    m = yield pipe.receive('mixed')
    i = yield pipe.receive('int')
    f = yield pipe.receive('file')
    b = yield pipe.receive('buffer')
    out([m[::-1] == list(range(1000)), i, open(f).read() == 'file' * 100, bytes(b[5:8]), len(b)])
'''
    GOOD = [[True, 123456789, True, b'big', 100000]]

    def forget(self):
        """What this process knows of stores."""
        hotload.REMEMBERED.clear()
        gc.collect()

    def test_damaged_files_are_computed_again(self):
        self.assertEqual(self.run_text(self.MIXED)[1], self.GOOD)
        shutil.copytree(self.path('store'), self.path('kept'))
        rng, names = random.Random(4), self.entries()
        for kind in ('halve', 'empty', 'flip', 'flip', 'remove', 'fill'):
            for path in names:
                shutil.rmtree(self.path('store'))
                shutil.copytree(self.path('kept'), self.path('store'))
                with open(path, 'rb') as stream:
                    data = bytearray(stream.read())
                if kind == 'remove':
                    os.remove(path)
                elif data:
                    if kind == 'flip':
                        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                    data = {'halve': data[:len(data) // 2], 'empty': b'', 'fill': b'x' * len(data)}.get(kind, data)
                    write_file(path, data)
                self.forget()
                self.assertEqual(self.run_text(self.MIXED)[1], self.GOOD, (kind, path))

    def test_a_store_may_be_moved(self):
        self.run_text(CHAIN)
        os.rename(self.path('store'), self.path('elsewhere'))
        self.noted, self.given = [], []
        module = self.load(CHAIN)
        with hotload.Plant(self.path('elsewhere')) as plant:
            plant.run_reactor(module.show)
        self.assertEqual((self.noted, self.given), ([], [6]))

    def test_a_store_that_cannot_be_written_loses_nothing_but_time(self):
        self.run_text(CHAIN)
        text = CHAIN.replace(u'[1, 2, 3]', u'list(range(9999))')

        def fails(*args):
            raise EnvironmentError(errno.ENOSPC, 'No space left on device')
        move = hotload.Store.__dict__['_move']
        self.addCleanup(setattr, hotload.Store, '_move', move)
        hotload.Store._move = fails
        self.assertEqual(self.run_text(text)[1], [sum(range(9999))])
        self.assertIn('No space left', self.err.getvalue())
        hotload.Store._move = move
        self.assertRuns(text, ['load', 'total'], [sum(range(9999))])

    @needs_posix
    def test_a_store_that_others_can_write_is_refused(self):
        self.run_text(CHAIN)
        os.chmod(self.path('store'), 0o777)
        self.assertIn('chmod', str(self.error(CHAIN, self.path('store'))))
        self.assertRuns(CHAIN, [], [6], trust=True)
        self.save('afile', u'')
        with self.assertRaises(hotload.HotloadError):
            hotload.Plant(self.path('afile'))

    @needs_posix
    def test_a_new_store_is_for_its_owner_only(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.run_text(CHAIN)
        self.assertEqual(os.stat(self.path('store')).st_mode & 0o777, 0o700)

    def test_a_bound_is_kept_and_the_oldest_goes(self):
        text = CHAIN.replace(u'[1, 2, 3]', u"[pipe.read_config('n')] * 100000 + [b'a' * 200000][1:]")
        for n in list(range(9)) + [8, 0]:
            self.assertEqual(self.run_text(text, config={'n': n}, max_bytes=600000)[1], [n * 100000])
            self.assertLess(sum(map(os.path.getsize, self.entries())), 600000)
        self.assertRuns(text, [], [0], config={'n': 0}, max_bytes=600000)
        self.assertEqual(self.run_text(text, config={'n': 5}, max_bytes=1000)[1], [500000])

    def test_many_sessions_leave_few_files(self):
        for n in range(30):
            self.run_text(CHAIN.replace(u'[1, 2, 3]', u'[%d]' % n))
        self.assertLess(len(self.entries()), 20)
        self.assertRuns(CHAIN.replace(u'[1, 2, 3]', u'[7]'), [], [7])

    @needs_processes
    def test_killed_at_any_moment_the_next_run_is_right(self):
        program = u'import sys, hotload\nfrom hotload import *\n' + u'''
def step(name, source):
    def body(pipe):
        v = yield pipe.receive(source)
        pipe.send(name, [x + pipe.read_config('n') for x in v])
    body.__name__ = 'make_' + name
    return ReactorFunc(body)
@ReactorFunc
def make_s0(pipe):
    pipe.send('s0', list(range(2000)))
for i in range(1, 9):
    step('s%d' % i, 's%d' % (i - 1))
@ReactorFunc
def show(pipe):
    v = yield pipe.receive('s8')
    print(sum(v))
with Plant('store', {'n': int(sys.argv[1])}) as plant:
    print('begin'); sys.stdout.flush()
    plant.run_reactor(show)
'''
        self.save('program.py', program)
        seed = int(time.time())
        rng = random.Random(seed)
        env = dict(os.environ, PYTHONPATH=UNDER_TEST)
        for n in range(1, 4 if QUICK else 13):
            child = subprocess.Popen([sys.executable, 'program.py', str(n)], stdout=subprocess.PIPE, env=env)
            child.stdout.readline()
            end = time.time() + rng.random() * 0.02
            while time.time() < end:
                pass
            child.kill()
            child.communicate()
            status, out, err = run_python('program.py', str(rng.choice([n, n - 1])))
            self.assertEqual(status, 0, err)
            self.assertIn(int(out.split()[1]), [sum(range(2000)) + 16000 * m for m in (n, n - 1)], 'seed %d' % seed)

    @needs_processes
    def test_processes_may_share_a_store(self):
        self.save('program.py', u'import sys\nfrom hotload import *\n' + CHAIN.replace(u"note('", u"str('").replace(
            u'out(s)', u'print(s)').replace(u'[1, 2, 3]', u"[pipe.read_config('n')] * 1000")
            + u"\nfor n in range(5):\n    with Plant('store', {'n': n}) as plant:\n        plant.run_reactor(show)\n")
        env = dict(os.environ, PYTHONPATH=UNDER_TEST)
        children = [subprocess.Popen([sys.executable, 'program.py'], stdout=subprocess.PIPE, env=env) for _ in range(4)]
        for child in children:
            self.assertEqual(child.communicate()[0].split(), [b'0', b'1000', b'2000', b'3000', b'4000'])

    @needs_processes
    def test_a_class_has_one_name_whoever_runs_its_file(self):
        self.files({'things.py': u'''from __future__ import print_function
from hotload import *
class Thing(object):
    def __init__(self): self.v = 5
@ReactorFunc
def make(pipe):
    print('make')
    pipe.send('thing', Thing())
@ReactorFunc
def show(pipe):
    thing = yield pipe.receive('thing')
    print(type(thing) is Thing, type(thing).__module__, thing.v)
def main():
    with Plant('store') as plant:
        plant.run_reactor(show)
if __name__ == '__main__':
    main()
''', 'other.py': u'import things\nthings.main()\n'})
        for args, expected in ((['things.py'], 'make True __main__ 5'), (['other.py'], 'True things 5'),
                               (['-m', 'things'], 'True __main__ 5')):
            status, out, err = run_python(*args)
            self.assertEqual((status, ' '.join(out.split())), (0, expected), err)

    @needs_processes
    def test_each_save_runs_only_what_is_outdated(self):
        script = u'from hotload import *\n' + CHAIN.replace(u"note('", u"print('").replace(u'out(s)', u'print(s)') \
            + u"\nwith Plant('store') as plant:\n    plant.run_reactor(show)\n"
        self.save('script.py', script)
        step = hotload.ReloadedScript('script.py')
        self.addCleanup(step.close)
        expected = u'total\nload\n6\n'
        for text, more in ((script, u''), (script, u'6\n'), (script.replace(u'sum(raw)', u'max(raw)'), u'total\n3\n')):
            self.save('script.py', text)
            step.run()
            expected += more
            if not more:
                self.assertEqual(self.out.getvalue(), expected)
        self.assertEqual(self.out.getvalue(), expected)
        self.save('script.py', script.replace(u'@ReactorFunc\ndef load', u'def load'))
        with self.assertRaises(hotload.HotloadError):
            step.run()                          # though the name is still there


EXECUTORS = u'''
from __future__ import print_function
import os, sys, time
import hotload
from hotload import Plant, ReactorFunc, SubreactorFunc
class Thing(object):
    def __init__(self, v): self.v = v
@SubreactorFunc
def twice(pipe, x):
    s = yield pipe.receive('seed')
    raise hotload.Return(Thing(x * 2 + s))
@ReactorFunc
def seed(pipe):
    pipe.send('seed', 100)
def maker(i):
    def body(pipe, config):
        t = yield twice(pipe, i)
        time.sleep(config.nap)
        if config.bad == i:
            if config.die:
                os._exit(3)
            raise KeyError('bad %d' % i)
        pipe.send('v%d' % i, Thing(t.v))
    body.__name__ = 'make%d' % i
    return ReactorFunc(body)
for i in range(4):
    maker(i)
@ReactorFunc
def last(pipe):
    things = []
    for i in range(4):
        things.append((yield pipe.receive('v%d' % i)))
    print('RESULT', [thing.v for thing in things])
def main(executor, **config):
    begin = time.time()
    with Plant('store', dict(dict(nap=0.0, bad=-1, die=False), **config), executor) as plant:
        try:
            plant.run_reactor(last)
        except Exception as error:
            print('ERROR', type(error).__name__, error, getattr(error, '__notes__', ''))
        print(sorted(plant.get_execution_history()), round(time.time() - begin, 1))
def executor(kind):
    if kind == 'threads':
        from concurrent.futures import ThreadPoolExecutor
        return ThreadPoolExecutor(4)
    if kind != 'none':
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        if hasattr(multiprocessing, 'get_context') and sys.version_info >= (3, 7):
            return ProcessPoolExecutor(4, multiprocessing.get_context(kind))
        return ProcessPoolExecutor(4)
if __name__ == '__main__':
    main(executor(sys.argv[1]), **eval(sys.argv[2]))
'''


@unittest.skipIf(PY2, 'no concurrent.futures in the standard library')
@needs_processes
class TestExecutors(PlantCase):

    def runs(self, kind, config='{}', script=EXECUTORS):
        self.save('job.py', script)
        status, out, err = run_python('job.py', kind, config)
        return out + err

    def check(self, kind):
        out = self.runs(kind)
        self.assertIn('RESULT [100, 102, 104, 106]', out)
        for again in (kind, 'none'):
            out = self.runs(again)
            self.assertIn('RESULT [100, 102, 104, 106]', out)
            self.assertIn("['last']", out)
        out = self.runs(kind, '{"bad": 2}')
        self.assertIn("ERROR KeyError 'bad 2'", out)
        if sys.version_info >= (3, 11):
            self.assertIn('raised in reactor make2', out)
        out = self.runs('none', '{"bad": 9}')
        self.assertIn('RESULT', out)

    def test_threads(self):
        self.check('threads')

    @needs_posix
    def test_forked_processes(self):
        self.check('fork')
        out = self.runs('fork', '{"bad": 1, "die": True}')
        self.assertIn('make1', out)
        self.assertIn('ERROR HotloadError', out)
        self.assertIn('RESULT', self.runs('fork', '{"bad": 7, "die": True}'))

    @slow
    @unittest.skipIf(sys.version_info < (3, 7), 'a pool of spawned processes')
    def test_spawned_processes(self):
        self.check('spawn')

    @slow
    @unittest.skipIf(sys.version_info < (3, 7), 'a pool of spawned processes')
    def test_a_script_without_its_guard_is_told_the_line(self):
        script = EXECUTORS[:EXECUTORS.index(u"if __name__ ==")] + u"main(executor('spawn'))\n"
        out = self.runs('spawn', '{}', script)
        self.assertIn('job.py:%d' % len(script.splitlines()), out)
        self.assertIn('__main__', out)

    def test_four_half_seconds_go_side_by_side(self):
        for kind in ('threads', 'fork') if os.name == 'posix' else ('threads',):
            shutil.rmtree(self.path('store'), True)
            out = self.runs(kind, '{"nap": 0.5}')
            self.assertIn('RESULT', out)
            self.assertLess(float(out.split()[-1]), 1.2, out)

    def test_one_session_may_run_several_reactors(self):
        from concurrent.futures import ThreadPoolExecutor
        executor = ThreadPoolExecutor(2)
        self.addCleanup(executor.shutdown)
        text = CHAIN.replace(u'sum(raw)', u"sum(raw) + pipe.read_config('f')()")
        module = self.load(text + u"@ReactorFunc\ndef more(pipe):\n    out((yield pipe.receive('raw2')))\n"
                           u"@ReactorFunc\ndef raw2(pipe):\n    pipe.send('raw2', pipe.read_config('f')())\n")
        with self.plant(config={'f': lambda: 4}, executor=executor) as plant:
            plant.run_reactor(module.show)
            plant.run_reactor(module.more)
        self.assertEqual(self.given, [10, 4])

    def test_a_worker_that_knows_an_older_text_is_not_used(self):
        self.noted, self.given = [], []
        from concurrent.futures import ThreadPoolExecutor
        executor = ThreadPoolExecutor(2)
        self.addCleanup(executor.shutdown)
        text = CHAIN.replace(u'sum(raw)', u'sum(raw) + 1')
        first = self.load(CHAIN)
        functions = [first.load, first.total, first.show]
        given = self.given
        self.load(text)                         # what workers find under those names now
        with self.plant(executor=executor) as plant:
            plant.add_reactors(*functions)
            plant.run_reactor(functions[2])
        self.assertEqual(given, [6])


if __name__ == '__main__':
    loader = unittest.defaultTestLoader
    names = [arg for arg in sys.argv[1:] if not arg.startswith('-')]
    cases = [TestMeaning, TestPipeline, TestStoreOfPipeline, TestExecutors]
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(case) if not names else loader.loadTestsFromName(name, sys.modules[__name__])
                               for name in (names or [None]) for case in (cases if not names else cases[:1]))
    result = unittest.TextTestRunner(verbosity=2 if '-v' in sys.argv else 1).run(suite)
    sys.exit(not result.wasSuccessful())
