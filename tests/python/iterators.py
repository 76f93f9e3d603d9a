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
