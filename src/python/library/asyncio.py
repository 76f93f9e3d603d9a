# asyncio, as far as CPython has it in Python. What it has in C, and the queue of what is ready, is
# in machine/tasks.rs. Each wait takes as many passes of the loop as CPython's.
import threading

FIRST_COMPLETED = 'FIRST_COMPLETED'
FIRST_EXCEPTION = 'FIRST_EXCEPTION'
ALL_COMPLETED = 'ALL_COMPLETED'

class CancelledError(BaseException):
    pass

class InvalidStateError(Exception):
    pass

class QueueEmpty(Exception):
    pass

class QueueFull(Exception):
    pass

class BrokenBarrierError(RuntimeError):
    pass


# The task that an entry of the machine's threads is.
async def _step(coroutine):
    try:
        _asyncio_begin()
        result = await coroutine
    except BaseException as error:
        _asyncio_fail(error)
    else:
        _asyncio_finish(result)


# The loop.
def run_forever(loop):
    _asyncio_enter(loop)
    try:
        while True:
            call = _asyncio_next(loop)
            if call is None:
                break
            try:
                call[0](*call[1])
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                _asyncio_complain('Exception in callback', error)
    finally:
        _asyncio_leave(loop)

def run_until_complete(loop, future):
    _asyncio_check(loop)
    given = isfuture(future)
    future = ensure_future(future, loop=loop)
    def stop(future):
        loop.stop()
    future.add_done_callback(stop)
    try:
        run_forever(loop)
    except BaseException:
        if not given and future.done() and not future.cancelled():
            future.exception()
        raise
    finally:
        future.remove_done_callback(stop)
    if not future.done():
        raise RuntimeError('Event loop stopped before Future completed.')
    return future.result()

def run(main, *, debug=None):
    if _asyncio_running() is not None:
        raise RuntimeError('asyncio.run() cannot be called from a running event loop')
    if not iscoroutine(main):
        raise ValueError('a coroutine was expected, got ' + repr(main))
    loop = new_event_loop()
    set_event_loop(loop)
    try:
        return run_until_complete(loop, loop.create_task(main))
    finally:
        try:
            _cancel_all(loop)
            _asyncio_skip_names(2)
        finally:
            set_event_loop(None)
            loop.close()

def _cancel_all(loop):
    tasks = list(_asyncio_all_tasks(loop))
    if tasks:
        for task in tasks:
            task.cancel()
        set_event_loop(loop)
        run_until_complete(loop, _gather(loop, tasks, True))
        for task in tasks:
            if not task.cancelled() and task.exception() is not None:
                what = 'unhandled exception during asyncio.run() shutdown'
                _asyncio_complain(what, task.exception())

def new_event_loop():
    return _asyncio_new_loop()

def set_event_loop(loop):
    _asyncio_set_event_loop(loop)

def get_running_loop():
    loop = _asyncio_running()
    if loop is None:
        raise RuntimeError('no running event loop')
    return loop

def get_event_loop():
    loop = _asyncio_running()
    return loop if loop is not None else _asyncio_event_loop()


# Tasks.
def isfuture(value):
    return _asyncio_is_future(value)

def iscoroutine(value):
    return _asyncio_is_coroutine(value)

def ensure_future(awaitable, *, loop=None):
    if isfuture(awaitable):
        if loop is not None and awaitable.get_loop() is not loop:
            raise ValueError('The future belongs to a different loop than the one specified as the loop argument')
        return awaitable
    if not iscoroutine(awaitable):
        raise TypeError('An asyncio.Future, a coroutine or an awaitable is required')
    if loop is None:
        loop = get_event_loop()
    return loop.create_task(awaitable)

def create_task(coroutine, *, name=None):
    task = get_running_loop().create_task(coroutine)
    if name is not None:
        task.set_name(name)
    return task

def current_task(loop=None):
    get_running_loop()
    return _asyncio_current_task()

def all_tasks(loop=None):
    return set(_asyncio_all_tasks(get_running_loop() if loop is None else loop))

def _settle(future, value):
    if not future.done():
        future.set_result(value)

