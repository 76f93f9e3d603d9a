//! A thread of a program: its frames, its locks, and the one `match` that executes.
//!
//! *Assumes*: a verified program, and the same one all the time; a lock is released by the
//! thread that took it (the verifier checks that, too).
//! *Promises*: no panic; an instruction is atomic; it does the same on real threads and in the
//! explorer; a cycle of threads that wait for each other is found.
//! *Leaves out*: when another thread runs. Real threads ask the global lock, which also makes
//! them sleep and wakes them (`vm/real_threads.rs`); the explorer tries every order
//! (`vm/world.rs`). Both run this code.
//!
//! ```text
//!   Thread ── CallFrame  main    at 7   │ locals │ stack …      CPython's layout: one array,
//!          └─ CallFrame  helper  at 2   │ locals │ stack …      locals first
//!
//!   thread 1 ── wants ──▶ b ── held by ──▶ thread 2 ── wants ──▶ a ── held by ──▶ thread 1
//! ```

use crate::vm::program::{Instruction, Op, Program};
use crate::vm::verifier::Verified;
use std::time::Duration;

/// The locks that the threads of one program share.
///
/// ```
/// use singletrack::vm::thread::Locks;
///
/// let mut locks = Locks::new(2, 2);
/// assert!(locks.acquire(0, 0) && locks.acquire(1, 1));
/// assert!(!locks.acquire(0, 1), "taken: thread 0 waits");
/// assert!(!locks.is_stuck(0), "thread 1 may still release it");
/// assert!(!locks.acquire(1, 0));
/// assert!(locks.is_stuck(0) && locks.is_stuck(1), "now it cannot");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Locks {
    /// The owner of each lock.
    owners: Vec<Option<usize>>,
    /// What each thread does.
    statuses: Vec<LockStatus>,
}

/// What a thread does, as far as locks are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum LockStatus {
    Running,
    Waiting(u16),
    Stopped,
}

impl Locks {
    /// Free locks, and threads that run.
    pub fn new(locks: usize, threads: usize) -> Locks {
        Locks { owners: vec![None; locks], statuses: vec![LockStatus::Running; threads] }
    }

    /// Takes the lock if it is free. If not, the thread counts as waiting until it tries again.
    pub fn acquire(&mut self, thread: usize, lock: u16) -> bool {
        let owner = &mut self.owners[usize::from(lock)];
        let free = owner.is_none();
        if free {
            *owner = Some(thread);
        }
        self.statuses[thread] = if free { LockStatus::Running } else { LockStatus::Waiting(lock) };
        free
    }

    /// Releases the lock.
    pub fn release(&mut self, lock: u16) {
        self.owners[usize::from(lock)] = None;
    }

    /// This thread does not run any more. The locks that it holds are never released.
    pub fn mark_stopped(&mut self, thread: usize) {
        self.statuses[thread] = LockStatus::Stopped;
    }

    /// The thread that holds the lock.
    pub fn owner(&self, lock: u16) -> Option<usize> {
        self.owners[usize::from(lock)]
    }

    /// Whether this thread waits, and no thread is left that could end its wait.
    pub fn is_stuck(&self, thread: usize) -> bool {
        let mut at = thread;
        // A chain of waits that is longer than the number of threads is a cycle.
        for _ in 0..self.statuses.len() {
            let LockStatus::Waiting(lock) = self.statuses[at] else {
                return at != thread && self.statuses[at] == LockStatus::Stopped;
            };
            match self.owner(lock) {
                None => return false,
                Some(owner) => at = owner,
            }
        }
        true
    }
}

/// What all threads of a program share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SharedMemory {
    /// The values of the globals.
    pub globals: Vec<i64>,
    /// The program's own locks.
    pub locks: Locks,
}

impl SharedMemory {
    /// The initial values.
    pub fn of(program: &Program) -> SharedMemory {
        SharedMemory {
            globals: program.globals.iter().map(|global| global.value).collect(),
            locks: Locks::new(program.locks.len(), program.threads.len()),
        }
    }
}

/// One call of a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CallFrame {
    function: u16,
    /// The index of the next instruction.
    at: u16,
    /// Locals, then the stack.
    slots: Vec<i64>,
}

/// What an instruction asks of the caller, which runs all threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// To let other threads run: the instruction blocks.
    Blocks,
    /// To let other threads run for so long.
    Sleeps(Duration),
    /// To be tried again when the lock may be free. Nothing was done.
    Waits(u16),
    /// To wake the threads that wait: a lock is free.
    Releases,
    /// To run the thread no more: it has ended, and returned this.
    Ends(i64),
}

