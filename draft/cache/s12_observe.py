##############################################################################
## 12. Observe -- what a statement says, and what it does unseen
##############################################################################
#
# Gives to those below Unit, a statement of the script with its Facts: what its text tells of what it reads and
# binds; and Observer, which notes what leaves no trace in names: files and folders that are read, files that
# are written, variables of the environment, what is printed; and hidden_state(), what of the process can be
# told apart and put back (random numbers, the current folder, ...).
#
# The stand-ins for open(), os.listdir() and the like are there only while statements run.
#
# Not handled: files that C code opens by itself (see depends() in Rerun).

MOST_OUTPUT = 100000        # characters that are kept of what a statement printed
MARK = re.compile(br'#\s*(keep|rerun)\s*$')
# What gives another answer each time, by module.
CLOCKS = dict((module, frozenset(names.split())) for module, names in [
    ('time', 'time time_ns monotonic perf_counter process_time clock ctime localtime gmtime strftime asctime'),
    ('datetime', 'now utcnow today'), ('uuid', 'uuid1 uuid4'), ('secrets', 'token_hex token_bytes randbelow choice'),
    ('os', 'urandom getpid times system popen'), ('posix', 'urandom getpid times system popen'),
    ('subprocess', 'run call check_call check_output Popen getoutput'), ('getpass', 'getpass'),
    ('urllib.request', 'urlopen urlretrieve'), ('urllib2', 'urlopen'), ('socket', 'socket create_connection'),
    ('requests', 'get post put request Session'), ('builtins', 'input'), ('__builtin__', 'input raw_input')])
CLOCK_NAMES = frozenset(chain.from_iterable(CLOCKS.values()))
# Nodes of statements that call nothing at all, and of those that call nothing when they work on plain values.
INERT = frozenset('Assign Name Load Store Constant Num Str Bytes NameConstant Ellipsis Tuple List Dict Pass '
                  'Expr'.split())
CALM = INERT | frozenset('BinOp UnaryOp BoolOp Compare IfExp AugAssign Add Sub Mult Div FloorDiv Mod Pow Not USub UAdd '
                         'And Or Eq NotEq Lt LtE Gt GtE Is IsNot BitOr BitAnd BitXor Invert LShift RShift'.split())


class Facts(object):
    """What the text of a chunk means. key: text that two of one meaning share.      reads: sorted names that it
    may read.      writes, sure: names that it may, and that it surely binds.      mark: 'keep', 'rerun' or ''.
    inert, calm: whether it calls nothing, on plain values at least.      bare: whether it is an expression, whose
    value is to be shown.      stars: whether it imports all names of a module.      words: its first line.
    below: lines from the chunk's start to it."""

    __slots__ = ('key', 'reads', 'writes', 'sure', 'mark', 'inert', 'calm', 'bare', 'words', 'below', 'stars')

    def __init__(self, nodes, lines, start, flags):
        used, reads = names_used(nodes), set()
        self.sure = set(used.sure)
        for node in nodes:
            own = used if len(nodes) == 1 else names_used([node])
            reads |= own.reads
            if not is_plain_definition(node):
                reads |= own.deferred
            if isinstance(node, _ast.Assign):
                for target in node.targets:
                    if all(type(part).__name__ in ('Name', 'Tuple', 'List', 'Starred') for part in walk(target)):
                        self.sure.update(part.id for part in walk(target) if isinstance(part, _ast.Name))
        self.writes = set(used.writes) | self.sure
        self.reads = tuple(sorted(reads | (self.writes - self.sure)))
        first = nodes[0].lineno - 1 if nodes and nodes[0].col_offset >= 0 else start
        self.below = max(0, first - start)
        line = lines[first].strip() if first < len(lines) else b''
        mark = MARK.search(line)
        self.mark = mark.group(1).decode('ascii') if mark else ''
        self.words = shown(line)
        self.key = short_hash(fingerprint(nodes), self.mark, str(flags))
        kinds = kinds_in(nodes)
        self.calm = kinds <= CALM
        self.inert = kinds <= INERT or (
            len(nodes) == 1 and isinstance(nodes[0], FUNCTION_NODES) and is_plain_definition(nodes[0])
            and not nodes[0].args.defaults and not any(getattr(nodes[0].args, 'kw_defaults', ())))
        self.bare = len(nodes) == 1 and isinstance(nodes[0], _ast.Expr)
        self.stars = any(isinstance(part, _ast.ImportFrom) and part.names[0].name == '*' for part in nodes)