async def sleep(delay, result=None):
    if _asyncio_pause(delay):
        _asyncio_resume()
        return result
    loop = get_running_loop()
    future = loop.create_future()
    timer = loop.call_later(delay, _settle, future, result)
    try:
        return await future
    finally:
        timer.cancel()

def gather(*awaitables, return_exceptions=False):
    return _gather(None, awaitables, return_exceptions)

def _gather(loop, awaitables, return_exceptions):
    if not awaitables:
        outer = (get_event_loop() if loop is None else loop).create_future()
        outer.set_result([])
        return outer
    futures = {}
    children = []
    finished = 0
    early = []
    outer = None

    def done(child):
        nonlocal finished
        finished += 1
        if outer is None or outer.done():
            if not child.cancelled():
                child.exception()
            return
        if not return_exceptions:
            error = _asyncio_error_of(child)
            if error is not None:
                outer.set_exception(error)
                return
        if finished == len(futures):
            if _asyncio_cancel_asked(outer):
                outer.set_exception(CancelledError())
            else:
                outer.set_result([_outcome(child) for child in children])

    for awaitable in awaitables:
        if awaitable not in futures:
            child = ensure_future(awaitable, loop=loop)
            loop = child.get_loop()
            futures[awaitable] = child
            if child.done():
                early.append(child)
            else:
                child.add_done_callback(done)
        children.append(futures[awaitable])
    outer = loop.create_future()
    _asyncio_cancels(outer, children)
    for child in early:
        done(child)
    return outer

def _outcome(future):
    error = _asyncio_error_of(future)
    if error is None:
        return future.result()
    if future.cancelled() and not error.args:
        return CancelledError('')
    return error

async def wait(fs, *, timeout=None, return_when=ALL_COMPLETED):
    if isfuture(fs) or iscoroutine(fs):
        raise TypeError('expect a list of futures, not ' + type(fs).__name__)
    fs = set(fs)
    if not fs:
        raise ValueError('Set of Tasks/Futures is empty.')
    for future in fs:
        if iscoroutine(future):
            raise TypeError('Passing coroutines is forbidden, use tasks explicitly.')
    loop = get_running_loop()
    waiter = loop.create_future()
    left = len(fs)
    timer = None if timeout is None else loop.call_later(timeout, _settle, waiter, None)

    def done(future):
        nonlocal left
        left -= 1
        failed = not future.cancelled() and future.exception() is not None
        first = return_when == FIRST_COMPLETED or (return_when == FIRST_EXCEPTION and failed)
        if left <= 0 or first:
            if timer is not None:
                timer.cancel()
            _settle(waiter, None)

    for future in fs:
        future.add_done_callback(done)
    try:
        await waiter
    finally:
        if timer is not None:
            timer.cancel()
        for future in fs:
            future.remove_done_callback(done)
    return {f for f in fs if f.done()}, {f for f in fs if not f.done()}

async def _cancel_and_wait(future):
    waiter = get_running_loop().create_future()
    def done(future):
        _settle(waiter, None)
    future.add_done_callback(done)
    try:
        future.cancel()
        await waiter
    finally:
        future.remove_done_callback(done)

async def wait_for(fut, timeout):
    if timeout is not None and timeout <= 0:
        future = ensure_future(fut)
        if not future.done():
            await _cancel_and_wait(future)
            if future.cancelled():
                raise TimeoutError()
        return future.result()
    if not iscoroutine(fut):
        fut = ensure_future(fut)
    async with _timeout(timeout):
        return await fut

def as_completed(fs, *, timeout=None):
    if isfuture(fs) or iscoroutine(fs):
        raise TypeError('expect an iterable of futures, not ' + type(fs).__name__)
    loop = get_event_loop()
    finished = Queue()
    left = [ensure_future(f, loop=loop) for f in fs]
    timer = None

    def late():
        for future in left:
            future.remove_done_callback(done)
            finished.put_nowait(None)
        left.clear()

    def done(future):
        if left:
            left.remove(future)
            finished.put_nowait(future)
            if not left and timer is not None:
                timer.cancel()

    async def one():
        future = await finished.get()
        if future is None:
            raise TimeoutError()
        return future.result()

    for future in left:
        future.add_done_callback(done)
    if left and timeout is not None:
        timer = loop.call_later(timeout, late)
    for _ in range(len(left)):
        yield one()

