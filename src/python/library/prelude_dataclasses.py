# `dataclasses`, as CPython's: Python. Where that writes the text of a method, here one goes through
# the fields.
from threading import get_ident
from copy import deepcopy

class _MissingType:
    pass

MISSING = _MissingType()

class Field:
    # A class of the library binds it, so that `slots=True` can.
    __slots__ = ('name', 'default', 'default_factory', 'init', 'repr', 'hash', 'compare', 'metadata', 'kw_only')

    def __init__(self, default, default_factory, init, repr, hash, compare, metadata, kw_only):
        self.name = None
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr
        self.hash = hash
        self.compare = compare
        self.metadata = {} if metadata is None else metadata
        self.kw_only = kw_only

class FrozenInstanceError(AttributeError):
    pass

def _refuse_frozen(name, what):
    raise FrozenInstanceError(f"cannot {what} field '{name}'")

def field(*, default=MISSING, default_factory=MISSING, init=True, repr=True, hash=None, compare=True, metadata=None, kw_only=MISSING):
    if default is not MISSING and default_factory is not MISSING:
        raise ValueError('cannot specify both default and default_factory')
    return Field(default, default_factory, init, repr, hash, compare, metadata, kw_only)

def dataclass(cls=None, /, *, init=True, repr=True, eq=True, order=False, unsafe_hash=False, frozen=False, match_args=True, kw_only=False, slots=False):
    def decorate(cls):
        if order and not eq:
            raise ValueError('eq must be true if order is true')
        fields = _collected(cls, kw_only, frozen)
        if frozen:
            setattr(cls, '<frozen>', tuple(fields))
        own = _own_names(cls)
        methods = [_made_init(cls, fields, frozen)] if init else []
        if repr:
            methods.append(_made_repr(fields))
        if eq:
            methods.append(_made_eq(fields))
        for method in methods:
            if method.__name__ not in own:
                setattr(cls, method.__name__, method)
        if order:
            for method in _made_order(fields):
                if method.__name__ in own:
                    raise TypeError(f'Cannot overwrite attribute {method.__name__} in class {cls.__name__}. Consider using functools.total_ordering')
                setattr(cls, method.__name__, method)
        if unsafe_hash and '__hash__' in own:
            raise TypeError(f'Cannot overwrite attribute __hash__ in class {cls.__name__}')
        if (unsafe_hash or eq and frozen) and '__hash__' not in own:
            setattr(cls, '__hash__', _made_hash(fields))
        if match_args:
            cls.__match_args__ = tuple([name for name, f in fields.items() if f.init and not f.kw_only])
        if slots:
            for name in fields:
                if name in own:
                    delattr(cls, name)
            cls.__slots__ = tuple(fields)
        return cls
    return decorate if cls is None else decorate(cls)

def _collected(cls, kw_only, frozen):
    fields = {}
    for base in reversed(cls.__mro__[1:]):
        if hasattr(base, '__dataclass_fields__'):
            fields.update(base.__dataclass_fields__)
            if hasattr(base, '<frozen>') and not frozen:
                raise TypeError('cannot inherit non-frozen dataclass from a frozen one')
            if frozen and not hasattr(base, '<frozen>'):
                raise TypeError('cannot inherit frozen dataclass from a non-frozen one')
    for name in _declared(cls):
        f = getattr(cls, name, MISSING)
        if not isinstance(f, Field):
            f = field(default=f)
        elif f.default is MISSING:
            delattr(cls, name)
        else:
            setattr(cls, name, f.default)
        if isinstance(f.default, (list, dict, set)):
            raise ValueError(f'mutable default {type(f.default)} for field {name} is not allowed: use default_factory')
        f.name = name
        if f.kw_only is MISSING:
            f.kw_only = kw_only
        fields[name] = f
    cls.__dataclass_fields__ = fields
    return fields

def _has_default(f):
    return f.default is not MISSING or f.default_factory is not MISSING

