//! Every interleaving of the two halves of a future: a result, a cancel, a waiting thread and
//! a waiting task. Run with
//! `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_future`.
#![cfg(loom)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;
use singletrack::futures::{Future, JobError, ReturnWhen, as_completed, promise, wait};
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};

/// Counts calls. Loom's atomics, so that the count itself cannot hide a missing edge.
#[derive(Clone)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn new() -> Count {
        Count(Arc::new(AtomicUsize::new(0)))
    }

    fn up(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

struct CountingWaker(Count);

impl Wake for CountingWaker {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.up();
    }
}

fn poll<T>(future: &mut Future<T>, count: &Count) -> Poll<Result<T, JobError>> {
    let waker = Waker::from(std::sync::Arc::new(CountingWaker(count.clone())));
    std::future::Future::poll(Pin::new(future), &mut Context::from_waker(&waker))
}

#[test]
fn a_waiting_thread_always_sees_the_result() {
    loom::model(|| {
        let (p, f) = promise();
        let worker = thread::spawn(move || {
            assert!(p.set_running_or_notify_cancel());
            p.set_result(7);
        });
        assert_eq!(f.result(), Ok(7));
        worker.join().unwrap();
    });
}

/// Shows E2, E3.
#[test]
fn set_against_cancel_has_one_winner_and_callbacks_run_once() {
    loom::model(|| {
        let (p, f) = promise();
        let (calls, runs) = (Count::new(), Count::new());
        let called = calls.clone();
        f.add_done_callback(move || called.up());
        let ran = runs.clone();
        let worker = thread::spawn(move || {
            if p.set_running_or_notify_cancel() {
                ran.up();
                p.set_result(7);
            }
        });
        let cancelled = f.cancel();
        let outcome = f.result();
        worker.join().unwrap();
        assert_eq!(outcome, if cancelled { Err(JobError::Cancelled) } else { Ok(7) });
        assert_eq!(runs.get(), usize::from(!cancelled), "cancelled means: never begun");
        assert_eq!(calls.get(), 1);
    });
}

#[test]
fn a_task_that_saw_pending_is_woken_once() {
    loom::model(|| {
        let (p, mut f) = promise();
        let wakes = Count::new();
        let worker = thread::spawn(move || p.set_result(7));
        let first = poll(&mut f, &wakes);
        worker.join().unwrap();
        match first {
            Poll::Ready(got) => assert_eq!((got, wakes.get()), (Ok(7), 0)),
            Poll::Pending => {
                assert_eq!(wakes.get(), 1);
                assert_eq!(poll(&mut f, &wakes), Poll::Ready(Ok(7)));
            }
        }
    });
}

#[test]
fn a_late_callback_runs_once_on_either_thread() {
    loom::model(|| {
        let (p, f) = promise::<u8>();
        let calls = Count::new();
        let worker = thread::spawn(move || drop(p));
        for _ in 0..2 {
            let called = calls.clone();
            f.add_done_callback(move || called.up());
        }
        assert_eq!(f.exception(), Some(JobError::Abandoned));
        worker.join().unwrap();
        assert_eq!(calls.get(), 2);
    });
}

#[test]
fn two_cancels_and_a_result_agree() {
    loom::model(|| {
        let (p, f) = promise::<u8>();
        let f = Arc::new(f);
        let other = Arc::clone(&f);
        let canceller = thread::spawn(move || other.cancel());
        let worker = thread::spawn(move || p.set_result(7));
        let here = f.cancel();
        let there = canceller.join().unwrap();
        worker.join().unwrap();
        assert_eq!(here || there, f.cancelled());
        assert_eq!(f.exception(), f.cancelled().then_some(JobError::Cancelled));
    });
}

#[test]
fn as_completed_gives_each_future_once() {
    loom::model(|| {
        let (first, a) = promise();
        let (second, b) = promise();
        let worker = thread::spawn(move || first.set_result(1));
        let other = thread::spawn(move || drop(second));
        let mut got: Vec<Result<u8, JobError>> =
            as_completed([a, b], None).map(|future| future.unwrap().result()).collect();
        got.sort_by_key(Result::is_err);
        assert_eq!(got, [Ok(1), Err(JobError::Abandoned)]);
        worker.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_wait_for_the_first_leaves_nothing_behind_in_the_others() {
    loom::model(|| {
        let (first, a) = promise();
        let (second, b) = promise::<u8>();
        let worker = thread::spawn(move || {
            first.set_result(1);
            second.set_result(2);
        });
        let (done, rest) = wait([a, b], ReturnWhen::FirstCompleted, None);
        assert!(!done.is_empty());
        let (again, none) = wait(rest, ReturnWhen::AllCompleted, None);
        assert!(none.is_empty());
        let all = done.into_iter().chain(again).map(|future| future.result().unwrap());
        assert_eq!(all.sum::<u8>(), 3);
        worker.join().unwrap();
    });
}

#[test]
fn a_waker_replaced_while_the_result_comes_is_not_the_only_one_asked() {
    loom::model(|| {
        let (p, mut f) = promise();
        let (old, new) = (Count::new(), Count::new());
        let before = poll(&mut f, &old);
        assert_eq!(before, Poll::Pending);
        let worker = thread::spawn(move || p.set_result(7));
        let again = poll(&mut f, &new);
        worker.join().unwrap();
        match again {
            Poll::Ready(got) => assert_eq!((got, old.get(), new.get()), (Ok(7), 1, 0)),
            Poll::Pending => {
                assert_eq!((old.get(), new.get()), (0, 1), "the last waker, and only that");
                assert_eq!(poll(&mut f, &new), Poll::Ready(Ok(7)));
            }
        }
    });
}

#[test]
fn a_callback_added_while_it_ends_runs_after_the_state_is_final() {
    loom::model(|| {
        let (p, f) = promise();
        let f = std::sync::Arc::new(f);
        let seen = Count::new();
        let worker = thread::spawn(move || p.set_result(7u8));
        let (inside, ran) = (std::sync::Arc::downgrade(&f), seen.clone());
        f.add_done_callback(move || {
            if inside.upgrade().is_none_or(|f| f.done()) {
                ran.up();
            }
        });
        worker.join().unwrap();
        assert_eq!(seen.get(), 1);
    });
}
