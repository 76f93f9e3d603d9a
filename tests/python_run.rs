//! Python programs run for real: on threads of the operating system, under a global lock with each
//! policy. What they print is what CPython prints, or one of the outcomes that the explorer finds.
#![cfg(feature = "python")]

#[path = "common/cpython.rs"]
mod cpython;
#[path = "common/kept.rs"]
mod kept;
#[path = "common/skipped.rs"]
mod skipped;

use cpython::cpython;
use kept::Kept;
use singletrack::gil::Threading;
use singletrack::python::explore::outcome::Ending as Explored;
use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::search::{Limits, explore};
use singletrack::python::run::{Ending, RealRan, RealRun, Streams, program};
use skipped::skipped;
use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any of these programs takes on a machine that is busy with others.
const PATIENCE: Duration = Duration::from_secs(120);

const POLICIES: [&str; 7] = ["2.7", "python-3.2", "3.10", "3.12", "3.13", "fair", "free-threaded"];

/// What a run has left.
struct Ran {
    out: String,
    err: String,
    ran: RealRan,
}

impl Ran {
    fn ending(&self) -> &Ending {
        &self.ran.ending
    }
}

/// How a program is run here.
struct Setting {
    policy: &'static str,
    scale: f64,
    input: &'static str,
    /// Ctrl-C when it has printed this.
    interrupt_at: Option<&'static str>,
}

const USUAL: Setting = Setting { policy: "3.13", scale: 1.0, input: "", interrupt_at: None };

fn run_as(text: &str, setting: &Setting) -> Ran {
    let (out, err) = (Kept::default(), Kept::default());
    let input = Cursor::new(setting.input.as_bytes());
    let streams = Streams::new(out.clone(), err.clone(), input);
    let compiled = program(text).unwrap_or_else(|refusal| panic!("{refusal}"));
    let policy: Threading = setting.policy.parse().unwrap();
    let run = RealRun::new(&compiled, policy).scale(setting.scale).file("test.py", text);
    let (interrupt_at, printed) = (setting.interrupt_at, out.clone());
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let began = Instant::now();
        let mut interrupted = false;
        let ran = run.streams(streams).run(|| {
            let due = interrupt_at.is_some_and(|mark| printed.text().contains(mark));
            began.elapsed() > PATIENCE || due && !std::mem::replace(&mut interrupted, true)
        });
        drop(send.send(ran));
    });
    let ran = receive.recv_timeout(2 * PATIENCE).expect("the run hangs").unwrap();
    Ran { out: out.text(), err: err.text(), ran }
}

fn run(text: &str) -> Ran {
    run_as(text, &USUAL)
}

/// What it prints, after an end without a fault.
fn printed_under(text: &str, policy: &'static str) -> String {
    let ran = run_as(text, &Setting { policy, ..USUAL });
    assert_eq!((ran.ending(), &*ran.err), (&Ending::Finished(0), ""), "{policy}: {text}");
    ran.out
}

fn printed(text: &str) -> String {
    printed_under(text, "3.13")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|p| p.extension().is_some_and(|e| e == "py")).collect();
    files.sort();
    files
}

#[test]
fn programs_print_for_real_what_cpython_prints() {
    let Some(python) = cpython() else {
        skipped("no CPython 3.12 to compare with");
        return;
    };
    let files = files("tests/python");
    assert!(files.len() > 40, "{}", files.len());
    // Most of them sleep or wait now and then.
    thread::scope(|scope| {
        for some in files.chunks(files.len().div_ceil(4)) {
            scope.spawn(|| some.iter().for_each(|path| prints_what_cpython_prints(&python, path)));
        }
    });
}

fn prints_what_cpython_prints(python: &Path, path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let output = Command::new(python).arg(path).stdin(Stdio::null()).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|b| String::from_utf8(b).unwrap());
    // CPython's compiler warns there, of a comparison with `is` for one.
    let err = if text.contains("sys.stderr") { err } else { String::new() };
    for policy in ["2.7", "3.12", "3.13", "free-threaded"] {
        let ran = run_as(&text, &Setting { policy, ..USUAL });
        let ours = (ran.ending(), &*ran.out, &*ran.err);
        let expected = (&Ending::Finished(0), &*out, &*err);
        assert_eq!(ours, expected, "{policy}: {}", path.display());
    }
}

