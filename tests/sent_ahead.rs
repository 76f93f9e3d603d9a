//! Jobs that were sent ahead and have not begun: they can be cancelled, and go where they can begin.

#[path = "process_pool/jobs.rs"]
#[allow(dead_code)]
mod jobs;
#[path = "process_pool/runner.rs"]
#[allow(dead_code)]
mod runner;

use jobs::*;
use runner::{Test, eventually};
use singletrack::futures::{Future, JobError};
use singletrack::process::{ForkServer, JobOptions, MapOptions, Pool, ProcessPool};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const TESTS: &[Test<ForkServer>] = &[
    (
        "jobs_behind_a_long_one_are_done_by_idle_workers",
        jobs_behind_a_long_one_are_done_by_idle_workers,
    ),
    ("a_job_may_wait_for_those_behind_it", a_job_may_wait_for_those_behind_it),
    (
        "a_closed_pool_gives_jobs_behind_a_long_one_to_idle_workers",
        a_closed_pool_gives_jobs_behind_a_long_one_to_idle_workers,
    ),
    (
        "a_job_runs_when_it_has_begun_and_can_be_cancelled_until_then",
        a_job_runs_when_it_has_begun_and_can_be_cancelled_until_then,
    ),
    (
        "a_shutdown_that_cancels_waits_for_running_jobs_only",
        a_shutdown_that_cancels_waits_for_running_jobs_only,
    ),
    ("a_map_can_be_cancelled_until_it_begins", a_map_can_be_cancelled_until_it_begins),
    ("a_dropped_imap_begins_no_more", a_dropped_imap_begins_no_more),
    ("a_job_whose_frame_is_written_in_part", a_job_whose_frame_is_written_in_part),
    ("a_killed_worker_loses_only_what_it_had_begun", a_killed_worker_loses_only_what_it_had_begun),
    (
        "a_job_that_is_to_be_run_again_has_begun_and_cannot_be_cancelled",
        a_job_that_is_to_be_run_again_has_begun_and_cannot_be_cancelled,
    ),
];

fn main() {
    runner::run_with_fork_server(TESTS);
}

/// A file that does not exist yet: jobs wait for it, or make it.
struct Gate(PathBuf);

impl Gate {
    fn new() -> Gate {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Gate(std::env::temp_dir().join(format!("gate-{}-{number}", std::process::id())))
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }

