# A pool of threads whose initializer raises, and a callback that does: both are told on stderr.
from concurrent import futures
from concurrent.futures.thread import BrokenThreadPool


def begin():
    raise LookupError("no")


def work():
    return 1


def complain(future):
    raise KeyError("callback")


with futures.ThreadPoolExecutor(max_workers=1, initializer=begin) as pool:
    first = pool.submit(work)
    try:
        first.result()
    except BrokenThreadPool as e:
        print(e)
    try:
        pool.submit(work)
    except futures.BrokenExecutor as e:
        print(e)
with futures.ThreadPoolExecutor(1) as pool:
    future = pool.submit(work)
    future.add_done_callback(complain)
    print(future.result(), pool.submit(work).result())