#[test]
fn what_happens_for_real_is_among_what_the_explorer_finds() {
    let mut paths = files("examples/questions");
    paths.push(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/race.py")));
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let compiled = program(&text).unwrap();
        for policy in ["2.7", "3.12", "free-threaded"] {
            let looks = Looks::Under(policy.parse().unwrap(), false);
            let found = explore(&compiled, looks, Limits::default()).found;
            let ran = run_as(&text, &Setting { policy, ..USUAL });
            let deadlock = matches!(ran.ending(), Ending::Deadlock(_));
            let is_it = |outcome: &Explored| matches!(outcome, Explored::Deadlock(_)) == deadlock;
            let known = found.iter().map(|found| &found.outcome);
            let known =
                known.filter(|outcome| is_it(&outcome.ending) && *outcome.output == ran.out);
            assert!(known.count() > 0, "{} under {policy}: {:?}", path.display(), ran.out);
        }
    }
}

#[test]
fn under_a_lock_no_update_is_lost_and_since_3_10_none_of_plus_equals_either() {
    let body = |statement: &str| {
        format!(
            "import sys\nimport threading\nn = 0\nlock = threading.Lock()\ndef work():\n    \
             global n\n    for _ in range(2000):\n        {statement}\nts = \
             [threading.Thread(target=work) for _ in range(4)]\nfor t in ts: t.start()\nfor t in \
             ts: t.join()\nprint(n)\n"
        )
    };
    for policy in POLICIES {
        let text = body("with lock:\n            n = n + int(1)");
        assert_eq!(printed_under(&text, policy), "8000\n", "{policy}");
    }
    for policy in ["3.10", "3.11", "3.13"] {
        assert_eq!(printed_under(&body("n += 1"), policy), "8000\n", "{policy}");
    }
}

#[test]
fn a_switch_between_a_load_and_a_store_loses_updates_where_the_policy_looks_there() {
    // Each thread waits in the middle of its update until the other has begun its own.
    let text = "import threading\nn = 0\nboth = threading.Barrier(2)\ndef one():\n    both.wait()\n    \
                return 1\ndef work():\n    global n\n    n = n + one()\nts = \
                [threading.Thread(target=work) for _ in range(2)]\nfor t in ts: t.start()\nfor t in \
                ts: t.join()\nprint(n)\n";
    for policy in POLICIES {
        assert_eq!(printed_under(text, policy), "1\n", "{policy}");
    }
}

#[test]
fn limits_of_time_pass_and_what_comes_in_time_counts() {
    let text = "import threading, queue, time\nlock = threading.Lock()\nlock.acquire()\n\
        print(lock.acquire(timeout=0.01), lock.acquire(False), lock.acquire(True, 0.001))\n\
        event = threading.Event()\nprint(event.wait(0.01))\ncondition = threading.Condition()\n\
        with condition:\n    print(condition.wait(0.01), condition.wait_for(lambda: False, 0.02))\n\
        q = queue.Queue(1)\ntry:\n    q.get(timeout=0.01)\nexcept queue.Empty:\n    print('empty')\n\
        q.put(1)\ntry:\n    q.put(2, timeout=0.01)\nexcept queue.Full:\n    print('full')\n\
        s = threading.Semaphore(0)\nprint(s.acquire(timeout=0.01))\nb = threading.Barrier(2)\n\
        try:\n    b.wait(0.01)\nexcept threading.BrokenBarrierError:\n    print('broken')\n\
        t = threading.Thread(target=event.wait)\nt.start()\nt.join(0.01)\nprint(t.is_alive())\n\
        def later():\n    time.sleep(0.02)\n    event.set()\n    lock.release()\n    with \
        condition:\n        condition.notify()\n    q.get()\n    s.release()\n\
        def all_in_time():\n    print(event.wait(60), lock.acquire(timeout=60))\n    q.put(3, \
        timeout=60)\n    print(s.acquire(timeout=60))\nw = threading.Thread(target=all_in_time)\n\
        w.start()\nl = threading.Thread(target=later)\nl.start()\nl.join(60)\nw.join(60)\n\
        t.join(60)\nprint(l.is_alive(), w.is_alive(), t.is_alive())\n";
    let expected = "False False False\nFalse\nFalse False\nempty\nfull\nFalse\nbroken\nTrue\n\
                    True True\nTrue\nFalse False False\n";
    for policy in POLICIES {
        assert_eq!(printed_under(text, policy), expected, "{policy}");
    }
}