    fn open(&self) {
        std::fs::write(&self.0, "").unwrap();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn wait_for(paths: Vec<String>) {
    eventually("the gates are open", || paths.iter().all(|path| Path::new(path).exists()));
}

/// Opens the first gate, and waits for the second.
fn tell_and_wait([tells, waits]: [String; 2]) {
    count(tells);
    wait_for(vec![waits]);
}

/// One more byte in a file: so its length is how often this ran.
fn count(path: String) {
    use std::io::Write as _;
    let file = std::fs::File::options().create(true).append(true).open(path);
    file.unwrap().write_all(b"x").unwrap();
}

/// A pool whose workers have shown that they are quick, so that they are sent ahead.
fn quick_pool(fork_server: &ForkServer, workers: usize) -> Pool {
    let pool = Pool::new(fork_server, workers).unwrap();
    be_quick(&pool);
    pool
}

fn be_quick(pool: &Pool) {
    let options = MapOptions::default().chunksize(1);
    assert!(pool.map_with(options, square, 0..2000).result().is_ok());
}

/// Each worker is at a job until its gate is opened, and has another one ahead. (On a busy machine a
/// worker may not seem quick, and has none ahead: then all are, once more, until they do.)
fn busy(pool: &Pool) -> (Vec<Gate>, Vec<Future<()>>, Vec<Future<()>>) {
    let executor = pool.executor();
    for _ in 0..1000 {
        let gates: Vec<Gate> = (0..executor.workers()).map(|_| Gate::new()).collect();
        let job = |gate: &Gate| executor.submit(wait_for, vec![gate.path()]);
        let jobs: Vec<_> = gates.iter().map(job).collect();
        let ahead: Vec<_> = gates.iter().map(|_| executor.submit(wait_for, vec![])).collect();
        if executor.worker_stats().iter().all(|stats| stats.held == 2) {
            return (gates, jobs, ahead);
        }
        gates.iter().for_each(Gate::open);
        assert!(jobs.into_iter().chain(ahead).all(|job| job.result() == Ok(())));
        be_quick(pool);
    }
    panic!("the workers are never sent ahead");
}

fn jobs_behind_a_long_one_are_done_by_idle_workers(fork_server: &ForkServer) {
    let pool = quick_pool(fork_server, 3);
    let (gates, jobs, ahead) = busy(&pool);
    gates[2].open();
    // One worker has nothing to do any more: it does what lies ahead at the two others.
    for future in ahead {
        assert_eq!(future.result(), Ok(()));
    }
    assert_eq!(jobs.iter().filter(|job| job.done()).count(), 1);
    let held: Vec<_> = pool.executor().worker_stats().iter().map(|stats| stats.held).collect();
    assert_eq!(held.iter().sum::<usize>(), 2);
    gates.iter().for_each(Gate::open);
    assert!(jobs.into_iter().all(|job| job.result() == Ok(())));
}

fn a_job_may_wait_for_those_behind_it(fork_server: &ForkServer) {
    let pool = quick_pool(fork_server, 3);
    let pool = pool.executor();
    for _ in 0..3 {
        let marks: Vec<Gate> = (0..3).map(|_| Gate::new()).collect();
        let waits = pool.submit(wait_for, marks.iter().map(Gate::path).collect());
        let others: Vec<_> = (0..2).map(|_| pool.submit(nap, 50)).collect();
        let makes: Vec<_> = marks.iter().map(|mark| pool.submit(count, mark.path())).collect();
        assert_eq!(waits.result(), Ok(()));
        assert!(makes.into_iter().all(|job| job.result() == Ok(())));
        assert!(others.into_iter().all(|job| job.result() == Ok(50)));
        // They are quick, for the next round.
        (0..300).for_each(|x| assert_eq!(pool.submit(square, x).result(), Ok(x * x)));
    }
}

fn a_closed_pool_gives_jobs_behind_a_long_one_to_idle_workers(fork_server: &ForkServer) {
    let pool = quick_pool(fork_server, 2);
    let (gates, jobs, ahead) = busy(&pool);
    pool.close();
    gates[1].open();
    assert!(ahead.into_iter().all(|job| job.result() == Ok(())));
    gates[0].open();
    assert!(jobs.into_iter().all(|job| job.result() == Ok(())));
    pool.join();
}

fn a_job_runs_when_it_has_begun_and_can_be_cancelled_until_then(fork_server: &ForkServer) {
    let pool = quick_pool(fork_server, 2);
    let executor = pool.executor();
    let (gates, ran) = ([Gate::new(), Gate::new()], Gate::new());
    let few: Vec<_> = (0..2000).map(|_| executor.submit(count, ran.path())).collect();
    let long = gates.each_ref().map(|gate| executor.submit(wait_for, vec![gate.path()]));
    let many: Vec<_> = (0..2000).map(|_| executor.submit(count, ran.path())).collect();
    eventually("both are at the long jobs", || long.iter().all(Future::running));
    let running = many.iter().filter(|job| job.running()).count();
    assert_eq!(running, 0, "a future runs whose job has not begun");
    let refused = many.iter().filter(|job| !job.done() && !job.cancel()).count();
    assert_eq!(refused, 0, "jobs that have not begun cannot be cancelled");
    assert!(long.iter().all(|job| !job.cancel()), "those that run cannot");
    gates.iter().for_each(Gate::open);
    assert!(long.into_iter().all(|job| job.result() == Ok(())));
    let did = few.into_iter().chain(many).filter(|job| !job.cancelled());
    let did = did.map(|job| assert_eq!(job.result(), Ok(()))).count();
    assert_eq!(executor.submit(square, 3).result(), Ok(9));
    assert_eq!(std::fs::metadata(&ran.0).unwrap().len(), did as u64, "a cancelled one ran");
    let counts = executor.counts();
    assert_eq!((counts.submitted, counts.lost), (counts.resolved(), 0));
}

fn a_shutdown_that_cancels_waits_for_running_jobs_only(fork_server: &ForkServer) {
    let pool = quick_pool(fork_server, 2);
    let (gates, jobs, ahead) = busy(&pool);
    eventually("they run", || jobs.iter().all(Future::running));
    pool.executor().shutdown(false, true);
    assert!(ahead.iter().all(Future::done), "a job that has not begun is not cancelled");
    assert!(ahead.into_iter().all(|job| job.result() == Err(JobError::Cancelled)));
    assert!(jobs.iter().all(Future::running), "those that run are not interrupted");
    gates.iter().for_each(Gate::open);
    assert!(jobs.into_iter().all(|job| job.result() == Ok(())));
    pool.join();
}

fn a_map_can_be_cancelled_until_it_begins(fork_server: &ForkServer) {
    let pool = quick_pool(fork_server, 1);
    let options = MapOptions::default().chunksize(1);
    let mut were_ahead = 0;
    for _ in 0..20 {
        let gate = Gate::new();
        let job = pool.apply_async(wait_for, vec![gate.path()]);
        let map = pool.map_with(options, |x: u64| -> u64 { panic!("{x}") }, 0..10);
        were_ahead += usize::from(pool.executor().worker_stats()[0].held > 1);
        assert!(!map.running());
        assert!(map.cancel());
        assert_eq!(map.result(), Err(JobError::Cancelled));
        gate.open();
        assert_eq!(job.result(), Ok(()));
        be_quick(&pool);
    }
    assert!(were_ahead > 0, "none of it was ever sent ahead");
    let other = Gate::new();
    let map = pool.map_with(options, wait_for, [vec![other.path()], vec![other.path()]]);
    eventually("it runs", || map.running());
    assert!(!map.cancel(), "its first chunk has begun");
    other.open();
    assert_eq!(map.result(), Ok(vec![(), ()]));
}

fn a_dropped_imap_begins_no_more(fork_server: &ForkServer) {
    let pool = quick_pool(fork_server, 1);
    let (gate, ran) = (Gate::new(), Gate::new());
    let job = pool.apply_async(wait_for, vec![gate.path()]);
    eventually("it runs", || job.running());
    let mut results = pool.imap(count, vec![ran.path(); 5]);
    let soon = Instant::now() + Duration::from_millis(1);
    assert!(results.next_before(soon).is_err());
    drop(results);
    gate.open();
    assert_eq!((job.result(), pool.apply(square, 4)), (Ok(()), Ok(16)));
    assert!(!ran.0.exists(), "an item of it was begun");
}

fn a_job_whose_frame_is_written_in_part(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let pid = pool.submit(my_pid, ()).result().unwrap() as u32;
    signal(pid, libc::SIGSTOP);
    // Stopped, it reads nothing, so the frame cannot be written whole.
    let big = pool.submit(length, "x".repeat(8 << 20));
    assert_eq!(pool.worker_stats()[0].held, 1);
    assert!(!big.running() && big.cancel(), "it cannot have begun");
    assert_eq!(pool.worker_stats()[0].held, 0);
    let next = pool.submit(square, 5);
    signal(pid, libc::SIGCONT);
    assert_eq!(next.result(), Ok(25), "the rest of the frame is written before it");
    assert_eq!(big.result(), Err(JobError::Cancelled));
    assert_eq!(pool.worker_pids(), [pid]);
}

fn a_killed_worker_loses_only_what_it_had_begun(fork_server: &ForkServer) {
    let pool = quick_pool(fork_server, 1);
    let pool = pool.executor();
    let pid = pool.worker_pids()[0];
    signal(pid, libc::SIGSTOP);
    // It lies in the pipe of a worker that is stopped before it can begin it.
    let whole = pool.submit(square, 6);
    assert_eq!(pool.worker_stats()[0].held, 1);
    assert!(!whole.running());
    signal(pid, libc::SIGKILL);
    assert_eq!(whole.result(), Ok(36), "it had not begun");
    let twice = JobOptions::default().retries(1);
    let gate = Gate::new();
    let again = pool.submit_with(twice, wait_for, vec![gate.path()]).future;
    eventually("it runs", || again.running());
    signal(pool.worker_pids()[0], libc::SIGKILL);
    eventually("it is to be run again", || pool.counts().retried == 1);
    assert!(!again.cancel(), "it has begun once");
    gate.open();
    assert_eq!(again.result(), Ok(()));
}

/// Also if nobody has asked whether it runs, which would have settled that.
fn a_job_that_is_to_be_run_again_has_begun_and_cannot_be_cancelled(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let twice = JobOptions::default().retries(1);
    let (runs, gate) = (Gate::new(), Gate::new());
    let again = pool.submit_with(twice, tell_and_wait, [runs.path(), gate.path()]).future;
    eventually("it runs", || runs.0.exists());
    signal(pool.worker_pids()[0], libc::SIGKILL);
    // At once: before the next worker is there and begins it.
    let patience = Instant::now() + Duration::from_secs(20);
    while pool.counts().retried == 0 {
        assert!(Instant::now() < patience, "it is never to be run again");
        std::thread::yield_now();
    }
    assert!(!again.cancel());
    gate.open();
    assert_eq!(again.result(), Ok(()));
}
