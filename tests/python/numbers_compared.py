# Ints and floats are compared exactly, are one key where they are equal, and hash as in CPython.
import math, itertools
print(hash(1) == hash(1.0) == hash(True), hash(0.0) == hash(-0.0) == hash(0), hash(2.0**62) == hash(2**62))
print(2**53+1 == float(2**53), float(2**53) == 2**53+1, 2**53 == float(2**53), 2**53+1 > float(2**53), 2**53+1 < float(2**53), 2**53+1 <= float(2**53), float(2**53) < 2**53+1, float(2**53) >= 2**53+1)
print(2**53+1 != float(2**53), (2**62-1+2**62) == float(2**62)*2, ((2**62-1+2**62)) < float(2**62)*2, -(2**62)*2 == -float(2**62)*2)
d = {1: 'a'}; d[1.0] = 'b'; d[True] = 'c'; print(d, len({1, 1.0, True}), {2**53+1: 1}.get(float(2**53)), {2**53: 1}.get(float(2**53)), {2**60: 1}.get(float(2**60)), {float(2**60): 1}.get(2**60))
print({0: 1}.get(-0.0), {-0.0: 1}, {0.0: 1}.get(0))
print(1 == 1.5, 1 < 1.5, 1 < float('nan'), 1 == float('nan'), 2**62 < float('inf'), -2**62 > float('-inf'), 1 > float('nan'), 1 != float('nan'))
print(max(2**53+1, float(2**53)), min([2**53+1, float(2**53)]), sorted([2**53+1, float(2**53), 2**53-1]))
print([2**53+1] == [float(2**53)], (2**53+1,) < (float(2**53),), float(2**53) in [2**53+1], [2**53+1].count(float(2**53)))
nan = float('nan'); print({nan: 1}.get(nan), {nan, nan}, nan in {nan})
print(hash('a') == hash('a'), hash((1, 2)) == hash((1.0, 2.0)), hash(None) == hash(None), hash(-1), hash(5), hash(-2), hash(2**61-1), hash(2**61), hash(-2**61), hash(1.5), hash(0.1), hash(float('inf')), hash(-float('inf')), hash(1e300), hash(-0.5), hash((2**62-1+2**62)))
print(math.gcd(), math.gcd(12), math.gcd(12, 18, 27), math.gcd(-4, 6), math.gcd(0, 0), math.lcm(4, 6, 10), math.lcm(), math.lcm(0, 3))
try: math.gcd(1.5, 2)
except TypeError as e: print(e)
for s, w in (('42', 5), ('-42', 5), ('+42', 6), ('', 3), ('-', 3), ('abc', 2), ('--1', 6), ('é', 3)): print(s.zfill(w), end=' ')
print()
for c in (itertools.count(), itertools.count(5, 2), itertools.count(1.5), itertools.count(0, 0.5), itertools.count(step=3), itertools.count(start=-2, step=-1)):
    print([next(c) for _ in range(4)], c)
