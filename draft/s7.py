##############################################################################
## 7. Source -- one meaning of "changed" for all that follows
##############################################################################
#
# Gives to those below: Source, a file's text cut into chunks (a top-level statement with the lines up to the
# next one) which knows after an edit what is still the same; fingerprint(), which ignores comments, layout
# and line numbers; names_used(), what statements read and write; pair(), which code object took the place of
# which; and Comparison, what to do so that a namespace made by old statements becomes that of new ones.
#
# After an edit the equal lines are set aside, and only what lies between is parsed: a text that is complete
# by itself does not change the meaning of its neighbours. Where it is not (an `else:` at its start, an open
# string, another coding cookie, a __future__ import), everything is parsed. Code objects that only moved get
# new line numbers.
#
# Not handled: code that is made at run time with exec.

import __future__
import _ast
from bisect import bisect_left, bisect_right
from collections import namedtuple

FUNCTION_NODES = tuple(getattr(_ast, kind) for kind in ('FunctionDef', 'AsyncFunctionDef') if hasattr(_ast, kind))
DEFINITIONS = FUNCTION_NODES + (_ast.ClassDef,)
BLANKED = FUNCTION_NODES + (_ast.Lambda,)
MEANINGLESS = frozenset(['ctx', 'kind', 'type_comment', 'type_ignores'])        # fields of nodes: u'' is '' on 3.x
FUTURES = dict((name, getattr(__future__, name).compiler_flag) for name in __future__.all_feature_names)
COOKIE = re.compile(br'^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)')


def parse(data, path='<text>', skipped=0, coding=None, flags=0):
    """The statement nodes of `data` (bytes), whose first line is line `skipped` + 1 of the file.

    coding: name of the encoding when the cookie is among the lines skipped.      flags: of __future__ imports
    there.

    >>> [type(node).__name__ for node in parse(b'x = 1')]
    ['Assign']
    """
    if skipped:
        start = b'' if coding is None else b'# coding: ' + coding
        data = start + b'\n' * skipped + data
    return compile(data, path, 'exec', _ast.PyCF_ONLY_AST | flags, True).body


def compile_nodes(nodes, path, flags=0):
    """The code object of statement nodes, as a module of their own."""
    return compile(_ast.Module(body=list(nodes), type_ignores=[]), path, 'exec', flags, True)


def fields(node):
    """The (name, value) pairs of a node that have a meaning, those that are absent left out."""
    return [(name, getattr(node, name)) for name in node._fields
            if name not in MEANINGLESS and getattr(node, name, None) is not None]


def walk(node):
    """The node and all nodes in it."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        for _, value in fields(node):
            if isinstance(value, _ast.AST):
                todo.append(value)
            elif isinstance(value, list):
                todo += [part for part in value if isinstance(part, _ast.AST)]


def fingerprint(node, bodies=True):
    """A text that two nodes (or lists of nodes) share when they mean the same, whatever their layout and
    place.

    bodies: whether those of functions and lambdas count.

    >>> fingerprint(parse(b'x = (1)  # one')) == fingerprint(parse(b'x=1'))
    True
    """
    parts = []
    spell(node, parts.append, bodies)
    return ' '.join(parts)


def spell(value, put, bodies):
    """Call `put` with the words that tell what a node, a list of nodes or a constant means."""
    if isinstance(value, list):
        put('[')
        for part in value:
            spell(part, put, bodies)
        put(']')
    elif isinstance(value, _ast.AST):
        put(value.__class__.__name__)
        blanked = not bodies and isinstance(value, BLANKED)
        for name in value._fields:
            if name not in MEANINGLESS and not (blanked and name == 'body'):
                part = getattr(value, name, None)
                if part is None:
                    put('-')                    # the constant None has a type name of its own
                else:
                    spell(part, put, bodies)
        put('.')
    else:
        put('%s %r' % (type(value).__name__, value))


def constant_value(node):
    """What a literal's node stands for; of other nodes nothing in particular."""
    return getattr(node, 'value', getattr(node, 's', None))         # 3.8 has one kind of node for all constants


