# async def, await, async for, async with, asynchronous generators and comprehensions.
import asyncio


class Countdown:
    def __init__(self, n):
        self.n = n

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.n == 0:
            raise StopAsyncIteration
        self.n -= 1
        await asyncio.sleep(0)
        return self.n


class Manager:
    def __init__(self, name, swallow=False):
        self.name = name
        self.swallow = swallow

    async def __aenter__(self):
        print('enter', self.name)
        await asyncio.sleep(0)
        return self.name

    async def __aexit__(self, kind, error, trace):
        await asyncio.sleep(0)
        print('exit', self.name, kind.__name__ if kind else None, error)
        return self.swallow


async def numbers(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i * i


async def double(x):
    await asyncio.sleep(0)
    return 2 * x


async def loops():
    async for n in Countdown(3):
        print(n)
    else:
        print('else')
    async for n in Countdown(5):
        if n == 3:
            continue
        if n == 1:
            break
        print('n', n)
    else:
        print('not here')
    async for n in numbers(4):
        print('square', n)
    print([n async for n in numbers(4) if n % 2 == 0])
    print({n: m async for n in numbers(3) for m in range(2)})
    print([await double(n) for n in range(3)])
    print([[await double(m) for m in range(n)] for n in range(3)])
    print(sorted({await double(n) async for n in numbers(3)}))
    print([a + b for a in [1, 2] for b in [await double(a), 5]])
    try:
        async for n in [1, 2]:
            pass
    except TypeError as e:
        print(e)
    try:
        for n in numbers(2):
            pass
    except TypeError as e:
        print(e)


async def managers():
    async with Manager('a') as a, Manager('b') as b:
        print('inside', a, b)
    try:
        async with Manager('raising'):
            raise ValueError('x')
    except ValueError as e:
        print('passed on', e)
    async with Manager('swallowing', True):
        raise ValueError('y')

    async def returns():
        async with Manager('returning'):
            for _ in range(2):
                async with Manager('inner'):
                    return 'value'
    print(await returns())
    for i in range(2):
        async with Manager(i):
            if i == 0:
                continue
            break
    try:
        async with 3:
            pass
    except TypeError as e:
        print(e)
    lock = asyncio.Lock()
    async with lock:
        print(lock.locked())
    print(lock.locked())


async def expressions():
    print(await double(1) + await double(2) * await double(await double(3)))
    print(f'{await double(4)} and {await double(5):>4}')
    print([await double(1), (await double(2), {await double(3): await double(4)})])
    values = {'a': await double(1)}
    values['b'] = await double(2)
    values['a'] += await double(10)
    print(values, (await double(0)) or (await double(7)), await double(1) < await double(2))
    f = lambda x: double(x)
    print(await f(8))
    if await double(0):
        print('no')
    elif not await double(0):
        print('yes')
    while (n := await double(len(values))) < 6:
        values[n] = n
    print(values)
    try:
        assert await double(0), await double(9)
    except AssertionError as e:
        print(e)
    try:
        try:
            await double('x') + 1
        finally:
            print(await double('finally '))
    except TypeError as e:
        print(type(e).__name__)

    def add(*args, base=0):
        return sum(args) + base
    parts = [1, 2]
    print(add(*parts), add(7, *parts, *[3, 4], base=await double(50)), add(*range(3), *(), *{5: 1}))
    print(max(*parts), '{} {}'.format(*parts), [print(*parts, sep='-')])

    class Point:
        def __init__(self, x, y):
            self.x, self.y = x, y

        async def norm(self, *more):
            return self.x + self.y + sum(more)
    print(await Point(*parts).norm(*parts))
    print(*(x for x in 'abc'))


async def nested():
    total = 0

    async def inner(n):
        nonlocal total
        for _ in range(n):
            total += 1
            await asyncio.sleep(0)
        return total
    print(await asyncio.gather(*[inner(n) for n in range(4)]))
    print(total)

    async def recurse(n):
        return 1 if n == 0 else n * await recurse(n - 1)
    print(await recurse(10))


for main in (loops, managers, expressions, nested):
    print('---', main.__name__)
    asyncio.run(main())
