##############################################################################
## 15. Workers -- reactors in other threads, processes and machines
##############################################################################
#
# Gives to those below Tasks, which hands reactors to an executor (of concurrent.futures, or dask's), and
# run_task(), which runs one in a worker. A task is small: where the function is, what it may receive, and the
# folder of the store, which all share; what a worker sends is in the store before it answers. Only the
# scheduler writes records.
#
# A worker that knows the function by another meaning (it loaded an older text, or the function depends on
# what only the program itself did) leaves it to the scheduler's process: never an old result under a new key.
# What a worker needs to run a reactor. token, number: of the session and of the task.
# path, module, name: where the function is.      code: digest that it must have.
# store: (folder, session) of the Store.      given: pickle of (config, auxiliary parameters, specs), or None.
# products: [tuple of a Product] of what it may receive.
Task = namedtuple('Task', 'token number path module name code store given products')
# {token of a session: (process, Workshop)} for workers that are threads of this process, or forked from it.
WORKSHOPS = {}


def run_task(task):
    """Run a reactor in a worker: (None, its outcome), (what it needs, None or the Product that is damaged),
    or (None, None) when that cannot be done here; and the events."""
    function, workshop = find_reactor(task), find_workshop(task)
    if function is None or workshop is None or workshop.code_digest(function) != task.code:
        return None, None, []
    events, products = [], dict((product[0], Product(*product)) for product in task.products)
    run = Run(task.name, function, workshop, lambda *event: events.append(event[:2]))
    try:
        wanted = run.advance()
        while wanted is not None:
            product = products.get(wanted)
            if product is None:
                return wanted, None, []
            try:
                wanted = run.advance(product)
            except Damaged:
                return wanted, product, []
        return None, run.outcome() if workshop.warehouse.store.lost is None else None, events
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:                       # it cannot be sent to the plant as it is
            raise HotloadError('%s: %s' % (type(error).__name__, error))
        raise
    finally:
        run.close()


def find_workshop(task):
    """The Workshop of a task, in a worker; None when it cannot be sent there."""
    pid, workshop = WORKSHOPS.get(task.token, (None, None))
    if pid == os.getpid():
        return workshop
    if workshop is not None:                    # this process was forked from the plant's
        given = workshop.config, workshop.auxiliary, workshop.warehouse.specs, workshop.function_hash
    elif task.given is not None:
        given = load(task.given, find_global)
    else:
        return None
    config, auxiliary, specs, function_hash = given
    warehouse = Warehouse(Store(task.store[0], trust=True, session=task.store[1]))
    warehouse.specs.update(specs)
    workshop = Workshop(warehouse, config, auxiliary, function_hash)
    while len(WORKSHOPS) > 8:                   # of earlier sessions
        WORKSHOPS.popitem()
    WORKSHOPS[task.token] = os.getpid(), workshop
    return workshop


def find_reactor(task):
    """The function of a task, in a worker, whose module is loaded if need be; None when it is not there."""
    main = sys.modules.get('__main__')
    is_main = task.module == neutral_name(main) or getattr(main, '__file__', None) and (
        os.path.abspath(main.__file__) == task.path)
    for module in ('__main__', '__mp_main__') if is_main else (task.module,):
        if task.name in REACTORS.get(module, (0, 0, {}))[2]:
            return REACTORS[module][2][task.name]
    module = main if is_main else sys.modules.get(task.module)
    if module is None:
        module = load_file(task.path, task.module)
    return REACTORS.get(module.__name__, (0, 0, {}))[2].get(task.name, getattr(module, task.name, None))


def load_file(path, name):
    """Load a file as the module `name`; the program's own script as multiprocessing does."""
    with suppress(ImportError):
        if name != '__main__':
            __import__(name)
            return sys.modules[name]
    module = type(sys)('__mp_main__' if name == '__main__' else name)
    module.__file__, sys.modules[module.__name__] = path, module
    if name == '__main__':
        sys.modules['__main__'] = module
    LOADING.append(path)
    try:
        execute(compile(read_bytes(path), path, 'exec', 0, True), vars(module))
    finally:
        LOADING.pop()
    return module


LOADING = []                # files that a worker is loading now


