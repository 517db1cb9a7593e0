"""Random edits of two modules, saved step by step: does the running program become what a fresh start gives?

    python patch_fuzz.py [FIRST_SEED [COUNT]]

For each seed two modules are made up (`fuzz_a`, and `fuzz_b` which imports names from it and derives from its
classes) and loaded under a LivePatch. A dozen times some of their definitions are added, edited, moved, renamed,
exchanged for another kind or deleted, the files are saved and applied. After each save:

- every function, method, property, class and constant gives what it gives in modules that were imported afresh;
- so do objects, bound methods, functions and closures that were taken earlier;
- deleted definitions are gone, registries hold nothing twice, line numbers are those of the file;
- the edit, which was parsed in parts, left the same record as a parse of the whole file.

Each seed is played twice: as it is, and with every file compared as a whole. Valid on 2.7 and 3.6 or later; uses the
hotload.py of the folder two above. Prints the seed, the step and what differs; the exit status is 1 then.
"""
from __future__ import print_function

import os
import random
import shutil
import sys
import tempfile
import traceback
import types

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.dont_write_bytecode = True
import hotload

PY3, HAS_COLUMNS = sys.version_info >= (3,), sys.version_info >= (3, 8)
HEAD = '''table, rows = {}, []


def ident(function):
    return function


def twice(function):
    def call(*args):
        return [function(*args)] * 2
    return call


def enter(key):
    def keep(function):
        table[key] = function
        rows.append((key, function))
        return function
    return keep


'''
KINDS = ['const', 'func', 'func', 'func', 'class', 'class', 'class', 'lam', 'if', 'text', 'use', 'maker', 'counter']


