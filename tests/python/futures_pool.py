import concurrent.futures
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future


def square(n, plus=0):
    if n == 7:
        raise ValueError("seven")
    return n * n + plus


with ThreadPoolExecutor(max_workers=2) as pool:
    futures = [pool.submit(square, n) for n in range(5)]
    print([f.result() for f in futures])
    print(pool.submit(square, 3, plus=1).result(), pool.submit(square, n=2).result(timeout=5))
    print(list(pool.map(square, range(6))))
    print(list(pool.map(square, [1, 2, 3], [10, 20], timeout=10)))
    bad = pool.submit(square, 7)
    try:
        bad.result()
    except ValueError as e:
        print("raised", e)
    print(repr(bad.exception()), bad.done(), bad.running(), bad.cancelled())
    results = pool.map(square, [6, 7, 8])
    print(next(results))
    try:
        print(next(results))
    except ValueError as e:
        print("map raised", e)
    print(sum(f.result() for f in as_completed([pool.submit(square, n) for n in range(4)])))
    print(pool.submit(time.sleep, 0.001).result(), pool.submit(len, [1, 2]).result())
    print(pool.submit(lambda: 1).result())
try:
    pool.submit(square, 1)
except RuntimeError as e:
    print(e)

names = []
with ThreadPoolExecutor(1) as pool:
    pool.submit(lambda: names.append(threading.current_thread().name)).result()
with ThreadPoolExecutor(1, thread_name_prefix="w") as pool:
    pool.submit(lambda: names.append(threading.current_thread().name)).result()
with ThreadPoolExecutor() as pool:
    pool.submit(lambda: names.append(threading.current_thread().name)).result()
print(names)

gate = threading.Event()
log = []
with ThreadPoolExecutor(1) as pool:
    first = pool.submit(gate.wait)
    while not first.running():
        time.sleep(0.001)
    second = pool.submit(log.append, "second")
    third = pool.submit(log.append, "third")
    third.add_done_callback(lambda f: log.append("callback"))
    print(second.cancel(), second.cancelled(), second.done(), first.cancel())
    try:
        second.result()
    except concurrent.futures.CancelledError as e:
        print("cancelled", repr(e))
    try:
        third.result(timeout=0.01)
    except concurrent.futures.TimeoutError as e:
        print("late", repr(e))
    try:
        first.result(0)
    except TimeoutError:
        print("late too")
    gate.set()
print(log, first.result())
third.add_done_callback(lambda f: log.append("at once"))
print(log)

gate = threading.Event()


def slow(n):
    gate.wait()
    return n


with ThreadPoolExecutor(3) as pool:
    quick = pool.submit(square, 2)
    held = pool.submit(slow, 1)
    done, not_done = wait([quick, held], return_when=FIRST_COMPLETED)
    print(quick in done, held in not_done, len(done), len(not_done))
    bad = pool.submit(square, 7)
    done, not_done = wait({held, bad}, return_when=FIRST_EXCEPTION)
    print([f.exception() is not None for f in done], len(not_done))
    states = wait([held], timeout=0.01)
    print(len(states.done), len(states.not_done))
    try:
        for f in as_completed([quick, held], timeout=0.01):
            print("one", f.result())
    except TimeoutError as e:
        print(e)
    gate.set()
    done, not_done = wait([quick, held, held])
    print(sorted(f.result() for f in done), not_done)

gate = threading.Event()
pool = ThreadPoolExecutor(1)
first = pool.submit(gate.wait)
while not first.running():
    time.sleep(0.001)
rest = [pool.submit(square, n) for n in range(3)]
pool.shutdown(wait=False, cancel_futures=True)
gate.set()
print([f.cancelled() for f in rest], first.result())

ready = []
with ThreadPoolExecutor(1, initializer=ready.append, initargs=("ready",)) as pool:
    print([pool.submit(square, n).result() for n in range(3)], ready)

own = threading.local()


def begin(start):
    own.count = start


def count():
    own.count += 1
    return own.count


with ThreadPoolExecutor(1, initializer=begin, initargs=(10,)) as pool:
    print([pool.submit(count).result() for _ in range(3)])

mine = Future()
print(mine.done(), mine.running())
mine.set_result(5)
print(mine.result(), mine.done(), isinstance(mine, Future))
try:
    mine.set_result(6)
except concurrent.futures.InvalidStateError:
    print("set twice")
for bad in (0, -1):
    try:
        ThreadPoolExecutor(bad)
    except ValueError as e:
        print(e)
try:
    ThreadPoolExecutor(1, initializer=3)
except TypeError as e:
    print(e)
