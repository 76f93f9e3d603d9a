//! A schedule: which thread runs for how many instructions, then which.
//!
//! *Promises*: what is printed is read back as the same schedule.
//! *Leaves out*: whether a program and a policy allow it (`vm/replay.rs`).
//!
//! ```text
//!   1x1,2x6,1x5      thread 1 for one instruction, thread 2 for six, thread 1 for five
//! ```
//!
//! # A schedule, carried out: every instruction of it, in order
//!
//! *Assumes*: nothing of the schedule.
//! *Promises*: a schedule that the policy does not allow is refused, with the instruction after
//! which nobody else could have come in.
//! *Leaves out*: drawing it (`vm/replay.rs`).
//!
//! ```text
//!   schedule ─┐
//!   program  ─┼─▶ replay ──▶ events: who, which instruction, which value; and the outcome
//!   policy   ─┘         └──▶ or: "thread 1 cannot be left after LOAD_GLOBAL"
//! ```
//!
//! # What a schedule does, drawn: a column for each thread, time going down
//!
//! *Assumes*: a terminal of 80 columns for two threads.
//! *Promises*: plain text; long stretches are cut in the middle, and say so.
//! *Leaves out*: colours.
//!
//! ```text
//!        thread 1: increment()      thread 2: increment()
//!    1   LOAD_GLOBAL x       = 0
//!    2                              LOAD_GLOBAL x       = 0
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::vm::disassembler::operand;
use crate::vm::program::{Op, Position, Program};
use crate::vm::verifier::Verified;
use crate::vm::world::{Ending, Outcome, World};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// A stretch of instructions of one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stretch {
    /// The thread, counted from 0; it is printed counted from 1.
    pub thread: usize,
    /// How many instructions it executes.
    pub instructions: usize,
}

/// Which thread runs when.
///
/// ```
/// use singletrack::vm::replay::Schedule;
///
/// let schedule: Schedule = "1x1,2x6,1x5".parse()?;
/// assert_eq!(schedule.switches(), 2);
/// assert_eq!(schedule.to_string(), "1x1,2x6,1x5");
/// assert!("1x1,2".parse::<Schedule>().is_err());
/// # Ok::<(), singletrack::vm::replay::ScheduleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Schedule {
    runs: Vec<Stretch>,
}

impl Schedule {
    /// Lets a thread run on, or another one begin.
    pub fn push(&mut self, thread: usize, instructions: usize) {
        match self.runs.last_mut() {
            Some(last) if last.thread == thread => last.instructions += instructions,
            _ => self.runs.push(Stretch { thread, instructions }),
        }
    }

    /// The stretches, in order; neighbours are of different threads.
    pub fn stretches(&self) -> &[Stretch] {
        &self.runs
    }

    /// How often another thread runs than before.
    pub fn switches(&self) -> usize {
        self.runs.len().saturating_sub(1)
    }
}

impl FromIterator<Stretch> for Schedule {
    fn from_iter<I: IntoIterator<Item = Stretch>>(runs: I) -> Schedule {
        let mut schedule = Schedule::default();
        runs.into_iter().for_each(|run| schedule.push(run.thread, run.instructions));
        schedule
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, run) in self.runs.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{}x{}", run.thread + 1, run.instructions)?;
        }
        Ok(())
    }
}

/// A piece of text that is no stretch of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleError(String);

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no stretch of a schedule; write THREADxINSTRUCTIONS, as in 1x3", self.0)
    }
}

impl std::error::Error for ScheduleError {}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Schedule, ScheduleError> {
        let stretch = |piece: &str| {
            let (thread, instructions) = piece.trim().split_once('x')?;
            let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0);
            let thread = number(thread)? as usize - 1;
            Some(Stretch { thread, instructions: number(instructions)? as usize })
        };
        let read = |piece: &str| stretch(piece).ok_or_else(|| ScheduleError(piece.to_owned()));
        text.split(',').map(read).collect()
    }
}

/// One instruction that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEntry {
    /// Who executed it; threads count from 0.
    pub thread: usize,
    /// The instruction with its operand: `LOAD_GLOBAL x`.
    pub text: String,
    /// The number that went from or to a global.
    pub value: Option<i64>,
    /// Where it is written.
    pub position: Position,
}

