//! The reactor against a model, over a selector that follows a script; the fuzz target
//! `registry_ops` drives the same check.

mod model;
use model::registry::{Op, check, check_bytes};
use proptest::prelude::*;
use singletrack::event_loop::reactor::{Reactor, WaitTicket};
use singletrack::selector::event::Readiness;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::sys::fd::Direction;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Wake, Waker};
use std::time::Duration;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let direction = || prop_oneof![Just(Direction::Read), Just(Direction::Write)];
    let which = || 0usize..8;
    let op = prop_oneof![
        4 => (0usize..4, prop::bool::weighted(0.8)).prop_map(|(i, ok)| Op::Register(i, ok)),
        2 => which().prop_map(Op::Deregister),
        4 => (which(), direction(), prop::bool::weighted(0.8)).prop_map(|(i, d, ok)| Op::Clear(i, d, ok)),
        2 => which().prop_map(Op::ClearDrained),
        6 => (which(), direction(), 0usize..4).prop_map(|(i, d, t)| Op::Wait(i, d, t)),
        2 => (which(), direction(), 0usize..4).prop_map(|(i, d, t)| Op::Forget(i, d, t)),
        5 => (which(), 0u8..8).prop_map(|(i, bits)| Op::Event(i, bits)),
    ];
    prop::collection::vec(op, 0..80)
}

/// Found by the fuzz target: the second waiter stood behind the first and, once the first had
/// gone, also in the first's place, and was woken twice.
#[test]
fn a_waiter_that_waits_again_after_the_first_has_left_is_woken_once() {
    let wait = |task| Op::Wait(0, Direction::Read, task);
    let forget = |task| Op::Forget(0, Direction::Read, task);
    let start = [Op::Register(0, true), wait(0), wait(1), forget(0), wait(1)];
    check(&[&start[..], &[Op::Event(0, 1)]].concat());
    check(&[&start[..], &[forget(1), Op::Event(0, 1)]].concat());
}

/// A number from an earlier wait would put it before those who came meanwhile.
#[test]
fn a_wait_that_was_woken_has_no_number_until_it_waits_again() {
    let mut reactor = Reactor::new(Box::new(ScriptedSelector::new()));
    let (end, _other) = std::io::pipe().unwrap();
    let key = reactor.register(end.as_fd()).unwrap();
    let (mut ticket, mut polled) = (WaitTicket::new(), WaitTicket::polled());
    for ticket in [&mut ticket, &mut polled] {
        let old = reactor.set_waiter(key, Direction::Read, ticket, Waker::noop().clone());
        assert!(old.is_none() && !ticket.is_new());
    }
    ticket.was_woken();
    polled.was_woken();
    assert!(ticket.is_new(), "its waker is gone");
    assert!(polled == WaitTicket::polled(), "which stands for all who poll by hand");
}

/// More than four give their memory back when they go; each is woken all the same, and once.
#[test]
fn a_crowd_at_one_source_is_woken_in_order_of_arrival() {
    let selector = ScriptedSelector::new();
    let mut reactor = Reactor::new(Box::new(selector.clone()));
    let (end, _other) = std::io::pipe().unwrap();
    let key = reactor.register(end.as_fd()).unwrap();
    for crowd in [3, 4, 5, 50] {
        let tasks: Vec<Arc<AtomicUsize>> = (0..crowd).map(|_| Arc::default()).collect();
        let wakers = tasks.iter().map(|woken| Waker::from(Arc::new(Counted(Arc::clone(woken)))));
        for waker in wakers {
            let mut ticket = WaitTicket::new();
            assert!(reactor.set_waiter(key, Direction::Read, &mut ticket, waker).is_none());
        }
        assert_eq!(reactor.waiters().count(), crowd);
        selector.ready_at(Duration::ZERO, end.as_fd().as_raw_fd(), Readiness::READABLE);
        let mut woken = Vec::new();
        assert_eq!(reactor.wait(Some(Duration::ZERO), &mut woken).unwrap(), 1);
        assert_eq!((woken.len(), reactor.waiters().count()), (crowd, 0));
        for (waker, task) in woken.into_iter().zip(&tasks) {
            waker.wake();
            assert_eq!(task.load(Relaxed), 1);
        }
    }
}

struct Counted(Arc<AtomicUsize>);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows R1, R2, R3, R4, R7.
    #[test]
    fn the_reactor_agrees_with_a_list(ops in ops()) {
        check(&ops);
    }

    #[test]
    fn any_bytes_are_operations(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_bytes(&bytes);
    }
}
