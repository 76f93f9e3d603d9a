class MyError(Exception):
    pass
class Coded(Exception):
    def __init__(self, code):
        super().__init__("code " + str(code))
        self.code = code
def f(n):
    try:
        if n == 0:
            raise MyError("zero")
        if n == 1:
            raise Coded(7)
        if n == 2:
            return "ret"
        if n == 3:
            [][0]
        return "end"
    except MyError as e:
        return "my " + str(e)
    except (Coded, KeyError) as e:
        return "coded " + str(e.code)
    else:
        return "else"
    finally:
        print("finally", n)
for n in range(5):
    try:
        print(f(n))
    except IndexError as e:
        print("outer", e)
def g():
    for i in range(3):
        try:
            if i == 1:
                continue
            if i == 2:
                break
            print("body", i)
        finally:
            print("fin", i)
    return "g"
print(g())
def h():
    try:
        raise ValueError("a")
    except ValueError:
        try:
            raise
        except ValueError as e:
            print("again", e)
        raise KeyError("k")
try:
    h()
except KeyError as e:
    print("KeyError", e, repr(e), e.args)
def k():
    try:
        return 1
    finally:
        return 2
print(k())
def w():
    try:
        try:
            1 / 0
        finally:
            print("inner")
    except ZeroDivisionError:
        print("outer")
    else:
        print("no")
w()
try:
    assert 1 == 2, "msg"
except AssertionError as e:
    print("assert", e)
try:
    assert False
except AssertionError as e:
    print("assert", repr(str(e)))
print(repr(ValueError("x")), str(ValueError()), ValueError(1, 2), isinstance(KeyError(), LookupError))
try:
    raise MyError
except Exception as e:
    print(type(e).__name__, e)
def nested():
    with_list = []
    for i in range(2):
        for j in range(2):
            try:
                if j == 1:
                    return with_list
                with_list.append((i, j))
            finally:
                with_list.append("f")
print(nested())
try:
    try:
        raise ValueError("one")
    finally:
        print("cleanup")
except ValueError as e:
    print(e)
try:
    e
except NameError as x:
    print(x)
