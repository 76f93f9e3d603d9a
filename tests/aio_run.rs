//! `run` from start to close, Ctrl-C, the loop's own scenarios (20 to 26 and 52 of CPython's
//! tests), and bad input. A binary of its own (`harness = false`): signals and descriptors
//! belong to the whole process, and `run` listens to SIGINT on the main thread only. Bodies
//! that a signal may end run in a process of their own, which is this program again.

mod common;
use common::{DropFlag, watchdog};
use singletrack::aio::{
    RunError, RunOptions, TcpListener, TcpStream, add_reader, add_signal_handler, current_task,
    lookup_host, remove_reader, remove_signal_handler, run_on, run_with, signal, sleep, task_name,
    to_thread,
};
use singletrack::event_loop::LoopHandle;
use singletrack::event_loop::core::current;
use singletrack::futures::JobError;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::sys::signal::by_default;
use singletrack::{EventLoop, create_task, run, yield_now};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::pending;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const TESTS: &[(&str, fn())] = &[
    ("scenario_20_call_soon_order", call_soon_order),
    ("scenario_21_a_delay_of_nothing_fires_in_the_next_pass", no_delay),
    ("scenario_22_run_forever_pre_stopped_runs_exactly_one_pass", pre_stopped),
    ("scenario_23_callback_added_during_pass_runs_in_the_next", added_during_pass),
    ("scenario_24_cancelled_timers_leave_nothing", cancelled_timers),
    ("scenario_25_a_slow_callback_is_reported_only_in_debug_mode", slow_callback),
    ("scenario_26_an_exception_handler_that_panics_costs_nothing", handler_panics),
    ("scenario_52_the_first_sigint_cancels_main", first_sigint),
    ("scenario_52_the_second_sigint_ends_a_tight_loop", second_sigint),
    ("scenario_52_hanging_tasks_are_cancelled_at_close", hanging_tasks),
    ("scenario_52_a_nested_run_is_refused", nested_run),
    ("sigint_ends_the_wait_for_a_thread_that_hangs", sigint_while_joining),
    ("sigint_that_is_ignored_stays_ignored", ignored_sigint),
    ("main_may_listen_to_sigint_itself", own_sigint),
    ("sigint_that_was_borrowed_is_runs_again_afterwards", borrowed_sigint),
    ("after_a_loan_the_second_sigint_ends_a_tight_loop", returned_sigint),
    ("no_arrival_is_lost_when_sigint_changes_hands", arrivals_are_handed_on),
    ("sigterm_can_be_treated_as_ctrl_c", sigterm_option),
    ("sigterm_ends_the_process_by_default", sigterm_default),
    ("sigint_does_again_what_it_did", sigint_is_restored),
    ("on_another_thread_sigint_is_left_alone", other_thread),
    ("run_gives_the_value_of_main_and_names_the_task", value),
    ("all_is_put_away_in_asyncios_order", order),
    ("mains_panic_comes_out_after_all_is_put_away", main_panics),
    ("panics_that_nobody_awaited_are_reported", unawaited_panics),
    ("a_stopped_or_cancelled_main_is_a_typed_error", stopped_or_cancelled),
    ("without_descriptors_there_is_an_error_and_no_loop", no_descriptors),
    ("bad_input_is_an_error_and_leaves_nothing", bad_input),
];

/// What a process of its own does, and its exit code.
type ChildMain = fn() -> i32;

const CHILDREN: &[(&str, ChildMain)] = &[
    ("polite", polite_child),
    ("tight", tight_child),
    ("hanging", hanging_child),
    ("ignoring", ignoring_child),
    ("listening", listening_child),
    ("borrowing", borrowing_child),
    ("returning", returning_child),
    ("terminated", terminated_child),
];

fn main() {
    // Whoever runs the tests may ignore it, as a shell does for what it starts with `&`.
    by_default(libc::SIGINT).unwrap();
    let word = std::env::args().nth(1).unwrap_or_default();
    if let Some((_, child)) = CHILDREN.iter().find(|(name, _)| *name == word) {
        // SAFETY: the call takes numbers. A failed test must not leave its children behind.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        std::process::exit(child());
    }
    for (name, test) in TESTS {
        if word.starts_with('-') || name.contains(&word) {
            let _dog = watchdog(name, 60);
            test();
            println!("test {name} ... ok");
        }
    }
}

