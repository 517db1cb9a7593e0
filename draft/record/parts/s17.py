##############################################################################
## 17. Plan -- what a line can change
##############################################################################
#
# Gives to those below units_of(), what runs as one line, and LinePlan: the text of a function that
# sys.settrace calls at
# the event after the line. It looks at the names and items that the line can write, and at what the
# functions that it
# calls may change, as their types at run time tell; logs the step; and returns the function of the line that
# runs next.
#
# Keys and containers are found by evaluating their expressions again, where that runs no code of the user's;
# where a
# line changes what they are found by, with the values before it (S, N: as the log has them) and after it (d,
# G).

FUNCTION_FLAG = 1           # in co_flags: its names are variables


class Unit(object):
    """What runs as one line: a statement, or the head of one that holds others.

    start, end: its line numbers.      nodes: the syntax trees.      names: that it binds beside those in the
    trees.
    chain: the names of the classes around.      loops: whether it may run again and again.      own: the
    comprehension
    whose frame this is.      inside: the `with` units around it.      leaves: `with` items that are left at
    its end.
    """

    def __init__(self, start, end, nodes, around, names=(), loops=False, own=None):
        self.start, self.end, self.loops, self.own = start, end, loops, own
        self.nodes = [node for node in nodes if node is not None]
        self.names, self.chain = frozenset(names) | around.names, around.chain
        self.inside, self.leaves = around.inside, ()


Around = namedtuple('Around', 'names chain inside')
COMPREHENSIONS = dict((getattr(_ast, kind), name) for kind, name in (
    ('ListComp', '<listcomp>'), ('SetComp', '<setcomp>'), ('DictComp', '<dictcomp>'), ('GeneratorExp',
        '<genexpr>')))


def units_of(tree):
    """{(name of a code object, its first line): [Unit]} of a module's statement nodes."""
    scopes = {}

    def scope(name, line, nodes, chain):
        units = scopes.setdefault((name, line), [])
        if isinstance(nodes, list):
            body(nodes, units, Around(frozenset(), chain, ()))
        else:
            add(units, Unit(nodes.lineno, end_line(nodes), [nodes], Around(frozenset(), chain, ())))

    def add(units, unit):
        units.append(unit)
        todo = list(unit.nodes)
        while todo:                             # the lambdas and comprehensions in it
            node = todo.pop()
            if isinstance(node, _ast.Lambda):
                scope('<lambda>', node.lineno, node.body, unit.chain)
                todo += inner_nodes(node.args)
            elif type(node) in COMPREHENSIONS and node is not unit.own and not is_inline(node):
                inner = scopes.setdefault((COMPREHENSIONS[type(node)], node.lineno), [])
                around = Around(frozenset(), unit.chain, ())
                add(inner, Unit(node.lineno, end_line(node), [node], around, loops=True, own=node))
                todo.append(node.generators[0].iter)
            else:
                todo += inner_nodes(node)

    def body(stmts, units, around):
        for node in stmts:
            kind = type(node).__name__.replace('Async', '')
            start = node.lineno
            if kind in ('FunctionDef', 'ClassDef'):
                start = _first_line(node) + 1
                heads = node.decorator_list + (
                    [node.args, getattr(node, 'returns', None)] if kind == 'FunctionDef' else
                    node.bases + [word.value for word in getattr(node, 'keywords', ())])
                add(units, Unit(start, max(node.lineno, node.body[0].lineno - 1), heads, around,
                                [mangled(node.name, around.chain)]))
                scope(node.name, start, node.body, around.chain + (node.name,) * (kind == 'ClassDef'))
            elif kind in ('If', 'While'):
                add(units, Unit(start, end_line(node.test), [node.test], around, loops=kind == 'While'))
                first = len(units)
                body(node.body, units, around)
                if kind == 'While' and len(units) > first:
                    units[first].loops = True   # that of `while True` has no events
                body(node.orelse, units, around)
            elif kind == 'For':
                add(units, Unit(start, end_line(node.iter), [node.target, node.iter], around, loops=True))
                body(node.body, units, around)
                body(node.orelse, units, around)
            elif kind == 'With':
                items = getattr(node, 'items', [node])
                parts = [part for item in items for part in (item.context_expr, item.optional_vars)]
                unit = Unit(start, max(end_line(part) for part in parts if part), parts, around)
                unit.leaves = items
                add(units, unit)
                first = len(units)
                body(node.body, units, around._replace(inside=around.inside + (unit,)))
                for other in units[first:]:     # it may be left after any of its lines
                    other.leaves = list(other.leaves) + list(items)
            elif kind.startswith('Try'):
                body(node.body, units, around)
                for handler in getattr(node, 'handlers', ()):
                    name = handler.name if isinstance(handler.name, string_types) else getattr(handler.name,
                        'id', None)
                    inner = around._replace(names=around.names | frozenset([mangled(name, around.chain)] if
                        name else []))
                    add(units, Unit(handler.lineno, max(handler.lineno, end_line(handler.type)),
                        [handler.type], inner))
                    body(handler.body, units, inner)
                body(getattr(node, 'orelse', []), units, around)
                body(getattr(node, 'finalbody', []), units, around)
            elif kind == 'Match':
                add(units, Unit(start, end_line(node.subject), [node.subject], around))
                for case in node.cases:
                    names = [mangled(name, around.chain) for part in walk(case.pattern) for name in (
                        getattr(part, 'name', None), getattr(part, 'rest', None)) if isinstance(name,
                            string_types)]
                    add(units, Unit(case.pattern.lineno, max(end_line(case.pattern), end_line(case.guard)),
                                    [case.pattern, case.guard, node.subject], around, names))
                    body(case.body, units, around)
            else:
                add(units, Unit(start, end_line(node), [node], around))
    body(tree, scopes.setdefault(('<module>', None), []), Around(frozenset(), (), ()))
    return scopes


