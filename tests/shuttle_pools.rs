//! Futures, the thread pool and the supervision of processes under shuttle: more threads than loom
//! can take, and thousands of interleavings drawn by lot.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test --release --target-dir target/shuttle --test shuttle_pools`
//!
//! A failure prints a schedule, which `shuttle::replay` repeats.
#![cfg(shuttle)]

mod supervision;

use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::thread;
use singletrack::futures::Executor;
use singletrack::futures::JobError;
use singletrack::futures::ThreadPoolExecutor;
use singletrack::futures::{Future, promise};
use singletrack::futures::{ReturnWhen, as_completed, wait};
use std::cell::RefCell;
use std::sync::Arc;
use supervision::{Behaviour, End, Pool};

const SCHEDULES: usize = 2000;

// ---- futures ----

#[test]
fn four_futures_arrive_once_each_however_they_end() {
    let body = || {
        let (promises, futures): (Vec<_>, Vec<_>) = (0..4).map(|_| promise()).unzip();
        let threads: Vec<_> = promises
            .into_iter()
            .enumerate()
            .map(|(i, promise)| {
                thread::spawn(move || match i {
                    0 => drop(promise),
                    1 => promise.cancel(),
                    i => promise.set_result(i),
                })
            })
            .collect();
        let (done, rest) = wait(futures, ReturnWhen::FirstCompleted, None);
        assert!(!done.is_empty());
        let all = done.into_iter().chain(as_completed(rest, None).map(Result::unwrap));
        let mut values: Vec<_> = all.map(Future::result).collect();
        values.sort_by_key(|value| value.clone().unwrap_or(0));
        assert_eq!(values[2..], [Ok(2), Ok(3)]);
        assert_eq!(values[..2].iter().filter(|v| **v == Err(JobError::Cancelled)).count(), 1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    };
    shuttle::check_random(body, SCHEDULES);
}

// ---- the thread pool ----

/// Shows E6, E7.
#[test]
fn three_submitters_and_two_shutdowns_account_for_every_job() {
    let body = || {
        let pool = Arc::new(ThreadPoolExecutor::new(2).unwrap());
        let ran = Arc::new(AtomicUsize::new(0));
        let submitters: Vec<_> = (0..3)
            .map(|_| {
                let (pool, ran) = (Arc::clone(&pool), Arc::clone(&ran));
                thread::spawn(move || {
                    let jobs: Vec<_> = (0..2)
                        .map(|_| {
                            let ran = Arc::clone(&ran);
                            pool.submit_fn(move || ran.fetch_add(1, SeqCst))
                        })
                        .collect();
                    jobs.into_iter().map(Future::result).collect::<Vec<_>>()
                })
            })
            .collect();
        let enders: Vec<_> = [true, false]
            .map(|cancel| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || pool.shutdown(cancel, cancel))
            })
            .into();
        let ends: Vec<_> = submitters.into_iter().flat_map(|s| s.join().unwrap()).collect();
        enders.into_iter().for_each(|ender| ender.join().unwrap());
        pool.shutdown(true, false);
        assert_eq!(pool.workers(), 0);
        let refused =
            |e: &&Result<_, _>| matches!(e, Err(JobError::ShutDown | JobError::Cancelled));
        let (refused, all) = (ends.iter().filter(refused).count(), ends.len());
        assert_eq!((all, ran.load(SeqCst)), (6, 6 - refused));
    };
    shuttle::check_random(body, SCHEDULES);
}

shuttle::thread_local! {
    static LAST: RefCell<Option<Last>> = RefCell::new(None);
}