class Tasks(object):
    """The reactors that an executor runs for a session. running: {future: Work}."""

    def __init__(self, session, executor):
        import threading
        self.executor, self.session, self.running, self.number = executor, session, {}, 0
        self.token = '%s-%d-%d' % (session.warehouse.store.session, os.getpid(), id(session))
        self.most = getattr(executor, '_max_workers', None) or 8
        self.done, self.bell = [], threading.Event()
        workshop = session.workshop
        try:
            given = workshop.config, workshop.auxiliary, workshop.warehouse.specs, workshop.function_hash
            self.given = dump(given, lambda item: global_name(item, []))
        except Exception:                       # threads and forked processes have them anyway
            self.given = None

    def is_full(self):
        """Whether all workers are busy."""
        return len(self.running) >= self.most

    def task(self, reactor, products):
        """The Task to run a reactor, which may receive these Products."""
        self.number += 1
        function, store = reactor.function, self.session.warehouse.store
        path = getattr(getattr(function, '__code__', None), 'co_filename', '')
        module = function.__module__
        return Task(self.token, self.number, os.path.abspath(path), module, function.__name__, reactor.code,
                    (store.top, store.session), self.given, list(map(tuple, products)))

    def submit(self, work, task):
        """Have a Task run."""
        WORKSHOPS[self.token] = os.getpid(), self.session.workshop
        try:
            future = self.executor.submit(run_task, task)
        except RuntimeError as error:           # a worker died, or it was shut down
            raise self._explained(work, error)
        self.running[future] = work
        future.add_done_callback(self._ring)

    def _ring(self, future):
        self.done.append(future)
        self.bell.set()

    def wait(self):
        """The next entry for Session.ready: a Work, what its task gave or None, the exception or None."""
        work = None
        while work is None:                     # one that was given up ends late
            while not self.done:
                self.bell.wait(3600)
                self.bell.clear()
            future = self.done.pop(0)
            work = self.running.pop(future, None)
        try:
            needs, outcome, events = future.result()
        except Exception as error:
            return work, None, self._explained(work, error)
        for event in events:
            about = (work.reactor.function,) if event[0] == EVENTS.reactor_started else ()
            self.session.plant._emit(*tuple(event) + about)
        return work, (needs, outcome), None

    def _explained(self, work, error):
        """The exception to raise for one that an executor raised."""
        if not type(error).__name__.startswith(('Broken', 'Killed', 'Cancelled')):
            add_note(error, 'raised in reactor %s' % work.reactor.name)
            return error
        others = [each.reactor.name for each in self.running.values() if each is not work]
        path, line = unguarded_call()
        hint = '' if line is None else ('. Each worker loads this file and comes to this line, too: put it '
                                        'below `if __name__ == "__main__":`')
        found = HotloadError('a worker died (%s) while it ran reactor %s; what had finished is kept%s' % (
            type(error).__name__, ' or '.join([work.reactor.name] + others), hint), path=path, line=line)
        found.__cause__ = error
        return found

    def stop(self):
        """Keep what has finished, and give up what does not run yet."""
        for future in self.done:
            if future in self.running and not future.cancelled() and future.exception() is None:
                needs, outcome, _ = future.result()
                if needs is None and outcome is not None:
                    self.session.keep(self.running[future].reactor, *outcome)
        for future in list(self.running):
            future.cancel()
        self.running.clear()
        WORKSHOPS.pop(self.token, None)


def refuse_in_worker():
    """Raise HotloadError when a worker process is only loading the script, and the script would run all
    again."""
    process = sys.modules.get('multiprocessing.process')
    if LOADING or process is not None and getattr(process.current_process(), '_inheriting', False):
        frame = sys._getframe(1)
        while frame.f_back is not None and (
                is_own_frame(frame.f_code.co_filename) or frame.f_code.co_name != '<module>'):
            frame = frame.f_back
        raise HotloadError('a worker loads this file and would run the plant in it, too: put this below '
                           '`if __name__ == "__main__":`', path=frame.f_code.co_filename, line=frame.f_lineno)


def unguarded_call():
    """(path, line) where the script calls us outside of any function and of `if __name__ == ...`, or (None,
    None)."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != '<module>':
        frame = frame.f_back
    if frame is None or frame.f_globals.get('__name__') != '__main__':
        return None, None
    path, line = frame.f_code.co_filename, frame.f_lineno
    with suppress(EnvironmentError, SyntaxError, ValueError):
        for node in parse(read_bytes(path)):
            if isinstance(node, _ast.If) and '__name__' in fingerprint(node.test) and (
                    any(getattr(part, 'lineno', 0) == line for part in walk(node))):
                return None, None
        return path, line
    return None, None
