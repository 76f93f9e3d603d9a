# Question: Two threads add one three times each. How little can be left of the six?
# Policy: python-3.9
# Win: prints 2
# Teaches: Each writes over the other once, at its first and at its last round; 1 is out of reach.
import threading

x = 0


def work():
    global x
    for _ in range(3):
        x += 1


threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(x)
