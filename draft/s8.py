##############################################################################
## 8. Transplant -- new code for functions and classes that are in use
##############################################################################
#
# Gives to those below what changes living objects: Transplant, which works out what each function gets and
# then assigns it; run_apart(), which runs statements of a class body outside of it; absorb(), which makes a
# class what another is.
#
# A function object is changed by assigning to its __code__, so that all who hold it run the new code. Where
# that cannot be (other free variables), it gets a trampoline: code with the old variables that calls a new
# function.
#
# Not handled: functions that C code copied; frames that run already; two equal lambdas of one line where the
# Python compiles them to one code object.

import gc

KEPT_BY_CLASS = frozenset('__dict__ __weakref__ __module__ __qualname__ __firstlineno__ __static_attributes__ '
                          '__classcell__ __classdictcell__ __abstractmethods__ _abc_impl __subclasshook__'.split())
CLASSES_KNOW_LINES = '__firstlineno__' in vars(Source)           # 3.13: inspect goes by it


def functions_with(codes):
    """{id of a code object: [functions that run it]}; a pass over the heap, or less when the codes are few.

    codes: {id: code object}.
    """
    found = {}
    objects = gc.get_referrers(*codes.values()) if len(codes) <= 16 else gc.get_objects()
    if getattr(gc, 'get_freeze_count', int)():
        objects += _frozen_functions()          # the collector does not show them
    for item in [item for item in objects if type(item) is FunctionType]:
        number = id(item.__code__)
        if number in codes:
            functions = found.setdefault(number, [])
            if not any(item is other for other in functions):
                functions.append(item)
    return found


def _frozen_functions():
    """The functions that can be reached from modules, found without the collector's lists."""
    seen, functions = set(), []
    todo = [vars(module) for module in list(sys.modules.values()) if isinstance(module, type(sys))]
    kinds = class_types + (FunctionType, CellType, dict, list, tuple, set, staticmethod, classmethod, property)
    while todo:
        item = todo.pop()
        if id(item) not in seen:
            seen.add(id(item))
            if type(item) is FunctionType:
                functions.append(item)
            todo += [part for part in gc.get_referents(item) if isinstance(part, kinds)]
    return functions


def _call_target(*hotload_args, **hotload_kwargs):
    hotload_target = 'hotload target'
    return hotload_target(*hotload_args, **hotload_kwargs)


def trampoline(names, target):
    """Code that calls `target`, for functions whose code has the free variables `names`. It is never
    compiled: it stands
    in this file, so that tracebacks leave its frame out."""
    code = _call_target.__code__
    return recode(code, co_freevars=names, co_consts=tuple(target if const == 'hotload target' else const
                                                           for const in code.co_consts))


REDIRECTS = []              # [(weak reference to a function, one to the function that it calls instead)]


def redirected_to(function):
    """The functions that only call this one."""
    return [old() for old, target in REDIRECTS if target() is function and old() is not None]


def note_redirect(function, target, is_new=False):
    """Remember that `function` calls `target`, which runs code of its own again if `is_new`."""
    REDIRECTS[:] = [(old, new) for old, new in REDIRECTS if new() is not None and old() is not None
                    and old() is not function and not (is_new and old() is target)]
    REDIRECTS.append((weakref.ref(function), weakref.ref(target)))


def redirect(function, target):
    """Make `function` call `target` from now on."""
    function.__code__, function.__defaults__ = trampoline(function.__code__.co_freevars, target), None
    if hasattr(function, '__kwdefaults__'):
        function.__kwdefaults__ = None
    if type(target) is FunctionType:
        note_redirect(function, target)


def dress(function, like):
    """Give a function the attributes of another one that are not its code."""
    for part in FUNCTION_PARTS + ['__qualname__', '__module__']:
        if hasattr(like, part):
            setattr(function, part, getattr(like, part))
    vars(function).update(vars(like))


def parameters(code):
    """What two code objects share when they take the same arguments."""
    count = code.co_argcount + getattr(code, 'co_kwonlyargcount', 0)
    return code.co_argcount, getattr(code, 'co_posonlyargcount', 0), code.co_varnames[:count], code.co_flags & 12


