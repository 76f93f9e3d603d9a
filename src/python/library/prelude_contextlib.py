# `contextlib`, as CPython's: Python.
class _GeneratorContextManager:
    def __init__(self, gen):
        self.gen = gen

    def __enter__(self):
        try:
            return next(self.gen)
        except StopIteration:
            raise RuntimeError("generator didn't yield") from None

    def __exit__(self, kind, value, traceback):
        if kind is None:
            try:
                next(self.gen)
            except StopIteration:
                return False
            raise RuntimeError("generator didn't stop")
        try:
            self.gen.throw(value)
        except StopIteration as e:
            return e is not value
        except BaseException as e:
            if e is not value:
                raise
            return False
        raise RuntimeError("generator didn't stop after throw()")

    def __call__(self, f):
        def inner(*args, **kwargs):
            with self:
                return f(*args, **kwargs)
        return inner

def contextmanager(f):
    def helper(*args, **kwargs):
        return _GeneratorContextManager(f(*args, **kwargs))
    helper.__name__ = f.__name__
    helper.__doc__ = f.__doc__
    return helper

class suppress:
    def __init__(self, *kinds):
        self.kinds = kinds

    def __enter__(self):
        pass

    def __exit__(self, kind, value, traceback):
        return kind is not None and issubclass(kind, self.kinds)

class closing:
    def __init__(self, thing):
        self.thing = thing

    def __enter__(self):
        return self.thing

    def __exit__(self, *details):
        self.thing.close()

class nullcontext:
    def __init__(self, enter_result=None):
        self.enter_result = enter_result

    def __enter__(self):
        return self.enter_result

    def __exit__(self, *details):
        pass

class ExitStack:
    def __init__(self):
        self.callbacks = []

    def __enter__(self):
        return self

    def enter_context(self, manager):
        result = manager.__enter__()
        self.callbacks.append(manager.__exit__)
        return result

    def push(self, exit):
        self.callbacks.append(exit.__exit__ if hasattr(exit, '__exit__') else exit)
        return exit

    def callback(self, f, *args, **kwargs):
        def leave(*details):
            f(*args, **kwargs)
        self.callbacks.append(leave)
        return f

    def close(self):
        self.__exit__(None, None, None)

    def __exit__(self, kind, value, traceback):
        raised = value
        swallowed = False
        pending = None
        while self.callbacks:
            leave = self.callbacks.pop()
            try:
                if leave(kind, value, traceback):
                    swallowed = True
                    pending = None
                    kind = value = traceback = None
            except BaseException as e:
                pending = e
                kind, value = type(e), e
        if pending is not None:
            raise pending
        return raised is not None and swallowed
