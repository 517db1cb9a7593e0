##############################################################################
## 13. Log -- what a recording is made of
##############################################################################
#
# Gives to those below what a recording is made of. A log is one flat list. A step is one entry, a Site,
# which all
# steps at that place share; a change is an Op and its operands. A Token stands for an object that can
# change; it has
# the content that the object had when it was first seen, and the changes after that name it. Values are in
# the log as
# themselves, so they stay alive and an id means one object. A Keyframe has the content of every token that
# could be
# reached then. A Kind is what is known of a type: how to read the content of an object without asking its
# class, what
# changed in it since, and how to build another.

import array
import collections

ATOMS, MISSING = frozenset(ATOM_TYPES), object()
same_objects, dict_values = operator.is_, dict.values


class Site(object):
    """A place in the code and an event there. event: 'call', 'line', 'return' or 'exception'.      line: its
    number.
    path: of the file.      frame: name of the function."""

    __slots__ = ('event', 'line', 'path', 'frame')

    def __init__(self, event, line, path, frame):
        self.event, self.line, self.path, self.frame = event, line, path, frame


class Op(object):
    """A kind of change, the first of its entries in the log. size: their number."""

    __slots__ = ('size', 'act')

    def __init__(self, size, act):
        self.size, self.act = size, act

    def play(self, world, log, at):
        """Make this change, whose token and operands come next in the log, in a World."""
        token = log[at + 1]
        world.contents[token] = self.act(world.writable(token), *log[at + 2:at + self.size])


def _set(content, key, value):
    content[key] = value
    return content


def _cut(content, key):
    del content[key]
    return content


def _push(content, value):
    content.append(value)
    return content


def _splice(content, start, end, values):
    content[start:end] = values
    return content


SET, CUT, PUSH = Op(4, _set), Op(3, _cut), Op(3, _push)         # token, key, value; token, key; token, value
SPLICE = Op(5, _splice)                                         # token, from, to, values


def _put(content, new):
    return new if type(new) is tuple else new[:] if not isinstance(new, dict) else type(new)(new)


PUT = Op(3, _put)                                               # token, content


class Bind(Op):
    """A name of the current frame, or of its module, has the value that comes next in the log."""

    __slots__ = ('name', 'is_global')

    def __init__(self, name, is_global):
        self.size, self.act, self.name, self.is_global = 2, None, name, is_global

    def play(self, world, log, at):
        world.names(self.is_global)[self.name] = log[at + 1]


class Unbind(Bind):
    """A name was deleted."""

    __slots__ = ()

    def __init__(self, name, is_global):
        self.size, self.act, self.name, self.is_global = 1, None, name, is_global

    def play(self, world, log, at):
        world.names(self.is_global).pop(self.name, None)


class Enter(Op):
    """The current frame is now that of the Space that comes next in the log."""

    __slots__ = ()

    def play(self, world, log, at):
        world.space = log[at + 1]


class Printed(Op):
    """The text that comes next in the log was written to stdout."""

    __slots__ = ()

    def play(self, world, log, at):
        pass


ENTER, PRINTED = Enter(2, None), Printed(2, None)


class Token(object):
    """Stands for an object that can change. obj: it.      kind: a Kind.      first: its content when first
    seen.
    now: its content as the log has it, or None while it is not followed.      body: the Token of its
    attributes, or
    None."""

    __slots__ = ('obj', 'kind', 'first', 'now', 'body')

    def __init__(self, obj, kind, first, now=None):
        self.obj, self.kind, self.first, self.now, self.body = obj, kind, first, now, None


class Space(object):
    """The Token of a frame's names. home: has .namespace, the Token of its module's names, and .frame, the
    name of the
    function."""

    __slots__ = ('first', 'now', 'home')
    obj = body = kind = None                    # kind: DICT


Keyframe = collections.namedtuple('Keyframe', 'at contents space')      # `at`: its place in the log



# ---- kinds of objects

