//! The instruction set: what there is, what its number means, where the lock may change hands.
//!
//! *Promises*: one table holds all that is known of an opcode; the rest is read from it.
//! *Leaves out*: what an instruction does to a stack (`vm/thread.rs`), what a program is
//! (`vm/program.rs`).
//!
//! ```text
//!   x += 1     LOAD_GLOBAL  x     ─┐
//!              LOAD_CONST   1      │ 2.7 may switch after every counted one,
//!              ADD                 │ 3.9 after every one, 3.10 after none
//!              STORE_GLOBAL x     ─┘
//! ```
//! A switch point comes *after* an instruction, as CPython's jump back to the top of its loop
//! does. CPython 2.7 skips that jump after its cheapest opcodes (`goto fast_next_opcode`): such
//! an opcode is *not counted*, and no switch comes between it and the next. CPython 3.2 to 3.9
//! skip the read of the drop request after the same opcodes (`FAST_DISPATCH`). Here those
//! policies read it after every instruction. No program can tell the difference: the cheap
//! opcodes touch nothing that is shared, so a switch after one of them has the effect of a
//! switch before it.

use crate::gil::rules::policy::{Check, PointCheck, SwitchPoint, SwitchPolicy};

/// One instruction. The number is an index into a table of the program, a target, or a time.
///
/// ```
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::vm::op::Op;
///
/// assert!(Op::LoadGlobal(0).may_switch(&SwitchPolicy::PYTHON_2));
/// assert!(!Op::LoadConst(0).may_switch(&SwitchPolicy::PYTHON_2), "not counted");
/// assert!(Op::LoadConst(0).may_switch(&SwitchPolicy::PYTHON_3_2));
/// assert!(!Op::LoadGlobal(0).may_switch(&SwitchPolicy::PYTHON_3_10));
/// assert!(Op::Call(0).may_switch(&SwitchPolicy::PYTHON_3_10));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// Pushes a constant.
    LoadConst(u16),
    /// Pushes a local variable.
    LoadFast(u16),
    /// Pops into a local variable.
    StoreFast(u16),
    /// Pushes a global variable.
    LoadGlobal(u16),
    /// Pops into a global variable.
    StoreGlobal(u16),
    /// Pops two numbers, pushes their sum. Numbers have 64 bits and wrap; Python's grow.
    #[doc(alias = "INPLACE_ADD")]
    #[doc(alias = "BINARY_OP")]
    Add,
    /// Pops `b`, then `a`; pushes `a - b`, wrapping.
    Subtract,
    /// Pops `b`, then `a`; pushes 1 if `a < b`, else 0.
    #[doc(alias = "COMPARE_OP")]
    LessThan,
    /// Pops a number and forgets it.
    PopTop,
    /// Pops a number; goes on at the target, further down, if it is 0.
    PopJumpIfFalse(u16),
    /// Goes on at the target, further down.
    JumpForward(u16),
    /// Goes on at the target, further up. Every loop has one.
    JumpBackward(u16),
    /// Pops as many numbers as the function has parameters, and enters it. What it returns is
    /// pushed.
    Call(u16),
    /// A system call that blocks: a `recv`, say. The lock is dropped around it.
    CallBlocking,
    /// Drops the lock for so many milliseconds.
    #[doc(alias = "time.sleep")]
    Sleep(u16),
    /// Takes a lock of the program, as `lock.acquire()` does. If it is not free, the global lock
    /// is dropped until it is.
    #[doc(alias = "threading.Lock.acquire")]
    Acquire(u16),
    /// Releases a lock of the program, whoever has taken it.
    #[doc(alias = "threading.Lock.release")]
    Release(u16),
    /// Pops a number and leaves the function with it.
    ReturnValue,
    /// Sets an event, which wakes all that wait for it.
    #[doc(alias = "threading.Event.set")]
    EventSet(u16),
    /// Clears an event.
    #[doc(alias = "threading.Event.clear")]
    EventClear(u16),
    /// Pushes 1 if the event is set, else 0. Two steps, for it is a Python function: it is entered,
    /// then it reads.
    #[doc(alias = "threading.Event.is_set")]
    EventIsSet(u16),
    /// Waits until an event is set, if it is not.
    #[doc(alias = "threading.Event.wait")]
    EventWait(u16),
    /// Releases the condition's lock and waits to be notified; then takes the lock again. Two steps,
    /// and what lies between may be for ever.
    #[doc(alias = "threading.Condition.wait")]
    ConditionWait(u16),
    /// Wakes the thread that has waited longest for the condition; none, if none waits.
    #[doc(alias = "threading.Condition.notify")]
    ConditionNotify(u16),
    /// Wakes all threads that wait for the condition.
    #[doc(alias = "threading.Condition.notify_all")]
    ConditionNotifyAll(u16),
    /// Takes a permit of a semaphore; waits while there is none.
    #[doc(alias = "threading.Semaphore.acquire")]
    SemaphoreAcquire(u16),
    /// Gives a permit to a semaphore.
    #[doc(alias = "threading.Semaphore.release")]
    SemaphoreRelease(u16),
}

