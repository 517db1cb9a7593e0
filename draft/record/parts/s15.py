##############################################################################
## 15. Recording -- the state at any step, and other questions
##############################################################################
#
# Gives to those below Recording. The state at a step: the keyframe before it, the changes up to it (a
# World), and then
# new objects built from the contents (Copies), never by code of the user's.

__all__ += ['Recording']


class World(object):
    """The contents of all tokens at one place of the log. keyframe: where it starts.      space: of the
    current frame."""

    def __init__(self, keyframe, tokens):
        self.base, self.contents, self.space, self.tokens = keyframe.contents, {}, keyframe.space, tokens

    def content(self, token):
        """The content of a token, not to be changed."""
        found = self.contents.get(token, MISSING)
        if found is MISSING:
            found = self.base.get(token, MISSING)
        return token.first if found is MISSING else found

    def writable(self, token):
        """The content of a token, which may be changed."""
        found = self.contents.get(token, MISSING)
        return token.kind.copy(self.content(token)) if found is MISSING else found

    def names(self, is_global):
        """The names of the current frame, or of its module, which may be changed."""
        token = self.space.home.namespace if is_global else self.space
        found = self.contents.get(token)
        if found is None:
            found = self.contents[token] = self.content(token).copy()
        return found

    def copies(self, *tokens):
        """For each token of names a dict of new objects; they share what was shared."""
        return Copies(self).spaces(tokens)


class Copies(object):
    """Builds new objects from the contents of a World. memo: {id of an object: its copy}."""

    def __init__(self, world):
        self.world, self.memo, self.todo, self.unhashed = world, {}, [], []

    def spaces(self, tokens):
        """A dict of names for each token."""
        found = []
        for token in tokens:
            names = self.world.content(token)
            found.append(dict((name, part if type(part) in ATOMS else self.value(part))
                              for name, part in list(names.items())
                              if not (isinstance(name, string_types) and name.startswith('.'))))
        self.finish()
        return found

    def finish(self):
        """Fill what has been made, and what that makes."""
        late = []
        while self.todo or late:
            if self.todo:
                token, shell = self.todo.pop()
                if token.kind.name in ('dict', 'set'):
                    # when it is filled the keys are hashed: they must be whole
                    late.append((token, shell))
                    continue
            else:
                token, shell = late.pop(0)
            token.kind.fill(shell, self.world.content(token), self.value, token)
        for shell, cls in self.unhashed:
            with suppress(TypeError):
                shell.__class__ = cls

    def value(self, part):
        """The copy of one object, which finish() fills."""
        if type(part) in ATOMS or type(part) in SELF_TYPES and id(part) not in self.world.tokens:
            return part
        key = part.id if type(part) is Mark else id(part)
        if key in self.memo:
            return self.memo[key]
        if type(part) is Mark:
            made = self.memo[key] = StandIn.of(part.name, '<past %s object at %#x>' % (part.name, key))
            return made
        if type(part) in (tuple, frozenset):
            parts = list(map(self.value, part))
            same = all(lazy_map(same_objects, parts, part))
            made = self.memo[key] = part if same else type(part)(parts)
            return made
        token = self.world.tokens.get(key)
        if token is None or token.kind is OPAQUE:
            made = self.memo[key] = part if token is None or part is builtins_space else OPAQUE.blank(token,
                None)
            return made
        if token.kind is CLASS and self.is_same_class(token):
            self.memo[key] = part
            return part
        try:
            made = token.kind.blank(token, self.value)
        except Exception:                       # a type in C that must not be made in this way
            made = self.memo[key] = OPAQUE.blank(token, None)
            return made
        self.memo[key] = made
        self.todo.append((token, made))
        if token.body is not None:
            self.todo.append((token.body, made))
        if type(made) is Unhashed:
            self.unhashed.append((made, type(part)))
        return made

    def is_same_class(self, token):
        """Whether a class has the attributes now that it had then."""
        content, now = self.world.content(token), CLASS.read(token.obj)
        return len(content) == len(now) and all(
            content.get(name, MISSING) is part and (type(part) in ATOMS or id(part) not in self.world.tokens)
            for name, part in now.items())


