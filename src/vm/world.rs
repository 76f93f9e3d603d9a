//! The world: all threads of a program as coroutines, run step by step.
//!
//! *Assumes*: a verified program, and the same one all the time.
//! *Promises*: no real thread, no clock, no chance: the same steps make an equal world.
//! *Leaves out*: which thread runs next (`vm/replay.rs`, `vm/explorer.rs`).
//!
//! ```text
//!   thread 1   LOAD_GLOBAL │ LOAD_CONST │ ADD │ STORE_GLOBAL │ …      python-3.2: six steps
//!              LOAD_GLOBAL │ LOAD_CONST   ADD │ STORE_GLOBAL │ …      python-2:   four
//!              LOAD_GLOBAL   LOAD_CONST   ADD   STORE_GLOBAL   …      python-3.10: one
//! ```
//! A *step* goes to the next place where the policy lets the lock change hands. No other thread
//! can run in between, so a schedule is an order of steps.

use crate::gil::rules::policy::SwitchPolicy;
use crate::vm::program::Op;
use crate::vm::thread::{Effect, SharedMemory, Thread};
use crate::vm::verifier::Verified;
use std::fmt;

/// An access of a step to something that threads share.
///
/// ```
/// use singletrack::vm::world::Access;
///
/// assert!(Access::Read(0).conflicts(Access::Write(0)));
/// assert!(!Access::Read(0).conflicts(Access::Read(0)), "in either order they see the same");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// A global was read.
    Read(u16),
    /// A global was written.
    Write(u16),
    /// A lock was taken, released, or found taken.
    Lock(u16),
}

impl Access {
    /// Whether the order of two such accesses, by different threads, makes a difference.
    pub fn conflicts(self, other: Access) -> bool {
        match (self, other) {
            (Access::Read(a) | Access::Write(a), Access::Write(b))
            | (Access::Write(a), Access::Read(b))
            | (Access::Lock(a), Access::Lock(b)) => a == b,
            _ => false,
        }
    }
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// How many instructions it was.
    pub instructions: usize,
    /// What it accessed, each once.
    pub accesses: Vec<Access>,
    /// The lock was dropped to block, so every other thread could take it.
    pub blocked: bool,
}

impl Step {
    fn record_access(&mut self, access: Access) {
        if !self.accesses.contains(&access) {
            self.accesses.push(access);
        }
    }

    /// Whether the order of these two steps, by different threads, makes no difference.
    pub fn is_independent(&self, other: &Step) -> bool {
        let conflict = |a: &Access| other.accesses.iter().any(|b| a.conflicts(*b));
        !self.accesses.iter().any(conflict)
    }
}

/// How a program can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ending {
    /// All threads have ended.
    Finished,
    /// The threads that have not ended wait for each other's locks.
    Deadlock,
    /// Some threads go round a cycle for ever, and others, which could run, never get the lock.
    Starvation,
    /// All threads that can run go round a cycle for ever.
    Endless,
    /// It was stopped, since it took too long.
    OutOfFuel,
}

impl Ending {
    /// As it is written in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Ending::Finished => "finished",
            Ending::Deadlock => "deadlock",
            Ending::Starvation => "starvation",
            Ending::Endless => "endless",
            Ending::OutOfFuel => "out of fuel",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a program ended, and with which values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The globals at the end.
    pub globals: Vec<i64>,
}

/// All threads of a program, and what they share.
///
/// ```
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::verifier::Verified;
/// use singletrack::vm::world::World;
///
/// let text = "global x\nthread f\nthread f\n\
///     def f():\n LOAD_GLOBAL x\n LOAD_CONST 1\n ADD\n STORE_GLOBAL x\n LOAD_CONST 0\n RETURN_VALUE";
/// let program = Verified::new(assemble(text)?)?;
///
/// let mut world = World::new(&program);
/// let policy = SwitchPolicy::PYTHON_3_10;
/// assert_eq!(world.step(&program, 0, &policy).instructions, 6);
/// assert_eq!(world.globals(), [1]);
///
/// let mut world = World::new(&program);
/// let policy = SwitchPolicy::PYTHON_2;
/// assert_eq!(world.step(&program, 0, &policy).instructions, 1);
/// assert_eq!(world.step(&program, 0, &policy).instructions, 2, "LOAD_CONST is not counted");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    threads: Vec<Thread>,
    shared: SharedMemory,
}

