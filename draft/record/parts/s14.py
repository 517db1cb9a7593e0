##############################################################################
## 14. Files -- a recording as lists and atoms
##############################################################################
#
# Gives to those below packed() and unpacked(), between a recording and what JSON knows. Reading runs no code
# of others
# and imports nothing: an object whose class is not there comes back as a stand-in.

MAGIC = b'hotload recording 1\n'
CONTENT_OPS = {'S': SET, 'C': CUT, '+': PUSH, '/': SPLICE, '=': PUT}
CONTENT_LETTERS = dict((op, letter) for letter, op in CONTENT_OPS.items())


class Numbers(dict):
    """{thing: its number}; things are numbered as they come. things: list of them."""

    def __init__(self):
        self.things = []

    def __missing__(self, thing):
        self[thing] = len(self.things)
        self.things.append(thing)
        return self[thing]


def packed(recording):
    """The lists and atoms, as JSON knows them, of a recording."""
    tables = tokens, spaces, homes, sites, binds = [Numbers() for _ in range(5)]
    known = recording.tokens

    def value(part):
        kind = type(part)
        if part is None or kind is bool or kind in number_types or kind is text_type:
            return part
        if kind is float or kind is complex:
            return [kind.__name__[0], repr(part)]
        if kind is bytes:
            return ['b', part.decode('latin-1')]
        if kind is tuple or kind is frozenset:
            return ['t' if kind is tuple else 'z', [value(inner) for inner in part]]
        if kind is Mark:
            return ['m', part.name, part.id]
        if id(part) in known:
            return ['r', tokens[known[id(part)]]]
        if part is MISSING or part is Ellipsis:
            return ['x' if part is MISSING else '.']
        return ['g'] + place(part) + [kind.__name__, id(part)]

    def place(part):
        is_module = type(part) is type(sys)
        module = getattr(part, '__name__' if is_module else '__module__', None)
        return [str(module), '' if is_module else str(getattr(part, '__qualname__', getattr(part, '__name__',
            '')))]

    def content(kind, data):
        if kind is BYTES:
            return value(bytes(data)) if isinstance(data, bytearray) else list(data)
        if isinstance(data, dict):
            pairs = data.values() if type(data) is Keyed else data.items()
            if type(data) is Keyed and kind is SET_KIND:
                pairs = [(part, part) for part in pairs]
            return [int(type(data) is Keyed), [[value(key), value(part)] for key, part in pairs]]
        return [value(part) for part in data]

    def object_facts(token):
        part, cls = token.obj, type(token.obj)
        facts = {'kind': token.kind.name, 'id': id(part), 'type': cls.__name__,
                 'place': place(part if isinstance(part, class_types) else cls), 'first': content(token.kind,
                     token.first)}
        if token.kind is VALUE:
            facts['plain'] = value(plain_value(part))
        for name in ('maxlen', 'typecode'):
            if token.kind in (LIST, BYTES) and hasattr(part, name):
                facts[name] = value(getattr(part, name))
        if token.body is not None:
            facts['body'] = content(INSTANCE, token.body.first)
        if token.body is not None or token.kind is INSTANCE:
            facts['slots'] = [name for name, _ in layout(cls)[1]]
        return facts

    bodies = dict((token.body, token) for token in known.values() if token.body is not None)

    def number(token):
        if token in bodies:
            return -1 - tokens[bodies[token]]
        return tokens[token]

    def entries():
        at, log = 0, recording.log
        while at < (len(log) if recording.end is None else recording.end):
            entry = log[at]
            if type(entry) is Site:
                yield sites[entry]
                at += 1
                continue
            operands = log[at + 1:at + entry.size]
            if entry.act is None:
                if type(entry) in (Bind, Unbind):
                    yield ['B' if operands else 'U', binds[entry]] + [value(part) for part in operands]
                else:
                    yield ['E', spaces[operands[0]]] if entry is ENTER else ['P', operands[0]]
            else:
                token, rest = operands[0], operands[1:]
                if entry is PUT:
                    rest = [content(token.kind, rest[0])]
                elif entry is SPLICE:
                    rest = rest[:2] + [content(BYTES if token.kind is BYTES else LIST, rest[2])]
                else:
                    rest = [value(part) for part in rest]
                yield [CONTENT_LETTERS[entry], number(token)] + rest
            at += entry.size

    log = list(entries())
    keyframes = [[mark.at, spaces[mark.space], [
        [['s', spaces[token]] if type(token) is Space else number(token),
         content(DICT if type(token) is Space else token.kind, data)] for token, data in
             mark.contents.items()]]
        for mark in recording.keyframes if recording.end is None or mark.at <= recording.end]
    packed_tokens, packed_spaces = [], []
    while len(packed_tokens) < len(tokens.things) or len(packed_spaces) < len(spaces.things):
        if len(packed_tokens) < len(tokens.things):         # these may mention others
            packed_tokens.append(object_facts(tokens.things[len(packed_tokens)]))
        else:
            space = spaces.things[len(packed_spaces)]
            packed_spaces.append([homes[space.home.namespace, space.home.frame], content(DICT, space.first)])
    packed_homes = [[tokens[namespace], frame] for namespace, frame in homes.things]
    packed_tokens += [object_facts(token) for token in tokens.things[len(packed_tokens):]]
    code, error = recording.code, recording.error
    return {'code': code if code is None or isinstance(code, text_type) else code.decode('utf-8', 'replace'),
            'error': error and [type(error).__name__, str(error)], 'engine': recording.engine, 'notes':
                recording.notes,
            'approximate': recording.approximate, 'sites': [[part.event, part.line, part.path, part.frame]
                                                            for part in sites.things],
            'binds': [[part.name, part.is_global] for part in binds.things], 'tokens': packed_tokens,
            'spaces': packed_spaces, 'homes': packed_homes, 'log': log, 'keyframes': keyframes}


