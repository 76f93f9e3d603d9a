//! What happens with the value that a call returns.
//!
//! *Promises*: it goes where the caller said when it called, and nowhere else.
//! *Leaves out*: the call itself (`python/machine/calls.rs`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Location, R, Raise};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::Object;

impl Machine {
    /// Does with the result of a call what was to be done with it.
    pub(crate) fn deliver(
        &mut self,
        then: Then,
        value: Value,
        left: Option<(u32, &[Value])>,
    ) -> R<()> {
        match then {
            Then::Push | Then::Item(_) | Then::Next(_) => self.push(value),
            Then::Discard => {}
            Then::Init(instance) => {
                if value != Value::None {
                    let name = self.type_name(value);
                    let text = format!("__init__() should return None, not '{name}'");
                    return self.type_error(text);
                }
                self.push(instance);
            }
            Then::Class => left.map_or(Ok(()), |(code, values)| self.finish_class(code, values))?,
            Then::Truth(wanted) => {
                if let Some(truth) = self.returned_truth(value, left, then)? {
                    self.push(Value::Bool(truth == wanted));
                }
            }
            Then::Branch { to, wanted, keep } => {
                if let Some(truth) = self.returned_truth(value, left, then)? {
                    self.take_branch(truth, to, wanted, keep);
                }
            }
            Then::Text => match value {
                Value::Str(_) => self.push(value),
                _ => {
                    let name = self.type_name(value);
                    let text = format!("__str__ returned non-string (type {name})");
                    return self.type_error(text);
                }
            },
            Then::Size => {
                let size = self.returned_size(value)?;
                self.push(Value::Int(size));
            }
            Then::Hash => match value.as_int() {
                // CPython's C uses -1 for an error.
                Some(number) => self.push(Value::Int(if number == -1 { -2 } else { number })),
                None => return self.type_error("__hash__ method should return an integer"),
            },
            Then::Collected(number, kept, at) => self.call_again(number, kept, at, value)?,
            Then::Exited => self.push(value),
            Then::Method => {
                self.push(value);
                self.push(Value::Unset);
            }
            Then::Delegated => return self.delegate(value).map(drop),
            Then::Operate(operation, left, right) => {
                if let Done::Value(value) = self.operated(operation, left, right, value)? {
                    self.push(value);
                }
            }
            Then::Missing(dict, key) => {
                let table_key = self.key(key)?;
                self.note(Location::Object(dict), true);
                if let Object::Dict(table, _) = self.world.heap.get_mut(dict) {
                    table.insert(table_key, key, value);
                }
                self.push(value);
            }
        }
        Ok(())
    }

    /// What `__len__` has returned.
    fn returned_size(&mut self, value: Value) -> R<i64> {
        match value.as_int() {
            Some(size @ 0..) => Ok(size),
            Some(_) => self.value_error("__len__() should return >= 0"),
            None => {
                let name = self.type_name(value);
                self.type_error(format!("'{name}' object cannot be interpreted as an integer"))
            }
        }
    }

    /// The truth of what a method has returned: `__contains__` may return anything, and who has to be asked
    /// for its truth is (`None`); others may not.
    fn returned_truth(
        &mut self,
        value: Value,
        left: Option<(u32, &[Value])>,
        then: Then,
    ) -> R<Option<bool>> {
        let code = left.map(|(code, _)| self.program.codes[code as usize].name.as_str());
        match (code, value) {
            (Some("__len__"), value) => Ok(Some(self.returned_size(value)? > 0)),
            (Some("__bool__"), value) if !matches!(value, Value::Bool(_)) => {
                let name = self.type_name(value);
                self.type_error(format!("__bool__ should return bool, returned {name}"))
            }
            (Some("__contains__"), value) => self.truth(value, then),
            // Whoever is asked for its truth is asked once.
            _ => self.plain_truth(value).map(Some),
        }
    }

    /// Calls a function of the library again, with what one of its arguments was collected to.
    fn call_again(&mut self, number: u32, kept: Id, at: u32, value: Value) -> R<()> {
        let mut values = match self.world.heap.get(kept) {
            Object::Tuple(values) => values.clone(),
            _ => Vec::new(),
        };
        let pairs = values.split_off(values.len().saturating_sub(2 * (at >> 16) as usize));
        if let Some(argument) = values.get_mut(at as usize & 0xffff) {
            *argument = value;
        }
        let mut named = Vec::new();
        for pair in pairs.chunks_exact(2) {
            if let Value::Str(name) = pair[0] {
                named.push((name, pair[1]));
            }
        }
        // What it iterates over is a list by now.
        let Some(row) = self.library.get(number as usize).copied() else { return Ok(()) };
        let arguments = Arguments { values, named };
        let done = match (row.call)(self, &arguments) {
            Err(Raise::Key(value)) => {
                self.call_with_key(Value::Native(number), &arguments, value, Then::Push)?
            }
            Err(Raise::Python) => self.call_native(number, arguments, Then::Push)?,
            done => done?,
        };
        match done {
            Done::Value(value) | Done::Blocked(value) => self.push(value),
            Done::Entered | Done::Wait(..) => {}
        }
        Ok(())
    }
}
