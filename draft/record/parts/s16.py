##############################################################################
## 16. Follow -- what changed in the objects
##############################################################################
#
# Gives to those below Follower, which keeps for each object that can be seen the content that the log has of
# it, and
# writes to the log how the object differs. check() compares one object; the others know what a statement or
# a method
# of a plain container can have changed, and look at that alone. What only an audit of all can tell raises
# Unsure.

import gc

# Methods of the containers that change them; others of theirs do not.
MUTATORS = {
    list:
        'append extend insert remove pop clear sort reverse __setitem__ __delitem__ __iadd__ '
        '__imul__ __setslice__ '
          '__delslice__ __init__',
    dict: 'update setdefault pop popitem clear __setitem__ __delitem__ __ior__ __init__ move_to_end subtract',
    set:
        'add discard remove pop clear update difference_update intersection_update '
        'symmetric_difference_update __ior__ '
         '__iand__ __isub__ __ixor__ __init__',
    collections.deque:
        'append appendleft extend extendleft insert remove pop popleft clear rotate reverse __setitem__ '
                       '__delitem__ __iadd__ __imul__ __init__',
    bytearray:
        'append extend insert remove pop clear reverse __setitem__ __delitem__ __iadd__ __imul__ __init__',
    array.array:
        'append extend fromlist frombytes fromstring fromfile fromunicode insert remove pop reverse byteswap '
                 'clear __setitem__ __delitem__ __iadd__ __imul__',
}
for _cls, _names in list(MUTATORS.items()):
    MUTATORS[_cls] = frozenset(_names.split())
for _cls in (collections.OrderedDict, collections.defaultdict, collections.Counter):
    MUTATORS[_cls] = MUTATORS[dict]
ALL_MUTATORS = frozenset().union(*MUTATORS.values())
# Functions that change nothing that they are given.
PURE_BUILTINS = frozenset(
    'abs all any ascii bin bool bytearray bytes callable chr classmethod cmp complex dict dir divmod '
    'enumerate float '
    'format frozenset getattr hasattr hash hex id input int isinstance issubclass iter len list long '
    'max min oct open ord '
    'pow print property range raw_input repr reversed round set slice sorted staticmethod str sum '
    'super tuple type '
    'unichr unicode vars xrange zip globals locals'.split())
PURE_MODULES = frozenset(
    'math cmath time string re json random statistics decimal fractions datetime textwrap copy '
    'typing hashlib os.path '
    'posixpath ntpath itertools collections abc string _struct struct zlib binascii base64 uuid '
    'numbers enum dataclasses '
    'unicodedata _json _random _datetime _collections _collections_abc'.split())
IMPURE = frozenset(['shuffle', 'pack_into', 'namedtuple'])


class Unsure(Exception):
    """Raised in a plan when only an audit can tell."""


