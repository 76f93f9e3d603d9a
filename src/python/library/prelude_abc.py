# `abc`.
class _ABC:
    pass

def _abstractmethod(f):
    f.__isabstractmethod__ = True
    return f
