//! A value: what a variable holds.
//!
//! *Promises*: small, and copied freely; an object is a number, not a pointer, so that a world can
//! be copied as data.
//! *Leaves out*: the objects themselves (`python/value/heap.rs`).

use crate::python::value::strings::StrId;
use crate::python::value::types::Type;

/// The number of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub u32);

/// A value. Its kind is a word of its own, so that a copy is two words and never bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(u64)]
pub enum Value {
    /// An unbound variable. No program sees it.
    Unset,
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An int of 64 bits.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string.
    Str(StrId),
    /// Bytes: a text whose characters are bytes.
    Bytes(StrId),
    /// A built-in type.
    Type(Type),
    /// A built-in function, by its number in the library.
    Native(u32),
    /// A module, by its number.
    Module(u32),
    /// An object.
    Ref(Id),
}

impl Value {
    /// The object's number, if it is one.
    pub fn id(self) -> Option<Id> {
        match self {
            Value::Ref(id) => Some(id),
            _ => None,
        }
    }

    /// The number, if it is an int or a bool.
    pub fn as_int(self) -> Option<i64> {
        match self {
            Value::Int(int) => Some(int),
            Value::Bool(bool) => Some(i64::from(bool)),
            _ => None,
        }
    }

    /// Python's `is`.
    pub fn is(self, other: Value) -> bool {
        match (self, other) {
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        }
    }
}
