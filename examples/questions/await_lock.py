# Does a lock of threads that is held over an await stop the whole event loop?
import asyncio
import threading

lock = threading.Lock()


async def work():
    with lock:
        await asyncio.sleep(0)


async def main():
    await asyncio.gather(work(), work())


asyncio.run(main())
