//! Schedules: their text, the serial outcomes, the fewest switches to each outcome.
//!
//! *Promises*: a schedule that is printed is read back as the same one, up to a million instructions;
//! an outcome that is not serial needs threads that interrupt each other: that is what is called *lost* or *a race*
//! here; of the schedules that lead to an outcome, [`shortest`] gives one with the fewest
//! switches.
//! *Leaves out*: whether a program and a policy allow a schedule (`vm/replay.rs`); how many
//! schedules there are (`vm/explorer.rs`); whether the author wanted even the serial outcomes.
//!
//! ```text
//!   1x1,2x6,1x5      thread 1 for one instruction, thread 2 for six, thread 1 for five
//!
//!   serial     1 to its end, 2 to its end ──▶ x = 2     so x = 1 is no outcome of any order
//!              2 to its end, 1 to its end ──▶ x = 2     of whole threads: an update was lost
//!
//!   shortest   no switch     1 1 1 ──────────▶ …        a breadth-first search, where going on
//!              one switch    1 1 2 ──▶ …  1 2 ─▶ …      with the same thread costs nothing: a
//!              two           1 2 1 ─▶ …                 state met with fewer switches is not
//!                                                       met again
//! ```
//! Most bugs of this kind need very few switches, which is why a person can understand them
//! (the observation behind Microsoft's CHESS).

use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::rules::threading::Threading;
use crate::vm::limits::Limits;
use crate::vm::verifier::Verified;
use crate::vm::world::{Ending, Outcome, World};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

/// Instructions that one thread executes without a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stretch {
    /// The thread, counted from 0; it is printed counted from 1.
    pub thread: usize,
    /// How many instructions it executes.
    pub instructions: usize,
}

/// Which thread runs for how many instructions, and which is next.
///
/// ```
/// use singletrack::vm::schedule::Schedule;
///
/// let schedule: Schedule = "1x1,2x6,1x5".parse()?;
/// assert_eq!(schedule.switches(), 2);
/// assert_eq!(schedule.to_string(), "1x1,2x6,1x5");
/// assert!("1x1,2".parse::<Schedule>().is_err());
/// # Ok::<(), singletrack::vm::schedule::ScheduleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Schedule {
    stretches: Vec<Stretch>,
}

impl Schedule {
    /// Appends instructions of a thread; those of the thread that ran last extend its stretch.
    pub fn push(&mut self, thread: usize, instructions: usize) {
        match self.stretches.last_mut() {
            Some(last) if last.thread == thread => {
                last.instructions = last.instructions.saturating_add(instructions);
            }
            _ => self.stretches.push(Stretch { thread, instructions }),
        }
    }

    /// The stretches, in order; neighbours are of different threads.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// How often the thread changes.
    pub fn switches(&self) -> usize {
        self.stretches.len().saturating_sub(1)
    }
}

impl FromIterator<Stretch> for Schedule {
    fn from_iter<I: IntoIterator<Item = Stretch>>(stretches: I) -> Schedule {
        let mut schedule = Schedule::default();
        stretches
            .into_iter()
            .for_each(|stretch| schedule.push(stretch.thread, stretch.instructions));
        schedule
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, stretch) in self.stretches.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}x{}", stretch.thread + 1, stretch.instructions)?;
        }
        Ok(())
    }
}

/// The most instructions of a schedule that is read: each of them is kept when it is carried out.
const MOST: usize = 1_000_000;

/// A piece of text that is not a stretch of a schedule, or one too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleError {
    piece: String,
    too_long: bool,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let piece = &self.piece;
        match self.too_long {
            true => write!(f, "with `{piece}` it has more than {MOST} instructions; leave it out"),
            false => write!(
                f,
                "`{piece}` is no stretch of a schedule; write THREADxINSTRUCTIONS, as in 1x3"
            ),
        }
    }
}

impl std::error::Error for ScheduleError {}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        let number = |text: &str| text.parse::<usize>().ok().filter(|n| *n > 0);
        let (mut schedule, mut left) = (Schedule::default(), MOST);
        for piece in text.split(',') {
            let wrong = |too_long| ScheduleError { piece: piece.to_owned(), too_long };
            let (thread, instructions) =
                piece.trim().split_once('x').ok_or_else(|| wrong(false))?;
            let thread = number(thread).ok_or_else(|| wrong(false))? - 1;
            let instructions = number(instructions).ok_or_else(|| wrong(false))?;
            left = left.checked_sub(instructions).ok_or_else(|| wrong(true))?;
            schedule.push(thread, instructions);
        }
        Ok(schedule)
    }
}

