//! The operators between two values, and before one.
//!
//! *Promises*: ints are 64 bits, and an overflow is an `OverflowError` that says so, never a wrap;
//! division and shifts are Python's; an operator of a class is called as Python calls it.
//! *Leaves out*: comparisons (`python/machine/comparison.rs`).

use crate::python::code::instruction::Place;
use crate::python::front::tree::{BinaryOperator, UnaryOperator};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::numbers::quotient;
use crate::python::machine::terms::{Arguments, Done, Flow, R, Raise};
use crate::python::value::any::Value;
use crate::python::value::frame::Then;
use crate::python::value::object::Object;

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

impl BinaryOperator {
    /// As it is written, and the name of its method without the underscores.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            BinaryOperator::Add => ("+", "add"),
            BinaryOperator::Subtract => ("-", "sub"),
            BinaryOperator::Multiply => ("*", "mul"),
            BinaryOperator::Divide => ("/", "truediv"),
            BinaryOperator::FloorDivide => ("//", "floordiv"),
            BinaryOperator::Modulo => ("%", "mod"),
            BinaryOperator::Power => ("** or pow()", "pow"),
            BinaryOperator::LeftShift => ("<<", "lshift"),
            BinaryOperator::RightShift => (">>", "rshift"),
            BinaryOperator::And => ("&", "and"),
            BinaryOperator::Or => ("|", "or"),
            BinaryOperator::Xor => ("^", "xor"),
            BinaryOperator::MatrixMultiply => ("@", "matmul"),
        }
    }
}

impl Machine {
    pub(crate) fn binary(&mut self, operator: BinaryOperator, inplace: bool) -> R<Flow> {
        let (right, left) = (self.pop(), self.pop());
        let value = match (left, right) {
            (Value::Int(a), Value::Int(b)) => self.ints(operator, a, b)?,
            (Value::Float(a), Value::Float(b)) => self.floats(operator, a, b)?,
            _ => match self.binary_any(operator, inplace, left, right)? {
                Done::Value(value) | Done::Blocked(value) => value,
                _ => return STRAIGHT,
            },
        };
        self.push(value);
        STRAIGHT
    }

    fn binary_any(
        &mut self,
        operator: BinaryOperator,
        inplace: bool,
        left: Value,
        right: Value,
    ) -> R<Done> {
        if (self.class_of(left).is_some() || self.class_of(right).is_some())
            && let Some(done) = self.binary_method(operator, inplace, left, right, 0)?
        {
            return Ok(done);
        }
        if let Some(value) = self.numbers(operator, left, right)? {
            return Ok(Done::Value(value));
        }
        if inplace
            && operator == BinaryOperator::Add
            && let Some(Object::List(_)) = left.id().map(|id| self.world.heap.get(id))
            && self.needs_python(right)
        {
            let function = self.prelude("_extended");
            let arguments = Arguments { values: vec![left, right], named: Vec::new() };
            return self.call_value(function, arguments, Then::Push);
        }
        if inplace
            && operator == BinaryOperator::Or
            && let Some(Object::Dict(..)) = left.id().map(|id| self.world.heap.get(id))
            && !matches!(right.id().map(|id| self.world.heap.get(id)), Some(Object::Dict(..)))
            && self.is_iterable(right)
        {
            let function = self.prelude("_updated");
            let arguments = Arguments { values: vec![left, right], named: Vec::new() };
            return self.call_value(function, arguments, Then::Push);
        }
        match self.containers(operator, inplace, left, right) {
            Ok(Some(value)) => return Ok(Done::Value(value)),
            Ok(None) => {}
            Err(Raise::Python) => {
                let function = self.prelude("_percent");
                let values = vec![left, right];
                let arguments = Arguments { values, named: Vec::new() };
                return self.call_value(function, arguments, Then::Push);
            }
            Err(other) => return Err(other),
        }
        self.unsupported(operator, inplace, left, right)
    }

