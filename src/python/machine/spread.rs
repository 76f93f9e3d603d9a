//! Stars: `[*items]`, `{**mapping}`, `f(*args, **kwargs)` and `a, *rest = items`.
//!
//! *Promises*: an iterable that runs Python code is collected first, and the instruction done again
//! with the list, so that no item is taken twice.
//! *Leaves out*: which parameter an argument goes to (`python/machine/binding.rs`).

use crate::python::code::instruction::Place;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Flow, Location, R};
use crate::python::value::any::Value;
use crate::python::value::frame::Then;
use crate::python::value::object::{DictKind, Object};
use crate::python::value::table::Table;

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

impl Machine {
    /// Collects what is iterated over by Python code, which the instruction will find on the stack
    /// when it is done again; `false` if that needs no Python code.
    pub(crate) fn collect_first(&mut self, value: Value) -> R<bool> {
        if !self.needs_python(value) {
            return Ok(false);
        }
        let collect = self.prelude("_collect");
        self.frame().at -= 1;
        let depth = self.current.frames.len();
        let arguments = Arguments { values: vec![value], named: Vec::new() };
        let done = self.call_value(collect, arguments, Then::Push);
        if done.is_err() {
            self.current.frames[depth - 1].at += 1;
        }
        done.map(|_| true)
    }

    /// Pops an iterable into the list below it.
    pub(crate) fn list_extend(&mut self) -> R<Flow> {
        let value = self.pop();
        if !self.is_iterable(value) {
            let name = self.type_name(value);
            return self.type_error(format!("Value after * must be an iterable, not {name}"));
        }
        if self.collect_first(value)? {
            return STRAIGHT;
        }
        let new = self.items(value)?;
        self.charge(new.len())?;
        if let Value::Ref(id) = self.peek(0)
            && let Object::List(items) = self.world.heap.get_mut(id)
        {
            items.extend(new);
        }
        STRAIGHT
    }

    /// Replaces the list on top by a tuple or a set of its items.
    pub(crate) fn list_to(&mut self, set: bool) -> R<()> {
        let list = self.peek(0);
        let items = self.items(list)?;
        let made = match set {
            true => self.new_set(&items)?,
            false => self.add(Object::Tuple(items)),
        };
        self.pop();
        self.push(made);
        Ok(())
    }

    /// Pops a mapping into the dict below it.
    pub(crate) fn dict_update(&mut self, call: bool) -> R<()> {
        let (mapping, target) = (self.peek(0), self.peek(1));
        let Some(Object::Dict(table, _)) = mapping.id().map(|id| self.world.heap.get(id)) else {
            let name = self.type_name(mapping);
            return match call {
                true => self.type_error(format!("argument after ** must be a mapping, not {name}")),
                false => self.type_error(format!("'{name}' object is not a mapping")),
            };
        };
        let entries: Vec<(Value, Value)> = table.iter().collect();
        if let Some(id) = mapping.id() {
            self.note(Location::Object(id), false);
        }
        self.charge(2 * entries.len())?;
        for (name, value) in entries {
            let key = self.key(name)?;
            if call && !matches!(name, Value::Str(_)) {
                return self.type_error("keywords must be strings");
            }
            let Some(Object::Dict(table, _)) = target.id().map(|id| self.world.heap.get_mut(id))
            else {
                break;
            };
            if table.insert(key, name, value).is_some() && call {
                let name = self.plain_str(name)?;
                let text = format!("got multiple values for keyword argument '{name}'");
                return self.type_error(text);
            }
        }
        self.pop();
        Ok(())
    }

    /// The arguments of a call with stars, which are a list and a dict on top.
    pub(crate) fn spread_arguments(&mut self) -> R<Arguments> {
        let (named, values, receiver) = (self.peek(0), self.peek(1), self.peek(2));
        let mut arguments = Arguments::default();
        if receiver != Value::Unset {
            arguments.values.push(receiver);
        }
        arguments.values.extend(self.items(values)?);
        if let Some(Object::Dict(table, _)) = named.id().map(|id| self.world.heap.get(id)) {
            for (name, value) in table.iter() {
                if let Value::Str(name) = name {
                    arguments.named.push((name, value));
                }
            }
        }
        Ok(arguments)
    }

    /// The rest of the arguments by keyword, as a dict.
    pub(crate) fn keyword_rest(&mut self, named: Vec<(Value, Value)>) -> R<Value> {
        let mut table = Table::default();
        self.charge(2 * named.len())?;
        for (name, value) in named {
            table.insert(self.key(name)?, name, value);
        }
        Ok(self.add(Object::Dict(table, DictKind::Plain)))
    }

    /// Unpacks into `before` values, a list of the rest, and `behind` values.
    pub(crate) fn unpack_rest(&mut self, before: u32, behind: u32) -> R<Flow> {
        let value = self.pop();
        let (before, behind) = (before as usize, behind as usize);
        if !self.is_iterable(value) {
            let name = self.type_name(value);
            return self.type_error(format!("cannot unpack non-iterable {name} object"));
        }
        if self.collect_first(value)? {
            return STRAIGHT;
        }
        let mut items = self.items(value)?;
        let (least, got) = (before + behind, items.len());
        if got < least {
            let text =
                format!("not enough values to unpack (expected at least {least}, got {got})");
            return self.value_error(text);
        }
        let last = items.split_off(got - behind);
        let rest = items.split_off(before);
        last.into_iter().rev().for_each(|item| self.push(item));
        let rest = self.add(Object::List(rest));
        self.push(rest);
        items.into_iter().rev().for_each(|item| self.push(item));
        STRAIGHT
    }
}