/// The most steps of the search for serial outcomes, which nobody can stop: a second's worth.
const MOST_SERIAL_STEPS: u64 = 10_000_000;

/// The serial outcomes: those of all orders in which each thread runs as far as it can. A thread
/// that must wait for a lock, or loops for ever, lets others go first.
///
/// The second part of the result says whether these are all, within the limits. A thread that runs for
/// more steps than the fuel makes its order invalid.
///
/// ```
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::limits::Limits;
/// use singletrack::vm::schedule::serial_outcomes;
/// use singletrack::vm::verifier::Verified;
///
/// let text = "global x\nthread set(1)\nthread set(2)\n\
///     def set(n):\n LOAD_FAST n\n STORE_GLOBAL x\n LOAD_FAST n\n RETURN_VALUE";
/// let program = Verified::new(assemble(text)?)?;
/// let (outcomes, complete) = serial_outcomes(&program, Limits::default());
/// assert!(complete);
/// let values: Vec<i64> = outcomes.iter().map(|outcome| outcome.globals[0]).collect();
/// assert_eq!(values, [1, 2], "the thread that comes last decides");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn serial_outcomes(program: &Verified, limits: Limits) -> (BTreeSet<Outcome>, bool) {
    // Threads are not interrupted here, so any policy will do; this one takes the longest steps.
    let threading = Threading::Gil(SwitchPolicy::PYTHON_3_11);
    let mut outcomes = BTreeSet::new();
    let mut visited = HashSet::new();
    let mut to_visit = vec![World::new(program)];
    let (mut bytes, mut steps) = (0, 0);
    while let Some(world) = to_visit.pop() {
        if visited.contains(&world) {
            continue;
        }
        bytes += world.bytes();
        if visited.len() >= limits.states || bytes >= limits.bytes {
            return (outcomes, false);
        }
        visited.insert(world.clone());
        let ended = |o: &Outcome| matches!(o.ending, Ending::Finished | Ending::Raised);
        outcomes.extend(world.outcome(program).filter(ended));
        for thread in world.runnable(program) {
            let mut world = world.clone();
            let mut left = limits.fuel;
            while left > 0 && world.can_run(program, thread) {
                if steps == limits.steps.min(MOST_SERIAL_STEPS) {
                    return (outcomes, false);
                }
                world.step(program, thread, threading);
                (left, steps) = (left - 1, steps + 1);
            }
            if !world.can_run(program, thread) {
                to_visit.push(world);
            }
        }
    }
    (outcomes, true)
}

/// A state of the search, and how it was reached.
struct Reached {
    world: Rc<World>,
    /// The last step; none at the beginning.
    stretch: Option<Stretch>,
    /// The index of the state before.
    from: usize,
}

/// For each outcome a schedule with the fewest switches. Of a program with few states, all
/// outcomes are found.
///
/// Visits so many states, in so much memory, as the limits say, those with fewest switches first,
/// until what was found is `enough`. Finds finished runs and deadlocks, but no schedule that never ends.
pub fn shortest(
    program: &Verified,
    threading: impl Into<Threading>,
    limits: Limits,
    mut enough: impl FnMut(&BTreeMap<Outcome, Schedule>) -> bool,
) -> BTreeMap<Outcome, Schedule> {
    let threading = threading.into();
    let start = Reached { world: Rc::new(World::new(program)), stretch: None, from: 0 };
    let mut reached = vec![start];
    let mut to_visit = VecDeque::from([0]);
    let mut visited = HashSet::new();
    let mut found = BTreeMap::new();
    let mut bytes = 0;
    while let Some(at) = to_visit.pop_front()
        && reached.len() < limits.states
        && bytes < limits.bytes
        && !enough(&found)
    {
        let world = Rc::clone(&reached[at].world);
        let last = reached[at].stretch.map(|stretch| stretch.thread);
        if !visited.insert((Rc::clone(&world), last)) {
            continue;
        }
        if let Some(outcome) = world.outcome(program) {
            found.entry(outcome).or_insert_with(|| schedule_to(&reached, at));
        }
        // What is pushed to the front last is visited first: the first thread.
        for thread in world.runnable(program).into_iter().rev() {
            let mut world = World::clone(&world);
            let instructions = world.step(program, thread, threading).instructions;
            let stretch = Some(Stretch { thread, instructions });
            bytes += world.bytes();
            reached.push(Reached { world: Rc::new(world), stretch, from: at });
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
    let mut stretches = Vec::new();
    while let Some(stretch) = reached[at].stretch {
        stretches.push(stretch);
        at = reached[at].from;
    }
    stretches.into_iter().rev().collect()
}
