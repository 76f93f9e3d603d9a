# `map`, `zip` and their kin are objects: after an error they go on, and may be asked for more meanwhile.
def f(x):
    if x == 2: raise ValueError('two')
    return x * 10
m = map(f, [1, 2, 3])
print(next(m))
try: next(m)
except ValueError as e: print(e)
print(next(m), list(m))
def g(x):
    if x == 2: raise ValueError('two')
    return x % 2
fl = filter(g, [1, 2, 3, 4, 5])
print(next(fl))
try: next(fl)
except ValueError as e: print(e)
print(list(fl))
class It:
    def __init__(self): self.n = 0
    def __iter__(self): return self
    def __next__(self):
        self.n += 1
        if self.n == 2: raise KeyError('n')
        if self.n > 4: raise StopIteration
        return self.n
for make in (lambda i: zip(i, 'abcdef'), lambda i: enumerate(i), lambda i: map(lambda *a: a, i, 'abcdef'), lambda i: zip('abcdef', i)):
    z = make(It())
    print(next(z))
    try: next(z)
    except KeyError as e: print('key', e)
    print(list(z))
m = map(lambda x: next(m) if x == 1 else x, [1, 5, 6])
print(next(m), list(m))
import itertools
t = itertools.takewhile(f, [1, 2, 3, 0, 4])
print(next(t))
try: next(t)
except ValueError as e: print(e)
print(list(t))
c = itertools.chain(It(), 'ab')
print(next(c))
try: next(c)
except KeyError as e: print('key', e)
print(list(c))
s = itertools.starmap(f, [(1,), (2,), (3,)])
print(next(s))
try: next(s)
except ValueError as e: print(e)
print(list(s))
a = itertools.accumulate([1, 2, 3, 4], lambda a, b: f(b) + a)
print(next(a))
try: next(a)
except ValueError as e: print(e)
print(list(a))
i = itertools.islice(It(), 0, 4)
print(next(i))
try: next(i)
except KeyError as e: print('key', e)
print(list(i))
# StopIteration out of the function ends map
def stop(x):
    if x == 2: raise StopIteration
    return x
print(list(map(stop, [1, 2, 3])))
m = map(stop, [1, 2, 3])
print(next(m), next(m, 'end'), next(m, 'end2'))
print(list(filter(lambda x: stop(x), [1, 2, 3])))
r = reversed([1, 2, 3])
print(iter(r) is r, next(r), list(r))
print(hasattr(map(str, []), 'send'), hasattr(zip(), '__next__'))
print(type(map(str, [])).__name__, type(zip()).__name__, type(enumerate([])).__name__, type(filter(None, [])).__name__, type(reversed('a')).__name__)
try: map(str)
except TypeError as e: print(e)
try: zip(1)
except TypeError as e: print(e)
try: zip([], 3)
except TypeError as e: print(e)
try: map(str, 3)
except TypeError as e: print(e)
try: enumerate(3)
except TypeError as e: print(e)
try: list(zip([1], [1, 2], strict=True))
except ValueError as e: print(e)
try: list(zip([1, 2], [1], strict=True))
except ValueError as e: print(e)
print(list(zip()), list(zip('ab')), list(map(lambda: 1)) if False else '')
class Bad:
    def __iter__(self): print('iter called'); return iter([1, 2])
m = map(str, Bad()); print('made'); print(list(m))
z = zip(Bad(), Bad()); print('made'); print(list(z))
e = enumerate(Bad(), 5); print('made'); print(list(e))
class Seq:
    def __len__(self): return 3
    def __getitem__(self, i):
        if i == 1: raise KeyError('one')
        return i
r = reversed(Seq())
print(next(r))
try: next(r)
except KeyError as e: print(e)
print(next(r, 'end'), next(r, 'end'))
# iterators that hold iterators, shared and one in the other
a = iter([1, 2, 3, 4, 5])
z = zip(a, a)
print(next(z), next(a), list(z), list(a))
a, b = iter(range(5)), iter('ab')
z = zip(a, b)
print(list(z), next(a), list(z), next(a, 'no'))
e = enumerate(zip([1, 2], 'xy', {5: 6, 7: 8}.items()), 10)
print(iter(e) is e, e.__next__(), list(e), next(e, 'end'))
for i, (x, (j, y)) in enumerate(zip('pq', enumerate('rs', -1))): print(i, x, j, y)
print(list(zip(itertools.count(3), 'abc')), list(zip(itertools.count(0.5), 'ab')), list(enumerate('ab', True)))
d = {1: 2, 3: 4}
try:
    for i, k in enumerate(d): d[k + 10] = i
