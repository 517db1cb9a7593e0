"""Random scripts and random edits through --cache, with a fresh run as oracle.

    python3 docs/benchmarks/cache_fuzz.py [--seed N] [--count N] [--restart] [--picture FILE] [--all]

After each version of a script the namespace (what its names share included), the error and its line, and what was
printed must be those of a fresh run. --restart: a new process for each version, so that only the store is left.
--picture: a file with a function picture(namespace, folder) to compare by; default: hotload's own. Stops at the first
divergence, drops versions and statements while it lasts, and prints what is left. POSIX only: processes are forked.
"""
from __future__ import print_function

import argparse
import marshal
import os
import random
import shutil
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:1] = [os.environ.get('HOTLOAD_UNDER_TEST') or os.path.dirname(os.path.dirname(HERE))]
import hotload                                                                   # noqa: E402

HEAD = """import os
import random
import helper
import helper as h2
from helper import shared, grow, Base
random.seed(1)
class Box(object):
    made = 0
    kinds = []
    def __init__(self, v):
        self.v = v
        self.items = []
    def bump(self):
        self.v += 1
        Box.made += 1
        return self.v
    def take(self, x):
        self.items.append(x)
        return len(self.items)
class Sub(Box):
    def bump(self):
        self.items.append(self.v)
        return Box.bump(self) + 10
a = [1]
b = [2, 3]
d = [a]
c = [a, b]
n = 1
m = 2
k = {'x': 1}
s = set([1, 2])
o = Box(1)
p = o
def f(x):
    return x + 1
def g(xs):
    xs.append(7)
    return len(xs)
def h(x):
    global n
    n = n + x
    return f(x)
def t(x, seen=[]):
    seen.append(x)
    return len(seen)
def mk(z):
    state = [z]
    def step(y):
        state.append(y)
        return len(state) + z
    return step
w = mk(2)
""".rstrip('\n')
FORMS = r"""
{L} = [{i}, {i}]|{L} = {L}|{L} = {L} + {L}|{L} = list({L})|{L}.append({N})|{L} = [x for x in {L} if x != {N}]
{L} += [{N}]|{L}[0:1] = [{N}]|del {L}[-1:]|{L}.reverse()|{L} = {L}[:2]|{L}.append([{N}])|c = [{L}, {L}]
c[0].append({N})|{L} = c[0]|c.append({L})|c = c[-2:]|{N} = len(c[0])|c[0], c[-1] = c[-1], c[0]|{N} = {i}
{N} = {N} + {i}|{N} += {i}|{N} = len({L})|{N} = f({N})|{N} = g({L})|{N} = h({N})|k['x'] = {N}|k['y'] = {L}
k = dict(x={N})|j = k|k.pop('x', None)|{N} = len(k)|k.setdefault('z', []).append({N})|{L} = k.get('y', {L})
k.update(q={L})|e = k.items and dict(k)|o.v = {N}|o = Box({N})|p = o|o = p|{N} = o.bump()|{N} = p.bump()
o.items = {L}|o.items.append({N})|{L} = o.items|o = Sub({N})|Box.kinds.append({N})|Box.extra = {L}
{N} = Box.made|Box.made = {i}|{N} = o.take({L})|del o.items[:]|p = Box({L})
for i in range(3):\n    {L}.append(i + {N})|for i in list({L})[:3]:\n    {N} = i|{N} = random.randint(0, 99)
random.shuffle({L})|if {N} > {i}:\n    {L} = [{i}]\nelse:\n    {L}.append({i})
while {N} < 3:\n    n += 1; m += 1|if {N} > {i}:\n    z = {N}
try:\n    {N} = k['y'][0]\nexcept (KeyError, IndexError):\n    {N} = -1|q = (x for x in {L})|{N} = next(q, -1)
q = iter([{L}, {L}])
try:\n    {L}.append({N})\n    {L}[{i}]\n    z = 1\nexcept Exception as problem:\n    z = type(problem).__name__
with open('data.txt') as stream:\n    {N} = len(stream.read())
{N} = int(open('data.txt').read().split()[0]) + {i}|w = lambda: {N}|w = mk({N})
{N} = w({N}) if w.__name__ == 'step' else {N}|r = iter({L})|{N} = next(r, -2)|{L}, {L} = {L}, {L}|h.count = {N}
{N} = getattr(h, 'count', 0)|h.seen = {L}|def f(x):\n    return x + {i}|def f(x):\n    return x + {N}
def g(xs):\n    xs.append({i})\n    return len(xs)|def g(xs):\n    xs = xs + [{N}]\n    return f(len(xs))
def h(x):\n    a.append(x)\n    return f(x)|def t(x, seen={L}):\n    seen.append(x)\n    return len(seen)
{N} = t({N})|u = f|{N} = u({i})
Box.bump = lambda self: {i}|del j|del {N}|del {L}|s.add({N})|s.discard({N})|{L} = sorted(s)|s.update({L}[:1] == [1] and [5] or [6])|{N} = helper.one + {i}|helper.shared.append({N})|{L} = helper.shared
{L} = shared|shared.append({N})|{N} = grow({N})|helper.one = {N}|{N} = helper.count()|v = Base({N})|{L} = v.rows
v.add({N})|{N} = h2.count()|from helper import one as n|os.environ['FUZZ'] = str({N})
{N} = int(os.environ.get('FUZZ', '3'))|{N} = int(os.environ.get('FUZZ', '3')) + {i}|import other|{N} = other.two
other.pile.append({L})|{L} = other.pile|from other import *|{N} = pull()|print('note', {N})|print({L})|{N}|{L}
exec('n = {i}')|exec('{L}.append({i})')|globals()['m'] = {N}|{N} = eval('n + {i}')
{L} = [y for x in c for y in x if isinstance(y, int)]|def rec(x):\n    return 1 if x < 1 else x * rec(x - 1)
{N} = rec({i})|raise ValueError({N})|{L}[99]|assert {N} != {i}|1 / 0
def deco(fn):\n    fn.tag = {N}\n    return fn|@deco\ndef f(x):\n    return x * {i}|tup = ({L}, {N})
{L} = tup[0]|{N} = tup[1]|nest = [[{L}], {'k': {L}}]|nest[0][0].append({N})|{L} = nest[1]['k']
""".strip().replace('\n', '|').split('|')
FORMS.append("""class Box(object):
    made = {i}
    kinds = []
    def __init__(self, v):
        self.v = v
        self.items = [{i}]
    def bump(self):
        self.items.append(self.v)
        return {i}
    def take(self, x):
        return {i}""")
