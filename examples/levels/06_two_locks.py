# Question: Each takes both locks. Can they wait for each other for ever?
# Policy: python-3.13
# Win: deadlock
# Teaches: Two locks in two orders: each has what the other needs. Everybody takes them in one order.
import threading

a = threading.Lock()
b = threading.Lock()


def forward():
    with a:
        print("forward has a")
        with b:
            print("forward has both")


def backward():
    with b:
        print("backward has b")
        with a:
            print("backward has both")


threads = [threading.Thread(target=forward), threading.Thread(target=backward)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
