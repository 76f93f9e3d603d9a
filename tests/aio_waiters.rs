//! The queue of waiters, the permits over it, and the queue over both, against models, with
//! shrinking; the fuzz target `sync_prims` drives the same checks.

mod common;
mod model;
use common::run_scripted;
use model::queue::{QueueOp, check_queue};
use model::sync::{Op, check, check_bytes};
use proptest::prelude::*;
use singletrack::aio::sync::queue::{DoneTooOften, GetError, PutError, ShutDown, Store};
use singletrack::aio::sync::semaphore::{Grant, Permits};
use singletrack::aio::sync::waiters::{Removed, Synchronizer, Waiters};
use singletrack::aio::{
    Barrier, BoundedSemaphore, BrokenBarrier, Condition, Event, Lock, Queue, Semaphore,
};
use singletrack::base::id::Key;
use singletrack::{create_task, yield_now};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;
use std::task::Waker;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => any::<bool>().prop_map(Op::Acquire),
        3 => (0usize..8).prop_map(Op::Run),
        2 => (0usize..8).prop_map(Op::Cancel),
        1 => (0usize..8).prop_map(Op::Move),
        3 => Just(Op::PutBack),
        1 => Just(Op::Bring),
        1 => Just(Op::Retire),
    ];
    prop::collection::vec(op, 0..150)
}

fn queue_ops() -> impl Strategy<Value = Vec<QueueOp>> {
    let op = prop_oneof![
        3 => Just(QueueOp::Put),
        3 => Just(QueueOp::Get),
        2 => Just(QueueOp::PutNowait),
        2 => Just(QueueOp::GetNowait),
        4 => (0usize..8).prop_map(QueueOp::Run),
        2 => (0usize..8).prop_map(QueueOp::Cancel),
    ];
    prop::collection::vec(op, 0..100)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn permits_agree_with_a_deque(free in 0usize..4, ops in ops()) {
        check(free, &ops);
    }

    #[test]
    fn what_a_queue_says_holds_until_the_next_await(
        maxsize in 0usize..4, ops in queue_ops(), rest in queue_ops(), immediate: bool,
    ) {
        check_queue(maxsize, &ops, immediate, &rest);
    }

    /// Nothing is made beforehand, however many are announced.
    #[test]
    fn primitives_of_any_size_are_as_small_and_say_what_they_are(
        size in prop_oneof![0usize..3, any::<usize>(), Just(usize::MAX)],
    ) {
        let (queue, semaphore) = (Queue::<u8>::new(size), Semaphore::new(size));
        prop_assert_eq!((queue.maxsize(), queue.full()), (size, false));
        prop_assert!(queue.put_nowait(7).is_ok() && queue.full() == (size == 1));
        prop_assert_eq!((semaphore.value(), semaphore.locked()), (size, size == 0));
        let bounded = BoundedSemaphore::new(size);
        prop_assert_eq!(bounded.value(), size);
        prop_assert!(size == 0 || Barrier::new(size).parties() == size);
    }

    #[test]
    fn any_bytes_are_operations(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_bytes(&bytes);
        model::queue::check_queue_bytes(&bytes);
    }
}

#[test]
fn the_line_keeps_no_memory_of_those_who_left() {
    let mut waiters = Waiters::<u32>::new();
    let keys: Vec<Key> = (0..100).map(|_| waiters.push(Waker::noop().clone())).collect();
    for &key in keys.iter().step_by(2) {
        assert!(matches!(waiters.remove(key), Removed::Waiting(_)));
    }
    assert_eq!(waiters.waiting(), 50);
    assert_eq!(waiters.grant_all(|| 7).len(), 50);
    assert_eq!((waiters.waiting(), waiters.granted()), (0, 50));
    assert!(keys.iter().skip(1).step_by(2).all(|&key| waiters.take(key) == Some(7)));
    assert_eq!(waiters.granted(), 0);
    assert!(keys.iter().all(|&key| matches!(waiters.remove(key), Removed::Gone)));
}

#[test]
fn a_close_waits_for_what_was_promised() {
    let mut permits = Permits::new(0);
    let [first, second] = [(); 2].map(|()| permits.waiters().push(Waker::noop().clone()));
    assert!(permits.release().is_some());
    assert!(permits.close().is_empty(), "the promised one may come back");
    assert_eq!(permits.try_acquire(), None);
    let Removed::Granted(grant) = permits.waiters().remove(first) else { panic!("promised") };
    assert!(permits.give_back(grant).is_some(), "to the second");
    assert_eq!(permits.claim(second), Some(Grant::Permit));
    let third = permits.waiters().push(Waker::noop().clone());
    assert_eq!(permits.retire().len(), 1, "it was the last");
    assert_eq!(permits.claim(third), Some(Grant::Closed));
    assert_eq!(permits.try_acquire(), Some(Grant::Closed));
    assert_eq!(permits.total(), 0);
}

