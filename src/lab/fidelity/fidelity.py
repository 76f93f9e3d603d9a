# The interpreter's half of `singletrack gil fidelity`. Runs on 2.7 and on every 3.x.
# Reads one command a line, writes one line of numbers for each; "PORT n" says where to connect.
import os, socket, sys, threading, time

clock = getattr(time, "perf_counter", time.time)
try:
    numbers = xrange
except NameError:
    numbers = range
x = 0
owner = changes = 0
stop = False


def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def countdown(n):
    while n > 0:
        n -= 1


def add(n):
    global x
    for _ in numbers(n):
        x += 1


def add_by_call(n):
    global x
    for _ in numbers(n):
        x += int(1)


def burn():
    while not stop:
        n = 1000
        while n > 0:
            n -= 1


def watch(me):
    global owner, changes
    while not stop:
        if owner != me:
            owner = me
            changes += 1


def start(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.daemon = True
    thread.start()
    return thread


def together(count, function, *arguments):
    begun = clock()
    for thread in [start(function, *arguments) for _ in range(count)]:
        thread.join()
    return clock() - begun


def one_by_one(count, function, *arguments):
    begun = clock()
    for _ in range(count):
        start(function, *arguments).join()
    return clock() - begun


def passes(n):  # nanoseconds a pass: countdown, add, add by call
    def best(function):
        times = []
        for _ in range(3):
            begun = clock()
            function(n)
            times.append(clock() - begun)
        return min(times) * 1e9 / n
    say(best(countdown), best(add), best(add_by_call))


def lost(function, threads, n):
    global x
    x = 0
    together(threads, function, n)
    say(threads * n - x)


def pair(n, times):  # two threads at once, against one after the other: the best of each
    runs = [(together(2, countdown, n), one_by_one(2, countdown, n)) for _ in range(times)]
    say(min(run[0] for run in runs) / min(run[1] for run in runs))


def beside(count, function):
    global stop
    stop = False
    burners = [start(burn) for _ in range(count)]
    try:
        function()
    finally:
        stop = True
        for burner in burners:
            burner.join()


def switches(seconds):
    global stop, changes
    stop, changes = False, 0
    watchers = [start(watch, me) for me in (1, 2)]
    time.sleep(0.02)  # now both have begun
    first, begun = changes, clock()
    time.sleep(seconds)  # and, to come back, waits for the lock: so the time that it took counts
    last, ended = changes, clock()
    stop = True
    for watcher in watchers:
        watcher.join()
    say((last - first) / (ended - begun))


def echo(burners):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)

    def serve():
        say("PORT", listener.getsockname()[1])
        peer = listener.accept()[0]
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            data = peer.recv(64)
            if not data:
                return
            peer.sendall(data)

    beside(burners, serve)
    say("DONE")


def udp():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    return server


def bandwidth(burners):
    server = udp()

    def serve():
        say("PORT", server.getsockname()[1])
        while True:
            data, peer = server.recvfrom(2048)
            if data == b"END":
                return
            server.sendto(data, peer)

    beside(burners, serve)
    say("DONE")


def latency(burners):
    server, delays = udp(), []

    def serve():
        say("PORT", server.getsockname()[1])
        while True:
            data = server.recv(2048)
            now = time.time()
            if data == b"END":
                return
            delays.append((now - float(data)) * 1e3)

    beside(burners, serve)
    say(sorted(delays)[len(delays) // 2])


def crowd(count, rounds, passes, times):  # milliseconds: the best
    zeroes = os.open("/dev/zero", os.O_RDONLY)
    threading.stack_size(256 * 1024)

    def part(go):
        go.wait()
        for _ in range(rounds):
            os.read(zeroes, 1)
            os.read(zeroes, 1)
            time.sleep(0.001)
            countdown(passes)

    def let_go():
        go, threads, why = threading.Event(), [], None
        try:
            for _ in range(count):
                threads.append(start(part, go))
        except Exception as error:
            why = error
        time.sleep(0.1)
        begun = clock()
        go.set()
        for thread in threads:
            thread.join()
        if why:
            raise why
        return (clock() - begun) * 1e3

    try:
        say(min(let_go() for _ in range(times)))
    except Exception as error:
        say(type(error).__name__ + ":", error)
    threading.stack_size(0)
    os.close(zeroes)


for line in iter(sys.stdin.readline, ""):
    words = line.split()
    command, arguments = words[0], words[1:]
    if command == "passes":
        passes(int(arguments[0]))
    elif command == "lost":
        lost(add, int(arguments[0]), int(arguments[1]))
    elif command == "lost_by_call":
        lost(add_by_call, int(arguments[0]), int(arguments[1]))
    elif command == "pair":
        pair(int(arguments[0]), int(arguments[1]))
    elif command == "switches":
        switches(float(arguments[0]))
    elif command == "echo":
        echo(int(arguments[0]))
    elif command == "bandwidth":
        bandwidth(int(arguments[0]))
    elif command == "latency":
        latency(int(arguments[0]))
    elif command == "crowd":
        crowd(*map(int, arguments))