/// A process of our own, and what it has printed.
struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    fn start(what: &str) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(what).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Process { child, lines }
    }

    fn expect_line(&mut self, expected: &str) {
        assert_eq!(self.lines.next().unwrap().unwrap(), expected);
    }

    fn interrupt(&self) {
        self.send(libc::SIGINT);
    }

    fn send(&self, signal: i32) {
        // SAFETY: the process is our child and has not been waited for.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    fn end(mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        assert!(self.lines.next().is_none(), "it said more than expected");
        status
    }

    /// True while it has a handler for SIGINT.
    fn handles_sigint(&self) -> bool {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap() >> (libc::SIGINT - 1) & 1 == 1
    }
}

/// Says a word when it is dropped.
struct Says(&'static str);

impl Drop for Says {
    fn drop(&mut self) {
        println!("{}", self.0);
    }
}

// ---- Ctrl-C ----

fn polite_child() -> i32 {
    let outcome = run(async {
        let _main = Says("main is dropped");
        let other = create_task(async {
            let _other = Says("another task is dropped");
            pending::<()>().await;
        });
        yield_now().await;
        println!("ready");
        let _ = other.await;
    });
    match outcome {
        Err(RunError::Interrupted) => 130,
        other => panic!("{other:?}"),
    }
}

fn first_sigint() {
    let mut process = Process::start("polite");
    process.expect_line("ready");
    process.interrupt();
    process.expect_line("main is dropped");
    process.expect_line("another task is dropped");
    assert_eq!(process.end().code(), Some(130));
}

fn tight_child() -> i32 {
    let _ = run(async {
        println!("ready");
        loop {
            std::hint::spin_loop();
        }
    });
    0
}

fn second_sigint() {
    let mut process = Process::start("tight");
    process.expect_line("ready");
    assert!(process.handles_sigint());
    process.interrupt();
    while process.handles_sigint() {
        std::thread::yield_now(); // until it has arrived
    }
    assert!(process.child.try_wait().unwrap().is_none(), "the first one does not end it");
    process.interrupt();
    assert_eq!(process.end().signal(), Some(libc::SIGINT));
}

fn hanging_child() -> i32 {
    let _ = run(async {
        let (begun, has_begun) = mpsc::channel();
        drop(create_task(to_thread(move || {
            begun.send(()).unwrap();
            loop {
                std::thread::park();
            }
        })));
        yield_now().await;
        has_begun.recv().unwrap();
        println!("main ends");
    });
    unreachable!("a thread cannot be stopped");
}

fn sigint_while_joining() {
    let mut process = Process::start("hanging");
    process.expect_line("main ends");
    while process.handles_sigint() {
        std::thread::yield_now();
    }
    process.interrupt();
    assert_eq!(process.end().signal(), Some(libc::SIGINT));
}

/// Reads a line without blocking the loop.
async fn line() -> String {
    to_thread(|| std::io::stdin().lines().next().unwrap().unwrap()).await.unwrap()
}

fn ignoring_child() -> i32 {
    // SAFETY: the call takes two numbers.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    let outcome = run(async {
        println!("ready");
        line().await
    });
    assert_eq!(outcome.unwrap(), "go on");
    0
}

fn ignored_sigint() {
    let mut process = Process::start("ignoring");
    process.expect_line("ready");
    process.interrupt();
    let mut stdin = process.child.stdin.take().unwrap();
    stdin.write_all(b"go on\n").unwrap();
    assert_eq!(process.end().code(), Some(0));
}

fn listening_child() -> i32 {
    let outcome = run(async {
        let mut interrupts = signal(libc::SIGINT).unwrap();
        println!("ready");
        for n in ["one", "two", "three"] {
            interrupts.recv().await.unwrap();
            println!("{n}");
        }
        7
    });
    outcome.unwrap()
}

/// The example of a graceful shutdown: as in asyncio, `run` stands back.
fn own_sigint() {
    let mut process = Process::start("listening");
    process.expect_line("ready");
    for n in ["one", "two", "three"] {
        process.interrupt();
        process.expect_line(n);
    }
    assert_eq!(process.end().code(), Some(7));
}

