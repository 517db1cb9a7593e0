##############################################################################
## 17. Pipeline -- functions whose results survive
##############################################################################
#
# Gives to those below Plant, which runs reactors, and again only those whose code, inputs, parameters or
# files changed. PyPlant's words stay: a reactor is a task, an ingredient an artifact, a pipe the context of a
# task, a plant the runner, a warehouse the store.
#
# Not handled: what a reactor reads without telling the pipe (clocks, environment, files, random numbers).

__all__ += ['Plant', 'load_ingredients']


class Plant(object):
    """Runs reactors, with a store in `folder` (made if need be).

    config: dict or ConfigBase.
    executor: a concurrent.futures.Executor that other reactors than the one asked for run in.
    max_bytes: bound of the store; what was not used for longest goes.
    progress: True, False, a function of a text, or None: lines on stderr, on a terminal.
    function_hash(function) -> str: in place of the fingerprint of code.
    trust: use a store that others can write to.      logger: is told, too.

    >>> import tempfile
    >>> @ReactorFunc
    ... def load(pipe):
    ...     pipe.send('data', [1, 2])
    >>> @ReactorFunc
    ... def show(pipe):
    ...     data = yield pipe.receive('data')
    ...     print(sum(data))
    >>> with Plant(tempfile.mkdtemp()) as plant:
    ...     plant.add_reactors(load, show)
    ...     plant.run_reactor(show)
    3
    """

    EventType = EVENTS

    def __init__(self, folder, config=None, executor=None, max_bytes=None, progress=None, function_hash=None,
                 trust=False, logger=None, logLevel=None, functionHash=None):
        self.warehouse = Warehouse(Store(folder, max_bytes, trust), logger)
        self.records = Records(self.warehouse.store)
        self.executor, self.function_hash, self.logger = executor, function_hash or functionHash, logger
        self.progress = progress
        if progress is None:
            self.progress = is_terminal(sys.stdout) and is_terminal(sys.stderr) and (logLevel or 0) <= 20
        self.functions, self.listeners, self.auxiliary, self.history, self.session = {}, {}, set(), {}, None
        self.set_config({} if config is None else config)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.shutdown()

    # ---- what is to be run, and with what

    def add_reactors(self, *functions):
        """Let these functions be found as producers."""
        made = {}
        keys = dict((reactor_key(function), name) for name, function in self.functions.items())
        for function in functions:
            name = getattr(function, '__name__', None)
            if name is None or not callable(function):
                raise HotloadError('add_reactors: expected functions, found %r' % (function,))
            key = reactor_key(function)
            code = getattr(function, '__code__', None)
            if code is not None and made.setdefault(key, (code, function)) != (code, function) and (
                    made[key][0] is code):
                raise HotloadError('add_reactors: two of the functions are called %r; set the __name__ of '
                                   'those that are made in a loop' % name)
            if key in keys:                     # a new version of one that is there
                self.functions.pop(keys[key])
            name = keys[key] = key if name in self.functions else name
            self.functions[name] = function
        self.session = None

    def add_all_visible_reactors(self):
        """Add all functions that were made reactors by @ReactorFunc, in the modules as loaded now."""
        for _, _, functions in list(REACTORS.values()):
            self.add_reactors(*functions.values())

    def get_reactors(self):
        """The functions that were added."""
        return list(self.functions.values())

    def set_config(self, config):
        """Use these parameters: a dict, a ConfigBase, or an object with attributes."""
        if not isinstance(config, ConfigBase):
            config = ConfigBase(dict(config if hasattr(config, 'keys') else vars(config)))
        self.config, self.session = config, None

    def get_config_object(self):
        """The ConfigBase in use."""
        return self.config

    def mark_params_as_auxiliary(self, names):
        """Say that these parameters do not matter: nothing runs again for them."""
        self.auxiliary.update([names] if isinstance(names, string_types) else names)

    def add_event_listener(self, type, callback):
        """Call callback(type, name, ...) on events of a Plant.EventType."""
        self.listeners.setdefault(type, []).append(callback)

    def remove_event_listener(self, callback):
        """No longer call it."""
        for callbacks in self.listeners.values():
            callbacks[:] = [each for each in callbacks if each != callback]

    def _emit(self, type, *about):
        for callback in list(self.listeners.get(type, ())):
            callback(type, *about)

    def _tell(self, text):
        """A line of progress."""
        if self.logger is not None:
            self.logger.info(text)
        if callable(self.progress):
            self.progress(text)
        elif self.progress:
            say(text)

    # ---- running

    def _current(self):
        """The Session; a new one when reactors or parameters are others."""
        if not self.functions:
            self.add_all_visible_reactors()
        is_running = self.session is not None and self.session.is_running
        config = None if is_running else Meanings().of(
            (type(self.config), vars(self.config), sorted(self.auxiliary)))
        if self.session is None or not is_running and self.configured != config:
            self.session, self.configured = Session(self), config
        if is_running:
            raise HotloadError('the plant runs already: a reactor asks for values by pipe.receive(name)')
        return self.session

    def run_reactor(self, reactor):
        """Run a reactor (function, or its name), and of those that it needs the outdated ones. Once a
        session.

        What it raises is raised here. HotloadError: an ingredient that nobody, or more than one, sends, and
        the like.
        """
        refuse_in_worker()
        session, begin = self._current(), clock_s()
        name = reactor if isinstance(reactor, string_types) else getattr(reactor, '__name__', None)
        found = [each for each in session.reactors.values() if each.function is reactor] or [
            session.reactors[name]] if name in session.reactors else []
        if not found:
            raise HotloadError('there is no reactor %r in this plant%s; add_reactors() adds some' % (
                name, one_of(name, sorted(session.reactors))))
        if found[0].state != 'ran':
            session.run(found[0])
            took = clock_s() - begin
            self._tell('%s: %d ran, %d kept, in %s instead of %s' % (
                name, session.ran, session.kept, duration(took), duration(took + session.saved_s)))

    def fetch_ingredient(self, name):
        """The value of an ingredient as it is now, made if need be, as for a reactor that receives it."""
        return self._current().fetch(name)

    def is_ingredient_known(self, name):
        """Whether a reactor of this plant is known to have sent it."""
        return bool(self._current().senders.get(name))

    def get_ingredient_object(self, name):
        """The Ingredient of that name: its type, size and producer."""
        session = self._current()
        for reactor in session.senders.get(name, ()):
            for record in [reactor.record] if reactor.record else self.records.of(reactor.code)[:1]:
                for product in record.products:
                    if product.name == name:
                        return Ingredient(name, Word(product.kind), product.size, reactor.name)
        raise HotloadError('the ingredient %r is not known%s' % (name, one_of(name, sorted(session.senders))))

    def get_execution_history(self):
        """{name: ExecutionRecord} of the reactors that ran, since this plant was made."""
        return self.history

    def print_execution_history(self, printFn=print):
        """Print how long each reactor ran, the longest first."""
        for record in sorted(self.history.values(), key=lambda record: -record.totalRuntime):
            printFn('%-50s %s' % (record.reactorName, duration(record.totalRuntime)))

    # ---- looking

    def _looked(self):
        self._current()
        session = Session(self, is_dry=True)
        session.look()
        return session

    def outdated(self):
        """Why reactors would run again: lines such as 'plot: function `smooth` in tools.py changed'."""
        return ['%s: %s' % (reactor.name, reactor.reason) for reactor in self._looked().reactors.values()
                if reactor.state == 'stale']

    def _names(self, reactor):
        """([names that a reactor sent], [names that it received]) in the run that holds, or its last one."""
        record = reactor.record or self.records.last(reactor.key)
        if record is None:
            return [], []
        return [product.name for product in record.products], [
            name for kind, name, _ in record.conversation if kind == 'r']

    def tree(self):
        """The reactors with what they receive below them, fresh or stale and why, as a text."""
        session = self._looked()
        lines, shown, sender = [], set(), {}
        sent, received = {}, {}
        for reactor in session.reactors.values():
            sent[reactor], received[reactor] = self._names(reactor)
            sender.update((name, reactor) for name in sent[reactor])
        used = set(name for names in received.values() for name in names)
        tops = [reactor for reactor in session.reactors.values() if not used.intersection(sent[reactor])]
        todo = [(reactor, 0, None) for reactor in reversed(tops or list(session.reactors.values()))]
        while todo:
            reactor, depth, name = todo.pop()
            state = 'fresh' if reactor.state == 'kept' else 'stale: %s' % reactor.reason
            label = '%s%s%s' % ('  ' * depth, '%s <- ' % name if name else '', reactor.name)
            lines.append('%-40s %s' % (label, '(above)' if reactor in shown else state))
            if reactor not in shown:
                shown.add(reactor)
                todo += [(sender[name], depth + 1, name) for name in reversed(received[reactor])
                         if name in sender]
        return '\n'.join(lines)

    def graph(self):
        """The reactors (boxes) and the ingredients that they send and receive, as a text in graphviz' DOT."""
        session = self._current()
        lines, ingredients = [], set()
        for reactor in session.reactors.values():
            node, (sent, received) = quoted('reactor ' + reactor.name), self._names(reactor)
            lines.append('  %s [shape=box, label=%s];' % (node, quoted(reactor.name)))
            lines += ['  %s -> %s;' % (node, quoted('ingredient ' + name)) for name in sent]
            lines += ['  %s -> %s;' % (quoted('ingredient ' + name), node) for name in received]
            ingredients.update(sent + received)
        lines += ['  %s [label=%s];' % (quoted('ingredient ' + name), quoted(name)) for name in ingredients]
        return '\n'.join(['digraph plant {', '  rankdir=LR;'] + lines + ['}', ''])

    def export(self, names, folder):
        """Write the ingredients `names` into a folder of their own, for load_ingredients(folder)."""
        values = dict((name, self.fetch_ingredient(name)) for name in ([names] if isinstance(
            names, string_types) else names))
        target = Warehouse(Store(folder))
        target.specs.update(self.warehouse.specs)
        for name, value in sorted(values.items()):
            product = target.put(name, str(self.get_ingredient_object(name).type), value)
            target.store.append(b'E' + 16 * b'\0' + marshal.dumps(tuple(product)))
        target.store.close()

    def shutdown(self):
        """Close the store. Called at the end of a `with`."""
        for spec in self.warehouse.specs.values():
            spec.close()
        if self.warehouse.store.max_bytes is not None:
            shrink(self.records, self.warehouse.store)
        self.warehouse.store.merge(Records.merged)
        self.warehouse.store.close()


