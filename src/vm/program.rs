//! Programs as plain data: globals, functions, threads, and what threads wait for.
//!
//! *Promises*: a [`Program`] has public fields, so that tools can build one and take it apart; it
//! may be nonsense.
//! *Leaves out*: the instructions (`vm/op.rs`), whether a program makes sense
//! (`vm/verifier.rs`), how one is written (`vm/assembler.rs`).
//!
//! ```text
//!   Program ── globals     x = 0            shared by all threads
//!           ├─ locks       door             shared, too; so are
//!           ├─ events      ready
//!           ├─ conditions  full(door)       each has one of the locks
//!           ├─ semaphores  slots = 2
//!           ├─ constants   1, 10
//!           ├─ functions   increment        code, names of locals
//!           ├─ threads     increment()      where each begins, with which arguments
//!           └─ expects     x == 2           what must hold when all have ended
//! ```

use crate::vm::expect::Expression;
use crate::vm::op::Op;
use std::fmt;

/// A place in a program's text; line and column count from 1. A column is a character, not a byte.
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
    /// Its value at the start.
    pub value: i64,
}

/// A condition: threads that hold its lock wait there until another notifies them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Its name.
    pub name: String,
    /// The number of its lock. Several conditions may have the same one.
    pub lock: u16,
}

/// A semaphore: a number of permits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Semaphore {
    /// Its name.
    pub name: String,
    /// How many permits there are at the start.
    pub permits: u32,
}

/// A condition that must hold when all threads have ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expect {
    /// The condition.
    pub condition: Expression,
    /// Where it stands in the text.
    pub position: Position,
}

impl Expect {
    /// The condition as it is written in a program's text.
    pub fn shown(&self, program: &Program) -> String {
        let names: Vec<&str> = program.globals.iter().map(|global| &*global.name).collect();
        self.condition.shown(&names).to_string()
    }
}

/// Where a thread begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntryPoint {
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
/// use singletrack::vm::program::{EntryPoint, Function, Instruction, Position, Program};
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
///     threads: vec![EntryPoint { function: 0, arguments: vec![], position }],
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
    /// The names of the events. None is set at the start.
    pub events: Vec<String>,
    /// The conditions.
    pub conditions: Vec<Condition>,
    /// The semaphores.
    pub semaphores: Vec<Semaphore>,
    /// The constants.
    pub constants: Vec<i64>,
    /// The functions.
    pub functions: Vec<Function>,
    /// The threads.
    pub threads: Vec<EntryPoint>,
    /// What must hold when all threads have ended, whatever the schedule.
    pub expects: Vec<Expect>,
}
