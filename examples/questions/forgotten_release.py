# What happens if one way out of a function forgets to release its Lock?
import threading

lock = threading.Lock()
stock = 1


def buy(who):
    global stock
    lock.acquire()
    if stock == 0:
        print(who, "finds nothing")
        return
    stock -= 1
    lock.release()
    print(who, "has it")


threads = [threading.Thread(target=buy, args=(who,)) for who in ("ann", "bob", "cy")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
