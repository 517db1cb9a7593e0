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
    14. Meaning       fingerprints of functions and values
    15. Values        what reactors send, and what is known of their runs
    16. Reactors      functions that receive and send values
    17. Workers       reactors in other threads, processes and machines
    18. Schedule      which reactors run, and when
    19. Pipeline      functions whose results survive
    20. Run           start when this file is the program

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


class_types = (type, type(_OldStyle)) if PY2 else (type,)
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


class CollectorRest(object):
    """Keeps the garbage collector from going again and again through many new objects, none of which is garbage."""

    was_on = False

    def begin(self):
        """From now on it rests."""
        self.was_on = gc.isenabled()
        gc.disable()

    def end(self):
        """It works again, if it did before."""
        if self.was_on:
            gc.enable()


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


HAS_CASTS = hasattr(memoryview, 'cast')          # of a memoryview, to other items
HAS_DICT_ORDER = sys.version_info >= (3, 7)
HAS_REDUCERS = sys.version_info >= (3, 8)        # of a Pickler's subclass
EXACT_MARSHAL = 0 if PY2 else 2                 # the highest version that writes equal values equally


def dump(value, rename):
    """`value` as a pickle. rename(object) -> (module, name) for a class or a function that is to be found by
    those when it is loaded, or None."""
    import io
    stream = io.BytesIO()
    if PY2:
        pickler = pickle.Pickler(stream, 2)
        pickler.persistent_id = rename
        pickler.dump(value)
    else:
        _pickler_class()(stream, rename).dump(value)
    return stream.getvalue()


def _pickler_class():
    """The subclass of Pickler that renames; made when it is first needed."""
    if not hasattr(dump, 'pickler'):
        class Renaming(pickle.Pickler):
            def __init__(self, stream, rename):
                pickle.Pickler.__init__(self, stream, pickle.HIGHEST_PROTOCOL)
                self.rename = rename

            if HAS_REDUCERS:
                def reducer_override(self, item):
                    found = self.rename(item)
                    return NotImplemented if found is None else (find_global, found)
            else:
                def persistent_id(self, item):
                    return self.rename(item)
        dump.pickler = Renaming
    return dump.pickler


def load(data, find):
    """The value of a pickle. find(module, name) -> the class or function of that name."""
    import io
    if PY2:
        unpickler = pickle.Unpickler(io.BytesIO(data))
        unpickler.persistent_load, unpickler.find_global = lambda names: find(*names), find
        return unpickler.load()
    if not hasattr(load, 'unpickler'):
        class Finding(pickle.Unpickler):
            def __init__(self, stream, find):
                pickle.Unpickler.__init__(self, stream)
                self.find_class = find

            def persistent_load(self, names):
                return self.find_class(*names)
        load.unpickler = Finding
    return load.unpickler(io.BytesIO(data), find).load()


def find_global(module, name):
    """The class or function `name` (with dots) of a module, which is imported if need be. The script's own
    module, whatever it is called now, is __main__."""
    main = sys.modules.get('__main__')
    found = main if module == neutral_name(main) else sys.modules.get(module)
    if found is None and ('.' + os.path.abspath(getattr(main, '__file__', None) or '')).replace(
            os.sep, '.').endswith('.%s.py' % module):
        found = main                            # python package/job.py, and before python -m package.job
    if found is None:
        __import__(module)
        found = sys.modules[module]
    for part in name.split('.'):
        found = getattr(found, part)
    return found


def neutral_name(module):
    """The name under which another program would import the module that is __main__ here."""
    spec, path = getattr(module, '__spec__', None), getattr(module, '__file__', None)
    if spec is not None:
        return spec.name[:-9] if spec.name.endswith('.__main__') else spec.name
    return os.path.splitext(os.path.basename(path))[0] if path else '__main__'


def reraise(error, trace):
    """Raise an exception with the traceback it had."""
    if PY2:
        exec('raise type(error), error, trace')
    raise error.with_traceback(trace)


def add_note(error, text):
    """Put a line below the exception's message, where Python shows such lines (3.11)."""
    with suppress(Exception):
        error.__notes__ = getattr(error, '__notes__', []) + [text]


def reserve(descriptor, size):
    """Make the open file `size` bytes long; raises EnvironmentError where the disk has not that much."""
    os.ftruncate(descriptor, size)
    if hasattr(os, 'posix_fallocate') and size:
        os.posix_fallocate(descriptor, 0, size)


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
    if os.path.dirname(folder) == folder:       # as WebAssembly's prefix is: it would be all there is
        return False
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
        self.loads = {}                         # {path: the code that the whole file was run with last}

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
        code = self.codes[path] = self.loads[path] = compile(self.read(path), path, 'exec', 0, True)
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
    given: that of this process, or {}: for sections below whose options are for what the script itself does.
    """

    given = {}

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
        choice = Choice.given = Choice(command_line[1:])
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
OPTIONS.append(('', 'trust-store', None, 'use a store of values that other users can write to'))
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
        if os.path.dirname(path) not in ('', path):     # since 3.7 os.makedirs gives its mode to the last one only
            make_folders(os.path.dirname(path))
        try:
            os.mkdir(path, 0o700)
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
        self.session = session or str('%x-%d-%s' % (      # as bytes on 2.7: it is joined to a path
            int(time.time() * 1e6), os.getpid(), binascii.hexlify(os.urandom(4)).decode('ascii')))
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
        for path in [] if trust or 'trust-store' in Choice.given else [self.top, self.folder] + folders:
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
                if attempt:
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

    def is_shared(self):
        """Whether another process writes to it now."""
        folder = os.path.join(self.folder, 'journals')
        for name in list_folder(folder)[0]:
            descriptor = self._lock_journal(name) if name != self.session and not name.endswith('.new') else None
            if descriptor is not None:
                os.close(descriptor)
            elif name != self.session and not name.endswith('.new') and os.path.exists(os.path.join(folder, name)):
                return True
        return False

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
## 14. Meaning -- fingerprints of functions and values, with all that they use
##############################################################################
#
# Gives to those below Meanings: digests of functions, classes and values that change when what they do or
# hold changes, and not with layout, comments, docstrings, line numbers or the order of definitions.
#
# A function's meaning is its byte code without lines, its constants, defaults and closure, and the meaning of
# every function, class and constant that it names, transitively, through all modules of the user. These form
# a graph; what uses each other (a strongly connected part, found by Tarjan's algorithm) gets its digests
# together. The parts of each digest are kept, so that why_changed() can tell which of them an old meaning
# differs in.
#
# Not handled: what code looks up by a computed name in a class or an instance, and the state of objects that
# cannot be pickled. Of installed packages only the version counts.

copy, marshal = map(Later, ('copy', 'marshal'))
GeneratorType = type(value for value in ())
PLAIN_TYPES = frozenset([type(None), bool, int, float, complex, bytes, text_type, type(2 ** 70)])
ACTING_FLAGS = 0x803ff      # of code: what kind of function it is; the others tell of docstrings and the like
CONTAINERS = frozenset([list, tuple, set, frozenset, dict])
WRAPPERS = (staticmethod, classmethod)
BUILTINS = (type(len), type(str.join), type(str.__add__), type(''.__add__))
ModuleType, MethodType = type(sys), type(suppress(Exception).__enter__)
# Attributes of a class that say nothing about what it does.
MINOR_ATTRIBUTES = frozenset(
    '__doc__ __dict__ __weakref__ __module__ __firstlineno__ __static_attributes__ __annotations__ '
    '__annotate__ __annotate_func__ __annotations_cache__ __slotnames__ __qualname__'.split())
LOOKUPS = frozenset(['eval', 'exec', 'globals', 'vars', 'execfile'])        # code with these may use any name
MODULE_LOOKUPS = LOOKUPS | frozenset(['getattr', '__dict__'])               # ... of a module that it names
# Instances of classes in these modules are tools; what they hold changes as they are used.
TOOL_MODULES = frozenset('logging threading _thread thread _io io socket ssl subprocess multiprocessing '
                         'concurrent asyncio weakref _weakref queue Queue'.split())


def digest_of(data):
    """The digest (16 bytes) of bytes."""
    return hashlib.sha1(data).digest()[:16]


def spelled(value):
    """Bytes that tell plain values, and lists of such, apart: 1 from True and 1.0, 0.0 from -0.0."""
    return marshal.dumps(value, EXACT_MARSHAL)


def installed_names(folder):
    """The names of what pip has put into the folder (set of str), as by `pip install --target`."""
    if folder not in INSTALLED_NAMES:
        names = INSTALLED_NAMES[folder] = set()
        for name in list_folder(folder)[1]:
            if name.endswith('.dist-info'):
                with suppress(EnvironmentError):
                    data = read_bytes(os.path.join(folder, name, 'RECORD'))
                    lines = (data if str is bytes else data.decode('utf-8', 'replace')).splitlines()
                    names.update(line.partition(',')[0].partition('/')[0] for line in lines)
    return INSTALLED_NAMES[folder]


def is_users_file(path):
    """Whether the source file, or a folder, is the user's own, and neither installed nor this one."""
    folder, name = os.path.split(path)
    if folder not in USERS_FOLDERS:
        above, main = os.path.dirname(folder), getattr(sys.modules.get('__main__'), '__file__', None) or ''
        is_main = folder == os.path.dirname(os.path.abspath(main)) and not (
            IGNORED_FOLDERS.intersection(folder.split(os.sep)))
        USERS_FOLDERS[folder] = fresh.is_local(path) or is_main or not is_installed(folder) and (
            above == folder or is_users_file(folder))
    return USERS_FOLDERS[folder] and name not in installed_names(folder) and path != os.path.abspath(OWN_FILE)


