//! The fork server, the pool and single processes, with real forks and real kills.
//!
//! Most tests count as one of the scenarios 65-89 of the conformance list, or one of the
//! invariants X1-X17; the names say what must hold.

#[allow(dead_code)]
mod jobs;
#[allow(dead_code)]
mod runner;

use jobs::*;
use runner::{Test, eventually, is_alive};
use singletrack::futures::Executor;
use singletrack::futures::Future;
use singletrack::futures::JobError;
use singletrack::process::PoolError;
use singletrack::process::Process;
use singletrack::process::ProcessPool;
use singletrack::process::message::frame::MAX_FRAME;
use singletrack::process::message::segment::ROOM;
use singletrack::process::{ForkServer, ForkServerError};
use singletrack::sys::process::Death;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const TESTS: &[Test<ForkServer>] = &[
    ("map_keeps_the_order", map_keeps_the_order),
    ("ten_thousand_small_jobs", ten_thousand_small_jobs),
    ("a_panic_keeps_its_message_and_the_worker", a_panic_keeps_its_message_and_the_worker),
    ("a_death_fails_only_its_own_job", a_death_fails_only_its_own_job),
    ("worker_lost_names_pid_and_end", worker_lost_names_pid_and_end),
    ("pool_worker_sigkilled_is_replaced", pool_worker_sigkilled_is_replaced),
    ("an_idle_worker_killed_costs_no_job", an_idle_worker_killed_costs_no_job),
    ("many_kills_lose_no_job", many_kills_lose_no_job),
    ("workers_that_die_together_are_told_apart", workers_that_die_together_are_told_apart),
    ("a_mebibyte_both_ways_at_once", a_mebibyte_both_ways_at_once),
    (
        "long_values_lie_in_memory_that_is_bounded_and_given_back",
        long_values_lie_in_memory_that_is_bounded_and_given_back,
    ),
    (
        "a_worker_that_spoils_its_segment_harms_its_own_jobs_alone",
        a_worker_that_spoils_its_segment_harms_its_own_jobs_alone,
    ),
    ("an_answer_that_is_not_where_it_should_lie", an_answer_that_is_not_where_it_should_lie),
    ("crash_big_data_half_written", crash_big_data_half_written),
    ("memory_freed_by_one_job_serves_the_next", memory_freed_by_one_job_serves_the_next),
    ("what_exceeds_a_frame_is_refused", what_exceeds_a_frame_is_refused),
    ("unpicklable_result_fails_only_its_job", unpicklable_result_fails_only_its_job),
    ("queued_jobs_can_be_cancelled", queued_jobs_can_be_cancelled),
    ("shutdown_runs_what_is_queued", shutdown_runs_what_is_queued),
    ("shutdown_cancel_futures_keeps_the_running", shutdown_cancel_futures_keeps_the_running),
    ("shutdown_from_a_callback_does_not_deadlock", shutdown_from_a_callback_does_not_deadlock),
    (
        "gc_executor_dropping_the_pool_runs_what_is_queued",
        gc_executor_dropping_the_pool_runs_what_is_queued,
    ),
    ("a_time_limit_kills_a_hung_job", a_time_limit_kills_a_hung_job),
    ("a_time_limit_kills_a_stopped_worker", a_time_limit_kills_a_stopped_worker),
    ("whoever_sleeps_hears_of_new_wishes", whoever_sleeps_hears_of_new_wishes),
    (
        "a_stopped_idle_worker_does_not_hold_up_shutdown",
        a_stopped_idle_worker_does_not_hold_up_shutdown,
    ),
    ("max_tasks_per_child_uses_fresh_workers", max_tasks_per_child_uses_fresh_workers),
    ("a_forged_answer_breaks_the_protocol", a_forged_answer_breaks_the_protocol),
    ("an_answer_given_twice_costs_the_worker", an_answer_given_twice_costs_the_worker),
    ("garbage_breaks_the_protocol", garbage_breaks_the_protocol),
    (
        "a_flood_of_empty_frames_holds_up_no_other_worker",
        a_flood_of_empty_frames_holds_up_no_other_worker,
    ),
    ("a_flood_that_outlives_its_worker_is_not_read", a_flood_that_outlives_its_worker_is_not_read),
    ("a_worker_without_its_pipes_is_killed", a_worker_without_its_pipes_is_killed),
    ("state_from_before_the_fork_is_visible", state_from_before_the_fork_is_visible),
    ("a_worker_has_only_its_own_descriptors", a_worker_has_only_its_own_descriptors),
    ("a_worker_has_default_signals", a_worker_has_default_signals),
    (
        "an_interrupt_to_the_group_gives_every_job_a_verdict",
        an_interrupt_to_the_group_gives_every_job_a_verdict,
    ),
    ("pools_share_a_fork_server_from_many_threads", pools_share_a_fork_server_from_many_threads),
    ("a_pool_of_no_workers_is_refused", a_pool_of_no_workers_is_refused),
    (
        "a_fork_server_in_a_program_with_threads_is_refused_by_name",
        a_fork_server_in_a_program_with_threads_is_refused_by_name,
    ),
    ("without_a_fork_server_every_job_is_broken", without_a_fork_server_every_job_is_broken),
    ("no_worker_outlives_a_killed_parent", no_worker_outlives_a_killed_parent),
];

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("--be-a-parent") => return be_a_parent(),
        Some("--lose-the-fork-server") => return lose_the_fork_server(),
        _ => {}
    }
    // Workers will find this number: it was written before the fork server was forked.
    BEFORE_THE_FORK.store(1986, std::sync::atomic::Ordering::Relaxed);
    let fork_server = ForkServer::start().expect("one thread so far");
    BEFORE_THE_FORK.store(0, std::sync::atomic::Ordering::Relaxed);
    let code = runner::run(TESTS, &fork_server, fork_server.pid());
    drop(fork_server);
    std::process::exit(code);
}

