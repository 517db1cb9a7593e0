##############################################################################
## 10. Live -- patches from a thread, from the program, in a loop, at a prompt
##############################################################################
#
# Gives to the user: watch(), which patches on each save from a thread; make_recoder(), for patches that the
# program makes itself; reloading(), for the body of a loop; the extension of IPython; and --live of the
# command line.

__all__ += ['make_recoder', 'reloading', 'OutOfSyncException', 'load_ipython_extension', 'unload_ipython_extension']


class LiveLoop(Loop):
    """The Loop of watch(): looks from a thread, and touches nothing of the program but what is patched.

    patch: the LivePatch.      runs: how many saves it applied.      Loop.tick(), .stop() and .join() as ever.
    """

    def __init__(self, patch, first=(), rate=RATE, logger=report, debounce_s=0, verbose=False):
        self.patch, self.first, self.pause_s = patch, list(first), 1.0 / rate
        self.logger, self.verbose = logger, verbose
        self.debounce_s, self.runs, self.stopping, self.watcher, self.thread = debounce_s, 0, False, None, None
        self.clock, self.sleep, self.stale, self.steps, self.said = clock_s, None, [], [patch], set()
        self.busy, self.next_look = threads.allocate_lock(), 0

    def forever(self):
        """Look and apply until stop()."""
        try:
            self._look()
        finally:
            self.busy.release()

    def _look(self):
        for _ in range(20):                     # a program starts at once, and a short one never pays for what follows
            if not self.stopping:
                time.sleep(0.005)
        while not self.stopping:
            try:
                self.tick(self.watcher.wait(self.pause_s) if self.watcher else ())
                if self.verbose:
                    self._say_watched()
            except Exception:
                show_error(sys.exc_info())
                time.sleep(1)
        self.close()

    def tick(self, hints=()):
        """Look once, and apply what changed; the paths that did."""
        if self.watcher is None:
            self.watcher = Watcher([self.patch.files], self.first)
        changed = self.watcher.look(hints)
        if changed:
            self.run(changed)
        for file in list(FILES.values()):
            if file.late and self.clock() > self.next_look:
                file.late = running_line(file.path) is not None
                catch_up([file])
                self.next_look = self.clock() + 0.25
        return changed

    def _say_watched(self):
        for path in self.patch.files():
            if path not in self.said:
                self.said.add(path)
                self.logger([Change('Watch', path, path, None, None)])

    def run(self, changed=()):
        """Apply the saves of the files `changed`."""
        if self.debounce_s:
            time.sleep(self.debounce_s)
        wanted = set(self.patch.files())
        changes = self.patch.apply([path for path in changed if path in wanted])
        self.runs += 1
        if changes and self.logger is not None:
            self.logger(changes)

    def start(self):
        """Begin to look, in a daemon thread."""
        import atexit
        import threading
        self.busy.acquire()
        self.thread = threading.Thread(target=self.forever, name='hotload')
        self.thread.daemon = True
        self.thread.start()
        atexit.register(self.end)
        return self

    def end(self):
        """Stop, and wait for it: 2.7 cannot take modules apart while a thread runs."""
        self.stop()
        while not self.busy.acquire(False):
            time.sleep(0.001)

    def close(self):
        """Stop using the finder and the kernel's hints."""
        if self.watcher is not None:
            self.watcher.close()
        self.patch.close()


def watch(pattern='./*.py', logger=report, autostart=True, debounce=None, poll=None):
    """Patch the loaded modules whose file matches `pattern` on every save, from a daemon thread. The Loop.

    pattern: as of LivePatch, a list of such, or a module.      logger(list of Change), or None for silence.
    debounce: seconds to wait after a save was noticed.      poll: seconds between two looks.

    >>> loop = watch('no such folder/*.py')
    >>> loop.stop(); loop.join(10)
    True
    """
    loop = LiveLoop(LivePatch(pattern), (), RATE if not poll else 1.0 / poll, logger, debounce or 0)
    return loop.start() if autostart else loop


# ---- patches from the program

class OutOfSyncException(HotloadError):
    """A patch cannot be written, since its file was changed by others after the patch was made."""


