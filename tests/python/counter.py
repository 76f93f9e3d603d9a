import threading
from contextlib import contextmanager

class SafeCounter:
    """A thread-safe counter."""

    def __init__(self, start=0):
        self._value = start
        self._lock = threading.Lock()

    def increment(self, by=1):
        with self._lock:
            self._value += by
            return self._value

    @property
    def value(self):
        with self._lock:
            return self._value

    @value.setter
    def value(self, new):
        if new < 0:
            raise ValueError("negative")
        with self._lock:
            self._value = new

    @classmethod
    def from_string(cls, text):
        return cls(int(text))

    @staticmethod
    def describe():
        return "counts safely"

    def __enter__(self):
        self._lock.acquire()
        return self

    def __exit__(self, exc_type, exc, tb):
        self._lock.release()
        return False

    def __iadd__(self, other):
        self.increment(other)
        return self

    def __int__(self):
        return self._value

    def __str__(self):
        return "Counter<%s>" % self._value

c = SafeCounter()
def work():
    for _ in range(100):
        c.increment()
ts = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in ts]
[t.join() for t in ts]
print(c.value, c, SafeCounter.describe(), c.describe())
c.value = 7
print(c.value, int(c))
try:
    c.value = -1
except ValueError as err:
    print("refused", err)
c += 5
print(c.value)
d = SafeCounter.from_string("42")
print(d.value, d, isinstance(d, SafeCounter))
with d as inside:
    print(inside._value)
@contextmanager
def section(name):
    print("begin", name)
    try:
        yield name.upper()
    finally:
        print("end", name)
with section("a") as s:
    print(s)
try:
    with section("b"):
        raise KeyError("oops")
except KeyError as e:
    print("caught", e)
