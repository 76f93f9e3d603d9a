# Names that begin with two underscores are a class's own, wherever they stand in it.
class Account:
    __count = 0
    def __init__(self, owner):
        self.__owner = owner
        Account.__count += 1
    def __secret(self, __x=3):
        def inner():
            return self.__owner, __x
        return inner()
    def both(self):
        return self.__secret(), [self.__owner for _ in range(2)], (lambda: self.__owner)()
    def keyword(self):
        return self.__secret(_Account__x=4)
    @property
    def __hidden(self):
        return 'h'
    def show(self): return self.__hidden
    def __eq__(self, other):
        return self.__owner == other.__owner
    @classmethod
    def total(cls): return cls.__count
    class __Inner:
        __y = 5
        def get(self): return self.__y
    def make(self):
        return self.__Inner().get()
    def glob(self):
        global __g
        __g = 9
        return __g
    def local(self):
        __t = 1
        for __i in range(3):
            __t += __i
        try:
            raise ValueError('q')
        except ValueError as __e:
            __t = (__t, str(__e))
        import time as __time
        from collections import deque as __deque
        del self.__owner
        return __t, hasattr(self, '_Account__owner'), list(__deque([1]))

class Derived(Account):
    def __init__(self):
        super().__init__('base')
        self.__owner = 'derived'
    def own(self): return self.__owner, self._Account__owner

class _Under:
    def __init__(self): self.__v = 1
    def get(self): return self._Under__v
class __:
    def __init__(self): self.__v = 7
a = Account('ann')
print(a.both(), a.keyword(), a.show(), a._Account__owner, a == Account('ann'), Account.total(), Account._Account__count, a.make(), a.glob(), _Account__g)
print(Derived().own(), _Under().get(), __().__v)
print(a._Account__secret(), a.local())
try:
    a.__owner
except AttributeError as e:
    print(e)
try:
    Derived()._Account__nothing
except AttributeError as e:
    print(e)
def outer():
    __n = 1
    class C:
        def f(self):
            return _C__m
    return C
_C__m = 'global'
print(outer()().f())
class D:
    def f(self):
        return __zz
try:
    D().f()
except NameError as e: print(e)
class E:
    __slots__ = ('__a', 'b')
    def __init__(self): self.__a = 1
print(E()._E__a)
class F:
    def f(self, *__a, **__k): return __a, __k
    x = [__q for __q in range(3)]
    def w(self): return (__w := 5), __w
print(F().f(1, 2, z=3), F.x, F().w())
