# concurrent.futures: futures, the executor of threads, and what waits for futures. In CPython it
# is Python as well. What a lock protects there is one step here.
import collections
import itertools
import os
import threading
import time

FIRST_COMPLETED = "FIRST_COMPLETED"
FIRST_EXCEPTION = "FIRST_EXCEPTION"
ALL_COMPLETED = "ALL_COMPLETED"

class Error(Exception):
    pass

class CancelledError(Error):
    pass

class InvalidStateError(Error):
    pass

class BrokenExecutor(RuntimeError):
    pass

class BrokenThreadPool(BrokenExecutor):
    pass

class Future:
    def __init__(self):
        self._state = "PENDING"
        self._result = None
        self._exception = None
        self._ended = threading.Event()
        self._callbacks = []
        self._waiters = []

    def __repr__(self):
        state = "cancelled" if self._state[0] == "C" else self._state.lower()
        if self._exception is not None:
            return "<Future state=%s raised %s>" % (state, type(self._exception).__name__)
        if state == "finished":
            return "<Future state=%s returned %s>" % (state, type(self._result).__name__)
        return "<Future state=%s>" % state

    def cancel(self):
        if self._state == "RUNNING" or self._state == "FINISHED":
            return False
        if self._state == "PENDING":
            self._state = "CANCELLED"
            self._ended.set()
            self._call_back()
        return True

    def cancelled(self):
        return self._state[0] == "C"

    def running(self):
        return self._state == "RUNNING"

    def done(self):
        return self._state[0] == "C" or self._state == "FINISHED"

    def result(self, timeout=None):
        self._wait(timeout)
        if self._exception is not None:
            raise self._exception
        return self._result

    def exception(self, timeout=None):
        self._wait(timeout)
        return self._exception

    def add_done_callback(self, fn):
        if not self.done():
            self._callbacks.append(fn)
            return
        try:
            fn(self)
        except Exception as e:
            _log_exception(e, "exception calling callback")

    def set_running_or_notify_cancel(self):
        if self._state == "CANCELLED":
            self._state = "CANCELLED_AND_NOTIFIED"
            self._tell()
            return False
        if self._state == "PENDING":
            self._state = "RUNNING"
            return True
        raise RuntimeError("Future in unexpected state")

    def set_result(self, result):
        self._check("set_result")
        self._result = result
        self._finish()

    def set_exception(self, exception):
        self._check("set_exception")
        self._exception = exception
        self._finish()

    def _check(self, name):
        if self.done():
            raise InvalidStateError("%s: %s" % (self._state, repr(self)))

    def _finish(self):
        self._state = "FINISHED"
        self._tell()
        self._ended.set()
        self._call_back()

    def _tell(self):
        for waiter in self._waiters:
            waiter.add(self)

    def _call_back(self):
        callbacks = self._callbacks
        self._callbacks = []
        for callback in callbacks:
            try:
                callback(self)
            except Exception as e:
                _log_exception(e, "exception calling callback")

    def _wait(self, timeout):
        if not self.done() and not _wait_result(self._ended, timeout):
            raise TimeoutError()
        if self._state[0] == "C":
            raise CancelledError()

    # A cancelled future is complete for those who wait only once its executor has seen it.
    def _is_over(self):
        return self._state == "FINISHED" or self._state == "CANCELLED_AND_NOTIFIED"

    def _has_failed(self):
        return self._state == "FINISHED" and self._exception is not None

class Waiter:
    def __init__(self, futures, wanted):
        self.event = threading.Event()
        self.finished = []
        self.wanted = wanted
        self.left = len(futures)
        for future in futures:
            future._waiters.append(self)

    def add(self, future):
        self.finished.append(future)
        self.left -= 1
        failed = self.wanted == FIRST_EXCEPTION and future._has_failed()
        if self.wanted == FIRST_COMPLETED or failed or self.left == 0:
            self.event.set()

    def leave(self, futures):
        for future in futures:
            if self in future._waiters:
                future._waiters.remove(self)

class DoneAndNotDoneFutures:
    def __init__(self, done, not_done):
        self.done = done
        self.not_done = not_done

    def __iter__(self):
        return iter((self.done, self.not_done))

    def __getitem__(self, index):
        return (self.done, self.not_done)[index]

    def __len__(self):
        return 2

    def __repr__(self):
        return "DoneAndNotDoneFutures(done=" + repr(self.done) + ", not_done=" + repr(self.not_done) + ")"

def _unique(futures):
    out = {}
    for future in futures:
        out[future] = True
    return list(out)

