import opcode

if PY2:
    import cPickle as pickle
else:
    import pickle
HAS_WORDCODE = sys.version_info >= (3, 6)       # each instruction has two bytes
HAS_CASTS = hasattr(memoryview, 'cast')          # of a memoryview, to other items
LONE_SURROGATES = 'replace' if PY2 else 'surrogatepass'          # how to encode them
HAS_DICT_ORDER = sys.version_info >= (3, 7)
HAS_REDUCERS = hasattr(getattr(pickle, 'Pickler', None), 'reducer_override') or sys.version_info >= (3, 8)
# Values of one Python are not read by another: byte code and pickles differ.
PYTHON_TAG = '%s%d%d' % ((getattr(getattr(sys, 'implementation', None), 'name', 'cpython')[:2],)
                         + sys.version_info[:2])
EXACT_MARSHAL = 0 if PY2 else 2                 # the highest version that writes equal values equally
# By how many bits the number of a name is shifted in an instruction, to have room for flags.
_NAME_SHIFTS = {'LOAD_GLOBAL': int(sys.version_info >= (3, 11)),
                'LOAD_ATTR': int(sys.version_info >= (3, 12)), 'LOAD_SUPER_ATTR': 2}
_NAMES = dict((number, (opcode.opname[number], _NAME_SHIFTS.get(opcode.opname[number], 0)))
              for number in opcode.hasname)
_CONSTANTS = frozenset(opcode.hasconst)
_SMALL_INT = opcode.opmap.get('LOAD_SMALL_INT', -1)
_FILLERS = frozenset(opcode.opmap.get(name, -1) for name in ('CACHE', 'PUSH_NULL', 'PRECALL', 'NOP'))


def read_code(code):
    """A code object's (bytes without the numbers of constants, [constants in the order of use], [(name of the
    instruction, the name or constant that it is about, or None)]). A docstring is a constant that is not
    used."""
    data, at, high, consts, found = bytearray(code.co_code), 0, 0, [], []
    names, values, extended = code.co_names, code.co_consts, opcode.EXTENDED_ARG
    while at < len(data):
        number, start = data[at], at
        if HAS_WORDCODE:
            argument = data[at + 1] + high
            at += 2
        elif number >= opcode.HAVE_ARGUMENT:
            argument = data[at + 1] + (data[at + 2] << 8) + high
            at += 3
        else:
            argument, at = 0, at + 1
        if number == extended:
            high = argument << (8 if HAS_WORDCODE else 16)
            continue
        high = 0
        if number in _NAMES:
            name, shift = _NAMES[number]
            found.append((name, names[argument >> shift]))
        elif number in _CONSTANTS:
            consts.append(values[argument])
            found.append(('LOAD_CONST', values[argument]))
            data[start + 1] = 0
            if not HAS_WORDCODE:
                data[start + 2] = 0
        elif number not in _FILLERS:
            found.append((opcode.opname[number], argument if number == _SMALL_INT else None))
    return bytes(data), consts, found


def dump(value, rename):
    """`value` as a pickle. rename(object) -> (module, name) for a class or a function that is to be found by
    those when it is loaded, or None."""
    import io
    stream = io.BytesIO()
    if PY2:
        pickler = pickle.Pickler(stream, 2)
        pickler.persistent_id = rename
        pickler.dump(value)
    else:
        _pickler_class()(stream, rename).dump(value)
    return stream.getvalue()


def _pickler_class():
    """The subclass of Pickler that renames; made when it is first needed."""
    if not hasattr(dump, 'pickler'):
        class Renaming(pickle.Pickler):
            def __init__(self, stream, rename):
                pickle.Pickler.__init__(self, stream, pickle.HIGHEST_PROTOCOL)
                self.rename = rename

            if HAS_REDUCERS:
                def reducer_override(self, item):
                    found = self.rename(item)
                    return NotImplemented if found is None else (find_global, found)
            else:
                def persistent_id(self, item):
                    return self.rename(item)
        dump.pickler = Renaming
    return dump.pickler


def load(data, find):
    """The value of a pickle. find(module, name) -> the class or function of that name."""
    import io
    if PY2:
        unpickler = pickle.Unpickler(io.BytesIO(data))
        unpickler.persistent_load, unpickler.find_global = lambda names: find(*names), find
        return unpickler.load()
    if not hasattr(load, 'unpickler'):
        class Finding(pickle.Unpickler):
            def __init__(self, stream, find):
                pickle.Unpickler.__init__(self, stream)
                self.find_class = find

            def persistent_load(self, names):
                return self.find_class(*names)
        load.unpickler = Finding
    return load.unpickler(io.BytesIO(data), find).load()


def find_global(module, name):
    """The class or function `name` (with dots) of a module, which is imported if need be. The script's own
    module, whatever it is called now, is __main__."""
    main = sys.modules.get('__main__')
    found = main if module == neutral_name(main) else sys.modules.get(module)
    if found is None:
        __import__(module)
        found = sys.modules[module]
    for part in name.split('.'):
        found = getattr(found, part)
    return found


def neutral_name(module):
    """The name under which another program would import the module that is __main__ here."""
    spec, path = getattr(module, '__spec__', None), getattr(module, '__file__', None)
    if spec is not None:
        return spec.name[:-9] if spec.name.endswith('.__main__') else spec.name
    return os.path.splitext(os.path.basename(path))[0] if path else '__main__'


def reraise(error, trace):
    """Raise an exception with the traceback it had."""
    if PY2:
        exec('raise type(error), error, trace')
    raise error.with_traceback(trace)


def add_note(error, text):
    """Put a line below the exception's message, where Python shows such lines (3.11)."""
    with suppress(Exception):
        if hasattr(error, 'add_note'):
            error.add_note(text)
        else:
            error.__notes__ = getattr(error, '__notes__', []) + [text]


def reserve(descriptor, size):
    """Make the open file `size` bytes long; raises EnvironmentError where the disk has not that much."""
    os.ftruncate(descriptor, size)
    if hasattr(os, 'posix_fallocate') and size:
        os.posix_fallocate(descriptor, 0, size)


def lock_file(descriptor):
    """Lock the open file for as long as it is open. Whether that could be done, where locks are to be had."""
    try:
        import fcntl
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, AttributeError):       # Windows: an open file cannot be removed there
        return True
    except EnvironmentError:
        return False
    return True
