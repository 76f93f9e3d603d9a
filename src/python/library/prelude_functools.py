# `functools`.
def reduce(f, it, *initial):
    it = iter(it)
    if initial:
        total = initial[0]
    else:
        try:
            total = next(it)
        except StopIteration:
            raise TypeError("reduce() of empty iterable with no initial value") from None
    for x in it:
        total = f(total, x)
    return total

def partial(func, *args, **keywords):
    def partial(*more, **kwargs):
        return func(*args, *more, **{**keywords, **kwargs})
    partial.func = func
    partial.args = args
    partial.keywords = keywords
    return partial

def wraps(wrapped):
    def update(wrapper):
        return update_wrapper(wrapper, wrapped)
    return update

def update_wrapper(wrapper, wrapped):
    wrapper.__name__ = getattr(wrapped, '__name__', None)
    wrapper.__qualname__ = wrapper.__name__
    wrapper.__doc__ = getattr(wrapped, '__doc__', None)
    wrapper.__wrapped__ = wrapped
    return wrapper

def lru_cache(maxsize=128, typed=False):
    if callable(maxsize):
        return _cached(maxsize, 128)
    def decorate(f):
        return _cached(f, maxsize)
    return decorate

def cache(f):
    return _cached(f, None)

class _CacheInfo:
    def __init__(self, hits, misses, maxsize, currsize):
        self.hits = hits
        self.misses = misses
        self.maxsize = maxsize
        self.currsize = currsize
    def __repr__(self):
        return f'CacheInfo(hits={self.hits}, misses={self.misses}, maxsize={self.maxsize}, currsize={self.currsize})'

def _cached(f, maxsize):
    kept = {}
    hits = misses = 0
    def wrapper(*args, **kwargs):
        nonlocal hits, misses
        key = args + tuple(kwargs.items()) if kwargs else args
        if key in kept:
            hits += 1
            if maxsize is None:
                return kept[key]
            value = kept.pop(key)
            kept[key] = value
            return value
        misses += 1
        value = f(*args, **kwargs)
        if maxsize is not None:
            if maxsize == 0:
                return value
            if len(kept) >= maxsize:
                del kept[next(iter(kept))]
        kept[key] = value
        return value
    def cache_info():
        return _CacheInfo(hits, misses, maxsize, len(kept))
    def cache_clear():
        nonlocal hits, misses
        kept.clear()
        hits = misses = 0
    wrapper.cache_info = cache_info
    wrapper.cache_clear = cache_clear
    return update_wrapper(wrapper, f)

class _Key:
    def __init__(self, compare, x):
        self.compare = compare
        self.x = x
    def __lt__(self, other):
        return self.compare(self.x, other.x) < 0
    def __gt__(self, other):
        return self.compare(self.x, other.x) > 0
    def __eq__(self, other):
        return self.compare(self.x, other.x) == 0

def cmp_to_key(compare):
    return lambda x: _Key(compare, x)

def total_ordering(cls):
    if hasattr(cls, '__lt__'):
        rest = [('__gt__', lambda a, b: not (a < b or a == b)), ('__le__', lambda a, b: a < b or a == b), ('__ge__', lambda a, b: not a < b)]
    elif hasattr(cls, '__le__'):
        rest = [('__lt__', lambda a, b: a <= b and not a == b), ('__gt__', lambda a, b: not a <= b), ('__ge__', lambda a, b: not a <= b or a == b)]
    elif hasattr(cls, '__gt__'):
        rest = [('__lt__', lambda a, b: not (a > b or a == b)), ('__ge__', lambda a, b: a > b or a == b), ('__le__', lambda a, b: not a > b)]
    else:
        rest = [('__lt__', lambda a, b: not a >= b), ('__gt__', lambda a, b: a >= b and not a == b), ('__le__', lambda a, b: not a >= b or a == b)]
    for name, method in rest:
        if not hasattr(cls, name):
            setattr(cls, name, method)
    return cls