def shield(arg):
    inner = ensure_future(arg)
    if inner.done():
        return inner
    outer = inner.get_loop().create_future()

    def inner_done(inner):
        if outer.cancelled():
            if not inner.cancelled():
                inner.exception()
        elif inner.cancelled():
            outer.cancel()
        elif inner.exception() is not None:
            outer.set_exception(inner.exception())
        else:
            outer.set_result(inner.result())

    def outer_done(outer):
        if not inner.done():
            inner.remove_done_callback(inner_done)

    inner.add_done_callback(inner_done)
    outer.add_done_callback(outer_done)
    return outer


# Threads.
def _work(loop, future, function, args):
    try:
        result = function(*args)
    except BaseException as error:
        _tell(loop, future, None, error)
    else:
        _tell(loop, future, result, None)

def _tell(loop, future, result, error):
    def settle():
        if not future.cancelled():
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)

def run_in_executor(loop, executor, func, *args):
    future = loop.create_future()
    if executor is None:
        threading.Thread(target=_work, args=(loop, future, func, args)).start()
    else:
        executor.submit(_work, loop, future, func, args)
    return future

async def to_thread(func, *args):
    return await run_in_executor(get_running_loop(), None, func, *args)


# Time limits.
class Timeout:
    def __init__(self, when):
        self._when = when
        self._state = 'created'
        self._timer = None

    def when(self):
        return self._when

    def expired(self):
        return self._state == 'expiring' or self._state == 'expired'

    def reschedule(self, when):
        if self._state == 'created':
            raise RuntimeError('Timeout has not been entered')
        if self._state != 'active':
            raise RuntimeError('Cannot change state of ' + self._state + ' Timeout')
        self._when = when
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None:
            loop = get_running_loop()
            if when <= loop.time():
                self._timer = loop.call_soon(self._expire)
            else:
                self._timer = loop.call_at(when, self._expire)

    def _expire(self):
        self._task.cancel()
        self._state = 'expiring'
        self._timer = None

    async def __aenter__(self):
        if self._state != 'created':
            raise RuntimeError('Timeout has already been entered')
        self._task = current_task()
        if self._task is None:
            raise RuntimeError('Timeout should be used inside a task')
        self._state = 'active'
        self._cancelling = self._task.cancelling()
        self.reschedule(self._when)
        return self

    async def __aexit__(self, kind, error, trace):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._state == 'active':
            self._state = 'finished'
        elif self._state == 'expiring':
            self._state = 'expired'
            if self._task.uncancel() <= self._cancelling and kind is CancelledError:
                raise TimeoutError()
        return None

def timeout(delay):
    loop = get_running_loop()
    return Timeout(None if delay is None else loop.time() + delay)

_timeout = timeout

def timeout_at(when):
    return Timeout(when)


