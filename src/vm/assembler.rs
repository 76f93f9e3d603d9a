//! The assembler: from text to a program.
//!
//! *Promises*: a program, or one error with line, column, what stands there and what was
//! expected. A program that was read can be printed and read again without a difference.
//! *Leaves out*: whether the program can run (`vm/verifier.rs`).
//!
//! ```text
//!   # A comment goes to the end of the line.
//!   global x = 0                  a shared variable, and what it begins with
//!   lock door                     a shared lock
//!   event ready                   an event, not set
//!   condition full(door)          a condition with that lock; `condition full` has its own, `full`
//!   semaphore slots = 2           a semaphore, and its permits
//!   expect x == 4                 what must hold when all threads have ended
//!   thread add(2)                 a thread that runs `add` with the argument 2
//!
//!   def add(n):                   a function and its parameters
//!       LOAD_GLOBAL x
//!       LOAD_FAST n               other locals are made by the first STORE_FAST
//!       ADD
//!       STORE_GLOBAL x
//!       JUMP_FORWARD out
//!   out:                          a label, for the instruction below
//!       LOAD_CONST 0
//!       RETURN_VALUE
//! ```
//! Declarations may come in any order. Indentation has no meaning. The text is read twice: the
//! first pass collects names and labels, the second emits instructions.

use crate::vm::expect_parser::condition;
use crate::vm::lexemes::{AssembleError, SourceLine};
use crate::vm::op::{OPCODES, Opcode, Operand};
use crate::vm::program::{
    Condition, EntryPoint, Expect, Function, Global, Instruction, Program, Semaphore,
};
use std::collections::HashMap;

/// Reads a program.
///
/// # Errors
/// [`AssembleError`] for the first thing that is not as expected.
///
/// ```
/// use singletrack::vm::assembler::assemble;
///
/// let program = assemble("thread f\ndef f():\n    LOAD_CONST 7\n    RETURN_VALUE\n")?;
/// assert_eq!(program.constants, [7]);
///
/// let error = assemble("thread f\ndef f():\n    LAOD_CONST 7\n").unwrap_err();
/// let line = "3:5: found `LAOD_CONST`; expected an opcode, perhaps LOAD_CONST";
/// assert_eq!(error.to_string(), line);
/// # Ok::<(), singletrack::vm::lexemes::AssembleError>(())
/// ```
pub fn assemble(text: &str) -> Result<Program, AssembleError> {
    let lines: Vec<SourceLine> =
        text.lines().zip(1..).map(|(text, number)| SourceLine::of(text, number)).collect();
    let mut assembler = Assembler::default();
    for line in &lines {
        assembler.declare(line.clone())?;
    }
    assembler.function = None;
    for line in lines {
        assembler.emit(line)?;
    }
    Ok(assembler.program)
}

/// The program so far, and the names that the first pass has collected for the second.
#[derive(Default)]
struct Assembler {
    program: Program,
    globals: HashMap<String, u16>,
    locks: HashMap<String, u16>,
    events: HashMap<String, u16>,
    conditions: HashMap<String, u16>,
    semaphores: HashMap<String, u16>,
    functions: HashMap<String, u16>,
    /// The target of each label, by function and name.
    labels: HashMap<(u16, String), u16>,
    /// How many instructions each function has, in the first pass.
    lengths: Vec<u16>,
    /// The function whose body is being read.
    function: Option<u16>,
}

/// Declares a name: it gets the next number.
fn declare_name(
    names: &mut HashMap<String, u16>,
    line: &mut SourceLine,
    what: &str,
) -> Result<String, AssembleError> {
    let free = line.expected(format!("a name that no other {what} has"));
    let name = line.name(&format!("the name of {}", with_article(what)))?;
    let number = u16::try_from(names.len());
    match number.ok().filter(|_| !names.contains_key(&name)) {
        Some(number) => names.insert(name.clone(), number),
        None => return Err(free),
    };
    Ok(name)
}