def wait(fs, timeout=None, return_when=ALL_COMPLETED):
    futures = _unique(fs)
    done = [f for f in futures if f._is_over()]
    left = [f for f in futures if not f._is_over()]
    enough = return_when == FIRST_COMPLETED and len(done) > 0
    if return_when == FIRST_EXCEPTION:
        for f in done:
            enough = enough or f._has_failed()
    if not enough and left:
        if return_when not in (FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED):
            raise ValueError("Invalid return condition: " + repr(return_when))
        waiter = Waiter(left, return_when)
        _wait_result(waiter.event, timeout)
        waiter.leave(left)
        done.extend(waiter.finished)
    done = set(done)
    return DoneAndNotDoneFutures(done, set([f for f in futures if f not in done]))

def as_completed(fs, timeout=None):
    end = None if timeout is None else timeout + time.monotonic()
    futures = _unique(fs)
    done = [f for f in futures if f._is_over()]
    left = [f for f in futures if not f._is_over()]
    waiter = Waiter(left, FIRST_COMPLETED)
    for f in done:
        yield f
    left = set(left)
    while left:
        rest = None if end is None else end - time.monotonic()
        if not _wait_result(waiter.event, rest) and not waiter.finished:
            waiter.leave(left)
            text = "%d (of %d) futures unfinished" % (len(left), len(futures))
            raise TimeoutError(text)
        finished = waiter.finished
        waiter.finished = []
        waiter.event.clear()
        for f in finished:
            left.remove(f)
            yield f

class Results:
    def __init__(self, futures, end):
        self._futures = futures
        self._end = end

    def __iter__(self):
        return self

    def __next__(self):
        if not self._futures:
            raise StopIteration
        future = self._futures.popleft()
        try:
            if self._end is None:
                return future.result()
            return future.result(self._end - time.monotonic())
        except BaseException:
            future.cancel()
            for other in self._futures:
                other.cancel()
            self._futures.clear()
            raise

def _zipped(iterables):
    iterators = [iter(iterable) for iterable in iterables]
    while iterators:
        args = []
        for iterator in iterators:
            try:
                args.append(next(iterator))
            except StopIteration:
                return
        yield tuple(args)

class Executor:
    submit = _submit

    def map(self, fn, *iterables, timeout=None, chunksize=1):
        end = None if timeout is None else timeout + time.monotonic()
        futures = collections.deque()
        for args in _zipped(iterables):
            futures.append(self._submit(fn, args, {}))
        return Results(futures, end)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.shutdown(wait=True)
        return False

class ThreadPoolExecutor(Executor):
    _counter = itertools.count()

    def __init__(self, max_workers=None, thread_name_prefix="", initializer=None, initargs=()):
        if max_workers is None:
            max_workers = min(32, os.cpu_count() + 4)
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._max_workers = max_workers
        prefix = thread_name_prefix or "ThreadPoolExecutor-%d" % next(self._counter)
        self._pool = _new_pool(max_workers, prefix)
        self._initializer = initializer
        self._initargs = initargs
        self._queued = {}
        self._broken = False
        self._is_shut = False

    def _submit(self, fn, args, kwargs):
        if self._broken:
            raise BrokenThreadPool(self._broken)
        if self._is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = Future()
        self._queued[future] = True
        _start_job(self._pool, _job, self, future, fn, args, kwargs)
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._is_shut = True
        if cancel_futures:
            queued = self._queued
            self._queued = {}
            for future in queued:
                future.cancel()
        if wait:
            _join_pool(self._pool)

    def _break(self):
        self._broken = (
            "A thread initializer failed, the thread pool is not usable anymore"
        )
        queued = self._queued
        self._queued = {}
        for future in queued:
            if future.set_running_or_notify_cancel():
                future.set_exception(BrokenThreadPool(self._broken))

# What a thread of a pool does: one job.
def _job(executor, future, fn, args, kwargs):
    is_new = _begin_job(executor._pool)
    if is_new and executor._initializer is not None:
        try:
            _call(executor._initializer, executor._initargs, {})
        except BaseException as e:
            _log_exception(e, "Exception in initializer")
            executor._break()
    executor._queued.pop(future, None)
    if not future._is_over() and future.set_running_or_notify_cancel():
        try:
            result = _call(fn, args, kwargs)
        except BaseException as e:
            future.set_exception(e)
        else:
            future.set_result(result)
    _end_job(executor._pool)

class BrokenProcessPool(BrokenExecutor):
    pass