# Groups.
class TaskGroup:
    def __init__(self):
        self._entered = False
        self._exiting = False
        self._aborting = False
        self._cancelled_parent = False
        self._tasks = []
        self._errors = []
        self._fatal = None
        self._last_done = None

    async def __aenter__(self):
        if self._entered:
            raise RuntimeError('TaskGroup ' + repr(self) + ' has already been entered')
        self._loop = get_running_loop()
        self._parent = current_task()
        self._entered = True
        return self

    async def __aexit__(self, kind, error, trace):
        self._exiting = True
        if error is not None and self._is_fatal(error) and self._fatal is None:
            self._fatal = error
        cancelled = error if kind is CancelledError else None
        if self._cancelled_parent and self._parent.uncancel() == 0:
            cancelled = None
        if kind is not None and not self._aborting:
            self._abort()
        while self._tasks:
            if self._last_done is None:
                self._last_done = self._loop.create_future()
            try:
                await self._last_done
            except CancelledError as more:
                if not self._aborting:
                    cancelled = more
                    self._abort()
            self._last_done = None
        if self._fatal is not None:
            raise self._fatal
        if cancelled is not None and not self._errors:
            raise cancelled
        if kind is not None and kind is not CancelledError:
            self._errors.append(error)
        if self._errors:
            raise ExceptionGroup('unhandled errors in a TaskGroup', self._errors)

    def create_task(self, coro, *, name=None):
        if not self._entered:
            raise RuntimeError('TaskGroup ' + repr(self) + ' has not been entered')
        if self._exiting and not self._tasks:
            raise RuntimeError('TaskGroup ' + repr(self) + ' is finished')
        if self._aborting:
            raise RuntimeError('TaskGroup ' + repr(self) + ' is shutting down')
        task = self._loop.create_task(coro)
        if name is not None:
            task.set_name(name)
        self._tasks.append(task)
        task.add_done_callback(self._task_done)
        return task

    def _is_fatal(self, error):
        return isinstance(error, (SystemExit, KeyboardInterrupt))

    def _abort(self):
        self._aborting = True
        for task in list(self._tasks):
            if not task.done():
                task.cancel()

    def _task_done(self, task):
        if task in self._tasks:
            self._tasks.remove(task)
        if self._last_done is not None and not self._tasks:
            _settle(self._last_done, True)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        self._errors.append(error)
        if self._is_fatal(error) and self._fatal is None:
            self._fatal = error
        if not self._aborting and not self._cancelled_parent and not self._parent.done():
            self._abort()
            self._cancelled_parent = True
            self._parent.cancel()


# Locks.
class Lock:
    def __init__(self):
        self._locked = False
        self._waiters = []

    def locked(self):
        return self._locked

    async def acquire(self):
        if self._locked or not all([waiter.cancelled() for waiter in self._waiters]):
            waiter = get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                try:
                    await waiter
                finally:
                    self._waiters.remove(waiter)
            except CancelledError:
                if not self._locked:
                    self._wake_first()
                raise
        self._locked = True
        return True

    def release(self):
        if not self._locked:
            raise RuntimeError('Lock is not acquired.')
        self._locked = False
        self._wake_first()

    def _wake_first(self):
        if self._waiters:
            _settle(self._waiters[0], True)

    async def __aenter__(self):
        await self.acquire()

    async def __aexit__(self, kind, error, trace):
        self.release()

class Event:
    def __init__(self):
        self._set = False
        self._waiters = []

    def is_set(self):
        return self._set

    def set(self):
        if not self._set:
            self._set = True
            for waiter in self._waiters:
                _settle(waiter, True)

    def clear(self):
        self._set = False

    async def wait(self):
        if not self._set:
            waiter = get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
        return True

class Condition:
    def __init__(self, lock=None):
        self._lock = Lock() if lock is None else lock
        self._waiters = []

    def locked(self):
        return self._lock.locked()

    async def acquire(self):
        return await self._lock.acquire()

    def release(self):
        self._lock.release()

    async def __aenter__(self):
        await self._lock.acquire()

    async def __aexit__(self, kind, error, trace):
        self._lock.release()

    async def wait(self):
        if not self._lock.locked():
            raise RuntimeError('cannot wait on un-acquired lock')
        self._lock.release()
        try:
            waiter = get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
        finally:
            cancelled = False
            while True:
                try:
                    await self._lock.acquire()
                    break
                except CancelledError:
                    cancelled = True
            if cancelled:
                raise CancelledError()
        return True

    async def wait_for(self, predicate):
        result = predicate()
        while not result:
            await self.wait()
            result = predicate()
        return result

    def notify(self, n=1):
        if not self._lock.locked():
            raise RuntimeError('cannot notify on un-acquired lock')
        for waiter in self._waiters:
            if n > 0 and not waiter.done():
                n -= 1
                waiter.set_result(False)

    def notify_all(self):
        self.notify(len(self._waiters))

