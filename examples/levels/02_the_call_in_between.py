# Question: Python 3.13 does not lose `x += 1`. Does it lose this?
# Policy: python-3.13
# Win: prints 1
# Teaches: A call between the load and the store is a place where every version looks.
import threading

x = 0


def one():
    return 1


def work():
    global x
    x = x + one()


threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(x)