class Recoder(object):
    """Changes a function, class or module from within the program, and writes that to its file if asked to.

    path: of the file.      names: of the classes and functions around it, and its own.
    status: 'live' (as made or patched), 'saved' (committed or reverted) or 'out-of-sync' (the file changed
    since). on_status: list of functions that are called as f(recoder, status) when it changes.
    """

    count = 0

    def __init__(self, target, deletable=False):
        self.path, self.names, self.number = locate(target)
        self.file, self.deletable, self.change, self.on_status = live_file(self.path), deletable, None, []
        self.file.load()
        self.disk, self.saved, self.state = self.file.disk, self.file.data, 'live'
        if self.names:
            self._segment(self.file.data)

    @property
    def status(self):
        """What it is now."""
        return 'out-of-sync' if self.change and self.disk != self.file.disk else self.state

    def patch(self, text):
        """Give it the new definition `text`. SyntaxError or ValueError, and nothing changed, if that is none."""
        if not self.names:
            return self.patch_module(text)
        text = self._encoded(text)
        nodes = parse(dedented(text), self.path)
        if not nodes and self.deletable:
            return self._apply(lambda data: self._spliced(data, b''))
        if len(nodes) != 1 or getattr(nodes[0], 'name', None) != self.names[-1]:
            raise ValueError('expected one definition of %s, and nothing else' % self.names[-1])
        self._apply(lambda data: self._spliced(data, text))

    def patch_module(self, text):
        """Add the statements of `text` to the module; definitions that are there are replaced."""
        text = self._encoded(text)
        nodes = parse(text, self.path)
        if not self.names:
            return self._apply(lambda data: text)
        self._apply(lambda data: self._merged(data, text, nodes))

    def repatch(self):
        """Apply the last patch again, onto what the file holds by now."""
        if self.change is not None:
            self._apply(self.change)

    def revert(self):
        """Go back to the last commit, or to the beginning."""
        if self.change is not None:
            saved, self.change = self.saved, None
            if self.names and self.patched != self.file.data:       # others patched it too: put back this part
                start, end = self._segment(saved)[:2]
                saved = self._spliced(self.file.data, b''.join(saved.splitlines(True)[start:end]))
            self._install(saved)
            self._set('saved')

    def commit(self):
        """Write the patch into the file, every other byte as it was. OutOfSyncException if others wrote to it."""
        if self.change is None:
            return
        if self.disk != self.file.disk or read_bytes(self.path) != self.disk:
            self._set('out-of-sync')
            raise OutOfSyncException('changed since the patch was made; nothing was written. repatch() puts the '
                                     'patch on top of it', path=self.path)
        data = self.change(self.disk)
        with open(self.path, 'wb') as stream:
            stream.write(data)
        self.file.disk = fresh.read(self.path)
        self._install(self.file.data if self.file.data != self.patched else self.file.disk)
        self.disk, self.saved, self.change = self.file.disk, self.file.data, None
        self._set('saved')

    def _set(self, status):
        self.state = status
        for callback in list(self.on_status):
            callback(self, status)

    def _encoded(self, text):
        """The text as bytes as the file would hold them."""
        if isinstance(text, bytes):
            return text
        coding = self.file.source.coding or b'utf-8'
        return text.encode(coding.decode('ascii'))

    def _apply(self, change):
        data = change(self.file.data)
        self._install(data)
        self.change, self.disk, self.patched = change, self.file.disk, self.file.data
        self._set('live')

    def _install(self, data):
        """Make `data` the text that runs. Its lines are shown by tracebacks though no file holds them."""
        name = None
        if data != self.file.disk:
            Recoder.count += 1
            name = '<patch %d of %s>' % (Recoder.count, self.path)
            linecache.cache[name] = len(data), None, source_lines(data), name
        for change in apply_plans([self.file.prepare(data, name)]):
            if change.kind == 'Failed':
                raise change.error if isinstance(change.error, BaseException) else HotloadError(str(change), self.path)

    def _segment(self, data):
        """(index of its first line, index after its last, indentation) in the text."""
        nodes, lines = parse(data, self.path), data.splitlines(True)
        for name in self.names:
            found = [node for item in nodes for node in inner_definitions(item) if node.name == name]
            if not found:
                raise HotloadError('%s is not in the text' % '.'.join(self.names), path=self.path)
            node = found[min(self.number, len(found) - 1) if name is self.names[-1] else -1]
            nodes = node.body
        start = _first_line(node)
        return start, last_line(node, lines), lines[start][:len(lines[start]) - len(lines[start].lstrip())]

    def _spliced(self, data, text):
        """`data` with the definition exchanged for `text`, which is indented as that was."""
        start, end, indent = self._segment(data)
        lines = data.splitlines(True)
        newline = b'\r\n' if lines[start].endswith(b'\r\n') else b'\n'
        text = indented(dedented(text), indent).rstrip() + b'\n' if text.strip() else b''
        if newline != b'\n':
            text = text.replace(b'\r\n', b'\n').replace(b'\n', newline)
        if not lines[end - 1].endswith((b'\n', b'\r')):
            text = text.rstrip(b'\r\n')
        return b''.join(lines[:start] + [text] + lines[end:])

    def _merged(self, data, text, nodes):
        """`data` with the statements of `text`: definitions in place of theirs, the others ahead of this one."""
        own, number, ahead = self.names, self.number, b''
        lines = text.splitlines(True)
        known = set(node.name for node in parse(data, self.path) if isinstance(node, DEFINITIONS))
        chunks = [(_first_line(node), node) for node in nodes] + [(len(lines), None)]
        for (start, node), (end, _) in zip(chunks, chunks[1:]):
            part = b''.join(lines[start:end])
            name = getattr(node, 'name', None) if isinstance(node, DEFINITIONS) else None
            if name not in known or name == own[0]:
                ahead += part
            else:
                self.names, self.number = (name,), 0
                data = self._spliced(data, part)
                self.names, self.number = own, number
        self.names = own[:1]
        try:
            if own[0] in [getattr(node, 'name', None) for node in nodes]:
                return self._spliced(data, ahead)
            start, lines = self._segment(data)[0], data.splitlines(True)
            return b''.join(lines[:start] + [ahead.rstrip() + b'\n\n\n'] + lines[start:])
        finally:
            self.names = own


