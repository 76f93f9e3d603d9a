//! The machine's words: how an instruction and a call went, what they touched.
//!
//! *Promises*: plain data.
//! *Leaves out*: what decides it (`python/machine/interpreter.rs`).

use crate::python::code::instruction::Place;
use crate::python::machine::world::{Limit, Wait};
use crate::python::value::any::{Id, Value};
use crate::python::value::strings::StrId;

/// Why an instruction did not come to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Raise {
    /// This exception was raised.
    Exception(Id),
    /// Python code has to say first which key this object is.
    Key(Value),
    /// It takes Python code, for an object has methods of its own.
    Python,
    /// The run is over: what was asked for is outside the subset, or too much.
    Stop(String),
}

/// A result, or what was raised.
pub type R<T> = Result<T, Raise>;

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Done {
    /// It has returned.
    Value(Value),
    /// It has returned, and dropped the lock meanwhile.
    Blocked(Value),
    /// It has to be called again when what it waits for has come, or the limit has passed.
    Wait(Wait, Limit),
    /// Python code was entered, and will return the value.
    Entered,
}

/// A call has returned this.
pub(crate) fn value(value: Value) -> R<Done> {
    Ok(Done::Value(value))
}

/// How an instruction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It was executed, and was a place of this kind.
    Next(Place),
    /// It has to be executed again.
    Wait(Wait, Limit),
}

/// How CPython calls a function of its library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// In C; afterwards it looks.
    C,
    /// In C, by a specialised instruction that does not look afterwards.
    Fast,
    /// The same, but only if the result is not used.
    FastStatement,
    /// It is written in Python.
    Library,
}

/// The arguments of a call.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    /// By position.
    pub values: Vec<Value>,
    /// By keyword.
    pub named: Vec<(StrId, Value)>,
}

/// Something that threads share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    /// A global.
    Global(u32),
    /// An attribute of an instance or a class.
    Attribute(Id, StrId),
    /// All of an object.
    Object(Id),
    /// What is printed.
    Output,
}

/// Bounds of one run.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Objects and their items, about 16 bytes each.
    pub items: usize,
    /// Calls within calls. CPython's default.
    pub frames: usize,
    /// Threads that are started, one after the other or at once.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { items: 8 << 20, frames: 1000, threads: 64 }
    }
}
