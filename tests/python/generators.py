import itertools
def countdown(n):
    while n > 0:
        yield n
        n -= 1
def chain(*iterables):
    for it in iterables:
        yield from it
def fib():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b
def take(n, it):
    return [x for _, x in zip(range(n), it)]
print(list(countdown(4)), list(chain("ab", [1, 2], countdown(2))), take(10, fib()))
def averager():
    total = count = 0
    average = None
    while True:
        x = yield average
        if x is None:
            return total
        total += x
        count += 1
        average = total / count
a = averager()
next(a)
print(a.send(10), a.send(20), a.send(33))
try:
    a.send(None)
except StopIteration as e:
    print("returned", e.value)
def outer():
    result = yield from averager_once()
    yield "got", result
def averager_once():
    x = yield 1
    y = yield 2
    return x, y
o = outer()
print(next(o), o.send("x"), o.send("y"))
def walk(tree):
    if isinstance(tree, list):
        for sub in tree:
            yield from walk(sub)
    else:
        yield tree
print(list(walk([1, [2, [3, 4], 5], [[6]]])))
squares = (x * x for x in range(10) if x % 2)
print(sum(squares), list(squares))
print(next(iter([]), "default"), list(map(lambda x, y: x + y, [1, 2], [10, 20])), list(zip("abc", range(5), "xyz", [True, False, None])))
print(list(itertools.chain([1], (2, 3))), list(itertools.islice(fib(), 5, 10)), list(itertools.product("ab", [1, 2])))
print(list(itertools.combinations([1, 2, 3], 2)), list(itertools.permutations("abc", 2))[:3], list(itertools.accumulate([1, 2, 3, 4])))
print([(k, list(g)) for k, g in itertools.groupby("aabbbc")], list(itertools.takewhile(lambda x: x < 3, itertools.count())), list(itertools.repeat("x", 3)))
print(list(itertools.zip_longest([1, 2, 3], "a", fillvalue="-")), list(itertools.islice(itertools.cycle("ab"), 5)), list(itertools.starmap(pow, [(2, 3), (3, 2)])))
def primes():
    found = []
    n = 2
    while True:
        if all(n % p for p in found if p * p <= n):
            found.append(n)
            yield n
        n += 1
p = primes()
print([next(p) for _ in range(12)])
def g():
    try:
        while True:
            try:
                x = yield
                print("received", x)
            except ValueError as e:
                print("thrown", e)
    finally:
        print("closing")
it = g()
next(it)
it.send(1)
it.throw(ValueError("boom"))
it.send(2)
it.close()
lines = ["a=1", "# comment", "", "b = 2"]
def strip(ls):
    for l in ls:
        yield l.strip()
def nocomment(ls):
    return (l for l in ls if l and not l.startswith("#"))
def pairs(ls):
    for l in ls:
        k, _, v = l.partition("=")
        yield k.strip(), int(v)
print(dict(pairs(nocomment(strip(lines)))))
class Tree:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right
    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right
t = Tree(4, Tree(2, Tree(1), Tree(3)), Tree(6))
print(list(t), max(t), sum(t), 3 in t, [*t], sorted(t, reverse=True))
first, *rest = t
print(first, rest)