def docstring_node(body):
    """The statement node that is the docstring of a body, or None."""
    first = body[0] if body else None
    if isinstance(first, _ast.Expr):
        if isinstance(constant_value(first.value), string_types):
            return first
    return None


def inner_definitions(node):
    """The definitions in a statement that are not inside of another one, or it itself if it is one."""
    if isinstance(node, DEFINITIONS):
        return [node]
    return [found for _, part in fields(node) for item in (part if isinstance(part, list) else [part])
            if isinstance(item, (_ast.stmt, _ast.excepthandler)) for found in inner_definitions(item)]


def is_constant(node):
    """Whether the expression node is a literal, possibly of literals."""
    kinds = ('Constant', 'Num', 'Str', 'Bytes', 'NameConstant', 'Ellipsis', 'Tuple', 'List', 'Dict', 'Set', 'UnaryOp')
    return all(type(part).__name__ in kinds + ('Load', 'USub', 'UAdd', 'Not', 'Invert')
               or isinstance(part, _ast.Name) and part.id in ('None', 'True', 'False') for part in walk(node))


def mangled(name, chain):
    """The name of a class's attribute as Python keeps it: with the class's name if it is private."""
    if chain and name.startswith('__') and not name.endswith('__'):
        return '_%s%s' % (chain[-1].lstrip('_'), name)
    return name


# ---- what code reads and writes

class Names(object):
    """What statements use: reads, writes: sets of names of their namespace.      sure: those always written,
    by
    plain assignment, import or definition.      deferred: names that functions and lambdas in them read when
    called."""

    __slots__ = ('reads', 'writes', 'sure', 'deferred')

    def __init__(self):
        self.reads, self.writes, self.sure, self.deferred = set(), set(), set(), set()


def names_used(nodes):
    """The Names of a list of statement nodes of a module or a class body.

    >>> used = names_used(parse(b'x = y + 1'))
    >>> sorted(used.reads), sorted(used.sure)
    (['y'], ['x'])
    """
    found = Names()
    for node in nodes:
        _note_names(node, found, set())
        if isinstance(node, DEFINITIONS):
            found.sure.add(node.name)
        elif isinstance(node, (_ast.Import, _ast.ImportFrom)):
            found.sure.update((alias.asname or alias.name).partition('.')[0] for alias in node.names)
        elif isinstance(node, (_ast.Assign, _ast.AugAssign)) or type(node).__name__ == 'AnnAssign' and node.value:
            targets = getattr(node, 'targets', None) or [node.target]
            found.sure.update(target.id for target in targets if isinstance(target, _ast.Name))
            if isinstance(node, _ast.AugAssign):
                found.reads.update(part.id for part in walk(node.target) if isinstance(part, _ast.Name))
    return found


def _note_names(node, found, local):
    """Add what `node` uses to `found`. local: names that are variables of a function around it."""
    kind = type(node).__name__
    if isinstance(node, _ast.Name):
        if node.id not in local and type(node.ctx).__name__ != 'Param':
            (found.reads if isinstance(node.ctx, _ast.Load) else found.writes).add(node.id)
        return
    if isinstance(node, (_ast.Import, _ast.ImportFrom)):
        found.writes.update(set((alias.asname or alias.name).partition('.')[0] for alias in node.names) - local)
        return
    if isinstance(node, DEFINITIONS) and node.name not in local:
        found.writes.add(node.name)
    if isinstance(node, _ast.ClassDef):
        inside = Names()
        for part in node.body:
            _note_names(part, inside, local)
        shared = set(name for part in walk(node) if isinstance(part, _ast.Global) for name in part.names)
        found.reads |= inside.reads
        found.deferred |= inside.deferred
        found.writes |= inside.writes & shared
    if kind == 'ExceptHandler' and isinstance(node.name, string_types) and node.name not in local:
        found.writes.add(node.name)
    if isinstance(node, BLANKED):
        inside = Names()
        body = node.body if isinstance(node.body, list) else [node.body]
        for part in body:
            _note_names(part, inside, set())
        shared = set(name for part in body for sub in walk(part)
                     if isinstance(sub, _ast.Global) for name in sub.names)
        own = (inside.writes | set(_arguments(node.args))) - shared
        found.deferred |= (inside.reads | inside.deferred) - own - local
        found.writes |= inside.writes & shared
        parts = [part for name, part in fields(node) if name != 'body']
    elif kind in ('ListComp', 'SetComp', 'DictComp', 'GeneratorExp') and not (kind == 'ListComp' and LISTS_LEAK):
        targets = [part.id for loop in node.generators for part in walk(loop.target) if isinstance(part, _ast.Name)]
        local, parts = local.union(targets), [part for _, part in fields(node)]
    else:
        parts = [part for name, part in fields(node) if name != 'body' or not isinstance(node, _ast.ClassDef)]
    for part in parts:
        for item in part if isinstance(part, list) else [part]:
            if isinstance(item, _ast.AST):
                _note_names(item, found, local)