class Recording(object):
    """What a run did: its steps, and the state before each of them.

    code: the text that ran, or None.      error: what ended the run, with its traceback, or None.
    result: what the
    function returned, for Recording.of().      engine: 'trace'.      approximate: [(first step, last step,
    why)] of
    changes that were noticed late.      notes: list of str, what else is to be known.

    >>> recording = record('x = []\\nfor i in range(3):\\n    x.append(i)')
    >>> recording.visits(3), recording.state(recording.visits(3)[2])['x']
    ([4, 6, 8], [0, 1])
    """

    def __init__(self, code=None):
        self.code, self.error, self.result, self.engine = code, None, None, 'trace'
        self.approximate, self.notes, self.log, self.tokens, self.keyframes = [], [], [], {}, []
        self.end = None                         # the place in the log where it ends, when it was cut
        self._forget()

    def _forget(self):
        self._indexed, self._steps, self._places, self._visits = 0, [], [], {}

    def _index(self):
        """The list of all steps; what was added to the log since the last time is looked through."""
        log = self.log
        end = len(log) if self.end is None else self.end
        if self._indexed < end:
            at, steps = self._indexed, self._steps
            marks = [mark for mark in self.keyframes[len(self._places):]]
            while at < end:
                while marks and marks[0].at <= at:
                    marks.pop(0)
                    self._places.append(len(steps))
                entry = log[at]
                if type(entry) is Site:
                    steps.append(entry)
                    at += 1
                else:
                    at += entry.size
            self._places += [len(steps)] * len(marks)
            self._indexed = at
        return self._steps

    def steps(self):
        """The number of steps."""
        return len(self._index())

    def _step(self, n):
        steps = self._index()
        return steps[n] if 0 <= n < len(steps) else None

    def line(self, n):
        """The number of the line of step n; 0 where there is no such step."""
        step = self._step(n)
        return step.line if step else 0

    def path(self, n):
        """The file of step n, or None."""
        step = self._step(n)
        return step.path if step else None

    def event(self, n):
        """'call', 'line', 'return' or 'exception'; None where there is no such step."""
        step = self._step(n)
        return step.event if step else None

    def visits(self, line, path=None):
        """The ascending list of steps at a line. path: of its file; default: that of the first step."""
        steps = self._index()
        if not self._visits or self._visits[None] != len(steps):
            self._visits = {None: len(steps)}
            for n, step in enumerate(steps):
                self._visits.setdefault((step.path, step.line), []).append(n)
        path = steps[0].path if path is None and steps else path
        return list(self._visits.get((path, line), ()))

    def state(self, n):
        """{name: value} before step n ran: the names of its module, updated with those of its frame. n is
        brought
        into 0..steps() - 1. The values are copies."""
        outer, inner = self.dicts(n)
        return dict(outer, **inner)

    def dicts(self, n):
        """(names of the module, names of the frame) before step n ran. At module level the second is
        empty."""
        world = self._world(n)
        if world is None:
            return {}, {}
        outer, inner = world.copies(world.space.home.namespace, world.space)
        return outer, inner

    def _world(self, n):
        """The World before step n ran; None when there are no steps."""
        steps = self._index()
        if not steps or not self.keyframes:
            return None
        n = min(max(n, 0), len(steps) - 1)
        chosen = bisect_right(self._places, n) - 1
        world = World(self.keyframes[chosen], self.tokens)
        self._play(world, self.keyframes[chosen].at, n - self._places[chosen])
        return world

    def _play(self, world, at, count):
        """Make the changes from a place in the log on, up to the step after so many others; its place."""
        log = self.log
        while True:
            entry = log[at]
            if type(entry) is Site:
                if not count:
                    return at
                count -= 1
                at += 1
            else:
                entry.play(world, log, at)
                at += entry.size

    def _walk(self):
        """For each step (n, its place in the log, World before it); the world is the same object each
        time."""
        if self.steps():
            world, at = World(self.keyframes[0], self.tokens), self.keyframes[0].at
            for n in range(self.steps()):
                at = self._play(world, at, 0)
                yield n, at, world
                at += 1

    def output(self, n):
        """The text that was written to stdout before step n ran."""
        self._index()
        texts, at, count, end = [], 0, 0, len(self.log) if self.end is None else self.end
        while at < end:
            entry = self.log[at]
            if type(entry) is Site:
                if count == n:
                    break
                count += 1
                at += 1
            else:
                if entry is PRINTED:
                    texts.append(self.log[at + 1])
                at += entry.size
        return ''.join(texts)

    def changes(self, name):
        """What happened to a name, and to what is in its value: a list of (n, path, line, frame, old, new).

        n: the first step that finds the new value.      path, line, frame: of the step that made it.
        old, new:
        the values, None where there was no such name.      A name of a function counts in each of its calls.
        """
        return Changes(self, name)

    def when(self, test):
        """The steps whose state passes a test, as an ascending list.

        test: a function of a state, or a text: comparisons (== != < <= > >= in) of names with literals,
        joined by
        `and` and `or`; a state that lacks a name does not pass.

        >>> record('x = 1\\nx = 2\\nx = 3').when('x >= 2')
        [3, 4]
        """
        passes = test if callable(test) else comparison(test)
        names, found, seen, passed = getattr(passes, 'names', None), [], None, False
        for n, at, world in self._walk():
            if names is None:
                passed = bool(passes(self._copied(world)))
            else:
                values = [Changes.find(world, name) for name in names]
                if any(type(value) not in ATOMS for value in values) or seen is None or not all(
                        lazy_map(same_objects, values, seen)):
                    shown = [value if type(value) in ATOMS or value is MISSING else Changes.copy(world, value)
                             for value in values]
                    passed = passes(dict(pair for pair in zip(names, shown) if pair[1] is not MISSING))
                seen = values
            if passed:
                found.append(n)
        return found

    def save(self, path):
        """Write it to a file."""
        import json
        import zlib
        with open(path, 'wb') as stream:
            stream.write(MAGIC + zlib.compress(json.dumps(packed(self), separators=(',',
                ':')).encode('ascii'), 6))

    @classmethod
    def load(cls, path):
        """The Recording in a file that save() wrote. No code runs and nothing is imported: objects of
        classes that are
        not loaded, and those that cannot be built, are stand-ins; .error is a HotloadError with the text of
        the error.
        """
        import json
        import zlib
        with open(path, 'rb') as stream:
            data = stream.read()
        if not data.startswith(MAGIC):
            raise HotloadError('is no recording', path=path)
        try:
            recording = cls()
            unpacked(json.loads(zlib.decompress(data[len(MAGIC):]).decode('ascii')), recording)
        except (zlib.error, ValueError, KeyError, IndexError, TypeError) as error:
            raise HotloadError('is a damaged recording: %s' % error, path=path)
        return recording

    def _copied(self, world):
        outer, inner = world.copies(world.space.home.namespace, world.space)
        return dict(outer, **inner)


