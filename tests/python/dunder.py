class Vector:
    def __init__(self, *components):
        self.c = tuple(components)
    def __add__(self, o):
        if not isinstance(o, Vector):
            return NotImplemented
        return Vector(*(a + b for a, b in zip(self.c, o.c)))
    def __radd__(self, o):
        return self if o == 0 else NotImplemented
    def __sub__(self, o): return Vector(*[a - b for a, b in zip(self.c, o.c)])
    def __mul__(self, k): return Vector(*(x * k for x in self.c)) if isinstance(k, (int, float)) else sum(a * b for a, b in zip(self.c, k.c))
    def __rmul__(self, k): return self * k
    def __truediv__(self, k): return Vector(*(x / k for x in self.c))
    def __floordiv__(self, k): return Vector(*(x // k for x in self.c))
    def __mod__(self, k): return Vector(*(x % k for x in self.c))
    def __neg__(self): return Vector(*(-x for x in self.c))
    def __pos__(self): return self
    def __abs__(self): return sum(x * x for x in self.c) ** 0.5
    def __eq__(self, o): return isinstance(o, Vector) and self.c == o.c
    def __hash__(self): return hash(self.c)
    def __len__(self): return len(self.c)
    def __getitem__(self, i): return self.c[i]
    def __iter__(self): return iter(self.c)
    def __bool__(self): return any(self.c)
    def __repr__(self): return "Vector(%s)" % ", ".join(map(repr, self.c))
    def __str__(self): return "<" + " ".join(str(x) for x in self.c) + ">"
    def __format__(self, spec): return "<" + " ".join(format(x, spec) for x in self.c) + ">"
    def __call__(self, f): return Vector(*map(f, self.c))
    def __contains__(self, x): return x in self.c
    def __lt__(self, o): return abs(self) < abs(o)
    def __le__(self, o): return abs(self) <= abs(o)
a, b = Vector(1, 2), Vector(3, 4)
print(a + b, a - b, a * 2, 2 * a, a * b, b / 2, b // 2, b % 2, -a, +a, abs(b))
print(a == Vector(1, 2), a != b, a == 3, len(a), a[0], list(a), bool(Vector(0, 0)), repr(a), str(a), f"{a} {a!r} {b:.1f}")
print(sum([a, b]), a(lambda x: x * 10), 2 in a, a < b, a <= b, b > a, sorted([b, a]), max(a, b), [a], {"k": b}, (a, b))
print({a: 1}[Vector(1, 2)], len({a, Vector(1, 2), b}), a in [Vector(1, 2)], [b, a].index(a))
x, y = a
print(x, y)
try:
    a + 1
except TypeError as e:
    print(e)
try:
    a < 1
except (TypeError, AttributeError) as e:
    print(type(e).__name__)
class Poly:
    def __init__(self, *c): self.c = c
    def __call__(self, x):
        r = 0
        for k in self.c: r = r * x + k
        return r
print(Poly(1, 0, -1)(3))
class Temp:
    def __init__(self, c): self._c = c
    @property
    def f(self): return self._c * 9 / 5 + 32
    @f.setter
    def f(self, v): self._c = (v - 32) * 5 / 9
    def __getattr__(self, name):
        if name == "kelvin": return self._c + 273.15
        raise AttributeError(f"no {name}")
t = Temp(100); t.f = 212
print(t.f, t._c, t.kelvin, hasattr(t, "zzz"), getattr(t, "zzz", "dflt"))
class Meta:
    registry = []
    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        Meta.registry.append(cls.__name__)
class P1(Meta): pass
class P2(Meta): pass
print(Meta.registry)
class Range:
    def __init__(self, n): self.n = n
    def __iter__(self): return RangeIter(self.n)
class RangeIter:
    def __init__(self, n): self.i, self.n = 0, n
    def __iter__(self): return self
    def __next__(self):
        if self.i >= self.n: raise StopIteration
        self.i += 1
        return self.i - 1
print(list(Range(3)), [x + y for x in Range(2) for y in Range(2)], tuple(Range(2)), dict(zip(Range(2), "ab")), *Range(3))
class Seq:
    def __getitem__(self, i):
        if i >= 3: raise IndexError
        return i * i
print(list(Seq()), 4 in Seq(), [x for x in Seq()])
class A:
    def hi(self): return "A"
class B(A):
    def hi(self): return "B" + super().hi()
class C(A):
    def hi(self): return "C" + super().hi()
class D(B, C):
    def hi(self): return "D" + super().hi()
print(D().hi(), [k.__name__ for k in D.__mro__])
class Singleton:
    _inst = None
    def __new__(cls, *a):
        if cls._inst is None:
            cls._inst = super().__new__(cls)
        return cls._inst
print(Singleton() is Singleton())
