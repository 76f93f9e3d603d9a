import threading
import random
import time

N = 5
MEALS = 3

class Philosopher(threading.Thread):
    running = True

    def __init__(self, index, left_fork, right_fork):
        super(Philosopher, self).__init__()
        self.index = index
        self.left = left_fork
        self.right = right_fork
        self.meals = 0

    def run(self):
        while self.meals < MEALS:
            time.sleep(random.uniform(0.0001, 0.0005))
            self.dine()

    def dine(self):
        first, second = self.left, self.right
        if self.index % 2 == 0:
            first, second = second, first
        first.acquire()
        try:
            locked = second.acquire(timeout=1)
            if not locked:
                return
            try:
                self.eat()
            finally:
                second.release()
        finally:
            first.release()

    def eat(self):
        self.meals += 1
        time.sleep(0.0001)

forks = [threading.Lock() for n in range(N)]
philosophers = [Philosopher(i, forks[i % N], forks[(i + 1) % N]) for i in range(N)]
for p in philosophers:
    p.daemon = True
    p.start()
for p in philosophers:
    p.join(timeout=10)
for p in philosophers:
    print("Philosopher {0} ate {1} times {2}".format(p.index, p.meals, "done" if p.meals == MEALS else "hungry"))
print(sum(p.meals for p in philosophers) == N * MEALS)
print(any(f.locked() for f in forks), all(not f.locked() for f in forks))
