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
    14. Survey        what a value reaches, and what code uses
    15. Observe       what a statement says, and what it does unseen
    16. Versions      which value a name should have, and where it is
    17. Statements    run one, and see what it did
    18. Rerun         run only what changed
    19. Meaning       fingerprints of functions and values
    20. Values        what reactors send, and what is known of their runs
    21. Reactors      functions that receive and send values
    22. Workers       reactors in other threads, processes and machines
    23. Schedule      which reactors run, and when
    24. Pipeline      functions whose results survive
    25. Log           what a recording is made of
    26. Files         a recording as lists and atoms
    27. Recording     the state at any step, and other questions
    28. Follow        what changed in the objects
    29. Plan          what a line can change
    30. Trace         sys.settrace writes the log
    31. Record        code, functions and scripts
    32. Player        what a browser knows of a recording
    33. Page          what it shows of it
    34. Export        a recording as one HTML file
    35. Run           start when this file is the program

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
LIBRARY = os.path.dirname(getattr(os, '__file__', ''))          # '' in a program that has the library inside
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
    IMPORTER_FILES = ('<frozen importlib', os.path.join(LIBRARY, 'importlib', ''))

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
HAS_HASHED_BYTECODE = sys.version_info >= (3, 7)                # PEP 552: it says what it goes by, before the time
ON_JAVA = os.name == 'java'                     # Jython calls a handler in another thread; to ask for one sets it
HAS_SIGNALS = hasattr(c_signal, 'SIGINT') and sys.platform not in ('emscripten', 'wasi') and not ON_JAVA
HAS_PROCESS_GROUPS = hasattr(os, 'killpg') and hasattr(os, 'setpgid')
# A fork without exec breaks system libraries on a Mac (they abort or hang in the child).
HAS_SUPERVISOR = HAS_SIGNALS and hasattr(os, 'fork') and sys.platform != 'darwin'
HAS_CONSOLE = os.name == 'nt'                   # Windows: cls clears, input is CONIN$; select() takes sockets only
HAS_EXEC = HAS_SIGNALS and hasattr(os, 'execv') and not HAS_CONSOLE
HAS_TREE_KEPT = '__pypy__' not in sys.builtin_module_names and not ON_JAVA     # CPython keeps that of what it runs
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
            module = sys.modules.setdefault(fullname, ModuleType(fullname))
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
ModuleType = type(os)                           # on Jython sys is none
HAS_BYTECODE = hasattr(CodeType, 'co_consts')   # Jython makes classes of Java from the syntax tree
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


if PY2:
    import __builtin__ as builtins
    range_type = xrange                                                          # noqa: F821
else:
    import builtins
    range_type = range
HAS_ITERATOR_STATE = not PY2                    # list iterators and the like tell where they stand


def source_text(data):
    """Bytes of a source file as a str for people."""
    return data if PY2 else data.decode('utf-8', 'replace')


def file_name(data):
    """The str for a name that the system gave as bytes."""
    return data if isinstance(data, str) else os.fsdecode(data)


def environment_data():
    """(the object, the name of its attribute) that holds the dict behind os.environ."""
    return os.environ, '_data' if hasattr(os.environ, '_data') else 'data'


def own_hash(kind):
    """Whether the type hashes by value: then its instances do not change."""
    return kind.__hash__ not in (object.__hash__, None)


builtins_space = vars(builtins)
ATOM_TYPES = [int, float, complex, bool, str, bytes, text_type, type(None), type(Ellipsis),
    type(NotImplemented)] + (
    [long] if PY2 else [])                                      # noqa: F821
number_types = (int, long) if PY2 else (int,)                   # noqa: F821
# Comprehensions run in the frame around them (2.7: those that make a list); `with` is left on the line of
# its body.
COMPREHENSIONS_INLINE, WITH_ENDS_IN_BODY = sys.version_info >= (3, 12), sys.version_info < (3, 10)
HAS_LOCALS_PROXY = type((lambda: sys._getframe().f_locals)()) is not dict       # PEP 667
# The dict that f_locals is keeps up with the frame whenever its trace function is called.
LOCALS_KEEP_UP = sys.version_info < (3, 11) and HAS_TREE_KEPT
DICTS_ARE_ORDERED = sys.version_info >= (3, 6)
SlotType = type(type(str('Slotted'), (object,), {'__slots__': (str('slot'),)}).slot)
# Turns of threads are counted in instructions, of which the recorder takes many: so one that begins lets the
# one that started it go on.
STARTER_FIRST_S = 0.002 if PY2 else 0
HAS_WIDE_IDENTS = sys.version_info >= (3, 7)
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
    exec(compile('def reraise(error, trace):\n    """Raise an exception again, with its traceback."""\n'
                 '    raise error, None, trace\n', path_text.__code__.co_filename, 'exec'))
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


HAS_CASTS = hasattr(memoryview, 'cast')          # of a memoryview, to other items
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
NO_STREAM = (Exception,)    # None, a closed one, one that has not all methods, a host's own that raises its own kind


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


def require_bytecode(what):
    """Refuse to do `what`, which reads or makes byte code, on a Python that has none; HotloadError says so."""
    if not HAS_BYTECODE:
        raise HotloadError('%s needs byte code, and this Python has none; here hotload can only run things again '
                           '(hotload SCRIPT, -m, -c)' % what)


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
    prefixes = filter(None, (sys.prefix, sys.exec_prefix, LIBRARY))         # a host may know none of them
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
    [where it would have been]}.      keys: {path: key} of other files, as they were when the program read them.
    version: changes with these.
    """

    def __init__(self):
        self.texts, self.modules, self.missing, self.version = {}, {}, {}, 0
        self.roots, self.files, self.users, self.imports, self.folders = [], set(), 0, {}, {}
        self.codes, self.keys = {}, {}
        self.loads = {}                         # {path: an object that stands for the last run of the whole file}

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
                    name not in ('__main__', '__mp_main__')):       # the second is multiprocessing's name of it
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
        self.loads[path] = object()
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
                name.startswith(below) or self.imports_of(name) & stale or None in self.imports_of(name)))
            stale = stale | more
        order, seen = [], set()

        def visit(name):
            if name in stale and name not in seen:
                seen.add(name)
                for other in sorted(self.imports_of(name) - set([None])):
                    visit(other)
                order.append(name)
        for name in sorted(stale):
            visit(name)
        return [name for name in order if name in sys.modules]

    def imports_of(self, name):
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
        if path in fresh.texts:
            key = fresh.texts[path][0]
        else:
            key = fresh.keys[path] if path in fresh.keys else file_key(path)
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
STANDARD_NAMES = ('array binascii bisect codeop collections contextlib copyreg enum fnmatch functools hashlib '
                  'itertools keyword linecache opcode operator pickle re reprlib select shutil signal struct '
                  'tempfile textwrap token tokenize traceback types warnings weakref').split()
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
            forget_finders()
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
        self.space = ModuleType(self.name)
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

    def enter(self, changed=()):
        """Make the process ready for a run, as Python would; what load() gives."""
        if self.before is None:
            fresh.install([self.folder], self.files()[:1])
            if not hasattr(sys, 'argv'):        # in an application that embeds Python
                sys.argv = []
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
            found = self.load()
        except EnvironmentError as error:
            raise HotloadError('cannot be read: %s' % error.strerror, path=self.given)
        self.namespace.update(facts, __file__=self.path)
        self.namespace.pop('__warningregistry__', None)         # a warning is shown once a run
        if self.as_main:
            sys.modules['__main__'] = sys.modules['__mp_main__'] = self.space
        if self.name != '__main__':
            sys.modules[self.name] = self.space
        return found

    def load(self):
        """What is to run: the code object of the script as it is now."""
        return fresh.compile(self.path)

    def run(self, changed=()):
        """Run it once; what it raises goes through."""
        self.execute(self.enter(changed))

    def execute(self, code):
        """Run its code, and call the entry point."""
        execute(code, self.namespace)
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
        memory = bytearray(self.SIZE)
        if HAS_SUPERVISOR:
            import mmap
            memory = mmap.mmap(-1, self.SIZE)
        vars(self).update(memory=memory, marshal=marshal)

    def __getattr__(self, name):
        at = 4 * self.FIELDS.index(name)
        return struct.unpack('=I', bytes(self.memory[at:at + 4]))[0]

    def __setattr__(self, name, value):
        at = 4 * self.FIELDS.index(name)
        self.memory[at:at + 4] = struct.pack('=I', value)

    def set_keys(self, paths):
        """Note the keys that the files have at the begin of a run."""
        data = self.marshal.dumps([(path, file_key(path)) for path in paths])
        self.size = len(data) if len(data) < self.SIZE - self.START else 0
        self.memory[self.START:self.START + self.size] = data[:self.size]

    def changed(self):
        """Whether one of those files has another key now."""
        keys = self.marshal.loads(bytes(self.memory[self.START:self.START + self.size])) if self.size else []
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
        failed = False

        def runsource(self, source, *args, **kwargs):
            self.failed = False
            more = code.InteractiveConsole.runsource(self, source, *args, **kwargs)
            if not more:
                getattr(step, 'typed', lambda text, failed: None)(source, self.failed)
            return more

        def showtraceback(self, *args, **kwargs):
            self.failed = True
            code.InteractiveConsole.showtraceback(self, *args, **kwargs)

        def showsyntaxerror(self, *args, **kwargs):
            self.failed = True
            code.InteractiveConsole.showsyntaxerror(self, *args, **kwargs)

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
        except HotloadError as error:           # the value of an option
            write(sys.stderr, 'hotload: %s\n' % error)
            shared.ended = 2
            return 2
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
    found = [(name, getattr(node, name, None)) for name in node._fields if name not in MEANINGLESS]
    return [part for part in found if part[1] is not None]


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
        if found and not (node.col_offset == 0 or getattr(node, 'decorator_list', ()) or isinstance(node, _ast.With)):
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
    todo = [vars(module) for module in list(sys.modules.values()) if isinstance(module, ModuleType)]
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
        made = struct.unpack('<I', head[8:12] if HAS_HASHED_BYTECODE else head[4:8])[0]
        by_hash = HAS_HASHED_BYTECODE and head[4:8] != b'\0' * 4
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
            if isinstance(module, ModuleType) and module_path(module) == self.path and module not in found:
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
        require_bytecode('live patching')
        self.patterns, roots, named = [], [], []
        for pattern in patterns or ('.',):
            for part in pattern if isinstance(pattern, (list, tuple)) else [pattern]:
                path = module_path(part) if isinstance(part, ModuleType) else None
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
            path = module_path(module) if isinstance(module, ModuleType) else None
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
        sys.modules['__main__'] = ModuleType('__main__')
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
    require_bytecode('a recoder')
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
    if isinstance(target, ModuleType):
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
    require_bytecode('reloading()')
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
                # What is there is damaged, or another process made it just now: a file takes its place at once, so that
                # it is never missing; only a folder cannot, and on Windows nothing.
                if os.path.lexists(place) and (HAS_CONSOLE or os.path.isdir(place) or os.path.isdir(path)):
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
## 14. Survey -- what a value reaches, and what code uses
##############################################################################
#
# Gives to those below survey(), which walks over all that a value reaches, so that two walks tell whether it
# changed and two values whether they share something; and code_uses(), the names that code uses.
#
# A survey goes level by level and lets C code visit the members of lists and dicts: 60,000 dicts take about as
# long as pickling them. What changed is seen by identity, without calling the user's __eq__ or __hash__.
#
# Not handled: state of C extensions that Python cannot see; a value that holds such is `opaque`.

array, collections, functools, itertools, operator, types, weakref = map(
    Later, ('array', 'collections', 'functools', 'itertools', 'operator', 'types', 'weakref'))

LARGE = 2 ** 16             # bytes; what is larger is compared by checksum
MADE_BY_CLASS = 1 << 9      # a type's flag: made by a class statement, or by C code in a like way
POINTER_BYTES = getattr(tuple, '__itemsize__', 8)      # PyPy does not tell
LONG = type(sys.maxsize + 1)
PLAIN_TYPES = frozenset([type(None), bool, int, LONG, float, complex, bytes, text_type])      # versions by value
PARTLESS = set(PLAIN_TYPES)  # immutable, and without parts; more of them, and what follows, by learn_members()
FIXED = frozenset([tuple, frozenset])
SERIES = set([list, tuple, set, frozenset])
KNOWN_BASES = set()         # types of Python's own whose instances have no state but what the collector sees
OPENERS, BASES = {}, []     # {type: function that gives the members of one of it}, the same for derived types
# Types of C code that have no state but what the collector sees; and immutable ones.
CLEAR_TYPES = frozenset(
    '_tuplegetter mappingproxy dictproxy member_descriptor getset_descriptor _lru_cache_wrapper method instancemethod '
    'SimpleNamespace itemgetter attrgetter methodcaller Match SRE_Match Struct TypeVar ParamSpec dtype ufunc '
    'classmethod_descriptor method-wrapper Pattern SRE_Pattern _abc_data cython_function_or_method ModuleSpec Element '
    'builtin_function_or_method weakproxy module UnionType GenericAlias'.split())
# Code that uses one of these may read or write any name: after a fork the rest of the script runs there too, and a
# plant may run any reactor.
WILD = frozenset('fork forkpty exec eval globals locals vars execfile __import__ _getframe currentframe __globals__ '
                 'f_globals __main__ modules func_globals runpy import_module run_reactor fetch_ingredient '
                 'add_all_visible_reactors outdated'.split())
WILD_MODULES = frozenset('pickle cPickle _pickle shelve dill cloudpickle joblib multiprocessing timeit doctest '
                         'unittest pdb concurrent copyreg runpy inspect gc code'.split())
NO_KEYS = frozenset('__dict__ __weakref__ __doc__ __slotnames__ __firstlineno__ __static_attributes__ __annotations__ '
                    '__annotate__ __annotate_func__ __annotations_cache__ _abc_impl _abc_cache _abc_registry '
                    '_abc_negative_cache _abc_negative_cache_version __subclasshook__ __abstractmethods__'.split())


def short_hash(*parts):
    """A short text that stands for these texts."""
    return checksum(b'\0'.join(map(encoded, parts)))[:24]


# ---- what code uses

# {instruction: the part of CodeUses that its name is in}
USED_BY = dict((instruction, part) for part, names in (
    ('names', 'LOAD_NAME LOAD_GLOBAL LOAD_FROM_DICT_OR_GLOBALS'),
    ('sets', 'STORE_NAME STORE_GLOBAL DELETE_NAME DELETE_GLOBAL'),
    ('attributes', 'LOAD_ATTR LOAD_METHOD LOAD_SUPER_ATTR IMPORT_FROM'),
    ('puts', 'STORE_ATTR DELETE_ATTR'), ('imports', 'IMPORT_NAME')) for instruction in names.split())


class CodeUses(object):
    """What a code object and those in it name. names: globals that they read or set.      sets: globals they set.
    attributes, puts: attributes read, and set or deleted.      imports: names of modules.      may_import: whether
    it imports anything.      computes_imports: whether it computes their names.      wild: it may use any name."""

    __slots__ = ('code', 'names', 'sets', 'attributes', 'puts', 'imports', 'may_import', 'computes_imports', 'wild')

    def __init__(self, code):
        self.code = code                        # held, so that its id stays its own
        self.names, self.sets, self.attributes, self.puts, self.imports = set(), set(), set(), set(), set()
        for instruction, about in read_code(code)[2]:
            part = USED_BY.get(instruction)
            if part is not None:
                getattr(self, part).add(about)
        self.wild = False
        for const in code.co_consts:
            if isinstance(const, CodeType):
                inner = code_uses(const)
                for part in ('names', 'sets', 'attributes', 'puts', 'imports'):
                    getattr(self, part).update(getattr(inner, part))
                self.wild |= inner.wild
        self.names |= self.sets
        self.computes_imports = any(name in self.names or name in self.attributes
                                    for name in ('import_module', '__import__'))
        self.may_import = bool(self.imports or self.computes_imports)
        self.wild |= bool(WILD.intersection(self.names) or WILD.intersection(self.attributes)
                          or '__main__' in self.imports)


USES = {}                   # {id of a code object: its CodeUses}


def code_uses(code):
    """The CodeUses of a code object."""
    found = USES.get(id(code))
    if found is None:
        if len(USES) > 50000:
            USES.clear()
        found = USES[id(code)] = CodeUses(code)
    return found


# ---- what a value reaches

def flat(groups):
    """The members of all groups, as an iterator."""
    return itertools.chain.from_iterable(groups)


def compress(items, chosen):
    """The items whose partner in `chosen` is true, as a list."""
    return list(itertools.compress(items, chosen))



class Program(object):
    """What a survey must know of the program. names: the dict of its globals.      owners: {id of a function or
    class: its global name}.      is_local(name of a module) -> whether it is the user's.      skip: {id: object}
    that are not entered.      originals: {id of a code object: the one it took the place of, and itself}."""

    def __init__(self, names, module, is_local):
        learn_members()
        self.names, self.owners, self.is_local, self.originals = names, {}, is_local, {}
        self.skip = dict((id(item), item) for item in (names, module, vars(sys), sys.modules, vars(gc)))

    def owner(self, item):
        """The global name of the function or class, if it has one now."""
        name = self.owners.get(id(item))
        return name if name is not None and self.names.get(name) is item else None


class Survey(object):
    """What a value reaches. trail: the objects, in the order of the walk.      extras: list of other state, such as
    lengths and positions.      ids: of the objects that can change.      soft: {name: function or class} which it
    reaches and which global names own; they are not entered.      refs: names that functions in it use.
    uses: the CodeUses of these.      modules: names of local modules that it reaches.      shared: modules of
    others that it reaches.      opaque: why it cannot be followed, or None.
    bytes: how many are in arrays.      walk: [(type, objects of it)], the order of the walk."""

    __slots__ = ('trail', 'extras', 'ids', 'soft', 'refs', 'uses', 'modules', 'shared', 'opaque', 'bytes', 'walk')

    def __init__(self):
        self.trail, self.extras, self.ids, self.soft, self.refs = [], [], set(), {}, set()
        self.uses, self.modules, self.shared, self.opaque, self.bytes, self.walk = [], set(), [], None, 0, []

    def still_holds(self, space):
        """Whether nothing that it met changed since. (Cheaper than a new survey: nothing is collected.)"""
        if self.opaque:
            return False
        at, extra, new = 0, 0, Survey()
        for kind, items in self.walk:
            if kind in SERIES:
                lengths, members = list(map(len, items)), flat(items)
                new.extras.append(lengths)
                count = sum(lengths)
            elif kind is dict:
                lengths = list(map(len, items))
                new.extras.append(lengths)
                members = itertools.chain(flat(items), flat(map(dict.values, items)))
                count = 2 * sum(lengths)
            else:
                opener, members = OPENERS.get(kind) or opener_of(kind, space), []
                for item in items:
                    members.extend(opener(item, new, space, item is self.walk[0][1][0]))
                count = len(members)
            if new.extras != self.extras[extra:extra + len(new.extras)] or new.opaque:
                return False
            known = itertools.islice(self.trail, at, at + count)
            if at + count > len(self.trail) or not all(map(operator.is_, members, known)):
                return False
            at, extra = at + count, extra + len(new.extras)
            new.extras = []
        return at == len(self.trail) and new.soft == self.soft

    def holds(self, names):
        """Whether the functions and classes that it does not enter are still those of their names."""
        return all(names.get(name) is item for name, item in self.soft.items())


NOTHING = Survey()          # of a number, a text and the like


def survey(top, space):
    """The Survey of a value."""
    if type(top) in PLAIN_TYPES:
        return NOTHING
    found, seen, level = Survey(), dict(space.skip), [top]
    if id(top) in seen:
        return found
    seen[id(top)] = top
    found.ids.add(id(top))
    while level:
        groups = {}
        kinds = set(map(type, level))
        if len(kinds) == 1:
            order = list(kinds)
            groups[order[0]] = level
        else:
            order = []
            for item in level:
                kind = type(item)
                if kind not in groups:
                    groups[kind] = []
                    order.append(kind)
                groups[kind].append(item)
        members = []
        for kind in order:
            items = groups[kind]
            found.walk.append((kind, items))
            if kind in SERIES:
                found.extras.append(list(map(len, items)))
                members.extend(flat(items))
            elif kind is dict:
                found.extras.append(list(map(len, items)))
                members.extend(flat(items))
                members.extend(flat(map(dict.values, items)))
            else:
                opener = OPENERS.get(kind) or opener_of(kind, space)
                for item in items:
                    members.extend(opener(item, found, space, item is top))
        found.trail += members
        kinds = set(map(type, members)) - PARTLESS
        if not kinds:
            break
        level = compress(members, map(kinds.__contains__, map(type, members)))
        unique = dict(zip(map(id, level), level))
        for number in [number for number in unique if number in seen] if len(unique) < len(seen) else [
                number for number in seen if number in unique]:
            del unique[number]
        seen.update(unique)
        if kinds & FIXED:
            found.ids.update(number for number, item in unique.items() if type(item) not in FIXED)
        else:
            found.ids.update(unique)
        level = list(unique.values())
    return found


def is_python_class(kind):
    """Whether a class statement made it: its instances hold nothing but the __dict__, slots and weak references."""
    if not kind.__flags__ & MADE_BY_CLASS or kind.__base__ is None:
        return False
    parts = vars(kind)
    known = sum(1 for part in parts.values() if type(part).__name__ == 'member_descriptor')
    known += ('__dict__' in parts) + ('__weakref__' in parts)
    return kind.__basicsize__ - kind.__base__.__basicsize__ <= known * POINTER_BYTES


def own_space(item):
    """The __dict__ of an instance, if it has one already: C types make it when they are asked."""
    if is_python_class(type(item)) and not isinstance(item, BaseException):
        return getattr(item, '__dict__', None)
    return None


def opener_of(kind, space):
    """The function that gives the members of instances of a type not in OPENERS."""
    if isinstance(kind, class_types) and issubclass(kind, class_types):
        return open_class
    if kind.__module__.startswith('pandas.'):
        return open_pandas
    if kind.__module__ in ('numpy', 'numpy.ma') and hasattr(kind, '__array_interface__'):
        return open_array if hasattr(kind, 'setflags') else open_nothing
    for base, opener in BASES:
        if issubclass(kind, base):
            return opener
    if hasattr(kind, '__next__') or hasattr(kind, 'next') and not kind.__flags__ & MADE_BY_CLASS:
        return open_iterator
    if all(hasattr(kind, part) for part in ('fileno', 'closed', 'tell')) or kind.__name__ in (
            'StringIO', 'BytesIO', 'StringO'):
        return open_file
    if any(base.__module__ == '_random' for base in kind.__mro__):
        return open_random
    built_in = [base for base in kind.__mro__ if not is_python_class(base)][0]
    if built_in in KNOWN_BASES or built_in.__name__ in CLEAR_TYPES or own_hash(built_in):
        return open_instance
    return open_opaque


def open_nothing(item, found, space, is_top):
    """Nothing: it has no parts, or none that count."""
    return ()


def open_instance(item, found, space, is_top):
    """Attributes, slots and contents of an instance."""
    kind, space_of = type(item), own_space(item)
    members = [part for part in gc.get_referents(item) if part is not kind and part is not space_of]
    if hasattr(kind, '__self__'):               # a method
        members.append(item.__self__)
    if isinstance(item, dict):
        members += dict.keys(item)
    if type(space_of) is dict:
        members.append(space_of)
    if kind.__flags__ & MADE_BY_CLASS:
        members.append(kind)
    if hasattr(kind, 'cache_info'):
        found.extras.append(tuple(item.cache_info()))
    return members


def open_opaque(item, found, space, is_top):
    """What C code keeps; it is never the same after it was used."""
    state = None
    try:
        if hasattr(item, 'locked'):
            state = repr(item.locked())
        elif hasattr(item, 'hexdigest'):
            state = item.hexdigest()
        elif hasattr(item, 'bit_generator'):
            state = repr(item.bit_generator.state)
        elif type(item).__module__.startswith('numpy.random'):
            state = repr(item.state if hasattr(item, 'state') else item.get_state())
    except Exception:
        state = None
    if state is None:
        found.opaque = found.opaque or 'a %s' % type(item).__name__
    found.extras.append(state)
    return open_instance(item, found, space, is_top) if state is None else ()


def open_function(item, found, space, is_top):
    """What a function holds, unless a global name owns it."""
    owner = None if is_top else space.owner(item)
    if owner is not None:
        found.soft[owner] = item
        found.ids.discard(id(item))
        return ()
    code, spaces = item.__code__, item.__globals__
    if spaces is not space.names and not space.is_local(getattr(item, '__module__', None)):
        found.ids.discard(id(item))
        return ()
    uses = code_uses(code)
    found.uses.append(uses)
    original = space.originals.get(id(code))
    members = [original[0] if original else code, item.__defaults__, getattr(item, '__kwdefaults__', None)]
    members += item.__closure__ or ()
    if item.__dict__:
        members.append(item.__dict__)
    if spaces is space.names:
        found.refs |= uses.names
    else:
        found.modules.add(item.__module__)
        present = sorted(name for name in uses.names if name in spaces)
        found.extras.append(present)
        members += [spaces[name] for name in present]
    return members


def open_class(item, found, space, is_top):
    """What a class of the script holds, unless a global name owns it."""
    owner = None if is_top else space.owner(item)
    if owner is not None:
        found.soft[owner] = item
    if owner is not None or item.__module__ != '__main__' and not space.is_local(item.__module__):
        found.ids.discard(id(item))
        return ()
    if item.__module__ != '__main__':
        found.modules.add(item.__module__)
    names = sorted(name for name in vars(item) if name not in NO_KEYS)
    found.extras.append(names)
    members = [vars(item)[name] for name in names] + list(item.__bases__)
    if type(item) not in class_types:
        members.append(type(item))
    return members


def open_module(item, found, space, is_top):
    """What a local module holds."""
    if not space.is_local(item.__name__):
        found.ids.discard(id(item))
        found.shared.append(item)
        return ()
    found.modules.add(item.__name__)
    names = sorted(name for name in vars(item) if not name.startswith('__'))
    found.extras.append(names)
    return [vars(item)[name] for name in names]


def open_cell(item, found, space, is_top):
    """What a closure cell holds."""
    try:
        return (item.cell_contents,)
    except ValueError:
        return ()


def open_builtin(item, found, space, is_top):
    """A method of an object, or a function of a module."""
    owner = getattr(item, '__self__', None)
    if owner is None or isinstance(owner, (types.ModuleType,) + class_types):
        found.ids.discard(id(item))
        return ()
    return (owner,)


def open_generator(item, found, space, is_top):
    """A generator or coroutine: where it stands, and its variables."""
    for prefix in 'gi_', 'cr_', 'ag_':
        if hasattr(item, prefix + 'frame'):
            frame, code = getattr(item, prefix + 'frame'), getattr(item, prefix + 'code')
    found.refs |= code_uses(code).names
    found.uses.append(code_uses(code))
    if frame is None:
        found.extras.append(None)
        return ()
    values = dict(frame.f_locals)
    names = sorted(values)
    found.extras.append((frame.f_lasti, names))
    return [values[name] for name in names]


def open_iterator(item, found, space, is_top):
    """An iterator of C code: how much is left, or where it stands."""
    import warnings
    try:
        hint = item.__length_hint__() if hasattr(item, '__length_hint__') else None
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')     # itertools: a state is not to be had from 3.14 on
            known = HAS_ITERATOR_STATE or type(item).__module__ == 'itertools'
            state = item.__reduce__()[1:] if known else ()
        found.extras.append((hint, [part for part in flat(
            part if isinstance(part, tuple) else [part] for part in state) if type(part) in PLAIN_TYPES]))
        if hint is None and not known:
            found.opaque = found.opaque or 'a %s' % type(item).__name__
    except Exception:
        found.opaque = found.opaque or 'a %s' % type(item).__name__
    return [part for part in gc.get_referents(item) if part is not type(item)]


def open_file(item, found, space, is_top):
    """A file: its position."""
    try:
        found.extras.append(None if item.closed else item.tell())
    except (EnvironmentError, ValueError):
        found.extras.append(None)
        if is_terminal(item) or item in (sys.stdin, sys.stdout, sys.stderr):
            return ()
        found.opaque = found.opaque or 'a file whose position is not known'
    if hasattr(item, 'getvalue') and not item.closed:
        found.extras.append(item.getvalue())
    return ()


def open_buffer(item, found, space, is_top):
    """A bytearray, an array: its content."""
    data = bytes(item) if isinstance(item, bytearray) else getattr(item, 'tobytes', getattr(item, 'tostring', None))()
    found.bytes += len(data)
    found.extras.append(data if len(data) < LARGE else checksum(data))
    return [item.__dict__] if hasattr(item, '__dict__') else ()


def open_view(item, found, space, is_top):
    """What a memoryview looks at."""
    return [item.obj] if hasattr(item, 'obj') else ()


def open_array(item, found, space, is_top):
    """An array of numpy: shape, type and a checksum; a view shares the array that it looks at."""
    found.extras.append((item.shape, item.strides, str(item.dtype)))
    members = [item.base] if item.base is not None else []
    if hasattr(item, '__dict__'):
        members.append(item.__dict__)
    if item.dtype.hasobject:
        return members + item.ravel().tolist()
    found.bytes += item.nbytes
    data = item if item.flags.c_contiguous else item.copy()
    found.extras.append(checksum(data.reshape(-1).view('u1')) if item.size else '')
    return members


def open_pandas(item, found, space, is_top):
    """A frame, series or index of pandas, without what it remembers of earlier questions."""
    kind = type(item).__name__
    if hasattr(item, 'blocks') and hasattr(item, 'axes'):
        return list(item.blocks) + list(item.axes)
    if kind.endswith('Block') and hasattr(item, 'values'):
        found.extras.append(repr(item.mgr_locs.as_array.tolist()) if hasattr(item, 'mgr_locs') else None)
        return [item.values]
    values = getattr(item, '__dict__', None) or {}
    names = sorted(name for name in values if name not in ('_cache', '_item_cache', '_cacher', '_is_copy', '_engine'))
    found.extras.append(names)
    members = [values[name] for name in names]
    if hasattr(item, '_ndarray'):
        members.append(item._ndarray)
    if type(item).__flags__ & MADE_BY_CLASS and not values and not hasattr(item, '_ndarray'):
        return open_instance(item, found, space, is_top)
    return members


def open_random(item, found, space, is_top):
    """The state of a generator of random numbers."""
    found.extras.append(item.getstate())
    return open_instance(item, found, space, is_top)


def open_error(item, found, space, is_top):
    """An exception, without the frames of its traceback."""
    members = [item.args, getattr(item, '__cause__', None), getattr(item, '__context__', None)]
    members += [part for part in gc.get_referents(item) if type(part) is dict]
    return members + ([type(item)] if type(item).__flags__ & MADE_BY_CLASS else [])


def open_old_instance(item, found, space, is_top):
    """What an instance of a class of the old style holds."""
    return [item.__dict__, item.__class__]


def open_wrapper(item, found, space, is_top):
    """A classmethod, staticmethod or property."""
    if isinstance(item, property):
        return [item.fget, item.fset, item.fdel] + ([type(item)] if type(item) is not property else [])
    return [item.__get__(None, object)] if not hasattr(item, '__func__') else [item.__func__]


def learn_members():
    """Fill OPENERS and its like, for the first survey: the modules of these types take long to load."""
    if FunctionType in OPENERS:
        return
    PARTLESS.update([type(Ellipsis), type(NotImplemented), CodeType, range_type, slice, type(str.join),
                     type(str.__add__), type(CodeType.co_code)])
    SERIES.add(collections.deque)
    KNOWN_BASES.update([object, dict, int, LONG, float, complex, bytes, text_type, type, property, staticmethod,
                        classmethod, builtins.super, functools.partial, types.ModuleType, BaseException, Exception,
                        type({}.keys()), type({}.values()), type({}.items()), collections.OrderedDict,
                        collections.defaultdict], SERIES)
    OPENERS.update((kind, open_nothing) for kind in PARTLESS)
    OPENERS.update({FunctionType: open_function, types.ModuleType: open_module, CellType: open_cell,
                    types.BuiltinFunctionType: open_builtin, bytearray: open_buffer, array.array: open_buffer,
                    memoryview: open_view, weakref.ref: open_nothing, types.FrameType: open_nothing,
                    types.TracebackType: open_nothing})
    OPENERS.update((getattr(types, kind), open_generator) for kind in (
        'GeneratorType', 'CoroutineType', 'AsyncGeneratorType') if hasattr(types, kind))
    if hasattr(types, 'InstanceType'):
        OPENERS[types.InstanceType] = open_old_instance
    BASES.extend([(BaseException, open_error), (bytearray, open_buffer), (array.array, open_buffer),
                  ((property, staticmethod, classmethod), open_wrapper), (types.ModuleType, open_module)])


##############################################################################
## 15. Observe -- what a statement says, and what it does unseen
##############################################################################
#
# Gives to those below Chunk, a statement of the script with its Facts: what its text tells of what it reads and
# binds; and Observer, which notes what leaves no trace in names: files and folders that are read, files that
# are written, variables of the environment, what is printed; and hidden_state(), what of the process can be
# told apart and put back (random numbers, the current folder, ...).
#
# The stand-ins for open(), os.listdir() and the like are there only while statements run.
#
# Not handled: files that C code opens by itself (see depends() in Rerun).

MOST_OUTPUT = 2 ** 20       # characters that are kept of what a statement printed
# What gives another answer each time, by module.
CLOCKS = dict((module, frozenset(names.split())) for module, names in [
    ('time', 'time time_ns monotonic perf_counter process_time clock ctime localtime gmtime strftime asctime'),
    ('datetime', 'now utcnow today'), ('uuid', 'uuid1 uuid4'), ('secrets', 'token_hex token_bytes randbelow choice'),
    ('os', 'urandom getpid times system popen'), ('posix', 'urandom getpid times system popen'),
    ('subprocess', 'run call check_call check_output Popen getoutput'), ('getpass', 'getpass'),
    ('tempfile', 'mkdtemp mkstemp mktemp NamedTemporaryFile TemporaryFile TemporaryDirectory SpooledTemporaryFile'),
    ('urllib.request', 'urlopen urlretrieve'), ('urllib2', 'urlopen'), ('socket', 'socket create_connection'),
    ('requests', 'get post put request Session'), ('builtins', 'input'), ('__builtin__', 'input raw_input')])
CLOCK_NAMES = frozenset().union(*CLOCKS.values())
# Nodes of statements that call nothing at all, and of those that call nothing when they work on plain values.
INERT_NODES = frozenset('Assign Name Load Store Constant Num Str Bytes NameConstant Ellipsis Tuple List Dict Pass '
                  'Expr'.split())
CALM_NODES = INERT_NODES | frozenset(
    'BinOp UnaryOp BoolOp Compare IfExp AugAssign Add Sub Mult Div FloorDiv Mod Pow Not USub UAdd And Or Eq NotEq Lt '
    'LtE Gt GtE Is IsNot BitOr BitAnd BitXor Invert LShift RShift'.split())


class Facts(object):
    """What the text of a chunk means. key: text that two of one meaning share.      reads: sorted names that it
    may read.      writes, sure: names that it may, and that it surely binds.      mark: 'keep', 'rerun' or ''.
    inert, calm: whether it calls nothing, on plain values at least.      bare: whether it is an expression, whose
    value is to be shown.      stars: whether it imports all names of a module.      words: its first line.
    below: lines from the chunk's start to it.      has_exec: whether it has the exec statement of 2.7."""

    __slots__ = ('key', 'reads', 'writes', 'sure', 'mark', 'inert', 'calm', 'bare', 'words', 'below', 'stars',
                 'has_exec')

    def __init__(self, nodes, lines, start, flags):
        used, reads = names_used(nodes), set()
        self.sure = set(used.sure)
        for node in nodes:
            own = used if len(nodes) == 1 else names_used([node])
            reads |= own.reads
            if not is_plain_definition(node):
                reads |= own.deferred
            for target in node.targets if isinstance(node, _ast.Assign) else ():
                if not isinstance(target, _ast.Name):
                    parts = [part for part in walk(target) if type(part).__name__ not in ('Tuple', 'List', 'Starred')]
                    if all(isinstance(part, _ast.Name) for part in parts):
                        self.sure.update(part.id for part in parts)
        self.writes = set(used.writes) | self.sure
        self.reads = tuple(sorted(reads | (self.writes - self.sure)))
        first = nodes[0].lineno - 1 if nodes and nodes[0].col_offset >= 0 else start
        self.below = max(0, first - start)
        line = lines[first].strip() if first < len(lines) else b''
        mark = re.search(br'#\s*(keep|rerun)\s*$', line) if b'#' in line else None
        self.mark = mark.group(1).decode('ascii') if mark else ''
        self.words = source_text(line)
        self.key = short_hash(fingerprint(nodes), self.mark, str(flags))
        kinds = kinds_in(nodes) | set(['docstring'] if docstring_node(nodes) else [])      # it may bind __doc__
        self.calm, self.has_exec = kinds <= CALM_NODES, 'Exec' in kinds
        self.inert = kinds <= INERT_NODES or (
            len(nodes) == 1 and isinstance(nodes[0], FUNCTION_NODES) and is_plain_definition(nodes[0])
            and not nodes[0].args.defaults and not any(getattr(nodes[0].args, 'kw_defaults', ())))
        self.bare = len(nodes) == 1 and isinstance(nodes[0], _ast.Expr)
        self.stars = any(isinstance(part, _ast.ImportFrom) and part.names[0].name == '*' for part in nodes)


