##############################################################################
## 11. Store -- what values are made of, and values on disk
##############################################################################
#
# Gives to those below survey(), which walks over all that a value reaches, so that two walks tell whether it
# changed and two values whether they share something; code_uses(), the names that code uses; and Store, a
# folder (or memory) of bytes found by their checksum, and of records that name them.
#
# A survey goes level by level and lets C code visit the members of lists and dicts: 60,000 dicts take about as
# long as pickling them. What changed is seen by identity, without calling the user's __eq__ or __hash__.
#
# A Store survives a kill at any moment: a file is written under another name, then renamed; records come last.
# An entry that is damaged, half written or gone is not there. Two processes may use one store: who removes an
# entry under the other makes it compute once more.
#
# Not handled: state of C extensions that Python cannot see; a value that holds such is `opaque`.

import array
import collections
import functools
import types
from itertools import chain, count, islice

MAX_BYTES = 2 * 2 ** 30     # of a store
LARGE = 2 ** 16             # bytes; what is larger is compared by checksum
HEAP_TYPE = 1 << 9          # a type's flag: made by a class statement
LONG = type(sys.maxsize + 1)
PLAIN = frozenset([type(None), bool, int, LONG, float, complex, bytes, text_type])      # versions by value
ATOMS = PLAIN | frozenset([type(Ellipsis), type(NotImplemented), CodeType, range_type, slice,
                           type(str.join), type(str.__add__), type(re.compile('')), type(CodeType.co_code)])
FIXED = frozenset([tuple, frozenset])
SERIES = frozenset([list, tuple, set, frozenset, collections.deque])
KNOWN_BASES = frozenset([object, dict, list, tuple, set, frozenset, int, LONG, float, complex, bytes, text_type,
                         type, property, staticmethod, classmethod, super, functools.partial, types.ModuleType,
                         BaseException, Exception] + list(SERIES) + [
                             type({}.keys()), type({}.values()), type({}.items()), collections.OrderedDict,
                             collections.defaultdict])
# Types of C code that have no state but what the collector sees; and immutable ones.
CLEAR_TYPES = frozenset(
    '_tuplegetter mappingproxy dictproxy member_descriptor getset_descriptor _lru_cache_wrapper method instancemethod '
    'SimpleNamespace itemgetter attrgetter methodcaller Match SRE_Match Struct TypeVar ParamSpec dtype ufunc '
    'classmethod_descriptor method-wrapper _abc_data cython_function_or_method builtin_function_or_method '
    'ModuleSpec weakproxy module UnionType GenericAlias'.split())
# Code that uses one of these may read or write any name.
WILD = frozenset('exec eval globals locals vars execfile __import__ _getframe currentframe __globals__ f_globals '
                 '__main__ modules func_globals runpy import_module'.split())
WILD_MODULES = frozenset('pickle cPickle _pickle shelve dill cloudpickle joblib multiprocessing timeit doctest '
                         'unittest pdb concurrent copyreg runpy inspect gc code'.split())
NO_KEYS = frozenset('__dict__ __weakref__ __doc__ __slotnames__ __firstlineno__ __static_attributes__ __annotations__ '
                    '__annotate__ __annotate_func__ __annotations_cache__ _abc_impl _abc_cache _abc_registry '
                    '_abc_negative_cache _abc_negative_cache_version __subclasshook__ __abstractmethods__'.split())
# numpy's bit generators and the like are asked for their state.
STATES = ('getstate', '__getstate__', 'bit_generator')


def sha1(data):
    """The SHA-1 hash of bytes. (hashlib is imported when it is needed: it is large.)"""
    global sha1
    from hashlib import sha1
    return sha1(data)


def short_hash(*parts):
    """A short text that stands for these texts."""
    return sha1(b'\0'.join(map(encoded, parts))).hexdigest()[:24]


def checksum(data):
    """The checksum of bytes, or of anything with the buffer protocol, as text."""
    return sha1(data).hexdigest()


# ---- what code uses

