//! The fork server: preforked workers, fork hooks, and forks that the system refuses. Each test runs
//! in a fresh process, since it needs a fork server, or limits, of its own.

#[path = "process_pool/jobs.rs"]
#[allow(dead_code)]
mod jobs;
#[path = "process_pool/runner.rs"]
#[allow(dead_code)]
mod runner;

use jobs::*;
use runner::{children, descriptors, eventually, is_alive};
use singletrack::futures::Future;
use singletrack::futures::JobError;
use singletrack::process::Process;
use singletrack::process::ProcessPool;
use singletrack::process::forkserver::server::Preforked;
use singletrack::process::{ForkServer, ForkServerError, ForkServerOptions, MAX_DEPTH};
use singletrack::process::{Receiver, pipe};
use singletrack::sys::process::Death;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

type Case = (&'static str, Who, fn());

/// Who runs it. Limits on the number of processes do not hold for root.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    Me,
    Nobody,
}
use Who::{Me, Nobody};

const CASES: &[Case] = &[
    (
        "preforked_workers_are_handed_out_oldest_first",
        Me,
        preforked_workers_are_handed_out_oldest_first,
    ),
    ("a_preforked_worker_is_handed_out", Me, a_preforked_worker_is_handed_out),
    ("recycled_workers_come_from_the_stock", Me, recycled_workers_come_from_the_stock),
    ("a_preforked_worker_that_dies_is_reaped", Me, a_preforked_worker_that_dies_is_reaped),
    ("a_worker_with_descriptors_is_forked_afresh", Me, a_worker_with_descriptors_is_forked_afresh),
    ("preforked_workers_end_with_the_fork_server", Me, preforked_workers_end_with_the_fork_server),
    ("a_stopped_fork_server_is_killed", Me, a_stopped_fork_server_is_killed),
    ("hooks_run_in_the_order_of_register_at_fork", Me, hooks_run_in_the_order_of_register_at_fork),
    ("a_preforked_worker_is_as_old_as_its_fork", Me, a_preforked_worker_is_as_old_as_its_fork),
    ("a_panic_before_a_fork_is_its_askers_error", Me, a_panic_before_a_fork_is_its_askers_error),
    ("a_panic_in_a_new_worker_is_its_death", Me, a_panic_in_a_new_worker_is_its_death),
    (
        "a_slow_hook_holds_up_no_answer_and_no_limit",
        Me,
        a_slow_hook_holds_up_no_answer_and_no_limit,
    ),
    (
        "a_slow_hook_and_a_slow_callback_hold_up_no_answer",
        Me,
        a_slow_hook_and_a_slow_callback_hold_up_no_answer,
    ),
    ("a_panic_in_a_new_worker_drops_nothing", Me, a_panic_in_a_new_worker_drops_nothing),
    ("a_panic_after_a_fork_harms_nobody", Me, a_panic_after_a_fork_harms_nobody),
    ("a_hook_that_starts_a_thread_is_told", Me, a_hook_that_starts_a_thread_is_told),
    ("closed_standard_streams_are_no_pipes", Me, closed_standard_streams_are_no_pipes),
    ("a_stdout_that_nobody_reads_is_no_obstacle", Me, a_stdout_that_nobody_reads_is_no_obstacle),
    (
        "a_signal_to_the_group_does_not_end_the_fork_server",
        Me,
        a_signal_to_the_group_does_not_end_the_fork_server,
    ),
    ("an_ignored_sigchld_changes_nothing", Me, an_ignored_sigchld_changes_nothing),
    ("fork_servers_in_fork_servers_have_an_end", Me, fork_servers_in_fork_servers_have_an_end),
    ("a_fork_server_that_cannot_be_forked", Me, a_fork_server_that_cannot_be_forked),
    ("no_memory_for_a_fork_is_told", Me, no_memory_for_a_fork_is_told),
    ("no_process_to_be_had_breaks_the_pool", Nobody, no_process_to_be_had_breaks_the_pool),
    ("a_pool_outlives_a_lack_of_processes", Nobody, a_pool_outlives_a_lack_of_processes),
    ("a_fork_server_without_descriptors_heals", Me, a_fork_server_without_descriptors_heals),
    ("a_pool_that_fails_leaves_nothing", Me, a_pool_that_fails_leaves_nothing),
    ("a_program_without_descriptors_heals", Me, a_program_without_descriptors_heals),
];

