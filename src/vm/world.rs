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

use crate::gil::rules::policy::HandOff;
use crate::gil::rules::threading::Threading;
use crate::vm::access::Access;
use crate::vm::program::{Expect, Position, Program};
use crate::vm::sync::{Exception, SyncObjects, Wait};
use crate::vm::thread::{Effect, Executed, SharedMemory, Thread};
use crate::vm::verifier::Verified;
use std::fmt;

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
    fn record(&mut self, access: Option<Access>) {
        self.accesses.extend(access.filter(|access| !self.accesses.contains(access)));
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
    /// All threads have returned.
    Finished,
    /// All threads have ended, and an exception has ended one.
    Raised,
    /// The threads that have not ended wait for what no thread is left to do.
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
            Ending::Raised => "raised",
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

/// A thread that an exception has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Raised {
    /// The thread, counted from 0.
    pub thread: usize,
    /// What was raised.
    pub exception: Exception,
    /// Where in the text.
    pub position: Position,
}

/// How a program ended, and with which values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The globals at the end.
    pub globals: Vec<i64>,
    /// The threads that an exception has ended, in their order.
    pub raised: Vec<Raised>,
}

impl Outcome {
    /// The expectations that this outcome breaks. One that is no end, such as a deadlock, breaks all
    /// of them; a run that was cut, none.
    pub fn breaks<'p>(&self, program: &'p Program) -> Vec<&'p Expect> {
        let breaks = |expect: &&Expect| match self.ending {
            Ending::Finished | Ending::Raised => expect.condition.value(&self.globals) == 0,
            Ending::Deadlock | Ending::Starvation | Ending::Endless => true,
            Ending::OutOfFuel => false,
        };
        program.expects.iter().filter(breaks).collect()
    }
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
/// let policy = SwitchPolicy::PYTHON_3_10.into();
/// assert_eq!(world.step(&program, 0, policy).instructions, 6);
/// assert_eq!(world.globals(), [1]);
///
/// let mut world = World::new(&program);
/// let policy = SwitchPolicy::PYTHON_2.into();
/// assert_eq!(world.step(&program, 0, policy).instructions, 1);
/// assert_eq!(world.step(&program, 0, policy).instructions, 2, "LOAD_CONST is not counted");
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

    /// The program's locks, events, conditions and semaphores.
    pub fn sync(&self) -> &SyncObjects {
        &self.shared.sync
    }

    /// What this thread has to wait for, if it has.
    pub fn waits_for(&self, program: &Verified, thread: usize) -> Option<Wait> {
        self.threads[thread].waits_for(program, &self.shared.sync)
    }

    /// Whether this thread has neither ended nor waits.
    pub fn can_run(&self, program: &Verified, thread: usize) -> bool {
        self.threads[thread].next(program).is_some() && self.waits_for(program, thread).is_none()
    }

    /// The threads that can run, in order.
    pub fn runnable(&self, program: &Verified) -> Vec<usize> {
        (0..self.threads.len()).filter(|&thread| self.can_run(program, thread)).collect()
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let threads: usize = self.threads.iter().map(Thread::bytes).sum();
        size_of::<World>() + threads + self.shared.bytes()
    }

    /// How the program has ended, if no thread can run.
    pub fn outcome(&self, program: &Verified) -> Option<Outcome> {
        if (0..self.threads.len()).any(|thread| self.can_run(program, thread)) {
            return None;
        }
        let all_ended = self.threads.iter().all(|thread| thread.next(program).is_none());
        let raised = self.threads.iter().any(|thread| thread.raised().is_some());
        Some(self.outcome_with(match (all_ended, raised) {
            (false, _) => Ending::Deadlock,
            (true, true) => Ending::Raised,
            (true, false) => Ending::Finished,
        }))
    }

    /// The globals as they are now, with this ending.
    pub fn outcome_with(&self, ending: Ending) -> Outcome {
        let raised = self.threads.iter().enumerate().filter_map(|(thread, state)| {
            let (exception, position) = state.raised()?;
            Some(Raised { thread, exception, position })
        });
        Outcome { ending, globals: self.shared.globals.clone(), raised: raised.collect() }
    }

    /// Executes one instruction of a thread; `None` if it cannot run.
    pub fn execute(&mut self, program: &Verified, thread: usize) -> Option<Executed> {
        let executed = self.threads[thread].execute(program, &mut self.shared)?;
        (!matches!(executed.effect, Effect::Waits(_))).then_some(executed)
    }

    /// Runs a thread to the next place where another may run: its end, something that it has to
    /// wait for, or a switch point of the policy. A step always ends: every loop jumps back, and a
    /// jump back is a switch point under every policy.
    pub fn step(&mut self, program: &Verified, thread: usize, threading: Threading) -> Step {
        let mut step = Step::default();
        while let Some(executed) = self.execute(program, thread) {
            step.instructions += 1;
            step.blocked |= executed.op.blocks();
            step.record(Access::of(program.program(), executed.op));
            let ends = matches!(executed.effect, Effect::Ends(_) | Effect::Raises(_));
            if ends || executed.may_switch(threading) {
                return step;
            }
        }
        // What it waits for is found taken, or not yet there.
        let next = self.threads[thread].next(program);
        step.record(next.and_then(|(_, next)| Access::of(program.program(), next.op)));
        step
    }
}

/// Whether so many threads, in a cycle without blocking, can keep the lock from all others.
pub(super) fn can_starve(threading: Threading, members: usize) -> bool {
    match threading.hand_off() {
        // The thread that drops it may be the quickest to take it, any number of times.
        Some(HandOff::Race) => true,
        // The thread that drops it must let another have it, but two may alternate for ever.
        Some(HandOff::Forced) => members > 1,
        // Without a lock, all others run meanwhile.
        Some(HandOff::Fifo | HandOff::Priority) | None => false,
    }
}