# Worker processes, and the thread that takes in their results while there are any to come.
class Workers:
    def __init__(self, count, initializer, initargs, tasks, daemon, begin, lost):
        global _starting
        self._count = count
        self._daemon = daemon
        self._lost = lost
        self._futures = {}
        self._queue = collections.deque()
        self._jobs = 0
        self._collects = False
        self._broken = None
        self._lock = threading.RLock()
        self._idle = threading.Event()
        self._idle.set()
        _starting = (begin, initializer, tuple(initargs))
        self._number = _start_workers(count, tasks)
        _starting = None

    def submit(self, future, fn, args, kwargs):
        if self._broken is not None:
            future.set_exception(self._lost(self._broken))
            return
        with self._lock:
            self._queue.append((future, fn, args, kwargs))
            self._idle.clear()
            begins = not self._collects
            self._collects = True
        self._feed()
        if begins:
            _start_thread(self._daemon, _collect, self)

    # One job more than there are workers is under way: a job that waits here can be cancelled.
    def _feed(self):
        with self._lock:
            while self._queue and len(self._futures) <= self._count:
                future, fn, args, kwargs = self._queue.popleft()
                if not future.set_running_or_notify_cancel():
                    continue
                self._jobs += 1
                job = self._jobs
                # Before it is sent: its result may be here before this thread runs again.
                self._futures[job] = future
                try:
                    _submit_job(self._number, job, fn, args, kwargs)
                except Exception as e:
                    self._futures.pop(job, None)
                    future.set_exception(e)

    def cancel(self):
        for future, fn, args, kwargs in self._queue:
            future.cancel()

    def terminate(self, why):
        if self._broken is None:
            _stop_workers(self._number, True)
        self._break(why)

    def _break(self, why):
        self._broken = why
        for future, fn, args, kwargs in self._queue:
            if future.set_running_or_notify_cancel():
                future.set_exception(self._lost(why))
        self._queue.clear()
        futures = list(self._futures.values())
        self._futures.clear()
        for future in futures:
            future.set_exception(self._lost(why))
        self._idle.set()

    def join(self):
        self._idle.wait()
        if self._broken is None:
            _stop_workers(self._number, False)

def _collect(workers):
    while True:
        with workers._lock:
            if not workers._futures and not workers._queue:
                # In one step: whoever submits next starts another collector.
                workers._collects = False
                workers._idle.set()
                return
            waits = bool(workers._futures)
        if waits:
            for job, kind, value in _take_results(workers._number):
                future = workers._futures.pop(job, None)
                if future is None:
                    continue
                if kind == 0:
                    future.set_result(value)
                elif kind == 1:
                    future.set_exception(value)
                elif workers._lost is BrokenProcessPool:
                    workers._futures[job] = future
                    workers._break(value)
                    _stop_workers(workers._number, True)
                else:
                    future.set_exception(workers._lost(value))
        workers._feed()

# What a worker begins with; its world has it.
_starting = None

# What the main thread of a worker does.
def _work():
    begin, initializer, initargs = _starting
    if begin is not None:
        begin()
    if initializer is not None:
        _call(initializer, initargs, {})
    while True:
        fn, args, kwargs = _next_job()
        try:
            result = _call(fn, args, kwargs)
        except BaseException as e:
            _give_back(False, e)
        else:
            _give_back(True, result)
        fn = args = kwargs = result = None

class ProcessPoolExecutor(Executor):
    def __init__(
        self, max_workers=None, mp_context=None, initializer=None, initargs=(), *,
        max_tasks_per_child=None
    ):
        if max_workers is None:
            max_workers = os.cpu_count()
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._max_workers = max_workers
        self._is_shut = False
        self._workers = Workers(
            max_workers, initializer, initargs, max_tasks_per_child, False, None, BrokenProcessPool
        )

    def _submit(self, fn, args, kwargs):
        if self._workers._broken is not None:
            raise BrokenProcessPool(self._workers._broken)
        if self._is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = Future()
        self._workers.submit(future, fn, args, kwargs)
        return future

    def map(self, fn, *iterables, timeout=None, chunksize=1):
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        end = None if timeout is None else timeout + time.monotonic()
        futures = collections.deque()
        items = list(_zipped(iterables))
        for at in range(0, len(items), chunksize):
            futures.append(self._submit(_call_chunk, (fn, items[at:at + chunksize]), {}))
        return Chunks(Results(futures, end))

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._is_shut = True
        if cancel_futures:
            self._workers.cancel()
        if wait:
            self._workers.join()

def _call_chunk(fn, chunk):
    return [_call(fn, args, {}) for args in chunk]

class Chunks:
    def __init__(self, chunks):
        self._chunks = chunks
        self._items = collections.deque()

    def __iter__(self):
        return self

    def __next__(self):
        while not self._items:
            self._items.extend(next(self._chunks))
        return self._items.popleft()
