##############################################################################
## 14. Reactors -- functions that receive and send values
##############################################################################
#
# Gives to those below ReactorFunc and SubreactorFunc, which register functions; ConfigBase, whose readers are
# noted; Pipework, what a reactor sees of all this (`pipe`); Run, which steps one run of a reactor and writes
# down its conversation; and Workshop, which knows today's answer to each question.
#
# A run's conversation is what it asked for (parameters, ingredients, files, subreactors, how types are kept),
# in order, with digests of the answers. The next question depends on the answers before it and on nothing
# else.

__all__ += ['ReactorFunc', 'SubreactorFunc', 'ConfigBase', 'ConfigValue', 'Pipework']
EVENTS = words('unknown reactor_started subreactor_started reactor_finished subreactor_finished reactor_step')
ABSENT = b'absent'          # the digest of what is not there


class Unavailable(HotloadError):
    """An ingredient that no reactor sends, or that waits for itself."""


class MissingParameter(HotloadError, AttributeError):
    """A parameter that the config does not have."""


class Damaged(Exception):
    """The bytes of a product are not there any more."""


class Return(BaseException):
    """Raised by a subreactor to give back `value` on every Python: raise hotload.Return(value)."""

    def __init__(self, value=None):
        BaseException.__init__(self, value)
        self.value = value


# ---- functions that are reactors

# {module: (namespace, its code when it was loaded, {name: function})} of the reactors, and of the
# subreactors.
REACTORS, SUBREACTORS = {}, {}


def register(function, registry, registered=None):
    """Note a function under its module and name; a module that is loaded anew forgets those of before."""
    space, code = getattr(function, '__globals__', None), getattr(function, '__code__', None)
    loaded = fresh.loads.get(getattr(code, 'co_filename', None))
    known = registry.get(function.__module__)
    if known is None or known[0] is not space or known[1] is not loaded:
        known = registry[function.__module__] = space, loaded, {}
    known[2].pop(function.__name__, None)       # the order is that of definition
    known[2][function.__name__] = function if registered is None else registered


def ReactorFunc(function):
    """Make a function (pipe) or (pipe, config) a reactor; it is returned as it is.

    >>> @ReactorFunc
    ... def load(pipe):
    ...     pipe.send('data', [1, 2])
    """
    if not callable(function) or not hasattr(function, '__name__'):
        raise HotloadError('@ReactorFunc: expected a function, found %r' % (function,))
    register(function, REACTORS)
    return function


def SubreactorFunc(function):
    """Make a function one that reactors call by `result = yield from f(pipe)`, or `yield f(pipe)` on every
    Python.

    It may yield pipe.receive(...) itself, and give a result by `return`, or `raise hotload.Return(result)`.
    """
    def call(*args, **kwargs):
        return Subrun(function, args, kwargs)
    for name in ('__module__', '__name__', '__qualname__', '__doc__'):
        with suppress(AttributeError):
            setattr(call, name, getattr(function, name))
    call.__wrapped__ = function
    register(function, SUBREACTORS, call)
    return call


class Subrun(object):
    """A call of a subreactor: an iterator of what it asks for."""

    def __init__(self, function, args, kwargs):
        self.function, self.args, self.kwargs, self.generator = function, args, kwargs, None

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    next = __next__

    def send(self, answer):
        """Go on with the answer to what was asked for last."""
        return self._go(lambda: self.generator.send(answer))

    def throw(self, *error):
        """Go on with an exception."""
        return self._go(lambda: self.generator.throw(*error))

    def close(self):
        """End it."""
        if hasattr(self.generator, 'close'):
            self.generator.close()

    def _go(self, step):
        run = RUNNING[threads.get_ident()]
        try:
            if self.generator is None:
                run.begin_sub(self.function)
                self.generator = self.function(*self.args, **self.kwargs)
                if type(self.generator) is not types.GeneratorType:
                    raise Return(self.generator)
            return step()
        except StopIteration as stop:
            value = getattr(stop, 'value', None)
        except Return as stop:
            value = stop.value
        run.emit(EVENTS.subreactor_finished, self.function.__name__)
        raise StopIteration(value)


