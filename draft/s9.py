##############################################################################
## 9. Patch -- save, and the running program has the new code
##############################################################################
#
# Gives to those below and to the user LivePatch, a step that brings loaded modules up to date with their
# files in place.
#
# A save is compared with the text that runs. What can be done beforehand is: compiling, finding the
# functions, working out what they get. Then one loop of assignments gives it to them, while no other thread
# runs. What has to be executed (changed statements, decorators, classes with other bases) runs after that, in
# the order of the file. A statement that raises is reported, and tried again on the next save.
#
# Not handled: names that were copied by assignment and not by import; objects of classes that got other
# slots.

__all__ += ['LivePatch']


class Change(namedtuple('Change', 'kind name path line error')):
    """One thing that a save did. kind: 'Update', 'Add', 'Delete', 'Run' or 'Failed'.      name: as
    `lib.area`, for a
    statement as `lib.py:12`.      path, line: where it is written now.      error: the exception or a text,
    or None.

    >>> print(Change('Update', 'lib.area', '/lib.py', 3, None))
    Update lib.area
    """

    __slots__ = ()

    def __str__(self):
        error = self.error
        if isinstance(error, BaseException):
            error = '%s: %s' % (type(error).__name__, error) if str(error) else type(error).__name__
        return '%s %s' % (self.kind, self.name) + (': %s' % error if error else '')