# {folder: whether the files in it are the user's}, {folder: names of packages and modules in it that pip put there}
USERS_FOLDERS, INSTALLED_NAMES = {}, {}


def is_users_module(name, space):
    """Whether the module with this name and namespace is the user's."""
    path = space.get('__file__')
    if isinstance(path, string_types):
        return is_users_file(source_path(path))
    return not (name in sys.builtin_module_names or getattr(space.get('__spec__'), 'origin', None) in (
        'built-in', 'frozen'))


def find_source(name, folders):
    """The path of the user's source file that module `name` is in, looked for in `folders`; or None."""
    place = name.replace('.', os.sep)
    for folder in folders:
        for end in (os.sep + '__init__.py', '.py') if isinstance(folder, string_types) else ():
            path = os.path.abspath(os.path.join(folder, place + end))
            if os.path.exists(path):
                return path if is_users_file(path) else None
    return None


class SourceFile(object):
    """A module that a function imports when it is called. path.      name: of the module."""

    def __init__(self, path, name):
        self.path, self.name = path, name


class Node(object):
    """Something whose meaning is asked for. value.
    label: (kind, name, file) of a function or class, or None. own: bytes, what it says itself.
    left: [(what for, value)] that it uses, not yet looked at.      edges: [(what for, digest or Node)].
    digest: None while it is open.
    index, low: as in Tarjan's algorithm. calls: of a function, {name of a method: set of texts that it is
    called with first, None for computed ones}."""

    __slots__ = ('value', 'label', 'own', 'left', 'edges', 'digest', 'index', 'low', 'calls')


