# Task groups, shield, and what happens when a part fails.
import asyncio


async def job(n, fail=False):
    try:
        await asyncio.sleep(n / 10)
        if fail:
            raise ValueError(n)
        print('job', n)
        return n
    except asyncio.CancelledError:
        print('job', n, 'cancelled')
        raise


async def groups():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job(n), name=f'job {n}') for n in (2, 1, 3)]
        print('inside')
    print([t.result() for t in tasks], tasks[0].get_name())
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job(1, True))
            group.create_task(job(5))
            await asyncio.sleep(1)
            print('not reached')
    except ExceptionGroup as e:
        print(e, e.message, e.exceptions, asyncio.current_task().cancelling())
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job(5))
            await asyncio.sleep(0)
            raise KeyError('body')
    except ExceptionGroup as e:
        print(repr(e.exceptions[0]), len(e.exceptions))
    group = asyncio.TaskGroup()
    try:
        group.create_task(None)
    except RuntimeError as e:
        print(str(e)[-20:])
    async with group:
        pass
    coroutine = job(0)
    try:
        group.create_task(coroutine)
    except RuntimeError as e:
        print(str(e)[-11:])
    coroutine.close()

    async def whole():
        async with asyncio.TaskGroup() as group:
            group.create_task(job(7))
    task = asyncio.create_task(whole())
    await asyncio.sleep(0.01)
    task.cancel()
    print(await asyncio.gather(task, return_exceptions=True))

    async def inner():
        async with asyncio.TaskGroup() as group:
            group.create_task(job(0, True))
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(inner())
            group.create_task(job(9))
    except ExceptionGroup as e:
        print(e, e.exceptions[0], e.exceptions[0].exceptions)


async def shields():
    task = asyncio.create_task(job(2))
    outer = asyncio.shield(task)
    await asyncio.sleep(0)
    outer.cancel()
    try:
        await outer
    except asyncio.CancelledError:
        print('outer cancelled', task.done())
    print(await task)
    print(await asyncio.shield(job(1)))
    try:
        await asyncio.shield(job(1, True))
    except ValueError as e:
        print('ValueError', e)
    task = asyncio.create_task(job(3))
    outer = asyncio.shield(task)
    await asyncio.sleep(0)
    task.cancel()
    try:
        await outer
    except asyncio.CancelledError:
        print('inner cancelled', outer.cancelled())


async def leftover():
    asyncio.create_task(job(90))
    await asyncio.sleep(0)
    print('main returns')


async def abandoned():
    try:
        await asyncio.sleep(1)
    finally:
        print('cleaned up at the end')


async def fails():
    asyncio.create_task(abandoned())
    await asyncio.sleep(0)
    raise OSError('main fails')


for main in (groups, shields, leftover, fails):
    print('---', main.__name__)
    try:
        print(asyncio.run(main()))
    except OSError as e:
        print('raised', e)
