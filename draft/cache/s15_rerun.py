##############################################################################
## 15. Rerun -- run only what changed
##############################################################################
#
# Gives to the user CachedScript, a step that runs a script's statements again only where their outcome would be
# another one, Report, which tells what it did, depends(), and --cache of the command line.
#
# The rule: after each run the namespace is that of a fresh run, objects shared by several names included. Where
# that cannot be known the statement runs again. One attempt goes over all statements: each has a Record that fits
# what its reads hold, or is executed. A value that is missing ends the attempt; the next one forces what makes it.
#
# Not handled: effects on the world that leave no trace in names, such as windows, servers, libraries' own state.

__all__ += ['CachedScript', 'Report']


Ran = namedtuple('Ran', 'line text seconds reason source')


class Report(object):
    """What a run of a CachedScript did. ran, kept: lists of statements: .line .text .seconds .reason .source (where a
    kept value came from).      saved: seconds that the kept ones took when they ran.      error: the exception that
    ended the run, or None.      values: [(line, text)] of bare expressions.      notes: what else is to be said.

    >>> str(Report())
    'ran 0, kept 0 statements'
    """

    def __init__(self):
        self.ran, self.kept, self.saved, self.error, self.values, self.notes = [], [], 0.0, None, [], []
        self.trace, self.seconds = None, 0.0

    def lines(self):
        """The lines of the report."""
        first = 'ran %d, kept %d statements' % (len(self.ran), len(self.kept))
        if self.ran or self.kept:
            first += ' in %s, saved %s' % (seconds_text(self.seconds), seconds_text(self.saved))
        lines = [first]
        for item in self.ran[:20]:
            lines.append('  ran   line %d: %s  (%s; %s)' % (
                item.line, item.text[:60], seconds_text(item.seconds), item.reason))
        if len(self.ran) > 20:
            lines.append('  ran   %d more' % (len(self.ran) - 20))
        for item in [item for item in self.kept if item.seconds > 0.1 or item.source == 'store'][:10]:
            lines.append('  kept  line %d: %s  (saved %s%s)' % (
                item.line, item.text[:60], seconds_text(item.seconds), ', from the store' * (item.source == 'store')))
        lines += ['  value line %d: %s' % value for value in self.values]
        return lines + ['  note  %s' % note for note in self.notes]

    def __str__(self):
        return '\n'.join(self.lines())


def seconds_text(seconds):
    """A time for people."""
    return '%.0f ms' % (1000 * seconds) if seconds < 1 else '%.1f s' % seconds


current = None              # the Observer of the CachedScript that runs a statement


def depends(path):
    """Tell the cache that the statement that runs reads this file in a way that it cannot notice. The path.

    As a statement of its own: that all later statements may. Without a cache nothing happens.

    >>> depends('table.db')
    'table.db'
    """
    if current is not None:
        full = os.path.abspath(path_text(path))
        current.files.setdefault(full, current.print_of(full))
        current.depended.append(full)
    return path