class Meanings(object):
    """Digests of values. They hold for as long as nothing of what was asked for changes.

    parts: {digest: (label, digest of what it says itself, ((what for, digest), ...))} of the functions and
    classes met. calls: {digest: Node.calls} of the functions.

    >>> one, same, other = {'a': set('xyz')}, {'a': set('zyx')}, {'a': set('xy')}
    >>> Meanings().of(one) == Meanings().of(same) != Meanings().of(other)
    True
    """

    def __init__(self):
        self.nodes, self.open, self.parts, self.users, self.sources = {}, [], {}, {}, {}
        self.calls, self.silent = {}, set()

    def of(self, value):
        """The digest (bytes) of a value."""
        first, is_new = self._enter(value)
        path = [first] if is_new else []
        while path:
            node = path[-1]
            if node.left:
                what, child = node.left.pop()
                found, is_new = self._enter(child)
                node.edges.append((what, found))
                if is_new:
                    path.append(found)
                elif isinstance(found, Node) and found.digest is None:
                    node.low = min(node.low, found.low)
            else:
                path.pop()
                if node.low == node.index:
                    self._close(node)
                else:
                    path[-1].low = min(path[-1].low, node.low)
        return first.digest if isinstance(first, Node) else first

    def _enter(self, value):
        """(digest or Node of the value, whether the Node is new)."""
        kind = type(value)
        if kind in PLAIN_TYPES:
            return digest_of(spelled(value)), False
        node = self.nodes.get(id(value))
        if node is not None:
            return node, False
        if kind in CONTAINERS and PLAIN_TYPES.issuperset(map(type, value)):
            if kind is dict and PLAIN_TYPES.issuperset(map(type, value.values())):
                return digest_of(b'dict' + spelled(ordered_items(value))), False
            if kind is list or kind is tuple:
                return digest_of(spelled(value)), False
            if kind is not dict:
                return digest_of(b'set' + spelled((kind.__name__, sorted(map(spelled, value))))), False
        node = Node()
        node.value, node.label, node.edges, node.digest, node.calls = value, None, [], None, None
        try:
            node.own, node.left = self._describe(node, value, kind)
        except Exception:                       # an object of the user's that raises when it is looked at
            node.own, node.left = spelled(('opaque', kind.__module__, kind.__name__)), []
        node.left.sort(key=lambda use: use[0], reverse=True)         # the order of definitions means nothing
        node.index = node.low = len(self.nodes)
        self.nodes[id(value)] = node
        self.open.append(node)
        return node, True

    def _close(self, root):
        """Give the nodes that were opened since `root`, which use each other, their digests."""
        at = len(self.open) - 1
        while self.open[at] is not root:
            at -= 1
        members = self.open[at:]
        del self.open[at:]
        if len(members) > 1:                    # in an order that does not depend on where it was entered
            members.sort(key=lambda node: (node.label or (), node.own, [
                to if isinstance(to, bytes) else to.digest or b'' for _, to in node.edges]))
        numbers = dict((id(node), spelled(number)) for number, node in enumerate(members))
        text = b''.join([node.own + b''.join(
            [digest_of(encoded(what)) + (to if isinstance(to, bytes) else to.digest or numbers[id(to)])
             for what, to in node.edges]) for node in members])
        for number, node in enumerate(members):
            node.digest = digest_of(text if len(members) == 1 else digest_of(text) + spelled(number))
        for node in members:
            if node.label is not None:
                self.parts[node.digest] = node.label, digest_of(node.own), tuple(
                    (what, to if isinstance(to, bytes) else to.digest) for what, to in node.edges)
                if node.calls:
                    self.calls[node.digest] = node.calls

    def called_with(self, function, method):
        """The first arguments that the function, and those that it uses, give to a method: texts, None for
        others."""
        found, todo, seen = set(), [self.of(function)], set()
        while todo:
            digest = todo.pop()
            if digest in self.parts and digest not in seen and digest not in self.silent:
                seen.add(digest)
                found.update(self.calls.get(digest, {}).get(method, ()))
                todo += [to for _, to in self.parts[digest][2]]
        if not any(digest in self.calls for digest in seen):
            self.silent |= seen
        return found

    # ---- what each kind of value says itself, and what it uses

    def _describe(self, node, value, kind):
        """(bytes, [(what for, value)])."""
        if kind is FunctionType:
            return self._function(node, value)
        if kind in CONTAINERS:
            return self._container(value, kind)
        if isinstance(value, class_types):
            return self._class(node, value)
        if kind is ModuleType:
            if self._is_users(value.__name__, vars(value)):
                return b'module', [item for item in list(vars(value).items())
                                   if not item[0].startswith('__') or item[0] == '__getattr__']
            return self._foreign('module', value.__name__, ''), []
        if kind is SourceFile:
            return self._source(value)
        if kind is CodeType:
            return self._code(node, value, {})
        if kind is MethodType:
            return b'method', [('function', value.__func__), ('self', value.__self__)]
        if isinstance(value, WRAPPERS):
            return kind.__name__.encode(), [('function', value.__func__)]
        if isinstance(value, property):
            return b'property', [('get', value.fget), ('set', value.fset), ('delete', value.fdel)]
        if isinstance(value, BUILTINS):
            owner = getattr(value, '__self__', None)
            if owner is None or isinstance(owner, (ModuleType,) + class_types):
                module = getattr(value, '__module__', None) or ''
                return self._foreign('builtin', module, qualified_name(value)), []
            return b'builtin ' + value.__name__.encode(), [('self', owner)]
        return self._instance(value, kind)

    def _is_users(self, name, space):
        if name not in self.users:
            self.users[name] = is_users_module(name, space)
        return self.users[name]

    def _foreign(self, kind, module, name):
        """What is said of something that is not the user's: where it is from, and the version of that."""
        version = getattr(sys.modules.get(module.partition('.')[0]), '__version__', '')
        path = getattr(sys.modules.get(module), '__file__', None)
        if isinstance(path, string_types) and not source_path(path).endswith('.py') and is_users_file(path):
            with suppress(EnvironmentError):    # a compiled module of the user
                version = hashlib.sha1(read_bytes(path)).hexdigest()
        return spelled((kind, module, name, version if type(version) is str else ''))

    def _function(self, node, function):
        code, space = function.__code__, function.__globals__
        name = space.get('__name__')
        cells = zip(code.co_freevars, map(content, function.__closure__ or ()))
        uses = [('closure ' + what, cell) for what, cell in cells if cell is not EMPTY]
        if not self._is_users(name, space):     # a library's decorator: what it wraps is the user's
            uses = [(what, cell) for what, cell in uses
                    if type(cell) in PLAIN_TYPES or type(cell) in CONTAINERS or callable(cell)]
            uses.append(('wrapped', getattr(function, '__wrapped__', None)))
            node.label = 'function', qualified_name(function), os.path.basename(code.co_filename)
            return self._foreign('function', name or '', qualified_name(function)), uses
        node.label = ('function', qualified_name(function).replace('<locals>.', ''),
                      os.path.basename(code.co_filename))
        own, named = self._code(node, code, space)
        uses += named + [('attribute ' + what, value) for what, value in sorted(vars(function).items())]
        uses += [('defaults', function.__defaults__), ('keywords', getattr(function, '__kwdefaults__', None))]
        return own, uses

    def _code(self, node, code, space):
        """What a code object and those in it say, and what they name in the namespace `space`."""
        texts, codes, names, attributes, imports, uses = [], [code], set(), set(), set(), []
        whole = set()           # names that are used otherwise than for one attribute
        node.calls = calls = {}
        for code in codes:                      # grows
            data, consts, steps = read_code(code)
            texts.append((data, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars,
                          code.co_argcount, getattr(code, 'co_kwonlyargcount', 0), code.co_flags & ACTING_FLAGS,
                          getattr(code, 'co_exceptiontable', None), '' if code is codes[0] else code.co_name))
            for const in consts:
                if isinstance(const, CodeType):
                    codes.append(const)
                elif type(const) in PLAIN_TYPES:
                    texts.append(const)
                else:
                    uses.append(('constant', const))
            before = last = was_name = None
            for at, (name, about) in enumerate(steps):
                is_attribute = name in ATTRIBUTE_STEPS
                if was_name and not is_attribute:
                    whole.add(last)
                was_name = name == 'LOAD_GLOBAL' or name == 'LOAD_NAME'
                if was_name:
                    names.add(about)
                elif is_attribute:
                    attributes.add(about)
                elif name == 'IMPORT_NAME':
                    imports.add((about, last if isinstance(last, tuple) else (), before))
                if is_attribute and about in CALLS:
                    calls.setdefault(about, set()).add(first_argument(steps, at + 1))
                before, last = last, about
        if MODULE_LOOKUPS & (names | attributes):
            whole |= names
        if LOOKUPS & names:
            names.update(name for name, value in list(space.items()) if type(value) is not ModuleType
                         and not name.startswith('__'))
        for name in names:
            if name in space:
                self._named(name, space[name], attributes, name in whole, uses)
        for name, members, level in imports:
            uses += self._imports(name, members, level, space)
        return spelled(texts), uses

    def _named(self, name, value, attributes, is_whole, uses):
        """Add to `uses` the value of a name; of a module of the user the attributes that the code mentions,
        or all."""
        todo, seen = [(name, value)], set()
        while todo:
            name, value = todo.pop()
            if is_whole or type(value) is not ModuleType or not self._is_users(value.__name__, vars(value)):
                uses.append((name, value))
            elif id(value) not in seen:
                seen.add(id(value))
                parts = attributes.union(['__getattr__']).intersection(vars(value))
                todo += [(name + '.' + part, vars(value)[part]) for part in parts]

    def _imports(self, name, members, level, space):
        """[(what for, SourceFile)] of the user's files that an import inside a function loads."""
        package = space.get('__package__') or ''
        relative = isinstance(level, int) and level > 0
        if relative:
            base = package.split('.')[:len(package.split('.')) - level + 1]
            name = '.'.join(base + [name] if name else base)
        names = [name] + ['%s.%s' % (name, member) for member in members]
        if level == -1 and package:             # 2.7: in the package first
            names += [package + '.' + each for each in names]
        return [('import ' + each, self._source_file(each)) for each in names if self._source_file(each)]

    def _source_file(self, name):
        if name not in self.sources:
            path = find_source(name, sys.path)
            self.sources[name] = path and SourceFile(path, name)
        return self.sources[name]

    def _source(self, source):
        """A file that is not loaded yet: what its text means, and the files that it imports."""
        try:
            data = read_bytes(source.path)
            text = fingerprint(parse(data)).encode('utf-8', LONE_SURROGATES)
        except (EnvironmentError, SyntaxError, ValueError, TypeError):
            return spelled(source.path), []
        is_package = os.path.basename(source.path) == '__init__.py'
        names = imported_names(data, source.name, is_package) - set([None, source.name])
        files = [('import ' + name, self._source_file(name)) for name in names]
        return text, [(what, each) for what, each in files if each is not None]

    def _class(self, node, kind):
        if kind.__module__ in ('builtins', '__builtin__') or not self._is_users(
                kind.__module__, vars(sys.modules.get(kind.__module__, os))):
            return self._foreign('class', kind.__module__, qualified_name(kind)), []
        module = sys.modules.get(kind.__module__)
        node.label = 'class', qualified_name(kind), os.path.basename(getattr(module, '__file__', None) or '')
        uses = [('base %d' % number, base) for number, base in enumerate(kind.__bases__)]
        if type(kind) not in class_types:
            uses.append(('metaclass', type(kind)))
        uses += [(name, value) for name, value in vars(kind).items()
                 if name not in MINOR_ATTRIBUTES and not name.startswith('_abc_')]
        return spelled(('class', kind.__name__)), uses

    def _container(self, value, kind):
        if kind is list or kind is tuple:
            return spelled((kind.__name__, len(value))), [('%d' % at, item) for at, item in enumerate(value)]
        if kind is dict:
            return b'dict', [('', part) for item in ordered_items(value) for part in item]
        try:
            return spelled((kind.__name__, sorted(Meanings().of(item) for item in value))), []
        except RuntimeError:                    # it contains itself, by way of some object
            return spelled((kind.__name__, sorted(type(item).__name__ for item in value))), []

    def _instance(self, value, kind):
        """An object: its class, and what pickle would keep of it."""
        module, name = getattr(kind, '__module__', None) or '', qualified_name(kind)
        is_users = module != 'hotload' and self._is_users(module, vars(sys.modules.get(module, os)))
        uses = [('class', kind)] if is_users else []
        own = spelled(('instance', '' if is_users else module, '' if is_users else name))
        if module.partition('.')[0] in TOOL_MODULES or module == 'hotload' and not name.startswith('Config'):
            return own, uses
        if callable(value) and isinstance(getattr(value, '__wrapped__', None), (FunctionType,) + class_types):
            uses.append(('wrapped', value.__wrapped__))         # lru_cache, numba and the like
            if not is_users:
                return own, uses
        if kind not in copy.dispatch_table and isinstance(kind, type) and all(
                getattr(kind, name, None) is getattr(object, name, None)
                for name in ('__reduce_ex__', '__reduce__', '__getstate__')):
            return own, uses + plain_state(value, kind)
        try:
            state = copy.dispatch_table.get(kind, lambda item: item.__reduce_ex__(2))(value)
        except Exception:                       # it cannot be pickled: then its class is all that is known
            return own, uses
        if isinstance(state, string_types):
            return own + state.encode('utf-8'), uses
        parts = list(enumerate(state))          # the last two may be iterators
        return own, uses + [('state %d' % at, list(part) if at > 2 and part is not None and at < 5 else part)
                            for at, part in parts]


CALLS = frozenset(['send', 'allocate', 'receive'])      # methods whose first arguments are noted
ATTRIBUTE_STEPS = ('LOAD_ATTR', 'LOAD_METHOD', 'LOOKUP_METHOD')         # the last: PyPy
LOADS = ('LOAD_FAST', 'LOAD_CONST', 'LOAD_GLOBAL', 'LOAD_NAME', 'LOAD_DEREF', 'LOAD_SMALL')


def first_argument(steps, at):
    """The text that is the first argument of a call whose arguments begin at instruction `at`, or None."""
    name, text = steps[at] if at < len(steps) else ('', None)
    if name != 'LOAD_CONST' or not isinstance(text, string_types):
        return None
    depth = 0                                   # of the stack above it
    for name, _ in steps[at + 1:]:
        if name.startswith(LOADS):
            depth += 2 if name.startswith(('LOAD_FAST_LOAD', 'LOAD_FAST_BORROW_LOAD')) else 1
        elif name.startswith('BINARY_') and depth:
            depth -= 1
            if not depth:                       # 'v%d' % number
                return None
        elif name.startswith(('FORMAT', 'BUILD_STRING', 'CONVERT')) or not depth and name in ATTRIBUTE_STEPS:
            return None
        else:
            break
    return text


