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
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::Flow;
use crate::python::machine::world::{Failure, Wait};
use std::sync::Arc;

/// How many instructions a thread executes before the next one's turn.
const TURN: u64 = 1000;

/// How a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it printed.
    pub output: String,
    /// The exceptions that ended threads, with the numbers of those.
    pub failures: Vec<(usize, Failure)>,
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
        let count = machine.world.threads.len();
        let ready =
            (0..count).map(|at| (number + at) % count).find(|at| machine.world.is_ready(*at));
        match ready {
            Some(ready) => {
                number = ready;
                stopped = turn(&mut machine, number, &mut fuel);
                number = (number + 1) % machine.world.threads.len();
            }
            None => stopped = wait(&mut machine),
        }
    }
    let failures = machine.world.threads.iter().enumerate();
    let failures = failures.filter_map(|(at, t)| Some((at, t.failure.clone()?))).collect();
    Ran { output: machine.world.output.to_string(), failures, stopped }
}

/// Lets a thread execute until it waits, ends, or its turn is over.
fn turn(machine: &mut Machine, number: usize, fuel: &mut u64) -> Option<(String, Position)> {
    machine.enter(number);
    let mut left = TURN;
    let mut stopped = None;
    while left > 0 && !machine.current.has_ended() {
        if *fuel == 0 {
            stopped = Some(("it takes too many instructions".to_owned(), machine.position()));
            break;
        }
        *fuel -= 1;
        left -= 1;
        match machine.execute() {
            Ok(Flow::Next(_)) => {}
            Ok(Flow::Wait(..)) => break,
            Err(reason) => {
                stopped = Some((reason, machine.position()));
                break;
            }
        }
        if machine.world.heap.charged() > 2 * machine.live + 100_000 {
            machine.sweep();
        }
    }
    machine.leave();
    stopped
}

/// No thread is ready: the time jumps to the next one that sleeps, or a limit passes.
fn wait(machine: &mut Machine) -> Option<(String, Position)> {
    let sleeps = machine.world.threads.iter().filter_map(|thread| match thread.wait {
        Some((Wait::Sleep(until), _)) if !thread.has_ended() => Some(until),
        _ => None,
    });
    if let Some(until) = sleeps.min() {
        machine.world.clock = until;
        return None;
    }
    let limited = |thread: &&mut Arc<crate::python::machine::world::Thread>| {
        !thread.has_ended() && matches!(thread.wait, Some((_, true)))
    };
    if let Some(thread) = machine.world.threads.iter_mut().find(limited) {
        let thread = Arc::make_mut(thread);
        thread.timed_out = true;
        thread.wait = None;
        return None;
    }
    let stuck = machine.world.threads.iter().position(|t| !t.has_ended() && !t.daemon)?;
    machine.enter(stuck);
    let at = machine.next_position();
    machine.leave();
    Some(("deadlock: every thread waits for another".to_owned(), at))
}
