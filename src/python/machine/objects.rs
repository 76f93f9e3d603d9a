//! Items: subscripts, slices, unpacking, and the containers that are being built.
//!
//! *Promises*: an access to items is noted as one of the whole object; indices are Python's.
//! *Leaves out*: methods of containers (`library`).

use crate::python::code::instruction::Place;
use crate::python::machine::comparison::range_length;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Flow, Location, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{DictKind, Object};
use crate::python::value::table::Table;

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

impl Machine {
    /// A set of these items.
    pub fn new_set(&mut self, items: &[Value]) -> R<Value> {
        self.charge(items.len())?;
        let mut table = Table::default();
        for item in items {
            table.insert(self.key(*item)?, *item, Value::None);
        }
        Ok(self.add(Object::Set(table)))
    }

    fn below(&mut self, depth: u32) -> Option<Id> {
        self.peek(depth as usize).id()
    }

    pub(crate) fn add_to_list(&mut self, depth: u32) -> R<()> {
        self.charge(1)?;
        let item = self.pop();
        let list = self.below(depth);
        if let Some(id) = list
            && let Object::List(items) = self.world.heap.get_mut(id)
        {
            items.push(item);
        }
        Ok(())
    }

    pub(crate) fn add_to_set(&mut self, depth: u32) -> R<()> {
        self.charge(1)?;
        let item = self.pop();
        let key = self.key(item)?;
        if let Some(id) = self.below(depth)
            && let Object::Set(table) = self.world.heap.get_mut(id)
        {
            table.insert(key, item, Value::None);
        }
        Ok(())
    }

    pub(crate) fn add_to_dict(&mut self, depth: u32) -> R<()> {
        self.charge(2)?;
        let (value, name) = (self.pop(), self.pop());
        let key = self.key(name)?;
        if let Some(id) = self.below(depth)
            && let Object::Dict(table, _) = self.world.heap.get_mut(id)
        {
            table.insert(key, name, value);
        }
        Ok(())
    }

    /// Finds out which key an index of a dict is.
    fn find_item_key(&mut self, index: usize, object: usize) -> R<Option<Flow>> {
        let (index_value, object) = (self.peek(index), self.peek(object));
        match (index_value, object.id().map(|id| self.world.heap.get(id))) {
            (Value::Ref(_), Some(Object::Dict(..))) => self.find_keys(index..index + 1),
            _ => Ok(None),
        }
    }

    pub(crate) fn unpack(&mut self, count: u32) -> R<Flow> {
        let value = self.pop();
        let count = count as usize;
        if !self.is_iterable(value) {
            let name = self.type_name(value);
            return self.type_error(format!("cannot unpack non-iterable {name} object"));
        }
        if self.collect_first(value)? {
            return STRAIGHT;
        }
        let items = self.items(value)?;
        if items.len() < count {
            let text =
                format!("not enough values to unpack (expected {count}, got {})", items.len());
            return self.value_error(text);
        }
        if items.len() > count {
            return self.value_error(format!("too many values to unpack (expected {count})"));
        }
        items.into_iter().rev().for_each(|item| self.push(item));
        STRAIGHT
    }

    /// Calls the method of a class for an access to items; `None` if there is none.
    fn item_method(&mut self, name: &str, values: Vec<Value>, then: Then) -> R<Option<Flow>> {
        let Some(object) = values.first().copied() else { return Ok(None) };
        if self.class_of(object).is_none() {
            return Ok(None);
        }
        let id = self.strings.intern(name);
        let Some(method) = self.class_attribute(object, id) else {
            let class = self.type_name(object);
            let text = match name {
                "__getitem__" => format!("'{class}' object is not subscriptable"),
                "__setitem__" => format!("'{class}' object does not support item assignment"),
                _ => format!("'{class}' object does not support item deletion"),
            };
            return self.type_error(text);
        };
        let done = self.call_value(method, Arguments { values, named: Vec::new() }, then)?;
        if let (Done::Value(value), Then::Push) = (done, then) {
            self.push(value);
        }
        Ok(Some(Flow::Next(Place::Straight)))
    }

    pub(crate) fn subscript(&mut self) -> R<Flow> {
        if let Some(flow) = self.find_item_key(0, 1)? {
            return Ok(flow);
        }
        let (index, object) = (self.pop(), self.pop());
        if let Some(flow) = self.item_method("__getitem__", vec![object, index], Then::Push)? {
            return Ok(flow);
        }
        if let Value::Ref(id) = object
            && let Object::Dict(_, kind) = self.world.heap.get(id)
        {
            let kind = *kind;
            return self.dict_item(id, kind, index);
        }
        let value = self.item(object, index)?;
        self.push(value);
        STRAIGHT
    }