fn main() {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("--case") => {
            let name = args.next().expect("a name");
            let (_, _, case) = CASES.iter().find(|(n, ..)| *n == name).expect("a case");
            // SAFETY: the call takes a number. A hang ends by SIGALRM.
            unsafe { libc::alarm(60) };
            case();
            assert_eq!(children(std::process::id()), [""; 0], "left behind");
        }
        Some("--list") => CASES.iter().for_each(|(name, ..)| println!("{name}: test")),
        filter => std::process::exit(run_all(filter.filter(|text| !text.starts_with('-')))),
    }
}

fn run_all(filter: Option<&str>) -> i32 {
    let mut failed = 0;
    for (name, who, _) in CASES.iter().filter(|(name, ..)| filter.is_none_or(|f| name.contains(f)))
    {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--case", name]);
        // SAFETY: the call takes and touches nothing.
        if *who == Nobody && unsafe { libc::geteuid() } == 0 {
            command.uid(65534).gid(65534);
        }
        let status = command.status().unwrap();
        println!("test {name} ... {}", if status.success() { "ok" } else { "FAILED" });
        failed += i32::from(!status.success());
    }
    println!("test result: {failed} failed");
    i32::from(failed > 0)
}

fn broken<T: std::fmt::Debug>(result: Result<T, JobError>) -> String {
    match result {
        Err(JobError::Broken(why)) => why,
        other => panic!("not broken: {other:?}"),
    }
}

/// The living children of the fork server.
fn brood(fork_server: &ForkServer) -> Vec<u32> {
    let pid = |line: &String| line.split(' ').next().unwrap().parse().unwrap();
    children(fork_server.pid()).iter().map(pid).collect()
}

fn eventually_so_many(fork_server: &ForkServer, count: usize) -> Vec<u32> {
    eventually("so many children", || brood(fork_server).len() == count);
    brood(fork_server)
}

// ---- preforked workers ----

fn preforked_workers_are_handed_out_oldest_first() {
    let mut preforked = Preforked::new(2);
    preforked.add('a');
    assert!(preforked.is_short());
    preforked.add('b');
    assert!(!preforked.is_short());
    assert_eq!(preforked.take(), Some('a'));
    assert!(preforked.is_short());
    preforked.failed();
    assert!(!preforked.is_short(), "it is not tried again before a worker is wanted");
    assert_eq!(preforked.take(), Some('b'));
    preforked.add('c');
    preforked.add('d');
    assert_eq!(preforked.lost(1), 'd');
    assert!(!preforked.is_short());
    assert_eq!((preforked.take(), preforked.take()), (Some('c'), None));
    assert!(preforked.is_short());
    assert!(!Preforked::<char>::new(0).is_short());
}

fn a_preforked_worker_is_handed_out() {
    let fork_server = ForkServerOptions::default().preforked(1).start().unwrap();
    let [preforked] = eventually_so_many(&fork_server, 1)[..] else { unreachable!() };
    let pool = ProcessPool::new(&fork_server, 1).unwrap();
    assert_eq!(pool.call(my_pid, ()), Ok(u64::from(preforked)));
    let next = eventually_so_many(&fork_server, 2);
    let next = next.into_iter().find(|pid| *pid != preforked).unwrap();
    assert_eq!(death(pool.call(end_if, (0, Some(End::Kill)))), KILLED);
    assert_eq!(pool.call(my_pid, ()), Ok(u64::from(next)), "the next one takes its place");
}