impl World {
    /// A program at its beginning.
    pub fn new(program: &Verified) -> World {
        let count = program.program().threads.len();
        World {
            threads: (0..count).map(|number| Thread::new(program, number)).collect(),
            shared: SharedMemory::of(program.program()),
        }
    }

    /// The values of the globals.
    pub fn globals(&self) -> &[i64] {
        &self.shared.globals
    }

    /// How many threads there are, ended ones too.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// A thread.
    ///
    /// # Panics
    /// If there is no such thread. They count from 0.
    pub fn thread(&self, number: usize) -> &Thread {
        &self.threads[number]
    }

    /// The thread that holds a lock of the program.
    pub fn owner(&self, lock: u16) -> Option<usize> {
        self.shared.locks.owner(lock)
    }

    /// The lock that this thread needs next, if another holds it.
    pub fn waits_for(&self, program: &Verified, thread: usize) -> Option<u16> {
        match self.threads[thread].next(program)?.1.op {
            Op::Acquire(lock) => self.owner(lock).map(|_| lock),
            _ => None,
        }
    }

    /// Whether this thread has neither ended nor waits for a lock.
    pub fn can_run(&self, program: &Verified, thread: usize) -> bool {
        self.threads[thread].next(program).is_some() && self.waits_for(program, thread).is_none()
    }

    /// The threads that can run, in order.
    pub fn runnable(&self, program: &Verified) -> Vec<usize> {
        (0..self.threads.len()).filter(|&thread| self.can_run(program, thread)).collect()
    }

    /// How the program has ended, if no thread can run.
    pub fn outcome(&self, program: &Verified) -> Option<Outcome> {
        if (0..self.threads.len()).any(|thread| self.can_run(program, thread)) {
            return None;
        }
        let all_ended = self.threads.iter().all(|thread| thread.next(program).is_none());
        let ending = if all_ended { Ending::Finished } else { Ending::Deadlock };
        Some(self.outcome_with(ending))
    }

    /// The globals as they are now, with this ending.
    pub fn outcome_with(&self, ending: Ending) -> Outcome {
        Outcome { ending, globals: self.shared.globals.clone() }
    }

    /// Executes one instruction of a thread; `None` if it cannot run.
    pub fn execute(&mut self, program: &Verified, thread: usize) -> Option<(Op, Effect)> {
        if !self.can_run(program, thread) {
            return None;
        }
        let op = self.threads[thread].next(program)?.1.op;
        Some((op, self.threads[thread].execute(program, &mut self.shared)))
    }

    /// Runs a thread to the next place where another may run: its end, a lock that is not free, or
    /// a switch point of the policy. A step always ends: every loop jumps back, and a jump back is
    /// a switch point under every policy.
    pub fn step(&mut self, program: &Verified, thread: usize, policy: &SwitchPolicy) -> Step {
        let mut step = Step::default();
        while let Some((op, effect)) = self.execute(program, thread) {
            step.instructions += 1;
            step.blocked |= op.blocks();
            match op {
                Op::LoadGlobal(global) => step.record_access(Access::Read(global)),
                Op::StoreGlobal(global) => step.record_access(Access::Write(global)),
                Op::Acquire(lock) | Op::Release(lock) => step.record_access(Access::Lock(lock)),
                _ => {}
            }
            if matches!(effect, Effect::Ends(_)) || op.may_switch(policy) {
                return step;
            }
        }
        if let Some(lock) = self.waits_for(program, thread) {
            step.record_access(Access::Lock(lock));
        }
        step
    }
}