def layout(cls):
    """(function that gives the dict of an instance's attributes, or None; [(name, descriptor)] of its
    slots)."""
    found = _layouts.get(cls)
    if found is None:
        getter, slots = _OLD_LAYOUTS.get(cls), []
        for base in cls.__mro__:
            for name, slot in vars(base).items():
                if name == '__dict__' and type(slot) is GetSetType and getter is None:
                    getter = slot.__get__
                elif type(slot) is SlotType and (base.__flags__ & HEAP_TYPE or issubclass(base,
                        BaseException)):
                    slots.append((name, slot))
        found = _layouts[cls] = getter, slots
    return found


_OLD_LAYOUTS = {type(re.Scanner([])): lambda value: value.__dict__} if PY2 else {}
_layouts = {}


def slot_value(slot, value):
    """What an instance has in a slot, or MISSING."""
    try:
        return slot.__get__(value)
    except AttributeError:
        return MISSING


def native_base(cls, candidates):
    """The first of a class's bases that is one of the candidates."""
    return [base for base in cls.__mro__ if base in candidates][0]


def plain_value(part):
    """The value of an immutable type that an object of a subclass of it has."""
    base = native_base(type(part), IMMUTABLE)
    if base in (tuple, frozenset):
        return base(base.__iter__(part))
    return base.__pos__(part) if hasattr(base, '__pos__') else base.__getitem__(part, slice(None))


class Mark(object):
    """Stands in the log for what must end when the program lets go of it, as a generator. id, name of its
    type."""

    __slots__ = ('id', 'name', 'ref')
    of = {}                                     # {id: the Mark of what lives}

    def __init__(self, value):
        self.id, self.name = id(value), type(value).__name__
        self.of[self.id], self.ref = self, weakref.ref(value, self.forget)

    def forget(self, _):
        if self.of.get(self.id) is self:
            del self.of[self.id]


def held(value):
    """What the log keeps of a value: itself, or a Mark."""
    return value if type(value) not in MARKED else Mark.of.get(id(value)) or Mark(value)


def all_held(content):
    """A list of values as the log keeps them."""
    return content if MARKED.isdisjoint(map(type, content)) else list(map(held, content))


class Keyed(dict):
    """The content of a dict with keys whose class is not known to compare harmlessly: {id(key): (key,
    value)}."""


def is_safe_key(key):
    """Whether comparing and hashing it runs no code of the user's."""
    return type(key) in ATOMS or type(key) is tuple and all(map(is_safe_key, key))


class Kind(object):
    """What is known of a type. name: for files."""

    name = 'value'                              # of a subclass of an immutable type: only its body can change

    def read(self, value):
        """Its content, copied."""
        return ()

    def copy(self, content):
        """A copy of a content."""
        return content

    def parts(self, token):
        """The objects in the content of a token that is followed."""
        return tuple.__iter__(token.obj) if isinstance(token.obj, tuple) else ()

    def changes(self, token):
        """What must be added to the log, as (op, token, operands...), to make its content what the object
        has."""
        new = self.read(token.obj)
        if new is token.now or type(new) is tuple and len(new) == len(token.now) and all(
                lazy_map(same_objects, new, token.now)):
            return ()
        return [(PUT, token, new)]

    def blank(self, token, value):
        """A new object of its class, to be filled. value(part) -> the copy of a part."""
        plain = plain_value(token.obj)
        if isinstance(plain, tuple):
            plain = tuple(map(value, plain))
        return type(plain).__new__(type(token.obj), plain)

    def fresh(self, cls):
        """A new object of a class, of this kind, for a recording that is loaded."""
        return {'list': list, 'dict': dict, 'set': set, 'bytes': bytearray}[self.name].__new__(cls)

    def fill(self, shell, content, value, token):
        """Give the new object its content."""


