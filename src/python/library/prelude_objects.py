# Containers of objects with an `__eq__`, a `__lt__` or a `__hash__`.
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

def _hash(x):
    return hash(tuple([hash(y) for y in x]))
