# multiprocessing: processes, pools of them, and queues between them. In CPython it is Python as
# well. A child begins with a copy of this world, as after fork.
import collections
import itertools
import os
import queue
import threading
import time
import concurrent.futures

class ProcessError(Exception):
    pass

class TimeoutError(ProcessError):
    pass

def cpu_count():
    return os.cpu_count()

def freeze_support():
    pass

def get_start_method():
    return "fork"

def set_start_method(method, force=False):
    if method not in (None, "fork", "forkserver"):
        raise ValueError("processes are forked here: leave out set_start_method(%r)" % method)

# What a child is to do: it finds this in its copy of the world.
_starting = None

class Process:
    _count = itertools.count(1)

    def __init__(self, group=None, target=None, name=None, args=(), kwargs={}, *, daemon=None):
        self._target = target
        self._args = tuple(args)
        self._kwargs = dict(kwargs)
        self._number = None
        self._parent = os.getpid()
        self.pid = None
        self.name = name or "Process-%d" % next(Process._count)
        self.daemon = _current.daemon if daemon is None else bool(daemon)

    def __repr__(self):
        return "<%s name=%s pid=%s>" % (type(self).__name__, repr(self.name), self.pid)

    def run(self):
        if self._target is not None:
            _call(self._target, self._args, self._kwargs)

    def start(self):
        global _starting
        if self.pid is not None:
            raise AssertionError("cannot start a process twice")
        if _current.daemon:
            raise AssertionError("daemonic processes are not allowed to have children")
        # What has ended, and what a child was told, is nothing that the next one needs.
        _children[:] = active_children()
        _starting = self
        self._number, self.pid = _start_process(self.name, self.daemon)
        _starting = None
        self._target = None
        self._args = ()
        self._kwargs = {}
        _children.append(self)

    def join(self, timeout=None):
        if self._number is None:
            raise AssertionError("can only join a started process")
        _wait_process(self._number, timeout)

    def is_alive(self):
        if self is _current:
            return True
        return self._number is not None and self.exitcode is None

    def terminate(self):
        self._signal(False)

    def kill(self):
        self._signal(True)

    def close(self):
        if self.is_alive():
            raise ValueError("Cannot close a process while it is still running. You should first call join() or terminate().")

    def _signal(self, kill):
        if self._number is None:
            raise AttributeError("'NoneType' object has no attribute 'terminate'")
        _signal_process(self._number, kill)

class _MainProcess(Process):
    def __init__(self):
        self._number = None
        self.pid = os.getpid()
        self.name = "MainProcess"
        self.daemon = False

_current = _MainProcess()
_children = []

def current_process():
    return _current

def active_children():
    return [process for process in _children if process.is_alive()]

# What the main thread of a child does.
def _child():
    global _current
    _current = _starting
    _current.pid = os.getpid()
    _children.clear()
    _current.run()

# The first thing that a worker of a pool does.
def _begin_worker():
    global _current
    _current = Process(name="ForkPoolWorker-%d" % os.getpid(), daemon=True)
    _current.pid = os.getpid()
    _children.clear()

class AsyncResult:
    def __init__(self, future):
        self._future = future

    def ready(self):
        return self._future.done()

    def successful(self):
        if not self.ready():
            raise ValueError("%s not ready" % repr(self))
        return self._future.exception() is None

    def wait(self, timeout=None):
        concurrent.futures.wait([self._future], timeout)

    def get(self, timeout=None):
        self.wait(timeout)
        if not self.ready():
            raise TimeoutError
        return self._future.result()

def _call_chunk(fn, chunk):
    return [fn(item) for item in chunk]

def _call_star_chunk(fn, chunk):
    return [_call(fn, args, {}) for args in chunk]