def kinds_in(nodes):
    """The set of the names of the types of all nodes in these."""
    found, todo = set(), list(nodes)
    while todo:
        node = todo.pop()
        found.add(node.__class__.__name__)
        for value in vars(node).values():
            if isinstance(value, _ast.AST):
                todo.append(value)
            elif value.__class__ is list:
                todo += [part for part in value if isinstance(part, _ast.AST)]
    return found


def is_plain_definition(node):
    """Whether the functions in a definition cannot be called while it is executed."""
    if getattr(node, 'decorator_list', ()):
        return False
    if isinstance(node, FUNCTION_NODES):
        return True
    return isinstance(node, _ast.ClassDef) and not getattr(node, 'keywords', ()) and all(
        getattr(base, 'id', '') == 'object' for base in node.bases) and not any(
            isinstance(part, _ast.Call) or getattr(part, 'decorator_list', ()) for part in node.body
            for part in (walk(part) if not isinstance(part, FUNCTION_NODES) else [part]))


class Chunk(object):
    """A chunk of the script in its place. facts.      text.      start: the index of its first line.      chunk: its
    number.      code: its code object, or None when it moved and must be compiled again.      codes: those of
    its functions.      uses: CodeUses.      is_value: whether the code gives the value of an expression."""

    __slots__ = ('facts', 'text', 'start', 'chunk', 'code', 'codes', 'uses', 'flags', 'is_value')

    def __init__(self, facts, text, start, flags):
        self.facts, self.text, self.start, self.flags = facts, text, start, flags
        self.chunk, self.code, self.codes, self.uses, self.is_value = 0, None, [], None, False

    def line(self):
        """The number of its line."""
        return self.start + self.facts.below + 1

    def compile(self, nodes, path, is_first):
        """Make its code. Raises SyntaxError."""
        self.is_value = self.facts.bare and not (is_first and docstring_node(nodes))
        if self.is_value:
            self.code = compile(_ast.Expression(body=nodes[0].value), path, 'eval', self.flags, True)
        else:
            self.code = compile_nodes(nodes, path, self.flags)
        self.uses, self.codes = code_uses(self.code), children(self.code)
        self.uses.wild |= self.facts.has_exec


# ---- the state of the process that statements read and change

def _numpy_state():
    name, keys, place, has, last = sys.modules['numpy.random'].get_state()
    return name, keys.tobytes(), place, has, last


def _set_numpy_state(state):
    numpy = sys.modules['numpy']
    numpy.random.set_state((state[0], numpy.frombuffer(state[1], 'uint32').copy()) + tuple(state[2:]))


def _decimal_state():
    context = sys.modules['decimal'].getcontext()
    return context.prec, context.rounding, context.Emin, context.Emax, context.capitals, tuple(
        sorted(kind.__name__ for kind, value in context.traps.items() if value))


def _set_decimal_state(state):
    decimal = sys.modules['decimal']
    context = decimal.getcontext()
    context.prec, context.rounding, context.Emin, context.Emax, context.capitals = state[:5]
    for kind in list(context.traps):
        context.traps[kind] = kind.__name__ in state[5]


def _logging_state():
    """[(name, level, whether it propagates, is disabled, handlers, filters)] of the loggers that were set up."""
    logging, found = sys.modules['logging'], []
    for name, one in [('', logging.root)] + sorted(logging.Logger.manager.loggerDict.items()):
        state = [name] + [getattr(one, part, None) for part in LOGGER_PARTS]
        state[-2:] = [list(part or ()) for part in state[-2:]]
        if state[1:] != LOGGER_DEFAULTS and state[1] is not None:
            found.append(state)
    return found


def _set_logging(state):
    logging, wanted = sys.modules['logging'], dict((one[0], one[1:]) for one in state)
    for name, one in [('', logging.root)] + list(logging.Logger.manager.loggerDict.items()):
        if hasattr(one, 'handlers'):
            parts = wanted.get(name, LOGGER_DEFAULTS)
            one.setLevel(parts[0])              # empties caches
            one.propagate, one.disabled = parts[1:3]
            one.handlers[:], one.filters[:] = parts[3:]


def _set_filters(state):
    sys.modules['warnings'].filters[:] = state
    getattr(sys.modules['warnings'], '_filters_mutated', int)()


def _environment():
    return dict(dict.items(getattr(*environment_data())))        # whatever its class makes of copy()


def _set_environment(state):
    now = _environment()
    for name in set(now) - set(state):
        del os.environ[file_name(name)]
    for name, value in state.items():
        if now.get(name) != value:
            os.environ[file_name(name)] = file_name(value)


def _set_folder(state):
    with suppress(EnvironmentError):
        os.chdir(state)


def _folder():
    try:
        return os.getcwd()
    except EnvironmentError:
        return ''


LOGGER_PARTS, LOGGER_DEFAULTS = ('level', 'propagate', 'disabled', 'handlers', 'filters'), [0, True, False, [], []]
HIDDEN = [      # (hidden name, the module that it belongs to, get() -> state, set(state))
    ('@random', 'random', lambda: sys.modules['random'].getstate(), lambda state: sys.modules['random'].setstate(
        tuple(tuple(part) if isinstance(part, list) else part for part in state))),
    ('@numpy', 'numpy.random', _numpy_state, _set_numpy_state),
    ('@decimal', 'decimal', _decimal_state, _set_decimal_state),
    ('@logging', 'logging', _logging_state, _set_logging),
    ('@warnings', 'warnings', lambda: list(sys.modules['warnings'].filters), _set_filters),
    ('@locale', 'locale', lambda: sys.modules['locale'].setlocale(6), lambda state: sys.modules['locale'].setlocale(
        6, state)),
    ('@environ', 'os', _environment, _set_environment),
    ('@folder', 'os', _folder, _set_folder),
    ('@argv', 'sys', lambda: list(sys.argv), lambda state: sys.argv.__setitem__(slice(None), state)),
    ('@path', 'sys', lambda: list(sys.path), lambda state: sys.path.__setitem__(slice(None), state)),
    ('@recursion', 'sys', sys.getrecursionlimit, sys.setrecursionlimit)]
SETTERS = dict((name, setter) for name, _, _, setter in HIDDEN)
BY_VALUE = ('@folder', '@argv')                 # these may differ from process to process
# The others are read by whatever calls something; of these is known who reads them.
READ_SEEN = ('@random', '@numpy', '@environ')
READ_BY_ALL = tuple(sorted(set(SETTERS).difference(READ_SEEN)))


def hidden_state():
    """{hidden name: state} of what is loaded."""
    found = {}
    for name, module, getter, _ in HIDDEN:
        if module in sys.modules:
            with suppress(Exception):           # a module that is half imported, or a stand-in for it
                found[name] = getter()
    return found


# ---- stand-ins

class WatchedEnvironment(dict):
    """Stands in for the dict behind os.environ while statements run. note(name or None: all)."""

    def __getitem__(self, name):
        self.note(name)
        return dict.__getitem__(self, name)

    def __contains__(self, name):
        """As of any dict."""
        self.note(name)
        return dict.__contains__(self, name)

    def __iter__(self):
        self.note(None)
        return dict.__iter__(self)

    def get(self, name, default=None):
        """As of any dict."""
        self.note(name)
        return dict.get(self, name, default)

    def copy(self):
        """As of any dict."""
        self.note(None)
        return dict(self)

    has_key = __contains__