fn pool(fork_server: &ForkServer, workers: usize) -> ProcessPool {
    ProcessPool::new(fork_server, workers).unwrap()
}

/// The pool works: every worker, and only for jobs submitted now.
fn assert_serves(pool: &ProcessPool) {
    let results: Result<Vec<u64>, _> = pool.map(square, 0..20).collect();
    assert_eq!(results, Ok((0..20).map(|x| x * x).collect()));
}

fn wait_until_running<T>(future: &Future<T>) {
    eventually("the job runs", || future.running() || future.done());
}

fn map_keeps_the_order(fork_server: &ForkServer) {
    let pool = pool(fork_server, 3);
    let naps = [30, 1, 20, 0, 10, 5];
    let results: Result<Vec<u64>, _> = pool.map(nap, naps).collect();
    assert_eq!(results, Ok(naps.to_vec()));
    assert_eq!(pool.map(square, []).count(), 0);
}

fn ten_thousand_small_jobs(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let results: Result<Vec<u64>, _> = pool.map(square, 0..10_000).collect();
    assert!(results.unwrap().into_iter().eq((0..10_000).map(|x| x * x)));
}

fn a_panic_keeps_its_message_and_the_worker(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let pid = pool.submit(my_pid, ()).result().unwrap();
    let result = pool.submit(panic_with, "seven is not eight".to_owned()).result();
    assert_eq!(result, Err(JobError::Panicked("seven is not eight".to_owned())));
    assert_eq!(pool.submit(my_pid, ()).result(), Ok(pid));
}

