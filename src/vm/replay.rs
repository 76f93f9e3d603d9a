//! A schedule, carried out instruction by instruction, and drawn.
//!
//! *Promises*: a schedule that the policy does not allow is refused, with the instruction after
//! which no other thread could have run. The drawing is plain text; long stretches are cut in
//! the middle, and say so.
//! *Leaves out*: how a schedule is written (`vm/schedule.rs`); colours.
//!
//! ```text
//!   schedule ─┐             ┌──▶ trace: which thread, which instruction, which value; the outcome
//!   program  ─┼─▶ replay ───┤
//!   policy   ─┘             └──▶ or: "thread 1 cannot be interrupted after LOAD_GLOBAL"
//!
//!   trace ─▶ columns:          thread 1: increment()      thread 2: increment()
//!                          1   LOAD_GLOBAL x       = 0
//!                          2                              LOAD_GLOBAL x       = 0
//! ```
//! A column is 30 characters wide or more, so two threads fit a terminal of 80.

use crate::gil::rules::threading::Threading;
use crate::vm::access::Access;
use crate::vm::disassembler::operand;
use crate::vm::op::Op;
use crate::vm::program::{Position, Program};
use crate::vm::schedule::Schedule;
use crate::vm::sync::Wait;
use crate::vm::thread::{Effect, Executed};
use crate::vm::verifier::Verified;
use crate::vm::world::{Ending, Outcome, World, can_starve};
use std::collections::{BTreeSet, HashMap};
use std::fmt;

/// One executed instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEntry {
    /// The thread that executed it, counted from 0.
    pub thread: usize,
    /// The instruction with its operand: `LOAD_GLOBAL x`.
    pub text: String,
    /// What came of it: the number that was read from a global or written to it, who was woken.
    pub note: String,
    /// It touched something that threads share.
    pub shared: bool,
    /// Where it stands in the text.
    pub position: Position,
}

/// What a schedule leads to.
#[derive(Debug, Clone)]
pub struct Replay {
    /// All instructions, in order.
    pub trace: Vec<TraceEntry>,
    /// How it ends; [`Ending::OutOfFuel`] if the schedule stops while threads could still reach a
    /// new state.
    pub outcome: Outcome,
    /// The world at the end.
    pub world: World,
}

/// Why a schedule cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no such thread; it counts from 0.
    NoThread(usize),
    /// The thread has ended.
    Ended(usize),
    /// The thread waits.
    Waits {
        /// The thread.
        thread: usize,
        /// What for, by its name.
        what: String,
    },
    /// The policy allows no switch here, so no other thread can run.
    NoSwitch {
        /// The thread.
        thread: usize,
        /// The instruction after which it would be interrupted.
        op: Op,
        /// Where that stands.
        position: Position,
        /// The rules that forbid it.
        threading: Threading,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplayError::NoThread(thread) => {
                write!(f, "there is no thread {}; they count from 1", thread + 1)
            }
            ReplayError::Ended(thread) => {
                write!(f, "thread {} has ended by then; give it fewer instructions", thread + 1)
            }
            ReplayError::Waits { thread, what } => {
                write!(f, "thread {} waits for `{what}` then; let another thread run", thread + 1)
            }
            ReplayError::NoSwitch { thread, op, position, threading } => write!(
                f,
                "thread {} cannot be interrupted after {} in line {}, for {threading} allows no switch \
                 there; let it go on, or take another policy",
                thread + 1,
                op.opcode().name,
                position.line
            ),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Carries out a schedule.
///
/// # Errors
/// [`ReplayError`] if the program or the policy does not allow it.
///
/// ```
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::replay::replay;
/// use singletrack::vm::verifier::Verified;
///
/// let text = "global x\nthread f\nthread f\n\
///     def f():\n LOAD_GLOBAL x\n LOAD_CONST 1\n ADD\n STORE_GLOBAL x\n LOAD_CONST 0\n RETURN_VALUE";
/// let program = Verified::new(assemble(text)?)?;
/// let schedule = "1x1,2x6,1x5".parse()?;
///
/// let replayed = replay(&program, SwitchPolicy::PYTHON_2, &schedule)?;
/// assert_eq!(replayed.outcome.globals, [1], "an update is lost");
/// let refused = replay(&program, SwitchPolicy::PYTHON_3_10, &schedule).unwrap_err();
/// assert!(refused.to_string().starts_with("thread 1 cannot be interrupted after LOAD_GLOBAL"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn replay(
    program: &Verified,
    threading: impl Into<Threading>,
    schedule: &Schedule,
) -> Result<Replay, ReplayError> {
    let threading = threading.into();
    let mut world = World::new(program);
    let (mut trace, mut blocked) = (Vec::new(), Vec::new());
    // A state that comes again closes a cycle, which could go on for ever.
    let mut seen = HashMap::from([(world.clone(), 0)]);
    let mut cycle = None;
    for (at, stretch) in schedule.stretches().iter().enumerate() {
        let thread = stretch.thread;
        let mut last = None;
        for _ in 0..stretch.instructions {
            let (entry, executed) = execute_next(program, &mut world, thread)?;
            last = Some((executed, entry.position));
            trace.push(entry);
            blocked.push(executed.op.blocks());
            cycle = None;
            if executed.may_switch(threading) || !world.can_run(program, thread) {
                let first = *seen.entry(world.clone()).or_insert(trace.len());
                cycle = (first < trace.len()).then_some(first);
            }
        }
        let others_follow = at + 1 < schedule.stretches().len();
        if let Some((executed, position)) = last
            && others_follow
            && world.can_run(program, thread)
            && !executed.may_switch(threading)
        {
            let op = executed.op;
            return Err(ReplayError::NoSwitch { thread, op, position, threading });
        }
    }
    let outcome = world.outcome(program).unwrap_or_else(|| {
        let takes_all_along = |from: usize| {
            let is_on_cycle = |thread: &usize| trace[from..].iter().any(|e| e.thread == *thread);
            world.runnable(program).iter().all(is_on_cycle)
        };
        let starves = |from: usize| {
            let members: BTreeSet<usize> = trace[from..].iter().map(|entry| entry.thread).collect();
            !blocked[from..].contains(&true) && can_starve(threading, members.len())
        };
        world.outcome_with(match cycle {
            Some(from) if takes_all_along(from) => Ending::Endless,
            Some(from) if starves(from) => Ending::Starvation,
            _ => Ending::OutOfFuel,
        })
    });
    Ok(Replay { trace, outcome, world })
}

