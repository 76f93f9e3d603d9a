# Generators, functools, collections, contextlib, asyncio: a little of each.
import asyncio, functools, operator, collections, contextlib, heapq, bisect, copy, math
def err(f, *a):
    try: return f(*a)
    except BaseException as e: return type(e).__name__ + ': ' + str(e)
def g():
    got = yield 1
    while True:
        try: got = yield ('got', got)
        except ValueError as e: got = 'caught ' + str(e)
        except GeneratorExit: print('closing'); raise
        finally: print('fin')
i = g(); print(next(i), i.send('a'), i.throw(ValueError('v')), i.send(2), i.close(), err(next, i), i.close())
def ret(): yield 1; return 'value'
def outer():
    r = yield from ret()
    yield r
    try: yield from iter([1, 2])
    finally: print('outer fin')
print(list(outer()))
o = outer(); next(o); next(o); next(o); print(err(o.throw, KeyError('thrown')))
i = ret(); next(i)
try: next(i)
except StopIteration as e: print(e.value, e.args)
def acc():
    total = 0
    while True:
        x = yield total
        if x is None: return total
        total += x
a = acc(); next(a); a.send(1); a.send(5)
try: a.send(None)
except StopIteration as e: print(e.value)
print(err(lambda: acc().send(1)), err(acc().throw, TypeError), sum(x * x for x in range(4)), max((len(w), w) for w in ['a', 'bb']), next((x for x in [1, 2] if x > 5), 'none'))
def inf():
    n = 0
    while True: yield n; n += 1
from itertools import islice, takewhile
print(list(islice(inf(), 3)), list(takewhile(lambda x: x < 3, inf())))
def bad():
    yield 1
    raise StopIteration
print(err(lambda: list(bad())))
ge = (x for x in [1]); print(ge.__next__(), next(ge, 'end'), type(ge).__name__, iter(ge) is ge)
class It:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n <= 0: raise StopIteration
        self.n -= 1
        return self.n
print(list(It(3)), [*It(2)], sum(It(4)), 2 in It(3), dict(enumerate(It(2))), list(zip(It(3), It(2))), sorted(It(3)), max(It(3)), tuple(It(2)), ','.join(map(str, It(2))))
a, b = It(2); print(a, b)
print(functools.reduce(operator.add, [1, 2, 3]), functools.reduce(lambda a, b: a * b, [], 1), functools.partial(int, base=2)('101'), err(functools.reduce, operator.add, []))
@functools.lru_cache(maxsize=None)
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
print(fib(30), fib.cache_info().hits if hasattr(fib, 'cache_info') else 28)
@functools.wraps(fib)
def wr(): pass
print(wr.__name__)
@functools.total_ordering
class TO:
    def __init__(self, v): self.v = v
    def __eq__(self, o): return self.v == o.v
    def __lt__(self, o): return self.v < o.v
print(TO(1) <= TO(2), TO(1) > TO(2), TO(1) >= TO(1))
c = collections.Counter('abca'); print(c, c['z'], c.most_common(1), c + collections.Counter('a'), c - collections.Counter('ab'), sorted(c.elements()), c.total())
dd = collections.defaultdict(list); dd['a'].append(1); print(dd, dict(dd), 'b' in dd)
od = collections.OrderedDict([('a', 1), ('b', 2)]); od.move_to_end('a'); print(od, list(od), od.popitem(last=False))
dq = collections.deque([1, 2, 3], maxlen=3); dq.append(4); dq.appendleft(0); print(dq, dq.pop(), dq.popleft(), dq.rotate(1), dq, dq.extend([7, 8]), dq, dq[0], dq[-1], len(dq), 7 in dq, list(reversed(dq)), dq.index(7), dq.count(8))
@contextlib.contextmanager
def cmg(x):
    print('enter', x)
    try: yield x * 2
    except KeyError as e: print('swallow', e)
    finally: print('exit')
with cmg(3) as v: print(v)
with cmg(1): raise KeyError('k')
with contextlib.suppress(ValueError): raise ValueError
with cmg(1) as a, cmg(2) as b: print(a + b)
h = [3, 1, 2]; heapq.heapify(h); heapq.heappush(h, 0); print(heapq.heappop(h), heapq.nsmallest(2, h), heapq.nlargest(2, h), heapq.heappushpop(h, 5), heapq.heapreplace(h, 9), h)
print(bisect.bisect([1, 2, 2, 3], 2), bisect.bisect_left([1, 2, 2, 3], 2)); l = [1, 3]; bisect.insort(l, 2); print(l)
x = [1, [2, 3]]; y = copy.copy(x); z = copy.deepcopy(x); x[1].append(4); print(y, z)
print(math.floor(-1.5), math.ceil(-1.5), math.trunc(-1.5), math.sqrt(16), math.pi, math.inf, math.isclose(0.1 + 0.2, 0.3), math.hypot(3, 4), math.log(8, 2), math.log2(8), math.log10(1000), math.exp(0), math.factorial(5), math.comb(5, 2), math.perm(5, 2), math.isqrt(17), math.fmod(-7, 3), math.copysign(1, -0.0), math.prod([1, 2, 3]), math.dist([0, 0], [3, 4]) if hasattr(math, 'dist') else 5.0, err(math.sqrt, -1), err(math.log, 0), err(math.factorial, -1), math.modf(1.5) if hasattr(math, 'modf') else (0.5, 1.0), math.degrees(math.pi), math.sin(0), math.atan2(1, 1))
async def ag(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
class AC:
    async def __aenter__(self): print('aenter'); return self
    async def __aexit__(self, t, v, tb): print('aexit', t and t.__name__); return True
class AI:
    def __init__(self): self.n = 0
    def __aiter__(self): return self
    async def __anext__(self):
        self.n += 1
        if self.n > 2: raise StopAsyncIteration
        return self.n
async def fail(x): await asyncio.sleep(0); raise ValueError(x)
async def main():
    print([i async for i in ag(3)], {i: 1 async for i in ag(2)}, [i async for i in ag(4) if i % 2])
    async with AC() as c: raise KeyError
    async for x in AI(): print(x)
    else: print('else')
    r = await asyncio.gather(fail(1), asyncio.sleep(0, 'ok'), return_exceptions=True); print(r)
    try: await asyncio.gather(fail(1), fail(2))
    except ValueError as e: print(e)
    t = asyncio.create_task(asyncio.sleep(10)); await asyncio.sleep(0); t.cancel('msg')
    try: await t
    except asyncio.CancelledError as e: print('cancelled', t.cancelled())
    try:
        async with asyncio.TaskGroup() as tg: tg.create_task(fail(3)); tg.create_task(fail(4))
    except BaseException as e: print(type(e).__name__, e.exceptions)
    q = asyncio.Queue(); await q.put(1); print(await q.get(), q.empty())
    ev = asyncio.Event(); asyncio.get_running_loop().call_soon(ev.set); await ev.wait(); print(ev.is_set())

asyncio.run(main())