def kinds_in(nodes):
    """The set of the names of the types of all nodes in these."""
    found, todo = set(), list(nodes)
    while todo:
        node = todo.pop()
        found.add(node.__class__.__name__)
        for value in vars(node).values():
            if isinstance(value, _ast.AST):
                todo.append(value)
            elif value.__class__ is list:
                todo += [part for part in value if isinstance(part, _ast.AST)]
    return found


def is_plain_definition(node):
    """Whether the functions in a definition cannot be called while it is executed."""
    if getattr(node, 'decorator_list', ()):
        return False
    if isinstance(node, FUNCTION_NODES):
        return True
    return isinstance(node, _ast.ClassDef) and not getattr(node, 'keywords', ()) and all(
        getattr(base, 'id', '') == 'object' for base in node.bases) and not any(
            isinstance(part, _ast.Call) or getattr(part, 'decorator_list', ()) for part in node.body
            for part in (walk(part) if not isinstance(part, FUNCTION_NODES) else [part]))


class Unit(object):
    """A chunk of the script in its place. facts.      text.      start: the index of its first line.      chunk: its
    number.      code: its code object, or None when it moved and must be compiled again.      codes: those of
    its functions.      uses: CodeUses.      is_value: whether the code gives the value of an expression."""

    __slots__ = ('facts', 'text', 'start', 'chunk', 'code', 'codes', 'uses', 'flags', 'is_value')

    def __init__(self, facts, text, start, flags):
        self.facts, self.text, self.start, self.flags = facts, text, start, flags
        self.chunk, self.code, self.codes, self.uses, self.is_value = 0, None, [], None, False

    def line(self):
        """The number of its line."""
        return self.start + self.facts.below + 1

    def compile(self, nodes, path, is_first):
        """Make its code. Raises SyntaxError."""
        self.is_value = self.facts.bare and not (is_first and docstring_node(nodes))
        if self.is_value:
            self.code = compile(_ast.Expression(body=nodes[0].value), path, 'eval', self.flags, True)
        else:
            self.code = compile_nodes(nodes, path, self.flags)
        self.uses, self.codes = code_uses(self.code), children(self.code)
        if any(type(part).__name__ == 'Exec' for node in nodes for part in walk(node)):
            self.uses.wild = True


# ---- the state of the process that statements read and change

def _numpy_state():
    name, keys, place, has, last = sys.modules['numpy.random'].get_state()
    return name, keys.tobytes(), place, has, last


def _set_numpy_state(state):
    numpy = sys.modules['numpy']
    numpy.random.set_state((state[0], numpy.frombuffer(state[1], 'uint32').copy()) + tuple(state[2:]))


def _decimal_state():
    context = sys.modules['decimal'].getcontext()
    return context.prec, context.rounding, context.Emin, context.Emax, context.capitals, tuple(
        sorted(kind.__name__ for kind, value in context.traps.items() if value))


def _set_decimal_state(state):
    decimal = sys.modules['decimal']
    context = decimal.getcontext()
    context.prec, context.rounding, context.Emin, context.Emax, context.capitals = state[:5]
    for kind in list(context.traps):
        context.traps[kind] = kind.__name__ in state[5]


def _set_filters(state):
    sys.modules['warnings'].filters[:] = state
    getattr(sys.modules['warnings'], '_filters_mutated', int)()


def _environment():
    return dict(dict.items(getattr(*environment_data())))        # whatever its class makes of copy()


def _set_environment(state):
    now = _environment()
    for name in set(now) - set(state):
        del os.environ[file_name(name)]
    for name, value in state.items():
        if now.get(name) != value:
            os.environ[file_name(name)] = file_name(value)


def _set_folder(state):
    with suppress(EnvironmentError):
        os.chdir(state)


def _folder():
    try:
        return os.getcwd()
    except EnvironmentError:
        return ''


