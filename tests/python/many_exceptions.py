class AppError(Exception):
    """Base."""

class ConfigError(AppError):
    def __init__(self, key, message="bad"):
        self.key = key
        self.message = message
        super().__init__(key, message)
    def __str__(self):
        return f"[{self.key}] {self.message}"

class RetryError(AppError):
    code = 7

def risky(n):
    if n == 0:
        raise ConfigError("path")
    if n == 1:
        raise RetryError
    if n == 2:
        return 1 / 0
    if n == 3:
        return [1][5]
    if n == 4:
        return {}["k"]
    if n == 5:
        return int("x")
    if n == 6:
        return None.foo
    if n == 7:
        return "a" + 1
    if n == 8:
        assert n < 0, f"n is {n}"
    if n == 9:
        return undefined_name
    if n == 10:
        raise RuntimeError("a", 2)
    return n

for i in range(12):
    try:
        result = risky(i)
    except ConfigError as e:
        print("config", e, e.args, e.key, repr(e))
    except (RetryError, ZeroDivisionError) as e:
        print("retry or zero", type(e).__name__, getattr(e, "code", None), e)
    except LookupError as e:
        print("lookup", repr(e), e.__class__.__name__)
    except (ValueError, AttributeError, TypeError) as e:
        print("value", e)
    except AssertionError as e:
        print("assert", e)
    except NameError as e:
        print("name", e)
    except Exception as e:
        print("other", e, e.args, len(e.args))
    else:
        print("fine", result)
    finally:
        print("done", i, end=";\n" if i == 11 else "; ")

def order():
    try:
        print("try")
        return "from try"
    except Exception:
        print("no")
    else:
        print("else")
    finally:
        print("finally")
print(order())
def override():
    try:
        return 1
    finally:
        return 2
print(override())
def nested():
    try:
        try:
            raise ValueError("inner")
        except ValueError as e:
            raise KeyError("outer") from e
    except KeyError as e:
        return repr(e), repr(e.__cause__), e.__context__ is e.__cause__
print(nested())
def implicit():
    try:
        try:
            raise ValueError("first")
        except ValueError:
            raise TypeError("second")
    except TypeError as e:
        return repr(e.__context__), e.__cause__
print(implicit())
def reraise():
    try:
        raise OSError("disk")
    except OSError:
        print("log")
        raise
try:
    reraise()
except OSError as e:
    print("again", e)
def loop():
    for i in range(5):
        try:
            if i == 1:
                continue
            if i == 3:
                break
            print("i", i)
        finally:
            print("f", i)
    else:
        print("never")
loop()
try:
    raise Exception("no from") from None
except Exception as e:
    print(e, e.__cause__, e.__suppress_context__)
try:
    raise KeyError("k")
except Exception as e:
    print(str(e), e)
e1 = ValueError("x", 1)
print(e1, repr(e1), ValueError(), repr(ValueError()), str(KeyError()))
print(isinstance(e1, Exception), issubclass(RetryError, AppError), ConfigError.__name__, ConfigError.__mro__[1].__name__)
def gen():
    try:
        yield 1
        yield 2
    finally:
        print("cleanup")
for x in gen():
    print(x)
g = gen()
next(g)
g.close()
try:
    next(g)
except StopIteration:
    print("stopped")
try:
    try:
        1 / 0
    finally:
        print("inner finally")
except ZeroDivisionError as e:
    print(e)
class Ctx:
    def __init__(self, swallow): self.swallow = swallow
    def __enter__(self): return self
    def __exit__(self, t, v, tb):
        print("exit", t.__name__ if t else None, v)
        return self.swallow
with Ctx(True):
    raise ValueError("gone")
try:
    with Ctx(False) as c, Ctx(False) as d:
        raise ValueError("kept")
except ValueError as e:
    print("kept", e)
