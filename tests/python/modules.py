import time, sys
import threading
from collections import deque, defaultdict, Counter
from itertools import count
import queue
d = deque([1, 2, 3], maxlen=4)
d.append(4)
d.appendleft(0)
d.append(5)
print(d, d.pop(), d.popleft(), len(d), list(d), d[0])
dd = defaultdict(list)
dd["a"].append(1)
dd["a"].append(2)
dd["b"]
print(dict(dd), len(dd), "c" in dd)
di = defaultdict(int)
for c in "hello":
    di[c] += 1
print(dict(di))
c = Counter("mississippi")
print(c["s"], c["zz"], c.most_common(2), sum(c.values()), c)
c2 = Counter()
c2["x"] += 1
c2.update("xyz")
print(dict(c2), dict(Counter(a=1) + Counter(a=2, b=1)))
k = count(5)
print(next(k), next(k))
q = queue.Queue()
q.put(1)
q.put(2)
print(q.get(), q.qsize(), q.empty(), q.get(), q.empty())
try:
    q.get_nowait()
except queue.Empty:
    print("empty")
q2 = queue.Queue(maxsize=1)
q2.put("a")
try:
    q2.put("b", block=False)
except queue.Full:
    print("full", q2.full())
lock = threading.Lock()
with lock:
    print(lock.locked(), lock.acquire(False))
print(lock.locked())
r = threading.RLock()
with r:
    with r:
        print("twice")
try:
    lock.release()
except RuntimeError as e:
    print(e)
e = threading.Event()
print(e.is_set(), e.wait(0), e.wait(0.01))
e.set()
print(e.is_set(), e.wait())
s = threading.Semaphore(2)
print(s.acquire(), s.acquire(), s.acquire(blocking=False))
print(threading.current_thread().name, threading.active_count())
print(type(time.time()) is float, sys.version_info[0])
t0 = time.time()
time.sleep(0.01)
print(time.time() - t0 >= 0.009)
if __name__ == "__main__":
    print("main")
