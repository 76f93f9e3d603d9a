# Can a lazy singleton be made twice?
import threading

made = []
instance = None


class Connection:
    def __init__(self):
        made.append(self)


def get():
    global instance
    if instance is None:
        instance = Connection()
    return instance


threads = [threading.Thread(target=get) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(made))