class LiveFile(object):
    """One Python file whose loaded modules are kept up to date.

    path.      data: the bytes that the modules run.      disk: those of the file when it was last read.
    source: the Source of data, from the first change on.      failed: of (chain, fingerprint), statements
    that raised, to be tried again; touched: the chunks that they are in.      aliases: {id of a code object:
    (weak reference to it, the one in source that it stands for)}.      version: counts changes.
    """

    def __init__(self, path, data):
        self.path, self.data, self.disk, self.source, self.first_starts = path, data, data, None, [0]
        self.failed, self.touched, self.aliases, self.module_ids = set(), set(), {}, ()
        self.version, self.late = 0, False

    def modules(self):
        """The modules that were loaded from the file."""
        return [module for module in list(sys.modules.values()) if isinstance(module, type(sys))
                and module_path(module) == self.path]

    def label(self):
        """The name by which reports call the module."""
        names = [module.__name__ for module in self.modules()]
        named = [name for name in names if name != '__main__']
        return (named + [os.path.splitext(os.path.basename(self.path))[0]])[0]

    def owns(self, function):
        """Whether the function was written in this file, or calls one that was."""
        name = function.__code__.co_filename
        return name in (self.path, OWN_FILE) or os.path.abspath(name) == self.path or name.startswith('<patch ')

    def load(self):
        """Parse the text that is running, and learn which code objects its functions have."""
        if self.source is None:
            self.source = Source(self.path, self.data)
            code = fresh.codes.pop(self.path, None)
            self.source.adopt(code or compile(self.data, self.path, 'exec', 0, True))
            self.first_starts = self.source.starts
        ids = tuple(map(id, self.modules()))
        if ids != self.module_ids:              # loaded by others, or once more: there equal code stands for ours
            self.module_ids, known, ours = ids, {}, {}
            for code, _, _ in pair(*[sum(self.source.codes, [])] * 2):
                known[code] = code
            for function in gc.get_objects():
                code = function.__code__ if type(function) is FunctionType else None
                if type(code) is CodeType:      # PyPy's builtins are functions too
                    name = code.co_filename
                    if name not in ours:
                        ours[name] = os.path.abspath(name) == self.path
                    if ours[name] and code in known:
                        for old, new, _ in pair([code], [known[code]]):
                            self.alias(old, new)

    def catch_up(self):
        """For a module that others loaded from an older text: give functions the code of now. The list of Changes."""
        self.load()
        ours, changes = {}, []
        for code, _, chain in pair(*[sum(self.source.codes, [])] * 2):
            ours.setdefault(code.co_name, []).append((code, chain))
        for module in self.modules():
            functions = [value for owner in [module] + [value for value in vars(module).values() if isinstance(
                value, class_types) and value.__module__ == module.__name__] for value in vars(owner).values()
                if type(value) is FunctionType and self.owns(value)]
            for function in functions:
                old, same = function.__code__, ours.get(function.__code__.co_name, ())
                if len(same) == 1 and old != same[0][0] and parameters(old) == parameters(same[0][0]) and (
                        old.co_freevars == same[0][0].co_freevars):
                    for one, other, _ in pair([old], [same[0][0]]):
                        self.alias(one, other)
                    if shape(old) != shape(same[0][0]):
                        names = [self.label()] + [code.co_name for code in same[0][1]] + [old.co_name]
                        changes.append(Change('Update', '.'.join(names), self.path, same[0][0].co_firstlineno,
                                              'the file was newer than what was loaded'))
        catch_up([self])
        return changes

    def alias(self, code, stands_for):
        """Let functions with `code` follow what becomes of `stands_for`; does not keep the code alive."""
        if code is not stands_for:
            self.aliases[id(code)] = weakref.ref(code), stands_for

    def prepare(self, data, name=None, whole=False):
        """The Plan to go from the text that is running to `data`. Changes nothing; raises what the compiler
        does.

        name: of a text that is in no file.      whole: parse and compare everything, to check the faster way.
        """
        self.load()
        old = self.source
        source, edit = old.edited(data, self.touched, whole)
        plan = Plan(self, source, name)
        plan.comparison.body(self._statements(edit.old), plan.compile(edit.new))
        for before, after in plan.comparison.pairs:
            plan.graft.add(pair(before.codes, after.codes))
            plan.check_lambdas(before, after)
            source.origin[after.index] = old.origin[before.index]
        for _, index in edit.kept if name is None else ():
            by, codes = source.starts[index] - source.at[index], source.codes[index]
            if codes and (by or codes[0].co_filename.startswith('<patch ')):
                found = []
                source.codes[index] = [moved_code(code, by, self.path, (), found) for code in codes]
                plan.graft.add(found)
            source.at[index] = source.starts[index]
        return plan

    def _statements(self, indices):
        """The Statements of the running text in the chunks, with the code objects that are live."""
        found, source, start = [], self.source, 0
        while start < len(indices):
            end = start
            while end < len(indices) and indices[end] - indices[start] == end - start:
                end += 1                        # a row of neighbours is parsed in one go
            for index, nodes in zip(indices[start:end], source.nodes(indices[start], indices[end - 1] + 1)):
                codes = list(source.codes[index])
                for node in nodes:
                    count = len(codes)
                    if node is not nodes[-1]:   # several statements on one line: see which functions are whose
                        count = len(children(compile_nodes([node], self.path, source.flags)))
                    found.append(Statement(node, index, None, codes[:count]))
                    del codes[:count]
            start = end
        return found

    def live_aliases(self):
        """[(code object that is in use, the one of the running text that it stands for)]."""
        found = []
        for number, (reference, code) in list(self.aliases.items()):
            alias = reference()
            if alias is None:
                del self.aliases[number]
            else:
                found.append((alias, code))
        return found

    def commit(self, plan):
        """Take the text of a plan that was done for the running one."""
        self.source, self.data, self.failed = plan.source, plan.source.data, plan.failed
        self.touched = set(index for index in plan.touched if index < len(self.source))
        self.version += 1
        self.late = self.late or plan.stop is not None
        for move in plan.graft.moves.values():
            self.alias(move.old, move.new)
        for alias, code in self.live_aliases():
            if id(code) in plan.graft.moves:
                self.alias(alias, plan.graft.moves[id(code)].new)