def load_ingredients(folder, names=None, specs=()):
    """{name: value} of the ingredients that plant.export() wrote to a folder; `names`: of these only.

    specs: those that ingredients of types of yours need. Raises HotloadError for damaged ones.
    """
    if not os.path.isdir(path_text(folder)):
        raise HotloadError('expected a folder that plant.export() wrote', path=path_text(folder))
    warehouse, found = Warehouse(Store(folder)), {}
    warehouse.register_ingredient_specs(specs)
    for payload in warehouse.store.records():
        if payload[:1] == b'E':
            product = Product(*marshal.loads(payload[17:]))
            if names is None or product.name in names:
                found[product.name] = warehouse.get(product)
                if found[product.name] is GONE:
                    raise HotloadError('ingredient %r is damaged' % product.name, path=warehouse.store.top)
    warehouse.store.close()
    return found


def quoted(text):
    """A text in DOT."""
    return '"%s"' % text.replace('\\', '\\\\').replace('"', '\\"')


def shrink(records, store):
    """Bring a store below its bound: records that were not used for longest go, and what only they need."""
    if store.lost is not None or store.size() <= store.max_bytes:
        return
    runs = sorted(records.all(), key=lambda run: (
        any(product.address in store.used for product in run.products), run.time))
    keep, needed = [], 0
    for run in reversed(runs):
        size = 200 + sum(product.size for product in run.products)
        if needed + size <= store.max_bytes * 9 // 10:
            needed += size
            keep.append(run)
    addresses = set(product.address for run in keep for product in run.products)
    dropped = set(product.address for run in runs for product in run.products) - addresses
    store.rewrite(lambda payloads: [Records.encode(run) for run in reversed(keep)])
    for address in dropped:
        remove(store.place(address))