HIDDEN = [      # (hidden name, the module that it belongs to, get() -> state, set(state))
    ('@random', 'random', lambda: sys.modules['random'].getstate(), lambda state: sys.modules['random'].setstate(
        tuple(tuple(part) if isinstance(part, list) else part for part in state))),
    ('@numpy', 'numpy.random', _numpy_state, _set_numpy_state),
    ('@decimal', 'decimal', _decimal_state, _set_decimal_state),
    ('@warnings', 'warnings', lambda: list(sys.modules['warnings'].filters), _set_filters),
    ('@locale', 'locale', lambda: sys.modules['locale'].setlocale(6), lambda state: sys.modules['locale'].setlocale(
        6, state)),
    ('@environ', 'os', _environment, _set_environment),
    ('@folder', 'os', _folder, _set_folder),
    ('@argv', 'sys', lambda: list(sys.argv), lambda state: sys.argv.__setitem__(slice(None), state)),
    ('@path', 'sys', lambda: list(sys.path), lambda state: sys.path.__setitem__(slice(None), state)),
    ('@recursion', 'sys', sys.getrecursionlimit, sys.setrecursionlimit)]
SETTERS = dict((name, setter) for name, _, _, setter in HIDDEN)
BY_VALUE = ('@folder', '@argv')                 # these may differ from process to process
# The others are read by whatever calls something; of these is known who reads them.
READ_SEEN = ('@random', '@numpy', '@environ')
READ_BY_ALL = tuple(sorted(set(SETTERS).difference(READ_SEEN)))


def hidden_state():
    """{hidden name: state} of what is loaded."""
    found = {}
    for name, module, getter, _ in HIDDEN:
        if module in sys.modules:
            with suppress(Exception):           # a module that is half imported, or a stand-in for it
                found[name] = getter()
    return found


# ---- stand-ins

class WatchedEnvironment(dict):
    """Stands in for the dict behind os.environ while statements run. note(name or None: all)."""

    def __getitem__(self, name):
        self.note(name)
        return dict.__getitem__(self, name)

    def __contains__(self, name):
        """As of any dict."""
        self.note(name)
        return dict.__contains__(self, name)

    def __iter__(self):
        self.note(None)
        return dict.__iter__(self)

    def get(self, name, default=None):
        """As of any dict."""
        self.note(name)
        return dict.get(self, name, default)

    def copy(self):
        """As of any dict."""
        self.note(None)
        return dict(self)

    has_key = __contains__


