//! Arguments of the library's functions, by position or by keyword.
//!
//! *Promises*: too many, too few and unknown ones are a `TypeError`, as in Python.
//! *Leaves out*: their types, which each function checks.

use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Location, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::object::{Object, Sync};

impl Machine {
    /// The arguments in the order of `names`; those that are not given are unset. The first
    /// `required` must be given.
    pub(crate) fn sorted<const N: usize>(
        &mut self,
        arguments: &Arguments,
        function: &str,
        required: usize,
        names: [&str; N],
    ) -> R<[Value; N]> {
        let mut out = [Value::Unset; N];
        if arguments.values.len() > N {
            let (most, given) = (N, arguments.values.len());
            let text = format!("{function}() takes at most {most} arguments ({given} given)");
            return self.type_error(text);
        }
        for (place, value) in out.iter_mut().zip(&arguments.values) {
            *place = *value;
        }
        for (name, value) in &arguments.named {
            let name = self.strings.get(*name);
            match names.iter().position(|other| **other == *name) {
                Some(at) if out[at] == Value::Unset => out[at] = *value,
                _ => {
                    let text = format!("{function}() got an unexpected keyword argument '{name}'");
                    return self.type_error(text);
                }
            }
        }
        if let Some(at) = out.iter().take(required).position(|value| *value == Value::Unset) {
            let name = names[at];
            let text = format!("{function}() missing required argument '{name}' (pos {})", at + 1);
            return self.type_error(text);
        }
        Ok(out)
    }

    /// An argument that must be an int.
    pub(crate) fn int_argument(&mut self, value: Value) -> R<i64> {
        match value.as_int() {
            Some(int) => Ok(int),
            None => {
                let name = self.type_name(value);
                self.type_error(format!("'{name}' object cannot be interpreted as an integer"))
            }
        }
    }

    /// An argument that must be a string.
    pub(crate) fn text_argument(&mut self, value: Value) -> R<std::sync::Arc<str>> {
        match value {
            Value::Str(text) => Ok(self.strings.get(text)),
            _ => {
                let name = self.type_name(value);
                self.type_error(format!("expected str, not {name}"))
            }
        }
    }

    /// An argument that must be an object.
    pub(crate) fn object_argument(&mut self, value: Value) -> R<Id> {
        match value {
            Value::Ref(id) => Ok(id),
            _ => {
                let name = self.type_name(value);
                self.type_error(format!("this does not work on '{name}'"))
            }
        }
    }

    /// An argument that must be something that threads wait with. What others wait for may have
    /// changed when the call is over.
    pub(crate) fn sync_argument(&mut self, value: Value) -> R<(Id, Sync)> {
        if let Value::Ref(id) = value
            && let Object::Sync(sync) = self.world.heap.get(id)
        {
            let sync = sync.clone();
            self.outside.stirred = true;
            return Ok((id, sync));
        }
        let name = self.type_name(value);
        self.type_error(format!("this does not work on '{name}'"))
    }

    /// The same, of a queue, which may be long.
    pub(crate) fn queue_argument(&mut self, value: Value) -> R<Id> {
        if let Value::Ref(id) = value
            && let Object::Sync(Sync::Queue { .. }) = self.world.heap.get(id)
        {
            self.outside.stirred = true;
            self.note(Location::Object(id), true);
            return Ok(id);
        }
        let name = self.type_name(value);
        self.type_error(format!("this does not work on '{name}'"))
    }
}
