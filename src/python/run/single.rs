//! A program run by itself: its threads take turns, and time is a number that jumps.
//!
//! *Promises*: the same program prints the same; an endless loop, a deadlock and a memory bomb are a
//! clean stop that names the line.
//! *Leaves out*: every other order of its threads (`python/explore`).

use crate::python::code::compiler::compile;
use crate::python::code::program::Program;
use crate::python::front::position::Position;
use crate::python::front::refusal::Refusal;
use crate::python::library::rows::{PRELUDES, rows};
use crate::python::machine::burst::{Pause, Points};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::world::{Failure, Thread};
use std::sync::Arc;

/// How many instructions a thread executes before the next one's turn.
pub(crate) const TURN: u64 = 1000;

/// How a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it printed.
    pub output: String,
    /// The exceptions that ended threads, with the numbers of those.
    pub failures: Vec<(usize, Failure)>,
    /// What it wrote to stderr besides.
    pub errors: String,
    /// Why it was stopped, and where.
    pub stopped: Option<(String, Position)>,
}

/// Compiles a file for the machine.
///
/// # Errors
/// [`Refusal`] if it is no Python, or outside the subset.
pub fn program(text: &str) -> Result<Arc<Program>, Refusal> {
    compile(text, PRELUDES).map(Arc::new)
}

/// Runs a program to its end, or until it has executed so many instructions.
///
/// ```
/// use singletrack::python::run::{program, run_single};
///
/// let ran = run_single(&program("print(2 + 2)\n1 / 0\n")?, 1000);
/// assert_eq!(ran.output, "4\n");
/// assert_eq!(ran.failures[0].1.text, "ZeroDivisionError: division by zero");
/// # Ok::<(), singletrack::python::front::refusal::Refusal>(())
/// ```
pub fn run_single(program: &Arc<Program>, fuel: u64) -> Ran {
    let mut machine = Machine::new(Arc::clone(program), rows());
    let mut fuel = fuel;
    let mut number = 0;
    let mut stopped = None;
    while stopped.is_none() && !machine.world.has_ended() {
        match next_ready(&machine, number) {
            Some(ready) => {
                number = ready;
                stopped = turn(&mut machine, number, &mut fuel);
                number = (number + 1) % machine.world.threads.len();
            }
            None => stopped = wait(&mut machine),
        }
    }
    machine.complain_at_end();
    let failures = machine.world.threads.iter().enumerate();
    let failures = failures.filter_map(|(at, t)| Some((at, t.failure.clone()?))).collect();
    let (output, errors) = (machine.world.output.to_string(), machine.world.errors.to_string());
    Ran { output, failures, errors, stopped }
}

/// The first thread that could go on, from this one on.
pub(crate) fn next_ready(machine: &Machine, number: usize) -> Option<usize> {
    let count = machine.world.threads.len();
    (0..count).map(|at| (number + at) % count).find(|at| machine.world.is_ready(*at))
}

/// Lets a thread execute until it waits, ends, or its turn is over.
fn turn(machine: &mut Machine, number: usize, fuel: &mut u64) -> Option<(String, Position)> {
    machine.enter(number);
    let most = TURN.min(*fuel);
    let mut left = most;
    let pause = machine.run_burst(Points::NONE, &mut left);
    *fuel -= most - left;
    let stopped = match pause {
        Pause::Stop(reason) => Some((reason, machine.position())),
        // What it would execute next: the last one may have jumped there from elsewhere.
        Pause::Fuel if *fuel == 0 => {
            Some(("it takes too many instructions".to_owned(), machine.next_position()))
        }
        _ => None,
    };
    machine.leave();
    stopped
}

/// No thread is ready: the time jumps to the next moment that one waits for.
pub(crate) fn wait(machine: &mut Machine) -> Option<(String, Position)> {
    let world = &mut machine.world;
    let waiting = |thread: &&Arc<Thread>| !thread.has_ended() && thread.wait.is_some();
    let deadlines = world.threads.iter().filter(waiting).filter_map(|thread| thread.deadline);
    if let Some(next) = deadlines.min() {
        world.clock = world.clock.max(next);
        let late = |thread: &&mut Arc<Thread>| {
            thread.deadline == Some(next) && matches!(thread.wait, Some((_, Some(_))))
        };
        for thread in world.threads.iter_mut().filter(late) {
            let thread = Arc::make_mut(thread);
            thread.timed_out = true;
            thread.wait = None;
        }
        return None;
    }
    let stuck = machine.world.threads.iter().position(|t| !t.has_ended() && !t.daemon)?;
    machine.enter(stuck);
    let at = machine.next_position();
    machine.leave();
    Some(("deadlock: every thread waits for another".to_owned(), at))
}
