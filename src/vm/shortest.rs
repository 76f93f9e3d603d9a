//! What a program may come to: the outcomes of running its threads one after the other.
//!
//! *Assumes*: a verified program.
//! *Promises*: an outcome that is not among these needs threads that cut each other short; that
//! is what is called *lost* or *a race* here.
//! *Leaves out*: whether the author wanted even these.
//!
//! ```text
//!   1 to its end, 2 to its end ──▶ x = 2        so x = 1 is no outcome of any order
//!   2 to its end, 1 to its end ──▶ x = 2        of whole threads: an update was lost
//! ```
//! A thread that must wait for a lock, or blocks for ever in a loop, lets others go first.
//!
//! # For each outcome the schedule with the fewest switches
//!
//! *Assumes*: a verified program.
//! *Promises*: of the schedules that lead to an outcome, one with the fewest switches; of
//! programs with few states, all outcomes.
//! *Leaves out*: counting schedules (`vm/explorer.rs`).
//!
//! ```text
//!   no switch     1 1 1 ─────────────▶ …          a breadth-first search, where going on with
//!   one switch    1 1 2 ─────▶ …   1 2 ─▶ …       the same thread costs nothing: a state that
//!   two           1 2 1 ─▶ …                      was met with fewer switches is not met again
//! ```
//! Most bugs of this kind need very few switches; that is why a person can understand them
//! (the observation behind Microsoft's CHESS).

use crate::gil::rules::policy::SwitchPolicy;
use crate::vm::replay::{Stretch, Schedule};
use crate::vm::verifier::Verified;
use crate::vm::world::{Ending, Outcome, World};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

/// The outcomes of all orders in which each thread runs as far as it can. At most `states`
/// states are looked at, and a thread that runs for more than `fuel` steps is in the wrong
/// order.
///
/// ```
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::shortest::serial;
/// use singletrack::vm::verifier::Verified;
///
/// let text = "global x\nthread set(1)\nthread set(2)\n\
///     def set(n):\n LOAD_FAST n\n STORE_GLOBAL x\n LOAD_FAST n\n RETURN_VALUE";
/// let program = Verified::new(assemble(text)?)?;
/// let values: Vec<i64> = serial(&program, 100, 100).iter().map(|o| o.globals[0]).collect();
/// assert_eq!(values, [1, 2], "whoever comes last");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn serial(program: &Verified, fuel: usize, states: usize) -> BTreeSet<Outcome> {
    // Where a thread could be left makes no difference to one that is not.
    let policy = SwitchPolicy::PYTHON_3_10;
    let mut outcomes = BTreeSet::new();
    let mut visited = HashSet::new();
    let mut to_visit = vec![World::new(program)];
    while let Some(world) = to_visit.pop()
        && visited.len() < states
    {
        if !visited.insert(world.clone()) {
            continue;
        }
        outcomes.extend(world.outcome(program).filter(|o| o.ending == Ending::Finished));
        for thread in world.runnable(program) {
            let mut world = world.clone();
            let mut left = fuel;
            while left > 0 && world.can_run(program, thread) {
                world.step(program, thread, &policy);
                left -= 1;
            }
            if !world.can_run(program, thread) {
                to_visit.push(world);
            }
        }
    }
    outcomes
}

/// How a state was reached.
struct Reached {
    world: Rc<World>,
    /// The last step; none at the beginning.
    run: Option<Stretch>,
    /// The place of the state before.
    from: usize,
}

/// Looks at up to `states` states, those with fewest switches first, until what was found is
/// `enough`. Finished runs and deadlocks are found; what never ends is not an end.
pub fn shortest(
    program: &Verified,
    policy: &SwitchPolicy,
    states: usize,
    enough: impl Fn(&BTreeMap<Outcome, Schedule>) -> bool,
) -> BTreeMap<Outcome, Schedule> {
    let start = Reached { world: Rc::new(World::new(program)), run: None, from: 0 };
    let mut reached = vec![start];
    let mut to_visit = VecDeque::from([0]);
    let mut visited = HashSet::new();
    let mut found = BTreeMap::new();
    while let Some(at) = to_visit.pop_front()
        && reached.len() < states
        && !enough(&found)
    {
        let world = Rc::clone(&reached[at].world);
        let last = reached[at].run.map(|run| run.thread);
        if !visited.insert((Rc::clone(&world), last)) {
            continue;
        }
        if let Some(outcome) = world.outcome(program) {
            found.entry(outcome).or_insert_with(|| schedule_to(&reached, at));
        }
        // What is put in front last is visited first: the first thread.
        for thread in world.runnable(program).into_iter().rev() {
            let mut world = World::clone(&world);
            let instructions = world.step(program, thread, policy).instructions;
            let run = Some(Stretch { thread, instructions });
            reached.push(Reached { world: Rc::new(world), run, from: at });
            match last {
                Some(last) if last != thread => to_visit.push_back(reached.len() - 1),
                _ => to_visit.push_front(reached.len() - 1),
            }
        }
    }
    found
}

/// The steps to a state, from the beginning.
fn schedule_to(reached: &[Reached], mut at: usize) -> Schedule {
    let mut runs = Vec::new();
    while let Some(run) = reached[at].run {
        runs.push(run);
        at = reached[at].from;
    }
    runs.into_iter().rev().collect()
}
