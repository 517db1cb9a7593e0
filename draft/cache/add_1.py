if PY2:
    import __builtin__ as builtins
    range_type = xrange                                                          # noqa: F821
else:
    import builtins
    range_type = range
HAS_ITERATOR_STATE = not PY2                    # list iterators and the like tell where they stand


def load_pickle():
    """The module that pickles at the speed of C; imported when it is needed."""
    if PY2:
        import cPickle as pickle
    else:
        import pickle
    return pickle


def encoded(text):
    """A text as bytes, whatever is in it."""
    if isinstance(text, bytes):
        return text
    return text.encode('utf-8') if PY2 else text.encode('utf-8', 'surrogatepass')


def shown(data):
    """Bytes of a source file as a str for people."""
    return data if PY2 else data.decode('utf-8', 'replace')


def file_name(data):
    """The str for a name that the system gave as bytes."""
    return data if isinstance(data, str) else os.fsdecode(data)


def _shift_of(text, name):
    """By how many bits this Python shifts the number of a name in an instruction, to have room for flags."""
    code = compile('def f(x):\n x.b; ' + text, '', 'exec').co_consts[0]
    import opcode
    number, at = opcode.opmap.get(name), 0
    data, found = bytearray(code.co_code), []
    while at < len(data):
        wide = PY2 and data[at] >= opcode.HAVE_ARGUMENT
        if data[at] == number:
            found.append(data[at + 1])
        at += 3 if wide else 1 if PY2 else 2
    return 1 if found and found[-1] > 1 else 0


def _name_instructions():
    """{number of an instruction: (what it does to a name, shift)}."""
    import opcode
    table = {}
    for what, names in (('name', 'LOAD_NAME LOAD_GLOBAL LOAD_FROM_DICT_OR_GLOBALS'),
                        ('set', 'STORE_NAME STORE_GLOBAL DELETE_NAME DELETE_GLOBAL'),
                        ('attribute', 'LOAD_ATTR LOAD_METHOD IMPORT_FROM'), ('put', 'STORE_ATTR DELETE_ATTR'),
                        ('import', 'IMPORT_NAME')):
        for name in names.split():
            if name in opcode.opmap:
                shift = _shift_of('b; c', name) if name == 'LOAD_GLOBAL' else _shift_of('x.c', name) if (
                    name == 'LOAD_ATTR') else 0
                table[opcode.opmap[name]] = what, shift
    return table, opcode.EXTENDED_ARG, opcode.HAVE_ARGUMENT


NAME_INSTRUCTIONS, _EXTENDED_ARG, _HAVE_ARGUMENT = _name_instructions()
HAS_WORDCODE = sys.version_info >= (3, 6)       # each instruction has two bytes


def named_in(code):
    """(what, name) of each instruction of the code object that names a global, an attribute or a module.

    what: 'name' is read, 'set' is assigned or deleted, 'attribute', 'put' for one that is set, 'import'.
    """
    data, at, high = bytearray(code.co_code), 0, 0
    while at < len(data):
        number, wide = data[at], not HAS_WORDCODE and data[at] >= _HAVE_ARGUMENT
        low = data[at + 1] + (data[at + 2] << 8 if wide else 0) if HAS_WORDCODE or wide else 0
        argument, high = high + low, 0
        if number == _EXTENDED_ARG:
            high = argument << (8 if HAS_WORDCODE else 16)
        elif number in NAME_INSTRUCTIONS:
            what, shift = NAME_INSTRUCTIONS[number]
            yield what, code.co_names[argument >> shift]
        at += 2 if HAS_WORDCODE else 3 if wide else 1


def compress(items, chosen):
    """The items whose partner in `chosen` is true, as a list."""
    import itertools
    return list(itertools.compress(items, chosen))


def environment_data():
    """(the object, the name of its attribute) that holds the dict behind os.environ."""
    return os.environ, '_data' if hasattr(os.environ, '_data') else 'data'


def own_hash(kind):
    """Whether the type hashes by value: then its instances do not change."""
    return kind.__hash__ not in (object.__hash__, None)