class Text(object):
    """A module that is made up and edited. r: random.Random.      prefix: of its names.      items: [(kind, name,
    text)], of a class [header, members].      lingering: names that may stay after their statement is gone."""

    def __init__(self, r, prefix, imported=()):
        self.r, self.prefix, self.items, self.count, self.lingering = r, prefix, [], 0, set()
        self.imported = imported
        for _ in range(r.randrange(2, 9)):
            self.add()

    def names(self, *kinds):
        return [name for kind, name, _ in self.items if kind in kinds]

    def expression(self, names=()):
        number = self.r.randrange(9)
        return self.r.choice(['%d' % number, 'x', 'x + %d' % number, '(x, %d)' % number] + list(names))

    def known(self):
        """Names that functions may read: constants of this module and what it imports."""
        return self.names('const') + list(self.imported)

    def function(self, name, indent='', first='', decorators=()):
        """The text of a function with random parameters, decorators and body."""
        r, parts = self.r, []
        if r.random() < 0.3:
            parts += ['@' + r.choice(['twice', 'ident'] + list(decorators))]
        parameters = r.choice(['x', 'x, y=%d' % r.randrange(5), 'x=3', 'x, *z', 'x, y=(1, [%d])' % r.randrange(3)])
        if PY3 and r.random() < 0.2:
            parameters = 'x, *, k%d: int = %d' % (r.randrange(2), r.randrange(4))
        parts += ['def %s(%s%s):' % (name, first, parameters)]
        if r.random() < 0.2:
            parts += ['    """doc %d"""' % r.randrange(3)]
        value = self.expression(self.known() if r.random() < 0.3 else ())
        parts += r.choice([
            ['    return ' + value],
            ['    k = ' + value, '', '    return [k for _ in range(2)]'],
            ['    return (lambda q: (q, %s))(x), (lambda q: q)(2)' % value],
            ['    def inner(v):', '        return v, x', '    return inner(%s)' % value],
            ['    # %d' % r.randrange(99), '    if x:', '        return ' + value, '    return None'],
            ['    yield ' + value],
            ['    try:', '        return %s, [i for i in (1, 2)]' % value, '    finally:', '        pass']])
        return ''.join(indent + part + '\n' if part else '\n' for part in parts)

    def member(self, name, owner):
        """The text of a method or another member of a class."""
        r, kind = self.r, name[0]
        if kind == 'm':
            if r.random() < 0.3:
                ask = 'super()' if PY3 and r.random() < 0.6 else 'super(%s, self)' % owner
                return '    def %s(self, x):\n        return %s.%s(x), %s\n' % (name, ask, name, self.expression())
            if r.random() < 0.2:
                return '    def {0}(self, x):\n        return self.__{0}(x)\n\n    def __{0}(self, x):\n'.format(name) + (
                    '        return %s\n' % self.expression())
            return self.function(name, '    ', 'self, ')
        if kind == 'p':
            return '    @property\n    def %s(self, x=1):\n        return %s\n' % (name, self.expression()) + (
                '' if r.random() < 0.5 else '\n    @%s.setter\n    def %s(self, value):\n        pass\n' % (name, name))
        if kind == 's':
            return '    @staticmethod\n    def %s(x):\n        return %s\n' % (name, self.expression())
        if kind == 'c':
            return '    @classmethod\n    def %s(cls, x):\n        return cls.__name__, %s\n' % (name, self.expression())
        if kind == 'N':
            return '    class %s(object):\n        def m0(self, x):\n            return %s\n' % (name, self.expression())
        return '    %s = %s\n' % (name, r.choice(['%d' % r.randrange(9), '[%d]' % r.randrange(3), '"a"']))

    def make(self, kind, name):
        """A new item of that kind and name."""
        r = self.r
        if kind == 'const':
            text = '%s = %s\n' % (name, r.choice(['%d' % r.randrange(99), '[1, %d]' % r.randrange(9), '"s"',
                                                  '(\n    1,\n    %d,\n)' % r.randrange(9)]))
        elif kind == 'class':
            members = dict((member, self.member(member, name)) for member in r.sample(
                ['m0', 'm1', 'm2', 'p0', 's0', 'c0', 'N0', 'attr0', 'attr1'], r.randrange(1, 6)))
            others = [other for other in self.names('class') + list(self.imported) if other != name]
            bases = [r.choice(others)] if others and r.random() < 0.5 else []
            return kind, name, (bases, sorted(members.items(), key=lambda item: r.random()))
        elif kind == 'lam':
            text = '%s = lambda x: (x, %d); %s_b = lambda x: %d\n' % (name, r.randrange(9), name, r.randrange(9))
        elif kind == 'if':
            text = 'if True:\n' + self.function(name, '    ') + ('else:\n    pass\n' if r.random() < 0.5 else '')
        elif kind == 'text':
            text = '"""text\ndef not_me():\n    return 1\n"""\n'
        elif kind == 'use':
            text = 'def %s(x):\n    return x, %s\n' % (name, r.choice(self.known() or ['x']))
        elif kind == 'maker':
            text = 'def %s(n, w):\n    def inner(x):\n        return %s\n    return inner\n' % (
                name, self.expression(['(n, x)', '(n, w)', '[w]', 'n']))
        elif kind == 'counter' and PY3:
            text = 'def %s():\n    n = 0\n\n    def inner():\n        nonlocal n\n        n += %d\n        return n\n' \
                   '    return inner\n' % (name, r.randrange(5))
        else:
            text = self.function(name, '', '', ['enter("%s%d")' % (name, r.randrange(2))])
        return kind, name, text

    def add(self):
        self.count += 1
        kind = self.r.choice(KINDS)
        self.items.insert(self.r.randrange(len(self.items) + 1), self.make(kind, '%s%s%d' % (
            self.prefix, kind, self.count)))

    def edit(self):
        """Change something."""
        r, what = self.r, self.r.randrange(10)
        if not self.items or what == 0:
            return self.add()
        at = r.randrange(len(self.items))
        kind, name, text = self.items[at]
        if what == 1 and kind not in ('const', 'class') and len(self.items) > 2:
            self.lingering.update([name, name + '_b'] if kind == 'lam' else [])
            del self.items[at]
        elif what == 2:
            other = r.randrange(len(self.items))
            self.items[at], self.items[other] = self.items[other], self.items[at]
        elif what == 3:
            self.items.insert(at, ('comment', None, r.choice(['# hello %d\n' % r.randrange(99), '\n\n', '#x\n#y\n'])))
        elif what == 4 and kind in ('func', 'use', 'maker'):
            self.count += 1
            new = '%s%s%d' % (self.prefix, kind, self.count)
            self.items[at] = kind, new, text.replace(name, new)
        elif what == 5 and kind in ('func', 'lam', 'use', 'maker'):
            self.lingering.update([name, name + '_b'] if kind == 'lam' else [])
            self.items[at] = self.make(r.choice(['func', 'lam', 'use', 'maker', 'if']), name)
        elif kind == 'class' and what < 9:
            bases, members = text
            members = list(members)
            if members and r.random() < 0.6:
                number = r.randrange(len(members))
                if r.random() < 0.25:
                    del members[number]
                else:
                    members[number] = members[number][0], self.member(members[number][0], name)
            else:
                fresh = [part for part in ('m0', 'm1', 'm3', 'p1', 's1', 'c1', 'N1', 'attr2')
                         if part not in dict(members)]
                for part in fresh[:1]:
                    members.insert(r.randrange(len(members) + 1), (part, self.member(part, name)))
            self.items[at] = kind, name, (bases, members)
        elif kind == 'comment':
            del self.items[at]
        else:
            self.items[at] = self.make(kind, name)

    def write(self, before=''):
        """The text of the module. before: statements that come first."""
        parts = [before, HEAD]
        for kind, name, text in self.items:
            if kind == 'class':
                above = [other[1] for other in self.items[:self.items.index((kind, name, text))]] + list(self.imported)
                bases = [base for base in text[0] if base in above] or ['object']
                text = 'class %s(%s):\n%s' % (name, ', '.join(bases), '\n'.join(
                    member for _, member in text[1]) or '    pass\n')
            parts += [text, self.r.choice(['', '\n', '\n\n']) if self.r.random() < 0.1 else '\n']
        return ''.join(parts)