class Spy(object):
    """Stands in for a function of os or for open() while statements run; asks note(function name, arguments) whether
    to call it."""

    def __init__(self, real, name, note):
        self.real, self.name, self.note = real, name, note
        self.__name__ = self.__doc__ = name

    def __call__(self, *args, **kwargs):
        if self.note(self.name, args, kwargs):
            return self.real(*args, **kwargs)
        return len(args[1])                     # os.write() of what was shown before

    def __eq__(self, other):
        return self.real == getattr(other, 'real', other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash(self.real)

    def __reduce__(self):
        return getattr, (sys.modules[self.real.__module__ or 'os'], self.real.__name__)


PATH_FILES = frozenset([os.path.exists.__code__.co_filename, os.path.join.__code__.co_filename])


class Observer(object):
    """Takes note of the files, the environment and the output of the statement that runs.

    files, wrote: {path: print}.      environment: {variable: value}.      output: [(is it stderr, text)].
    depended: paths named with depends().
    """

    def __init__(self, script):
        self.script, self.on, self.thread, self.muted = script, False, None, False
        self.prints, self.saved, self.tees, self.all_tees = {}, [], [], {}
        OPENERS[Spy] = OPENERS[OutputTee] = open_nothing
        OPENERS[Spy] = OPENERS[OutputTee] = open_nothing
        self.clear()

    def clear(self):
        """Begin with a statement."""
        self.files, self.wrote, self.environment, self.output, self.depended = {}, {}, {}, [], []
        self.size, self.doubt = 0, None

    def install(self):
        """Put the stand-ins in their places."""
        import io
        self.thread = threads.get_ident()
        for module, names in (builtins, ['open']), (io, ['open']), (
                os, ['open', 'write', 'listdir', 'scandir', 'stat']):
            for name in names:
                real = getattr(module, name, None)
                if real is not None and not isinstance(real, Spy):
                    self.saved.append((module, name, real))
                    setattr(module, name, Spy(real, name, self.note_call))
        holder, attribute = environment_data()
        real = getattr(holder, attribute)
        watched = WatchedEnvironment(real)
        watched.note = self.note_variable
        self.saved.append((holder, attribute, real))
        setattr(holder, attribute, watched)
        for is_error, name in enumerate(('stdout', 'stderr')):
            tee = self.all_tees.setdefault(name, OutputTee(None, self, is_error))   # a script may keep it
            tee.__dict__['tee_real'] = getattr(sys, name)
            self.tees.append((name, tee, tee.tee_real))
        self.put_streams()

    def put_streams(self):
        """Let what is printed pass through here, whatever the script set."""
        for name, tee, _ in self.tees:
            setattr(sys, name, tee)

    def remove(self):
        """Put back what was there."""
        while self.saved:
            holder, name, real = self.saved.pop()
            now = getattr(holder, name)
            if isinstance(now, WatchedEnvironment):
                real.clear()
                real.update(dict.items(now))
            if isinstance(now, (Spy, WatchedEnvironment)):
                setattr(holder, name, real)
        for name, _, real in self.tees:
            setattr(sys, name, real)
        self.tees = []

    def is_ours(self):
        """Whether what calls is not the statement."""
        frame = sys._getframe(3)
        while frame.f_code.co_filename in PATH_FILES and frame.f_back is not None:     # os.path.exists() and the like
            frame = frame.f_back
        return not self.on or threads.get_ident() != self.thread or is_own_frame(frame.f_code.co_filename)

    def note_variable(self, name):
        """A variable of the environment is read."""
        if self.on and threads.get_ident() == self.thread:
            data = getattr(*environment_data())
            if name is None:
                self.environment[''] = short_hash(repr(sorted(dict.items(data))))
            elif name not in self.environment:
                self.environment[name] = dict.get(data, name)

    def note_call(self, name, args, kwargs):
        """A file is opened, or a folder is read. Whether that is to be done."""
        if self.is_ours():
            return True
        caller = sys._getframe(2).f_code.co_filename
        if name == 'write':
            return self._note_written(*args)
        self.on = False                         # what follows calls such functions itself
        try:
            self._note_call(name, args, kwargs, caller == self.script or caller in fresh.texts)
        finally:
            self.on = True
        return True

    def _note_written(self, descriptor=None, data=b'', *others):
        """Bytes go to a descriptor. Whether they are to be written."""
        return descriptor not in (1, 2) or self.write(descriptor - 1, bytes(data))

    def _note_call(self, name, args, kwargs, is_users):
        target = args[0] if args else kwargs.get('file', kwargs.get('path', '.'))
        try:
            path = os.path.abspath(file_name(target) if isinstance(target, bytes) else path_text(target))
        except Exception:                       # a descriptor
            return
        if isinstance(target, int) or path == self.script or path in fresh.texts or path.endswith('.pyc'):
            return
        if path.startswith(('/proc/', '/dev/', '/sys/')):
            self.doubt = self.doubt or 'it reads %s' % path if path != os.devnull else self.doubt
            return
        if is_installed(os.path.dirname(path)):
            return
        mode = args[1] if len(args) > 1 else kwargs.get('mode', kwargs.get('flags', 'r'))
        if name == 'open' and (mode & (os.O_WRONLY | os.O_RDWR) if isinstance(mode, int) else set(mode) & set('wax+')):
            appends = mode & os.O_APPEND if isinstance(mode, int) else 'a' in mode
            if appends and not is_users:
                return                          # a log of a package: others may write to it, too
            if (appends or not isinstance(mode, int) and '+' in mode) and path not in self.wrote:
                self.files.setdefault(path, self.print_of(path))
            self.wrote[path] = None
        elif path not in self.wrote:
            fresh.version += path not in fresh.keys
            fresh.keys[path] = file_key(path)   # for who watches it: the state that was read
            kind = {'listdir': 'names ', 'scandir': 'names ', 'stat': 'there '}.get(name, '')
            self.files.setdefault(kind + path, self.print_of(kind + path))

    def print_of(self, path):
        """What tells the content of a file, the names in a folder, or whether a file is there; None: it is not."""
        if path.startswith('names '):
            files, folders = list_folder(path[6:])
            return short_hash(*sorted(files + folders))
        if path.startswith('there '):
            key = file_key(path[6:])
            return None if key is None else 'folder' if os.path.isdir(path[6:]) else short_hash(repr(key[:2]))
        key = file_key(path)
        if key is None:
            return None
        known = self.prints.get(path)
        if known is not None and known[0] == key:
            return known[1]
        recent = abs(time.time() - key[3] / TICKS_A_SECOND) < 0.05     # it may be written again within this tick
        try:
            if os.path.isdir(path):             # of depends(): with all that is in it
                return file_checksum(path)
            data = read_bytes(path)
        except EnvironmentError:
            return 'unreadable'
        if path in fresh.texts or path.endswith('.py'):
            try:
                found = short_hash(fingerprint(parse(data, path)))
            except (SyntaxError, ValueError, TypeError):
                found = checksum(data)
        else:
            found = checksum(data)
        self.prints[path] = (None if recent else key), found
        return found

    def write(self, is_error, text):
        """Note what was printed. Whether it is to be shown."""
        if self.on and threads.get_ident() == self.thread or self.on and self.size < MOST_OUTPUT:
            if self.size < MOST_OUTPUT:
                self.size += len(text)
                if self.output and self.output[-1][0] == is_error and type(self.output[-1][1][0]) is type(text):
                    self.output[-1][1].append(text)
                else:
                    self.output.append((is_error, [text]))
        return not (self.on and self.muted)


class OutputTee(object):
    """Stands in for sys.stdout or sys.stderr while statements run."""

    def __init__(self, real, observer, is_error):
        self.__dict__.update(tee_real=real, tee_observer=observer, tee_is_error=is_error)

    def write(self, text):
        """Write the text, unless it was shown before, and keep it."""
        known = text if isinstance(text, (bytes, text_type)) else bytes(text)
        if self.tee_observer.write(self.tee_is_error, known):
            return self.tee_real.write(text)
        return len(text)

    def writelines(self, lines):
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        found = getattr(self.tee_real, name)
        return OutputTee(found, self.tee_observer, self.tee_is_error) if name == 'buffer' else found

    def __setattr__(self, name, value):
        setattr(self.tee_real, name, value)

    def __iter__(self):
        return iter(self.tee_real)


##############################################################################
## 16. Versions -- which value a name should have, and where it is
##############################################################################
#
# Gives to those below State, which name has which version at a place of the script; Record, one execution of a
# statement, which tells what it would do again; and Values, which finds the objects for versions.
#
# A version is a hash of the statement that bound or changed the name and of the versions that this read; numbers
# and texts are their own version. So it tells what the value is without having it. Values knows living objects
# (Heap), until something changes them in place; snapshots in a Store, of names that share objects together; and
# as the last way forces a statement to run again, with those that it needs: it notes them and raises Again.
#
# Living objects of several names must come from one and the same execution of each statement that made parts of
# them; else what they should share is not shared. So an Living knows the births of its objects.

import marshal

MAX_BYTES = 2 * 2 ** 30     # of the snapshots
MOST_APPENDED = 50          # records are put together after so many
KEEP_RUNS = 30              # a record or a value that was not used in so many runs is forgotten
SNAPSHOT_S = 0.005          # a snapshot may take so long, or half as long as its statement did
CHEAP_S = 0.002             # what takes less is computed again rather than kept
OBJECT_S = 0.1e-6           # it takes about so long to pickle an object, until more is known


def name_of(version):
    """The name that a version belongs to ('' for one by value)."""
    return version.partition(' ')[2]


def atom_version(value):
    """The version of a number, text or the like: its value."""
    text = repr(value)
    return '%s:%s' % (type(value).__name__, short_hash(text) if len(text) > 60 or ' ' in text else text)


def is_plain(value):
    """Whether a value is told by its text alone."""
    return type(value) in PLAIN_TYPES


class Record(object):
    """One execution of a statement. key: of its Facts.      names, versions: what it read; the first `fixed` of them
    are known from its text.      whole: hash of all versions, where it may have read any name.      time: how often
    it had run like this before in the run, and likeness, a hash of all that.      files: {path: print} that it read.
    wrote: {path: print} that it wrote.      environment: {variable: value} that it read.      partners: {name that
    it changed in place: {name that shared with it: version}}.      outs: {name: version} that it bound or changed.
    values: {name: value} of plain ones.      states: {hidden name: state}.      gone: names that it deleted.
    after: {name: names that shared with it then}.      sources: {name: names read whose objects it holds}.      near:
    {name: version} of the partners of what it read.      soft: {name that it bound or changed: names of functions and
    classes that it reaches}.      rebound: {name that it bound or deleted: {name that reached its old value: version}}.
    output: [(is it stderr, text)].      shown: the value of a
    bare expression, as text, or None.      seconds.      doubt: why it must run each time, or None.
    error: what it raised, as sys.exc_info().      run: the only run that it is good
    for, or 0.      used: the last run that used it.
    """

    FIELDS = ('key', 'names', 'versions', 'fixed', 'whole', 'time', 'likeness', 'files', 'wrote', 'environment',
              'partners', 'outs', 'values', 'states', 'gone', 'after', 'sources', 'near', 'soft', 'rebound', 'output',
              'shown', 'seconds', 'doubt')
    __slots__ = FIELDS + ('error', 'run', 'used', 'saved')

    def __init__(self, **parts):
        for name in self.FIELDS:
            setattr(self, name, parts.get(name))
        if 'outs' not in parts:
            self.gone, self.values, self.states, self.partners, self.outs, self.after = (), {}, {}, {}, {}, {}
            self.sources, self.near, self.soft, self.rebound = {}, {}, {}, {}
        self.error, self.run, self.used, self.saved = None, 0, 0, False

    def data(self):
        """It as a tuple that marshal takes."""
        return tuple(getattr(self, name) for name in self.FIELDS)

    def group(self):
        """What a lookup goes by."""
        return (self.key,) + self.versions[:self.fixed]


class Living(object):
    """A living object that holds a version. value.      survey.      births: {event: serial}: the executions that
    made the objects in it, and which time of these.      used: the last run that used it.      dead: whether it no
    longer holds the version."""

    __slots__ = ('version', 'value', 'survey', 'births', 'used', 'dead')

    def __init__(self, version, value, found, births):
        self.version, self.value, self.survey, self.births = version, value, found, births
        self.used, self.dead = 0, False


def outdated(entries):
    """Those of the Livings whose objects were made again meanwhile, for others of them.

    One event must have made the objects of one and all the same time: else what they should share is not shared.
    """
    newest = {}
    for entry in entries:
        for event, serial in entry.births.items():
            if newest.setdefault(event, serial) < serial:
                newest[event] = serial
    return [entry for entry in entries if any(newest[event] != serial for event, serial in entry.births.items())]


def share_memory(entries):
    """Whether arrays in these Livings look at the same memory: pickled, each would get its own."""
    arrays = {}
    for entry in entries:
        for kind, items in entry.survey.walk:
            if hasattr(kind, '__array_interface__'):
                arrays.update((id(item), item) for item in items)
    bases = [array.base for array in arrays.values() if getattr(array, 'base', None) is not None]
    seen = set(map(id, bases))
    if len(seen) < len(bases) or any(not isinstance(base, bytes) and id(base) not in arrays for base in bases):
        return True
    held = [id(item) for entry in entries for item in [entry.value] + entry.survey.trail if id(item) in seen]
    return len(held) > len(bases)               # by something else than its view


class Heap(object):
    """The living objects. entries: {version: Living}.      holders: {id of an object: Livings that reach it}."""

    def __init__(self):
        self.entries, self.holders, self.garbage = {}, {}, 0

    def get(self, version):
        """The Living of a version, or None."""
        return self.entries.get(version)

    def put(self, version, value, found, births):
        """A new Living; an older one of the version dies."""
        old = self.entries.get(version)
        if old is not None:
            self.drop(old)
        entry = self.entries[version] = Living(version, value, found, births)
        self.note(entry)
        return entry

    def note(self, entry):
        """Enter what an Living reaches."""
        ids = entry.survey.ids
        if ids:
            new = ids.difference(self.holders)
            self.holders.update(dict.fromkeys(new, (entry,)))
            if len(new) < len(ids):
                shared = list(ids.difference(new))
                holders = list(map(self.holders.get, shared))
                more = dict((group, tuple(other for other in group if not other.dead and other is not entry) + (entry,))
                            for group in set(holders))
                self.holders.update(zip(shared, map(more.get, holders)))

    def drop(self, entry):
        """Forget a living object."""
        if not entry.dead:
            entry.dead = True
            if self.entries.get(entry.version) is entry:
                del self.entries[entry.version]
            self.garbage += len(entry.survey.ids)
            entry.value, entry.survey = None, NOTHING
            if self.garbage > 10000 + len(self.holders) // 2:
                self.garbage, self.holders = 0, {}
                for other in list(self.entries.values()):
                    self.note(other)

    def sharing(self, ids):
        """The Livings that reach one of these objects."""
        known = ids.difference(ids.difference(self.holders))
        return set(entry for group in set(map(self.holders.get, known)) for entry in group if not entry.dead)


class State(object):
    """What holds at one place of the script, by names and versions only. at: {name: version}.      share: {name: set
    of names that may share objects with it}.      times: {likeness: how often}.      makers: {version: index of the
    statement}.      soft: {name: names of functions and classes that it reaches}, and holders, the reverse."""

    def __init__(self):
        self.at, self.share, self.times, self.makers, self.soft, self.holders = {}, {}, {}, {}, {}, {}

    def apply(self, record, index):
        """Go over a statement that ran, or would have run, like this."""
        at, share = self.at, self.share
        self.times[record.likeness] = self.times.get(record.likeness, 0) + 1
        was = {}
        for name in record.sources and set(flat(record.sources.values())):
            was[name] = set(share.get(name, ()))
        for name in record.gone:
            at.pop(name, None)
            self._part(name)
            self._set_soft(name, ())
        for name, version in record.outs.items():
            at[name] = version
            self.makers[version] = index
            if name in self.soft or name in record.soft:
                self._set_soft(name, record.soft.get(name, ()))
            if name in share:
                self._part(name)
        for name, mates in record.after.items():
            found = set(mate for mate in mates if mate in at and (
                mate in record.outs or record.near.get(mate, at[mate]) == at[mate]))
            for source in record.sources.get(name, ()):
                found.update(mate for mate in was[source] if mate in at and record.near.get(mate) != at[mate]
                             and mate not in record.outs)
                if source in at and source not in record.outs and source in mates:
                    found.add(source)
            found.discard(name)
            if found:
                share.setdefault(name, set()).update(found)
                for mate in found:
                    share.setdefault(mate, set()).add(name)

    def _set_soft(self, name, soft):
        for one in self.soft.pop(name, ()):
            self.holders[one].discard(name)
        if soft:
            self.soft[name] = soft
            for one in soft:
                self.holders.setdefault(one, set()).add(name)

    def holders_of(self, name):
        """{name that reaches the function or class of that name: version}."""
        return dict((one, self.at[one]) for one in self.holders.get(name, ()) if one != name and one in self.at)

    def _part(self, name):
        for mate in self.share.pop(name, ()):
            self.share.get(mate, set()).discard(name)

    def group(self, name):
        """The names that are connected with it by sharing, itself included."""
        found, todo = set(), [name]
        while todo:
            one = todo.pop()
            if one not in found and one in self.at:
                found.add(one)
                todo.extend(self.share.get(one, ()))
        return found


class Again(Exception):
    """A value is missing: the statements that make it must run, from the begin."""


class Values(object):
    """Finds the objects that hold versions, and puts them into the namespace.

    names: the namespace.      state: the State at the statement that is looked at.      heap: the Heap.
    store: a Store.      snapshots: {((name, version), ...): (address, {name of a class: version}, events)}.
    kept_in: the versions in snapshots.      placed: {name: version} that stands in the namespace.      forced:
    indices of statements that must run again.      records_of: {index: Record} so far.      space_of: the Program
    of surveys.      runs: how many runs there were.      serial: counts what makes objects.
    restored: the versions that came from snapshots in this run.
    """

    def _begin_values(self, store):
        self.store, self.heap, self.snapshots, self.kept_in, self.mine = store, Heap(), {}, {}, []
        self.placed, self.forced, self.records_of, self.new = {}, set(), {}, []
        self.appended = self.added = 0          # records, and bytes of snapshots, since the begin or the last shrink()
        self.records, self.latest, self.states, self.state, self.runs = {}, {}, {}, None, 0
        self.object_s, self.serial, self.restored = OBJECT_S, 0, set()

    def _are_sound(self, names):
        """Whether living objects hold the versions of all these names, and belong together; drops those that do
        not."""
        entries = [self.heap.get(self.state.at[name]) for name in names]
        if None in entries:
            return False
        if len(entries) == 1 and not entries[0].survey.soft:
            return True
        for entry in list(entries):
            entries += [other for other in map(self.heap.get, map(self.state.at.get, entry.survey.soft))
                        if other is not None]
        return not self.drop_outdated(entries)

    def drop_outdated(self, entries):
        """Drop those of the Livings whose objects were made again meanwhile; these."""
        old = outdated(entries)
        for entry in old:
            self.heap.drop(entry)
            self.unplace(name_of(entry.version))
        return old

    def need(self, names):
        """Put the values of these names, and of those that share with them, into the namespace. Raises Again."""
        at, missing, seen = self.state.at, [], set()
        todo = list(names)
        for name in todo:
            version = at.get(name)
            if version is None or name in seen or name in SETTERS or name == '@depends' or name[:3] == '@o:':
                continue
            if self.placed.get(name) == version and name not in self.state.share:
                entry = self.heap.get(version)
                if entry is not None and not entry.survey.soft:
                    continue
            if not self.state.share.get(name):
                group = [name]
                seen.add(name)
            else:
                group = sorted(self.state.group(name))
                seen.update(group)
            if self._are_sound(group) or self._restore(group):
                self._place(group)
                for one in group:               # the classes of instances must be there before these are looked at
                    todo += self.heap.get(at[one]).survey.soft
            else:
                missing.append(group)
        for name in names:
            if name[:3] == '@o:' and name in at and self.heap.get(at[name]) is None:
                missing.append([name])
        if missing:
            self.force(missing)
            raise Again

    def _place(self, group):
        for name in group:
            version = self.state.at[name]
            entry = self.heap.get(version)
            entry.used = self.runs
            self.placed[name] = version
            if name[:3] == '@m:':
                module = name[3:]
                if sys.modules.get(module) is not entry.value:
                    sys.modules[module] = entry.value
                    parent, _, tail = module.rpartition('.')
                    if parent in sys.modules:
                        setattr(sys.modules[parent], tail, entry.value)
                continue
            self.names[name] = entry.value
            if type(entry.value) is FunctionType or isinstance(entry.value, class_types):
                self.space_of.owners[id(entry.value)] = name

    def unplace(self, name):
        """Take a name out of the namespace."""
        self.placed.pop(name, None)
        self.names.pop(name, None)

    def _restore(self, group):
        """Make a group of names from a snapshot. Whether that could be done."""
        at = self.state.at
        snapshot = self.snapshots.get(tuple((name, at[name]) for name in group))
        if snapshot is None:
            return False
        address, soft, events = snapshot
        if any(at.get(name) != version for name, version in soft.items()):
            return False
        self.need(soft)
        data = self.store.read(address)
        try:
            values = pickle.loads(data)
        except Exception:                       # gone from the store, or a class that cannot be found
            self._drop_snapshot(tuple((name, at[name]) for name in group))
            return False
        if self._are_stale(soft):
            return False
        self.serial += 1
        births = dict.fromkeys(events, self.serial)
        for name in soft:
            births.update(self.heap.get(at[name]).births)
        for name in group:
            found = NOTHING if is_plain(values[name]) else survey(values[name], self.space_of)
            self.heap.put(at[name], values[name], found, births)
            self.restored.add(at[name])
        return True

    def _are_stale(self, soft):
        """Whether one of these names does not hold its version in the namespace."""
        return any(self.placed.get(name) != version for name, version in soft.items())

    def _drop_snapshot(self, key):
        self.snapshots.pop(key, None)
        for _, version in key:
            self.kept_in.pop(version, None)

    def force(self, groups):
        """Force the statements that make what is missing, and what those need in turn."""
        heap, at, makers = self.heap, self.state.at, self.state.makers
        todo, seen = [], set()
        for group in groups:
            lost = [at[name] for name in group if heap.get(at[name]) is None and at[name] not in self.kept_in]
            if not lost:                        # single snapshots do not make a group
                last = max([makers.get(at[name], -1) for name in group])
                lost = [at[name] for name in group if makers.get(at[name], -1) == last]
            todo += lost
        while todo:
            version = todo.pop()
            if version in seen or version not in makers:
                continue
            seen.add(version)
            index = makers[version]
            self.forced.add(index)
            record = self.records_of.get(index)
            if record is not None:
                todo += [read for name, read in zip(record.names, record.versions) if read in makers and (
                    heap.get(read) is None and read not in self.kept_in and name not in SETTERS)]

    def survey_of(self, name):
        """The Survey of a placed name."""
        entry = self.heap.get(self.state.at[name])
        if entry.survey.soft and not entry.survey.holds(self.names):
            entry.survey = survey(entry.value, self.space_of)
            self.heap.note(entry)
        return entry.survey

    def keep_snapshot(self, record):
        """Keep what the statement made, if making it again would take longer."""
        budget = max(SNAPSHOT_S, record.seconds / 2)
        if record.seconds < CHEAP_S:
            return
        state, at, done = self.state, self.state.at, set()
        later = State()
        later.at, later.share = dict(at), dict((name, set(mates)) for name, mates in state.share.items())
        later.apply(record, 0)
        for name, version in record.outs.items():
            entry = self.heap.get(version)
            if name in done or name[0] == '@' or name in record.values or entry is None:
                continue
            group = sorted(later.group(name))
            done.update(group)
            key = tuple((one, later.at[one]) for one in group)
            entries = [self.heap.get(version) for _, version in key]
            if key in self.snapshots or not all(entry is not None and self._can_pickle(entry) for entry in entries):
                continue
            if share_memory(entries):
                continue
            if any(self.placed.get(one) != later.at[one] for one in group):
                continue
            objects = sum(len(entry.survey.trail) for entry in entries)
            if objects * self.object_s + sum(entry.survey.bytes for entry in entries) * 2e-9 > budget:
                continue
            soft = {}
            for entry in entries:
                soft.update((one, later.at[one]) for one in entry.survey.soft if one in later.at)
            begin = clock_s()
            try:
                data = pickle.dumps(dict((one, entry.value) for one, entry in zip(group, entries)),
                                    min(4, pickle.HIGHEST_PROTOCOL))    # 5: arrays do not own their memory
                address = self.store.add(data)
            except Exception:                   # it cannot be pickled
                continue
            self.added += len(data)
            if objects > 5000:
                self.object_s = (self.object_s + (clock_s() - begin) / objects) / 2
            events = set(event for entry in entries for event in entry.births)
            for one in soft:
                events.difference_update(self.heap.get(later.at[one]).births)
            self.snapshots[key] = address, soft, sorted(events)
            self.kept_in.update((version, True) for _, version in key)
            self.mine.append((key,) + self.snapshots[key])

    def _can_pickle(self, entry):
        value, found = entry.value, entry.survey
        if isinstance(value, (FunctionType, types.ModuleType) + class_types) or found.opaque:
            return False
        for item in found.soft.values():
            if isinstance(item, class_types) and item.__module__ == '__main__' and any(
                    name in vars(item) for name in ('__reduce__', '__reduce_ex__', '__getstate__', '__setstate__',
                                                    '__getnewargs__', '__getnewargs_ex__', '__copyreg__')):
                return False
        return not found.modules

    # -- from process to process

    def _owner(self):
        """The first bytes of this script's records in the store."""
        where = self.path if self.store.top is None else os.path.relpath(self.path, os.path.dirname(self.store.top))
        return encoded(short_hash('script', where, sys.version))

    def _payload(self, records, snapshots):
        """A record of the store: what is to be known of some Records and snapshots."""
        lines = []
        for record in records:
            with suppress(ValueError):          # a state that marshal does not take
                lines.append(marshal.dumps(record.data()))
            record.saved = True
        return self._owner() + marshal.dumps((lines, snapshots))

    def _everything(self, payloads):
        """The records that the store is to keep, of these: others', and what of ours is in use."""
        ours = [record for group in self.records.values() for record in group if not record.run]
        return [payload for payload in payloads if not payload.startswith(self._owner())] + [
            self._payload(ours, [(key,) + value for key, value in self.snapshots.items()])]

    def _save(self):
        """Write the new Records and snapshots to the store."""
        new = [record for record in self.new if not record.run and not record.saved]
        snapshots, self.new, self.mine = self.mine, [], []
        if self.store.top is not None and (new or snapshots):
            self.store.append(self._payload(new, snapshots))
            self.appended += 1
            if self.appended % MOST_APPENDED == 0:
                self.store.rewrite(self._everything)
            else:
                self.store.merge(self._everything)
        if self.added > self.store.max_bytes // 8:
            self.added = 0
            self.store.shrink()

    def _load(self):
        """Read the Records and snapshots of earlier processes."""
        for payload in self.store.records():
            if not payload.startswith(self._owner()):
                continue
            lines, snapshots = marshal.loads(payload[len(self._owner()):])
            for line in lines:
                record = Record(**dict(zip(Record.FIELDS, marshal.loads(line))))
                record.saved, record.used = True, self.runs
                self.records.setdefault(record.group(), []).append(record)
                self.latest[record.key] = record
            for key, where, soft, events in snapshots:
                if self.store.has(where):
                    self.snapshots[key] = where, soft, events
                    self.kept_in.update((version, True) for _, version in key)
        self.store.shrink()

    def _tidy(self):
        """Forget what was not used for long."""
        if self.runs % 10 == 0:
            for entry in list(self.heap.entries.values()):
                if entry.used < self.runs - KEEP_RUNS:
                    self.heap.drop(entry)
            for group in list(self.records):
                kept = [record for record in self.records[group] if record.used >= self.runs - KEEP_RUNS]
                if kept:
                    self.records[group] = kept
                else:
                    del self.records[group]

    def _forget(self):
        """Begin with nothing: the last resort."""
        self.records, self.latest, self.heap, self.snapshots, self.kept_in = {}, {}, Heap(), {}, {}
        self.report.notes.append('what was kept did not fit together, so everything ran again')


##############################################################################
## 17. Statements -- run one, and see what it did
##############################################################################
#
# Gives to those below Statements, whose execute_unit() runs a statement in the namespace as it should be there and
# makes the Record of it. Execution is one such run.
#
# Before: all that the statement can reach is found from the names in its text, the functions and classes that
# their values reach, and the names that these use (reach()), and is put in place. After: what was bound is seen
# from the namespace, what was changed in place from the surveys of all that it could reach, and of what shares
# objects with that. So nothing is assumed of functions and methods that are called.
#
# What is given to or taken from modules and classes of others (patched functions) are names, too: '@o:module';
# the local modules that are imported are '@m:module', and hold the module.

MODULE_NAMES = frozenset(
    '__name__ __file__ __builtins__ __package__ __spec__ __loader__ __cached__ __warningregistry__ __annotations__ '
    '__conditional_annotations__ __annotate__'.split())
LOOSE = frozenset('setattr delattr patch __dict__ vars __setattr__'.split())    # may set any attribute


class Execution(object):
    """One execution of a statement. unit.      keeper: the Statements.      record: the Record that is made.

    reads: names that it may read.      uses: [CodeUses] of it and of the functions it may call.      wild: whether
    it may use any name.      shared: modules of others that it reaches.      near: the reads that are there.
    watch: near, and what shares with it.      before: {name in watch: Survey}.      inert: whether it calls nothing.
    imports: whether it may import.      hidden: state of the process before.      held: the namespace before.
    points: what it may patch.      error: what it raised, as sys.exc_info().
    bound, gone: names that it bound, and deleted.      changed: {name whose value it changed in place: new Survey}.
    lost: {name that it bound or deleted, after it changed the old value in place: new Survey of that}.
    dying: Livings that no longer hold their version.      births: {name in before: births}.
    """

    def __init__(self, keeper, unit):
        self.keeper, self.unit, self.bound, self.gone = keeper, unit, set(), []
        self.changed, self.lost, self.dying, self.error, self.running = {}, {}, [], None, False

    # -- before

    def prepare(self):
        """Put everything in place that the statement may reach. Raises Again when a value is missing."""
        keeper, state, at = self.keeper, self.keeper.state, self.keeper.state.at
        self.reads, self.uses, self.wild, self.shared = keeper.reach(self.unit)
        self.near = [name for name in self.reads if name in at and name not in SETTERS]
        watch = set(self.near)
        for name in self.near:
            watch.update(state.share.get(name, ()))
        if state.holders:
            for name in itertools.chain(self.unit.facts.writes, *[used.sets for used in self.uses]):
                watch.update(state.holders_of(name))
        self.watch = set(name for name in watch if name in at and has_value(name))
        keeper.need(self.watch)
        if keeper.drop_outdated([keeper.heap.get(at[name]) for name in self.watch]):
            keeper.need(self.watch)
        before = [(name, keeper.survey_of(name)) for name in self.watch]
        self.before = dict((name, found) for name, found in before if found is not NOTHING)
        facts = self.unit.facts
        self.inert = not self.wild and (facts.inert or facts.calm and not self.before and len(self.uses) == 1)
        self.imports = any(used.may_import for used in self.uses)
        if self.imports:
            for name in list(fresh.modules):    # what is not imported at this place is imported anew
                if '@m:' + name not in at and name in sys.modules and sys.modules[name] is not keeper.space:
                    purge_modules([name])
        self.points = [] if self.inert and not keeper.originals else keeper.patch_points(self)
        self.hidden = None if self.inert else keeper.set_hidden()

    def perform(self, muted):
        """Run it. Sets .error and makes .record."""
        observer, names, unit, value = self.keeper.observer, self.keeper.names, self.unit, None
        self.held = dict(names)
        observer.clear()
        observer.muted, begin, observer.on = muted, clock_s(), True
        try:
            if unit.is_value:
                value = eval(unit.code, names)
            else:
                execute(unit.code, names)
        except BaseException:                   # whatever it is: what was done until then counts
            observer.on = False
            kind, error, trace = sys.exc_info()
            self.error = kind, error, users_trace(trace)
            with suppress(AttributeError, TypeError):       # on 2.7 it has none of its own
                error.__traceback__ = self.error[2]
        finally:
            observer.on = False
        self.record = record = Record(key=unit.facts.key, seconds=clock_s() - begin)
        record.output = [(which, texts[0][:0].join(texts)) for which, texts in observer.output]
        if observer.size >= MOST_OUTPUT:
            record.output.append((1, '[hotload] the rest of what this printed was not kept\n'))
        record.files, record.wrote, record.doubt = dict(observer.files), dict(observer.wrote), observer.doubt
        record.environment, record.error = dict(observer.environment), self.error
        if value is not None and not self.keeper.is_local(type(value).__module__):
            with suppress(Exception):           # its own __repr__
                record.shown = repr(value)[:1000]

    # -- after

    def observe(self):
        """Fill the Record with what the statement did."""
        self._see_bindings()
        self._see_threads()
        self._see_changes()
        self._see_modules()
        self._see_reads()
        self._name_it()
        self._see_results()

    def _see_bindings(self):
        names, keeper, held = self.keeper.names, self.keeper, self.held
        bound = set() if self.error else set(name for name in self.unit.facts.sure if name in names)
        if not self.inert or self.error:
            known = list(held)
            same = list(map(operator.is_, map(names.get, known), held.values()))
            if not all(same):
                bound.update(compress(known, map(operator.not_, same)))
            new = sum(1 for name in bound if name not in held) - sum(1 for name in bound if name not in names)
            if len(names) != len(held) + new:
                bound.update(set(names).difference(held))
        self.gone = [name for name in bound if name not in names]
        self.bound = set(name for name in bound if name in names and not is_own_name(name))
        self.record.gone = tuple(name for name in self.gone if name in keeper.state.at)
        for name in self.gone:
            keeper.placed.pop(name, None)
        for name in self.bound:
            keeper.placed.pop(name, None)
            value = names[name]
            if type(value) in (Spy, OutputTee):       # a script's own name for sys.stdout or open
                value = names[name] = value.tee_real if type(value) is OutputTee else value.real
            if type(value) is FunctionType or isinstance(value, class_types):
                keeper.space_of.owners[id(value)] = name

    def _is_rebound(self, name):
        return name in self.bound or name in self.gone

    def _see_threads(self):
        """While a thread of the script runs, everything may change at any time: look at all."""
        keeper, at = self.keeper, self.keeper.state.at
        self.running = any(thread not in keeper.alive for thread in other_threads())
        if not self.running:
            return
        self.record.doubt = self.record.doubt or 'a thread is running'
        try:
            keeper.need(list(at))
        except Again:                           # what it did cannot be seen now, so none of this is good any more
            for name in self.before:
                if keeper.heap.get(at[name]) is not None:
                    keeper.heap.drop(keeper.heap.get(at[name]))
            raise
        for name in at:
            if has_value(name) and name not in self.before and not self._is_rebound(name):
                self.before[name] = keeper.survey_of(name)

    def _see_changes(self):
        """What was changed in place: among what the statement could reach, and what shares objects with that."""
        keeper, at, heap, space = self.keeper, self.keeper.state.at, self.keeper.heap, self.keeper.space_of
        for name, was in self.before.items() if not self.inert or self.running else ():
            if (was.ids or was.opaque) and not was.still_holds(space):
                if self._is_rebound(name):
                    self.lost[name] = survey(self.held.get(name), space)
                else:
                    self.changed[name] = survey(heap.get(at[name]).value, space)
        for name in itertools.chain(self.bound, self.gone):
            holders = self.record.rebound[name] = keeper.state.holders_of(name)
            for one in holders:                 # only they reach the old function or class now
                if not self._is_rebound(one) and one in self.before and one not in self.changed:
                    self.changed[one] = survey(heap.get(at[one]).value, space)
            if holders:
                self.reads.update(holders)
                self.reads.add(name)
        touched = set()
        for name, found in itertools.chain(self.changed.items(), self.lost.items()):
            touched |= found.ids
            touched |= self.before[name].ids
        self.births = dict((name, heap.get(at[name]).births) for name in self.before)
        for entry in heap.sharing(touched) if touched else ():
            name = name_of(entry.version)
            is_current = at.get(name) == entry.version
            if is_current and name in self.before:
                if name in self.changed or name in self.lost:
                    self.dying.append(entry)
            elif not entry.survey.still_holds(space):
                self.dying.append(entry)
                if is_current and not self._is_rebound(name):
                    self.before[name], self.births[name] = entry.survey, entry.births
                    self.changed[name] = survey(entry.value, space)
        self.has_changed = bool(touched)

    def _see_modules(self):
        """The local modules that the statement imported, and the files that it depends on by that."""
        if not self.imports:
            return
        keeper, record = self.keeper, self.record
        self.bound.update('@m:' + name for name in fresh.modules
                          if name in sys.modules and '@m:' + name not in keeper.state.at)
        needed = modules_of(self.uses)
        if needed is None:
            needed = set(fresh.modules)
        else:
            self.reads = set(name for name in self.reads if name[:3] != '@m:' or name[3:] in needed)
        self.reads.update('@m:' + name for name in needed)      # also those that were not there
        for name in needed:
            paths = [fresh.modules[name]] if name in fresh.modules and name in sys.modules else []
            for path in paths + fresh.missing.get(name, []):
                record.files.setdefault(path, keeper.observer.print_of(path))

    def _see_reads(self):
        """What the statement read: names, the state of the process, patched modules; and why it is in doubt."""
        keeper, record, at = self.keeper, self.record, self.keeper.state.at
        reads = set(name for name in self.reads if name not in SETTERS).union(self.changed)
        reads.add('@o:' + builtins.__name__)
        self.patches = {}
        if not self.inert:
            reads.update(READ_BY_ALL)
            reads.add('@depends')
            reads.update(keeper.modules_read)
            keeper.hidden_now = hidden_state()
            for name, value in keeper.hidden_now.items():
                if name not in self.hidden or value != self.hidden[name]:   # or its module was loaded just now
                    reads.add(name)
                    record.states[name] = value
            self.patches = keeper.see_patches(self.points)
            reads.update(self.patches)
            record.doubt = record.doubt or keeper.doubt(self)
        if self.unit.facts.mark == 'keep':
            record.doubt = None
        fixed = self.unit.facts.reads
        record.names = fixed + tuple(sorted(reads.difference(fixed)))
        record.versions, record.fixed = tuple(map(at.get, record.names)), len(fixed)
        record.whole = keeper.whole() if self.wild else None
        for name in itertools.chain(self.changed, self.lost):
            record.partners[name] = dict((mate, at.get(mate)) for mate in keeper.state.share.get(name, ()))

    def _name_it(self):
        """What tells this execution from all others: .root, of which the versions are made."""
        record, keeper, salt = self.record, self.keeper, ''
        record.likeness = short_hash(record.key, repr(record.names), repr(record.versions), record.whole or '',
                                     repr(sorted(record.files.items())), repr(sorted(record.environment.items())))
        record.time = keeper.state.times.get(record.likeness, 0)
        if self.error or record.doubt or record.wrote and keeper.because:
            salt = '%s %d %r' % (keeper.store.session, keeper.serial, time.time())
        if self.error or record.doubt or self.unit.facts.mark == 'rerun':
            record.run = keeper.runs
        self.root = short_hash(record.likeness, str(record.time), salt)

    def _see_results(self):
        """The versions and Livings of what the statement bound or changed, and what shares objects now."""
        keeper, record, at, heap = self.keeper, self.record, self.keeper.state.at, self.keeper.heap
        results = dict((name, self._result(name)) for name in sorted(self.bound.union(self.changed)))
        for name, value in self.patches.items():
            record.outs[name] = '%s %s' % (self.root, name)
            heap.put(record.outs[name], value, NOTHING, {})
        for name, value in record.states.items():
            record.outs[name] = '%s %s' % (short_hash(repr(value)), name)
            keeper.states[record.outs[name]] = value
        if self.unit.facts.bare and keeper.observer.depended:
            record.outs['@depends'] = '%s @depends' % short_hash(
                at.get('@depends', ''), *['%s' % record.files.get(path) for path in keeper.observer.depended])
        for entry in self.dying:
            heap.drop(entry)
        keeper.serial += 1
        for name, (value, found) in results.items():
            self._enter(name, value, found)
        self.after = dict(at)
        for name in record.gone:
            del self.after[name]
        self.after.update(record.outs)
        record.near = dict((name, at[name]) for name in self.watch.union(self.near))
        for name, (_, found) in results.items():
            self._see_sharing(name, found)

    def _result(self, name):
        """(value, Survey) of a name that was bound or changed; gives it its version."""
        value = self.keeper.value_of(name)
        if is_plain(value):
            self.record.values[name], self.record.outs[name] = value, atom_version(value)
            return value, NOTHING
        self.record.outs[name] = '%s %s' % (self.root, name)
        found = self.changed.get(name)
        if found is None and not self.has_changed:
            for other, known in self.before.items():        # another name of an object that was looked at before
                if other in self.held and self.held[other] is value and other != name:
                    found = known
        return value, found or survey(value, self.keeper.space_of)

    def _enter(self, name, value, found):
        keeper, record, heap = self.keeper, self.record, self.keeper.heap
        version = record.outs[name]
        entry = heap.get(version)
        if entry is None or found is not NOTHING:
            sources = [one for one in self.before if not self.before[one].ids.isdisjoint(found.ids)]
            births, old = {}, [self.before[one].ids for one in sources]
            if found.ids.difference(*old) if old else found.ids:
                births[self.root] = keeper.serial
            for one in sources:
                births.update(self.births[one])
            entry = heap.put(version, value, found, births)
            record.sources[name] = tuple(sorted(set(sources).intersection(self.near)))
        entry.used, keeper.placed[name] = keeper.runs, version
        if name[:3] != '@m:':
            keeper.names[name] = value

    def _see_sharing(self, name, found):
        record, heap, after = self.record, self.keeper.heap, self.after
        if found.ids:
            mates = set(name_of(other.version) for other in heap.sharing(found.ids)
                        if after.get(name_of(other.version)) == other.version)
            record.after[name] = tuple(sorted(mates.difference([name])))
        if found.soft:
            record.soft[name] = tuple(sorted(found.soft))
            for one in found.soft:              # the class of an instance must be the one that is there
                mate = heap.get(after.get(one))
                if mate is not None:
                    heap.get(record.outs[name]).births.update(mate.births)


def seconds_text(seconds):
    """A time for people."""
    return '%.0f ms' % (1000 * seconds) if seconds < 1 else '%.1f s' % seconds


def has_value(name):
    """Whether the name stands for an object that can be surveyed, and not for state of the process."""
    return name[0] != '@' or name[:3] == '@m:'


def is_own_name(name):
    """Whether Python itself sets that name in a module."""
    return name in MODULE_NAMES


def modules_of(uses):
    """Names of the local modules that code with these CodeUses may import, with what those import; None: any."""
    found, todo = set(), set(name for used in uses for name in used.imports)
    if any(used.computes_imports for used in uses):
        return None
    todo.update('%s.%s' % (module, name) for used in uses for module in used.imports for name in used.attributes)
    todo = set(name for name in todo if name in fresh.modules or name in fresh.missing)
    for name in list(todo):
        while '.' in name:
            name = name.rpartition('.')[0]
            todo.add(name)
    while todo:
        name = todo.pop()
        found.add(name)
        more = fresh.imports_of(name) if name in fresh.modules else ()
        if None in more:
            return None
        todo.update(one for one in more if one not in found and (one in fresh.modules or one in fresh.missing))
    return found


class Statements(Values):
    """Runs statements in the namespace as it should be where they stand.

    observer: the Observer.      originals: {'@o:module': {attribute: its value before the script set it}}.
    modules_read: {'@o:module': module or class of others that the statement reaches}.      hidden_now: the state of
    the process, where it is known.      because: what changed outside, so that the statement runs, or None.
    shown: indices of statements whose output was shown in this run.      ran: {index: (reason, seconds)}.
    distrust: whether a name was missing that nothing seemed to read; then all are put in place.
    pid: of the process that may write to the store.
    """

    def _begin_statements(self):
        self.observer, self.originals, self.modules_read, self.hidden_now = None, {}, {}, None
        self.because, self.shown, self.ran, self.distrust, self.alive = None, set(), {}, False, []
        self.pid = os.getpid()

    def execute_unit(self, index, unit):
        """Run the statement; its Record. Raises Again when a value is missing."""
        if unit.code is None:
            unit.compile(self.source.nodes(unit.chunk, unit.chunk + 1)[0], self.path, unit.chunk == 0)
        reason, one = self.reason(index, unit), Execution(self, unit)
        one.prepare()
        one.perform(index in self.shown)
        if os.getpid() != self.pid:
            self._run_rest(index, one)
        self.shown.add(index)
        self.forced.discard(index)
        one.observe()
        record = one.record
        self.ran[index] = reason, self.ran.get(index, (0, 0))[1] + record.seconds
        self._remember(record)
        if one.error is None:
            if not record.run:
                self.keep_snapshot(record)
        elif not isinstance(one.error[1], (Exception, SystemExit)):
            raise one.error[1]
        elif self._is_unplaced(one.error[1]):
            self.distrust = True
            raise Again
        return record

    def _run_rest(self, index, one):
        """In a process that the statement forked: run what follows as Python would, and end."""
        self.observer.remove()
        if one.error is not None:
            raise one.error[1]
        for unit in self.units[index + 1:]:
            if unit.code is None:
                unit.compile(self.source.nodes(unit.chunk, unit.chunk + 1)[0], self.path, False)
            (eval if unit.is_value else execute)(unit.code, self.names)
        raise SystemExit(0)

    def _remember(self, record):
        group = self.records.setdefault(record.group(), [])
        group[:] = [other for other in group if other.likeness != record.likeness or other.time != record.time][-7:]
        group.append(record)
        if not record.error:
            self.latest[record.key] = record
        self.new.append(record)

    def _is_unplaced(self, error):
        """Whether the error tells of a name that should be there, but was not placed since nothing read it."""
        found = re.match(r"(?:global )?name '(\w+)' is not defined", str(error))
        return isinstance(error, NameError) and found is not None and not self.distrust and (
            found.group(1) in self.state.at and found.group(1) not in self.placed)

    def reach(self, unit):
        """What the statement may read, put in place: (names, [CodeUses], whether it may be any, modules of others)."""
        at, names, uses, shared = self.state.at, set(), [unit.uses], []
        wild = unit.uses.wild or self.distrust or self._is_redirected()
        todo = set(unit.facts.reads)
        if unit.uses.may_import or unit.facts.stars:
            todo.update(name for name in at if name[:3] == '@m:')
        while todo or wild and not names:
            if wild:
                todo.update(name for name in at if name not in SETTERS)
                names.add('')
            todo -= names
            names |= todo
            wave = [name for name in todo if name in at]
            self.need(wave)
            todo = set()
            for name in wave:
                if not has_value(name):
                    continue
                found = self.survey_of(name)
                if found is NOTHING:
                    continue
                todo |= found.refs
                todo.update(found.soft)
                uses += found.uses
                shared += found.shared
                for used in found.uses:
                    wild |= used.wild
                    if used.may_import:
                        todo.update(name for name in at if name[:3] == '@m:')
            wild = wild or any(item.__name__.partition('.')[0] in WILD_MODULES for item in shared)
            todo -= names
        return names.difference(['']), uses, wild, shared

    def _is_redirected(self):
        """Whether the script put an object of its own in the place of sys.stdout or the like."""
        version = self.state.at.get('@o:sys')
        entry = self.heap.get(version)
        return version is not None and (entry is None or any(
            type(entry.value.get(name)) not in (OutputTee, type(None)) for name in ('stdout', 'stderr')))

    def patch_points(self, one):
        """[(hidden name, module or class of others, attribute, its value)] that the statement may change."""
        puts = set(name for used in one.uses for name in used.puts)
        attributes = set(name for used in one.uses for name in used.attributes)
        loose = bool(LOOSE.intersection(attributes) or any(LOOSE.intersection(used.names) for used in one.uses))
        found, todo = {}, list(one.shared) + [builtins, sys]
        todo += [value for value in map(self.names.get, one.near) if isinstance(value, class_types)
                 and not self.is_local(value.__module__)]
        while todo:
            item = todo.pop()
            is_class = isinstance(item, class_types)
            hidden = '@o:%s.%s' % (item.__module__, item.__name__) if is_class else '@o:' + item.__name__
            if hidden not in found:
                found[hidden] = item
                space = vars(item)
                inside = () if is_class else [name for name in attributes if name in space]
                todo += [part for part in map(space.get, inside)
                         if isinstance(part, types.ModuleType) and not self.is_local(part.__name__)
                         or isinstance(part, class_types) and not self.is_local(part.__module__)]
        self.modules_read, points = found, []
        for hidden, item in found.items():
            self._set_patches(hidden, item)
            points += [(hidden, item, name, vars(item).get(name, ABSENT)) for name in (vars(item) if loose else puts)]
        return points

    def _set_patches(self, hidden, item):
        """Bring a module of others to what it is at this place."""
        known = self.originals.get(hidden)
        if known is None:
            return
        version = self.state.at.get(hidden)
        entry = self.heap.get(version) if version else None
        if version and entry is None:
            self.force([[hidden]])
            raise Again
        values = entry.value if entry else {}
        for name, value in known.items():
            wanted = values.get(name, value)
            if wanted is ABSENT:
                if name in vars(item):
                    delattr(item, name)
            elif vars(item).get(name, ABSENT) is not wanted:
                setattr(item, name, wanted)

    def see_patches(self, points):
        """{hidden name: {attribute: value}} of the modules of others that the statement changed."""
        found = {}
        for hidden, item, name, was in points:
            now = vars(item).get(name, ABSENT)
            if now is not was:
                self.originals.setdefault(hidden, {}).setdefault(name, was)
                old = self.heap.get(self.state.at.get(hidden))
                found.setdefault(hidden, dict(old.value) if old else {})[name] = now
        return found

    def set_hidden(self):
        """Bring the state of the process to where the script stands; it, as {hidden name: state}."""
        now, at, missing = self.hidden_now or hidden_state(), self.state.at, []
        for name in now:
            version = at.get(name, 'start ' + name)
            if version not in self.states:
                if version[:6] == 'start ':
                    self.base[name] = self.states[version] = now[name]
                else:
                    missing.append([name])
                continue
            if now[name] != self.states[version]:
                with suppress(Exception):
                    SETTERS[name](self.states[version])
                now[name] = self.states[version]
        self.hidden_now = now
        if missing:
            self.force(missing)
            raise Again
        return now

    def doubt(self, one):
        """Why the statement's outcome cannot be known, as it reads the clock or the like; or None."""
        for used in one.uses:
            names = used.attributes & CLOCK_NAMES
            for item in one.shared if names else ():
                found = names & CLOCKS.get(item.__name__, frozenset())
                if found:
                    return 'it uses %s.%s' % (item.__name__, sorted(found)[0])
            for name in CLOCKS[builtins.__name__] & used.names:
                if name not in self.state.at:
                    return 'it uses %s' % name
        for name in one.near:
            value = self.names.get(name)
            module = getattr(value, '__module__', None) if not is_plain(value) else None
            known = CLOCKS.get(module) if isinstance(module, str) else None
            if known:
                own = getattr(value, '__name__', None)
                if own in known:
                    return 'it uses %s' % own
                if isinstance(value, class_types):
                    for used in one.uses:
                        if used.attributes & known:
                            return 'it uses %s.%s' % (own, sorted(used.attributes & known)[0])
        return None

    def see_shared_files(self):
        """Where a file was written after it was used by the same or another statement, what is in it at one place
        cannot be told from what is there now: all that use it run each time, in order."""
        uses = {}
        for index in sorted(self.records_of):
            record = self.records_of[index]
            for path in record.files:
                uses.setdefault(path, []).append((record, False))
            for path in record.wrote:
                uses.setdefault(path, []).append((record, True))
        for found in uses.values():
            if any(writes for _, writes in found[1:]):
                for record, _ in found:
                    record.run = self.runs

    def value_of(self, name):
        """The object that the name has now, also if it is not placed."""
        if name[:3] == '@m:':
            return sys.modules[name[3:]]
        return self.names[name] if name in self.names else self.heap.get(self.state.at[name]).value


##############################################################################
## 18. Rerun -- run only what changed
##############################################################################
#
# Gives to the user CachedScript, a step that runs a script's statements again only where their outcome would be
# another one, Report, which tells what it did, depends(), and --cache of the command line.
#
# The rule: after each run the namespace is that of a fresh run, objects shared by several names included. Where
# that cannot be known the statement runs again. One attempt goes over all statements: each has a Record that fits
# what its reads hold, or is executed. A value that is missing ends the attempt; the next one forces what makes it.
#
# Not handled: effects on the world that leave no trace in names, such as windows, servers, libraries' own state.

__all__ += ['CachedScript', 'Report']


Ran = tuple_type('Ran', 'line text seconds reason source')


class Report(object):
    """What a run of a CachedScript did. ran, kept: lists of statements: .line .text .seconds .reason .source (where a
    kept value came from).      saved: seconds that the kept ones took when they ran.      error: the exception that
    ended the run, or None.      values: [(line, text)] of bare expressions.      notes: what else is to be said.

    >>> str(Report())
    'ran 0, kept 0 statements'
    """

    def __init__(self):
        self.ran, self.kept, self.saved, self.error, self.values, self.notes = [], [], 0.0, None, [], []
        self.trace, self.seconds = None, 0.0

    def lines(self):
        """The lines of the report."""
        first = 'ran %d, kept %d statements' % (len(self.ran), len(self.kept))
        if self.ran or self.kept:
            first += ' in %s, saved %s' % (seconds_text(self.seconds), seconds_text(self.saved))
        lines = [first]
        for item in self.ran[:20]:
            lines.append('  ran   line %d: %s  (%s; %s)' % (
                item.line, item.text[:60], seconds_text(item.seconds), item.reason))
        if len(self.ran) > 20:
            lines.append('  ran   %d more' % (len(self.ran) - 20))
        for item in [item for item in self.kept if item.seconds > 0.1 or item.source == 'store'][:10]:
            lines.append('  kept  line %d: %s  (saved %s%s)' % (
                item.line, item.text[:60], seconds_text(item.seconds), ', from the store' * (item.source == 'store')))
        lines += ['  value line %d: %s' % value for value in self.values]
        return lines + ['  note  %s' % note for note in self.notes]

    def __str__(self):
        return '\n'.join(self.lines())


current = None              # the Observer of the CachedScript that runs a statement


def depends(path):
    """Tell the cache that the statement that runs reads this file in a way that it cannot notice. The path.

    As a statement of its own: that all later statements may. Without a cache nothing happens.

    >>> depends('table.db')
    'table.db'
    """
    if current is not None:
        full = os.path.abspath(path_text(path))
        current.files.setdefault(full, current.print_of(full))
        current.depended.append(full)
    return path


class CachedScript(Statements, ReloadedScript):
    """Run a script so that after each run its namespace is that of a fresh run, but run only what changed.

    path, argv, module: as of ReloadedScript.      store: folder that keeps values from process to process; None: they
    are kept in memory.      trust: use a store that others can write to.      max_bytes: of the store.

    namespace: the dict of the script's globals.      units: list of Chunk.      records: {Record.group(): [Record]}.
    report: the last Report.      muted: whether what kept statements printed is left out.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), 'script.py')
    >>> with open(path, 'w') as stream:
    ...     done = stream.write('a = [1]')
    >>> script = CachedScript(path)
    >>> len(script.run().ran), len(script.run().ran), script.namespace['a']
    (1, 0, [1])
    >>> script.close()
    """
    def __init__(self, path=None, argv=(), store=None, module=None, trust=False, max_bytes=None):
        ReloadedScript.__init__(self, path, argv, None, module)
        self._begin_values(Store(store, 'cache', MAX_BYTES if max_bytes is None else max_bytes, trust))
        self._begin_statements()
        self.space_of = Program(self.names, self.space, self.is_local)
        self.facts, self.units, self.source, self.report, self.base, self.last = {}, [], None, None, None, None
        self.muted, self.handed_out, self.kept_all = False, True, None

    @property
    def namespace(self):
        """The dict of the script's globals. What is changed in it by hand lasts until the next run."""
        self.handed_out = True
        return self.names

    @namespace.setter
    def namespace(self, names):
        self.names = names

    def is_local(self, name):
        """Whether the module of that name is the user's."""
        return name in fresh.modules or name == '__main__'

    def load(self):
        """The bytes of the script."""
        return fresh.read(self.path)

    # -- the script's text

    def _read_units(self, data):
        """Cut the text into Units; those that were there keep their code. Raises SyntaxError."""
        source = Source(self.path, data) if self.source is None or self.source.data != data else self.source
        if source is self.source:
            return
        left, units, moved, new_nodes = {}, [], {}, []
        for unit in self.units:
            left.setdefault(unit.text, []).append(unit)
        for index in range(len(source)):
            text, start = source.text(index), source.starts[index]
            nodes, facts = source.parsed.get(index) or [], self.facts.get((text, source.flags))
            if facts is None and nodes:
                facts = self.facts[text, source.flags] = Facts(nodes, source.lines, start, source.flags)
            if facts is None:                   # comments only
                continue
            if left.get(text) and left[text][0].facts is facts:
                unit = left[text].pop(0)
                if unit.start != start:
                    pairs = []
                    unit.codes = [moved_code(code, start - unit.start, self.path, (), pairs) for code in unit.codes]
                    unit.code, unit.start = None, start
                    moved.update((id(one), (one, new)) for one, new, _ in pairs)
            else:
                unit = Chunk(facts, text, start, source.flags)
                unit.compile(nodes, self.path, index == 0)
                new_nodes += nodes
            unit.chunk = index
            units.append(unit)
        if any(getattr(node, 'module', None) == '__future__' for node in new_nodes):
            compile(data, self.path, 'exec', 0, True)
        source.parsed, by_key = {}, {}
        for unit in flat(left.values()):
            by_key.setdefault(unit.facts.key, []).append(unit)
        known = set(map(id, self.units))
        for unit in units:                      # the same meaning in another layout
            if id(unit) not in known and by_key.get(unit.facts.key):
                moved.update((id(one), (one, new)) for one, new, _ in pair(
                    by_key[unit.facts.key].pop(0).codes, unit.codes))
        self.source, self.units = source, units
        self._move_functions(moved)

    def _move_functions(self, moved):
        """Give the functions of statements that stand on other lines now code with the right lines.

        moved: {id of a code object: (it, the new one)}.
        """
        if not moved:
            return
        originals = self.space_of.originals
        for number, (old, new) in moved.items():
            originals[id(new)] = (originals[id(old)][0] if id(old) in originals else old), new
        for number, functions in functions_with(dict((number, old) for number, (old, _) in moved.items())).items():
            for function in functions:
                function.__code__ = moved[number][1]
        for old, _ in moved.values():
            originals.setdefault(id(old), (old, old))

    # -- a run

    def run(self, changed=()):
        """Bring the namespace to what a fresh run of the script would give; the Report."""
        global current
        begin, self.runs, self.report, self.pid = clock_s(), self.runs + 1, Report(), os.getpid()
        report = self.report
        try:
            data = self.enter(changed)
            if self.runs == 1:
                self._load()
            is_new = self.source is None or self.source.data != data
            self._read_units(data)
        except SyntaxError as error:
            report.error, report.trace = error, None
            with suppress(AttributeError):
                error.__traceback__ = None
            return report
        self.observer = self.observer or Observer(self.path)
        self.observer.script = self.path
        if self._repair() and not is_new and self._is_same():
            self._keep_all()
            report.seconds = clock_s() - begin
            return report
        self.forced, self.shown, self.ran, self.new, self.restored = set(), set(), {}, [], set()
        self.alive = other_threads()
        self.distrust, self.placed, self.hidden_now = False, {}, None
        self.observer.install()
        current = self.observer
        try:
            for attempt in range(2000):
                if attempt in (60, 1000) or len(self.forced) and attempt == 200:
                    self._forget()
                try:
                    self._attempt()
                    break
                except Again:
                    pass
        finally:
            current = None
            self.observer.remove()
            if os.getpid() == self.pid:
                self._finish()
        report.seconds = clock_s() - begin
        return report

    def _repair(self):
        """Forget the values that were changed by hand since the last run. Whether there were none."""
        at, self.last, names, all_well = self.last, None, self.names, True
        if at is not None and (self.handed_out or other_threads()):
            for name, version in at.items():
                entry = self.heap.get(version)
                if entry is None or not entry.survey.ids:
                    continue
                if names.get(name) is not entry.value and name[0] != '@':
                    all_well = False
                elif entry.survey.holds(names) and not entry.survey.still_holds(self.space_of):
                    all_well = False
                    if not entry.survey.opaque:
                        for other in self.heap.sharing(entry.survey.ids):
                            self.heap.drop(other)
        self.handed_out = False
        return all_well and at is not None

    def _is_same(self):
        """Whether nothing at all changed since the last run, so that there is nothing to do."""
        records, names = list(self.records_of.values()), self.names
        if len(records) != len(self.units) or any(record.run or record.doubt for record in records):
            return False
        at = [(name, version) for name, version in self.state.at.items() if name[0] != '@']
        entries = [self.heap.get(version) for _, version in at]
        if None in entries or any(names.get(name, names) is not entry.value for (name, _), entry in zip(at, entries)):
            return False
        if sum(1 for name in names if name not in MODULE_NAMES) - ('__doc__' not in self.state.at) != len(at):
            return False
        return not any((record.files or record.wrote or record.environment) and self._outside(record)
                       for record in records)

    def _keep_all(self):
        """The run in which nothing is to be done."""
        self.last = self.state.at
        if any(record.output for record in self.records_of.values()):
            self.observer.install()
            self.shown = set()
            for index, record in self.records_of.items():
                self._show(index, record)
            self.observer.remove()
        self.hidden_now = None
        self.set_hidden()
        if self.kept_all is None:
            self.ran, self.new = {}, []
            self.kept_all = self._kept(), sum(record.seconds for record in self.records_of.values())
        self.report.kept, self.report.saved = self.kept_all
        self.report.values = self._values()

    def _base(self):
        """The State at the begin of the script."""
        state = State()
        if self.base is None:
            self.base = hidden_state()
        base = dict(self.base)
        base['@argv'] = [self.given] + self.argv
        for name, value in base.items():
            version = 'start ' + name
            if name in BY_VALUE:
                version = '%s %s' % (short_hash(repr(value)), name)
                state.at[name] = version
            self.states[version] = value
        return state

    def _attempt(self):
        """Go over all statements; run those that must."""
        self.state, self.records_of, self.placed, self.space_of.owners = self._base(), {}, {}, {}
        self.observer.put_streams()
        plain = dict((name, value) for name, value in self.names.items() if name in MODULE_NAMES)
        plain['__doc__'] = None
        self.names.clear()                  # what stands in it is what the statements so far made
        self.names.update(plain)
        for index, unit in enumerate(self.units):
            self.index = index
            record = self._look_up(index, unit)
            if record is None or index in self.forced:
                record = self.execute_unit(index, unit)
            else:
                self._keep(index, unit, record)
            self.records_of[index] = record
            self.state.apply(record, index)
            record.used = self.runs
            if record.error is not None:
                self.report.error, self.report.trace = record.error[1], record.error[2]
                break
        else:
            self.report.error = None
        self.need(self.state.at)

    def _look_up(self, index, unit):
        """The Record that tells what the statement would do now, or None. Notes why it must run."""
        facts, at = unit.facts, self.state.at
        if facts.mark == 'keep' and facts.key in self.latest and index not in self.forced:
            record = self.latest[facts.key]
            if self._is_kept(record):
                return record
        why = None
        group = (facts.key,) + tuple(map(at.get, facts.reads))
        for record in reversed(self.records.get(group, ())):
            if record.run and record.run != self.runs or tuple(map(at.get, record.names)) != record.versions:
                continue
            if self.state.times.get(record.likeness, 0) != record.time:
                continue
            if record.whole is not None and record.whole != self.whole():
                continue
            if self.state.holders and any(self.state.holders.get(name) and self.state.holders_of(name) != holders
                                          for name, holders in record.rebound.items()):
                continue
            if record.run == self.runs:
                return record
            why = record.doubt or ('it is marked' if facts.mark == 'rerun' else None) or self._outside(record)
            if why is None and all(dict((mate, at.get(mate)) for mate in self.state.share.get(name, ())) == mates
                                   for name, mates in record.partners.items()):
                return record
        self.because = why
        return None

    def _is_kept(self, record):
        return all(version in self.kept_in or self.heap.get(version) or name in record.values
                   for name, version in record.outs.items())

    def whole(self):
        """A hash of the versions of all names."""
        return short_hash(*['%s=%s' % item for item in sorted(self.state.at.items())])

    def _outside(self, record):
        """What changed in files and the environment since the Record was made, as text, or None."""
        for path, found in record.files.items():
            if self.observer.print_of(path) != found:
                return '%s changed' % os.path.basename(path)
        for path, found in record.wrote.items():
            if found is not None and self.observer.print_of(path) != found:
                return '%s, which it wrote, changed' % os.path.basename(path)
        if record.environment:
            data = self.states.get(self.state.at.get('@environ', 'start @environ'), {})
            for name, value in record.environment.items():
                now = data.get(name) if name else short_hash(repr(sorted(data.items())))
                if now != value:
                    return 'the environment changed'
        return None

    def _keep(self, index, unit, record):
        """Take over what the statement did when it ran."""
        heap = self.heap
        for name in record.gone:
            self.unplace(name)
        for name, version in record.outs.items():
            if name in self.placed and self.placed[name] != version:
                self.unplace(name)
            entry = heap.get(version)
            if entry is not None:
                entry.used = self.runs
            elif name in record.values:
                heap.put(version, record.values[name], NOTHING, {})
            elif name in record.states:
                self.states[version] = record.states[name]
        if index not in self.shown:
            self._show(index, record)

    def _show(self, index, record):
        """Show again what the statement printed."""
        self.shown.add(index)
        if self.muted:
            return
        for is_error, text in record.output:
            stream = self.observer.tees[is_error][2]
            if not isinstance(text, str) and isinstance(text, bytes):
                flush(stream)
                stream, text = (stream.buffer, text) if hasattr(stream, 'buffer') else (stream, source_text(text))
            elif is_terminal(stream):
                text = ''.join('%s%s%s' % (DIM, line.rstrip('\n'), PLAIN) + '\n' * line.endswith('\n')
                               for line in text.splitlines(True))
            write(stream, text)

    def _finish(self):
        """Leave the process as the script would; fill the report; write what is new to the store."""
        report, state = self.report, self.state
        self.hidden_now = None
        with suppress(Again):
            self.set_hidden()
        self.last, self.kept_all = state.at, None
        for index in sorted(self.ran):
            unit, (reason, seconds) = self.units[index], self.ran[index]
            report.ran.append(Ran(unit.line(), unit.facts.words, seconds, reason, 'run'))
        report.kept = self._kept()
        report.saved = sum(item.seconds for item in report.kept)
        report.values = self._values()
        report.notes += ['line %d is kept, as it is marked' % self.units[index].line() for index in self.records_of
                         if self.units[index].facts.mark == 'keep' and index not in self.ran]
        for record in self.new:
            for path in record.wrote:
                record.wrote[path] = self.observer.print_of(path)
        self.see_shared_files()
        self._save()
        self._tidy()

    def _kept(self):
        """The statements that did not run, for the report."""
        kept, why = [], 'nothing that it reads changed'
        for index, record in self.records_of.items():
            if index not in self.ran:
                source, unit = 'memory', self.units[index]
                if not self.restored.isdisjoint(record.outs.values()):
                    source = 'store'
                kept.append(Ran(unit.start + unit.facts.below + 1, unit.facts.words, record.seconds, why, source))
        return kept

    def _values(self):
        """[(line, text)] of the expressions whose value is to be shown."""
        return [(self.units[index].line(), record.shown) for index, record in self.records_of.items()
                if record.shown is not None]

    # -- why

    def reason(self, index, unit):
        """Why the statement runs, for the report."""
        if index in self.forced:
            return 'its value was needed and had not been kept'
        if self.because:
            return self.because
        record = self.latest.get(unit.facts.key)
        if unit.facts.mark == 'rerun':
            return 'it is marked'
        if record is None:
            return 'it is new'
        if record.doubt:
            return record.doubt
        at = self.state.at
        for name, version in zip(record.names, record.versions):
            if at.get(name) != version:
                maker = self.state.makers.get(at.get(name))
                if maker is not None and name[0] != '@':
                    return 'because %s (line %d) changed' % (name, self.units[maker].line())
                return 'because %s changed' % name.lstrip('@mo:') if name in at else '%s is not there now' % name
        return 'what it works on changed'

    def why(self, about):
        """Why a statement, given by its line or by a name that it made, ran or was kept in the last run; a text.

        >>> CachedScript.why.__name__
        'why'
        """
        found = None
        for index, unit in enumerate(self.units):
            record = self.records_of.get(index)
            if about == unit.line() or record is not None and (about in record.outs or about in record.gone):
                found = index
            elif isinstance(about, int) and unit.start < about <= unit.start + unit.facts.below + 1 and found is None:
                found = index
        if found is None and isinstance(about, int):
            starts = [index for index, unit in enumerate(self.units) if unit.line() <= about]
            found = starts[-1] if starts else None
        if found is None or found not in self.records_of:
            return '%s: no statement that was run made it' % (about,)
        unit, record = self.units[found], self.records_of[found]
        text = 'line %d: %s\n' % (unit.line(), unit.facts.words)
        if found in self.ran:
            text += '  ran: %s\n' % self.ran[found][0]
        else:
            text += '  kept: nothing that it reads changed (%s when it ran)\n' % seconds_text(record.seconds)
        if record.doubt:
            text += '  runs each time: %s\n' % record.doubt
        reads = []
        for name, version in zip(record.names, record.versions):
            maker = self.state.makers.get(version)
            if maker is not None and name[0] != '@' and maker < found:
                reads.append('%s (line %d)' % (name, self.units[maker].line()))
        text += '  reads: %s\n' % (', '.join(reads) or 'no names of the script')
        for path in sorted(record.files):
            text += '  reads the file %s\n' % path.replace('names ', '', 1).replace('there ', '', 1)
        changes = [name for name in record.outs if name[0] != '@']
        return text + '  makes or changes: %s' % (', '.join(sorted(changes)) or 'nothing')


# ---- what the user sees

class Picture(object):
    """Tells values of two processes apart: of({name: value}) -> {name: text}, equal where the values are, with what
    they share. A second visit of an object that can change is told by the place of the first."""

    def __init__(self, space):
        self.space, self.seen, self.held = space, {}, []

    def of(self, names):
        """{name: short text} of all names that are not the machinery's."""
        return dict((name, short_hash(self.tell(names[name], name))) for name in sorted(names)
                    if not name[:2] == '__' == name[-2:])

    def tell(self, value, place):
        """The text of one value."""
        if type(value) in PLAIN_TYPES:
            return '%s %r' % (type(value).__name__, value)
        if type(value) is not tuple:
            if id(value) in self.seen:
                return 'the one at ' + self.seen[id(value)]
            self.seen[id(value)] = place
            self.held.append(value)
        parts = [type(value).__name__]
        if isinstance(value, CodeType):
            parts += [value.co_name, repr(value.co_names), repr(value.co_varnames)]
            parts += [self.tell(const, place + '.const') for const in value.co_consts]
        elif type(value) is FunctionType:
            parts.append(value.__name__)
            if value.__globals__ is self.space.names or self.space.is_local(value.__module__):
                parts += self.all([value.__code__, value.__defaults__, getattr(value, '__kwdefaults__', None),
                                   vars(value)] + list(map(get_cell, value.__closure__ or ())), place)
        elif isinstance(value, class_types):
            parts.append(value.__name__)
            if value.__module__ == '__main__' or self.space.is_local(value.__module__):
                parts += self.all([dict((name, part) for name, part in vars(value).items() if name not in NO_KEYS),
                                   value.__bases__], place)
        elif isinstance(value, type(sys)):
            parts.append(value.__name__)
            if self.space.is_local(value.__name__):
                parts += self.all([dict((name, part) for name, part in vars(value).items() if not is_own_name(name))],
                                  place)
        else:
            parts += self.contents(value, place)
        return '(%s)' % ' '.join(parts)

    def all(self, values, place):
        """The texts of several values."""
        return [self.tell(value, '%s[%d]' % (place, number)) for number, value in enumerate(values)]

    def contents(self, value, place):
        """The texts of what an instance holds."""
        if isinstance(value, dict):
            pairs = [(self.tell(key, place + '.key'), key) for key in value]
            found = [text + ':' + self.tell(value[key], place + '.' + text[:40]) for text, key in sorted(
                pairs, key=lambda pair: pair[0])]
        elif isinstance(value, (set, frozenset)):
            found = sorted(self.tell(part, place + '{}') for part in value)
        elif isinstance(value, (list, tuple, collections.deque)):
            found = self.all(value, place)
        else:
            probe = Survey()
            opener = OPENERS.get(type(value)) or opener_of(type(value), self.space)
            kind, members = type(value), ()
            if all(hasattr(value, part) for part in ('fileno', 'closed', 'tell')):
                opener = open_file              # the parts of a file come into being when they are looked at
            if opener is not open_instance:
                members = opener(value, probe, self.space, True)
            found = [repr(probe.extras)] + self.all([part for part in members if part is not kind], place)
        if type(getattr(value, '__dict__', None)) is dict:
            found.append(self.tell(vars(value), place + '.dict'))
        for kind in type(value).__mro__ if hasattr(type(value), '__mro__') else ():
            slots = vars(kind).get('__slots__', ())
            for name in [slots] if isinstance(slots, string_types) else slots:
                if name != '__dict__' and hasattr(value, name):
                    found.append(name + self.tell(getattr(value, name), place + '.' + name))
        return found


def get_cell(cell):
    """What a closure cell holds; None while it is empty."""
    with suppress(ValueError):
        return cell.cell_contents


def fresh_picture(path, argv, module, answer):
    """Run a script afresh, silently, and write ({name: text}, name of the exception or None) to the file `answer`.

    For a process of its own.
    """
    script = ReloadedScript(path, argv, module=module)
    null = open(os.devnull, 'w')
    sys.stdout = sys.stderr = null
    error = None
    try:
        script.run()
    except BaseException as problem:            # whatever ends it is the answer
        error = type(problem).__name__
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    space = Program(script.namespace, script.space, lambda name: name in fresh.modules or name == '__main__')
    with open(answer, 'wb') as stream:
        stream.write(marshal.dumps((Picture(space).of(script.namespace), error)))


class CachedStep(CachedScript):
    """The step of --cache: a CachedScript that says what it did.

    log: path of the file that the statements which ran are appended to, or None.      checks: whether each run is
    compared with a fresh one.      quiet: say nothing but errors.      status: as the script's exit status.
    """

    def __init__(self, path, argv, store, module, log=None, checks=False, quiet=False, trust=False):
        if store is None:
            folder = os.path.dirname(os.path.abspath(path)) if path else os.getcwd()
            store = os.path.join(folder, '.hotload')
        CachedScript.__init__(self, path, argv, None if store == 'none' else store, module, trust)
        self.log, self.checks, self.muted, self.status = log and os.path.abspath(log), checks, quiet, 0

    def files(self):
        """The paths of the script, its modules and the data files that it read."""
        return CachedScript.files(self) + sorted(path for path in list(fresh.keys) if path != self.path)

    def run(self, changed=()):
        """Run it, and say what was done."""
        report = CachedScript.run(self, changed)
        self.status = 0
        if not self.muted:
            for line in report.lines():
                say(line)
        if report.error is not None:
            self.status = self._show_end(report)
        if self.log and report.ran:
            self._append(['# run %d at %s' % (self.runs, time.strftime('%H:%M:%S'))] + [
                self._logged(index) for index in sorted(self.ran)])
        if self.checks and not isinstance(report.error, SyntaxError):
            self.check()
        return report

    def _show_end(self, report):
        error = report.error
        if isinstance(error, SystemExit):
            return exit_status(error)
        show_error((type(error), error, report.trace))
        if report.kept:
            say('%d statements before it are kept' % len(report.kept))
        return 1

    def _logged(self, index):
        text = source_text(self.source.text(self.units[index].chunk))
        return commented(text) if self.records_of[index].error else text

    def _append(self, texts):
        with open(self.log, 'ab') as stream:
            for text in texts:
                data = text + '\n'
                stream.write(data if isinstance(data, bytes) else data.encode('utf-8'))

    def typed(self, text, failed):
        """A command was typed at the prompt: log it."""
        if self.log and text.strip():
            self._append([commented(text) if failed else text])

    def check(self):
        """Run the script afresh in a child process, and say whether the namespace agrees. Whether it does."""
        import subprocess
        import tempfile
        handle, answer = tempfile.mkstemp()
        os.close(handle)
        code = ('import sys; sys.path.insert(0, %r); import hotload; del sys.path[0]; '
                'hotload.fresh_picture(%r, %r, %r, %r)') % (
                    os.path.dirname(os.path.abspath(OWN_FILE)), None if self.module else self.given, self.argv,
                    self.module, answer)
        try:
            subprocess.call([sys.executable, '-c', code], cwd=self.base['@folder'])
            data = read_bytes(answer)
        finally:
            os.remove(answer)
        if not data:
            say('check: the fresh run ended its process', colour=RED)
            return False
        found, error = marshal.loads(data)
        mine = Picture(self.space_of).of(self.names)
        ours = type(self.report.error).__name__ if self.report.error is not None else None
        wrong = sorted(name for name in set(mine) | set(found) if mine.get(name) != found.get(name))
        if error != ours:
            wrong.insert(0, 'the error (%s, fresh: %s)' % (ours, error))
        say('check: a fresh run agrees' if not wrong else 'check: a fresh run differs in %s' % ', '.join(wrong),
            colour=RED if wrong else DIM)
        return not wrong


def commented(text):
    """The text as comment lines."""
    return '\n'.join('# ' + line for line in text.rstrip().split('\n'))


MODES.append(Mode('cache', 'the statements that changed, and those that depend on them', lambda choice: CachedStep(
    choice.script, choice.argv, choice.get('store'), choice.module, choice.get('log'), 'check' in choice,
    'quiet' in choice, 'trust-store' in choice), [
        ('', 'store', 'DIR', 'keep values here (default: .hotload beside the script); none: in memory only'),
        ('', 'log', 'FILE', 'append the statements that ran, and what was typed'),
        ('', 'check', None, 'run the script afresh as well, and compare')]))


##############################################################################
## 19. Meaning -- fingerprints of functions and values, with all that they use
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

copy = Later('copy')
GeneratorType = type(value for value in ())
ACTING_FLAGS = 0x803ff      # of code: what kind of function it is; the others tell of docstrings and the like
CONTAINERS = frozenset([list, tuple, set, frozenset, dict])
WRAPPERS = (staticmethod, classmethod)
BUILTINS = (type(len), type(str.join), type(str.__add__), type(''.__add__))
MethodType = type(suppress(Exception).__enter__)
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
    if DICTS_ARE_ORDERED:
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
## 20. Values -- what reactors send, and what is known of their runs
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
        path, meta = self._written(kind, value) if kind in ('array', 'buffer') else (None, None)
        if path is not None:
            return self._adopted(name, kind, path, meta)
        refs = []
        if type_of(value) in PLAIN_TYPES:
            data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        else:
            data = dump(value, lambda item: global_name(item, refs))
        is_small = len(data) <= SMALL
        address = checksum(data) if is_small else self.store.add(data)
        refs = tuple(sorted(set(refs)))
        return Product(name, kind, address, len(data), None, refs, data if is_small else None)

    def _written(self, kind, value):
        """(the path of a file with an array's or buffer's bytes, what is needed besides to read it), or (None, None)
        for an array that is better pickled."""
        numpy, path = sys.modules.get('numpy'), self.store.draft()
        if kind == 'array' and numpy is None and type_of(value) is list:
            import numpy
        if kind == 'array' and numpy and isinstance(value, (numpy.ndarray, numpy.generic, list)):
            value = numpy.asanyarray(value)
            if type_of(value) not in (numpy.ndarray, numpy.memmap) or value.dtype.hasobject:
                return None, None
            with open(path, 'wb') as stream:
                numpy.save(stream, value, allow_pickle=False)
            return path, 'npy'
        if kind == 'array' and type_of(value).__name__ in ('array', 'bytes', 'bytearray', 'str'):
            return None, None
        view = memoryview(value)
        with open(path, 'wb') as stream:
            stream.write(view.cast('B') if HAS_CASTS and view.c_contiguous else view.tobytes())
        return path, (view.format, view.shape) if kind == 'array' else None

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
        return list(found.values()) if DICTS_ARE_ORDERED else sorted(found.values(), key=payloads.index)

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
## 21. Reactors -- functions that receive and send values
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

# {module: (namespace, what tells when it was loaded, {name: function}, names that it had for them)} of the
# reactors, and of the subreactors.
REACTORS, SUBREACTORS = {}, {}
DECORATED = {}              # {id of a function that was made a reactor: weak reference to it}


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
    """The functions that are reactors now.

    One that its module had a name for and has no more was deleted, in a module that was patched. A script of which only
    some statements run again may have one back without the decorator being called: it is found by its name.
    """
    found = []
    for module, (space, loaded, functions, named) in list(REACTORS.items()):
        for name, function in list(functions.items()):
            if space is not None and space.get(name) is function:
                named.add(name)
            elif name in named:
                del functions[name]
        if loaded is None:                      # else it ran as a whole, and names of before are still there
            for name, function in list((space or {}).items()):
                known = DECORATED.get(id(function))
                if known is not None and known() is function and function.__module__ == module:
                    functions.setdefault(name, function)
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
    with suppress(TypeError):                   # an object that takes no weak references
        DECORATED[id(function)] = weak_reference(function)
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
        depends(path)
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
## 22. Workers -- reactors in other threads, processes and machines
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
    shares_store = task.store[0] is not None or PLANTS.get(task.token) == os.getpid()       # else it is in memory
    return shares_store and None not in (function, workshop) and workshop.code_digest(function) == task.code


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
                    self.session.workshop.config_meaning(), (store.top, store.session), self.given,
                    list(map(tuple, products)))

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
## 23. Schedule -- which reactors run, and when
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
## 24. Pipeline -- functions whose results survive
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
        require_bytecode('a plant')
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

    def __reduce_ex__(self, protocol):
        raise TypeError('a plant cannot be pickled: make one with the same folder')

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
## 25. Log -- what a recording is made of
##############################################################################
#
# Gives to those below what a recording is made of. A log is one flat list. A step is one entry, a Site, which all
# steps at that place share (while the run goes on also a function that has it as .site); a change is an Op and its
# operands. A Token stands for an object that can change; it
# has the content that the object had when it was first seen, and the changes after that name it. Values are in
# the log as themselves, so they stay alive and an id means one object. A Keyframe has the content of every token
# that could be reached then. A Kind is what is known of a type: how to read the content of an object without
# asking its class, what changed in it since, and how to build another.

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


