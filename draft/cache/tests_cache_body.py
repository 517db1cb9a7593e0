# The rule: after each version of a script, what CachedScript leaves is what a fresh run leaves.

SEQUENCES = r'''
@@SEQUENCES@@
'''

COSTLY = '''
import os
def cost(tag, value=None):
    log = os.open(%r, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, (tag + "\\n").encode("ascii"))
    os.close(log)
    end = os.times()[4] + 0.006
    while os.times()[4] < end:
        pass
    return value
'''


def read_sequences():
    """[(name, oldest Python, [(text, {file: text}, {tag: most} or None)])]."""
    found = []
    for part in SEQUENCES.strip().split('\n\n'):
        lines = part.split('\n')
        while lines and lines[0].startswith('#'):
            del lines[0]
        if not lines:
            continue
        name, _, version = lines[0].rpartition(' ')
        if not re.match(r'\d+\.\d+$', version):
            name, version = lines[0], '2.7'
        first_edit = [at for at, line in enumerate(lines) if re.match(r'@(\[[^\]]*\])? ', line)][0]
        head = [line for line in lines[1:first_edit] if not line.startswith('file ')]
        files = dict(file_of(line) for line in lines[1:first_edit] if line.startswith('file '))
        versions = [('from costly import cost\n' + '\n'.join(head) + '\n', files, None)]
        for line in lines[first_edit:]:
            mark, bounds, edit = re.match(r'([@&])(?:\[([^\]]*)\])? (.*)$', line).groups()
            if mark == '@':
                bound = dict((tag, int(most)) for tag, _, most in (
                    pair.partition('=') for pair in bounds.split())) if bounds else {}
                versions.append((versions[-1][0], versions[-1][1], bound))
            text, files, bound = versions[-1]
            if edit == 'undo':
                text, files = versions[-3][:2]
            elif edit.startswith('file '):
                files = dict(files, **dict([file_of(edit)]))
            elif edit.startswith('+ '):
                text += edit[2:].replace('\\n', '\n') + '\n'
            elif edit.startswith('- '):
                assert edit[2:] + '\n' in text, (name, edit)
                text = text.replace(edit[2:] + '\n', '', 1)
            else:
                old, _, new = (part.replace('\\n', '\n') for part in edit.partition(' => '))
                assert old in text, (name, edit)
                text = text.replace(old, new) if name == 'rename' else text.replace(old, new, 1)
            versions[-1] = text, files, bound
        found.append((name, tuple(map(int, version.split('.'))), versions))
    return found


def file_of(line):
    name, _, text = line[5:].partition(':')
    return name, text.lstrip(' ').replace('\\n', '\n')


