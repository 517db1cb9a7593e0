builtins_space = vars(sys.modules['__builtin__' if PY2 else 'builtins'])
ATOM_TYPES = [int, float, complex, bool, str, bytes, text_type, type(None), type(Ellipsis),
    type(NotImplemented)] + (
    [long] if PY2 else [])                                      # noqa: F821
number_types = (int, long) if PY2 else (int,)                   # noqa: F821
# Comprehensions run in the frame around them (2.7: those that make a list); `with` is left on the line of
# its body.
COMPREHENSIONS_INLINE, WITH_ENDS_IN_BODY = sys.version_info >= (3, 12), sys.version_info < (3, 10)
DICTS_ARE_ORDERED = sys.version_info >= (3, 6)
SlotType = type(type(str('Slotted'), (object,), {'__slots__': (str('slot'),)}).slot)
MARKED_TYPES = [type(part for part in ())]      # they run `finally` blocks when the last reference goes
if not PY2:
    _made = {}
    for _text in ('async def wait(): pass', 'async def each(): yield'):
        with suppress(SyntaxError):             # 3.4, 3.5
            exec(_text, _made)
    MARKED_TYPES += [type(_made.pop(name)()) for name in ('each',) if name in _made]
HAS_WIDE_IDENTS = sys.version_info >= (3, 7)
range_type = xrange if PY2 else range               # noqa: F821
HEAP_TYPE = 1 << 9                              # in a class's __flags__: made by a class statement
if PY2:
    from collections import Sequence
    from itertools import imap as lazy_map
else:
    from collections.abc import Sequence
    lazy_map = map


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
