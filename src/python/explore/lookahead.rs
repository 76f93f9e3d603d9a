//! What can be told from an instruction before it is executed.
//!
//! *Promises*: what is said to be quiet touches nothing that others could notice, and neither ends its
//! thread nor makes it wait.
//! *Leaves out*: calls, attributes and items: those are tried, and taken back
//! (`python/explore/worlds.rs`).

use crate::python::code::instruction::Op;
use crate::python::explore::conflicts::Conflicts;
use crate::python::front::tree::BinaryOperator;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::Location;
use crate::python::value::any::Value;
use crate::python::value::frame::Then;

/// What is known of the next instruction of the thread that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// Others could notice it.
    Visible,
    /// They could not.
    Quiet,
    /// It has to be tried.
    Unknown,
}

/// What can be told from the next instruction.
pub fn ahead(machine: &Machine, conflicts: &Conflicts) -> Ahead {
    let frames = &machine.current.frames;
    let Some(frame) = frames.last() else { return Ahead::Unknown };
    let Some(op) = machine.code().ops.get(frame.at as usize) else { return Ahead::Unknown };
    let quiet = match op {
        Op::LoadGlobal(at) | Op::StoreGlobal(at) => {
            if conflicts.is_visible(Location::Global(*at)) {
                return Ahead::Visible;
            }
            let value = machine.world.globals.get(*at as usize);
            matches!(op, Op::StoreGlobal(_)) || value.is_some_and(|v| *v != Value::Unset)
        }
        Op::LoadFast(slot) => {
            let value = machine.current.stack.get((frame.base + slot) as usize);
            value.is_some_and(|v| *v != Value::Unset)
        }
        Op::Nop
        | Op::Resume
        | Op::LoadConst(_)
        | Op::StoreFast(_)
        | Op::Pop
        | Op::PopResult
        | Op::Copy(_)
        | Op::Swap(_)
        | Op::Jump(_)
        | Op::JumpBack(_)
        | Op::LoadClosure(_) => true,
        Op::PopJumpIfFalse(_)
        | Op::PopJumpIfTrue(_)
        | Op::LeaveIfFalse(_)
        | Op::LeaveIfTrue(_)
        | Op::JumpIfFalseOrPop(_)
        | Op::JumpIfTrueOrPop(_) => {
            matches!(machine.peek(0), Value::None | Value::Bool(_) | Value::Int(_))
        }
        Op::Binary(operator) | Op::Inplace(operator) => {
            let never_raises = matches!(
                operator,
                BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Multiply
            );
            never_raises && is_small(machine.peek(0)) && is_small(machine.peek(1))
        }
        Op::Compare(_) => is_small(machine.peek(0)) && is_small(machine.peek(1)),
        Op::Return => {
            let plain = matches!(frame.then, Then::Push | Then::Discard);
            plain && frames.len() > 1 && frame.generator.is_none()
        }
        _ => false,
    };
    if quiet { Ahead::Quiet } else { Ahead::Unknown }
}

/// Whether an int is so small that no sum or product of two overflows.
fn is_small(value: Value) -> bool {
    matches!(value, Value::Int(int) if int.unsigned_abs() < 1 << 30)
}