def make_recoder(obj, deletable=False):
    """A Recoder for a function, method, class or module that was loaded from a file.

    deletable: whether patch('') may remove it.
    """
    return Recoder(obj, deletable)


def locate(target):
    """(path, names, number) of the definition of an object: number among those of one name at its place."""
    for part in ('__func__', 'fget', 'func'):
        target = getattr(target, part, None) or target
    while hasattr(target, '__wrapped__') and not isinstance(target, class_types):
        target = target.__wrapped__
    module, names, number = None, (), 0
    if isinstance(target, type(sys)):
        module, path = target, module_path(target)
    elif isinstance(target, class_types):
        module = sys.modules.get(target.__module__)
        path = module and module_path(module)
        names = tuple(getattr(target, '__qualname__', target.__name__).split('.'))
    elif type(target) is FunctionType:
        name = target.__code__.co_filename
        path = name.partition(' of ')[2][:-1] if name.startswith('<patch ') else os.path.abspath(name)
    else:
        path = None
    if path is None or not os.path.exists(path):
        raise HotloadError('%r has no source in a file; expected a function, class or module of one' % (target,))
    if type(target) is FunctionType:
        file = live_file(path)
        file.load()
        code = file.aliases.get(id(target.__code__), (None, target.__code__))[1]
        for codes in file.source.codes:
            for found, _, chain in pair(codes, codes):
                if found is code:
                    names = tuple(item.co_name for item in chain if item.co_name) + (code.co_name,)
        if not names:
            raise HotloadError('%s is not in the text of its file' % target.__name__, path=path)
        same = sorted(found.co_firstlineno for codes in file.source.codes for found, _, chain in pair(codes, codes)
                      if tuple(item.co_name for item in chain) + (found.co_name,) == names)
        number = same.index(code.co_firstlineno)
    return path, names, number


