# Question: Three threads add one each. Can two of the three get lost?
# Policy: python-2
# Win: prints 1
# Teaches: One old value that is written back late undoes all that came in between.
import threading

x = 0


def work():
    global x
    x += 1


threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(x)