class Move(object):
    """New code for the functions that run another. old, new: code objects.      chain: those around new.
    functions: that run old.      defaults: None where they stay, else (defaults, kwdefaults).      parts:
    {attribute: value} to set afterwards.      signed: whether a definition in a module or class says the
    defaults.      late: whether statements must run before."""

    __slots__ = ('old', 'new', 'chain', 'functions', 'defaults', 'parts', 'signed', 'late')

    def __init__(self, old, new, chain):
        self.old, self.new, self.chain = old, new, chain
        self.functions, self.defaults, self.parts, self.signed, self.late = (), None, {}, False, False

    def names(self):
        """The names of what is around the function, and its own."""
        return tuple(code.co_name for code in self.chain) + (self.new.co_name,)


class Transplant(object):
    """Works out what each function gets, and then gives it to all at once.

    moves: {id of an old code object: Move}.      find_class(names) -> class or None.      keep(move, why):
    called where functions cannot have the new code.      codes, full: (function, code), and with defaults, to
    assign;      parts, slots: (holder, attribute, value) to set afterwards.
    """

    def __init__(self, find_class, keep):
        self.find_class, self.keep, self.moves = find_class, keep, {}
        self.codes, self.full, self.parts, self.slots = [], [], [], []

    def add(self, pairs):
        """Take up (old code, new code, codes around it) triples."""
        for old, new, chain in pairs:
            if old is not new:
                self.moves[id(old)] = Move(old, new, chain)

    def find(self):
        """The dict {id: code object} to look for with functions_with()."""
        return dict((number, move.old) for number, move in self.moves.items())

    def to(self, code):
        """The Moves to that new code object."""
        return [move for move in self.moves.values() if move.new is code]

    def fit_parameters(self, move, nodes, flags):
        """For functions that other functions made: they keep their defaults; new parameters need literals as
        theirs.

        nodes: of the functions and lambdas in what changed.
        """
        nodes = [node for node in nodes if _first_line(node) + 1 == move.new.co_firstlineno
                 and getattr(node, 'name', '<lambda>') == move.new.co_name]
        args = nodes[0].args if len(nodes) == 1 else None
        defaults = args and args.defaults + [part for part in getattr(args, 'kw_defaults', ()) if part is not None]
        if args is None or not all(map(is_constant, defaults)):
            self.keep(move, 'its new parameters have defaults that must be computed')
            move.functions = ()
            return
        holder, made = parse(b'made = lambda: 0'), {}
        holder[0].value.args = copy_node(args)
        for node in walk(args):
            if getattr(node, 'annotation', None):
                node.annotation = None
        execute(compile_nodes(holder, move.new.co_filename, flags), made)
        move.defaults = made['made'].__defaults__, getattr(made['made'], '__kwdefaults__', None)

    def fit(self, move):
        """Work out what the functions of the Move get."""
        if move.old.co_consts[:1] != move.new.co_consts[:1] and documentation(move.old) != documentation(move.new):
            move.parts['__doc__'] = documentation(move.new)
        for function in move.functions:
            family = redirected_to(function)
            if move.new.co_freevars == function.__code__.co_freevars and not family:
                self._give(function, move.new, move.defaults)
            else:
                self._fit_closure(function, family, move)
            self.parts += [(function, part, value) for part, value in move.parts.items()]
        if CLASSES_KNOW_LINES and is_class_code(move.new):
            owner = self.find_class(move.names())
            if owner is not None and '__firstlineno__' in vars(owner):
                self.parts.append((owner, '__firstlineno__', move.new.co_firstlineno))

    def _give(self, function, code, defaults):
        if defaults is None:
            self.codes.append((function, code))
        else:
            self.full.append((function, code) + defaults)

    def _fit_closure(self, function, family, move):
        """Give code with other free variables: through a twin that has them, which the function then calls.

        family: functions that already call this one.
        """
        cells, names = {}, move.new.co_freevars
        for member in family + [function]:
            cells.update(zip(member.__code__.co_freevars, member.__closure__ or ()))
        owner = self.find_class(move.names()[:-1]) if move.chain else None
        if '__class__' in names and '__class__' not in cells and owner is not None:
            cells['__class__'] = make_cell(owner)
        missing = sorted(set(names).difference(cells))
        if missing:
            self.keep(move, 'they lack the variable %s' % ', '.join(missing))
            return
        target = ([member for member in family + [function] if member.__code__.co_freevars == names] or [None])[0]
        if target is None:
            target = FunctionType(move.new, function.__globals__, function.__name__, None,
                                  tuple(cells[name] for name in names) or None)
            dress(target, function)
        kept = function.__defaults__, getattr(function, '__kwdefaults__', None)
        self._give(target, move.new, move.defaults or kept)
        for member in family + [function]:
            if member is not target:
                self.full.append((member, trampoline(member.__code__.co_freevars, target), None, None))
                note_redirect(member, target, True)
                if owner is not None and vars(owner).get(member.__name__) is member:
                    self.slots.append((owner, member.__name__, target))


