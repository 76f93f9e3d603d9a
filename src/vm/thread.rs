//! A thread of a program: its frames, what it waits for, and the one `match` that executes.
//!
//! *Assumes*: a verified program, and the same one all the time.
//! *Promises*: no panic; an instruction is atomic, or has two steps that are; it does the same on
//! real threads and in the explorer. What Python would raise ends the thread.
//! *Leaves out*: the rules of locks and their kin (`vm/sync.rs`); when another thread runs. Real threads ask the global lock, which also makes
//! them sleep and wakes them (`vm/real_threads.rs`); the explorer tries every order
//! (`vm/world.rs`). Both run this code.
//!
//! ```text
//!   Thread ── CallFrame  main    at 7   │ locals │ stack …      CPython's layout: one array,
//!          └─ CallFrame  helper  at 2   │ locals │ stack …      locals first
//! ```

use crate::gil::rules::switch_point::SwitchPoint;
use crate::gil::rules::threading::Threading;
use crate::vm::op::Op;
use crate::vm::program::{Instruction, Position, Program};
use crate::vm::sync::{Exception, SyncObjects, Wait};
use crate::vm::verifier::Verified;
use std::time::Duration;

/// What all threads of a program share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SharedMemory {
    /// The values of the globals.
    pub globals: Vec<i64>,
    /// The program's own locks, events, conditions and semaphores.
    pub sync: SyncObjects,
}

impl SharedMemory {
    /// The initial values.
    pub fn of(program: &Program) -> SharedMemory {
        SharedMemory {
            globals: program.globals.iter().map(|global| global.value).collect(),
            sync: SyncObjects::of(program),
        }
    }

    /// About how much memory they take.
    pub fn bytes(&self) -> usize {
        self.globals.len() * size_of::<i64>() + self.sync.bytes()
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

/// One instruction, or one step of it, that a thread has executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// The instruction.
    pub op: Op,
    /// What it asks of the caller.
    pub effect: Effect,
    /// The switch point that comes next.
    pub point: SwitchPoint,
}

impl Executed {
    /// Whether another thread may run next.
    pub fn may_switch(&self, threading: Threading) -> bool {
        self.op.may_switch(self.point, threading)
    }
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
    /// To be tried again when this may have happened. Nothing was done.
    Waits(Wait),
    /// To wake the threads that wait: one of them may be able to go on.
    Wakes,
    /// To run the thread no more: it has ended, and returned this.
    Ends(i64),
    /// To run the thread no more: this ended it.
    Raises(Exception),
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
/// let mut execute = || thread.execute(&program, &mut shared).unwrap().effect;
/// let effects: Vec<Effect> = (0..5).map(|_| execute()).collect();
/// let (nothing, ends) = (Effect::Nothing, Effect::Ends(7));
/// assert_eq!(effects, [nothing, nothing, Effect::Blocks, nothing, ends]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Thread {
    number: usize,
    /// The innermost call is the last one. A thread that has ended has none.
    frames: Vec<CallFrame>,
    /// The first step of the next instruction, which has two, is done.
    begun: bool,
    /// What ended it, and where, if not its return.
    raised: Option<(Exception, Position)>,
}

impl Thread {
    /// Thread `number` of the program, at its beginning. They count from 0.
    ///
    /// # Panics
    /// If the program has no such thread.
    pub fn new(program: &Verified, number: usize) -> Thread {
        let start = &program.program().threads[number];
        let mut thread = Thread { number, frames: Vec::new(), begun: false, raised: None };
        thread.enter(program, start.function, start.arguments.clone());
        thread
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let frame =
            |frame: &CallFrame| size_of::<CallFrame>() + frame.slots.len() * size_of::<i64>();
        size_of::<Thread>() + self.frames.iter().map(frame).sum::<usize>()
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

    /// What ended the thread, and where, if not its return.
    pub fn raised(&self) -> Option<(Exception, Position)> {
        self.raised
    }

    /// The thread is between the two steps of its next instruction.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// What the thread has to wait for before it can go on.
    pub fn waits_for(&self, program: &Verified, sync: &SyncObjects) -> Option<Wait> {
        let wait = match self.next(program)?.1.op {
            Op::Acquire(lock) => Wait::Lock(lock),
            Op::EventWait(event) if self.begun => Wait::Event(event),
            Op::ConditionWait(condition) if self.begun => {
                let notified = !sync.holds_up(self.number, Wait::Condition(condition));
                let lock = program.program().conditions[usize::from(condition)].lock;
                if notified { Wait::Lock(lock) } else { Wait::Condition(condition) }
            }
            Op::SemaphoreAcquire(semaphore) => Wait::Semaphore(semaphore),
            _ => return None,
        };
        sync.holds_up(self.number, wait).then_some(wait)
    }

    /// Executes the next instruction, or its next step; `None` if the thread has ended. If it has to
    /// wait, nothing is changed.
    pub fn execute(&mut self, program: &Verified, shared: &mut SharedMemory) -> Option<Executed> {
        let (_, Instruction { op, .. }) = self.next(program)?;
        // After the second of two steps, and where a conditional jump is taken, comes another point.
        let taken = || self.frames.last().and_then(|frame| frame.slots.last()) == Some(&0);
        let second = self.begun || matches!(op, Op::PopJumpIfFalse(_)) && taken();
        let effect = match self.waits_for(program, &shared.sync) {
            Some(wait) => Effect::Waits(wait),
            None => self.perform(program, op, shared),
        };
        let points = op.points();
        Some(Executed { op, effect, point: points[usize::from(second).min(points.len() - 1)] })
    }

    /// Executes an instruction that has not to wait.
    fn perform(&mut self, program: &Verified, op: Op, shared: &mut SharedMemory) -> Effect {
        let Some(frame) = self.frames.last_mut() else { return Effect::Ends(0) };
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
            Op::CallC | Op::CallCFast | Op::BeforeWith => {}
            Op::CallBlocking => return Effect::Blocks,
            Op::Sleep(ms) => return Effect::Sleeps(Duration::from_millis(u64::from(ms))),
            Op::ReturnValue => {
                let value = frame.pop();
                self.frames.pop();
                match self.frames.last_mut() {
                    Some(caller) => caller.push(value),
                    None => return Effect::Ends(value),
                }
            }
            _ => {
                let done = self.synchronise(program, op, &mut shared.sync);
                return done.unwrap_or_else(|exception| self.raise(program, exception));
            }
        }
        Effect::Nothing
    }

