# `dataclasses`, as CPython's: Python.
class _Missing:
    pass

class _Field:
    def __init__(self, default, factory, init, repr, compare):
        self.default = default
        self.factory = factory
        self.init = init
        self.repr = repr
        self.compare = compare

class FrozenInstanceError(AttributeError):
    pass

def _refuse_frozen(name):
    raise FrozenInstanceError("cannot assign to field '" + name + "'")

def field(*, default=_Missing, default_factory=_Missing, init=True, repr=True, compare=True, hash=None, kw_only=False):
    return _Field(default, default_factory, init, repr, compare)

def dataclass(cls=None, *, init=True, repr=True, eq=True, order=False, frozen=False, unsafe_hash=False, slots=False, kw_only=False):
    def decorate(cls):
        return _processed(cls, init, repr, eq, order, frozen)
    return decorate if cls is None else decorate(cls)

def _processed(cls, init, repr_wanted, eq, order, frozen):
    fields = dict(getattr(cls, '__dataclass_fields__', {}))
    for name in _declared(cls):
        default = getattr(cls, name, _Missing)
        if isinstance(default, _Field):
            fields[name] = default
            if default.default is not _Missing:
                setattr(cls, name, default.default)
        else:
            if isinstance(default, (list, dict, set)):
                raise ValueError("mutable default " + repr(type(default)) + " for field " + name + " is not allowed: use default_factory")
            fields[name] = _Field(default, _Missing, True, True, True)
    cls.__dataclass_fields__ = fields
    name_of = cls.__name__
    shown = [name for name in fields if fields[name].repr]
    compared = [name for name in fields if fields[name].compare]

    def __init__(self, *args, **kwargs):
        names = [name for name in fields if fields[name].init]
        if len(args) > len(names):
            least = len([n for n in names if fields[n].default is _Missing and fields[n].factory is _Missing]) + 1
            most = len(names) + 1
            takes = str(most) if least == most else "from " + str(least) + " to " + str(most)
            raise TypeError(name_of + ".__init__() takes " + takes + " positional argument" + ("" if most == 1 else "s") + " but " + str(len(args) + 1) + " were given")
        values = dict(zip(names, args))
        for name in kwargs:
            if name not in names:
                raise TypeError(name_of + ".__init__() got an unexpected keyword argument '" + name + "'")
            if name in values:
                raise TypeError(name_of + ".__init__() got multiple values for argument '" + name + "'")
        values.update(kwargs)
        missing = [n for n in names if n not in values and fields[n].default is _Missing and fields[n].factory is _Missing]
        if missing:
            missing = ["'" + n + "'" for n in missing]
            s = "" if len(missing) == 1 else "s"
            text = missing[0] if len(missing) == 1 else ", ".join(missing[:-1]) + (" and " if len(missing) == 2 else ", and ") + missing[-1]
            raise TypeError(name_of + ".__init__() missing " + str(len(missing)) + " required positional argument" + s + ": " + text)
        for name, field in fields.items():
            if name in values:
                setattr(self, name, values[name])
            elif field.factory is not _Missing:
                setattr(self, name, field.factory())
            elif field.default is not _Missing:
                setattr(self, name, field.default)
        if hasattr(self, '__post_init__'):
            self.__post_init__()
        if frozen:
            setattr(self, '<frozen>', True)

    def __repr__(self):
        return type(self).__name__ + '(' + ', '.join([n + '=' + repr(getattr(self, n)) for n in shown]) + ')'

    def values_of(self):
        return tuple([getattr(self, n) for n in compared])

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return values_of(self) == values_of(other)

    def __hash__(self):
        return hash(values_of(self))

    def __lt__(self, other):
        return values_of(self) < values_of(other) if type(other) is type(self) else NotImplemented

    def __le__(self, other):
        return values_of(self) <= values_of(other) if type(other) is type(self) else NotImplemented

    def __gt__(self, other):
        return values_of(self) > values_of(other) if type(other) is type(self) else NotImplemented

    def __ge__(self, other):
        return values_of(self) >= values_of(other) if type(other) is type(self) else NotImplemented

    own = _own_names(cls)
    for wanted, method in [(init, __init__), (repr_wanted, __repr__), (eq, __eq__), (order, __lt__), (order, __le__), (order, __gt__), (order, __ge__), (frozen and eq, __hash__)]:
        if wanted and method.__name__ not in own:
            setattr(cls, method.__name__, method)
    return cls

def asdict(x):
    return {name: _plain(getattr(x, name)) for name in type(x).__dataclass_fields__}

def _plain(x):
    if hasattr(x, '__dataclass_fields__'):
        return asdict(x)
    if isinstance(x, list):
        return [_plain(y) for y in x]
    if isinstance(x, dict):
        return {k: _plain(x[k]) for k in x}
    return x

def astuple(x):
    return tuple([getattr(x, name) for name in type(x).__dataclass_fields__])

def replace(x, **changes):
    return type(x)(**{**{name: getattr(x, name) for name in type(x).__dataclass_fields__}, **changes})

def fields(x):
    return tuple(x.__dataclass_fields__)

def is_dataclass(x):
    return hasattr(x, '__dataclass_fields__')
