//! The disassembler: a program as text, and as Python's `dis` would list it.
//!
//! *Assumes*: names that the assembler can read; those of an assembled program are.
//! *Promises*: the text that `Display` prints assembles to the same program.
//! *Leaves out*: comments.
//!
//! ```text
//!    line    target    offset    opcode        number   what it means
//!      9       >>         3      LOAD_GLOBAL   0        (x)
//! ```

use crate::gil::rules::switch_point::SwitchPoint;
use crate::gil::rules::threading::Threading;
use crate::vm::op::{Op, Operand};
use crate::vm::program::{Function, Program};
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// What the number of an instruction means: a name, a constant, a target, a time. `None` if it has
/// no number.
pub fn operand(program: &Program, function: &Function, op: Op) -> Option<String> {
    let number = op.parts().1;
    let at = usize::from(number);
    match op.opcode().operand {
        Operand::None => None,
        Operand::Constant => program.constants.get(at).map(i64::to_string),
        Operand::Local => function.locals.get(at).cloned(),
        Operand::Global => program.globals.get(at).map(|global| global.name.clone()),
        Operand::Target => Some(format!("to {number}")),
        Operand::Function => program.functions.get(at).map(|function| function.name.clone()),
        Operand::Milliseconds => Some(format!("{number} ms")),
        Operand::Lock => program.locks.get(at).cloned(),
        Operand::Event => program.events.get(at).cloned(),
        Operand::Condition => program.conditions.get(at).map(|condition| condition.name.clone()),
        Operand::Semaphore => program.semaphores.get(at).map(|semaphore| semaphore.name.clone()),
    }
}

/// All functions as Python's `dis.dis` would list them.
///
/// ```
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::disassembler::dis;
///
/// let program = assemble("def f(n):\n  LOAD_FAST n\n  RETURN_VALUE\n")?;
/// let listing = "\
/// Disassembly of f(n):
///   2           0 LOAD_FAST                0 (n)
///   3           1 RETURN_VALUE
/// ";
/// assert_eq!(dis(&program), listing);
/// # Ok::<(), singletrack::vm::lexemes::AssembleError>(())
/// ```
#[doc(alias = "dis.dis")]
pub fn dis(program: &Program) -> String {
    dis_under(program, &[])
}

/// The same, with a mark for each of these policies where it looks, and so another thread may come: `1`
/// for the first, `2` for the second. A conditional jump is such a place only if it is taken, or only
/// if not: the words behind the marks say which.
///
/// ```
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::disassembler::dis_under;
///
/// let program = assemble("def f(n):\n  LOAD_FAST n\n  RETURN_VALUE\n")?;
/// let policies = [SwitchPolicy::PYTHON_3_2, SwitchPolicy::PYTHON_3_10].map(Into::into);
/// let listing = "\
/// 1 python-3.2, 2 python-3.10 look where their numbers are
/// Disassembly of f(n):
///   2           0 LOAD_FAST                0 (n)              1 ·
///   3           1 RETURN_VALUE                                1 2  return
/// ";
/// assert_eq!(dis_under(&program, &policies), listing);
/// # Ok::<(), singletrack::vm::lexemes::AssembleError>(())
/// ```
pub fn dis_under(program: &Program, policies: &[Threading]) -> String {
    let numbered: Vec<String> = (1..).zip(policies).map(|(at, p)| format!("{at} {p}")).collect();
    let legend = match policies.len() {
        0 => String::new(),
        1 => format!("{} looks where its number is\n", numbered[0]),
        _ => format!("{} look where their numbers are\n", numbered.join(", ")),
    };
    let functions = program.functions.iter();
    let listings: Vec<String> = functions.map(|f| listing(program, f, policies)).collect();
    legend + &listings.join("\n")
}

