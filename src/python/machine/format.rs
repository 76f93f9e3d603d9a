//! Format specifications: of f-strings, of `str.format`, and of `%`.
//!
//! *Promises*: each value under a specification is what it is in Python; what is none is a
//! `ValueError`.
//! *Leaves out*: how a number is laid out (`python/machine/spec.rs`).

use crate::python::machine::fields::{Field, Fields, Which};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::operators::as_float;
use crate::python::machine::spec::Spec;
use crate::python::machine::terms::{R, Raise};
use crate::python::machine::text::escaped;
use crate::python::value::any::Value;
use crate::python::value::object::Object;
use crate::python::value::strings::StrId;

impl Machine {
    /// A value under a format specification. It has no `__str__` in Python.
    pub fn formatted(&mut self, value: Value, spec: &str) -> R<String> {
        if spec.is_empty() {
            return self.plain_str(value);
        }
        let parsed = match Spec::parse(spec) {
            Ok(parsed) => parsed,
            Err("") => {
                let name = self.type_name(value);
                let text = format!("Invalid format specifier '{spec}' for object of type '{name}'");
                return self.value_error(text);
            }
            Err(why) => return self.value_error(why),
        };
        self.charge(parsed.width / 4)?;
        let kind = parsed.kind;
        let laid = match value {
            Value::Str(_) if matches!(kind, None | Some('s')) => {
                Some(parsed.text(&self.plain_str(value)?))
            }
            Value::Str(_) => None,
            Value::Float(float) => parsed.float(float),
            Value::Bool(_) | Value::Int(_) => {
                let int = value.as_int().unwrap_or(0);
                match kind {
                    Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => {
                        parsed.float(as_float(value).unwrap_or(0.0))
                    }
                    Some('c') if !(0..0x11_0000).contains(&int) => {
                        return Err(self.error("OverflowError", "%c arg not in range(0x110000)"));
                    }
                    _ => parsed.int(int, 0),
                }
            }
            _ => {
                let name = self.type_name(value);
                let text = format!("unsupported format string passed to {name}.__format__");
                return self.type_error(text);
            }
        };
        match laid {
            Some(Ok(text)) => Ok(text),
            Some(Err(why)) => self.value_error(why),
            None => self.unknown_format(value, kind),
        }
    }

    fn unknown_format<T>(&mut self, value: Value, kind: Option<char>) -> R<T> {
        let (name, kind) = (self.type_name(value), kind.unwrap_or('?'));
        self.value_error(format!("Unknown format code '{kind}' for object of type '{name}'"))
    }

    pub(crate) fn no_python_text(&mut self, value: Value) -> R<()> {
        match self.has_python_text(value) {
            true => Err(Raise::Python),
            false => Ok(()),
        }
    }

    /// What a path of attributes and items leads to.
    fn at_path(&mut self, value: Value, path: &[(bool, &str)]) -> R<Value> {
        let mut value = value;
        for (is_item, part) in path {
            let name = self.strings.intern(part);
            if self.class_of(value).is_some() {
                return Err(Raise::Python);
            }
            if !is_item {
                value = match self.attribute(value, name)? {
                    Some(found) => found,
                    None => return self.no_attribute(value, name),
                };
                continue;
            }
            let index = part.parse().map_or(Value::Str(name), Value::Int);
            let key = self.key(index)?;
            value = match value.id().map(|id| self.world.heap.get(id)) {
                Some(Object::Dict(table, _)) => match table.get(&key) {
                    Some(found) => found,
                    None => return Err(self.exception("KeyError", vec![index])),
                },
                _ => self.item(value, index)?,
            };
        }
        Ok(value)
    }

    /// `text.format(…)`.
    pub(crate) fn format_fields(
        &mut self,
        fields: &Fields<'_>,
        values: &[Value],
        named: &[(StrId, Value)],
    ) -> R<String> {
        let mut out = String::new();
        for (literal, field) in fields {
            out.push_str(literal);
            if let Some(field) = field {
                let formatted = self.format_field(field, values, named)?;
                self.check_room(out.len() + formatted.len())?;
                out.push_str(&formatted);
            }
        }
        Ok(out)
    }

    fn format_field(
        &mut self,
        field: &Field<'_>,
        values: &[Value],
        named: &[(StrId, Value)],
    ) -> R<String> {
        let value = match field.which {
            Which::Number(number) => values.get(number).copied().ok_or_else(|| {
                let text =
                    format!("Replacement index {number} out of range for positional args tuple");
                self.error("IndexError", text)
            })?,
            Which::Name(name) => {
                let id = self.strings.intern(name);
                let found = named.iter().find(|(other, _)| *other == id).map(|(_, value)| *value);
                found.ok_or_else(|| self.exception("KeyError", vec![Value::Str(id)]))?
            }
        };
        let value = self.at_path(value, &field.path)?;
        let method = self.strings.intern("__format__");
        if self.class_attribute(value, method).is_some() {
            return Err(Raise::Python);
        }
        self.no_python_text(value)?;
        let spec = self.format_fields(&field.spec, values, named)?;
        let text = match field.conversion {
            "r" => self.plain_repr(value)?,
            "a" => escaped(&self.plain_repr(value)?),
            "s" => self.plain_str(value)?,
            _ => return self.formatted(value, &spec),
        };
        let text = self.text_value(&text);
        self.formatted(text, &spec)
    }
}
