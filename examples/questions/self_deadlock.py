# What happens if a thread takes a Lock that it holds?
import threading

lock = threading.Lock()


def outer():
    with lock:
        inner()


def inner():
    with lock:
        print("never")


thread = threading.Thread(target=outer)
thread.start()
thread.join()