class CodeUses(object):
    """What a code object and those in it name. names: globals that they read or set.      sets: globals they set.
    attributes, puts: attributes read, and set or deleted.      imports: names of modules.      wild: it may use
    any name."""

    __slots__ = ('code', 'names', 'sets', 'attributes', 'puts', 'imports', 'wild')

    def __init__(self, code):
        self.code = code                        # held, so that its id stays its own
        self.names, self.sets, self.attributes, self.puts, self.imports = set(), set(), set(), set(), set()
        kinds = {'name': self.names, 'set': self.sets, 'attribute': self.attributes, 'put': self.puts,
                 'import': self.imports}
        for what, name in named_in(code):
            kinds[what].add(name)
        self.wild = False
        for const in code.co_consts:
            if isinstance(const, CodeType):
                inner = code_uses(const)
                for part in ('names', 'sets', 'attributes', 'puts', 'imports'):
                    getattr(self, part).update(getattr(inner, part))
                self.wild |= inner.wild
        self.names |= self.sets
        self.wild |= bool(WILD.intersection(self.names) or WILD.intersection(self.attributes)
                          or '__main__' in self.imports)


USES = {}                   # {id of a code object: its CodeUses}


def code_uses(code):
    """The CodeUses of a code object."""
    found = USES.get(id(code))
    if found is None:
        if len(USES) > 50000:
            USES.clear()
        found = USES[id(code)] = CodeUses(code)
    return found


# ---- what a value reaches

class Space(object):
    """What a survey must know of the program. names: the dict of its globals.      owners: {id of a function or
    class: its global name}.      is_local(name of a module) -> whether it is the user's.      skip: {id: object}
    that are not entered.      originals: {id of a code object: the one it took the place of, and itself}."""

    def __init__(self, names, module, is_local):
        import gc
        import weakref
        self.names, self.owners, self.is_local, self.originals = names, {}, is_local, {}
        self.skip = dict((id(item), item) for item in (names, module, vars(sys), sys.modules, vars(gc)))
        self.plain_types = set(ATOMS) | set([weakref.ref])

    def owner(self, item):
        """The global name of the function or class, if it has one now."""
        name = self.owners.get(id(item))
        return name if name is not None and self.names.get(name) is item else None


class Survey(object):
    """What a value reaches. trail: the objects, in the order of the walk.      extras: list of other state, such as
    lengths and positions.      ids: of the objects that can change.      soft: {name: function or class} which it
    reaches and which global names own; they are not entered.      refs: names that functions in it use.
    uses: the CodeUses of these.      modules: names of local modules that it reaches.      shared: modules of
    others that it reaches.      opaque: why it cannot be followed, or None.
    bytes: how many are in arrays.      walk: [(type, objects of it)], the order of the walk."""

    __slots__ = ('trail', 'extras', 'ids', 'soft', 'refs', 'uses', 'modules', 'shared', 'opaque', 'bytes', 'walk')

    def __init__(self):
        self.trail, self.extras, self.ids, self.soft, self.refs = [], [], set(), {}, set()
        self.uses, self.modules, self.shared, self.opaque, self.bytes, self.walk = [], set(), [], None, 0, []

    def still_holds(self, space):
        """Whether nothing that it met changed since. (Cheaper than a new survey: nothing is collected.)"""
        if self.opaque:
            return False
        at, extra, new = 0, 0, Survey()
        for kind, items in self.walk:
            if kind in SERIES:
                lengths, members = list(map(len, items)), chain.from_iterable(items)
                new.extras.append(lengths)
                count = sum(lengths)
            elif kind is dict:
                lengths = list(map(len, items))
                new.extras.append(lengths)
                members = chain(chain.from_iterable(items), chain.from_iterable(map(dict.values, items)))
                count = 2 * sum(lengths)
            else:
                opener, members = OPENERS.get(kind) or opener_of(kind, space), []
                for item in items:
                    members.extend(opener(item, new, space, item is self.walk[0][1][0]))
                count = len(members)
            if new.extras != self.extras[extra:extra + len(new.extras)] or new.opaque:
                return False
            if not all(map(operator.is_, members, islice(self.trail, at, at + count))) or at + count > len(self.trail):
                return False
            at, extra = at + count, extra + len(new.extras)
            new.extras = []
        return at == len(self.trail) and new.soft == self.soft

    def holds(self, names):
        """Whether the functions and classes that it does not enter are still those of their names."""
        return all(names.get(name) is item for name, item in self.soft.items())


NOTHING = Survey()          # of a number, a text and the like