class Picture(object):
    """Tells what values look like, with what they share; written apart from hotload's own."""

    def __init__(self, space, folder):
        self.space, self.folder, self.seen, self.held = space, folder, {}, []

    def of(self, value, place):
        if isinstance(value, (bool, int, float, str, bytes, type(None), type(u''), complex)):
            return '%s %r' % (type(value).__name__, value)
        if not isinstance(value, tuple):
            if id(value) in self.seen:
                return 'same as %s' % self.seen[id(value)]
            self.seen[id(value)] = place
            self.held.append(value)
        return '%s(%s)' % (type(value).__name__, ', '.join(self.parts(value, place)))

    def each(self, values, place):
        return [self.of(value, '%s[%d]' % (place, number)) for number, value in enumerate(values)]

    def parts(self, value, place):
        kind = type(value)
        if isinstance(value, dict):
            keys = sorted(value, key=repr) if sys.version_info < (3, 7) else list(value)
            found = ['%r: %s' % (key if not hasattr(key, '__dict__') else kind, self.of(value[key], '%s[%r]' % (
                place, key))) for key in keys]
        elif isinstance(value, (set, frozenset)):
            found = sorted(map(repr, value))
        elif isinstance(value, (list, tuple)) or kind.__name__ in ('deque', 'array'):
            found = self.each(list(value), place)
        elif isinstance(value, bytearray):
            found = [repr(bytes(value))]
        elif isinstance(value, type(read_sequences)):
            code = value.__code__
            found = [value.__name__, repr(code.co_names), repr([const for const in code.co_consts
                                                               if not hasattr(const, 'co_code')])]
            cells = [cell.cell_contents for cell in value.__closure__ or ()]
            found += self.each([value.__defaults__, dict(vars(value)), cells], place)
        elif isinstance(value, (classmethod, staticmethod, property)) or hasattr(value, '__objclass__'):
            return []
        elif isinstance(value, type) or kind.__name__ == 'classobj':
            if value.__module__ != '__main__':
                return [value.__name__]
            found = [value.__name__] + ['%s %s' % (name, self.of(part, place + '.' + name)) for name, part in sorted(
                vars(value).items()) if not name.startswith(('__', '_abc'))]
            return found + self.each(value.__bases__, place)
        elif isinstance(value, type(sys)):
            if os.path.dirname(os.path.abspath(getattr(value, '__file__', None) or '/')) != self.folder:
                return [value.__name__]
            return [self.of(dict((name, part) for name, part in vars(value).items() if not name.startswith('__')),
                            place)]
        elif hasattr(value, 'gi_frame'):
            frame = value.gi_frame
            return ['ended'] if frame is None else [str(frame.f_lasti)] + self.each(
                [part for _, part in sorted(dict(frame.f_locals).items())], place)
        elif hasattr(value, 'fileno'):
            return [str(value.closed)] + ([] if value.closed else [str(value.tell())])
        elif hasattr(value, '__length_hint__'):
            return [str(value.__length_hint__())]
        elif hasattr(value, '__self__') and not isinstance(value.__self__, type(sys)):
            return [self.of(value.__self__, place + '.self'), value.__name__]
        elif kind.__module__ == '__main__':
            found = [self.of(kind, place + '.class')]
        else:
            return [re.sub('0x[0-9a-fA-F]+', '', repr(value))] if not hasattr(value, '__dict__') else [kind.__name__]
        if kind.__module__ == '__main__' and hasattr(value, '__dict__'):
            found.append(self.of(vars(value), place + '.dict'))
        for name in getattr(kind, '__slots__', ()) if kind.__module__ == '__main__' else ():
            found.append('%s %s' % (name, self.of(getattr(value, name, None), place + '.' + name)))
        return found


def picture(names, folder):
    view = Picture(names, folder)
    return dict((name, view.of(names[name], name)) for name in sorted(names) if not name.startswith('__'))


class Player(object):
    """A forked process that runs a script each time it is asked to: {names, error, output}. fresh: only once."""

    def __init__(self, path, store, fresh=False):
        ask, self.ask_end = os.pipe()
        self.answer_end, answer = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                os.close(self.ask_end)
                os.close(self.answer_end)
                self.serve(path, store, fresh, ask, os.fdopen(answer, 'wb'))
            finally:
                os._exit(0)
        os.close(ask)
        os.close(answer)
        self.answers = os.fdopen(self.answer_end, 'rb')

    def serve(self, path, store, fresh, ask, answer):
        folder = os.path.dirname(path)
        os.chdir(folder)
        sys.path.insert(0, os.path.join(os.path.dirname(folder), 'lib'))
        shown = tempfile.TemporaryFile()
        for number in 1, 2:
            os.dup2(shown.fileno(), number)
        sys.stdout, sys.stderr = os.fdopen(1, 'w'), os.fdopen(2, 'w')
        step = hotload.ReloadedScript(path) if fresh else hotload.CachedScript(path, store=store)
        while os.read(ask, 1):
            error, trace, crash = None, None, None
            try:
                if fresh:
                    try:
                        step.run()
                    except (Exception, SystemExit) as problem:
                        error, trace = problem, sys.exc_info()[2]
                else:
                    error = step.run().error
                    trace = getattr(error, '__traceback__', None)
            except BaseException:
                crash = traceback.format_exc()
            line = getattr(error, 'lineno', None)
            while trace is not None:
                if trace.tb_frame.f_code.co_filename == path:
                    line = trace.tb_lineno
                trace = trace.tb_next
            sys.stdout.flush()
            sys.stderr.flush()
            shown.seek(0)
            output = shown.read()
            shown.seek(0)
            shown.truncate()
            problem = error and [type(error).__name__, str(error).replace('global name', 'name'), line]
            data = repr((None if isinstance(error, SyntaxError) else picture(step.namespace, folder),
                         problem if not isinstance(error, SyntaxError) else 'SyntaxError', output, crash))
            answer.write(data.encode('utf-8', 'backslashreplace') + b'\n')
            answer.flush()

    def ask(self):
        os.write(self.ask_end, b'?')
        return ast.literal_eval(self.answers.readline().decode('utf-8') or '(None, None, None, "it died")')

    def close(self):
        os.close(self.ask_end)
        self.answers.close()
        os.waitpid(self.pid, 0)