fn recycled_workers_come_from_the_stock() {
    let fork_server = ForkServerOptions::default().preforked(2).start().unwrap();
    let pool =
        ProcessPool::builder(&fork_server).workers(1).max_tasks_per_child(1).start().unwrap();
    let mut before = eventually_so_many(&fork_server, 3);
    for _ in 0..10 {
        let pid = pool.call(my_pid, ()).unwrap() as u32;
        assert!(before.contains(&pid), "{pid} was not among {before:?}");
        eventually("it is replaced", || !is_alive(pid));
        before = eventually_so_many(&fork_server, 3);
    }
}

fn a_preforked_worker_that_dies_is_reaped() {
    let fork_server = ForkServerOptions::default().preforked(1).start().unwrap();
    let [preforked] = eventually_so_many(&fork_server, 1)[..] else { unreachable!() };
    signal(preforked, libc::SIGKILL);
    eventually_so_many(&fork_server, 0);
    let pool = ProcessPool::new(&fork_server, 1).unwrap();
    assert_eq!(pool.call(square, 3), Ok(9));
    eventually_so_many(&fork_server, 2);
}

fn receive(mut receiver: Receiver<u64>) -> (u64, u64) {
    (receiver.recv().unwrap(), my_pid(()))
}

fn a_worker_with_descriptors_is_forked_afresh() {
    let fork_server = ForkServerOptions::default().preforked(1).start().unwrap();
    let [preforked] = eventually_so_many(&fork_server, 1)[..] else { unreachable!() };
    let (receiver, mut sender) = pipe().unwrap();
    let process = Process::spawn(&fork_server, receive, receiver).unwrap();
    sender.send(&7).unwrap();
    let (value, pid) = process.join().unwrap();
    assert_eq!(value, 7);
    assert_ne!(pid, u64::from(preforked));
    assert_eq!(Process::spawn(&fork_server, my_pid, ()).unwrap().join(), Ok(u64::from(preforked)));
}

fn preforked_workers_end_with_the_fork_server() {
    // As in a container, where the program may be the first process: orphans come to it.
    // SAFETY: the call takes numbers.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }, 0);
    let fork_server = ForkServerOptions::default().preforked(3).start().unwrap();
    let preforked = eventually_so_many(&fork_server, 3);
    signal(preforked[1], libc::SIGSTOP);
    drop(fork_server);
    eventually("they are gone", || !preforked.iter().any(|pid| is_alive(*pid)));
    assert_eq!(children(std::process::id()), [""; 0], "they are still to be reaped");
}

fn a_stopped_fork_server_is_killed() {
    let fork_server = ForkServer::start().unwrap();
    signal(fork_server.pid(), libc::SIGSTOP);
    drop(fork_server);
}

// ---- hooks ----

/// A file that all processes append lines to.
fn log() -> PathBuf {
    // The fork server and its workers write to the file of the program that was first.
    static FIRST: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let first = FIRST.get_or_init(std::process::id);
    std::env::temp_dir().join(format!("singletrack-hooks-{first}"))
}

fn note(text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(log()).unwrap();
    file.write_all(format!("{} {text}\n", std::process::id()).as_bytes()).unwrap();
}

fn hooks_run_in_the_order_of_register_at_fork() {
    let me = log();
    let options = ForkServerOptions::default()
        .before_fork(|| note("before 1"))
        .after_fork_in_parent(|| note("parent 1"))
        .after_fork_in_child(|| note("child 1"))
        .before_fork(|| note("before 2"))
        .after_fork_in_parent(|| note("parent 2"))
        .after_fork_in_child(|| note("child 2"));
    let fork_server = options.start().unwrap();
    let worker = Process::spawn(&fork_server, my_pid, ()).unwrap().join().unwrap();
    let text = fs::read_to_string(&me).unwrap();
    let said_by = |pid: u64| -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix(&format!("{pid} "))).collect()
    };
    let fork_server = u64::from(fork_server.pid());
    assert_eq!(said_by(fork_server), ["before 2", "before 1", "parent 1", "parent 2"]);
    assert_eq!(said_by(worker), ["child 1", "child 2"]);
    assert_eq!(text.lines().count(), 6, "the fork server's own fork runs none: {text}");
    fs::remove_file(me).unwrap();
}