def survey(top, space):
    """The Survey of a value."""
    if type(top) in PLAIN:
        return NOTHING
    found, seen, level = Survey(), dict(space.skip), [top]
    if id(top) in seen:
        return found
    seen[id(top)] = top
    found.ids.add(id(top))
    while level:
        groups = {}
        kinds = set(map(type, level))
        if len(kinds) == 1:
            order = list(kinds)
            groups[order[0]] = level
        else:
            order = []
            for item in level:
                kind = type(item)
                if kind not in groups:
                    groups[kind] = []
                    order.append(kind)
                groups[kind].append(item)
        members = []
        for kind in order:
            items = groups[kind]
            found.walk.append((kind, items))
            if kind in SERIES:
                found.extras.append(list(map(len, items)))
                members.extend(chain.from_iterable(items))
            elif kind is dict:
                found.extras.append(list(map(len, items)))
                members.extend(chain.from_iterable(items))
                members.extend(chain.from_iterable(map(dict.values, items)))
            else:
                opener = OPENERS.get(kind) or opener_of(kind, space)
                for item in items:
                    members.extend(opener(item, found, space, item is top))
        found.trail += members
        kinds = set(map(type, members)) - ATOMS
        if not kinds:
            break
        level = compress(members, map(kinds.__contains__, map(type, members)))
        unique = dict(zip(map(id, level), level))
        for number in [number for number in unique if number in seen] if len(unique) < len(seen) else [
                number for number in seen if number in unique]:
            del unique[number]
        seen.update(unique)
        if kinds & FIXED:
            found.ids.update(number for number, item in unique.items() if type(item) not in FIXED)
        else:
            found.ids.update(unique)
        level = list(unique.values())
    return found


def opener_of(kind, space):
    """The function that gives the members of instances of a type not in OPENERS."""
    if isinstance(kind, class_types) and issubclass(kind, class_types):
        return open_class
    if kind.__module__.startswith('pandas.'):
        return open_pandas
    if kind.__module__ in ('numpy', 'numpy.ma') and hasattr(kind, '__array_interface__'):
        return open_array if hasattr(kind, 'setflags') else open_nothing
    for base, opener in BASES:
        if issubclass(kind, base):
            return opener
    if hasattr(kind, '__next__') or hasattr(kind, 'next') and not kind.__flags__ & HEAP_TYPE:
        return open_iterator
    if hasattr(kind, 'fileno') and hasattr(kind, 'closed') or kind.__name__ in ('StringIO', 'BytesIO', 'StringO'):
        return open_file
    built_in = [base for base in kind.__mro__ if not base.__flags__ & HEAP_TYPE][0]
    if built_in in KNOWN_BASES or built_in.__name__ in CLEAR_TYPES or own_hash(built_in):
        return open_instance
    return open_opaque


def open_nothing(item, found, space, is_top):
    """Nothing: it has no parts, or none that count."""
    return ()


def open_instance(item, found, space, is_top):
    """Attributes, slots and contents of an instance."""
    kind, space_of = type(item), getattr(item, '__dict__', None)
    members = [part for part in gc.get_referents(item) if part is not kind and part is not space_of]
    if hasattr(kind, '__self__'):               # a method
        members.append(item.__self__)
    if isinstance(item, dict):
        members += dict.keys(item)
    if type(space_of) is dict:
        members.append(space_of)
    if kind.__flags__ & HEAP_TYPE:
        members.append(kind)
    if hasattr(kind, 'cache_info'):
        found.extras.append(tuple(item.cache_info()))
    return members


def open_opaque(item, found, space, is_top):
    """What C code keeps; it is never the same after it was used."""
    state = None
    try:
        if hasattr(item, 'bit_generator'):
            state = repr(item.bit_generator.state)
        elif type(item).__module__.startswith('numpy.random'):
            state = repr(item.state if hasattr(item, 'state') else item.get_state())
    except Exception:
        state = None
    if state is None:
        found.opaque = found.opaque or 'a %s' % type(item).__name__
    found.extras.append(state)
    return open_instance(item, found, space, is_top) if state is None else ()


def open_function(item, found, space, is_top):
    """What a function holds, unless a global name owns it."""
    owner = None if is_top else space.owner(item)
    if owner is not None:
        found.soft[owner] = item
        found.ids.discard(id(item))
        return ()
    code, spaces = item.__code__, item.__globals__
    if spaces is not space.names and not space.is_local(getattr(item, '__module__', None)):
        found.ids.discard(id(item))
        return ()
    uses = code_uses(code)
    found.uses.append(uses)
    original = space.originals.get(id(code))
    members = [original[0] if original else code, item.__defaults__, getattr(item, '__kwdefaults__', None)]
    members += item.__closure__ or ()
    if item.__dict__:
        members.append(item.__dict__)
    if spaces is space.names:
        found.refs |= uses.names
    else:
        found.modules.add(item.__module__)
        present = sorted(name for name in uses.names if name in spaces)
        found.extras.append(present)
        members += [spaces[name] for name in present]
    return members


