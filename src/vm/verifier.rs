//! The verifier: which programs can run. A verified one cannot go wrong.
//!
//! *Promises*: a [`Verified`] program never pops an empty stack, never leaves its code, names
//! nothing that is not there, and never calls itself. All that can happen to it is to end, by
//! itself or by one of Python's exceptions, to wait for ever, or to run out of fuel.
//! *Leaves out*: whether it ends, and how it uses locks: one that is taken in one function may be
//! released in another, by another thread or never, as in Python. The explorer tells what comes of
//! it.
//!
//! ```text
//!   0 LOAD_FAST           depth 0
//!   1 POP_JUMP_IF_FALSE 4       1 ──┐       Each instruction is reached with one depth, on
//!   2 LOAD_CONST                0   │       every path. So the walk visits each once, and
//!   3 JUMP_FORWARD 5            1 ──┼─┐     what it finds there holds for every run.
//!   4 LOAD_CONST                0 ◀─┘ │
//!   5 RETURN_VALUE              1 ◀───┘
//! ```
//! CPython's compiler computes the depth; its interpreter trusts it. The JVM checks, as here.

use crate::vm::op::{Op, Operand};
use crate::vm::program::{Function, Instruction, Position, Program};
use std::fmt;
use std::sync::Arc;

/// The most threads a program can have.
pub const MAX_THREADS: usize = 64;

/// A program that cannot go wrong. Clones share it.
///
/// ```
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::verifier::Verified;
///
/// let program = assemble("thread f\ndef f():\n  ADD\n")?;
/// let refused = Verified::new(program).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "3:3: ADD in f takes 2 numbers from a stack of 0; push them first",
/// );
/// # Ok::<(), singletrack::vm::lexemes::AssembleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified(Arc<Program>);

impl Verified {
    /// Checks a program.
    ///
    /// # Errors
    /// [`VerifyError`] with the first fault.
    pub fn new(program: Program) -> Result<Verified, VerifyError> {
        let threads = program.threads.len();
        if threads == 0 || threads > MAX_THREADS {
            let position =
                program.threads.last().map_or(Position { line: 1, column: 1 }, |t| t.position);
            return Err(VerifyError::new(position, "the program", Fault::Threads(threads)));
        }
        for condition in &program.conditions {
            if usize::from(condition.lock) >= program.locks.len() {
                let fault = Fault::NotThere(Operand::Lock);
                return Err(VerifyError::new(Position::default(), &condition.name, fault));
            }
        }
        for expect in &program.expects {
            let greatest = expect.condition.greatest_global();
            if greatest.is_some_and(|global| usize::from(global) >= program.globals.len()) {
                let fault = Fault::NotThere(Operand::Global);
                return Err(VerifyError::new(expect.position, "this condition", fault));
            }
        }
        for function in &program.functions {
            check_function(&program, function)?;
        }
        check_calls(&program)?;
        for start in &program.threads {
            let error = |fault| VerifyError::new(start.position, "this thread", fault);
            let function = program.functions.get(usize::from(start.function));
            let function = function.ok_or_else(|| error(Fault::NotThere(Operand::Function)))?;
            let (given, wanted) = (start.arguments.len(), function.parameters);
            if given != wanted {
                return Err(error(Fault::Arguments { given, wanted }));
            }
        }
        Ok(Verified(Arc::new(program)))
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.0
    }

    /// An instruction of a function.
    pub(crate) fn instruction(&self, function: u16, at: u16) -> Instruction {
        self.0.functions[usize::from(function)].code[usize::from(at)]
    }
}

