#!/usr/bin/env python3
# -*- coding: utf-8 -*-
# SPDX-License-Identifier: MIT
"""hotload: save a file, and only what changed runs again.

    hotload [options] SCRIPT [ARGS...]     run SCRIPT now and after each save, in one process
    hotload [options] -m MODULE[:FUNCTION] [ARGS...]
    hotload [options] -c COMMAND           run a shell command after each save
    find . -name '*.py' | hotload SCRIPT   watch exactly these files

SCRIPT and the local modules that it imports are watched. A traceback is
printed and the loop goes on; Ctrl-C ends it.

SCRIPT may lack its .py; everything after it belongs to the script.

The same from Python, for hosts without a command line:

    import hotload
    hotload.hotload(
        watch=[hotload.listfiles(".", ext=".py")],
        steps=[hotload.ClearTerminal(),
               hotload.ReloadedPythonModule.from_module_name("lib")])

Contents. Each section uses only what stands above it: delete from a banner on
(keep the last section, Run), and what is left works.

     1. Pythons       what differs between Python 2 and 3, and between platforms
     2. Errors        messages, and tracebacks of the user's frames only
     3. Watch         notice that files changed
     4. Steps         what is run on a change
     5. Loop          look, run, look again
     6. Command line  hotload SCRIPT
     7. Source        one meaning of "changed" for all that follows
     8. Compare       what to do so that the old becomes the new
     9. Transplant    new code for functions and classes that are in use
    10. Patch         what one save does
    11. Live          save, and the running program has the new code
    12. Recode        patches made by the program, and loops that are read again
    13. Store         values on disk
    14. Log           what a recording is made of
    15. Files         a recording as lists and atoms
    16. Recording     the state at any step, and other questions
    17. Follow        what changed in the objects
    18. Plan          what a line can change
    19. Trace         sys.settrace writes the log
    20. Record        code, functions and scripts
    28. Run           start when this file is the program

Words: a path is an absolute file name; a key is what tells one state of a file
from another (None: no file); a step is an object with run(); a module is local
when its file is below the script's folder and not installed; a run is stale
when a newer save arrives while it goes on.

It does not undo what a run did outside its namespace (threads, sockets, log
handlers, environment variables), and names that were deleted from a script
stay until it is started anew.
"""
from __future__ import absolute_import, division, print_function

import sys

# As a program this module is __main__. The user's `import hotload` would load a second copy, with other
# classes and registries: so it takes its own name before anything else is defined.
IS_PROGRAM = __name__ == '__main__'
if IS_PROGRAM:
    __name__ = 'hotload'
    sys.modules['hotload'] = sys.modules['__main__']

__version__ = '1.0.0'
__all__ = []

##############################################################################
## 1. Pythons -- what differs between Python 2 and 3, and between platforms
##############################################################################
#
# Gives those below one language: names for abilities (HAS_...), and one function for each thing that is
# done differently. Nothing below this section asks for a version or a platform.

import gc
import os
import time

LOADED_BEFORE = frozenset(sys.modules)


class Later(object):
    """Stands for a module of the standard library, which is imported when it is first asked for something.

    Importing them all would take longer than Python's own start; a program under --live begins before that.
    """

    left = {}                                   # {name: Later} of those that are not imported yet

    def __init__(self, name, alias=None):
        self.name, self.alias, self.left[name] = name, alias or name, self

    def __getattr__(self, attribute):
        return getattr(self.import_now(), attribute)

    def import_now(self):
        """Import it, and put it in the place of this; the module."""
        self.left.pop(self.name, None)
        module = globals()[self.alias] = sys.modules.get(self.name) or __import__(self.name)
        return module


linecache, re, select, signal, struct, traceback = map(
    Later, ('linecache', 're', 'select', 'signal', 'struct', 'traceback'))
from _weakref import ref as weak_reference                                       # noqa: E402
try:
    import _signal as c_signal                  # signal makes an enum of each answer: 20 times slower
except ImportError:                             # before 3.5
    import signal as c_signal
getsignal = c_signal.getsignal

PY2 = sys.version_info[0] == 2
if PY2:
    import thread as threads
    text_type, string_types = unicode, (basestring,)                             # noqa: F821
    ask, reload_module = raw_input, reload                                       # noqa: F821
    IMPORTER_FILES = ()

    def acquire_within(lock, seconds):
        """Wait for the lock, so long at most. Whether it was acquired."""
        end = time.time() + seconds
        while not lock.acquire(False):
            if time.time() >= end:
                return False
            time.sleep(0.0005)
        return True

    def imports_wait():
        """Whether an import in this thread would wait for one in another: 2.7 has one lock for all."""
        import imp
        return imp.lock_held()
else:
    import _thread as threads
    text_type, string_types, ask = str, (str,), input
    IMPORTER_FILES = ('<frozen importlib', os.path.join(os.path.dirname(os.__file__), 'importlib', ''))

    def acquire_within(lock, seconds):
        """Wait for the lock, so long at most. Whether it was acquired."""
        return lock.acquire(True, seconds)

    def imports_wait():
        """Whether an import in this thread would wait for one in another."""
        return False

    def reload_module(module):
        """Load the module again, into the same namespace; the module."""
        try:
            from importlib import reload
        except ImportError:                     # 3.3
            from imp import reload
        return reload(module)

clock_s = getattr(time, 'monotonic', time.time)
HAS_SPECS = sys.version_info >= (3, 4)          # what an import finder answers with
HAS_SIGNALS = hasattr(c_signal, 'SIGINT') and sys.platform not in ('emscripten', 'wasi')
HAS_PROCESS_GROUPS = hasattr(os, 'killpg') and hasattr(os, 'setpgid')
# A fork without exec breaks system libraries on a Mac (they abort or hang in the child).
HAS_SUPERVISOR = HAS_SIGNALS and hasattr(os, 'fork') and sys.platform != 'darwin'
HAS_CONSOLE = os.name == 'nt'                   # Windows: cls clears, input is CONIN$; select() takes sockets only
HAS_EXEC = HAS_SIGNALS and hasattr(os, 'execv') and not HAS_CONSOLE
HAS_TREE_KEPT = '__pypy__' not in sys.builtin_module_names      # CPython keeps the syntax tree of what it runs
HAS_SAFE_PATH = bool(getattr(sys.flags, 'safe_path', getattr(sys.flags, 'isolated', 0)))    # python -P, python -I
HAS_INOTIFY = HAS_MALLOC_TRIM = sys.platform.startswith('linux')
HAS_FORK_WARNING = sys.version_info >= (3, 12)
# What tells two states of a file apart, fetched in one call at C speed. On Windows ctime is the birth of the file.
_TIMES = ('st_mtime_ns', 'st_ctime_ns') if hasattr(os.stat_result, 'st_mtime_ns') else ('st_mtime', 'st_ctime')
TICKS_A_SECOND = 1e9 if _TIMES[0] == 'st_mtime_ns' else 1.0
_KEY = _TIMES[0], 'st_size', 'st_ino', _TIMES[0 if HAS_CONSOLE else 1]
try:
    from _operator import attrgetter
    key_of_stat = attrgetter(*_KEY)
except ImportError:                             # 2.7: loading operator takes a millisecond

    def key_of_stat(found, getattr=getattr, _KEY=_KEY):
        """The key of a file, from what os.stat found."""
        return tuple([getattr(found, part) for part in _KEY])


def file_key(path):
    """What tells this state of the file from others, (modified, size, inode, changed), or None: no such file.

    >>> file_key('no such file') is None
    True
    """
    try:
        return key_of_stat(os.stat(path))
    except (EnvironmentError, ValueError, TypeError):       # a NUL in the name, or one that cannot be encoded
        return None


def read_bytes(path):
    """The content of the file at `path`."""
    with open(path, 'rb') as stream:
        return stream.read()


class suppress(object):
    """A context that an exception of these kinds leaves quietly (contextlib's is not on 2.7, and imports much)."""

    def __init__(self, *kinds):
        self.kinds = kinds

    def __enter__(self):
        pass

    def __exit__(self, kind, value, trace):
        return kind is not None and issubclass(kind, self.kinds)


def path_text(path):
    """`path`, a str (on 2.7 also unicode) or a pathlib object, as a string."""
    return path if isinstance(path, string_types) else getattr(path, '__fspath__', path.__str__)()


def source_path(path):
    """The absolute path of the source file that a module's __file__ or its byte code belongs to."""
    return os.path.abspath(path[:-1] if path.endswith(('.pyc', '.pyo')) else path)


def list_folder(path):
    """([names of files], [names of folders that are no links]) in the folder `path`, if it can be read."""
    files, folders = [], []
    with suppress(EnvironmentError, ValueError, TypeError):     # gone meanwhile, no permission, a name with NUL
        if hasattr(os, 'scandir'):
            for entry in os.scandir(path):
                (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
        else:
            for name in os.listdir(path):
                full = os.path.join(path, name)
                (folders if os.path.isdir(full) and not os.path.islink(full) else files).append(name)
    return files, folders


def accepted_keywords(function, offered):
    """The part of the dict `offered` that `function` takes as keyword arguments."""
    while hasattr(function, 'func') and hasattr(function, 'keywords'):           # functools.partial
        function = function.func
    if not hasattr(function, '__code__') and not hasattr(function, '__func__'):
        function = getattr(type(function), '__call__', function)                 # an object that can be called
    function = getattr(function, '__wrapped__', function)
    code = getattr(getattr(function, '__func__', function), '__code__', None)
    if type(code) is not type(path_text.__code__):
        return {}                               # a builtin: it is called without arguments
    if code.co_flags & 0x08:                    # **kwargs
        return dict(offered)
    count = code.co_argcount + getattr(code, 'co_kwonlyargcount', 0)
    return dict((name, offered[name]) for name in code.co_varnames[:count] if name in offered)


def signal_main_thread(main_thread):
    """Make the main thread run its handler of SIGINT, also when it waits in a system call."""
    if hasattr(signal, 'pthread_kill'):
        signal.pthread_kill(main_thread, signal.SIGINT)
    elif HAS_CONSOLE:
        threads.interrupt_main()
    else:
        os.kill(os.getpid(), signal.SIGINT)     # 2.7: the kernel prefers the main thread


def source_lines(data):
    """The lines of a source file's bytes, as linecache keeps them (bytes on 2.7, else decoded)."""
    try:
        if PY2:
            text = data
        elif b'coding' in b''.join(data.split(b'\n', 2)[:2]):
            import io
            import tokenize
            text = data.decode(tokenize.detect_encoding(io.BytesIO(data).readline)[0])
        else:
            text = data.decode('utf-8-sig')
    except (SyntaxError, UnicodeError):         # an unknown or a wrong coding cookie
        text = data.decode('latin-1')
    return [line + '\n' for line in text.replace('\r\n', '\n').replace('\r', '\n').split('\n')]


def forget_finders():
    """Make the import system look at folders anew: their times may not tell of files made a moment ago."""
    for path, finder in list(sys.path_importer_cache.items()):  # invalidate_caches() imports much on 3.13
        if finder is None:
            del sys.path_importer_cache[path]                   # the folder was not there
        elif hasattr(finder, 'invalidate_caches'):
            finder.invalidate_caches()


def fresh_text_stream(descriptor, mode, like):
    """A new text stream on `descriptor`, set up as the closed stream `like` was."""
    if PY2:
        return os.fdopen(descriptor, mode, 1)
    return open(descriptor, mode, 1, getattr(like, 'encoding', None), getattr(like, 'errors', None), closefd=False)


def duplicate(descriptor):
    """A duplicate of the descriptor, which programs that are started do not inherit."""
    descriptor = os.dup(descriptor)
    with suppress(ImportError):                 # Windows
        if PY2:
            import fcntl
            fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    return descriptor


def load_library():
    """The C library, through ctypes, or None where that is not to be had."""
    with suppress(ImportError, AttributeError, EnvironmentError, TypeError):
        import ctypes
        return ctypes.CDLL(None, use_errno=True)


def release_memory():
    """Give memory that was freed back to the system; the compiler's makes half of a small process."""
    library = load_library() if HAS_MALLOC_TRIM else None
    if hasattr(library, 'malloc_trim'):
        library.malloc_trim(0)


if HAS_SPECS:
    try:
        from _frozen_importlib_external import SourceFileLoader as SourceLoader
    except ImportError:                         # 3.4
        from importlib.machinery import SourceFileLoader as SourceLoader
else:
    import imp

    class SourceLoader(object):
        """What importlib's is on 3.4 and later: loads the module `name` from the source file `path`."""

        def __init__(self, name, path):
            self.name, self.path = name, path

        def is_package(self, fullname):
            """Whether the module is a package."""
            return os.path.basename(self.path) == '__init__.py'

        def get_filename(self, fullname):
            """The path of its source."""
            return self.path

        def load_module(self, fullname):
            """Load it, or load it again; the module."""
            known = fullname in sys.modules     # a reload keeps the module and its namespace
            module = sys.modules.setdefault(fullname, type(sys)(fullname))
            vars(module).update(__file__=self.path, __loader__=self, __package__=fullname.rpartition('.')[0])
            if self.is_package(fullname):
                module.__package__, module.__path__ = fullname, [os.path.dirname(self.path)]
            try:
                exec(self.get_code(fullname), module.__dict__)
            except BaseException:               # as Python does: what failed to load goes, a failed reload stays
                if not known:
                    sys.modules.pop(fullname, None)
                raise
            return sys.modules[fullname]


def find_plain_source(fullname, path, after, target=None):
    """(what the finders after `after` would answer, the path of its plain source file or None)."""
    for finder in sys.meta_path[sys.meta_path.index(after) + 1:]:
        if HAS_SPECS:
            answer = finder.find_spec(fullname, path, target) if hasattr(finder, 'find_spec') else None
        else:
            answer = finder.find_module(fullname, path)
        if answer is not None:
            plain = HAS_SPECS and type(answer.loader) is SourceLoader
            return answer, os.path.abspath(answer.loader.path) if plain else None
    if HAS_SPECS:
        return None, None
    try:
        stream, found, (_, _, kind) = imp.find_module(fullname.rpartition('.')[2], path)
    except ImportError:                         # zip files and the like: Python's own search goes on
        return None, None
    if stream is not None:
        stream.close()
    if kind == imp.PKG_DIRECTORY:
        found = os.path.join(found, '__init__.py')
    return None, os.path.abspath(found) if kind in (imp.PY_SOURCE, imp.PKG_DIRECTORY) else None


def find_main_module(name):
    """(path, package, spec) of what `python -m name` runs; ImportError when there is none."""
    if HAS_SPECS:
        from importlib.util import find_spec
        spec = find_spec(name)
        is_package = spec is not None and spec.submodule_search_locations is not None
        path = spec.origin if spec is not None and spec.has_location else None
    else:
        import pkgutil
        spec, loader = None, pkgutil.get_loader(name)
        is_package = loader is not None and loader.is_package(name)
        path = loader.get_filename(name) if hasattr(loader, 'get_filename') else None
    if is_package:
        return find_main_module(name + '.__main__')
    if path is None:
        raise ImportError('No module named %s' % name)
    return source_path(path), name.rpartition('.')[0], spec


FunctionType, CodeType = type(list_folder), type(list_folder.__code__)
CellType = type((lambda value: lambda: value)(0).__closure__[0])


class _OldStyle:
    """A class of the old style, on 2.7."""


class_types, old_instance_types = ((type, type(_OldStyle)), (type(_OldStyle()),)) if PY2 else ((type,), ())
# The variables of list comprehensions; `import x` looks in the package first.
LISTS_LEAK, IMPORTS_ARE_RELATIVE = PY2, PY2
FROZEN_BY_PYTHON = 1000     # objects at most: 3.12 freezes a few hundred at its start, gc.freeze() some thousands
EQUALS_UNHASH = not PY2                         # a class that defines __eq__ alone gets __hash__ = None
CODE_PARTS = ['co_' + part for part in (
    'argcount kwonlyargcount nlocals stacksize flags code consts names varnames filename name firstlineno '
    'lnotab freevars cellvars').split() if hasattr(CodeType, 'co_' + part)]
FUNCTION_PARTS = [part for part in ('__defaults__', '__kwdefaults__', '__annotations__', '__doc__')
                  if hasattr(list_folder, part)]


def tuple_type(name, parts):
    """A class of tuples whose parts have names: what collections.namedtuple makes, which imports much.

    >>> tuple_type('Point', 'x y')(3, 4)
    Point(x=3, y=4)
    """
    names = tuple(parts.split())

    class Row(tuple):
        """A tuple whose parts have names."""
        __slots__ = ()
        _fields = names

        def __new__(cls, *values):
            if len(values) != len(names):
                raise TypeError('%s: expected %d values, not %d' % (name, len(names), len(values)))
            return tuple.__new__(cls, values)

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            return '%s(%s)' % (type(self).__name__, ', '.join('%s=%r' % part for part in zip(names, self)))

        def _replace(self, **changes):
            return type(self)(*[changes.get(part, value) for part, value in zip(names, self)])
    Row.__name__ = Row.__qualname__ = name
    for number, part in enumerate(names):
        setattr(Row, part, property(lambda self, number=number: self[number]))
    return Row


def ignore_fork_warning():
    """Say nothing when a program forks while it has threads."""
    import warnings
    warnings.filterwarnings('ignore', '.*multi-threaded, use of', DeprecationWarning)


def freeze():
    """Spare the collector what is there now: a short program ends sooner. How many objects these are."""
    getattr(gc, 'freeze', int)()
    return getattr(gc, 'get_freeze_count', int)()


def thaw(count):
    """Undo freeze(), which gave that count, unless the program did the same meanwhile."""
    if 0 < getattr(gc, 'get_freeze_count', int)() <= count:
        getattr(gc, 'unfreeze', int)()


def execute(code, space, local=None):
    """Run a code object. (Before 2.7.9 exec may not stand in a function that has others inside.)"""
    exec(code, space, space if local is None else local)


def recode(code, **changes):
    """A copy of the code object with some of its attributes (co_name=...) changed."""
    if hasattr(code, 'replace'):
        return code.replace(**changes)
    return CodeType(*[changes.get(part, getattr(code, part)) for part in CODE_PARTS])


def set_cell(cell, value):
    """Make the closure cell hold `value`."""
    try:
        cell.cell_contents = value
    except AttributeError:                      # before 3.7: by a function whose variable x is made to be that cell
        def assign(value):
            x = value
            return lambda: x
        code = recode(assign.__code__, co_cellvars=(), co_freevars=('x',))
        FunctionType(code, {}, 'assign', None, (cell,))(value)


def make_cell(value):
    """A new closure cell that holds `value`."""
    return (lambda: value).__closure__[0]


def without_switches(function, steps):
    """Call `function`, of about so many steps, so that other threads do not run meanwhile. It must wait for
    nothing.

    3.x: who waits for the interpreter asks for it only after a full interval (5 ms) in which it did not
    change hands: so begin with a fresh hold of it. Only when many steps take longer than that is a longer
    interval needed, of 0.05 s at most: a thread that begins to wait meanwhile waits that long. 2.7: the
    interval is a count of instructions, and a new one holds from the end of the last on.
    """
    if hasattr(sys, 'setswitchinterval'):
        time.sleep(0.0001)
        if steps < 10000:
            return function()
        get, put, most = sys.getswitchinterval, sys.setswitchinterval, 0.05
    else:
        get, put, most = sys.getcheckinterval, sys.setcheckinterval, 1000 + 50 * steps
    old = get()
    try:
        put(max(old, most))
        for _ in range(0 if hasattr(sys, 'setswitchinterval') else 2 * old):
            pass
        return function()
    finally:
        put(old)


def set_locals(frame, values):
    """Give the running `frame` new values of its local variables, where Python lets that be done."""
    space = frame.f_locals
    space.update(values)
    if type(space) is dict:                     # before PEP 667: a copy
        with suppress(ImportError, AttributeError):
            if HAS_TREE_KEPT:
                import ctypes
                ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
            else:
                from __pypy__ import locals_to_fast
                locals_to_fast(frame)


def documentation(code):
    """The docstring in a function's code object, or None."""
    first = code.co_consts[0] if code.co_consts else None
    if make_cell.__code__.co_flags & 0x4000000:         # 3.13: a flag tells; before, the first constant is it or None
        return first if code.co_flags & 0x4000000 else None
    return first if isinstance(first, string_types) else None


opcode, pickle = Later('opcode'), Later('cPickle' if PY2 else 'pickle', 'pickle')
HAS_WORDCODE = sys.version_info >= (3, 6)       # each instruction has two bytes
# By how many bits the number of a name is shifted in an instruction, to have room for flags.
_NAME_SHIFTS = {'LOAD_GLOBAL': int(sys.version_info >= (3, 11)), 'LOAD_ATTR': int(sys.version_info >= (3, 12)),
                'LOAD_SUPER_ATTR': 2}
# Values of one Python are not read by another: byte code and pickles differ.
PYTHON_TAG = '%s%d%d' % ((getattr(getattr(sys, 'implementation', None), 'name', 'cpython')[:2],)
                         + tuple(sys.version_info[:2]))
LONE_SURROGATES = 'replace' if PY2 else 'surrogatepass'         # how to encode them


def _instruction_tables():
    """({number of an instruction: (its name, shift)} of those with a name, the numbers of those with a constant, of
    those with a small number, and of those that say nothing), made when they are first needed."""
    if not hasattr(_instruction_tables, 'made'):
        number_of = opcode.opmap.get
        _instruction_tables.made = (
            dict((number, (opcode.opname[number], _NAME_SHIFTS.get(opcode.opname[number], 0)))
                 for number in opcode.hasname if number < len(opcode.opname)),
            frozenset(opcode.hasconst), frozenset([number_of('LOAD_SMALL_INT', -1)]),
            frozenset(number_of(name, -1) for name in ('CACHE', 'PUSH_NULL', 'PRECALL', 'NOP')))
    return _instruction_tables.made


def read_code(code):
    """What a code object says, wherever it stands: (its bytes without the numbers of constants, [constants in the
    order of use], [(name of the instruction, the name or constant that it is about, or None)]).

    A docstring is a constant that is not used.
    """
    names, constants, small, fillers = _instruction_tables()
    data, at, high, used, found = bytearray(code.co_code), 0, 0, [], []
    extended, have_argument = opcode.EXTENDED_ARG, opcode.HAVE_ARGUMENT
    while at < len(data):
        number, start = data[at], at
        if HAS_WORDCODE:
            argument, at = data[at + 1] + high, at + 2
        elif number >= have_argument:
            argument, at = data[at + 1] + (data[at + 2] << 8) + high, at + 3
        else:
            argument, at = 0, at + 1
        if number == extended:
            high = argument << (8 if HAS_WORDCODE else 16)
            continue
        high = 0
        if number in names:
            name, shift = names[number]
            found.append((name, code.co_names[argument >> shift]))
        elif number in constants:
            used.append(code.co_consts[argument])
            found.append(('LOAD_CONST', used[-1]))
            data[start + 1] = 0
            if not HAS_WORDCODE:
                data[start + 2] = 0
        elif number not in fillers:
            found.append((opcode.opname[number], argument if number in small else None))
    return bytes(data), used, found


def encoded(text):
    """A text as bytes, whatever is in it."""
    return text if isinstance(text, bytes) else text.encode('utf-8', LONE_SURROGATES)


def lock_file(descriptor):
    """Lock the open file for as long as it is open. Whether that could be done, where locks are to be had."""
    try:
        import fcntl
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, AttributeError):       # Windows: an open file cannot be removed there
        return True
    except EnvironmentError:
        return False
    return True


def replace_file(old, new):
    """Give the file `old` the name `new`, whether or not there is one of that name."""
    if hasattr(os, 'replace'):
        os.replace(old, new)
    else:
        if HAS_CONSOLE and os.path.exists(new):
            os.remove(new)
        os.rename(old, new)


builtins_space = vars(sys.modules['__builtin__' if PY2 else 'builtins'])
ATOM_TYPES = [int, float, complex, bool, str, bytes, text_type, type(None), type(Ellipsis),
    type(NotImplemented)] + (
    [long] if PY2 else [])                                      # noqa: F821
number_types = (int, long) if PY2 else (int,)                   # noqa: F821
# Comprehensions run in the frame around them (2.7: those that make a list); `with` is left on the line of
# its body.
# What events sys.settrace has: see Instrument.
ENDLESS_LOOPS_HAVE_STEPS = sys.version_info >= (3, 10)          # `while True`: one for each turn
JUMPS_ARE_THREADED = sys.version_info < (3, 10)
JUMPS_COME_BACK = (3, 8) <= sys.version_info[:2] <= (3, 9)      # the line of `return` has one after `finally`, too
GENERATORS_TELL_END = (3, 3) <= sys.version_info[:2] <= (3, 9)  # a loop over one ends with an 'exception'
CLOSING_IS_SILENT = sys.version_info >= (3, 13)
HAS_CONSTANT_NODE, HAS_INDEX_NODE = sys.version_info >= (3, 8), sys.version_info < (3, 9)
HAS_STAR_FIELDS, HAS_TRY_NODE = sys.version_info < (3, 5), not PY2
COMPREHENSIONS_INLINE, WITH_ENDS_IN_BODY = sys.version_info >= (3, 12), sys.version_info < (3, 10)
DICTS_ARE_ORDERED = sys.version_info >= (3, 6)
SlotType = type(type(str('Slotted'), (object,), {'__slots__': (str('slot'),)}).slot)
HAS_WIDE_IDENTS = sys.version_info >= (3, 7)
range_type = xrange if PY2 else range               # noqa: F821
HEAP_TYPE = 1 << 9                              # in a class's __flags__: made by a class statement


def marked_types():
    """The types whose objects run `finally` blocks when the last reference goes: generators."""
    found = [type(part for part in ())]
    if not PY2:
        with suppress(SyntaxError):             # 3.4, 3.5
            made = {}
            execute(compile('async def each(): yield', '<types>', 'exec'), made)
            found.append(type(made['each']()))
    return found


def native_text(text):
    """A unicode text as a str; on 2.7 what is not ASCII is escaped."""
    return text.encode('ascii', 'backslashreplace') if PY2 else text


class quiet_warnings(object):
    """A context in which warnings are not shown."""

    def __enter__(self):
        import warnings
        self.context = warnings.catch_warnings()
        self.context.__enter__()
        warnings.simplefilter('ignore')

    def __exit__(self, *error):
        return self.context.__exit__(*error)


def traceback_of(error):
    """The traceback that an exception carries, or None."""
    return getattr(error, '__traceback__', None)


def set_traceback(error, trace):
    """Let an exception carry its traceback, on 2.7 too."""
    with suppress(AttributeError, TypeError):
        error.__traceback__ = trace


def end_line(node):
    """The number of the last line of a syntax tree's node."""
    end = getattr(node, 'end_lineno', None)
    if end is not None:
        return end
    end, todo = 0, [node]
    while todo:                                 # before 3.8: that of the last node in it
        part = todo.pop()
        if isinstance(part, list):
            todo += part
        elif hasattr(part, '_fields'):
            end = max(end, getattr(part, 'lineno', 0))
            todo += [getattr(part, name, None) for name in part._fields]
    return end


if PY2:
    exec('def reraise(error, trace):\n'
         '    """Raise an exception again, with its traceback."""\n    raise error, None, trace\n')
else:
    def reraise(error, trace):
        """Raise an exception again, with its traceback."""
        raise error.with_traceback(trace)


def raise_in_thread(ident, kind):
    """Make the thread raise an exception of this kind, where Python lets that be done."""
    with suppress(ImportError, AttributeError):
        import ctypes
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            (ctypes.c_long if PY2 or not HAS_WIDE_IDENTS else ctypes.c_ulong)(ident), ctypes.py_object(kind))


##############################################################################
## 2. Errors -- what hotload says, and whose traceback is shown
##############################################################################
#
# Gives to those below HotloadError, say() for the lines that begin with [hotload], and format_error(), which
# shows a traceback as the user's program alone would have: without the frames of this file and of the importer.

__all__ += ['HotloadError']
OWN_FILE = source_lines.__code__.co_filename
DIM, RED, PLAIN = '\x1b[2m', '\x1b[31m', '\x1b[0m'
NO_STREAM = (AttributeError, ValueError, EnvironmentError, TypeError)      # a host's own object, a closed one, ...


class HotloadError(Exception):
    """Something that hotload was asked for cannot be done; the message says where, why and what to do.

    path: the file that it is about, or None.      line: the number of the line in it, or None.

    >>> str(HotloadError('expected a step', path='launch.py', line=3))
    'launch.py:3: expected a step'
    """

    def __init__(self, message, path=None, line=None):
        self.path, self.line = path, line
        place = '' if path is None else '%s: ' % path if line is None else '%s:%d: ' % (path, line)
        Exception.__init__(self, place + message)


def write(stream, text):
    """Write and flush `text` to `stream`, whatever it can encode; a stream that cannot take it ends nothing."""
    with suppress(*NO_STREAM):
        try:
            stream.write(text)
        except (UnicodeError, TypeError):       # TypeError: an io.StringIO on 2.7 takes unicode only
            encoding = getattr(stream, 'encoding', None) or 'ascii'
            text = text if isinstance(text, text_type) else text.decode('utf-8', 'replace')
            stream.write(text.encode(encoding, 'backslashreplace').decode(encoding))
        stream.flush()


def flush(stream):
    """Flush `stream` if it has that and is open."""
    with suppress(*NO_STREAM):
        stream.flush()


def is_terminal(stream):
    """Whether `stream` shows on a terminal; an embedded interpreter's stream may not even be able to tell."""
    with suppress(*NO_STREAM):
        return bool(stream.isatty())
    return False


def say(text, stream=None, colour=DIM):
    """Write the line `[hotload] text` to `stream` (default: stderr), coloured when it is a terminal."""
    stream = sys.stderr if stream is None else stream
    line = '[hotload] %s' % text
    write(stream, '%s%s%s\n' % (colour, line, PLAIN) if is_terminal(stream) else line + '\n')


def is_own_frame(filename):
    """Whether a frame of this code file is ours or the importer's, and not the user's."""
    return filename == OWN_FILE or filename.startswith(IMPORTER_FILES)


def users_trace(trace):
    """The traceback without our frames at its begin."""
    while trace is not None and is_own_frame(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def format_error(kind, value, trace):
    """The text of an exception's traceback, of chained ones too, with the user's frames only."""
    trace = users_trace(trace)
    if trace is None and getattr(value, '__cause__', None) is None and getattr(value, '__context__', None) is None:
        return ''.join(traceback.format_exception_only(kind, value))
    if not hasattr(traceback, 'TracebackException'):
        stack = [entry for entry in traceback.extract_tb(trace) if not is_own_frame(entry[0])]
        return ''.join(['Traceback (most recent call last):\n'] + traceback.format_list(stack)
                       + traceback.format_exception_only(kind, value))
    whole = traceback.TracebackException(kind, value, trace)
    parts, seen = [whole], set([id(None)])
    while parts:
        part = parts.pop()
        if id(part) not in seen:                # exceptions may form a circle
            seen.add(id(part))
            part.stack[:] = [entry for entry in part.stack if not is_own_frame(entry.filename)]
            parts += [part.__cause__, part.__context__] + list(getattr(part, 'exceptions', None) or ())
    return ''.join(whole.format())


def show_error(info, stream=None):
    """Print the traceback of `info` (as from sys.exc_info()), user's frames only; say so if even that fails."""
    try:
        text = format_error(*info)
    except Exception as error:                  # a __str__ or __repr__ of the user's that raises
        text = '%s (its traceback cannot be shown: %s)\n' % (info[0].__name__, type(error).__name__)
    write(sys.stderr if stream is None else stream, text)


##############################################################################
## 3. Watch -- notice that files changed
##############################################################################
#
# Gives to those below: Watcher, which finds the changed ones among many files within a small share of the
# processor, and FreshFinder, which loads local modules from the source that is there now and knows them.
#
# A Watcher keeps the folders, and for each the names in it with the hash of each file's key. Each look takes the
# keys of the hot files (the first ones and those saved last), and as much of the rest as its share of time allows:
# local modules, the times of folders (a file that is replaced or made shows there), then a slice of all files. On
# Linux the kernel's hints (inotify) name files to look at now; nothing depends on them: they miss network drives.
#
# Not handled: two saves within one tick of the file system's clock, both of more than 1 MB and the same size.

__all__ += ['listfiles']

IGNORED_FOLDERS = frozenset(
    '__pycache__ .git .hg .svn node_modules .tox .nox .mypy_cache .pytest_cache .ruff_cache .ipynb_checkpoints '
    '.idea .vscode .eggs .hotload site-packages dist-packages'.split())
# vim, emacs, kate, gedit, JetBrains, sed, LibreOffice, NFS: files that live for a moment beside the edited one.
IGNORED_FILES = (
    r'.*~$|\.#|#.*#$|\..*\.sw[a-z]$|\..*\.kate-swp$|\.goutputstream-|.*___jb_(tmp|old|bak)___$|4913$|'
    r'sed[A-Za-z0-9]{6}$|\.~lock\.|\.nfs|.*\.py[co]$|\.[^/]*\.[A-Za-z0-9]{6}$')
HOT_FILES = 8               # looked at each time
EMPTY_S = 0.1               # an empty or half-written file is given this long
SAME_SAVE_S = 0.25          # a second change of time within this, content unchanged, belongs to the same save
LARGEST_COMPARED = 2 ** 20  # bytes; larger files are not compared by content
SHARE = 0.01                # of the time may go into looking at files that are not hot
BURST_S = 0.0005            # is saved up for that: a few at a time find the processor's caches cold


def digest(path, key):
    """A number for the content of the file, or None where it is too large to compare or cannot be read."""
    with suppress(EnvironmentError):
        return hash(read_bytes(path)) if key is not None and key[1] <= LARGEST_COMPARED else None


def is_ignored_folder(parent, name):
    """Whether the folder `name` in the folder `parent` holds nothing that a person edits."""
    return name in IGNORED_FOLDERS or os.path.exists(os.path.join(parent, name, 'pyvenv.cfg'))


def is_installed(folder):
    """Whether the folder is a place where Python, packages or a virtual environment are installed."""
    prefixes = sys.prefix, sys.exec_prefix, os.path.dirname(os.__file__)
    return is_ignored_folder(*os.path.split(folder)) or os.path.realpath(folder) in map(os.path.realpath, prefixes)


def glob_regex(pattern):
    """The compiled regular expression of a glob: `*` stays within a folder, `**/` crosses any number of them."""
    tokens = {'**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]'}

    def translate(match):
        text = match.group()
        if text[0] == '[' and len(text) > 1:
            return text.replace('[!', '[^')
        return tokens.get(text) or re.escape(text)
    return re.compile(re.sub(r'\*\*/|\*\*|\*|\?|\[[^]/]+\]|.', translate, pattern.replace(os.sep, '/')) + r'\Z')


def glob_folder(path):
    """The folder below which all that the glob `path` matches must be."""
    return os.path.dirname(re.split(r'[*?\[]', path)[0]) or '.'


class Tree(object):
    """The files below the folder `root` that accept(path) lets in: a watch entry that new files enter."""

    def __init__(self, root, accept):
        self.root, self.accept = os.path.abspath(root), accept

    def __iter__(self):
        return (os.path.join(folder, name) for folder, names in self.walk(self.root)
                for name in sorted(names) if self.takes(folder, name))

    def walk(self, folder, is_known=lambda path: False):
        """(path, names of all files in it) for the folder, and for those below it that are not known."""
        folders = [folder]
        while folders:
            folder = folders.pop()
            files, below = list_folder(folder)
            yield folder, files
            below = [os.path.join(folder, name) for name in below if not is_ignored_folder(folder, name)]
            folders += sorted((path for path in below if not is_known(path)), reverse=True)

    def takes(self, folder, name):
        """Whether the file `name` in `folder` belongs to it."""
        return not re.match(IGNORED_FILES, name) and self.accept(os.path.join(folder, name))


class FileList(list):
    """A list of the paths in `tree` which the loop that watches it keeps up to date; see listfiles()."""

    def __init__(self, tree):
        list.__init__(self, tree)
        self.tree = tree


def listfiles(folder, ext=''):
    """The paths of the files below `folder` whose names end in `ext`, as a list that the loop keeps up to date.

    folder: str or path object.      ext: str, such as ".py"; default: any file.
    Version control, byte code, virtual environments and editors' temporary files are left out.

    >>> [os.path.basename(path) for path in listfiles('.', ext='.no such ending')]
    []
    """
    return FileList(Tree(path_text(folder), lambda path: path.endswith(ext)))


def exclusion(globs):
    """wanted(path) -> whether no glob matches the path, its end below the current folder, or a part of that."""
    unwanted, here = [glob_regex(pattern) for pattern in globs], os.path.join(os.getcwd(), '')

    def wanted(path):
        near = (path[len(here):] if path.startswith(here) else path).replace(os.sep, '/')
        texts = [path.replace(os.sep, '/'), near] + near.split('/')
        return not any(regex.match(text) for regex in unwanted for text in texts)
    return wanted if unwanted else lambda path: True


def watch_trees(entries, wanted):
    """(paths, trees, functions, lists) that a list of watch entries stands for, without what is not wanted(path).

    entries: each a path, a folder, a glob, an iterable of these, or a function that returns paths.
    """
    paths, trees, functions, lists = [], [], [], []

    def add(entry):
        if isinstance(entry, FileList):
            lists.append(entry)
            trees.append(Tree(entry.tree.root, lambda path: entry.tree.accept(path) and wanted(path)))
        elif callable(entry):
            functions.append(entry)
        elif isinstance(entry, string_types) or hasattr(entry, '__fspath__'):
            path = os.path.abspath(path_text(entry))
            if '\0' in path:
                raise HotloadError('cannot watch %r: a path has no NUL' % (entry,))
            if os.path.isdir(path):
                trees.append(Tree(path, lambda path: path.endswith('.py') and wanted(path)))
            elif set('*?[').intersection(path) and not os.path.exists(path):
                glob = glob_regex(path)
                trees.append(Tree(glob_folder(path), lambda path: (
                    glob.match(path.replace(os.sep, '/')) and wanted(path))))
            else:
                paths.append(path)
        elif hasattr(entry, '__iter__'):
            for part in entry:
                add(part)
        else:
            raise HotloadError('cannot watch %r: expected a path, a folder, a glob, a list of these or a function '
                               'that returns one' % (entry,))
    add(entries)
    return paths, trees, functions, lists


class Hints(object):
    """The kernel's word, where it gives one (inotify), on which files may have changed. Idle, it costs nothing."""

    WRITTEN, ALL = 0x2, 0xfce               # all: written, closed, moved, made, deleted, or given other rights
    MOST_FOLDERS = 8192

    def __init__(self):
        self.descriptor, self.folders = None, {}
        self.library = load_library() if HAS_INOTIFY else None
        if hasattr(self.library, 'inotify_init1'):
            descriptor = self.library.inotify_init1(0o2004000)              # non-blocking, closed on exec
            self.descriptor = descriptor if descriptor >= 0 else None

    def add(self, folder):
        """Ask for hints on `folder`; also again, after the folder was exchanged for another of that name."""
        if self.descriptor is not None and len(self.folders) < self.MOST_FOLDERS:
            name = folder if isinstance(folder, bytes) else os.fsencode(folder)
            number = self.library.inotify_add_watch(self.descriptor, name, self.ALL)
            if number >= 0:
                self.folders[number] = folder

    def wait(self, seconds):
        """Let `seconds` pass or less: [((folder, name or '' for itself), whether a writer has it open)]."""
        if self.descriptor is None:
            time.sleep(seconds)
            return []
        data, at, hints = b'', 0, {}
        try:
            if select.select([self.descriptor], [], [], seconds)[0]:
                data = os.read(self.descriptor, 65536)
        except ValueError:                          # select takes no number above 1,023
            self.close()
        except (EnvironmentError, select.error):    # a signal, on 2.7
            pass
        while at < len(data):
            number, mask, _, size = struct.unpack_from('iIII', data, at)
            name = data[at + 16:at + 16 + size].rstrip(b'\0')
            at += 16 + size
            if number in self.folders:              # the last word on each name holds
                hints[self.folders[number], name if str is bytes else os.fsdecode(name)] = mask & self.WRITTEN != 0
        return list(hints.items())

    def close(self):
        """Give the descriptor back."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class FreshLoader(SourceLoader):
    """Loads a local module from the source that is there; Python's own may take byte code of the same second."""

    def get_code(self, fullname):
        """The module's code, compiled now."""
        return fresh.compile(self.path)


class FreshFinder(object):
    """Finds local modules for `import`, so that they are never stale, and knows which there are.

    Local is what lies below one of `roots` or is named in `files`, and is not installed. The other finders are
    asked; only the loader of a plain source file is exchanged, so that precedence stays Python's.

    texts: {path: (key, bytes)} as read last.      modules: {name: path}.      missing: {name that was not found:
    [where it would have been]}.      version: changes with these.
    """

    def __init__(self):
        self.texts, self.modules, self.missing, self.version = {}, {}, {}, 0
        self.roots, self.files, self.users, self.imports, self.folders = [], set(), 0, {}, {}
        self.codes = {}

    def install(self, roots=(), files=()):
        """Begin to find the local modules below `roots`; those that are loaded count too. Pair with remove()."""
        self.users += 1
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        self.files.update(map(os.path.abspath, files))
        self.add_roots(roots)
        near = tuple(self.roots) + tuple(self.files)
        for name, module in list(sys.modules.items()):
            path = getattr(module, '__file__', None)
            if isinstance(path, string_types) and (path.startswith(near) or not os.path.isabs(path)) and (
                    name != '__main__'):
                path = source_path(path)
                if path.endswith('.py') and self.is_local(path):
                    self.modules[name] = path

    def add_roots(self, roots):
        """Let the modules below these folders be local, too."""
        self.roots += [root for root in map(os.path.abspath, roots) if root not in self.roots]
        self.folders.clear()

    def remove(self):
        """End what one install() began."""
        self.users -= 1
        if not self.users:
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            self.__init__()

    def is_local(self, path):
        """Whether the source file belongs to the user's program."""
        return path in self.files or self._is_inside(os.path.dirname(path)) and path != os.path.abspath(OWN_FILE)

    def _is_inside(self, folder):
        """Whether it is a root (which may be anything), or below one and nothing between is_installed()."""
        if folder not in self.folders:
            above = os.path.dirname(folder)
            self.folders[folder] = folder in self.roots or (
                above != folder and self._is_inside(above) and not is_installed(folder))
        return self.folders[folder]

    def read(self, path):
        """The bytes of a source file, remembered with the key that it had before, and shown by tracebacks."""
        key, data = file_key(path), read_bytes(path)
        self.version += path not in self.texts
        self.texts[path] = key, data
        if 'linecache' in sys.modules:
            self.show_lines([path])
        return data

    def compile(self, path):
        """The code object of the file's bytes of now. It is kept: live patching goes by the code that runs."""
        code = self.codes[path] = compile(self.read(path), path, 'exec', 0, True)
        return code

    def show_lines(self, paths):
        """Let tracebacks show the files as they were read, not as they are now. Loads linecache; read() does not."""
        cache = linecache.cache
        for path in paths:
            data = self.texts[path][1]
            cache[path] = len(data), None, source_lines(data), path   # no time: linecache does not check

    def find_spec(self, fullname, path=None, target=None):
        """Called by `import` (PEP 451, or as find_module PEP 302); takes note of what is found and what is not."""
        answer, source = find_plain_source(fullname, path, self, target)
        if source is not None and self.is_local(source):
            self.missing.pop(fullname, None)
            self.version += fullname not in self.modules
            self.modules[fullname] = source
            if not HAS_SPECS:
                return FreshLoader(fullname, source)
            answer.loader = FreshLoader(answer.loader.name, answer.loader.path)
        elif answer is None and source is None and fullname not in self.missing:
            frame = sys._getframe()
            while frame is not None and is_own_frame(frame.f_code.co_filename):
                frame = frame.f_back
            if frame is not None and self.is_local(frame.f_code.co_filename):   # a local file asks for it
                self.miss(fullname, path)
        return answer

    find_module = find_spec

    def miss(self, fullname, path=None):
        """Note that a module was not found in the folders `path`: it is looked for from now on."""
        folders = set(os.path.abspath(folder) for folder in path or sys.path if isinstance(folder, string_types))
        places = [os.path.join(folder, fullname.rpartition('.')[2]) for folder in folders]
        self.missing[fullname] = [place + end for place in places for end in ('.py', os.sep + '__init__.py')
                                  if self.is_local(place + '.py')]
        self.version += 1

    def paths(self):
        """The paths of the local modules that were loaded, and of the places where missing ones would be."""
        found = [path for name, path in list(self.modules.items()) if name in sys.modules or path in self.texts]
        return found + [place for places in list(self.missing.values()) for place in places]

    def stale_modules(self, changed):
        """Names of the local modules to load anew after the files `changed`, and importers; dependencies first."""
        changed, known = set(changed), dict(self.modules)
        stale = set(name for name, path in known.items() if path in changed or not os.path.exists(path))
        stale.update(name for name, places in self.missing.items() if changed.intersection(places))
        more = stale
        while more:
            below = tuple(name + '.' for name in more)
            more = set(name for name in known if name not in stale and (
                name.startswith(below) or self._imports(name) & stale or None in self._imports(name)))
            stale = stale | more
        order, seen = [], set()

        def visit(name):
            if name in stale and name not in seen:
                seen.add(name)
                for other in sorted(self._imports(name) - set([None])):
                    visit(other)
                order.append(name)
        for name in sorted(stale):
            visit(name)
        return [name for name in order if name in sys.modules]

    def _imports(self, name):
        """The names of modules that module `name` may import; None among them when it computes some."""
        path = self.modules.get(name)
        with suppress(EnvironmentError):
            if path is not None and path not in self.texts:
                self.texts[path] = file_key(path), read_bytes(path)
        text = self.texts.get(path)
        if self.imports.get(name, (None,))[0] is not text:
            self.imports[name] = text, imported_names(text[1], name, os.path.basename(path) == '__init__.py')
        return self.imports[name][1] if text else set()


def imported_names(data, module, is_package):
    """The set of absolute names that the source `data` of `module` may import, with None if it computes names."""
    import ast
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, TypeError):
        return set()
    package, names = (module if is_package else module.rpartition('.')[0]).split('.'), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:            # on 2.7 an import may be relative without saying so
                names += [alias.name, '.'.join(package + [alias.name])]
        elif isinstance(node, ast.ImportFrom):
            base = package[:len(package) - (node.level or 1) + 1]
            for parts in [base] if node.level else [[], base]:
                start = parts + [node.module or '']
                names += ['.'.join(filter(None, start + [alias.name])) for alias in node.names]
    found = set([None] if b'import_module' in data or b'__import__' in data else [])
    for name in names:                          # a.b.c is also an import of a and a.b
        while name:
            found.add(name.lstrip('.'))
            name = name.rpartition('.')[0]
    return found


def purge_modules(names):
    """Make the next `import` of the modules `names` load them anew."""
    for name in names:
        module = sys.modules.pop(name, None)
        parent, _, tail = name.rpartition('.')
        if module is not None and getattr(sys.modules.get(parent), tail, None) is module:
            delattr(sys.modules[parent], tail)
    forget_finders()


fresh = FreshFinder()           # one a process, as sys.meta_path is


def settled(key):
    """A folder's key, or () while more may come within the same tick of the file system's clock."""
    return () if key and abs(time.time() - key[3] / TICKS_A_SECOND) < 0.02 else key


class Folder(object):
    """One watched folder. path; key: its own; names: {file name: hash of its key}; trees: those it is part of."""

    __slots__ = ('path', 'key', 'names', 'trees')

    def __init__(self, path):
        self.path, self.key, self.names, self.trees = path, settled(file_key(path)), {}, []


class Watcher(object):
    """Notices which of many files changed, at a small and steady cost.

    entries: see watch_trees().      first: paths that are always hot, such as the script.      exclude: globs.
    clock() -> seconds.
    """

    SAME, WAIT, CHANGED = range(3)

    def __init__(self, entries, first=(), exclude=(), clock=clock_s):
        self.clock, self.hints, self.hinted, self.wanted = clock, None, False, exclusion(exclude)
        self.lock = threads.allocate_lock()
        self.folders, self.first, self.recent = {}, [os.path.abspath(path) for path in first], []
        self.hot_entries = None                 # what each look takes in: [(path, Folder, name)]; None: find out
        self.named, self.owned = set(), set()   # paths that functions name, and those that nothing else names
        self.noted = {}                         # {path: (when it was noticed, digest, key)}
        self.waiting, self.writing, self.racy = {}, {}, {}                  # {path: time since or until when}
        self.names_left = []                    # [(Folder, names)] that this round of the sweep has yet to look at
        self.changed, self.credit_s, self.looked, self.settled = [], 0.0, clock(), False
        paths, trees, self.functions, self.lists = watch_trees(entries, self.wanted)
        for path in paths + self.first:
            self._add(path)
        self.paths = paths[:100]                # some of those that were named one by one
        for tree in trees:
            self._add_folder(tree.root, tree)
        self._ask_functions()
        self.sweeper, self.settled = self._sweep(), True

    # ---- what is watched

    def _folder(self, path):
        """The Folder at `path`, made if need be."""
        if path not in self.folders:
            self.folders[path] = Folder(path)
            if self.hints:
                self.hints.add(path)
        return self.folders[path]

    def _add(self, path):
        """Watch one file, as it was read by the importer, else as it is now. Whether that is new."""
        names, name = self._folder(os.path.dirname(path)).names, os.path.basename(path)
        if name in names:
            return False
        key = fresh.texts[path][0] if path in fresh.texts else file_key(path)
        missed = any(path in places for places in list(fresh.missing.values()))     # when it was asked for
        names[name] = hash(key) if key and not missed else None
        return True

    def _add_folder(self, path, tree, is_known=lambda path: False):
        """Watch what `tree` accepts in the folder and below; what is new there counts as changed."""
        for path, names in tree.walk(path, is_known):
            folder = self._folder(path)
            if tree not in folder.trees:
                folder.trees.append(tree)
            for name in names:
                if name not in folder.names and tree.takes(path, name):
                    folder.names[name] = None               # a state, too: now it came
                    if self.settled:
                        self._check(os.path.join(path, name))
                    else:
                        key = file_key(os.path.join(path, name))
                        folder.names[name] = key and hash(key)

    def _ask_functions(self):
        """Watch the paths that the functions among the entries name now, and no longer those they named before."""
        begin, named = self.clock(), set()
        for function in list(self.functions):
            try:
                named.update(filter(self.wanted, [os.path.abspath(path_text(path)) for path in function()]))
            except Exception:
                show_error(sys.exc_info())
                say('a function among the watch entries raised: it is not asked again', colour=RED)
                self.functions.remove(function)
        self.owned.update(path for path in named - self.named if self._add(path))
        for path in self.owned - named:
            self.owned.discard(path)
            self.folders[os.path.dirname(path)].names.pop(os.path.basename(path), None)
        self.named, self.version = named, fresh.version
        self.ask_again = self.clock() + max(0.5, 50 * (self.clock() - begin))

    def hot(self):
        """The paths that each look takes in."""
        return self.first[:HOT_FILES // 2] + self.recent

    # ---- one look

    def wait(self, seconds):
        """Let `seconds` pass, or less if the kernel has hints; these."""
        with self.lock:                         # the loop and the thread that looks during a run may come at once
            if self.hints is None:
                hints = Hints()
                for path in list(self.folders):
                    hints.add(path)
                self.hints = hints
                release_memory()                # the first pause: a good time
        if self.hinted:                         # a program that writes without a pause must not keep us awake
            time.sleep(0.002)
        hints = self.hints.wait(seconds if self.hints.descriptor is None else 4 * seconds)  # they come at once
        self.hinted = bool(hints)
        return hints

    def look(self, hints=()):
        """The paths that changed since the last look, in the order in which they were noticed."""
        now = self.clock()
        for (folder, name), writing in hints:
            self._follow_hint(self.folders[folder], name, writing, now)
        if self.hot_entries is None:
            self.hot_entries = [(path, self._folder(os.path.dirname(path)), os.path.basename(path))
                                for path in self.hot()]
        for path, folder, name in self.hot_entries:
            key = file_key(path)
            if (key and hash(key)) != folder.names.get(name):
                self._check(path)
        for path in list(self.waiting)[:64]:
            self._check(path)
        for path in [path for path, due in self.racy.items() if due <= now]:
            self._check_content(path)
        if now >= self.ask_again and self.functions or self.version != fresh.version:
            self._ask_functions()
        share = SHARE if not self.hints or self.hints.descriptor is None else SHARE / 4
        self.credit_s = min(self.credit_s + (now - self.looked) * share, 0.005)
        self.looked = now
        sweeping = self.credit_s > BURST_S
        while sweeping and self.credit_s > 0:
            begin, sweeping = self.clock(), next(self.sweeper)
            self.credit_s -= min(max(self.clock() - begin, 1e-6), BURST_S)      # another program may have come between
        found, self.changed = self.changed, []
        return found

    def changed_of(self, paths):
        """Those of `paths` that changed since the last look; notes nothing, so that another thread may ask."""
        found = []
        for path in paths:
            folder, key = self.folders.get(os.path.dirname(path)), file_key(path)
            old = folder.names.get(os.path.basename(path)) if folder else None
            if key is not None and hash(key) != old and self._verdict(path, old, key) == self.CHANGED:
                found.append(path)
        return found

    def _follow_hint(self, folder, name, writing, now):
        """Look where the kernel says. A file that is being written waits for its writer, but not for ever."""
        if not name:
            return self._check_folder(folder)   # the folder itself was removed or exchanged
        path = os.path.join(folder.path, name)
        for tree in folder.trees if name not in folder.names else ():
            if os.path.isdir(path):
                if not is_ignored_folder(folder.path, name):
                    self._add_folder(path, tree)
            elif tree.takes(folder.path, name) and os.path.exists(path):
                folder.names.setdefault(name)
        if writing and name in folder.names:
            self.writing.setdefault(path, now)
        else:
            self.writing.pop(path, None)
        self._check(path)

    def _check(self, path):
        """Take the key of a file, if it is a watched one, and note it as changed if it did."""
        folder, name = self.folders.get(os.path.dirname(path)), os.path.basename(path)
        if folder is None or name not in folder.names:
            return
        old, key = folder.names[name], file_key(path)
        new = key and hash(key)
        verdict = self._verdict(path, old, key) if new != old else self.SAME
        if verdict == self.WAIT:
            self.waiting.setdefault(path, self.clock())
            return
        self.waiting.pop(path, None)
        if new == old:
            return
        self.writing.pop(path, None)
        folder.names[name] = new
        if verdict == self.CHANGED:
            self._note(path, key)
        elif key is not None:
            self.noted[path] = self._known(path, old)[:2] + (key,)

    def _known(self, path, old):
        """(when noticed, digest, key) of the state whose key has the hash `old`, or (long ago, None, None)."""
        noted, text = self.noted.get(path, (-SAME_SAVE_S, None, None)), fresh.texts.get(path)
        for known in (noted, (noted[0], hash(text[1]), text[0]) if text else noted):
            if old is not None and hash(known[2]) == old:
                return known
        return -SAME_SAVE_S, None, None

    def _verdict(self, path, old, key):
        """What it means that the file's key is `key` and the hash of the last one was `old`. Changes nothing."""
        text, now = fresh.texts.get(path), self.clock()
        if key is None or text is not None and text[0] == key:
            return self.SAME                    # gone is no save; or it was read in this very state
        noticed, content, known = self._known(path, old)
        if path in self.writing or key[1] == 0 and not (known and known[1] == 0):
            if now - min(self.waiting.get(path, now), self.writing.get(path, now)) < EMPTY_S:
                return self.WAIT
        # chmod and links change only the last part of the key; cp -p, rsync and vim set times after writing.
        if content is not None and (key[:3] == known[:3] or now - noticed < SAME_SAVE_S):
            if digest(path, key) == content:
                return self.SAME
        return self.CHANGED

    def _note(self, path, key):
        """Remember the file as changed, and look at it often from now on."""
        now = self.clock()
        self.changed.append(path)
        self.noted[path] = now, digest(path, key) if len(self.changed) < 64 else None, key
        if path not in self.first:
            self.hot_entries = None
            self.recent = [path] + [other for other in self.recent if other != path]
            del self.recent[HOT_FILES - min(len(self.first), HOT_FILES // 2):]
        # A second save within the same tick of the file system's clock leaves the key as it is. Some clocks
        # tick in whole seconds, or even in two.
        tick = 2.0 if key[3] % TICKS_A_SECOND == 0 else 0.02
        if abs(time.time() - key[3] / TICKS_A_SECOND) <= tick:
            self.racy[path] = now + tick

    def _check_content(self, path):
        """Compare with what was read when the change was noticed: the key could not tell."""
        del self.racy[path]
        key, text = file_key(path), fresh.texts.get(path)
        if key is None or hash(key) != self.folders[os.path.dirname(path)].names.get(os.path.basename(path)):
            return                              # the key tells
        content = hash(text[1]) if text is not None and text[0] == key else self.noted[path][1]
        if content is not None and path not in self.changed and digest(path, key) not in (content, None):
            self._note(path, key)

    def _check_folder(self, folder):
        """After the folder's time changed: look at all its files, and for new ones."""
        key, before = file_key(folder.path), len(folder.names)
        if key == folder.key:
            return
        if self.hints and key and key[2:3] != (folder.key or ())[2:3]:
            self.hints.add(folder.path)         # made anew, or another folder under this name
        folder.key = settled(key)
        if before > 1000:                       # a second's work at the rate of the sweep: ahead of all others
            self.names_left.append((folder, list(folder.names)))
        else:
            for name in list(folder.names):
                self._check(os.path.join(folder.path, name))
        for tree in folder.trees:
            self._add_folder(folder.path, tree, lambda path: (
                path in self.folders and tree in self.folders[path].trees))
        if len(folder.names) != before or None in folder.names.values():
            for entry in self.lists:
                if (folder.path + os.sep).startswith(os.path.join(entry.tree.root, '')):
                    entry[:] = entry.tree

    def _sweep(self):
        """Look at everything, a small part each time: all local modules and folders, then a slice of all files.

        Yields whether there was anything to do. Modules and folders have their turn five times a second.
        """
        names_left = self.names_left
        while True:
            begin, slices = self.clock(), 0
            for path in list(self.named):
                self._check(path)
                yield True
            for folder in list(self.folders.values()):
                self._check_folder(folder)
                yield True
            if not names_left:                  # a new round over all files
                names_left += [(folder, list(folder.names)) for folder in self.folders.values()]
            while self.clock() - begin < 0.2 or slices < 10 and names_left:
                slices += 1
                if not names_left:
                    yield False
                    continue
                folder, names = names_left[-1]
                start, known = os.path.join(folder.path, ''), folder.names
                for name in names[-50:]:
                    key = file_key(start + name)
                    if (key and hash(key)) != known.get(name):
                        self._check(start + name)
                del names[-50:]
                if not names:
                    names_left.pop()
                yield True

    def close(self):
        """Stop using the kernel's hints."""
        if self.hints:
            self.hints.close()


##############################################################################
## 4. Steps -- what is run on a change
##############################################################################
#
# Gives to those below the steps, which differ in how much of the program runs again: a function, a command, a
# module, a script. Any object with run() is a step. Nothing here looks for changes or catches what a step raises.

__all__ += ['Step', 'Runnable', 'PythonHandle', 'Command', 'ClearTerminal', 'ReloadedPythonModule',
            'ReloadedScript', 'ReloadModules', 'persist']
# What this file imports later, and what that imports.
STANDARD_NAMES = ('bisect codeop collections contextlib copyreg enum fnmatch functools keyword linecache operator re '
                  'reprlib select signal struct textwrap token tokenize traceback types warnings weakref').split()
END_S = 1.0                 # what is asked to end is given this long


class Step(object):
    """Something to run on a change. Subclass it, or write any class with a method run().

    run() may name keyword arguments; it is passed those it names (or all, with **kwargs):
        changed            list of the paths that changed; empty on the first run
        changed_modules    names of the local modules that this makes stale, dependencies first
        steps              all steps of the loop
    stop(), where there is one, is called from another thread when a save arrives during run(), to make it end.
    close(), where there is one, is called when the loop ends.

    >>> class Greet(Step):
    ...     def run(self, changed):
    ...         print('hello, %d changed' % len(changed))
    >>> Greet().run(changed=['a.py'])
    hello, 1 changed
    """

    def run(self):
        """Do it."""
        raise HotloadError('%s has no method run()' % type(self).__name__)


Runnable = Step             # its name in the first hotload


class PythonHandle(Step):
    """Call a function; it is passed those of a step's keyword arguments that it names.

    >>> PythonHandle(lambda: print('called')).run()
    called
    """

    def __init__(self, function):
        self.function = function

    def run(self, **offered):
        """Call the function."""
        self.function(**accepted_keywords(self.function, offered))


def as_step(thing):
    """`thing` as an object with run(): itself, or a PythonHandle of a function."""
    if callable(getattr(thing, 'run', None)):
        return thing
    if callable(thing):
        return PythonHandle(thing)
    raise HotloadError('not a step: %r; expected an object with a method run(), or a function' % (thing,))


def wait_until(test, seconds, clock=clock_s):
    """Wait until test() is true, `seconds` at most."""
    end = clock() + seconds
    while clock() < end and not test():
        time.sleep(0.005)


class Command(Step):
    """Run a shell command and wait for it. A save during it ends it, with all that it started.

    command: str for the shell, or a list of str to run without one.      status: its exit status in the end.

    >>> step = Command('exit 3')
    >>> step.run()
    >>> step.status
    3
    """

    def __init__(self, command):
        import subprocess                       # now: the script may have a module of that name
        self.command, self.popen = command, subprocess.Popen
        self.status, self.process, self.waits_in, self.stopped = 0, None, None, False

    def run(self):
        """Run it in a process group of its own, which has the terminal meanwhile if we had it."""
        flush(sys.stdout)
        terminal = foreground_terminal()
        modes, options = terminal_modes(terminal), {'shell': isinstance(self.command, string_types)}
        if terminal is None:
            options['stdin'] = open(os.devnull)
        if HAS_PROCESS_GROUPS:
            options['preexec_fn'] = lambda: own_group(terminal)
        self.stopped = ended = False
        try:
            try:
                self.process = self.popen(self.command, **options)
                if self.stopped:                # meanwhile
                    self.stop()
                self.waits_in = threads.get_ident()
                self.status = self.process.wait()
                ended = self.status != -signal.SIGINT
            finally:
                self.waits_in = None
                if not ended:                   # by a save or by Ctrl-C: nothing of it stays
                    self.stop()
        finally:
            self.process = None
            if terminal is None:
                options['stdin'].close()
            else:
                quietly(os.tcsetpgrp, terminal, os.getpgrp())
                restore_terminal(terminal, modes)
        if terminal is not None and self.status == -signal.SIGINT:
            os.kill(os.getpid(), signal.SIGINT)         # Ctrl-C went to its group alone, and was meant for us too
        self.status = 128 - self.status if self.status < 0 else self.status

    def stop(self):
        """End the command and what it started: politely, after a second by force."""
        process, self.stopped = self.process, True
        if process is None:
            return
        signal_group(process, 'SIGTERM')
        # In a handler of a signal, which interrupted wait(), poll() cannot tell.
        patience_s = END_S if threads.get_ident() != self.waits_in else END_S / 10
        wait_until(lambda: process.poll() is not None, patience_s)
        # Those that it started may have nobody to reap them.
        wait_until(lambda: not signal_group(process, None), END_S / 5)
        signal_group(process, 'SIGKILL')


def signal_group(process, name):
    """Send the signal `name` to the process and all others of its group; whether there was any (ask with None)."""
    with suppress(EnvironmentError):            # all of it has ended
        if HAS_PROCESS_GROUPS:
            os.killpg(process.pid, getattr(signal, name) if name else 0)
        elif name:
            process.terminate()
        return HAS_PROCESS_GROUPS
    return False


def own_group(terminal):
    """In a new process: leave our process group, and take the terminal along."""
    os.setpgid(0, 0)
    if terminal is not None:
        quietly(os.tcsetpgrp, terminal, os.getpid())
    for name in ('SIGINT', 'SIGPIPE', 'SIGTTOU'):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


def foreground_terminal():
    """The descriptor of the terminal on stdin if this process is in its foreground, else None."""
    with suppress(*NO_STREAM):
        if is_terminal(sys.__stdin__) and os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp():
            return sys.__stdin__.fileno()


def quietly(function, *args):
    """Call a function that sets a terminal, which stops (SIGTTOU) those who are not in its foreground."""
    with suppress(Exception):                   # on Windows; not in the main thread; it is gone (termios.error)
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            function(*args)
        finally:
            signal.signal(signal.SIGTTOU, before)


def terminal_modes(descriptor):
    """How the terminal is set (echo, line editing), to put it back with restore_terminal(); None without one."""
    with suppress(Exception):                   # no termios, no terminal
        import termios
        return termios.tcgetattr(descriptor)


def restore_terminal(descriptor, modes):
    """Set the terminal as terminal_modes() found it: a program that was killed may leave it without echo."""
    if modes is not None and terminal_modes(descriptor) != modes:
        import termios
        quietly(termios.tcsetattr, descriptor, termios.TCSADRAIN, modes)


class ClearTerminal(Step):
    """Clear the terminal, so that each run begins on an empty screen. Does nothing when stdout is none.

    >>> ClearTerminal().run()
    """

    def run(self):
        """Clear, unless HOTLOAD_NO_CLEAR is set."""
        if is_terminal(sys.stdout) and not os.environ.get('HOTLOAD_NO_CLEAR'):
            if HAS_CONSOLE:
                os.system('cls')
            else:
                write(sys.stdout, '\x1b[2J\x1b[3J\x1b[H')


class ReloadedPythonModule(Step):
    """Import a module, then load it again into the same namespace on each run. Other modules stay as they are.

    module: a module, or the name of one (then it is imported by the first run, or when .module is asked for).
    Override pre_reload_hook(module) to clean up before a reload, and post_reload_hook(module) to begin after it.
    Names that were deleted from the file stay in the module, and `name = persist(lambda: name, ...)` keeps values.

    >>> ReloadedPythonModule.from_module_name('this_module_does_not_exist').name
    'this_module_does_not_exist'
    """

    def __init__(self, module):
        by_name = isinstance(module, string_types)
        if not by_name and not hasattr(module, '__name__'):
            raise HotloadError('cannot reload %r: expected a module or its name' % (module,))
        self.name, self.loaded = (module, None) if by_name else (module.__name__, module)

    @classmethod
    def from_module_name(cls, name):
        """A step for the module `name`, which is not imported yet."""
        return cls(name)

    @property
    def module(self):
        """The module, imported if it was not."""
        if self.loaded is None:
            __import__(self.name)
            self.loaded = sys.modules[self.name]
        return self.loaded

    def function(self, name):
        """A function that calls the module's function `name` as it then is; also good as a step."""
        def call(*args, **kwargs):
            return getattr(self.module, name)(*args, **kwargs)
        return call

    def files(self):
        """The path of the module's file, as a list; empty while it is not imported."""
        path = getattr(self.loaded, '__file__', None)
        return [] if path is None else [source_path(path)]

    def run(self):
        """Import or reload it, between the hooks."""
        if self.loaded is not None:
            self.pre_reload_hook(self.loaded)
            fresh.files.update(self.files())
            sys.modules.setdefault(self.name, self.loaded)
            forget_finders()
            self.loaded = reload_module(self.loaded)
        say('Successfully reloaded %s @ %s' % (self.module.__name__, time.strftime('%H:%M:%S')))
        self.post_reload_hook(self.loaded)

    def pre_reload_hook(self, module):
        """Called before each reload, not before the first import."""

    def post_reload_hook(self, module):
        """Called after the import and after each reload that raised nothing."""


class ReloadedScript(Step):
    """Run a script as `python path argv` would, again and again in this process; imported modules stay loaded.

    path: str, the script, whose .py may be left out; or module: str, a module to run as `python -m module argv`.
    argv: list of str.      entrypoint: name of a function in it to call afterwards, such as "main" or "app.run"; a
    module with an entrypoint runs under its own name and not as __main__.      namespace: its dict, kept for good.

    Local modules that changed since, and those that import them, are imported anew.

    >>> ReloadedScript('no such file')
    Traceback (most recent call last):
        ...
    HotloadError: no such file: there is no such script
    """

    def __init__(self, path=None, argv=(), entrypoint=None, module=None):
        if (path is None) == (module is None):
            raise HotloadError('a ReloadedScript takes either a path or a module')
        self.module, self.argv, self.entrypoint, self.as_main = module, list(argv), entrypoint, True
        self.given = self.path = self.before = None
        if path is not None:
            self.given = path = path_text(path)
            if not os.path.isfile(path) and os.path.exists(path + '.py'):
                self.given = path + '.py'
            elif os.path.isdir(path):
                self.given = os.path.join(path, '__main__.py')
            if not os.path.lexists(self.given):
                raise HotloadError('there is no such script', path=self.given)
            self.path = os.path.abspath(self.given)
        self.folder, self.name = self._folder(), module if module and entrypoint else '__main__'
        self.space = type(sys)(self.name)
        self.namespace = vars(self.space)

    def _folder(self):
        """What Python puts first on sys.path: the folder of the script, or of the file that it is a link to."""
        if self.path is None or self.module is not None:
            return os.getcwd()
        target = os.readlink(self.path) if os.path.islink(self.path) else ''
        return os.path.dirname(os.path.abspath(os.path.join(os.path.dirname(self.path), target or self.path)))

    def files(self):
        """The paths of the script, of the local modules it imported, and of places for those it did not find."""
        return ([self.path] if self.path else []) + fresh.paths()

    def run(self, changed=()):
        """Run it once; what it raises goes through."""
        if self.before is None:
            fresh.install([self.folder], self.files()[:1])
            self.before = sys.path, list(sys.path), list(sys.argv), dict(
                (name, sys.modules.get(name)) for name in ('__main__', '__mp_main__', self.name))
            self._leave_names()
        if self.folder != self._folder():       # the link to it was switched
            self.folder = self._folder()
            fresh.add_roots([self.folder])
        purge_modules(fresh.stale_modules(changed))
        forget_finders()
        self._set_path()
        facts = {'__name__': self.name, '__doc__': None, '__package__': None, '__spec__': None, '__loader__': None}
        if self.module is not None:
            try:
                self.given, facts['__package__'], facts['__spec__'] = find_main_module(self.module)
            except ImportError as error:
                fresh.miss(self.module)
                raise HotloadError(str(error))
            facts['__loader__'], self.path = getattr(facts['__spec__'], 'loader', None), self.given
        sys.argv[:] = [self.given] + self.argv
        try:
            code = fresh.compile(self.path)
        except EnvironmentError as error:
            raise HotloadError('cannot be read: %s' % error.strerror, path=self.given)
        self.namespace.update(facts, __file__=self.path)
        self.namespace.pop('__warningregistry__', None)         # a warning is shown once a run
        if self.as_main:
            sys.modules['__main__'] = sys.modules['__mp_main__'] = self.space
        if self.name != '__main__':
            sys.modules[self.name] = self.space
        self.execute(code)

    def execute(self, code):
        """Run its code, and call the entry point."""
        exec(code, self.namespace)
        if self.entrypoint is not None:
            target = self.space
            for part in self.entrypoint.split('.'):
                if not hasattr(target, part):
                    raise HotloadError('has no %r to call' % self.entrypoint, path=self.path)
                target = getattr(target, part)
            target()

    def _leave_names(self):
        """Let the script have modules of its own that are named like those which this file needs."""
        own = set(name[:-3] for name in os.listdir(self.folder) if name.endswith('.py')).intersection(STANDARD_NAMES)
        for module in list(Later.left.values()) if own else ():         # now, while sys.path leads to Python's
            module.import_now()
        for name in own - LOADED_BEFORE:
            sys.modules.pop(name, None)

    def _set_path(self):
        """Set sys.path as Python would, with what earlier runs added, once each; without hotload's own entry."""
        kept, known = self.before[:2]
        added, seen = list(sys.path) if isinstance(sys.path, list) else [], set()
        own = known[0] if known and not HAS_SAFE_PATH and known[0] not in known[1:] else None
        paths = [self.folder] * (not HAS_SAFE_PATH) + [path for path in added + known if path != own]
        kept[:] = [path for path in paths if path not in seen and not seen.add(path)]
        sys.path = kept

    def close(self):
        """Put back what was __main__, sys.path and sys.argv before."""
        if self.before is not None:
            path, entries, argv, modules = self.before
            self.before, path[:], sys.argv[:], sys.path = None, entries, argv, path
            for name, module in modules.items():
                if sys.modules.get(name) is self.space:
                    sys.modules[name] = module
                    if module is None:
                        del sys.modules[name]
            fresh.remove()


class ReloadModules(Step):
    """Reload, in place, the local modules that changed and those that import them, dependencies first.

    main: a module or a name that is left out, since another step runs it; the modules of the loop's
    ReloadedPythonModule steps are left out by themselves. A module that fails stops the step, and it and
    those after it are reloaded by the next run.

    >>> ReloadModules().run(changed_modules=[])
    """

    def __init__(self, main=None):
        self.main, self.pending = getattr(main, '__name__', main), []

    def run(self, changed_modules=(), steps=()):
        """Reload them."""
        elsewhere = [step.name for step in steps if isinstance(step, ReloadedPythonModule)]
        elsewhere += [self.main, '__main__']
        names = self.pending + [name for name in changed_modules if name not in self.pending]
        self.pending = [name for name in names if name not in elsewhere]
        while self.pending:
            if self.pending[0] in sys.modules:
                forget_finders()
                reload_module(sys.modules[self.pending[0]])
            del self.pending[0]


def persist(read, compute):
    """What `read()` gives, or `compute()` if the name that it reads is not there: keeps a value between reloads.

    read: function that reads the name that the value is assigned to.      compute: function without arguments.
    Only a NameError raised by `read` itself leads to `compute`.

    >>> for run in range(2):
    ...     answer = persist(lambda: answer, lambda: print('computed') or 42)
    computed
    >>> answer
    42
    """
    try:
        return read()
    except NameError:
        trace = sys.exc_info()[2]
        if trace.tb_next is None or trace.tb_next.tb_next is not None:
            raise                   # from something that it called
    return compute()


##############################################################################
## 5. Loop -- look, run, look again
##############################################################################
#
# Gives to those below Loop: tick() looks once and runs the steps if something changed; forever() repeats that.
#
# Nothing that a run does may end the loop or spoil the next run. So each run is called by Loop._call(), which
# catches whatever leaves it, between Process.restore() calls, which put back what the process had. While a run
# goes on a thread looks at a few hot files; a save makes the run stale, and Interrupts raises Stale inside it
# through the handler of SIGINT, the one way to interrupt a wait in a system call as well. It raises only while the
# innermost frame is the user's: never in our own code, and not while an installed package is half imported.

__all__ += ['hotload', 'Loop']
RATE = 144.0                # looks a second
IMPORT_S = 10.0             # an import of an installed package is left alone for so long


class Stale(KeyboardInterrupt):
    """Raised in a run that a newer save has made stale. (asyncio and unittest let a KeyboardInterrupt through.)"""


class Interrupts(object):
    """The handler of SIGINT: a press of Ctrl-C, or a save that makes the run stale.

    base: the frame above which the user's code runs, or None.      asking: that in which input() waits, or None.
    presses: how often Ctrl-C was pressed.      flying() -> the last Stale, while anything holds it.
    is_save() -> whether another process sent the signal for a save.      typed: what stood in the prompt it ended.
    """

    def __init__(self):
        self.base, self.asking, self.requested, self.presses = None, None, False, 0
        self.pid, self.main_thread, self.before, self.importing = os.getpid(), threads.get_ident(), None, False
        self.flying = lambda: None
        self.on_press, self.is_save, self.typed = lambda: None, lambda: False, ''

    def install(self):
        """Take SIGINT over. Whether that could be done: only in the main thread, where there are signals."""
        with suppress(ValueError):
            self.before = signal.signal(signal.SIGINT, self.handle) if HAS_SIGNALS else None
            return HAS_SIGNALS
        return False

    def remove(self):
        """Give SIGINT back."""
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
            self.before = None

    def handle(self, number, frame):
        """Raise, where that is right; called by Python in the main thread."""
        if os.getpid() != self.pid:             # a child that the script forked
            raise KeyboardInterrupt
        if not (self.requested or self.is_save()):
            self.presses += 1
            self.on_press()
            raise KeyboardInterrupt
        self.requested = False
        if frame is self.asking or self.base is not None and self._may_raise(frame):
            if frame is self.asking and 'readline' in sys.modules:
                with suppress(Exception):       # PyPy's own readline, on a terminal that it does not like
                    self.typed = sys.modules['readline'].get_line_buffer()
            self.asking, stale = None, Stale()
            self.flying = weak_reference(stale)
            raise stale

    def _may_raise(self, frame):
        """Whether the innermost frame is the user's and no installed package is being imported; notes this."""
        innermost, self.importing = frame, False
        while frame is not None and frame is not self.base:
            code = frame.f_code
            if code.co_name == '<module>' and frame.f_globals.get('__name__') != '__main__':
                self.importing |= not code.co_filename.startswith('<') and not fresh.is_local(code.co_filename)
            frame = frame.f_back
        return frame is not None and not self.importing and not is_own_frame(innermost.f_code.co_filename)

    def request(self):
        """Ask the main thread to raise Stale; from another thread."""
        self.requested = True
        signal_main_thread(self.main_thread)

    def is_unwinding(self):
        """Whether the last Stale still runs through `finally` blocks; nothing holds one that was swallowed."""
        return self.flying() is not None


def signal_handlers():
    """{number: handler} of all signals."""
    numbers = range(1, getattr(signal, 'NSIG', 65)) if HAS_SIGNALS else ()
    return dict((number, getsignal(number)) for number in numbers)


class Process(object):
    """What a run may change in the process, and the next run must find as it was when this was made.

    The functions that the user's code gives to atexit are kept here, for the begin of its next run.
    """

    def __init__(self):
        import atexit
        self.exits, self.atexit, self.atexits = [], atexit, {}
        for name in ('register', 'unregister'):
            if hasattr(atexit, name):           # 2.7 has the first only
                self.atexits[name] = getattr(atexit, name)
                setattr(atexit, name, getattr(self, name))
        streams = 'stdin', 'stdout', 'stderr'
        self.held = dict((name, getattr(sys, name)) for name in streams + ('excepthook', 'displayhook'))
        self.spares = {}                        # {name: (descriptor, duplicate of it, for when the run closes it)}
        for name in streams:
            with suppress(Exception):           # a host's own object: no fileno, or one that raises its own error
                number = self.held[name].fileno()
                self.spares[name] = number, duplicate(number)
        self.trace, self.profile, self.handlers = sys.gettrace(), sys.getprofile(), signal_handlers()
        self.folder = '.'
        with suppress(EnvironmentError):        # it was deleted
            self.folder = os.getcwd()

    def restore(self):
        """Put everything back."""
        for name, (number, spare) in self.spares.items():
            try:
                os.fstat(number)
            except EnvironmentError:
                os.dup2(spare, number)
            old = self.held[name]
            if getattr(old, 'closed', False):
                self.held[name] = fresh_text_stream(number, 'r' if name == 'stdin' else 'w', old)
                if getattr(sys, '__%s__' % name) is old:
                    setattr(sys, '__%s__' % name, self.held[name])
        for name, value in self.held.items():
            setattr(sys, name, value)
        if sys.gettrace() is not self.trace:
            sys.settrace(self.trace)
        if sys.getprofile() is not self.profile:
            sys.setprofile(self.profile)
        for timer in ('ITIMER_REAL', 'ITIMER_VIRTUAL', 'ITIMER_PROF'):      # they would end the process now
            if HAS_SIGNALS and hasattr(signal, timer):
                signal.setitimer(getattr(signal, timer), 0)
        for number, handler in signal_handlers().items():
            if handler != self.handlers[number] and self.handlers[number] is not None:
                with suppress(ValueError, EnvironmentError):    # not in the main thread; one that cannot be set
                    signal.signal(number, self.handlers[number])
        with suppress(EnvironmentError):        # gone for the moment
            os.chdir(self.folder)

    def register(self, function, *args, **kwargs):
        """Stands in for atexit.register."""
        if not fresh.is_local(sys._getframe(1).f_code.co_filename):
            return self.atexits['register'](function, *args, **kwargs)
        self.exits.append((function, args, kwargs))
        return function

    def unregister(self, function):
        """Stands in for atexit.unregister."""
        self.exits = [entry for entry in self.exits if entry[0] != function]
        self.atexits['unregister'](function)

    def call_exits(self):
        """Call what the user's code gave to atexit, the last one first, as Python does at its end."""
        while self.exits:
            function, args, kwargs = self.exits.pop()
            try:
                with suppress(SystemExit):
                    function(*args, **kwargs)
            except Exception:
                show_error(sys.exc_info())

    def close(self):
        """Give back the duplicates, and atexit's own functions."""
        for name, function in self.atexits.items():
            setattr(self.atexit, name, function)
        for _, spare in self.spares.values():
            os.close(spare)


def other_threads():
    """The threads that live, without the main one, the calling one, and those that threading did not start."""
    threading = sys.modules.get('threading')
    return [thread for thread in threading.enumerate() if thread is not threading.current_thread()
            and type(thread).__name__ not in ('_MainThread', '_DummyThread')] if threading else []


def changed_text(paths):
    """What the status line says of the changed files: 'b.py, a.py changed, ', or ''."""
    seen = set()
    names = [name for name in map(os.path.basename, paths) if name not in seen and not seen.add(name)]
    more = ' and %d more' % (len(names) - 3) if len(names) > 4 else ''
    return '%s%s changed, ' % (', '.join(names[:3] if more else names), more) if names else ''


class Loop(object):
    """Runs steps once, then again whenever one of the watched files changed.

    watch: list whose entries are a path, a folder (the .py files below it), a glob, an iterable of paths, or a
    function that returns paths; what the steps have in files() is watched, too.      steps: list of steps (see
    Step), or functions.      rate: looks a second.      interrupt: whether a save ends a run (in the main thread).
    exclude: globs of what is left out.      clock() -> seconds, sleep(seconds): for tests.      roots: the folders
    whose modules are local; default: that of the main script, or the current one, and those that are watched.
    quiet: say nothing of runs that went well.      watch_steps: False to watch exactly `watch`.

    runs: how many runs there were.      status: the exit status of the last one.

    >>> loop = Loop([], [lambda: print('run')])
    >>> loop.run()
    run
    >>> loop.tick()             # nothing changed
    []
    >>> loop.close()
    """

    def __init__(self, watch, steps, rate=RATE, interrupt=False, clock=clock_s, sleep=None, exclude=(), roots=None,
                 quiet=False, watch_steps=True):
        try:
            self.pause_s = 1.0 / rate
        except (TypeError, ZeroDivisionError):
            raise HotloadError('the rate is %r; expected a number of looks a second above 0' % (rate,))
        watch = [watch] if isinstance(watch, (FileList,) + string_types) or callable(watch) else list(watch)
        self.steps = [as_step(step) for step in (steps if isinstance(steps, (list, tuple)) else [steps])]
        self.clock, self.sleep, self.interrupt, self.quiet, self.in_main = clock, sleep, interrupt, quiet, True
        self.runs, self.status, self.running, self.stopping, self.waits_first = 0, 0, 0, False, False
        self.stale, self.stale_since, self.found, self.hints_left = [], 0.0, [], []
        self.pid, self.step, self.thread, self.stream = os.getpid(), None, None, sys.stderr
        self.lock, self.watching = threads.allocate_lock(), []      # the runs whose threads have not ended
        if roots is None:
            main = getattr(sys.modules.get('__main__'), '__file__', None)
            here = os.path.dirname(os.path.abspath(main)) if main else os.getcwd()
            roots = [tree.root for tree in watch_trees(watch, bool)[1]]
            roots.append(os.getcwd() if is_installed(here) else here)
        files = [step.files for step in self.steps if hasattr(step, 'files')]
        fresh.install(roots)
        try:
            first = [path for list_ in files for path in list_()[:1]]
            self.watcher = Watcher(watch + files * watch_steps, first, exclude, clock)
        except BaseException:
            fresh.remove()
            raise
        fresh.show_lines(list(fresh.texts))
        self.process, self.interrupts = Process(), Interrupts()
        self.environment = os.environ.get('HOTLOAD_RUNNING')
        os.environ['HOTLOAD_RUNNING'] = '1'
        if HAS_FORK_WARNING:                    # the thread that looks for saves is no danger to a script's child
            ignore_fork_warning()

    # ---- what the user calls

    def tick(self, hints=None):
        """Look once, and run the steps if something changed; the paths that did. hints: from Watcher.wait()."""
        if hints is None:
            hints = self.watcher.wait(0)
        with self.lock:
            hints, self.hints_left = self.hints_left + list(hints), []
            changed, self.found = self.found + self.watcher.look(hints), []
        if changed:
            self.run(changed)
        return changed

    def forever(self):
        """Run the steps, then tick until Ctrl-C or stop(). None."""
        self.in_main = self.interrupts.install()
        self.interrupt = self.interrupt and self.in_main
        self.process.handlers = signal_handlers()
        try:
            if not self.waits_first:
                self.run()
            while not self.stopping:
                self.idle()
        except KeyboardInterrupt:
            self.interrupts.presses = max(self.interrupts.presses, 1)       # 0: before our handler was there
        finally:
            self.close()
            self.interrupts.remove()

    def idle(self):
        """Wait as long as the rate says, or for the kernel's hint, and tick."""
        hints = self.watcher.wait(self.pause_s) if self.sleep is None else self.sleep(self.pause_s) or ()
        if not self.tick(hints) and self.stale and self.clock() - self.stale_since > 2 * EMPTY_S:
            self.run(self.stale)                # a run was ended for a save which then turned out to be none

    def stop(self):
        """Let the loop end after the run that goes on. From any thread."""
        self.stopping = True

    def join(self, timeout=None):
        """Wait at most `timeout` seconds for a loop of start() to end. Whether it did."""
        self.thread.join(timeout)
        return not self.thread.is_alive()

    def close(self):
        """Give back what the loop took: the finder, atexit, signals, what was __main__."""
        if self.process is None:
            return
        wait_until(lambda: not self.watching, 2 * END_S)        # on 2.7 a thread does not survive the interpreter
        self.process.call_exits()
        self._restore()
        for step in self.steps:
            getattr(step, 'close', int)()
        fresh.remove()
        self.watcher.close()
        self.process.close()
        self.process = None
        os.environ.pop('HOTLOAD_RUNNING', None)
        if self.environment is not None:
            os.environ['HOTLOAD_RUNNING'] = self.environment

    # ---- one run

    def run(self, changed=()):
        """Run all steps once, and say how it went."""
        self.runs += 1
        self.stale, self.interrupts.flying, changed = [], lambda: None, list(changed)
        self._restore()
        self.process.call_exits()
        known, begin, results = other_threads(), self.clock(), []
        self.running, self.status = self.runs, 0
        try:
            if self.interrupt or any(hasattr(step, 'stop') for step in self.steps):
                try:
                    self.watching.append(self.running)
                    threads.start_new_thread(self._watch_run, (self.running,))
                except (RuntimeError, threads.error):           # a host without threads: a save waits for its end
                    self.watching.remove(self.running)
            for self.step in self.steps:
                results.append(self._result_of(self._call(changed)))
                if self.stale:
                    break
        finally:
            self.running, self.step = 0, None
        taken_ms = 1000 * (self.clock() - begin)
        flush(getattr(sys, 'stdout', None))     # the script's own, and then ours
        self._restore()
        flush(sys.stdout)
        self._tell(changed, results, taken_ms, [thread.name for thread in other_threads() if thread not in known])

    def _restore(self):
        if self.in_main:                        # a loop in the background leaves the prompt's process alone
            self.process.restore()

    def _call(self, changed):
        """Call the step's run(); what it raised, as sys.exc_info(), or None. Stale is only ever raised within."""
        target = self.step.function if isinstance(self.step, PythonHandle) else self.step.run
        keywords = accepted_keywords(target, {'changed': changed, 'changed_modules': None, 'steps': self.steps})
        if 'changed_modules' in keywords:
            keywords['changed_modules'] = fresh.stale_modules(changed)
        self.interrupts.base = sys._getframe()
        try:
            self.step.run(**keywords)
        except BaseException:                   # whatever it is: the loop goes on, unless Ctrl-C was pressed
            return sys.exc_info()
        finally:
            self.interrupts.base = None
        return None

    def _result_of(self, info):
        """What to say of a step that ended with `info`, which is shown: '' when all is well.

        The status of the run is that of the first step that failed.
        """
        if os.getpid() != self.pid:
            self._leave_child(info)
        if self.interrupts.presses:
            raise KeyboardInterrupt
        if self.stale:
            return 'stopped by a save'
        status = self._show(info) if info else getattr(self.step, 'status', 0)
        if info:
            getattr(self.step, 'show_past', int)()              # of a recorded script
        self.status = self.status or status
        if info and not issubclass(info[0], SystemExit):
            return 'failed: %s' % info[0].__name__
        return 'exit %d' % status if status else ''

    def _show(self, info):
        """Print what was raised, by the script's own sys.excepthook if it set one; the status it gives."""
        if issubclass(info[0], SystemExit):
            return exit_status(info[1])
        hook = getattr(sys, 'excepthook', None)
        try:
            if issubclass(info[0], HotloadError) and users_trace(info[2]) is None:
                say(str(info[1]), colour=RED)
            elif self.in_main and hook and hook is not self.process.held['excepthook']:
                hook(info[0], info[1], users_trace(info[2]))
            else:
                show_error(info, getattr(sys, 'stderr', None) or self.stream)
        except Exception:                       # in the hook
            show_error(sys.exc_info())
            show_error(info, getattr(sys, 'stderr', None) or self.stream)
        return 1

    def _leave_child(self, info):
        """End a child that the script forked and that came back here, as Python would have ended it."""
        status = self._show(info) if info else 0
        for thread in other_threads():
            if not thread.daemon:
                thread.join()
        self.process.call_exits()
        flush(getattr(sys, 'stdout', None))
        flush(getattr(sys, 'stderr', None))
        os._exit(status & 0xff)

    def _tell(self, changed, results, taken_ms, threads_left):
        """The line that ends a run."""
        result = ([result for result in results if result] or ['ok'])[0]
        time_text = 'in %.0f ms' % taken_ms if taken_ms < 10000 else 'in %.1f s' % (taken_ms / 1000)
        if result != 'ok' or not self.quiet:
            say('%srun %d %s %s' % (changed_text(changed), self.runs, result, time_text), self.stream,
                RED if result != 'ok' and not self.stale else DIM)
        if threads_left and not self.quiet:
            say('threads of run %d live on: %s' % (self.runs, ', '.join(sorted(threads_left))), self.stream)

    # ---- the end of a stale run, from a thread of its own

    def _watch_run(self, number):
        """While run `number` goes on, look for saves; one makes it stale, and it is ended."""
        turn = 0
        try:
            time.sleep(0.03)                    # most runs are over by then; each look costs a switch of threads
            while self.running == number and os.getpid() == self.pid:
                self.on_beat()
                hints, turn = self.watcher.wait(0.02), turn + 1
                with self.lock:
                    changed = self._look_meanwhile(hints, turn)
                if changed and self.running == number:
                    return self._end_run(number, changed)
        finally:
            self.watching.remove(number)

    def _look_meanwhile(self, hints, turn):
        """The paths that changed since a run began: a command leaves time for all files, Python code for few."""
        if hasattr(self.step, 'stop'):
            self.found += self.watcher.look(hints)
            return self.found
        self.hints_left = (self.hints_left + list(hints))[-500:]
        hot = self.watcher.hot()
        rest = hot[2:] + self.watcher.paths + fresh.paths()
        some = [rest[at % len(rest)] for at in (2 * turn, 2 * turn + 1)] if rest else []
        hinted = [os.path.join(folder, name) for (folder, name), _ in self.hints_left[-8:]
                  if name in self.watcher.folders[folder].names]
        return self.watcher.changed_of(hot[:2] + some + hinted)

    def _end_run(self, number, changed):
        """Make run `number` end: ask its step, then interrupt it, again and again; at last give up on it."""
        stop = getattr(self.step, 'stop', None)
        if stop is None and not self.interrupt:
            return
        self.stale, self.stale_since = list(changed), self.clock()
        if stop is not None:
            try:
                stop()
            except Exception:
                show_error(sys.exc_info(), self.stream)
            wait_until(lambda: self.running != number, END_S, self.clock)
        begin, pause_s, longest = self.clock(), 0.02, self.clock() + IMPORT_S
        while self.running == number and self.interrupt:
            self.on_beat()
            if not self.interrupts.is_unwinding() or self.clock() - begin > END_S:
                self.interrupts.request()
            wait_until(lambda: self.running != number, pause_s, self.clock)
            pause_s = min(1.5 * pause_s, 0.25)
            if self.interrupts.importing and self.clock() < longest:
                begin, pause_s = self.clock(), 0.02
            if self.clock() - begin > END_S * (2 if self.interrupts.is_unwinding() else 1):
                break
        if self.running == number:
            self.on_stuck()

    def on_beat(self):
        """Called often, in the thread that looks for saves."""

    def on_stuck(self):
        """Called in that thread when it could not end the run."""
        say('run %d cannot be interrupted: the save waits for its end' % self.runs, self.stream, RED)


def exit_status(error):
    """The status that Python would give for the SystemExit `error`; prints its message, as Python does."""
    code = error.code
    if code is None or isinstance(code, int):
        return int(code or 0)
    write(getattr(sys, 'stderr', None), '%s\n' % (code,))
    return 1


def hotload(watch, steps, waittime_ms=None, rate=RATE, interrupt=False):
    """Run `steps` now and whenever one of the files `watch` changes. Blocks; returns None after Ctrl-C.

    watch, steps, rate, interrupt: see Loop.      waittime_ms: the old spelling of rate: SECONDS between two looks.
    A step that raises is shown, the other steps are run, and the loop goes on.

        hotload(watch=[listfiles(".", ext=".py")], steps=[ReloadedPythonModule.from_module_name("lib")])

    >>> hotload([], [lambda: os.kill(os.getpid(), signal.SIGINT)])
    """
    if waittime_ms is not None:
        rate = 1.0 / max(waittime_ms, 1e-4)
    Loop(watch, steps, rate, interrupt).forever()


def start(watch, steps, rate=RATE):
    """Do what hotload() does in a daemon thread, so that the prompt can be used meanwhile. Returns the Loop.

    >>> loop = start([], [lambda: None])
    >>> loop.stop()
    >>> loop.join(10)
    True
    """
    import threading
    loop = Loop(watch, steps, rate)
    for step in loop.steps:
        if isinstance(step, ReloadedScript):
            step.as_main = False                # the prompt stays __main__
    loop.thread = threading.Thread(target=loop.forever, name='hotload')
    loop.thread.daemon = True
    loop.thread.start()
    return loop


##############################################################################
## 6. Command line -- hotload SCRIPT
##############################################################################
#
# Gives to those below MODES, into which they enter what runs again on a save, with its options; and main().
#
# The program forks: the parent only waits (supervise), the child does the work (Worker). So also what kills a
# process does not end the loop: a crash in C, os._exit(), a call that never lets go of the interpreter. They share
# a few bytes of memory, in which the worker says what it runs and that it is alive.

__all__ += ['main']
OPTIONS = [     # (short, long, what it takes or None, help); a name that ends in '*' may be given again
    ('w', 'watch*', 'PATH', 'also watch this file, folder (its .py files) or glob; - waits for a list on stdin; '
     'with --live: patch modules of these only'),
    ('x', 'exclude*', 'GLOB', 'do not watch what matches'),
    ('c', 'command*', 'COMMAND', 'run a shell command on each save; after SCRIPT, if there is one'),
    ('m', 'module', None, 'the next word is a module or MODULE:FUNCTION, run as python -m does'),
    ('', 'entrypoint', 'NAME', 'call this function of the script after each run'),
    ('', 'rate', 'N', 'looks a second (144)'),
    ('', 'interrupt', None, 'a save ends the run that goes on (default)'),
    ('', 'no-interrupt', None, 'a save waits for the end of the run'),
    ('', 'no-clear', None, 'do not clear the terminal before each run'),
    ('', 'clear-terminal', None, 'clear it (default, but for -c alone)'),
    ('', 'hotload', 'MODULE', 'reload this module instead of running a script'),
    ('', 'run', None, 'the rest of the line is a command, as with -c'),
    ('i', 'interactive', None, 'a Python prompt in the script\'s namespace between the runs'),
    ('q', 'quiet', None, 'say nothing of runs that went well'),
    ('v', 'verbose', None, 'say what is watched'),
    ('', 'version', None, 'print the version'),
    ('h', 'help', None, 'print this'),
]


class Mode(object):
    """What runs again on a save: a row of MODES.

    name: of its flag, None for the default.      help: one line.      options: rows like those of OPTIONS.
    make_step(choice) -> the step, for a choice that names a script or a module.
    main(choice) -> exit status: does all in place of a loop, or None.
    without: long names of options that mean nothing to it, in one text.
    """

    def __init__(self, name, help, make_step, options=(), main=None, without=''):
        self.name, self.help, self.make_step, self.main = name, help, make_step, main
        self.options, self.without = list(options), without.split()


MODES = [Mode(None, 'the whole script, in this process', lambda choice: ReloadedScript(
    choice.script, choice.argv, choice.get('entrypoint') or choice.function, choice.module))]


def option_rows():
    """The rows of all options: the common ones, the modes' flags, and the modes' own."""
    return OPTIONS + [row for mode in MODES[1:] for row in [('', mode.name, None, mode.help)] + mode.options]


def split_options(argv, rows):
    """([(row of the option, its value or '')], the words after them) of the command line `argv`.

    A long name may be cut short, where that leaves one option only. (getopt imports gettext, and that re and more.)
    """
    found, words = [], list(argv)
    while words and words[0].startswith('-') and words[0] != '-':
        word = words.pop(0)
        if word == '--':
            break
        if word.startswith('--'):
            name, given, value = word[2:].partition('=')
            known = [row for row in rows if row[1].rstrip('*').startswith(name)]
            known, word = [row for row in known if row[1].rstrip('*') == name] or known, '--' + name
        else:
            known, given, value, word = [row for row in rows if row[0] == word[1]], word[2:], word[2:], word[:2]
        if len(known) != 1:
            raise HotloadError('option %s %s; hotload -h lists the options' % (
                word, 'may mean several' if known else 'not recognized'))
        takes = known[0][2]
        if takes and not given and words:
            value = words.pop(0)
        if takes and not value:
            raise HotloadError('%s: expected %s after it' % (word, takes))
        if given and not takes:
            if word.startswith('--'):
                raise HotloadError('option %s takes no value; hotload -h lists the options' % word)
            words.insert(0, '-' + value)        # several in one word
            value = ''
        found.append((known[0], value))
    return found, words


class Choice(dict):
    """A command line, parsed: {long name of an option: value, True or list}.

    mode: the Mode.      script, module, function: what to run, or None.      argv: list of its arguments.
    """

    def __init__(self, argv):
        options, rest = split_options(argv, option_rows())
        for (_, name, takes, _), value in options:
            if name.endswith('*'):
                self.setdefault(name[:-1], []).append(value)
            else:
                self[name] = value if takes else True
        chosen = [mode for mode in MODES if mode.name in self]
        if len(chosen) > 1:
            raise HotloadError('--%s and --%s do not go together' % (chosen[0].name, chosen[1].name))
        self.mode = (chosen or MODES)[0]
        for mode, name in [(mode, row[1].rstrip('*')) for mode in MODES for row in mode.options]:
            if name in self and mode is not self.mode:
                raise HotloadError('--%s goes with --%s' % (name, mode.name))
        for name in self.mode.without:
            if name in self:
                raise HotloadError('--%s and --%s do not go together' % (self.mode.name, name))
        self._take_rest(rest)

    def _take_rest(self, rest):
        """What stands after the options: SCRIPT ARGS, MODULE ARGS or a command."""
        self.script = self.module = self.function = None
        if not rest and ('run' in self or 'module' in self):
            raise HotloadError('%s after it' % ('--run: expected a command' if 'run' in self else
                                                '-m: expected a module'))
        if 'run' in self:
            self.setdefault('command', []).append(rest[0] if len(rest) == 1 else rest)
            rest = []
        elif 'module' in self:
            self.module, _, function = rest.pop(0).partition(':')
            self.function = function or None
        elif rest and 'hotload' not in self:
            self.script = rest.pop(0)
        self.argv = rest
        try:
            self.rate = float(self.get('rate', RATE))
            if not 0 < self.rate <= 10000:
                raise ValueError
        except ValueError:
            raise HotloadError('--rate %s: expected a number of looks a second, above 0' % self['rate'])
        if 'interactive' in self and not self.runs_code() and not self.mode.main:
            raise HotloadError('-i: expected a script or a module, whose namespace the prompt is to show')

    def runs_code(self):
        """Whether a script or a module is to be run, and not only commands."""
        return bool(self.script or self.module or 'hotload' in self)


def help_text():
    """What -h prints: the beginning of this file's docstring, and the options."""
    lines = ['  %4s%-22s%s' % (short and '-%s, ' % short, '--%s %s' % (long.rstrip('*'), takes or ''), text)
             for short, long, takes, text in option_rows()]
    return '%s\n%s\n' % ((__doc__ or '').partition('The same from Python')[0], '\n'.join(lines))


def read_list(patient):
    """The list of paths on stdin, as a file, or None if stdin is no list: not a pipe, or silent for two seconds.

    patient: wait for ever, and take stdin for a list whatever it is.
    """
    import stat
    import tempfile
    try:
        if not patient and not stat.S_ISFIFO(os.fstat(0).st_mode):
            return None
        if not patient and not HAS_CONSOLE and not select.select([0], [], [], 1)[0]:
            say('waiting for a list of files on stdin')
            if not select.select([0], [], [], 1)[0]:
                say('there is none: stdin is left to the script')
                return None
        listed, data = tempfile.TemporaryFile(), b'begin'   # a file: it may be long, and a new worker needs it
        while data:
            data = os.read(0, 65536)
            listed.write(data)
    except EnvironmentError:                    # closed
        return None
    if not any(os.path.isfile(path) for path in listed_paths(listed)):
        raise HotloadError('the list on stdin names no file; pipe one path a line, such as: '
                           'find . -name "*.py" | hotload ...')
    try:                                        # the script's input comes from the terminal again
        source = os.open('CONIN$' if HAS_CONSOLE else '/dev/tty', os.O_RDWR)
    except EnvironmentError:
        source = os.open(os.devnull, os.O_RDWR)
    os.dup2(source, 0)
    os.close(source)
    return listed


def listed_paths(listed):
    """The paths in a list that was read from stdin, one by one; folders are passed over."""
    listed.seek(0)
    for line in listed:
        name = line.rstrip(b'\r\n')
        name = name if str is bytes else os.fsdecode(name)
        if name and not os.path.isdir(name):
            yield os.path.abspath(name)


class Shared(object):
    """A few bytes that the supervisor and its worker both see; each field is a number below 2 ** 32.

    ended: the loop ended by itself.      saved: a SIGINT that comes now is a save.      running: the run's number,
    or 0.      beat: counts while the worker is alive.      runs: how many there were.      stuck: it gave up on a
    run.      presses: how often the worker saw Ctrl-C.      size: of the keys that follow.
    """

    FIELDS = ('ended', 'saved', 'running', 'beat', 'runs', 'stuck', 'presses', 'size')
    START, SIZE = 32, 65536

    def __init__(self):
        import marshal
        import mmap
        vars(self).update(memory=mmap.mmap(-1, self.SIZE), marshal=marshal)

    def __getattr__(self, name):
        return struct.unpack_from('=I', self.memory, 4 * self.FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        struct.pack_into('=I', self.memory, 4 * self.FIELDS.index(name), value)

    def set_keys(self, paths):
        """Note the keys that the files have at the begin of a run."""
        data = self.marshal.dumps([(path, file_key(path)) for path in paths])
        self.size = len(data) if len(data) < self.SIZE - self.START else 0
        self.memory[self.START:self.START + self.size] = data[:self.size]

    def changed(self):
        """Whether one of those files has another key now."""
        keys = self.marshal.loads(self.memory[self.START:self.START + self.size]) if self.size else []
        return any(file_key(path) not in (key, None) for path, key in keys)


class Worker(Loop):
    """The loop of the command line: tells its supervisor how it is, and ends on signals as a program should."""

    def __init__(self, shared, parent, choice, command_line, *args, **options):
        Loop.__init__(self, *args, **options)
        self.shared, self.parent, self.command_line, self.runs = shared, parent, command_line, shared.runs
        self.interrupts.is_save, self.interrupts.on_press = self._take_save, self._count_press
        self.is_verbose = 'verbose' in choice
        if 'interactive' in choice:
            self.idle = make_prompt(self)
        for name in ('SIGTERM', 'SIGHUP'):
            number = getattr(signal, name, None)
            if HAS_SIGNALS and number and getsignal(number) == signal.SIG_DFL:
                signal.signal(number, lambda number, frame: self._end_now(128 + number))

    def run(self, changed=()):
        """Run the steps, and let the supervisor know."""
        hot = self.watcher.hot() + self.watcher.paths + fresh.paths()[:50]
        self.shared.set_keys(hot if self.interrupt else [])
        self.shared.runs = self.shared.running = self.runs + 1
        try:
            Loop.run(self, changed)
        finally:
            if os.getpid() == self.pid:
                self.shared.running = 0
        if self.is_verbose:
            modules = sorted(name for name in fresh.modules if name in sys.modules)
            say('watching %d files in %d folders; local modules: %s' % (
                sum(len(folder.names) for folder in self.watcher.folders.values()), len(self.watcher.folders),
                ', '.join(modules) or 'none'), self.stream)

    def idle(self):
        """As in any loop; but when the supervisor was killed, end."""
        self.on_beat()
        Loop.idle(self)

    def on_beat(self):
        """Tell the supervisor that all is well."""
        self.shared.beat = (self.shared.beat + 1) % 2 ** 32
        if self.parent and os.getppid() != self.parent:
            self._end_now(1)

    def _count_press(self):
        self.shared.presses += 1
        if self.interrupts.presses > 1:         # the script caught the first one
            self._end_now(130)

    def _take_save(self):
        """Whether the supervisor sent this SIGINT because of a save."""
        if not self.shared.saved or not self.running:
            return False
        self.shared.saved, self.stale, self.stale_since = 0, self.watcher.hot(), self.clock()
        return True

    def _end_now(self, status):
        """End this process at once; the command that it may be waiting for, too."""
        if os.getpid() == self.pid:
            self.shared.ended = max(1, status)
            getattr(self.step, 'stop', int)()
        flush(getattr(sys, 'stdout', None))
        os._exit(status)

    def on_stuck(self):
        """Let the supervisor start anew, or become a new process."""
        if self.parent:
            self.shared.stuck = 1
            os._exit(1)
        if not HAS_EXEC:
            return Loop.on_stuck(self)
        say('run %d did not stop: started over, its state is lost' % self.runs, self.stream, RED)
        os.execv(sys.executable, [sys.executable] + self.command_line)


def make_prompt(loop):
    """The function that stands in for loop.idle() under -i: a Python prompt, which a save interrupts for a run."""
    import code
    try:
        import readline
    except ImportError:
        readline = None
    step = [step for step in loop.steps if hasattr(step, 'namespace') or hasattr(step, 'loaded')][0]
    interrupts, looking = loop.interrupts, threads.allocate_lock()

    def look():
        """In a thread while input() waits: look for saves, and interrupt it."""
        with looking:
            while interrupts.asking:
                hints = loop.watcher.wait(loop.pause_s)
                with loop.lock:
                    loop.found += loop.watcher.look(hints)
                if loop.found and interrupts.asking:
                    interrupts.request()
                    wait_until(lambda: not interrupts.asking, EMPTY_S)

    class Prompt(code.InteractiveConsole):
        def raw_input(self, prompt=''):
            while True:
                if loop.found:
                    loop.tick()
                self.locals = step.namespace if hasattr(step, 'namespace') else vars(step.loaded or sys)
                self.locals.update(getattr(step, 'prompt_names', dict)())
                typed, interrupts.typed, interrupts.presses, lines = interrupts.typed, '', 0, []
                if readline:
                    readline.set_startup_hook(lambda: readline.insert_text(typed))
                try:
                    interrupts.asking = sys._getframe()
                    threads.start_new_thread(look, ())
                    lines.extend(map(ask, [prompt]))    # in C: no interrupt comes between reading and keeping
                    interrupts.asking = None
                except Stale:
                    pass
                finally:
                    interrupts.asking = None
                    with looking:               # its thread has ended
                        pass
                if lines:
                    return lines[0]
                write(sys.stdout, '\n')

    def idle():
        try:
            Prompt().interact('', **accepted_keywords(Prompt.interact, {'exitmsg': ''}))
        except SystemExit as error:
            loop.status = exit_status(error)
        loop.stopping, interrupts.presses = True, 0
    return idle


def supervise(work):
    """Call work(shared, parent, again) -> exit status in a child process, and again in a new one when that dies.

    again: None at first; then whether the steps are to run at once, rather than after the next save.
    The child returns what `work` returned; the parent the child's status, when its loop has ended by itself.
    """
    if not HAS_SUPERVISOR:
        return work(Shared(), 0, None)
    shared, again, presses, others, modes, before = Shared(), None, [], [], terminal_modes(0), {}
    for name in ('SIGINT', 'SIGTERM', 'SIGHUP'):
        number = getattr(signal, name)
        if getsignal(number) != signal.SIG_IGN:             # nohup
            before[number] = signal.signal(number, lambda number, frame: (
                presses.append(clock_s()) if number == signal.SIGINT else others.append(number)))
    while True:
        parent = os.getpid()
        alive, life = os.pipe()                 # its other end closes when the child dies
        flush(sys.stdout)
        pid = os.fork()
        if not pid:
            os.close(alive)
            for number, handler in before.items():
                signal.signal(number, handler)
            return work(shared, parent, again)
        os.close(life)
        release_memory()
        status = watch_worker(pid, shared, alive, presses, others)
        os.close(alive)
        restore_terminal(0, modes)
        how = 'status %d' % os.WEXITSTATUS(status) if os.WIFEXITED(status) else 'signal %d' % os.WTERMSIG(status)
        if shared.ended > 1 or presses:         # presses: Ctrl-C before the worker was ready for it
            return max(shared.ended, 130) if presses else shared.ended
        if shared.ended:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        again = bool(shared.stuck)
        say('run %d %s' % (shared.runs, 'did not stop: started over, its state is lost' if again else
                           'ended the process (%s): its state is lost, waiting for a save' % how), colour=RED)
        shared.stuck = shared.running = shared.saved = shared.presses = 0
        del presses[:]


def watch_worker(pid, shared, alive, presses, others):
    """Wait for the end of the worker `pid`: its status. Passes signals on, and ends it when it hears nothing more.

    alive: descriptor that can be read when it died.      presses: times of Ctrl-C.      others: signals that came.
    """
    passed_on, silent_s, seen, asked_s, ending_s = 0, 0.0, None, None, None
    while True:
        with suppress(EnvironmentError, select.error):      # a signal, on 2.7
            select.select([alive], [], [], 0.05 if presses or ending_s else 0.25)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        now = clock_s()
        while others:
            shared.ended, ending_s = 128 + others[-1], now
            os.kill(pid, others.pop())
        if len(presses) > passed_on and now - presses[passed_on] > 0.2:     # a terminal sends it to both: did it?
            passed_on += 1
            if shared.presses < passed_on:
                os.kill(pid, signal.SIGINT)
        if not shared.running and len(presses) == passed_on and shared.presses:
            del presses[:]                      # at a prompt it ends nothing
            passed_on = shared.presses = 0
        if ending_s and now - ending_s > END_S or len(presses) > 1 and now - presses[1] > END_S / 2:
            shared.ended = shared.ended if shared.ended > 1 else 130
            os.kill(pid, signal.SIGKILL)
        if not shared.running or (shared.running, shared.beat) != seen:
            silent_s, asked_s, seen = now, None, (shared.running, shared.beat)
        elif now - silent_s > END_S:            # its thread does not come to look for saves: do it here
            if asked_s is None and shared.changed():
                asked_s, shared.saved = now, 1
                os.kill(pid, signal.SIGINT)
            elif asked_s is not None and now - asked_s > END_S:
                shared.stuck = 1
                os.kill(pid, signal.SIGKILL)


def make_loop(choice, listed, shared, parent, again, command_line):
    """The Worker for a command line; `listed`: the list that was read from stdin, or None."""
    steps, watch = [], [path for path in choice.get('watch', ()) if path != '-']
    roots = [path if os.path.isdir(path) else os.path.dirname(path) if os.path.exists(path) else glob_folder(path)
             for path in watch]
    if choice.runs_code() and 'no-clear' not in choice or 'clear-terminal' in choice:
        steps.append(ClearTerminal())
    if 'hotload' in choice:
        sys.path[0:1] = [os.getcwd()]
        steps.append(ReloadedPythonModule.from_module_name(choice['hotload']))
    elif choice.runs_code():
        steps.append(choice.mode.make_step(choice))
    if choice.runs_code():
        roots.append(getattr(steps[-1], 'folder', os.getcwd()))
        if again is False and listed is None:   # what the run that died had imported is not known
            watch.append(roots[-1])
    if listed is not None:
        watch.append(listed_paths(listed))
    steps += map(Command, choice.get('command', ()))
    loop = Worker(shared, parent, choice, command_line, watch, steps, choice.rate, 'no-interrupt' not in choice,
                  exclude=choice.get('exclude', ()), roots=roots, quiet='quiet' in choice,
                  watch_steps=listed is None)
    if listed is not None:
        fresh.add_roots(loop.watcher.folders)
    loop.waits_first = again is False and not shared.changed()
    return loop


def main(argv=None):
    """Run the command line `argv` (list of str, default: that of the process). Its exit status.

    >>> main(['--version'])                     # doctest: +ELLIPSIS
    hotload ...
    0
    """
    command_line = [os.path.abspath(OWN_FILE)] + (sys.argv[1:] if argv is None else list(argv))
    try:
        choice = Choice(command_line[1:])
        if 'help' in choice or 'version' in choice:
            write(sys.stdout, help_text() if 'help' in choice else
                  'hotload %s, Python %s\n' % (__version__, sys.version.split()[0]))
            return 0
        if choice.mode.main is not None:
            return choice.mode.main(choice)
        if not choice.runs_code() and not choice.get('command'):
            raise HotloadError('expected a SCRIPT, -m MODULE or -c COMMAND; hotload -h tells more')
        if choice.script:
            ReloadedScript(choice.script)       # an error here is one of the command line
        for descriptor in range(3):             # a closed one would be taken by the next file that is opened
            try:
                os.fstat(descriptor)
            except EnvironmentError:
                os.open(os.devnull, os.O_RDWR)
        listed = read_list('-' in choice.get('watch', ()))
        if not choice.runs_code() and listed is None and 'watch' not in choice:
            raise HotloadError('nothing to watch; name files with -w, or pipe a list: find . | hotload -c COMMAND')
    except HotloadError as error:
        write(sys.stderr, 'hotload: %s\n' % error)
        return 2
    except KeyboardInterrupt:
        return 130

    def work(shared, parent, again):
        try:
            loop = make_loop(choice, listed, shared, parent, again, command_line)
        except KeyboardInterrupt:
            shared.ended = 130
            return 130
        loop.forever()
        shared.ended = 1
        status = 130 if loop.interrupts.presses else loop.status
        if not all(thread.daemon for thread in other_threads()):
            import atexit                       # Python would wait for them
            getattr(atexit, '_run_exitfuncs', int)()
            loop._end_now(status)
        return status
    return supervise(work)


##############################################################################
## 7. Source -- one meaning of "changed" for all that follows
##############################################################################
#
# Gives to those below: fingerprint(), which ignores comments, layout and line numbers; names_used(), what
# statements read and write; and Source, a file's text cut into chunks (a top-level statement with the lines up
# to the next one), which knows after an edit what is still the same.
#
# After an edit the equal lines are set aside, and only what lies between is parsed: a text that is complete
# by itself does not change the meaning of its neighbours. Where it is not (an `else:` at its start, an open
# string, another coding cookie, a __future__ import), everything is parsed.
#
# Not handled: code that is made at run time with exec.

__future__, _ast, bisect = map(Later, ('__future__', '_ast', 'bisect'))
FUNCTION_NODES = DEFINITIONS = BLANKED = FUTURES = None         # set by the first call of parse()
MEANINGLESS = frozenset(['ctx', 'kind', 'type_comment', 'type_ignores'])        # fields of nodes: u'' is '' on 3.x
COOKIE = br'[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)'


def learn_nodes():
    """Set the constants above, which need modules that a program's start does not."""
    global FUNCTION_NODES, DEFINITIONS, BLANKED, FUTURES
    FUNCTION_NODES = tuple(getattr(_ast, kind) for kind in ('FunctionDef', 'AsyncFunctionDef') if hasattr(_ast, kind))
    DEFINITIONS, BLANKED = FUNCTION_NODES + (_ast.ClassDef,), FUNCTION_NODES + (_ast.Lambda,)
    FUTURES = dict((name, getattr(__future__, name).compiler_flag) for name in __future__.all_feature_names)


def parse(data, path='<text>', skipped=0, coding=None, flags=0):
    """The statement nodes of `data` (bytes), whose first line is line `skipped` + 1 of the file.

    coding: name of the encoding when the cookie is among the lines skipped.
    flags: of __future__ imports there.

    >>> [type(node).__name__ for node in parse(b'x = 1')]
    ['Assign']
    """
    if FUTURES is None:
        learn_nodes()
    if skipped:
        start = b'' if coding is None else b'# coding: ' + coding
        data = start + b'\n' * skipped + data
    return compile(data, path, 'exec', _ast.PyCF_ONLY_AST | flags, True).body


def compile_nodes(nodes, path, flags=0):
    """The code object of statement nodes, as a module of their own."""
    return compile(_ast.Module(body=list(nodes), type_ignores=[]), path, 'exec', flags, True)


def fields(node):
    """The (name, value) pairs of a node that have a meaning, those that are absent left out."""
    return [(name, getattr(node, name)) for name in node._fields
            if name not in MEANINGLESS and getattr(node, name, None) is not None]


def walk(node):
    """The node and all nodes in it."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        for _, value in fields(node):
            if isinstance(value, _ast.AST):
                todo.append(value)
            elif isinstance(value, list):
                todo += [part for part in value if isinstance(part, _ast.AST)]


def fingerprint(node, bodies=True):
    """A text that two nodes (or lists of nodes) share when they mean the same, whatever their layout and
    place.

    bodies: whether those of functions and lambdas count.

    >>> fingerprint(parse(b'x = (1)  # one')) == fingerprint(parse(b'x=1'))
    True
    """
    parts = []
    spell(node, parts.append, bodies)
    return ' '.join(parts)


def spell(value, put, bodies):
    """Call `put` with the words that tell what a node, a list of nodes or a constant means."""
    if isinstance(value, list):
        put('[')
        for part in value:
            spell(part, put, bodies)
        put(']')
    elif isinstance(value, _ast.AST):
        put(value.__class__.__name__)
        blanked = not bodies and isinstance(value, BLANKED)
        for name in value._fields:
            if name not in MEANINGLESS and not (blanked and name == 'body'):
                part = getattr(value, name, None)
                if part is None:
                    put('-')                    # the constant None has a type name of its own
                else:
                    spell(part, put, bodies)
        put('.')
    else:
        put('%s %r' % (type(value).__name__, value))


def constant_value(node):
    """What a literal's node stands for; of other nodes nothing in particular."""
    return node.value if hasattr(node, 'value') else getattr(node, 's', None)       # 's': before 3.8


def docstring_node(body):
    """The statement node that is the docstring of a body, or None."""
    first = body[0] if body else None
    if isinstance(first, _ast.Expr):
        if isinstance(constant_value(first.value), string_types):
            return first
    return None


def inner_definitions(node):
    """The definitions in a statement that are not inside of another one, or it itself if it is one."""
    if isinstance(node, DEFINITIONS):
        return [node]
    return [found for _, part in fields(node) for item in (part if isinstance(part, list) else [part])
            if isinstance(item, (_ast.stmt, _ast.excepthandler)) for found in inner_definitions(item)]


def is_constant(node):
    """Whether the expression node is a literal, possibly of literals."""
    kinds = ('Constant', 'Num', 'Str', 'Bytes', 'NameConstant', 'Ellipsis', 'Tuple', 'List', 'Dict', 'Set', 'UnaryOp')
    return all(type(part).__name__ in kinds + ('Load', 'USub', 'UAdd', 'Not', 'Invert')
               or isinstance(part, _ast.Name) and part.id in ('None', 'True', 'False') for part in walk(node))


def mangled(name, chain):
    """The name of a class's attribute as Python keeps it: with the class's name if it is private."""
    if chain and name.startswith('__') and not name.endswith('__'):
        return '_%s%s' % (chain[-1].lstrip('_'), name)
    return name


# ---- what code reads and writes

class Names(object):
    """What statements use, as sets of names of their namespace.

    reads, writes.      sure: those always written, by plain assignment, import or definition.
    deferred: those that functions and lambdas in them read when called.
    """

    __slots__ = ('reads', 'writes', 'sure', 'deferred')

    def __init__(self):
        self.reads, self.writes, self.sure, self.deferred = set(), set(), set(), set()


def names_used(nodes):
    """The Names of a list of statement nodes of a module or a class body.

    >>> used = names_used(parse(b'x = y + 1'))
    >>> sorted(used.reads), sorted(used.sure)
    (['y'], ['x'])
    """
    found = Names()
    for node in nodes:
        _note_names(node, found, set())
        if isinstance(node, DEFINITIONS):
            found.sure.add(node.name)
        elif isinstance(node, (_ast.Import, _ast.ImportFrom)):
            found.sure.update((alias.asname or alias.name).partition('.')[0] for alias in node.names)
        elif isinstance(node, (_ast.Assign, _ast.AugAssign)) or type(node).__name__ == 'AnnAssign' and node.value:
            targets = list(getattr(node, 'targets', None) or [node.target])
            for target in targets:              # grows by what stands in tuples
                targets += getattr(target, 'elts', ())
            found.sure.update(target.id for target in targets if isinstance(target, _ast.Name))
            if isinstance(node, _ast.AugAssign):
                found.reads.update(part.id for part in walk(node.target) if isinstance(part, _ast.Name))
    return found


def _note_names(node, found, local):
    """Add what `node` uses to `found`. local: names that are variables of a function around it."""
    kind = type(node).__name__
    if isinstance(node, _ast.Name):
        if node.id not in local and type(node.ctx).__name__ != 'Param':
            (found.reads if isinstance(node.ctx, _ast.Load) else found.writes).add(node.id)
        return
    if isinstance(node, (_ast.Import, _ast.ImportFrom)):
        found.writes.update(set((alias.asname or alias.name).partition('.')[0] for alias in node.names) - local)
        return
    if isinstance(node, DEFINITIONS) and node.name not in local:
        found.writes.add(node.name)
    if isinstance(node, _ast.ClassDef):
        inside = Names()
        for part in node.body:
            _note_names(part, inside, local)
        shared = set(name for part in walk(node) if isinstance(part, _ast.Global) for name in part.names)
        found.reads |= inside.reads
        found.deferred |= inside.deferred
        found.writes |= inside.writes & shared
    if kind == 'ExceptHandler' and isinstance(node.name, string_types) and node.name not in local:
        found.writes.add(node.name)
    if isinstance(node, BLANKED):
        inside = Names()
        body = node.body if isinstance(node.body, list) else [node.body]
        for part in body:
            _note_names(part, inside, set())
        shared = set(name for part in body for sub in walk(part)
                     if isinstance(sub, _ast.Global) for name in sub.names)
        own = (inside.writes | set(_arguments(node.args))) - shared
        found.deferred |= (inside.reads | inside.deferred) - own - local
        found.writes |= inside.writes & shared
        parts = [part for name, part in fields(node) if name != 'body']
    elif kind in ('ListComp', 'SetComp', 'DictComp', 'GeneratorExp') and not (kind == 'ListComp' and LISTS_LEAK):
        targets = [part.id for loop in node.generators for part in walk(loop.target) if isinstance(part, _ast.Name)]
        local, parts = local.union(targets), [part for _, part in fields(node)]
    else:
        parts = [part for name, part in fields(node) if name != 'body' or not isinstance(node, _ast.ClassDef)]
    for part in parts:
        for item in part if isinstance(part, list) else [part]:
            if isinstance(item, _ast.AST):
                _note_names(item, found, local)


def _arguments(args):
    """The names of a function's parameters."""
    for part in walk(args):
        if type(part).__name__ == 'arg':
            yield part.arg
        elif isinstance(part, _ast.Name) and not isinstance(part.ctx, _ast.Load):   # 2.7
            yield part.id
    for name in (args.vararg, args.kwarg):      # texts on 2.7
        if isinstance(name, string_types):
            yield name


def default_texts(args):
    """{parameter: fingerprint of its default} of a function's arguments node."""
    names = [getattr(arg, 'arg', getattr(arg, 'id', None)) for arg in getattr(args, 'posonlyargs', []) + args.args]
    pairs = list(zip(names[len(names) - len(args.defaults):], args.defaults))
    pairs += [(arg.arg, node) for arg, node in zip(getattr(args, 'kwonlyargs', ()), getattr(args, 'kw_defaults', ()))]
    return dict((name, fingerprint(node)) for name, node in pairs if node is not None)


# ---- the text of a file

def common_lines(old, new):
    """(equal lines at the start, equal lines at the end) of two lists, which do not overlap.

    >>> common_lines(['a', 'b', 'c'], ['a', 'x', 'c'])
    (1, 1)
    """
    def equal(a, b, most):
        low, high = 0, most                     # slices are compared at C speed
        while low < high:
            middle = (low + high + 1) // 2
            if a[low:middle] == b[low:middle]:
                low = middle
            else:
                high = middle - 1
        return low
    most = min(len(old), len(new))
    head = equal(old, new, most)
    return head, equal(old[head:][::-1], new[head:][::-1], most - head)


class Source(object):
    """The text of a Python file, cut into chunks: a top-level statement and the lines up to the next one.

    path.      data: bytes.      lines: list of bytes.
    coding: of the cookie, or None.      flags: of its __future__ imports.
    starts: the index of each chunk's first line.
    codes: for each chunk the list of code objects that its functions and classes run.
    at: for each chunk where it started when they were compiled.
    origin: for each chunk its index in the text first adopted, or None.
    parsed: {index of a chunk: its nodes} of what was parsed for this text; to be emptied after use.
    Raises SyntaxError when the text does not parse.
    """

    def __init__(self, path, data):
        self.path, self.data = path, data
        self.lines = data.splitlines(True)
        self.coding = self._cookie()
        self.flags, nodes = 0, parse(data, path)
        for node in nodes:
            if isinstance(node, _ast.ImportFrom) and node.module == '__future__':
                for alias in node.names:
                    self.flags |= FUTURES.get(alias.name, 0)
        chunks = _in_chunks(nodes)
        self.starts = [start for start, _ in chunks]
        self._finish(dict(enumerate(nodes for _, nodes in chunks)))

    def _finish(self, parsed):
        self.starts[:1] = [0]                   # comments ahead of the first statement belong to it
        self.parsed = parsed or {0: []}
        self.at, self.codes = list(self.starts), [[] for _ in self.starts]
        self.origin = [None] * len(self.starts)

    def _cookie(self):
        """The name of the encoding, or None where Python's own choice holds."""
        if self.data.startswith(b'\xef\xbb\xbf'):
            return b'utf-8'
        for line in self.lines[:2]:
            match = re.match(COOKIE, line)
            if match:
                return match.group(1)
        return None

    def __len__(self):
        return len(self.starts)

    def end(self, index):
        """The index of the line after the chunk."""
        return self.starts[index + 1] if index + 1 < len(self.starts) else len(self.lines)

    def text(self, index):
        """The bytes of a chunk, without the blank lines after it."""
        return b''.join(self.lines[self.starts[index]:self.end(index)]).rstrip()

    def nodes(self, first, end):
        """For each chunk from `first` to `end` (exclusive) the list of its statement nodes."""
        if all(index in self.parsed for index in range(first, end)):
            return [self.parsed[index] for index in range(first, end)]
        start = self.starts[first]
        nodes = parse(b''.join(self.lines[start:self.end(end - 1)]), self.path, start, self.coding,
                      self.flags if start else 0)
        found = [[] for _ in range(first, end)]
        for node in nodes:
            found[bisect.bisect_right(self.starts, max(_first_line(node), start)) - 1 - first].append(node)
        return found

    def adopt(self, code):
        """Take the functions' code objects from that of the whole module."""
        self.origin = list(range(len(self)))
        for child in children(code):
            self.codes[bisect.bisect_right(self.starts, child.co_firstlineno - 1) - 1].append(child)

    def edited(self, data, also=(), whole=False):
        """(the Source of the new text `data`, Edit). Chunks in `also` count as touched; `whole`: all do."""
        found = None if whole or not data else self._edited_part(data, also)
        if found is None:
            source = Source(self.path, data)
            found = source, [], range(len(self)), range(len(source))
        source, kept, left, fresh_chunks = found
        by_text, touched, gone = {}, [], set(left)
        for index in left if source.flags == self.flags else ():
            if index not in also:
                by_text.setdefault(self.text(index), []).append(index)
        for index in fresh_chunks:              # those that were moved
            same = by_text.get(source.text(index))
            if same:
                gone.discard(same[0])
                kept.append((same.pop(0), index))
            else:
                touched.append(index)
        for old, new in kept:
            source.codes[new], source.at[new], source.origin[new] = self.codes[old], self.at[old], self.origin[old]
        return source, Edit(kept, sorted(gone), touched)

    def _edited_part(self, data, also):
        """(Source, [(old index, new index)], other old indices, other new ones), or None: parse all."""
        new = Source.__new__(Source)
        new.path, new.data, new.lines, new.flags = self.path, data, data.splitlines(True), self.flags
        new.coding = new._cookie()
        if new.coding != self.coding:
            return None
        starts, parsed, kept, left, touched, at = [], {}, [], [], [], 0
        for first, end, start, stop in self._hunks(new.lines, also):
            by = start - (self.starts[first] if first < len(self) else len(self.lines))
            kept += [(old, len(starts) + old - at) for old in range(at, first)]
            starts += [line + by for line in self.starts[at:first]]
            if first == 0 and self.flags:
                return None
            try:
                nodes = parse(b''.join(new.lines[start:stop]), self.path, start, self.coding,
                              self.flags if start else 0)
            except (SyntaxError, ValueError, TypeError):
                return None                     # what looks wrong alone may be right in its place
            if any(isinstance(node, _ast.Global) or getattr(node, 'module', None) == '__future__' for node in nodes):
                return None
            for line, group in _in_chunks(nodes, start):
                parsed[len(starts)] = group
                touched.append(len(starts))
                starts.append(line)
            left += range(first, end)
            at = end
        by = len(new.lines) - len(self.lines)
        kept += [(old, len(starts) + old - at) for old in range(at, len(self))]
        new.starts = starts + [line + by for line in self.starts[at:]]
        if not new.starts:                      # nothing but comments
            touched, parsed = [0], {0: []}
        new._finish(parsed)
        return new, kept, left, touched

    def _hunks(self, lines, also):
        """[(first, end, start, stop)]: chunks from first to end that became the lines from start to stop."""
        head, tail = common_lines(self.lines, lines)
        first = min([bisect.bisect_right(self.starts, head) - 1] + list(also))
        end = max([bisect.bisect_left(self.starts, len(self.lines) - tail)] + [index + 1 for index in also])
        end = max(end, min(1 - first, len(self)))           # what comes ahead of the first statement belongs to it
        start = self.starts[first]
        stop = (self.starts[end] if end < len(self) else len(self.lines)) + len(lines) - len(self.lines)
        places, hunks = {}, []
        for number in range(start, stop):
            places.setdefault(lines[number], []).append(number)

        def place(index):
            """Where the chunk stands now; None when that is not certain."""
            text = self.lines[self.starts[index]:self.end(index)]
            found = places.get(text[0], ()) if text else ()
            if index and index not in also and len(found) == 1 and found[0] >= at and (
                    lines[found[0]:found[0] + len(text)] == text):
                return found[0]
            return None
        begin, at = first, start                # of the hunk that may start here
        for index in range(first, end):
            found = place(index)
            if found is not None:
                if index > begin or found > at:
                    hunks.append((begin, index, at, found))
                begin, at = index + 1, found + self.end(index) - self.starts[index]
        if begin < end or at < stop:
            hunks.append((begin, end, at, stop))
        return hunks if len(hunks) <= 20 else [(first, end, start, stop)]


class Edit(tuple_type('Edit', 'kept old new')):
    """What became of a Source. kept: [(old index, new index)] of chunks that have the same text.      old, new:
    indices of others.
    """

    __slots__ = ()


def _first_line(node):
    """The index of the line on which a statement starts."""
    return min([node.lineno] + [part.lineno for part in getattr(node, 'decorator_list', ())]) - 1


def _in_chunks(nodes, start=0):
    """[(index of the first line, [nodes])]: a chunk starts with each statement whose line holds nothing
    before it.

    Before 3.8 a text of several lines that begins a statement has no column and the number of its last line:
    it belongs to the chunk before it, or begins with the line `start`, where all that was parsed does.
    """
    found = []
    for node in nodes:
        if found and not (node.col_offset == 0 or getattr(node, 'decorator_list', ())):
            found[-1][1].append(node)
        else:
            found.append((_first_line(node) if node.col_offset >= 0 else start, [node]))
    return found


# ---- code objects

def children(code):
    """The code objects of the functions, classes and lambdas directly in `code`."""
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def is_class_code(code):
    """Whether it is the body of a class."""
    return not code.co_flags & 1


##############################################################################
## 8. Compare -- what to do so that the old becomes the new
##############################################################################
#
# Gives to those below: pair(), which code object took the place of which; and Comparison, a list of Actions that
# make of a namespace in which old statements ran that of new ones.
#
# Equal ones belong together first, then those of one name. A definition is compared in parts: what runs when the
# statement does (decorators, defaults, bases), and the bodies of functions, which wait for a call.
#
# Not handled: what a statement does to other namespaces.

# ---- code objects that belong together

def shape(code):
    """What two code objects share when only their places in the file differ."""
    return (code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_flags,
            tuple(shape(const) if isinstance(const, CodeType) else (type(const), repr(const))
                  for const in code.co_consts))


def pair(old, new, chain=(), found=None):
    """[(old code, new code, codes around it)] of two lists of code objects: by name, equal ones first."""
    found, groups = [] if found is None else found, {}
    for side, codes in enumerate((old, new)):
        for code in codes:
            groups.setdefault((code.co_name, is_class_code(code)), ([], []))[side].append(code)
    for before, after in groups.values():
        if len(before) > 1 or len(after) > 1:
            shapes = [(shape(code), code) for code in after]
            for code in list(before):
                same = [item for item in shapes if item[0] == shape(code)][:1]
                for item in same:
                    _pair_one(code, item[1], chain, found)
                    before.remove(code)
                    shapes.remove(item)
            after = [code for _, code in shapes]
        for code, other in zip(before, after):
            _pair_one(code, other, chain, found)
    return found


def _pair_one(old, new, chain, found):
    found.append((old, new, chain))
    inside = children(old)
    if inside:
        pair(inside, children(new), chain + (new,), found)


def moved_code(code, by, path, chain=(), found=None):
    """A copy of the code object `by` lines further down. Adds (old, new, chain) of all in it to `found`."""
    changes = {'co_firstlineno': code.co_firstlineno + by}
    if code.co_filename != path:
        changes['co_filename'] = path
    for const in code.co_consts:
        if isinstance(const, CodeType):
            changes['co_consts'] = tuple(moved_code(const, by, path, chain + (code,), found)
                                         if isinstance(const, CodeType) else const for const in code.co_consts)
            break
    new = recode(code, **changes)
    found.append((code, new, chain))
    return new


def class_codes(codes, chain):
    """The code objects in the class that the names lead to."""
    for name in chain:
        codes = [child for code in codes if code.co_name == name for child in children(code)]
    return codes


def code_in(codes, chain, item):
    """The code object of a definition (Statement) in the classes `chain`, or None."""
    found = [code for code in class_codes(codes, chain) if code.co_name == item.name]
    here = [code for code in found if code.co_firstlineno == _first_line(item.node) + 1]
    return (here or found or [None])[0]


# ---- statements

class Statement(object):
    """A statement of a module or a class body.

    node.      name: of the definition, or None.      index: of its chunk.
    code, codes: for one of a module, what runs it, and those of the functions and classes in it.
    """

    __slots__ = ('node', 'name', 'index', 'code', 'codes', '_full', '_outside')

    def __init__(self, node, index=None, code=None, codes=None):
        self.node, self.index, self.code = node, index, code
        self.codes = children(code) if codes is None and code is not None else codes
        self.name = node.name if isinstance(node, DEFINITIONS) else None
        self._full = self._outside = None

    def full(self):
        """Its fingerprint."""
        if self._full is None:
            self._full = fingerprint(self.node)
        return self._full

    def outside(self):
        """Its fingerprint without the bodies of functions: what runs when the statement does."""
        if self._outside is None:
            self._outside = fingerprint(self.node, bodies=False)
        return self._outside

    def head(self):
        """What of a definition runs at once: decorators; of a class bases and keywords too."""
        node = self.node
        return fingerprint([node.decorator_list, getattr(node, 'bases', []), getattr(node, 'keywords', [])])

    def signature(self):
        """The fingerprint of a function's parameters, defaults and annotations."""
        return fingerprint([self.node.args] + [part for part in [getattr(self.node, 'returns', None)] if part])

    def has_accessor(self):
        """Whether it is decorated by an attribute of its own name, as `@size.setter`."""
        return any(isinstance(part, _ast.Attribute) and getattr(part.value, 'id', None) == self.name
                   for part in getattr(self.node, 'decorator_list', ()))

    def builds_on_itself(self):
        """Whether its decorators mention its own name."""
        return any(getattr(part, 'id', None) == self.name for item in getattr(self.node, 'decorator_list', ())
                   for part in walk(item))


def match(old, new):
    """({new Statement: its old one}, {new: an old one that it only resembles}, [old ones that are gone]).

    Equal ones first, then definitions by name, best those decorated alike, then other statements that differ inside
    functions only.
    """
    partners, left, rest = {}, list(old), list(new)
    for key in (Statement.full, lambda item: item.name and (item.name, item.head()), lambda item: item.name,
                lambda item: None if item.name else item.outside()):
        _match_by(key, left, rest, partners)
    similar, others = {}, list(left)
    for alike in (lambda item, other: names_used([item.node]).writes & names_used([other.node]).writes,
                  lambda item, other: type(item.node) is type(other.node) and not item.name):
        for item in rest:
            same = [other for other in others if item not in similar and alike(item, other)]
            if same:
                similar[item] = same[0]
                others.remove(same[0])
    return partners, similar, left


def _match_by(key, left, rest, partners):
    """Pair statements with an equal key that is not None, in order; remove them from the lists."""
    if not left or not rest:
        return
    found = {}
    for item in left:
        found.setdefault(key(item), []).append(item)
    for item in list(rest):
        same = found.get(key(item)) if key(item) is not None else None
        if same:
            partners[item] = same.pop(0)
            left.remove(partners[item])
            rest.remove(item)


def repeated(items):
    """The names that more than one of the Statements defines."""
    names = [item.name for item in items if item.name]
    return set(name for name in names if names.count(name) > 1) if len(set(names)) < len(names) else set()


def same_named(old, new, chain=()):
    """[(old Statement, the new one or None, chain)] of what two class nodes define more than once, as overloads.

    Their code objects cannot be told apart by name.
    """
    if not (isinstance(old, _ast.ClassDef) and isinstance(new, _ast.ClassDef)):
        return []
    chain, bodies = chain + (new.name,), [[Statement(node) for node in item.body] for item in (old, new)]
    names, found, last = repeated(bodies[0]) | repeated(bodies[1]), [], dict((item.name, item) for item in bodies[1])
    if names:
        partners = dict((before, item) for item, before in match(*bodies)[0].items())
        found = [(item, partners.get(item), chain) for item in bodies[0] if item.name in names]
    for item in bodies[0]:
        if item.name in last and item.name not in names:
            found += same_named(item.node, last[item.name].node, chain)
    return found


class Action(tuple_type('Action', 'kind chain new old name top')):
    """One thing to do to a namespace.

    kind: 'run' the statement; 'sign': a function's parameters, defaults or annotations changed; 'update': its
    body only; 'doc': of a module or class; 'delete' the name; 'rename' the definition old to new.
    chain: names of the classes around.      new, old: Statements or None.
    name: what it is about, or None.      top: the Statement of the module that it is in, or None.
    """

    __slots__ = ()

    def defined(self):
        """The names that the old statement makes functions or classes, and the new one binds to something else."""
        if self.old is None or self.new is None:
            return set()
        made = set(node.name for node in inner_definitions(self.old.node))
        if isinstance(getattr(self.old.node, 'value', None), _ast.Lambda):
            made |= names_used([self.old.node]).sure
        bound = set(node.name for node in inner_definitions(self.new.node))
        used = names_used([self.new.node])
        return set(mangled(name, self.chain) for name in made & (bound | used.sure - used.reads))


class Comparison(object):
    """What to do so that a namespace made by old statements becomes that of new ones.

    find_class(chain) -> the class there now, or None.
    failed: set of (chain, fingerprint) of old statements that do not count, since they raised.
    actions: list of Action, in the order of the file.
    pairs: [(old Statement, new)] whose functions belong together.
    hidden: set of new definitions below which another one of that name wins, as those of typing.overload.
    """

    def __init__(self, find_class, failed=()):
        self.find_class, self.failed = find_class, failed
        self.actions, self.pairs, self.hidden, self.top = [], [], set(), None

    def add(self, kind, chain, new=None, old=None, name=None):
        """Note one more Action."""
        self.actions.append(Action(kind, chain, new, old, name or new and new.name, self.top))

    def body(self, old, new, chain=()):
        """Compare the Statements of a module or of a class body."""
        partners, similar, left = match([item for item in old if (chain, item.full()) not in self.failed]
                                        if self.failed else old, new)
        for item in old if self.failed else ():
            if (chain, item.full()) in self.failed:
                similar.update((other, item) for other in new if item.name and other.name == item.name
                               and other not in partners)
        docs = [docstring_node([item.node for item in side]) for side in (old, new)]
        again = self._accessors(new, partners, left)
        last = [dict((item.name, item) for item in side if item.name) for side in (old, new)]
        several = repeated(new)
        several.difference_update([item.name for item in new if item.name in several and item.builds_on_itself()])
        self.hidden.update(item for item in new if item.name in several and last[1][item.name] is not item)
        for item in new:
            before = partners.get(item)
            if not chain:
                self.top = item
                if before or item in similar:
                    self.pairs.append((before or similar[item], item))
            if item.node is docs[1]:
                if docs[0] is None or fingerprint(docs[0]) != item.full():
                    self.add('doc', chain, item)
            elif before is None and chain and item.name and last[1][item.name] is not item and not (
                    item.node.decorator_list):
                continue                        # another one of that name comes later and wins
            elif before is None or item.name in again or (
                    last[1].get(item.name) is item and last[0].get(item.name, before) is not before):
                self.add('run', chain, item, before or similar.get(item))
            elif item.name:
                self._definition(before, item, chain)
            elif before.full() != item.full():
                self.add('update', chain, item, before)
        self.top = None if not chain else self.top
        if docs[0] is not None and docs[1] is None:
            self.add('doc', chain)
        bound = names_used([item.node for item in new]).writes
        for item in left:
            gone, used = set(node.name for node in inner_definitions(item.node)), names_used([item.node])
            if chain:
                gone |= used.writes if type(item.node).__name__ == 'AnnAssign' else used.sure
            for name in sorted(gone):
                if name not in bound:
                    self.add('delete', chain, old=item, name=name)

    def _accessors(self, new, partners, left):
        """Names whose definitions build on each other (a property and its setter) and must all run again."""
        names = set(item.name for item in list(new) + left if item.name and item.has_accessor())
        return set(name for name in names if any(item.name == name for item in left) or any(
            item.name == name and (item not in partners or partners[item].head() != item.head()) for item in new))

    def _definition(self, old, new, chain):
        inside = chain + (new.name,)
        if old.full() == new.full() and not any(key[0][:len(inside)] == inside for key in self.failed):
            return
        if isinstance(old.node, _ast.ClassDef) and isinstance(new.node, _ast.ClassDef):
            self._class(old, new, chain)
        elif old.head() != new.head() or not (isinstance(old.node, FUNCTION_NODES)
                                              and isinstance(new.node, FUNCTION_NODES)):
            self.add('run', chain, new, old)
        else:
            self.add('update' if old.signature() == new.signature() else 'sign', chain, new, old)
            if old.signature() != new.signature() and not new.has_accessor() and any(
                    getattr(part, 'id', None) not in ('staticmethod', 'classmethod', 'property')
                    for part in new.node.decorator_list):
                self.add('run', chain, new, old)            # decorators may look at the parameters

    def _class(self, old, new, chain):
        """Compare two classes of one name: their bodies, if the live class can be changed in place."""
        live, inside, bodies = self.find_class(chain + (new.name,)), [], []
        for item in (old, new):
            body = [Statement(node) for node in item.node.body]
            doc = docstring_node(item.node.body)
            bodies.append(body)
            inside.append([part.outside() for part in body if not part.name and part.node is not doc])
        same = sorted(inside[0]) == sorted(inside[1])
        if live is None:                        # a decorator gave something else; methods follow all the same
            self.add('update' if same and old.head() == new.head() else 'run', chain, new, old)
            return
        bases = [getattr(base, 'attr', getattr(base, 'id', None)) for base in new.node.bases]
        plain = (type(live) in class_types or type(live).__name__ == 'ABCMeta') and (
            bases or ['object']) == [base.__name__ for base in live.__bases__] + ['object'] * (not live.__bases__)
        simple = plain and not new.node.decorator_list and not any(
            '__slots__' in part for part in set(inside[0]) ^ set(inside[1]))
        if old.head() != new.head() or not same and not simple or getattr(new.node, 'type_params', None):
            self.add('run', chain, new, old)
        else:
            self.body(bodies[0], bodies[1], chain + (new.name,))


##############################################################################
## 9. Transplant -- new code for functions and classes that are in use
##############################################################################
#
# Gives to those below what changes living objects: Transplant, which works out what each function gets and
# then assigns it; run_apart(), which runs statements of a class body outside of it; absorb(), which makes a
# class what another is; follow(), for names that were imported.
#
# A function object is changed by assigning to its __code__, so that all who hold it run the new code. Where
# that cannot be (other free variables), it gets a trampoline: code with the old variables that calls a new
# function.
#
# Not handled: functions that C code copied; frames that run already; two equal lambdas of one line where the
# Python compiles them to one code object.

KEPT_BY_CLASS = frozenset('__dict__ __weakref__ __module__ __qualname__ __firstlineno__ __static_attributes__ '
                          '__classcell__ __classdictcell__ __abstractmethods__ _abc_impl __subclasshook__'.split())
CLASSES_KNOW_LINES = '__firstlineno__' in vars(Source)           # 3.13: inspect goes by it


def functions_with(codes):
    """{id of a code object: [functions that run it]}; a pass over the heap, or less when the codes are few.

    codes: {id: code object}.
    """
    found = {}
    objects = gc.get_referrers(*codes.values()) if len(codes) <= 16 else gc.get_objects()
    if getattr(gc, 'get_freeze_count', int)() > FROZEN_BY_PYTHON:
        objects += _frozen_functions()          # the collector does not show them
    for item in [item for item in objects if type(item) is FunctionType]:
        number = id(item.__code__)
        if number in codes:
            functions = found.setdefault(number, [])
            if not any(item is other for other in functions):
                functions.append(item)
    return found


def _frozen_functions():
    """The functions that can be reached from modules, found without the collector's lists."""
    seen, functions = set(), []
    todo = [vars(module) for module in list(sys.modules.values()) if isinstance(module, type(sys))]
    kinds = class_types + (FunctionType, CellType, dict, list, tuple, set, staticmethod, classmethod, property)
    while todo:
        item = todo.pop()
        if id(item) not in seen:
            seen.add(id(item))
            if type(item) is FunctionType:
                functions.append(item)
            todo += [part for part in gc.get_referents(item) if isinstance(part, kinds)]
    return functions


def layers(value):
    """A wrapped function, and what is in it: the functions of a classmethod, a property, a functools.wraps() ..."""
    found = [value]
    for item in found:
        for part in ('__func__', 'fget', '__wrapped__'):
            inner = getattr(item, part, None)
            if inner is not None and len(found) < 20:
                found.append(inner)
    return found


def _call_target(*hotload_args, **hotload_kwargs):
    hotload_target = 'hotload target'
    return hotload_target(*hotload_args, **hotload_kwargs)


def trampoline(names, target):
    """Code that calls `target`, for functions whose code has the free variables `names`.

    It is made of a function of this file, so that tracebacks leave its frame out.
    """
    code = _call_target.__code__
    return recode(code, co_freevars=names, co_consts=tuple(target if const == 'hotload target' else const
                                                           for const in code.co_consts))


REDIRECTS = []              # [(weak reference to a function, one to the function that it calls instead)]


def redirected_to(function):
    """The functions that only call this one."""
    return [old() for old, target in REDIRECTS if target() is function and old() is not None]


def note_redirect(function, target, is_new=False):
    """Remember that `function` calls `target`, which runs code of its own again if `is_new`."""
    REDIRECTS[:] = [(old, new) for old, new in REDIRECTS if new() is not None and old() is not None
                    and old() is not function and not (is_new and old() is target)]
    try:
        REDIRECTS.append((weak_reference(function), weak_reference(target)))
    except TypeError:                           # a callable object that knows no such references
        pass


def redirect(function, target):
    """Make `function` call `target` from now on."""
    function.__code__, function.__defaults__ = trampoline(function.__code__.co_freevars, target), None
    if hasattr(function, '__kwdefaults__'):
        function.__kwdefaults__ = None
    note_redirect(function, target)


def dress(function, like):
    """Give a function the attributes of another one that are not its code; what decorators left on it goes."""
    for part in FUNCTION_PARTS + ['__qualname__', '__module__']:
        if hasattr(like, part):
            setattr(function, part, getattr(like, part))
    for name in ('__isabstractmethod__', '__wrapped__'):
        vars(function).pop(name, None)
    vars(function).update(vars(like))


def parameters(code):
    """What two code objects share when they take the same arguments."""
    count = code.co_argcount + getattr(code, 'co_kwonlyargcount', 0)
    return code.co_argcount, getattr(code, 'co_posonlyargcount', 0), code.co_varnames[:count], code.co_flags & 12


def named_defaults(code, defaults, kwdefaults):
    """{parameter: default} of a function with that code."""
    named = dict(kwdefaults or {})
    if defaults:
        named.update(zip(code.co_varnames[code.co_argcount - len(defaults):code.co_argcount], defaults))
    return named


class Move(object):
    """New code for the functions that run another.

    old, new: code objects.      chain: those around new.      functions: that run old.
    defaults: None where they stay, else (defaults, kwdefaults).
    unchanged: names of parameters whose default has the text that it had, and stays the same object.
    parts: {attribute: value} to set afterwards.
    signed: whether a definition in a module or class says the defaults.
    late: whether statements must run before.
    """

    __slots__ = ('old', 'new', 'chain', 'functions', 'defaults', 'unchanged', 'parts', 'signed', 'late')

    def __init__(self, old, new, chain):
        self.old, self.new, self.chain = old, new, chain
        self.functions, self.defaults, self.unchanged = (), None, ()
        self.parts, self.signed, self.late = {}, False, False

    def names(self):
        """The names of what is around the function, and its own."""
        return tuple(code.co_name for code in self.chain) + (self.new.co_name,)

    def defaults_for(self, function):
        """(defaults, kwdefaults) for one of the functions; None where they stay."""
        if self.defaults is None or not self.unchanged:
            return self.defaults
        kept = named_defaults(function.__code__, function.__defaults__, getattr(function, '__kwdefaults__', None))
        values = named_defaults(self.new, *self.defaults)
        values.update((name, kept[name]) for name in self.unchanged if name in kept)
        positional, keywords = self.defaults
        names = self.new.co_varnames[:self.new.co_argcount][-len(positional or ()):] if positional else ()
        return tuple(values[name] for name in names) or None, keywords and dict(
            (name, values[name]) for name in keywords)


class Transplant(object):
    """Works out what each function gets, and then gives it to all at once.

    moves: {id of an old code object: Move}.      find_class(names) -> class or None.
    keep(move, why): called where functions cannot have the new code.
    codes: [(function, code)] to assign.      full: [(function, code, defaults, kwdefaults)].
    parts, slots: [(holder, attribute, value)] to set afterwards.
    """

    def __init__(self, find_class, keep):
        self.find_class, self.keep, self.moves = find_class, keep, {}
        self.codes, self.full, self.parts, self.slots = [], [], [], []

    def add(self, pairs):
        """Take up (old code, new code, codes around it) triples."""
        for old, new, chain in pairs:
            if old is not new:
                self.moves[id(old)] = Move(old, new, chain)

    def find(self):
        """The dict {id: code object} to look for with functions_with()."""
        return dict((number, move.old) for number, move in self.moves.items())

    def to(self, code):
        """The Moves to that new code object."""
        return [move for move in self.moves.values() if move.new is code]

    def fit_parameters(self, move, nodes, flags):
        """For functions that other functions made: they keep their defaults; new parameters need literals as
        theirs.

        nodes: of the functions and lambdas in what changed.
        """
        nodes = [node for node in nodes if _first_line(node) + 1 == move.new.co_firstlineno
                 and getattr(node, 'name', '<lambda>') == move.new.co_name]
        args = nodes[0].args if len(nodes) == 1 else None
        defaults = args and args.defaults + [part for part in getattr(args, 'kw_defaults', ()) if part is not None]
        if args is None or not all(map(is_constant, defaults)):
            self.keep(move, 'its new parameters have defaults that must be computed')
            move.functions = ()
            return
        holder, made = parse(b'made = lambda: 0'), {}
        holder[0].value.args = copy_node(args)
        for node in walk(args):
            if getattr(node, 'annotation', None):
                node.annotation = None
        execute(compile_nodes(holder, move.new.co_filename, flags), made)
        move.defaults = made['made'].__defaults__, getattr(made['made'], '__kwdefaults__', None)

    def fit(self, move):
        """Work out what the functions of the Move get."""
        if move.old.co_consts[:1] != move.new.co_consts[:1] and documentation(move.old) != documentation(move.new):
            move.parts['__doc__'] = documentation(move.new)
        for function in move.functions:
            if move.new.co_freevars == function.__code__.co_freevars:
                self._give(function, move.new, move.defaults_for(function))
            else:
                self._fit_closure(function, redirected_to(function), move)
            self.parts += [(function, part, value) for part, value in move.parts.items()]
        if CLASSES_KNOW_LINES and is_class_code(move.new):
            owner = self.find_class(move.names())
            if owner is not None and '__firstlineno__' in vars(owner):
                self.parts.append((owner, '__firstlineno__', move.new.co_firstlineno))

    def _give(self, function, code, defaults):
        if defaults is None:
            self.codes.append((function, code))
        else:
            self.full.append((function, code) + defaults)

    def _fit_closure(self, function, family, move):
        """Give code with other free variables: through a twin that has them, which the function then calls.

        family: functions that already call this one.
        """
        cells, names = {}, move.new.co_freevars
        for member in family + [function]:
            cells.update(zip(member.__code__.co_freevars, member.__closure__ or ()))
        owner = self.find_class(move.names()[:-1]) if move.chain else None
        if '__class__' in names and '__class__' not in cells and owner is not None:
            cells['__class__'] = make_cell(owner)
        missing = sorted(set(names).difference(cells))
        if missing:
            self.keep(move, 'they lack the variable %s' % ', '.join(missing))
            return
        target = ([member for member in family + [function] if member.__code__.co_freevars == names] or [None])[0]
        if target is None:
            target = FunctionType(move.new, function.__globals__, function.__name__, None,
                                  tuple(cells[name] for name in names) or None)
            dress(target, function)
        kept = function.__defaults__, getattr(function, '__kwdefaults__', None)
        self._give(target, move.new, move.defaults_for(function) or kept)
        for member in family + [function]:
            if member is not target:
                self.full.append((member, trampoline(member.__code__.co_freevars, target), None, None))
                note_redirect(member, target, True)
                if owner is not None and vars(owner).get(member.__name__) is member:
                    self.slots.append((owner, member.__name__, target))


def assign(transplants):
    """Give the functions what was worked out for them. The loop is one of attribute assignments alone."""
    codes = [item for each in transplants for item in each.codes]
    full = [item for each in transplants for item in each.full]
    held = [(item[0].__code__, item[0].__defaults__) for item in codes + full]      # nothing is freed meanwhile
    keywords = '__kwdefaults__' in FUNCTION_PARTS

    def loop():
        for function, code in codes:
            function.__code__ = code
        for function, code, defaults, kwdefaults in full:
            function.__code__ = code
            function.__defaults__ = defaults
            if keywords:
                function.__kwdefaults__ = kwdefaults
    without_switches(loop, len(held))
    for holder, part, value in [item for each in transplants for item in each.parts + each.slots]:
        set_attribute(holder, part, value)
    for each in transplants:
        each.codes, each.full, each.parts, each.slots = [], [], [], []


# ---- namespaces and classes

_PATHS, BEGIN_S = {}, time.time()


def module_path(module):
    """The absolute path of the module's source file, or None."""
    name = getattr(module, '__file__', None)
    if not isinstance(name, string_types):
        return None
    if name not in _PATHS:
        path = os.path.abspath(name[:-1] if name.endswith(('.pyc', '.pyo')) else name)
        if not os.path.isabs(name):
            return path
        _PATHS[name] = path
    return _PATHS[name]


def is_newer(module, path):
    """Whether the file may be newer than what the module was loaded from: byte code says what it was made of."""
    try:
        with open(getattr(module, '__cached__', None) or path + 'c', 'rb') as stream:
            head = stream.read(16)
        made = struct.unpack('<I', head[8:12] if hasattr(module, '__cached__') else head[4:8])[0]
        by_hash = hasattr(module, '__cached__') and head[4:8] != b'\0' * 4         # PEP 552
        return made != int(os.stat(path).st_mtime) & 0xffffffff and not by_hash
    except (EnvironmentError, struct.error):    # none was written
        return os.stat(path).st_mtime > BEGIN_S


def running_line(path):
    """The line that the module at `path` itself runs, in the text that it was loaded from, or None."""
    for frame in list(sys._current_frames().values()):
        while frame is not None:
            code = frame.f_code
            if code.co_name == '<module>' and os.path.abspath(code.co_filename) == path:
                return frame.f_lineno
            frame = frame.f_back
    return None


def is_main_block(node):
    """Whether the statement is `if __name__ == '__main__':`."""
    return isinstance(node, _ast.If) and isinstance(node.test, _ast.Compare) and any(
        isinstance(part, _ast.Name) and part.id == '__name__' for part in walk(node.test))


def resolve(module, chain):
    """The module, or the class in it that the names lead to; None where there is none."""
    found = module
    for name in chain:
        found = vars(found).get(name)
        if not isinstance(found, class_types):
            return None
    return found


def set_attribute(owner, name, value, chain=()):
    """Set an attribute of a module or a class, whatever its metaclass would say, as if the body had."""
    if isinstance(owner, type):
        type.__setattr__(owner, name, value)
        if chain and hasattr(type(value), '__set_name__'):
            value.__set_name__(owner, name)
    else:
        setattr(owner, name, value)


def settle(owner):
    """After its methods changed, give a class what Python would have worked out when it was made."""
    if EQUALS_UNHASH and isinstance(owner, type) and '__eq__' in vars(owner) and '__hash__' not in vars(owner):
        owner.__hash__ = None
    settle_abstract(owner)


def settle_abstract(owner):
    """Work out anew which methods a class and those derived from it must still have (PEP 3119)."""
    if isinstance(owner, type) and '__abstractmethods__' in vars(owner):
        names = set(name for name, value in vars(owner).items() if getattr(value, '__isabstractmethod__', False))
        for base in owner.__bases__:
            for name in getattr(base, '__abstractmethods__', ()):
                if getattr(getattr(owner, name, None), '__isabstractmethod__', False):
                    names.add(name)
        owner.__abstractmethods__ = frozenset(names)
        for derived in type.__subclasses__(owner):
            settle_abstract(derived)


def copy_node(node, **changes):
    """A copy of one node, not of those in it."""
    import copy
    node = copy.copy(node)
    for name, value in changes.items():
        setattr(node, name, value)
    return node


def run_apart(module, chain, nodes, path, flags):
    """Run statements without setting their names: ({name: value}, [their code objects])."""
    body = list(nodes)
    for name in reversed(chain):
        holder = parse(b'class X: pass')[0]
        holder.name, holder.body = name, body
        holder.lineno, holder.col_offset = nodes[0].lineno, nodes[0].col_offset
        if hasattr(nodes[0], 'end_lineno'):
            holder.end_lineno, holder.end_col_offset = nodes[-1].end_lineno, nodes[-1].end_col_offset
        body = [holder]
    code, owner = compile_nodes(body, path, flags), resolve(module, chain)
    for _ in chain:
        code = children(code)[0]
    space = dict(vars(owner)) if chain else {}
    before = dict(space)
    execute(recode(code, co_flags=code.co_flags & ~2) if chain else code, vars(module), space)
    cell = space.pop('__classcell__', None)
    if cell is not None:
        set_cell(cell, owner)
    for name, kind in (('__new__', staticmethod), ('__init_subclass__', classmethod), (
            '__class_getitem__', classmethod)) if chain else ():            # as type() has it
        if type(space.get(name)) is FunctionType:
            space[name] = kind(space[name])
    return dict((name, value) for name, value in space.items() if not (chain and name in KEPT_BY_CLASS) and (
        name not in before or before[name] is not value)), children(code)


def exchanged(items, new, old):
    """A list of the items, with `old` in place of `new`."""
    return [old if item is new else item for item in items]


def replace_everywhere(new, old):
    """Put `old` where `new` is held, in dicts, lists, sets and closures.

    So these two names may be in no closure themselves: no comprehension here may use them.
    """
    for holder in gc.get_referrers(new):
        if isinstance(holder, list):
            holder[:] = exchanged(holder, new, old)
        elif isinstance(holder, set):
            holder.discard(new)
            holder.add(old)
        elif type(holder) is CellType:
            set_cell(holder, old)
        else:
            space = holder if isinstance(holder, dict) else getattr(holder, '__dict__', None)
            if isinstance(space, dict):
                for name, value in list(space.items()):
                    if value is new:
                        space[name] = old


def functions_of(value):
    """What a definition gave, possibly wrapped by decorators: the value, and the functions in its closures."""
    found = [value]
    for item in found:
        for cell in (getattr(item, '__closure__', None) or ()) if len(found) < 20 else ():
            with suppress(ValueError):          # an empty one
                if type(cell.cell_contents) is FunctionType and not is_among(cell.cell_contents, found):
                    found.append(cell.cell_contents)
    return found


def is_among(value, items):
    """Whether it is one of them, the same object."""
    return any(item is value for item in items)


def enter_once(entries):
    """After decorators ran again: what they entered in lists and dicts takes the place of the entry from before.

    entries: [(what the definition gives now, what it gave, the one of them that is to stay)]. What is held may be in
    rows, as (key, object), of a list.
    """
    known, rows = {}, []
    for now, was, stays in entries:
        news, olds = functions_of(now), functions_of(was)
        for item in olds:
            olds += [other for other in redirected_to(item) if not is_among(other, olds)]
        for new in news:
            known[id(new)] = new, [old for old in olds if not is_among(old, news)], stays if new is now else new
    for holder in gc.get_referrers(*[item[0] for item in known.values()]) if known else ():
        if type(holder) is tuple:
            rows.append(holder)
        elif isinstance(holder, list):
            for new, olds, stays in [known[id(item)] for item in holder if id(item) in known]:
                exchange_entry(holder, new, [item for item in holder if is_among(item, olds)], stays)
        elif isinstance(holder, dict):
            for key, value in list(holder.items()):
                new, olds, stays = known.get(id(value), (None, (), value))
                keys = [other for other, item in holder.items() if is_among(item, olds)]
                if len(keys) == 1 and not any(
                        getattr(owner, '__dict__', None) is holder for owner in gc.get_referrers(holder)):
                    del holder[keys[0]]
                if stays is not value:
                    holder[key] = stays
    for table in gc.get_referrers(*rows) if rows else ():
        for row in [row for row in table if is_among(row, rows)] if type(table) is list and table is not rows else ():
            whole = tuple(known[id(part)][2] if id(part) in known else part for part in row)
            exchange_entry(table, row, [
                other for other in table if type(other) is tuple and len(other) == len(row) and any(
                    id(new) in known and is_among(old, known[id(new)][1]) for new, old in zip(row, other))], whole)


def exchange_entry(items, new, olds, stays):
    """In a list put `stays` in the place of the first of `olds`, and drop the others and `new`; else of `new`."""
    place = (olds or [new])[0]
    items[:] = [stays if item is place else item for item in items
                if item is place or item is not new and not is_among(item, olds)]


def succeed(old, new):
    """Let the class `new` take the place of `old` where that cannot become it, as when it gets its first base.

    Its objects, the classes derived from it and those who hold it follow. Returns how many could not.
    """
    left = 0
    for item in gc.get_referrers(old):
        if type(item) is old:
            try:
                item.__class__ = new
            except TypeError:
                left += 1
    for derived in type.__subclasses__(old) if isinstance(old, type) else ():
        try:
            derived.__bases__ = tuple(exchanged(derived.__bases__, old, new))
        except TypeError:
            left += 1
    replace_everywhere(old, new)
    if not left:                                # who holds it in a tuple makes objects of the new one, too
        old.__new__ = staticmethod(lambda kind, *args, **keywords: new(*args, **keywords))
        for name, value in list(vars(old).items()):
            now = vars(new).get(name)
            if type(value) is FunctionType is type(now) and value is not now:
                redirect(value, now)            # bound methods hold it
    return left


def absorb(old, new, action, owns):
    """Make the class `old` what the class `new` is, in place. Whether that could be done.

    owns(function): whether it was written in the file; others may be in use elsewhere.
    """
    if old is new or isinstance(old, type) != isinstance(new, type):
        return old is new
    if vars(old).get('__slots__') != vars(new).get('__slots__'):
        return False
    try:
        if old.__bases__ != new.__bases__:
            old.__bases__ = new.__bases__
        if type(old) is not type(new):
            old.__class__ = type(new)
    except TypeError:
        return False
    unchanged = set()
    if action.old is not action.new and isinstance(getattr(action.old, 'node', None), _ast.ClassDef):
        bodies = [[Statement(node) for node in item.node.body] for item in (action.old, action.new)]
        before = set(item.outside() for item in bodies[0] if not item.name)
        unchanged = names_used([item.node for item in bodies[1] if not item.name and item.outside() in before]).sure
        gone = names_used(action.old.node.body).sure - names_used(action.new.node.body).sure
    else:
        gone = set(vars(old)) - set(vars(new))
    members = absorb_members(old, new) if '_member_map_' in vars(new) else ()
    for name, value in list(vars(new).items()):
        was = vars(old).get(name)
        if name in KEPT_BY_CLASS - set(['__firstlineno__']) or name in members or type(value).__name__ == (
                'member_descriptor') or name in unchanged and was is not None and not hasattr(value, '__get__'):
            continue
        ours = type(was) is FunctionType is type(value) and (owns(was) or was.__code__.co_filename.startswith('<'))
        if ours and was.__code__.co_freevars == value.__code__.co_freevars in ((), ('__class__',)):
            was.__code__, was.__defaults__ = value.__code__, value.__defaults__
            dress(was, value)
        else:
            if ours:
                redirect(was, value)
            try:
                set_attribute(old, name, value)
            except (AttributeError, TypeError):             # the docstring, on 2.7
                pass
    for name in gone:
        name = mangled(name, (old.__name__,))
        if name in vars(old) and name not in vars(new):
            (type.__delattr__ if isinstance(old, type) else delattr)(old, name)
    settle_abstract(old)
    return True


def absorb_members(old, new):
    """Give the enum `old` the members of `new`; those that it had stay. The names to leave alone."""
    names, by_name, by_value = old._member_names_, old._member_map_, old._value2member_map_
    for name in list(by_name):
        if name not in new._member_map_:
            del by_name[name]
            if name in vars(old):
                type.__delattr__(old, name)
    by_value.clear()
    for name, member in new._member_map_.items():
        was = by_name.get(name)
        if member._name_ != name:               # one more name of a member that was dealt with
            by_name[name] = by_name[member._name_]
        elif was is None or was._name_ != name or new._member_type_ is not object and was._value_ != member._value_:
            member.__class__ = old
            by_name[name] = member
        else:
            vars(was).update((part, value) for part, value in vars(member).items() if part != '__objclass__')
        if by_name[name] is not was and name in vars(new):
            holder = vars(new)[name]            # on 3.11 a property that knows the member
            if getattr(holder, 'member', None) is not None:
                holder.member = by_name[name]
            type.__setattr__(old, name, by_name[name] if holder is member else holder)
    for name in new._member_map_:               # in the new order
        by_name[name] = by_name.pop(name)
    for value, member in new._value2member_map_.items():
        by_value[value] = by_name[member._name_]
    names[:] = new._member_names_
    return set(by_name).union(['_member_map_', '_member_names_', '_value2member_map_'])


class PromptSpace(object):
    """A prompt's namespace (a dict) as if it were that of a module."""

    def __init__(self, space):
        self.__dict__ = space


PROMPTS = []                # of IPython shells, whose namespace may be no module's


ABSENT = object()           # in place of the old object of a name that is new


def follow(rebound, text_of):
    """Give modules that did `from module import name`, and still hold the old object, the new one; those that did
    `from module import *` new names too.

    rebound: [(module, classes, name, old object or ABSENT, new one)].      text_of(path) -> bytes or None.
    """
    todo = [(module, name, was, now) for module, chain, name, was, now in rebound if not chain and was is not now]
    while todo:
        source, name, was, now = todo.pop()
        exported = vars(source).get('__all__')
        if name == '__all__':
            todo += [(source, other, ABSENT, vars(source)[other]) for other in now if other in vars(source)]
        for module in list(sys.modules.values()) + PROMPTS:
            space = getattr(module, '__dict__', None)
            if not isinstance(space, dict) or space is vars(source):
                continue
            if was is ABSENT:
                concerned = name not in space and b'import *' in (text_of(module_path(module)) or b'') and (
                    name in exported if exported is not None else not name.startswith('_'))
            else:
                concerned = any(value is was for value in list(space.values()))
            for origin, wanted, local in from_imports(module, text_of) if concerned else ():
                if origin == source.__name__ and wanted in ('*', was is not ABSENT and name) and (
                        space.get(local or name, ABSENT) is was):
                    space[local or name] = now
                    todo.append((module, local or name, was, now))


def from_imports(module, text_of):
    """[(module, name or '*', local name or None)] of the `from ... import ...` statements of a loaded module."""
    text, cells = text_of(module_path(module)), vars(module).get('In')
    texts = [text] if text is not None else [cell.encode('utf-8') for cell in cells if isinstance(
        cell, text_type)] if isinstance(cells, list) else []        # what was typed into IPython
    package = module.__name__ if hasattr(module, '__path__') else module.__name__.rpartition('.')[0]
    found = []
    for text in texts:
        try:
            nodes = parse(text)
        except (SyntaxError, ValueError, TypeError):
            continue
        for node in [node for item in nodes for node in walk(item) if isinstance(node, _ast.ImportFrom)]:
            level = node.level or 0
            parts = package.split('.')[:len(package.split('.')) - level + 1] if level else []
            origins = ['.'.join(parts + [node.module or '']).strip('.')]
            if IMPORTS_ARE_RELATIVE and not level and package:
                origins.append(package + '.' + (node.module or ''))
            found += [(origin, alias.name, None if alias.name == '*' else alias.asname or alias.name)
                      for origin in origins for alias in node.names]
    return found


##############################################################################
## 10. Patch -- what one save does
##############################################################################
#
# Gives to those below: LiveFile, the text that the modules of a file run; Plan, what one save of it does; and
# Change, a line of the report.
#
# What can be done beforehand is: comparing, compiling, finding the functions, working out what they get. Then one
# loop of assignments gives it to them, while no other thread runs. What has to be executed (changed statements,
# decorators, classes with other bases) runs after that, in the order of the file. A statement that raises is
# reported, and tried again on the next save.
#
# Not handled: names that were copied by assignment and not by import; objects of classes that got other slots.

class Change(tuple_type('Change', 'kind name path line error')):
    """One thing that a save did.

    kind: 'Update', 'Add', 'Delete', 'Run' or 'Failed'.
    name: as `lib.area`, for a statement as `lib.py:12`.      path, line: where it is written now.
    error: the exception or a text, or None.

    >>> print(Change('Update', 'lib.area', '/lib.py', 3, None))
    Update lib.area
    """

    __slots__ = ()

    def __str__(self):
        error = self.error
        if isinstance(error, BaseException):
            what = getattr(error, 'msg', None) if isinstance(error, SyntaxError) else str(error)
            error = '%s: %s' % (type(error).__name__, what) if what else type(error).__name__
        return '%s %s' % (self.kind, self.name) + (': %s' % error if error else '')


class LiveFile(object):
    """One Python file whose loaded modules are kept up to date.

    path.      data: the bytes that the modules run.      disk: those of the file when it was last read.
    source: the Source of data, from the first change on.
    failed: set of (chain, fingerprint) of statements that raised and are to be tried again.
    touched: the chunks that they are in.
    aliases: {id of a code object: (weak reference to it, the one in source that it stands for)}.
    kept: set of (names, why) of functions that keep old code, which is said once.
    late: whether the module's own code runs on after a save, and may make functions of old code.
    """

    def __init__(self, path, data):
        self.path, self.data, self.disk, self.source, self.first_starts = path, data, data, None, [0]
        self.failed, self.touched, self.kept, self.aliases, self.module_ids = set(), set(), set(), {}, ()
        self.late = False

    def modules(self):
        """The modules that were loaded from the file."""
        found = []
        for module in list(sys.modules.values()):       # a script has two names
            if isinstance(module, type(sys)) and module_path(module) == self.path and module not in found:
                found.append(module)
        return found

    def label(self):
        """The name by which reports call the module."""
        names = [module.__name__ for module in self.modules()]
        named = [name for name in names if name != '__main__']
        return (named + [os.path.splitext(os.path.basename(self.path))[0]])[0]

    def owns(self, function):
        """Whether the function was written in this file, or calls one that was."""
        name = function.__code__.co_filename
        return name in (self.path, OWN_FILE) or os.path.abspath(name) == self.path or name.startswith('<patch ')

    def load(self, heap=None):
        """Parse the text that is running, and learn which code objects its functions have.

        heap: an empty list at first, in which the files of one batch share what all functions are.
        """
        heap = [] if heap is None else heap
        if self.source is None:
            self.source = Source(self.path, self.data)
            code = fresh.codes.pop(self.path, None)
            self.source.adopt(code or compile(self.data, self.path, 'exec', 0, True))
            self.first_starts = self.source.starts
        ids = tuple(map(id, self.modules()))
        if ids != self.module_ids:              # loaded by others, or once more: there equal code stands for ours
            self.module_ids, known, ours = ids, {}, {}
            for code, _, _ in pair(*[sum(self.source.codes, [])] * 2):
                known[code] = code
            if not heap:
                heap += [item for item in gc.get_objects() if type(item) is FunctionType]
            for function in heap:
                code = function.__code__
                if type(code) is CodeType:      # PyPy's builtins are functions too
                    name = code.co_filename
                    if name not in ours:
                        ours[name] = os.path.abspath(name) == self.path
                    if ours[name] and code in known:
                        for old, new, _ in pair([code], [known[code]]):
                            self.alias(old, new)

    def catch_up(self):
        """Give functions the code of now, when others loaded an older text. The list of Changes."""
        self.load()
        ours, changes = {}, []
        for code, _, chain in pair(*[sum(self.source.codes, [])] * 2):
            ours.setdefault(code.co_name, []).append((code, chain))
        for module in self.modules():
            functions = [value for owner in [module] + [value for value in vars(module).values() if isinstance(
                value, class_types) and value.__module__ == module.__name__] for value in vars(owner).values()
                if type(value) is FunctionType and self.owns(value)]
            for function in functions:
                old, same = function.__code__, ours.get(function.__code__.co_name, ())
                if len(same) == 1 and old != same[0][0] and parameters(old) == parameters(same[0][0]) and (
                        old.co_freevars == same[0][0].co_freevars):
                    for one, other, _ in pair([old], [same[0][0]]):
                        self.alias(one, other)
                    if shape(old) != shape(same[0][0]):
                        names = [self.label()] + [code.co_name for code in same[0][1]] + [old.co_name]
                        changes.append(Change('Update', '.'.join(names), self.path, same[0][0].co_firstlineno,
                                              'the file was newer than what was loaded'))
        catch_up([self])
        return changes

    def alias(self, code, stands_for):
        """Let functions with `code` follow what becomes of `stands_for`; does not keep the code alive."""
        if code is not stands_for:
            self.aliases[id(code)] = weak_reference(code), stands_for

    def prepare(self, data, name=None, whole=False, heap=None):
        """The Plan to go from the text that is running to `data`. Changes nothing; raises what the compiler
        does.

        name: of a text that is in no file.      whole: parse and compare everything, to check the faster way.
        heap: as in load().
        """
        self.load(heap)
        old = self.source
        source, edit = old.edited(data, self.touched, whole)
        plan = Plan(self, source, name)
        plan.kept = edit.kept
        plan.comparison.body(self._statements(edit.old), plan.compile(edit.new))
        for before, after in plan.comparison.pairs:
            plan.graft.add(pair(before.codes, after.codes))
            for item, other, chain in same_named(before.node, after.node):
                plan.pair_again(before, after, item, other, chain)
            plan.check_lambdas(before, after)
            source.origin[after.index] = old.origin[before.index]
        for _, index in edit.kept if name is None else ():
            by, codes = source.starts[index] - source.at[index], source.codes[index]
            if codes and (by or codes[0].co_filename.startswith('<patch ')):
                found = []
                source.codes[index] = [moved_code(code, by, self.path, (), found) for code in codes]
                plan.graft.add(found)
            source.at[index] = source.starts[index]
        return plan

    def _statements(self, indices):
        """The Statements of the running text in the chunks, with the code objects that are live."""
        found, source, start = [], self.source, 0
        while start < len(indices):
            end = start
            while end < len(indices) and indices[end] - indices[start] == end - start:
                end += 1                        # a row of neighbours is parsed in one go
            for index, nodes in zip(indices[start:end], source.nodes(indices[start], indices[end - 1] + 1)):
                codes = list(source.codes[index])
                for node in nodes:
                    count = len(codes)
                    if node is not nodes[-1]:   # several statements on one line: see which functions are whose
                        count = len(children(compile_nodes([node], self.path, source.flags)))
                    found.append(Statement(node, index, None, codes[:count]))
                    del codes[:count]
            start = end
        return found

    def live_aliases(self):
        """[(code object that is in use, the one of the running text that it stands for)]."""
        found = []
        for number, (reference, code) in list(self.aliases.items()):
            alias = reference()
            if alias is None:
                del self.aliases[number]
            else:
                found.append((alias, code))
        return found

    def commit(self, plan):
        """Take the text of a plan that was done for the running one."""
        self.source, self.data, self.failed = plan.source, plan.source.data, plan.failed
        self.touched = set(index for index in plan.touched if index < len(self.source))
        self.late = self.late or plan.stop is not None
        for move in plan.graft.moves.values():
            self.alias(move.old, move.new)
        for alias, code in self.live_aliases():
            if id(code) in plan.graft.moves:
                self.alias(alias, plan.graft.moves[id(code)].new)


class Plan(object):
    """What one save of a LiveFile does. Made by LiveFile.prepare(), done by apply_plans().

    source: the new Source.      path: of the file, or the name of a text that is in none.
    comparison: the Comparison, of its statements.      graft: the Transplant, for its functions.
    changes: list of Change, the report.
    failed, touched: as those of a LiveFile, of this save.
    rebound: [(module, chain, name, old value, new one)].
    stop: the chunk from which on the module's own code has not run yet, or None.
    kept: [(old index, new index)] of unchanged chunks.      entered: for enter_once().      raised: actions.
    """

    def __init__(self, file, source, name=None):
        self.file, self.source, self.path, self.modules = file, source, name or file.path, file.modules()
        self.graft = Transplant(self.find_class, self._keep_old)
        self.comparison = Comparison(self.find_class, file.failed)
        self.statements, self.changes, self.rebound, self.todo, self.stop = [], [], [], [], None
        self.failed, self.touched, self.early, self.signed, self.kept = set(), set(), set(), set(), []
        self.entered, self.raised = [], []

    def find_class(self, chain):
        """The class that the names lead to in the module, or None."""
        return resolve(self.modules[0], chain) if self.modules and chain else None

    def compile(self, indices):
        """The Statements of the new chunks, each with code of its own."""
        for index in indices:
            first = len(self.statements)
            for node in self.source.parsed[index]:
                code = compile_nodes([node], self.path, self.source.flags)
                self.statements.append(Statement(node, index, code))
            self.source.codes[index] = sum([item.codes for item in self.statements[first:]], [])
            self.source.at[index] = self.source.starts[index]
        self.source.parsed = {}
        return self.statements

    def pair_again(self, before, after, old, new, chain):
        """Give functions the code of the definition `new` of several same-named ones; none if it is None."""
        one, around = code_in(before.codes, chain, old), []
        for code, _, _ in pair([one], [one]) if one is not None else ():
            self.graft.moves.pop(id(code), None)
        if one is not None and new is not None:
            for number, name in enumerate(chain):
                around += [code for code in class_codes(after.codes, chain[:number]) if code.co_name == name][:1]
            other, around = code_in(after.codes, chain, new), tuple(around)
            self.graft.add([(one, other, around)] + pair(children(one), children(other), around + (other,)))

    def check_lambdas(self, old, new):
        """Report changed lambdas that were one code object, since they were equal and on one line; make new ones."""
        def count(codes):
            return sum(code.co_name == '<lambda>' for code, _, _ in pair(codes, codes))
        if old.full() != new.full() and count(new.codes) > count(old.codes) < sum(
                isinstance(node, _ast.Lambda) for node in walk(old.node)):
            self.changes.append(Change('Failed', '%s:%d' % (os.path.basename(self.file.path), new.node.lineno),
                                       self.file.path, new.node.lineno, 'equal lambdas of one line cannot be '
                                       'told apart: those made earlier keep the old code'))
            self.comparison.actions = [action._replace(kind='run') if action.new is new and not new.name else action
                                       for action in self.comparison.actions]

    # ---- what the comparison leaves to the whole program

    def refine(self):
        """Work out what the whole program tells: what was renamed, is bound elsewhere, or is running."""
        actions = self.comparison.actions
        gone = [action for action in actions if action.kind == 'delete' and action.old.name]
        come = [action for action in actions if action.kind == 'run' and action.old is None and action.new.name]
        for old in gone:
            same = [new for new in come if self._is_same(old, new)]
            if len(same) == 1 and self._take_along(old, same[0]):
                come.remove(same[0])
                actions[actions.index(same[0])] = same[0]._replace(kind='rename', old=old)
                actions.remove(old)
        for action in list(actions):
            others = self._binders(action.name, -1) if action.kind == 'delete' and not action.chain else ()
            if others:                          # of several definitions the last one wins
                index, actions[:] = actions.index(action), [other for other in actions if other is not action]
                before = [old for old, new in self.kept if new == others[-1].index]
                if before and before[0] < action.old.index:
                    actions.insert(index, self._again(others[-1]))
        for alias, code in self.file.live_aliases():
            if id(code) in self.graft.moves:
                move = self.graft.moves[id(code)]
                self.graft.moves[id(alias)] = Move(alias, move.new, move.chain)
        line = running_line(self.file.path)
        if line is not None:
            running = bisect.bisect_right(self.file.first_starts, line - 1) - 1
            later = [index for index, origin in enumerate(self.source.origin)
                     if origin is not None and origin >= running]
            self.stop = min(later) if later else None

    def _is_same(self, old, new):
        """Whether a deleted definition came back: with an equal text, or as a method of a base or derived class."""
        if type(old.old.node) is not type(new.new.node):
            return False
        if isinstance(new.new.node, _ast.ClassDef):
            words = re.findall(r'\w+', new.new.full())
            if old.chain != new.chain or new.new.node.decorator_list or (
                    type(self.find_class(old.chain + (old.name,))) not in class_types or
                    any(mangled(word, ('C',)) != word for word in words)):
                return False                    # somebody may know it by its name: the class, or who made it
        elif old.name == new.name and old.chain and new.chain and old.chain != new.chain:
            classes = [self.find_class(action.chain) for action in (old, new)]
            if None not in classes and (issubclass(*classes) or issubclass(*classes[::-1])):
                return True
        texts = [re.sub(r"\bstr u?'%s'" % re.escape(action.name), '', item.full()) for action, item in (
            (old, old.old), (new, new.new))]
        body = [node for node in new.new.node.body if not isinstance(node, _ast.Pass)]
        return texts[0] == texts[1] and bool(body) and body != [docstring_node(body)]

    def _take_along(self, old, new):
        """Let functions with the code of the deleted definition follow the new one."""
        top = old.old if not old.chain else dict((item, before) for before, item in self.comparison.pairs).get(old.top)
        one, other = top and code_in(top.codes, old.chain, old.old), code_in(new.top.codes, new.chain, new.new)
        if one is None or other is None or '__class__' in other.co_freevars:
            return False
        self.graft.add([(one, other, ())] + pair(children(one), children(other), (other,)))
        return True

    def _binders(self, name, after):
        """The Statements of the new text in chunks after that index which surely bind the module's `name`."""
        return [item for item in self._statements_about(name, after) if name in names_used([item.node]).sure]

    def _statements_about(self, name, after):
        """The Statements of the new text in chunks after that index which have the word `name` in them."""
        word = re.compile(br'\b' + name.encode('utf-8') + br'\b')
        indices = sorted(set(bisect.bisect_right(self.source.starts, number) - 1
                             for number, line in enumerate(self.source.lines) if word.search(line)))
        return [Statement(node, index) for index in indices if index > after
                for node in self.source.nodes(index, index + 1)[0]]

    def is_out(self, action):
        """Whether the action is about a statement that runs now, will still run, or starts the program."""
        if self.stop is not None and action.top is not None and action.top.index >= self.stop:
            return action.kind != 'rename'
        return action.new is not None and not action.chain and is_main_block(action.new.node)

    # ---- what functions get

    def fit(self, functions):
        """Work out what each function gets. functions: {id of a code object: [functions that run it]}."""
        moves = list(self.graft.moves.values())
        for move in moves:
            move.functions = functions.get(id(move.old), ())
        written = set()
        for action in self.comparison.actions:
            if action.kind == 'run' and not self.is_out(action) and action not in self.early:
                written |= names_used([action.new.node]).writes
        for action in self.comparison.actions:
            if action.kind == 'sign':
                self._fit_signature(action, written)
            elif action.kind == 'run' and action.old is not None and not self.is_out(action):
                for node in inner_definitions(action.new.node):     # made anew, with their defaults
                    for move in self.graft.to(code_in(action.top.codes, action.chain, Statement(node))):
                        if not move.signed:
                            move.signed = move.late = parameters(move.old) != parameters(move.new)
        for move in moves:
            if move.functions and not move.signed and parameters(move.old) != parameters(move.new):
                self.graft.fit_parameters(move, [node for item in self.statements for node in walk(item.node)
                                                 if isinstance(node, BLANKED)], self.source.flags)
        for move in moves:
            if not move.late:
                self.graft.fit(move)

    def _moves_of(self, action):
        return self.graft.to(code_in(action.top.codes, action.chain, action.new))

    def _fit_signature(self, action, written):
        """Evaluate new defaults and annotations: now, or later when statements of this save matter to them."""
        moves = self._moves_of(action)
        bare = copy_node(action.new.node, decorator_list=[], body=[])
        matters = any(isinstance(node, _ast.Call) or isinstance(node, _ast.Name) and node.id in written
                      for node in walk(bare))
        for move in moves:
            move.signed, move.late = True, matters
        if not matters and self.modules:
            try:
                self._sign(self.modules[0], action, moves)
            except Exception as error:
                self._fail(action, error)
                for move in moves:
                    move.late = True
            self.signed.add(action)

    def _sign(self, module, action, moves):
        """Set the defaults and annotations of moves to those of a function made by the new definition."""
        node = copy_node(action.new.node, decorator_list=[])
        space = run_apart(module, action.chain, [node], self.path, self.source.flags)[0]
        made = space[mangled(action.name, action.chain)]
        made = getattr(made, '__func__', made)  # of __new__, __init_subclass__
        texts = [default_texts(item.node.args) for item in (action.old, action.new)]
        for move in moves:
            move.defaults = made.__defaults__, getattr(made, '__kwdefaults__', None)
            move.unchanged = [name for name in texts[1] if texts[0].get(name) == texts[1][name]]
            if '__annotations__' in FUNCTION_PARTS:
                move.parts['__annotations__'] = made.__annotations__

    def _keep_old(self, move, why):
        """Report that functions keep their code."""
        if (move.names(), why) in self.file.kept:
            return
        self.file.kept.add((move.names(), why))
        self.changes.append(Change('Failed', '.'.join((self.file.label(),) + move.names()), self.file.path,
                                   move.new.co_firstlineno, '%d made earlier keep the old code: %s' % (
                                       len(move.functions), why)))

    # ---- what runs

    def first(self):
        """Run new imports and functions, which only add names, so that edited functions find them."""
        for action in self.comparison.actions:
            item = action.new
            if action.kind != 'run' or action.old is not None or action.chain or self.is_out(action):
                continue
            node = item.node
            plain = isinstance(node, (_ast.Import, _ast.ImportFrom)) or isinstance(node, FUNCTION_NODES) and not (
                node.decorator_list or names_used([copy_node(node, body=[])]).reads.difference(
                    *[vars(module) for module in self.modules]))
            names = names_used([node]).sure
            if plain and '*' not in names and not any(name in vars(module) for module in self.modules
                                                      for name in names):
                self._run_early(action)

    def imports(self):
        """Run changed imports, ahead of files that import this one as it imports them."""
        for action in self.comparison.actions:
            if action.kind == 'run' and not action.chain and action not in self.early and not self.is_out(action) and (
                    isinstance(action.new.node, (_ast.Import, _ast.ImportFrom))) and (
                    '*' not in names_used([action.new.node]).sure):
                self._run_early(action)

    def _run_early(self, action):
        self.early.add(action)
        for module in self.modules:
            try:
                self._do_run(module, action)
            except (Exception, SystemExit):     # in its turn, when what is ahead of it has run
                self.early.discard(action)

    def perform(self):
        """Run what is to run, in the order of the file, in each module that was loaded from it."""
        self.todo = [action for action in self.comparison.actions if action not in self.early]
        self._work()

    def retry(self):
        """Run once more what raised: it may have needed what a later file of the batch brought."""
        self.todo, self.raised = self.raised, []
        self.changes = [change for change in self.changes if not isinstance(change.error, BaseException)]
        self.failed, self.touched = set(), set()
        self.signed.difference_update(self.todo)
        self._work()

    def _work(self):
        while self.todo:
            action = self.todo.pop(0)
            if action.kind == 'update' or action in self.signed:
                self._tell('Update', action)
                self._updated(action)
            elif self.is_out(action):
                if any(module.__name__ == '__main__' for module in self.modules):
                    self._tell('Failed', action, 'the program is at it, or before it: counts from its next start')
            else:
                for module in self.modules:
                    self._do(module, action)

    def _do(self, module, action):
        try:
            getattr(self, '_do_' + action.kind)(module, action)
        except (Exception, SystemExit) as error:
            self._fail(action, error)

    def _fail(self, action, error):
        self._tell('Failed', action, error)
        self.raised.append(action)
        if action.new is not None:
            self.failed.add((action.chain, action.new.full()))
            self.touched.add(action.top.index)

    def _tell(self, kind, action, error=None):
        """Add a line to the report, once for all modules of the file."""
        item = action.new or action.old
        line = _first_line(item.node) + 1 if item else 1
        if action.name:
            name = '.'.join((self.file.label(),) + action.chain + (action.name,))
        else:
            name = '%s:%d' % (os.path.basename(self.file.path), line)
        change = Change(kind, name, self.file.path, line, error)
        if change[:4] not in [other[:4] for other in self.changes]:
            self.changes.append(change)

    def _updated(self, action):
        """Tell caches, and those who hold on to a function's code, that it is new."""
        for module in self.modules:
            owner = resolve(module, action.chain)
            held = vars(owner).get(mangled(action.name, action.chain)) if action.name and owner else None
            conform = getattr(held, '__conform__', None)
            for layer in layers(held):
                getattr(layer, 'cache_clear', int)()
            if conform is not None:
                functions = [function for move in self._moves_of(action) for function in move.functions]
                old = held if not functions or any(held is function for function in functions) else functions[0]
            if conform is not None and type(old) is FunctionType:
                new = FunctionType(old.__code__, old.__globals__, old.__name__, old.__defaults__, old.__closure__)
                dress(new, old)
                conform(new)

    def _do_sign(self, module, action):
        moves = self._moves_of(action)
        self._sign(module, action, moves)
        for move in moves:
            self.graft.fit(move)
        assign([self.graft])
        self._tell('Update', action)
        self._updated(action)

    def _do_doc(self, module, action):
        try:
            set_attribute(resolve(module, action.chain), '__doc__',
                          constant_value(action.new.node.value) if action.new else None)
        except (AttributeError, TypeError):     # a class, on 2.7
            pass

    def _do_delete(self, module, action):
        owner, name = resolve(module, action.chain), mangled(action.name, action.chain)
        annotations = vars(owner).get('__annotations__') if owner is not None else None
        if isinstance(annotations, dict):
            annotations.pop(name, None)
        if owner is not None and name in vars(owner):
            delattr(owner, name)
            if EQUALS_UNHASH and name == '__eq__' and vars(owner).get('__hash__', owner) is None:
                delattr(owner, '__hash__')
            settle(owner)
            self._tell('Delete', action)

    def _do_rename(self, module, action):
        gone = action.old
        source, owner = resolve(module, gone.chain), resolve(module, action.chain)
        name = mangled(gone.name, gone.chain)
        set_attribute(owner, mangled(action.name, action.chain), vars(source)[name])
        self.rebound.append((module, action.chain, action.name, ABSENT, vars(source)[name]))
        renamed = [vars(source)[name]] if isinstance(vars(source)[name], class_types) else [
            function for move in self._moves_of(action) for function in move.functions]
        delattr(source, name)
        for item in renamed:
            item.__name__ = action.name
            if hasattr(item, '__qualname__'):
                item.__qualname__ = '.'.join(action.chain + (action.name,))
        settle(owner)
        settle(source)
        self._tell('Delete', gone)
        self._tell('Add', action, 'was %s; what holds it follows' % '.'.join(gone.chain + (gone.name,)))

    def _do_run(self, module, action):
        owner, item, space = resolve(module, action.chain), action.new, vars(module)
        if owner is None:
            return                              # a class that is not there
        before = dict(vars(owner))
        if action.chain:
            after, made = run_apart(module, action.chain, [item.node], self.path, self.source.flags)
            pairs = pair(made, class_codes(action.top.codes, action.chain))
        else:
            execute(item.code, space)
            after = dict((name, value) for name, value in space.items()
                         if name != '__builtins__' and (name not in before or before[name] is not value))
            pairs = pair(item.codes, item.codes)
        for code, live, _ in pairs:
            self.file.alias(code, live)
        made = dict((id(code), live) for code, live, _ in pairs)
        for name, now in after.items():
            if name not in before:
                set_attribute(owner, name, now, action.chain)
                self.rebound.append((module, action.chain, name, ABSENT, now))
                if not action.chain:
                    self._run_deletion(action, name)
            else:
                self._rebind(module, owner, action, name, before[name], now, made)
        settle(owner)
        new = item.name and mangled(item.name, action.chain) not in before
        self._tell('Add' if new else 'Update' if item.name else 'Run', action)

    def _rebind(self, module, owner, action, name, was, now, made):
        """Put `now` where `was` is, for its holders too. made: {id of code that ran: what it stands for}."""
        if action.new in self.comparison.hidden or not action.chain and self._is_bound_later(action, name):
            if not action.chain:
                vars(module)[name] = was
            for function in [function for move in self._moves_of(action) for function in move.functions][:1]:
                self._renew(function, now, made)
            return
        for layer in layers(was):
            getattr(layer, 'cache_clear', int)()
        if hasattr(was, '__conform__') and not isinstance(was, class_types):
            was.__conform__(now)
        if isinstance(was, class_types) and isinstance(now, class_types) and was.__name__ == now.__name__:
            if absorb(was, now, action, self.file.owns):
                set_attribute(owner, name, was)
                enter_once([(now, was, was)])   # at once: statements to come may ask for the class
                replace_everywhere(now, was)
                return
            left = succeed(was, now)
            if left:
                self._tell('Failed', action, '%d objects or classes made earlier keep the old class: its layout changed'
                           % left)
        elif type(was) is FunctionType and (self.file.owns(was) or was.__closure__):        # that a decorator made
            if self._renew(was, now, made):
                set_attribute(owner, name, was, action.chain)
                return
            if name in action.defined() and callable(now) and not isinstance(now, (staticmethod, classmethod)):
                redirect(was, now)
                self.entered.append((now, was, now))
        elif callable(was) and callable(now) and name in action.defined():
            for function in redirected_to(was):
                redirect(function, now)
            self.entered.append((now, was, now))
        set_attribute(owner, name, now, action.chain)
        self.rebound.append((module, action.chain, name, was, now))

    def _renew(self, was, now, made):
        """Make the function `was` what `now` is, if they run code that belongs together. Whether they do."""
        live = made.get(id(getattr(now, '__code__', None)))
        if live is None or was.__code__.co_freevars != live.co_freevars or not (
                live is was.__code__ or any(move.old is was.__code__ for move in self.graft.to(live))):
            return False
        was.__code__, was.__defaults__ = live, now.__defaults__
        dress(was, now)
        self.entered.append((now, was, was))
        return True

    def _is_bound_later(self, action, name):
        """Whether an unchanged statement below binds the name, and wins; one that builds on it runs again."""
        known = [other.top.index for other in self.todo if other.top is not None]
        later = [item for item in self._binders(name, action.top.index) if item.index not in known][:1]
        for item in later:
            if name not in names_used([item.node]).reads:
                return True
            self._run_again(item, known)
        return False

    def _run_deletion(self, action, name):
        """Run the unchanged `del` below again that takes a name away which the action made."""
        known = [other.top.index for other in self.todo if other.top is not None]
        for item in self._statements_about(name, action.top.index):
            if isinstance(item.node, _ast.Delete) and item.index not in known:
                return self._run_again(item, known)

    def _run_again(self, item, known):
        """Enter an unchanged Statement among what is to run. known: the chunks of the actions to come."""
        self.todo.insert(len([index for index in known if index < item.index]), self._again(item))

    def _again(self, item):
        """The Action that runs an unchanged Statement."""
        item.code = compile_nodes([item.node], self.path, self.source.flags)
        item.codes = children(item.code)
        for code, live, _ in pair(item.codes, self.source.codes[item.index]):
            self.file.alias(code, live)
        return Action('run', (), item, item, item.name, item)


def catch_up(files):
    """Give new code to functions that were made with old code since, by threads or frames that ran on."""
    codes = {}
    for file in files:
        codes.update((id(alias), (alias, code)) for alias, code in file.live_aliases())
    found = functions_with(dict((number, alias) for number, (alias, _) in codes.items())) if codes else {}
    for number, functions in found.items():
        old, new = codes[number]
        if parameters(old) == parameters(new) and old.co_freevars == new.co_freevars:
            for function in functions:
                function.__code__ = new


##############################################################################
## 11. Live -- save, and the running program has the new code
##############################################################################
#
# Gives to the user: LivePatch, a step that brings loaded modules up to date with their files in place; watch(),
# which does so on each save from a thread; the extension of IPython; and --live of the command line.
#
# The files saved together are one batch: all are prepared, then all functions get their code at once, and then
# each file's statements run, dependencies first.

__all__ += ['LivePatch', 'load_ipython_extension', 'unload_ipython_extension']
fnmatch = Later('fnmatch')
FILES = {}                  # {path: LiveFile}: one a process, since patches, recoders and loops must agree


def live_file(path):
    """The LiveFile of a path, made from the text that its module was loaded from."""
    known, file = fresh.texts.get(path), FILES.get(path)
    if file is None or known is not None and known[1] is not file.disk:     # loaded, or loaded again by other means
        if known is None:
            fresh.read(path)
            known = fresh.texts[path]
        file = FILES[path] = LiveFile(path, known[1])
    return file


def running_text(path):
    """The text that the modules of the file run, or None where it is not known."""
    return FILES[path].data if path in FILES else fresh.texts[path][1] if path in fresh.texts else None


def apply_plans(plans):
    """Do what the plans of one batch say; the list of Changes."""
    for plan in plans:
        plan.refine()
        plan.first()
    codes = {}
    for plan in plans:
        codes.update(plan.graft.find())
    functions = functions_with(codes) if codes else {}
    for plan in plans:
        plan.fit(functions)
    assign([plan.graft for plan in plans])
    for plan in plans if len(plans) > 1 else ():
        plan.imports()
        follow(plan.rebound, running_text)
    for plan in plans:
        plan.perform()
        follow(plan.rebound, running_text)      # what depends on this file may run next
    raised = None
    while len(plans) > 1 and raised != sum(len(plan.raised) for plan in plans):
        raised = sum(len(plan.raised) for plan in plans)
        for plan in [plan for plan in plans if plan.raised]:    # files that import each other have no right order
            plan.retry()
            follow(plan.rebound, running_text)
    enter_once([pair for plan in plans for pair in plan.entered])
    for plan in plans:
        plan.file.commit(plan)
    changes, files = [change for plan in plans for change in plan.changes], [plan.file for plan in plans]
    for plan in plans:                          # frees old code now and not when the collector comes to the circle
        vars(plan).clear()
    del functions, codes
    if len(sys._current_frames()) > 1:
        catch_up(files)
    return changes


def apply_saves(paths):
    """Bring the modules of the files up to date with what these hold now; the list of Changes."""
    plans, changes, heap = [], [], []
    again = [path for path, file in list(FILES.items()) if file.failed]         # others may bring what these lack
    for path in list(paths) + again:
        try:
            file, data = live_file(path), read_bytes(path)
            if data and (data != file.disk or file.failed and plans and all(        # an editor may empty a file first
                    plan.file is not file for plan in plans)):
                file.disk = fresh.read(path)
                plans.append(file.prepare(file.disk, heap=heap))
        except EnvironmentError:                # deleted: the modules go on
            pass
        except (SyntaxError, ValueError, TypeError) as error:       # the compiler's
            line = getattr(error, 'lineno', None)
            name = os.path.basename(path) + (':%d' % line if line else '')
            changes.append(Change('Failed', name, path, line, error))
    del heap
    order = fresh.stale_modules([plan.file.path for plan in plans]) if len(plans) > 1 else []
    plans.sort(key=lambda plan: min([order.index(module.__name__) for module in plan.modules
                                     if module.__name__ in order] or [len(order)]))     # dependencies first
    return changes + apply_plans(plans)


class LivePatch(Step):
    """A step that brings the loaded modules up to date with their changed files, in place.

    patterns: which modules: a folder (everything below it), a file, or a pattern as of fnmatch, whose `*`
    crosses `/`; default: the current folder. "/" means all. The files of modules are looked at, nothing is
    searched on disk.

    >>> LivePatch('no such folder').apply()
    []
    """

    def __init__(self, *patterns):
        self.patterns, roots, named = [], [], []
        for pattern in patterns or ('.',):
            for part in pattern if isinstance(pattern, (list, tuple)) else [pattern]:
                path = module_path(part) if isinstance(part, type(sys)) else None
                if isinstance(part, string_types) or hasattr(part, '__fspath__'):
                    path = os.path.abspath(path_text(part))
                if path is None:
                    raise HotloadError('cannot patch %r: expected a path, a pattern or a module with a file' % (part,))
                if os.path.isdir(path):
                    path = os.path.join(path, '*')
                self.patterns.append(path)
                (roots if '*' in path else named).append(path.partition('*')[0])
        fresh.install([root if root.endswith(os.sep) else os.path.dirname(root) for root in roots], named)
        self.known = {}
        self.first_look()

    def first_look(self):
        """Take note of the text of the modules that are loaded."""
        self.files()

    def close(self):
        """Stop loading modules anew for this step."""
        fresh.remove()

    def accepts(self, path):
        """Whether the module of that file is to be patched."""
        return any(fnmatch.fnmatchcase(path, pattern) for pattern in self.patterns)

    def files(self):
        """The paths of the loaded modules that are to be patched. Takes note of the text of new ones."""
        for module in list(sys.modules.values()):
            path = module_path(module) if isinstance(module, type(sys)) else None
            if path is not None and path not in self.known:
                wanted = path.endswith('.py') and path != os.path.abspath(OWN_FILE) and self.accepts(path)
                self.known[path] = wanted and os.path.exists(path)
                if self.known[path] and path not in fresh.texts:
                    fresh.read(path)
                    if is_newer(module, path):
                        report(live_file(path).catch_up())
        return [path for path, wanted in self.known.items() if wanted]

    def run(self, changed=()):
        """Apply what changed, and say so."""
        wanted = set(self.files())
        report(self.apply([path for path in changed if path in wanted]))

    def apply(self, path=None):
        """Apply the changes of one file, of a list of files, or of all that changed. The list of Changes.

        Nothing is changed when a file does not compile; that is the Change 'Failed'.
        """
        paths = self.files() if path is None else [path] if isinstance(path, string_types) else path
        return apply_saves([path for path in map(os.path.abspath, map(path_text, paths))
                            if path in fresh.texts or self.known.get(path, True)])


COLOURS = {'Update': '\x1b[33m', 'Add': '\x1b[32m', 'Delete': '\x1b[35m', 'Run': '\x1b[36m', 'Watch': DIM,
           'Failed': RED}


def report(changes):
    """Say what was changed, a line each."""
    for change in changes:
        say(str(change), colour=COLOURS[change.kind])


class LiveLoop(Loop):
    """The Loop of watch(): looks from a thread, and touches nothing of the program but what is patched.

    patch: the LivePatch.      first: paths that are looked at most often.      logger(list of Change), or None.
    delay_s: the thread begins after so long.      runs: how many saves it applied.      pid: of its process; a child
    that was forked has no such thread.      Loop.tick(), .stop() and .join() as ever.
    """

    def __init__(self, patch, first=(), rate=RATE, logger=report, debounce_s=0, verbose=False, delay_s=0):
        self.patch, self.first, self.pause_s, self.delay_s = patch, list(first), 1.0 / rate, delay_s
        self.logger, self.verbose, self.debounce_s, self.clock = logger, verbose, debounce_s, clock_s
        self.runs, self.stopping, self.watcher, self.thread, self.said = 0, False, None, None, set()
        self.pid, self.next_look, self.frozen = os.getpid(), 0, 0
        self.halt, self.busy = threads.allocate_lock(), threads.allocate_lock()     # held: until stop(); while it looks
        self.halt.acquire()

    def forever(self):
        """Look and apply until stop()."""
        try:
            if not acquire_within(self.halt, self.delay_s):
                thaw(self.frozen)
            while not self.stopping:
                try:
                    self._look()
                except Exception:
                    show_error(sys.exc_info())
                    acquire_within(self.halt, 1)
            self.close()
        finally:
            self.busy.release()

    def _look(self):
        """Wait for a hint, or as long as the rate says, and tick."""
        hints = ()
        if self.watcher and (self.watcher.hints or not imports_wait()):     # it imports ctypes for them
            hints = self.watcher.wait(self.pause_s)
        elif self.watcher:
            time.sleep(self.pause_s)
        self.tick(hints)
        for path in self.patch.files() if self.verbose else ():
            if path not in self.said:
                self.said.add(path)
                self._tell([Change('Watch', path, path, None, None)])

    def _tell(self, changes):
        if changes and self.logger is not None:
            self.logger(changes)

    def tick(self, hints=()):
        """Look once, and apply what changed; the paths that did."""
        if self.watcher is None:
            fresh.show_lines(list(fresh.texts))
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

    def run(self, changed=()):
        """Apply the saves of the files `changed`."""
        time.sleep(self.debounce_s)
        wanted = set(self.patch.files())
        changes = self.patch.apply([path for path in changed if path in wanted])
        self.runs += 1
        self._tell(changes)

    def start(self, name='hotload'):
        """Begin to look, in a daemon thread."""
        import atexit
        import threading
        self.busy.acquire()
        self.thread = threading.Thread(target=self.forever, name=name)
        self.thread.daemon = True
        self.thread.start()
        atexit.register(self.end)
        return self

    def stop(self):
        """Let it end. From any thread."""
        if not self.stopping:
            self.stopping = True
            self.halt.release()

    def end(self):
        """Stop, and wait for it: 2.7 cannot take modules apart while a thread runs."""
        self.stop()
        if self.pid == os.getpid() and (self.busy.acquire(self.watcher is None) or acquire_within(self.busy, END_S)):
            self.busy.release()

    def close(self):
        """Stop using the finder and the kernel's hints."""
        if self.watcher is not None:
            self.watcher.close()
        self.patch.close()


def watch(pattern='./*.py', logger=report, autostart=True, debounce=None, poll=None):
    """Patch the loaded modules whose file matches `pattern` on every save, from a daemon thread. The Loop.

    pattern: as of LivePatch, a list of such, or a module.
    logger(list of Change): called after each save; None for silence.
    debounce: seconds to wait after a save was noticed.      poll: seconds between two looks.

    >>> loop = watch('no such folder/*.py', autostart=False)
    >>> loop.tick()
    []
    >>> loop.close()
    """
    loop = LiveLoop(LivePatch(pattern), (), RATE if not poll else 1.0 / poll, logger, debounce or 0)
    return loop.start() if autostart else loop


# ---- IPython, and the command line

EXTENSIONS = {}             # {id of an IPython shell: (LivePatch, function called before each cell, PromptSpace)}


class NotebookPatch(LivePatch):
    """A LivePatch of all modules that are not installed: a notebook's own are often not below its folder."""

    def accepts(self, path):
        """Whether the module is one of the user's."""
        return fresh.is_local(path)


def load_ipython_extension(ipython):
    """For `%load_ext hotload`: apply all saves before each cell, to all modules that are not installed.

    >>> load_ipython_extension(get_ipython())       # doctest: +SKIP
    """
    if id(ipython) not in EXTENSIONS:
        patch = NotebookPatch('/')

        def before_cell(*info):
            report(patch.apply())
        ipython.events.register('pre_run_cell', before_cell)
        EXTENSIONS[id(ipython)] = patch, before_cell, PromptSpace(getattr(ipython, 'user_ns', {}))
        PROMPTS.append(EXTENSIONS[id(ipython)][2])


def unload_ipython_extension(ipython):
    """For `%unload_ext hotload`: leave the program as it is from now on.

    >>> unload_ipython_extension(get_ipython())     # doctest: +SKIP
    """
    patch, before_cell, space = EXTENSIONS.pop(id(ipython), (None, None, None))
    if patch is not None:
        PROMPTS.remove(space)
        ipython.events.unregister('pre_run_cell', before_cell)
        patch.close()


class ProgramPatch(LivePatch):
    """The LivePatch of a program that has yet to begin: what it imports is noted then."""

    def first_look(self):
        """There is nothing to look at."""


def run_live(choice):
    """Run the program of a command line once, patched by a thread while it goes on. Its exit status."""
    frozen = freeze()                           # before there is a namespace of the program
    step = ReloadedScript(choice.script, choice.argv, choice.function or choice.get('entrypoint'),
                          choice.module) if choice.runs_code() else None
    names = choice.get('watch') or ['.'] + [step.folder for step in [step] if step]
    loop = LiveLoop(ProgramPatch(*names), [step.path] if step and step.path else [], choice.rate,
                    None if 'quiet' in choice else report, 0, 'verbose' in choice, 0.1)
    if HAS_FORK_WARNING:                        # our thread is no danger to the child
        os.register_at_fork(before=ignore_fork_warning)
    loop.frozen = frozen
    loop.busy.acquire()
    threads.start_new_thread(loop.forever, ())
    status = 0
    try:
        if step is not None:
            status = status_of(step.run)
        if step is None or 'interactive' in choice:
            status = status_of(lambda: interact(step))
        status = status_of(join_all) or status  # the program goes on while one of its threads does
    finally:
        loop.end()
    return status


def status_of(function):
    """Call a function of the program; the exit status that Python would give, with the traceback that it would show."""
    try:
        function()
    except SystemExit as error:
        return exit_status(error)
    except BaseException:
        kind, error, trace = sys.exc_info()
        if isinstance(error, HotloadError) and users_trace(trace) is None:
            say(str(error), colour=RED)
        elif sys.excepthook is not sys.__excepthook__:
            sys.excepthook(kind, error, users_trace(trace))
        else:
            show_error((kind, error, trace))
        return 130 if kind is KeyboardInterrupt else 1
    return 0


def interact(step):
    """A Python prompt: in the namespace of the program when that has ended, or in a new one."""
    import code
    with suppress(ImportError):
        import readline                         # noqa: F401
    if step is None:
        sys.modules['__main__'] = type(sys)('__main__')
        sys.path.insert(0, '')
    space = step.namespace if step else vars(sys.modules['__main__'])
    PROMPTS.append(PromptSpace(space))
    code.interact('' if step else 'Python %s, patched by hotload' % sys.version.split()[0], local=space)


def join_all():
    """Wait for the threads that Python would wait for."""
    others = True
    while others:
        others = [thread for thread in other_threads() if not thread.daemon]
        for thread in others[:1]:
            thread.join()


MODES.append(Mode('live', 'run it once; a save patches what is running, in place', None, main=run_live,
                  without='exclude command hotload run interrupt no-interrupt clear-terminal'))


##############################################################################
## 12. Recode -- patches made by the program, and loops that are read again
##############################################################################
#
# Gives to the user: make_recoder(), for patches that the program makes itself and may write into the file; and
# reloading(), for the body of a loop or a function that is to be as the file has it now.
#
# The text of a definition is found by its statement node, and exchanged line by line. The body of a loop runs as a
# function of its own that is given the variables of the frame around it, and gives them back.
#
# Not handled: return, yield and await in the body of such a loop.

__all__ += ['make_recoder', 'reloading', 'OutOfSyncException']


# ---- patches from the program

class OutOfSyncException(HotloadError):
    """A patch cannot be written, since its file was changed by others after the patch was made.

    >>> issubclass(OutOfSyncException, HotloadError)
    True
    """


class Recoder(object):
    """Changes a function, class or module from within the program, and writes that to its file if asked to.

    path: of the file.      names: of the classes and functions around it, and its own.
    status: 'live' (as made or patched), 'saved' (committed or reverted), 'out-of-sync' (the file changed).
    on_status: list of functions that are called as f(recoder, status) when it changes.
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
        nodes = self._parsed(dedented(text))
        if not nodes and self.deletable:
            return self._apply(self._without)
        if len(nodes) != 1 or getattr(nodes[0], 'name', None) != self.names[-1]:
            raise ValueError('expected one definition of %s, and nothing else' % self.names[-1])
        self._apply(lambda data: self._spliced(data, text))

    def patch_module(self, text):
        """Add the statements of `text` to the module; definitions that are there are replaced."""
        text = self._encoded(text)
        if not self.names:
            return self._apply(lambda data: text)
        nodes = self._parsed(text)
        self._apply(lambda data: self._merged(data, text, nodes))

    def repatch(self):
        """Apply the last patch again, onto what the file holds by now."""
        if self.change is not None:
            raise_failed(apply_saves([self.path]))
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
        """Write the patch into the file, every other byte as it was. OutOfSyncException if others wrote to
        it."""
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

    def _parsed(self, text):
        """The statement nodes of bytes that are encoded as the file is."""
        coding = self.file.source.coding
        if coding:
            text = b'\xef\xbb\xbf' + text.decode(coding.decode('ascii')).encode('utf-8')
        return parse(text, self.path)

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
        raise_failed(apply_plans([self.file.prepare(data, name)]))

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
        return start, last_line(node, lines), re.match(br'[ \t\f]*', lines[start]).group()

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
        if lines[start].startswith(b'\xef\xbb\xbf'):
            text = b'\xef\xbb\xbf' + text
        return b''.join(lines[:start] + [text] + lines[end:])

    def _without(self, data):
        """`data` without the definition; where it is all that its class or function holds, `pass` takes its place."""
        shorter = self._spliced(data, b'')
        try:
            parse(shorter)
        except SyntaxError:
            shorter = self._spliced(data, b'pass')
        return shorter

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


def raise_failed(changes):
    """Raise what the first of the Changes that failed tells."""
    for change in changes:
        if change.kind == 'Failed':
            raise change.error if isinstance(change.error, BaseException) else HotloadError(str(change), change.path)


def make_recoder(obj, deletable=False):
    """A Recoder for a function, method, class or module that was loaded from a file.

    deletable: whether patch('') may remove it. Raises HotloadError for what has no source in a file.

    >>> make_recoder(listfiles).status
    'live'
    """
    return Recoder(obj, deletable)


def locate(target):
    """(path, names, number) of the definition of an object: number among those of one name at its place."""
    for part in ('__func__', 'fget', 'func'):
        target = getattr(target, part, None) or target
    while hasattr(target, '__wrapped__') and not isinstance(target, class_types):
        target = target.__wrapped__
    if type(target) is FunctionType and target.__code__.co_name not in (target.__name__, '<lambda>'):
        held = [cell.cell_contents for cell in target.__closure__ or ()]    # 2.7: wraps() sets no __wrapped__
        target = ([other for other in held if getattr(other, '__name__', None) == target.__name__] + [target])[0]
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
    """The bytes of a definition, each line that begins with code moved in; not the inside of texts of several
    lines."""
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
    """The loop `for x in reloading(...)` that a frame is in: runs its body as the file has it now.

    In a notebook the newest text is that of the last cell run, or saved in the notebook's file, which has this loop.
    """

    def __init__(self, frame):
        self.frame, self.name, self.place = frame, frame.f_code.co_filename, None
        self.path, space = os.path.abspath(self.name), frame.f_globals
        self.is_cell = file_key(self.path) is None
        if self.is_cell:
            text = ''.join(linecache.getlines(self.name))
            self.path, data = self.name, text if isinstance(text, bytes) else text.encode('utf-8')
            # VS Code, and Jupyter's server by its kernel, tell the path of the notebook.
            self.saved_as = space.get('__vsc_ipynb_file__') or os.environ.get('JPY_SESSION_NAME') or ''
        else:
            self.saved_as, data = self.path, read_bytes(self.path)
        self.key, self.cells_run = file_key(self.saved_as), len(space.get('In', ()))
        self.take(data)

    def take(self, data):
        """Use the loop's body in the text `data`."""
        loops, line = list(reloading_loops(parse(data, self.path), (), self.path)), self.frame.f_lineno
        if self.place is None:
            mine = [item for item in loops if item[1].lineno <= line <= item[1].body[0].lineno]
        else:
            mine = [item for item in loops if item[0] == self.place[0]] or [
                item for item in loops if item[0][0] == self.place[0][0] and not self.is_cell][:1]
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
        """Take the newest text, if there is a newer one; a body that does not compile is not taken."""
        key, texts = file_key(self.saved_as), []
        if key not in (self.key, None) and key[1]:          # an editor may empty a file before it writes
            self.key = key
            texts = notebook_cells(self.saved_as) if self.is_cell else [read_bytes(self.path)]
        cells = self.frame.f_globals.get('In', ()) if self.is_cell else ()
        texts += [text.encode('utf-8') for text in cells[:self.cells_run - 1:-1]] if self.cells_run else []
        self.cells_run = len(cells)
        for text in texts:
            try:
                return self.take(text)
            except (SyntaxError, HotloadError):
                if not self.is_cell:
                    show_error(sys.exc_info())

    def wait(self):
        """Wait until the file is saved."""
        say('the body raised: save %s to try this iteration again' % os.path.basename(self.saved_as), colour=RED)
        while file_key(self.saved_as) in (self.key, None):
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
        """The code that runs the body once: of the module, or a function whose parameters are the local variables."""
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


def notebook_cells(path):
    """The texts of the cells with code in the file of a notebook, as bytes."""
    import json
    with suppress(EnvironmentError, ValueError, AttributeError, TypeError):         # it is written at this moment
        cells = json.loads(read_bytes(path).decode('utf-8'))['cells']
        return [''.join(cell['source']).encode('utf-8') for cell in cells if cell.get('cell_type') == 'code']
    return []


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
                isinstance(part, _ast.Call)
                and getattr(part.func, 'id', getattr(part.func, 'attr', None)) == 'reloading'
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

    every: read only each so many times.
    forever: loop without an iterable. What the body raises is shown, and the iteration is tried again after
    the next save.

    >>> for x in reloading([1, 2]):         # doctest: +SKIP
    ...     print(x)
    """
    if iterable is None and not forever:
        return lambda function: reloading(function, every)
    if type(iterable) is FunctionType:
        return reloaded_function(iterable, every)
    loop = ReloadedLoop(sys._getframe(1))
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
                if loop.key is None:            # nothing that could be saved
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
    seen = [fresh.texts[path][0]]

    @functools.wraps(function)
    def call(*args, **kwargs):
        calls[0] += 1
        key = file_key(path) if calls[0] % every == 0 else None
        if key not in (None, seen[0]):
            seen[0] = key
            report([change for change in apply_saves([path]) if change.kind == 'Failed'])
        return function(*args, **kwargs)
    return call


##############################################################################
## 13. Store -- values on disk
##############################################################################
#
# Gives to those below Store: a folder (or memory) with entries, which are files and folders found by the checksum
# of what they hold, and with records: short byte strings, read in the order in which they were written.
#
# Nothing in it is trusted: what does not fit its checksum is not there. Entries are written under another name and
# renamed; a record is one write, with a length and a checksum; records come last. So a process may be killed at any
# moment. Each process writes records to a journal of its own, which is locked while it lives, and reads those of
# all: two processes need not know of each other, and who removes what another uses only makes it compute once more.
# Where nothing can be written, values are kept in memory (or the folder for temporary files) while the process lives.
#
# Not handled: a file system that keeps no locks, or that shows a renamed file before what is in it.

binascii, hashlib, shutil, tempfile = map(Later, ('binascii', 'hashlib', 'shutil', 'tempfile'))

STORE_FORMAT = 1            # part of the folder's name: formats never meet
RECORD_HEAD, RECORD_HEAD_SIZE, RECORD_MARK = '>4sII', 12, b'\xf5hl\n'         # mark, length, checksum
LARGEST_HELD = 2 ** 28      # bytes of entries that are kept in memory, so that they are read once
MOST_JOURNALS = 16          # more are put together
TICK_S = 0.02               # the clocks of file systems move in steps that are no longer
LONG_TO_READ = 2 ** 24      # bytes; a file from this on is not read twice only since it is new
ABANDONED_S = 3600          # what a killed process left half-written is removed after that time
# {folder: ({address: state of the entry when it was verified}, {address: its bytes}, [their sum])} in this process.
REMEMBERED = {}


def checksum(data):
    """The checksum (40 letters) of bytes, or of anything with the buffer protocol."""
    return hashlib.sha1(data).hexdigest()


def file_checksum(path):
    """The checksum (40 letters) of the content of a file, or of a folder with all that is in it."""
    found = hashlib.sha1()
    if os.path.isdir(path):
        for name in sorted(os.listdir(path)):
            found.update(encoded(name) + b'/' + encoded(file_checksum(os.path.join(path, name))))
    else:
        with open(path, 'rb') as stream:
            part = stream.read(2 ** 20)
            while part:
                found.update(part)
                part = stream.read(2 ** 20)
    return found.hexdigest()


def state_of(path):
    """What changes with a file, or with any file in a folder; None when it is not there."""
    if not os.path.isdir(path):
        return file_key(path)
    return tuple((name, state_of(os.path.join(path, name))) for name in sorted(os.listdir(path)))


def newest_s(state):
    """When the file, or any in the folder, that has this state was modified, in seconds."""
    if state and isinstance(state[0], tuple):
        return max(newest_s(part) for _, part in state)
    return state[0] / TICKS_A_SECOND if state else 0.0


def is_settled(state, when_s):
    """Whether what was read of a file at that time stays true while its state does: its times are coarse."""
    return newest_s(state) < when_s - TICK_S


def sealed(payload):
    """A record as it stands in a journal."""
    return struct.pack(RECORD_HEAD, RECORD_MARK, len(payload), binascii.crc32(payload) & 0xffffffff) + payload


def split_records(data):
    """The payloads of the whole records in a journal's bytes; what is damaged is skipped."""
    at, found, view = 0, [], memoryview(data)
    while 0 <= at <= len(data) - RECORD_HEAD_SIZE:
        mark, size, total = struct.unpack_from(RECORD_HEAD, data, at)
        start, end = at + RECORD_HEAD_SIZE, at + RECORD_HEAD_SIZE + size
        if mark == RECORD_MARK and end <= len(data) and binascii.crc32(view[start:end]) & 0xffffffff == total:
            found.append(data[start:end])
            at = end
        else:
            at = data.find(RECORD_MARK, at + 1)
    return found


def sizes_below(folder):
    """[(path, bytes)] of the files in the folder and below."""
    files, folders = list_folder(folder)
    found = []
    for path in [os.path.join(folder, name) for name in files]:
        with suppress(EnvironmentError):
            found.append((path, os.stat(path).st_size))
    for name in folders:
        found += sizes_below(os.path.join(folder, name))
    return found


def make_folders(path):
    """Make the folder, and those above it that are not there, for this user alone; another process may do the same."""
    if not os.path.isdir(path):
        try:
            os.makedirs(path, 0o700)
        except EnvironmentError:
            if not os.path.isdir(path):
                raise


def remove(path):
    """Remove a file, or a folder with all that is in it, if it is there and that can be done."""
    with suppress(EnvironmentError):
        if os.path.isdir(path) and not os.path.islink(path):
            files, folders = list_folder(path)
            for name in files + folders:
                remove(os.path.join(path, name))
            os.rmdir(path)
        else:
            os.remove(path)


class Store(object):
    """Entries and records in a folder, of one kind of use and one Python; or in memory.

    folder: str, made with mode 0700 if it is not there; None: in memory.      use: name of a folder in it, so that
    several uses may share it.      max_bytes: of the entries, see shrink(); None: no bound.      trust: use it
    although other users can write to it.      session: name of the journal; workers have that of their plant.

    lost: why nothing can be written, or None.      used: addresses that were asked for.

    Raises HotloadError where the folder is a file, or where others can write to it: loading values runs what is in
    them.

    >>> store = Store(None)
    >>> address = store.add(b'some bytes')
    >>> store.read(address) == b'some bytes', store.read('0' * 40)
    (True, None)
    >>> store.append(b'a record', b'another')
    >>> len(store.records())
    2
    """

    def __init__(self, folder, use='values', max_bytes=None, trust=False, session=None):
        self.journal, self.lost, self.number, self.max_bytes = None, None, 0, max_bytes
        self.spare, self.used = {}, set()       # spare: {address: bytes, or a path} of what could not be written
        self.top = self.folder = self.drafts = None
        self.session = session or '%x-%d-%s' % (
            int(time.time() * 1e6), os.getpid(), binascii.hexlify(os.urandom(4)).decode('ascii'))
        self.verified, self.held, self.held_bytes = {}, {}, [0]
        self.unwritten = []                     # records, where they cannot be written
        if folder is not None:
            self.top = os.path.abspath(path_text(folder))
            self.folder = os.path.join(self.top, '%s-%s-%d' % (use, PYTHON_TAG, STORE_FORMAT))
            self.verified, self.held, self.held_bytes = REMEMBERED.setdefault(
                self.folder, (self.verified, self.held, self.held_bytes))
            self.drafts = os.path.join(self.folder, 'new', self.session)
            self._make(trust)

    def _make(self, trust):
        """Make what is not there, and look who can write to it."""
        if os.path.exists(self.top) and not os.path.isdir(self.top):
            raise HotloadError('expected a folder for the store, found a file', path=self.top)
        folders = [os.path.join(self.folder, name) for name in ('entries', 'journals', 'new')]
        is_new = not os.path.exists(self.top)
        for path in [] if trust else [self.top, self.folder] + folders:
            self._refuse_others(path)
        try:
            for path in folders:
                make_folders(path)
            if is_new:
                with open(os.path.join(self.top, '.gitignore'), 'w') as stream:
                    stream.write('*\n')
        except EnvironmentError as error:
            self._lose(error)

    def _refuse_others(self, path):
        """Raise HotloadError if the folder is there and another user can write to it."""
        if os.path.isdir(path) and hasattr(os, 'getuid'):
            status = os.stat(path)
            if status.st_mode & 0o022 or status.st_uid not in (0, os.getuid()):
                raise HotloadError('others can write to this store, and loading values runs what they wrote; `chmod -R '
                                   'go-w %s`, choose another folder, or trust it (trust=True, --trust-store)'
                                   % self.top, path=path)

    def _lose(self, error):
        """Take note that the store cannot be written, and say so once."""
        if self.lost is None:
            self.lost = getattr(error, 'strerror', None) or str(error)
            say('%s: cannot be written (%s): results are kept only while this process lives' % (
                self.top, self.lost), colour=RED)

    # ---- entries

    def draft(self):
        """The path of a new file or folder, to be given to adopt() when it is complete."""
        self.number += 1
        if self.drafts is None or not os.path.isdir(self.drafts):
            try:
                if self.folder is None or self.lost is not None:
                    self.drafts = tempfile.mkdtemp(prefix='hotload-')
                else:
                    make_folders(self.drafts)
            except EnvironmentError as error:
                self._lose(error)
                self.drafts = tempfile.mkdtemp(prefix='hotload-')
        return os.path.join(self.drafts, '%d-%x-%d' % (os.getpid(), threads.get_ident(), self.number))

    def place(self, address):
        """Where the entry is, if it is there."""
        return os.path.join(self.folder, 'entries', address[:2], address)

    def add(self, data):
        """Keep the bytes; their address (str)."""
        address = checksum(data)
        self.used.add(address)
        if self.folder is None:
            self.spare[address] = data
        elif not self.path(address):
            path = self.draft()
            try:
                with open(path, 'wb') as stream:
                    stream.write(data)
                self._move(path, address)
            except EnvironmentError as error:
                self._lose(error)
                self.spare[address] = data
                remove(path)
        return address

    def adopt(self, path):
        """Make a file or a folder that is complete an entry; its address."""
        if not os.path.isdir(path) and os.path.getsize(path) >= LONG_TO_READ:
            time.sleep(TICK_S)
        begun_s = time.time()
        address = file_checksum(path)
        self.used.add(address)
        if self.folder is None:
            self.spare[address] = path
        elif self.path(address) is None:
            try:
                self._move(path, address)
                self._verify(address, self.place(address), begun_s)
            except EnvironmentError as error:
                self._lose(error)
                self.spare[address] = path
        else:
            remove(path)
        return address

    def _move(self, path, address):
        """Rename a draft to the place of its address."""
        place = self.place(address)
        for attempt in range(2):
            try:
                if os.path.lexists(place):      # damaged, or made by another process just now
                    remove(place)
                os.rename(path, place)
                break
            except EnvironmentError:
                if attempt or os.path.isdir(os.path.dirname(place)) and not HAS_CONSOLE:
                    raise
                make_folders(os.path.dirname(place))
                if HAS_CONSOLE and os.path.isfile(path):        # it renames no file that is mapped
                    shutil.copyfile(path, path + '-copy')
                    path += '-copy'

    def _verify(self, address, place, begun_s):
        """Take note that the entry was read at that time and is as it should be."""
        state = state_of(place)
        if is_settled(state, begun_s):
            self.verified[address] = state

    def _note_use(self, address, place):
        """Let shrink() know, in other processes too, that the entry is in use: by the time of its last access."""
        if address not in self.used:
            self.used.add(address)
            if self.max_bytes is not None:
                with suppress(EnvironmentError):
                    os.utime(place, (time.time(), os.stat(place).st_mtime))

    def path(self, address):
        """The path of the entry (str), or None when it is not there or damaged. Read once, then its times are looked
        at only."""
        found = self.spare.get(address)
        if self.folder is None or isinstance(found, string_types) and os.path.exists(found):
            return found if isinstance(found, string_types) else None
        place = self.place(address)
        with suppress(EnvironmentError):
            if os.path.exists(place):
                self._note_use(address, place)
                state = state_of(place)
                if self.verified.get(address) != state:
                    begun_s = time.time()
                    if file_checksum(place) != address:
                        remove(place)
                        return None
                    self._verify(address, place, begun_s)
                return place

    def read(self, address):
        """The bytes of an entry, or None when it is not there or damaged."""
        data = self.held.get(address, self.spare.get(address))
        if isinstance(data, bytes):
            self.used.add(address)
            return data
        if data is None and self.folder is None:
            return None
        place = data or self.place(address)
        with suppress(EnvironmentError):
            data = read_bytes(place)
            if checksum(data) == address:
                self._note_use(address, place)
                self.hold(address, data)
                return data
            remove(place)

    def has(self, address):
        """Whether the entry seems to be there; it may still be damaged."""
        return address in self.spare or self.folder is not None and os.path.exists(self.place(address))

    def hold(self, address, data):
        """Keep an entry's bytes in memory, so that they are not read again; old ones go when they are too many."""
        if address not in self.held and len(data) <= LARGEST_HELD:
            self.held[address] = data
            self.held_bytes[0] += len(data)
            for old in list(self.held) if self.held_bytes[0] > LARGEST_HELD else ():
                if old != address and self.held_bytes[0] > LARGEST_HELD:
                    self.held_bytes[0] -= len(self.held.pop(old))

    def size(self):
        """Bytes of all that is stored for this use and Python."""
        if self.folder is None:
            return sum(len(data) for data in self.spare.values() if isinstance(data, bytes))
        return sum(size for _, size in sizes_below(self.folder))

    def addresses(self):
        """The addresses of all entries (list)."""
        if self.folder is None:
            return list(self.spare)
        folder = os.path.join(self.folder, 'entries')
        found = list(self.spare)
        for name in list_folder(folder)[1]:
            files, folders = list_folder(os.path.join(folder, name))
            found += files + folders
        return found

    def shrink(self):
        """When the entries are larger than max_bytes, remove those that were not used for longest, down to nine
        tenths of that; those that this process used go last."""
        entries = []                            # (used here, when, bytes, address)
        for address in self.addresses() if self.max_bytes is not None else ():
            if isinstance(self.spare.get(address), bytes):
                entries.append((address in self.used, 0, len(self.spare[address]), address))
            elif self.folder is not None:
                place = self.place(address)
                with suppress(EnvironmentError):
                    status = os.stat(place)
                    size = sum(size for _, size in sizes_below(place)) if os.path.isdir(place) else status.st_size
                    entries.append((address in self.used, status.st_atime, size, address))
        total = sum(entry[2] for entry in entries)
        if total > (self.max_bytes or 0):
            for _, _, size, address in sorted(entries, key=lambda entry: entry[:2]):
                if total <= self.max_bytes * 9 // 10:
                    break
                total -= size
                self.discard(address)

    def discard(self, address):
        """Remove an entry."""
        self.spare.pop(address, None)
        self.held_bytes[0] -= len(self.held.pop(address, b''))
        if self.folder is not None:
            remove(self.place(address))

    # ---- records

    def append(self, *payloads):
        """Write records (bytes) to this process's journal, all at once."""
        if self.folder is None or self.lost is not None:
            self.unwritten += payloads
            return
        try:
            if self.journal is None:
                self.journal = self._open_journal()
            data = b''.join(map(sealed, payloads))
            if os.write(self.journal, data) != len(data):
                raise EnvironmentError('disk full')
        except EnvironmentError as error:
            self.unwritten += payloads
            self._lose(error)

    def _open_journal(self):
        """A descriptor of this session's journal, locked. One that another process took for abandoned just now, and
        put together with others, is made anew."""
        path = os.path.join(self.folder, 'journals', self.session)
        while True:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, 'O_BINARY', 0), 0o600)
            if lock_file(descriptor) and os.path.exists(path):
                return descriptor
            os.close(descriptor)
            time.sleep(0.001)

    def records(self):
        """The payloads of all records that are whole, journal by journal, oldest first."""
        if self.folder is None:
            return list(self.unwritten)
        folder = os.path.join(self.folder, 'journals')
        for _ in range(5):
            found, is_whole = [], True
            for name in sorted(list_folder(folder)[0]):
                if not name.endswith('.new'):
                    try:
                        found += split_records(read_bytes(os.path.join(folder, name)))
                    except EnvironmentError:    # another process put it together with others just now
                        is_whole = False
            if is_whole:
                break
        return found + self.unwritten

    def merge(self, choose):
        """Put the journals together when there are many. choose(payloads) -> those to keep."""
        if self.folder is not None and len(list_folder(os.path.join(self.folder, 'journals'))[0]) > MOST_JOURNALS:
            self.tidy()
            self.rewrite(choose)

    def _lock_journal(self, name):
        """A descriptor of the journal `name`, locked, or None while the process that writes it lives, and when another
        has put it together with others just now."""
        path = os.path.join(self.folder, 'journals', name)
        with suppress(EnvironmentError):
            descriptor = os.open(path, os.O_RDWR)
            if lock_file(descriptor) and os.path.exists(path):
                return descriptor
            os.close(descriptor)

    def rewrite(self, choose):
        """Put all journals whose processes have ended, and our own, into one. choose(payloads) -> those to keep."""
        if self.folder is None:
            self.unwritten = list(choose(self.unwritten))
        if self.folder is None or self.lost is not None:
            return
        folder, locked = os.path.join(self.folder, 'journals'), []
        if self.journal is not None:
            os.close(self.journal)
            self.journal = None
        try:
            for name in sorted(list_folder(folder)[0]):
                descriptor = None if name.endswith('.new') else self._lock_journal(name)
                if descriptor is not None:
                    locked.append((name, descriptor))
            payloads = []
            for name, _ in locked:
                payloads += split_records(read_bytes(os.path.join(folder, name)))
            self.number += 1
            merged = os.path.join(folder, '%s-%d' % (self.session, self.number))
            with open(merged + '.new', 'wb') as stream:
                stream.write(b''.join(map(sealed, choose(payloads))))
            os.rename(merged + '.new', merged)
            for name, _ in locked:
                remove(os.path.join(folder, name))
        except EnvironmentError:                # a full disk: they stay as they are
            remove(os.path.join(folder, '%s-%d.new' % (self.session, self.number)))
        finally:
            for _, descriptor in locked:
                os.close(descriptor)

    def tidy(self):
        """Remove what processes left behind that were killed before they could finish it."""
        drafts, journals = os.path.join(self.folder, 'new'), os.path.join(self.folder, 'journals')
        left = [os.path.join(drafts, name) for name in list_folder(drafts)[1] if name != self.session]
        left += [os.path.join(journals, name) for name in list_folder(journals)[0] if name.endswith('.new')]
        for path in left:
            with suppress(EnvironmentError):
                if time.time() - os.stat(path).st_mtime > ABANDONED_S:
                    remove(path)

    def close(self):
        """Give back the journal, and remove drafts that were not adopted."""
        if self.journal is not None:
            os.close(self.journal)
            self.journal = None
        if self.drafts is not None and not any(isinstance(path, string_types) for path in self.spare.values()):
            remove(self.drafts)

    def __del__(self):
        if self.journal is not None:            # of one that was not closed
            os.close(self.journal)


##############################################################################
## 14. Log -- what a recording is made of
##############################################################################
#
# Gives to those below what a recording is made of. A log is one flat list. A step is one entry, a Site, which all
# steps at that place share; a change is an Op and its operands. A Token stands for an object that can change; it
# has the content that the object had when it was first seen, and the changes after that name it. Values are in
# the log as themselves, so they stay alive and an id means one object. A Keyframe has the content of every token
# that could be reached then. A Kind is what is known of a type: how to read the content of an object without
# asking its class, what changed in it since, and how to build another.

array, collections, itertools, operator = map(Later, ('array', 'collections', 'itertools', 'operator'))
ATOMS, MISSING, dict_values = frozenset(ATOM_TYPES), object(), dict.values
SELF_TYPES = MARKED = same_objects = lazy_map = None             # set by learn_types()


class Site(object):
    """A place in the code and an event there. event: 'call', 'line', 'return' or 'exception'.      line: its number.
    path: of the file.      frame: name of the function.
    """

    __slots__ = ('event', 'line', 'path', 'frame')

    def __init__(self, event, line, path, frame):
        self.event, self.line, self.path, self.frame = event, line, path, frame


class Op(object):
    """A kind of change, the first of its entries in the log. size: their number."""

    __slots__ = ('size', 'act')

    def __init__(self, size, act):
        self.size, self.act = size, act

    def play(self, world, log, at):
        """Make this change, whose token and operands come next in the log, in a World."""
        token = log[at + 1]
        world.contents[token] = self.act(world.writable(token), *log[at + 2:at + self.size])


def _set(content, key, value):
    content[key] = value
    return content


def _cut(content, key):
    del content[key]
    return content


def _push(content, value):
    content.append(value)
    return content


def _splice(content, start, end, values):
    content[start:end] = values
    return content


SET, CUT, PUSH = Op(4, _set), Op(3, _cut), Op(3, _push)         # token, key, value; token, key; token, value
SPLICE = Op(5, _splice)                                         # token, from, to, values


def _put(content, new):
    return new if type(new) is tuple else new[:] if not isinstance(new, dict) else type(new)(new)


PUT = Op(3, _put)                                               # token, content


class Bind(Op):
    """A name of the current frame, or of its module, has the value that comes next in the log."""

    __slots__ = ('name', 'is_global')

    def __init__(self, name, is_global):
        self.size, self.act, self.name, self.is_global = 2, None, name, is_global

    def play(self, world, log, at):
        """Bind the name."""
        world.names(self.is_global)[self.name] = log[at + 1]


class Unbind(Bind):
    """A name was deleted."""

    __slots__ = ()

    def __init__(self, name, is_global):
        self.size, self.act, self.name, self.is_global = 1, None, name, is_global

    def play(self, world, log, at):
        """Unbind the name."""
        world.names(self.is_global).pop(self.name, None)


class Enter(Op):
    """The current frame is now that of the Space that comes next in the log."""

    __slots__ = ()

    def play(self, world, log, at):
        """Make the frame the current one."""
        world.space = log[at + 1]


class Printed(Op):
    """The text that comes next in the log was written to stdout."""

    __slots__ = ()

    def play(self, world, log, at):
        """Change nothing."""
        pass


ENTER, PRINTED = Enter(2, None), Printed(2, None)


class Token(object):
    """Stands for an object that can change. obj: it.      kind: a Kind.      first: its content when first seen. now:
    its content as the log has it, or None while it is not followed.      body: the Token of its attributes, or None.
    """

    __slots__ = ('obj', 'kind', 'first', 'now', 'body')

    def __init__(self, obj, kind, first, now=None):
        self.obj, self.kind, self.first, self.now, self.body = obj, kind, first, now, None


class Space(object):
    """The Token of a frame's names. home: has .namespace, the Token of its module's names, and .frame, the name of
    the function.
    """

    __slots__ = ('first', 'now', 'home')
    obj = body = kind = None                    # kind: DICT


Keyframe = tuple_type('Keyframe', 'at contents space')      # `at`: its place in the log
Home = tuple_type('Home', 'namespace frame')                # see Space



# ---- kinds of objects

def layout(cls):
    """(function that gives the dict of an instance's attributes, or None; [(name, descriptor)] of its slots)."""
    found = _layouts.get(cls)
    if found is None:
        getter, slots = _OLD_LAYOUTS.get(cls), []
        for base in cls.__mro__:
            for name, slot in vars(base).items():
                if name == '__dict__' and type(slot) is GetSetType and getter is None:
                    getter = slot.__get__
                elif type(slot) is SlotType and (base.__flags__ & HEAP_TYPE or issubclass(base, BaseException)):
                    slots.append((name, slot))
        found = _layouts[cls] = getter, slots
    return found


_OLD_LAYOUTS = dict((cls, lambda value: value.__dict__) for cls in old_instance_types)
_layouts = {}


def slot_value(slot, value):
    """What an instance has in a slot, or MISSING."""
    try:
        return slot.__get__(value)
    except AttributeError:
        return MISSING


def native_base(cls, candidates):
    """The first of a class's bases that is one of the candidates."""
    return [base for base in cls.__mro__ if base in candidates][0]


def plain_value(part):
    """The value of an immutable type that an object of a subclass of it has."""
    base = native_base(type(part), IMMUTABLE)
    if base in (tuple, frozenset):
        return base(base.__iter__(part))
    return base.__pos__(part) if hasattr(base, '__pos__') else base.__getitem__(part, slice(None))


class Mark(object):
    """Stands in the log for what must end when the program lets go of it, as a generator. id, name of its type."""

    __slots__ = ('id', 'name', 'ref')
    of = {}                                     # {id: the Mark of what lives}

    def __init__(self, value):
        self.id, self.name = id(value), type(value).__name__
        self.of[self.id], self.ref = self, weak_reference(value, self.forget)

    def forget(self, _):
        """Called when the object is gone."""
        if self.of.get(self.id) is self:
            del self.of[self.id]


def held(value):
    """What the log keeps of a value: itself, or a Mark."""
    return value if type(value) not in MARKED else Mark.of.get(id(value)) or Mark(value)


def all_held(content):
    """A list of values as the log keeps them."""
    return content if MARKED.isdisjoint(map(type, content)) else list(map(held, content))


class Keyed(dict):
    """The content of a dict with keys whose class is not known to compare harmlessly: {id(key): (key, value)}."""


def is_safe_key(key):
    """Whether comparing and hashing it runs no code of the user's."""
    return type(key) in ATOMS or type(key) is tuple and all(map(is_safe_key, key))


class Kind(object):
    """What is known of a type. name: for files."""

    name = 'value'                              # of a subclass of an immutable type: only its body can change

    def read(self, value):
        """Its content, copied."""
        return ()

    def copy(self, content):
        """A copy of a content."""
        return content

    def parts(self, token):
        """The objects in the content of a token that is followed."""
        return tuple.__iter__(token.obj) if isinstance(token.obj, tuple) else ()

    def changes(self, token):
        """What must be added to the log, as (op, token, operands...), to make its content what the object has."""
        new = self.read(token.obj)
        if new is token.now or type(new) is tuple and len(new) == len(token.now) and all(
                lazy_map(same_objects, new, token.now)):
            return ()
        return [(PUT, token, new)]

    def blank(self, token, value):
        """A new object of its class, to be filled. value(part) -> the copy of a part."""
        plain = plain_value(token.obj)
        if isinstance(plain, tuple):
            plain = tuple(map(value, plain))
        return type(plain).__new__(type(token.obj), plain)

    def fresh(self, cls):
        """A new object of a class, of this kind, for a recording that is loaded."""
        return {'list': list, 'dict': dict, 'set': set, 'bytes': bytearray}[self.name].__new__(cls)

    def fill(self, shell, content, value, token):
        """Give the new object its content."""


class ListKind(Kind):
    """Lists; deques too, whose content is a list."""

    name = 'list'

    def read(self, value):
        """A list of its items."""
        deque = collections.deque
        return all_held(list(deque.__iter__(value)) if isinstance(value, deque) else list.__getitem__(value,
            slice(None)))

    def copy(self, content):
        """The same items."""
        return content[:]

    def parts(self, token):
        """Its items."""
        return token.now

    def changes(self, token):
        """A few items, an append, or one splice."""
        old, new = token.now, self.read(token.obj)
        same = len(old) == len(new)
        if same and all(lazy_map(same_objects, old, new)):
            return ()
        differ = [at for at, equal in enumerate(lazy_map(same_objects, old[:len(new)], new)) if not equal]
        if same and len(differ) <= 3:
            return [(SET, token, at, new[at]) for at in differ]
        head, tail, most = differ[0] if differ else min(len(old), len(new)), 0, min(len(old), len(new))
        while tail < most - head and old[-1 - tail] is new[-1 - tail]:
            tail += 1
        if head == len(old) and len(new) == head + 1:
            return [(PUSH, token, new[-1])]
        return [(SPLICE, token, head, len(old) - tail, new[head:len(new) - tail])]

    def blank(self, token, value):
        """An empty one of its class."""
        cls = type(token.obj)
        if isinstance(token.obj, collections.deque):
            shell = collections.deque.__new__(cls)
            collections.deque.__init__(shell, (), token.obj.maxlen)
            return shell
        return list.__new__(cls)

    def fill(self, shell, content, value, token):
        """Give it its items."""
        add = collections.deque.extend if isinstance(shell, collections.deque) else list.extend
        add(shell, content if ATOMS.issuperset(map(type, content)) else map(value, content))


class BytesKind(Kind):
    """bytearray and array.array."""

    name = 'bytes'

    def read(self, value):
        """A plain copy."""
        return (bytearray if isinstance(value, bytearray) else array.array).__getitem__(value, slice(None))

    def copy(self, content):
        """The same bytes or numbers."""
        return content[:]

    def parts(self, token):
        """None: it holds no objects."""
        return ()

    def changes(self, token):
        """One splice."""
        old, new = token.now, self.read(token.obj)
        if old == new and len(old) == len(new):
            return ()
        head, tail = common_lines(old, new)
        return [(SPLICE, token, head, len(old) - tail, new[head:len(new) - tail])]

    def blank(self, token, value):
        """An empty one of its class."""
        cls = type(token.obj)
        return array.array.__new__(cls, token.obj.typecode) if isinstance(token.obj, array.array) else (
            bytearray.__new__(cls))

    def fill(self, shell, content, value, token):
        """Give it its bytes or numbers."""
        (bytearray if isinstance(shell, bytearray) else array.array).extend(shell, content)


class DictKind(Kind):
    """Dicts of all kinds, and the names of modules."""

    name = 'dict'

    def pairs(self, value):
        """[(key, value)] in its order."""
        if isinstance(value, collections.OrderedDict):
            return [(key, dict.get(value, key)) for key in collections.OrderedDict.__iter__(value)]
        return dict.items(value)

    def read(self, value):
        """{key: value}, or Keyed."""
        pairs = self.pairs(value)
        if all(map(is_safe_key, dict.keys(value))):
            ordered = collections.OrderedDict if not DICTS_ARE_ORDERED and isinstance(
                value, collections.OrderedDict) else dict
            found = dict.copy(value) if type(value) is dict else ordered(pairs)
            if not MARKED.isdisjoint(map(type, found.values())):
                found.update([(key, held(part)) for key, part in found.items()])
            return found
        return Keyed((id(pair[0]), pair) for pair in pairs)

    def copy(self, content):
        """The same pairs."""
        return Keyed(content) if type(content) is Keyed else content.copy()

    def parts(self, token):
        """Its values, and keys that are not atoms."""
        if type(token.now) is Keyed:
            return [part for pair in token.now.values() for part in pair]
        return list(token.now.values()) + [key for key in token.now if type(key) is tuple]

    def changes(self, token):
        """An operation for each key that differs, or all anew where the order does."""
        old, value = token.now, token.obj
        if type(value) is dict and len(old) == len(value) and type(old) is not Keyed and all(
                lazy_map(same_objects, dict_values(old), dict_values(value))) and list(old) == list(value):
            return ()
        new = self.read(value)
        if type(new) is Keyed or type(old) is Keyed:
            if type(new) is type(old) and list(new) == list(old) and all(new[key][1] is old[key][1] for key in new):
                return ()
            return [(PUT, token, new)]
        gone = [key for key in old if key not in new]
        fresh_keys = [key for key in new if key not in old]
        other = [key for key in new if key in old and new[key] is not old[key]]
        if DICTS_ARE_ORDERED or isinstance(value, collections.OrderedDict):
            after = [key for key in old if key in new] + fresh_keys
            if len(gone) + len(fresh_keys) + len(other) > len(new) // 2 + 3 or not (after == list(new)
                    and all(type(one) is type(two) for one, two in zip(after, new))):
                return [(PUT, token, new)]
        return [(CUT, token, key) for key in gone] + [(SET, token, key, new[key]) for key in other + fresh_keys]

    def blank(self, token, value):
        """An empty one of its class."""
        cls, defaults = type(token.obj), collections.defaultdict
        if isinstance(token.obj, collections.OrderedDict):
            shell = collections.OrderedDict.__new__(cls)
            collections.OrderedDict.__init__(shell)
            return shell
        if issubclass(cls, defaults):
            shell = defaults.__new__(cls)
            defaults.__init__(shell, value(defaults.default_factory.__get__(token.obj)))
            return shell
        return dict.__new__(cls)

    def fill(self, shell, content, value, token):
        """Give it its pairs."""
        put = (collections.OrderedDict if isinstance(shell, collections.OrderedDict) else dict).__setitem__
        for key, part in content.values() if type(content) is Keyed else content.items():
            put(shell, key if type(key) in ATOMS else value(key), part if type(part) in ATOMS else value(part))


class SetKind(Kind):
    """Sets; the content is {element: element}, or Keyed {id: element}."""

    name = 'set'

    def copy(self, content):
        """The same elements."""
        return Keyed(content) if type(content) is Keyed else content.copy()

    def read(self, value):
        """{element: element}, or Keyed."""
        if all(map(is_safe_key, set.__iter__(value))):
            return dict((part, part) for part in set.__iter__(value))
        return Keyed((id(part), part) for part in set.__iter__(value))

    def parts(self, token):
        """Its elements."""
        return list(token.now.values())

    def changes(self, token):
        """An operation for each element that came or went."""
        old, value = token.now, token.obj
        if type(old) is dict and all(map(is_safe_key, set.__iter__(value))):
            if len(old) == set.__len__(value) and all(lazy_map(old.__contains__, set.__iter__(value))):
                return ()
        new = self.read(value)
        if type(new) is Keyed and type(old) is Keyed and set(new) == set(old):
            return ()
        if type(new) is Keyed or type(old) is Keyed:
            return [(PUT, token, new)]
        return [(CUT, token, key) for key in old if key not in new] + [
            (SET, token, key, new[key]) for key in new if key not in old]

    def blank(self, token, value):
        """An empty one of its class."""
        return set.__new__(type(token.obj))

    def fill(self, shell, content, value, token):
        """Give it its elements."""
        set.update(shell, list(map(value, content.values())))


class ErrorKind(Kind):
    """Exceptions; the content is their arguments."""

    name = 'error'

    def read(self, value):
        """Its arguments."""
        return BaseException.args.__get__(value)

    def parts(self, token):
        """Its arguments."""
        return token.now

    def blank(self, token, value):
        """One of its class, made from the first arguments."""
        base = [base for base in type(token.obj).__mro__ if not base.__flags__ & HEAP_TYPE][0]
        shell = base.__new__(type(token.obj))
        with suppress(Exception):               # sets errno and the like
            base.__init__(shell, *map(value, token.first))
        return shell

    def fresh(self, cls):
        """One of the class without arguments."""
        return [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE][0].__new__(cls)

    def fill(self, shell, content, value, token):
        """Give it its arguments."""
        BaseException.args.__set__(shell, tuple(map(value, content)))


class InstanceKind(Kind):
    """Attributes of an object; the content is (dict or None, what its slots hold...)."""

    name = 'instance'

    def read(self, value):
        """(its dict or None, what its slots hold...)."""
        getter, slots = layout(type(value))
        head = getter(value) if getter else None
        return (head,) + tuple([held(slot_value(slot, value)) for _, slot in slots]) if slots else (head,)

    def parts(self, token):
        """Its dict, and what its slots hold."""
        return token.now

    def blank(self, token, value):
        """One without attributes."""
        cls = type(token.obj)
        if cls in _OLD_LAYOUTS:
            return cls(token.obj.__class__, {})
        if is_plain_hash(cls):
            return object.__new__(cls)
        getter, slots = layout(cls)
        return Unhashed() if getter and not slots else object.__new__(cls)

    def fresh(self, cls):
        """One without attributes."""
        return object.__new__(cls)

    def fill(self, shell, content, value, token):
        """Give it its attributes."""
        getter, slots = layout(type(token.obj))
        for (_, slot), part in zip(slots, content[1:]):
            if part is not MISSING:
                with suppress(TypeError, AttributeError):       # of an exception in C, which cannot be set
                    slot.__set__(shell, value(part))
        if content[0] is not None:
            if type(shell) in _OLD_LAYOUTS:
                shell.__dict__ = value(content[0])
            else:
                object.__setattr__(shell, '__dict__', value(content[0]))


class Unhashed(object):
    """What an instance is until all sets and dicts have been filled, when its own class has a __hash__."""


def is_plain_hash(cls):
    """Whether instances of the class are hashed by what they are, in C."""
    return all('__hash__' not in vars(base) and '__eq__' not in vars(base) or not base.__flags__ & HEAP_TYPE
               for base in cls.__mro__)


class ClassKind(DictKind):
    """Classes of the program; the content is their own attributes that are no part of their text."""

    name = 'class'

    def pairs(self, value):
        """[(name, value)] of its own attributes."""
        return [(name, part) for name, part in list(vars(value).items())
                if not (name.startswith('__') and name.endswith('__')) and type(part) not in TEXT_TYPES]

    def read(self, value):
        """{name: value} of its own attributes."""
        return dict(self.pairs(value))

    def changes(self, token):
        """An operation for each attribute that differs."""
        new = self.read(token.obj)
        return [(CUT, token, key) for key in token.now if key not in new] + [
            (SET, token, key, new[key]) for key in new if token.now.get(key, MISSING) is not new[key]]

    def blank(self, token, value):
        """A stand-in for the class as it was."""
        return type.__new__(type, token.obj.__name__, (PastClass,), {'__module__': token.obj.__module__})

    def fill(self, shell, content, value, token):
        """Give the stand-in the attributes."""
        for name, part in list(vars(token.obj).items()):
            if type(part) in TEXT_TYPES and type(part) not in (SlotType,
                    GetSetType) and name not in ('__dict__', '__weakref__'):
                with suppress(TypeError, AttributeError):
                    type.__setattr__(shell, name, part)
        for name, part in content.items():
            type.__setattr__(shell, name, value(part))


class PastClass(object):
    """The base of what stands for a class whose attributes were others then."""


class OpaqueKind(Kind):
    """What cannot be read or built: generators, iterators, files, locks, objects of most libraries."""

    name = 'opaque'

    def parts(self, token):
        """None that is followed."""
        return ()

    def blank(self, token, value):
        """A stand-in."""
        return StandIn.of(type(token.obj).__name__, '<past %s object at %#x>' % (type(token.obj).__name__,
            id(token.obj)))


class StandIn(object):
    """Shows an object of the past that cannot be built again; its type has the name of that object's type."""

    _types = {}

    @classmethod
    def of(cls, name, text):
        """A stand-in for an object of the type `name`; `text` is its repr."""
        if name not in cls._types:
            cls._types[name] = type(str(name), (cls,), {'__module__': cls.__module__})
        made = object.__new__(cls._types[name])
        made._past = text
        return made

    def __repr__(self):
        return getattr(self, '_past', None) or '<past %s object at %#x>' % (type(self).__name__, id(self))


GetSetType, SuperType = type(vars(type)['__dict__']), super
TEXT_TYPES = frozenset([FunctionType, type(len), type(''.join), staticmethod, classmethod, property, SlotType,
                        GetSetType, type(list.append), type(list.__len__), type(Site.__init__)])
IMMUTABLE = ATOMS | frozenset([tuple, frozenset])
LIST, BYTES, DICT, SET_KIND, ERROR = ListKind(), BytesKind(), DictKind(), SetKind(), ErrorKind()
INSTANCE, CLASS, VALUE, OPAQUE = InstanceKind(), ClassKind(), Kind(), OpaqueKind()
Space.kind = DICT
KINDS = dict((kind.name, kind) for kind in (LIST, BYTES, DICT, SET_KIND, ERROR, INSTANCE, CLASS, VALUE, OPAQUE))


def learn_types():
    """Set the constants of this section which need modules that a program's start does not."""
    global SELF_TYPES, MARKED, same_objects, lazy_map
    same_objects, lazy_map = operator.is_, getattr(itertools, 'imap', map)
    MARKED = frozenset(marked_types())
    # What is handed out as itself: it cannot change, or what can change in it is not shown.
    SELF_TYPES = TEXT_TYPES | frozenset(class_types + (CodeType, type(sys), range_type, slice, type(re.compile('')),
        type(PastClass().__repr__), CellType, SuperType, object))


##############################################################################
## 15. Files -- a recording as lists and atoms
##############################################################################
#
# Gives to those below packed() and unpacked(), between a recording and what JSON knows. Reading runs no code of
# others and imports nothing: an object whose class is not there comes back as a stand-in.

MAGIC = b'hotload recording 1\n'
CONTENT_OPS = {'S': SET, 'C': CUT, '+': PUSH, '/': SPLICE, '=': PUT}
CONTENT_LETTERS = dict((op, letter) for letter, op in CONTENT_OPS.items())


class Numbers(dict):
    """{thing: its number}; things are numbered as they come. things: list of them."""

    def __init__(self):
        self.things = []

    def __missing__(self, thing):
        self[thing] = len(self.things)
        self.things.append(thing)
        return self[thing]


def packed(recording):
    """The lists and atoms, as JSON knows them, of a recording."""
    tables = tokens, spaces, homes, sites, binds = [Numbers() for _ in range(5)]
    known = recording.tokens

    def value(part):
        kind = type(part)
        if part is None or kind is bool or kind in number_types or kind is text_type:
            return part
        if kind is float or kind is complex:
            return [kind.__name__[0], repr(part)]
        if kind is bytes:
            return ['b', part.decode('latin-1')]
        if kind is tuple or kind is frozenset:
            return ['t' if kind is tuple else 'z', [value(inner) for inner in part]]
        if kind is Mark:
            return ['m', part.name, part.id]
        if id(part) in known:
            return ['r', tokens[known[id(part)]]]
        if part is MISSING or part is Ellipsis:
            return ['x' if part is MISSING else '.']
        return ['g'] + place(part) + [kind.__name__, id(part)]

    def place(part):
        is_module = type(part) is type(sys)
        module = getattr(part, '__name__' if is_module else '__module__', None)
        return [str(module), '' if is_module else str(getattr(part, '__qualname__', getattr(part, '__name__', '')))]

    def content(kind, data):
        if kind is BYTES:
            return value(bytes(data)) if isinstance(data, bytearray) else list(data)
        if isinstance(data, dict):
            pairs = data.values() if type(data) is Keyed else data.items()
            if type(data) is Keyed and kind is SET_KIND:
                pairs = [(part, part) for part in pairs]
            return [int(type(data) is Keyed), [[value(key), value(part)] for key, part in pairs]]
        return [value(part) for part in data]

    def object_facts(token):
        part, cls = token.obj, type(token.obj)
        facts = {'kind': token.kind.name, 'id': id(part), 'type': cls.__name__,
            'place': place(part if isinstance(part, class_types) else cls), 'first': content(token.kind, token.first)}
        if token.kind is VALUE:
            facts['plain'] = value(plain_value(part))
        for name in ('maxlen', 'typecode'):
            if token.kind in (LIST, BYTES) and hasattr(part, name):
                facts[name] = value(getattr(part, name))
        if token.body is not None:
            facts['body'] = content(INSTANCE, token.body.first)
        if token.body is not None or token.kind is INSTANCE:
            facts['slots'] = [name for name, _ in layout(cls)[1]]
        return facts

    bodies = dict((token.body, token) for token in known.values() if token.body is not None)

    def number(token):
        if token in bodies:
            return -1 - tokens[bodies[token]]
        return tokens[token]

    def entries():
        at, log = 0, recording.log
        while at < (len(log) if recording.end is None else recording.end):
            entry = log[at]
            if type(entry) is Site:
                yield sites[entry]
                at += 1
                continue
            operands = log[at + 1:at + entry.size]
            if entry.act is None:
                if type(entry) in (Bind, Unbind):
                    yield ['B' if operands else 'U', binds[entry]] + [value(part) for part in operands]
                else:
                    yield ['E', spaces[operands[0]]] if entry is ENTER else ['P', operands[0]]
            else:
                token, rest = operands[0], operands[1:]
                if entry is PUT:
                    rest = [content(token.kind, rest[0])]
                elif entry is SPLICE:
                    rest = rest[:2] + [content(BYTES if token.kind is BYTES else LIST, rest[2])]
                else:
                    rest = [value(part) for part in rest]
                yield [CONTENT_LETTERS[entry], number(token)] + rest
            at += entry.size

    log = list(entries())
    keyframes = [[mark.at, spaces[mark.space], [[['s', spaces[token]] if type(token) is Space else number(token),
        content(DICT if type(token) is Space else token.kind, data)] for token, data in mark.contents.items()]]
        for mark in recording.keyframes if recording.end is None or mark.at <= recording.end]
    packed_tokens, packed_spaces = [], []
    while len(packed_tokens) < len(tokens.things) or len(packed_spaces) < len(spaces.things):
        if len(packed_tokens) < len(tokens.things):         # these may mention others
            packed_tokens.append(object_facts(tokens.things[len(packed_tokens)]))
        else:
            space = spaces.things[len(packed_spaces)]
            packed_spaces.append([homes[space.home.namespace, space.home.frame], content(DICT, space.first)])
    packed_homes = [[tokens[namespace], frame] for namespace, frame in homes.things]
    packed_tokens += [object_facts(token) for token in tokens.things[len(packed_tokens):]]
    code, error = recording.code, recording.error
    return {'code': code if code is None or isinstance(code, text_type) else code.decode('utf-8', 'replace'),
        'error': error and [type(error).__name__, str(error)], 'engine': recording.engine, 'notes': recording.notes,
        'approximate': recording.approximate, 'sites': [[part.event, part.line, part.path, part.frame] for part
        in sites.things], 'binds': [[part.name, part.is_global] for part in binds.things], 'tokens': packed_tokens,
        'spaces': packed_spaces, 'homes': packed_homes, 'log': log, 'keyframes': keyframes}


def find_place(module, name):
    """What is at a place in a loaded module, found without running code; MISSING if there is nothing."""
    found = sys.modules.get(module, MISSING)
    for part in name.split('.') if name else ():
        found = vars(found).get(part, MISSING) if isinstance(found, class_types + (type(sys),)) else MISSING
    return found


def unpacked(data, recording):
    """Make `recording`, a new one, that of which packed() made `data`."""
    tokens = {}
    facts_of, classes, marks, orders = data['tokens'], {}, {}, {}

    def value(part):
        if not isinstance(part, list):
            return part
        kind = part[0]
        if kind == 'f' or kind == 'c':
            return (float if kind == 'f' else complex)(part[1])
        if kind == 'b':
            return bytes(part[1].encode('latin-1'))
        if kind == 't' or kind == 'z':
            return (tuple if kind == 't' else frozenset)(map(value, part[1]))
        if kind == 'm':
            return marks.setdefault(part[2], StandIn.of(part[1], '<past %s object at %#x>' % (part[1], part[2])))
        if kind == 'r':
            return token(part[1]).obj
        if kind == 'g':
            found = find_place(*part[1:3])
            key = tuple(part[1:])
            return found if found is not MISSING and type(found).__name__ == part[3] else marks.setdefault(
                key, StandIn.of(part[3], '<past %s %s at %#x>' % (part[3], part[2] or part[1], part[4])))
        return MISSING if kind == 'x' else Ellipsis

    def class_of(facts):
        found = find_place(*facts['place'])
        if isinstance(found, class_types) and found.__name__ == facts['type']:
            return found
        key = tuple(facts['place']) + tuple(facts.get('slots', ()))
        if key not in classes:
            base = {'list': list, 'dict': dict, 'set': set, 'bytes': bytearray, 'error': Exception}.get(facts['kind'])
            if facts['kind'] == 'value':
                base = type(value(facts['plain']))
            classes[key] = type(str(facts['type']), (StandIn,) if base is None else (base,),
                {'__module__': str(facts['place'][0]), '__slots__': [str(name) for name in facts.get('slots', ())]}
                if base is None else {'__module__': str(facts['place'][0])})
        return classes[key]

    def content(kind, data, order=None):
        if kind is BYTES:
            return bytearray(value(data)) if data[:1] == ['b'] else data
        if kind in (DICT, CLASS, SET_KIND):
            pairs = [(value(key), value(part)) for key, part in data[1]]
            if not data[0]:
                return dict((key if not isinstance(key, text_type) else str(key) if is_ascii(key) else key, part)
                    for key, part in pairs)
            return Keyed((id(key), (key, part) if kind is DICT else part) for key, part in pairs)
        parts = [value(part) for part in data]
        if kind is INSTANCE and order is not None and len(order[0]) == len(parts) - 1:
            by_name = dict(zip(order[0], parts[1:]))
            parts[1:] = [by_name.get(name, MISSING) for name in order[1]]
        return parts if kind is LIST else tuple(parts)

    def token(number):
        if number < 0:
            return token(-1 - number).body
        if number in tokens:
            return tokens[number]
        facts = facts_of[number]
        kind = KINDS[facts['kind']]
        made = tokens[number] = Token(None, kind, None)
        cls, part = class_of(facts) if kind not in (CLASS, OPAQUE) else None, None
        if kind is OPAQUE:
            part = StandIn.of(str(facts['type']), '<past %s object at %#x>' % (facts['type'], facts['id']))
        elif kind is CLASS:
            name = facts['place'][1]
            part = type(str(name.rpartition('.')[2]), (PastClass,), {'__module__': str(facts['place'][0])})
        elif kind is VALUE:
            plain = value(facts['plain'])
            part = type(plain).__new__(cls, plain)
        elif 'maxlen' in facts:
            part = collections.deque.__new__(cls)
            collections.deque.__init__(part, (), facts['maxlen'])
        elif 'typecode' in facts:
            part = array.array.__new__(cls, str(facts['typecode']))
        else:
            made.obj = cls                      # of the right class, by the kind's own way
            part = kind.fresh(cls)
        made.obj, recording.tokens[id(part)] = part, made
        return made

    for number, facts in enumerate(facts_of):
        made = token(number)
        order = facts.get('slots', ()), [name for name, _ in layout(type(made.obj))[1]]
        orders[made] = order
        made.first = content(made.kind, facts['first'], order) if made.kind not in (VALUE, OPAQUE) else ()
        if 'typecode' in facts:
            made.first = array.array(str(facts['typecode']), made.first)
        if 'body' in facts:
            made.body = Token(made.obj, INSTANCE, content(INSTANCE, facts['body'], order))
            orders[made.body] = order
    homes = [Home(token(at), frame) for at, frame in data['homes']]
    spaces = []
    for home, first in data['spaces']:
        spaces.append(Space())
        spaces[-1].home, spaces[-1].first, spaces[-1].now = homes[home], content(DICT, first), None
    sites = [Site(str(event), line, path, str(frame)) for event, line, path, frame in data['sites']]
    binds = [(Bind(str(name), is_global), Unbind(str(name), is_global)) for name, is_global in data['binds']]
    put = recording.log.extend
    for entry in data['log']:
        if not isinstance(entry, list):
            recording.log.append(sites[entry])
        elif entry[0] in 'BU':
            put([binds[entry[1]][entry[0] == 'U']] + [value(part) for part in entry[2:]])
        elif entry[0] in 'EP':
            put((ENTER, spaces[entry[1]]) if entry[0] == 'E' else (PRINTED, entry[1]))
        else:
            op, target, rest = CONTENT_OPS[entry[0]], token(entry[1]), entry[2:]
            kind = target.kind
            if op is PUT:
                rest = [content(kind, rest[0], orders.get(target))]
            elif op is SPLICE:
                rest = rest[:2] + [content(kind if kind is BYTES else LIST, rest[2])]
                if type(target.first) is array.array:
                    rest[2] = array.array(target.first.typecode, rest[2])
            else:
                rest = [value(part) for part in rest]
                if rest and isinstance(rest[0], text_type) and is_ascii(rest[0]):
                    rest[0] = str(rest[0])
            put([op, target] + rest)
    for at, space, contents in data['keyframes']:
        recording.keyframes.append(Keyframe(at, dict((spaces[key[1]], content(DICT, part)) if isinstance(key, list)
            else (token(key), content(token(key).kind, part, orders.get(token(key)))) for key, part in contents),
            spaces[space]))
    recording.engine, recording.notes = data['engine'], data['notes']
    recording.approximate = [tuple(span) for span in data['approximate']]
    if data['error']:
        recording.error = HotloadError('%s: %s' % tuple(data['error']))


def is_ascii(text):
    """Whether a text is one of names (on 2.7 they are bytes)."""
    return all(letter < '\x80' for letter in text)


##############################################################################
## 16. Recording -- the state at any step, and other questions
##############################################################################
#
# Gives to those below Recording. The state at a step: the keyframe before it, the changes up to it (a World), and
# then new objects built from the contents (Copies), never by code of the user's.

__all__ += ['Recording']


class World(object):
    """The contents of all tokens at one place of the log. keyframe: where it starts.      space: of the current
    frame.
    """

    def __init__(self, keyframe, tokens):
        self.base, self.contents, self.space, self.tokens = keyframe.contents, {}, keyframe.space, tokens

    def content(self, token):
        """The content of a token, not to be changed."""
        found = self.contents.get(token, MISSING)
        if found is MISSING:
            found = self.base.get(token, MISSING)
        return token.first if found is MISSING else found

    def writable(self, token):
        """The content of a token, which may be changed."""
        found = self.contents.get(token, MISSING)
        return token.kind.copy(self.content(token)) if found is MISSING else found

    def names(self, is_global):
        """The names of the current frame, or of its module, which may be changed."""
        token = self.space.home.namespace if is_global else self.space
        found = self.contents.get(token)
        if found is None:
            found = self.contents[token] = self.content(token).copy()
        return found

    def copies(self, *tokens):
        """For each token of names a dict of new objects; they share what was shared."""
        return Copies(self).spaces(tokens)


class Copies(object):
    """Builds new objects from the contents of a World. memo: {id of an object: its copy}."""

    def __init__(self, world):
        self.world, self.memo, self.todo, self.unhashed = world, {}, [], []

    def spaces(self, tokens):
        """A dict of names for each token."""
        found = []
        for token in tokens:
            names = self.world.content(token)
            found.append(dict((name, part if type(part) in ATOMS else self.value(part)) for name,
                part in list(names.items()) if not (isinstance(name, string_types) and name.startswith('.'))))
        self.finish()
        return found

    def finish(self):
        """Fill what has been made, and what that makes."""
        late = []
        while self.todo or late:
            if self.todo:
                token, shell = self.todo.pop()
                if token.kind.name in ('dict', 'set'):
                    # when it is filled the keys are hashed: they must be whole
                    late.append((token, shell))
                    continue
            else:
                token, shell = late.pop(0)
            token.kind.fill(shell, self.world.content(token), self.value, token)
        for shell, cls in self.unhashed:
            with suppress(TypeError):
                shell.__class__ = cls

    def value(self, part):
        """The copy of one object, which finish() fills."""
        if type(part) in ATOMS or type(part) in SELF_TYPES and id(part) not in self.world.tokens:
            return part
        key = part.id if type(part) is Mark else id(part)
        if key in self.memo:
            return self.memo[key]
        if type(part) is Mark:
            made = self.memo[key] = StandIn.of(part.name, '<past %s object at %#x>' % (part.name, key))
            return made
        if type(part) in (tuple, frozenset):
            parts = list(map(self.value, part))
            same = all(lazy_map(same_objects, parts, part))
            made = self.memo[key] = part if same else type(part)(parts)
            return made
        token = self.world.tokens.get(key)
        if token is None or token.kind is OPAQUE:
            made = self.memo[key] = part if token is None or part is builtins_space else OPAQUE.blank(token, None)
            return made
        if token.kind is CLASS and self.is_same_class(token):
            self.memo[key] = part
            return part
        try:
            made = token.kind.blank(token, self.value)
        except Exception:                       # a type in C that must not be made in this way
            made = self.memo[key] = OPAQUE.blank(token, None)
            return made
        self.memo[key] = made
        self.todo.append((token, made))
        if token.body is not None:
            self.todo.append((token.body, made))
        if type(made) is Unhashed:
            self.unhashed.append((made, type(part)))
        return made

    def is_same_class(self, token):
        """Whether a class has the attributes now that it had then."""
        content, now = self.world.content(token), CLASS.read(token.obj)
        return len(content) == len(now) and all(content.get(name, MISSING) is part
            and (type(part) in ATOMS or id(part) not in self.world.tokens) for name, part in now.items())


class Recording(object):
    """What a run did: its steps, and the state before each of them.

    code: the text that ran, or None.      error: what ended the run, with its traceback, or None. result: what the
    function returned, for Recording.of().      engine: 'trace'.      approximate: [(first step, last step, why)] of
    changes that were noticed late.      notes: list of str, what else is to be known.

    >>> recording = record('x = []\\nfor i in range(3):\\n    x.append(i)')
    >>> recording.visits(3), recording.state(recording.visits(3)[2])['x']
    ([3, 5, 7], [0, 1])
    """

    def __init__(self, code=None):
        self.code, self.error, self.result, self.engine = code, None, None, 'trace'
        self.approximate, self.notes, self.log, self.tokens, self.keyframes = [], [], [], {}, []
        self.end = None                         # the place in the log where it ends, when it was cut
        self.reader = None                      # turns what was written last into entries of the log
        if SELF_TYPES is None:
            learn_types()
        self._forget()

    def _forget(self):
        self._indexed, self._steps, self._places, self._visits = 0, [], [], {}

    def _index(self):
        """The list of all steps; what was added to the log since the last time is looked through."""
        if self.reader is not None:
            self.reader()
        log = self.log
        end = len(log) if self.end is None else self.end
        if self._indexed < end:
            at, steps = self._indexed, self._steps
            marks = [mark for mark in self.keyframes[len(self._places):]]
            while at < end:
                while marks and marks[0].at <= at:
                    marks.pop(0)
                    self._places.append(len(steps))
                entry = log[at]
                if type(entry) is Site:
                    steps.append(entry)
                    at += 1
                else:
                    at += entry.size
            self._places += [len(steps)] * len(marks)
            self._indexed = at
        return self._steps

    def steps(self):
        """The number of steps."""
        return len(self._index())

    def _step(self, n):
        steps = self._index()
        return steps[n] if 0 <= n < len(steps) else None

    def line(self, n):
        """The number of the line of step n; 0 where there is no such step."""
        step = self._step(n)
        return step.line if step else 0

    def path(self, n):
        """The file of step n, or None."""
        step = self._step(n)
        return step.path if step else None

    def event(self, n):
        """'call', 'line', 'return' or 'exception'; None where there is no such step."""
        step = self._step(n)
        return step.event if step else None

    def visits(self, line, path=None):
        """The ascending list of steps at a line. path: of its file; default: that of the first step."""
        steps = self._index()
        if not self._visits or self._visits[None] != len(steps):
            self._visits = {None: len(steps)}
            for n, step in enumerate(steps):
                self._visits.setdefault((step.path, step.line), []).append(n)
        path = steps[0].path if path is None and steps else path
        return list(self._visits.get((path, line), ()))

    def state(self, n):
        """{name: value} before step n ran: the names of its module, updated with those of its frame. n is brought
        into 0..steps() - 1. The values are copies.
        """
        outer, inner = self.dicts(n)
        return dict(outer, **inner)

    def dicts(self, n):
        """(names of the module, names of the frame) before step n ran. At module level the second is empty."""
        world = self._world(n)
        if world is None:
            return {}, {}
        outer, inner = world.copies(world.space.home.namespace, world.space)
        return outer, inner

    def _world(self, n):
        """The World before step n ran; None when there are no steps."""
        steps = self._index()
        if not steps or not self.keyframes:
            return None
        n = min(max(n, 0), len(steps) - 1)
        chosen = bisect.bisect_right(self._places, n) - 1
        world = World(self.keyframes[chosen], self.tokens)
        self._play(world, self.keyframes[chosen].at, n - self._places[chosen])
        return world

    def _play(self, world, at, count):
        """Make the changes from a place in the log on, up to the step after so many others; its place."""
        log = self.log
        while True:
            entry = log[at]
            if type(entry) is Site:
                if not count:
                    return at
                count -= 1
                at += 1
            else:
                entry.play(world, log, at)
                at += entry.size

    def _walk(self):
        """For each step (n, its place in the log, World before it); the world is the same object each time."""
        if self.steps():
            world, at = World(self.keyframes[0], self.tokens), self.keyframes[0].at
            for n in range(self.steps()):
                at = self._play(world, at, 0)
                yield n, at, world
                at += 1

    def output(self, n):
        """The text that was written to stdout before step n ran."""
        self._index()
        texts, at, count, end = [], 0, 0, len(self.log) if self.end is None else self.end
        while at < end:
            entry = self.log[at]
            if type(entry) is Site:
                if count == n:
                    break
                count += 1
                at += 1
            else:
                if entry is PRINTED:
                    texts.append(self.log[at + 1])
                at += entry.size
        return ''.join(texts)

    def changes(self, name):
        """What happened to a name, and to what is in its value: a list of (n, path, line, frame, old, new).

        n: the first step that finds the new value.      path, line, frame: of the step that made it. old, new: the
        values, None where there was no such name.      A name of a function counts in each of its calls.
        """
        return Changes(self, name)

    def when(self, test):
        """The steps whose state passes a test, as an ascending list.

        test: a function of a state, or a text: comparisons (== != < <= > >= in) of names with literals, joined by
        `and` and `or`; a state that lacks a name does not pass.

        >>> record('x = 1\\nx = 2\\nx = 3').when('x >= 2')
        [3, 4]
        """
        passes = test if callable(test) else comparison(test)
        names, found, seen, passed = getattr(passes, 'names', None), [], None, False
        for n, at, world in self._walk():
            if names is None:
                passed = bool(passes(self._copied(world)))
            else:
                values = [Changes.find(world, name) for name in names]
                if any(type(value) not in ATOMS for value in values) or seen is None or not all(
                        lazy_map(same_objects, values, seen)):
                    shown = [value if type(value) in ATOMS or value is MISSING else Changes.copy(world, value)
                             for value in values]
                    passed = passes(dict(pair for pair in zip(names, shown) if pair[1] is not MISSING))
                seen = values
            if passed:
                found.append(n)
        return found

    def save(self, path):
        """Write it to a file."""
        import json
        import zlib
        with open(path, 'wb') as stream:
            stream.write(MAGIC + zlib.compress(json.dumps(packed(self), separators=(',', ':')).encode('ascii'), 6))

    @classmethod
    def load(cls, path):
        """The Recording in a file that save() wrote. No code runs and nothing is imported: objects of classes that
        are not loaded, and those that cannot be built, are stand-ins; .error is a HotloadError with the text of the
        error.
        """
        import json
        import zlib
        with open(path, 'rb') as stream:
            data = stream.read()
        if not data.startswith(MAGIC):
            raise HotloadError('is no recording', path=path)
        try:
            recording = cls()
            unpacked(json.loads(zlib.decompress(data[len(MAGIC):]).decode('ascii')), recording)
        except (zlib.error, ValueError, KeyError, IndexError, TypeError) as error:
            raise HotloadError('is a damaged recording: %s' % error, path=path)
        return recording

    def _copied(self, world):
        outer, inner = world.copies(world.space.home.namespace, world.space)
        return dict(outer, **inner)


class Changes(object):
    """What Recording.changes() returns: a sequence; the values are built when they are asked for."""

    def __init__(self, recording, name):
        self.recording, self.name, self.found = recording, name, []
        last, known = {}, {}                    # {space: (value, version of what it is made of)}
        before, version = {}, {}
        touched = None
        at, previous = None, None
        for n, place, world in recording._walk():
            step, space = recording._steps[n], world.space
            start = at + 1 if at is not None else 0
            touched = self._touched(recording.log, start, place)
            at = place
            where = space if name in world.content(space) else space.home.namespace
            value = world.content(where).get(name, MISSING)
            old = last.get(where, MISSING)
            changed = value is not old
            if not changed and touched and type(value) not in ATOMS:
                changed = bool(touched.intersection(known.get(where, ())))
            if changed or touched and type(value) not in ATOMS and known.get(where) is None:
                known[where] = self._reach(world, value)
            if changed:
                source = previous or step
                self.found.append((n, source.path, source.line, source.frame, before.get(where)))
                before[where] = n
            elif value is MISSING and old is not MISSING:
                self.found.append((n, (previous or step).path, (previous or step).line, (previous or step).frame,
                    before.get(where)))
            last[where] = value
            previous = step

    @staticmethod
    def _touched(log, at, end):
        """The tokens that changed between two places of the log."""
        found = set()
        while at < end:
            entry = log[at]
            if type(entry) is Site:
                at += 1
            else:
                if entry.act is not None:
                    found.add(log[at + 1])
                at += entry.size
        return found

    @staticmethod
    def _reach(world, value):
        """The tokens of all that a value is made of."""
        found, todo, seen = set(), [value], set()
        while todo:
            part = todo.pop()
            if type(part) in ATOMS or id(part) in seen:
                continue
            seen.add(id(part))
            if type(part) in (tuple, frozenset):
                todo += part
            token = world.tokens.get(id(part))
            for token in (token, token and token.body):
                if token is not None:
                    found.add(token)
                    content = world.content(token)
                    if isinstance(content, dict):
                        todo += content.values()
                    elif isinstance(content, (list, tuple)):
                        todo += content
        return found

    @staticmethod
    def find(world, name):
        """What a name stands for, in the frame or its module; MISSING if it is not there."""
        value = world.content(world.space).get(name, MISSING)
        return world.content(world.space.home.namespace).get(name, MISSING) if value is MISSING else value

    @staticmethod
    def copy(world, value):
        """A copy of a value at a World's place."""
        copies = Copies(world)
        made = copies.value(value)
        copies.finish()
        return made

    def __len__(self):
        return len(self.found)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        n, path, line, frame, earlier = self.found[index]
        old = None if earlier is None else self.recording.state(earlier).get(self.name)
        return n, path, line, frame, old, self.recording.state(n).get(self.name)

    def __repr__(self):
        return repr(list(self))


def comparison(text):
    """The function of a state that a text of comparisons means; its .names are those that it reads."""
    import ast
    tree, names = ast.parse(text, mode='eval').body, []
    tests = {'Eq': operator.eq, 'NotEq': operator.ne, 'Lt': operator.lt, 'LtE': operator.le, 'Gt': operator.gt,
             'GtE': operator.ge, 'In': lambda a, b: a in b, 'NotIn': lambda a, b: a not in b}

    def operand(node):
        if isinstance(node, ast.Name) and node.id not in ('None', 'True', 'False'):
            names.append(node.id)
            return lambda state: state[node.id]
        value = ast.literal_eval(node)
        return lambda state: value

    def build(node):
        if isinstance(node, ast.BoolOp):
            parts, join = [build(part) for part in node.values], all if isinstance(node.op, ast.And) else any
            return lambda state: join(part(state) for part in parts)
        if not isinstance(node, ast.Compare):
            raise ValueError
        values = [operand(part) for part in [node.left] + node.comparators]
        chosen = [tests[type(op).__name__] for op in node.ops]
        return lambda state: all(test(one(state), two(state)) for test, one, two in zip(chosen, values, values[1:]))
    try:
        passes = build(tree)
    except (ValueError, KeyError):
        raise HotloadError('when(%r): expected comparisons of names with literals, joined by and/or' % (text,))

    def test(state):
        try:
            return passes(state)
        except (KeyError, TypeError):           # no such name; values that cannot be compared
            return False
    test.names = sorted(set(names))
    return test


##############################################################################
## 17. Follow -- what changed in the objects
##############################################################################
#
# Gives to those below Follower, which keeps for each object that can be seen the content that the log has of it,
# and writes to the log how the object differs. check() compares one object; the others know what a statement or a
# method of a plain container can have changed, and look at that alone. What only an audit of all can tell raises
# Unsure.

DICTS = MUTATORS = ALL_MUTATORS = INERT = None                  # set by learn_methods()
# Functions that change nothing that they are given.
PURE_BUILTINS = frozenset(
    'abs all any ascii bin bool bytearray bytes callable chr classmethod cmp complex dict dir divmod enumerate float '
    'format frozenset getattr globals hasattr hash hex id input int isinstance issubclass iter len list locals long max '
    'min oct open ord pow print property range raw_input repr reversed round set slice sorted staticmethod str sum super '
    'tuple type unichr unicode vars xrange zip'.split())
PURE_MODULES = frozenset(
    '_collections _collections_abc _datetime _json _random _struct abc base64 binascii cmath collections copy dataclasses '
    'datetime decimal enum fractions hashlib itertools json math ntpath numbers os.path posixpath random re statistics '
    'string struct textwrap time typing unicodedata uuid zlib'.split())
IMPURE = frozenset(['shuffle', 'pack_into', 'namedtuple'])


class Unsure(Exception):
    """Raised in a plan when only an audit can tell."""


class Follower(object):
    """Knows the objects that can be seen, and writes to the log what changed in them.

    is_recorded(path) -> whether code of this file has steps.      with_state: False to follow nothing. log, tokens:
    of the Recording.      followed: list of Tokens.      modules: {id of a module's names: their Token}. homes: the
    names of those modules.      classes: those that they made.      has_defaults: whether there are defaultdicts.
    assumed: names of modules that plans take for what they are.      audits_all: whether other threads run.
    helpers: names for plans.
    """

    def __init__(self, recording, is_recorded, with_state):
        if MUTATORS is None:
            learn_methods()
        self.recording, self.is_recorded, self.with_state = recording, is_recorded, with_state
        self.log, self.tokens = recording.log, recording.tokens
        self.put, self.add = self.log.extend, self.log.append
        self.followed, self.modules, self.homes, self.classes, self.kinds = [], {}, set(), [], {}
        self.has_defaults, self.audits_all, self.assumed = False, False, set()
        self.tokens[id(builtins_space)] = Token(builtins_space, OPAQUE, (), ())
        self.helpers = dict(log=self.log, put=self.put, add=self.add, ENTER=ENTER, ATOMS=ATOMS, MISSING=MISSING,
            Unsure=Unsure, is_safe_key=is_safe_key, see=self.see, whole=self.whole, grown=self.grown,
            default_made=self.default_made, reach=self.reach, left=self.left, called=self.called, method=self.method,
            live_attr=self.live_attr, old_attr=self.old_attr, live_item=live_item, old_item=self.old_item,
            length=length, token_now=self.tokens.__getitem__)
        self.add_quick_helpers()

    def forget_plans(self):
        """Called when something that plans are made of is no longer so."""

    # -- following objects

    def kind_of(self, value):
        """(Kind of an object or None, whether it has a body as well)."""
        cls = type(value)
        found = self.kinds.get(cls)
        if found is None:
            found = self._kind_of_class(cls)
            if found is not None:
                self.kinds[cls] = found
            elif isinstance(value, class_types):
                return (CLASS, False) if self.is_own_class(value) else (None, False)
            else:
                found = (INSTANCE if is_data(value) else OPAQUE), False
        return found

    def is_own_class(self, cls):
        """Whether the recorded code made the class."""
        return vars(cls).get('__module__') in self.homes and (
            cls in _OLD_LAYOUTS or not isinstance(cls, type) or bool(cls.__flags__ & HEAP_TYPE))

    def _kind_of_class(self, cls):
        if cls in SELF_TYPES or issubclass(cls, type(sys)) or cls is Mark:
            return None if cls in class_types else (None, False)
        if issubclass(cls, class_types):
            return None
        if type(cls).__name__ in ('EnumMeta', 'EnumType') or getattr(cls, '__module__', None) in (
                'decimal', '_decimal', 'fractions', 'datetime', 'uuid', 'pathlib'):
            return None, False
        own = self.is_own_class(cls)
        if own:
            self.see(cls)
        for bases, kind in (((list, collections.deque), LIST), (dict, DICT), (set, SET_KIND), ((bytearray,
            array.array), BYTES),
                            (BaseException, ERROR), ((tuple, frozenset) + tuple(ATOM_TYPES), VALUE)):
            if issubclass(cls, bases):
                if issubclass(cls, collections.defaultdict) and not self.has_defaults:
                    self.has_defaults = True
                    self.forget_plans()
                body = layout(cls)
                return kind, bool((own or kind is ERROR) and (body[0] or body[1]))
        if own or cls in _OLD_LAYOUTS:
            return INSTANCE, False
        return None

    def see(self, value):
        """Follow an object that is visible from now on, and all in it. Gives what the log keeps of it."""
        if type(value) in MARKED:
            return held(value)
        todo, tokens = [value], self.tokens
        while todo:
            part = todo.pop()
            cls = type(part)
            if cls in ATOMS:
                continue
            token = tokens.get(id(part))
            if token is None:
                if cls in (tuple, frozenset):
                    todo += part
                    continue
                if cls in MARKED:
                    continue
                kind, has_body = self.kind_of(part)
                if kind is None:
                    continue
                token = tokens.get(id(part))
                if token is None:
                    token = tokens[id(part)] = Token(part, kind, None)
                    if kind is CLASS:
                        self.classes.append(part)
                    if has_body:
                        token.body = Token(part, INSTANCE, None)
            if token.now is None:
                self._follow(token, todo)
                if token.body is not None:
                    self._follow(token.body, todo)
        return value

    def _follow(self, token, todo):
        """Note the content of a token from now on."""
        content = token.kind.read(token.obj)
        if token.first is None:
            token.first = content
        else:
            self.put((PUT, token, content))
        token.now = token.kind.copy(content)
        todo += [part for part in token.kind.parts(token) if type(part) not in ATOMS]
        if token.kind is not OPAQUE and token.kind is not VALUE:
            self.followed.append(token)

    def names_of(self, space):
        """The Token of a module's names."""
        token = self.modules.get(id(space))
        if token is None:
            self.homes.add(space.get('__name__'))
            token = self.modules[id(space)] = self.tokens[id(space)] = Token(space, DICT, None)
            if self.with_state:
                self._follow(token, [])
                for value in list(token.now.values()):
                    self.see(value)
            else:
                token.first = {}
        return token

    def note(self, token, changes):
        """Write changes of a token's content to the log."""
        for change in changes:
            self.put(change)
            op, operands = change[0], change[2:]
            if op is PUT and isinstance(token.now, dict) and type(token.now) is type(operands[0]):
                token.now.clear()               # plans hold the names of modules
                token.now.update(operands[0])
            else:
                token.now = op.act(token.now, *operands)
            if op is PUT:
                parts = token.kind.parts(token)
            elif op is CUT or token.kind is BYTES:
                continue
            else:
                parts = operands[-1] if op is SPLICE else operands[-1:]
            for part in parts:
                if type(part) not in ATOMS:
                    self.see(part)

    def check(self, token):
        """Look at a token and its body; whether anything changed."""
        changes = token.kind.changes(token)
        if changes:
            self.note(token, changes)
        if token.body is not None and token.body.now is not None:
            more = token.body.kind.changes(token.body)
            if more:
                self.note(token.body, more)
                return True
        return bool(changes)

    # -- what a plan calls

    def token_of(self, value):
        """The Token of an object that is followed, or None."""
        token = self.tokens.get(id(value))
        return token if token is not None and token.now is not None else None

    def whole(self, value):
        """Look at all of one object, and at its attributes."""
        token = self.token_of(value)
        if token is not None:
            self.check(token)
            if token.kind is INSTANCE or token.body is not None:
                content = (token.body or token).now
                if content and content[0] is not None:
                    self.whole(content[0])

    def grown(self, value):
        """Look at an object after += or the like."""
        token = self.token_of(value)
        if token is not None:
            if type(value) is list and len(value) > len(token.now):
                start = len(token.now)
                self.note(token, [(SPLICE, token, start, start, all_held(value[start:]))])
            else:
                self.whole(value)

    def item_changed(self, box, key):
        """Look at one item of a container."""
        token = self.token_of(box)
        if token is None:
            return
        cls, known = type(box), token.now
        if (cls is list or cls is bytearray) and type(key) in (int, bool) and len(box) == len(known):
            if -len(box) <= key < len(box):
                value = box[key]
                if value is not known[key]:
                    if type(value) not in ATOMS:
                        value = self.see(value)
                        if value is known[key]:
                            return
                    known[key] = value
                    self.put((SET, token, key, value))
            return
        if cls in DICTS and type(known) is dict and is_safe_key(key):
            value, old = dict.get(box, key, MISSING), known.get(key, MISSING)
            if value is not old:
                if value is MISSING:
                    del known[key]
                    self.put((CUT, token, key))
                else:
                    if type(value) not in ATOMS:
                        value = self.see(value)
                        if value is old:
                            return
                    known[key] = value
                    self.put((SET, token, key, value))
            if len(known) == len(box):
                return
        self.whole(box)

    def default_made(self, box, key):
        """Look at an item that a defaultdict may have made."""
        if isinstance(box, collections.defaultdict):
            self.item_changed(box, key)

    def attr_changed(self, owner, name):
        """Look at one attribute of an object."""
        token = self.token_of(owner)
        if token is None:
            return
        if token.kind is CLASS:
            self.check(token)
            return
        body = token if token.kind is INSTANCE else token.body
        if token.kind is ERROR:
            self.check(token)
        if body is not None:
            if len(body.now) > 1 or name == '__dict__':
                self.check(token)
            if body.now[0] is not None:
                inner = layout(type(owner))[0](owner)
                if inner is not body.now[0]:
                    self.check(token)
                self.item_changed(inner, name)

    def add_quick_helpers(self):
        """Those of a plan that are called most often, as closures; others do what they do not."""
        get, put, see = self.tokens.get, self.put, self.see
        slow_item, slow_attr, grown = self.item_changed, self.attr_changed, self.grown
        def item_changed(box, key):
            token = get(id(box))
            if token is not None:
                known, cls = token.now, type(box)
                if cls is list:
                    if type(key) is int and known is not None and -1 < key < len(box) == len(known):
                        value = box[key]
                        if value is known[key]:
                            return
                        if type(value) in ATOMS:
                            known[key] = value
                            return put((SET, token, key, value))
                elif cls is dict and type(known) is dict and type(key) in ATOMS:
                    value = box.get(key, MISSING)
                    if value is not MISSING and type(value) in ATOMS:
                        if value is not known.get(key, MISSING):
                            known[key] = value
                            put((SET, token, key, value))
                        if len(box) == len(known):
                            return
                slow_item(box, key)

        def grown_item(box, key):
            item_changed(box, key)
            is_plain = type(box) is list or type(box) is dict and type(key) in ATOMS
            value = box[key] if is_plain else live_item(box, key)
            if type(value) not in ATOMS:
                grown(value)

        def attr_changed(owner, name):
            token = get(id(owner))
            if token is None:
                return
            if token.kind is INSTANCE and token.now is not None and len(token.now) == 1:
                inner = token.now[0]
                token = get(id(inner))
                known = token.now
                if type(known) is dict and name in known and name in inner:
                    value = inner[name]
                    if value is known[name]:
                        return
                    if type(value) in ATOMS:
                        known[name] = value
                        return put((SET, token, name, value))
            slow_attr(owner, name)

        def grown_attr(owner, name):
            attr_changed(owner, name)
            token = get(id(owner))
            if token is not None and token.kind is INSTANCE and token.now and len(token.now) == 1 and (
                    type(token.now[0].get(name)) in ATOMS):
                return
            value = self.live_attr(owner, name)
            if type(value) not in ATOMS:
                grown(value)

        def appended(box):
            token = get(id(box))
            if token is None or token.now is None:
                return
            known = token.now
            more = len(box) - len(known)
            if more == 1:
                value = box[-1]
                if type(value) not in ATOMS:
                    value = see(value)
                known.append(value)
                put((PUSH, token, value))
            elif more:
                self.whole(box)
        self.helpers.update(item_changed=item_changed, grown_item=grown_item, attr_changed=attr_changed,
                            grown_attr=grown_attr, appended=appended)

    def live_attr(self, owner, name):
        """An attribute of an object, found without running its code."""
        cls = type(owner)
        if cls is type(sys):
            return vars(owner)[name]
        if name == '__dict__' and not isinstance(owner, class_types):
            return layout(cls)[0](owner)
        if cls in class_types or isinstance(owner, class_types):
            for base in owner.__mro__:
                if name in vars(base):
                    return vars(base)[name]
            raise Unsure
        getter, slots = layout(cls)
        for slot_name, slot in slots:
            if slot_name == name:
                return slot.__get__(owner)
        if getter is not None:
            inner = getter(owner)
            if name in inner:
                return inner[name]
        if cls in _OLD_LAYOUTS:
            cls = owner.__class__
            raise Unsure
        for base in cls.__mro__:
            if name in vars(base):
                found = vars(base)[name]
                if type(found) is not FunctionType and hasattr(type(found), '__get__'):
                    raise Unsure
                return found
        raise Unsure

    def old_attr(self, owner, name):
        """An attribute as the log has it."""
        token = self.token_of(owner)
        if token is None or name == '__dict__':
            return self.live_attr(owner, name)
        content = (token.body or token).now
        if token.kind is CLASS:
            return content[name] if name in content else self.live_attr(owner, name)
        if type(content) is tuple and content and self.token_of(content[0]) is not None:
            known = self.token_of(content[0]).now
            if name in known:
                return known[name]
        for (slot_name, _), value in zip(layout(type(owner))[1], content[1:]):
            if slot_name == name:
                return value
        return self.live_attr(owner, name)

    def old_item(self, box, key):
        """An item as the log has it."""
        token = self.token_of(box)
        if token is None or token.kind not in (LIST, DICT) or type(token.now) is Keyed:
            return live_item(box, key)
        return token.now[key] if token.kind is DICT or type(key) in ATOMS else live_item(box, key)

    def is_own_code(self, code):
        """Whether code has steps of its own."""
        return self.is_recorded(code.co_filename)

    def is_harmless(self, function):
        """Whether calling it changes nothing, or writes the log itself."""
        function = getattr(function, '__func__', function) if type(function) is BOUND_METHOD else function
        kind = type(function)
        if kind is FunctionType and self.is_own_code(function.__code__):
            return not (function.__closure__ and False)
        if kind in class_types or isinstance(function, class_types):
            if function.__module__ in self.homes or function.__module__ in BUILTIN_NAMES and (
                    function.__name__ in PURE_BUILTINS or issubclass(function, BaseException)):
                return not (function.__module__ in self.homes and type(function) not in class_types)
            return function.__module__ in PURE_MODULES and function.__name__ not in ('count',)
        if kind is FunctionType or kind is type(len):
            name, module = function.__name__, getattr(function, '__module__', None)
            if module in BUILTIN_NAMES or module is None:
                return name in PURE_BUILTINS or name in ('sum', 'print')
            return module in PURE_MODULES and name not in IMPURE
        return False

    def left(self, manager):
        """At the end of a `with` block of a manager."""
        cls = type(manager)
        if not (cls in ATOMS or self.is_own_class(cls) or getattr(cls, '__module__', None) in (
                '_io', 'io', '_thread', 'thread', 'threading', 'codecs') + BUILTIN_NAMES):
            raise Unsure

    def called(self, function, args):
        """After a call of a function."""
        if not self.is_harmless(function):
            if any(function is other for other in RUNS_TEXT):
                raise Unsure
            self.reach((function,) + args)

    def method(self, owner, name, key, args, count):
        """After a call of a method; True when it writes the log itself for all objects of that class.

        key: what its first argument is if that is known.      count: of arguments; -1: one, a literal.
        """
        cls = type(owner)
        names = MUTATORS.get(cls)
        if names is not None:
            if name in names:
                self._mutated(owner, cls, name, key, count)
            return
        if cls is type(sys):
            return self.called(vars(owner).get(name), args)
        if isinstance(owner, class_types):
            found = self.live_attr(owner, name)
            found = getattr(found, '__func__', found)
            return None if self.is_harmless(found) else self.reach((owner, found) + args)
        if cls in _OLD_LAYOUTS:
            return self.reach((owner,) + args)
        for base in cls.__mro__:
            if name in vars(base):
                found = vars(base)[name]
                found = getattr(found, '__func__', found)
                if self.is_harmless(found) and type(found) is FunctionType:
                    return True
                if base in MUTATORS:
                    return self.whole(owner) if name in MUTATORS[base] else None
                break
        return self.reach((owner,) + args)

    def _mutated(self, owner, cls, name, key, count):
        """After a method that changes a plain container."""
        token = self.token_of(owner)
        if token is None:
            return
        known = token.now
        if cls is list:
            more = len(owner) - len(known)
            if name == 'append' and more == 1:
                value = owner[-1]
                if type(value) not in ATOMS:
                    value = self.see(value)
                known.append(value)
                return self.put((PUSH, token, value))
            if name == 'extend' and more >= 0:
                return self.grown(owner) if more else None
            if name == 'pop' and more == -1 and not count:
                known.pop()
                return self.put((CUT, token, len(known)))
            if name == 'pop' and more == -1 and count == -1 and key == 0:
                del known[0]
                return self.put((CUT, token, 0))
        elif cls is collections.deque:
            more = len(owner) - len(known)
            if name == 'append' and more == 1:
                return self.note(token, [(PUSH, token, held(owner[-1]))])
            if name == 'appendleft' and more == 1:
                return self.note(token, [(SPLICE, token, 0, 0, [held(owner[0])])])
            if name in ('pop', 'popleft') and more == -1:
                return self.note(token, [(CUT, token, 0 if name == 'popleft' else len(known) - 1)])
        elif cls is set:
            if name in ('add', 'discard', 'remove', 'pop') and len(owner) == len(known):
                return
            if name == 'add' and key is not MISSING and is_safe_key(key) and type(known) is dict and (
                    len(owner) == len(known) + 1):
                return self.note(token, [(SET, token, key, key)])
            if name in ('discard', 'remove') and key is not MISSING and is_safe_key(key) and type(known) is dict and (
                    len(owner) == len(known) - 1):
                return self.note(token, [(CUT, token, key)])
        elif name in ('setdefault', 'pop') and key is not MISSING and is_safe_key(key):
            return self.item_changed(owner, key)
        self.whole(owner)

    def reach(self, values):
        """Look at all that is followed and can be reached from some values, through objects in C too."""
        if self.audits_all:                     # another thread runs
            raise Unsure
        todo, seen = [value for value in values if type(value) not in ATOMS], set()
        while todo:
            value = todo.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            token = self.tokens.get(id(value))
            if token is not None and token.now is not None and token.kind is not OPAQUE:
                self.check(token)
                parts = list(token.kind.parts(token)) + list(token.body.now if token.body is not None else ())
            elif type(value) in INERT or isinstance(value, class_types) or value is self.put:
                continue
            elif type(value) is FunctionType:
                parts = [cell for cell in value.__closure__ or ()] + list(value.__defaults__ or ())
                parts += [] if self.is_own_code(value.__code__) else list((value.__dict__ or {}).values())
            elif token is not None or len(seen) < 2000:
                parts = gc.get_referents(value)
            else:
                raise Unsure
            todo += [part for part in parts if type(part) not in ATOMS]


def is_data(value):
    """Whether an object of a library is a plain record: its attributes are atoms and containers of atoms."""
    getter, slots = layout(type(value))
    is_made_plainly = type(value).__new__ is object.__new__ or type(value).__name__ == 'SimpleNamespace'
    if getter is None or slots or not is_made_plainly:
        return False
    for part in list(getter(value).values()):
        if type(part) in (list, set, tuple, dict):
            inner = list(part.values()) if type(part) is dict else part
            if not ATOMS.issuperset(map(type, inner)):
                return False
        elif type(part) not in ATOMS:
            return False
    return True


def live_item(box, key):
    """An item of a plain container."""
    if type(box) in (list, tuple, bytearray, str, text_type, bytes, collections.deque) and type(key) in ATOMS:
        return box[key]
    if type(box) in DICTS and is_safe_key(key):
        value = dict.get(box, key, MISSING)     # [key] would make it in a defaultdict
        if value is MISSING:
            raise KeyError(key)
        return value
    raise Unsure


def length(box):
    """The length of a plain object."""
    if type(box) in MUTATORS or type(box) in ATOMS or type(box) is tuple:
        return len(box)
    raise Unsure


RUNS_TEXT = [builtins_space[name] for name in ('exec', 'eval', 'execfile') if name in builtins_space]
BOUND_METHOD, BUILTIN_NAMES = type(fresh.read), ('builtins', '__builtin__')


def learn_methods():
    """Set the constants of this section which need modules that a program's start does not."""
    global DICTS, MUTATORS, ALL_MUTATORS, INERT
    found = {
        list: 'append extend insert remove pop clear sort reverse __setitem__ __delitem__ __iadd__ __imul__ '
              '__setslice__ __delslice__ __init__',
        dict: 'update setdefault pop popitem clear __setitem__ __delitem__ __ior__ __init__ move_to_end subtract',
        set: 'add discard remove pop clear update difference_update intersection_update '
             'symmetric_difference_update __ior__ __iand__ __isub__ __ixor__ __init__',
        collections.deque: 'append appendleft extend extendleft insert remove pop popleft clear rotate reverse '
                           '__setitem__ __delitem__ __iadd__ __imul__ __init__',
        bytearray: 'append extend insert remove pop clear reverse __setitem__ __delitem__ __iadd__ __imul__ __init__',
        array.array: 'append extend fromlist frombytes fromstring fromfile fromunicode insert remove pop reverse '
                     'byteswap clear __setitem__ __delitem__ __iadd__ __imul__'}
    # Methods of the containers that change them; others of theirs do not.
    MUTATORS = dict((cls, frozenset(names.split())) for cls, names in found.items())
    DICTS = frozenset([dict, collections.OrderedDict, collections.defaultdict, collections.Counter])
    MUTATORS.update((cls, MUTATORS[dict]) for cls in DICTS)
    ALL_MUTATORS = frozenset().union(*MUTATORS.values())
    INERT = MARKED | frozenset([type(sys), CodeType, type(sys._getframe()), slice, range_type, Token, Space, Recording])
    INERT |= frozenset(type(iter(part)) for part in ([], {}, (), set(), range_type(0)))


##############################################################################
## 18. Plan -- what a line can change
##############################################################################
#
# Gives to those below units_of(), what runs as one line, and LinePlan: the text of a function that sys.settrace
# calls at the event after the line. It looks at the names and items that the line can write, and at what the
# functions that it calls may change, as their types at run time tell; logs the step; and returns the function of
# the line that runs next.
#
# Keys and containers are found by evaluating their expressions again, where that runs no code of the user's;
# where a line changes what they are found by, with the values before it (S, N: as the log has them) and after it
# (d, G).

FUNCTION_FLAG = 1           # in co_flags: its names are variables


class Unit(object):
    """What runs as one line: a statement, or the head of one that holds others.

    start, end: its line numbers.      nodes: the syntax trees.      names: that it binds beside those in the trees.
    chain: the names of the classes around.      loops: whether it may run again and again.      own: the
    comprehension whose frame this is.      inside: the `with` units around it.      leaves: `with` items that are
    left at its end.
    """

    def __init__(self, start, end, nodes, around, names=(), loops=False, own=None):
        self.start, self.end, self.loops, self.own = start, end, loops, own
        self.nodes = [node for node in nodes if node is not None]
        self.names, self.chain = frozenset(names) | around.names, around.chain
        self.inside, self.leaves = around.inside, ()


Around = tuple_type('Around', 'names chain inside')
COMPREHENSIONS = {'ListComp': '<listcomp>', 'SetComp': '<setcomp>', 'DictComp': '<dictcomp>',
                  'GeneratorExp': '<genexpr>'}


def units_of(tree):
    """{(name of a code object, its first line): [Unit]} of a module's statement nodes."""
    scopes = {}

    def scope(name, line, nodes, chain):
        units = scopes.setdefault((name, line), [])
        if isinstance(nodes, list):
            body(nodes, units, Around(frozenset(), chain, ()))
        else:
            add(units, Unit(nodes.lineno, end_line(nodes), [nodes], Around(frozenset(), chain, ())))

    def add(units, unit):
        units.append(unit)
        todo = list(unit.nodes)
        while todo:                             # the lambdas and comprehensions in it
            node = todo.pop()
            if isinstance(node, _ast.Lambda):
                scope('<lambda>', node.lineno, node.body, unit.chain)
                todo += inner_nodes(node.args)
            elif type(node).__name__ in COMPREHENSIONS and node is not unit.own and not is_inline(node):
                inner = scopes.setdefault((COMPREHENSIONS[type(node).__name__], node.lineno), [])
                around = Around(frozenset(), unit.chain, ())
                add(inner, Unit(node.lineno, end_line(node), [node], around, loops=True, own=node))
                todo.append(node.generators[0].iter)
            else:
                todo += inner_nodes(node)

    def body(stmts, units, around):
        for node in stmts:
            kind = type(node).__name__.replace('Async', '')
            start = node.lineno
            if kind in ('FunctionDef', 'ClassDef'):
                start = _first_line(node) + 1
                heads = node.decorator_list + ([node.args, getattr(node, 'returns', None)] if kind == 'FunctionDef'
                    else node.bases + [word.value for word in getattr(node, 'keywords', ())])
                add(units, Unit(start, max(node.lineno, node.body[0].lineno - 1), heads, around,
                                [mangled(node.name, around.chain)]))
                scope(node.name, start, node.body, around.chain + (node.name,) * (kind == 'ClassDef'))
            elif kind in ('If', 'While'):
                add(units, Unit(start, end_line(node.test), [node.test], around, loops=kind == 'While'))
                first = len(units)
                body(node.body, units, around)
                if kind == 'While' and len(units) > first:
                    units[first].loops = True   # that of `while True` has no events
                body(node.orelse, units, around)
            elif kind == 'For':
                add(units, Unit(start, end_line(node.iter), [node.target, node.iter], around, loops=True))
                body(node.body, units, around)
                body(node.orelse, units, around)
            elif kind == 'With':
                items = getattr(node, 'items', [node])
                parts = [part for item in items for part in (item.context_expr, item.optional_vars)]
                unit = Unit(start, max(end_line(part) for part in parts if part), parts, around)
                unit.leaves = items
                add(units, unit)
                first = len(units)
                body(node.body, units, around._replace(inside=around.inside + (unit,)))
                for other in units[first:]:     # it may be left after any of its lines
                    other.leaves = list(other.leaves) + list(items)
            elif kind.startswith('Try'):
                body(node.body, units, around)
                for handler in getattr(node, 'handlers', ()):
                    name = handler.name if isinstance(handler.name, string_types) else getattr(handler.name,
                        'id', None)
                    inner = around._replace(names=around.names | frozenset([mangled(name, around.chain)] if
                        name else []))
                    add(units, Unit(handler.lineno, max(handler.lineno, end_line(handler.type)),
                        [handler.type], inner))
                    body(handler.body, units, inner)
                body(getattr(node, 'orelse', []), units, around)
                body(getattr(node, 'finalbody', []), units, around)
            elif kind == 'Match':
                add(units, Unit(start, end_line(node.subject), [node.subject], around))
                for case in node.cases:
                    names = [mangled(name, around.chain) for part in walk(case.pattern) for name in (
                        getattr(part, 'name', None), getattr(part, 'rest', None)) if isinstance(name,
                            string_types)]
                    add(units, Unit(case.pattern.lineno, max(end_line(case.pattern), end_line(case.guard)),
                                    [case.pattern, case.guard, node.subject], around, names))
                    body(case.body, units, around)
            else:
                add(units, Unit(start, end_line(node), [node], around))
    body(tree, scopes.setdefault(('<module>', None), []), Around(frozenset(), (), ()))
    return scopes


def inner_nodes(node):
    """The nodes directly in a node."""
    return [item for _, part in fields(node) for item in (part if isinstance(part, list) else [part])
            if isinstance(item, _ast.AST)]


def is_inline(node):
    """Whether a comprehension runs in the frame around it."""
    return COMPREHENSIONS_INLINE and not isinstance(node,
        _ast.GeneratorExp) or LISTS_LEAK and isinstance(node, _ast.ListComp)


def executed_nodes(unit):
    """The nodes in a unit that run in its own frame."""
    todo = list(unit.nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, _ast.Lambda):
            todo += inner_nodes(node.args)
            continue
        yield node
        if type(node).__name__ in COMPREHENSIONS and node is not unit.own and not is_inline(node):
            todo.append(node.generators[0].iter)
        else:
            todo += inner_nodes(node)


class Writes(object):
    """What a unit may change. names: that it binds.      grown: those with += and the like.      items: [(container
    node, key node or None, whether in place)].      attrs: [(object node, name, whether in place)]. calls: nodes.
    reads: [(container node, key node)], which matter when there are defaultdicts.      others: nodes of objects whose
    code in C runs at the line, as of `with` and `await`.
    """

    def __init__(self, unit):
        self.names, self.grown, self.items, self.attrs = set(unit.names), [], [], []
        self.calls, self.reads, self.others = [], [], []
        self.unsure = False
        for node in executed_nodes(unit):
            self._note(node, unit.chain)
        self.leaves = list(unit.leaves)

    def _note(self, node, chain):
        stored = type(getattr(node, 'ctx', None)).__name__ in ('Store', 'Del', 'AugStore', 'Param')
        if isinstance(node, _ast.Name):
            if stored:
                self.names.add(mangled(node.id, chain))
        elif isinstance(node, _ast.AugAssign):
            target = node.target
            if isinstance(target, _ast.Name):
                self.grown.append(mangled(target.id, chain))
            elif isinstance(target, _ast.Subscript):
                self.items.append((target.value, key_node(target), True))
            else:
                self.attrs.append((target.value, mangled(target.attr, chain), True))
        elif isinstance(node, _ast.Subscript):
            (self.items if stored else self.reads).append((node.value, key_node(node)) + (False,) * stored)
        elif isinstance(node, _ast.Attribute):
            if stored:
                self.attrs.append((node.value, mangled(node.attr, chain), False))
        elif isinstance(node, _ast.Call):
            self.calls.append(node)
        elif type(node).__name__ == 'Exec':
            self.unsure = True
        elif isinstance(node, (_ast.Import, _ast.ImportFrom)):
            self.names.update(mangled((alias.asname or alias.name).partition('.')[0], chain) for alias in node.names)
        elif type(node).__name__ in ('Await', 'YieldFrom', 'AsyncFor', 'AsyncWith'):
            self.others.append(getattr(node, 'value', None) or node)
        elif isinstance(node, DEFINITIONS):
            self.names.add(mangled(node.name, chain))


def key_node(node):
    """The node of the key of a subscript; None for a slice."""
    part = node.slice
    part = getattr(part, 'value', part) if type(part).__name__ == 'Index' else part
    return None if type(part).__name__ in ('Slice', 'ExtSlice') else part


# ---- the plan of a line

class LinePlan(object):
    """The text of the function that settrace calls after a line. Raises Unsure when the line needs audits.

    entry: the Entry of its code object.      engine.
    """

    def __init__(self, engine, entry, units):
        self.engine, self.entry, self.lines, self.space, self.count = engine, entry, [], {}, 0
        self.code, self.globals = entry.code, entry.globals
        self.has_frame_names = entry.is_function
        self.variables = frozenset(self.code.co_varnames + self.code.co_cellvars + self.code.co_freevars)
        self.loops = any(unit.loops for unit in units) or self.code.co_name in COMPREHENSIONS.values()
        self.old = False
        writes = [Writes(unit) for unit in units]
        names = set(self.code.co_cellvars + self.code.co_freevars)      # another frame may bind them
        names.update(*[part.names for part in writes])
        # An item that is taken out and stored again comes last in a dict.
        self.reorders = any(getattr(node.func, 'attr', None) in ('pop', 'popitem', 'clear', '__delitem__')
                            for part in writes for node in part.calls) or len(units) > 1
        if 'locals' in self.code.co_names and self.has_frame_names or any(part.unsure for part in writes):
            raise Unsure                        # the dict that locals() gave is that of the frame
        checks = []
        for part in writes:
            self._containers(part, checks)
        clash = self._clashes(writes, names)
        if clash:
            self._emit_checks(checks, old=True)
        self._emit_names(sorted(names), [name for part in writes for name in part.grown])
        self._emit_checks(checks, old=False)
        # Whether nothing of it happens before the last function that it calls.
        self.is_calm = not checks and len(units) == 1 and not any(type(node).__name__
            in ('NamedExpr', 'With', 'AsyncWith') for node in executed_nodes(units[0])) and (not units[0].leaves)

    # -- the text

    def constant(self, value):
        """A name for a value in the text."""
        self.count += 1
        self.space['c%d' % self.count] = value
        return 'c%d' % self.count

    def is_variable(self, name):
        """Whether a name is a variable of the function."""
        return self.has_frame_names and name in self.variables

    def _emit_names(self, names, grown):
        local = [name for name in names if self.is_variable(name)]
        outer = [name for name in names if not self.is_variable(name)]
        put = self.lines.append
        if not names and not grown:
            return
        put('try:')
        for name in local + outer:
            is_global = name not in local
            source, known = ('G', 'N') if is_global else ('d', 'S')
            bind = self.constant(self.engine.binds(name, is_global)[0])
            put('    v = %s[%r]' % (source, name))
            put('    if v is not %s:' % ('N[%r]' % name if is_global else 'S.get(%r, MISSING)' % name))
            put('        if type(v) in ATOMS:')
            put('            %s[%r] = v' % (known, name))
            put('            put((%s, v))' % bind)
            put('        else:')
            put('            bound(%s, %r, %s, v, %r)' % (known, name, bind, is_global))
            if name in grown:
                put('    elif type(v) not in ATOMS:')
                put('        grown(v)')
        put('except KeyError:')                 # one of them is unbound
        put('    names(frame)')
        for name in grown:
            put('    grown(%s.get(%r))' % ('d' if name in local else 'G', name))

    def _emit_checks(self, checks, old):
        self.old = old
        if not checks:
            return
        body, before = [], self.lines
        self.lines = body
        for check in checks:
            check()
        self.lines = before
        if body:
            before.append('try:')
            before += ['    ' + line for line in body]
            if old:
                before.append('except KeyError:')       # made by the line itself
                before.append('    pass')
            before.append('except Exception:')
            before.append('    audit(frame)')

    def _clashes(self, writes, names):
        """Whether the line may change what its containers or keys are found by."""
        roots, deep, count = set(), False, 0
        for part in writes:
            targets = [item[0] for item in part.items] + [item[1] for item in part.items if item[1] is not None]
            targets += [item[0] for item in part.attrs]
            called = [node.func.value for node in part.calls if isinstance(node.func, _ast.Attribute)]
            count += len(part.items) + len(part.attrs) + len([
                node for node in part.calls if getattr(node.func, 'attr', None) in ALL_MUTATORS])
            for node in targets + called + [arg for call in part.calls for arg in call.args]:
                roots.update(sub.id for sub in walk(node) if isinstance(sub, _ast.Name))
            deep = deep or any(isinstance(sub, (_ast.Subscript, _ast.Attribute)) for item in part.items
                               if item[1] is not None for sub in walk(item[1]))
            deep = deep or any(isinstance(node, (_ast.Subscript, _ast.Attribute)) for node in targets +
                called) and count > 1
        return bool(roots & names) or deep

    # -- what is looked at

    def _containers(self, writes, checks):
        for item in writes.items:
            checks.append(lambda item=item: self._item(*item))
        if self.engine.has_defaults:
            for item in writes.reads:
                if item[1] is not None:
                    checks.append(lambda item=item: self._read(*item))
        for item in writes.attrs:
            checks.append(lambda item=item: self._attribute(*item))
        for node in writes.calls:
            self._call(node, checks)
        for item in writes.leaves:
            checks.append(lambda item=item: self._left(item.optional_vars or item.context_expr, item.context_expr))
        for node in writes.others:
            checks.append(lambda node=node: self._reach([node]))

    def _left(self, manager, made):
        """At the end of a `with`: the manager's __exit__ is the program's own, or it is unknown."""
        if isinstance(made, _ast.Call):
            name = getattr(made.func, 'id', None)
            value = self.globals.get(name, builtins_space.get(name)) if name and not self.is_variable(name) else None
            value = getattr(value, '__wrapped__', value) if type(value) is FunctionType else value
            if name == 'open' or value is not None and self.engine.is_harmless(value):
                return
            if not isinstance(manager, _ast.Name):
                raise Unsure
        self.lines.append('left(%s)' % self.path(manager))

    def _item(self, container, key, in_place):
        box = self.path(container)
        try:
            name = self.pure(key) if key is not None else None
        except Unsure:
            name = None
        if name is None or self.reorders:
            self.lines.append('whole(%s)' % box)
        else:
            self.lines.append('%s(%s, %s)' % ('grown_item' if in_place else 'item_changed', box, name))

    def _read(self, container, key):
        try:
            self.lines.append('default_made(%s, %s)' % (self.path(container), self.pure(key)))
        except Unsure:
            self._reach([container])

    def _attribute(self, owner, name, in_place):
        self.lines.append('%s(%s, %r)' % ('grown_attr' if in_place else 'attr_changed', self.path(owner), name))

    def _reach(self, nodes):
        roots = self.roots(nodes)
        if roots:
            self.lines.append('reach((%s,))' % ', '.join(roots))

    def roots(self, nodes):
        """The texts of the names that expressions are made of."""
        names = sorted(set(sub.id for node in nodes for sub in walk(node) if isinstance(sub, _ast.Name)))
        known = 'S' if self.old else 'd'
        return ['%s.get(%r)' % (known, name) if self.is_variable(name) else '%s.get(%r)' % ('N' if self.old
            else 'G', name)
                for name in names if self.is_variable(name) or name in self.globals]

    def _call(self, node, checks):
        args = list(node.args) + [word.value for word in node.keywords] + [part for part
            in (getattr(node, 'starargs', None), getattr(node, 'kwargs', None)) if part is not None]
        function = node.func
        if isinstance(function, _ast.Attribute):
            return checks.append(lambda: self._method(function, args))
        if isinstance(function, _ast.Name):
            name = function.id
            if name == 'super':
                return None
            if not self.is_variable(name):
                value = self.globals.get(name, builtins_space.get(name, MISSING))
                if name not in self.globals and name in ('exec', 'eval', 'execfile', '__import__'):
                    raise Unsure
                if value is not MISSING and self.engine.is_harmless(value):
                    self.engine.assumed.add(name)
                    return None
        return checks.append(lambda: self._unknown_call(function, args))

    def _unknown_call(self, function, args):
        try:
            path = self.path(function)
        except Unsure:
            return self._reach([function] + args)
        self.lines.append('called(%s, (%s))' % (path, ''.join(root + ', ' for root in self.roots(args))))

    def _method(self, function, args):
        owner, name = function.value, function.attr
        if type(owner).__name__ in ('Str', 'Constant', 'JoinedStr', 'BinOp', 'Bytes', 'Num', 'List', 'Dict',
                'ListComp'):
            return None
        if isinstance(owner, _ast.Call) and getattr(owner.func, 'id', None) == 'super':
            if self.code.co_argcount:
                first = self.code.co_varnames[0]
                self.lines.append("whole_object(%s[%r])" % ('S' if self.old else 'd', first))
            return None
        if isinstance(owner, _ast.Name) and not self.is_variable(owner.id) and isinstance(
                self.globals.get(owner.id), type(sys)):
            value = vars(self.globals[owner.id]).get(name, MISSING)
            self.engine.assumed.add(owner.id)
            if self.engine.is_harmless(value):
                return None
        try:
            path = self.path(owner)
        except Unsure:
            if name in ALL_MUTATORS and any(isinstance(part, _ast.Call) for part in walk(owner)):
                raise
            return self._reach([owner] + args)
        key = 'MISSING'
        if args and name in ('setdefault', 'pop', 'add', 'discard', 'append', '__setitem__'):
            try:
                key = self.pure(args[0])
            except Unsure:
                pass
        self.lines.append('v = %s' % path)
        harmless, indent = self.constant(set(ATOMS)), ''        # types of owners
        if name == 'append':
            self.lines.append('if type(v) is list:')
            self.lines.append('    appended(v)')
            indent = 'el'
        elif name == 'add':
            self.lines.append('if type(v) is set and len(v) == len(token_now(id(v)).now):')
            self.lines.append('    pass')
            indent = 'el'
        self.lines.append('%sif type(v) not in %s:' % (indent, harmless))
        self.lines.append('    if method(v, %r, %s, (%s), %d):' % (
            name, key, ''.join(root + ', ' for root in self.roots(args)),
            -1 if args and type(args[0]).__name__ in ('Num', 'Constant') else len(args)))
        self.lines.append('        %s.add(type(v))' % harmless)

    # -- expressions that are evaluated again

    def path(self, node):
        """The text that finds an object again: names, attributes and items of plain objects."""
        prefix = 'old_' if self.old else 'live_'
        if isinstance(node, _ast.Name):
            name = node.id
            if self.is_variable(name):
                return '%s[%r]' % ('S' if self.old else 'd', name)
            if name not in self.globals and name in builtins_space:
                self.engine.assumed.add(name)
                return self.constant(builtins_space[name])
            return '%s[%r]' % ('N' if self.old else 'G', name)
        if isinstance(node, _ast.Attribute):
            return '%sattr(%s, %r)' % (prefix, self.path(node.value), mangled(node.attr, ()))
        if isinstance(node, _ast.Subscript) and key_node(node) is not None:
            return '%sitem(%s, %s)' % (prefix, self.path(node.value), self.pure(key_node(node)))
        if isinstance(node, _ast.Call) and isinstance(node.func, _ast.Attribute) and node.func.attr == 'setdefault':
            return '%sitem(%s, %s)' % (prefix, self.path(node.func.value), self.pure(node.args[0]))
        if isinstance(node, _ast.Call) and getattr(node.func, 'id', None) == 'globals' and not node.args:
            return 'G'
        raise Unsure

    def pure(self, node):
        """The text of a key that can be worked out again: of atoms, with operators and builtins."""
        kind = type(node).__name__
        if kind in ('Num', 'Str', 'Bytes', 'Constant', 'NameConstant'):
            return self.constant(constant_value(node) if kind != 'Num' else node.n)
        if isinstance(node, _ast.Name) or isinstance(node, (_ast.Attribute, _ast.Subscript)):
            path = self.path(node)
            self.count += 1
            self.lines.append('k%d = %s' % (self.count, path))
            self.lines.append('if type(k%d) not in ATOMS and not is_safe_key(k%d): raise Unsure' %
                (self.count, self.count))
            return 'k%d' % self.count
        if isinstance(node, _ast.BinOp):
            sign = {'Add': '+', 'Sub': '-', 'Mult': '*', 'Mod': '%', 'FloorDiv': '//', 'BitAnd': '&', 'BitOr': '|',
                'BitXor': '^', 'RShift': '>>'}.get(type(node.op).__name__)
            if sign:
                return '(%s %s %s)' % (self.pure(node.left), sign, self.pure(node.right))
        if isinstance(node, _ast.UnaryOp) and isinstance(node.op, (_ast.USub, _ast.Not)):
            return '(%s %s)' % ('-' if isinstance(node.op, _ast.USub) else 'not', self.pure(node.operand))
        if isinstance(node, _ast.Tuple):
            return '(%s)' % ''.join(self.pure(part) + ', ' for part in node.elts)
        if isinstance(node, _ast.Call) and not node.keywords and not getattr(node, 'starargs', None):
            if isinstance(node.func, _ast.Name) and node.func.id in ('str', 'int', 'chr', 'ord', 'abs',
                    'len') and (node.func.id not in self.globals and not self.is_variable(node.func.id)) and len(
                    node.args) == 1:
                self.engine.assumed.add(node.func.id)
                if node.func.id == 'len':
                    return 'length(%s)' % self.path(node.args[0])
                return '%s(%s)' % (self.constant(builtins_space[node.func.id]), self.pure(node.args[0]))
            if isinstance(node.func, _ast.Attribute) and node.func.attr in ('lower', 'upper', 'strip', 'title'):
                owner = self.pure(node.func.value)
                return '%s.%s(%s)' % (owner, node.func.attr, ', '.join(map(self.pure, node.args)))
        raise Unsure

    def function(self, table):
        """The function for sys.settrace; table: {line: (Site, function)} of the code object."""
        engine = self.engine
        needs = '\n'.join(self.lines)
        head = ['if frame is not now[0]:', '    space = frames.get(frame)', '    if space is None:',
            '        switch(frame)',
                '    else:', '        now[0], now[1] = frame, space.now', '        put((ENTER, space))']
        if self.has_frame_names and ('d[' in needs or 'd.get' in needs):
            head.append('d = frame.f_locals')
        if self.has_frame_names and ('S[' in needs or 'S.get' in needs):
            head.append('S = now[1]')
        tail = ['if len(log) > limit[0]:', '    housekeeping(frame)'] if self.loops else []
        tail += ['if event == "line":', '    step, after = table[frame.f_lineno]'] + (
            ['    add(step)'] if engine.raw else ['    if step is not None:', '        add(step)'])
        tail += ['    return after']
        if self.has_frame_names and self.entry.shown:
            tail += ['if event == "return":', '    add(returns[frame.f_lineno])',
                '    frames.pop(frame).now = now[0] = None', '    return None']
        tail += ['if event != "check":', '    return other(frame, event, arg)']
        text = 'def trace(frame, event, arg):\n' + ''.join('    %s\n' % line for line in head + self.lines + tail)
        space = dict(engine.helpers, G=self.globals, N=engine.names_of(self.globals).now, table=table,
                     returns=self.entry.returns, **self.space)
        execute(compile(text, '<hotload plan>', 'exec', 0, True), space)
        if self.is_calm:
            engine.calm.add(space['trace'])
        return space['trace']


##############################################################################
## 19. Trace -- sys.settrace writes the log
##############################################################################
#
# Gives to those below Engine, which runs code and writes the log.
#
# What a line changes is found after it ran, at the next event. There are two ways. An audit compares all objects
# that are followed with what the log has of them: always right, and slow. A plan is made of the line's syntax.
# The first steps of a run, and the first few of each line, are audited; then the line gets a plan, which is
# audited some times more. A plan that missed something is given up: that line is always audited. So is everything
# at each keyframe; what is found only then was noticed late, and the recording says so.

ENTRIES_BETWEEN = 8000      # keyframes, at least; or 4 times what can be reached
MOST_ENTRIES = 20000000     # in a log
# of a line: with an audit alone, then with a plan and an audit
AUDIT_RUNS, CHECKED_RUNS = 3, 4
FREE_AUDITS = 3000          # so much is compared in audits before plans are made
CALLBACK_STEPS = 50000
GENERATOR_FLAGS = 0x20 | 0x80 | 0x200           # in co_flags: generators, coroutines


class Stop(BaseException):
    """Raised in the recorded code at a limit. (Not an Exception, which the code may catch.)"""


class Entry(object):
    """What the engine knows of a code object. namespace, frame: see Space.      globals: the names of its module.
    is_function, is_class: which kind it is.      units: of its syntax, or None.      tables: {line: (Site,
    function)}.      steps: {(event, line): Site}.
    """

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

    inside: the units in whose lines a step goes on rather than begins; leaving: lines of `with` heads that are left;
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
            if first is None or not any(unit.start <= line <= unit.end for unit
                    in units) or line in self.leaving or any(unit in self.inside for unit in units):
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

    text_of(path) -> the text of a file of code that is recorded, or None.      callback, max_steps, max_seconds, raw:
    see record().      entries: {id of a code object: its Entry, or False}.      frames: {frame that runs: its Space}.
    """

    def __init__(self, recording, is_recorded, text_of, callback=None, max_steps=0, max_seconds=0, with_state=True,
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
            names=self.check_names, housekeeping=self.housekeeping, other=self.other_event, whole_object=self.whole)
        self.add_frame_helpers()

    def code_to_run(self, code):
        """What is to be run for a code object: it itself; other engines give other code, and `engine` its name."""
        return code

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
        """The function for settrace that audits after a line. line: its number, to count its runs, or None."""
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
                    self.units[path] = units_of(parse(text, path, flags=self.flags))
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
        if self.with_state and len(log) - self.recording.keyframes[-1].at > max(ENTRIES_BETWEEN, 4 * self.visible):
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
        """See to it that the run ends after so long, also when it catches Stop, or when no code of its own runs."""
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
        self.recording.keyframes.append(Keyframe(len(self.log), contents, self.frames.get(self.now[0], self.top)))

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
        recording.keyframes.append(Keyframe(0, {namespace: namespace.kind.copy(namespace.now or {}), top: {}}, top))
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
                        'steps are missing from step %d on: the code set a trace function of its own, or ran out of '
                        'stack' % recording.steps())
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


##############################################################################
## 20. Record -- code, functions and scripts
##############################################################################
#
# Gives to the user record(), Recording.of(), RecordedScript, and `hotload --record` with its prompt.

__all__ += ['RecordedScript']               # record is written hotload.record
ENGINES = {'trace': Engine}                  # sections below enter theirs; 'auto' takes 'rewrite' where it is there


def record(code, globals=None, callback=None, max_steps=0, max_seconds=0, record_state=True, engine='trace',
        raw=False):
    """Run code, and return a Recording of it, also when it raises.

    code: text or a code object.      globals: dict that it runs in, which is used and not copied; default: a new one,
    in which __name__ is '__main__'.      callback(recording): called at the start, every 50,000 steps and at the end;
    the recording can be queried in it; what it raises ends the run.      max_steps, max_seconds: limits, 0 for none;
    at one the run ends, with a RuntimeError as .error.      record_state: False to keep the steps only. engine:
    'trace'. raw: keep the events of sys.settrace as they are; without it they are those of one Python as of the
    others. Raises SyntaxError when the text does not compile.

    >>> recording = record('a = 1\\na += 1')
    >>> [recording.state(n).get('a') for n in range(recording.steps())]
    [None, None, 1, 2]
    """
    text, path, kind = None, '<recorded>', engine_of(engine)
    if isinstance(code, CodeType):
        path = code.co_filename
    else:
        text, code = code, compile(code, path, 'exec', 0, True)
    recording = Recording(text)
    own = globals is None
    space = {'__name__': '__main__'} if own else globals
    made = kind(recording, lambda name: name == path, lambda name: text if text is not None else file_text(name),
                callback, max_steps, max_seconds, record_state, raw)
    made.flags = future_flags(code)
    code = made.code_to_run(code)
    made.run(lambda: execute(code, space), space)
    if own:                                     # they are not in the __main__ that other code sees
        for cls in made.classes:
            if vars(cls).get('__module__') == '__main__':
                with suppress(TypeError, AttributeError):
                    cls.__module__ = path
    return recording


def engine_of(name):
    """The class of the engine of that name; 'auto' is the fastest that is there."""
    kind = ENGINES.get(name) or name == 'auto' and (ENGINES.get('rewrite') or Engine)
    if not kind:
        raise HotloadError('engine=%r: expected one of %s' % (name, ', '.join(map(repr, sorted(ENGINES) + ['auto']))))
    return kind


def record_call(function, args, kwargs):
    """Call a function and record it; see Recording.of."""
    inner = getattr(function, '__func__', function)
    code = getattr(inner, '__code__', None)
    if type(code) is not CodeType:
        raise HotloadError('cannot record %r: expected a function written in Python' % (function,))
    recording = Recording()
    made = Engine(recording, lambda path: path == code.co_filename, file_text)
    made.flags = future_flags(code)
    made.run(lambda: function(*args, **kwargs), inner.__globals__)
    return recording


def _of(cls, function, *args, **kwargs):
    """Call function(*args, **kwargs) and record it and the other code of its file; .result is what it returned.

    What it raises becomes .error. Raises HotloadError for what is not written in Python.

    >>> def double(numbers):
    ...     return [2 * number for number in numbers]
    >>> Recording.of(double, [1, 2]).result
    [2, 4]
    """
    return record_call(function, args, kwargs)


Recording.of = classmethod(_of)                 # here, because it stands on the engine


def __getattr__(name):
    """hotload.exec is record, for programs that were written for Execorder (3.7 and later)."""
    if name == 'exec':
        return record
    raise AttributeError('module %r has no attribute %r' % (__name__, name))


def file_text(path):
    """The bytes of a source file as it was when it was loaded, or None."""
    if path in fresh.texts:
        return fresh.texts[path][1]
    with suppress(EnvironmentError, ValueError, TypeError):
        return read_bytes(path)


def future_flags(code):
    """The flags of the __future__ imports that a code object was compiled with."""
    if FUTURES is None:
        learn_nodes()
    return code.co_flags & sum(set(FUTURES.values()))


def show_value(value, room=60):
    """A short text for a value of the past; calls no code of the user's."""
    def show(part, depth):
        kind = type(part)
        if kind in ATOMS:
            text = repr(part)
            return text if len(text) <= room else text[:room // 2] + '...' + text[-8:]
        if isinstance(part, StandIn) and hasattr(part, '_past'):
            return part._past
        name = getattr(kind, '__name__', '?')
        if depth > 3:
            return '...'
        if kind in (list, tuple, set, frozenset) or isinstance(part, (list, tuple, set, frozenset,
                collections.deque)):
            base = [base for base in (list, tuple, set, frozenset, collections.deque) if isinstance(part, base)][0]
            parts = list(base.__iter__(part))
            inner = ', '.join([show(item, depth + 1) for item in parts[:8]] + ['...'] * (len(parts) > 8))
            return {list: '[%s]', tuple: '(%s)', set: '{%s}'}.get(kind, name + '(%s)') % inner
        if isinstance(part, dict):
            pairs = list(DICT.pairs(part))
            inner = ', '.join(['%s: %s' % (show(key, depth + 1), show(item, depth + 1)) for key, item in pairs[:8]]
                + ['...'] * (len(pairs) > 8))
            return ('{%s}' if kind is dict else name + '({%s})') % inner
        if kind is FunctionType or isinstance(part, class_types + (type(sys),)):
            return '<%s %s>' % (name, part.__name__)
        if kind in SELF_TYPES:
            return repr(part)[:room]
        getter = layout(kind)[0]
        names = sorted(getter(part).items(), key=lambda item: str(item[0])) if getter else []
        names += [(slot, slot_value(where, part)) for slot, where in layout(kind)[1]]
        return '%s(%s)' % (name, ', '.join('%s=%s' % (key, show(item, depth + 1)) for key, item in names[:8]
                                           if item is not MISSING))
    text = show(value, 0)
    return text if len(text) <= 3 * room else text[:3 * room] + '...'


class Cursor(object):
    """A place in a Recording, moved by what is typed at the prompt. n: the step."""

    def __init__(self, recording):
        self.recording, self.n = recording, max(0, recording.steps() - 1)

    def verbs(self):
        """{name: what it means at the prompt}."""
        return {'rec': self.recording, 'back': self.back, 'forward': self.forward, 'goto': self.goto, 'last':
            self.last}

    def goto(self, n):
        """Go to step n, and show it."""
        self.n = min(max(n, 0), max(0, self.recording.steps() - 1))
        self.show()

    def back(self, steps=1):
        """Go back."""
        self.goto(self.n - steps)

    def forward(self, steps=1):
        """Go forward."""
        self.goto(self.n + steps)

    def last(self, name):
        """Go to the step before the last change of a name, seen from here; says so when there is none."""
        earlier = [change for change in self.recording.changes(name).found if change[0] <= self.n]
        if not earlier:
            return write(sys.stdout, '%s did not change before step %d\n' % (name, self.n))
        self.goto(earlier[-1][0] - 1)

    def show(self):
        """Print the line of the step, and the names that it changes."""
        write(sys.stdout, 'step %d of %d  %s\n' % (self.n, self.recording.steps(), line_text(self.recording, self.n)))


def line_text(recording, n):
    """'path:line in frame  text' of a step, with the names that the step changes."""
    step = recording._steps[n]
    text = source_line(recording, step.path, step.line)
    names = ', '.join('%s = %s' % pair for pair in changed_names(recording, n))
    place = '%s:%d%s' % (os.path.basename(step.path), step.line, '' if step.frame == '<module>' else ' in ' +
        step.frame)
    return '%-24s %-10s%s%s' % (
        place, '' if step.event == 'line' else step.event, text, names and '        # ' + names)


def source_line(recording, path, line):
    """The text of a line, stripped."""
    text = recording.code if path == '<recorded>' else file_text(path)
    if text is None:
        return ''
    text = text if isinstance(text, text_type) else text.decode('utf-8', 'replace')
    lines = text.splitlines()
    found = lines[line - 1].strip() if 0 < line <= len(lines) else ''
    return native_text(found)


def changed_names(recording, n):
    """[(name, text of its new value)] of what step n changed, as the next step in the same frame finds it."""
    before, at = recording._world(n), n + 1
    while at < recording.steps() and recording._world(at).space is not before.space and at < n + 50:
        at += 1
    if at >= recording.steps() or recording._world(at).space is not before.space:
        return []
    old, new = recording.state(n), recording.state(at)
    shown = [(name, show_value(new[name])) for name in sorted(new) if not name.startswith('__')]
    return [(name, text) for name, text in shown if name not in old or show_value(old[name]) != text]


class RecordedScript(ReloadedScript):
    """Run a script as ReloadedScript does, and record it and the local modules that it imports.

    path, argv, module, entrypoint: see ReloadedScript.      engine: 'trace' or 'auto'.      max_steps, max_seconds:
    limits. recording: the Recording of the last run, or None.

    >>> RecordedScript('no such file')
    Traceback (most recent call last):
        ...
    HotloadError: no such file: there is no such script
    """

    def __init__(self, path=None, argv=(), module=None, engine='auto', max_steps=0, max_seconds=0, entrypoint=None):
        ReloadedScript.__init__(self, path, argv, entrypoint, module)
        self.engine = engine_of(engine)
        self.recording, self.max_steps, self.max_seconds, self.cursor = None, max_steps, max_seconds, None

    def run(self, changed=()):
        """Run and record it once; what it raises goes through."""
        if self.cursor is not None:             # what the prompt had
            for name, verb in self.cursor.verbs().items():
                if self.namespace.get(name) == verb:
                    del self.namespace[name]
            self.cursor = None
        ReloadedScript.run(self, changed)

    def execute(self, code):
        """Run its code, and record that."""
        def is_recorded(path):
            return path == self.path or fresh.is_local(path)
        text = file_text(self.path)
        self.recording = Recording(text)
        engine = self.engine(self.recording, is_recorded, file_text, None, self.max_steps, self.max_seconds)
        engine.flags = future_flags(code)
        code = engine.code_to_run(code)
        engine.run(lambda: ReloadedScript.execute(self, code), self.namespace)
        for note in self.recording.notes:
            say(note)
        error = self.recording.error
        if error is not None:
            reraise(error, traceback_of(error))

    def prompt_names(self):
        """What the prompt of -i has beside the script's names."""
        if self.recording is None:
            return {}
        self.cursor = self.cursor or Cursor(self.recording)
        return dict((name, verb) for name, verb in self.cursor.verbs().items() if name not in self.namespace)

    def show_past(self):
        """Print the last ten lines that ran before the error, and what they changed."""
        recording = self.recording
        if recording is None or recording.error is None or isinstance(recording.error, SystemExit):
            return
        lines = [n for n in range(recording.steps()) if recording.event(n) == 'line'][-10:]
        if lines:
            write(sys.stderr, 'The last %d lines that ran, and what they changed:\n' % len(lines))
            for n in lines:
                write(sys.stderr, '  %s\n' % line_text(recording, n))
            write(sys.stderr, 'Further back: hotload --record -i %s, then back(20), goto(%d) or last("name")\n' % (
                self.given, lines[0]))


def make_recorded(choice):
    """The step of `hotload --record`."""
    limits = []
    for name in ('max-steps', 'max-seconds'):
        try:
            limits.append(float(choice.get(name, 0)))
            if limits[-1] < 0:
                raise ValueError
        except ValueError:
            raise HotloadError('--%s %s: expected a number' % (name, choice[name]))
    return RecordedScript(choice.script, choice.argv, choice.module, 'auto', int(limits[0]), limits[1],
                          choice.get('entrypoint') or choice.function)


MODES.append(Mode('record', 'the whole script; the state at each of its steps is kept', make_recorded,
    [('', 'max-steps', 'N', 'end the run after N steps'), ('', 'max-seconds', 'S', 'end the run after S seconds')]))


##############################################################################
## 21. Scopes -- whose names are whose
##############################################################################
#
# Gives to those below the Scopes of a module's syntax tree, makers of nodes, and Shelf, which gives code objects
# constants of any kind. What is not understood raises Unsupported.

functools = Later('functools')
MAKES_FRAMES = ('locals', 'vars', 'dir', 'eval', 'exec', 'execfile')     # functions that look at the frame's names
SAFE_CALLS = frozenset(['print', 'sum'])


class Unsupported(Exception):
    """Raised for a text that is left to the trace engine; says why."""


class Shelf(object):
    """Objects that code is to have as constants: while it is compiled a text stands for each."""

    MARK = '\0hotload '

    def __init__(self):
        self.things, self.numbers = [], {}

    def text(self, thing):
        """The text that stands for an object."""
        number = self.numbers.get(id(thing))
        if number is None:
            number = self.numbers[id(thing)] = len(self.things)
            self.things.append(thing)
        return str('%s%d' % (self.MARK, number))

    def filled(self, code):
        """The code object with the objects in place of their texts."""
        def fill(const):
            if isinstance(const, str) and const.startswith(self.MARK):
                return self.things[int(const[len(self.MARK):])]
            if type(const) is tuple:
                return tuple(map(fill, const))
            if type(const) is CodeType:
                return self.filled(const)
            if isinstance(const, str) and HIDDEN_GENERATOR in const:    # names of functions and what is in them
                return const.replace(HIDDEN_GENERATOR, '<genexpr>')
            return const
        changes = {'co_consts': tuple(map(fill, code.co_consts))}
        for name in ('co_name', 'co_qualname'):
            text = getattr(code, name, '')
            if HIDDEN_GENERATOR in text:
                changes[name] = text.replace(HIDDEN_GENERATOR, '<genexpr>')
        return recode(code, **changes)


HIDDEN_GENERATOR = '.genexpr'


class Scope(object):
    """What has names of its own: a module, a class, a function, a comprehension.

    kind: 'module', 'class', 'function', 'comprehension'.      node, parent, chain: the names of the classes around.
    params: names.      stores, loads, shared (global statements), outer (nonlocal statements): sets of names.
    has_yield, sees_frame: whether it looks at its own names as a dict.      children.      frees: names of scopes
    around that it uses.      frame: the name of its code.      lines: those that have code.      first_line.      home: see Space; set when it runs.
    """

    def __init__(self, kind, node, parent, frame, chain=()):
        self.kind, self.node, self.parent, self.frame, self.chain = kind, node, parent, frame, chain
        self.params, self.stores, self.loads, self.shared, self.outer = [], {}, set(), set(), set()
        self.has_yield = self.sees_frame = self.is_expression = False
        self.children, self.frees, self.lines, self.first_line = [], set(), None, 1
        self.home, self.path, self.sites = None, None, {}
        if parent is not None:
            parent.children.append(self)

    def store(self, name, node=None):
        """Note that a name is bound by a node."""
        self.stores.setdefault(name, []).append(node)

    def site(self, event, line):
        """The Site of an event in a line."""
        if (event, line) not in self.sites:
            self.sites[event, line] = Site(event, max(line, 1), self.path, self.frame)
        return self.sites[event, line]

    def begins(self, namespace):
        """The code of the module begins to run; namespace: the Token of its names."""
        for scope in self.walk():
            scope.home = Home(namespace, scope.frame)

    def owner(self, name):
        """The Scope that a name belongs to; that of the module when it is global."""
        scope = self
        while True:
            if name in scope.shared:
                return scope.module()
            if name in scope.stores and name not in scope.outer and (scope is self or scope.kind != 'class'):
                return scope
            if scope.parent is None:
                return scope
            scope = scope.parent

    def module(self):
        """The Scope of the module."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def walk(self):
        """It and all scopes in it."""
        todo = [self]
        while todo:
            scope = todo.pop()
            yield scope
            todo += scope.children

    def finish(self):
        """Find out what all scopes use of those around them."""
        for child in self.children:
            child.finish()
        names = set(self.loads) | self.outer
        for child in self.children:
            names |= child.frees
        if self.kind in ('function', 'comprehension'):
            if 'super' in self.loads and not PY2 or '__class__' in self.loads:
                names.add('__class__')
        for name in names:
            owner = self.owner(name)
            if name == '__class__' and not PY2 and any(scope.kind == 'class' for scope in self._around()):
                self.frees.add(name)
            elif owner is not self and owner.kind in ('function', 'comprehension'):
                self.frees.add(name)
        if self.kind == 'class':
            self.frees.discard('__class__')

    def _around(self):
        scope = self.parent
        while scope is not None:
            yield scope
            scope = scope.parent


class ScopeReader(object):
    """Finds the scopes of a module's tree. of: {id of a node: its Scope}."""

    def __init__(self, body, chain=()):
        self.of, self.top = {}, Scope('module', None, None, '<module>')
        for node in body:
            self.read(node, self.top)
        self.top.finish()

    def read(self, node, scope):
        """Note what a node and those in it do with names."""
        kind = type(node).__name__
        if kind.startswith('Async') or kind in ('Await', 'YieldFrom', 'TypeAlias', 'TryStar'):
            raise Unsupported('%s in line %d' % (kind, getattr(node, 'lineno', 0)))
        handle = getattr(self, '_' + kind, None)
        if handle is not None:
            return handle(node, scope)
        self.parts(node, scope)

    def parts(self, node, scope):
        """Read the nodes directly in a node."""
        for part in inner_nodes(node):
            self.read(part, scope)

    def _Name(self, node, scope):
        name = mangled(node.id, scope.chain)
        if type(node.ctx).__name__ in ('Load', 'AugLoad'):
            scope.loads.add(name)
            if name in MAKES_FRAMES or name in ('_getframe', 'currentframe'):
                scope.sees_frame = True
        else:
            scope.store(name, node)

    def _FunctionDef(self, node, scope):
        scope.store(mangled(node.name, scope.chain), node)
        for part in node.decorator_list + [getattr(node, 'returns', None)]:
            if part is not None:
                self.read(part, scope)
        if getattr(node, 'type_params', None):
            raise Unsupported('type parameters in line %d' % node.lineno)
        inner = Scope('function', node, scope, node.name, scope.chain)
        self._parameters(node.args, scope, inner)
        inner.first_line = _first_line(node) + 1
        for part in node.body:
            self.read(part, inner)
        self.of[id(node)] = inner

    def _parameters(self, args, scope, inner):
        for part in args.defaults + [part for part in getattr(args, 'kw_defaults', ()) if part is not None]:
            self.read(part, scope)
        if PY2 and any(not isinstance(arg, _ast.Name) for arg in args.args):
            raise Unsupported('tuple parameters')
        ordered = [getattr(arg, 'arg', getattr(arg, 'id', None)) for arg in
                   list(getattr(args, 'posonlyargs', ())) + args.args + list(getattr(args, 'kwonlyargs', ()))]
        ordered += [getattr(arg, 'arg', arg) for arg in (args.vararg, args.kwarg) if arg]
        for arg in inner_nodes(args):
            if getattr(arg, 'annotation', None) is not None:
                self.read(arg.annotation, scope)
        for name in ordered:
            inner.params.append(mangled(name, inner.chain))
            inner.store(inner.params[-1])

    def _Lambda(self, node, scope):
        inner = Scope('function', node, scope, '<lambda>', scope.chain)
        inner.is_expression = True
        inner.first_line = node.lineno
        self._parameters(node.args, scope, inner)
        self.read(node.body, inner)
        self.of[id(node)] = inner
        if inner.has_yield:
            raise Unsupported('yield in a lambda')

    def _ClassDef(self, node, scope):
        scope.store(mangled(node.name, scope.chain), node)
        if getattr(node, 'type_params', None):
            raise Unsupported('type parameters in line %d' % node.lineno)
        for part in node.decorator_list + node.bases + list(getattr(node, 'keywords', ())):
            self.read(part, scope)
        inner = Scope('class', node, scope, node.name, scope.chain + (node.name,))
        inner.first_line = _first_line(node) + 1
        for part in node.body:
            self.read(part, inner)
        self.of[id(node)] = inner

    def _comprehension(self, node, scope):
        self.read(node.generators[0].iter, scope)
        if isinstance(node, _ast.ListComp) and LISTS_LEAK:
            inner = scope
        else:
            frame = COMPREHENSIONS[type(node).__name__]
            inner = Scope('function' if frame == '<genexpr>' else 'comprehension', node, scope, frame, scope.chain)
            inner.first_line, inner.has_yield = node.lineno, frame == '<genexpr>'
        for at, loop in enumerate(node.generators):
            if getattr(loop, 'is_async', 0):
                raise Unsupported('async comprehension in line %d' % node.lineno)
            self.read(loop.target, inner)
            if at:
                self.read(loop.iter, inner)
            for test in loop.ifs:
                self.read(test, inner)
        for part in (getattr(node, 'elt', None), getattr(node, 'key', None), getattr(node, 'value', None)):
            if part is not None:
                self.read(part, inner)
        self.of[id(node)] = inner

    _ListComp = _SetComp = _DictComp = _GeneratorExp = _comprehension

    def _NamedExpr(self, node, scope):
        self.read(node.value, scope)
        owner = scope
        while owner.kind == 'comprehension' or owner.frame == '<genexpr>':
            owner.loads.add(node.target.id)
            if owner.frame == '<genexpr>' and owner.parent.kind == 'function':
                owner.outer.add(node.target.id)
            owner = owner.parent
        name = mangled(node.target.id, owner.chain)
        owner.store(name, node)

    def _Yield(self, node, scope):
        scope.has_yield = True
        if scope.kind != 'function' or scope.frame == '<genexpr>':
            raise Unsupported('yield in a comprehension')
        self.parts(node, scope)

    def _Global(self, node, scope):
        scope.shared.update(mangled(name, scope.chain) for name in node.names)
        for name in node.names:
            scope.module().store(mangled(name, scope.chain), 'global')

    def _Nonlocal(self, node, scope):
        scope.outer.update(mangled(name, scope.chain) for name in node.names)

    def _Import(self, node, scope):
        for alias in node.names:
            if alias.name == '*':
                scope.module().sees_frame = True
                continue
            scope.store(mangled((alias.asname or alias.name).partition('.')[0], scope.chain), node)

    _ImportFrom = _Import

    def _Exec(self, node, scope):
        scope.sees_frame = True
        self.parts(node, scope)

    def _ExceptHandler(self, node, scope):
        if isinstance(node.name, string_types):
            scope.store(mangled(node.name, scope.chain), node)
        self.parts(node, scope)

    def _MatchAs(self, node, scope):
        if node.name:
            scope.store(mangled(node.name, scope.chain), node)
        self.parts(node, scope)

    _MatchStar = _MatchAs

    def _MatchMapping(self, node, scope):
        if node.rest:
            scope.store(mangled(node.rest, scope.chain), node)
        self.parts(node, scope)


def code_lines(code):
    """The lines that begin in a code object and can be reached."""
    import dis
    starts = list(dis.findlinestarts(code))
    lines = set(line for _, line in starts if line)
    if not JUMPS_ARE_THREADED:
        return lines
    targets, at, data, previous = set(dis.findlabels(code.co_code)), 0, bytearray(code.co_code), None
    begins = dict(starts)
    stops = [opcode.opmap[name] for name in ('JUMP_FORWARD', 'JUMP_ABSOLUTE', 'RETURN_VALUE', 'RAISE_VARARGS',
                                             'BREAK_LOOP', 'CONTINUE_LOOP') if name in opcode.opmap]
    alive = set()
    while at < len(data):
        if at in begins and (at == 0 or at in targets or previous not in stops):
            alive.add(begins[at])
        previous = data[at]
        at += 2 if HAS_WORDCODE else 3 if data[at] >= opcode.HAVE_ARGUMENT else 1
    return alive


# ---- making nodes

def _context(store):
    return _ast.Store() if store else _ast.Load()


def name_node(name, store=False):
    """A Name."""
    return _ast.Name(id=str(name), ctx=_context(store))


def text_node(text):
    """A literal text."""
    return _ast.Constant(value=text, kind=None) if HAS_CONSTANT_NODE else _ast.Str(s=text)


def number_node(number):
    """A literal number."""
    return _ast.Constant(value=number, kind=None) if HAS_CONSTANT_NODE else _ast.Num(n=number)


def call_node(function, *args):
    """A call with positional arguments."""
    made = _ast.Call(func=function, args=list(args), keywords=[])
    if HAS_STAR_FIELDS:
        made.starargs = made.kwargs = None
    return made


def item_node(box, number):
    """box[number]."""
    key = number_node(number)
    return _ast.Subscript(value=box, slice=_ast.Index(value=key) if HAS_INDEX_NODE else key, ctx=_ast.Load())


def tuple_node(parts):
    """A tuple."""
    return _ast.Tuple(elts=parts, ctx=_ast.Load())


def assign_node(target, value):
    """An assignment to one target."""
    return _ast.Assign(targets=[target], value=value, type_comment=None)


def if_node(test, body, orelse=()):
    """An if statement."""
    return _ast.If(test=test, body=list(body), orelse=list(orelse))


def choice_node(test, one, two):
    """A conditional expression."""
    return _ast.IfExp(test=test, body=one, orelse=two)


def within_node(part, box, negated=False):
    """part in box."""
    return _ast.Compare(left=part, ops=[_ast.NotIn() if negated else _ast.In()], comparators=[box])


def try_node(body, handlers=(), final=()):
    """A try statement with except clauses or a finally clause."""
    if not HAS_TRY_NODE:
        return (_ast.TryFinally(body=body, finalbody=list(final)) if final else
                _ast.TryExcept(body=body, handlers=list(handlers), orelse=[]))
    return _ast.Try(body=body, handlers=list(handlers), orelse=[], finalbody=list(final))


def raise_node():
    """A raise statement that raises again."""
    return _ast.Raise(type=None, inst=None, tback=None) if PY2 else _ast.Raise(exc=None, cause=None)


def placed(made, like):
    """The nodes, with the place of another in those that have none."""
    todo = [made] if isinstance(made, _ast.AST) else list(made)
    line, column = getattr(like, 'lineno', 1), getattr(like, 'col_offset', 0)
    end, end_column = getattr(like, 'end_lineno', line), getattr(like, 'end_col_offset', column)
    while todo:
        node = todo.pop()
        if 'lineno' in node._attributes:
            if hasattr(node, 'lineno'):
                continue                        # of the program, as is all in it
            node.lineno, node.col_offset = line, column
            if 'end_lineno' in node._attributes:
                node.end_lineno, node.end_col_offset = end, end_column
        todo += inner_nodes(node)
    return made


##############################################################################
## 22. Signs -- what instrumented code writes to the log
##############################################################################
#
# Gives to those below the Signs. Instrumented code appends them, each followed by its operands as they are, to the
# log; that is all that happens while the program runs. A Reader turns what was appended into steps, changes and
# tokens when somebody asks: each Sign has turn(), which does that for one.
#
# Frames have no number in the log: one that begins says so, and one that ends; what is written between belongs to
# it. A lambda that raises ends without saying so: that is seen by the next Sign, which is of another scope.


class Frame(object):
    """A frame that runs or is suspended. scope: a Scope.      space: a Space.      line: number of the line that runs.
    passing: whether an exception that has had its step goes through it.      waiting: Later step, see Leap. saved:
    .passing outside of `finally` clauses.
    """

    __slots__ = ('scope', 'space', 'line', 'passing', 'waiting', 'saved')

    def __init__(self, scope, space):
        self.scope, self.space, self.line = scope, space, scope.first_line
        self.passing, self.waiting, self.saved = False, None, []


class Sign(Op):
    """Something that instrumented code did, in the log until it is turned. scope: of the code.      size: see Op."""

    __slots__ = ('scope',)

    def __init__(self, scope, size=1):
        self.scope, self.size, self.act = scope, size, None

    def turn(self, reader, raw, at):
        """Add to the log what it means; its operands come next in `raw`."""


class LineSign(Sign):
    """A line runs next."""

    __slots__ = ('site', 'line')

    def __init__(self, scope, line):
        Sign.__init__(self, scope)
        self.site, self.line = scope.site('line', line), line

    def turn(self, reader, raw, at):
        """A step."""
        frame = reader.frame_of(self.scope)
        frame.line, frame.passing = self.line, False
        reader.add(self.site)


class TestSign(LineSign):
    """An except clause is looked at next."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """A step; the exception goes on."""
        frame = reader.frame_of(self.scope)
        frame.line = self.line
        reader.add(self.site)


class MoveSign(Sign):
    """A line runs again, without a step. line: its number."""

    __slots__ = ('line',)

    def __init__(self, scope, line):
        Sign.__init__(self, scope)
        self.line = line

    def turn(self, reader, raw, at):
        """Note the line."""
        reader.frame_of(self.scope).line = self.line


class LeapSign(Sign):
    """Something happens after the `with` blocks and `finally` clauses that are left now. signs: Signs without
    operands.      finals: number of the clauses.
    """

    __slots__ = ('signs', 'finals')

    def __init__(self, scope, signs, finals):
        Sign.__init__(self, scope)
        self.signs, self.finals = signs, finals

    def turn(self, reader, raw, at):
        """Keep it for then."""
        reader.frame_of(self.scope).waiting = [self.finals, self.signs]


class FinalSign(Sign):
    """A `finally` clause begins."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Set aside the exception that goes through."""
        frame = reader.frame_of(self.scope, False)
        frame.saved.append(frame.passing)
        frame.passing = False


class FinalEndSign(Sign):
    """A `finally` clause ends."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Take up the exception again, or the step that waited."""
        frame = reader.frame_of(self.scope, False)
        frame.passing = frame.saved.pop() if frame.saved else False
        waiting = frame.waiting
        if waiting is not None:
            waiting[0] -= 1
            if not waiting[0]:
                frame.waiting = None
                for sign in waiting[1]:
                    sign.turn(reader, raw, at)


class BindSign(Sign):
    """A name has the value that comes next. bind: a Bind."""

    __slots__ = ('bind', 'name', 'is_global')

    def __init__(self, scope, name, is_global, bind):
        Sign.__init__(self, scope, 2)
        self.name, self.is_global, self.bind = name, is_global, bind

    def turn(self, reader, raw, at):
        """Bind it."""
        frame, value = reader.frame_of(self.scope), raw[at + 1]
        known = self.scope.home.namespace.now if self.is_global else frame.space.now
        if type(value) not in ATOMS:
            value = reader.see(value)
        if known.get(self.name, MISSING) is not value:
            known[self.name] = value
            reader.put((self.bind, value))


class UnbindSign(BindSign):
    """A name was deleted. bind: an Unbind."""

    __slots__ = ()

    def __init__(self, scope, name, is_global, bind):
        BindSign.__init__(self, scope, name, is_global, bind)
        self.size = 1

    def turn(self, reader, raw, at):
        """Unbind it."""
        frame = reader.frame_of(self.scope)
        known = self.scope.home.namespace.now if self.is_global else frame.space.now
        if known.pop(self.name, MISSING) is not MISSING:
            reader.put((self.bind,))


class NamesSign(Sign):
    """All names of the frame come next, as a dict; `only`: of these alone."""

    __slots__ = ('only',)

    def __init__(self, scope, only=None):
        Sign.__init__(self, scope, 2)
        self.only = only

    def turn(self, reader, raw, at):
        """Bind and unbind what differs."""
        frame, names = reader.frame_of(self.scope), raw[at + 1]
        known = frame.space.now
        if self.only is not None:
            names = dict((name, names[name] if name in names else known[name]) for name in list(known) + list(
                self.only) if name in names or name not in self.only)
        reader._check_names(names, known, False)


class GlobalNamesSign(NamesSign):
    """Some names of the module come next, as a dict."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Bind and unbind what differs."""
        reader.frame_of(self.scope)
        known, names = self.scope.home.namespace.now, raw[at + 1]
        names = dict((name, names[name] if name in names else known[name]) for name in list(known) + list(self.only)
                     if name in names or name not in self.only)
        reader._check_names(names, known, True)


class CallSign(Sign):
    """A frame begins; its values come next. names: of the values.      site: of the 'call'."""

    __slots__ = ('names', 'site')

    def __init__(self, scope, names):
        Sign.__init__(self, scope, 1 + len(names))
        self.names, self.site = names, scope.site('call', scope.first_line)

    def turn(self, reader, raw, at):
        """Make its Space, and a step."""
        self.begin(reader, raw, at + 1, Space())

    def begin(self, reader, raw, at, space):
        """Make the Space the current one."""
        values = raw[at:at + len(self.names)]
        if not ATOMS.issuperset(map(type, values)):
            values = [value if type(value) in ATOMS else reader.see(value) for value in values]
        space.first = dict(zip(self.names, values))
        reader.begin(Frame(self.scope, space), self.site)


class CallGeneratorSign(CallSign):
    """A frame of a generator begins; its Space comes next, then values."""

    __slots__ = ()

    def __init__(self, scope, names):
        CallSign.__init__(self, scope, names)
        self.size += 1

    def turn(self, reader, raw, at):
        """Fill its Space, and a step."""
        self.begin(reader, raw, at + 2, raw[at + 1])
        reader.suspended[raw[at + 1]] = reader.stack[-1]


class NamesCallSign(CallSign):
    """A frame begins; a dict of its names comes next."""

    __slots__ = ()

    def __init__(self, scope):
        CallSign.__init__(self, scope, ())
        self.size = 2

    def turn(self, reader, raw, at):
        """Make its Space, and a step."""
        space = Space()
        space.first = dict((name, value if type(value) in ATOMS else reader.see(value))
                           for name, value in raw[at + 1].items() if name[:1] != '.' and not (
                               self.scope.kind == 'class' and name in ('__module__', '__qualname__')))
        reader.begin(Frame(self.scope, space), self.site)


class ReturnSign(Sign):
    """The frame ends."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """A step, and the frame that called goes on."""
        reader.end(reader.frame_of(self.scope))


class ErrorEndSign(Sign):
    """The frame ends by an exception."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Two steps."""
        frame = reader.frame_of(self.scope)
        reader.error(frame)
        reader.end(frame)


class YieldSign(ReturnSign):
    """A generator is suspended."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """A step, and the frame that called goes on."""
        reader.end(reader.frame_of(self.scope))


class ResumeSign(Sign):
    """A generator goes on; its Space comes next."""

    __slots__ = ('site',)

    def __init__(self, scope, line):
        Sign.__init__(self, scope, 2)
        self.site = scope.site('call', line)

    def turn(self, reader, raw, at):
        """A step."""
        reader.resume(raw[at + 1], self.site)


class GeneratorErrorSign(Sign):
    """An exception goes through a generator; its Space and the exception's class come next. ends: whether it ends it."""

    __slots__ = ('ends',)

    def __init__(self, scope, ends):
        Sign.__init__(self, scope, 3)
        self.ends = ends

    def turn(self, reader, raw, at):
        """Steps; it may have been resumed by the exception."""
        frame = reader.suspended.get(raw[at + 1])
        if frame is not None and frame not in reader.stack:
            if self.ends and CLOSING_IS_SILENT and raw[at + 2] is GeneratorExit:
                return                          # no code of its own saw it
            reader.resume(raw[at + 1], self.scope.site('call', frame.line))
        frame = reader.frame_of(self.scope)
        reader.error(frame)
        if self.ends:
            reader.end(frame)


class ErrorSign(Sign):
    """An exception goes through, or reached an except clause."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """A step, if it is a new one."""
        reader.error(reader.frame_of(self.scope))


class CaughtSign(Sign):
    """An except clause took the exception; or it is raised again. passing: which of them."""

    __slots__ = ('passing',)

    def __init__(self, scope, passing):
        Sign.__init__(self, scope)
        self.passing = passing

    def turn(self, reader, raw, at):
        """Note it."""
        reader.frame_of(self.scope).passing = self.passing


class ExhaustedSign(Sign):
    """A loop has no more items."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """A step if the iterator told so by an exception."""
        left = reader.just_left
        frame = reader.frame_of(self.scope)
        if left is not None and (left.passing or GENERATORS_TELL_END and left.scope.has_yield):
            frame.passing = False
            reader.error(frame)
            frame.passing = False


# ---- changes of objects

class ItemSign(Sign):
    """An item of a container was set: the container, the key and the value come next."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Set it."""
        reader.set_item(raw[at + 1], raw[at + 2], raw[at + 3])


class CutSign(Sign):
    """An item was deleted: the container and the key come next."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Delete it."""
        reader.cut_item(raw[at + 1], raw[at + 2])


class AttributeSign(Sign):
    """An attribute was set: the object and the value come next. name: of the attribute."""

    __slots__ = ('name',)

    def __init__(self, name):
        Sign.__init__(self, None, 3)
        self.name = name

    def turn(self, reader, raw, at):
        """Set it."""
        reader.set_attribute(raw[at + 1], self.name, raw[at + 2])


class CutAttributeSign(AttributeSign):
    """An attribute was deleted: the object comes next."""

    __slots__ = ()

    def __init__(self, name):
        AttributeSign.__init__(self, name)
        self.size = 2

    def turn(self, reader, raw, at):
        """Delete it."""
        reader.set_attribute(raw[at + 1], self.name, MISSING)


class PushSign(Sign):
    """A value was appended to a list or deque: it and the value come next."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Append it."""
        token, value = reader.awake(raw[at + 1]), raw[at + 2]
        if type(value) not in ATOMS:
            value = reader.see(value)
        token.now.append(value)
        reader.put((PUSH, token, value))


class SpliceSign(Sign):
    """A part of a list changed: it, the start, the end and the values come next."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Change it."""
        token = reader.awake(raw[at + 1])
        reader.note(token, [(SPLICE, token) + tuple(raw[at + 2:at + 4]) + (all_held(raw[at + 4]),)])


class PopSign(Sign):
    """An item was taken from a list or deque: it and the index come next."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Delete it."""
        token = reader.awake(raw[at + 1])
        key = raw[at + 2] + len(token.now) if raw[at + 2] < 0 else raw[at + 2]
        del token.now[key]
        reader.put((CUT, token, key))


class AddSign(Sign):
    """An element was added to a set, or discarded: it and the element come next. is_in: whether it was added."""

    __slots__ = ('is_in',)

    def __init__(self, is_in):
        Sign.__init__(self, None, 3)
        self.is_in = is_in

    def turn(self, reader, raw, at):
        """Add or remove it."""
        token, key = reader.awake(raw[at + 1]), raw[at + 2]
        known = token.now
        if type(known) is dict and is_safe_key(key):
            if (key in known) is not self.is_in:
                reader.note(token, [(SET, token, key, key) if self.is_in else (CUT, token, key)])
            return
        new = Keyed(known) if type(known) is Keyed else Keyed((id(old), old) for old in known)
        same = [old for old in new.values() if old is key or is_safe_key(key) and is_safe_key(old) and old == key]
        if bool(same) is not self.is_in:
            if self.is_in:
                new[id(key)] = reader.see(key)
            else:
                new = Keyed((number, old) for number, old in new.items() if old is not same[0])
            reader.note(token, [(PUT, token, new)])


class ContentSign(Sign):
    """An object has the content that comes after it."""

    __slots__ = ()

    def turn(self, reader, raw, at):
        """Write the difference."""
        token = reader.tokens[id(raw[at + 1])]
        reader.awake(raw[at + 1])
        changes = Past(raw[at + 2], token.kind).changes(token)
        if changes:
            reader.note(token, changes)


class Past(object):
    """Finds how the content of a token differs from one that was read before."""

    def __init__(self, content, kind):
        self.content, self.kind = content, kind

    def changes(self, token):
        """What must be added to the log, see Kind.changes."""
        old, new = token.now, self.content
        if self.kind is LIST:
            if len(old) == len(new) and all(lazy_map(same_objects, old, new)):
                return ()
            most, head, tail = min(len(old), len(new)), 0, 0
            while head < most and old[head] is new[head]:
                head += 1
            while tail < most - head and old[-1 - tail] is new[-1 - tail]:
                tail += 1
            return [(SPLICE, token, head, len(old) - tail, new[head:len(new) - tail])]
        if type(old) is dict and type(new) is dict:
            if len(old) == len(new) and list(old) == list(new) and all(
                    lazy_map(same_objects, old.values(), new.values())):
                return ()
            shared = [key for key in old if key in new]
            if list(new)[:len(shared)] == shared or not DICTS_ARE_ORDERED:
                return [(CUT, token, key) for key in old if key not in new] + [
                    (SET, token, key, new[key]) for key in new if old.get(key, MISSING) is not new[key]]
        return [(PUT, token, new)]


ITEM, CUT_ITEM, PUSHED, POPPED = ItemSign(None, 4), CutSign(None, 3), PushSign(None, 3), PopSign(None, 3)
ADDED, DISCARDED = AddSign(True), AddSign(False)
SPLICED, CONTENT = SpliceSign(None, 5), ContentSign(None, 3)


##############################################################################
## 23. Expressions -- calls that are looked at, generators and lambdas that tell of themselves
##############################################################################
#
# Gives to those below Expressions, which writes the log within expressions. Names are read again for the log where
# that is sure to run no code of the program; everything else goes by way of variables whose names begin with a dot,
# which no program can have. Whether a call can change anything is decided by the type of what is called, when it is.

NOTHING = []
NOT_SIMPLE = frozenset(['Call', 'Lambda', 'ListComp', 'SetComp', 'DictComp', 'GeneratorExp', 'Yield', 'NamedExpr'])
QUIET_MODULES = frozenset(['time', 'sys', 'os', 'functools', 'warnings', 'platform', 'locale'])


class Call(object):
    """What is known of a call in the text. names: those in it, whose values may be changed by it. deep: whether its
    arguments are made by calls.      count: of its arguments; first: the first one if it is a literal number.
    """

    def __init__(self, node):
        parts = list(node.args) + [word.value for word in node.keywords] + [node.func]
        parts += [part for part in (getattr(node, 'starargs', None), getattr(node, 'kwargs', None)) if part]
        inside = [sub for part in parts for sub in walk(part)]
        self.names = sorted(set(sub.id for sub in inside if isinstance(sub, _ast.Name)))
        self.deep = any(isinstance(sub, _ast.Call) for sub in inside)
        self.count, self.first, self.name = len(node.args), None, None
        if node.args and isinstance(node.args[0], _ast.Name):
            self.name = node.args[0].id
        if node.args and type(node.args[0]).__name__ in ('Num', 'Str', 'Constant'):
            self.first = number_of(node.args[0])

    def key(self, frame):
        """The first argument of a call that was made in a frame, or MISSING."""
        if self.name is None:
            return MISSING if self.first is None else self.first
        names = frame.f_locals
        return names[self.name] if self.name in names else frame.f_globals.get(self.name, MISSING)


def number_of(node):
    """What the node of a literal stands for."""
    return node.n if hasattr(node, 'n') and not hasattr(node, 'value') else constant_value(node)


class Expressions(object):
    """Instruments the expressions of one module. kit: the Kit of the engine.      traits: a Traits of the text.      reader: of the
    scopes.      shelf: of what the code has as constants.
    """

    def __init__(self, kit, body, code, reader, traits):
        self.kit, self.reader, self.traits, self.shelf = kit, reader, traits, Shelf()
        self.scope, self.top = reader.top, reader.top
        self.loops, self.walls, self.handlers, self.pre, self.calls = [], [], [], [], 0
        self.temps, self.late, self.units, self.inside = [], False, {}, 0
        self.settled = 0
        self._lines_of(code)

    def _lines_of(self, code):
        """Note which lines of each scope have code."""
        found, todo = {}, [code]
        while todo:
            part = todo.pop()
            found.setdefault((part.co_name, part.co_firstlineno), []).append(part)
            todo += [const for const in part.co_consts if type(const) is CodeType]
        self.top.first_line = code.co_firstlineno or 1
        for scope in self.top.walk():
            codes = [code] if scope is self.top else found.get((scope.frame, scope.first_line), ())
            scope.path, scope.lines = code.co_filename, set()
            for part in codes:
                scope.lines |= code_lines(part)

    # -- constants and logging

    def const(self, thing):
        """The node of an object as a constant."""
        return text_node(self.shelf.text(thing))

    def log(self, parts, like, flush=False):
        """Statements that write Signs and operands (nodes) to the log."""
        made = []
        if flush:
            made.append(if_node(self.is_pending(), [_ast.Expr(value=call_node(self.const(self.kit.flush)))]))
        if parts:
            made.append(_ast.Expr(value=self.logged(parts)))
        return placed(made, like)

    def logged(self, parts):
        """The expression that writes Signs and operands to the log; it gives None."""
        if type(parts[-1]) is LineSign and parts[-1].scope is self.scope and self.scope.kind == 'function':
            parts = list(parts[:-1]) + self.watched(False) + parts[-1:]
        nodes = [part if isinstance(part, _ast.AST) else self.const(part) for part in parts]
        if len(nodes) == 1:
            return call_node(self.const(self.kit.append), nodes[0])
        return call_node(self.const(self.kit.extend), tuple_node(nodes))

    def helper(self, name, *args):
        """The call of a helper, as an expression."""
        return call_node(self.const(getattr(self.kit, name)), *args)

    def is_pending(self):
        """The test whether calls have to be looked at. (A constant alone would be taken for the text that it is.)"""
        return _ast.Compare(left=self.const(self.kit.pending), ops=[_ast.NotEq()], comparators=[self.const(NOTHING)])

    def temp(self):
        """The name of a new variable that no program can have."""
        self.temps.append('.%d' % (len(self.temps) + 1))
        return self.temps[-1]

    # -- names

    def bind(self, name):
        """The Sign that a name (as in the text) was bound, and its value."""
        name = mangled(name, self.scope.chain)
        is_global = self.is_global(name)
        sign = self.kit.bind_sign(self.scope, name, is_global)
        node = name_node(name)
        if self.traits.has_generators:
            kind = call_node(self.const(type), name_node(name))
            node = choice_node(within_node(kind, self.const(MARKED)), self.helper('held', name_node(name)), node)
        return [sign, node]

    def unbind(self, name):
        """The Sign that a name was deleted."""
        name = mangled(name, self.scope.chain)
        return [self.kit.unbind_sign(self.scope, name, self.is_global(name))]

    def is_global(self, name):
        """Whether a name, mangled, is one of the module."""
        owner = self.scope.owner(name)
        return owner is self.top

    def is_stable(self, node, stored=()):
        """Whether reading a name again gives the same, whatever else runs meanwhile."""
        if type(node).__name__ in ('Num', 'Str', 'Bytes', 'NameConstant') or type(node).__name__ == 'Constant':
            return True
        if not isinstance(node, _ast.Name):
            return False
        name = mangled(node.id, self.scope.chain)
        if name in stored or name == '__class__':
            return False
        owner = self.scope.owner(name)
        if owner is self.top:
            return 'global' not in owner.stores.get(name, ()) and self.scope.kind != 'class'
        return owner is self.scope and owner.kind != 'class' and not self.is_shared(owner, name)

    @staticmethod
    def is_shared(owner, name):
        """Whether an inner scope binds a name of a function."""
        return any(name in scope.outer for scope in owner.walk() if scope is not owner)

    def operand(self, node, before, stored=()):
        """A node for the value of an expression, which can be used again and again."""
        if self.is_stable(node, stored):
            return node
        name = self.temp()
        before.append(placed(assign_node(name_node(name, True), self.expr(node)), node))
        return placed(name_node(name), node)

    # -- expressions

    def expr(self, node):
        """What stands for an expression."""
        made = getattr(self, '_x_' + type(node).__name__, self.children)(node)
        return placed(made, node)

    def children(self, node):
        """Instrument the expressions in a node; the node."""
        for name, part in fields(node):
            if isinstance(part, _ast.expr):
                setattr(node, name, self.expr(part))
            elif isinstance(part, list):
                part[:] = [self.expr(item) if isinstance(item, _ast.expr) else self.children(item) if isinstance(
                    item, _ast.AST) else item for item in part]
            elif isinstance(part, _ast.AST):
                self.children(part)
        return node

    def is_builtin(self, node, names):
        """Whether an expression is the name of a builtin, one of these."""
        if not isinstance(node, _ast.Name) or node.id not in names:
            return False
        owner = self.scope.owner(mangled(node.id, self.scope.chain))
        return owner is self.top and node.id not in owner.stores and not self.traits.has_star

    def is_own(self, name):
        """Whether a name always stands for a function or class of the program."""
        owner = self.scope.owner(name)
        nodes = owner.stores.get(name, ())
        if not nodes or self.traits.has_star or owner.kind == 'class':
            return False
        return all(self.is_own_node(node) for node in nodes)

    def is_own_node(self, node):
        if isinstance(node, FUNCTION_NODES):
            return not node.decorator_list
        if not isinstance(node, _ast.ClassDef) or node.decorator_list or getattr(node, 'keywords', None):
            return False
        if '__metaclass__' in self.reader.of[id(node)].stores or '__slots__' in self.reader.of[id(node)].stores and PY2:
            return False
        for base in node.bases:
            if not isinstance(base, _ast.Name):
                return False
            owner = self.top
            found = owner.stores.get(base.id, ())
            if found:
                if not all(isinstance(part, _ast.ClassDef) and part is not node and self.is_own_node(part) for part in found):
                    return False
            elif base.id != 'object' and not is_error_name(base.id):
                return False
        return True

    def is_trusted(self, node):
        """Whether calling what an expression gives changes nothing, or logs itself."""
        if isinstance(node, _ast.Name):
            name = mangled(node.id, self.scope.chain)
            if self.is_builtin(node, (name,)):
                return name in PURE_BUILTINS or name in SAFE_CALLS or is_error_name(name)
            return self.is_own(name) or self.imported(name, None)
        if isinstance(node, _ast.Attribute):
            value = node.value
            if type(value).__name__ in ('Str', 'JoinedStr') or type(value).__name__ == 'Constant' and isinstance(
                    value.value, (str, bytes)):
                return True
            return isinstance(value, _ast.Name) and self.imported(mangled(value.id, self.scope.chain), node.attr)
        return False

    def imported(self, name, attribute):
        """Whether a name always stands for something of a module that changes nothing."""
        owner = self.scope.owner(name)
        nodes = owner.stores.get(name, ())
        if not nodes or owner.kind == 'class':
            return False
        for node in nodes:
            if isinstance(node, _ast.Import) and attribute is not None:
                found = [alias.name for alias in node.names if (alias.asname or alias.name) == name]
                if not found or found[0] not in PURE_MODULES and found[0] not in QUIET_MODULES or attribute in IMPURE:
                    return False
            elif isinstance(node, _ast.ImportFrom) and attribute is None and not node.level:
                found = [alias.name for alias in node.names if (alias.asname or alias.name) == name]
                if not found or node.module not in PURE_MODULES and node.module not in QUIET_MODULES or found[0] in IMPURE:
                    return False
            else:
                return False
        return True

    def _x_Call(self, node):
        function = node.func
        if self.is_trusted(function):
            return self.children(node)
        self.calls += 1
        about = self.const(Call(node))
        parts = node.args + [word.value for word in node.keywords] + [part for part in (getattr(
            node, 'starargs', None), getattr(node, 'kwargs', None)) if part is not None]
        is_simple = not any(type(sub).__name__ in NOT_SIMPLE for part in parts for sub in walk(part))
        if isinstance(function, _ast.Attribute) and isinstance(function.value, _ast.Name) and self.is_stable(function.value):
            self.arguments(node)
            kind = call_node(self.const(type), function.value)
            test = within_node(kind, self.const(self.kit.quiet(mangled(function.attr, self.scope.chain))))
            other = placed(self.helper('prepare', function, about), function)
            if not is_simple:
                node.func = placed(choice_node(test, function, other), function)
                return node
            second = _ast.Call(func=other, args=node.args, keywords=node.keywords)
            if HAS_STAR_FIELDS:
                second.starargs, second.kwargs = node.starargs, node.kwargs
            return choice_node(test, node, placed(second, node))
        if isinstance(function, _ast.Name) and self.is_stable(function):
            self.arguments(node)
            test = within_node(self.helper('id', function), self.const(self.kit.harmless))
            node.func = placed(choice_node(test, function, self.helper('prepare', function, about)), function)
            return node
        node.func = placed(self.helper('prepare', self.expr(function), about), function)
        self.arguments(node)
        return node

    def arguments(self, node):
        """Instrument the arguments of a call."""
        node.args = [self.expr(part) for part in node.args]
        for word in node.keywords:
            word.value = self.expr(word.value)
        for name in ('starargs', 'kwargs'):
            if getattr(node, name, None) is not None:
                setattr(node, name, self.expr(getattr(node, name)))

    def _x_Subscript(self, node):
        key = key_node(node)
        if not self.traits.has_defaults or not isinstance(node.ctx, _ast.Load) or key is None:
            return self.children(node)
        self.calls += 1
        return call_node(placed(self.helper('getter', self.expr(node.value), self.expr(key)), node))

    def _x_Yield(self, node):
        calls = self.calls
        told = self.logged([self.kit.sign(YieldSign, self.scope)])
        if node.value is not None:
            value = self.expr(node.value)
            told = item_node(tuple_node([value] + ([self.flushing()] if self.calls > calls else []) + [told]), 0)
            self.calls = calls
        parts = [self.kit.resume_sign(self.scope, node.lineno), name_node('.g')]
        node.value = placed(told, node)
        return item_node(tuple_node([node, self.logged(parts + self.watched())]), 0)

    def _x_NamedExpr(self, node):
        node.value = self.expr(node.value)
        scope = self.scope
        while scope.kind == 'comprehension':
            scope = scope.parent
        if scope.frame == '<genexpr>' or scope.kind == 'class':
            raise Unsupported('an assignment expression in line %d' % node.lineno)
        kept, self.scope = self.scope, scope
        bind = self.bind(node.target.id)
        self.scope = kept
        return item_node(tuple_node([node, self.logged(bind)]), 0)

    def _x_Lambda(self, node):
        self.defaults(node.args)
        scope = self.reader.of[id(node)]
        kept = self.scope, self.inside, self.calls
        self.scope, self.inside = scope, self.inside + 1
        line = node.body.lineno
        body = self.expr(node.body)
        first = self.kit.line_sign(scope, line)
        sure = all(name in scope.owner(name).params for name in scope.frees)
        back = _ast.BoolOp(op=_ast.And(), values=[self.is_pending(), self.helper('called_back')])
        if sure:
            names = scope.params + sorted(scope.frees)
            start = self.logged([self.kit.call_sign(scope, tuple(names))] + [self.param(name) for name in scope.params] + [
                name_node(name) for name in sorted(scope.frees)] + [first])
        else:
            start = self.logged([self.kit.names_call_sign(scope), self.helper('dict', self.helper('locals')), first])
        end = self.logged([self.kit.sign(ReturnSign, scope)])
        flush = [self.flushing()] if self.calls > kept[2] else []
        node.body = placed(item_node(tuple_node([back, start, body] + flush + [end]), 2), node.body)
        self.scope, self.inside, self.calls = kept
        return node

    def _comprehension(self, node):
        node.generators[0].iter = self.expr(node.generators[0].iter)
        scope = self.reader.of[id(node)]
        for loop in node.generators:
            if any(not isinstance(leaf, _ast.Name) and type(leaf).__name__ != 'Starred' for leaf in self.leaves(loop.target)):
                raise Unsupported('the target of the comprehension in line %d' % node.lineno)
        kept = self.scope, self.inside
        self.scope, self.inside = scope, self.inside + 1
        for at, loop in enumerate(node.generators):
            if at:
                loop.iter = self.expr(loop.iter)
            loop.ifs = [self.expr(part) for part in loop.ifs]
            if scope is kept[0]:                # 2.7: its names are those of the frame
                bound = [part for leaf in self.leaves(loop.target) for part in self.bind(leaf.id)]
                loop.ifs.insert(0, placed(_ast.UnaryOp(op=_ast.Not(), operand=self.logged(bound)), node))
        for name in ('elt', 'key', 'value'):
            if getattr(node, name, None) is not None:
                setattr(node, name, self.expr(getattr(node, name)))
        self.scope, self.inside = kept
        return node

    _x_ListComp = _x_SetComp = _x_DictComp = _comprehension

    def _x_GeneratorExp(self, node):
        if self.inside:
            raise Unsupported('a generator expression inside of a lambda or comprehension in line %d' % node.lineno)
        source = self.expr(node.generators[0].iter)
        scope = self.reader.of[id(node)]
        if any(not isinstance(leaf, _ast.Name) for loop in node.generators for leaf in self.leaves(loop.target)):
            raise Unsupported('the target of the generator expression in line %d' % node.lineno)
        kept = self.scope, self.calls, self.pre, self.temps, self.late
        self.scope, self.pre, self.temps, self.late = scope, [], [], False
        scope.params, sign = [], self.kit.line_sign(scope, node.lineno)
        self.calls = 0
        value = self.expr(node.elt)
        flush = self.calls > 0
        made = placed([assign_node(name_node('.v', True), value)], node) + self.log([self.kit.sign(
            YieldSign, scope)], node, flush) + placed([_ast.Expr(value=_ast.Yield(value=name_node('.v')))], node)
        made += self.log([self.kit.resume_sign(scope, node.lineno), name_node('.g')] + self.watched() + [sign], node)
        for at in range(len(node.generators) - 1, -1, -1):
            loop = node.generators[at]
            calls = self.calls
            for test in reversed(loop.ifs):
                made = placed([if_node(self.expr(test), made)], node)
            flush = self.calls > calls
            changes = [part for leaf in self.leaves(loop.target) for part in self.bind(leaf.id)]
            calls = self.calls
            iterated = name_node('.0') if not at else self.expr(loop.iter)
            one = _ast.For(target=loop.target, iter=iterated, body=self.log(changes, node, self.calls > calls) + made,
                           orelse=self.log([self.kit.sign(ExhaustedSign, scope)], node, True), type_comment=None)
            made = placed([one], node)
        end = self.kit.sign(ReturnSign, scope)
        made = self.wrapped(made + self.log([end], node, True), node, self.error(True))
        made = self.beginning(scope, [sign], node) + made
        self.scope, self.calls, self.pre, self.temps, self.late = kept
        name = self.temp()
        self.pre += self.hidden_function(made, node)
        self.pre.append(placed(assign_node(name_node(name, True), name_node(HIDDEN_GENERATOR)), node))
        return call_node(name_node(name), call_node(self.const(iter), source))

    def hidden_function(self, body, like):
        """The statements that make a generator function with the one parameter of a generator expression."""
        if PY2:
            args = _ast.arguments(args=[_ast.Name(id='.0', ctx=_ast.Param())], vararg=None, kwarg=None, defaults=[])
        else:
            args = _ast.arguments(posonlyargs=[], args=[_ast.arg(arg='.0', annotation=None, type_comment=None)],
                                  vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[])
        made = _ast.FunctionDef(name=HIDDEN_GENERATOR, args=args, body=body, decorator_list=[], returns=None,
                                type_comment=None)
        if 'type_params' in made._fields:
            made.type_params = []
        return placed([made], like)

    def watched(self, resumed=True):
        """What binds the names that other scopes may have bound meanwhile. resumed: whether a generator goes on."""
        names = [name for name in self.scope.frees if any(node is not None for node in self.scope.owner(name).stores.get(
            name, ()))] if self.scope.has_yield and resumed else []
        names += self.rebound()
        if not names:
            return []
        return [self.kit.names_sign(self.scope, tuple(sorted(set(names)))), self.helper('dict', self.helper('locals'))]

    def rebound(self):
        """Names of this function, or of one around it, that another scope binds."""
        scope = self.scope
        if scope.kind != 'function':
            return []
        found = []
        for name in set(scope.frees) | set(scope.stores):
            owner = scope.owner(name)
            if owner.kind == 'function' and any(name in other.outer and other.owner(name) is owner
                                                for other in owner.walk()):
                found.append(name)
        return found


def unique(names):
    """The names, each once, in their order."""
    return [name for at, name in enumerate(names) if name not in names[:at]]


def declarations(node):
    """The global and nonlocal statements of a function or class, which stand before all else."""
    todo, found = list(getattr(node, 'body', ())) if isinstance(node, DEFINITIONS) else [], []
    while todo:
        part = todo.pop(0)
        if type(part).__name__ in ('Global', 'Nonlocal'):
            found.append(part)
        elif not isinstance(part, DEFINITIONS):
            todo = [inner for inner in inner_nodes(part)
                    if isinstance(inner, (_ast.stmt, _ast.excepthandler)) or type(inner).__name__ == 'match_case'] + todo
    return found


def is_true(node):
    """Whether the test of a loop is a constant that is true."""
    kind = type(node).__name__
    if kind == 'Num':
        return bool(node.n)
    return kind in ('Constant', 'NameConstant', 'Str') and bool(constant_value(node))


def is_error_name(name):
    """Whether it is the name of a builtin exception."""
    value = builtins_space.get(name)
    return isinstance(value, type) and issubclass(value, BaseException)


def set_key(node, key):
    """Give a subscript another key."""
    node.slice = _ast.Index(value=key) if HAS_INDEX_NODE else key


##############################################################################
## 24. Stores -- assignments and other simple statements
##############################################################################
#
# Gives to those below Stores. After a simple statement its changes are logged, and the Sign of what follows it. A
# target that is no plain name is stored in pieces, each evaluated once and in Python's order.

# {method: (kind of container, number of arguments, Sign)}
QUICK = {'append': ('list', 1, PUSHED), 'pop': ('list', 0, POPPED), 'popleft': ('deque', 0, POPPED),
         'add': ('set', 1, ADDED), 'discard': ('set', 1, DISCARDED)}


class Stores(Expressions):
    """Instruments the simple statements of one module; see Expressions."""

    # -- simple statements

    def _simple(self, node, after):
        calls = self.calls
        self.children(node)
        return self.ended(node, [node], self.leaked(node), after, calls)

    def _Pass(self, node, after):
        return [node] + self.log([after] if after is not None else [], node)

    def leaked(self, node):
        """What a 2.7 list comprehension in a statement binds."""
        if not LISTS_LEAK or self.scope.kind == 'class':
            return []
        names = set(part.id for sub in walk(node) if isinstance(sub, _ast.ListComp) for loop in sub.generators
                    for part in walk(loop.target) if isinstance(part, _ast.Name))
        if not names:
            return []
        if self.scope.kind == 'module':
            self.calls += 1
            return [self.kit.only_global_names(self.scope, tuple(sorted(names))), self.helper('dict', self.helper('globals'))]
        return [self.kit.names_sign(self.scope, tuple(sorted(names))), self.helper('dict', self.helper('locals'))]

    def _Exec(self, node, after):
        return self.audited(node, after)

    def _Global(self, node, after):
        return [node] if self.scope.kind == 'module' else placed([_ast.Pass()], node)     # see beginning()

    _Nonlocal = _Global

    def _Import(self, node, after):
        if any(alias.name == '*' for alias in node.names):
            return self.audited(node, after)
        changes = []
        for alias in node.names:
            changes += self.bind((alias.asname or alias.name).partition('.')[0])
        return self.ended(node, [node], changes, after, self.calls)

    _ImportFrom = _Import

    def _Delete(self, node, after):
        calls, made, changes = self.calls, [], []
        targets = [part for target in node.targets for part in self.leaves(target)]
        if self.plain_only(node):
            if any(not isinstance(target, _ast.Name) for target in targets):
                return self.audited(node, after)
        for target in targets:
            one = placed(_ast.Delete(targets=[target]), node)
            if isinstance(target, _ast.Name):
                made += self.log(self.unbind(target.id), node) + [one]     # a generator may end when it is deleted
            else:
                box = self.operand(target.value, made)
                target.value = box
                made += self.seen(box, node)
                if isinstance(target, _ast.Attribute):
                    made.append(one)
                    made += self.log([self.kit.cut_attribute_sign(mangled(target.attr, self.scope.chain)), box], node)
                elif key_node(target) is None or self.traits.has_hashes:
                    made.append(one)
                    made += placed([_ast.Expr(value=self.helper('changed', box))], node)
                else:
                    key = self.operand(key_node(target), made)
                    set_key(target, key)
                    made.append(one)
                    made += self.log([CUT_ITEM, box, key], node)
            changes = []
        return self.ended(node, made, changes, after, calls)

    def leaves(self, target):
        """The targets in nested tuples."""
        if isinstance(target, (_ast.Tuple, _ast.List)):
            return [part for inner in target.elts for part in self.leaves(inner)]
        return [target]

    def plain_only(self, node):
        """Whether no variables of ours may be made here, because the program could see them."""
        return self.scope.kind == 'class' or self.scope.sees_frame and self.scope.kind == 'function'

    def _Expr(self, node, after):
        if self.is_quick(node.value):
            return self.quick(node, node.value, after, None)
        return self._simple(node, after)

    def is_quick(self, node):
        """Whether it is a call of a method that is logged by what it does when the container is a plain one."""
        return (isinstance(node, _ast.Call) and isinstance(node.func, _ast.Attribute) and not self.plain_only(node)
                and QUICK.get(node.func.attr, (None, -1))[1] == len(node.args) and not node.keywords
                and not getattr(node, 'starargs', None) and not getattr(node, 'kwargs', None)
                and not any(type(arg).__name__ == 'Starred' for arg in node.args)
                and not (self.traits.has_hashes and node.func.attr in ('add', 'discard'))
                and not isinstance(node.func.value, (_ast.List, _ast.Dict)) and not self.is_trusted(node.func))

    def quick(self, node, call, after, target):
        """The call of such a method, as a statement or assigned to a name."""
        made, function, calls = [], call.func, self.calls
        boxes, _, sign = QUICK[function.attr]
        about = self.const(Call(call))
        box = function.value = self.operand(function.value, made)
        args = [self.expr(arg) for arg in call.args]
        flush = self.calls > calls
        changes = self.bind(target.id) if target is not None else []
        stored = [target.id] if target is not None else []
        if not args:
            one = call_node(function)
            parts = [sign, box, number_node(0 if function.attr == 'popleft' else -1)]
            fast = []
        elif self.is_stable(call.args[0], stored):
            one, fast, parts = call_node(function, args[0]), [], [sign, box, self.kept(args[0])]
        else:
            fast = [assign_node(name_node('.k', True), args[0])]
            one, parts = call_node(function, name_node('.k')), [sign, box, self.kept(name_node('.k'))]
        fast.append(assign_node(target, one) if target is not None else _ast.Expr(value=one))
        fast = placed(fast, node) + self.log(parts + changes + ([after] if after is not None else []), node, flush)
        if args and not self.is_stable(call.args[0], stored):
            fast.append(placed(_ast.Delete(targets=[_ast.Name(id='.k', ctx=_ast.Del())]), node))
        slow = call_node(self.helper('prepare', function, about), *args)
        slow = assign_node(target, slow) if target is not None else _ast.Expr(value=slow)
        slow = placed([slow], node) + self.log(changes + ([after] if after is not None else []), node, True)
        test = within_node(self.helper('id', box), self.const(self.kit.boxes[boxes]))
        made.append(placed(if_node(test, fast, slow), node))
        return self.ended(node, made, [], None, self.calls)

    # -- assignments

    def _Assign(self, node, after):
        calls, made = self.calls, []
        if len(node.targets) == 1 and isinstance(node.targets[0], _ast.Name) and self.is_quick(node.value):
            return self.quick(node, node.value, after, node.targets[0])
        leaves = [leaf for target in node.targets for leaf in self.leaves(target)]
        leaves = [getattr(leaf, 'value', leaf) if type(leaf).__name__ == 'Starred' else leaf for leaf in leaves]
        if all(isinstance(leaf, _ast.Name) for leaf in leaves):
            if self.traits.has_generators and len(node.targets) == 1 and isinstance(node.targets[0], _ast.Name) and len(
                    self.scope.owner(leaves[0].id).stores.get(leaves[0].id, ())) > 1 and not self.plain_only(node):
                value = self.operand(node.value, made)
                made += self.flushed(node) + self.log(self.bind(leaves[0].id)[:1] + [self.kept(value)], node)
                made.append(placed(assign_node(node.targets[0], value), node))      # a generator may end now
                return self.ended(node, made, self.leaked(node), after, calls)
            self.children(node)
            changes = self.leaked(node)
            for name in unique([leaf.id for leaf in leaves]):
                changes += self.bind(name)
            return self.ended(node, [node], changes, after, calls)
        if self.plain_only(node):
            self.children(node)
            return self.audited(node, after)
        stored = set(leaf.id for leaf in leaves if isinstance(leaf, _ast.Name))
        target, changes = node.targets[0], []
        if len(node.targets) == 1 and self.is_pairwise(target, node.value):
            values = [value for value in node.value.elts]
            self.unpacked(target.elts, values, made, stored, node)
            for part, value in zip(target.elts, values):
                self.store(part, value, made, changes, node, stored)
        else:
            value = self.operand(node.value, made, stored)
            for target in node.targets:
                self.store(target, value, made, changes, node, stored)
        return self.ended(node, made, changes + self.leaked(node), after, calls)

    def is_pairwise(self, target, value):
        """Whether a tuple is assigned to a tuple of the same length, without nesting."""
        return (isinstance(target, (_ast.Tuple, _ast.List)) and isinstance(value, (_ast.Tuple, _ast.List))
                and len(target.elts) == len(value.elts)
                and not any(type(part).__name__ in ('Starred', 'Tuple', 'List') for part in target.elts + value.elts))

    def unpacked(self, targets, values, made, stored, node):
        """Evaluate the values, in their order, into what can be used again."""
        for at, value in enumerate(values):
            values[at] = self.operand(value, made, stored)

    def store(self, target, value, made, changes, node, stored=()):
        """Add to `made` what stores a value (a node that can be used again) in a target, to `changes` what to log.

        stored: names that the statement binds.
        """
        kind = type(target).__name__
        if isinstance(target, _ast.Name):
            made.append(placed(assign_node(target, value), node))
            changes += self.bind(target.id)
        elif kind in ('Tuple', 'List'):
            names = []
            for at, part in enumerate(target.elts):
                is_rest = type(part).__name__ == 'Starred'
                name = self.temp()
                names.append((part.value if is_rest else part, name))
                fresh_name = name_node(name, True)
                target.elts[at] = _ast.Starred(value=fresh_name, ctx=_ast.Store()) if is_rest else fresh_name
            made.append(placed(assign_node(target, value), node))
            placed(target.elts, node)
            for part, name in names:
                self.store(part, placed(name_node(name), part), made, changes, node, stored)
        elif kind == 'Attribute':
            target.value = self.operand(target.value, made, stored)
            made += self.flushed(node) + self.seen(target.value, node)
            if target.attr == '__dict__':
                made += self.seen(value, node)
            made.append(placed(assign_node(target, value), node))
            changes += [self.kit.attribute_sign(mangled(target.attr, self.scope.chain)), target.value, self.kept(value)]
        else:
            target.value = self.operand(target.value, made, stored)
            key = key_node(target)
            if key is not None:
                key = self.operand(key, made, stored)
                set_key(target, key)
            else:
                self.children(target.slice)
            made += self.flushed(node) + self.seen(target.value, node)
            made.append(placed(assign_node(target, value), node))
            if changes:
                made += self.log(changes, node)
                del changes[:]
            if key is None:
                made += placed([_ast.Expr(value=self.helper('changed', target.value))], node)
            elif self.traits.has_hashes:
                made += placed([_ast.Expr(value=self.helper('stored', target.value, key, value))], node)
            else:
                changes += [ITEM, target.value, key, self.kept(value)]

    def flushed(self, like):
        """Before something is stored: what calls have changed is written first."""
        if self.calls == self.settled:
            return []
        self.settled = self.calls
        return self.log([], like, True)

    def kept(self, value):
        """A value as the log keeps it."""
        if self.traits.has_generators and isinstance(value, _ast.Name):
            kind = call_node(self.const(type), value)
            return choice_node(within_node(kind, self.const(MARKED)), self.helper('held', value), value)
        return value

    def seen(self, box, like):
        """See to it that the content of an object is known before it changes."""
        test = within_node(self.helper('id', box), self.const(self.kit.known), True)
        return placed([if_node(test, [_ast.Expr(value=self.helper('see', box))])], like)

    def _AnnAssign(self, node, after):
        if node.value is None or not isinstance(node.target, _ast.Name) and self.plain_only(node):
            if isinstance(node.target, _ast.Name):
                return self._simple(node, after) if node.value is not None else self.ended(node, [node], [], after,
                                                                                         self.calls)
            return self.audited(node, after)
        calls = self.calls
        if isinstance(node.target, _ast.Name):
            self.children(node)
            return self.ended(node, [node], self.bind(node.target.id), after, calls)
        return self.audited(node, after)

    def _AugAssign(self, node, after):
        calls, made, changes, target = self.calls, [], [], node.target
        number = type(node.value).__name__ in ('Num', 'Constant') and isinstance(
            number_of(node.value), (int, float, complex)) and not isinstance(node.op, _ast.Mult)
        if isinstance(target, _ast.Name):
            loaded = placed(name_node(target.id), target)
            if not number:
                made += self.grows(loaded, node)
            node.value = self.expr(node.value)
            made.append(node)
            return self.ended(node, made, self.bind(target.id), after, calls)
        if self.plain_only(node):
            self.children(node)
            return self.audited(node, after)
        target.value = self.operand(target.value, made)
        if isinstance(target, _ast.Subscript):
            key = key_node(target)
            if key is None:
                return self.audited(node, after)
            key = self.operand(key, made)
            set_key(target, key)
        name = self.temp()
        source = _ast.Attribute(value=target.value, attr=target.attr, ctx=_ast.Load()) if isinstance(
            target, _ast.Attribute) else _ast.Subscript(value=target.value, slice=target.slice, ctx=_ast.Load())
        if isinstance(target, _ast.Subscript) and self.traits.has_defaults:
            made += placed([_ast.Expr(value=self.helper('default', target.value, key))], node)
        made.append(placed(assign_node(name_node(name, True), placed(source, target)), node))
        if not number:
            made += self.grows(placed(name_node(name), target), node)
        made.append(placed(_ast.AugAssign(target=name_node(name, True), op=node.op, value=self.expr(node.value)), node))
        plain = placed(_ast.Attribute(value=target.value, attr=target.attr, ctx=_ast.Store()) if isinstance(
            target, _ast.Attribute) else _ast.Subscript(value=target.value, slice=target.slice, ctx=_ast.Store()), target)
        self.store(plain, placed(name_node(name), node), made, changes, node)
        return self.ended(node, made, changes, after, calls)

    def grows(self, value, like):
        """Before an operation that may change its operand in place."""
        self.calls += 1
        test = within_node(call_node(self.const(type), value), self.const(ATOMS), True)
        return placed([if_node(test, [_ast.Expr(value=self.helper('grows', value))])], like)


##############################################################################
## 25. Instrument -- source that writes the log
##############################################################################
#
# Gives to those below Instrumenter, which adds to the syntax tree of a module what writes the log.
#
# Who comes before a line writes that it runs next, together with what he changed: one call of the log's extend for
# both. So every statement is given the Sign of what follows it (`after`), and the first of a block is the business
# of whoever enters the block.

class Loop(object):
    """A loop around. again, after: what follows `continue` and `break`.      walls, handlers: how many were around it.
    holds: whether a generator may end when it is left.
    """

    def __init__(self, again, after, walls, handlers, holds=False):
        self.again, self.after, self.walls, self.handlers, self.holds = again, after, walls, handlers, holds


class Instrumenter(Stores):
    """Instruments one module; see Expressions."""

    # -- which lines have steps

    def site_of(self, start, end=None):
        """The LineSign of what stands in some lines, or None if Python has no event there."""
        if self.scope.lines.isdisjoint(range(start, (end or start) + 1)):
            return None
        return self.kit.line_sign(self.scope, start)

    def first(self, stmts, after, line):
        """What must be logged before a block is entered from a line: the Sign of its first line, if it is another."""
        for node in stmts:
            sign, is_same = self.head(node, line)
            if is_same:
                return None
            if sign is not None:
                return sign
        return after

    def head(self, node, line):
        """(the LineSign of a statement, whether it begins on that line and has none for this)."""
        kind = type(node).__name__
        sign = None
        if not kind.startswith('Try'):
            start = _first_line(node) + 1 if isinstance(node, DEFINITIONS) else node.lineno
            sign = self.site_of(start, self.head_end(node))
        if kind.startswith('Try') or sign is None and kind == 'While':      # `while True` may have no code
            for part in node.body:
                sign, is_same = self.head(part, line)
                if sign is not None or is_same:
                    return sign, is_same
            return None, False
        if sign is None:
            return None, False
        return (None, True) if start == line else (sign, False)

    def head_end(self, node):
        """The last line of a statement, or of its head if it holds others."""
        key = id(node)
        if key not in self.units:
            kind = type(node).__name__
            if isinstance(node, DEFINITIONS):
                end = max(node.lineno, node.body[0].lineno - 1)
            elif kind in ('If', 'While'):
                end = end_line(node.test)
            elif kind == 'For':
                end = end_line(node.iter)
            elif kind == 'With':
                end = max(end_line(part) for item in getattr(node, 'items', [node])
                          for part in (item.context_expr, item.optional_vars) if part)
            elif kind == 'Match':
                end = end_line(node.subject)
            else:
                end = end_line(node)
            self.units[key] = max(end, node.lineno)
        return self.units[key]

    def block(self, stmts, after, line):
        """The statements of a block; when it ends `after` has been logged. line: that which ran before it."""
        made, heads = [], []
        for node in stmts:
            heads.append(self.head(node, line))
            if heads[-1] != (None, False):
                line = self.head_end(node)
        for at, node in enumerate(stmts):
            following = after
            for sign, is_same in heads[at + 1:]:
                if sign is not None or is_same:
                    following = sign
                    break
            has_none = heads[at] == (None, False)
            made += self.statement(node, None if has_none else following, has_none)
        return made

    def statement(self, node, after, has_none):
        """What stands for a statement."""
        self.settled = self.calls
        if has_none and not type(node).__name__.startswith('Try'):
            return self._Global(node, None) if type(node).__name__ in ('Global', 'Nonlocal') else [node]    # no code
        kept = self.pre, self.temps
        self.pre, self.temps = [], []
        made = getattr(self, '_' + type(node).__name__, self._simple)(node, after)
        made = self.pre + made
        if self.temps and self.scope.kind != 'function' and not isinstance(node, _ast.Raise):
            made += placed([_ast.Expr(value=self.helper('tidy'))], node)
        self.pre, self.temps = kept
        return made

    def ended(self, node, made, changes, after, calls):
        """A simple statement with what it logs."""
        if self.scope.kind == 'class':
            changes = [self.kit.names_sign(self.scope), self.helper('dict', self.helper('locals'))]
        parts = changes + ([after] if after is not None else [])
        made = made + self.log(parts, node, self.calls > calls)
        if self.temps:
            gone = [name_node(name) for name in self.temps]
            for name in gone:
                name.ctx = _ast.Del()
            made.append(placed(_ast.Delete(targets=gone), node))
            self.temps = []
        return made

    def audited(self, node, after):
        """A statement that is left as it is; all that can be seen is compared after it."""
        made = placed([_ast.Expr(value=self.helper('before_audit'))], node) + [node]
        made += placed([_ast.Expr(value=self.helper('audit'))], node)
        return made + self.log([after] if after is not None else [], node)

    # -- statements that hold others

    def wrapped(self, made, like, signs, named=()):
        """Statements in a try that logs `signs` when an exception goes through them."""
        if not made:
            return made
        handler = _ast.ExceptHandler(type=None, name=None, body=self.log(list(signs), like, True) + placed(
            [raise_node()], like))
        return placed([try_node(made, [handler])], like)

    def error(self, ends=False):
        """What is logged when an exception goes through this scope."""
        if self.scope.has_yield:
            kind = item_node(call_node(self.const(sys.exc_info)), 0)
            return [self.kit.generator_error_sign(self.scope, ends), name_node('.g'), kind]
        return [self.kit.sign(ErrorEndSign if ends else ErrorSign, self.scope)]

    def entry(self, stmts, after, line, like, parts=(), flush=False):
        """A block with what is logged when it is entered."""
        sign = self.first(stmts, after, line)
        parts = list(parts) + ([sign] if sign is not None else [])
        if self.scope.kind == 'class' and len(parts) > (sign is not None):
            parts = [self.kit.names_sign(self.scope), self.helper('dict', self.helper('locals'))] + (
                [sign] if sign is not None else [])
        return self.log(parts, like, flush) + self.block(stmts, after, line)

    def _If(self, node, after):
        calls, line = self.calls, self.head_end(node)
        leaked = self.leaked(node.test)
        node.test = self.expr(node.test)
        flush = self.calls > calls
        node.body = self.entry(node.body, after, line, node, leaked, flush)
        node.orelse = self.entry(node.orelse, after, line, node, leaked, flush)
        return [node]

    def _While(self, node, after):
        calls, line = self.calls, self.head_end(node)
        is_endless, begin = is_true(node.test), []
        leaked = self.leaked(node.test)
        node.test = self.expr(node.test)
        flush = self.calls > calls
        again = self.site_of(node.lineno, line)
        if is_endless and not ENDLESS_LOOPS_HAVE_STEPS:
            again = self.first(node.body, None, None)
            self.loops.append(Loop(again, after, len(self.walls), len(self.handlers)))
            node.body = self.block(node.body, again, line)
            if self.site_of(node.lineno, line) is not None and again is not None:
                begin = self.log([again], node)
        else:
            self.loops.append(Loop(again, after, len(self.walls), len(self.handlers)))
            node.body = self.entry(node.body, again, line, node, leaked, flush)
        self.loops.pop()
        node.orelse = self.entry(node.orelse, after, line, node, leaked, flush)
        return begin + [node]

    def _For(self, node, after):
        calls, line = self.calls, self.head_end(node)
        changes = self.leaked(node.iter)
        is_plain = isinstance(node.iter, _ast.Call) and self.is_builtin(node.iter.func, ('range', 'xrange'))
        node.iter = self.expr(node.iter)
        flush = self.calls > calls
        again = self.site_of(node.lineno, line)
        leaves, made = self.leaves(node.target), []
        leaves = [leaf.value if type(leaf).__name__ == 'Starred' else leaf for leaf in leaves]
        if all(isinstance(leaf, _ast.Name) for leaf in leaves):
            for name in unique([leaf.id for leaf in leaves]):
                changes += self.bind(name)
        elif self.plain_only(node):
            raise Unsupported('the target of the loop in line %d' % node.lineno)
        else:
            target, name = node.target, self.temp()
            node.target = placed(name_node(name, True), target)
            self.store(target, placed(name_node(name), target), made, changes, node, [leaf.id for leaf in leaves if isinstance(leaf, _ast.Name)])
        self.loops.append(Loop(again, after, len(self.walls), len(self.handlers), self.traits.has_generators and not is_plain))
        node.body = made + self.entry(node.body, again, line, node, changes, flush)
        self.loops.pop()
        ends = [] if is_plain else [self.kit.sign(ExhaustedSign, self.scope)]
        sign = self.first(node.orelse, after, line)
        node.orelse = self.log(ends + ([sign] if sign is not None else []), node, flush) + self.block(
            node.orelse, after, line)
        return [node]

    def _leap(self, node, sign, loop):
        parts = [part for name, _ in self.handlers[loop.handlers:] for part in self.unbind(name)]
        walls = self.walls[loop.walls:]
        finals = sum(wall == 'finally' for wall in walls)
        if not walls and sign is not None and sign is loop.after and loop.holds:
            sign = self.kit.leap_sign(self.scope, [sign], 0)
        if walls and (sign is not None or finals and JUMPS_COME_BACK):
            back = self.site_of(node.lineno) if finals and JUMPS_COME_BACK else None
            sign = self.kit.leap_sign(self.scope, [part for part in (back, sign) if part is not None], finals)
        return self.log(parts + ([sign] if sign is not None else []), node) + [node]

    def _Break(self, node, after):
        return self._leap(node, self.loops[-1].after, self.loops[-1])

    def _Continue(self, node, after):
        return self._leap(node, self.loops[-1].again, self.loops[-1])

    def _Return(self, node, after):
        calls = self.calls
        parts = [part for name, _ in self.handlers for part in self.unbind(name)]
        is_plain = node.value is None or is_constant(node.value) and not isinstance(node.value, _ast.Name)
        if node.value is not None:
            node.value = self.expr(node.value)
        finals = sum(wall == 'finally' for wall in self.walls)
        if not self.late:
            parts.append(self.kit.sign(ReturnSign, self.scope))
        elif finals and JUMPS_COME_BACK:
            back = self.site_of(node.lineno, self.head_end(node))
            parts.append(self.kit.leap_sign(self.scope, [back], finals))
        elif self.walls and self.walls[0] != 'finally' and not WITH_ENDS_IN_BODY:
            parts.append(self.kit.move_sign(self.scope, self.walls[0]))
        flush = self.calls > calls
        if is_plain or not parts and not flush:
            return self.log(parts, node, flush) + [node]
        if self.plain_only(node):
            pieces = [node.value] + ([self.flushing()] if flush else []) + ([self.logged(parts)] if parts else [])
            node.value = placed(item_node(tuple_node(pieces), 0), node.value)
            return [node]
        made = placed([assign_node(name_node('.r', True), node.value)], node)
        node.value = placed(name_node('.r'), node.value)
        return made + self.log(parts, node, flush) + [node]

    def flushing(self):
        """An expression that looks at what calls may have changed; false."""
        return _ast.BoolOp(op=_ast.And(), values=[self.is_pending(), call_node(self.const(self.kit.flush))])

    def _Raise(self, node, after):
        parts = [getattr(node, name, None) for name in ('exc', 'type')]
        raised = [part for part in parts if part is not None]
        is_again = not raised and (self.handlers or PY2) or raised and isinstance(raised[0], _ast.Name) and any(
            name == raised[0].id for name, _ in self.handlers)
        self.children(node)
        return (self.log([self.kit.sign(CaughtSign, self.scope, True)], node) if is_again else []) + [node]

    def _Try(self, node, after):
        handlers, orelse = list(getattr(node, 'handlers', ())), list(getattr(node, 'orelse', ()))
        final = list(getattr(node, 'finalbody', ()))
        following = after
        if final:
            self.walls.append('finally')
            following = None
        body, line = node.body, None
        made = self.block(body, self.first(orelse, following, None) if orelse else following, line)
        if orelse:
            orelse = self.block(orelse, following, None)
        for at, handler in enumerate(handlers):
            self._handler(handler, at == 0, following, node)
        if handlers:
            made = [placed(try_node(made, handlers), node)]
            made[0].orelse = orelse
        if not final:
            return made
        self.walls.pop()
        end = self.kit.sign(FinalEndSign, self.scope)
        last = self.log([self.kit.sign(FinalSign, self.scope)], node) + self.entry(final, end, None, node)
        return placed([try_node(self.wrapped(made, node, self.error()), (), last)], node) + self.log(
            [after] if after is not None else [], node)

    _TryExcept = _TryFinally = _Try

    def _handler(self, handler, is_first, after, like):
        line = end_line(handler.type) if handler.type is not None else handler.lineno
        parts = self.error() if is_first else []
        if not self.scope.lines.isdisjoint(range(handler.lineno, max(line, handler.lineno) + 1)):
            parts = parts + [self.kit.test_sign(self.scope, handler.lineno)]
        name = handler.name if isinstance(handler.name, string_types) else getattr(handler.name, 'id', None)
        if handler.name is not None and name is None:
            raise Unsupported('the name in the except clause in line %d' % handler.lineno)
        start = []
        if handler.type is None:
            start = self.log(parts, handler, True)
        else:
            pieces = ([self.flushing()] if is_first else []) + ([self.logged(parts)] if parts else [])
            kind = self.expr(handler.type)
            if pieces:
                handler.type = placed(_ast.BoolOp(op=_ast.Or(), values=pieces + [kind]), handler.type)
        changes = [self.kit.sign(CaughtSign, self.scope, False)] + (self.bind(name) if name else [])
        is_cleared = name is not None and not PY2
        self.handlers.append((name, handler) if is_cleared else (None, handler))
        if not is_cleared:
            self.handlers.pop()
            self.bare += 1
        body = self.entry(handler.body, None if is_cleared else after, line, handler, changes)
        if is_cleared:
            gone = self.unbind(name)
            self.handlers.pop()
            body = self.wrapped(body, handler, self.error() + gone)
            body += self.log(gone + ([after] if after is not None else []), handler)
        else:
            self.bare -= 1
        handler.body = start + body

    bare = 0

    def _With(self, node, after):
        items = getattr(node, 'items', [node])
        line, flush = self.head_end(node), True
        stmts, changes, opened = node.body, [], []
        for item in items:
            manager = placed(self.helper('manager', self.expr(item.context_expr)), item.context_expr)
            target, made = item.optional_vars, []
            if target is not None:
                leaves = self.leaves(target)
                if all(isinstance(leaf, _ast.Name) for leaf in leaves):
                    for name in unique([leaf.id for leaf in leaves]):
                        changes += self.bind(name)
                elif self.plain_only(node):
                    raise Unsupported('the target of the with statement in line %d' % node.lineno)
                else:
                    name = self.temp()
                    self.store(target, placed(name_node(name), target), made, changes, node)
                    target = placed(name_node(name, True), target)
            if item is not items[-1]:
                made += self.log(changes, node)
                changes = []
            opened.append((manager, target, made))
        for _ in items:
            self.walls.append(node.lineno)
        body = self.entry(stmts, None, line, node, changes)
        del self.walls[len(self.walls) - len(items):]
        for manager, target, made in reversed(opened):
            body = self.wrapped(made + body, node, self.error())
            if hasattr(_ast, 'withitem'):
                one = _ast.With(items=[_ast.withitem(context_expr=manager, optional_vars=target)], body=body,
                                type_comment=None)
            else:
                one = _ast.With(context_expr=manager, optional_vars=target, body=body)
            body = placed([one], node)
        return body + self.log([after] if after is not None else [], node, True)

    def _Match(self, node, after):
        calls, line = self.calls, self.head_end(node)
        node.subject = self.expr(node.subject)
        flush, cases, names = self.calls > calls, [], []
        for case in node.cases:
            sign = self.site_of(case.pattern.lineno, max(end_line(case.pattern), end_line(case.guard)))
            pieces = [self.flushing()] if flush else []
            pieces.append(self.logged(self.captured(names) + ([sign] if sign is not None else [])) if
                          names or sign is not None else text_node(''))
            test = placed(_ast.BoolOp(op=_ast.Or(), values=pieces + [text_node('')]), case.pattern)
            cases.append(placed(_ast.match_case(pattern=placed(_ast.MatchAs(pattern=None, name=None), case.pattern),
                                                guard=test, body=placed([_ast.Pass()], case.pattern)), node))
            names += [part for sub in walk(case.pattern) for part in (getattr(sub, 'name', None), getattr(
                sub, 'rest', None)) if isinstance(part, string_types)]
            if case.guard is not None:
                case.guard = self.expr(case.guard)
            case.body = self.entry(case.body, after, max(end_line(case.pattern), end_line(case.guard)), node,
                                   self.captured(names), True)
            cases.append(case)
        last = self.log(self.captured(names) + ([after] if after is not None else []), node, flush)
        node.cases = cases
        wild = node.cases[-1].pattern
        if not (type(wild).__name__ == 'MatchAs' and wild.pattern is None and node.cases[-1].guard is None) and last:
            cases.append(placed(_ast.match_case(pattern=_ast.MatchAs(pattern=None, name=None), guard=None, body=last),
                                node))
            for sub in walk(cases[-1].pattern):
                placed(sub, node)
        return [node]

    def captured(self, names):
        """What a pattern may have bound."""
        if not names or self.scope.kind == 'class':
            return []
        chosen = tuple(sorted(set(mangled(name, self.scope.chain) for name in names)))
        if self.scope.kind == 'module':
            return [self.kit.only_global_names(self.scope, chosen), self.helper('dict', self.helper('globals'))]
        return [self.kit.names_sign(self.scope, chosen), self.helper('dict', self.helper('locals'))]

    # -- definitions

    def _FunctionDef(self, node, after):
        calls = self.calls
        is_known = all(self.is_known_decorator(part) for part in node.decorator_list)
        node.decorator_list = [self.expr(part) for part in node.decorator_list]
        self.defaults(node.args)
        self.function(node, self.reader.of[id(node)])
        if not is_known:
            return self.audited(node, after)
        return self.ended(node, [node], self.bind(node.name), after, calls)

    def _ClassDef(self, node, after):
        calls = self.calls
        is_known = all(self.is_known_decorator(part) for part in node.decorator_list)
        node.decorator_list = [self.expr(part) for part in node.decorator_list]
        node.bases = [self.expr(part) for part in node.bases]
        for word in getattr(node, 'keywords', ()):
            word.value = self.expr(word.value)
        self.function(node, self.reader.of[id(node)])
        if not is_known:
            return self.audited(node, after)
        return self.ended(node, [node], self.bind(node.name), after, calls)

    def defaults(self, args):
        """Instrument the defaults of parameters."""
        args.defaults = [self.expr(part) for part in args.defaults]
        if getattr(args, 'kw_defaults', None):
            args.kw_defaults = [part if part is None else self.expr(part) for part in args.kw_defaults]

    def is_known_decorator(self, node):
        """Whether a decorator changes nothing that can be seen, or logs itself."""
        if isinstance(node, _ast.Call):
            node = node.func
        name = node.attr if isinstance(node, _ast.Attribute) else getattr(node, 'id', None)
        if name in ('property', 'staticmethod', 'classmethod', 'setter', 'getter', 'deleter', 'wraps', 'lru_cache', 'cache',
                    'contextmanager', 'total_ordering', 'dataclass', 'abstractmethod', 'unique'):
            return True
        return isinstance(node, _ast.Name) and self.is_own(mangled(node.id, self.scope.chain))

    def function(self, node, scope):
        """Instrument the body of a function or class."""
        kept = self.scope, self.loops, self.walls, self.handlers, self.pre, self.temps, self.late, self.bare, self.inside
        self.scope, self.loops, self.walls, self.handlers, self.pre, self.temps = scope, [], [], [], [], []
        self.bare, self.inside = 0, 0
        self.late = scope.kind == 'function' and any(self.leaves_wall(part, False) for part in node.body)
        body = list(node.body)
        document = docstring_node(body)
        head = [body.pop(0)] if document is not None else []
        node.body = head + self.framed(body, scope, node, node.body)
        (self.scope, self.loops, self.walls, self.handlers, self.pre, self.temps, self.late, self.bare,
            self.inside) = kept

    def framed(self, body, scope, node, whole):
        """The body of a scope with its beginning and its end."""
        like = whole[0] if whole else node
        end = self.kit.sign(ReturnSign, scope)
        after = None if self.late else end
        first = self.first(whole, after, None)
        if first is after and scope.kind == 'function' and scope.lines:
            first = self.kit.line_sign(scope, max(scope.lines))
            first = [first, after] if after is not None else [first]
        else:
            first = [first] if first is not None else []
        made = self.beginning(scope, first, like)
        inner = self.block(body, after, None)
        if scope.kind == 'class' and len(body) < len(whole):            # its docstring is a line that runs
            following = self.first(body, after, self.head_end(whole[0]))
            inner = self.log([self.kit.names_sign(scope), self.helper('dict', self.helper('locals'))] + (
                [following] if following is not None else []), like) + inner
        if self.late:
            inner = self.wrapped(inner, like, self.error())
            inner = placed([try_node(inner, (), self.log([self.kit.sign(ReturnSign, scope)], like))], like)
        else:
            inner = self.wrapped(inner, like, self.error(True))
        return made + inner

    def beginning(self, scope, first, like):
        """What is logged when a frame begins."""
        made = list(declarations(scope.node))
        if scope.kind == 'function':
            made += placed([if_node(self.is_pending(), [_ast.Expr(value=self.helper('called_back'))])], like)
        if scope.kind == 'class':
            names = [self.kit.names_sign(scope), self.helper('dict', self.helper('locals'))]
            return made + self.log([self.kit.names_call_sign(scope), names[1]] + names + first, like)
        frees = sorted(scope.frees)
        values = [self.param(name) for name in scope.params]
        if scope.has_yield:
            made += placed([assign_node(name_node('.g', True), call_node(self.const(Space)))], like)
            values.insert(0, name_node('.g'))
        start = self.log([self.kit.call_sign(scope, tuple(scope.params + frees))] + values + [
            name_node(name) for name in frees] + first, like)
        if not frees:
            return made + start
        if scope.has_yield:
            other = self.log([self.kit.call_sign(scope, tuple(scope.params))] + values + [self.kit.names_sign(scope),
                             self.helper('dict', self.helper('locals'))] + first, like)
        else:
            other = self.log([self.kit.names_call_sign(scope), self.helper('dict', self.helper('locals'))] + first, like)
        handler = _ast.ExceptHandler(type=self.const(NameError), name=None, body=other)
        return made + placed([try_node(start, [handler])], like)

    def param(self, name):
        """The value of a parameter, as the log keeps it."""
        return self.kept(name_node(name))

    def leaves_wall(self, node, inside):
        """Whether something in a statement leaves a `with` block or a `finally` clause's try early."""
        kind = type(node).__name__
        if isinstance(node, DEFINITIONS):
            return False
        if kind == 'Return' and inside:
            return True
        if kind == 'With' or getattr(node, 'finalbody', None) or kind == 'For' and self.traits.has_generators:
            inside = True
        return any(self.leaves_wall(part, inside) for part in inner_nodes(node)
                   if isinstance(part, (_ast.stmt, _ast.excepthandler)) or type(part).__name__ == 'match_case')

    def module(self, body, node):
        """The statements of a module, instrumented."""
        document = docstring_node(body)
        whole, head = list(body), []
        if document is not None:
            head.append(body[0])
        while len(body) > len(head) and isinstance(body[len(head)], _ast.ImportFrom) and (
                body[len(head)].module == '__future__'):
            head.append(body[len(head)])
        rest = body[len(head):]
        scope = self.top
        end = self.kit.sign(ReturnSign, scope)
        like = whole[0] if whole else node
        first, heads = self.first(whole, end, None), []
        begin = placed([_ast.Expr(value=self.helper('module_begins', self.const(scope)))], like)
        begin += self.log([first] if first is not None else [], like)
        futures = []
        for part in head:
            if part is document:
                continue
            if not futures:
                pass
            futures.append(part)
        signs = [self.head(part, None)[0] for part in whole]
        binds = []
        for part in futures:
            following = [sign for sign in signs[whole.index(part) + 1:] if sign is not None]
            for alias in part.names:
                binds += self.bind(alias.asname or alias.name)
            binds += following[:1] or [end]
        if document is not None:
            following = [sign for sign in signs[1:] if sign is not None]
            name = self.kit.bind_sign(scope, '__doc__', True)
            if signs[0] is not None:
                binds = [name, name_node('__doc__')] + (following[:1] or [end]) + binds
        inner = (self.log(binds, like) if binds else []) + self.block(rest, end, None)
        return head + begin + self.wrapped(inner, like, self.error(True))


##############################################################################
## 24. Operations -- what instrumented code calls
##############################################################################
#
# Gives to those below Operations: what happens beside list.append and list.extend while instrumented code runs. An
# object's content is read before it changes for the first time; a method of a plain container is looked at when its
# statement ends; and so is all that can be reached from the names of a call into the unknown.


class Pending(object):
    """A call that may change something. frame: that made it.      box, size: a container and its length before, or
    None.      roots: values.      name: of the method.      about: a Call.
    """

    __slots__ = ('frame', 'box', 'size', 'roots', 'name', 'about')

    def __init__(self, frame, box=None, size=0, roots=None, name=None, about=None):
        self.frame, self.box, self.size, self.roots, self.name, self.about = frame, box, size, roots, name, about


def own_frame(frame):
    """The frame, or the one that a comprehension's belongs to."""
    while frame.f_code.co_name in ('<listcomp>', '<setcomp>', '<dictcomp>'):
        frame = frame.f_back
    return frame


class Operations(Engine):
    """The part of the engine that runs beside the program."""

    def __init__(self, *args, **options):
        Engine.__init__(self, *args, **options)
        self.pending, self.known, self.boxes, self.harmless, self.managers = [], {}, {}, {}, []
        self.boxes.update(list={}, set={}, deque={})
        self.quiet_types, self.shadowed, self.hides_all = {}, set(), False

    # -- what is known of objects

    def snap(self, value):
        """Know the content of an object from now on, but not yet those of its parts."""
        key = id(value)
        token = self.tokens.get(key)
        if token is None and type(value) not in MARKED:
            kind = self.kind_of(value)[0]
            token = self.tokens.get(key)
            if token is None and kind is not None:
                token = self.make_token(value)
            elif kind is None:
                self.kept.append(value)
        if token is not None and token.now is None and token not in self.asleep:
            self._follow(token, [])
            self.shallow.add(token)
            if token.body is not None:
                self._follow(token.body, [])
            content = token.body.now if token.body is not None else token.now
            if (token.kind is INSTANCE or token.body is not None) and content and content[0] is not None:
                self.snap(content[0])
        self.known[key] = True
        if token is not None:
            kind = type(value)
            if kind is list or kind is set or kind is collections.deque and value.maxlen is None:
                self.boxes[kind.__name__][key] = True

    def make_token(self, value):
        """The Token of an object that can change, made."""
        kind, has_body = self.kind_of(value)
        token = self.tokens.get(id(value))
        if token is None:
            token = self.tokens[id(value)] = Token(value, kind, None)
            if kind is CLASS:
                self.classes.append(value)
            if has_body:
                token.body = Token(value, INSTANCE, None)
        return token

    def quiet(self, name):
        """The set of types whose method of that name changes nothing, or logs itself; it grows."""
        if name not in self.quiet_types:
            found = set(ATOM_TYPES) | set([tuple, frozenset]) | set(MARKED)
            found.update(cls for cls, names in MUTATORS.items() if name not in names)
            self.quiet_types[name] = found
        return self.quiet_types[name]

    def shadow(self, names, all_of_them):
        """Attributes of instances may have these names: what a class has there is not what is called."""
        self.shadowed.update(names)
        self.hides_all = self.hides_all or all_of_them
        for name in list(self.quiet_types):
            if self.hides_all or name in self.shadowed:
                found = self.quiet_types[name]
                found.difference_update([cls for cls in found if cls not in ATOMS and cls not in MUTATORS
                                         and cls not in MARKED and cls not in (tuple, frozenset)])

    # -- calls

    def prepare(self, function, about):
        """Before a call of something that is not known when the code is made; the function itself."""
        kind = type(function)
        if kind is BOUND_METHOD:
            inner, owner = function.__func__, function.__self__
            if type(inner) is FunctionType and self.is_own_code(inner.__code__):
                cls, name = type(owner), inner.__name__
                if not self.hides_all and name not in self.shadowed and type(cls) is type and '__getattribute__' not in [
                        part for base in cls.__mro__[:-1] for part in vars(base)] and getattr(
                        vars(self.home_of(cls, name)).get(name), '__code__', None) is inner.__code__:
                    self.quiet(name).add(cls)
                return function
            if inner.__name__ in ALL_MUTATORS and any(base in MUTATORS for base in type(owner).__mro__):
                return self.prepare_method(function, owner, inner.__name__, about)
            self.unknown(function, about)
            return function
        elif kind is FunctionType:
            if self.is_own_code(function.__code__):
                self.harmless[id(function)] = function
                return function
        elif kind is type(len) or kind.__name__ == 'method-wrapper':
            owner, name = getattr(function, '__self__', None), function.__name__
            if owner is not None and type(owner) is not type(sys):
                return self.prepare_method(function, owner, name, about)
        elif self.is_own_class(kind) and type(vars(self.home_of(kind, '__call__')).get('__call__')) is FunctionType:
            return function
        is_text = any(function is other for other in RUNS_TEXT)
        if self.is_harmless(function) and not is_text or type(function).__name__ in (
                '_lru_cache_wrapper',) and self.is_harmless(function.__wrapped__):
            if kind is not BOUND_METHOD:
                self.harmless[id(function)] = function
            return function
        self.unknown(function, about)
        return function

    @staticmethod
    def home_of(cls, name):
        """The first of a class's bases that has the name."""
        return ([base for base in cls.__mro__ if name in vars(base)] or [cls])[0]

    def prepare_method(self, function, owner, name, about):
        """Before a method in C."""
        cls = type(owner)
        if cls in ATOMS or cls in MARKED or cls is tuple or cls is frozenset:
            return function
        if isinstance(owner, class_types):
            if name not in ('__setattr__', '__delattr__', '__new__', 'fromkeys', '__init__', '__prepare__'):
                if getattr(owner, '__module__', None) in BUILTIN_NAMES:
                    return function
            self.unknown(function, about)
            return function
        base = [base for base in cls.__mro__ if base in MUTATORS]
        if base:
            if name in MUTATORS[base[0]] or name in ('__setitem__', '__delitem__', '__missing__', '__getitem__'):
                if name == 'sort' or about.deep:    # its items, or the arguments, may be code that looks at it
                    self.sync()
                    self.see(owner)
                self.snap(owner)
                for part in self.pending:
                    if part.box is owner:
                        self.settle_box(part)
                self.pending.append(Pending(self.caller(), owner, len_of(owner),
                                            None, name, about))
            return function
        if getattr(cls, '__module__', None) in ('_io', 'io', 're', '_sre', 'datetime', '_random', '_struct', '_csv',
                                                'itertools') and name not in ('readinto', 'readinto1', 'pack_into'):
            return function
        self.unknown(function, about)
        return function

    def caller(self):
        """The frame of the program that called."""
        frame = sys._getframe(1)
        while frame.f_code.co_filename == OWN_FILE:
            frame = frame.f_back
        return own_frame(frame)

    def unknown(self, function, about):
        """Before a call into the unknown: all that can be reached from what it is given is looked at after it."""
        frame = self.caller()
        inner = sys._getframe(1)
        while inner.f_code.co_filename == OWN_FILE:
            inner = inner.f_back
        self.sync()
        is_text = any(function is other for other in RUNS_TEXT)
        names, space = inner.f_locals, inner.f_globals
        roots = [function] + [names.get(name, space.get(name)) for name in about.names]
        if type(function) in (BOUND_METHOD, type(len)) and function.__self__ is not None:
            roots.append(function.__self__)
        for root in roots:
            if type(root) not in ATOMS:
                self.see(root)
        self.done = len(self.log)
        if is_text or about.deep:
            roots = None
        elif not self.can_change(roots):
            return
        self.pending.append(Pending(frame, None, 0, roots, 'exec' if is_text else None, about))

    def can_change(self, roots):
        """Whether anything that is followed can be reached from values."""
        todo, seen = [root for root in roots if type(root) not in ATOMS], set()
        while todo:
            value = todo.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            token = self.tokens.get(id(value))
            if token is not None and token.now is not None and token.kind not in (OPAQUE, VALUE):
                return True
            if type(value) in INERT or isinstance(value, class_types) or value is self.put:
                continue
            if len(seen) > 200:
                return True
            if type(value) is FunctionType:
                todo += [cell for cell in value.__closure__ or ()] + list(value.__defaults__ or ())
            else:
                todo += gc.get_referents(value)
        return False

    def flush(self):
        """After a statement: write what its calls have changed."""
        frame = self.caller()
        pending, alive = self.pending, None
        while pending:
            last = pending[-1]
            if last.frame is not frame:
                if alive is None:
                    alive, above = set(), frame
                    while above is not None:
                        alive.add(above)
                        above = above.f_back
                if last.frame in alive:
                    break
            pending.pop()
            self.settle(last, frame)

    def called_back(self):
        """When a function of the program is called while a call is pending: what has it changed so far?"""
        for part in list(self.pending):
            self.settle(part, part.frame)

    def settle(self, part, frame):
        """Write what a call has changed."""
        if part.box is not None:
            return self.settle_box(part)
        self.sync()
        if part.roots is None:
            self.audit_all(frame, part.name == 'exec')
        else:
            try:
                self.reach(part.roots)
            except Unsure:
                self.audit_all(frame, False)
        self.done = len(self.log)

    def settle_box(self, part):
        """Write what a method has changed in a container."""
        box, before, name, cls = part.box, part.size, part.name, type(part.box)
        size, put, about = len_of(box), self.put, part.about
        part.size = size
        if isinstance(box, list) or isinstance(box, collections.deque) and box.maxlen is None:
            base = list if isinstance(box, list) else collections.deque
            if name in ('append', 'extend', '+=') and size >= before and base is list:
                if size > before:
                    put((SPLICED, box, before, before, list.__getitem__(box, slice(before, None))))
                return
            if name == 'append' and size == before + 1:
                return put((PUSHED, box, held(base.__getitem__(box, -1))))
            if name == 'appendleft' and size == before + 1:
                return put((SPLICED, box, 0, 0, [held(base.__getitem__(box, 0))]))
            if name in ('pop', 'popleft') and size == before - 1 and (not about.count or type(about.first) is int):
                return put((POPPED, box, 0 if name == 'popleft' else about.first if about.count else -1))
        elif name in ('add', 'discard', 'remove') and size == before:
            return
        key = about.key(part.frame) if about is not None and cls in MUTATORS else MISSING
        if key is not MISSING and is_safe_key(key):
            if isinstance(box, set) and name in ('add', 'discard', 'remove') and abs(size - before) == 1:
                return put((ADDED if size > before else DISCARDED, box, key))
            if isinstance(box, dict) and not PY2 and name in ('setdefault', 'pop'):
                value = dict.get(box, key, MISSING)
                if size < before:
                    return put((CUT_ITEM, box, key))
                return put((ITEM, box, key, held(value))) if value is not MISSING else None
        self.changed(box)

    def changed(self, box):
        """Write how an object differs from what the log has of it."""
        token = self.tokens.get(id(box))
        if token is None or token.kind in (OPAQUE, VALUE):
            return
        if type(box) in MUTATORS and len_of(box) <= 64:
            return self.put((CONTENT, box, token.kind.read(box)))
        self.sync()
        self.see(box)
        if token.now is not None:
            self.whole(box)
        self.done = len(self.log)

    def grows(self, value):
        """Before an operation like += on what is no atom."""
        if isinstance(value, (list, dict, set, bytearray, collections.deque, array.array)):
            self.snap(value)
            self.pending.append(Pending(self.caller(), value, len_of(value), None, '+='))

    def stored(self, box, key, value):
        """After an item was set, in a program whose classes have a __hash__ or __eq__ of their own."""
        if type(key) in ATOMS or not isinstance(box, dict):
            self.put((ITEM, box, key, held(value)))
        else:
            self.changed(box)

    def default(self, box, key):
        """Before an item is read that a defaultdict may make."""
        if isinstance(box, collections.defaultdict):
            self.snap(box)
            self.pending.append(Pending(self.caller(), box, len_of(box), None, 'default'))

    def getter(self, box, key):
        """What reads an item when it is called."""
        self.default(box, key)
        return functools.partial(operator.getitem, box, key)

    def manager(self, value):
        """Before a `with` statement; the manager."""
        cls = type(value)
        if not (self.is_own_class(cls) or getattr(cls, '__module__', None) in (
                '_io', 'io', '_thread', 'thread', 'threading', 'codecs', 'contextlib') + BUILTIN_NAMES):
            self.sync()
            self.pending.append(Pending(self.caller(), None, 0, None, None, None))
            self.managers.append(self.caller())
        return value

    # -- looking at everything

    @staticmethod
    def tidy():
        """Remove variables of ours from the names of a module or class."""
        names = sys._getframe(1).f_locals
        for name in [name for name in names if name[:1] == '.']:
            del names[name]

    def before_audit(self):
        """Before a statement that is not understood."""
        self.sync()

    def audit(self):
        """After a statement that is not understood."""
        self.flush()
        self.sync()
        self.audit_all(self.caller(), True)
        self.done = len(self.log)

    def audit_all(self, frame, with_names):
        """Compare everything that is followed, and the names of a frame."""
        if with_names and self.stack:
            current = self.frame_of(self.stack[-1].scope)
            if frame.f_code.co_name != '<module>' and current.scope.frame == frame.f_code.co_name:
                names = local_names(frame)
                self._check_names(dict((name, names[name]) for name in names if name[:1] != '.'), current.space.now, False)
            namespace = current.scope.home.namespace
            names = dict((name, value) for name, value in namespace.obj.items() if name[:1] != '.')
            self._check_names(names, namespace.now, True)
        for token in list(self.followed):
            if token.now is not None:
                changes = token.kind.changes(token)
                if changes:
                    self.note(token, changes)

    def module_begins(self, scope):
        """When the code of a module begins to run."""
        self.sync()
        frame = sys._getframe(1)
        scope.begins(self.names_of(frame.f_globals))
        self.done = len(self.log)
        self.put((self.module_sign(scope), ))

    def module_sign(self, scope):
        """The Sign of the 'call' of a module."""
        return CallSign(scope, ())


def len_of(box):
    """The length of a container, whatever its class says."""
    base = native_base(type(box), MUTATORS)
    return base.__len__(box)


##############################################################################
## 25. Rewrite -- the fast engine
##############################################################################
#
# Gives to record() and RecordedScript the engine 'rewrite', which turns what instrumented code wrote into the log.

class Traits(object):
    """What a text has in it. has_generators: that may be kept in names.      has_hashes: classes whose instances are
    keys in their own way.      has_defaults: defaultdicts.      has_star: names that nobody can know. stored: names
    of attributes that it sets.      hides: whether it sets attributes by other ways.
    """

    def __init__(self, body, reader):
        nodes = [node for part in body for node in walk(part)]
        names = set(getattr(node, 'id', None) for node in nodes) | set(getattr(node, 'attr', None) for node in nodes)
        words = names | set(alias.name for node in nodes if isinstance(node, (_ast.Import, _ast.ImportFrom))
                            for alias in node.names)
        modules = set(alias.name.partition('.')[0] for node in nodes if isinstance(node, _ast.Import)
                      for alias in node.names) | set((node.module or '').partition('.')[0] for node in nodes
                                                     if isinstance(node, _ast.ImportFrom))
        for name in ('threading', '_thread', 'thread', 'asyncio', 'multiprocessing', 'concurrent', 'gc', 'weakref',
                     'signal', 'inspect', 'dis'):
            if name in modules:
                raise Unsupported('it imports %s' % name)
        for name in ('cached_property', 'settrace', '__getattribute__', '__build_class__', '_getframe', 'currentframe',
                     '__del__', 'f_locals', 'f_back'):
            if name in words:
                raise Unsupported('it uses %s' % name)
        defined = set(node.name for node in nodes if isinstance(node, FUNCTION_NODES))
        if '__del__' in defined or '__prepare__' in defined or '__getattribute__' in defined:
            raise Unsupported('a class of it has a special method that is left to trace')
        for scope in reader.top.walk():
            if scope.kind == 'function' and scope.loads & set(['locals', 'vars', 'dir', 'eval', 'exec', 'execfile']):
                raise Unsupported('a function of it looks at its own names')
        called = set(id(node.func) for node in nodes if isinstance(node, _ast.Call))
        if words & set(['map', 'filter', 'reduce', 'partial', 'imap', 'ifilter', 'starmap', 'key', 'defaultdict']) and any(
                isinstance(node, _ast.Attribute) and node.attr in ALL_MUTATORS and id(node) not in called
                and isinstance(node.ctx, _ast.Load) for node in nodes):
            raise Unsupported('methods that change lists are given away')
        self.has_generators = any(scope.has_yield and scope.frame != '<genexpr>' for scope in reader.top.walk()) or (
            any(isinstance(node, (_ast.Assign, _ast.Return)) and isinstance(node.value, _ast.GeneratorExp) for node in nodes))
        self.has_hashes = bool(defined & set(['__hash__', '__eq__', '__cmp__'])) or 'dataclass' in words
        self.has_defaults = 'defaultdict' in words or '__missing__' in defined
        self.has_star = '*' in words
        self.stored = set(node.attr for node in nodes if isinstance(node, _ast.Attribute)
                          and not isinstance(node.ctx, _ast.Load))
        self.hides = bool(words & set(['setattr', '__dict__', '__setattr__', '__class__', 'delattr']))


class Kit(object):
    """What Instrumenter puts into code, by name."""

    def __init__(self, engine):
        self.engine, self.signs = engine, {}
        self.append, self.extend, self.id, self.dict = engine.log.append, engine.log.extend, id, dict
        self.locals, self.globals = locals, globals
        self.pending, self.known, self.boxes, self.harmless = engine.pending, engine.known, engine.boxes, engine.harmless
        self.see, self.held, self.quiet = engine.snap, held, engine.quiet
        for name in ('tidy', 'flush', 'prepare', 'called_back', 'changed', 'grows', 'stored', 'default', 'getter', 'manager',
                     'audit', 'before_audit', 'module_begins'):
            setattr(self, name, getattr(engine, name))

    def sign(self, kind, *args):
        """A Sign, the same for the same arguments."""
        key = (kind,) + tuple(id(part) if isinstance(part, Scope) else part for part in args)
        if key not in self.signs:
            self.signs[key] = kind(*args)
        return self.signs[key]

    def bind_sign(self, scope, name, is_global):
        """See BindSign."""
        return self.sign(BindSign, scope, name, is_global, self.engine.binds(name, is_global)[0])

    def unbind_sign(self, scope, name, is_global):
        """See UnbindSign."""
        return self.sign(UnbindSign, scope, name, is_global, self.engine.binds(name, is_global)[1])

    def line_sign(self, scope, line):
        """See LineSign."""
        return self.sign(LineSign, scope, line)

    def test_sign(self, scope, line):
        """See TestSign."""
        return self.sign(TestSign, scope, line)

    def move_sign(self, scope, line):
        """See MoveSign."""
        return self.sign(MoveSign, scope, line)

    def leap_sign(self, scope, signs, finals):
        """See LeapSign."""
        return LeapSign(scope, signs, finals)

    def resume_sign(self, scope, line):
        """See ResumeSign."""
        return self.sign(ResumeSign, scope, line)

    def call_sign(self, scope, names):
        """See CallSign."""
        return self.sign(CallGeneratorSign if scope.has_yield else CallSign, scope, names)

    def names_call_sign(self, scope):
        """See NamesCallSign."""
        return self.sign(NamesCallSign, scope)

    def names_sign(self, scope, only=None):
        """See NamesSign."""
        return self.sign(NamesSign, scope, only)

    def only_global_names(self, scope, only):
        """See GlobalNamesSign."""
        return self.sign(GlobalNamesSign, scope, only)

    def generator_error_sign(self, scope, ends):
        """See GeneratorErrorSign."""
        return self.sign(GeneratorErrorSign, scope, ends)

    def attribute_sign(self, name):
        """See AttributeSign."""
        return self.sign(AttributeSign, name)

    def cut_attribute_sign(self, name):
        """See CutAttributeSign."""
        return self.sign(CutAttributeSign, name)


class Rewriter(Operations):
    """Runs instrumented code and turns what it wrote into the log of a Recording; see Engine."""

    def __init__(self, recording, *args):
        Operations.__init__(self, recording, *args)
        self.given, self.other, self.reason = args, None, None
        self.stack, self.here, self.suspended, self.just_left = [], None, {}, None
        self.done, self.shallow, self.asleep, self.live = 0, set(), {}, {}
        self.kit = Kit(self)
        self.recording.reader = self.sync
        self.recording.engine = 'rewrite'

    # -- code

    def code_to_run(self, code):
        """The code object with what writes the log in it; or as it is, and left to the trace engine."""
        try:
            if self.callback or self.max_steps or self.max_seconds:
                raise Unsupported('there are limits')
            return self.instrumented(code)
        except Unsupported as reason:
            self.leave(reason)
            return code

    def leave(self, reason):
        """Leave the run to the trace engine."""
        recording = self.recording
        recording.reader, recording.engine, self.reason = None, 'trace', str(reason)
        self.other = Engine(recording, *self.given)
        self.other.flags, self.classes = self.flags, self.other.classes

    def instrumented(self, code):
        """The code object, instrumented; raises Unsupported."""
        text = self.text_of(code.co_filename)
        if text is None:
            raise Unsupported('its text is not at hand')
        tree = compile(text, code.co_filename, 'exec', _ast.PyCF_ONLY_AST | self.flags, True)
        reader = ScopeReader(tree.body)
        traits = Traits(tree.body, reader)
        maker = Instrumenter(self.kit, tree.body, code, reader, traits)
        tree.body = maker.module(tree.body, tree)
        self.shadow(traits.stored, traits.hides)
        with quiet_warnings():
            made = compile(tree, code.co_filename, 'exec', self.flags, True)
        return maker.shelf.filled(made)

    def call_tracer(self):
        """The function for sys.settrace: none."""

    # -- reading what was written

    def sync(self):
        """Turn what was written since the last time into steps and changes."""
        log = self.log
        if len(log) <= self.done:
            return
        raw, at = log[self.done:], 0
        del log[self.done:]
        end, most = len(raw), self.most()
        while at < end:
            entry = raw[at]
            if isinstance(entry, Sign):
                entry.turn(self, raw, at)
            else:
                self.put(raw[at:at + entry.size])
            at += entry.size
            if len(log) > most:
                self.keyframe()
                most = self.most()
        self.done = len(log)

    def most(self):
        """The length of the log at which a keyframe is due."""
        return self.recording.keyframes[-1].at + max(ENTRIES_BETWEEN, 4 * self.visible)

    def frame_of(self, scope, leaps=True):
        """The Frame that runs code of a scope, made the current one; frames above it have ended by exceptions."""
        stack = self.stack
        frame = stack[-1] if stack else None
        if frame is None or frame.scope is not scope:
            if not any(part.scope is scope for part in stack):
                raise LookupError('%s in line %d' % (scope.frame, scope.first_line))
            while stack[-1].scope is not scope:
                self.enter_space(stack[-1])
                self.error(stack[-1])
                self.end(stack[-1])
            frame = stack[-1]
        self.just_left = None
        if self.here is not frame.space:
            self.enter_space(frame)
        if leaps and frame.waiting is not None and not frame.waiting[0]:
            waiting, frame.waiting = frame.waiting, None
            for sign in waiting[1]:
                sign.turn(self, None, 0)
        return frame

    def enter_space(self, frame):
        """Make the space of a frame the current one."""
        self.here = frame.space
        self.put((ENTER, frame.space))

    def begin(self, frame, site):
        """A frame begins."""
        frame.space.home = frame.scope.home
        frame.space.now = frame.space.first.copy()
        self.stack.append(frame)
        self.live[frame] = frame.space
        self.just_left = None
        self.enter_space(frame)
        self.add(site)

    def end(self, frame):
        """A frame ends or is suspended."""
        if self.here is not frame.space:
            self.enter_space(frame)
        self.add(frame.scope.site('return', frame.line))
        self.stack.pop()
        self.just_left = frame
        if frame.passing and self.stack:
            self.stack[-1].passing = False
        if frame.scope.has_yield is False or frame.passing:
            self.live.pop(frame, None)

    def resume(self, space, site):
        """A generator goes on."""
        frame = self.suspended.get(space)
        if frame is None:
            return
        self.stack.append(frame)
        self.just_left = None
        frame.passing = False
        self.enter_space(frame)
        self.add(site)

    def error(self, frame):
        """An exception reaches a frame."""
        if not frame.passing:
            self.add(frame.scope.site('exception', frame.line))
            frame.passing = True

    # -- objects

    def see(self, value):
        """Follow an object that is visible from now on, and all in it. Gives what the log keeps of it."""
        if type(value) in MARKED:
            return held(value)
        todo, tokens, shallow = [value], self.tokens, self.shallow
        while todo:
            part = todo.pop()
            cls = type(part)
            if cls in ATOMS:
                continue
            token = tokens.get(id(part))
            if token is None:
                if cls in (tuple, frozenset):
                    todo += part
                    continue
                if cls in MARKED or self.kind_of(part)[0] is None:
                    continue
                token = self.make_token(part)
            for one in (token, token.body):
                if one is None:
                    continue
                if one.now is None:
                    self._follow(one, todo)
                elif token in shallow:
                    todo += [inner for inner in one.kind.parts(one) if type(inner) not in ATOMS]
            shallow.discard(token)
        return value

    def _follow(self, token, todo):
        """Note the content of a token from now on."""
        content = self.asleep.pop(token, None)
        if content is None:
            content = token.kind.read(token.obj)
        if token.first is None:
            token.first = content
        else:
            self.put((PUT, token, content))
        token.now = token.kind.copy(content)
        todo += [part for part in token.kind.parts(token) if type(part) not in ATOMS]
        if token.kind is not OPAQUE and token.kind is not VALUE:
            self.followed.append(token)

    def awake(self, box):
        """The Token of an object that a change is about, or None."""
        token = self.tokens.get(id(box))
        if token is None:
            return None
        if token.now is None or token in self.shallow:
            self.see(box)
        return token

    def set_item(self, box, key, value):
        """An item of a container was set."""
        token, cls = self.awake(box), type(box)
        if token is None:
            return
        if type(value) not in ATOMS:
            value = self.see(value)
        known = token.now
        if token.kind is LIST or token.kind is BYTES:
            if cls not in MUTATORS and self.has_own(cls, '__setitem__'):
                return
            if type(key) is not int:
                key = operator.index(key)
            if known[key] is not value:
                known[key] = value
                self.put((SET, token, key, value))
        elif token.kind is DICT:
            if cls not in MUTATORS and self.has_own(cls, '__setitem__'):
                return
            if type(known) is dict and is_safe_key(key) or type(known) is not Keyed and is_safe_key(key):
                if known.get(key, MISSING) is not value:
                    known[key] = value
                    self.put((SET, token, key, value))
            else:
                self.set_keyed(token, known, key, value)

    def set_keyed(self, token, known, key, value):
        """An item of a dict was set whose keys are not all plain; MISSING as value: deleted."""
        new = Keyed(known) if type(known) is Keyed else Keyed((id(old), (old, part)) for old, part in known.items())
        if type(key) in ATOMS:
            same = [number for number, pair in new.items() if type(pair[0]) in ATOMS and pair[0] == key]
            number = same[0] if same else id(key)
        else:
            number = id(key)
        if value is MISSING:
            new.pop(number, None)
        else:
            new[number] = new.get(number, (key,))[0], value
            self.see(key)
        self.note(token, [(PUT, token, new)])

    @staticmethod
    def has_own(cls, name):
        """Whether a class has that method in Python."""
        for base in cls.__mro__:
            if name in vars(base):
                return type(vars(base)[name]) is FunctionType
        return False

    def cut_item(self, box, key):
        """An item was deleted."""
        token, cls = self.awake(box), type(box)
        if token is None or cls not in MUTATORS and self.has_own(cls, '__delitem__'):
            return
        known = token.now
        if token.kind is LIST or token.kind is BYTES:
            del known[key]
            self.put((CUT, token, key))
        elif type(known) is Keyed or not is_safe_key(key):
            self.set_keyed(token, known, key, MISSING)
        elif key in known:
            del known[key]
            self.put((CUT, token, key))

    def set_attribute(self, owner, name, value):
        """An attribute was set, or deleted if the value is MISSING."""
        token, cls = self.awake(owner), type(owner)
        if type(value) not in ATOMS and value is not MISSING:
            value = self.see(value)
        if name == '__dict__' and token is not None and token.kind in (INSTANCE, ERROR):
            body = token if token.kind is INSTANCE else token.body
            return self.note(body, [(PUT, body, (value,) + tuple(body.now[1:]))])
        if cls is type(sys):
            token = self.modules.get(id(vars(owner)))
            return self.set_or_cut(token, name, value) if token is not None else None
        if token is None:
            return
        if token.kind is CLASS:
            hidden = name.startswith('__') and name.endswith('__') or type(value) in TEXT_TYPES
            return self.set_or_cut(token, name, MISSING if hidden else value)
        body = token if token.kind is INSTANCE else token.body
        if body is None or cls not in _OLD_LAYOUTS and (
                self.has_own(cls, '__setattr__' if value is not MISSING else '__delattr__')):
            return
        for base in getattr(cls, '__mro__', ()):
            found = vars(base).get(name, MISSING)
            if found is MISSING:
                continue
            if type(found) is SlotType:
                slots = [slot for slot, _ in layout(cls)[1]]
                if name in slots:
                    new = list(body.now)
                    new[1 + slots.index(name)] = value
                    if body.now[1 + slots.index(name)] is not value:
                        self.note(body, [(PUT, body, tuple(new))])
                return
            if hasattr(type(found), '__set__'):
                if token.kind is ERROR:
                    self.check(token)
                return
            break
        if body.now[0] is not None:
            inner = self.awake(body.now[0])
            if inner is not None:
                self.set_or_cut(inner, name, value)

    def set_or_cut(self, token, name, value):
        """A name in a dict was bound, or unbound if the value is MISSING."""
        known = token.now
        if type(known) is Keyed:
            return self.set_keyed(token, known, name, value)
        if value is MISSING:
            if name in known:
                del known[name]
                self.put((CUT, token, name))
        elif known.get(name, MISSING) is not value:
            known[name] = value
            self.put((SET, token, name, value))

    def keyframe(self):
        """Keep the content of all that can be reached; what cannot be is not followed any more."""
        contents, followed, todo = {}, [], []
        for token in list(self.modules.values()) + list(self.live.values()):
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
            for one in (token, token.body):
                if one is not None and one.now is not None:
                    contents[one] = one.kind.copy(one.now)
                    size += len(one.now) + 1
                    if one.kind is not OPAQUE and one.kind is not VALUE:
                        followed.append(one)
                    todo += one.kind.parts(one)
        for token in self.followed:
            if token not in contents:
                self.asleep[token] = token.now
                token.now = None
        self.followed[:] = followed
        self.visible = size
        self.recording.keyframes.append(Keyframe(len(self.log), contents, self.here or self.top))

    # -- the run

    def run(self, call, space):
        """Call `call()` and record it; see Engine.run."""
        if self.other is not None:
            return self.other.run(call, space)
        try:
            Engine.run(self, call, space)
        finally:
            self.finish()

    def finish(self):
        """When the run is over: know the content of all that others can still change, now."""
        todo, seen = [], set()
        for token in list(self.modules.values()):
            todo += list(token.obj.values())
        while todo:
            value = todo.pop()
            if type(value) in ATOMS or id(value) in seen:
                continue
            seen.add(id(value))
            if type(value) in (tuple, frozenset):
                todo += value
                continue
            if id(value) not in self.known:
                self.snap(value)
            token = self.tokens.get(id(value))
            for one in (token, token and token.body):
                if one is not None and one.kind not in (OPAQUE, VALUE):
                    todo += [part for part in parts_of(one.kind, one.kind.read(one.obj)) if type(part) not in ATOMS]


def parts_of(kind, content):
    """The values in a content of that kind."""
    if type(content) is Keyed and kind is not SET_KIND:
        return [part for pair in content.values() for part in pair]
    return list(content.values()) if isinstance(content, dict) else content if isinstance(content, (list, tuple)) else ()


ENGINES['rewrite'] = Rewriter


##############################################################################
## 28. Run -- start when this file is the program
##############################################################################

# While it runs a file, the interpreter keeps its syntax tree: 7 MB for this one, in both processes. It lets go of
# it before it calls the excepthook, so the program starts there.

class Start(Exception):
    """Raised once, to leave the interpreter's hands."""


def run_program(kind, value, trace):
    """Stands in for sys.excepthook until this file has been run."""
    sys.excepthook = sys.__excepthook__
    if kind is not Start:
        return sys.excepthook(kind, value, trace)
    try:
        status = main()
    except KeyboardInterrupt:                   # before the loop could see it
        status = 130
    sys.exit(status)


if IS_PROGRAM and not HAS_TREE_KEPT:
    sys.exit(main())
if IS_PROGRAM:
    sys.excepthook = run_program
    raise Start
