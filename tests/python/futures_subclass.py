from concurrent import futures
import concurrent.futures as cf


def work():
    return 1



class Counting(cf.Executor):
    def __init__(self):
        self.jobs = 0

    def submit(self, fn, a):
        self.jobs += 1
        f = futures.Future()
        f.set_result(fn(a))
        return f


counting = Counting()
print(counting.submit(abs, -2).result(), counting.jobs)
inner = []
with cf.ThreadPoolExecutor(2) as pool:
    def outer():
        return pool.submit(work).result() + 1
    print(pool.submit(outer).result())
    for n in range(3):
        pool.submit(inner.append, n).add_done_callback(lambda f: inner.append(f.done()))
print(inner.count(True), sorted([n for n in inner if n is not True]))