fn a_preforked_worker_is_as_old_as_its_fork() {
    use std::sync::atomic::Ordering::Relaxed;
    let count = || BEFORE_THE_FORK.store(BEFORE_THE_FORK.load(Relaxed) + 1, Relaxed);
    let fork_server = ForkServerOptions::default().preforked(1).before_fork(count).start().unwrap();
    eventually_so_many(&fork_server, 1);
    // The first fork was the preforked worker's, though the worker with descriptors serves first.
    let (receiver, mut sender) = pipe().unwrap();
    let process = Process::spawn(&fork_server, receive, receiver).unwrap();
    sender.send(&7).unwrap();
    process.join().unwrap();
    assert_eq!(Process::spawn(&fork_server, read_state, ()).unwrap().join(), Ok(1));
}

fn a_panic_before_a_fork_is_its_askers_error() {
    let panic = || std::panic::resume_unwind(Box::new("the clock does not stop"));
    let fork_server = ForkServerOptions::default().before_fork(panic).start().unwrap();
    let why = broken(Process::spawn(&fork_server, square, 3));
    assert!(why.contains("the clock does not stop"), "{why}");
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    let jobs: Vec<_> = (0..10).map(|x| pool.submit(square, x)).collect();
    for job in jobs {
        let why = broken(job.result());
        assert!(why.contains("the clock does not stop"), "{why}");
    }
}

fn a_panic_in_a_new_worker_is_its_death() {
    let panic = || std::panic::resume_unwind(Box::new("no seed"));
    let fork_server =
        ForkServerOptions::default().preforked(1).after_fork_in_child(panic).start().unwrap();
    let process = Process::spawn(&fork_server, square, 3).unwrap();
    assert_eq!(death(process.join()), Death::Code(101));
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    let why = broken(pool.call(square, 3));
    assert!(why.contains("exit code 101") && why.contains("hooks"), "{why}");
    let counts = pool.counts();
    pool.shutdown(true, false);
    assert_eq!((counts.broken, counts.submitted), (1, 1));
}

/// What a worker has of its parent's is not its own: neither to use, nor to drop.
fn a_panic_in_a_new_worker_drops_nothing() {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            note("dropped");
        }
    }
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("and again"));
        }
    }
    let guard = Guard;
    let panic = move || {
        let _stays = &guard;
        std::panic::resume_unwind(Box::new(Bomb));
    };
    let fork_server = ForkServerOptions::default().after_fork_in_child(panic).start().unwrap();
    let process = Process::spawn(&fork_server, square, 3).unwrap();
    let pid = process.pid();
    assert_eq!(death(process.join()), Death::Code(101));
    let notes = fs::read_to_string(log()).unwrap();
    assert!(!notes.contains(&format!("{pid} ")), "{notes}");
    fs::remove_file(log()).unwrap();
}