def assign(transplants):
    """Give the functions what was worked out for them. The loop is one of attribute assignments alone."""
    codes = [item for each in transplants for item in each.codes]
    full = [item for each in transplants for item in each.full]
    held = [(item[0].__code__, item[0].__defaults__) for item in codes + full]      # nothing is freed meanwhile
    keywords = '__kwdefaults__' in FUNCTION_PARTS

    def loop():
        for function, code in codes:
            function.__code__ = code
        for function, code, defaults, kwdefaults in full:
            function.__code__ = code
            function.__defaults__ = defaults
            if keywords:
                function.__kwdefaults__ = kwdefaults
    without_switches(loop, len(held))
    for holder, part, value in [item for each in transplants for item in each.parts + each.slots]:
        set_attribute(holder, part, value)
    for each in transplants:
        each.codes, each.full, each.parts, each.slots = [], [], [], []


# ---- namespaces and classes

_PATHS, BEGIN_S = {}, time.time()


def module_path(module):
    """The absolute path of the module's source file, or None."""
    name = getattr(module, '__file__', None)
    if not isinstance(name, string_types):
        return None
    if name not in _PATHS:
        path = os.path.abspath(name[:-1] if name.endswith(('.pyc', '.pyo')) else name)
        if not os.path.isabs(name):
            return path
        _PATHS[name] = path
    return _PATHS[name]


def is_newer(module, path):
    """Whether the file may be newer than what the module was loaded from: byte code says what it was made of."""
    try:
        with open(getattr(module, '__cached__', None) or path + 'c', 'rb') as stream:
            head = stream.read(16)
        made = struct.unpack('<I', head[8:12] if hasattr(module, '__cached__') else head[4:8])[0]
        by_hash = hasattr(module, '__cached__') and head[4:8] != b'\0' * 4         # PEP 552
        return made != int(os.stat(path).st_mtime) & 0xffffffff and not by_hash
    except (EnvironmentError, struct.error):    # none was written
        return os.stat(path).st_mtime > BEGIN_S


def running_line(path):
    """The line that the code of the module at `path` itself is at, in the text that it was loaded from, or None."""
    for frame in list(sys._current_frames().values()):
        while frame is not None:
            code = frame.f_code
            if code.co_name == '<module>' and os.path.abspath(code.co_filename) == path:
                return frame.f_lineno
            frame = frame.f_back
    return None


def is_main_block(node):
    """Whether the statement is `if __name__ == '__main__':`."""
    return isinstance(node, _ast.If) and isinstance(node.test, _ast.Compare) and any(
        isinstance(part, _ast.Name) and part.id == '__name__' for part in walk(node.test))


def resolve(module, chain):
    """The module, or the class in it that the names lead to; None where there is none."""
    found = module
    for name in chain:
        found = vars(found).get(name)
        if not isinstance(found, class_types):
            return None
    return found