class Semaphore:
    def __init__(self, value=1):
        if value < 0:
            raise ValueError('Semaphore initial value must be >= 0')
        self._value = value
        self._waiters = []

    def locked(self):
        return self._value == 0 or any([not waiter.cancelled() for waiter in self._waiters])

    async def acquire(self):
        if not self.locked():
            self._value -= 1
            return True
        waiter = get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
        except CancelledError:
            if not waiter.cancelled():
                self._value += 1
                self._wake_next()
            raise
        if self._value > 0:
            self._wake_next()
        return True

    def release(self):
        self._value += 1
        self._wake_next()

    def _wake_next(self):
        for waiter in self._waiters:
            if not waiter.done():
                self._value -= 1
                waiter.set_result(True)
                return

    async def __aenter__(self):
        await self.acquire()

    async def __aexit__(self, kind, error, trace):
        self.release()

class BoundedSemaphore(Semaphore):
    def __init__(self, value=1):
        self._bound = value
        super().__init__(value)

    def release(self):
        if self._value >= self._bound:
            raise ValueError('BoundedSemaphore released too many times')
        super().release()

class Barrier:
    def __init__(self, parties):
        if parties < 1:
            raise ValueError('parties must be > 0')
        self.parties = parties
        self.broken = False
        self._changed = Condition()
        self._state = 'filling'
        self._count = 0

    async def wait(self):
        async with self._changed:
            await self._changed.wait_for(lambda: self._state == 'filling' or self._state == 'broken')
            if self._state == 'broken':
                raise BrokenBarrierError('Barrier aborted')
            index = self._count
            self._count += 1
            try:
                if self._count == self.parties:
                    self._state = 'draining'
                    self._changed.notify_all()
                else:
                    await self._changed.wait_for(lambda: self._state != 'filling')
                    if self._state != 'draining':
                        raise BrokenBarrierError('Abort or reset of barrier')
            finally:
                self._count -= 1
                if self._count == 0:
                    if self._state != 'broken':
                        self._state = 'filling'
                    self._changed.notify_all()
        return index

    async def abort(self):
        async with self._changed:
            self.broken = True
            self._state = 'broken'
            self._changed.notify_all()

    async def __aenter__(self):
        return await self.wait()

    async def __aexit__(self, kind, error, trace):
        pass


# Queues.
class Queue:
    def __init__(self, maxsize=0):
        self.maxsize = maxsize
        self._items = []
        self._getters = []
        self._putters = []
        self._unfinished = 0
        self._finished = Event()
        self._finished.set()

    def _add(self, item):
        self._items.append(item)

    def _take(self):
        return self._items.pop(0)

    def qsize(self):
        return len(self._items)

    def empty(self):
        return not self._items

    def full(self):
        return self.maxsize > 0 and len(self._items) >= self.maxsize

    def _wake(self, waiters):
        while waiters:
            waiter = waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return

    async def put(self, item):
        while self.full():
            await self._wait(self._putters, self.full)
        self.put_nowait(item)

    async def get(self):
        while not self._items:
            await self._wait(self._getters, self.empty)
        return self.get_nowait()

    async def _wait(self, waiters, still):
        waiter = get_running_loop().create_future()
        waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            # Perhaps it was woken, and another one has to be instead.
            waiter.cancel()
            if waiter in waiters:
                waiters.remove(waiter)
            if not still() and not waiter.cancelled():
                self._wake(waiters)
            raise

    def put_nowait(self, item):
        if self.full():
            raise QueueFull()
        self._add(item)
        self._unfinished += 1
        self._finished.clear()
        self._wake(self._getters)

    def get_nowait(self):
        if not self._items:
            raise QueueEmpty()
        item = self._take()
        self._wake(self._putters)
        return item

    def task_done(self):
        if self._unfinished <= 0:
            raise ValueError('task_done() called too many times')
        self._unfinished -= 1
        if self._unfinished == 0:
            self._finished.set()

    async def join(self):
        if self._unfinished > 0:
            await self._finished.wait()

class LifoQueue(Queue):
    def _take(self):
        return self._items.pop()

class PriorityQueue(Queue):
    def _take(self):
        least = 0
        for at in range(1, len(self._items)):
            if self._items[at] < self._items[least]:
                least = at
        return self._items.pop(least)
