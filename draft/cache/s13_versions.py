##############################################################################
## 13. Versions -- which value a name should have, and where it is
##############################################################################
#
# Gives to those below State, which name has which version at a place of the script; Record, one execution of a
# statement, which tells what it would do again; and Values, which finds the objects for versions.
#
# A version is a hash of the statement that bound or changed the name and of the versions that this read; numbers
# and texts are their own version. So it tells what the value is without having it. Values knows living objects
# (Heap), until something changes them in place; snapshots in a Store, of names that share objects together; and
# as the last way forces a statement to run again, with those that it needs: it notes them and raises Again.
#
# Living objects of several names must come from one and the same execution of each statement that made parts of
# them; else what they should share is not shared. So an Entry knows the births of its objects.

import marshal

KEEP_RUNS = 30              # a record or a value that was not used in so many runs is forgotten
SNAPSHOT_S = 0.005          # a snapshot may take so long, or half as long as its statement did
CHEAP_S = 0.002             # what takes less is computed again rather than kept
OBJECT_S = 0.1e-6           # it takes about so long to pickle an object, until more is known


def name_of(version):
    """The name that a version belongs to ('' for one by value)."""
    return version.partition(' ')[2]


def atom_version(value):
    """The version of a number, text or the like: its value."""
    text = repr(value)
    return '%s:%s' % (type(value).__name__, short_hash(text) if len(text) > 60 or ' ' in text else text)


def is_plain(value):
    """Whether a value is told by its text alone."""
    return type(value) in PLAIN


class Record(object):
    """One execution of a statement. key: of its Facts.      names, versions: what it read; the first `fixed` of them
    are known from its text.      whole: hash of all versions, where it may have read any name.      time: how often
    it had run like this before in the run, and likeness, a hash of all that.      files: {path: print} that it read.
    wrote: {path: print} that it wrote.      environment: {variable: value} that it read.      partners: {name that
    it changed in place: {name that shared with it: version}}.      outs: {name: version} that it bound or changed.
    values: {name: value} of plain ones.      states: {hidden name: state}.      gone: names that it deleted.
    after: {name: names that shared with it then}.      sources: {name: names read whose objects it holds}.      near:
    {name: version} of the partners of what it read.      soft: {name that it bound or changed: names of functions and
    classes that it reaches}.      rebound: {name that it bound or deleted: {name that reached its old value: version}}.
    output: [(is it stderr, text)].      shown: the value of a
    bare expression, as text, or None.      seconds.      doubt: why it must run each time, or None.
    error: what it raised, as sys.exc_info().      run: the only run that it is good
    for, or 0.      used: the last run that used it.
    """

    FIELDS = ('key', 'names', 'versions', 'fixed', 'whole', 'time', 'likeness', 'files', 'wrote', 'environment',
              'partners', 'outs', 'values', 'states', 'gone', 'after', 'sources', 'near', 'soft', 'rebound', 'output',
              'shown', 'seconds', 'doubt')
    __slots__ = FIELDS + ('error', 'run', 'used', 'saved')

    def __init__(self, **parts):
        for name in self.FIELDS:
            setattr(self, name, parts.get(name))
        if 'outs' not in parts:
            self.gone, self.values, self.states, self.partners, self.outs, self.after = (), {}, {}, {}, {}, {}
            self.sources, self.near, self.soft, self.rebound = {}, {}, {}, {}
        self.error, self.run, self.used, self.saved = None, 0, 0, False

    def data(self):
        """It as a tuple that marshal takes."""
        return tuple(getattr(self, name) for name in self.FIELDS)

    def group(self):
        """What a lookup goes by."""
        return (self.key,) + self.versions[:self.fixed]


class Entry(object):
    """A living object that holds a version. value.      survey.      births: {event: serial}: the executions that
    made the objects in it, and which time of these.      used: the last run that used it.      dead: whether it no
    longer holds the version."""

    __slots__ = ('version', 'value', 'survey', 'births', 'used', 'dead')

    def __init__(self, version, value, found, births):
        self.version, self.value, self.survey, self.births = version, value, found, births
        self.used, self.dead = 0, False


