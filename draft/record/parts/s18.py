##############################################################################
## 18. Trace -- sys.settrace writes the log
##############################################################################
#
# Gives to those below Engine, which runs code and writes the log.
#
# What a line changes is found after it ran, at the next event. There are two ways. An audit compares all
# objects
# that are followed with what the log has of them: always right, and slow. A plan is made of the line's
# syntax. The
# first steps of a run, and the first few of each line, are audited; then the line gets a plan, which is
# audited some
# times more. A plan that missed something is given up: that line is always audited. So is everything at each
# keyframe;
# what is found only then was noticed late, and the recording says so.

ENTRIES_BETWEEN = 8000      # keyframes, at least; or 4 times what can be reached
MOST_ENTRIES = 20000000     # in a log
# of a line: with an audit alone, then with a plan and an audit
AUDIT_RUNS, CHECKED_RUNS = 3, 4
FREE_AUDITS = 3000          # so much is compared in audits before plans are made
CALLBACK_STEPS = 50000
GENERATOR_FLAGS = 0x20 | 0x80 | 0x200           # in co_flags: generators, coroutines


class Stop(BaseException):
    """Raised in the recorded code at a limit. (Not an Exception, which the code may catch.)"""


Home = namedtuple('Home', 'namespace frame')                     # see Space


class Entry(object):
    """What the engine knows of a code object. namespace, frame: see Space.      globals: the names of its
    module.      is_function, is_class: which kind
    it is.      units: of its syntax, or None.      tables: {line: (Site, function)}.      steps: {(event,
    line): Site}."""

    def __init__(self, engine, code, space, units):
        self.engine, self.code, self.globals, self.units = engine, code, space, units
        self.frame = code.co_name
        self.is_function = bool(code.co_flags & FUNCTION_FLAG)
        # It may be called when a name is bound anew and the last reference to an object goes.
        self.ends_things = code.co_name == '__del__' or bool(code.co_flags & GENERATOR_FLAGS)
        self.is_class = not self.is_function and code.co_name != '<module>'
        self.table = Table(self)
        self.start = self.table if engine.raw else Table(self, is_start=True)
        self.shown = engine.raw or code.co_name not in ('<listcomp>', '<setcomp>', '<dictcomp>')
        self.runs, self.bad, self.steps = {}, set(), {}
        self.namespace, self.calls, self.returns = None, Sites(self, 'call'), Sites(self, 'return')

    def units_at(self, line):
        """The units that a line belongs to; else the last one that starts before it."""
        found = [unit for unit in self.units if unit.start <= line <= unit.end]
        if not found:
            before = [unit for unit in self.units if unit.start <= line]
            found = [max(before, key=lambda unit: unit.start)] if before else []
        return found

    def forget(self):
        """Let its plans be made anew."""
        for table in [self.table, self.start] + list(self.table.others.values()):
            table.clear()

    def step(self, event, line):
        """The Site of an event at a line; None when it is none."""
        if (event, line) not in self.steps:
            begin = max(line, 1)
            if not self.engine.raw and self.units is not None and event != 'call':
                begin = min([unit.start for unit in self.units_at(line)] or [begin])
            made = Site(event, line if self.engine.raw else begin, self.code.co_filename, self.code.co_name)
            self.steps[event, line] = made if self.shown else None
        return self.steps[event, line]


class Sites(dict):
    """{line: the Site of an event there} of an Entry."""

    def __init__(self, entry, event):
        self.entry, self.event = entry, event

    def __missing__(self, line):
        found = self[line] = self.entry.step(self.event, line)
        return found