def set_attribute(owner, name, value, chain=()):
    """Set an attribute of a module or a class, whatever its metaclass would say, as if the body had."""
    if isinstance(owner, type):
        type.__setattr__(owner, name, value)
        if chain and hasattr(type(value), '__set_name__'):
            value.__set_name__(owner, name)
    else:
        setattr(owner, name, value)


def settle_abstract(owner):
    """Work out anew which methods a class and those derived from it must still have (PEP 3119)."""
    if isinstance(owner, type) and '__abstractmethods__' in vars(owner):
        names = set(name for name, value in vars(owner).items() if getattr(value, '__isabstractmethod__', False))
        for base in owner.__bases__:
            for name in getattr(base, '__abstractmethods__', ()):
                if getattr(getattr(owner, name, None), '__isabstractmethod__', False):
                    names.add(name)
        owner.__abstractmethods__ = frozenset(names)
        for derived in type.__subclasses__(owner):
            settle_abstract(derived)


def copy_node(node, **changes):
    """A copy of one node, not of those in it."""
    import copy
    node = copy.copy(node)
    for name, value in changes.items():
        setattr(node, name, value)
    return node


def run_apart(module, chain, nodes, path, flags):
    """({name: value} of what statements would set in the module or class, their code objects), without setting it."""
    body = list(nodes)
    for name in reversed(chain):
        holder = parse(b'class X: pass')[0]
        holder.name, holder.body = name, body
        holder.lineno, holder.col_offset = nodes[0].lineno, nodes[0].col_offset
        if hasattr(nodes[0], 'end_lineno'):
            holder.end_lineno, holder.end_col_offset = nodes[-1].end_lineno, nodes[-1].end_col_offset
        body = [holder]
    code, owner = compile_nodes(body, path, flags), resolve(module, chain)
    for _ in chain:
        code = children(code)[0]
    space = dict(vars(owner)) if chain else {}
    before = dict(space)
    execute(recode(code, co_flags=code.co_flags & ~2) if chain else code, vars(module), space)
    cell = space.pop('__classcell__', None)
    if cell is not None:
        set_cell(cell, owner)
    return dict((name, value) for name, value in space.items() if not (chain and name in KEPT_BY_CLASS) and (
        name not in before or before[name] is not value)), children(code)


def replace_everywhere(new, old):
    """Put `old` where `new` is held in dicts, lists, sets and closures; a list that holds both loses the new one."""
    for holder in gc.get_referrers(new):
        if isinstance(holder, list):
            known = any(item is old for item in holder)
            holder[:] = [old if item is new else item for item in holder if not (known and item is new)]
        elif isinstance(holder, set):
            holder.discard(new)
            holder.add(old)
        elif type(holder) is CellType:
            set_cell(holder, old)
        else:
            space = holder if isinstance(holder, dict) else getattr(holder, '__dict__', None)
            if isinstance(space, dict):
                for name, value in list(space.items()):
                    if value is new:
                        space[name] = old


def absorb(old, new, action, owns):
    """Make the class `old` what the class `new` is, in place. Whether that could be done.

    owns(function): whether it was written in the file; others may be in use elsewhere.
    """
    if old is new or isinstance(old, type) != isinstance(new, type):
        return old is new
    if vars(old).get('__slots__') != vars(new).get('__slots__'):
        return False
    try:
        if old.__bases__ != new.__bases__:
            old.__bases__ = new.__bases__
        if type(old) is not type(new):
            old.__class__ = type(new)
    except TypeError:
        return False
    unchanged = set()
    if action.old is not action.new and isinstance(getattr(action.old, 'node', None), _ast.ClassDef):
        bodies = [[Statement(node) for node in item.node.body] for item in (action.old, action.new)]
        before = set(item.outside() for item in bodies[0] if not item.name)
        unchanged = names_used([item.node for item in bodies[1] if not item.name and item.outside() in before]).sure
        gone = names_used(action.old.node.body).sure - names_used(action.new.node.body).sure
    else:
        gone = set(vars(old)) - set(vars(new))
    members = absorb_members(old, new) if '_member_map_' in vars(new) else ()
    for name, value in list(vars(new).items()):
        was = vars(old).get(name)
        if name in KEPT_BY_CLASS - set(['__firstlineno__']) or name in members or type(value).__name__ == (
                'member_descriptor') or name in unchanged and was is not None and not hasattr(value, '__get__'):
            continue
        ours = type(was) is FunctionType is type(value) and (owns(was) or was.__code__.co_filename.startswith('<'))
        if ours and was.__code__.co_freevars == value.__code__.co_freevars in ((), ('__class__',)):
            was.__code__, was.__defaults__ = value.__code__, value.__defaults__
            dress(was, value)
        else:
            if ours:
                redirect(was, value)
            try:
                set_attribute(old, name, value)
            except (AttributeError, TypeError):             # the docstring, on 2.7
                pass
    for name in gone:
        name = mangled(name, (old.__name__,))
        if name in vars(old) and name not in vars(new):
            (type.__delattr__ if isinstance(old, type) else delattr)(old, name)
    settle_abstract(old)
    return True