def find_place(module, name):
    """What is at a place in a loaded module, found without running code; MISSING if there is nothing."""
    found = sys.modules.get(module, MISSING)
    for part in name.split('.') if name else ():
        found = vars(found).get(part, MISSING) if isinstance(found, class_types + (type(sys),)) else MISSING
    return found


def unpacked(data, recording):
    """Make `recording`, a new one, that of which packed() made `data`."""
    tokens = {}
    facts_of, classes, marks, orders = data['tokens'], {}, {}, {}

    def value(part):
        if not isinstance(part, list):
            return part
        kind = part[0]
        if kind == 'f' or kind == 'c':
            return (float if kind == 'f' else complex)(part[1])
        if kind == 'b':
            return bytes(part[1].encode('latin-1'))
        if kind == 't' or kind == 'z':
            return (tuple if kind == 't' else frozenset)(map(value, part[1]))
        if kind == 'm':
            return marks.setdefault(part[2], StandIn.of(part[1], '<past %s object at %#x>' % (part[1],
                part[2])))
        if kind == 'r':
            return token(part[1]).obj
        if kind == 'g':
            found = find_place(*part[1:3])
            key = tuple(part[1:])
            return found if found is not MISSING and type(found).__name__ == part[3] else marks.setdefault(
                key, StandIn.of(part[3], '<past %s %s at %#x>' % (part[3], part[2] or part[1], part[4])))
        return MISSING if kind == 'x' else Ellipsis

    def class_of(facts):
        found = find_place(*facts['place'])
        if isinstance(found, class_types) and found.__name__ == facts['type']:
            return found
        key = tuple(facts['place']) + tuple(facts.get('slots', ()))
        if key not in classes:
            base = {'list': list, 'dict': dict, 'set': set, 'bytes': bytearray, 'error':
                Exception}.get(facts['kind'])
            if facts['kind'] == 'value':
                base = type(value(facts['plain']))
            classes[key] = type(str(facts['type']), (StandIn,) if base is None else (base,), {
                '__module__': str(facts['place'][0]), '__slots__': [str(name) for name in facts.get('slots',
                    ())]}
                if base is None else {'__module__': str(facts['place'][0])})
        return classes[key]

    def content(kind, data, order=None):
        if kind is BYTES:
            return bytearray(value(data)) if data[:1] == ['b'] else data
        if kind in (DICT, CLASS, SET_KIND):
            pairs = [(value(key), value(part)) for key, part in data[1]]
            if not data[0]:
                return dict((key if not isinstance(key, text_type) else str(key) if is_ascii(key) else key,
                    part)
                            for key, part in pairs)
            return Keyed((id(key), (key, part) if kind is DICT else part) for key, part in pairs)
        parts = [value(part) for part in data]
        if kind is INSTANCE and order is not None and len(order[0]) == len(parts) - 1:
            by_name = dict(zip(order[0], parts[1:]))
            parts[1:] = [by_name.get(name, MISSING) for name in order[1]]
        return parts if kind is LIST else tuple(parts)

    def token(number):
        if number < 0:
            return token(-1 - number).body
        if number in tokens:
            return tokens[number]
        facts = facts_of[number]
        kind = KINDS[facts['kind']]
        made = tokens[number] = Token(None, kind, None)
        cls, part = class_of(facts) if kind not in (CLASS, OPAQUE) else None, None
        if kind is OPAQUE:
            part = StandIn.of(str(facts['type']), '<past %s object at %#x>' % (facts['type'], facts['id']))
        elif kind is CLASS:
            name = facts['place'][1]
            part = type(str(name.rpartition('.')[2]), (PastClass,), {'__module__': str(facts['place'][0])})
        elif kind is VALUE:
            plain = value(facts['plain'])
            part = type(plain).__new__(cls, plain)
        elif 'maxlen' in facts:
            part = collections.deque.__new__(cls)
            collections.deque.__init__(part, (), facts['maxlen'])
        elif 'typecode' in facts:
            part = array.array.__new__(cls, str(facts['typecode']))
        else:
            made.obj = cls                      # of the right class, by the kind's own way
            part = kind.fresh(cls)
        made.obj, recording.tokens[id(part)] = part, made
        return made

    for number, facts in enumerate(facts_of):
        made = token(number)
        order = facts.get('slots', ()), [name for name, _ in layout(type(made.obj))[1]]
        orders[made] = order
        made.first = content(made.kind, facts['first'], order) if made.kind not in (VALUE, OPAQUE) else ()
        if 'typecode' in facts:
            made.first = array.array(str(facts['typecode']), made.first)
        if 'body' in facts:
            made.body = Token(made.obj, INSTANCE, content(INSTANCE, facts['body'], order))
            orders[made.body] = order
    homes = [collections.namedtuple('Home', 'namespace frame')(token(at), frame) for at, frame in
        data['homes']]
    spaces = []
    for home, first in data['spaces']:
        spaces.append(Space())
        spaces[-1].home, spaces[-1].first, spaces[-1].now = homes[home], content(DICT, first), None
    sites = [Site(str(event), line, path, str(frame)) for event, line, path, frame in data['sites']]
    binds = [(Bind(str(name), is_global), Unbind(str(name), is_global)) for name, is_global in data['binds']]
    put = recording.log.extend
    for entry in data['log']:
        if not isinstance(entry, list):
            recording.log.append(sites[entry])
        elif entry[0] in 'BU':
            put([binds[entry[1]][entry[0] == 'U']] + [value(part) for part in entry[2:]])
        elif entry[0] in 'EP':
            put((ENTER, spaces[entry[1]]) if entry[0] == 'E' else (PRINTED, entry[1]))
        else:
            op, target, rest = CONTENT_OPS[entry[0]], token(entry[1]), entry[2:]
            kind = target.kind
            if op is PUT:
                rest = [content(kind, rest[0], orders.get(target))]
            elif op is SPLICE:
                rest = rest[:2] + [content(kind if kind is BYTES else LIST, rest[2])]
                if type(target.first) is array.array:
                    rest[2] = array.array(target.first.typecode, rest[2])
            else:
                rest = [value(part) for part in rest]
                if rest and isinstance(rest[0], text_type) and is_ascii(rest[0]):
                    rest[0] = str(rest[0])
            put([op, target] + rest)
    for at, space, contents in data['keyframes']:
        recording.keyframes.append(Keyframe(at, dict(
            (spaces[key[1]], content(DICT, part)) if isinstance(key, list) else (
                token(key), content(token(key).kind, part, orders.get(token(key))))
            for key, part in contents), spaces[space]))
    recording.engine, recording.notes = data['engine'], data['notes']
    recording.approximate = [tuple(span) for span in data['approximate']]
    if data['error']:
        recording.error = HotloadError('%s: %s' % tuple(data['error']))


def is_ascii(text):
    """Whether a text is one of names (on 2.7 they are bytes)."""
    return all(letter < '\x80' for letter in text)
