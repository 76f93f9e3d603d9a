import threading
import queue
import time

local = threading.local()
lock = threading.Lock()
seen = {}


def worker(n):
    local.value = n
    local.items = []
    for i in range(n):
        local.items.append(i)
        time.sleep(0)
    with lock:
        seen[threading.current_thread().name] = (local.value, list(local.items))

threads = [threading.Thread(target=worker, args=(i,), name=f"worker-{i}") for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
for name in sorted(seen):
    print(name, *seen[name])
print(hasattr(local, "value"))
barrier = threading.Barrier(3)
order = []
def phase(n):
    for step in range(2):
        with lock:
            order.append(step)
        barrier.wait()
ts = [threading.Thread(target=phase, args=[i]) for i in range(3)]
for t in ts: t.start()
for t in ts: t.join()
print(order, barrier.parties, barrier.n_waiting, barrier.broken)
sem = threading.Semaphore(2)
active = 0
peak = 0
def limited():
    global active, peak
    with sem:
        with lock:
            active += 1
            peak = max(peak, active)
        time.sleep(0.002)
        with lock:
            active -= 1
ts = [threading.Thread(target=limited) for _ in range(6)]
for t in ts: t.start()
for t in ts: t.join()
print(peak <= 2, active)
bs = threading.BoundedSemaphore(1)
bs.acquire()
bs.release()
try:
    bs.release()
except ValueError as e:
    print(e)
fired = []
timer = threading.Timer(0.01, lambda: fired.append("tick"))
timer.start()
timer.join()
cancelled = threading.Timer(10, fired.append, args=["never"])
cancelled.start()
cancelled.cancel()
cancelled.join()
print(fired)
event = threading.Event()
def setter():
    time.sleep(0.005)
    event.set()
threading.Thread(target=setter, daemon=True).start()
print(event.wait(1), event.is_set())
event.clear()
print(event.wait(0.001))
pq = queue.PriorityQueue()
for item in [(3, "c"), (1, "a"), (2, "b")]:
    pq.put(item)
while not pq.empty():
    print(pq.get(), end=" ")
print(pq.qsize())
lq = queue.LifoQueue()
for i in range(3): lq.put(i)
print([lq.get() for _ in range(3)])
q = queue.Queue(maxsize=2)
q.put(1); q.put(2)
try:
    q.put(3, timeout=0.01)
except queue.Full:
    print("full")
try:
    q.put_nowait(3)
except queue.Full:
    print("full")
print(q.full(), q.get(), q.get(timeout=1))
try:
    q.get(block=False)
except queue.Empty as e:
    print("empty", type(e).__name__, repr(e))
def boom():
    raise ValueError("in thread")
results = []
def safe(f):
    try:
        f()
    except Exception as e:
        results.append(e)
t = threading.Thread(target=safe, args=(boom,))
t.start(); t.join()
print(results, t.is_alive(), t.name.startswith("Thread"), t.daemon)
rl = threading.RLock()
def rec(n):
    with rl:
        return n if n == 0 else rec(n - 1)
print(rec(5), threading.main_thread().name, threading.current_thread() is threading.main_thread(), threading.active_count(), threading.enumerate()[0].name)
sq = queue.SimpleQueue()
sq.put("x")
print(sq.get(), sq.empty())
lk = threading.Lock()
print(lk.acquire(), lk.acquire(blocking=False), lk.acquire(timeout=0.001), lk.locked())
lk.release()
try: lk.release()
except RuntimeError as e: print(e)
