# `threading.Timer` and `queue.PriorityQueue`, as CPython's: Python.
from threading import Thread as _Thread, Event as _Event, Lock as _Lock, Condition as _Condition
from queue import Empty as _Empty, Full as _Full
from time import monotonic as _monotonic

class _Timer(_Thread):
    def __init__(self, interval, function, args=None, kwargs=None):
        super().__init__()
        self.interval = interval
        self.function = function
        self.args = args if args is not None else []
        self.kwargs = kwargs if kwargs is not None else {}
        self.finished = _Event()

    def cancel(self):
        self.finished.set()

    def run(self):
        self.finished.wait(self.interval)
        if not self.finished.is_set():
            self.function(*self.args, **self.kwargs)
        self.finished.set()

class _PriorityQueue:
    def __init__(self, maxsize=0):
        self.maxsize = maxsize
        self.queue = []
        self.mutex = _Lock()
        self.not_empty = _Condition(self.mutex)
        self.not_full = _Condition(self.mutex)
        self.all_tasks_done = _Condition(self.mutex)
        self.unfinished_tasks = 0

    def qsize(self):
        with self.mutex:
            return len(self.queue)

    def empty(self):
        with self.mutex:
            return not len(self.queue)

    def full(self):
        with self.mutex:
            return 0 < self.maxsize <= len(self.queue)

    def task_done(self):
        with self.all_tasks_done:
            unfinished = self.unfinished_tasks - 1
            if unfinished <= 0:
                if unfinished < 0:
                    raise ValueError('task_done() called too many times')
                self.all_tasks_done.notify_all()
            self.unfinished_tasks = unfinished

    def join(self):
        with self.all_tasks_done:
            while self.unfinished_tasks:
                self.all_tasks_done.wait()

    def put(self, item, block=True, timeout=None):
        with self.not_full:
            if self.maxsize > 0:
                if not block:
                    if len(self.queue) >= self.maxsize:
                        raise _Full
                elif timeout is None:
                    while len(self.queue) >= self.maxsize:
                        self.not_full.wait()
                else:
                    end = _monotonic() + timeout
                    while len(self.queue) >= self.maxsize:
                        if not self.not_full.wait(timeout) or end - _monotonic() <= 0:
                            raise _Full
            _heappush(self.queue, item)
            self.unfinished_tasks += 1
            self.not_empty.notify()

    def get(self, block=True, timeout=None):
        with self.not_empty:
            if not block:
                if not len(self.queue):
                    raise _Empty
            elif timeout is None:
                while not len(self.queue):
                    self.not_empty.wait()
            else:
                end = _monotonic() + timeout
                while not len(self.queue):
                    if not self.not_empty.wait(timeout) or end - _monotonic() <= 0:
                        raise _Empty
            item = _heappop(self.queue)
            self.not_full.notify()
            return item

    def put_nowait(self, item):
        return self.put(item, block=False)

    def get_nowait(self):
        return self.get(block=False)
