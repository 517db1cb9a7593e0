log = []
def f(n):
    try:
        if n == 0:
            return log
        if n == 1:
            raise KeyError('k')
        if n == 2:
            1 // 0
        log.append(n)
    except KeyError as e:
        log.append(repr(e))
        raise ValueError('from key')
    except ZeroDivisionError:
        log.append('zero')
    else:
        log.append('else')
    finally:
        log.append('fin')
    return n
for i in range(4):
    try:
        r = f(i)
    except ValueError as err:
        log.append(str(err))
        kept = err
        del kept
    finally:
        log.append('outer')
def deep(n):
    x = [n]
    if n == 0:
        raise RuntimeError('bottom')
    try:
        deep(n - 1)
    finally:
        x.append('unwound')
        log.append(x)
try:
    deep(4)
except RuntimeError:
    pass
while True:
    try:
        log.append('loop')
        if len(log) > 16:
            break
        continue
    finally:
        log.append('f')
def rec(n):
    return rec(n + 1) if n < 30 else log
rec(0)
try:
    {}['no']
except (KeyError, IndexError) as e:
    a = e.args
try:
    [].pop()
except IndexError:
    b = 1
class Ctx(object):
    def __enter__(self):
        log.append('enter')
        return log
    def __exit__(self, t, v, tb):
        log.append(t.__name__ if t else None)
        return True
with Ctx() as c, Ctx() as d:
    c.append(1)
    raise KeyError
def w():
    with Ctx() as c:
        for i in range(3):
            with Ctx():
                if i == 1:
                    return i
                c.append(i)
w()
assert log, 'no'
log.append(1 / 0)
