# Can two locks that are taken in two orders wait for each other?
import threading

first = threading.Lock()
second = threading.Lock()


def forward():
    with first:
        print("forward has one")
        with second:
            print("forward has both")


def backward():
    with second:
        print("backward has one")
        with first:
            print("backward has both")


threads = [threading.Thread(target=forward), threading.Thread(target=backward)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
