//! Instructions on the operands that they mostly have.
//!
//! *Promises*: each does all of the instruction and says `true`, or nothing at all: then
//! `python/machine/execute.rs` does it, with its calls and its exceptions.
//! *Leaves out*: calls (`python/machine/quick_calls.rs`), objects (`python/machine/quick_access.rs`).

use crate::python::code::instruction::{Place, Right};
use crate::python::code::program::CodeKind;
use crate::python::front::tree::{BinaryOperator, Comparison};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::operators::{float_floor_divide, float_modulo, int_result};
use crate::python::machine::terms::Location;
use crate::python::value::any::Value;

impl Machine {
    /// Pushes the value at a place of the stack, if it is bound.
    #[inline]
    pub(crate) fn quick_load(&mut self, at: usize) -> bool {
        push_copy(&mut self.current.stack, at)
    }

    /// Pushes two locals.
    #[inline]
    pub(crate) fn quick_load_two(&mut self, base: usize, a: u16, b: u16) -> bool {
        let stack = &mut self.current.stack;
        if matches!(stack[base + usize::from(b)], Value::Unset) {
            return false;
        }
        push_copy(stack, base + usize::from(a)) && push_copy(stack, base + usize::from(b))
    }

    /// Pops a value into a place of the stack.
    #[inline]
    pub(crate) fn quick_store(&mut self, at: usize) {
        let stack = &mut self.current.stack;
        match stack.pop() {
            Some(Value::Int(int)) => stack[at] = Value::Int(int),
            Some(value) => stack[at] = value,
            None => {}
        }
    }

    /// Pushes a global or a built-in.
    #[inline]
    pub(crate) fn quick_global(&mut self, number: u32) -> bool {
        let value = match self.world.globals[number as usize] {
            Value::Unset => self.builtins[number as usize],
            value => value,
        };
        if let Value::Unset = value {
            return false;
        }
        self.note(Location::Global(number), false);
        self.current.stack.push(value);
        true
    }

    /// The two operands on top become one value.
    #[inline]
    pub(crate) fn quick_binary(&mut self, operator: BinaryOperator) -> bool {
        let [.., left, right] = &self.current.stack[..] else { return false };
        match (left, right) {
            (Value::Int(a), Value::Int(b)) => {
                let Some(int) = quick_ints(operator, *a, *b) else { return false };
                self.replace_two(Value::Int(int))
            }
            (Value::Float(a), Value::Float(b)) => {
                let Some(float) = quick_floats(operator, *a, *b) else { return false };
                self.replace_two(Value::Float(float))
            }
            _ => false,
        }
    }

    /// The same, of a constant and what is on top.
    #[inline]
    pub(crate) fn quick_binary_const(&mut self, operator: BinaryOperator, number: u16) -> bool {
        let right = &self.constants[usize::from(number)];
        let Some(top) = self.current.stack.last_mut() else { return false };
        match (&top, right) {
            (Value::Int(a), Value::Int(b)) => {
                let Some(int) = quick_ints(operator, *a, *b) else { return false };
                *top = Value::Int(int);
            }
            (Value::Float(a), Value::Float(b)) => {
                let Some(float) = quick_floats(operator, *a, *b) else { return false };
                *top = Value::Float(float);
            }
            _ => return false,
        }
        true
    }

    /// What an operator makes of a local and another operand goes to a place of the stack.
    #[inline]
    pub(crate) fn quick_operation(
        &mut self,
        operator: BinaryOperator,
        base: usize,
        (slot, right): (u16, Right),
        to: usize,
    ) -> bool {
        let stack = &self.current.stack;
        match (&stack[base + usize::from(slot)], self.operand(base, right)) {
            (Value::Int(a), Value::Int(b)) => {
                let Some(int) = quick_ints(operator, *a, *b) else { return false };
                self.put(to, Value::Int(int));
            }
            (Value::Float(a), Value::Float(b)) => {
                let Some(float) = quick_floats(operator, *a, *b) else { return false };
                self.put(to, Value::Float(float));
            }
            _ => return false,
        }
        true
    }

    #[inline(always)]
    fn put(&mut self, to: usize, value: Value) {
        match self.current.stack.get_mut(to) {
            Some(place) => *place = value,
            None => self.current.stack.push(value),
        }
    }

    #[inline]
    fn operand(&self, base: usize, right: Right) -> &Value {
        match right {
            Right::Fast(slot) => &self.current.stack[base + usize::from(slot)],
            Right::Const(number) => &self.constants[usize::from(number)],
        }
    }

