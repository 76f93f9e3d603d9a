//! The queue of waiters, and the permits over it, against a model, with shrinking; the fuzz
//! target `sync_prims` drives the same check.

mod model;
use model::sync::{Op, check, check_bytes};
use proptest::prelude::*;
use singletrack::aio::sync::semaphore::{Grant, Permits};
use singletrack::aio::sync::waiters::{Removed, Synchronizer, Waiters};
use singletrack::base::id::Key;
use std::task::Waker;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => any::<bool>().prop_map(Op::Acquire),
        3 => (0usize..8).prop_map(Op::Run),
        2 => (0usize..8).prop_map(Op::Cancel),
        1 => (0usize..8).prop_map(Op::Move),
        3 => Just(Op::Release),
        1 => Just(Op::Bring),
    ];
    prop::collection::vec(op, 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn permits_agree_with_a_deque(free in 0usize..4, ops in ops()) {
        check(free, &ops);
    }

    #[test]
    fn any_bytes_are_operations(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_bytes(&bytes);
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
