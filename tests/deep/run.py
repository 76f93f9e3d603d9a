#!/usr/bin/env python3
"""The long forms of the tests: hours, where `cargo test` has minutes.

    tests/deep/run.py --list                    what there is, what it proves, what it costs
    tests/deep/run.py storms seeds              these jobs, each up to its usual amount
    tests/deep/run.py seeds=+50000 miri=64      50,000 seeds more; Miri with 64 seeds a program
    tests/deep/run.py --minutes 90              all jobs; begins nothing after 90 minutes
    tests/deep/run.py tsan --only gil,task      of its programs, those with such a word in their names

A job is done in pieces. What each came to stands in ledger.md, which this script alone writes; a run that
was interrupted, or had no time, goes on where it stopped. A piece that passed is not repeated before the source
changes. Of a job whose tool is not there a line says so, loudly, at the end again.
"""
import argparse
import fcntl
import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Callable, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = Path(os.environ.get("DEEP_WORK", ROOT / "target" / "deep.work"))
LEDGER = HERE / "ledger.md"
TRIPLE = "x86_64-unknown-linux-gnu"

# Kills and seeds of one piece: some minutes.
STORM, BLOCK = 5_000, 20_000

# Test programs that make no call which Miri does not know: the floors without processes, signals and
# clocks of their own.
MIRI = """arena task_state task_soundness task_ops event_loop registry timers frames dispatcher
    futures deadlock gil_machine aio_waiters loop_properties""".split()

# Where memory is handed between processes and threads by hand.
VALGRIND = """process_pool fork_server processes sent_ahead task_soundness arena frames event_loop registry
    timers futures aio_streams gil_lock free_threading""".split()
# A program that forgets futures, to show that this is harmless, loses their memory.
FORGETS = {"task_soundness"}
# Others in which ASan is not to look for leaks, and why.
LEAKS = {
    "thread_pool": "a payload whose drop panics with a payload: that is leaked (base/panic.rs)",
    "thread_pool_process": "a copy has the memory of threads that were not copied",
}
# Of Valgrind 3.19, which then cannot run what makes processes.
UNKNOWN_CALL = "pidfd_open is refused (Function not implemented"

# Programs that a sanitizer cannot run, and why.
NOT_UNDER = {
    "tsan": {
        "aio_signals": "one of its tests allows a signal handler our system calls only, and TSan's makes others",
        "crash_matrix": "it kills what a fork server forks, which TSan's own thread keeps from forking",
    },
    "asan": {},
}
# TSan has a thread of its own: our fork server refuses to be forked off a program with threads, and forks
# nothing itself.
FORK_REFUSED = ("cannot be forked safely", "Threads([", "does not answer")
# Programs in which all that fails under TSan, but for a race, comes of that.
FORKS = """fork_server forked_copies process_pool processes process_trees multiprocessing sent_ahead pool_recording
    prefork fault_matrix refused_calls gil_fork thread_pool_process python_processes""".split()
# Tests that ask of the machine what a sanitizer changes.
BEYOND = {
    "asan": {
        "memory_freed_by_one_job_serves_the_next": "freed memory is kept by glibc's malloc, and not by ASan's",
        "without_proc_what_needs_none_runs_and_the_rest_names_it": "ASan has a line of its own to say without /proc",
        "a_simulated_run_asks_for_no_time_no_chance_and_no_thread": "ASan asks for them",
        "threads_beyond_memory_are_refused_and_the_others_end": "ASan cannot do without memory",
        **dict.fromkeys(("a_fork_server_that_cannot_be_forked", "close_range_and_proc_refused",
                         "no_way_to_close_is_told"), "LeakSanitizer needs a process of its own, and /proc"),
    },
    "tsan": {
        "what_was_measured_is_kept_when_a_later_case_fails": "what forks is refused, and so is not measured",
        "the_server_of_the_lab_is_measured_and_has_a_core_to_itself": "TSan's threads are counted with ours",
    },
}


class Outcome(NamedTuple):
    """What a piece came to: how much of the job's unit, and what is to be remembered of it."""
    passed: bool
    amount: int
    said: str


class Piece(NamedTuple):
    """A part of a job. With a key, one that passed is not repeated while the source is the same."""
    name: str
    key: str | None
    run: Callable[[], Outcome]


class Job(NamedTuple):
    unit: str
    usual: int
    proves: str
    costs: str
    pieces: Callable


