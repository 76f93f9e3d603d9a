//! Superinstructions: frequent sequences as one instruction, as CPython 3.11 and later have them.
//!
//! *Promises*: the one stands where the first of the sequence stood, and the others stay where they
//! are: a jump into the middle finds them. A sequence touches at most one thing that others could
//! notice, so it makes nothing one step that was two.
//! *Leaves out*: what it does if an operand is not what it mostly is: then the sequence is executed
//! one by one.
//!
//! ```text
//!   n -= 1     LOAD_FAST n   LOAD_CONST 1   INPLACE -   STORE_FAST n
//!   fused      UPDATE n -= 1      ·             ·            ·
//! ```

use crate::python::code::instruction::{Op, Right};

/// The instructions with superinstructions in them.
///
/// ```
/// use singletrack::python::code::fusion::fuse;
/// use singletrack::python::code::instruction::Op;
///
/// let ops = [Op::LoadFast(0), Op::LoadFast(1), Op::Return];
/// assert_eq!(fuse(&ops), [Op::LoadFastLoadFast(0, 1), Op::LoadFast(1), Op::Return]);
/// ```
pub fn fuse(ops: &[Op]) -> Vec<Op> {
    (0..ops.len()).map(|at| fused(&ops[at..]).unwrap_or(ops[at])).collect()
}

fn short(number: u32) -> Option<u16> {
    u16::try_from(number).ok()
}

/// The superinstruction that stands for the first instructions.
fn fused(ops: &[Op]) -> Option<Op> {
    match *ops {
        [Op::LoadFast(left), right, operation, ref rest @ ..] => {
            let left = short(left)?;
            if let Some(right) = operand(right)
                && let Some(op) = operation_on(left, right, operation, rest)
            {
                return Some(op);
            }
            pair(left, right)
        }
        [Op::LoadFast(left), right] => pair(short(left)?, right),
        [Op::LoadConst(number), Op::Binary(operator) | Op::Inplace(operator), ..] => {
            Some(Op::BinaryConst(operator, short(number)?))
        }
        [Op::LoadConst(number), Op::Compare(operator), jump, ..] if operator.is_order() => {
            let (leave, to) = match jump {
                Op::PopJumpIfFalse(to) => (false, to),
                Op::LeaveIfFalse(to) => (true, to),
                _ => return None,
            };
            Some(Op::OrderConst(operator, short(number)?, leave, to))
        }
        [Op::BuildTuple(count), Op::Unpack(other), ..] if count == other => Some(Op::Turn(count)),
        [Op::ForIter(to), Op::StoreFast(slot), ..] => Some(Op::ForIterStore(short(slot)?, to)),
        _ => None,
    }
}

fn operand(op: Op) -> Option<Right> {
    match op {
        Op::LoadFast(slot) => Some(Right::Fast(short(slot)?)),
        Op::LoadConst(number) => Some(Right::Const(short(number)?)),
        _ => None,
    }
}

fn operation_on(left: u16, right: Right, operation: Op, rest: &[Op]) -> Option<Op> {
    match (operation, rest.first()) {
        (Op::Binary(operator) | Op::Inplace(operator), Some(Op::StoreFast(to)))
            if *to == u32::from(left) =>
        {
            Some(Op::Update(operator, left, right))
        }
        (Op::Binary(operator) | Op::Inplace(operator), _) => {
            Some(Op::BinaryFast(operator, left, right))
        }
        (Op::Compare(operator), Some(Op::PopJumpIfFalse(to))) if operator.is_order() => {
            Some(Op::CompareJump(operator, left, right, *to))
        }
        (Op::Compare(operator), Some(Op::LeaveIfFalse(to))) if operator.is_order() => {
            Some(Op::CompareLeave(operator, left, right, *to))
        }
        _ => None,
    }
}

fn pair(left: u16, right: Op) -> Option<Op> {
    match right {
        Op::LoadFast(right) => Some(Op::LoadFastLoadFast(left, short(right)?)),
        Op::LoadAttr(name) => Some(Op::LoadFastAttr(left, name)),
        Op::LoadMethod(name) => Some(Op::LoadFastMethod(left, name)),
        _ => None,
    }
}
