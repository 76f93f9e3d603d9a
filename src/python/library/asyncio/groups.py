# Time limits, and groups of tasks that end together.
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