/// A fork server whose hook waits, from so many forks on, until there is the file.
fn slow_fork_server(quick_forks: usize) -> (ForkServer, PathBuf) {
    let go = std::env::temp_dir().join(format!("singletrack-slow-hook-{}", std::process::id()));
    let awaited = go.clone();
    let mut forks = 0;
    let wait = move || {
        forks += 1;
        while forks > quick_forks && !awaited.exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    (ForkServerOptions::default().before_fork(wait).start().unwrap(), go)
}

fn a_slow_hook_holds_up_no_answer_and_no_limit() {
    let (fork_server, go) = slow_fork_server(3);
    let pool = ProcessPool::new(&fork_server, 3).unwrap();
    eventually("three are there", || pool.worker_pids().len() == 3);
    let limit = Duration::from_millis(100);
    let limited = pool.submit_within(limit, nap, 60_000);
    let lost = pool.submit(end_if, (0, Some(End::Exit(3))));
    assert_eq!(death(lost.result()), Death::Code(3));
    assert_eq!(pool.submit(nap, 20).result(), Ok(20));
    assert_eq!(limited.result(), Err(JobError::TimedOut(limit)));
    assert!(pool.worker_pids().len() < 3, "the hook is over");
    fs::write(&go, "").unwrap();
    eventually("three are there again", || pool.worker_pids().len() == 3);
    drop(pool);
    fs::remove_file(go).unwrap();
}

/// One thread waits for a fork that lasts, one is in a callback that lasts: a third must lead.
fn a_slow_hook_and_a_slow_callback_hold_up_no_answer() {
    let (fork_server, go) = slow_fork_server(1);
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let begun = tell.clone();
    pool.submit(square, 3).add_done_callback(move || {
        begun.send("the slow one has begun").unwrap();
        held.recv().unwrap();
    });
    assert_eq!(told.recv(), Ok("the slow one has begun"));
    pool.submit(square, 4).add_done_callback(move || tell.send("the next is done").unwrap());
    assert_eq!(told.recv(), Ok("the next is done"));
    assert_eq!(pool.worker_pids().len(), 1, "the hook is over");
    fs::write(&go, "").unwrap();
    // If nobody had led, the answer would have come when the fork server was given up.
    eventually("the second is there", || pool.worker_pids().len() == 2);
    hold.send(()).unwrap();
    drop(pool);
    fs::remove_file(go).unwrap();
}

fn a_panic_after_a_fork_harms_nobody() {
    let panic = || std::panic::resume_unwind(Box::new("never mind"));
    let fork_server = ForkServerOptions::default().after_fork_in_parent(panic).start().unwrap();
    assert_eq!(ProcessPool::new(&fork_server, 2).unwrap().call(square, 3), Ok(9));
}

fn a_hook_that_starts_a_thread_is_told() {
    let start = || {
        let thread = std::thread::Builder::new().name("the-culprit".to_owned());
        drop(thread.spawn(|| std::thread::sleep(Duration::from_secs(100))).unwrap());
    };
    let fork_server = ForkServerOptions::default().before_fork(start).start().unwrap();
    let why = broken(Process::spawn(&fork_server, square, 3));
    assert!(why.contains("the-culprit"), "{why}");
}

// ---- fork servers in workers ----

/// Starts a fork_server, and itself in it, as often as it may; tells how often that was.
/// A daemon closes what connects it with a terminal. If a pipe got such a number, every worker
/// would keep it open, and `eprintln!` would write into it.
fn closed_standard_streams_are_no_pipes() {
    // SAFETY: the call takes numbers; nobody here reads or writes these streams meanwhile.
    assert_eq!(unsafe { libc::close_range(0, 2, 0) }, 0);
    let fork_server = ForkServerOptions::default().preforked(1).start().unwrap();
    eventually_so_many(&fork_server, 1);
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    for descriptors in [descriptors(), pool.call(my_descriptors, 0).unwrap()] {
        for fd in 0..3 {
            assert!(descriptors.contains(&format!("{fd} -> /dev/null")), "{descriptors:?}");
        }
    }
    assert_eq!(pool.call(my_descriptors, 0).unwrap().len(), 5);
}

fn a_stdout_that_nobody_reads_is_no_obstacle() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    // SAFETY: the call takes two descriptors, of which one is borrowed and the other nobody's.
    assert_eq!(unsafe { libc::dup2(writer.as_raw_fd(), 1) }, 1);
    print!("this waits for the end of its line");
    let fork_server = ForkServer::start().unwrap();
    assert_eq!(Process::spawn(&fork_server, square, 3).unwrap().join(), Ok(9));
}

