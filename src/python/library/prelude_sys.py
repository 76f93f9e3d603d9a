# `sys.stdout` and `sys.stderr`.
class _Stream:
    def __init__(self, name):
        self.name = name

    def write(self, text):
        return _write(self.name, text)

    def flush(self):
        pass

    def isatty(self):
        return False

_stdout = _Stream('<stdout>')
_stderr = _Stream('<stderr>')
