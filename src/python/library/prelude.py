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
    items = [x for x in it]
    items = [(x if key is None else key(x), x) for x in items]
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
    # A list is empty while it is sorted.
    items = target[:]
    target.clear()
    try:
        result = _sorted(items, key, reverse)
    except BaseException:
        target[:] = items
        raise
    if target:
        target[:] = result
        raise ValueError("list modified during sort")
    target[:] = result

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

def _extended(items, more):
    items.extend(more)
    return items

_keys = {}

def _find_key(x):
    number = x.__hash__()
    for y in _keys.setdefault(number, []):
        if y is x or y == x:
            setattr(x, '<key>', y)
            return
    _keys[number].append(x)
    setattr(x, '<key>', x)

def _call_with_key(x, f, args, kwargs):
    _find_key(x)
    return f(*args, **kwargs)

def _same(x, y):
    return x is y or x == y

def _equal(a, b):
    if len(a) != len(b):
        return False
    if isinstance(a, dict):
        for k in a:
            if k not in b or not _same(a[k], b[k]):
                return False
        return True
    for x, y in _zip2(a, b):
        if not _same(x, y):
            return False
    return True

def _less(a, b):
    for x, y in _zip2(a, b):
        if not _same(x, y):
            return x < y
    return len(a) < len(b)

def _less_equal(a, b):
    for x, y in _zip2(a, b):
        if not _same(x, y):
            return x <= y
    return len(a) <= len(b)

def _greater(a, b):
    return _less(b, a)

def _greater_equal(a, b):
    return _less_equal(b, a)

def _list_index(items, wanted, start=0):
    for at in range(start, len(items)):
        if _same(items[at], wanted):
            return at
    raise ValueError(repr(wanted) + " is not in " + type(items).__name__)

def _tuple_index(items, wanted, start=0):
    for at in range(start, len(items)):
        if _same(items[at], wanted):
            return at
    raise ValueError("tuple.index(x): x not in tuple")

def _list_count(items, wanted):
    found = 0
    for x in items:
        if _same(x, wanted):
            found += 1
    return found

def _tuple_count(items, wanted):
    return _list_count(items, wanted)

def _list_remove(items, wanted):
    for at in range(len(items)):
        if _same(items[at], wanted):
            del items[at]
            return
    raise ValueError("list.remove(x): x not in list")

def _deque_remove(items, wanted):
    for at in range(len(items)):
        if _same(items[at], wanted):
            del items[at]
            return
    raise ValueError("deque.remove(x): x not in deque")

def _deque_count(items, wanted):
    return _list_count(items, wanted)

def _deque_index(items, wanted):
    return _list_index(items, wanted)

def _hash(x):
    return hash(tuple([hash(y) for y in x]))

def _str_format(text, *args, **kwargs):
    out = []
    auto = 0
    for literal, name, path, conversion, spec in _format_fields(text):
        out.append(literal)
        if name is None:
            continue
        if name == '':
            x = args[auto]
            auto += 1
        elif name.isdigit():
            x = args[int(name)]
        else:
            x = kwargs[name]
        for is_item, part in path:
            x = x[int(part) if part.isdigit() else part] if is_item else getattr(x, part)
        if conversion == 'r':
            x = repr(x)
        elif conversion == 's':
            x = str(x)
        if '{' in spec:
            count = spec.count('{}')
            spec = spec.format(*args[auto:auto + count], **kwargs) if count else spec.format(*args, **kwargs)
            auto += count
        out.append(format(x, spec))
    return ''.join(out)

def _percent(text, values):
    if isinstance(values, dict):
        return text % {k: v if isinstance(v, (int, float, str)) else str(v) for k, v in values.items()}
    kinds, text = _percent_kinds(text)
    if not isinstance(values, tuple):
        values = (values,)
    out = []
    at = 0
    for x in values:
        kind = kinds[at:at + 1]
        out.append(repr(x) if kind == 'r' else str(x) if kind == 's' else x)
        at += 1
    return text % tuple(out)