class Table(dict):
    """{line: (Site or None, the function for settrace after it)} of an Entry, made when asked for.

    inside: the units in whose lines a step goes on rather than begins; leaving: lines of `with` heads that
    are left;
    is_start: for the function after a 'call'.
    """

    def __init__(self, entry, inside=(), leaving=(), is_start=False):
        self.entry, self.inside, self.leaving, self.is_start = entry, inside, leaving, is_start
        self.others, self.audits = {}, {}

    def __missing__(self, line):
        entry, engine = self.entry, self.entry.engine
        step, units = entry.step('line', line), entry.units_at(line) if entry.units is not None else None
        after = self
        if not engine.raw and units is not None:
            first = min(units, key=lambda unit: unit.start) if units else None
            if first is None or not any(unit.start <= line <= unit.end for unit in
                units) or line in self.leaving or any(
                    unit in self.inside for unit in units):
                step = None
            else:
                step = entry.step('line', first.start)
            after = entry.table if self.is_start else self.after(units)
        if not engine.with_state:
            self[line] = found = step, engine.plain_tracer(after)
        elif engine.audits_all or entry.is_class or units is None or line in entry.bad:
            self[line] = found = step, engine.audit_tracer(after, None)
        else:
            runs = entry.runs.get(line, 0)
            if runs < AUDIT_RUNS or engine.spent < FREE_AUDITS:
                if line not in self.audits:
                    self.audits[line] = engine.audit_tracer(after, line)
                # not kept: the next run of the line asks again
                return step, self.audits[line]
            found = step, engine.plan_tracer(entry, after, line, units)
            if entry.runs.get(line, 0) >= AUDIT_RUNS + CHECKED_RUNS or line in entry.bad:
                self[line] = found
        return found

    def after(self, units):
        """The table that tells what follows a line of these units."""
        inside = tuple(unit for unit in units if unit.end > unit.start)
        leaving = tuple(line for unit in units for around in unit.inside for line in range(around.start,
            around.end + 1))
        if not inside and not leaving:
            return self.entry.table
        key = tuple(map(id, units))
        if key not in self.entry.table.others:
            self.entry.table.others[key] = Table(self.entry, inside, leaving)
        return self.entry.table.others[key]


