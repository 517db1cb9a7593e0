##############################################################################
## 19. Record -- code, functions and scripts
##############################################################################
#
# Gives to the user record(), Recording.of(), RecordedScript, and `hotload --record` with its prompt.

__all__ += ['record', 'RecordedScript']


def record(code, globals=None, callback=None, max_steps=0, max_seconds=0, record_state=True, engine='trace',
        raw=False):
    """Run code, and return a Recording of it, also when it raises.

    code: text or a code object.      globals: dict that it runs in, which is used and not copied; default: a
    new one,
    in which __name__ is '__main__'.      callback(recording): called at the start, every 50,000 steps and at
    the end; the
    recording can be queried in it; what it raises ends the run.      max_steps, max_seconds: limits, 0 for
    none; at one
    the run ends, with a RuntimeError as .error.      record_state: False to keep the steps only.
    engine: 'trace'.
    raw: keep the events of sys.settrace as they are; without it they are those of one Python as of the
    others.
    Raises SyntaxError when the text does not compile.

    >>> recording = record('a = 1\na += 1')
    >>> [recording.state(n).get('a') for n in range(recording.steps())]
    [None, None, 1, 2]
    """
    if engine not in ('trace', 'auto'):
        raise HotloadError("engine=%r: expected 'trace'" % (engine,))
    text, path = None, '<recorded>'
    if isinstance(code, CodeType):
        path = code.co_filename
    else:
        text, code = code, compile(code, path, 'exec', 0, True)
    recording = Recording(text)
    own = globals is None
    space = {'__name__': '__main__'} if own else globals
    made = Engine(recording, lambda name: name == path, lambda name: text if text is not None else
        file_text(name),
                  callback, max_steps, max_seconds, record_state, raw)
    made.flags = code.co_flags & ALL_FUTURES
    made.run(lambda: execute(code, space), space)
    if own:                                     # they are not in the __main__ that other code sees
        for cls in made.classes:
            if vars(cls).get('__module__') == '__main__':
                with suppress(TypeError, AttributeError):
                    cls.__module__ = path
    return recording


def record_call(function, args, kwargs):
    """Call a function and record it; see Recording.of."""
    inner = getattr(function, '__func__', function)
    code = getattr(inner, '__code__', None)
    if type(code) is not CodeType:
        raise HotloadError('cannot record %r: expected a function written in Python' % (function,))
    recording = Recording()
    made = Engine(recording, lambda path: path == code.co_filename, file_text)
    made.flags = code.co_flags & ALL_FUTURES
    made.run(lambda: function(*args, **kwargs), inner.__globals__)
    return recording


def _of(cls, function, *args, **kwargs):
    """Call function(*args, **kwargs) and record it and the other code of its file; .result is what it
    returned.

    What it raises becomes .error. Raises HotloadError for what is not written in Python.

    >>> def double(numbers):
    ...     return [2 * number for number in numbers]
    >>> Recording.of(double, [1, 2]).result
    [2, 4]
    """
    return record_call(function, args, kwargs)


Recording.of = classmethod(_of)                 # here, because it stands on the engine


def __getattr__(name):
    """hotload.exec is record, for programs that were written for Execorder (3.7 and later)."""
    if name == 'exec':
        return record
    raise AttributeError('module %r has no attribute %r' % (__name__, name))


def file_text(path):
    """The bytes of a source file, or None."""
    with suppress(EnvironmentError, ValueError, TypeError):
        return fresh.read(path)


ALL_FUTURES = 0
for _flag in FUTURES.values():
    ALL_FUTURES |= _flag


