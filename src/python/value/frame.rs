//! A call: its frame, and what becomes of the value that it returns.
//!
//! *Promises*: small and copied freely; its values stand on its thread's stack, so leaving a thread in
//! the middle of a call costs nothing.
//! *Leaves out*: what an instruction does to it (`python/machine/frames.rs`).

use crate::gil::rules::switch_point::SwitchPoint;
use crate::python::value::any::{Id, Value};

/// What happens with the value that a call returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Then {
    /// It is pushed.
    Push,
    /// It is dropped.
    Discard,
    /// It was `__init__`: this is pushed.
    Init(Value),
    /// The body of a class has ended: the class is made.
    Class,
    /// Its truth is pushed, or the opposite.
    Truth(bool),
    /// The truth decides a jump: taken if it is as `wanted`.
    Branch {
        /// Where to.
        to: u32,
        /// If the truth is this.
        wanted: bool,
        /// The value stays if the jump is taken.
        keep: bool,
    },
    /// It is the next item of a `for`. If there is none, it goes on at this place.
    Item(u32),
    /// It must be a string.
    Text,
    /// It must be an int of at least 0.
    Size,
    /// It must be an int.
    Hash,
    /// A list: the argument of a built-in function that is to be called again with it.
    Collected(u32, Id, u32),
    /// `__exit__` has returned.
    Exited,
    /// The next item for `next`: if there is none, this value, if it is set.
    Next(Value),
    /// It is the function of a method call: no receiver is pushed onto it.
    Method,
    /// A generator that the caller delegates to yields it.
    Delegated,
    /// A method of an operator: if it is `NotImplemented`, the next one is tried.
    Operate(Operation, Value, Value),
    /// The missing key of a `defaultdict`: it is kept there.
    Missing(Id, Value),
}

/// One call of a function. Its values are a part of its thread's stack: the locals, the cells, and
/// on top of these the operands.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The number of its code.
    pub code: u32,
    /// The index of the next instruction.
    pub at: u32,
    /// Where its values begin on the stack.
    pub base: u32,
    /// How many values below those go with it when it is left: what was called.
    pub below: u32,
    /// What happens with the value that it returns.
    pub then: Then,
    /// The generator whose frame it is.
    pub generator: Option<Id>,
    /// The next instruction is a call of library code that Python has entered.
    pub entered: bool,
    /// What kind of switch point it is when this call returns: that depends on who has called.
    pub back: SwitchPoint,
}

/// An operator whose method runs, and which method that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A comparison; `stage` counts the methods that were tried.
    Compare(u8, u8),
    /// Another operator, in place or not.
    Binary(u8, bool, u8),
}

impl Operation {
    /// A number, different for each.
    pub fn number(self) -> u64 {
        match self {
            Operation::Compare(operator, stage) => u64::from(operator) << 8 | u64::from(stage),
            Operation::Binary(operator, inplace, stage) => {
                1 << 32 | u64::from(inplace) << 16 | u64::from(operator) << 8 | u64::from(stage)
            }
        }
    }
}
