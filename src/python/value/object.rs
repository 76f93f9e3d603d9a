//! The objects of the heap.
//!
//! *Promises*: plain data without pointers to each other.
//! *Leaves out*: what can be done with them (`machine`, `library`).

use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::Asyncio;
use crate::python::value::frame::Frame;
use crate::python::value::strings::StrId;
use crate::python::value::table::Table;
use std::collections::VecDeque;

/// Names with values, in the order in which they were set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(pub Vec<(StrId, Value)>);

impl Attributes {
    /// The value of a name.
    pub fn get(&self, name: StrId) -> Option<Value> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// Sets the value of a name.
    pub fn set(&mut self, name: StrId, value: Value) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Takes a name out.
    pub fn remove(&mut self, name: StrId) -> Option<Value> {
        let at = self.0.iter().position(|(other, _)| *other == name)?;
        Some(self.0.remove(at).1)
    }
}

/// A function.
#[derive(Debug, Clone)]
pub struct Function {
    /// The number of its code.
    pub code: u32,
    /// The values of the last parameters by position.
    pub defaults: Vec<Value>,
    /// The values of parameters by keyword.
    pub keyword_defaults: Vec<(StrId, Value)>,
    /// The cells of outer functions.
    pub cells: Vec<Id>,
    /// Its attributes, if it was given any.
    pub attributes: Option<Box<Attributes>>,
}

/// A class.
#[derive(Debug, Clone)]
pub struct Class {
    /// Its name.
    pub name: StrId,
    /// The classes that it is derived from.
    pub bases: Vec<Id>,
    /// The classes behind it in the order of look-ups.
    pub rest: Vec<Id>,
    /// Its functions and other attributes.
    pub attributes: Attributes,
}

/// An instance of a class.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its class.
    pub class: Id,
    /// Its own attributes.
    pub attributes: Attributes,
}

/// What a dict does for a key that it has not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DictKind {
    /// A `KeyError`.
    Plain,
    /// It calls this, and keeps what it returns.
    Default(Value),
    /// It is 0.
    Counter,
    /// A `KeyError`; it is an `OrderedDict`.
    Ordered,
}

/// Which part of a dict a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum Part {
    Keys,
    Values,
    Items,
}

/// An iterator over what is built in.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "where it is, and in what")]
pub enum Iter {
    Sequence {
        of: Value,
        at: usize,
    },
    Range {
        next: i64,
        left: i64,
        step: i64,
    },
    Table {
        of: Id,
        at: usize,
        size: usize,
        part: Part,
    },
    Reversed {
        of: Id,
        left: usize,
    },
    /// It has seen a deque that had changed so often.
    Deque {
        of: Id,
        at: usize,
        changes: u32,
    },
    /// `zip`, or `enumerate`, which is one whose first part counts: a tuple of iterators, none of which
    /// calls Python; and how many iterators take a step in a step of this one, itself included.
    Zip {
        of: Id,
        steps: u8,
        counted: bool,
    },
    /// `map` over an iterator that calls no Python.
    Map {
        call: Value,
        of: Id,
    },
    Done,
}

/// A double-ended queue.
#[derive(Debug, Clone, Default)]
pub struct Deque {
    /// What is in it.
    pub items: VecDeque<Value>,
    /// How many can be.
    pub most: Option<usize>,
    /// How often something was put in, taken out or moved, since somebody first went through it.
    pub changes: Option<u32>,
}

impl Deque {
    /// With these items.
    pub fn new(items: VecDeque<Value>, most: Option<usize>) -> Deque {
        Deque { items, most, changes: None }
    }

    /// Notes a change that ends whoever goes through it.
    pub fn changed(&mut self) {
        if let Some(changes) = &mut self.changes {
            *changes = changes.wrapping_add(1);
        }
    }
}

/// What a generator is doing.
#[derive(Debug, Clone)]
pub enum Generator {
    /// It has not begun, or has yielded; its frame, and what that had on the stack.
    Suspended(Frame, Vec<Value>),
    /// It runs.
    Running,
    /// It has ended.
    Done,
}

/// What threads wait for each other with.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "they are those of Python's threading")]
pub enum Sync {
    Lock {
        owner: Option<usize>,
    },
    RLock {
        owner: Option<usize>,
        count: usize,
    },
    Condition {
        lock: Id,
        waiters: VecDeque<usize>,
    },
    Event {
        set: bool,
    },
    Semaphore {
        value: i64,
        bound: Option<i64>,
    },
    Barrier {
        parties: i64,
        arrived: Vec<usize>,
        broken: bool,
    },
    Queue {
        items: VecDeque<Value>,
        most: i64,
        lifo: bool,
        /// It is a SimpleQueue, which is C in CPython.
        simple: bool,
        unfinished: i64,
    },
    /// Workers for jobs: the threads of jobs that have not begun, how many run, the objects of
    /// class `Thread` of workers that have nothing to do, and how many workers there have been.
    /// Its number is its own for all of a run, and its name begins those of its workers.
    Pool {
        number: u64,
        name: StrId,
        most: i64,
        queued: VecDeque<usize>,
        running: i64,
        idle: Vec<Value>,
        made: usize,
    },
}

/// An object.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum Object {
    /// A slot of the heap that is free.
    Free,
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Table, DictKind),
    Set(Table),
    Deque(Deque),
    Range(i64, i64, i64),
    Slice([Value; 3]),
    View(Id, Part),
    Function(Function),
    Class(Class),
    Instance(Instance),
    Method {
        receiver: Value,
        function: Value,
    },
    Cell(Value),
    Generator(Generator),
    Iter(Iter),
    Count(i64, i64),
    Sync(Sync),
    /// Attributes for each thread.
    Local(Vec<(usize, Attributes)>),
    /// Coroutines, futures, tasks and event loops.
    Asyncio(Box<Asyncio>),
}
