//! Comparisons, membership and truth.
//!
//! *Promises*: equality looks into containers as Python's does, and stops at a bounded depth; a
//! method of a class is called as a frame.
//! *Leaves out*: containers of objects that have an `__eq__` of their own: such a comparison
//! stops the run and says so.

use crate::python::code::instruction::Place;
use crate::python::front::tree::Comparison;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::numbers::order_of_numbers;
use crate::python::machine::terms::{Arguments, Done, Flow, Location, R, Raise};
use crate::python::value::any::Value;
use crate::python::value::frame::Then;
use crate::python::value::object::{Object, Part};
use std::cmp::Ordering;

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));
/// How deep containers may be nested to be compared.
const DEEPEST: usize = 100;

impl Machine {
    pub(crate) fn compare(&mut self, operator: Comparison) -> R<Flow> {
        let (right, left) = (self.pop(), self.pop());
        let result = match operator {
            Comparison::Is => left.is(right),
            Comparison::IsNot => !left.is(right),
            Comparison::In | Comparison::NotIn => {
                return self.membership(left, right, operator == Comparison::In);
            }
            _ => {
                let objects = self.class_of(left).is_some() || self.class_of(right).is_some();
                if objects && let Some(done) = self.compare_method(operator, left, right, 0)? {
                    if let Done::Value(value) = done {
                        self.push(value);
                    }
                    return STRAIGHT;
                }
                match self.compare_plain(operator, left, right) {
                    Err(Raise::Python) => return self.compare_in_python(operator, left, right),
                    result => result?,
                }
            }
        };
        self.push(Value::Bool(result));
        STRAIGHT
    }

    /// Containers of objects with methods of their own are compared by Python code.
    fn compare_in_python(&mut self, operator: Comparison, left: Value, right: Value) -> R<Flow> {
        let name = match operator {
            Comparison::Equal | Comparison::NotEqual => "_equal",
            Comparison::Less => "_less",
            Comparison::LessEqual => "_less_equal",
            Comparison::Greater => "_greater",
            _ => "_greater_equal",
        };
        let function = self.prelude(name);
        let arguments = Arguments { values: vec![left, right], named: Vec::new() };
        let then = Then::Truth(operator != Comparison::NotEqual);
        self.call_value(function, arguments, then)?;
        STRAIGHT
    }

    /// A comparison of values without methods of their own.
    pub fn compare_plain(&mut self, operator: Comparison, left: Value, right: Value) -> R<bool> {
        let is_set = |m: &Machine, value: Value| {
            let object = value.id().map(|id| m.world.heap.get(id));
            m.is_set_view(value) || matches!(object, Some(Object::Set(_)))
        };
        let of_items = |m: &Machine, value: Value| {
            let object = value.id().map(|id| m.world.heap.get(id));
            matches!(object, Some(Object::View(_, Part::Items)))
        };
        let is_equality = matches!(operator, Comparison::Equal | Comparison::NotEqual);
        let items = is_equality && of_items(self, left) && of_items(self, right);
        if !items
            && (self.is_set_view(left) || self.is_set_view(right))
            && is_set(self, left)
            && is_set(self, right)
        {
            let (left, right) = (self.set_of(left)?, self.set_of(right)?);
            return self.compare_plain(operator, left, right);
        }
        Ok(match operator {
            Comparison::Equal => self.equal(left, right, 0)?,
            Comparison::NotEqual => !self.equal(left, right, 0)?,
            _ => {
                let sets = self.subset(operator, left, right);
                if let Some(result) = sets {
                    return Ok(result);
                }
                let sign = match operator {
                    Comparison::Less => "<",
                    Comparison::LessEqual => "<=",
                    Comparison::Greater => ">",
                    _ => ">=",
                };
                let order = self.order_by(left, right, 0, sign)?;
                let Some(order) = order else { return Ok(false) };
                match operator {
                    Comparison::Less => order == Ordering::Less,
                    Comparison::LessEqual => order != Ordering::Greater,
                    Comparison::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }
            }
        })
    }

    fn subset(&mut self, operator: Comparison, left: Value, right: Value) -> Option<bool> {
        let (left, right) = (left.id()?, right.id()?);
        self.note(Location::Object(left), false);
        self.note(Location::Object(right), false);
        let (Object::Set(a), Object::Set(b)) =
            (self.world.heap.get(left), self.world.heap.get(right))
        else {
            return None;
        };
        let within = |a: &crate::python::value::table::Table,
                      b: &crate::python::value::table::Table| {
            a.keys().all(|key| b.get(key).is_some())
        };
        Some(match operator {
            Comparison::Less => a.len() < b.len() && within(a, b),
            Comparison::LessEqual => within(a, b),
            Comparison::Greater => b.len() < a.len() && within(b, a),
            _ => within(b, a),
        })
    }

    /// Whether its class is a program's own, with an `__eq__`.
    fn compares_itself(&mut self, value: Value) -> bool {
        let is_instance =
            value.id().is_some_and(|id| matches!(self.world.heap.get(id), Object::Instance(_)));
        is_instance && self.class_attribute(value, self.known.eq).is_some()
    }

