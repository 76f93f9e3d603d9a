# Queues between tasks.
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