def last_line(node, lines):
    """The index after the last line of a definition."""
    if getattr(node, 'end_lineno', None):
        return node.end_lineno
    import tokenize                             # before 3.8
    start, depth, last, base, is_defined, is_over = _first_line(node), 0, 0, None, False, False
    rest = iter([line.decode('latin-1') for line in lines[start:]] + [''])
    for kind, text, _, (end, _), _ in tokenize.generate_tokens(lambda: next(rest)):
        if kind in (tokenize.COMMENT, tokenize.NL):
            continue
        if is_over and kind != tokenize.INDENT or kind == tokenize.DEDENT and depth == base + 1:
            break
        depth += (kind == tokenize.INDENT) - (kind == tokenize.DEDENT)
        is_over = kind == tokenize.NEWLINE and is_defined and depth == base     # but if an indented block follows
        if kind not in (tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE):
            base, last = depth if base is None else base, end
            is_defined = is_defined or text in ('def', 'class')
    return start + last


def dedented(text):
    """The bytes of a definition without the indentation of its first line."""
    lines = text.splitlines(True)
    filled = [line for line in lines if line.strip()]
    indent = filled[0][:len(filled[0]) - len(filled[0].lstrip())] if filled else b''
    return b''.join(line[len(indent):] if indent and line.startswith(indent) else line for line in lines)


def indented(text, indent):
    """The bytes of a definition, each line that begins with code moved in; not the inside of texts of several lines."""
    if not indent:
        return text
    import io
    import tokenize
    inside, lines = set(), text.splitlines(True)
    read = io.StringIO(text.decode('latin-1') if text else u'').readline
    for token in tokenize.generate_tokens(read):
        if token[2][0] != token[3][0] and token[1].strip():
            inside.update(range(token[2][0] + 1, token[3][0] + 1))
    return b''.join(line if number in inside or not line.strip() else indent + line
                    for number, line in enumerate(lines, 1))


# ---- a loop's body or a function, read again each time

OWN_NAMES = ('hotload_turn', 'hotload_keep', 'hotload_x')


