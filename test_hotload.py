#!/usr/bin/env python3
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: MIT
"""Tests of hotload.py, with nothing installed: python test_hotload.py [-v] [TestWatch.test_x]

Same sections, numbers and order as hotload.py. HOTLOAD_UNDER_TEST names the folder of the hotload.py that is
tested (default: this one). HOTLOAD_QUICK=1,6 leaves out the slow ones, and all but those of sections 1 and 6;
so tested are files cut at a banner.
HOTLOAD_TEST_PACKAGES names a folder with packages that some tests use in a child process (ipython, numpy, pandas,
dask).
HOTLOAD_SHARE is for one who tests many Pythons at a time, as .ci/run does. Without it, or with `all`, everything runs.
`most`: without what says the same on each Python (cut files, editors, install.sh, pages), and with each second situation
of live patching. `some`, for a Python between two others: also without options, lists, names of files, ways to save, and
with each fifth situation, others on each. A skip says so.
"""
from __future__ import absolute_import, division, print_function

import ast
import atexit
import collections
import errno
import gc
import glob
import io
import json
import os
import py_compile
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import traceback
import unittest

try:
    import fcntl
    import pty
    import termios
except ImportError:                             # Windows
    fcntl = pty = termios = None

HERE = os.path.dirname(os.path.abspath(__file__))
UNDER_TEST = os.path.abspath(os.environ.get('HOTLOAD_UNDER_TEST') or HERE)
QUICK = [int(number) for number in os.environ.get('HOTLOAD_QUICK', '').split(',') if number]
SHARE = ('some', 'most', 'all').index(os.environ.get('HOTLOAD_SHARE') or 'all')
sys.path.insert(0, UNDER_TEST)
import hotload                                                                   # noqa: E402

HOTLOAD = os.path.join(UNDER_TEST, 'hotload.py')
PY2, JYTHON = sys.version_info[0] == 2, os.name == 'java'
if JYTHON:
    del os.symlink                              # it takes no notice of os.chdir()
HAS_PROCESSES = sys.platform not in ('emscripten', 'wasi')
slow = unittest.skipIf(QUICK, 'slow')
same_on_each = unittest.skipIf(SHARE < 2, 'HOTLOAD_SHARE: says the same on each Python')
same_between = unittest.skipIf(SHARE < 1, 'HOTLOAD_SHARE: seen on an older and on a newer Python')
needs_known_syntax = unittest.skipUnless(hotload.HAS_KNOWN_SYNTAX, 'the trace engine records on this Python')
needs_posix = unittest.skipUnless(os.name == 'posix', 'as POSIX does it')
needs_processes = unittest.skipUnless(HAS_PROCESSES, 'no processes and threads here')


def not_on_pypy(why):
    return unittest.skipIf(hasattr(sys, 'pypy_version_info'), 'PyPy: ' + why)


def few_on_pypy(cls):
    """Class decorator: PyPy runs about each fourth of its tests, by the length of their names."""
    for key in [name for name in vars(cls) if name.startswith('test_')]:
        if len(key) % 4:
            setattr(cls, key, not_on_pypy('to ask for all objects takes it too long; each fourth is tried')(
                vars(cls)[key]))
    return cls


def not_on_jython(why):
    return unittest.skipIf(JYTHON, 'Jython: ' + why)


# The tools: files that are saved, a clock, waiting, a child Python, a test in a folder of its own.

def write_file(path, data, mtime=None):
    with open(path, 'wb') as stream:
        stream.write(data)
    if mtime is not None:
        os.utime(path, (mtime, mtime))


def save_by_rename(path, data, mtime=None):
    write_file(path + '.new~', data, mtime)
    getattr(os, 'replace', os.rename)(path + '.new~', path)


def save_with_backup(path, data, mtime=None):
    os.rename(path, path + '~')
    write_file(path, data, mtime)


STYLES = {'in_place': write_file, 'by_rename': save_by_rename, 'with_backup': save_with_backup}


def save(path, text, style='by_rename', mtime=None):
    """Save `text` (or bytes) as an editor of that style does, in a new tick of the file system's clock."""
    def state():
        found = os.stat(path) if os.path.exists(path) else None
        return found and (found.st_mtime, found.st_ctime, found.st_size, found.st_ino)
    before = state()
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        os.makedirs(os.path.dirname(path))
    while before == state():
        STYLES[style](path, text if isinstance(text, bytes) else text.encode('utf-8'), mtime)
        if mtime is not None and os.stat(path).st_mtime != mtime:
            os.utime(path, (mtime, mtime))
    return path


class Clock(object):
    """A clock that tells the time it was set to; sleeping moves it on."""
    now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Stream(io.StringIO):
    """A stand-in for sys.stdout; on 2.7 it takes bytes too."""
    def write(self, text):
        return io.StringIO.write(self, text.decode('utf-8') if isinstance(text, bytes) else text)


def wait_for(condition, limit=20):
    """The first true answer of condition(); the test fails when there is none within `limit` seconds."""
    end = time.time() + limit
    while not condition():
        if time.time() > end:
            raise AssertionError('not within %s s' % limit)
        time.sleep(0.005)
    return condition()


def run_python(*args, **how):
    """(status, stdout, stderr) of a child Python; one argument with a newline in it is a program."""
    if not HAS_PROCESSES:
        raise unittest.SkipTest('no processes here')
    where = [UNDER_TEST] + [os.environ.get('HOTLOAD_TEST_PACKAGES', '')] * how.pop('packages', False)
    path = os.pathsep.join(filter(None, where))
    env = dict(os.environ, PYTHONPATH=path, JYTHONPATH=path, HOTLOAD_NO_CLEAR='', **how.pop('env', {}))
    limit, data = how.pop('limit', 60), how.pop('stdin', b'')
    argv = [sys.executable] + (['-c', args[0]] if '\n' in args[0] else list(args))
    child = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, **how)
    timer = threading.Timer(limit, child.kill)
    timer.start()
    out, err = child.communicate(data)
    timer.cancel()
    return child.returncode, out.decode('utf-8', 'replace'), err.decode('utf-8', 'replace')


def launcher():
    """The path of a program that starts hotload as the command of install.sh does, from byte code. A start of
    hotload.py itself compiles all of it; that is tried by the tests that name HOTLOAD."""
    if not launchers:
        folder = os.path.realpath(tempfile.mkdtemp(prefix='hotload-launcher-'))
        atexit.register(shutil.rmtree, folder, True)
        shutil.copy(HOTLOAD, os.path.join(folder, 'hotload.py'))
        path = os.path.join(folder, 'launch')
        write_file(path, b'import sys\nimport hotload\nsys.exit(hotload.main())\n')
        py_compile.compile(os.path.join(folder, 'hotload.py'), doraise=True)
        launchers.append(path)
    return launchers[0]


launchers = []                                  # the one made by launcher()


class Case(unittest.TestCase):
    """A test in a new empty folder; what it imported and set is undone. section: the one it needs."""
    section = 0

    def setUp(self):
        self.folder, before = os.path.realpath(tempfile.mkdtemp(prefix='hotload-test-')), os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.addCleanup(os.chdir, before)
        self.addCleanup(self.undo, sys.path[:], sys.meta_path[:], sys.argv[:], dict(sys.modules),
                        sys.stdout, sys.stderr, sys.excepthook)
        sys.path.insert(0, self.folder)
        sys.stdout, sys.stderr, self.clock = Stream(), Stream(), Clock()
        self.out, self.err = sys.stdout, sys.stderr

    def undo(self, path, meta_path, argv, modules, *streams):
        while getattr(hotload, 'fresh', None) and hotload.fresh.users > 0:
            hotload.fresh.remove()              # of a test that failed
        sys.path[:], sys.meta_path[:], sys.argv[:] = path, meta_path, argv
        sys.stdout, sys.stderr, sys.excepthook = streams
        for name, module in list(sys.modules.items()):
            if str(getattr(module, '__file__', '')).startswith(self.folder) or name == '__mp_main__':
                del sys.modules[name]
        sys.modules.update((name, modules[name]) for name in ('__main__', '__mp_main__') if name in modules)
        sys.path_importer_cache.clear()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def save(self, name, *args, **how):
        return save(self.path(*name.split('/')), *args, **how)

    def files(self, files):
        for name in sorted(files):
            self.save(name, files[name])


with io.open(HOTLOAD, encoding='utf-8') as source_file:
    SOURCE = source_file.read()
BANNER = re.compile(r'^## (\d+)\. ([\w ]+?) -- ', re.M)
NUMBERS = [int(number) for number, _ in BANNER.findall(SOURCE)]
with io.open(os.path.splitext(os.path.abspath(__file__))[0] + '.py', encoding='utf-8') as own_file:
    SECTION = dict((title, int(number)) for number, title in BANNER.findall(own_file.read()))


def pieces():
    """([lines before the first banner], {number: [lines of that section]}) of hotload.py."""
    lines, starts = SOURCE.splitlines(True), []
    for index, line in enumerate(lines):
        if BANNER.match(line):
            starts.append(index - 1)
    ends = starts[1:] + [len(lines)]
    return lines[:starts[0]], dict((number, lines[start:end]) for number, start,
                                   end in zip(NUMBERS, starts, ends))


def is_public(name):
    return not name.startswith('_')


# Newer than 3.3 or absent from 2.7.4: {module: names}.
NEWER_THAN_3_3 = {
    'contextlib': 'suppress redirect_stdout redirect_stderr nullcontext AsyncExitStack chdir',
    'functools': 'cached_property singledispatch partialmethod cache singledispatchmethod',
    'gc': 'freeze unfreeze get_stats get_freeze_count is_finalized',
    'glob': 'escape translate',
    'importlib': 'reload',
    'importlib.util': 'module_from_spec spec_from_loader spec_from_file_location find_spec decode_source '
                      'cache_from_source source_from_cache source_hash LazyLoader MAGIC_NUMBER',
    'importlib.machinery': 'ModuleSpec NamespaceLoader',
    'inspect': 'unwrap iscoroutinefunction iscoroutine isawaitable isasyncgen get_annotations '
    'markcoroutinefunction',
    'itertools': 'pairwise batched',
    'json': 'JSONDecodeError',
    'math': 'inf nan tau isclose isqrt prod comb perm dist gcd lcm nextafter ulp sumprod fma cbrt exp2',
    'os': 'scandir fspath PathLike DirEntry get_blocking set_blocking set_inheritable get_inheritable '
    'cpu_count '
          'posix_spawn posix_spawnp pidfd_open waitstatus_to_exitcode register_at_fork memfd_create '
          'getrandom '
          'preadv pwritev unshare setns process_cpu_count copy_file_range splice eventfd add_dll_directory',
    're': 'fullmatch Pattern Match NOFLAG',
    'selectors': '*', 'pathlib': '*', 'asyncio': '*', 'enum': '*', 'tracemalloc': '*', 'typing': '*',
    'dataclasses': '*', 'contextvars': '*', 'secrets': '*', 'zoneinfo': '*', 'graphlib': '*', 'tomllib': '*',
    'signal': 'raise_signal strsignal valid_signals Signals Handlers pidfd_send_signal',
    'subprocess': 'run CompletedProcess',
    'sys': 'is_finalizing breakpointhook unraisablehook addaudithook audit orig_argv stdlib_module_names '
    'exception '
           'monitoring getandroidapilevel set_coroutine_origin_tracking_depth pycache_prefix platlibdir '
           'activate_stack_trampoline set_int_max_str_digits _is_gil_enabled _clear_internal_caches',
    'threading': 'main_thread get_native_id excepthook settrace_all_threads setprofile_all_threads gettrace '
    'getprofile',
    'time': 'time_ns monotonic_ns perf_counter_ns process_time_ns thread_time thread_time_ns',
    'traceback': 'TracebackException StackSummary FrameSummary walk_tb walk_stack clear_frames',
    'types': 'coroutine MappingProxyType GenericAlias NoneType UnionType CellType CodeType.replace',
}
ABSENT_FROM_2_7_4 = {
    'contextlib': 'ExitStack ContextDecorator', 'functools': 'lru_cache', 'html': '*',
    'importlib': 'invalidate_caches machinery util abc', 'inspect': 'signature getfullargspec getattr_static',
    'itertools': 'accumulate zip_longest', 'hmac': 'compare_digest',
    'hashlib': 'pbkdf2_hmac algorithms_guaranteed',
    'os': 'replace fsencode fsdecode sched_getaffinity get_terminal_size pipe2 truncate waitid getxattr '
    'sync sendfile '
          'get_exec_path environb cpu_count',
    'shutil': 'which get_terminal_size chown', 'signal': 'pthread_kill pthread_sigmask sigwait sigpending '
    'sigtimedwait',
    'ssl': 'SSLContext create_default_context', 'subprocess': 'DEVNULL TimeoutExpired',
    'sys': 'getswitchinterval setswitchinterval implementation thread_info hash_info base_prefix '
    'base_exec_prefix '
           'intern abiflags',
    'tempfile': 'TemporaryDirectory', 'threading': 'get_ident Barrier TIMEOUT_MAX',
    'time': 'monotonic perf_counter process_time clock_gettime get_clock_info CLOCK_MONOTONIC',
    'types': 'SimpleNamespace new_class prepare_class',
}
NEW_BUILTINS = ('ModuleNotFoundError RecursionError breakpoint aiter anext ExceptionGroup BaseExceptionGroup '
                'EncodingWarning PythonFinalizationError StopAsyncIteration').split()
NEW_METHODS = 'removeprefix removesuffix isascii bit_count add_note read_text write_text'.split()
NEW_FORMS = ('JoinedStr NamedExpr AsyncFunctionDef AsyncFor AsyncWith Await YieldFrom Nonlocal AnnAssign '
             'Match TryStar '
             'TypeAlias MatMult').split()
VERSION_TESTS = re.compile(r'^_?(IS_)?(PY|PYTHON|CPYTHON|PYPY)_?\d*$|^_?(IS|ON)_|WINDOWS|WIN32|DARWIN|MACOS')


def dotted(node):
    """'os.path.join' for the tree of that expression, None for anything else."""
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return base and base + '.' + node.attr
    return node.id if isinstance(node, ast.Name) else None


def walk(node, above=()):
    """Each (node of the tree, its parents, nearest last)."""
    yield node, above
    for child in ast.iter_child_nodes(node):
        for found in walk(child, above + (node,)):
            yield found


def names_used(node, above):
    """['module.name'] for what the tree's `node` takes out of a module."""
    if isinstance(node, ast.Attribute):
        return [dotted(node) or '?']
    if isinstance(node, ast.ImportFrom):
        return [(node.module or '') + '.' + alias.name for alias in node.names]
    if isinstance(node, ast.Import):
        return [alias.name + '.*' for alias in node.names]
    return []


def is_in_table(table, used):
    module, _, name = used.rpartition('.')
    names = table.get(module, '').split()
    return name in names or '*' in names


def is_guarded(above):
    """Whether it is asked for: in try, or below or after an `if` with hasattr, getattr, HAS_..., bytes."""
    def asks(node):
        test = getattr(node, 'test', node)
        names = [dotted(part) or '' for part in ast.walk(test) if isinstance(part, (ast.Name, ast.Attribute))]
        return any(name in ('hasattr', 'getattr', 'sys.version_info', 'bytes') or name.startswith('HAS_')
                   for name in names)
    for parent, child in zip(above, above[1:] + above[-1:]):
        if type(parent).__name__ in ('Try', 'TryExcept') or isinstance(parent,
                (ast.If, ast.IfExp, ast.BoolOp)) and asks(parent):
            return True
        body = getattr(parent, 'body', None)
        for earlier in body[:body.index(child)] if isinstance(body, list) and child in body else ():
            if isinstance(earlier, ast.If) and asks(earlier) and isinstance(earlier.body[-1], ast.Return):
                return True
    return False


class TestLayout(Case):
    """The file as a whole."""
    section = 0

    def test_contents_banners_and_test_banners_are_the_same(self):
        banners = [(int(number), name) for number, name in BANNER.findall(SOURCE)]
        with io.open(os.path.join(HERE, 'test_hotload.py'), encoding='utf-8') as stream:
            tests = [(int(number), name) for number, name in BANNER.findall(stream.read())]
        docstring = ast.get_docstring(ast.parse(SOURCE.encode('utf-8')))
        contents = [(int(number), name) for number, name
                    in re.findall(r'^ +(\d+)\. (\w+(?: \w+)*?)(?:  | -- |$)', docstring, re.M)]
        self.assertEqual(contents, banners)
        self.assertEqual(tests, banners)
        self.assertEqual([number for number, _ in banners], sorted(set(number for number, _ in banners)))

    def test_banners_are_three_comment_lines(self):
        lines = SOURCE.splitlines()
        for index, line in enumerate(lines):
            if BANNER.match(line):
                self.assertTrue(re.match(r'#+ ?[=#-]*$', lines[index - 1])
                                and lines[index - 1] == lines[index + 1], line)

    def test_nothing_refers_downwards(self):
        try:
            import symtable
        except ImportError:
            self.skipTest('no symtable module here')
        try:
            import builtins
        except ImportError:
            import __builtin__ as builtins
        future = ''.join(line for line in SOURCE.splitlines(True) if line.startswith('from __future__'))

        def bound_and_used(text):
            bound, used = set(), set()
            text = text if 'from __future__' in text else future + text
            top = symtable.symtable(text, 'hotload.py', 'exec')
            tables = [top]
            while tables:
                table = tables.pop()
                tables.extend(table.get_children())
                for symbol in table.get_symbols():
                    is_global = table is top or symbol.is_global()
                    if is_global and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
                        bound.add(symbol.get_name())
                    if is_global and symbol.is_referenced():
                        used.add(symbol.get_name())
            return bound, used

        head, sections = pieces()
        known = set(dir(builtins)) | set(['__file__', '__name__', '__doc__', '__path__'])
        for lines in [head] + [sections[number] for number in NUMBERS]:
            bound, used = bound_and_used(''.join(lines))
            known |= bound
            missing = used - known
            if lines is sections[NUMBERS[0]]:   # the one place for names that only one of 2 and 3 has
                missing -= set('unicode basestring long raw_input reload unichr xrange execfile cmp reduce '
                               'intern'.split())
            self.assertEqual(sorted(missing), [], 'used in or above its banner: %s' % ''.join(lines[:2]))

    @slow
    @same_on_each
    @needs_processes
    @not_on_pypy('each of the many starts takes it a second')
    def test_each_cut_file_passes_the_tests_of_what_is_left(self):
        head, sections = pieces()
        some = slice(sys.version_info[1] % 6, None, 6) if 'HOTLOAD_SHARE' in os.environ else slice(None)
        for number in NUMBERS[1:-1][some]:      # in CI each Python has other ones
            left = [other for other in NUMBERS[:-1] if other < number]
            tested = left[-1:] + [NUMBERS[-1]]
            if number == NUMBERS[-2]:           # the command line shows what sections below it enter there
                tested.append(6)
            text = ''.join(head + sum((sections[other] for other in left), []) + sections[NUMBERS[-1]])
            self.save('cut%d/hotload.py' % number, text)
            status, out, err = run_python(      # as a module, which is compiled once
                'import sys\nsys.path.append(%r)\nimport test_hotload\ntest_hotload.unittest.main(test_hotload)' % HERE,
                limit=120, env={'HOTLOAD_UNDER_TEST': self.path('cut%d' % number),
                                'HOTLOAD_QUICK': ','.join(map(str, tested))})
            self.assertEqual(status, 0, 'cut at %d: %s%s' % (number, out, err))
            self.assertTrue(re.search(r'Ran [1-9]\d* test', err), err)

    def test_no_version_or_platform_is_asked_for_below_section_1(self):
        start = SOURCE[:SOURCE.index('\n## %d. ' % NUMBERS[1])].count('\n')
        found = []
        for node, _ in walk(ast.parse(SOURCE.encode('utf-8'))):
            if getattr(node, 'lineno', 0) > start:
                name = dotted(node) if isinstance(node, (ast.Attribute, ast.Name)) else ''
                if name in ('sys.version_info', 'sys.hexversion', 'sys.platform', 'os.name',
                            'sys.implementation') or (name or '').startswith('platform.') \
                        or isinstance(node,
                                      ast.Name) and VERSION_TESTS.search(node.id) and node.id != 'IS_PROGRAM':
                    found.append('line %d: %s' % (node.lineno, name))
        self.assertEqual(found, [])

    def test_no_name_newer_than_2_7_4_and_3_3_is_used_unguarded(self):
        start = SOURCE[:SOURCE.index('\n## %d. ' % NUMBERS[1])].count('\n')
        found = []
        for node, above in walk(ast.parse(SOURCE.encode('utf-8'))):
            in_section_1 = getattr(node, 'lineno', 0) <= start
            for used in names_used(node, above):
                newer = is_in_table(NEWER_THAN_3_3, used)
                absent = is_in_table(ABSENT_FROM_2_7_4, used)
                if (newer or absent and not in_section_1) and not is_guarded(above):
                    found.append('line %d: %s' % (node.lineno, used))
            if isinstance(node, ast.Attribute) and node.attr in NEW_METHODS \
                    or isinstance(node, ast.Name) and node.id in NEW_BUILTINS and not is_guarded(above):
                found.append('line %d: %s' % (node.lineno, getattr(node, 'attr', getattr(node, 'id', ''))))
        self.assertEqual(found, [])

    def test_no_form_newer_than_2_7_4_and_3_3_is_used(self):
        found = []
        for node, _ in walk(ast.parse(SOURCE.encode('utf-8'))):
            kind, arguments = type(node).__name__, getattr(node, 'args', None)
            line = getattr(node, 'lineno', 0)
            if kind in NEW_FORMS or kind == 'Raise' and getattr(node, 'cause', None) is not None:
                found.append('line %d: %s' % (line, kind))
            if isinstance(node, ast.FunctionDef) and any(
                    [getattr(arguments, 'kwonlyargs', None), getattr(arguments, 'posonlyargs', None),
                     getattr(node, 'returns', None)] + [getattr(one, 'annotation', None)
                                                        for one in arguments.args]):
                found.append('line %d: arguments of %s' % (line, node.name))
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and not PY2 \
                    and isinstance(getattr(node.left, 's', getattr(node.left, 'value', None)), bytes):
                found.append('line %d: bytes %% values came with 3.5' % line)
        self.assertEqual(found, [])

    def test_exec_stands_in_functions_without_free_variables(self):
        # Before 2.7.9 exec(code, globals) was taken for an exec without globals, which closures may not hold.
        try:
            import symtable
        except ImportError:
            self.skipTest('no symtable module here')
        if PY2:
            self.skipTest('seen on 3.x')

        def has_free(table):
            return table.get_type() == 'function' and (
                table.get_frees() or any(map(has_free, table.get_children())))
        tables, found = [symtable.symtable(SOURCE, 'hotload.py', 'exec')], []
        while tables:
            table = tables.pop()
            tables.extend(table.get_children())
            if 'exec' in table.get_identifiers() and has_free(table):
                found.append('line %d: %s' % (table.get_lineno(), table.get_name()))
        self.assertEqual(found, [])

    def test_lines_have_at_most_120_columns_and_no_tabs(self):
        for number, line in enumerate(SOURCE.splitlines(), 1):
            self.assertTrue(len(line) <= 120 and '\t' not in line, 'line %d' % number)

    def test_every_public_name_has_a_docstring(self):
        import inspect
        bare = []
        for name, value in sorted(vars(hotload).items()):
            if not is_public(name) or getattr(value, '__module__', None) != 'hotload':
                continue
            if inspect.isfunction(value) or inspect.isclass(value):
                if not (value.__doc__ or '').strip() or value.__doc__ == getattr(value.__base__
                        if inspect.isclass(value)
                                                                                 else None, '__doc__', ''):
                    bare.append(name)
            if inspect.isclass(value):
                bare += [name + '.' + key for key, method in sorted(vars(value).items())
                         if is_public(key) and inspect.isfunction(getattr(method, '__func__', method))
                         and not (getattr(method, '__func__', method).__doc__ or '').strip()]
        self.assertEqual(bare, [])

    def test_the_public_names_are_there(self):
        listed = 'hotload listfiles persist Step Runnable PythonHandle Command ClearTerminal ' \
                 'ReloadedPythonModule ReloadedScript ReloadModules HotloadError'.split()
        self.assertEqual([name for name in listed if name not in hotload.__all__], [])
        self.assertEqual([name for name in hotload.__all__ if not hasattr(hotload, name)], [])
        self.assertEqual([name for name in ('start', 'watch', 'depends', 'record', 'Return')
                          if name in hotload.__all__], [])
        self.assertTrue(hotload.start and hotload.Loop and hotload.main and hotload.MODES)
        self.assertTrue(hotload.Runnable is hotload.Step)

    def test_doctests_pass(self):
        import doctest
        tried, output = 0, []
        for test in doctest.DocTestFinder(exclude_empty=True).find(hotload, 'hotload'):
            if not HAS_PROCESSES and test.name in ('hotload.hotload', 'hotload.start', 'hotload.Command'):
                continue
            runner = doctest.DocTestRunner(verbose=False,
                                           optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
            runner.run(test, out=output.append)
            tried += runner.tries
        self.assertEqual(''.join(output), '')
        self.assertTrue(tried > 10, tried)

    def test_each_step_and_function_of_the_api_has_an_example(self):
        names = [name for name in hotload.__all__ + ['start', 'watch', 'depends', 'record', 'Return']
                 if hasattr(hotload, name)]     # a file that was cut lacks some
        self.assertEqual([name for name in names if '>>>' not in (getattr(hotload, name).__doc__ or '')], [])

    @needs_posix
    def test_the_file_can_be_executed_and_carries_licence_and_version(self):
        self.assertTrue(os.access(os.path.join(HERE, 'hotload.py'), os.X_OK))
        head = SOURCE[:400]
        self.assertTrue(head.startswith('#!/usr/bin/env python'))
        self.assertTrue('SPDX-License-Identifier: MIT' in head)
        self.assertTrue(re.match(r'\d+\.\d+', hotload.__version__))

    def test_importing_it_imports_nothing_heavy(self):
        status, out, err = run_python('import sys\nbefore = set(sys.modules)\nimport hotload\n'
                                      'print(" ".join(sorted(set(sys.modules) - before)))\n')
        heavy = ('argparse subprocess ctypes logging inspect ast multiprocessing json socket tempfile '
                 'threading shutil pickle random unittest doctest asyncio pathlib typing pdb code codeop '
                 'readline pty hashlib glob fnmatch').split()
        self.assertEqual(sorted(set(heavy) & set(out.split())), [], out + err)

    def test_hidden_names_of_posix_are_not_missed(self):
        self.save('app.py', 'import helper\nprint("helper %d" % helper.value)\n')
        self.save('helper.py', 'value = 1\n')
        status, out, err = run_python(PLAYED % {'platform': '', 'name': ''}, cwd=self.folder)
        self.assertEqual((status, out.split('\n')[:4]), (0, ['helper 1', 'step', 'helper 2', 'step']), err)

    def test_windows_played_on_posix(self):
        self.save('app.py', 'import helper\nprint("helper %d" % helper.value)\n')
        self.save('helper.py', 'value = 1\n')
        status, out, err = run_python(PLAYED % {'platform': 'win32', 'name': 'nt'}, cwd=self.folder)
        self.assertEqual((status, out.split('\n')[:4]), (0, ['helper 1', 'step', 'helper 2', 'step']), err)

    def test_a_mac_played_on_linux(self):
        self.save('app.py', 'import helper\nprint("helper %d" % helper.value)\n')
        self.save('helper.py', 'value = 1\n')
        status, out, err = run_python(PLAYED % {'platform': 'darwin', 'name': 'posix'}, cwd=self.folder)
        self.assertEqual((status, out.split('\n')[:4]), (0, ['helper 1', 'step', 'helper 2', 'step']), err)

    def test_an_embedded_python_without_signals_and_stream_methods(self):
        self.save('app.py', 'import helper\nsay("helper %d" % helper.value)\n')
        self.save('helper.py', 'value = 1\n')
        status, out, err = run_python(EMBEDDED, cwd=self.folder)
        self.assertEqual((status, out.split()), (0, ['first', 'second']), err)


# What Windows and the Mac lack, taken away before hotload is imported; then the script runs, twice.
PLAYED = r'''
import os, sys, signal, select, subprocess, tempfile, threading, time, types, shutil, traceback, linecache
platform, name = '%(platform)s', '%(name)s'
ours = types.ModuleType('os')
ours.__dict__.update(os.__dict__)
subprocess.os = ours
is_mac = platform == 'darwin'
hidden = {
    os: [] if is_mac else """fork forkpty killpg setsid setpgid setpgrp getpgid getpgrp getuid geteuid getgid
        getegid tcsetpgrp tcgetpgrp ttyname openpty wait wait3 wait4 nice mkfifo chown fchown fchmod uname
        ctermid getloadavg sysconf statvfs sync WNOHANG WIFSIGNALED WIFEXITED WTERMSIG WEXITSTATUS O_NONBLOCK
        O_NOCTTY O_DIRECTORY sched_getaffinity register_at_fork getresuid lchown posix_spawn""".split(),
    signal: ['pidfd_send_signal', 'sigtimedwait'] if is_mac else """SIGHUP SIGKILL SIGALRM SIGUSR1 SIGUSR2
        SIGCHLD SIGTSTP SIGCONT SIGTTOU SIGTTIN SIGWINCH SIGPIPE SIGQUIT SIGSTOP setitimer getitimer alarm
        pause siginterrupt ITIMER_REAL ITIMER_VIRTUAL ITIMER_PROF pthread_kill pthread_sigmask sigwait
        sigpending""".split(),
    select: ['epoll'] if is_mac else ['poll', 'epoll', 'PIPE_BUF'],
    time: [] if is_mac else ['tzset', 'clock_gettime', 'CLOCK_MONOTONIC'],
}
for module in hidden:
    for one in hidden[module]:
        if hasattr(module, one):
            delattr(module, one)
sys.modules['ctypes'] = None
if not is_mac:
    for one in 'termios fcntl pty tty resource grp pwd readline'.split():
        sys.modules[one] = None
if platform:
    sys.platform = platform
    if name == 'nt':
        real = os.rename
        def rename(old, new):
            if os.path.exists(new):
                raise OSError(17, 'File exists', new)
            real(old, new)
        os.rename = rename
        os.name = name
import hotload
now = [0.0]
def sleep(seconds):
    now[0] += max(seconds, 0.001)
script = hotload.ReloadedScript('app.py')
def step():
    print('step')
loop = hotload.Loop([script.files, hotload.listfiles('.', '.py')], [hotload.ClearTerminal(), script, step],
                    clock=lambda: now[0], sleep=sleep)
loop.run()
with open('helper.py', 'w') as out:
    out.write('value = 2 # longer\n')
while loop.runs < 2:
    now[0] += 0.02
    loop.tick()
loop.close()
sys.stdout.flush()
background = hotload.start(['app.py'], [lambda: None])
for _ in range(2000):
    if background.runs:
        break
    time.sleep(0.005)
background.stop()
background.join(10)
assert background.runs == 1, background.runs
'''

# A host program's Python (Abaqus and its like): streams with write() alone, no __file__ of __main__, and a
# main thread that is not ours.
EMBEDDED = r'''
import os, sys, threading
real = sys.stdout
class Bare(object):
    def write(self, text):
        pass
sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Bare()
sys.stdin = sys.__stdin__ = None
for name in ('__file__', '__spec__'):
    vars(sys.modules['__main__']).pop(name, None)
said = []
def work():
    try:
        import hotload
        import __main__
        try:
            import builtins
        except ImportError:
            import __builtin__ as builtins
        builtins.say = said.append
        now = [0.0]
        loop = hotload.Loop(['helper.py'], [hotload.ClearTerminal(), hotload.ReloadedScript('app.py')],
                            clock=lambda: now[0], sleep=lambda seconds: None)
        loop.run()
        with open('helper.py', 'w') as out:
            out.write('value = 2 # longer\n')
        while loop.runs < 2:
            now[0] += 0.02
            loop.tick()
        loop.close()
    except BaseException as error:
        said.append(repr(error))
thread = threading.Thread(target=work)
thread.start()
thread.join(30)
sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = real
real.write('first\n' if said[:1] == ['helper 1'] else repr(said) + '\n')
real.write('second\n' if said[1:] == ['helper 2'] else repr(said) + '\n')
real.flush()
'''


class TestExamples(Case):
    """examples/: small, and each prints what its last comment says."""
    section = 0
    files = sorted(glob.glob(os.path.join(HERE, 'examples', '*.py'))
                   + glob.glob(os.path.join(HERE, 'examples', '*', '*.py')))

    @same_on_each                               # .ci/run tries them on each
    @needs_processes
    def test_each_prints_what_it_says(self):
        scripts = [path for path in self.files
                   if os.path.basename(path)[0].isdigit() or path.endswith('launch.py')]
        self.assertTrue(scripts)
        for script in scripts:
            with io.open(script, encoding='utf-8') as stream:
                wanted = stream.read().partition('\n# Output:\n')[2]
            status, out, err = run_python(script, '--once', limit=20)
            self.assertEqual((status, out), (0, re.sub('(?m)^# ?', '', wanted)), script + '\n' + err)

    def test_each_has_less_than_40_lines(self):
        for path in self.files:
            with open(path) as stream:
                self.assertTrue(len(stream.readlines()) < 40, path)


class TestPages(Case):
    """README.md and docs/"""
    section = 0

    def test_links_lead_to_files(self):
        for page, text in pages():
            for target in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', text):
                self.assertTrue(os.path.exists(os.path.join(os.path.dirname(page), target)), (page, target))

    def test_python_in_them_compiles(self):
        for page, text in pages():
            for block in re.findall(r'(?ms)^```python\n(.*?)^```', text):
                compile(block, page, 'exec', 0, True)

    def test_each_page_of_a_mode_has_the_four_parts(self):
        for name in 'cache legacy live loop page pipeline record steps'.split():
            with io.open(os.path.join(HERE, 'docs', name + '.md'), encoding='utf-8') as stream:
                self.assertEqual(re.findall(r'(?m)^## (.*)', stream.read()),
                                 ['Use it', 'Reference', 'How it works', 'Limits'], name)

    def test_first_command_comes_within_60_words(self):
        _, text = next(pages())
        self.assertTrue(len(text.partition('```')[0].split()) <= 60)


class TestStepsPage(Case):
    """docs/steps.md: its code runs, and prints what the block after it says."""
    section = 0

    def setUp(self):
        Case.setUp(self)
        self.files({'lib.py': 'name = "lib"\n', 'data.csv': 'name,size\na,1\nb,2\n'})
        self.addCleanup(hotload.MODES.__setitem__, slice(None), hotload.MODES[:])
        with io.open(os.path.join(HERE, 'docs', 'steps.md'), encoding='utf-8') as stream:
            self.blocks = re.findall(r'(?ms)^```python\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?', stream.read())

    def run_block(self, text):
        """The namespace of the block after it ran, and what it printed."""
        space, before = {'__name__': 'block'}, len(self.out.getvalue())
        hotload.execute(compile('from __future__ import print_function\n' + text, 'steps.md', 'exec', 0, True), space)
        if 'loop' in space:
            self.addCleanup(space['loop'].close)
        return space, self.out.getvalue()[before:]

    def test_each_block_prints_what_stands_below_it(self):
        self.assertTrue(len(self.blocks) > 9)
        for text, expected in self.blocks:
            space, printed = self.run_block(text)
            if 'loop' in space:
                space['loop'].close()
            self.assertEqual(printed, expected, text + self.err.getvalue())

    def test_the_test_of_a_step_passes(self):
        [text] = [text for text, _ in self.blocks if 'TestSteps' in text]
        tests = unittest.TestLoader().loadTestsFromTestCase(self.run_block(text)[0]['TestSteps'])
        result = unittest.TestResult()
        tests.run(result)
        self.assertEqual((result.testsRun, result.errors, result.failures), (1, [], []))

    def test_the_step_with_stop_is_stopped(self):
        if not HAS_PROCESSES:
            self.skipTest('no threads here')
        [text] = [text for text, _ in self.blocks if 'def stop' in text]
        space, _ = self.run_block(text)
        timer = threading.Timer(0.1, self.save, ('lib.py', 'name = "another"\n'))
        timer.start()
        space['loop'].run()
        timer.join()
        self.assertTrue('stopped by a save' in self.out.getvalue(), self.err.getvalue())

    @needs_processes
    def test_the_launcher_has_the_option(self):
        [text] = [text for text, _ in self.blocks if 'MODES' in text]
        self.save('mine.py', text)
        self.assertTrue('--words' in run_python('mine.py', '--help')[1])
        self.save('once.py', 'import mine, os, sys\nrun = mine.Words.run\n'
                  'mine.Words.run = lambda self: (run(self), sys.stdout.flush(), os._exit(0))\n'
                  'mine.hotload.supervise = lambda work: work(mine.hotload.Shared(), 0, None)\n'
                  'mine.hotload.main(["--words", "lib.py"])\n')
        status, out, err = run_python('once.py', stdin=b'lib.py\n')
        self.assertTrue('3 words' in out, out + err)


class TestComingFrom(Case):
    """docs/coming-from.md: what it says is here is here."""
    section = 0
    # All modes are named there: it is for a file that has them.
    needs = dict((name, int(number)) for number, name in BANNER.findall(SOURCE)).get('Export', 99)

    def rows(self):
        """The cells of each row that maps something of a tool to ours."""
        with io.open(os.path.join(HERE, 'docs', 'coming-from.md'), encoding='utf-8') as stream:
            rows = [re.split(r'(?<!\\)\|', line)[1:-1] for line in stream if line.startswith('| ')]
        return [row for row in rows if not row[0].strip() in ('there', '---', 'you used')]

    def ours(self, pattern):
        """{what the pattern finds in the code of our side: the row}"""
        return dict((found, row) for row in self.rows() for code in re.findall(r'`([^`]*)`', row[1])
                    for found in re.findall(pattern, code.replace('hotload.py', 'hotload')) if '| ' not in code)

    def test_each_name_is_one_of_ours(self):
        self.assertTrue(len(self.rows()) > 80)
        names = self.ours(r'\bhotload\.(\w+)')
        names.update(self.ours(r'(?<![\w.-])([A-Z][a-z]\w+)\b(?! .*SCRIPT)'))
        self.assertTrue(len(names) > 9, names)
        self.assertEqual([(name, names[name]) for name in names if not hasattr(hotload, name)
                          and name not in ('False', 'Type')], [])

    @needs_processes
    def test_each_option_is_one_of_ours(self):
        _, known, _ = run_python(os.path.join(UNDER_TEST, 'hotload.py'), '--help')
        options = self.ours(r'(?<![\w-])--?[a-z][a-z-]*\b')
        self.assertTrue(len(options) > 10, options)
        self.assertEqual([(option, options[option]) for option in options
                          if not re.search(r'(?<![\w-])%s\b' % option, known)], [])


# An application with a Python inside, as awkward as they come: streams with write() alone, no arguments, no signals,
# and a second thread that runs the script, whose path it may not tell, then each line of its input.
HOST = r"""
#include <Python.h>
#include <pthread.h>

static char **words;

static PyObject *show(PyObject *self, PyObject *args)
{
    const char *text;
    if (!PyArg_ParseTuple(args, "s", &text))
        return NULL;
    fputs(text, stdout);
    fflush(stdout);
    Py_RETURN_NONE;
}

static PyMethodDef method = {"show", show, METH_VARARGS, NULL};

static void *work(void *unused)
{
    static char text[65536];
    int more;
    PyGILState_STATE state = PyGILState_Ensure();
    FILE *stream = fopen(words[2], "r");
    if (strcmp(words[1], "file") == 0)
        PyRun_SimpleFile(stream, words[2]);
    else
        text[fread(text, 1, sizeof text - 1, stream)] = 0;
    do {
        PyRun_SimpleString(text);
        Py_BEGIN_ALLOW_THREADS
        more = fgets(text, sizeof text, stdin) != NULL;
        Py_END_ALLOW_THREADS
    } while (more);
    PyGILState_Release(state);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t thread;
    PyThreadState *state;
    words = arguments;
    Py_InitializeEx(0);
#if PY_MAJOR_VERSION == 2
    PyEval_InitThreads();
#endif
    PyObject_SetAttrString(PyImport_AddModule("__main__"), "show", PyCFunction_New(&method, NULL));
    PyRun_SimpleString(
        "import sys\n"
        "class Window(object):\n"
        "    __slots__ = ()\n"
        "    write = staticmethod(show)\n"
        "sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Window()\n"
        "sys.stdin = sys.__stdin__ = None\n"
        "vars(sys).pop('argv', None)\n"
        "del Window, show, sys\n");
    state = PyEval_SaveThread();
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    PyEval_RestoreThread(state);
    return 0;
}
"""


@needs_posix
@needs_processes
class TestHosts(Case):
    """Applications that embed Python, and docs/legacy.md, which is about them."""
    section = 0
    page = os.path.join(HERE, 'docs', 'legacy.md')

    @classmethod
    def setUpClass(cls):
        """Build the application against the Python that runs this; cls.lacks says why that cannot be done."""
        import sysconfig
        get, cls.built = sysconfig.get_config_var, tempfile.mkdtemp(prefix='hotload-test-')
        headers = sysconfig.get_paths()['include']
        places = [os.path.join(get(folder) or '', get(name) or '') for folder, name in (
            ('LIBDIR', 'LDLIBRARY'), ('LIBDIR', 'INSTSONAME'), ('LIBPL', 'LIBRARY'))]
        libraries = [place for place in places if os.path.isfile(place)]
        compilers = [os.path.join(folder, name) for name in ('gcc', 'cc') for folder in os.defpath.split(os.pathsep)
                     if os.path.isfile(os.path.join(folder, name))]
        cls.lacks = ('the headers of this Python are not here'
                     if not os.path.isfile(os.path.join(headers, 'Python.h')) else
                     'this Python has no library to embed' if not libraries or hasattr(sys, 'pypy_version_info') else
                     '' if compilers else 'no C compiler here')
        if not cls.lacks:
            source = os.path.join(cls.built, 'host.c')
            write_file(source, HOST.encode('ascii'))
            subprocess.check_call(
                compilers[:1] + [source, '-o', os.path.join(cls.built, 'host'), '-I', headers, libraries[0],
                                 '-Wl,-rpath,' + os.path.dirname(libraries[0])]
                + ' '.join(['-lpthread'] + [get(name) or '' for name in ('LIBS', 'SYSLIBS', 'LINKFORSHARED')]).split())

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.built)

    def started(self, script, how='text'):
        """The application, told to run this file as a text, or as a 'file'; the folder is on its sys.path."""
        if self.lacks:
            self.skipTest(self.lacks)
        env = dict(os.environ, PYTHONPATH=os.pathsep.join([UNDER_TEST, self.folder]),
                   PYTHONHOME=getattr(sys, 'base_prefix', sys.prefix))
        with open('shown', 'wb') as stream:
            self.host = subprocess.Popen([os.path.join(self.built, 'host'), how, script], env=env,
                                         stdin=subprocess.PIPE, stdout=stream, stderr=subprocess.STDOUT)
        self.addCleanup(self.host.wait)
        self.addCleanup(lambda: self.host.poll() is None and self.host.kill())

    def shown(self):
        """What the application shows."""
        with io.open('shown', encoding='utf-8') as stream:
            return stream.read()

    def wait_for(self, text):
        """Wait until it shows `text`."""
        wait_for(lambda: text in self.shown() or self.host.poll() is not None)
        self.assertTrue(text in self.shown(), (text, self.shown()))

    def typed(self, line):
        """Type a line at the application's prompt."""
        self.host.stdin.write(line.encode('ascii') + b'\n')
        self.host.stdin.flush()

    def end(self):
        self.host.stdin.close()
        wait_for(lambda: self.host.poll() is not None)
        self.assertEqual(self.host.poll(), 0, self.shown())

    def blocks(self, language, *about):
        """The code blocks of the page, one for each text that it has in it; or all."""
        with io.open(self.page, encoding='utf-8') as stream:
            blocks = re.findall(r'(?ms)^```%s\n(.*?)^```' % language, stream.read())
        return [[block for block in blocks if text in block][0] for text in about] or blocks

    def launched(self, *about):
        """The application runs these blocks of the page, in a folder with a model.py; it calls nothing by itself."""
        application = 'class application:\n    @staticmethod\n    def every(seconds, call):\n        pass\n'
        self.save('model.py', 'import hotload\nprint("model 1")\n')
        self.save('launch.py', application + ''.join(self.blocks('python', *about)).replace(
            '/home/you/project', self.folder))
        self.started('launch.py')

    def test_the_launch_script_of_the_example(self):
        [folder] = glob.glob(os.path.join(HERE, 'examples', '*_host'))
        for how in ('text', 'file'):
            for name in ('launch.py', 'model.py'):
                shutil.copy(os.path.join(folder, name), self.folder)
            self.started('launch.py', how)
            self.wait_for('bends by 12.5 mm')
            for text, expected in (('print("a new model")', 'a new model'), ('print(1 // 0)', 'ZeroDivisionError'),
                                   ('print("another model")', 'another model')):
                self.save('model.py', text + '\n')
                self.wait_for(expected)
            self.save('stop', '\n')
            self.typed('print("the prompt is back")')
            self.wait_for('the prompt is back')
            self.assertFalse(os.path.exists('stop'))
            self.end()

    def test_code_on_the_page_that_waits_for_saves(self):
        self.launched('loop.forever()')
        self.wait_for('model 1')
        self.save('model.py', 'print("model 2")\nimport __main__\n__main__.loop.stop()\n')
        self.wait_for('model 2')
        self.typed('print("the prompt is back")')
        self.wait_for('the prompt is back')
        self.end()
        self.launched('hotload.start')
        self.wait_for('model 1')
        self.save('model.py', 'print("model 2")\n')
        self.wait_for('model 2')
        self.typed('loop.stop(); print("ended %s" % loop.join(10))')
        self.wait_for('ended True')
        self.end()

    def test_code_on_the_page_that_the_application_calls(self):
        self.launched('loop.run()', 'hotload.persist')
        self.wait_for('model 1')
        self.save('model.py', 'print("model 2")\n')
        self.typed('while not loop.tick(): pass')
        self.wait_for('model 2')
        self.typed('print("%(name)s of %(load)s" % part)')
        self.wait_for('beam of 1000.0')
        self.end()
        if hasattr(hotload, 'watch'):
            self.launched('hotload.watch')
            self.typed('import model')
            self.wait_for('model 1')
            self.save('model.py', 'import hotload\nprint("model 2")\n')
            self.typed('while not loop.tick(): pass')
            self.wait_for('model 2')
            self.end()
        self.save('launch.py', 'print("launched")\n')
        self.save('typed.py', self.blocks('python', 'execfile')[0])
        self.started('typed.py')
        self.wait_for('launched')
        self.end()

    def test_a_script_and_a_command_run_there_also_without_any_stream(self):
        self.save('app.py', 'import sys\nprint("script %s %s" % (sys.argv[1], __name__))\n')
        self.save('launch.py', 'import sys\nimport hotload\n'
                  'loop = hotload.Loop(["app.py"], [hotload.ClearTerminal(), hotload.ReloadedScript("app.py", ["x"]),\n'
                  '    hotload.Command("echo from a command")], interrupt=True)\n'
                  'loop.run()\nloop.close()\nprint("we are %s" % __name__)\n'
                  'window, sys.stdout, sys.stderr = sys.stdout, None, None\n'
                  'loop = hotload.Loop([], [lambda: 1 // 0])\nloop.run()\nloop.close()\n'
                  'window.write("status %d\\n" % loop.status)\n')
        self.started('launch.py')
        self.wait_for('status')
        self.end()
        self.assertEqual([line for line in self.shown().splitlines() if not line.startswith('[hotload]')],
                         ['script x __main__', 'from a command', 'we are __main__', 'status 1'])

    def test_the_commands_on_the_page(self):
        copy, cut = self.blocks('sh')
        shutil.copy(HOTLOAD, self.folder)
        os.mkdir('project')
        for commands in (copy, cut):
            child = subprocess.Popen(['sh', '-e', '-c', commands.replace('python3', sys.executable)],
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            said = child.communicate()[0].decode('utf-8')
            self.assertEqual(child.returncode, 0, said)
        self.save('project/lib.py', 'print("reloaded")\n')
        status, out, err = run_python(
            'import sys\nsys.path.insert(0, "")\nimport hotload\n'
            'print("%s %s" % (hasattr(hotload, "main"), hasattr(hotload, "LivePatch")))\n'
            'hotload.ReloadedPythonModule.from_module_name("lib").run()\n', cwd=self.path('project'))
        self.assertEqual((status, out.split()), (0, ['True', 'False', 'reloaded']), err)

    def test_the_table_of_cuts(self):
        with io.open(self.page, encoding='utf-8') as stream:
            rows = re.findall(r'(?m)^\| .* \| (\w[\w ]*) \| ([\d,]+) \|$', stream.read())
        head, sections = pieces()
        names = dict((name, int(number)) for number, name in BANNER.findall(SOURCE))
        rows = [row for row in rows if row[0] in names]
        self.assertTrue(len(rows) >= 3)
        for name, lines in rows:
            left = len(head) + sum(len(sections[number]) for number in NUMBERS
                                   if number < names[name] or number == NUMBERS[-1])
            self.assertTrue(abs(left - int(lines.replace(',', ''))) < 0.05 * left, (name, left))


##############################################################################
## 1. Pythons -- what differs between Python 2 and 3, and between platforms
##############################################################################

PIPELINE = '''
import hotload

@hotload.ReactorFunc
def first(pipe):
    pipe.send('number of %(name)s', 5)

@hotload.ReactorFunc
def last(pipe):
    number = yield pipe.receive('number of %(name)s')
    pipe.send('result of %(name)s', number)

def result(executor):
    with hotload.Plant('plant', executor=executor) as plant:
        plant.run_reactor(last)
        return plant.fetch_ingredient('result of %(name)s')
'''


class TestPythonsPage(Case):
    """The table in docs/pythons.md says what works on this Python."""
    section, needs = 1, 5

    def tried(self, what):
        """Whether what a row of the table is about works here; None where this file has not got it."""
        def works(function):
            try:
                return function() is not False
            except (hotload.HotloadError, RuntimeError, EnvironmentError, ImportError, hotload.threads.error):
                return False
            except AttributeError as error:     # cut away, or not there yet
                if "module 'hotload'" not in str(error) and "'module' object" not in str(error):
                    raise
        self.files({'app.py': 'value = 1\n', 'lib.py': 'def f():\n    return 1\n'})
        tries = {
            'tick': lambda: hotload.Loop and self.loop_runs(),
            'SCRIPT': lambda: hotload.main and HAS_PROCESSES and self.ran_by_command_line() == 'value 1',
            'start()': lambda: hotload.start([], []).stop(),
            'Command': lambda: hotload.Command('exit 0').run(),
            'a save ends': lambda: hotload.HAS_SIGNALS,
            'a crash ends': lambda: hotload.HAS_SUPERVISOR,
            'hints': lambda: self.hints() is not None,
            'make_recoder': lambda: hotload.make_recoder and hotload.LivePatch('lib.py').close(),
            'reloading': lambda: hotload.reloading and self.turns_of_a_loop() == [0, 1],
            'CachedScript': lambda: self.ran_from_cache(),
            'Plant': lambda: hotload.Plant and self.pipeline_gives() == 5,
            'several processes': lambda: hotload.Plant and self.pipeline_of_processes_gives() == 5,
            'record`': lambda: hotload.record('x = 1\ny = x + 1\n').state(9)['y'] == 2,
        }
        [function] = [tries[name] for name in tries if name in what]
        return works(function)

    def loop_runs(self):
        step = hotload.ReloadedScript('app.py')
        loop = hotload.Loop(['app.py'], [step])
        loop.run()
        self.save('app.py', 'value = 22\n')
        wait_for(loop.tick)
        loop.close()
        return step.namespace['value'] == 22

    def ran_by_command_line(self):
        self.save('app.py', 'import os, sys\nprint("value 1")\nsys.stdout.flush()\nos._exit(0)\n')
        return run_python('import hotload\nhotload.supervise = lambda work: work(hotload.Shared(), 0, None)\n'
                          'hotload.main(["app.py"])\n', stdin=b'app.py\n')[1].strip()

    def ran_from_cache(self):
        script = hotload.CachedScript('app.py')
        return len(script.run().ran) == 1 and not script.run().ran

    def pipeline_gives(self, executor=None, name='pipeline'):
        """What the last reactor of a pipeline receives; its module has this name, and its values have it too."""
        self.save(name + '.py', PIPELINE % {'name': name})
        return __import__(name).result(executor)

    def pipeline_of_processes_gives(self):
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(1) as executor:
            return self.pipeline_gives(executor, 'processes')

    def hints(self):
        hints = hotload.Hints()
        self.addCleanup(hints.close)
        return hints.descriptor

    def turns_of_a_loop(self):
        self.save('again.py', 'import hotload\nturns = []\nfor x in hotload.reloading(range(2)):\n    turns.append(x)\n')
        import again
        return again.turns

    def test_the_table(self):
        with io.open(os.path.join(HERE, 'docs', 'pythons.md'), encoding='utf-8') as stream:
            rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in re.findall(
                r'(?m)^\| \| CPython 2.7 \|.*\n\| ---.*\n((?:\|.*\n)+)', stream.read())[0].splitlines()]
        column = (5 if JYTHON else 4 if not HAS_PROCESSES else 3 if hasattr(sys, 'pypy_version_info') else
                  1 if PY2 else 2)
        self.assertTrue(len(rows) > 7)
        for row in rows:
            works = self.tried(row[0])
            self.assertTrue(works is None or row[column] == ('yes' if works else 'no'), (row, works))


class TestPythons(Case):
    """The functions that stand for what is done differently."""
    section = 1

    def test_a_path_is_a_string(self):
        class Path(object):
            def __fspath__(self):
                return 'a.py'

        class OldPath(object):
            def __str__(self):
                return 'a.py'
        for path in ('a.py', Path(), OldPath()):
            self.assertEqual(hotload.path_text(path), 'a.py')

    def test_a_folder_is_listed_or_empty(self):
        self.files({'a.py': '', 'deep/b.py': ''})
        files, folders = hotload.list_folder('.')
        self.assertEqual((sorted(files), folders), (['a.py'], ['deep']))
        for name in ('no such folder', 'a.py'):
            self.assertEqual(hotload.list_folder(name), ([], []))

    def test_links_to_folders_are_files(self):
        os.mkdir('deep')
        try:
            os.symlink('deep', 'link')
        except (AttributeError, NotImplementedError, OSError):
            self.skipTest('no links here')
        self.assertEqual(hotload.list_folder('.'), (['link'], ['deep']))

    def test_keywords_are_those_that_a_function_takes(self):
        class Called(object):
            def __call__(self, changed):
                pass

            def method(self, steps):
                pass
        offered = {'changed': 1, 'steps': 2}
        for function, expected in ((lambda changed: 0, ['changed']), (lambda: 0, []),
                                   (lambda **all: 0, ['changed', 'steps']),
                                   (lambda other=1, steps=2: 0, ['steps']), (lambda *changed: 0, []),
                                   (Called(), ['changed']),
                                   (Called().method, ['steps']), (Called.method, ['steps']), (len, []),
                                   (list, [])):
            self.assertEqual(sorted(hotload.accepted_keywords(function, offered)), expected)

    def test_local_variables_are_no_keywords(self):
        def function(other=None):
            changed = other
            return changed
        self.assertEqual(hotload.accepted_keywords(function, {'changed': 1}), {})

    def test_the_lines_of_a_source_file_are_split_as_python_counts_them(self):
        for data in (b'a\nb\n', b'a\r\nb\r\n', b'a\rb\r'):
            self.assertEqual([line.strip() for line in hotload.source_lines(data)][:2], ['a', 'b'])
        self.assertEqual(len(hotload.source_lines(b'a\x0cb\x1cc\nd')), 2)
        self.assertTrue(hotload.source_lines(b'# coding: no-such\nx = "\xff"\n')[0].startswith('#'))


##############################################################################
## 2. Errors -- what hotload says, and whose traceback is shown
##############################################################################

class TestErrors(Case):
    """HotloadError and the lines that hotload says."""
    section = 2

    def test_an_error_says_where_and_keeps_it(self):
        for error, text in ((hotload.HotloadError('words', 'a.py', 3), 'a.py:3: words'),
                            (hotload.HotloadError('words', path='a.py'), 'a.py: words'),
                            (hotload.HotloadError('words'), 'words')):
            self.assertEqual(str(error), text)
        self.assertEqual((error.path, error.line), (None, None))
        error = hotload.HotloadError('words', 'a.py', 3)
        self.assertEqual((error.path, error.line, isinstance(error, Exception)), ('a.py', 3, True))

    def test_an_error_can_be_pickled_and_copied(self):
        import copy
        import pickle
        error = hotload.HotloadError('words', 'a.py', 3)
        for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            self.assertEqual((str(other), other.path, other.line), ('a.py:3: words', 'a.py', 3))

    def test_what_needs_byte_code_is_refused_where_there_is_none(self):
        self.addCleanup(setattr, hotload, 'HAS_BYTECODE', hotload.HAS_BYTECODE)
        hotload.HAS_BYTECODE = False
        with self.assertRaises(hotload.HotloadError) as caught:
            hotload.require_bytecode('this')
        self.assertTrue(str(caught.exception).startswith('this needs byte code'))
        for name, args in (('LivePatch', ()), ('make_recoder', (save,)), ('reloading', ([],))):
            if hasattr(hotload, name):
                self.assertRaises(hotload.HotloadError, getattr(hotload, name), *args)

    def test_what_is_said_begins_with_hotload_and_goes_to_stderr(self):
        hotload.say('words')
        self.assertEqual((self.out.getvalue(), self.err.getvalue()), ('', '[hotload] words\n'))

    def test_colours_are_for_terminals(self):
        self.err.isatty = lambda: True
        os.environ.pop('NO_COLOR', None)
        hotload.say('words')
        self.assertTrue('\x1b[' in self.err.getvalue() and 'words' in self.err.getvalue())

    def test_what_a_stream_cannot_encode_is_escaped(self):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding='ascii')
        if PY2:
            stream = Ascii()
            raw = stream
        hotload.write(stream, u'caf\xe9')
        self.assertEqual(raw.getvalue(), b'caf\\xe9')

    def test_streams_that_are_none_closed_or_bare_are_borne(self):
        class Bare(object):
            text = ''

            def write(self, text):
                self.text += text
        class Gone(object):                     # a window of a host's that was closed

            def isatty(self, *args):
                raise RuntimeError('it was deleted')
            write = flush = isatty
        closed = io.StringIO()
        closed.close()
        bare = Bare()
        for stream in (None, closed, bare, Gone(), object()):
            hotload.write(stream, 'words')
            hotload.flush(stream)
            self.assertEqual(hotload.is_terminal(stream), False)
        self.assertEqual(bare.text, 'words')

    def test_a_traceback_without_frames_of_the_user_is_one_line(self):
        try:
            hotload.format_error(None, None)                                     # called wrongly
        except TypeError:
            info = sys.exc_info()
        self.assertTrue(hotload.format_error(*info).startswith('Traceback'))

    def test_chained_errors_in_a_circle_end(self):
        if sys.version_info < (3, 9):
            self.skipTest('a plain Python hangs on these before 3.9')
        first, second = ValueError('first'), KeyError('second')
        first.__context__, second.__context__ = second, first
        try:
            raise first
        except ValueError:
            self.assertTrue('first' in hotload.format_error(*sys.exc_info()))


class Ascii(io.BytesIO):
    """A stream of 2.7 that takes what ASCII can say."""
    encoding = 'ascii'

    def write(self, text):
        return io.BytesIO.write(self, text.encode('ascii') if not isinstance(text, bytes) else text)


##############################################################################
## 3. Watch -- notice that files changed
##############################################################################

class WatchCase(Case):
    """A watcher over some entries, on a clock of ours. Only polled; subclasses do it in other ways."""
    section = 3

    def watch(self, *entries, **how):
        """Begin to watch `entries`."""
        self.watcher = hotload.Watcher(list(entries), clock=self.clock, **how)
        self.addCleanup(self.watcher.close)

    def look(self):
        """The paths that changed since the last look."""
        return self.watcher.look()

    def seen(self, seconds=0.7, step=0.02):
        """[[names]] for each look within `seconds` that saw a change."""
        found, end = [], self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now += step
            paths = self.look()
            if paths:
                found.append(sorted(os.path.relpath(path, self.folder).replace(os.sep, '/')
                                    for path in paths))
        return found

    def assertSeen(self, *names, **how):
        """The files `names` are noticed, once, in one look."""
        self.assertEqual(self.seen(**how), [sorted(names)])

    def assertNothingSeen(self):
        self.assertEqual(self.seen(), [])


class TestWatch(WatchCase):
    """What counts as a change of a file."""

    def setUp(self):
        WatchCase.setUp(self)
        self.save('a.py', 'value = 1\n', mtime=time.time() - 50)
        self.watch('a.py')

    def test_nothing_happens_when_nothing_happens(self):
        self.assertNothingSeen()

    def test_each_style_of_saving_is_seen_once(self):
        for number, how in enumerate(['in_place', 'by_rename', 'with_backup'] * 2):
            self.save('a.py', 'value = "%s"\n' % ('x' * number), how)
            self.assertSeen('a.py')

    def test_same_size_and_time_by_replacement_is_seen(self):
        then = os.stat('a.py').st_mtime
        self.save('a.py', 'value = 2\n', 'by_rename', mtime=then)
        self.assertSeen('a.py')

    @needs_posix
    def test_same_size_in_place_with_the_time_put_back_is_seen(self):
        then = os.stat('a.py').st_mtime
        self.save('a.py', 'value = 2\n', 'in_place', mtime=then)
        self.assertSeen('a.py')

    def test_an_older_time_than_before_is_seen(self):
        self.save('a.py', 'value = 2\n', 'in_place', mtime=time.time() - 10 ** 6)
        self.assertSeen('a.py')

    def test_a_time_in_the_future_is_seen(self):
        self.save('a.py', 'value = 2\n', 'in_place', mtime=time.time() + 10 ** 6)
        self.assertSeen('a.py')

    def test_touch_is_a_save(self):
        os.utime('a.py', None)
        self.assertSeen('a.py')

    def test_the_same_content_saved_again_is_a_save(self):
        self.save('a.py', 'value = 1\n')
        self.assertSeen('a.py')
        self.save('a.py', 'value = 1\n', 'in_place', mtime=time.time() + 5)
        self.assertSeen('a.py')

    @needs_posix
    def test_a_change_of_mode_alone_is_none(self):
        self.save('a.py', 'value = 2\n')
        self.assertSeen('a.py')                 # from now on its content is known
        os.chmod('a.py', 0o600)
        self.assertNothingSeen()
        if hasattr(os, 'link'):
            os.link('a.py', 'second name')
        self.assertNothingSeen()

    def test_reading_is_none(self):
        self.save('a.py', 'value = 2\n')
        self.assertSeen('a.py')
        with open('a.py') as stream:
            stream.read()
        self.assertNothingSeen()

    def test_a_file_that_goes_runs_nothing_and_one_that_comes_back_does(self):
        os.rename('a.py', 'elsewhere')
        self.assertNothingSeen()
        os.rename('elsewhere', 'a.py')
        self.assertSeen('a.py')
        os.remove('a.py')
        self.assertNothingSeen()
        self.save('a.py', 'value = 2\n')
        self.assertSeen('a.py')

    def test_a_file_missing_for_a_moment_is_one_save(self):
        os.remove('a.py')
        self.assertEqual(self.seen(0.1), [])
        self.save('a.py', 'value = 2\n')
        self.assertSeen('a.py')

    def test_a_file_that_was_not_there_at_the_start(self):
        self.watch('later.py', 'no folder/later.py')
        self.assertNothingSeen()
        self.save('later.py', '1')
        self.assertSeen('later.py')
        self.save('no folder/later.py', '1')
        self.assertSeen('no folder/later.py')

    def test_a_file_empty_for_a_moment_is_one_save(self):
        save('a.py', '', 'in_place')
        self.assertEqual(self.seen(0.06), [])
        save('a.py', 'value = 2\n', 'in_place')
        self.assertSeen('a.py')

    def test_a_file_that_stays_empty_is_a_save(self):
        save('a.py', '', 'in_place')
        self.assertSeen('a.py')

    def test_an_empty_file_that_is_touched_is_a_save(self):
        save('a.py', '', 'in_place')
        self.seen()
        save('a.py', '', 'in_place', mtime=time.time() + 5)
        self.assertSeen('a.py')

    def test_two_saves_at_once_of_the_same_size_are_not_mistaken_for_one(self):
        self.clock = time.time
        self.watch('a.py')
        for number in range(10):
            for text in (b'value = 2\n', b'value = 3\n'):       # most often in one tick of the clock of files
                write_file('a.py', text)
                wait_for(self.look)

    def test_two_files_saved_together_are_one_change(self):
        self.watch('a.py', 'b.py')
        self.save('a.py', '1')
        self.save('b.py', '1')
        self.assertSeen('a.py', 'b.py')

    def test_a_dangling_link_waits_for_its_target(self):
        self.link('target.py', 'link.py')
        self.watch('link.py')
        self.assertNothingSeen()
        self.save('target.py', 'value = 1\n')
        self.assertSeen('link.py')

    def test_a_saved_target_of_a_link_is_seen(self):
        self.save('deep/target.py', 'value = 1\n')
        self.link(os.path.join('deep', 'target.py'), 'link.py')
        self.watch('link.py')
        for how in ('in_place', 'by_rename'):
            self.save('deep/target.py', 'value = 2 # %s\n' % how, how)
            self.assertSeen('link.py')

    def test_a_link_to_a_file_or_folder_that_is_switched_is_seen(self):
        for first, second, link, inside in (('v1.py', 'v2.py', 'link.py', ''), ('v1', 'v2', 'current', '/a.py')):
            self.save(first + inside, 'value = 1\n')
            self.save(second + inside, 'value = 2\n')
            self.link(first, link)
            self.watch(link + inside)
            self.link(second, 'new')
            os.rename('new', link)
            self.assertSeen(link + inside)

    @needs_posix
    def test_a_folder_that_is_swapped_is_seen(self):
        self.save('sub/a.py', 'value = 1\n')
        self.save('next/a.py', 'value = 2\n')
        self.watch('sub/a.py')
        os.rename('sub', 'old')
        os.rename('next', 'sub')
        self.assertSeen('sub/a.py')
        self.save('sub/a.py', 'value = 3\n')
        self.assertSeen('sub/a.py')

    def test_a_folder_that_is_gone_and_back_is_seen(self):
        self.save('sub/a.py', 'value = 1\n')
        self.watch('sub/a.py')
        shutil.rmtree('sub')
        self.assertNothingSeen()
        self.save('sub/a.py', 'value = 2\n')
        self.assertSeen('sub/a.py')

    def test_relative_paths_outlive_a_change_of_folder(self):
        self.save('sub/x', '')
        os.chdir('sub')
        self.save('a.py', 'value = 2\n')
        self.assertSeen('a.py')

    def test_a_very_large_file_of_the_same_size(self):
        self.save('big', b'\0' * (2 ** 21))
        self.watch('big')
        self.save('big', b'\1' * (2 ** 21))
        self.assertSeen('big')

    def test_a_name_that_no_file_can_have_is_refused(self):
        self.assertRaises(hotload.HotloadError, self.watch, 'a.py', 'nul\0.py')

    def link(self, target, name):
        try:
            os.symlink(target, name)
        except (AttributeError, NotImplementedError, OSError):
            self.skipTest('no links here')


class TestWatchEntries(WatchCase):
    """What may stand in the list of what is watched."""

    def test_a_folder_means_the_python_files_below_it(self):
        self.files({'a.py': '1', 'note.txt': '1', 'deep/er/b.py': '1'})
        self.watch('.')
        for name, expected in (('a.py', [['a.py']]), ('note.txt', []), ('deep/er/b.py', [['deep/er/b.py']]),
                               ('new.py', [['new.py']]), ('deep/newer/c.py', [['deep/newer/c.py']])):
            self.save(name, '22')
            self.assertEqual(self.seen(), expected, name)

    @not_on_jython('sys.prefix is read only')
    def test_a_host_that_does_not_know_where_python_is(self):
        self.addCleanup(setattr, sys, 'prefix', sys.prefix)
        self.addCleanup(setattr, sys, 'exec_prefix', sys.exec_prefix)
        sys.prefix = sys.exec_prefix = ''
        self.assertFalse(hotload.is_installed(self.folder))

    def test_listfiles_is_a_list_of_absolute_paths(self):
        self.files({'a.py': '', 'sub/b.py': '', 'c.txt': ''})
        listed = hotload.listfiles('.', ext='.py')
        self.assertTrue(isinstance(listed, list))
        self.assertEqual(sorted(listed), [self.path('a.py'), self.path('sub', 'b.py')])
        self.assertEqual(len(hotload.listfiles('.')), 3)
        self.assertEqual(hotload.listfiles('no such folder'), [])

    def test_listfiles_sees_new_files_and_new_folders(self):
        self.save('a.py', '')
        self.watch(hotload.listfiles('.', ext='.py'))
        for name in ('b.py', 'new folder/c.py', 'new folder/d/e/f.py'):
            self.save(name, 'x = 1\n')
            self.assertSeen(name)
            self.save(name, 'x = 22\n', 'in_place')
            self.assertSeen(name)

    def test_listfiles_sees_a_folder_moved_in(self):
        os.mkdir('top')
        self.save('made elsewhere/deep/a.py', 'x = 1\n')
        self.watch(hotload.listfiles('top', ext='.py'))
        os.rename('made elsewhere', os.path.join('top', 'moved'))
        self.assertSeen('top/moved/deep/a.py')
        self.save('top/moved/deep/a.py', 'x = 22\n')
        self.assertSeen('top/moved/deep/a.py')

    def test_listfiles_takes_only_its_ending(self):
        self.watch(hotload.listfiles('.', ext='.cfg'))
        self.save('a.py', '')
        self.assertNothingSeen()
        self.save('a.cfg', 'x')
        self.assertSeen('a.cfg')

    def test_a_folder_named_twice_is_one_change(self):
        self.save('a.py', '1')
        self.watch('.', self.folder, 'a.py', hotload.listfiles('.', '.py'), '*.py')
        self.save('a.py', '22')
        self.assertSeen('a.py')

    def test_globs(self):
        for pattern, name in (('*.txt', 'a.txt'), ('?.cfg', 'b.cfg'), ('[xy].z', 'y.z'),
                              ('sub/*.ini', 'sub/c.ini'),
                              ('**/*.deep', 'one/two/d.deep'), ('**/*.deep', 'e.deep'),
                              ('tree/**/f.py', 'tree/f.py'),
                              ('tr*/**/g.py', 'tree/x/g.py')):
            self.watch(pattern)
            self.save(name, '1')
            self.assertEqual(self.seen(), [[name]], pattern)
            self.save(name, '22')
            self.assertEqual(self.seen(), [[name]], pattern)

    def test_a_glob_leaves_the_others_out(self):
        self.files({'a.py': '', 'sub/b.txt': ''})
        self.watch('*.txt')
        self.files({'a.py': '1', 'sub/b.txt': '1', 'c.text': '1'})
        self.assertNothingSeen()

    def test_a_file_whose_name_looks_like_a_glob(self):
        self.save('a[1].py', '1')
        self.watch('a[1].py')
        self.save('a[1].py', '22')
        self.assertSeen('a[1].py')

    def test_functions_are_asked_again(self):
        names = ['a.py']
        self.files({'a.py': '1', 'b.py': '1'})
        self.watch(lambda: names)
        self.save('b.py', '22')
        self.assertNothingSeen()
        names.append('b.py')
        self.seen()
        self.save('b.py', '333')
        self.assertSeen('b.py')
        names.remove('a.py')
        self.seen()
        self.save('a.py', '22')
        self.assertNothingSeen()

    def test_a_function_that_raises_is_shown_and_the_others_go_on(self):
        self.save('a.py', '1')

        def broken():
            raise ValueError('broken entry')
        self.watch(broken, 'a.py')
        self.save('a.py', '22')
        self.assertSeen('a.py')
        self.assertTrue('broken entry' in self.err.getvalue())

    def test_iterables_and_lists_in_lists(self):
        self.files(dict((name, '1') for name in ('a.py', 'b.py', 'c.py', 'd.py')))
        self.watch(('a.py',), (name for name in ['b.py']), ['c.py', ['d.py']])
        for name in ('a.py', 'b.py', 'c.py', 'd.py'):
            self.save(name, '22')
            self.assertSeen(name)

    def test_path_objects(self):
        try:
            import pathlib
        except ImportError:
            self.skipTest('no pathlib here')
        self.files({'a.py': '1', 'sub/b.py': '1'})
        self.watch(pathlib.Path('a.py'), pathlib.Path('sub'))
        for name in ('a.py', 'sub/b.py', 'sub/new.py'):
            self.save(name, '22')
            self.assertSeen(name)
        self.assertEqual(hotload.listfiles(pathlib.Path('sub'), '.cfg'), [])

    def test_something_else_is_refused_with_a_hint(self):
        with self.assertRaises((hotload.HotloadError, TypeError)) as caught:
            self.watch(42)
        self.assertTrue('42' in str(caught.exception))

    def test_ignored_folders(self):
        ignored = ['__pycache__', '.git', 'node_modules', 'venv', 'deep/__pycache__', 'deep/.git/hooks',
                   'deep/env3/lib']
        self.files(dict((name + '/a.py', '1') for name in ignored))
        self.files({'venv/pyvenv.cfg': '', 'deep/env3/pyvenv.cfg': ''})
        self.assertEqual(hotload.listfiles('.', '.py'), [])
        self.watch('.')
        self.files(dict((name + '/a.py', '22') for name in ignored))
        self.files(dict((name + '/b.py', '22') for name in ignored))
        self.assertNothingSeen()

    def test_ignored_folders_can_be_asked_for(self):
        self.save('node_modules/a.py', '1')
        self.watch('node_modules')
        self.save('node_modules/a.py', '22')
        self.assertSeen('node_modules/a.py')

    def test_editors_temporary_files(self):
        names = ['a.py~', '.#a.py', '#a.py#', '.a.py.swp', '.a.py.swx', '4913', '.a.py.kate-swp',
                 'a.py___jb_tmp___', 'sedAbc123',
                 'a.pyc', '.goutputstream-ABC']
        self.watch(hotload.listfiles('.'))
        for name in names:
            save(self.path(name), 'x', 'in_place')
        self.assertNothingSeen()
        self.assertEqual(hotload.listfiles('.'), [])

    def test_one_of_them_named_by_itself_is_watched(self):
        self.save('a.py~', '1')
        self.watch('a.py~')
        self.save('a.py~', '22')
        self.assertSeen('a.py~')

    def test_what_is_excluded(self):
        self.files({'a.py': '1', 'gen_a.py': '1', 'out/b.py': '1', 'c.py': '1'})
        self.watch('.', exclude=['gen_*', 'out', 'new_*.py'])
        self.files({'gen_a.py': '22', 'out/b.py': '22', 'new_1.py': '22'})
        self.assertNothingSeen()
        self.save('c.py', '22')
        self.assertSeen('c.py')

    def test_links_to_folders_are_not_followed_for_ever(self):
        self.save('deep/a.py', '1')
        try:
            os.symlink('..', os.path.join('deep', 'up'))
        except (AttributeError, NotImplementedError, OSError):
            self.skipTest('no links here')
        self.assertEqual(hotload.listfiles('.', '.py'), [self.path('deep', 'a.py')])

    def test_a_folder_that_cannot_be_read(self):
        self.save('shut/a.py', '1')
        os.chmod('shut', 0)
        self.addCleanup(os.chmod, self.path('shut'), 0o700)
        self.save('b.py', '1')
        self.watch('.')
        self.save('b.py', '22')
        self.assertTrue(['b.py'] in self.seen())

    def test_a_non_ascii_name(self):
        name = u'caf\xe9.py'
        if PY2:
            name = name.encode('utf-8')
        self.watch('.')
        save(name, '1')
        self.assertEqual(len(self.seen()), 1)
        save(name, '22')
        self.assertEqual(len(self.seen()), 1)

    @slow
    def test_a_large_tree_in_which_a_cold_file_is_saved(self):
        for number in range(1500):
            folder = self.path('d%d' % (number % 50))
            if not os.path.isdir(folder):
                os.mkdir(folder)
            with open(os.path.join(folder, 'f%d.py' % number), 'w') as out:
                out.write('x = 1\n')
        self.watch('.')
        for number, how in ((1234, 'in_place'), (777, 'by_rename'), (1234, 'by_rename')):
            name = 'd%d/f%d.py' % (number % 50, number)
            self.save(name, 'x = "%s"\n' % how, how)
            self.assertSeen(name, seconds=2)
        self.save('d7/new.py', '')
        self.assertSeen('d7/new.py', seconds=2)

    @slow
    def test_random_operations_against_a_naive_snapshot(self):
        seed = random.randrange(10 ** 6)
        rng = random.Random(seed)
        names = ['%s%s.py' % (folder, name) for folder in ('', 'p/', 'p/q/', 'r/') for name in 'abc']
        self.files(dict((name, '0') for name in names[:7]))
        self.watch(hotload.listfiles('.', '.py'), 'p/a.py', '**/c.py')

        def snapshot():
            found = {}
            for folder, _, files in os.walk(self.folder):
                for name in files:
                    path = os.path.join(folder, name)
                    if name.endswith('.py'):
                        with open(path) as stream:
                            found[os.path.relpath(path, self.folder).replace(os.sep, '/')] = (
                                stream.read(), os.stat(path).st_mtime, os.stat(path).st_ino)
            return found

        def operate():
            name = rng.choice(names)
            path = self.path(*name.split('/'))
            kind = rng.choice('replace inplace backup delete rename touch folder'.split())
            if kind == 'rename' and os.path.exists(path):
                target = self.path(*rng.choice(names).split('/'))
                if target != path and os.path.isdir(os.path.dirname(target)):
                    if os.path.exists(target):
                        os.remove(target)
                    os.rename(path, target)
            elif kind == 'delete' and os.path.exists(path):
                os.remove(path)
            elif kind == 'touch' and os.path.exists(path):
                os.utime(path, (1e9 + rng.randrange(10 ** 6), 1e9 + rng.randrange(10 ** 6)))
            elif kind == 'folder' and os.path.isdir('r'):
                shutil.rmtree('r')
            elif kind == 'backup' and os.path.exists(path):
                self.save(name, str(rng.random()), 'with_backup')
            else:
                self.save(name, str(rng.random()), 'in_place' if kind == 'inplace' else 'by_rename')
        for turn in range(25):
            before = snapshot()
            for _ in range(rng.randrange(1, 4)):
                operate()
            after = snapshot()
            expected = set(name for name in after if after[name] != before.get(name))
            self.assertEqual(set(sum(self.seen(), [])), expected, 'seed %d, turn %d' % (seed, turn))


class WithHints(object):
    """Looks with the kernel's hints, where there are any."""

    def look(self):
        return self.watcher.look(self.watcher.wait(0))


@slow
class TestWatchWithHints(WithHints, TestWatch):
    """The same, with hints."""


@slow
class TestWatchEntriesWithHints(WithHints, TestWatchEntries):
    """The same, with hints."""


##############################################################################
## 4. Steps -- what is run on a change
##############################################################################

class StepCase(Case):
    """Steps, run by hand and told of what was saved since, as the loop would."""
    section = 4

    def setUp(self):
        Case.setUp(self)
        self.saved = []
        hotload.fresh.install(roots=[self.folder])
        self.addCleanup(hotload.fresh.remove)

    def save(self, *args, **how):
        self.saved.append(Case.save(self, *args, **how))

    def said(self):
        """What was printed since the last call, without the last newline."""
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return text.rstrip('\n')

    def run_of(self, step):
        """What a run of the step printed; for one that failed the name of its exception."""
        self.said()
        changed, self.saved = self.saved, []
        offered = {'changed': changed, 'changed_modules': hotload.fresh.stale_modules(changed),
                   'steps': [step]}
        try:
            step.run(**hotload.accepted_keywords(step.run, offered))
        except (Exception, SystemExit) as error:
            return type(error).__name__
        return self.said()

    def script(self, text=None, path='app.py', **how):
        """A step for the script at `path`, of this text."""
        if text is not None:
            self.save(path, text)
        step = hotload.ReloadedScript(path, **how)
        self.addCleanup(step.close)
        return step

    def runs(self, *versions, **how):
        """What each run of app.py printed, for versions that are texts of it or dicts {name: text}."""
        step, said = None, []
        for version in versions:
            self.files(version if isinstance(version, dict) else {'app.py': version})
            step = step or self.script(**how)
            said.append(self.run_of(step))
        return said


class TestPersist(StepCase):
    """persist(read, compute)"""

    def test_computes_once_and_keeps(self):
        lines = ('import hotload\n'
                 'constant = hotload.persist(lambda: constant, lambda: calls.append(1) or 42)\n')
        namespace = {'calls': []}
        exec(lines, namespace)
        exec(lines, namespace)
        self.assertEqual((namespace['constant'], namespace['calls']), (42, [1]))

    def test_a_name_error_inside_compute_goes_through(self):
        with self.assertRaises(NameError) as caught:
            hotload.persist(lambda: not_there, lambda: nowhere)                  # noqa: F821
        self.assertTrue('nowhere' in str(caught.exception))

    def test_a_name_error_below_read_is_not_taken_for_a_missing_value(self):
        def read():
            return deeper()

        def deeper():
            return misspelt                                                      # noqa: F821
        self.assertRaises(NameError, hotload.persist, read, lambda: 1)

    def test_other_errors_of_read_go_through(self):
        self.assertRaises(ZeroDivisionError, hotload.persist, lambda: 1 // 0, lambda: 1)

    def test_none_and_zero_are_values(self):
        for value in (None, 0, ''):
            self.assertEqual(hotload.persist(lambda: value, lambda: 'computed'), value)

    def test_an_interrupted_compute_stores_nothing(self):
        def interrupted():
            raise KeyboardInterrupt()
        step = self.script('import hotload, outside\nvalue = hotload.persist(lambda: value, '
                           'outside.compute)\nprint(value)\n')
        self.save('outside.py', 'compute = None\n')
        import outside
        outside.compute = interrupted
        self.assertRaises(KeyboardInterrupt, step.run)
        outside.compute, self.saved = lambda: 'now', []
        self.assertEqual(self.run_of(step), 'now')

    def test_it_lasts_over_runs_of_a_script(self):
        text = ('import hotload\nprint(hotload.persist(lambda: n, lambda: 0))\n'
                'n = hotload.persist(lambda: n, lambda: 0) + %d\n')
        self.assertEqual(self.runs(text % 1, text % 10, text % 100), ['0', '1', '11'])

    def test_read_may_be_a_method_or_a_partial(self):
        import functools
        self.assertEqual(hotload.persist(functools.partial(int, '7'), lambda: 8), 7)


class TestSmallSteps(StepCase):
    """PythonHandle, Command, ClearTerminal, Step"""

    def test_python_handle_calls_its_function(self):
        calls = []
        hotload.PythonHandle(lambda: calls.append(1)).run()
        self.assertEqual(calls, [1])

    def test_runnable_is_the_old_name_of_step(self):
        class Mine(hotload.Runnable):
            def run(self):
                return 'ran'
        self.assertEqual((Mine().run(), issubclass(Mine, hotload.Step)), ('ran', True))

    @needs_processes
    def test_a_command_runs_in_the_shell(self):
        hotload.Command('echo one> first && echo two> second').run()
        self.assertEqual([os.path.exists('first'), os.path.exists('second')], [True, True])

    @needs_processes
    def test_a_command_may_be_a_list_of_arguments(self):
        hotload.Command([sys.executable, '-c', 'open("a b", "w").close()']).run()
        self.assertTrue(os.path.exists('a b'))

    @needs_processes
    def test_the_output_of_a_command_is_shown(self):
        status, out, err = run_python('import hotload\nprint("before")\nhotload.Command("echo '
                                      'between").run()\nprint("after")\n')
        self.assertEqual(out.split(), ['before', 'between', 'after'])

    @needs_processes
    def test_a_command_without_a_terminal_has_nothing_to_read(self):
        status, out, err = run_python('import hotload\nhotload.Command("cat; echo end").run()\n',
                                      stdin=b'for the script\n')
        self.assertEqual(out, 'end\n')

    def stopped(self, command, *names):
        """Run the command until the files `names` hold numbers of its processes, and stop it: they end."""
        step = hotload.Command(command)
        thread = threading.Thread(target=lambda: self.quietly(step.run))
        thread.start()
        numbers = [int(wait_for(lambda: os.path.exists(name) and open(name).read().strip()))
                   for name in names]
        wait_for(lambda: step.stop() or not thread.is_alive())
        for number in numbers:
            wait_for(lambda: not is_alive(number))

    @slow
    @needs_posix
    @needs_processes
    def test_stop_ends_a_command_with_its_children(self):
        self.stopped('sleep 61 & echo $! > child; echo $$ > parent; wait', 'parent', 'child')

    @slow
    @needs_posix
    @needs_processes
    def test_stop_ends_a_command_that_ignores_polite_signals(self):
        self.stopped('trap "" TERM INT HUP; echo $$ > parent; while :; do sleep 0.05; done', 'parent')

    @needs_posix
    @needs_processes
    def test_a_stop_during_the_start_is_not_lost(self):
        real = subprocess.Popen
        self.addCleanup(setattr, subprocess, 'Popen', real)

        def starts_slowly(*args, **how):
            process = real(*args, **how)
            step.stop()
            return process
        subprocess.Popen = starts_slowly
        step = hotload.Command('sleep 5; touch finished')
        self.quietly(step.run)
        self.assertFalse(os.path.exists('finished'))

    def test_stop_without_a_run_does_nothing(self):
        hotload.Command('echo').stop()

    def quietly(self, function):
        try:
            function()
        except Exception:
            pass

    def test_clear_terminal_writes_nothing_where_stdout_is_no_terminal(self):
        hotload.ClearTerminal().run()
        self.assertEqual(self.out.getvalue() + self.err.getvalue(), '')
        status, out, err = run_python('import hotload\nhotload.ClearTerminal().run()\n')
        self.assertEqual((status, out, err), (0, '', ''))

    @needs_posix
    @needs_processes
    def test_clear_terminal_clears_a_terminal_unless_forbidden(self):
        import pty
        for forbidden, expected in (('', True), ('1', False)):
            pid, terminal = pty.fork()
            if pid == 0:
                try:
                    os.environ.update(HOTLOAD_NO_CLEAR=forbidden, PYTHONPATH=UNDER_TEST, TERM='xterm')
                    os.execv(sys.executable, [sys.executable, '-c',
                                              'import hotload; hotload.ClearTerminal().run(); print("done")'])
                finally:
                    os._exit(1)
            seen = b''
            try:
                while b'done' not in seen:
                    seen += os.read(terminal, 1000) or b'done'
            except OSError as error:
                self.assertEqual(error.errno, errno.EIO)
            os.waitpid(pid, 0)
            os.close(terminal)
            self.assertEqual(b'\x1b[' in seen, expected, seen)


def is_alive(pid):
    """Whether the process runs (a zombie does not)."""
    try:
        with open('/proc/%d/stat' % pid) as stream:
            return stream.read().rpartition(')')[2].split()[0] not in 'ZX'
    except EnvironmentError:
        pass
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return not os.path.isdir('/proc/self')


class TestReloadedPythonModule(StepCase):
    """The classic step: one module, reloaded in its namespace."""

    def test_from_module_name_imports_at_the_first_run_and_once(self):
        self.save('lib.py', 'print("body")\n')
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        self.assertFalse('lib' in sys.modules)
        self.assertEqual(self.run_of(step).split('\n')[0], 'body')
        self.assertEqual(self.run_of(step).count('body'), 1)

    def test_the_first_run_runs_the_body_once(self):
        self.save('lib.py', 'print("body")\n')
        self.assertEqual(self.run_of(hotload.ReloadedPythonModule.from_module_name('lib')).count('body'), 1)

    def test_it_says_so_in_the_words_of_the_original(self):
        self.save('lib.py', '')
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        said = self.run_of(step) + self.run_of(step) + self.err.getvalue()
        self.assertTrue(re.search(r'Successfully reloaded lib @ \S*\d\d:\d\d', said), said)

    def test_a_module_given_is_reloaded(self):
        self.save('lib.py', 'value = 1\n')
        import lib
        step = hotload.ReloadedPythonModule(lib)
        self.save('lib.py', 'value = 2\n')
        step.run()
        self.assertEqual(lib.value, 2)

    def test_module_and_function_are_there_on_demand(self):
        self.save('lib.py', 'def f():\n    return "f1"\n')
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        function = step.function('f')
        self.assertEqual(step.module.f(), 'f1')
        self.save('lib.py', 'def f():\n    return "f22"\n')
        step.run()
        answer = function.run() if hasattr(function, 'run') else function()
        self.assertTrue(step.module.f() == 'f22' and answer in ('f22', None), answer)

    def test_function_makes_a_step_that_calls_the_newest(self):
        self.save('lib.py', 'def f():\n    print("f1")\n')
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        function = step.function('f')
        step.run()
        self.said()
        self.call(function)
        self.save('lib.py', 'def f():\n    print("f22")\n')
        step.run()
        self.assertEqual(self.said(), 'f1')
        self.call(function)
        self.assertEqual(self.said(), 'f22')

    def call(self, function):
        (function.run if hasattr(function, 'run') else function)()

    def test_hooks_are_called_in_order_with_the_module(self):
        calls = []

        class Hooked(hotload.ReloadedPythonModule):
            def pre_reload_hook(self, module):
                calls.append(('pre', module.__name__, getattr(module, 'value', None)))

            def post_reload_hook(self, module):
                calls.append(('post', module.__name__, module.value))
        self.save('lib.py', 'value = 1\n')
        step = Hooked.from_module_name('lib')
        self.assertTrue(isinstance(step, Hooked))
        step.run()
        self.save('lib.py', 'value = 22\n')
        step.run()
        self.assertEqual(calls[-2:], [('pre', 'lib', 1), ('post', 'lib', 22)])
        self.assertTrue(('post', 'lib', 1) in calls[:2])

    def test_after_a_failing_reload_no_post_hook_is_called(self):
        calls = []

        class Hooked(hotload.ReloadedPythonModule):
            def post_reload_hook(self, module):
                calls.append(module.value)
        self.save('lib.py', 'value = 1\n')
        step = Hooked.from_module_name('lib')
        step.run()
        self.save('lib.py', 'value = 2\n1 // 0\n')
        self.assertEqual((self.run_of(step), calls), ('ZeroDivisionError', [1]))

    def test_the_namespace_is_kept(self):
        self.save('lib.py', 'try:\n    count += 1\nexcept NameError:\n    count = 1\n')
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        for _ in range(3):
            step.run()
        self.assertEqual(step.module.count, 3)

    def test_the_module_stays_the_same_object(self):
        self.save('lib.py', 'value = 1\n')
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        step.run()
        before = step.module
        step.run()
        self.assertTrue(step.module is before is sys.modules['lib'])

    def test_only_that_module_is_reloaded(self):
        self.files({'lib.py': 'import helper\nvalue = helper.value\n', 'helper.py': 'value = 1\n'})
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        step.run()
        self.save('helper.py', 'value = 22\n')
        step.run()
        self.assertEqual(step.module.value, 1)

    def test_a_save_of_the_same_size_within_the_second_is_seen(self):
        now = int(time.time()) - 10
        self.save('lib.py', 'value = 1\n', mtime=now + 0.1)
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        step.run()
        for number in (2, 3):
            self.save('lib.py', 'value = %d\n' % number, mtime=now + 0.1 * number)
            step.run()
            self.assertEqual(step.module.value, number)

    def test_byte_code_never_wins(self):
        import py_compile
        now = int(time.time()) - 10
        self.save('lib.py', 'value = 1\n', mtime=now)
        py_compile.compile('lib.py')
        self.save('lib.py', 'value = 2\n', mtime=now)
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        step.run()
        self.assertEqual(step.module.value, 2)
        py_compile.compile('lib.py')
        self.save('lib.py', 'value = 3\n', mtime=now)
        step.run()
        self.assertEqual(step.module.value, 3)

    def test_a_module_in_a_package(self):
        self.files({'pack/__init__.py': '', 'pack/lib.py': 'from . import base\nvalue = base.value\n',
                    'pack/base.py': 'value = 1\n'})
        step = hotload.ReloadedPythonModule.from_module_name('pack.lib')
        step.run()
        self.assertEqual(step.module.__name__, 'pack.lib')
        self.save('pack/lib.py', 'value = "new"\n')
        step.run()
        self.assertEqual(step.module.value, 'new')

    def test_a_package(self):
        self.files({'pack/__init__.py': 'value = 1\n'})
        step = hotload.ReloadedPythonModule.from_module_name('pack')
        step.run()
        self.save('pack/__init__.py', 'value = 22\n')
        step.run()
        self.assertEqual(step.module.value, 22)

    def test_broken_at_the_start_then_mended(self):
        for name, broken, error in (('lib', 'def broken(:\n', 'SyntaxError'),
                                    ('lib2', '1 // 0\n', 'ZeroDivisionError')):
            self.save(name + '.py', broken)
            step = hotload.ReloadedPythonModule.from_module_name(name)
            self.assertEqual(self.run_of(step), error)
            self.save(name + '.py', 'print("mended")\n')
            self.assertEqual(self.run_of(step).split('\n')[0], 'mended')

    def test_missing_at_the_start_then_there(self):
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        self.assertTrue(self.run_of(step) in ('ImportError', 'ModuleNotFoundError'))
        self.save('lib.py', 'print("there")\n')
        self.assertEqual(self.run_of(step).split('\n')[0], 'there')

    def test_after_a_syntax_error_the_old_module_still_works(self):
        self.save('lib.py', 'value = 1\n')
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        step.run()
        self.save('lib.py', 'value = = 2\n')
        self.assertEqual(self.run_of(step), 'SyntaxError')
        self.assertEqual(sys.modules['lib'].value, 1)

    def test_an_attribute_error_of_the_module_itself_shows_as_that(self):
        self.save('lib.py', 'import os\n')
        step = hotload.ReloadedPythonModule.from_module_name('lib')
        step.run()
        self.save('lib.py', 'import os\nos.no_such_thing\n')
        self.assertEqual(self.run_of(step), 'AttributeError')



    def test_something_else_than_a_module_is_refused(self):
        for wrong in (None, 3):
            with self.assertRaises(hotload.HotloadError) as caught:
                hotload.ReloadedPythonModule(wrong)
            self.assertTrue('module' in str(caught.exception))


class TestReloadedScript(StepCase):
    """A script, run as `python script` would, again and again in one process."""

    def test_runs_the_text_that_is_there_now(self):
        self.assertEqual(self.runs('print(1)', 'print(22)\n', u'# -*- coding: utf-8 -*-\nprint("\xe9" and '
                                   u'3)\n'), ['1', '22', '3'])

    def test_same_size_in_the_same_second(self):
        now, step = int(time.time()) - 10, None
        for number in (1, 2, 3):
            self.save('app.py', 'print(%d)\n' % number, mtime=now + 0.1 * number)
            step = step or self.script()
            self.assertEqual(self.run_of(step), str(number))

    def test_it_is_main(self):
        text = ('import sys\nvalue = %d\nprint(__name__, sys.modules["__main__"].value, '
                'vars(sys.modules["__main__"]) is globals(), sys.modules["__mp_main__"] is '
                'sys.modules["__main__"])\n')
        text = 'from __future__ import print_function\n' + text
        self.assertEqual(self.runs(text % 1, text % 2), ['__main__ 1 True True', '__main__ 2 True True'])

    def test_its_own_classes_can_be_pickled_also_between_runs(self):
        step = self.script('import pickle\nclass Own(object):\n    pass\nown = Own()\n'
                           'print(type(pickle.loads(pickle.dumps(own))) is Own)\n')
        import pickle
        self.assertEqual([self.run_of(step), self.run_of(step)], ['True', 'True'])
        own = sys.modules['__main__'].own
        self.assertTrue(type(pickle.loads(pickle.dumps(own))) is type(own))

    def test_argv_and_path_are_those_of_python_script(self):
        self.save('sub folder/app.py', 'import sys\nprint(sys.argv[1:])\nprint(sys.argv[0])\n'
                  'print(sys.path[0])\n')
        step = self.script(path=os.path.join('sub folder', 'app.py'), argv=['a', '-b'])
        lines = self.run_of(step).split('\n')
        self.assertEqual(lines[0], "['a', '-b']")
        self.assertEqual(lines[1], os.path.join('sub folder', 'app.py'))
        self.assertEqual(lines[2], self.path('sub folder'))

    def test_argv_and_path_are_put_back_before_each_run(self):
        text = ('import sys\nprint(sys.argv[1:] + sys.path[:1])\ndel sys.argv[:]\n'
                'sys.path[0] = "/elsewhere"\n')
        step = self.script(text, argv=['a'])
        expected = str(['a', self.folder])
        self.assertEqual([self.run_of(step), self.run_of(step)], [expected, expected])

    def test_file_doc_spec_and_loader_are_those_of_a_script(self):
        text = ('"""words"""\nimport os\nprint([os.path.isabs(__file__), os.path.basename(__file__),\n'
                '       __doc__, globals().get("__spec__"), globals().get("__package__")])\n')
        self.assertEqual(self.runs(text, text), [str([True, 'app.py', 'words', None, None])] * 2)

    def test_the_doc_of_the_last_version_does_not_stay(self):
        self.assertEqual(self.runs('"""words"""\nprint(__doc__)\n', 'print(__doc__)\n'), ['words', 'None'])

    def test_the_namespace_is_kept(self):
        text = 'try:\n    count += %d\nexcept NameError:\n    count = 1\nprint(count)\n'
        self.assertEqual(self.runs(text % 1, text % 2, text % 30), ['1', '3', '33'])

    def test_name_and_file_are_set_anew_for_each_run(self):
        text = 'print(__name__)\n__name__ = "else"\n__file__ = "nowhere"\n'
        self.assertEqual(self.runs(text, text), ['__main__', '__main__'])

    def test_hotloads_own_future_lines_do_not_leak_in(self):
        if PY2:
            self.assertEqual(self.runs('print "statement", 1 / 2'), ['statement 0'])
        text = 'def f():\n    return __debug__\nprint(f.__code__.co_flags & 0x1ff000 & ~0x1000)\n'
        self.assertEqual(self.runs(text)[0].strip('L'), '32768' if JYTHON else '0')     # there `with` always is one

    def test_future_lines_of_one_version_do_not_stay(self):
        first = 'from __future__ import print_function\nprint(7 // 2, end="")\n'
        self.assertEqual(self.runs(first, 'print(3)\n')[1], '3')

    def test_source_bytes_are_read_as_python_reads_them(self):
        for data in (b'\xef\xbb\xbfx = 1\r\nprint(len(u"ab"))', b'# -*- coding: latin-1 -*-\nx = u"\xe9"\n'
                     b'print(len(x) + 1)\n',
                     b'if 1:\r\n    print(2)\r\n') + (b'x = 1\rif x:\r    print(2)',) * (not JYTHON):
            self.assertEqual(self.runs({'app.py': data}), ['2'], data)

    def test_a_syntax_error_touches_nothing(self):
        step = self.script('value = 1\n')
        step.run()
        self.save('app.py', 'value = 2\nx = = 3\n')
        self.assertEqual(self.run_of(step), 'SyntaxError')
        self.assertEqual(sys.modules['__main__'].value, 1)

    def test_failing_runs_do_not_end_it(self):
        self.assertEqual(self.runs('print(1)\n', '1 // 0\n', 'import sys; sys.exit(3)\n',
                                   'def f(): f()\nf()\n', 'print(2)\n')[::4],
                         ['1', '2'])

    def test_a_script_without_the_ending_py_and_with_odd_names(self):
        for name in ('tool', 'my-app.py', 'my.app.v2.py', 'code.py', 'my app.py', u'caf\xe9.py'):
            if PY2 and not isinstance(name, str):
                name = name.encode('utf-8')
            save(os.path.join(self.folder, name), 'print(1)\n')
            step = self.script(path=name)
            self.assertEqual(self.run_of(step), '1')
            save(os.path.join(self.folder, name), 'print(22)\n')
            self.assertEqual(self.run_of(step), '22')

    def test_the_ending_py_may_be_left_out(self):
        self.save('app.py', 'print(1)\n')
        self.assertEqual(self.run_of(self.script(path='app')), '1')

    def test_a_path_object_is_a_path(self):
        try:
            import pathlib
        except ImportError:
            self.skipTest('no pathlib here')
        self.save('app.py', 'print(1)\n')
        self.assertEqual(self.run_of(self.script(path=pathlib.Path('app.py'))), '1')

    def test_a_missing_script_is_refused(self):
        with self.assertRaises(hotload.HotloadError) as caught:
            hotload.ReloadedScript('app.py')
        self.assertEqual(caught.exception.path, 'app.py')

    def test_a_deleted_script_fails_and_runs_again_when_it_is_back(self):
        step = self.script('print(1)\n')
        os.remove('app.py')
        self.assertTrue(self.run_of(step) in ('IOError', 'FileNotFoundError', 'HotloadError', 'OSError'))
        self.save('app.py', 'print(1)\n')
        self.assertEqual(self.run_of(step), '1')

    def test_a_dangling_link_as_script_runs_when_its_target_is_there(self):
        try:
            os.symlink('target.py', 'link.py')
        except (AttributeError, NotImplementedError, OSError):
            self.skipTest('no links here')
        step = self.script(path='link.py')
        self.assertTrue(self.run_of(step) in ('IOError', 'FileNotFoundError', 'HotloadError', 'OSError'))
        self.save('target.py', 'print(1)\n')
        self.assertEqual(self.run_of(step), '1')

    def test_entrypoint_is_called_after_the_body(self):
        step = self.script('print("body", )\ndef main():\n    print("main")\n', entrypoint='main')
        self.assertEqual(self.run_of(step).split('\n')[-1], 'main')

    def test_a_missing_entrypoint_is_named(self):
        step = self.script('x = 1\n', entrypoint='maim')
        with self.assertRaises((hotload.HotloadError, AttributeError, NameError)) as caught:
            step.run()
        self.assertTrue('maim' in str(caught.exception))

    def test_a_module_runs_as_python_m(self):
        self.save('pack/__init__.py', '')
        self.save('pack/base.py', 'value = 1\n')
        text = ('from __future__ import print_function\nimport sys, os\nfrom . import base\n'
                'print(__name__, __package__, base.value, os.path.basename(sys.argv[0]), sys.argv[1:])\n')
        self.save('pack/tool.py', text)
        step = self.script(path=None, module='pack.tool', argv=['x'])
        self.assertEqual(self.run_of(step), "__main__ pack 1 tool.py ['x']")
        self.save('pack/base.py', 'value = 22\n')
        self.assertEqual(self.run_of(step), "__main__ pack 22 tool.py ['x']")

    def test_a_module_has_its_spec(self):
        if PY2:
            self.skipTest('specs came with 3.4')
        self.save('tool.py', 'print(__spec__.name)\n')
        self.assertEqual(self.run_of(self.script(path=None, module='tool')), 'tool')

    def test_a_package_with_main_runs_as_python_m(self):
        self.files({'pack/__init__.py': '', 'pack/__main__.py': 'from . import base\nprint(base.value)\n',
                    'pack/base.py': 'value = 5\n'})
        self.assertEqual(self.run_of(self.script(path=None, module='pack')), '5')

    def test_path_or_module_one_of_them(self):
        self.assertRaises((hotload.HotloadError, TypeError, ValueError), hotload.ReloadedScript)
        self.assertRaises((hotload.HotloadError, TypeError, ValueError), hotload.ReloadedScript, 'app.py',
                          module='app')

    def test_unittest_main_finds_the_scripts_tests(self):
        text = ('import unittest, sys\nclass TestIt(unittest.TestCase):\n    def test_one(self):\n'
                '        print("ran")\n'
                'if __name__ == "__main__":\n    unittest.main(exit=False, argv=["app"], verbosity=0,\n'
                '                  testRunner=unittest.TextTestRunner(stream=sys.stderr))\n')
        self.assertEqual(self.runs(text, text), ['ran', 'ran'])

    def test_dataclasses_and_get_type_hints_find_the_module(self):
        if PY2:
            self.skipTest('3.x')
        text = ('from typing import get_type_hints\nclass A(object):\n    x: "B" = None\nclass B(object):\n'
                '    pass\n'
                'print(get_type_hints(A)["x"] is B)\n')
        self.assertEqual(self.runs(text, text), ['True', 'True'])

    def test_inspect_finds_the_newest_source(self):
        text = 'import inspect\ndef f():\n    return %d\nprint(inspect.getsource(f).split()[-1])\n'
        self.assertEqual(self.runs(text % 1, '\n' + text % 22), ['1', '22'])


class TestLocalModules(StepCase):
    """The modules beside the script, and those that they import."""

    def test_a_helper_follows_its_save(self):
        self.assertEqual(self.runs({'app.py': 'import helper\nprint(helper.value)\n',
                                    'helper.py': 'value = 1\n'},
                                   {'helper.py': 'value = 22\n'}), ['1', '22'])

    def test_from_helper_import_name_follows_its_save(self):
        self.assertEqual(self.runs({'app.py': 'from helper import value\nprint(value)\n',
                                    'helper.py': 'value = 1\n'},
                                   {'helper.py': 'value = 22\n'}), ['1', '22'])

    def test_same_size_in_the_same_second(self):
        now = int(time.time()) - 10
        step = self.script('import helper\nprint(helper.value)\n')
        for number in (1, 2, 3):
            self.save('helper.py', 'value = %d\n' % number, mtime=now + 0.1 * number)
            self.assertEqual(self.run_of(step), str(number))

    def test_byte_code_never_wins(self):
        import py_compile
        now = int(time.time()) - 10
        step = self.script('import helper, pack.deep\nprint(helper.value + pack.deep.value)\n')
        self.save('pack/__init__.py', '')
        for number in (1, 2, 3):
            for name in ('helper.py', 'pack/deep.py'):
                self.save(name, 'value = %d\n' % number, mtime=now)
            self.assertEqual(self.run_of(step), str(2 * number))
            for name in ('helper.py', 'pack/deep.py'):
                py_compile.compile(self.path(name))

    def test_a_helpers_helper_follows_its_save(self):
        self.assertEqual(self.runs(
            {'app.py': 'import middle\nprint(middle.answer())\n', 'bottom.py': 'value = 1\n',
             'middle.py': 'from bottom import value\ndef answer():\n    return value\n'},
             {'bottom.py': 'value = 22\n'}), ['1', '22'])

    def test_unchanged_modules_keep_their_state(self):
        self.assertEqual(self.runs(
            {'app.py': 'import state, helper\nstate.count += 1\nprint([state.count, helper.value])\n',
             'state.py': 'count = 0\n', 'helper.py': 'value = 1\n'}, {'helper.py': 'value = 22\n'},
             'import state\nprint(state.count)\n'),
            ['[1, 1]', '[2, 22]', '2'])

    def test_a_module_in_a_package_follows_its_save(self):
        files = {'app.py': 'from pack.sub import deep\nimport pack\nprint([deep.value, '
                 'pack.sub.deep.value])\n',
                 'pack/__init__.py': '', 'pack/sub/__init__.py': '', 'pack/sub/deep.py': 'from .. import '
                 'base\nvalue = base.value\n',
                 'pack/base.py': 'value = 1\n'}
        self.assertEqual(self.runs(files, {'pack/base.py': 'value = 22\n'},
                                   {'pack/sub/deep.py': 'from ..base import value\nvalue += 100\n'}),
                                   ['[1, 1]', '[22, 22]', '[122, 122]'])

    def test_a_purged_module_is_no_longer_an_attribute_of_its_package(self):
        files = {'app.py': 'import pack.deep\nprint(pack.deep.value)\n', 'pack/__init__.py': '',
                 'pack/deep.py': 'value = 1\n'}
        self.assertEqual(self.runs(files, {'app.py': 'import pack\nprint(hasattr(pack, "deep"))\n',
                                           'pack/deep.py': 'value = 2\n'}),
                         ['1', 'False'])

    def test_a_new_module_and_a_new_package_are_found_at_once(self):
        self.assertEqual(self.runs('print(1)\n', {'app.py': 'import later\nprint(later.v)\n',
                                                  'later.py': 'v = 2\n'},
                                   {'app.py': 'import pack.mod\nprint(pack.mod.v)\n', 'pack/__init__.py': '',
                                    'pack/mod.py': 'v = 3\n'}),
                         ['1', '2', '3'])

    def test_a_missing_module_is_found_when_it_is_there(self):
        missing, found = self.runs('import later\nprint(later.value)\n', {'later.py': 'value = 2\n'})
        self.assertTrue(missing in ('ImportError', 'ModuleNotFoundError'))
        self.assertEqual(found, '2')

    def test_a_module_that_fails_to_import_and_is_mended(self):
        files = {'app.py': 'import helper\nprint(helper.value)\n', 'helper.py': 'value = 1\n1 // 0\n'}
        self.assertEqual(self.runs(files, {'helper.py': 'value = = 2\n'}, {'helper.py': 'value = 3\n'}),
                         ['ZeroDivisionError', 'SyntaxError', '3'])

    def test_a_module_that_fails_after_a_save_and_is_mended(self):
        files = {'app.py': 'import middle\nprint(middle.helper.value)\n', 'middle.py': 'import helper\n',
                 'helper.py': 'value = 1\n'}
        self.assertEqual(self.runs(files, {'helper.py': '1 // 0\n'}, {'helper.py': 'value = 3\n'}),
                         ['1', 'ZeroDivisionError', '3'])

    def test_modules_that_import_each_other(self):
        files = {'app.py': 'import a\nprint(a.value())\n', 'a.py': 'import b\nown = 1\ndef value():\n'
                 '    return own + b.value()\n',
                 'b.py': 'import a\ndef value():\n    return a.own * 10\n'}
        self.assertEqual(self.runs(files, {'b.py': 'import a\ndef value():\n    return a.own * 100\n'},
                                   {'a.py': files['a.py'].replace('1', '2')}),
                         ['11', '101', '202'])

    def test_an_import_in_a_function_that_runs_late(self):
        files = {'app.py': 'def late():\n    import helper\n    return helper.value\nprint(late())\n',
                 'helper.py': 'value = 1\n'}
        self.assertEqual(self.runs(files, {'helper.py': 'value = 22\n'}), ['1', '22'])

    def test_importlib_reload_in_the_script_is_never_stale(self):
        now = int(time.time()) - 10
        reload_line = '' if PY2 else 'from importlib import reload\n'
        step = self.script(reload_line + 'import helper\nreload(helper)\nprint(helper.value)\n')
        for number in (1, 2, 3):
            self.save('helper.py', 'value = %d\n' % number, mtime=now)
            self.assertEqual(self.run_of(step), str(number))

    def test_an_unchanged_module_is_imported_once(self):
        files = {'app.py': 'import helper\nprint(1)\n', 'helper.py': 'print("imported")\n'}
        self.assertEqual(self.runs(files, 'import helper\nprint(22)\n'), ['imported\n1', '22'])

    def test_a_helper_wins_over_an_installed_module_of_that_name_as_in_python(self):
        files = {'app.py': 'import this_one\nprint(this_one.v)\n', 'this_one.py': 'v = 1\n'}
        self.assertEqual(self.runs(files), ['1'])

    def test_a_namespace_package(self):
        if PY2:
            self.skipTest('3.3+')
        files = {'app.py': 'import space.mod\nprint(space.mod.value)\n', 'space/mod.py': 'value = 1\n'}
        self.assertEqual(self.runs(files, {'space/mod.py': 'value = 22\n'}), ['1', '22'])

    def test_modules_of_the_standard_library_are_left_alone(self):
        import json
        self.runs('import json\nprint(1)\n', 'import json\nprint(2)\n')
        self.assertTrue(sys.modules['json'] is json)

    def test_files_lists_the_script_and_its_local_modules(self):
        self.files({'app.py': 'import json, helper\n', 'helper.py': 'import pack.mod\n',
                    'pack/__init__.py': '', 'pack/mod.py': ''})
        step = self.script()
        self.assertEqual([os.path.relpath(path) for path in step.files()][:1], ['app.py'])
        step.run()
        names = set(os.path.relpath(path).replace(os.sep, '/') for path in step.files())
        self.assertTrue(set(['app.py', 'helper.py', 'pack/__init__.py', 'pack/mod.py']) <= names, names)
        self.assertFalse([name for name in names if name.startswith('..')])

    def test_files_lists_the_places_of_a_missing_module(self):
        step = self.script('import later\n')
        self.run_of(step)
        self.assertTrue(self.path('later.py') in step.files(), step.files())

    def test_installed_and_ignored_folders_are_not_local(self):
        self.files({'app.py': 'import sys\nsys.path.insert(1, "lib/site-packages")\nsys.path.insert(1, '
                    '"venv/lib")\nimport inst, virt\n',
                    'lib/site-packages/inst.py': '', 'venv/pyvenv.cfg': '', 'venv/lib/virt.py': ''})
        step = self.script()
        self.assertEqual(self.run_of(step), '')
        self.assertEqual([os.path.relpath(path) for path in step.files()
                          if path.endswith(('inst.py', 'virt.py'))], [])

    def test_a_random_tree_of_modules_shows_what_a_fresh_run_shows(self):
        seed = random.randrange(10 ** 6)
        rng, names = random.Random(seed), ['m%d' % number for number in range(6)]
        imports = dict((name, sorted(rng.sample(names[:index], min(index, rng.randrange(3))))) for index,
                       name in enumerate(names))
        values = dict((name, 0) for name in names)

        def text(name):
            return ''.join('import %s\n' % other for other in imports[name]) + 'value = %s\n' % ' + '.join(
                ['%d' % values[name]] + ['2 * %s.value' % other for other in imports[name]])

        def expected(name):
            return values[name] + sum(2 * expected(other) for other in imports[name])
        step = self.script(''.join('import %s\n' % name for name in names) + 'print([%s])\n' % ', '.join(
            '%s.value' % name for name in names))
        self.files(dict((name + '.py', text(name)) for name in names))
        for round_number in range(25):
            self.assertEqual(self.run_of(step), str([expected(name) for name in names]), 'seed %d, %s'
                             % (seed, imports))
            for name in rng.sample(names, rng.randrange(1, 3)):
                values[name] = rng.randrange(10)
                imports[name] = sorted(rng.sample(names[:names.index(name)],
                                                  min(names.index(name), rng.randrange(3))))
                self.save(name + '.py', text(name), rng.choice(['by_rename', 'in_place', 'with_backup']))


class TestReloadModules(StepCase):
    """The step that reloads helpers before a ReloadedPythonModule."""

    def started(self, files, name='lib'):
        self.files(files)
        __import__(name)
        self.saved = []
        step = hotload.ReloadModules(sys.modules['__main__'])
        self.assertEqual(self.run_of(step), '')
        return step

    def test_a_changed_helper_and_its_importers_are_reloaded_dependencies_first(self):
        step = self.started({'lib.py': 'import middle\nvalue = middle.value + 1\n',
                             'middle.py': 'import bottom\nvalue = bottom.value + 1\n',
                             'bottom.py': 'value = 1\n'})
        self.save('bottom.py', 'value = 100\n')
        self.assertEqual(self.run_of(step), '')
        self.assertEqual((sys.modules['middle'].value, sys.modules['lib'].value), (101, 102))

    def test_what_did_not_change_is_left_alone(self):
        step = self.started({'lib.py': 'import a, b\n', 'a.py': 'state = []\n', 'b.py': 'value = 1\n'})
        state = sys.modules['a'].state
        self.save('b.py', 'value = 22\n')
        self.assertEqual(self.run_of(step), '')
        self.assertTrue(sys.modules['a'].state is state)
        self.assertEqual(sys.modules['b'].value, 22)

    def test_names_imported_from_a_helper_follow(self):
        step = self.started({'lib.py': 'from helper import f\n', 'helper.py': 'def f():\n    return 1\n'})
        self.save('helper.py', 'def f():\n    return 22\n')
        self.assertEqual(self.run_of(step), '')
        self.assertEqual(sys.modules['lib'].f(), 22)

    def test_modules_that_import_each_other(self):
        step = self.started({'lib.py': 'import a\n', 'a.py': 'import b\nvalue = 1\n',
                             'b.py': 'import a\nvalue = 1\n'})
        self.save('b.py', 'import a\nvalue = 22\n')
        self.assertEqual(self.run_of(step), '')
        self.assertEqual(sys.modules['b'].value, 22)

    def test_packages_and_relative_imports(self):
        step = self.started({'lib.py': 'from pack import top\nvalue = top.value\n', 'pack/__init__.py': '',
                             'pack/top.py': 'from .base import value\n', 'pack/base.py': 'value = 1\n'})
        self.save('pack/base.py', 'value = 22\n')
        self.assertEqual(self.run_of(step), '')
        self.assertEqual(sys.modules['lib'].value, 22)

    def test_modules_stay_the_same_objects(self):
        step = self.started({'lib.py': 'import helper\n', 'helper.py': 'value = 1\n'})
        before = sys.modules['helper']
        self.save('helper.py', 'value = 22\n')
        self.assertEqual(self.run_of(step), '')
        self.assertTrue(sys.modules['helper'] is before and before.value == 22)

    def test_a_helper_that_fails_is_tried_again(self):
        step = self.started({'lib.py': 'import helper\n', 'helper.py': 'value = 1\n'})
        self.save('helper.py', '1 // 0\n')
        self.assertEqual(self.run_of(step), 'ZeroDivisionError')
        self.save('helper.py', 'value = 3\n')
        self.assertEqual(self.run_of(step), '')
        self.assertEqual(sys.modules['helper'].value, 3)


##############################################################################
## 5. Loop -- look, run, look again
##############################################################################

class LoopCase(Case):
    """A loop on a clock of ours; no run but those that we ask for."""
    section = 5

    def loop(self, *steps, **how):
        """A Loop over `steps` that watches the Python files here (or `watch`), closed at the end."""
        watch = how.pop('watch', ['.'])
        how.setdefault('roots', [self.folder])
        loop = hotload.Loop(watch, list(steps), clock=self.clock, sleep=self.clock.sleep, **how)
        self.addCleanup(loop.close)
        return loop

    def ticks(self, loop, seconds=0.7):
        """Tick for `seconds`; the names of what changed. At most one run may come of it."""
        runs, changed, end = loop.runs, [], self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now += 0.02
            changed += loop.tick()
        self.assertTrue(loop.runs - runs <= 1, 'one save, %d runs' % (loop.runs - runs))
        return sorted(os.path.relpath(path, self.folder).replace(os.sep, '/') for path in changed)

    def script(self, text, **how):
        """A loop over the script app.py of this text, after its first run."""
        self.save('app.py', text)
        loop = self.loop(hotload.ReloadedScript('app.py', **how), watch=['.'])
        loop.run()
        return loop

    def again(self, loop, text, name='app.py'):
        """Save, tick; what was said on stderr meanwhile."""
        before = len(self.err.getvalue())
        self.save(name, text)
        self.ticks(loop)
        return self.err.getvalue()[before:]


class TestLoop(LoopCase):
    """Look, run, look again."""

    def test_steps_run_once_and_then_on_each_change(self):
        self.save('a.py', '1')
        ran = []
        loop = self.loop(lambda: ran.append('first'), lambda: ran.append('second'))
        loop.run()
        self.assertEqual((self.ticks(loop), loop.runs), ([], 1))
        self.save('a.py', '22')
        self.assertEqual((self.ticks(loop), loop.runs), (['a.py'], 2))
        self.assertEqual(ran, ['first', 'second'] * 2)

    def test_tick_returns_the_changed_paths(self):
        self.save('a.py', '1')
        loop = self.loop(lambda: None)
        self.save('a.py', '22')
        found = []
        while not found:
            self.clock.now += 0.02
            found = loop.tick()
        self.assertEqual(found, [self.path('a.py')])

    def test_a_save_during_a_run_is_not_lost(self):
        self.save('a.py', '1')
        left = ['22', '333']
        loop = self.loop(lambda: left and save('a.py', left.pop()))
        loop.run()
        for runs in (2, 3):
            while loop.runs < runs:
                self.clock.now += 0.02
                loop.tick()
        self.assertEqual([self.ticks(loop), loop.runs, left], [[], 3, []])

    def test_steps_after_a_failing_one_are_run(self):
        ran = []
        loop = self.loop(lambda: 1 // 0, lambda: ran.append(1), hotload.PythonHandle(lambda: None.nothing),
                         lambda: ran.append(2))
        loop.run()
        self.assertEqual(ran, [1, 2])
        self.assertTrue('ZeroDivisionError' in self.err.getvalue()
                        and 'AttributeError' in self.err.getvalue())

    def test_a_step_is_passed_what_it_names(self):
        got, path = {}, self.save('a.py', '')

        class Mine(object):
            def run(self, changed, steps):
                got['object'] = (changed, len(steps))

        class Called(object):
            def __call__(self, changed):
                got['called'] = changed

        def names_all(**kwargs):
            got['all'] = sorted(kwargs)

        def names_one(changed_modules):
            got['one'] = changed_modules

        def names_none():
            got['none'] = True

        def names_default(changed=None, other=5):
            got['default'] = (changed, other)
        loop = self.loop(Mine(), Called(), names_all, names_one, names_none, names_default, list)
        loop.run([path])
        self.assertEqual(got, {'object': ([path], 7), 'called': [path], 'one': [], 'none': True,
                               'all': ['changed', 'changed_modules', 'steps'], 'default': ([path], 5)})
        self.assertFalse('Traceback' in self.err.getvalue(), self.err.getvalue())

    def test_partials_methods_and_decorated_functions_are_steps(self):
        import functools
        got = []

        def decorate(function):
            @functools.wraps(function)
            def inner(*args, **kwargs):
                return function(*args, **kwargs)
            return inner

        @decorate
        def decorated(changed=None):
            got.append(changed)
        self.loop(functools.partial(got.append, 1), *[self.note] if PY2 else [decorated, self.note]).run()
        self.assertEqual(got, [1] if PY2 else [1, []])      # 2.7 does not tell what was decorated
        self.assertEqual(self.noted, [])
        self.assertFalse('Traceback' in self.err.getvalue(), self.err.getvalue())

    def note(self, changed):
        self.noted = changed

    def test_changed_modules_come_dependencies_first(self):
        got = []
        self.files({'lib.py': 'import middle\n', 'middle.py': 'import bottom\n', 'bottom.py': ''})
        loop = self.loop(lambda: __import__('lib'), lambda changed_modules: got.append(changed_modules))
        loop.run()
        self.again(loop, '# longer\n', 'bottom.py')
        self.assertEqual(got, [[], ['bottom', 'middle', 'lib']])

    def test_what_is_no_step_is_refused_by_name(self):
        with self.assertRaises(hotload.HotloadError) as caught:
            self.loop('lib')
        self.assertTrue("'lib'" in str(caught.exception))

    def test_a_loop_that_could_not_be_made_leaves_nothing_behind(self):
        before = list(sys.meta_path)
        self.assertRaises(hotload.HotloadError, self.loop, lambda: 1, watch=[3])
        self.assertRaises(hotload.HotloadError, self.loop, 'no step')
        self.assertEqual(sys.meta_path, before)

    def test_one_path_or_function_may_stand_for_the_list(self):
        self.save('a.py', '1')
        for watch in ('a.py', lambda: ['a.py'], hotload.listfiles('.', '.py')):
            loop = self.loop(lambda: None, watch=watch)
            self.save('a.py', '22')
            self.assertEqual(self.ticks(loop), ['a.py'])

    def test_the_rate_is_looks_a_second(self):
        loop, pauses = self.loop(lambda: None, rate=50.0), []
        loop.sleep = pauses.append
        loop.idle()
        self.assertEqual(pauses, [0.02])
        for wrong in (0, 'often', None):
            self.assertRaises(hotload.HotloadError, self.loop, lambda: None, rate=wrong)

    def test_waittime_ms_is_seconds_between_two_looks(self):
        real, made = hotload.Loop, []
        self.addCleanup(setattr, hotload, 'Loop', real)

        class Spy(real):
            def __init__(self, *args, **how):
                real.__init__(self, *args, **how)
                made.append(self.pause_s)
                self.stop()
        hotload.Loop = Spy
        self.assertEqual(hotload.hotload([], [lambda: None], waittime_ms=0.25), None)
        self.assertEqual(hotload.hotload([], [lambda: None], 0.5), None)
        hotload.hotload([], [lambda: None])
        self.assertEqual([round(pause, 6) for pause in made], [0.25, 0.5, round(1 / 144.0, 6)])

    def test_stop_ends_the_loop_after_the_run(self):
        ran = []

        def step():
            ran.append(1)
            loop.stop()
            ran.append(2)
        loop = self.loop(step)
        self.assertEqual((loop.forever(), ran), (None, [1, 2]))

    def test_closing_twice_does_no_harm(self):
        loop = self.loop(lambda: None)
        loop.run()
        loop.close()
        loop.close()

    def test_a_step_with_close_is_closed_at_the_end(self):
        closed = []

        class Mine(hotload.Step):
            def run(self):
                pass

            def close(self):
                closed.append(1)
        self.loop(Mine()).close()
        self.assertEqual(closed, [1])

    def test_a_reload_modules_step_leaves_the_main_module_to_its_own_step(self):
        self.files({'lib.py': 'import helper\nprint("lib sees %d" % helper.value)\n',
                    'helper.py': 'print("helper")\nvalue = 1\n'})
        loop = self.loop(hotload.ReloadModules(), hotload.ReloadedPythonModule.from_module_name('lib'))
        loop.run()
        self.again(loop, 'print("helper")\nvalue = 22\n', 'helper.py')
        self.assertEqual(self.printed(), 'helper\nlib sees 1\nhelper\nlib sees 22\n')

    def printed(self):
        return ''.join(line for line in self.out.getvalue().splitlines(True) if 'reloaded' not in line)

    def test_two_reloaded_modules_in_one_list(self):
        self.files({'lib.py': 'print("one")\n', 'lib2.py': 'print("two")\n'})
        loop = self.loop(*[hotload.ReloadedPythonModule.from_module_name(name) for name in ('lib', 'lib2')])
        loop.run()
        self.again(loop, 'print("22")\n', 'lib2.py')
        self.assertEqual(self.printed(), 'one\ntwo\none\n22\n')

    def test_the_module_step_sees_a_save_of_the_same_size_in_the_same_second(self):
        now = int(time.time()) - 10
        self.save('lib.py', 'print(1)\n', mtime=now)
        loop = self.loop(hotload.ReloadedPythonModule.from_module_name('lib'))
        loop.run()
        for number in (2, 3):
            self.save('lib.py', 'print(%d)\n' % number, mtime=now)
            self.ticks(loop)
        self.assertEqual(self.printed(), '1\n2\n3\n')

    def test_a_broken_module_at_the_start_is_watched_too(self):
        self.save('lib.py', 'def broken(:\n')
        loop = self.loop(hotload.ReloadedPythonModule.from_module_name('lib'))
        loop.run()
        self.assertTrue('SyntaxError' in self.err.getvalue())
        self.again(loop, 'print("mended")\n', 'lib.py')
        self.assertEqual(self.printed(), 'mended\n')


class TestScriptInLoop(LoopCase):
    """A script under the loop: what it watches by itself."""

    def started(self, files):
        self.files(files)
        step = hotload.ReloadedScript('app.py')
        loop = self.loop(step, watch=[step.files])
        loop.run()
        return loop

    def shown(self):
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return text.split()

    def test_the_script_and_its_modules_are_watched(self):
        loop = self.started({'app.py': 'import helper\nprint(helper.value)\n', 'helper.py': 'import deep\n'
                             'value = deep.value\n',
                             'deep.py': 'value = 1\n', 'other.py': ''})
        for name, text, expected in (('deep.py', 'value = 2\n', ['2']), ('helper.py', 'value = 3\n', ['3']),
                                     ('app.py', 'print(4)\n', ['4']), ('other.py', 'x = 1\n', [])):
            self.shown()
            self.again(loop, text, name)
            self.assertEqual(self.shown(), expected, name)

    def test_a_module_that_the_second_version_imports_is_watched_from_then_on(self):
        loop = self.started({'app.py': 'print(1)\n', 'later.py': 'value = 2\n'})
        self.again(loop, 'import later\nprint(later.value)\n')
        self.again(loop, 'value = 33\n', 'later.py')
        self.assertEqual(self.shown(), ['1', '2', '33'])

    def test_a_deleted_helper_is_missed_by_the_next_run(self):
        loop = self.started({'app.py': 'import helper\nprint(helper.value)\n', 'helper.py': 'value = 1\n'})
        os.remove('helper.py')
        self.assertEqual(self.ticks(loop), [])
        self.assertTrue('No module named' in self.again(loop,
                                                        'import helper  # again\nprint(helper.value)\n'))
        self.again(loop, 'value = 3\n', 'helper.py')
        self.assertEqual(self.shown(), ['1', '3'])

    def test_a_module_that_becomes_a_package(self):
        loop = self.started({'app.py': 'import helper\nprint(helper.value)\n', 'helper.py': 'value = 1\n'})
        os.remove('helper.py')
        self.save('helper/__init__.py', 'value = 2\n')
        self.ticks(loop)
        self.again(loop, 'import helper\nprint(helper.value + 20)\n')
        self.assertEqual(self.shown()[-1], '22')

    def test_a_missing_module_runs_it_when_it_appears(self):
        loop = self.started({'app.py': 'import soon\nprint("found")\n'})
        self.assertTrue(re.search('ImportError|ModuleNotFoundError', self.err.getvalue()))
        self.again(loop, 'x = 1\n', 'soon.py')
        self.assertEqual(self.shown(), ['found'])

    def test_a_missing_package_runs_it_when_it_appears(self):
        loop = self.started({'app.py': 'import soon\nprint("found")\n'})
        self.assertTrue(re.search('ImportError|ModuleNotFoundError', self.err.getvalue()))
        self.again(loop, 'x = 1\n', 'soon/__init__.py')
        self.assertEqual(self.shown(), ['found'])

    def test_a_helper_saved_during_the_run_is_not_lost(self):
        loop = self.started({'app.py': 'import helper, outside\nprint(helper.value)\noutside.save()\n',
                             'helper.py': 'value = 1\n',
                             'outside.py': 'save = list\n'})
        left = ['value = 33\n', 'value = 22\n']
        sys.modules['outside'].save = lambda: left and save('helper.py', left.pop())
        self.save('app.py', 'import helper, outside\noutside.save()\nprint(helper.value)\n')
        for runs in (2, 3, 4):
            while loop.runs < runs:
                self.clock.now += 0.02
                loop.tick()
        self.assertEqual((self.shown(), self.ticks(loop)), (['1', '1', '22', '33'], []))

    def test_it_reads_the_text_of_the_moment_and_does_not_run_it_twice(self):
        loop = self.started({'app.py': 'print(1)\n'})
        self.save('app.py', 'print(22)\n')
        loop.run()                              # for another reason, before the loop looks
        self.ticks(loop)
        self.assertEqual(self.shown(), ['1', '22'])

    def test_same_size_in_the_same_second_in_script_and_helper(self):
        now = int(time.time()) - 10
        self.save('helper.py', 'value = 0\n', mtime=now)
        loop = self.started({'app.py': 'import helper\nprint(helper.value + 0)\n'})
        for number in (1, 2, 3):
            self.save('helper.py', 'value = %d\n' % number, mtime=now)
            self.ticks(loop)
            self.save('app.py', 'import helper\nprint(helper.value + %d)\n' % number, mtime=now)
            self.ticks(loop)
        self.assertEqual(self.shown(), ['0', '1', '2', '3', '4', '5', '6'])

    @not_on_jython('objects cannot be counted')
    def test_two_thousand_reloads_make_nothing_grow(self):
        import gc
        loop = self.started({'app.py': 'import helper\nclass A(object):\n    pass\na = [A(), helper.f()]\n',
                             'helper.py': 'def f():\n    return {}\n'})

        def reload_many(count):
            for number in range(count):
                loop.run([self.path('app.py'), self.path('helper.py')])
            gc.collect()
            open_files = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0
            return len(gc.get_objects()), threading.active_count(), open_files
        before = reload_many(20)
        self.err.truncate(0)
        after = reload_many(30 if QUICK else 300)
        self.assertTrue(after[0] - before[0] < 100, (before, after))
        self.assertEqual(after[1:], before[1:])


class TestMessages(LoopCase):
    """What hotload says: on stderr, one line a run."""

    def test_one_line_a_run(self):
        loop = self.script('print(1)\n')
        self.assertTrue(re.match(r'\[hotload\] run 1 ok in \d+ ms\n$', self.err.getvalue()),
                        self.err.getvalue())
        said = self.again(loop, 'print(22)\n')
        self.assertTrue(re.match(r'\[hotload\] app.py changed, run 2 ok in \d+ ms\n$', said), said)

    def test_a_failed_run_is_named(self):
        loop = self.script('print(1)\n')
        for text, expected in (('1 // 0\n', 'failed: ZeroDivisionError'),
                               ('x = = 1\n', 'failed: SyntaxError'),
                               ('import sys\nsys.exit(3)\n', 'exit 3'), ('import sys\nsys.exit()\n', 'ok'),
                               ('exit(0)\n', 'ok'),
                               ('import sys\nsys.exit("words")\n', 'exit 1'),
                               ('raise KeyboardInterrupt\n', 'failed: KeyboardInterrupt'),
                               ('raise GeneratorExit\n', 'failed: GeneratorExit'),
                               ('class Own(BaseException): pass\nraise Own()\n', 'failed: Own')):
            said = self.again(loop, text)
            self.assertTrue(re.search(r'\[hotload\] app.py changed, run %d %s in \d+ ms\n$'
                                      % (loop.runs, expected), said), said)

    def test_several_files_are_named_and_many_are_counted(self):
        loop = self.loop(lambda: None)
        for count, expected in ((1, 'f0.py changed'), (2, 'f0.py, f1.py changed'),
                                (3, 'f0.py, f1.py, f2.py changed'),
                                (10, 'f0.py, f1.py, f2.py and 7 more changed')):
            before = len(self.err.getvalue())
            loop.run([self.path('deep', 'f%d.py' % number) for number in range(count)])
            self.assertEqual(self.err.getvalue()[before:].partition(', run')[0], '[hotload] ' + expected)

    def test_sys_exit_shows_its_message_and_no_traceback(self):
        loop = self.script('import sys\nsys.exit("bye now")\n')
        self.assertTrue('bye now\n' in self.err.getvalue())
        self.assertFalse('Traceback' in self.err.getvalue())
        self.assertEqual(loop.status, 1)

    def test_the_status_is_that_of_the_last_run(self):
        loop = self.script('import sys\nsys.exit(3)\n')
        self.assertEqual(loop.status, 3)
        self.again(loop, 'x = 1\n')
        self.assertEqual(loop.status, 0)
        self.again(loop, '1 // 0\n')
        self.assertEqual(loop.status, 1)

    def test_of_several_steps_the_first_that_fails_gives_the_status(self):
        fails, ends = lambda: 1 // 0, lambda: sys.exit(3)
        for steps, status in (((fails, int), 1), ((int, ends, fails), 3), ((int, int), 0)):
            loop = self.loop(*steps)
            loop.run()
            self.assertEqual(loop.status, status)

    def test_nothing_of_it_goes_to_stdout(self):
        self.script('import sys\nsys.exit("words")\n')
        self.assertEqual(self.out.getvalue(), '')

    @needs_processes
    def test_threads_that_live_on_are_named(self):
        self.script('import threading\nstop = threading.Event()\n'
                    'thread = threading.Thread(target=stop.wait, name="the worker")\nthread.daemon = True\n'
                    'thread.start()\n')
        self.assertTrue('the worker' in self.err.getvalue(), self.err.getvalue())
        sys.modules['__main__'].stop.set()

    def test_a_quiet_loop_still_says_what_failed(self):
        self.save('app.py', 'x = 1\n')
        loop = self.loop(hotload.ReloadedScript('app.py'), quiet=True)
        loop.run()
        self.assertEqual(self.err.getvalue(), '')
        self.assertTrue('ZeroDivisionError' in self.again(loop, '1 // 0\n'))


class TestTracebacks(LoopCase):
    """The user's frames only, with the lines of the text that ran."""

    def shown(self, *versions):
        """The traceback of the last version, without the status line."""
        before = len(self.err.getvalue())
        loop = self.script(versions[0])
        said = self.err.getvalue()[before:]
        for text in versions[1:]:
            said = self.again(loop, text)
        return ''.join(line for line in said.splitlines(True)
                       if not line.startswith('[hotload]') and not re.match(r'\s*[~^]+\s*$', line))

    def as_python_shows_it(self, text):
        """What a plain Python shows for app.py of this text."""
        self.save('plain/app.py', text)
        status, out, err = run_python(self.path('plain', 'app.py'))
        return ''.join(line for line in err.replace(self.path('plain', 'app.py'),
                                                    self.path('app.py')).replace('\r', '').splitlines(True)
                       if not re.match(r'\s*[~^]+\s*$', line))

    def test_it_is_what_a_plain_python_shows(self):
        for text in ('def f():\n    return 1 // 0\nf()\n', 'raise ValueError(u"words")\n', '\n\nx = = 1\n',
                     'import no_such_thing_here\n',
                     'try:\n    1 // 0\nexcept Exception:\n    None.x\n') + (
                         'import json\njson.loads("{")\n',) * (not JYTHON):   # which does not show these lines
            self.assertEqual(self.shown(text), self.as_python_shows_it(text))

    def test_chained_exceptions(self):
        if PY2:
            self.skipTest('exceptions are chained since 3.0')
        for text in ('try:\n    {}["key"]\nexcept KeyError as error:\n    raise ValueError("wrong") from '
                     'error\n',
                     'try:\n    {}["key"]\nexcept KeyError as error:\n    raise ValueError("wrong") from '
                     'None\n'):
            self.assertEqual(self.shown(text), self.as_python_shows_it(text))

    def test_no_frame_of_hotload_or_the_importer_is_shown(self):
        self.save('helper.py', 'import deeper\n')
        self.save('deeper.py', 'x = 1\n1 // 0\n')
        shown = self.shown('import helper\n')
        self.assertEqual(re.findall(r'File ".*?(\w+\.py)", line (\d+)', shown),
                         [('app.py', '1'), ('helper.py', '1'), ('deeper.py', '2')])
        self.assertFalse('frozen' in shown)

    def test_a_step_function_shows_its_own_frames(self):
        def failing():
            return None.nothing
        self.loop(failing).run()
        self.assertFalse('hotload.py"' in self.err.getvalue().replace('test_hotload.py"', ''),
                         self.err.getvalue())
        self.assertTrue('None.nothing' in self.err.getvalue())

    def test_the_lines_are_those_of_the_text_that_ran(self):
        self.assertTrue('    first_wrong_name\n' in self.shown('first_wrong_name\n'))
        shown = self.shown('first_wrong_name\n', '\nother_wrong_name\n')
        self.assertTrue('line 2' in shown and '    other_wrong_name\n' in shown and 'first' not in shown,
                        shown)

    def test_lines_saved_while_it_ran_are_not_shown(self):
        text = ('import io\nwith io.open("app.py", "w") as out:\n    out.write(u"other\\n" * 9)\n'
                'this_is_wrong\n')
        self.save('app.py', text)
        loop = self.loop(hotload.ReloadedScript('app.py'))
        loop.run()
        self.assertTrue('    this_is_wrong\n' in self.err.getvalue(), self.err.getvalue())

    def test_the_lines_of_a_helper_follow_its_saves(self):
        self.save('helper.py', 'def f():\n    first_wrong_name\n')
        loop = self.script('import helper\nhelper.f()\n')
        said = self.again(loop, '\ndef f():\n    other_wrong_name\n', 'helper.py')
        self.assertTrue('    other_wrong_name\n' in said and 'line 3' in said, said)

    def test_a_syntax_error_shows_file_and_line(self):
        shown = self.shown('x = 1\n', 'x = 1\ny = = 2\n')
        self.assertTrue('app.py", line 2' in shown and 'SyntaxError' in shown, shown)

    def test_a_syntax_error_in_a_helper(self):
        self.save('helper.py', 'x = 1\ny = = 2\n')
        shown = self.shown('import helper\n')
        self.assertTrue('helper.py", line 2' in shown and 'app.py", line 1' in shown, shown)

    def test_a_null_byte_and_a_wrong_cookie_are_errors_like_others(self):
        loop = self.script('print(1)\n')
        for data in [b'x = "\0"\n', b'# coding: no-such\n', b'x = "\xff\xfe"\n'][:2 if PY2 else 3]:
            said = self.again(loop, data)
            self.assertTrue(re.search(r'failed: (SyntaxError|ValueError|TypeError|UnicodeDecodeError)',
                                      said), said)
        self.again(loop, 'print(22)\n')
        self.assertEqual(self.out.getvalue().split(), ['1', '22'])

    def test_an_exception_whose_text_fails(self):
        shown = self.shown('class Bad(Exception):\n    def __str__(self):\n        return 1 // 0\n'
                           'raise Bad()\n')
        self.assertTrue('Bad' in shown)

    def test_recursion_without_end_ends_the_run_only(self):
        loop = self.script('def f():\n    return f()\nf()\n')
        self.assertTrue('recursion' in self.err.getvalue())
        self.again(loop, 'print(22)\n')
        self.assertEqual(self.out.getvalue(), '22\n')

    def test_the_scripts_own_excepthook_is_used_once(self):
        loop = self.script('from __future__ import print_function\nimport sys\n'
                           'def hook(kind, value, trace):\n'
                           '    print("hook", kind.__name__, trace.tb_lineno)\n'
                           'sys.excepthook = hook\n1 // 0\n')
        self.assertEqual(self.out.getvalue(), 'hook ZeroDivisionError 6\n')
        self.assertTrue('Traceback' in self.again(loop, '1 // 0\n'))


class TestRestored(LoopCase):
    """What a run changed in the process is as before for the next run and after the loop."""

    def both(self, spoil, probe):
        """What `probe` prints in a run after one that did `spoil`, and the same in the first run."""
        self.out.truncate(0)
        self.out.seek(0)
        loop = self.script('from __future__ import print_function\nimport os, sys\n%s\nprint(%s)\n'
                           % (probe[0], probe[1]))
        first = self.out.getvalue()
        self.again(loop, 'import os, sys\n%s\n' % spoil)
        self.out.truncate(0)
        self.out.seek(0)
        self.again(loop, 'from __future__ import print_function\nimport os, sys  # again\n%s\nprint(%s)\n'
                   % (probe[0], probe[1]))
        return first, self.out.getvalue()

    def assertRestored(self, spoil, probe, setup=''):
        first, second = self.both(spoil, (setup, probe))
        self.assertTrue(first and first == second, (first, second))

    def test_the_folder(self):
        os.mkdir('deep')
        self.assertRestored('os.chdir("deep")', 'os.getcwd()')

    def test_argv(self):
        self.assertRestored('sys.argv[:] = ["x"]', 'sys.argv')
        self.assertRestored('sys.argv = ["y", "z"]', 'sys.argv')

    def test_the_head_of_the_path(self):
        self.assertRestored('sys.path[0] = "/x"', 'sys.path[0]')
        self.assertRestored('sys.path.insert(0, "/x")', 'sys.path[0]')
        self.assertRestored('sys.path = []', 'sys.path[0]')

    def test_streams(self):
        self.assertRestored('sys.stdout = open(os.devnull, "w")', 'type(sys.stdout).__name__')
        self.assertRestored('sys.stderr = None', 'type(sys.stderr).__name__')
        self.assertRestored('sys.stdin = None', 'type(sys.stdin).__name__')
        self.assertRestored('del sys.stdout', 'type(sys.stdout).__name__')

    def test_hooks(self):
        self.assertRestored('sys.excepthook = None', 'sys.excepthook is not None')
        self.assertRestored('sys.displayhook = None', 'sys.displayhook is not None')

    def test_trace_and_profile_functions(self):
        self.assertRestored('sys.settrace(lambda *a: None)', 'sys.gettrace()')
        self.assertRestored('sys.setprofile(lambda *a: None)', 'sys.getprofile()')

    @needs_posix
    @needs_processes
    def test_signal_handlers(self):
        self.assertRestored('import signal; signal.signal(signal.SIGUSR1, lambda *a: None)',
                            'signal.getsignal(signal.SIGUSR1)', 'import signal')
        self.assertRestored('import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)',
                            'signal.getsignal(signal.SIGINT) is not signal.SIG_IGN',
                            'import signal')

    def test_the_folder_even_if_it_was_removed_meanwhile(self):
        os.mkdir('deep')
        self.assertRestored('os.chdir("deep"); os.rmdir("../deep")', 'os.getcwd()')

    def test_main_is_put_back_after_the_loop(self):
        before = (sys.modules['__main__'], sys.modules.get('__mp_main__'), list(sys.path), list(sys.argv),
                  list(sys.meta_path))
        loop = self.script('import sys\nsys.path.append("/x")\n')
        self.assertFalse(sys.modules['__main__'] is before[0])
        loop.close()
        self.assertEqual((sys.modules['__main__'], sys.modules.get('__mp_main__'), sys.path, sys.argv,
                          sys.meta_path), before)

    def test_the_script_stays_main_between_runs(self):
        self.script('class Own(object):\n    pass\n')
        import pickle
        own = sys.modules['__main__'].Own()
        self.assertTrue(type(pickle.loads(pickle.dumps(own))) is type(own))


class TestExitFunctions(LoopCase):
    """What a script gives to atexit."""
    TEXT = ('import atexit\ndef bye(word):\n    print(word)\natexit.register(bye, "first")\n'
            'atexit.register(bye, "second")\n')

    def test_they_run_when_the_next_run_begins_and_at_the_end(self):
        loop = self.script(self.TEXT)
        self.assertEqual(self.out.getvalue(), '')
        self.again(loop, self.TEXT.replace('first', 'third') + 'print("body")\n')
        self.assertEqual(self.out.getvalue().split(), ['second', 'first', 'body'])
        loop.close()
        self.assertEqual(self.out.getvalue().split(), ['second', 'first', 'body', 'second', 'third'])

    def test_the_decorator_and_a_from_import(self):
        loop = self.script('from atexit import register\n@register\ndef bye():\n    print("bye")\n'
                           'assert bye is not None\n')
        loop.close()
        self.assertEqual((self.out.getvalue(), 'Traceback' in self.err.getvalue()), ('bye\n', False))

    def test_a_failing_one_is_shown_and_the_others_run(self):
        loop = self.script(self.TEXT + 'atexit.register(lambda: 1 // 0)\natexit.register(lambda: exit(3))\n')
        loop.close()
        self.assertEqual(self.out.getvalue().split(), ['second', 'first'])
        self.assertTrue('ZeroDivisionError' in self.err.getvalue())

    def test_unregister(self):
        if PY2:
            self.skipTest('came with 3.0')
        loop = self.script(self.TEXT + 'atexit.unregister(bye)\n')
        loop.close()
        self.assertEqual(self.out.getvalue(), '')

    def test_atexit_is_itself_again_after_the_loop(self):
        import atexit
        before = atexit.register
        loop = self.script(self.TEXT)
        loop.close()
        self.assertTrue(atexit.register is before or atexit.register == before)


class TestTwoLoops(LoopCase):
    """Several loops in one process."""

    TEXT = ('import atexit, os, sys\nprint("%s %%s %%s" %% (sys.argv, sys.path[0] == os.path.dirname(__file__)))\n'
            'assert sys.modules["__main__"].__file__ == __file__ and os.environ["HOTLOAD_RUNNING"]\n'
            'atexit.register(lambda: sys.stdout.write(u"end of %s\\n"))\n')

    def test_each_finds_its_own_and_leaves_the_process_as_it_was(self):
        def state():
            return [getattr(atexit, name, None) for name in ('register', 'unregister')] + [
                os.environ.get('HOTLOAD_RUNNING'), sys.modules['__main__'], sys.path[:], sys.argv[:],
                sys.meta_path[:], sys.stdout]
        before = state()
        for name in 'one', 'two':
            self.save('%s/%s.py' % (name, name), 'from __future__ import print_function\n' + self.TEXT % (name, name))
        for first_closed in 0, 1:
            loops = [hotload.Loop([], [hotload.ReloadedScript(os.path.join(name, name + '.py'), [name])])
                     for name in ('one', 'two')]
            start = len(self.out.getvalue())
            for loop in loops + loops:
                loop.run()
                self.assertEqual(loop.status, 0, self.err.getvalue())
            loops[first_closed].close()
            self.assertEqual(os.environ['HOTLOAD_RUNNING'], '1')
            loops[1 - first_closed].close()
            lines = self.out.getvalue()[start:].replace("u'", "'").splitlines()
            ends = ['end of one', 'end of two']
            said = ["%s ['%s', '%s'] True" % (name, os.path.join(name, name + '.py'), name) for name in ('one', 'two')]
            self.assertEqual(lines, said + [ends[0], said[0], ends[1], said[1]] + ends[::1 - 2 * first_closed])
            self.assertEqual(state(), before)

    @needs_processes
    def test_one_in_a_thread_and_one_that_blocks(self):
        self.save('side.py', 'value = 1\n')
        self.save('app.py', 'import sys\nsys.stdout.write(u"run\\n")\n')
        other = hotload.start(['side.py'], [hotload.ReloadedPythonModule.from_module_name('side')])
        wait_for(lambda: 'run 1 ok' in self.err.getvalue())     # it has read the file

        def after():
            if main.runs == 1:
                self.save('side.py', 'value = 22\n')
                self.save('app.py', 'import sys\nsys.stdout.write(u"again\\n")\n')
            else:
                try:
                    wait_for(lambda: other.runs >= 2)
                finally:
                    main.stop()
        main = hotload.Loop([], [hotload.ReloadedScript('app.py'), after])
        main.forever()
        other.stop()
        self.assertTrue(other.join(10))
        self.assertEqual((self.out.getvalue(), sys.modules['side'].value), (u'run\nagain\n', 22), self.err.getvalue())
        self.assertNotIn('HOTLOAD_RUNNING', os.environ)


@needs_processes
class TestBackground(LoopCase):
    """start(): the loop in a thread, while the prompt is used."""

    def started(self, watch, steps, **how):
        loop = hotload.start(watch, steps, **how)
        self.addCleanup(loop.join, 10)
        self.addCleanup(loop.stop)
        return loop

    def test_it_runs_and_runs_again_on_a_save(self):
        self.save('a.py', '1')
        changes = []
        loop = self.started(['a.py'], [lambda changed: changes.append(changed)])
        wait_for(lambda: loop.runs == 1 and len(changes) == 1)
        self.save('a.py', '22')
        wait_for(lambda: len(changes) == 2)
        self.assertEqual((changes, loop.runs), ([[], [self.path('a.py')]], 2))

    def test_stop_and_join(self):
        before = list(sys.meta_path)
        loop = hotload.start(['a.py'], [lambda: None])
        wait_for(lambda: loop.runs)
        loop.stop()
        self.assertEqual(loop.join(10), True)
        self.save('a.py', '22')
        self.assertEqual((loop.runs, sys.meta_path), (1, before))

    def test_join_gives_up_after_its_time(self):
        loop = self.started([], [lambda: None])
        self.assertEqual(loop.join(0.01), False)

    def test_it_is_a_daemon(self):
        status, out, err = run_python('import hotload\nloop = hotload.start([], [lambda: None])\n'
                                      'print("end")\n')
        self.assertEqual((status, out), (0, 'end\n'), err)

    def test_failing_steps_do_not_end_it(self):
        self.save('a.py', '1')
        loop = self.started(['a.py'], [lambda: 1 // 0, lambda: sys.exit(3)])
        wait_for(lambda: loop.runs == 1)
        self.save('a.py', '22')
        wait_for(lambda: loop.runs == 2)

    def test_the_prompt_stays_main(self):
        main = sys.modules['__main__']
        self.save('app.py', 'print(__name__)\nvalue = 1\n')
        step = hotload.ReloadedScript('app.py')
        self.started(['app.py'], [step])
        wait_for(lambda: 'run 1' in self.err.getvalue())
        self.assertEqual((self.out.getvalue(), step.namespace['value']), ('__main__\n', 1))
        self.assertTrue(sys.modules['__main__'] is main)

    def test_the_prompts_streams_folder_and_signals_stay(self):
        self.save('app.py', 'import os, sys\n')
        def state():
            return sys.stdout, sys.stderr, os.getcwd(), None if JYTHON else signal.getsignal(signal.SIGINT)
        before = state()
        self.started(['app.py'], [hotload.ReloadedScript('app.py')])
        wait_for(lambda: 'run 1' in self.err.getvalue())
        self.assertEqual(state(), before)

    def test_two_loops_at_once(self):
        self.files({'a.py': '1', 'b.py': '1'})
        ran = []
        one = self.started(['a.py'], [lambda: ran.append('a')])
        two = self.started(['b.py'], [lambda: ran.append('b')])
        wait_for(lambda: sorted(ran) == ['a', 'b'])
        self.save('b.py', '22')
        wait_for(lambda: len(ran) == 3)
        self.assertEqual((one.runs, two.runs), (1, 2))


# A child in which a thread of its own saves the second version when the file `ready` is there, and presses
# Ctrl-C when `done` is.
PLAY = r'''
import os, signal, sys, threading, time
import hotload
def wait(name):
    while not os.path.exists(name):
        time.sleep(0.005)
def play():
    wait('ready')
    os.rename('second.py', 'app.py')
    wait('done')
    os.kill(os.getpid(), signal.SIGINT)
thread = threading.Thread(target=play)
thread.daemon = True
thread.start()
print(hotload.hotload(['app.py'], [hotload.ReloadedScript('app.py')], interrupt=%s))
sys.stdout.flush()
print('handler back: %%s' %% (signal.getsignal(signal.SIGINT) is signal.default_int_handler))
'''
READY = 'import time\nopen("ready", "w").close()\n'
SECOND = 'print("second")\nopen("done", "w").close()\n'
# Short sleeps: a press that comes after CPython let go of its lock and before the sleep begins is seen when that ends.
STUCK_SECOND = ('import time\nprint("second")\ntry:\n    open("done", "w").close()\n'
                '    for _ in range(6000):\n        time.sleep(0.01)\n')


@slow
@needs_posix
@needs_processes
class TestInterrupts(LoopCase):
    """A save during a run, and Ctrl-C."""

    def play(self, first, second=SECOND, interrupt=True, expect=True):
        """(stdout, stderr) of the child that runs `first`, gets `second` saved, and ends after that."""
        self.files({'app.py': first, 'second.py': second})
        status, out, err = run_python(PLAY % interrupt, cwd=self.folder, limit=25)
        self.assertEqual(status, 0, out + err)
        self.assertTrue(out.endswith('None\nhandler back: True\n'), out + err)
        if expect:
            self.assertTrue('second\n' in out and 'run 1 stopped by a save' in err
                            and 'Traceback' not in err, out + err)
        return out, err

    def test_an_endless_loop(self):
        self.play(READY + 'while True:\n    pass\n')

    def test_a_sleep_and_its_finally_blocks(self):
        out, err = self.play(READY + 'try:\n    time.sleep(60)\nfinally:\n    print("cleaned up")\n')
        self.assertTrue('cleaned up' in out)

    def test_an_endless_loop_that_catches_exception(self):
        self.play(READY + 'while True:\n    try:\n        time.sleep(0.02)\n    except Exception:\n'
                  '        pass\n')

    def test_an_endless_loop_that_catches_everything_once(self):
        self.play(READY + 'try:\n    time.sleep(60)\nexcept:\n    pass\ntime.sleep(60)\n')

    def test_a_wait_for_a_lock(self):
        self.play(READY + 'import threading\nlock = threading.Lock()\nlock.acquire()\n%s\n' % (
            'lock.acquire()' if not PY2 else 'while not lock.acquire(False):\n    time.sleep(0.01)'))

    def test_a_wait_for_a_child_process(self):
        self.play(READY + 'import subprocess, os\nsubprocess.call(["sleep", "20"], close_fds=True, '
                  'stdout=open(os.devnull, "w"), stderr=subprocess.STDOUT)\n')

    def test_a_wait_on_a_socket(self):
        self.play(READY + 'import socket\ns = socket.socket()\ns.bind(("127.0.0.1", 0))\ns.listen(1)\n'
                  's.accept()\n')

    def test_a_wait_in_unittest(self):
        self.play(READY + 'import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n'
                  '        time.sleep(60)\n'
                  '    def test_more(self):\n        time.sleep(60)\nunittest.main(argv=["app"], '
                  'exit=False)\n', expect=False)

    def test_a_wait_in_asyncio(self):
        if PY2:
            self.skipTest('came with 3.4')
        ready = '    ' + READY.replace('\n', '\n    ')          # in the loop: half made, asyncio complains in __del__
        self.play('import asyncio\nasync def main():\n' + ready + 'while True:\n'
                  '        await asyncio.sleep(0.01)\n'
                  'asyncio.get_event_loop_policy().new_event_loop().run_until_complete(main())\n')

    def test_a_finally_block_has_time_to_finish(self):
        out, err = self.play(READY + 'try:\n    time.sleep(60)\nfinally:\n    time.sleep(0.5)\n'
                             '    print("finished")\n')
        self.assertTrue('finished' in out)

    def test_an_installed_package_is_imported_to_its_end(self):
        self.save('site-packages/installed.py', 'import time\nopen("ready", "w").close()\n'
                  'for _ in range(60):\n    time.sleep(0.01)\nprint("imported")\n')
        out, err = self.play('import sys\nsys.path.append("site-packages")\nimport installed\nwhile True:\n'
                             '    pass\n')
        self.assertTrue('imported' in out)

    def test_without_interrupt_a_save_waits_for_the_end_of_the_run(self):
        out, err = self.play(READY + 'time.sleep(0.5)\nprint("first")\n', interrupt=False, expect=False)
        self.assertTrue(out.startswith('first\nsecond\n') and 'run 1 ok' in err, out + err)

    def test_a_save_of_a_helper_interrupts_too(self):
        self.save('helper.py', '')
        self.files({'app.py': 'import helper, time\nprint(helper.__doc__)\n' + READY + 'time.sleep(60)\n',
                    'second.py': ''})
        text = PLAY.replace("os.rename('second.py', 'app.py')", "os.rename('next.py', 'helper.py')").replace(
            "['app.py']", "['app.py', 'helper.py']")
        self.save('next.py', SECOND + 'import sys\nsys.exit()\n')
        status, out, err = run_python(text % True, cwd=self.folder, limit=25)
        self.assertTrue(status == 0 and 'second\n' in out and 'run 1 stopped by a save' in err, out + err)

    def test_a_step_with_stop_is_stopped_by_a_save(self):
        self.files({'app.py': '', 'second.py': ''})
        text = PLAY.replace("hotload.ReloadedScript('app.py')",
                            "hotload.Command('touch ready; if [ -e again ]; then touch done; else touch "
                            "again; sleep 20; fi')")
        status, out, err = run_python(text % False, cwd=self.folder, limit=25)
        self.assertTrue(status == 0 and 'run 1 stopped by a save' in err and out.startswith('None'),
                        out + err)

    def test_ctrl_c_while_idle_returns_none(self):
        self.play(READY, expect=False)

    def test_ctrl_c_ends_the_loop_after_the_finally_blocks(self):
        out, err = self.play(READY, STUCK_SECOND + 'finally:\n    print("cleaned up")\n', expect=False)
        self.assertTrue('second\ncleaned up\nNone\n' in out, out + err)

    def test_ctrl_c_ends_the_loop_even_if_the_script_caught_it(self):
        out, err = self.play(READY, STUCK_SECOND + 'except KeyboardInterrupt:\n    print("caught")\n',
                             expect=False)
        self.assertTrue('caught\nNone\n' in out, out + err)

    def test_a_keyboard_interrupt_without_a_press_is_an_error_like_others(self):
        out, err = self.play(READY + 'raise KeyboardInterrupt("made up")\n', expect=False)
        self.assertTrue('made up' in err and 'second' in out and 'run 1 failed: KeyboardInterrupt' in err,
                        out + err)

    def test_a_handler_of_the_scripts_own_is_gone_in_the_next_run(self):
        out, err = self.play('import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n' + READY,
                             expect=False)
        self.assertTrue('second' in out, out + err)

    def test_exit_functions_run_after_ctrl_c(self):
        out, err = self.play(READY, 'import atexit, sys\n'
                             'atexit.register(lambda: sys.stdout.write("bye\\n"))\n' + SECOND, expect=False)
        self.assertEqual(out, 'second\nbye\nNone\nhandler back: True\n')


@needs_posix
@needs_processes
class TestForks(LoopCase):
    """A script that forks, closes or replaces what the loop shares with it."""

    def runs(self, text, then='', limit=25):
        """(stdout, stderr) of a child that runs app.py of this text in a loop once, then `then`."""
        self.save('app.py', text)
        status, out, err = run_python('import hotload, os, sys\nloop = hotload.Loop(["app.py"], '
                                      '[hotload.ReloadedScript("app.py")])\n'
                                      'loop.run()\nprint("parent")\n' + then, cwd=self.folder, limit=limit)
        self.assertEqual(status, 0, out + err)
        return out, err

    def test_a_forked_child_that_comes_back_exits_with_the_status_python_gives(self):
        for ending, expected in (('', 0), ('sys.exit(3)\n', 3), ('1 // 0\n', 1), ('sys.exit("words")\n', 1)):
            text = ('import os, sys\npid = os.fork()\nif pid == 0:\n    %s\nelse:\n'
                    '    print(os.waitpid(pid, 0)[1] >> 8)\n' % (ending or 'pass'))
            out, err = self.runs(text)
            self.assertEqual(out, '%d\nparent\n' % expected)
            self.assertEqual(err.count('Traceback'), int('1 // 0' in ending), err)
            self.assertEqual(err.count('run 1'), 1, err)

    def test_what_a_child_printed_comes_once(self):
        out, err = self.runs('import os, sys\nprint("before")\nsys.stdout.flush()\npid = os.fork()\n'
                             'if pid == 0:\n    print("child")\nelse:\n'
                             '    os.waitpid(pid, 0)\n')
        self.assertEqual(out, 'before\nchild\nparent\n')

    def test_multiprocessing_by_fork_and_spawn(self):
        if PY2:
            self.skipTest('spawn came with 3.4')
        for method in ('fork', 'spawn'):
            text = ('import multiprocessing\ndef double(n):\n    return 2 * n\nclass Own(object):\n'
                    '    pass\ndef make(n):\n    return Own()\n'
                    'if __name__ == "__main__":\n    context = multiprocessing.get_context("%s")\n'
                    '    with context.Pool(1) as pool:\n        print(pool.map(double, [1, 2]), '
                    'type(pool.map(make, [0])[0]) is Own)\n' % method)
            out, err = self.runs(text)
            self.assertEqual(out, '[2, 4] True\nparent\n', err)

    def test_a_closed_stdout_is_opened_again(self):
        for spoil in ('sys.stdout.close()', 'os.close(1)', 'sys.stdout.close(); os.close(2)',
                      'sys.stdin.close()'):
            out, err = self.runs('import os, sys\n' + spoil + '\n', 'with open("app.py", "w") as f:\n'
                                 '    f.write("print(2)\\n")\n'
                                 'loop.run()\nprint("end")\n')
            self.assertEqual(out, 'parent\n2\nend\n', (spoil, err))

    def test_bytes_and_emoji_where_the_locale_is_c(self):
        text = (u'# -*- coding: utf-8 -*-\nimport sys\n'
                u'getattr(sys.stdout, "buffer", sys.stdout).write(b"raw\\n")\nsys.stdout.flush()\n'
                u'raise ValueError(u"\U0001f600")\n')
        self.save('app.py', text)
        status, out, err = run_python('import hotload\nloop = hotload.Loop(["app.py"], '
                                      '[hotload.ReloadedScript("app.py")])\n'
                                      'loop.run()\nprint("end")\n', cwd=self.folder,
                                      env={'LANG': 'C', 'LC_ALL': 'C', 'PYTHONIOENCODING': 'ascii',
                                           'PYTHONUTF8': '0'})
        self.assertEqual((status, out), (0, 'raw\nend\n'), err)
        self.assertTrue('ValueError' in err and 'run 1 failed' in err, err)

    def test_a_command_is_told_by_its_status(self):
        status, out, err = run_python('import hotload\nloop = hotload.Loop([], [hotload.Command("exit '
                                      '3")])\nloop.run()\nprint(loop.status)\n',
                                      cwd=self.folder)
        self.assertTrue(out == '3\n' and 'run 1 exit 3' in err, out + err)


def pages():
    """(path, text) of README.md and of each page in docs/."""
    for page in [os.path.join(HERE, 'README.md')] + sorted(glob.glob(os.path.join(HERE, 'docs', '*.md'))):
        with io.open(page, encoding='utf-8') as stream:
            yield page, stream.read()


##############################################################################
## 6. Command line -- hotload SCRIPT
##############################################################################

TAG = "HOTLOAD_TEST_TAG"
clock_s = getattr(time, "monotonic", time.time)


def native(text):
    """`text` as a file name or argument of this Python, whatever the locale."""
    if isinstance(text, str) and (PY2 or all(ord(letter) < 128 for letter in text)):
        return text
    return text.encode("utf-8") if PY2 else os.fsdecode(text.encode("utf-8"))


def show(n, more=""):
    """Source that prints `version N`, words that its own text does not contain; then `more`."""
    return 'print("version %%d" %% %d)\n%s' % (n, more)


def save_after_empty_moment(path, data, mtime):
    with open(path, "wb") as stream:
        time.sleep(0.05)
        stream.write(data)


def save_in_halves(path, data, mtime):
    with open(path, "wb") as stream:
        stream.write(data[:len(data) // 2])
        stream.flush()
        time.sleep(0.03)
        stream.write(data[len(data) // 2:])


def save_after_deleting(path, data, mtime):
    os.unlink(path)
    time.sleep(0.05)
    save_by_rename(path, data)


def save_in_place_of_a_link(path, data, mtime):
    """The path is a link; it is aimed at a new file."""
    target = "%s.%x" % (path, random.getrandbits(40))
    write_file(target, data)
    os.symlink(target, path + ".link")
    os.rename(path + ".link", path)


STYLES.update({"after_empty_moment": save_after_empty_moment, "in_halves": save_in_halves,
               "after_deleting": save_after_deleting, "in_place_of_a_link": save_in_place_of_a_link})


def process_ids(tag):
    """Living processes with `tag` in their environment; without /proc none is found."""
    wanted, found = ("%s=%s" % (TAG, tag)).encode(), []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdigit():
            try:
                with open("/proc/%s/environ" % name, "rb") as stream:
                    tagged = wanted in stream.read().split(b"\0")
                with open("/proc/%s/stat" % name, "rb") as stream:
                    state = stream.read().rpartition(b")")[2].split()[0]
            except EnvironmentError:             # ended meanwhile, or not ours
                continue
            if tagged and state not in (b"Z", b"X"):
                found.append(int(name))
    return found


class Terminal(object):
    """A pseudo-terminal with a program on it, in a temporary folder of its own.

    `output` is what was shown so far; `expect` waits for a text behind the last one that was expected.
    """

    limit = 15.0

    def __init__(self, files=()):
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="hotload-cli-"))
        self.tag = "%x" % random.SystemRandom().getrandbits(64)
        self.process = self.master = self.source = self.pipe = None
        self.data, self.position, self.ended = b"", 0, False
        for name, text in dict(files).items():
            self.save(name, text)

    # Files

    def path(self, name):
        return os.path.join(self.folder, native(name))

    def save(self, name, text, style="in_place", time_s=None):
        """Save `text` (or bytes) as an editor of that style does, with this modification time if given."""
        path = self.path(name)
        save(path, text, style if os.path.lexists(path) else "in_place", time_s)

    # The program

    def spawn(self, argv, stdin=None, env=(), stdout=None, cwd=".", controls=True):
        """Start `argv`. stdin: None (the terminal), bytes (a pipe that is then closed), "devnull", "closed",
        "pipe" (kept open; see `feed`), or an open file. stdout: None or "pipe". controls: it is also its
        controlling terminal."""
        variables = dict((key, value) for key, value in os.environ.items()
                         if not key.startswith(("PYTHON", "LC_", "HOTLOAD", "GIT_", "XDG_")))
        variables.update(TERM="xterm", LANG="C.UTF-8")
        variables.update(env)
        variables[TAG] = self.tag
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        name, self.modes = os.ttyname(slave), termios.tcgetattr(slave)

        def begin_session():                     # in the child, between fork and exec
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)        # nohup and `&` would leave some of them ignored
            os.setsid()
            if controls:
                descriptor = os.open(name, os.O_RDWR)
                fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
                os.close(descriptor)
            if stdin == "closed":
                os.close(0)

        null = open(os.devnull, "rb")
        given = {None: slave, "closed": slave, "devnull": null, "pipe": subprocess.PIPE}
        words = stdin if isinstance(stdin, bytes) and stdin not in given else None
        try:
            self.process = subprocess.Popen(
                [native(part) for part in argv], cwd=self.path(cwd), env=variables, preexec_fn=begin_session,
                close_fds=True, stdin=subprocess.PIPE if words is not None else given.get(stdin, stdin),
                stdout=subprocess.PIPE if stdout else slave, stderr=subprocess.STDOUT if stdout else slave)
        finally:
            os.close(slave)
            null.close()
        self.pipe = self.process.stdin
        if words is not None:
            self.feed(words)
        self.source = self.master if stdout is None else self.process.stdout.fileno()
        return self

    def feed(self, data):
        """Write `data` into the pipe that is the program's stdin, and close it."""
        try:
            self.pipe.write(data)
            self.pipe.close()
        except EnvironmentError:                 # it ended without reading: its output says why
            pass

    def pump(self, seconds):
        """Take in what the program shows, for at most `seconds`; return as soon as there is something."""
        seconds = max(seconds, 0)
        if self.ended:
            time.sleep(min(seconds, 0.01))
            return
        try:
            if not select.select([self.source], [], [], seconds)[0]:
                return
            data = os.read(self.source, 65536)
        except EnvironmentError as error:        # EIO: nobody has the terminal open any more
            if error.errno == errno.EINTR:
                return
            data = b""
        self.data += data
        self.ended = not data

    @property
    def raw(self):
        """All that was shown, with its escape codes."""
        return self.data.decode("utf-8", "replace").replace("\r\n", "\n")

    @property
    def output(self):
        """All that was shown, without colours and the like."""
        return re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", self.raw)

    @property
    def rest(self):
        """What was shown behind the last text that was expected."""
        return self.output[self.position:]

    def expect(self, wanted, limit=None):
        """Wait until the text or compiled pattern `wanted` is shown; its match."""
        pattern = wanted if hasattr(wanted, "search") else re.compile(re.escape(wanted))
        end = clock_s() + (self.limit if limit is None else limit)
        while True:
            match = pattern.search(self.output, self.position)
            if match:
                self.position = match.end()
                return match
            if self.ended or clock_s() > end:
                what = "it ended without showing" if self.ended else "not shown"
                raise AssertionError("%s: %r\n%s" % (what, pattern.pattern, self.report()))
            self.pump(0.05)

    def report(self):
        """The last output, with a mark where the expected part ends."""
        return "---- shown:\n%s\n---- then:\n%s\n----" % (self.output[:self.position][-2000:],
                                                          self.rest[-3000:])

    def pause(self, seconds):
        """Let `seconds` pass."""
        end = clock_s() + seconds
        while clock_s() < end:
            self.pump(end - clock_s())

    def settle(self, seconds=0.4):
        """Take in what is shown until nothing came for `seconds`: to see that something does *not* happen."""
        size = -1
        while size != len(self.data):
            size, end = len(self.data), clock_s() + seconds
            while size == len(self.data) and clock_s() < end:
                self.pump(seconds)

    def type(self, text):
        os.write(self.master, text.encode("utf-8"))

    def ctrl_c(self):
        self.type("\x03")

    def wait(self, limit=None):
        """The exit status of the program when it has ended; minus the number of a signal that killed it."""
        end = clock_s() + (self.limit if limit is None else limit)
        while self.process.poll() is None:
            if clock_s() > end:
                raise AssertionError("it has not ended\n" + self.report())
            self.pump(0.02)
        while not self.ended and select.select([self.source], [], [], 0)[0]:
            self.pump(0)
        return self.process.returncode

    def left_over(self, limit=5.0):
        """The processes that still live; waits until there is none, for `limit` seconds at most."""
        end = clock_s() + limit
        while process_ids(self.tag) and clock_s() < end:
            time.sleep(0.02)
        return process_ids(self.tag)

    def hang_up(self):
        """Close the terminal, as a closed window does."""
        os.close(self.master)
        self.master, self.ended = None, True

    def close(self):
        while True:                              # until none is found: one may fork while we look
            found = process_ids(self.tag)
            for number in found:
                try:
                    os.kill(number, signal.SIGKILL)
                except EnvironmentError:
                    pass
            if not found:
                break
            time.sleep(0.01)
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout):
                if stream is not None:
                    try:
                        stream.close()
                    except EnvironmentError:     # a list that nobody read
                        pass
        if self.master is not None:
            os.close(self.master)
        self.process = self.master = None
        shutil.rmtree(self.folder, ignore_errors=True)


# A status line: who changed (absent at the start), the number of the run, how it ended.
STATUS = re.compile(r"\[hotload\] (?:(?P<changed>[^\n]*) changed, )?run (?P<number>\d+) "
                    r"(?P<outcome>ok|failed(?:: [^\n]*?)?|exit [^\n]*?|stopped by a save) in \d[^\n]*\n")


@unittest.skipUnless(pty and HAS_PROCESSES, "needs pseudo-terminals")
class CommandLineCase(unittest.TestCase):
    """Tools for the tests of section 6."""

    section = 6
    as_file = False                     # whether hotload.py itself is started, not the launcher

    def terminal(self, files=()):
        terminal = Terminal(files)
        self.addCleanup(terminal.close)
        return terminal

    def hotload(self, files, *args, **options):
        """hotload with `args` in a folder with these files; "app.py" alone may be given as a text."""
        files = files if isinstance(files, dict) else {"app.py": files}
        terminal = self.terminal(files)
        return terminal.spawn([sys.executable, HOTLOAD if self.as_file else launcher()] + list(args or ["app.py"]), **options)

    def status(self, terminal, changed=None, outcome="ok"):
        """Wait for the next status line; its number. It has this outcome, and names `changed` if given."""
        match = terminal.expect(STATUS)
        self.assertEqual(match.group("outcome"), outcome, terminal.report())
        if changed is not None:
            self.assertEqual(match.group("changed"), changed, terminal.report())
        return int(match.group("number"))

    def ends(self, terminal, status):
        """It ends with this status, without a traceback, and leaves no process behind."""
        self.assertEqual(terminal.wait(), status, terminal.report())
        self.assertEqual(terminal.left_over(), [], "processes left over\n" + terminal.report())
        self.assertNotIn("Traceback", terminal.output)

    def refused(self, *args, **options):
        """hotload refuses this command line with status 2, in a few words; what it said."""
        terminal = self.hotload(options.pop("files", {"app.py": show(1)}), *args, **options)
        self.assertEqual(terminal.wait(), 2, terminal.report())
        self.assertNotIn("Traceback", terminal.output)
        self.assertNotIn("version 1", terminal.output)
        self.assertTrue(terminal.output.strip(), "it says nothing")
        return terminal.output

    def follows(self, terminal, n=2, name="app.py", style="in_place"):
        """A save of version `n` runs."""
        terminal.save(name, show(n), style)
        terminal.expect("version %d" % n)

    def as_python(self, files, *args, **options):
        """The lines that begin with `is` are the same under hotload and plain Python; hotload's terminal."""
        plain = self.terminal(files).spawn([sys.executable] + list(args), **options)
        plain.wait()
        terminal = self.hotload(files, *args, **options)
        terminal.expect(STATUS)
        facts = [re.findall("(?m)^is .*", one.output.replace(one.folder, "FOLDER"))
                 for one in (plain, terminal)]
        self.assertTrue(facts[0], plain.report())
        self.assertEqual(facts[0], facts[1])
        return terminal


def each(table):
    """Decorator: one test `test_..._X_...` for each row (name, values...) of the table; X is its name."""
    def mark(method):
        method.table = table
        return method
    return mark


def with_tables(cls):
    """Class decorator that carries out `each`."""
    for key, method in list(vars(cls).items()):
        table = getattr(method, "table", None)
        if table is not None:
            delattr(cls, key)
            for row in table:
                def test(self, method=method, row=row):
                    return method(self, *row[1:])
                test.__name__ = key.replace("X", row[0])
                assert test.__name__ not in vars(cls), test.__name__
                setattr(cls, test.__name__, test)
    return cls


@with_tables
class TestStart(CommandLineCase):
    """What the first version may be."""

    as_file = True

    def test_script_runs_once_at_the_start(self):
        t = self.hotload(show(1))
        self.assertEqual(self.status(t), 1)
        t.settle()
        self.assertEqual(t.output.count("version 1"), 1)

    def test_syntax_error_is_shown_with_its_line_and_the_fix_runs(self):
        t = self.hotload("x = 1\ny = = 2\n")
        t.expect(re.compile(r'app\.py", line 2'))
        t.expect("SyntaxError")
        self.assertNotIn("Traceback", t.output)
        self.follows(t)

    def test_exception_is_shown_with_the_script_s_frames_only_and_the_fix_runs(self):
        t = self.hotload("def f():\n    return {}['nothing']\nf()\n")
        t.expect("Traceback (most recent call last):")
        shown = t.expect(re.compile("(?s).*KeyError: 'nothing'")).group()
        self.assertEqual(re.findall(r'app\.py", line (\d+)', shown), ["3", "2"])
        self.assertNotIn("hotload.py", shown)
        self.follows(t)

    def test_missing_import_runs_as_soon_as_the_module_appears(self):
        t = self.hotload("import late\n" + show(1))
        t.expect("No module named")
        t.expect(STATUS)
        t.save("late.py", show(7))
        t.expect("version 7")
        t.expect("version 1")

    def test_missing_module_of_a_package_runs_as_soon_as_it_appears(self):
        t = self.hotload({"app.py": "from pack import late\n" + show(1), "pack/__init__.py": ""})
        t.expect("ImportError")
        t.expect(STATUS)
        t.save("pack/late.py", show(7), "by_rename")
        t.expect("version 7")
        t.expect("version 1")

    def test_missing_package_runs_as_soon_as_it_appears(self):
        t = self.hotload("import pack.part\n" + show(1))
        t.expect("No module named")
        t.expect(STATUS)
        t.save("next/part.py", show(7))
        t.save("next/__init__.py", "")
        os.rename(t.path("next"), t.path("pack"))
        t.expect("version 7")
        t.expect("version 1")

    @each([("without_a_status", "sys.exit()"), ("with_0", "sys.exit(0)"), ("with_none", "sys.exit(None)"),
           ("by_raise", "raise SystemExit")])
    def test_exit_X_is_silent(self, text):
        t = self.hotload("import sys\n" + show(1, text + "\n"))
        t.expect("version 1\n")
        status = t.expect(STATUS)
        self.assertEqual(t.output[:status.start()].partition("version 1\n")[2].strip(), "")
        self.assertNotIn("Traceback", t.output)
        self.follows(t)

    def test_exit_with_a_number_is_named_in_the_status_line(self):
        t = self.hotload("import sys\n" + show(1, "sys.exit(3)\n"))
        self.status(t, outcome="exit 3")
        self.assertNotIn("Traceback", t.output)
        self.follows(t)

    def test_exit_with_a_message_prints_it_without_a_traceback(self):
        t = self.hotload("import sys\n" + show(1, "sys.exit('no ' + 'more')\n"))
        t.expect("no more\n")
        t.expect(STATUS)
        self.assertNotIn("Traceback", t.output)
        self.follows(t)

    def test_endless_recursion_ends_the_run_only(self):
        t = self.hotload("def f():\n    return f()\nf()\n")
        t.expect(re.compile("(?i)recursion"))
        t.expect(STATUS)
        self.follows(t)

    def test_keyboard_interrupt_without_a_press_is_an_ordinary_error(self):
        t = self.hotload(show(1, "raise KeyboardInterrupt('by hand')\n"))
        t.expect("Traceback")
        t.expect("KeyboardInterrupt")
        self.follows(t)

    def test_script_that_the_environment_does_not_let_us_read_runs_when_it_can_be_read(self):
        if not os.getuid():
            self.skipTest("root reads everything")
        t = self.terminal({"app.py": show(1)})
        os.chmod(t.path("app.py"), 0)
        t.spawn([sys.executable, launcher(), "app.py"])
        t.expect("ermission")
        os.unlink(t.path("app.py"))
        self.follows(t)


NAMED = [("in_a_sub_folder", "sub/app.py", None), ("with_spaces", "my own app.py", None),
         ("with_dashes", "my-app.py", None), ("with_dots", "my.app.v2.py", None),
         ("in_an_odd_folder", "a.b-c d/app.py", None),
         ("with_non_ascii_letters", u"caf\u00e9 \u732b.py", None),
         ("without_py", "tool", None), ("with_another_ending", "tool.script", None),
         ("given_without_its_py", "app.py", "app"),
         ("in_a_sub_folder_without_its_py", "sub/app.py", "sub/app"),
         ("with_a_dot_in_front", "app.py", "./app.py"), ("with_two_dots_in_front", "app.py", "sub/../app.py"),
         ("like_a_flag", "-app.py", "./-app.py"), ("with_a_percent_sign", "50% {off}.py", None)]

# Modules that hotload or its traceback printer may want to import after the start.
STANDARD = ["code", "random", "re", "signal", "string", "threading", "traceback", "linecache", "tokenize",
            "argparse"]


@same_between
@slow
@with_tables
class TestNames(CommandLineCase):
    """How the script may be called, and what it is told about itself."""

    @each(NAMED)
    def test_script_named_X_runs_and_is_followed(self, name, given):
        t = self.hotload({name: show(1), "sub/other": ""}, given or name)
        t.expect("version 1")
        self.follows(t, 2, name)
        self.follows(t, 3, name, "by_rename")

    def test_script_given_as_an_absolute_path_runs_and_is_followed(self):
        t = self.terminal({"sub/app.py": show(1)})
        t.spawn([sys.executable, launcher(), t.path("sub/app.py")])
        t.expect("version 1")
        self.follows(t, 2, "sub/app.py")

    def test_script_beside_a_folder_of_its_name_without_py_runs(self):
        t = self.hotload({"app.py": show(1), "app/data": ""}, "app")
        t.expect("version 1")
        self.follows(t)

    @each([(name, name) for name in STANDARD])
    def test_script_named_like_the_standard_module_X_runs_and_fails_and_runs(self, name):
        t = self.hotload({name + ".py": show(1)}, name + ".py")
        self.status(t)
        t.save(name + ".py", "nonsense_word\n")
        t.expect("NameError")
        t.expect(STATUS)
        self.follows(t, 3, name + ".py")

    @not_on_pypy('parts of it are Python modules that it loads late')
    def test_module_beside_the_script_may_be_named_like_standard_modules(self):
        files = dict(("%s.py" % name, "raise RuntimeError('not the standard %s')\n" % name)
                     for name in STANDARD + ["copy", "fnmatch", "glob", "select", "shlex", "tempfile",
                                             "pickle"])
        t = self.hotload(dict(files, **{"app.py": "nonsense_word\n"}))
        t.expect("NameError")
        self.status(t, outcome="failed: NameError")
        self.follows(t)
        self.assertNotIn("not the standard", t.output)

    PROBE = ("import sys, os\n"
             "print('is %r' % ((__name__, __package__, __doc__, sys.argv, os.path.abspath(sys.path[0]), "
             "sys.path[1:]),))\n"
             "print('is %r' % ((os.path.abspath(__file__), os.getcwd(), len(sys.path), "
             "sorted(sys.flags)),))\n"
             "print('is %r' % (getattr(globals().get('__spec__'), 'name', None),))\n"
             "print('is %r' % (sys.modules['__main__'].__dict__ is globals(),))\n"
             "print('is %r %r' % (sys.stdin.isatty(), sys.stdout.isatty()))\n")

    def test_script_is_told_the_same_as_by_python(self):
        self.as_python({"sub/app.py": "'the docstring'\n" + self.PROBE},
                       "sub/app.py", "-v", "a b", "--rate", "")

    def test_module_is_told_the_same_as_by_python(self):
        self.as_python({"pack/__init__.py": "", "pack/part.py": self.PROBE}, "-m", "pack.part", "-q", "x")

    def test_package_is_told_the_same_as_by_python(self):
        files = {"pack/__init__.py": "", "pack/__main__.py": self.PROBE + "from . import part\n",
                 "pack/part.py": "print('is %r' % (__name__,))\n"}
        self.as_python(files, "-m", "pack")

    def test_file_is_absolute(self):
        t = self.hotload("import os\nprint('absolute: %s' % os.path.isabs(__file__))\n")
        t.expect("absolute: True")

    @each([("division", "print('is %r' % (7 / 2,))\n"),
           ("unicode_literals", "print('is %r' % type(''))\n"),
           ("byte_order_mark_and_crlf", b"\xef\xbb\xbfx = 1\r\nif x:\r\n    print('is fine')"),
           ("latin_1_cookie", b"# -*- coding: latin-1 -*-\nx = u'\xe9'\nprint('is %d' % ord(x))\n"),
           ("form_feed_and_tabs", b"\x0cif 1:\n\tprint('is fine')\n"),
           ("no_newline_at_the_end", b"if 1:\n  print('is fine')\n  # the end")])
    def test_source_with_X_means_what_it_means_to_python(self, text):
        self.as_python({"app.py": text}, "app.py")

    @unittest.skipUnless(PY2, "a statement of Python 2")
    def test_print_statement_runs(self):
        t = self.hotload("print 'version', 1\nexec 'print 7 / 2'\n")
        t.expect("version 1")
        t.expect("3\n")

    def test_helper_of_a_script_in_a_sub_folder_is_found_and_followed(self):
        t = self.hotload({"sub/app.py": "import helper\n", "sub/helper.py": show(1)}, "sub/app.py")
        t.expect("version 1")
        self.follows(t, 2, "sub/helper.py")


@same_between
@slow
@with_tables
class TestSaves(CommandLineCase):
    """How files may be saved."""

    @each([(style, style) for style in sorted(STYLES)])
    def test_save_X_of_script_and_helper_runs(self, style):
        t = self.hotload({"app.py": "import helper\n" + show(1), "helper.py": show(11)})
        for n in (2, 3):
            t.expect("version %d" % (n - 1))
            t.save("helper.py", show(10 + n), style)
            t.expect("version %d" % (10 + n))
            t.expect("version %d" % (n - 1))
            t.save("app.py", "import helper\n" + show(n), style)
        t.expect("version 3")

    def test_each_save_makes_one_run(self):
        t = self.hotload(show(1))
        self.status(t)
        for n, style in enumerate(sorted(STYLES), 2):
            t.save("app.py", show(n) + "#" * n, style)
            t.expect("version %d" % n)
            t.settle(0.12)
        for n in range(2, 2 + len(STYLES)):
            if sorted(STYLES)[n - 2] != "in_halves":         # half a file is a state of its own
                self.assertEqual(t.output.count("version %d\n" % n), 1, t.output)

    def test_saves_of_one_size_in_one_second_are_seen_in_script_and_helper(self):
        t = self.terminal()
        second = int(time.time()) - 1.0
        t.save("helper.py", show(10), time_s=second)
        t.save("app.py", "import helper\n" + show(10), time_s=second)
        t.spawn([sys.executable, launcher(), "app.py"])
        t.expect("version 10")
        for n in range(11, 15):
            t.expect(STATUS)
            style = "by_rename" if n % 2 else "in_place"
            t.save("helper.py", show(10 * n), style, time_s=second + n / 100.0)
            t.expect("version %d" % (10 * n))
            t.expect(STATUS)
            t.save("app.py", "import helper\n" + show(n), style, time_s=second + n / 100.0)
            t.expect("version %d\n" % n)

    def test_replacement_with_the_same_time_and_size_is_seen(self):
        t = self.terminal()
        for name in ("helper.py", "app.py"):
            t.save(name, "import helper\n" + show(1), time_s=1500000000)
        t.save("helper.py", show(11), time_s=1500000000)
        t.spawn([sys.executable, launcher(), "app.py"])
        t.expect("version 1\n")
        t.save("helper.py", show(12), "by_rename", time_s=1500000000)
        t.expect("version 12")
        t.expect("version 1\n")
        t.save("app.py", "import helper\n" + show(2), "by_rename", time_s=1500000000)
        t.expect("version 2")

    def test_byte_code_never_wins(self):
        t = self.terminal()
        t.save("helper.py", show(1), time_s=1500000000)
        py_compile.compile(t.path("helper.py"), doraise=True)
        t.save("helper.py", show(2), time_s=1500000000)
        t.save("app.py", "import helper\n" + show(5))
        t.spawn([sys.executable, launcher(), "app.py"])
        t.expect("version 2")
        t.expect(STATUS)
        t.save("helper.py", show(3), time_s=1500000000)
        t.expect("version 3")
        self.assertNotIn("version 1", t.output)

    def test_byte_code_of_a_module_imported_later_never_wins(self):
        t = self.terminal({"app.py": show(5)})
        t.save("pack/__init__.py", "")
        t.save("pack/helper.py", show(1), time_s=1500000000)
        py_compile.compile(t.path("pack/helper.py"), doraise=True)
        t.save("pack/helper.py", show(2), time_s=1500000000)
        t.spawn([sys.executable, launcher(), "app.py"])
        t.expect("version 5")
        t.save("app.py", "import pack.helper\n")
        t.expect("version 2")

    def test_file_older_than_before_runs(self):
        t = self.terminal({"app.py": "import helper\n" + show(1), "helper.py": show(11)})
        t.spawn([sys.executable, launcher(), "app.py"])
        t.expect("version 1\n")
        t.save("app.py", "import helper\n" + show(2), "by_rename", time_s=1000000000)
        t.expect("version 2")
        t.save("helper.py", show(12), "by_rename", time_s=900000000)
        t.expect("version 12")

    def test_file_that_is_empty_for_a_moment_is_not_run_empty(self):
        t = self.hotload(show(1))
        self.status(t)
        for n in range(2, 5):
            t.save("app.py", show(n), "after_empty_moment")
            t.expect("version %d" % n)
            self.assertEqual(self.status(t, "app.py"), n)

    def test_file_that_stays_empty_is_run_empty(self):
        t = self.hotload(show(1))
        self.status(t)
        t.save("app.py", "")
        self.status(t, "app.py")
        self.follows(t)

    def test_deleted_script_is_waited_for(self):
        t = self.hotload(show(1))
        self.status(t)
        os.unlink(t.path("app.py"))
        t.settle()
        self.assertNotIn("Traceback", t.output)
        self.follows(t)

    def test_deleted_script_that_comes_back_unchanged_runs(self):
        t = self.hotload(show(1))
        self.status(t)
        os.rename(t.path("app.py"), t.path("away"))
        t.settle(0.5)
        os.rename(t.path("away"), t.path("app.py"))
        t.expect("version 1")

    def test_deleted_helper_that_comes_back_runs(self):
        t = self.hotload({"app.py": "import helper\n" + show(1), "helper.py": show(11)})
        self.status(t)
        os.unlink(t.path("helper.py"))
        t.settle()
        t.save("helper.py", show(12))
        t.expect("version 12")
        t.expect("version 1\n")

    def test_watched_file_that_goes_does_not_run(self):
        t = self.hotload({"app.py": show(1), "data.txt": ""}, "-w", "data.txt", "app.py")
        self.status(t)
        os.unlink(t.path("data.txt"))
        t.settle()
        self.assertEqual(t.output.count("version 1"), 1)
        t.save("data.txt", "x")
        self.status(t, "data.txt")

    def test_dangling_link_beside_the_script_does_no_harm(self):
        t = self.terminal({"app.py": show(1)})
        os.symlink("nobody@nowhere.1:2", t.path(".#app.py"))
        os.symlink("nowhere.py", t.path("gone.py"))
        t.spawn([sys.executable, launcher(), "-w", ".", "-w", "gone.py", "app.py"])
        t.expect("version 1")
        self.follows(t)
        t.expect(STATUS)
        t.save("nowhere.py", "")                 # the link dangles no more: a file that came
        t.expect("version 2")

    def test_script_that_becomes_a_dangling_link_is_waited_for(self):
        t = self.terminal({"real.py": show(1)})
        os.symlink("real.py", t.path("app.py"))
        t.spawn([sys.executable, launcher(), "app.py"])
        self.status(t)
        os.rename(t.path("real.py"), t.path("away.py"))
        t.settle()
        self.follows(t, 2, "real.py")

    def test_link_in_the_middle_of_the_path_may_be_switched(self):
        t = self.terminal({"v1/app.py": "import helper\n", "v1/helper.py": show(1),
                           "v2/app.py": "import helper\n", "v2/helper.py": show(2)})
        os.symlink("v1", t.path("now"))
        t.spawn([sys.executable, launcher(), "now/app.py"])
        t.expect("version 1")
        t.expect(STATUS)
        os.symlink("v2", t.path("next"))
        os.rename(t.path("next"), t.path("now"))
        t.expect("version 2")
        self.follows(t, 3, "v2/helper.py")

    def test_swapped_folder_runs(self):
        t = self.hotload({"sub/app.py": "import helper\n", "sub/helper.py": show(1),
                          "next/app.py": "import helper\n", "next/helper.py": show(2)}, "sub/app.py")
        t.expect("version 1")
        t.expect(STATUS)
        os.rename(t.path("sub"), t.path("old"))
        os.rename(t.path("next"), t.path("sub"))
        t.expect("version 2")
        self.follows(t, 3, "sub/helper.py")

    def test_swapped_working_folder_runs(self):
        t = self.hotload({"sub/app.py": show(1), "next/app.py": show(2)}, "app.py", cwd="sub")
        t.expect("version 1")
        t.expect(STATUS)
        os.rename(t.path("sub"), t.path("old"))
        os.rename(t.path("next"), t.path("sub"))
        t.expect("version 2")
        self.follows(t, 3, "sub/app.py")

    def test_touch_runs(self):
        t = self.hotload(show(1))
        self.status(t)
        t.settle()                               # a touch at once would belong to the save before
        os.utime(t.path("app.py"), None)
        t.expect("version 1")

    def test_changed_permissions_and_links_do_not_run(self):
        t = self.hotload(show(1))
        self.assertEqual(self.status(t), 1)
        os.chmod(t.path("app.py"), 0o755)
        os.link(t.path("app.py"), t.path("other"))
        t.settle()
        t.save("app.py", show(2))
        self.assertEqual(self.status(t), 2)

    def test_burst_of_saves_ends_with_the_last(self):
        t = self.hotload({"app.py": "import helper\n" + show(1), "helper.py": "number = 0\n"})
        self.status(t)
        for n in range(10, 40):
            t.save("helper.py", "number = %d\n" % n, "by_rename" if n % 2 else "in_place")
            t.save("app.py", "import helper\nprint('version %%d of %%d' %% (%d, helper.number))\n" % n,
                   "in_place" if n % 2 else "with_backup")
            t.pause(0.01)
        t.expect("version 39 of 39")
        t.settle()
        self.assertEqual(re.findall(r"version \d+ of \d+", t.output)[-1], "version 39 of 39")

    def test_save_at_the_very_start_is_not_lost(self):
        for pause_s in (0.0, 0.05, 0.1, 0.15, 0.2):
            t = self.hotload(show(1))
            t.pause(pause_s)
            self.follows(t)
            t.close()

    def test_script_that_saves_itself_runs_again(self):
        t = self.hotload(show(1, "with open(__file__, 'w') as f:\n    f.write(%r)\n" % show(2)))
        t.expect("version 1")
        t.expect("version 2")

    def test_save_right_before_the_end_of_a_run_is_not_lost(self):
        t = self.hotload(show(1))
        for n in range(2, 12, 2):
            t.save("app.py", show(n, "import time\ntime.sleep(0.1)\n"))
            t.expect("version %d" % n)
            t.pause(0.085 + n / 500.0)
            self.follows(t, n + 1)


@same_between
@slow
class TestRandomSaves(CommandLineCase):
    """Saves of three files in random styles at random moments."""

    def test_no_save_is_lost(self):
        seed = int(os.environ.get("HOTLOAD_TEST_SEED") or random.SystemRandom().getrandbits(32))
        rng = random.Random(seed)
        names = ["app", "helper", "pack/part"]
        texts = {"app": "import helper, pack.part\n"
                        "print('saw %%d %%d %%d.' %% (%d, helper.number, pack.part.number))\n",
                 "helper": "number = %d\n", "pack/part": "import helper\nnumber = %d\n"}
        numbers = dict((name, 100) for name in names)
        t = self.hotload(dict([(name + ".py", text % 100) for name, text in texts.items()],
                              **{"pack/__init__.py": ""}))
        try:
            t.expect("saw 100 100 100.")
            end = clock_s() + 4.0
            while clock_s() < end:
                name = rng.choice(names)
                numbers[name] += 1
                style = rng.choice(sorted(set(STYLES) - set(["in_place_of_a_link"])))
                t.save(name + ".py", texts[name] % numbers[name], style)
                if rng.random() < 0.3:           # the user waits for the effect; nobody else saves meanwhile
                    t.expect("saw %d %d %d." % tuple(numbers[name] for name in names))
                else:
                    time.sleep(rng.choice([0, 0, 0.002, 0.01, 0.05, 0.3]) * rng.random())
            last = "saw %d %d %d." % tuple(numbers[name] for name in names)
            if last not in t.output:
                t.expect(last)
            t.settle(0.5)
            self.assertEqual(re.findall(r"saw \d+ \d+ \d+\.", t.output)[-1], last)
            errors = set(re.findall(r"(?m)^(\w*(?:Error|Exception|Interrupt))\b", t.output))
            # Half a file, a missing one, and a name that is not there yet are honest states.
            honest = set(["SyntaxError", "IndentationError", "ImportError", "ModuleNotFoundError",
                          "NameError",
                          "AttributeError", "FileNotFoundError", "IOError"])
            self.assertEqual(errors - honest, set(), t.report())
        except AssertionError:
            print("HOTLOAD_TEST_SEED=%d" % seed)
            raise


@slow
class TestModules(CommandLineCase):
    """The modules of the script."""

    def test_helper_s_helper_imported_by_name_is_followed(self):
        t = self.hotload({"app.py": "import middle\nprint(middle.answer())\n",
                          "middle.py": "from bottom import value\ndef answer():\n    return value()\n",
                          "bottom.py": "def value():\n    return 'value %d' % 1\n"})
        t.expect("value 1")
        t.expect(STATUS)
        t.save("bottom.py", "def value():\n    return 'value %d' % 2\n")
        t.expect("value 2")
        self.status(t, "bottom.py")

    def test_new_local_module_is_run_and_followed(self):
        t = self.hotload(show(1))
        t.expect("version 1")
        t.save("new.py", show(11))
        t.save("app.py", "import new\n" + show(2))
        t.expect("version 11")
        t.expect("version 2")
        t.expect(STATUS)
        self.follows(t, 12, "new.py")

    def test_package_with_relative_imports_is_followed(self):
        t = self.hotload({"app.py": "import pack.one\nprint(pack.one.text())\n",
                          "pack/__init__.py": "sign = '<%s>'\n",
                          "pack/one.py": "from . import two, sign\nfrom .sub.three import number\n"
                                         "def text():\n    return sign % ('%d %d' % (two.number, number))\n",
                          "pack/two.py": "number = 1\n", "pack/sub/__init__.py": "",
                          "pack/sub/three.py": "from ..two import number as base\nnumber = base + 10\n"})
        t.expect("<1 11>")
        t.expect(STATUS)
        t.save("pack/two.py", "number = 2\n")
        t.expect("<2 12>")
        t.save("pack/sub/three.py", "from ..two import number as base\nnumber = base + 20\n")
        t.expect("<2 22>")
        t.save("pack/__init__.py", "sign = '(%s)'\n")
        t.expect("(2 22)")

    def test_module_that_becomes_a_package_is_followed(self):
        t = self.hotload({"app.py": "import thing\n", "thing.py": show(1)})
        t.expect("version 1")
        t.expect(STATUS)
        os.unlink(t.path("thing.py"))
        t.save("thing/__init__.py", show(2))
        t.save("app.py", "import thing\nx = 2\n")
        t.expect("version 2")
        t.expect(STATUS)
        self.follows(t, 3, "thing/__init__.py")

    @unittest.skipIf(PY2, "Python 2 has none")
    def test_package_without_init_is_followed(self):
        t = self.hotload({"app.py": "import space.part\n", "space/part.py": show(1)})
        t.expect("version 1")
        t.expect(STATUS)
        self.follows(t, 2, "space/part.py")

    def test_module_imported_in_the_middle_of_a_long_run_is_followed(self):
        t = self.hotload({"app.py": "import time\ntime.sleep(0.3)\nimport helper\ntime.sleep(60)\n",
                          "helper.py": show(1)})
        t.expect("version 1")
        self.follows(t, 2, "helper.py")

    def test_module_imported_by_a_thread_after_the_run_is_followed(self):
        t = self.hotload({"app.py": "import threading, time\ndef work():\n    time.sleep(0.3)\n"
                                    "    import helper\n"
                                    "thread = threading.Thread(target=work)\nthread.daemon = True\n"
                                    "thread.start()\n",
                          "helper.py": show(1)})
        t.expect("version 1")
        t.settle(0.2)
        self.follows(t, 2, "helper.py")

    def test_syntax_error_in_a_helper_is_shown_with_its_line_and_the_fix_runs(self):
        t = self.hotload({"app.py": "import helper\n" + show(1), "helper.py": ""})
        self.status(t)
        t.save("helper.py", "x = 1\ny = = 2\n")
        t.expect(re.compile(r'helper\.py", line 2'))
        self.status(t, "helper.py", "failed: SyntaxError")
        self.follows(t, 11, "helper.py")
        t.expect("version 1\n")

    def test_exception_in_a_helper_s_body_is_shown_and_the_fix_runs(self):
        t = self.hotload({"app.py": "import helper\n" + show(1), "helper.py": "1 // 0\n"})
        t.expect("ZeroDivisionError")
        t.expect(STATUS)
        self.follows(t, 11, "helper.py")
        t.expect("version 1\n")
        t.save("helper.py", "\n\n1 // 0\n")
        t.expect(re.compile(r'helper\.py", line 3'))
        t.expect(STATUS)
        self.follows(t, 12, "helper.py")

    def test_unchanged_modules_are_not_run_again(self):
        t = self.hotload({"app.py": "import still, moving\n" + show(1), "still.py": "print('still here')\n",
                          "moving.py": ""})
        self.status(t)
        t.save("app.py", "import still, moving\n" + show(2))
        self.status(t, "app.py")
        self.follows(t, 13, "moving.py")
        self.status(t)
        self.assertEqual(t.output.count("still here"), 1)

    def test_classes_stay_one_when_their_module_is_saved(self):
        t = self.hotload({"app.py": "import shapes, factory\n"
                                    "print(isinstance(factory.make(), shapes.Shape), shapes.number)\n",
                          "shapes.py": "class Shape(object):\n    pass\nnumber = 1\n",
                          "factory.py": "from shapes import Shape\ndef make():\n    return Shape()\n"})
        t.expect(re.compile("True.* 1"))
        t.expect(STATUS)
        t.save("shapes.py", "class Shape(object):\n    pass\nnumber = 2\n")
        t.expect(re.compile("True.* 2"))

    def test_modules_that_import_each_other_are_followed(self):
        t = self.hotload({"app.py": "import one\nprint('sum %d' % (one.number + one.two.number))\n",
                          "one.py": "import two\nnumber = 1\n", "two.py": "import one\nnumber = 10\n"})
        t.expect("sum 11")
        t.expect(STATUS)
        t.save("two.py", "import one\nnumber = 20\n")
        t.expect("sum 21")
        t.expect(STATUS)
        t.save("one.py", "import two\nnumber = 2\n")
        t.expect("sum 22")

    def test_reload_in_the_script_is_never_stale(self):
        t = self.terminal()
        t.save("helper.py", "number = 1\n", time_s=1500000000)
        t.save("app.py", "try:\n    from importlib import reload\nexcept ImportError:\n    pass\n"
                         "import helper, os\n"
                         "with open('helper.py', 'w') as stream:\n"
                         "    stream.write('number = 2\\n')\n"
                         "os.utime('helper.py', (1500000000, 1500000000))\nreload(helper)\n"
                         "print('number %d' % helper.number)\n")
        t.spawn([sys.executable, launcher(), "app.py"])
        t.expect("number 2")

    def test_namespace_is_kept_between_runs(self):
        text = "try:\n    count += 1\nexcept NameError:\n    count = 1\nprint('count %d' % count)\n"
        t = self.hotload(text)
        t.expect("count 1")
        t.save("app.py", text + "#")
        t.expect("count 2")

    def test_module_outside_the_script_s_folder_is_followed_when_it_is_named(self):
        t = self.hotload({"sub/app.py": "import outside\n", "lib/outside.py": show(1)}, "-w", "lib",
                         "sub/app.py",
                         env={"PYTHONPATH": "lib"})
        t.expect("version 1")
        t.expect(STATUS)
        self.follows(t, 2, "lib/outside.py")

    def test_module_outside_the_script_s_folder_is_left_alone(self):
        t = self.hotload({"sub/app.py": "import outside\n" + show(1), "lib/outside.py": "print('outside')\n"},
                         "sub/app.py", env={"PYTHONPATH": "lib"})
        self.assertEqual(self.status(t), 1)
        t.save("lib/outside.py", "print('again')\n")
        t.settle()
        t.save("sub/app.py", "import outside\n" + show(2))
        self.assertEqual(self.status(t), 2)
        self.assertNotIn("again", t.output)

    def test_module_in_a_virtual_environment_below_the_script_is_left_alone(self):
        t = self.hotload({"app.py": "import inside\n" + show(1), "env/pyvenv.cfg": "",
                          "env/lib/inside.py": ""},
                         env={"PYTHONPATH": "env/lib"})
        self.assertEqual(self.status(t), 1)
        t.save("env/lib/inside.py", "print('again')\n")
        t.settle()
        t.save("app.py", "import inside\n" + show(2))
        self.assertEqual(self.status(t), 2)
        self.assertNotIn("again", t.output)

    def test_import_of_an_installed_package_is_not_interrupted(self):
        body = ("import time\nprint('package begins')\ntime.sleep(0.3)\nfrom . import part\n"
                "print('package is whole')\n")
        t = self.hotload({"app.py": "import big\n" + show(1), "site-packages/big/__init__.py": body,
                          "site-packages/big/part.py": "import time\ntime.sleep(0.3)\n"},
                         env={"PYTHONPATH": "site-packages"})
        t.expect("package begins")
        t.save("app.py", "import big\n" + show(2))
        t.pause(0.1)
        t.save("app.py", "import big\n" + show(3))
        t.expect("version 3")
        self.assertEqual((t.output.count("package begins"), t.output.count("package is whole")), (1, 1),
                         t.output)


STUCK_SOFTLY = [
    ("in_an_endless_loop", "while True:\n    pass\n"),
    ("asleep", "import time\ntime.sleep(60)\n"),
    ("waiting_for_a_child", "import subprocess\nsubprocess.call(['sleep', '60'])\n"),
    ("waiting_for_input", "import sys\nsys.stdin.readline()\n"),
    ("reading_a_pipe", "import os\nos.read(os.pipe()[0], 1)\n"),
    ("accepting_on_a_socket", "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen(1)\n"
                              "s.accept()\n"),
    ("receiving_on_a_socket", "import socket\na, b = socket.socketpair()\na.recv(1)\n"),
    ("in_select", "import select\nselect.select([], [], [])\n"),
    ("waiting_for_a_signal", "import signal\nsignal.pause()\n"),
    ("catching_exceptions", "import time\nwhile True:\n    try:\n        time.sleep(0.01)\n"
                            "    except Exception:\n        pass\n"),
    ("in_a_list_sort", "class C(object):\n    def __lt__(self, other):\n        while True:\n"
                       "            pass\n"
                       "sorted([C(), C()])\n"),
    ("in_a_generator", "def g():\n    while True:\n        yield\nfor x in g():\n    pass\n"),
]

LOCKED = "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n"
JOINS = ("import threading, time\nthread = threading.Thread(target=time.sleep, args=(60,))\n"
         "thread.daemon = True\n"
         "thread.start()\nthread.join()\n")
QUEUED = "try:\n    import queue\nexcept ImportError:\n    import Queue as queue\nqueue.Queue().get()\n"
ASYNC = ("import asyncio\nasync def main():\n    while True:\n        try:\n"
         "            await asyncio.sleep(0.02)\n"
         "        except Exception:\n            pass\n"
         "getattr(asyncio, 'run', lambda c: asyncio.new_event_loop().run_until_complete(c))(main())\n")
UNITTEST = ("import unittest, time\nclass T(unittest.TestCase):\n    def test(self):\n"
            "        time.sleep(60)\n"
            "unittest.main()\n")
CHILDREN = ("import multiprocessing, time\nif __name__ == '__main__':\n"
            "    p = multiprocessing.Process(target=time.sleep, args=(60,))\n    p.start()\n    p.join()\n")

CLEANS = ("import time\ntry:\n    print('in ' + 'it')\n    time.sleep(60)\n"
          "finally:\n    time.sleep(0.5)\n    print('cleaned ' + 'up')\n")

UNSTOPPABLE = [
    ("in_a_lock", LOCKED), ("in_the_join_of_a_thread", JOINS), ("in_an_empty_queue", QUEUED),
    ("in_a_unittest", UNITTEST), ("in_the_join_of_a_process", CHILDREN),
    ("behind_a_bare_except", "import time\nwhile True:\n    try:\n        time.sleep(0.01)\n    except:\n"
                             "        pass\n"),
    ("catching_keyboard_interrupt", "import time\nwhile True:\n    try:\n        time.sleep(0.01)\n"
                                    "    except KeyboardInterrupt:\n        pass\n"),
    ("ignoring_the_signal", "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                            "while True:\n    time.sleep(0.01)\n"),
    ("behind_a_handler_of_its_own", "import signal, time\nsignal.signal(signal.SIGINT, lambda *a: None)\n"
                                    "while True:\n    time.sleep(0.1)\n"),
    ("in_an_endless_finally", "import time\ntry:\n    time.sleep(60)\nfinally:\n    time.sleep(60)\n"),
    ("in_a_destructor",
     "import time\nclass C(object):\n    def __del__(self):\n        time.sleep(60)\nC()\n"),
    ("in_a_raw_terminal", "import time, tty\ntty.setraw(0)\nwhile True:\n    try:\n        time.sleep(0.01)\n"
                          "    except:\n        pass\n"),
]
BUSY = [
    ("in_a_pattern", "import re\nre.match('(a+)+b', 'a' * 40)\n"),
    ("in_c_code_that_keeps_the_interpreter", "import collections, itertools\n"
                                             "collections.deque(itertools.repeat(0), maxlen=0)\n"),
]


@slow
@with_tables
class TestUnstoppableRuns(CommandLineCase):
    """Runs that an interrupt does not end, or not at once. They start together: each takes a second."""

    @classmethod
    def setUpClass(cls):
        cls.terminals = dict((name, Terminal({"app.py": show(1, body)})) for name, body in UNSTOPPABLE)
        try:
            for terminal in cls.terminals.values():
                terminal.spawn([sys.executable, launcher(), "app.py"])
            for terminal in cls.terminals.values():
                terminal.expect("version 1")
            time.sleep(0.3)                      # let them get stuck
            for terminal in cls.terminals.values():
                terminal.save("app.py", show(2))
        except AssertionError:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for terminal in cls.terminals.values():
            terminal.close()

    @each([(name, name) for name, _ in UNSTOPPABLE])
    def test_save_ends_a_run_X(self, name):
        t = self.terminals[name]
        t.expect("version 2")
        self.assertEqual(termios.tcgetattr(t.master)[:4], t.modes[:4])
        self.follows(t, 3)
        t.expect(STATUS)
        t.ctrl_c()
        self.assertEqual(t.wait(), 130)
        self.assertEqual(t.left_over(), [])

    def test_that_the_state_is_lost_is_said(self):
        t = self.terminals["behind_a_bare_except"]
        if "version 2" not in t.output:
            t.expect("version 2")
        said = t.output.partition("version 1")[2].partition("version 2")[0]
        self.assertTrue(re.search(r"\[hotload\] [^\n]*lost", said), said)

    @each(BUSY)
    def test_save_ends_a_busy_run_X(self, body):
        t = self.hotload(show(1, body))
        t.expect("version 1")
        t.pause(0.2)
        self.follows(t, 2)
        self.follows(t, 3)


@slow
@with_tables
class TestStuckRuns(CommandLineCase):
    """A save ends a run that does not end by itself."""

    @each(STUCK_SOFTLY)
    def test_save_ends_a_run_X_and_the_state_is_kept(self, body):
        t = self.hotload("kept = 'the state'\n" + show(1))
        self.status(t)
        t.save("app.py", show(2, body))
        t.expect("version 2")
        t.save("app.py", "print(kept)\n" + show(3))
        t.expect("the state\nversion 3")
        self.assertNotIn("Traceback", t.output)
        self.follows(t, 4)

    @unittest.skipIf(PY2, "no asyncio")
    def test_save_ends_a_run_in_asyncio(self):
        t = self.hotload(show(1, ASYNC))
        t.expect("version 1")
        self.follows(t, 2)

    def test_save_at_the_start_of_a_stuck_run_ends_it(self):
        for pause_s in (0.0, 0.1, 0.2):
            t = self.hotload(show(1, "while True:\n    pass\n"))
            t.pause(pause_s)
            self.follows(t)
            t.close()

    def test_run_that_writes_files_beside_itself_is_not_stopped(self):
        t = self.hotload("import time\nfor n in range(20):\n    with open('out.txt', 'a') as stream:\n"
                         "        stream.write('x')\n    time.sleep(0.02)\n" + show(1))
        t.expect("version 1")
        self.status(t)
        self.assertEqual(t.output.count("version 1"), 1)

    def test_stopped_run_is_said(self):
        t = self.hotload(show(1, "import time\ntime.sleep(60)\n"))
        t.expect("version 1")
        t.save("app.py", show(2))
        self.status(t, outcome="stopped by a save")
        t.expect("version 2")
        self.assertEqual(self.status(t, "app.py"), 2)

    def test_save_of_a_helper_ends_a_stuck_run(self):
        t = self.hotload({"app.py": "import helper, time\n" + show(1, "time.sleep(60)\n"), "helper.py": ""})
        t.expect("version 1")
        self.follows(t, 12, "helper.py")
        t.expect("version 1\n")

    def test_finally_of_half_a_second_completes_before_the_next_run(self):
        t = self.hotload(CLEANS)
        t.expect("in it")
        t.save("app.py", show(2))
        t.expect("cleaned up")
        t.expect("version 2")

    def test_second_save_does_not_disturb_the_finally(self):
        t = self.hotload(CLEANS)
        t.expect("in it")
        t.save("app.py", show(2))
        t.pause(0.2)
        t.save("app.py", show(3))
        t.expect("cleaned up")
        t.expect("version 3")

    def test_save_waits_for_the_run_with_no_interrupt(self):
        t = self.hotload("import time\n" + show(1, "time.sleep(0.6)\nprint('all of %d' % 1)\n"),
                         "--no-interrupt", "app.py")
        t.expect("version 1")
        t.save("app.py", show(2))
        t.expect("all of 1")
        self.status(t)
        t.expect("version 2")
        self.assertEqual(self.status(t, "app.py"), 2)


@slow
@with_tables
class TestSurvival(CommandLineCase):
    """What a run may do to the process."""

    @each([("a_segmentation_fault", "import ctypes\nctypes.string_at(0)\n"),
           ("os_exit", "import os\nos._exit(3)\n"),
           ("sigkill", "import os\nos.kill(os.getpid(), 9)\n"), ("abort", "import os\nos.abort()\n")])
    def test_X_is_survived_without_trying_again(self, body):
        count = "with open('count', 'a') as stream:\n    stream.write('x')\n"
        t = self.hotload(count + show(1, "import sys\nsys.stdout.flush()\n" + body))
        t.expect("version 1")
        t.expect("[hotload] ")
        t.settle()
        self.assertEqual(t.output.count("version 1"), 1)
        self.follows(t, 2)
        self.follows(t, 3)
        t.ctrl_c()
        self.ends(t, 130)
        with open(t.path("count")) as stream:
            self.assertEqual(stream.read(), "x")

    def test_crash_in_a_helper_is_survived_and_the_helper_followed(self):
        t = self.hotload({"app.py": "import helper\n" + show(1), "helper.py": "import os\nos._exit(3)\n"})
        t.expect("[hotload] ")
        t.settle(0.2)
        self.follows(t, 12, "helper.py")
        t.expect("version 1\n")

    def test_save_just_before_a_crash_is_not_lost(self):
        t = self.hotload("import os\n" + show(1, "with open(__file__, 'w') as f:\n    f.write(%r)\n"
                                                 "os._exit(3)\n" % show(2)))
        t.expect("version 2")

    def test_crash_after_many_runs_is_survived(self):
        t = self.hotload(show(1))
        t.expect("version 1")
        for n in range(2, 8, 2):
            t.save("app.py", "import os\nos._exit(%d)\n" % n)
            t.expect("[hotload] ")
            self.follows(t, n)

    def test_script_that_leaves_the_terminal_raw_and_dies_gives_it_back(self):
        t = self.hotload({"app.py": "import os, tty\n" + show(1, "tty.setraw(0)\nos._exit(3)\n")})
        t.expect("version 1")
        self.follows(t)
        self.assertEqual(termios.tcgetattr(t.master)[:4], t.modes[:4])

    @each([("changes_the_folder", "os.chdir('deep')\n"),
           ("replaces_stdout", "sys.stdout = sys.stderr = open(os.devnull, 'w')\n"),
           ("closes_stdout", "sys.stdout.close()\nsys.stderr.close()\n"),
           ("deletes_stdout", "del sys.stdout\n"),
           ("sets_stdout_to_none", "sys.stdout = sys.stderr = None\n"),
           ("closes_stdin", "sys.stdin.close()\n"),
           ("replaces_argv", "sys.argv = ['other', 'words']\n"),
           ("empties_argv", "del sys.argv[:]\n"),
           ("replaces_path", "sys.path = []\n"),
           ("empties_path", "del sys.path[:]\n"),
           ("inserts_into_path", "sys.path.insert(0, '/nowhere')\n"),
           ("sets_a_trace_function", "sys.settrace(lambda *a: 1 // 0)\n"),
           ("sets_an_exception_hook", "sys.excepthook = None\n1 // 0\n"),
           ("ignores_signals", "import signal\nfor n in (1, 2, 15):\n    signal.signal(n, signal.SIG_IGN)\n"),
           ("sets_an_alarm", "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\n"
                             "signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)\n"),
           ("renames_itself", "__name__ = 'other'\n__file__ = 'other'\n"),
           ("empties_its_namespace", "globals().clear()\n"),
           ("changes_the_file_mask", "os.umask(0o777)\n"),
           ("turns_the_collector_off", "import gc\ngc.disable()\n")])
    def test_script_that_X_runs_again_as_at_the_start(self, body):
        facts = ("import sys, os\n"
                 "print('%s %s %s %s' % (os.getcwd() == os.environ['ROOT'], sys.argv, __name__, "
                 "os.path.abspath(sys.path[0]) == os.environ['ROOT']))\nimport helper\n")
        t = self.terminal({"app.py": facts + show(1, body), "helper.py": "", "deep/x": ""})
        t.spawn([sys.executable, launcher(), "app.py", "a"], env={"ROOT": t.folder})
        t.expect("True ['app.py', 'a'] __main__ True\nversion 1")
        t.save("app.py", facts + show(2))
        t.expect("True ['app.py', 'a'] __main__ True\nversion 2")
        self.follows(t, 13, "helper.py")
        t.expect("version 2")
        t.ctrl_c()
        self.assertEqual(t.wait(), 130)


@slow
@with_tables
class TestScripts(CommandLineCase):
    """What scripts do as a matter of course."""

    def test_script_that_asks_gets_what_is_typed_in_each_run(self):
        text = "import sys\nprint('name' + '?')\nprint('hello %s' % sys.stdin.readline().strip().upper())\n"
        t = self.hotload(text)
        for name in ("ann", "bob"):
            t.expect("name?")
            t.type(name + "\n")
            t.expect("hello " + name.upper())
            t.expect(STATUS)
            t.save("app.py", text + "#" + name)

    def test_text_typed_for_input_survives_a_save(self):
        text = ("try:\n    ask = raw_input\nexcept NameError:\n    ask = input\n"
                "print('got ' + ask('name %d? ' % 1).upper())\n")
        t = self.hotload(text)
        t.expect("name 1? ")
        t.save("app.py", text.replace("% 1", "% 2"))
        t.expect("name 2? ")
        t.type("ann\n")
        t.expect("got ANN")

    def test_fork_whose_child_exits_shows_its_status(self):
        t = self.hotload(show(1))
        for n, (body, status) in enumerate([
                ("sys.exit(3)", 3), ("os._exit(4)", 4), ("pass", 0), ("1 // 0", 1), ("sys.exit()", 0),
                ("sys.exit('last words')", 1), ("os.kill(os.getpid(), 15)", 15),
                ("os.execlp('true', 'true')", 0)], 2):
            t.expect(STATUS)
            text = ("import os, sys\npid = os.fork()\nif not pid:\n    %s\nif pid:\n"
                    "    status = os.waitpid(pid, 0)[1]\n"
                    "    status = os.WEXITSTATUS(status) or os.WTERMSIG(status)\n"
                    "    print('status %%d' %% (status %% 128))\n" % body)
            t.save("app.py", text + show(n) if body != "pass" else text + "if pid:\n    " + show(n))
            t.expect("status %d\n" % status)
            t.expect("version %d\n" % n)
        t.expect(STATUS)
        t.settle(0.2)
        self.assertEqual(len(STATUS.findall(t.output)), 9, t.output)

    def test_forked_child_that_falls_off_the_end_is_flushed_and_does_not_loop(self):
        t = self.hotload("import os, sys, time\nif os.fork():\n    os.wait()\n    print('parent')\n"
                         "else:\n    sys.stdout.write('child')\n    sys.stdout.write(' done\\n')\n")
        t.expect("child done")
        t.expect("parent")
        t.expect(STATUS)
        t.save("app.py", show(2))
        t.expect("version 2")
        t.settle(0.3)
        self.assertEqual(t.output.count("version 2"), 1)
        t.ctrl_c()
        self.ends(t, 130)

    def test_forked_child_that_lives_on_does_not_disturb(self):
        t = self.hotload("import os, sys, time\nif not os.fork():\n    time.sleep(60)\n" + show(1))
        t.expect("version 1")
        self.follows(t)
        t.settle(0.3)
        self.assertEqual(t.output.count("version 2"), 1)
        t.ctrl_c()
        self.assertEqual(t.wait(), 130)

    @each([("fork", "fork"), ("spawn", "spawn"), ("forkserver", "forkserver")])
    def test_multiprocessing_by_X_pickles_own_classes(self, method):
        if PY2 and method != "fork":
            self.skipTest("Python 2 only forks")
        text = ("import multiprocessing\nclass Point(object):\n    def __init__(self, x):\n"
                "        self.x = x\n"
                "def double(point):\n    return Point(point.x * 2)\n"
                "if __name__ == '__main__':\n"
                "    context = getattr(multiprocessing, 'get_context', lambda method: multiprocessing)(%r)\n"
                "    pool = context.Pool(2)\n    found = pool.map(double, [Point(%d), Point(30)])\n"
                "    print('doubled %%s' %% [(type(point) is Point, point.x) for point in found])\n"
                "    pool.close()\n    pool.join()\n")
        t = self.hotload(text % (method, 20))
        t.expect("doubled [(True, 40), (True, 60)]")
        self.status(t)
        t.save("app.py", text % (method, 21))
        t.expect("doubled [(True, 42), (True, 60)]")
        self.status(t)
        self.assertNotIn("Traceback", t.output)
        t.ctrl_c()
        self.ends(t, 130)

    def test_pickles_of_own_classes_are_read_by_later_runs(self):
        text = ("import os, pickle\nclass Point(object):\n    def __init__(self, x):\n        self.x = x\n"
                "if os.path.exists('kept'):\n    print('read %d' % pickle.load(open('kept', 'rb')).x)\n"
                "with open('kept', 'wb') as f:\n    pickle.dump(Point(5), f)\n")
        t = self.hotload(text)
        t.expect(STATUS)
        t.save("app.py", text + "#")
        t.expect("read 5")
        self.status(t)

    def test_thread_pickles_own_classes_after_the_run(self):
        t = self.hotload("import pickle, threading, time\nclass Point(object):\n    x = 5\n"
                         "def work():\n    time.sleep(0.3)\n"
                         "    print('read %d' % pickle.loads(pickle.dumps(Point())).x)\n"
                         "thread = threading.Thread(target=work)\nthread.daemon = True\nthread.start()\n")
        t.expect(STATUS)
        t.expect("read 5")

    def test_threads_that_live_on_are_named_in_one_line(self):
        t = self.hotload("import threading, time\nfor name in ('walker', 'runner'):\n"
                         "    thread = threading.Thread(target=time.sleep, args=(60,), name=name)\n"
                         "    thread.daemon = True\n    thread.start()\n" + show(1))
        t.expect("version 1")
        line = t.expect(re.compile(r"\[hotload\][^\n]*walker[^\n]*")).group()
        self.assertIn("runner", line)
        self.follows(t)
        t.ctrl_c()
        self.ends(t, 130)

    def test_thread_that_is_no_daemon_does_not_keep_the_loop_from_ending(self):
        t = self.hotload("import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
                         + show(1))
        t.expect("version 1")
        t.expect(STATUS)
        t.ctrl_c()
        self.ends(t, 130)

    def test_threads_that_end_are_waited_for_by_nobody(self):
        text = ("import threading\ndef work():\n    print('thread %%d' %% %d)\n"
                "threads = [threading.Thread(target=work) for _ in range(5)]\n"
                "[thread.start() for thread in threads]\n"
                "[thread.join() for thread in threads]\n")
        t = self.hotload(text % 1)
        self.status(t)
        t.save("app.py", text % 2)
        self.status(t)
        self.assertEqual((t.output.count("thread 1"), t.output.count("thread 2")), (5, 5))

    def test_exit_functions_run_when_the_next_run_begins_and_at_the_end(self):
        text = "import atexit\n@atexit.register\ndef bye():\n    print('bye ' + str(%d))\n"
        t = self.hotload(text % 1 + show(1))
        self.status(t)
        self.assertNotIn("bye 1", t.output)
        t.save("app.py", text % 2 + show(2))
        t.expect("bye 1")
        t.expect("version 2")
        t.ctrl_c()
        self.ends(t, 130)
        t.expect("bye 2")
        self.assertEqual(t.output.count("bye 1"), 1)

    def test_unittest_main_runs_the_tests_that_are_there_now(self):
        text = ("import unittest\nclass T(unittest.TestCase):\n    def test(self):\n"
                "        self.assertEqual(1, %d)\n"
                "if __name__ == '__main__':\n    unittest.main()\n")
        t = self.hotload(text % 2)
        t.expect("FAILED (failures=1)")
        self.status(t, outcome="exit 1")
        t.save("app.py", text % 1)
        t.expect("Ran 1 test")
        t.expect("OK")
        t.expect(STATUS)

    @unittest.skipIf(PY2, "no asyncio")
    def test_asyncio_runs_again(self):
        text = ("import asyncio\nasync def main():\n    await asyncio.sleep(0.01)\n"
                "    print('version %%d' %% %d)\n"
                "getattr(asyncio, 'run', lambda c: asyncio.new_event_loop().run_until_complete(c))(main())\n")
        t = self.hotload(text % 1)
        self.status(t)
        t.save("app.py", text % 2)
        t.expect("version 2")
        self.status(t)

    def test_traceback_shows_the_lines_of_the_version_that_failed(self):
        t = self.hotload("first_wrong_name\n")
        t.expect("first_wrong_name\n")
        t.expect(STATUS)
        t.save("app.py", "\nother_wrong_name\n")
        t.expect(re.compile(r'app\.py", line 2'))
        t.expect(re.compile(r"(?m)^\s+other_wrong_name\s*$"))
        t.expect(STATUS)
        t.save("app.py", "\nthird_wrong_name\n")
        t.expect(re.compile(r"(?m)^\s+third_wrong_name\s*$"))

    @unittest.skipIf(PY2, "no chained exceptions")
    def test_chained_traceback_shows_both_exceptions_and_none_of_our_frames(self):
        t = self.hotload("try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e\n")
        t.expect("KeyError: 'a'")
        t.expect("direct cause")
        t.expect("ValueError: b")
        t.expect(STATUS)
        self.assertNotIn("hotload.py", t.output)

    @each([("bytes", "getattr(sys.stdout, 'buffer', sys.stdout).write(b'raw \\xff\\xfe\\n')\n", None),
           ("emoji", "print(u'\\U0001f600')\n", None),
           ("emoji_in_its_source", u"print(u'\U0001f600')\n", None),
           ("emoji_in_a_traceback", u"raise ValueError(u'\U0001f600')\n", "ValueError"),
           ("emoji_as_exit_message", u"sys.exit(u'\U0001f600')\n", None)])
    def test_script_with_X_is_survived_under_the_c_locale(self, body, shown):
        plain = {"LANG": "C", "LC_ALL": "C"}
        if hasattr(sys, "pypy_version_info"):
            self.skipTest("PyPy: it does not find a file of such a name in the C locale itself")
        for env in (plain, dict(plain, PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")):
            t = self.hotload({u"caf\u00e9.py": u"# -*- coding: utf-8 -*-\nimport sys\n" + show(1, body)},
                             u"caf\u00e9.py", env=env)
            t.expect("version 1")
            t.expect(shown or STATUS)
            self.assertNotIn("hotload.py", t.output)
            self.follows(t, 2, u"caf\u00e9.py")
            t.expect(STATUS)
            t.close()

    def test_non_ascii_output_reaches_the_terminal(self):
        t = self.hotload(u"# -*- coding: utf-8 -*-\nfrom __future__ import print_function\n"
                         u"print(u'caf\u00e9', 1)\n")
        t.expect(u"caf\u00e9 1")

    def test_large_output_arrives_whole(self):
        t = self.hotload("for n in range(5000):\n    print('line %d of many' % n)\n" + show(1))
        t.expect("version 1")
        self.assertEqual(t.output.count("of many"), 5000)

    def test_import_of_hotload_gives_the_running_module(self):
        text = ("import sys, pickle, hotload\n"
                "print('copies %d' % len(set(id(module) for name, module in sys.modules.items()\n"
                "      if getattr(module, 'HotloadError', None))))\n"
                "print('class %s' % hotload.HotloadError.__module__)\n"
                "print('same %s' % (type(pickle.loads(pickle.dumps(hotload.HotloadError('x')))) is "
                "hotload.HotloadError))\n"
                "kept = hotload.persist(lambda: kept, lambda: 42)\nprint('kept %d' % kept)\n")
        t = self.hotload(text)
        for line in ("copies 1", "class hotload", "same True", "kept 42"):
            t.expect(line)
        self.status(t)
        t.save("app.py", "import hotload\nassert hotload.HotloadError.__module__ == 'hotload'\n" + show(2))
        t.expect("version 2")
        self.status(t)

    def test_objects_of_hotload_pickled_under_the_loop_are_read_by_plain_python(self):
        t = self.hotload("import pickle, hotload\nwith open('kept', 'wb') as f:\n"
                         "    pickle.dump(hotload.HotloadError('x'), f, 2)\n")
        self.status(t)
        other = self.terminal().spawn(
            [sys.executable, "-c", "import pickle, sys; print('class', "
                                   "type(pickle.load(open(sys.argv[1], 'rb'))).__name__)",
             t.path("kept")], env={"PYTHONPATH": os.path.dirname(HOTLOAD)})
        other.expect(re.compile("class.*HotloadError"))

    @each([("as_a_module", ["-m", "hotload"], "hotload.py"), ("without_py", ["bin/hotload"], "bin/hotload")])
    def test_hotload_itself_may_be_started_X(self, argv, name):
        t = self.terminal({"app.py": "import hotload\n" + show(1, "print('class %s' % "
                                                                  "hotload.HotloadError.__module__)\n")})
        with open(HOTLOAD, "rb") as stream:
            t.save(name, stream.read())
        t.spawn([sys.executable] + argv + ["app.py"])
        t.expect("version 1")
        t.expect("class hotload")
        self.follows(t)

    def test_script_inside_the_loop_may_start_a_loop_of_its_own(self):
        t = self.hotload({"app.py": "import hotload\ndef print_it():\n"
                                    "    print('inner ' + open('data').read())\n"
                                    "loop = hotload.start(['data'], [print_it])\n", "data": "one"})
        t.expect("inner one")
        t.save("data", "two")
        t.expect("inner two")


@same_between
@slow
@with_tables
class TestInput(CommandLineCase):
    """What stdin may be."""

    @each([("closed", "closed"), ("the_null_device", "devnull")])
    def test_stdin_X_is_no_list(self, stdin):
        t = self.hotload("import sys\ntry:\n    print('read %r' % (sys.stdin and sys.stdin.read()))\n"
                         "except EnvironmentError:\n    pass\n" + show(1), stdin=stdin)
        t.expect("version 1", 1.9 if stdin == "devnull" else None)
        self.follows(t)
        t.ctrl_c()
        self.ends(t, 130)

    def test_list_names_exactly_the_files_to_watch(self):
        t = self.hotload({"app.py": "import helper\n" + show(1), "helper.py": "", "data.txt": ""},
                         stdin=b"app.py\ndata.txt\n")
        self.assertEqual(self.status(t), 1)
        t.save("helper.py", "x = 1\n")
        t.settle()
        t.save("data.txt", "x")
        self.assertEqual(self.status(t, "data.txt"), 2)
        self.follows(t)
        self.assertEqual(self.status(t, "app.py"), 3)

    def test_list_runs_the_helper_that_it_names(self):
        t = self.hotload({"app.py": "import helper\n", "helper.py": show(1)},
                         stdin=b"./app.py\n./helper.py\n")
        t.expect("version 1")
        t.expect(STATUS)
        self.follows(t, 2, "helper.py")

    def test_folders_in_the_list_are_skipped(self):
        t = self.hotload({"app.py": show(1), "sub/data": ""}, stdin=b".\n./sub\n./app.py\n\n")
        self.assertEqual(self.status(t), 1)
        t.save("sub/new", "x")
        t.settle()
        self.follows(t)
        self.assertEqual(self.status(t, "app.py"), 2)

    def test_names_in_the_list_may_have_spaces_and_any_letters(self):
        name = u"my caf\u00e9.txt"
        t = self.hotload({"app.py": show(1), name: ""}, stdin=(u"app.py\r\n%s\r\n" % name).encode("utf-8"))
        self.status(t)
        t.save(name, "x")
        t.expect("version 1")

    @each([("empty", b""), ("of_folders", b".\n./sub\n"), ("of_missing_files", b"nothing.py\n"),
           ("of_blank_lines", b"\n\n")])
    def test_list_X_is_an_error(self, data):
        self.refused("app.py", files={"app.py": show(1), "sub/x": ""}, stdin=data)

    def test_list_after_which_the_terminal_is_the_script_s_stdin(self):
        t = self.hotload("import sys\n" + show(1, "print('got %s' % sys.stdin.readline().strip().upper())\n"),
                         stdin=b"app.py\n")
        t.expect("version 1")
        t.type("ann\n")
        t.expect("got ANN")

    def test_list_after_which_without_a_terminal_the_null_device_is_stdin(self):
        t = self.hotload("import sys\n" + show(1, "print('got %r' % sys.stdin.read())\n"), stdin=b"app.py\n",
                         stdout="pipe",
                         controls=False)
        t.expect("got ''")
        self.follows(t)

    def test_silent_pipe_is_said_after_a_second_and_given_up_after_two(self):
        t = self.hotload(show(1), stdin="pipe")
        start = clock_s()
        t.expect(re.compile(r"\[hotload\] [^\n]*list"))
        self.assertLess(clock_s() - start, 1.9)
        self.assertGreater(clock_s() - start, 0.9)
        self.assertNotIn("version 1", t.output)
        t.expect("version 1")
        self.assertGreater(clock_s() - start, 1.9)
        self.follows(t)

    def test_list_that_comes_late_is_taken_with_a_dash_as_watch(self):
        t = self.hotload({"app.py": show(1), "data": ""}, "-w", "-", "app.py", stdin="pipe")
        t.pause(2.2)
        self.assertNotIn("version 1", t.output)
        t.feed(b"data\napp.py\n")
        t.expect("version 1")
        t.expect(STATUS)
        t.save("data", "x")
        t.expect("version 1")

    def test_list_that_comes_slowly_is_taken_whole(self):
        t = self.hotload({"app.py": show(1), "a": "", "b": ""}, stdin="pipe")
        t.pipe.write(b"app.py\n")
        t.pipe.flush()
        t.pause(0.5)
        t.pipe.write(b"a")
        t.pipe.flush()
        t.pause(0.5)
        t.feed(b"\nb\n")
        self.status(t)
        t.save("b", "x")
        self.status(t, "b")
        t.save("a", "x")
        self.status(t, "a")

    def test_regular_file_as_stdin_belongs_to_the_script(self):
        t = self.terminal({"app.py": "import sys\n" + show(1, "print('got %s' % sys.stdin.read().upper())\n"),
                           "in": "data.py\n"})
        with open(t.path("in"), "rb") as stream:
            t.spawn([sys.executable, launcher(), "app.py"], stdin=stream)
        t.expect("got DATA.PY", 1.9)
        self.follows(t)

    def test_socket_as_stdin_belongs_to_the_script(self):
        t = self.terminal({"app.py": "import sys\n" + show(1, "print('got %s' % "
                                                              "sys.stdin.readline().upper())\n")})
        ours, theirs = socket.socketpair()
        t.spawn([sys.executable, launcher(), "app.py"], stdin=theirs)
        theirs.close()
        t.expect("version 1")
        ours.sendall(b"data.py\n")
        t.expect("got DATA.PY")
        self.follows(t)
        ours.close()

    def test_pipe_is_not_read_for_a_command_line_that_asks_for_help(self):
        t = self.hotload(show(1), "-h", stdin="pipe")
        self.assertEqual(t.wait(1.5), 0)


IN_A_RUN = [("in_a_loop", "while True:\n    pass\n"), ("in_a_sleep", "import time\ntime.sleep(60)\n"),
            ("in_a_child", "import subprocess\nsubprocess.call(['sleep', '60'])\n"),
            ("in_a_shell", "import os\nos.system('sleep 60')\n"), ("in_a_lock", LOCKED), ("in_a_join", JOINS),
            ("in_asking", "import sys\nsys.stdin.readline()\n"),
            ("in_a_loop_that_catches", "import time\nwhile True:\n    try:\n        time.sleep(0.01)\n"
                                       "    except BaseException:\n        break\n")]


@slow
@with_tables
class TestEnd(CommandLineCase):
    """Ctrl-C and other signals."""

    def test_ctrl_c_when_idle(self):
        for self.as_file in (False, True):
            t = self.hotload(show(1))
            self.status(t)
            t.ctrl_c()
            self.ends(t, 130)
            self.assertTrue(t.rest.endswith('\n'), t.report())     # the shell's prompt gets a line of its own

    @not_on_pypy('its start takes half a second, and swallows Ctrl-C')
    def test_ctrl_c_at_the_very_start(self):
        for pause_s in (0.02, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.15):
            t = self.hotload("import time\ntime.sleep(60)\n")
            t.pause(pause_s)
            for limit in (3, 3, None):          # Python itself may swallow one, in a callback of its importer
                t.ctrl_c()
                try:
                    status = t.wait(limit)
                    break
                except AssertionError:
                    if limit is None or "Exception ignored" not in t.output:
                        raise
            # Before our handler is there Python ends as it likes.
            self.assertIn(status, (130, -2, 1), t.report())
            self.assertEqual(t.left_over(), [])
            t.close()

    def test_ctrl_c_right_after_a_save(self):
        t = self.hotload(show(1))
        self.status(t)
        t.save("app.py", show(2, "import time\ntime.sleep(60)\n"))
        t.ctrl_c()
        self.ends(t, 130)

    @each(IN_A_RUN)
    def test_ctrl_c_X(self, body):
        t = self.hotload(show(1, body))
        t.expect("version 1")
        t.pause(0.1)
        t.ctrl_c()
        if PY2 and body in (LOCKED, JOINS):      # nothing interrupts these there; a second press ends them
            t.pause(0.2)
            t.ctrl_c()
        self.ends(t, 130)

    @each([("behind_a_bare_except", "while True:\n    try:\n        while True:\n            pass\n"
                                    "    except:\n        pass\n"),
           ("that_ignores_the_signal", "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                                       "while True:\n    pass\n"),
           ("in_c_code_that_keeps_the_interpreter", "import collections, itertools\n"
                                                    "collections.deque(itertools.repeat(0), maxlen=0)\n"),
           ("in_a_pattern", "import re\nre.match('(a+)+b', 'a' * 40)\n"),
           ("in_an_endless_finally", "try:\n    while True:\n        pass\nfinally:\n    while True:\n"
                                     "        pass\n")])
    def test_second_press_ends_at_once_a_run_X(self, body):
        t = self.hotload(show(1, body))
        t.expect("version 1")
        t.pause(0.2)
        t.ctrl_c()
        t.pause(0.2)
        t.ctrl_c()
        self.assertEqual(t.wait(5), 130, t.report())
        self.assertEqual(t.left_over(), [])

    def test_ctrl_c_lets_finally_of_half_a_second_complete(self):
        t = self.hotload(CLEANS)
        t.expect("in it")
        t.ctrl_c()
        t.expect("cleaned up")
        self.ends(t, 130)

    def test_ctrl_c_in_asyncio(self):
        if PY2:
            self.skipTest("no asyncio")
        t = self.hotload(show(1, ASYNC.replace("Exception", "ValueError")))     # 3.7's CancelledError is an Exception
        t.expect("version 1")
        t.pause(0.1)
        t.ctrl_c()
        self.ends(t, 130)

    def test_ctrl_c_after_a_failed_run(self):
        t = self.hotload("x = = 1\n")
        t.expect(STATUS)
        t.ctrl_c()
        self.ends(t, 130)

    def test_ctrl_c_with_children_of_multiprocessing(self):
        t = self.hotload("import multiprocessing, time\ndef work(x):\n    time.sleep(60)\n"
                         "if __name__ == '__main__':\n"
                         "    pool = multiprocessing.Pool(2)\n" + "    print('version %d' % 1)\n" +
                         "    pool.map_async(work, [1, 2]).get(60)\n")
        t.expect("version 1")
        t.pause(0.2)
        t.ctrl_c()
        self.assertEqual(t.wait(), 130, t.report())
        self.assertEqual(t.left_over(), [])

    @each([("sigterm", signal.SIGTERM), ("sighup", getattr(signal, "SIGHUP", None))])
    def test_X_ends_with_128_more_and_leaves_nothing(self, number):
        bodies = ["pass\n", "import time\ntime.sleep(60)\n",
                  "import subprocess\nsubprocess.call(['sleep', '60'])\n",
                  "while True:\n    try:\n        while True:\n            pass\n    except:\n        pass\n",
                  "import collections, itertools\ncollections.deque(itertools.repeat(0), maxlen=0)\n"]
        terminals = [self.hotload(show(1, body)) for body in bodies]
        for t in terminals:
            t.expect("version 1")
        terminals[-1].pause(0.2)
        for t in terminals:
            os.kill(t.process.pid, number)
        for t, body in zip(terminals, bodies):
            self.assertEqual((body, t.wait(), t.left_over()), (body, 128 + number, []), t.report())
            self.assertNotIn("Traceback", t.output)

    @each([("when_idle", ""), ("in_a_run", "import time\ntime.sleep(60)\n"),
           ("in_a_child", "import subprocess\nsubprocess.call(['sleep', '60'])\n")])
    def test_closed_terminal_X_leaves_nothing(self, body):
        t = self.hotload(show(1, body))
        t.expect("version 1")
        t.pause(0.1)
        t.hang_up()
        self.assertEqual(t.wait(), 128 + signal.SIGHUP)
        self.assertEqual(t.left_over(), [])

    def test_killed_supervisor_leaves_nothing(self):
        t = self.hotload(show(1))
        self.status(t)
        t.process.kill()
        t.wait()
        self.assertEqual(t.left_over(), [])

    def test_terminal_is_as_it_was_after_a_script_left_it_raw(self):
        t = self.hotload({"app.py": "import tty\n" + show(1, "tty.setcbreak(0)\n")})
        self.status(t)
        os.kill(t.process.pid, signal.SIGTERM)
        self.assertEqual(t.wait(), 143)
        self.assertEqual(termios.tcgetattr(t.master)[:4], t.modes[:4])

    def test_exit_status_of_two_presses_when_idle(self):
        t = self.hotload(show(1))
        self.status(t)
        t.ctrl_c()
        t.ctrl_c()
        self.assertEqual(t.wait(), 130, t.report())
        self.assertEqual(t.left_over(), [])


@same_between
@slow
class TestCommands(CommandLineCase):
    """-c COMMAND"""

    def test_command_alone_is_refused_with_a_hint(self):
        self.assertTrue(re.search("-w|--watch", self.refused("-c", "echo version 1")))

    def test_command_runs_at_the_start_and_on_each_change_of_what_is_watched(self):
        t = self.hotload({"data": "one"}, "-w", "data", "-c", "tr a-z A-Z < data")
        t.expect("ONE")
        t.expect(STATUS)
        t.save("data", "two")
        t.expect("TWO")
        self.assertEqual(self.status(t, "data"), 2)

    def test_command_runs_for_the_files_of_a_list(self):
        t = self.hotload({"data": "one"}, "-c", "tr a-z A-Z < data", stdin=b"data\n")
        t.expect("ONE")
        t.expect(STATUS)
        t.save("data", "two")
        t.expect("TWO")

    def test_several_commands_run_in_order_after_the_script(self):
        t = self.hotload(show(1), "-c", "echo second | tr a-z A-Z", "--command", "echo third | tr a-z A-Z",
                         "app.py")
        t.expect(re.compile(r"version 1\n(?:.*\n)?SECOND\n(?:.*\n)?THIRD\n"))
        t.expect(STATUS)
        t.save("app.py", show(2))
        t.expect(re.compile(r"version 2\n(?:.*\n)?SECOND\n(?:.*\n)?THIRD\n"))

    def test_command_runs_although_the_script_failed(self):
        t = self.hotload("1 // 0\n", "-c", "echo after | tr a-z A-Z", "app.py")
        t.expect("ZeroDivisionError")
        t.expect("AFTER")

    def test_failing_command_is_told_in_the_status_line(self):
        t = self.hotload({"data": ""}, "-w", "data", "-c", "exit 3", "-c", "echo after | tr a-z A-Z")
        t.expect("AFTER")
        self.status(t, outcome="exit 3")

    def test_save_ends_a_command_with_its_children(self):
        t = self.hotload({"data": "one"}, "-w", "data", "-c", "tr a-z A-Z < data; sleep 60 & sleep 60; wait")
        t.expect("ONE")
        t.settle(0.2)
        before, start = process_ids(t.tag), clock_s()
        t.save("data", "two")
        t.expect("TWO")
        self.assertLess(clock_s() - start, 0.95)  # although PID 1 may be slow to reap the command's orphans
        t.settle(0.2)
        self.assertEqual(len(process_ids(t.tag)), len(before))
        t.ctrl_c()
        self.ends(t, 130)

    def test_save_ends_a_command_that_ignores_polite_signals(self):
        t = self.hotload({"data": "one"}, "-w", "data", "-c", "trap '' INT TERM HUP; tr a-z A-Z < data; "
                                                              "while :; do sleep 0.05; done")
        t.expect("ONE")
        t.save("data", "two")
        t.expect("TWO")

    def test_ctrl_c_in_a_command_ends_with_it_and_its_children(self):
        t = self.hotload({"data": "one"}, "-w", "data", "-c", "tr a-z A-Z < data; sleep 60 & sleep 60")
        t.expect("ONE")
        t.pause(0.2)
        t.ctrl_c()
        self.ends(t, 130)

    def test_sigterm_in_a_command_ends_with_its_children(self):
        t = self.hotload({"data": "one"}, "-w", "data", "-c", "tr a-z A-Z < data; sleep 60 & sleep 60")
        t.expect("ONE")
        t.pause(0.2)
        os.kill(t.process.pid, signal.SIGTERM)
        self.ends(t, 143)

    def test_command_reads_from_the_terminal(self):
        t = self.hotload({"data": "one"}, "-w", "data", "-c", "echo name?; read name; echo got $name | tr "
                                                              "a-z A-Z")
        t.expect("name?\n")
        t.type("ann\n")
        t.expect("GOT ANN")
        self.status(t)
        t.save("data", "two")
        t.expect("name?\n")
        t.type("bob\n")
        t.expect("GOT BOB")

    def test_script_reads_from_the_terminal_after_a_command_had_it(self):
        text = "import sys\nprint('name' + '?')\nprint('got %s' % sys.stdin.readline().strip().upper())\n"
        t = self.hotload(text, "-c", "cat > /dev/null < /dev/tty & sleep 0.1; kill $!", "app.py")
        for name in ("ann", "bob"):
            t.expect("name?\n")
            t.type(name + "\n")
            t.expect("got " + name.upper())
            t.expect(STATUS)
            t.save("app.py", text + "#" + name)

    def test_command_without_a_terminal_has_no_stdin(self):
        t = self.hotload({"data": "one"}, "-w", "data", "-c", "cat; echo done | tr a-z A-Z", stdin=b"data\n",
                         stdout="pipe",
                         controls=False)
        t.expect("DONE")

    def test_commands_know_that_they_run_under_hotload(self):
        t = self.hotload({"data": ""}, "-w", "data", "-c", "echo ${HOTLOAD_RUNNING:+yes} | tr a-z A-Z")
        t.expect("YES")

    def test_command_with_braces_and_quotes_is_given_to_the_shell_as_it_is(self):
        t = self.hotload({"data": ""}, "-w", "data", "-c", "for x in {a,b} \"it's 100%\"; do echo \"<$x>\"; "
                                                           "done")
        t.expect("<it's 100%>")


@same_between
@slow
@with_tables
class TestOptions(CommandLineCase):
    """The other flags."""

    def test_original_s_dream_of_a_command_line_runs_as_it_was_written(self):
        t = self.terminal({"script.py": show(1)})
        t.save("hotload", '#!/bin/sh\nexec "%s" "%s" "$@"\n' % (sys.executable, launcher()))
        os.chmod(t.path("hotload"), 0o755)
        t.spawn(["sh", "-c", 'PATH="$PWD:$PATH"; find . | grep ".py" | '
                             'hotload --clear-terminal --hotload script --run echo "That\'s a reload!"'])
        t.expect("version 1")
        t.expect("That's a reload!\n")
        t.expect(STATUS)
        self.follows(t, 2, "script.py")
        t.expect("That's a reload!\n")
        t.expect(STATUS)
        self.assertTrue(CLEARED.search(t.raw))
        t.ctrl_c()
        t.wait()                                 # the status is the shell's
        self.assertEqual(t.left_over(), [])

    def test_run_takes_the_rest_of_the_line_as_words(self):
        t = self.hotload({"script.py": show(1)}, "--hotload", "script", "--run", "printf", "<%s>", "a b",
                         "--rate", "$HOME", "-h")
        t.expect("<a b><--rate><$HOME><-h>")

    def test_module_runs_and_is_followed(self):
        t = self.hotload({"pack/__init__.py": "", "pack/part.py": show(1)}, "-m", "pack.part", "a")
        t.expect("version 1")
        t.expect(STATUS)
        self.follows(t, 2, "pack/part.py")

    def test_package_runs_and_is_followed(self):
        t = self.hotload({"pack/__init__.py": "", "pack/__main__.py": "from .part import show\nshow()\n",
                          "pack/part.py": "def show():\n    " + show(1)}, "-m", "pack")
        t.expect("version 1")
        t.expect(STATUS)
        t.save("pack/part.py", "def show():\n    " + show(2))
        t.expect("version 2")
        t.expect(STATUS)
        self.follows(t, 3, "pack/__main__.py")

    def test_function_of_a_module_is_called(self):
        text = "import sys\ndef main():\n    print('called %%s %d' %% sys.argv[1:])\n"
        t = self.hotload({"pack/__init__.py": "", "pack/part.py": text % 1}, "-m", "pack.part:main", "-x",
                         "y")
        t.expect("called ['-x', 'y'] 1")
        t.expect(STATUS)
        t.save("pack/part.py", text % 2)
        t.expect("called ['-x', 'y'] 2")

    def test_standard_module_runs_with_what_is_watched(self):
        test = ("import unittest\nclass T(unittest.TestCase):\n    def test(self):\n"
                "        self.assertEqual(1, %d)\n")
        t = self.hotload({"test_it.py": test % 2}, "-w", "test_it.py", "-m", "unittest", "test_it")
        t.expect("FAILED")
        t.expect(STATUS)
        t.save("test_it.py", test % 1)
        t.expect("Ran 1 test")
        t.expect("OK")

    def test_module_that_is_missing_is_said(self):
        t = self.hotload(show(1), "-m", "nothing_here")
        t.expect("nothing_here")
        self.assertNotIn("hotload.py", t.output)

    def test_entrypoint_is_called_after_the_script(self):
        t = self.hotload(show(1, "def begin():\n    print('begun')\n"), "--entrypoint", "begin", "app.py")
        t.expect("version 1\nbegun")
        t.expect(STATUS)
        t.save("app.py", show(2, "def begin():\n    print('begun anew')\n"))
        t.expect("version 2\nbegun anew")

    def test_entrypoint_that_is_missing_is_said_and_survived(self):
        t = self.hotload(show(1), "--entrypoint=begin", "app.py")
        t.expect("begin")
        t.expect(STATUS)
        self.assertNotIn("hotload.py", t.output)
        t.save("app.py", "def begin():\n    print('begun')\n")
        t.expect("begun")

    def test_flags_after_the_script_go_to_the_script(self):
        words = ["--no-clear", "--recursive", "--entrypoint", "NAME", "-h", "-m", "x", "--", "-c", "-w",
                 "--version"]
        t = self.hotload("import sys\nprint('argv %s' % sys.argv)\n", "app.py", *words)
        t.expect("argv " + str(["app.py"] + words))

    def test_two_dashes_end_the_options(self):
        t = self.hotload({"-app.py": "import sys\n" + show(1, "print('argv %s' % sys.argv)\n")}, "--no-clear",
                         "--", "-app.py", "--", "x")
        t.expect("argv ['-app.py', '--', 'x']")

    @each([("an_unknown_flag", ["--nope", "app.py"], "--nope"), ("an_unknown_letter", ["-Z", "app.py"], "-Z"),
           ("nothing", [], ""), ("only_options", ["-q"], ""),
           ("a_flag_without_its_value", ["--rate"], "--rate"), ("watch_without_its_value", ["-w"], "-w"),
           ("module_without_a_name", ["-m"], "-m"),
           ("flag_with_a_value_it_does_not_take", ["--version=3", "app.py"], "version"),
           ("rate_0", ["--rate", "0", "app.py"], "rate"),
           ("rate_below_0", ["--rate", "-5", "app.py"], "rate"),
           ("rate_that_is_a_word", ["--rate", "fast", "app.py"], "rate"),
           ("rate_nan", ["--rate", "nan", "app.py"], "rate"), ("empty_rate", ["--rate=", "app.py"], "rate")])
    def test_X_is_refused(self, args, word):
        t = self.terminal({"app.py": show(1)}).spawn([sys.executable, launcher()] + args)
        self.assertEqual(t.wait(), 2, t.report())
        self.assertIn(word, t.output)
        self.assertNotIn("Traceback", t.output)
        self.assertNotIn("version 1", t.output)
        self.assertLess(len(t.output.splitlines()), 8, t.output)

    def test_rate_may_be_given_in_both_spellings(self):
        for rate in (["--rate", "20"], ["--rate=0.5e2"], ["--rate", "1000"]):
            t = self.hotload(show(1), *rate + ["app.py"])
            t.expect("version 1")
            self.follows(t)
            t.close()

    def test_version_is_told(self):
        with open(HOTLOAD, "rb") as stream:
            version = re.search(br"__version__ = '([^']+)'", stream.read()).group(1).decode()
        t = self.hotload({}, "--version")
        self.assertEqual(t.wait(), 0)
        self.assertIn("hotload " + version, t.output)

    @each([("short", "-h"), ("long", "--help")])
    def test_X_help_names_each_flag_and_fits_a_screen(self, flag):
        t = self.hotload({}, flag, stdout="pipe")
        self.assertEqual(t.wait(), 0)
        for flags in ("-w, --watch PATH", "-x, --exclude GLOB", "-c, --command COMMAND", "-m, --module", "--rate N",
                      "--entrypoint NAME", "--interrupt, --no-interrupt", "--no-clear", "-i, --interactive",
                      "-q, --quiet", "-v, --verbose", "--version", "-h, --help"):
            self.assertEqual(len(re.findall(r"(?m)^ +(?:.*, )?%s(?:,|  ).*\w" % flags, t.output)), 1, flags + t.output)
        lines = t.output.splitlines()
        self.assertTrue(len(lines) <= 24 and max(map(len, lines)) <= 80, t.output)

    def test_q_says_nothing_of_runs_that_went_well(self):
        t = self.hotload(show(1), "-q", "app.py")
        t.expect("version 1")
        self.follows(t)
        t.settle(0.2)
        self.assertNotIn("[hotload]", t.output)
        t.save("app.py", "1 // 0\n")
        t.expect("ZeroDivisionError: ")
        self.status(t, "app.py", "failed: ZeroDivisionError")

    def test_v_tells_what_is_watched(self):
        t = self.hotload(show(1), "-v", "app.py")
        t.expect(re.compile(r"\[hotload\] watching [^\n]*\n"))

    def test_watched_file_folder_and_pattern_are_followed(self):
        t = self.hotload({"app.py": show(1), "data.txt": "", "lib/one.py": "", "texts/a.txt": "",
                          "texts/a.md": ""},
                         "-w", "data.txt", "--watch", "lib", "--watch=texts/*.txt", "app.py")
        self.status(t)
        for number, name in enumerate(["data.txt", "lib/one.py", "texts/a.txt", "lib/new.py",
                                       "lib/deep/new.py", "texts/new.txt"], 2):
            t.save(name, "x = %d\n" % number)
            self.assertEqual((name, self.status(t)), (name, number))
        t.save("texts/a.md", "x")
        t.save("lib/data.bin", "x")              # of folders only .py
        t.settle()
        t.save("app.py", show(2))
        self.assertEqual(self.status(t, "app.py"), 8)

    def test_watched_file_that_is_not_there_yet_runs_when_it_comes(self):
        t = self.hotload(show(1), "-w", "data.txt", "app.py")
        self.status(t)
        t.save("data.txt", "")
        self.status(t, "data.txt")

    def test_caches_and_editors_files_are_ignored_in_a_watched_folder(self):
        t = self.hotload({"app.py": show(1), "env/pyvenv.cfg": "", "__pycache__/a.py": "", ".git/a.py": "",
                          "node_modules/a.py": ""},
                         "-w", ".", "-w", "./*", "app.py")
        self.assertEqual(self.status(t), 1)
        for name in ("env/a.py", "__pycache__/a.py", ".git/a.py", "node_modules/a.py", ".app.py.swp",
                     "app.py~", "#app.py#",
                     ".#app.py", "4913", ".app.py.swx"):
            t.save(name, "x")
        t.settle()
        t.save("app.py", show(2))
        self.assertEqual(self.status(t, "app.py"), 2)

    def test_excluded_files_do_not_run(self):
        t = self.hotload({"app.py": "import helper\n" + show(1), "helper.py": "", "lib/skip_a.py": "",
                          "lib/a.py": "", "made/a.py": ""},
                         "-w", ".", "-x", "skip_*", "--exclude", "made", "-x", "helper.py", "app.py")
        self.assertEqual(self.status(t), 1)
        for name in ("lib/skip_a.py", "made/a.py", "helper.py"):
            t.save(name, "x = 1\n")
        t.settle()
        t.save("lib/a.py", "x = 1\n")
        self.assertEqual(self.status(t), 2)
        t.save("app.py", show(2))
        self.assertEqual(self.status(t, "app.py"), 3)

    def test_script_knows_that_it_runs_under_hotload(self):
        t = self.hotload("import os\nprint('running %s' % bool(os.environ.get('HOTLOAD_RUNNING')))\n")
        t.expect("running True")


CLEARED = re.compile(r"\x1b\[[0-9]*J|\x1bc")


@same_between
@slow
@with_tables
class TestOutput(CommandLineCase):
    """What hotload shows."""

    def test_status_lines_say_what_changed_and_how_the_run_ended(self):
        t = self.hotload({"app.py": "import helper\n" + show(1), "helper.py": ""})
        for name, text, said in [
                (None, None, "run 1 ok"), ("helper.py", "x = 2\n", "helper.py changed, run 2 ok"),
                ("app.py", "1 // 0\n", "app.py changed, run 3 failed: ZeroDivisionError"),
                ("app.py", "x = = 1\n", "app.py changed, run 4 failed: SyntaxError"),
                ("app.py", "raise SystemExit(9)\n", "app.py changed, run 5 exit 9"),
                ("app.py", show(6, "import time\ntime.sleep(60)\n"), None),
                ("app.py", show(7), "app.py changed, run 6 stopped by a save"),
                (None, None, "app.py changed, run 7 ok")]:
            if name:
                t.save(name, text, "by_rename")
            t.expect("version 6" if said is None
                     else re.compile(r"(?m)^\[hotload\] " + re.escape(said) + r" in [0-9.]+ m?s$"))

    def test_several_changed_files_are_named_and_many_counted(self):
        files = dict(("f%d.txt" % n, "") for n in range(8))
        t = self.hotload(dict(files, **{"app.py": show(1)}), "-w", "f*.txt", "app.py")
        self.status(t)
        for count, said in ((2, r"f\d\.txt, f\d\.txt"), (6, r"f\d\.txt, f\d\.txt, f\d\.txt and 3 more")):
            t.settle(0.3)
            for number in process_ids(t.tag):    # they are to see all the saves at once
                os.kill(number, signal.SIGSTOP)
            for n in range(count):
                t.save("f%d.txt" % n, "x" * count)
            for number in process_ids(t.tag):
                os.kill(number, signal.SIGCONT)
            match = t.expect(STATUS)
            self.assertTrue(re.match(said + "$", match.group("changed")), match.group())

    @each([("by_default", [], {}, True), ("not_with_the_flag", ["--no-clear"], {}, False),
           ("not_with_the_variable", [], {"HOTLOAD_NO_CLEAR": "1"}, False)])
    def test_terminal_is_cleared_before_a_run_X(self, flags, env, cleared):
        t = self.hotload(show(1), *flags + ["app.py"], env=env)
        self.status(t)
        self.follows(t)
        self.assertEqual(bool(CLEARED.search(t.raw[t.raw.index("version 1"):])), cleared)

    def test_no_escape_codes_into_a_pipe(self):
        t = self.hotload(show(1), "--clear-terminal", "app.py", stdout="pipe")
        self.status(t)
        self.follows(t)
        t.expect(STATUS)
        t.save("app.py", "1 // 0\n")
        t.expect(STATUS)
        t.ctrl_c()
        self.assertEqual(t.wait(), 130)
        self.assertNotIn("\x1b", t.raw)

    def test_output_into_a_pipe_arrives_when_the_run_ends(self):
        t = self.hotload(show(1), stdout="pipe")
        t.expect("version 1")
        self.follows(t)
        t.save("app.py", show(3, "1 // 0\n"))
        t.expect("version 3")

    def test_status_lines_go_to_stderr_only(self):
        t = self.terminal({"app.py": show(1)})
        t.spawn(["sh", "-c", 'exec "$0" "$1" app.py > out', sys.executable, launcher()])
        self.status(t)
        t.save("app.py", show(2))
        self.status(t)
        with open(t.path("out")) as stream:
            self.assertEqual(stream.read().splitlines(), ["version 1", "version 2"])

    def test_reader_of_a_pipe_that_goes_away_does_not_end_in_our_traceback(self):
        t = self.terminal({"app.py": "for n in range(3):\n    print('line %d' % n)\n"})
        t.spawn(["sh", "-c", '"$0" "$1" app.py | head -1', sys.executable, launcher()])
        t.expect(re.compile(r"(?s)\A(?=.*line 0).*run 1 "))         # two programs: in any order
        t.save("app.py", show(2))
        t.expect("run 2")
        self.assertNotIn("hotload.py", t.output)


@slow
@with_tables
class TestPrompt(CommandLineCase):
    """-i"""

    def setUp(self):
        try:
            import readline                      # noqa: F401
        except ImportError:
            self.skipTest("needs readline")

    def prompt(self, text, *flags):
        t = self.hotload(text, *(("-i",) + flags + ("app.py",)), env={"TERM": "dumb", "HOME": "/nonexistent"})
        t.expect(">>> ")
        return t

    def test_prompt_sees_the_script_s_variables(self):
        t = self.prompt("number = 20\ndef double(x):\n    return 2 * x\n")
        t.type("double(number) + 2\n")
        t.expect("\n42\n")
        t.expect(">>> ")

    @not_on_pypy('its input() cannot be interrupted: a save waits for Enter')
    def test_save_runs_and_the_prompt_comes_back(self):
        t = self.prompt("number = 1\n")
        t.save("app.py", "number = 2\n")
        self.status(t, "app.py")
        t.expect(">>> ")
        t.type("number + 40\n")
        t.expect("\n42\n")
        t.expect(">>> ")
        t.save("app.py", "number = 3\n")
        t.expect(STATUS)
        t.expect(">>> ")
        t.type("number + 40\n")
        t.expect("\n43\n")

    @not_on_pypy('its input() cannot be interrupted: a save waits for Enter')
    def test_half_typed_line_comes_back_after_a_save(self):
        t = self.prompt("number = 1\n")
        t.type("number + 4")
        t.expect("number + 4")
        t.save("app.py", "number = 2\n")
        t.expect(STATUS)
        t.expect(">>> number + 4")
        t.type("0\n")
        t.expect("\n42\n")

    @not_on_pypy('its input() cannot be interrupted: a save waits for Enter')
    def test_prompt_changes_what_the_script_kept(self):
        t = self.prompt("try:\n    count += 1\nexcept NameError:\n    count = 1\n")
        t.type("count = 41\n")
        t.expect(">>> ")
        t.save("app.py", "count += 1\nprint('count %d' % count)\n")
        t.expect("count 42")

    def test_statement_of_several_lines_can_be_typed(self):
        t = self.prompt("number = 1\n")
        t.type("for x in [42]:\n")
        t.expect("... ")
        t.type("    print('x is %d' % x)\n")
        t.expect("... ")
        t.type("\n")
        t.expect("x is 42\n")

    def test_error_at_the_prompt_shows_no_frames_of_ours(self):
        t = self.prompt("def fail():\n    1 // 0\n")
        t.type("fail()\n")
        t.expect("ZeroDivisionError")
        t.expect(">>> ")
        self.assertNotIn("hotload.py", t.output)
        self.assertNotIn("code.py", t.output)

    def test_save_waits_for_what_was_typed_or_interrupts_it(self):
        t = self.prompt("import time\nnumber = 1\n")
        t.type("time.sleep(0.5)\n")
        t.pause(0.1)
        t.save("app.py", "number = 2\n")
        t.expect(STATUS)
        t.expect(">>> ")
        t.type("number + 40\n")
        t.expect("\n42\n")

    def test_script_that_fails_leaves_a_prompt_on_what_it_made(self):
        t = self.prompt("number = 42\n1 // 0\n")
        t.type("number\n")
        t.expect("\n42\n")

    @each([("ctrl_d", "\x04"), ("exit", "exit()\n")])
    def test_X_ends_with_the_status_of_the_last_run(self, typed):
        t = self.prompt("number = 1\n")
        t.type(typed)
        self.assertEqual(t.wait(), 0, t.report())
        self.assertEqual(t.left_over(), [])
        self.assertNotIn("exiting", t.output)

    def test_ctrl_d_after_a_run_that_exited_ends_with_its_status(self):
        t = self.prompt("import sys\nsys.exit(3)\n")
        t.type("\x04")
        self.assertEqual(t.wait(), 3, t.report())

    def test_ctrl_d_after_a_failed_run_ends_with_1(self):
        t = self.prompt("1 // 0\n")
        t.type("\x04")
        self.assertEqual(t.wait(), 1, t.report())

    @not_on_pypy('its input() cannot be interrupted: a save waits for Enter')
    def test_no_save_is_lost_while_lines_are_typed(self):
        t = self.prompt(show(1))
        for n in range(2, 62):
            time.sleep(random.choice([0, 0.001, 0.01, 0.03]) * random.random())
            t.type(random.choice(["", "1 + 1\n", "x = 1", "\n"]))
            time.sleep(random.choice([0, 0.001, 0.01]) * random.random())
            t.save("app.py", show(n), "by_rename")
            t.expect("version %d\n" % n)
        self.assertNotIn("KeyboardInterrupt", t.output)
        self.assertNotIn("hotload.py", t.output)             # the worker died of it

    @not_on_pypy('its input() cannot be interrupted: a save waits for Enter')
    def test_half_typed_line_comes_back_once_after_many_saves(self):
        t = self.prompt("number = 1\n")
        t.type("number")
        for n in range(2, 12):
            t.expect(">>> number" if n > 2 else "number")
            t.save("app.py", "number = %d\n" % n, "by_rename")
            t.expect(STATUS)
        t.expect(">>> number")
        t.type(" + 31\n")
        t.expect("\n42\n")

    def test_crash_at_the_prompt_is_survived(self):
        t = self.prompt("import os\nnumber = 41\n")
        t.type("os._exit(5)\n")
        t.expect("[hotload] ")
        t.save("app.py", "number = 42\n")
        t.expect(STATUS)
        t.expect(">>> ")
        t.type("number\n")
        t.expect("\n42\n")


def found_program(name):
    """The path of a program, None where it is not installed."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)


@same_on_each
@slow
class TestEditors(CommandLineCase):
    """Each save by a real editor or tool is seen, once. One `hotload` watches all their files."""

    SETTLE = 0.35                      # by then a run that should not be would have been reported
    NAMES = ["vim1", "vim2", "vim3", "nvim", "nano", "emacs", "kak", "micro", "joe", "ed", "sed", "perl",
             "cp", "cp_p", "mv", "ln", "patch", "rsync", "rsync_i", "branch/checkout", "stash/pop"]

    @classmethod
    def setUpClass(cls):
        cls.loop = Terminal()
        try:
            cls.folder = cls.loop.folder
            cls.env = dict(os.environ, HOME=os.path.join(cls.folder, "home"), TERM="xterm", LANG="C.UTF-8",
                           GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b",
                           GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b")
            cls.prepare()
            argv = [sys.executable, launcher(), "--no-clear"]
            for name in cls.NAMES:
                argv += ["-w", name + ".py"]
            cls.loop.spawn(argv + ["app.py"]).expect("run 1 ok")
            cls.loop.settle()          # nobody saves sooner after the start
        except BaseException:
            cls.loop.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.loop.close()

    @classmethod
    def prepare(cls):
        """Make the files, and two repositories: a branch to check out, and a change to pop from the stash."""
        for folder in ("home", "branch", "stash"):
            os.mkdir(os.path.join(cls.folder, folder))
        for name in ["app"] + cls.NAMES:
            cls.write(name + ".py", "x = 1\n")
        cls.write("link_old", "x = 1\n")
        cls.write("link_new", "x = 23\n")
        os.remove(os.path.join(cls.folder, "ln.py"))
        os.symlink("link_old", os.path.join(cls.folder, "ln.py"))
        if found_program("git"):
            cls.git("branch", "init", "-q")
            cls.git("branch", "add", "checkout.py")
            cls.git("branch", "commit", "-qm", "one")
            cls.git("branch", "checkout", "-qb", "other")
            cls.write("branch/checkout.py", "x = 23\n")
            cls.git("branch", "commit", "-qam", "two")
            cls.git("branch", "checkout", "-q", "-")
            cls.git("stash", "init", "-q")
            cls.git("stash", "add", "pop.py")
            cls.git("stash", "commit", "-qm", "one")
            cls.write("stash/pop.py", "x = 23\n")
            cls.git("stash", "stash", "-q")

    @classmethod
    def write(cls, name, text):
        with open(os.path.join(cls.folder, name), "w") as f:
            f.write(text)

    @classmethod
    def git(cls, folder, *args):
        cls.call(["git", "-C", folder] + list(args))

    @classmethod
    def call(cls, argv, stdin=b""):
        """Run a program that needs no terminal to its end."""
        process = subprocess.Popen(argv, cwd=cls.folder, env=cls.env, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = process.communicate(stdin)[0].decode("utf-8", "replace")
        if process.returncode:
            raise AssertionError("%s: status %d: %s" % (argv, process.returncode, said))

    def seen_once(self, name, change, *args):
        """Let `change(*args)` change NAME.py: one status line follows that names it alone, and no other."""
        if not found_program(args[0][0]):
            self.skipTest(args[0][0] + " is not installed")
        self.loop.position = len(self.loop.output)
        change(*args)
        with open(os.path.join(self.folder, name + ".py")) as f:
            self.assertIn("23", f.read(), "the tool itself did not save")
        start = self.loop.position
        self.loop.expect(STATUS)
        self.loop.settle(self.SETTLE)
        lines = re.findall(r"\[hotload\] .*", self.loop.output[start:])
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(re.match(r"\[hotload\] (\S*/)?%s\.py changed, run \d+ ok" % os.path.basename(name),
                                 lines[0]), lines)

    def type_keys(self, argv, *keys):
        """Run an editor on a terminal; send each text of `keys` when its screen has come to rest."""
        editor = self.terminal()
        editor.spawn(argv, cwd=self.folder, env=self.env)
        for text in keys:
            editor.expect(re.compile("."))
            editor.settle(0.12)
            editor.position = len(editor.output)
            editor.type(text)
        self.assertEqual(editor.wait(5), 0, "%s did not end" % argv[0])

    def has_backup(self, name):
        self.assertTrue(os.path.exists(os.path.join(self.folder, name + ".py~")), "saved without a backup")

    def vim(self, name, *settings):
        argv = ["vim", "-u", "NONE", "-i", "NONE", "-es"] + list(settings)
        self.seen_once(name, self.call, argv + ["-c", "s/1/23/", "-c", "wq", name + ".py"])

    def test_vim_with_backup_by_rename(self):
        self.vim("vim1", "-c", "set backup backupskip= backupcopy=no")
        self.has_backup("vim1")

    def test_vim_with_backup_by_copy(self):
        self.vim("vim2", "-c", "set backup backupskip= backupcopy=yes")
        self.has_backup("vim2")

    def test_vim_without_backup_and_swap(self):
        self.vim("vim3", "-n", "-c", "set nobackup nowritebackup")

    def test_neovim(self):
        self.seen_once("nvim", self.call, ["nvim", "-u", "NONE", "-i", "NONE", "-es", "-c", "set backupskip=",
                                           "-c", "s/1/23/", "-c", "wq", "nvim.py"])

    def test_nano_with_backup(self):
        self.seen_once("nano", self.type_keys, ["nano", "--ignorercfiles", "--backup", "nano.py"],
                       "y = 23\r", "\x0f", "\r", "\x18")
        self.has_backup("nano")

    def test_emacs(self):
        # Emacs and vim (its backupskip) make no backup of what is below /tmp unless told to.
        self.seen_once("emacs", self.call, [
            "emacs", "--batch", "-Q", "--eval", "(setq backup-enable-predicate (lambda (name) t))",
            "emacs.py", "--eval", '(insert "y = 23\\n")', "--eval", "(save-buffer)"])
        self.has_backup("emacs")

    def test_kakoune(self):
        self.seen_once("kak", self.call, ["kak", "-n", "-ui", "dummy",
                                          "-e", "execute-keys Oy=23<esc>; write; quit", "kak.py"])

    def test_micro(self):
        self.seen_once("micro", self.type_keys, ["micro", "micro.py"], "y = 23\r", "\x13", "\x11")

    def test_joe(self):
        self.seen_once("joe", self.type_keys, ["joe", "joe.py"], "y = 23\r", "\x0bx")
        self.has_backup("joe")

    def test_ed(self):
        self.seen_once("ed", self.call, ["ed", "-s", "ed.py"], b"s/1/23/\nw\nq\n")

    def test_sed_in_place(self):
        self.seen_once("sed", self.call, ["sed", "-i", "s/1/23/", "sed.py"])

    def test_perl_in_place(self):
        self.seen_once("perl", self.call, ["perl", "-i", "-pe", "s/1/23/", "perl.py"])

    def test_cp(self):
        self.write("cp_new", "x = 23\n")
        self.seen_once("cp", self.call, ["cp", "cp_new", "cp.py"])

    def test_cp_of_an_older_file_with_its_time(self):
        self.write("cp_old", "x = 23\n")
        os.utime(os.path.join(self.folder, "cp_old"), (1e9, 1e9))
        self.seen_once("cp_p", self.call, ["cp", "-p", "cp_old", "cp_p.py"])

    def test_mv(self):
        self.write("mv_new", "x = 23\n")
        self.seen_once("mv", self.call, ["mv", "mv_new", "mv.py"])

    def test_link_to_another_file(self):
        self.seen_once("ln", self.call, ["ln", "-sf", "link_new", "ln.py"])

    def test_patch(self):
        self.seen_once("patch", self.call, ["patch", "-s", "patch.py"], b"@@ -1 +1 @@\n-x = 1\n+x = 23\n")

    def test_rsync(self):
        self.write("rsync_new", "x = 23\n")
        self.seen_once("rsync", self.call, ["rsync", "rsync_new", "rsync.py"])

    def test_rsync_in_place(self):
        self.write("rsync_new", "x = 23\n")
        self.seen_once("rsync_i", self.call, ["rsync", "--inplace", "rsync_new", "rsync_i.py"])

    def test_git_checkout_of_a_branch(self):
        self.seen_once("branch/checkout", self.call, ["git", "-C", "branch", "checkout", "-q", "other"])

    def test_git_stash_pop(self):
        self.seen_once("stash/pop", self.call, ["git", "-C", "stash", "stash", "pop", "-q"])


class TestOptionsInPages(Case):
    """The command line that they speak of."""
    section, needs = 0, TestComingFrom.needs    # the options of all modes

    @needs_processes
    def test_each_option_is_known_to_help(self):
        _, known, _ = run_python(os.path.join(UNDER_TEST, 'hotload.py'), '--help')
        foreign = ['--uninstall', '--once', '--norerun', '--recursive', '--rewrite', '--year', '--words']
        for page, text in pages():
            for option in set(re.findall(r'(?<![\w-])--[a-z][a-z-]+', text)):
                if page.endswith('coming-from.md'):     # which tells of the options of others
                    continue
                self.assertTrue(option in known or option in foreign, (page, option))


@with_tables
class TestModesTogether(Case):
    """Which options go together: docs/loop.md has the table."""
    section, needs = 6, TestComingFrom.needs

    def setUp(self):
        Case.setUp(self)
        hotload.REACTORS.clear()
        self.addCleanup(hotload.REACTORS.clear)
        self.save('app.py', 'a = [1]\ndef main():\n    print("main")\nprint("version 1")\n')

    REFUSED = [                                 # what does not go together: each pair, in words
        ('--live --record app.py', '--live', '--record'), ('--live --cache app.py', '--live', '--cache'),
        ('--record --cache app.py', '--cache', '--record'), ('--live -c true app.py', '--live', '-c'),
        ('--live --hotload app', '--live', '--hotload'), ('--live -x *.md app.py', '--live', '-x'),
        ('--live --exclude=*.md app.py', '--live', '--exclude'),
        ('--live --interrupt app.py', '--live', '--interrupt'),
        ('--live --no-interrupt app.py', '--live', '--no-interrupt'), ('--live -w - app.py', '--live', '-w -'),
        ('--live --clear-terminal app.py', '--live', '--clear-terminal'), ('--live --run true', '--live', '--run'),
        ('--cache --hotload app', '--cache', '--hotload'), ('--record --hotload app', '--record', '--hotload'),
        ('--cache -m app:main', '--cache', 'MODULE:FUNCTION'), ('--cache --entrypoint main -m app', '--cache', '-m'),
        ('--interrupt --no-interrupt app.py', '--interrupt', '--no-interrupt'),
        ('--no-clear --clear-terminal app.py', '--clear-terminal', '--no-clear'),
        ('--hotload app -m app', '--hotload', '-m'), ('--hotload app --entrypoint main', '--hotload', '--entrypoint'),
        ('--run -m app', '--run', '-m'), ('--entrypoint main -m app:main', '--entrypoint', 'app:main')]
    LACKING = [                                 # an option without what it is for: words, a part of the answer
        ('--html page.html app.py', '--html goes with --record'), ('--html page.html --cache app.py', '--record'),
        ('--max-steps 3 app.py', '--max-steps goes with --record'), ('--store none --live app.py', '--cache'),
        ('--max-seconds=3 --live app.py', '--record'), ('--check app.py', '--check goes with --cache'),
        ('--log x --record app.py', '--log goes with --cache'), ('--cache -w . -c true', '--cache: expected a SCRIPT'),
        ('--record -w . -c true', '--record: expected a SCRIPT'), ('--cache', '--cache: expected a SCRIPT'),
        ('-i -w . -c true', '-i: expected a SCRIPT'), ('--entrypoint main -w . -c true', '--entrypoint: expected'),
        ('--trust-store -w . -c true', '--trust-store: expected a SCRIPT'), ('--live --entrypoint main', '--entrypoint'),
        ('--hotload app other.py', 'expected no script after it, but found other.py'),
        ('--record --max-steps nan app.py', '--max-steps nan: expected a number above 0'),
        ('--record --max-seconds -1 app.py', '--max-seconds -1: expected'), ('--rate inf app.py', '--rate inf: expected')]

    def test_what_makes_no_sense_is_refused_in_one_line(self):
        for words, parts in [(row[0], row[1:] + (' do not go together: ',)) for row in self.REFUSED] + [
                (row[0], row[1:]) for row in self.LACKING if 'max-s' not in row[0] or 'goes' in row[1]]:
            start = len(self.err.getvalue())
            status = hotload.main(words.split())
            said = self.err.getvalue()[start:]
            self.assertEqual((words, status, said.count('\n'), self.out.getvalue()), (words, 2, 1, ''), said)
            for part in parts:
                self.assertIn(part, said, words)

    def test_numbers_are_checked_before_the_first_run(self):
        for words, part in [row for row in self.LACKING if 'expected a number' in row[1]]:
            with self.assertRaises(hotload.HotloadError) as caught:
                hotload.make_recorded(hotload.Choice(words.split()))
            self.assertIn(part, str(caught.exception))

    def test_what_makes_sense_is_taken(self):
        for words in ('--live -i --entrypoint main app.py', '--live -m app:main', '--live --rate 20 -q -v -w . app.py',
                      '--live --trust-store --no-clear app.py', '--cache -i -c true -x a* -w . app.py', '--cache -m app',
                      '--cache --entrypoint main --check --log x --store none app.py', '--record -i -m app:main',
                      '--record --html page.html --max-steps 3 -c true -w - app.py', '--no-interrupt -c true -m app',
                      '--record --trust-store --entrypoint main app.py', '--hotload app --run echo 1', '-i --hotload app'):
            self.assertTrue(hotload.Choice(words.split()).mode, words)

    def test_the_table_of_the_page_is_that_of_the_program(self):
        with io.open(os.path.join(HERE, 'docs', 'loop.md'), encoding='utf-8') as stream:
            table = stream.read().partition('### Modes together')[2].partition('\n###')[0]
        rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in table.splitlines() if line.startswith('| `')]
        self.assertTrue(len(rows) >= 8, table)
        for cells in rows:
            words, answers = cells[0].strip('`').split('`')[0], cells[1:]
            for mode, answer in zip(('', '--live', '--cache', '--record'), answers):
                argv = ('%s %s' % (mode, words)).split()
                try:
                    hotload.Choice(argv + ['app.py'] * (set(argv).isdisjoint(['-m', '--hotload'])))
                    taken = True
                except hotload.HotloadError:
                    taken = False
                self.assertEqual((words, mode, taken), (words, mode, answer != 'refused'))

    def test_an_entry_point_is_the_last_statement_of_a_cached_script(self):
        self.save('app.py', 'import sys\na = [1]\ndef main():\n    sys.stdout.write(u"main %d\\n" % a[0])')
        step = hotload.CachedScript('app.py', entrypoint='main')
        self.addCleanup(step.close)
        self.assertEqual([item.text for item in step.run().ran][-1], 'main()')
        self.save('app.py', 'import sys\n# more\na = [1]\ndef main():\n    sys.stdout.write(u"main %d\\n" % a[0])\n')
        self.assertEqual(step.run().ran, [])
        self.save('app.py', 'import sys\na = [2]\ndef main():\n    sys.stdout.write(u"main %d\\n" % a[0])\n')
        self.assertEqual([item.line for item in step.run().ran], [2, 6])
        self.assertEqual(self.out.getvalue(), u'main 1\nmain 1\nmain 2\n')

    PLANT = ('from hotload import Plant, ReactorFunc\nK = 3\nran = []\n'
             '@ReactorFunc\ndef load(pipe):\n    ran.append("load")\n    pipe.send("data", [1, 2])\n'
             '@ReactorFunc\ndef total(pipe):\n    data = yield pipe.receive("data")\n    ran.append("total")\n'
             '    y = sum(data) * K\n    pipe.send("total", y)\n'
             'with Plant("store") as plant:\n    plant.run_reactor(total)\n    value = plant.fetch_ingredient("total")\n'
             'def again(folder):\n    with Plant(folder) as plant:\n        plant.run_reactor(total)\n    return len(ran)\n')

    def test_a_pipeline_in_a_cached_script(self):
        self.save('app.py', self.PLANT)
        step = hotload.CachedScript('app.py')
        self.addCleanup(step.close)
        for old, new, ran, value in (('', '', ['load', 'total'], 9), ('K = 3', 'K = 4', ['total'], 12),
                                     ('[1, 2]', '[1, 2, 3]', ['load', 'total'], 24), ('ran = ', '# x\nran = ', None, 24)):
            self.save('app.py', read_file('app.py').decode('ascii').replace(old, new, 1) if old else self.PLANT)
            report = step.run()
            self.assertTrue(report.error is None, report.error)
            self.assertEqual(step.namespace['value'], value)
            self.assertEqual(step.namespace['ran'] if ran else report.ran, ran or [])

    def test_a_recorded_pipeline_and_a_recorded_reactor(self):
        self.save('app.py', self.PLANT)
        step = hotload.RecordedScript('app.py', html='page.html')
        self.addCleanup(step.close)
        step.run()
        recording = step.recording
        self.assertEqual((recording.changes('y')[-1][-1], step.namespace['value'], recording.approximate), (9, 9, []))
        self.assertTrue(recording.visits(6) and recording.visits(12) and os.path.exists('page.html'))
        found = hotload.Recording.of(step.namespace['again'], 'other')
        self.assertEqual((found.error, found.result, found.changes('y')[-1][-1]), (None, 4, 9))

    @needs_processes
    @needs_posix
    @same_between
    def test_hotload_develops_hotload(self):
        lines = SOURCE.splitlines(True)
        shutil.copy(HOTLOAD, 'hotload.py')
        self.save('app.py', 'import sys, time\nimport hotload\nend = time.time() + 60\n'
                  'text = open("hotload.py", "rb").read()\n'
                  'new = text.replace(b"class suppress", b"# moved\\n\\n\\nclass suppress").replace(\n'
                  '    b"\'hotload: %s\\\\n\'", b"\'HOTLOAD: %s\\\\n\'").replace(b"RATE = 144.0", b"RATE = 145.0")\n'
                  'time.sleep(0.3)\nopen("new", "wb").write(new)\n'
                  'import os\nos.rename("new", "hotload.py")\n'
                  'while hotload.RATE != 145.0 and time.time() < end:\n    time.sleep(0.01)\n'
                  'sys.stdout.write("%s %d\\n" % (hotload.RATE, hotload.main(["--nope"])))\n')
        status, out, err = run_python('hotload.py', '--live', '-w', '.', '-w', 'hotload.py', 'app.py', cwd=self.folder)
        self.assertEqual((status, out), (0, '145.0 2\n'), err)
        self.assertIn('[hotload] Run hotload.py:%d\n' % (3 + [line[:12] for line in lines].index('RATE = 144.0') + 1), err)
        self.assertIn('[hotload] Update hotload.main\n', err)
        self.assertIn('HOTLOAD: option --nope not recognized', err)


@same_on_each
@needs_posix
class TestTutorial(CommandLineCase):
    """docs/tutorial.md: its commands show what stands below them, and so do the saves of its edits."""
    section, needs = 0, TestComingFrom.needs    # all modes come in it

    def edit(self, diff):
        """Do in star.py what a diff shows."""
        lines = [line for line in diff.splitlines(True)]
        old, new = ["".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +")]
        with io.open(self.star, encoding="utf-8") as stream:
            text = stream.read()
        self.assertEqual(text.count(old), 1, diff)
        save(self.star, text.replace(old, new))

    def begin(self, commands):
        """Run the commands on a new terminal, after Ctrl-C on the last one. Those in parentheses are for another window."""
        if commands.startswith("("):
            self.assertEqual(subprocess.call(commands, shell=True, env=dict(os.environ, **self.env)), 0)
            return
        if self.shown:
            if self.shown.process.poll() is None:
                self.shown.ctrl_c()
            self.shown.wait()
        there = os.path.isdir(os.path.dirname(self.star))
        self.shown = self.terminal().spawn(["sh", "-c", commands], env=self.env,
                                           cwd=os.path.dirname(self.star) if there else HERE)
        if not commands.startswith("hotload"):
            self.assertEqual(self.shown.wait(), 0, self.shown.report())

    def plain(self, text):
        """The text without what differs from machine to machine and from Python to Python."""
        for pattern, words in ((re.escape(self.env["HOME"]), "/home/me"), (r"(?m)^( *[~^]+|raised in .*)\n", ""),
                               (r"(\w+Error): .*", r"\1"), (r"\b\d+(\.\d+)? m?s\b", "TIME"), (r"(\.\d{6})\d+", r"\1"),
                               (r"night \d+: \d+\.\d", "night: LIGHT"), (r"night \d+: \*+", "night: STARS"),
                               (r"\b\d+\.\d+\.\d+\b", "VERSION")):
            text = re.sub(pattern, words, text)
        return text

    def compare(self, wanted):
        """Wait until the terminal shows this; a line of three dots stands for any lines."""
        pattern = "".join("(?:.*\n)*?" if line == "...\n" else re.escape(line)
                          for line in self.plain(wanted).splitlines(True))
        end = clock_s() + 30
        while not re.match(pattern + r"\Z", self.plain(self.shown.rest)):
            if clock_s() > end:
                self.assertEqual(self.plain(self.shown.rest), self.plain(wanted))
            self.shown.pump(0.05)

    maxDiff = None

    def test_it_shows_what_the_page_says(self):
        home = self.terminal({"bin/python3": '#!/bin/sh\nexec "%s" "$@"\n' % sys.executable}).folder
        os.chmod(os.path.join(home, "bin", "python3"), 0o755)
        self.env = {"HOME": home, "PATH": os.pathsep.join(
            [os.path.join(home, ".local", "bin"), os.path.join(home, "bin"), os.environ["PATH"]])}
        self.star, self.shown = os.path.join(home, "star", "star.py"), None
        with io.open(os.path.join(HERE, "docs", "tutorial.md"), encoding="utf-8") as stream:
            blocks = re.findall(r"(?ms)^```(\w*)\n(.*?)^```", stream.read())
        self.assertTrue(len(blocks) > 30)
        for kind, text in blocks:
            if kind == "python":
                with io.open(self.star, encoding="utf-8") as stream:
                    self.assertEqual(stream.read(), text)
            elif not kind:
                self.compare(text)
                continue
            if self.shown:
                self.shown.position = len(self.shown.output)
            if kind == "sh":
                self.begin(text)
            elif kind == "diff":
                self.edit(text)


@same_on_each
@needs_processes
@needs_posix
class TestInstall(Case):
    """install.sh, with whatever sh is here."""
    section = 6

    def install(self, *args, **how):
        """(status, what it said) of install.sh; `piped`: into sh, as curl would do; `url`: HOTLOAD_URL."""
        env = dict(os.environ, PREFIX=self.path('a b'), HOTLOAD_PYTHON=sys.executable,
                   HOTLOAD_URL=how.get('url', ''))
        script = os.path.join(HERE, 'install.sh')
        argv = ['sh', '-s'] if how.get('piped') else ['sh', script]
        with open(script) as stream:
            child = subprocess.Popen(argv + list(args), env=env, stdin=stream, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT)
            said = child.communicate()[0].decode('utf-8')
        return child.returncode, said

    def installed(self):
        return sorted(os.path.relpath(os.path.join(folder, name), self.folder)
                      for folder, _, names in os.walk(self.folder)
                      for name in names if not name.endswith(('.pyc', '.pyo')))

    def version(self):
        child = subprocess.Popen([self.path('a b', 'bin', 'hotload'), '--version'], stdout=subprocess.PIPE)
        return child.communicate()[0].decode('ascii').split(',')[0]

    def test_from_a_checkout_and_away_again(self):
        status, said = self.install()
        self.assertEqual(status, 0, said)
        self.assertTrue('is not on your PATH' in said, said)
        self.assertEqual(self.installed(), ['a b/bin/hotload', 'a b/share/hotload/hotload.py'])
        self.assertEqual(self.version(), 'hotload ' + hotload.__version__)
        self.assertEqual(self.install('--uninstall')[0], 0)
        self.assertEqual(self.installed(), [])

    def test_piped_it_asks_for_an_address(self):
        status, said = self.install(piped=True)
        self.assertEqual((status, self.installed()), (1, []), said)
        self.assertTrue('HOTLOAD_URL' in said, said)

    def test_from_an_address(self):
        try:
            from http.server import HTTPServer, SimpleHTTPRequestHandler
        except ImportError:
            from BaseHTTPServer import HTTPServer
            from SimpleHTTPServer import SimpleHTTPRequestHandler

        class Quiet(SimpleHTTPRequestHandler):
            def log_message(self, *args):
                pass
        shutil.copy(os.path.join(HERE, 'hotload.py'), self.path('hotload.py'))
        self.save('broken.py', 'import sys\n')
        server = HTTPServer(('127.0.0.1', 0), Quiet)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.daemon = True
        thread.start()
        address = 'http://127.0.0.1:%d/' % server.server_address[1]
        for name in ('missing.py', 'broken.py'):
            status, said = self.install(piped=True, url=address + name)
            self.assertEqual((status, self.installed()), (1, ['broken.py', 'hotload.py']), said)
        status, said = self.install(piped=True, url=address)
        self.assertEqual((status, self.version()), (0, 'hotload ' + hotload.__version__), said)

    def test_a_file_of_that_name_is_kept(self):
        self.save('a b/bin/hotload', 'another\n')
        self.assertEqual(self.install()[0], 0)
        with open(self.path('a b', 'bin', 'hotload.orig')) as stream:
            self.assertEqual(stream.read(), 'another\n')


##############################################################################
## 7. Source -- one meaning of "changed" for all that follows
##############################################################################


class TestSource(Case):
    section = 7

    def source(self, text):
        return hotload.Source('/x/m.py', text if isinstance(text, bytes) else text.encode('utf-8'))

    def test_fingerprints_ignore_layout_comments_and_places(self):
        one, two = (hotload.parse(text) for text in (b'def f(a,b=1):\n  return a',
                                                     b'# x\n\ndef f(a,\n      b=1):  # y\n    return (a)'))
        self.assertEqual(hotload.fingerprint(one), hotload.fingerprint(two))

    def test_fingerprints_tell_values_of_equal_hash_apart(self):
        texts = [b'x = 1', b'x = 1.0', b'x = True', b'x = "1"', b'x = -1', b'x = None']
        self.assertEqual(len(set(hotload.fingerprint(hotload.parse(text)) for text in texts)), len(texts))

    def test_without_bodies_only_what_runs_at_once_counts(self):
        def outside(text):
            return hotload.fingerprint(hotload.parse(text), bodies=False)
        self.assertEqual(outside(b'x = lambda a: 1'), outside(b'x = lambda a: 2'))
        self.assertNotEqual(outside(b'x = lambda a: 1'), outside(b'x = lambda a, b=1: 1'))
        self.assertNotEqual(outside(b'@a\ndef f(): pass'), outside(b'@b\ndef f(): pass'))

    def test_names_that_statements_read_and_write(self):
        def used(text):
            names = hotload.names_used(hotload.parse(text))
            return [' '.join(sorted(part)) for part in (names.reads, names.writes, names.sure,
                                                        names.deferred)]
        self.assertEqual(used(b'x = y + f(z)'), ['f y z', 'x', 'x', ''])
        self.assertEqual(used(b'x += 1'), ['x', 'x', 'x', ''])
        self.assertEqual(used(b'if a:\n  b = c'), ['a c', 'b', '', ''])
        self.assertEqual(used(b'import os.path as p, re.x'), ['', 'p re', 'p re', ''])
        self.assertEqual(used(b'def f(a, b=c):\n  d = a + e\n  return d'), ['c', 'f', 'f', 'e'])
        self.assertEqual(used(b'def f():\n  global g\n  g = h'), ['', 'f g', 'f', 'h'])
        self.assertEqual(used(b'x = (i for i in y)'), ['y', 'x', 'x', ''])
        self.assertEqual(used(b'@d\nclass A(B):\n  c = e'), ['B d e', 'A', 'A', ''])

    def test_chunks_cover_the_file(self):
        text = ('# head\nimport os\n\n@a\n@b\ndef f():\n    """x\n\n"""\nx = 1; y = """\n"""; z = 2\n'
                '"""text\nmore"""\nif x:\n    pass\nelse:\n    pass\n')
        source = self.source(text)
        self.assertEqual([source.text(index).split(b'\n')[0] for index in range(len(source))][:4],
                         [b'# head', b'@a', b'x = 1; y = """',
                          b'"""text' if sys.version_info >= (3, 8) else b'if x:'])
        self.assertEqual(sum(source.end(index) - source.starts[index] for index in range(len(source))),
                         len(source.lines))

    def test_an_edit_parses_only_what_it_touches(self):
        lines = ['def f%d():\n    return %d\n\n' % (number, number) for number in range(100)]
        before = self.source(''.join(lines))
        lines[50] = '# more\n' + lines[50].replace('return', 'return 1 +')
        lines[70:70] = ['x = 1\n']
        after, edit = before.edited(''.join(lines).encode('ascii'))
        self.assertEqual((len(edit.kept), edit.old, len(edit.new)), (99, [50], 2))
        self.assertEqual(after.starts, self.source(''.join(lines)).starts)

    def test_edits_that_cannot_be_seen_in_parts(self):
        cases = [('if a:\n    b\nx = 1\n', 'if a:\n    b\nelse:\n    c\nx = 1\n'),
                 ('x = 1\ny = 2\nz = """a"""\n', 'x = """\ny = 2\nz = """ + "a"\n'),
                 ('x = 1\ny = 2\n', 'from __future__ import division\nx = 1\ny = 2\n'),
                 ('x = 1\n\n\ny = 2\n', 'x = [1,\n\n\n2]\n'), ('x = 1\ny = 2\n', 'x = 1\n    \n'),
                 ('def f():\n    pass\nx = 1\n', 'def f():\n    pass\n    x = 1\n'), ('x = 1\n', '# only\n'),
                 ('# a\n', 'x = 1\n'),
                 ('@a\ndef f(): pass\nx = 1\n', '@a\n@b\ndef f(): pass\nx = 1\n'), ('x = 1', 'x = 1\ny = 2'),
                 ('x = 1\n', '# -*- coding: latin-1 -*-\nx = 1\n')]
        for old, new in cases:
            source, edit = self.source(old).edited(new.encode('ascii'))
            whole = self.source(new)
            self.assertEqual((source.starts, source.flags), (whole.starts, whole.flags), (old, new))
            self.assertEqual(sorted([index for _, index in edit.kept] + edit.new), list(range(len(whole))),
                             (old, new))

    def test_a_syntax_error_is_raised_with_its_own_line(self):
        with self.assertRaises(SyntaxError) as caught:
            self.source('x = 1\ny = 2\nz = 3\n').edited(b'x = 1\ny = 2 +\nz = 3\n')
        self.assertEqual(caught.exception.lineno, 2)

    def test_random_edits_give_the_same_chunks_as_parsing_all(self):
        parts = ['x = 1\n', 'def f():\n    return 1\n', '# note\n', '\n', '"""a\nb\n"""\n', 'if x:\n    y\n',
                 'else:\n    z\n',
                 'a = 1; b = 2\n', '@d\n', 'x = [\n1,\n', ']\n', '    return 2\n', 'class A:\n    b = 1\n',
                 '"""\n']
        for seed in range(400):
            choose = random.Random(seed)
            text = [choose.choice(parts) for _ in range(choose.randrange(8))]
            source = None
            for _ in range(6):
                data = ''.join(text).encode('ascii')
                try:
                    whole = self.source(data)
                except SyntaxError:
                    if source is not None:
                        self.assertRaises(SyntaxError, source.edited, data)
                else:
                    if source is not None:
                        source = source.edited(data)[0]
                        if sys.version_info >= (3, 8):  # before, some texts belong to the chunk before them
                            self.assertEqual(source.starts, whole.starts, (seed, data))
                        self.assertLessEqual(set(whole.starts), set(source.starts), (seed, data))
                    source = source or whole
                at = choose.randrange(len(text) + 1)
                text[at:at + choose.randrange(2)] = [choose.choice(parts) for _ in range(choose.randrange(3))]


##############################################################################
## 8. Compare -- what to do so that the old becomes the new
##############################################################################


class TestCompare(Case):
    section = 8

    def test_pairs_equal_functions_first(self):
        def codes(text):
            return hotload.children(compile(text, 'm', 'exec', 0, True))
        old = codes('a = lambda: 1\nb = lambda: 2\ndef f(): return 1\n')
        new = codes('b = lambda: 2\n\nc = lambda: 3\na = lambda: 1\ndef f(): return 2\n')
        found = dict((id(one), other) for one, other, _ in hotload.pair(old, new))
        self.assertEqual([found[id(code)].co_firstlineno for code in old], [4, 1, 5])


##############################################################################
## 9. Transplant -- new code for functions and classes that are in use
##############################################################################


class TestTransplant(Case):
    section = 9

    def test_a_trampoline_calls_its_target(self):
        def outer(a, b):
            def inner(x):
                return a, b, x
            return inner
        function = outer(1, 2)
        hotload.redirect(function, lambda *args, **kwargs: (args, kwargs))
        self.assertEqual(function(3, k=4), ((3,), {'k': 4}))

    def test_a_trampoline_is_left_out_of_tracebacks(self):
        def fails():
            raise KeyError('x')

        def function():
            pass
        hotload.redirect(function, fails)
        try:
            function()
        except KeyError:
            text = hotload.format_error(*sys.exc_info())
        self.assertNotIn('hotload.py', text.replace('test_hotload.py', ''))

    def test_cells_can_be_set(self):
        def outer(x):
            return lambda: x
        function = outer(1)
        hotload.set_cell(function.__closure__[0], 2)
        self.assertEqual(function(), 2)

    def test_functions_are_found_by_few_codes_and_by_many(self):
        made = [(lambda n: lambda: n)(n) for n in range(3)]
        codes = {id(made[0].__code__): made[0].__code__}
        few = hotload.functions_with(codes)
        self.assertEqual(sorted(map(id, few[id(made[0].__code__)])), sorted(map(id, made)))
        for number in range(30):
            code = compile('x = %d' % number, 'x', 'exec')
            codes[id(code)] = code
        self.assertEqual(len(hotload.functions_with(codes)[id(made[0].__code__)]), 3)

    @unittest.skipUnless(hasattr(gc, 'freeze'), 'no gc.freeze')
    def test_frozen_functions_are_found(self):
        module = type(sys)('frozen')
        exec('class A(object):\n    def f(self):\n        pass', vars(module))
        sys.modules['frozen'] = module
        self.addCleanup(sys.modules.pop, 'frozen')
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        code = vars(module.A)['f'].__code__
        self.assertEqual(hotload.functions_with({id(code): code}), {id(code): [vars(module.A)['f']]})

    @not_on_pypy('does not tell who refers to an object')
    def test_replace_everywhere(self):
        class Holder(object):
            pass
        old, new, other = Holder(), Holder(), Holder()
        other.part = new
        places = [[other, new], {'k': new}, (lambda: new), other]
        hotload.replace_everywhere(new, old)
        self.assertEqual((places[0], places[1], other.part), ([other, old], {'k': old}, old))

    @not_on_pypy('does not tell who refers to an object')
    def test_what_is_registered_again_takes_its_old_place(self):
        old, new, other = (type('Thing', (), {})() for _ in range(3))
        places = [[old, other, new], {'/a': old, '/b': other, '/c': new}, [('/a', old), ('/b', other), ('/a', new)]]
        hotload.enter_once([(new, old, new)])
        self.assertEqual(places, [[new, other], {'/b': other, '/c': new}, [('/a', new), ('/b', other)]])


##############################################################################
## 10. Patch -- what one save does
##############################################################################


def where_line(function):
    """The line on which the call of `function` raises, else the first line of the function."""
    try:
        function()
    except Exception:
        trace = sys.exc_info()[2]
        while trace.tb_next:
            trace = trace.tb_next
        return trace.tb_lineno
    return function.__code__.co_firstlineno


def drive(coroutine):
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value


@few_on_pypy
class TestPatch(Case):
    section, needs = 10, 11

    def play(self, parts):
        """Play a situation: files, code that holds on to parts of them, files saved again, asserts."""
        space = {'where_line': where_line, 'drive': drive,
                 'raises': lambda *args: self.assertRaises(*args) is None}
        patch = None
        for words, text in parts:
            if words[0] in ('hold', 'check'):
                if patch is None:
                    patch = space['patch'] = hotload.LivePatch(self.folder)
                    self.addCleanup(patch.close)
                self.said = patch.apply()
                hotload.execute(compile(text, words[0], 'exec', 0, True), space)
            else:
                text = text.rstrip('\n') if 'noend' in words else text
                data = text.replace('\n', '\r\n' if 'crlf' in words else '\n').encode(
                    'latin-1' if 'latin-1' in words else 'utf-8')
                self.save(words[0], (b'\xef\xbb\xbf' if 'bom' in words else b'') + data)
        return patch

    def start(self, **files):
        """A LivePatch of this folder, after writing files (m='text')."""
        for name in files:
            self.save(name + '.py', files[name])
        patch = hotload.LivePatch(self.folder)
        self.addCleanup(patch.close)
        return patch

    def said_of(self, patch):
        return [str(change) for change in patch.apply()]

    def test_the_report_is_data_in_the_original_words(self):
        patch = self.start(m='def area(x):\n    return x\ndef old():\n    pass\nx = 1\nclass A(object):\n'
                           '    def f(self): pass\n')
        __import__('m')
        path = self.save('m.py', 'def area(x):\n    return 2\nx = 2\ndef new():\n    pass\n'
                         'class A(object):\n    def f(self): return 1\n'
                                 'y = 1 // 0\n')
        changes = patch.apply(path)
        try:
            1 // 0
        except ZeroDivisionError as error:      # its words differ from Python to Python
            why = str(error)
        self.assertEqual(sorted(map(str, changes))[:3], ['Add m.new', 'Delete m.old',
                                                         'Failed m.py:8: ZeroDivisionError: ' + why])
        self.assertEqual(sorted(map(str, changes))[3:], ['Run m.py:3', 'Update m.A.f', 'Update m.area'])
        self.assertEqual([(change.kind, change.path, change.line) for change in changes
                          if change.name == 'm.area'],
                         [('Update', path, 1)])

    def test_a_syntax_error_is_reported_and_changes_nothing(self):
        patch = self.start(m='def f(): return 1\n', n='def g(): return 1\n')
        import m, n                                                              # noqa: E401
        self.save('m.py', 'def f(: return 2\n')
        self.save('n.py', 'def g(): return 2\n')
        said = self.said_of(patch)
        self.assertTrue(said[0].startswith('Failed m.py:1: SyntaxError'), said)
        self.assertEqual((said[1:], m.f(), n.g()), (['Update n.g'], 1, 2))
        self.assertEqual(self.said_of(patch), [])

    def test_comments_and_layout_report_nothing(self):
        patch = self.start(m='x = [1]\ndef f(a): return a\n')
        import m
        was = m.x
        self.save('m.py', '# note\nx = [ 1 ]\n\n\ndef f( a ):\n    # why\n    return (a)\n')
        self.assertEqual((self.said_of(patch), m.x is was, m.f.__code__.co_firstlineno), ([], True, 5))

    def test_patterns_choose_the_files(self):
        self.files({'pack/__init__.py': '', 'pack/a.py': 'x = 1\n', 'b.py': 'x = 1\n'})
        for pattern, wanted in (('pack', ['a.py', '__init__.py']), ('b.py', ['b.py']), ('*a.py', ['a.py']),
                                ([], []),
                                ('no', []), (['b.py', 'pack/*'], ['a.py', '__init__.py', 'b.py'])):
            patch = hotload.LivePatch(*([pattern] if pattern else ['nowhere']))
            import pack.a, b                                                     # noqa: E401,F401
            self.assertEqual(sorted(map(os.path.basename, patch.files())), sorted(wanted), pattern)
            patch.close()
        for thing in (sys, 5, None):
            self.assertRaises(hotload.HotloadError, hotload.LivePatch, thing)

    def test_a_module_may_be_given(self):
        self.save('m.py', 'x = 1\n')
        import m
        patch = hotload.LivePatch(m)
        self.addCleanup(patch.close)
        self.assertEqual(patch.files(), [self.path('m.py')])

    def test_modules_loaded_before_follow(self):
        self.save('m.py', 'def f():\n    return 1\nclass A(object):\n    def g(self):\n        return 1\n')
        import m
        f, g, patch = m.f, m.A().g, self.start()
        self.save('m.py', 'x = 1\n\ndef f():\n    return 2\nclass A(object):\n    def g(self):\n'
                  '        return 2\n')
        self.assertEqual(self.said_of(patch), ['Run m.py:1', 'Update m.f', 'Update m.A.g'])
        self.assertEqual((f(), g(), m.x, f.__code__.co_firstlineno), (2, 2, 1, 3))

    def test_an_empty_file_is_an_editor_at_work(self):
        patch = self.start(m='def f(): return 1\n')
        import m
        self.save('m.py', '')
        self.assertEqual((self.said_of(patch), m.f()), ([], 1))

    def test_a_file_that_is_newer_than_the_loaded_code_is_applied_at_once(self):
        self.save('m.py', 'def f():\n    return 1\nclass A(object):\n    def g(self):\n        return 1\n',
                  mtime=int(time.time()) - 10)  # byte code notes whole seconds
        import m
        f, g = m.f, m.A().g
        self.save('m.py', 'def f():\n    return 2\nclass A(object):\n    def g(self):\n        return 2\n')
        patch = self.start()
        self.assertEqual((f(), g(), self.said_of(patch)), (2, 2, []))
        self.assertIn('[hotload] Update m.f: the file was newer', self.err.getvalue())
        self.save('m.py', 'def f():\n    return 3\nclass A(object):\n    def g(self):\n        return 2\n')
        self.assertEqual((self.said_of(patch), f()), (['Update m.f'], 3))

    def test_files_saved_together_are_done_dependencies_first(self):
        patch = self.start(b='import a\n', a='x = 1\n')
        import b
        self.save('b.py', 'import a\nfrom a import new\ny = new()\n')
        self.save('a.py', 'x = 1\ndef new():\n    return 5\n')
        self.assertEqual((self.said_of(patch), b.y), (['Add a.new', 'Run b.py:2', 'Run b.py:3'], 5))

    def test_modules_that_hold_an_equal_number_are_not_parsed(self):
        patch = self.start(m='LIMIT = 1\n', user='from m import LIMIT\n', other='one = 1\n', star='from m import  *\n')
        modules = [__import__(name) for name in ('m', 'user', 'other', 'star')]
        self.save('m.py', 'LIMIT = 2\n')
        self.assertEqual(self.said_of(patch), ['Run m.py:1'])
        self.assertEqual([getattr(module, 'LIMIT', None) for module in modules], [2, 2, None, 2])
        parsed = set(os.path.basename(path) for path, _ in hotload.IMPORTS if path.startswith(self.folder))
        self.assertEqual(parsed, set(['user.py', 'star.py']))

    @not_on_pypy('compiles them to one code object')
    def test_equal_lambdas_of_one_line(self):
        patch = self.start(m='a, b = lambda: 1, lambda: 1\n')
        import m
        a, b = m.a, m.b
        self.save('m.py', 'a, b = lambda: 1, lambda: 2\n')
        said = self.said_of(patch)
        self.assertEqual((m.a(), m.b()), (1, 2))
        self.assertTrue((a(), b()) == (1, 2) or said and 'cannot be told apart' in said[0], said)

    def test_a_deleted_file_leaves_the_module(self):
        patch = self.start(m='def f(): return 1\n')
        import m
        os.remove('m.py')
        self.assertEqual((self.said_of(patch), m.f()), ([], 1))

    def test_functions_that_keep_old_code_are_reported_once(self):
        text = 'def outer(%s):\n    def inner():\n        return %s\n    return inner\n'
        patch = self.start(m=text % ('a', 'a'))
        import m
        held = m.outer(1)
        self.save('m.py', text % ('a, b=2', '(a, b)'))
        said = self.said_of(patch)
        self.assertIn('keep the old code', said[0])
        self.save('m.py', '# more\n' + text % ('a, b=2', '(a, b)'))
        self.assertEqual((self.said_of(patch), held()), ([], 1))

    def test_equal_values_elsewhere_are_not_touched(self):
        patch = self.start(m='RATE = 1\n', n='from m import RATE\nother = 1\n')
        import n
        __import__('m')
        self.save('m.py', 'RATE = 2\n')
        patch.apply()
        self.assertEqual((n.RATE, n.other), (2, 1))

    def test_traceback_and_getsource_after_a_move(self):
        patch = self.start(m='def f():\n    return {}["x"]\n')
        import inspect
        import m
        self.save('m.py', '# one\n# two\ndef f():\n    return {}["x"]\n')
        patch.apply()
        self.assertEqual((where_line(m.f), inspect.getsource(m.f)), (4, 'def f():\n    return {}["x"]\n'))

    def test_a_statement_that_runs_is_not_run_again(self):
        patch = self.start(m='import sys\nout = []\ndef f():\n    return 1\nsys.hook()\ndef later():\n'
                           '    return 1\nout.append(f())\n')

        def hook():
            self.save('m.py', 'import sys\nout = []\ndef f():\n    return 2\nsys.hook(), 1\ndef later():\n'
                      '    return 2\nout.append(f())\nout.append(3)\n')
            self.said = patch.apply(self.path('m.py'))
        sys.hook = hook
        self.addCleanup(delattr, sys, 'hook')
        import m
        self.assertEqual((m.out, m.f()), ([2], 2))
        hotload.catch_up(hotload.FILES.values())
        self.assertEqual(m.later(), 2)

    def test_a_fast_and_a_whole_comparison_agree(self):
        for whole in (False, True):
            text = ['x = 1\n'] + ['def f%d(a, b=%d):\n    return a, %d\n\n' % (number, number, number)
                                  for number in range(30)]
            name = 'w%d' % whole
            patch = self.start(**{name: ''.join(text)})
            module = __import__(name)
            held = [getattr(module, 'f%d' % number) for number in range(30)]
            text[3], text[20], text[9:9] = '', text[20].replace('return', 'return 1,'), ['# more\n',
                'y = x + 1\n']
            path = self.save(name + '.py', ''.join(text))
            file = hotload.live_file(path)
            changes = hotload.apply_plans([file.prepare(hotload.fresh.read(path), None, whole)])
            self.assertEqual(sorted(map(str, changes)), ['Delete %s.f2' % name, 'Run %s.py:24' % name,
                'Update %s.f19' % name])
            self.assertEqual((held[19](1), held[25](1), module.y, held[29].__code__.co_firstlineno),
                             ((1, 1, 19), (1, 25), 2, 2 + 3 * 29 - 3 + 2))
            patch.close()

    @not_on_pypy('frees nothing until the collector comes')
    def test_code_of_replaced_functions_is_freed(self):
        patch = self.start(m=''.join('def f%d():\n    return 1\n' % number for number in range(50)))
        __import__('m')
        for number in range(5):
            self.save('m.py', '# x\n' * number + ''.join('def f%d():\n    return %d\n' % (n, number)
                for n in range(50)))
            patch.apply()
        file = hotload.live_file(self.path('m.py'))
        self.assertLess(len(file.live_aliases()), 60)

    @slow
    @same_between
    @needs_processes
    @not_on_pypy('to ask for all objects takes it too long')
    def test_random_edits_give_what_a_fresh_start_gives(self):
        status, out, err = run_python(os.path.join(HERE, 'docs', 'benchmarks', 'patch_fuzz.py'), '0', '8')
        self.assertEqual(status, 0, out + err)

    @slow
    @same_between
    @needs_processes
    @not_on_pypy('its threads are not held back')
    def test_threads_see_old_or_new_functions_and_never_a_mixture(self):
        def text(number):
            return 'pad = %d\n' % number + ''.join(
                '#\n' * (number % 3) + 'def p%d(x=%d):\n    return x, %d\n' % (n, number, number)
                for n in range(10))
        patch = self.start(m=text(0))
        import m
        state, bad = [0], []

        def work(one, other):
            while state[0] >= 0:
                begin = state[0]
                first, second = one(), other()
                if first[0] != first[1] or second[0] != second[1]:
                    bad.append((first, second))
                if begin == state[0] and begin % 2 == 0 and first != second:
                    bad.append((first, second))
        workers = [threading.Thread(target=work, args=(getattr(m, 'p%d' % n), getattr(m, 'p%d' % (9 - n))))
                   for n in range(3)]
        for worker in workers:
            worker.start()
        try:
            for number in range(1, 25):
                path = self.save('m.py', text(number))
                state[0] += 1
                patch.apply(path)
                state[0] += 1
        finally:
            state[0] = -1
            for worker in workers:
                worker.join()
        self.assertEqual(bad, [])


def add_situations():
    """A test method for each of SITUATIONS."""
    def method(parts):
        return lambda self: self.play(parts)
    for number, block in enumerate(re.split(r'(?m)^=== ', SITUATIONS)[1:]):
        title, _, rest = block.partition('\n')
        parts = [(head.split(), text) for head, text in re.findall(r'(?ms)^--- ([^\n]*)\n(.*?)(?=^--- |\Z)',
            rest)]
        least = re.search(r'\[([\d.]+)\]', title)
        test = method(parts)
        if least and sys.version_info < tuple(map(int, least.group(1).split('.'))):
            test = unittest.skip('needs ' + least.group(1))(test)
        elif 'import threading' in rest or ', threading' in rest:
            test = needs_processes(test)
        if number % 10:
            test = not_on_pypy('to ask for all objects takes it too long; each tenth situation is played')(test)
        every = (5, 2, 1)[SHARE]
        if number % every != sys.version_info[1] % every and not hasattr(sys, 'pypy_version_info'):
            test = unittest.skip('HOTLOAD_SHARE: each %s situation is played, others on each Python' % (
                'second' if SHARE else 'fifth'))(test)
        setattr(TestPatch, 'test_situation_' + re.sub(r'\W+', '_', title.partition(' [')[0]), test)


# Each: files, `hold` (code that takes references), files saved again, `check` (code with asserts on these).
# In the title the least Python; after a file's name how it is written.
SITUATIONS = u'''
=== constant imported elsewhere follows, chained
--- m.py
RATE = 1
--- mid.py
from m import RATE as PACE
--- top.py
from mid import *
from mid import PACE as own
--- hold
import m, mid, top
--- m.py
RATE = 2
--- check
assert (mid.PACE, top.PACE, top.own) == (2, 2, 2)
=== an equal value that was not imported stays
--- m.py
RATE = 1
--- other.py
import m
RATE = 1
--- hold
import m, other
--- m.py
RATE = 2
--- check
assert other.RATE == 1 and m.RATE == 2
=== lambdas on one line that are held
--- m.py
table = [lambda x: x + 1, lambda x: x + 2, lambda x: x + 3]
--- hold
import m
a, b, c = m.table
--- m.py
table = [lambda x: x + 1, lambda x: x + 20, lambda x: x + 3]
--- check
assert (a(0), b(0), c(0)) == (1, 20, 3) and m.table[1] is b
=== a lambda gets a parameter
--- m.py
go = lambda x: x
--- hold
import m
go = m.go
--- m.py
go = lambda x, y=5: (x, y)
--- check
assert m.go(1) == (1, 5) and go(1) == (1, 5)
=== function becomes a class and back
--- m.py
def thing(x):
    return x
--- hold
import m
thing = m.thing
--- m.py
class thing(object):
    def __init__(self, x):
        self.x = x
--- check
assert m.thing(3).x == 3 and thing(3).x == 3
--- m.py
def thing(x):
    return -x
--- check
assert m.thing(3) == -3
=== function becomes a constant and back
--- m.py
def limit():
    return 1
def use():
    return limit()
--- hold
import m
use = m.use
--- m.py
limit = 7
def use():
    return limit
--- check
assert use() == 7
--- m.py
def limit():
    return 9
def use():
    return limit()
--- check
assert use() == 9
=== definitions under try and with
--- m.py
import contextlib
try:
    import no_such_thing_here
except ImportError:
    def load():
        return 1
with open(__file__):
    def other():
        return 1
--- hold
import m
load, other = m.load, m.other
--- m.py
import contextlib
try:
    import no_such_thing_here
except ImportError:
    def load():
        return 2
with open(__file__):
    def other(x=5):
        return x
--- check
assert load() == 2 and m.load is load
assert m.other() == 5 and other() == 5
=== a definition is added under if
--- m.py
if True:
    def a():
        return 1
--- hold
import m
a = m.a
--- m.py
if True:
    def a():
        return 2
    def b():
        return a()
--- check
assert a() == 2 and m.b() == 2 and m.a is a
=== same-named functions, the last wins
--- m.py
def f():
    return 1
first = f
def f():
    return 2
--- hold
import m
first, f = m.first, m.f
--- m.py
def f():
    return 10
first = f
def f():
    return 20
--- check
assert first() == 10 and f() == 20 and m.f is f and m.first is first
=== super appears, with private names, two levels [3.0]
--- m.py
class A:
    def go(self): return ["A"]
class B(A):
    def __hidden(self): return 1
    def go(self): return ["B"]
class C(B):
    def go(self): return ["C"]
--- hold
import m
go = m.C().go
b = m.B().go
--- m.py
class A:
    def go(self): return ["A"]
class B(A):
    def __hidden(self): return 2
    def go(self): return super().go() + ["B", self.__hidden()]
class C(B):
    def go(self): return super().go() + ["C"]
--- check
assert go() == ["A", "B", 2, "C"] and b() == ["A", "B", 2]
--- m.py
class A:
    def go(self): return ["A"]
class B(A):
    def __hidden(self): return 2
    def go(self): return ["B", self.__hidden()]
class C(B):
    def go(self): return super().go() + ["C!"]
--- check
assert go() == ["B", 2, "C!"] and b() == ["B", 2]
=== private method added and used
--- m.py
class A(object):
    def go(self):
        return 1
--- hold
import m
a = m.A()
--- m.py
class A(object):
    def __step(self):
        return 5
    def go(self):
        return self.__step()
--- check
assert a.go() == 5
--- m.py
class A(object):
    def go(self):
        return 6
--- check
assert a.go() == 6 and not hasattr(a, '_A__step')
=== defaults that name class attributes
--- m.py
class A(object):
    size = 3
    def go(self, n=size):
        return n
--- hold
import m
a = m.A()
--- m.py
class A(object):
    size = 3
    other = 4
    def go(self, n=size, k=other):
        return n, k
--- check
assert a.go() == (3, 4)
=== a live default object stays
--- m.py
def add(x, seen=[]):
    seen.append(x)
    return seen
--- hold
import m
add = m.add
add(1)
--- m.py
def add(x, seen=[]):
    seen.append(x * 10)
    return seen
--- check
assert add(2) == [1, 20]
=== a default that uses a constant of the same save
--- m.py
LIMIT = 1
def f(n=LIMIT):
    return n
--- hold
import m
f = m.f
--- m.py
LIMIT = 2
def f(n=LIMIT + 1):
    return n
--- check
assert f() == 3
=== classmethod, staticmethod and property held
--- m.py
class A(object):
    @classmethod
    def make(cls):
        return cls, 1
    @staticmethod
    def calc(x):
        return x
    @property
    def size(self):
        return 1
    @size.setter
    def size(self, value):
        self.was = value
--- hold
import m
make, calc, a = m.A.make, m.A.calc, m.A()
prop = m.A.__dict__['size']
--- m.py
class A(object):
    @classmethod
    def make(cls):
        return cls, 2
    @staticmethod
    def calc(x):
        return -x
    @property
    def size(self):
        return 2
    @size.setter
    def size(self, value):
        self.was = value * 2
--- check
assert make() == (m.A, 2) and calc(1) == -1 and a.size == 2
a.size = 4
assert a.was == 8 and prop.fget(a) == 2
=== a setter is added and removed
--- m.py
class A(object):
    @property
    def size(self):
        return 1
--- hold
import m
a = m.A()
--- m.py
class A(object):
    @property
    def size(self):
        return 2
    @size.setter
    def size(self, value):
        self.was = value
--- check
a.size = 3
assert a.was == 3 and a.size == 2
--- m.py
class A(object):
    @property
    def size(self):
        return 5
--- check
assert a.size == 5 and raises(AttributeError, setattr, a, 'size', 1)
=== staticmethod becomes a method
--- m.py
class A(object):
    @staticmethod
    def f(x):
        return x
--- hold
import m
a = m.A()
--- m.py
class A(object):
    def f(self, x):
        return self, x
--- check
assert a.f(1) == (a, 1)
--- m.py
class A(object):
    @classmethod
    def f(cls, x):
        return cls, x
--- check
assert a.f(1) == (m.A, 1)
=== nested classes
--- m.py
class Outer(object):
    class Inner(object):
        def go(self):
            return 1
        class Deep(object):
            def go(self):
                return 1
--- hold
import m
inner, deep, Inner = m.Outer.Inner(), m.Outer.Inner.Deep(), m.Outer.Inner
--- m.py
class Outer(object):
    class Inner(object):
        extra = 3
        def go(self):
            return 2
        def new(self):
            return 3
        class Deep(object):
            def go(self):
                return 2
            def new(self):
                return 4
--- check
assert (inner.go(), inner.new(), deep.go(), deep.new(), inner.extra) == (2, 3, 2, 4, 3)
assert m.Outer.Inner is Inner
=== new bases
--- m.py
class A(object):
    def a(self):
        return 'a'
class B(object):
    def b(self):
        return 'b'
class C(A):
    def c(self):
        return 'c'
--- hold
import m
c, C = m.C(), m.C
--- m.py
class A(object):
    def a(self):
        return 'a'
class B(object):
    def b(self):
        return 'b'
class C(B, A):
    def c(self):
        return 'c2'
--- check
assert m.C is C and isinstance(c, m.B) and (c.a(), c.b(), c.c()) == ('a', 'b', 'c2')
=== new base with state on the class kept
--- m.py
class A(object):
    pass
class B(object):
    pass
class C(A):
    made = []
    def add(self):
        self.made.append(1)
--- hold
import m
c = m.C()
c.add()
--- m.py
class A(object):
    pass
class B(object):
    pass
class C(A, B):
    made = []
    def add(self):
        self.made.append(2)
--- check
c.add()
assert m.C.made == [1, 2] and isinstance(c, m.B)
=== dataclass gets a field [3.7]
--- m.py
import dataclasses
@dataclasses.dataclass
class P:
    x: int
    def show(self):
        return self.x
--- hold
import m
p, P = m.P(1), m.P
--- m.py
import dataclasses
@dataclasses.dataclass
class P:
    x: int
    y: int = 5
    def show(self):
        return self.x, self.y
--- check
assert m.P is P and m.P(1, 2).show() == (1, 2) and p.show() == (1, 5)
assert m.P(1) == m.P(1, 5) and repr(m.P(1, 2)) == 'P(x=1, y=2)'
=== dataclass method edited only [3.7]
--- m.py
import dataclasses
@dataclasses.dataclass
class P:
    x: int
    seen = []
    def show(self):
        return self.x
--- hold
import m
p, init = m.P(1), m.P.__init__
m.P.seen.append(1)
--- m.py
import dataclasses
@dataclasses.dataclass
class P:
    x: int
    seen = []
    def show(self):
        return -self.x
--- check
assert p.show() == -1 and m.P.__init__ is init and m.P.seen == [1]
=== namedtuples
--- m.py
import collections
P = collections.namedtuple('P', 'x y')
class Q(collections.namedtuple('Q', 'a b')):
    def total(self):
        return self.a + self.b
--- hold
import m
q, p = m.Q(1, 2), m.P(1, 2)
--- m.py
import collections
P = collections.namedtuple('P', 'x y z')
class Q(collections.namedtuple('Q', 'a b')):
    def total(self):
        return self.a * 10 + self.b
--- check
assert q.total() == 12 and m.P(1, 2, 3).z == 3 and p.x == 1
=== typing.NamedTuple gets a field [3.6]
--- m.py
import typing
class P(typing.NamedTuple):
    x: int
    def show(self):
        return self.x
--- hold
import m
p = m.P(1)
--- m.py
import typing
class P(typing.NamedTuple):
    x: int
    y: int = 3
    def show(self):
        return self.x + 1
--- check
assert m.P(1, 2).y == 2 and m.P(1, 2).show() == 2 and p.x == 1
=== slots with a method edited
--- m.py
class P(object):
    __slots__ = ('x',)
    def __init__(self, x):
        self.x = x
    def show(self):
        return self.x
--- hold
import m
p = m.P(1)
--- m.py
class P(object):
    __slots__ = ('x',)
    def __init__(self, x):
        self.x = x
    def show(self):
        return -self.x
    def more(self):
        return self.x
--- check
assert p.show() == -1 and p.more() == 1
=== enum: values, methods, removed members [3.4]
--- m.py
import enum
class E(enum.Enum):
    A = 1
    B = 2
    C = 3
    def twice(self):
        return self.value * 2
--- hold
import m
a, b, E = m.E.A, m.E.B, m.E
--- m.py
import enum
class E(enum.Enum):
    A = 1
    B = 20
    D = 4
    def twice(self):
        return self.value * 2 + 1
    def new(self):
        return self.name
--- check
assert m.E is E and m.E.A is a and m.E.B is b and b.value == 20 and m.E(20) is b
assert [e.name for e in m.E] == ['A', 'B', 'D'] and a.twice() == 3 and m.E.D.new() == 'D'
assert not hasattr(m.E, 'C') and raises(ValueError, m.E, 3) and isinstance(m.E.D, m.E)
=== enum method only [3.4]
--- m.py
import enum
class E(enum.Enum):
    A = 1
    def f(self):
        return 1
--- hold
import m
a = m.E.A
--- m.py
import enum
class E(enum.Enum):
    A = 1
    def f(self):
        return 2
--- check
assert a.f() == 2 and m.E.A is a
=== IntEnum and Flag members [3.6]
--- m.py
import enum
class I(enum.IntEnum):
    A = 1
class F(enum.Flag):
    X = 1
    Y = 2
--- hold
import m
a, x = m.I.A, m.F.X
--- m.py
import enum
class I(enum.IntEnum):
    A = 1
    B = 2
class F(enum.Flag):
    X = 1
    Y = 2
    Z = 4
--- check
assert m.I.B == 2 and m.I.A is a and list(m.I) == [a, m.I.B]
assert m.F.X is x and (m.F.X | m.F.Z).value == 5 and isinstance(m.I.B, m.I)
=== abstract class changes, metaclass with a new method
--- m.py
class Meta(type):
    def hello(cls):
        return 1
A = Meta('A', (object,), {})
class B(A):
    def f(self):
        return 1
--- hold
import m
b, B = m.B(), m.B
--- m.py
class Meta(type):
    def hello(cls):
        return 2
    def more(cls):
        return cls.__name__
A = Meta('A', (object,), {})
class B(A):
    def f(self):
        return 2
    size = 3
--- check
assert m.B.hello() == 2 and m.B.more() == 'B' and b.f() == 2 and b.size == 3
=== class attribute state and an edited attribute
--- m.py
class A(object):
    limit = 1
    made = []
    def f(self):
        return self.limit
--- hold
import m
a = m.A()
m.A.made.append(1)
--- m.py
class A(object):
    limit = 2
    made = []
    def f(self):
        return self.limit
--- check
assert a.f() == 2 and m.A.made == [1]
=== a class is removed while objects live
--- m.py
class A(object):
    def f(self):
        return 1
def g():
    return 1
--- hold
import m
a = m.A()
--- m.py
def g():
    return 2
--- check
assert not hasattr(m, 'A') and a.f() == 1 and m.g() == 2
=== exceptions and isinstance
--- m.py
class Oops(Exception):
    pass
def fail():
    raise Oops('x')
--- hold
import m
Oops, fail = m.Oops, m.fail
--- m.py
class Oops(Exception):
    code = 7
    def more(self):
        return 1
def fail():
    raise Oops('y')
--- check
try:
    fail()
except Oops as error:
    assert error.code == 7 and error.more() == 1 and str(error) == 'y'
=== descriptor with set_name and init_subclass [3.6]
--- m.py
class Field:
    def __set_name__(self, owner, name):
        self.name = name
    def __get__(self, obj, kind=None):
        return self.name
class Base:
    kinds = []
    def __init_subclass__(cls, **kwargs):
        Base.kinds.append(cls.__name__)
class A(Base):
    x = Field()
--- hold
import m
a = m.A()
--- m.py
class Field:
    def __set_name__(self, owner, name):
        self.name = name
    def __get__(self, obj, kind=None):
        return 'f' + self.name
class Base:
    kinds = []
    def __init_subclass__(cls, **kwargs):
        Base.kinds.append(cls.__name__)
class A(Base):
    x = Field()
    y = Field()
    def g(self):
        return self.y
--- check
assert (a.x, a.y, a.g()) == ('fx', 'fy', 'fy') and m.Base.kinds == ['A']
=== lru_cache: results of the old code go [3.3]
--- m.py
import functools
@functools.lru_cache(maxsize=None)
def f(x):
    return x
--- hold
import m
f = m.f
f(1)
--- m.py
import functools
@functools.lru_cache(maxsize=None)
def f(x):
    return x + 1
--- check
assert f(1) == 2 and m.f is f
=== wraps and a decorator whose body changes
--- m.py
import functools
def deco(fn):
    @functools.wraps(fn)
    def call(*a):
        return ['old', fn(*a)]
    return call
@deco
def f(x):
    return x
--- hold
import m
f = m.f
--- m.py
import functools
def deco(fn):
    @functools.wraps(fn)
    def call(*a):
        return ['new', fn(*a)]
    return call
@deco
def f(x):
    return x * 2
--- check
assert f(2) == ['new', 4] and m.f is f
=== decorator arguments change, a registry of a list is not doubled
--- m.py
seen = []
def mark(n):
    def keep(fn):
        fn.n = n
        seen.append(fn)
        return fn
    return keep
@mark(1)
def f():
    return 1
--- hold
import m
f = m.f
--- m.py
seen = []
def mark(n):
    def keep(fn):
        fn.n = n
        seen.append(fn)
        return fn
    return keep
@mark(2)
def f():
    return 2
--- check
assert f() == 2 and f.n == 2 and len(m.seen) == 1 and m.seen[0]() == 2 and m.f is f
=== class decorator that registers, with a new attribute
--- m.py
seen = []
def reg(cls):
    seen.append(cls)
    return cls
@reg
class A(object):
    def f(self):
        return 1
--- hold
import m
a, A = m.A(), m.A
--- m.py
seen = []
def reg(cls):
    seen.append(cls)
    return cls
@reg
class A(object):
    size = 4
    def f(self):
        return 2
--- check
assert m.A is A and m.seen == [A] and a.f() == 2 and a.size == 4
=== singledispatch [3.4]
--- m.py
import functools
@functools.singledispatch
def show(x):
    return 'any'
@show.register(int)
def _(x):
    return 'int'
@show.register(str)
def _(x):
    return 'str'
--- hold
import m
show = m.show
--- m.py
import functools
@functools.singledispatch
def show(x):
    return 'ANY'
@show.register(int)
def _(x):
    return 'INT'
@show.register(str)
def _(x):
    return 'STR'
@show.register(list)
def _(x):
    return 'LIST'
--- check
assert (show(1.0), show(1), show(''), show([])) == ('ANY', 'INT', 'STR', 'LIST')
=== decorator made of a class
--- m.py
class Deco(object):
    def __init__(self, fn):
        self.fn = fn
    def __call__(self, *a):
        return ['old', self.fn(*a)]
@Deco
def f(x):
    return x
--- hold
import m
f = m.f
--- m.py
class Deco(object):
    def __init__(self, fn):
        self.fn = fn
    def __call__(self, *a):
        return ['new', self.fn(*a)]
@Deco
def f(x):
    return -x
--- check
assert f(1) == ['new', -1] and m.f is f
=== decorator in another file
--- d.py
def deco(fn):
    def call(*a):
        return [fn(*a)]
    return call
--- m.py
from d import deco
@deco
def f(x):
    return x
--- hold
import m, d
f = m.f
--- d.py
def deco(fn):
    def call(*a):
        return (fn(*a),)
    return call
--- check
assert f(1) == (1,)
--- m.py
from d import deco
@deco
def f(x):
    return x + 1
--- check
assert f(1) == (2,)
=== syntax error, then mended
--- m.py
def f():
    return 1
--- hold
import m
f = m.f
--- m.py
def f(:
    return 2
--- check
assert f() == 1
--- m.py
def f():
    return 3
--- check
assert f() == 3
=== a raising default, decorator and class body, then mended
--- m.py
def f(x=1):
    return x
def g():
    return 1
class A(object):
    def m(self):
        return 1
--- hold
import m
f, g, a = m.f, m.g, m.A()
--- m.py
def f(x=nothing):
    return x
@nothing
def g():
    return 2
class A(object):
    size = nothing
    def m(self):
        return 2
--- check
assert f() == 1 and m.f() == 1 and m.g() in (1, 2) and a.m() in (1, 2)
--- m.py
def f(x=5):
    return x
def g():
    return 3
class A(object):
    size = 8
    def m(self):
        return 3
--- check
assert f() == 5 and g() == 3 and m.g() == 3 and a.m() == 3 and m.A.size == 8
=== what raised is tried again though its text is the same
--- m.py
import sys
def f():
    return 1
--- hold
import m
m.sys.ready = False
--- m.py
import sys
value = 1 if sys.ready else 1 // 0
def f():
    return 2
--- check
m.sys.ready = True
assert not hasattr(m, 'value')
--- m.py
import sys
value = 1 if sys.ready else 1 // 0
def f():
    return 3
--- check
assert m.value == 1 and m.f() == 3
=== import added together with its use
--- m.py
def f():
    return 1
--- hold
import m
f = m.f
--- m.py
import math
from os.path import join as glue
def helper():
    return math.pi
def f():
    return helper() > 3, glue('a', 'b') != ''
--- check
assert f() == (True, True)
=== unrelated state is not reset, moved and changed statements
--- m.py
cache = {}
runs = []
runs.append(1)
size = 1
def f():
    return size
--- hold
import m
m.cache['x'] = 1
f = m.f
--- m.py
runs = []
def f():
    return size * 2
size = 5
runs.append(1)
cache = {}
extra = [size]
--- check
assert m.cache == {'x': 1} and m.runs == [1] and f() == 10 and m.extra == [5]
=== a statement further down that builds on a changed one runs again
--- m.py
base = 1
base = base + 10
def f():
    return base
--- hold
import m
f = m.f
--- m.py
base = 2
base = base + 10
def f():
    return base
--- check
assert f() == 12
=== a later unchanged statement wins
--- m.py
mode = 'a'
mode = 'final'
--- hold
import m
--- m.py
mode = 'b'
mode = 'final'
--- check
assert m.mode == 'final'
=== wrapped by a later statement
--- m.py
def twice(fn):
    def call(x):
        return 2 * fn(x)
    return call
def f(x):
    return x
f = twice(f)
--- hold
import m
f = m.f
--- m.py
def twice(fn):
    def call(x):
        return 2 * fn(x)
    return call
def f(x):
    return x + 1
f = twice(f)
--- check
assert f(1) == 4 and m.f(1) == 4
--- m.py
def twice(fn):
    def call(x):
        return 2 * fn(x)
    return call
@twice
def f(x):
    return x + 1
f = twice(f)
--- check
assert m.f(1) == 8
=== byte order mark, CRLF and no last newline
--- m.py crlf bom noend
def f():
    return 1
--- hold
import m
f = m.f
--- m.py crlf bom noend
x = 1
def f():
    return 2
--- check
assert f() == 2 and m.x == 1 and where_line(f) == 2
=== latin-1 cookie
--- m.py latin-1
# -*- coding: latin-1 -*-
name = u'é'
def f():
    return u'é', 1
def g():
    return u'ü'
--- hold
import m
f, g = m.f, m.g
--- m.py latin-1
# -*- coding: latin-1 -*-
name = u'é'
def f():
    return u'é', 2
def g():
    return u'üü'
--- check
assert f() == (u'\\xe9', 2) and g() == u'\\xfc\\xfc'
=== the cookie changes
--- m.py latin-1
# -*- coding: latin-1 -*-
def f():
    return u'é'
--- hold
import m
f = m.f
--- m.py
# -*- coding: utf-8 -*-
def f():
    return u'é'
--- check
assert f() == u'\\xe9'
=== tabs
--- m.py
def f():
	if True:
		return 1
--- hold
import m
f = m.f
--- m.py
def f():
	if True:
		return 2
--- check
assert f() == 2
=== async functions and generators [3.6]
--- m.py
async def f():
    return 1
async def gen():
    yield 1
def plain():
    return 1
--- hold
import m
f, gen, plain = m.f, m.gen, m.plain
--- m.py
async def f():
    return 2
async def gen():
    yield 2
async def plain():
    return 2
--- check
assert drive(f()) == 2 and drive(gen().__anext__()) == 2
assert drive(m.plain()) == 2 and drive(plain()) == 2
=== two files in one save
--- a.py
def one():
    return 1
--- b.py
from a import one
def two():
    return one() + 1
--- hold
import a, b
two = b.two
--- a.py
def one():
    return 10
def extra():
    return 5
--- b.py
from a import one, extra
def two():
    return one() + extra()
--- check
assert two() == 15
=== equal code in two files
--- a.py
def f():
    return 1
--- b.py
def f():
    return 1
--- hold
import a, b
f, g = a.f, b.f
--- a.py
def f():
    return 2
--- check
assert f() == 2 and g() == 1
=== free variables come, go and come back
--- m.py
def outer(a, b):
    def inner():
        return a
    return inner
--- hold
import m
inner = m.outer(1, 2)
--- m.py
def outer(a, b):
    def inner():
        return 'none'
    return inner
--- check
assert inner() == 'none'
--- m.py
def outer(a, b):
    def inner():
        return a, 'back'
    return inner
--- check
assert inner() == (1, 'back') and m.outer(5, 6)() == (5, 'back')
--- m.py
def outer(a, b):
    def inner():
        return [a]
    return inner
--- check
assert inner() == [1]
=== closures with changed parameters
--- m.py
def outer(n):
    def inner(x):
        return x + n
    return inner
--- hold
import m
inner = m.outer(1)
--- m.py
def outer(n):
    def inner(x, y=100, *rest):
        return x + n + y
    return inner
--- check
assert inner(1) == 102 and m.outer(2)(1) == 103
=== two levels of closures and a class in a function
--- m.py
def a(x):
    def b(y):
        def c(z):
            return (x, y, z)
        return c
    class K(object):
        def m(self):
            return x
    return b, K
--- hold
import m
b, K = m.a(1)
c, k = b(2), K()
--- m.py
def a(x):
    def b(y):
        def c(z):
            return [x, y, z]
        return c
    class K(object):
        def m(self):
            return -x
    return b, K
--- check
assert c(3) == [1, 2, 3] and b(5)(6) == [1, 5, 6] and k.m() == -1
=== comprehensions, generators and lambdas inside
--- m.py
def f(n):
    k = 2
    return [x * k for x in range(n)], sum(x for x in range(n)), (lambda: k)()
--- hold
import m
f = m.f
--- m.py
def f(n):
    k = 3
    return [x * k for x in range(n)], sum(x + 1 for x in range(n)), (lambda: -k)()
--- check
assert f(2) == ([0, 3], 3, -3)
=== a function is added above, all lines move
--- m.py
class A(object):
    def bad(self):
        raise ValueError
def bad():
    raise KeyError
go = lambda: {}['x']
--- hold
import m
bad, meth, go = m.bad, m.A().bad, m.go
--- m.py
import os


def new():
    return os


class A(object):

    def bad(self):
        raise ValueError
# more
def bad():
    raise KeyError
go = lambda: {}['x']
--- check
assert (where_line(meth), where_line(bad), where_line(go)) == (11, 14, 15)
=== a class's source after a move [3.4]
--- m.py
class A(object):
    def f(self):
        return 1
--- hold
import inspect
import m
A, f = m.A, m.A.f
--- m.py
# moved
# down

class A(object):
    def f(self):
        return 1
--- check
assert inspect.getsource(A).startswith('class A') and inspect.getsource(f) == '    def f(self):\\n        return 1\\n'
=== comments and a formatter run nothing
--- m.py
runs = []
runs.append( [1,2] )
def f( a,b = 3 ):
    "doc"
    return {'a' : a}
--- hold
import m
f, doc = m.f, m.f.__doc__
was = m.runs
--- m.py
# A comment.
runs = []

runs.append([1, 2])


def f(a, b=3):
    "doc"
    # inside
    return {
        'a': a,
    }
--- check
assert m.runs is was and len(was) == 1 and f(1) == {'a': 1}
=== a star import and a package
--- pack/__init__.py
from .core import *
--- pack/core.py
__all__ = ['size', 'work']
size = 1
def work():
    return size
--- hold
import pack, pack.core
work = pack.work
--- pack/core.py
__all__ = ['size', 'work']
size = 2
def work():
    return size, 'new'
--- check
assert work() == (2, 'new') and pack.size == 2
=== function moved to another file keeps working
--- a.py
def f():
    return 1
def g():
    return f()
--- b.py
x = 1
--- hold
import a, b
f, g = a.f, a.g
--- b.py
x = 1
def f():
    return 2
--- a.py
from b import f
def g():
    return f()
--- check
assert g() == 2 and a.f() == 2 and f() in (1, 2)
=== global statements and deletes
--- m.py
count = 0
def bump():
    global count
    count += 1
    return count
--- hold
import m
m.bump()
--- m.py
count = 0
other = 5
del other
def bump():
    global count
    count += 5
    return count
--- check
assert m.bump() == 6 and not hasattr(m, 'other')
=== threads and timers run the new code
--- m.py
def tick():
    return 1
--- hold
import m, threading
out, saved = [], threading.Event()
def work(fn=m.tick):
    saved.wait(20)
    out.append(fn())
timer = threading.Timer(0, work)
timer.start()
--- m.py
def tick():
    return 2
--- check
saved.set()
timer.join()
assert out == [2]
=== a method moves to a base and changes in the same save
--- m.py
class Base(object):
    pass
class Child(Base):
    def work(self):
        return 1
--- hold
import m
work = m.Child().work
--- m.py
class Base(object):
    def work(self):
        return 2
class Child(Base):
    pass
--- check
assert work() == 2 and 'work' not in vars(m.Child) and m.Child().work() == 2
=== renamed twice, and recursive
--- m.py
def one(n):
    return n and one(n - 1) + 1
--- hold
import m
one = m.one
--- m.py
def two(n):
    return n and two(n - 1) + 1
--- check
assert one(3) == 3 and m.two is one and not hasattr(m, 'one')
--- m.py
def three(n):
    return n and three(n - 1) + 2
def two(n):
    return n and two(n - 1) + 5
--- check
assert one(3) == 15 and m.three(1) == 2
=== old-style, and a base edited [2.7]
--- m.py
class A:
    def f(self):
        return 1
class B(A):
    pass
--- hold
import m
b = m.B()
--- m.py
class A:
    size = 3
    def f(self):
        return 2
    def g(self):
        return self.size
class B(A):
    def h(self):
        return 4
--- check
assert (b.f(), b.g(), b.h()) == (2, 3, 4)
=== attributes of a function, annotations and docstrings [3.0]
--- m.py
def f(a: int, *, k: str = 'x') -> int:
    """One."""
    return k
--- hold
import m
f = m.f
f.mark = 1
--- m.py
def f(a: float, *, k: str = 'y', j=3) -> str:
    """Two."""
    return k, j
--- check
assert f.__annotations__ == {'a': float, 'k': str, 'return': str} and f.__doc__ == 'Two.' and f(1) == ('y', 3) and f.mark == 1
=== module docstring and dunder all
--- m.py
"""Old."""
x = 1
--- hold
import m
--- m.py
"""New."""
x = 1
--- check
assert m.__doc__ == 'New.'
=== conform gets the successor
--- m.py
def f():
    return 1
--- hold
import m
got = []
m.f.__conform__ = got.append
--- m.py
def f():
    return 2
--- check
assert len(got) == 1 and got[0]() == 2
=== generators that run end on the old code
--- m.py
def gen():
    for x in (1, 2, 3):
        yield x
--- hold
import m
running = m.gen()
next(running)
--- m.py
def gen():
    for x in (10, 20):
        yield x
--- check
assert list(running) == [2, 3] and list(m.gen()) == [10, 20]
=== a running function makes closures of old code, which follow later
--- m.py
def make():
    while True:
        def inner():
            return 1
        yield inner
--- hold
import m
running = m.make()
first = next(running)
--- m.py
def make():
    while True:
        def inner():
            return 2
        yield inner
--- check
second = next(running)
assert first() == 2
--- m.py
def make():
    while True:
        def inner():
            return 3
        yield inner
--- check
assert first() == 3 and second() == 3
=== an edit of one of two functions with equal text
--- m.py
def a():
    return 1
def b():
    return 1
--- hold
import m
a, b = m.a, m.b
--- m.py
def a():
    return 1
def b():
    return 2
--- check
assert (a(), b()) == (1, 2)
=== bodies of two functions exchanged
--- m.py
def a():
    return 1
def b():
    return 2
--- hold
import m
a, b = m.a, m.b
--- m.py
def a():
    return 2
def b():
    return 1
--- check
assert (a(), b()) == (2, 1) and m.a is a
=== class attribute used as default and loop in the class body
--- m.py
class A(object):
    names = []
    for n in range(2):
        names.append(n)
    def f(self):
        return self.names
--- hold
import m
a = m.A()
--- m.py
class A(object):
    names = []
    for n in range(2):
        names.append(n)
    def f(self):
        return self.names, 1
    total = len(names)
--- check
assert a.f() == ([0, 1], 1) and a.total == 2
=== type parameters [3.12]
--- m.py
def f[T](x: T) -> T:
    return x
class Box[T]:
    def get(self, x: T):
        return x
--- hold
import m
f, box, Box = m.f, m.Box(), m.Box
--- m.py
def f[T](x: T) -> T:
    return [x]
class Box[T]:
    size = 3
    def get(self, x: T):
        return [x]
--- check
assert f(1) == [1] and box.get(2) == [2] and m.Box is Box and box.size == 3
=== one line functions and semicolons
--- m.py
def f(): return 1
a = lambda: 1; b = lambda: 2
x = 1; y = 2
--- hold
import m
f, a, b = m.f, m.a, m.b
--- m.py
def f(): return 2
a = lambda: 10; b = lambda: 20
x = 1; y = 3
--- check
assert (f(), a(), b(), m.x, m.y) == (2, 10, 20, 1, 3)
=== a decorator is replaced while a C wrapper is held [3.3]
--- m.py
import functools
@functools.lru_cache()
def f(x):
    return x
--- hold
import m
f = m.f
f(1)
--- m.py
import functools
def f(x):
    return x + 1
--- check
assert m.f(1) == 2 and f(1) == 2
=== partial objects and bound methods in containers
--- m.py
import functools
class A(object):
    def f(self, x):
        return x
a = A()
p = functools.partial(a.f, 5)
table = {'f': a.f}
--- hold
import m
p, table = m.p, m.table
--- m.py
import functools
class A(object):
    def f(self, x):
        return [x]
a = A()
p = functools.partial(a.f, 5)
table = {'f': a.f}
--- check
assert p() == [5] and table['f'](1) == [1] and m.table is table
=== getattr of a module, and a metaclass keyword [3.7]
--- m.py
def __getattr__(name):
    return name
class Base:
    def __init_subclass__(cls, kind=None, **kw):
        cls.kind = kind
class A(Base, kind='x'):
    pass
--- hold
import m
a, A = m.A(), m.A
--- m.py
def __getattr__(name):
    return name + '!'
class Base:
    def __init_subclass__(cls, kind=None, **kw):
        cls.kind = kind
class A(Base, kind='y'):
    pass
--- check
assert m.foo == 'foo!' and a.kind == 'y' and m.A is A
=== a nested function gets super, in a method [3.0]
--- m.py
class A:
    def f(self): return 1
class B(A):
    def f(self):
        def inner():
            return 2
        return inner()
--- hold
import m
f = m.B().f
--- m.py
class A:
    def f(self): return 1
class B(A):
    def f(self):
        def inner():
            return super(B, self).f() + 2, __class__
        return inner()
--- check
assert f() == (3, m.B)
=== a removed constant lingers, a removed import too, as with a reload
--- m.py
import os
size = 1
def f():
    return size
--- hold
import m
f = m.f
--- m.py
def f():
    return 2
--- check
assert f() == 2
=== a default that did not change stays the same object
--- m.py
def f(x, a=[], b=1):
    a.append(x)
    return a, b
class A(object):
    def g(self, x, seen={}, k=1):
        seen[x] = k
        return sorted(seen)
--- hold
import m
f, g = m.f, m.A().g
f(1), g(1)
--- m.py
def f(x, a=[], b=2):
    a.append(x)
    return a, b
class A(object):
    def g(self, x, seen={}, k=2, more=()):
        seen[x] = k
        return sorted(seen)
--- check
assert f(2) == ([1, 2], 2) and g(2) == [1, 2], (f(2), g(2))
=== keyword-only defaults that did not change stay [3.3]
--- m.py
def f(x, *, a=[], b=1):
    a.append(x)
    return a, b
--- hold
import m
m.f(1)
--- m.py
def f(x, *, a=[], b=2, c=3):
    a.append(x)
    return a, b, c
--- check
assert m.f(2) == ([1, 2], 2, 3)
=== a wrapper with __conform__ is given the function that it wraps
--- m.py
built = []
def compiled(function):
    def call(*args):
        return function(*args)
    call.__conform__ = built.append
    return call
@compiled
def area(x):
    return x
--- hold
import m
--- m.py
built = []
def compiled(function):
    def call(*args):
        return function(*args)
    call.__conform__ = built.append
    return call
@compiled
def area(x):
    return 2 * x
--- check
assert m.area(3) == 6 and [function(3) for function in m.built] == [6]
=== WeakMethod and weakrefs keep working [3.4]
--- m.py
class A(object):
    def f(self):
        return 1
def g():
    return 1
--- hold
import m, weakref
a = m.A()
w, r, wa = weakref.WeakMethod(a.f), weakref.ref(m.g), weakref.ref(m.A)
--- m.py
class A(object):
    x = 1
    def f(self, k=4):
        return 2, k
def g(z=9):
    return 2, z
--- check
assert w()() == (2, 4) and r()() == (2, 9) and wa() is m.A
=== pickling instances and functions after a patch
--- m.py
class A(object):
    def __init__(self): self.x = 1
    def f(self): return self.x
def g(): return 1
class E(Exception): pass
--- hold
import m, pickle
a = m.A()
s = pickle.dumps([a, m.g, m.A, m.E('x')], 2)
--- m.py
class B(object): pass
class A(B):
    y = 5
    def __init__(self): self.x = 2
    def f(self): return self.x + self.y
def g(): return 2
class E(Exception):
    code = 1
--- check
b, g, A, e = pickle.loads(s)
assert b.f() == 6 and g() == 2 and A is m.A and type(a) is type(b) and e.code == 1
b, g, A, e = pickle.loads(pickle.dumps([a, m.g, m.A, m.E('x')], 2))
assert g is m.g and A is m.A and b.f() == 6
=== cached_property edited [3.8]
--- m.py
import functools
class A:
    @functools.cached_property
    def x(self):
        return 1
--- hold
import m
a, b = m.A(), m.A()
a.x
--- m.py
import functools
class A:
    @functools.cached_property
    def x(self):
        return 2
    @functools.cached_property
    def y(self):
        return self.x + 1
--- check
assert a.x in (1, 2) and b.x == 2 and b.y == 3
=== methodcaller, attrgetter, sorted key, signal handler, atexit
--- m.py
import atexit, signal, operator
class A(object):
    def f(self): return 1
def key(x): return x
def handler(sig, frame): got.append(1)
got = []
def bye(): return 1
atexit.register(bye)
call = operator.methodcaller('f')
--- hold
import m, signal, os, time
old = signal.signal(signal.SIGUSR1, m.handler)
a, key = m.A(), m.key
--- m.py
import atexit, signal, operator
class A(object):
    def f(self): return 2
def key(x): return -x
def handler(sig, frame): got.append(2)
got = []
def bye(): return 2
atexit.register(bye)
call = operator.methodcaller('f')
--- check
os.kill(os.getpid(), signal.SIGUSR1)
for _ in range(1000): pass
signal.signal(signal.SIGUSR1, old)
assert m.got == [2] and m.call(a) == 2 and sorted([1, 2], key=key) == [2, 1]
=== thread in a running loop
--- m.py
import time
stop, seen = [], []
def word(): return 1
def loop():
    while not stop:
        seen.append(word())
        time.sleep(0.001)
--- hold
import m, threading, time
t = threading.Thread(target=m.loop); t.daemon = True; t.start()
while not m.seen: time.sleep(0.001)
--- m.py
import time
stop, seen = [], []
def word(): return 2
def loop():
    while not stop:
        seen.append(word())
        time.sleep(0.001)
--- check
n = time.time()
while m.seen[-1] != 2 and time.time() < n + 5: time.sleep(0.001)
m.stop.append(1); t.join()
assert m.seen[-1] == 2
=== generator suspended calls new helper
--- m.py
def helper(): return 1
def gen():
    while True:
        yield helper()
--- hold
import m
g = m.gen()
next(g)
--- m.py
def helper(): return 2
def gen():
    while True:
        yield helper()
--- check
assert next(g) == 2
=== coroutine suspended ends on old code, next new [3.5]
--- m.py
class Wait:
    def __await__(self):
        yield 1
async def f():
    await Wait()
    return 'old'
async def main():
    return await f()
--- hold
import m
c = m.main(); c.send(None)
--- m.py
class Wait:
    def __await__(self):
        yield 1
async def f():
    await Wait()
    return 'new'
async def main():
    return await f()
--- check
try: c.send(None)
except StopIteration as s: assert s.value == 'old'
c = m.main(); c.send(None)
try: c.send(None)
except StopIteration as s: assert s.value == 'new'
=== async with, async for, async comprehension and async method [3.6]
--- m.py
class CM:
    async def __aenter__(self): return 1
    async def __aexit__(self, *a): return None
class A:
    async def go(self):
        async with CM() as x:
            return x
async def agen():
    for i in range(3): yield i
async def coll(): return [x async for x in agen()]
--- hold
import m
a = m.A(); go = a.go; coll = m.coll
--- m.py
class CM:
    async def __aenter__(self): return 2
    async def __aexit__(self, *a): return None
class A:
    async def go(self):
        async with CM() as x:
            return x, 1
async def agen():
    for i in range(3): yield i * 2
async def coll(): return [x async for x in agen() if x]
--- check
assert drive(go()) == (2, 1) and drive(coll()) == [2, 4]
=== match statement [3.10]
--- m.py
def f(x):
    match x:
        case 1: return 'one'
        case _: return 'other'
match 5:
    case 5:
        def g(): return 1
--- hold
import m
f, g = m.f, m.g
--- m.py
def f(x):
    match x:
        case 1: return 'one'
        case [a, *b]: return a, b
        case {'k': v, **r}: return v, r
        case _: return 'OTHER'
match 5:
    case 5:
        def g(): return 2
--- check
assert f(2) == 'OTHER' and f([1, 2]) == (1, [2]) and f({'k': 1}) == (1, {}) and g() == 2
=== walrus, f-strings, positional only [3.8]
--- m.py
def f(x, /, y=1): return f'{x}-{y}'
if (n := 5) > 3:
    def g(): return n
--- hold
import m
f, g = m.f, m.g
--- m.py
def f(x, /, y=2, *, z=3): return f'{x!r:>3}-{y}{z=}'
if (n := 6) > 3:
    def g(): return n, 1
--- check
assert f('a') == "'a'-2z=3" and g() == (6, 1) and raises(TypeError, lambda: f(x=1))
=== init_subclass edited [3.6]
--- m.py
class Base:
    def __init_subclass__(cls, **kw):
        cls.tag = 'old'
class A(Base): pass
--- hold
import m
--- m.py
class Base:
    def __init_subclass__(cls, **kw):
        cls.tag = 'new'
class A(Base): pass
class B(Base): pass
--- check
assert m.B.tag == 'new'
=== set_name for an added descriptor [3.6]
--- m.py
class Field:
    def __set_name__(self, owner, name): self.owner, self.name = owner, name
    def __get__(self, o, k=None): return (self.owner, self.name)
class A:
    def f(self): return 1
--- hold
import m
a = m.A()
--- m.py
class Field:
    def __set_name__(self, owner, name): self.owner, self.name = owner, name
    def __get__(self, o, k=None): return (self.owner, self.name)
class A:
    x = Field()
    def f(self): return 2
--- check
assert a.x == (m.A, 'x')
=== TypedDict, Protocol, NewType [3.8]
--- m.py
import typing
class T(typing.TypedDict):
    a: int
class P(typing.Protocol):
    def f(self) -> int: ...
@typing.runtime_checkable
class R(typing.Protocol):
    def f(self) -> int: ...
class C:
    def f(self): return 1
def use(t: T): return t['a']
--- hold
import m
c, use = m.C(), m.use
--- m.py
import typing
class T(typing.TypedDict):
    a: int
    b: str
class P(typing.Protocol):
    def f(self) -> int: ...
    def g(self) -> int: ...
@typing.runtime_checkable
class R(typing.Protocol):
    def f(self) -> int: ...
    def g(self) -> int: ...
class C:
    def f(self): return 2
    def g(self): return 3
def use(t: T): return t['b']
--- check
assert m.T(a=1, b='x')['b'] == 'x' and set(m.T.__annotations__) == {'a', 'b'}
assert isinstance(c, m.R) and use({'b': 4}) == 4 and c.g() == 3
=== contextmanager class edit
--- m.py
class CM(object):
    def __enter__(self): return 1
    def __exit__(self, *a): return False
--- hold
import m
cm = m.CM()
--- m.py
class CM(object):
    def __enter__(self): return 2
    def __exit__(self, *a): return True
--- check
with cm as x:
    assert x == 2
    raise ValueError
=== singledispatch and method registers [3.8]
--- m.py
import functools
class A:
    @functools.singledispatchmethod
    def show(self, x): return 'any'
    @show.register(int)
    def _(self, x): return 'int'
    @show.register(str)
    def _(self, x): return 'str'
--- hold
import m
a = m.A()
--- m.py
import functools
class A:
    @functools.singledispatchmethod
    def show(self, x): return 'ANY'
    @show.register(int)
    def _(self, x): return 'INT'
    @show.register(str)
    def _(self, x): return 'STR'
    @show.register(list)
    def _(self, x): return 'LIST'
--- check
assert (a.show(1.5), a.show(1), a.show(''), a.show([])) == ('ANY', 'INT', 'STR', 'LIST')
=== wraps chains, edit of the middle
--- m.py
import functools
def a(fn):
    @functools.wraps(fn)
    def call(*x): return ['a'] + fn(*x)
    return call
def b(n):
    def deco(fn):
        @functools.wraps(fn)
        def call(*x): return ['b%d' % n] + fn(*x)
        return call
    return deco
@a
@b(1)
def f(): return ['f']
@b(2)
@a
def g(): return ['g']
--- hold
import m
f, g = m.f, m.g
--- m.py
import functools
def a(fn):
    @functools.wraps(fn)
    def call(*x): return ['A'] + fn(*x)
    return call
def b(n):
    def deco(fn):
        @functools.wraps(fn)
        def call(*x): return ['B%d' % n] + fn(*x)
        return call
    return deco
@a
@b(3)
def f(): return ['F']
@b(2)
@a
def g(): return ['G']
--- check
assert m.f() == ['A', 'B3', 'F'] and g() == ['B2', 'A', 'G'] and f() == ['A', 'B3', 'F'], (f(), m.f(), g())
=== __all__ and star import gains a name
--- a.py
__all__ = ['f']
def f(): return 1
--- b.py
from a import *
def use(): return f()
--- hold
import a, b
--- a.py
__all__ = ['f', 'g']
def f(): return 2
def g(): return 3
--- b.py
from a import *
def use(): return f(), g()
--- check
assert b.use() == (2, 3)
=== circular imports
--- a.py
import b
def f(): return b.g()
def base(): return 1
--- b.py
import a
def g(): return a.base() + 1
--- hold
import a, b
f = a.f
--- a.py
import b
def f(): return [b.g()]
def base(): return 10
--- b.py
import a
def g(): return a.base() + 2
--- check
assert f() == [12]
=== conditional and try imports, TYPE_CHECKING [3.5]
--- m.py
import typing
try:
    import no_mod_a as j
except ImportError:
    import json as j
if typing.TYPE_CHECKING:
    import no_mod_b
def f(): return j.dumps(1)
--- hold
import m
f = m.f
--- m.py
import typing
try:
    import no_mod_a as j
except ImportError:
    import pickle as j
if typing.TYPE_CHECKING:
    import no_mod_b, no_mod_c
def f(): return j.dumps(1, 0)
--- check
assert f() == m.j.dumps(1, 0) and m.j.__name__ == 'pickle'
=== class-level comprehension
--- m.py
class A(object):
    n = 3
    sq = [i * i for i in range(3)]
    d = dict((k, k) for k in sq)
    def f(self): return self.sq
--- hold
import m
a = m.A()
--- m.py
class A(object):
    n = 4
    sq = [i * i for i in range(4)]
    d = dict((k, k + 1) for k in sq)
    def f(self): return self.sq, self.d
--- check
assert a.f() == ([0, 1, 4, 9], {0: 1, 1: 2, 4: 5, 9: 10}), a.f()
=== default mutable args keep state on closure and kwonly [3.0]
--- m.py
def f(x, *, seen=[], n=1):
    seen.append(x); return list(seen)
class A:
    def g(self, x, memo={}):
        memo[x] = 1; return sorted(memo)
--- hold
import m
f, a = m.f, m.A()
f(1); a.g(1)
--- m.py
def f(x, *, seen=[], n=1):
    seen.append(x); return list(seen), n
class A:
    def g(self, x, memo={}):
        memo[x] = 2; return sorted(memo), 'new'
--- check
assert f(2) == ([1, 2], 1) and a.g(2) == ([1, 2], 'new')
=== another default changed beside a live one
--- m.py
def f(x, seen=[], n=1):
    seen.append(x); return list(seen), n
--- hold
import m
f = m.f
f(1)
--- m.py
def f(x, seen=[], n=2):
    seen.append(x); return list(seen), n
--- check
assert f(2) in (([1, 2], 2), ([2], 2)), f(2)
=== class attributes shadowed by instances
--- m.py
class A(object):
    x = 1
    y = 1
--- hold
import m
a = m.A(); a.x = 'mine'
--- m.py
class A(object):
    x = 2
    y = 2
--- check
assert a.x == 'mine' and a.y == 2
=== class attribute that the program changed is kept when its line did not change
--- m.py
class A(object):
    x = 1
    y = 1
    def f(self): return self.x, self.y
--- hold
import m
m.A.x = 'set'
a = m.A()
--- m.py
class A(object):
    x = 1
    y = 2
    def f(self): return [self.x, self.y]
--- check
assert a.f() == ['set', 2]
=== del statement added and removed
--- m.py
tmp = 5
keep = tmp + 1
del tmp
def f(): return keep
--- hold
import m
f = m.f
--- m.py
tmp = 6
keep = tmp + 1
del tmp
def f(): return keep
--- check
assert f() == 6 and not hasattr(m, 'tmp'), (f(), vars(m).get('tmp'))
=== loop statement that defines functions
--- m.py
table = {}
for name in ('a', 'b'):
    def make(n=name):
        return n, 1
    table[name] = make
--- hold
import m
a = m.table['a']
t = m.table
--- m.py
table = {}
for name in ('a', 'b'):
    def make(n=name):
        return n, 2
    table[name] = make
--- check
assert a() == ('a', 2) and m.table['b']() == ('b', 2) and m.table is t
=== a constant dict is changed and functions see it
--- m.py
conf = {'a': 1}
def f(): return conf['a']
--- n.py
from m import conf
def g(): return conf['a']
--- hold
import m, n
f, g = m.f, n.g
--- m.py
conf = {'a': 2}
def f(): return conf['a']
--- check
assert f() == 2 and g() == 2
=== augmented assignment in a module
--- m.py
x = [1]
x += [2]
n = 1
n += 1
def f(): return x, n
--- hold
import m
f = m.f
--- m.py
x = [1]
x += [3]
n = 1
n += 5
def f(): return x, n
--- check
assert m.n in (6, 7)
=== function becomes generator and back
--- m.py
def f():
    return [1]
--- hold
import m
f = m.f
--- m.py
def f():
    yield 2
--- check
assert list(f()) == [2] and m.f is f
--- m.py
def f():
    return [3]
--- check
assert f() == [3]
=== lambda becomes def and back
--- m.py
f = lambda x: x
--- hold
import m
f = m.f
--- m.py
def f(x):
    return -x
--- check
assert m.f(1) == -1 and f(1) in (1, -1)
--- m.py
f = lambda x: x * 5
--- check
assert m.f(1) == 5
=== class becomes function and back
--- m.py
class A(object):
    def f(self): return 1
--- hold
import m
A, a = m.A, m.A()
--- m.py
def A():
    return 'fn'
--- check
assert m.A() == 'fn' and a.f() == 1
--- m.py
class A(object):
    def f(self): return 3
--- check
assert m.A().f() == 3
=== function imported elsewhere becomes class; from-import follows
--- m.py
def thing(): return 1
--- n.py
from m import thing
def use(): return thing()
--- hold
import m, n
--- m.py
class thing(object):
    def __init__(self): self.v = 2
--- check
assert n.use().v == 2
=== decorator added to a method and removed
--- m.py
def twice(fn):
    def call(*a): return [fn(*a)] * 2
    return call
class A(object):
    def f(self): return 1
--- hold
import m
a = m.A(); f = a.f
--- m.py
def twice(fn):
    def call(*a): return [fn(*a)] * 2
    return call
class A(object):
    @twice
    def f(self): return 2
--- check
assert a.f() == [2, 2] and f() == [2, 2]
--- m.py
def twice(fn):
    def call(*a): return [fn(*a)] * 2
    return call
class A(object):
    def f(self): return 3
--- check
assert a.f() == 3 and f() == 3
=== decorator changed to another
--- m.py
def d1(fn):
    def call(*a): return ['1', fn(*a)]
    return call
def d2(fn):
    def call(*a): return ['2', fn(*a)]
    return call
@d1
def f(): return 1
--- hold
import m
f = m.f
--- m.py
def d1(fn):
    def call(*a): return ['1', fn(*a)]
    return call
def d2(fn):
    def call(*a): return ['2', fn(*a)]
    return call
@d2
def f(): return 1
--- check
assert m.f() == ['2', 1] and f() == ['2', 1], f()
=== decorator's argument changes: old wrapper follows
--- m.py
def times(n):
    def deco(fn):
        def call(*a): return [fn(*a)] * n
        return call
    return deco
@times(2)
def f(): return 1
--- hold
import m
f = m.f
--- m.py
def times(n):
    def deco(fn):
        def call(*a): return [fn(*a)] * n
        return call
    return deco
@times(3)
def f(): return 1
--- check
assert m.f() == [1] * 3 and f() == [1] * 3, f()
=== registry dict with decorator changed key
--- m.py
routes = {}
def route(p):
    def keep(fn):
        routes[p] = fn
        return fn
    return keep
@route('/a')
def a(): return 1
--- hold
import m
a = m.a
--- m.py
routes = {}
def route(p):
    def keep(fn):
        routes[p] = fn
        return fn
    return keep
@route('/b')
def a(): return 2
--- check
assert m.routes['/b']() == 2 and a() == 2
=== metaclass added to a class [3.0]
--- m.py
class Meta(type):
    def hi(cls): return 'hi'
class A:
    def f(self): return 1
--- hold
import m
a, A = m.A(), m.A
--- m.py
class Meta(type):
    def hi(cls): return 'hi'
class A(metaclass=Meta):
    def f(self): return 2
--- check
assert m.A.hi() == 'hi' and a.f() == 2
=== metaclass edited method and attribute
--- m.py
class Meta(type):
    def __call__(cls, *a):
        o = type.__call__(cls, *a)
        o.made = 1
        return o
A = Meta('A', (object,), {})
--- hold
import m
A = m.A
--- m.py
class Meta(type):
    def __call__(cls, *a):
        o = type.__call__(cls, *a)
        o.made = 2
        return o
A = Meta('A', (object,), {})
--- check
assert A().made == 2
=== ABC: an abstract method is added and taken away [3.4]
--- m.py
import abc
class Base(abc.ABC):
    @abc.abstractmethod
    def f(self): pass
class T(Base):
    def f(self): return 1
--- hold
import m
T, t = m.T, m.T()
--- m.py
import abc
class Base(abc.ABC):
    @abc.abstractmethod
    def f(self): pass
    @abc.abstractmethod
    def g(self): pass
class T(Base):
    def f(self): return 2
--- check
assert raises(TypeError, T) and t.f() == 2
--- m.py
import abc
class Base(abc.ABC):
    @abc.abstractmethod
    def f(self): pass
    def g(self): return 'g'
class T(Base):
    def f(self): return 3
--- check
assert T().g() == 'g' and t.g() == 'g'
=== ABC register survives [3.4]
--- m.py
import abc
class Base(abc.ABC):
    @abc.abstractmethod
    def f(self): pass
@Base.register
class V(object):
    def f(self): return 1
--- hold
import m
v = m.V()
--- m.py
import abc
class Base(abc.ABC):
    """doc"""
    x = 1
    @abc.abstractmethod
    def f(self): pass
@Base.register
class V(object):
    def f(self): return 2
--- check
assert isinstance(v, m.Base) and v.f() == 2
=== enum with auto, str mixin, custom init, aliases [3.6]
--- m.py
import enum
class S(str, enum.Enum):
    A = 'a'
class P(enum.Enum):
    X = (1, 2)
    def __init__(self, a, b): self.a, self.b = a, b
class Au(enum.Enum):
    ONE = enum.auto()
    TWO = enum.auto()
--- hold
import m
a, x, one, two = m.S.A, m.P.X, m.Au.ONE, m.Au.TWO
d = {a: 1, x: 2}
--- m.py
import enum
class S(str, enum.Enum):
    A = 'a'
    B = 'b'
    ALIAS = 'a'
class P(enum.Enum):
    X = (1, 2)
    Y = (3, 4)
    def __init__(self, a, b): self.a, self.b = a, b
    @property
    def total(self): return self.a + self.b
class Au(enum.Enum):
    ZERO = enum.auto()
    ONE = enum.auto()
    TWO = enum.auto()
--- check
assert m.S.B == 'b' and m.S('b') is m.S.B and m.S.ALIAS is m.S.A is a and d[m.S.A] == 1
assert m.P.Y.total == 7 and x.total == 3 and m.P((3, 4)) is m.P.Y
assert m.Au.ONE is one and one.value == 2 and m.Au(3) is two and m.Au.ZERO.value == 1 and [e.name for e in m.Au] == ['ZERO', 'ONE', 'TWO']
=== enum pickles and member of new repr, iteration, len, contains [3.6]
--- m.py
import enum
class C(enum.Enum):
    A = 1
--- hold
import m, pickle
a = m.C.A
--- m.py
import enum
class C(enum.Enum):
    A = 1
    B = 2
--- check
assert pickle.loads(pickle.dumps(m.C.B)) is m.C.B and len(m.C) == 2 and m.C.B in m.C and m.C['B'] is m.C.B and repr(m.C.B).startswith('<C.B')
assert m.C.__members__['B'] is m.C.B and list(m.C.__members__) == ['A', 'B'] and type(m.C.B) is m.C
import copy
assert copy.deepcopy(m.C.B) is m.C.B and hash(m.C.B) == hash(m.C.B)
=== dataclass: field removed, default changed, frozen, order, inheritance [3.7]
--- m.py
import dataclasses as dc
@dc.dataclass(frozen=True, order=True)
class F:
    a: int
    b: int = 2
@dc.dataclass
class Base:
    x: int = 1
@dc.dataclass
class D(Base):
    y: int = 2
--- hold
import m
f, d = m.F(1), m.D()
--- m.py
import dataclasses as dc
@dc.dataclass(frozen=True, order=True)
class F:
    a: int
    b: int = 3
@dc.dataclass
class Base:
    x: int = 10
    z: list = dc.field(default_factory=list)
@dc.dataclass
class D(Base):
    y: int = 20
--- check
assert m.F(1).b == 3 and m.F(1) < m.F(2) and hash(m.F(1)) == hash(m.F(1)), m.F(1)
n = m.D()
assert n.y == 20, n
assert (n.x, n.z) == (10, []), n
=== namedtuple module-level gets field; instances keep [3.0]
--- m.py
from collections import namedtuple
P = namedtuple('P', 'x y')
def norm(p): return p.x
--- hold
import m
p, norm = m.P(1, 2), m.norm
--- m.py
from collections import namedtuple
P = namedtuple('P', 'x y z', defaults=None) if False else namedtuple('P', 'x y z')
def norm(p): return p.x, p.y
--- check
assert m.P(1, 2, 3).z == 3 and norm(p) == (1, 2)
=== base added to a class that had none, then another, then none
--- m.py
class P(object):
    def p(self): return 'p'
class Q(object):
    def p(self): return 'q'
class A(object):
    def f(self): return 1
class B(A):
    def g(self): return self.f()
--- n.py
from m import A
--- hold
import m, n
a, A, b, f = m.A(), m.A, m.B(), m.A().f
--- m.py
class P(object):
    def p(self): return 'p'
class Q(object):
    def p(self): return 'q'
class A(P):
    def f(self): return 2, self.p()
class B(A):
    def g(self): return self.f()
--- check
assert isinstance(a, m.P) and a.f() == (2, 'p') and b.g() == (2, 'p') and f() == (2, 'p') and isinstance(a, m.A) and n.A is m.A
assert isinstance(b, m.A) and isinstance(b, m.P) and type(a) is m.A
--- m.py
class P(object):
    def p(self): return 'p'
class Q(object):
    def p(self): return 'q'
class A(Q, P):
    def f(self): return 3, self.p()
class B(A):
    def g(self): return self.f()
--- check
assert a.f() == (3, 'q') == b.g() == f() and isinstance(b, m.Q)
--- m.py
class P(object):
    def p(self): return 'p'
class Q(object):
    def p(self): return 'q'
class A(object):
    x = 5
    def f(self): return 4
class B(A):
    def g(self): return self.f()
--- check
assert a.f() == 4 == b.g() == f() and not isinstance(b, m.Q) and a.x == 5
--- m.py
class P(object):
    def p(self): return 'p'
class Q(object):
    def p(self): return 'q'
class A(object):
    x = 6
    def f(self): return 5
class B(A):
    def g(self): return self.f()
--- check
assert a.f() == 5 == b.g() == f() and a.x == 6 and type(a) is m.A
=== base added with super and init [3.0]
--- m.py
class P:
    def __init__(self): self.p = 1
    def f(self): return ['P']
class A:
    def __init__(self): self.a = 1
    def f(self): return ['A']
--- hold
import m
a, f = m.A(), m.A().f
--- m.py
class P:
    def __init__(self): self.p = 1
    def f(self): return ['P']
class A(P):
    def __init__(self):
        super().__init__()
        self.a = 1
    def f(self): return super().f() + ['A']
--- check
assert a.f() == ['P', 'A'] and f() == ['P', 'A'] and m.A().p == 1
=== base added that is an exception
--- m.py
class A(Exception):
    pass
class Mix(object):
    def mix(self): return 1
--- hold
import m
a = m.A('x')
--- m.py
class A(ValueError):
    pass
class Mix(object):
    def mix(self): return 1
--- check
assert issubclass(m.A, ValueError)
try:
    raise m.A('y')
except ValueError as e: assert str(e) == 'y'
=== mixin added in front
--- m.py
class Mix(object):
    def mix(self): return 1
class E(Exception): pass
--- hold
import m
e = m.E('x')
--- m.py
class Mix(object):
    def mix(self): return 1
class E(Mix, Exception): pass
--- check
assert m.E('y').mix() == 1 and e.mix() == 1 and str(e) == 'x'
=== new constant imported by another file of the same save
--- a.py
def f(): return 1
--- b.py
import a
def g(): return a.f()
--- hold
import a, b
g = b.g
--- a.py
K = 3
class C(object):
    v = 4
def f(): return K
--- b.py
import a
from a import K, C
LIM = K + 1
def g(): return a.f(), K, C.v, LIM
--- check
assert g() == (3, 3, 4, 4)
=== changed constant used at top of another file of the same save
--- a.py
RATE = 1
--- b.py
from a import RATE
total = RATE * 10
def g(): return total
--- hold
import a, b
--- a.py
RATE = 2
--- b.py
from a import RATE
total = RATE * 100
def g(): return total
--- check
assert b.g() == 200
=== class renamed while objects live, then edited
--- m.py
class Old(object):
    def f(self): return 1
def make(): return Old()
--- hold
import m
o, Old = m.Old(), m.Old
--- m.py
class New(object):
    def f(self): return 1
def make(): return New()
--- check
assert not hasattr(m, 'Old') and o.f() == 1 and m.make().f() == 1
--- m.py
class New(object):
    def f(self): return 2
def make(): return New()
--- check
assert m.make().f() == 2 == o.f() and isinstance(o, m.New) and m.New is Old and Old.__name__ == 'New'
=== method renamed while bound method is held, then edited
--- m.py
class A(object):
    def old(self): return [1, 2, 3]
    def other(self): return 0
--- hold
import m
a = m.A(); f = a.old
--- m.py
class A(object):
    def new(self): return [1, 2, 3]
    def other(self): return 0
--- check
assert f() == [1, 2, 3] and a.new() == [1, 2, 3] and not hasattr(a, 'old')
--- m.py
class A(object):
    def new(self): return [1, 2, 30]
    def other(self): return 0
--- check
assert f() == [1, 2, 30] == a.new()
=== method moves to another class, edited
--- m.py
class A(object):
    def f(self): return 1
class B(object):
    pass
--- hold
import m
b = m.B(); a = m.A()
--- m.py
class A(object):
    pass
class B(object):
    def f(self): return 2
--- check
assert b.f() == 2 and not hasattr(a, 'f')
=== function moved into a class as a method and back
--- m.py
def f(x): return 1
class A(object):
    pass
--- hold
import m
a = m.A()
--- m.py
class A(object):
    def f(self): return 2
--- check
assert a.f() == 2 and not hasattr(m, 'f')
--- m.py
def f(x): return 3
class A(object):
    pass
--- check
assert m.f(1) == 3 and not hasattr(a, 'f')
=== inner function renamed, added
--- m.py
def outer(n):
    def one(): return n
    return one
--- hold
import m
i = m.outer(1)
--- m.py
def outer(n):
    def two(): return n + 1
    def extra(): return 5
    return two
--- check
assert m.outer(1)() == 2 and i() in (1, 2)
=== lambdas with captured defaults in a list comprehension
--- m.py
def make(): return [lambda x, i=i: x + i for i in range(3)]
--- hold
import m
fs = m.make()
--- m.py
def make(): return [lambda x, i=i: x * 10 + i for i in range(3)]
--- check
assert [f(1) for f in fs] == [10, 11, 12]
=== closure in a method, and a class made in a function
--- m.py
class A(object):
    def __init__(self, n): self.n = n
    def make(self, k):
        def inner(x): return self.n + k + x
        return inner
    def cls(self):
        outer = self
        class In(object):
            def f(self): return outer.n
        return In()
--- hold
import m
a = m.A(1); i, c = a.make(2), a.cls()
--- m.py
class A(object):
    def __init__(self, n): self.n = n
    def make(self, k):
        def inner(x): return [self.n, k, x]
        return inner
    def cls(self):
        outer = self
        class In(object):
            def f(self): return [outer.n]
            def g(self): return 1
        return In()
--- check
assert i(3) == [1, 2, 3] and c.f() == [1] and a.cls().g() == 1
=== closure over loop variable and self-recursive closure
--- m.py
def outer():
    def fact(n): return 1 if n < 2 else n * fact(n - 1)
    return fact
--- hold
import m
f = m.outer()
--- m.py
def outer():
    def fact(n): return 1 if n < 2 else n + fact(n - 1)
    return fact
--- check
assert f(4) == 10
=== inner becomes generator, gets defaults
--- m.py
def outer(a):
    def inner(x, y=2): return a, x, y
    return inner
--- hold
import m
i = m.outer(1)
--- m.py
def outer(a):
    def inner(x, y=3, z=4):
        yield a, x, y, z
    return inner
--- check
assert list(i(5)) in ([(1, 5, 3, 4)], [(1, 5, 2, 4)]) and list(m.outer(2)(5)) == [(2, 5, 3, 4)], list(i(5))
=== inner default that names the outer's parameter
--- m.py
def outer(a):
    def inner(x=a): return x
    return inner
--- hold
import m
i = m.outer(7)
--- m.py
def outer(a):
    def inner(x=a): return [x]
    return inner
--- check
assert i() == [7]
=== nonlocal appears and goes [3.0]
--- m.py
def outer():
    n = 0
    def inc():
        return n
    return inc
--- hold
import m
i = m.outer()
--- m.py
def outer():
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    return inc
--- check
assert i() == 1 and i() == 2
--- m.py
def outer():
    n = 0
    def inc():
        return -n
    return inc
--- check
assert i() == -2
=== lambda with two free variables, order differs
--- m.py
def outer(a, b):
    return lambda: (a, b)
--- hold
import m
f = m.outer(1, 2)
--- m.py
def outer(a, b):
    return lambda: (b, a, a)
--- check
assert f() == (2, 1, 1)
=== several lambdas on one line in a call, one edited
--- m.py
fs = list(map(lambda f: f, [lambda: 1, lambda: 2]))
d = dict(a=lambda x: x, b=lambda x: -x)
--- hold
import m
f, g = m.fs
a, b = m.d['a'], m.d['b']
d = m.d
--- m.py
fs = list(map(lambda f: f, [lambda: 1, lambda: 3]))
d = dict(a=lambda x: x, b=lambda x: -x * 2)
--- check
assert (f(), g(), a(1), b(1)) == (1, 3, 1, -2) and m.d is d
=== lambda default args, and a lambda added to a table
--- m.py
table = {'a': lambda x: x}
--- hold
import m
a, table = m.table['a'], m.table
--- m.py
table = {'a': lambda x: x + 1, 'b': lambda x: x + 2}
--- check
assert m.table['a'](0) == 1 and m.table['b'](0) == 2 and a(0) == 1
=== property: getter edited, setter added, deleter, held property object
--- m.py
class A(object):
    _v = 1
    @property
    def v(self): return self._v
    def get_w(self): return 'w'
    w = property(get_w)
--- hold
import m
a = m.A()
--- m.py
class A(object):
    _v = 1
    @property
    def v(self): return self._v + 1
    @v.setter
    def v(self, x): self._v = x
    @v.deleter
    def v(self): self._v = 100
    def get_w(self): return 'W'
    w = property(get_w)
--- check
a.v = 5
assert a.v == 6 and a.w == 'W'
del a.v
assert a.v == 101
=== property made of functions gets a setter by statement
--- m.py
class A(object):
    def get_w(self): return 'w'
    w = property(get_w)
--- hold
import m
a = m.A()
--- m.py
class A(object):
    def get_w(self): return 'W'
    def set_w(self, v): self.x = v
    w = property(get_w, set_w)
--- check
a.w = 3
assert a.x == 3 and a.w == 'W'
=== classmethod becomes static, and a decorated classmethod
--- m.py
import functools
def deco(fn):
    @functools.wraps(fn)
    def call(*a): return ['d', fn(*a)]
    return call
class A(object):
    @classmethod
    @deco
    def c(cls): return cls.__name__
    @staticmethod
    def s(x): return x
--- hold
import m
c, s, a = m.A.c, m.A.s, m.A()
--- m.py
import functools
def deco(fn):
    @functools.wraps(fn)
    def call(*a): return ['D', fn(*a)]
    return call
class A(object):
    @classmethod
    @deco
    def c(cls): return cls.__name__ + '!'
    @classmethod
    def s(cls, x): return cls.__name__, x
--- check
assert c() == ['D', 'A!'] and a.s(1) == ('A', 1)
=== descriptor class edited and attribute value changed
--- m.py
class D(object):
    def __init__(self, n): self.n = n
    def __get__(self, o, k=None): return self.n
class A(object):
    x = D(1)
    y = D(1)
--- hold
import m
a = m.A()
--- m.py
class D(object):
    def __init__(self, n): self.n = n
    def __get__(self, o, k=None): return [self.n]
    def __set__(self, o, v): o.__dict__['sx'] = v
class A(object):
    x = D(2)
    y = D(1)
--- check
assert a.x == [2] and a.y == [1]
a.y = 3
assert a.sx == 3
=== init changed: new objects new, old stay
--- m.py
class A(object):
    def __init__(self): self.x = 1
--- hold
import m
a = m.A()
--- m.py
class A(object):
    def __init__(self, x=2): self.x = x; self.y = 3
--- check
assert a.x == 1 and m.A().x == 2 and m.A(5).y == 3
=== __new__, __call__, __iter__, __hash__, __eq__ added
--- m.py
class A(object):
    def f(self): return 1
--- hold
import m
a = m.A()
--- m.py
class A(object):
    def __new__(cls, *a):
        self = object.__new__(cls); self.made = True; return self
    def __iter__(self): return iter([1])
    def __eq__(self, o): return True
    def __hash__(self): return 7
    def __call__(self): return 'call'
    def __getattr__(self, n): return n
--- check
assert list(a) == [1] and a == 5 and hash(a) == 7 and a() == 'call' and a.zz == 'zz' and m.A().made
--- m.py
class A(object):
    def f(self): return 1
--- check
assert raises(TypeError, iter, a) and raises(TypeError, a) and a != 5 and not hasattr(a, 'zz') and a == a and hash(a) != 7 and m.A() is not None
=== __eq__ without __hash__ makes it unhashable, then back [3.0]
--- m.py
class A:
    pass
--- hold
import m
a = m.A()
--- m.py
class A:
    def __eq__(self, o): return self is o
--- check
assert raises(TypeError, hash, a)
--- m.py
class A:
    pass
--- check
hash(a)
=== private attribute and method renamed
--- m.py
class A(object):
    __limit = 1
    def __get(self): return self.__limit
    def go(self): return self.__get()
--- hold
import m
a = m.A(); go = a.go
--- m.py
class A(object):
    __bound = 2
    def __fetch(self, __k=3): return self.__bound, __k
    def go(self): return self.__fetch()
--- check
assert go() == (2, 3) and not hasattr(a, '_A__limit') and not hasattr(a, '_A__get')
=== annotated class attributes change [3.6]
--- m.py
class A:
    x: int = 1
    z: int
--- hold
import m
a = m.A()
--- m.py
class A:
    x: int = 2
    y: str = 'a'
--- check
assert a.x == 2 and a.y == 'a' and m.A.__annotations__ == {'x': int, 'y': str}, m.A.__annotations__
=== module annotations change [3.6]
--- m.py
x: int = 1
--- hold
import m
--- m.py
x: int = 2
y: str = 'a'
--- check
assert m.x == 2 and m.y == 'a' and m.__annotations__['y'] is str
=== class decorated by a function that wraps: replaced class
--- m.py
def add(cls):
    cls.extra = 1
    return cls
def sub(cls):
    class Sub(cls):
        def g(self): return 'sub'
    return Sub
@add
class A(object):
    def f(self): return 1
@sub
class B(object):
    def f(self): return 1
--- hold
import m
a, b, A = m.A(), m.B(), m.A
--- m.py
def add(cls):
    cls.extra = 1
    return cls
def sub(cls):
    class Sub(cls):
        def g(self): return 'sub'
    return Sub
@add
class A(object):
    x = 3
    def f(self): return 2
    def h(self): return 4
@sub
class B(object):
    x = 3
    def f(self): return 2
    def h(self): return 4
--- check
assert m.A is A and (a.f(), a.h(), a.x, a.extra) == (2, 4, 3, 1)
assert b.f() == 2 and b.g() == 'sub' and m.B().h() == 4 and m.B().x == 3, (m.B().f(), b.f())
=== class decorator added and removed
--- m.py
def tag(cls):
    cls.tag = cls.__name__
    return cls
class A(object):
    def f(self): return 1
--- hold
import m
a, A = m.A(), m.A
--- m.py
def tag(cls):
    cls.tag = cls.__name__
    return cls
@tag
class A(object):
    def f(self): return 2
--- check
assert m.A is A and a.tag == 'A' and a.f() == 2
--- m.py
def tag(cls):
    cls.tag = cls.__name__
    return cls
class A(object):
    def f(self): return 3
--- check
assert m.A is A and a.f() == 3 and isinstance(m.A(), A)
=== total_ordering and a dataclass decorator added [3.7]
--- m.py
import functools, dataclasses
class P:
    def __init__(self, x): self.x = x
--- hold
import m
p = m.P(1)
--- m.py
import functools, dataclasses
@functools.total_ordering
@dataclasses.dataclass(eq=False)
class P:
    x: int
    def __eq__(self, o): return self.x == o.x
    def __lt__(self, o): return self.x < o.x
--- check
assert p < m.P(2) and p >= m.P(1) and repr(p) == 'P(x=1)' and m.P(3).x == 3
=== dataclass with slots gets a method and a field [3.10]
--- m.py
import dataclasses
@dataclasses.dataclass(slots=True)
class P:
    x: int
    def f(self): return self.x
--- hold
import m
p, f = m.P(1), m.P(1).f
--- m.py
import dataclasses
@dataclasses.dataclass(slots=True)
class P:
    x: int
    def f(self): return -self.x
    def g(self): return 5
--- check
assert p.f() == -1 and f() == -1 and m.P(2).g() == 5 and p.g() == 5 and isinstance(p, m.P)
--- m.py
import dataclasses
@dataclasses.dataclass(slots=True)
class P:
    x: int
    y: int = 4
    def f(self): return [self.x]
--- check
assert m.P(1).y == 4 and p.f() in (-1, [1]) and f() in (-1, [1])
=== slots removed, slots with a dict, a slot's default
--- m.py
class P(object):
    __slots__ = ('x', 'y')
    def f(self): return self.x
--- hold
import m
p = m.P(); p.x = 1
f = p.f
--- m.py
class P(object):
    __slots__ = ('x',)
    def f(self): return [self.x]
--- check
q = m.P(); q.x = 2
assert q.f() == [2] and p.f() in (1, [1]) and f() in (1, [1]) and raises(AttributeError, setattr, q, 'y', 1)
--- m.py
class P(object):
    def f(self): return {self.x}
--- check
q = m.P(); q.x = 2; q.zz = 1
assert q.f() == {2} and p.f() in (1, [1], {1})
=== singleton instances and module level objects keep identity
--- m.py
class Conf(object):
    def get(self): return 1
conf = Conf()
alias = conf
--- hold
import m
conf = m.conf; conf.x = 1
--- m.py
class Conf(object):
    z = 3
    def get(self): return 2
conf = Conf()
alias = conf
other = conf.get()
--- check
assert m.conf is conf is m.alias and conf.get() == 2 and m.other == 2 and conf.z == 3
=== instance created with new arguments replaces
--- m.py
class Conf(object):
    def __init__(self, n): self.n = n
conf = Conf(1)
def get(): return conf.n
--- n.py
from m import conf as c
def get(): return c.n
--- hold
import m, n
get, get2 = m.get, n.get
--- m.py
class Conf(object):
    def __init__(self, n): self.n = n
conf = Conf(2)
def get(): return conf.n
--- check
assert get() == 2 == get2()
=== decorators: order changed, one taken off the stack
--- m.py
def a(fn):
    def call(*x): return 'a' + fn(*x)
    return call
def b(fn):
    def call(*x): return 'b' + fn(*x)
    return call
@a
@b
def f(): return 'f'
--- hold
import m
f = m.f
--- m.py
def a(fn):
    def call(*x): return 'a' + fn(*x)
    return call
def b(fn):
    def call(*x): return 'b' + fn(*x)
    return call
@b
@a
def f(): return 'f'
--- check
assert m.f() == 'baf' == f()
--- m.py
def a(fn):
    def call(*x): return 'a' + fn(*x)
    return call
def b(fn):
    def call(*x): return 'b' + fn(*x)
    return call
@b
def f(): return 'g'
--- check
assert m.f() == 'bg' == f()
=== a decorator runs once when added, and not again on body edits
--- m.py
count = []
def deco(fn):
    count.append(fn.__name__)
    return fn
def f(): return 1
--- hold
import m
f = m.f
--- m.py
count = []
def deco(fn):
    count.append(fn.__name__)
    return fn
@deco
def f(): return 1
--- check
assert m.count == ['f']
--- m.py
count = []
def deco(fn):
    count.append(fn.__name__)
    return fn
@deco
def f(): return 2
--- check
assert m.count == ['f'] and f() == 2
=== list registry with wrapper objects, decorator argument changed
--- m.py
seen = []
def cmd(name):
    def deco(fn):
        def call(*a): return name, fn(*a)
        seen.append(call)
        return call
    return deco
@cmd('a')
def f(): return 1
--- hold
import m
f = m.f
--- m.py
seen = []
def cmd(name):
    def deco(fn):
        def call(*a): return name, fn(*a)
        seen.append(call)
        return call
    return deco
@cmd('b')
def f(): return 2
--- check
assert f() == ('b', 2) and m.f() == ('b', 2) and [g() for g in m.seen] == [('b', 2)], [g() for g in m.seen]
=== registry of tuples, or by name, on decorator change
--- m.py
by_name, pairs = {}, []
def reg(tag):
    def deco(fn):
        by_name[fn.__name__] = (tag, fn)
        pairs.append((tag, fn))
        return fn
    return deco
@reg('x')
def f(): return 1
--- hold
import m
--- m.py
by_name, pairs = {}, []
def reg(tag):
    def deco(fn):
        by_name[fn.__name__] = (tag, fn)
        pairs.append((tag, fn))
        return fn
    return deco
@reg('y')
def f(): return 2
--- check
assert m.by_name['f'][0] == 'y' and m.by_name['f'][1]() == 2
=== decorator on a class method with a registry of unbound functions
--- m.py
events = {}
def on(name):
    def deco(fn):
        events.setdefault(name, []).append(fn)
        return fn
    return deco
class A(object):
    @on('x')
    def f(self): return 1
--- hold
import m
a = m.A()
--- m.py
events = {}
def on(name):
    def deco(fn):
        events.setdefault(name, []).append(fn)
        return fn
    return deco
class A(object):
    @on('x')
    def f(self): return 2
    @on('x')
    def g(self): return 3
--- check
assert [fn(a) for fn in m.events['x']] == [2, 3]
=== lru_cache added, its size changed, removed [3.9]
--- m.py
import functools
calls = []
def f(x):
    calls.append(x)
    return x
--- hold
import m
f = m.f
--- m.py
import functools
calls = []
@functools.lru_cache()
def f(x):
    calls.append(x)
    return x
--- check
assert (f(1), f(1), m.f(1)) == (1, 1, 1) and m.calls == [1], m.calls
g = m.f
--- m.py
import functools
calls = []
@functools.lru_cache(maxsize=2)
def f(x):
    calls.append(x)
    return x + 1
--- check
assert (f(1), g(1), m.f(1)) == (2, 2, 2)
--- m.py
import functools
calls = []
def f(x):
    calls.append(x)
    return x + 2
--- check
assert (f(1), m.f(1)) == (3, 3)
=== lru_cache on a method, cleared on edit [3.3]
--- m.py
import functools
class A:
    @functools.lru_cache()
    def f(self): return 1
    @staticmethod
    @functools.lru_cache()
    def s(): return 1
    @classmethod
    @functools.lru_cache()
    def c(cls): return 1
--- hold
import m
a = m.A(); a.f(); a.s(); a.c()
--- m.py
import functools
class A:
    @functools.lru_cache()
    def f(self): return 2
    @staticmethod
    @functools.lru_cache()
    def s(): return 2
    @classmethod
    @functools.lru_cache()
    def c(cls): return 2
--- check
assert a.f() == 2 and a.s() == 2 and a.c() == 2, (a.f(), a.s(), a.c())
=== lru_cache whose callee changed [3.3]
--- m.py
import functools
def base(): return 1
@functools.lru_cache()
def f(): return base()
--- hold
import m
m.f()
--- m.py
import functools
def base(): return 2
@functools.lru_cache()
def f(): return base()
--- check
assert m.base() == 2
=== a home-made memo decorator
--- m.py
def memo(fn):
    cache = {}
    def call(x):
        if x not in cache: cache[x] = fn(x)
        return cache[x]
    call.cache = cache
    return call
@memo
def f(x): return x
--- hold
import m
f = m.f; f(1)
--- m.py
def memo(fn):
    cache = {}
    def call(x):
        if x not in cache: cache[x] = fn(x)
        return cache[x]
    call.cache = cache
    return call
@memo
def f(x): return x + 1
--- check
assert f(2) == 3 and m.f is f
=== partial as decorator and partialmethod [3.4]
--- m.py
import functools
def base(a, b): return a, b
half = functools.partial(base, 1)
class A:
    def f(self, x, y): return x, y
    g = functools.partialmethod(f, 5)
--- hold
import m
half, a = m.half, m.A(); g = a.g
--- m.py
import functools
def base(a, b, c=3): return a, b, c
half = functools.partial(base, 1)
class A:
    def f(self, x, y): return [x, y]
    g = functools.partialmethod(f, 6)
--- check
assert half(2) == (1, 2, 3) and a.g(1) == [6, 1] and g(1) in ([5, 1], [6, 1])
=== contextmanager decorator removed and class used instead
--- m.py
import contextlib
@contextlib.contextmanager
def cm(): yield 1
def use():
    with cm() as x: return x
--- hold
import m
use, cm = m.use, m.cm
--- m.py
import contextlib
class cm(object):
    def __enter__(self): return 2
    def __exit__(self, *a): pass
def use():
    with cm() as x: return x
--- check
assert use() == 2
with cm() as x: assert x == 2
=== class decorator with arguments changed
--- m.py
def tag(n):
    def deco(cls):
        cls.n = n
        return cls
    return deco
@tag(1)
class A(object):
    made = []
    def f(self): return 1
--- hold
import m
a, A = m.A(), m.A
A.made.append(1)
--- m.py
def tag(n):
    def deco(cls):
        cls.n = n
        return cls
    return deco
@tag(2)
class A(object):
    made = []
    def f(self): return 2
--- check
assert m.A is A and a.n == 2 and a.f() == 2 and A.made == [1]
=== decorator defined in the same save
--- m.py
def f(): return 1
class A(object):
    def g(self): return 1
--- hold
import m
f, g = m.f, m.A().g
--- m.py
def loud(fn):
    def call(*a): return [fn(*a)]
    return call
@loud
def f(): return 2
class A(object):
    @loud
    def g(self): return 2
--- check
assert f() == [2] == m.f() and g() == [2]
=== decorator removed together with its definition
--- m.py
def loud(fn):
    def call(*a): return [fn(*a)]
    return call
@loud
def f(): return 1
class A(object):
    @loud
    def g(self): return 1
--- hold
import m
f, g = m.f, m.A().g
--- m.py
def f(): return 2
class A(object):
    def g(self): return 2
--- check
assert f() == 2 == m.f() and g() == 2 and not hasattr(m, 'loud')
=== decorated function gets another decorator of the same wrapper name, with wraps
--- m.py
import functools
def d(fn):
    @functools.wraps(fn)
    def wrapper(*a): return 'd', fn(*a)
    return wrapper
def e(fn):
    @functools.wraps(fn)
    def wrapper(*a): return 'e', fn(*a)
    return wrapper
@d
def f(x): return x
@d
def g(x): return x
--- hold
import m
f, g = m.f, m.g
f.mine = 1
--- m.py
import functools
def d(fn):
    @functools.wraps(fn)
    def wrapper(*a): return 'd', fn(*a)
    return wrapper
def e(fn):
    @functools.wraps(fn)
    def wrapper(*a): return 'e', fn(*a)
    return wrapper
@e
def f(x): return [x]
@d
def g(x): return x
--- check
assert f(1) == ('e', [1]) == m.f(1) and g(1) == ('d', 1) and m.f.__name__ == 'f'
=== a raising body edit: old stays for signature, mended
--- m.py
class A(object):
    x = 1
    def f(self): return 1
def g(): return 1
--- hold
import m
a, g = m.A(), m.g
--- m.py
class A(object):
    x = 1 / 0
    def f(self): return 2
    def h(self): return 2
def g(): return 2
--- check
assert a.x == 1 and isinstance(a, m.A) and g() in (1, 2)
--- m.py
class A(object):
    x = 3
    def f(self): return 3
    def h(self): return 3
def g(): return 3
--- check
assert (a.x, a.f(), a.h(), g()) == (3, 3, 3, 3)
=== two statements raise, one mended
--- m.py
x = 1
y = 1
def f(): return x, y
--- hold
import m
--- m.py
x = bad1
y = bad2
def f(): return [x, y]
--- check
assert m.x == 1 and m.y == 1 and m.f() == [1, 1]
--- m.py
x = 5
y = bad2
def f(): return [x, y]
--- check
assert m.f() == [5, 1]
--- m.py
x = 5
y = 6
def f(): return [x, y]
--- check
assert m.f() == [5, 6]
=== a raising statement is undone
--- m.py
x = 1
def f(): return x
--- hold
import m
--- m.py
x = bad1
def f(): return x
--- check
assert m.f() == 1
--- m.py
x = 1
def f(): return x
--- check
assert m.f() == 1
=== indentation error, null bytes, and unterminated string, mended
--- m.py
def f(): return 1
def g(): return 1
--- hold
import m
f, g = m.f, m.g
--- m.py
def f(): return 2
  def g(): return 2
--- check
assert f() == 1 and g() == 1
--- m.py
def f(): return "2
def g(): return 2
--- check
assert f() == 1 and g() == 1
--- m.py
def f(): return 3
def g(): return """
3"""
--- check
assert f() == 3 and g() == '\\n3'
--- m.py
def f(): return 4
def g(): return 4
--- check
assert f() == 4 and g() == 4
=== import of a missing module is added, then made
--- m.py
def f(): return 1
--- hold
import m
f = m.f
--- m.py
import zz_new_helper
def f(): return zz_new_helper.g()
--- check
assert not hasattr(m, 'zz_new_helper')
--- zz_new_helper.py
def g(): return 7
--- m.py
import zz_new_helper
def f(): return zz_new_helper.g() + 1
--- check
assert f() == 8
=== an error inside a class body method definition, decorators of methods raise
--- m.py
class A(object):
    def f(self): return 1
    def g(self): return 1
--- hold
import m
a = m.A()
--- m.py
class A(object):
    @nothing
    def f(self): return 2
    def g(self): return 2
--- check
assert a.f() in (1, 2) and a.g() in (1, 2)
--- m.py
class A(object):
    def f(self): return 3
    def g(self): return 3
--- check
assert a.f() == 3 and a.g() == 3
=== system exit and keyboard interrupt raised by a new line
--- m.py
def f(): return 1
--- hold
import m
--- m.py
import sys
def f(): return 2
sys.exit(3)
--- check
assert m.f() == 2
--- m.py
import sys
def f(): return 3
--- check
assert m.f() == 3
=== lines: lambda, generator, nested, comprehension, class body, after edits above
--- m.py
l = lambda: 1 // 0
def g():
    yield 1 // 0
def o():
    def i():
        return [1 // x for x in (0,)]
    return i
--- hold
import m
l, g, i = m.l, m.g, m.o()
--- m.py
"""Doc."""
import os
class New(object):
    pass
l = lambda: 1 // 0
# c
def g():

    yield 1 // 0
def o():
    # c
    def i():
        # c
        return [1 // x for x in (0,)]
    return i
--- check
assert where_line(l) == 5 and where_line(lambda: next(g())) == 9 and where_line(i) == 14, (where_line(l), where_line(lambda: next(g())), where_line(i))
=== lines: async, decorated method, property, static [3.5]
--- m.py
def d(fn):
    return fn
class A:
    @d
    def f(self): raise ValueError
    @property
    def p(self): raise ValueError
    @staticmethod
    def s(): raise ValueError
    @classmethod
    def c(cls): raise ValueError
async def co(): raise ValueError
--- hold
import m
a = m.A(); f, s, c, co = a.f, a.s, a.c, m.co
--- m.py
# 1
# 2
def d(fn):
    return fn

class A:
    @d
    def f(self): raise ValueError

    @property
    def p(self): raise ValueError
    @staticmethod
    def s(): raise ValueError
    @classmethod
    def c(cls): raise ValueError
async def co(): raise ValueError
--- check
assert (where_line(f), where_line(lambda: a.p), where_line(s), where_line(c), where_line(lambda: drive(co()))) == (8, 11, 13, 15, 16)
=== lines after CRLF and BOM, tabs and form feed
--- m.py crlf bom
def f():
	raise ValueError
--- hold
import m
f = m.f
--- m.py crlf bom
# a

# b
def f():
	raise ValueError
--- check
assert where_line(f) == 5
=== getsource of class, method, lambda and decorated function after edits [3.3]
--- m.py
import functools
def d(fn):
    @functools.wraps(fn)
    def call(*a): return fn(*a)
    return call
class A(object):
    def f(self):
        return 1
@d
def g():
    return 1
h = lambda: 1
--- hold
import m, inspect
A, f, g, h = m.A, m.A().f, m.g, m.h
--- m.py
import functools
x = 1


def d(fn):
    @functools.wraps(fn)
    def call(*a): return fn(*a)
    return call
class A(object):
    y = 2
    def f(self):
        return 2
    def new(self):
        return 3
@d
def g():
    return 2
h = lambda: 2
--- check
import linecache; linecache.checkcache()
assert inspect.getsource(A).startswith('class A(object):\\n    y = 2') and inspect.getsource(f) == '    def f(self):\\n        return 2\\n'
assert inspect.getsource(g) == '@d\\ndef g():\\n    return 2\\n' and inspect.getsource(h) == 'h = lambda: 2\\n'
assert inspect.getsource(A.new) == '    def new(self):\\n        return 3\\n'
assert inspect.getsource(A).rstrip().endswith('return 3')
=== lines in a running function are those of the old text, the next call new
--- m.py
def helper(): raise ValueError
def f():
    helper()
--- hold
import m
f = m.f
--- m.py
# one
def helper(): raise ValueError

def f():
    helper()
--- check
import traceback, sys
try: f()
except ValueError: assert [x[1] for x in traceback.extract_tb(sys.exc_info()[2])][1:] == [5, 2]
=== co_name, qualname, module stay right [3.3]
--- m.py
class A:
    def f(self): return 1
def g(): return 1
--- hold
import m
f, g = m.A.f, m.g
--- m.py
class A:
    x = 1
    def f(self): return 2
    def h(self): return 3
def g(): return 2
def k(): return 3
--- check
assert (f.__qualname__, m.A.h.__qualname__, g.__qualname__, m.k.__qualname__) == ('A.f', 'A.h', 'g', 'k')
assert (f.__module__, m.A.h.__module__, m.k.__module__) == ('m', 'm', 'm') and m.A.h.__code__.co_filename == m.__file__
assert m.A.h.__globals__ is vars(m)
=== from-import chain of functions, with as, in functions and packages
--- pack/__init__.py
from pack.a import f as first
from .a import K
--- pack/a.py
def f(): return 1
K = 1
--- pack/sub/__init__.py
from ..a import K, f
from .. import a as mod
def use(): return K, f(), mod.K
--- hold
import pack, pack.a, pack.sub
first, use = pack.first, pack.sub.use
--- pack/a.py
def f(): return 2
K = 2
--- check
assert first() == 2 and pack.K == 2 and use() == (2, 2, 2)
=== package init edited, submodule imported by name
--- pack/__init__.py
VERSION = 1
def api(): return VERSION
--- pack/mod.py
from . import VERSION, api
def f(): return VERSION, api()
--- hold
import pack, pack.mod
f = pack.mod.f
--- pack/__init__.py
VERSION = 2
def api(): return [VERSION]
def more(): return 3
--- check
assert f() == (2, [2]) and pack.more() == 3 and pack.mod.f is f
=== a new file in a save with its importer
--- m.py
def f(): return 1
--- hold
import m
f = m.f
--- zz_helper2.py
def g(): return 5
--- m.py
from zz_helper2 import g
def f(): return g()
--- check
assert f() == 5
--- zz_helper2.py
def g(): return 6
--- check
assert f() == 6
=== import renamed, and import as
--- m.py
import os.path as p
def f(): return p.join('a', 'b')
--- hold
import m
f = m.f
--- m.py
import posixpath as q, json
from collections import OrderedDict as OD
def f(): return q.join('a', 'c'), json.dumps(1), OD
--- check
assert f()[:2] == ('a/c', '1')
=== constant imported inside a function and via module attribute
--- a.py
K = 1
--- b.py
import a
def f():
    from a import K
    return K, a.K
--- hold
import a, b
f = b.f
--- a.py
K = 2
--- check
assert f() == (2, 2)
=== constants: tuple assignment, chained, augmented, conditional, dict update
--- m.py
a, b = 1, 2
c = d = 3
e = 1
e += 1
if a:
    g = 5
cfg = {}
cfg['x'] = 1
cfg.update(y=2)
--- n.py
from m import a, b, c, d, g
--- hold
import m, n
cfg = m.cfg
--- m.py
a, b = 10, 20
c = d = 30
e = 1
e += 1
if a:
    g = 50
cfg = {}
cfg['x'] = 10
cfg.update(y=2)
--- check
assert (m.a, m.b, m.c, m.d, m.e, m.g) == (10, 20, 30, 30, 2, 50) == (n.a, n.b, n.c, n.d, 2, n.g), (m.a, m.b, m.c, m.d, m.e, m.g)
assert m.cfg is cfg and cfg == {'x': 10, 'y': 2}
=== statements: a new call line runs once, a changed one once, a deleted one not
--- m.py
log = []
log.append('a')
log.append('b')
def f(): return 1
--- hold
import m
--- m.py
log = []
log.append('a')
log.append('B')
log.append('c')
def f(): return 1
--- check
assert m.log == ['a', 'b', 'B', 'c']
--- m.py
log = []
log.append('c')
def f(): return 1
--- check
assert m.log == ['a', 'b', 'B', 'c']
=== loops, try, with at module level: changed run once, unchanged not
--- m.py
out = []
for i in range(2):
    out.append(i)
try:
    out.append('try')
except Exception:
    out.append('exc')
while len(out) < 5:
    out.append('w')
def f(): return 1
--- hold
import m
--- m.py
out = []
for i in range(2):
    out.append(i)
try:
    out.append('try2')
except Exception:
    out.append('exc')
while len(out) < 5:
    out.append('w')
def f(): return 2
--- check
assert m.out == [0, 1, 'try', 'w', 'w', 'try2'] and m.f() == 2
=== an if that holds definitions and state: only definition edited
--- m.py
import sys
if sys.version_info > (2,):
    state = []
    def f(): return 1
    class A(object):
        def g(self): return 1
--- hold
import m
m.state.append(1)
f, a, A = m.f, m.A(), m.A
--- m.py
import sys
if sys.version_info > (2,):
    state = []
    def f(): return 2
    class A(object):
        def g(self): return 2
--- check
assert m.state == [1] and f() == 2 and a.g() == 2 and m.A is A
=== an if branch gets a class attribute and a method
--- m.py
if True:
    class A(object):
        def g(self): return 1
--- hold
import m
a, A = m.A(), m.A
--- m.py
if True:
    class A(object):
        x = 5
        def g(self): return 2
        def h(self): return 3
--- check
assert m.A is A and a.g() == 2 and a.h() == 3 and a.x == 5
=== whole-file reformat with quotes and parentheses: nothing runs
--- m.py
import sys
runs = sys.__dict__.setdefault('_zz', [])
runs.append('x')
d = {'a': 1,
     'b': 2}
def f(a,b = 'x'): return (a,b)
class A(object):
    x = 'y'
    def g(self,k = {'a':1}): return k
--- hold
import m
f, a, d, k = m.f, m.A(), m.d, m.A().g()
--- m.py
import sys

runs = sys.__dict__.setdefault("_zz", [])
runs.append("x")
d = {"a": 1, "b": 2}


def f(a, b="x"):
    return (a, b)


class A(object):
    x = "y"

    def g(self, k={"a": 1}):
        return k
--- check
assert m.runs == ['x'] and m.d is d and a.g() is k and f(1) == (1, 'x')
del m.runs[:]
=== edit, undo, edit again
--- m.py
K = 1
class A(object):
    x = 1
    def f(self): return K
--- hold
import m
a = m.A(); f = a.f
--- m.py
K = 2
class A(object):
    x = 2
    def f(self, y=3): return K, y
--- check
assert f() == (2, 3) and a.x == 2
--- m.py
K = 1
class A(object):
    x = 1
    def f(self): return K
--- check
assert f() == 1 and a.x == 1
--- m.py
K = 2
class A(object):
    x = 2
    def f(self, y=3): return K, y
--- check
assert f() == (2, 3) and a.x == 2
=== file emptied of all but comments, then full again
--- m.py
state = [1]
def f(): return 1
--- hold
import m
f = m.f
m.state.append(2)
--- m.py
# nothing
--- check
assert not hasattr(m, 'f')
--- m.py
state = [1]
def f(): return 2
--- check
assert m.f() == 2
=== a decorator from another file is exchanged, and changes argument, held
--- d.py
def one(fn):
    def call(*a): return 'one', fn(*a)
    return call
def two(n):
    def deco(fn):
        def call(*a): return 'two', n, fn(*a)
        return call
    return deco
--- m.py
from d import one, two
@one
def f(): return 1
@two(1)
def g(): return 1
@one
def h(): return 1
--- hold
import m, d
f, g, h = m.f, m.g, m.h
--- m.py
from d import one, two
@two(5)
def f(): return 2
@two(2)
def g(): return 2
@one
def h(): return 1
--- check
assert f() == ('two', 5, 2) == m.f() and g() == ('two', 2, 2) == m.g() and h() == ('one', 1)
--- m.py
from d import one, two
def f(): return 3
@two(2)
def g(): return 3
@one
def h(): return 1
--- check
assert f() == 3 == m.f() and g() == ('two', 2, 3) and h() == ('one', 1)
=== route moves in a registry of a dict and of rows
--- m.py
routes, rows = {}, []
def route(p):
    def keep(fn):
        routes[p] = fn
        rows.append((p, fn))
        return fn
    return keep
@route('/a')
def a(): return 1
@route('/z')
def z(): return 1
--- hold
import m
a = m.a
--- m.py
routes, rows = {}, []
def route(p):
    def keep(fn):
        routes[p] = fn
        rows.append((p, fn))
        return fn
    return keep
@route('/b')
def a(): return 2
@route('/z')
def z(): return 1
--- check
assert sorted(m.routes) == ['/b', '/z'] and m.routes['/b']() == 2 and [(p, fn()) for p, fn in m.rows] == [('/b', 2), ('/z', 1)], (m.routes, m.rows)
assert m.a is a
=== same-named definitions: last one deleted, exchanged, in a class too
--- m.py
def f(): return 1
def mid(): return 0
def f(): return 2
class A(object):
    def g(self): return 1
    def g(self): return 2
--- hold
import m
a = m.A()
--- m.py
def f(): return 1
def mid(): return 0
class A(object):
    def g(self): return 2
    def g(self): return 1
--- check
assert m.f() == 1 and a.g() == 1, (m.f(), a.g())
--- m.py
def f(): return 1
def mid(): return 0
def f(): return 5
class A(object):
    def g(self): return 2
--- check
assert m.f() == 5 and a.g() == 2
--- m.py
def mid(): return 0
def f(): return 5
class A(object):
    def g(self): return 3
--- check
assert m.f() == 5 and a.g() == 3
=== a bound method of a class that was replaced goes on following
--- m.py
def twice(fn):
    def call(*a): return [fn(*a)] * 2
    return call
class B(object): pass
class A(object):
    @twice
    def f(self): return 1
--- hold
import m
f = m.A().f
--- m.py
def twice(fn):
    def call(*a): return [fn(*a)] * 2
    return call
class B(object): pass
class A(B):
    @twice
    def f(self): return 1
--- check
assert f() == [1, 1]
--- m.py
def twice(fn):
    def call(*a): return [fn(*a)] * 2
    return call
class B(object): pass
class A(B):
    def f(self): return 3
--- check
assert f() == 3
=== files that import each other, saved together
--- a.py
import b
def deco(fn):
    return fn
def g():
    return b.f()
--- b.py
import a
from a import deco
@deco
def f():
    return 1
@deco
def h(x=1):
    return x
--- hold
import b, a
f, h = b.f, b.h
--- a.py
import b
class deco(object):
    def __init__(self, n):
        self.n = n
    def __call__(self, fn):
        return lambda *z: (self.n, fn(*z))
K = 5
def g():
    return b.f()
--- b.py
import a
from a import deco, K
@deco(3)
def f():
    return 2
@deco(4)
def h(x=K):
    return x
--- check
assert a.g() == (3, 2) == f() and h() == (4, 5) == b.h()
=== a decorator that looks at the parameters when they change
--- m.py
import functools
rows = []
def names(fn):
    known = fn.__code__.co_varnames[:fn.__code__.co_argcount]
    def call(*args):
        return dict(zip(known, args)), fn(*args)
    rows.append(call)
    return call
@names
def f(a):
    return a
class A(object):
    @names
    def g(self, a):
        return a
--- hold
import m
f, g = m.f, m.A().g
--- m.py
import functools
rows = []
def names(fn):
    known = fn.__code__.co_varnames[:fn.__code__.co_argcount]
    def call(*args):
        return dict(zip(known, args)), fn(*args)
    rows.append(call)
    return call
@names
def f(a, b):
    return a, b
class A(object):
    @names
    def g(self, a, b=7):
        return a, b
--- check
assert f(1, 2) == ({'a': 1, 'b': 2}, (1, 2)) == m.f(1, 2) and len(m.rows) == 2, m.rows
assert sorted(g(1, 2)[0]) == ['a', 'b', 'self'] and g(1)[1] == (1, 7)
=== a cached function that is held gets another parameter [3.3]
--- m.py
import functools
@functools.lru_cache()
def f(a):
    return a
--- hold
import m
f = m.f
f(1)
--- m.py
import functools
@functools.lru_cache()
def f(a, b=5):
    return a, b
--- check
assert f(1) == (1, 5) == m.f(1) and f(1, 2) == (1, 2)
=== what is registered stays so once, whatever the definition becomes
--- m.py
table, rows, plain = {}, [], []
def enter(key):
    def keep(function):
        table[key] = function
        rows.append((key, function))
        plain.append(function)
        return function
    return keep
def twice(function):
    def call(*args):
        return [function(*args)] * 2
    return call
@enter('a')
def f(x=3):
    return 1
--- hold
import m, io
with io.open('m.py') as stream:
    head = stream.read().partition('@enter(')[0]
def became(text, value):
    with io.open('m.py', 'w') as stream:
        stream.write(head + text)
    patch.apply()
    got = [m.rows[0][1](1), m.plain[0](1), len(m.rows), len(m.plain), len(m.table)]
    assert got == [value, value, 1, 1, 1], (text, got)
--- check
became(u'@enter("a")\\ndef f(x):\\n    return 2\\n', 2)
became(u'@enter("a")\\ndef f(x, y=1):\\n    return 3\\n', 3)
became(u'f = lambda x: 5\\n', 5)
became(u'@enter("b")\\ndef f(x):\\n    return 6\\n', 6)
became(u'@twice\\n@enter("b")\\ndef f(x):\\n    return 7\\n', 7)
became(u'@twice\\n@enter("b")\\ndef f(x, z=1):\\n    return 8\\n', 8)
became(u'@enter("b")\\ndef f(x, z=1):\\n    return 9\\n', 9)
=== overloads: the last definition stays bound, in a class and a module [3.8]
--- m.py
import typing
@typing.overload
def size(x: int) -> int: ...
@typing.overload
def size(x: str) -> int: ...
def size(x, y=1):
    return (x, y)
class A(object):
    @typing.overload
    def go(self, x: int) -> int: ...
    def go(self, x):
        return x
--- hold
import m
size, go = m.size, m.A().go
--- m.py
import typing
@typing.overload
def size(x: int, z: int = 1) -> int: ...
@typing.overload
def size(x: str) -> int: ...
def size(x, y=2):
    return [x, y]
class A(object):
    @typing.overload
    def go(self, x: int, y: int = 0) -> int: ...
    def go(self, x):
        return -x
--- check
assert m.size is size and size(5) == [5, 2] and go(3) == m.A().go(3) == -3
=== overloads are put above a definition, and taken away [3.8]
--- m.py
import typing
def size(x):
    return x
class A(object):
    def go(self, x):
        return [lambda: x][0]()
class B(object):
    class C(object):
        def go(self, x):
            return x
--- hold
import m
size, go, far = m.size, m.A().go, m.B.C().go
--- m.py
import typing
@typing.overload
def size(x: int) -> int: ...
@typing.overload
def size(x: str) -> int: ...
def size(x):
    return -x
class A(object):
    @typing.overload
    def go(self, x: int) -> int: ...
    @typing.overload
    def go(self, x: float) -> int: ...
    def go(self, x):
        return [lambda: -x][0]()
class B(object):
    class C(object):
        @typing.overload
        def go(self, x: int) -> int: ...
        def go(self, x):
            return -x
--- check
assert size(1) == go(1) == far(1) == -1 and m.size is size and m.A().go(1) == m.B.C().go(1) == -1
--- m.py
import typing
def size(x):
    return x * 2
class A(object):
    def go(self, x):
        return [lambda: x * 2][0]()
class B(object):
    class C(object):
        def go(self, x):
            return x * 2
--- check
assert size(1) == go(1) == far(1) == m.size(1) == m.A().go(1) == m.B.C().go(1) == 2 and m.size is size
=== same-named functions in a registry: decorator of the first changes
--- reg.py
rows = []
def route(path):
    def enter(f):
        rows.append((path, f))
        return f
    return enter
--- m.py
from reg import route
@route('/')
def _(): return 'root'
@route('/a')
def _(): return 'a'
--- hold
import m, reg
first, last = reg.rows[0][1], m._
--- m.py
from reg import route
@route('/index')
def _(): return 'index'
@route('/a')
def _(): return 'a'
--- check
assert (m._ is last, last(), first()) == (True, 'a', 'index'), (m._ is last, last(), first(), reg.rows)
assert [(path, f()) for path, f in reg.rows] == [('/index', 'index'), ('/a', 'a')], reg.rows
=== what failed is tried again when another file is saved
--- a.py
def f(): return 1
--- b.py
def g(): return 1
--- hold
import a, b
--- a.py
from b import K
def f(): return K
--- check
assert not hasattr(a, 'K')
--- b.py
K = 5
def g(): return 1
--- check
assert a.f() == 5
=== a parameter of __init_subclass__ changes [3.6]
--- m.py
class A(object):
    def __init_subclass__(cls, **kw): cls.got = kw
    def __new__(cls, x=1): return object.__new__(cls)
--- hold
import m
--- m.py
class A(object):
    def __init_subclass__(cls, size=7, **kw): cls.got = size
    def __new__(cls, x=1, y=2):
        made = object.__new__(cls)
        made.y = y
        return made
--- check
class B(m.A): pass
assert B.got == 7 and m.A(0).y == 2 and m.A(0, 5).y == 5
'''
add_situations()


##############################################################################
## 11. Live -- save, and the running program has the new code
##############################################################################


class Shell(object):
    """A stand-in for an IPython shell."""

    def __init__(self):
        self.events, self.hooks = self, []

    def register(self, name, function):
        self.hooks.append((name, function))

    def unregister(self, name, function):
        self.hooks.remove((name, function))


class TestLive(Case):
    section = 11

    @needs_processes
    def test_watch_patches_from_a_thread(self):
        self.save('m.py', 'def f(): return 1\n')
        import m
        said = []
        loop = hotload.watch(self.folder, logger=said.extend)
        self.addCleanup(loop.stop)
        self.save('m.py', 'def f(): return 2\n')
        wait_for(lambda: m.f() == 2)
        wait_for(lambda: loop.runs == 1)
        self.assertEqual(list(map(str, said)), ['Update m.f'])
        loop.stop()
        self.assertTrue(loop.join(10))

    def test_ticks_without_a_thread(self):
        self.save('m.py', 'def f(): return 1\n')
        import m
        loop = hotload.watch(m, logger=None, autostart=False)
        self.addCleanup(loop.close)
        self.assertEqual(loop.tick(), [])
        self.save('m.py', 'def f(): return 22\n')
        wait_for(lambda: loop.tick() or m.f() == 22)
        self.assertEqual((m.f(), loop.runs), (22, 1))

    def test_the_extension_patches_before_each_cell(self):
        self.save('m.py', 'def f(): return 1\n')
        import m
        os.mkdir('notebooks')
        os.chdir('notebooks')
        shell = Shell()
        hotload.load_ipython_extension(shell)
        hotload.load_ipython_extension(shell)
        (name, hook), = shell.hooks
        self.save('m.py', 'def f(): return 2\n')
        hook(object())
        self.assertEqual((name, m.f(), self.err.getvalue()), ('pre_run_cell', 2, '[hotload] Update m.f\n'))
        hotload.unload_ipython_extension(shell)
        self.assertEqual(shell.hooks, [])

    @needs_processes
    def test_a_real_ipython(self):
        if run_python('import sys\nimport IPython', packages=True)[0]:
            self.skipTest('ipython is not installed')
        self.save('m.py', 'RATE = 1\ndef f():\n    return 1\n')
        program = ('from __future__ import print_function\nimport io\n'
                   'from IPython.core.interactiveshell import InteractiveShell\n'
                   'ip = InteractiveShell.instance()\n'
                   'run = lambda text: ip.run_cell(text, store_history=True).result\n'
                   'run("%load_ext hotload")\nrun("from m import f, RATE")\n'
                   'f = ip.user_ns["f"]\nio.open("m.py", "w").write(u"RATE = 2\\ndef f():\\n    return 22\\n'
                   '")\n'
                   'print(run("f(), RATE"), f())\n')
        status, out, err = run_python(program, cwd=self.folder, packages=True,
                                      env={'IPYTHONDIR': self.path('ipython')})
        self.assertIn('(22, 2) 22', out, err)

    def live(self, *args, **how):
        return run_python(os.path.join(UNDER_TEST, 'hotload.py'), '--live', *args, cwd=self.folder, **how)

    def test_live_runs_a_script_as_python_does(self):
        self.save('s.py', 'import sys, pickle\nclass K(object): pass\nprint(sys.argv, __name__, __file__)\n'
                          'print("%s %s" % (type(pickle.loads(pickle.dumps(K()))).__name__, sys.path[0]))\n'
                          'sys.exit(7)\n')
        status, out, err = self.live('s.py', 'a', '-b')
        self.assertEqual((status, err), (7, ''))
        self.assertIn('s.py', out)
        self.assertIn("'a', '-b'", out)
        self.assertIn('K ' + self.folder, out)

    def test_live_ends_with_the_status_of_an_error(self):
        self.save('s.py', 'def f():\n    return 1 // 0\nf()\n')
        status, out, err = self.live('s.py')
        self.assertEqual(status, 1)
        self.assertIn('line 2, in f', err)
        self.assertNotIn('[hotload]', err)
        self.assertNotIn('hotload.py', err)

    SAVES_ITSELF = ('import os, shutil, time\ndef save(name, target):\n    shutil.copy(name, target + "~")\n'
                    '    getattr(os, "replace", os.rename)(target + "~", target)\ndef wait_for(seen):\n'
                    '    for _ in range(4000):\n        if seen():\n            return\n        time.sleep(0.005)\n'
                    '    raise Exception("not within 20 s")\n')

    def test_live_runs_an_added_statement_once_and_says_what_waits_for_the_next_start(self):
        text = self.SAVES_ITSELF + ('ran = []\n%sdef main():\n    save("next", __file__)\n    wait_for(lambda: ran)\n'
                                    'if __name__ == "__main__":\n    main()\n    print(ran, "%s")\n')
        self.save('s.py', text % ('', 'end'))
        self.save('next', text % ('ran.append(1)\n', 'other end'))
        status, out, err = self.live('s.py')
        self.assertEqual((status, re.sub(r"\W+", ' ', out)), (0, ' 1 end '), err)
        self.assertIn('Failed s.py:%d: the program is at it' % (text.count('\n') + 1 - 2), err)

    def test_functions_that_the_running_script_makes_after_the_save_are_new(self):
        text = self.SAVES_ITSELF + ('save("next", __file__)\nwait_for(lambda: save.__code__.co_firstlineno == 3)\n'
                                    'def later():\n    return %d\nwait_for(lambda: later() == 2)\n'
                                    'save("last", __file__)\nwait_for(lambda: later() == 3)\nprint(later())\n')
        self.files({'s.py': text % 1, 'next': '#\n' + text % 2, 'last': '#\n' + text % 3})
        status, out, err = self.live('s.py')
        self.assertEqual((status, out), (0, '3\n'), err)

    def test_live_calls_a_function_of_a_module(self):
        self.save('m.py', 'def go():\n    print("went")\n')
        self.assertEqual(self.live('-m', 'm:go')[:2], (0, 'went\n'))

    def test_live_patches_the_script_and_what_it_imports(self):
        helper = 'def two(): return "%s"\n'
        script = self.SAVES_ITSELF + ('import helper\ndef one(): return "%s"\nsave("helper.next", "helper.py")\n'
                                      'wait_for(lambda: helper.two() == "y")\nsave("s.next", __file__)\n'
                                      'wait_for(lambda: one() == "b")\nprint(one() + helper.two())\n')
        self.files({'helper.py': helper % 'x', 'helper.next': helper % 'y', 's.py': script % 'a', 's.next': script % 'b'})
        status, out, err = self.live('-v', 's.py')
        self.assertEqual((status, out), (0, 'by\n'), err)
        self.assertIn('[hotload] Update helper.two', err)
        self.assertIn('[hotload] Update s.one', err)
        self.assertIn('[hotload] Watch ' + self.path('s.py'), err)

    # What a program may do at its end.
    ENDS = {
        'a message': 'import sys\nprint(1)\nsys.exit("bye")\n',
        'a thread': 'import threading, sys\ndef f():\n    print("late")\n    sys.exit(3)\n'
                     'threading.Timer(0.2, f).start()\nprint("main")\n',
        'a destructor': 'class A(object):\n    def __del__(self): print("gone")\na = A()\n',
        'atexit': 'import atexit\ndef end(): print("end")\natexit.register(end)\nprint(1)\n',
        'a hook': 'import sys\ndef hook(kind, *_): print(kind.__name__)\nsys.excepthook = hook\n1 // 0\n',
        'a child': 'import os, sys\npid = os.fork()\nif not pid:\n    sys.exit(4)\n'
                    'print(os.waitpid(pid, 0)[1] >> 8)\n',
        'a late child': 'import os, sys, time\nuntil = time.time() + 0.3\nwhile time.time() < until:\n    pass\n'
                         'pid = os.fork()\nif not pid:\n    sys.exit(4)\nprint(os.waitpid(pid, 0)[1] >> 8)\n',
        'processes': 'import multiprocessing\nclass K(object): x = 5\ndef f(x): return K()\n'
                      'if __name__ == "__main__":\n    pool = multiprocessing.Pool(2)\n'
                      '    print(pool.map(f, [1])[0].x)\n    pool.close()\n    pool.join()\n',
    }

    @needs_posix
    def test_live_programs_end_as_under_python(self):
        for name in sorted(self.ENDS):
            self.save('s.py', self.ENDS[name])
            bare, live = run_python('s.py', cwd=self.folder), self.live('s.py')
            self.assertEqual(live[:2], bare[:2], name + live[2])
            self.assertNotIn('hotload', live[2], name)

    def test_modules_of_the_program_may_be_named_like_pythons(self):
        self.save('select.py', 'x = 1\n')
        self.save('token.py', 'x = 2\n')
        self.save('s.py', 'import select, token\nprint(select.x + token.x)\n')
        for status, out, err in (run_python('s.py', cwd=self.folder), self.live('s.py')):
            if sys.modules['select'].__name__ in sys.builtin_module_names:      # PyPy
                self.skipTest('no module can be named like one that is built in')
            self.assertEqual((status, out, err), (0, '3\n', ''))

    def test_live_names_what_is_not_there(self):
        self.save('m.py', 'x = 1\n')
        self.assertEqual(self.live('nope.py')[0], 2)
        for name in ('nope', 'm:nope'):
            status, out, err = self.live('-m', name)
            self.assertEqual((status, out, err.count('\n')), (1, '', 1), err)
            self.assertIn('nope', err)

    def test_a_short_program_loads_little_of_the_library(self):
        self.save('s.py', 'import sys\nprint(" ".join(sorted(sys.modules)))\n')
        loaded = self.live('s.py')[1].split()
        bare = run_python(self.path('s.py'))[1].split()
        more = set(loaded) - set(bare)
        self.assertFalse(more & set('re select struct collections functools threading linecache traceback getopt '
                                    'fnmatch _ast ctypes enum signal contextlib warnings'.split()) - set(['signal']), more)

    def test_a_thread_that_was_not_given_time_ends_with_the_program(self):
        for _ in range(5):                      # in its first tenth of a second, and later
            self.save('s.py', 'import time\nuntil = time.time() + %r\nwhile time.time() < until:\n    pass\n' % (0.03 * _))
            self.assertEqual(self.live('s.py'), (0, '', ''))

    def test_live_refuses_what_means_nothing_to_it(self):
        self.save('s.py', 'print(1)\n')
        for options in (['-c', 'true', 's.py'], ['-x', '*.py', 's.py'], ['--interrupt', 's.py'], ['--hotload', 's']):
            status, out, err = self.live(*options)
            self.assertEqual((status, out), (2, ''), options)
            self.assertIn('do not go together', err)

    def test_a_live_prompt(self):
        self.save('s.py', 'x = 41\n')
        self.assertIn('42', self.live('-i', 's.py', stdin=b'print(x + 1)\n')[1])
        for options in ([], ['-i']):
            self.assertIn('42', self.live(*options, stdin=b'print(41 + 1)\n')[1])


##############################################################################
## 12. Recode -- patches made by the program, and loops that are read again
##############################################################################


@few_on_pypy
class TestRecoder(Case):
    section = 12
    TEXT = ('"""Doc."""\n# odd   spacing\nimport os\n\n\ndef other( a,b ) :  # kept\n    return   os.sep\n'
            '\n\ndef f(x):\n    return x\n\n\n# end')

    def make(self, text=TEXT, name='f'):
        self.path_m = self.save('m.py', text)
        __import__('m')
        target = sys.modules['m']
        for part in name.split('.') if name else ():
            target = getattr(target, part)
        return sys.modules['m'], hotload.make_recoder(target)

    def content(self):
        with io.open('m.py', 'rb') as stream:
            return stream.read().decode('utf-8')

    def test_patch_revert_commit(self):
        m, recoder = self.make()
        f = m.f
        recoder.patch('def f(x):\n    return -x')
        self.assertEqual((f(2), recoder.status, self.content()), (-2, 'live', self.TEXT))
        recoder.revert()
        self.assertEqual((f(2), recoder.status), (2, 'saved'))
        recoder.patch(u'def f(x):\n    # why\n    return x * 3\n\n\n')
        recoder.commit()
        self.assertEqual(self.content(), self.TEXT.replace('    return x\n', '    # why\n    return x * 3\n'))
        recoder.patch('def f(x): return 9')
        recoder.revert()
        self.assertEqual((f(2), m.f is f, f.__code__.co_firstlineno), (6, True, 10))
        recoder.commit()

    def test_bad_patches_change_nothing(self):
        m, recoder = self.make()
        self.assertRaises(SyntaxError, recoder.patch, 'def f(x:\n  pass')
        self.assertRaises(ValueError, recoder.patch, 'def g(x):\n  pass')
        self.assertRaises(ValueError, recoder.patch, 'x = 1\ndef f(x):\n  pass')
        self.assertRaises(ValueError, recoder.patch, '')
        self.assertEqual(m.f(5), 5)

    def test_a_method_keeps_its_indentation(self):
        text = ('class A(object):\r\n    def f(self):\r\n        return 1\r\n\r\n'
                '    def g(self):\r\n        return 1\r\n')
        m, recoder = self.make(text, 'A.f')
        a = m.A()
        recoder.patch('def f(self):\n    return """x\ny"""\n')
        self.assertEqual((a.f(), a.g()), ('x\ny', 1))
        recoder.commit()
        self.assertEqual(self.content(), text.replace('        return 1\r\n\r\n', '        return """x\r\n'
                                                      'y"""\r\n\r\n'))

    def test_a_save_by_others_is_noticed(self):
        m, recoder = self.make()
        seen = []
        recoder.on_status.append(lambda who, status: seen.append(status))
        recoder.patch('def f(x):\n    return 7')
        self.save('m.py', self.TEXT.replace('import os', 'import os, re'))
        with self.assertRaises(hotload.OutOfSyncException) as caught:
            recoder.commit()
        self.assertIn('m.py', str(caught.exception))
        self.assertEqual((seen, m.f(1)), (['live', 'out-of-sync'], 7))
        self.assertNotIn('return 7', self.content())

    def test_repatch_after_a_save_by_others(self):
        m, recoder = self.make()
        patch = hotload.LivePatch(self.folder)
        self.addCleanup(patch.close)
        for applied, module in ((True, 're'), (False, 'io')):
            recoder.patch('def f(x):\n    return 7')
            self.save('m.py', self.TEXT.replace('import os', 'import os, ' + module))
            if applied:
                patch.apply()
            self.assertRaises(hotload.OutOfSyncException, recoder.commit)
            self.assertEqual(recoder.status, 'out-of-sync')
            recoder.repatch()
            self.assertEqual((recoder.status, m.f(1)), ('live', 7))
            recoder.commit()
            self.assertEqual(self.content(), self.TEXT.replace('return x\n', 'return 7\n').replace(
                'import os', 'import os, ' + module))

    def test_two_recoders_of_one_file(self):
        m, one = self.make()
        two = hotload.make_recoder(m.other)
        one.patch('def f(x):\n    return 1\n')
        two.patch('def other(a):\n    return 2\n')
        one.commit()
        self.assertEqual((m.f(0), m.other(0)), (1, 2))
        self.assertIn('def other( a,b )', self.content())
        one.patch('def f(x):\n    return 5\n')
        one.revert()
        self.assertEqual((m.f(0), m.other(0)), (1, 2))

    def test_module_patches(self):
        m, recoder = self.make()
        recoder.patch_module('import math\n\ndef helper():\n    return math.floor(1.5)\n\ndef f(x):\n'
                             '    return helper()\n')
        self.assertEqual(m.f(0), 1)
        recoder.commit()
        self.assertIn('def helper', self.content())
        m, recoder = self.make('x = 1\n', '')
        recoder.patch('x = 2\n')
        self.assertEqual(m.x, 2)

    def test_a_deletable_function(self):
        m, _ = self.make()
        recoder = hotload.make_recoder(m.f, deletable=True)
        recoder.patch('')
        self.assertFalse(hasattr(m, 'f'))
        recoder.revert()
        self.assertEqual(m.f(1), 1)

    def test_the_only_method_of_a_class_is_deleted(self):
        m, _ = self.make('class A(object):\n    def f(self):\n        return 1\n', 'A.f')
        recoder = hotload.make_recoder(m.A.f, deletable=True)
        recoder.patch('')
        recoder.commit()
        self.assertEqual((hasattr(m.A, 'f'), self.content()), (False, 'class A(object):\n    pass\n'))

    # {what: (bytes of the file, name, patch, expression, its value, bytes then)}
    COMMITS = {
        'tabs': (b'class A(object):\n\tdef f(self):\n\t\treturn 1\n\tz = 1\n', 'A.f', u'def f(self):\n\treturn 2\n',
                 'm.A().f()', 2, b'class A(object):\n\tdef f(self):\n\t\treturn 2\n\tz = 1\n'),
        'BOM': (b'\xef\xbb\xbfdef f():\n    return 1\n', 'f', u'def f():\n    return u"\xe9"\n', 'm.f()', u'\xe9',
                b'\xef\xbb\xbfdef f():\n    return u"\xc3\xa9"\n'),
        'latin-1': (b'# coding: latin-1\ns = u"\xe9"\ndef f():\n    return 1\n', 'f', u'def f():\n    return u"\xe9"\n',
                    'm.f()', u'\xe9', b'# coding: latin-1\ns = u"\xe9"\ndef f():\n    return u"\xe9"\n'),
        'nested': (b'def o():\n    def i():\n        return 1\n    return i\nh = o()\n', 'h', u'def i():\n    return 5',
                   'm.h() + m.o()()', 10, b'def o():\n    def i():\n        return 5\n    return i\nh = o()\n'),
        'first of two': (b'def f():\n    return 1\na = f\ndef f():\n    return 2\n', 'a', u'def f():\n    return 3',
                         'm.a(), m.f()', (3, 2), b'def f():\n    return 3\na = f\ndef f():\n    return 2\n'),
        'under if': (b'if True:\n    def f():\n        return 1\nelse:\n    f = None\n', 'f', u'def f():\n    return 2\n',
                     'm.f()', 2, b'if True:\n    def f():\n        return 2\nelse:\n    f = None\n'),
        'no newline': (b'def f():\n    return 1', 'f', u'def f():\n    return 2\n', 'm.f()', 2, b'def f():\n    return 2'),
        'decorated': (b'import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x) + 10\n'
                      b'    return w\n@d\ndef f(x): return x\n', 'f', u'@d\ndef f(x): return x * 2', 'm.f(3)', 16,
                      b'import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x) + 10\n'
                      b'    return w\n@d\ndef f(x): return x * 2\n'),
        'a class': (b'class A(object):\n    x = 1\n\n\nb = A()\n', 'A', u'class A(object):\n    x = 2\n', 'm.b.x', 2,
                    b'class A(object):\n    x = 2\n\n\nb = A()\n'),
    }

    def test_a_commit_changes_the_definition_and_no_other_byte(self):
        for number, what in enumerate(sorted(self.COMMITS)):
            data, name, patch, expression, value, after = self.COMMITS[what]
            path = self.save('m%d.py' % number, data)
            m = target = __import__('m%d' % number)
            for part in name.split('.'):
                target = getattr(target, part)
            recoder = hotload.make_recoder(target)
            recoder.patch(patch)
            self.assertEqual(eval(expression), value, what)
            recoder.commit()
            with io.open(path, 'rb') as stream:
                self.assertEqual(stream.read(), after, what)

    def test_what_has_no_source(self):
        space = {}
        exec('def f(): pass', space)
        for thing in (space['f'], len, 5, sys):
            self.assertRaises(hotload.HotloadError, hotload.make_recoder, thing)

    def test_tracebacks_show_the_patch(self):
        m, recoder = self.make()
        recoder.patch('def f(x):\n    y = x\n    raise KeyError(y)\n')
        try:
            m.f(1)
        except KeyError:
            text = hotload.format_error(*sys.exc_info())
        self.assertIn('raise KeyError(y)', text)


@few_on_pypy
class TestReloading(Case):
    section = 12
    EDIT = ('import io, os\ndef edit(a, b):\n    name = __file__.replace(".pyc", ".py")\n'
            '    with io.open(name) as stream:\n        text = stream.read()\n    before = os.stat(name).st_mtime\n'
            '    while os.stat(name).st_mtime == before:\n        with io.open(name, "w") as stream:\n'
            '            stream.write(text.replace(u"" + a, u"" + b))\nfrom hotload import reloading\n')

    def module(self, text):
        self.save('m.py', self.EDIT + text)
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        self.addCleanup(setattr, sys, 'dont_write_bytecode', before)
        return __import__('m')

    def test_a_loop_at_module_level(self):
        m = self.module('out = []\nfor x in reloading(range(6)):\n    if x == 1:\n        edit("x *" + " '
                        '1", "x * 10")\n'
                        '    if x == 0:\n        continue\n    if x == 4:\n        break\n    out.append(x '
                        '* 1)\n')
        self.assertEqual((m.out, m.x, hasattr(m, 'hotload_turn')), ([1, 20, 30], 4, False))

    def test_a_loop_in_a_function_with_closures_and_a_nested_loop(self):
        m = self.module('def work(n):\n    total, made = 0, []\n    for a, b in reloading([(1, 2), (3, '
                        '4)]):\n'
                        '        total += sum([v * n for v in (a, b)])\n        made.append(lambda: total)\n'
                        '        for c in reloading(range(2)):\n            total += c\n        if a == 1:\n'
                        '            edit("total +" + "= c", "total += 10 * c")\n    return total, a, c, '
                        'len(made)\n')
        self.assertEqual(m.work(2), (3 * 2 + 1 + 7 * 2 + 10, 3, 1, 2))

    def test_endless_loops_and_methods(self):
        m = self.module('class A(object):\n    def go(self):\n        for x in reloading(forever=True):\n'
                        '            self.x = x\n'
                        '            if x == 3:\n                break\n        return x\n')
        self.assertEqual(m.A().go(), 3)

    def test_every(self):
        m = self.module('out = []\nfor x in reloading(range(5), every=3):\n    if x == 0:\n        edit("0 '
                        '+" + " x", "100 + x")\n'
                        '    out.append(0 + x)\n')
        self.assertEqual(m.out, [0, 1, 2, 103, 104])

    @needs_processes
    def test_an_error_waits_for_a_save_and_tries_again(self):
        text = 'out = []\nfor x in reloading(range(3)):\n    out.append(6 // x)\n'
        self.save('m.py', self.EDIT + text)
        timer = threading.Timer(0.2,
                                lambda: save(self.path('m.py'), self.EDIT
                                             + text.replace('// x', '// (x + 1)')))
        timer.start()
        m = self.module(text)
        self.assertEqual(m.out, [6, 3, 2])
        self.assertIn('ZeroDivisionError', self.err.getvalue())
        self.assertIn('[hotload] the body raised: save m.py', self.err.getvalue())

    def test_a_body_that_cannot_be_taken_is_refused(self):
        m = self.module('def f():\n    for x in reloading([1]):\n        return x\n')
        self.assertRaises(hotload.HotloadError, m.f)

    def test_a_loop_takes_no_save_away_from_a_live_patch(self):
        m = self.module('def f():\n    return 1\ndef work():\n    for x in reloading(range(2)):\n        y = f()\n'
                        '        if x == 0:\n            edit("return" + " 1", "return 2")\n    return y\n')
        patch = hotload.LivePatch(self.folder)
        self.addCleanup(patch.close)
        m.work()
        patch.apply()
        self.assertEqual(m.f(), 2)

    def cell(self, text, **space):
        """The namespace in which a notebook's cell, which is in no file, was run."""
        import linecache
        name = '<ipython-input-1-x>'
        linecache.cache[name] = len(text), None, text.splitlines(True), name
        self.addCleanup(linecache.cache.pop, name)
        space.update(reloading=hotload.reloading, out=[], In=['', text])
        exec(compile(text, name, 'exec', 0, True), space)
        return space['out']

    CELL = 'for x in reloading(range(3)):\n    out.append(x * 1)\n    if x == 0:\n        %s\n'

    def test_a_cell_that_was_run_again_meanwhile(self):
        other = 'for y in reloading(range(3)):\n    out.append("other")\n'
        texts = [(self.CELL % 'pass').replace('* 1', '* 10'), other, 'for x in ']
        self.assertEqual(self.cell(self.CELL % 'In.extend(texts)', texts=texts), [0, 10, 20])

    def test_a_notebook_that_was_saved_meanwhile(self):
        path, new = self.save('n.ipynb', '{"cells": []}'), (self.CELL % 'save()').replace('* 1', '* 10')
        text = json.dumps({'cells': [{'cell_type': 'markdown', 'source': ['x']}, {
            'cell_type': 'code', 'source': new.splitlines(True)}]})
        self.assertEqual(self.cell(self.CELL % 'save()', __vsc_ipynb_file__=path,
                                   save=lambda: self.save('n.ipynb', text)), [0, 10, 20])

    def test_an_error_in_a_cell_that_nobody_can_save_is_raised(self):
        self.assertRaises(ZeroDivisionError, self.cell, self.CELL % '1 // 0')

    def test_functions(self):
        m = self.module('@reloading\ndef f(x):\n    return x + 1\n@reloading(every=2)\ndef g(x):\n'
                        '    return x + 1\n')
        self.assertEqual((m.f(1), m.g(1), m.f.__name__), (2, 2, 'f'))
        m.edit('x + 1', 'x + 2')
        self.assertEqual((m.f(1), m.g(1), m.g(1)), (3, 3, 3))


##############################################################################
## 13. Store -- values on disk
##############################################################################

class TestCodeAsRead(Case):
    """read_code(), of section 1, which the store's users need first."""
    section = 13

    def test_it_gives_names_and_constants_and_no_docstring(self):
        space = {}
        exec('def f(x):\n    "words"\n    return g(x.size, 12345.5)[h]\n', space)
        _, constants, said = hotload.read_code(space['f'].__code__)
        names = [about for _, about in said if isinstance(about, str)]
        self.assertEqual([name for name in names if name in ('g', 'size', 'h')], ['g', 'size', 'h'])
        self.assertIn(12345.5, constants)
        self.assertNotIn('words', constants)

    def test_numbers_above_a_byte_are_put_together(self):
        space, lines = {}, ''.join('    n%d.a%d\n' % (i, i) for i in range(400))
        exec('def f():\n' + lines, space)
        names = set(about for _, about in hotload.read_code(space['f'].__code__)[2] if about)
        self.assertTrue(set('n%d' % i for i in range(400)) | set('a%d' % i for i in range(400)) <= names)

    def test_places_make_no_difference(self):
        spaces = {}, {}
        exec('def f(x):\n    return x + 1.5', spaces[0])
        exec('\n\n"text"\ndef f(x):\n    "doc"\n\n    return x + 1.5', spaces[1])
        first, second = [hotload.read_code(space['f'].__code__) for space in spaces]
        self.assertEqual(first, second)


class TestStore(Case):
    """Entries and records, in a folder and in memory."""
    section = 13

    def store(self, **how):
        hotload.REMEMBERED.clear()              # as in a new process
        return hotload.Store('store', **how)

    def entries(self):
        return sorted(glob.glob(self.path('store', '*', 'entries', '*', '*')))

    def journals(self):
        return sorted(glob.glob(self.path('store', '*', 'journals', '*')))

    def test_what_was_kept_is_there_for_the_next_process(self):
        store = self.store()
        addresses = [store.add(data) for data in (b'', b'one', b'x' * 100000)]
        store.append(b'first')
        store.append(b'second', b'')
        store.close()
        store = self.store()
        self.assertEqual([store.read(address) for address in addresses], [b'', b'one', b'x' * 100000])
        self.assertEqual(store.records(), [b'first', b'second', b''])
        self.assertEqual(sorted(store.addresses()), sorted(addresses))

    def test_in_memory_it_does_the_same(self):
        store = hotload.Store(None, max_bytes=1000)
        addresses = [store.add(str(number).encode()) for number in range(5)]
        store.append(b'a', b'b')
        self.assertEqual([store.read(address) for address in addresses], [b'0', b'1', b'2', b'3', b'4'])
        self.assertEqual((store.records(), store.has(addresses[0]), store.has('0' * 40)), ([b'a', b'b'], True, False))
        store.rewrite(lambda payloads: payloads[1:])
        self.assertEqual((store.records(), os.listdir('.')), ([b'b'], []))
        for number in range(5):
            store.add(b'x' * 300 + str(number).encode())
        store.shrink()
        self.assertLessEqual(store.size(), 1000)

    def test_files_and_folders_are_adopted(self):
        store = self.store()
        draft = store.draft()
        write_file(draft, b'content')
        folder = store.draft()
        os.makedirs(os.path.join(folder, 'in'))
        write_file(os.path.join(folder, 'in', 'it'), b'more')
        addresses = store.adopt(draft), store.adopt(folder)
        store.close()
        store = self.store()
        self.assertEqual(hotload.read_bytes(store.path(addresses[0])), b'content')
        self.assertEqual(hotload.read_bytes(os.path.join(store.path(addresses[1]), 'in', 'it')), b'more')
        write_file(os.path.join(store.path(addresses[1]), 'in', 'it'), b'evil')
        self.assertIsNone(self.store().path(addresses[1]))

    def test_a_damaged_entry_is_not_there_and_can_be_kept_anew(self):
        for damage in (lambda data: b'', lambda data: data[:-1], lambda data: data[:50] + b'?' + data[51:], None):
            store = self.store()
            address = store.add(b'0123456789' * 10)
            path, = self.entries()
            if damage is None:
                os.remove(path)
            else:
                write_file(path, damage(hotload.read_bytes(path)))
            self.assertIsNone(self.store().read(address))
            self.assertIsNone(self.store().path(address))
            self.assertEqual(self.store().add(b'0123456789' * 10), address)
            self.assertEqual(self.store().read(address), b'0123456789' * 10)

    def test_damaged_records_are_skipped_and_the_others_read(self):
        store, payloads = self.store(), [b'record ' + str(number).encode() for number in range(9)]
        store.append(*payloads)
        store.close()
        path, = self.journals()
        whole = hotload.read_bytes(path)
        for seed in range(60):
            dice = random.Random(seed)
            data = bytearray(whole)
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            write_file(path, bytes(data[:dice.randrange(len(data))] if seed % 3 == 0 else data))
            found = self.store().records()
            self.assertTrue(set(found) <= set(payloads), seed)
            self.assertGreaterEqual(len(found), 0 if seed % 3 == 0 else 8, seed)

    @needs_processes                            # where there are none, there are no locks
    def test_journals_of_ended_processes_are_put_together_again_and_again(self):
        for number in range(5):
            store = self.store()
            store.append(str(number).encode())
            store.close()
        living = self.store()
        living.append(b'lives')
        store = self.store()
        for turn in range(3):
            store.append(b'turn ' + str(turn).encode())
            store.rewrite(lambda payloads: payloads)
        self.assertEqual(sorted(self.store().records()),
                         [b'0', b'1', b'2', b'3', b'4', b'lives', b'turn 0', b'turn 1', b'turn 2'])
        living.append(b'still')
        self.assertIn(b'still', self.store().records())
        if fcntl:
            self.assertEqual(len(self.journals()), 2)
        living.close()

    def test_the_least_recently_used_entries_go_first(self):
        store = self.store(max_bytes=1000)
        old = [store.add(letter * 200) for letter in (b'a', b'b', b'c', b'd')]
        for address, age in zip(old, (50, 40, 30, 20)):
            os.utime(store.place(address), (time.time() - age, time.time() - age))
        store = self.store(max_bytes=1000)
        self.assertEqual(store.read(old[0]), b'a' * 200)
        new = store.add(b'e' * 400)
        store.shrink()
        self.assertEqual([store.has(address) for address in old + [new]], [True, False, False, True, True])

    @needs_posix
    def test_a_folder_that_others_can_write_to_is_refused(self):
        self.store().close()
        for path in [self.path('store')] + glob.glob(self.path('store', '*', 'entries')):
            os.chmod(path, 0o777)
            with self.assertRaises(hotload.HotloadError) as caught:
                self.store()
            self.assertIn('chmod -R go-w', str(caught.exception))
            self.store(trust=True)
            os.chmod(path, 0o700)
        self.assertEqual(os.stat('store').st_mode & 0o777, 0o700)
        self.assertEqual(hotload.read_bytes(self.path('store', '.gitignore')), b'*\n')

    def test_a_file_in_its_place_is_an_error_that_names_it(self):
        self.save('store', 'text')
        with self.assertRaises(hotload.HotloadError) as caught:
            self.store()
        self.assertIn(self.path('store'), str(caught.exception))
        self.assertEqual(hotload.read_bytes('store'), b'text')

    def test_where_nothing_can_be_written_values_are_kept_in_memory_and_it_says_so(self):
        self.save('file', '')
        store = hotload.Store(os.path.join('file', 'below'))
        address = store.add(b'data')
        store.append(b'record')
        draft = store.draft()
        write_file(draft, b'draft')
        self.assertEqual((store.read(address), store.records(), hotload.read_bytes(store.path(store.adopt(draft)))),
                         (b'data', [b'record'], b'draft'))
        self.assertEqual(self.err.getvalue().count('cannot be written'), 1)
        shutil.rmtree(os.path.dirname(draft))

    @slow
    @needs_processes
    def test_processes_that_are_killed_leave_whole_records_and_entries(self):
        program = ('import hotload, sys\nstore = hotload.Store("store")\nsys.stdout.write("on\\n")\n'
                   'sys.stdout.flush()\nnumber = 0\nwhile True:\n    number += 1\n'
                   '    data = (str(number) * 999).encode()\n'
                   '    store.append(store.add(data).encode())\n'
                   '    if number % 7 == 0: store.rewrite(lambda payloads: payloads[-50:])\n')
        for seed in range(6):
            children = [subprocess.Popen([sys.executable, '-c', program], stdout=subprocess.PIPE,
                                         env=dict(os.environ, PYTHONPATH=UNDER_TEST)) for _ in range(2)]
            for child in children:
                child.stdout.readline()
            time.sleep(random.Random(seed).random() * 0.1)
            for child in children:
                child.kill()
                child.communicate()
            store = self.store()
            for record in store.records():
                data = store.read(record.decode())
                self.assertIsNotNone(data, seed)
                self.assertEqual(data[:len(data) // 999] * 999, data, seed)


##############################################################################
## 14. Survey -- what a value reaches, and what code uses
##############################################################################



##############################################################################
## 15. Observe -- what a statement says, and what it does unseen
##############################################################################



##############################################################################
## 16. Versions -- which value a name should have, and where it is
##############################################################################



##############################################################################
## 17. Statements -- run one, and see what it did
##############################################################################



##############################################################################
## 18. Rerun -- run only what changed
##############################################################################

# The rule: after each version of a script, what CachedScript leaves is what a fresh run leaves.

SEQUENCES = r'''
# One script a paragraph: its name (and the oldest Python), its text, then the versions that follow. `@` begins
# a version, `&` is one more edit of it: `old => new` replaces text (\n is a line end), `+ line` adds one at the
# end, `- line` takes one away, `file NAME: text` writes a file, `undo` goes back to the version before.
# [a=1] after the @: how often cost("a") may run at most. What is printed, the error's line and the namespace must
# be those of a fresh run.

edit at the end
a = cost("a", [1, 2])
b = cost("b", len(a))
@[a=0 b=1] len(a) => len(a) + 1
@[a=0 b=0] + c = b
@[a=0 b=0] undo

edit at the start
k = 2
a = cost("a", [1, 2])
b = cost("b", [k * x for x in a])
@[a=0 b=1] k = 2 => k = 3
@[a=0 b=0] undo

edit in the middle
a = cost("a", 1)
b = cost("b", a + 1)
c = cost("c", a + 2)
d = cost("d", b)
@[a=0 b=1 c=0 d=1] a + 1 => a + 5
@[a=0 b=1 c=0 d=0] a + 5 => 5 + a

insert and delete
a = cost("a", [1])
c = cost("c", a[0])
@[a=0 c=0] c = cost => b = 5\nc = cost
@[a=0 c=1] b = 5 => a[0] = 5
@[a=0 c=0] - a[0] = 5

reorder
a = cost("a", [1])
b = cost("b", [2])
@[a=0 b=0] a = cost("a", [1])\nb = cost("b", [2]) => b = cost("b", [2])\na = cost("a", [1])

rename
data = cost("load", [4, 5])
m = cost("m", sum(data))
@ data => rows
@[load=0 m=0] undo

comments and layout
a = cost("a", [1, 2])
def f(x):
    return cost("f", x[0])
b = f(a)
@[a=0 f=0] a = cost( => # why\n\na = cost(
& return cost => # here\n    return cost
@[a=0 f=0] [1, 2] => [1,\n      2]

a helper
def inc(x):
    return x + 1
a = cost("a", inc(1))
b = cost("b", 2)
@[a=1 b=0] x + 1 => x + 2
@[a=0 b=0] undo

a helper of a helper
def low(x):
    return x + 1
def high(x):
    return low(x) * 2
a = cost("a", high(3))
b = cost("b", low(3))
@[a=1 b=0] low(x) * 2 => low(x) * 3
@[a=1 b=1] x + 1 => x + 4

a default
D = [1]
def f(x, y=D):
    return x + y[0]
a = cost("a", f(1))
D.append(2)
b = cost("b", f(len(D)))
@ D = [1] => D = [7]
@[a=0] append(2) => append(3)

a default that is changed
def note(x, seen=[]):
    seen.append(x)
    return len(seen)
a = note(1)
b = note(2)
@ note(2) => note(5)
@ - a = note(1)

function attributes
def tick():
    tick.count += 1
    return tick.count
tick.count = 0
a = tick()
b = tick()
@ count = 0 => count = 10
@ b = tick() => b = tick() + tick()

a constant used in functions
RATE = 2
def f(x):
    return x * RATE
a = cost("a", f(3))
b = cost("b", 3)
@[a=1 b=0] RATE = 2 => RATE = 4

a decorator
def twice(f):
    def inner(x):
        return 2 * f(x)
    return inner
@twice
def g(x):
    return x + 1
a = cost("a", g(3))
@[a=1] 2 * f(x) => 3 * f(x)
@[a=1] x + 1 => x + 5

a decorator that keeps a list
seen = []
def listed(f):
    seen.append(f.__name__)
    return f
@listed
def g(x):
    return x
n = cost("n", list(seen))
@ def g(x): => def h(x):
@ + g = listed(len)

a class method
class Model(object):
    def __init__(self, k):
        self.k = k
    def fit(self, x):
        return self.k * x
data = cost("load", 4)
m = Model(3)
out = cost("fit", m.fit(data))
@[load=0 fit=1] self.k * x => self.k * x + 1

instances of an edited class
class P(object):
    k = 1
    def area(self):
        return self.k
ps = [P(), P()]
q = ps[0]
a = cost("a", sum(p.area() for p in ps))
@ k = 1 => k = 2
@ + q.k = 9
@ + same = q is ps[0], type(q) is P

a class made twice
class P(object):
    v = 1
a = P()
class P(object):
    v = 2
b = P()
both = cost("both", (a.v, b.v))
@[both=1] a = P() => a = P()\nP.v = 7
@[both=0] undo
@[both=1] v = 2 => v = 3

inheritance
class A(object):
    made = []
    def go(self):
        self.made.append(1)
        return len(self.made)
class B(A):
    def go(self):
        return A.go(self) + 10
x = B().go()
y = cost("y", A().go())
@ x = B().go() => x = B().go() + B().go()
@ made = [] => made = [0]

a patched class
class A(object):
    def name(self):
        return "plain"
x = A()
before = cost("before", x.name())
A.name = lambda self: "patched"
after = cost("after", x.name())
@[before=0 after=1] - A.name = lambda self: "patched"
@[before=0 after=0] undo

a metaclass
REG = {}
class Meta(type):
    def __new__(meta, name, bases, space):
        made = type.__new__(meta, name, bases, space)
        REG[name] = made
        return made
A = Meta("A", (object,), {"x": 1})
B = Meta("B", (A,), {"y": 2})
n = cost("n", sorted(REG))
@ REG[name] => REG[name + "_"]

append and sort
data = cost("load", [3, 1, 2])
data.append(0)
data.sort()
low = data[0]
@[load=0] append(0) => append(10)
@[load=0] - data.append(10)

items and attributes
class Box(object):
    pass
t = cost("t", {"a": 1})
o = Box()
t["b"] = 2
o.t = t
del t["a"]
o.t["c"] = 3
n = cost("n", sorted(t))
@[t=0 n=1] t["b"] = 2 => t["b"] = 5
@[t=0 n=1] - del t["a"]
@[t=0 n=1] o.t["c"] => o.t["d"]

operators
a = cost("load", [1])
b = a
a += [2]
c = 1
c += 1
@[load=0] a += [2] => a += [3]
@[load=0] a += [3] => a = a + [3]

slices and nested lists
a = cost("a", [[1], [2], [3]])
b = a[1:]
b[0].append(5)
a[0:1] = [[9], [8]]
n = cost("n", (len(a), a[2]))
@[a=0 n=1] append(5) => append(6)
@[a=0 n=1] - a[0:1] = [[9], [8]]

aliases of aliases
a = cost("a", {"r": [1]})
b = a["r"]
c = [b, b]
c[0].append(2)
n = cost("n", len(a["r"]))
@[a=0 n=1] append(2) => append(2)\nc[1].append(3)
@[a=0 n=1] c = [b, b] => c = [list(b), b]

shared rows
rows = cost("load", [{"v": 1}, {"v": 2}, {"v": 3}])
train = cost("split", rows[:2])
rows[0]["v"] = 100
score = cost("score", sum(r["v"] for r in train))
@[load=0 split=0 score=1] 100 => 200
@[load=0 split=0 score=1] - rows[0]["v"] = 200

changed inside a helper
def grow(xs, by):
    xs.extend([by] * 2)
a = cost("a", [1])
b = [a]
grow(b[0], 3)
n = cost("n", list(a))
@[a=0 n=1] grow(b[0], 3) => grow(b[0], 4)
@[a=0 n=1] [by] * 2 => [by]

changed in a loop
out = []
data = cost("load", [1, 2, 3])
for d in data:
    out.append(d * 2)
last = cost("last", out[-1])
@[load=0 last=1] d * 2 => d * 3
@[load=0 last=0] + more = d

the same text twice
a = [0]
a = a + cost("add", [1])
b = a
a = a + cost("add", [1])
@[add=1] b = a => b = a\na = a + cost("add", [1])
@[add=0] undo

equal lists that are not one
a = []
b = a
a = []
a.append(1)
n = (len(a), len(b))
@ b = a => b = a\na = []
@ + b.append(a)

if and else
flag = True
if flag:
    x = cost("left", 1)
else:
    y = cost("right", 2)
z = cost("z", 3)
@[left=0 right=1 z=0] flag = True => flag = False
@[left=0 right=0 z=0] undo

a definition under if
flag = True
if flag:
    def f(x):
        return x + 1
else:
    def f(x):
        return x - 1
a = cost("a", f(1))
@[a=1] flag = True => flag = False

while
n = 0
while n < 3:
    n += 1
m = cost("m", n)
@[m=0] n = 0 => n = 1
@[m=1] n < 3 => n < 5

with and try
class Quiet(object):
    def __enter__(self):
        self.state = "in"
        return self
    def __exit__(self, *what):
        self.state = "out"
        return True
with Quiet() as q:
    c = cost("c", 3)
    missing
try:
    b = int("seven")
except ValueError:
    b = -1
d = cost("d", b)
@[c=0 d=1] int("seven") => int("7")

match 3.10
cmd = cost("cmd", ["go", 3])
match cmd:
    case ["go", steps]:
        pos = steps
    case _:
        pos = 0
y = cost("y", pos)
@[cmd=0 y=1] pos = steps => pos = steps + 1

walrus 3.8
if (n := cost("n", 5)) > 3:
    big = True
x = cost("x", n + 1)
@[n=0 x=1] n + 1 => n + 2

star targets 3.0
first, *rest = cost("load", [1, 2, 3])
rest.append(4)
total = cost("sum", sum(rest))
@[load=0 sum=1] append(4) => append(5)

comprehensions and lambdas
k = 2
data = cost("load", [1, 2])
s = cost("s", [k * d for d in data])
f = lambda x: x + k
p = cost("p", {d: f(d) for d in data})
@[load=0 s=1 p=1] k = 2 => k = 3
@[load=0 s=0 p=1] x + k => x - k

closures
offset = 1
def maker(n):
    kept = [n]
    def add(x):
        kept.append(x)
        return x + n + offset + len(kept)
    return add
add5 = maker(5)
a = add5(1)
b = cost("b", add5(2))
@ offset = 1 => offset = 2
@ a = add5(1) => a = add5(1) + add5(1)

generators
def gen():
    yield 1
    yield 2
    yield 3
g = gen()
a = next(g)
b = next(g)
@ b = next(g) => b = next(g) * 5
@ yield 2 => yield 20
@ + rest = list(g)

iterators
it = iter(cost("load", [1, 2, 3, 4]))
a = next(it)
b = next(it)
pairs = enumerate([5, 6, 7])
c = next(pairs)
@ b = next(it) => b = next(it) + next(it)
@ - a = next(it)
@ + d = next(pairs)

counters of itertools
import itertools
ids = itertools.count(1)
a = next(ids)
b = next(ids)
@ ids = itertools.count(1) => ids = itertools.count(1)\nz = next(ids)

open files
f = open("data.txt")
a = cost("a", f.readline())
b = f.readline()
f.close()
file data.txt: one\ntwo\nthree\n
@ b = f.readline() => b = f.readline() + f.readline()
@ file data.txt: uno\ntwo\nthree\n

data files
def read(name):
    with open(name) as f:
        return f.read()
text = cost("read", read("data.txt"))
size = cost("size", len(text))
other = cost("other", 1)
file data.txt: abc
@[read=1 size=1 other=0] file data.txt: abcdef
@[read=0 size=0 other=0] + done = True

a file that comes
import os
there = cost("there", os.path.exists("late.txt"))
try:
    text = open("late.txt").read()
except IOError:
    text = None
@ file late.txt: now

folders
import os
names = cost("ls", sorted(x for x in os.listdir(".") if x.endswith(".csv")))
file a.csv: 1
@[ls=1] file b.csv: 2
@[ls=0] + n = len(names)

a file that it writes
with open("out.txt", "w") as f:
    x = f.write(str(cost("w", 7)))
n = cost("r", open("out.txt").read())
@[w=0 r=0] + x = 1
@[w=1 r=1] 7 => 8

random numbers
import random
random.seed(3)
a = [random.random() for _ in range(3)]
b = cost("b", random.randint(0, 9))
own = random.Random(5)
c = own.random()
@[b=1] seed(3) => seed(4)
@ - a = [random.random() for _ in range(3)]
@ c = own.random() => c = own.random() + own.random()

shuffled in a helper
from random import shuffle, seed
def deal(n):
    cards = list(range(n))
    shuffle(cards)
    return cards
seed(7)
hand = deal(5)
x = cost("x", 1)
y = deal(3)
@[x=0] hand = deal(5) => hand = deal(6)

seeded with what it has
import random
y = cost("y", random.random() < 2)
random.seed(3)
x = cost("x", random.random())
@[y=1] y = cost("y", random.random() < 2) => random.seed(3)
@[y=1] undo
@ random.seed(3) => random.seed(4)

a state that is only asked for
import random
from random import seed, setstate
seed(3)
kept = random.getstate()
drawn = cost("drawn", [random.random(), random.gauss(0, 1)])
setstate(kept)
again = cost("again", [random.random(), random.gauss(0, 1)])
@[drawn=1 again=1] seed(3) => seed(4)
@[drawn=0 again=0] undo
@ setstate(kept) => random.seed(5)

a variable that has this value already
import os
m = cost("m", os.environ.get("FUZZ"))
os.environ["FUZZ"] = "1"
n = cost("n", os.environ["FUZZ"])
@ m = cost => os.environ["FUZZ"] = "1"; m = cost
@ undo
@ m = cost("m", os.environ.get("FUZZ")) => m = cost("m", len(os.environ))
@ os.environ["FUZZ"] = "1" => os.environ.pop("FUZZ", None); os.environ["FUZZ"] = "1"

the environment
import os
os.environ["FIRST"] = "a"
m = cost("m", os.environ["FIRST"])
z = cost("z", 1)
w = os.environ.get("NOT_THERE", "none")
@[m=1 z=0] "a" => "b"
@[m=0 z=0] undo

the current folder
import os
if not os.path.isdir("sub"):
    os.mkdir("sub")
os.chdir("sub")
there = cost("there", os.path.basename(os.getcwd()))
os.chdir("..")
x = cost("x", 1)
@[there=0 x=1] "x", 1 => "x", 2
@ os.chdir("sub") => os.chdir(".")

decimal contexts
import decimal
decimal.getcontext().prec = 5
a = cost("a", str(decimal.Decimal(1) / 3))
@[a=1] prec = 5 => prec = 6
@ - decimal.getcontext().prec = 6

imports that run again when what they loaded has changed
import decimal
import logging
decimal.getcontext().prec = 5
log = logging.getLogger("again")
log.addHandler(logging.NullHandler())
a = cost("a", str(decimal.Decimal(1) / 3))
n = len(log.handlers)
del log
@ import decimal => import decimal, sys
@ import logging => import logging, sys
@ - decimal.getcontext().prec = 5
@ addHandler(logging.NullHandler()) => setLevel(10)

arguments
import sys
def main():
    return cost("main", len(sys.argv))
other = cost("other", 2)
if __name__ == "__main__":
    result = main()
@[other=0 main=1] len(sys.argv) => len(sys.argv) + 1

a patched module
import math
before = cost("before", math.pi)
math.pi = 3
after = cost("after", math.pi)
@[before=0 after=1] - math.pi = 3
@[before=0 after=1] after = => math.pi = 4\nafter =

a patched function of a module in a module
import os
real = os.path.exists("nothing")
os.path.exists = lambda path: True
fake = cost("fake", os.path.exists("nothing"))
@[fake=1] - os.path.exists = lambda path: True

a local module
import tools
a = cost("a", tools.twice(4))
b = cost("b", 1)
file tools.py: def twice(x):\n    return 2 * x\n
@[a=1 b=0] file tools.py: def twice(x):\n    return 3 * x\n
@[a=0 b=0] file tools.py: # why\ndef twice(x):\n\n    return 3 * x\n

modules of modules
from outer import run
import pack.part as part
a = cost("a", run(7))
b = cost("b", part.LIMIT)
file outer.py: import inner\ndef run(x):\n    return inner.step(x) + 1\n
file inner.py: def step(x):\n    return x * 10\n
file pack/__init__.py: 
file pack/part.py: LIMIT = 5\n
@[a=1 b=0] file inner.py: def step(x):\n    return x * 11\n
@[a=0 b=1] file pack/part.py: LIMIT = 6\n

the state of a local module
import state
from state import items, bump
items.append(1)
n = len(state.items)
bump()
m = cost("m", state.count)
file state.py: items = []\ncount = 0\ndef bump():\n    global count\n    count += 1\n    items.append(count)\n
@ items.append(1) => items.append(1)\nbump()
@ file state.py: items = [0]\ncount = 5\ndef bump():\n    global count\n    count += 2\n
@ undo

star imports
from names import *
a = cost("a", one + 1)
file names.py: one = 1\ntwo = 2\n
@[a=0] + c = two
@[a=1] file names.py: one = 11\ntwo = 2\nthree = 3\n

global
total = 0
def add(x):
    global total
    total += x
add(2)
a = cost("a", total)
add(3)
@[a=0] add(3) => add(4)
@[a=1] total = 0 => total = 1

exec
a = cost("a", 1)
exec("b = a + 1")
globals()["c"] = b + 1
d = cost("d", c)
e = eval("d + 1")
@[a=0 d=1] a + 1 => a + 10

a shadowed builtin
xs = cost("xs", [3, 1])
n = cost("n", len(xs))
@[n=1] xs = => def len(x):\n    return 99\nxs =
@[n=0] undo

threads
import threading
out = []
def work():
    out.append(len(out))
t = threading.Thread(target=work)
t.start()
t.join()
del t
n = len(out)
@ append(len(out)) => append(7)

an exception in the middle
data = cost("load", [1, 2, "x", 3])
out = []
for d in data:
    out.append(d + 1)
done = True
@[load=0] out.append(d + 1) => out.append(str(d) + "1")

an exception after a change
data = cost("load", [1, 2])
data.append(3); data.append(data[9])
@[load=0] data[9] => data[0]

the line of an error in a kept function
data = [1, 0]
def div(x):
    return 1 / x
a = cost("a", 1)
out = [div(x) for x in data]
@[a=0] def div => # one\n\n# two\ndef div
@[a=0] data = [1, 0] => \n\ndata = [1, 0]
@[a=0] [div(x) for x in data] => [div(x) for x in data if x]

a syntax error
data = cost("load", [1, 2])
n = len(data)
@[load=0] len(data) => len(data
@[load=0] len(data => len(data) + 1

exit
import sys
a = cost("a", 1)
sys.exit(3)
b = 2
@[a=0] - sys.exit(3)

deleted names
a = cost("a", [1])
b = a
del a
n = cost("n", len(b))
@[a=0 n=0] - del a
@[a=0 n=1] b = a => b = a\nb.append(2)

what cannot be pickled
lock = __import__("threading").Lock()
table = {"f": lambda x: x + 1, "l": [lock]}
a = cost("a", table["f"](1))
@ + b = table["f"](2)
@ x + 1 => x + 2

bytearrays and deques
from array import array
from collections import deque, defaultdict, OrderedDict
ba = bytearray(b"abc")
ar = array("i", [1, 2])
dq = deque([1, 2], 5)
dd = defaultdict(list)
od = OrderedDict([(1, 2), (3, 4)])
ba[0] = 120
ar[1] = 9
dq.appendleft(0)
dd["x"].append(1)
od[1] = od.pop(3)
n = cost("n", (len(dq), len(dd), ba[0], ar[1]))
@ 120 => 121
@ ar[1] = 9 => ar[1] = 8
@ dq.appendleft(0) => dq.append(0)
@ dd["x"] => dd["y"]

bound methods
xs = cost("xs", [1])
push = xs.append
push(2)
n = cost("n", len(xs))
@[xs=0 n=1] push(2) => push(2)\npush(3)

named tuples
from collections import namedtuple
P = namedtuple("P", "x y")
p = P(1, [2])
a = cost("a", p.x)
p.y.append(3)
@[a=0] append(3) => append(4)
@ P(1, [2]) => P(5, [2])

data classes 3.7
from dataclasses import dataclass, field
@dataclass
class R:
    x: int
    tags: list = field(default_factory=list)
r = cost("r", R(1))
r.tags.append("a")
q = cost("q", len(r.tags))
@[r=0 q=1] r.tags.append("a") => r.tags.append("a")\nr.tags.append("b")

enums 3.4
from enum import Enum
class C(Enum):
    A = 1
    B = 2
c = cost("c", [C.A, C.B])
same = c[0] is C.A
@ B = 2 => B = 3

cached functions 3.2
from functools import lru_cache
RATE = 2
@lru_cache(maxsize=None)
def f(x):
    return x * RATE
a = f(3)
b = cost("b", f(3))
@ RATE = 2 => RATE = 3

coroutines 3.7
import asyncio
async def fetch(n):
    await asyncio.sleep(0)
    return cost("fetch", n)
async def both():
    return [await fetch(1), await fetch(2)]
pair = asyncio.run(both())
s = cost("s", sum(pair))
@[fetch=2 s=1] cost("fetch", n) => cost("fetch", n * 10)

recursion
def fact(n):
    return 1 if n < 2 else n * fact(n - 1)
a = cost("a", fact(5))
deep = cost("deep", [])
deep.append(deep)
@[a=1] n < 2 => n < 1

a large list
big = cost("load", [{"i": i, "s": str(i)} for i in range(5000)])
n = cost("n", len(big))
@[load=0 n=0] + tail = big[-1]
@ + big[-1]["i"] = 0

printing
print("one")
a = cost("a", 1)
def f(x):
    print("in f", x)
    return cost("f", x)
b = f(2)
print("two")
@[a=0 f=0] + print("three")
@[a=0 f=1] f(2) => f(3)
@[a=0 f=0] undo

slots and properties
class S(object):
    __slots__ = ["x", "_y"]
    @property
    def y(self):
        return self._y
    @y.setter
    def y(self, value):
        self._y = value * 2
s = S()
s.x = [1]
s.y = 4
t = s
t.x.append(2)
a = cost("a", (s.y, len(s.x)))
@ value * 2 => value * 3
@ s.x = [1] => s.x = [1, 1]

sets
s = cost("s", set([1, 2]))
t = s
t.add(3)
s.discard(1)
n = cost("n", sorted(s))
@[s=0 n=1] t.add(3) => t.add(4)
@[s=0 n=1] - s.discard(1)

two names swapped
a = cost("a", [1])
b = cost("b", [2])
a, b = b, a
a.append(5)
@[a=0 b=0] append(5) => append(6)
@[a=0 b=0] - a, b = b, a

objects that hold each other
class Node(object):
    def __init__(self, v):
        self.v, self.links = v, []
a = Node(1)
b = Node(2)
a.links.append(b)
b.links.append(a)
b.v = 5
n = cost("n", a.links[0].v)
@ b.v = 5 => b.v = 6
@ - b.links.append(a)

a pickle of an instance
import pickle
class A(object):
    tag = 1
data = pickle.dumps([A()], 2)
back = pickle.loads(data)
t = cost("t", back[0].tag)
@[t=1] tag = 1 => tag = 2

names like __version__
__version__ = "1"
a = cost("a", [__version__])
b = __doc__
@[a=1] "1" => "2"
@[a=0] __version__ = => """first"""\n__version__ =
@[a=0] first => second

a generator of random numbers in a variable
import random
r = random.Random(3)
a = r.random()
b = r.random()
@ b = => c = r.choice([1, 2, 3])\nb =
@ - a = r.random()

a builtin that the script adds
try:
    import builtins
except ImportError:
    import __builtin__ as builtins
builtins.zork = 5
a = zork
@ 5 => 6
@ builtins.zork = 6 => zork = 7

values whose C code hides what they are
import hashlib
h = hashlib.md5()
h.update(b"a")
h.update(b"b")
d = h.hexdigest()
@ - h.update(b"b")
@ + h.update(b"c")\ne = h.hexdigest()

a file that is appended to
import os
if os.path.exists("l.txt"): os.remove("l.txt")
with open("l.txt", "a") as f:
    f.write("x")
a = open("l.txt").read()
@ a = => with open("l.txt", "a") as f:\n    f.write("y")\na =
@ "y" => "z"

bytes written to a descriptor
import os, sys
sys.stdout.flush()
os.write(1, b"raw\n") and None
k = 1
@ k = 1 => k = 2

sys.stdout exchanged 3.3
import sys, io
b = io.StringIO()
o = sys.stdout
sys.stdout = b
print("x")
sys.stdout = o
v = b.getvalue()
print(v)
@ print("x") => print("y")
@ + print("end")

loggers
import logging
log = logging.getLogger("q")
log.setLevel(10)
log.addHandler(logging.NullHandler())
n = len(log.handlers)
log = 0
@ setLevel(10) => setLevel(20)
@ addHandler(logging.NullHandler()) => addHandler(logging.NullHandler()); log.propagate = False

folders of one run
import tempfile, os
d = tempfile.mkdtemp()
open(os.path.join(d, "x"), "w").close()
names = os.listdir(d)
d = None
@ "x" => "y"

a module imported by a computed name
file h.py: x = [1]\n
import importlib
h = importlib.import_module("h")
a = h.x
@ file h.py: x = [2]\n
@ + a.append(3)

an exception that is kept
try:
    1 // 0
except ZeroDivisionError as problem:
    e = problem
k = 1
@ k = 1 => k = 2

a module that looks into the script, imported where it is used
def f(x):
    """
    >>> f(2)
    4
    """
    return x * 2
n = cost('n', 1)
if n:
    import doctest
    print(doctest.testmod().attempted)
@[n=0] x * 2 => x * 3
@[n=0]     4 =>     6
@[n=0] + x = 1

a function that imports such a module
def load(data):
    import pickle
    return pickle.loads(data)
def dump(value):
    import pickle
    return pickle.dumps(value)
class A(object):
    def __init__(self, x): self.x = x
n = cost('n', 1)
a = load(dump(A(n))).x
@[n=0] self.x = x => self.x = x + 1
@ cost('n', 1) => cost('n', 2)

the text of a function, its line and the script's own file
import inspect, linecache
def f():
    return 1  # one
def g():
    import inspect
    return inspect.getsource(f)
n = cost('n', 1)
a = inspect.getsource(f)
b = g()
c = f.__code__.co_firstlineno
with open(__file__) as stream: d = stream.read()
e = linecache.getline(__file__, 4)
@[n=0] # one => # two
@[n=0] def f => # here\ndef f
@[n=0] undo

the lines of a traceback
import traceback
def f():
    1 // 0  # one
n = cost('n', 1)
try: f()
except ZeroDivisionError: a = traceback.format_exc()
@[n=0] # one => # two
@[n=0] def f => # here\ndef f

classes that an abstract one is told of 3.4
import abc
class I(abc.ABC): pass
class J(object): pass
n = cost('n', 1)
I.register(J)
a = issubclass(J, I)
@[n=0] - I.register(J)
@[n=0] a = => I.register(J)\na =

variables of the context 3.7
from contextvars import ContextVar
v = ContextVar("v", default=1)
n = cost('n', 1)
v.set(2)
x = v.get()
def inner():
    t = v.set(5)
    y = v.get()
    v.reset(t)
    return y
y = inner()
z = v.get()
@[n=0] v.set(2) => v.set(3)
@[n=0] v.set(5) => v.set(6)
@[n=0] - v.set(3)
@[n=0] default=1 => default=4

names in annotations that are texts 3.7
import typing as t
from dataclasses import dataclass, fields
n = cost('n', 1)
@dataclass
class A:
    x: int = 1
    y: "t.ClassVar[int]" = 0
a = [f.name for f in fields(A)]
@[n=0] x: int = 1 => x: int = 2
@[n=0] import typing as t => import collections as t
@[n=0] undo

a context of decimal
from decimal import Decimal, localcontext, getcontext
getcontext().prec = 5
a = Decimal(1) / Decimal(3)
with localcontext() as c:
    c.prec = 3
    b = Decimal(1) / Decimal(3)
c = Decimal(1) / Decimal(7)
print(a, b)
@ prec = 5 => prec = 6
@ c.prec = 3 => c.prec = 4
@ c.prec = 4 => c.prec = 2

files that are removed
import os
n = cost('n', 1)
with open("t", "w") as stream: k = stream.write(u"1")
with open("t") as stream: d = stream.read()
os.remove("t")
e = os.path.exists("t")
@[n=0] u"1" => u"12"
@[n=0] - os.remove("t")
@[n=0] u"12" => u"123"
@[n=0] e = => os.remove("t")\ne =

wrong arguments for what removes and renames
import os
found = []
for call in (lambda: os.remove(None), lambda: os.rename("t"), lambda: os.mkdir()):
    try: call()
    except TypeError as problem: found.append(str(problem))
j = 1
@ j = 1 => j = 2

files that are renamed
import os
n = cost('n', 1)
with open("t", "w") as stream: k = stream.write(u"1")
os.rename("t", "final")
with open("final") as stream: d = stream.read()
e = os.path.exists("t"), os.path.exists("final")
os.remove("final")
j = 1
@[n=0] u"1" => u"12"
@[n=0] j = 1 => j = 2
@[n=0] "final") => "last")
@[n=0] "final" => "last"

folders and paths 3.6
from pathlib import Path
import os, shutil
n = cost('n', 1)
os.makedirs("out/in", exist_ok=True)
p = Path("out") / "in" / "x"
k = p.write_text("a")
d = p.read_text()
p.unlink()
e = p.exists()
shutil.rmtree("out")
f = os.path.isdir("out")
@[n=0] "a" => "b"
@[n=0] - p.unlink()
@[n=0] f = => g = 1\nf =
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


def names_picture(names, folder):
    view = Picture(names, folder)
    return dict((name, view.of(names[name], name)) for name in sorted(names) if not name.startswith('__'))


def read_file(path):
    with open(path, 'rb') as stream:
        return stream.read()


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
        del hotload.fresh.roots[:]              # of other tests: costly.py is to be no module of the user's
        hotload.fresh.folders.clear()
        sys.path.append(os.path.join(os.path.dirname(folder), 'lib'))         # the first is the script's folder
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
                crash = '%s: %s' % (sys.exc_info()[0].__name__, sys.exc_info()[1])
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
            data = repr((None if isinstance(error, SyntaxError) else names_picture(step.namespace, folder),
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


needs_fork = unittest.skipUnless(hasattr(os, 'fork') and HAS_PROCESSES, 'forks')


@same_between
@needs_fork
class TestFidelity(unittest.TestCase):
    """Each paragraph of SEQUENCES, played in one process, and with a new process for each version."""
    section = SECTION['Rerun']

    def setUp(self):
        self.top = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.top, True)

    def play(self, name, versions, restart, truths):
        top = os.path.join(self.top, 'same')        # the truths of both ways have its path
        shutil.rmtree(top, True)
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
        self.assertTrue(not wrong, '%d wrong\n%s' % (len(wrong), '\n'.join(wrong[:5])))
        self.assertGreater(counts[False][0], 100, 'the costs were counted')
        self.assertGreaterEqual(counts[False][1], 0.95 * counts[False][0], counts)
        self.assertGreaterEqual(counts[True][1], 0.90 * counts[True][0], counts)

    def test_there_are_at_least_seventy_sequences(self):
        self.assertGreaterEqual(len(read_sequences()), 70)


class CacheCase(unittest.TestCase):
    """A script in a folder of its own, and a CachedScript of it."""
    section = SECTION['Rerun']

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

    def test_no_object_of_the_script_is_asked_for_attributes(self):
        step = self.script('seen = []\nclass A(object):\n    def __getattr__(self, name):\n        seen.append(name)\n'
                           '        raise AttributeError(name)\na = A()\nprint(len([a]))\n')
        self.assertIsNone(self.run_step(step).error)
        self.assertEqual(step.namespace['seen'], [])

    def test_a_reason_is_seen_from_the_last_run_also_after_an_undone_edit(self):
        text = 'k = 2\nn = 1\na = [k, n]\n'
        step = self.script(text)
        self.run_step(step)
        self.run_text(step, text.replace('2', '3'))
        self.run_text(step, text)
        self.assertIn('because n (line 2) changed', self.run_text(step, text.replace('1', '4')).ran[-1].reason)

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
            for path in glob.glob(os.path.join(store, '*', '*', '*', '*')) + glob.glob(os.path.join(
                    store, '*', 'journals', '*')):
                if os.path.isfile(path):
                    what, data = chance.randrange(4), bytearray(read_file(path))
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

    def test_a_process_that_has_read_no_source_before(self):
        run = 'import hotload\nhotload.CachedScript("app.py", store="store").run()\n'
        text = 'def f():\n    return 1  # %s\nif f():\n    import inspect\n    print(inspect.getsource(f))\n'
        for word in ('one', 'two'):
            write_file(os.path.join(self.folder, 'app.py'), (text % word).encode('ascii'))
            status, out, err = run_python(run, cwd=self.folder)
            self.assertTrue(status == 0 and '# ' + word in out, out + err)

    def test_an_error_is_not_kept(self):
        store, text = os.path.join(self.folder, 'kept'), 'a = [1]\nopen("missing.txt")\n'
        os.chdir(self.folder)
        self.assertIsInstance(self.run_step(self.script(text, store=store)).error, IOError)
        save(os.path.join(self.folder, 'missing.txt'), 'x')
        self.assertIsNone(self.run_step(self.script(text, store=store)).error)


@needs_processes
class TestCacheCommandLine(unittest.TestCase):
    """hotload --cache."""
    section = SECTION['Rerun']

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
        self.wait_for_text('run 1 failed: NameError')
        self.assertTrue(re.search('line 4, in <module>(.|\n)*line 2, in f(.|\n)*NameError', self.shown()), self.shown())
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
        self.wait_for_text('run 1 failed: ValueError')
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
        self.assertTrue(re.search(r'now.*\[1\]', self.shown()), self.shown())
        log = read_file(os.path.join(self.folder, 'log.py')).decode('utf-8')
        self.assertIn('\na.append(2)\n# missing\nprint(a)\n', log)


##############################################################################
## 19. Meaning -- fingerprints of functions and values, with all that they use
##############################################################################

MEANING = u'''
import math, helpers
from helpers import scale as rescale
FACTOR = 2
TABLE = {'a': [1, (2, 3)], 'b': {'x', 'y', 'z'}}

class Base(object):
    def weight(self, v):
        return v * 3

class Model(Base):
    limit = 5
    def __init__(self, k):
        self.k = k
    def apply(self, x):
        return self.weight(sum(x)) + Model.limit
    @property
    def doubled(self):
        return self.k * 2
    @staticmethod
    def twice(x):
        return x * 2

def maker(k):
    def inner(x, base=1):
        return x * k + base
    return inner

made = maker(7)

def deeper(x):
    return sum(x)

def helper(x):
    return deeper(x) + FACTOR

def even(n): return odd(n - 1) if n else 0
def odd(n): return even(n - 1) if n else 1

def top(pipe, x=1):
    y = [helper(q) for q in [[1]]]
    def local(z):
        "local doc"
        return z + 4
    from lazy import late
    return (helper(y) + math.sqrt(4) + Model(1).apply(y) + even(3) + helpers.shift(x) + rescale(x) + local(1)
            + made(x) + TABLE['a'][0] + late(x) + Model.twice(x))
'''
HELPERS = u'OFFSET = 10\ndef shift(x):\n    return x + OFFSET\ndef scale(x):\n    return x * 10\ndef unused(x): return 1\n'
LAZY = u'def late(x):\n    return x + 100\n'


class TestMeaning(Case):
    section = SECTION['Meaning']

    def digest(self, text=MEANING, helpers=HELPERS, lazy=LAZY):
        for name, source in ('helpers', helpers), ('lazy', lazy):
            self.save(name + '.py', source)
            module = sys.modules[name] = type(sys)(name)
            module.__file__ = self.path(name + '.py')
            exec(compile(source.encode('utf-8'), module.__file__, 'exec', 0, True), vars(module))
        module = sys.modules['mine'] = type(sys)('mine')
        module.__file__ = self.path('mine.py')
        exec(compile(text.encode('utf-8'), module.__file__, 'exec', 0, True), vars(module))
        return hotload.Meanings().of(module.top)

    def test_layout_comments_docstrings_and_order_mean_nothing(self):
        whole = self.digest()
        moved = MEANING.partition(u'def deeper')
        for text in (u'# a comment\n' + MEANING, u'\n\n\n' + MEANING,
                     MEANING.replace(u'return deeper(x) + FACTOR', u'# why\n    return (deeper( x )  +\n      FACTOR)'),
                     MEANING.replace(u'"local doc"', u'"another"'), MEANING.replace(u'        "local doc"\n', u''),
                     MEANING.replace(u'def helper(x):\n', u'def helper(x):\n    "A doc that was not there."\n'),
                     MEANING.replace(u'    def weight', u'    """Of the class."""\n    def weight'),
                     MEANING + u'\ndef unrelated(): return 1\n', u'import math, helpers\ndef deeper' + moved[2] + moved[0]):
            self.assertEqual(self.digest(text), whole, text)
        self.assertEqual(self.digest(helpers=HELPERS.replace(u'return 1', u'return 2')), whole, 'of what is not used')
        self.assertEqual(self.digest(lazy=u'# c\n' + LAZY), whole)

    def test_every_edit_of_what_is_used_counts(self):
        seen = {self.digest(): 'the original'}
        for old, new in ((u'return sum(x)', u'return max(x)'), (u'FACTOR = 2', u'FACTOR = 3'), (u'FACTOR = 2', u'FACTOR = 2.0'),
                         (u'v * 3', u'v * 4'), (u'limit = 5', u'limit = 6'), (u'else 1', u'else 2'), (u'[[1]]', u'[[2]]'),
                         (u'self.k * 2', u'self.k * 3'), (u'return x * 2', u'return x * 22'), (u'maker(7)', u'maker(8)'),
                         (u'base=1', u'base=2'), (u'(2, 3)', u'(2, 4)'), (u"'z'}", u"'w'}"), (u'z + 4', u'z + 5'),
                         (u'pipe, x=1', u'pipe, x=2'), (u'math.sqrt', u'math.exp'), (u'class Model(Base)', u'class Model(object)'),
                         (u'def even', u'def sum(x): return 0\ndef even')):
            digest = self.digest(MEANING.replace(old, new))
            self.assertNotIn(digest, seen, (old, new, seen.get(digest)))
            seen[digest] = old, new
        for how in (dict(helpers=HELPERS.replace(u'OFFSET = 10', u'OFFSET = 11')), dict(lazy=LAZY.replace(u'100', u'101')),
                    dict(helpers=HELPERS.replace(u'x * 10', u'x * 20'))):
            self.assertNotIn(self.digest(**how), seen, how)

    def test_a_module_that_is_handed_on_counts_as_a_whole(self):
        for text in (u'def use(module, x): return module.shift(x)\ndef top(x): return use(helpers, x)\n',
                     u'TABLE = {"a": [helpers]}\ndef top(x): return TABLE["a"][0].shift(x)\n',
                     u'def top(x, module=helpers): return module.shift(x)\n',
                     u'def maker(module): return lambda x: module.shift(x)\ntop = maker(helpers)\n'):
            before = self.digest(u'import helpers\n' + text)
            self.assertEqual(before, self.digest(u'import helpers\n' + text, u'# why\n' + HELPERS))
            self.assertNotEqual(before, self.digest(u'import helpers\n' + text, HELPERS.replace(u'OFFSET = 10', u'OFFSET = 1')))

    def test_what_pip_has_put_into_a_folder_is_not_the_users(self):
        self.files({'lib/pkg-1.0.dist-info/RECORD': u'pkg/__init__.py,sha256=x,1\npkg/sub/a.py,,\nsix.py,,\n'})
        found = [hotload.is_users_file(self.path('lib', *name.split('/')))
                 for name in ('pkg/__init__.py', 'pkg/sub/a.py', 'six.py', 'own.py', 'own/sub/b.py', 'site-packages/c.py')]
        self.assertEqual(found, [False, False, False, True, True, False])

    def test_objects_that_raise_when_they_are_looked_at(self):
        text = u'class Angry(object):\n @property\n def __class__(self): raise RuntimeError\n' \
               u' def __getattr__(self, name): raise RuntimeError\nangry = Angry()\ndef top(): return id(angry) + 1\n'
        self.assertNotEqual(self.digest(text), self.digest(text.replace(u'+ 1', u'+ 2')))

    def test_values_of_all_kinds_are_told_apart_and_hash_randomization_is_not(self):
        program = u'''if 1:
            import sys, collections, decimal, datetime, re, functools, hotload
            class P(object):
                def __init__(self, x): self.x = x
            class S(object):
                __slots__ = ('a',)
            class D(dict): pass
            s = S(); s.a = 1
            Pair = collections.namedtuple('Pair', 'a b')
            loop = [1]; loop.append(loop)
            values = [0, 0.0, -0.0, False, None, '', b'x', 'x1', [1], (1,), {1}, frozenset([1]), {1: 1}, [], (), {}, [[1]],
                      ['a', ['b']], set('abcdefgh'), {'k': set('xyz')}, slice(1), slice(2), P(1), P(2), P([1]), s, Pair(1, 2),
                      decimal.Decimal('1.1'), datetime.date(2020, 1, 1), re.compile('a'), re.compile('b'), D(a=1), D(a=2),
                      functools.partial(len, 1), functools.partial(len, 2), loop, P(P(1)), 1 + 2j, 10 ** 30,
                      len, sum, P, S, bytearray(b'a'), bytearray(b'b'), [P(1), P(1)], P(1).__init__, float('nan')]
            import binascii
            print(' '.join(binascii.hexlify(hotload.Meanings().of(v)).decode() for v in values))
        '''
        found = set()
        for seed in ('0', '1', '2'):
            status, out, err = run_python(program, env={'PYTHONHASHSEED': seed})
            self.assertEqual(status, 0, err)
            found.add(out)
            self.assertEqual(len(set(out.split())), len(out.split()))
        self.assertEqual(len(found), 1)

    def test_helpers_of_all_shapes(self):
        has_cache = hasattr(__import__('functools'), 'lru_cache')
        for text, edits in (
                (u'import functools\n@functools.lru_cache(None)\ndef f(x): return x+1\ntop = lambda: f(1)', u'x+1 x+2')
                if has_cache else (u'f = 1\ntop = lambda: f', u'1 2'),
                (u'import functools\ndef g(x, y): return x+y\nf = functools.partial(g, 1)\ntop = lambda: f(1)', u'x+y x-y'),
                (u'import functools\ndef d(f):\n @functools.wraps(f)\n def w(*a): return f(*a)*2\n return w\n'
                 u'@d\ndef f(x): return x+1\ntop = lambda: f(1)', u'*2 *3 x+1 x+5'),
                (u'class M(object):\n def __init__(s, k): s.k = k\n def f(s): return s.k*2\nm = M(3)\ntop = lambda: m.f()',
                 u'M(3) M(4) s.k*2 s.k*3'),
                (u'class M(object):\n def __init__(s, k): s.k = k\n def f(s): return s.k*2\nm = M(3).f\ntop = lambda: m()',
                 u'M(3) M(4) s.k*2 s.k*3'),
                (u'def p(): return 1\nT = {"p": [p]}\ntop = lambda: T["p"][0]()', u'1 5'),
                (u'class Me(type):\n K = 1\nB = Me("B", (object,), {})\ntop = lambda: B.K', u'1 8'),
                (u'def f1(): return 1\ntop = lambda: globals()["f1"]()', u'1\n 3\n'),
                (u'import re\nP = re.compile("a+")\ntop = lambda: P.findall("b")', u'a+ a*'),
                (u'top = lambda: sum([1])\nother = 1', u'other sum')):
            edits = edits.split(u' ')
            for old, new in zip(edits[::2], edits[1::2]):
                self.assertIn(old, text)
                self.assertNotEqual(self.digest(text), self.digest(text.replace(old, new)), (text, new))
                self.assertEqual(self.digest(text), self.digest(text))

    def test_a_long_chain_of_helpers_is_followed(self):
        text = u'def f0(x): return %s\n' + u''.join(u'def f%d(x): return f%d(x)\n' % (n, n - 1) for n in range(1, 3000))
        text += u'top = f2999\n'
        self.assertNotEqual(self.digest(text % 1), self.digest(text % 2))

    def test_calls_are_read_from_the_code(self):
        self.digest(u'def sub(pipe): pipe.send("inner", 1)\n'
                    u'def top(pipe):\n x = yield pipe.receive("a")\n pipe.send("b", x)\n pipe.send("c" + x, x)\n sub(pipe)\n')
        meanings, top = hotload.Meanings(), sys.modules['mine'].top
        self.assertEqual(meanings.called_with(top, 'receive'), set(['a']))
        self.assertEqual(meanings.called_with(top, 'send'), set(['inner', 'b', None]))


##############################################################################
## 20. Values -- what reactors send, and what is known of their runs
##############################################################################

CHAIN = u'''
@ReactorFunc
def load(pipe):
    note('load')
    pipe.send('raw', [1, 2, 3])
    yield

@ReactorFunc
def total(pipe):
    note('total')
    raw = yield pipe.receive('raw')
    pipe.send('sum', sum(raw))

@ReactorFunc
def show(pipe):
    s = yield pipe.receive('sum')
    out(s)
'''


class PlantCase(Case):
    """Runs texts of reactors, in this process. What a reactor notes and gives out is returned."""

    def setUp(self):
        Case.setUp(self)
        for registry in hotload.REACTORS, hotload.SUBREACTORS:
            registry.clear()                    # of the examples in docstrings
            self.addCleanup(registry.clear)
        self.extra = {}

    def load(self, text, name='mine'):
        self.noted, self.given = [], []
        module = sys.modules[name] = type(sys)(name)
        module.__file__ = self.path(name + '.py')
        vars(module).update(self.extra, note=self.noted.append, out=self.given.append, hotload=hotload)
        vars(module).update((name, getattr(hotload, name)) for name in (
            'ReactorFunc', 'SubreactorFunc', 'Ingredient', 'ConfigBase', 'Plant', 'IngredientTypeSpec'))
        exec(compile(text.encode('utf-8'), module.__file__, 'exec', 0, True), vars(module))
        return module

    def plant(self, **how):
        return hotload.Plant(self.path('store'), **how)

    def run_text(self, text, root='show', **how):
        """([what was noted], [what was given out]) of one run in a new Plant."""
        self.noted, self.given = [], []
        module = self.load(text)
        with self.plant(**how) as plant:
            plant.run_reactor(getattr(module, root))
        return self.noted, self.given

    def assertRuns(self, text, noted, given=None, **how):
        found = self.run_text(text, **how)
        self.assertEqual(sorted(found[0]), sorted(noted))
        if given is not None:
            self.assertEqual(found[1], given)

    def error(self, text, *words, **how):
        """The message of the HotloadError that a run raises; it is one line and holds these words."""
        with self.assertRaises(hotload.HotloadError) as caught:
            self.run_text(text, **how)
        for word in words:
            self.assertIn(word, str(caught.exception))
        self.assertNotIn('\n', str(caught.exception))
        return caught.exception

    def entries(self):
        """Paths of the files in the store."""
        return sorted(os.path.join(place, name) for place, _, names in os.walk(self.path('store')) for name in names)


class TestValues(PlantCase):
    section, needs = SECTION['Values'], SECTION['Pipeline']

    def test_none_and_empty_values_are_values(self):
        text = u'''
ITEMS = [None, 0, 0.0, False, '', b'', [], (), {}, set(), u'\\xe9', 1 + 2j, 2 ** 70, bytearray(b'a'), slice(1)]
@ReactorFunc
def a(pipe):
    note('a')
    for i, value in enumerate(ITEMS):
        pipe.send('v%d' % i, value)
@ReactorFunc
def show(pipe):
    for i, value in enumerate(ITEMS):
        got = yield pipe.receive('v%d' % i)
        out(got == value and type(got) is type(value))
'''
        for ran in (['a'], []):
            self.assertRuns(text, ran, [True] * 15)

    def test_any_name_will_do(self):
        text = u'''
NAMES = ['a/b', '../../up', '..', 'x' * 300, u'h\\xe9', 'plant', '', ' ', '/abs', 'a\\nb', 'a"b', '%s', u'\\u20ac' * 99]
@ReactorFunc
def a(pipe):
    for name in NAMES:
        pipe.send(name, [name] * 1000)
        with open(pipe.allocate(name + 'f', Ingredient.Type.file), 'w') as stream:
            stream.write('z')
@ReactorFunc
def show(pipe):
    for name in NAMES:
        v = yield pipe.receive(name)
        f = yield pipe.receive(name + 'f')
        out(v == [name] * 1000 and open(f).read() == 'z')
'''
        for _ in range(2):
            self.assertEqual(self.run_text(text)[1], [True] * 13)
        self.assertEqual(sorted(os.listdir(self.folder)), ['store'])

    def test_instances_and_edited_methods(self):
        text = u'''
class Model(object):
    def __init__(self): self.k = 2
    def apply(self, x): return x * self.k
@ReactorFunc
def train(pipe):
    note('train')
    pipe.send('model', [Model()] * 2)
@ReactorFunc
def use(pipe):
    note('use')
    model = (yield pipe.receive('model'))[0]
    pipe.send('y', [model.apply(3), type(model) is Model])
@ReactorFunc
def show(pipe):
    out((yield pipe.receive('y')))
'''
        self.assertRuns(text, ['train', 'use'], [[6, True]])
        self.assertRuns(text, [], [[6, True]])
        self.assertRuns(text.replace(u'x * self.k', u'x + self.k'), ['train', 'use'], [[5, True]])

    def test_files_buffers_and_temporary_ones(self):
        text = u'''
@ReactorFunc
def a(pipe):
    note('a')
    path = pipe.allocate('report', Ingredient.Type.file)
    with open(path, 'w') as stream:
        stream.write('good')
    pipe.send('report', path, Ingredient.Type.file)
    with open('own.txt', 'w') as stream:
        stream.write('mine')
    pipe.send('copy', 'own.txt', Ingredient.Type.file)
    array = pipe.allocate('array', Ingredient.Type.buffer, size=5000000)
    array[1000:1004] = b'good'
    temp = pipe.allocate_temp('temp', Ingredient.Type.buffer, size=4000000)
    temp[0:3] = b'abc'
    pipe.send('array', array, Ingredient.Type.buffer)
    pipe.send('sent', b'bytes', Ingredient.Type.buffer)
    pipe.send('temp was', bytes(temp[0:3]))
    own = yield pipe.receive('array')
    assert own[1000:1004] == b'good'
@ReactorFunc
def b(pipe):
    path = yield pipe.receive('report')
    with open(path, 'w') as stream:
        stream.write('evil')
    array = yield pipe.receive('array')
    array[1000:1004] = b'evil'
    pipe.send('b', 1)
@ReactorFunc
def show(pipe):
    yield pipe.receive('b')
    for name in 'report', 'copy':
        path = yield pipe.receive(name)
        with open(path) as stream:
            out([stream.read(), path[-8:].replace(chr(92), '/')])
    array = yield pipe.receive('array')
    sent = yield pipe.receive('sent')
    temp = yield pipe.receive('temp was')
    out([len(array), bytes(array[1000:1004]), bytes(array[:1]), bytes(sent[:]), temp])
'''
        for _ in range(2):
            self.assertEqual(self.run_text(text)[1], [['good', 'e/report'], ['mine', 'copy.txt'], [5000000, b'good', b'\0', b'bytes', b'abc']])
        self.assertLess(sum(map(os.path.getsize, self.entries())), 6000000)

    def test_types_of_the_user(self):
        text = u'''
import os
class Thing(object):
    def __init__(self, v): self.v = v
class ThingSpec(IngredientTypeSpec):
    closed = 0
    @classmethod
    def get_name(cls): return 'thing'
    def store(self, warehouse, name, value):
        with open(os.path.join(warehouse.baseDir, name + '.txt'), 'w') as stream:
            stream.write(str(value.v))
        return {'times': 2}
    def fetch(self, warehouse, name, meta):
        with open(os.path.join(warehouse.baseDir, name + '.txt')) as stream:
            return Thing(int(stream.read()) * meta['times'])
    def is_instance(self, value): return isinstance(value, Thing)
    def close(self): ThingSpec.closed += 1
@ReactorFunc
def a(pipe):
    note('a')
    pipe.send('x/y', Thing(5))
    pipe.send('y', Thing(6), 'thing')
    pipe.send('z', Thing(7), ThingSpec)
@ReactorFunc
def show(pipe):
    for name in 'x/y', 'y', 'z':
        thing = yield pipe.receive(name)
        out(thing.v)
'''
        for source, ran, given in (text, ['a'], [10, 12, 14]), (text, [], [10, 12, 14]), (
                text.replace(u"'times': 2", u"'times': 3"), ['a'], [15, 18, 21]):
            self.noted, self.given = [], []
            module = self.load(source)
            with self.plant() as plant:
                plant.warehouse.register_ingredient_specs([module.ThingSpec()])
                plant.run_reactor(module.show)
                self.assertEqual(str(plant.get_ingredient_object('y').type), 'thing')
            self.assertEqual((self.noted, self.given, module.ThingSpec.closed), (ran, given, 1))

    @needs_processes
    def test_numpy_arrays_are_mapped_into_memory(self):
        if run_python('import numpy\n', packages=True)[0]:
            self.skipTest('no numpy here')
        self.save('arrays.py', u"""from __future__ import print_function
import numpy as np
from hotload import Ingredient, Plant, ReactorFunc
@ReactorFunc
def make(pipe):
    print('make')
    pipe.send('big', np.arange(400000.).reshape(400, 1000))
    pipe.send('small', np.arange(3), Ingredient.Type.array)
    pipe.send('empty', np.zeros((0, 3)), Ingredient.Type.array)
    pipe.send('objects', np.array([None, 'x'] * 100000, dtype=object))
    array = pipe.allocate('filled', Ingredient.Type.array, shape=(1000, 100), dtype='f4')
    array[:] = 7
@ReactorFunc
def show(pipe, config):
    for name in 'big', 'small', 'empty', 'filled', 'objects':
        array = yield pipe.receive(name)
        print(type(array) is np.ndarray, array.shape, array.sum() if name != 'objects' else array[1])
        if array.size:
            array.flat[0] = 99
    print(config.window.sum())
for last in 1, 1, 2:
    with Plant('store', {'window': np.array([0, last])}) as plant:
        plant.run_reactor(show)
        print(plant.get_ingredient_object('big').type)
""")
        status, out, err = run_python('arrays.py', packages=True)
        said = ['True (400, 1000) 79999800000.0', 'True (3,) 3', 'True (0, 3) 0.0', 'True (1000, 100) 700000.0',
                'True (200000,) x']
        self.assertEqual(out.replace('(200000L,)', '(200000,)').splitlines(),
                         ['make'] + said + ['1', 'array'] + said + ['1', 'array'] + said + ['2', 'array'], err)


##############################################################################
## 21. Reactors -- functions that receive and send values
##############################################################################

class TestReactors(PlantCase):
    section, needs = SECTION['Reactors'], SECTION['Pipeline']

    def test_only_parameters_that_are_read_count(self):
        text = CHAIN.replace(u'sum(raw)', u"sum(raw) * pipe.read_config('factor')")
        self.assertRuns(text, ['load', 'total'], [12], config={'factor': 2, 'other': 1})
        self.assertRuns(text, [], [12], config={'factor': 2, 'other': 5})
        self.assertRuns(text, ['total'], [18], config={'factor': 3})
        self.assertRuns(text, ['total'], [12.0], config={'factor': 2.0})
        self.assertRuns(text, [], [12], config={'factor': 2})
        with self.assertRaises(AttributeError):
            self.run_text(text, config={'facto': 2})

    def test_auxiliary_and_unregistered_parameters_do_not(self):
        text = CHAIN.replace(u'sum(raw)', u"sum(raw) + 0 * pipe.read_config('a') + 0 * pipe.read_config_unregistered('b')")
        for number in range(3):
            self.noted, self.given = [], []
            module = self.load(text)
            with self.plant(config={'a': number, 'b': number}) as plant:
                plant.mark_params_as_auxiliary(['a'])
                plant.run_reactor(module.show)
            self.assertEqual(sorted(self.noted), ['load', 'total'] if number == 0 else [])

    def test_config_objects(self):
        text = u'''
class Conf(ConfigBase):
    shape = 'round'
    def __init__(self, width, colour):
        self.width, self.colour = width, colour
    def double(self):
        return self.width * 2
    @property
    def half(self):
        return self.width // 2
@ReactorFunc
def a(pipe, config):
    note('a')
    pipe.send('a', [config.double(), config.half, config.shape, config.has('no'), hasattr(config, 'nothing')])
@ReactorFunc
def show(pipe, config):
    a = yield pipe.receive('a')
    out([a, config.peek('colour'), config.colour])
    try:
        config.colour = 1
    except hotload.HotloadError:
        out('refused')
'''
        self.noted, self.given = [], []
        for width, colour, ran in (4, 'red', 1), (4, 'blue', 0), (6, 'blue', 1), (4, 'red', 0):
            del self.noted[:], self.given[:]
            module = self.load(text)
            with self.plant(config=module.Conf(width, colour)) as plant:
                plant.run_reactor('show')
            self.assertEqual(self.noted, ['a'] * ran)
            self.assertEqual(self.given, [[[width * 2, width // 2, 'round', False, False], colour, colour], 'refused'])

    def test_a_value_mutated_by_its_receiver_changes_nobody_elses(self):
        text = u'''
@ReactorFunc
def a(pipe):
    data = {'k': [1]}
    pipe.send('data', data)
    data['k'].append('after send')
    own = yield pipe.receive('data')
    own['k'].append('own')
@ReactorFunc
def b(pipe):
    data = yield pipe.receive('data')
    data['k'].append(2)
    pipe.read_config('list').append(3)
    pipe.send('b', data)
@ReactorFunc
def show(pipe):
    b = yield pipe.receive('b')
    data = yield pipe.receive('data')
    out([b, data, pipe.read_config('list')])
'''
        for _ in range(2):
            self.assertEqual(self.run_text(text, config={'list': [0]})[1], [[{'k': [1, 2]}, {'k': [1]}, [0]]])

    def test_subreactors(self):
        text = u'''
@SubreactorFunc
def inner(pipe, n):
    note('inner')
    raise hotload.Return(n + pipe.read_config('step'))
@SubreactorFunc
def plain(n):
    return n * 2
@SubreactorFunc
def outer(pipe, n):
    seed = yield pipe.receive('seed')
    try:
        yield fails(pipe)
    except KeyError:
        note('caught')
    v = yield inner(pipe, n)
    w = yield plain(v)
    raise hotload.Return(w * seed)
@SubreactorFunc
def fails(pipe):
    yield pipe.receive('seed')
    raise KeyError('x')
@ReactorFunc
def make_seed(pipe):
    pipe.send('seed', 3)
@ReactorFunc
def use(pipe):
    v = yield outer(pipe, 10)
    pipe.send('value', v)
@ReactorFunc
def show(pipe):
    v = yield pipe.receive('value')
    out(v)
'''
        self.assertRuns(text, ['caught', 'inner'], [66], config={'step': 1})
        self.assertRuns(text, [], [66], config={'step': 1})
        self.assertRuns(text, ['caught', 'inner'], [72], config={'step': 2})
        self.assertRuns(text.replace(u'n * 2', u'n * 3'), ['caught', 'inner'], [108], config={'step': 2})
        self.assertRuns(text, [], [66], config={'step': 1})
        if not PY2:
            delegating = text.replace(u'= yield ', u'= yield from ').replace(u'raise hotload.Return', u'return ')
            delegating = delegating.replace(u'yield from pipe', u'yield pipe').replace(u'return (n +', u'yield; return (n +')
            self.assertRuns(delegating, ['caught', 'inner'], [66], config={'step': 1})

    def test_outside_files(self):
        text = CHAIN.replace(u'[1, 2, 3]', u"[len(open(pipe.depends_on('data.txt')).read())]")
        text = text.replace(u'    yield\n', u"    pipe.depends_on('folder')\n    yield\n")
        self.files({'data.txt': u'four', 'folder/a.txt': u'a'})
        self.assertRuns(text, ['load', 'total'], [4])
        self.assertRuns(text, [], [4])
        self.save('data.txt', u'fives')
        self.assertRuns(text, ['load', 'total'], [5])
        self.save('data.txt', u'five2')
        self.assertRuns(text, ['load'], [5])
        self.save('folder/b.txt', u'')
        self.assertRuns(text, ['load'], [5])
        self.save('data.txt', u'four')
        os.remove(self.path('folder', 'b.txt'))
        self.assertRuns(text, [], [4])


##############################################################################
## 22. Workers -- reactors in other threads, processes and machines
##############################################################################

try:
    import concurrent.futures
    HAS_EXECUTORS = True
except ImportError:                             # 2.7, where none was installed
    HAS_EXECUTORS = False
EXECUTORS = u'''
from __future__ import print_function
import os, sys, time
import hotload
from hotload import Plant, ReactorFunc, SubreactorFunc
class Thing(object):
    def __init__(self, v): self.v = v
@SubreactorFunc
def twice(pipe, x):
    s = yield pipe.receive('seed')
    raise hotload.Return(Thing(x * 2 + s))
@ReactorFunc
def seed(pipe):
    pipe.send('seed', 100)
def maker(i):
    def body(pipe, config):
        if i == 3:                              # no worker can know of this name before
            yield pipe.receive('se%s' % 'ed')
        t = yield twice(pipe, i)
        time.sleep(config.nap)
        if config.bad == i:
            if config.die:
                os._exit(3)
            raise KeyError('bad %d' % i)
        pipe.send('v%d' % i, Thing(t.v))
    body.__name__ = 'make%d' % i
    return ReactorFunc(body)
for i in range(4):
    maker(i)
@ReactorFunc
def last(pipe):
    things = []
    for i in range(4):
        things.append((yield pipe.receive('v%d' % i)))
    print('RESULT', [thing.v for thing in things])
def main(executor, **config):
    begin = time.time()
    with Plant('store', dict(dict(nap=0.0, bad=-1, die=False), **config), executor) as plant:
        try:
            plant.run_reactor(last)
        except Exception as error:
            print('ERROR', type(error).__name__, error, getattr(error, '__notes__', ''))
        print(','.join(sorted(plant.get_execution_history())), round(time.time() - begin, 1))
def executor(kind):
    if kind == 'none':
        return None
    if kind == 'dask':
        from dask.distributed import Client, LocalCluster
        return Client(LocalCluster(2, threads_per_worker=1, dashboard_address=None)).get_executor()
    import concurrent.futures, multiprocessing
    if kind == 'threads':
        return concurrent.futures.ThreadPoolExecutor(4)
    if hasattr(multiprocessing, 'get_context') and sys.version_info >= (3, 7):
        return concurrent.futures.ProcessPoolExecutor(4, multiprocessing.get_context(kind))
    return concurrent.futures.ProcessPoolExecutor(4)
if __name__ == '__main__':
    workers = executor(sys.argv[1])
    for config in sys.argv[2:]:
        main(workers, **eval(config))
'''


LONG_LIVED = u'''
from __future__ import print_function
import os
import concurrent.futures, hotload, helper
@hotload.ReactorFunc
def work(pipe, config):
    pipe.send('x', [helper.f(1), config.g(1), os.getpid()])
@hotload.ReactorFunc
def show(pipe):
    x = yield pipe.receive('x')
    print(x[0], x[1], x[2] != os.getpid())
def g(x):
    return x
pool = hotload.persist(lambda: pool, lambda: concurrent.futures.ProcessPoolExecutor(1))
if __name__ == '__main__':
    with hotload.Plant('store', {'g': g}, pool) as plant:
        plant.run_reactor(show)
'''


@same_between
@unittest.skipUnless(HAS_EXECUTORS, 'no concurrent.futures here')
@needs_processes
class TestExecutors(PlantCase):
    section, needs = SECTION['Workers'], SECTION['Pipeline']

    def runs(self, kind, *configs, **how):
        """What one process prints that runs the plant once for each config."""
        self.save('job.py', how.get('script', EXECUTORS))
        status, out, err = run_python('job.py', kind, *configs, packages=True)
        return out, err

    def check(self, kind, *more):
        """The same results and the same store as without an executor."""
        good = 'RESULT [100, 102, 104, 106]'
        out, err = self.runs(kind, '{}', '{}', '{"bad": 2}', *more)
        lines = out.splitlines()
        self.assertEqual([lines[0], lines[2]], [good] * 2, out + err)
        self.assertTrue(lines[1].startswith('last,make0,make1,make2,make3,seed '), out + err)
        self.assertTrue(lines[3].startswith('last '), out + err)
        self.assertTrue(lines[4].startswith("ERROR KeyError 'bad 2' ['raised in reactor make2']"), out + err)
        here = self.runs('none', '{}', '{"bad": 9}')[0].splitlines()
        self.assertEqual([here[0], here[1].split()[0], here[2]], [good, 'last', good], here)
        return '\n'.join(lines[6:]), out + err

    def test_threads(self):
        self.check('threads')

    @needs_posix
    @unittest.skipIf(PY2, 'the pool for 2.7 waits for ever for a process that died')
    def test_forked_processes(self):
        died, out = self.check('fork', '{"bad": 1, "die": True}')
        self.assertIn('ERROR HotloadError a worker died', died, out)
        self.assertIn('make1', died)
        self.assertIn('RESULT', self.runs('fork', '{"bad": 7, "die": True}')[0])

    @slow
    def test_a_cluster_of_dask(self):
        if run_python('import dask.distributed\n', packages=True)[0]:
            self.skipTest('no dask here')
        died, out = self.check('dask', '{"bad": 1, "die": True}', '{}')
        self.assertIn('ERROR HotloadError a worker died (KilledWorker) while it ran reactor make1', died, out)
        self.assertIn('RESULT [100, 102, 104, 106]', died, out)

    @same_between
    @slow
    @not_on_pypy('its pool cannot spawn processes')
    @unittest.skipIf(sys.version_info < (3, 7), 'a pool of spawned processes')
    def test_spawned_processes(self):
        self.check('spawn')

    @same_between
    @slow
    @not_on_pypy('its pool cannot spawn processes')
    @unittest.skipIf(sys.version_info < (3, 7), 'a pool of spawned processes')
    def test_a_script_without_its_guard_is_told_the_line(self):
        script = EXECUTORS[:EXECUTORS.index(u"if __name__ ==")] + u"main(executor('spawn'))\n"
        out = ''.join(self.runs('spawn', '{}', script=script))
        self.assertIn('job.py:%d' % len(script.splitlines()), out)
        self.assertIn('__main__', out)

    @same_between
    def test_four_half_seconds_go_side_by_side(self):
        for kind in ('threads', 'fork') if os.name == 'posix' else ('threads',):
            shutil.rmtree(self.path('store'), True)
            out, err = self.runs(kind, '{"nap": 0.5}')
            self.assertIn('RESULT', out)
            self.assertLess(float(out.split()[-1]), 1.8, out + err)   # two seconds one after another

    @same_between
    def test_a_pool_may_outlive_the_code_that_it_was_made_with(self):
        program = u"""if 1:
            import os, sys, time, hotload
            step = hotload.ReloadedScript('script.py')
            for name, old, new in (('script.py', 'x', 'x'), ('helper.py', 'x + 1', 'x + 2'),
                                   ('script.py', 'return x', 'return x * 10'), ('helper.py', 'x + 2', 'x + 1')):
                with open(name) as stream:
                    text = stream.read().replace(old, new)
                with open(name + '~', 'w') as stream:
                    stream.write(text)
                os.rename(name + '~', name)
                sys.modules.pop('helper', None)
                time.sleep(0.03)
                step.run()
            step.close()
        """
        self.files({'script.py': LONG_LIVED, 'helper.py': u'def f(x):\n    return x + 1\n', 'program.py': program})
        status, out, err = run_python('program.py', packages=True)
        self.assertEqual(out.splitlines(), ['2 1 True', '3 1 True', '3 10 True', '2 10 True'], err)

    @needs_posix
    def test_a_store_in_memory_is_no_workers(self):
        self.noted, self.given = [], []
        module = self.load(CHAIN.replace(u'[1, 2, 3]', u'list(range(1000))'))
        for executor in concurrent.futures.ThreadPoolExecutor(1), concurrent.futures.ProcessPoolExecutor(1):
            self.addCleanup(executor.shutdown)
            with hotload.Plant(None, executor=executor) as plant:
                plant.run_reactor(module.show)
        self.assertEqual(self.given, [499500] * 2)

    def test_one_session_may_run_several_reactors(self):
        executor = concurrent.futures.ThreadPoolExecutor(2)
        self.addCleanup(executor.shutdown)
        text = CHAIN.replace(u'sum(raw)', u"sum(raw) + pipe.read_config('f')()")
        module = self.load(text + u"@ReactorFunc\ndef more(pipe):\n    out((yield pipe.receive('raw2')))\n"
                           u"@ReactorFunc\ndef raw2(pipe):\n    pipe.send('raw2', pipe.read_config('f')())\n")
        with self.plant(config={'f': lambda: 4}, executor=executor) as plant:
            plant.run_reactor(module.show)
            plant.run_reactor(module.more)
        self.assertEqual(self.given, [10, 4])

    def test_a_worker_that_knows_an_older_text_is_not_used(self):
        self.noted, self.given = [], []
        executor = concurrent.futures.ThreadPoolExecutor(2)
        self.addCleanup(executor.shutdown)
        text = CHAIN.replace(u'sum(raw)', u'sum(raw) + 1')
        first = self.load(CHAIN)
        functions = [first.load, first.total, first.show]
        given = self.given
        self.load(text)                         # what workers find under those names now
        with self.plant(executor=executor) as plant:
            plant.add_reactors(*functions)
            plant.run_reactor(functions[2])
        self.assertEqual(given, [6])


##############################################################################
## 23. Schedule -- which reactors run, and when
##############################################################################

class TestSchedule(PlantCase):
    section, needs = SECTION['Schedule'], SECTION['Pipeline']

    def test_an_unchanged_value_stops_the_reruns_below_it(self):
        self.run_text(CHAIN)
        self.assertRuns(CHAIN.replace(u'[1, 2, 3]', u'[1] + [2, 3]'), ['load'], [6])

    def test_outputs_and_inputs_may_depend_on_values(self):
        text = u'''
@ReactorFunc
def which(pipe):
    pipe.send('which', pipe.read_config('which'))
@ReactorFunc
def p(pipe):
    note('p')
    pipe.send('p', 1)
@ReactorFunc
def q(pipe):
    note('q')
    pipe.send('q', 2)
@ReactorFunc
def use(pipe):
    note('use')
    name = yield pipe.receive('which')
    v = yield pipe.receive(name)
    pipe.send('v', v)
@ReactorFunc
def show(pipe):
    v = yield pipe.receive('v')
    out(v)
'''
        self.assertRuns(text, ['p', 'use'], [1], config={'which': 'p'})
        self.assertRuns(text, ['q', 'use'], [2], config={'which': 'q'})
        self.assertRuns(text.replace(u"'p', 1", u"'p', 5"), [], [2], config={'which': 'q'})
        self.assertRuns(text.replace(u"'p', 1", u"'p', 5"), ['p', 'use'], [5], config={'which': 'p'})
        self.assertRuns(text, [], [1], config={'which': 'p'})

    def test_two_reactors_may_share_a_name_if_one_of_them_sends_it(self):
        text = u'''
@ReactorFunc
def fast(pipe):
    if pipe.read_config('fast'):
        pipe.send('x', 'fast')
@ReactorFunc
def slow(pipe):
    if not pipe.read_config('fast'):
        pipe.send('x', 'slow')
@ReactorFunc
def show(pipe):
    out((yield pipe.receive('x')))
'''
        for fast in (True, False, True, True, False):
            self.assertEqual(self.run_text(text, config={'fast': fast})[1], ['fast' if fast else 'slow'])

    def test_wrong_guesses_are_mended(self):
        text = u'''
N = ['x', 'y']
@ReactorFunc
def first(pipe):
    x = yield pipe.receive(N[0])
    pipe.send(N[1], x + 1)
@ReactorFunc
def second(pipe):
    pipe.send(N[0], 1)
@ReactorFunc
def show(pipe):
    x = yield pipe.receive('x')
    y = yield pipe.receive('y')
    out([x, y])
'''
        for _ in range(2):
            self.assertEqual(self.run_text(text)[1], [[1, 2]])

    def test_errors_name_all_that_is_involved(self):
        pair = u'''
@ReactorFunc
def alpha(pipe):
    %s
@ReactorFunc
def beta(pipe):
    %s
@ReactorFunc
def show(pipe):
    out((yield pipe.receive('data')))
'''
        self.error(pair % (u"pipe.send('data', 1)", u"pipe.send('data', 2)"), 'data', 'alpha', 'beta')
        self.error(pair % (u"x = yield pipe.receive('q'); pipe.send('data', 1)",
                           u"x = yield pipe.receive('data'); pipe.send('q', 2)"), 'data', "'q'", 'alpha', 'beta')
        self.error(pair % (u"x = yield pipe.receive('data'); pipe.send('data', x)", u'pass'), 'data', 'alpha')
        self.error(pair % (u'pass', u"pipe.send('dta', 1)"), 'show', "'data'", "'dta'", 'alpha and beta ran')
        self.error(pair % (u"if pipe.read_config('a'): pipe.send('data', 1)", u"if not int('1'): pipe.send('data', 2)"),
                   'mine.py:8: reactor show', "'data'", 'alpha and beta could, but did not', config={'a': 0})
        self.error(pair % (u"pipe.send('data', 1)", u"pipe.send('data', 2)") + u"\n@ReactorFunc\ndef third(pipe):\n"
                   u"    pipe.send('data', 3)\n", "'data'", 'alpha', 'beta', 'third')
        self.error(u'@SubreactorFunc\ndef sub(pipe): return 1\n' + pair % (u"pipe.send('data', sub(pipe) is None)", u'pass'),
                   'alpha', 'yielded')
        self.error(pair % (u"pipe.send('data', iter(lambda: 1, 2))", u'pass'), 'alpha', "'data'")
        self.error(pair % (u"pipe.send('data', 1); pipe.send('data', 2)", u'pass'), 'alpha', 'twice')
        self.error(pair % (u"pipe.receive('q'); pipe.send('data', 1)", u'pass'), 'alpha', 'yield')
        self.error(pair % (u"pipe.send('data', 1); yield 5", u'pass'), 'alpha', '5')
        self.error(pair % (u"pipe.send(5, 1)", u'pass'), 'alpha', '5')
        self.error(pair % (u"pipe.send('data', 1, 'tabel')", u'pass'), 'tabel')
        self.error(pair % (u"pipe.send('data', pipe.read_config('lenght'))", u'pass'), "'length'", config={'length': 1})
        with self.plant() as plant:
            with self.assertRaises(hotload.HotloadError):
                plant.run_reactor('shw')

    def test_a_reactor_that_crashed_after_it_sent_runs_again(self):
        text = u'''
@ReactorFunc
def a(pipe):
    note('a')
    pipe.send('x', 1)
    yield
    1 // pipe.read_config('n')
@ReactorFunc
def show(pipe):
    out((yield pipe.receive('x')))
'''
        for n in (0, 0, 1):
            try:
                self.run_text(text, config={'n': n})
            except ZeroDivisionError:
                pass
            self.assertEqual(self.noted, ['a'])
        self.assertRuns(text, [], [1], config={'n': 1})

    @same_between
    def test_a_chain_and_a_fan_of_thousands(self):
        text = u'''
def step(i):
    def body(pipe):
        v = yield pipe.receive('v%d' % (i - 1 if DEEP else 0))
        pipe.send('v%d' % i, v + 1)
    body.__name__ = 'step%d' % i
    return ReactorFunc(body)
@ReactorFunc
def first(pipe):
    pipe.send('v0', pipe.read_config('base'))
for i in range(1, N + 1):
    step(i)
@ReactorFunc
def show(pipe):
    total = 0
    for i in [N] if DEEP else range(1, N + 1):
        total += yield pipe.receive('v%d' % i)
    out(total)
'''
        for deep in (True, False):
            source = u'N, DEEP = 1500, %s\n' % deep + text
            for base in (1, 1, 2):
                self.assertEqual(self.run_text(source, config={'base': base})[1],
                                 [base + 1500 if deep else 1500 * (base + 1)])


##############################################################################
## 24. Pipeline -- functions whose results survive
##############################################################################

class TestPipeline(PlantCase):
    section = SECTION['Pipeline']

    def test_only_what_changed_runs_and_undoing_is_free(self):
        self.assertRuns(CHAIN, ['load', 'total'], [6])
        self.assertRuns(CHAIN, [], [6])
        edited = CHAIN.replace(u'sum(raw)', u'sum(raw) * 10')
        self.assertRuns(edited, ['total'], [60])
        self.assertRuns(CHAIN, [], [6])
        self.assertRuns(edited.replace(u'[1, 2, 3]', u'[4]'), ['load', 'total'], [40])
        self.assertRuns(edited, [], [60])

    def test_an_exception_is_itself_and_what_was_finished_stays(self):
        crash = CHAIN.replace(u'sum(raw)', u'sum(raw) // 0')
        with self.assertRaises(ZeroDivisionError) as caught:
            self.run_text(crash)
        self.assertEqual(getattr(caught.exception, '__notes__', ['raised in reactor total']), ['raised in reactor total'])
        self.assertRuns(CHAIN, ['total'], [6])
        with self.plant(config={}) as plant:    # in one plant, the next run is a new one
            module = self.load(crash)
            for _ in range(2):
                self.assertRaises(ZeroDivisionError, plant.run_reactor, module.show)
            plant.run_reactor(module.load)

    def test_events_and_history(self):
        seen, module = [], None
        self.noted, self.given = [], []
        text = CHAIN + u'@SubreactorFunc\ndef sub(pipe):\n    return 1\n'
        text = text.replace(u"    note('total')", u"    note('total')\n    yield sub(pipe)")
        for kept in (False, True):
            del seen[:]
            module = self.load(text)
            with self.plant() as plant:
                for kind in ('reactor_started', 'subreactor_started', 'subreactor_finished', 'reactor_finished'):
                    plant.add_event_listener(getattr(plant.EventType, kind), lambda *event: seen.append(event[:2]))
                plant.add_event_listener(plant.EventType.reactor_step, len)
                plant.remove_event_listener(len)
                plant.run_reactor('show')
                plant.run_reactor(module.show)              # once a session
                history = plant.get_execution_history()
                self.assertEqual(sorted(history), ['show'] if kept else ['load', 'show', 'total'])
                self.assertTrue(all(0 <= record.totalRuntime < 60 for record in history.values()))
                lines = []
                plant.print_execution_history(lines.append)
                self.assertEqual(len(lines), len(history))
            names = [name for kind, name in seen if kind == hotload.Plant.EventType.reactor_finished]
            self.assertEqual(names, ['show'] if kept else ['load', 'total', 'show'])
            self.assertEqual((hotload.Plant.EventType.subreactor_finished, 'sub') in seen, not kept)

    def test_reasons_tree_and_graph(self):
        text = CHAIN.replace(u'sum(raw)', u'smooth(raw)') + u'def smooth(x):\n    return sum(x) * FACTOR\nFACTOR = 1\n'

        def look(text, config=None):
            self.load(text)
            with self.plant(config=config) as plant:
                return plant.outdated(), plant.tree(), plant.graph()
        self.noted, self.given = [], []
        self.assertEqual(look(text)[0], ['%s: it never ran' % name for name in ('load', 'total', 'show')])
        self.run_text(text)
        self.assertEqual(look(text)[0], [])
        self.assertEqual(look(text.replace(u'sum(x)', u'max(x)'))[0], [
            'total: function `smooth` in mine.py changed', "show: 'sum' is made again by total"])
        self.assertEqual(look(text.replace(u'FACTOR = 1', u'FACTOR = 2'))[0][0],
                         'total: `FACTOR` in mine.py changed')
        self.assertEqual(look(text.replace(u'[1, 2, 3]', u'[1]'))[0][0], 'load: its code changed')
        _, tree, graph = look(text.replace(u'sum(x)', u'max(x)'))
        self.assertEqual([line.split()[0] for line in tree.splitlines()], ['show', 'sum', 'raw'])
        self.assertIn('fresh', tree)
        for word in ('digraph', 'load', 'total', 'show', 'raw', 'sum', '->'):
            self.assertIn(word, graph)
        lines = []
        self.run_text(text.replace(u'sum(x)', u'max(x)'), progress=lines.append)
        self.assertTrue(lines[0].startswith('total ran in '), lines)
        self.assertIn('2 ran, 1 kept', lines[-1])
        self.assertEqual((self.out.getvalue(), self.err.getvalue()), ('', ''))

    @needs_processes
    def test_a_tree_and_a_graph_with_names_of_all_kinds(self):
        text = u"""
@ReactorFunc
def make(pipe):
    for name in 'one', 'a\\nb', ' ', 'x' * 99:
        pipe.send(name, 1)
@ReactorFunc
def show(pipe):
    for name in 'one', 'a\\nb', ' ', 'x' * 99:
        yield pipe.receive(name)
"""
        self.run_text(text)
        self.load(text)
        with self.plant() as plant:
            top, below = plant.tree().replace("u'", "'").splitlines()
            self.assertEqual((top.split()[0], below.split(' <- ')[0]),
                             ('show', "  one, 'a\\nb', ' ', %s..." % ('x' * 37)))
            graph = plant.graph()
        self.assertEqual(graph.count('->'), 8)
        self.save('graph.dot', graph if isinstance(graph, bytes) else graph.encode('utf-8'))
        try:
            status = subprocess.call(['dot', '-Tsvg', '-o', 'graph.svg', 'graph.dot'])
        except EnvironmentError:
            self.skipTest('no dot here')
        self.assertEqual(status, 0)
        with io.open('graph.svg', encoding='utf-8') as stream:
            self.assertIn('>one</text>', stream.read())

    def test_a_script_of_which_only_some_statements_run(self):
        script = u'from __future__ import print_function\nfrom hotload import Plant, ReactorFunc\nimport tools\nFACTOR = 2\n' + (
            CHAIN.replace(u"note('", u"print('").replace(u'out(s)', u"print(s)").replace(
                u'sum(raw)', u'tools.add(raw) * FACTOR').replace(u'[1, 2, 3]', u"[len(open(pipe.depends_on('data')).read())]")
            + u"\nplant = Plant('store', progress=False)\nplant.run_reactor(show)\nplant.shutdown()\n")
        tools, total = u'def add(values):\n    return sum(values)\n', u'tools.add(raw)'
        without = script[:script.index(u'@ReactorFunc\ndef load')] + script[script.index(u'@ReactorFunc\ndef total'):]
        self.files({'script.py': script, 'tools.py': tools, 'data': u'123'})
        step = hotload.CachedScript('script.py')
        self.addCleanup(step.close)
        for name, text, result in (
                ('script.py', script, '6'), ('script.py', script.replace(total, total + u' + 1'), '5'),
                ('script.py', script.replace(u'FACTOR = 2', u'FACTOR = 3'), '9'),
                ('tools.py', tools.replace(u'sum', u'-sum'), '-9'), ('data', u'12345', '-15'),
                ('script.py', without, None), ('script.py', script, '-10'),
                ('script.py', script.replace(u'@ReactorFunc\ndef load', u'def load'), None),
                ('script.py', script.replace(u'def load', u'def fetch'), '-10'), ('script.py', script, '-10')):
            self.save(name, text)
            self.out.seek(0)
            self.out.truncate()
            report = step.run()
            if result is None:
                self.assertIn("'raw'", str(report.error))
            else:
                self.assertEqual((report.error, self.out.getvalue().splitlines()[-1]), (None, result), (name, text))
        self.assertEqual(step.run().ran, [])    # what the plant itself reads and writes is none of the script's files

    def test_a_reactor_whose_name_was_deleted_is_forgotten(self):
        module = self.load(CHAIN)               # as by live patching, or when only some statements run again
        with self.plant() as plant:
            plant.run_reactor(module.show)
        del module.load
        self.noted, self.given = [], []
        with self.plant() as plant, self.assertRaises(hotload.HotloadError) as caught:
            plant.run_reactor(module.show)
        self.assertIn("'raw'", str(caught.exception))

    def test_without_a_folder_all_is_in_memory(self):
        self.noted, self.given = [], []
        module = self.load(CHAIN.replace(u'[1, 2, 3]', u'list(range(1000))'))
        with hotload.Plant(None) as plant:
            plant.run_reactor(module.show)
            self.assertEqual(plant.fetch_ingredient('sum'), 499500)
        self.assertEqual((self.noted, self.given, os.listdir('.')), (['total', 'load'], [499500], []))

    def test_fetching_exporting_and_what_is_known(self):
        self.run_text(CHAIN)
        self.load(CHAIN)
        with self.plant() as plant:
            self.assertEqual(plant.fetch_ingredient('raw'), [1, 2, 3])
            self.assertTrue(plant.is_ingredient_known('sum') and not plant.is_ingredient_known('other'))
            found = plant.get_ingredient_object('raw')
            self.assertEqual((found.name, found.type, found.producerName), ('raw', hotload.Ingredient.Type.list, 'load'))
            plant.export(['raw', 'sum'], self.path('out'))
            with self.assertRaises(hotload.HotloadError):
                plant.fetch_ingredient('other')
        self.assertEqual(hotload.load_ingredients(self.path('out')), {'raw': [1, 2, 3], 'sum': 6})
        self.assertEqual(hotload.load_ingredients(self.path('out'), ['sum']), {'sum': 6})
        for name in 'nothing', 'store':
            with self.assertRaises(hotload.HotloadError):
                hotload.load_ingredients(self.path(name))
        self.assertEqual(sorted(os.listdir('.')), ['out', 'store'])

    def test_another_fingerprint_of_code(self):
        versions = {'load': 1, 'total': 1, 'show': 1}

        def of(function):
            return '%s %d' % (function.__name__, versions[function.__name__])
        self.assertRuns(CHAIN, ['load', 'total'], [6], function_hash=of)
        self.assertRuns(CHAIN.replace(u'sum(raw)', u'max(raw)'), [], [6], functionHash=of)
        versions['total'] = 2
        self.assertRuns(CHAIN, ['total'], [6], functionHash=of)

    def test_a_new_run_of_a_module_forgets_the_reactors_of_its_last(self):
        self.run_text(CHAIN)
        self.error(CHAIN.replace(u'@ReactorFunc\ndef load', u'def load'), "'raw'", 'total')

    def test_what_comes_from_two_modules(self):
        parts = CHAIN.split(u'\n\n@ReactorFunc')
        first = self.load(parts[0], 'first')
        module = self.load(u'@ReactorFunc' + parts[1] + u'\n\n@ReactorFunc' + parts[2], 'second')
        first.note = self.noted.append
        with self.plant() as plant:
            plant.run_reactor(module.show)
        self.assertEqual((self.noted, self.given), (['total', 'load'], [6]))

    def test_renamed_and_merged_reactors(self):
        self.run_text(CHAIN)
        self.assertEqual(self.run_text(CHAIN.replace(u'def load', u'def fetch').replace(u'3]', u'9]'))[1], [12])
        merged = u"@ReactorFunc\ndef both(pipe):\n    pipe.send('raw', [5])\n    pipe.send('sum', 55)\n"
        self.assertEqual(self.run_text(merged + CHAIN[CHAIN.index(u'@ReactorFunc\ndef show'):])[1], [55])
        self.assertEqual(self.run_text(CHAIN)[1], [6])

    def test_large_values_are_not_read_again_within_the_process(self):
        text = CHAIN.replace(u'[1, 2, 3]', u'list(range(10000))')
        self.run_text(text)
        before, read = hotload.read_bytes, []
        hotload.read_bytes = lambda path: read.append(path) or before(path)
        self.addCleanup(setattr, hotload, 'read_bytes', before)
        for _ in range(3):
            self.run_text(text.replace(u'sum(raw)', u'max(raw) + %d' % len(read)))
        self.assertLessEqual(len([path for path in read if 'entries' in path]), 1)

    def test_a_reactor_cannot_run_the_plant(self):
        self.noted, self.given = [], []
        module = self.load(u'@ReactorFunc\ndef show(pipe):\n    plants[0].run_reactor("show")\n')
        with self.plant() as plant:
            module.plants = [plant]
            with self.assertRaises(hotload.HotloadError):
                plant.run_reactor(module.show)


@same_between
class TestTrustInResults(PlantCase):
    section = SECTION['Pipeline']

    MIXED = u'''
@ReactorFunc
def numbers(pipe):
    pipe.send('list', list(range(1000)))
    pipe.send('int', 123456789)
    with open(pipe.allocate('file', Ingredient.Type.file), 'w') as stream:
        stream.write('file' * 100)
    pipe.allocate('buffer', Ingredient.Type.buffer, size=100000)[5:8] = b'big'
@ReactorFunc
def mix(pipe):
    a = yield pipe.receive('list')
    pipe.send('mixed', a[::-1])
@ReactorFunc
def show(pipe):
    m = yield pipe.receive('mixed')
    i = yield pipe.receive('int')
    f = yield pipe.receive('file')
    b = yield pipe.receive('buffer')
    out([m[::-1] == list(range(1000)), i, open(f).read() == 'file' * 100, bytes(b[5:8]), len(b)])
'''
    GOOD = [[True, 123456789, True, b'big', 100000]]

    def forget(self):
        """What this process knows of stores."""
        hotload.REMEMBERED.clear()
        gc.collect()

    def test_damaged_files_are_computed_again(self):
        self.assertEqual(self.run_text(self.MIXED)[1], self.GOOD)
        shutil.copytree(self.path('store'), self.path('kept'))
        rng, names = random.Random(4), self.entries()
        for kind in ('halve', 'empty', 'flip', 'flip', 'remove', 'fill'):
            for path in names:
                shutil.rmtree(self.path('store'))
                shutil.copytree(self.path('kept'), self.path('store'))
                with open(path, 'rb') as stream:
                    data = bytearray(stream.read())
                if kind == 'remove':
                    os.remove(path)
                elif data:
                    if kind == 'flip':
                        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                    data = {'halve': data[:len(data) // 2], 'empty': b'', 'fill': b'x' * len(data)}.get(kind, data)
                    write_file(path, data)
                self.forget()
                self.assertEqual(self.run_text(self.MIXED)[1], self.GOOD, (kind, path))

    def test_a_store_may_be_moved(self):
        self.run_text(CHAIN)
        os.rename(self.path('store'), self.path('elsewhere'))
        self.noted, self.given = [], []
        module = self.load(CHAIN)
        with hotload.Plant(self.path('elsewhere')) as plant:
            plant.run_reactor(module.show)
        self.assertEqual((self.noted, self.given), ([], [6]))

    def test_a_store_that_cannot_be_written_loses_nothing_but_time(self):
        self.run_text(CHAIN)
        text = CHAIN.replace(u'[1, 2, 3]', u'list(range(9999))')

        def fails(*args):
            raise EnvironmentError(errno.ENOSPC, 'No space left on device')
        move = hotload.Store.__dict__['_move']
        self.addCleanup(setattr, hotload.Store, '_move', move)
        hotload.Store._move = fails
        self.assertEqual(self.run_text(text)[1], [sum(range(9999))])
        self.assertIn('No space left', self.err.getvalue())
        hotload.Store._move = move
        self.assertRuns(text, ['load', 'total'], [sum(range(9999))])

    @needs_posix
    def test_a_store_that_others_can_write_is_refused(self):
        self.run_text(CHAIN)
        os.chmod(self.path('store'), 0o777)
        self.assertIn('chmod', str(self.error(CHAIN, self.path('store'))))
        self.assertRuns(CHAIN, [], [6], trust=True)
        self.addCleanup(setattr, hotload.Choice, 'given', {})
        hotload.Choice.given = {'trust-store': True}
        self.assertRuns(CHAIN, [], [6])
        self.save('afile', u'')
        with self.assertRaises(hotload.HotloadError):
            hotload.Plant(self.path('afile'))

    @needs_posix
    def test_a_new_store_is_for_its_owner_only(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.run_text(CHAIN)
        self.assertEqual(os.stat(self.path('store')).st_mode & 0o777, 0o700)

    def test_a_bound_is_kept_and_the_oldest_goes(self):
        text = CHAIN.replace(u'[1, 2, 3]', u"[pipe.read_config('n')] * 100000 + [b'a' * 200000][1:]")
        for n in list(range(9)) + [8, 0]:
            self.assertEqual(self.run_text(text, config={'n': n}, max_bytes=600000)[1], [n * 100000])
            self.assertLess(sum(map(os.path.getsize, self.entries())), 600000)
        self.assertRuns(text, [], [0], config={'n': 0}, max_bytes=600000)
        self.assertEqual(self.run_text(text, config={'n': 5}, max_bytes=1000)[1], [500000])

    def test_many_sessions_leave_few_files(self):
        for n in range(30):
            self.run_text(CHAIN.replace(u'[1, 2, 3]', u'[%d]' % n))
        self.assertLess(len(self.entries()), 20)
        self.assertRuns(CHAIN.replace(u'[1, 2, 3]', u'[7]'), [], [7])

    @same_between
    @needs_posix
    @needs_processes
    def test_killed_shared_and_damaged_at_random_the_next_run_is_right(self):
        status, out, err = run_python(os.path.join(HERE, 'docs', 'benchmarks', 'pipeline_trust.py'), '--kills',
                                      '2' if QUICK else '4', '--runs', '6', '--damages', '20', limit=100)
        self.assertEqual(status, 0, out + err)

    @same_between
    @needs_processes
    def test_processes_may_share_a_store(self):
        self.save('program.py', u'import sys\nfrom hotload import *\n' + CHAIN.replace(u"note('", u"str('").replace(
            u'out(s)', u'print(s)').replace(u'[1, 2, 3]', u"[pipe.read_config('n')] * 1000")
            + u"\nfor n in range(5):\n    with Plant('store', {'n': n}) as plant:\n        plant.run_reactor(show)\n")
        env = dict(os.environ, PYTHONPATH=UNDER_TEST)
        children = [subprocess.Popen([sys.executable, 'program.py'], stdout=subprocess.PIPE, env=env) for _ in range(4)]
        for child in children:
            self.assertEqual(child.communicate()[0].split(), [b'0', b'1000', b'2000', b'3000', b'4000'])

    @same_between
    @needs_processes
    def test_a_class_has_one_name_whoever_runs_its_file(self):
        self.files({'things.py': u'''from __future__ import print_function
from hotload import *
class Thing(object):
    def __init__(self): self.v = 5
@ReactorFunc
def make(pipe):
    print('make')
    pipe.send('thing', Thing())
@ReactorFunc
def show(pipe):
    thing = yield pipe.receive('thing')
    print(type(thing) is Thing, type(thing).__module__, thing.v)
def main():
    with Plant('store') as plant:
        plant.run_reactor(show)
if __name__ == '__main__':
    main()
''', 'other.py': u'import things\nthings.main()\n'})
        for args, expected in ((['things.py'], 'make True __main__ 5'), (['other.py'], 'True things 5'),
                               (['-m', 'things'], 'True __main__ 5')):
            status, out, err = run_python(*args)
            self.assertEqual((status, ' '.join(out.split())), (0, expected), err)

    @needs_processes
    def test_each_save_runs_only_what_is_outdated(self):
        script = u'from hotload import *\n' + CHAIN.replace(u"note('", u"print('").replace(u'out(s)', u'print(s)') \
            + u"\nwith Plant('store') as plant:\n    plant.run_reactor(show)\n"
        self.save('script.py', script)
        step = hotload.ReloadedScript('script.py')
        self.addCleanup(step.close)
        expected = u'total\nload\n6\n'
        for text, more in ((script, u''), (script, u'6\n'), (script.replace(u'sum(raw)', u'max(raw)'), u'total\n3\n')):
            self.save('script.py', text)
            step.run()
            expected += more
            if not more:
                self.assertEqual(self.out.getvalue(), expected)
        self.assertEqual(self.out.getvalue(), expected)
        self.save('script.py', script.replace(u'@ReactorFunc\ndef load', u'def load'))
        with self.assertRaises(hotload.HotloadError):
            step.run()                          # though the name is still there


##############################################################################
## 25. Log -- what a recording is made of
##############################################################################

def picture(spaces):
    """The deep picture of some dicts of names: numbers for objects that can change, so that sharing shows."""
    hotload.learn_types()
    numbers, keep = {}, []

    def attributes(value):
        getter, slots = hotload.layout(type(value))
        found = dict(getter(value)) if getter else {}
        for name, slot in slots:
            part = hotload.slot_value(slot, value)
            if part is not hotload.MISSING:
                found[name] = part
        return found

    def look(value):
        kind = type(value)
        if kind in hotload.ATOMS:
            return kind.__name__, repr(value)
        if kind is tuple:
            return ('tuple',) + tuple(map(look, value))
        if kind is frozenset:
            return ('frozenset',) + tuple(sorted(map(look, value)))
        if kind in hotload.SELF_TYPES or isinstance(value, type(sys)):
            if not (isinstance(value, type) and value.__module__ in ('__main__', '<recorded>')):
                return 'self', getattr(value, '__name__', '?')
        if id(value) in numbers:
            return 'again', numbers[id(value)]
        numbers[id(value)] = len(numbers)
        keep.append(value)
        parts = [kind.__name__]
        if isinstance(value, type):
            return parts + names(dict((name, part) for name, part in vars(value).items() if not
                name.startswith('__')
                                      and type(part) not in hotload.TEXT_TYPES))
        if isinstance(value, (list, collections.deque)):
            base = list if isinstance(value, list) else collections.deque
            parts += [look(part) for part in base.__iter__(value)] + [getattr(value, 'maxlen', None)]
        elif isinstance(value, dict):
            pairs = list(hotload.DICT.pairs(value))
            if sys.version_info < (3, 6) and not isinstance(value, collections.OrderedDict):
                pairs.sort(key=lambda pair: alone(pair[0]))
            parts += [(look(key), look(part)) for key, part in pairs]
        elif isinstance(value, set):
            parts += [look(part) for part in sorted(set.__iter__(value), key=alone)]
        elif isinstance(value, bytearray):
            parts += bytearray.__iter__(value)
        elif isinstance(value, BaseException):
            parts.append(look(BaseException.args.__get__(value)))
        if kind.__module__ in ('__main__', '<recorded>'):
            parts.append(names(attributes(value)))
        return parts

    def alone(value):
        return repr(picture([{'': value}]))

    def names(space):
        return [(name, look(space[name])) for name in sorted(space) if not name.startswith(('__', '.'))]
    found = [names(space) for space in spaces]
    del keep[:]                                 # a circle of references would keep generators from their end
    return found


def run_oracle(text):
    """[(event, line, picture)] of a program's events."""
    code, space, steps = compile(text, '<recorded>', 'exec', 0, True), {'__name__': '__main__'}, []

    def trace(frame, event, arg):
        if frame.f_code.co_filename != '<recorded>':
            return None
        inner = {} if frame.f_code is code else frame.f_locals
        steps.append((event, frame.f_lineno, picture([space, dict(inner)])))
        return trace
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        exec(code, space)
    except Exception:
        pass
    finally:
        sys.settrace(before)
    return steps


class TestLog(Case):
    section = SECTION['Log']

    def setUp(self):
        Case.setUp(self)
        hotload.learn_types()

    def test_the_changes_of_a_list_are_few(self):
        for old, new, count in (([1, 2, 3], [1, 2, 3], 0), ([1], [1, 2], 1), ([1, 2, 3, 4], [1, 9, 3, 8], 2),
                                (list(range(50)), list(range(20)) + list(range(30, 50)), 1)):
            token = hotload.Token(new, hotload.LIST, None, old[:])
            changes = hotload.LIST.changes(token)
            self.assertEqual(len(changes), count)
            for change in changes:
                token.now = change[0].act(token.now, *change[2:])
            self.assertEqual(token.now, new)


##############################################################################
## 26. Files -- a recording as lists and atoms
##############################################################################

class TestFiles(Case):
    section, needs = SECTION['Files'], SECTION['Record']

    def test_save_and_load(self):
        text = ('import collections\nclass A(object):\n    __slots__ = ("x", "y")\n    def __init__(self):\n'
                '        self.y = [self]\na = A()\nd = {(1, 2): a, "t": 1.5}\nd["s"] = {1, 2}\n'
                'q = collections.deque([1], maxlen=2)\nq.append(b"x")\nd["q"] = q\ne = ValueError(1)\n'
                'a.x = frozenset([1])\n1 // 0')
        recording = hotload.record(text)
        recording.save(self.folder + '/a')
        loaded = hotload.Recording.load(self.folder + '/a')
        self.assertEqual(loaded.steps(), recording.steps())
        for n in range(loaded.steps()):
            for name in ('d', 'q', 'e'):
                wanted, got = recording.state(n).get(name), loaded.state(n).get(name)
                self.assertEqual(hotload.show_value(wanted), hotload.show_value(got))
        self.assertIn('ZeroDivisionError', str(loaded.error))
        with open(self.folder + '/b', 'wb') as stream:
            stream.write(b'hotload recording 1\nnonsense')
        self.assertRaises(hotload.HotloadError, hotload.Recording.load, self.folder + '/b')

    def test_a_tuple_can_be_in_very_many_places(self):
        recording = hotload.record('x, s = (), []\nfor i in range(60):\n    x = (x, x, [i])\n    s.append(x)')
        recording.save(self.folder + '/a')
        one, two = recording.state(9999)['x'], hotload.Recording.load(self.folder + '/a').state(9999)['x']
        for i in range(59, 0, -1):
            self.assertEqual((one[2], two[2], one[0] is one[1], two[0] is two[1]), ([i], [i], True, True))
            one, two = one[0], two[0]


##############################################################################
## 27. Recording -- the state at any step, and other questions
##############################################################################

class TestQueries(Case):
    section, needs = SECTION['Recording'], SECTION['Record']

    def test_steps_are_folded_the_same_on_every_python(self):
        recording = hotload.record('def f(\n    x):\n    return [\n        x,\n        x]\ny = f(\n    1)\n')
        self.assertEqual([(recording.line(n), recording.event(n)) for n in range(recording.steps())], [
            (1, 'call'), (1, 'line'), (6, 'line'), (1, 'call'), (3, 'line'), (3, 'return'), (6, 'return')])

    def test_comprehensions_do_not_tell_their_line_for_each_item(self):
        lines = """def f(y):
    b = [a for a in y]
    for x in [a for a in b]:
        b.append([x for x in b])
    while [a for a in b]:
        b.pop()
    return [a for a in y]
k = {i: [i] for i in range(2)}; m = [i for i in k]
z = f([1, 2])
q = [f([i]) for i in range(1)]
"""
        recording = hotload.record(lines)
        self.assertEqual([recording.line(n) for n in range(recording.steps())],
                         [1, 1, 8, 9, 1, 2, 3, 4, 3, 4, 3, 5, 6, 5, 6, 5, 6, 5, 6, 5, 7, 7, 10,
                          1, 2, 3, 4, 3, 5, 6, 5, 6, 5, 7, 7, 10])

    def test_each_exception_is_a_step(self):
        recording = hotload.record('a = []\nfor i in range(2):\n    try:\n        a[99]\n    except IndexError:\n'
                                   '        pass\n')
        self.assertEqual([recording.event(n) for n in recording.visits(4)], ['line', 'exception'] * 2)

    def test_steps_outside_are_brought_inside(self):
        recording = hotload.record('x = 1\nx = 2')
        self.assertEqual(recording.state(-5), recording.state(0))
        self.assertEqual(recording.state(10 ** 9)['x'], 2)
        self.assertEqual((recording.line(-1), recording.line(99), recording.visits(77)), (0, 0, []))

    def test_a_state_is_a_copy(self):
        space = {'x': [1]}
        recording = hotload.record('x.append(2)', space)
        recording.state(0)['x'].append('mine')
        self.assertEqual((recording.state(0)['x'], recording.state(9)['x'], space['x']), ([1], [1, 2], [1,
            2]))

    def test_an_instance_is_of_its_class(self):
        recording = hotload.record('class A(object):\n    pass\na = A()\na.x = 1\na.x = 2')
        state = recording.state(recording.visits(5)[0])
        self.assertIs(type(state['a']), state['A'])
        self.assertEqual(state['a'].x, 1)

    def test_changes_and_when(self):
        recording = hotload.record('x = [1]\nfor i in range(3):\n    x.append(i)\ny = x')
        self.assertEqual([change[2:] for change in recording.changes('x')], [
            (1, '<module>', None, [1]), (3, '<module>', [1], [1, 0]), (3, '<module>', [1, 0], [1, 0, 1]),
            (3, '<module>', [1, 0, 1], [1, 0, 1, 2])])
        steps = recording.when('i == 1 and x != 5')
        self.assertEqual(steps, recording.when(lambda state: state.get('i') == 1))
        self.assertTrue(steps)
        self.assertRaises(hotload.HotloadError, recording.when, 'i + 1')

    def test_output(self):
        recording = hotload.record('from __future__ import print_function\nprint("a")\nprint("b")')
        self.assertEqual([recording.output(n) for n in recording.visits(3)[:1]], ['a\n'])

    def test_no_code_of_the_user_is_called_by_queries(self):
        recording = hotload.record('''
class A(object):
    log = []
    def note(self, *args):
        self.log.append(args)
        return True
    __eq__ = __repr__ = __getattr__ = __setattr__ = __reduce__ = __len__ = __bool__ = note
    def __hash__(self):
        self.log.append('hash')
        return 1
a = A()
d = {a: [a]}
s = {a}
x = a
''')
        live = recording.state(10 ** 6)['A'].log
        count = len(live)
        for n in range(recording.steps()):
            recording.state(n)
        self.assertEqual(len(recording.state(10 ** 6)['A'].log), count)


##############################################################################
## 28. Follow -- what changed in the objects
##############################################################################

class Exactness(Case):
    """Every state of every program is that of the oracle."""

    section, needs = SECTION['Follow'], SECTION['Record']

    def check(self, text):
        text = textwrap.dedent(text)
        wanted, recording = run_oracle(text), hotload.record(text, raw=True)
        self.assertEqual([step[:2] for step in wanted], [(recording.event(n), recording.line(n))
                                                         for n in range(recording.steps())])
        self.assertEqual(recording.approximate, [])
        for n, (event, line, wanted_picture) in enumerate(wanted):
            got = picture(recording.dicts(n))
            self.assertEqual(wanted_picture, got, 'step %d, line %d of\n%s' % (n, line, text))
        return recording


def add_program(name, text):
    def test(self):
        self.check(text)
    setattr(Exactness, 'test_' + name, test)


add_program('aliases_of_one_object', '''
    a = [1]
    b = a
    b.append(2)
    c = [a, b, (a, {'a': a})]
    c[2][1]['a'].append(c)
    a = [9]
    del c[0]
    ''')
add_program('list_methods', '''
    x = [3, 1, 2]
    x.append(5); x.extend([7, 8])
    x.insert(1, 'i')
    x.remove('i')
    y = x.pop(), x.pop(0)
    x.sort(key=lambda v: -v)
    x.reverse()
    x *= 2
    x += (1, 2)
    x[1:3] = []
    x[::2] = [0] * len(x[::2])
    del x[-1], x[0]
    x[len(x) - 1] = x
    for i in range(4):
        x.append([i])
        x[i] = x[-1]
    while x:
        x.pop(len(x) - 1)
    ''')
add_program('dict_methods', '''
    import collections
    d = dict(a=1, b=[2])
    for k in list(d):
        d[k + '2'] = d[k]
    d.setdefault('z', {})['y'] = 1
    d.setdefault('z', {}).setdefault('l', []).append(4)
    d.update({'q': d}, r=5)
    d['b'] = d.pop('b')
    d.popitem()
    del d['a2']
    e = collections.defaultdict(lambda: collections.defaultdict(list))
    e['x']['y'].append(1)
    e['n']
    if e['o']['p']:
        pass
    c = collections.Counter('abca')
    c['z'] += 1
    c.subtract('a')
    o = collections.OrderedDict([('a', 1), ('b', 2)])
    o['a'] = o.pop('a')
    d.clear()
    ''')
add_program('names_that_a_line_binds_in_part', '''
    def pair(x):
        x.append(1)
        return x, (y for y in [x])
    for i in range(4):
        a = (b,) = pair([i])[1]
        try:
            c, d = a, [i][1 - i]
        except (IndexError, ValueError):
            del a
        s = {1}; s |= {i}; s -= {1}
    ''')
add_program('sets_deques_bytes', '''
    import collections
    s = {1}
    for i in range(5):
        s.add(i % 3)
        s.add((i, 1))
    s |= {7}; s -= {1}; s ^= {7, 8}
    s.discard(8)
    q = collections.deque([1], maxlen=3)
    for i in range(4):
        q.append(i)
        q.appendleft([i])
    q.rotate(1); q.popleft(); q.pop()
    b = bytearray(b'abc')
    for i in range(3):
        b[i] += 1
    b += b'xyz'
    b[1:3] = b''
    ''')
add_program('targets', '''
    class O(object):
        pass
    o, d, i = O(), {}, 0
    o.l = [0, 0, 0]
    i, o.l[i] = 1, 2
    o.l[i], o.a, d['k'], (x, y) = 1, [2], 3, (4, 5)
    for o.b in range(2):
        d[o.b] = o.b
    for d['x'], o.l[1] in [(1, 2), (3, 4)]:
        pass
    o.l[0] += 5
    o.a += [1]
    x, y = y, x
    o.l[o.l[0] - 7] = 'item of itself'
    node = root = {}
    for ch in 'ab':
        node = node.setdefault(ch, {})
    node['end'] = root
    ''')
add_program('library_calls', '''
    import bisect, copy, functools, heapq, random
    random.seed(4)
    x = list(range(6))
    random.shuffle(x)
    h = []
    for v in x:
        heapq.heappush(h, (v % 2, v))
    heapq.heappop(h)
    bisect.insort(x, 3)
    c = copy.deepcopy([x, x])
    c[0].append('x')
    list(map(x.append, [1]))
    p = functools.partial(x.append, 'p')
    p()
    m = x.append
    m('m')
    for _ in map(x.append, 'ab'):
        pass
    log = []
    x.sort(key=lambda v: log.append(v) or str(v))
    ''')
add_program('attributes_and_classes', '''
    class A(object):
        shared = []
        count = 0
        def __init__(self, v):
            self.v = v
            A.count += 1
            self.shared.append(v)
        @property
        def seen(self):
            self.count += 1
            return self.count
        def __setattr__(self, name, value):
            self.shared.append(name)
            object.__setattr__(self, name, value)
        def __getattr__(self, name):
            self.shared.append('?' + name)
    a, b = A(1), A([2])
    b.v.append(3)
    a.v, b.v = b.v, a.v
    a.seen
    a.nothing
    del a.v
    a.__dict__['raw'] = 5
    setattr(b, 'dyn', a)
    class Borg(object):
        state = {}
        def __init__(self):
            self.__dict__ = self.state
    p, q = Borg(), Borg()
    p.x = 1
    q.x += 1
    class B(A):
        count = 10
    B.count += 1
    A.shared = [9]
    ''')
add_program('slots_and_subclasses', '''
    class N(object):
        __slots__ = 'v', 'next'
        def __init__(self, v, next=None):
            self.v, self.next = v, next
    head = None
    for i in range(3):
        head = N(i, head)
    head.next.v = head
    del head.v
    class L(list):
        def append(self, x):
            self.last = x
            list.append(self, x)
    x = L([1])
    x.append(2)
    x += [3]
    x[0] = x
    class D(dict):
        def __missing__(self, k):
            self[k] = []
            return self[k]
    d = D()
    d['m'].append(2)
    class K(object):
        def __init__(self, v):
            self.v = v
        def __eq__(self, o):
            return self.v == o.v
        def __hash__(self):
            return hash(self.v)
    s = {K(1), K(2), K(1)}
    e = {K(5): []}
    e[K(5)].append(6)
    ''')
add_program('functions', '''
    def outer():
        items, n = [], 0
        def add(x):
            items.append(x)
            return len(items) + n
        n = 5
        add(1)
        items.append('outer')
        return add
    add = outer()
    add('late')
    def default(x, acc=[]):
        acc.append(x)
        return acc
    default(1); default(2).append('shared')
    def drop():
        global g
        g = [1]
        g += [2]
        del g
    drop()
    def fib(n, memo={}):
        if n not in memo:
            memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
        return memo[n]
    fib(5)
    globals()['dyn'] = [1]
    exec('dyn.append(2)')
    ''')
add_program('generators', '''
    def gen(n, box):
        try:
            for i in range(n):
                box.append(i)
                got = yield i
                if got:
                    box.append(got)
        finally:
            box.append('end')
    b1, b2 = [], []
    g1, g2 = gen(3, b1), gen(3, b2)
    next(g1); next(g2)
    g2.send('hi')
    for v in g1:
        b2.append(v)
    g2.close()
    for v in gen(5, b1):
        break
    def first():
        g = gen(5, b2)
        return next(g)
    first()
    s = sum(i for i in gen(3, b1))
    t = [b for b in b1 if b]
    ''')
add_program('exceptions', '''
    log = []
    class E(Exception):
        def __init__(self, a):
            Exception.__init__(self, a)
            self.extra = [a]
    def f(n):
        try:
            if n == 1:
                raise E('k')
            return 1 // n
        except E as e:
            e.extra.append(n)
            raise
        finally:
            log.append(n)
    for i in range(3):
        try:
            f(i)
        except (ZeroDivisionError, E) as e:
            kept = e.args
    class C(object):
        def __enter__(self):
            log.append('in')
            return log
        def __exit__(self, *a):
            log.append(a[0] is None)
            return True
    with C() as c:
        c.append(1)
        raise KeyError(c)
    def deep(n):
        x = [n]
        if not n:
            raise RuntimeError(x)
        deep(n - 1)
    deep(5)
    ''')
add_program('values_that_cannot_be_pickled', '''
    import threading
    l = [threading.Lock(), (i for i in 'ab'), lambda: 1, iter([1]), type, len]
    d = {'g': l[1]}
    next(l[1])
    class W(object):
        def __reduce__(self):
            raise TypeError
        def __repr__(self):
            raise TypeError
    w = W()
    w.me = [w, 10 ** 50, 0.1, u'text', b'bytes', None]
    ''')


##############################################################################
## 29. Plan -- what a line can change
##############################################################################

add_program('stores_that_change_how_others_are_found', '''
    class N(object):
        def __init__(self, v):
            self.v, self.next = v, None
    class Chain(object):
        def __init__(self):
            self.head = self.tail = N(0)
            self.a = [0]
        def add(self, v):
            self.tail.next = self.tail = N(v)
            self.a[0] = self.a = [v, 1]
            self.a, self.a[0] = [v], self
    c = Chain()
    d = {'k': {}}
    for i in range(4):
        c.add(i)
        d['k']['n'] = d['k'] = {'i': i}
        i, d[i] = 7, i
    def pair(x, y):
        x.append(y)
        return x, (y for y in [x])
    a, (b,) = pair([], 1)
    a = (b,) = pair([a], 2)[1]
    ''')
add_program('what_works_when_it_is_asked', '''
    import struct
    out, box = [], []
    for _ in range(9):
        lazy = iter(out.pop, 'end')
        out.extend(['end', 1, 2])
        for v in lazy:
            box.append(v)
        e = enumerate(iter(lambda: box.append('x') or len(box), 4))
        rest = list(e)
        del box[:]
        raw = bytearray(4)
        view = memoryview(raw)
        view[0:1] = b'z'
        struct.pack_into('>H', raw, 2, 513)
        del view
    ''')
add_program('own_hashes', '''
    log = []
    class S(object):
        __slots__ = ('x', 'y')
        def __init__(self, x):
            self.x = x
        def __hash__(self):
            log.append('h')
            return hash(self.x)
        def __eq__(self, o):
            log.append('e')
            return type(o) is type(self) and self.x == o.x
    class T(S):
        __slots__ = ('z',)
    class M(S):
        pass
    d = {}
    for c in (S, T, M):
        for i in range(3):
            o = c(i % 2)
            d[o] = d.get(o, 0) + 1
            d[o, i] = [o]
            s = set([o])
    cons = None
    for i in range(5):
        cons = (i, [], cons)
    ''')


@same_between
class TestPlans(Exactness):
    """The same with plans from the first run of each line on, and no audits to mend them."""
    section = SECTION['Plan']

    def setUp(self):
        Exactness.setUp(self)
        self.kept = hotload.FREE_AUDITS, hotload.AUDIT_RUNS, hotload.CHECKED_RUNS
        hotload.FREE_AUDITS, hotload.AUDIT_RUNS, hotload.CHECKED_RUNS = -1, 0, 0

    def tearDown(self):
        hotload.FREE_AUDITS, hotload.AUDIT_RUNS, hotload.CHECKED_RUNS = self.kept

    def test_objects_change_their_class(self):
        self.check('''
        class A(object): pass
        class B(object): pass
        class L(list): pass
        class M(list): pass
        class S(object):
            __slots__ = ('p',)
        class T(object):
            __slots__ = ('p',)
        def turn(o, cls):
            o.__class__ = cls
            o.z = 1
            return o
        a, l, s = A(), L([1]), S()
        s.p = 1
        for i in range(6):
            turn(a, [A, B][i % 2])
            setattr(turn(l, [L, M][i // 2 % 2]), 'n', i)
            s.__class__ = [S, T][i % 2]
            l.append(i); s.p += 1
            a.y = l
            ''')


def random_program(seed):
    """The text of a program that does things to containers that share parts."""
    pick = random.Random(seed)
    names = ['a', 'b', 'c']
    lines = ['class O(object): pass', 'def f(x, y=None):', '    x.append(y)', '    return x',
        'a, b, c = [1], [[2], 3], [O()]',
             'd, o = {}, O()', 'o.l = a', 'n = 0']
    forms = ['{0}.append({1})', '{0} = {1}', '{0} = [{1}, n]', '{0} += [n]',
        '{0}[n % len({0})] = {1} if n % 2 else n',
             '{0}.insert(0, n)', '{0}.reverse()', '{0}[1:] = {1}[:2]', 'd[n % 3] = {0}',
                 'd.setdefault(n % 4, []).append({0})',
             'o.l = {0}', 'o.l.append(n)', 'o.m = o', 'o.l, {0} = {0}, o.l', 'f({0}, {1})', 'f({0})',
                 '{0} = f(list({1}[:3]), n)',
             'd.pop(n % 3, None)', 'd.clear()', '{0} = [x for x in {1} if x is not None][:5]',
                 '{0}.extend({1}[:2])',
             'if len({0}) > 6: del {0}[3:]', 'if len({0}) > 1: {0}.pop()', '{0} = {0} + [n]',
                 '{0} = list({0})',
             'del d[n % 3]', '{0}[99]', '{0}[0], {1}[-1] = {1}[-1], {0}[0]', 'vars(o)["k"] = {0}',
                 'o.k = {1}']
    lines.append('for n in range(%d):' % pick.randint(4, 14))
    for _ in range(pick.randint(4, 9)):
        form = pick.choice(forms).format(pick.choice(names), pick.choice(names))
        lines += ['    try:', '        ' + form,
            '    except Exception: pass'] if not form.startswith('if') else [
            '    ' + form]
    return '\n'.join(lines) + '\n'


@same_between
class TestRandomPrograms(Case):
    section, needs = SECTION['Plan'], SECTION['Record']

    def test_states_of_random_programs_are_exact(self):
        begin = random.randrange(10 ** 6)
        for seed in range(begin, begin + 25):
            for plans_only in (False, True):
                case = (TestPlans if plans_only else Exactness)('test_targets')
                if plans_only:
                    case.setUp()
                try:
                    case.check(random_program(seed))
                except AssertionError:
                    print('seed %d, plans only: %s' % (seed, plans_only))
                    raise
                finally:
                    if plans_only:
                        case.tearDown()


##############################################################################
## 30. Trace -- sys.settrace writes the log
##############################################################################

class TestRuns(Case):
    section, needs = SECTION['Trace'], SECTION['Record']

    def test_limits_end_endless_loops(self):
        for text in ('while True:\n    x = 2', 'def g():\n    while True: yield 1\nsum(g())',
            'def f(): f()\nwhile 1:\n    try: f()\n'
                     '    except RuntimeError: pass', 'while True:\n    try: x = 1\n    except: pass'):
            recording = hotload.record(text, max_steps=300)
            self.assertEqual((type(recording.error), recording.steps()), (RuntimeError, 300))
            self.assertIn('steps', str(recording.error))
            if HAS_PROCESSES or 'except' not in text:       # where no thread watches, what catches all goes on
                recording = hotload.record(text, max_seconds=0.1)
                self.assertIn('seconds', str(recording.error))

    def test_callback(self):
        seen = []
        recording = hotload.record('for i in range(60000): x = i', callback=lambda r: seen.append(
            (r.steps(), r.state(10 ** 9).get('x'))))
        self.assertEqual((len(seen), seen[0], seen[-1]), (3, (0, None), (recording.steps(), 59999)))
        recording = hotload.record('x = 1', callback=lambda r: 1 // 0)
        self.assertIsInstance(recording.error, ZeroDivisionError)

    def test_trace_functions_of_others_are_put_back(self):
        def trace(frame, event, arg):
            return None
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            hotload.record('x = 1')
            self.assertIs(sys.gettrace(), trace)
        finally:
            sys.settrace(before)

    def test_recording_in_a_recording_is_an_error(self):
        recording = hotload.record('import hotload\nhotload.record("x = 1")')
        self.assertIsInstance(recording.error, hotload.HotloadError)
        self.assertEqual(hotload.record('x = 1').error, None)

    def test_steps_only(self):
        recording = hotload.record('x = 1\ny = 2', record_state=False)
        self.assertEqual(([recording.line(n) for n in range(recording.steps())], recording.state(1)), ([1, 1,
            2, 2], {}))


##############################################################################
## 31. Record -- code, functions and scripts
##############################################################################

class TestRecord(Case):
    section, needs = SECTION['Record'], SECTION['Record']

    def test_an_error_ends_the_recording_and_is_kept(self):
        for text, kind in (('1 // 0', ZeroDivisionError), ('import sys\nsys.exit(3)', SystemExit),
                           ('raise KeyboardInterrupt', KeyboardInterrupt)):
            recording = hotload.record('x = 5\n' + text)
            self.assertIsInstance(recording.error, kind)
            self.assertEqual(recording.state(99)['x'], 5)
        self.assertRaises(SyntaxError, hotload.record, 'x = (')

    def test_the_stream_of_stdout_is_shown_as_itself(self):
        past = hotload.record('import sys\nold = sys.stdout\nkept = [sys.stdout]').state(9)
        self.assertEqual(type(past['old']).__name__, type(sys.stdout).__name__)
        self.assertIs(past['kept'][0], past['old'])

    def test_members_of_enumerations_are_themselves(self):
        try:
            import enum                                                          # noqa: F401
        except ImportError:
            self.skipTest('no enum module here')
        recording = hotload.record('import enum\nclass C(enum.Enum):\n    RED = 1\n    BOX = [2]\nc = C.RED\n'
                                   'C.BOX.value.append(3)\nx = C.BOX')
        first, last = recording.state(recording.visits(6)[0]), recording.state(99)
        self.assertTrue(first['c'] is last['c'])
        self.assertEqual((first['C'].BOX.value, last['x'].value), ([2], [2, 3]))

    def test_a_deep_tuple_is_no_problem(self):
        recording = hotload.record('t = ()\nfor i in range(3000):\n    t = (i, [], t)')
        recording.save(self.path('deep'))
        for each in recording, hotload.Recording.load(self.path('deep')):
            t, depth = each.state(10 ** 6)['t'], 0
            while t:
                t, depth = t[2], depth + 1
            self.assertEqual(depth, 3000)
        deep = recording.state(10 ** 6)['t']
        self.assertRaises(hotload.HotloadError, hotload.record('t = deep', {'deep': deep}).save, self.path('deep'))

    def test_a_line_that_calls_back_often_takes_no_audit_each_time(self):
        text = 'x = [[i] for i in range(2000)]\ny = sorted(x, key=lambda v: -v[0])\nx.append(y[0])'
        begin = time.time()
        recording = hotload.record(text)
        self.assertEqual(recording.state(10 ** 6)['x'][-1], [1999])
        self.assertTrue(time.time() - begin < 10)

    def test_a_script_is_recorded_with_its_modules(self):
        self.save('app.py', 'import helper\nlast = 1\nfor i in range(3):\n    last = helper.half(2 - i)\n')
        self.save('helper.py', 'def half(n):\n    return 6 // n\n')
        step = hotload.RecordedScript(self.path('app.py'))
        self.addCleanup(step.close)
        hotload.fresh.install(roots=[self.folder])
        self.addCleanup(hotload.fresh.remove)
        self.assertRaises(ZeroDivisionError, step.run)
        recording = step.recording
        self.assertEqual(len(recording.visits(2, self.path('helper.py'))), 7)       # each with its return, and an error
        step.show_past()
        self.assertIn('helper.py:2 in half', self.err.getvalue())
        self.assertIn('last = 6', self.err.getvalue())
        names = step.prompt_names()
        self.assertTrue(set(names) >= set(['back', 'forward', 'goto', 'last_', 'rec']))
        self.assertTrue('last' not in names)
        self.assertTrue(names['rec'] is recording)
        names['last_']('n')
        names['back'](2)
        names['goto'](10 ** 6)
        self.assertIn('step %d of %d' % (recording.steps() - 1, recording.steps()), self.out.getvalue())

    @needs_processes
    def test_on_the_command_line(self):
        self.save('app.py', 'while True:\n    x = 1\n')
        text = ('import os, subprocess, sys\nnothing = open(os.devnull)\n'
                'p = subprocess.Popen([sys.executable] + %r, stdin=nothing, stderr=subprocess.PIPE)\n'
                'for line in iter(p.stderr.readline, b""):\n    print(line.decode().rstrip())\n'
                '    if b"run 1" in line:\n        p.kill()\nprint(p.wait())')
        child = [HOTLOAD, '--record', '--max-steps']
        status, out, err = run_python(text % (child + ['50', 'app.py']))
        self.assertIn('reached its limit of 50 steps', out)
        self.assertIn('app.py:2', out)
        self.save('lib.py', 'def ratio(x):\n    return 1 // x\n')
        self.save('app.py', 'import lib\nlib.ratio(0)\n')
        status, out, err = run_python(text % (child + ['50', 'app.py']))
        self.assertIn('in ratio\n    return 1 // x', out)
        self.assertIn('run 1 failed: ZeroDivisionError', out)
        status, out, err = run_python(text % (child + ['many', 'app.py']))
        self.assertEqual(out.split('\n')[:2], ['hotload: --max-steps many: expected a number above 0', '2'])

    def test_of_a_function(self):
        def double(numbers):
            found = []
            for number in numbers:
                found.append(2 * number)
            return found
        recording = hotload.Recording.of(double, [1, 2])
        self.assertEqual(recording.result, [2, 4])
        self.assertEqual(recording.state(10 ** 6)['found'], [2, 4])
        self.assertRaises(hotload.HotloadError, hotload.Recording.of, len, [])


##############################################################################
## 32. Scopes -- whose names are whose
##############################################################################



##############################################################################
## 33. Signs -- what instrumented code writes to the log
##############################################################################



##############################################################################
## 34. Changes -- what instrumented code writes of objects
##############################################################################



##############################################################################
## 35. Writing -- code that writes to the log
##############################################################################



##############################################################################
## 36. Expressions -- calls, generators and lambdas that tell of themselves
##############################################################################



##############################################################################
## 37. Stores -- assignments and other simple statements
##############################################################################



##############################################################################
## 38. Instrument -- source that writes the log
##############################################################################



##############################################################################
## 39. Relays -- what stands between a frame and what it awaits
##############################################################################



##############################################################################
## 40. Operations -- what instrumented code calls
##############################################################################



##############################################################################
## 41. Kit -- what is put into code, and what a text is like
##############################################################################



##############################################################################
## 42. Reading -- what instrumented code wrote becomes steps and changes
##############################################################################



##############################################################################
## 43. Rewrite -- the fast engine
##############################################################################

@needs_known_syntax
class TestRewrite(Case):
    section = SECTION['Rewrite']

    PROGRAMS = [
        'x = [3, 1]\nx.append(2)\ny = x\ny.sort()\nx[0], x[-1] = x[-1], x[0]\nx += [5]\ndel x[0]\nx[1:] = [7]\nz = x.pop()\n',
        'd = {}\nfor i in range(4):\n    d[i % 2] = d.get(i % 2, 0) + i\n    d.setdefault("k", []).append(i)\nd.pop(0)\n',
        'class A(object):\n    """Text."""\n    n = 0\n    def __init__(self, v):\n        self.v, self.l = v, []\n'
        '    def add(self, x):\n        self.l.append(x)\n        A.n += 1\n        return self\n'
        'a = A(1)\nb = a.add(2).add([3])\na.v += 1\ndel a.v\n',
        'def f(n):\n    try:\n        if n > 1:\n            raise KeyError(n)\n        return n\n    except KeyError as e:\n'
        '        log.append(str(e))\n        raise\n    finally:\n        log.append("end")\nlog = []\n'
        'for n in range(3):\n    try:\n        f(n)\n    except Exception:\n        log.append(n)\n',
        'def gen(n):\n    try:\n        for i in range(n):\n            got = yield i\n            box.append(got)\n'
        '    finally:\n        box.append("end")\nbox = []\ng = gen(3)\nnext(g)\ng.send(1)\n'
        'for v in gen(2):\n    w = v\nfor v in gen(5):\n    if v:\n        break\ns = sum(k * v for k in [1, 2])\n',
        'def outer():\n    box = []\n    def push(v):\n        box.append(v)\n        return lambda: len(box)\n'
        '    return push, box\npush, b = outer()\nn = push(1)()\nm = [push(k)() for k in range(2)]\n',
        'class W(object):\n    def __enter__(self):\n        return log\n    def __exit__(self, *e):\n        log.append(1)\n'
        '        return True\nlog = []\nfor i in range(3):\n    with W() as got:\n        if i == 1:\n            continue\n'
        '        got.append(i)\n        1 // 0\n',
        'import heapq, random, bisect\nrandom.seed(1)\nh = []\nfor v in (3, 1, 2):\n    heapq.heappush(h, v)\n    bisect.insort(h, v)\n'
        'random.shuffle(h)\nexec("e = h")\nglobals()["u"] = [h]\nu.append(1)\n',
        'x = 1\nwhile True:\n    x += 1\n    if x > 3:\n        break\nelse:\n    pass\nq = [w for w in range(x)]\n[1][5]\n',
        # calls into the unknown beside methods that say themselves what they do
        'a = [1]\na.append(sorted(map(str, [2])))\na += [3, list(map(str, [4]))]\na.append(5) or list(map(a.index, [1]))\n'
        'd = {1: 2, 2: 3}\nk = 1\nk = d.pop(k)\nk = d.setdefault(k, 7)\nn = (a.append(6), a.pop(), a.append(7))\n',
        'def grow(b, n):\n    for i in range(n):\n        b.append(i)\n        yield i\n'
        'a, b = [], [1]\na.extend(grow(a, 2))\na += grow(b, 2)\nlist(map(a.index, grow(a, 1)))\n',
        # keys that are equal and are not the same
        's, d, k = set(), {}, frozenset([1])\ns.add(k)\ns.add(frozenset([1]))\nd[k] = 1\nd[frozenset([1])] = 2\n'
        'd[1.0] = 3\nd[True] = 4\ndel d[frozenset([1])]\ns.discard(frozenset([1]))\n',
        # a builtin that is another one
        'a = [1]\ndef other(x):\n    x.append(2)\n    return 1\nlen(a)\nlen = other\nlen(a)\nlen = a.__len__\nlen()\n',
        # a step that waits for the end of a generator comes before what is looked at
        'import operator\ndef g():\n    yield 1\n    yield 2\na = [1]\nfor x in g():\n    break\noperator.setitem(a, 0, 2)\n',
        # objects that had no attributes when they were met first, and others
        'class A(object):\n    def __init__(self, v):\n        self.v = v\n        self.w = [v]\n'
        '        del self.v\n        self.v = (v,)\nclass S(object):\n    __slots__ = ("p", "q")\n'
        '    def __init__(self, p):\n        self.q = p\n        self.p = [self]\nclass T(S):\n    k = 1\n'
        '    def __init__(self):\n        S.__init__(self, 5)\n        self.r = self.k\n        self.k = 2\n'
        'class N(object):\n    def __new__(cls):\n        self = object.__new__(cls)\n        self.a = 1\n'
        '        return self\n    def __init__(self):\n        self.b = 2\na = [A(i) for i in range(4)]\n'
        'for x in a:\n    x.w[0] = x\n    x.w.append(1)\ns = [S(i) for i in range(3)]\nt = [T(), T(), T()]\n'
        's[2].q = t[1]\ndel t[2].r, t[2].q\nn = [N(), N()]\nn[1].__init__()\nA.__init__(a[1], 7)\ns[1].p[0] = a\n'
        't[0].p.append(n.pop())\n',
        # changes of such objects by code that does not tell of them
        'import copy, functools\nclass A(object):\n    pass\ndef make():\n    o = A()\n    o.x = [1]\n'
        '    return o\na, b, c = make(), make(), A()\nsetattr(c, "y", [2])\nc.z = 1\nd = copy.copy(c)\nd.z = 2\n'
        'd.y.append(3)\ne = copy.deepcopy(d)\ne.y[0] = 5\ne.z = 3\n'
        'p = functools.partial(object.__setattr__, a, "k")\np(3)\np(A())\na.k.m = 4\n'
        'q = [functools.partial(object.__setattr__, make(), "n")]\nq[0](1)\ndef hide():\n    o = make()\n'
        '    box = [o]\n    return functools.partial(object.__setattr__, o), box\nf, box = hide()\ndel box\n'
        'f("u", 1)\nf("x", 2)\nf = f.args[0]\n',
        # a list that its methods' arguments change
        'class A(object):\n    def __init__(self):\n        self.l = []\n        self.n = 0\n    def more(self):\n'
        '        self.l.append(9)\n        return 1\n    def other(self):\n        self.l = [self.n]\n'
        '        return 2\n    def fail(self):\n        self.l.append(1 // 0)\na = A()\na.l.append(a.more())\n'
        'a.l.append(a.other())\na.l.append(sorted([a.more(), a.other()]))\ntry:\n    a.fail()\n'
        'except ZeroDivisionError:\n    a.n = len(a.l)\nb = [A() for i in range(3)]\nfor x in b:\n'
        '    x.l.append(max(x.more(), x.n))\n    x.n = x.l.pop()\n    x.l.append(b)\n',
        # containers of other classes with the same methods
        'import collections\nclass L(list):\n    def append(self, v):\n        list.append(self, [v])\n'
        'class B(object):\n    def append(self, v):\n        self.v = v\nclass C(object):\n'
        '    def __init__(self, box):\n        self.box = box\n    def put(self, v):\n        self.box.append(v)\n'
        '        return self.box\ndef g():\n    yield 1\n'
        'q = [C(x) for x in ([1], L([2]), B(), collections.deque([3]), collections.deque([4, 5], 2), bytearray(b"6"))]\n'
        'for c in q:\n    c.put(7)\n    c.put(8)\nfor c in q[3:5]:\n    z = c.box.pop()\n    z = c.box.popleft()\n'
        'w = [set([1]), set(["2"])]\nfor s in w:\n    s.add(3)\n    s.discard(1)\nk = [g(), g()]\nm = [[k[0], 2], [3, k[1]]]\n'
        'for x in m:\n    x[1] = 5\n    x.append(6)\n',
        'import sys\nl = [[sys.stdout, 1], [2, sys.stdout]]\nfor x in l:\n    x[0] = 0\n    x.append(1)\n',
        'import random, heapq\nclass A(object):\n    def __init__(self, n):\n        self.l = list(range(n))\n'
        '    def mix(self):\n        random.shuffle(self.l)\n        return self\nrandom.seed(1)\n'
        'a = [A(n).mix() for n in range(5)]\nfor x in a:\n    x.l[0:1] = [x]\n    x.l.append(5)\n    del x.l[1:2]\n'
        '    x.l.sort(key=lambda v: str(type(v)))\nheapq.heappush(a[2].l[:0], a[1])\n',
        'class A(object):\n    def __setattr__(self, n, v):\n        object.__setattr__(self, n, [v])\n'
        'class P(object):\n    def __init__(self):\n        self.v = 1\n    @property\n    def v(self):\n'
        '        return self.u\n    @v.setter\n    def v(self, x):\n        self.u = x\n'
        '    def __delattr__(self, n):\n        self.gone = n\na = [A(), A()]\nfor x in a:\n    x.y = 1\n'
        '    x.z = x\np = [P(), P()]\nfor x in p:\n    x.v = 2\n    del x.w\nA.k = 1\nP.w = 5\nx.w = 6\n',
        'class A(object):\n    def __init__(self):\n        self.x = 1\na, b = A(), A()\na.__dict__ = {"y": 2}\n'
        'b.__dict__["z"] = 3\nb.z = 4\nc = A()\nc.__dict__ = b.__dict__\nc.q = b\nvars(c)["n"] = 1\n',
        'class E(Exception):\n    def __init__(self, v):\n        self.v = v\n        Exception.__init__(self, v)\n'
        'class D(dict):\n    def __init__(self):\n        self.v = []\n        self["k"] = 1\n'
        'e = [E(i) for i in range(3)]\nd = [D(), D()]\nfor x in e:\n    x.v = [x.v]\n    x.w = 1\nfor x in d:\n'
        '    x.v.append(2)\n    x.w = 3\n    x["k"] = x\n',
        'def f(n):\n    class A(object):\n        def __init__(self, v):\n            self.v = v\n'
        '    return [A(n), A(A(n))]\nx = [f(1), f(2)]\nfor y in x:\n    y[1].v.v = y\n    y[0] = type(y[0])(3)\n',
        # blocks that are left early, at the end of a function, and a raise that raises again
        'class W(object):\n    def __enter__(self):\n        return self\n    def __exit__(self, *e):\n        n.append(1)\n'
        'def g():\n    try:\n        yield 1\n    finally:\n        n.append(2)\ndef f():\n    for i in range(2):\n'
        '        with W():\n            break\ndef h():\n    for i in range(2):\n        with W():\n            try:\n'
        '                if i: break\n            finally:\n                n.append(3)\ndef k():\n    for i in g():\n'
        '        break\nn = []\nf(), h(), k()\nfor i in g():\n    break\n',
        'def f(v):\n    try:\n        [][v]\n    except IndexError:\n        n.append(v)\n        raise\nn = []\ntry:\n    f(1)\n'
        'except IndexError:\n    pass\nfor i in range(1):\n    with open(__import__("os").devnull):\n        break\n',
        # each operand is asked once whether it is true
        'class B(object):\n    def __init__(self, v): self.v = v\n    def __len__(self): return self.v\n'
        'def f(a, b, c):\n    k = a and b or c, (a or b) and c, (a and b or c) and b\n    if a and b or c: k = 1\n'
        '    assert a or b or c\n    return [1 for x in k if a and b] or (k if a or b and c else c)\n'
        'for i in range(1, 8):\n    n = f(B(i & 1), B(i & 2), B(i & 4))\n',
        # loops in one line
        'def f(n):\n    while n: n -= 1\n    while n < 3: n += 1; n += 1\n    while n:\n        while n: n -= 1\n    a = [1, 2]\n'
        '    while a: a.pop()\n    while n < 1: n += len([n]); break\n    else: n = 4\n    while n: return n\nx = f(3)\n'
        'while x < 3: x += len([x])\nwhile x < 5: x += len([x])\nelse: x = 0\nwhile True: break\n',
    ]

    # methods of containers and of the program, called in all kinds of ways
    METHODS = '''
class O(object):
    def __init__(self):
        self.items, self.d, self.s, self.q = [1, 2, 3], {1: [1]}, set([1, (2, 3)]), deque([1, 2])
        self.sub, self.own, self.o = Sub([5, 6]), Own([7]), self
    def me(self): return self
    def append(self, x): log.append(x)
    def go(self, n):
        return [self.o.me().items.pop(n), self.o.o.items.append(n), self.q.popleft(), self.q.appendleft(n)], self.items
    def many(self):
        push, pop = self.items.append, None
        take = self.items.pop
        put = self.sub.insert
        put(0, take(0))
        put(0, [n for n in range(2)])
        return push(take()) or (take(-1), self.d.setdefault(3, []).append(4), self.d.pop(1, None), self.d.pop(3))
class Sub(list):
    pass
class Own(list):
    def pop(self, *at):
        log.append('pop')
        return list.pop(self, *at)
    def __setitem__(self, key, value):
        log.append('set')
        list.__setitem__(self, key, value)
class At(object):
    def __index__(self):
        a.append('at')
        return 0
class Parts(object):
    def __iter__(self):
        a.append('iter')
        yield 1
        a.append('next')
def key(x):
    a.append(x)
    return -len(a)
def rows(n):
    try:
        yield n
        a.append(n)
    finally:
        log.append('end')
def spoil(x):
    x.extend(map(a.index, x[:2]))
    return 0
from collections import deque
log, a, b = [], [1, 2], [3]
o = O()
def run(f, *given):
    for n in range(2):
        try:
            log.append(f(n, *given))
        except Exception as error:
            log.append(type(error).__name__)
        o.__init__()
'''
    USES = [
        'o.go(n), o.many()', 'o.sub.append(o.own.pop()), o.own.append(n), o.sub.pop(0), o.append(n)',
        'x = [o.me()]; x.pop().items.append(x); x = x and x.pop(); x = [x].pop()',
        'o.items.pop(At()), o.items.insert(At(), a), o.sub.pop(n * 5)', 'o.items[At():n], x = a, o.items.pop()',
        'o.items.extend(Parts()), o.items.append(o.items.extend(Parts()))', 'o.items[n:1] = Parts()', 'a[:0] = rows(n)',
        'o.items[:1] = o.items; o.items[1:1] = o.items[::-1]; o.items[::2] = a; o.sub[::-1] = [n, n]; del o.items[::2]',
        'o.own[:1] = [n]; del o.own[n:], o.sub[:], o.items[-n:]; a[-1:] = "ab"; a[1.5:] = [1]', 'a[n], a[n:n] = 5, [n]',
        'a.sort(key=key)', 'o.items.sort(key=lambda x: o.items.append(x))', 'o.items.remove(2.0); o.s.remove((2, 3)), a.remove(n)',
        'o.items.remove([1]), o.s.add((n, (n,))); o.s.discard((1, frozenset([n])))', 'o.items.append(spoil(b)), b.pop()',
        'push, dir = o.items.append, o; dir.sub.append(push)', 'o.items.append(o.items.pop(o.items.pop(0) - 1))',
        'o.items.insert(0, [])\n    return o.items.insert(1, o.items[0]) or o.items', 'o.d.setdefault((n, (n,)), []).append(n)',
        'put = o.d.setdefault\n    put(n, put(7, n))\n    add = o.s.add\n    add(add(n)), o.d.pop(n), o.d.pop(n)',
        'x = deque(a, 2)\n    x.append(n), x.appendleft(n)\n    x.append(5)\n    return x.pop(), x', 'a[:1][0].append(1)',
        'x = [lambda: a.append(a.pop())]\n    return x[0](), [a.append(v) for v in [1]], list(a.pop() for v in [1]), x.pop()',
        'x = o.__class__\n    while o.items.pop() > 2:\n        o.items.append(o.sub.pop())\n    if o.sub.pop(): o.sub.append(n)',
        'gens = [rows(1), rows(2)]\n    next(gens[0]), next(gens[1])\n    gens.pop(0)\n    gens.append(rows(3)), next(gens[-1]), gens.pop()\n    gens[:] = [n]',
        'x = list(range(200))\n    x[5:150] = a\n    x.remove(3)\n    del x[n]; o.items = x; x.sort(), x.reverse()',
        'getattr(o, "items").append(n), (o.items or a).pop(), O.me(o).items.append(n), o.me().me().sub.append(n)',
    ]

    def test_methods_are_logged_as_what_they_do_wherever_they_are_called(self):
        for first in range(0, len(self.USES), 7):
            uses = self.USES[first:first + 7]
            text = ''.join('def f%d(n):\n    %s\n' % use for use in enumerate(uses)) + ''.join(
                'run(f%d)\n' % at for at in range(len(uses)))
            for more in ('', 'class K(object):\n    def __eq__(self, other):\n        return a.append(0) or True\n'
                             '    __hash__ = None\na[:0] = [K()]\n'):
                self.compare(self.METHODS + more + text)

    def test_methods_of_objects_that_nobody_sees_yet(self):
        self.compare('class B(object):\n    def __init__(self): self.l = [1]\ndef take(x, kept=[B(), [1]]):\n'
                     '    kept[1][0] = kept[0].l[0] = x\n    return kept\nimport functools\n'
                     'hide = functools.partial(list, [B(), [2]])\nhide()[1][0] = 5\nhide()[0].l.append(6)\n'
                     'hide()[0].n = 7\nx = hide()\ny = take(8)\nz = take(9)\n')

    # Ways to set attributes: of objects of these classes each is told, or looked at.
    CLASSES = (
        'class A(object):\n    def __init__(self, v=0):\n        self.v = v\nclass B(A):\n    pass\n'
        'class E(object):\n    pass\nclass S(object):\n    __slots__ = ("p", "__dict__")\n')
    ATTRIBUTES = [
        'h = [E()]\nf = [h.pop() for i in range(1)].__getitem__\nsetattr(f(0), "x", [1])\ng = f(0)\ng.y = 2\n'
        'g.x.append(3)\n',
        'def make():\n    e = E()\n    def get():\n        return e\n    return get\nget, b = make(), B(2)\n'
        'setattr(get(), "q", b)\ne = get()\ne.r = e\nb.w = 1\nc = B([b])\nc.v[0].v = c\nE.k = c\n',
        'def make(n):\n    e = [E(), B(n)]\n    return lambda: e\nget = make(3)\nget()[0].a = 1\nget()[1].b = 2\n'
        'x = get()\ndel x[1].v\nx[0].a = x\n',
        'a = [A(i) for i in range(3)]\nimport operator\noperator.setitem(a, 0, B(1))\na[0].n = 1\na[1].n = 2\n'
        'b = A(a)\nb.v[2].v = b\ns = S()\ns.p = b\ns.q = s\noperator.setitem(a, 1, s)\nt = S()\nt.q = 1\n'
        't.p = s\n',
        'a = A(1)\ndef f(x):\n    x.n = 1\n    x.m = A(x)\n    return x\n'
        'b = sorted([A(3), A(2)], key=lambda x: f(x).v)\nc = list(map(f, b))\nd = max(b, key=lambda x: x.m.v.v)\n'
        'd.z = len(c)\n',
        'class C(object):\n    def __init__(self, v):\n        self.v = v\n        self.l = []\n'
        '    def __add__(self, o):\n        return C(self.v + o.v)\n    def __iadd__(self, o):\n'
        '        self.v += o.v\n        self.l.append(o)\n        return self\n    def __call__(self, x):\n'
        '        self.x = x\n        return self\n    def __enter__(self):\n        self.e = 1\n'
        '        return self\n    def __exit__(self, *a):\n        self.e = a\n        return True\n'
        'x = C(1) + C(2)\nx += C(3)\nx(4)(5).y = 6\nwith C(7) as y:\n    y.z = x\n    y.n\ny += x + y\n'
        'z = [C(1)(2)]\nz[0] += y\nfor z[0].q in range(2):\n    pass\nx.t, (y.u, z[0].w) = 1, (2, 3)\n',
        'e = E()\ne.a = e.b = A(e)\ne.b.v.c = 1\ntry:\n    e.x.y = 1\nexcept AttributeError:\n    e.err = 1\n'
        'f = E()\ntry:\n    del f.q\nexcept AttributeError:\n    f.q = f\ndel f.q\nf.q = 2\n',
        'class T(object):\n    made = []\n    def __init_subclass__(cls):\n        o = cls()\n'
        '        o.early = 1\n        T.made.append(o)\nclass U(T):\n    pass\nu = U()\nu.x = T.made\n'
        'for o in T.made:\n    o.late = u\n',
        'def update(self, n):\n    self.n = n\n    return self\nA.update = update\n'
        'B.set = property(lambda self: self.v, update)\na, b = A(1).update(2), B(3)\nb.set = 4\n'
        'b.update(5).m = a\nE.__getattr__ = lambda self, name: name\ne = E()\nx = e.foo\ne.foo = 1\nx = e.foo\n',
        'import json, re, random, math\nr = random.Random(1)\nl = [A(r.random()) for i in range(3)]\n'
        'r.shuffle(l)\nl[0].s = re.sub("a", lambda m: str(setattr(l[1], "t", m.group())), "banana")\n'
        'l[2].j = json.loads(json.dumps({"a": [1]}), object_hook=lambda d: A(d))\nl[2].j.v["a"][0] = l\n',
        'b = B(1)\nb2 = B.__new__(B)\nb2.x = b\nb3 = object.__new__(A)\nb3.v = b2\nb3.__init__(5)\n'
        'A.__init__(b2, b3)\nl = [B.__new__(B) for i in range(2)]\nl[0].k = l[1]\nl[1].k = l[0]\n',
        'f = [E(), B(1), E()].__getitem__\nsetattr(f(0), "x", [1])\nsetattr(f(1), "x", f)\ng = f(0)\ng.y = 2\n'
        'b = f(1)\nb.z = g\nf(2).v = 5\nc = f(2)\nc.w = 6\n',
        # a class that gets and loses descriptors meanwhile
        'a, b = A(1), B(2)\na.x = 1\nb.x = 2\n'
        'A.x = property(lambda self: self.v, lambda self, v: setattr(self, "v", v))\na.x = 3\nb.x = 4\ndel A.x\n'
        'a.x = 5\nB.x = 6\nb.x = 7\ndel B.x\nB.x = A.x = property(lambda self: 1, lambda self, v: None)\n'
        'a.x = b.x = 8\ny = a.x\nE.p = property(lambda self: self.q, lambda self, v: None)\ne = E()\ne.p = 1\n'
        'e.q = 2\nE.p = None\ne.p = 3\nB.__setattr__ = lambda self, n, v: None\nb.v = b.w = 9\na.w = 9\n'
        'del B.__setattr__\nb.w = 10\n',
        'def gen():\n    o = E()\n    while True:\n        o.n = yield o\ng = gen()\nx = next(g)\nx.m = 1\n'
        'g.send(5)\ny = g.send(6)\ny.m += 1\n',
        'class D(object):\n    x = A(1)\n    x.y = 2\n    l = [B(x)]\n    l[0].z = 3\n    del x.v\nD.x.w = 4\n'
        'D.l[0].v.q = D\nd = D()\nd.x = 1\n',
        'def loc():\n    a = A(1)\n    a.x = 2\n    n = sorted(locals())\n    a.y = n\n    return a\nz = loc()\n'
        'z.k = 1\n',
        'x = type("X", (A,), {})(3)\nx.y = 1\ny = type(x)(x)\ny.v.y = y\nclass A(A):\n    def __init__(self):\n'
        '        super(A, self).__init__([])\n        self.v.append(self)\nz = A()\nz.v[0].v = 1\n',
    ]
    if hotload.HAS_CONSTANT_NODE:
        ATTRIBUTES.append(
            'a = A()\na.x: int = 1\nb = A(a)\nb.v.y: int = 2\ndef f():\n    return A([a])\nf().z: int = 3\n'
            'c = f()\nc.v[0].w: int = 4\nf = [E()].__getitem__\nf(0).x: int = 3\ng = f(0)\ng.y = 2\n')

    # From 3.3 on, and from 3.6 on; each of those of ASYNC is run by an event loop.
    DELEGATING = [
        'def g():\n    try:\n        yield 1\n    except KeyError:\n        pass\n    return 3\ndef f():\n'
        '    r = yield from g()\n    yield r\ndef h():\n    r = yield from f()\nx = h()\nnext(x)\ny = x.throw(KeyError)\n'
        'x.close()\nx = h()\nnext(x)\nx.close()\nclass I:\n    def __iter__(self): return self\n'
        '    def __next__(self): raise StopIteration(4)\ndef k():\n    r = yield from I()\n    q = yield from iter([1])\n'
        '    q = yield from g()\nfor z in k(): pass\n',
        'def outer():\n    k = 0\n    def gen():\n        nonlocal k\n        while k < 5:\n            yield k\n'
        '            k += 1\n    def bump():\n        nonlocal k\n        k += 2\n    g = gen()\n    next(g)\n    bump()\n'
        '    next(g)\n    bump()\n    return list(g)\nn = outer()\n',
    ]
    ASYNC = '''import asyncio
log, n = [], [0]
async def leaf(v):
    await asyncio.sleep(0)
    return v
async def gen(n):
    try:
        for i in range(n):
            await leaf(i)
            yield i
    finally:
        log.append('end')
class CM:
    async def __aenter__(self):
        return await leaf(self)
    async def __aexit__(self, *e):
        await asyncio.sleep(0)
        return e[0] is KeyError
class It:
    left = 2
    def __aiter__(self): return self
    async def __anext__(self):
        self.left -= 1
        if self.left < 0: raise StopAsyncIteration
        return self.left
class Aw:
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
async def stays(v):
    try:
        await asyncio.sleep(9)
    except asyncio.CancelledError:
        if not v: raise
        await asyncio.sleep(0)
        return v
async def passes(v):
    return await v
async def cancels():
    for v in range(2):
        task = asyncio.ensure_future(passes(stays(v)))
        await asyncio.sleep(0)
        task.cancel()
        try:
            log.append(await task)
        except asyncio.CancelledError:
            log.append('cancelled')
async def blocks():
    for x in range(3):
        async with CM() as c, CM():
            try:
                if x == 1: continue
                raise KeyError
            finally:
                if x == 2: return x
async def shares():
    total = 0
    async def adds():
        nonlocal total
        total += await leaf(1)
    tasks = [asyncio.ensure_future(adds()) for _ in range(2)]
    await tasks[0]
    await tasks[1]
    await adds()
async def main():
    log.append(await leaf(1))
    n[0] += await leaf(2)
    print(*[await leaf(3)], end='')
    async for x, y in gen(1): pass
async def rest():
    async for x in gen(3):
        if x: break
    async for log[0] in It():
        await Aw()
    else:
        x = 5
    r = [x async for x in gen(2) if await leaf(x)] + [await leaf(x) for x in (1, 2)]
    c = leaf(1)
    c.send(None)
    c.close()
    await 3
for one in (main, rest, cancels, blocks, shares):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(one())
    except TypeError as e:
        log.append(str(e))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
'''

    def compare(self, text):
        """Record with both engines; whether the steps and the states of each are the same."""
        trace, rewrite = hotload.record(text, engine='trace'), hotload.record(text, engine='rewrite')
        self.assertEqual(rewrite.engine, 'rewrite')
        self.assertEqual(type(trace.error), type(rewrite.error))
        at, line = 0, {}
        for n in range(trace.steps()):
            fact = trace.event(n), trace.line(n), trace._steps[n].frame
            place = at < rewrite.steps() and (rewrite.event(at), rewrite.line(at), rewrite._steps[at].frame)
            if fact != place and fact[0] == 'line' and line.get(fact[2]) == fact[1]:
                continue                        # Python told of the line twice, and the trace engine does too
            line[fact[2]] = fact[1]
            self.assertEqual(place, fact, 'step %d of\n%s' % (n, text))
            self.assertEqual(picture(rewrite.dicts(at)), picture(trace.dicts(n)), 'step %d of\n%s' % (n, text))
            at += 1
        self.assertEqual(at, rewrite.steps())

    def test_its_steps_and_states_are_those_of_the_trace_engine(self):
        for text in self.PROGRAMS + ([] if hotload.PY2 else self.DELEGATING):
            self.compare(text)

    def test_attributes_are_told_in_whatever_way_they_are_set(self):
        for text in self.ATTRIBUTES:
            self.compare(self.CLASSES + text)

    @unittest.skipUnless(hotload.HAS_ASYNC_GENERATORS and not hotload.HANDLERS_HAVE_ODD_LINES, 'left to trace')
    def test_async_functions_have_the_same_steps_and_states(self):
        self.compare(self.ASYNC)

    @unittest.skipIf(sys.version_info[0] == 2, 'the trace engine takes two errors in C with the same text for one')
    def test_it_agrees_with_the_trace_engine_on_random_programs(self):
        begin = random.randrange(10 ** 6)
        for seed in range(begin, begin + 4):
            self.compare(random_program(seed))

    def test_what_is_known_at_keyframes_of_a_longer_run(self):
        text = ('class A(object):\n    def __init__(self):\n        self.n, self.kept = 0, []\n    def add(self, v):\n'
                '        self.n += v\n        self.kept.append(self.n)\n        if v == 3:\n            self.kept = [self]\n'
                'a, d, s, l = [A(), A()], {}, set(), [0] * 5\nfor i in range(%d):\n    x = a[i %% 2]\n    x.add(i %% 4)\n'
                '    d[i %% 7] = x.n\n    l[i %% 5] = d\n    s.add(i %% 9)\n    if i %% 50 == 0:\n        a[0], d = A(), {}\n')
        short, longer = [hotload.record(text % turns, engine='rewrite') for turns in (300, 5000)]
        count = longer.steps()
        self.assertGreater(len(longer.keyframes), 4)
        self.assertEqual(picture(longer.dicts(short.steps() - 3)), picture(short.dicts(short.steps() - 3)))
        states = [picture(longer.dicts(n)) for n in range(0, count, count // 40)]
        trace = hotload.record(text % 5000)
        self.assertEqual((count, longer.approximate), (trace.steps(), []))
        self.assertEqual(states, [picture(trace.dicts(n)) for n in range(0, count, count // 40)])
        steps, places = longer._steps, longer._places
        longer._forget()                        # the same again from the log alone
        self.assertEqual((longer._index(), longer._places), (steps, places))

    def test_what_it_does_not_understand_is_left_to_the_trace_engine(self):
        for text in ('import threading\n', 'def f():\n    return locals()\nf()\n', 'import inspect\nf = inspect.stack()\n',
                     'import inspect as i\nf = getattr(i, "isclass")\n', 'from inspect import currentframe as c\n'):
            self.assertEqual(hotload.record(text, engine='rewrite').engine, 'trace')
        recording = hotload.record('import inspect\nf = inspect.isclass(object)\n', engine='rewrite')
        self.assertEqual((recording.engine, recording.state(10 ** 6)['f']), ('rewrite', True))

    def test_a_traceback_is_that_of_the_program(self):
        text = 'def f(x):\n    return x[\n        0]\ntry:\n    f([])\nexcept IndexError:\n    import traceback\n    t = traceback.format_exc()\n'
        plain = {}
        hotload.execute(compile(text, '<recorded>', 'exec', 0, True), plain)
        recording = hotload.record(text, engine='rewrite')
        self.assertEqual((recording.engine, recording.state(10 ** 6)['t']), ('rewrite', plain['t']))

    def test_nothing_of_it_is_seen_by_the_program(self):
        text = 'x, y = [1], {}\nx[0], y["k"] = y, x\nnames = sorted(globals())\nw = sum(v for v in [1])\nmore = sorted(globals())\n'
        names = hotload.record(text, engine='rewrite').state(10 ** 6)
        self.assertEqual([name for name in names['names'] + names['more'] if name.startswith('.')], [])

    def test_it_can_be_saved(self):
        recording = hotload.record('x = []\nfor i in range(3):\n    x.append(i)\n', engine='rewrite')
        recording.save(self.path('file'))
        self.assertEqual(hotload.Recording.load(self.path('file')).state(10 ** 6)['x'], [0, 1, 2])


@needs_known_syntax
class TestExactRewrite(Exactness):
    """What the trace engine must be exact on; a text that is left to that engine needs no more."""

    section = SECTION['Rewrite']
    compare = vars(TestRewrite)['compare']

    def check(self, text):
        text = textwrap.dedent(text)
        if hotload.record(text, engine='rewrite').engine == 'rewrite':
            self.compare(text)


@needs_known_syntax
class TestRewriteScript(Case):
    section = SECTION['Rewrite']

    FILES = {
        'app.py': 'import lib\nfrom pkg import part\nlib.total = 5\nx = []\nfor v in (3, part.one()):\n    x.append(lib.double(v))\n'
                  'lib.store.append(x)\ny = list(lib.gen(2))\nz = part.Counter().add(2).n\n',
        'lib.py': 'from __future__ import division\nstore, total = [], 0\ndef double(n):\n    store.append(n)\n'
                  '    return n * 2\ndef gen(n):\n    for i in range(n):\n        yield i + total\n',
        'pkg/__init__.py': '',
        'pkg/part.py': 'def one():\n    return 1\nclass Counter(object):\n    n = 0\n    def add(self, by):\n'
                       '        self.n += by\n        return self\n',
    }

    def facts(self, recording):
        """[(event, line, file, texts of the names)] of all steps."""
        found = []
        for n in range(recording.steps()):
            names = [sorted((name, hotload.show_value(value, 300).partition(' at 0x')[0]) for name, value
                            in part.items() if not name.startswith('__')) for part in recording.dicts(n)]
            found.append((recording.event(n), recording.line(n), os.path.basename(recording.path(n)), names))
        return found

    def runs(self, engine):
        """What three runs of the script are; lib.py is saved before the last."""
        self.files(self.FILES)
        step, found = hotload.RecordedScript(self.path('app.py'), engine=engine), []
        for turn in range(3):
            if turn == 2:
                self.save('lib.py', self.FILES['lib.py'].replace('n * 2', 'n * 3'))
            step.run([self.path('lib.py')] if turn == 2 else ())
            self.assertEqual((step.recording.engine, step.recording.approximate), (engine, []))
            found.append(self.facts(step.recording))
        step.close()
        for name in ('lib', 'pkg', 'pkg.part'):
            del sys.modules[name]
        return found

    def test_local_modules_are_recorded_again_and_again_as_with_trace(self):
        for one, two in zip(self.runs('trace'), self.runs('rewrite')):
            self.assertEqual(two, one)

    def test_code_that_runs_after_the_recording_leaves_nothing(self):
        self.files(self.FILES)
        step = hotload.RecordedScript(self.path('app.py'), engine='rewrite')
        step.run()
        count, size = step.recording.steps(), len(step.recording.log)
        self.assertEqual([sys.modules['lib'].double(n) for n in range(50)][-1], 98)
        self.assertEqual((step.recording.steps(), len(step.recording.log)), (count, size))
        self.assertTrue(len(step.kit.tape) < 20, len(step.kit.tape))
        step.close()

    def test_what_was_written_is_read_whatever_runs_before_it_is_asked_for(self):
        facts = []
        for later in ('', 'called', 'recorded'):
            self.files(self.FILES)
            step = hotload.RecordedScript(self.path('app.py'), engine='rewrite')
            step.run()
            first = step.recording
            if later == 'called':
                for n in range(9):
                    sys.modules['lib'].double(n)
                    sys.modules['pkg.part'].Counter().add(n)
            elif later == 'recorded':
                step.run()
                self.assertTrue(step.recording.steps())
            facts.append(self.facts(first))
            self.assertEqual(first.approximate, [])
            step.close()
            for name in ('lib', 'pkg', 'pkg.part'):
                del sys.modules[name]
        self.assertEqual(facts[1:], facts[:1] * 2)

    def test_what_was_written_goes_with_the_recording(self):
        space = {'__name__': '__main__'}
        recording = hotload.record('class A(object):\n    pass\ndef f():\n    return A()\nf().x = 1', space, engine='rewrite')
        there = hotload.weak_reference(recording)
        del recording
        hotload.wait_until(lambda: gc.collect() is not None and there() is None, 5)    # a thread looks at its size
        self.assertIsNone(there())
        self.assertEqual([type(one).__name__ for one in gc.get_objects() if isinstance(one, space['A'])], [])
        space['f']()

    def test_a_module_that_is_not_understood_leaves_the_run_to_trace(self):
        self.files(dict(self.FILES, **{'lib.py': 'import threading\n' + self.FILES['lib.py'].partition('\n')[2]}))
        step = hotload.RecordedScript(self.path('app.py'), engine='rewrite')
        step.run()
        self.assertEqual(step.recording.engine, 'trace')
        self.assertTrue('lib.py' in [fact[2] for fact in self.facts(step.recording)])
        step.close()

    def test_instrumented_modules_of_the_library_pass_their_own_tests(self):
        try:                                    # docs/benchmarks/record_transparency.py does this with all of them
            import test.test_colorsys
            import test.test_textwrap                                            # noqa: F401
        except ImportError:
            self.skipTest('the package test is not installed')
        names = ['colorsys', 'textwrap', 'test.test_colorsys', 'test.test_textwrap']
        kept = dict((name, sys.modules.pop(name)) for name in names)
        self.addCleanup(sys.modules.update, kept)
        self.save('app.py', 'import os, unittest, colorsys, textwrap\nfrom test import test_colorsys, test_textwrap\n'
                            'load, result = unittest.defaultTestLoader.loadTestsFromModule, unittest.TestResult()\n'
                            'for module in (test_colorsys, test_textwrap):\n    load(module)(result)\n'
                            'wrong = [test[1] for test in result.errors + result.failures]\ncount = result.testsRun\n')
        step = hotload.RecordedScript(self.path('app.py'), engine='rewrite')
        hotload.fresh.install(files=[hotload.source_path(kept[name].__file__) for name in names[:2]])
        self.addCleanup(hotload.fresh.remove)
        step.run()
        self.assertEqual((step.recording.engine, step.namespace['wrong']), ('rewrite', []))
        self.assertTrue(step.namespace['count'] > 20)
        self.assertTrue({'colorsys.py', 'textwrap.py'} <= set(
            os.path.basename(step.recording.path(n)) for n in range(step.recording.steps())))
        step.close()

    def test_limits_and_the_callback_are_kept_to(self):
        text, seen = 'n, out = 0, []\nwhile n < 12000:\n    n += 1\n    out.append(n)\n', []
        recording = hotload.record(text, max_steps=500, engine='rewrite')
        self.assertEqual((recording.engine, recording.steps(), recording.state(499)['n']), ('rewrite', 500, 166))
        self.assertTrue('500 steps' in str(recording.error), recording.error)
        recording = hotload.record(text.replace('n < 12000', 'True'), max_seconds=0.05, engine='rewrite')
        self.assertTrue('0.05 seconds' in str(recording.error), recording.error)
        recording = hotload.record(text, callback=lambda it: seen.append((it.steps(), it.state(10 ** 6).get('n'))),
                                   engine='rewrite')
        self.assertEqual((recording.engine, recording.error, seen[0]), ('rewrite', None, (0, None)))
        self.assertEqual([steps // 50000 for steps, _ in seen], [0] * 2 if seen[-1][0] < 50000 else [0, 1, 1])
        self.assertEqual(seen[-1], (recording.steps(), 12000))

        def enough(it):
            if it.steps():
                raise KeyError('enough')
        text = text.replace('12000', '60000')
        recording = hotload.record(text, callback=enough, engine='rewrite')
        self.assertEqual((repr(recording.error)[:8], recording.steps() < 60000), ('KeyError', True))

    def test_a_limit_that_ends_open_generators_prints_nothing(self):
        text = ('def g():\n    try:\n        while True:\n            yield 1\n    finally:\n        x = 2\n'
                'def f():\n    for one in g():\n        kept.append(one)\nkept = []\nf()\n')
        stream, stderr = io.BytesIO() if PY2 else io.StringIO(), sys.stderr
        sys.stderr = stream                     # to which Python writes of what a generator raises that it ends
        try:
            for steps in range(200, 212):
                recording = hotload.record(text, max_steps=steps, engine='rewrite')
                self.assertEqual((recording.engine, recording.steps(), recording.approximate), ('rewrite', steps, []))
        finally:
            sys.stderr = stderr
        self.assertEqual(stream.getvalue(), '')


# Programs with each kind of statement and expression. Each operand is printed, so that the order shows.
GRAMMAR = u'''
# operands from 2.7
def o(v):
    print(v)
    return v
class N(object):
    def __init__(self, v): self.v = v
    def __getattr__(self, name): print('get', name); return 1
    def __getitem__(self, k): print('item', k); return 2
    def __setitem__(self, k, v): print('set', k, v)
    def __delitem__(self, k): print('del', k)
    def __call__(self, *a, **k): print('call', a, sorted(k.items())); return self
    def __iadd__(self, x): print('iadd', x); return self
    def __lt__(self, x): print('lt'); return True
    def __contains__(self, x): print('in', x); return False
n = N(1)
a = o(1) + o(2) * o(3) - o(4)
a = o(1) if o(0) else o(2)
a = o(1) and o(0) or o(3) and not o(4)
a = o(1) < o(2) < o(1) < o(9)
a = o(5) in (o(1), o(5)), o(1) is o(2), o(1) is not o(2), o(3) not in [o(3)]
a = [o(1), (o(2), o(3)), {o(4): o(5)}, {o(6)}]
a = n(o(1), *[o(2), o(3)], k=o(4), **{'z': o(5)})
a = n.attr + n[o(1)] + n[o(1):o(2):o(3)] + n[o(1), o(2):o(3)] + n[...]
n[o(1)] = o(2)
n[o(1)] += o(2)
n.v += o(3)
n += o(4)
del n[o(1)], n[o(2):o(3)]
x = y = o([1, 2])
x[o(0)] = y[o(1)] = o(7)
(p, [q, r]), s = (o(1), [o(2), o(3)]), o(4)
x[o(0)], n[o(1)], n.w = o(1), o(2), o(3)
x, x[0], z = x, 5, 6
i, x[i] = 1, 9
a = -o(1), +o(2), ~o(3), not o(0)
a = o(7) // o(2), o(7) % o(4), o(2) ** o(3), o(1) << o(3), o(9) >> o(1)
a = o(6) & o(3), o(6) | o(3), o(6) ^ o(3), o(7) / o(2)
a = lambda p, q=o(2), *r, **s: (p, q, r, s)
b = a(o(1), o(2), o(3), z=o(4))
a = [o(i) + o(j) for i in [o(1), o(2)] if o(i) for j in (o(3),) if o(j)]
a = {o(i): o(i + 1) for i in o([1, 2])}
a = {o(i) for i in o([1, 2])}
a = list(o(i) for i in o([1, 2]) if o(i))
a = 'x' 'y', b'z', 1.5, 2j, None, True
a = 1 if n < o(3) else o(2)
a = o(3) in n

# errors from 2.7
import traceback
def o(v):
    print(v)
    return v
def show():
    print(traceback.format_exc())
def f(x):
    y = (x +
         [1][x])
    return y
class C(object):
    @property
    def p(self):
        raise ValueError(
            'p')
    def __setattr__(self, n, v):
        raise KeyError(n)
    def __iter__(self):
        yield 1
        raise OSError('it')
    def __enter__(self): return self
    def __exit__(self, *a): raise LookupError('exit')
def g():
    c = C()
    for n in range(14):
        try:
            if n == 0: f(5)
            elif n == 1: c.p
            elif n == 2: c.q = 1
            elif n == 3: a, b = 1, 2, 3
            elif n == 4:
                for i in c: o(i)
            elif n == 5:
                with c: o(1)
            elif n == 6: del zz
            elif n == 7: [][0] += 1
            elif n == 8: {}[o(1)][o(2)] = o(3)
            elif n == 9: (lambda q: q / 0)(1)
            elif n == 11: list(k / 0 for k in (1,))
            elif n == 12: assert o(0), o('msg')
            elif n == 13: raise RuntimeError('r')
        except Exception:
            show()
g()
def h():
    try:
        try:
            1 / 0
        finally:
            o('fin')
    except ZeroDivisionError as e:
        o(str(e))
        try:
            raise
        except ZeroDivisionError:
            show()
    else:
        o('no')
    try:
        o(1)
    except KeyError:
        o(2)
    else:
        o('else')
    finally:
        o('finally')
h()
def r():
    for i in range(3):
        try:
            if i == 1: continue
            if i == 2: return o('ret')
        finally:
            o(('f', i))
v = r()
while o(1):
    if o(0): pass
    else: break
while o(0):
    pass
else:
    o('welse')
for i in ():
    pass
else:
    o('felse')
f(7)

# classes from 2.7
from __future__ import division
"not a docstring"
class Meta(type):
    def __new__(mcs, name, bases, space):
        print(sorted(k for k in space if k[:2] != '__'))
        return type.__new__(mcs, name, bases, space)
M = Meta('M', (object,), {'a': 1})
class A(M):
    """Doc."""
    __slots__ = ('x', '__y')
    z = [1]
    w = [q for q in z]
    def __init__(self):
        self.x, self.__y = 1, 2
    def get(self):
        return self.__y, self.__class__.__name__
    @staticmethod
    def s(v): return v
    @classmethod
    def c(cls, v): return cls.__name__, v
    @property
    def p(self): return self.x
    @p.setter
    def p(self, v): self.x = v
    class Inner(object):
        k = 5
        __private = 3
    if z:
        y2 = 1
    for loop in range(2): pass
    del loop
class B(A):
    def get(self):
        return super(B, self).get() + (1,)
b = B()
b.p = 9
r = b.get(), b.s(1), B.c(2), b.p, A.__doc__, sorted(k for k in vars(A.Inner) if 'private' in k)
def deco(n):
    print('deco', n)
    def wrap(f):
        print('wrap', n, f.__name__)
        return f
    return wrap
@deco(1)
@deco(2)
def f(a, b=3, *c, **d):
    """F doc."""
    return a, b, c, d
@deco(3)
class D(object): pass
t = f(1, 2, 3, k=4), f.__doc__, f.__name__, f.__defaults__
def count():
    n = [0]
    def up():
        n[0] += 1
        return n[0]
    return up
up = count()
u = up(), up()
G = 0
def glob():
    global G, H
    G += 1
    H = G
    def inner():
        global G
        G = 10
    inner()
glob()
import os, os.path as op
from os.path import join as j, sep
k = j('a', 'b'), op is os.path
def gen(n):
    while n:
        got = yield n
        if got: print('got', got)
        n -= 1
g = gen(3)
l = [next(g), g.send('x')] + list(g)
exec('ex = 5')
ev = eval('ex + 1')
print(ex)
assert ex
pass

# python_2 until 2.7
def o(v):
    print v
    return v
import sys
print >>sys.stdout, o(1), o(2),
print
exec "x = 1" in globals()
y = `o(3)`
try:
    raise ValueError, 'old'
except ValueError, e:
    print e
z = 1 <> 2, 0777, 10L, u'u', ur'r'
class Old:
    def m(self): return 1
w = Old().m()
l = [q for q in (1, 2)]
print q

# python_3 from 3.6
def o(v):
    print(v)
    return v
a, *b = o([1, 2, 3])
*c, d = b
first, (*mid, last), end = 1, (2, 3, 4), 5
def kw(x, *, y=o(2), z: int = o(3)) -> o('ann'):
    return x, y, z
k = kw(1, z=4), sorted(kw.__annotations__)
class Base:
    def hi(self): return 'base'
class Kid(Base, metaclass=type):
    def hi(self):
        return super().hi() + __class__.__name__
h = Kid().hi()
def outer():
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    return inc(), inc(), n
oo = outer()
try:
    try:
        1 / 0
    except ZeroDivisionError as e:
        raise KeyError('new') from e
except KeyError as e:
    cause = type(e.__cause__).__name__
    print('e' in dir(), cause)
print('e' in globals())
def yf():
    r = yield from (i for i in o([1, 2]))
    return r
yy = list(yf())
m = [*o([1]), *o((2,))] if o(1) else 0
q = {**{'a': 1}, 'b': 2}
def defaults(a=[], *, b={}):
    a.append(1)
    b[len(b)] = a
    return a, b
defaults()
dd = defaults()
x: int = 5
class Ann:
    y: int
    z: str = 'q'
    def __init__(self): self.w: int = 3
an = Ann().w, sorted(Ann.__annotations__)
name = 'n'
f = f'{name!r:>5} {o(3)} {o(4):{o(6)}}'

# python_3_8 from 3.8
def o(v):
    print(v)
    return v
def pos(a, /, b, *, c): return a, b, c
p = pos(1, 2, c=3)
if (n := o(5)) > 3:
    print(n)
w = [y := o(1), y ** 2]
l = [z for v in [1, 2] if (z := v)]
def f():
    if (k := o(2)):
        return [j for i in (1, 2) if (j := i + k)], j
r = f()
print(f'{n=}')
while (n := n - 1):
    pass

# match from 3.10
class Pt:
    __match_args__ = ('x', 'y')
    def __init__(self, x, y): self.x, self.y = x, y
def o(v):
    print(v)
    return v
def m(v):
    match v:
        case 1 | 2:
            return 'small'
        case {'k': kv, **rest}:
            return kv, rest
        case [a, b, *more] if o(len(more)):
            return a, b, more
        case [x]:
            return x
        case Pt(x=0, y=yy):
            return yy
        case Pt(px, py):
            return px, py
        case str() as s:
            return s
        case None | True:
            return 'const'
        case -1.5:
            return 'neg'
        case _:
            return 'other'
r = [m(v) for v in (1, {'k': 1, 'z': 2}, [1, 2], [1, 2, 3], [7], Pt(0, 4), Pt(1, 2), 'txt', None, -1.5, 9)]
match o(3), o(4):
    case (3, got):
        print(got)
    case _:
        pass
with open(__import__('os').devnull) as f1, open(__import__('os').devnull) as f2:
    both = f1.closed, f2.closed

# except_star from 3.11
def f(n):
    try:
        raise ExceptionGroup('g', [ValueError(1), KeyError(2)])
    except* ValueError as e:
        print('v', e.exceptions)
    except* KeyError:
        print('k')
    else:
        print('else')
    finally:
        print('fin')
f(1)
a = [1, 2]
t = {}
t[*a] = 3

# type_parameters from 3.12
type A[T] = list[T]
def f[T](x: T) -> T:
    return x
class B[T]:
    def g(self, x: T): return x
r = f(1), B().g(2), A.__name__
print(f"{'a' + f'{1}'}")

# async from 3.6
def run(c):
    try:
        while True: c.send(None)
    except StopIteration as e:
        return e.value
class Aw:
    def __await__(self):
        got = yield 1
        return 'aw'
class CM:
    async def __aenter__(self): print('in'); return self
    async def __aexit__(self, *e): print('out'); return True
class It:
    def __init__(self): self.n = 0
    def __aiter__(self): return self
    async def __anext__(self):
        self.n += 1
        if self.n > 2: raise StopAsyncIteration
        return self.n
async def agen(n):
    for i in range(n):
        await Aw()
        yield i
async def inner(n):
    await Aw()
    return n
async def main():
    r = [await inner(1), await Aw()]
    async with CM() as c, CM():
        r.append(await inner(2))
        raise KeyError('x')
    async for v in It():
        r.append(v)
    else:
        r.append('else')
    async for v in agen(2):
        r.append(v)
    r += [v async for v in agen(3) if v]
    r.append({v: await inner(v) async for v in It()})
    return r
res = run(main())

# yield_from from 3.3
def inner(n):
    for i in range(n):
        got = yield i
        print('got', got)
    return n * 10
def outer():
    x = yield from inner(2)
    y = yield from [7, 8]
    z = yield from (k for k in (5, 6))
    return x, y, z
g = outer()
r = [next(g), g.send('a'), g.send('b')]
try:
    while True:
        r.append(next(g))
except StopIteration as e:
    v = e.value
def deep(n):
    if n:
        yield n
        yield from deep(n - 1)
        yield -n
d = list(deep(4))

# delegation from 3.3
log = []
def inner():
    try:
        yield 1
        yield 2
    except KeyError as e:
        log.append('key')
        yield 'caught'
    finally:
        log.append('fin')
def outer():
    try:
        a = yield from inner()
    except ValueError:
        log.append('value')
        yield 'v'
    finally:
        log.append('outer')
g = outer()
a = [next(g), g.throw(KeyError('x'))]
try:
    next(g)
except StopIteration:
    log.append('stop')
g = outer()
a.append(next(g))
a.append(g.throw(ValueError('y')))
g.close()
g = outer()
next(g)
g.close()
class It(object):
    def __init__(self): self.n = 0
    def __iter__(self): return self
    def __next__(self):
        self.n += 1
        if self.n > 2: raise StopIteration
        return self.n
    def throw(self, *a):
        log.append('thrown')
        return 'T'
def o2():
    yield from It()
    return (yield from It())
b = list(o2())
g = o2()
b.append(next(g))
b.append(g.throw(KeyError))
b.append(next(g))
def o3():
    print((yield from ()), (yield from 'ab'))
c = list(o3())
def bad():
    yield from 5
try:
    list(bad())
except TypeError as e:
    c.append(str(e))
def o4():
    yield from inner2()
def inner2():
    yield 1
    raise IndexError('boom')
list(o4())

# names_of_functions from 2.7
def f(a, b=2):
    c = a + b
    print('%(a)s %(c)s' % locals())
    print(sorted(locals()))
    print(dir(), vars([]) if 0 else vars(type)['__name__'] is not None)
    return eval('a * c')
x = f(3)

# names_of_objects from 2.7
class A(object):
    def __init__(self): self.v = 1
def f(o):
    r = []
    r.append(dir(o)[-1])
    r.append(vars(o)['v'])
    return r
z = f(A())

# globals from 2.7
def f():
    return sorted(k for k in globals() if k[:2] != '__')
x = {}
x[len(f())] = f()
class O(object): pass
o = O()
o.v, x[1] = f(), f()
o.v += f()
y = [f()].pop()
z = [1]
z.append(len(f()))

# loop_over_globals from 2.7
a = {}
class O(object): pass
o = O()
b = i = None
for i in globals():
    a[str(i)] = 1
    o.x = i
    a.setdefault(i, [])
    o.x += 'k'
b = sorted(k for k in a if k[:1] == '.')
'''


@needs_known_syntax
class TestGrammar(Case):
    """Instrumented programs behave as they do without, and have the steps and states of the trace engine."""

    section = SECTION['Rewrite']
    # left to the trace engine
    LEFT = ['except_star', 'type_parameters'] + ['async'] * hotload.HANDLERS_HAVE_ODD_LINES

    def programs(self):
        """{name: text} of those that this Python knows."""
        found = {}
        for part in re.split(r'(?m)^# (?=\w+ (?:from|until) )', GRAMMAR)[1:]:
            head, _, text = part.partition('\n')
            name, word, version = head.split()
            version = tuple(map(int, version.split('.')))
            if sys.version_info >= version if word == 'from' else sys.version_info[:2] <= version:
                found[name] = str(text)
        return found

    def behaviour(self, run):
        """(what it prints, its error with the places of its traceback, its names)."""
        names, stdout, error = {'__name__': '__main__'}, sys.stdout, None
        sys.stdout = stream = Stream()
        try:
            error = run(names)
        finally:
            sys.stdout = stdout
        if error is not None:
            places = [tuple(place)[1:3] for place in traceback.extract_tb(hotload.traceback_of(error))
                      if tuple(place)[0] == '<recorded>']
            error = type(error), str(error), places
        return stream.getvalue(), error, sorted(name for name in names if not name.startswith('__'))

    def test_each_kind_of_statement_and_expression_does_what_it_does_without(self):
        seen, compare = set(), vars(TestRewrite)['compare']
        for name, text in sorted(self.programs().items()):
            def plain(names):
                try:
                    hotload.execute(compile(text, '<recorded>', 'exec', 0, True), names)
                except Exception as error:
                    hotload.set_traceback(error, sys.exc_info()[2])
                    return error

            def recorded(names):
                recording = hotload.record(text, names, engine='rewrite')
                self.assertEqual(recording.engine, 'trace' if name in self.LEFT else 'rewrite', name)
                return recording.error
            self.assertEqual(self.behaviour(recorded), self.behaviour(plain), name)
            if name not in self.LEFT:
                stdout = sys.stdout
                sys.stdout = Stream()
                try:
                    compare(self, text)
                finally:
                    sys.stdout = stdout
            seen.update(type(node) for node in ast.walk(ast.parse(text)))
        kinds = [kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(
            kind, (ast.stmt, ast.expr, getattr(ast, 'pattern', ast.stmt))) and kind.__module__ in ('_ast', 'ast')]
        old = ['Num', 'Str', 'Bytes', 'NameConstant', 'Ellipsis'] if sys.version_info >= (3, 8) else ['Constant']
        missing = sorted(kind.__name__ for kind in set(kinds) - seen - set([ast.stmt, ast.expr, getattr(
            ast, 'pattern', None)]))
        self.assertEqual([name for name in missing if name not in old and not name.startswith('_ast_')], [])


##############################################################################
## 44. Player -- what a browser knows of a recording
##############################################################################

class TestPageText(Case):
    section, needs = SECTION['Player'], SECTION['Export']

    def test_the_text_of_the_page_is_small_readable_and_refers_to_nothing_outside(self):
        text = hotload.PLAYER_SCRIPT + hotload.PAGE_SCRIPT + hotload.PAGE_STYLE + hotload.PAGE_HTML
        self.assertTrue(len(text.encode('ascii')) <= 40 * 1024, len(text))
        for word in ('://', 'innerHTML', 'outerHTML', 'insertAdjacent', 'document.write', 'eval(', 'import(', 'fetch(',
                     '@import', 'url(', 'src=', 'href='):
            self.assertFalse(word in text, word)


##############################################################################
## 45. Page -- what it shows of it
##############################################################################

def find_browser():
    """The path of Chromium. HOTLOAD_BROWSER names another, or is empty where another Python tries the page."""
    if os.environ.get('HOTLOAD_BROWSER') == '':
        raise unittest.SkipTest('another Python tries the page in a browser')
    for name in [os.environ.get('HOTLOAD_BROWSER'), 'chromium', 'chromium-browser', 'google-chrome']:
        for folder in os.environ.get('PATH', '').split(os.pathsep):
            if name and os.access(os.path.join(folder, name), os.X_OK):
                return os.path.join(folder, name)
    raise unittest.SkipTest('no chromium here')


class Browser(object):
    """Chromium without a window, told in its own language (the DevTools protocol) over two pipes."""

    OPTIONS = ('--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking '
               '--disable-component-update --disable-sync --disable-dev-shm-usage --remote-debugging-pipe').split()

    def __init__(self, program, folder):
        low = [os.open(os.devnull, os.O_RDONLY)]
        while low[-1] < 4:                      # it reads from 3 and writes to 4
            low.append(os.open(os.devnull, os.O_RDONLY))
        (its_input, self.to), (self.of, its_output) = os.pipe(), os.pipe()

        def place_pipes():
            os.dup2(its_input, 3)
            os.dup2(its_output, 4)
        with open(os.devnull, 'r+b') as nothing:
            self.child = subprocess.Popen([program] + self.OPTIONS + ['--user-data-dir=' + folder, 'about:blank'],
                                          stdin=nothing, stdout=nothing, stderr=nothing, close_fds=False,
                                          preexec_fn=place_pipes)
        for descriptor in low + [its_input, its_output]:
            os.close(descriptor)
        self.data, self.count, self.session, self.events = b'', 0, None, []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.call(domain + '.enable')

    def read(self, limit=60):
        end = time.time() + limit
        while b'\0' not in self.data:
            if not select.select([self.of], [], [], max(0, end - time.time()))[0]:
                raise AssertionError('the browser says nothing')
            part = os.read(self.of, 1 << 20)
            if not part:
                raise AssertionError('the browser ended')
            self.data += part
        one, _, self.data = self.data.partition(b'\0')
        return json.loads(one.decode('utf-8'))

    def call(self, method, **params):
        self.count += 1
        message = {'id': self.count, 'method': method, 'params': params}
        if self.session is not None:
            message['sessionId'] = self.session
        os.write(self.to, json.dumps(message).encode('ascii') + b'\0')
        while True:
            answer = self.read()
            if answer.get('id') == self.count:
                if 'error' in answer:
                    raise AssertionError('%s: %s' % (method, answer['error']))
                return answer['result']
            self.events.append(answer)

    def run(self, script):
        """The value of an expression in the page."""
        answer = self.call('Runtime.evaluate', expression=script, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise AssertionError('%s: %s' % (script, json.dumps(answer['exceptionDetails'])[:1000]))
        return answer['result'].get('value')

    def open(self, path, hash=''):
        """Open a file as a page, which must say nothing of errors and ask for nothing else."""
        del self.events[:]
        self.call('Page.navigate', url='about:blank')
        self.call('Page.navigate', url='file://' + path + hash)
        self.wait_for_load(path)

    def wait_for_load(self, path):
        end = time.time() + 60
        while not self.run('document.readyState === "complete" && location.href.includes(%s)' % json.dumps(
                os.path.basename(path))):
            if time.time() > end:
                raise AssertionError('the page does not load')
            time.sleep(0.01)

    def complaints(self):
        return [event for event in self.events if event.get('method') in ('Runtime.exceptionThrown', 'Log.entryAdded')
                or event.get('method') == 'Network.requestWillBeSent'
                and not event['params']['request']['url'].startswith(('file:///', 'about:'))]

    def press(self, key, *modifiers):
        bits = sum({'Alt': 1, 'Shift': 8}[name] for name in modifiers)
        text = {'text': key} if len(key) == 1 else {'text': '\r'} if key == 'Enter' else {}
        code = {'Tab': 9, 'Enter': 13, 'ArrowLeft': 37, 'ArrowRight': 39, 'Home': 36, 'End': 35}.get(key, 0)
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, modifiers=bits, windowsVirtualKeyCode=code,
                      **(text if kind == 'keyDown' else {}))

    def look(self, width, height, scheme='light', is_phone=False):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1,
                  mobile=is_phone)
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def picture(self, path):
        import base64
        with open(path, 'wb') as stream:
            stream.write(base64.b64decode(self.call('Page.captureScreenshot', format='png')['data']))

    def close(self):
        self.child.kill()
        self.child.wait()
        os.close(self.to)
        os.close(self.of)


@needs_posix
@needs_processes
class TestPage(Case):
    """The page in a real browser: one for all tests."""

    section, needs, browser = SECTION['Page'], SECTION['Export'], None
    SHOP = '''"""A small shop: who pays what, and one mistake."""


class Basket(object):
    def __init__(self, owner):
        self.owner = owner
        self.items = []

    def add(self, name, price, count=1):
        self.items.append((name, price * count))
        return self


def total(basket, discount=0):
    found = 0
    for name, price in basket.items:
        found += price          # in cents
    return found - found * discount // 100


baskets = [Basket('Ada'), Basket('Grace')]
best = baskets[0]
best.add('tea', 350, 2).add('cake', 420)
baskets[1].add('coffee', 280)
prices = {}
for basket in baskets:
    prices[basket.owner] = total(basket, discount=10)
    print('%s pays %d' % (basket.owner, prices[basket.owner]))
while prices:
    print('on average', sum(prices.values()) // (len(prices) - 1))
    prices.popitem()
'''

    @classmethod
    def setUpClass(cls):
        program = find_browser()
        cls.home = tempfile.mkdtemp(prefix='hotload-browser-')
        cls.browser = Browser(program, cls.home)

    @classmethod
    def tearDownClass(cls):
        if cls.browser is not None:
            cls.browser.close()
            shutil.rmtree(cls.home, True)

    def open(self, text, hash='', **how):
        """The recording of a program; its page is opened."""
        if not isinstance(text, hotload.Recording):
            text = hotload.record(textwrap.dedent(text).lstrip('\n'))
        self.recording = text
        self.recording.to_html(self.path('page.html'), **how)
        self.browser.open(self.path('page.html'), hash)
        self.assertEqual(self.browser.complaints(), [])
        return self.browser

    def step(self):
        return self.browser.run('first + current')

    def shown(self, name):
        return self.browser.run('document.getElementById(%s).innerText' % json.dumps(name))

    CALLS = '''
        def add(box, item):
            box.append(item)
            return len(box)
        box = []
        for n in range(3):
            size = add(box, n)
            print('size %d' % size)
        other = box
    '''

    def test_keys_and_buttons_move_step_by_step_and_over_calls(self):
        browser = self.open(self.CALLS)
        self.assertEqual(self.step(), 0)
        for key, shift, way in [('ArrowRight', (), 1)] * 6 + [('ArrowLeft', (), -1)] * 2:
            before = self.step()
            browser.press(key, *shift)
            self.assertEqual(self.step(), before + way)
        calls, visits = hotload.Calls(self.recording), self.recording.visits(6)
        browser.run('go(%d)' % visits[0])
        browser.press('ArrowRight', 'Shift')
        self.assertEqual(self.step(), calls.over(visits[0]))
        self.assertEqual(self.recording.line(self.step()), 7)
        browser.press('ArrowLeft', 'Shift')
        self.assertEqual(self.step(), visits[0])
        browser.press('End')
        self.assertEqual(self.step(), self.recording.steps() - 1)
        browser.press('ArrowRight')
        self.assertEqual(self.step(), self.recording.steps() - 1)
        browser.press('Home')
        self.assertEqual(self.step(), 0)
        inside = self.recording.visits(3)[1]
        browser.run('go(%d)' % inside)
        browser.press('o')
        self.assertEqual(self.step(), calls.out(inside))
        browser.run('document.querySelector("button[aria-label=Back]").click()')
        self.assertEqual(self.step(), calls.out(inside) - 1)
        browser.run('$("slider").value = 5; $("slider").oninput({target: $("slider")})')
        self.assertEqual(self.step(), 5)

    def test_variables_output_stack_lines_and_what_changed(self):
        browser = self.open(self.CALLS)
        # in add, after the append
        n = [n for n in self.recording.visits(3) if self.recording.event(n) == 'line'][2]
        browser.run('go(%d)' % n)
        self.assertEqual(browser.run('document.querySelector(".now").dataset.line'), '3')
        names = self.shown('names')
        self.assertTrue('In add' in names and 'box = [0, 1, 2]' in names and 'item = 2' in names, names)
        self.assertEqual(browser.run('Array.from(document.querySelectorAll(".changed > .name"), e => e.textContent)'),
                         ['box', 'box'])
        self.assertEqual(set(browser.run('Array.from(document.querySelectorAll(".mark"), e => e.textContent)')),
                         set(['#1']))
        self.assertEqual(self.shown('output').strip(), 'size 1\nsize 2')
        stack = self.shown('stack').split('\n')
        self.assertTrue(stack[0].startswith('add') and stack[0].endswith(':3') and stack[1].endswith(':6'), stack)
        browser.run('document.querySelectorAll("#stack button")[1].click()')
        self.assertEqual(browser.run('document.querySelector(".now").dataset.line'), '6')
        self.assertFalse('In add' in self.shown('names'))
        for line in range(1, 9):                        # hits are counted as the recording counts
            hits = browser.run('document.querySelector(".row[data-line=\\"%d\\"] .hits").textContent' % line) or '0'
            wanted = [n for n in self.recording.visits(line) if self.recording.event(n) == 'line'
                      or self.recording.event(n) == 'call' and n]
            self.assertEqual(int(hits), len(wanted), 'line %d' % line)
        browser.run('go(0); document.querySelector(".row[data-line=\\"7\\"]").click()')
        self.assertEqual(self.step(), self.recording.visits(7)[0])
        browser.run('document.querySelector(".row[data-line=\\"7\\"]").dispatchEvent('
                    'new MouseEvent("click", {bubbles: true, shiftKey: true}))')
        self.assertEqual(self.step(), self.recording.visits(7)[2])

    def test_changes_of_a_variable_are_those_of_the_recording(self):
        browser = self.open(self.CALLS)
        browser.run('document.querySelector("[data-key=\\"n/box\\"]") || go(20);'
                    'document.querySelector("[data-key=\\"n/box\\"]").click()')
        self.assertEqual(browser.run('listed.rows.map(row => first + row.step)'),
                         [change[0] for change in hotload.Recording.changes(self.recording, 'size')]
                         and browser.run('changesOf("box", null).map(row => first + row.step)'))
        for name, frame in (('size', None), ('n', None), ('other', None)):
            self.assertEqual(browser.run('changesOf(%s, %s).map(row => first + row.step)' % (
                json.dumps(name), json.dumps(frame))), [change[0] for change in self.recording.changes(name)])
        text = self.shown('history-list')
        self.assertTrue('[0, 1, 2]' in text and '[0, 1]' in text, text)
        browser.run('go(0); document.querySelector("#history-list [aria-label=\\"Next change\\"]").click()')
        self.assertEqual(self.step(), browser.run('first + listed.rows[0].step'))

    CONDITIONS = ['x > 2', 'x == 2.0', 'x >= 1 and x < 3', "name == 'b' or x == 4", '1 <= x < 3', "'b' in name",
                  'x in [1, 3]', 'items == [1, 2]', 'items < [1, 3]', '2 in items', '2 not in items', 'x in (1, 9)',
                  "table == {'a': 1}", 'items == (1, 2)', '0 == False and x == 1', "pair in [(1, (2, 3))]", 'x < True',
                  "'a' in table", 'pair == (1, (2, 3))', 'pair < (2,)', 'flag == True', 'flag == 1', 'x != None',
                  'big == 100000000000000000001', 'big > 1e20', "(x > 1 and name == 'b') or (x == 0)", 'missing == 1',
                  'name < 3', 'kinds == {1, 2}', 'kinds > {1}', 'x == -1', "data == b'a\\x00'", 'half < 0.6', 'x == y',
                  "name != 'a' and items != []", 'nothing == None', "name == 'it\\'s'", 'deep == [[1], {2: (3,)}]']

    def test_conditions_mean_what_they_mean_in_when(self):
        browser = self.open("""
            x, y, name, items, table, flag, nothing = 0, 1, 'a', [], {}, False, None
            pair, big, kinds, data, half, deep = (1, (2, 3)), 10 ** 20, set(), b'a\\x00', 0.5, [[1], {2: (3,)}]
            for x in range(5):
                items.append(x)
                del items[3:]
                if x == 2:
                    items.remove(0)
                    name, table['a'], flag = 'b', 1, True
                kinds.add(x)
                big += 1
            name = "it's"
            x = -1
            deep[1][2] = (4,)
            half = float('inf')
        """)
        for condition in self.CONDITIONS:
            if PY2 and 'kinds' in condition:        # its literal_eval() knows no sets
                continue
            self.assertEqual(browser.run('stepsWhen(%s)' % json.dumps(condition)), self.recording.when(condition),
                             condition)
        for wrong in ('x', 'x = 1', 'x ==', 'f(x) == 1', 'not x == 1', 'x == 1 or', "x == 'a", 'x.y == 1', '(x == 1',
                      '', 'x == (y, 1)', 'x in [y]', 'x == 1 y == 2'):
            self.assertRaises(Exception, self.recording.when, wrong)
            self.assertTrue(browser.run('(() => { try { stepsWhen(%s); return false } catch (error) { return '
                                        'error instanceof SyntaxError } })()' % json.dumps(wrong)), wrong)
        browser.run('go(0); $("test").value = "x == 3"; $("find").requestSubmit()')
        self.assertEqual(self.step(), self.recording.when('x == 3')[0])
        self.assertTrue('of %d' % len(self.recording.when('x == 3')) in self.shown('found'))

    def test_hostile_values_are_text(self):
        hostile = [u'</script><script>window.bad = 1</script>', u'<img src=x onerror="window.bad = 1">', u'\'"`${1}\\',
                   u'a\u202eb\u2066c', u'\x00\x07\x1b[31m\r\n', u'<!--', u']]>', u'\u2028\u2029', u'&lt;&#60;']
        program = u'# </script><script>window.bad = 1</script> \u202e\n'
        program += u'class A(object):\n    pass\na = A()\nnames = []\n'
        program += u''.join(u'names.append(%s)\n' % json.dumps(text) for text in hostile)
        program += u'names.append("x" * 1000000)\nd = {"</script>": "<b>", (1, "\\"<i>"): names}\n' \
                   u'setattr(a, "</script><b>", names)\nprint("</script><script>window.bad = 1</script>\\x1b")\n' \
                   u'raise ValueError("</script><script>window.bad = 1</script>")\n'
        if not PY2:
            program = program.replace(u'd = {', u's = "\\ud800 \\udfff"\nd = {')
        browser = self.open(hotload.record(program.encode('utf-8') if PY2 else program))
        for n in range(self.recording.steps()):
            browser.run('go(%d)' % n)
        for path in ('/a', '/names', '/d'):
            browser.run('toggled.set(%s, true); again()' % json.dumps(path))
        names = self.shown('names')
        self.assertTrue('(1,000,000 long)' in names, names[-600:])
        for letter in u'\u202e\u2066\x00\x1b\u2028':
            self.assertFalse(letter in browser.run('document.body.innerText + document.title'), repr(letter))
        self.assertTrue('window.bad' in self.shown('failure') and 'window.bad' in self.shown('output'))
        self.assertEqual(browser.run('[window.bad, document.querySelectorAll("img, main script, b b, i").length]'),
                         [None, 0])
        self.assertEqual(browser.complaints(), [])
        browser.run('document.body.append(make("script", {textContent: "window.bad = 2"}))')
        self.assertEqual(browser.run('window.bad'), None)               # the policy holds
        self.assertTrue(browser.run('fetch("https://example.org/").then(() => false, () => true)'))

    def test_what_is_shared_many_times_and_what_holds_itself_takes_no_time(self):
        browser = self.open("""
            x, y, z = (), [], {}
            for n in range(60):
                y, z = [y, y], {'a': z, 'b': z}
                if n < 9:
                    x = (x, (x, x))
            y.append(y)
            z['z'] = z
            end = 1
        """)
        browser.press('End')
        browser.run('toggled.set("/x", true); toggled.set("/y", true); toggled.set("/y/2", true); again()')
        self.assertTrue('...' in self.shown('names'))
        self.assertEqual(browser.run('stepsWhen("x == 1 or end == 1")'), self.recording.when('x == 1 or end == 1'))
        self.assertEqual(browser.run('changesOf("n", null).length'), len(self.recording.changes('n')))

    def test_windows_have_the_calls_around_them(self):
        recording = hotload.record(textwrap.dedent("""
            def deep(n, box):
                box.append(n)
                if n:
                    deep(n - 1, box)
                return len(box)
            for turn in range(3):
                deep(5, [])
        """))
        n = recording.visits(6)[4]
        browser = self.open(recording, first=n - 3, last=n + 5)
        browser.run('go(3)')
        wanted = [at for _, at in hotload.Calls(recording).stack(n)][::-1]
        for place, at in enumerate(wanted):
            browser.run('document.querySelectorAll("#stack button")[%d].click()' % place)
            self.assertEqual(browser.run('document.querySelector(".now").dataset.line'), str(recording.line(at)))
            inner = recording.dicts(at)[1]
            for name in inner and ['n']:
                self.assertTrue('n = %d' % inner['n'] in self.shown('names'), self.shown('names'))
        self.assertTrue('only' in self.shown('notes'))
        self.assertEqual(self.step(), n)

    def test_what_is_approximate_is_marked(self):
        recording = hotload.record('x = 1\ny = 2\nz = 3\n')
        recording.approximate.append((2, 3, 'late <b>'))
        browser = self.open(recording)
        self.assertTrue('Approximate from step 2 to 3: late <b>.' in self.shown('notes'), self.shown('notes'))
        for n in range(recording.steps()):
            browser.run('go(%d)' % n)
            self.assertEqual(u'\u2248' in self.shown('status'), n in (2, 3), n)

    def test_each_file_is_shown_and_what_it_has_not_either(self):
        self.save('helper.py', u'def double(n):\n    return 2 * n   # \u00e4\n')
        self.save('app.py', 'import helper\nx = helper.double(4)\n')
        script = hotload.RecordedScript(self.path('app.py'), engine='trace')
        loop = hotload.Loop([self.path('app.py')], [script])
        loop.run()
        loop.close()
        browser = self.open(script.recording)
        self.assertEqual(browser.run('Array.from($("file").options, e => e.text)'), [
            self.path('app.py'), self.path('helper.py')])
        browser.run('go(visitsOf(1, 2)[0])')
        self.assertEqual((browser.run('$("file").value'), browser.run('document.querySelector(".now").dataset.line')),
                         ('1', '2'))
        self.assertTrue(u'# \u00e4' in self.shown('code'))
        self.assertTrue('app.py:2' in self.shown('stack'))
        code = compile('a = 1\n\nb = 2\n', self.path('gone.py'), 'exec')
        browser = self.open(hotload.record(code))
        browser.press('End')
        self.assertEqual(browser.run('document.querySelectorAll(".row").length'), 3)

    def test_an_error_is_where_the_page_begins(self):
        browser = self.open('''
            def f(x):
                return 1 // x
            for n in (2, 1, 0):
                f(n)
        ''')
        self.assertEqual(self.step(), hotload.error_step(self.recording))
        self.assertEqual((self.recording.event(self.step()), self.recording.line(self.step())), ('exception', 2))
        self.assertTrue('ZeroDivisionError' in self.shown('failure'))
        browser.press('Home')
        browser.press('e')
        self.assertEqual(self.step(), hotload.error_step(self.recording))

    def test_it_stays_at_its_step_when_it_was_written_again(self):
        browser = self.open(self.CALLS)
        browser.run('go(7); toggled.set("/box", true)')
        text = textwrap.dedent(self.CALLS).lstrip('\n').replace('range(3)', 'range(5)')
        hotload.record(text).to_html(self.path('page.html'))
        browser.run('window.isOld = true')
        wait_for(lambda: browser.run('location.hash') == '#7')
        browser.call('Page.reload')
        wait_for(lambda: browser.run('typeof isOld === "undefined" && document.readyState === "complete"'))
        self.assertEqual([self.step(), browser.run('toggled.get("/box")')], [7, True])
        self.open('x = 1', hash='#7')                   # the last, where the run is shorter now
        self.assertEqual(self.step(), self.recording.steps() - 1)

    def test_each_button_and_field_has_a_name_and_the_order_of_focus_is_that_of_the_page(self):
        browser = self.open(self.CALLS, hash='#12')
        nodes = browser.call('Accessibility.getFullAXTree')['nodes']
        nameless = [node for node in nodes if node.get('role', {}).get('value') in (
            'button', 'slider', 'textbox', 'spinbutton', 'combobox', 'region', 'search') and not node['ignored']
            and not (node.get('name') or {}).get('value') and node['role']['value'] != 'search']
        self.assertEqual(nameless, [])
        roles = set(node['role']['value'] for node in nodes if 'role' in node)
        self.assertTrue(roles >= set(['banner', 'navigation', 'main', 'region', 'status', 'slider', 'list', 'heading']),
                        roles)
        seen = []
        browser.run('document.activeElement.blur()')
        for _ in range(60):
            browser.press('Tab')
            seen.append(browser.run('''(e => {
                const place = e.closest("section, nav, header");
                return place && place.tagName + place.id;
            })(document.activeElement)'''))
        order = [place for at, place in enumerate(seen) if place and place not in seen[:at]]
        self.assertEqual(order[:3], ['NAV', 'SECTIONsource', 'SECTIONsaid'])
        browser.run('document.querySelector("[data-key=\\"n/box\\"]").focus()')
        browser.press('ArrowRight')                     # the focus stays where it was
        self.assertEqual(browser.run('document.activeElement.dataset.key'), 'n/box')

    def test_it_fits_a_phone_and_has_a_dark_side(self):
        browser = self.open(self.CALLS, hash='#12')
        for width, scheme in ((1000, 'light'), (390, 'dark'), (1400, 'dark'), (320, 'light')):
            browser.look(width, 800, scheme, width < 600)
            self.assertTrue(browser.run('document.documentElement.scrollWidth') <= width, width)
            dark = browser.run('getComputedStyle(document.body).backgroundColor')
            self.assertEqual(dark == 'rgb(255, 255, 255)', scheme == 'light')
        browser.call('Emulation.setEmulatedMedia', media='print')
        self.assertEqual(browser.run('getComputedStyle($("slider")).display'), 'none')
        browser.call('Emulation.setEmulatedMedia', media='')
        browser.look(1000, 800)

    def test_a_long_run_opens_and_moves_at_once(self):
        recording = hotload.record(textwrap.dedent('''
            import random
            random.seed(1)
            def swap(items, i):
                items[i], items[i + 1] = items[i + 1], items[i]
            items = [random.randrange(1000) for _ in range(60)]
            counts = {}
            for end in range(len(items) - 1, 0, -1):
                for i in range(end):
                    counts[i] = counts.get(i, 0) + 1
                    if items[i] > items[i + 1]:
                        swap(items, i)
        '''))
        browser = self.open(recording)
        worst = browser.run('''(() => {
            let worst = 0;
            for (const step of [1, total - 1, 5, total >> 1, (total >> 1) + 1]) {
                const begin = performance.now();
                go(step);
                document.body.offsetWidth;
                worst = Math.max(worst, performance.now() - begin);
            }
            return worst;
        })()''')
        self.assertTrue(worst < 1000, worst)            # 5 to 20 ms on an idle machine: docs/benchmarks/page.py
        for n in (0, 1, 777, recording.steps() // 2, recording.steps() - 1):
            browser.run('go(%d)' % n)
            items = recording.state(n).get('items')
            shown = browser.run('''(() => {
                const at = places[current], value = lookUp(moduleOf(spaces[current]), "items", at);
                return value === undefined ? null
                    : contentOf(objectOf(value), at).items.map(part => Number(values[part]));
            })()''')
            self.assertEqual(shown, items, 'step %d' % n)

    @unittest.skipUnless(os.environ.get('HOTLOAD_PICTURES'), 'HOTLOAD_PICTURES=docs makes the pictures in docs again')
    def test_make_the_pictures_in_docs(self):
        script = hotload.RecordedScript(self.save('shop.py', self.SHOP))
        self.assertRaises(ZeroDivisionError, script.run)
        browser = self.open(script.recording)
        folder = os.path.join(HERE, os.environ['HOTLOAD_PICTURES'])
        for name, width, scheme in (('page', 1000, 'light'), ('page-dark', 1000, 'dark'), ('page-phone', 390, 'light')):
            browser.look(width, 800, scheme, width < 600)
            browser.run('go(%d); toggled.set("/baskets", true); again()' % script.recording.visits(17)[1])
            browser.picture(os.path.join(folder, name + '.png'))


##############################################################################
## 46. Export -- a recording as one HTML file
##############################################################################

class PageStates(object):
    """The states in the data of a page, as picture() shows them: what the script does, done in Python."""

    def __init__(self, recording, first=None, last=None):
        self.text = hotload.page_text(recording, first, last)[0]
        self.data = json.loads(self.text.partition('id="data">')[2].partition('</script>')[0])
        self.first, self.last = self.data['first'], self.data['last']
        self.contents = [self.filled(row[0], row[3]) for row in self.data['objects']]

    @staticmethod
    def filled(kind, items):
        if kind in ('dict', 'space', 'class'):
            return collections.OrderedDict(zip(items[::2], items[1::2]))
        return collections.OrderedDict((part, part) for part in items) if kind == 'set' else list(items)

    def walk(self):
        """[names of the module, names of the frame] as picture() has them, at each step."""
        log, at, space = self.data['log'], 0, self.data['space']
        while at < len(log):
            op = log[at]
            if op >= 0:
                yield self.picture(space)
                at += 1
            elif op == -1:
                space, at = log[at + 1], at + 2
            elif op == -2:
                at += 2
            else:
                at = self.change(op, log, at)

    def change(self, op, log, at):
        number = log[at + 1]
        content = self.contents[number]
        if op == -3:
            content[log[at + 2]] = log[at + 3]
        elif op == -4:
            del content[log[at + 2]]
        elif op == -5:
            content.append(log[at + 2])
        elif op == -6:
            content[log[at + 2]:log[at + 3]] = log[at + 5:at + 5 + log[at + 4]]
            return at + 5 + log[at + 4]
        else:
            self.contents[number] = self.filled(self.data['objects'][number][0], log[at + 4:at + 4 + log[at + 3]])
            return at + 4 + log[at + 3]
        return at + (4 if op == -3 else 3)

    def places(self):
        """The places of the steps in the log."""
        log, at = self.data['log'], 0
        while at < len(log):
            op = log[at]
            if op >= 0:
                yield at
            at += 1 if op >= 0 else {-1: 2, -2: 2, -3: 4, -4: 3, -5: 3}.get(op) or (
                5 + log[at + 4] if op == -6 else 4 + log[at + 3])

    def picture(self, space):
        self.numbers = {}
        row = self.data['objects'][space]
        spaces = [row[2]] + [space] * (row[1] != '<module>')
        found = [self.names([(self.key(key), value) for key, value in self.contents[number].items()])
                 for number in spaces]
        return found if len(found) == 2 else found + [[]]

    def key(self, value):
        return ast.literal_eval(self.data['values'][value])

    def names(self, pairs):
        return [(name, self.look(value)) for name, value in sorted(pairs) if not name.startswith(('__', '.'))]

    def attributes(self, number):
        row, content = self.data['objects'][number], self.contents[number]
        head = self.data['values'][content[0]]
        pairs = [(self.key(key), value) for key, value in self.contents[head[1]].items()] if head[0] == 'r' else []
        return pairs + [(name, value) for name, value in zip(row[7], content[1:])
                        if self.data['values'][value] != ['o', '']]

    def look(self, value):
        row = self.data['values'][value]
        if not isinstance(row, list):
            found = eval(row, {'inf': float('inf'), 'nan': float('nan'), 'infj': complex(0, float('inf'))})
            return type(found).__name__, repr(found)
        if row[0] == 't':
            return ('tuple',) + tuple(map(self.look, row[1]))
        if row[0] == 'z':
            return ('frozenset',) + tuple(sorted(map(self.look, row[1])))
        if row[0] == 'o':
            kind = re.match(r'<(\w+) (.*?)>?$', row[1])
            if row[2:] or not kind:             # a function and the like, or a range
                return 'self', kind.group(2).rpartition('.')[2] if kind else '?'
            key = 'o', value
        else:
            key = row[1]
        if key in self.numbers:
            return 'again', self.numbers[key]
        self.numbers[key] = len(self.numbers)
        return [kind.group(1)] if row[0] == 'o' else self.look_inside(row[1])

    def look_inside(self, number):
        row, content = self.data['objects'][number], self.contents[number]
        kind, parts = row[0], [row[1]]
        if kind == 'class':
            return ['type'] + self.names([(self.key(name), value) for name, value in content.items()])
        if kind == 'list':
            parts += [self.look(value) for value in content]
            parts.append(None)                  # as picture() shows the largest length of a deque
        elif kind == 'dict':
            pairs = [(self.look(name), self.look(value)) for name, value in content.items()]
            parts += pairs if sys.version_info >= (3, 6) or row[1] == 'OrderedDict' else sorted(pairs)
        elif kind == 'set':
            parts += sorted(self.look(value) for value in content)
        elif kind == 'bytes':
            parts += [self.key(value) for value in content]
        elif kind == 'error':
            parts.append(('tuple',) + tuple(self.look(value) for value in content))
        if kind == 'instance':
            parts.append(self.names(self.attributes(number)))
        elif row[5:] and row[5] >= 0 and not (kind == 'error' and row[1] in dir(hotload.sys.modules[
                'builtins' if 'builtins' in sys.modules else '__builtin__'])):
            parts.append(self.names(self.attributes(row[5])))
        return parts


def without_limits(found):
    """A picture without the largest length of deques, which a page does not know."""
    if isinstance(found, list) and found and found[0] == 'deque':
        found = found[:-1] + [None]
    return type(found)(map(without_limits, found)) if isinstance(found, (list, tuple)) else found


@same_between
class TestStatesInPages(Exactness):
    """The states in a page of each of the recorder's programs are those of the recording."""

    section = needs = SECTION['Export']

    def check(self, text, first=None, last=None):
        recording = hotload.record(textwrap.dedent(text))
        page = PageStates(recording, first, last)
        n = page.data['first'] - 1
        for n, found in enumerate(page.walk(), n + 1):
            self.assertEqual(found, without_limits(picture(recording.dicts(n))), 'step %d, line %d of\n%s' % (
                n, recording.line(n), text))
        self.assertEqual(n, recording.steps() - 1 if last is None else last)
        return recording

    test_own_hashes = None      # a page does not tell the class of a class, and picture() does


class TestExport(Case):
    section = SECTION['Export']

    def test_states_in_windows_and_of_random_programs(self):
        case = TestStatesInPages('test_targets')
        for seed in range(5):
            text = random_program(random.randrange(10 ** 6))
            count = hotload.record(text).steps()
            for first, last in ((None, None), (count // 3, count // 2), (count // 2, None), (count - 1, count - 1)):
                case.check(text, first, last)

    def test_keys_that_are_equal_and_are_not_the_same(self):
        TestStatesInPages('test_targets').check("""
            d = {1: 'a', 'b': 2}
            d[1.0] = 'c'
            d[True] = 'd'
            del d[1.0]
            d[0.0] = 1
            d[0] = 2
            d[(1, 2)] = 3
            d[(1.0, 2)] = 4
            s = {1}
            s.add(True)
            s.discard(1.0)
            s.add(False)
            k = {(1, (2, 3)): 1}
            k[(1, (2, 3))] = 2
            k[(1, (2, True))] = 3
        """)

    def test_the_error_is_named_by_its_own_line(self):
        text = ("error = ZeroDivisionError('twice\\n  divided')\nerror.__notes__ = ['raised in a reactor']\nraise error",
                "compile('x = = 1', 'f', 'exec')")
        self.assertEqual([PageStates(hotload.record(one)).data['failure'].partition(':')[0] for one in text],
                         ['ZeroDivisionError', 'SyntaxError'])

    def test_large_things_are_cut_and_it_is_said(self):
        recording = hotload.record("items = list(range(9999))\nfor n in range(5):\n    items.append(n)\nitems.pop(0)\n"
                                   "text = 'ab' * 500000\nnumber = 10 ** 20000\ndata = b'x' * 5000\nprint(text)\n"
                                   "done = 1")
        page = PageStates(recording)
        self.assertTrue(len(page.text) < 400000, len(page.text))
        sizes = [row for row in page.data['objects'] if row[0] == 'list']
        lengths = [page.data['log'][at + 2] for at, op in enumerate(page.data['log']) if op == -7]
        self.assertEqual([len(sizes[0][3]), lengths[-1]], [9999, 10003])
        texts = [row for row in page.data['values'] if isinstance(row, list) and row[0] == 's']
        self.assertEqual(sorted(row[2] for row in texts), [5000, 10 ** 6])
        self.assertTrue(all(len(row[1]) < 2100 for row in texts))
        self.assertTrue(any(row[0] == 'o' and 'bits' in row[1] for row in page.data['values'] if isinstance(row, list)))
        self.assertTrue('(1000000 letters)' in page.data['texts'][0])

    def test_a_long_run_gives_a_window_and_says_so(self):
        recording = hotload.record('x = 0\nwhile x < 99:\n    x += 1\nx // 0\ny = 2')
        count, longest = recording.steps(), hotload.LONGEST_PAGE
        for first, last, wanted in ((None, None, (0, count - 1)), (5, None, (5, count - 1)), (None, 9, (0, 9)),
                                    (7, 7, (7, 7)), (-3, 10 ** 9, (0, count - 1))):
            self.assertEqual(recording.to_html(self.path('a.html'), first, last), wanted)
        self.assertRaises(hotload.HotloadError, recording.to_html, self.path('a.html'), 5, 4)
        try:
            hotload.LONGEST_PAGE = 50
            page = PageStates(recording)
            self.assertEqual([page.first, page.last], [count - 50, count - 1])
            self.assertTrue('only' in page.data['notes'][0], page.data['notes'])
            self.assertEqual(recording.to_html(self.path('a.html'), first=20), (20, 69))
            self.assertEqual(recording.to_html(self.path('a.html'), last=80), (31, 80))
        finally:
            hotload.LONGEST_PAGE = longest
        recording = hotload.record('x = []\nfor n in range(800):\n    x = [str(m) for m in range(200)] + [n]')
        most = hotload.MOST_BYTES
        try:
            hotload.MOST_BYTES = 400000
            page = PageStates(recording)
            self.assertTrue(len(page.text) < 450000 and 0 < page.first < page.last == recording.steps() - 1, page.first)
        finally:
            hotload.MOST_BYTES = most

    def test_nothing_of_the_program_can_end_its_element(self):
        for value in ('</script>', '<!--', '&lt;', "\\u2028", '\\ud800' if not PY2 else 'x', '\\x00'):
            recording = hotload.record(u'# %s\nx = u"%s"\nprint(repr(x))\nraise ValueError(x)' % (value, value))
            text = hotload.page_text(recording)[0]
            self.assertEqual(text.encode('ascii').decode('ascii').count('</script>'), 2)
            data = text.partition('id="data">')[2].partition('</script>')[0]
            self.assertFalse(set('<>&') & set(data))
            self.assertEqual(json.loads(data)['files'][0][1][0], [['note', '# ' + value]])

    def test_the_policy_allows_this_script_and_this_style_alone(self):
        import base64
        import hashlib
        text = hotload.page_text(hotload.record('x = 1'))[0]
        for name in ('script', 'style'):
            inner = re.findall(r'<%s>(.*?)</%s>' % (name, name), text, re.S)
            self.assertEqual(len(inner), 1)
            known = base64.b64encode(hashlib.sha256(inner[0].encode('ascii')).digest()).decode('ascii')
            self.assertTrue("%s-src 'sha256-%s'" % (name, known) in text)
        self.assertTrue("default-src 'none'" in text and "base-uri 'none'; form-action 'none'" in text)

    def test_what_can_be_recorded_can_be_written(self):
        def function(n):
            return function(n - 1) + 1 if n else 0
        deep = 'x = ()\nfor n in range(3000):\n    x = (x, n)\ny = []\nfor n in range(3000):\n    y = [y]\n'
        loaded = hotload.record('class A(object):\n    x = [1]\na = A()\na.b = {a: 1}\n1 // 0')
        loaded.save(self.path('a.rec'))
        for recording, count in ((hotload.record(''), None), (hotload.record('x = 1\ny = 2', record_state=False), None),
                                 (hotload.Recording.of(function, 30), None), (hotload.record(deep), None),
                                 (hotload.record('while 1:\n    x = 1', max_steps=50), 50),
                                 (hotload.Recording.load(self.path('a.rec')), loaded.steps()),
                                 (hotload.record('import sys\nsys.exit(3)'), None),
                                 (hotload.record('class E(Exception):\n    def __str__(self):\n        1 // 0\n'
                                                 'raise E()'), None),
                                 (hotload.record('x = 1', raw=True), None), (hotload.Recording(), 0)):
            page = PageStates(recording)
            self.assertEqual(page.last - page.first + 1, recording.steps() if count is None else count)
            self.assertEqual(len(list(page.places())), recording.steps())

    def test_no_code_of_the_users_runs(self):
        recording = hotload.record("""if 1:
            class Trap(object):
                def __repr__(self): raise SystemExit('repr')
                __eq__ = __hash__ = __str__ = __len__ = __iter__ = __bool__ = __nonzero__ = __repr__
                def __getattr__(self, name): raise SystemExit(name)
                @property
                def now(self): raise SystemExit('property')
            class Loud(list):
                def __iter__(self): raise SystemExit('iter')
                __len__ = __repr__ = __getitem__ = __iter__
            class Odd(int):
                def __repr__(self): raise SystemExit('odd')
                __str__ = __index__ = __repr__          # PyPy takes an __int__
            t, l, o, s = Trap(), Loud([1]), Odd(3), slice(Trap(), None)
            m = t.__repr__
            d = {'t': t, 'o': o, 'l': [l, (t, l)]}
            l.append(t)
            end = 1
        """)
        self.assertEqual(recording.error, None)
        page = PageStates(recording)
        names = dict(list(page.walk())[-1][0])
        self.assertTrue('Loud' in repr(names['d']), names['d'])

    def test_a_script_writes_its_page_after_each_run_at_once(self):
        self.save('app.py', 'x = 1\nprint(x)\n')
        script = hotload.RecordedScript(self.path('app.py'), html='page.html')
        script.run()
        self.assertTrue('page.html shows all ' in self.err.getvalue(), self.err.getvalue())
        with io.open(self.path('page.html'), encoding='ascii') as old:
            self.save('app.py', 'import os\nos.chdir(os.path.dirname(os.getcwd()))\nraise ValueError("second run")\n')
            self.assertRaises(ValueError, script.run, [self.path('app.py')])
            os.chdir(self.folder)
            self.assertTrue('second run' not in old.read())           # who reads it meanwhile has the old one
        with io.open(self.path('page.html'), encoding='ascii') as new:
            self.assertTrue('second run' in new.read())
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith('.part')], [])
        os.mkdir(self.path('folder'))
        script = hotload.RecordedScript(self.path('app.py'), html=self.path('folder'))
        self.assertRaises(ValueError, script.run)
        self.assertTrue('folder: cannot be written' in self.err.getvalue(), self.err.getvalue())

    @needs_processes
    def test_the_command_line(self):
        self.save('app.py', 'def f(n):\n    return 1 // n\nfor n in (1, 0):\n    f(n)\n')
        with open(self.save('typed', 'error()\nstack()\nout()\n')) as typed:
            child = subprocess.Popen([sys.executable, HOTLOAD, '--record', '-i', '--html', 'page.html', 'app.py'],
                                     cwd=self.folder, stdin=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            shown = child.communicate()[0]
        shown = shown.decode('utf-8', 'replace').replace('\r', '')
        self.assertTrue('page.html shows all' in shown
                        and re.search(r'app.py:2 in f\s+exception\s+return 1 // n', shown)
                        and re.search(r'app.py:4\s+f\(n\)', shown), shown)
        self.assertTrue(os.path.getsize(self.path('page.html')) > 40000)


class TestCalls(Case):
    section = SECTION['Export']

    TEXT = ('def leaf(n):\n    return n\ndef tree(n):\n    if n:\n        leaf(tree(n - 1))\n    return n\n'
            'def count():\n    yield 1\n    yield 2\ntree(2)\nfor n in count():\n    n\n'
            'def fail():\n    tree(0)\n    1 // 0\ntry:\n    fail()\nexcept ZeroDivisionError:\n    n = 9\n')

    def test_each_step_belongs_to_its_call(self):
        recording = hotload.record(self.TEXT)
        calls = hotload.Calls(recording)
        self.assertEqual(len(calls.of), recording.steps())
        for number, (begin, end, around, before) in enumerate(calls.rows):
            self.assertEqual((recording.event(begin), recording.event(end)), ('call', 'return'))
            own = [n for n in range(recording.steps()) if calls.of[n] == number]
            self.assertEqual((own[0], own[-1]), (begin, end))
            if around is not None:
                self.assertTrue(calls.rows[around][0] <= before < begin and end < calls.rows[around][1])
                self.assertEqual(calls.of[before], around)
        deepest = max(range(recording.steps()), key=lambda n: len(calls.stack(n)))
        self.assertEqual([recording.line(at) for _, at in calls.stack(deepest)][:3], [10, 5, 5])

    def test_verbs_for_the_prompt(self):
        recording = hotload.record(self.TEXT + 'fail()')
        cursor = hotload.CallCursor(recording)
        verbs = cursor.verbs()
        self.assertEqual(sorted(verbs), sorted('rec back forward goto last over out stack find error'.split()))
        start = recording.visits(10)[0]
        verbs['goto'](start)
        verbs['over']()
        self.assertEqual(recording.line(cursor.n), 11)
        verbs['over'](-1)
        self.assertEqual(cursor.n, start)
        verbs['goto'](recording.visits(4)[0])
        verbs['out']()
        self.assertEqual((recording.line(cursor.n), hotload.Calls(recording).stack(cursor.n)[-1][0]), (11, 0))
        verbs['find']('n == 9')
        self.assertEqual(cursor.n, recording.when('n == 9')[0])
        verbs['find']('n == 99')
        self.assertTrue('no step after' in self.out.getvalue())
        verbs['error']()
        self.assertEqual((recording.event(cursor.n), recording.line(cursor.n)), ('exception', 15))
        verbs['stack']()
        shown = self.out.getvalue()
        self.assertTrue(re.search(r'step \d+  .*:20 .*\nstep \d+  .*:15 in fail', shown), shown)


##############################################################################
## 47. Run -- start when this file is the program
##############################################################################

@needs_processes
class TestRun(Case):
    """The file as a program: one module, whatever its name."""
    section, needs = SECTION["Run"], 6

    SCRIPT = ('from __future__ import print_function\nimport sys\nimport hotload\n'
              'print("same", hotload is sys.modules["hotload"], hotload.Step.__module__, hotload.__name__,\n'
              '      type(sys._getframe(1).f_globals.get("Step")) is type and '
              'sys._getframe(1).f_globals["Step"] is hotload.Step,\n'
              '      __name__, hotload.__version__, "end")\nsys.stdout.flush()\n')

    def shown(self, *args, **how):
        """What the program `python args` shows until the word `end`; then it is ended."""
        env = dict(os.environ, PYTHONPATH=how.pop('path', UNDER_TEST), PYTHONUNBUFFERED='1')
        with open(os.devnull) as nothing:
            child = subprocess.Popen([sys.executable] + list(args), env=env, stdin=nothing,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        timer = threading.Timer(30, child.kill)
        timer.start()
        lines = []
        for line in iter(child.stdout.readline, b''):
            lines.append(line.decode('utf-8', 'replace'))
            if 'end' in lines[-1]:
                break
        child.terminate()
        child.stdout.close()
        child.wait()
        timer.cancel()
        return ''.join(lines)

    def assertSame(self, shown):
        self.assertTrue('same True hotload hotload True __main__ ' + hotload.__version__ in shown, shown)

    def test_the_scripts_import_gives_the_very_same_module(self):
        self.save('app.py', self.SCRIPT)
        self.assertSame(self.shown(os.path.join(UNDER_TEST, 'hotload.py'), 'app.py'))

    def test_also_as_python_m_hotload(self):
        self.save('app.py', self.SCRIPT)
        self.assertSame(self.shown('-m', 'hotload', 'app.py'))

    def test_also_when_the_file_is_saved_without_its_ending(self):
        self.save('app.py', self.SCRIPT)
        shutil.copy(os.path.join(UNDER_TEST, 'hotload.py'), self.path('hotload'))
        self.assertSame(self.shown(self.path('hotload'), 'app.py', path=''))

    def test_also_through_a_launcher(self):
        self.save('app.py', self.SCRIPT)
        self.save('bin/launch', 'import sys\nimport hotload\nsys.exit(hotload.main())\n')
        self.assertSame(self.shown(self.path('bin', 'launch'), 'app.py'))

    def test_a_step_of_the_users_is_one_for_the_running_tool(self):
        self.save('app.py', 'import hotload\nclass Mine(hotload.Step):\n    def run(self):\n'
                  '        print("ran")\n'
                  'loop = hotload.Loop([], [Mine()])\nloop.run()\nloop.close()\nprint("end")\n')
        self.assertTrue('ran\n' in self.shown(os.path.join(UNDER_TEST, 'hotload.py'), 'app.py').replace('\r',
            ''))

    def test_the_version_is_told_at_once(self):
        status, out, err = run_python(os.path.join(UNDER_TEST, 'hotload.py'), '--version')
        self.assertEqual(status, 0, err)
        self.assertTrue(hotload.__version__ in out + err)


def load_tests(loader, tests, pattern):
    """All tests in the order of the sections; without those of sections that a cut file does not have."""
    there = NUMBERS + [0] * (UNDER_TEST == HERE)
    classes = [value for value in globals().values() if isinstance(value, type)
               and issubclass(value, unittest.TestCase)
               and set([value.section, getattr(value, 'needs', value.section)]) <= set(there)
               and (not QUICK or value.section in QUICK)]
    classes.sort(key=lambda value: (value.section, value.__name__))
    return unittest.TestSuite(loader.loadTestsFromTestCase(value) for value in classes)


if __name__ == '__main__':
    unittest.main()
