# Contexts again: bare raise, generators, coroutines, exceptions that are raised a second time.
def chain(e):
    out = []
    while e is not None:
        out.append((type(e).__name__, str(e)))
        e = e.__context__
    return out
def show(f):
    try: print(f.__name__, f())
    except BaseException as e: print(f.__name__, chain(e))
def a1():
    try: 1 / 0
    finally:
        try: raise KeyError('k')
        except KeyError: pass
        raise
def a2():
    try: 1 / 0
    except ZeroDivisionError:
        try: raise KeyError('x')
        finally: raise
def reraise(): raise
def a3():
    try: 1 / 0
    finally: reraise()
def a4():
    try: 1 / 0
    except ZeroDivisionError:
        for i in range(2):
            try: raise KeyError(i)
            except KeyError:
                if i: break
                continue
        raise ValueError('loop')
def a5():
    for i in range(3):
        try: raise KeyError(i)
        except KeyError:
            if i == 1: break
    raise ValueError('after break')
def a6():
    def inner():
        try: 1 / 0
        except ZeroDivisionError: return 5
        finally: raise KeyError('fin')
    return inner()
def a7():
    try:
        try: 1 / 0
        except ZeroDivisionError as e:
            raise TypeError('one')
        finally:
            raise KeyError('two')
    finally:
        raise ValueError('three')
class C:
    def __init__(self, swallow): self.swallow = swallow
    def __enter__(self): return self
    def __exit__(self, t, v, tb):
        try: raise OSError('in exit')
        except OSError as e: self.seen = chain(e)
        return self.swallow
def a8():
    with C(True) as c: raise KeyError('b')
    return c.seen
def a9():
    c = C(False)
    try:
        with c: raise KeyError('b')
    except KeyError: return c.seen
def a10():
    c = C(False)
    with c: pass
    return c.seen
def g():
    try: yield 1
    except KeyError: yield 2
    raise ValueError('g end')
def a11():
    i = g(); next(i); i.throw(KeyError('t'))
    next(i)
def a12():
    i = g(); next(i); i.throw(KeyError('t'))
    try: 1 / 0
    except ZeroDivisionError: next(i)
def a13():
    e = ValueError('e'); e.__context__ = KeyError('manual')
    raise e
def a14():
    e = ValueError('e'); e.__context__ = e
    try: raise e
    except ValueError: raise TypeError('t')
def a15():
    try: raise KeyError('a')
    except KeyError as e: first = e
    try: raise ValueError('b')
    except ValueError:
        try: raise first
        except KeyError: pass
    return chain(first)
def a16():
    try:
        [1][5]
    except (IndexError if 1 / 0 else KeyError):
        pass
def a17():
    try: return 1
    finally:
        raise KeyError('f')
def a18():
    try: 1 / 0
    except ZeroDivisionError as e:
        try: raise KeyError('k') from e
        except KeyError as k: return chain(k), type(k.__cause__).__name__, k.__suppress_context__
def a19():
    try: 1 / 0
    except ZeroDivisionError: pass
    else: pass
    raise KeyError('clean')
def a20():
    def f(n):
        if n == 0: raise KeyError('deep')
        try: f(n - 1)
        except KeyError: raise ValueError(n)
    f(1)
def a21():
    try: int('x')
    except ValueError as e:
        try: {}['k']
        except KeyError: pass
        return chain(e)
def a22():
    try:
        raise Exception('1')
    except Exception:
        try: raise Exception('2')
        except Exception:
            try: raise Exception('3')
            finally: raise Exception('4')
import asyncio
async def co():
    try: await asyncio.sleep(0); 1 / 0
    finally: raise KeyError('async fin')
def a23(): asyncio.run(co())
class AC:
    async def __aenter__(self): return self
    async def __aexit__(self, *a): raise ValueError('aexit')
async def co2():
    async with AC(): raise KeyError('body')
def a24(): asyncio.run(co2())
for f in (a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a15, a16, a17, a18, a19, a20, a21, a22, a23, a24): show(f)
