# Sleeping and time limits of asyncio.
import asyncio


async def after(delay, value):
    await asyncio.sleep(delay)
    print('after', delay, value)
    return value


async def sleeping():
    print(await asyncio.gather(after(0.3, 'c'), after(0.1, 'a'), after(0.2, 'b')))
    print(await asyncio.sleep(0.01, 'result'))
    await asyncio.gather(after(0.1, 1), after(0.1, 2), after(0.1, 3))
    loop = asyncio.get_running_loop()
    print(type(loop.time()).__name__)


async def limits():
    print(await asyncio.wait_for(after(0.01, 'in time'), 1))
    try:
        await asyncio.wait_for(after(1, 'too late'), 0.01)
    except asyncio.TimeoutError as e:
        print('TimeoutError', repr(e), isinstance(e, TimeoutError))
    try:
        await asyncio.wait_for(after(1, 'never'), 0)
    except TimeoutError:
        print('at once')
    print(await asyncio.wait_for(after(0, 'no limit'), None))
    task = asyncio.create_task(after(1, 'a task'))
    try:
        await asyncio.wait_for(task, timeout=0.01)
    except TimeoutError:
        print(task.cancelled())
    task = asyncio.create_task(after(0.2, 'shielded'))
    try:
        await asyncio.wait_for(asyncio.shield(task), 0.01)
    except TimeoutError:
        print(task.done())
    print(await task)

    async def slow_cleanup():
        try:
            await asyncio.sleep(1)
        finally:
            await asyncio.sleep(0.01)
            print('cleaned up')
    try:
        await asyncio.wait_for(slow_cleanup(), 0.01)
    except TimeoutError:
        print('and then')
    try:
        async with asyncio.timeout(0.01) as limit:
            await after(1, 'x')
    except TimeoutError:
        print(limit.expired())
    async with asyncio.timeout(1) as limit:
        await after(0.01, 'y')
    print(limit.expired())
    try:
        async with asyncio.timeout(0.3):
            try:
                async with asyncio.timeout(0.01):
                    await asyncio.sleep(1)
            except TimeoutError:
                print('inner')
            await asyncio.sleep(1)
    except TimeoutError:
        print('outer')
    async with asyncio.timeout(None) as limit:
        limit.reschedule(asyncio.get_running_loop().time() + 1)
        await asyncio.sleep(0)
    try:
        async with asyncio.timeout(1):
            raise KeyError('own')
    except KeyError as e:
        print(e)


async def waiting():
    async def fails():
        await asyncio.sleep(0.05)
        raise ValueError('x')
    tasks = [asyncio.create_task(after(d, d)) for d in (0.05, 0.3)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    print(len(done), len(pending), [t.result() for t in done])
    done, pending = await asyncio.wait(tasks)
    print(len(done), len(pending))
    tasks = [asyncio.create_task(after(0.5, 'late')), asyncio.create_task(fails())]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    print([repr(t.exception()) for t in done], len(pending))
    done, pending = await asyncio.wait(pending, timeout=0.01)
    print(len(done), len(pending))
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)
    try:
        await asyncio.wait([])
    except ValueError as e:
        print(e)
    try:
        coroutine = after(0, 0)
        await asyncio.wait([coroutine])
    except TypeError as e:
        print(e)
    await coroutine
    for each in asyncio.as_completed([after(0.3, 3), after(0.1, 1), after(0.2, 2)]):
        print('completed', await each)
    try:
        for each in asyncio.as_completed([after(0.01, 1), after(1, 2)], timeout=0.3):
            print('in time', await each)
    except TimeoutError:
        print('the rest is late')


async def later():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    handle = loop.call_later(0.01, future.set_result, 'set later')
    print(await future, handle.cancelled())


for main in (sleeping, limits, waiting, later):
    print('---', main.__name__)
    asyncio.run(main())
