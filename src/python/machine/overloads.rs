//! The methods of a class that stand for operators.
//!
//! *Promises*: they are tried in Python's order, the next one if one returns `NotImplemented`.
//! *Leaves out*: operators on built-in values.

use crate::python::front::tree::{BinaryOperator, Comparison};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, R};
use crate::python::value::any::Value;
use crate::python::value::frame::Operation;
use crate::python::value::frame::Then;
use crate::python::value::types::Type;

/// `NotImplemented`.
pub(crate) const NOT_IMPLEMENTED: Value = Value::Type(Type::NotImplemented);

/// The comparisons that have methods, by number.
const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessEqual,
    Comparison::Greater,
    Comparison::GreaterEqual,
];

/// The other operators, by number.
const BINARY: [BinaryOperator; 13] = [
    BinaryOperator::Add,
    BinaryOperator::Subtract,
    BinaryOperator::Multiply,
    BinaryOperator::Divide,
    BinaryOperator::FloorDivide,
    BinaryOperator::Modulo,
    BinaryOperator::Power,
    BinaryOperator::LeftShift,
    BinaryOperator::RightShift,
    BinaryOperator::And,
    BinaryOperator::Or,
    BinaryOperator::Xor,
    BinaryOperator::MatrixMultiply,
];

/// A comparison by the opposite of `__eq__`.
const INVERTED: u8 = 0x80;

impl Machine {
    /// Calls the method for an operator, from the one with this number on; `None` if there is none.
    pub(crate) fn binary_method(
        &mut self,
        operator: BinaryOperator,
        inplace: bool,
        left: Value,
        right: Value,
        from: u8,
    ) -> R<Option<Done>> {
        let (_, name) = operator.names();
        let own = (format!("__{name}__"), left, right);
        let reflected = (format!("__r{name}__"), right, left);
        let (a, b) = (self.class_of(left), self.class_of(right));
        let is_derived = match (a, b) {
            (Some(a), Some(b)) => a != b && self.is_subclass(b, a),
            _ => false,
        };
        let (first, second) = if is_derived { (reflected, own) } else { (own, reflected) };
        let methods = [(format!("__i{name}__"), left, right), first, second];
        for (stage, (name, object, other)) in (0_u8..).zip(methods) {
            if stage < from || (stage == 0 && !inplace) || (stage == 2 && a == b && a.is_some()) {
                continue;
            }
            let id = self.strings.intern(&name);
            let Some(method) = self.class_attribute(object, id) else { continue };
            let operation = Operation::Binary(operator as u8, inplace, stage + 1);
            let arguments = Arguments { values: vec![object, other], named: Vec::new() };
            match self.call_value(method, arguments, Then::Operate(operation, left, right))? {
                Done::Value(value) if value == NOT_IMPLEMENTED => {}
                done => return Ok(Some(done)),
            }
        }
        Ok(None)
    }

    /// Calls the method for a comparison, from the one with this number on.
    pub(crate) fn compare_method(
        &mut self,
        operator: Comparison,
        left: Value,
        right: Value,
        from: u8,
    ) -> R<Option<Done>> {
        let (own, other) = match operator {
            Comparison::Equal => ("__eq__", "__eq__"),
            Comparison::NotEqual => ("__ne__", "__ne__"),
            Comparison::Less => ("__lt__", "__gt__"),
            Comparison::LessEqual => ("__le__", "__ge__"),
            Comparison::Greater => ("__gt__", "__lt__"),
            _ => ("__ge__", "__le__"),
        };
        for (stage, (value, with, name)) in (0_u8..).zip([(left, right, own), (right, left, other)])
        {
            if stage < from & !INVERTED || self.class_of(value).is_none() {
                continue;
            }
            let id = self.strings.intern(name);
            let (mut method, mut mark) = (self.class_attribute(value, id), 0);
            if method.is_none() && operator == Comparison::NotEqual {
                let id = self.strings.intern("__eq__");
                (method, mark) = (self.class_attribute(value, id), INVERTED);
            }
            let Some(method) = method else { continue };
            let operation = Operation::Compare(operator as u8, (stage + 1) | mark);
            let arguments = Arguments { values: vec![value, with], named: Vec::new() };
            match self.call_value(method, arguments, Then::Operate(operation, left, right))? {
                Done::Value(value) if value == NOT_IMPLEMENTED => {}
                done => return Ok(Some(done)),
            }
        }
        Ok(None)
    }

    /// A method of an operator has returned.
    pub(crate) fn operated(
        &mut self,
        operation: Operation,
        left: Value,
        right: Value,
        value: Value,
    ) -> R<Done> {
        if value != NOT_IMPLEMENTED {
            return match operation {
                Operation::Compare(_, stage) if stage & INVERTED != 0 => {
                    Ok(Done::Value(Value::Bool(!self.plain_truth(value)?)))
                }
                _ => Ok(Done::Value(value)),
            };
        }
        match operation {
            Operation::Binary(operator, inplace, from) => {
                let operator = BINARY[usize::from(operator)];
                match self.binary_method(operator, inplace, left, right, from)? {
                    Some(done) => Ok(done),
                    None => self.unsupported(operator, inplace, left, right),
                }
            }
            Operation::Compare(operator, from) => {
                let operator = COMPARISONS[usize::from(operator)];
                match self.compare_method(operator, left, right, from)? {
                    Some(done) => Ok(done),
                    None => {
                        let result = match operator {
                            Comparison::Equal => left.is(right),
                            Comparison::NotEqual => !left.is(right),
                            _ => self.compare_plain(operator, left, right)?,
                        };
                        Ok(Done::Value(Value::Bool(result)))
                    }
                }
            }
        }
    }
}
