import threading
import time
from collections import deque

class BoundedBuffer:
    def __init__(self, capacity):
        self.capacity = capacity
        self.buffer = deque()
        self.mutex = threading.Lock()
        self.not_empty = threading.Condition(self.mutex)
        self.not_full = threading.Condition(self.mutex)

    def put(self, item):
        with self.not_full:
            while len(self.buffer) >= self.capacity:
                self.not_full.wait()
            self.buffer.append(item)
            self.not_empty.notify()

    def get(self):
        with self.not_empty:
            while not self.buffer:
                self.not_empty.wait()
            item = self.buffer.popleft()
            self.not_full.notify()
            return item

SENTINEL = object()
buf = BoundedBuffer(3)
consumed = []
consumed_lock = threading.Lock()

class Producer(threading.Thread):
    def __init__(self, name, n):
        threading.Thread.__init__(self, name=name)
        self.n = n

    def run(self):
        for i in range(self.n):
            buf.put((self.name, i))
            time.sleep(0.001)

class Consumer(threading.Thread):
    def run(self):
        while True:
            item = buf.get()
            if item is SENTINEL:
                break
            with consumed_lock:
                consumed.append(item)

producers = [Producer("p%d" % i, 5) for i in range(3)]
consumers = [Consumer() for _ in range(2)]
for t in producers + consumers:
    t.start()
for t in producers:
    t.join()
for _ in consumers:
    buf.put(SENTINEL)
for t in consumers:
    t.join()
consumed.sort()
print(len(consumed), consumed[0], consumed[-1])
per = {}
for name, i in consumed:
    per.setdefault(name, []).append(i)
for name in sorted(per):
    print(f"{name:>5}: {per[name]}")
print(all(t.is_alive() is False for t in producers + consumers))

cond = threading.Condition()
print(cond.acquire())
cond.release()
with cond:
    print(cond.wait(timeout=0.01))
    print(cond.wait_for(lambda: True, timeout=1))
try:
    cond.notify()
except RuntimeError as e:
    print("error:", e)