needs_fork = unittest.skipUnless(hasattr(os, 'fork'), 'forks')


@needs_fork
class TestFidelity(unittest.TestCase):
    """Each paragraph of SEQUENCES, played in one process, and with a new process for each version."""

    def setUp(self):
        self.top = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.top, True)
        self.number = 0

    def play(self, name, versions, restart, truths):
        top = os.path.join(self.top, '%d' % self.number)
        self.number += 1
        folder, log = os.path.join(top, 'work'), os.path.join(top, 'log')
        os.makedirs(folder)
        os.mkdir(os.path.join(top, 'lib'))
        write_file(os.path.join(top, 'lib', 'costly.py'), (COSTLY % log).encode('ascii'))
        path, player, wrong, avoidable, avoided = os.path.join(folder, 'script.py'), None, [], 0, 0
        for number, (text, files, bound) in enumerate(versions):
            for file_name, content in sorted(files.items()) + [('script.py', text)]:
                full = os.path.join(folder, file_name)
                if not os.path.exists(full) or read_file(full) != content.encode('utf-8'):
                    save(full, content)
            if player is None or restart:
                if player is not None:
                    player.close()
                player = Player(path, os.path.join(top, 'store'))
            write_file(log, b'')
            mine, ran = player.ask(), read_file(log).decode('ascii').split()
            if len(truths) == number:
                write_file(log, b'')
                oracle = Player(path, None, True)
                truths.append(oracle.ask() + (read_file(log).decode('ascii').split(),))
                oracle.close()
            truth = truths[number]
            for what, one, two in zip(('names', 'error', 'output', 'crash'), mine, truth):
                if one != two:
                    if what == 'names' and one and two:
                        one, two = [dict((key, side[key]) for key in side if one.get(key) != two.get(key))
                                    for side in (one, two)]
                    wrong.append('%s%s, version %d, %s: %s\n  not %s' % (
                        name, ', restarted' * restart, number + 1, what, one, two))
            for tag in set(truth[4]) if bound is not None else ():
                most = min(bound.get(tag, truth[4].count(tag)), truth[4].count(tag))
                avoidable += truth[4].count(tag) - most
                avoided += truth[4].count(tag) - max(ran.count(tag), most)
        player.close()
        return wrong, avoidable, avoided

    def test_each_version_is_what_a_fresh_run_gives(self):
        wrong, counts = [], {False: [0, 0], True: [0, 0]}
        for name, oldest, versions in read_sequences():
            if sys.version_info < oldest:
                continue
            truths = []
            for restart in (False, True):
                found, avoidable, avoided = self.play(name, versions, restart, truths)
                wrong += found
                counts[restart][0] += avoidable
                counts[restart][1] += avoided
        self.assertFalse(wrong, '\n'.join(wrong[:5]))
        self.assertGreaterEqual(counts[False][1], 0.95 * counts[False][0], counts)
        self.assertGreaterEqual(counts[True][1], 0.90 * counts[True][0], counts)

    def test_there_are_at_least_seventy_sequences(self):
        self.assertGreaterEqual(len(read_sequences()), 70)


