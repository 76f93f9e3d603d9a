//! What an image holds: objects in a list, which name each other by their place in it.
//!
//! *Promises*: plain data, without a number that only one heap knows.
//! *Leaves out*: frames: a thread or a generator that is under way is in no image.

use crate::python::value::object::Part;
use crate::python::value::types::Type;
use serde::{Deserialize, Serialize};

/// A value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are those of `Value`")]
pub enum Datum {
    Unset,
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// The place of a text.
    Str(u32),
    /// The place of a text whose characters are bytes.
    Bytes(u32),
    Type(Type),
    Native(u32),
    Module(u32),
    /// A class that every machine has, by its number: a built-in exception, or `Thread`.
    Class(u32),
    /// A function or class of the program, by the number of the global that is called as it is.
    Global(u32),
    /// The place of an object.
    Item(u32),
}

/// Names, as places of texts, with values.
pub type Named = Vec<(u32, Datum)>;

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// Nobody.
    None,
    /// The thread that has made the image, so many times.
    Maker(u64),
    /// A thread that is not in the image: it is never free again.
    Lost,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are those of `Object`")]
pub enum Item {
    Tuple(Vec<Datum>),
    List(Vec<Datum>),
    Dict(Vec<(Datum, Datum)>),
    /// With what it calls for a missing key.
    DefaultDict(Datum, Vec<(Datum, Datum)>),
    Ordered(Vec<(Datum, Datum)>),
    Counter(Vec<(Datum, Datum)>),
    Set(Vec<Datum>),
    Deque(Vec<Datum>, Option<u64>),
    Range(i64, i64, i64),
    Slice([Datum; 3]),
    View(u32, Part),
    Function {
        code: u32,
        defaults: Vec<Datum>,
        keyword_defaults: Named,
        cells: Vec<u32>,
        attributes: Named,
    },
    Class {
        name: u32,
        bases: Vec<Datum>,
        rest: Vec<Datum>,
        attributes: Named,
    },
    Instance {
        class: Datum,
        attributes: Named,
    },
    Method {
        receiver: Datum,
        function: Datum,
    },
    /// A method of a class of the program, by its name.
    Bound {
        receiver: Datum,
        name: u32,
    },
    Cell(Datum),
    /// A generator that has ended, or one that is lost.
    Generator {
        done: bool,
    },
    Sequence(Datum, u64),
    Rest(i64, i64, i64),
    Entries {
        of: u32,
        at: u64,
        size: u64,
        part: Part,
    },
    Reversed(u32, u64),
    Zip {
        of: u32,
        steps: u8,
        counted: bool,
    },
    Map {
        call: Datum,
        of: u32,
    },
    Exhausted,
    Count(i64, i64),
    Lock(Holder),
    RLock(Holder),
    Condition(u32),
    Event(bool),
    Semaphore(i64, Option<i64>),
    Barrier(i64, bool),
    Queue {
        items: Vec<Datum>,
        most: i64,
        lifo: bool,
        simple: bool,
        unfinished: i64,
    },
    /// A pool of threads, none of which is in the image: its number, its name, and how many there are at most.
    Pool(u64, u32, i64),
    /// The attributes of the thread that has made the image.
    Local(Named),
}

/// An image.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Image {
    /// The texts.
    pub texts: Vec<String>,
    /// The objects.
    pub items: Vec<Item>,
    /// What it is an image of: a value, or the globals of a world and the object of its thread.
    pub roots: Vec<Datum>,
    /// Of a world, where the numbers of `random` are, how many names threads have used, its time, and
    /// how often something was asked for.
    pub state: Option<[u64; 4]>,
}