class Skip(Printed):
    """Entries that mean nothing."""

    __slots__ = ()


ENTER, PRINTED, SKIP_ONE, SKIP_TWO = Enter(2, None), Printed(2, None), Skip(1, None), Skip(2, None)


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


class Token(object):
    """Stands for an object that can change. obj: it.      kind: a Kind.      first: its content when first seen. now:
    its content as the log has it, or None while it is not followed.      body: the Token of its attributes, or None.
    cls: its class when first seen.
    """

    __slots__ = ('obj', 'kind', 'first', 'now', 'body', 'cls')

    def __init__(self, obj, kind, first, now=None):
        self.obj, self.kind, self.first, self.now, self.body, self.cls = obj, kind, first, now, None, class_of(obj)


def class_of(value):
    """The class of an object, also of one of an old-style class of 2.7."""
    return type(value) if type(value) not in _OLD_LAYOUTS else value.__class__


class Turned(object):
    """The last of what is in the content of an object's attributes whose class is another than it was first."""

    __slots__ = ('cls',)

    def __init__(self, cls):
        self.cls = cls


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
_layouts, _shells = {}, {}                    # {class: layout(class)}; {class: shell_class(class)}


def slot_value(slot, value):
    """What an instance has in a slot, or MISSING."""
    try:
        return slot.__get__(value)
    except AttributeError:
        return MISSING


def c_base(cls):
    """The first of a class's bases that is written in C."""
    return [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE][0]


def plain_value(part):
    """The value of an immutable type that an object of a subclass of it has."""
    base = [base for base in type(part).__mro__ if base in IMMUTABLE][0]
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
    """The content of a dict with keys whose class is not known to compare harmlessly: {id(key): (key, value)}.

    order: list of the ids.
    """

    def __init__(self, pairs):
        pairs = [(key, pairs[key]) for key in pairs.order] if type(pairs) is Keyed else list(pairs)
        dict.__init__(self, pairs)
        self.order = [key for key, _ in pairs]

    def values(self):
        """In the order of the dict that it stands for."""
        return [self[key] for key in self.order]


def is_safe_key(key):
    """Whether comparing and hashing it runs no code of the user's."""
    if type(key) in ATOMS or type(key) is tuple and ATOMS.issuperset(map(type, key)):
        return True
    todo, seen = [key], set()                   # a tuple can be in it in very many places
    while todo:
        part = todo.pop()
        if type(part) is tuple and id(part) not in seen:
            seen.add(id(part))
            todo += [inner for inner in part if type(inner) not in ATOMS]
        elif type(part) is not tuple:
            return False
    return True


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

    def content(self, token):
        """The content that a token's object has now."""
        return self.read(token.obj)

    def changes(self, token):
        """What must be added to the log, as (op, token, operands...), to make its content what the object has."""
        new = self.content(token)
        if new is token.now or type(new) is tuple and len(new) == len(token.now) and all(
                lazy_map(same_objects, new, token.now)):
            return ()
        return [(PUT, token, new)]

    def blank(self, token, cls, value):
        """A new object of the class, to be filled. value(part) -> the copy of a part."""
        plain = plain_value(token.obj)
        if isinstance(plain, tuple):
            plain = tuple(map(value, plain))
        return type(plain).__new__(cls, plain)

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

    def blank(self, token, cls, value):
        """An empty one of its class."""
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

    def blank(self, token, cls, value):
        """An empty one of its class."""
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

    def blank(self, token, cls, value):
        """An empty one of its class."""
        defaults = collections.defaultdict
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
        base = collections.OrderedDict if isinstance(shell, collections.OrderedDict) else dict
        if base.__flags__ & HEAP_TYPE and token.body is not None:
            base = dict                         # an OrderedDict in Python has its order in its attributes
        put = base.__setitem__
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

    def blank(self, token, cls, value):
        """An empty one of its class."""
        return set.__new__(cls)

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

    def blank(self, token, cls, value):
        """One of its class, made from the first arguments."""
        base = c_base(cls)
        shell = base.__new__(cls)
        with suppress(Exception):               # sets errno and the like
            base.__init__(shell, *map(value, token.first))
        return shell

    def fresh(self, cls):
        """One of the class without arguments."""
        return c_base(cls).__new__(cls)

    def fill(self, shell, content, value, token):
        """Give it its arguments."""
        BaseException.args.__set__(shell, tuple(map(value, content)))


class InstanceKind(Kind):
    """Attributes of an object; the content is (dict or None, what its slots hold..., Turned if it is)."""

    name = 'instance'

    def content(self, token):
        """What read() gives, and the object's class when it is another than it was first."""
        content, cls = self.read(token.obj), class_of(token.obj)
        if cls is token.cls:
            return content
        last = token.now[-1] if token.now else None
        return content + (last if type(last) is Turned and last.cls is cls else Turned(cls),)

    def read(self, value):
        """(its dict or None, what its slots hold...)."""
        getter, slots = layout(type(value))
        head = getter(value) if getter else None
        return (head,) + tuple([held(slot_value(slot, value)) for _, slot in slots]) if slots else (head,)

    def parts(self, token):
        """Its dict, and what its slots hold."""
        return token.now

    def blank(self, token, cls, value):
        """One without attributes."""
        return type(token.obj)(cls, {}) if type(token.obj) in _OLD_LAYOUTS else object.__new__(cls)

    def fresh(self, cls):
        """One without attributes."""
        return object.__new__(cls)

    def fill(self, shell, content, value, token):
        """Give it its attributes."""
        getter, slots = layout(type(token.obj))
        for (name, slot), part in zip(slots, content[1:]):
            if part is not MISSING:
                with suppress(TypeError, AttributeError):       # of an exception in C, which cannot be set
                    vars(type(shell)).get(name, slot).__set__(shell, value(part))
        if content[0] is not None:
            if type(shell) in _OLD_LAYOUTS:
                shell.__dict__ = value(content[0])
            else:
                object.__setattr__(shell, '__dict__', value(content[0]))


def shell_class(cls):
    """The class of a new object until all sets and dicts are filled: one that is not hashed by code of the user's,
    and whose objects can become such of `cls`.
    """
    for base in cls.__mro__:
        if '__hash__' in vars(base):
            if vars(base)['__hash__'] is None or not base.__flags__ & HEAP_TYPE:
                return cls                      # it is hashed by what it is, in C, or not at all
            break
    space = {'__hash__': object.__hash__, '__eq__': object.__eq__}
    own = [name for name, part in vars(cls).items() if type(part) is SlotType or name in ('__dict__', '__weakref__')]
    ways = [(cls.__base__, own), (cls, ())]
    if type(cls) is not type or any('__init_subclass__' in vars(base) for base in cls.__mro__[:-1]):
        ways.pop()                              # it would run code of the user's
    for base, slots in ways:
        with suppress(TypeError, AttributeError, ValueError):
            made = type(str('Shell'), (base,), dict(space, __slots__=slots))
            c_base(made).__new__(made).__class__ = cls
            return made
    return cls


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

    def blank(self, token, cls, value):
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


def is_enum(cls):
    """Whether the class is an enumeration."""
    return type(cls).__name__ in ('EnumMeta', 'EnumType')


class PastClass(object):
    """The base of what stands for a class whose attributes were others then."""


class OpaqueKind(Kind):
    """What cannot be read or built: generators, iterators, files, locks, objects of most libraries."""

    name = 'opaque'

    def parts(self, token):
        """None that is followed."""
        return ()

    def blank(self, token, cls, value):
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
        type(PastClass().__repr__), CellType, SuperType, object, Turned))


