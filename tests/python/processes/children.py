import multiprocessing
import os
import queue
import sys
import time
from multiprocessing import Lock, Process, Queue, current_process

base = [1, 2, 3]


def square(numbers, results):
    for n in numbers:
        results.put((current_process().name, n * n + len(base)))
    base.append(99)


class Adder(Process):
    def __init__(self, results, n):
        super().__init__(name=f"adder-{n}")
        self.results = results
        self.n = n

    def run(self):
        self.results.put(self.n + 100)


def fail():
    raise KeyError("lost")


def leave(code):
    sys.exit(code)


def vanish():
    os._exit(7)


def sleep():
    time.sleep(60)


def serve(requests, answers):
    while True:
        request = requests.get()
        if request is None:
            break
        answers.put(request.upper())
    answers.put("bye")


def count(lock, results, times):
    for _ in range(times):
        with lock:
            n = results.get()
            results.put(n + 1)


def main():
    results = Queue()
    children = [Process(target=square, args=([n, n + 1], results)) for n in (1, 10)]
    for child in children:
        child.start()
    got = sorted(results.get() for _ in range(4))
    for child in children:
        child.join()
    print(got, base)
    print([child.exitcode for child in children], children[0].is_alive(), children[0].name)
    print(children[0].pid != os.getpid(), isinstance(children[0].pid, int))

    adder = Adder(results, 5)
    print(adder.exitcode, adder.pid, adder.is_alive(), adder.daemon)
    adder.start()
    print(results.get(timeout=30), adder.name)
    adder.join()
    print(adder.exitcode)

    for target, args in ((fail, ()), (leave, (3,)), (leave, (0,)), (vanish, ())):
        child = Process(target=target, args=args)
        child.start()
        child.join(30)
        print(target.__name__, child.exitcode)

    child = Process(target=sleep, daemon=True)
    child.start()
    child.join(0.01)
    print(child.is_alive(), child.exitcode)
    child.terminate()
    child.join()
    print(child.exitcode)
    child = Process(target=sleep)
    child.start()
    child.kill()
    child.join()
    print(child.exitcode)

    requests, answers = Queue(), Queue()
    server = Process(target=serve, args=(requests, answers))
    server.start()
    for word in ("spam", "eggs"):
        requests.put(word)
        print(answers.get())
    requests.put(None)
    print(answers.get())
    server.join()
    try:
        answers.get(timeout=0.01)
    except queue.Empty:
        print("empty")
    try:
        answers.get(False)
    except queue.Empty:
        print("empty at once")
    bounded = Queue(1)
    bounded.put([1, (2, {"three": 3})])
    try:
        bounded.put(2, timeout=0.01)
    except queue.Full:
        print("full")
    print(bounded.get())

    lock, numbers = Lock(), Queue()
    numbers.put(0)
    children = [Process(target=count, args=(lock, numbers, 5)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    print(numbers.get())
    print(multiprocessing.current_process().name, multiprocessing.active_children())
    try:
        child.start()
    except AssertionError as error:
        print(error)
    try:
        Process(target=fail).join()
    except AssertionError as error:
        print(error)
    last = Process(target=print, args=("printed by a child",))
    last.start()
    last.join()


if __name__ == "__main__":
    main()