    pub(crate) fn unsupported(
        &mut self,
        operator: BinaryOperator,
        inplace: bool,
        left: Value,
        right: Value,
    ) -> R<Done> {
        let (a, b) = (self.type_name(left), self.type_name(right));
        if operator == BinaryOperator::Add && a == "str" && !inplace {
            return self.type_error(format!("can only concatenate str (not \"{b}\") to str"));
        }
        if operator == BinaryOperator::Add && (a == "list" || a == "tuple") && !inplace {
            return self.type_error(format!("can only concatenate {a} (not \"{b}\") to {a}"));
        }
        let is_sequence = |name: &str| matches!(name, "str" | "list" | "tuple");
        if operator == BinaryOperator::Multiply && (is_sequence(&a) || is_sequence(&b)) {
            let other = if is_sequence(&a) { &b } else { &a };
            return self
                .type_error(format!("can't multiply sequence by non-int of type '{other}'"));
        }
        let (sign, _) = operator.names();
        let sign = match (inplace, sign) {
            (true, "** or pow()") => "**=".to_owned(),
            (true, sign) => format!("{sign}="),
            (false, sign) => sign.to_owned(),
        };
        self.type_error(format!("unsupported operand type(s) for {sign}: '{a}' and '{b}'"))
    }

    /// Two numbers of which one may be a bool, or an int beside a float.
    pub(crate) fn numbers(
        &mut self,
        operator: BinaryOperator,
        left: Value,
        right: Value,
    ) -> R<Option<Value>> {
        if let (Value::Bool(a), Value::Bool(b)) = (left, right) {
            match operator {
                BinaryOperator::And => return Ok(Some(Value::Bool(a & b))),
                BinaryOperator::Or => return Ok(Some(Value::Bool(a | b))),
                BinaryOperator::Xor => return Ok(Some(Value::Bool(a ^ b))),
                _ => {}
            }
        }
        if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
            return self.ints(operator, a, b).map(Some);
        }
        use BinaryOperator as B;
        let bits = [B::LeftShift, B::RightShift, B::And, B::Or, B::Xor, B::MatrixMultiply];
        match (as_float(left), as_float(right)) {
            _ if bits.contains(&operator) => Ok(None),
            (Some(a), Some(b)) => self.floats(operator, a, b).map(Some),
            _ => Ok(None),
        }
    }

    fn ints(&mut self, operator: BinaryOperator, a: i64, b: i64) -> R<Value> {
        use BinaryOperator as B;
        match operator {
            B::Divide | B::FloorDivide | B::Modulo if b == 0 => {
                let text = match operator {
                    B::Divide => "division by zero",
                    B::Modulo => "integer modulo by zero",
                    _ => "integer division or modulo by zero",
                };
                return Err(self.error("ZeroDivisionError", text));
            }
            B::Divide => return Ok(Value::Float(quotient(a, b))),
            B::Power if b < 0 => {
                if a == 0 {
                    let text = "0.0 cannot be raised to a negative power";
                    return Err(self.error("ZeroDivisionError", text));
                }
                #[allow(clippy::cast_precision_loss, reason = "as Python's")]
                return Ok(Value::Float((a as f64).powf(b as f64)));
            }
            B::LeftShift | B::RightShift if b < 0 => {
                return self.value_error("negative shift count");
            }
            _ => {}
        }
        self.fitting(int_result(operator, a, b)).map(Value::Int)
    }

    fn floats(&mut self, operator: BinaryOperator, a: f64, b: f64) -> R<Value> {
        use BinaryOperator as B;
        let zero =
            |machine: &mut Machine, text: &str| Err(machine.error("ZeroDivisionError", text));
        Ok(Value::Float(match operator {
            B::Add => a + b,
            B::Subtract => a - b,
            B::Multiply => a * b,
            B::Divide if b == 0.0 => return zero(self, "float division by zero"),
            B::Divide => a / b,
            B::FloorDivide if b == 0.0 => return zero(self, "float floor division by zero"),
            B::Modulo if b == 0.0 => return zero(self, "float modulo by zero"),
            B::FloorDivide => float_floor_divide(a, b),
            B::Modulo => float_modulo(a, b),
            B::Power if a == 0.0 && b < 0.0 => {
                return zero(self, "0.0 cannot be raised to a negative power");
            }
            B::Power if a < 0.0 && b.fract() != 0.0 => {
                return self.value_error("a complex number is not in the subset");
            }
            B::Power => a.powf(b),
            B::LeftShift | B::RightShift | B::And | B::Or | B::Xor | B::MatrixMultiply => {
                let values = (Value::Float(a), Value::Float(b));
                self.unsupported(operator, false, values.0, values.1)?;
                0.0
            }
        }))
    }

    pub(crate) fn unary(&mut self, operator: UnaryOperator) -> R<Flow> {
        let value = self.pop();
        if operator == UnaryOperator::Not {
            if let Some(truth) = self.truth(value, Then::Truth(false))? {
                self.push(Value::Bool(!truth));
            }
            return STRAIGHT;
        }
        let result = match (operator, value) {
            (UnaryOperator::Negative, Value::Float(f)) => Some(Value::Float(-f)),
            (UnaryOperator::Positive, Value::Float(f)) => Some(Value::Float(f)),
            (UnaryOperator::Negative, _) => {
                value.as_int().and_then(i64::checked_neg).map(Value::Int)
            }
            (UnaryOperator::Positive, _) => value.as_int().map(Value::Int),
            (UnaryOperator::Invert, _) => value.as_int().map(|int| Value::Int(!int)),
            (UnaryOperator::Not, _) => None,
        };
        if let Some(result) = result {
            self.push(result);
            return STRAIGHT;
        }
        let (sign, name) = match operator {
            UnaryOperator::Negative => ("-", "__neg__"),
            UnaryOperator::Positive => ("+", "__pos__"),
            _ => ("~", "__invert__"),
        };
        let name = self.strings.intern(name);
        if let Some(method) = self.class_attribute(value, name) {
            let arguments = Arguments { values: vec![value], named: Vec::new() };
            if let Done::Value(value) = self.call_value(method, arguments, Then::Push)? {
                self.push(value);
            }
            return STRAIGHT;
        }
        if value.as_int().is_some() {
            self.fitting(None)?;
        }
        let name = self.type_name(value);
        self.type_error(format!("bad operand type for unary {sign}: '{name}'"))
    }
}

