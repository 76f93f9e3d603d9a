//! Functions are made; arguments are bound to parameters.
//!
//! *Promises*: a call that does not fit is a `TypeError` with CPython's message.
//! *Leaves out*: the call itself (`python/machine/calls.rs`).

use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, R};
use crate::python::value::any::Value;
use crate::python::value::object::{DictKind, Function, Object};
use std::sync::Arc;

impl Machine {
    /// The slots of a call: each parameter's value.
    pub(crate) fn bind(&mut self, function: &Function, arguments: Arguments) -> R<Vec<Value>> {
        let program = Arc::clone(&self.program);
        let code = &program.codes[function.code as usize];
        let (positional, total) = (code.positional, code.positional + code.keyword_only);
        let Arguments { values: mut slots, named } = arguments;
        let rest = match code.rest && slots.len() > positional {
            true => slots.split_off(positional),
            false => Vec::new(),
        };
        if slots.len() > positional {
            let given = slots.len();
            let least = positional - function.defaults.len().min(positional);
            let takes = match least < positional {
                true => format!("from {least} to {positional}"),
                false => positional.to_string(),
            };
            let s = if positional == 1 && least == 1 { "" } else { "s" };
            let was = if given == 1 { "was" } else { "were" };
            let name = &code.qualified;
            let text =
                format!("{name}() takes {takes} positional argument{s} but {given} {was} given");
            return self.type_error(text);
        }
        slots.resize(total, Value::Unset);
        let mut others = Vec::new();
        for (name, value) in named {
            let text = self.strings.get(name);
            let at = code.locals.iter().take(total).position(|local| **local == *text);
            match at.filter(|at| *at >= code.position_only) {
                Some(at) if slots[at] == Value::Unset => slots[at] = value,
                Some(_) => {
                    let text =
                        format!("{}() got multiple values for argument '{text}'", code.qualified);
                    return self.type_error(text);
                }
                None if code.keywords => others.push((Value::Str(name), value)),
                None => {
                    let text =
                        format!("{}() got an unexpected keyword argument '{text}'", code.qualified);
                    return self.type_error(text);
                }
            }
        }
        let first = positional - function.defaults.len().min(positional);
        for (at, default) in (first..).zip(&function.defaults) {
            if slots[at] == Value::Unset {
                slots[at] = *default;
            }
        }
        let keyword_only = slots.iter_mut().zip(&code.locals).take(total).skip(positional);
        for (slot, local) in keyword_only {
            let name = self.strings.intern(local);
            if let Some((_, default)) = function.keyword_defaults.iter().find(|(n, _)| *n == name)
                && *slot == Value::Unset
            {
                *slot = *default;
            }
        }
        match slots.contains(&Value::Unset) {
            true => self.missing_arguments(function.code, &slots),
            false => {
                if code.rest {
                    slots.push(self.add(Object::Tuple(rest)));
                }
                if code.keywords {
                    slots.push(self.keyword_rest(others)?);
                }
                Ok(slots)
            }
        }
    }

    fn missing_arguments(&mut self, code: u32, slots: &[Value]) -> R<Vec<Value>> {
        let code = &self.program.codes[code as usize];
        let is_missing = |at: &usize| slots[*at] == Value::Unset;
        let name = |at: usize| format!("'{}'", code.locals[at]);
        let mut missing: Vec<String> = (0..code.positional).filter(is_missing).map(name).collect();
        let mut kind = "positional";
        if missing.is_empty() {
            kind = "keyword-only";
            missing = (code.positional..slots.len()).filter(is_missing).map(name).collect();
        }
        let s = if missing.len() == 1 { "" } else { "s" };
        let count = missing.len();
        let list = match missing.as_slice() {
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [first @ .., last] => format!("{}, and {last}", first.join(", ")),
            [] => String::new(),
        };
        let text =
            format!("{}() missing {count} required {kind} argument{s}: {list}", code.qualified);
        self.type_error(text)
    }

    pub(crate) fn make_function(&mut self, code: u32) {
        let parts = self.pop_many(3);
        let tuple = |machine: &Machine, value: Option<&Value>| match value.copied() {
            Some(Value::Ref(id)) => match machine.world.heap.get(id) {
                Object::Tuple(items) => items.clone(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let (defaults, cells) = (tuple(self, parts.first()), tuple(self, parts.get(2)));
        let mut keyword_defaults = Vec::new();
        if let Some(Value::Ref(id)) = parts.get(1)
            && let Object::Dict(table, DictKind::Plain) = self.world.heap.get(*id)
        {
            for (name, value) in table.iter() {
                if let Value::Str(name) = name {
                    keyword_defaults.push((name, value));
                }
            }
        }
        let cells = cells.into_iter().filter_map(Value::id).collect();
        let function = self.add(Object::Function(Function {
            code,
            defaults,
            keyword_defaults,
            cells,
            attributes: None,
        }));
        self.push(function);
    }
}
