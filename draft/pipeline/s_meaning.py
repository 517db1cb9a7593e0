##############################################################################
## 12. Meaning -- fingerprints of functions and values, with all that they use
##############################################################################
#
# Gives to those below Meanings: digests of functions, classes and values that change when what they do or
# hold changes, and not with layout, comments, docstrings, line numbers or the order of definitions.
#
# A function's meaning is its byte code without lines, its constants, defaults and closure, and the meaning of
# every function, class and constant that it names, transitively, through all modules of the user. These form
# a graph; what uses each other (a strongly connected part, found by Tarjan's algorithm) gets its digests
# together. The parts of each digest are kept, so that why_changed() can tell which of them an old meaning
# differs in.
#
# Not handled: what code looks up by a computed name in a class or an instance, and the state of objects that
# cannot be pickled. Of installed packages only the version counts.

import copy
import marshal
import types

PLAIN_TYPES = frozenset([type(None), bool, int, float, complex, bytes, text_type, type(2 ** 70)])
CONTAINERS = frozenset([list, tuple, set, frozenset, dict])
WRAPPERS = (staticmethod, classmethod)
BUILTINS = (types.BuiltinFunctionType, type(str.join), type(str.__add__), type(''.__add__))
# Attributes of a class that say nothing about what it does.
MINOR_ATTRIBUTES = frozenset(
    '__doc__ __dict__ __weakref__ __module__ __firstlineno__ __static_attributes__ __annotations__ '
    '__annotate__ __annotate_func__ __annotations_cache__ __slotnames__ __qualname__'.split())
LOOKUPS = frozenset(['eval', 'exec', 'globals', 'vars', 'execfile'])        # code with these may use any name
MODULE_LOOKUPS = LOOKUPS | frozenset(['getattr', '__dict__'])               # ... of a module that it names
# Instances of classes in these modules are tools; what they hold changes as they are used.
TOOL_MODULES = frozenset('logging threading _thread thread _io io socket ssl subprocess multiprocessing '
                         'concurrent asyncio weakref _weakref queue Queue'.split())


def digest_of(data):
    """The digest (16 bytes) of bytes."""
    return hashlib.sha1(data).digest()[:16]


def spelled(value):
    """Bytes that tell plain values, and lists of such, apart: 1 from True and 1.0, 0.0 from -0.0."""
    return marshal.dumps(value, EXACT_MARSHAL)


def is_users_file(path):
    """Whether the source file is the user's own, and neither installed nor this one."""
    folder = os.path.dirname(path)
    if folder not in USERS_FOLDERS:
        above, main = os.path.dirname(folder), getattr(sys.modules.get('__main__'), '__file__', None) or ''
        is_main = folder == os.path.dirname(os.path.abspath(main)) and not (
            IGNORED_FOLDERS.intersection(folder.split(os.sep)))
        USERS_FOLDERS[folder] = fresh.is_local(path) or is_main or not is_installed(folder) and (
            above == folder or is_users_file(folder))
    return USERS_FOLDERS[folder] and path != os.path.abspath(OWN_FILE)


USERS_FOLDERS = {}          # {folder: whether the files in it are the user's}


def is_users_module(name, space):
    """Whether the module with this name and namespace is the user's."""
    path = space.get('__file__')
    if isinstance(path, string_types):
        return is_users_file(source_path(path))
    return not (name in sys.builtin_module_names or getattr(space.get('__spec__'), 'origin', None) in (
        'built-in', 'frozen'))


def find_source(name, folders):
    """The path of the user's source file that module `name` is in, looked for in `folders`; or None."""
    place = name.replace('.', os.sep)
    for folder in folders:
        for end in (os.sep + '__init__.py', '.py') if isinstance(folder, string_types) else ():
            path = os.path.abspath(os.path.join(folder, place + end))
            if os.path.exists(path):
                return path if is_users_file(path) else None
    return None


class SourceFile(object):
    """A module that a function imports when it is called. path.      name: of the module."""

    def __init__(self, path, name):
        self.path, self.name = path, name


class Node(object):
    """Something whose meaning is asked for. value.
    label: (kind, name, file) of a function or class, or None. own: bytes, what it says itself.
    left: [(what for, value)] that it uses, not yet looked at.      edges: [(what for, digest or Node)].
    digest: None while it is open.
    index, low: as in Tarjan's algorithm. calls: of a function, {name of a method: set of texts that it is
    called with first, None for computed ones}."""

    __slots__ = ('value', 'label', 'own', 'left', 'edges', 'digest', 'index', 'low', 'calls')