##############################################################################
## 26. Files -- a recording as lists and atoms
##############################################################################
#
# Gives to those below Packer and Unpacker, between a recording and what JSON knows. Reading runs no code of
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


class Packer(object):
    """Makes lists and atoms, as JSON knows them, of a recording. Each table numbers things of one kind."""

    def __init__(self, recording):
        self.recording, self.known = recording, recording.tokens
        self.tokens, self.spaces, self.homes, self.sites, self.binds = [Numbers() for _ in range(5)]
        self.tuples, self.numbers_of_tuples = [], {}    # those with tuples in them: the same may be in many places
        self.bodies = dict((token.body, token) for token in self.known.values() if token.body is not None)

    def value(self, part):
        """A value, as JSON knows it."""
        kind = type(part)
        if part is None or kind is bool or kind in number_types or kind is text_type:
            return part
        if kind is float or kind is complex:
            return [kind.__name__[0], repr(part)]
        if kind is bytes:
            return ['b', part.decode('latin-1')]
        if kind is tuple or kind is frozenset:
            made = ['t' if kind is tuple else 'z', ()]
            if not any(type(inner) in (tuple, frozenset) for inner in part):
                made[1] = [self.value(inner) for inner in part]
                return made
            if id(part) not in self.numbers_of_tuples:
                made[1] = [self.value(inner) for inner in part]
                self.numbers_of_tuples[id(part)] = len(self.tuples)
                self.tuples.append(made)
            return ['u', self.numbers_of_tuples[id(part)]]
        if kind is Mark:
            return ['m', part.name, part.id]
        if kind is Turned:
            if not isinstance(part.cls, type):
                return ['k', self.place(part.cls), part.cls.__name__, [], 'instance']
            base = {'list': 'list', 'dict': 'dict', 'set': 'set', 'bytearray': 'bytes'}.get(c_base(part.cls).__name__)
            return ['k', self.place(part.cls), part.cls.__name__, [name for name, _ in layout(part.cls)[1]],
                    base or 'instance']
        if id(part) in self.known:
            return ['r', self.tokens[self.known[id(part)]]]
        if part is MISSING or part is Ellipsis or part is NotImplemented:
            return ['x' if part is MISSING else '.' if part is Ellipsis else 'n']
        return ['g'] + self.place(part) + [kind.__name__, id(part)]

    def place(self, part):
        """[module, name] of a class, function or module."""
        is_module = type(part) is type(sys)
        module = getattr(part, '__name__' if is_module else '__module__', None)
        return [str(module), '' if is_module else str(getattr(part, '__qualname__', getattr(part, '__name__', '')))]

    def content(self, kind, data):
        """The content of an object of a kind."""
        if kind is BYTES:
            return self.value(bytes(data)) if isinstance(data, bytearray) else list(data)
        if isinstance(data, dict):
            pairs = data.values() if type(data) is Keyed else data.items()
            if type(data) is Keyed and kind is SET_KIND:
                pairs = [(part, part) for part in pairs]
            return [int(type(data) is Keyed), [[self.value(key), self.value(part)] for key, part in pairs]]
        return [self.value(part) for part in data]

    def object_facts(self, token):
        """What is to be known of an object, as a dict."""
        part, cls = token.obj, token.cls if isinstance(token.cls, type) else type(token.obj)
        facts = {'kind': token.kind.name, 'id': id(part), 'type': cls.__name__,
                 'place': self.place(part if isinstance(part, class_types) else cls),
                 'first': self.content(token.kind, token.first)}
        if token.kind is VALUE:
            facts['plain'] = self.value(plain_value(part))
        for name in ('maxlen', 'typecode'):
            if token.kind in (LIST, BYTES) and hasattr(part, name):
                facts[name] = self.value(getattr(part, name))
        if token.body is not None:
            facts['body'] = self.content(INSTANCE, token.body.first)
        if token.body is not None or token.kind is INSTANCE:
            facts['slots'] = [name for name, _ in layout(cls)[1]]
        return facts

    def number(self, token):
        """The number of a Token; below 0 for that of the attributes of an object."""
        if token in self.bodies:
            return -1 - self.tokens[self.bodies[token]]
        return self.tokens[token]

    def entries(self):
        """The log."""
        at, log = 0, self.recording.log
        while at < (len(log) if self.recording.end is None else self.recording.end):
            entry = log[at]
            if type(entry) is Site:
                yield self.sites[entry]
                at += 1
                continue
            operands = log[at + 1:at + entry.size]
            if entry.act is None:
                if type(entry) in (Bind, Unbind):
                    yield ['B' if operands else 'U', self.binds[entry]] + [self.value(part) for part in operands]
                elif type(entry) is Skip:
                    yield ['-', entry.size]
                else:
                    yield ['E', self.spaces[operands[0]]] if entry is ENTER else ['P', operands[0]]
            else:
                token, rest = operands[0], operands[1:]
                if entry is PUT:
                    rest = [self.content(token.kind, rest[0])]
                elif entry is SPLICE:
                    rest = rest[:2] + [self.content(BYTES if token.kind is BYTES else LIST, rest[2])]
                else:
                    rest = [self.value(part) for part in rest]
                yield [CONTENT_LETTERS[entry], self.number(token)] + rest
            at += entry.size

    def packed(self):
        """The whole, as a dict."""
        self.recording.steps()                  # the log is complete then
        log = list(self.entries())
        end = len(self.recording.log) if self.recording.end is None else self.recording.end
        keyframes = [[mark.at, self.spaces[mark.space], [
            [['s', self.spaces[token]] if type(token) is Space else self.number(token),
             self.content(token.kind, data)] for token, data in mark.contents.items()]]
            for mark in self.recording.keyframes if mark.at <= end]
        objects, spaces = [], []
        while len(objects) < len(self.tokens.things) or len(spaces) < len(self.spaces.things):
            if len(objects) < len(self.tokens.things):      # these may mention others
                objects.append(self.object_facts(self.tokens.things[len(objects)]))
            else:
                space = self.spaces.things[len(spaces)]
                spaces.append([self.homes[space.home.namespace, space.home.frame], self.content(DICT, space.first)])
        homes = [[self.tokens[namespace], frame] for namespace, frame in self.homes.things]
        objects += [self.object_facts(token) for token in self.tokens.things[len(objects):]]
        code, error = self.recording.code, self.recording.error
        return {'code': code if code is None or isinstance(code, text_type) else code.decode('utf-8', 'replace'),
                'error': error and [type(error).__name__, str(error)], 'engine': self.recording.engine,
                'notes': self.recording.notes, 'approximate': self.recording.approximate,
                'sites': [[part.event, part.line, part.path, part.frame] for part in self.sites.things],
                'binds': [[part.name, part.is_global] for part in self.binds.things],
                'tokens': objects, 'spaces': spaces, 'homes': homes, 'log': log, 'keyframes': keyframes,
                'tuples': self.tuples}


def find_place(module, name):
    """What is at a place in a loaded module, found without running code; MISSING if there is nothing."""
    found = sys.modules.get(module, MISSING)
    for part in name.split('.') if name else ():
        found = vars(found).get(part, MISSING) if isinstance(found, class_types + (type(sys),)) else MISSING
    return found


class Unpacker(object):
    """Makes a Recording, a new one, that of which Packer made `data`.

    orders: {Token: (names of the slots of its class then, and now)}.
    """

    def __init__(self, data, recording):
        self.data, self.recording, self.objects = data, recording, data['tokens']
        self.tokens, self.classes, self.marks, self.orders, self.tuples = {}, {}, {}, {}, {}

    def value(self, part):
        """The value of what Packer.value() made."""
        if not isinstance(part, list):
            return part
        kind = part[0]
        if kind == 'f' or kind == 'c':
            return (float if kind == 'f' else complex)(part[1])
        if kind == 'b':
            return bytes(part[1].encode('latin-1'))
        if kind == 't' or kind == 'z':
            return (tuple if kind == 't' else frozenset)(map(self.value, part[1]))
        if kind == 'u':
            if part[1] not in self.tuples:
                self.tuples[part[1]] = self.value(self.data['tuples'][part[1]])
            return self.tuples[part[1]]
        if kind == 'm':
            return self.marks.setdefault(part[2], StandIn.of(part[1], '<past %s object at %#x>' % (part[1], part[2])))
        if kind == 'r':
            return self.token(part[1]).obj
        if kind == 'k':
            return Turned(self.class_of({'place': part[1], 'type': part[2], 'slots': part[3], 'kind': part[4]}))
        if kind == 'g':
            found = find_place(*part[1:3])
            key = tuple(part[1:])
            return found if found is not MISSING and type(found).__name__ == part[3] else self.marks.setdefault(
                key, StandIn.of(part[3], '<past %s %s at %#x>' % (part[3], part[2] or part[1], part[4])))
        return {'x': MISSING, '.': Ellipsis, 'n': NotImplemented}[kind]

    def class_of(self, facts):
        """The class of an object: the one that is loaded, or a stand-in."""
        found = find_place(*facts['place'])
        if isinstance(found, class_types) and found.__name__ == facts['type']:
            return found
        key = tuple(facts['place']) + tuple(facts.get('slots', ()))
        if key not in self.classes:
            base = {'list': list, 'dict': dict, 'set': set, 'bytes': bytearray, 'error': Exception}.get(facts['kind'])
            if facts['kind'] == 'value':
                base = type(self.value(facts['plain']))
            self.classes[key] = type(str(facts['type']), (StandIn,) if base is None else (base,),
                {'__module__': str(facts['place'][0]), '__slots__': [str(name) for name in facts.get('slots', ())]}
                if base is None else {'__module__': str(facts['place'][0])})
        return self.classes[key]

    def content(self, kind, data, order=None):
        """The content of an object of a kind.      order: of its slots, (then, now)."""
        if kind is BYTES:
            return bytearray(self.value(data)) if data[:1] == ['b'] else data
        if kind in (DICT, CLASS, SET_KIND):
            pairs = [(self.value(key), self.value(part)) for key, part in data[1]]
            if not data[0]:
                return dict((key if not isinstance(key, text_type) else str(key) if is_ascii(key) else key, part)
                    for key, part in pairs)
            return Keyed((id(key), (key, part) if kind is DICT else part) for key, part in pairs)
        parts = [self.value(part) for part in data]
        if kind is INSTANCE and order is not None and len(order[0]) == len(parts) - 1:
            by_name = dict(zip(order[0], parts[1:]))
            parts[1:] = [by_name.get(name, MISSING) for name in order[1]]
        return parts if kind is LIST else tuple(parts)

    def token(self, number):
        """The Token of a number."""
        if number < 0:
            return self.token(-1 - number).body
        if number in self.tokens:
            return self.tokens[number]
        facts = self.objects[number]
        kind = KINDS[facts['kind']]
        made = self.tokens[number] = Token(None, kind, None)
        cls, part = self.class_of(facts) if kind not in (CLASS, OPAQUE) else None, None
        if kind is OPAQUE:
            part = StandIn.of(str(facts['type']), '<past %s object at %#x>' % (facts['type'], facts['id']))
        elif kind is CLASS:
            name = facts['place'][1]
            part = type(str(name.rpartition('.')[2]), (PastClass,), {'__module__': str(facts['place'][0])})
        elif kind is VALUE:
            plain = self.value(facts['plain'])
            part = type(plain).__new__(cls, plain)
        elif 'maxlen' in facts:
            part = collections.deque.__new__(cls)
            collections.deque.__init__(part, (), facts['maxlen'])
        elif 'typecode' in facts:
            part = array.array.__new__(cls, str(facts['typecode']))
        else:
            made.obj = cls                      # of the right class, by the kind's own way
            part = kind.fresh(cls)
        made.obj, made.cls, self.recording.tokens[id(part)] = part, class_of(part), made
        return made

    def read_objects(self):
        """Fill the tokens."""
        for number, facts in enumerate(self.objects):
            made = self.token(number)
            order = facts.get('slots', ()), [name for name, _ in layout(type(made.obj))[1]]
            self.orders[made] = order
            made.first = self.content(made.kind, facts['first'], order) if made.kind not in (VALUE, OPAQUE) else ()
            if 'typecode' in facts:
                made.first = array.array(str(facts['typecode']), made.first)
            if 'body' in facts:
                made.body = Token(made.obj, INSTANCE, self.content(INSTANCE, facts['body'], order))
                self.orders[made.body] = order

    def read(self):
        """Fill the recording."""
        for number in range(len(self.data.get('tuples', ()))):      # each has none but those before it in it
            self.value(['u', number])
        self.read_objects()
        data = self.data
        homes = [Home(self.token(at), frame) for at, frame in data['homes']]
        spaces = []
        for home, first in data['spaces']:
            spaces.append(Space())
            spaces[-1].home, spaces[-1].first, spaces[-1].now = homes[home], self.content(DICT, first), None
        sites = [Site(str(event), line, path, str(frame)) for event, line, path, frame in data['sites']]
        binds = [(Bind(str(name), is_global), Unbind(str(name), is_global)) for name, is_global in data['binds']]
        self.read_log(data, sites, binds, spaces)
        for at, space, contents in data['keyframes']:
            known = {}
            for key, part in contents:
                token = spaces[key[1]] if isinstance(key, list) else self.token(key)
                known[token] = self.content(token.kind, part, self.orders.get(token))
            self.recording.keyframes.append(Keyframe(at, known, spaces[space]))
        self.recording.engine, self.recording.notes = data['engine'], data['notes']
        self.recording.approximate = [tuple(span) for span in data['approximate']]
        if data['error']:
            self.recording.error = HotloadError('%s: %s' % tuple(data['error']))

    def read_log(self, data, sites, binds, spaces):
        """Fill the log."""
        put = self.recording.log.extend
        for entry in data['log']:
            if not isinstance(entry, list):
                self.recording.log.append(sites[entry])
            elif entry[0] in 'BU':
                put([binds[entry[1]][entry[0] == 'U']] + [self.value(part) for part in entry[2:]])
            elif entry[0] == '-':
                put((SKIP_ONE,) if entry[1] == 1 else (SKIP_TWO, None))
            elif entry[0] in 'EP':
                put((ENTER, spaces[entry[1]]) if entry[0] == 'E' else (PRINTED, entry[1]))
            else:
                op, target, rest = CONTENT_OPS[entry[0]], self.token(entry[1]), entry[2:]
                kind = target.kind
                if op is PUT:
                    rest = [self.content(kind, rest[0], self.orders.get(target))]
                elif op is SPLICE:
                    rest = rest[:2] + [self.content(kind if kind is BYTES else LIST, rest[2])]
                    if type(target.first) is array.array:
                        rest[2] = array.array(target.first.typecode, rest[2])
                else:
                    rest = [self.value(part) for part in rest]
                    if rest and isinstance(rest[0], text_type) and is_ascii(rest[0]):
                        rest[0] = str(rest[0])
                put([op, target] + rest)


def is_ascii(text):
    """Whether a text is one of names (on 2.7 they are bytes)."""
    return all(letter < '\x80' for letter in text)


##############################################################################
## 27. Recording -- the state at any step, and other questions
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
            return self.constant(part)
        token = self.world.tokens.get(key)
        if token is None or token.kind is OPAQUE:
            made = self.memo[key] = part if token is None or part is builtins_space else OPAQUE.blank(token, None, None)
            return made
        if token.kind is CLASS and self.is_same_class(token) or is_enum(type(part)) and self.is_same_member(part):
            self.memo[key] = part
            return part
        cls = self.class_then(token)
        if isinstance(cls, type) and cls.__flags__ & HEAP_TYPE and cls not in _shells:
            _shells[cls] = shell_class(cls)
        shell = _shells.get(cls, cls)
        try:
            made = token.kind.blank(token, shell, self.value)
        except Exception:                       # a type in C that must not be made in this way
            made = self.memo[key] = OPAQUE.blank(token, None, None)
            return made
        self.memo[key] = made
        self.todo.append((token, made))
        if token.body is not None:
            self.todo.append((token.body, made))
        if shell is not cls:
            self.unhashed.append((made, cls))
        return made

    def class_then(self, token):
        """The class that an object had."""
        body = token if token.kind is INSTANCE else token.body
        content = self.world.content(body) if body is not None else ()
        return content[-1].cls if content and type(content[-1]) is Turned else token.cls

    def constant(self, whole):
        """The copy of a tuple or frozenset; itself when nothing in it can change. They may be nested deeply."""
        memo, todo = self.memo, [whole]
        while todo:
            part = todo[-1]
            inner = [item for item in part if type(item) in (tuple, frozenset) and id(item) not in memo]
            if inner and id(part) not in memo:
                todo += inner
                continue
            todo.pop()
            if id(part) not in memo:
                parts = list(map(self.value, part))
                memo[id(part)] = part if all(lazy_map(same_objects, parts, part)) else type(part)(parts)
        return memo[id(whole)]

    def is_same_class(self, token):
        """Whether a class has the attributes now that it had then."""
        content, now = self.world.content(token), CLASS.read(token.obj)
        return len(content) == len(now) and all(
            content.get(name, MISSING) is part and (
                type(part) in ATOMS or id(part) not in self.world.tokens or is_enum(token.obj) and (
                    type(part) is token.obj and self.is_same_member(part) or
                    name.startswith('_') and not self.is_changed(self.world.tokens[id(part)])))
            for name, part in now.items())

    def is_changed(self, token):
        """Whether an object has another content now than then, as far as that can be told without its parts."""
        then = Token(token.obj, token.kind, None, self.world.content(token))
        return bool(token.kind.changes(then))

    def is_same_member(self, part):
        """Whether a member of an enumeration has the attributes that it had then, and they cannot change."""
        tokens, content = self.world.tokens, self.world.content
        token = tokens[id(part)]
        names = content(token.body or token)[0]
        return id(names) in tokens and all(
            names.get(name, MISSING) is value and (is_safe_key(value) or id(value) not in tokens or value is type(part))
            for name, value in content(tokens[id(names)]).items())


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
        self.reader = None                      # turns what a run wrote last into entries of the log
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
                if type(entry) is FunctionType:
                    entry = log[at] = entry.site
                if type(entry) is Site:
                    steps.append(entry)
                    at += 1
                else:
                    at += entry.size
            self._places += [len(steps)] * len(marks)
            self._indexed = at
        return self._steps

    def _cut(self, most):
        """Let it end before the step number `most`."""
        if self.steps() > most:
            at = self._play(World(self.keyframes[0], self.tokens), 0, most)
            self.end = at
            self._forget()

    def _tell_late(self, places):
        """Turn places of the log, from which to which a change was not noticed, into spans of steps."""
        if places:
            starts = self._step_places()
            for first, last in places:
                begin, end = bisect.bisect_right(starts, first) - 1, bisect.bisect_left(starts, last)
                self.approximate.append((
                    max(0, begin), min(end, len(starts) - 1), 'a change that no line was known to make'))

    def _step_places(self):
        """The places of all steps in the log."""
        self._index()
        at, found, end = 0, [], len(self.log) if self.end is None else self.end
        while at < end:
            if type(self.log[at]) is Site:
                found.append(at)
                at += 1
            else:
                at += self.log[at].size
        return found

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
        try:
            text = json.dumps(Packer(self).packed(), separators=(',', ':'))
        except RuntimeError:                    # of the stack
            raise HotloadError('cannot save this recording: a tuple in it is nested too deeply', path=path)
        with open(path, 'wb') as stream:
            stream.write(MAGIC + zlib.compress(text.encode('ascii'), 6))

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
        if SELF_TYPES is None:
            learn_types()
        try:
            recording = cls()
            Unpacker(json.loads(zlib.decompress(data[len(MAGIC):]).decode('ascii')), recording).read()
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
        before = {}
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
## 28. Follow -- what changed in the objects
##############################################################################
#
# Gives to those below Follower, which keeps for each object that can be seen the content that the log has of it,
# and writes to the log how the object differs. check() compares one object; the others know what a statement or a
# method of a plain container can have changed, and look at that alone. What only an audit of all can tell raises
# Unsure.

DICTS = MUTATORS = ALL_MUTATORS = INERT = LAZY_TYPES = None     # set by learn_methods()
# Functions that change nothing that they are given.
PURE_BUILTINS = frozenset(
    'abs all any ascii bin bool bytearray bytes callable chr classmethod cmp complex dict dir divmod enumerate '
    'float format frozenset getattr globals hasattr hash hex id input int isinstance issubclass iter len list '
    'locals long max min oct open ord pow print property range raw_input repr reversed round set slice sorted '
    'staticmethod str sum super tuple type unichr unicode vars xrange zip'.split())
PURE_MODULES = frozenset(
    '_collections _collections_abc _datetime _json _random _struct abc base64 binascii cmath collections copy '
    'dataclasses datetime decimal enum fractions hashlib itertools json math ntpath numbers os.path posixpath '
    'random re statistics string struct textwrap time typing unicodedata uuid zlib'.split())
IMPURE = frozenset(['shuffle', 'pack_into', 'namedtuple'])


class Unsure(Exception):
    """Raised in a plan when only an audit can tell."""


class Follower(object):
    """Knows the objects that can be seen, and writes to the log what changed in them.

    is_recorded(path) -> whether code of this file has steps.      with_state: False to follow nothing. log, tokens:
    of the Recording.      followed: list of Tokens.      modules: {id of a module's names: their Token}. homes: the
    names of those modules.      classes: those that they made.      has_defaults, has_lazy: whether there are
    defaultdicts, and iterators that call what they were given.      lazy_parts: {id of one: what it works on}.
    filled: names of attributes that are made when they are read.      assumed: names of modules that plans take for
    what they are.      attributes: {id of an object: Token of the dict of its attributes, if it has no others}.
    memories: what plans know of the last object that they looked at, see remember().      audits_all: whether other
    threads run.      helpers: names for plans.
    """

    def __init__(self, recording, is_recorded, with_state):
        if with_state and MUTATORS is None:     # steps alone need none of the modules that these import
            learn_methods()
        self.recording, self.is_recorded, self.with_state = recording, is_recorded, with_state
        self.log, self.tokens = recording.log, recording.tokens
        self.put, self.add = self.log.extend, self.log.append
        self.followed, self.modules, self.homes, self.classes, self.kinds = [], {}, set(), [], {}
        self.has_defaults, self.has_lazy, self.audits_all = False, False, False
        self.assumed, self.filled, self.lazy_parts = set(), set(), {}
        self.attributes, self.memories = {}, []
        self.tokens[id(builtins_space)] = Token(builtins_space, OPAQUE, (), ())
        self.helpers = dict(
            log=self.log, put=self.put, add=self.add, ENTER=ENTER, SET=SET, PUSH=PUSH, ATOMS=ATOMS, MISSING=MISSING,
            Unsure=Unsure, is_safe_key=is_safe_key, see=self.see, whole=self.whole, grown=self.grown, length=length,
            default_made=self.default_made, reach=self.reach, left=self.left, called=self.called,
            consumed=self.consumed, method=self.method, old_attr=self.old_attr, live_item=live_item,
            old_item=self.old_item)
        self.add_quick_helpers()

    def forget_plans(self):
        """Called when something that plans are made of is no longer so."""

    def learn(self, what):
        """Note that the program has something that its plans must reckon with."""
        if not getattr(self, what):
            setattr(self, what, True)
            self.forget_plans()

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
        own = self.is_own_class(cls)
        if is_enum(cls) and not own or getattr(cls, '__module__', None) in (
                'decimal', '_decimal', 'fractions', 'datetime', 'uuid', 'pathlib'):
            return None, False
        if own:
            self.see(cls)
        for bases, kind in (((list, collections.deque), LIST), (dict, DICT), (set, SET_KIND), ((bytearray,
            array.array), BYTES),
                            (BaseException, ERROR), ((tuple, frozenset) + tuple(ATOM_TYPES), VALUE)):
            if issubclass(cls, bases):
                if issubclass(cls, collections.defaultdict):
                    self.learn('has_defaults')
                body = layout(cls)
                return kind, bool((own or kind is ERROR) and (body[0] or body[1]))
        if own or cls in _OLD_LAYOUTS:
            return INSTANCE, False
        return None

    def see(self, value):
        """Follow an object that is visible from now on, and all in it. Gives what the log keeps of it."""
        if type(value) in MARKED:
            return held(value)
        todo, tokens, tuples = [value], self.tokens, set()
        while todo:
            part = todo.pop()
            cls = type(part)
            if cls in ATOMS:
                continue
            token = tokens.get(id(part))
            if token is None:
                if cls in (tuple, frozenset):
                    if id(part) not in tuples:
                        tuples.add(id(part))
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
                        self._learn_class(part)
                    elif kind is OPAQUE and is_lazy(part):
                        self._learn_lazy(part)
                    if has_body:
                        token.body = Token(part, INSTANCE, None)
            if token.now is None:
                self._follow(token, todo)
                if token.body is not None:
                    self._follow(token.body, todo)
        return value

    def _learn_class(self, cls):
        """Note a class of the program, and attributes of it that library code may fill in when they are read."""
        self.classes.append(cls)
        names = [name for name, part in CLASS.pairs(cls) if hasattr(type(part), '__get__') and not (
            type(part) in SELF_TYPES or self.is_own_class(type(part)))]
        if not self.filled.issuperset(names):
            self.filled.update(names)
            self.forget_plans()

    def _learn_lazy(self, value):
        """Note what an iterator works on, which it lets go of when it has come to its end."""
        todo, parts, seen = [value], self.lazy_parts.setdefault(id(value), []), set()
        while todo:
            inner = [part for part in gc.get_referents(todo.pop()) if type(part) not in MARKED and id(part) not in seen]
            seen.update(map(id, inner))
            parts += inner
            todo += filter(is_lazy, inner)
        self.learn('has_lazy')

    def _follow(self, token, todo):
        """Note the content of a token from now on."""
        content = token.kind.content(token)
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
            if op is PUT and type(operands[0]) is not list and type(operands[0]) is not dict:
                self.forget_objects()
            if op is PUT and type(token.now) is dict is type(operands[0]):
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

    def forget_objects(self):
        """Let what is known of objects be found anew: some are not followed any more, or not as they were."""
        self.attributes.clear()
        for memory in self.memories:
            memory[0] = None

    def remember(self, memory, box):
        """Keep a container in a memory, [it or None, its Token, its type, that of its content], which plans have for
        each place that they look at; whether it is of that type and followed.
        """
        token = self.tokens.get(id(box))
        if token is None or type(box) is not memory[2] or type(token.now) is not memory[3]:
            return False
        memory[0], memory[1] = box, token
        return True

    def plain_names(self, owner):
        """The Token of the dict of an object's attributes, or None if it may have others."""
        token = self.tokens.get(id(owner))
        if token is not None and token.kind is INSTANCE and token.now is not None and len(token.now) == 1:
            names = self.tokens.get(id(token.now[0]))
            if names is not None and type(names.now) is dict and type(names.obj) is dict:
                self.attributes[id(owner)] = names
                return names
        return None

    def token_of(self, value):
        """The Token of an object that is followed, or None."""
        token = self.tokens.get(id(value))
        return token if token is not None and token.now is not None else None

    def whole(self, value):
        """Look at all of one object, and at its attributes."""
        token = self.token_of(value)
        if token is not None:
            if token.kind is OPAQUE:            # such as a memoryview of a bytearray
                return self.reach((value,))
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
        if token.kind is OPAQUE:
            return self.whole(box)
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
            if len(body.now) > 1 or name == '__dict__' or name == '__class__':
                self.check(token)
            if body.now[0] is not None:
                inner = layout(type(owner))[0](owner)
                if inner is not body.now[0]:
                    self.check(token)
                self.item_changed(inner, name)

    def add_quick_helpers(self):
        """Those of a plan that are called most often, as closures; others do what they do not."""
        get, put, see = self.tokens.get, self.put, self.see
        slow_item, slow_attr, grown, plain_names = self.item_changed, self.attr_changed, self.grown, self.plain_names

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

        def grown_attr(owner, name):
            slow_attr(owner, name)
            names = plain_names(owner)
            if names is not None and type(names.obj.get(name)) in ATOMS:
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

        def seen(value):
            token = get(id(value))
            return see(value) if token is None or token.now is None else value

        def live_attr(owner, name):
            names = self.attributes.get(id(owner)) or plain_names(owner)
            if names is not None and name in names.obj:
                return names.obj[name]
            return self.live_attr(owner, name)
        self.helpers.update(item_changed=item_changed, grown_item=grown_item, attr_changed=slow_attr, seen=seen,
                            grown_attr=grown_attr, appended=appended, live_attr=live_attr, remember=self.remember,
                            plain=self.attributes.get, plain_names=plain_names, id=id, type=type, len=len)

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
            return True
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

    def consumed(self, value):
        """After an iterator may have been asked for the next."""
        if is_lazy(value):
            self.reach([value] + self.lazy_parts.get(id(value), []))

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


def is_lazy(value):
    """Whether it is an iterator that calls what it was given only when it is asked for the next."""
    return type(value) in LAZY_TYPES or type(value).__module__ == 'itertools'


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
    global DICTS, MUTATORS, ALL_MUTATORS, INERT, LAZY_TYPES
    if SELF_TYPES is None:
        learn_types()
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
    LAZY_TYPES = frozenset([enumerate, reversed, type(iter(int, 0)), map, filter, zip] if lazy_map is map else [
        enumerate, reversed, type(iter(int, 0))])


##############################################################################
## 29. Plan -- what a line can change
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
    comprehension whose frame this is.      iterates: what a loop goes over.      inside: the `with` units around it.
    leaves: `with` items that are left at its end.
    """

    def __init__(self, start, end, nodes, around, names=(), loops=False, own=None):
        self.start, self.end, self.loops, self.own = start, end, loops, own
        self.nodes = [node for node in nodes if node is not None]
        self.names, self.chain = frozenset(names) | around.names, around.chain
        self.inside, self.leaves, self.iterates = around.inside, (), ()


Around = tuple_type('Around', 'names chain inside')
# Names in the text of plans that are seldom come by.
SELDOM = frozenset(
    'ENTER MISSING SKIP_TWO Unsure appended attr_changed audit bound bound_anew grown grown_attr grown_item '
    'housekeeping is_safe_key item_changed leave method names other passing plain_names reach remember returns see '
    'seen whole'.split())
UNPLAIN = ('YieldFrom', 'Await', 'ListComp', 'SetComp', 'DictComp', 'GeneratorExp', 'NamedExpr')
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
                units[-1].iterates = [node.iter]
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
                    name = getattr(handler.name, 'id', handler.name)                # a node on 2.7
                    names = [mangled(name, around.chain)] if isinstance(name, string_types) else []
                    inner = around._replace(names=around.names | frozenset(names))
                    add(units, Unit(handler.lineno, max(handler.lineno, end_line(handler.type)),
                        [handler.type], inner))
                    body(handler.body, units, inner)
                body(getattr(node, 'orelse', []), units, around)
                body(getattr(node, 'finalbody', []), units, around)
            elif kind == 'Match':
                add(units, Unit(start, end_line(node.subject), [node.subject], around))
                for case in node.cases:
                    names = [mangled(name, around.chain) for part in walk(case.pattern) for name in (
                        getattr(part, 'name', None), getattr(part, 'rest', None)) if isinstance(name, string_types)]
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


def binds_early(node):
    """Whether a node binds a name before all functions that its line calls have run."""
    kind = type(node).__name__
    if kind == 'Assign':                        # unpacking calls what makes the parts
        nested = [part for target in node.targets for part in walk(target) if isinstance(part, (_ast.Tuple, _ast.List))]
        return bool(nested) and len(node.targets) + len(nested) > 2
    if kind in ('Tuple', 'List') and type(node.ctx).__name__ == 'Store':
        return any(isinstance(part, (_ast.Tuple, _ast.List)) for part in node.elts)
    return kind in ('NamedExpr', 'With', 'AsyncWith') or kind in ('Import', 'ImportFrom') and len(node.names) > 1 or (
        kind in COMPREHENSIONS and is_inline(node))


class Writes(object):
    """What a unit may change. names: that it binds.      grown: those with += and the like.      items: [(container
    node, key node or None, whether in place)].      attrs: [(object node, name, whether in place)]. calls: nodes.
    reads: [(container node, key node)], which matter when there are defaultdicts.      others: nodes of objects whose
    code in C runs at the line, as of `with` and `await`.
    """

    def __init__(self, unit):
        self.names, self.grown, self.items, self.attrs = set(unit.names), [], [], []
        self.calls, self.reads, self.others, self.loads = [], [], [], []
        self.taken = list(unit.iterates) if unit.own is None else unit.own.generators[:1]
        self.unsure, self.augmented = False, None
        for node in executed_nodes(unit):
            self._note(node, unit.chain)
        self.leaves = list(unit.leaves)

    def _note(self, node, chain):
        stored = type(getattr(node, 'ctx', None)).__name__ in ('Store', 'Del', 'AugStore', 'Param')
        if isinstance(node, _ast.Name):
            if stored:
                self.names.add(mangled(node.id, chain))
        elif isinstance(node, _ast.AugAssign):
            target = self.augmented = node.target
            self.taken.append(node.value)
            if isinstance(target, _ast.Name):
                self.grown.append(mangled(target.id, chain))
            elif isinstance(target, _ast.Subscript):
                self.items.append((target.value, key_node(target), True))
            else:
                self.attrs.append((target.value, mangled(target.attr, chain), True))
        elif node is self.augmented:
            pass
        elif isinstance(node, _ast.Subscript):
            (self.items if stored else self.reads).append((node.value, key_node(node)) + (False,) * stored)
        elif isinstance(node, _ast.Attribute):
            if stored:
                self.attrs.append((node.value, mangled(node.attr, chain), False))
            else:
                self.loads.append((node.value, mangled(node.attr, chain)))
        elif isinstance(node, _ast.Call):
            self.calls.append(node)
            self.taken += node.args
        elif isinstance(node, _ast.Assign):
            self.taken += [node.value] * any(isinstance(target, (_ast.Tuple, _ast.List)) for target in node.targets)
        elif isinstance(node, _ast.Compare):
            self.taken += [part for op, part in zip(node.ops, node.comparators)
                           if isinstance(op, (_ast.In, _ast.NotIn))]
        elif type(node).__name__ == 'Starred':
            self.taken.append(node.value)
        elif type(node).__name__ in COMPREHENSIONS:
            self.taken += [part.iter for part in node.generators]
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


def local_names(frame):
    """{name: value} of a frame's own names."""
    names = frame.f_locals
    return dict(dict.items(names)) if isinstance(names, dict) else dict(names)