/// What comes from a terminal, or from a supervisor that ends a service, is sent to all. A program
/// that goes on still has its fork_server; a worker does what it would do anywhere, and ends.
fn a_signal_to_the_group_does_not_end_the_fork_server() {
    // SAFETY: the call takes nothing; from here on the group is ours alone.
    assert_eq!(unsafe { libc::setpgid(0, 0) }, 0);
    let fork_server = ForkServer::start().unwrap();
    for number in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM] {
        let worker = Process::spawn(&fork_server, sleep_for_ever, ()).unwrap();
        // SAFETY: SIG_IGN is always a valid handler; 0 is the group that was made above.
        unsafe {
            libc::signal(number, libc::SIG_IGN);
            assert_eq!(libc::kill(0, number), 0);
        }
        assert_eq!(death(worker.join()), Death::Signal(number));
        assert_eq!(Process::spawn(&fork_server, square, 3).unwrap().join(), Ok(9));
    }
}

/// Who ignores SIGCHLD has no zombies, and nothing to wait for. Here the fork server's children are
/// the fork server's.
fn an_ignored_sigchld_changes_nothing() {
    // SAFETY: SIG_IGN is always a valid handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let fork_server = ForkServer::start().unwrap();
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    assert_eq!(pool.call(square, 3), Ok(9));
    assert_eq!(death(pool.call(end_if, (0, Some(End::Exit(3))))), Death::Code(3));
    let process = Process::spawn(&fork_server, end_if, (0, Some(End::Segv))).unwrap();
    assert_eq!(death(process.join()), Death::Signal(libc::SIGSEGV));
}

fn descend(_: ()) -> Result<u32, String> {
    match ForkServer::start() {
        Ok(fork_server) => {
            let below = Process::spawn(&fork_server, descend, ()).unwrap().join();
            below.unwrap().map(|depth| depth + 1)
        }
        Err(ForkServerError::TooDeep(depth)) if depth == MAX_DEPTH => Ok(0),
        Err(other) => Err(other.to_string()),
    }
}

/// Shows X17.
fn fork_servers_in_fork_servers_have_an_end() {
    assert_eq!(descend(()), Ok(MAX_DEPTH));
}

// ---- what the system refuses ----

/// From now on every fork of this process fails with `errno`.
fn refuse_forks(errno: i32) {
    let op = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let number = |syscall: libc::c_long, jt: u8| {
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, jt, 0, syscall as u32)
    };
    let give = |k: u32| op(libc::BPF_RET | libc::BPF_K, 0, 0, k);
    let mut filter = [
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0), // the number of the call
        number(libc::SYS_clone, 2),
        number(libc::SYS_clone3, 1),
        give(libc::SECCOMP_RET_ALLOW),
        give(libc::SECCOMP_RET_ERRNO | errno as u32),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: both calls take numbers and a pointer to a program that outlives them.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let mode = libc::SECCOMP_MODE_FILTER as libc::c_ulong;
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program), 0);
    }
}

/// Sets a soft limit of a process (0: this one); gives what it was.
fn limit(pid: u32, resource: libc::__rlimit_resource_t, to: u64) -> u64 {
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointers are null or to locals that outlive the calls.
    unsafe {
        assert_eq!(libc::prlimit(pid as i32, resource, std::ptr::null(), &mut old), 0);
        let new = libc::rlimit { rlim_cur: to.min(old.rlim_max), ..old };
        assert_eq!(libc::prlimit(pid as i32, resource, &new, std::ptr::null_mut()), 0);
    }
    old.rlim_cur
}

fn a_fork_server_that_cannot_be_forked() {
    refuse_forks(libc::EAGAIN);
    match ForkServer::start() {
        Err(error @ ForkServerError::Os(_)) => assert!(error.to_string().contains("ulimit -u")),
        other => panic!("{other:?}"),
    }
}