def _made_init(cls, fields, frozen):
    names = [name for name, f in fields.items() if f.init and not f.kw_only]
    only = [name for name, f in fields.items() if f.init and f.kw_only]
    optional = False
    for name in names:
        if optional and not _has_default(fields[name]):
            raise TypeError(f"non-default argument '{name}' follows default argument")
        optional = _has_default(fields[name])
    called = f'{cls.__name__}.__init__()'

    def __init__(self, *args, **kwargs):
        if len(args) > len(names):
            least = len([name for name in names if not _has_default(fields[name])]) + 1
            most = len(names) + 1
            takes = str(most) if least == most else f'from {least} to {most}'
            raise TypeError(f"{called} takes {takes} positional argument{'' if most == 1 else 's'} but {len(args) + 1} were given")
        values = dict(zip(names, args))
        for name in kwargs:
            if name not in names and name not in only:
                raise TypeError(f"{called} got an unexpected keyword argument '{name}'")
            if name in values:
                raise TypeError(f"{called} got multiple values for argument '{name}'")
        values.update(kwargs)
        for wanted, kind in (names, 'positional'), (only, 'keyword-only'):
            missing = [repr(name) for name in wanted if name not in values and not _has_default(fields[name])]
            if missing:
                raise TypeError(f"{called} missing {len(missing)} required {kind} argument{'' if len(missing) == 1 else 's'}: {_listed(missing)}")
        put = object.__setattr__ if frozen else setattr
        for name, f in fields.items():
            if name in values:
                put(self, name, values[name])
            elif f.default_factory is not MISSING:
                put(self, name, f.default_factory())
            elif f.default is not MISSING:
                put(self, name, f.default)
        if hasattr(self, '__post_init__'):
            self.__post_init__()
    return __init__

def _listed(names):
    if len(names) < 3:
        return ' and '.join(names)
    return ', '.join(names[:-1]) + ', and ' + names[-1]

_shown = []

def _made_repr(fields):
    names = [name for name, f in fields.items() if f.repr]

    def __repr__(self):
        key = (id(self), get_ident())
        if key in _shown:
            return '...'
        _shown.append(key)
        try:
            return type(self).__qualname__ + '(' + ', '.join([name + '=' + repr(getattr(self, name)) for name in names]) + ')'
        finally:
            _shown.remove(key)
    return __repr__

def _values_of(self, names):
    return tuple([getattr(self, name) for name in names])

def _made_eq(fields):
    names = [name for name, f in fields.items() if f.compare]

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return _values_of(self, names) == _values_of(other, names)
    return __eq__

def _made_order(fields):
    names = [name for name, f in fields.items() if f.compare]

    def __lt__(self, other):
        return _values_of(self, names) < _values_of(other, names) if type(other) is type(self) else NotImplemented

    def __le__(self, other):
        return _values_of(self, names) <= _values_of(other, names) if type(other) is type(self) else NotImplemented

    def __gt__(self, other):
        return _values_of(self, names) > _values_of(other, names) if type(other) is type(self) else NotImplemented

    def __ge__(self, other):
        return _values_of(self, names) >= _values_of(other, names) if type(other) is type(self) else NotImplemented
    return [__lt__, __le__, __gt__, __ge__]

def _made_hash(fields):
    names = [name for name, f in fields.items() if (f.compare if f.hash is None else f.hash)]

    def __hash__(self):
        return hash(_values_of(self, names))
    return __hash__

def _is_instance(x):
    return not isinstance(x, type) and hasattr(x, '__dataclass_fields__')

def asdict(obj, *, dict_factory=dict):
    if not _is_instance(obj):
        raise TypeError('asdict() should be called on dataclass instances')
    return _plain(obj, lambda pairs: dict_factory(pairs))

def astuple(obj, *, tuple_factory=tuple):
    if not _is_instance(obj):
        raise TypeError('astuple() should be called on dataclass instances')
    return _plain(obj, lambda pairs: tuple_factory([value for _, value in pairs]))

def _plain(x, made):
    if _is_instance(x):
        return made([(name, _plain(getattr(x, name), made)) for name in x.__dataclass_fields__])
    if isinstance(x, tuple) and hasattr(x, '_fields'):
        return type(x)(*[_plain(y, made) for y in x])
    if isinstance(x, (list, tuple)):
        return type(x)([_plain(y, made) for y in x])
    if isinstance(x, dict):
        return {_plain(k, made): _plain(y, made) for k, y in x.items()}
    return deepcopy(x)

def replace(obj, /, **changes):
    if not _is_instance(obj):
        raise TypeError('replace() should be called on dataclass instances')
    for name, f in obj.__dataclass_fields__.items():
        if not f.init:
            if name in changes:
                raise ValueError(f'field {name} is declared with init=False, it cannot be specified with replace()')
        elif name not in changes:
            changes[name] = getattr(obj, name)
    return type(obj)(**changes)

def fields(class_or_instance):
    if not hasattr(class_or_instance, '__dataclass_fields__'):
        raise TypeError('must be called with a dataclass type or instance')
    return tuple(class_or_instance.__dataclass_fields__.values())

def is_dataclass(obj):
    return hasattr(obj, '__dataclass_fields__')