#[test]
fn a_condition_wakes_in_the_order_of_coming_and_takes_its_lock_back() {
    let text = "import threading, time\nc = threading.Condition()\nwoken = []\ndef wait(n):\n    \
                with c:\n        waiting.append(n)\n        c.wait()\n        woken.append(n)\n\
                waiting = []\nts = []\nfor n in range(4):\n    t = threading.Thread(target=wait, \
                args=(n,))\n    ts.append(t)\n    t.start()\n    while len(waiting) <= n: \
                time.sleep(0)\nfor n in range(4):\n    with c:\n        c.notify()\n        \
                assert len(woken) == n\n    while len(woken) == n: time.sleep(0)\nfor t in ts: \
                t.join()\nprint(waiting, woken)\n";
    for policy in POLICIES {
        assert_eq!(printed_under(text, policy), "[0, 1, 2, 3] [0, 1, 2, 3]\n", "{policy}");
    }
}

#[test]
fn many_threads_wait_for_one_lock_and_each_has_it_once() {
    let text = "
import threading
lock = threading.Lock()
had = []
def work(n):
    with lock:
        had.append(n)
lock.acquire()
ts = [threading.Thread(target=work, args=(n,)) for n in range(150)]
for t in ts: t.start()
lock.release()
for t in ts: t.join()
print(sorted(had) == list(range(150)))
";
    for policy in ["2.7", "3.13", "free-threaded"] {
        assert_eq!(printed_under(text, policy), "True\n", "{policy}");
    }
}

#[test]
fn daemon_threads_keep_nothing_and_others_keep_the_process() {
    let text = "
import threading, time
def forever():
    while True: pass
def sleeps():
    time.sleep(1000)
def works():
    go.wait()
    time.sleep(0.03)
    print('worked')
go = threading.Event()
threading.Thread(target=forever, daemon=True).start()
threading.Thread(target=sleeps, daemon=True).start()
threading.Thread(target=works).start()
print('main ends')
go.set()
";
    for policy in POLICIES {
        assert_eq!(printed_under(text, policy), "main ends\nworked\n", "{policy}");
    }
}

#[test]
fn an_exception_in_a_thread_is_a_traceback_and_the_program_goes_on() {
    let text = "import threading\ndef inner(n):\n    return 1 // n\ndef work():\n    try:\n        \
                inner(0)\n    finally:\n        print('cleaned up')\nt = \
                threading.Thread(target=work)\nt.start()\nt.join()\nprint('on')\n";
    let ran = run(text);
    assert_eq!((ran.ending(), &*ran.out), (&Ending::Finished(0), "cleaned up\non\n"));
    assert_eq!(
        ran.err,
        "Exception in thread Thread-1 (work):\nTraceback (most recent call last):\n  File \
         \"test.py\", line 6, in work\n    inner(0)\n  File \"test.py\", line 3, in inner\n    return \
         1 // n\nZeroDivisionError: integer division or modulo by zero\n"
    );
}

#[test]
fn an_exception_in_the_main_thread_is_exit_code_1_when_the_others_have_ended() {
    let ran = run(
        "import threading, time\ndef work():\n    time.sleep(0.03)\n    print('worked')\n\
                   threading.Thread(target=work).start()\nclass Odd(Exception): pass\nraise Odd('x')\n",
    );
    assert_eq!((ran.ending(), &*ran.out), (&Ending::Finished(1), "worked\n"));
    let expected = "Traceback (most recent call last):\n  File \"test.py\", line 7, in <module>\n    \
                    raise Odd('x')\nOdd: x\n";
    assert!(ran.err.ends_with(expected), "{}", ran.err);
    let ran = run("def f(n):\n    return f(n + 1)\nf(0)\n");
    assert_eq!(ran.ending(), &Ending::Finished(1));
    assert!(ran.err.contains("[Previous line repeated 996 more times]"), "{}", ran.err);
    assert!(ran.err.ends_with("RecursionError: maximum recursion depth exceeded\n"), "{}", ran.err);
}

#[test]
fn an_exception_is_told_behind_those_that_led_to_it() {
    let ran =
        run("def f():\n    try:\n        {}['k']\n    finally:\n        [][0]\ntry:\n    f()\n\
                   except IndexError as e:\n    raise ValueError('v') from e\n");
    let head = "Traceback (most recent call last):\n";
    let f = "  File \"test.py\", line 7, in <module>\n    f()\n  File \"test.py\", line";
    let expected = format!(
        "{head}  File \"test.py\", line 3, in f\n    {{}}['k']\nKeyError: 'k'\n\n\
         During handling of the above exception, another exception occurred:\n\n\
         {head}{f} 5, in f\n    [][0]\nIndexError: list index out of range\n\n\
         The above exception was the direct cause of the following exception:\n\n\
         {head}  File \"test.py\", line 9, in <module>\n    raise ValueError('v') from e\n\
         ValueError: v\n"
    );
    assert_eq!(ran.err, expected);
}