EMPTY = object()            # what an empty cell holds


def content(cell):
    """What a closure cell holds, or EMPTY."""
    try:
        return cell.cell_contents
    except ValueError:
        return EMPTY


def ordered_items(value):
    """A dict's items: in their order, which the program sees, or where dicts have none sorted."""
    if HAS_DICT_ORDER:
        return list(value.items())
    return sorted(value.items(), key=lambda item: spelled(item[0]) if type(item[0]) in PLAIN_TYPES else b'')


def qualified_name(thing):
    """The name of a function or class, with those of the classes around it where Python knows them."""
    name = getattr(thing, '__qualname__', None) or getattr(thing, '__name__', None)
    return str(name or type(thing).__name__)


def plain_state(value, kind):
    """[(what for, value)]: attributes, slots and contents of an object that says nothing about pickling
    itself."""
    uses = [('attribute ' + str(name), part) for name, part in getattr(value, '__dict__', {}).items()]
    for base in kind.__mro__:
        slots = vars(base).get('__slots__', ())
        for name in [slots] if isinstance(slots, string_types) else slots:
            name = mangled(name, [base.__name__])
            if name not in ('__dict__', '__weakref__') and hasattr(value, name):
                uses.append(('slot ' + name, getattr(value, name)))
    for base in PLAIN_TYPES | CONTAINERS:
        if isinstance(value, base) and base is not type(None) and kind is not base:
            uses.append(('content', tuple(base.__iter__(value)) if base in (list, tuple) else base(value)))
    return uses


def texts_in(function):
    """The texts in a function's constants, closure and defaults."""
    found, codes = set(), [function.__code__] if hasattr(function, '__code__') else []
    for code in codes:
        for const in code.co_consts:
            codes += [const] if isinstance(const, CodeType) else []
            found.update([const] if isinstance(const, string_types) else ())
    cells = map(content, getattr(function, '__closure__', None) or ())
    found.update(value for value in list(cells) + list(getattr(function, '__defaults__', None) or ())
                 if isinstance(value, string_types))
    return found


def why_changed(old, new, old_parts, new_parts):
    """What differs between two digests of functions, as a text for people; '' when that is not known.

    old_parts, new_parts: functions that give for a digest what Meanings.parts has, or None.
    """
    todo, seen = [(old, new, '')], set()
    while todo:
        old, new, named = todo.pop(0)
        if old == new or (old, new) in seen:
            continue
        seen.add((old, new))
        old, new = old_parts(old), new_parts(new)
        if old is None or new is None:
            if named:
                return named
            continue
        (_, own_before, before), ((kind, name, path), own, now) = old, new
        if own_before != own:
            return '%s `%s` in %s changed' % (kind, name, path) if named else 'its code changed'
        before, now = dict(before), dict(now)
        for what in sorted(set(before) & set(now)):
            known_as = '%s.%s' % (name, what) if kind == 'class' else what.replace('closure ', '')
            todo.append((before[what], now[what], '`%s` in %s changed' % (known_as, path)))
        if set(before) != set(now):
            return '`%s` in %s came or went' % (sorted(set(before) ^ set(now))[0], path)
    return ''


##############################################################################
## 15. Values -- what reactors send, and what is known of their runs
##############################################################################
#
# Gives to those below Warehouse, which turns values into Products (what the store keeps of a value) and back,
# for each Ingredient.Type and the types of the user; and PastRuns, what earlier runs of reactors asked for and
# sent.
#
# Small pickles stand in the record itself. Arrays, buffers, files and what specs write are entries of the
# store, which are mapped into memory or handed out as paths: they may be larger than memory. A value is made
# anew each time it is asked for, so that nobody sees what another did to it. Classes of the script itself are
# kept under the name by which others would import it, and found wherever that file is loaded; Product.refs
# names them all, since a value is another one when its class is.

mmap = Later('mmap')
__all__ += ['Ingredient', 'IngredientTypeSpec', 'Warehouse']
SMALL = 1024                # bytes; pickles up to this stand in the record itself
LARGE_ARRAY = 2 ** 20       # bytes; numpy arrays from this on are files of their own, mapped into memory


class Word(str):
    """A constant: equal to its name."""

    name = value = property(str)


def words(about, text):
    """A class whose attributes are the words in `text`."""
    return type('Words', (object,), dict([(word, Word(word)) for word in text.split()], __doc__=about))


def one_of(name, known):
    """What an error says of names that are there: ' (did you mean ...?)', or a list of some."""
    import difflib
    close = difflib.get_close_matches(str(name), known, 3)
    if close or not known:
        return ' (did you mean %s?)' % ' or '.join(map(repr, close)) if close else ''
    return ' (there are %s)' % ', '.join(list(map(repr, known[:8])) + ['...'] * (len(known) > 8))


class Ingredient(object):
    """What is known of an ingredient. name.      type: an Ingredient.Type, or the name of a spec.
    size: bytes. producerName: of the reactor that sent it.

    >>> Ingredient('data', Ingredient.Type.list)
    Ingredient('data', 'list')
    """

    Type = words('How values are kept.', 'unknown simple list array object file buffer')

    def __init__(self, name, type=None, size=None, producerName=None):
        self.name, self.type, self.size = name, type or Ingredient.Type.unknown, size
        self.producerName = producerName

    def __repr__(self):
        return 'Ingredient(%r, %r)' % (self.name, str(self.type))


class IngredientTypeSpec(object):
    """How values of a type of yours are kept. Subclass it, and
    plant.warehouse.register_ingredient_specs([Yours()]).

    Files are to be in warehouse.baseDir, a folder that this ingredient has for itself; `name` is safe in file
    names.

    >>> class TextSpec(IngredientTypeSpec):
    ...     @classmethod
    ...     def get_name(cls):
    ...         return 'text'
    ...     def store(self, warehouse, name, value):
    ...         with open(os.path.join(warehouse.baseDir, name), 'w') as stream:
    ...             stream.write(value)
    ...     def fetch(self, warehouse, name, meta):
    ...         with open(os.path.join(warehouse.baseDir, name)) as stream:
    ...             return stream.read()
    """

    @classmethod
    def get_name(cls):
        """The name of the type."""
        raise HotloadError('%s has no get_name()' % cls.__name__)

    def store(self, warehouse, name, value):
        """Write the value to files in warehouse.baseDir; give back None or what fetch() needs besides."""
        raise HotloadError('%s has no store()' % type(self).__name__)

    def fetch(self, warehouse, name, meta):
        """The value; meta: what store() gave back."""
        raise HotloadError('%s has no fetch()' % type(self).__name__)

    def allocate(self, warehouse, name, **how):
        """An empty value that is filled later, for pipe.allocate(name, type, **how)."""
        raise HotloadError('%s has no allocate()' % type(self).__name__)

    def deallocate(self, warehouse, name):
        """Called before the files of a temporary value are removed."""

    def close(self):
        """Called when the plant is shut down."""

    def is_instance(self, value):
        """Whether a value sent without a type is of this one."""
        return False


# What is kept of an ingredient. name, kind: text.      address: checksum of its bytes.
# size: of them. meta: pickle of what its spec needs, or None.
# refs: ((module, name) of the user's classes and functions in it). data: its bytes where they are few, or
# None: they are an entry of the store.
Product = tuple_type('Product', 'name kind address size meta refs data')
GONE = object()             # what is got for a product whose bytes are damaged or not there any more
type_of = type              # `type` is an argument of PyPlant's methods


class Shelf(object):
    """What a spec is given as its warehouse. baseDir: where the files are to be."""

    def __init__(self, folder, logger):
        self.baseDir, self.logger = folder, logger


class Draft(object):
    """A value that was allocated: name, kind, value.      path: its file or folder.      is_temporary."""

    def __init__(self, name, kind, path, is_temporary):
        self.name, self.kind, self.path, self.is_temporary, self.value = name, kind, path, is_temporary, None


