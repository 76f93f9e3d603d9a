# Can a job wait for another job of its own pool?
from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(max_workers=2)


def inner(n):
    return n * n


def outer(n):
    return pool.submit(inner, n).result()


futures = [pool.submit(outer, n) for n in range(2)]
print(sum(future.result() for future in futures))
pool.shutdown()