#[test]
fn exit_codes_are_those_of_sys_exit() {
    for (argument, code, says) in
        [("", 0, ""), ("None", 0, ""), ("3", 3, ""), ("-1", 255, ""), ("'why'", 1, "why\n")]
    {
        let ran = run(&format!("import sys\nprint('out')\nsys.exit({argument})\nprint('never')\n"));
        assert_eq!((ran.ending(), &*ran.out), (&Ending::Finished(code), "out\n"), "{argument}");
        assert_eq!(ran.err, says, "{argument}");
    }
    let ran = run("import sys, threading\nt = threading.Thread(target=sys.exit, args=(3,))\n\
                   t.start()\nt.join()\ntry:\n    sys.exit(4)\nexcept SystemExit as e:\n    print(e)\n");
    assert_eq!((ran.ending(), &*ran.out, &*ran.err), (&Ending::Finished(0), "4\n", ""));
}

#[test]
fn a_deadlock_is_an_end_that_names_the_lines() {
    let text = "import threading\na = threading.Lock()\nb = threading.Lock()\nmeet = \
                threading.Barrier(2)\ndef work(first, second):\n    with first:\n        \
                meet.wait()\n        with second:\n            pass\n\
                ts = [threading.Thread(target=work, args=x) for x in ((a, b), (b, a))]\n\
                print('begin')\nfor t in ts: t.start()\nfor t in ts: t.join()\n";
    for policy in POLICIES {
        let ran = run_as(text, &Setting { policy, ..USUAL });
        let Ending::Deadlock(waits) = ran.ending() else { panic!("{policy}: {:?}", ran.ending()) };
        let expected = [
            "main thread waits for the end of thread 1, in line 13",
            "thread 1 holds a and waits for b, which thread 2 holds, in line 8",
            "thread 2 holds b and waits for a, which thread 1 holds, in line 8",
        ];
        assert_eq!((&waits[..], &*ran.out), (&expected.map(str::to_owned)[..], "begin\n"));
    }
    let ran = run("import threading\nthreading.Event().wait()\n");
    assert!(matches!(ran.ending(), Ending::Deadlock(_)), "{:?}", ran.ending());
}

#[test]
fn a_loop_that_runs_for_ever_waits_for_ctrl_c_and_a_task_that_waits_for_ever_is_a_deadlock() {
    let text = "
import asyncio
async def work():
    print('now', flush=True)
loop = asyncio.new_event_loop()
loop.create_task(work())
try:
    loop.run_forever()
except KeyboardInterrupt:
    print('interrupted')
";
    let ran = run_as(text, &Setting { interrupt_at: Some("now"), ..USUAL });
    assert_eq!((ran.ending(), &*ran.out), (&Ending::Finished(0), "now\ninterrupted\n"));
    let ran = run("import asyncio\nasync def work():\n    await asyncio.Event().wait()\n\
                   asyncio.run(work())\n");
    assert!(matches!(ran.ending(), Ending::Deadlock(_)), "{:?}", ran.ending());
}

#[test]
fn who_can_be_woken_by_a_limit_is_in_no_deadlock() {
    let text = "import threading\nlock = threading.Lock()\nlock.acquire()\ndef work():\n    \
                lock.acquire()\n    print('has it')\nthreading.Thread(target=work).start()\n\
                threading.Event().wait(0.05)\nlock.release()\n";
    assert_eq!(printed(text), "has it\n");
}

#[test]
fn what_asks_for_too_much_is_stopped_and_names_its_line() {
    for bomb in ["x = [0] * 10**10\n", "x = 'a' * 10**12\n", "x = list(range(10**12))\n"] {
        let ran = run(&format!("print('first')\n{bomb}"));
        let Ending::Stopped(why, at) = ran.ending() else { panic!("{bomb}: {:?}", ran.ending()) };
        assert!(why.contains("memory"), "{bomb}: {why}");
        assert_eq!((at.line, &*ran.out), (2, "first\n"), "{bomb}");
    }
    let ran = run("import threading\ndef work():\n    x = 'a' * 10**12\nt = \
                   threading.Thread(target=work)\nt.start()\nt.join()\n");
    assert!(matches!(ran.ending(), Ending::Stopped(_, at) if at.line == 3), "{:?}", ran.ending());
}

