# The interpreter's half of `explore --confirm`. Runs on 2.7 and on every 3.x.
#
# Reads a program from stdin, runs it many times in this process, and writes a line of JSON for
# what came of it. argv: the program's name, seconds, tries, seconds without progress that are a
# hang, "cold" or "warm", and the names of globals to report.
#
# Most tries are made side by side, so that threads of a microsecond overlap. Each is a copy of the
# program with its own globals and its own `Thread` objects. Where its main thread waits for a
# thread to end, the next copy begins. When all wait, the first threads of all copies run on one OS
# thread, the second ones on another, and so on. Whoever finds another one interrupted inside a
# copy goes on with the same copy. The interpreter alone decides where a thread is interrupted.
# Some tries start their threads as the program says.
import functools, gc, itertools, json, os, sys, threading, time

try:
    import _thread, builtins
except ImportError:
    import thread as _thread, __builtin__ as builtins

NAME, SECONDS, TRIES, PATIENCE = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
COLD, REPORTED = sys.argv[5] == "cold", sys.argv[6:]
SIDE_BY_SIDE, WARM_UP, LONGEST, SETTLING, LOOK = 256, 24, 4000, 0.25, 0.02
clock = getattr(time, "monotonic", time.time)
get_ident, start_thread, sleep = _thread.get_ident, _thread.start_new_thread, time.sleep
set_switching = getattr(sys, "setswitchinterval", None)
set_counting = getattr(sys, "setcheckinterval", None) if set_switching is None else None
main_object = threading.current_thread()
copies, carried, mains = {}, {}, []


def say(**words):
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def often():
    if set_switching is not None:
        set_switching(1e-5)
    else:
        set_counting(1)


def seldom():
    if set_switching is not None:
        set_switching(0.005)
    else:
        set_counting(10000)


def closed():
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock


def acquire(lock, seconds):
    """Whether the lock was had in time. Python 2 knows no limit, so it asks again and again."""
    if seconds is None:
        return lock.acquire()
    if sys.version_info[0] > 2:
        return lock.acquire(True, max(seconds, 0))
    until, pause = clock() + seconds, 0.00002
    while not lock.acquire(False):
        if clock() > until:
            return False
        sleep(pause)
        pause = min(pause * 2, 0.002)
    return True


class Output(object):
    def __init__(self, lines):
        # A method of a list is one step in C, as writing to a buffer is.
        self.write, self.flush = lines.append, int


class Copy(object):
    """One run of the program. `batch` is what it is part of; None starts threads at once."""

    def __init__(self, batch):
        self.batch, self.waiting, self.threads = batch, [], []
        self.output, self.raised, self.globals = [], [], {}

    def enter(self):
        copies[get_ident()] = self
        mains.append(self)

    def main(self):
        self.enter()
        count = itertools.count(1)
        threading._counter = getattr(count, "__next__", None) or count.next
        space = {"__name__": "__main__", "__builtins__": builtins}
        space["print"] = functools.partial(getattr(builtins, "print"), file=Output(self.output))
        try:
            exec(code, space)
        except SystemExit:
            pass
        except BaseException:
            self.raised.append(sys.exc_info()[0].__name__)
        for thread in self.threads:
            if not thread.daemon:
                Thread.join(thread)
        for name in REPORTED:
            if name in space:
                self.globals[name] = repr(space[name])[:LONGEST]
        mains.pop()
        tries.note(self)

    def park(self):
        """Its threads have their turn while its main thread waits."""
        counter = threading._counter
        mains.pop()
        self.batch.park(self)
        self.enter()
        threading._counter = counter

    def outcome(self, hung=None):
        text = "".join(str(part) for part in self.output)
        return [text[:LONGEST], sorted(self.raised), self.globals, hung]


def current():
    """The thread that runs, also if one OS thread carries many."""
    ident = get_ident()
    if ident in carried:
        rows, inside, me = carried[ident]
        return rows[inside[me]][me]
    return threading._active[ident]


def copy_of(ident):
    if ident in carried:
        rows, inside, me = carried[ident]
        return rows[inside[me]][me]._st_copy if inside[me] is not None else None
    return copies.get(ident)