class Missing(Exception):
    """A tool is not there."""


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout.decode()


@functools.cache  # of when the run began: what it runs was built then
def commit():
    """The commit that is tested; with a +, and what is not committed."""
    dirty = git("status", "--porcelain", "--", "src", "tests/*.rs", "examples", "fuzz", "Cargo.toml")
    return git("rev-parse", "--short=7", "HEAD").strip() + ("+" if dirty.strip() else "")


def source():
    """A hash of all that the outcome of a piece depends on."""
    whole = hashlib.sha256()
    names = git("ls-files", "-z", "src", "tests", "examples", "fuzz", "Cargo.toml", "Cargo.lock")
    for name in names.split("\0"):
        path = ROOT / name
        if name.endswith((".rs", ".toml", ".lock")) and path.is_file():
            whole.update(name.encode() + path.read_bytes())
    return whole.hexdigest()[:16]


class Ledger:
    """ledger.md: a head for people, and a table with a row for each piece, or each run of pieces."""
    MARK = "<!-- the script writes from here -->\n"

    def read(self):
        """The head, and the rows by their cells. (It is read anew each time: another run may have written.)"""
        head, _, table = LEDGER.read_text().partition(self.MARK)
        rows = [line.strip("| \n").split(" | ") for line in table.splitlines() if line.startswith("| 2")]
        return head, [row for row in rows if len(row) == 5]

    def total(self, job):
        """How much of a job has passed so far."""
        amounts = (row[3] for row in self.read()[1] if row[2] == job and not row[4].startswith("FAILED"))
        return sum(number(amount) for amount in amounts)

    def add(self, job, unit, outcome, alone):
        """Writes a row down; what only goes on with a row that is there is added to that."""
        with (WORK / "ledger.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            head, rows = self.read()
            row = [date.today().isoformat(), commit(), job, outcome.amount, outcome.said]
            same = [old for old in rows if not alone and old[:3] == row[:3] and old[4] == row[4]]
            for old in same:
                row[3] += number(old[3])
                rows.remove(old)
            row[3] = f"{row[3]:,} {unit}"
            rows.append([str(cell).replace("|", "/").replace("\n", " ") for cell in row])
            new = LEDGER.with_suffix(".new")
            lines = ["| date | commit | job | amount | outcome |", "| --- | --- | --- | --- | --- |"]
            lines += ["| " + " | ".join(row) + " |" for row in rows]
            new.write_text(head + self.MARK + "\n".join(lines) + "\n")
            new.replace(LEDGER)


def number(amount):
    """Of `5,000 workers killed`."""
    return int(amount.split()[0].replace(",", ""))


class Done:
    """Which pieces passed, by their keys and the hash of the source."""

    def __init__(self):
        self.path = WORK / f"done-{source()}"
        for old in WORK.glob("done-*"):
            if old != self.path:
                old.unlink()

    def __contains__(self, key):
        return self.path.exists() and key in self.path.read_text().splitlines()

    def add(self, key):
        with self.path.open("a") as file:
            file.write(f"{key}\n")


def run(words, limit, log, **env):
    """Runs a command; its exit code, or None if it took too long, and what it said."""
    path = WORK / "logs" / f"{log}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ, CARGO_INCREMENTAL="0", PROPTEST_FAILURE_PERSISTENCE="off", **env)
    with path.open("w") as file:
        file.write(f"+ {' '.join(map(str, words))}\n")
        file.flush()
        child = subprocess.Popen(["nice", "-n", "19", *map(str, words)], cwd=ROOT, env=env, stdout=file,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            code = child.wait(limit)
        except BaseException as why:
            os.killpg(child.pid, signal.SIGKILL)  # its own session: cargo, and what it started
            child.wait()
            if not isinstance(why, subprocess.TimeoutExpired):
                raise
            code = None
    return code, path.read_text(errors="replace")


def failure(code, text, log):
    """The first complaint, and where the rest is."""
    found = re.search(r"(panicked at .*\n.+|WARNING: ThreadSanitizer.*|ERROR: AddressSanitizer.*"
                      r"|error(?:\[E\d+\])?: .*|==\d+== [A-Z].*)", text)
    what = "took too long" if code is None else " ".join(found[1].split())[:160] if found else f"exit {code}"
    print(f"     see {WORK / 'logs' / log}.log", flush=True)
    return f"FAILED: {log}: {what}"


def count(text):
    """How many tests passed, by what libtest and our own runner print."""
    return len(re.findall(r"^test .+ \.\.\. ok$", text, re.M))


def failed_tests(text):
    """What each test said that failed. Libtest tells at the end, our own runner as it goes."""
    told = dict(re.findall(r"^---- (\S+) stdout ----\n(.*?)(?=^----|^failures:$)", text, re.M | re.S))
    parts = re.findall(r"((?:^(?!test ).*\n)*)^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED)$", text, re.M)
    return {name: told.get(name, said) for said, name, how in parts if how == "FAILED"}


def excused(job, name, text):
    """Why a program failed, if it is only for what this sanitizer changes of the machine; else None."""
    if job == "tsan" and "WARNING: ThreadSanitizer" in text:
        return None
    refused = "what forks was refused"
    if job == "tsan" and name in FORKS and any(said in text for said in FORK_REFUSED):
        return refused
    if not re.search(r"^test result: ", text, re.M):
        return None  # it did not come to its end
    why = {}
    for test, told in failed_tests(text).items():
        forks = job == "tsan" and any(said in told for said in FORK_REFUSED)
        why[test] = refused if forks else BEYOND[job].get(test)
    return "; ".join(dict.fromkeys(why.values())) if why and all(why.values()) else None


def programs(*, having=""):
    """The test programs of Cargo, but those for loom and shuttle; those whose text has a word."""
    names = {path.stem: path for path in (ROOT / "tests").glob("*.rs")}
    names["process_pool"] = ROOT / "tests" / "process_pool" / "main.rs"
    plain = {name: path for name, path in names.items() if not name.startswith(("loom_", "shuttle_"))}
    return sorted(name for name, path in plain.items() if having in path.read_text())


def program(name, words, limit, log, **env):
    """A test program, by some way of running it, as a piece's work."""
    def work():
        code, text = run([*words, "--test", name], limit, log, **env)
        if code != 0:
            return Outcome(False, 0, failure(code, text, log))
        return Outcome(True, count(text), "ok")
    return work


def deep(*words):
    """Cargo with the profile `deep`: optimised, and with every check of a debug build."""
    return ["cargo", *words, "--offline", "--profile", "deep"]


def broken(code, text, log):
    """What is to be run does not build."""
    return Piece("build", None, lambda: Outcome(False, 0, failure(code, text, log)))


def storms(amount, total):
    code, text = run(deep("build", "--example", "kill_storm"), 3600, "storms-build")
    if code != 0:
        yield broken(code, text, "storms-build")
        return
    storm = ROOT / "target" / "deep" / "examples" / "kill_storm"
    for first in range(total, amount, STORM):
        kills, seed = min(STORM, amount - first), first // STORM

        def work(kills=kills, seed=seed):
            # Some jobs a kill, so that most kills meet a worker that works.
            words = [storm, "--kills", kills, "--jobs", kills * 20, "--retried", 100, "--seed", seed]
            code, text = run(words, 3600, "storms")
            found = re.search(r"^→ (\d+) workers were killed under (\d+) jobs: .* (\d+) came out as lost", text, re.M)
            if code != 0 or not found:
                return Outcome(False, 0, failure(code, text, "storms"))
            return Outcome(True, int(found[1]), f"{found[3]} jobs lost")
        yield Piece(f"seed {seed}", None, work)


def seeds(amount, total):
    code, text = run(deep("build", "--bin", "singletrack"), 3600, "seeds-build")
    if code != 0:
        yield broken(code, text, "seeds-build")
        return
    command = ROOT / "target" / "deep" / "singletrack"
    for first in range(total, amount, BLOCK):
        last = min(first + BLOCK, amount)

        def work(first=first, last=last):
            code, text = run([command, "sim", "--seeds", f"{first}..{last}"], 7200, "seeds")
            found = re.search(r"none failed: (\w+)", text)
            if code != 0 or not found:
                return Outcome(False, 0, failure(code, text, "seeds"))
            return Outcome(True, last - first, f"{first}..{last}: {found[1]}")
        yield Piece(f"{first}..{last}", None, work)


def properties(amount, _):
    for name in programs(having="proptest!"):
        work = program(name, deep("test"), 3600, f"properties-{name}", PROPTEST_CASES=str(amount))
        yield Piece(name, f"properties {name} {amount}", work)


def miri(amount, _):
    have_nightly("miri")
    words = ["cargo", "+nightly", "miri", "test", "--offline", "--no-default-features",
             "--target-dir", "target/miri"]
    flags = f"-Zmiri-disable-isolation -Zmiri-many-seeds=0..{amount}"
    for name in MIRI:
        work = program(name, words, 3600, f"miri-{name}", MIRIFLAGS=flags, PROPTEST_CASES="2",
                       PROPTEST_MAX_SHRINK_ITERS="0")
        yield Piece(name, f"miri {name} {amount}", work)


def have_nightly(*parts):
    """A nightly toolchain with the source of std, and these parts."""
    if subprocess.run(["cargo", "+nightly", "--version"], capture_output=True).returncode != 0:
        raise Missing("no nightly toolchain: rustup toolchain install nightly --profile minimal")
    have = subprocess.run(["rustup", "component", "list", "--toolchain", "nightly", "--installed"],
                          capture_output=True).stdout.decode()
    for part in ("rust-src", *parts):
        if part not in have:
            raise Missing(f"no {part}: rustup component add --toolchain nightly {part}")


def sanitizer(job, flag):
    """A job that runs every test program under a sanitizer."""
    def pieces(*_):
        have_nightly()
        target = ROOT / "target" / job
        # The races of TSan may be in std; ASan finds what is ours without it.
        std = ["-Zbuild-std"] if job == "tsan" else []
        words = ["cargo", "+nightly", "test", "--offline", *std, "--target", TRIPLE,
                 "--target-dir", target, "--profile", "deep"]
        for name in programs():
            if name in NOT_UNDER[job]:
                print(f"     {name}: not under {job}: {NOT_UNDER[job][name]}")
                continue
            asan = f"detect_stack_use_after_return=1:detect_leaks={int(name not in FORGETS and name not in LEAKS)}"
            work = program(name, words, 3600, f"{job}-{name}", RUSTFLAGS=f"-Zsanitizer={flag}",
                           CARGO_PROFILE_DEEP_OPT_LEVEL="1", PROPTEST_CASES="32", ASAN_OPTIONS=asan,
                           TSAN_OPTIONS="die_after_fork=0:halt_on_error=1")

            def and_gone(name=name, work=work):
                outcome = work()
                said = (WORK / "logs" / f"{job}-{name}.log").read_text(errors="replace")
                why = None if outcome.passed else excused(job, name, said)
                if why:
                    outcome = Outcome(True, count(said), f"ok, but {why}")
                # All of them at once would fill the disk.
                for path in (target / TRIPLE / "deep" / "deps").glob(f"{name}-*"):
                    path.unlink()
                return outcome
            yield Piece(name, f"{job} {name}", and_gone)
    return pieces


def valgrind(*_):
    if not shutil.which("valgrind"):
        raise Missing("no valgrind: apt-get install valgrind")
    for name in VALGRIND:
        kinds = "none" if name in FORGETS else "definite"
        runner = (f"valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds={kinds} "
                  "--fair-sched=yes")
        log = f"valgrind-{name}"
        work = program(name, ["cargo", "test", "--offline"], 3600, log, PROPTEST_CASES="4",
                       CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=runner)

        def unless_unknown(work=work, log=log):
            outcome = work()
            said = (WORK / "logs" / f"{log}.log").read_text(errors="replace")
            if not outcome.passed and UNKNOWN_CALL in said:
                return Outcome(True, 0, f"**** SKIPPED: {log}: this Valgrind does not know pidfd_open")
            return outcome
        yield Piece(name, f"valgrind {name}", unless_unknown)


def script(path, *words):
    """A job that another script does."""
    def pieces(amount, _):
        if not (ROOT / path).exists():
            raise Missing(f"{path} is not there")

        def work():
            name = Path(path).stem
            code, text = run([ROOT / path, *(word.format(amount) for word in words)], 6 * 3600, name)
            last = (text.strip().splitlines() or [""])[-1][:160]
            return Outcome(code == 0, amount, last if code == 0 else failure(code, text, name))
        yield Piece(path, None, work)
    return pieces


JOBS = {
    "storms": Job("workers killed", 100_000, "No job is lost when workers of a process pool are killed at "
                  "random moments: each comes out once, with its own answer.", "1 min for 10,000", storms),
    "seeds": Job("simulated worlds", 1_000_000, "The loop, the lock and the pool keep their promises under any "
                 "order, fault and death that a seed draws.", "1 to 3 min for 10,000", seeds),
    "properties": Job("tests", 10_000, "The property tests hold with forty times their usual cases: 10,000 where 256 are usual.",
                      "30 min, and a build of all programs with a property", properties),
    "miri": Job("tests", 16, "No undefined behaviour, data race or leak in any of so many schedules of what makes no "
                "call that Miri does not know.", "1 to 10 min a program", miri),
    "tsan": Job("tests", 1, "No data race that ThreadSanitizer sees, in the library, in std and in the "
                "dependencies.", "30 min, most of it building", sanitizer("tsan", "thread")),
    "asan": Job("tests", 1, "No access to memory that is not ours, and no leak, that AddressSanitizer sees.",
                "30 min, most of it building", sanitizer("asan", "address")),
    "valgrind": Job("tests", 1, "No use of memory that was not written, and nothing definitely lost, across forks.",
                    "20 min", valgrind),
    "fuzz": Job("CPU seconds a target", 480, "No input crashes a target or breaks what it checks (see fuzz/README.md).",
                "so many seconds for each target, after a build", script("fuzz/run.py", "{}")),
    "coverage": Job("run", 1, "Which lines and branches of the pure files no test reaches.", "10 min",
                    script("tests/deep/coverage.py")),
    "mutants": Job("run", 1, "Which changes of the pure files no test notices.", "hours; goes on by itself",
                   script("tests/deep/mutants.py")),
}


# What is run in blocks, one behind the other, until there are so many in all.
GOES_ON = ("storms", "seeds")


def wanted(word, ask):
    """The job, and how much of it: `seeds`, `seeds=N` for N in all, `seeds=+N` for N more."""
    name, _, text = word.partition("=")
    if name not in JOBS:
        ask.error(f"no job is called `{name}`; there are: {', '.join(JOBS)}")
    if text and not re.fullmatch(r"\+?\d+", text):
        ask.error(f"{word}: say {name}=N, or {name}=+N for N more than the ledger has")
    return name, int(text or JOBS[name].usual), text.startswith("+")


def do(name, amount, more, ledger, done, until, only):
    """A job, piece by piece; False if a piece failed."""
    job, good = JOBS[name], True
    # Of the others each run is a whole one.
    total = ledger.total(name) if name in GOES_ON else 0
    print(f"==== {name}: {job.proves}", flush=True)
    for piece in job.pieces(amount + total * more, total):
        if time.monotonic() > until:
            print("     no time for more: run it again to go on", flush=True)
            break
        if piece.key and piece.key in done or not any(word in piece.name for word in only):
            continue
        began = time.monotonic()
        outcome = piece.run()
        good &= outcome.passed
        print(f"{name} {piece.name}: {outcome.said} ({outcome.amount:,} {job.unit}, "
              f"{time.monotonic() - began:.0f} s)", flush=True)
        ledger.add(name, job.unit, outcome, alone=name == "seeds")
        if piece.key and outcome.passed:
            done.add(piece.key)
        if not outcome.passed and not piece.key:
            break  # a block that failed fails again
    return good


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("jobs", nargs="*", metavar="JOB[=AMOUNT]", help="which; all, if none is named")
    ask.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    ask.add_argument("--minutes", type=float, default=float("inf"), metavar="N", help="begin nothing after N minutes")
    ask.add_argument("--only", default="", metavar="WORD[,WORD]", help="pieces with such a word in their names")
    args = ask.parse_args()
    if args.list:
        for name, job in JOBS.items():
            print(f"{name}={job.usual} {job.unit}\n    {job.proves}\n    {job.costs}")
        return 0
    jobs = [wanted(word, ask) for word in args.jobs or JOBS]
    WORK.mkdir(parents=True, exist_ok=True)
    locks = [(WORK / f"{name}.lock").open("w") for name, *_ in jobs]
    try:
        [fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB) for lock in locks]
    except BlockingIOError:
        sys.exit("another run does one of these jobs: wait for it, or do others meanwhile")
    commit()
    until, ledger, done = time.monotonic() + 60 * args.minutes, Ledger(), Done()
    good, missing = True, []
    for job in jobs:
        try:
            good &= do(*job, ledger, done, until, args.only.split(","))
        except Missing as why:
            missing.append(f"**** SKIPPED: {job[0]}: {why}")
            print(missing[-1], flush=True)
    print(*missing, sep="\n", end="\n" if missing else "")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