class Warehouse(object):
    """Values in a Store. store.      specs: {name: IngredientTypeSpec}.
    baseDir: the folder of the store.

    >>> import tempfile
    >>> warehouse = Warehouse(Store(tempfile.mkdtemp()))
    >>> warehouse.get(warehouse.put('data', 'list', [1, 2]))
    [1, 2]
    """

    def __init__(self, store, logger=None):
        self.store, self.specs, self.logger, self.baseDir = store, {}, logger, store.top

    def close(self):
        """Close the specs and the store."""
        for spec in self.specs.values():
            spec.close()
        self.store.close()

    def register_ingredient_specs(self, specs):
        """Let ingredients be of these types, too; specs: list of IngredientTypeSpec."""
        for spec in specs:
            self.specs[spec.get_name()] = spec() if isinstance(spec, type) else spec

    def kind_of(self, type, value=None):
        """The name of a type, given as Ingredient.Type, spec, name of one, or None: then it is found by the
        value."""
        if type is not None and type != Ingredient.Type.unknown:
            kind = type if isinstance(type, string_types) else type.get_name()
            if kind not in self.specs and not hasattr(Ingredient.Type, kind):
                raise HotloadError('there is no type %r%s' % (str(kind), one_of(kind, sorted(self.specs))))
            return str(kind)
        for name, spec in self.specs.items():
            if spec.is_instance(value):
                return name
        numpy = sys.modules.get('numpy')
        if numpy is not None and type_of(value) is numpy.ndarray and value.nbytes >= LARGE_ARRAY and (
                not value.dtype.hasobject):
            return 'array'
        return 'simple' if type_of(value) in PLAIN_TYPES else 'list' if type_of(value) is list else 'object'

    def put(self, name, kind, value):
        """Keep a value; its Product."""
        if kind in self.specs:
            folder = self.store.draft()
            make_folders(folder)
            meta = self.specs[kind].store(Shelf(folder, self.logger), safe_name(name), value)
            return self._adopted(name, kind, folder, meta)
        if kind == 'file':
            folder, file_name = self.store.draft(), safe_name(name)
            if '.' not in file_name:            # programs go by the ending
                file_name += os.path.splitext(path_text(value))[1]
            make_folders(folder)
            shutil.copyfile(path_text(value), os.path.join(folder, file_name))
            return self._adopted(name, kind, folder, file_name)
        if kind in ('array', 'buffer'):
            numpy = sys.modules.get('numpy')
            if kind == 'array' and numpy is None and type_of(value) is list:
                import numpy
            if kind == 'array' and numpy and isinstance(value, (numpy.ndarray, numpy.generic, list)):
                value = numpy.asanyarray(value)
                if type_of(value) in (numpy.ndarray, numpy.memmap) and not value.dtype.hasobject:
                    path = self.store.draft()
                    with open(path, 'wb') as stream:
                        numpy.save(stream, value, allow_pickle=False)
                    return self._adopted(name, kind, path, 'npy')
            elif kind == 'buffer' or type_of(value).__name__ not in ('array', 'bytes', 'bytearray', 'str'):
                view = memoryview(value)
                path = self.store.draft()
                with open(path, 'wb') as stream:
                    stream.write(view.cast('B') if HAS_CASTS and view.c_contiguous else view.tobytes())
                return self._adopted(name, kind, path, (view.format, view.shape) if kind == 'array' else None)
        refs = []
        if type_of(value) in PLAIN_TYPES:
            data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        else:
            data = dump(value, lambda item: global_name(item, refs))
        is_small = len(data) <= SMALL
        address = checksum(data) if is_small else self.store.add(data)
        refs = tuple(sorted(set(refs)))
        return Product(name, kind, address, len(data), None, refs, data if is_small else None)

    def _adopted(self, name, kind, path, meta=None):
        size = sum(size for _, size in sizes_below(path)) if os.path.isdir(path) else os.path.getsize(path)
        meta = None if meta is None else pickle.dumps(meta, 2)
        return Product(name, kind, self.store.adopt(path), size, meta, (), None)

    def allocate(self, name, kind, how, is_temporary=False):
        """A Draft: an empty value on disk, to be filled."""
        draft = Draft(name, kind, self.store.draft(), is_temporary)
        if kind in self.specs:
            make_folders(draft.path)
            draft.value = self.specs[kind].allocate(Shelf(draft.path, self.logger), safe_name(name), **how)
        elif kind == 'file':
            make_folders(draft.path)
            draft.value = os.path.join(draft.path, safe_name(name))
            open(draft.value, 'wb').close()
        elif kind == 'buffer':
            with open(draft.path, 'wb+') as stream:
                reserve(stream.fileno(), how['size'])
            draft.value = self.open('buffer', draft.path, mmap.ACCESS_WRITE)
        elif kind == 'array':
            from numpy.lib.format import open_memmap
            draft.value = open_memmap(draft.path, 'w+', shape=how.pop('shape'), **how)
        else:
            raise HotloadError('values of type %s cannot be allocated, only sent' % kind)
        return draft

    def finish(self, draft):
        """The Product of a Draft that was filled."""
        meta = None
        if draft.kind in ('array', 'buffer') and hasattr(draft.value, 'flush'):
            try:
                draft.value.flush()             # not every system shows in the file at once what was written to memory
            except EnvironmentError:            # WebAssembly: the memory is a copy
                with open(draft.path, 'rb+') as stream:
                    stream.seek(getattr(draft.value, 'offset', 0))
                    stream.write(draft.value)
        if draft.kind in self.specs:
            shelf = Shelf(draft.path, self.logger)
            meta = self.specs[draft.kind].store(shelf, safe_name(draft.name), draft.value)
        elif draft.kind == 'array':
            meta = 'npy'
        elif draft.kind == 'file':
            meta = os.path.basename(draft.value)
        return self._adopted(draft.name, draft.kind, draft.path, meta)

    def drop(self, draft):
        """Remove what belongs to a Draft."""
        if draft.kind in self.specs:
            self.specs[draft.kind].deallocate(Shelf(draft.path, self.logger), safe_name(draft.name))
        draft.value = None
        remove(draft.path)

    def get(self, product):
        """The value of a Product, a new one each time; or GONE."""
        kind, meta = product.kind, product.meta and pickle.loads(product.meta)
        if kind in self.specs or kind in ('file', 'buffer') or kind == 'array' and meta is not None:
            path = self.store.path(product.address)
            if path is None:
                return GONE
            if kind in self.specs:
                return self.specs[kind].fetch(Shelf(path, self.logger), safe_name(product.name), meta)
            if kind == 'file':
                return os.path.join(path, meta)
            try:
                return self.open(kind, path, mmap.ACCESS_COPY, meta)
            except EnvironmentError:            # another process removed it just now
                return GONE
        if not hasattr(Ingredient.Type, kind):
            raise HotloadError('ingredient %r is of type %r, which is not registered; use '
                               'plant.warehouse.register_ingredient_specs' % (product.name, kind))
        data = product.data if product.data is not None else self.store.read(product.address)
        if data is None:
            return GONE
        try:
            return load(data, find_global)
        except (ImportError, AttributeError, pickle.UnpicklingError, EOFError):
            return GONE                         # its class is not there any more

    def open(self, kind, path, access, meta=None):
        """An array or buffer whose bytes are those of the file, read when they are needed."""
        if meta == 'npy':
            import numpy
            value = numpy.load(path, mmap_mode='c' if os.path.getsize(path) > 2 ** 16 else None)
            return value.view(numpy.ndarray)
        if not os.path.getsize(path):
            return bytearray()
        with open(path, 'rb+' if access == mmap.ACCESS_WRITE else 'rb') as stream:
            value = mmap.mmap(stream.fileno(), 0, access=access)
        return memoryview(value).cast('B').cast(*meta) if kind == 'array' and HAS_CASTS else value


def safe_name(name):
    """The ingredient's name, or a text for it with the same ending that every file system takes as a file's name."""
    text = re.sub(r'[^A-Za-z0-9_.-]+|^\.+|\.+$', '_', name)
    if text == name != '' and len(text) <= 60 and not re.match(r'(con|prn|aux|nul|com\d|lpt\d)(\.|$)', text, re.I):
        return str(text)
    stem, end = os.path.splitext(text)
    return str('%s-%s%s' % (stem[:40], text_digest(name), end[:20]))


def text_digest(text):
    """Some letters that stand for a text."""
    return checksum(encoded(text))[:12]


def global_name(item, refs):
    """(module, name) under which a class or function of the user is pickled, noted in `refs`; None for
    others."""
    if isinstance(item, class_types) or type(item) is FunctionType:
        module = sys.modules.get(item.__module__)
        if module is not None and is_users_module(item.__module__, vars(module)) and item.__module__ not in (
                'builtins', '__builtin__'):
            main = sys.modules.get('__main__')
            name = neutral_name(main) if item.__module__ in ('__main__', '__mp_main__') else item.__module__
            found = name, qualified_name(item)
            try:
                if find_global(*found) is item:
                    refs.append(found)
                    return found
            except (ImportError, AttributeError):
                pass                            # Python's own error tells about it
    return None


# ---- what is known of earlier runs

# A run that ended. key: of its reactor.      code: digest.      conversation: as of a Run.
# products: [Product]. seconds, time: how long it took, and when.
PastRun = tuple_type('PastRun', 'key code conversation products seconds time')