/// Executes the next instruction of a thread.
fn execute_next(
    program: &Verified,
    world: &mut World,
    thread: usize,
) -> Result<(TraceEntry, Executed), ReplayError> {
    if thread >= world.threads() {
        return Err(ReplayError::NoThread(thread));
    }
    let Some((function, instruction)) = world.thread(thread).next(program) else {
        return Err(ReplayError::Ended(thread));
    };
    if let Some(wait) = world.waits_for(program, thread) {
        let what = name_of(program.program(), wait).to_owned();
        return Err(ReplayError::Waits { thread, what });
    }
    let before = World::clone(world);
    let Some(executed) = world.execute(program, thread) else {
        return Err(ReplayError::Ended(thread));
    };
    let Executed { op, effect, .. } = executed;
    let function = &program.program().functions[usize::from(function)];
    let name = op.opcode().name;
    let text = match operand(program.program(), function, op) {
        None => name.to_owned(),
        Some(meaning) => format!("{name} {meaning}"),
    };
    let note = match effect {
        Effect::Raises(exception) => format!("raises {exception}"),
        _ => note(program, op, thread, &before, world),
    };
    let shared = Access::of(program.program(), op).is_some();
    Ok((TraceEntry { thread, text, note, shared, position: instruction.position }, executed))
}

/// What came of an instruction, from the worlds before and after it.
fn note(program: &Verified, op: Op, thread: usize, before: &World, after: &World) -> String {
    let second_step = before.thread(thread).has_begun();
    let stays = after.thread(thread).has_begun();
    let lock_of = |condition: u16| {
        let condition = &program.program().conditions[usize::from(condition)];
        &program.program().locks[usize::from(condition.lock)]
    };
    match op {
        Op::LoadGlobal(global) | Op::StoreGlobal(global) => {
            format!("= {}", after.globals()[usize::from(global)])
        }
        Op::EventSet(event) => wakes(program, Wait::Event(event), before, after),
        Op::EventIsSet(_) if stays => "is entered".to_owned(),
        Op::EventIsSet(event) => format!("= {}", u8::from(after.sync().is_set(event))),
        Op::EventWait(_) if stays => "waits".to_owned(),
        Op::EventWait(_) => if second_step { "is woken" } else { "is set" }.to_owned(),
        Op::ConditionWait(condition) if stays => format!("drops {}, waits", lock_of(condition)),
        Op::ConditionWait(condition) => format!("woken, has {}", lock_of(condition)),
        Op::ConditionNotify(condition) | Op::ConditionNotifyAll(condition) => {
            wakes(program, Wait::Condition(condition), before, after)
        }
        Op::SemaphoreAcquire(semaphore) | Op::SemaphoreRelease(semaphore) => {
            format!("{} left", after.sync().permits(semaphore))
        }
        _ => String::new(),
    }
}