class Follower(object):
    """Knows the objects that can be seen, and writes to the log what changed in them.

    is_recorded(path) -> whether code of this file has steps.      with_state: False to follow nothing.
    log, tokens: of
    the Recording.      followed: list of Tokens.      modules: {id of a module's names: their Token}.
    homes: the names
    of those modules.      classes: those that they made.      has_defaults: whether there are defaultdicts.
    assumed: names
    of modules that plans take for what they are.      audits_all: whether other threads run.      helpers:
    names for plans.
    """

    def __init__(self, recording, is_recorded, with_state):
        self.recording, self.is_recorded, self.with_state = recording, is_recorded, with_state
        self.log, self.tokens = recording.log, recording.tokens
        self.put, self.add = self.log.extend, self.log.append
        self.followed, self.modules, self.homes, self.classes, self.kinds = [], {}, set(), [], {}
        self.has_defaults, self.audits_all, self.assumed = False, False, set()
        self.tokens[id(builtins_space)] = Token(builtins_space, OPAQUE, (), ())
        self.helpers = dict(
            log=self.log, put=self.put, add=self.add, ENTER=ENTER, ATOMS=ATOMS, MISSING=MISSING,
                Unsure=Unsure,
            is_safe_key=is_safe_key, see=self.see, whole=self.whole, grown=self.grown,
                default_made=self.default_made,
            reach=self.reach, left=self.left, called=self.called, method=self.method,
                live_attr=self.live_attr,
            old_attr=self.old_attr, live_item=live_item, old_item=self.old_item, length=length,
            token_now=self.tokens.__getitem__)
        self.add_quick_helpers()

    def forget_plans(self):
        """Called when something that plans are made of is no longer so."""

    # -- following objects

    def kind_of(self, value):
        """(Kind of an object or None, whether it has a body as well)."""
        cls = type(value)
        found = self.kinds.get(cls)
        if found is None:
            found = self._kind_of_class(cls)
            if found is not None:
                self.kinds[cls] = found
            elif isinstance(value, class_types):
                return (CLASS, False) if self.is_own_class(value) else (None, False)
            else:
                found = (INSTANCE if is_data(value) else OPAQUE), False
        return found

    def is_own_class(self, cls):
        """Whether the recorded code made the class."""
        return vars(cls).get('__module__') in self.homes and (
            cls in _OLD_LAYOUTS or not isinstance(cls, type) or bool(cls.__flags__ & HEAP_TYPE))

    def _kind_of_class(self, cls):
        if cls in SELF_TYPES or issubclass(cls, type(sys)) or cls is Mark:
            return None if cls in class_types else (None, False)
        if issubclass(cls, class_types):
            return None
        if type(cls).__name__ in ('EnumMeta', 'EnumType') or getattr(cls, '__module__', None) in (
                'decimal', '_decimal', 'fractions', 'datetime', 'uuid', 'pathlib'):
            return None, False
        own = self.is_own_class(cls)
        if own:
            self.see(cls)
        for bases, kind in (((list, collections.deque), LIST), (dict, DICT), (set, SET_KIND), ((bytearray,
            array.array), BYTES),
                            (BaseException, ERROR), ((tuple, frozenset) + tuple(ATOM_TYPES), VALUE)):
            if issubclass(cls, bases):
                if issubclass(cls, collections.defaultdict) and not self.has_defaults:
                    self.has_defaults = True
                    self.forget_plans()
                body = layout(cls)
                return kind, bool((own or kind is ERROR) and (body[0] or body[1]))
        if own or cls in _OLD_LAYOUTS:
            return INSTANCE, False
        return None

    def see(self, value):
        """Follow an object that is visible from now on, and all in it. Gives what the log keeps of it."""
        if type(value) in MARKED:
            return held(value)
        todo, tokens = [value], self.tokens
        while todo:
            part = todo.pop()
            cls = type(part)
            if cls in ATOMS:
                continue
            token = tokens.get(id(part))
            if token is None:
                if cls in (tuple, frozenset):
                    todo += part
                    continue
                if cls in MARKED:
                    continue
                kind, has_body = self.kind_of(part)
                if kind is None:
                    continue
                token = tokens.get(id(part))
                if token is None:
                    token = tokens[id(part)] = Token(part, kind, None)
                    if kind is CLASS:
                        self.classes.append(part)
                    if has_body:
                        token.body = Token(part, INSTANCE, None)
            if token.now is None:
                self._follow(token, todo)
                if token.body is not None:
                    self._follow(token.body, todo)
        return value

    def _follow(self, token, todo):
        """Note the content of a token from now on."""
        content = token.kind.read(token.obj)
        if token.first is None:
            token.first = content
        else:
            self.put((PUT, token, content))
        token.now = token.kind.copy(content)
        todo += [part for part in token.kind.parts(token) if type(part) not in ATOMS]
        if token.kind is not OPAQUE and token.kind is not VALUE:
            self.followed.append(token)

    def names_of(self, space):
        """The Token of a module's names."""
        token = self.modules.get(id(space))
        if token is None:
            self.homes.add(space.get('__name__'))
            token = self.modules[id(space)] = self.tokens[id(space)] = Token(space, DICT, None)
            if self.with_state:
                self._follow(token, [])
                for value in list(token.now.values()):
                    self.see(value)
            else:
                token.first = {}
        return token

    def note(self, token, changes):
        """Write changes of a token's content to the log."""
        for change in changes:
            self.put(change)
            op, operands = change[0], change[2:]
            if op is PUT and isinstance(token.now, dict) and type(token.now) is type(operands[0]):
                token.now.clear()               # plans hold the names of modules
                token.now.update(operands[0])
            else:
                token.now = op.act(token.now, *operands)
            if op is PUT:
                parts = token.kind.parts(token)
            elif op is CUT or token.kind is BYTES:
                continue
            else:
                parts = operands[-1] if op is SPLICE else operands[-1:]
            for part in parts:
                if type(part) not in ATOMS:
                    self.see(part)

    def check(self, token):
        """Look at a token and its body; whether anything changed."""
        changes = token.kind.changes(token)
        if changes:
            self.note(token, changes)
        if token.body is not None and token.body.now is not None:
            more = token.body.kind.changes(token.body)
            if more:
                self.note(token.body, more)
                return True
        return bool(changes)

    # -- what a plan calls

    def token_of(self, value):
        """The Token of an object that is followed, or None."""
        token = self.tokens.get(id(value))
        return token if token is not None and token.now is not None else None

    def whole(self, value):
        """Look at all of one object, and at its attributes."""
        token = self.token_of(value)
        if token is not None:
            self.check(token)
            if token.kind is INSTANCE or token.body is not None:
                content = (token.body or token).now
                if content and content[0] is not None:
                    self.whole(content[0])

    def grown(self, value):
        """Look at an object after += or the like."""
        token = self.token_of(value)
        if token is not None:
            if type(value) is list and len(value) > len(token.now):
                start = len(token.now)
                self.note(token, [(SPLICE, token, start, start, all_held(value[start:]))])
            else:
                self.whole(value)

    def item_changed(self, box, key):
        """Look at one item of a container."""
        token = self.token_of(box)
        if token is None:
            return
        cls, known = type(box), token.now
        if (cls is list or cls is bytearray) and type(key) in (int, bool) and len(box) == len(known):
            if -len(box) <= key < len(box):
                value = box[key]
                if value is not known[key]:
                    if type(value) not in ATOMS:
                        value = self.see(value)
                        if value is known[key]:
                            return
                    known[key] = value
                    self.put((SET, token, key, value))
            return
        if cls in DICTS and type(known) is dict and is_safe_key(key):
            value, old = dict.get(box, key, MISSING), known.get(key, MISSING)
            if value is not old:
                if value is MISSING:
                    del known[key]
                    self.put((CUT, token, key))
                else:
                    if type(value) not in ATOMS:
                        value = self.see(value)
                        if value is old:
                            return
                    known[key] = value
                    self.put((SET, token, key, value))
            if len(known) == len(box):
                return
        self.whole(box)

    def default_made(self, box, key):
        """Look at an item that a defaultdict may have made."""
        if isinstance(box, collections.defaultdict):
            self.item_changed(box, key)

    def attr_changed(self, owner, name):
        """Look at one attribute of an object."""
        token = self.token_of(owner)
        if token is None:
            return
        if token.kind is CLASS:
            self.check(token)
            return
        body = token if token.kind is INSTANCE else token.body
        if token.kind is ERROR:
            self.check(token)
        if body is not None:
            if len(body.now) > 1 or name == '__dict__':
                self.check(token)
            if body.now[0] is not None:
                inner = layout(type(owner))[0](owner)
                if inner is not body.now[0]:
                    self.check(token)
                self.item_changed(inner, name)

    def add_quick_helpers(self):
        """Those of a plan that are called most often, as closures; others do what they do not."""
        get, put, see = self.tokens.get, self.put, self.see
        slow_item, slow_attr, grown = self.item_changed, self.attr_changed, self.grown
        def item_changed(box, key):
            token = get(id(box))
            if token is not None:
                known, cls = token.now, type(box)
                if cls is list:
                    if type(key) is int and known is not None and -1 < key < len(box) == len(known):
                        value = box[key]
                        if value is known[key]:
                            return
                        if type(value) in ATOMS:
                            known[key] = value
                            return put((SET, token, key, value))
                elif cls is dict and type(known) is dict and type(key) in ATOMS:
                    value = box.get(key, MISSING)
                    if value is not MISSING and type(value) in ATOMS:
                        if value is not known.get(key, MISSING):
                            known[key] = value
                            put((SET, token, key, value))
                        if len(box) == len(known):
                            return
                slow_item(box, key)

        def grown_item(box, key):
            item_changed(box, key)
            is_plain = type(box) is list or type(box) is dict and type(key) in ATOMS
            value = box[key] if is_plain else live_item(box, key)
            if type(value) not in ATOMS:
                grown(value)

        def attr_changed(owner, name):
            token = get(id(owner))
            if token is None:
                return
            if token.kind is INSTANCE and token.now is not None and len(token.now) == 1:
                inner = token.now[0]
                token = get(id(inner))
                known = token.now
                if type(known) is dict and name in known and name in inner:
                    value = inner[name]
                    if value is known[name]:
                        return
                    if type(value) in ATOMS:
                        known[name] = value
                        return put((SET, token, name, value))
            slow_attr(owner, name)

        def grown_attr(owner, name):
            attr_changed(owner, name)
            token = get(id(owner))
            if token is not None and token.kind is INSTANCE and token.now and len(token.now) == 1 and (
                    type(token.now[0].get(name)) in ATOMS):
                return
            value = self.live_attr(owner, name)
            if type(value) not in ATOMS:
                grown(value)

        def appended(box):
            token = get(id(box))
            if token is None or token.now is None:
                return
            known = token.now
            more = len(box) - len(known)
            if more == 1:
                value = box[-1]
                if type(value) not in ATOMS:
                    value = see(value)
                known.append(value)
                put((PUSH, token, value))
            elif more:
                self.whole(box)
        self.helpers.update(item_changed=item_changed, grown_item=grown_item, attr_changed=attr_changed,
                            grown_attr=grown_attr, appended=appended)

    def live_attr(self, owner, name):
        """An attribute of an object, found without running its code."""
        cls = type(owner)
        if cls is type(sys):
            return vars(owner)[name]
        if name == '__dict__' and not isinstance(owner, class_types):
            return layout(cls)[0](owner)
        if cls in class_types or isinstance(owner, class_types):
            for base in owner.__mro__:
                if name in vars(base):
                    return vars(base)[name]
            raise Unsure
        getter, slots = layout(cls)
        for slot_name, slot in slots:
            if slot_name == name:
                return slot.__get__(owner)
        if getter is not None:
            inner = getter(owner)
            if name in inner:
                return inner[name]
        if cls in _OLD_LAYOUTS:
            cls = owner.__class__
            raise Unsure
        for base in cls.__mro__:
            if name in vars(base):
                found = vars(base)[name]
                if type(found) is not FunctionType and hasattr(type(found), '__get__'):
                    raise Unsure
                return found
        raise Unsure

    def old_attr(self, owner, name):
        """An attribute as the log has it."""
        token = self.token_of(owner)
        if token is None or name == '__dict__':
            return self.live_attr(owner, name)
        content = (token.body or token).now
        if token.kind is CLASS:
            return content[name] if name in content else self.live_attr(owner, name)
        if type(content) is tuple and content and self.token_of(content[0]) is not None:
            known = self.token_of(content[0]).now
            if name in known:
                return known[name]
        for (slot_name, _), value in zip(layout(type(owner))[1], content[1:]):
            if slot_name == name:
                return value
        return self.live_attr(owner, name)

    def old_item(self, box, key):
        """An item as the log has it."""
        token = self.token_of(box)
        if token is None or token.kind not in (LIST, DICT) or type(token.now) is Keyed:
            return live_item(box, key)
        return token.now[key] if token.kind is DICT or type(key) in ATOMS else live_item(box, key)

    def is_own_code(self, code):
        """Whether code has steps of its own."""
        return self.is_recorded(code.co_filename)

    def is_harmless(self, function):
        """Whether calling it changes nothing, or writes the log itself."""
        function = getattr(function, '__func__', function) if type(function) is BOUND_METHOD else function
        kind = type(function)
        if kind is FunctionType and self.is_own_code(function.__code__):
            return not (function.__closure__ and False)
        if kind in class_types or isinstance(function, class_types):
            if function.__module__ in self.homes or function.__module__ in BUILTIN_NAMES and (
                    function.__name__ in PURE_BUILTINS or issubclass(function, BaseException)):
                return not (function.__module__ in self.homes and type(function) not in class_types)
            return function.__module__ in PURE_MODULES and function.__name__ not in ('count',)
        if kind is FunctionType or kind is type(len):
            name, module = function.__name__, getattr(function, '__module__', None)
            if module in BUILTIN_NAMES or module is None:
                return name in PURE_BUILTINS or name in ('sum', 'print')
            return module in PURE_MODULES and name not in IMPURE
        return False

    def left(self, manager):
        """At the end of a `with` block of a manager."""
        cls = type(manager)
        if not (cls in ATOMS or self.is_own_class(cls) or getattr(cls, '__module__', None) in (
                '_io', 'io', '_thread', 'thread', 'threading', 'codecs') + BUILTIN_NAMES):
            raise Unsure

    def called(self, function, args):
        """After a call of a function."""
        if not self.is_harmless(function):
            if any(function is other for other in RUNS_TEXT):
                raise Unsure
            self.reach((function,) + args)

    def method(self, owner, name, key, args, count):
        """After a call of a method; True when it writes the log itself for all objects of that class.

        key: what its first argument is if that is known.      count: of arguments; -1: one, a literal.
        """
        cls = type(owner)
        names = MUTATORS.get(cls)
        if names is not None:
            if name in names:
                self._mutated(owner, cls, name, key, count)
            return
        if cls is type(sys):
            return self.called(vars(owner).get(name), args)
        if isinstance(owner, class_types):
            found = self.live_attr(owner, name)
            found = getattr(found, '__func__', found)
            return None if self.is_harmless(found) else self.reach((owner, found) + args)
        if cls in _OLD_LAYOUTS:
            return self.reach((owner,) + args)
        for base in cls.__mro__:
            if name in vars(base):
                found = vars(base)[name]
                found = getattr(found, '__func__', found)
                if self.is_harmless(found) and type(found) is FunctionType:
                    return True
                if base in MUTATORS:
                    return self.whole(owner) if name in MUTATORS[base] else None
                break
        return self.reach((owner,) + args)

    def _mutated(self, owner, cls, name, key, count):
        """After a method that changes a plain container."""
        token = self.token_of(owner)
        if token is None:
            return
        known = token.now
        if cls is list:
            more = len(owner) - len(known)
            if name == 'append' and more == 1:
                value = owner[-1]
                if type(value) not in ATOMS:
                    value = self.see(value)
                known.append(value)
                return self.put((PUSH, token, value))
            if name == 'extend' and more >= 0:
                return self.grown(owner) if more else None
            if name == 'pop' and more == -1 and not count:
                known.pop()
                return self.put((CUT, token, len(known)))
            if name == 'pop' and more == -1 and count == -1 and key == 0:
                del known[0]
                return self.put((CUT, token, 0))
        elif cls is collections.deque:
            more = len(owner) - len(known)
            if name == 'append' and more == 1:
                return self.note(token, [(PUSH, token, held(owner[-1]))])
            if name == 'appendleft' and more == 1:
                return self.note(token, [(SPLICE, token, 0, 0, [held(owner[0])])])
            if name in ('pop', 'popleft') and more == -1:
                return self.note(token, [(CUT, token, 0 if name == 'popleft' else len(known) - 1)])
        elif cls is set:
            if name in ('add', 'discard', 'remove', 'pop') and len(owner) == len(known):
                return
            if name == 'add' and key is not MISSING and is_safe_key(key) and type(known) is dict and (
                    len(owner) == len(known) + 1):
                return self.note(token, [(SET, token, key, key)])
            if name in ('discard',
                'remove') and key is not MISSING and is_safe_key(key) and type(known) is dict and (
                    len(owner) == len(known) - 1):
                return self.note(token, [(CUT, token, key)])
        elif name in ('setdefault', 'pop') and key is not MISSING and is_safe_key(key):
            return self.item_changed(owner, key)
        self.whole(owner)

    def reach(self, values):
        """Look at all that is followed and can be reached from some values, through objects in C too."""
        if self.audits_all:                     # another thread runs
            raise Unsure
        todo, seen = [value for value in values if type(value) not in ATOMS], set()
        while todo:
            value = todo.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            token = self.tokens.get(id(value))
            if token is not None and token.now is not None and token.kind is not OPAQUE:
                self.check(token)
                parts = list(token.kind.parts(token)) + list(token.body.now if token.body is not None else ())
            elif type(value) in INERT or isinstance(value, class_types) or value is self.put:
                continue
            elif type(value) is FunctionType:
                parts = [cell for cell in value.__closure__ or ()] + list(value.__defaults__ or ())
                parts += [] if self.is_own_code(value.__code__) else list((value.__dict__ or {}).values())
            elif token is not None or len(seen) < 2000:
                parts = gc.get_referents(value)
            else:
                raise Unsure
            todo += [part for part in parts if type(part) not in ATOMS]