class Plan(object):
    """What one save of a LiveFile does. Made by LiveFile.prepare(), done by apply_plans().

    source: the new Source.      path: of the file, or the name of a text that is in none.      changes: list
    of Change, the report.      failed: of (chain, fingerprint), statements that raised, and touched: their
    chunks. graft: the Transplant.      rebound: [(module, chain, name, old value, new one)].
    stop: the chunk from which on the module's own code has not run yet, or None.
    """

    def __init__(self, file, source, name=None):
        self.file, self.source, self.path, self.modules = file, source, name or file.path, file.modules()
        self.graft = Transplant(self.find_class, self._keep_old)
        self.comparison = Comparison(self.find_class, file.failed)
        self.statements, self.changes, self.rebound, self.todo, self.stop = [], [], [], [], None
        self.failed, self.touched, self.early, self.signed = set(), set(), set(), set()

    def find_class(self, chain):
        """The class that the names lead to in the module, or None."""
        return resolve(self.modules[0], chain) if self.modules and chain else None

    def compile(self, indices):
        """The Statements of the new chunks, each with code of its own."""
        for index in indices:
            first = len(self.statements)
            for node in self.source.parsed[index]:
                code = compile_nodes([node], self.path, self.source.flags)
                self.statements.append(Statement(node, index, code))
            self.source.codes[index] = sum([item.codes for item in self.statements[first:]], [])
            self.source.at[index] = self.source.starts[index]
        self.source.parsed = {}
        return self.statements

    def check_lambdas(self, old, new):
        """Report changed lambdas that Python had compiled to one code object, since they were equal and on one line."""
        def count(codes):
            return sum(code.co_name == '<lambda>' for code, _, _ in pair(codes, codes))
        if old.full() != new.full() and count(new.codes) > count(old.codes) < sum(
                isinstance(node, _ast.Lambda) for node in walk(old.node)):
            self.changes.append(Change('Failed', '%s:%d' % (os.path.basename(self.file.path), new.node.lineno),
                                       self.file.path, new.node.lineno, 'equal lambdas of one line cannot be told apart: '
                                       'those made earlier keep the old code'))

    # ---- what the comparison leaves to the whole program

    def refine(self):
        """Recognize renamed and moved functions; drop deletions of names that other statements bind; find the
        code objects
        that stand for others; see what is running."""
        actions = self.comparison.actions
        gone = [action for action in actions if action.kind == 'delete' and isinstance(action.old.node, FUNCTION_NODES)]
        come = [action for action in actions if action.kind == 'run' and action.old is None
                and isinstance(action.new.node, FUNCTION_NODES)]
        for old in gone:
            same = [new for new in come if self._is_same(old, new)]
            if len(same) == 1 and self._take_along(old, same[0]):
                come.remove(same[0])
                actions[actions.index(same[0])] = same[0]._replace(kind='rename', old=old)
                actions.remove(old)
        for action in list(actions):
            if action.kind == 'delete' and not action.chain and self._binders(action.name, -1):
                actions.remove(action)
        for alias, code in self.file.live_aliases():
            if id(code) in self.graft.moves:
                move = self.graft.moves[id(code)]
                self.graft.moves[id(alias)] = Move(alias, move.new, move.chain)
        line = running_line(self.file.path)
        if line is not None:
            running = bisect_right(self.file.first_starts, line - 1) - 1
            later = [index for index, origin in enumerate(self.source.origin)
                     if origin is not None and origin >= running]
            self.stop = min(later) if later else None

    def _is_same(self, old, new):
        """Whether the deleted function came back elsewhere: with an equal text, or in a base or derived class."""
        if old.name == new.name and old.chain and new.chain and old.chain != new.chain:
            classes = [self.find_class(action.chain) for action in (old, new)]
            if None not in classes and (issubclass(*classes) or issubclass(*classes[::-1])):
                return True
        texts = [re.sub(r"\bstr u?'%s'" % re.escape(action.name), '', item.full()) for action, item in (
            (old, old.old), (new, new.new))]
        body = [node for node in new.new.node.body if not isinstance(node, _ast.Pass)]
        return texts[0] == texts[1] and bool(body) and body != [docstring_node(body)]

    def _take_along(self, old, new):
        """Let functions with the code of the deleted definition follow the new one."""
        top = old.old if not old.chain else dict((item, before) for before, item in self.comparison.pairs).get(old.top)
        one, other = top and code_in(top.codes, old.chain, old.old), code_in(new.top.codes, new.chain, new.new)
        if one is None or other is None or '__class__' in other.co_freevars:
            return False
        self.graft.add([(one, other, ())] + pair(children(one), children(other), (other,)))
        return True

    def _binders(self, name, after):
        """The Statements of the new text in chunks after that index which surely bind the module's `name`."""
        word = re.compile(br'\b' + name.encode('utf-8') + br'\b')
        indices = sorted(set(bisect_right(self.source.starts, number) - 1
                             for number, line in enumerate(self.source.lines) if word.search(line)))
        return [Statement(node, index) for index in indices if index > after
                for node in self.source.nodes(index, index + 1)[0] if name in names_used([node]).sure]

    def is_out(self, action):
        """Whether the action is about a statement that runs now, will still run, or starts the program."""
        if self.stop is not None and action.top is not None and action.top.index >= self.stop:
            return action.kind != 'rename'
        return action.new is not None and not action.chain and is_main_block(action.new.node)

    # ---- what functions get

    def fit(self, functions):
        """Work out what each function gets. functions: {id of a code object: [functions that run it]}."""
        moves = list(self.graft.moves.values())
        for move in moves:
            move.functions = functions.get(id(move.old), ())
        written = set()
        for action in self.comparison.actions:
            if action.kind == 'run' and not self.is_out(action) and action not in self.early:
                written |= names_used([action.new.node]).writes
        for action in self.comparison.actions:
            if action.kind == 'sign':
                self._fit_signature(action, written)
            elif action.kind == 'run' and action.old is not None and not self.is_out(action):
                for node in inner_definitions(action.new.node):     # made anew, with their defaults
                    for move in self.graft.to(code_in(action.top.codes, action.chain, Statement(node))):
                        move.signed = move.late = parameters(move.old) != parameters(move.new)
        for move in moves:
            if move.functions and not move.signed and parameters(move.old) != parameters(move.new):
                self.graft.fit_parameters(move, [node for item in self.statements for node in walk(item.node)
                                                 if isinstance(node, BLANKED)], self.source.flags)
        for move in moves:
            if not move.late:
                self.graft.fit(move)

    def _moves_of(self, action):
        return self.graft.to(code_in(action.top.codes, action.chain, action.new))

    def _fit_signature(self, action, written):
        """Evaluate new defaults and annotations: now, or later when statements of this save matter to them."""
        moves = self._moves_of(action)
        bare = copy_node(action.new.node, decorator_list=[], body=[])
        matters = any(isinstance(node, _ast.Call) or isinstance(node, _ast.Name) and node.id in written
                      for node in walk(bare))
        for move in moves:
            move.signed, move.late = True, matters
        if not matters and self.modules:
            try:
                self._sign(self.modules[0], action, moves)
            except Exception as error:
                self._fail(action, error)
                for move in moves:
                    move.late = True
            self.signed.add(action)

    def _sign(self, module, action, moves):
        """Set the defaults and annotations of moves to those of a function made by the new definition."""
        node = copy_node(action.new.node, decorator_list=[])
        space = run_apart(module, action.chain, [node], self.path, self.source.flags)[0]
        made = space[mangled(action.name, action.chain)]
        for move in moves:
            move.defaults = made.__defaults__, getattr(made, '__kwdefaults__', None)
            if '__annotations__' in FUNCTION_PARTS:
                move.parts['__annotations__'] = made.__annotations__

    def _keep_old(self, move, why):
        """Report that functions keep their code."""
        self.changes.append(Change('Failed', '.'.join((self.file.label(),) + move.names()), self.file.path,
                                   move.new.co_firstlineno, '%d made earlier keep the old code: %s' % (
                                       len(move.functions), why)))

    # ---- what runs

    def first(self):
        """Run new imports and functions, which only add names, so that edited functions find them."""
        for action in self.comparison.actions:
            item = action.new
            if action.kind != 'run' or action.old is not None or action.chain or self.is_out(action):
                continue
            node = item.node
            plain = isinstance(node, (_ast.Import, _ast.ImportFrom)) or isinstance(node, FUNCTION_NODES) and not (
                node.decorator_list or names_used([copy_node(node, body=[])]).reads.difference(
                    *[vars(module) for module in self.modules]))
            if plain and not any(name in vars(module) for module in self.modules for name in names_used([node]).sure):
                self.early.add(action)
                for module in self.modules:
                    self._do(module, action)

    def perform(self):
        """Run what is to run, in the order of the file, in each module that was loaded from it."""
        self.todo = [action for action in self.comparison.actions if action not in self.early]
        while self.todo:
            action = self.todo.pop(0)
            if action.kind == 'update' or action in self.signed:
                self._tell('Update', action)
                self._updated(action)
            elif not self.is_out(action):
                for module in self.modules:
                    self._do(module, action)

    def _do(self, module, action):
        try:
            getattr(self, '_do_' + action.kind)(module, action)
        except (Exception, SystemExit) as error:
            self._fail(action, error)

    def _fail(self, action, error):
        self._tell('Failed', action, error)
        if action.new is not None:
            self.failed.add((action.chain, action.new.full()))
            self.touched.add(action.top.index)

    def _tell(self, kind, action, error=None):
        """Add a line to the report, once for all modules of the file."""
        item = action.new or action.old
        line = _first_line(item.node) + 1 if item else 1
        if action.name:
            name = '.'.join((self.file.label(),) + action.chain + (action.name,))
        else:
            name = '%s:%d' % (os.path.basename(self.file.path), line)
        change = Change(kind, name, self.file.path, line, error)
        if change[:4] not in [other[:4] for other in self.changes]:
            self.changes.append(change)

    def _updated(self, action):
        """Tell caches, and those who hold on to a function's code, that it is new."""
        for module in self.modules:
            owner = resolve(module, action.chain)
            held = vars(owner).get(mangled(action.name, action.chain)) if action.name and owner else None
            clear, conform = getattr(held, 'cache_clear', None), getattr(held, '__conform__', None)
            if clear is not None:
                clear()
            functions = [held] if type(held) is FunctionType else [
                function for move in self._moves_of(action) for function in move.functions] if conform else []
            if conform is not None and functions:
                old = functions[0]
                new = FunctionType(old.__code__, old.__globals__, old.__name__, old.__defaults__, old.__closure__)
                dress(new, old)
                conform(new)

    def _do_sign(self, module, action):
        moves = self._moves_of(action)
        self._sign(module, action, moves)
        for move in moves:
            self.graft.fit(move)
        assign([self.graft])
        self._tell('Update', action)
        self._updated(action)

    def _do_doc(self, module, action):
        try:
            set_attribute(resolve(module, action.chain), '__doc__',
                          constant_value(action.new.node.value) if action.new else None)
        except (AttributeError, TypeError):     # a class, on 2.7
            pass

    def _do_delete(self, module, action):
        owner, name = resolve(module, action.chain), mangled(action.name, action.chain)
        if owner is not None and name in vars(owner):
            delattr(owner, name)
            settle_abstract(owner)
            self._tell('Delete', action)

    def _do_rename(self, module, action):
        gone = action.old
        source, owner = resolve(module, gone.chain), resolve(module, action.chain)
        name = mangled(gone.name, gone.chain)
        set_attribute(owner, mangled(action.name, action.chain), vars(source)[name])
        delattr(source, name)
        for function in [function for move in self._moves_of(action) for function in move.functions]:
            function.__name__ = action.name
            if hasattr(function, '__qualname__'):
                function.__qualname__ = '.'.join(action.chain + (action.name,))
        settle_abstract(owner)
        settle_abstract(source)
        self._tell('Delete', gone)
        self._tell('Add', action, 'was %s; what holds it follows' % '.'.join(gone.chain + (gone.name,)))

    def _do_run(self, module, action):
        owner, item, space = resolve(module, action.chain), action.new, vars(module)
        if owner is None:
            return                              # a class that is not there
        before = dict(vars(owner))
        if action.chain:
            after, made = run_apart(module, action.chain, [item.node], self.path, self.source.flags)
            pairs = pair(made, class_codes(action.top.codes, action.chain))
        else:
            execute(item.code, space)
            after = dict((name, value) for name, value in space.items()
                         if name != '__builtins__' and (name not in before or before[name] is not value))
            pairs = pair(item.codes, item.codes)
        for code, live, _ in pairs:
            self.file.alias(code, live)
        made = dict((id(code), live) for code, live, _ in pairs)
        for name, now in after.items():
            if name not in before:
                set_attribute(owner, name, now, action.chain)
            else:
                self._rebind(module, owner, action, name, before[name], now, made)
        settle_abstract(owner)
        new = item.name and mangled(item.name, action.chain) not in before
        self._tell('Add' if new else 'Update' if item.name else 'Run', action)

    def _rebind(self, module, owner, action, name, was, now, made):
        """Put `now` where `was` is, for its holders too. made: {id of code that ran: what it stands for}."""
        if not action.chain and self._is_bound_later(module, action, name, was):
            return
        if hasattr(was, 'cache_clear'):
            was.cache_clear()
        if hasattr(was, '__conform__') and not isinstance(was, class_types):
            was.__conform__(now)
        if isinstance(was, class_types) and isinstance(now, class_types) and was.__name__ == now.__name__:
            if absorb(was, now, action, self.file.owns):
                set_attribute(owner, name, was)
                replace_everywhere(now, was)
                return
            self._tell('Failed', action, 'objects made earlier keep the old class: its layout changed')
        elif type(was) is FunctionType and self.file.owns(was):
            live = made.get(id(getattr(now, '__code__', None)))
            if live is not None and was.__code__.co_freevars == live.co_freevars and (
                    live is was.__code__ or any(move.old is was.__code__ for move in self.graft.to(live))):
                was.__code__, was.__defaults__ = live, now.__defaults__
                dress(was, now)
                set_attribute(owner, name, was, action.chain)
                replace_everywhere(now, was)
                return
            if name in action.defined() and callable(now) and not isinstance(now, (staticmethod, classmethod)):
                redirect(was, now)
        set_attribute(owner, name, now, action.chain)
        self.rebound.append((module, action.chain, name, was, now))

    def _is_bound_later(self, module, action, name, was):
        """Whether an unchanged statement below binds the name, and wins; one that builds on it runs again."""
        known = [other.top.index for other in self.todo if other.top is not None]
        later = [item for item in self._binders(name, action.top.index) if item.index not in known][:1]
        for item in later:
            if name not in names_used([item.node]).reads and not getattr(item.node, 'decorator_list', ()):
                vars(module)[name] = was
                return True
            item.code = compile_nodes([item.node], self.path, self.source.flags)
            item.codes = children(item.code)
            for code, live, _ in pair(item.codes, self.source.codes[item.index]):
                self.file.alias(code, live)
            self.todo.insert(len([index for index in known if index < item.index]),
                             Action('run', (), item, item, item.name, item))
        return False