def inner_nodes(node):
    """The nodes directly in a node."""
    return [item for _, part in fields(node) for item in (part if isinstance(part, list) else [part])
            if isinstance(item, _ast.AST)]


def is_inline(node):
    """Whether a comprehension runs in the frame around it."""
    return COMPREHENSIONS_INLINE and not isinstance(node,
        _ast.GeneratorExp) or LISTS_LEAK and isinstance(node, _ast.ListComp)


def executed_nodes(unit):
    """The nodes in a unit that run in its own frame."""
    todo = list(unit.nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, _ast.Lambda):
            todo += inner_nodes(node.args)
            continue
        yield node
        if type(node) in COMPREHENSIONS and node is not unit.own and not is_inline(node):
            todo.append(node.generators[0].iter)
        else:
            todo += inner_nodes(node)


class Writes(object):
    """What a unit may change. names: that it binds.      grown: those with += and the like.      items:
    [(container
    node, key node or None, whether in place)].      attrs: [(object node, name, whether in place)].
    calls: nodes.
    reads: [(container node, key node)], which matter when there are defaultdicts.      others: nodes of
    objects whose code
    in C runs at the line, as of `with` and `await`."""

    def __init__(self, unit):
        self.names, self.grown, self.items, self.attrs = set(unit.names), [], [], []
        self.calls, self.reads, self.others = [], [], []
        self.unsure = False
        for node in executed_nodes(unit):
            self._note(node, unit.chain)
        self.leaves = list(unit.leaves)

    def _note(self, node, chain):
        stored = type(getattr(node, 'ctx', None)).__name__ in ('Store', 'Del', 'AugStore', 'Param')
        if isinstance(node, _ast.Name):
            if stored:
                self.names.add(mangled(node.id, chain))
        elif isinstance(node, _ast.AugAssign):
            target = node.target
            if isinstance(target, _ast.Name):
                self.grown.append(mangled(target.id, chain))
            elif isinstance(target, _ast.Subscript):
                self.items.append((target.value, key_node(target), True))
            else:
                self.attrs.append((target.value, mangled(target.attr, chain), True))
        elif isinstance(node, _ast.Subscript):
            (self.items if stored else self.reads).append((node.value, key_node(node)) + (False,) * stored)
        elif isinstance(node, _ast.Attribute):
            if stored:
                self.attrs.append((node.value, mangled(node.attr, chain), False))
        elif isinstance(node, _ast.Call):
            self.calls.append(node)
        elif type(node).__name__ == 'Exec':
            self.unsure = True
        elif isinstance(node, (_ast.Import, _ast.ImportFrom)):
            self.names.update(mangled((alias.asname or alias.name).partition('.')[0], chain) for alias in
                node.names)
        elif type(node).__name__ in ('Await', 'YieldFrom', 'AsyncFor', 'AsyncWith'):
            self.others.append(getattr(node, 'value', None) or node)
        elif isinstance(node, DEFINITIONS):
            self.names.add(mangled(node.name, chain))