class CachedScript(Statements, ReloadedScript):
    """Run a script so that after each run its namespace is that of a fresh run, but run only what changed.

    path, argv, module: as of ReloadedScript.      store: folder that keeps values from process to process; None: they
    are kept in memory.      trust: use a store that others can write to.      max_bytes: of the store.

    namespace: the dict of the script's globals.      units: list of Unit.      records: {Record.group(): [Record]}.
    report: the last Report.      muted: whether what kept statements printed is left out.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), 'script.py')
    >>> with open(path, 'w') as stream:
    ...     done = stream.write('a = [1]')
    >>> script = CachedScript(path)
    >>> len(script.run().ran), len(script.run().ran), script.namespace['a']
    (1, 0, [1])
    >>> script.close()
    """
    def __init__(self, path=None, argv=(), store=None, module=None, trust=False, max_bytes=None):
        ReloadedScript.__init__(self, path, argv, None, module)
        self._begin_values(Store(store, max_bytes, trust))
        self._begin_statements()
        self.space_of = Space(self.names, self.space, self.is_local)
        self.facts, self.units, self.source, self.report, self.base, self.last = {}, [], None, None, None, None
        self.muted, self.handed_out, self.kept_all = False, True, None

    @property
    def namespace(self):
        """The dict of the script's globals. What is changed in it by hand lasts until the next run."""
        self.handed_out = True
        return self.names

    @namespace.setter
    def namespace(self, names):
        self.names = names

    def is_local(self, name):
        """Whether the module of that name is the user's."""
        return name in fresh.modules or name == '__main__'

    # -- the script's text

    def _read_units(self, data):
        """Cut the text into Units; those that were there keep their code. Raises SyntaxError."""
        source = Source(self.path, data) if self.source is None or self.source.data != data else self.source
        if source is self.source:
            return
        left, units, moved, new_nodes = {}, [], {}, []
        for unit in self.units:
            left.setdefault(unit.text, []).append(unit)
        for index in range(len(source)):
            text, start = source.text(index), source.starts[index]
            nodes, facts = source.parsed.get(index) or [], self.facts.get((text, source.flags))
            if facts is None and nodes:
                facts = self.facts[text, source.flags] = Facts(nodes, source.lines, start, source.flags)
            if facts is None:                   # comments only
                continue
            if left.get(text) and left[text][0].facts is facts:
                unit = left[text].pop(0)
                if unit.start != start:
                    pairs = []
                    unit.codes = [moved_code(code, start - unit.start, self.path, (), pairs) for code in unit.codes]
                    unit.code, unit.start = None, start
                    moved.update((id(one), (one, new)) for one, new, _ in pairs)
            else:
                unit = Unit(facts, text, start, source.flags)
                unit.compile(nodes, self.path, index == 0)
                new_nodes += nodes
            unit.chunk = index
            units.append(unit)
        if any(getattr(node, 'module', None) == '__future__' for node in new_nodes):
            compile(data, self.path, 'exec', 0, True)
        source.parsed, by_key = {}, {}
        for unit in chain.from_iterable(left.values()):
            by_key.setdefault(unit.facts.key, []).append(unit)
        known = set(map(id, self.units))
        for unit in units:                      # the same meaning in another layout
            if id(unit) not in known and by_key.get(unit.facts.key):
                moved.update((id(one), (one, new)) for one, new, _ in pair(
                    by_key[unit.facts.key].pop(0).codes, unit.codes))
        self.source, self.units = source, units
        self._move_functions(moved)

    def _move_functions(self, moved):
        """Give the functions of statements that stand on other lines now code with the right lines.

        moved: {id of a code object: (it, the new one)}.
        """
        if not moved:
            return
        originals = self.space_of.originals
        for number, (old, new) in moved.items():
            originals[id(new)] = (originals[id(old)][0] if id(old) in originals else old), new
        for number, functions in functions_with(dict((number, old) for number, (old, _) in moved.items())).items():
            for function in functions:
                function.__code__ = moved[number][1]
        for old, _ in moved.values():
            originals.setdefault(id(old), (old, old))

    # -- a run

    def run(self, changed=()):
        """Bring the namespace to what a fresh run of the script would give; the Report."""
        global current
        begin, self.runs, self.report = clock_s(), self.runs + 1, Report()
        report = self.report
        try:
            data = self.enter(changed)
            if self.runs == 1:
                self._load()
            is_new = self.source is None or self.source.data != data
            self._read_units(data)
        except SyntaxError as error:
            report.error, report.trace = error, None
            with suppress(AttributeError):
                error.__traceback__ = None
            return report
        self.observer = self.observer or Observer(self.path)
        self.observer.script = self.path
        if self._repair() and not is_new and self._is_same():
            self._keep_all()
            report.seconds = clock_s() - begin
            return report
        self.forced, self.shown, self.ran, self.new, self.restored = set(), set(), {}, [], set()
        self.alive = other_threads()
        self.distrust, self.placed, self.hidden_now = False, {}, None
        self.observer.install()
        current = self.observer
        try:
            for attempt in range(2000):
                if attempt in (60, 1000) or len(self.forced) and attempt == 200:
                    self._forget()
                try:
                    self._attempt()
                    break
                except Again:
                    pass
        finally:
            current = None
            self.observer.remove()
            self._finish()
        report.seconds = clock_s() - begin
        return report

    def _repair(self):
        """Forget the values that were changed by hand since the last run. Whether there were none."""
        at, self.last, names, all_well = self.last, None, self.names, True
        if at is not None and (self.handed_out or other_threads()):
            for name, version in at.items():
                entry = self.heap.get(version)
                if entry is None or not entry.survey.ids:
                    continue
                if names.get(name) is not entry.value and name[0] != '@':
                    all_well = False
                elif entry.survey.holds(names) and not entry.survey.still_holds(self.space_of):
                    all_well = False
                    if not entry.survey.opaque:
                        for other in self.heap.sharing(entry.survey.ids):
                            self.heap.drop(other)
        self.handed_out = False
        return all_well and at is not None

    def _is_same(self):
        """Whether nothing at all changed since the last run, so that there is nothing to do."""
        records, names = list(self.records_of.values()), self.names
        if len(records) != len(self.units) or any(record.run or record.doubt for record in records):
            return False
        at = [(name, version) for name, version in self.state.at.items() if name[0] != '@']
        entries = [self.heap.get(version) for _, version in at]
        if None in entries or any(names.get(name, names) is not entry.value for (name, _), entry in zip(at, entries)):
            return False
        if sum(1 for name in names if not name[:2] == '__' == name[-2:]) != len(at):
            return False
        return not any((record.files or record.wrote or record.environment) and self._outside(record)
                       for record in records)

    def _keep_all(self):
        """The run in which nothing is to be done."""
        self.last = self.state.at
        if any(record.output for record in self.records_of.values()):
            self.observer.install()
            self.shown = set()
            for index, record in self.records_of.items():
                self._show(index, record)
            self.observer.remove()
        self.hidden_now = None
        self.set_hidden()
        if self.kept_all is None:
            self.ran, self.new = {}, []
            self.kept_all = self._kept(), sum(record.seconds for record in self.records_of.values())
        self.report.kept, self.report.saved = self.kept_all
        self.report.values = self._values()

    def _base(self):
        """The State at the begin of the script."""
        state = State()
        if self.base is None:
            self.base = hidden_state()
        base = dict(self.base)
        base['@argv'] = [self.given] + self.argv
        for name, value in base.items():
            version = 'start ' + name
            if name in BY_VALUE:
                version = '%s %s' % (short_hash(repr(value)), name)
                state.at[name] = version
            self.states[version] = value
        return state

    def _attempt(self):
        """Go over all statements; run those that must."""
        self.state, self.records_of, self.placed, self.space_of.owners = self._base(), {}, {}, {}
        plain = dict((name, value) for name, value in self.names.items() if name[:2] == '__' == name[-2:])
        self.names.clear()                  # what stands in it is what the statements so far made
        self.names.update(plain)
        for index, unit in enumerate(self.units):
            self.index = index
            record = self._look_up(index, unit)
            if record is None or index in self.forced:
                record = self.execute_unit(index, unit)
            else:
                self._keep(index, unit, record)
            self.records_of[index] = record
            self.state.apply(record, index)
            record.used = self.runs
            if record.error is not None:
                self.report.error, self.report.trace = record.error[1], record.error[2]
                break
        else:
            self.report.error = None
        self.need(self.state.at)

    def _look_up(self, index, unit):
        """The Record that tells what the statement would do now, or None. Notes why it must run."""
        facts, at = unit.facts, self.state.at
        if facts.mark == 'keep' and facts.key in self.latest and index not in self.forced:
            record = self.latest[facts.key]
            if self._is_kept(record):
                return record
        why = None
        group = (facts.key,) + tuple(map(at.get, facts.reads))
        for record in reversed(self.records.get(group, ())):
            if record.run and record.run != self.runs or tuple(map(at.get, record.names)) != record.versions:
                continue
            if self.state.times.get(record.likeness, 0) != record.time:
                continue
            if record.whole is not None and record.whole != self.whole():
                continue
            if self.state.holders and any(self.state.holders.get(name) and self.state.holders_of(name) != holders
                                          for name, holders in record.rebound.items()):
                continue
            if record.run == self.runs:
                return record
            why = record.doubt or ('it is marked' if facts.mark == 'rerun' else None) or self._outside(record)
            if why is None and all(dict((mate, at.get(mate)) for mate in self.state.share.get(name, ())) == mates
                                   for name, mates in record.partners.items()):
                return record
        self.because = why
        return None

    def _is_kept(self, record):
        return all(version in self.kept_in or self.heap.get(version) or name in record.values
                   for name, version in record.outs.items())

    def whole(self):
        """A hash of the versions of all names."""
        return short_hash(*['%s=%s' % item for item in sorted(self.state.at.items())])

    def _outside(self, record):
        """What changed in files and the environment since the Record was made, as text, or None."""
        for path, found in record.files.items():
            if self.observer.print_of(path) != found:
                return '%s changed' % os.path.basename(path)
        for path, found in record.wrote.items():
            if found is not None and self.observer.print_of(path) != found:
                return '%s, which it wrote, changed' % os.path.basename(path)
        if record.environment:
            data = self.states.get(self.state.at.get('@environ', 'start @environ'), {})
            for name, value in record.environment.items():
                now = data.get(name) if name else short_hash(repr(sorted(data.items())))
                if now != value:
                    return 'the environment changed'
        return None

    def _keep(self, index, unit, record):
        """Take over what the statement did when it ran."""
        heap = self.heap
        for name in record.gone:
            self.unplace(name)
        for name, version in record.outs.items():
            if name in self.placed and self.placed[name] != version:
                self.unplace(name)
            entry = heap.get(version)
            if entry is not None:
                entry.used = self.runs
            elif name in record.values:
                heap.put(version, record.values[name], NOTHING, {})
            elif name in record.states:
                self.states[version] = record.states[name]
        if index not in self.shown:
            self._show(index, record)

    def _show(self, index, record):
        """Show again what the statement printed."""
        self.shown.add(index)
        if self.muted:
            return
        for is_error, text in record.output:
            stream = self.observer.tees[is_error][2]
            if is_terminal(stream):
                text = ''.join('%s%s%s' % (DIM, line.rstrip('\n'), PLAIN) + '\n' * line.endswith('\n')
                               for line in text.splitlines(True))
            write(stream, text)

    def _finish(self):
        """Leave the process as the script would; fill the report; write what is new to the store."""
        report, state = self.report, self.state
        self.hidden_now = None
        with suppress(Again):
            self.set_hidden()
        self.last, self.kept_all = state.at, None
        for index in sorted(self.ran):
            unit, (reason, seconds) = self.units[index], self.ran[index]
            report.ran.append(Ran(unit.line(), unit.facts.words, seconds, reason, 'run'))
        report.kept = self._kept()
        report.saved = sum(item.seconds for item in report.kept)
        report.values = self._values()
        report.notes += ['line %d is kept, as it is marked' % self.units[index].line() for index in self.records_of
                         if self.units[index].facts.mark == 'keep' and index not in self.ran]
        for record in self.new:
            for path in record.wrote:
                record.wrote[path] = self.observer.print_of(path)
        self._save()
        self._tidy()

    def _kept(self):
        """The statements that did not run, for the report."""
        kept, why = [], 'nothing that it reads changed'
        for index, record in self.records_of.items():
            if index not in self.ran:
                source, unit = 'memory', self.units[index]
                if not self.restored.isdisjoint(record.outs.values()):
                    source = 'store'
                kept.append(Ran(unit.start + unit.facts.below + 1, unit.facts.words, record.seconds, why, source))
        return kept

    def _values(self):
        """[(line, text)] of the expressions whose value is to be shown."""
        return [(self.units[index].line(), record.shown) for index, record in self.records_of.items()
                if record.shown is not None]

    # -- why

    def reason(self, index, unit):
        """Why the statement runs, for the report."""
        if index in self.forced:
            return 'its value was needed and had not been kept'
        if self.because:
            return self.because
        record = self.latest.get(unit.facts.key)
        if unit.facts.mark == 'rerun':
            return 'it is marked'
        if record is None:
            return 'it is new'
        if record.doubt:
            return record.doubt
        at = self.state.at
        for name, version in zip(record.names, record.versions):
            if at.get(name) != version:
                maker = self.state.makers.get(at.get(name))
                if maker is not None and name[0] != '@':
                    return 'because %s (line %d) changed' % (name, self.units[maker].line())
                return 'because %s changed' % name.lstrip('@mo:') if name in at else '%s is not there now' % name
        return 'what it works on changed'

    def why(self, about):
        """Why a statement, given by its line or by a name that it made, ran or was kept in the last run; a text.

        >>> CachedScript.why.__name__
        'why'
        """
        found = None
        for index, unit in enumerate(self.units):
            record = self.records_of.get(index)
            if about == unit.line() or record is not None and (about in record.outs or about in record.gone):
                found = index
            elif isinstance(about, int) and unit.start < about <= unit.start + unit.facts.below + 1 and found is None:
                found = index
        if found is None and isinstance(about, int):
            starts = [index for index, unit in enumerate(self.units) if unit.line() <= about]
            found = starts[-1] if starts else None
        if found is None or found not in self.records_of:
            return '%s: no statement that was run made it' % (about,)
        unit, record = self.units[found], self.records_of[found]
        text = 'line %d: %s\n' % (unit.line(), unit.facts.words)
        if found in self.ran:
            text += '  ran: %s\n' % self.ran[found][0]
        else:
            text += '  kept: nothing that it reads changed (%s when it ran)\n' % seconds_text(record.seconds)
        if record.doubt:
            text += '  runs each time: %s\n' % record.doubt
        reads = []
        for name, version in zip(record.names, record.versions):
            maker = self.state.makers.get(version)
            if maker is not None and name[0] != '@' and maker < found:
                reads.append('%s (line %d)' % (name, self.units[maker].line()))
        text += '  reads: %s\n' % (', '.join(reads) or 'no names of the script')
        for path in sorted(record.files):
            text += '  reads the file %s\n' % path.replace('names ', '', 1).replace('there ', '', 1)
        changes = [name for name in record.outs if name[0] != '@']
        return text + '  makes or changes: %s' % (', '.join(sorted(changes)) or 'nothing')