class Spy(object):
    """Stands in for a function of os or for open() while statements run; tells note(function name, arguments)."""

    def __init__(self, real, name, note):
        self.real, self.name, self.note = real, name, note
        self.__name__ = self.__doc__ = name

    def __call__(self, *args, **kwargs):
        self.note(self.name, args, kwargs)
        return self.real(*args, **kwargs)

    def __eq__(self, other):
        return self.real == getattr(other, 'real', other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash(self.real)

    def __reduce__(self):
        return getattr, (sys.modules[self.real.__module__ or 'os'], self.real.__name__)


class Observer(object):
    """Takes note of the files, the environment and the output of the statement that runs.

    files, wrote: {path: print}.      environment: {variable: value}.      output: [(is it stderr, text)].
    depended: paths named with depends().
    """

    def __init__(self, script):
        self.script, self.on, self.thread, self.muted = script, False, None, False
        self.prints, self.saved, self.tees = {}, [], []
        self.clear()

    def clear(self):
        """Begin with a statement."""
        self.files, self.wrote, self.environment, self.output, self.depended = {}, {}, {}, [], []
        self.size, self.doubt = 0, None

    def install(self):
        """Put the stand-ins in their places."""
        import io
        self.thread = threads.get_ident()
        for module, names in (builtins, ['open']), (io, ['open']), (os, ['open', 'listdir', 'scandir', 'stat']):
            for name in names:
                real = getattr(module, name, None)
                if real is not None and not isinstance(real, Spy):
                    self.saved.append((module, name, real))
                    setattr(module, name, Spy(real, name, self.note_call))
        holder, attribute = environment_data()
        real = getattr(holder, attribute)
        watched = WatchedEnvironment(real)
        watched.note = self.note_variable
        self.saved.append((holder, attribute, real))
        setattr(holder, attribute, watched)
        for is_error, name in enumerate(('stdout', 'stderr')):
            tee = Tee(getattr(sys, name), self, bool(is_error))
            self.tees.append((name, tee, tee.tee_real))
            setattr(sys, name, tee)

    def remove(self):
        """Put back what was there."""
        while self.saved:
            holder, name, real = self.saved.pop()
            now = getattr(holder, name)
            if isinstance(now, WatchedEnvironment):
                real.clear()
                real.update(dict.items(now))
            if isinstance(now, (Spy, WatchedEnvironment)):
                setattr(holder, name, real)
        for name, tee, real in self.tees:
            if getattr(sys, name, None) is tee:
                setattr(sys, name, real)
        self.tees = []

    def is_ours(self):
        """Whether what calls is not the statement."""
        return not self.on or threads.get_ident() != self.thread or is_own_frame(sys._getframe(3).f_code.co_filename)

    def note_variable(self, name):
        """A variable of the environment is read."""
        if self.on and threads.get_ident() == self.thread:
            data = getattr(*environment_data())
            if name is None:
                self.environment[''] = short_hash(repr(sorted(dict.items(data))))
            elif name not in self.environment:
                self.environment[name] = dict.get(data, name)

    def note_call(self, name, args, kwargs):
        """A file is opened, or a folder is read."""
        if self.is_ours():
            return
        self.on = False                         # what follows calls such functions itself
        try:
            self._note_call(name, args, kwargs)
        finally:
            self.on = True

    def _note_call(self, name, args, kwargs):
        target = args[0] if args else kwargs.get('file', kwargs.get('path', '.'))
        try:
            path = os.path.abspath(file_name(target) if isinstance(target, bytes) else path_text(target))
        except Exception:                       # a descriptor
            return
        if isinstance(target, int) or path == self.script or path in fresh.texts or path.endswith('.pyc'):
            return
        if path.startswith(('/proc/', '/dev/', '/sys/')):
            self.doubt = self.doubt or 'it reads %s' % path if path != os.devnull else self.doubt
            return
        if is_installed(os.path.dirname(path)):
            return
        mode = args[1] if len(args) > 1 else kwargs.get('mode', kwargs.get('flags', 'r'))
        if name == 'open' and (mode & (os.O_WRONLY | os.O_RDWR) if isinstance(mode, int) else set(mode) & set('wax+')):
            if mode & os.O_APPEND if isinstance(mode, int) else 'a' in mode:
                return                          # a log: others may write to it, too
            if not isinstance(mode, int) and '+' in mode and path not in self.wrote:
                self.files.setdefault(path, self.print_of(path))
            self.wrote[path] = None
        elif path not in self.wrote:
            fresh.version += path not in fresh.keys
            fresh.keys[path] = file_key(path)   # for who watches it: the state that was read
            kind = {'listdir': 'names ', 'scandir': 'names ', 'stat': 'there '}.get(name, '')
            self.files.setdefault(kind + path, self.print_of(kind + path))

    def print_of(self, path):
        """What tells the content of a file, the names in a folder, or whether a file is there; None: it is not."""
        if path.startswith('names '):
            files, folders = list_folder(path[6:])
            return short_hash(*sorted(files + folders))
        if path.startswith('there '):
            key = file_key(path[6:])
            return None if key is None else 'folder' if os.path.isdir(path[6:]) else short_hash(repr(key[:2]))
        key = file_key(path)
        if key is None:
            return None
        known = self.prints.get(path)
        if known is not None and known[0] == key:
            return known[1]
        recent = abs(time.time() - key[3] / TICKS_A_SECOND) < 0.05     # it may be written again within this tick
        try:
            data = read_bytes(path)
        except EnvironmentError:
            return 'unreadable'
        if path in fresh.texts or path.endswith('.py'):
            try:
                found = short_hash(fingerprint(parse(data, path)))
            except (SyntaxError, ValueError, TypeError):
                found = checksum(data)
        else:
            found = checksum(data)
        self.prints[path] = (None if recent else key), found
        return found

    def write(self, is_error, text):
        """Note what was printed. Whether it is to be shown."""
        if self.on and threads.get_ident() == self.thread or self.on and self.size < MOST_OUTPUT:
            if self.size < MOST_OUTPUT:
                self.size += len(text)
                if self.output and self.output[-1][0] == is_error:
                    self.output[-1][1].append(text)
                else:
                    self.output.append((is_error, [text]))
        return not (self.on and self.muted)


class Tee(object):
    """Stands in for sys.stdout or sys.stderr while statements run."""

    def __init__(self, real, observer, is_error):
        self.__dict__.update(tee_real=real, tee_observer=observer, tee_is_error=is_error)

    def write(self, text):
        """Write the text, unless it was shown before, and keep it."""
        if self.tee_observer.write(self.tee_is_error, text):
            return self.tee_real.write(text)
        return len(text)

    def writelines(self, lines):
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        return getattr(self.tee_real, name)

    def __setattr__(self, name, value):
        setattr(self.tee_real, name, value)

    def __iter__(self):
        return iter(self.tee_real)


for _kind in (Spy, Tee):
    OPENERS[_kind] = open_nothing
