# `sys.stdout` and `sys.stderr`.
class Stream:
    def __init__(self, name):
        self.name = name

    def write(self, text):
        return _write(self.name, text)

    def flush(self):
        pass

    def isatty(self):
        return False

stdout = Stream('<stdout>')
stderr = Stream('<stderr>')