/// A thread of a program.
///
/// ```
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::thread::{Effect, SharedMemory, Thread};
/// use singletrack::vm::verifier::Verified;
///
/// let text = "global x\nthread f\ndef f():\n LOAD_CONST 7\n STORE_GLOBAL x\n CALL_BLOCKING\n\
///     LOAD_GLOBAL x\n RETURN_VALUE";
/// let program = Verified::new(assemble(text)?)?;
/// let mut shared = SharedMemory::of(program.program());
/// let mut thread = Thread::new(&program, 0);
/// let effects: Vec<Effect> = (0..5).map(|_| thread.execute(&program, &mut shared)).collect();
/// let (nothing, ends) = (Effect::Nothing, Effect::Ends(7));
/// assert_eq!(effects, [nothing, nothing, Effect::Blocks, nothing, ends]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Thread {
    number: usize,
    /// The innermost call is the last one. A thread that has ended has none.
    frames: Vec<CallFrame>,
}

impl Thread {
    /// Thread `number` of the program, at its beginning. They count from 0.
    ///
    /// # Panics
    /// If the program has no such thread.
    pub fn new(program: &Verified, number: usize) -> Thread {
        let start = &program.program().threads[number];
        let mut thread = Thread { number, frames: Vec::new() };
        thread.enter(program, start.function, start.arguments.clone());
        thread
    }

    /// The function and the next instruction; `None` if the thread has ended.
    pub fn next(&self, program: &Verified) -> Option<(u16, Instruction)> {
        let frame = self.frames.last()?;
        Some((frame.function, program.instruction(frame.function, frame.at)))
    }

    fn enter(&mut self, program: &Verified, function: u16, arguments: Vec<i64>) {
        let mut slots = arguments;
        slots.resize(program.program().functions[usize::from(function)].locals.len(), 0);
        self.frames.push(CallFrame { function, at: 0, slots });
    }

    /// Executes the next instruction. Of a thread that has ended it changes nothing.
    pub fn execute(&mut self, program: &Verified, shared: &mut SharedMemory) -> Effect {
        let Some(frame) = self.frames.last_mut() else { return Effect::Ends(0) };
        let op = program.instruction(frame.function, frame.at).op;
        frame.at += 1;
        match op {
            Op::LoadConst(i) => frame.push(program.program().constants[usize::from(i)]),
            Op::LoadFast(i) => frame.push(frame.slots[usize::from(i)]),
            Op::StoreFast(i) => frame.slots[usize::from(i)] = frame.pop(),
            Op::LoadGlobal(i) => frame.push(shared.globals[usize::from(i)]),
            Op::StoreGlobal(i) => shared.globals[usize::from(i)] = frame.pop(),
            Op::Add => frame.combine(i64::wrapping_add),
            Op::Subtract => frame.combine(i64::wrapping_sub),
            Op::LessThan => frame.combine(|a, b| i64::from(a < b)),
            Op::PopTop => drop(frame.pop()),
            Op::PopJumpIfFalse(to) => {
                if frame.pop() == 0 {
                    frame.at = to;
                }
            }
            Op::JumpForward(to) | Op::JumpBackward(to) => frame.at = to,
            Op::Call(callee) => {
                let count = program.program().functions[usize::from(callee)].parameters;
                let arguments = frame.slots.split_off(frame.slots.len() - count);
                self.enter(program, callee, arguments);
            }
            Op::CallBlocking => return Effect::Blocks,
            Op::Sleep(ms) => return Effect::Sleeps(Duration::from_millis(u64::from(ms))),
            Op::Acquire(lock) => {
                if !shared.locks.acquire(self.number, lock) {
                    frame.at -= 1;
                    return Effect::Waits(lock);
                }
            }
            Op::Release(lock) => {
                shared.locks.release(lock);
                return Effect::Releases;
            }
            Op::ReturnValue => {
                let value = frame.pop();
                self.frames.pop();
                match self.frames.last_mut() {
                    Some(caller) => caller.push(value),
                    None => return Effect::Ends(value),
                }
            }
        }
        Effect::Nothing
    }
}

impl CallFrame {
    fn push(&mut self, value: i64) {
        self.slots.push(value);
    }

    fn pop(&mut self) -> i64 {
        self.slots.pop().expect("the verifier has counted the stack")
    }

    fn combine(&mut self, f: fn(i64, i64) -> i64) {
        let (b, a) = (self.pop(), self.pop());
        self.push(f(a, b));
    }
}