class ReloadedLoop(object):
    """The loop `for x in reloading(...)` that a frame is in: runs its body as the file has it now."""

    def __init__(self, frame, every):
        self.frame, self.every, self.name = frame, every, frame.f_code.co_filename
        self.path = os.path.abspath(self.name)
        if file_key(self.path) is not None:
            self.key, data = file_key(self.path), read_bytes(self.path)
        else:                                   # a cell of a notebook
            text = ''.join(linecache.getlines(self.name))
            self.key, self.path, data = None, self.name, text if isinstance(text, bytes) else text.encode('utf-8')
        self.place = None
        self.take(data)

    def take(self, data):
        """Use the loop's body in the text `data`."""
        loops, line = list(reloading_loops(parse(data, self.path), (), self.path)), self.frame.f_lineno
        if self.place is None:
            mine = [item for item in loops if item[1].lineno <= line <= item[1].body[0].lineno]
        else:
            mine = [item for item in loops if item[0] == self.place[0]] or [
                item for item in loops if item[0][0] == self.place[0][0]][:1]
        if not mine:
            raise HotloadError('the loop over reloading() is not there', path=self.path)
        self.place = mine[-1]
        node = self.place[1]
        self.node, self.is_module = node, self.frame.f_locals is self.frame.f_globals
        if any(isinstance(part, _ast.Return) or type(part).__name__ in ('Yield', 'YieldFrom', 'Await')
               for item in node.body for part in walk_scope(item)):
            raise HotloadError('return, yield and await cannot be used in the body of a loop over reloading()',
                               path=self.path, line=node.lineno)
        self.codes = {}

    def refresh(self):
        """Read the file again if it changed; a body that does not compile is not taken."""
        key = file_key(self.path) if self.key is not None else None
        if key != self.key and key is not None:
            self.key = key
            try:
                self.take(fresh.read(self.path))
            except EnvironmentError:
                pass
            except (SyntaxError, HotloadError):
                show_error(sys.exc_info())

    def wait(self):
        """Wait until the file is saved."""
        say('the body raised: save %s to try this iteration again' % os.path.basename(self.path), colour=RED)
        while file_key(self.path) in (self.key, None):
            time.sleep(0.02)

    def turn(self, item):
        """Run the body for one item; whether the loop is to go on."""
        values = dict((name, value) for name, value in self.frame.f_locals.items() if name not in OWN_NAMES)
        if self.is_module:
            space, going = self.frame.f_globals, []
            space['hotload_turn'] = item, going
            try:
                execute(self._code(None), space)
            finally:
                space.pop('hotload_turn', None)
            return bool(going)
        names = [name for name in self.frame.f_code.co_varnames if name in values]
        names += sorted(name for name in values if name not in names and re.match(r'[^\W\d]\w*\Z', name))
        going, after = [], {}
        code = self._code(tuple(names))
        function = FunctionType(code, self.frame.f_globals, code.co_name, None, tuple(
            make_cell(values.get(name)) for name in code.co_freevars) or None)
        try:
            function(*[values[name] for name in names] + [(item, going), after.update])
        finally:
            set_locals(self.frame, dict((name, value) for name, value in after.items() if name not in OWN_NAMES))
        return bool(going)

    def _code(self, names):
        """The code that runs the body once: part of the module, or a function with the local variables as parameters."""
        if names not in self.codes:
            text = b'for hotload_x in hotload_turn[:1]:\n  pass\nelse:\n  hotload_turn[1].append(1)\n'
            if names is not None:
                text = b''.join(b'   ' + line for line in text.splitlines(True))
                inside = [name for name in names if name != '__class__']
                text = ('def outer(%s):\n def body(%s):\n  try:\n' % (
                    '__class__' if '__class__' in names else '', ', '.join(inside + ['hotload_turn', 'hotload_keep']))
                    ).encode('utf-8') + text + b'  finally:\n   hotload_keep(locals())\n'
            nodes = parse(b'# coding: utf-8\n' + text)
            loop = [part for node in nodes for part in walk(node) if isinstance(part, _ast.For)][0]
            loop.target, loop.body = self.node.target, without_nonlocal(self.node.body)
            code = compile_nodes(nodes, self.path, self.frame.f_code.co_flags & sum(FUTURES.values()))
            while names is not None and code.co_name != 'body':
                code = children(code)[0]
            self.codes[names] = recode(code, co_name=self.frame.f_code.co_name)
        return self.codes[names]


def walk_scope(node):
    """The node and those in it, without functions and classes inside."""
    yield node
    if not isinstance(node, DEFINITIONS + BLANKED):
        for _, part in fields(node):
            for item in part if isinstance(part, list) else [part]:
                if isinstance(item, _ast.AST):
                    for found in walk_scope(item):
                        yield found


def without_nonlocal(nodes):
    """The statements with `nonlocal` taken out: in a loop's body its names are passed like the others."""
    for node in [part for item in nodes for part in walk_scope(item)]:
        for name in ('body', 'orelse', 'finalbody'):
            body = getattr(node, name, None)
            if isinstance(body, list):
                body[:] = [item if type(item).__name__ != 'Nonlocal' else parse(b'pass')[0] for item in body]
    return nodes


def reloading_loops(nodes, names, path):
    """((names of what is around it, what it loops over, number), For node) of each loop over reloading()."""
    seen = {}

    def search(node, names):
        if isinstance(node, _ast.For) and any(
                isinstance(part, _ast.Call) and getattr(part.func, 'id', getattr(part.func, 'attr', None)) == 'reloading'
                for part in walk(node.iter)):
            key = names, fingerprint([node.target, node.iter])
            seen[key] = seen.get(key, -1) + 1
            yield key + (seen[key],), node
        names += (node.name,) if isinstance(node, DEFINITIONS) else ()
        for _, part in fields(node):
            for item in part if isinstance(part, list) else ():
                if isinstance(item, _ast.AST):
                    for found in search(item, names):
                        yield found
    for node in nodes:
        for found in search(node, names):
            yield found