class Meanings(object):
    """Digests of values. They hold for as long as nothing of what was asked for changes.

    parts: {digest: (label, digest of what it says itself, ((what for, digest), ...))} of the functions and
    classes met. calls: {digest: Node.calls} of the functions.

    >>> one, same, other = {'a': set('xyz')}, {'a': set('zyx')}, {'a': set('xy')}
    >>> Meanings().of(one) == Meanings().of(same) != Meanings().of(other)
    True
    """

    def __init__(self):
        self.nodes, self.open, self.parts, self.users, self.sources = {}, [], {}, {}, {}
        self.calls, self.silent = {}, set()

    def of(self, value):
        """The digest (bytes) of a value."""
        first, is_new = self._enter(value)
        path = [first] if is_new else []
        while path:
            node = path[-1]
            if node.left:
                what, child = node.left.pop()
                found, is_new = self._enter(child)
                node.edges.append((what, found))
                if is_new:
                    path.append(found)
                elif isinstance(found, Node) and found.digest is None:
                    node.low = min(node.low, found.low)
            else:
                path.pop()
                if node.low == node.index:
                    self._close(node)
                else:
                    path[-1].low = min(path[-1].low, node.low)
        return first.digest if isinstance(first, Node) else first

    def _enter(self, value):
        """(digest or Node of the value, whether the Node is new)."""
        kind = type(value)
        if kind in PLAIN_TYPES:
            return digest_of(spelled(value)), False
        node = self.nodes.get(id(value))
        if node is not None:
            return node, False
        if kind in CONTAINERS and PLAIN_TYPES.issuperset(map(type, value)):
            if kind is dict and PLAIN_TYPES.issuperset(map(type, value.values())):
                return digest_of(b'dict' + spelled(ordered_items(value))), False
            if kind is list or kind is tuple:
                return digest_of(spelled(value)), False
            if kind is not dict:
                return digest_of(b'set' + spelled((kind.__name__, sorted(map(spelled, value))))), False
        node = Node()
        node.value, node.label, node.edges, node.digest, node.calls = value, None, [], None, None
        node.own, node.left = self._describe(node, value, kind)
        node.left.sort(key=edge_name, reverse=True)         # the order of definitions means nothing
        node.index = node.low = len(self.nodes)
        self.nodes[id(value)] = node
        self.open.append(node)
        return node, True

    def _close(self, root):
        """Give the nodes that were opened since `root`, which use each other, their digests."""
        at = len(self.open) - 1
        while self.open[at] is not root:
            at -= 1
        members = self.open[at:]
        del self.open[at:]
        if len(members) > 1:                    # in an order that does not depend on where it was entered
            members.sort(key=lambda node: (node.label or (), node.own, [
                to if isinstance(to, bytes) else to.digest or b'' for _, to in node.edges]))
        numbers = dict((id(node), spelled(number)) for number, node in enumerate(members))
        text = b''.join([node.own + b''.join(
            [digest_of(what.encode('utf-8')) + (to if isinstance(to, bytes) else to.digest or numbers[id(to)])
             for what, to in node.edges]) for node in members])
        for number, node in enumerate(members):
            node.digest = digest_of(text if len(members) == 1 else digest_of(text) + spelled(number))
        for node in members:
            if node.label is not None:
                self.parts[node.digest] = node.label, digest_of(node.own), tuple(
                    (what, to if isinstance(to, bytes) else to.digest) for what, to in node.edges)
                if node.calls:
                    self.calls[node.digest] = node.calls

    def called_with(self, function, method):
        """The first arguments that the function, and those that it uses, give to a method: texts, None for
        others."""
        found, todo, seen = set(), [self.of(function)], set()
        while todo:
            digest = todo.pop()
            if digest in self.parts and digest not in seen and digest not in self.silent:
                seen.add(digest)
                found.update(self.calls.get(digest, {}).get(method, ()))
                todo += [to for _, to in self.parts[digest][2]]
        if not any(digest in self.calls for digest in seen):
            self.silent |= seen
        return found

    # ---- what each kind of value says itself, and what it uses

    def _describe(self, node, value, kind):
        """(bytes, [(what for, value)])."""
        if kind is FunctionType:
            return self._function(node, value)
        if kind in CONTAINERS:
            return self._container(value, kind)
        if isinstance(value, class_types):
            return self._class(node, value)
        if kind is types.ModuleType:
            return self._foreign('module', value.__name__, ''), []
        if kind is SourceFile:
            return self._source(value)
        if kind is CodeType:
            return self._code(node, value, {})
        if kind is types.MethodType:
            return b'method', [('function', value.__func__), ('self', value.__self__)]
        if isinstance(value, WRAPPERS):
            return kind.__name__.encode(), [('function', value.__func__)]
        if isinstance(value, property):
            return b'property', [('get', value.fget), ('set', value.fset), ('delete', value.fdel)]
        if isinstance(value, BUILTINS):
            owner = getattr(value, '__self__', None)
            if owner is None or isinstance(owner, (types.ModuleType,) + class_types):
                module = getattr(value, '__module__', None) or ''
                return self._foreign('builtin', module, qualified_name(value)), []
            return b'builtin ' + value.__name__.encode(), [('self', owner)]
        return self._instance(value, kind)

    def _is_users(self, name, space):
        if name not in self.users:
            self.users[name] = is_users_module(name, space)
        return self.users[name]

    def _foreign(self, kind, module, name):
        """What is said of something that is not the user's: where it is from, and the version of that."""
        version = getattr(sys.modules.get(module.partition('.')[0]), '__version__', '')
        path = getattr(sys.modules.get(module), '__file__', None)
        if isinstance(path, string_types) and not source_path(path).endswith('.py') and is_users_file(path):
            with suppress(EnvironmentError):    # a compiled module of the user
                version = hashlib.sha1(read_bytes(path)).hexdigest()
        return spelled((kind, module, name, version if type(version) is str else ''))

    def _function(self, node, function):
        code, space = function.__code__, function.__globals__
        name = space.get('__name__')
        cells = zip(code.co_freevars, map(content, function.__closure__ or ()))
        uses = [('closure ' + what, cell) for what, cell in cells if cell is not EMPTY]
        if not self._is_users(name, space):     # a library's decorator: what it wraps is the user's
            uses = [(what, cell) for what, cell in uses
                    if type(cell) in PLAIN_TYPES or type(cell) in CONTAINERS or callable(cell)]
            uses.append(('wrapped', getattr(function, '__wrapped__', None)))
            return self._foreign('function', name or '', qualified_name(function)), uses
        node.label = ('function', qualified_name(function).replace('<locals>.', ''),
                      os.path.basename(code.co_filename))
        own, named = self._code(node, code, space)
        uses += named + [('attribute ' + what, value) for what, value in sorted(vars(function).items())]
        uses += [('defaults', function.__defaults__), ('keywords', getattr(function, '__kwdefaults__', None))]
        return own, uses

    def _code(self, node, code, space):
        """What a code object and those in it say, and what they name in the namespace `space`."""
        texts, codes, names, attributes, imports, uses = [], [code], set(), set(), set(), []
        whole = set()           # names that are used otherwise than for one attribute
        node.calls = calls = {}
        for code in codes:                      # grows
            data, consts, steps = read_code(code)
            texts.append((data, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars,
                          code.co_argcount, getattr(code, 'co_kwonlyargcount', 0), code.co_flags & ~0x4000000,
                          getattr(code, 'co_exceptiontable', None), '' if code is codes[0] else code.co_name))
            for const in consts:
                if isinstance(const, CodeType):
                    codes.append(const)
                elif type(const) in PLAIN_TYPES:
                    texts.append(const)
                else:
                    uses.append(('constant', const))
            before = last = was_name = None
            for at, (name, about) in enumerate(steps):
                is_attribute = name in ATTRIBUTE_STEPS
                if was_name and not is_attribute:
                    whole.add(last)
                was_name = name == 'LOAD_GLOBAL' or name == 'LOAD_NAME'
                if was_name:
                    names.add(about)
                elif is_attribute:
                    attributes.add(about)
                elif name == 'IMPORT_NAME':
                    imports.add((about, last if isinstance(last, tuple) else (), before))
                if is_attribute and about in CALLS:
                    calls.setdefault(about, set()).add(first_argument(steps, at + 1))
                before, last = last, about
        if MODULE_LOOKUPS & (names | attributes):
            whole |= names
        if LOOKUPS & names:
            names.update(name for name, value in list(space.items()) if type(value) is not types.ModuleType
                         and not name.startswith('__'))
        for name in names:
            if name in space:
                self._named(name, space[name], attributes, name in whole, uses)
        for name, members, level in imports:
            uses += self._imports(name, members, level, space)
        return spelled(texts), uses

    def _named(self, name, value, attributes, is_whole, uses):
        """Add to `uses` the value of a name; of a module of the user the attributes that the code mentions,
        or all."""
        todo, seen = [(name, value)], set()
        while todo:
            name, value = todo.pop()
            uses.append((name, value))
            if type(value) is types.ModuleType and id(value) not in seen and (
                    self._is_users(value.__name__, vars(value))):
                seen.add(id(value))
                parts = attributes | set(['__getattr__'])
                if is_whole:
                    parts.update(part for part in vars(value) if not part.startswith('__'))
                todo += [(name + '.' + part, vars(value)[part]) for part in parts if part in vars(value)]

    def _imports(self, name, members, level, space):
        """[(what for, SourceFile)] of the user's files that an import inside a function loads."""
        package = space.get('__package__') or ''
        relative = isinstance(level, int) and level > 0
        if relative:
            base = package.split('.')[:len(package.split('.')) - level + 1]
            name = '.'.join(base + [name] if name else base)
        names = [name] + ['%s.%s' % (name, member) for member in members]
        if level == -1 and package:             # 2.7: in the package first
            names += [package + '.' + each for each in names]
        return [('import ' + each, self._source_file(each)) for each in names if self._source_file(each)]

    def _source_file(self, name):
        if name not in self.sources:
            path = find_source(name, sys.path)
            self.sources[name] = path and SourceFile(path, name)
        return self.sources[name]

    def _source(self, source):
        """A file that is not loaded yet: what its text means, and the files that it imports."""
        try:
            data = read_bytes(source.path)
            text = fingerprint(parse(data)).encode('utf-8', LONE_SURROGATES)
        except (EnvironmentError, SyntaxError, ValueError, TypeError):
            return spelled(source.path), []
        is_package = os.path.basename(source.path) == '__init__.py'
        names = imported_names(data, source.name, is_package) - set([None, source.name])
        files = [('import ' + name, self._source_file(name)) for name in names]
        return text, [(what, each) for what, each in files if each is not None]

    def _class(self, node, kind):
        if kind.__module__ in ('builtins', '__builtin__') or not self._is_users(
                kind.__module__, vars(sys.modules.get(kind.__module__, types))):
            return self._foreign('class', kind.__module__, qualified_name(kind)), []
        module = sys.modules.get(kind.__module__)
        node.label = 'class', qualified_name(kind), os.path.basename(getattr(module, '__file__', None) or '')
        uses = [('base %d' % number, base) for number, base in enumerate(kind.__bases__)]
        if type(kind) not in class_types:
            uses.append(('metaclass', type(kind)))
        uses += [(name, value) for name, value in vars(kind).items()
                 if name not in MINOR_ATTRIBUTES and not name.startswith('_abc_')]
        return spelled(('class', kind.__name__)), uses

    def _container(self, value, kind):
        if kind is list or kind is tuple:
            return spelled((kind.__name__, len(value))), [('%d' % at, item) for at, item in enumerate(value)]
        if kind is dict:
            return b'dict', [('', part) for item in ordered_items(value) for part in item]
        try:
            return spelled((kind.__name__, sorted(Meanings().of(item) for item in value))), []
        except RuntimeError:                    # it contains itself, by way of some object
            return spelled((kind.__name__, sorted(type(item).__name__ for item in value))), []

    def _instance(self, value, kind):
        """An object: its class, and what pickle would keep of it."""
        module, name = getattr(kind, '__module__', None) or '', qualified_name(kind)
        is_users = module != 'hotload' and self._is_users(module, vars(sys.modules.get(module, types)))
        uses = [('class', kind)] if is_users else []
        own = spelled(('instance', '' if is_users else module, '' if is_users else name))
        if module.partition('.')[0] in TOOL_MODULES or module == 'hotload' and not name.startswith('Config'):
            return own, uses
        if callable(value) and isinstance(getattr(value, '__wrapped__', None), (FunctionType,) + class_types):
            uses.append(('wrapped', value.__wrapped__))         # lru_cache, numba and the like
            if not is_users:
                return own, uses
        if kind not in copy.dispatch_table and isinstance(kind, type) and all(
                getattr(kind, name, None) is getattr(object, name, None)
                for name in ('__reduce_ex__', '__reduce__', '__getstate__')):
            return own, uses + plain_state(value, kind)
        try:
            state = copy.dispatch_table.get(kind, lambda item: item.__reduce_ex__(2))(value)
        except Exception:                       # it cannot be pickled: then its class is all that is known
            return own, uses
        if isinstance(state, string_types):
            return own + state.encode('utf-8'), uses
        parts = list(enumerate(state))          # the last two may be iterators
        return own, uses + [('state %d' % at, list(part) if at > 2 and part is not None and at < 5 else part)
                            for at, part in parts]


