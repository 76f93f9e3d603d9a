# Threads beside an event loop: to_thread, run_in_executor, call_soon_threadsafe.
import asyncio
import threading
import time


def blocking(n):
    time.sleep(n / 100)
    return n * n


async def ticks(event):
    count = 0
    while not event.is_set():
        count += 1
        await asyncio.sleep(0.002)
    return count > 2


async def main():
    event = asyncio.Event()
    ticker = asyncio.create_task(ticks(event))
    print(await asyncio.to_thread(blocking, 10))
    print(await asyncio.gather(*[asyncio.to_thread(blocking, n) for n in range(4)]))
    event.set()
    print('others ran meanwhile:', await ticker)
    loop = asyncio.get_running_loop()
    print(await loop.run_in_executor(None, blocking, 2))

    def fails():
        raise ValueError('in a thread')
    try:
        await asyncio.to_thread(fails)
    except ValueError as e:
        print(e)
    future = loop.create_future()

    def sets():
        time.sleep(0.01)
        loop.call_soon_threadsafe(future.set_result, threading.current_thread().name)
    thread = threading.Thread(target=sets, name='setter')
    thread.start()
    print(await future)
    thread.join()
    print(threading.current_thread().name)
    queue = asyncio.Queue()

    def produces():
        for i in range(3):
            loop.call_soon_threadsafe(queue.put_nowait, i)
            time.sleep(0.005)
    thread = threading.Thread(target=produces)
    thread.start()
    print([await queue.get() for _ in range(3)])
    thread.join()


def runs_a_loop(results):
    async def inside():
        await asyncio.sleep(0.01)
        return 'a loop of its own'
    results.append(asyncio.run(inside()))


asyncio.run(main())
results = []
threads = [threading.Thread(target=runs_a_loop, args=(results,)) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(results)