class ListKind(Kind):
    """Lists; deques too, whose content is a list."""

    name = 'list'

    def read(self, value):
        deque = collections.deque
        return all_held(list(deque.__iter__(value)) if isinstance(value, deque) else list.__getitem__(value,
            slice(None)))

    def copy(self, content):
        return content[:]

    def parts(self, token):
        return token.now

    def changes(self, token):
        old, new = token.now, self.read(token.obj)
        same = len(old) == len(new)
        if same and all(lazy_map(same_objects, old, new)):
            return ()
        differ = [at for at, equal in enumerate(lazy_map(same_objects, old[:len(new)], new)) if not equal]
        if same and len(differ) <= 3:
            return [(SET, token, at, new[at]) for at in differ]
        head, tail, most = differ[0] if differ else min(len(old), len(new)), 0, min(len(old), len(new))
        while tail < most - head and old[-1 - tail] is new[-1 - tail]:
            tail += 1
        if head == len(old) and len(new) == head + 1:
            return [(PUSH, token, new[-1])]
        return [(SPLICE, token, head, len(old) - tail, new[head:len(new) - tail])]

    def blank(self, token, value):
        cls = type(token.obj)
        if isinstance(token.obj, collections.deque):
            shell = collections.deque.__new__(cls)
            collections.deque.__init__(shell, (), token.obj.maxlen)
            return shell
        return list.__new__(cls)

    def fill(self, shell, content, value, token):
        add = collections.deque.extend if isinstance(shell, collections.deque) else list.extend
        add(shell, content if ATOMS.issuperset(map(type, content)) else map(value, content))


class BytesKind(Kind):
    """bytearray and array.array."""

    name = 'bytes'

    def read(self, value):
        return (bytearray if isinstance(value, bytearray) else array.array).__getitem__(value, slice(None))

    def copy(self, content):
        return content[:]

    def parts(self, token):
        return ()

    def changes(self, token):
        old, new = token.now, self.read(token.obj)
        if old == new and len(old) == len(new):
            return ()
        head, tail = common_lines(old, new)
        return [(SPLICE, token, head, len(old) - tail, new[head:len(new) - tail])]

    def blank(self, token, value):
        cls = type(token.obj)
        return array.array.__new__(cls, token.obj.typecode) if isinstance(token.obj, array.array) else (
            bytearray.__new__(cls))

    def fill(self, shell, content, value, token):
        (bytearray if isinstance(shell, bytearray) else array.array).extend(shell, content)


class DictKind(Kind):
    """Dicts of all kinds, and the names of modules."""

    name = 'dict'

    def pairs(self, value):
        """[(key, value)] in its order."""
        if isinstance(value, collections.OrderedDict):
            return [(key, dict.get(value, key)) for key in collections.OrderedDict.__iter__(value)]
        return dict.items(value)

    def read(self, value):
        pairs = self.pairs(value)
        if all(map(is_safe_key, dict.keys(value))):
            ordered = collections.OrderedDict if not DICTS_ARE_ORDERED and isinstance(
                value, collections.OrderedDict) else dict
            found = dict.copy(value) if type(value) is dict else ordered(pairs)
            if not MARKED.isdisjoint(map(type, found.values())):
                found.update([(key, held(part)) for key, part in found.items()])
            return found
        return Keyed((id(pair[0]), pair) for pair in pairs)

    def copy(self, content):
        return Keyed(content) if type(content) is Keyed else content.copy()

    def parts(self, token):
        if type(token.now) is Keyed:
            return [part for pair in token.now.values() for part in pair]
        return list(token.now.values()) + [key for key in token.now if type(key) is tuple]

    def changes(self, token):
        old, value = token.now, token.obj
        if type(value) is dict and len(old) == len(value) and type(old) is not Keyed and all(
                lazy_map(same_objects, dict_values(old), dict_values(value))) and list(old) == list(value):
            return ()
        new = self.read(value)
        if type(new) is Keyed or type(old) is Keyed:
            if type(new) is type(old) and list(new) == list(old) and all(
                    new[key][1] is old[key][1] for key in new):
                return ()
            return [(PUT, token, new)]
        gone = [key for key in old if key not in new]
        fresh_keys = [key for key in new if key not in old]
        other = [key for key in new if key in old and new[key] is not old[key]]
        if DICTS_ARE_ORDERED or isinstance(value, collections.OrderedDict):
            after = [key for key in old if key in new] + fresh_keys
            if len(gone) + len(fresh_keys) + len(other) > len(new) // 2 + 3 or not (after == list(new) and
                all(
                    type(one) is type(two) for one, two in zip(after, new))):
                return [(PUT, token, new)]
        return [(CUT, token, key) for key in gone] + [(SET, token, key, new[key]) for key in other +
            fresh_keys]

    def blank(self, token, value):
        cls, defaults = type(token.obj), collections.defaultdict
        if isinstance(token.obj, collections.OrderedDict):
            shell = collections.OrderedDict.__new__(cls)
            collections.OrderedDict.__init__(shell)
            return shell
        if issubclass(cls, defaults):
            shell = defaults.__new__(cls)
            defaults.__init__(shell, value(defaults.default_factory.__get__(token.obj)))
            return shell
        return dict.__new__(cls)

    def fill(self, shell, content, value, token):
        put = (collections.OrderedDict if isinstance(shell, collections.OrderedDict) else dict).__setitem__
        for key, part in content.values() if type(content) is Keyed else content.items():
            put(shell, key if type(key) in ATOMS else value(key), part if type(part) in ATOMS else
                value(part))


