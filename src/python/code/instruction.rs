//! The instruction set, and the kinds of places between instructions.
//!
//! *Promises*: a place is a property of what was executed; a policy is the set of those at which it
//! looks (`gil/rules/switch_point.rs`), with two more at which all policies do the same.
//! *Leaves out*: what an instruction does (`machine`).

use crate::gil::rules::switch_point::SwitchPoint;
use crate::python::front::tree::{BinaryOperator, Comparison, Conversion, UnaryOperator};

/// A kind of place at which a CPython may look whether it has to drop the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Between two instructions of straight-line code.
    Straight,
    /// A loop's jump back.
    BackEdge,
    /// A conditional jump forward that was taken.
    ForwardTaken,
    /// Python code is entered: a call, or a generator that goes on.
    Enter,
    /// A comprehension is entered, which CPython 3.12 does not do any more.
    EnterComprehension,
    /// A call into C has returned.
    CReturn,
    /// A call into C has returned that the interpreter has specialised, such as `len`.
    FastCReturn,
    /// Python code has returned.
    PyReturn,
    /// `with` has entered its block.
    WithEnter,
    /// The lock was dropped around what blocks. Every policy lets others run.
    Blocked,
    /// Nothing that other threads could notice: inside of what is one step in C.
    Never,
}

impl Place {
    /// All of them, in order.
    pub const ALL: [Place; 11] = [
        Place::Straight,
        Place::BackEdge,
        Place::ForwardTaken,
        Place::Enter,
        Place::EnterComprehension,
        Place::CReturn,
        Place::FastCReturn,
        Place::PyReturn,
        Place::WithEnter,
        Place::Blocked,
        Place::Never,
    ];

    /// What kind of switch point that is, if policies differ in it.
    pub fn switch_point(self) -> Option<SwitchPoint> {
        Some(match self {
            Place::Straight => SwitchPoint::Straight,
            Place::BackEdge => SwitchPoint::BackEdge,
            Place::ForwardTaken => SwitchPoint::ForwardTaken,
            Place::Enter => SwitchPoint::Enter,
            Place::EnterComprehension => SwitchPoint::EnterComprehension,
            Place::CReturn => SwitchPoint::CReturn,
            Place::FastCReturn => SwitchPoint::FastCReturn,
            Place::PyReturn => SwitchPoint::PyReturn,
            Place::WithEnter => SwitchPoint::WithEnter,
            Place::Blocked | Place::Never => return None,
        })
    }
}

impl From<SwitchPoint> for Place {
    fn from(point: SwitchPoint) -> Place {
        match point {
            SwitchPoint::Straight => Place::Straight,
            SwitchPoint::BackEdge => Place::BackEdge,
            SwitchPoint::ForwardTaken => Place::ForwardTaken,
            SwitchPoint::Enter => Place::Enter,
            SwitchPoint::EnterComprehension => Place::EnterComprehension,
            SwitchPoint::CReturn => Place::CReturn,
            SwitchPoint::FastCReturn => Place::FastCReturn,
            SwitchPoint::PyReturn => Place::PyReturn,
            SwitchPoint::WithEnter => Place::WithEnter,
        }
    }
}

