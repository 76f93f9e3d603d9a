//! The disassembler: a program's instructions below their lines of source, and where policies look.
//!
//! *Promises*: every instruction of what its author has written, in the columns of `dis` for programs
//! of instructions (`vm/disassembler.rs`).
//! *Leaves out*: the library's own code. What a call calls is known only when it is executed, so its
//! row says what holds if that is C; a function in Python looks at its own `RESUME`.
//!
//! ```text
//!    line    target    offset    opcode        number   what it means      1 2  kind of place
//!      4       >>         3      LOAD_GLOBAL   0        (x)
//! ```

use crate::base::text::{cut, shown};
use crate::gil::rules::switch_point::SwitchPoint;
use crate::gil::rules::threading::Threading;
use crate::python::code::instruction::Op;
use crate::python::code::program::{Code, CodeKind, Program};
use crate::python::front::tree::Constant;
use std::collections::BTreeSet;

/// How much of a line of source is shown.
const LONGEST_LINE: usize = 120;

/// All codes of a program, outer ones first, with a mark for each of these policies where it looks: `1`
/// for the first, `2` for the second.
///
/// ```
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::python::code::compiler::compile;
/// use singletrack::python::code::disassembler::dis;
///
/// let source = "x = len([])\n";
/// let program = compile(source, &[])?;
/// let listing = dis(&program, source, &[SwitchPolicy::PYTHON_3_13.into()]);
/// let row = "\
///   1           4 STORE_GLOBAL             1 (x)              ·
/// ";
/// assert!(listing.contains(row), "{listing}");
/// # Ok::<(), singletrack::python::front::refusal::Refusal>(())
/// ```
#[doc(alias = "dis.dis")]
pub fn dis(program: &Program, source: &str, policies: &[Threading]) -> String {
    let numbered: Vec<String> = (1..).zip(policies).map(|(at, p)| format!("{at} {p}")).collect();
    let legend = match policies.len() {
        0 => String::new(),
        1 => format!("{} looks where its number is\n", numbered[0]),
        _ => format!("{} look where their numbers are\n", numbered.join(", ")),
    };
    let own = program.codes.iter().enumerate();
    let own = own.filter(|(at, code)| !code.kind.is_library() && !is_prelude(program, *at));
    let mut own: Vec<&Code> = own.map(|(_, code)| code).collect();
    own.sort_by_key(|code| code.positions.first().map(|at| (at.line, at.column)));
    let listings: Vec<String> =
        own.iter().map(|code| listing(program, code, source, policies)).collect();
    legend + &listings.join("\n")
}

fn is_prelude(program: &Program, at: usize) -> bool {
    program.preludes.iter().any(|prelude| *prelude as usize == at)
}

fn listing(program: &Program, code: &Code, source: &str, policies: &[Threading]) -> String {
    let parameters = code.positional + code.keyword_only;
    let parameters: Vec<&str> = code
        .locals
        .iter()
        .take(parameters)
        .map(|name| &**name)
        .filter(|n| !n.starts_with('.'))
        .collect();
    let mut text = format!("Disassembly of {}({}):\n", code.name, parameters.join(", "));
    let targets: BTreeSet<u32> = code.ops.iter().filter_map(|op| op.target()).collect();
    let mut last = 0;
    for (at, op) in (0..).zip(&code.ops) {
        let line = code.positions.get(at as usize).map_or(0, |position| position.line);
        if line != last
            && let Some(written) = source.lines().nth((line as usize).saturating_sub(1))
        {
            let written = shown(&written.trim_end().replace('\t', "    "));
            text += &format!("{line:>3} | {}\n", cut(&written, LONGEST_LINE));
            last = line;
        }
        let mark = if targets.contains(&at) { ">>" } else { "" };
        let (name, number) = spelled(*op);
        let row = format!("{line:>3} {mark:>6} {at:>4} {name:<20}");
        let row = match meaning(program, code, *op) {
            Some(meaning) => format!("{row} {number:>5} ({meaning})"),
            None if number.is_empty() => row,
            None => format!("{row} {number:>5}"),
        };
        text += format!("{row:<60}{}", marks(code, *op, policies)).trim_end();
        text.push('\n');
    }
    text
}

