# Question: Can a reader see a width and an area that do not agree?
# Policy: python-3.9
# Win: prints 1 x 1 = 4
# Teaches: Two things that have to agree are written in two steps, and read in two.
import threading

width = 1
area = 1


def grow():
    global width, area
    width = 2
    area = width * width


def look():
    side = width
    print(side, "x", side, "=", area)


threads = [threading.Thread(target=grow), threading.Thread(target=look)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