    /// How a local compares with another operand.
    #[inline]
    pub(crate) fn quick_order(
        &self,
        operator: Comparison,
        base: usize,
        slot: u16,
        right: Right,
    ) -> Option<bool> {
        match (&self.current.stack[base + usize::from(slot)], self.operand(base, right)) {
            (Value::Int(a), Value::Int(b)) => Some(ordered(operator, a, b)),
            (Value::Float(a), Value::Float(b)) => Some(ordered(operator, a, b)),
            _ => None,
        }
    }

    /// Pops a value, and compares it with a constant.
    #[inline]
    pub(crate) fn quick_order_const(&mut self, operator: Comparison, number: u16) -> Option<bool> {
        let result = match (self.current.stack.last()?, &self.constants[usize::from(number)]) {
            (Value::Int(a), Value::Int(b)) => ordered(operator, a, b),
            (Value::Float(a), Value::Float(b)) => ordered(operator, a, b),
            _ => return None,
        };
        self.current.stack.pop();
        Some(result)
    }

    #[inline]
    pub(crate) fn quick_compare(&mut self, operator: Comparison) -> bool {
        let [.., left, right] = &self.current.stack[..] else { return false };
        let result = match (left, right, operator) {
            (Value::Int(a), Value::Int(b), _) if operator.is_order() => ordered(operator, a, b),
            (Value::Float(a), Value::Float(b), _) if operator.is_order() => ordered(operator, a, b),
            (_, _, Comparison::Is) => left.is(*right),
            (_, _, Comparison::IsNot) => !left.is(*right),
            (_, _, Comparison::In) => return self.quick_contains(true),
            (_, _, Comparison::NotIn) => return self.quick_contains(false),
            (Value::Str(a), Value::Str(b), Comparison::Equal) => a == b,
            (Value::Str(a), Value::Str(b), Comparison::NotEqual) => a != b,
            _ => return false,
        };
        self.replace_two(Value::Bool(result))
    }

    #[inline(always)]
    pub(crate) fn replace_two(&mut self, value: Value) -> bool {
        self.current.stack.pop();
        if let Some(top) = self.current.stack.last_mut() {
            *top = value;
        }
        true
    }

    /// Pops a value whose truth is plain.
    #[inline]
    pub(crate) fn quick_truth(&mut self) -> Option<bool> {
        let truth = match self.current.stack.last()? {
            Value::Bool(bool) => *bool,
            Value::Int(int) => *int != 0,
            Value::None => false,
            _ => return None,
        };
        self.current.stack.pop();
        Some(truth)
    }
}

/// The kind of place that the beginning of a code is.
pub(crate) fn entry(kind: CodeKind) -> Place {
    match kind {
        CodeKind::Comprehension => Place::EnterComprehension,
        CodeKind::Class | CodeKind::Function | CodeKind::Module | CodeKind::Unguarded => {
            Place::Enter
        }
        CodeKind::Native | CodeKind::Library => Place::Never,
    }
}

/// Pushes what is at a place of the stack, unless it is unbound. An int was often written just
/// now, in two parts, and a processor waits for both if they are read as one.
#[inline(always)]
fn push_copy(stack: &mut Vec<Value>, at: usize) -> bool {
    match stack[at] {
        Value::Unset => return false,
        Value::Int(int) => stack.push(Value::Int(int)),
        value => stack.push(value),
    }
    true
}

#[inline]
fn quick_ints(operator: BinaryOperator, a: i64, b: i64) -> Option<i64> {
    match operator {
        BinaryOperator::Add => a.checked_add(b),
        BinaryOperator::Subtract => a.checked_sub(b),
        BinaryOperator::Multiply => a.checked_mul(b),
        _ => int_result(operator, a, b),
    }
}

#[inline]
fn quick_floats(operator: BinaryOperator, a: f64, b: f64) -> Option<f64> {
    Some(match operator {
        BinaryOperator::Add => a + b,
        BinaryOperator::Subtract => a - b,
        BinaryOperator::Multiply => a * b,
        BinaryOperator::Divide if b != 0.0 => a / b,
        BinaryOperator::FloorDivide if b != 0.0 => float_floor_divide(a, b),
        BinaryOperator::Modulo if b != 0.0 => float_modulo(a, b),
        _ => return None,
    })
}

#[inline]
fn ordered<T: PartialOrd>(operator: Comparison, a: &T, b: &T) -> bool {
    match operator {
        Comparison::Less => a < b,
        Comparison::LessEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterEqual => a >= b,
        Comparison::NotEqual => a != b,
        _ => a == b,
    }
}
