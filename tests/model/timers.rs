//! `Timers` against a `BTreeMap`: after every operation both say the same.

use super::reader::Reader;
use singletrack::event_loop::timers::{NEVER, Timers};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
pub enum Op {
    Insert(u64),
    /// Cancels the i-th timer ever made, live or not.
    Cancel(usize),
    Advance(u64),
    PopDue,
    /// Asks for the next deadline. Not after every operation: the question itself moves new
    /// timers into the heap, and those that are cancelled before must be tried too.
    Ask,
}

pub fn check_bytes(bytes: &[u8]) {
    let op = |r: &mut Reader| {
        Some(match r.byte()? % 5 {
            0 => Op::Insert(moment(r)?),
            1 => Op::Cancel(r.below(64)?),
            2 => Op::Advance(moment(r)?),
            3 => Op::PopDue,
            _ => Op::Ask,
        })
    };
    check(&Reader::new(bytes).list(op));
}

/// Deadlines that tend to be equal, adjacent, or at the far end of time.
fn moment(r: &mut Reader) -> Option<u64> {
    let value = u64::from(r.byte()?);
    Some(match value % 4 {
        0 | 1 => value / 4 % 20,
        2 => 1 << (value / 4),
        _ => u64::MAX - value / 4 % 3,
    })
}

pub fn check(ops: &[Op]) {
    let mut timers = Timers::new();
    // The model: (deadline, number) to number; numbers count insertions.
    let mut model: BTreeMap<(u64, usize), usize> = BTreeMap::new();
    let mut made = Vec::new();
    let mut now = 0u64;
    for op in ops {
        match *op {
            Op::Insert(deadline) => {
                let number = made.len();
                made.push((timers.insert(deadline, number), deadline));
                model.insert((deadline, number), number);
            }
            Op::Cancel(i) => {
                if let Some(&(key, deadline)) = made.get(i) {
                    assert_eq!(timers.cancel(key), model.remove(&(deadline, i)));
                }
            }
            Op::Advance(by) => now = now.saturating_add(by),
            Op::Ask => {
                let next = model.keys().next().map(|(at, _)| *at).filter(|at| *at < NEVER);
                assert_eq!(timers.next_deadline(), next);
            }
            Op::PopDue => {
                let due = model.first_key_value().filter(|((at, _), _)| *at <= now);
                let due = due.filter(|((at, _), _)| *at < NEVER).map(|(at, number)| (*at, *number));
                if let Some((at, _)) = due {
                    model.remove(&at);
                }
                assert_eq!(timers.pop_due(now), due.map(|(_, number)| number));
            }
        }
        assert_eq!((timers.len(), timers.is_empty()), (model.len(), model.is_empty()));
        let mut all: Vec<(u64, usize)> = timers.iter().map(|(at, number)| (at, *number)).collect();
        all.sort_unstable();
        assert!(all.iter().eq(model.keys()), "{all:?} are all");
        for (i, &(key, deadline)) in made.iter().enumerate() {
            let lives = model.contains_key(&(deadline, i));
            assert_eq!(timers.get_mut(key).is_some(), lives);
        }
    }
    let mut left = timers.take_values();
    left.sort_unstable();
    assert_eq!(
        left,
        model.values().copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    );
    assert_eq!((timers.next_deadline(), timers.pop_due(u64::MAX), timers.len()), (None, None, 0));
}
