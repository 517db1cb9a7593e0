def outer():
    items = []
    n = 0
    def add(x):
        items.append(x)
        return inner()
    def inner():
        return len(items), n
    n = 5
    add(1)
    r = add(2)
    items.append('outer')
    n = 6
    return add, inner, r
add, inner, r = outer()
add('late')
inner()
fs = [lambda i=i: i for i in range(3)]
vals = [f() for f in fs]
gs = [lambda: i for i in range(3)]
def deco(f):
    calls = []
    def wrap(*a):
        calls.append(a)
        return f(*a) + len(calls)
    wrap.calls = calls
    return wrap
@deco
def fn(x):
    return x * 2
a = fn(1)
b = fn(2)
c = fn.calls
fn.calls.append('x')
fn(3)
def default(x, acc=[]):
    acc.append(x)
    return acc
d1 = default(1)
d2 = default(2)
d1.append('shared')
memo = {}
def fib(n):
    if n not in memo:
        memo[n] = n if n < 2 else fib(n - 1) + fib(n - 2)
    return memo[n]
fib(6)