    fn dict_item(&mut self, id: Id, kind: DictKind, index: Value) -> R<Flow> {
        let key = self.key(index)?;
        self.note(Location::Object(id), false);
        let found = match self.world.heap.get(id) {
            Object::Dict(table, _) => table.get(&key),
            _ => None,
        };
        if let Some(value) = found {
            self.push(value);
            return STRAIGHT;
        }
        match kind {
            DictKind::Plain | DictKind::Ordered => Err(self.exception("KeyError", vec![index])),
            DictKind::Counter => {
                // `__missing__` is written in Python.
                self.push(Value::Int(0));
                Ok(Flow::Next(Place::Enter))
            }
            DictKind::Default(factory) => {
                let then = Then::Missing(id, index);
                let done = self.call_value(factory, Arguments::default(), then)?;
                if let Done::Value(value) = done {
                    self.deliver(then, value, None)?;
                }
                STRAIGHT
            }
        }
    }

    /// An item of a sequence.
    pub fn item(&mut self, object: Value, index: Value) -> R<Value> {
        if let (Value::Str(text), Value::Int(_)) = (object, index)
            && let Some(length) = self.strings.ascii(text).map(str::len)
        {
            let at = self.index(index, length, "string")?;
            let one = self.strings.text(text).as_bytes()[at];
            return Ok(Value::Str(self.strings.one(one)));
        }
        if let Value::Str(text) = object {
            let chars: Vec<char> = self.strings.text(text).chars().collect();
            if let Some(places) = self.slice_places(index, chars.len())? {
                let text: String = places.iter().map(|at| chars[*at]).collect();
                return Ok(self.text_value(&text));
            }
            let at = self.index(index, chars.len(), "string")?;
            return Ok(self.text_value(&chars[at].to_string()));
        }
        if let Value::Bytes(text) = object {
            let text = self.strings.get(text);
            let bytes = match text.is_ascii() {
                true => std::borrow::Cow::Borrowed(text.as_bytes()),
                false => self.bytes_of(object).unwrap_or_default().into(),
            };
            if let Some(places) = self.slice_places(index, bytes.len())? {
                let part: Vec<u8> = places.iter().map(|at| bytes[*at]).collect();
                return self.bytes_value(&part);
            }
            let at = self.index(index, bytes.len(), "index")?;
            return Ok(Value::Int(i64::from(bytes[at])));
        }
        let Value::Ref(id) = object else { return self.not_subscriptable(object) };
        self.note(Location::Object(id), false);
        let (items, list, name) = match self.world.heap.get(id) {
            Object::List(items) => {
                // The most frequent access.
                if let Value::Int(at) = index
                    && let Some(item) = usize::try_from(at).ok().and_then(|at| items.get(at))
                {
                    return Ok(*item);
                }
                (items.clone(), true, "list")
            }
            Object::Tuple(items) => (items.clone(), false, "tuple"),
            Object::Deque(deque) => (deque.items.iter().copied().collect(), false, "deque"),
            Object::Range(start, stop, step) => {
                let (start, stop, step) = (*start, *stop, *step);
                let length = range_length(start, stop, step);
                if let Some((from, to, by)) = self.slice_bounds(index, length)? {
                    let at = |place: i64| start.saturating_add(step.saturating_mul(place));
                    let part = Object::Range(at(from), at(to), step.saturating_mul(by));
                    return Ok(self.add(part));
                }
                let at = self.index(index, length, "range object")?;
                return Ok(Value::Int(start + step * i64::try_from(at).unwrap_or(0)));
            }
            _ => return self.not_subscriptable(object),
        };
        if name != "deque"
            && let Some(places) = self.slice_places(index, items.len())?
        {
            self.charge(places.len())?;
            let part: Vec<Value> = places.iter().map(|at| items[*at]).collect();
            return Ok(self.add(if list { Object::List(part) } else { Object::Tuple(part) }));
        }
        let at = self.index(index, items.len(), name)?;
        Ok(items[at])
    }

    fn not_subscriptable<T>(&mut self, object: Value) -> R<T> {
        let name = self.type_name(object);
        self.type_error(format!("'{name}' object is not subscriptable"))
    }

