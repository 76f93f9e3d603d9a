# What an exception has as its context: through finally, with, and loops that leave an except.
def chain(e):
    out = []
    while e is not None:
        out.append((type(e).__name__, str(e), type(e.__cause__).__name__, e.__suppress_context__))
        e = e.__context__
    return out
def f1():
    try:
        1 / 0
    finally:
        raise ValueError('in finally')
def f2():
    try:
        try:
            1 / 0
        finally:
            {}['k']
    except KeyError as e:
        raise RuntimeError('x') from e
def f3():
    try:
        1 / 0
    except ZeroDivisionError:
        try:
            raise KeyError('inner')
        except KeyError:
            pass
        raise ValueError('after')
def f4():
    try:
        raise KeyError('a')
    except KeyError as e:
        err = e
    raise err
def f5():
    try:
        1 / 0
    except ZeroDivisionError as e:
        raise e
def f6():
    try:
        1 / 0
    except ZeroDivisionError:
        raise ValueError from None
class M:
    def __enter__(self): return self
    def __exit__(self, t, v, tb): raise ValueError('exit')
def f7():
    with M():
        raise KeyError('body')
def f8():
    with M():
        pass
def f9():
    try:
        raise KeyError('one')
    except KeyError as one:
        try:
            raise ValueError('two')
        except ValueError as two:
            raise one
def helper():
    raise OSError('helper')
def f10():
    try:
        1 / 0
    except ZeroDivisionError:
        helper()
def f11():
    try:
        1 / 0
    except ZeroDivisionError:
        try:
            helper()
        finally:
            raise TypeError('t')
def f12():
    for i in range(2):
        try:
            if i == 1: raise KeyError('k')
            1 / 0
        except ZeroDivisionError:
            continue
def gen():
    try:
        yield 1
    finally:
        raise ValueError('gen')
def f13():
    g = gen(); next(g)
    try:
        1 / 0
    except ZeroDivisionError:
        next(g)
def f14():
    try:
        try:
            raise KeyError('a')
        except KeyError:
            raise ValueError('b')
    except ValueError:
        raise TypeError('c')
def f15():
    e = ValueError('same')
    try:
        raise e
    except ValueError:
        raise e
def f16():
    try:
        raise KeyError('a')
    except (KeyError, ValueError) as e:
        e.add_note('note') if hasattr(e, 'add_note') else None
        raise
def f17():
    try:
        try:
            raise KeyError('a')
        finally:
            try:
                raise ValueError('b')
            except ValueError:
                pass
    finally:
        pass
def f18():
    try:
        try:
            raise KeyError('a')
        finally:
            raise ValueError('b')
    except ValueError:
        pass
    raise TypeError('fresh')
def f19():
    def g():
        try:
            yield
        except KeyError:
            raise ValueError('from gen')
    i = g(); next(i); i.throw(KeyError('thrown'))
def f20():
    try:
        assert False, 'msg'
    except AssertionError as a:
        raise ValueError('v') from KeyError('cause')
for f in (f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20):
    try:
        print(f.__name__, f())
    except BaseException as e:
        print(f.__name__, chain(e))
