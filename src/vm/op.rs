//! The instruction set: what there is, what its number means, where the lock may change hands.
//!
//! *Promises*: one table holds all that is known of an opcode; the rest is read from it.
//! *Leaves out*: what an instruction does to a stack (`vm/thread.rs`), what a program is
//! (`vm/program.rs`).
//!
//! ```text
//!   x += 1     LOAD_GLOBAL  x     ─┐
//!              LOAD_CONST   1      │ 2.7 may switch after every counted one,
//!              ADD                 │ 3.9 after every one, later ones nowhere here
//!              STORE_GLOBAL x     ─┘
//! ```
//! Each instruction has a *switch point*, of one of nine kinds (`gil/rules/switch_point.rs`), and
//! each policy the set of kinds at which it looks. A switch point comes *after* an instruction, as
//! CPython's jump back to the top of its loop does. CPython 2.7 skips that jump after its cheapest
//! opcodes (`goto fast_next_opcode`): such an opcode is *not counted*, and no switch comes between
//! it and the next. CPython 3.2 to 3.9 skip the read of the drop request after the same opcodes
//! (`FAST_DISPATCH`). Here those policies read it after every instruction. No program can tell the
//! difference: the cheap opcodes touch nothing that is shared, so a switch after one of them has
//! the effect of a switch before it.

use crate::gil::rules::policy::{PointCheck, SwitchPolicy};
use crate::gil::rules::switch_point::SwitchPoint;
use crate::gil::rules::threading::{Threading, check_at};

/// One instruction. The number is an index into a table of the program, a target, or a time.
///
/// ```
/// use singletrack::gil::{SwitchPoint, SwitchPolicy};
/// use singletrack::vm::op::Op;
///
/// let may_switch = |op: Op, policy: SwitchPolicy| op.may_switch(op.points()[0], policy.into());
/// assert!(may_switch(Op::LoadGlobal(0), SwitchPolicy::PYTHON_2));
/// assert!(!may_switch(Op::LoadConst(0), SwitchPolicy::PYTHON_2), "not counted");
/// assert!(may_switch(Op::LoadConst(0), SwitchPolicy::PYTHON_3_2));
/// assert!(!may_switch(Op::LoadGlobal(0), SwitchPolicy::PYTHON_3_10));
/// assert!(may_switch(Op::ReturnValue, SwitchPolicy::PYTHON_3_10));
/// assert!(!may_switch(Op::ReturnValue, SwitchPolicy::PYTHON_3_11));
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
    /// A call into C that touches nothing shared and does not block: `int(1)`, say, or `abs(x)`.
    CallC,
    /// A call into C that CPython has specialised: `len(t)`, `isinstance(o, int)`.
    #[doc(alias = "CALL_LEN")]
    CallCFast,
    /// Enters a context manager that touches nothing shared.
    #[doc(alias = "BEFORE_WITH")]
    BeforeWith,
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
    /// The switch point that comes after it; and a second one if it has two steps, or for a
    /// conditional jump that is taken.
    pub points: &'static [SwitchPoint],
    /// The instruction with this number.
    pub make: fn(u16) -> Op,
}