/// What the number of an instruction is an index of, or else what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// There is none.
    None,
    /// A constant of the program.
    Constant,
    /// A local variable of the function, parameters first.
    Local,
    /// A global variable.
    Global,
    /// An instruction of the same function.
    Target,
    /// A function.
    Function,
    /// A time.
    Milliseconds,
    /// A lock of the program.
    Lock,
    /// An event.
    Event,
    /// A condition.
    Condition,
    /// A semaphore.
    Semaphore,
}

/// A row of the table: all that is known of an opcode.
#[derive(Debug)]
pub struct Opcode {
    /// Its name in a program's text.
    pub name: &'static str,
    /// What its number means.
    pub operand: Operand,
    /// Python 2 counts it as a tick: the interpreter goes back to the top of its loop afterwards.
    pub counted: bool,
    /// Python 3.10 reads the drop request afterwards: a loop's jump back, or a call.
    pub back_edge_or_call: bool,
    /// The instruction with this number.
    pub make: fn(u16) -> Op,
}

const fn row(
    name: &'static str,
    operand: Operand,
    (counted, back_edge_or_call): (bool, bool),
    make: fn(u16) -> Op,
) -> Opcode {
    Opcode { name, operand, counted, back_edge_or_call, make }
}

const FAST: (bool, bool) = (false, false);
const COUNTED: (bool, bool) = (true, false);
const BACK_EDGE_OR_CALL: (bool, bool) = (true, true);

/// Every opcode, in the order of [`Op`].
pub static OPCODES: [Opcode; 27] = [
    row("LOAD_CONST", Operand::Constant, FAST, Op::LoadConst),
    row("LOAD_FAST", Operand::Local, FAST, Op::LoadFast),
    row("STORE_FAST", Operand::Local, FAST, Op::StoreFast),
    row("LOAD_GLOBAL", Operand::Global, COUNTED, Op::LoadGlobal),
    row("STORE_GLOBAL", Operand::Global, COUNTED, Op::StoreGlobal),
    row("ADD", Operand::None, COUNTED, |_| Op::Add),
    row("SUBTRACT", Operand::None, COUNTED, |_| Op::Subtract),
    row("LESS_THAN", Operand::None, COUNTED, |_| Op::LessThan),
    row("POP_TOP", Operand::None, FAST, |_| Op::PopTop),
    row("POP_JUMP_IF_FALSE", Operand::Target, FAST, Op::PopJumpIfFalse),
    row("JUMP_FORWARD", Operand::Target, FAST, Op::JumpForward),
    row("JUMP_BACKWARD", Operand::Target, BACK_EDGE_OR_CALL, Op::JumpBackward),
    row("CALL", Operand::Function, BACK_EDGE_OR_CALL, Op::Call),
    row("CALL_BLOCKING", Operand::None, BACK_EDGE_OR_CALL, |_| Op::CallBlocking),
    row("SLEEP", Operand::Milliseconds, BACK_EDGE_OR_CALL, Op::Sleep),
    row("ACQUIRE", Operand::Lock, BACK_EDGE_OR_CALL, Op::Acquire),
    row("RELEASE", Operand::Lock, BACK_EDGE_OR_CALL, Op::Release),
    // Python 3.10 reads the request when a call has returned; since 3.11 only if it called into C.
    row("RETURN_VALUE", Operand::None, BACK_EDGE_OR_CALL, |_| Op::ReturnValue),
    row("EVENT_SET", Operand::Event, BACK_EDGE_OR_CALL, Op::EventSet),
    row("EVENT_CLEAR", Operand::Event, BACK_EDGE_OR_CALL, Op::EventClear),
    row("EVENT_IS_SET", Operand::Event, BACK_EDGE_OR_CALL, Op::EventIsSet),
    row("EVENT_WAIT", Operand::Event, BACK_EDGE_OR_CALL, Op::EventWait),
    row("CONDITION_WAIT", Operand::Condition, BACK_EDGE_OR_CALL, Op::ConditionWait),
    row("CONDITION_NOTIFY", Operand::Condition, BACK_EDGE_OR_CALL, Op::ConditionNotify),
    row("CONDITION_NOTIFY_ALL", Operand::Condition, BACK_EDGE_OR_CALL, Op::ConditionNotifyAll),
    row("SEMAPHORE_ACQUIRE", Operand::Semaphore, BACK_EDGE_OR_CALL, Op::SemaphoreAcquire),
    row("SEMAPHORE_RELEASE", Operand::Semaphore, BACK_EDGE_OR_CALL, Op::SemaphoreRelease),
];

