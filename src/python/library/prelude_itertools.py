# `itertools`, but for `count`: objects, as CPython's are, not generators. After an error in what
# one calls it goes on with the next item, and what it calls may ask it for another.
class chain(_Iterator):
    def __init__(self, *its):
        self._its = iter(its)
        self._it = iter(())

    def __next__(self):
        while True:
            for x in self._it:
                return x
            self._it = iter(next(self._its))

def _from_iterable(its):
    made = chain()
    made._its = iter(its)
    return made

chain.from_iterable = _from_iterable

class islice(_Iterator):
    def __init__(self, it, *bounds):
        start, stop, step = 0, bounds[0], 1
        if len(bounds) > 1:
            start, stop = bounds[0] or 0, bounds[1]
        if len(bounds) > 2:
            step = 1 if bounds[2] is None else bounds[2]
        if stop is not None and stop < 0:
            raise ValueError("Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.")
        if start < 0:
            raise ValueError("Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.")
        if step < 1:
            raise ValueError("Step for islice() must be a positive integer or None.")
        self._it, self._at, self._next, self._stop, self._step = iter(it), 0, start, stop, step

    def __next__(self):
        if self._it is None:
            raise StopIteration
        stop = self._stop
        try:
            while self._at < self._next:
                next(self._it)
                self._at += 1
            if stop is not None and self._at >= stop:
                raise StopIteration
            x = next(self._it)
        except BaseException:
            self._it, self._stop = None, self._at
            raise
        self._at += 1
        self._next += self._step
        if stop is not None and self._next > stop:
            self._next = stop
        return x

def product(*its, repeat=1):
    if repeat < 0:
        raise ValueError('repeat argument cannot be negative')
    return _product([tuple(it) for it in its] * repeat)

def _product(pools):
    places = [0] * len(pools)
    at = 0 if all(pools) else -1
    while at >= 0 or not pools:
        yield tuple([pool[place] for pool, place in zip(pools, places)])
        if not pools:
            return
        at = len(pools) - 1
        while at >= 0:
            places[at] += 1
            if places[at] < len(pools[at]):
                break
            places[at] = 0
            at -= 1

def combinations(it, r):
    return _combined(tuple(it), r)

def _combined(pool, r):
    n = len(pool)
    if r > n:
        return
    places = list(range(r))
    while True:
        yield tuple([pool[i] for i in places])
        at = r - 1
        while at >= 0 and places[at] == at + n - r:
            at -= 1
        if at < 0:
            return
        places[at] += 1
        for j in range(at + 1, r):
            places[j] = places[j - 1] + 1

def combinations_with_replacement(it, r):
    return _combined_again(tuple(it), r)

def _combined_again(pool, r):
    n = len(pool)
    if n == 0 and r:
        return
    places = [0] * r
    while True:
        yield tuple([pool[i] for i in places])
        at = r - 1
        while at >= 0 and places[at] == n - 1:
            at -= 1
        if at < 0:
            return
        places[at:] = [places[at] + 1] * (r - at)

def permutations(it, r=None):
    pool = tuple(it)
    r = len(pool) if r is None else r
    return _arranged(pool, r, ())

def _arranged(pool, r, taken):
    if r == len(taken):
        yield tuple([pool[i] for i in taken])
        return
    for i in range(len(pool)):
        if i not in taken:
            for result in _arranged(pool, r, taken + (i,)):
                yield result

class accumulate(_Iterator):
    def __init__(self, it, func=None, *, initial=None):
        self._it, self._f, self._initial, self._total = iter(it), func, initial, _Iterator

    def __next__(self):
        if self._total is _Iterator and self._initial is not None:
            self._total = self._initial
            return self._total
        x = next(self._it)
        if self._total is _Iterator:
            self._total = x
        elif self._f is None:
            self._total = self._total + x
        else:
            self._total = self._f(self._total, x)
        return self._total

class cycle(_Iterator):
    def __init__(self, it):
        self._it, self._kept, self._at = iter(it), [], None

    def __next__(self):
        if self._at is None:
            for x in self._it:
                self._kept.append(x)
                return x
            self._at = 0
        if not self._kept:
            raise StopIteration
        x = self._kept[self._at]
        self._at = (self._at + 1) % len(self._kept)
        return x

