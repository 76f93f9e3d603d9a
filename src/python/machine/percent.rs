//! `text % values`.
//!
//! *Promises*: conversions, flags, widths and named fields as in Python.
//! *Leaves out*: what a format specification means (`python/machine/format.rs`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{R, Raise};
use crate::python::value::any::{Id, Value};
use crate::python::value::object::Object;
use crate::python::value::table::Key;

impl Machine {
    /// Checks that a text of so many bytes, which is being made, is not too much by itself.
    ///
    /// # Errors
    /// [`Raise::Stop`] if it is.
    pub(crate) fn check_room(&self, bytes: usize) -> R<()> {
        if bytes / 16 <= self.limits.items {
            return Ok(());
        }
        let megabytes = self.limits.items / 65_536;
        Err(Raise::Stop(format!("it needs more than {megabytes} MB of memory")))
    }

    /// `text % value`.
    pub(crate) fn percent(&mut self, text: Value, value: Value) -> R<Value> {
        let Value::Str(text) = text else { return Ok(text) };
        // A container that is no tuple is one argument, and may also be a mapping for none.
        let (arguments, all) = match value.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Tuple(items)) => (items.clone(), true),
            Some(Object::List(_) | Object::Dict(..) | Object::Range(..)) => (vec![value], false),
            _ => (vec![value], true),
        };
        let mapping = value.id().filter(|id| matches!(self.world.heap.get(*id), Object::Dict(..)));
        let text = self.strings.get(text);
        let mut chars = text.chars();
        let (mut out, mut next) = (String::new(), arguments.iter());
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut spec = String::new();
            let mut named = None;
            let kind = loop {
                match chars.next() {
                    Some('(') => named = Some(chars.by_ref().take_while(|c| *c != ')').collect()),
                    Some('*') => match next.next().and_then(|width| width.as_int()) {
                        Some(width) => spec.push_str(&width.to_string()),
                        None => return self.type_error("* wants int"),
                    },
                    Some(c) if "-+ #0123456789.".contains(c) => spec.push(c),
                    Some(c) => break c,
                    None => return self.value_error("incomplete format"),
                }
            };
            if kind == '%' {
                out.push('%');
                continue;
            }
            let value = match named {
                Some(name) => self.percent_named(mapping, name)?,
                None => match next.next().copied() {
                    Some(value) => value,
                    None => return self.type_error("not enough arguments for format string"),
                },
            };
            let formatted = self.percent_one(&spec, kind, value)?;
            self.check_room(out.len() + formatted.len())?;
            out.push_str(&formatted);
        }
        if all && next.next().is_some() {
            return self.type_error("not all arguments converted during string formatting");
        }
        self.charge(out.len() / 16)?;
        Ok(self.text_value(&out))
    }

    fn percent_named(&mut self, mapping: Option<Id>, name: String) -> R<Value> {
        let id = self.strings.intern(&name);
        match mapping.map(|id| self.world.heap.get(id)) {
            Some(Object::Dict(table, _)) => match table.get(&Key::Str(id)) {
                Some(value) => Ok(value),
                None => Err(self.exception("KeyError", vec![Value::Str(id)])),
            },
            _ => self.type_error("format requires a mapping"),
        }
    }

    fn percent_one(&mut self, spec: &str, kind: char, value: Value) -> R<String> {
        self.no_python_text(value)?;
        let left = spec.contains('-');
        let rest = spec.replace('-', "");
        let align = if left { "<" } else { ">" };
        match kind {
            's' | 'r' => {
                let text = match kind {
                    's' => self.plain_str(value)?,
                    _ => self.plain_repr(value)?,
                };
                let text = self.text_value(&text);
                self.formatted(text, &format!("{align}{}s", rest.trim_start_matches('0')))
            }
            'd' | 'i' | 'u' | 'x' | 'X' | 'o' | 'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
                let integral = !"fFeEgG".contains(kind);
                let value = match value {
                    #[allow(clippy::cast_possible_truncation, reason = "as Python's")]
                    Value::Float(float) if integral && "diu".contains(kind) => {
                        Value::Int(float as i64)
                    }
                    Value::Int(_) | Value::Bool(_) | Value::Float(_) => value,
                    _ => {
                        let name = self.type_name(value);
                        let what = if integral { "a real number" } else { "must be real number" };
                        let text = match integral {
                            true => format!("%{kind} format: {what} is required, not {name}"),
                            false => format!("{what}, not {name}"),
                        };
                        return self.type_error(text);
                    }
                };
                let kind = if "iu".contains(kind) { 'd' } else { kind };
                let align = if left { "<" } else { "" };
                let rest = if left { rest.trim_start_matches('0') } else { &rest };
                self.formatted(value, &format!("{align}{rest}{kind}"))
            }
            'c' => self.plain_str(value),
            _ => self.value_error(format!("unsupported format character '{kind}'")),
        }
    }
}