impl Op {
    /// The index of its opcode in [`OPCODES`], and its number, or 0.
    pub fn parts(self) -> (usize, u16) {
        match self {
            Op::LoadConst(i) => (0, i),
            Op::LoadFast(i) => (1, i),
            Op::StoreFast(i) => (2, i),
            Op::LoadGlobal(i) => (3, i),
            Op::StoreGlobal(i) => (4, i),
            Op::Add => (5, 0),
            Op::Subtract => (6, 0),
            Op::LessThan => (7, 0),
            Op::PopTop => (8, 0),
            Op::PopJumpIfFalse(to) => (9, to),
            Op::JumpForward(to) => (10, to),
            Op::JumpBackward(to) => (11, to),
            Op::Call(i) => (12, i),
            Op::CallBlocking => (13, 0),
            Op::Sleep(ms) => (14, ms),
            Op::Acquire(i) => (15, i),
            Op::Release(i) => (16, i),
            Op::ReturnValue => (17, 0),
            Op::EventSet(i) => (18, i),
            Op::EventClear(i) => (19, i),
            Op::EventIsSet(i) => (20, i),
            Op::EventWait(i) => (21, i),
            Op::ConditionWait(i) => (22, i),
            Op::ConditionNotify(i) => (23, i),
            Op::ConditionNotifyAll(i) => (24, i),
            Op::SemaphoreAcquire(i) => (25, i),
            Op::SemaphoreRelease(i) => (26, i),
        }
    }

    /// Its row of the table.
    pub fn opcode(self) -> &'static Opcode {
        &OPCODES[self.parts().0]
    }

    /// What a thread does after this instruction, under this policy: count a tick, read the drop
    /// request, or nothing. The one question that real threads and the explorer both ask.
    pub fn point_check(self, policy: &SwitchPolicy) -> PointCheck {
        let opcode = self.opcode();
        match policy.check() {
            _ if opcode.back_edge_or_call => policy.at(SwitchPoint::BackEdgeOrCall),
            Check::EveryTicks(_) if !opcode.counted => PointCheck::Nothing,
            _ => policy.at(SwitchPoint::Op),
        }
    }

    /// Whether the lock is dropped around it, under every policy.
    pub fn blocks(self) -> bool {
        matches!(self, Op::CallBlocking | Op::Sleep(_))
    }

    /// Whether another thread may run next, under this policy.
    pub fn may_switch(self, policy: &SwitchPolicy) -> bool {
        self.blocks() || self.point_check(policy) != PointCheck::Nothing
    }
}
