# Can they wait for each other if nothing stands between one `with` and the other?
import threading

first = threading.Lock()
second = threading.Lock()


def forward():
    with first:
        with second:
            print("forward")


def backward():
    with second:
        with first:
            print("backward")


threads = [threading.Thread(target=forward), threading.Thread(target=backward)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