def _arguments(args):
    """The names of a function's parameters."""
    for part in walk(args):
        if type(part).__name__ == 'arg':
            yield part.arg
        elif isinstance(part, _ast.Name) and not isinstance(part.ctx, _ast.Load):   # 2.7
            yield part.id
    for name in (args.vararg, args.kwarg):      # texts on 2.7
        if isinstance(name, string_types):
            yield name


# ---- the text of a file

def common_lines(old, new):
    """(equal lines at the start, equal lines at the end) of two lists, which do not overlap.

    >>> common_lines(['a', 'b', 'c'], ['a', 'x', 'c'])
    (1, 1)
    """
    def equal(a, b, most):
        low, high = 0, most                     # slices are compared at C speed
        while low < high:
            middle = (low + high + 1) // 2
            if a[low:middle] == b[low:middle]:
                low = middle
            else:
                high = middle - 1
        return low
    most = min(len(old), len(new))
    head = equal(old, new, most)
    return head, equal(old[head:][::-1], new[head:][::-1], most - head)


class Source(object):
    """The text of a Python file, cut into chunks: a top-level statement and the lines up to the next one.

    path.      data: bytes.      lines: of bytes.      starts: the index of each chunk's first line.
    coding: of the cookie, or None.      flags: of its __future__ imports.      parsed: {index of a chunk: its
    nodes} of what was parsed for this text; to be emptied after use.      For each chunk: codes, the list of
    code objects that its functions and classes run;      at, where it started when they were compiled;
    origin, its index in the text first adopted or None. Raises SyntaxError when it does not parse.
    """

    def __init__(self, path, data):
        self.path, self.data = path, data
        self.lines = data.splitlines(True)
        self.coding = self._cookie()
        self.flags, nodes = 0, parse(data, path)
        for node in nodes:
            if isinstance(node, _ast.ImportFrom) and node.module == '__future__':
                for alias in node.names:
                    self.flags |= FUTURES.get(alias.name, 0)
        chunks = _in_chunks(nodes)
        self.starts = [start for start, _ in chunks]
        self._finish(dict(enumerate(nodes for _, nodes in chunks)))

    def _finish(self, parsed):
        self.starts[:1] = [0]                   # comments ahead of the first statement belong to it
        self.parsed = parsed or {0: []}
        self.at, self.codes = list(self.starts), [[] for _ in self.starts]
        self.origin = [None] * len(self.starts)

    def _cookie(self):
        """The name of the encoding, or None where Python's own choice holds."""
        if self.data.startswith(b'\xef\xbb\xbf'):
            return b'utf-8'
        for line in self.lines[:2]:
            match = COOKIE.match(line)
            if match:
                return match.group(1)
        return None

    def __len__(self):
        return len(self.starts)

    def end(self, index):
        """The index of the line after the chunk."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else len(self.lines)

    def text(self, index):
        """The bytes of a chunk, without the blank lines after it."""
        return b''.join(self.lines[self.starts[index]:self.end(index)]).rstrip()

    def nodes(self, first, end):
        """For each chunk from `first` to `end` (exclusive) the list of its statement nodes."""
        if all(index in self.parsed for index in range(first, end)):
            return [self.parsed[index] for index in range(first, end)]
        start = self.starts[first]
        nodes = parse(b''.join(self.lines[start:self.end(end - 1)]), self.path, start, self.coding,
                      self.flags if start else 0)
        found = [[] for _ in range(first, end)]
        for node in nodes:
            found[bisect_right(self.starts, max(_first_line(node), start)) - 1 - first].append(node)
        return found

    def adopt(self, code):
        """Take the functions' code objects from that of the whole module."""
        self.origin = list(range(len(self)))
        for child in children(code):
            self.codes[bisect_right(self.starts, child.co_firstlineno - 1) - 1].append(child)

    def edited(self, data, also=(), whole=False):
        """(the Source of the new text `data`, Edit). Chunks in `also` count as touched; `whole`: all do."""
        found = None if whole or not data else self._edited_part(data, also)
        if found is None:
            source = Source(self.path, data)
            found = source, [], range(len(self)), range(len(source))
        source, kept, left, fresh_chunks = found
        by_text, touched, gone = {}, [], set(left)
        for index in left if source.flags == self.flags else ():
            if index not in also:
                by_text.setdefault(self.text(index), []).append(index)
        for index in fresh_chunks:              # those that were moved
            same = by_text.get(source.text(index))
            if same:
                gone.discard(same[0])
                kept.append((same.pop(0), index))
            else:
                touched.append(index)
        for old, new in kept:
            source.codes[new], source.at[new], source.origin[new] = self.codes[old], self.at[old], self.origin[old]
        return source, Edit(kept, sorted(gone), touched)

    def _edited_part(self, data, also):
        """(Source, [(old index, new index)], other old indices, other new ones); None when all must be parsed."""
        new = Source.__new__(Source)
        new.path, new.data, new.lines, new.flags = self.path, data, data.splitlines(True), self.flags
        new.coding = new._cookie()
        if new.coding != self.coding:
            return None
        starts, parsed, kept, left, touched, at = [], {}, [], [], [], 0
        for first, end, start, stop in self._hunks(new.lines, also):
            by = start - (self.starts[first] if first < len(self) else len(self.lines))
            kept += [(old, len(starts) + old - at) for old in range(at, first)]
            starts += [line + by for line in self.starts[at:first]]
            if first == 0 and self.flags:
                return None
            try:
                nodes = parse(b''.join(new.lines[start:stop]), self.path, start, self.coding,
                              self.flags if start else 0)
            except (SyntaxError, ValueError, TypeError):
                return None                     # what looks wrong alone may be right in its place
            if any(isinstance(node, _ast.Global) or getattr(node, 'module', None) == '__future__' for node in nodes):
                return None
            for line, group in _in_chunks(nodes, start):
                parsed[len(starts)] = group
                touched.append(len(starts))
                starts.append(line)
            left += range(first, end)
            at = end
        by = len(new.lines) - len(self.lines)
        kept += [(old, len(starts) + old - at) for old in range(at, len(self))]
        new.starts = starts + [line + by for line in self.starts[at:]]
        if not new.starts:                      # nothing but comments
            touched, parsed = [0], {0: []}
        new._finish(parsed)
        return new, kept, left, touched

    def _hunks(self, lines, also):
        """[(first, end, start, stop)]: chunks from first to end that became the lines from start to stop."""
        head, tail = common_lines(self.lines, lines)
        first = min([bisect_right(self.starts, head) - 1] + list(also))
        end = max([bisect_left(self.starts, len(self.lines) - tail)] + [index + 1 for index in also])
        end = max(end, min(1 - first, len(self)))           # what comes ahead of the first statement belongs to it
        start = self.starts[first]
        stop = (self.starts[end] if end < len(self) else len(self.lines)) + len(lines) - len(self.lines)
        places, hunks = {}, []
        for number in range(start, stop):
            places.setdefault(lines[number], []).append(number)

        def place(index):
            """Where the chunk stands now; None when that is not certain."""
            text = self.lines[self.starts[index]:self.end(index)]
            found = places.get(text[0], ()) if text else ()
            if index and index not in also and len(found) == 1 and found[0] >= at and (
                    lines[found[0]:found[0] + len(text)] == text):
                return found[0]
            return None
        begin, at = first, start                # of the hunk that may start here
        for index in range(first, end):
            found = place(index)
            if found is not None:
                if index > begin or found > at:
                    hunks.append((begin, index, at, found))
                begin, at = index + 1, found + self.end(index) - self.starts[index]
        if begin < end or at < stop:
            hunks.append((begin, end, at, stop))
        return hunks if len(hunks) <= 20 else [(first, end, start, stop)]