impl Assembler {
    /// First pass: collects names, and counts instructions.
    fn declare(&mut self, mut line: SourceLine) -> Result<(), AssembleError> {
        match (line.peek(0), line.peek(1)) {
            (Some(_), Some(":")) => return self.declare_label(line),
            (None, _) | (Some("thread" | "expect"), _) => return Ok(()),
            (Some("global"), _) => {
                line.skip();
                let name = declare_name(&mut self.globals, &mut line, "global")?;
                let given = line.take_if("=");
                let value = if given { line.number("a whole number of 64 bits")? } else { 0 };
                self.program.globals.push(Global { name, value });
            }
            (Some("lock"), _) => {
                line.skip();
                let name = declare_name(&mut self.locks, &mut line, "lock")?;
                self.program.locks.push(name);
            }
            (Some("event"), _) => {
                line.skip();
                let name = declare_name(&mut self.events, &mut line, "event")?;
                self.program.events.push(name);
            }
            (Some("condition"), _) => self.declare_condition(&mut line)?,
            (Some("semaphore"), _) => {
                line.skip();
                let name = declare_name(&mut self.semaphores, &mut line, "semaphore")?;
                let given = line.take_if("=");
                let permits = if given { line.number("permits, 0 to 4294967295")? } else { 1 };
                self.program.semaphores.push(Semaphore { name, permits });
            }
            (Some("def"), _) => {
                let position = line.position();
                line.skip();
                let name = declare_name(&mut self.functions, &mut line, "function")?;
                let mut known = HashMap::new();
                let locals = line.list(|line| declare_name(&mut known, line, "parameter"))?;
                line.mark(":")?;
                self.function = Some(self.functions[&name]);
                self.lengths.push(0);
                let parameters = locals.len();
                let function = Function { name, parameters, locals, position, code: Vec::new() };
                self.program.functions.push(function);
            }
            (Some(_), _) => return self.count_instruction(&line),
        }
        line.end()
    }

    /// `condition full(door)`, or `condition full` with a lock of the same name.
    fn declare_condition(&mut self, line: &mut SourceLine) -> Result<(), AssembleError> {
        line.skip();
        let name = declare_name(&mut self.conditions, &mut line.clone(), "condition")?;
        let own_lock = line.peek(1) != Some("(");
        let lock = if own_lock {
            declare_name(&mut self.locks, line, "lock")?;
            self.program.locks.push(name.clone());
            self.locks[&name]
        } else {
            // The lock may be declared further down: the second pass looks it up.
            line.name("the name of a condition")?;
            line.list(|line| line.name("the name of a lock"))?;
            0
        };
        self.program.conditions.push(Condition { name, lock });
        Ok(())
    }

    /// The lock of a condition, now that all locks are known.
    fn emit_condition(&mut self, mut line: SourceLine) -> Result<(), AssembleError> {
        line.skip();
        let condition = declared(&mut line, &self.conditions, "condition")?;
        if line.take_if("(") {
            let lock = declared(&mut line, &self.locks, "lock")?;
            self.program.conditions[usize::from(condition)].lock = lock;
            line.mark(")")?;
        }
        line.end()
    }

    fn declare_label(&mut self, mut line: SourceLine) -> Result<(), AssembleError> {
        let function = self.function.ok_or_else(|| line.expected("`def NAME():` first"))?;
        let taken = line.expected("a label that this function does not have yet");
        let name = line.name("a label")?;
        line.mark(":")?;
        line.end()?;
        let at = self.lengths[usize::from(function)];
        match self.labels.insert((function, name), at) {
            None => Ok(()),
            Some(_) => Err(taken),
        }
    }

    fn count_instruction(&mut self, line: &SourceLine) -> Result<(), AssembleError> {
        let first = "`global`, `lock`, `event`, `condition`, `semaphore`, `expect`, `thread` or \
                     `def`: no function has begun";
        let function = self.function.ok_or_else(|| line.expected(first))?;
        let length = &mut self.lengths[usize::from(function)];
        let long = || line.expected("the end of the function: it has 65535 instructions");
        *length = length.checked_add(1).ok_or_else(long)?;
        Ok(())
    }

    /// Second pass: instructions and threads.
    fn emit(&mut self, mut line: SourceLine) -> Result<(), AssembleError> {
        let position = line.position();
        match (line.peek(0), line.peek(1)) {
            (_, Some(":")) | (None | Some("global" | "lock" | "event" | "semaphore"), _) => Ok(()),
            (Some("condition"), _) => self.emit_condition(line),
            (Some("expect"), _) => {
                line.skip();
                let condition = condition(&mut line, &self.globals)?;
                self.program.expects.push(Expect { condition, position });
                line.end()
            }
            (Some("def"), _) => {
                self.function = Some(self.function.map_or(0, |function| function + 1));
                Ok(())
            }
            (Some("thread"), _) => {
                line.skip();
                let function = declared(&mut line, &self.functions, "function")?;
                let arguments = match line.peek(0) {
                    Some("(") => line.list(|line| line.number("a whole number of 64 bits"))?,
                    _ => Vec::new(),
                };
                self.program.threads.push(EntryPoint { function, arguments, position });
                line.end()
            }
            _ => self.emit_instruction(line),
        }
    }

