##############################################################################
## 16. Schedule -- which reactors run, and when
##############################################################################
#
# Gives to those below Session, which makes the reactor asked for and what it needs current.
#
# A reactor need not run when a run of the same code (see Meaning) is known in which every question has the
# same answer today. Several runs stay side by side, so that undoing an edit costs nothing.
#
# A Session steps generators. Each stands for a reactor that is looked up or runs, and yields the name of the
# ingredient that it needs. When none can go on, a reactor is started that may send the name that was asked
# for last: one that did, or whose code names it as what it sends; else one whose code holds the name, else
# one that never ran. What waits for itself or for what nobody sends is what is left in the end.


class Reactor(object):
    """A function that may be run, in one session. name, function.      key: reactor_key.
    code: digest of what it means.
    state: None, 'busy', 'kept', 'ran' or, when nothing is to be run, 'stale'.
    record: the Record of it that holds.      reason: why it ran or is stale."""

    __slots__ = ('name', 'function', 'key', 'code', 'state', 'record', 'reason')

    def __init__(self, name, function, code):
        self.name, self.function, self.key, self.code = name, function, reactor_key(function), code
        self.state = self.record = self.reason = None


class Work(object):
    """A Reactor that is looked up or runs. reactor.      must_run: whatever is known.
    steps: generator that yields the name of an ingredient that it needs, or a Task.
    needs: the name that it waits for.      run: its Run."""

    __slots__ = ('reactor', 'must_run', 'steps', 'needs', 'run')

    def __init__(self, reactor, must_run):
        self.reactor, self.must_run, self.steps, self.needs, self.run = reactor, must_run, None, None, None


class ExecutionRecord(object):
    """How a reactor ran. reactorName.      startTime, finishTime: seconds since the epoch.
    totalRuntime: seconds."""

    def __init__(self, reactorName, startTime, totalRuntime, finishTime):
        self.reactorName, self.startTime, self.totalRuntime = reactorName, startTime, totalRuntime
        self.finishTime = finishTime

    def __repr__(self):
        return 'ExecutionRecord(%r, %.3f s)' % (self.reactorName, self.totalRuntime)


