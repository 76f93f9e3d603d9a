# Limits of time: negative ones, those of locks, queues and Barriers; errors in map of an executor.
import threading, queue, time
def t(f):
    a = time.monotonic()
    try: r = f()
    except Exception as e: r = type(e).__name__ + ': ' + str(e)
    print(r, time.monotonic() - a < 0.5)
lock = threading.Lock(); lock.acquire()
t(lambda: lock.acquire(timeout=-2)); t(lambda: lock.acquire(False, 1)); t(lambda: lock.acquire(blocking=False, timeout=-1)); t(lambda: lock.acquire(timeout=0)); t(lambda: lock.acquire(True, 0.01)); t(lambda: lock.acquire(False)); t(lambda: lock.acquire(timeout=-0.5)); t(lambda: lock.acquire(timeout=None)); t(lambda: lock.acquire(False, 0))
t(lambda: lock.acquire(timeout='x'))
lock.release()
t(lambda: lock.acquire(timeout=-2)); t(lambda: lock.acquire(timeout=-1)); lock.release()
r = threading.RLock()
t(lambda: r.acquire(timeout=-2)); t(lambda: r.acquire(False, 3)); t(lambda: r.acquire(timeout=-1))
q = queue.Queue()
t(lambda: q.get(timeout=-1)); t(lambda: q.get(False, -1)); t(lambda: q.get(True, 0)); t(lambda: q.get(timeout=0.01)); t(lambda: q.get(block=False))
q.put(1); t(lambda: q.get(timeout=-1)); t(lambda: q.get())
f = queue.Queue(1); f.put(0)
t(lambda: f.put(1, timeout=-1)); t(lambda: f.put(1, False, -1)); t(lambda: f.put(1, timeout=0)); t(lambda: f.put(1, timeout=0.01))
t(lambda: q.put(1, timeout=-1))
s = queue.SimpleQueue()
t(lambda: s.get(timeout=-1)); t(lambda: s.get(False)); t(lambda: s.get(timeout=0.01)); t(lambda: s.get(False, -1))
p = queue.PriorityQueue(1)
t(lambda: p.get(timeout=-1)); t(lambda: p.get(timeout=0.01)); p.put(1); t(lambda: p.put(1, timeout=-1)); t(lambda: p.put(1, timeout=0))
e = threading.Event()
t(lambda: e.wait(-1)); t(lambda: e.wait(0)); t(lambda: e.wait(0.01))
c = threading.Condition()
def cw(x):
    with c: return c.wait(x)
t(lambda: cw(-1)); t(lambda: cw(0)); t(lambda: cw(0.01))
def cwf(x):
    with c: return c.wait_for(lambda: False, x)
t(lambda: cwf(-1)); t(lambda: cwf(0)); t(lambda: cwf(0.01))
sem = threading.Semaphore(0)
t(lambda: sem.acquire(timeout=-1)); t(lambda: sem.acquire(timeout=0)); t(lambda: sem.acquire(False)); t(lambda: sem.acquire(False, 1)); t(lambda: sem.acquire(timeout=0.01))
th = threading.Thread(target=lambda: time.sleep(0.2)); th.start()
t(lambda: th.join(-1)); t(lambda: th.join(0)); print(th.is_alive()); th.join()
b = threading.Barrier(2)
t(lambda: b.wait(-1)); print(b.broken); t(lambda: b.wait()); b.reset(); print(b.broken, b.n_waiting, b.parties)
t(lambda: b.wait(0)); b.reset(); t(lambda: b.wait(0.01)); b.reset()
log = []
b = threading.Barrier(2, action=lambda: log.append('acted'), timeout=5)
def w(): log.append(('w', b.wait() in (0, 1)))
th = [threading.Thread(target=w) for _ in range(2)]
[x.start() for x in th]; [x.join() for x in th]; print(log)
def bad(): raise ValueError('act')
b = threading.Barrier(2, bad)
out = []
def w2():
    try: b.wait()
    except Exception as e: out.append(type(e).__name__)
th = [threading.Thread(target=w2) for _ in range(2)]
[x.start() for x in th]; [x.join() for x in th]; print(sorted(out), b.broken)
b = threading.Barrier(2, timeout=0.05); t(b.wait); print(b.broken)
b = threading.Barrier(1, lambda: print('one')); print(b.wait(), b.wait(timeout=1))
t(lambda: time.sleep(-1))
from concurrent.futures import ThreadPoolExecutor, TimeoutError, wait
def inv(x):
    if x == 0: raise ZeroDivisionError('zero')
    return 1 // x
with ThreadPoolExecutor(2) as pool:
    m = pool.map(inv, [1, 0, 2])
    print(next(m))
    try: next(m)
    except ZeroDivisionError as e: print(e)
    print(list(m))
    fut = pool.submit(time.sleep, 0.2)
    t(lambda: fut.result(timeout=-1)); t(lambda: fut.result(timeout=0)); t(lambda: fut.exception(timeout=0.01))
    print(wait([fut], timeout=-1)[0] == set())
    t(lambda: list(pool.map(time.sleep, [0.2], timeout=0.01)))
    t(lambda: list(pool.map(time.sleep, [0.2], timeout=-1)))
import asyncio
def k(a, *, b): return (a, b)
async def main():
    print(await asyncio.to_thread(k, 1, b=2))
    try: await asyncio.wait_for(asyncio.sleep(1), -1)
    except asyncio.TimeoutError: print('timeout')
    try: await asyncio.wait_for(asyncio.sleep(1), 0)
    except asyncio.TimeoutError: print('timeout')
    print(await asyncio.sleep(-1, 'r'))
    try:
        async with asyncio.timeout(-1): await asyncio.sleep(1)
    except asyncio.TimeoutError: print('timeout')
    loop = asyncio.get_running_loop()
    print(await loop.run_in_executor(None, k.__call__ if False else (lambda: 5)))
    done, pending = await asyncio.wait([asyncio.ensure_future(asyncio.sleep(1))], timeout=-1)
    print(len(done), len(pending)); [x.cancel() for x in pending]
    h = loop.call_later(-1, print, 'late'); await asyncio.sleep(0); await asyncio.sleep(0)
asyncio.run(main())