def reactor_key(function):
    """What a function is called in the store: its module, as others would import it, and its name."""
    module = function.__module__
    if module in ('__main__', '__mp_main__'):
        module = neutral_name(sys.modules.get(module))
    return '%s:%s' % (module, function.__name__)


# ---- parameters

class ConfigBase(object):
    """Parameters, as attributes; which of them a reactor reads is noted. Subclass it, or give it a dict.

    >>> class Settings(ConfigBase):
    ...     def __init__(self):
    ...         self.colour = 'red'
    >>> Settings().peek('colour'), ConfigBase({'width': 3}).has('height')
    ('red', False)
    """

    _run = None             # set in the copy that a reactor is given
    _auxiliary = frozenset()

    def __init__(self, dictionary=None):
        self.__dict__.update(dictionary or {})

    def __getattribute__(self, name):
        run = object.__getattribute__(self, '_run')
        if run is None or name.startswith('_') or name in CONFIG_METHODS:
            return object.__getattribute__(self, name)
        kinds = [type(vars(kind)[name]) for kind in type(self).__mro__ if name in vars(kind)]
        if kinds and kinds[0] in CODE_KINDS and name not in object.__getattribute__(self, '__dict__'):
            return object.__getattribute__(self, name)          # its code is run, and asks for what it needs
        return run.read_config(name)

    def __setattr__(self, name, value):
        if self._run is not None and not name.startswith('_'):
            raise HotloadError('reactor %s: it sets parameter %r; a config is the same for all reactors' % (
                self._run.name, name))
        object.__setattr__(self, name, value)

    def peek(self, name):
        """The value of a parameter, without a note that it was read."""
        if not ConfigBase.has(self, name):
            known = sorted(name for name in map(str, vars(self)) if not name.startswith('_'))
            raise MissingParameter('there is no parameter %r%s' % (name, one_of(name, known)))
        return vars(self)[name] if name in vars(self) else getattr(type(self), name)

    def has(self, name):
        """Whether there is such a parameter."""
        return name in vars(self) or isinstance(name, string_types) and not name.startswith('_') and (
            hasattr(type(self), name) and name not in CONFIG_METHODS)

    def mark_auxiliary(self, names):
        """Say that these parameters do not matter: nothing runs again for them."""
        names = [names] if isinstance(names, string_types) else names
        object.__setattr__(self, '_auxiliary', self._auxiliary.union(names))

    def is_auxiliary(self, name):
        """Whether the parameter was marked so."""
        return name in self._auxiliary


CODE_KINDS = (FunctionType, property, classmethod, staticmethod)
CONFIG_METHODS = frozenset(['peek', 'has', 'mark_auxiliary', 'is_auxiliary'])


class ConfigValue(object):
    """A base for objects with attributes that are values in a config. (Any object will do: it is known by
    those.)"""

    def __repr__(self):
        items = ', '.join('%s=%r' % item for item in sorted(vars(self).items()))
        return '%s(%s)' % (type(self).__name__, items)


# ---- one run

RUNNING = {}                # {thread: Run} of those that are in a reactor's code now


class Request(object):
    """What pipe.receive() gives: to be yielded. name: of the ingredient."""

    __slots__ = ('name',)

    def __init__(self, name):
        self.name = name


class Pipework(object):
    """What a reactor receives and sends with; called `pipe`. config: the parameters, read as pipe.read_config
    does."""

    def __init__(self, run):
        self._run = run

    @property
    def config(self):
        """The config, which notes what is read."""
        return self._run.config()

    def receive(self, name):
        """Ask for an ingredient: value = yield pipe.receive(name)."""
        self._run.check_name(name)
        self._run.asked += 1
        return Request(name)

    def send(self, name, value, type=None, useCache=True):
        """Keep `value`, as it is now, as ingredient `name`; others receive it when this reactor has ended."""
        self._run.send(name, value, type)

    def allocate(self, name, type, **how):
        """An ingredient to be filled in place: a path (type file), a writable mmap (buffer; size=bytes) or a
        numpy array (array; shape=, dtype=)."""
        return self._run.allocate(name, type, how, False)

    def allocate_temp(self, name, type, **how):
        """As allocate(), for something that is removed when this reactor ends."""
        return self._run.allocate(name, type, how, True)

    def read_config(self, name):
        """The value of a parameter."""
        return self._run.read_config(name)

    def read_config_unregistered(self, name):
        """The value of a parameter; nothing runs again when it changes."""
        return self._run.workshop.config.peek(name)

    def register_config_param(self, name):
        """Run again when this parameter changes."""
        self._run.read_config(name)

    def depends_on(self, path):
        """Run again when the content of the file or folder changes; gives back the path."""
        self._run.note('f', path_text(path), self._run.workshop.file_digest(path_text(path)))
        return path