fn action(number: i32) -> usize {
    // SAFETY: the struct is plain data, written by the call; a null new action changes nothing.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        assert_eq!(libc::sigaction(number, std::ptr::null(), &mut now), 0);
        now.sa_sigaction
    }
}

fn sigint_is_restored() {
    assert_eq!(action(libc::SIGINT), libc::SIG_DFL);
    run(async {
        assert_ne!(action(libc::SIGINT), libc::SIG_DFL, "run listens");
        assert!(!remove_signal_handler(libc::SIGINT), "this one is run's own");
        assert_ne!(action(libc::SIGINT), libc::SIG_DFL, "and stays");
    })
    .unwrap();
    assert_eq!(action(libc::SIGINT), libc::SIG_DFL);
    run(async {}).unwrap();
    assert_eq!(action(libc::SIGINT), libc::SIG_DFL);
}

/// Borrows SIGINT in three ways, one after the other; what comes then is `run`'s.
fn borrowing_child() -> i32 {
    let outcome = run(async {
        let _main = Says("main is dropped");
        drop(signal(libc::SIGINT).unwrap());
        add_signal_handler(libc::SIGINT, || ()).unwrap();
        assert!(remove_signal_handler(libc::SIGINT));
        let mut interrupts = signal(libc::SIGINT).unwrap();
        println!("borrowed");
        interrupts.recv().await.unwrap();
        drop(interrupts);
        println!("returned");
        pending::<()>().await
    });
    match outcome {
        Err(RunError::Interrupted) => 130,
        other => panic!("{other:?}"),
    }
}

fn borrowed_sigint() {
    let mut process = Process::start("borrowing");
    process.expect_line("borrowed");
    process.interrupt();
    process.expect_line("returned");
    process.interrupt();
    process.expect_line("main is dropped");
    assert_eq!(process.end().code(), Some(130));
}

/// After it was returned, the second SIGINT still ends a loop that never looks.
fn returning_child() -> i32 {
    let _ = run(async {
        drop(signal(libc::SIGINT).unwrap());
        println!("ready");
        loop {
            std::hint::spin_loop();
        }
    });
    0
}

fn returned_sigint() {
    let mut process = Process::start("returning");
    process.expect_line("ready");
    process.interrupt();
    while process.handles_sigint() {
        std::thread::yield_now();
    }
    assert!(process.child.try_wait().unwrap().is_none(), "the first one does not end it");
    process.interrupt();
    assert_eq!(process.end().signal(), Some(libc::SIGINT));
}

/// An arrival that the borrower has not been told of goes to `run`, and the other way round.
fn arrivals_are_handed_on() {
    // SAFETY: the call takes a number.
    let interrupt = || assert_eq!(unsafe { libc::raise(libc::SIGINT) }, 0);
    let returned = run(async move {
        let borrower = signal(libc::SIGINT).unwrap();
        interrupt();
        drop(borrower);
        pending::<()>().await
    });
    assert!(matches!(returned, Err(RunError::Interrupted)));
    run(async move {
        interrupt();
        let mut borrower = signal(libc::SIGINT).unwrap();
        borrower.recv().await.unwrap();
    })
    .unwrap();
    assert_eq!(action(libc::SIGINT), libc::SIG_DFL);
}

// ---- SIGTERM ----

fn terminated_child() -> i32 {
    let main = async {
        let _main = Says("main is dropped");
        println!("ready");
        pending::<()>().await
    };
    match run_with(EventLoop::new().unwrap(), RunOptions { sigterm: true }, main) {
        Err(RunError::Terminated) => 143,
        Err(RunError::Interrupted) => 130,
        other => panic!("{other:?}"),
    }
}

fn sigterm_option() {
    for (signal, code) in [(libc::SIGTERM, 143), (libc::SIGINT, 130)] {
        let mut process = Process::start("terminated");
        process.expect_line("ready");
        process.send(signal);
        process.expect_line("main is dropped");
        assert_eq!(process.end().code(), Some(code));
    }
    run_with(EventLoop::new().unwrap(), RunOptions { sigterm: true }, async {
        assert_ne!(action(libc::SIGTERM), libc::SIG_DFL);
    })
    .unwrap();
    assert_eq!(action(libc::SIGTERM), libc::SIG_DFL);
}

