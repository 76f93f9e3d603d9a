//! A program: code objects, constants, and the names of globals.
//!
//! *Promises*: plain data that no run changes, so that all worlds of a program share it.
//! *Leaves out*: whether it makes sense; only the compiler writes one.

use crate::gil::rules::switch_point::SwitchPoint;
use crate::python::code::instruction::Op;
use crate::python::front::position::Position;
use crate::python::front::refusal::Refusal;
use crate::python::front::tree::{Constant, Name};

/// Where an exception goes that is raised between two instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handler {
    /// The first instruction that it covers.
    pub from: u32,
    /// The first one that it does not.
    pub to: u32,
    /// Where it goes on.
    pub target: u32,
    /// What is left of the stack then; the exception is pushed onto that.
    pub depth: u32,
    /// It is of a `finally` or a `with`, whose code has to run on every way out.
    pub cleanup: bool,
}

/// Where the exception is that instructions handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// In this slot.
    Slot(u32),
    /// On the stack, above so many operands.
    Above(u32),
}

/// Instructions that run while an exception is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handling {
    /// The first one.
    pub from: u32,
    /// The first one behind them.
    pub to: u32,
    /// The exception.
    pub what: Handled,
}

/// CPython's code object.
#[derive(Debug, Clone, Default)]
pub struct Code {
    /// The function's name.
    pub name: Name0,
    /// Its name with those that it is in: `Point.sum`, `outer.<locals>.inner`.
    pub qualified: String,
    /// The slots' names: parameters first, those by position before those by keyword.
    pub locals: Vec<Name>,
    /// How many parameters are by position.
    pub positional: usize,
    /// How many of those are by position only.
    pub position_only: usize,
    /// How many are by keyword only.
    pub keyword_only: usize,
    /// The slot behind the parameters gets the rest of the arguments by position.
    pub rest: bool,
    /// For each own cell: the parameter's slot that its value comes from.
    pub cells: Vec<Option<usize>>,
    /// The names of all cells, for messages.
    pub cell_names: Vec<Name>,
    /// The slot behind that gets the rest of the arguments by keyword.
    pub keywords: bool,
    /// A call makes a generator; of a coroutine, an asynchronous one.
    pub generator: bool,
    /// A call makes a coroutine.
    pub coroutine: bool,
    /// It is the body of a comprehension, of a class, or another kind of code.
    pub kind: CodeKind,
    /// Its docstring.
    pub doc: Option<Name>,
    /// Of a class: the names that its body declares with a type, in order.
    pub declared: Vec<Name>,
    /// What it does.
    pub ops: Vec<Op>,
    /// The same with superinstructions, for runs that nobody explores.
    pub fused: Vec<Op>,
    /// Where each instruction was written.
    pub positions: Vec<Position>,
    /// Where exceptions go, inner ones first.
    pub handlers: Vec<Handler>,
    /// Which instructions handle exceptions. Of those that cover an instruction, the one that begins
    /// last is the innermost.
    pub handling: Vec<Handling>,
}

impl Code {
    /// Whether a call with its parameters by position needs nothing but a frame.
    pub fn is_plain(&self) -> bool {
        let special = self.generator || self.coroutine || self.rest || self.keywords;
        !special && self.keyword_only == 0 && self.cells.is_empty()
    }

    /// How many values a call has before its operands: its locals and cells.
    pub fn fixed(&self) -> usize {
        self.locals.len() + self.cell_names.len()
    }
}

/// The name of a code, which has a default.
pub type Name0 = String;

/// What code belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "they are Python's")]
pub enum CodeKind {
    Module,
    #[default]
    Function,
    Comprehension,
    Class,
    /// Code that stands for a function that is C in CPython: it never looks.
    Native,
    /// Code of a module that is Python in CPython and holds a lock of its own inside: it looks where
    /// it is entered, and behind it.
    Library,
    /// Code of a module that is Python in CPython and holds none: it looks as the program's does.
    Unguarded,
}

impl CodeKind {
    /// Whether the program's author has not written it.
    pub fn is_library(self) -> bool {
        matches!(self, CodeKind::Native | CodeKind::Library | CodeKind::Unguarded)
    }

    /// What kind of switch point its return is, for a caller that calls it by name.
    pub fn returns(self) -> SwitchPoint {
        if self == CodeKind::Native { SwitchPoint::CReturn } else { SwitchPoint::PyReturn }
    }

    /// Whether others run before it or behind it only.
    pub fn is_one_step(self) -> bool {
        matches!(self, CodeKind::Native | CodeKind::Library)
    }
}

/// A program.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Its codes. Number 0 is the module's.
    pub codes: Vec<Code>,
    /// The constants of all codes.
    pub constants: Vec<Constant>,
    /// Names of attributes, and of keywords.
    pub names: Vec<Name>,
    /// Names of keywords in a call.
    pub keywords: Vec<Vec<Name>>,
    /// The names of the globals.
    pub globals: Vec<Name>,
    /// The imports: a module, and the name in it.
    pub imports: Vec<(Name, Option<Name>)>,
    /// The codes of the library's modules, which run before the program's, in this order.
    pub preludes: Vec<u32>,
    /// It may start other processes.
    pub processes: bool,
    /// The first thing in it that only a real run has: why it cannot be explored.
    pub real_only: Option<Refusal>,
}
