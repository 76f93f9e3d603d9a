//! Every interleaving, with a few preemptions, of a small thread pool: submitting, starting a thread,
//! searching, sleeping, waking, waiting for oneself, and shutting down. The pool is the one that ships; its
//! threads are loom's.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_threads`
//!
//! A model in which a worker sleeps while a job waits, or a thread is never joined, is a deadlock,
//! and loom says so.
#![cfg(loom)]

#[path = "common/loom.rs"]
mod bounded;

use bounded::model;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use singletrack::futures::{Executor, JobError, ThreadPoolExecutor, promise};
use singletrack::futures::{ReturnWhen, as_completed, wait};
use std::sync::Arc;

fn pool(max_workers: usize) -> ThreadPoolExecutor {
    ThreadPoolExecutor::new(max_workers).unwrap()
}

#[test]
fn a_job_submitted_while_the_worker_goes_to_sleep_is_run() {
    model(3, || {
        let pool = pool(1);
        let first = pool.submit_fn(|| 1);
        let second = pool.submit_fn(|| 2);
        assert_eq!((first.result(), second.result()), (Ok(1), Ok(2)));
        // The worker may be searching, asleep or on its way to either.
        assert_eq!(pool.submit_fn(|| 3).result(), Ok(3));
        assert_eq!(pool.workers(), 1);
    });
}

#[test]
fn dropping_the_pool_finishes_its_work() {
    model(2, || {
        let ran = Arc::new(AtomicUsize::new(0));
        let pool = pool(2);
        for _ in 0..2 {
            let ran = Arc::clone(&ran);
            drop(pool.submit_fn(move || ran.fetch_add(1, SeqCst)));
        }
        drop(pool);
        assert_eq!(ran.load(SeqCst), 2);
    });
}

/// Shows E2.
#[test]
fn a_cancel_and_a_worker_agree() {
    model(3, || {
        let ran = Arc::new(AtomicUsize::new(0));
        let pool = pool(1);
        let inner = Arc::clone(&ran);
        let future = pool.submit_fn(move || inner.fetch_add(1, SeqCst));
        let cancelled = future.cancel();
        let expected = if cancelled { Err(JobError::Cancelled) } else { Ok(0) };
        assert_eq!(future.result(), expected);
        pool.shutdown(true, false);
        assert_eq!(ran.load(SeqCst), usize::from(!cancelled), "cancelled means: never begun");
    });
}

/// Shows E2.
#[test]
fn two_cancels_and_a_worker_agree() {
    model(2, || {
        let pool = pool(1);
        let future = Arc::new(pool.submit_fn(|| 1));
        let other = Arc::clone(&future);
        let canceller = loom::thread::spawn(move || other.cancel());
        let here = future.cancel();
        let there = canceller.join().unwrap();
        pool.shutdown(true, false);
        let cancelled = future.cancelled();
        assert_eq!((here, there), (cancelled, cancelled), "no means: it has begun");
    });
}

#[test]
fn shutdown_with_cancel_runs_or_cancels_each_job() {
    model(3, || {
        let pool = pool(1);
        let futures = [pool.submit_fn(|| 1), pool.submit_fn(|| 2)];
        pool.shutdown(true, true);
        assert_eq!(pool.submit_fn(|| 3).result(), Err(JobError::ShutDown));
        for (future, value) in futures.into_iter().zip([1, 2]) {
            assert!(future.done());
            let result = future.result();
            assert!(result == Ok(value) || result == Err(JobError::Cancelled), "{result:?}");
        }
    });
}

#[test]
fn a_worker_that_waits_for_itself_gets_an_error() {
    model(3, || {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        let outer = pool.submit_fn(move || {
            let one = inside.submit_fn(|| 1);
            let many = [inside.submit_fn(|| 2)];
            drop(inside);
            let many = as_completed(many, None).next().unwrap().unwrap();
            [one.result(), many.result()]
        });
        for result in outer.result().unwrap() {
            assert!(matches!(result, Err(JobError::WouldDeadlock(_))), "{result:?}");
        }
    });
}

/// Only a true deadlock may be an error: here a promise outside the pool ends the wait.
#[test]
fn a_wait_that_ends_from_outside_is_no_deadlock() {
    model(2, || {
        let pool = Arc::new(pool(2));
        let (promise, outside) = promise();
        let inside = Arc::clone(&pool);
        let waits = pool.submit_fn(move || {
            let (mut done, _) = wait([outside], ReturnWhen::FirstCompleted, None);
            drop(inside);
            done.remove(0).result()
        });
        promise.set_result(7);
        assert_eq!(waits.result(), Ok(Ok(7)));
    });
}