class PastRuns(object):
    """The records of a Store, by the digest of the reactor's code.

    runs: {code digest: [PastRun or bytes, oldest first]}.      parts: {digest: bytes}, of Meanings.parts.
    """

    def __init__(self, store):
        self.store, self.runs, self.parts, self.by_key = store, {}, {}, None
        for payload in store.records():
            kind, digest = payload[:1], payload[1:17]
            if kind == b'R':
                self.runs.setdefault(digest, []).append(payload)
            elif kind == b'P':
                self.parts[digest] = payload

    def of(self, code):
        """The PastRuns of runs of this code, the newest first."""
        runs = self.runs.get(code)
        if not runs:
            return []
        for number, run in enumerate(runs):
            if type(run) is bytes:
                runs[number] = self.decode(run)
        return runs[::-1]

    def usable(self, code):
        """Those that a reactor may be spared for: all of them; the newest only, when not all sent the same
        names."""
        runs = self.of(code)
        names = set(tuple(product.name for product in run.products) for run in runs)
        return runs if len(names) < 2 else runs[:1]

    @staticmethod
    def encode(record):
        """A PastRun as bytes."""
        products = [tuple(product) for product in record.products]
        return b'R' + record.code + marshal.dumps(
            (record.key, record.conversation, products, record.seconds, record.time))

    @staticmethod
    def merged(payloads):
        """Those of the payloads that are not superseded by a later one."""
        found = {}
        for payload in payloads:
            text = payload
            if payload[:1] == b'R':
                text = payload[:17] + spelled(PastRuns.decode(payload).conversation)
            found.pop(text, None)
            found[text] = payload
        return list(found.values()) if HAS_DICT_ORDER else sorted(found.values(), key=payloads.index)

    @staticmethod
    def decode(payload):
        """The PastRun of a payload."""
        key, conversation, products, seconds, when = marshal.loads(payload[17:])
        products = [Product(*product) for product in products]
        return PastRun(key, payload[1:17], conversation, products, seconds, when)

    def add(self, record, parts):
        """Keep a PastRun, and of `parts` (as of Meanings) what its code is made of."""
        runs = self.runs.setdefault(record.code, [])
        known = self.of(record.code)
        if known and known[0].conversation == record.conversation and known[0].products == record.products:
            return                              # as a reactor that is asked for again and again
        payloads, todo = [], [record.code]
        while todo:
            digest = todo.pop()
            if digest in parts and digest not in self.parts:
                label, own, edges = parts[digest]
                self.parts[digest] = b'P' + digest + marshal.dumps((label, own, edges))
                payloads.append(self.parts[digest])
                todo += [to for _, to in edges]
        if self.by_key is not None:
            self.by_key[record.key] = record
        runs[:] = [run for run in known[::-1] if run.conversation != record.conversation] + [record]
        payloads.append(self.encode(record))
        self.store.append(*payloads)

    def forget(self, record):
        """Take a record for lost: what it sent is damaged."""
        self.runs[record.code] = [run for run in self.of(record.code)[::-1] if run is not record]

    def part(self, digest):
        """(label, own, edges) of Meanings.parts, of an earlier run too; None when it is not known."""
        payload = self.parts.get(digest)
        return marshal.loads(payload[17:]) if payload else None

    def all(self):
        """All PastRuns, oldest first."""
        runs = [run for code in list(self.runs) for run in self.of(code)]
        return sorted(runs, key=lambda run: run.time)

    def last(self, key):
        """The last PastRun of the reactor, whatever its code was; None when it never ran."""
        if self.by_key is None:
            self.by_key = dict((run.key, run) for run in self.all())
        return self.by_key.get(key)


##############################################################################
## 16. Reactors -- functions that receive and send values
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
EVENTS = words('What listeners are told of.', 'unknown reactor_started subreactor_started reactor_finished '
               'subreactor_finished reactor_step')
NOT_THERE = b'absent'          # the digest of what is not there


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

# {module: (namespace, its code when it was loaded, {name: function}, names that it had for them)} of the
# reactors, and of the subreactors.
REACTORS, SUBREACTORS = {}, {}


def register(function, registry, registered=None):
    """Note a function under its module and name; a module that is loaded anew forgets those of before."""
    space, code = getattr(function, '__globals__', None), getattr(function, '__code__', None)
    loaded = fresh.loads.get(getattr(code, 'co_filename', None))
    known = registry.get(function.__module__)
    if known is None or known[0] is not space or known[1] is not loaded:
        known = registry[function.__module__] = space, loaded, {}, set()
    known[2].pop(function.__name__, None)       # the order is that of definition
    known[2][function.__name__] = function if registered is None else registered


def visible_reactors():
    """The functions that are reactors now. One that its module had a name for and has no more was deleted, in a module
    that was patched or of which only some statements ran again."""
    found = []
    for space, _, functions, named in list(REACTORS.values()):
        for name, function in list(functions.items()):
            if space is not None and space.get(name) is function:
                named.add(name)
            elif name in named:
                del functions[name]
        found += functions.values()
    return found


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

    >>> @SubreactorFunc
    ... def scaled(pipe, name):
    ...     value = yield pipe.receive(name)
    ...     raise Return(value * pipe.read_config('scale'))
    """
    def call(*args, **kwargs):
        if threads.get_ident() in RUNNING:
            RUNNING[threads.get_ident()].asked += 1
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

    def next(self):
        """As __next__, on 2.7."""
        return self.send(None)

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
                run.asked -= 1
                run.begin_sub(self.function)
                self.generator = self.function(*self.args, **self.kwargs)
                if type(self.generator) is not GeneratorType:
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


def place_of(function):
    """(path, line) where the user's function is defined, or (None, None)."""
    code = getattr(function, '__code__', None)
    if code is None or is_own_frame(code.co_filename):
        return None, None
    return code.co_filename, code.co_firstlineno


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
    those.)

    >>> window = ConfigValue()
    >>> window.first, window.last = 3, 5
    >>> window
    ConfigValue(first=3, last=5)
    """

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
    does.

    >>> @ReactorFunc
    ... def total(pipe):
    ...     data = yield pipe.receive('data')
    ...     pipe.send('total', sum(data) * pipe.config.scale)
    """

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
            value, missing = None, None
            try:
                value = self.workshop.config.peek(name)
            except MissingParameter as error:
                missing = str(error)
            if missing:                         # raised here, so that only one error is shown
                raise MissingParameter('reactor %s: %s' % (self.name, missing))
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
                draft.kind == 'file' and os.path.abspath(path_text(value)) == draft.value)):
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
                                         'of a @SubreactorFunc' % (self.name, wanted), *place_of(self.function))
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
        self.stack = [found] if isinstance(found, GeneratorType) else []

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
            raise HotloadError('reactor %s: what pipe.receive() and subreactors give is to be yielded: '
                               'value = yield pipe.receive(name)' % self.name, *place_of(self.function))
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
            found = self.digest(self.config.peek(name)) if ConfigBase.has(self.config, name) else NOT_THERE
            self.digests['c', name] = found
        return found

    def config_meaning(self):
        """The digest of all parameters."""
        if 'all' not in self.digests:
            self.digests['all'] = self.digest((type(self.config), vars(self.config)))
        return self.digests['all']

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
            digest = file_checksum(path).encode()
            if is_settled(state, begun):
                FILE_DIGESTS[path] = state, digest
            return digest
        except EnvironmentError:
            return NOT_THERE

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
                parts = [NOT_THERE]
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
            found = [each for known in list(SUBREACTORS.values()) for each in known[2].values()]
            self.subs = dict((reactor_key(each), each.__wrapped__) for each in found)
        return self.subs


##############################################################################
## 17. Workers -- reactors in other threads, processes and machines
##############################################################################
#
# Gives to those below Tasks, which hands reactors to an executor (of concurrent.futures, or dask's), and
# run_task(), which runs one in a worker. A task is small: where the function is, what it may receive, and the
# folder of the store, which all share; what a worker sends is in the store before it answers. Only the
# scheduler writes records.
#
# A worker may outlive a run of the program: when it knows the function by another meaning, and files were saved
# since it loaded them, it loads the user's modules anew. When that does not help (the function depends on what only
# the program itself did), or when its answers to the reactor's questions are not those of the scheduler, the reactor
# runs in the scheduler's process: never an old result under a new key.

# What a worker needs to run a reactor. token, number: of the session and of the task.
# path, module, name: where the function is.      code, config: digests that it and the parameters have there.
# store: (folder, session) of the Store.      given: pickle of (config, auxiliary parameters, specs), or None.
# products: [tuple of a Product] of what it may receive.
Task = tuple_type('Task', 'token number path module name code config store given products')
# {token of a session: (process, Workshop)} for workers that are threads of this process, or forked from it.
WORKSHOPS = {}
PLANTS = {}                 # {token of a session: the process of its scheduler}, of those in this process
BEGUN_S = {}                # {process: when it loaded the user's modules, or a moment later}