edge_name = operator.itemgetter(0)
CALLS = frozenset(['send', 'allocate', 'receive'])      # methods whose first arguments are noted
ATTRIBUTE_STEPS = ('LOAD_ATTR', 'LOAD_METHOD', 'LOOKUP_METHOD')         # the last: PyPy
LOADS = ('LOAD_FAST', 'LOAD_CONST', 'LOAD_GLOBAL', 'LOAD_NAME', 'LOAD_DEREF', 'LOAD_SMALL')


def first_argument(steps, at):
    """The text that is the first argument of a call whose arguments begin at instruction `at`, or None."""
    name, text = steps[at] if at < len(steps) else ('', None)
    if name != 'LOAD_CONST' or not isinstance(text, string_types):
        return None
    depth = 0                                   # of the stack above it
    for name, _ in steps[at + 1:]:
        if name.startswith(LOADS):
            depth += 2 if name.startswith(('LOAD_FAST_LOAD', 'LOAD_FAST_BORROW_LOAD')) else 1
        elif name.startswith('BINARY_') and depth:
            depth -= 1
            if not depth:                       # 'v%d' % number
                return None
        elif name.startswith(('FORMAT', 'BUILD_STRING', 'CONVERT')) or not depth and name in ATTRIBUTE_STEPS:
            return None
        else:
            break
    return text