# ---- what the user sees

class Picture(object):
    """Tells values of two processes apart: of({name: value}) -> {name: text}, equal where the values are, with what
    they share. A second visit of an object that can change is told by the place of the first."""

    def __init__(self, space):
        self.space, self.seen, self.held = space, {}, []

    def of(self, names):
        """{name: short text} of all names that are not the machinery's."""
        return dict((name, short_hash(self.tell(names[name], name))) for name in sorted(names)
                    if not name[:2] == '__' == name[-2:])

    def tell(self, value, place):
        """The text of one value."""
        if type(value) in PLAIN:
            return '%s %r' % (type(value).__name__, value)
        if type(value) is not tuple:
            if id(value) in self.seen:
                return 'the one at ' + self.seen[id(value)]
            self.seen[id(value)] = place
            self.held.append(value)
        parts = [type(value).__name__]
        if isinstance(value, CodeType):
            parts += [value.co_name, repr(value.co_names), repr(value.co_varnames)]
            parts += [self.tell(const, place + '.const') for const in value.co_consts]
        elif type(value) is FunctionType:
            parts.append(value.__name__)
            if value.__globals__ is self.space.names or self.space.is_local(value.__module__):
                parts += self.all([value.__code__, value.__defaults__, getattr(value, '__kwdefaults__', None),
                                   vars(value)] + list(map(get_cell, value.__closure__ or ())), place)
        elif isinstance(value, class_types):
            parts.append(value.__name__)
            if value.__module__ == '__main__' or self.space.is_local(value.__module__):
                parts += self.all([dict((name, part) for name, part in vars(value).items() if name not in NO_KEYS),
                                   value.__bases__], place)
        elif isinstance(value, type(sys)):
            parts.append(value.__name__)
            if self.space.is_local(value.__name__):
                parts += self.all([dict((name, part) for name, part in vars(value).items() if not is_dunder(name))],
                                  place)
        else:
            parts += self.contents(value, place)
        return '(%s)' % ' '.join(parts)

    def all(self, values, place):
        """The texts of several values."""
        return [self.tell(value, '%s[%d]' % (place, number)) for number, value in enumerate(values)]

    def contents(self, value, place):
        """The texts of what an instance holds."""
        if isinstance(value, dict):
            pairs = [(self.tell(key, place + '.key'), key) for key in value]
            found = [text + ':' + self.tell(value[key], place + '.' + text[:40]) for text, key in sorted(
                pairs, key=lambda pair: pair[0])]
        elif isinstance(value, (set, frozenset)):
            found = sorted(self.tell(part, place + '{}') for part in value)
        elif isinstance(value, (list, tuple, collections.deque)):
            found = self.all(value, place)
        else:
            probe = Survey()
            opener = OPENERS.get(type(value)) or opener_of(type(value), self.space)
            kind, members = type(value), ()
            if opener is not open_instance:
                members = opener(value, probe, self.space, True)
            found = [repr(probe.extras)] + self.all([part for part in members if part is not kind], place)
        if type(getattr(value, '__dict__', None)) is dict:
            found.append(self.tell(vars(value), place + '.dict'))
        for kind in type(value).__mro__ if hasattr(type(value), '__mro__') else ():
            slots = vars(kind).get('__slots__', ())
            for name in [slots] if isinstance(slots, string_types) else slots:
                if name != '__dict__' and hasattr(value, name):
                    found.append(name + self.tell(getattr(value, name), place + '.' + name))
        return found


