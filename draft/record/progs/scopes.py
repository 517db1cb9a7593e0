g = [0]
def rebinding():
    global g, h
    g = [1]
    g.append(2)
    h = g
    g += [3]
    del h
    h = 5
    for g in range(2):
        pass
    import math as h
    class g(object):
        pass
rebinding()
def kill():
    global zz
    zz = 1
    zz += 1
    del zz
    try:
        zz
    except NameError as e:
        msg = str(e)
    return msg
m = kill()
globals()['dyn'] = [1]
globals()['dyn'].append(2)
dyn.append(3)
globals().update(extra={'a': 1})
extra['b'] = 2
del globals()['extra']
def loc():
    x = 1
    y = locals()
    z = [y['x']]
    del x
    return z
loc()
exec('ex = [1]')
exec('ex.append(2)')
ex.append(3)
eval('ex.append(4)')
q = eval('[i for i in ex]')
