##############################################################################
## 14. Statements -- run one, and see what it did
##############################################################################
#
# Gives to those below Statements, whose execute_unit() runs a statement in the namespace as it should be there and
# makes the Record of it. Execution is one such run.
#
# Before: all that the statement can reach is found from the names in its text, the functions and classes that
# their values reach, and the names that these use (reach()), and is put in place. After: what was bound is seen
# from the namespace, what was changed in place from the surveys of all that it could reach, and of what shares
# objects with that. So nothing is assumed of functions and methods that are called.
#
# What is given to or taken from modules and classes of others (patched functions) are names, too: '@o:module';
# the local modules that are imported are '@m:module', and hold the module.

ABSENT = object()           # stands for an attribute that is not there
LOOSE = frozenset('setattr delattr patch __dict__ vars __setattr__'.split())    # may set any attribute


class Execution(object):
    """One execution of a statement. unit.      keeper: the Statements.      record: the Record that is made.

    reads: names that it may read.      uses: [CodeUses] of it and of the functions it may call.      wild: whether
    it may use any name.      shared: modules of others that it reaches.      near: the reads that are there.
    watch: near, and what shares with it.      before: {name in watch: Survey}.      inert: whether it calls nothing.
    imports: whether it may import.      hidden: state of the process before.      held: the namespace before.
    points: what it may patch.      error: what it raised, as sys.exc_info().
    bound, gone: names that it bound, and deleted.      changed: {name whose value it changed in place: new Survey}.
    lost: {name that it bound or deleted, after it changed the old value in place: new Survey of that}.
    dying: Entries that no longer hold their version.      births: {name in before: births}.
    """

    def __init__(self, keeper, unit):
        self.keeper, self.unit, self.bound, self.gone = keeper, unit, set(), []
        self.changed, self.lost, self.dying, self.error, self.running = {}, {}, [], None, False

    # -- before

    def prepare(self):
        """Put everything in place that the statement may reach. Raises Again when a value is missing."""
        keeper, state, at = self.keeper, self.keeper.state, self.keeper.state.at
        self.reads, self.uses, self.wild, self.shared = keeper.reach(self.unit)
        self.near = [name for name in self.reads if name in at and name not in SETTERS]
        watch = set(self.near)
        for name in self.near:
            watch.update(state.share.get(name, ()))
        if state.holders:
            for name in chain(self.unit.facts.writes, *[used.sets for used in self.uses]):
                watch.update(state.holders_of(name))
        self.watch = set(name for name in watch if name in at and has_value(name))
        keeper.need(self.watch)
        if keeper.drop_outdated([keeper.heap.get(at[name]) for name in self.watch]):
            keeper.need(self.watch)
        before = [(name, keeper.survey_of(name)) for name in self.watch]
        self.before = dict((name, found) for name, found in before if found is not NOTHING)
        facts = self.unit.facts
        self.inert = not self.wild and (facts.inert or facts.calm and not self.before and len(self.uses) == 1)
        self.imports = any(used.imports for used in self.uses)
        if self.imports:
            for name in list(fresh.modules):    # what is not imported at this place is imported anew
                if '@m:' + name not in at and name in sys.modules and sys.modules[name] is not keeper.space:
                    purge_modules([name])
        self.points = [] if self.inert else keeper.patch_points(self)
        self.hidden = None if self.inert else keeper.set_hidden()

    def perform(self, muted):
        """Run it. Sets .error and makes .record."""
        observer, names, unit, value = self.keeper.observer, self.keeper.names, self.unit, None
        self.held = dict(names)
        observer.clear()
        observer.muted, begin, observer.on = muted, clock_s(), True
        try:
            if unit.is_value:
                value = eval(unit.code, names)
            else:
                execute(unit.code, names)
        except BaseException:                   # whatever it is: what was done until then counts
            observer.on = False
            kind, error, trace = sys.exc_info()
            self.error = kind, error, users_trace(trace)
            with suppress(AttributeError, TypeError):       # on 2.7 it has none of its own
                error.__traceback__ = self.error[2]
        finally:
            observer.on = False
        self.record = record = Record(key=unit.facts.key, seconds=clock_s() - begin)
        record.output = [(which, ''.join(texts)) for which, texts in observer.output]
        record.files, record.wrote, record.doubt = dict(observer.files), dict(observer.wrote), observer.doubt
        record.environment, record.error = dict(observer.environment), self.error
        if value is not None and not self.keeper.is_local(type(value).__module__):
            with suppress(Exception):           # its own __repr__
                record.shown = repr(value)[:1000]

    # -- after

    def observe(self):
        """Fill the Record with what the statement did."""
        self._see_bindings()
        self._see_threads()
        self._see_changes()
        self._see_modules()
        self._see_reads()
        self._name_it()
        self._see_results()

    def _see_bindings(self):
        names, keeper, held = self.keeper.names, self.keeper, self.held
        bound = set() if self.error else set(name for name in self.unit.facts.sure if name in names)
        if not self.inert or self.error:
            known = list(held)
            same = list(map(operator.is_, map(names.get, known), held.values()))
            if not all(same):
                bound.update(compress(known, map(operator.not_, same)))
            new = sum(1 for name in bound if name not in held) - sum(1 for name in bound if name not in names)
            if len(names) != len(held) + new:
                bound.update(set(names).difference(held))
        self.gone = [name for name in bound if name not in names]
        self.bound = set(name for name in bound if name in names and not is_dunder(name))
        self.record.gone = tuple(name for name in self.gone if name in keeper.state.at)
        for name in self.gone:
            keeper.placed.pop(name, None)
        for name in self.bound:
            keeper.placed.pop(name, None)
            value = names[name]
            if type(value) in (Spy, Tee):       # a script's own name for sys.stdout or open
                value = names[name] = value.tee_real if type(value) is Tee else value.real
            if type(value) is FunctionType or isinstance(value, class_types):
                keeper.space_of.owners[id(value)] = name

    def _is_rebound(self, name):
        return name in self.bound or name in self.gone

    def _see_threads(self):
        """While a thread of the script runs, everything may change at any time: look at all."""
        keeper, at = self.keeper, self.keeper.state.at
        self.running = any(thread not in keeper.alive for thread in other_threads())
        if not self.running:
            return
        self.record.doubt = self.record.doubt or 'a thread is running'
        try:
            keeper.need(list(at))
        except Again:                           # what it did cannot be seen now, so none of this is good any more
            for name in self.before:
                if keeper.heap.get(at[name]) is not None:
                    keeper.heap.drop(keeper.heap.get(at[name]))
            raise
        for name in at:
            if has_value(name) and name not in self.before and not self._is_rebound(name):
                self.before[name] = keeper.survey_of(name)

    def _see_changes(self):
        """What was changed in place: among what the statement could reach, and what shares objects with that."""
        keeper, at, heap, space = self.keeper, self.keeper.state.at, self.keeper.heap, self.keeper.space_of
        for name, was in self.before.items() if not self.inert or self.running else ():
            if (was.ids or was.opaque) and not was.still_holds(space):
                if self._is_rebound(name):
                    self.lost[name] = survey(self.held.get(name), space)
                else:
                    self.changed[name] = survey(heap.get(at[name]).value, space)
        for name in chain(self.bound, self.gone):
            holders = self.record.rebound[name] = keeper.state.holders_of(name)
            for one in holders:                 # only they reach the old function or class now
                if not self._is_rebound(one) and one in self.before and one not in self.changed:
                    self.changed[one] = survey(heap.get(at[one]).value, space)
            if holders:
                self.reads.update(holders)
                self.reads.add(name)
        touched = set()
        for name, found in chain(self.changed.items(), self.lost.items()):
            touched |= found.ids
            touched |= self.before[name].ids
        self.births = dict((name, heap.get(at[name]).births) for name in self.before)
        for entry in heap.sharing(touched) if touched else ():
            name = name_of(entry.version)
            is_current = at.get(name) == entry.version
            if is_current and name in self.before:
                if name in self.changed or name in self.lost:
                    self.dying.append(entry)
            elif not entry.survey.still_holds(space):
                self.dying.append(entry)
                if is_current and not self._is_rebound(name):
                    self.before[name], self.births[name] = entry.survey, entry.births
                    self.changed[name] = survey(entry.value, space)
        self.has_changed = bool(touched)

    def _see_modules(self):
        """The local modules that the statement imported, and the files that it depends on by that."""
        if not self.imports:
            return
        keeper, record = self.keeper, self.record
        self.bound.update('@m:' + name for name in fresh.modules
                          if name in sys.modules and '@m:' + name not in keeper.state.at)
        needed = modules_of(self.uses)
        if needed is None:
            needed = set(fresh.modules)
        else:
            self.reads = set(name for name in self.reads if name[:3] != '@m:' or name[3:] in needed)
        self.reads.update('@m:' + name for name in needed)      # also those that were not there
        for name in needed:
            paths = [fresh.modules[name]] if name in fresh.modules and name in sys.modules else []
            for path in paths + fresh.missing.get(name, []):
                record.files.setdefault(path, keeper.observer.print_of(path))

    def _see_reads(self):
        """What the statement read: names, the state of the process, patched modules; and why it is in doubt."""
        keeper, record, at = self.keeper, self.record, self.keeper.state.at
        reads = set(name for name in self.reads if name not in SETTERS).union(self.changed)
        self.patches = {}
        if not self.inert:
            reads.update(READ_BY_ALL)
            reads.add('@depends')
            reads.update(keeper.modules_read)
            keeper.hidden_now = hidden_state()
            for name, value in keeper.hidden_now.items():
                if name not in self.hidden or value != self.hidden[name]:   # or its module was loaded just now
                    reads.add(name)
                    record.states[name] = value
            self.patches = keeper.see_patches(self.points)
            reads.update(self.patches)
            record.doubt = record.doubt or keeper.doubt(self)
        if self.unit.facts.mark == 'keep':
            record.doubt = None
        fixed = self.unit.facts.reads
        record.names = fixed + tuple(sorted(reads.difference(fixed)))
        record.versions, record.fixed = tuple(map(at.get, record.names)), len(fixed)
        record.whole = keeper.whole() if self.wild else None
        for name in chain(self.changed, self.lost):
            record.partners[name] = dict((mate, at.get(mate)) for mate in keeper.state.share.get(name, ()))

    def _name_it(self):
        """What tells this execution from all others: .root, of which the versions are made."""
        record, keeper, salt = self.record, self.keeper, ''
        record.likeness = short_hash(record.key, repr(record.names), repr(record.versions), record.whole or '',
                                     repr(sorted(record.files.items())), repr(sorted(record.environment.items())))
        record.time = keeper.state.times.get(record.likeness, 0)
        if self.error or record.doubt or record.wrote and keeper.because:
            salt = '%s %s' % (time.time(), next(keeper.store.numbers))
        if self.error or record.doubt or self.unit.facts.mark == 'rerun':
            record.run = keeper.runs
        self.root = short_hash(record.likeness, str(record.time), salt)

    def _see_results(self):
        """The versions and Entries of what the statement bound or changed, and what shares objects now."""
        keeper, record, at, heap = self.keeper, self.record, self.keeper.state.at, self.keeper.heap
        results = dict((name, self._result(name)) for name in sorted(self.bound.union(self.changed)))
        for name, value in self.patches.items():
            record.outs[name] = '%s %s' % (self.root, name)
            heap.put(record.outs[name], value, NOTHING, {})
        for name, value in record.states.items():
            record.outs[name] = '%s %s' % (short_hash(repr(value)), name)
            keeper.states[record.outs[name]] = value
        if self.unit.facts.bare and keeper.observer.depended:
            record.outs['@depends'] = '%s @depends' % short_hash(
                at.get('@depends', ''), *['%s' % record.files.get(path) for path in keeper.observer.depended])
        for entry in self.dying:
            heap.drop(entry)
        keeper.serial += 1
        for name, (value, found) in results.items():
            self._enter(name, value, found)
        self.after = dict(at)
        for name in record.gone:
            del self.after[name]
        self.after.update(record.outs)
        record.near = dict((name, at[name]) for name in self.watch.union(self.near))
        for name, (_, found) in results.items():
            self._see_sharing(name, found)

    def _result(self, name):
        """(value, Survey) of a name that was bound or changed; gives it its version."""
        value = self.keeper.value_of(name)
        if is_plain(value):
            self.record.values[name], self.record.outs[name] = value, atom_version(value)
            return value, NOTHING
        self.record.outs[name] = '%s %s' % (self.root, name)
        found = self.changed.get(name)
        if found is None and not self.has_changed:
            for other, known in self.before.items():        # another name of an object that was looked at before
                if other in self.held and self.held[other] is value and other != name:
                    found = known
        return value, found or survey(value, self.keeper.space_of)

    def _enter(self, name, value, found):
        keeper, record, heap = self.keeper, self.record, self.keeper.heap
        version = record.outs[name]
        entry = heap.get(version)
        if entry is None or found is not NOTHING:
            sources = [one for one in self.before if not self.before[one].ids.isdisjoint(found.ids)]
            births, old = {}, [self.before[one].ids for one in sources]
            if found.ids.difference(*old) if old else found.ids:
                births[self.root] = keeper.serial
            for one in sources:
                births.update(self.births[one])
            entry = heap.put(version, value, found, births)
            record.sources[name] = tuple(sorted(set(sources).intersection(self.near)))
        entry.used, keeper.placed[name] = keeper.runs, version
        if name[:3] != '@m:':
            keeper.names[name] = value

    def _see_sharing(self, name, found):
        record, heap, after = self.record, self.keeper.heap, self.after
        if found.ids:
            mates = set(name_of(other.version) for other in heap.sharing(found.ids)
                        if after.get(name_of(other.version)) == other.version)
            record.after[name] = tuple(sorted(mates.difference([name])))
        if found.soft:
            record.soft[name] = tuple(sorted(found.soft))
            for one in found.soft:              # the class of an instance must be the one that is there
                mate = heap.get(after.get(one))
                if mate is not None:
                    heap.get(record.outs[name]).births.update(mate.births)