fn no_memory_for_a_fork_is_told() {
    let mut forks = 0;
    let fork_server = ForkServerOptions::default().before_fork(move || {
        forks += 1;
        if forks == 3 {
            refuse_forks(libc::ENOMEM);
        }
    });
    let fork_server = fork_server.start().unwrap();
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    assert!((0..100).all(|x| pool.call(square, x) == Ok(x * x)));
    eventually("both are there", || pool.worker_pids().len() == 2);
    assert_eq!(death(pool.call(end_if, (0, Some(End::Kill)))), KILLED);
    // One is left, and does it all; the other is tried for again and again.
    let jobs: Vec<_> = (0..100).map(|x| pool.submit(square, x)).collect();
    assert!(jobs.into_iter().zip(0..).all(|(job, x)| job.result() == Ok(x * x)));
    assert_eq!(pool.worker_pids().len(), 1);
    let queued = pool.submit(sleep_for_ever, ());
    eventually("it runs", || queued.running());
    let jobs: Vec<_> = (0..100).map(|x| pool.submit(square, x)).collect();
    signal(pool.worker_pids()[0], libc::SIGKILL);
    assert_eq!(death(queued.result()), KILLED);
    for job in jobs {
        let why = broken(job.result());
        assert!(why.contains("Cannot allocate memory") && why.contains("fewer workers"), "{why}");
    }
    let counts = pool.counts();
    assert_eq!(counts.submitted, counts.resolved());
}

fn no_process_to_be_had_breaks_the_pool() {
    let fork_server = ForkServer::start().unwrap();
    limit(fork_server.pid(), libc::RLIMIT_NPROC, 0);
    let why = broken(Process::spawn(&fork_server, square, 3));
    assert!(why.contains("temporarily unavailable") && why.contains("ulimit -u"), "{why}");
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    let jobs: Vec<_> = (0..10).map(|x| pool.submit(square, x)).collect();
    for why in jobs.into_iter().map(|job| broken(job.result())) {
        assert!(why.contains("temporarily unavailable") && why.contains("ulimit -u"), "{why}");
    }
    broken(pool.call(square, 3));
}

fn a_pool_outlives_a_lack_of_processes() {
    let fork_server = ForkServer::start().unwrap();
    let pool = ProcessPool::new(&fork_server, 2).unwrap();
    eventually("both are there", || pool.worker_pids().len() == 2);
    assert_eq!(pool.call(square, 3), Ok(9));
    let processes = limit(fork_server.pid(), libc::RLIMIT_NPROC, 0);
    assert_eq!(death(pool.call(end_if, (0, Some(End::Kill)))), KILLED);
    let jobs: Vec<_> = (0..100).map(|x| pool.submit(square, x)).collect();
    assert!(jobs.into_iter().all(|job| job.result().is_ok()), "one worker does it all");
    assert_eq!(pool.worker_pids().len(), 1);
    assert_eq!(death(pool.call(end_if, (0, Some(End::Kill)))), KILLED);
    let waiting: Vec<Future<u64>> = (0..100).map(|x| pool.submit(square, x)).collect();
    eventually("nobody is left", || pool.worker_pids().is_empty());
    limit(fork_server.pid(), libc::RLIMIT_NPROC, processes);
    assert!(waiting.into_iter().all(|job| job.result().is_ok()), "and then there are some again");
    eventually("both are there", || pool.worker_pids().len() == 2);
}

