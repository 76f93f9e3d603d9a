# Question: One waits to be notified, one notifies. Can the one wait for ever?
# Policy: python-3.13
# Win: deadlock
# Teaches: A notification wakes only who waits already. Wait in a loop for what it is about.
import threading

condition = threading.Condition()


def waiter():
    with condition:
        condition.wait()
    print("woken")


def notifier():
    with condition:
        condition.notify()


threads = [threading.Thread(target=waiter), threading.Thread(target=notifier)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