def run_task(task):
    """Run a reactor in a worker: (None, its outcome), (what it needs, None or the Product that is damaged),
    or (None, None) when that cannot be done here; and the events."""
    BEGUN_S.setdefault(os.getpid(), time.time())
    function, workshop = find_reactor(task), find_workshop(task)
    if not (is_known(task, function, workshop) and workshop.config_meaning() == task.config) and (
            forget_older_modules(task)):
        function, workshop = find_reactor(task), find_workshop(task)
    if not is_known(task, function, workshop):
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


def is_known(task, function, workshop):
    """Whether a worker has what a task needs, and the function means what it means to the scheduler."""
    return None not in (function, workshop) and workshop.code_digest(function) == task.code


def forget_older_modules(task):
    """Forget the user's modules if one of their files was saved since this process loaded them. Whether that was so."""
    if PLANTS.get(task.token) == os.getpid():   # a thread of the scheduler's process, whose modules are the program's
        return False
    names = [name for name, module in list(sys.modules.items())
             if type(module) is ModuleType and isinstance(getattr(module, '__file__', None), string_types)
             and is_users_module(name, vars(module))]
    states = [file_key(source_path(sys.modules[name].__file__)) for name in names]
    if not any(newest_s(state) >= BEGUN_S[os.getpid()] - TICK_S for state in states):
        return False
    BEGUN_S[os.getpid()] = time.time()
    for known in WORKSHOPS, REACTORS, SUBREACTORS:
        known.clear()
    if not fresh.users:                         # byte code of the same second may be older than its source
        fresh.install([os.path.dirname(task.path)])
    main_path = getattr(sys.modules.get('__main__'), '__file__', None)
    purge_modules([name for name in names if name not in MAIN_NAMES])
    if main_path and os.path.abspath(main_path) == task.path:
        load_file(task.path, '__main__')
    return True


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
    warehouse = Warehouse(Store(task.store[0], 'plant', trust=True, session=task.store[1]))
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
    for module in MAIN_NAMES if is_main else (task.module,):
        if task.name in REACTORS.get(module, (0, 0, {}))[2]:
            return REACTORS[module][2][task.name]
    module = main if is_main else None if task.module in MAIN_NAMES else sys.modules.get(task.module)
    if module is None:
        module = load_file(task.path, task.module)
    return REACTORS.get(module.__name__, (0, 0, {}))[2].get(task.name, getattr(module, task.name, None))


def load_file(path, name):
    """Load a file as the module `name`; the program's own script as multiprocessing does."""
    with suppress(ImportError):
        if name not in MAIN_NAMES:
            __import__(name)
            return sys.modules[name]
    module = ModuleType('__mp_main__' if name in MAIN_NAMES else name)
    module.__file__, sys.modules[module.__name__] = path, module
    if name in MAIN_NAMES:
        sys.modules['__main__'] = module
    LOADING.append(path)
    try:
        execute(compile(read_bytes(path), path, 'exec', 0, True), vars(module))
    finally:
        LOADING.pop()
    return module


LOADING = []                # files that a worker is loading now
MAIN_NAMES = '__main__', '__mp_main__'          # of the program's own module; the second in workers


class Tasks(object):
    """The reactors that an executor runs for a session. running: {future: Work}."""

    def __init__(self, session, executor):
        import threading
        self.executor, self.session, self.running, self.number = executor, session, {}, 0
        self.token = '%s-%d-%d' % (session.warehouse.store.session, os.getpid(), id(session))
        PLANTS[self.token] = os.getpid()
        self.most = getattr(executor, '_max_workers', None) or 8
        self.done, self.bell = [], threading.Event()
        folder, workshop = os.path.dirname(os.path.abspath(OWN_FILE)), session.workshop
        if folder not in sys.path:              # processes that are spawned get a copy, and are to find this module
            sys.path.append(folder)
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
        module = function.__module__
        path = getattr(sys.modules.get(module), '__file__', None) or getattr(
            getattr(function, '__code__', None), 'co_filename', '')
        return Task(self.token, self.number, source_path(path), module, function.__name__, reactor.code,
                    self.session.workshop.config_meaning(),
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
        others = [each.reactor.name for each in self.running.values() if type(error).__name__.startswith('Broken')]
        path, line = unguarded_call()
        hint = '' if line is None else ('. Each worker loads this file and comes to this line, too: put it '
                                        'below `if __name__ == "__main__":`')
        found = HotloadError('a worker died (%s) while it ran reactor %s; what had finished is kept%s' % (
            type(error).__name__, ' or '.join([work.reactor.name] + sorted(others)), hint), path=path, line=line)
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
        PLANTS.pop(self.token, None)


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


##############################################################################
## 18. Schedule -- which reactors run, and when
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


MOST_REPAIRS = 10           # so often an ingredient is made again in one session; other processes may remove it


class Reactor(object):
    """A function that may be run, in one session. name, function.      key: reactor_key.
    code: digest of what it means.
    state: None, 'busy', 'kept', 'ran' or, when nothing is to be run, 'stale'.
    record: the PastRun of it that holds.      reason: why it ran or is stale."""

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
        self.tried = {}         # {name: [Reactor]} of those that were started since they might send it
        self.tasks = None if is_dry or plant.executor is None else Tasks(self, plant.executor)
        self.kept, self.saved_s, self.ran, self.is_running = 0, 0.0, 0, False
        self.rest = CollectorRest()
        self.rest.begin()
        try:
            for name, function in plant.functions.items():
                self.reactors[name] = reactor = Reactor(name, function, self.workshop.code_digest(function))
                for record in self.records.of(reactor.code):
                    for product in record.products:
                        self._note_sender(product.name, reactor)
        finally:
            self.rest.end()

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
        found, root = [GONE], Reactor('fetch_ingredient', run_task, NOT_THERE)

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
        self.rest.begin()
        try:
            while root.state == 'busy' or self._rivals_go_on():
                if self.ready:
                    self._step(*self.ready.pop())
                elif not self._start_another():
                    if self.tasks is not None and self.tasks.running:
                        self.rest.end()
                        try:
                            self.ready.append(self.tasks.wait())
                        finally:
                            self.rest.begin()
                    else:
                        self._give_up(self.works[root])
        finally:
            self.rest.end()
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
        work.steps = self._look_up(work)
        self.ready.append((work, None, None))

    def _step(self, work, answer, error):
        """Let a Work go on until it needs something that is not there."""
        while True:
            steps = work.steps
            try:
                needs = steps.send(answer) if error is None else steps.throw(error)
            except StopIteration:
                if work.steps is steps:         # no others follow them
                    del self.works[work.reactor]
                    return
                answer = error = None
                continue
            if isinstance(needs, Task):
                self.tasks.submit(work, needs)
                return
            answer, error = self.products.get(needs), None
            if needs in self.stalled:
                error = Stalled('', self.stalled[needs])
            elif answer is None:
                break
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
        reactor = self.guesses.next(name)
        self.tried.setdefault(name, []).extend([reactor] if reactor else [])
        return reactor

    def _publish(self, reactor, record):
        """Let others have what a reactor sent."""
        reactor.record = record
        for product in record.products:
            name = product.name
            rivals = [other for other in self.possible_senders(name) if other is not reactor]
            sent = [other for other in rivals if other.record is not None and any(
                name == each.name for each in other.record.products)]
            if sent:
                may = [other for other in rivals if other.record is None]
                raise HotloadError('ingredient %r is sent by %s%s: give it another name in one of them, or leave one '
                                   'out' % (str(name), listed(sent + [reactor]), ', and maybe by ' + listed(may)
                                            if may else ''), *place_of(reactor.function))
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
                    'one in two') % ', '.join('%s for %r' % (each.reactor.name, str(each.needs))
                                               for each in path[path.index(busy[0]):])
        elif senders:
            text = ('reactor %s: no reactor sent the ingredient %r: %s could, but did not; look at what that depends '
                    'on') % (work.reactor.name, str(name), listed(senders))
        else:
            tried = self.tried.get(name)
            text = 'reactor %s: no reactor sends the ingredient %r%s%s; is its producer gone, or not added?' % (
                work.reactor.name, str(name), one_of(name, sorted(self.senders)),
                '; %s ran, in case it does, and did not' % listed(tried) if tried else '')
        self.waiting[name].remove(work)
        if not self.waiting[name]:
            del self.waiting[name]
        self.ready.append((work, None, Unavailable(text, *place_of(work.reactor.function))))

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

    def _look_up(self, work):
        """Steps that find an earlier run of the reactor that holds today; where there is none, others follow them."""
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
        reactor.reason = 'it was asked for' if work.must_run else reactor.reason or self._code_reason(reactor)
        if self.is_dry:
            self._note_stale(reactor)
        elif self.tasks is None or work.must_run:
            self.hints += self._expected(reactor)[::-1] if self.tasks is not None else []
            work.steps = self._run_here(work)
        else:
            work.steps = self._run_elsewhere(work)

    def _note_stale(self, reactor):
        """In a dry session: who waits for what the reactor would make again is told so."""
        reactor.state = 'stale'
        last = self.records.last(reactor.key)
        for product in last.products if last else ():
            self.stalled[product.name] = reactor.name
            error = Stalled('', reactor.name)
            self.ready += [(other, None, error) for other in self.waiting.pop(product.name, ())]

    def _run_elsewhere(self, work):
        """Steps that have the executor run the reactor, again and again until nothing that it needs is missing."""
        reactor, expected = work.reactor, self._expected(work.reactor)
        self.hints += expected[::-1]
        for name in expected:                   # so that it need not be started again for them
            with suppress(Unavailable):
                if self.possible_senders(name):
                    yield name
        while True:
            needs, outcome = (yield self.tasks.task(reactor, [
                self.products[name] for name in set(expected) if name in self.products]))
            if needs is None:
                break
            if outcome is not None:
                self._forget(outcome)           # its bytes are damaged
            expected.append(needs)
            try:
                yield needs
            except Unavailable:                 # it is raised again where the reactor asks for it
                work.steps = self._run_here(work)
                return
        if outcome is None or not self._agrees(outcome[0]):
            self.plant._tell('%s runs in this process: workers have other code or values for it, or cannot write to '
                             'the store' % reactor.name)
            work.steps = self._run_here(work)
        else:
            self._finish(reactor, *outcome)

    def _agrees(self, conversation):
        """Whether what a worker was answered, by what it has loaded, is what it would be answered here."""
        for kind, name, digest in conversation:
            if kind == 'r':
                now = self.workshop.identity(self.products[name]) if name in self.products else None
            else:
                now = self.workshop.answer(kind, name, digest)
            if now != digest:
                return False
        return True

    def _run_here(self, work):
        """Steps that run the reactor in this process."""
        reactor, error = work.reactor, None
        run = work.run = Run(reactor.name, reactor.function, self.workshop, self.plant._emit)
        try:
            wanted = self._advance(run)
            while wanted is not None:
                product = None
                try:
                    product, error = (yield wanted), None
                except Unavailable as raised:
                    error = raised
                    run.note('r', wanted, None)         # if it goes on without
                try:
                    wanted = self._advance(run, product, error)
                except Damaged:
                    self._forget(product)
        except Exception as raised:
            add_note(raised, 'raised in reactor %s' % reactor.name)
            if isinstance(raised, StopIteration):       # it would end this generator
                raise RuntimeError('reactor %s raised StopIteration' % reactor.name)
            raise
        self._finish(reactor, *run.outcome())

    def _advance(self, run, *answer):
        """Let the reactor's own code go on."""
        self.rest.end()
        try:
            return run.advance(*answer)
        finally:
            self.rest.begin()

    def keep(self, reactor, conversation, products, seconds, started):
        """Make a PastRun of a run that ended."""
        record = PastRun(reactor.key, reactor.code, conversation, products, seconds, time.time())
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
        if self.damaged[product.name] > MOST_REPAIRS:
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