    fn emit_instruction(&mut self, mut line: SourceLine) -> Result<(), AssembleError> {
        let position = line.position();
        let word = line.peek(0).unwrap_or_default();
        let opcode = OPCODES.iter().find(|opcode| opcode.name == word);
        let opcode = opcode.ok_or_else(|| line.expected(suggest(word)))?;
        line.skip();
        let op = (opcode.make)(self.operand(opcode, &mut line)?);
        line.end()?;
        if let Some(function) = self.function {
            let code = &mut self.program.functions[usize::from(function)].code;
            code.push(Instruction { op, position });
        }
        Ok(())
    }

    fn operand(&mut self, opcode: &Opcode, line: &mut SourceLine) -> Result<u16, AssembleError> {
        match opcode.operand {
            Operand::None => Ok(0),
            Operand::Milliseconds => line.number("milliseconds, 0 to 65535"),
            Operand::Constant => {
                let full = line.expected("one of the 65536 numbers that are in use");
                let value = line.number("a whole number of 64 bits")?;
                index_of(&mut self.program.constants, value).ok_or(full)
            }
            Operand::Global => declared(line, &self.globals, "global"),
            Operand::Lock => declared(line, &self.locks, "lock"),
            Operand::Event => declared(line, &self.events, "event"),
            Operand::Condition => declared(line, &self.conditions, "condition"),
            Operand::Semaphore => declared(line, &self.semaphores, "semaphore"),
            Operand::Function => declared(line, &self.functions, "function"),
            Operand::Local => self.local(opcode, line),
            Operand::Target => {
                let unknown = line.expected("a label of this function");
                let name = line.name("a label")?;
                let label = (self.function.unwrap_or_default(), name);
                self.labels.get(&label).copied().ok_or(unknown)
            }
        }
    }

    /// The number of a local. The first `STORE_FAST` to a name makes the local.
    fn local(&mut self, opcode: &Opcode, line: &mut SourceLine) -> Result<u16, AssembleError> {
        let expected = line.expected("a parameter, or a name that a STORE_FAST above has made");
        let full = line.expected("one of the 65536 locals that are there");
        let name = line.name("the name of a local")?;
        let function = usize::from(self.function.unwrap_or_default());
        let locals = &mut self.program.functions[function].locals;
        if opcode.name != "STORE_FAST" && !locals.contains(&name) {
            return Err(expected);
        }
        index_of(locals, name).ok_or(full)
    }
}

/// The index of an entry, which is appended if it is not there.
fn index_of<T: PartialEq>(table: &mut Vec<T>, entry: T) -> Option<u16> {
    let at = table.iter().position(|known| *known == entry).unwrap_or(table.len());
    let number = u16::try_from(at).ok()?;
    if at == table.len() {
        table.push(entry);
    }
    Some(number)
}

fn with_article(what: &str) -> String {
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {what}")
}

fn declared(
    line: &mut SourceLine,
    names: &HashMap<String, u16>,
    what: &str,
) -> Result<u16, AssembleError> {
    let unknown = line.expected(format!("the name of {} that is declared", with_article(what)));
    let name = line.name(&format!("the name of {}", with_article(what)))?;
    names.get(&name).copied().ok_or(unknown)
}

/// The opcode that was probably meant: the one with the longest common subsequence of letters.
fn suggest(word: &str) -> String {
    let likeness = |name: &str| {
        // Four times the length of the common subsequence, less the lengths of both words.
        let mut row = vec![0; name.len() + 1];
        for c in word.to_uppercase().chars() {
            let mut diagonal = 0;
            for (at, n) in name.chars().enumerate() {
                let above = row[at + 1];
                row[at + 1] = if c == n { diagonal + 1 } else { above.max(row[at]) };
                diagonal = above;
            }
        }
        4 * row[name.len()] as isize - name.len() as isize - word.chars().count() as isize
    };
    let best = OPCODES.iter().max_by_key(|opcode| likeness(opcode.name));
    match best.filter(|opcode| likeness(opcode.name) > 0) {
        Some(opcode) => format!("an opcode, perhaps {}", opcode.name),
        None => "an opcode, such as LOAD_GLOBAL".to_owned(),
    }
}
