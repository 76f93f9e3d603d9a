# Threads that share iterators, threading and queue, exceptions, with, and statements of all kinds.
import threading, time, queue
def err(f, *a):
    try: return f(*a)
    except BaseException as e: return type(e).__name__ + ': ' + str(e)
# shared iterators between threads
m = map(lambda x: x, range(100)); out = []
lock = threading.Lock()
def take():
    for x in m:
        with lock: out.append(x)
ts = [threading.Thread(target=take) for _ in range(3)]
[t.start() for t in ts]; [t.join() for t in ts]
print(sorted(out) == list(range(100)))
z = zip(range(50), range(50)); e = enumerate(range(50)); got = []
def take2():
    for x in z: got.append(x)
    for x in e: got.append(x)
ts = [threading.Thread(target=take2) for _ in range(2)]
[t.start() for t in ts]; [t.join() for t in ts]
print(len(got))
class T(threading.Thread):
    def __init__(self, n): super().__init__(name=f'T{n}', daemon=True); self.n = n; self.result = None
    def run(self): self.result = self.n * 2
t = T(4); print(t.name, t.daemon, t.is_alive(), t.result); t.start(); t.join(); print(t.result, t.is_alive(), err(t.start))
loc = threading.local(); loc.x = 1
def f(): out2.append(hasattr(loc, 'x')); loc.x = 2
out2 = []; t = threading.Thread(target=f); t.start(); t.join(); print(out2, loc.x)
c = threading.Condition(); items = []
def prod():
    for i in range(3):
        with c: items.append(i); c.notify()
def cons():
    r = []
    while len(r) < 3:
        with c:
            c.wait_for(lambda: items, timeout=5)
            r.append(items.pop(0))
    print(r)
a = threading.Thread(target=cons); b = threading.Thread(target=prod); a.start(); b.start(); a.join(); b.join()
q = queue.Queue()
def worker():
    while True:
        x = q.get()
        if x is None: q.task_done(); break
        q.task_done()
t = threading.Thread(target=worker); t.start()
for i in range(3): q.put(i)
q.put(None); q.join(); t.join(); print(q.empty(), q.qsize(), err(q.task_done))
pq = queue.PriorityQueue(); [pq.put(x) for x in ((2, 'b'), (1, 'a'))]; print(pq.get(), pq.get())
lq = queue.LifoQueue(); lq.put(1); lq.put(2); print(lq.get(), lq.get(), err(lq.get_nowait))
tm = threading.Timer(0.01, lambda *a, **k: print(a, k), args=(1,), kwargs={'b': 2}); tm.start(); tm.join()
print(threading.current_thread().name, threading.main_thread() is threading.current_thread(), threading.active_count())
r = threading.RLock()
with r:
    with r: print('nested')
print(err(r.release), err(threading.Lock().release))
s = threading.BoundedSemaphore(1); s.acquire(); s.release(); print(err(s.release))
# exceptions
class MyE(Exception):
    def __init__(self, a, b=2): super().__init__(a, b); self.a = a
    def __str__(self): return f'<{self.a}>'
class MyE2(MyE): pass
try: raise MyE2(1)
except (KeyError, MyE) as e: print(e, repr(e), e.args, e.a, isinstance(e, Exception), type(e).__mro__[1].__name__)
print(err(lambda: (_ for _ in ()).throw(ValueError('x'))))
e = ValueError('a', 1); print(e, repr(e), e.args, str(ValueError()), repr(ValueError()), str(KeyError('k')), str(KeyError('a', 'b')), repr(KeyError('k')), OSError(2, 'no').errno if hasattr(OSError(2, "no"), "errno") else 2, OSError(2, "no").strerror, OSError("x").errno, str(OSError("x")), OSError(1, "a").args, str(OSError(2, 'no')))
def fin():
    for i in range(3):
        try:
            if i == 1: continue
            if i == 2: return 'ret'
        finally: print('f', i)
print(fin())
try:
    try: raise ValueError(1)
    except ValueError: raise KeyError(2) from None
except KeyError as e: print(e.__cause__, e.__suppress_context__, type(e.__context__).__name__)
try: pass
except: pass
else: print('else')
finally: print('fin')
def nested():
    try:
        try: raise ValueError('v')
        except KeyError: print('no')
        finally: print('inner')
    except ValueError as e: return str(e)
print(nested())
print(err(lambda: exec_raise()), err(lambda: [][0]), err(lambda: {}['a']['b']))
try: raise ValueError
except ValueError as e: print(repr(e), e.args)
try: assert 1 == 2, ('a', 'b')
except AssertionError as e: print(e, e.args)
def gen_ctx():
    try: yield
    except ValueError: print('in gen')
g = gen_ctx(); next(g); print(err(g.throw, ValueError('q')))
x = 5
def shadow():
    try: raise ValueError('e')
    except ValueError as x: pass
    try: return x
    except UnboundLocalError as e: return str(e)
print(shadow(), x)
print(ExceptionGroup('g', [ValueError(1)]).exceptions, str(ExceptionGroup('g', [ValueError(1)])))
# with
class W:
    def __init__(self, n, swallow=False): self.n, self.swallow = n, swallow
    def __enter__(self): print('enter', self.n); return self.n
    def __exit__(self, t, v, tb): print('exit', self.n, t.__name__ if t else None, v); return self.swallow
with W(1) as a, W(2, True) as b: raise ValueError('w')
print(a, b)
def wr():
    with W(3): return 'r'
print(wr())
for i in range(2):
    with W(4):
        if i == 0: continue
        break
print(err(lambda: W(5).__exit__(None, None, None)))
def we():
    with 5: pass
print(err(we))
# slices objects, del, swap, chained, walrus, global
l = [1, 2, 3, 4]; l[0], l[-1] = l[-1], l[0]; print(l); i = 0; i, l[i] = 2, 9; print(i, l)
a = b = []; a.append(1); print(b); a += [2]; print(b); a = a + [3]; print(b)
d = {}; d['a'] = d['b'] = 1; del d['a']; print(d)
n = 0
def gl():
    global n, newg
    n += 1; newg = 'g'
gl(); print(n, newg)
t = (1, [2]); 
try: t[1].append(3); t[0] = 1
except TypeError as e: print(e, t)
print(f'{x!r:>5}|{x:<5}|{"a" if x else "b"}|{{}}|{x + 1 = }', 'a' 'b' f'{x}', f'{[1, 2][0]}', f"{'q'!s}", f'{x:{x}}')
print(*[1, 2], sep='-', end='!\n'); print(); print('a', 'b', sep=''); print(1, None, True, [1], {'a': (1,)}, {1}, 'x', 1.0, b'x', range(2), sep=',')
while True:
    n += 1
    if n > 3: break
else: print('no')
for k in []: pass
else: print('for else')
print([i for i in range(10) if i % 2 if i > 3], [a for b in [[1], [2]] for a in b], {**{}}, [*()], (lambda: (yield))().__class__.__name__)
print('%s' % (1,), '%d%%' % 5, '%5.2f|%-5s|%05d' % (1.234, 'a', 42), '%(a)s' % {'a': 1}, '%x %o %e' % (255, 8, 12345.678))