# What became of a Source. kept: [(old index, new index)] of chunks that have the same text.      old, new:
# indices of others.
Edit = namedtuple('Edit', 'kept old new')


def _first_line(node):
    """The index of the line on which a statement starts."""
    return min([node.lineno] + [part.lineno for part in getattr(node, 'decorator_list', ())]) - 1


def _in_chunks(nodes, start=0):
    """[(index of the first line, [nodes])]: a chunk starts with each statement whose line holds nothing
    before it.

    Before 3.8 a text of several lines that begins a statement has no column and the number of its last line:
    it belongs to the chunk before it, or begins with the line `start`, where all that was parsed does.
    """
    found = []
    for node in nodes:
        if found and not (node.col_offset == 0 or getattr(node, 'decorator_list', ())):
            found[-1][1].append(node)
        else:
            found.append((_first_line(node) if node.col_offset >= 0 else start, [node]))
    return found


# ---- code objects

def children(code):
    """The code objects of the functions, classes and lambdas directly in `code`."""
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def is_class_code(code):
    """Whether it is the body of a class."""
    return not code.co_flags & 1


def shape(code):
    """What two code objects share when only their places in the file differ."""
    return (code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_flags,
            tuple(shape(const) if isinstance(const, CodeType) else (type(const), repr(const))
                  for const in code.co_consts))