class Sites(dict):
    """{line: the Site of an event there} of an Entry."""

    def __init__(self, entry, event):
        self.entry, self.event = entry, event

    def __missing__(self, line):
        found = self[line] = self.entry.step(self.event, line)
        return found


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
        self.old, self.keys = False, {}         # {(whether old, text of a path): the variable that has it}
        # operands: texts of what is to be logged together with the step; owners: {text of a path: variables with it}
        self.operands, self.owners, self.sure = [], {}, {}
        if len(units) == 1:
            self._find_sure(units[0])
        writes = [Writes(unit) for unit in units]
        # Whether nothing but what it stores can change its containers meanwhile.
        self.is_plain = len(units) == 1 and not any(
            isinstance(node, (_ast.Call, _ast.Delete, _ast.Yield)) or type(node).__name__ in UNPLAIN
            for node in executed_nodes(units[0]))
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
        self.is_calm = not checks and len(units) == 1 and not units[0].leaves and not any(
            map(binds_early, executed_nodes(units[0])))

    # -- the text

    def constant(self, value):
        """A name for a value in the text."""
        self.count += 1
        self.space['c%d' % self.count] = value
        return 'c%d' % self.count

    def variable(self, letter):
        """A name for a variable in the text."""
        self.count += 1
        return '%s%d' % (letter, self.count)

    def memory(self, kind, content):
        """A name for a new memory, see Follower.remember."""
        self.engine.memories.append([None, None, kind, content])
        return self.constant(self.engine.memories[-1])

    def is_variable(self, name):
        """Whether a name is a variable of the function."""
        return self.has_frame_names and name in self.variables

    def sample(self, node):
        """What a name stands for now; MISSING where that is not known, as for expressions."""
        name = getattr(node, 'id', None)
        return (self.engine.running[-1][2] if self.is_variable(name) else self.globals).get(name, MISSING)

    def _find_sure(self, unit):
        """Fill .sure: {name that the unit binds whenever it ends: whether its value is an atom in any case}."""
        for node in unit.nodes:
            if isinstance(node, _ast.AugAssign) and isinstance(node.target, _ast.Name):
                self.sure[mangled(node.target.id, unit.chain)] = False
            elif isinstance(node, _ast.Assign):
                for target in node.targets:
                    if isinstance(target, _ast.Name):
                        if not self._is_constant(node.value):   # which it may have already
                            self.sure[mangled(target.id, unit.chain)] = self._is_atom(node.value)
                    else:
                        for part in walk(target):
                            if isinstance(part, _ast.Name) and type(part.ctx).__name__ == 'Store':
                                self.sure[mangled(part.id, unit.chain)] = False
        if unit.iterates:
            for part in walk(unit.nodes[0]):
                if isinstance(part, _ast.Name) and type(part.ctx).__name__ == 'Store':
                    self.sure[mangled(part.id, unit.chain)] = part is unit.nodes[0] and self._is_call_of(
                        unit.nodes[1], ('range', 'xrange'))

    def _is_constant(self, node):
        return type(node).__name__ in ('Num', 'Str', 'Bytes', 'Constant', 'NameConstant') or (
            isinstance(node, _ast.Name) and node.id in ('None', 'True', 'False'))

    def _is_atom(self, node):
        """Whether the value of an expression is an atom, whatever it works on."""
        if isinstance(node, _ast.Compare):
            return all(isinstance(op, (_ast.Is, _ast.IsNot, _ast.In, _ast.NotIn)) for op in node.ops)
        return isinstance(node, _ast.UnaryOp) and isinstance(node.op, _ast.Not) or self._is_call_of(node, (
            'len', 'ord', 'chr', 'id', 'isinstance', 'issubclass', 'callable', 'hasattr'))

    def _is_call_of(self, node, names):
        """Whether an expression is a call of one of some builtins."""
        name = isinstance(node, _ast.Call) and isinstance(node.func, _ast.Name) and node.func.id
        if name in names and not self.is_variable(name) and name not in self.globals and name in builtins_space:
            self.engine.assumed.add(name)
            return True
        return False

    def _emit_names(self, names, grown):
        local = [name for name in names if self.is_variable(name)]
        outer = [name for name in names if not self.is_variable(name)]
        put = self.lines.append
        if not names and not grown:
            return
        put('try:')
        # nothing is noted before all of the first are read
        lost, last = ['    grown(%s.get(%r))' % ('d' if name in local else 'G', name) for name in grown], []
        for name in local + outer:
            is_global = name not in local
            source, known = ('G', 'N') if is_global else ('d', 'S')
            bind = self.constant(self.engine.binds(name, is_global)[0])
            if name in self.sure:
                value = self.variable('v')
                put('    %s = %s[%r]' % (value, source, name))
                if not self.sure[name]:
                    last.append('    if type(%s) not in ATOMS:' % value)
                    if name in grown:
                        last.append('        grown(%s)' % value)
                    last.append('        %s = %s' % (value, 'bound_anew(N, %r, %s)' % (name, value) if is_global
                        else 'seen(%s)' % value))
                last.append('    %s[%r] = %s' % (known, name, value))
                self.operands += [bind, value]
                lost.append('    %s = SKIP_TWO; %s = None' % (bind, value))
                continue
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
        self.lines += last
        put('except KeyError:')                 # one of them is unbound
        put('    names(frame)')
        self.lines += lost

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
        # What is found by way of another comes first: `self.tail.next = self.tail = new` changes the old tail.
        stores = [(item[0], lambda item=item: self._item(*item)) for item in writes.items]
        stores += [(item[0], lambda item=item: self._attribute(*item)) for item in writes.attrs]
        stores.sort(key=lambda pair: -sum(isinstance(part, (_ast.Attribute, _ast.Subscript)) for part in walk(pair[0])))
        checks += [check for _, check in stores]
        if self.engine.has_defaults:
            for item in writes.reads:
                if item[1] is not None:
                    checks.append(lambda item=item: self._read(*item))
        for owner, name in writes.loads:
            if name in self.engine.filled:
                checks.append(lambda owner=owner, name=name: self._attribute(owner, name, False))
        if self.engine.has_lazy:
            for node in writes.taken:
                checks.append(lambda node=node: self._taken(node))
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
            return self.lines.append('whole(%s)' % box)
        call = ('grown_item' if in_place else 'item_changed') + '({0}, ' + name + ')'
        kind = type(self.sample(container))
        if self.old or not self.is_plain or kind not in (list, dict):
            return self.lines.append(call.format(box))
        here, value, memory = self.variable('b'), self.variable('v'), self.memory(kind, kind)
        self.lines += [
            '%s = %s' % (here, box),
            'if %s is %s[0] or remember(%s, %s):' % (here, memory, memory, here),
            '    %s = %s[%s]' % (value, here, name),
            '    if type(%s) in ATOMS:' % value,
            '        t = %s[1]' % memory,
            '        t.now[%s] = %s' % (name, value),
            '        put((SET, t, %s, %s))' % (name, value),
            '    else:',
            '        ' + call.format(here),
            'else:',
            '    ' + call.format(here)]

    def _read(self, container, key):
        try:
            self.lines.append('default_made(%s, %s)' % (self.path(container), self.pure(key)))
        except Unsure:
            self._reach([container])

    def _attribute(self, owner, name, in_place):
        path, call = self.path(owner), '%s(%%s, %r)' % ('grown_attr' if in_place else 'attr_changed', name)
        if self.old or not self.is_plain or name in ('__dict__', '__class__'):
            return self.lines.append(call % path)
        if path not in self.owners:
            self.owners[path] = self.variable('o'), self.variable('t')
            self.lines += ['%s = %s' % (self.owners[path][0], path),
                           '%s = plain(id(%s)) or plain_names(%s)' % ((self.owners[path][1],) +
                           2 * (self.owners[path][0],))]
        here, token = self.owners[path]
        self.lines += [
            'if %s is None:' % token,
            '    ' + call % here,
            'else:',
            '    v = %s.obj.get(%r, MISSING)' % (token, name),
            '    if type(v) in ATOMS:',
            '        %s.now[%r] = v' % (token, name),
            '        put((SET, %s, %r, v))' % (token, name),
            '    else:',
            '        ' + call % here]

    def _taken(self, node):
        if isinstance(node, _ast.comprehension):
            self.lines.append("consumed(d.get('.0'))")
        elif not isinstance(node, _ast.Call):   # of which the arguments are looked at
            try:
                self.lines.append('consumed(%s)' % self.path(node))
            except Unsure:
                self.lines += ['consumed(%s)' % root for root in self.roots([node])]

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
                for name in names if self.is_variable(name) or name in self.globals or name not in builtins_space]

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
        if name == 'append' or name == 'add':
            memory = self.memory(list, list) if name == 'append' else self.memory(set, dict)
            self.lines.append('if (v is %s[0] or remember(%s, v)) and len(v) == len(%s[1].now)%s:' % (
                memory, memory, memory, ' + 1' if name == 'append' else ''))
            self.lines += ['    w = v[-1]', '    if type(w) not in ATOMS:', '        w = see(w)',
                           '    %s[1].now.append(w)' % memory, '    put((PUSH, %s[1], w))' % memory,
                           'elif type(v) is list:', '    appended(v)'] if name == 'append' else ['    pass']
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
            if (self.old, path) not in self.keys:
                self.count += 1
                name = self.keys[self.old, path] = 'k%d' % self.count
                self.lines.append('%s = %s' % (name, path))
                self.lines.append('if type(%s) not in ATOMS and not is_safe_key(%s): raise Unsure' % (name, name))
            return self.keys[self.old, path]
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
        engine, head = self.engine, []
        needs = '\n'.join(self.lines)
        if self.has_frame_names:
            needs_d, needs_s = 'd[' in needs or 'd.get' in needs, 'S[' in needs or 'S.get' in needs
            keeps_up = LOCALS_KEEP_UP or HAS_LOCALS_PROXY
            if needs_d and not keeps_up:
                head.append('d = frame.f_locals')
            if needs_d and needs_s and keeps_up:
                head.append('_, _, S, d = running[-1]')
            elif needs_d and keeps_up:
                head.append('d = running[-1][3]')
            elif needs_s:
                head.append('S = running[-1][2]')
        operands = ''.join(part + ', ' for part in self.operands)
        tail = ['if event == "line":', '    after = table[frame.f_lineno]',
                '    put((%safter))' % operands if operands else '    add(after)']
        if self.loops:
            tail += ['    if len(log) > limit[0]:', '        housekeeping(frame)']
        tail += ['    return after']
        if operands:
            tail += ['put((%s))' % operands]
        if self.has_frame_names and self.entry.shown:
            tail += ['if event == "return" and running[-1][0] is frame:', '    leave()',
                '    put((returns[frame.f_lineno], ENTER, running[-1][1]))', '    if passing:',
                '        passing.pop(frame, None)', '    return None']
        tail += ['if event != "check":', '    return other(frame, event, arg)']
        space = dict(engine.helpers, G=self.globals, N=engine.names_of(self.globals).now, table=table,
                     returns=self.entry.returns, **self.space)
        lines = head + self.lines + tail
        # The default values of parameters are looked up faster than globals, but each takes time at a call.
        used = sorted(set(re.findall(r'\w+', '\n'.join(lines))) & set(space) - SELDOM)
        text = 'def trace(frame, event, arg, %s):\n%s' % (
            ', '.join('%s=%s' % (name, name) for name in used), ''.join('    %s\n' % line for line in lines))
        execute(compile(text, '<hotload plan>', 'exec', 0, True), space)
        trace = space['trace']
        if self.is_calm:
            engine.calm.add(trace)
        return trace


##############################################################################
## 30. Trace -- sys.settrace writes the log
##############################################################################
#
# Gives to those below Engine, which runs code and writes the log.
#
# What a line changes is found after it ran, at the next event. There are two ways. An audit compares all objects
# that are followed with what the log has of them: always right, and slow. A plan is made of the line's syntax.
# The first steps of a run, and the first few of each line, are audited; then the line gets a plan, which is
# audited some times more. A plan that missed something is given up: that line is always audited. So is everything
# at each keyframe; what is found only then was noticed late, and the recording says so.

ENTRIES_BETWEEN = 24000     # keyframes, at least; or 4 times what can be reached
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
    is_function, is_class: which kind it is.      units: of its syntax, or None.      table: see Table. steps:
    {(event, line): Site}.      rebinds: whether its names may come to stand for other values.
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
        self.runs, self.bad, self.steps, self.checks = {}, set(), {}, {}
        self.namespace, self.calls, self.returns = None, Sites(self, 'call'), Sites(self, 'return')
        # A 'call' is always at the first line; first_trace: the function for settrace after it, once that is settled.
        self.is_simple = self.is_function and self.shown and not code.co_flags & GENERATOR_FLAGS
        self.first_call, self.first_trace = self.step('call', code.co_firstlineno), None
        count = code.co_argcount + getattr(code, 'co_kwonlyargcount', 0)
        count += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)                # *args, **kwargs
        is_plain = HAS_LOCALS_PROXY and self.is_simple and count <= 4 and not code.co_freevars
        self.arguments = code.co_varnames[:count] if is_plain else None
        self.rebinds = not self.is_simple or units is None or code.co_nlocals != count or bool(
            code.co_cellvars + code.co_freevars) or any(Writes(unit).names for unit in units)

    def start_trace(self):
        """The function for settrace after a 'call'."""
        line = self.code.co_firstlineno
        found = self.start[line]
        if line in self.start:
            self.first_trace = found
        return found

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
            table.checked.clear()
        self.checks.clear()
        self.first_trace = None

    def step(self, event, line):
        """The Site of an event at a line; None when it is none."""
        if (event, line) not in self.steps:
            begin = max(line, 1)
            if not self.engine.raw and self.units is not None and event != 'call':
                begin = min([unit.start for unit in self.units_at(line)] or [begin])
            made = Site(event, line if self.engine.raw else begin, self.code.co_filename, self.code.co_name)
            self.steps[event, line] = made if self.shown else None
        return self.steps[event, line]


class Table(dict):
    """{line: the function for settrace after it} of an Entry, made when asked for; its .site is what the log has of
    the step.

    inside: the units in whose lines a step goes on rather than begins; leaving: lines of `with` heads that are left;
    is_start: for the function after a 'call'.      places: {line: place(line)}.      checked: {line: (function that
    audits what the plan finds, the plan's)}.
    """

    def __init__(self, entry, inside=(), leaving=(), is_start=False):
        self.entry, self.inside, self.leaving, self.is_start = entry, inside, leaving, is_start
        self.others, self.audits, self.places, self.checked = {}, {}, {}, {}

    def place(self, line):
        """(Site of the step at a line, or None if it is none; Table that tells what follows it)."""
        found = self.places.get(line)
        if found is None:
            entry, units = self.entry, self.entry.units_at(line) if self.entry.units is not None else None
            step, after = entry.step('line', line), self
            if not entry.engine.raw and units is not None:
                first = min(units, key=lambda unit: unit.start) if units else None
                if first is None or not any(unit.start <= line <= unit.end for unit
                        in units) or line in self.leaving or any(unit in self.inside for unit in units):
                    step = None
                else:
                    step = entry.step('line', first.start)
                after = entry.table if self.is_start else self.after(units)
            found = self.places[line] = step, after
        return found

    def __missing__(self, line):
        entry, engine, (step, after) = self.entry, self.entry.engine, self.place(line)
        if engine.audits_all or entry.is_class or entry.units is None or line in entry.bad:
            found = self[line] = engine.audit_tracer(after, None, step)
            return found
        if entry.runs.get(line, 0) < AUDIT_RUNS or engine.spent < FREE_AUDITS:
            if line not in self.audits:
                self.audits[line] = engine.audit_tracer(after, line, step)
            return self.audits[line]            # not kept: the next run of the line asks again
        if line not in self.checked:
            try:
                self.checked[line] = engine.plan_tracers(entry, after, line, step)
            except Unsure:
                entry.bad.add(line)
                return self[line]
        checking, plan = self.checked[line]
        if entry.runs.get(line, 0) < AUDIT_RUNS + CHECKED_RUNS:
            return checking
        self[line] = plan
        return plan

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
    see record().      entries: {id of a code object: its Entry, or False}.      running: [(frame, its Space, its
    names as the log has them, as they are)] of the frames that run, innermost last.
    """

    def __init__(self, recording, is_recorded, text_of, callback=None, max_steps=0, max_seconds=0, with_state=True,
        raw=False):
        Follower.__init__(self, recording, is_recorded, with_state)
        self.text_of, self.callback, self.raw, self.flags = text_of, callback, raw, 0
        self.max_steps, self.max_seconds = max_steps, max_seconds
        self.limit = [0]                        # see housekeeping
        self.running, self.top = [(None, None, {}, {})], None
        self.entries, self.kept, self.units, self.passing, self.calm = {}, [], {}, {}, set()
        self.spent, self.audited_at, self.late_since, self.visible, self._binds = 0, 0, [], 0, {}
        self.begin_s, self.stop_error = clock_s(), None
        self.lock, self.is_over = threads.allocate_lock(), False
        self.next_call, self.read_to = CALLBACK_STEPS, 0
        self.helpers.update(limit=self.limit, running=self.running, leave=self.running.pop, passing=self.passing,
            audit=self.audit, names=self.check_names, housekeeping=self.housekeeping, other=self.other_event,
            whole_object=self.whole, bound=self.bound, bound_anew=self.bound_anew, SKIP_TWO=SKIP_TWO)

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
        space, known = Space(), {}
        if entry.is_class or entry.is_function:
            known = local_names(frame)
            for name, value in known.items():
                if type(value) not in ATOMS:
                    known[name] = self.see(value)
        space.first, space.home = known.copy(), entry
        self.running.append((frame, space, known, frame.f_locals))
        self.put((ENTER, space))

    def leave(self, frame):
        """The frame that ran before it is the current one again."""
        running = self.running
        if any(frame is record[0] for record in running):
            while running.pop()[0] is not frame:                # of those the end was not told
                pass
            self.put((ENTER, running[-1][1]))

    def resume(self, frame):
        """Make the frame the current one, when it is not yet: the end of another was not told."""
        running = self.running
        if not any(frame is record[0] for record in running):
            return self.enter(frame, self.entry_of(frame.f_code, frame))
        while running[-1][0] is not frame:
            running.pop()
        self.put((ENTER, running[-1][1]))

    def bound(self, known, name, bind, value, is_global):
        """Log that a name has another value, no atom."""
        value = self.see(value)
        if known.get(name, MISSING) is not value:
            known[name] = value
            self.put((bind, value))
            if is_global and name in self.assumed:
                self.forget_plans()

    def bound_anew(self, known, name, value):
        """What the log keeps of the value, no atom, that a name of a module was bound to."""
        if name in self.assumed and known.get(name, MISSING) is not value:
            self.forget_plans()
        return self.see(value)

    def check_names(self, frame):
        """Look at all names of a frame and of its module."""
        if frame is not self.running[-1][0]:
            self.resume(frame)
        _, space, known, now = self.running[-1]
        if known is space.first:
            known = known.copy()
            self.running[-1] = frame, space, known, now
        if frame.f_code.co_name != '<module>':
            self._check_names(local_names(frame), known, False)
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

    def audit_tracer(self, table, line, step=None):
        """The function for settrace that audits after a line. line: its number, to count its runs, or None. step: the
        Site of the line, or None.
        """
        log, limit, runs = self.log, self.limit, table.entry.runs

        def trace(frame, event, arg):
            if event == 'check' and line is not None and self.spent > FREE_AUDITS:
                return self.check_by_plan(table, line, frame)
            self.audit(frame)
            if len(log) > limit[0]:
                self.housekeeping(frame)
            if line is not None and event != 'check':
                runs[line] = runs.get(line, 0) + 1
            return self.next_line(table, frame, event, arg)
        trace.site = step or SKIP_ONE
        return trace

    def next_line(self, table, frame, event, arg):
        """Log the step that an event is; the function for settrace after it."""
        if event == 'line':
            after = table[frame.f_lineno]
            self.add(after)
            return after
        return self.other_event(frame, event, arg)

    def plan_tracers(self, entry, table, line, step):
        """(function for settrace after a line that audits what the line's plan finds; the plan's)."""
        plan = LinePlan(self, entry, entry.units_at(line)).function(table)

        def trace(frame, event, arg):
            if event != 'check':
                entry.runs[line] = entry.runs.get(line, 0) + 1
            last_audit, mark = self.audited_at, len(self.log)
            plan(frame, 'check', None)
            if self.audit(frame):
                entry.bad.add(line)             # the plan missed something
                entry.forget()
                if sum(type(part) is Site or type(part) is FunctionType for part in self.log[last_audit:mark]) > 1:
                    self.late_since.append((last_audit, len(self.log)))
            return self.next_line(table, frame, event, arg)
        trace.site = plan.site = step or SKIP_ONE
        return trace, plan

    def check_by_plan(self, table, line, frame):
        """Look at what a line changed that has no plan yet, and calls functions of the program again and again."""
        entry = table.entry
        if line not in entry.checks:
            entry.checks[line] = [0, None]
            with suppress(Unsure):
                entry.checks[line][1] = LinePlan(self, entry, entry.units_at(line)).function(table)
        known = entry.checks[line]
        if known[1] is None:
            self.audit(frame)
            return
        known[0] += 1
        known[1](frame, 'check', None)
        if known[0] <= CHECKED_RUNS and self.audit(frame):
            known[1] = None                     # it missed something

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
        if not self.with_state:
            return self.steps_tracer()
        entries, running, calm, log, limit = self.entries, self.running, self.calm, self.log, self.limit
        put, see, token_of, new = self.put, self.see, self.tokens.get, object.__new__

        def on_call(frame, event, arg):
            code = frame.f_code
            entry = entries.get(id(code))
            if entry is False:
                return None
            if entry is None or entry.globals is not frame.f_globals:
                entry = self.entry_of(code, frame)
                if entry is None:
                    return None
            back = running[-1][0]
            if back is not None:                # what has its line changed so far?
                trace = back.f_trace
                if trace is not None and (trace not in calm or entry.ends_things):
                    if LOCALS_KEEP_UP:
                        back.f_locals           # this lets its dict keep up
                    trace(back, 'check', None)
            if entry.is_function:
                space, names = new(Space), frame.f_locals
                if entry.arguments is None:
                    first = names.copy()
                else:                           # copying what stands for them takes longer
                    first = {name: names[name] for name in entry.arguments}
                for value in first.values():
                    if type(value) not in ATOMS:
                        token = token_of(id(value))
                        if token is None or token.now is None:
                            first.update([(name, see(value)) for name, value in first.items()])
                            break
                space.first, space.home = first, entry
                running.append((frame, space, first.copy() if entry.rebinds else first, names))
                if entry.is_simple:
                    put((ENTER, space, entry.first_call))
                    if len(log) > limit[0]:
                        self.housekeeping(frame)
                    return entry.first_trace or entry.start_trace()
                put((ENTER, space))
            else:
                self.enter(frame, entry)
            if len(log) > limit[0]:
                self.housekeeping(frame)
            line = frame.f_lineno
            if entry.shown:
                self.add(entry.calls[line])
            return entry.start[line] if line == code.co_firstlineno else entry.table[line]      # a generator goes on
        return on_call

    def other_event(self, frame, event, arg):
        """Log a 'return' or an 'exception'."""
        if event == 'check':
            return None
        entry = self.entries.get(id(frame.f_code)) or self.entry_of(frame.f_code, frame)
        step = entry.step(event, frame.f_lineno)
        if event == 'exception':
            if not self.raw:
                # Told again when it goes on after a `finally`. (On 2.7 that of C code may be a text yet.)
                passing = arg[1] if isinstance(arg[1], BaseException) else arg[2]
                if passing is not None and self.passing.get(frame) is passing:
                    return None
                self.passing[frame] = passing
            if step is not None:
                self.add(step)
            if self.with_state and WITH_ENDS_IN_BODY and entry.units is not None:
                return self.audit_tracer(entry.table, None)
            return None
        if event == 'return':
            if step is not None:
                self.add(step)
            self.passing.pop(frame, None)
            if self.with_state:
                self.leave(frame)
        return None

    def steps_tracer(self):
        """The function that settrace calls for each new frame when steps are all that is wanted.

        It logs the code and the number of the line of a call, and then numbers of lines, ~ of that which returns:
        what they stand for is worked out when it is asked for, by read_steps().
        """
        log, limit, other, passing = self.log, self.limit, self.other_event, self.passing
        recorded, others = set(), set()         # names of files
        self.recording.reader = self.read_steps
        is_free = not (self.max_steps or self.max_seconds or self.callback) and self.watch_size(threads.get_ident())

        def on_line(frame, event, arg, add=log.append):
            if event == 'line':
                add(frame.f_lineno)
            elif event == 'return':
                add(~(frame.f_lineno or 0))
                if passing:
                    passing.pop(frame, None)
            else:
                other(frame, event, arg)

        def on_line_with_limit(frame, event, arg):
            on_line(frame, event, arg)
            if len(log) > limit[0]:
                self.housekeeping(frame)
        trace = on_line if is_free else on_line_with_limit

        def on_call(frame, event, arg, add=log.append):
            code = frame.f_code
            if code.co_filename in recorded:
                add(code)
                add(frame.f_lineno or 0)
                return trace
            if code.co_filename in others:
                return None
            if self.is_recorded(code.co_filename):
                if not self.raw:
                    self._units_of(code)        # the text may be another one later
                recorded.add(code.co_filename)
            else:
                others.add(code.co_filename)
            return on_call(frame, event, arg)
        return on_call

    def read_steps(self):
        """Turn what steps_tracer() logged since the last time into Sites."""
        log, at, found, running = self.log, self.read_to, [], self.running
        end = len(log)
        while at < end:
            part, site = log[at], None
            at += 1
            if type(part) is int:
                if len(running) > 1:
                    entry, table = running[-1]
                    if part < 0:
                        site = entry.step('return', ~part)
                        running.pop()
                    else:
                        site, running[-1][1] = table.place(part)
            elif type(part) is CodeType:
                line, entry = log[at], self.entries.get(id(part))
                at += 1
                if not entry:
                    entry = self.entries[id(part)] = Entry(self, part, None, None if self.raw else self._units_of(part))
                    self.kept.append(part)      # its id stays its own
                running.append([entry, entry.start if line == part.co_firstlineno else entry.table])
                site = entry.calls[line]
            elif type(part) is Site:
                site = part
            else:
                found += log[at - 1:at - 1 + part.size]
                at += part.size - 1
            if site is not None:
                found.append(site)
        log[self.read_to:] = found
        self.read_to = len(log)
        if self.is_over:
            self.recording.reader = None

    def foreign_tracer(self):
        """The function for threading.settrace: what other threads do can only be found by audits."""
        def other_thread(frame, event, arg):
            if self.is_own_code(frame.f_code):
                sys.settrace(None)
                if not self.audits_all:
                    self.audits_all = True
                    self.forget_plans()
                if STARTER_FIRST_S:
                    time.sleep(STARTER_FIRST_S)
        return other_thread

    def label_classes(self, path):
        """Let the classes that the code made say that they are of this file, not of __main__."""
        for cls in self.classes:
            if vars(cls).get('__module__') == '__main__':
                with suppress(TypeError, AttributeError):
                    cls.__module__ = path

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
            counted = self.recording.steps()
            if self.max_steps and counted >= self.max_steps:
                self.stop(RuntimeError('the recording reached its limit of %d steps' % self.max_steps))
            if self.callback and counted >= self.next_call:
                self.next_call = counted + CALLBACK_STEPS
                self.call_back()
            if self.max_steps:
                pause = min(pause, max(1, self.max_steps - counted))
        if self.max_seconds and clock_s() - self.begin_s > self.max_seconds:
            self.stop(RuntimeError('the recording reached its limit of %g seconds' % self.max_seconds))
        if len(log) > MOST_ENTRIES:
            self.stop(RuntimeError('the recording reached its limit of memory, %d entries' % MOST_ENTRIES))
        self.limit[0] = len(log) + pause

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

    def watch_size(self, thread):
        """See to it that the run ends when the log is too long; whether that can be done."""
        def watch():
            while not self.is_over:
                with self.lock:
                    if not self.is_over and len(self.log) > MOST_ENTRIES:
                        self.stop_error = RuntimeError(
                            'the recording reached its limit of memory, %d entries' % MOST_ENTRIES)
                        raise_in_thread(thread, Stop)
                wait_until(lambda: self.is_over, 0.1)
        with suppress(RuntimeError, threads.error):             # a host without threads
            threads.start_new_thread(watch, ())
            return True
        return False

    def keyframe(self):
        """Keep the content of all that can be reached; what cannot be is not followed any more."""
        contents, followed, todo = {}, [], []
        for _, space, known, _ in self.running[1:]:
            contents[space] = known.copy()
            todo += known.values()
        for token in self.modules.values():
            contents[token] = token.now.copy()
            todo += token.now.values()
            followed.append(token)
        size, tokens, tuples = sum(map(len, contents.values())), self.tokens, set()
        while todo:
            value = todo.pop()
            cls = type(value)
            if cls in ATOMS:
                continue
            if cls in (tuple, frozenset):
                if id(value) not in tuples:
                    tuples.add(id(value))
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
        self.forget_objects()
        self.followed[:] = followed
        self.visible = size
        self.recording.keyframes.append(Keyframe(len(self.log), contents, self.running[-1][1]))

    # -- the run

    def run(self, call, space):
        """Call `call()` and record it; what it raises becomes the recording's error. space: its globals."""
        recording, before, thread = self.recording, sys.gettrace(), threads.get_ident()
        if thread in recorded_threads:
            raise HotloadError('a recording is going on in this thread: code that is recorded cannot record')
        _layouts.clear()                        # classes of the last run
        _shells.clear()
        namespace = self.names_of(space)
        top = Space()
        top.first, top.home = {}, Home(namespace, '<module>')
        self.top, self.running[:] = top, [(None, top, {}, {})]
        recording.keyframes.append(Keyframe(0, {namespace: namespace.kind.copy(namespace.now or {}), top: {}}, top))
        stdout, self.limit[0] = sys.stdout, 0
        # the log keeps all alive: looking for garbage costs a seventh of the time
        collects = gc.get_threshold() if hasattr(gc, 'get_threshold') else (0,)        # PyPy's collects otherwise
        if collects[0]:
            gc.set_threshold(max(collects[0], 200000), *collects[1:])
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
            if collects[0]:
                gc.set_threshold(*collects)
            if hasattr(gc, 'freeze') and not gc.get_freeze_count():
                gc.freeze()                     # makes the log old, without looking through it
                gc.unfreeze()
            if sys.stdout is tee:
                sys.stdout = stdout
            tee.log = []
            if self.with_state:
                del self.running[1:]
            self.passing.clear()
            if self.max_steps:
                recording._cut(self.max_steps)
            if not self.with_state:
                recording.keyframes[:] = []
            recording._tell_late(self.late_since)
            if self.callback is not None and self.stop_error is None and recording.error is None:
                with suppress(Stop):
                    self.call_back()
                recording.error = self.stop_error


recorded_threads = set()        # idents of those in which a recording goes on


##############################################################################
## 31. Record -- code, functions and scripts
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
    require_bytecode('recording')
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
        made.label_classes(path)
    return recording


def engine_of(name):
    """The class of the engine of that name; 'auto' is the fastest that is there."""
    kind = ENGINES.get(name) or name == 'auto' and (ENGINES.get('rewrite') or Engine)
    if not kind:
        raise HotloadError('engine=%r: expected one of %s' % (name, ', '.join(map(repr, sorted(ENGINES) + ['auto']))))
    return kind


def record_call(function, args, kwargs):
    """Call a function and record it; see Recording.of."""
    require_bytecode('recording')
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
    """A place in a Recording, moved by what is typed at the prompt. n: the step.      VERBS: methods to type."""

    VERBS = ['back', 'forward', 'goto', 'last']

    def __init__(self, recording):
        self.recording, self.n = recording, max(0, recording.steps() - 1)

    def verbs(self):
        """{name: what it means at the prompt}."""
        return dict([('rec', self.recording)] + [(verb, getattr(self, verb)) for verb in self.VERBS])

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
    limits. html: a file to be written after each run, see Recording.to_html.      recording: the Recording of the last
    run, or None.

    >>> RecordedScript('no such file')
    Traceback (most recent call last):
        ...
    HotloadError: no such file: there is no such script
    """

    CURSOR = Cursor
    given_names = ()                            # what the prompt added to the script's names

    def __init__(self, path=None, argv=(), html=None, module=None, engine='auto', max_steps=0, max_seconds=0,
                 entrypoint=None):
        require_bytecode('recording')
        ReloadedScript.__init__(self, path, argv, entrypoint, module)
        self.engine = engine_of(engine)
        self.recording, self.max_steps, self.max_seconds, self.cursor = None, max_steps, max_seconds, None
        self.html = html and os.path.abspath(path_text(html))     # the script may change the folder

    def run(self, changed=()):
        """Run and record it once; what it raises goes through."""
        if self.cursor is not None:             # what the prompt had
            for name in self.given_names:
                self.namespace.pop(name, None)
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
        if self.html is not None:
            self.write_page()
        error = self.recording.error
        if error is not None:
            reraise(error, traceback_of(error))

    def write_page(self):
        """Write the file `html`; says what is in it, or why it could not be written."""
        try:
            first, last = self.recording.to_html(self.html)
        except HotloadError as error:
            return say(str(error))
        count = self.recording.steps()
        say('%s shows %s' % (self.html, 'all %d steps' % count if last - first + 1 >= count else
            'the steps %d to %d of %d' % (first, last, count)))

    def prompt_names(self):
        """What the prompt of -i has beside the script's names."""
        if self.recording is None:
            return {}
        if self.cursor is None:
            self.cursor = self.CURSOR(self.recording)
            verbs = self.cursor.verbs()
            taken = sorted(name for name in verbs if name in self.namespace)
            if taken:
                say('%s: the script has these names, so the verbs are %s' % (
                    ', '.join(taken), ', '.join(name + '_' for name in taken)))
            self.given_names = dict((name + '_' * (name in taken), verb) for name, verb in verbs.items())
            return self.given_names
        return {}

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
    return RecordedScript(choice.script, choice.argv, choice.get('html') or None, choice.module, 'auto',
                          int(limits[0]), limits[1], choice.get('entrypoint') or choice.function)