const fn row(
    name: &'static str,
    operand: Operand,
    (counted, points): (bool, &'static [SwitchPoint]),
    make: fn(u16) -> Op,
) -> Opcode {
    Opcode { name, operand, counted, points, make }
}

const FAST: (bool, &[SwitchPoint]) = (false, &[SwitchPoint::Straight]);
const COUNTED: (bool, &[SwitchPoint]) = (true, &[SwitchPoint::Straight]);
const JUMP_IF: (bool, &[SwitchPoint]) =
    (false, &[SwitchPoint::Straight, SwitchPoint::ForwardTaken]);
const BACK_EDGE: (bool, &[SwitchPoint]) = (true, &[SwitchPoint::BackEdge]);
const ENTER: (bool, &[SwitchPoint]) = (true, &[SwitchPoint::Enter]);
const C_CALL: (bool, &[SwitchPoint]) = (true, &[SwitchPoint::CReturn]);
const FAST_C_CALL: (bool, &[SwitchPoint]) = (true, &[SwitchPoint::FastCReturn]);
const RETURN: (bool, &[SwitchPoint]) = (true, &[SwitchPoint::PyReturn]);
const WITH: (bool, &[SwitchPoint]) = (true, &[SwitchPoint::WithEnter]);
/// A function of `threading` that is written in Python, and looks after what it does.
const IN_PYTHON: (bool, &[SwitchPoint]) = (true, &[SwitchPoint::Enter, SwitchPoint::Enter]);
/// One that only reads.
const READ_IN_PYTHON: (bool, &[SwitchPoint]) = (true, &[SwitchPoint::Enter, SwitchPoint::PyReturn]);

/// Every opcode, in the order of [`Op`].
pub static OPCODES: [Opcode; 30] = [
    row("LOAD_CONST", Operand::Constant, FAST, Op::LoadConst),
    row("LOAD_FAST", Operand::Local, FAST, Op::LoadFast),
    row("STORE_FAST", Operand::Local, FAST, Op::StoreFast),
    row("LOAD_GLOBAL", Operand::Global, COUNTED, Op::LoadGlobal),
    row("STORE_GLOBAL", Operand::Global, COUNTED, Op::StoreGlobal),
    row("ADD", Operand::None, COUNTED, |_| Op::Add),
    row("SUBTRACT", Operand::None, COUNTED, |_| Op::Subtract),
    row("LESS_THAN", Operand::None, COUNTED, |_| Op::LessThan),
    row("POP_TOP", Operand::None, FAST, |_| Op::PopTop),
    row("POP_JUMP_IF_FALSE", Operand::Target, JUMP_IF, Op::PopJumpIfFalse),
    row("JUMP_FORWARD", Operand::Target, FAST, Op::JumpForward),
    row("JUMP_BACKWARD", Operand::Target, BACK_EDGE, Op::JumpBackward),
    row("CALL", Operand::Function, ENTER, Op::Call),
    row("CALL_BLOCKING", Operand::None, C_CALL, |_| Op::CallBlocking),
    row("SLEEP", Operand::Milliseconds, C_CALL, Op::Sleep),
    row("ACQUIRE", Operand::Lock, C_CALL, Op::Acquire),
    row("RELEASE", Operand::Lock, C_CALL, Op::Release),
    row("RETURN_VALUE", Operand::None, RETURN, |_| Op::ReturnValue),
    row("EVENT_SET", Operand::Event, IN_PYTHON, Op::EventSet),
    row("EVENT_CLEAR", Operand::Event, IN_PYTHON, Op::EventClear),
    row("EVENT_IS_SET", Operand::Event, READ_IN_PYTHON, Op::EventIsSet),
    row("EVENT_WAIT", Operand::Event, IN_PYTHON, Op::EventWait),
    row("CONDITION_WAIT", Operand::Condition, IN_PYTHON, Op::ConditionWait),
    row("CONDITION_NOTIFY", Operand::Condition, IN_PYTHON, Op::ConditionNotify),
    row("CONDITION_NOTIFY_ALL", Operand::Condition, IN_PYTHON, Op::ConditionNotifyAll),
    row("SEMAPHORE_ACQUIRE", Operand::Semaphore, IN_PYTHON, Op::SemaphoreAcquire),
    row("SEMAPHORE_RELEASE", Operand::Semaphore, IN_PYTHON, Op::SemaphoreRelease),
    row("CALL_C", Operand::None, C_CALL, |_| Op::CallC),
    row("CALL_C_FAST", Operand::None, FAST_C_CALL, |_| Op::CallCFast),
    row("BEFORE_WITH", Operand::None, WITH, |_| Op::BeforeWith),
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
            Op::CallC => (27, 0),
            Op::CallCFast => (28, 0),
            Op::BeforeWith => (29, 0),
        }
    }

    /// Its row of the table.
    pub fn opcode(self) -> &'static Opcode {
        &OPCODES[self.parts().0]
    }

    /// The switch points that can come after it: see [`Opcode::points`].
    pub fn points(self) -> &'static [SwitchPoint] {
        self.opcode().points
    }

    /// What a thread does at the switch point after this instruction, under this policy: count a
    /// tick, read the drop request, or nothing. The one question that real threads and the explorer
    /// both ask.
    pub fn point_check(self, point: SwitchPoint, policy: &SwitchPolicy) -> PointCheck {
        check_at(policy, point, self.opcode().counted)
    }

    /// Whether the lock is dropped around it, under every policy.
    pub fn blocks(self) -> bool {
        matches!(self, Op::CallBlocking | Op::Sleep(_))
    }

    /// Whether another thread may run next, at the switch point after it.
    pub fn may_switch(self, point: SwitchPoint, threading: Threading) -> bool {
        self.blocks() || threading.may_switch(point, self.opcode().counted)
    }
}