#[test]
fn ctrl_c_is_a_keyboard_interrupt_in_the_main_thread_wherever_it_is() {
    let setup = "import threading, time, queue\nlock = threading.Lock()\nlock.acquire()\nc = \
                 threading.Condition()\nt = threading.Thread(target=time.sleep, args=(1000,), \
                 daemon=True)\nt.start()\n";
    let waits = [
        "time.sleep(1000)",
        "while True: pass",
        "lock.acquire()",
        "lock.acquire(timeout=1000)",
        "t.join()",
        "threading.Event().wait()",
        "queue.Queue().get()",
        "threading.Barrier(2).wait()",
        "with c:\n        c.wait()",
    ];
    for wait in waits {
        let text = format!(
            "{setup}print('now', flush=True)\ntry:\n    {wait}\nexcept KeyboardInterrupt:\n    \
             print('interrupted', c.acquire(False))\n"
        );
        let ran = run_as(&text, &Setting { interrupt_at: Some("now"), ..USUAL });
        assert_eq!((ran.ending(), &*ran.err), (&Ending::Finished(0), ""), "{wait}");
        assert_eq!(ran.out, "now\ninterrupted True\n", "{wait}");
    }
    let text = "import time\nprint('now', flush=True)\ntime.sleep(1000)\n";
    let ran = run_as(text, &Setting { interrupt_at: Some("now"), ..USUAL });
    assert_eq!(ran.ending(), &Ending::Finished(130));
    assert!(ran.err.ends_with("    time.sleep(1000)\nKeyboardInterrupt\n"), "{}", ran.err);
}

#[test]
fn ctrl_c_when_the_main_thread_has_ended_ends_the_others() {
    let text = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n\
                print('now', flush=True)\n";
    let ran = run_as(text, &Setting { interrupt_at: Some("now"), ..USUAL });
    // It may come while the main thread has one more line to do.
    let ended = matches!(ran.ending(), Ending::Interrupted | Ending::Finished(130));
    assert!(ended, "{:?}", ran.ending());
}

#[test]
fn input_reads_lines_up_to_the_end() {
    let text = "import threading\nname = input('name? ')\nprint('hello', name)\ndef read():\n    \
                print(repr(input()))\nt = threading.Thread(target=read)\nt.start()\nt.join()\ntry:\n \
                   input()\nexcept EOFError as e:\n    print('EOFError:', e)\n";
    let ran = run_as(text, &Setting { input: "Ada\r\n last", ..USUAL });
    assert_eq!(ran.ending(), &Ending::Finished(0), "{}", ran.err);
    let expected = "name? hello Ada\n' last'\nEOFError: EOF when reading a line\n";
    assert_eq!(ran.out, expected);
}

#[test]
fn the_lock_is_free_while_a_thread_reads() {
    // A pipe that nobody writes to: only a lock that is free lets the other thread end the program.
    let (reader, _writer) = io::pipe().unwrap();
    let text = "import threading\nt = threading.Thread(target=input, daemon=True)\nt.start()\n\
                print('main goes on')\n";
    let out = Kept::default();
    let streams = Streams::new(out.clone(), io::sink(), io::BufReader::new(reader));
    let run = RealRun::new(&program(text).unwrap(), "3.13".parse().unwrap()).streams(streams);
    let began = Instant::now();
    let ran = run.run(|| began.elapsed() > PATIENCE).unwrap();
    assert_eq!((ran.ending, &*out.text()), (Ending::Finished(0), "main goes on\n"));
}

#[test]
fn a_clock_that_is_scaled_agrees_with_the_sleeps() {
    let text = "import time, threading\nw = time.time()\na = time.monotonic()\nb = \
                time.perf_counter()\ntime.sleep(20)\nprint(time.monotonic() - a >= 20, \
                time.perf_counter() - b >= 20, time.time() - w >= 19.99, w > 1.7e9)\nt = \
                threading.Thread(target=time.sleep, args=(30,))\nt.start()\nt.join(10)\n\
                print(t.is_alive(), time.monotonic() - a >= 30)\nt.join()\n";
    let began = Instant::now();
    let ran = run_as(text, &Setting { scale: 0.001, ..USUAL });
    assert_eq!(
        (ran.ending(), &*ran.out),
        (&Ending::Finished(0), "True True True True\nTrue True\n")
    );
    assert!(began.elapsed() >= Duration::from_millis(50), "50 of its seconds");
}