class Session(object):
    """The scheduler: what holds until code or parameters change, and how it is made to hold.

    is_dry: nothing is run; reactors that would be are stale.
    products: {name: Product} of today. kept, saved_s, history: what was kept, what that saved, and {name:
    ExecutionRecord} of what ran.
    """

    def __init__(self, plant, is_dry=False):
        self.plant, self.is_dry, self.records, self.warehouse = plant, is_dry, plant.records, plant.warehouse
        self.workshop = Workshop(plant.warehouse, plant.config, plant.auxiliary, plant.function_hash)
        self.reactors, self.senders, self.products, self.has_literals = {}, {}, {}, False
        self.ready = []         # [(Work, Product or other answer, exception or None)]; the last goes first
        self.waiting = {}       # {name: [Work]}
        self.wanted = []        # names that were waited for, the last one first to be seen to
        self.hints = []         # names that may be needed soon
        self.stalled = {}       # {name: the reactor that would make it again}, in a dry session
        self.works, self.rivals, self.guesses, self.damaged = {}, [], None, {}
        self.tasks = None if is_dry or plant.executor is None else Tasks(self, plant.executor)
        self.kept, self.saved_s, self.ran, self.is_running = 0, 0.0, 0, False
        for name, function in plant.functions.items():
            self.reactors[name] = reactor = Reactor(name, function, self.workshop.code_digest(function))
            for record in self.records.of(reactor.code):
                for product in record.products:
                    self._note_sender(product.name, reactor)

    def _note_sender(self, name, reactor):
        senders = self.senders.setdefault(name, [])
        if reactor not in senders:
            senders.append(reactor)

    def possible_senders(self, name):
        """The reactors that sent the name when their code was what it is, and those whose code says that they
        do."""
        if not self.has_literals:
            self.has_literals = True
            for reactor in self.reactors.values():
                for method in 'send', 'allocate':
                    for literal in self.workshop.called_with(reactor.function, method) - set([None]):
                        self._note_sender(literal, reactor)
        return self.senders.get(name, [])

    # ---- the loop

    def run(self, root):
        """Run the Reactor `root`, and of those that it needs the outdated ones."""
        self.kept, self.saved_s, self.ran = 0, 0.0, 0
        self._start(root, True)
        self._drive(root)

    def fetch(self, name):
        """The value of an ingredient, made if need be."""
        found, root = [GONE], Reactor('fetch_ingredient', run_task, ABSENT)

        def steps():
            while found[0] is GONE:
                product = yield name
                found[0] = self.warehouse.get(product)
                if found[0] is GONE:
                    self._forget(product)
            root.state = 'ran'
        work = self.works[root] = Work(root, True)
        root.state, work.steps = 'busy', steps()
        self.ready.append((work, None, None))
        self._drive(root)
        return found[0]

    def _drive(self, root):
        """Step what can go on, start what may be needed, until `root` has ended."""
        self.is_running = True
        try:
            while root.state == 'busy' or self._rivals_go_on():
                if self.ready:
                    self._step(*self.ready.pop())
                elif not self._start_another():
                    if self.tasks is not None and self.tasks.running:
                        self.ready.append(self.tasks.wait())
                    else:
                        self._give_up(self.works[root])
        finally:
            self._stop()

    def look(self):
        """Find out which reactors are stale (in a dry session)."""
        for reactor in self.reactors.values():
            if reactor.state is None:
                self._start(reactor)
            while self.ready or self._start_another():
                if self.ready:
                    self._step(*self.ready.pop())
            while self.works:
                self._give_up(next(iter(self.works.values())))
                while self.ready:
                    self._step(*self.ready.pop())

    def _rivals_go_on(self):
        is_busy = any(reactor.state == 'busy' for reactor in self.rivals)
        return is_busy and (self.ready or self._start_another())

    def _start(self, reactor, must_run=False):
        """Begin to look a reactor up, or to run it."""
        reactor.state, reactor.record = 'busy', None
        work = self.works[reactor] = Work(reactor, must_run)
        work.steps = self._make(work, must_run)
        self.ready.append((work, None, None))

    def _step(self, work, answer, error):
        """Let a Work go on until it needs something that is not there."""
        try:
            while True:
                needs = work.steps.send(answer) if error is None else work.steps.throw(error)
                if isinstance(needs, Task):
                    self.tasks.submit(work, needs)
                    return
                answer, error = self.products.get(needs), None
                if needs in self.stalled:
                    error = Stalled('', self.stalled[needs])
                elif answer is None:
                    break
        except StopIteration:
            del self.works[work.reactor]
            return
        work.needs = needs
        if needs not in self.waiting:
            self.wanted.append(needs)
        self.waiting.setdefault(needs, []).append(work)

    def _start_another(self):
        """Start a reactor that may send one of the names that are waited for, the last one first. Whether
        there is one."""
        while self.wanted and self.wanted[-1] not in self.waiting:
            self.wanted.pop()
        for name in reversed(self.wanted):
            reactor = self._candidate(name) if name in self.waiting else None
            if reactor is not None:
                self._start(reactor)
                return True
        while self.hints:
            name = self.hints.pop()
            for reactor in self.possible_senders(name) if name not in self.products else ():
                if reactor.state is None:
                    self._start(reactor)
                    return True
        return False

    def _candidate(self, name):
        """A reactor to start since it may send the name, or None."""
        senders = self.possible_senders(name)
        for reactor in senders:
            if reactor.state is None:
                return reactor
        if self.is_dry or any(reactor.state == 'busy' for reactor in senders) or self.tasks is not None and (
                self.tasks.is_full()):
            return None
        if self.guesses is None:
            self.guesses = Guesses(self)
        return self.guesses.next(name)

    def _publish(self, reactor, record):
        """Let others have what a reactor sent."""
        reactor.record = record
        for product in record.products:
            name = product.name
            rivals = [other for other in self.possible_senders(name) if other is not reactor]
            for other in rivals:
                if other.record is not None and any(name == each.name for each in other.record.products):
                    raise HotloadError('ingredient %r is sent by two reactors, %s and %s: give it another '
                                       'name in one of them, or leave one out' % (
                                           name, other.name, reactor.name))
            self._note_sender(name, reactor)
            self.products[name] = product
            self.ready += [(work, product, None) for work in reversed(self.waiting.pop(name, ()))]
            for other in rivals:                # it might send it, too: that would be an error
                if other.state is None:
                    self.rivals.append(other)
                    self._start(other)

    def _give_up(self, work):
        """Nothing can go on: tell the one that waits for what is not to be had, on the way from `work`."""
        path = []
        while True:
            path.append(work)
            senders = self.possible_senders(work.needs)
            busy = [self.works[reactor] for reactor in senders if reactor in self.works]
            if not busy or busy[0] in path:
                break
            work = busy[0]
        name = work.needs
        if busy:
            text = ('reactors wait for each other: %s; what a reactor sends counts when it has ended: split '
                    'one in two') % ', '.join('%s for %r' % (each.reactor.name, each.needs)
                                               for each in path[path.index(busy[0]):])
        else:
            text = 'reactor %s: no reactor sends the ingredient %r%s; is its producer gone, or not added?' % (
                work.reactor.name, name, one_of(name, sorted(self.senders)))
        self.waiting[name].remove(work)
        if not self.waiting[name]:
            del self.waiting[name]
        self.ready.append((work, None, Unavailable(text)))

    def _stop(self):
        """End what did not end: the reactor asked for did, or failed."""
        self.is_running = False
        works, self.ready, self.waiting, self.wanted, self.hints = list(self.works.values()), [], {}, [], []
        self.works, self.rivals = {}, []
        if self.tasks is not None:
            self.tasks.stop()
        for work in works:
            for product in work.reactor.record.products if work.reactor.record else ():
                self.products.pop(product.name, None)
            work.reactor.state = work.reactor.record = None
            work.steps.close()
            if work.run is not None:
                work.run.close()

    # ---- one reactor

    def _make(self, work, is_root):
        """Steps that find an earlier run of the reactor that holds today, or run it."""
        reactor = work.reactor
        runs, at = [] if work.must_run else self.records.usable(reactor.code), 0
        if runs and self.tasks is not None:
            self.hints += [name for kind, name, _ in reversed(runs[0].conversation) if kind == 'r']
        while runs and at < len(runs[0].conversation):
            kind, name, before = runs[0].conversation[at]
            if kind == 'r':
                try:
                    now = self.workshop.identity((yield name))
                except Unavailable as error:
                    now, by = None, getattr(error, 'by', None)
                    reactor.reason = '%r is made again by %s' % (str(name), by) if by else (
                        'no reactor sends %r any more' % str(name))
            else:
                now = self.workshop.answer(kind, name, before)
            if now != before:
                reactor.reason = reactor.reason or self._reason(kind, name)
            runs = [run for run in runs if run.conversation[at:at + 1] == [(kind, name, now)]]
            at += 1
        if runs:
            self.kept += 1
            self.saved_s += runs[0].seconds
            reactor.state, reactor.reason = 'kept', None
            self._publish(reactor, runs[0])
            return
        reactor.reason = 'it was asked for' if is_root else reactor.reason or self._code_reason(reactor)
        if self.is_dry:
            reactor.state = 'stale'
            last = self.records.last(reactor.key)
            for product in last.products if last else ():
                self.stalled[product.name] = reactor.name
                error = Stalled('', reactor.name)
                self.ready += [(other, None, error) for other in self.waiting.pop(product.name, ())]
            return
        outcome, expected = None, self._expected(reactor) if self.tasks is not None else []
        self.hints += expected[::-1]
        if self.tasks is not None and not is_root:
            for name in expected:               # so that it need not be started again for them
                with suppress(Unavailable):
                    if self.possible_senders(name):
                        yield name
            needs = ''
            while needs is not None:
                needs, outcome = (yield self.tasks.task(reactor, [
                    self.products[name] for name in set(expected) if name in self.products]))
                if outcome is not None and needs is not None:
                    self._forget(outcome)
                if needs is not None:
                    expected.append(needs)
                    try:
                        yield needs
                    except Unavailable:         # it is raised below, where the reactor asks for it
                        needs = outcome = None
        if outcome is None:
            run = work.run = Run(reactor.name, reactor.function, self.workshop, self.plant._emit)
            try:
                error, wanted = None, run.advance()
                while wanted is not None:
                    product = None
                    try:
                        product, error = (yield wanted), None
                    except Unavailable as raised:
                        error = raised
                        run.note('r', wanted, None)     # if it goes on without
                    try:
                        wanted = run.advance(product, error)
                    except Damaged:
                        self._forget(product)
            except Exception as error:
                add_note(error, 'raised in reactor %s' % reactor.name)
                raise
            outcome = run.outcome()
        self._finish(reactor, *outcome)

    def keep(self, reactor, conversation, products, seconds, started):
        """Make a Record of a run that ended."""
        record = Record(reactor.key, reactor.code, conversation, products, seconds, time.time())
        self.records.add(record, self.workshop.meanings.parts)
        return record

    def _finish(self, reactor, conversation, products, seconds, started):
        """A run ended: keep what it sent, and let others have it."""
        record = self.keep(reactor, conversation, products, seconds, started)
        self.plant.history[reactor.name] = ExecutionRecord(reactor.name, started, seconds, record.time)
        self.ran += 1
        reactor.state = 'ran'
        self._publish(reactor, record)
        self.plant._emit(EVENTS.reactor_finished, reactor.name)
        self.plant._tell('%s ran in %s: %s' % (reactor.name, duration(seconds), reactor.reason))

    def _forget(self, product):
        """The bytes of a product are damaged: its reactor is to run again."""
        self.damaged[product.name] = self.damaged.get(product.name, 0) + 1
        if self.damaged[product.name] > 3:
            raise HotloadError('ingredient %r cannot be read back after it was stored' % str(product.name),
                               path=self.warehouse.store.top)
        for reactor in self.possible_senders(product.name):
            if reactor.record is not None and product in reactor.record.products:
                self.records.forget(reactor.record)
                for each in reactor.record.products:
                    self.products.pop(each.name, None)
                reactor.record = reactor.state = None

    # ---- what is known of reactors

    def _expected(self, reactor):
        """The names that a reactor will ask for, as far as that is known."""
        last = self.records.last(reactor.key)
        names = [name for kind, name, _ in last.conversation if kind == 'r'] if last else []
        return names + sorted(self.workshop.called_with(reactor.function, 'receive') - set(names + [None]))

    @staticmethod
    def _reason(kind, name):
        """Why a reactor is stale, when the answer to a question is another."""
        return {'c': 'parameter %s changed', 'f': 'file %s changed', 'r': 'ingredient %s changed',
                't': 'the type %s is kept in another way', 's': 'subreactor %s changed'}[kind] % str(name)

    def _code_reason(self, reactor):
        """Why there is no run of a reactor's code."""
        last = self.records.last(reactor.key)
        if last is None:
            return 'it never ran'
        if last.code == reactor.code:
            return 'what it sent was removed or damaged'
        parts = self.workshop.meanings.parts
        return why_changed(last.code, reactor.code, self.records.part, parts.get) or 'its code changed'