fn a_death_fails_only_its_own_job(fork_server: &ForkServer) {
    for end in [End::Exit(3), End::Kill, End::Segv, End::Abort] {
        let pool = pool(fork_server, 2);
        let futures: Vec<_> =
            (0..40).map(|i| pool.submit(end_if, (i, (i == 17).then_some(end)))).collect();
        for (i, future) in futures.into_iter().enumerate() {
            let result = future.result();
            if i == 17 {
                let (_, death, job) = lost(result);
                assert_eq!((death, job), (end.death(), 17));
            } else {
                assert_eq!(result, Ok(i as u64), "job {i} beside {end:?}");
            }
        }
        assert_serves(&pool);
        eventually("the dead one is replaced", || pool.worker_pids().len() == 2);
    }
}

fn worker_lost_names_pid_and_end(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    for (job, end) in [(1, End::Exit(3)), (3, End::Kill), (5, End::Segv), (7, End::Exit(0))] {
        let pid = pool.submit(my_pid, ()).result().unwrap() as u32;
        let result = pool.submit(end_if, (0, Some(end))).result();
        assert_eq!(lost(result), (pid, end.death(), job));
    }
}

fn pool_worker_sigkilled_is_replaced(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let sleeper = pool.submit(sleep_for_ever, ());
    wait_until_running(&sleeper);
    let sleeping = pool.worker_pids().into_iter().find(|pid| {
        // The other one serves; this one does not.
        let others: BTreeSet<u64> =
            (0..4).map(|_| pool.submit(my_pid, ()).result().unwrap()).collect();
        !others.contains(&u64::from(*pid))
    });
    let pid = sleeping.expect("one of two workers sleeps");
    signal(pid, libc::SIGKILL);
    assert_eq!(lost(sleeper.result()), (pid, Death::Signal(libc::SIGKILL), 0));
    assert_serves(&pool);
    assert!(!pool.worker_pids().contains(&pid));
}

/// Shows X3.
fn an_idle_worker_killed_costs_no_job(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    for _ in 0..20 {
        let pid = pool.submit(my_pid, ()).result().unwrap() as u32;
        signal(pid, libc::SIGKILL);
        eventually("it is replaced", || {
            let pids = pool.worker_pids();
            pids.len() == 1 && pids[0] != pid
        });
        assert_eq!(pool.submit(square, 4).result(), Ok(16));
    }
}