EMPTY = object()            # what an empty cell holds


def content(cell):
    """What a closure cell holds, or EMPTY."""
    try:
        return cell.cell_contents
    except ValueError:
        return EMPTY


def ordered_items(value):
    """A dict's items: in their order, which the program sees, or where dicts have none sorted."""
    if HAS_DICT_ORDER:
        return list(value.items())
    return sorted(value.items(), key=lambda item: spelled(item[0]) if type(item[0]) in PLAIN_TYPES else b'')


def qualified_name(thing):
    """The name of a function or class, with those of the classes around it where Python knows them."""
    name = getattr(thing, '__qualname__', None) or getattr(thing, '__name__', None)
    return str(name or type(thing).__name__)


def plain_state(value, kind):
    """[(what for, value)]: attributes, slots and contents of an object that says nothing about pickling
    itself."""
    uses = [('attribute ' + str(name), part) for name, part in getattr(value, '__dict__', {}).items()]
    for base in kind.__mro__:
        slots = vars(base).get('__slots__', ())
        for name in [slots] if isinstance(slots, string_types) else slots:
            name = mangled(name, [base.__name__])
            if name not in ('__dict__', '__weakref__') and hasattr(value, name):
                uses.append(('slot ' + name, getattr(value, name)))
    for base in PLAIN_TYPES | CONTAINERS:
        if isinstance(value, base) and base is not type(None) and kind is not base:
            uses.append(('content', tuple(base.__iter__(value)) if base in (list, tuple) else base(value)))
    return uses