class Stalled(Unavailable):
    """In a dry session: an ingredient that the reactor `by` would make again."""

    def __init__(self, text, by):
        Unavailable.__init__(self, text)
        self.by = by


class Guesses(object):
    """Which reactors may send a name that none is known to send: those whose code holds the name as a text,
    then those that never ran as they are now and send computed names, then others that do, then any that
    never ran."""

    def __init__(self, session):
        called, records = session.workshop.called_with, session.records
        reactors = [reactor for reactor in session.reactors.values() if reactor.state is None]
        self.texts = {}
        for reactor in reactors:
            for text in texts_in(reactor.function):
                self.texts.setdefault(text, []).append(reactor)
        computed = [reactor for reactor in reactors if None in called(reactor.function, 'send') | called(
            reactor.function, 'allocate')]
        new = [reactor for reactor in reactors if not records.of(reactor.code)]
        first = [reactor for reactor in computed if not records.of(reactor.code)]
        self.order = (first + computed + new)[::-1]

    def next(self, name):
        """One that was not started yet, or None."""
        for reactor in self.texts.get(name, ()):
            if reactor.state is None:
                return reactor
        while self.order:
            reactor = self.order.pop()
            if reactor.state is None:
                return reactor
        return None


def duration(seconds):
    """A time for people.

    >>> duration(0.25), duration(61.5)
    ('250 ms', '1 min 1 s')
    """
    if seconds < 1:
        return '%.0f ms' % (seconds * 1000)
    minutes, seconds = divmod(seconds, 60)
    return '%d min %d s' % (minutes, seconds) if minutes else '%.1f s' % seconds