/// What is an int of two ints, if it fits.
pub(crate) fn int_result(operator: BinaryOperator, a: i64, b: i64) -> Option<i64> {
    use BinaryOperator as B;
    match operator {
        B::Add => a.checked_add(b),
        B::Subtract => a.checked_sub(b),
        B::Multiply => a.checked_mul(b),
        B::And => Some(a & b),
        B::Or => Some(a | b),
        B::Xor => Some(a ^ b),
        B::Divide => None,
        B::FloorDivide => floor_divide(a, b),
        B::Modulo => a.checked_rem(b).map(|rest| match rest != 0 && (rest < 0) != (b < 0) {
            true => rest + b,
            false => rest,
        }),
        B::Power => {
            if b < 0 {
                None
            } else {
                power(a, b)
            }
        }
        B::LeftShift | B::RightShift if b < 0 => None,
        B::LeftShift if a == 0 => Some(0),
        B::LeftShift => match u32::try_from(b) {
            Ok(by) if by < 63 => a.checked_mul(1 << by),
            _ => None,
        },
        B::RightShift => Some(a >> b.min(63)),
        B::MatrixMultiply => None,
    }
}

/// A number as a float.
pub fn as_float(value: Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(float),
        #[allow(clippy::cast_precision_loss, reason = "as Python's")]
        _ => value.as_int().map(|int| int as f64),
    }
}

fn floor_divide(a: i64, b: i64) -> Option<i64> {
    let quotient = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

/// As CPython computes it: from the remainder, and with the sign of the quotient if it is zero.
pub(crate) fn float_floor_divide(a: f64, b: f64) -> f64 {
    let quotient = (a - float_modulo(a, b)) / b;
    if quotient == 0.0 {
        return 0.0_f64.copysign(a / b);
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

pub(crate) fn float_modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    match rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        true => rest + b,
        false if rest == 0.0 => 0.0_f64.copysign(b),
        false => rest,
    }
}

fn power(a: i64, b: i64) -> Option<i64> {
    match a {
        0 | 1 => Some(if b == 0 { 1 } else { a }),
        -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
        _ => a.checked_pow(u32::try_from(b).ok()?),
    }
}
