from collections import OrderedDict
import functools

class LRUCache:
    def __init__(self, capacity: int):
        self.capacity = capacity
        self.cache = {}
        self.hits = self.misses = 0

    def get(self, key):
        if key not in self.cache:
            self.misses += 1
            return -1
        self.hits += 1
        value = self.cache.pop(key)
        self.cache[key] = value
        return value

    def put(self, key, value):
        if key in self.cache:
            del self.cache[key]
        elif len(self.cache) >= self.capacity:
            oldest = next(iter(self.cache))
            del self.cache[oldest]
        self.cache[key] = value

    def __repr__(self):
        return "LRU(" + ", ".join("%r=%r" % kv for kv in self.cache.items()) + ")"

lru = LRUCache(2)
lru.put(1, 1)
lru.put(2, 2)
print(lru.get(1))
lru.put(3, 3)
print(lru.get(2), lru.get(3), lru)
print(f"hit rate {lru.hits / (lru.hits + lru.misses):.1%}")

class LRU2(object):
    def __init__(self, maxsize):
        self.od = OrderedDict()
        self.maxsize = maxsize
    def __getitem__(self, key):
        value = self.od[key]
        self.od.move_to_end(key)
        return value
    def __setitem__(self, key, value):
        if key in self.od:
            self.od.move_to_end(key)
        self.od[key] = value
        if len(self.od) > self.maxsize:
            self.od.popitem(last=False)
    def __len__(self):
        return len(self.od)
c = LRU2(2)
c["a"] = 1; c["b"] = 2
c["a"]
c["c"] = 3
print(list(c.od.keys()), len(c), list(c.od.items()))
try:
    c["b"]
except KeyError as e:
    print("missing", e)

@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
print(fib(80), [fib(i) for i in range(10)])

def memoize(f):
    cache = {}
    @functools.wraps(f)
    def wrapper(*args):
        if args not in cache:
            cache[args] = f(*args)
        return cache[args]
    wrapper.cache = cache
    return wrapper
@memoize
def binom(n, k):
    """Binomial."""
    if k in (0, n):
        return 1
    return binom(n - 1, k - 1) + binom(n - 1, k)
print(binom(30, 15), len(binom.cache), binom.__name__)
memo = {0: 0, 1: 1}
def fib2(n):
    if n not in memo:
        memo[n] = fib2(n - 1) + fib2(n - 2)
    return memo[n]
print(fib2(90))