class SetKind(Kind):
    """Sets; the content is {element: element}, or Keyed {id: element}."""

    name = 'set'

    def copy(self, content):
        return Keyed(content) if type(content) is Keyed else content.copy()

    def read(self, value):
        if all(map(is_safe_key, set.__iter__(value))):
            return dict((part, part) for part in set.__iter__(value))
        return Keyed((id(part), part) for part in set.__iter__(value))

    def parts(self, token):
        return list(token.now.values())

    def changes(self, token):
        old, value = token.now, token.obj
        if type(old) is dict and all(map(is_safe_key, set.__iter__(value))):
            if len(old) == set.__len__(value) and all(lazy_map(old.__contains__, set.__iter__(value))):
                return ()
        new = self.read(value)
        if type(new) is Keyed and type(old) is Keyed and set(new) == set(old):
            return ()
        if type(new) is Keyed or type(old) is Keyed:
            return [(PUT, token, new)]
        return [(CUT, token, key) for key in old if key not in new] + [
            (SET, token, key, new[key]) for key in new if key not in old]

    def blank(self, token, value):
        return set.__new__(type(token.obj))

    def fill(self, shell, content, value, token):
        set.update(shell, list(map(value, content.values())))


class ErrorKind(Kind):
    """Exceptions; the content is their arguments."""

    name = 'error'

    def read(self, value):
        return BaseException.args.__get__(value)

    def parts(self, token):
        return token.now

    def blank(self, token, value):
        base = [base for base in type(token.obj).__mro__ if not base.__flags__ & HEAP_TYPE][0]
        shell = base.__new__(type(token.obj))
        with suppress(Exception):               # sets errno and the like
            base.__init__(shell, *map(value, token.first))
        return shell

    def fresh(self, cls):
        return [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE][0].__new__(cls)

    def fill(self, shell, content, value, token):
        BaseException.args.__set__(shell, tuple(map(value, content)))


class InstanceKind(Kind):
    """Attributes of an object; the content is (dict or None, what its slots hold...)."""

    name = 'instance'

    def read(self, value):
        getter, slots = layout(type(value))
        head = getter(value) if getter else None
        return (head,) + tuple([held(slot_value(slot, value)) for _, slot in slots]) if slots else (head,)

    def parts(self, token):
        return token.now

    def blank(self, token, value):
        cls = type(token.obj)
        if cls in _OLD_LAYOUTS:
            return cls(token.obj.__class__, {})
        if is_plain_hash(cls):
            return object.__new__(cls)
        getter, slots = layout(cls)
        return Unhashed() if getter and not slots else object.__new__(cls)

    def fresh(self, cls):
        return object.__new__(cls)

    def fill(self, shell, content, value, token):
        getter, slots = layout(type(token.obj))
        for (_, slot), part in zip(slots, content[1:]):
            if part is not MISSING:
                with suppress(TypeError, AttributeError):       # of an exception in C, which cannot be set
                    slot.__set__(shell, value(part))
        if content[0] is not None:
            if type(shell) in _OLD_LAYOUTS:
                shell.__dict__ = value(content[0])
            else:
                object.__setattr__(shell, '__dict__', value(content[0]))