class CacheCase(unittest.TestCase):
    """A script in a folder of its own, and a CachedScript of it."""

    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.path = os.path.join(self.folder, 'script.py')
        self.steps = []
        here = os.getcwd()
        self.addCleanup(os.chdir, here)

    def tearDown(self):
        for step in self.steps:
            step.close()

    def script(self, text, **how):
        save(self.path, text)
        step = hotload.CachedScript(self.path, **how)
        self.steps.append(step)
        return step

    def run_text(self, step, text):
        save(self.path, text)
        return self.run_step(step)

    def run_step(self, step):
        out, sys.stdout = sys.stdout, Stream()
        try:
            report = step.run()
            self.output = sys.stdout.getvalue()
        finally:
            sys.stdout = out
        return report

    def words(self, statements):
        return [item.text for item in statements]


class TestReport(CacheCase):
    def test_it_tells_what_ran_and_what_was_kept_and_why(self):
        step = self.script('k = 2\na = [k]\nb = 3\n')
        self.assertEqual(self.words(self.run_step(step).ran), ['k = 2', 'a = [k]', 'b = 3'])
        report = self.run_text(step, 'k = 5\n\na = [k]\nb = 3\n')
        self.assertEqual([(item.line, item.text) for item in report.ran], [(1, 'k = 5'), (3, 'a = [k]')])
        self.assertEqual(self.words(report.kept), ['b = 3'])
        self.assertIn('because k (line 1) changed', report.ran[1].reason)
        self.assertIn('ran 2, kept 1', str(report))
        self.assertIsNone(report.error)

    def test_a_save_that_changes_nothing_runs_nothing(self):
        step = self.script('a = [1]\na.append(2)\n')
        self.run_step(step)
        for _ in range(3):
            report = self.run_step(step)
            self.assertEqual((report.ran, len(report.kept)), ([], 2))
        self.assertEqual(step.namespace['a'], [1, 2])

    def test_the_value_of_an_expression_is_told(self):
        step = self.script('a = [1, 2]\na\nlen(a)\nNone\n')
        self.assertEqual(self.run_step(step).values, [(2, '[1, 2]'), (3, '2')])
        self.assertEqual(self.run_text(step, '\na = [1, 2]\na\nlen(a)\nNone\n').values, [(3, '[1, 2]'), (4, '2')])

    def test_what_kept_statements_printed_is_shown_again_in_order(self):
        step = self.script('print("one")\nk = 1\nprint("two")\n')
        self.run_step(step)
        self.run_text(step, 'print("one")\nk = 2\nprint("new")\nprint("two")\n')
        self.assertEqual(self.output, 'one\nnew\ntwo\n')

    def test_muted_hides_what_kept_statements_printed(self):
        step = self.script('print("one")\n')
        step.muted = True
        self.run_step(step)
        self.assertEqual(self.output, 'one\n')
        self.run_text(step, 'print("one")\nprint("two")\n')
        self.assertEqual(self.output, 'two\n')

    def test_an_error_has_the_right_line_and_a_traceback(self):
        step = self.script('def f(x):\n    return 1 // x\na = 1\nf(0)\n')
        self.assertIsInstance(self.run_step(step).error, ZeroDivisionError)
        error = self.run_text(step, '\n\ndef f(x):\n    return 1 // x\na = 1\nf(0)\n').error
        lines, trace = [], error.__traceback__
        while trace is not None:
            lines.append(trace.tb_lineno)
            trace = trace.tb_next
        self.assertEqual(lines, [6, 4])

    def test_a_syntax_error_touches_nothing(self):
        step = self.script('a = [1]\n')
        self.run_step(step)
        held = step.namespace['a']
        report = self.run_text(step, 'a = [2]\nreutrn a\n')
        self.assertIsInstance(report.error, SyntaxError)
        self.assertEqual(report.error.lineno, 2)
        self.assertIs(step.namespace['a'], held)
        self.assertEqual(self.run_text(step, 'a = [1]\nb = a\n').ran[0].text, 'b = a')

    def test_what_is_wrong_only_when_compiled_touches_nothing(self):
        for text in ('return 1\n', 'x = 1\nbreak\n', 'x = 1\nfrom __future__ import division\n'):
            step = self.script('a = [1]\n')
            self.run_step(step)
            self.assertIsInstance(self.run_text(step, text).error, SyntaxError, text)
            self.assertEqual(step.namespace['a'], [1])

    def test_why_tells_about_lines_and_names(self):
        step = self.script('k = 2\ndef f():\n    return k\na = f()\n')
        self.run_step(step)
        self.run_text(step, 'k = 3\ndef f():\n    return k\na = f()\n')
        self.assertIn('because k (line 1) changed', step.why(4))
        self.assertIn('f (line 2)', step.why('a'))
        self.assertIn('kept', step.why('f'))
        self.assertIn('no statement', step.why('nothing'))

    def test_values_changed_by_hand_are_repaired(self):
        step = self.script('a = [1]\nb = {"x": a}\nc = 5\n')
        self.run_step(step)
        names = step.namespace
        names['a'].append(2)
        names['c'] = 7
        names['d'] = 8
        del names['b']
        self.run_step(step)
        self.assertEqual((names['a'], names['b'], names['c'], 'd' in names), ([1], {'x': [1]}, 5, False))
        self.assertIs(names['a'], names['b']['x'])