def show_value(value, room=60):
    """A short text for a value of the past; calls no code of the user's."""
    def show(part, depth):
        kind = type(part)
        if kind in ATOMS:
            text = repr(part)
            return text if len(text) <= room else text[:room // 2] + '...' + text[-8:]
        if isinstance(part, StandIn) and hasattr(part, '_past'):
            return part._past
        name = getattr(kind, '__name__', '?')
        if depth > 3:
            return '...'
        if kind in (list, tuple, set, frozenset) or isinstance(part, (list, tuple, set, frozenset,
                collections.deque)):
            base = [base for base in (list, tuple, set, frozenset, collections.deque) if isinstance(part,
                base)][0]
            parts = list(base.__iter__(part))
            inner = ', '.join([show(item, depth + 1) for item in parts[:8]] + ['...'] * (len(parts) > 8))
            return {list: '[%s]', tuple: '(%s)', set: '{%s}'}.get(kind, name + '(%s)') % inner
        if isinstance(part, dict):
            pairs = list(DICT.pairs(part))
            inner = ', '.join(['%s: %s' % (show(key, depth + 1), show(item, depth + 1)) for key, item in
                pairs[:8]]
                              + ['...'] * (len(pairs) > 8))
            return ('{%s}' if kind is dict else name + '({%s})') % inner
        if kind is FunctionType or isinstance(part, class_types + (type(sys),)):
            return '<%s %s>' % (name, part.__name__)
        if kind in SELF_TYPES:
            return repr(part)[:room]
        getter = layout(kind)[0]
        names = sorted(getter(part).items(), key=lambda item: str(item[0])) if getter else []
        names += [(slot, slot_value(where, part)) for slot, where in layout(kind)[1]]
        return '%s(%s)' % (name, ', '.join('%s=%s' % (key, show(item, depth + 1)) for key, item in names[:8]
                                           if item is not MISSING))
    text = show(value, 0)
    return text if len(text) <= 3 * room else text[:3 * room] + '...'


class Cursor(object):
    """A place in a Recording, moved by what is typed at the prompt. n: the step."""

    def __init__(self, recording):
        self.recording, self.n = recording, max(0, recording.steps() - 1)

    def verbs(self):
        """{name: what it means at the prompt}."""
        return {'rec': self.recording, 'back': self.back, 'forward': self.forward, 'goto': self.goto, 'last':
            self.last}

    def goto(self, n):
        """Go to step n, and show it."""
        self.n = min(max(n, 0), max(0, self.recording.steps() - 1))
        self.show()

    def back(self, steps=1):
        """Go back."""
        self.goto(self.n - steps)

    def forward(self, steps=1):
        """Go forward."""
        self.goto(self.n + steps)

    def last(self, name):
        """Go to the step before the last change of a name, seen from here; says so when there is none."""
        earlier = [change for change in self.recording.changes(name).found if change[0] <= self.n]
        if not earlier:
            return write(sys.stdout, '%s did not change before step %d\n' % (name, self.n))
        self.goto(earlier[-1][0] - 1)

    def show(self):
        """Print the line of the step, and the names that it changes."""
        write(sys.stdout, 'step %d of %d  %s\n' % (self.n, self.recording.steps(), line_text(self.recording,
            self.n)))


def line_text(recording, n):
    """'path:line in frame  text' of a step, with the names that the step changes."""
    step = recording._steps[n]
    text = source_line(recording, step.path, step.line)
    names = ', '.join('%s = %s' % pair for pair in changed_names(recording, n))
    place = '%s:%d%s' % (os.path.basename(step.path), step.line, '' if step.frame == '<module>' else ' in ' +
        step.frame)
    return '%-24s %-10s%s%s' % (
        place, '' if step.event == 'line' else step.event, text, names and '        # ' + names)


def source_line(recording, path, line):
    """The text of a line, stripped."""
    text = recording.code if path == '<recorded>' else file_text(path)
    if text is None:
        return ''
    text = text if isinstance(text, text_type) else text.decode('utf-8', 'replace')
    lines = text.splitlines()
    found = lines[line - 1].strip() if 0 < line <= len(lines) else ''
    return str(found) if not PY2 else found.encode('ascii', 'backslashreplace')


def changed_names(recording, n):
    """[(name, text of its new value)] of what step n changed, as the next step in the same frame finds it."""
    before, at = recording._world(n), n + 1
    while at < recording.steps() and recording._world(at).space is not before.space and at < n + 50:
        at += 1
    if at >= recording.steps() or recording._world(at).space is not before.space:
        return []
    old, new = recording.state(n), recording.state(at)
    shown = [(name, show_value(new[name])) for name in sorted(new) if not name.startswith('__')]
    return [(name, text) for name, text in shown if name not in old or show_value(old[name]) != text]


class RecordedScript(ReloadedScript):
    """Run a script as ReloadedScript does, and record it and the local modules that it imports.

    path, argv, module, entrypoint: see ReloadedScript.      engine: 'trace' or 'auto'.      max_steps,
    max_seconds: limits.
    recording: the Recording of the last run, or None.

    >>> RecordedScript('no such file')
    Traceback (most recent call last):
        ...
    HotloadError: no such file: there is no such script
    """

    def __init__(self, path=None, argv=(), module=None, engine='auto', max_steps=0, max_seconds=0,
            entrypoint=None):
        ReloadedScript.__init__(self, path, argv, entrypoint, module)
        if engine not in ('trace', 'auto'):
            raise HotloadError("engine=%r: expected 'trace' or 'auto'" % (engine,))
        self.recording, self.max_steps, self.max_seconds, self.cursor = None, max_steps, max_seconds, None

    def run(self, changed=()):
        """Run and record it once; what it raises goes through."""
        if self.cursor is not None:             # what the prompt had
            for name, verb in self.cursor.verbs().items():
                if self.namespace.get(name) == verb:
                    del self.namespace[name]
            self.cursor = None
        ReloadedScript.run(self, changed)

    def execute(self, code):
        """Run its code, and record that."""
        def is_recorded(path):
            return path == self.path or fresh.is_local(path)
        text = file_text(self.path)
        self.recording = Recording(text)
        engine = Engine(self.recording, is_recorded, file_text, None, self.max_steps, self.max_seconds)
        engine.flags = code.co_flags & ALL_FUTURES
        engine.run(lambda: ReloadedScript.execute(self, code), self.namespace)
        for note in self.recording.notes:
            say(note)
        error = self.recording.error
        if error is not None:
            reraise(error, traceback_of(error))

    def prompt_names(self):
        """What the prompt of -i has beside the script's names."""
        if self.recording is None:
            return {}
        self.cursor = self.cursor or Cursor(self.recording)
        return dict((name, verb) for name, verb in self.cursor.verbs().items() if name not in self.namespace)

    def show_past(self):
        """Print the last ten lines that ran before the error, and what they changed."""
        recording = self.recording
        if recording is None or recording.error is None or isinstance(recording.error, SystemExit):
            return
        lines = [n for n in range(recording.steps()) if recording.event(n) == 'line'][-10:]
        if lines:
            write(sys.stderr, 'The last %d lines that ran, and what they changed:\n' % len(lines))
            for n in lines:
                write(sys.stderr, '  %s\n' % line_text(recording, n))
            write(sys.stderr,
                'Further back: hotload --record -i %s, then back(20), goto(%d) or last("name")\n' % (
                self.given, lines[0]))


def make_recorded(choice):
    """The step of `hotload --record`."""
    limits = []
    for name in ('max-steps', 'max-seconds'):
        try:
            limits.append(float(choice.get(name, 0)))
            if limits[-1] < 0:
                raise ValueError
        except ValueError:
            raise HotloadError('--%s %s: expected a number' % (name, choice[name]))
    return RecordedScript(choice.script, choice.argv, choice.module, 'auto', int(limits[0]), limits[1],
                          choice.get('entrypoint') or choice.function)


MODES.append(Mode('record', 'the whole script; the state at each of its steps is kept', make_recorded, [
    ('', 'max-steps', 'N', 'end the run after N steps'), ('', 'max-seconds', 'S',
        'end the run after S seconds')]))