/// Checks a function on all paths: a dataflow analysis whose only fact is the
/// depth of the stack. It must be the same where paths meet.
fn check_function(program: &Program, function: &Function) -> Result<(), VerifyError> {
    let error = |position, fault| VerifyError::new(position, &function.name, fault);
    if function.parameters > function.locals.len() || function.code.len() > usize::from(u16::MAX) {
        return Err(error(function.position, Fault::Shape));
    }
    for (at, instruction) in function.code.iter().enumerate() {
        check_number(program, function, at, instruction.op)
            .map_err(|fault| error(instruction.position, fault).of(instruction.op))?;
    }
    let mut depths: Vec<Option<usize>> = vec![None; function.code.len()];
    let mut worklist = vec![(0, 0, function.position)];
    while let Some((at, depth, from)) = worklist.pop() {
        let Some(instruction) = function.code.get(at) else {
            return Err(error(from, Fault::NoReturn));
        };
        match depths[at] {
            Some(known) if known == depth => continue,
            Some(known) => {
                let fault = Fault::Unbalanced { one: known, other: depth };
                return Err(error(instruction.position, fault).of(instruction.op));
            }
            None => depths[at] = Some(depth),
        }
        let after = depth_after(program, instruction.op, depth)
            .map_err(|fault| error(instruction.position, fault).of(instruction.op))?;
        for to in successors(at, instruction.op) {
            worklist.push((to, after, instruction.position));
        }
    }
    Ok(())
}

/// Checks that the number names something that is there, and that a jump has its direction.
fn check_number(program: &Program, function: &Function, at: usize, op: Op) -> Result<(), Fault> {
    let (operand, number) = (op.opcode().operand, usize::from(op.parts().1));
    let count = match operand {
        Operand::None | Operand::Milliseconds => return Ok(()),
        Operand::Constant => program.constants.len(),
        Operand::Local => function.locals.len(),
        Operand::Global => program.globals.len(),
        Operand::Target => function.code.len(),
        Operand::Function => program.functions.len(),
        Operand::Lock => program.locks.len(),
        Operand::Event => program.events.len(),
        Operand::Condition => program.conditions.len(),
        Operand::Semaphore => program.semaphores.len(),
    };
    let backward = matches!(op, Op::JumpBackward(_));
    match operand {
        _ if number >= count => Err(Fault::NotThere(operand)),
        Operand::Target if backward != (number <= at) => Err(Fault::Direction),
        _ => Ok(()),
    }
}

/// The depth of the stack after an instruction, from the depth before it.
fn depth_after(program: &Program, op: Op, depth: usize) -> Result<usize, Fault> {
    let (pops, pushes) = match op {
        Op::LoadConst(_) | Op::LoadFast(_) | Op::LoadGlobal(_) | Op::EventIsSet(_) => (0, 1),
        Op::StoreFast(_) | Op::StoreGlobal(_) | Op::PopTop | Op::PopJumpIfFalse(_) => (1, 0),
        Op::Add | Op::Subtract | Op::LessThan => (2, 1),
        Op::Call(callee) => (program.functions[usize::from(callee)].parameters, 1),
        Op::JumpForward(_) | Op::JumpBackward(_) | Op::CallBlocking | Op::Sleep(_) => (0, 0),
        Op::ReturnValue if depth > 1 => return Err(Fault::LeftOver(depth - 1)),
        Op::ReturnValue => (1, 0),
        Op::Acquire(_) | Op::Release(_) => (0, 0),
        Op::EventSet(_) | Op::EventClear(_) | Op::EventWait(_) => (0, 0),
        Op::ConditionWait(_) | Op::ConditionNotify(_) | Op::ConditionNotifyAll(_) => (0, 0),
        Op::SemaphoreAcquire(_) | Op::SemaphoreRelease(_) => (0, 0),
        Op::CallC | Op::CallCFast | Op::BeforeWith => (0, 0),
    };
    let left = depth.checked_sub(pops).ok_or(Fault::Underflow { pops, depth })?;
    Ok(left + pushes)
}

fn successors(at: usize, op: Op) -> Vec<usize> {
    match op {
        Op::ReturnValue => vec![],
        Op::JumpForward(to) | Op::JumpBackward(to) => vec![usize::from(to)],
        Op::PopJumpIfFalse(to) => vec![at + 1, usize::from(to)],
        _ => vec![at + 1],
    }
}

/// Checks that no function calls itself, directly or through others: so the depth of calls has a
/// bound.
fn check_calls(program: &Program) -> Result<(), VerifyError> {
    // Functions are removed in rounds: first those that call none, then those that call only
    // removed ones. What cannot be removed is on a cycle, or calls one.
    let mut left = vec![true; program.functions.len()];
    loop {
        let calls_one_that_is_left = |function: &Function| {
            function.code.iter().any(|i| matches!(i.op, Op::Call(to) if left[usize::from(to)]))
        };
        let after: Vec<bool> = program.functions.iter().map(calls_one_that_is_left).collect();
        let Some(first) = after.iter().position(|&left| left) else { return Ok(()) };
        if after == left {
            let function = &program.functions[first];
            return Err(VerifyError::new(function.position, &function.name, Fault::Recursion));
        }
        left = after;
    }
}

