# Producers and consumers: a bounded buffer of one's own with two conditions, a closing, a timeout.
import threading
import time
from collections import Counter


class Closed(Exception):
    pass


class Buffer:
    """A queue with room for so many."""

    def __init__(self, room):
        self.room = room
        self.items = []
        self.closed = False
        self.lock = threading.Lock()
        self.not_empty = threading.Condition(self.lock)
        self.not_full = threading.Condition(self.lock)
        self.longest = 0

    def put(self, item, timeout=None):
        with self.not_full:
            if not self.not_full.wait_for(lambda: len(self.items) < self.room or self.closed, timeout):
                raise TimeoutError("the buffer stays full")
            if self.closed:
                raise Closed()
            self.items.append(item)
            self.longest = max(self.longest, len(self.items))
            self.not_empty.notify()

    def get(self):
        with self.not_empty:
            while not self.items and not self.closed:
                self.not_empty.wait()
            if not self.items:
                raise Closed()
            item = self.items.pop(0)
            self.not_full.notify()
            return item

    def close(self):
        with self.lock:
            self.closed = True
            self.not_empty.notify_all()
            self.not_full.notify_all()


class Stats:
    def __init__(self):
        self.lock = threading.Lock()
        self.seen = Counter()
        self.by_consumer = {}

    def add(self, consumer, item):
        with self.lock:
            self.seen[item] += 1
            self.by_consumer[consumer] = self.by_consumer.get(consumer, 0) + 1


def produce(buffer, first, count, step, left):
    for n in range(first, first + count * step, step):
        buffer.put(n)
        if n % 5 == 0:
            time.sleep(0.0005)
    left.release()


def consume(buffer, name, stats):
    try:
        while True:
            stats.add(name, buffer.get())
    except Closed:
        pass


def numbers(upto):
    n = 0
    while n < upto:
        yield n
        n += 1


def squares_with_semaphore():
    slots = threading.BoundedSemaphore(2)
    busy = []
    most = []
    guard = threading.Lock()
    results = {}

    def square(n):
        with slots:
            with guard:
                busy.append(n)
                most.append(len(busy))
            time.sleep(0.001)
            with guard:
                busy.remove(n)
                results[n] = n * n

    threads = [threading.Thread(target=square, args=(n,)) for n in numbers(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        slots.release()
    except ValueError as error:
        print("ValueError:", error)
    return max(most), [results[n] for n in sorted(results)]


def rounds(parties, count):
    barrier = threading.Barrier(parties)
    log = []
    lock = threading.Lock()

    def party(name):
        for turn in range(count):
            with lock:
                log.append((turn, name))
            barrier.wait()

    threads = [threading.Thread(target=party, args=(chr(ord("a") + n),)) for n in range(parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turns = [turn for turn, _ in log]
    return turns == sorted(turns), len(log)


def main():
    buffer, stats = Buffer(3), Stats()
    left = threading.Semaphore(0)
    consumers = [
        threading.Thread(target=consume, args=(buffer, "consumer %d" % n, stats)) for n in range(3)
    ]
    producers = [threading.Thread(target=produce, args=(buffer, n, 40, 2, left)) for n in range(2)]
    for thread in consumers + producers:
        thread.start()
    for _ in producers:
        left.acquire()
    for thread in producers:
        thread.join()
    while buffer.items:
        time.sleep(0.001)
    buffer.close()
    for thread in consumers:
        thread.join()
    print(sorted(stats.seen) == list(range(80)), set(stats.seen.values()))
    print(sum(stats.by_consumer.values()), buffer.longest <= 3)
    try:
        buffer.put(1)
    except Closed:
        print("closed")
    small = Buffer(1)
    small.put("only")
    try:
        small.put("too many", timeout=0.01)
    except TimeoutError as error:
        print("TimeoutError:", error)
    most, squares = squares_with_semaphore()
    print(most <= 2, squares)
    print(rounds(3, 4))
    lock = threading.Lock()
    lock.acquire()
    print(lock.acquire(timeout=0.01), lock.acquire(False), lock.locked())
    event = threading.Event()
    print(event.wait(0.01), event.is_set())
    print(threading.active_count(), threading.current_thread().name)


main()