FILES = {}                  # {path: LiveFile}: one a process, since patches, recoders and loops must agree


def live_file(path):
    """The LiveFile of a path, made from the text that its module was loaded from."""
    known, file = fresh.texts.get(path), FILES.get(path)
    if file is None or known is not None and known[1] is not file.disk:     # loaded, or loaded again by other means
        if known is None:
            fresh.read(path)
            known = fresh.texts[path]
        file = FILES[path] = LiveFile(path, known[1])
    return file


def running_text(path):
    """The text that the modules of the file run, or None where it is not known."""
    return FILES[path].data if path in FILES else fresh.texts[path][1] if path in fresh.texts else None


def apply_plans(plans):
    """Do what the plans of one batch say; the list of Changes."""
    for plan in plans:
        plan.refine()
        plan.first()
    codes = {}
    for plan in plans:
        codes.update(plan.graft.find())
    functions = functions_with(codes) if codes else {}
    for plan in plans:
        plan.fit(functions)
    assign([plan.graft for plan in plans])
    for plan in plans:
        plan.perform()
    follow([item for plan in plans for item in plan.rebound], running_text)
    for plan in plans:
        plan.file.commit(plan)
    changes, files = [change for plan in plans for change in plan.changes], [plan.file for plan in plans]
    for plan in plans:                          # frees old code now and not when the collector comes to the circle
        vars(plan).clear()
    del functions, codes
    if len(sys._current_frames()) > 1:
        catch_up(files)
    return changes