def outdated(entries):
    """Those of the Entries whose objects were made again meanwhile, for others of them.

    One event must have made the objects of one and all the same time: else what they should share is not shared.
    """
    newest = {}
    for entry in entries:
        for event, serial in entry.births.items():
            if newest.setdefault(event, serial) < serial:
                newest[event] = serial
    return [entry for entry in entries if any(newest[event] != serial for event, serial in entry.births.items())]


class Heap(object):
    """The living objects. entries: {version: Entry}.      holders: {id of an object: Entries that reach it}."""

    def __init__(self):
        self.entries, self.holders, self.garbage = {}, {}, 0

    def get(self, version):
        """The Entry of a version, or None."""
        return self.entries.get(version)

    def put(self, version, value, found, births):
        """A new Entry; an older one of the version dies."""
        old = self.entries.get(version)
        if old is not None:
            self.drop(old)
        entry = self.entries[version] = Entry(version, value, found, births)
        self.note(entry)
        return entry

    def note(self, entry):
        """Enter what an Entry reaches."""
        ids = entry.survey.ids
        if ids:
            new = ids.difference(self.holders)
            self.holders.update(dict.fromkeys(new, (entry,)))
            if len(new) < len(ids):
                shared = list(ids.difference(new))
                holders = list(map(self.holders.get, shared))
                more = dict((group, tuple(other for other in group if not other.dead and other is not entry) + (entry,))
                            for group in set(holders))
                self.holders.update(zip(shared, map(more.get, holders)))

    def drop(self, entry):
        """Forget a living object."""
        if not entry.dead:
            entry.dead = True
            if self.entries.get(entry.version) is entry:
                del self.entries[entry.version]
            self.garbage += len(entry.survey.ids)
            entry.value, entry.survey = None, NOTHING
            if self.garbage > 10000 + len(self.holders) // 2:
                self.garbage, self.holders = 0, {}
                for other in list(self.entries.values()):
                    self.note(other)

    def sharing(self, ids):
        """The Entries that reach one of these objects."""
        known = ids.difference(ids.difference(self.holders))
        return set(entry for group in set(map(self.holders.get, known)) for entry in group if not entry.dead)


class State(object):
    """What holds at one place of the script, by names and versions only. at: {name: version}.      share: {name: set
    of names that may share objects with it}.      times: {likeness: how often}.      makers: {version: index of the
    statement}.      soft: {name: names of functions and classes that it reaches}, and holders, the reverse."""

    def __init__(self):
        self.at, self.share, self.times, self.makers, self.soft, self.holders = {}, {}, {}, {}, {}, {}

    def apply(self, record, index):
        """Go over a statement that ran, or would have run, like this."""
        at, share = self.at, self.share
        self.times[record.likeness] = self.times.get(record.likeness, 0) + 1
        was = {}
        for name in record.sources and set(chain.from_iterable(record.sources.values())):
            was[name] = set(share.get(name, ()))
        for name in record.gone:
            at.pop(name, None)
            self._part(name)
            self._set_soft(name, ())
        for name, version in record.outs.items():
            at[name] = version
            self.makers[version] = index
            if name in self.soft or name in record.soft:
                self._set_soft(name, record.soft.get(name, ()))
            if name in share:
                self._part(name)
        for name, mates in record.after.items():
            found = set(mate for mate in mates if mate in at and (
                mate in record.outs or record.near.get(mate, at[mate]) == at[mate]))
            for source in record.sources.get(name, ()):
                found.update(mate for mate in was[source] if mate in at and record.near.get(mate) != at[mate]
                             and mate not in record.outs)
                if source in at and source not in record.outs and source in mates:
                    found.add(source)
            found.discard(name)
            if found:
                share.setdefault(name, set()).update(found)
                for mate in found:
                    share.setdefault(mate, set()).add(name)

    def _set_soft(self, name, soft):
        for one in self.soft.pop(name, ()):
            self.holders[one].discard(name)
        if soft:
            self.soft[name] = soft
            for one in soft:
                self.holders.setdefault(one, set()).add(name)

    def holders_of(self, name):
        """{name that reaches the function or class of that name: version}."""
        return dict((one, self.at[one]) for one in self.holders.get(name, ()) if one != name and one in self.at)

    def _part(self, name):
        for mate in self.share.pop(name, ()):
            self.share.get(mate, set()).discard(name)

    def group(self, name):
        """The names that are connected with it by sharing, itself included."""
        found, todo = set(), [name]
        while todo:
            one = todo.pop()
            if one not in found and one in self.at:
                found.add(one)
                todo.extend(self.share.get(one, ()))
        return found