#[test]
fn the_intervals_are_the_lock_s() {
    let text = "import sys\nprint(sys.getswitchinterval())\nsys.setswitchinterval(0.25)\n\
                print(sys.getswitchinterval())\ntry:\n    sys.setswitchinterval(0)\nexcept \
                ValueError as e:\n    print(e)\n";
    let expected = "0.005\n0.25\nswitch interval must be strictly positive\n";
    for policy in ["3.2", "3.13", "fair"] {
        assert_eq!(printed_under(text, policy), expected, "{policy}");
    }
    let ran = run_as(text, &Setting { policy: "2.7", ..USUAL });
    assert_eq!(ran.ending(), &Ending::Finished(1));
    let says = "AttributeError: module 'sys' has no attribute 'getswitchinterval'";
    assert!(ran.err.contains(says), "{}", ran.err);
    let text = "import sys\nprint(sys.getcheckinterval())\nsys.setcheckinterval(7)\n\
                print(sys.getcheckinterval())\n";
    assert_eq!(printed_under(text, "2.7"), "100\n7\n");
}

#[test]
fn a_long_interval_lets_nobody_in_and_a_short_one_does() {
    // A thread that computes is not asked to go before the interval has passed.
    let long = "import sys, threading\nsys.setswitchinterval(100)\nlog = []\ndef work(n):\n    for i \
                in range(30000):\n        if i % 100 == 0: log.append(n)\nts = \
                [threading.Thread(target=work, args=(n,)) for n in range(2)]\nfor t in ts: t.start()\n\
                for t in ts: t.join()\nchanges = sum(1 for a, b in zip(log, log[1:]) if a != \
                b)\nprint(changes)\n";
    assert!(printed(long).trim().parse::<u32>().unwrap() <= 1);
    // The first one computes until the other has been there, so this ends only if it is let in.
    let short = "import sys, threading\nsys.setswitchinterval(1e-6)\nlog = []\ndef work(n):\n    \
                 log.append(n)\n    while len(log) < 2: pass\nts = [threading.Thread(target=work, \
                 args=(n,)) for n in range(2)]\nfor t in ts: t.start()\nfor t in ts: \
                 t.join()\nprint(sorted(log))\n";
    assert_eq!(printed(short), "[0, 1]\n");
}

#[test]
fn chance_is_chance_unless_it_is_seeded() {
    let text = "import random\nprint([random.randrange(10**9) for _ in range(4)])\n";
    assert_ne!(printed(text), printed(text));
    let seeded = text.replace("print", "random.seed(5)\nprint");
    assert_eq!(printed(&seeded), printed(&seeded));
}

#[test]
fn every_switch_is_recorded_under_the_threads_own_names() {
    let text = "import threading\ndef f(): pass\nt = threading.Thread(target=f, name='helper')\n\
                t.start()\nt.join()\n";
    let compiled = program(text).unwrap();
    let streams = Streams::new(io::sink(), io::sink(), io::empty());
    let run = RealRun::new(&compiled, "3.13".parse().unwrap()).record(1000).streams(streams);
    let began = Instant::now();
    let ran = run.run(|| began.elapsed() > PATIENCE).unwrap();
    let recording = ran.recording.unwrap();
    let names: Vec<&str> = recording.tracks.iter().map(|track| &*track.name).collect();
    assert_eq!(names, ["MainThread", "helper"]);
    assert!(ran.counters.switches >= 3, "there, back again: {:?}", ran.counters);
}

#[test]
fn an_empty_program_and_one_that_starts_nothing_end() {
    assert_eq!(printed(""), "");
    assert_eq!(printed("print('x', end='')\n"), "x");
}

#[test]
fn what_cannot_be_written_is_an_end() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let text = "while True:\n    print('y' * 100)\n";
    let streams = Streams::new(Gone, io::sink(), io::empty());
    let run = RealRun::new(&program(text).unwrap(), "3.13".parse().unwrap()).streams(streams);
    let began = Instant::now();
    let ran = run.run(|| began.elapsed() > PATIENCE).unwrap();
    assert!(matches!(ran.ending, Ending::NoOutput(_, true)), "{:?}", ran.ending);
}