def has_value(name):
    """Whether the name stands for an object that can be surveyed, and not for state of the process."""
    return name[0] != '@' or name[:3] == '@m:'


def is_dunder(name):
    """Whether the name is one of Python's own, such as __name__."""
    return name[:2] == '__' == name[-2:]


def modules_of(uses):
    """Names of the local modules that code with these CodeUses may import, with what those import; None: any."""
    found, todo = set(), set(name for used in uses for name in used.imports)
    if any('import_module' in used.attributes for used in uses):
        return None
    todo.update('%s.%s' % (module, name) for used in uses for module in used.imports for name in used.attributes)
    todo = set(name for name in todo if name in fresh.modules or name in fresh.missing)
    for name in list(todo):
        while '.' in name:
            name = name.rpartition('.')[0]
            todo.add(name)
    while todo:
        name = todo.pop()
        found.add(name)
        more = fresh.imports_of(name) if name in fresh.modules else ()
        if None in more:
            return None
        todo.update(one for one in more if one not in found and (one in fresh.modules or one in fresh.missing))
    return found


class Statements(Values):
    """Runs statements in the namespace as it should be where they stand.

    observer: the Observer.      originals: {'@o:module': {attribute: its value before the script set it}}.
    modules_read: {'@o:module': module or class of others that the statement reaches}.      hidden_now: the state of
    the process, where it is known.      because: what changed outside, so that the statement runs, or None.
    shown: indices of statements whose output was shown in this run.      ran: {index: (reason, seconds)}.
    distrust: whether a name was missing that nothing seemed to read; then all are put in place.
    """

    def _begin_statements(self):
        self.observer, self.originals, self.modules_read, self.hidden_now = None, {}, {}, None
        self.because, self.shown, self.ran, self.distrust, self.alive = None, set(), {}, False, []

    def execute_unit(self, index, unit):
        """Run the statement; its Record. Raises Again when a value is missing."""
        if unit.code is None:
            unit.compile(self.source.nodes(unit.chunk, unit.chunk + 1)[0], self.path, unit.chunk == 0)
        reason, one = self.reason(index, unit), Execution(self, unit)
        one.prepare()
        one.perform(index in self.shown)
        self.shown.add(index)
        self.forced.discard(index)
        one.observe()
        record = one.record
        self.ran[index] = reason, self.ran.get(index, (0, 0))[1] + record.seconds
        self._remember(record)
        if one.error is None:
            if not record.run:
                self.keep_snapshot(record)
        elif not isinstance(one.error[1], (Exception, SystemExit)):
            raise one.error[1]
        elif self._is_unplaced(one.error[1]):
            self.distrust = True
            raise Again
        return record

    def _remember(self, record):
        group = self.records.setdefault(record.group(), [])
        group[:] = [other for other in group if other.likeness != record.likeness or other.time != record.time][-7:]
        group.append(record)
        if not record.error:
            self.latest[record.key] = record
        self.new.append(record)

    def _is_unplaced(self, error):
        """Whether the error tells of a name that should be there, but was not placed since nothing read it."""
        found = re.match(r"(?:global )?name '(\w+)' is not defined", str(error))
        return isinstance(error, NameError) and found is not None and not self.distrust and (
            found.group(1) in self.state.at and found.group(1) not in self.placed)

    def reach(self, unit):
        """What the statement may read, put in place: (names, [CodeUses], whether it may be any, modules of others)."""
        at, names, uses, wild, shared = self.state.at, set(), [unit.uses], unit.uses.wild or self.distrust, []
        todo = set(unit.facts.reads)
        if unit.uses.imports or unit.facts.stars:
            todo.update(name for name in at if name[:3] == '@m:')
        while todo or wild and not names:
            if wild:
                todo.update(name for name in at if name not in SETTERS)
                names.add('')
            todo -= names
            names |= todo
            wave = [name for name in todo if name in at]
            self.need(wave)
            todo = set()
            for name in wave:
                if not has_value(name):
                    continue
                found = self.survey_of(name)
                if found is NOTHING:
                    continue
                todo |= found.refs
                todo.update(found.soft)
                uses += found.uses
                shared += found.shared
                for used in found.uses:
                    wild |= used.wild
                    if used.imports:
                        todo.update(name for name in at if name[:3] == '@m:')
            wild = wild or any(item.__name__.partition('.')[0] in WILD_MODULES for item in shared)
            todo -= names
        return names.difference(['']), uses, wild, shared

    def patch_points(self, one):
        """[(hidden name, module or class of others, attribute, its value)] that the statement may change."""
        puts = set(name for used in one.uses for name in used.puts)
        attributes = set(name for used in one.uses for name in used.attributes)
        loose = bool(LOOSE.intersection(attributes) or any(LOOSE.intersection(used.names) for used in one.uses))
        found, todo = {}, list(one.shared)
        todo += [value for value in map(self.names.get, one.near) if isinstance(value, class_types)
                 and not self.is_local(value.__module__)]
        while todo:
            item = todo.pop()
            is_class = isinstance(item, class_types)
            hidden = '@o:%s.%s' % (item.__module__, item.__name__) if is_class else '@o:' + item.__name__
            if hidden not in found:
                found[hidden] = item
                inside = () if is_class else attributes.intersection(vars(item))
                todo += [part for part in map(vars(item).get, inside)
                         if isinstance(part, types.ModuleType) and not self.is_local(part.__name__)
                         or isinstance(part, class_types) and not self.is_local(part.__module__)]
        self.modules_read, points = found, []
        for hidden, item in found.items():
            self._set_patches(hidden, item)
            points += [(hidden, item, name, vars(item).get(name, ABSENT)) for name in (vars(item) if loose else puts)]
        return points

    def _set_patches(self, hidden, item):
        """Bring a module of others to what it is at this place."""
        known = self.originals.get(hidden)
        if known is None:
            return
        version = self.state.at.get(hidden)
        entry = self.heap.get(version) if version else None
        if version and entry is None:
            self.force([[hidden]])
            raise Again
        values = entry.value if entry else {}
        for name, value in known.items():
            wanted = values.get(name, value)
            if wanted is ABSENT:
                if name in vars(item):
                    delattr(item, name)
            elif vars(item).get(name, ABSENT) is not wanted:
                setattr(item, name, wanted)

    def see_patches(self, points):
        """{hidden name: {attribute: value}} of the modules of others that the statement changed."""
        found = {}
        for hidden, item, name, was in points:
            now = vars(item).get(name, ABSENT)
            if now is not was:
                self.originals.setdefault(hidden, {}).setdefault(name, was)
                old = self.heap.get(self.state.at.get(hidden))
                found.setdefault(hidden, dict(old.value) if old else {})[name] = now
        return found

    def set_hidden(self):
        """Bring the state of the process to where the script stands; it, as {hidden name: state}."""
        now, at, missing = self.hidden_now or hidden_state(), self.state.at, []
        for name in now:
            version = at.get(name, 'start ' + name)
            if version not in self.states:
                if version[:6] == 'start ':
                    self.base[name] = self.states[version] = now[name]
                else:
                    missing.append([name])
                continue
            if now[name] != self.states[version]:
                with suppress(Exception):
                    SETTERS[name](self.states[version])
                now[name] = self.states[version]
        self.hidden_now = now
        if missing:
            self.force(missing)
            raise Again
        return now

    def doubt(self, one):
        """Why the statement's outcome cannot be known, as it reads the clock or the like; or None."""
        for used in one.uses:
            names = used.attributes & CLOCK_NAMES
            for item in one.shared if names else ():
                found = names & CLOCKS.get(item.__name__, frozenset())
                if found:
                    return 'it uses %s.%s' % (item.__name__, sorted(found)[0])
            for name in CLOCKS[builtins.__name__] & used.names:
                if name not in self.state.at:
                    return 'it uses %s' % name
        for name in one.near:
            value = self.names.get(name)
            module = getattr(value, '__module__', None) if not is_plain(value) else None
            known = CLOCKS.get(module) if isinstance(module, str) else None
            if known:
                own = getattr(value, '__name__', None)
                if own in known:
                    return 'it uses %s' % own
                if isinstance(value, class_types):
                    for used in one.uses:
                        if used.attributes & known:
                            return 'it uses %s.%s' % (own, sorted(used.attributes & known)[0])
        return None

    def value_of(self, name):
        """The object that the name has now, also if it is not placed."""
        if name[:3] == '@m:':
            return sys.modules[name[3:]]
        return self.names[name] if name in self.names else self.heap.get(self.state.at[name]).value
