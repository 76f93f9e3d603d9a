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

use crate::gil::policy::SwitchPolicy;
use crate::vm::verifier::Verified;
use crate::vm::world::{Ending, Outcome, World};
use std::collections::{BTreeSet, HashSet};

/// The outcomes of all orders in which each thread runs as far as it can. At most `states`
/// states are looked at, and a thread that runs for more than `fuel` steps is in the wrong
/// order.
///
/// ```
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::serial::serial;
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
