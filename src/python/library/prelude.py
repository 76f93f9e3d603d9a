# What CPython writes in C and what calls Python: as Python that never looks whether it has to
# drop the lock, as C does not. Names with an underscore are not seen by programs.
def _collect(it):
    out = []
    for x in it:
        out.append(x)
    return out

def _sum(it, total):
    # What is lost between floats is kept, and added in the end.
    lost = 0.0
    exact = True
    for x in it:
        if type(total) is float and exact:
            if type(x) is float:
                new = total + x
                lost += (total - new) + x if abs(total) >= abs(x) else (x - new) + total
                total = new
                continue
            if not isinstance(x, int):
                total = total + lost if lost - lost == 0.0 else total
                lost = 0.0
                exact = False
        total = total + x
    return total + lost if lost and lost - lost == 0.0 else total

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

# An iterator of C is an object, not a generator: after an error in what it calls it goes on with the
# next item, and what it calls may ask it for another.
class _Iterator:
    def __iter__(self):
        return self

class _Map(_Iterator):
    def __init__(self, f, it):
        self._f, self._it = f, iter(it)

    def __next__(self):
        return self._f(next(self._it))

class _MapMany(_Iterator):
    def __init__(self, f, its):
        self._f, self._its = f, [iter(it) for it in its]

    def __next__(self):
        return self._f(*[next(it) for it in self._its])

class _Filter(_Iterator):
    def __init__(self, f, it):
        self._f, self._it = f, iter(it)

    def __next__(self):
        while True:
            x = next(self._it)
            if (x if self._f is None else self._f(x)):
                return x

class _Zip(_Iterator):
    def __init__(self, its, strict):
        self._its, self._strict = [iter(it) for it in its], strict

    def __next__(self):
        out = []
        for it in self._its:
            try:
                out.append(next(it))
            except StopIteration:
                if self._strict:
                    _strict(self._its, len(out))
                raise
        if not out:
            raise StopIteration
        return tuple(out)

# A zip of two, which most are.
class _Pairs(_Iterator):
    def __init__(self, a, b):
        self._a, self._b = iter(a), iter(b)

    def __next__(self):
        return next(self._a), next(self._b)

def _strict(its, at):
    if at > 0:
        raise ValueError("zip() argument " + str(at + 1) + " is shorter than argument" + (" 1" if at == 1 else "s 1-" + str(at)))
    at = 1
    for it in its[1:]:
        at += 1
        for x in it:
            raise ValueError("zip() argument " + str(at) + " is longer than argument" + (" 1" if at == 2 else "s 1-" + str(at - 1)))

class _Enumerate(_Iterator):
    def __init__(self, it, start):
        self._it, self._at = iter(it), start

    def __next__(self):
        x = next(self._it)
        at = self._at
        self._at = at + 1
        return at, x

# `itertools.count` of floats.
class _Count(_Iterator):
    def __init__(self, start, step):
        self._at, self._step = start, step

    def __next__(self):
        at = self._at
        self._at = at + self._step
        return at

    def __repr__(self):
        return f'count({self._at})' if self._step == 1 and isinstance(self._step, int) else f'count({self._at}, {self._step})'

class _Reversed(_Iterator):
    def __init__(self, items):
        self._items, self._at = items, len(items) - 1

    def __next__(self):
        if self._at >= 0:
            try:
                x = self._items[self._at]
                self._at -= 1
                return x
            except BaseException as e:
                self._at = -1
                if not isinstance(e, IndexError):
                    raise
        raise StopIteration

# The keys, values or items of a dict, backwards.
class _ReversedTable(_Iterator):
    def __init__(self, table, items):
        self._table, self._items, self._size = table, items, len(table)

    def __next__(self):
        if not self._items:
            raise StopIteration
        if len(self._table) != self._size:
            self._size = -1
            raise RuntimeError('dictionary changed size during iteration')
        return self._items.pop()

_Map.__name__ = _MapMany.__name__ = 'map'
_Zip.__name__ = _Pairs.__name__ = 'zip'
_Filter.__name__, _Enumerate.__name__ = 'filter', 'enumerate'
_Reversed.__name__, _Count.__name__ = 'reversed', 'count'
_ReversedTable.__name__ = 'dict_reverseiterator'

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

class _ByIndex(_Iterator):
    def __init__(self, items):
        self._items, self._at = items, 0

    def __next__(self):
        if self._at is None:
            raise StopIteration
        try:
            x = self._items[self._at]
            self._at += 1
            return x
        except (IndexError, StopIteration):
            self._at = None
            raise StopIteration

class _Until(_Iterator):
    def __init__(self, f, last):
        self._f, self._last, self._ended = f, last, False

    def __next__(self):
        if not self._ended:
            x = self._f()
            if x != self._last:
                return x
            self._ended = True
        raise StopIteration

_ByIndex.__name__, _Until.__name__ = 'iterator', 'callable_iterator'

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

def _updated(table, more):
    table.update(more)
    return table

def _assign_slice(items, places, new):
    items[places] = list(new)

_keys = {}

def _find_key(x):
    number = x.__hash__()
    if not isinstance(number, int):
        raise TypeError('__hash__ method should return an integer')
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
    for x, y in _Pairs(a, b):
        if not _same(x, y):
            return False
    return True

def _less(a, b):
    for x, y in _Pairs(a, b):
        if not _same(x, y):
            return x < y
    return len(a) < len(b)

def _less_equal(a, b):
    for x, y in _Pairs(a, b):
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
    return _fields_of(_format_fields(text), args, kwargs)

# Conversions, by their letters.
_TEXTS = {'r': repr, 'a': ascii, 's': str}

def _fields_of(fields, args, kwargs):
    out = []
    for literal, which, path, conversion, spec in fields:
        out.append(literal)
        if which is None:
            continue
        if isinstance(which, str):
            x = kwargs[which]
        elif which < len(args):
            x = args[which]
        else:
            raise IndexError(f'Replacement index {which} out of range for positional args tuple')
        for is_item, part in path:
            x = x[int(part) if part.isdigit() else part] if is_item else getattr(x, part)
        if conversion in _TEXTS:
            x = _TEXTS[conversion](x)
        out.append(format(x, _fields_of(spec, args, kwargs)))
    return ''.join(out)

def _percent(text, values):
    fields, text = _percent_fields(text)
    given = tuple(values) if isinstance(values, tuple) else (values,)
    out = []
    at = 0
    for name, kind in fields:
        if name is not None:
            x = values[name]
        elif at < len(given):
            x = given[at]
            at += 1
        else:
            raise TypeError("not enough arguments for format string")
        if kind in _TEXTS:
            x = _TEXTS[kind](x)
        elif kind in 'diuxXo' and (hasattr(x, '__int__') or hasattr(x, '__index__')):
            x = int(x)
        elif kind in 'eEfFgG' and hasattr(x, '__float__'):
            x = float(x)
        out.append(x)
    if not isinstance(values, dict):
        out.extend(given[at:])
    return text % tuple(out)
