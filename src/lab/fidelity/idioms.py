# Which updates are lost here? Runs on 2.7 and on every 3.x. Reads an idiom a line, as JSON:
# {"module", "read", "passes", "tries", "seconds"}, and answers with two numbers: the try in which the
# first update was lost (0: none, -1: it cannot run here), and how many tries there were.
import json, sys, threading, time

clock = getattr(time, "perf_counter", time.time)
WARM = 3000
try:
    sys.setswitchinterval(1e-6)
except AttributeError:
    sys.setcheckinterval(1)


def lost(world, read, passes):
    before, waiting = eval(read, world), []

    def run():
        waiting.append(1)
        while len(waiting) < 2:  # a barrier, which 2.7 has not
            pass
        world["work"](passes)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.daemon = True  # where the second is refused, the first waits for it for ever
        thread.start()
    for thread in threads:
        thread.join()
    return eval(read, world) - before < 2 * passes


def ask(module, read, passes, tries, seconds):
    world = {}
    try:
        exec(compile(module, "idiom", "exec"), world)
        world["work"](WARM)
    except (SyntaxError, ImportError):
        return -1, 0
    until = clock() + seconds
    for number in range(1, tries + 1):
        if lost(world, read, passes):
            return number, number
        if clock() > until:
            break
    return 0, number


for line in iter(sys.stdin.readline, ""):
    print("%d %d" % ask(**{str(key): value for key, value in json.loads(line).items()}))
    sys.stdout.flush()