def pair(old, new, chain=(), found=None):
    """[(old code, new code, codes around it)] of two lists of code objects: by name, equal ones first."""
    found, groups = [] if found is None else found, {}
    for side, codes in enumerate((old, new)):
        for code in codes:
            groups.setdefault((code.co_name, is_class_code(code)), ([], []))[side].append(code)
    for before, after in groups.values():
        if len(before) > 1 or len(after) > 1:
            shapes = [(shape(code), code) for code in after]
            for code in list(before):
                same = [item for item in shapes if item[0] == shape(code)][:1]
                for item in same:
                    _pair_one(code, item[1], chain, found)
                    before.remove(code)
                    shapes.remove(item)
            after = [code for _, code in shapes]
        for code, other in zip(before, after):
            _pair_one(code, other, chain, found)
    return found


def _pair_one(old, new, chain, found):
    found.append((old, new, chain))
    inside = children(old)
    if inside:
        pair(inside, children(new), chain + (new,), found)


def moved_code(code, by, path, chain=(), found=None):
    """A copy of the code object `by` lines further down; adds (old, new, chain) of it and those in it to `found`."""
    changes = {'co_firstlineno': code.co_firstlineno + by}
    if code.co_filename != path:
        changes['co_filename'] = path
    for const in code.co_consts:
        if isinstance(const, CodeType):
            changes['co_consts'] = tuple(moved_code(const, by, path, chain + (code,), found)
                                         if isinstance(const, CodeType) else const for const in code.co_consts)
            break
    new = recode(code, **changes)
    found.append((code, new, chain))
    return new


def class_codes(codes, chain):
    """The code objects in the class that the names lead to."""
    for name in chain:
        codes = [child for code in codes if code.co_name == name for child in children(code)]
    return codes


