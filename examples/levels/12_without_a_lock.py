# Question: Python 3.13 never gets this wrong. And if there is no global lock?
# Policy: free-threaded
# Win: raises IndexError
# Teaches: Without the GIL, nothing keeps a check and an act together that no lock keeps together.
import threading

jobs = ["only"]


def work():
    if jobs:
        jobs.pop()


threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