def takes_config(function):
    """Whether a reactor has a second argument, without a default or called `config`."""
    inner = [part for part in map(content, getattr(function, '__closure__', None) or ())
             if type(part) is FunctionType]
    code = getattr(function, '__code__', None)
    if hasattr(function, '__wrapped__') or code is not None and code.co_flags & 4 and inner:
        return takes_config(getattr(function, '__wrapped__', None) or inner[0])     # 2.7 has no __wrapped__
    names = code.co_varnames[:code.co_argcount] if code is not None else ()
    names = names[1:] if getattr(function, '__self__', None) is not None else names
    needed = len(names) - len(getattr(function, '__defaults__', None) or ())
    return needed > 1 or names[1:2] == ('config',)


class Run(object):
    """One run of a reactor. name.      function.
    workshop: gives values, digests and config. conversation: [(kind, name, digest)]: 'c' parameter, 'r'
    ingredient, 'f' file, 's' subreactor. products: {name: Product}.
    seconds: of processor and waiting, in its own code."""

    def __init__(self, name, function, workshop, emit):
        self.name, self.function, self.workshop, self.emit = name, function, workshop, emit
        self.conversation, self.noted, self.products, self.drafts, self.values = [], set(), {}, {}, {}
        self.stack, self.asked, self.seconds, self.started = None, 0, 0.0, time.time()
        self.pipe = Pipework(self)

    # ---- what the pipe does

    def note(self, kind, name, digest):
        """Add a question and the digest of its answer, once."""
        if (kind, name) not in self.noted:
            self.noted.add((kind, name))
            self.conversation.append((kind, name, digest))

    def check_name(self, name):
        """Raise HotloadError if it is no name of an ingredient."""
        if not isinstance(name, string_types):
            raise HotloadError('reactor %s: expected the name of an ingredient, found %r' % (self.name, name))

    def read_config(self, name):
        """A copy of a parameter's value, one a run."""
        if not self.workshop.is_auxiliary(name):
            self.note('c', name, self.workshop.config_digest(name))
        if name not in self.values:
            try:
                value = self.workshop.config.peek(name)
            except MissingParameter as error:
                raise MissingParameter('reactor %s: %s' % (self.name, error))
            try:                                # what one reactor does to it is not seen by others
                self.values[name] = value if type(value) in PLAIN_TYPES else copy.deepcopy(value)
            except Exception:
                self.values[name] = value
        return self.values[name]

    def config(self):
        """The config object that this reactor sees."""
        clone = object.__new__(type(self.workshop.config))
        vars(clone).update(vars(self.workshop.config), _run=self)
        return clone

    def begin_sub(self, function):
        """Take note that a subreactor is called."""
        self.note('s', reactor_key(function), self.workshop.code_digest(function))
        self.emit(EVENTS.subreactor_started, function.__name__)

    def kind_of(self, type, value=None):
        """The name of a value's type; how those of the user are kept is part of what the reactor does."""
        kind = self.workshop.warehouse.kind_of(type, value)
        if kind in self.workshop.warehouse.specs:
            self.note('t', kind, self.workshop.type_digest(kind))
        return kind

    def send(self, name, value, type):
        """Keep a value."""
        self.check_name(name)
        if name in self.products:
            raise HotloadError('reactor %s: it sends %r twice' % (self.name, name))
        draft = self.drafts.get(name)
        if draft is not None and not draft.is_temporary and (value is draft.value or (
                isinstance(value, string_types) and os.path.abspath(value) == draft.path)):
            return                              # what was allocated counts as it is when the reactor ends
        try:
            self.products[name] = self.workshop.warehouse.put(name, self.kind_of(type, value), value)
        except HotloadError:
            raise
        except Exception as error:              # pickle raises anything
            raise HotloadError('reactor %s: ingredient %r cannot be kept: %s: %s' % (
                self.name, name, error.__class__.__name__, error))
        if draft is not None and not draft.is_temporary:
            self.workshop.warehouse.drop(self.drafts.pop(name))

    def allocate(self, name, type, how, is_temporary):
        """Make an empty value."""
        self.check_name(name)
        warehouse = self.workshop.warehouse
        kind = self.kind_of(type)
        if name in self.drafts or name in self.products:
            raise HotloadError('reactor %s: it allocates or sends %r twice' % (self.name, name))
        try:
            self.drafts[name] = warehouse.allocate(name, kind, how, is_temporary)
        except HotloadError:
            raise
        except KeyError as error:
            raise HotloadError('reactor %s: allocate(%r, %s) needs %s=' % (
                self.name, name, kind, error.args[0]))
        except Exception as error:
            raise HotloadError('reactor %s: ingredient %r cannot be allocated: %s: %s' % (
                self.name, name, error.__class__.__name__, error))
        return self.drafts[name].value

    # ---- stepping it

    def advance(self, product=None, error=None):
        """Go on, with the Product that it waits for or an exception. The name that it needs next; None: it
        ended."""
        ident, begin = threads.get_ident(), clock_s()
        before, RUNNING[ident] = RUNNING.get(ident), self
        try:
            answer = None
            if product is not None:
                answer = self._received(product)
            while True:
                if self.stack is None:
                    wanted = self._begin()
                else:
                    wanted, answer = self._step(answer, error)
                error = None
                if not self.stack:
                    self._end()
                    return None
                if type(wanted) is Request:
                    self.asked -= 1
                    own = self._own(wanted.name)
                    if own is None:
                        return wanted.name
                    answer = own[0]
                elif wanted is not None:
                    error = HotloadError('reactor %s yields %r; expected yield pipe.receive(name) or a call '
                                         'of a @SubreactorFunc' % (self.name, wanted))
        finally:
            self.seconds += clock_s() - begin
            if before is None:
                del RUNNING[ident]
            else:
                RUNNING[ident] = before

    def _begin(self):
        function = self.function
        self.emit(EVENTS.reactor_started, self.name, function)
        found = function(self.pipe, self.config()) if takes_config(function) else function(self.pipe)
        self.stack = [found] if isinstance(found, types.GeneratorType) else []

    def _step(self, answer, error):
        """(what the innermost generator asks for, the answer if it ended)."""
        top = self.stack[-1]
        try:
            wanted = top.send(answer) if error is None else top.throw(error)
            self.emit(EVENTS.reactor_step, self.name)
        except StopIteration as stop:
            self.stack.pop()
            return None, getattr(stop, 'value', stop.args[0] if stop.args else None)
        except Return as stop:
            self.stack.pop()
            return None, stop.value
        except Exception as raised:
            self.stack.pop()
            if not self.stack:
                raise
            return self._step(None, raised)     # for the one that called the subreactor
        if isinstance(wanted, Subrun):
            self.stack.append(wanted)
            return None, None
        return wanted, None

    def _own(self, name):
        """[value] of an ingredient that this run itself sent, or None."""
        warehouse = self.workshop.warehouse
        if name in self.products:
            return [warehouse.get(self.products[name])]
        draft = self.drafts.get(name)
        return None if draft is None else [draft.value]

    def _received(self, product):
        """The value of an ingredient, noted."""
        value = self.workshop.warehouse.get(product)
        if value is GONE:
            raise Damaged(product)
        self.note('r', product.name, self.workshop.identity(product))
        return value

    def _end(self):
        """Make products of what was allocated."""
        if self.asked:
            raise HotloadError('reactor %s: what pipe.receive() gives is to be yielded: '
                               'value = yield pipe.receive(name)' % self.name)
        for name, draft in sorted(self.drafts.items()):
            if not draft.is_temporary:
                self.products[name] = self.workshop.warehouse.finish(draft)
                del self.drafts[name]
        self.close()

    def outcome(self):
        """(conversation, [Product], seconds, when it started)."""
        products = [self.products[name] for name in sorted(self.products)]
        return self.conversation, products, self.seconds, self.started

    def close(self):
        """End the generators, and remove what is temporary."""
        while self.stack:
            self.stack.pop().close()
        while self.drafts:
            self.workshop.warehouse.drop(self.drafts.popitem()[1])