class Thread(threading.Thread):
    _st_copy = None

    def start(self):
        if not getattr(self, "_initialized", getattr(self, "_Thread__initialized", True)):
            raise RuntimeError("thread.__init__() not called")
        if self._st_copy is not None:
            raise RuntimeError("threads can only be started once")
        copy = copy_of(get_ident())
        self._st_copy, self._st_done = copy, closed()
        copy.threads.append(self)
        if self.daemon:
            tries.side_by_side = False
        if copy.batch is not None and get_ident() == tries.conductor:
            copy.waiting.append(self)
        else:
            start_thread(self._st_begin, ())

    def _st_begin(self):
        ident, copy = get_ident(), self._st_copy
        threading._active[ident] = self
        copies[ident] = copy
        try:
            self.run()
        except SystemExit:
            pass
        except BaseException:
            copy.raised.append(sys.exc_info()[0].__name__)
        del threading._active[ident], copies[ident]
        self._st_done.release()

    def _st_call(self):
        """Its body as one call."""
        if type(self).run is not Thread.run:
            return self.run
        old = sys.version_info[0] == 2
        target, positional, named = [
            getattr(self, "_Thread_" + name if old else name)
            for name in ("_target", "_args", "_kwargs")
        ]
        return functools.partial(target, *positional, **named) if target else int

    def join(self, timeout=None):
        copy = self._st_copy
        if copy is None:
            raise RuntimeError("cannot join thread before it is started")
        if current() is self:
            raise RuntimeError("cannot join current thread")
        if copy.waiting and get_ident() == tries.conductor:
            copy.park()
        if acquire(self._st_done, timeout):
            self._st_done.release()

    def is_alive(self):
        return self._st_copy is not None and self._st_done.locked()

    isAlive = is_alive


class Batch(object):
    """Copies whose threads run side by side."""

    def __init__(self, size):
        self.size, self.made, self.parked, self.open = size, 0, [], True

    def run(self):
        while self.made < self.size:
            self.next()

    def next(self):
        self.made += 1
        Copy(self).main()

    def park(self, copy):
        if not self.open:
            return self.wave([copy])
        self.parked.append(copy)
        while self.open:
            if self.made < self.size and tries.side_by_side:
                self.next()
            else:
                self.open = False
                self.wave(self.parked)

    def wave(self, parked):
        rows = [copy.waiting for copy in parked]
        for copy in parked:
            copy.waiting = []
        size, lanes = len(rows), range(max(map(len, rows)))
        inside, ends, gate = [None for _ in lanes], [closed() for _ in lanes], closed()
        begun = [[len(row) <= lane for row in rows] for lane in lanes]
        ready = [False for _ in lanes]

        def carry(me):
            calls = [row[me]._st_call() if me < len(row) else None for row in rows]
            done = [row[me]._st_done if me < len(row) else None for row in rows]
            mine, at = begun[me], 0
            others = [lane for lane in lanes if lane != me]
            carried[get_ident()] = (rows, inside, me)
            acquire(gate, None)
            gate.release()
            ready[me] = True
            until = clock() + 0.005
            while not all(ready) and clock() < until:
                pass
            while at < size:
                now = at
                for other in others:
                    there = inside[other]
                    if there is not None and not mine[there]:
                        now = there
                if mine[now]:
                    at += 1
                    continue
                mine[now], inside[me] = True, now
                try:
                    calls[now]()
                except SystemExit:
                    pass
                except BaseException:
                    parked[now].raised.append(sys.exc_info()[0].__name__)
                done[now].release()
                inside[me] = None
            del carried[get_ident()]
            ends[me].release()

        for lane in lanes:
            start_thread(carry, (lane,))
        sleep(0.0001)
        tries.wave, tries.begun = parked, begun
        if tries.eager:
            often()
        gate.release()
        for end in ends:
            acquire(end, None)
        seldom()
        tries.wave, tries.begun = [], []


