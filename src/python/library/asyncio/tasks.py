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
                outer.set_exception(_asyncio_error_of(child) if child.cancelled() else CancelledError())
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
    if future.cancelled():
        message = _asyncio_message_of(future)
        return CancelledError('' if message is None else message)
    error = future.exception()
    return future.result() if error is None else error

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

async def to_thread(func, *args, **kwargs):
    return await run_in_executor(get_running_loop(), None, _call, func, args, kwargs)


