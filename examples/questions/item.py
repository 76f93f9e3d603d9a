# Is `+=` on an item or an attribute safe?
import threading


class Account:
    def __init__(self):
        self.balance = 0


account = Account()
visits = {"home": 0}


def work():
    account.balance += 1
    visits["home"] += 1


threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(account.balance, visits["home"])