    /// Executes an instruction on a lock, an event, a condition or a semaphore. What it would have
    /// to wait for has happened.
    fn synchronise(
        &mut self,
        program: &Verified,
        op: Op,
        sync: &mut SyncObjects,
    ) -> Result<Effect, Exception> {
        let (me, second_step) = (self.number, std::mem::take(&mut self.begun));
        let lock_of = |condition| program.program().conditions[usize::from(condition)].lock;
        match op {
            Op::Acquire(lock) => drop(sync.acquire(me, lock)),
            Op::Release(lock) => {
                sync.release(lock)?;
                return Ok(Effect::Wakes);
            }
            Op::EventSet(event) => {
                sync.set(event);
                return Ok(Effect::Wakes);
            }
            Op::EventClear(event) => sync.clear(event),
            Op::EventIsSet(event) if second_step => self.push(i64::from(sync.is_set(event))),
            Op::EventIsSet(_) => self.stay(),
            Op::EventWait(event) if !second_step && !sync.wait_for_event(me, event) => self.stay(),
            Op::ConditionWait(condition) if second_step => {
                sync.acquire(me, lock_of(condition));
            }
            Op::ConditionWait(condition) => {
                sync.wait_for_condition(me, condition, lock_of(condition))?;
                self.stay();
                return Ok(Effect::Wakes);
            }
            Op::ConditionNotify(condition) | Op::ConditionNotifyAll(condition) => {
                let most = if op == Op::ConditionNotify(condition) { 1 } else { usize::MAX };
                sync.notify(condition, lock_of(condition), most)?;
                return Ok(Effect::Wakes);
            }
            Op::SemaphoreAcquire(semaphore) => drop(sync.take_permit(semaphore)),
            Op::SemaphoreRelease(semaphore) => {
                sync.give_permit(semaphore);
                return Ok(Effect::Wakes);
            }
            _ => {}
        }
        Ok(Effect::Nothing)
    }

    /// The first step of an instruction is done; it stays the next one.
    fn stay(&mut self) {
        self.begun = true;
        if let Some(frame) = self.frames.last_mut() {
            frame.at -= 1;
        }
    }

    fn push(&mut self, value: i64) {
        if let Some(frame) = self.frames.last_mut() {
            frame.push(value);
        }
    }

    /// Ends the thread, as an exception that nobody catches does.
    fn raise(&mut self, program: &Verified, exception: Exception) -> Effect {
        let frame = self.frames.last();
        let raised = frame.map(|f| program.instruction(f.function, f.at - 1).position);
        self.raised = raised.map(|position| (exception, position));
        self.frames.clear();
        Effect::Raises(exception)
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