    fn index(&mut self, index: Value, length: usize, name: &str) -> R<usize> {
        let Some(int) = index.as_int() else {
            let given = self.type_name(index);
            let text = match name {
                "string" => format!("string indices must be integers, not '{given}'"),
                "deque" => "sequence index must be integer, not 'slice'".to_owned(),
                "range object" => {
                    format!("range indices must be integers or slices, not {given}")
                }
                _ => format!("{name} indices must be integers or slices, not {given}"),
            };
            return self.type_error(text);
        };
        let length_int = i64::try_from(length).unwrap_or(i64::MAX);
        let at = if int < 0 { int.saturating_add(length_int) } else { int };
        match usize::try_from(at) {
            Ok(at) if at < length => Ok(at),
            _ => Err(self.error("IndexError", format!("{name} index out of range"))),
        }
    }

    pub(crate) fn store_subscript(&mut self) -> R<Flow> {
        if let Some(flow) = self.find_item_key(0, 1)? {
            return Ok(flow);
        }
        let (index, object, value) = (self.pop(), self.pop(), self.pop());
        let values = vec![object, index, value];
        if let Some(flow) = self.item_method("__setitem__", values, Then::Discard)? {
            return Ok(flow);
        }
        let is_slice = |m: &Machine, value: Value| {
            value.id().is_some_and(|id| matches!(m.world.heap.get(id), Object::Slice(_)))
        };
        if is_slice(self, index) && self.needs_python(value) && self.is_iterable(value) {
            let function = self.prelude("_assign_slice");
            let arguments = Arguments { values: vec![object, index, value], named: Vec::new() };
            self.call_value(function, arguments, Then::Discard)?;
            return STRAIGHT;
        }
        self.set_item(object, index, value)?;
        STRAIGHT
    }

    /// Sets an item of a built-in container.
    pub fn set_item(&mut self, object: Value, index: Value, value: Value) -> R<()> {
        self.charge(1)?;
        let Value::Ref(id) = object else { return self.no_assignment(object, "assignment") };
        self.note(Location::Object(id), true);
        let (length, name) = match self.world.heap.get(id) {
            Object::Dict(..) => {
                let key = self.key(index)?;
                if let Object::Dict(table, _) = self.world.heap.get_mut(id) {
                    table.insert(key, index, value);
                }
                return Ok(());
            }
            Object::List(items) => (items.len(), "list assignment"),
            Object::Deque(deque) => (deque.items.len(), "deque"),
            _ => return self.no_assignment(object, "assignment"),
        };
        if let Some(places) = self.slice_places(index, length)? {
            return self.set_slice(id, &places, index, value);
        }
        let at = match self.index(index, length, name) {
            Ok(at) => at,
            Err(_) if index.as_int().is_some() => {
                let text = if name == "deque" {
                    "deque index out of range"
                } else {
                    "list assignment index out of range"
                };
                return Err(self.error("IndexError", text));
            }
            Err(raised) => return Err(raised),
        };
        match self.world.heap.get_mut(id) {
            Object::List(items) => items[at] = value,
            Object::Deque(deque) => deque.items[at] = value,
            _ => {}
        }
        Ok(())
    }

    fn no_assignment<T>(&mut self, object: Value, what: &str) -> R<T> {
        let name = self.type_name(object);
        let verb = if what == "assignment" { "does not" } else { "doesn't" };
        self.type_error(format!("'{name}' object {verb} support item {what}"))
    }

    pub(crate) fn delete_subscript(&mut self) -> R<Flow> {
        if let Some(flow) = self.find_item_key(0, 1)? {
            return Ok(flow);
        }
        let (index, object) = (self.pop(), self.pop());
        let values = vec![object, index];
        if let Some(flow) = self.item_method("__delitem__", values, Then::Discard)? {
            return Ok(flow);
        }
        let Value::Ref(id) = object else { return self.no_assignment(object, "deletion") };
        self.note(Location::Object(id), true);
        let length = match self.world.heap.get(id) {
            Object::Dict(..) => {
                let key = self.key(index)?;
                let removed = match self.world.heap.get_mut(id) {
                    Object::Dict(table, _) => table.remove(&key),
                    _ => None,
                };
                return match removed {
                    Some(_) => STRAIGHT,
                    None => Err(self.exception("KeyError", vec![index])),
                };
            }
            Object::List(items) => items.len(),
            Object::Deque(deque) => deque.items.len(),
            _ => return self.no_assignment(object, "deletion"),
        };
        let places = match self.slice_places(index, length)? {
            Some(places) => places,
            None => vec![self.index(index, length, "list assignment")?],
        };
        let mut places = places;
        places.sort_unstable();
        for at in places.into_iter().rev() {
            match self.world.heap.get_mut(id) {
                Object::List(items) => drop(items.remove(at)),
                Object::Deque(deque) => {
                    deque.changed();
                    deque.items.remove(at);
                }
                _ => {}
            }
        }
        STRAIGHT
    }
}
