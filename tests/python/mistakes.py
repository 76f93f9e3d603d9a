# Scopes, arguments, classes; and what a mistake says.
# closures, scoping, classes
def err(f, *a):
    try: return f(*a)
    except BaseException as e: return type(e).__name__ + ': ' + str(e)
fs = [lambda: i for i in range(3)]; print([f() for f in fs])
fs = [lambda i=i: i for i in range(3)]; print([f() for f in fs])
x = 'global'
class A:
    x = 'class'
    y = [x for _ in range(1)]
    z = x
    def f(self): return x
    g = lambda self: x
print(A.y, A.z, A().f(), A().g())
def counter():
    n = 0
    def inc(by=1):
        nonlocal n
        n += by
        return n
    return inc, lambda: n
i, g = counter(); i(); i(5); print(g())
def f():
    print(err(lambda: later))
    later = 1
f()
def unb():
    try: print(v)
    except UnboundLocalError as e: print(e)
    v = 1
unb()
print(err(lambda: undefined_name))
def d(a, b=[], *c, d, e=5, **k): b.append(a); return a, b, c, d, e, k
print(d(1, d=2), d(2, [9], 3, 4, d=5, e=6, z=7), err(d, 1), err(lambda: d()), err(lambda: d(1, a=2, d=3)))
def po(a, /, b, *, c): return a, b, c
print(po(1, 2, c=3), po(1, b=2, c=3), err(lambda: po(1, 2, 3)), err(lambda: po(1, 2)), err(lambda: po(1, 2, c=3, d=4)), err(lambda: po()))
print([*range(3), *'ab'], {**{'a': 1}, 'b': 2, **{'a': 3}}, (*[1], 2), {*[1, 2], 3})
a, *b, c = range(5); print(a, b, c)
(a, b), [c, *d2] = (1, 2), 'xyz'; print(a, b, c, d2)
print(err(lambda: [].foo), err(lambda: None.x), err(lambda: (1)(2)), err(lambda: 'a' + 1), err(lambda: 1 + 'a'), err(lambda: [] + ()), err(lambda: {}[[]]), err(lambda: [1, 2]['a']), err(lambda: 'abc'[5]), err(lambda: (1,)[3]), err(lambda: {}['q']), err(lambda: int('1.5')), err(lambda: float('x')), err(lambda: [1].remove(2)), err(lambda: [].pop()), err(lambda: {}.popitem()), err(lambda: set().pop()), err(lambda: next(iter([]))), err(lambda: [1].index(5)), err(lambda: 'a'.index('b')), err(lambda: len(5)), err(lambda: iter(5)), err(lambda: sum(['a'])), err(lambda: max([])), err(lambda: sorted([1, 'a'])), err(lambda: 1 < 'a'), err(lambda: ord('ab')), err(lambda: chr(-1)), err(lambda: range(1, 2, 0)), err(lambda: [1][::0]), err(lambda: -'a'), err(lambda: abs('a')), err(lambda: 'a' * 'b'), err(lambda: 1 // 0), err(lambda: 1 % 0), err(lambda: 1.0 // 0), err(lambda: 0 ** -1), err(lambda: 5 in 5), err(lambda: 1 << -1), err(lambda: isinstance(1, 2)), err(lambda: ''.join([1])), err(lambda: 'x'.join(5)), err(lambda: bytes([300])), err(lambda: dict([1])), err(lambda: dict([(1, 2, 3)])), err(lambda: {1, []}), err(lambda: hash([])), err(lambda: getattr(1, 'zz')), err(lambda: round('a')), err(lambda: divmod('a', 1)), err(lambda: pow('a', 2)), err(lambda: 'abc'.split('')), err(lambda: min(1)), err(lambda: tuple(5)), err(lambda: list(None)), err(lambda: int([])), err(lambda: int('12', 40)), sep='\n')
def unpack(n):
    a, b = range(n)
print(err(unpack, 1), err(unpack, 3), err(lambda: unpack(None)))
def unpack2():
    a, *b, c = [1]
print(err(unpack2))
class M:
    def __init__(self, v): self.v = v
    def __call__(self, *a, **k): return self.v, a, k
    def __contains__(self, x): return x == self.v
    def __len__(self): return 0
    def __getattr__(self, n): return 'attr ' + n
    def __iter__(self): yield from [self.v] * 2
    def __lt__(self, o): return self.v < o.v
    def __add__(self, o): return M(self.v + (o.v if isinstance(o, M) else o))
    __radd__ = __add__
    def __repr__(self): return f'M({self.v})'
    def __getitem__(self, k): return k
    def __neg__(self): return M(-self.v)
    def __enter__(self): return self
    def __exit__(self, *a): return True
m = M(3)
print(m(1, k=2), 3 in m, bool(m), m.zzz, list(m), sorted([M(2), M(1)]), m + 1, 1 + m, sum([M(1), M(2)]), m[1:2], m[1, 2], m[::2], m[...], -m, max(M(1), M(5)), [*m], getattr(m, 'q', 0))
with m: raise ValueError
class P:
    registry = []
    def __init_subclass__(cls): P.registry.append(cls.__name__)
class Q(P): pass
class R(Q): pass
print(P.registry, R.__mro__[1].__name__, issubclass(R, P), R.__name__, R.__bases__[0].__name__)
class D1:
    def who(self): return 'D1'
class D2(D1):
    def who(self): return 'D2' + super().who()
class D3(D1):
    def who(self): return 'D3' + super().who()
class D4(D2, D3):
    def who(self): return 'D4' + super().who()
print(D4().who(), [c.__name__ for c in D4.__mro__])
class S:
    count = 0
    def __new__(cls, *a):
        cls.count += 1
        return super().__new__(cls)
    def __init__(self, a): self.a = a
    @staticmethod
    def st(x): return x
    @classmethod
    def cm(cls, x): return cls(x).a
print(S(1).a, S.count, S.st(2), S(3).st(4), S.cm(5), S.count)
def deco(n):
    def w(f):
        def inner(*a, **k): return n, f(*a, **k)
        return inner
    return w
@deco(1)
@deco(2)
def dd(x): return x
print(dd(5))
print((lambda *a, **k: (a, k))(1, *[2], x=3, **{'y': 4}))
print([(i, j) for i in range(3) for j in range(i) if (i + j) % 2], {k: v for k, v in zip('ab', [1, 2])}, {i % 2 for i in range(5)}, [[j for j in range(i)] for i in range(3)])
print([y := 5, y ** 2], (z := 3) + z)
if (n := len('abc')) > 2: print(n)
print(1 if 0 else 2, not 1, 1 and 0 or 5, [] or 'e', None is None, 1 < 2 < 3 > 2 != 5, 1 == 1.0 == True)