class repeat(_Iterator):
    def __init__(self, object, times=None):
        self._x, self._left = object, times

    def __next__(self):
        if self._left is not None:
            if self._left <= 0:
                raise StopIteration
            self._left -= 1
        return self._x

    def __repr__(self):
        return f'repeat({self._x!r})' if self._left is None else f'repeat({self._x!r}, {max(self._left, 0)})'

class takewhile(_Iterator):
    def __init__(self, f, it):
        self._f, self._it, self._ended = f, iter(it), False

    def __next__(self):
        if not self._ended:
            x = next(self._it)
            if self._f(x):
                return x
            self._ended = True
        raise StopIteration

class dropwhile(_Iterator):
    def __init__(self, f, it):
        self._f, self._it, self._begun = f, iter(it), False

    def __next__(self):
        while True:
            x = next(self._it)
            if self._begun or not self._f(x):
                self._begun = True
                return x

class filterfalse(_Iterator):
    def __init__(self, f, it):
        self._f, self._it = f, iter(it)

    def __next__(self):
        while True:
            x = next(self._it)
            if not (x if self._f is None else self._f(x)):
                return x

class compress(_Iterator):
    def __init__(self, data, selectors):
        self._it, self._selectors = iter(data), iter(selectors)

    def __next__(self):
        while True:
            x = next(self._it)
            if next(self._selectors):
                return x

class starmap(_Iterator):
    def __init__(self, f, it):
        self._f, self._it = f, iter(it)

    def __next__(self):
        return self._f(*next(self._it))

class pairwise(_Iterator):
    def __init__(self, it):
        self._it, self._last = iter(it), _Iterator

    def __next__(self):
        if self._last is _Iterator:
            self._last = next(self._it)
        last = self._last
        self._last = next(self._it)
        return last, self._last

class zip_longest(_Iterator):
    def __init__(self, *its, fillvalue=None):
        self._its, self._left, self._fill = [iter(it) for it in its], len(its), fillvalue

    def __next__(self):
        out = []
        for at in range(len(self._its)):
            x = self._fill
            if self._its[at] is not None:
                try:
                    x = next(self._its[at])
                except StopIteration:
                    self._its[at] = None
                    self._left -= 1
            out.append(x)
        if not self._left:
            raise StopIteration
        return tuple(out)

class groupby(_Iterator):
    def __init__(self, iterable, key=None):
        self._it, self._f, self._group = iter(iterable), key, None
        # The key of the group that was given last; the item that was seen last, and its key.
        self._given = self._x = self._key = _Iterator

    def _step(self):
        x = next(self._it)
        key = x if self._f is None else self._f(x)
        self._x, self._key = x, key

    def __next__(self):
        self._group = None
        while self._key is _Iterator or self._given is not _Iterator and _same(self._given, self._key):
            self._step()
        self._given = self._key
        self._group = _Group(self, self._key)
        return self._key, self._group

class _Group(_Iterator):
    def __init__(self, of, key):
        self._of, self._key = of, key

    def __next__(self):
        of = self._of
        if of._group is not self:
            raise StopIteration
        if of._x is _Iterator:
            of._step()
        if not _same(self._key, of._key):
            raise StopIteration
        x = of._x
        of._x = of._key = _Iterator
        return x

# Each of them knows the place where it is in a chain of what the iterator has given.
class _Tee(_Iterator):
    def __init__(self, it, link):
        self._it, self._link = it, link

    def __next__(self):
        if not self._link:
            self._link[:] = [next(self._it), []]
        x, self._link = self._link
        return x

    def __copy__(self):
        return _Tee(self._it, self._link)

_Group.__name__, _Tee.__name__ = '_grouper', '_tee'

def tee(iterable, n=2):
    if n < 0:
        raise ValueError('n must be >= 0')
    it = iter(iterable)
    first = it if isinstance(it, _Tee) else _Tee(it, [])
    return tuple([first if i == 0 else _Tee(first._it, first._link) for i in range(n)])