/// By default SIGTERM is nobody's.
fn sigterm_default() {
    let mut process = Process::start("polite");
    process.expect_line("ready");
    process.send(libc::SIGTERM);
    assert_eq!(process.end().signal(), Some(libc::SIGTERM));
}

fn other_thread() {
    let seen = std::thread::spawn(|| run(async { action(libc::SIGINT) }).unwrap());
    assert_eq!(seen.join().unwrap(), libc::SIG_DFL);
}

// ---- from start to close ----

fn value() {
    let value = run(async {
        let me = current_task().await.unwrap();
        assert_eq!(task_name(me), "main");
        "done"
    });
    assert_eq!(value.unwrap(), "done");
}

fn hanging_tasks() {
    let (one, two) = (DropFlag::default(), DropFlag::default());
    let (first, second) = (one.guard(), two.guard());
    run(async {
        drop(create_task(async move {
            let _first = first;
            pending::<()>().await;
        }));
        drop(create_task(async move {
            let _second = second;
            loop {
                yield_now().await; // it never waits, and is dropped all the same
            }
        }));
        yield_now().await;
    })
    .unwrap();
    assert!(one.dropped() && two.dropped());
}

fn nested_run() {
    let inner = run(async {
        let flag = DropFlag::default();
        let guard = flag.guard();
        let inner = run(async move { drop(guard) });
        assert!(flag.dropped(), "the refused main is dropped unpolled");
        let on = run_on(EventLoop::new().unwrap(), async {});
        assert!(matches!(on, Err(RunError::Nested)));
        inner
    })
    .unwrap();
    assert!(matches!(inner, Err(RunError::Nested)));
    assert!(inner.unwrap_err().to_string().contains("await the future there"));
}

fn order() {
    struct Notes(Arc<Mutex<Vec<&'static str>>>, &'static str);
    impl Drop for Notes {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(self.1);
        }
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |what| Notes(Arc::clone(&log), what);
    let event_loop = EventLoop::new().unwrap();
    let callback = note("3 a callback, when the loop closes");
    event_loop.call_later(Duration::from_secs(3600), move || drop(callback));
    let (task, job) = (note("1 a task"), note("2 a thread's job"));
    let outcome = run_on(event_loop, async move {
        let (sender, receiver) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        drop(create_task(async move {
            let _held = (task, sender);
            pending::<()>().await;
        }));
        drop(create_task(to_thread(move || {
            begun.send(()).unwrap();
            receiver.recv().unwrap_err(); // until the task is dropped
            drop(job);
        })));
        yield_now().await;
        has_begun.recv().unwrap();
        "main"
    });
    assert_eq!(outcome.unwrap(), "main");
    let log = log.lock().unwrap();
    assert_eq!(*log, ["1 a task", "2 a thread's job", "3 a callback, when the loop closes"]);
}

fn main_panics() {
    let flag = DropFlag::default();
    let guard = flag.guard();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        run(async {
            drop(create_task(async move {
                let _guard = guard;
                pending::<()>().await;
            }));
            panic!("main's own");
        })
    }));
    let Err(payload) = outcome else { panic!("it went unheard") };
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"main's own"));
    assert!(flag.dropped());
}

fn unawaited_panics() {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let event_loop = EventLoop::new().unwrap();
    let inner = Rc::clone(&reports);
    event_loop.set_exception_handler(move |e| inner.borrow_mut().push(e.message.clone()));
    run_on(event_loop, async {
        let failed = create_task(async { panic!("not awaited") });
        drop(create_task(async move {
            pending::<()>().await; // it would have asked
            failed.await.unwrap();
        }));
        yield_now().await;
        yield_now().await;
    })
    .unwrap();
    assert_eq!(*reports.borrow(), ["not awaited"]);
}

