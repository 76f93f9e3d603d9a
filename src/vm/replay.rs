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

use crate::gil::rules::policy::SwitchPolicy;
use crate::vm::disassembler::operand;
use crate::vm::program::{Op, Position, Program};
use crate::vm::schedule::Schedule;
use crate::vm::verifier::Verified;
use crate::vm::world::{Ending, Outcome, World};
use std::collections::HashMap;
use std::fmt;

/// One executed instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEntry {
    /// The thread that executed it, counted from 0.
    pub thread: usize,
    /// The instruction with its operand: `LOAD_GLOBAL x`.
    pub text: String,
    /// The number that was read from a global, or written to it.
    pub value: Option<i64>,
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
    /// The thread waits for a lock.
    Waits {
        /// The thread.
        thread: usize,
        /// The lock's name.
        lock: String,
    },
    /// The policy allows no switch here, so no other thread can run.
    NoSwitch {
        /// The thread.
        thread: usize,
        /// The instruction after which it would be interrupted.
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
                "thread {} cannot be interrupted after {} in line {}, for {policy} allows no switch \
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
/// let replayed = replay(&program, &SwitchPolicy::PYTHON_2, &schedule)?;
/// assert_eq!(replayed.outcome.globals, [1], "an update is lost");
/// let refused = replay(&program, &SwitchPolicy::PYTHON_3_10, &schedule).unwrap_err();
/// assert!(refused.to_string().starts_with("thread 1 cannot be interrupted after LOAD_GLOBAL"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn replay(
    program: &Verified,
    policy: &SwitchPolicy,
    schedule: &Schedule,
) -> Result<Replay, ReplayError> {
    let mut world = World::new(program);
    let mut trace = Vec::new();
    // A state that comes again closes a cycle, which could go on for ever.
    let mut seen = HashMap::from([(world.clone(), 0)]);
    let mut cycle = None;
    for (at, stretch) in schedule.stretches().iter().enumerate() {
        let thread = stretch.thread;
        let mut last = None;
        for _ in 0..stretch.instructions {
            let (entry, op) = execute_next(program, &mut world, thread)?;
            last = Some((op, entry.position));
            trace.push(entry);
            if op.may_switch(policy) {
                let first = *seen.entry(world.clone()).or_insert(trace.len());
                cycle = (first < trace.len()).then_some(first);
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
        let takes_all_along = |from: usize| {
            let is_on_cycle = |thread: &usize| trace[from..].iter().any(|e| e.thread == *thread);
            world.runnable(program).iter().all(is_on_cycle)
        };
        world.outcome_with(match cycle {
            None => Ending::OutOfFuel,
            Some(from) if takes_all_along(from) => Ending::Endless,
            Some(_) => Ending::Starvation,
        })
    });
    Ok(Replay { trace, outcome, world })
}

/// Executes the next instruction of a thread.
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
const MIN_WIDTH: usize = 30;
/// Of a longer stretch only the first and last [`SHOWN_ENDS`] instructions are shown.
const LONGEST_SHOWN: usize = 14;
const SHOWN_ENDS: usize = 5;

/// Draws a trace: a column for each thread, time going down.
pub fn columns(program: &Program, trace: &[TraceEntry]) -> String {
    let heads: Vec<String> = (0..program.threads.len()).map(|at| head(program, at)).collect();
    let width = heads.iter().map(|head| head.chars().count() + 3).max().unwrap_or(0).max(MIN_WIDTH);
    let mut text = String::from("       ");
    for head in &heads {
        text += &format!("{head:<width$}");
    }
    let mut text = text.trim_end().to_owned() + "\n";
    let mut number = 1;
    for stretch in trace.chunk_by(|a, b| a.thread == b.thread) {
        for (at, entry) in stretch.iter().enumerate() {
            let left = stretch.len() - at;
            let indent = " ".repeat(width * entry.thread);
            if stretch.len() > LONGEST_SHOWN && at == SHOWN_ENDS {
                let more = stretch.len() - 2 * SHOWN_ENDS;
                text += &format!("    ⋮  {indent}({more} more instructions)\n");
            }
            if stretch.len() <= LONGEST_SHOWN || at < SHOWN_ENDS || left <= SHOWN_ENDS {
                text += format!("{number:>5}  {indent}{}", cell(entry)).trim_end();
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

fn cell(entry: &TraceEntry) -> String {
    match entry.value {
        None => entry.text.clone(),
        Some(value) => format!("{:<20}= {value}", entry.text),
    }
}