def listed(reactors):
    """Their names, as a text: 'load, total and show'."""
    names = sorted(reactor.name for reactor in reactors)
    names[8:] = ['%d more' % len(names[8:])] * (len(names) > 8)
    return ' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))


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


##############################################################################
## 19. Pipeline -- functions whose results survive
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
        self.warehouse = Warehouse(Store(folder, 'plant', max_bytes, trust), logger)
        self.records = PastRuns(self.warehouse.store)
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
        self.add_reactors(*visible_reactors())

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
            instead = ' instead of ' + duration(took + session.saved_s) if session.kept else ''
            self._tell('%s: %d ran, %d kept, in %s%s' % (name, session.ran, session.kept, duration(took), instead))

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
        """([names that a reactor sent], [names that it received]) in the run that holds, or its last one; of one that
        never ran what its code says."""
        record = reactor.record or self.records.last(reactor.key)
        if record is None:
            called = self._current().workshop.called_with
            sent, received = [called(reactor.function, 'send') | called(reactor.function, 'allocate'),
                              called(reactor.function, 'receive')]
            return [sorted(names - set([None])) for names in (sent, received)]
        return [product.name for product in record.products], [
            name for kind, name, _ in record.conversation if kind == 'r']

    def tree(self):
        """The reactors with what they receive below them, fresh or stale and why, as a text."""
        session = self._looked()
        lines, shown, sender, below, used = [], set(), {}, {}, set()
        for reactor in session.reactors.values():
            sender.update((name, reactor) for name in self._names(reactor)[0])
        for reactor in session.reactors.values():
            below[reactor], names_of = [], {}   # [(producer, names that it sends here)]
            for name in self._names(reactor)[1]:
                by = sender.get(name)
                if by is not None and by not in names_of:
                    names_of[by] = []
                    below[reactor].append((by, names_of[by]))
                names_of.get(by, []).append(name)
            used.update(names_of)
        tops = [reactor for reactor in session.reactors.values() if reactor not in used]
        todo = [(reactor, 0, ()) for reactor in reversed(tops or list(session.reactors.values()))]
        while todo:
            reactor, depth, names = todo.pop()
            state = 'fresh' if reactor.state == 'kept' else 'stale: %s' % reactor.reason
            label = '%s%s%s' % ('  ' * depth, shown_names(names) + ' <- ' * bool(names), reactor.name)
            lines.append('%-40s %s' % (label, '(above)' if reactor in shown else state))
            if reactor not in shown:
                shown.add(reactor)
                todo += [(by, depth + 1, names) for by, names in reversed(below[reactor])]
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
        target = Warehouse(Store(folder, 'export'))
        target.specs.update(self.warehouse.specs)
        for name, value in sorted(values.items()):
            product = target.put(name, str(self.get_ingredient_object(name).type), value)
            target.store.append(b'E' + 16 * b'\0' + marshal.dumps(tuple(product)))
        target.store.close()

    def shutdown(self):
        """Close the store. Called at the end of a `with`."""
        if self.warehouse.store.max_bytes is not None:
            shrink(self.records, self.warehouse.store)
        self.warehouse.store.merge(PastRuns.merged)
        self.warehouse.close()


def load_ingredients(folder, names=None, specs=()):
    """{name: value} of the ingredients that plant.export() wrote to a folder; `names`: of these only.

    specs: those that ingredients of types of yours need. Raises HotloadError for damaged ones.

    >>> import tempfile
    >>> @ReactorFunc
    ... def load(pipe):
    ...     pipe.send('data', [1, 2])
    >>> folder = tempfile.mkdtemp()
    >>> with Plant(tempfile.mkdtemp()) as plant:
    ...     plant.add_reactors(load)
    ...     plant.export(['data'], folder)
    >>> load_ingredients(folder)
    {'data': [1, 2]}
    """
    if not any(name.startswith('export-' + PYTHON_TAG) for name in list_folder(path_text(folder))[1]):
        raise HotloadError('expected a folder that plant.export() wrote, with this version of Python',
                           path=path_text(folder))
    warehouse, found = Warehouse(Store(folder, 'export')), {}
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


def shown_names(names):
    """Names of ingredients on a line: not all, cut, and quoted where they hold what would break it."""
    names = [name if len(name) <= 40 else name[:37] + '...' for name in names[:6]] + ['...'] * (len(names) > 6)
    return ', '.join(name if name == name.strip() != '' and not re.search(r'[\x00-\x1f\x7f]', name) else repr(name)
                     for name in names)


def quoted(text):
    """A text in DOT."""
    return '"%s"' % text.replace('\\', '\\\\').replace('"', '\\"')


def shrink(records, store):
    """Bring a store below its bound: records that were not used for longest go, and what only they need. While other
    processes are at work in it, that is left to the one that ends last."""
    if store.lost is not None or store.folder is None or store.size() <= store.max_bytes or store.is_shared():
        return
    runs = sorted(records.all(), key=lambda run: (
        any(product.address in store.used for product in run.products), run.time))
    keep, total = [], 0
    for run in reversed(runs):
        size = 200 + sum(product.size for product in run.products)
        if total + size <= store.max_bytes * 9 // 10:
            total += size
            keep.append(run)
    needed = set(product.address for run in keep for product in run.products)
    known = set(product.address for run in runs for product in run.products)
    store.rewrite(lambda payloads: [PastRuns.encode(run) for run in reversed(keep)])
    for address in store.addresses():
        state = None if address in known else state_of(store.place(address))
        if address not in needed and (address in known or newest_s(state) < time.time() - ABANDONED_S):
            store.discard(address)              # the others may belong to a run of another process that goes on


##############################################################################
## 20. Run -- start when this file is the program
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