def open_class(item, found, space, is_top):
    """What a class of the script holds, unless a global name owns it."""
    owner = None if is_top else space.owner(item)
    if owner is not None:
        found.soft[owner] = item
    if owner is not None or item.__module__ != '__main__' and not space.is_local(item.__module__):
        found.ids.discard(id(item))
        return ()
    if item.__module__ != '__main__':
        found.modules.add(item.__module__)
    names = sorted(name for name in vars(item) if name not in NO_KEYS)
    found.extras.append(names)
    members = [vars(item)[name] for name in names] + list(item.__bases__)
    if type(item) not in class_types:
        members.append(type(item))
    return members


def open_module(item, found, space, is_top):
    """What a local module holds."""
    if not space.is_local(item.__name__):
        found.ids.discard(id(item))
        found.shared.append(item)
        return ()
    found.modules.add(item.__name__)
    names = sorted(name for name in vars(item) if not name.startswith('__'))
    found.extras.append(names)
    return [vars(item)[name] for name in names]


def open_cell(item, found, space, is_top):
    """What a closure cell holds."""
    try:
        return (item.cell_contents,)
    except ValueError:
        return ()


def open_builtin(item, found, space, is_top):
    """A method of an object, or a function of a module."""
    owner = getattr(item, '__self__', None)
    if owner is None or isinstance(owner, (types.ModuleType,) + class_types):
        found.ids.discard(id(item))
        return ()
    return (owner,)


def open_generator(item, found, space, is_top):
    """A generator or coroutine: where it stands, and its variables."""
    for prefix in 'gi_', 'cr_', 'ag_':
        if hasattr(item, prefix + 'frame'):
            frame, code = getattr(item, prefix + 'frame'), getattr(item, prefix + 'code')
    found.refs |= code_uses(code).names
    found.uses.append(code_uses(code))
    if frame is None:
        found.extras.append(None)
        return ()
    values = dict(frame.f_locals)
    names = sorted(values)
    found.extras.append((frame.f_lasti, names))
    return [values[name] for name in names]


def open_iterator(item, found, space, is_top):
    """An iterator of C code: how much is left, or where it stands."""
    import warnings
    try:
        hint = item.__length_hint__() if hasattr(item, '__length_hint__') else None
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')     # itertools: a state is not to be had from 3.14 on
            known = HAS_ITERATOR_STATE or type(item).__module__ == 'itertools'
            state = item.__reduce__()[1:] if known else ()
        found.extras.append((hint, [part for part in chain.from_iterable(
            part if isinstance(part, tuple) else [part] for part in state) if type(part) in PLAIN]))
        if hint is None and not known:
            found.opaque = found.opaque or 'a %s' % type(item).__name__
    except Exception:
        found.opaque = found.opaque or 'a %s' % type(item).__name__
    return [part for part in gc.get_referents(item) if part is not type(item)]


def open_file(item, found, space, is_top):
    """A file: its position."""
    try:
        found.extras.append(None if item.closed else item.tell())
    except (EnvironmentError, ValueError):
        found.extras.append(None)
        if is_terminal(item) or item in (sys.stdin, sys.stdout, sys.stderr):
            return ()
        found.opaque = found.opaque or 'a file whose position is not known'
    if hasattr(item, 'getvalue') and not item.closed:
        found.extras.append(item.getvalue())
    return ()


def open_buffer(item, found, space, is_top):
    """A bytearray, an array: its content."""
    data = bytes(item) if isinstance(item, bytearray) else getattr(item, 'tobytes', getattr(item, 'tostring', None))()
    found.bytes += len(data)
    found.extras.append(data if len(data) < LARGE else checksum(data))
    return [item.__dict__] if hasattr(item, '__dict__') else ()


def open_view(item, found, space, is_top):
    """What a memoryview looks at."""
    return [item.obj] if hasattr(item, 'obj') else ()


def open_array(item, found, space, is_top):
    """An array of numpy: shape, type and a checksum; a view shares the array that it looks at."""
    found.extras.append((item.shape, item.strides, str(item.dtype)))
    members = [item.base] if item.base is not None else []
    if hasattr(item, '__dict__'):
        members.append(item.__dict__)
    if item.dtype.hasobject:
        return members + item.ravel().tolist()
    found.bytes += item.nbytes
    data = item if item.flags.c_contiguous else item.copy()
    found.extras.append(checksum(data.reshape(-1).view('u1')) if item.size else '')
    return members