def is_data(value):
    """Whether an object of a library is a plain record: its attributes are atoms and containers of atoms."""
    getter, slots = layout(type(value))
    is_made_plainly = type(value).__new__ is object.__new__ or type(value).__name__ == 'SimpleNamespace'
    if getter is None or slots or not is_made_plainly:
        return False
    for part in list(getter(value).values()):
        if type(part) in (list, set, tuple, dict):
            inner = list(part.values()) if type(part) is dict else part
            if not ATOMS.issuperset(map(type, inner)):
                return False
        elif type(part) not in ATOMS:
            return False
    return True


def live_item(box, key):
    """An item of a plain container."""
    if type(box) in (list, tuple, bytearray, str, text_type, bytes, collections.deque) and type(key) in ATOMS:
        return box[key]
    if type(box) in DICTS and is_safe_key(key):
        value = dict.get(box, key, MISSING)     # [key] would make it in a defaultdict
        if value is MISSING:
            raise KeyError(key)
        return value
    raise Unsure


def length(box):
    """The length of a plain object."""
    if type(box) in MUTATORS or type(box) in ATOMS or type(box) is tuple:
        return len(box)
    raise Unsure


DICTS = frozenset([dict, collections.OrderedDict, collections.defaultdict, collections.Counter])
RUNS_TEXT = [builtins_space[name] for name in ('exec', 'eval', 'execfile') if name in builtins_space]
BOUND_METHOD, BUILTIN_NAMES = type(fresh.read), ('builtins', '__builtin__')
INERT = frozenset([type(sys), CodeType, type(sys._getframe()), type(iter([])), type(iter({})),
    type(iter(())), type(iter(set())),
                   type(iter(range(0))), slice, range_type, Token, Space, Recording]) | MARKED
