# The event loop itself: callbacks, passes, timers, and how it is run and stopped.
import asyncio


async def noop(n=0):
    for _ in range(n):
        await asyncio.sleep(0)
    return n


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
print(loop.is_running(), loop.is_closed())


def again(n):
    print('again', n)
    if n:
        loop.call_soon(again, n - 1)


loop.call_soon(again, 2)
loop.call_soon(print, 'second')
loop.call_soon(loop.stop)
loop.run_forever()
print('stopped after one pass')
loop.call_soon(print, 'one more')
loop.stop()
loop.run_forever()
print('that was one pass')
handle = loop.call_soon(print, 'never')
handle.cancel()
print(handle.cancelled())
loop.call_later(0.2, print, 'timer 2')
loop.call_later(0.05, print, 'timer 1')
early = loop.call_later(0.1, print, 'cancelled timer')
early.cancel()
loop.call_later(0.3, loop.stop)
loop.call_later(-1, print, 'negative')
loop.call_at(loop.time(), print, 'at once')
loop.run_forever()
print(loop.run_until_complete(noop(3)))
task = loop.create_task(noop(1))
print(loop.run_until_complete(asyncio.gather(task, noop(2))))
future = loop.create_future()
loop.call_soon(loop.stop)
try:
    loop.run_until_complete(future)
except RuntimeError as e:
    print(e)


async def inside():
    print(loop.is_running(), asyncio.get_running_loop() is loop, asyncio.get_event_loop() is loop)
    coroutine = noop()
    try:
        loop.run_until_complete(coroutine)
    except RuntimeError as e:
        print(e)
    try:
        loop.run_forever()
    except RuntimeError as e:
        print(e)
    try:
        asyncio.run(coroutine)
    except RuntimeError as e:
        print(e)
    await coroutine
    try:
        loop.close()
    except RuntimeError as e:
        print(e)


loop.run_until_complete(inside())


async def fails():
    raise KeyError('lost')


try:
    loop.run_until_complete(fails())
except KeyError as e:
    print('raised', e)


loop.call_soon(print, 'the loop goes on')
loop.run_until_complete(noop(1))
try:
    asyncio.get_running_loop()
except RuntimeError as e:
    print(e)
try:
    asyncio.run(3)
except ValueError as e:
    print(e)
loop.run_until_complete(loop.shutdown_asyncgens())
loop.close()
print(loop.is_closed())
try:
    loop.call_soon(print)
except RuntimeError as e:
    print(e)
try:
    loop.run_forever()
except RuntimeError as e:
    print(e)


# How many passes of the loop each takes.
async def passes(name, f):
    loop = asyncio.get_running_loop()
    count = 0
    running = True

    def tick():
        nonlocal count
        if running:
            count += 1
            loop.call_soon(tick)
    loop.call_soon(tick)
    await asyncio.sleep(0)
    before = count
    await f()
    print(name, count - before)
    running = False
    await asyncio.sleep(0)


async def counted():
    loop = asyncio.get_running_loop()

    async def done_future():
        future = loop.create_future()
        future.set_result(1)
        await future

    async def soon():
        future = loop.create_future()
        loop.call_soon(future.set_result, 1)
        await future

    async def task():
        await asyncio.create_task(noop())

    async def sleeping_task():
        await asyncio.create_task(noop(1))

    async def gathered():
        await asyncio.gather(noop(), noop(), noop())

    async def nested():
        await asyncio.gather(asyncio.gather(noop(), noop()), noop())

    async def waited():
        await asyncio.wait([asyncio.create_task(noop()) for _ in range(3)])

    async def completed():
        for each in asyncio.as_completed([noop(), noop()]):
            await each

    async def shielded():
        await asyncio.shield(noop())

    async def limited():
        await asyncio.wait_for(noop(), 1)

    async def limited_task():
        await asyncio.wait_for(asyncio.create_task(noop()), 1)

    async def within():
        async with asyncio.timeout(1):
            pass

    async def too_late():
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(1)
        except TimeoutError:
            pass

    async def group():
        async with asyncio.TaskGroup() as g:
            g.create_task(noop())
            g.create_task(noop())

    async def empty_group():
        async with asyncio.TaskGroup():
            pass

    async def cancelled():
        task = asyncio.create_task(asyncio.sleep(10))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    async def chain():
        async def down(n):
            if n:
                await asyncio.create_task(down(n - 1))
        await down(5)

    async def event():
        e = asyncio.Event()
        task = asyncio.create_task(e.wait())
        await asyncio.sleep(0)
        e.set()
        await task

    async def queue():
        q = asyncio.Queue()
        task = asyncio.create_task(q.get())
        await asyncio.sleep(0)
        q.put_nowait(1)
        await task

    async def lock():
        l = asyncio.Lock()
        await l.acquire()
        task = asyncio.create_task(l.acquire())
        await asyncio.sleep(0)
        l.release()
        await task

    async def semaphore():
        s = asyncio.Semaphore(0)
        task = asyncio.create_task(s.acquire())
        await asyncio.sleep(0)
        s.release()
        await task

    async def condition():
        c = asyncio.Condition()

        async def waiter():
            async with c:
                await c.wait()
        task = asyncio.create_task(waiter())
        await asyncio.sleep(0)
        async with c:
            c.notify()
        await task

    async def barrier():
        b = asyncio.Barrier(2)
        task = asyncio.create_task(b.wait())
        await b.wait()
        await task

    for name, f in [('coroutine', noop), ('sleep(0)', lambda: asyncio.sleep(0)),
                    ('done future', done_future), ('call_soon', soon), ('task', task),
                    ('sleeping task', sleeping_task), ('gather', gathered), ('nested', nested),
                    ('wait', waited), ('as_completed', completed), ('shield', shielded),
                    ('wait_for', limited), ('wait_for task', limited_task), ('timeout', within),
                    ('timeout(0)', too_late), ('group', group), ('empty group', empty_group),
                    ('cancelled', cancelled), ('chain', chain), ('event', event),
                    ('queue', queue), ('lock', lock), ('semaphore', semaphore),
                    ('condition', condition), ('barrier', barrier)]:
        await passes(name, f)


asyncio.run(counted())
