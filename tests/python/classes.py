class A:
    kind = "a"
    def __init__(self, x):
        self.x = x
    def get(self):
        return self.x
    def __repr__(self):
        return "A(" + repr(self.x) + ")"
    def __eq__(self, other):
        return self.x == other.x
    def __add__(self, other):
        return A(self.x + other.x)
    def __lt__(self, other):
        return self.x < other.x
    def __len__(self):
        return self.x
    def __getitem__(self, i):
        return i * 10
    def __contains__(self, i):
        return i == self.x
    def __call__(self, y):
        return self.x * y
class B(A):
    kind = "b"
    def __init__(self, x, y):
        super().__init__(x)
        self.y = y
    def get(self):
        return super().get() + self.y
a = A(1)
b = B(2, 3)
print(a.get(), b.get(), a.kind, b.kind, B.kind, isinstance(b, A), isinstance(a, B), type(a) is A)
print(a, [a, b], {"k": a}, (a,), str(a), repr(b), f"{a} {a!r}")
print(a == A(1), a != A(1), a + b, a < b, sorted([b, a]), len(b), b[3], 2 in b, 3 in b, b(4), max([a, b]))
a.x = 5
A.kind = "changed"
print(a.x, a.kind, b.kind, hasattr(a, "x"), hasattr(a, "q"), getattr(a, "q", None))
setattr(a, "z", 9)
print(a.z)
del a.z
try:
    a.z
except AttributeError as e:
    print(e)
class It:
    def __init__(self, n):
        self.n = n
    def __iter__(self):
        return self
    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n
print(list(It(3)), [x for x in It(2)], sum(It(4)))
class C:
    def __enter__(self):
        print("enter")
        return self
    def __exit__(self, t, v, tb):
        print("exit", t is None, v)
        return True
with C() as c:
    print("in")
with C():
    raise ValueError("swallowed")
print("after")
class Stack:
    def __init__(self):
        self.items = []
    def push(self, x):
        self.items.append(x)
        return self
    def __bool__(self):
        return bool(self.items)
    def __iter__(self):
        for i in self.items:
            yield i
s = Stack()
print(bool(s), not s, "yes" if s else "no")
s.push(1).push(2)
print(bool(s), not s, list(s), [i for i in s])
class Counter2:
    count = 0
    def __init__(self):
        Counter2.count += 1
Counter2()
Counter2()
print(Counter2.count)
class V:
    def __init__(self, v):
        self.v = v
    def __radd__(self, o):
        return o + self.v
    def __iadd__(self, o):
        self.v += o
        return self
    def __neg__(self):
        return V(-self.v)
    def __str__(self):
        return "V" + str(self.v)
v = V(3)
print(1 + v, str(-v), f"{v}")
v += 4
print(v.v, v)
m = a.get
print(m())
class D: pass
d = D()
d.x = 1
d.x += 1
print(d.x)