class Unhashed(object):
    """What an instance is until all sets and dicts have been filled, when its own class has a __hash__."""


def is_plain_hash(cls):
    """Whether instances of the class are hashed by what they are, in C."""
    return all('__hash__' not in vars(base) and '__eq__' not in vars(base) or not base.__flags__ & HEAP_TYPE
               for base in cls.__mro__)


class ClassKind(DictKind):
    """Classes of the program; the content is their own attributes that are no part of their text."""

    name = 'class'

    def pairs(self, value):
        return [(name, part) for name, part in list(vars(value).items())
                if not (name.startswith('__') and name.endswith('__')) and type(part) not in TEXT_TYPES]

    def read(self, value):
        return dict(self.pairs(value))

    def changes(self, token):
        new = self.read(token.obj)
        return [(CUT, token, key) for key in token.now if key not in new] + [
            (SET, token, key, new[key]) for key in new if token.now.get(key, MISSING) is not new[key]]

    def blank(self, token, value):
        return type.__new__(type, token.obj.__name__, (PastClass,), {'__module__': token.obj.__module__})

    def fill(self, shell, content, value, token):
        for name, part in list(vars(token.obj).items()):
            if type(part) in TEXT_TYPES and type(part) not in (SlotType,
                    GetSetType) and name not in ('__dict__', '__weakref__'):
                with suppress(TypeError, AttributeError):
                    type.__setattr__(shell, name, part)
        for name, part in content.items():
            type.__setattr__(shell, name, value(part))


class PastClass(object):
    """The base of what stands for a class whose attributes were others then."""


class OpaqueKind(Kind):
    """What cannot be read or built: generators, iterators, files, locks, objects of most libraries."""

    name = 'opaque'

    def parts(self, token):
        return ()

    def blank(self, token, value):
        return StandIn.of(type(token.obj).__name__, '<past %s object at %#x>' % (type(token.obj).__name__,
            id(token.obj)))


class StandIn(object):
    """Shows an object of the past that cannot be built again; its type has the name of that object's type."""

    _types = {}

    @classmethod
    def of(cls, name, text):
        """A stand-in for an object of the type `name`; `text` is its repr."""
        if name not in cls._types:
            cls._types[name] = type(str(name), (cls,), {'__module__': cls.__module__})
        made = object.__new__(cls._types[name])
        made._past = text
        return made

    def __repr__(self):
        return getattr(self, '_past', None) or '<past %s object at %#x>' % (type(self).__name__, id(self))


MARKED = frozenset(MARKED_TYPES)
GetSetType = type(vars(type)['__dict__'])
TEXT_TYPES = frozenset([FunctionType, type(len), type(''.join), staticmethod, classmethod, property,
    SlotType, GetSetType,
                        type(list.append), type(list.__len__), type(Site.__init__)])
# What is handed out as itself: it cannot change, or what can change in it is not shown.
SELF_TYPES = TEXT_TYPES | frozenset(class_types + (CodeType, type(sys), range_type, slice,
    type(re.compile('')), type(
    PastClass().__repr__), CellType, super, object))
IMMUTABLE = ATOMS | frozenset([tuple, frozenset])
LIST, BYTES, DICT, SET_KIND, ERROR = ListKind(), BytesKind(), DictKind(), SetKind(), ErrorKind()
INSTANCE, CLASS, VALUE, OPAQUE = InstanceKind(), ClassKind(), Kind(), OpaqueKind()
Space.kind = DICT
KINDS = dict((kind.name, kind) for kind in (LIST, BYTES, DICT, SET_KIND, ERROR, INSTANCE, CLASS, VALUE,
    OPAQUE))
