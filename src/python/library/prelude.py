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

def _map_many(f, its):
    for xs in _zip(its, False):
        yield f(*xs)

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

def _zip(its, strict):
    its = [iter(it) for it in its]
    while its:
        out = []
        for it in its:
            try:
                out.append(next(it))
            except StopIteration:
                if strict:
                    _strict(its, len(out))
                return
        yield tuple(out)

def _strict(its, at):
    if at > 0:
        raise ValueError("zip() argument " + str(at + 1) + " is shorter than argument" + (" 1" if at == 1 else "s 1-" + str(at)))
    at = 1
    for it in its[1:]:
        at += 1
        for x in it:
            raise ValueError("zip() argument " + str(at) + " is longer than argument" + (" 1" if at == 2 else "s 1-" + str(at - 1)))

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

def _print(args, sep, end):
    print(sep.join([str(x) for x in args]), end=end)

def _contains(items, wanted):
    for x in items:
        if x is wanted or x == wanted:
            return True
    return False

def _wait_for(condition, predicate, timeout):
    result = predicate()
    while not result:
        notified = condition.wait(timeout)
        result = predicate()
        if not notified:
            return result
    return result

def _by_index(items):
    at = 0
    while True:
        try:
            x = items[at]
        except IndexError:
            return
        yield x
        at += 1

def _iter_until(f, last):
    while True:
        x = f()
        if x == last:
            return
        yield x

def _call(f, args, kwargs):
    return f(*args, **kwargs)

def _construct(cls, new, args, kwargs):
    made = new(cls, *args, **kwargs)
    if isinstance(made, cls) and hasattr(made, '__init__'):
        made.__init__(*args, **kwargs)
    return made

def _raise(e):
    raise e

def _raise_from(e, cause):
    if isinstance(e, type):
        e = e()
    if isinstance(cause, type):
        cause = cause()
    if not isinstance(e, BaseException):
        raise TypeError("exceptions must derive from BaseException")
    if cause is not None and not isinstance(cause, BaseException):
        raise TypeError("exception causes must derive from BaseException")
    e.__cause__ = cause
    e.__suppress_context__ = True
    raise e

def _close(generator):
    try:
        generator.throw(GeneratorExit)
    except (GeneratorExit, StopIteration):
        return
    raise RuntimeError("generator ignored GeneratorExit")

def _hasattr(x, name):
    try:
        getattr(x, name)
    except AttributeError:
        return False
    return True

def _getattr(x, name, default):
    try:
        return getattr(x, name)
    except AttributeError:
        return default

def _format_text(x, how, spec):
    return format(repr(x) if how == 'repr' else str(x), spec)

def _print_to(file, args, sep, end):
    file.write(sep.join([str(x) for x in args]) + end)

def _exit(code=None):
    raise SystemExit(code) if code is not None else SystemExit()

def _quit(code=None):
    _exit(code)

def _extended(items, more):
    items.extend(more)
    return items
