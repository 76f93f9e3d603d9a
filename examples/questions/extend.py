# Is `l += [1]` the same as `l = l + [1]`?
import threading

inplace = []
anew = []


def work(n):
    global inplace, anew
    inplace += [n]
    anew = anew + list((n,))


threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(inplace), len(anew))
