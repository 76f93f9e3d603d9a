//! A test runner with one thread, so that the fork server can be forked from it; a watchdog, so
//! that a hang fails; and a census before and after each test, so that nothing is left behind.

use singletrack::process::ForkServer;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A test: its name, and what it does with the things of all tests.
pub type Test<T> = (&'static str, fn(&T));

const PATIENCE: Duration = Duration::from_secs(60);

/// What is running, since when.
static RUNNING: Mutex<Option<(String, Instant)>> = Mutex::new(None);

/// A test that is made while the program runs.
pub type Case<'a> = (String, Box<dyn Fn() + 'a>);

/// Starts a fork server, runs the tests with it, and ends the program.
pub fn run_with_fork_server(tests: &[Test<ForkServer>]) -> ! {
    let fork_server = ForkServer::start().expect("one thread so far");
    let code = run(tests, &fork_server, fork_server.pid());
    drop(fork_server);
    std::process::exit(code);
}

/// Runs the tests whose names contain one of the arguments; gives the exit code.
/// The children of `fork server` and our own are counted.
pub fn run<T>(tests: &[Test<T>], things: &T, fork_server: u32) -> i32 {
    let case = |(name, test): &Test<T>| {
        let test = *test;
        ((*name).to_owned(), Box::new(move || test(things)) as Box<dyn Fn()>)
    };
    run_cases(tests.iter().map(case).collect(), fork_server)
}

/// The same for cases.
pub fn run_cases(tests: Vec<Case<'_>>, fork_server: u32) -> i32 {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|arg| arg == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return 0;
    }
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    std::thread::spawn(watch);
    let mut failed = 0;
    for (name, test) in tests {
        if filters.is_empty() || filters.iter().any(|filter| name.contains(*filter)) {
            failed += i32::from(!run_one(&name, &*test, fork_server));
        }
    }
    println!("test result: {failed} failed");
    i32::from(failed > 0)
}

fn run_one(name: &str, test: &dyn Fn(), fork_server: u32) -> bool {
    *RUNNING.lock().unwrap() = Some((name.to_owned(), Instant::now()));
    wait_until_quiet(fork_server);
    let before = Census::take(fork_server);
    let passed = catch_unwind(AssertUnwindSafe(test)).is_ok();
    let mut after = Census::take(fork_server);
    let patience = Instant::now() + Duration::from_secs(5);
    // A thread that was joined is seen in /proc for a moment.
    while !after.leaves_nothing(&before) && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(1));
        after = Census::take(fork_server);
    }
    let clean = after.leaves_nothing(&before);
    if !clean {
        println!("left behind: {after:?}, where there was {before:?}");
    }
    let passed = passed && clean;
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    passed
}

/// A fork server with nothing to do makes what the next worker needs, and sleeps then.
fn wait_until_quiet(fork_server: u32) {
    let quiet = || {
        let stat = fs::read_to_string(format!("/proc/{fork_server}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| !rest.starts_with(" R"))
    };
    let patience = Instant::now() + Duration::from_secs(5);
    // Where there is none, this process is given.
    while fork_server != std::process::id() && !quiet() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn watch() {
    loop {
        std::thread::sleep(Duration::from_secs(1));
        if let Some((name, since)) = &*RUNNING.lock().unwrap()
            && since.elapsed() > PATIENCE
        {
            println!("test {name} ... HANGS");
            std::process::abort();
        }
    }
}

/// What a test must leave as it found it.
#[derive(Debug)]
struct Census {
    descriptors: Vec<String>,
    /// How many the fork server has.
    its_descriptors: usize,
    threads: usize,
    /// Children of ours and of the fork server, alive or not.
    processes: Vec<String>,
}

impl Census {
    fn take(fork_server: u32) -> Census {
        let me = std::process::id();
        Census {
            descriptors: descriptors(),
            its_descriptors: fs::read_dir(format!("/proc/{fork_server}/fd"))
                .map_or(0, Iterator::count),
            threads: fs::read_dir("/proc/self/task").unwrap().count(),
            processes: [me, fork_server].into_iter().flat_map(children).collect(),
        }
    }

    /// All is as before. (The fork server may have less: when the first test begins it may still be
    /// closing what it was born with.)
    fn leaves_nothing(&self, before: &Census) -> bool {
        self.descriptors == before.descriptors
            && self.its_descriptors <= before.its_descriptors
            && self.threads == before.threads
            && self.processes == before.processes
    }
}

/// The open descriptors of this process, as `3 -> pipe:[42]`, without the one that reads them.
pub fn descriptors() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let mut all: Vec<String> = entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?.display().to_string();
            (!target.starts_with("/proc/")).then(|| {
                let kind = target.split(':').next().unwrap_or_default();
                format!("{} -> {kind}", entry.file_name().display())
            })
        })
        .collect();
    all.sort();
    all
}

/// The children of a process, as `4711 (name) S`.
pub fn children(parent: u32) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((front, rest)) = stat.rsplit_once(')') else { continue };
        let mut rest = rest.split_ascii_whitespace();
        let (state, ppid) = (rest.next().unwrap_or("?"), rest.next().unwrap_or("0"));
        if ppid.parse() == Ok(parent) {
            // Running or sleeping is no difference.
            let state = if state == "Z" { "zombie" } else { "alive" };
            all.push(format!("{front}) {state}"));
        }
    }
    all
}

/// True while a process is there and no zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !matches!(rest.trim_start().chars().next(), Some('Z' | 'X')))
}

/// Waits for a condition; panics when it does not come true in time.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < patience, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