def result(function, *args):
    """What a call gives, or the name of its exception, in words."""
    try:
        return show(function(*args))
    except Exception as error:
        return type(error).__name__


def show(value):
    if isinstance(value, types.GeneratorType):
        return result(list, value)
    if isinstance(value, (list, tuple)):
        return '%s(%s)' % (type(value).__name__, ', '.join(map(show, value)))
    return value.__name__ if isinstance(value, type) else 'callable' if callable(value) else repr(value)


def behaviour(value, name=''):
    """What a value from a module does, in words: a text, or for a class a dict of them. name: that it goes by."""
    if isinstance(value, type):
        found, thing = {}, value()
        for name in dir(value):
            if not name.startswith('_'):
                found[name] = result(getattr(thing, name), 1) if name[0] in 'msc' else (
                    behaviour(getattr(value, name)) if name[0] == 'N' else result(getattr, thing, name))
        return found
    if not callable(value):
        return show(value)
    if 'maker' in name:
        return result(lambda: value(3, 4)(1)), result(value, 1)
    if 'counter' in name:
        return result(lambda: tick(value())), None
    return result(value, 1), value.__doc__


def tick(counter):
    first = counter()
    return counter() - first


def lines(space, module):
    """{name: first line} of the functions in a namespace."""
    found = {}
    for name, value in space.items():
        functions = vars(value).items() if isinstance(value, type) and value.__module__ == module else [('', value)]
        for part, function in functions:
            if isinstance(function, types.FunctionType) and function.__code__.co_filename != hotload.OWN_FILE and (
                    function.__module__ == module):
                found[name, part] = function.__code__.co_firstlineno
    return found