class Tries(object):
    """All runs, and what came of them."""

    def __init__(self):
        self.side_by_side, self.eager, self.counts, self.calm = True, False, {}, None
        self.number, self.wave, self.begun, self.conductor = 0, [], [], None

    def note(self, copy, hung=None):
        outcome = json.dumps(copy.outcome(hung), sort_keys=True)
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self.number += 1

    def tell(self):
        outcomes = [json.loads(outcome) + [count] for outcome, count in list(self.counts.items())]
        say(tries=sum(outcome[-1] for outcome in outcomes), outcomes=outcomes, calm=self.calm)

    def plain(self, count):
        if self.eager:
            often()
        for _ in range(count):
            Copy(None).main()
        seldom()

    def run(self, until):
        self.conductor = get_ident()
        threading._active[self.conductor] = main_object
        if COLD:
            self.plain(1)
        else:
            Batch(WARM_UP).run()
        self.calm = json.loads(sorted(self.counts)[0])
        self.counts, self.number, self.eager = {}, 0, True
        while self.number < TRIES and clock() < until:
            if self.side_by_side:
                Batch(SIDE_BY_SIDE).run()
            self.plain(3 if self.side_by_side else 32)
            gc.collect()
        self.finished.release()

    def watch(self):
        """The main thread looks whether it goes on."""
        self.finished = closed()
        start_thread(self.run, (clock() + SECONDS,))
        seen, since, told = None, clock(), clock()
        while not acquire(self.finished, LOOK):
            now, progress = clock(), (self.number, sum(map(sum, self.begun)))
            if seen != progress:
                seen, since = progress, now
            elif now - since > PATIENCE and not self.waits_for_time():
                self.hang()
                break
            elif now - since > SETTLING:
                self.let_go()
            if now - told > 0.2:
                self.tell()
                told = now
        self.tell()

    def let_go(self):
        """A main thread waits for what only a thread can bring: its threads begin."""
        copy = mains[-1] if mains else None
        if copy is not None and copy.waiting:
            self.side_by_side, waiting, copy.waiting = False, copy.waiting, []
            for thread in waiting:
                start_thread(thread._st_begin, ())

    def frames(self, copy):
        """The program's own frames of those who are inside a copy, innermost first."""
        for ident, frame in sys._current_frames().items():
            if copy is not None and copy_of(ident) is copy:
                yield frame

    def stuck(self):
        """A copy that nothing can help any more: all its threads have begun."""
        for at, copy in enumerate(self.wave):
            alive = any(thread.is_alive() for thread in copy.threads)
            if alive and all(lane[at] for lane in self.begun):
                return copy
        return mains[-1] if mains else None

    def waits_for_time(self):
        """Whether one waits with a limit, in a function of Python's library."""
        copy = self.stuck()
        for frame in self.frames(copy):
            while frame is not None and frame.f_code.co_filename != NAME:
                if "threading" in frame.f_code.co_filename and frame.f_locals.get("timeout"):
                    return True
                frame = frame.f_back
        return False

    def hang(self):
        copy, lines = self.stuck(), []
        if copy is None:
            return
        for frame in self.frames(copy):
            while frame is not None and frame.f_code.co_filename != NAME:
                frame = frame.f_back
            if frame is not None:
                lines.append(frame.f_lineno)
        self.note(copy, sorted(lines))


def limit():
    try:
        import resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    except (ImportError, ValueError, OSError):
        pass
    try:
        # A thread that waits for the lock asks for it after the switch interval and the slack of
        # its timer, which is much longer unless it is told otherwise.
        with open("/proc/self/timerslack_ns", "w") as slack:
            slack.write("1")
    except (IOError, OSError):
        pass
    _thread.stack_size(64 << 20)
    sys.setrecursionlimit(1000 + 10 * SIDE_BY_SIDE)


def compiled():
    import __future__
    flags = __future__.print_function.compiler_flag | __future__.division.compiler_flag
    source = getattr(sys.stdin, "buffer", sys.stdin).read()
    return compile(source, NAME, "exec", flags, True)


def main():
    global code, tries
    limit()
    try:
        code = compiled()
    except (SyntaxError, ValueError):
        say(syntax=getattr(sys.exc_info()[1], "lineno", None))
        return
    threading.Thread, threading.current_thread = Thread, current
    time.sleep = lambda seconds: sleep(min(seconds, 0.0001))
    sys.setswitchinterval = sys.setcheckinterval = lambda interval: None
    tries = Tries()
    gc.disable()
    seldom()
    tries.watch()


main()
os._exit(0)
