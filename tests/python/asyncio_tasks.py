# Tasks of asyncio: who runs when, what they return and raise, and how they are cancelled.
import asyncio


async def say(name, times):
    for i in range(times):
        print(name, i)
        await asyncio.sleep(0)
    return name


async def orders():
    print(await asyncio.gather(say('a', 2), say('b', 3), say('c', 1)))
    task = asyncio.create_task(say('t', 2))
    print(task.done())
    await asyncio.sleep(0)
    print('between')
    print(await task, task.done(), task.result(), task.cancelled(), task.exception())
    first = asyncio.create_task(say('first', 1), name='first task')
    second = asyncio.ensure_future(say('second', 1))
    print(first.get_name(), second.get_name(), asyncio.current_task().get_name())
    print(len(asyncio.all_tasks()))
    await second
    print(first.done())


async def fail(text):
    await asyncio.sleep(0)
    raise ValueError(text)


async def failures():
    try:
        await fail('alone')
    except ValueError as e:
        print('caught', e)
    task = asyncio.create_task(fail('in a task'))
    try:
        await task
    except ValueError as e:
        print('caught', e, task.done(), repr(task.exception()))
    try:
        task.result()
    except ValueError as e:
        print('again', e)
    print(await asyncio.gather(say('x', 1), fail('one'), fail('two'), return_exceptions=True))
    try:
        await asyncio.gather(say('y', 3), fail('first'), fail('second'))
    except ValueError as e:
        print('gather raised', e)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print(await asyncio.gather())
    try:
        await asyncio.gather(1)
    except TypeError as e:
        print(e)
    try:
        await 3
    except TypeError as e:
        print(e)


async def forever(name):
    try:
        print(name, 'waits')
        await asyncio.sleep(3600)
    except asyncio.CancelledError as e:
        print(name, 'cancelled', e.args)
        raise
    finally:
        print(name, 'cleans up')


async def stubborn():
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print('not now')
    return 'done anyway'


async def cancellations():
    task = asyncio.create_task(forever('one'))
    await asyncio.sleep(0)
    print(task.cancel(), task.cancelling(), task.done())
    try:
        await task
    except asyncio.CancelledError:
        print('seen', task.cancelled(), task.done(), task.cancel())
    never = asyncio.create_task(forever('never'))
    print(never.cancel('before it began'))
    try:
        await never
    except asyncio.CancelledError as e:
        print('never began', e)
    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    task.cancel()
    print(await task, task.cancelled(), task.cancelling(), task.uncancel())
    both = asyncio.gather(forever('left'), forever('right'))
    await asyncio.sleep(0)
    both.cancel()
    try:
        await both
    except asyncio.CancelledError:
        print('both cancelled', both.cancelled())
    inner = asyncio.create_task(forever('inner'))

    async def outer():
        await inner
    out = asyncio.create_task(outer())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    out.cancel('message')
    print(await asyncio.gather(out, inner, return_exceptions=True))
    print(out.cancelled(), inner.cancelled())

    async def cancels_itself():
        asyncio.current_task().cancel()
        print('still here')
        await asyncio.sleep(0)
        print('not here')
    task = asyncio.create_task(cancels_itself())
    print(await asyncio.gather(task, return_exceptions=True))

    async def cancelled_at_the_end():
        asyncio.current_task().cancel()
        return 1
    task = asyncio.create_task(cancelled_at_the_end())
    print(await asyncio.gather(task, return_exceptions=True), task.cancelled())


async def callbacks():
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(say('z', 1))
    task.add_done_callback(lambda t: print('called with', t.result()))
    task.add_done_callback(lambda t: print('and again'))
    loop.call_soon(print, 'soon', 1)
    await task
    print('awaited')
    await asyncio.sleep(0)
    task.add_done_callback(lambda t: print('late'))
    print('not yet')
    await asyncio.sleep(0)
    future = loop.create_future()
    loop.call_soon(future.set_result, 42)
    print(await future)
    print(await future)
    try:
        future.set_result(43)
    except asyncio.InvalidStateError as e:
        print('InvalidStateError')
    broken = loop.create_future()
    broken.set_exception(KeyError('k'))
    try:
        await broken
    except KeyError as e:
        print('KeyError', e)
    pending = asyncio.Future()
    try:
        pending.result()
    except asyncio.InvalidStateError as e:
        print(e)
    print(pending.cancel(), pending.cancelled(), pending.done())
    try:
        pending.exception()
    except asyncio.CancelledError:
        print('cancelled')
    print(asyncio.isfuture(pending), asyncio.isfuture(3), isinstance(task, asyncio.Task),
          isinstance(task, asyncio.Future), isinstance(pending, asyncio.Task))
    print(asyncio.iscoroutinefunction(say), asyncio.iscoroutinefunction(print))
    coroutine = say('c', 1)
    print(asyncio.iscoroutine(coroutine), type(coroutine).__name__)
    await coroutine
    try:
        await coroutine
    except RuntimeError as e:
        print(e)

    async def itself():
        await asyncio.current_task()
    try:
        await asyncio.create_task(itself())
    except RuntimeError as e:
        print(str(e)[:28])


for main in (orders, failures, cancellations, callbacks):
    print('---', main.__name__)
    asyncio.run(main())

# the error that a task has ended with is given once, to the first who asks
async def naps():
    await asyncio.sleep(10)
async def told():
    t = asyncio.create_task(naps())
    await asyncio.sleep(0)
    print(t.cancel('why'))
    try: await t
    except asyncio.CancelledError as e: print('awaits', e.args, e.__context__)
    for ask in (t.result, t.exception):
        try: ask()
        except asyncio.CancelledError as e: print('later', e.args)
    f = asyncio.get_running_loop().create_future()
    f.cancel('future')
    for _ in range(2):
        try: await f
        except asyncio.CancelledError as e: print(e.args)
    async def outer():
        try: await naps()
        except asyncio.CancelledError as e:
            print('in', e.args)
            raise
    t = asyncio.create_task(outer()); await asyncio.sleep(0); t.cancel('second')
    try: await t
    except asyncio.CancelledError as e: print('out', e.args)
    t = asyncio.create_task(outer()); t.cancel('early')
    try: await t
    except asyncio.CancelledError as e: print('out', e.args)
    g = asyncio.gather(naps(), naps()); await asyncio.sleep(0); g.cancel('group')
    try: await g
    except asyncio.CancelledError as e: print('gather', e.args)
    async def raises(): raise asyncio.CancelledError('own')
    t = asyncio.create_task(raises())
    for _ in range(3):
        try: await t
        except asyncio.CancelledError as e: print('own', e.args)
    w = asyncio.create_task(asyncio.wait_for(naps(), 5)); await asyncio.sleep(0); await asyncio.sleep(0); w.cancel('limit')
    try: await w
    except asyncio.CancelledError as e: print('limit', e.args)
    s = asyncio.create_task(naps()); sh = asyncio.shield(s); sh.cancel('shield')
    try: await sh
    except asyncio.CancelledError as e: print('shield', e.args)
    s.cancel('inner')
    try: await asyncio.shield(s)
    except asyncio.CancelledError as e: print('shield', e.args)
asyncio.run(told())