# ---- answers

PICKLED = frozenset(['simple', 'list', 'object', 'unknown'])     # types whose values are pickles
FILE_DIGESTS = {}           # {path: (its key, digest of its content)}


class Workshop(object):
    """What runs need around them: config, warehouse, digests. One a session of a plant, and one in each
    worker.

    auxiliary: set of names of parameters that do not matter.      Threads may share one.
    """

    def __init__(self, warehouse, config, auxiliary, function_hash=None):
        self.warehouse, self.config, self.auxiliary = warehouse, config, auxiliary
        self.function_hash = function_hash
        self.meanings, self.digests, self.lock = Meanings(), {}, threads.allocate_lock()
        self.subs = None

    def digest(self, value):
        """The digest of a value."""
        with self.lock:
            return self.meanings.of(value)

    def called_with(self, function, method):
        """As of Meanings."""
        with self.lock:
            return self.meanings.called_with(function, method)

    def is_auxiliary(self, name):
        """Whether a parameter does not matter."""
        return name in self.auxiliary or ConfigBase.is_auxiliary(self.config, name)

    def config_digest(self, name):
        """The digest of a parameter's value."""
        found = self.digests.get(('c', name))
        if found is None:
            found = self.digest(self.config.peek(name)) if ConfigBase.has(self.config, name) else ABSENT
            self.digests['c', name] = found
        return found

    def code_digest(self, function):
        """The digest of what a function means."""
        if self.function_hash is None:
            return self.digest(function)
        return digest_of(('%s %s' % (PYTHON_TAG, self.function_hash(function))).encode('utf-8'))

    def file_digest(self, path):
        """The digest of a file's or folder's content."""
        try:
            state, begun, path = state_of(path), time.time(), os.path.abspath(path)
            if state is not None and FILE_DIGESTS.get(path, (None,))[0] == state:
                return FILE_DIGESTS[path][1]
            digest = checksum(path).encode()
            if is_settled(state, begun):
                FILE_DIGESTS[path] = state, digest
            return digest
        except EnvironmentError:
            return ABSENT

    def identity(self, product):
        """What an ingredient is known by: the checksum of its bytes, and what the classes in it mean now."""
        kind = product.kind
        is_pickle = kind in PICKLED or kind == 'array' and product.meta is None
        if is_pickle and not product.refs:
            return product.address
        found = self.digests.get(product)
        if found is None:
            try:
                parts = [self.digest(find_global(*names)) for names in product.refs]
            except (ImportError, AttributeError):
                parts = [ABSENT]
            if not is_pickle:
                parts += [self.type_digest(kind), product.meta or b'']
            found = self.digests[product] = digest_of(product.address.encode() + b''.join(parts))
        return found

    def type_digest(self, kind):
        """The digest of how values of a type are kept."""
        if ('t', kind) not in self.digests:
            self.digests['t', kind] = self.digest(self.warehouse.specs.get(kind, kind))
        return self.digests['t', kind]

    def answer(self, kind, name, before):
        """The digest of today's answer to a question of an earlier run; those of ingredients are found
        elsewhere."""
        if kind == 'c':
            return before if self.is_auxiliary(name) else self.config_digest(name)
        if kind == 'f':
            return self.file_digest(name)
        if kind == 't':
            return self.type_digest(name)
        function = self.subreactors().get(name)
        return None if function is None else self.code_digest(function)

    def subreactors(self):
        """{reactor_key: function} of all subreactors."""
        if self.subs is None:
            found = [each for _, _, functions in list(SUBREACTORS.values()) for each in functions.values()]
            self.subs = dict((reactor_key(each), each.__wrapped__) for each in found)
        return self.subs