/// Which threads waited for this before, and do not any more.
fn wakes(program: &Verified, wait: Wait, before: &World, after: &World) -> String {
    let woken = (0..before.threads()).filter(|&thread| {
        let waits = |world: &World| world.waits_for(program, thread) == Some(wait);
        waits(before) && !waits(after)
    });
    let woken: Vec<String> = woken.map(|thread| format!("thread {}", thread + 1)).collect();
    match woken.is_empty() {
        true => "wakes nobody".to_owned(),
        false => format!("wakes {}", woken.join(", ")),
    }
}

/// The name of what a thread waits for.
pub fn name_of(program: &Program, wait: Wait) -> &str {
    match wait {
        Wait::Lock(lock) => &program.locks[usize::from(lock)],
        Wait::Event(event) => &program.events[usize::from(event)],
        Wait::Condition(condition) => &program.conditions[usize::from(condition)].name,
        Wait::Semaphore(semaphore) => &program.semaphores[usize::from(semaphore)].name,
    }
}

/// The least width of a thread's column.
const MIN_WIDTH: usize = 30;
/// Of a longer stretch, what is private to its thread is folded away, but for so much at its ends.
const LONGEST_SHOWN: usize = 14;
const SHOWN_ENDS: usize = 5;
/// Of what threads share, so many accesses at the beginning and at the end of a stretch are shown:
/// in a program that a person can understand, all.
const SHOWN_SHARED: usize = 50;

/// Draws a trace: a column for each thread, time going down. With `fold`, long stretches lose what
/// is of no concern to other threads.
pub fn columns(program: &Program, trace: &[TraceEntry], fold: bool) -> String {
    let heads: Vec<String> = (0..program.threads.len()).map(|at| head(program, at)).collect();
    let cells = trace.iter().map(cell);
    let widest = heads.iter().cloned().chain(cells).map(|text| text.chars().count() + 3).max();
    let width = widest.unwrap_or(0).max(MIN_WIDTH);
    let mut text = String::from("       ");
    for head in &heads {
        text += &format!("{head:<width$}");
    }
    let mut text = text.trim_end().to_owned() + "\n";
    let mut number = 1;
    for stretch in trace.chunk_by(|a, b| a.thread == b.thread) {
        let indent = " ".repeat(width * stretch[0].thread);
        for part in stretch_parts(stretch, fold) {
            match part {
                Part::Shown(entry) => {
                    text += format!("{number:>5}  {indent}{}", cell(entry)).trim_end();
                    number += 1;
                }
                Part::Folded { private, shared } => {
                    let of_shared = match shared {
                        0 => String::new(),
                        _ => format!(", with {shared} accesses like those shown"),
                    };
                    let more = private + shared;
                    text += &format!("    ⋮  {indent}({more} more instructions{of_shared})");
                    number += more;
                }
            }
            text.push('\n');
        }
    }
    text
}

/// A row of a drawing: an instruction, or several that are folded away.
enum Part<'t> {
    Shown(&'t TraceEntry),
    Folded { private: usize, shared: usize },
}

/// What is shown of a stretch: all that touches what threads share, for there a switch matters.
fn stretch_parts(stretch: &[TraceEntry], fold: bool) -> Vec<Part<'_>> {
    let long = fold && stretch.len() > LONGEST_SHOWN;
    let accesses = stretch.iter().filter(|entry| entry.shared).count();
    let mut access = 0;
    let is_folded = |(at, entry): (usize, &TraceEntry)| {
        access += usize::from(entry.shared);
        let at_an_end = at < SHOWN_ENDS || stretch.len() - at <= SHOWN_ENDS;
        let shows_access = access <= SHOWN_SHARED || accesses - access < SHOWN_SHARED;
        long && !at_an_end && !(entry.shared && shows_access)
    };
    let folded: Vec<bool> = stretch.iter().enumerate().map(is_folded).collect();
    let mut parts = Vec::new();
    let mut at = 0;
    for run in folded.chunk_by(|a, b| a == b) {
        let entries = &stretch[at..at + run.len()];
        at += run.len();
        // A single instruction takes no more room than the words for it.
        if run[0] && run.len() > 1 {
            let shared = entries.iter().filter(|entry| entry.shared).count();
            parts.push(Part::Folded { private: run.len() - shared, shared });
        } else {
            parts.extend(entries.iter().map(Part::Shown));
        }
    }
    parts
}

fn head(program: &Program, thread: usize) -> String {
    let start = &program.threads[thread];
    let name = program.functions.get(usize::from(start.function)).map_or("?", |f| &f.name);
    let arguments: Vec<String> = start.arguments.iter().map(i64::to_string).collect();
    format!("thread {}: {name}({})", thread + 1, arguments.join(", "))
}

fn cell(entry: &TraceEntry) -> String {
    match &*entry.note {
        "" => entry.text.clone(),
        note => format!("{:<19} {note}", entry.text),
    }
}