def code_in(codes, chain, item):
    """The code object of a definition (Statement) in the classes `chain`, or None."""
    found = [code for code in class_codes(codes, chain) if code.co_name == item.name]
    here = [code for code in found if code.co_firstlineno == _first_line(item.node) + 1]
    return (here or found or [None])[0]


# ---- statements

class Statement(object):
    """A statement of a module or a class body. node.      name: of the definition, or None.      index: of
    its chunk.
    code: that runs it, and codes: of the functions and classes in it, for those of a module."""

    __slots__ = ('node', 'name', 'index', 'code', 'codes', '_full', '_outside')

    def __init__(self, node, index=None, code=None, codes=None):
        self.node, self.index, self.code = node, index, code
        self.codes = children(code) if codes is None and code is not None else codes
        self.name = node.name if isinstance(node, DEFINITIONS) else None
        self._full = self._outside = None

    def full(self):
        """Its fingerprint."""
        if self._full is None:
            self._full = fingerprint(self.node)
        return self._full

    def outside(self):
        """Its fingerprint without the bodies of functions: what runs when the statement does."""
        if self._outside is None:
            self._outside = fingerprint(self.node, bodies=False)
        return self._outside

    def head(self):
        """What of a definition runs at once: decorators; of a class bases and keywords too."""
        node = self.node
        return fingerprint([node.decorator_list, getattr(node, 'bases', []), getattr(node, 'keywords', [])])

    def signature(self):
        """The fingerprint of a function's parameters, defaults and annotations."""
        return fingerprint([self.node.args] + [part for part in [getattr(self.node, 'returns', None)] if part])

    def has_accessor(self):
        """Whether it is decorated by an attribute of its own name, as `@size.setter`."""
        return any(isinstance(part, _ast.Attribute) and getattr(part.value, 'id', None) == self.name
                   for part in getattr(self.node, 'decorator_list', ()))


def match(old, new):
    """({new Statement: its old one}, {new: an old one that it only resembles}, [old ones that are gone]).

    Equal ones first, then definitions by name, then other statements that differ inside functions only.
    """
    partners, left, rest = {}, list(old), list(new)
    for key in (Statement.full, lambda item: item.name, lambda item: None if item.name else item.outside()):
        _match_by(key, left, rest, partners)
    similar, others = {}, [item for item in left if not item.name]
    for alike in (lambda node, other: names_used([node]).writes & names_used([other]).writes,
                  lambda node, other: type(node) is type(other)):
        for item in rest:
            same = [other for other in others if not item.name and alike(item.node, other.node)
                    and item not in similar]
            if same:
                similar[item] = same[0]
                others.remove(same[0])
    return partners, similar, left


def _match_by(key, left, rest, partners):
    """Pair statements with an equal key that is not None, in order; remove them from the lists."""
    if not left or not rest:
        return
    found = {}
    for item in left:
        found.setdefault(key(item), []).append(item)
    for item in list(rest):
        same = found.get(key(item)) if key(item) is not None else None
        if same:
            partners[item] = same.pop(0)
            left.remove(partners[item])
            rest.remove(item)


# One thing to do to a namespace. kind: 'run' the statement; 'sign': a function's parameters, defaults or
# annotations changed; 'update': its body only; 'doc': of a module or class; 'delete' the name.
# chain: names of the classes around.      new, old: Statements or None.      name: what it is about, or None.
# top: the Statement of the module that it is in, or None.
class Action(namedtuple('Action', 'kind chain new old name top')):
    __slots__ = ()

    def defined(self):
        """The names that both the old and the new statement define as functions or classes."""
        names = [set(mangled(node.name, self.chain) for node in inner_definitions(item.node)) if item else set()
                 for item in (self.old, self.new)]
        return names[0] & names[1]


