# Is `setdefault` safer than looking first?
import threading

groups = {}


def add(n):
    groups.setdefault("all", []).append(n)


threads = [threading.Thread(target=add, args=(n,)) for n in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(groups["all"]))