class TestMarks(CacheCase):
    def test_keep_keeps_a_statement_whatever_changed(self):
        step = self.script('k = 1\na = [k]  # keep\nb = a[0]\n')
        self.run_step(step)
        report = self.run_text(step, 'k = 2\na = [k]  # keep\nb = a[0]\n')
        self.assertEqual(self.words(report.ran), ['k = 2'])
        self.assertEqual(step.namespace['b'], 1)
        self.assertIn('line 2', ' '.join(report.notes))

    def test_rerun_runs_a_statement_each_time_and_what_depends_on_it(self):
        step = self.script('n = [0]\na = len(n) + 1  # rerun\nb = [a]\nc = [a]  # rerun\nd = c\n')
        self.run_step(step)
        self.assertEqual([item.line for item in self.run_step(step).ran], [2, 4, 5])

    def test_the_clock_makes_a_statement_run_and_says_so(self):
        step = self.script('import time\na = time.time()\nb = [1]\ntime.sleep(0)\n')
        self.run_step(step)
        report = self.run_step(step)
        self.assertEqual(self.words(report.ran), ['a = time.time()'])
        self.assertIn('time.time', report.ran[0].reason)

    def test_depends_names_a_file_that_cannot_be_noticed(self):
        data = os.path.join(self.folder, 'd.txt')
        save(data, 'one')
        text = ('import hotload, io\ndef read(path):\n    hotload.depends(path)\n'
                '    with io.FileIO(path) as f:\n        return f.read()\na = read(%r)\nb = 1\n') % data
        step = self.script(text)
        self.run_step(step)
        self.assertEqual(self.run_step(step).ran, [])
        save(data, 'three')
        self.assertEqual(self.words(self.run_step(step).ran), ['a = read(%r)' % data])
        self.assertEqual(step.namespace['a'], b'three')
        self.assertEqual(hotload.depends('x'), 'x')

    def test_depends_as_a_statement_counts_for_all_that_follow(self):
        data = os.path.join(self.folder, 'd.txt')
        save(data, 'one')
        step = self.script('import hotload, io\nk = 1\nhotload.depends(%r)\na = io.FileIO(%r).read()\n' % (data, data))
        self.run_step(step)
        save(data, 'three')
        self.run_step(step)
        self.assertEqual(step.namespace['a'], b'three')