HELPERS = ["one = 1\nshared = []\n", "one = 2\nshared = [5]\n"]
HELPER_TAIL = ["def grow(x):\n    shared.append(x)\n    return len(shared)\n",
               "def grow(x):\n    shared.append(x + 1)\n    return 7\n"]
HELPER_END = """def count():
    return len(shared) + one
class Base(object):
    def __init__(self, x):
        self.rows = [x]
    def add(self, x):
        self.rows.append(x)
        shared.append(self.rows)
"""
OTHERS = ["import helper\ntwo = 2\npile = []\ndef pull():\n    return helper.grow(two)\n",
          "from helper import shared\ntwo = 5\npile = [shared]\n"
          "def pull():\n    pile.append(1)\n    return len(pile)\n"]


class Maker(object):
    """Random versions of a script with its files, from a seed. A version: (list of statements, {name: text})."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def statement(self):
        pick, out = self.random.choice, []
        for piece in pick(FORMS).replace('\\n', '\n').split('{'):
            kind, found, rest = piece.partition('}')
            if found and kind in ('L', 'N', 'i'):
                piece = {'L': pick('abd'), 'N': pick('nm'), 'i': str(self.random.randint(0, 9))}[kind] + rest
            elif out:
                piece = '{' + piece
            out.append(piece)
        return ''.join(out)

    def files(self):
        pick = self.random.choice
        return {'helper.py': pick(HELPERS) + pick(HELPER_TAIL) + HELPER_END, 'other.py': pick(OTHERS),
                'data.txt': '%d words' % self.random.randint(1, 3)}

    def edit(self, body):
        body, at, what = list(body), self.random.randrange(len(body)), self.random.choice('cccciiiiddswk')
        if what == 'c':
            body[at] = self.statement()
        elif what == 'i':
            body.insert(at, self.statement())
        elif what == 'd' and len(body) > 3:
            del body[at]
        elif what == 's':
            other = self.random.randrange(len(body))
            body[at], body[other] = body[other], body[at]
        elif what == 'w':
            body.insert(at, body[self.random.randrange(len(body))])
        else:
            body[at] = '# note %d\n%s' % (self.random.randint(0, 9), body[at])
        return body

    def versions(self):
        body = [self.statement() for _ in range(self.random.randint(4, 16))]
        found = [(body, self.files())]
        for _ in range(self.random.randint(2, 5)):
            body, files = found[-1]
            if len(found) > 1 and self.random.random() < 0.15:
                body, files = found[self.random.randrange(len(found) - 1)]
            else:
                for _ in range(self.random.choice((1, 1, 1, 2, 3))):
                    body = self.edit(body)
                if self.random.random() < 0.25:
                    files = self.files()
            found.append((body, files))
        return found


def script_text(body):
    return HEAD + '\n' + '\n'.join(body) + '\n'


def write_version(folder, version):
    for name, text in list(version[1].items()) + [('script.py', script_text(version[0]))]:
        path = os.path.join(folder, name)
        data = text.encode('utf-8')
        if not os.path.exists(path) or hotload.read_bytes(path) != data:
            if not os.path.isdir(os.path.dirname(path)):
                os.makedirs(os.path.dirname(path))
            with open(path + '~', 'wb') as stream:
                stream.write(data)
            os.rename(path + '~', path)


class Child(object):
    """A forked process that calls work() -> something marshal takes, once for each ask()."""

    def __init__(self, make_work):
        to_child, to_parent = os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                os.close(to_child[1])
                os.close(to_parent[0])
                work = make_work()
                answer = os.fdopen(to_parent[1], 'wb')
                while os.read(to_child[0], 1):
                    try:
                        found = work()
                    except BaseException:
                        found = {}, ('crash', traceback.format_exc(), 0), ''
                    data = marshal.dumps(found)
                    answer.write(marshal.dumps(len(data)) + data)
                    answer.flush()
            finally:
                os._exit(0)
        os.close(to_child[0])
        os.close(to_parent[1])
        self.asking, self.answer = to_child[1], os.fdopen(to_parent[0], 'rb')

    def ask(self):
        os.write(self.asking, b'?')
        try:
            return marshal.loads(self.answer.read(marshal.loads(self.answer.read(5))))
        except (EOFError, ValueError):
            return {}, ('crash', 'the process ended', 0), ''

    def close(self):
        os.close(self.asking)
        self.answer.close()
        os.waitpid(self.pid, 0)


def describe(error, trace, path):
    """(type, text, line in the script) of an error."""
    line = getattr(error, 'lineno', None)
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return type(error).__name__, str(error).replace('global name', 'name'), line


class Capture(object):
    """stdout and stderr of this process, in a file."""

    def __init__(self):
        self.stream = tempfile.TemporaryFile()
        for number in 1, 2:
            os.dup2(self.stream.fileno(), number)

    def take(self):
        sys.stdout.flush()
        sys.stderr.flush()
        self.stream.seek(0)
        text = self.stream.read().decode('utf-8', 'replace')
        self.stream.seek(0)
        self.stream.truncate()
        return text


def session(folder, store, picture, fresh):
    """The work of a child: run the script once; (picture, error, output)."""
    path = os.path.join(folder, 'script.py')

    def make():
        os.chdir(folder)
        capture = Capture()
        step = hotload.ReloadedScript(path) if fresh else hotload.CachedScript(path, store=store)

        def work():
            error = None
            if fresh:
                try:
                    step.run()
                except (Exception, SystemExit) as problem:
                    error = describe(problem, sys.exc_info()[2], path)
            else:
                report = step.run()
                if report.error is not None:
                    error = describe(report.error, report.trace, path)
            text = capture.take()
            return picture(step.namespace, folder), error, text
        return work
    return make


def own_picture(names, folder):
    """{name: text} of a namespace, by hotload."""
    def is_local(name):
        return name == '__main__' or os.path.dirname(getattr(sys.modules.get(name), '__file__', None) or '') == folder
    space = hotload.Program(names, sys.modules['__main__'], is_local)
    return hotload.Picture(space).of(names)


class Trial(object):
    """Plays versions through the cache and afresh. picture(namespace, folder) -> {name: text}."""

    def __init__(self, restart, picture):
        self.restart, self.picture = restart, picture

    def play(self, versions):
        """The list of what differs, a text or '' for each version."""
        top = os.path.realpath(tempfile.mkdtemp(prefix='hotload-fuzz-'))
        folder, store, found, child = os.path.join(top, 'work'), os.path.join(top, 'store'), [], None
        os.mkdir(folder)
        try:
            for version in versions:
                write_version(folder, version)
                if child is None or self.restart:
                    if child is not None:
                        child.close()
                    child = Child(session(folder, store, self.picture, False))
                mine = child.ask()
                oracle = Child(session(folder, store, self.picture, True))
                found.append(self.difference(mine, oracle.ask()))
                oracle.close()
        finally:
            if child is not None:
                child.close()
            shutil.rmtree(top, ignore_errors=True)
        return found

    @staticmethod
    def difference(mine, fresh):
        if mine[1] != fresh[1]:
            return 'error %r, not %r' % (mine[1], fresh[1])
        if fresh[1] and fresh[1][0] == 'SyntaxError':
            return ''
        wrong = [name for name in sorted(set(mine[0]) | set(fresh[0])) if mine[0].get(name) != fresh[0].get(name)]
        if wrong:
            return 'names ' + ', '.join(wrong)
        return '' if mine[2] == fresh[2] else 'output %r, not %r' % (mine[2], fresh[2])

    def shrink(self, versions):
        """Fewer versions and statements that still diverge."""
        wrong = self.play(versions)
        versions, shorter = versions[:1 + [bool(one) for one in wrong].index(True)], True
        while shorter:
            shorter = False
            for at in range(len(versions) - 1):
                fewer = versions[:at] + versions[at + 1:]
                if any(self.play(fewer)):
                    versions, shorter = fewer, True
                    break
            for text in sorted(set(text for body, _ in versions for text in body)):
                fewer = [([one for one in body if one != text], files) for body, files in versions]
                if any(self.play(fewer)):
                    versions, shorter = fewer, True
        return versions


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--count', type=int, default=100)
    parser.add_argument('--restart', action='store_true')
    parser.add_argument('--picture')
    parser.add_argument('--all', action='store_true')
    parser.add_argument('--no-shrink', action='store_true')
    args = parser.parse_args()
    picture = own_picture
    if args.picture:
        space = {'__name__': 'picture'}
        with open(args.picture) as stream:
            exec(compile(stream.read(), args.picture, 'exec'), space)
        import json
        picture = lambda names, folder: dict(                                   # noqa: E731
            (name, json.dumps(shown, sort_keys=True)) for name, shown in space['picture'](names, folder).items())
    trial, sequences, versions, wrong = Trial(args.restart, picture), 0, 0, 0
    for seed in range(args.seed, args.seed + args.count):
        made = Maker(seed).versions()
        found = trial.play(made)
        sequences, versions, wrong = sequences + 1, versions + len(found), wrong + sum(map(bool, found))
        if any(found):
            print('seed %d: %s' % (seed, [(number, one) for number, one in enumerate(found) if one][0]))
            sys.stdout.flush()
            if not args.all:
                if not args.no_shrink:
                    made = trial.shrink(made)
                for number, (body, files) in enumerate(made):
                    print('--- version %d  %s\n%s' % (number + 1, sorted(files.items()), '\n'.join(body)))
                print('--- differs: %s' % trial.play(made)[-1])
                break
    print('%d of %d versions of %d scripts faithful' % (versions - wrong, versions, sequences))
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
