# Is it safe to look whether a key is there, and then to set it?
import threading

groups = {}


def add(n):
    if groups.get("all") is None:
        groups["all"] = []
    groups["all"].append(n)


threads = [threading.Thread(target=add, args=(n,)) for n in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(groups["all"]))
