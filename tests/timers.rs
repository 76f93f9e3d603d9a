//! `Timers` against a model, with shrinking; the fuzz target `timer_ops` drives the same check.

mod model;
use model::timers::{Op, check, check_bytes};
use proptest::prelude::*;
use singletrack::event_loop::timers::Timers;

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

    #[test]
    fn timers_agree_with_a_sorted_map(ops in ops()) {
        check(&ops);
    }

    #[test]
    fn any_bytes_are_operations(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_bytes(&bytes);
    }
}

#[test]
fn equal_deadlines_come_out_in_order_of_insertion() {
    let mut timers = Timers::new();
    for number in 0..100 {
        timers.insert(7, number);
    }
    let out: Vec<i32> = std::iter::from_fn(|| timers.pop_due(7)).collect();
    assert_eq!(out, (0..100).collect::<Vec<_>>());
}