class TestFromProcessToProcess(CacheCase):
    def test_another_process_goes_on_with_what_took_long(self):
        text = 'import time\ndef load():\n    time.sleep(0.05)\n    return [1, 2]\na = load()\nb = a\nb.append(3)\n'
        store = os.path.join(self.folder, 'kept')
        self.run_step(self.script(text, store=store))
        step = self.script(text, store=store)
        report = self.run_step(step)
        self.assertNotIn('a = load()', self.words(report.ran))
        self.assertEqual([item.source for item in report.kept if item.text == 'a = load()'], ['store'])
        self.assertEqual(step.namespace['b'], [1, 2, 3])
        self.assertIs(step.namespace['a'], step.namespace['b'])

    def test_a_damaged_store_costs_time_only(self):
        chance = random.Random(7)
        text = 'import time\ntime.sleep(0.003); a = [1, 2]\ntime.sleep(0.003); b = {"a": a}\n'
        for turn in range(12):
            store = os.path.join(self.folder, 'kept%d' % turn)
            self.run_step(self.script(text, store=store))
            for folder in 'entries', 'records':
                for name in os.listdir(os.path.join(store, folder)):
                    path, what = os.path.join(store, folder, name), chance.randrange(4)
                    data = bytearray(read_file(path))
                    if what == 1:
                        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
                    elif what == 2:
                        del data[chance.randrange(len(data)):]
                    elif what == 3:
                        os.remove(path)
                        continue
                    write_file(path, bytes(data))
            step = self.script(text, store=store)
            self.assertIsNone(self.run_step(step).error)
            self.assertEqual(step.namespace['b'], {'a': [1, 2]})
            self.assertIs(step.namespace['b']['a'], step.namespace['a'])

    @needs_fork
    def test_a_kill_at_any_moment_costs_time_only(self):
        chance = random.Random(3)
        store, text = os.path.join(self.folder, 'kept'), ''.join(
            'import time\n' * (not number) + 'time.sleep(0.002); x%d = [%d] * 5000\n' % (number, number)
            for number in range(12))
        save(self.path, text)
        for turn in range(15):
            pid = os.fork()
            if not pid:
                try:
                    hotload.CachedScript(self.path, store=store).run()
                finally:
                    os._exit(0)
            time.sleep(chance.random() * 0.06)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        step = self.script(text, store=store)
        self.assertIsNone(self.run_step(step).error)
        self.assertEqual([step.namespace['x%d' % number][0] for number in range(12)], list(range(12)))

    def test_an_error_is_not_kept(self):
        store, text = os.path.join(self.folder, 'kept'), 'a = [1]\nopen("missing.txt")\n'
        os.chdir(self.folder)
        self.assertIsInstance(self.run_step(self.script(text, store=store)).error, IOError)
        save(os.path.join(self.folder, 'missing.txt'), 'x')
        self.assertIsNone(self.run_step(self.script(text, store=store)).error)


class TestStore(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.join(os.path.realpath(tempfile.mkdtemp()), 'store')
        self.addCleanup(shutil.rmtree, os.path.dirname(self.folder), True)

    def both(self):
        return [hotload.Store(None), hotload.Store(self.folder)]

    def test_what_is_added_can_be_read(self):
        for store in self.both():
            for data in (b'', b'x', os.urandom(100000)):
                address = store.add(data)
                self.assertEqual((store.read(address), store.has(address), store.add(data)), (data, True, address))
            self.assertIsNone(store.read('0' * 40))

    def test_records_have_names_of_any_kind(self):
        for store in self.both():
            for name in (u'a/../b', u'', u'\xe4 \u20ac', u'x' * 5000):
                store.set_record(name, name.encode('utf-8'))
            for name in (u'a/../b', u'', u'\xe4 \u20ac', u'x' * 5000):
                self.assertEqual(store.record(name), name.encode('utf-8'))
            self.assertIsNone(store.record(u'other'))

    @needs_posix
    def test_it_is_private_and_ignored_by_git(self):
        hotload.Store(self.folder)
        self.assertEqual(os.stat(self.folder).st_mode & 0o777, 0o700)
        self.assertEqual(read_file(os.path.join(self.folder, '.gitignore')), b'*\n')

    @needs_posix
    def test_a_folder_that_others_can_write_to_is_refused_unless_trusted(self):
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)
        with self.assertRaises(hotload.HotloadError) as caught:
            hotload.Store(self.folder)
        self.assertIn('chmod', str(caught.exception))
        hotload.Store(self.folder, trust=True)

    def test_what_was_not_used_for_longest_goes_first(self):
        store = hotload.Store(self.folder, max_bytes=50000)
        addresses = [store.add(os.urandom(4000)) for _ in range(10)]
        for number, address in enumerate(addresses):
            os.utime(os.path.join(self.folder, 'entries', address), (1000 + number, 1000 + number))
        store.read(addresses[0])
        more = [store.add(os.urandom(4000)) for _ in range(8)]
        store.shrink()
        self.assertTrue(store.has(addresses[0]))
        self.assertFalse(store.has(addresses[1]))
        self.assertTrue(store.has(more[-1]))
        self.assertLessEqual(sum(os.path.getsize(os.path.join(self.folder, 'entries', name)) for name in os.listdir(
            os.path.join(self.folder, 'entries'))), 50000)

    def test_a_damaged_entry_is_not_there_and_can_be_added_again(self):
        store = hotload.Store(self.folder)
        address = store.add(b'some bytes')
        path = os.path.join(self.folder, 'entries', address)
        whole = read_file(path)
        for data in (b'', b'x', whole[:-1], whole + b'x', whole.replace(b'some', b'Some')):
            write_file(path, data)
            self.assertIsNone(store.read(address))
            self.assertEqual(store.read(store.add(b'some bytes')), b'some bytes')

    @needs_fork
    def test_two_processes_can_use_one(self):
        pids = []
        for _ in range(2):
            pid = os.fork()
            if not pid:
                try:
                    store = hotload.Store(self.folder, max_bytes=20000)
                    for number in range(200):
                        address = store.add(b'%d' % number * 500 if not PY2 else str(number) * 500)
                        assert store.read(address) in (None, str(number).encode('ascii') * 500)
                        store.set_record('last', b'ok')
                    os._exit(0)
                finally:
                    os._exit(1)
            pids.append(pid)
        self.assertEqual([os.waitpid(pid, 0)[1] for pid in pids], [0, 0])
        self.assertEqual(hotload.Store(self.folder).record('last'), b'ok')