def reloading(iterable=None, every=1, forever=False):
    """Loop over `iterable` with the loop's body read anew from the file each time; or, as a decorator, a
    function each call.

    every: read only each so many times.      forever: loop without an iterable.
    What the body raises is shown, and the iteration is tried again after the next save.

    >>> for x in reloading([1, 2]):         # doctest: +SKIP
    ...     print(x)
    """
    if iterable is None and not forever:
        return lambda function: reloading(function, every)
    if type(iterable) is FunctionType:
        return reloaded_function(iterable, every)
    loop = ReloadedLoop(sys._getframe(1), every)
    if forever:
        import itertools
        iterable = itertools.count()
    for number, item in enumerate(iterable):
        if number and number % every == 0:
            loop.refresh()
        while True:
            try:
                going = loop.turn(item)
                break
            except Exception:
                show_error(sys.exc_info())
                if loop.key is None:
                    raise
                loop.wait()
                loop.refresh()
        if not going:
            break
    return iter(())


def reloaded_function(function, every):
    """A function that calls `function` after its code was brought up to date with the file."""
    import functools
    path, calls = os.path.abspath(function.__code__.co_filename), [0]
    live_file(path)                             # the text that it is made from

    @functools.wraps(function)
    def call(*args, **kwargs):
        calls[0] += 1
        if calls[0] % every == 0 and file_key(path) not in (None, fresh.texts[path][0]):
            report([change for change in apply_saves([path]) if change.kind == 'Failed'])
        return function(*args, **kwargs)
    return call


# ---- IPython, and the command line

EXTENSIONS = {}             # {id of an IPython shell: (LivePatch, function called before each cell, PromptSpace)}


def load_ipython_extension(ipython):
    """For `%load_ext hotload`: apply all saves before each cell."""
    if id(ipython) not in EXTENSIONS:
        patch = LivePatch()

        def before_cell(*info):
            report(patch.apply())
        ipython.events.register('pre_run_cell', before_cell)
        EXTENSIONS[id(ipython)] = patch, before_cell, PromptSpace(getattr(ipython, 'user_ns', {}))
        PROMPTS.append(EXTENSIONS[id(ipython)][2])


def unload_ipython_extension(ipython):
    """For `%unload_ext hotload`."""
    patch, before_cell, space = EXTENSIONS.pop(id(ipython), (None, None, None))
    if patch is not None:
        PROMPTS.remove(space)
        ipython.events.unregister('pre_run_cell', before_cell)
        patch.close()


def run_live(choice):
    """Run the program of a command line once, patched by a thread while it goes on. Its exit status."""
    names = choice.get('watch') or ['.']
    step, entry = None, choice.function or choice.get('entrypoint')
    if choice.runs_code():
        step = ReloadedScript(choice.script, choice.argv, entry, choice.module)
    first = [step.path] if step and step.path else []
    if step and 'watch' not in choice:
        names = names + [step.folder]
    logger = None if 'quiet' in choice else report
    loop = LiveLoop(LivePatch(*names), first, choice.rate, logger, 0, 'verbose' in choice)
    status = 0
    loop.busy.acquire()
    threads.start_new_thread(loop.forever, ())
    if step is not None:
        try:
            step.run()
        except SystemExit as error:
            status = exit_status(error)
        except BaseException as error:
            status = 130 if isinstance(error, KeyboardInterrupt) else 1
            trace = sys.exc_info()[2]
            while trace.tb_next is not None and is_own_frame(trace.tb_frame.f_code.co_filename):
                trace = trace.tb_next
            if sys.excepthook is not sys.__excepthook__:
                sys.excepthook(type(error), error, trace)
            else:
                show_error((type(error), error, trace))
    if step is None or 'interactive' in choice:
        import code
        try:
            import readline                     # noqa: F401
        except ImportError:
            pass
        space = step.namespace if step else vars(sys.modules['__main__'] if not IS_PROGRAM else type(sys)('__main__'))
        code.interact('' if step else 'Python %s, patched by hotload' % sys.version.split()[0], local=space)
    threading = sys.modules.get('threading')
    while threading is not None:                # the program goes on while one of its threads does
        others = [thread for thread in threading.enumerate() if not thread.daemon
                  and thread is not threading.current_thread()]
        if not others:
            break
        others[0].join()
    loop.end()
    return status


MODES.append(Mode('live', 'nothing: what is running gets the new code', None, main=run_live))
