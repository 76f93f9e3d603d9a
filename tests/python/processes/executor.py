import concurrent.futures
import math
import os
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed, wait

PRIMES = [112272535095293, 112582705942171, 115280095190773, 1099726899285419]
seen = 0


def is_prime(n):
    if n < 2:
        return False
    if n % 2 == 0:
        return n == 2
    for i in range(3, min(int(math.sqrt(n)), 300) + 1, 2):
        if n % i == 0:
            return False
    return True


def power(base, exponent=2):
    return base ** exponent


def bad(n):
    raise ValueError("bad", n)


def remember(n):
    global seen
    seen += n
    return seen


def begin(start):
    global seen
    seen = start


class Account:
    def __init__(self, owner, money=0):
        self.owner = owner
        self.money = money

    def deposit(self, n):
        self.money += n
        return self

    def __eq__(self, other):
        return self.owner == other.owner and self.money == other.money


def lock():
    return threading.Lock()


def inside():
    results = []
    threads = [threading.Thread(target=lambda: results.append(1)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(results)


def main():
    with ProcessPoolExecutor(max_workers=2) as pool:
        for n, prime in zip(PRIMES, pool.map(is_prime, PRIMES)):
            print(n, prime)
        print(list(pool.map(power, range(5), [3] * 5, chunksize=2)))
        futures = [pool.submit(power, n, exponent=3) for n in range(4)]
        print([f.result() for f in futures], all(f.done() for f in futures))
        print(sorted(f.result() for f in as_completed([pool.submit(power, n) for n in range(4)])))
        done, not_done = wait([pool.submit(power, 2)])
        print(len(done), not_done)
        future = pool.submit(bad, 3)
        print(repr(future.exception()), future.exception().args)
        try:
            future.result()
        except ValueError as error:
            print("raised", error)
        try:
            list(pool.map(bad, [1, 2]))
        except ValueError as error:
            print("map raised", error)
        account = Account("me", 5)
        more = pool.submit(account.deposit, 10).result()
        print(more.money, account.money, more == Account("me", 15), more is account)
        for job in (lambda: 1, lock):
            try:
                pool.submit(job).result()
            except Exception as error:
                print(type(error).__name__)
        print(pool.submit(inside).result())
        print(pool.submit(os.getpid).result() != os.getpid())
        called = []
        pool.submit(power, 7).add_done_callback(lambda f: called.append(f.result()))
    print(called)
    try:
        pool.submit(power, 1)
    except RuntimeError as error:
        print(error)
    with ProcessPoolExecutor(1, initializer=begin, initargs=(100,)) as pool:
        print([pool.submit(remember, n).result() for n in (1, 2, 3)], seen)
    print(list(concurrent.futures.ProcessPoolExecutor(1).map(abs, [-1, 2])))


if __name__ == "__main__":
    main()
