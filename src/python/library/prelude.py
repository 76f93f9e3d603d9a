# What CPython writes in C and what calls Python: as Python that never looks whether it has to
# drop the lock, as C does not. Names with an underscore are not seen by programs.
def _collect(it):
    out = []
    for x in it:
        out.append(x)
    return out

def _sum(it, total):
    for x in it:
        total = total + x
    return total

def _any(it):
    for x in it:
        if x:
            return True
    return False

def _all(it):
    for x in it:
        if not x:
            return False
    return True

def _min(it, key, default, has_default):
    first = True
    best = None
    best_key = None
    for x in it:
        k = x if key is None else key(x)
        if first or k < best_key:
            best = x
            best_key = k
            first = False
    if first:
        if has_default:
            return default
        raise ValueError("min() iterable argument is empty")
    return best

def _max(it, key, default, has_default):
    first = True
    best = None
    best_key = None
    for x in it:
        k = x if key is None else key(x)
        if first or k > best_key:
            best = x
            best_key = k
            first = False
    if first:
        if has_default:
            return default
        raise ValueError("max() iterable argument is empty")
    return best

def _sorted(it, key, reverse):
    items = []
    for x in it:
        items.append((x if key is None else key(x), x))
    if reverse:
        items = items[::-1]
    width = 1
    n = len(items)
    while width < n:
        out = []
        at = 0
        while at < n:
            mid = at + width if at + width < n else n
            end = at + 2 * width if at + 2 * width < n else n
            i = at
            j = mid
            while i < mid and j < end:
                if items[j][0] < items[i][0]:
                    out.append(items[j])
                    j += 1
                else:
                    out.append(items[i])
                    i += 1
            while i < mid:
                out.append(items[i])
                i += 1
            while j < end:
                out.append(items[j])
                j += 1
            at = end
        items = out
        width = width * 2
    if reverse:
        items = items[::-1]
    return [pair[1] for pair in items]

def _sort(target, key, reverse):
    target[:] = _sorted(target, key, reverse)

def _map(f, it):
    for x in it:
        yield f(x)

def _filter(f, it):
    for x in it:
        if (x if f is None else f(x)):
            yield x

def _zip2(a, b):
    b = iter(b)
    for x in a:
        try:
            y = next(b)
        except StopIteration:
            return
        yield x, y

def _zip3(a, b, c):
    b = iter(b)
    c = iter(c)
    for x in a:
        try:
            y = next(b)
            z = next(c)
        except StopIteration:
            return
        yield x, y, z

def _enumerate(it, start):
    for x in it:
        yield start, x
        start += 1

def _reversed(it):
    i = len(it) - 1
    while i >= 0:
        yield it[i]
        i -= 1

def _repr_list(items):
    return '[' + ', '.join([repr(x) for x in items]) + ']'

def _repr_tuple(items):
    if len(items) == 1:
        return '(' + repr(items[0]) + ',)'
    return '(' + ', '.join([repr(x) for x in items]) + ')'

def _repr_dict(items):
    return '{' + ', '.join([repr(k) + ': ' + repr(items[k]) for k in items]) + '}'

def _repr_set(items):
    return '{' + ', '.join([repr(x) for x in items]) + '}'

def _format(text, args, kwargs):
    named = {name: str(x) if _has_text(x) else x for name, x in kwargs.items()}
    return _call(text.format, [str(x) if _has_text(x) else x for x in args], named)

def _print(args, sep, end):
    print(sep.join([str(x) for x in args]), end=end)

def _contains(items, wanted):
    for x in items:
        if x is wanted or x == wanted:
            return True
    return False

def _wait_for(condition, predicate, timeout):
    end = None if timeout is None else condition._now() + timeout
    result = predicate()
    while not result:
        if end is not None:
            timeout = end - condition._now()
            if timeout <= 0:
                return result
        notified = condition.wait(timeout)
        result = predicate()
        if not notified:
            return result
    return result

def _run0(f):
    f()

def _run1(f, a):
    f(a)

def _run2(f, a, b):
    f(a, b)
