# `copy`.
def copy(x):
    if isinstance(x, (list, dict, set)) or type(x).__name__ == 'deque':
        return x.copy()
    if hasattr(x, '__copy__'):
        return x.__copy__()
    return _copied(x)

def deepcopy(x, memo=None):
    return _deep(x, [])

def _deep(x, seen):
    for old, new in seen:
        if old is x:
            return new
    if isinstance(x, list):
        new = []
        seen.append((x, new))
        for y in x:
            new.append(_deep(y, seen))
        return new
    if isinstance(x, tuple):
        new = [_deep(y, seen) for y in x]
        return tuple(new) if type(x) is tuple else type(x)(*new)
    if isinstance(x, dict):
        new = x.copy()
        seen.append((x, new))
        for k in x:
            new[k] = _deep(x[k], seen)
        return new
    if isinstance(x, set):
        return set([_deep(y, seen) for y in x])
    if type(x).__name__ == 'deque':
        new = x.copy()
        seen.append((x, new))
        for at in range(len(x)):
            new[at] = _deep(x[at], seen)
        return new
    new = _copied(x)
    if new is x:
        return x
    seen.append((x, new))
    for name in _names_of(x):
        setattr(new, name, _deep(getattr(x, name), seen))
    return new
