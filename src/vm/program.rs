//! A program: functions of instructions, the names they use, and the threads that run them.
//!
//! *Assumes*: nothing. A `Program` may be nonsense.
//! *Promises*: plain data with public parts, so that tools can build and take it apart.
//! *Leaves out*: whether it makes sense (`vm/verifier.rs`), how it is written
//! (`vm/assembler.rs`).
//!
//! ```text
//!   Program ── globals     x = 0            shared by all threads
//!           ├─ locks       door             shared, too
//!           ├─ constants   1, 10
//!           ├─ functions   increment        code, names of locals
//!           └─ threads     increment()      where each begins, with which arguments
//! ```

use crate::vm::op::Op;
use std::fmt;

/// A place in a program's text, both counted from 1. A column is a character, not a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// As compilers print it: `12:5`.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One instruction, and where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// What it does.
    pub op: Op,
    /// Where it stands in the text.
    pub position: Position,
}

/// A function: Python's code object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// How many of the locals are parameters; they come first.
    pub parameters: usize,
    /// The names of its local variables. Those that are no parameters begin as 0; Python would
    /// raise `UnboundLocalError`.
    pub locals: Vec<String>,
    /// What it does.
    pub code: Vec<Instruction>,
    /// Where it is defined.
    pub position: Position,
}

/// A global variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Global {
    /// Its name.
    pub name: String,
    /// What it begins with.
    pub value: i64,
}

/// Where a thread begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Start {
    /// The number of its function.
    pub function: u16,
    /// The function's arguments.
    pub arguments: Vec<i64>,
    /// Where this is written.
    pub position: Position,
}

/// Threads, the functions they run, and what they share.
///
/// ```
/// use singletrack::vm::op::Op;
/// use singletrack::vm::program::{Function, Instruction, Position, Program, Start};
/// use singletrack::vm::verifier::Verified;
///
/// let code = [Op::LoadConst(0), Op::ReturnValue];
/// let position = Position::default();
/// let function = Function {
///     name: "answer".to_owned(),
///     code: code.map(|op| Instruction { op, position }).to_vec(),
///     ..Function::default()
/// };
/// let program = Program {
///     constants: vec![42],
///     functions: vec![function],
///     threads: vec![Start { function: 0, arguments: vec![], position }],
///     ..Program::default()
/// };
/// let text = "thread answer()\n\ndef answer():\n    LOAD_CONST        42\n    RETURN_VALUE\n";
/// assert_eq!(program.to_string(), text);
/// assert!(Verified::new(program).is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Program {
    /// The shared variables.
    pub globals: Vec<Global>,
    /// The names of the shared locks.
    pub locks: Vec<String>,
    /// The constants.
    pub constants: Vec<i64>,
    /// The functions.
    pub functions: Vec<Function>,
    /// The threads.
    pub threads: Vec<Start>,
}
