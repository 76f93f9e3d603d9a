# What CPython writes in Python and without a lock: others run between any two of its steps.
def _update(counter, it, counts):
    if it is not None:
        if isinstance(it, dict):
            if counter:
                for key, count in it.items():
                    counter[key] = count + counter.get(key, 0)
            else:
                dict.update(counter, it)
        else:
            _count_each(counter, it)
    if counts:
        _update(counter, counts, None)

def _subtract(counter, it, counts):
    if it is not None:
        if isinstance(it, dict):
            for key, count in it.items():
                counter[key] = counter.get(key, 0) - count
        else:
            for key in it:
                counter[key] = counter.get(key, 0) - 1
    if counts:
        _subtract(counter, counts, None)

def _choice(seq):
    if not len(seq):
        raise IndexError('Cannot choose from an empty sequence')
    return seq[_below(len(seq))]

def _shuffle(x):
    for i in reversed(range(1, len(x))):
        j = _below(i + 1)
        x[i], x[j] = x[j], x[i]