/// Why a program cannot run: the place, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyError {
    /// Where in the text.
    pub position: Position,
    /// The function, the thread or the program that is wrong.
    pub subject: String,
    /// The instruction, if one is wrong.
    pub op: Option<Op>,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It has no threads, or too many.
    Threads(usize),
    /// More parameters than locals, or more code than can be numbered.
    Shape,
    /// An index is past the end of its table, or a target past the end of the code.
    NotThere(Operand),
    /// A forward jump goes back, or a backward one forward.
    Direction,
    /// A path leads past the last instruction.
    NoReturn,
    /// It pops more than there is.
    Underflow {
        /// How many numbers it pops.
        pops: usize,
        /// How many there are.
        depth: usize,
    },
    /// Two paths lead here with different stacks.
    Unbalanced {
        /// The depth of the stack on one path.
        one: usize,
        /// The depth of the stack on the other path.
        other: usize,
    },
    /// It returns with more on the stack than its value.
    LeftOver(usize),
    /// A function calls itself, perhaps through others.
    Recursion,
    /// A thread gives its function too many or too few arguments.
    Arguments {
        /// How many the thread gives.
        given: usize,
        /// How many parameters the function has.
        wanted: usize,
    },
}

impl VerifyError {
    fn new(position: Position, subject: &str, fault: Fault) -> VerifyError {
        VerifyError { position, subject: subject.to_owned(), op: None, fault }
    }

    fn of(self, op: Op) -> VerifyError {
        VerifyError { op: Some(op), ..self }
    }

    /// What is wrong, without the place.
    pub fn what(&self) -> String {
        let subject = &self.subject;
        match self.op {
            Some(op) => format!("{} in {subject} {}", op.opcode().name, self.fault),
            None => format!("{subject} {}", self.fault),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self.fault {
            Fault::Threads(0) => "write `thread NAME` for a function",
            Fault::Threads(_) => "use at most 64",
            Fault::Shape => "use fewer names and instructions",
            Fault::NotThere(Operand::Target) => "jump to an instruction of this function",
            Fault::NotThere(_) => "declare it first",
            Fault::Direction => "use the jump that points the other way",
            Fault::NoReturn => "end it with LOAD_CONST 0, RETURN_VALUE",
            Fault::Underflow { .. } => "push them first",
            Fault::Unbalanced { .. } => "bring both ways to the same stack",
            Fault::LeftOver(_) => "POP_TOP what is left over",
            Fault::Recursion => "use a loop",
            Fault::Arguments { .. } => "give one number for each parameter",
        }
    }
}

/// One line: `LINE:COLUMN: what; remedy`.
impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.position, self.what(), self.remedy())
    }
}

impl std::error::Error for VerifyError {}

/// Continues a sentence that began with the instruction or the function.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Threads(0) => write!(f, "has no thread"),
            Fault::Threads(count) => write!(f, "has {count} threads"),
            Fault::Shape => write!(f, "has more parameters than locals, or is too long"),
            Fault::NotThere(Operand::Target) => write!(f, "jumps out of the code"),
            Fault::NotThere(operand) => {
                write!(f, "names a {} that is not there", format!("{operand:?}").to_lowercase())
            }
            Fault::Direction => write!(f, "jumps the wrong way"),
            Fault::NoReturn => write!(f, "runs past its last instruction"),
            Fault::Underflow { pops, depth } => {
                let s = if *pops == 1 { "" } else { "s" };
                write!(f, "takes {pops} number{s} from a stack of {depth}")
            }
            Fault::Unbalanced { one, other } => {
                write!(f, "is reached with a stack of {one} and with one of {other}")
            }
            Fault::LeftOver(count) => write!(f, "leaves {count} more on the stack"),
            Fault::Recursion => write!(f, "calls itself, perhaps by way of others"),
            Fault::Arguments { given, wanted } => {
                write!(f, "gives {given} arguments to a function of {wanted}")
            }
        }
    }
}