def texts_in(function):
    """The texts in a function's constants, closure and defaults."""
    found, codes = set(), [function.__code__] if hasattr(function, '__code__') else []
    for code in codes:
        for const in code.co_consts:
            codes += [const] if isinstance(const, CodeType) else []
            found.update([const] if isinstance(const, string_types) else ())
    cells = map(content, getattr(function, '__closure__', None) or ())
    found.update(value for value in list(cells) + list(getattr(function, '__defaults__', None) or ())
                 if isinstance(value, string_types))
    return found


def why_changed(old, new, old_parts, new_parts):
    """What differs between two digests of functions, as a text for people; '' when that is not known.

    old_parts, new_parts: functions that give for a digest what Meanings.parts has, or None.
    """
    todo, seen = [(old, new, '')], set()
    while todo:
        old, new, named = todo.pop(0)
        if old == new or (old, new) in seen:
            continue
        seen.add((old, new))
        old, new = old_parts(old), new_parts(new)
        if old is None or new is None:
            if named:
                return named
            continue
        (_, own_before, before), ((kind, name, path), own, now) = old, new
        if own_before != own:
            return '%s `%s` in %s changed' % (kind, name, path) if named else 'its code changed'
        before, now = dict(before), dict(now)
        for what in sorted(set(before) & set(now)):
            todo.append((before[what], now[what], 'what it knows as `%s` in %s changed' % (
                what.replace('closure ', ''), path)))
        if set(before) != set(now):
            return '`%s` in %s came or went' % (sorted(set(before) ^ set(now))[0], path)
    return ''