class Comparison(object):
    """What to do so that a namespace made by old statements becomes that of new ones.

    find_class(chain) -> the class there now, or None.      failed: of (chain, fingerprint), old statements
    that were not done since they raised.
    actions: list of Action, in the order of the file.      pairs: [(old Statement, new)] whose functions
    belong together.
    """

    def __init__(self, find_class, failed=()):
        self.find_class, self.failed = find_class, failed
        self.actions, self.pairs, self.top = [], [], None

    def add(self, kind, chain, new=None, old=None, name=None):
        self.actions.append(Action(kind, chain, new, old, name or new and new.name, self.top))

    def body(self, old, new, chain=()):
        """Compare the Statements of a module or of a class body."""
        partners, similar, left = match([item for item in old if (chain, item.full()) not in self.failed]
                                        if self.failed else old, new)
        for item in old if self.failed else ():
            if (chain, item.full()) in self.failed:
                similar.update((other, item) for other in new if item.name and other.name == item.name
                               and other not in partners)
        docs = [docstring_node([item.node for item in side]) for side in (old, new)]
        again = self._accessors(new, partners, left)
        for item in new:
            before = partners.get(item)
            if not chain:
                self.top = item
                if before or item in similar:
                    self.pairs.append((before or similar[item], item))
            if item.node is docs[1]:
                if docs[0] is None or fingerprint(docs[0]) != item.full():
                    self.add('doc', chain, item)
            elif before is None or item.name in again:
                self.add('run', chain, item, before or similar.get(item))
            elif item.name:
                self._definition(before, item, chain)
            elif before.full() != item.full():
                self.add('update', chain, item, before)
        self.top = None if not chain else self.top
        if docs[0] is not None and docs[1] is None:
            self.add('doc', chain)
        bound = names_used([item.node for item in new]).writes
        for item in left:
            gone = set(node.name for node in inner_definitions(item.node))
            for name in sorted(gone | names_used([item.node]).sure if chain else gone):
                if name not in bound:
                    self.add('delete', chain, old=item, name=name)

    def _accessors(self, new, partners, left):
        """Names whose definitions build on each other (a property and its setter) and must all run again."""
        names = set(item.name for item in list(new) + left if item.name and item.has_accessor())
        return set(name for name in names if any(item.name == name for item in left) or any(
            item.name == name and (item not in partners or partners[item].head() != item.head()) for item in new))

    def _definition(self, old, new, chain):
        inside = chain + (new.name,)
        if old.full() == new.full() and not any(key[0][:len(inside)] == inside for key in self.failed):
            return
        if isinstance(old.node, _ast.ClassDef) and isinstance(new.node, _ast.ClassDef):
            self._class(old, new, chain)
        elif old.head() != new.head() or not (isinstance(old.node, FUNCTION_NODES)
                                              and isinstance(new.node, FUNCTION_NODES)):
            self.add('run', chain, new, old)
        else:
            self.add('update' if old.signature() == new.signature() else 'sign', chain, new, old)

    def _class(self, old, new, chain):
        """Compare two classes of one name: their bodies, if the live class can be changed in place."""
        live, inside, bodies = self.find_class(chain + (new.name,)), [], []
        for item in (old, new):
            body = [Statement(node) for node in item.node.body]
            doc = docstring_node(item.node.body)
            bodies.append(body)
            inside.append([part.outside() for part in body if not part.name and part.node is not doc])
        same = sorted(inside[0]) == sorted(inside[1])
        if live is None:                        # a decorator gave something else; methods follow all the same
            self.add('update' if same and old.head() == new.head() else 'run', chain, new, old)
            return
        bases = [getattr(base, 'attr', getattr(base, 'id', None)) for base in new.node.bases]
        plain = (type(live) in class_types or type(live).__name__ == 'ABCMeta') and (
            bases or ['object']) == [base.__name__ for base in live.__bases__] + ['object'] * (not live.__bases__)
        simple = plain and not new.node.decorator_list and not any(
            '__slots__' in part for part in set(inside[0]) ^ set(inside[1]))
        if old.head() != new.head() or not same and not simple or getattr(new.node, 'type_params', None):
            self.add('run', chain, new, old)
        else:
            self.body(bodies[0], bodies[1], chain + (new.name,))
