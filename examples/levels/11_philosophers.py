# Question: Three philosophers, three forks. Can all of them starve?
# Policy: python-3.11
# Win: deadlock
# Teaches: A circle of any length is enough. One who takes the other fork first breaks it.
import threading

forks = [threading.Lock() for _ in range(3)]


def dine(seat):
    with forks[seat]:
        print(seat, "has one fork")
        with forks[(seat + 1) % 3]:
            print(seat, "eats")


threads = [threading.Thread(target=dine, args=(seat,)) for seat in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