/// Counts the threads that are all but gone: whoever joins one goes on after that.
struct Last(Arc<AtomicUsize>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Shows E7.
#[test]
fn no_thread_is_left_when_a_shutdown_has_waited() {
    let body = || {
        let pool = Arc::new(ThreadPoolExecutor::new(2).unwrap());
        let (ran, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (submits, run, go) = (Arc::clone(&pool), Arc::clone(&ran), Arc::clone(&gone));
        let submitter = thread::spawn(move || {
            drop(submits.submit_fn(move || {
                run.fetch_add(1, SeqCst);
                LAST.with(|last| *last.borrow_mut() = Some(Last(go)));
            }));
        });
        let enders = [(); 2].map(|()| {
            let (pool, ran, gone) = (Arc::clone(&pool), Arc::clone(&ran), Arc::clone(&gone));
            thread::spawn(move || {
                pool.shutdown(true, false);
                assert_eq!(gone.load(SeqCst), ran.load(SeqCst));
            })
        });
        submitter.join().unwrap();
        enders.into_iter().for_each(|ender| ender.join().unwrap());
    };
    shuttle::check_random(body, SCHEDULES);
}

/// Shows E11.
#[test]
fn workers_that_wait_for_each_other_are_never_all_asleep() {
    let body = || {
        let pool = Arc::new(ThreadPoolExecutor::new(2).unwrap());
        let outer: Vec<_> = (0..3)
            .map(|i| {
                let inside = Arc::clone(&pool);
                pool.submit_fn(move || {
                    let jobs = [1, 2].map(|n| inside.submit_fn(move || n));
                    drop(inside);
                    match i % 2 {
                        0 => jobs.map(Future::result),
                        _ => {
                            let mut all = as_completed(jobs, None).map(|job| job.unwrap().result());
                            [all.next().unwrap(), all.next().unwrap()]
                        }
                    }
                })
            })
            .collect();
        for outer in outer {
            for inner in outer.result().unwrap() {
                assert!(matches!(inner, Ok(1 | 2) | Err(JobError::WouldDeadlock(_))), "{inner:?}");
            }
        }
        assert_eq!(pool.submit_fn(|| 7).result(), Ok(7), "the pool goes on");
    };
    shuttle::check_random(body, SCHEDULES);
}

// ---- the supervision of processes ----

fn plan(job: u64) -> Behaviour {
    match job % 4 {
        1 => Behaviour::DieFirst,
        2 => Behaviour::AnswerAndDie,
        _ => Behaviour::Answer,
    }
}

/// Shows X1.
#[test]
fn callers_submitters_and_dying_workers_lose_no_job() {
    let body = || {
        let (pool, supervisor) = Pool::start(2, plan);
        let threads: Vec<_> = [0, 10, 20]
            .map(|base| {
                let pool = pool.clone();
                thread::spawn(move || {
                    pool.submit(base);
                    for job in base + 1..base + 4 {
                        let end = pool.call(job);
                        // Others may be lost with a worker that dies after its answer, when
                        // they were sent ahead: that they had not begun cannot be known.
                        assert!(plan(job) != Behaviour::DieFirst || end == End::Lost, "job {job}");
                    }
                    pool.wait_for(base);
                })
            })
            .into();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let ends = pool.finish(supervisor);
        assert_eq!(ends.len(), 12);
        let (lost, answered): (Vec<_>, Vec<_>) =
            ends.iter().partition(|(_, end)| *end == End::Lost);
        assert!((3..=6).contains(&lost.len()), "one at most for each death: {ends:?}");
        assert!(answered.iter().all(|(_, end)| *end == End::Answered), "{ends:?}");
    };
    shuttle::check_random(body, SCHEDULES);
}

#[test]
fn workers_killed_at_any_moment_lose_only_what_they_ran() {
    let body = || {
        let (pool, supervisor) = Pool::start(2, |_| Behaviour::Answer);
        let killer = {
            let pool = pool.clone();
            thread::spawn(move || (0..3).for_each(|_| pool.kill_one()))
        };
        let caller = {
            let pool = pool.clone();
            thread::spawn(move || (10..14).for_each(|job| assert_ne!(pool.call(job), End::Other)))
        };
        (0..4).for_each(|job| pool.submit(job));
        killer.join().unwrap();
        caller.join().unwrap();
        let ends = pool.finish(supervisor);
        assert_eq!(ends.len(), 8);
        assert!(ends.iter().filter(|(_, end)| *end == End::Lost).count() <= 3, "{ends:?}");
        assert!(ends.iter().all(|(_, end)| *end != End::Other), "{ends:?}");
    };
    shuttle::check_random(body, SCHEDULES);
}