    /// Python's `==` between values without methods of their own.
    pub fn equal(&mut self, left: Value, right: Value, depth: usize) -> R<bool> {
        if depth > DEEPEST {
            return Err(
                self.error("RecursionError", "maximum recursion depth exceeded in comparison")
            );
        }
        if let Some(order) = order_of_numbers(left, right) {
            return Ok(order == Some(Ordering::Equal));
        }
        let (Value::Ref(a), Value::Ref(b)) = (left, right) else {
            return if self.compares_itself(left) || self.compares_itself(right) {
                Err(Raise::Python)
            } else {
                Ok(left.is(right))
            };
        };
        if a == b {
            return Ok(true);
        }
        self.note(Location::Object(a), false);
        self.note(Location::Object(b), false);
        let (x, y): (Vec<Value>, Vec<Value>) =
            match (self.world.heap.get(a), self.world.heap.get(b)) {
                (Object::Tuple(x), Object::Tuple(y)) | (Object::List(x), Object::List(y)) => {
                    (x.clone(), y.clone())
                }
                // What they are the items of; these may be no keys.
                (Object::View(x, Part::Items), Object::View(y, Part::Items)) => {
                    let (x, y) = (Value::Ref(*x), Value::Ref(*y));
                    return self.equal(x, y, depth + 1);
                }
                (Object::Deque(x), Object::Deque(y)) => {
                    (x.items.iter().copied().collect(), y.items.iter().copied().collect())
                }
                (
                    Object::Method { receiver: a, function: f },
                    Object::Method { receiver: b, function: g },
                ) => return Ok(a.is(*b) && f.is(*g)),
                (Object::Range(..), Object::Range(..)) => (self.items(left)?, self.items(right)?),
                (Object::Set(x), Object::Set(y)) => {
                    return Ok(x.len() == y.len() && x.keys().all(|key| y.get(key).is_some()));
                }
                (Object::Dict(x, _), Object::Dict(y, _)) => {
                    if x.len() != y.len() {
                        return Ok(false);
                    }
                    let pairs: Vec<_> = x
                        .keys()
                        .zip(x.iter())
                        .map(|(key, (_, value))| (value, y.get(key)))
                        .collect();
                    for (value, other) in pairs {
                        let Some(other) = other else { return Ok(false) };
                        if !value.is(other) && !self.equal(value, other, depth + 1)? {
                            return Ok(false);
                        }
                    }
                    return Ok(true);
                }
                (Object::Instance(_), _) | (_, Object::Instance(_)) => {
                    if self.compares_itself(left) || self.compares_itself(right) {
                        return Err(Raise::Python);
                    }
                    return Ok(false);
                }
                _ => return Ok(false),
            };
        if x.len() != y.len() {
            return Ok(false);
        }
        for (a, b) in x.into_iter().zip(y) {
            if !a.is(b) && !self.equal(a, b, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The order of two values, for `<`; `None` if one is not a number.
    pub fn order(&mut self, left: Value, right: Value, depth: usize) -> R<Option<Ordering>> {
        self.order_by(left, right, depth, "<")
    }

    fn order_by(
        &mut self,
        left: Value,
        right: Value,
        depth: usize,
        sign: &str,
    ) -> R<Option<Ordering>> {
        if depth > DEEPEST {
            return Err(
                self.error("RecursionError", "maximum recursion depth exceeded in comparison")
            );
        }
        if let Some(order) = order_of_numbers(left, right) {
            return Ok(order);
        }
        if let (Value::Str(a), Value::Str(b)) | (Value::Bytes(a), Value::Bytes(b)) = (left, right) {
            return Ok(Some(self.strings.text(a).cmp(self.strings.text(b))));
        }
        if let (Value::Ref(a), Value::Ref(b)) = (left, right) {
            self.note(Location::Object(a), false);
            self.note(Location::Object(b), false);
            if let (Object::Tuple(x), Object::Tuple(y)) | (Object::List(x), Object::List(y)) =
                (self.world.heap.get(a), self.world.heap.get(b))
            {
                let (x, y) = (x.clone(), y.clone());
                for (a, b) in x.iter().zip(&y) {
                    if !self.equal(*a, *b, depth + 1)? {
                        return self.order_by(*a, *b, depth + 1, sign);
                    }
                }
                return Ok(Some(x.len().cmp(&y.len())));
            }
        }
        if depth > 0 && (self.class_of(left).is_some() || self.class_of(right).is_some()) {
            return Err(Raise::Python);
        }
        let (a, b) = (self.type_name(left), self.type_name(right));
        self.type_error(format!("'{sign}' not supported between instances of '{a}' and '{b}'"))
    }

    /// `in` and `not in`.
    fn membership(&mut self, item: Value, container: Value, wanted: bool) -> R<Flow> {
        if self.class_of(container).is_some() {
            let name = self.strings.intern("__contains__");
            if let Some(method) = self.class_attribute(container, name) {
                let values = vec![container, item];
                let arguments = Arguments { values, named: Vec::new() };
                self.call_value(method, arguments, Then::Truth(wanted))?;
                return STRAIGHT;
            }
        }
        let eq = self.known.eq;
        let hashed = matches!(
            container.id().map(|id| self.world.heap.get(id)),
            Some(Object::Dict(..) | Object::Set(_))
        );
        let list =
            container.id().is_some_and(|id| matches!(self.world.heap.get(id), Object::List(_)));
        let steps = self.needs_python(container) || list && self.needs_steps(container);
        if steps
            || !hashed && self.class_of(item).is_some() && self.class_attribute(item, eq).is_some()
        {
            let contains = self.prelude("_contains");
            let arguments = Arguments { values: vec![container, item], named: Vec::new() };
            self.call_value(contains, arguments, Then::Truth(wanted))?;
            return STRAIGHT;
        }
        let found = match self.contains(container, item) {
            Err(Raise::Key(value)) => {
                self.push(item);
                self.push(container);
                return self.find_key(value);
            }
            Err(Raise::Python) => {
                let contains = self.prelude("_contains");
                let arguments = Arguments { values: vec![container, item], named: Vec::new() };
                self.call_value(contains, arguments, Then::Truth(wanted))?;
                return STRAIGHT;
            }
            found => found?,
        };
        self.push(Value::Bool(found == wanted));
        STRAIGHT
    }

    /// Whether a built-in container has an item.
    pub fn contains(&mut self, container: Value, item: Value) -> R<bool> {
        if let (Value::Str(text), Value::Str(part)) | (Value::Bytes(text), Value::Bytes(part)) =
            (container, item)
        {
            return Ok(self.strings.text(text).contains(self.strings.text(part)));
        }
        if let Value::Str(_) = container {
            let name = self.type_name(item);
            let text = format!("'in <string>' requires string as left operand, not {name}");
            return self.type_error(text);
        }
        if let Value::Ref(id) = container {
            self.note(Location::Object(id), false);
            if let Object::Dict(..) | Object::Set(_) = self.world.heap.get(id) {
                let key = self.key(item)?;
                let (Object::Dict(table, _) | Object::Set(table)) = self.world.heap.get(id) else {
                    return Ok(false);
                };
                return Ok(table.get(&key).is_some());
            }
            if let Object::Range(start, stop, step) = *self.world.heap.get(id) {
                let Some(int) = item.as_int() else { return Ok(false) };
                let within =
                    if step > 0 { start <= int && int < stop } else { stop < int && int <= start };
                return Ok(within && int.wrapping_sub(start) % step == 0);
            }
            if self.is_iterable(container) {
                for other in self.items(container)? {
                    if other.is(item) || self.equal(other, item, 0)? {
                        return Ok(true);
                    }
                }
                return Ok(false);
            }
        }
        let name = self.type_name(container);
        self.type_error(format!("argument of type '{name}' is not iterable"))
    }

    /// A value's truth; `None` if a method was entered whose result goes to `then`.
    pub(crate) fn truth(&mut self, value: Value, then: Then) -> R<Option<bool>> {
        if self.class_of(value).is_some() {
            for name in ["__bool__", "__len__"] {
                let name = self.strings.intern(name);
                if let Some(method) = self.class_attribute(value, name) {
                    let arguments = Arguments { values: vec![value], named: Vec::new() };
                    return match self.call_value(method, arguments, then)? {
                        Done::Value(value) => self.plain_truth(value).map(Some),
                        _ => Ok(None),
                    };
                }
            }
        }
        self.plain_truth(value).map(Some)
    }

    /// The truth of a value without a method of its own.
    pub fn plain_truth(&mut self, value: Value) -> R<bool> {
        Ok(match value {
            Value::Unset | Value::None => false,
            Value::Bool(bool) => bool,
            Value::Int(int) => int != 0,
            Value::Float(float) => float != 0.0,
            Value::Str(text) | Value::Bytes(text) => !self.strings.text(text).is_empty(),
            Value::Type(_) | Value::Native(_) | Value::Module(_) => true,
            Value::Ref(id) => {
                self.note(Location::Object(id), false);
                self.length(value).is_none_or(|length| length > 0)
            }
        })
    }

    /// How many items a built-in container has.
    pub fn length(&self, value: Value) -> Option<usize> {
        match value {
            Value::Str(text) | Value::Bytes(text) => Some(self.strings.length(text)),
            Value::Ref(id) => match self.world.heap.get(id) {
                Object::Tuple(items) | Object::List(items) => Some(items.len()),
                Object::Dict(table, _) | Object::Set(table) => Some(table.len()),
                Object::Deque(deque) => Some(deque.items.len()),
                Object::View(of, _) => self.length(Value::Ref(*of)),
                Object::Range(start, stop, step) => Some(range_length(*start, *stop, *step)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// How many ints a range has.
pub fn range_length(start: i64, stop: i64, step: i64) -> usize {
    let (low, high, step) = match step > 0 {
        true => (start, stop, i128::from(step)),
        false => (stop, start, -i128::from(step)),
    };
    let span = i128::from(high) - i128::from(low);
    match span > 0 && step > 0 {
        true => usize::try_from((span + step - 1) / step).unwrap_or(usize::MAX),
        false => 0,
    }
}
