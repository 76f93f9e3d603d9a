# From "Async Python: The Different Forms of Concurrency" by Abu Ashraf Masnun, 2016.
from multiprocessing import Pool


def f(x):
    return x*x


if __name__ == '__main__':
    p = Pool(5)
    print(p.map(f, [1, 2, 3]))