/// Where these policies look after an instruction, and what kind of place that is.
fn marks(op: Op, policies: &[Threading]) -> String {
    if policies.is_empty() {
        return String::new();
    }
    let looks = |policy: Threading| op.points().iter().any(|point| op.may_switch(*point, policy));
    let marks = (1..).zip(policies).map(|(at, policy)| match looks(*policy) {
        true => at.to_string(),
        false => "·".to_owned(),
    });
    let marks = marks.collect::<Vec<String>>().join(" ");
    let kinds = match (op, op.points()) {
        (Op::PopJumpIfFalse(_), _) => format!("if taken: {}", SwitchPoint::ForwardTaken.name()),
        (_, [SwitchPoint::Straight, ..]) => String::new(),
        (_, [first, second]) if first != second => {
            format!("{}, {}", first.name(), second.name())
        }
        (_, [first, ..]) => first.name().to_owned(),
        (_, []) => String::new(),
    };
    format!("{marks}  {kinds}")
}

fn listing(program: &Program, function: &Function, policies: &[Threading]) -> String {
    let labels = labels(function);
    let mut text = format!("Disassembly of {}:\n", signature(function));
    for (at, instruction) in (0..).zip(&function.code) {
        let op = instruction.op;
        let mark = if labels.contains_key(&at) { ">>" } else { "" };
        let name = op.opcode().name;
        let line = format!("{:>3} {mark:>6} {at:>4} {name:<20}", instruction.position.line);
        let line = match operand(program, function, op) {
            None => line,
            Some(meaning) => format!("{line} {:>5} ({meaning})", op.parts().1),
        };
        text += format!("{line:<60}{}", marks(op, policies)).trim_end();
        text.push('\n');
    }
    text
}

fn signature(function: &Function) -> String {
    let parameters = &function.locals[..function.parameters.min(function.locals.len())];
    format!("{}({})", function.name, parameters.join(", "))
}

/// A label for the target of each jump; no two are equal.
fn labels(function: &Function) -> BTreeMap<u16, String> {
    let targets = function.code.iter().filter_map(|instruction| match instruction.op {
        Op::PopJumpIfFalse(to) | Op::JumpForward(to) | Op::JumpBackward(to) => Some(to),
        _ => None,
    });
    targets.map(|to| (to, format!("at_{to}"))).collect()
}

/// The text that the assembler reads.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for global in &self.globals {
            writeln!(f, "global {} = {}", global.name, global.value)?;
        }
        for lock in &self.locks {
            writeln!(f, "lock {lock}")?;
        }
        for event in &self.events {
            writeln!(f, "event {event}")?;
        }
        for condition in &self.conditions {
            let lock = self.locks.get(usize::from(condition.lock)).map_or("?", String::as_str);
            writeln!(f, "condition {}({lock})", condition.name)?;
        }
        for semaphore in &self.semaphores {
            writeln!(f, "semaphore {} = {}", semaphore.name, semaphore.permits)?;
        }
        for expect in &self.expects {
            writeln!(f, "expect {}", expect.shown(self))?;
        }
        for start in &self.threads {
            let name = self.functions.get(usize::from(start.function)).map_or("?", |f| &f.name);
            let arguments: Vec<String> = start.arguments.iter().map(i64::to_string).collect();
            writeln!(f, "thread {name}({})", arguments.join(", "))?;
        }
        for function in &self.functions {
            writeln!(f, "\ndef {}:", signature(function))?;
            f.write_str(&body(self, function)?)?;
        }
        Ok(())
    }
}

fn body(program: &Program, function: &Function) -> Result<String, fmt::Error> {
    let labels = labels(function);
    let mut text = String::new();
    for (at, instruction) in (0..).zip(&function.code) {
        if let Some(label) = labels.get(&at) {
            writeln!(text, "{label}:")?;
        }
        let op = instruction.op;
        let name = op.opcode().name;
        let number = op.parts().1;
        match (op.opcode().operand, labels.get(&number)) {
            (Operand::None, _) => writeln!(text, "    {name}")?,
            (Operand::Target, Some(label)) => writeln!(text, "    {name:<17} {label}")?,
            (Operand::Milliseconds, _) => writeln!(text, "    {name:<17} {number}")?,
            _ => {
                let meaning = operand(program, function, op).unwrap_or_default();
                writeln!(text, "    {name:<17} {meaning}")?;
            }
        }
    }
    for label in labels.range(u16::try_from(function.code.len()).unwrap_or(u16::MAX)..) {
        writeln!(text, "{}:", label.1)?;
    }
    Ok(text)
}