MODES.append(Mode('record', 'the whole script; the state at each of its steps is kept', make_recorded,
    [('', 'max-steps', 'N', 'end the run after N steps'), ('', 'max-seconds', 'S', 'end the run after S seconds')]))


##############################################################################
## 32. Player -- what a browser knows of a recording
##############################################################################
#
# Gives to those below the first half of the script of a page that shows a recording in a browser: it knows the run, as
# Recording does here. It plays the log for one object at a time, and only for those that are to be seen; each object
# has keyframes of its own, made when they are come by. Section Export tells what is in the data.

PLAYER_SCRIPT = r'''
'use strict';
// The data: see section Export. A step is here its place in the page (0 is step `first` of the run), an object the
// number of one that can change, a value a number in the table of values, `at` a place in the log.
const D = JSON.parse(document.getElementById('data').textContent), {log, values, objects, calls, first} = D;
const total = D.last - first + 1, ENTER = -1, PRINT = -2, SET = -3, CUT = -4, PUSH = -5, SPLICE = -6, PUT = -7;

// A text with all that cannot be seen, or that turns the order of the letters, written as an escape.
const clean = text => text.replace(/[\0-\x08\x0b-\x1f\x7f-\xa0\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, letter =>
  '\\u' + letter.codePointAt(0).toString(16).padStart(4, '0'));
const shorter = (text, room) => text.length <= room ? text : text.slice(0, room - 12) + '...' + text.slice(-8);
const number = n => n.toLocaleString('en');

// How many numbers of an ascending list are below `limit`.
function below(list, limit) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < limit) low = middle + 1; else high = middle;
  }
  return low;
}

// ---- the run: what is known of each step; `printed`: the steps before which `texts` were written; the places in the
// log of the changes of each object; the steps at each line

const places = [], sites = [], spaces = [], callOf = [], depths = [], ownBefore = [], printed = [], texts = [];
const changes = objects.map(() => []), callsIn = calls.map(() => []), outermost = [], visits = new Map();
let deepest = 1;

function sizeAt(at) {
  const op = log[at];
  if (op >= PRINT) return op < 0 ? 2 : 1;
  return op === SET ? 4 : op > SPLICE ? 3 : op > PUT ? 5 + log[at + 4] : 4 + log[at + 3];
}
function readLog() {
  const open = [], latest = [];
  for (let at = 0, next = 0, space = D.space; at < log.length; at += sizeAt(at)) {
    const op = log[at], n = first + places.length;
    if (op === ENTER) space = log[at + 1];
    else if (op === PRINT) { printed.push(places.length); texts.push(D.texts[log[at + 1]]); }
    else if (op < 0) changes[log[at + 1]].push(at);
    if (op < 0) continue;
    while (open.length && calls[open[open.length - 1]][1] < n) open.pop();
    for (; next < calls.length && calls[next][0] <= n; open.push(next++)) {
      (callsIn[calls[next][2]] || outermost).push(next);
    }
    const call = open[open.length - 1], [event, line, file, frame] = D.sites[op], key = file + ':' + line;
    if (event === 'line' || event === 'call' && frame !== '<module>') {
      if (!visits.has(key)) visits.set(key, []);
      visits.get(key).push(places.length);
    }
    ownBefore.push(latest[call] ?? -1);
    latest[call] = places.length;
    places.push(at); sites.push(D.sites[op]); spaces.push(space); callOf.push(call); depths.push(open.length);
    deepest = Math.max(deepest, open.length);
  }
}
const visitsOf = (file, line) => visits.get(file + ':' + line) || [];
const spaceOf = call => calls[call][4] >= 0 ? calls[call][4] : spaces[calls[call][0] - first];
const frameOf = space => objects[space][1], moduleOf = space => objects[space][2];

// ---- the content of an object at a place of the log: its keyframe before that, and the changes since

const played = [];
const copied = ({items, length}) => ({items: items instanceof Map ? new Map(items) : items.slice(), length});
function filled(kind, list) {
  if (kind === 'set') return new Map(list.map(value => [value, value]));
  return /dict|space|class/.test(kind) ? new Map(list.flatMap((key, i) => i % 2 ? [] : [[key, list[i + 1]]])) : list;
}
function play(content, kind, at) {
  const op = log[at], key = log[at + 2], value = log[at + 3], items = content.items, isMap = items instanceof Map;
  if (op === PUT) Object.assign(content, {items: filled(kind, log.slice(at + 4, at + 4 + value)), length: key});
  else if (op === SET && isMap) items.set(key, value);
  else if (op === SET) items[key] = value;
  else if (op === CUT && isMap) items.delete(key);
  else if (op === CUT) items.splice(key, 1);
  else if (op === PUSH) items.push(key);
  else items.splice(key, value - key, ...log.slice(at + 5, at + 5 + log[at + 4]));
}
// {items: array or Map, length: of the whole, where there is more than items}; good until it is asked for again.
function contentOf(object, at) {
  const [kind, , , items, length = 0] = objects[object], ops = changes[object], wanted = below(ops, at);
  if (!played[object]) {
    const content = {items: filled(kind, items), length};
    played[object] = {done: 0, content: copied(content), counts: [0], keyframes: [content]};
  }
  const known = played[object], nearest = below(known.counts, wanted + 1) - 1;
  if (wanted < known.done || known.counts[nearest] > known.done) {
    known.done = known.counts[nearest];
    known.content = copied(known.keyframes[nearest]);
  }
  for (; known.done < wanted; known.done++) {
    const {items} = known.content, size = items.size || items.length || 0;
    if (known.done - known.counts[known.counts.length - 1] > Math.max(100, 4 * size)) {
      known.counts.push(known.done);
      known.keyframes.push(copied(known.content));
    }
    play(known.content, kind, ops[known.done]);
  }
  return known.content;
}
// The objects that changed between two places of the log.
function touchedBetween(from, to) {
  const found = new Set();
  for (let at = from; at < to; at += sizeAt(at)) if (log[at] <= SET) found.add(log[at + 1]);
  return found;
}

// ---- values: what they are made of, and a text

const valueOfText = new Map(values.map((row, value) => [row, value]));
const isAtom = value => typeof values[value] === 'string';
const objectOf = value => value in values && values[value][0] === 'r' ? values[value][1] : -1;
const nameOf = key => isAtom(key) ? values[key].replace(/^u?'(.*)'$/, '$1') : text(key, 0);
const pairs = (items, label) => Array.from(items, ([key, value]) => [label(key), value]);

// What a name stands for in an object of names (isStrict false: or in its module); undefined where there is none.
function lookUp(space, name, at, isStrict = true) {
  if (!(space >= 0)) return undefined;
  const found = contentOf(space, at).items.get(valueOfText.get("'" + name + "'"));
  return found === undefined && !isStrict ? lookUp(moduleOf(space), name, at) : found;
}
// [[label, value]] of the attributes of an instance, from its dict and its slots.
function attributes(object, at) {
  const [dict, ...slots] = contentOf(object, at).items;
  const found = objectOf(dict) < 0 ? [] : pairs(contentOf(objectOf(dict), at).items, nameOf);
  slots.forEach((value, i) => values[value][1] !== '' && found.push([objects[object][7][i], value]));
  return found;
}
// [[label, value]] of what is in a value, or null. Labels: a number of items, a name of attributes, a text of keys.
function parts(value, at) {
  const row = values[value];
  if (isAtom(value) || row[0] === 's' || row[0] === 'o') return null;
  if (row[0] !== 'r') return row[1].map((part, i) => [row[0] === 't' ? i : '', part]);
  const [kind, , , , , body, plain] = objects[row[1]], items = contentOf(row[1], at).items;
  if (kind === 'opaque') return null;
  if (kind === 'instance') return attributes(row[1], at);
  return (kind === 'value' ? parts(plain, at) || [] : kind === 'class' ? pairs(items, nameOf)
    : kind === 'set' ? pairs(items, () => '') : kind === 'dict' ? pairs(items, key => text(key, at))
    : items.map((part, i) => [i, part])).concat(body >= 0 ? attributes(body, at) : []);
}
const BRACKETS = {list: '[]', dict: '{}', set: '{}', t: '()', z: '{}'};
// A short text of a value.
function text(value, at, depth = 0) {
  const row = values[value];
  if (isAtom(value) || row[0] === 'o') return shorter(clean(isAtom(value) ? row : row[1]), 120);
  if (row[0] === 's') return shorter(clean(row[1]), 60) + ' (' + number(row[2]) + ' long)';
  const [kind, type, address, , , , plain] = objects[objectOf(value)] || [row[0], {t: 't', z: 'frozenset'}[row[0]]];
  if (kind === 'opaque') return '<' + type + ' object at ' + address + '>';
  if (kind === 'class') return '<class ' + type + '>';
  if (kind === 'value') return type + '(' + text(plain, at, depth + 1) + ')';
  const found = parts(value, at), length = row[0] === 'r' && contentOf(row[1], at).length || found.length;
  const sign = {dict: ': ', instance: '='}[kind], [open = '', close = ''] = BRACKETS[kind] || '';
  const inside = depth > 3 && length ? '...' : found.slice(0, 8).map(([label, part]) => (sign ? label + sign : '')
    + text(part, at, depth + 1)).join(', ') + (length > 8 ? ', ...' : kind === 't' && length === 1 ? ',' : '');
  return type === kind && (inside || kind !== 'set') ? open + inside + close : type + '(' + open + inside + close + ')';
}
// The objects that a value is made of; where they are very many, the nearest.
function reach(value, at) {
  const found = new Set(), todo = [value], seen = new Set();
  for (const part of todo) {
    const row = values[part];
    if (found.size > 1000 || isAtom(part) || seen.has(part)) continue;
    seen.add(part);
    if (row[0] === 't' || row[0] === 'z') todo.push(...row[1]);
    if (row[0] !== 'r') continue;
    for (const object of [row[1], objects[row[1]][5]]) {
      if (!(object >= 0)) continue;
      found.add(object);
      if (objects[object][6] >= 0) todo.push(objects[object][6]);
      for (const pair of contentOf(object, at).items.entries()) {
        todo.push(...pair.slice(objects[object][0] === 'dict' ? 0 : 1).filter(inner => !isAtom(inner)));
      }
    }
  }
  return found;
}
// Tells whether a value, or something in it, is another than when it was last asked.
class Watched {
  constructor() { this.inside = new Set(); }
  moved(value, at) {
    const isNew = value !== this.value
      || this.inside.size && Array.from(touchedBetween(this.at, at)).some(object => this.inside.has(object));
    if (isNew) this.inside = value === undefined ? new Set() : reach(value, at);
    Object.assign(this, {value, at});
    return Boolean(isNew);
  }
}

// ---- conditions: comparisons of names with literals, joined by and/or; they mean what they mean in Recording.when().
// What is compared: number, bigint, boolean, null, or {type, items}; the items of a text are its letters.

const STRING = /([bru]{0,2})('(?:[^'\\]|\\[^])*'|"(?:[^"\\]|\\[^])*")/iy, SIGN = /[=!<>]=|[<>]|not\s+in\b|in\b/y;
const NUMBER = /(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/iy, NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const unescaped = letters => letters.replace(/\\(x..|u.{4}|U.{8}|[^])/g, (whole, code) => /^[xuU]./.test(code)
  ? String.fromCodePoint('0x' + code.slice(1)) : {n: '\n', t: '\t', r: '\r'}[code] || code);

class Reader {
  constructor(source) { Object.assign(this, {source, at: 0, names: new Set()}); }
  take(pattern) {
    pattern.lastIndex = this.at + this.source.slice(this.at).search(/\S|$/);
    const found = pattern.exec(this.source);
    if (found) this.at = pattern.lastIndex;
    return found;
  }
  need(pattern, what) {
    const found = this.take(pattern);
    if (found) return found[0];
    throw new SyntaxError('Expected ' + what + ' at "' + clean(this.source.slice(this.at, this.at + 20))
      + '". Write comparisons of names with literals, joined by and/or.');
  }
  operand(isLiteral) {
    let found = this.take(STRING);
    if (found) {
      const inner = found[2].slice(1, -1), type = /b/i.test(found[1]) && D.python[0] > 2 ? 'bytes' : 'str';
      return {type, items: Array.from(/r/i.test(found[1]) ? inner : unescaped(inner))};
    }
    if ((found = this.take(/[[{(]/y))) {
      const [open] = found, close = {'[': /\]/y, '{': /\}/y, '(': /\)/y}[open], items = [];
      while (!this.take(close)) {
        const item = this.operand(isLiteral || open !== '(' || items.length);
        items.push(open === '{' && this.take(/:/y) ? [item, this.operand(true)] : item);
        if (!(item && item.name) && this.take(/,/y)) continue;
        this.need(close, 'a comma or bracket');
        if (open === '(' && items.length === 1) return item;
        break;
      }
      const type = {'[': 'list', '(': 'tuple', '{': Array.isArray(items[0] || []) ? 'dict' : 'set'}[open];
      return {type, items};
    }
    if (this.take(/-/y)) return -this.operand(true);
    if ((found = this.take(NUMBER))) {
      this.take(/L/y);
      return /[.e]/i.test(found[0]) || Number.isSafeInteger(Number(found[0])) ? Number(found[0]) : BigInt(found[0]);
    }
    const name = this.need(NAME, 'a name or literal'), atoms = {None: null, True: true, False: false};
    return name in atoms ? atoms[name] : isLiteral ? this.need(/$^/y, 'a literal') : {name};
  }
  comparison() {
    const start = this.at, operands = [], signs = [];
    try {
      operands.push(this.operand());
      signs.push(this.need(SIGN, 'a comparison'));
    } catch (error) {  // not a comparison, so perhaps a condition in brackets
      this.at = start;
      if (!this.take(/\(/y)) throw error;
      const inner = this.condition();
      this.need(/\)/y, ')');
      return inner;
    }
    for (let sign = true; sign; sign = this.take(SIGN)) {
      if (sign !== true) signs.push(sign[0]);
      operands.push(this.operand());
    }
    for (const part of operands) if (part && part.name) this.names.add(part.name);
    return look => {
      const of = part => part && part.name ? look(part.name) : part;
      return signs.every((sign, i) => compare(of(operands[i]), sign, of(operands[i + 1])));
    };
  }
  condition() {
    const any = [[this.comparison()]];
    for (let word; (word = this.take(/(and|or)\b/y));) {
      if (word[1] === 'or') any.push([]);
      any[any.length - 1].push(this.comparison());
    }
    return look => any.some(all => all.every(part => part(look)));
  }
}
// A value as conditions compare it.
function whole(value, at, known = new Map()) {
  const row = values[value], other = {type: 'other', items: value};
  const each = list => Array.from(list, part => known.get(part) || known.set(part, whole(part, at, known)).get(part));
  if (isAtom(value) && /^-?inf$|^nan$/.test(row)) return Number(row.replace('inf', 'Infinity'));
  if (isAtom(value)) return /^(El|No.I|\()|j$/.test(row) ? other : new Reader(row).operand();
  if (row[0] === 's') return new Reader(row[1]).operand();
  if (row[0] === 'o') return other;
  if (row[0] !== 'r') return {type: row[0] === 't' ? 'tuple' : 'set', items: each(row[1])};
  const [kind, type, , , , , plain] = objects[row[1]], {items} = contentOf(row[1], at);
  return kind === 'value' ? whole(plain, at, known) : kind === 'dict' ? {type: kind, items: Array.from(items, each)}
    : kind === 'set' ? {type: kind, items: each(items.keys())} : kind === 'list' && type !== 'deque'
      ? {type: kind, items: each(items)} : type === 'bytearray'
        ? {type: 'bytes', items: items.map(part => String.fromCharCode(values[part]))} : other;
}
const typeOf = value => value === null ? 'None' : typeof value === 'object' ? value.type : 'number';
function isEqual(one, two) {
  const type = typeOf(one), a = one && one.items, b = two && two.items;
  if (one === two || type !== typeOf(two)) return one === two;
  if (!Array.isArray(a)) return type === 'other' ? a === b : one == two;  // true equals 1, as in Python
  if (/str|bytes/.test(type)) return a.join('') === b.join('');
  const same = type === 'dict' ? (x, y) => isEqual(x[0], y[0]) && isEqual(x[1], y[1]) : isEqual;
  return a.length === b.length && a.every((part, i) => /set|dict/.test(type) ? b.some(other => same(part, other))
    : same(part, b[i]));
}
// Whether one < two, or with `orEqual` one <= two; a TypeError where Python raises one.
function isBelow(one, two, orEqual) {
  const type = typeOf(one), isText = /str|bytes/.test(type);
  if (type !== typeOf(two) || /None|dict|other/.test(type)) throw new TypeError();
  if (type === 'number') return orEqual ? one <= two : one < two;
  const a = one.items, b = two.items;
  if (type === 'set') return a.every(part => isIn(part, two)) && (orEqual || a.length < b.length);
  const differ = a.findIndex((part, i) => i >= b.length || !(isText ? part === b[i] : isEqual(part, b[i])));
  if (differ < 0) return orEqual || a.length < b.length;
  return differ < b.length && (isText ? a[differ].codePointAt(0) < b[differ].codePointAt(0)
    : isBelow(a[differ], b[differ], orEqual));
}
function isIn(part, {type, items}) {
  if (!Array.isArray(items)) throw new TypeError();
  return items.some(other => isEqual(part, type === 'dict' ? other[0] : other));
}
function compare(one, sign, two) {
  if (sign === '==' || sign === '!=') return isEqual(one, two) === (sign === '==');
  if (sign[0] === '<') return isBelow(one, two, sign === '<=');
  if (sign[0] === '>') return isBelow(two, one, sign === '>=');
  const isText = /str|bytes/.test(typeOf(two));
  if (isText && typeOf(one) !== typeOf(two)) throw new TypeError();
  return (isText ? two.items.join('').includes(one.items.join('')) : isIn(one, two)) === (sign === 'in');
}
// The steps whose state passes a condition.
function stepsWhen(source) {
  const reader = new Reader(source), passes = reader.condition(), found = [];
  reader.need(/$/y, 'and, or or the end');
  const names = Array.from(reader.names), watched = names.map(() => new Watched());
  for (let step = 0, passed; step < total; step++) {
    const at = places[step];
    const moved = names.map((name, i) => watched[i].moved(lookUp(spaces[step], name, at, false), at));
    try {
      if (!step || moved.includes(true)) passed = passes(name => whole(watched[names.indexOf(name)].value, at));
    } catch (error) {  // no such name, or values that cannot be compared
      passed = false;
    }
    if (passed) found.push(step);
  }
  return found;
}
// The changes of a name of a function or (null) module, and of what is in it: {step: that finds the new value, space,
// old: the step that found the old one, or undefined}.
function changesOf(name, frame) {
  const found = [], watched = new Map();
  for (let step = 0; step < total; step++) {
    if (frame !== null && frameOf(spaces[step]) !== frame) continue;
    const space = frame === null ? moduleOf(spaces[step]) : spaces[step], at = places[step];
    if (!watched.has(space)) watched.set(space, new Watched());
    const known = watched.get(space);
    if (known.moved(lookUp(space, name, at), at)) {
      found.push({step, space, old: known.step});
      known.step = step;
    }
  }
  return found;
}
'''


##############################################################################
## 33. Page -- what it shows of it
##############################################################################
#
# Gives to those below the rest of the page: what is to be seen, and what can be pressed. All that came from the program
# is put in as text, never as HTML. With section Player it has at most 40 KB.

PAGE_STYLE = r'''
:root { --back: #fff; --panel: #f6f7f9; --ink: #1c2128; --soft: #5b6470; --line: #d3d8df; --link: #0b5cad;
  --now: #fff1b8; --edge: #d99a00; --past: #e6f2e8; --new: #b04a00; --bad: #b3261e; --error: #fdecea; --word: #7a3ea8;
  --text: #1f7a3d; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --back: #14171c; --panel: #1c2027; --ink: #e4e7eb; --soft: #9aa5b1;
  --line: #3a424d; --link: #7db7ff; --now: #4a3d0c; --past: #1f2f24; --new: #ffab70; --bad: #ff8a80;
  --error: #3a1d1c; --word: #d2a8ff; --text: #7ee2a0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.4 system-ui, sans-serif; }
pre, code, #code, .values, #stack, #calls, #test { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
header, nav, main, footer { padding: 8px 12px; }
h1 { font-size: 20px; margin: 0 8px 0 0; display: inline; }
h2, h3 { font-size: 13px; margin: 4px 0; }
ul, ol, pre, #status { list-style: none; margin: 0; padding: 0; }
li { overflow-wrap: anywhere; }
li ul { margin-left: 1ch; padding-left: 2ch; border-left: 1px solid var(--line); }
h2, del, .soft, .note, .number, .pager, #about, #notes, footer { color: var(--soft); }
#error { padding: 6px 10px; background: var(--error); border-left: 4px solid var(--bad); }
#failure, #found { color: var(--bad); overflow-wrap: anywhere; }
button, input, select { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line);
  border-radius: 6px; padding: 3px 9px; }
button:disabled { opacity: .4; }
.bare { border: 0; background: none; padding: 0 2px; text-align: left; }
nav { position: sticky; top: 0; z-index: 2; background: var(--back); border-bottom: 1px solid var(--line); }
.line { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }
#test { flex: 1; }
#profile { display: block; width: 100%; height: 26px; margin-top: 6px; background: var(--panel); }
#slider { width: 100%; margin: 0; display: block; accent-color: var(--link); }
#status { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
main, .column { display: grid; gap: 10px; grid-template-columns: minmax(0, 1fr); align-content: start; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 4px 10px 8px; }
#code { overflow: auto; max-height: 40vh; position: relative; }
.row { display: flex; white-space: pre; min-width: max-content; border-left: 3px solid transparent; }
.hit, button { cursor: pointer; }
.past { background: var(--past); }
.now, .here { background: var(--now); }
.now { border-color: var(--edge); }
.raised { background: var(--error); border-color: var(--bad); }
.number, .hits { flex: none; width: 5ch; padding-right: 1ch; text-align: right; user-select: none; }
.hits, .name, .rate { color: var(--link); }
.pager { font: 13px system-ui, sans-serif; padding-left: 2ch; }
.row .pager { position: sticky; right: 0; background: inherit; }
.pager button { padding: 0 8px; margin-right: 4px; }
.said { padding-left: 3ch; }
.said, #output b, .changed > .name, .changed > .label { color: var(--new); }
.changed > .name::before, .changed > .label::before { content: "\25CF\A0"; }
.word { color: var(--word); } .text { color: var(--text); }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.fold { width: 2ch; display: inline-block; }
.value, del { unicode-bidi: isolate; }
.mark { font-size: 11px; padding: 0 5px; margin-left: 5px; border: 1px solid var(--edge); border-radius: 8px; }
#output, #calls, .steps { max-height: 30vh; overflow: auto; }
@media (min-width: 900px) {
  main { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
  #code { max-height: calc(100vh - 320px); min-height: 220px; }
}
@media (max-width: 899px) {
  .column { display: contents; }
  #source { order: -2; } #known { order: -1; }
  #status { white-space: normal; }
}
@media print {
  .line, #slider, footer, .pager { display: none; }
  nav { position: static; }
  #code, #output, #calls, .steps { max-height: none; overflow: visible; }
}
'''
PAGE_SCRIPT = r'''
// ---- what is shown. All lists are made anew at each step; data-key is for the focus.

let current = 0, chosen = -1, shownFile = -1, listed = null, hits = null, open = [];
const toggled = new Map(), room = new Map(), marks = new Map(), rowsOf = [], $ = id => document.getElementById(id);
const errorStep = D.error >= first && D.error <= D.last ? D.error - first : -1;
const again = () => go(current), show = (id, ...inside) => $(id).replaceChildren(...inside);

// A new element. what: its class; or properties, and attributes where there is no such property.
function make(tag, what, ...inside) {
  const made = document.createElement(tag);
  if (typeof what === 'string') made.className = what;
  else for (const name in what) if (name in made) made[name] = what[name]; else made.setAttribute(name, what[name]);
  made.append(...inside);
  return made;
}
const button = (label, key, onclick, what) => make('button', {className: 'bare', type: 'button', onclick,
  'data-key': key, ...what}, label);
const fold = (path, isOpen, label) => button(isOpen ? '\u25be' : '\u25b8', 'f' + path, () => {
  toggled.set(path, !isOpen);
  again();
}, {className: 'bare fold', ariaExpanded: Boolean(isOpen), ariaLabel: 'What is in ' + label});
// As many items of a list as usual, around one, and a button for more.
function some(list, path, one, around = 0, usual = 100) {
  const most = room.get(path) || usual, from = Math.max(0, Math.min(around - most / 2, list.length - most));
  const found = list.slice(from, from + most).map(one), rest = list.length - found.length;
  if (rest) found.push(make('li', '', button(number(rest) + ' more', 'r' + path, () => {
    room.set(path, most * 9);
    again();
  })));
  return found;
}
// Buttons to the one before and after the current step in an ascending list of steps; what they are called.
function pager(steps, what) {
  const nth = below(steps, current + 1), at = [steps[below(steps, current) - 1], steps[nth]];
  return make('span', 'pager', ...['Previous ', 'Next '].map((way, i) => button('\u2039\u203a'[i], way + what, () =>
    go(at[i]), {className: '', disabled: at[i] === undefined, ariaLabel: way + what})),
  what + ' ' + number(nth) + ' of ' + number(steps.length));
}

function go(step) {
  const focus = document.activeElement.dataset.key, stack = [];
  current = step = Math.max(0, Math.min(total - 1, step));
  for (let call = callOf[step], site = sites[step]; call >= 0; call = calls[call][2]) {
    stack.push({call, site});
    site = calls[call][3] < first ? D.sites[calls[call][5]] : sites[calls[call][3] - first];
  }
  open = stack.map(row => row.call);
  const frame = stack.find(row => row.call === chosen) || stack[0], isInner = frame === stack[0];
  $('slider').value = $('step').value = first + step;
  for (const one of $('moves').children) one.disabled = step === (/first|back/i.test(one.ariaLabel) ? 0 : total - 1);
  const said = D.space < 0 ? '' : showNames(frame, isInner ? ownBefore[step] : -1);
  showSource(frame.site, isInner ? sites[ownBefore[step]] : undefined, said);
  const isNear = D.approximate.some(([from, to]) => from <= first + step && first + step <= to);
  show('status', (isNear ? '\u2248 ' : '') + clean(sites[step][4]) + (said && ' \u00b7 ' + said));
  showOutput();
  show('stack', ...some(stack, 'stack', ({call, site}) => {
    const act = () => { chosen = call; again(); }, ariaPressed = call === frame.call;
    return make('li', ariaPressed ? 'here' : '', button(clean(site[5]), 's' + call, act, {ariaPressed}));
  }));
  showCalls();
  if (listed) showChanges();
  if (hits) show('found', hits.length ? pager(hits, 'step') : 'No step passes.');
  const old = focus && document.querySelector('[data-key="' + CSS.escape(focus) + '"]');
  if (old) old.focus({preventScroll: true});
  clearTimeout(go.later);  // not too often
  go.later = setTimeout(() => history.replaceState(Array.from(toggled), '', '#' + (first + step)), 100);
}
function sourceRows(file) {
  return D.files[file][1].map((pieces, i) => {
    const ran = visitsOf(file, ++i).length, label = 'Line ' + i + ', ran ' + ran + ' times';
    return make('div', {className: ran ? 'row hit' : 'row', 'data-line': i}, ran ? button(number(ran), 'l' + i, null, {
      className: 'bare hits', tabIndex: -1, ariaLabel: label}) : make('span', 'hits'), make('span', 'number', i),
    make('code', '', ...pieces.map(([kind, piece]) => make('span', kind, shorter(clean(piece), 2000)))));
  });
}
function showFile(file) {
  rowsOf[file] = rowsOf[file] || sourceRows(file);
  if (file !== shownFile) show('code', ...rowsOf[file]);
  $('file').value = shownFile = file;
}
function showSource([event, line, file], before, said) {
  showFile(file);
  for (const row of $('code').querySelectorAll('.now, .past')) {
    row.classList.remove('now', 'past', 'raised');
    row.removeAttribute('aria-current');
    row.firstChild.tabIndex = -1;
    while (row.children.length > 3) row.lastChild.remove();
  }
  const row = rowsOf[file][line - 1], all = visitsOf(file, line), box = $('code'), top = row.offsetTop - box.scrollTop;
  if (before && before[2] === file) {
    const past = rowsOf[file][before[1] - 1];
    past.classList.add('past');
    if (said) past.append(make('span', 'said', shorter(said, 100)));
  }
  row.classList.add('now', event === 'exception' ? 'raised' : 'now');
  row.setAttribute('aria-current', 'step');
  row.firstChild.tabIndex = 0;
  if (all.length > 1) row.append(pager(all, 'visit'));
  if (top < 30 || top > box.clientHeight - 50) box.scrollTop = row.offsetTop - box.clientHeight / 2;
}
// Goes to the next or previous visit of a line.
function visit(line, way) {
  const all = visitsOf(shownFile, line), nth = way < 0 ? below(all, current) - 1 : below(all, current + 1);
  go(all[(nth + all.length) % all.length]);
}

// Shows the variables of a frame and its module; gives a text of what changed since the step `before`.
function showNames({call}, before) {
  const space = spaceOf(call), at = places[current], from = before < 0 ? at : places[before], said = [];
  const scopes = [space, moduleOf(space)].slice(frameOf(space) === '<module>' ? 1 : 0);
  const now = {at, from, touched: touchedBetween(from, at), seen: new Map()};
  for (const scope of scopes) for (const value of contentOf(scope, at).items.values()) countSeen(value, at, now.seen);
  show('names', ...scopes.flatMap((scope, i) => {
    const old = new Map(contentOf(scope, from).items), frame = scope === space ? frameOf(space) : null;
    const fixed = [], rows = [];
    for (const [key, value] of Array.from(contentOf(scope, at).items)) {
      const name = nameOf(key), row = values[value], path = (frame || '') + '/' + name;
      if (/^__.*__$/.test(name)) continue;
      const isFixed = row[2] === 'fixed' || objectOf(value) >= 0 && objects[row[1]][0] === 'class';
      const list = () => { listed = {name, frame}; showChanges(); };
      const label = button(clean(name), 'n' + path, list, {className: 'bare name', title: 'List its changes'});
      const item = valueItem(label, ' = ', value, path, now, before < 0 ? value : old.get(key));
      if (item.className && !isFixed) said.push(clean(name) + ' = ' + shorter(text(value, at), 40));
      (isFixed ? fixed : rows).push(item);
    }
    const path = 'fixed/' + i, isOpen = toggled.get(path), title = 'functions, classes, modules';
    if (fixed.length) rows.push(make('li', 'soft', fold(path, isOpen, title), title, ...isOpen ? fixed : []));
    return [make('h3', '', frame === null ? 'Globals' : 'In ' + clean(frame)), make('ul', 'values', ...rows)];
  }));
  return said.join(', ');
}
// Counts how often things are referred to.
function countSeen(value, at, seen) {
  for (const todo = [value]; todo.length && seen.size < 5000;) {
    const next = todo.pop(), times = (seen.get(next) || 0) + 1;
    seen.set(next, times);
    if (times > 1 || (objects[objectOf(next)] || '')[0] === 'class') continue;
    for (const [, part] of parts(next, at) || []) if (!isAtom(part)) todo.push(part);
  }
}
// A list item. old: the value before, undefined for none.
function valueItem(label, sign, value, path, now, old) {
  const {at, from, touched, seen} = now, object = objectOf(value), inner = parts(value, at);
  const isOpen = toggled.get(path);
  const isChanged = old !== value || touched.size && Array.from(reach(value, at)).some(inside => touched.has(inside));
  const item = make('li', isChanged ? 'changed' : '', inner && inner.length ? fold(path, isOpen, label.textContent)
    : make('span', 'fold'), label, sign, make('span', 'value', text(value, at)));
  if (object >= 0 && seen.get(value) > 1 && !/class|opaque/.test(objects[object][0])) {
    if (!marks.has(object)) marks.set(object, marks.size + 1);
    item.append(make('span', {className: 'mark', title: 'One object in several places'}, '#' + marks.get(object)));
  }
  if (isChanged && old !== undefined && old !== value) item.append(' ', make('del', '', text(old, from)));
  if (!inner || !isOpen) return item;
  const before = new Map(isChanged && old !== undefined && parts(old, from) || []);
  const length = object >= 0 && contentOf(object, at).length || inner.length;
  const items = some(inner, path, ([key, part], i) => key === ''
    ? valueItem(make('span', ''), '', part, path + '/' + i, now, part)
    : valueItem(make('span', 'label', key), ': ', part, path + '/' + key, now, isChanged ? before.get(key) : part));
  if (length > inner.length) items.push(make('li', 'soft', 'The others of ' + number(length) + ' are not here.'));
  item.append(make('ul', '', ...items));
  return item;
}

function showOutput() {
  const late = below(printed, current), box = $('output');
  let old = '', at = late;
  while (at > 0 && old.length < 20000) old = texts[--at] + old;
  const last = texts.slice(late, below(printed, current + 1)).join('');
  show('output', clean((at ? '...\n' : D.before) + old), make('b', '', clean(last)));
  box.scrollTop = box.scrollHeight;
}
// The tree of calls; of very deep ones the innermost.
function showCalls() {
  const branch = (list, path) => some(list, path, call => {
    const inner = callsIn[call], key = 'call' + call, isOpen = toggled.get(key) ?? open.includes(call);
    const begin = Math.max(0, calls[call][0] - first), name = clean(sites[begin][3]), ariaCurrent = call === open[0];
    return make('li', '', inner.length ? fold(key, isOpen, name) : make('span', 'fold'), button(name + ' '
      + number(first + begin), key, () => go(begin), {className: ariaCurrent ? 'bare here' : 'bare', ariaCurrent}),
    isOpen && inner.length ? make('ul', '', ...branch(inner, key)) : '');
  }, list.findIndex(call => open.includes(call)), 30);
  show('calls', ...branch(open.length > 20 ? [open[19]] : outermost, 'calls'));
}
function showChanges() {
  const {name, frame} = listed, isNew = !listed.rows, rows = listed.rows = listed.rows || changesOf(name, frame);
  const steps = rows.map(row => row.step), nth = below(steps, current + 1) - 1;
  const textAt = (space, step) => {
    const value = lookUp(space, name, places[step]);
    return value === undefined ? 'deleted' : text(value, places[step]);
  };
  $('history').hidden = false;
  show('of', 'Changes of ' + clean(name) + (frame === null ? '' : ' in ' + clean(frame)));
  const items = some(rows, 'changes', ({step, space, old}) => make('li', steps[nth] === step ? 'here' : '',
    button(number(first + step), 'h' + step, () => go(step), {className: 'bare name'}), ' line ',
    sites[Math.max(0, step - 1)][1], ': ', old === undefined ? '' : make('del', '', textAt(space, old)), ' ',
    textAt(space, step)), nth);
  show('history-list', pager(steps, 'change'), make('ul', 'values steps', ...items));
  if (isNew) { drawProfile(); $('history').scrollIntoView({block: 'nearest'}); }
}
function find(event) {
  event.preventDefault();
  hits = null;
  show('found');
  try {
    hits = $('test').value.trim() ? stepsWhen($('test').value) : null;
    go(hits && hits.length ? hits[below(hits, current) % hits.length] : current);
  } catch (error) {
    show('found', error.message);
  }
  drawProfile();
}
// The depth of calls along the run; the error, the changes that are listed, what was found, what is approximate.
function drawProfile() {
  const canvas = $('profile'), width = canvas.width = canvas.clientWidth, height = canvas.height = 26;
  const pen = canvas.getContext('2d'), style = getComputedStyle(document.body), most = total - 1 || 1;
  const x = step => 8 + step / most * (width - 16);
  const draw = (colour, step, top = 0, high = height, wide = 2) => {
    pen.fillStyle = style.getPropertyValue('--' + colour);
    pen.fillRect(x(step) - 1, top, wide, high);
  };
  for (let step = 0; step < total; step += Math.max(1, most / width / 4)) {
    const high = depths[Math.floor(step)] / deepest * 16;
    draw('line', step, height - high, high, Math.max(1, width / most));
  }
  for (const [from, to] of D.approximate) draw('now', from - first, 0, height, x(to) - x(from) + 1);
  for (const row of listed && listed.rows || []) draw('new', row.step, 0, 5);
  for (const step of hits || []) draw('link', step, 6, 5);
  if (errorStep >= 0) draw('bad', errorStep);
}

// ---- the start

function over(way) {  // to the next step that is not in a call made at this one
  let next = current + way;
  while (next >= 0 && next < total && !open.includes(callOf[next])) next += way;
  if (next >= 0 && next < total) go(next);
}
const MOVES = [['|\u00ab', 'First step', 'Home', () => go(0)],
  ['\u00ab', 'Back over calls', 'Shift+ArrowLeft', () => over(-1)],
  ['\u2039', 'Back', 'ArrowLeft', () => go(current - 1)],
  ['\u203a', 'Forward', 'ArrowRight', () => go(current + 1)], ['\u00bb', 'Forward over calls', 'Shift+ArrowRight', () =>
    over(1)], ['\u00bb|', 'Last step', 'End', () => go(total - 1)],
  ['Out', 'Out of the call', 'o', () => go(calls[callOf[current]][1] + 1 - first)]];
function press(event) {
  const {target} = event, key = (event.shiftKey ? 'Shift+' : '') + event.key;
  if (event.ctrlKey || event.altKey || event.metaKey || /text|number|select/.test(target.type)) return;
  const lines = Array.from(document.querySelectorAll('button.hits')), nth = lines.indexOf(target);
  const next = nth < 0 ? null : lines[nth + {ArrowUp: -1, ArrowDown: 1}[key]];
  const move = MOVES.find(row => row[2] === key);
  if (next) next.focus();
  else if (key === '/') $('test').focus();
  else if (key === 'e' && errorStep >= 0) go(errorStep);
  else if (move) move[3]();
  else return;
  event.preventDefault();
}
function start() {
  document.title = clean(D.title);
  for (const name of ['title', 'about', 'failure', 'trace']) show(name, clean(D[name]));
  for (const words of D.notes) $('notes').append(make('li', '', clean(words)));
  $('error').hidden = !D.failure;
  Object.assign($('to-error'), {hidden: errorStep < 0, onclick: () => go(errorStep)});
  for (const [sign, ariaLabel, key, act] of MOVES) $('moves').append(button(sign, key, act, {className: '', ariaLabel,
    title: ariaLabel + ': ' + key}));
  $('file').append(...D.files.map(([path], value) => make('option', {value}, clean(path))));
  Object.assign($('file'), {hidden: D.files.length < 2, onchange: () => showFile(Number($('file').value))});
  const goTo = event => go(Number(event.target.value) - first);
  for (const id of ['slider', 'step']) Object.assign($(id), {min: first, max: D.last, onchange: goTo});
  $('slider').oninput = goTo;
  $('code').onclick = event => {
    const row = event.target.closest('.hit');
    if (!row || event.target.closest('.pager') || !getSelection().isCollapsed) return;
    visit(row.dataset.line, event.shiftKey ? -1 : 1);
  };
  $('find').onsubmit = find;
  document.onkeydown = press;
  window.onresize = drawProfile;
  const fromHash = other => go((/^#\d+$/.test(location.hash) ? location.hash.slice(1) : other) - first);
  window.onhashchange = () => fromHash(first + current);
  for (const [path, isOpen] of history.state || []) toggled.set(path, isOpen);  // before it was loaded again
  fromHash(D.start);
  drawProfile();
}
if (total) { readLog(); start(); } else show('about', 'Nothing ran.');
'''
PAGE_HTML = r'''
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-@STYLE-HASH@';
 script-src 'sha256-@SCRIPT-HASH@'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A recorded run</title>
<style>@STYLE@</style>
</head>
<body>
<header>
  <h1 id="title"></h1> <span id="about"></span>
  <ul id="notes"></ul>
  <div id="error" hidden><strong id="failure"></strong> <button id="to-error" title="Key: e">Go to it</button>
    <details><summary>Traceback</summary><pre id="trace"></pre></details></div>
</header>
<nav aria-label="Steps">
  <div class="line"><span id="moves" class="line"></span> <label>Step <input type="number" id="step"></label></div>
  <canvas id="profile" aria-hidden="true"></canvas>
  <input type="range" id="slider" aria-label="Step">
  <p id="status" role="status"></p>
</nav>
<main>
  <div class="column">
    <section id="source" aria-label="Source">
      <h2>Source <select id="file" aria-label="File"></select></h2>
      <div id="code" role="group" aria-label="Lines, with how often each ran"></div>
    </section>
    <section id="said" aria-label="Output">
      <h2>Output</h2>
      <pre id="output" tabindex="0" aria-label="Output"></pre>
    </section>
  </div>
  <div class="column">
    <section id="known" aria-label="Variables"><h2>Variables</h2><div id="names"></div></section>
    <section id="history" aria-label="Changes" hidden>
      <h2 id="of"></h2><div id="history-list"></div>
    </section>
    <section aria-label="Find a step">
      <h2>Find a step</h2>
      <form id="find" class="line" role="search"><input type="text" id="test" aria-label="Condition" autocomplete="off"
        spellcheck="false" placeholder="total &gt; 9 and name == 'x'"><button>Find</button></form>
      <div id="found" role="status"></div>
    </section>
    <section aria-label="Call stack"><h2>Call stack</h2><ol id="stack"></ol></section>
    <section aria-label="Calls"><h2>Calls</h2><ul id="calls"></ul></section>
  </div>
</main>
<footer>Keys: &larr; &rarr; with Shift over calls, Home, End; o: out of the call; e: the error; /: find. Click a line
  for its visits (with Shift backward), a variable for its changes.</footer>
<script type="application/json" id="data">@DATA@</script>
<script>@SCRIPT@</script>
</body>
</html>
'''