class Pool:
    def __init__(self, processes=None, initializer=None, initargs=(), maxtasksperchild=None):
        if processes is None:
            processes = os.cpu_count()
        if processes < 1:
            raise ValueError("Number of processes must be at least 1")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        if maxtasksperchild is not None and maxtasksperchild < 1:
            raise ValueError("maxtasksperchild must be a positive int or None")
        self._processes = processes
        self._state = "RUN"
        self._workers = concurrent.futures.Workers(
            processes, initializer, initargs, maxtasksperchild, True, _begin_worker, ProcessError
        )

    def __enter__(self):
        self._check_running()
        return self

    def __exit__(self, kind, value, traceback):
        self.terminate()

    def _check_running(self):
        if self._state != "RUN":
            raise ValueError("Pool not running")

    def _submit(self, fn, args, kwargs, callback=None, error_callback=None):
        self._check_running()
        future = concurrent.futures.Future()
        self._tell(future, callback, error_callback)
        self._workers.submit(future, fn, args, kwargs)
        return future

    def _tell(self, future, callback, error_callback):
        def tell(future):
            if future.exception() is not None:
                if error_callback is not None:
                    error_callback(future.exception())
            elif callback is not None:
                callback(future.result())
        if callback is not None or error_callback is not None:
            future.add_done_callback(tell)

    def apply(self, func, args=(), kwds={}):
        return self.apply_async(func, args, kwds).get()

    def apply_async(self, func, args=(), kwds={}, callback=None, error_callback=None):
        return AsyncResult(self._submit(func, tuple(args), dict(kwds), callback, error_callback))

    def map(self, func, iterable, chunksize=None):
        return self._map(_call_chunk, func, iterable, chunksize).get()

    def map_async(self, func, iterable, chunksize=None, callback=None, error_callback=None):
        return self._map(_call_chunk, func, iterable, chunksize, callback, error_callback)

    def starmap(self, func, iterable, chunksize=None):
        return self._map(_call_star_chunk, func, iterable, chunksize).get()

    def starmap_async(self, func, iterable, chunksize=None, callback=None, error_callback=None):
        return self._map(_call_star_chunk, func, iterable, chunksize, callback, error_callback)

    def _map(self, call, func, iterable, chunksize, callback=None, error_callback=None):
        self._check_running()
        items = list(iterable)
        if chunksize is None:
            chunksize = max(1, (len(items) + 4 * self._processes - 1) // (4 * self._processes))
        chunks = _chunks(items, chunksize)
        whole = concurrent.futures.Future()
        self._tell(whole, callback, error_callback)
        left = len(chunks)
        futures = []
        # All chunks end before the first failure is told.
        def done(future):
            nonlocal left
            left -= 1
            if left == 0:
                _gather(whole, futures)
        for _ in chunks:
            futures.append(concurrent.futures.Future())
        for future, chunk in zip(futures, chunks):
            future.add_done_callback(done)
            self._workers.submit(future, call, (func, chunk), {})
        if not chunks:
            whole.set_result([])
        return AsyncResult(whole)

    def imap(self, func, iterable, chunksize=1):
        self._check_running()
        futures = collections.deque()
        for chunk in _chunks(list(iterable), chunksize):
            futures.append(self._submit(_call_chunk, (func, chunk), {}))
        return IMapIterator(futures)

    def imap_unordered(self, func, iterable, chunksize=1):
        self._check_running()
        return IMapUnorderedIterator(self, func, _chunks(list(iterable), chunksize))

    def close(self):
        if self._state == "RUN":
            self._state = "CLOSE"

    def terminate(self):
        self._state = "TERMINATE"
        self._workers.terminate("the pool was terminated")

    def join(self):
        if self._state == "RUN":
            raise ValueError("Pool is still running")
        self._workers.join()

def _chunks(items, size):
    if size < 1:
        raise ValueError("Chunksize must be 1+, not %d" % size)
    return [items[at:at + size] for at in range(0, len(items), size)]

def _gather(whole, futures):
    items = []
    for future in futures:
        if future.exception() is not None:
            whole.set_exception(future.exception())
            return
        items.extend(future.result())
    whole.set_result(items)

class IMapIterator:
    def __init__(self, futures):
        self._futures = futures
        self._items = collections.deque()

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()

    def next(self, timeout=None):
        while not self._items:
            if not self._futures:
                raise StopIteration
            result = AsyncResult(self._futures[0])
            result.wait(timeout)
            if not result.ready():
                raise TimeoutError
            self._futures.popleft()
            self._items.extend(result.get())
        return self._items.popleft()

class IMapUnorderedIterator(IMapIterator):
    def __init__(self, pool, func, chunks):
        self._ended = collections.deque()
        self._left = len(chunks)
        self._any = threading.Semaphore(0)
        self._items = collections.deque()
        for chunk in chunks:
            pool._submit(_call_chunk, (func, chunk), {}).add_done_callback(self._end)

    def _end(self, future):
        self._ended.append(future)
        self._any.release()

    def next(self, timeout=None):
        while not self._items:
            if self._left == 0:
                raise StopIteration
            if not self._any.acquire(timeout=timeout):
                raise TimeoutError
            self._left -= 1
            self._items.extend(self._ended.popleft().result())
        return self._items.popleft()

class Queue:
    _only_inherited = "Queue objects should only be shared between processes through inheritance"

    def __init__(self, maxsize=0):
        self._queue = _new_queue(maxsize)

    def put(self, obj, block=True, timeout=None):
        if not _put_queue(self._queue, obj, block, timeout):
            raise queue.Full

    def put_nowait(self, obj):
        self.put(obj, False)

    def get(self, block=True, timeout=None):
        items = _get_queue(self._queue, block, timeout)
        if not items:
            raise queue.Empty
        return items[0]

    def get_nowait(self):
        return self.get(False)

    def close(self):
        pass

    def join_thread(self):
        pass

    def cancel_join_thread(self):
        pass

class SimpleQueue(Queue):
    pass

class Lock:
    _only_inherited = "Lock objects should only be shared between processes through inheritance"

    # A queue with one token in it: who has got that has the lock.
    def __init__(self):
        self._queue = _new_queue(1)
        _put_queue(self._queue, None, True, None)

    def acquire(self, block=True, timeout=None):
        return len(_get_queue(self._queue, block, timeout)) > 0

    def release(self):
        if not _put_queue(self._queue, None, False, None):
            raise ValueError("semaphore or lock released too many times")

    def __enter__(self):
        return self.acquire()

    def __exit__(self, kind, value, traceback):
        self.release()
