//! What a worker has started: killed with it where it is attached, and left alone where it is not.

#[path = "process_pool/jobs.rs"]
#[allow(dead_code)]
mod jobs;
#[path = "process_pool/runner.rs"]
#[allow(dead_code)]
mod runner;

use jobs::signal;
use runner::{Test, eventually, is_alive};
use singletrack::futures::JobError;
use singletrack::process::{ForkServer, JobOptions, Pool, Process, ProcessOptions, ProcessPool};
use singletrack::sys::process::pidfd_open;
use singletrack::sys::process_tree::{kill_trees, signal_trees};
use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const TESTS: &[Test<ForkServer>] = &[
    ("a_limit_ends_what_the_job_has_started", a_limit_ends_what_the_job_has_started),
    ("a_killed_job_ends_what_it_has_started", a_killed_job_ends_what_it_has_started),
    ("killed_workers_end_what_they_have_started", killed_workers_end_what_they_have_started),
    ("a_killed_process_ends_what_it_has_started", a_killed_process_ends_what_it_has_started),
    ("a_dropped_daemon_ends_what_it_has_started", a_dropped_daemon_ends_what_it_has_started),
    ("a_request_to_end_reaches_what_was_started", a_request_to_end_reaches_what_was_started),
    ("nobody_outruns_a_kill", nobody_outruns_a_kill),
    ("what_has_detached_itself_lives_on", what_has_detached_itself_lives_on),
    ("a_job_that_returns_leaves_what_it_started", a_job_that_returns_leaves_what_it_started),
    ("a_tree_of_any_process_is_signalled", a_tree_of_any_process_is_signalled),
];

fn main() {
    runner::run_with_fork_server(TESTS);
}

const SOON: Duration = Duration::from_millis(300);

/// A file in which a script writes the numbers of its processes.
struct Numbers(PathBuf);

impl Numbers {
    fn new() -> Numbers {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("singletrack-tree-{}-{number}", std::process::id());
        Numbers(std::env::temp_dir().join(name))
    }

    fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    /// As soon as there are `count` of them.
    fn read(&self, count: usize) -> Vec<u32> {
        let read = || -> Vec<u32> {
            let text = fs::read_to_string(&self.0).unwrap_or_default();
            text.split_ascii_whitespace().map(|number| number.parse().unwrap()).collect()
        };
        eventually("the script runs", || read().len() >= count);
        read()
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A shell, and a child of it, which both last. The shell's number, then the child's.
fn start_two(path: String) {
    run_script((format!("(sleep 1000 & echo $$ $! > {path}.new; mv {path}.new {path}; wait)"),));
}

fn run_script((script,): (String,)) {
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).stdin(Stdio::null());
    shell.status().unwrap();
}

fn all_end(numbers: &[u32]) {
    assert!(numbers.len() >= 2);
    eventually("all have ended", || !numbers.iter().any(|pid| is_alive(*pid)));
}

fn a_limit_ends_what_the_job_has_started(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let numbers = Numbers::new();
    let job = pool.submit_within(SOON * 4, start_two, numbers.path());
    let started = numbers.read(2);
    assert_eq!(job.result(), Err(JobError::TimedOut(SOON * 4)));
    all_end(&started);
    assert_eq!(pool.call(jobs::square, 3), Ok(9));
}

fn a_killed_job_ends_what_it_has_started(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let numbers = Numbers::new();
    let options = JobOptions::default().killable();
    let job = pool.submit_with(options, start_two, numbers.path());
    let started = numbers.read(2);
    // They are in the group to which a terminal sends Ctrl-C.
    // SAFETY: both calls take numbers at most, and only ask.
    assert!(started.iter().all(|pid| unsafe { libc::getpgid(*pid as i32) == libc::getpgrp() }));
    assert!(pool.kill(job.job));
    assert_eq!(jobs::death(job.future.result()), jobs::KILLED);
    all_end(&started);
}

fn killed_workers_end_what_they_have_started(fork_server: &ForkServer) {
    let numbers = [Numbers::new(), Numbers::new()];
    let pool = ProcessPool::new(fork_server, 2).unwrap();
    let futures = numbers.each_ref().map(|numbers| pool.submit(start_two, numbers.path()));
    let started = numbers.each_ref().map(|numbers| numbers.read(2));
    pool.kill_workers();
    futures.into_iter().for_each(|future| assert_eq!(jobs::death(future.result()), jobs::KILLED));
    all_end(&started.concat());

    let numbers = Numbers::new();
    let pool = Pool::new(fork_server, 1).unwrap();
    let future = pool.apply_async(start_two, numbers.path());
    let started = numbers.read(2);
    drop(pool);
    assert_eq!(jobs::death(future.result()), jobs::KILLED);
    all_end(&started);
}

fn a_killed_process_ends_what_it_has_started(fork_server: &ForkServer) {
    let numbers = Numbers::new();
    let process = Process::spawn(fork_server, start_two, numbers.path()).unwrap();
    let started = numbers.read(2);
    process.kill().unwrap();
    assert_eq!(jobs::death(process.join()), jobs::KILLED);
    all_end(&started);
}

fn a_dropped_daemon_ends_what_it_has_started(fork_server: &ForkServer) {
    let numbers = Numbers::new();
    let options = ProcessOptions::default().daemon(true);
    let daemon = options.spawn(fork_server, start_two, numbers.path()).unwrap();
    let started = numbers.read(2);
    drop(daemon);
    all_end(&started);
}

fn a_request_to_end_reaches_what_was_started(fork_server: &ForkServer) {
    for ask in [Process::<()>::terminate, Process::interrupt] {
        let numbers = Numbers::new();
        let path = numbers.path();
        // A child in the background of a shell ignores SIGINT, so this one is in the foreground.
        let script = format!("echo $$ $PPID > {path}.new; mv {path}.new {path}; exec sleep 1000");
        let process = Process::spawn(fork_server, run_script, (script,)).unwrap();
        let started = numbers.read(2);
        ask(&process).unwrap();
        assert!(process.join().is_err());
        all_end(&started);
    }
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let numbers = Numbers::new();
    let future = pool.submit(start_two, numbers.path());
    let started = numbers.read(2);
    pool.terminate_workers();
    assert!(future.result().is_err());
    all_end(&started);
}

/// The shell goes on starting processes while it is being killed; each notes its number.
fn nobody_outruns_a_kill(fork_server: &ForkServer) {
    let numbers = Numbers::new();
    let path = numbers.path();
    let child = format!("sh -c 'echo $$ >> {path}; exec sleep 60' & sleep 0.002");
    let script = format!("i=0; while [ $i -lt 5000 ]; do i=$((i + 1)); {child}; done");
    let process = Process::spawn(fork_server, run_script, (script,)).unwrap();
    numbers.read(10);
    process.kill().unwrap();
    assert_eq!(jobs::death(process.join()), jobs::KILLED);
    all_end(&numbers.read(10));
}

fn what_has_detached_itself_lives_on(fork_server: &ForkServer) {
    let numbers = Numbers::new();
    let path = numbers.path();
    let script = format!("sh -c 'sleep 1000 & echo $! > {path}'; exec sleep 1000");
    let process = Process::spawn(fork_server, run_script, (script,)).unwrap();
    let detached = numbers.read(1)[0];
    process.kill().unwrap();
    assert_eq!(jobs::death(process.join()), jobs::KILLED);
    assert!(is_alive(detached));
    assert!(signal(detached, libc::SIGKILL));
}

fn start_and_return(_: ()) -> u32 {
    Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap().id()
}

fn a_job_that_returns_leaves_what_it_started(fork_server: &ForkServer) {
    let by_a_process = Process::spawn(fork_server, start_and_return, ()).unwrap().join().unwrap();
    let pool = ProcessPool::builder(fork_server).workers(1).max_tasks_per_child(1).start().unwrap();
    let by_a_recycled = pool.call(start_and_return, ()).unwrap();
    let by_the_last = pool.call(start_and_return, ()).unwrap();
    drop(pool);
    for left in [by_a_process, by_a_recycled, by_the_last] {
        assert!(is_alive(left));
        assert!(signal(left, libc::SIGKILL));
    }
}

fn a_tree_of_any_process_is_signalled(_: &ForkServer) {
    let script = "sleep 1000 & sleep 1000 & wait";
    let mut shell = Command::new("sh").args(["-c", script]).spawn().unwrap();
    eventually("they run", || runner::children(shell.id()).len() == 2);
    let number = |line: String| line.split(' ').next().unwrap().parse().unwrap();
    let mut tree: Vec<u32> = runner::children(shell.id()).into_iter().map(number).collect();
    tree.push(shell.id());
    let pidfd = pidfd_open(shell.id()).unwrap();
    signal_trees(&[pidfd.as_fd()], libc::SIGSTOP).unwrap();
    let stopped = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.starts_with(" T")
    };
    eventually("all are stopped", || tree.iter().all(stopped));
    kill_trees(&[pidfd.as_fd()]).unwrap();
    shell.wait().unwrap();
    all_end(&tree);
    // It was reaped: nobody is signalled, and that is no error.
    kill_trees(&[pidfd.as_fd()]).unwrap();
    signal_trees(&[pidfd.as_fd()], libc::SIGTERM).unwrap();
}
