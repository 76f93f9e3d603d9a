# Is there a race between two awaits, with one thread and no lock dropped?
import asyncio

counter = 0


async def work():
    global counter
    for _ in range(2):
        x = counter
        await asyncio.sleep(0)
        counter = x + 1


async def main():
    await asyncio.gather(work(), work())


asyncio.run(main())
print(counter)