class Again(Exception):
    """A value is missing: the statements that make it must run, from the begin."""


class Values(object):
    """Finds the objects that hold versions, and puts them into the namespace.

    names: the namespace.      state: the State at the statement that is looked at.      heap: the Heap.
    store: a Store.      snapshots: {((name, version), ...): (address, {name of a class: version}, events)}.
    kept_in: the versions in snapshots.      placed: {name: version} that stands in the namespace.      forced:
    indices of statements that must run again.      records_of: {index: Record} so far.      space_of: the Space
    of surveys.      runs: how many runs there were.      serial: counts what makes objects.
    restored: the versions that came from snapshots in this run.
    """

    def _begin_values(self, store):
        self.store, self.heap, self.snapshots, self.kept_in, self.mine = store, Heap(), {}, {}, []
        self.placed, self.forced, self.records_of, self.new, self.segments = {}, set(), {}, [], []
        self.records, self.latest, self.states, self.state, self.runs = {}, {}, {}, None, 0
        self.object_s, self.serial, self.restored = OBJECT_S, 0, set()

    def _are_sound(self, names):
        """Whether living objects hold the versions of all these names, and belong together; drops those that do
        not."""
        entries = [self.heap.get(self.state.at[name]) for name in names]
        if None in entries:
            return False
        if len(entries) == 1 and not entries[0].survey.soft:
            return True
        for entry in list(entries):
            entries += [other for other in map(self.heap.get, map(self.state.at.get, entry.survey.soft))
                        if other is not None]
        return not self.drop_outdated(entries)

    def drop_outdated(self, entries):
        """Drop those of the Entries whose objects were made again meanwhile; these."""
        old = outdated(entries)
        for entry in old:
            self.heap.drop(entry)
            self.unplace(name_of(entry.version))
        return old

    def need(self, names):
        """Put the values of these names, and of those that share with them, into the namespace. Raises Again."""
        at, missing, seen = self.state.at, [], set()
        todo = list(names)
        for name in todo:
            version = at.get(name)
            if version is None or name in seen or name in SETTERS or name == '@depends' or name[:3] == '@o:':
                continue
            if self.placed.get(name) == version and name not in self.state.share:
                entry = self.heap.get(version)
                if entry is not None and not entry.survey.soft:
                    continue
            if not self.state.share.get(name):
                group = [name]
                seen.add(name)
            else:
                group = sorted(self.state.group(name))
                seen.update(group)
            if self._are_sound(group) or self._restore(group):
                self._place(group)
                for one in group:               # the classes of instances must be there before these are looked at
                    todo += self.heap.get(at[one]).survey.soft
            else:
                missing.append(group)
        for name in names:
            if name[:3] == '@o:' and name in at and self.heap.get(at[name]) is None:
                missing.append([name])
        if missing:
            self.force(missing)
            raise Again

    def _place(self, group):
        for name in group:
            version = self.state.at[name]
            entry = self.heap.get(version)
            entry.used = self.runs
            self.placed[name] = version
            if name[:3] == '@m:':
                module = name[3:]
                if sys.modules.get(module) is not entry.value:
                    sys.modules[module] = entry.value
                    parent, _, tail = module.rpartition('.')
                    if parent in sys.modules:
                        setattr(sys.modules[parent], tail, entry.value)
                continue
            self.names[name] = entry.value
            if type(entry.value) is FunctionType or isinstance(entry.value, class_types):
                self.space_of.owners[id(entry.value)] = name

    def unplace(self, name):
        """Take a name out of the namespace."""
        self.placed.pop(name, None)
        self.names.pop(name, None)

    def _restore(self, group):
        """Make a group of names from a snapshot. Whether that could be done."""
        at = self.state.at
        snapshot = self.snapshots.get(tuple((name, at[name]) for name in group))
        if snapshot is None:
            return False
        address, soft, events = snapshot
        if any(at.get(name) != version for name, version in soft.items()):
            return False
        self.need(soft)
        data = self.store.read(address)
        try:
            values = load_pickle().loads(data)
        except Exception:                       # gone from the store, or a class that cannot be found
            self._drop_snapshot(tuple((name, at[name]) for name in group))
            return False
        if self._are_stale(soft):
            return False
        self.serial += 1
        births = dict.fromkeys(events, self.serial)
        for name in soft:
            births.update(self.heap.get(at[name]).births)
        for name in group:
            found = NOTHING if is_plain(values[name]) else survey(values[name], self.space_of)
            self.heap.put(at[name], values[name], found, births)
            self.restored.add(at[name])
        return True

    def _are_stale(self, soft):
        """Whether one of these names does not hold its version in the namespace."""
        return any(self.placed.get(name) != version for name, version in soft.items())

    def _drop_snapshot(self, key):
        self.snapshots.pop(key, None)
        for _, version in key:
            self.kept_in.pop(version, None)

    def force(self, groups):
        """Force the statements that make what is missing, and what those need in turn."""
        heap, at, makers = self.heap, self.state.at, self.state.makers
        todo, seen = [], set()
        for group in groups:
            lost = [at[name] for name in group if heap.get(at[name]) is None and at[name] not in self.kept_in]
            if not lost:                        # single snapshots do not make a group
                last = max([makers.get(at[name], -1) for name in group])
                lost = [at[name] for name in group if makers.get(at[name], -1) == last]
            todo += lost
        while todo:
            version = todo.pop()
            if version in seen or version not in makers:
                continue
            seen.add(version)
            index = makers[version]
            self.forced.add(index)
            record = self.records_of.get(index)
            if record is not None:
                todo += [read for name, read in zip(record.names, record.versions) if read in makers and (
                    heap.get(read) is None and read not in self.kept_in and name not in SETTERS)]

    def survey_of(self, name):
        """The Survey of a placed name."""
        entry = self.heap.get(self.state.at[name])
        if entry.survey.soft and not entry.survey.holds(self.names):
            entry.survey = survey(entry.value, self.space_of)
            self.heap.note(entry)
        return entry.survey

    def keep_snapshot(self, record):
        """Keep what the statement made, if making it again would take longer."""
        budget = max(SNAPSHOT_S, record.seconds / 2)
        if record.seconds < CHEAP_S:
            return
        state, at, done = self.state, self.state.at, set()
        later = State()
        later.at, later.share = dict(at), dict((name, set(mates)) for name, mates in state.share.items())
        later.apply(record, 0)
        for name, version in record.outs.items():
            entry = self.heap.get(version)
            if name in done or name[0] == '@' or name in record.values or entry is None:
                continue
            group = sorted(later.group(name))
            done.update(group)
            key = tuple((one, later.at[one]) for one in group)
            entries = [self.heap.get(version) for _, version in key]
            if key in self.snapshots or not all(entry is not None and self._can_pickle(entry) for entry in entries):
                continue
            if any(self.placed.get(one) != later.at[one] for one in group):
                continue
            objects = sum(len(entry.survey.trail) for entry in entries)
            if objects * self.object_s + sum(entry.survey.bytes for entry in entries) * 2e-9 > budget:
                continue
            soft = {}
            for entry in entries:
                soft.update((one, later.at[one]) for one in entry.survey.soft if one in later.at)
            begin = clock_s()
            try:
                data = load_pickle().dumps(dict((one, entry.value) for one, entry in zip(group, entries)), 2)
                address = self.store.add(data)
            except Exception:                   # it cannot be pickled, or the disk is full
                continue
            if objects > 5000:
                self.object_s = (self.object_s + (clock_s() - begin) / objects) / 2
            events = set(event for entry in entries for event in entry.births)
            for one in soft:
                events.difference_update(self.heap.get(later.at[one]).births)
            self.snapshots[key] = address, soft, sorted(events)
            self.kept_in.update((version, True) for _, version in key)
            self.mine.append((key,) + self.snapshots[key])

    def _can_pickle(self, entry):
        value, found = entry.value, entry.survey
        if isinstance(value, (FunctionType, types.ModuleType) + class_types) or found.opaque:
            return False
        for item in found.soft.values():
            if isinstance(item, class_types) and any(
                    name in vars(item) for name in ('__reduce__', '__reduce_ex__', '__getstate__', '__setstate__',
                                                    '__getnewargs__', '__getnewargs_ex__', '__copyreg__')):
                return False
        return not found.modules

    # -- from process to process

    def _name_in_store(self):
        where = self.path if self.store.folder is None else os.path.relpath(
            self.path, os.path.dirname(self.store.folder))
        return 'script %s %s' % (where, sys.version)

    def _save(self):
        """Write the new Records and snapshots to the store; what names them comes last."""
        new = [record for record in self.new if not record.run and not record.saved]
        self.new = []
        if self.store.folder is None or not (new or self.mine):
            return
        lines = []
        for record in new:
            with suppress(ValueError):          # a state that marshal does not take
                lines.append(marshal.dumps(record.data()))
            record.saved = True
        snapshots, self.mine = self.mine, []
        try:
            if len(self.segments) > 25:
                everything = [record for group in self.records.values() for record in group if not record.run]
                lines = []
                for record in everything:
                    with suppress(ValueError):
                        lines.append(marshal.dumps(record.data()))
                snapshots, self.segments = [(key,) + value for key, value in self.snapshots.items()], []
            self.segments.append(self.store.add(marshal.dumps((lines, snapshots))))
            self.store.set_record(self._name_in_store(), marshal.dumps(self.segments))
        except EnvironmentError as error:
            self.report.notes.append('the store cannot be written: %s' % error.strerror)

    def _load(self):
        """Read the Records and snapshots of earlier processes."""
        data = self.store.record(self._name_in_store())
        for address in marshal.loads(data) if data else ():
            part = self.store.read(address)
            if part is None:
                continue
            self.segments.append(address)
            lines, snapshots = marshal.loads(part)
            for line in lines:
                record = Record(**dict(zip(Record.FIELDS, marshal.loads(line))))
                record.saved, record.used = True, self.runs
                self.records.setdefault(record.group(), []).append(record)
                self.latest[record.key] = record
            for key, where, soft, events in snapshots:
                if self.store.has(where):
                    self.snapshots[key] = where, soft, events
                    self.kept_in.update((version, True) for _, version in key)

    def _tidy(self):
        """Forget what was not used for long."""
        if self.runs % 10 == 0:
            for entry in list(self.heap.entries.values()):
                if entry.used < self.runs - KEEP_RUNS:
                    self.heap.drop(entry)
            for group in list(self.records):
                kept = [record for record in self.records[group] if record.used >= self.runs - KEEP_RUNS]
                if kept:
                    self.records[group] = kept
                else:
                    del self.records[group]

    def _forget(self):
        """Begin with nothing: the last resort."""
        self.records, self.latest, self.heap, self.snapshots, self.kept_in = {}, {}, Heap(), {}, {}
        self.report.notes.append('what was kept did not fit together, so everything ran again')
