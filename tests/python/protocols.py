# What a class says of itself: properties, numbers, bound methods as keys, named tuples.
import operator
class T:
    def __init__(self): self._x = 1
    @property
    def x(self):
        return self._x
    @x.setter
    def x(self, v): self._x = v
    @x.deleter
    def x(self):
        print('deleting'); del self._x
t = T(); t.x = 5; print(t.x); del t.x; print(hasattr(t, '_x'))
try: t.x
except AttributeError as e: print(e)
t.x = 3
delattr(t, 'x'); print(hasattr(t, '_x'))
class U:
    @property
    def r(self): return 1
try: del U().r
except AttributeError as e: print(e)
try: U().r = 1
except AttributeError as e: print(e)
class R:
    def __round__(self, n=None): return ('round', n)
    def __trunc__(self): return 7
    def __floor__(self): return 8
    def __ceil__(self): return 9
    def __int__(self): return 11
    def __index__(self): return 3
    def __float__(self): return 2.5
    def __abs__(self): return 'abs'
    def __bool__(self): return False
    def __divmod__(self, o): return ('divmod', o)
    def __rdivmod__(self, o): return ('rdivmod', o)
    def __pos__(self): return '+'
    def __neg__(self): return '-'
    def __invert__(self): return '~'
import math
r = R()
print(round(r), round(r, 2), math.trunc(r), math.floor(r), math.ceil(r), int(r), float(r), abs(r), bool(r), divmod(r, 2), divmod(2, r), +r, -r, ~r)
class M:
    def f(self): pass
    def g(self): pass
    def __eq__(self, o): return True
    __hash__ = None
class N:
    def f(self): pass
    def g(self): pass
a, b = N(), N()
print(a.f == a.f, a.f == b.f, a.f == a.g, a.f is a.f, hash(a.f) == hash(a.f), len({a.f, a.f, a.g}), {a.f: 1}[a.f], a.f in [a.f], [a.f].index(a.f), a.f != a.f)
l = [1]
print(l.append == l.append, [].append == [].append, 'a'.upper == 'a'.upper)
m1, m2 = M(), M()
print(m1.f == m1.f, m1.f == m2.f)
from collections import namedtuple
P = namedtuple('P', 'x y')
p = P(1, 2)
print(p, p == (1, 2), (1, 2) == p, isinstance(p, tuple), p[0], p[-1], p[:1], len(p), list(p), p._replace(x=5), p._asdict(), p._fields, P._fields, hash(p) == hash((1, 2)), {(1, 2): 'k'}[p], {p: 1}[(1, 2)])
x, y = p; print(x, y, p.x, p.y, p.index(2), p.count(1), p + (3,), p * 2, 1 in p, p < (1, 3), sorted([P(2, 1), P(1, 2)]), max(p), tuple(p), P._make([3, 4]), p != P(1, 2), p != (1, 3), (0,) + p)
print('%s %s' % p, '{0.x} {0[1]}'.format(p), f'{p}', p is p, P(y=1, x=2), repr(p))
Q = namedtuple('Q', ['a', 'b', 'c'], defaults=[9])
print(Q(1, 2), Q._field_defaults)
try: p.x = 5
except AttributeError as e: print(type(e).__name__)
try: P(1)
except TypeError as e: print(e)
try: P(1, 2, 3)
except TypeError as e: print(e)
try: P(1, z=3)
except TypeError as e: print(e)
try: p._replace(z=1)
except (ValueError, TypeError) as e: print(e)
class Pt(namedtuple('Pt', 'x y')):
    def dist(self): return self.x + self.y
    def __str__(self): return f'<{self.x},{self.y}>'
q = Pt(3, 4); print(q.dist(), q, repr(q), q == (3, 4), q[1], isinstance(q, tuple), isinstance(q, Pt))

def star(*a): return a
print(star(*p), dict([p]), type(p).__name__, P.__name__, isinstance((1, 2), P), p == P(1.0, 2))
print(bool(P(0, 0)), not p, str(p), [p], {'k': p}, (p,))
for i, v in enumerate(p): print(i, v)
print(p[0:2] == (1, 2), type(p[0:2]).__name__, list(zip(p, 'ab')), reversed(p).__next__(), sum(p), ''.join(namedtuple('S', 'a b')('q', 'r')))
try: p[5]
except IndexError as e: print(e)
try: p[0] = 1
except TypeError as e: print(e)
from dataclasses import dataclass
@dataclass
class D:
    p: P
print(D(p), D(p) == D(P(1, 2)))
import copy
print(copy.copy(p), copy.deepcopy(p))

# what the methods behind bool, len, hash and sort return and take
class Odd:
    def __init__(self, answer): self.answer = answer
    def __bool__(self): return self.answer
    def __hash__(self): return self.answer
    def __eq__(self, other): return False
class Sized:
    def __init__(self, answer): self.answer = answer
    def __len__(self): return self.answer
def tried(f):
    try: print(f())
    except Exception as e: print(type(e).__name__, e)
for answer in (True, False, 1, 0, None, 'x', -1, True, 2.0):
    tried(lambda: bool(Odd(answer)))
    tried(lambda: 'yes' if Odd(answer) else 'no')
    tried(lambda: not Odd(answer))
    tried(lambda: (Odd(answer) and 1) == 1)
    tried(lambda: bool(Sized(answer)))
    tried(lambda: len(Sized(answer)))
    tried(lambda: 'yes' if Sized(answer) else 'no')
    tried(lambda: type(hash(Odd(answer))).__name__)
    tried(lambda: len({Odd(answer): 1}))
tried(lambda: [2, 1].sort(5))
tried(lambda: [2, 1].sort(None))
tried(lambda: [2, 1].sort(key=None, reverse=True))
class Falsy:
    def __bool__(self): print('asked'); return False
class Contains:
    def __contains__(self, x): return Falsy() if x else [x]
print(3 in Contains(), 3 not in Contains(), 0 in Contains(), hash(Odd(-1)))
print('yes' if 3 in Contains() else 'no', not 3 in Contains(), 3 in Contains() or 'or')
if 0 in Contains(): print('list')