/// An instruction's name as `dis` would write it, and its operand.
fn spelled(op: Op) -> (String, String) {
    let debug = format!("{op:?}");
    let (name, operand) = debug.split_once('(').unwrap_or((&debug, ""));
    let mut spelled = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !spelled.is_empty() {
            spelled.push('_');
        }
        spelled.push(letter.to_ascii_uppercase());
    }
    (spelled, operand.trim_end_matches(')').to_owned())
}

/// What the number of an instruction means.
fn meaning(program: &Program, code: &Code, op: Op) -> Option<String> {
    let name = |names: &[crate::python::front::tree::Name], at: u32| {
        names.get(at as usize).map(ToString::to_string)
    };
    match op {
        Op::LoadConst(at) => program.constants.get(at as usize).map(constant),
        Op::LoadFast(at) | Op::StoreFast(at) | Op::DeleteFast(at) => name(&code.locals, at),
        Op::LoadCell(at) | Op::StoreCell(at) | Op::DeleteCell(at) | Op::LoadClosure(at) => {
            name(&code.cell_names, at)
        }
        Op::LoadGlobal(at) | Op::StoreGlobal(at) | Op::DeleteGlobal(at) => {
            name(&program.globals, at)
        }
        Op::LoadClassName(_, at) => name(&program.globals, at),
        Op::LoadAttr(at)
        | Op::StoreAttr(at)
        | Op::DeleteAttr(at)
        | Op::LoadMethod(at)
        | Op::LoadSuper(at) => name(&program.names, at),
        Op::MakeFunction(at) | Op::MakeClass(at) => {
            program.codes.get(at as usize).map(|code| code.name.clone())
        }
        Op::Import(at) => {
            let (module, part) = program.imports.get(at as usize)?;
            Some(part.as_ref().map_or(module.to_string(), |part| format!("{module}.{part}")))
        }
        _ => op.target().map(|to| format!("to {to}")),
    }
}

fn constant(constant: &Constant) -> String {
    let text = match constant {
        Constant::Ellipsis => "Ellipsis".to_owned(),
        Constant::None => "None".to_owned(),
        Constant::Bool(true) => "True".to_owned(),
        Constant::Bool(false) => "False".to_owned(),
        Constant::Int(int) => int.to_string(),
        Constant::Float(float) => format!("{float:?}"),
        Constant::Str(text) => format!("{text:?}"),
        Constant::Bytes(text) => format!("b{text:?}"),
    };
    match text.char_indices().nth(16) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The kind of switch point behind an instruction, and what makes it one.
fn point(code: &Code, op: Op) -> (SwitchPoint, &'static str) {
    match op {
        Op::Resume if code.kind == CodeKind::Comprehension => (SwitchPoint::EnterComprehension, ""),
        Op::Resume => (SwitchPoint::Enter, ""),
        Op::JumpBack(_) => (SwitchPoint::BackEdge, ""),
        Op::PopJumpIfFalse(_) | Op::PopJumpIfTrue(_) => (SwitchPoint::ForwardTaken, "if taken: "),
        Op::Raise | Op::Reraise => (SwitchPoint::ForwardTaken, "if caught: "),
        Op::Call(_)
        | Op::CallMethod(_)
        | Op::CallKeywords(_)
        | Op::CallMethodKeywords(_)
        | Op::CallSpread => (SwitchPoint::CReturn, "if not Python: "),
        Op::WithExit => (SwitchPoint::CReturn, ""),
        Op::Return => (SwitchPoint::PyReturn, ""),
        Op::BeforeWith => (SwitchPoint::WithEnter, ""),
        _ => (SwitchPoint::Straight, ""),
    }
}

/// Where these policies look behind an instruction, and what kind of place that is.
fn marks(code: &Code, op: Op, policies: &[Threading]) -> String {
    if policies.is_empty() {
        return String::new();
    }
    let (point, when) = point(code, op);
    let marks = (1..).zip(policies).map(|(at, policy)| match policy.may_switch(point, true) {
        true => at.to_string(),
        false => "·".to_owned(),
    });
    let marks = marks.collect::<Vec<String>>().join(" ");
    match point {
        SwitchPoint::Straight => marks,
        _ => format!("{marks}  {when}{}", point.name()),
    }
}
