# `abc`.
class ABC:
    pass

def abstractmethod(f):
    f.__isabstractmethod__ = True
    return f