/// An instruction. A number is an index into a table of its code, or a target.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "they are CPython's, and machine/execute.rs says what each does")]
pub enum Op {
    Resume,
    Nop,
    LoadConst(u32),
    LoadFast(u32),
    StoreFast(u32),
    DeleteFast(u32),
    LoadCell(u32),
    StoreCell(u32),
    DeleteCell(u32),
    /// Pushes the cell itself, for a function that is being made.
    LoadClosure(u32),
    LoadGlobal(u32),
    StoreGlobal(u32),
    DeleteGlobal(u32),
    /// A name of a class's body: the slot, or else the global.
    LoadClassName(u32, u32),
    LoadAttr(u32),
    StoreAttr(u32),
    DeleteAttr(u32),
    LoadMethod(u32),
    /// `super().name`: pops `self` and the class.
    LoadSuper(u32),
    Binary(BinaryOperator),
    Inplace(BinaryOperator),
    Unary(UnaryOperator),
    Compare(Comparison),
    Subscript,
    StoreSubscript,
    DeleteSubscript,
    BuildTuple(u32),
    BuildList(u32),
    BuildSet(u32),
    BuildDict(u32),
    BuildSlice,
    BuildString(u32),
    Format(Conversion),
    ListAppend(u32),
    SetAdd(u32),
    DictAdd(u32),
    Unpack(u32),
    /// So many names, one with a star for the rest, and so many behind it.
    UnpackRest(u32, u32),
    /// Pops an iterable into the list below it.
    ListExtend,
    ListToTuple,
    ListToSet,
    /// Pops a mapping into the dict below it; a key that is there already is an error in a call.
    DictUpdate {
        call: bool,
    },
    GetIter,
    ForIter(u32),
    Jump(u32),
    JumpBack(u32),
    PopJumpIfFalse(u32),
    PopJumpIfTrue(u32),
    /// As `PopJumpIfFalse`, at the end of a loop: CPython falls through here, and does not jump.
    LeaveIfFalse(u32),
    LeaveIfTrue(u32),
    JumpIfFalseOrPop(u32),
    JumpIfTrueOrPop(u32),
    Pop,
    /// Pops a call's result that is not used: the call before it is a statement.
    PopResult,
    Copy(u32),
    Swap(u32),
    /// Makes a function of a code; its cells are a tuple below, then its defaults.
    MakeFunction(u32),
    MakeClass(u32),
    Call(u32),
    CallMethod(u32),
    /// The names of the last arguments are a tuple of constants on top.
    CallKeywords(u32),
    CallMethodKeywords(u32),
    /// The arguments are a list and a dict on top, below them the receiver or nothing.
    CallSpread,
    /// Pushes nothing, where a receiver would be.
    PushNull,
    Await,
    /// Of an `async for`, whose iterator may be an asynchronous generator.
    AwaitNext,
    GetAsyncIter,
    GetAsyncNext,
    /// Leaves an `async for` at a StopAsyncIteration.
    EndAsyncFor,
    BeforeAsyncWith,
    AsyncExit,
    AsyncExcept,
    Return,
    Yield,
    /// The iterator is below the value that is sent to it.
    YieldFrom,
    Raise,
    /// The cause is on top.
    RaiseFrom,
    Reraise,
    /// Pushes the exception that the thread handles.
    LoadHandled,
    MatchException,
    AssertionFailed,
    BeforeWith,
    WithExit,
    WithExcept,
    Import(u32),
    // Superinstructions (`python/code/fusion.rs`).
    LoadFastLoadFast(u16, u16),
    LoadFastAttr(u16, u32),
    LoadFastMethod(u16, u32),
    BinaryConst(BinaryOperator, u16),
    BinaryFast(BinaryOperator, u16, Right),
    /// A local becomes the result of an operator on it.
    Update(BinaryOperator, u16, Right),
    CompareJump(Comparison, u16, Right, u32),
    CompareLeave(Comparison, u16, Right, u32),
    /// With a constant; then a jump that leaves a loop, or another one.
    OrderConst(Comparison, u16, bool, u32),
    ForIterStore(u16, u32),
    /// So many values turn round: they would become a tuple that is taken apart.
    Turn(u32),
}

/// The second operand of a superinstruction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Right {
    /// A local.
    Fast(u16),
    /// A constant.
    Const(u16),
}

impl Op {
    /// How many instructions it stands for.
    pub fn count(self) -> u64 {
        match self {
            Op::LoadFastLoadFast(..)
            | Op::LoadFastAttr(..)
            | Op::LoadFastMethod(..)
            | Op::BinaryConst(..)
            | Op::ForIterStore(..)
            | Op::Turn(_) => 2,
            Op::BinaryFast(..) | Op::OrderConst(..) => 3,
            Op::Update(..) | Op::CompareJump(..) | Op::CompareLeave(..) => 4,
            _ => 1,
        }
    }

    /// Where it jumps to, if it jumps.
    pub fn target(self) -> Option<u32> {
        match self {
            Op::ForIter(to)
            | Op::Jump(to)
            | Op::JumpBack(to)
            | Op::PopJumpIfFalse(to)
            | Op::PopJumpIfTrue(to)
            | Op::LeaveIfFalse(to)
            | Op::LeaveIfTrue(to)
            | Op::JumpIfFalseOrPop(to)
            | Op::JumpIfTrueOrPop(to) => Some(to),
            _ => None,
        }
    }

    /// The same jump to another place.
    pub fn with_target(self, to: u32) -> Op {
        match self {
            Op::ForIter(_) => Op::ForIter(to),
            Op::Jump(_) => Op::Jump(to),
            Op::JumpBack(_) => Op::JumpBack(to),
            Op::PopJumpIfFalse(_) => Op::PopJumpIfFalse(to),
            Op::PopJumpIfTrue(_) => Op::PopJumpIfTrue(to),
            Op::LeaveIfFalse(_) => Op::LeaveIfFalse(to),
            Op::LeaveIfTrue(_) => Op::LeaveIfTrue(to),
            Op::JumpIfFalseOrPop(_) => Op::JumpIfFalseOrPop(to),
            Op::JumpIfTrueOrPop(_) => Op::JumpIfTrueOrPop(to),
            other => other,
        }
    }
}