@needs_processes
class TestCacheCommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.path = os.path.join(self.folder, 'script.py')

    def start(self, *options, **how):
        self.null = open(os.devnull)
        self.addCleanup(self.null.close)
        self.log = open(os.path.join(self.folder, '..', os.path.basename(self.folder) + '.log'), 'wb')
        self.addCleanup(os.remove, self.log.name)
        self.process = subprocess.Popen([sys.executable, HOTLOAD, '--cache'] + list(options), cwd=self.folder,
                                        stdin=subprocess.PIPE if '-i' in options else self.null,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        self.addCleanup(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        self.log.close()

    def shown(self):
        return read_file(self.log.name).decode('utf-8')

    def wait_for_text(self, text):
        wait_for(lambda: text in self.shown())

    def test_it_says_what_ran_on_each_save(self):
        save(self.path, 'import time\nk = 1\ntime.sleep(0.2); a = [k]\nprint("end")\nk + 1\n')
        self.start('script.py')
        self.wait_for_text('run 1 ok')
        self.assertIn('ran 5, kept 0', self.shown())
        self.assertIn('value line 5: 2', self.shown())
        save(self.path, 'import time\nk = 1\ntime.sleep(0.2); a = [k]\nprint("end")\nk + 5\n')
        self.wait_for_text('run 2 ok')
        self.assertIn('ran 1, kept 4', self.shown())
        self.assertIn('value line 5: 6', self.shown())
        self.assertIn('.gitignore', os.listdir(os.path.join(self.folder, '.hotload')))

    def test_an_error_is_shown_with_its_line(self):
        save(self.path, 'def f():\n    return x\na = 1\nf()\n')
        self.start('--store', 'none', 'script.py')
        self.wait_for_text('run 1 exit 1')
        self.assertRegexpMatches(self.shown(), 'line 4, in <module>(.|\n)*line 2, in f(.|\n)*NameError')
        self.assertNotIn('hotload.py"', self.shown())
        self.assertFalse(os.path.exists(os.path.join(self.folder, '.hotload')))
        save(self.path, 'x = 5\ndef f():\n    return x\na = 1\nf()\n')
        self.wait_for_text('run 2 ok')

    def test_a_data_file_that_it_reads_is_watched(self):
        save(os.path.join(self.folder, 'd.txt'), 'one')
        save(self.path, 'print("read", open("d.txt").read())\n')
        self.start('--store', 'none', 'script.py')
        self.wait_for_text('run 1 ok')
        save(os.path.join(self.folder, 'd.txt'), 'two')
        self.wait_for_text('two')

    def test_check_agrees_and_log_can_be_run(self):
        save(self.path, 'import helper\nclass A(object):\n    pass\na = A()\nb = [a, helper.x]\n'
             'def f():\n    return b\n'
             'c = set([1, 2])\nd = {"x": (1, b)}\nraise ValueError(1)\n')
        save(os.path.join(self.folder, 'helper.py'), 'x = [1]\n')
        self.start('--check', '--log', 'log.py', '--store', 'none', 'script.py')
        self.wait_for_text('run 1 exit 1')
        self.assertIn('a fresh run agrees', self.shown())
        save(self.path, read_file(self.path).replace(b'raise ValueError(1)', b'b.append(a)'))
        self.wait_for_text('run 2 ok')
        self.assertEqual(self.shown().count('a fresh run agrees'), 2)
        log = read_file(os.path.join(self.folder, 'log.py')).decode('utf-8')
        self.assertIn('# raise ValueError(1)', log)
        self.assertTrue(log.rstrip().endswith('b.append(a)'))
        exec(compile(log.replace('import helper', 'class helper: x = [1]'), 'log', 'exec'), {'__name__': 'log'})

    def test_quiet_says_nothing_of_what_went_well(self):
        save(self.path, 'print("one")\n')
        self.start('-q', '--store', 'none', 'script.py')
        self.wait_for_text('one')
        save(self.path, 'print("one")\nprint("two")\n')
        self.wait_for_text('two')
        self.assertEqual(self.shown(), 'one\ntwo\n')

    def test_a_module_can_be_cached(self):
        save(self.path, 'import sys\nprint(__name__, sys.argv[1:])\n')
        self.start('--store', 'none', '-m', 'script', 'x')
        self.wait_for_text('run 1 ok')
        self.assertIn('x', self.shown())

    def test_the_prompt_is_logged_and_its_edits_are_repaired(self):
        save(self.path, 'a = [1]\n')
        self.start('-i', '--log', 'log.py', '--store', 'none', 'script.py')
        self.wait_for_text('run 1 ok')
        self.process.stdin.write(b'a.append(2)\nmissing\nprint(a)\n')
        self.process.stdin.flush()
        self.wait_for_text('[1, 2]')
        save(self.path, 'a = [1]\nprint("now", a)\n')
        self.wait_for_text('run 2 ok')
        self.assertRegexpMatches(self.shown(), r'now.*\[1\]')
        log = read_file(os.path.join(self.folder, 'log.py')).decode('utf-8')
        self.assertIn('\na.append(2)\n# missing\nprint(a)\n', log)


class TestCacheCosts(CacheCase):
    """The figures of the issue, in processor time, with room for a busy machine; docs/benchmarks/cache.py has them."""

    def cpu(self, function, turns=3):
        clock, best = getattr(time, 'process_time', getattr(time, 'clock', None)), None
        for _ in range(turns):
            begin = clock()
            function()
            best = min(clock() - begin, best or 1e9)
        return best

    def test_a_save_that_changes_nothing_costs_less_than_a_fresh_run(self):
        text = 'x0 = 1\n' + ''.join('x%d = x%d + %d\n' % (at, at - 1, at % 7) for at in range(1, 1000))
        save(self.path, text)
        plain = hotload.ReloadedScript(self.path)
        fresh = self.cpu(plain.run)
        plain.close()
        step = self.script(text)
        cold = self.cpu(step.run, 1)
        self.assertLess(cold - fresh, 1000 * 0.0006)
        self.assertLess(self.cpu(step.run), 1.5 * fresh)

    def test_an_unrelated_edit_with_a_large_list_costs_less_than_pickling_it_twice(self):
        import pickle
        text = 'big = [{"i": i, "s": str(i)} for i in range(60000)]\nx = %d\n'
        step = self.script(text % 1)
        step.run()
        big = step.namespace['big']
        pickling = self.cpu(lambda: pickle.dumps(big, 2))

        def edit():
            save(self.path, text % random.randrange(10 ** 6))
            step.run()
        self.assertLess(self.cpu(edit), 2.5 * pickling)