def catch_up(files):
    """Give new code to functions that were made with old code since: by other threads, or by frames that run on."""
    codes = {}
    for file in files:
        codes.update((id(alias), (alias, code)) for alias, code in file.live_aliases())
    found = functions_with(dict((number, alias) for number, (alias, _) in codes.items())) if codes else {}
    for number, functions in found.items():
        old, new = codes[number]
        if parameters(old) == parameters(new) and old.co_freevars == new.co_freevars:
            for function in functions:
                function.__code__ = new


def apply_saves(paths):
    """Bring the modules of the files up to date with what these hold now; the list of Changes."""
    plans, changes = [], []
    for path in paths:
        try:
            file, data = live_file(path), read_bytes(path)
            if data != file.disk and data:      # an editor may empty a file before it writes
                file.disk = fresh.read(path)
                plans.append(file.prepare(file.disk))
        except EnvironmentError:                # deleted: the modules go on
            pass
        except (SyntaxError, ValueError, TypeError) as error:
            changes.append(Change('Failed', os.path.basename(path), path, getattr(error, 'lineno', None), error))
    order = fresh.stale_modules([plan.file.path for plan in plans]) if len(plans) > 1 else []
    plans.sort(key=lambda plan: min([order.index(module.__name__) for module in plan.modules
                                     if module.__name__ in order] or [len(order)]))     # dependencies first
    return changes + apply_plans(plans)