/// Shows X1, X4.
fn many_kills_lose_no_job(fork_server: &ForkServer) {
    let pool = pool(fork_server, 3);
    let jobs = 600;
    let futures: Vec<_> = (0..jobs).map(|i| pool.submit(nap_a_little, i)).collect();
    let mut kills = 0;
    while !futures.iter().all(Future::done) {
        if let Some(pid) = pool.worker_pids().first().filter(|_| kills < 40) {
            signal(*pid, libc::SIGKILL);
            kills += 1;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut failed = 0;
    for (i, future) in futures.into_iter().enumerate() {
        match future.result() {
            Ok(value) => assert_eq!(value, i as u64),
            Err(JobError::WorkerLost { death: Death::Signal(libc::SIGKILL), job, .. }) => {
                assert_eq!(job, i as u64);
                failed += 1;
            }
            Err(other) => panic!("job {i}: {other}"),
        }
    }
    assert!(kills > 5 && failed <= kills, "{kills} kills, {failed} jobs lost");
    assert_serves(&pool);
}

/// While the fork server is stopped, the first death waits for its answer, and the others become one
/// request.
fn workers_that_die_together_are_told_apart(fork_server: &ForkServer) {
    let pool = pool(fork_server, 3);
    let sleepers: Vec<_> = (0..3).map(|_| pool.submit(sleep_for_ever, ())).collect();
    sleepers.iter().for_each(wait_until_running);
    let signals = [libc::SIGKILL, libc::SIGTERM, libc::SIGUSR1];
    let killed: Vec<_> = pool.worker_pids().into_iter().zip(signals).collect();
    assert!(signal(fork_server.pid(), libc::SIGSTOP));
    for (pid, number) in &killed {
        assert!(signal(*pid, *number));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(signal(fork_server.pid(), libc::SIGCONT));
    for sleeper in sleepers {
        let (pid, death, _) = lost(sleeper.result());
        let number = killed.iter().find(|(killed, _)| *killed == pid).expect("one of three").1;
        assert_eq!(death, Death::Signal(number), "of {killed:?}, process {pid}");
    }
    assert_serves(&pool);
}

/// Shows X7.
fn a_mebibyte_both_ways_at_once(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    // The longer ones find no room beside the pipes.
    for (count, length) in [(16, 1 << 20), (6, ROOM + 1)].repeat(4) {
        let texts = || (0..count).map(|i| char::from(b'a' + i).to_string().repeat(length));
        // Who was quick is sent more than one: the next is on its way there while an answer is on its
        // way back.
        assert!(pool.map(square, 0..2000).all(|result| result.is_ok()));
        let results: Result<Vec<String>, _> = pool.map(echo, texts()).collect();
        assert!(results.unwrap().into_iter().eq(texts()));
    }
}

/// Of each segment that this process has mapped: how much of it is memory, in KiB.
fn segments() -> Vec<u64> {
    let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let lines = text.split("memfd:singletrack").skip(1);
    let resident = lines.map(|after| after.lines().find_map(|line| line.strip_prefix("Rss:")));
    let kib = |rss: &str| rss.trim().trim_end_matches(" kB").parse().unwrap();
    resident.map(|rss| kib(rss.unwrap())).collect()
}

/// Shows X7.
fn long_values_lie_in_memory_that_is_bounded_and_given_back(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    assert_serves(&pool);
    assert_eq!(segments(), [0, 0], "for short values they are no memory");
    // Some too long for it, and most of them not; with more on the way than it has room for.
    let lengths = || (0..60).map(|i| [70_000, 1 << 20, 3_000_000, 5 << 20][i % 4]);
    let texts = pool.map(echo, lengths().map(|length| "z".repeat(length)));
    assert!(texts.map(|text| text.unwrap().len()).eq(lengths()));
    let (most, used) = ((8 << 10) + 8, segments());
    assert!(used.iter().all(|kib| *kib <= most) && used.iter().sum::<u64>() > 2 << 10, "{used:?}");
    drop(pool);
    assert_eq!(segments(), [0; 0], "they are the workers'");
}

/// Shows X13.
fn a_worker_that_spoils_its_segment_harms_its_own_jobs_alone(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let text = "z".repeat(1 << 20);
    for _ in 0..4 {
        let spoilt = pool.submit(spoil_segment, text.clone());
        let others: Vec<_> = (0..6).map(|_| pool.submit(echo, text.clone())).collect();
        assert_eq!(spoilt.result(), Ok(1 << 20));
        for other in others {
            match other.result() {
                Ok(_) | Err(JobError::Codec(_)) => {} // bytes are bytes, and some are no text
                Err(other) => panic!("{other}"),
            }
        }
    }
    drop(pool);
    assert_serves(&self::pool(fork_server, 2));
}

/// Shows X13.
fn an_answer_that_is_not_where_it_should_lie(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    for place in [4 << 20, u64::MAX, 3] {
        match pool.submit(answer_from, place).result() {
            Err(JobError::Protocol(why)) => assert!(why.contains("beside the stream"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert_serves(&pool);
}

fn crash_big_data_half_written(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let pid = pool.submit(my_pid, ()).result().unwrap() as u32;
    signal(pid, libc::SIGSTOP);
    // Stopped, it reads nothing: the frame cannot be written whole, so the job cannot begin,
    // and goes to the next worker.
    let big = pool.submit(length, "x".repeat(8 << 20));
    assert_eq!((pool.worker_stats()[0].held, big.running()), (1, false));
    signal(pid, libc::SIGKILL);
    assert_eq!(big.result(), Ok(8 << 20));
}

/// A mebibyte is 256 pages. (That malloc keeps it is glibc's doing.)
fn memory_freed_by_one_job_serves_the_next(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let faults = || pool.submit(page_faults_of, 1 << 20).result().unwrap();
    let (first, then) = (faults(), faults());
    assert!(first >= 200, "the first time its pages must come from the kernel: {first}");
    assert!(cfg!(not(target_env = "gnu")) || then < 50, "and they stay: {then}");
}

fn what_exceeds_a_frame_is_refused(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    for result in [
        pool.submit(length, "x".repeat(MAX_FRAME)).result().map(drop),
        pool.submit(long_text, MAX_FRAME as u64).result().map(drop),
    ] {
        match result {
            Err(JobError::Codec(why)) => assert!(why.contains("limit"), "{why}"),
            other => panic!("not refused: {other:?}"),
        }
    }
    assert_serves(&pool);
}

fn unpicklable_result_fails_only_its_job(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let argument = pool.submit(take_thorny, Thorny::RefusesToEncode).result();
    assert!(matches!(argument, Err(JobError::Codec(_))), "{argument:?}");
    let decoding = pool.submit(take_thorny, Thorny::RefusesToDecode).result();
    assert!(matches!(decoding, Err(JobError::Codec(_))), "{decoding:?}");
    let panicking = pool.submit(take_thorny, Thorny::PanicsInDecode).result();
    assert!(matches!(panicking, Err(JobError::Panicked(_))), "{panicking:?}");
    for thorn in [1, 2, 3] {
        let result = pool.submit(give_thorny, thorn).result();
        assert!(matches!(result, Err(JobError::Codec(_) | JobError::Panicked(_))), "{thorn}");
    }
    assert_serves(&pool);
}

fn queued_jobs_can_be_cancelled(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let first = pool.submit(nap, 100);
    wait_until_running(&first);
    let queued: Vec<_> = (0..10).map(|i| pool.submit(square, i)).collect();
    assert!(!first.cancel(), "it runs");
    for future in queued.iter().step_by(2) {
        assert!(future.cancel(), "it does not run yet");
    }
    assert_eq!(first.result(), Ok(100));
    for (i, future) in queued.into_iter().enumerate() {
        let expected = if i % 2 == 0 { Err(JobError::Cancelled) } else { Ok((i * i) as u64) };
        assert_eq!(future.result(), expected);
    }
}

fn shutdown_runs_what_is_queued(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let futures: Vec<_> = (0..20).map(|i| pool.submit(nap_a_little, i)).collect();
    pool.shutdown(false, false);
    assert_eq!(pool.submit(square, 2).result(), Err(JobError::ShutDown));
    pool.shutdown(true, false);
    assert!(futures.iter().all(Future::done), "shutdown(wait) returned too early");
    let results: Result<Vec<u64>, _> = futures.into_iter().map(Future::result).collect();
    assert_eq!(results, Ok((0..20).collect()));
    assert!(pool.worker_pids().is_empty());
    assert_eq!(pool.submit(square, 2).result(), Err(JobError::ShutDown));
    pool.shutdown(true, true);
}

fn shutdown_cancel_futures_keeps_the_running(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let running = pool.submit(nap, 50);
    wait_until_running(&running);
    let queued: Vec<_> = (0..10).map(|i| pool.submit(square, i)).collect();
    pool.shutdown(true, true);
    assert_eq!(running.result(), Ok(50), "a running job is never interrupted");
    for future in queued {
        assert_eq!(future.result(), Err(JobError::Cancelled));
    }
}

fn shutdown_from_a_callback_does_not_deadlock(fork_server: &ForkServer) {
    let pool = std::sync::Arc::new(pool(fork_server, 1));
    let (tell, told) = mpsc::channel();
    let future = pool.submit(nap, 20);
    let again = std::sync::Arc::clone(&pool);
    future.add_done_callback(move || {
        again.shutdown(true, false);
        tell.send(()).unwrap();
    });
    pool.shutdown(true, false);
    told.recv().unwrap();
    // Wait for the callback's handle, so that the last one is dropped here.
    eventually("the callback is gone", || std::sync::Arc::strong_count(&pool) == 1);
}

fn gc_executor_dropping_the_pool_runs_what_is_queued(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let futures: Vec<_> = (0..20).map(|i| pool.submit(nap_a_little, i)).collect();
    drop(pool);
    assert!(futures.iter().all(Future::done));
    assert!(futures.into_iter().all(|future| future.result().is_ok()));
}

/// Shows X8.
fn a_time_limit_kills_a_hung_job(fork_server: &ForkServer) {
    let pool = ProcessPool::builder(fork_server).workers(2).start().unwrap();
    let limit = Duration::from_millis(30);
    let hung = pool.submit_within(limit, sleep_for_ever, ());
    let others: Vec<_> = (0..20).map(|i| pool.submit(nap_a_little, i)).collect();
    assert_eq!(hung.result(), Err(JobError::TimedOut(limit)));
    assert!(others.into_iter().all(|future| future.result().is_ok()));
    assert_eq!(pool.submit_within(Duration::from_secs(50), square, 3).result(), Ok(9));
    assert_serves(&pool);
    // The same by default for all jobs.
    let strict = ProcessPool::builder(fork_server).workers(1).time_limit(limit).start().unwrap();
    assert_eq!(strict.submit(sleep_for_ever, ()).result(), Err(JobError::TimedOut(limit)));
    assert_eq!(strict.submit(square, 3).result(), Ok(9));
}

/// The thread that watches an idle pool sleeps without a limit, and no thread waits for a result.
fn whoever_sleeps_hears_of_new_wishes(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    assert_serves(&pool);
    let goes_to_sleep = || std::thread::sleep(Duration::from_millis(50));
    goes_to_sleep();
    pool.resize(2).unwrap();
    eventually("it has two workers", || pool.worker_pids().len() == 2);
    assert_serves(&pool);
    goes_to_sleep();
    let (tell, told) = mpsc::channel();
    let limit = Duration::from_millis(30);
    let hung = pool.submit_within(limit, sleep_for_ever, ());
    hung.add_done_callback(move || tell.send(()).unwrap());
    told.recv_timeout(Duration::from_secs(20)).expect("nobody looks at the clock");
    assert_eq!(hung.result(), Err(JobError::TimedOut(limit)));
}

/// Shows X8.
fn a_time_limit_kills_a_stopped_worker(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let limit = Duration::from_millis(30);
    let stopped = pool.submit_within(limit, stop_myself, ());
    assert_eq!(stopped.result(), Err(JobError::TimedOut(limit)));
    assert_serves(&pool);
}

fn a_stopped_idle_worker_does_not_hold_up_shutdown(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let pid = pool.submit(my_pid, ()).result().unwrap() as u32;
    signal(pid, libc::SIGSTOP);
    pool.shutdown(true, false);
    assert!(!is_alive(pid));
}

fn max_tasks_per_child_uses_fresh_workers(fork_server: &ForkServer) {
    let pool = ProcessPool::builder(fork_server).workers(1).max_tasks_per_child(2).start().unwrap();
    let pids: Result<Vec<u64>, _> = pool.map(my_pid, vec![(); 10]).collect();
    let pids = pids.unwrap();
    assert!(pids.chunks(2).all(|pair| pair[0] == pair[1]), "{pids:?}");
    assert_eq!(pids.iter().collect::<BTreeSet<_>>().len(), 5, "{pids:?}");
}

fn a_forged_answer_breaks_the_protocol(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    match pool.submit(answer_for, 999).result() {
        Err(JobError::Protocol(why)) => assert!(why.contains("answered job 999"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_serves(&pool);
}

/// Shows W7.
fn an_answer_given_twice_costs_the_worker(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let pid = pool.submit(my_pid, ()).result().unwrap() as u32;
    // Job 1 answers itself, with a 1; then its worker answers for it, with a 0.
    assert_eq!(pool.submit(answer_for, 1).result(), Ok(1), "the first answer counts");
    eventually("its worker is replaced", || pool.worker_pids().iter().any(|new| *new != pid));
    assert_serves(&pool);
    assert_eq!(pool.counts().answered, 22, "each job once");
}

/// Shows X13.
fn garbage_breaks_the_protocol(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let pid = pool.submit(my_pid, ()).result().unwrap();
    match pool.submit(write_garbage, ()).result() {
        Err(JobError::Protocol(why)) => assert!(why.contains(&pid.to_string()), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_serves(&pool);
}

/// Shows W9.
fn a_flood_of_empty_frames_holds_up_no_other_worker(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let floods: Vec<_> = (0..4).map(|_| pool.submit(flood, ())).collect();
    assert_serves(&pool);
    for flood in floods {
        match flood.result() {
            Err(JobError::Protocol(why)) => assert!(why.contains("answered job"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert_serves(&pool);
}

/// Shows X13.
fn a_flood_that_outlives_its_worker_is_not_read(fork_server: &ForkServer) {
    for frames in [true, false] {
        let pool = pool(fork_server, 1);
        match pool.submit(leave_a_writer, frames).result() {
            Err(JobError::Protocol(_)) => {}
            other => panic!("{other:?}"),
        }
        assert_serves(&pool);
    }
}

fn a_worker_without_its_pipes_is_killed(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let (_, death, _) = lost(pool.submit(close_my_pipes, ()).result());
    assert_eq!(death, Death::Signal(libc::SIGKILL));
    assert_serves(&pool);
}

fn state_from_before_the_fork_is_visible(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    assert_eq!(pool.submit(read_state, ()).result(), Ok(1986));
    // What a worker changes is its own: the program's copy is not touched.
    assert_eq!(BEFORE_THE_FORK.load(std::sync::atomic::Ordering::Relaxed), 0);
}

/// Shows X5.
fn a_worker_has_only_its_own_descriptors(fork_server: &ForkServer) {
    // Opened after the fork server, and before: neither may be seen.
    let _file = std::fs::File::open("/dev/null").unwrap();
    let pool = pool(fork_server, 8);
    let results: Result<Vec<Vec<String>>, _> = pool.map(my_descriptors, [10; 24]).collect();
    for descriptors in results.unwrap() {
        let numbers: Vec<&str> = descriptors.iter().map(|d| d.split(' ').next().unwrap()).collect();
        assert_eq!(numbers.len(), 5, "{descriptors:?}");
        assert_eq!(numbers[..3], ["0", "1", "2"], "{descriptors:?}");
        assert!(descriptors[3..].iter().all(|d| d.ends_with("-> pipe")), "{descriptors:?}");
    }
}

/// Shows X16.
fn a_worker_has_default_signals(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let mut masks = pool.submit(my_signal_masks, ()).result().unwrap();
    // 32 and 33 belong to libc, which lets nobody touch them.
    masks.ignored &= !(0b11 << 31);
    let sigpipe = 1 << (libc::SIGPIPE - 1);
    assert_eq!(masks, SignalMasks { blocked: 0, ignored: sigpipe, caught: 0 });
}

/// Shows X16.
fn an_interrupt_to_the_group_gives_every_job_a_verdict(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let futures: Vec<_> = (0..40).map(|i| pool.submit(nap, 3 + i % 2)).collect();
    wait_until_running(&futures[0]);
    // As Ctrl-C does to all workers and the fork server; the program itself would catch it.
    signal(fork_server.pid(), libc::SIGINT);
    for pid in pool.worker_pids() {
        signal(pid, libc::SIGINT);
    }
    for future in futures {
        match future.result() {
            Ok(_) | Err(JobError::WorkerLost { death: Death::Signal(libc::SIGINT), .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_serves(&pool);
}

fn pools_share_a_fork_server_from_many_threads(fork_server: &ForkServer) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_serves(&pool(fork_server, 2)));
        }
    });
}

fn a_pool_of_no_workers_is_refused(fork_server: &ForkServer) {
    let why = |error: PoolError| error.to_string();
    assert!(matches!(ProcessPool::new(fork_server, 0), Err(PoolError::NoWorkers)));
    assert!(why(PoolError::NoWorkers).contains("0 workers"));
    let builder = ProcessPool::builder(fork_server).max_tasks_per_child(0);
    assert!(matches!(builder.start(), Err(PoolError::NoTasks)));
    assert!(why(PoolError::NoTasks).contains("max_tasks_per_child is 0"));
    let pool = pool(fork_server, 1);
    assert!(matches!(pool.resize(0), Err(PoolError::NoWorkers)));
    assert_eq!(pool.workers(), 1);
}

/// Shows X15.
fn a_fork_server_in_a_program_with_threads_is_refused_by_name(_: &ForkServer) {
    let (tell, told) = mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name("the-culprit".to_owned());
    let thread = thread.spawn(move || told.recv()).unwrap();
    match ForkServer::start() {
        Err(error @ ForkServerError::Threads(_)) => {
            let text = error.to_string();
            assert!(text.contains("the-culprit") && text.contains("first in main"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    drop(tell);
    let _ = thread.join();
}

fn without_a_fork_server_every_job_is_broken(_: &ForkServer) {
    let program = std::env::current_exe().unwrap();
    let status = Command::new(program).arg("--lose-the-fork-server").status().unwrap();
    assert!(status.success(), "{status}");
}

/// Run as a program of its own, because it kills its fork server.
fn lose_the_fork_server() {
    let fork_server = ForkServer::start().unwrap();
    let pool = pool(&fork_server, 2);
    assert_serves(&pool);
    let futures: Vec<_> = (0..10).map(|_| pool.submit(sleep_for_ever, ())).collect();
    // Not always the first two: the second may have been sent ahead, while one worker was there only.
    eventually("two run", || futures.iter().filter(|future| future.running()).count() == 2);
    signal(fork_server.pid(), libc::SIGKILL);
    let mut broken = 0;
    for future in futures {
        match future.result() {
            Err(JobError::WorkerLost { .. }) => {}
            Err(JobError::Broken(why)) => {
                assert!(why.contains("fork server"), "{why}");
                broken += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(broken >= 8, "two workers ran one job each at most; {broken} did not begin");
    assert!(matches!(pool.submit(square, 2).result(), Err(JobError::Broken(_))));
}

/// Run as a program of its own: starts workers, names them, and waits to be killed.
fn be_a_parent() {
    let fork_server = ForkServer::start().unwrap();
    let pool = ProcessPool::new(&fork_server, 3).unwrap();
    let _busy = pool.submit(sleep_for_ever, ());
    let _idle = pool.submit(my_pid, ()).result();
    eventually("all workers are there", || pool.worker_pids().len() == 3);
    let process = Process::spawn(&fork_server, sleep_for_ever, ()).unwrap();
    let pids = pool.worker_pids().into_iter().chain([fork_server.pid(), process.pid()]);
    println!("{}", pids.map(|pid| pid.to_string()).collect::<Vec<_>>().join(" "));
    std::thread::sleep(Duration::from_secs(60));
}

/// Shows X10.
fn no_worker_outlives_a_killed_parent(_: &ForkServer) {
    let program = std::env::current_exe().unwrap();
    let mut parent =
        Command::new(program).arg("--be-a-parent").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pids: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 5);
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    parent.kill().unwrap();
    parent.wait().unwrap();
    // Not a matter of speed, but what is promised: none is alive one second later.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(pids.iter().find(|pid| is_alive(**pid)), None);
}
