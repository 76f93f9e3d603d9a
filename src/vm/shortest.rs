//! For each outcome the schedule with the fewest switches.
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

use crate::gil::policy::SwitchPolicy;
use crate::vm::schedule::{Run, Schedule};
use crate::vm::verifier::Verified;
use crate::vm::world::{Outcome, World};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::rc::Rc;

/// How a state was reached.
struct Reached {
    world: Rc<World>,
    /// The last step; none at the beginning.
    run: Option<Run>,
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
            let run = Some(Run { thread, instructions });
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
