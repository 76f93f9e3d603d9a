from functools import partial, reduce
import operator
def make_counter(start=0, *, step=1):
    count = start
    def counter():
        nonlocal count
        count += step
        return count
    def reset(to=start):
        nonlocal count
        count = to
    counter.reset = reset
    return counter
c = make_counter(step=2)
print(c(), c(), c())
c.reset()
print(c())
def compose(*fs):
    return reduce(lambda f, g: lambda x: f(g(x)), fs)
print(compose(str, lambda x: x + 1, abs)(-5))
adders = [lambda x, n=n: x + n for n in range(3)]
late = [lambda x: x + n for n in range(3)]
print([f(10) for f in adders], [f(10) for f in late])
def kw(a, b=2, *args, c, d=4, **kwargs):
    return a, b, args, c, d, sorted(kwargs.items())
print(kw(1, c=3), kw(1, 2, 3, 4, c=5, e=6, z=0), kw(*[1, 2], **{"c": 3, "q": 9}))
for bad in [lambda: kw(), lambda: kw(1), lambda: kw(1, c=1, a=2), lambda: make_counter(1, 2), lambda: make_counter(x=1)]:
    try:
        bad()
    except TypeError as e:
        print(e)
def pos_only(a, b, /, c, *, d):
    return a + b + c + d
print(pos_only(1, 2, c=3, d=4), partial(pos_only, 1, 2)(3, d=4))
print(reduce(operator.mul, range(1, 6)), reduce(lambda a, b: a + b, [[1], [2]], []))
def apply(f, *args, **kwargs):
    return f(*args, **kwargs)
print(apply(max, 3, 9, 2), apply(sorted, [3, 1, 2], reverse=True), apply(dict, a=1))
x = "global"
def outer():
    x = "outer"
    def inner():
        return x
    def shadow():
        x = "shadow"
        return x
    def glob():
        global x
        x = "changed"
        return x
    return inner(), shadow(), glob(), x
print(outer(), x)
def default_trap(item, bag=[]):
    bag.append(item)
    return bag
print(default_trap(1), default_trap(2), default_trap(3, []))
def decorate(prefix):
    def wrap(f):
        def inner(*a, **k):
            print(prefix, f.__name__, a, k)
            return f(*a, **k)
        return inner
    return wrap
@decorate(">>")
@decorate("--")
def add(a, b=1):
    return a + b
print(add(1), add(2, b=3))
def counter_class():
    class Local:
        n = 0
        def inc(self):
            Local.n += 1
            return self
    return Local
L = counter_class()
print(L().inc().inc().n, L.__name__)
print((lambda *a, **k: (a, k))(1, 2, x=3))
print(list(map(operator.itemgetter(1), [(1, "a"), (2, "b")])), sorted([{"n": 2}, {"n": 1}], key=operator.itemgetter("n")))
try:
    def f():
        print(y)
        y = 1
    f()
except UnboundLocalError as e:
    print(e)
print([f.__name__ for f in (make_counter, add, compose)], kw.__defaults__, max.__name__)
def varnames(n): return n if n == 0 else varnames(n - 1)
print(varnames(50))
