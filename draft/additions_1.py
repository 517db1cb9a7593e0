FunctionType, CodeType = type(list_folder), type(list_folder.__code__)
CellType = type((lambda value: lambda: value)(0).__closure__[0])
class_types = (type, type(re.Scanner)) if PY2 else (type,)      # 2.7: of the old style too, as re.Scanner is
# The variables of list comprehensions; `import x` looks in the package first.
LISTS_LEAK, IMPORTS_ARE_RELATIVE = PY2, PY2
CODE_PARTS = ['co_' + part for part in (
    'argcount kwonlyargcount nlocals stacksize flags code consts names varnames filename name firstlineno lnotab freevars '
    'cellvars').split() if hasattr(CodeType, 'co_' + part)]
FUNCTION_PARTS = [part for part in ('__defaults__', '__kwdefaults__', '__annotations__', '__doc__')
                  if hasattr(list_folder, part)]


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
        try:
            import ctypes
            ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
        except (ImportError, AttributeError):
            pass


def documentation(code):
    """The docstring in a function's code object, or None."""
    first = code.co_consts[0] if code.co_consts else None
    if make_cell.__code__.co_flags & 0x4000000:         # 3.13: a flag tells; before, the first constant is it or None
        return first if code.co_flags & 0x4000000 else None
    return first if isinstance(first, string_types) else None