fn stopped_or_cancelled() {
    let stopped = run(async {
        LoopHandle::current().unwrap().stop().unwrap();
        pending::<()>().await;
    });
    assert!(matches!(stopped, Err(RunError::Stopped)));
    let cancelled = run(async {
        let me = current_task().await.unwrap();
        current("test").ready.borrow_mut().cancel(me);
        pending::<()>().await;
    });
    assert!(matches!(cancelled, Err(RunError::Cancelled)));
    // A loop that would wait for ever says so through its selector.
    let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
    let failed = run_on(event_loop, pending::<()>());
    assert!(matches!(failed, Err(RunError::Failed(e)) if e.kind() == ErrorKind::Deadlock));
}

// ---- the loop itself, on virtual time ----

fn scripted() -> (EventLoop, ScriptedSelector) {
    let script = ScriptedSelector::new();
    (EventLoop::with_selector(Box::new(script.clone())), script)
}

fn call_soon_order() {
    let (event_loop, _) = scripted();
    let order = Rc::new(RefCell::new(Vec::new()));
    for n in 0..100 {
        let order = Rc::clone(&order);
        event_loop.call_soon(move || order.borrow_mut().push(n));
    }
    assert_eq!(event_loop.run_once().unwrap().called, 100);
    assert_eq!(*order.borrow(), (0..100).collect::<Vec<_>>());
}

/// asyncio's negative delay. A `Duration` cannot be negative; a time that has passed can.
fn no_delay() {
    let (event_loop, script) = scripted();
    script.advance(Duration::from_secs(5));
    event_loop.call_later(Duration::ZERO, || ());
    event_loop.call_at(Duration::from_secs(1), || ());
    assert_eq!(event_loop.run_once().unwrap().called, 2);
    assert_eq!(event_loop.time(), Duration::from_secs(5));
}

fn pre_stopped() {
    let (event_loop, script) = scripted();
    event_loop.stop();
    event_loop.run_forever().unwrap();
    assert_eq!((event_loop.iterations(), script.waits()), (1, 1));
}

fn added_during_pass() {
    let (event_loop, _) = scripted();
    let event_loop = Rc::new(event_loop);
    let (inner, ran) = (Rc::downgrade(&event_loop), Rc::new(Cell::new(false)));
    let flag = Rc::clone(&ran);
    event_loop.call_soon(move || {
        inner.upgrade().unwrap().call_soon(move || flag.set(true));
    });
    assert_eq!(event_loop.run_once().unwrap().called, 1);
    assert!(!ran.get());
    assert_eq!(event_loop.run_once().unwrap().called, 1);
    assert!(ran.get());
}

/// Shows M7.
/// asyncio sweeps cancelled timers up when there are more than 100; here none stays behind.
fn cancelled_timers() {
    let (event_loop, _) = scripted();
    let fired = Rc::new(Cell::new(0));
    let far = |n: u64| Duration::from_secs(1000 + n);
    let calls: Vec<_> = (0..300)
        .map(|n| {
            let fired = Rc::clone(&fired);
            event_loop.call_later(far(n), move || fired.set(fired.get() + 1))
        })
        .collect();
    for call in calls.iter().take(200) {
        call.cancel();
    }
    // Outside of a run a cancel goes through the inbox, and takes effect in the next iteration.
    event_loop.call_soon(|| ());
    event_loop.run_once().unwrap();
    event_loop.run_until_complete(async {
        assert_eq!(current("test").calls.borrow().len(), 100);
        sleep(far(500)).await;
        assert_eq!(current("test").timers.borrow().len(), 0);
    });
    assert_eq!(fired.get(), 100);
}

fn slow_callback() {
    let (event_loop, script) = scripted();
    let calls = Rc::new(Cell::new(0));
    let inner = Rc::clone(&calls);
    event_loop.set_slow_callback_handler(move |_| inner.set(inner.get() + 1));
    let step = |took: u64| {
        let script = script.clone();
        event_loop.call_soon(move || script.advance(Duration::from_millis(took)));
        event_loop.run_once().unwrap();
    };
    step(5000);
    assert_eq!(calls.get(), 0, "debug mode is off");
    event_loop.set_debug(true);
    step(99);
    assert_eq!(calls.get(), 0);
    step(100);
    assert_eq!(calls.get(), 1);
}

