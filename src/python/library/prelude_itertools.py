# `itertools`, but for `count`.
def chain(*its):
    for it in its:
        for x in it:
            yield x

def _from_iterable(its):
    for it in its:
        for x in it:
            yield x

chain.from_iterable = _from_iterable

def islice(it, *bounds):
    start, stop, step = 0, bounds[0], 1
    if len(bounds) > 1:
        start, stop = bounds[0] or 0, bounds[1]
    if len(bounds) > 2:
        step = bounds[2] or 1
    return _sliced(it, start, stop, step)

def _sliced(it, start, stop, step):
    it = iter(it)
    at = 0
    while stop is None or start < stop:
        while at <= start:
            try:
                x = next(it)
            except StopIteration:
                return
            at += 1
        yield x
        start += step

def product(*its, repeat=1):
    results = [()]
    for pool in [tuple(it) for it in its] * repeat:
        results = [result + (x,) for result in results for x in pool]
    for result in results:
        yield result

def combinations(it, r):
    pool = tuple(it)
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
    pool = tuple(it)
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

def accumulate(it, func=None, *, initial=None):
    started = initial is not None
    total = initial
    if started:
        yield total
    for x in it:
        if not started:
            total = x
            started = True
        else:
            total = total + x if func is None else func(total, x)
        yield total

def cycle(it):
    kept = []
    for x in it:
        kept.append(x)
        yield x
    while kept:
        for x in kept:
            yield x

def repeat(x, times=None):
    while times is None or times > 0:
        yield x
        if times is not None:
            times -= 1

def takewhile(f, it):
    for x in it:
        if not f(x):
            return
        yield x

def dropwhile(f, it):
    dropping = True
    for x in it:
        if dropping and f(x):
            continue
        dropping = False
        yield x

def filterfalse(f, it):
    for x in it:
        if not (x if f is None else f(x)):
            yield x

def compress(it, selectors):
    for x, wanted in zip(it, selectors):
        if wanted:
            yield x

def starmap(f, it):
    for xs in it:
        yield f(*xs)

def pairwise(it):
    first = True
    last = None
    for x in it:
        if not first:
            yield last, x
        last = x
        first = False

def zip_longest(*its, fillvalue=None):
    its = [iter(it) for it in its]
    left = len(its)
    ended = [False] * left
    while left:
        out = []
        for at in range(len(its)):
            x = fillvalue
            if not ended[at]:
                try:
                    x = next(its[at])
                except StopIteration:
                    ended[at] = True
                    left -= 1
                    if left == 0:
                        return
            out.append(x)
        yield tuple(out)

def groupby(it, key=None):
    # Unlike CPython's, a group is whole when it is yielded.
    group = []
    last = None
    for x in it:
        k = x if key is None else key(x)
        if group and k != last:
            yield last, iter(group)
            group = []
        last = k
        group.append(x)
    if group:
        yield last, iter(group)

def tee(it, n=2):
    kept = list(it)
    return tuple([iter(kept) for _ in range(n)])