#[test]
fn a_close_at_once_takes_promises_back() {
    let mut permits = Permits::new(0);
    let [first, second] = [(); 2].map(|()| permits.waiters().push(Waker::noop().clone()));
    assert!(permits.release().is_some());
    assert_eq!(permits.close_at_once().len(), 1);
    assert_eq!((permits.free(), permits.held(), permits.promised()), (1, 0, 0));
    assert_eq!([first, second].map(|key| permits.claim(key)), [Some(Grant::Closed); 2]);
    assert_eq!((permits.retire_free(), permits.total()), (1, 0));
}

#[test]
fn a_count_that_cannot_grow_says_so_and_stays() {
    let mut permits = Permits::new(usize::MAX - 1);
    assert_eq!(permits.try_acquire(), Some(Grant::Permit));
    assert!(permits.release().is_none());
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| permits.release()));
    assert!(refused.is_err(), "the one that is held counts");
    assert_eq!((permits.free(), permits.held()), (usize::MAX - 1, 1));
    assert!(permits.put_back().is_none());
    assert_eq!(permits.total(), usize::MAX);
}

#[test]
fn close_sends_everybody_away_and_new_ones_too() {
    let mut permits = Permits::new(1);
    assert_eq!(permits.try_acquire(), Some(Grant::Permit));
    let key = permits.waiters().push(Waker::noop().clone());
    assert_eq!(permits.close().len(), 1);
    assert_eq!(permits.waiters().take(key), Some(Grant::Closed));
    assert_eq!(permits.try_acquire(), Some(Grant::Closed));
    assert!(permits.release().is_none());
    assert_eq!(permits.try_acquire(), Some(Grant::Permit), "what is free may still be had");
}

#[test]
fn a_permit_that_is_brought_wakes_the_task_that_waits_for_one() {
    run_scripted(async {
        let semaphore = Rc::new(Semaphore::new(0));
        let wanted = Rc::clone(&semaphore);
        let waiter = create_task(async move { wanted.acquire().await.forget() });
        yield_now().await;
        assert!(!waiter.done());
        semaphore.release();
        waiter.await.unwrap();
        assert_eq!(semaphore.value(), 0);
    });
}

#[test]
fn each_primitive_tells_how_it_is() {
    let event = Event::new();
    assert!(!event.is_set() && format!("{event:?}").contains("set: false"));
    event.set();
    assert!(event.is_set() && format!("{event:?}").contains("set: true"));
    event.clear();
    assert!(!event.is_set());

    let barrier = Barrier::new(3);
    assert_eq!((barrier.parties(), barrier.waiting(), barrier.broken()), (3, 0, false));
    assert_eq!(format!("{barrier:?}"), "Barrier(0 of 3 wait)");
    barrier.abort();
    assert!(barrier.broken() && format!("{barrier:?}").contains("broken"));
    barrier.reset();
    assert!(!barrier.broken());

    let bounded = BoundedSemaphore::new(1);
    assert!(!bounded.locked() && format!("{:?}", Semaphore::new(5)).contains("value: 5"));
    let permit = bounded.try_acquire();
    assert!(permit.is_some() && bounded.locked());

    let lock = Lock::new(7);
    assert!(format!("{lock:?}").contains("locked: false"));
    let guard = lock.try_acquire().unwrap();
    assert_eq!((format!("{guard:?}").as_str(), lock.locked()), ("7", true));
    assert!(format!("{lock:?}").contains("locked: true"));
    assert!(format!("{:?}", Condition::new()).contains("Condition"));

    let queue = Queue::<u8>::new(2);
    queue.put_nowait(1).unwrap();
    assert!(!queue.is_shut_down());
    assert!(format!("{queue:?}").contains("qsize: 1, maxsize: 2, shut_down: false"));
    queue.shutdown(false);
    assert!(queue.is_shut_down());
    assert_eq!((queue.maxsize(), Queue::<u8>::new(0).maxsize()), (2, 0));
}

#[test]
fn a_store_counts_what_is_in_it() {
    fn count<S: Store<Item = Reverse<u8>>>() {
        let mut store = S::default();
        for number in 0..3 {
            assert_eq!((store.len(), store.is_empty()), (usize::from(number), number == 0));
            store.push(Reverse(number));
        }
        assert!(store.pop().is_some() && store.len() == 2);
    }
    count::<VecDeque<Reverse<u8>>>();
    count::<Vec<Reverse<u8>>>();
    count::<BinaryHeap<Reverse<Reverse<u8>>>>();
}

#[test]
fn each_error_says_what_happened() {
    let errors = [
        (BrokenBarrier.to_string(), "aborted or reset"),
        (ShutDown(()).to_string(), "was shut down"),
        (PutError::Full(()).to_string(), "is full"),
        (PutError::ShutDown(()).to_string(), "was shut down"),
        (GetError::Empty.to_string(), "is empty"),
        (GetError::ShutDown.to_string(), "empty and was shut down"),
        (DoneTooOften.to_string(), "more often than items were put"),
    ];
    for (said, words) in errors {
        assert!(said.contains(words), "{said}");
    }
}
