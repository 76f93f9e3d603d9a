import threading

lock = threading.Lock()
total = 0


def work(turns):
    global total
    for i in range(turns):
        with lock:
            total += 1


threads = [threading.Thread(target=work, args=(20000,)) for i in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert total == 40000
