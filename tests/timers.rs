//! `Timers` against a `BTreeMap`: after every operation both say the same.

use proptest::prelude::*;
use singletrack::event_loop::timers::Timers;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Op {
    Insert(u64),
    /// Cancels the i-th timer ever made, live or not.
    Cancel(usize),
    Advance(u64),
    PopDue,
    /// Asks for the next deadline. Not after every operation: the question itself moves new
    /// timers into the heap, and those that are cancelled before must be tried too.
    Ask,
}

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
        let mut timers = Timers::new();
        // The model: (deadline, number) to number; numbers count insertions.
        let mut model: BTreeMap<(u64, usize), usize> = BTreeMap::new();
        let mut made = Vec::new();
        let mut now = 0u64;
        for op in ops {
            match op {
                Op::Insert(deadline) => {
                    let number = made.len();
                    made.push((timers.insert(deadline, number), deadline));
                    model.insert((deadline, number), number);
                }
                Op::Cancel(i) => {
                    if let Some(&(key, deadline)) = made.get(i) {
                        prop_assert_eq!(timers.cancel(key), model.remove(&(deadline, i)));
                    }
                }
                Op::Advance(by) => now = now.saturating_add(by),
                Op::Ask => {
                    let next = model.keys().next().map(|(at, _)| *at);
                    prop_assert_eq!(timers.next_deadline(), next);
                }
                Op::PopDue => {
                    let due = model.first_key_value().filter(|((at, _), _)| *at <= now);
                    let due = due.map(|(at, number)| (*at, *number));
                    if let Some((at, _)) = due {
                        model.remove(&at);
                    }
                    prop_assert_eq!(timers.pop_due(now), due.map(|(_, number)| number));
                }
            }
            prop_assert_eq!(timers.len(), model.len());
            for (i, &(key, deadline)) in made.iter().enumerate() {
                let lives = model.contains_key(&(deadline, i));
                prop_assert_eq!(timers.get_mut(key).is_some(), lives);
            }
        }
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
