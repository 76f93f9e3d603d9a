# Question: One ticket is left. Can both buy it?
# Policy: python-3.13
# Win: prints 1 sold to ann | 1 sold to bob | -1 left
# Teaches: Check, then act: what was checked may not hold any more when it is acted upon.
import threading

left = 1


def buy(name):
    global left
    if left > 0:
        print("1 sold to", name)
        left -= 1


threads = [threading.Thread(target=buy, args=(name,)) for name in ("ann", "bob")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(left, "left")