/// What a schedule came to.
#[derive(Debug, Clone)]
pub struct Replay {
    /// All instructions, in order.
    pub trace: Vec<TraceEntry>,
    /// How it came out; [`Ending::OutOfFuel`] if the schedule stops while threads could go on
    /// to something new.
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
    /// The thread waits for a lock.
    Waits {
        /// The thread.
        thread: usize,
        /// The lock's name.
        lock: String,
    },
    /// The policy does not look here, so no other thread can come in.
    NoSwitch {
        /// The thread.
        thread: usize,
        /// The instruction it would be left after.
        op: Op,
        /// Where that stands.
        position: Position,
        /// The policy.
        policy: SwitchPolicy,
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
            ReplayError::Waits { thread, lock } => {
                write!(f, "thread {} waits for `{lock}` then; let its owner run", thread + 1)
            }
            ReplayError::NoSwitch { thread, op, position, policy } => write!(
                f,
                "thread {} cannot be left after {} in line {}, for {policy} does not look there; \
                 let it go on, or take another policy",
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
/// let replayed = replay(&program, &SwitchPolicy::PYTHON_2, &schedule)?;
/// assert_eq!(replayed.outcome.globals, [1], "an update is lost");
/// let refused = replay(&program, &SwitchPolicy::PYTHON_3_10, &schedule).unwrap_err();
/// assert!(refused.to_string().starts_with("thread 1 cannot be left after LOAD_GLOBAL"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn replay(
    program: &Verified,
    policy: &SwitchPolicy,
    schedule: &Schedule,
) -> Result<Replay, ReplayError> {
    let mut world = World::new(program);
    let mut events = Vec::new();
    let mut seen = HashMap::from([(world.clone(), 0)]);
    let mut cycle = None;
    for (at, run) in schedule.stretches().iter().enumerate() {
        let thread = run.thread;
        let mut last = None;
        for _ in 0..run.instructions {
            let (event, op) = execute_next(program, &mut world, thread)?;
            last = Some((op, event.position));
            events.push(event);
            if op.may_switch(policy) {
                let first = *seen.entry(world.clone()).or_insert(events.len());
                cycle = (first < events.len()).then_some(first);
            }
        }
        let others_follow = at + 1 < schedule.stretches().len();
        if let Some((op, position)) = last
            && others_follow
            && world.can_run(program, thread)
            && !op.may_switch(policy)
        {
            return Err(ReplayError::NoSwitch { thread, op, position, policy: *policy });
        }
    }
    let outcome = world.outcome(program).unwrap_or_else(|| {
        let goes_round = |from: &usize| {
            let in_it = |thread: &usize| events[*from..].iter().any(|e| e.thread == *thread);
            world.runnable(program).iter().all(in_it)
        };
        world.outcome_with(match cycle {
            None => Ending::OutOfFuel,
            Some(from) if goes_round(&from) => Ending::Endless,
            Some(_) => Ending::Starvation,
        })
    });
    Ok(Replay { trace: events, outcome, world })
}

/// One instruction of a thread.
fn execute_next(
    program: &Verified,
    world: &mut World,
    thread: usize,
) -> Result<(TraceEntry, Op), ReplayError> {
    if thread >= world.threads() {
        return Err(ReplayError::NoThread(thread));
    }
    let Some((function, instruction)) = world.thread(thread).next(program) else {
        return Err(ReplayError::Ended(thread));
    };
    let Some((op, _)) = world.execute(program, thread) else {
        let lock = world.waits_for(program, thread).unwrap_or_default();
        let lock = program.program().locks[usize::from(lock)].clone();
        return Err(ReplayError::Waits { thread, lock });
    };
    let function = &program.program().functions[usize::from(function)];
    let name = op.opcode().name;
    let text = match operand(program.program(), function, op) {
        None => name.to_owned(),
        Some(meaning) => format!("{name} {meaning}"),
    };
    let value = match op {
        Op::LoadGlobal(global) | Op::StoreGlobal(global) => {
            Some(world.globals()[usize::from(global)])
        }
        _ => None,
    };
    Ok((TraceEntry { thread, text, value, position: instruction.position }, op))
}

/// The least width of a thread's column.
const WIDTH: usize = 30;
/// Of a longer stretch only the ends are shown.
const LONG: usize = 14;
const ENDS: usize = 5;

/// Draws what happened.
pub fn columns(program: &Program, events: &[TraceEntry]) -> String {
    let heads: Vec<String> = (0..program.threads.len()).map(|at| head(program, at)).collect();
    let width = heads.iter().map(|head| head.chars().count() + 3).max().unwrap_or(0).max(WIDTH);
    let mut text = String::from("       ");
    for head in &heads {
        text += &format!("{head:<width$}");
    }
    let mut text = text.trim_end().to_owned() + "\n";
    let mut number = 1;
    for stretch in events.chunk_by(|a, b| a.thread == b.thread) {
        for (at, event) in stretch.iter().enumerate() {
            let left = stretch.len() - at;
            let indent = " ".repeat(width * event.thread);
            if stretch.len() > LONG && at == ENDS {
                let more = stretch.len() - 2 * ENDS;
                text += &format!("    ⋮  {indent}({more} more instructions)\n");
            }
            if stretch.len() <= LONG || at < ENDS || left <= ENDS {
                text += format!("{number:>5}  {indent}{}", cell(event)).trim_end();
                text.push('\n');
            }
            number += 1;
        }
    }
    text
}

fn head(program: &Program, thread: usize) -> String {
    let start = &program.threads[thread];
    let name = program.functions.get(usize::from(start.function)).map_or("?", |f| &f.name);
    let arguments: Vec<String> = start.arguments.iter().map(i64::to_string).collect();
    format!("thread {}: {name}({})", thread + 1, arguments.join(", "))
}

fn cell(event: &TraceEntry) -> String {
    match event.value {
        None => event.text.clone(),
        Some(value) => format!("{:<20}= {value}", event.text),
    }
}