def open_pandas(item, found, space, is_top):
    """A frame, series or index of pandas, without what it remembers of earlier questions."""
    kind = type(item).__name__
    if hasattr(item, 'blocks') and hasattr(item, 'axes'):
        return list(item.blocks) + list(item.axes)
    if kind.endswith('Block') and hasattr(item, 'values'):
        found.extras.append(repr(item.mgr_locs.as_array.tolist()) if hasattr(item, 'mgr_locs') else None)
        return [item.values]
    values = getattr(item, '__dict__', None) or {}
    names = sorted(name for name in values if name not in ('_cache', '_item_cache', '_cacher', '_is_copy', '_engine'))
    found.extras.append(names)
    members = [values[name] for name in names]
    if hasattr(item, '_ndarray'):
        members.append(item._ndarray)
    if type(item).__flags__ & HEAP_TYPE and not values and not hasattr(item, '_ndarray'):
        return open_instance(item, found, space, is_top)
    return members


def open_random(item, found, space, is_top):
    """The state of a generator of random numbers."""
    found.extras.append(item.getstate())
    return open_instance(item, found, space, is_top)


def open_error(item, found, space, is_top):
    """An exception, without the frames of its traceback."""
    members = [item.args, getattr(item, '__dict__', None), getattr(item, '__cause__', None),
               getattr(item, '__context__', None)]
    return members + ([type(item)] if type(item).__flags__ & HEAP_TYPE else [])


def open_old_instance(item, found, space, is_top):
    """What an instance of a class of the old style holds."""
    return [item.__dict__, item.__class__]


def open_wrapper(item, found, space, is_top):
    """A classmethod, staticmethod or property."""
    if isinstance(item, property):
        return [item.fget, item.fset, item.fdel] + ([type(item)] if type(item) is not property else [])
    return [item.__get__(None, object)] if not hasattr(item, '__func__') else [item.__func__]


OPENERS = dict((kind, open_nothing) for kind in ATOMS)
OPENERS.update({FunctionType: open_function, types.ModuleType: open_module, CellType: open_cell,
                types.BuiltinFunctionType: open_builtin, bytearray: open_buffer, array.array: open_buffer,
                memoryview: open_view, weakref.ref: open_nothing})
OPENERS.update((getattr(types, kind), open_generator) for kind in (
    'GeneratorType', 'CoroutineType', 'AsyncGeneratorType') if hasattr(types, kind))
OPENERS.update((kind, open_nothing) for kind in (types.FrameType, types.TracebackType))
if hasattr(types, 'InstanceType'):
    OPENERS[types.InstanceType] = open_old_instance
BASES = [(BaseException, open_error), (bytearray, open_buffer), (array.array, open_buffer),
         ((property, staticmethod, classmethod), open_wrapper), (types.ModuleType, open_module)]


# ---- values on disk

