# Question: Both look first whether there is enough. Can the account go below zero?
# Policy: python-3.12
# Win: raises AssertionError
# Teaches: Put what has to hold into an assert, and the check and the act under one lock.
import threading

balance = 100


def fee():
    return 20


def withdraw():
    global balance
    if balance >= 80:
        amount = 60 + fee()
        balance = balance - amount
    assert balance >= 0, "overdrawn"


threads = [threading.Thread(target=withdraw) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
