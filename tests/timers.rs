//! `Timers` against a model, with shrinking; the fuzz target `timer_ops` drives the same check.

mod model;
use model::timers::{Op, check, check_bytes};
use proptest::prelude::*;
use singletrack::aio::{sleep, timeout_at, wait_for};
use singletrack::event_loop::timers::{NEVER, Timers, deadline_after};
use singletrack::selector::event::{END_OF_TIME, Readiness};
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::{EventLoop, create_task};
use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

/// Deadlines that tend to be equal, adjacent, or at the far end of time.
fn moments() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0u64..20,
        2 => (0u32..64).prop_map(|bit| 1u64 << bit),
        1 => (0u64..3).prop_map(|back| u64::MAX - back),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => moments().prop_map(Op::Insert),
        2 => (0usize..64).prop_map(Op::Cancel),
        1 => moments().prop_map(Op::Advance),
        3 => Just(Op::PopDue),
        2 => Just(Op::Ask),
    ];
    prop::collection::vec(op, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows M1, M2, M3, M5, M8, M11.
    #[test]
    fn timers_agree_with_a_sorted_map(ops in ops()) {
        check(&ops);
    }

    /// Shows M3, M8, M11.
    #[test]
    fn any_bytes_are_operations(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_bytes(&bytes);
    }
}

/// Shows M2.
#[test]
fn equal_deadlines_come_out_in_order_of_insertion() {
    let mut timers = Timers::new();
    for number in 0..100 {
        timers.insert(7, number);
    }
    let out: Vec<i32> = std::iter::from_fn(|| timers.pop_due(7)).collect();
    assert_eq!(out, (0..100).collect::<Vec<_>>());
}

#[test]
fn entries_cancelled_before_anybody_asked_take_no_other_along() {
    let mut timers = Timers::new();
    let keys = [4, 3, 2, 1].map(|deadline| timers.insert(deadline, deadline));
    assert_eq!(timers.cancel(keys[0]), Some(4)); // the last one fills its place …
    assert_eq!(timers.cancel(keys[3]), Some(1)); // … and is found there
    let out: Vec<u64> = std::iter::from_fn(|| timers.pop_due(9)).collect();
    assert_eq!(out, [2, 3]);
}

/// Shows M8.
#[test]
fn what_is_never_due_only_waits_to_be_cancelled() {
    let mut timers = Timers::new();
    let never = timers.insert(NEVER, "never");
    timers.insert(END_OF_TIME, "at the end");
    assert_eq!(timers.next_deadline(), Some(END_OF_TIME));
    assert_eq!(timers.pop_due(u64::MAX), Some("at the end"));
    assert_eq!((timers.next_deadline(), timers.pop_due(u64::MAX)), (None, None));
    assert_eq!(timers.cancel(never), Some("never"));
}

const LONGEST: Duration = Duration::from_nanos(u64::MAX);

#[test]
fn only_a_delay_that_no_clock_can_count_is_never_over() {
    for now in [0, 1, END_OF_TIME - 1, END_OF_TIME] {
        assert_eq!(deadline_after(now, Duration::ZERO), now);
        assert_eq!(deadline_after(now, Duration::MAX), NEVER);
        assert_eq!(deadline_after(now, LONGEST), NEVER);
        assert_eq!(deadline_after(now, LONGEST - Duration::from_nanos(1)), END_OF_TIME);
    }
}

/// In virtual time "for ever" is found out at once: the selector says that nothing will come.
#[test]
fn a_sleep_of_the_longest_duration_never_ends_in_virtual_time_either() {
    for (start, delay) in
        [(0, Duration::MAX), (0, LONGEST), (7, Duration::MAX), (END_OF_TIME, Duration::MAX)]
    {
        let selector = ScriptedSelector::new();
        let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
        selector.advance(Duration::from_nanos(start));
        let ended = Rc::new(Cell::new(false));
        let set = Rc::clone(&ended);
        drop(event_loop.create_task(async move {
            sleep(delay).await;
            set.set(true);
        }));
        let (call, set) = (Rc::clone(&ended), Rc::clone(&ended));
        event_loop.call_later(delay, move || call.set(true));
        event_loop.call_at(Duration::MAX, move || set.set(true));
        let error = event_loop.run_forever().unwrap_err();
        assert!(error.to_string().contains("waits for ever"), "{error}");
        assert!(!ended.get() && event_loop.iterations() <= 3, "{}", event_loop.iterations());
        assert_eq!(event_loop.time(), Duration::from_nanos(start));
    }
}

#[test]
fn beside_a_sleep_that_never_ends_all_others_do() {
    let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
    let century = Duration::from_secs(100 * 365 * 86_400);
    event_loop.run_until_complete(async {
        let never = create_task(sleep(Duration::MAX)).cancel_on_drop();
        wait_for(sleep(Duration::MAX), Some(Duration::from_millis(5))).await.unwrap_err();
        assert!(timeout_at(Some(Duration::MAX)).run(sleep(century)).await.is_ok());
        drop(never);
    });
    assert_eq!(event_loop.time(), century + Duration::from_millis(5));
}

#[test]
fn a_clock_stops_at_the_end_of_time_and_what_is_due_then_is_due_at_last() {
    let selector = ScriptedSelector::new();
    let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
    selector.ready_at(Duration::MAX, 1, Readiness::BOTH); // never
    selector.advance(Duration::from_nanos(END_OF_TIME - 5));
    let second = Duration::from_secs(1);
    let slept = event_loop.run_until_complete(async move {
        let slept = wait_for(sleep(second), Some(2 * second)).await;
        wait_for(pending::<()>(), Some(second)).await.unwrap_err();
        slept
    });
    slept.unwrap();
    assert_eq!(event_loop.time(), Duration::from_nanos(END_OF_TIME));
    selector.advance(Duration::MAX);
    assert_eq!(event_loop.time(), Duration::from_nanos(END_OF_TIME));
    assert!(event_loop.run_once().is_err(), "nothing is left");
}