class Changes(Sequence):
    """What Recording.changes() returns: a sequence; the values are built when they are asked for."""

    def __init__(self, recording, name):
        self.recording, self.name, self.found = recording, name, []
        last, known = {}, {}                    # {space: (value, version of what it is made of)}
        before, version = {}, {}
        touched = None
        at, previous = None, None
        for n, place, world in recording._walk():
            step, space = recording._steps[n], world.space
            start = at + 1 if at is not None else 0
            touched = self._touched(recording.log, start, place)
            at = place
            where = space if name in world.content(space) else space.home.namespace
            value = world.content(where).get(name, MISSING)
            old = last.get(where, MISSING)
            changed = value is not old
            if not changed and touched and type(value) not in ATOMS:
                changed = bool(touched.intersection(known.get(where, ())))
            if changed or touched and type(value) not in ATOMS and known.get(where) is None:
                known[where] = self._reach(world, value)
            if changed:
                source = previous or step
                self.found.append((n, source.path, source.line, source.frame, before.get(where)))
                before[where] = n
            elif value is MISSING and old is not MISSING:
                self.found.append((n, (previous or step).path, (previous or step).line, (previous or
                    step).frame,
                                   before.get(where)))
            last[where] = value
            previous = step

    @staticmethod
    def _touched(log, at, end):
        """The tokens that changed between two places of the log."""
        found = set()
        while at < end:
            entry = log[at]
            if type(entry) is Site:
                at += 1
            else:
                if entry.act is not None:
                    found.add(log[at + 1])
                at += entry.size
        return found

    @staticmethod
    def _reach(world, value):
        """The tokens of all that a value is made of."""
        found, todo, seen = set(), [value], set()
        while todo:
            part = todo.pop()
            if type(part) in ATOMS or id(part) in seen:
                continue
            seen.add(id(part))
            if type(part) in (tuple, frozenset):
                todo += part
            token = world.tokens.get(id(part))
            for token in (token, token and token.body):
                if token is not None:
                    found.add(token)
                    content = world.content(token)
                    if isinstance(content, dict):
                        todo += content.values()
                    elif isinstance(content, (list, tuple)):
                        todo += content
        return found

    @staticmethod
    def find(world, name):
        """What a name stands for, in the frame or its module; MISSING if it is not there."""
        value = world.content(world.space).get(name, MISSING)
        return world.content(world.space.home.namespace).get(name, MISSING) if value is MISSING else value

    @staticmethod
    def copy(world, value):
        """A copy of a value at a World's place."""
        copies = Copies(world)
        made = copies.value(value)
        copies.finish()
        return made

    def __len__(self):
        return len(self.found)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        n, path, line, frame, earlier = self.found[index]
        old = None if earlier is None else self.recording.state(earlier).get(self.name)
        return n, path, line, frame, old, self.recording.state(n).get(self.name)

    def __repr__(self):
        return repr(list(self))


