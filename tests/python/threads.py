import threading
import time
import queue
results = []
lock = threading.Lock()
def work(n, extra=0):
    for i in range(3):
        with lock:
            results.append(n * 10 + i + extra)
ts = [threading.Thread(target=work, args=(i,)) for i in range(3)]
for t in ts:
    t.start()
for t in ts:
    t.join()
print(sorted(results), ts[0].is_alive())
class Worker(threading.Thread):
    def __init__(self, q):
        super().__init__()
        self.q = q
        self.total = 0
    def run(self):
        while True:
            item = self.q.get()
            if item is None:
                break
            self.total += item
            self.q.task_done()
q = queue.Queue()
w = Worker(q)
w.start()
for i in range(5):
    q.put(i)
q.join()
q.put(None)
w.join()
print(w.total)
cond = threading.Condition()
items = []
def consumer():
    for _ in range(3):
        with cond:
            while not items:
                cond.wait()
            print("got", items.pop(0))
            cond.notify_all()
def producer():
    for i in range(3):
        with cond:
            cond.wait_for(lambda: not items)
            items.append(i)
            cond.notify()
a = threading.Thread(target=consumer)
b = threading.Thread(target=producer, name="prod")
a.start()
b.start()
a.join()
b.join()
print(b.name, a.name.startswith("Thread-"))
ev = threading.Event()
def waiter():
    ev.wait()
    print("released")
t = threading.Thread(target=waiter)
t.start()
time.sleep(0.01)
print("setting")
ev.set()
t.join()
bar = threading.Barrier(2)
out = []
def party(n):
    out.append(n)
    bar.wait()
    out.append("after")
ps = [threading.Thread(target=party, args=(n,)) for n in (1, 2)]
for p in ps: p.start()
for p in ps: p.join()
print(sorted(out[:2]), out[2:])
local = threading.local()
local.x = 1
def check():
    print(hasattr(local, "x"))
    local.x = 2
t = threading.Thread(target=check)
t.start(); t.join()
print(local.x)
def boom():
    time.sleep(0)
try:
    t.start()
except RuntimeError as e:
    print(e)
def timed():
    time.sleep(0.02)
    print("slow")
def timed2():
    time.sleep(0.001)
    print("fast")
x = [threading.Thread(target=f) for f in (timed, timed2)]
for t in x: t.start()
for t in x: t.join()
