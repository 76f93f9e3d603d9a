# Question: Can two threads that each add one to x leave it at 1?
# Policy: python-3.2
# Win: prints 1
# Teaches: `x += 1` reads, adds and writes. Up to Python 3.9 others may run in between.
import threading

x = 0


def work():
    global x
    x += 1


threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(x)