def key_node(node):
    """The node of the key of a subscript; None for a slice."""
    part = node.slice
    part = getattr(part, 'value', part) if type(part).__name__ == 'Index' else part
    return None if type(part).__name__ in ('Slice', 'ExtSlice') else part


# ---- the plan of a line

class LinePlan(object):
    """The text of the function that settrace calls after a line. Raises Unsure when the line needs audits.

    entry: the Entry of its code object.      engine.
    """

    def __init__(self, engine, entry, units):
        self.engine, self.entry, self.lines, self.space, self.count = engine, entry, [], {}, 0
        self.code, self.globals = entry.code, entry.globals
        self.has_frame_names = entry.is_function
        self.variables = frozenset(self.code.co_varnames + self.code.co_cellvars + self.code.co_freevars)
        self.loops = any(unit.loops for unit in units) or self.code.co_name in COMPREHENSIONS.values()
        self.old = False
        writes = [Writes(unit) for unit in units]
        names = set(self.code.co_cellvars + self.code.co_freevars)      # another frame may bind them
        names.update(*[part.names for part in writes])
        # An item that is taken out and stored again comes last in a dict.
        self.reorders = any(getattr(node.func, 'attr', None) in ('pop', 'popitem', 'clear', '__delitem__')
                            for part in writes for node in part.calls) or len(units) > 1
        if 'locals' in self.code.co_names and self.has_frame_names or any(part.unsure for part in writes):
            raise Unsure                        # the dict that locals() gave is that of the frame
        checks = []
        for part in writes:
            self._containers(part, checks)
        clash = self._clashes(writes, names)
        if clash:
            self._emit_checks(checks, old=True)
        self._emit_names(sorted(names), [name for part in writes for name in part.grown])
        self._emit_checks(checks, old=False)
        # Whether nothing of it happens before the last function that it calls.
        self.is_calm = not checks and len(units) == 1 and not any(
            type(node).__name__ in ('NamedExpr', 'With', 'AsyncWith') for node in
                executed_nodes(units[0])) and (
            not units[0].leaves)

    # -- the text

    def constant(self, value):
        """A name for a value in the text."""
        self.count += 1
        self.space['c%d' % self.count] = value
        return 'c%d' % self.count

    def is_variable(self, name):
        return self.has_frame_names and name in self.variables

    def _emit_names(self, names, grown):
        local = [name for name in names if self.is_variable(name)]
        outer = [name for name in names if not self.is_variable(name)]
        put = self.lines.append
        if not names and not grown:
            return
        put('try:')
        for name in local + outer:
            is_global = name not in local
            source, known = ('G', 'N') if is_global else ('d', 'S')
            bind = self.constant(self.engine.binds(name, is_global)[0])
            put('    v = %s[%r]' % (source, name))
            put('    if v is not %s:' % ('N[%r]' % name if is_global else 'S.get(%r, MISSING)' % name))
            put('        if type(v) in ATOMS:')
            put('            %s[%r] = v' % (known, name))
            put('            put((%s, v))' % bind)
            put('        else:')
            put('            bound(%s, %r, %s, v, %r)' % (known, name, bind, is_global))
            if name in grown:
                put('    elif type(v) not in ATOMS:')
                put('        grown(v)')
        put('except KeyError:')                 # one of them is unbound
        put('    names(frame)')
        for name in grown:
            put('    grown(%s.get(%r))' % ('d' if name in local else 'G', name))

    def _emit_checks(self, checks, old):
        self.old = old
        if not checks:
            return
        body, before = [], self.lines
        self.lines = body
        for check in checks:
            check()
        self.lines = before
        if body:
            before.append('try:')
            before += ['    ' + line for line in body]
            if old:
                before.append('except KeyError:')       # made by the line itself
                before.append('    pass')
            before.append('except Exception:')
            before.append('    audit(frame)')

    def _clashes(self, writes, names):
        """Whether the line may change what its containers or keys are found by."""
        roots, deep, count = set(), False, 0
        for part in writes:
            targets = [item[0] for item in part.items] + [item[1] for item in part.items if item[1] is not
                None]
            targets += [item[0] for item in part.attrs]
            called = [node.func.value for node in part.calls if isinstance(node.func, _ast.Attribute)]
            count += len(part.items) + len(part.attrs) + len([
                node for node in part.calls if getattr(node.func, 'attr', None) in ALL_MUTATORS])
            for node in targets + called + [arg for call in part.calls for arg in call.args]:
                roots.update(sub.id for sub in walk(node) if isinstance(sub, _ast.Name))
            deep = deep or any(isinstance(sub, (_ast.Subscript, _ast.Attribute)) for item in part.items
                               if item[1] is not None for sub in walk(item[1]))
            deep = deep or any(isinstance(node, (_ast.Subscript, _ast.Attribute)) for node in targets +
                called) and count > 1
        return bool(roots & names) or deep

    # -- what is looked at

    def _containers(self, writes, checks):
        for item in writes.items:
            checks.append(lambda item=item: self._item(*item))
        if self.engine.has_defaults:
            for item in writes.reads:
                if item[1] is not None:
                    checks.append(lambda item=item: self._read(*item))
        for item in writes.attrs:
            checks.append(lambda item=item: self._attribute(*item))
        for node in writes.calls:
            self._call(node, checks)
        for item in writes.leaves:
            checks.append(lambda item=item: self._left(item.optional_vars or item.context_expr,
                item.context_expr))
        for node in writes.others:
            checks.append(lambda node=node: self._reach([node]))

    def _left(self, manager, made):
        """At the end of a `with`: the manager's __exit__ is the program's own, or it is unknown."""
        if isinstance(made, _ast.Call):
            name = getattr(made.func, 'id', None)
            value = self.globals.get(name,
                builtins_space.get(name)) if name and not self.is_variable(name) else None
            value = getattr(value, '__wrapped__', value) if type(value) is FunctionType else value
            if name == 'open' or value is not None and self.engine.is_harmless(value):
                return
            if not isinstance(manager, _ast.Name):
                raise Unsure
        self.lines.append('left(%s)' % self.path(manager))

    def _item(self, container, key, in_place):
        box = self.path(container)
        try:
            name = self.pure(key) if key is not None else None
        except Unsure:
            name = None
        if name is None or self.reorders:
            self.lines.append('whole(%s)' % box)
        else:
            self.lines.append('%s(%s, %s)' % ('grown_item' if in_place else 'item_changed', box, name))

    def _read(self, container, key):
        try:
            self.lines.append('default_made(%s, %s)' % (self.path(container), self.pure(key)))
        except Unsure:
            self._reach([container])

    def _attribute(self, owner, name, in_place):
        self.lines.append('%s(%s, %r)' % ('grown_attr' if in_place else 'attr_changed', self.path(owner),
            name))

    def _reach(self, nodes):
        roots = self.roots(nodes)
        if roots:
            self.lines.append('reach((%s,))' % ', '.join(roots))

    def roots(self, nodes):
        """The texts of the names that expressions are made of."""
        names = sorted(set(sub.id for node in nodes for sub in walk(node) if isinstance(sub, _ast.Name)))
        known = 'S' if self.old else 'd'
        return ['%s.get(%r)' % (known, name) if self.is_variable(name) else '%s.get(%r)' % ('N' if self.old
            else 'G', name)
                for name in names if self.is_variable(name) or name in self.globals]

    def _call(self, node, checks):
        args = list(node.args) + [word.value for word in node.keywords] + [
            part for part in (getattr(node, 'starargs', None), getattr(node, 'kwargs', None)) if part is not
                None]
        function = node.func
        if isinstance(function, _ast.Attribute):
            return checks.append(lambda: self._method(function, args))
        if isinstance(function, _ast.Name):
            name = function.id
            if name == 'super':
                return None
            if not self.is_variable(name):
                value = self.globals.get(name, builtins_space.get(name, MISSING))
                if name not in self.globals and name in ('exec', 'eval', 'execfile', '__import__'):
                    raise Unsure
                if value is not MISSING and self.engine.is_harmless(value):
                    self.engine.assumed.add(name)
                    return None
        return checks.append(lambda: self._unknown_call(function, args))

    def _unknown_call(self, function, args):
        try:
            path = self.path(function)
        except Unsure:
            return self._reach([function] + args)
        self.lines.append('called(%s, (%s))' % (path, ''.join(root + ', ' for root in self.roots(args))))

    def _method(self, function, args):
        owner, name = function.value, function.attr
        if type(owner).__name__ in ('Str', 'Constant', 'JoinedStr', 'BinOp', 'Bytes', 'Num', 'List', 'Dict',
                'ListComp'):
            return None
        if isinstance(owner, _ast.Call) and getattr(owner.func, 'id', None) == 'super':
            if self.code.co_argcount:
                first = self.code.co_varnames[0]
                self.lines.append("whole_object(%s[%r])" % ('S' if self.old else 'd', first))
            return None
        if isinstance(owner, _ast.Name) and not self.is_variable(owner.id) and isinstance(
                self.globals.get(owner.id), type(sys)):
            value = vars(self.globals[owner.id]).get(name, MISSING)
            self.engine.assumed.add(owner.id)
            if self.engine.is_harmless(value):
                return None
        try:
            path = self.path(owner)
        except Unsure:
            if name in ALL_MUTATORS and any(isinstance(part, _ast.Call) for part in walk(owner)):
                raise
            return self._reach([owner] + args)
        key = 'MISSING'
        if args and name in ('setdefault', 'pop', 'add', 'discard', 'append', '__setitem__'):
            try:
                key = self.pure(args[0])
            except Unsure:
                pass
        self.lines.append('v = %s' % path)
        harmless, indent = self.constant(set(ATOMS)), ''        # types of owners
        if name == 'append':
            self.lines.append('if type(v) is list:')
            self.lines.append('    appended(v)')
            indent = 'el'
        elif name == 'add':
            self.lines.append('if type(v) is set and len(v) == len(token_now(id(v)).now):')
            self.lines.append('    pass')
            indent = 'el'
        self.lines.append('%sif type(v) not in %s:' % (indent, harmless))
        self.lines.append('    if method(v, %r, %s, (%s), %d):' % (
            name, key, ''.join(root + ', ' for root in self.roots(args)),
            -1 if args and type(args[0]).__name__ in ('Num', 'Constant') else len(args)))
        self.lines.append('        %s.add(type(v))' % harmless)

    # -- expressions that are evaluated again

    def path(self, node):
        """The text that finds an object again: names, attributes and items of plain objects."""
        prefix = 'old_' if self.old else 'live_'
        if isinstance(node, _ast.Name):
            name = node.id
            if self.is_variable(name):
                return '%s[%r]' % ('S' if self.old else 'd', name)
            if name not in self.globals and name in builtins_space:
                self.engine.assumed.add(name)
                return self.constant(builtins_space[name])
            return '%s[%r]' % ('N' if self.old else 'G', name)
        if isinstance(node, _ast.Attribute):
            return '%sattr(%s, %r)' % (prefix, self.path(node.value), mangled(node.attr, ()))
        if isinstance(node, _ast.Subscript) and key_node(node) is not None:
            return '%sitem(%s, %s)' % (prefix, self.path(node.value), self.pure(key_node(node)))
        if isinstance(node, _ast.Call) and isinstance(node.func,
                _ast.Attribute) and node.func.attr == 'setdefault':
            return '%sitem(%s, %s)' % (prefix, self.path(node.func.value), self.pure(node.args[0]))
        if isinstance(node, _ast.Call) and getattr(node.func, 'id', None) == 'globals' and not node.args:
            return 'G'
        raise Unsure

    def pure(self, node):
        """The text of a key that can be worked out again: of atoms, with operators and builtins."""
        kind = type(node).__name__
        if kind in ('Num', 'Str', 'Bytes', 'Constant', 'NameConstant'):
            return self.constant(constant_value(node) if kind != 'Num' else node.n)
        if isinstance(node, _ast.Name) or isinstance(node, (_ast.Attribute, _ast.Subscript)):
            path = self.path(node)
            self.count += 1
            self.lines.append('k%d = %s' % (self.count, path))
            self.lines.append('if type(k%d) not in ATOMS and not is_safe_key(k%d): raise Unsure' %
                (self.count, self.count))
            return 'k%d' % self.count
        if isinstance(node, _ast.BinOp):
            sign = {'Add': '+', 'Sub': '-', 'Mult': '*', 'Mod': '%', 'FloorDiv': '//', 'BitAnd': '&',
                'BitOr': '|',
                    'BitXor': '^', 'RShift': '>>'}.get(type(node.op).__name__)
            if sign:
                return '(%s %s %s)' % (self.pure(node.left), sign, self.pure(node.right))
        if isinstance(node, _ast.UnaryOp) and isinstance(node.op, (_ast.USub, _ast.Not)):
            return '(%s %s)' % ('-' if isinstance(node.op, _ast.USub) else 'not', self.pure(node.operand))
        if isinstance(node, _ast.Tuple):
            return '(%s)' % ''.join(self.pure(part) + ', ' for part in node.elts)
        if isinstance(node, _ast.Call) and not node.keywords and not getattr(node, 'starargs', None):
            if isinstance(node.func, _ast.Name) and node.func.id in ('str', 'int', 'chr', 'ord', 'abs',
                'len') and (
                    node.func.id not in self.globals and not
                            self.is_variable(node.func.id)) and len(node.args) == 1:
                self.engine.assumed.add(node.func.id)
                if node.func.id == 'len':
                    return 'length(%s)' % self.path(node.args[0])
                return '%s(%s)' % (self.constant(builtins_space[node.func.id]), self.pure(node.args[0]))
            if isinstance(node.func, _ast.Attribute) and node.func.attr in ('lower', 'upper', 'strip',
                    'title'):
                owner = self.pure(node.func.value)
                return '%s.%s(%s)' % (owner, node.func.attr, ', '.join(map(self.pure, node.args)))
        raise Unsure

    def function(self, table):
        """The function for sys.settrace; table: {line: (Site, function)} of the code object."""
        engine = self.engine
        needs = '\n'.join(self.lines)
        head = ['if frame is not now[0]:', '    space = frames.get(frame)', '    if space is None:',
            '        switch(frame)',
                '    else:', '        now[0], now[1] = frame, space.now', '        put((ENTER, space))']
        if self.has_frame_names and ('d[' in needs or 'd.get' in needs):
            head.append('d = frame.f_locals')
        if self.has_frame_names and ('S[' in needs or 'S.get' in needs):
            head.append('S = now[1]')
        tail = ['if len(log) > limit[0]:', '    housekeeping(frame)'] if self.loops else []
        tail += ['if event == "line":', '    step, after = table[frame.f_lineno]'] + (
            ['    add(step)'] if engine.raw else ['    if step is not None:', '        add(step)'])
        tail += ['    return after']
        if self.has_frame_names and self.entry.shown:
            tail += ['if event == "return":', '    add(returns[frame.f_lineno])',
                '    frames.pop(frame).now = now[0] = None',
                     '    return None']
        tail += ['if event != "check":', '    return other(frame, event, arg)']
        text = 'def trace(frame, event, arg):\n' + ''.join('    %s\n' % line for line in head + self.lines +
            tail)
        space = dict(engine.helpers, G=self.globals, N=engine.names_of(self.globals).now, table=table,
                     returns=self.entry.returns, **self.space)
        execute(compile(text, '<hotload plan>', 'exec', 0, True), space)
        if self.is_calm:
            engine.calm.add(space['trace'])
        return space['trace']
