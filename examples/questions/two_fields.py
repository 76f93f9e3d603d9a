# Can a reader see two fields that do not agree?
import threading

width = 1
area = 1
seen = []


def grow():
    global width, area
    width = int("2")
    area = width * width


def look():
    seen.append(area == width * width)


threads = [threading.Thread(target=grow), threading.Thread(target=look)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(seen)
