# Locks, events, conditions, semaphores, barriers and queues of asyncio: who goes on when.
import asyncio


async def locks():
    lock = asyncio.Lock()

    async def worker(name):
        async with lock:
            print(name, 'has it')
            await asyncio.sleep(0)
            print(name, 'gives it back')
    await asyncio.gather(*(worker(i) for i in range(3)))
    try:
        lock.release()
    except RuntimeError as e:
        print(e)
    await lock.acquire()
    waiting = [asyncio.create_task(worker(n)) for n in 'bcd']
    await asyncio.sleep(0)
    waiting[0].cancel()
    lock.release()
    print(await asyncio.gather(*waiting, return_exceptions=True))


async def events():
    event = asyncio.Event()

    async def waiter(name):
        print(name, await event.wait())
    tasks = [asyncio.create_task(waiter(n)) for n in 'xyz']
    await asyncio.sleep(0)
    print(event.is_set())
    event.set()
    event.clear()
    tasks.append(asyncio.create_task(waiter('late')))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    print([t.done() for t in tasks])
    event.set()
    await asyncio.gather(*tasks)
    print(await event.wait(), event.is_set())


async def conditions():
    condition = asyncio.Condition()
    items = []

    async def consumer(name):
        async with condition:
            await condition.wait_for(lambda: items)
            print(name, 'takes', items.pop(0))

    async def producer():
        for i in range(3):
            async with condition:
                items.append(i)
                condition.notify()
            await asyncio.sleep(0)
    await asyncio.gather(consumer('a'), consumer('b'), consumer('c'), producer())

    async def waits(name):
        async with condition:
            await condition.wait()
            print(name, 'woken')
    tasks = [asyncio.create_task(waits(i)) for i in range(4)]
    await asyncio.sleep(0)
    async with condition:
        condition.notify(2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks[2].cancel()
    async with condition:
        condition.notify_all()
    print(await asyncio.gather(*tasks, return_exceptions=True))
    try:
        condition.notify()
    except RuntimeError as e:
        print(e)
    try:
        await condition.wait()
    except RuntimeError as e:
        print(e)


async def semaphores():
    semaphore = asyncio.Semaphore(2)
    active = most = 0

    async def job(n):
        nonlocal active, most
        async with semaphore:
            active += 1
            most = max(most, active)
            print('job', n)
            await asyncio.sleep(0)
            active -= 1
        return n
    print(await asyncio.gather(*map(job, range(5))), most, semaphore.locked())
    bounded = asyncio.BoundedSemaphore(1)
    await bounded.acquire()
    print(bounded.locked())
    bounded.release()
    try:
        bounded.release()
    except ValueError as e:
        print(e)
    try:
        asyncio.Semaphore(-1)
    except ValueError as e:
        print(e)
    s = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(s.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    s.release()
    s.release()
    print(await asyncio.gather(*tasks, return_exceptions=True), s.locked())


async def barriers():
    barrier = asyncio.Barrier(3)

    async def party(name):
        for round in range(2):
            index = await barrier.wait()
            print(name, round, index)
    await asyncio.gather(party('a'), party('b'), party('c'))
    print(barrier.parties, barrier.broken)


async def queues():
    queue = asyncio.Queue(2)

    async def producer():
        for i in range(5):
            await queue.put(i)
            print('put', i, queue.qsize(), queue.full())
        await queue.put(None)

    async def consumer():
        while True:
            item = await queue.get()
            print('got', item)
            queue.task_done()
            if item is None:
                return
            await asyncio.sleep(0)
    await asyncio.gather(producer(), consumer())
    await queue.join()
    print(queue.empty(), queue.maxsize)
    try:
        queue.get_nowait()
    except asyncio.QueueEmpty as e:
        print('QueueEmpty', repr(e))
    queue.put_nowait(1)
    queue.put_nowait(2)
    try:
        queue.put_nowait(3)
    except asyncio.QueueFull as e:
        print('QueueFull', repr(e))
    try:
        for _ in range(3):
            queue.task_done()
    except ValueError as e:
        print(e)
    stack = asyncio.LifoQueue()
    heap = asyncio.PriorityQueue()
    for n in [3, 1, 2]:
        stack.put_nowait(n)
        heap.put_nowait((n, 'item'))
    print([await stack.get() for _ in range(3)], [await heap.get() for _ in range(3)])
    getters = [asyncio.create_task(stack.get()) for _ in range(3)]
    await asyncio.sleep(0)
    getters[1].cancel()
    stack.put_nowait('first')
    stack.put_nowait('second')
    print(await asyncio.gather(*getters, return_exceptions=True))


async def workers():
    queue = asyncio.Queue()
    seen = []

    async def worker(name):
        while True:
            url = await queue.get()
            try:
                await asyncio.sleep(0)
                seen.append((name, url))
                if url < 10:
                    for more in (url * 10, url * 10 + 1):
                        queue.put_nowait(more)
            finally:
                queue.task_done()
    tasks = [asyncio.create_task(worker(f'w{i}')) for i in range(3)]
    for n in range(1, 4):
        queue.put_nowait(n)
    await queue.join()
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    print(seen)
    print([type(r).__name__ for r in results])


for main in (locks, events, conditions, semaphores, barriers, queues, workers):
    print('---', main.__name__)
    asyncio.run(main())