def fresh_modules(texts, paths):
    """{name: module} made from the texts, the live ones set aside meanwhile."""
    live = dict((name, sys.modules.pop(name, None)) for name in texts)
    try:
        for name in sorted(texts):
            module = sys.modules[name] = types.ModuleType(name)
            exec(compile(texts[name], paths[name], 'exec', 0, True), vars(module))
        return dict((name, sys.modules[name]) for name in texts)
    finally:
        for name in texts:
            sys.modules.pop(name, None)
            if live[name] is not None:
                sys.modules[name] = live[name]


class Game(object):
    """One seed: two modules, twelve saves. Raises AssertionError with what differs."""

    def __init__(self, seed, folder):
        self.r = random.Random(seed)
        self.first = Text(self.r, 'a_')
        self.second = Text(self.r, 'b_', self.exported())
        self.paths = dict((name, os.path.join(folder, name + '.py')) for name in ('fuzz_a', 'fuzz_b'))

    def exported(self):
        return self.first.names('const', 'class', 'func')

    def texts(self):
        names = self.exported()
        self.second.imported = names
        style = self.r.choice(['from fuzz_a import %s\n' % ', '.join(names) if names else '', 'from fuzz_a import *\n'])
        return {'fuzz_a': self.first.write(), 'fuzz_b': self.second.write(style)}

    def next_texts(self):
        """Texts after some edits that a fresh start can run, and its modules."""
        while True:
            were = [list(text.items) for text in (self.first, self.second)]
            for text in self.r.sample([self.first, self.second], self.r.randrange(1, 3)):
                for _ in range(self.r.randrange(1, 4)):
                    text.edit()
            texts = self.texts()
            try:
                return texts, fresh_modules(texts, self.paths)
            except (NameError, TypeError):      # a base that comes later, or bases that do not go together
                self.first.items, self.second.items = were

    def save(self, texts):
        for name, text in texts.items():
            with open(self.paths[name], 'w') as stream:
                stream.write(text)

    def play(self, patch):
        texts, _ = self.next_texts()
        self.save(texts)
        live = dict((name, vars(__import__(name))) for name in sorted(texts))
        held = {}
        for self.step in range(12):
            self.before, (texts, fresh) = texts, self.next_texts()
            self.hold(live, held)
            self.save(texts)
            self.changes = patch.apply()
            self.after = texts
            for name in texts:
                self.compare_modules(name, vars(fresh[name]), live[name])
                self.compare_record(name, texts[name])
            self.compare_held(fresh, held)

    def hold(self, live, held):
        """Take references that the program may have: objects, bound methods, functions, closures."""
        for module, space in live.items():
            for name, value in space.items():
                if isinstance(value, type) and value.__module__ == module and (module, name) not in held:
                    thing = value()
                    held[module, name] = [value, thing, [
                        (part, getattr(thing, part)) for part in vars(value) if part[0] == 'm']]
                elif isinstance(value, types.FunctionType) and name[1:2] == '_' and (module, name) not in held:
                    inner = None
                    if 'maker' in name and value.__code__.co_varnames[:2] == ('n', 'w'):
                        inner = value(3, 4)
                    held[module, name] = [value, inner, inner and set(inner.__code__.co_freevars)]

    def expect(self, truth, *what):
        if not truth:
            raise AssertionError('\n'.join(map(str, what)))

    def compare_modules(self, name, fresh, live):
        lingering = self.first.lingering | self.second.lingering
        for key in set(fresh) | set(live):
            if key.startswith('__') or key in ('ident', 'twice', 'enter', 'table', 'rows'):
                continue
            if key not in fresh:                # a name that was imported or assigned stays, as with a reload
                self.expect(key in lingering or name == 'fuzz_b' and key.startswith('a_'), name, key, 'is still there')
                continue
            self.expect(key in live, name, key, 'is missing')
            one, other = behaviour(fresh[key], key), behaviour(live[key], key)
            if 'NameError' not in str(one):     # a name whose import or assignment is gone stays, as with a reload
                self.expect(one == other, name, key, one, other)
        for key, function in fresh['table'].items():
            want = result(function, 1)
            self.expect(key in live['table'] and want in ('NameError', result(live['table'][key], 1)), 'table', key)
            self.expect([row[0] for row in live['rows']].count(key) == 1, 'rows', key, live['rows'])
        one, other = lines(fresh, name), lines(live, name)
        for key in one:
            self.expect(key not in other or one[key] == other[key], 'line of', name, key, one[key], other.get(key))

    def compare_held(self, fresh, held):
        for (module, name), (value, more, parts) in list(held.items()):
            now = vars(fresh[module]).get(name)
            if type(now) is not type(value) or isinstance(value, type) and now.__module__ != module:
                del held[module, name]          # deleted, or something of another kind
            elif isinstance(value, type):
                want = behaviour(now)
                if 'NameError' in str(want):
                    continue
                self.expect(behaviour(value) == want, 'held class', module, name, want, behaviour(value))
                for part in want:
                    if part[0] in 'msc':
                        got = result(getattr(more, part), 1)
                        self.expect(got == want[part], 'held object', module, name, part, want[part], got)
                parts[:] = [(part, method) for part, method in parts if part in vars(now)]
                for part, method in parts:
                    got = result(method, 1)
                    self.expect(got == want[part], 'held method', module, name, part, want[part], got)
            else:
                want, got = behaviour(now, name), behaviour(value, name)
                if 'NameError' not in str(want):
                    self.expect(want[0] == got[0], 'held function', module, name, want, got)
                code = now.__code__
                if code.co_varnames[:2] != ('n', 'w'):          # what it makes later is another function
                    held[module, name][1] = None
                elif more is not None:
                    inner = now(3, 4)
                    if set(inner.__code__.co_freevars) <= parts:
                        self.expect(result(inner, 1) == result(more, 1), 'held closure', module, name)

    def compare_record(self, name, text):
        file = hotload.live_file(self.paths[name])
        if file.source is not None:
            self.expect(file.source.data == text.encode('ascii'), 'the text on record')
            self.expect(file.source.at == file.source.starts, 'the lines of code')
            if HAS_COLUMNS:
                whole = hotload.Source(self.paths[name], file.source.data).starts
                self.expect(whole == file.source.starts, 'the chunks', name, whole, file.source.starts)