class LivePatch(Step):
    """A step that brings the loaded modules up to date with their changed files, in place.

    patterns: which modules: a folder (everything below it), a file, or a pattern as of fnmatch, whose `*`
    crosses `/`; default: the current folder. "/" means all. The files of modules are looked at, nothing is
    searched on disk.

    >>> LivePatch('no such folder').apply()
    []
    """

    def __init__(self, *patterns):
        self.patterns, roots, named = [], [], []
        for pattern in patterns or ('.',):
            for part in pattern if isinstance(pattern, (list, tuple)) else [pattern]:
                path = module_path(part) if isinstance(part, type(sys)) else os.path.abspath(path_text(part))
                if path is None:
                    raise HotloadError('cannot patch %r: expected a path, a pattern or a module with a file' % (part,))
                if os.path.isdir(path):
                    path = os.path.join(path, '*')
                self.patterns.append(path)
                (roots if '*' in path else named).append(re.split(r'[*?\[]', path)[0] if '*' in path else path)
        fresh.install([root if root.endswith(os.sep) else os.path.dirname(root) for root in roots], named)
        self.known, self.seen = {}, 0
        self.files()

    def close(self):
        """Stop loading modules anew for this step."""
        fresh.remove()

    def files(self):
        """The paths of the loaded modules that the patterns accept. Takes note of the text of new ones."""
        import fnmatch
        for module in list(sys.modules.values()):
            path = module_path(module) if isinstance(module, type(sys)) else None
            if path is not None and path not in self.known:
                wanted = path.endswith('.py') and path != os.path.abspath(OWN_FILE) and any(
                    fnmatch.fnmatchcase(path, pattern) for pattern in self.patterns)
                self.known[path] = wanted and os.path.exists(path)
                if self.known[path] and path not in fresh.texts:
                    fresh.read(path)
                    if is_newer(module, path):
                        report(live_file(path).catch_up())
        return [path for path, wanted in self.known.items() if wanted]

    def run(self, changed=()):
        """Apply what changed, and say so."""
        wanted = set(self.files())
        report(self.apply([path for path in changed if path in wanted]))

    def apply(self, path=None):
        """Apply the changes of one file, of a list of files, or of all that changed. The list of Changes.

        Nothing is changed when a file does not compile; that is the Change 'Failed'.
        """
        paths = self.files() if path is None else [path] if isinstance(path, string_types) else path
        return apply_saves([path for path in map(os.path.abspath, map(path_text, paths))
                            if path in fresh.texts or self.known.get(path, True)])


COLOURS = {'Update': '\x1b[33m', 'Add': '\x1b[32m', 'Delete': '\x1b[35m', 'Run': '\x1b[36m', 'Watch': DIM,
           'Failed': RED}


def report(changes):
    """Say what was changed, a line each."""
    for change in changes:
        say(str(change), colour=COLOURS[change.kind])
