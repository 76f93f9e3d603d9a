# Can money be lost between two accounts, if each step is one line?
import threading

accounts = {"a": 100, "b": 100}


def move(source, target, amount):
    accounts[source] = accounts.get(source) - amount
    accounts[target] = accounts.get(target) + amount


threads = [
    threading.Thread(target=move, args=("a", "b", 10)),
    threading.Thread(target=move, args=("b", "a", 20)),
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(accounts["a"] + accounts["b"])