COMPARISONS = {'Eq': operator.eq, 'NotEq': operator.ne, 'Lt': operator.lt, 'LtE': operator.le, 'Gt':
    operator.gt,
               'GtE': operator.ge, 'In': lambda a, b: a in b, 'NotIn': lambda a, b: a not in b}


def comparison(text):
    """The function of a state that a text of comparisons means; its .names are those that it reads."""
    import ast
    tree, names = ast.parse(text, mode='eval').body, []

    def operand(node):
        if isinstance(node, ast.Name) and node.id not in ('None', 'True', 'False'):
            names.append(node.id)
            return lambda state: state[node.id]
        value = ast.literal_eval(node)
        return lambda state: value

    def build(node):
        if isinstance(node, ast.BoolOp):
            parts, join = [build(part) for part in node.values], all if isinstance(node.op, ast.And) else any
            return lambda state: join(part(state) for part in parts)
        if not isinstance(node, ast.Compare):
            raise ValueError
        values = [operand(part) for part in [node.left] + node.comparators]
        tests = [COMPARISONS[type(op).__name__] for op in node.ops]
        return lambda state: all(test(one(state), two(state)) for test, one, two in zip(tests, values,
            values[1:]))
    try:
        passes = build(tree)
    except (ValueError, KeyError):
        raise HotloadError('when(%r): expected comparisons of names with literals, joined by and/or' %
            (text,))

    def test(state):
        try:
            return passes(state)
        except (KeyError, TypeError):           # no such name; values that cannot be compared
            return False
    test.names = sorted(set(names))
    return test
