# dataclasses: every option, and what refuses what.
from dataclasses import dataclass, field, asdict, astuple, replace, fields, is_dataclass, FrozenInstanceError
from typing import ClassVar
def err(f):
    try: return f()
    except Exception as e: return type(e).__name__ + ': ' + str(e)
@dataclass
class A:
    x: int
    y: int = 2
    z: list = field(default_factory=list)
    hidden: int = field(default=5, repr=False, compare=False)
    late: int = field(init=False, default=7)
    made: list = field(init=False, default_factory=lambda: [9])
    total: ClassVar[int] = 0
    def __post_init__(self): self.sum = self.x + self.y
a = A(1); b = A(1)
print(a, a == b, a == A(2), a.z is b.z, a.sum, a.hidden, a.late, a.made, A.y, A.late, A.total)
print(a != b, a == 5, A(1, hidden=6) == a)
print([f.name for f in fields(a)], [f.name for f in fields(A)], fields(a)[1].default, fields(a)[0].init, fields(a)[3].repr, fields(a)[3].compare, fields(a)[4].init)
print(replace(a, x=5), replace(a, z=[1]), err(lambda: replace(a, late=3)), err(lambda: replace(a, q=1)))
print(asdict(a), astuple(a), is_dataclass(a), is_dataclass(A), is_dataclass(3))
print(err(lambda: A()), err(lambda: A(1, 2, [], 4, 5, 6)), err(lambda: A(1, w=3)), err(lambda: A(1, x=2)), err(lambda: A(1, late=2)))
print(err(lambda: hash(a)), err(lambda: a < b), err(lambda: {a}))
@dataclass(frozen=True)
class F:
    x: int
    y: tuple = ()
    def __post_init__(self): object.__setattr__(self, 'y', (self.x,)) if False else None
f = F(1)
def setx(): f.x = 3
def delx(): del f.x
def setn(): f.new = 3
print(err(setx), err(delx), err(setn), hash(f) == hash(F(1)), {f: 1}[F(1)], f == F(1), replace(f, x=2), err(lambda: f < F(2)))
@dataclass(order=True)
class O:
    k: int
    v: str = field(compare=False, default='')
print(O(1) < O(2), sorted([O(3, 'c'), O(1, 'a')]), O(1, 'a') == O(1, 'b'), O(1) <= O(1), max(O(1), O(5)), err(lambda: O(1) < 3))
@dataclass(eq=False)
class E:
    x: int
print(E(1) == E(1), isinstance(hash(E(1)), int))
@dataclass(unsafe_hash=True)
class H:
    x: int
    y: int = field(default=0, hash=False)
print(hash(H(1)) == hash(H(1, 5)), {H(1): 'a'}[H(1)])
@dataclass(kw_only=True)
class K:
    x: int
    y: int = 1
print(K(x=1), err(lambda: K(1)), err(lambda: K()))
@dataclass
class K2:
    a: int
    b: int = field(kw_only=True, default=3)
    c: int = 4
print(K2(1, 5), K2(1, b=9), err(lambda: K2(1, 2, 3)), [x.name for x in fields(K2)])
@dataclass(slots=True)
class S:
    x: int
    y: int = 4
s = S(1)
def sets(): s.q = 1
print(s, err(sets))
@dataclass(repr=False)
class R:
    x: int
    def __repr__(self): return 'mine'
print(R(1))
@dataclass(init=False)
class N:
    x: int = 3
    def __init__(self): self.x = 8
print(N())
@dataclass
class Base:
    a: int
    b: int = 2
@dataclass
class Child(Base):
    c: int = 3
    a: int = 10
print(Child(), Child(1, 2, 3), [x.name for x in fields(Child)], Child() == Base(10), isinstance(Child(), Base))
def bad():
    @dataclass
    class Bad:
        a: int = 1
        b: int
print(err(bad))
def bad2():
    @dataclass
    class Bad:
        a: list = []
print(err(bad2))
def bad3():
    @dataclass(order=True)
    class Bad:
        a: int = 1
        def __lt__(self, o): return True
print(err(bad3))
def bad4():
    @dataclass(order=True, eq=False)
    class Bad:
        a: int = 1
print(err(bad4))
def bad5():
    @dataclass
    class Bad(F):
        a: int = 1
print(err(bad5))
print(err(lambda: field(default=1, default_factory=list)), err(lambda: fields(3)), err(lambda: asdict(3)), err(lambda: replace(A, x=1)))
@dataclass
class Node:
    v: int
    next: 'Node' = None
    kids: dict = field(default_factory=dict)
n = Node(1, Node(2), {'k': Node(3), 'l': [Node(4)], 't': (Node(5),)})
print(n); print(asdict(n)); print(astuple(Node(1, Node(2))))
@dataclass
class Eq:
    x: int
    def __eq__(self, o): return True
print(Eq(1) == Eq(2), err(lambda: hash(Eq(1))))
@dataclass(frozen=True)
class FP:
    x: int
    y: int = field(init=False, default=0)
    def __post_init__(self):
        try: self.y = 5
        except FrozenInstanceError as e: print(e)
print(FP(1))
r = Node(1); r.next = r; print(r)
@dataclass
class Empty: pass
print(Empty(), Empty() == Empty(), fields(Empty))
@dataclass()
class Par:
    x: int
    def double(self): return self.x * 2
    @property
    def half(self): return self.x / 2
    @classmethod
    def of(cls, x): return cls(x + 1)
    @staticmethod
    def st(): return 's'
print(Par(4).double(), Par(4).half, Par.of(1), Par.st(), Par.__name__, A.__dataclass_fields__['x'].name, Par.__eq__(Par(1), Par(1)))
print(field(default=3).default, A.__match_args__)