except RuntimeError as err: print(i, k, err)
growing = [1, 2]
for i, x in enumerate(growing):
    if i < 4: growing.append(x * 10)
print(growing)
m = map(lambda x: 10 // x, [1, 0, 5])
print(next(m))
try: next(m)
except ZeroDivisionError as err: print(err)
print(next(m), next(m, 'end'))
print(list(map(str, map(abs, [-1, 2]))), list(map(lambda p: p[0] + p[1], zip([1, 2], [3, 4]))), dict(map(lambda i: (i, str(i)), range(3))))
deep = [1, 2]
for _ in range(100): deep = enumerate(deep)
x = next(deep)
for _ in range(100): x = x[1]
print(x, len(list(deep)))
print(max(enumerate([3, 9, 4]), key=lambda p: p[1]), sum(map(int, '123')), sorted(zip('ba', [1, 2])), dict(zip('ab', (1, 2))), any(map(str.isdigit, 'a1')))
try: next(zip())
except StopIteration: print('stop')
i0, *rest = enumerate('abc'); print(i0, rest, (1, 'b') in enumerate('ab'), ''.join(map(str, [1, 2])))
print(type(enumerate([])) is type(enumerate('')), type(zip([])) is type(enumerate([])), str(type(map(str, []))))
for kind, made in ((map, map(str, [])), (map, map(str, (x for x in ''))), (zip, zip()), (zip, zip('a')), (zip, zip((x for x in ''))), (filter, filter(None, [])), (enumerate, enumerate('')), (enumerate, enumerate(iter([]))), (reversed, reversed('a'))):
    print(kind, isinstance(made, kind), type(made) is kind, isinstance(made, (list, kind)), isinstance(made, type(zip('a'))), kind.__name__)
try: enumerate('ab', 1.5)
except TypeError as e: print(e)
# what a map calls may be C: it may wait, enter Python, end the map, or ask an object for its hash
import time, threading, queue
print(list(map(time.sleep, [0.001, 0.001])), any(map(time.sleep, [0.001])), tuple(map(time.sleep, [0.001])), [*map(time.sleep, [0.001])])
q = queue.Queue(1)
taken = []
taker = threading.Thread(target=lambda: taken.extend([q.get() for _ in range(5)]))
taker.start()
for x in map(q.put, range(5)): pass
taker.join()
print(taken)
ts = [threading.Thread(target=taken.append, args=(n,)) for n in (7, 8)]
for _ in map(threading.Thread.start, ts): pass
print([x for x in map(threading.Thread.join, ts)], sorted(taken))
m = map(q.get, [True, True])
later = threading.Thread(target=lambda: (time.sleep(0.01), q.put(1), q.put(2)))
later.start()
print(next(m), next(m), next(m, 'end'))
later.join()
class Long:
    def __len__(self): return 2
    def __str__(self): return 'long'
    def __bool__(self): return True
    def __hash__(self): return 5
    def __eq__(self, other): return isinstance(other, Long)
def through(f):
    yield from map(f, [Long(), Long()])
print(list(through(len)), list(through(str)), list(through(bool)), list(map({Long(): 'x'}.get, [Long(), 1])))
print(list(map(next, [iter([1]), iter([]), iter([3])])), next(map(next, [iter([])]), 'end'))
it = iter(range(10))
print([tuple(map(next, [it] * 4)) for _ in range(3)])
class Many(Long):
    def __init__(self, n): self.n = n
print([x.n for x in map(Many, [1, 2])], list(through(lambda x: type(x).__name__)), [type(x).__name__ for x in map(lambda n: (yield n), [1])])
# a step of an enumerate takes the item first; a zip of zips is no bomb
print(list(enumerate('ab', 9223372036854775805)), list(enumerate('', 9223372036854775807)))
z = itertools.count()
for _ in range(9): z = zip(z, z)
x = next(z)
for _ in range(9): x = x[1]
print(x)