fn a_fork_server_without_descriptors_heals() {
    let fork_server = ForkServerOptions::default().preforked(1).start().unwrap();
    eventually_so_many(&fork_server, 1);
    let pool = ProcessPool::new(&fork_server, 1).unwrap();
    assert_eq!(pool.call(square, 3), Ok(9));
    eventually_so_many(&fork_server, 2);
    let descriptors = limit(fork_server.pid(), libc::RLIMIT_NOFILE, 3);
    // The preforked worker needs none any more.
    assert_eq!(death(pool.call(end_if, (0, Some(End::Kill)))), KILLED);
    assert_eq!(pool.call(square, 3), Ok(9));
    let why = broken(Process::spawn(&fork_server, square, 3));
    assert!(why.contains("Too many open files") && why.contains("ulimit -n"), "{why}");
    assert_eq!(death(pool.call(end_if, (0, Some(End::Kill)))), KILLED);
    let waiting = pool.submit(square, 4);
    assert!(!waiting.wait(Some(Duration::from_millis(50))));
    limit(fork_server.pid(), libc::RLIMIT_NOFILE, descriptors);
    assert_eq!(waiting.result(), Ok(16));
}

/// Leaves this process so many unused descriptors; gives the limit that was.
fn leave_descriptors(count: usize) -> u64 {
    // SAFETY: this command of `fcntl` takes nothing and only looks.
    let is_open = |fd: i32| unsafe { libc::fcntl(fd, libc::F_GETFD) } != -1;
    let end = (3..).filter(|fd| !is_open(*fd)).nth(count).unwrap();
    limit(0, libc::RLIMIT_NOFILE, end as u64)
}

/// Nothing refuses a pool its selector once it has it; so here it is taken away.
fn a_pool_that_fails_leaves_nothing() {
    let fork_server = ForkServer::start().unwrap();
    let pool = ProcessPool::new(&fork_server, 3).unwrap();
    eventually("three are there", || pool.worker_pids().len() == 3);
    let hung = pool.submit(nap, 60_000);
    let is_selector = |fd: &i32| {
        let file = fs::read_link(format!("/proc/self/fd/{fd}"));
        file.is_ok_and(|file| file.to_string_lossy().contains("eventpoll"))
    };
    let null = fs::File::open("/dev/null").unwrap();
    for fd in (3..100).filter(is_selector) {
        // SAFETY: the number stays open, and is that of a file, of which no selector can be made.
        assert_eq!(unsafe { libc::dup2(null.as_raw_fd(), fd) }, fd);
    }
    // The pool waits for an event at the one that it had; then it asks for more.
    let answered = pool.submit(square, 3);
    let why = broken(hung.result());
    assert!(answered.done());
    assert!(why.contains("supervisor thread failed"), "{why}");
    drop(pool);
    assert_eq!(brood(&fork_server), [0; 0], "they live on, or are still to be reaped");
}

fn a_program_without_descriptors_heals() {
    let fork_server = ForkServer::start().unwrap();
    let pool = ProcessPool::new(&fork_server, 1).unwrap();
    assert_eq!(pool.call(square, 3), Ok(9));
    // A new worker comes with three descriptors; all, or some, or none find room.
    for room in 0..3 {
        let descriptors = leave_descriptors(room);
        let why = broken(Process::spawn(&fork_server, square, 3));
        assert!(why.contains("Too many open files") && why.contains("ulimit -n"), "{why}");
        limit(0, libc::RLIMIT_NOFILE, descriptors);
        assert_eq!(pool.call(square, 3), Ok(9));
    }
    let descriptors = leave_descriptors(0);
    assert!(ProcessPool::new(&fork_server, 1).is_err());
    assert!(pipe::<u64>().is_err());
    limit(0, libc::RLIMIT_NOFILE, descriptors);
    let descriptors = limit(0, libc::RLIMIT_NOFILE, 3);
    assert_eq!(death(pool.call(end_if, (0, Some(End::Kill)))), KILLED);
    let waiting = pool.submit(square, 4);
    assert!(!waiting.wait(Some(Duration::from_millis(50))), "a new worker cannot be received");
    limit(0, libc::RLIMIT_NOFILE, descriptors);
    assert_eq!(waiting.result(), Ok(16));
    let counts = pool.counts();
    assert_eq!(counts.submitted, counts.resolved());
}
