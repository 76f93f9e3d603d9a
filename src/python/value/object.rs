//! The objects of the heap.
//!
//! *Promises*: plain data without pointers to each other.
//! *Leaves out*: what can be done with them (`machine`, `library`).

use crate::gil::rules::switch_point::SwitchPoint;
use crate::python::front::tree::{BinaryOperator, Comparison};
use crate::python::value::any::{Id, Value};
use crate::python::value::asyncio::Asyncio;
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
    Sequence { of: Value, at: usize },
    Range { next: i64, left: i64, step: i64 },
    Table { of: Id, at: usize, size: usize, part: Part },
    Reversed { of: Id, left: usize },
    Done,
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
    Deque(VecDeque<Value>, Option<usize>),
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

/// An operator whose method runs, and which method that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A comparison; `stage` counts the methods that were tried.
    Compare(Comparison, u8),
    /// Another operator, in place or not.
    Binary(BinaryOperator, bool, u8),
}

impl Operation {
    /// A number, different for each.
    pub fn number(self) -> u64 {
        match self {
            Operation::Compare(operator, stage) => (operator as u64) << 8 | u64::from(stage),
            Operation::Binary(operator, inplace, stage) => {
                1 << 32 | u64::from(inplace) << 16 | (operator as u64) << 8 | u64::from(stage)
            }
        }
    }
}

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