def absorb_members(old, new):
    """Give the enum `old` the members of `new`; those that it had stay the same objects. Names to leave alone."""
    names, by_name, by_value = old._member_names_, old._member_map_, old._value2member_map_
    for name in list(by_name):
        if name not in new._member_map_:
            del by_name[name]
            if name in vars(old):
                type.__delattr__(old, name)
    by_value.clear()
    for name, member in new._member_map_.items():
        if name in by_name:
            by_name[name]._value_ = member._value_
        else:
            member.__class__ = old
            by_name[name] = member
            if name in vars(new):
                type.__setattr__(old, name, member if vars(new)[name] is member else vars(new)[name])
    for name in new._member_map_:               # in the new order
        by_name[name] = by_name.pop(name)
    for value, member in new._value2member_map_.items():
        by_value[value] = by_name[member._name_]
    names[:] = new._member_names_
    return set(by_name).union(['_member_map_', '_member_names_', '_value2member_map_'])


class PromptSpace(object):
    """A prompt's namespace (a dict) as if it were that of a module."""

    def __init__(self, space):
        self.__dict__ = space


PROMPTS = []                # of IPython shells, whose namespace may be no module's


def follow(rebound, text_of):
    """Give modules that did `from module import name`, and still hold the old object, the new one.

    rebound: [(module, classes, name, old object, new one)].      text_of(path) -> bytes or None.
    """
    todo = [(module.__name__, name, was, now) for module, chain, name, was, now in rebound
            if not chain and was is not now]
    while todo:
        source, name, was, now = todo.pop()
        for module in list(sys.modules.values()) + PROMPTS:
            space = getattr(module, '__dict__', None)
            if not isinstance(space, dict) or not any(value is was for value in list(space.values())):
                continue
            for origin, wanted, local in from_imports(module, text_of):
                if origin == source and wanted in (name, '*') and space.get(local or name) is was:
                    space[local or name] = now
                    todo.append((module.__name__, local or name, was, now))


def from_imports(module, text_of):
    """[(module, name or '*', local name or None)] of the `from ... import ...` statements of a loaded module."""
    text, cells = text_of(module_path(module)), vars(module).get('In')
    texts = [text] if text is not None else [cell.encode('utf-8') for cell in cells if isinstance(
        cell, text_type)] if isinstance(cells, list) else []        # what was typed into IPython
    package = module.__name__ if hasattr(module, '__path__') else module.__name__.rpartition('.')[0]
    found = []
    for text in texts:
        try:
            nodes = parse(text)
        except (SyntaxError, ValueError, TypeError):
            continue
        for node in [node for item in nodes for node in walk(item) if isinstance(node, _ast.ImportFrom)]:
            level = node.level or 0
            parts = package.split('.')[:len(package.split('.')) - level + 1] if level else []
            origins = ['.'.join(parts + [node.module or '']).strip('.')]
            if IMPORTS_ARE_RELATIVE and not level and package:
                origins.append(package + '.' + (node.module or ''))
            found += [(origin, alias.name, None if alias.name == '*' else alias.asname or alias.name)
                      for origin in origins for alias in node.names]
    return found
