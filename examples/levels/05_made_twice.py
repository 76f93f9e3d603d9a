# Question: Can a lazy singleton be made twice?
# Policy: python-3.13
# Win: prints made 2
# Teaches: Whoever finds nothing makes one, and making takes time: it is Python code that is entered.
import threading

made = 0
instance = None


class Connection:
    def __init__(self):
        global made
        made += 1


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
print("made", made)
