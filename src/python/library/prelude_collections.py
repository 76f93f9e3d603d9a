# `collections.namedtuple`.
class _Named:
    def __init__(self, *args, **kwargs):
        names = self._fields
        values = list(args)
        if len(values) > len(names):
            raise TypeError(type(self).__name__ + ".__new__() takes " + str(len(names) + 1) + " positional arguments but " + str(len(values) + 1) + " were given")
        missing = []
        for name in names[len(values):]:
            if name in kwargs:
                values.append(kwargs.pop(name))
            elif name in self._field_defaults:
                values.append(self._field_defaults[name])
            else:
                missing.append("'" + name + "'")
        if kwargs:
            raise TypeError(type(self).__name__ + ".__new__() got an unexpected keyword argument '" + next(iter(kwargs)) + "'")
        if missing:
            s = "" if len(missing) == 1 else "s"
            shown = missing[0] if len(missing) == 1 else ", ".join(missing[:-1]) + (" and " if len(missing) == 2 else ", and ") + missing[-1]
            raise TypeError(type(self).__name__ + ".__new__() missing " + str(len(missing)) + " required positional argument" + s + ": " + shown)
        setattr(self, '<values>', tuple(values))
        at = 0
        for name in names:
            setattr(self, name, values[at])
            at += 1
        setattr(self, '<made>', True)

    def __iter__(self):
        return iter(getattr(self, '<values>'))

    def __len__(self):
        return len(self._fields)

    def __getitem__(self, at):
        return getattr(self, '<values>')[at]

    def __contains__(self, x):
        return x in getattr(self, '<values>')

    def __eq__(self, other):
        return getattr(self, '<values>') == tuple(other) if isinstance(other, tuple) else NotImplemented

    def __lt__(self, other):
        return getattr(self, '<values>') < tuple(other) if isinstance(other, tuple) else NotImplemented

    def __le__(self, other):
        return getattr(self, '<values>') <= tuple(other) if isinstance(other, tuple) else NotImplemented

    def __gt__(self, other):
        return getattr(self, '<values>') > tuple(other) if isinstance(other, tuple) else NotImplemented

    def __ge__(self, other):
        return getattr(self, '<values>') >= tuple(other) if isinstance(other, tuple) else NotImplemented

    def __hash__(self):
        return hash(getattr(self, '<values>'))

    def __add__(self, other):
        return getattr(self, '<values>') + other

    def __radd__(self, other):
        return other + getattr(self, '<values>')

    def __mul__(self, times):
        return getattr(self, '<values>') * times

    def __rmul__(self, times):
        return getattr(self, '<values>') * times

    def __repr__(self):
        return type(self).__name__ + '(' + ', '.join([name + '=' + repr(getattr(self, name)) for name in self._fields]) + ')'

    def index(self, x):
        return getattr(self, '<values>').index(x)

    def count(self, x):
        return getattr(self, '<values>').count(x)

    def _asdict(self):
        return dict(zip(self._fields, getattr(self, '<values>')))

    def _replace(self, **kwargs):
        unknown = [name for name in kwargs if name not in self._fields]
        if unknown:
            raise ValueError("Got unexpected field names: " + repr(unknown))
        return type(self)(**{**self._asdict(), **kwargs})

def namedtuple(typename, field_names, *, defaults=()):
    if isinstance(field_names, str):
        field_names = field_names.replace(',', ' ').split()
    class Made(_Named):
        _fields = tuple(field_names)
        _field_defaults = dict(zip(_fields[len(_fields) - len(defaults):], defaults))
    Made.__name__ = typename
    def make(it):
        return Made(*it)
    Made._make = staticmethod(make)
    return Made