class Store(object):
    """Bytes on disk, found by their checksum, and records (the few bytes under a name that tell which).

    folder: made if it is not there, with mode 0700; None: in memory.      max_bytes: when it holds more, what was
    not used for longest goes.      trust: use it although other users can write to it. Raises HotloadError where
    they can: reading values runs what is written in them.

    >>> store = Store(None)
    >>> address = store.add(b'some bytes')
    >>> store.read(address) == b'some bytes', store.read('0' * 40)
    (True, None)
    >>> store.set_record('last', b'it'); store.record('last') == b'it'
    True
    """

    MAGIC = b'hotload1'

    def __init__(self, folder, max_bytes=None, trust=False):
        self.folder = None if folder is None else os.path.abspath(path_text(folder))
        self.max_bytes, self.memory, self.added = MAX_BYTES if max_bytes is None else max_bytes, {}, 0
        self.numbers = count()
        if self.folder is not None:
            self._make_folders(trust)

    def _make_folders(self, trust):
        if not os.path.isdir(self.folder):
            with suppress(OSError):             # another process was quicker
                os.makedirs(self.folder, 0o700)
        self._refuse_others(self.folder, trust)
        for name in ('entries', 'records', 'new'):
            path = os.path.join(self.folder, name)
            if not os.path.isdir(path):
                with suppress(OSError):
                    os.mkdir(path, 0o700)
            self._refuse_others(path, trust)
        ignore = os.path.join(self.folder, '.gitignore')
        if not os.path.exists(ignore):
            self._write(ignore, b'*\n')

    def _refuse_others(self, path, trust):
        """Raise HotloadError if the folder is not there, or other users can write to it."""
        try:
            status = os.stat(path)
        except EnvironmentError as error:
            raise HotloadError('the store cannot be made: %s' % error.strerror, path=path)
        if trust or HAS_CONSOLE or not hasattr(os, 'getuid'):
            return
        if status.st_mode & 0o022 or status.st_uid not in (os.getuid(), 0):
            raise HotloadError('others can write to this store, and reading it runs what they wrote; `chmod -R go-w '
                               '%s`, choose another folder, or trust it (trust=True)' % path, path=path)

    def _path(self, address):
        return os.path.join(self.folder, 'entries', address)

    def _write(self, path, *parts):
        """Write a file whole or not at all."""
        new = os.path.join(self.folder, 'new', '%d-%d-%d' % (os.getpid(), threads.get_ident(), next(self.numbers)))
        if not os.path.isdir(os.path.dirname(new)):
            os.mkdir(os.path.dirname(new), 0o700)
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, 'O_BINARY', 0), 0o600)
            with os.fdopen(descriptor, 'wb') as stream:
                for part in parts:
                    stream.write(part)
            if HAS_CONSOLE and not hasattr(os, 'replace') and os.path.exists(path):
                os.remove(path)
            getattr(os, 'replace', os.rename)(new, path)
        except BaseException:
            with suppress(EnvironmentError):
                os.remove(new)
            raise

    def _read(self, path):
        """The content of a file that _sealed() made, or None."""
        try:
            data = read_bytes(path)
        except EnvironmentError:
            return None
        head = len(self.MAGIC) + 28
        if len(data) < head or not data.startswith(self.MAGIC):
            return None
        length, sum_ = struct.unpack_from('>Q20s', data, len(self.MAGIC))
        body = data[head:]
        return body if len(body) == length and sha1(body).digest() == sum_ else None

    def _sealed(self, data):
        return self.MAGIC + struct.pack('>Q20s', len(data), sha1(data).digest()), data

    def add(self, data):
        """Keep the bytes; their address (str). Raises EnvironmentError when the disk is full."""
        address = checksum(data)
        if self.folder is None:
            self.memory[address] = data
        elif not self._touch(address):
            self._write(self._path(address), *self._sealed(data))
        self.added += len(data)
        if self.added > self.max_bytes // 8:
            self.added = 0
            self.shrink()
        return address

    def _touch(self, address):
        """Note that an entry is in use. Whether it is there (but perhaps damaged: then it is written again)."""
        with suppress(EnvironmentError):
            path = self._path(address)
            if self._read(path) is not None:
                os.utime(path, None)
                return True
        return False

    def read(self, address):
        """The bytes, or None when they are not there, or damaged."""
        if self.folder is None:
            return self.memory.get(address)
        path = self._path(address)
        data = self._read(path)
        if data is not None and checksum(data) == address:
            with suppress(EnvironmentError):
                os.utime(path, None)
            return data
        with suppress(EnvironmentError):
            os.remove(path)
        return None

    def has(self, address):
        """Whether the entry seems to be there."""
        return address in self.memory if self.folder is None else os.path.exists(self._path(address))

    def set_record(self, name, data):
        """Keep the bytes under a name (any text), in place of what was there."""
        if self.folder is None:
            self.memory['record ' + name] = data
        else:
            self._write(os.path.join(self.folder, 'records', short_hash(name)), *self._sealed(data))

    def record(self, name):
        """The bytes kept under the name, or None."""
        if self.folder is None:
            return self.memory.get('record ' + name)
        return self._read(os.path.join(self.folder, 'records', short_hash(name)))

    def shrink(self):
        """Remove what was not used for longest, until the store is a tenth below its bound; and what killed
        processes left behind."""
        if self.folder is None:
            entries = [(0, len(data), address) for address, data in self.memory.items() if ' ' not in address]
        else:
            entries, now = [], time.time()
            for place in ('entries', 'new'):
                for name in list_folder(os.path.join(self.folder, place))[0]:
                    path = os.path.join(self.folder, place, name)
                    with suppress(EnvironmentError):
                        status = os.stat(path)
                        if place == 'entries':
                            entries.append((status.st_mtime, status.st_size, path))
                        elif now - status.st_mtime > 3600:
                            os.remove(path)
        total = sum(size for _, size, _ in entries)
        for _, size, place in sorted(entries) if total > self.max_bytes else ():
            if total <= self.max_bytes * 9 // 10:
                break
            total -= size
            if self.folder is None:
                del self.memory[place]
            else:
                with suppress(EnvironmentError):
                    os.remove(place)