class Engine(Follower):
    """Runs code under sys.settrace and writes the log of a Recording.

    text_of(path) -> the text of a file of code that is recorded, or None.      callback, max_steps,
    max_seconds, raw: see
    record().      entries: {id of a code object: its Entry, or False}.      frames: {frame that runs: its
    Space}.
    """

    def __init__(self, recording, is_recorded, text_of, callback=None, max_steps=0, max_seconds=0,
        with_state=True,
                 raw=False):
        Follower.__init__(self, recording, is_recorded, with_state)
        self.text_of, self.callback, self.raw, self.flags = text_of, callback, raw, 0
        self.max_steps, self.max_seconds = max_steps, max_seconds
        # the current frame, its names as logged; see housekeeping
        self.now, self.limit = [None, {}], [0]
        self.entries, self.kept, self.units, self.frames, self.passing, self.calm = {}, [], {}, {}, {}, set()
        self.spent, self.audited_at, self.late_since, self.visible, self._binds = 0, 0, [], 0, {}
        self.begin_s, self.stop_error, self.base, self.top = clock_s(), None, None, None
        self.lock, self.is_over = threads.allocate_lock(), False
        self.counted, self.counted_at, self.next_call = 0, 0, CALLBACK_STEPS
        self.helpers.update(now=self.now, limit=self.limit, frames=self.frames, audit=self.audit,
            names=self.check_names,
                            housekeeping=self.housekeeping, other=self.other_event, whole_object=self.whole)
        self.add_frame_helpers()

    # -- frames and names

    def binds(self, name, is_global):
        """The (Bind, Unbind) of a name."""
        found = self._binds.get((name, is_global))
        if found is None:
            found = self._binds[name, is_global] = Bind(name, is_global), Unbind(name, is_global)
        return found

    def enter(self, frame, entry):
        """Make the Space of a frame that was entered or resumed, and make it the current one."""
        space = self.frames[frame] = Space()
        space.first, space.now, space.home = {}, {}, entry
        self.now[:] = frame, space.now
        if entry.is_class or entry.is_function:
            names = local_names(frame)
            for name, value in names.items():
                if type(value) not in ATOMS:
                    names[name] = self.see(value)
            space.first = names.copy()
            space.now.update(names)
        self.put((ENTER, space))

    def switch(self, frame):
        """Make a frame the current one again."""
        space = self.frames.get(frame)
        if space is None:
            self.enter(frame, self.entry_of(frame.f_code, frame))
        else:
            self.now[:] = frame, space.now
            self.put((ENTER, space))

    def bound(self, known, name, bind, value, is_global):
        """Log that a name has another value, no atom."""
        value = self.see(value)
        if known.get(name, MISSING) is not value:
            known[name] = value
            self.put((bind, value))
            if is_global and name in self.assumed:
                self.forget_plans()

    def add_frame_helpers(self):
        """What plans call for frames and names, as closures."""
        get, put = self.tokens.get, self.put
        now, frames, assumed = self.now, self.frames, self.assumed

        def switch(frame):
            space = frames.get(frame)
            if space is None:
                return self.switch(frame)
            now[0], now[1] = frame, space.now
            put((ENTER, space))

        def bound(known, name, bind, value, is_global):
            token = get(id(value))
            if token is None or token.now is None or name in assumed:
                return self.bound(known, name, bind, value, is_global)
            known[name] = value
            put((bind, value))
        self.helpers.update(switch=switch, bound=bound)

    def check_names(self, frame):
        """Look at all names of a frame and of its module."""
        space = self.frames[frame]
        if frame.f_code.co_name != '<module>':
            self._check_names(local_names(frame), space.now, False)
        self._check_names(space.home.namespace.obj, space.home.namespace.now, True)

    def _check_names(self, names, known, is_global):
        gone = None
        if len(names) < len(known) or not all(lazy_map(names.__contains__, known)):
            gone = [name for name in known if name not in names]
        if not (len(names) == len(known) and not gone and all(lazy_map(same_objects, lazy_map(names.get,
                known), known.values()))):
            for name in gone or ():
                del known[name]
                self.put((self.binds(name, is_global)[1],))
                if is_global and name in self.assumed:
                    self.forget_plans()
            for name, value in list(names.items()):
                if known.get(name, MISSING) is not value:
                    bind = self.binds(name, is_global)[0]
                    if type(value) in ATOMS:
                        if is_global and name in self.assumed and name not in known:
                            self.forget_plans()
                        known[name] = value
                        self.put((bind, value))
                    else:
                        self.bound(known, name, bind, value, is_global)

    # -- audits

    def audit(self, frame):
        """Compare all that is followed; whether anything had changed."""
        mark = len(self.log)
        self.check_names(frame)
        cost = 0
        for token in list(self.followed):
            cost += 4 + len(token.now)
            changes = token.kind.changes(token)
            if changes:
                self.note(token, changes)
        self.spent += cost
        self.audited_at = len(self.log)
        return len(self.log) > mark

    def audit_tracer(self, table, line):
        """The function for settrace that audits after a line. line: its number, to count its runs, or
        None."""
        now, add, runs, raw, put = self.now, self.add, table.entry.runs, self.raw, self.put
        log, limit = self.log, self.limit

        def trace(frame, event, arg):
            if frame is not now[0]:
                self.switch(frame)
            self.audit(frame)
            if len(log) > limit[0]:
                self.housekeeping(frame)
            if line is not None and event != 'check':
                runs[line] = runs.get(line, 0) + 1
            if event == 'line':
                step, after = table[frame.f_lineno]
                if step is not None:
                    add(step)
                return after
            return self.other_event(frame, event, arg)
        return trace

    def plan_tracer(self, entry, table, line, units):
        """The function for settrace after a line that has a plan; at first what it found is audited."""
        try:
            plan = LinePlan(self, entry, units).function(table)
        except Unsure:
            entry.bad.add(line)
            return self.audit_tracer(table, None)
        if entry.runs.get(line, 0) >= AUDIT_RUNS + CHECKED_RUNS:
            return plan

        def trace(frame, event, arg):
            if event != 'check':
                entry.runs[line] = entry.runs.get(line, 0) + 1
            self.last_audit, was_audited = self.audited_at, self.audited_at >= len(self.log) - 2
            plan(frame, 'check', None)
            if self.audit(frame):
                entry.bad.add(line)             # the plan missed something
                entry.forget()
                if not was_audited:
                    self.late_since.append((self.last_audit, len(self.log)))
            return plan_end(frame, event, arg)

        def plan_end(frame, event, arg):
            if event == 'line':
                step, after = table[frame.f_lineno]
                if step is not None:
                    self.add(step)
                return after
            return self.other_event(frame, event, arg)
        return trace

    def plain_tracer(self, table):
        """The function for settrace that logs steps only."""
        add, other, log, limit, raw = self.add, self.other_event, self.log, self.limit, self.raw
        lines, returns = Sites(table.entry, 'line'), table.entry.returns

        def trace(frame, event, arg):
            if event == 'line':
                add(lines[frame.f_lineno])
                if len(log) > limit[0]:
                    self.housekeeping(frame)
            elif event == 'return':
                add(returns[frame.f_lineno])
            else:
                other(frame, event, arg)

        def fold(frame, event, arg):
            if event == 'line':
                step, after = table[frame.f_lineno]
                if step is not None:
                    add(step)
                if len(log) > limit[0]:
                    self.housekeeping(frame)
                return after
            return other(frame, event, arg)
        return trace if raw else fold

    def forget_plans(self):
        """Let all plans be made anew."""
        for entry in self.entries.values():
            if entry:
                entry.forget()

    # -- events

    def entry_of(self, code, frame):
        """The Entry of a code object that is recorded, else None."""
        entry = self.entries.get(id(code))
        if entry is None or entry and entry.globals is not frame.f_globals:
            entry = False
            if self.is_recorded(code.co_filename):
                entry = Entry(self, code, frame.f_globals, self._units_of(code))
                entry.namespace = self.names_of(frame.f_globals)
            self.entries[id(code)] = entry
            self.kept.append(code)              # its id stays its own
        return entry or None

    def _units_of(self, code):
        """The units of a code object, or None where the text is not at hand or is another one."""
        path = code.co_filename
        if path not in self.units:
            self.units[path] = None
            text = self.text_of(path)
            with suppress(SyntaxError, ValueError, TypeError, RuntimeError):
                if text is not None:
                    tree = compile(text, path, 'exec', _ast.PyCF_ONLY_AST | self.flags, True).body
                    self.units[path] = units_of(tree)
        scopes = self.units[path]
        if scopes is None:
            return None
        if code.co_name == '<module>' and not code.co_flags & FUNCTION_FLAG:
            return scopes[('<module>', None)]
        return scopes.get((code.co_name, code.co_firstlineno))

    def call_tracer(self):
        """The function that settrace calls for each new frame."""
        entries, frames, calm, log = self.entries, self.frames, self.calm, self.log
        add, put = self.add, self.put
        tokens = self.tokens
        now, limit, with_state, see, new = self.now, self.limit, self.with_state, self.see, object.__new__

        def on_call(frame, event, arg):
            code = frame.f_code
            entry = entries.get(id(code))
            if entry is False:
                return None
            if entry is None or entry.globals is not frame.f_globals:
                entry = self.entry_of(code, frame)
                if entry is None:
                    return None
            line = frame.f_lineno
            if with_state:
                back = frame.f_back
                while back not in frames and back is not None and back is not self.base:
                    back = back.f_back
                if back in frames:
                    trace = back.f_trace
                    if trace is not None and (trace not in calm or entry.ends_things):
                        trace(back, 'check', None)
                if entry.is_function:
                    space = new(Space)
                    space.first, space.home = names, _ = dict(frame.f_locals), entry
                    for name in names:
                        value = names[name]
                        if type(value) not in ATOMS:
                            token = tokens.get(id(value))
                            if token is None or token.now is None:
                                names[name] = see(value)
                    space.now = now[1] = names.copy()
                    now[0], frames[frame] = frame, space
                    put((ENTER, space))
                else:
                    self.enter(frame, entry)
            if entry.shown:
                add(entry.calls[line])
            if len(log) > limit[0]:
                self.housekeeping(frame)
            if entry.ends_things and line != code.co_firstlineno:
                return entry.table[line][1]     # a generator goes on
            return entry.start[line][1]
        return on_call

    def other_event(self, frame, event, arg):
        """Log a 'return' or an 'exception'."""
        if event == 'check':
            return None
        entry = self.entries[id(frame.f_code)]
        step = entry.step(event, frame.f_lineno)
        if event == 'exception':
            if not self.raw:
                if self.passing.get(frame) is arg[1] and arg[1] is not None or issubclass(arg[0], (
                        StopIteration, GeneratorExit)) and False:
                    return None
                self.passing[frame] = arg[1]
            if step is not None:
                self.add(step)
            if self.with_state and WITH_ENDS_IN_BODY and entry.units is not None:
                return self.audit_tracer(entry.table, None)
            return None
        if event == 'return':
            if step is not None:
                self.add(step)
            self.passing.pop(frame, None)
            space = self.frames.pop(frame, None)
            if space is not None:
                space.now = None
                self.now[0] = None
        return None

    def foreign_tracer(self):
        """The function for threading.settrace: what other threads do can only be found by audits."""
        def other_thread(frame, event, arg):
            if not self.audits_all and self.is_own_code(frame.f_code):
                self.audits_all = True
                self.forget_plans()
        return other_thread

    # -- from time to time

    def housekeeping(self, frame):
        """Make a keyframe when it is time, call the callback, see to the limits; sets when to come next."""
        log = self.log
        if self.audits_all and not other_threads():
            self.audits_all = False
            self.forget_plans()
        if self.with_state and len(log) - self.recording.keyframes[-1].at > max(ENTRIES_BETWEEN, 4 *
                self.visible):
            audited = self.audited_at
            if self.audit(frame):
                self.late_since.append((audited, len(log)))
            self.keyframe()
        pause = 500 if self.max_seconds or self.callback else ENTRIES_BETWEEN // 2
        if self.max_steps or self.callback:
            self.count()
            if self.max_steps and self.counted >= self.max_steps:
                self.stop(RuntimeError('the recording reached its limit of %d steps' % self.max_steps))
            if self.callback and self.counted >= self.next_call:
                self.next_call = self.counted + CALLBACK_STEPS
                self.call_back()
            if self.max_steps:
                pause = min(pause, max(1, self.max_steps - self.counted))
        if self.max_seconds and clock_s() - self.begin_s > self.max_seconds:
            self.stop(RuntimeError('the recording reached its limit of %g seconds' % self.max_seconds))
        if len(log) > MOST_ENTRIES:
            self.stop(RuntimeError('the recording reached its limit of memory, %d entries' % MOST_ENTRIES))
        self.limit[0] = len(log) + pause

    def count(self):
        """Count the steps that were logged."""
        log, at = self.log, self.counted_at
        while at < len(log):
            entry = log[at]
            if type(entry) is Site:
                self.counted += 1
                at += 1
            else:
                at += entry.size
        self.counted_at = at

    def call_back(self):
        """Call the user's callback; what it raises ends the run."""
        try:
            self.callback(self.recording)
        except BaseException as error:
            self.stop(error)

    def stop(self, error):
        """End the run."""
        self.stop_error = error
        self.watch_over(threads.get_ident(), 0.2)
        raise Stop()

    def watch_over(self, thread, patience_s):
        """See to it that the run ends after so long, also when it catches Stop, or when no code of its own
        runs."""
        def watch():
            wait_until(lambda: self.is_over, patience_s)
            while not self.is_over:
                with self.lock:
                    if not self.is_over:
                        self.stop_error = self.stop_error or RuntimeError(
                            'the recording reached its limit of %g seconds' % self.max_seconds)
                        raise_in_thread(thread, Stop)
                wait_until(lambda: self.is_over, 0.05)
        with suppress(RuntimeError, threads.error):             # a host without threads
            threads.start_new_thread(watch, ())

    def keyframe(self):
        """Keep the content of all that can be reached; what cannot be is not followed any more."""
        spaces = [space for space in self.frames.values()]
        contents, followed, todo = {}, [], []
        for token in list(self.modules.values()) + spaces:
            contents[token] = token.now.copy()
            todo += token.now.values()
            if token.kind is DICT and token.obj is not None:
                followed.append(token)
        size, tokens = sum(map(len, contents.values())), self.tokens
        while todo:
            value = todo.pop()
            cls = type(value)
            if cls in ATOMS:
                continue
            if cls in (tuple, frozenset):
                todo += value
                continue
            token = tokens.get(id(value))
            if token is None or token in contents or token.now is None:
                continue
            for token in (token, token.body):
                if token is not None and token.now is not None:
                    contents[token] = token.kind.copy(token.now)
                    size += len(token.now) + 1
                    if token.kind is not OPAQUE and token.kind is not VALUE:
                        followed.append(token)
                    todo += token.kind.parts(token)
        for token in self.followed:
            if token not in contents:
                token.now = None
        self.followed[:] = followed
        self.visible = size
        self.recording.keyframes.append(Keyframe(len(self.log), contents, self.frames.get(self.now[0],
            self.top)))

    # -- the run

    def run(self, call, space):
        """Call `call()` and record it; what it raises becomes the recording's error. space: its globals."""
        recording, before, thread = self.recording, sys.gettrace(), threads.get_ident()
        if thread in recorded_threads:
            raise HotloadError('a recording is going on in this thread: code that is recorded cannot record')
        namespace = self.names_of(space)
        top = Space()
        top.first, top.now, top.home = {}, {}, Home(namespace, '<module>')
        self.top, self.base = top, sys._getframe()
        recording.keyframes.append(Keyframe(0, {namespace: namespace.kind.copy(namespace.now or {}), top:
            {}}, top))
        stdout, self.limit[0] = sys.stdout, 0
        # the log keeps all alive: looking for garbage costs a seventh of the time
        collects = gc.get_threshold()
        if collects[0]:
            gc.set_threshold(max(collects[0], 20000), *collects[1:])
        sys.stdout = tee = Tee(stdout, self.log)
        try:
            if self.callback is not None:
                try:
                    self.callback(recording)
                except BaseException as error:
                    recording.error = error
                    return
            import threading
            others = getattr(threading, '_trace_hook', None)
            threading.settrace(self.foreign_tracer())
            recorded_threads.add(thread)
            if self.max_seconds:
                self.watch_over(thread, self.max_seconds + 0.2)
            on_call = self.call_tracer()
            sys.settrace(on_call)
            try:
                recording.result = call()
            finally:
                if sys.gettrace() is not on_call and self.stop_error is None:
                    recording.notes.append(
                        'steps are missing from step %d on: the code set a trace function of its own, or '
                        'ran out of stack' % recording.steps())
                sys.settrace(before)
                threading.settrace(others)
                recorded_threads.discard(thread)
                with self.lock:                 # no Stop from another thread is sent after this
                    self.is_over = True
                for _ in range(100):            # one that was sent is raised here
                    pass
        except Stop:
            recording.error = self.stop_error
        except BaseException as error:          # whatever the program raises
            recording.error = self.stop_error or error
            if recording.error is error:
                set_traceback(error, users_trace(sys.exc_info()[2]))
        finally:
            gc.set_threshold(*collects)
            if hasattr(gc, 'freeze') and not gc.get_freeze_count():
                gc.freeze()                     # makes the log old, without looking through it
                gc.unfreeze()
            if sys.stdout is tee:
                sys.stdout = stdout
            tee.log = []
            self.frames.clear()
            if self.max_steps:
                self.cut(self.max_steps)
            if not self.with_state:
                recording.keyframes[:] = []
            self.tell_late()
            if self.callback is not None and self.stop_error is None and recording.error is None:
                with suppress(Stop):
                    self.call_back()
                recording.error = self.stop_error

    def cut(self, most):
        """Let the recording end before the step number `most`."""
        if self.recording.steps() > most:
            at, count = 0, 0
            while count < most:
                entry = self.log[at]
                count += type(entry) is Site
                at += 1 if type(entry) is Site else entry.size
            while type(self.log[at]) is not Site:
                at += self.log[at].size
            self.recording.end = at
            self.recording._forget()

    def tell_late(self):
        """Turn the places of changes that were noticed late into spans of steps."""
        recording = self.recording
        for first, last in self.late_since:
            counts, at, count = [], 0, 0
            while at < last:
                if at <= first:
                    start = count
                entry = self.log[at]
                count += type(entry) is Site
                at += 1 if type(entry) is Site else entry.size
            recording.approximate.append((start, count, 'a change that no line was known to make'))

def local_names(frame):
    """{name: value} of a frame's own names."""
    names = frame.f_locals
    return dict(dict.items(names)) if isinstance(names, dict) else dict(names)


recorded_threads = set()        # idents of those in which a recording goes on


class Tee(object):
    """Stands in for sys.stdout: what is written is logged too."""

    def __init__(self, stream, log):
        self.stream, self.log = stream, log

    def write(self, text):
        """Write and log it."""
        self.log.extend((PRINTED, text))
        return self.stream.write(text)

    def writelines(self, lines):
        """Write and log them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        return getattr(self.stream, name)