##############################################################################
## 34. Export -- a recording as one HTML file
##############################################################################
#
# Gives to the user Recording.to_html(), `hotload --record --html FILE`, and more verbs for the prompt of -i.
#
# What the page gets is the recording's own log, with each thing that it names replaced by a number: values are
# looked up in one table, objects that change in another. So a page has deltas only; it makes its keyframes itself,
# for each object, when it comes by. Of large containers and texts it has the beginning, and how large they are.

ENTER_CODE, PRINT_CODE, SET_CODE, CUT_CODE, PUSH_CODE, SPLICE_CODE, PUT_CODE = range(-1, -8, -1)
LONGEST_PAGE, MOST_BYTES = 100000, 20000000     # steps and bytes, where the user does not say which steps
MOST_ITEMS, FEW_ITEMS = 10000, 100              # of a container; it has a few when it has been larger than that
MOST_LETTERS, MOST_PRINTED = 2000, 20000        # of a value's text; of what one call printed
# Keys of these types may be equal to others with another repr, as 1.0 and True are to 1, and u'a' is to 'a' on 2.7.
RISKY_TYPES = (float, complex, bool) + number_types[1:] + ((text_type,) if bytes is str else ())
EVENT_WORDS = {'line': 'Next is line %d', 'call': 'Called: line %d', 'return': 'Left: line %d',
               'exception': 'Exception in line %d'}
MIDDLE_DOT = b' \xc2\xb7 '.decode('utf-8')
OWN_REPR_MODULES = ('decimal', '_decimal', 'fractions', 'datetime', 'uuid', 'pathlib')


class Calls(object):
    """Which call each step of a recording belongs to.

    rows: [first step, last step, number of the call that it was made in or None, the last step of that one before it]
    of each call; of: for each step the number of its call.
    """

    def __init__(self, recording):
        self.recording, self.rows, self.of = recording, [], []
        steps, latest, open_calls = recording._index(), [], []
        for n, step in enumerate(steps):
            if open_calls and step.event != 'call' and not self._is_at(steps, open_calls[-1], step):
                places = [at for at, number in enumerate(open_calls) if self._is_at(steps, number, step)]
                del open_calls[places[-1] + 1 if places else 0:]        # calls that were left without a 'return'
            if step.event == 'call' or not open_calls:
                around = open_calls[-1] if open_calls else None
                open_calls.append(len(self.rows))
                self.rows.append([n, len(steps) - 1, around, None if around is None else latest[around]])
                latest.append(n)
            number = open_calls[-1]
            latest[number] = self.rows[number][1] = n
            self.of.append(number)
            if step.event == 'return':
                open_calls.pop()
        for number in open_calls:
            self.rows[number][1] = len(steps) - 1

    def _is_at(self, steps, number, step):
        begin = steps[self.rows[number][0]]
        return begin.frame == step.frame and begin.path == step.path

    def stack(self, n):
        """[(first step of a call, the step that it is at)] of the calls open at step n, the outermost first."""
        found, number, at = [], self.of[n], n
        while number is not None:
            found.insert(0, (self.rows[number][0], at))
            at, number = self.rows[number][3], self.rows[number][2]
        return found

    def over(self, n, way=1):
        """The next step (or, way=-1, the one before) that is not in a call made at step n; n at the end."""
        around, number = set(), self.of[n]
        while number is not None:
            around.add(number)
            number = self.rows[number][2]
        at = n + way
        while 0 <= at < len(self.of) and self.of[at] not in around:
            at += way
        return at if 0 <= at < len(self.of) else n

    def out(self, n):
        """The step after the call that step n belongs to; n where there is none."""
        end = self.rows[self.of[n]][1] + 1
        return end if end < len(self.of) else n


def error_step(recording):
    """The step at which the error was raised that ended the recording, the last one where that is not known; None
    when there is no error.
    """
    steps, error = recording._index(), recording.error
    if error is None or not steps:
        return None
    trace, place = traceback_of(error), None
    paths = set((step.path, step.frame) for step in steps)
    while trace is not None:
        code = trace.tb_frame.f_code
        if (code.co_filename, code.co_name) in paths:
            place = code.co_filename, code.co_name
        trace = trace.tb_next
    at = len(steps) - 1
    if place is not None:
        while at >= 0 and (steps[at].event != 'exception' or (steps[at].path, steps[at].frame) != place):
            at -= 1
        return at if at >= 0 else len(steps) - 1
    while at > 0 and steps[at].event in ('return', 'exception'):        # of a file: it has no traceback
        at -= 1
    found = [n for n in range(at, len(steps)) if steps[n].event == 'exception']
    return found[0] if found else len(steps) - 1


# ---- values as texts

def atom_text(part):
    """The repr of an atom, or ['s', repr of its beginning, its length] of a long one."""
    if type(part) in number_types and type(part) is not bool and part.bit_length() > 3 * MOST_LETTERS:
        return ['o', '<%s of %d bits>' % (type(part).__name__, part.bit_length())]
    if isinstance(part, (bytes, text_type)) and len(part) > MOST_LETTERS:
        return ['s', repr(part[:MOST_LETTERS]), len(part)]
    return repr(part)


def other_row(part):
    """The row for what is neither an atom nor an object that is followed; no code of the user's runs."""
    cls = type(part)
    if cls in (range_type, type(re.compile(''))) or cls.__module__ in OWN_REPR_MODULES:
        return ['o', repr(part)[:MOST_LETTERS]]
    if cls is FunctionType or cls in SELF_TYPES or isinstance(part, class_types + (type(sys),)):
        name = getattr(part, '__qualname__', getattr(part, '__name__', None))
        if isinstance(name, string_types):
            return ['o', '<%s %s>' % ('class' if isinstance(part, class_types) else cls.__name__, name), 'fixed']
        if cls in TEXT_TYPES:
            return ['o', '<%s>' % cls.__name__, 'fixed']
    getter = layout(cls)[0] if type(cls).__name__ in ('EnumMeta', 'EnumType') else None
    name = dict.get(getter(part), '_name_') if getter else None
    return ['o', '%s.%s' % (cls.__name__, name) if isinstance(name, string_types) else '<%s object at %#x>' % (
        cls.__name__, id(part))]


def is_risky_key(key):
    """Whether a key may be equal to one with another repr, as 1.0 and True are to 1."""
    kind = type(key)
    return kind in RISKY_TYPES or kind is tuple and any(map(is_risky_key, key))


class PageLog(object):
    """The log of a page, made of that of a recording from step `first` on.

    values: the table of values: a repr, or ['t' or 'z', numbers of the parts] of a tuple or frozenset, ['r', number
    of the object], ['s', repr of the beginning, length], ['o', text], and 'fixed' for functions, classes and modules.
    objects: [kind, type, address, content, length when that is cut, number of the object with its attributes, number
    of its plain value, names of its slots], ['space', function, number of its module's names, content]; content is as
    in the log's PUT.      log: numbers; 0 and above is a step at that site, else an operation: ENTER object; PRINT
    text; SET object, key or index, value; CUT object, key or index; PUSH object, value; SPLICE object, from, to,
    count, values; PUT object, length when that is cut, count, content.
    """

    def __init__(self, recording, first, last):
        self.recording, self.log = recording, []
        self.values, self.objects, self.sites, self.texts = [], [], Numbers(), Numbers()
        self.numbers, self.numbers_of_objects, self.todo, self.kept = {}, {}, [], []
        self.cut, self.mixed = {}, set()
        self.world, self.space = None, -1
        if first <= last:
            self.world, at = self._world_at(first)
        if self.world is not None:
            self.space = self.number_of(self.world.space)
            self.finish()
        if first <= last:
            self._play(at, last - first + 1)

    def _world_at(self, n):
        """(the World before step n, its place in the log); the World is None when no states were recorded."""
        recording = self.recording
        steps = recording._index()
        if recording.keyframes:
            chosen = max(bisect.bisect_right(recording._places, n) - 1, 0)
            world, at = World(recording.keyframes[chosen], recording.tokens), recording.keyframes[chosen].at
            return world, recording._play(world, at, n - recording._places[chosen])
        at = 0
        for _ in range(min(n + 1, len(steps))):
            while type(recording.log[at]) is not Site:
                at += recording.log[at].size
            at += 1
        return None, at - 1

    def spaces_of_calls(self, first):
        """{first step of a call before step `first`: the Space of its names}."""
        found, space, count, at, log = {}, None, 0, 0, self.recording.log
        while count < first and self.world is not None:
            entry = log[at]
            if type(entry) is Site:
                if entry.event == 'call':
                    found[count] = space
                count, at = count + 1, at + 1
            else:
                space = log[at + 1] if entry is ENTER else space
                at += entry.size
        return dict((n, space) for n, space in found.items() if space is not None)

    # -- values and objects

    def value(self, part):
        """The number of a value."""
        kind = type(part)
        if kind is float or kind is complex:
            key = kind, repr(part)
        elif kind in ATOMS:
            key = kind, part
        else:
            key = id(part)
            if kind is tuple:
                key = self._tuple_key(part, 0) or key
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = len(self.values)
            self.kept.append(part)              # its id stays its own
            self.values.append(None)
            self.values[found] = self._described(part, kind, found)
        return found

    def _tuple_key(self, part, depth):
        """What is the same for tuples of the same atoms; None for other tuples."""
        if depth > 4 or len(part) > 8 or not all(type(inner) in ATOMS or type(inner) is tuple for inner in part):
            return None
        parts = [self.value(inner) if type(inner) in ATOMS else self._tuple_key(inner, depth + 1) for inner in part]
        return None if None in parts else (tuple, tuple(parts))

    def _described(self, part, kind, number):
        if kind in ATOMS:
            return atom_text(part)
        if kind is tuple or kind is frozenset:
            self.todo.append((number, part))
            return ['t' if kind is tuple else 'z', []]
        if kind is Mark:
            return ['o', '<%s object at %#x>' % (part.name, part.id)]
        token = self.recording.tokens.get(id(part))
        if token is not None and self.world is not None:
            return ['r', self.number_of(token)]
        return ['o', ''] if part is MISSING else other_row(part)

    def number_of(self, token):
        """The number of an object that can change; finish() fills in its content."""
        found = self.numbers_of_objects.get(token)
        if found is None:
            found = self.numbers_of_objects[token] = len(self.objects)
            self.objects.append(None)
            self.todo.append((found, token))
        return found

    def finish(self):
        """Fill in what was numbered since the last time, as it is now."""
        while self.todo:
            number, part = self.todo.pop()
            if type(part) in (tuple, frozenset):
                self.values[number][1] = [self.value(inner) for inner in list(part)[:MOST_ITEMS]]
            elif type(part) is Space:
                row = ['space', part.home.frame, self.number_of(part.home.namespace)]
                self.objects[number] = row + [self._first_items(number, part)]
            else:
                self.objects[number] = self._object(number, part)

    def _object(self, number, token):
        part = token.obj
        cls = token.cls if isinstance(token.cls, type) else type(part)
        is_body = token.kind is INSTANCE and self.recording.tokens.get(id(part)) is not token
        name = part.__name__ if token.kind is CLASS else getattr(cls, '__name__', '?')
        row = [token.kind.name, str(name), '%#x' % id(part), self._first_items(number, token),
               len(self.world.content(token)) if number in self.cut else 0]
        if token.body is not None or token.kind is VALUE or token.kind is INSTANCE:
            plain = plain_value(part) if token.kind is VALUE else None
            row += [-1 if token.body is None else self.number_of(token.body),
                    -1 if token.kind is not VALUE else self.value(plain),
                    [slot for slot, _ in layout(cls)[1]] if token.kind is INSTANCE or is_body else []]
        return row

    def _first_items(self, number, token):
        content = self.world.content(token)
        if len(content) > MOST_ITEMS:
            self.cut[number] = None
        return self.items(number, token, content)

    def items(self, number, token, content):
        """The numbers that a content is made of, in one list."""
        kind, most = token.kind, FEW_ITEMS if number in self.cut else MOST_ITEMS
        if kind is VALUE or kind is OPAQUE:
            return []
        if not isinstance(content, dict):
            return [self.value(part) for part in itertools.islice(content, most) if type(part) is not Turned]
        if kind is SET_KIND:
            return [self.value(part) for part in itertools.islice(content.values(), most)]
        pairs, found = content.values() if type(content) is Keyed else content.items(), []
        for key, part in itertools.islice(pairs, most):
            if is_risky_key(key):
                self.mixed.add(number)
            if type(token) is not Space or not key.startswith('.'):     # the compiler's own names
                found += self.value(key), self.value(part)
        return found

    # -- the log

    def site(self, step):
        """The number of a Site."""
        return self.sites[step.event, step.line, step.path, step.frame]

    def _play(self, at, count):
        log, put, world = self.recording.log, self.log.append, self.world
        while True:
            entry = log[at]
            if type(entry) is Site:
                put(self.site(entry))
                count, at = count - 1, at + 1
                if count <= 0:
                    return
                continue
            if entry is PRINTED:
                self.log += PRINT_CODE, self.texts[cut_text(log[at + 1])]
            elif world is not None and type(entry) is not Skip:
                self._change(entry, log, at)
                if self.todo:
                    self.finish()
            at += entry.size

    def _change(self, entry, log, at):
        """Make one change in the World, and write it."""
        world = self.world
        if entry is ENTER:
            entry.play(world, log, at)
            self.log += ENTER_CODE, self.number_of(world.space)
        elif isinstance(entry, Bind):
            entry.play(world, log, at)
            number = self.number_of(world.space.home.namespace if entry.is_global else world.space)
            if not entry.name.startswith('.'):
                self.log += [CUT_CODE if type(entry) is Unbind else SET_CODE, number, self.value(entry.name)]
                if type(entry) is Bind:
                    self.log.append(self.value(log[at + 1]))
        else:
            number = self.numbers_of_objects.get(log[at + 1])
            if number is None:                  # what nothing in the page refers to so far
                entry.play(world, log, at)
            else:
                self._change_object(entry, log, at, number)

    def _change_object(self, op, log, at, number):
        token, operands = log[at + 1], log[at + 2:at + op.size]
        content, key, whole = self.world.content(token), operands[0], op is PUT or number in self.cut
        length, is_dict = len(content), isinstance(content, dict)
        if op is SET or op is CUT:
            if is_dict and type(content) is not Keyed and is_risky_key(key):
                self.mixed.add(number)
            whole = whole or type(content) is Keyed or number in self.mixed or (
                not is_dict and type(key) not in number_types)
        op.play(self.world, log, at)
        content = self.world.content(token)
        if whole or type(content) is Keyed or len(content) > MOST_ITEMS or type(key) is slice:
            return self._put_whole(number, token, content)
        if op is PUSH:
            self.log += PUSH_CODE, number, self.value(key)
        elif op is SPLICE:
            start, end, _ = slice(*operands[:2]).indices(length)
            values = [self.value(part) for part in operands[2]]
            self.log += [SPLICE_CODE, number, start, max(start, end), len(values)] + values
        else:
            at = self.value(key) if is_dict else key if key >= 0 else key + length
            self.log += [CUT_CODE, number, at] if op is CUT else [SET_CODE, number, at, self.value(operands[1])]

    def _put_whole(self, number, token, content):
        if len(content) > MOST_ITEMS:
            self.cut.setdefault(number, None)
        shown = [len(content) if number in self.cut else 0, self.items(number, token, content)]
        if number not in self.cut or self.cut[number] != shown:
            if number in self.cut:
                self.cut[number] = shown
            self.log += [PUT_CODE, number, shown[0], len(shown[1])] + shown[1]


def cut_text(text):
    """A printed text, or its beginning and how long it is."""
    text = text if isinstance(text, text_type) else text.decode('utf-8', 'replace')
    return text if len(text) <= MOST_PRINTED else text[:MOST_PRINTED] + '... (%d letters)\n' % len(text)


def page_data(recording, first, last):
    """The data of a page with the steps first..last, as JSON knows them: see PageLog, and `files`, [path, text or
    None]; `sites`, [event, line, number of the file, function]; `calls`, rows as those of Calls, with places in this
    list, -1 for None, and then the number of the object of the call's names, where it began before `first`, and of
    the site at which its caller was.
    """
    steps, calls, made = recording._index(), Calls(recording), PageLog(recording, first, last)
    chosen = [number for number, row in enumerate(calls.rows) if row[0] <= last and row[1] >= first]
    place, rows = dict((number, at) for at, number in enumerate(chosen)), []
    spaces = made.spaces_of_calls(first)
    for begin, end, around, before in [calls.rows[number] for number in chosen]:
        rows.append([begin, end, place.get(around, -1), -1 if before is None else before,
                     made.number_of(spaces[begin]) if begin in spaces else -1,
                     -1 if before is None else made.site(steps[before])])
    made.finish()
    files, main, texts, sites = Numbers(), recording.path(0), [], []
    for event, line, path, frame in made.sites.things:
        name, where = as_text(os.path.basename(path)), '' if frame == '<module>' else ' of ' + frame
        sites.append([event, line, files[path], frame, EVENT_WORDS[event] % line + where,
                      MIDDLE_DOT.join([as_text(frame), '%s:%d' % (name, line)])])
    for number, path in enumerate(files.things):
        data = recording.code if path == main and recording.code is not None else file_text(path)
        if data is None:
            data = '(its text is not here)'
        elif not isinstance(data, text_type):
            data = as_text(type(source_lines(data)[0])().join(source_lines(data)))
        texts.append([as_text(path), source_pieces(data, max(site[1] for site in sites if site[2] == number))])
    facts = error_facts(recording)
    facts.update(
        python=sys.version.split()[0], title=as_text(os.path.basename(main or 'nothing')),
        first=first, last=last, files=texts, sites=sites, calls=rows, values=made.values, objects=made.objects,
        log=made.log, texts=made.texts.things, space=made.space, notes=notes_of_page(recording, first, last),
        before=as_text(recording.output(first))[-MOST_PRINTED:] if first else '',
        approximate=[span[:2] for span in recording.approximate])
    facts['about'] = MIDDLE_DOT.join([grouped(len(steps)) + ' steps', 'Python ' + facts['python'],
                                      time.strftime('%Y-%m-%d %H:%M:%S')])
    return facts


def source_pieces(text, count):
    """The lines of a source text, at least so many, each a list of (kind, piece): 'note' (a comment), 'text', 'word',
    'rate' (a number) or ''.
    """
    import keyword
    lines, end = [[]], 0
    texts = '|'.join([r'"{3}[\s\S]*?"{3}', r"'{3}[\s\S]*?'{3}", r'"(?:\\[\s\S]|[^"\\\n])*"',
                      r"'(?:\\[\s\S]|[^'\\\n])*'"])
    pattern = re.compile(r'(?P<note>#.*)|(?P<text>%s)|\b(?P<word>(?:%s)\b)|\b(?P<rate>\d[\w.]*)|\w+' % (
        texts, '|'.join(keyword.kwlist)))

    def add(kind, piece):
        for at, part in enumerate(piece.split('\n')):
            if at:
                lines.append([])
            if part:
                lines[-1].append((kind, part))
    text = text.replace('\r\n', '\n').replace('\r', '\n').rstrip('\n')
    for match in pattern.finditer(text):
        add('', text[end:match.start()])
        add(match.lastgroup or '', match.group())
        end = match.end()
    add('', text[end:])
    return lines + [[] for _ in range(count - len(lines))]


def grouped(n):
    """A number with commas."""
    return '{:,}'.format(n)


def notes_of_page(recording, first, last):
    """What is to be known of a page, as texts."""
    notes, count = [as_text(note) for note in recording.notes], recording.steps()
    if last - first + 1 < count:
        notes.append('This page has the steps %s to %s only.' % (grouped(first), grouped(last)))
    if not recording.keyframes:
        notes.append('The run was recorded without states.')
    return notes + ['Approximate from step %s to %s: %s.' % (grouped(begin), grouped(end), as_text(why))
                    for begin, end, why in recording.approximate if begin <= last and end >= first]


def as_text(data):
    """A unicode text, whatever is in it."""
    return data if isinstance(data, text_type) else data.decode('utf-8', 'replace')


def error_facts(recording):
    """What a page tells of the error: {failure: a line, trace: its traceback, error: its step or None, start: step}."""
    error, trace, line = recording.error, '', ''
    try:
        if error is not None:
            trace = format_error(type(error), error, traceback_of(error))
            line = traceback.format_exception_only(type(error), error)[-1].strip()
    except Exception as failure:                # a __str__ of the user's that raises
        line = '%s (its text cannot be shown: %s)' % (type(error).__name__, type(failure).__name__)
    step = error_step(recording)
    return {'failure': as_text(line)[:MOST_LETTERS], 'trace': as_text(trace)[-MOST_PRINTED:], 'error': step,
            'start': 0 if step is None or isinstance(error, SystemExit) else step}


# ---- the file

def steps_of_page(recording, first, last, most):
    """(first, last) steps of a page: those asked for, or as many as may be around the error, or before the end."""
    end = recording.steps() - 1
    if end < 0:
        return 0, -1
    if first is None and last is None:
        at = error_step(recording)
        last = end if at is None else min(end, at + most // 10)
    if last is None:
        last = max(0, first) + most - 1
    last = max(0, min(last, end))
    return min(last, max(0, last - most + 1 if first is None else first)), last


def page_text(recording, first=None, last=None):
    """(the text of a page, its first and last step)."""
    import base64
    import hashlib
    import json
    most = LONGEST_PAGE
    if first is not None and last is not None and first > last:
        raise HotloadError('to_html(first=%r, last=%r): expected a first step that is not after the last' % (
            first, last))
    while True:
        begin, end = steps_of_page(recording, first, last, most)
        text = json.dumps(page_data(recording, begin, end), separators=(',', ':'))
        if len(text) <= MOST_BYTES or first is not None and last is not None or end - begin < 100:
            break
        most = (end - begin + 1) // 2           # large values: as many steps as there is room for
    for letter in '<>&':                        # so nothing in it can end the element that it stands in
        text = text.replace(letter, '\\u%04x' % ord(letter))
    page = PAGE_HTML
    for name, part in (('STYLE', PAGE_STYLE), ('SCRIPT', PLAYER_SCRIPT + PAGE_SCRIPT)):
        part = part.strip('\n') + '\n'
        known = base64.b64encode(hashlib.sha256(part.encode('ascii')).digest()).decode('ascii')
        page = page.replace('@%s-HASH@' % name, known).replace('@%s@' % name, part)
    return page.replace('@DATA@', text).lstrip('\n'), begin, end


def _to_html(self, path, first=None, last=None):
    """Write a page to walk through the run in a browser: one file, which needs no network; (first, last) of its steps.

    first, last: the steps that are in it. Default: all; of a long run the last 100,000, or those around its error;
    the page says so. The file is exchanged at once, so that a browser that reads it meanwhile has the old one.

    >>> record('x = 1').to_html('/no such folder/page.html')
    Traceback (most recent call last):
        ...
    HotloadError: /no such folder/page.html: cannot be written: No such file or directory
    """
    path, (text, first, last) = path_text(path), page_text(self, first, last)
    part = '%s.%d.part' % (path, os.getpid())
    try:
        with open(part, 'wb') as stream:
            stream.write(text.encode('ascii'))
        replace_file(part, path)
    except EnvironmentError as error:
        raise HotloadError('cannot be written: %s' % error.strerror, path=path)
    finally:
        with suppress(EnvironmentError):        # it is there when that failed, or a save ended the run meanwhile
            os.remove(part)
    return first, last


Recording.to_html = _to_html                     # here, because it stands on the page
[mode for mode in MODES if mode.name == 'record'][0].options.append(
    ('', 'html', 'FILE', 'after each run write FILE, a page to walk through it in a browser'))


# ---- the same at the prompt of -i

class CallCursor(Cursor):
    """A Cursor that knows the calls."""

    VERBS = Cursor.VERBS + ['over', 'out', 'stack', 'find', 'error']

    def __init__(self, recording):
        Cursor.__init__(self, recording)
        self.calls = Calls(recording)

    def over(self, steps=1):
        """Go forward, or back with over(-1), and not into calls."""
        n = self.n
        for _ in range(abs(steps)):
            n = self.calls.over(n, 1 if steps > 0 else -1)
        self.goto(n)

    def out(self):
        """Go on to the step after this call."""
        self.goto(self.calls.out(self.n))

    def stack(self):
        """Print the open calls, the outermost first."""
        for _, at in self.calls.stack(self.n) if self.recording.steps() else ():
            write(sys.stdout, 'step %d  %s\n' % (at, line_text(self.recording, at)))

    def find(self, test):
        """Go to the next step whose state passes a test, as in Recording.when(); says so when there is none."""
        later = [n for n in self.recording.when(test) if n > self.n]
        if not later:
            return write(sys.stdout, 'no step after %d passes\n' % self.n)
        self.goto(later[0])

    def error(self):
        """Go to the step at which the error was raised; without one to the last step."""
        at = error_step(self.recording)
        self.goto(self.recording.steps() - 1 if at is None else at)


RecordedScript.CURSOR = CallCursor


##############################################################################
## 35. Run -- start when this file is the program
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