def play(seed, whole):
    """What went wrong with that seed, as text, or None. whole: compare whole files."""
    folder = os.path.realpath(tempfile.mkdtemp())
    sys.path.insert(0, folder)
    prepare, game = hotload.LiveFile.prepare, Game(seed, folder)
    if whole:
        hotload.LiveFile.prepare = lambda file, data, name=None, whole=True, heap=None: prepare(
            file, data, name, True, heap)
    patch = hotload.LivePatch(folder)
    try:
        game.play(patch)
    except Exception:
        parts = [traceback.format_exc()]
        if hasattr(game, 'step'):
            parts += ['save %d did:' % game.step] + list(map(str, getattr(game, 'changes', ())))
            for name in sorted(game.before):
                parts += ['---- %s before' % name, game.before[name], '---- %s after' % name,
                          getattr(game, 'after', {}).get(name, '')]
        return '\n'.join(parts)
    finally:
        patch.close()
        hotload.LiveFile.prepare = prepare
        sys.path.remove(folder)
        for name in game.paths:
            sys.modules.pop(name, None)
        shutil.rmtree(folder)


def main(first=0, count=100):
    bad = 0
    for seed in range(first, first + count):
        for whole in (False, True):
            why = play(seed, whole)
            if why:
                bad += 1
                print('seed %d, %s:\n%s' % (seed, 'whole files' if whole else 'parts', why))
                break
        if bad >= 3:
            break
    print('Python %s: %d seeds, %d wrong' % (sys.version.split()[0], seed - first + 1, bad))
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main(*map(int, sys.argv[1:])))