def get_cell(cell):
    """What a closure cell holds; None while it is empty."""
    with suppress(ValueError):
        return cell.cell_contents


def fresh_picture(path, argv, module, answer):
    """Run a script afresh, silently, and write ({name: text}, name of the exception or None) to the file `answer`.

    For a process of its own.
    """
    script = ReloadedScript(path, argv, module=module)
    null = open(os.devnull, 'w')
    sys.stdout = sys.stderr = null
    error = None
    try:
        script.run()
    except BaseException as problem:            # whatever ends it is the answer
        error = type(problem).__name__
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    space = Space(script.namespace, script.space, lambda name: name in fresh.modules or name == '__main__')
    with open(answer, 'wb') as stream:
        stream.write(marshal.dumps((Picture(space).of(script.namespace), error)))


class CachedStep(CachedScript):
    """The step of --cache: a CachedScript that says what it did.

    log: path of the file that the statements which ran are appended to, or None.      checks: whether each run is
    compared with a fresh one.      quiet: say nothing but errors.      status: as the script's exit status.
    """

    def __init__(self, path, argv, store, module, log=None, checks=False, quiet=False, trust=False):
        if store is None:
            folder = os.path.dirname(os.path.abspath(path)) if path else os.getcwd()
            store = os.path.join(folder, '.hotload')
        CachedScript.__init__(self, path, argv, None if store == 'none' else store, module, trust)
        self.log, self.checks, self.muted, self.status = log and os.path.abspath(log), checks, quiet, 0

    def files(self):
        """The paths of the script, its modules and the data files that it read."""
        return CachedScript.files(self) + sorted(path for path in list(fresh.keys) if path != self.path)

    def run(self, changed=()):
        """Run it, and say what was done."""
        report = CachedScript.run(self, changed)
        self.status = 0
        if not self.muted:
            for line in report.lines():
                say(line)
        if report.error is not None:
            self.status = self._show_end(report)
        if self.log and report.ran:
            self._append(['# run %d at %s' % (self.runs, time.strftime('%H:%M:%S'))] + [
                self._logged(index) for index in sorted(self.ran)])
        if self.checks and not isinstance(report.error, SyntaxError):
            self.check()
        return report

    def _show_end(self, report):
        error = report.error
        if isinstance(error, SystemExit):
            return exit_status(error)
        show_error((type(error), error, report.trace))
        if report.kept:
            say('%d statements before it are kept' % len(report.kept))
        return 1

    def _logged(self, index):
        text = shown(self.source.text(self.units[index].chunk))
        return commented(text) if self.records_of[index].error else text

    def _append(self, texts):
        with open(self.log, 'ab') as stream:
            for text in texts:
                data = text + '\n'
                stream.write(data if isinstance(data, bytes) else data.encode('utf-8'))

    def typed(self, text, failed):
        """A command was typed at the prompt: log it."""
        if self.log and text.strip():
            self._append([commented(text) if failed else text])

    def check(self):
        """Run the script afresh in a child process, and say whether the namespace agrees. Whether it does."""
        import subprocess
        import tempfile
        handle, answer = tempfile.mkstemp()
        os.close(handle)
        code = ('import sys; sys.path.insert(0, %r); import hotload; del sys.path[0]; '
                'hotload.fresh_picture(%r, %r, %r, %r)') % (
                    os.path.dirname(os.path.abspath(OWN_FILE)), None if self.module else self.given, self.argv,
                    self.module, answer)
        try:
            subprocess.call([sys.executable, '-c', code], cwd=self.base['@folder'])
            data = read_bytes(answer)
        finally:
            os.remove(answer)
        if not data:
            say('check: the fresh run ended its process', colour=RED)
            return False
        found, error = marshal.loads(data)
        mine = Picture(self.space_of).of(self.names)
        ours = type(self.report.error).__name__ if self.report.error is not None else None
        wrong = sorted(name for name in set(mine) | set(found) if mine.get(name) != found.get(name))
        if error != ours:
            wrong.insert(0, 'the error (%s, fresh: %s)' % (ours, error))
        say('check: a fresh run agrees' if not wrong else 'check: a fresh run differs in %s' % ', '.join(wrong),
            colour=RED if wrong else DIM)
        return not wrong


def commented(text):
    """The text as comment lines."""
    return '\n'.join('# ' + line for line in text.rstrip().split('\n'))


MODES.append(Mode('cache', 'the statements that changed, and those that depend on them', lambda choice: CachedStep(
    choice.script, choice.argv, choice.get('store'), choice.module, choice.get('log'), 'check' in choice,
    'quiet' in choice, 'trust-store' in choice), [
        ('', 'store', 'DIR', 'keep values here (default: .hotload beside the script); none: in memory only'),
        ('', 'trust-store', None, 'use a store that others can write to'),
        ('', 'log', 'FILE', 'append the statements that ran, and what was typed'),
        ('', 'check', None, 'run the script afresh as well, and compare')]))