fn handler_panics() {
    let (event_loop, _) = scripted();
    let calls = Rc::new(Cell::new(0));
    let inner = Rc::clone(&calls);
    event_loop.set_exception_handler(move |_| {
        inner.set(inner.get() + 1);
        panic!("the handler's own");
    });
    event_loop.call_soon(|| panic!("a callback's"));
    drop(event_loop.create_task(async { panic!("a task's") }));
    event_loop.run_until_complete(async {
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(calls.get(), 2);
}

// ---- bad input ----

/// The open descriptors, without the one that lists them.
fn open() -> BTreeSet<i32> {
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str().unwrap().parse().unwrap();
    let listed: Vec<i32> =
        std::fs::read_dir("/proc/self/fd").unwrap().flatten().map(number).collect();
    // SAFETY: the call asks for a number.
    listed.into_iter().filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } != -1).collect()
}

fn no_descriptors() {
    let taken = open();
    // SAFETY: the struct is plain data and outlives the calls.
    let old = unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        let old = limit;
        limit.rlim_cur = (0..).find(|fd| !taken.contains(fd)).unwrap() as u64 + 1;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
        old
    };
    let outcome = run(async {});
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &old) }, 0);
    match outcome {
        Err(RunError::Start(e)) => assert_eq!(e.raw_os_error(), Some(libc::EMFILE)),
        other => panic!("{other:?}"),
    }
    assert_eq!(open(), taken);
}

/// Slab entries of the running loop: sources, callbacks, timers, tasks.
fn census() -> [usize; 4] {
    let core = current("census");
    let ready = core.ready.borrow();
    [
        core.reactor.borrow().len(),
        core.calls.borrow().len(),
        core.timers.borrow().len(),
        ready.tasks(),
    ]
}

fn bad_input() {
    drop(run(async {})); // the eventfd for signals is made once and stays
    let before = open();
    run(async {
        let (entries, descriptors) = (census(), open());
        let any = "127.0.0.1:0".parse().unwrap();

        // An address in use, and one that is not ours.
        let listener = TcpListener::bind(any).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(TcpListener::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
        let foreign = "192.0.2.1:0".parse().unwrap();
        let error = TcpListener::bind(foreign).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);

        // A socket of this loop, polled on another thread's.
        let (client, listener) = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                run(async move {
                    let error = listener.accept().await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                    let text = error.to_string();
                    assert!(text.contains("make it on the loop that uses it"), "{text}");
                    listener
                })
            });
            (TcpStream::connect(address), other.join().unwrap().unwrap())
        });
        let client = client.await.unwrap();
        let (server, _) = listener.accept().await.unwrap();

        // Two readers of one stream both wait; both are served.
        let (client, server) = (Rc::new(client), server);
        let readers = [0, 1].map(|_| {
            let client = Rc::clone(&client);
            create_task(async move { client.read(&mut [0]).await.unwrap() })
        });
        yield_now().await;
        server.write_all(b"ab").await.unwrap();
        for reader in readers {
            assert_eq!(reader.await.unwrap(), 1);
        }
        drop((client, server, listener));

        // A regular file; a name that does not resolve; no callback to remove.
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        assert_eq!(add_reader(file, || ()).unwrap_err().kind(), ErrorKind::PermissionDenied);
        assert!(!remove_reader(&0));
        assert!(lookup_host("no.such.host.invalid", 1).await.is_err());

        // A sleep of ages, and one of nothing.
        let ages = create_task(sleep(Duration::MAX));
        yield_now().await;
        ages.cancel();
        let _ = ages.await.unwrap_err();
        sleep(Duration::ZERO).await;

        // A loop in a loop: one is a programming error, the other can be asked for.
        let inner = EventLoop::new().unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| inner.run_until_complete(async {})));
        assert!(panic.is_err());
        let inner = Rc::new(inner);
        let handle = inner.handle();
        let future = handle.run_coroutine_threadsafe(async {});
        drop(inner);
        assert!(matches!(future.result(), Err(JobError::Broken(_))));
        handle.stop().unwrap_err();

        yield_now().await;
        assert_eq!(census(), entries, "sources, callbacks, timers, tasks");
        assert_eq!(open(), descriptors);
    })
    .unwrap();
    assert_eq!(open(), before);
}
