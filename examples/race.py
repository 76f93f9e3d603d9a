# Two threads add one to x. Which Pythons can lose an update?
import threading
x = 0
def work():
    global x
    x += 1
ts = [threading.Thread(target=work) for _ in range(2)]
for t in ts: t.start()
for t in ts: t.join()
print(x)
