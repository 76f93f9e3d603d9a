# `itertools`, and what iterators of C do that generators would not.
from itertools import chain, islice, accumulate, cycle, repeat, takewhile, dropwhile, filterfalse, compress, starmap, pairwise, zip_longest, groupby, tee, product, combinations, permutations, combinations_with_replacement
print(list(chain('ab', [1], ())), list(chain.from_iterable([[1], 'x'])), list(chain()))
print(list(islice('abcdef', 3)), list(islice('abcdef', 1, 4)), list(islice('abcdef', 1, None, 2)), list(islice('abc', 0)), list(islice('abcdef', 5, 2)), list(islice('abc', None)))
it = iter('abcdefgh'); print(list(islice(it, 0, 5, 3)), list(it))
it = iter('abcdefgh'); print(list(islice(it, 2, 2)), list(it))
it = iter('abcdefgh'); print(list(islice(it, 5, 2)), list(it))
for bad in ((-1,), (0, -1), (0, 1, 0)):
    try: islice('abc', *bad)
    except ValueError as e: print(e)
print(list(accumulate([1, 2, 3])), list(accumulate([1, 2, 3], lambda a, b: a * b, initial=10)), list(accumulate([])), list(accumulate([], initial=3)), list(accumulate([None, 1], lambda a, b: (a, b))))
c = cycle('ab'); print([next(c) for _ in range(5)], list(cycle([])))
print(list(repeat(1, 3)), list(repeat(1, -1)), repeat('x'), repeat(2, 3), list(map(pow, range(3), repeat(2))), list(repeat(object=1, times=2)))
print(list(takewhile(lambda x: x < 3, [1, 2, 3, 1])), list(dropwhile(lambda x: x < 3, [1, 2, 3, 1])), list(filterfalse(None, [0, 1, ''])), list(filterfalse(lambda x: x % 2, range(5))))
print(list(compress('abcd', [1, 0, 1])), list(starmap(pow, [(2, 3), (3, 2)])), list(pairwise('abc')), list(pairwise('a')), list(pairwise('')))
print(list(zip_longest('ab', 'c', fillvalue='-')), list(zip_longest()), list(zip_longest('', 'ab')))
print([(k, list(g)) for k, g in groupby('aabca')], [list(t) for t in tee('ab', 3)])
print(list(product('ab', repeat=2)), list(product()), list(product('ab', [])), list(combinations('abc', 2)), list(permutations('abc', 2)), list(combinations_with_replacement('ab', 2)))
p = product(iter([1, 2]), 'a'); print(next(p), list(p))
src = iter([1, 2, 3]); p = permutations(src, 1); print(list(src))
for name in (chain(), islice('', 1), accumulate([]), cycle(''), repeat(1), takewhile(bool, ''), dropwhile(bool, ''), filterfalse(bool, ''), compress('', ''), starmap(pow, ''), pairwise(''), zip_longest()): print(type(name).__name__, end=' ')
print()
try: chain(3).__next__()
except TypeError as e: print(e)
try: takewhile(bool, 3)
except TypeError as e: print(e)
print(iter('ab').__next__(), next(reversed(range(0, 10, 3))), list(reversed(range(5, 0, -2))), list(reversed(range(0))), list(reversed('abc')), list(reversed({1: 2, 3: 4})), list(reversed({1: 2, 3: 4}.values())), list(reversed({1: 2}.items())))
def f():
    yield from map(str, [1, 2])
    yield from zip('a', 'b')
print(list(f()))
def g(n):
    for i, (a, b) in enumerate(zip(range(n), range(n, 0, -1)), 1):
        if a == 2: break
        yield i, a, b
print(list(g(5)))
print(sum(map(int, '123')), max(map(len, ['a', 'bbb'])), sorted(filter(None, [3, 0, 1])), dict(zip('ab', [1, 2])), set(map(abs, [-1, 1])), tuple(enumerate('ab')), ''.join(map(str, range(3))), [*map(str, [1])], any(map(lambda x: x > 1, [1, 2])), 3 in map(int, '123'))
a, b = map(int, '12'); print(a, b)
m = map(int, '123'); print(2 in m, list(m))
print(min(zip([3, 1], 'ab')), list(map(None.__class__, [])) if False else 0)
it = iter(iter, 1) if False else iter([].append, 1)
n = [0]
def count():
    n[0] += 1
    if n[0] == 2: raise KeyError('k')
    return n[0]
it = iter(count, 4)
print(next(it))
try: next(it)
except KeyError as e: print('k')
print(list(it), list(it))
class S:
    def __getitem__(self, i):
        if i == 1 and n[0] == 4:
            n[0] = 9
            raise KeyError('k')
        if i > 2: raise IndexError
        return i
it = iter(S())
print(next(it))
try: next(it)
except KeyError as e: print('k')
print(list(it), list(it))
# what is taken no earlier than it is asked for
from itertools import groupby, tee, product
def told(items):
    for x in items:
        print('takes', x)
        yield x
groups = groupby(told([1, 1, 2, 2, 3]))
k, g = next(groups)
print(k, next(g))
k2, g2 = next(groups)
print(k2, list(g), list(g2), next(groups)[0], list(g2))
print([(k, list(g)) for k, g in groupby('aAbB', str.lower)], list(groupby([])))
kept = [(k, g) for k, g in groupby([1, 1, 2])]
print([(k, list(g)) for k, g in kept])
a, b = tee(told('xyz'))
print(next(a), next(a), next(b))
print(list(b), list(a), list(b))
a, b, c = tee([1, 2, 3], 3)
next(a)
d, e = tee(a)
print(list(a), list(b), list(c), list(d), list(e), tee([], 0))
try: tee([], -1)
except ValueError as err: print(err)
p = product(range(1000), repeat=3)
print(next(p), next(p))
print(list(product()), list(product('ab', [])), list(product('ab', (1, 2))), list(product([0, 1], repeat=2)), list(product('x', repeat=0)))
