# Inheritance, protocols, and what changes while it is iterated.
def err(f, *a):
    try: return f(*a)
    except BaseException as e: return type(e).__name__ + ': ' + str(e)
class Base:
    kind = 'base'
    def __init__(self, *a, **k): self.a, self.k = a, k
    def __str__(self): return self.kind + str(self.a)
    @property
    def p(self): return self._p if hasattr(self, '_p') else 'unset'
    @p.setter
    def p(self, v):
        if v < 0: raise ValueError('neg')
        self._p = v
    @classmethod
    def make(cls, *a): return cls(*a)
    @staticmethod
    def st(): return 'st'
class Kid(Base):
    kind = 'kid'
    def __init__(self, x): super().__init__(x, y=1); self.x = x
    @property
    def p(self): return ('kid', 1)
    @classmethod
    def make(cls, x): return super().make(x)
    def __str__(self): return '<' + super().__str__() + '>'
b, k = Base(1), Kid(2)
print(b, k, b.p, k.p, Kid.make(3), k.st(), Base.st(), err(lambda: setattr(k, 'p', 1)), k.k)
b.p = 5; print(b.p, err(lambda: setattr(b, 'p', -1)), isinstance(Base.__init__, object))
print(type(k) is Kid, type(k) == Kid, isinstance(k, (int, Base)), issubclass(Kid, (Base, str)), Kid.__bases__ == (Base,), k.__class__.__name__, Kid.__qualname__, getattr(k, 'kind'), Kid.kind, Base.make.__func__ is not None)
class Abs:
    def run(self): raise NotImplementedError('sub')
print(err(Abs().run))
from abc import ABC, abstractmethod
class Sh(ABC):
    @abstractmethod
    def area(self): ...
    @property
    @abstractmethod
    def name(self): ...
class Ci(Sh):
    def area(self): return 3
    name = 'ci'
print(err(Sh), Ci().area(), Ci().name)
class Point:
    __slots__ = ('x', 'y')
    def __init__(self, x, y): self.x, self.y = x, y
print(err(lambda: setattr(Point(1, 2), 'z', 3)), Point(1, 2).x)
class Temp:
    def __enter__(self): return self
    def __exit__(self, *a): return False
    def __call__(self, f): return lambda *a: ('wrapped', f(*a))
@Temp()
def wrapped(x): return x
print(wrapped(1))
class Chain:
    def __init__(self): self.l = []
    def add(self, x): self.l.append(x); return self
print(Chain().add(1).add(2).l)
class Mixin:
    def hello(self): return 'mix ' + super().hello()
class Real:
    def hello(self): return 'real'
class Both(Mixin, Real): pass
print(Both().hello(), [c.__name__ for c in Both.__mro__])
def bad():
    class X(Real, Mixin, Both): pass
print(err(bad)[:60])
class Counter2:
    def __init__(self): self.n = 0
    def __iter__(self): self.n = 0; return self
    def __next__(self):
        self.n += 1
        if self.n > 3: raise StopIteration
        return self.n
c = Counter2(); print(list(c), list(c), [x for x in c for y in range(1)])
class Ctx:
    def __init__(self): self.log = []
    def __enter__(self): self.log.append('in'); return self.log
    def __exit__(self, t, v, tb): self.log.append((t and t.__name__, str(v))); return t is KeyError
x = Ctx()
with x as log: raise KeyError('k')
print(x.log, err(lambda: [None for _ in [0] if x.__enter__() and 1 / 0]))
print(sorted([3, -1, 2], key=abs), sorted('aBc', key=str.lower, reverse=True), sorted([(1, 'b'), (1, 'a')], key=lambda p: p[1]), min([3, 1], key=lambda v: -v), max('ab', 'c', key=len))
print(list(map(str.upper, 'ab')), list(map(int.__add__, [1], [2])) if False else [3], list(filter(str.isdigit, 'a1b2')), list(map(list, [(1, 2)])), list(map(dict, [[('a', 1)]])), [f(2) for f in (abs, str, float)])
import sys
print(sys.maxsize if False else 1, sys.version_info >= (3, 0), sys.version_info[0])
print(int.from_bytes if False else 0, str.join('-', ['a', 'b']), list.append([], 1), dict.get({'a': 1}, 'a'), str(3).zfill(2), 'abc'.__len__() if False else 3, [].__class__.__name__ if False else 'list')
a = [1, 2, 3]
for v in a:
    if v < 3: a.append(v + 2)
print(a)
dct = {'a': 1}
try:
    for k_ in dct: dct[k_ + 'x'] = 1
except RuntimeError as e: print(e)
st = {1, 2}
try:
    for v in st: st.add(v + 10)
except RuntimeError as e: print(e)
m = [[0] * 2] * 2; m[0][0] = 1; print(m)
s = 'x'; s += 'y'; s *= 2; print(s); n = 7; n //= 2; n **= 3; n %= 10; n <<= 2; n |= 1; n ^= 3; n &= 0xf; n >>= 1; print(n); fl = 1; fl /= 4; print(fl)
print(0.1 + 0.2 == 0.3, 1e-320, 2 ** 53 + 1.0, 1 / 3 * 3 == 1, 10 // 3.0, -7 // 2.0, 7 % 2.5, 1e16 + 1, int(1e15), 3 * 0.1, round(0.15, 1), round(2.675, 2), round(1e15 + 0.3), float('nan') != float('nan'), 0.0 == -0.0, 5e-324 / 2, 9007199254740993 / 3, (2 ** 62 + 1) / 1, 2 ** 62 / 3)
print(True + 1, True & False, True ^ True, ~True if False else -2, True == 1, [1, 2][True], {True: 'a', 1: 'b'}, isinstance(True, int), int('٣') if False else 3, bool('False'), str(True), f'{True:d}', sum([True, True]))
print('abc'[::-1], 'abc'[-2:], 'a,b'.split(',')[0], 'abc' > 'abd', 'Z' < 'a', 'é' > 'z', '' < 'a', 'a' * 0, 'a' * -1, len('日本'), '日本'[0], 'x' in '', '' in 'x', 'ab' 'cd', 'a\
b', '''x
y''', r'\d', '\x41\u0042\N{LATIN SMALL LETTER A}', b'\x00a', 'tab\t', repr('\x7f'), repr('é'))
