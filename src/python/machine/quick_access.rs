//! Attributes, items and iteration on the objects that they mostly are of.
//!
//! *Promises*: each does all of the instruction and says so, or nothing at all. While accesses are
//! noted it does nothing: the explorer takes the long way, which notes them.
//! *Leaves out*: methods of Python, exceptions, and values that are made on the way.

use crate::python::machine::interpreter::Machine;
use crate::python::value::any::{Id, Value};
use crate::python::value::object::{Iter, Object, Part};
use crate::python::value::strings::StrId;
use crate::python::value::table::Key;
use crate::python::value::types::Type;

/// The key of a value that is its own.
#[inline]
fn quick_key(value: Value) -> Option<Key> {
    match value {
        Value::Int(int) => Some(Key::Int(int)),
        Value::Str(text) => Some(Key::Str(text)),
        _ => None,
    }
}

/// The place in a list that an index means.
#[inline]
fn place(index: i64, length: usize) -> Option<usize> {
    let index = usize::try_from(index).ok().or_else(|| {
        let back = usize::try_from(index.unsigned_abs()).ok()?;
        length.checked_sub(back)
    })?;
    (index < length).then_some(index)
}

impl Machine {
    fn top_object(&self) -> Option<Id> {
        if self.noting { None } else { self.current.stack.last()?.id() }
    }

    /// An object's own attribute.
    pub(crate) fn quick_attribute(&mut self, name: u32) -> bool {
        let Some(object) = self.current.stack.last() else { return false };
        let Some(value) = self.own_attribute(*object, name) else { return false };
        if let Some(top) = self.current.stack.last_mut() {
            *top = value;
        }
        true
    }

    /// The same, of a local.
    pub(crate) fn quick_own(&mut self, base: usize, slot: u16, name: u32) -> bool {
        let object = self.current.stack[base + usize::from(slot)];
        let Some(value) = self.own_attribute(object, name) else { return false };
        self.push(value);
        true
    }

    #[inline]
    fn own_attribute(&self, object: Value, name: u32) -> Option<Value> {
        let (Value::Ref(id), false) = (object, self.noting) else { return None };
        match self.world.heap.get(id) {
            Object::Instance(instance) => instance.attributes.get(self.names[name as usize]),
            _ => None,
        }
    }

    pub(crate) fn quick_set_attribute(&mut self, name: u32) -> bool {
        let Some(id) = self.top_object() else { return false };
        let name = self.names[name as usize];
        let [.., value, _] = self.current.stack[..] else { return false };
        let Object::Instance(instance) = self.world.heap.get(id) else { return false };
        let is_new = instance.attributes.get(name).is_none();
        if self.has_frozen || is_new && (self.has_slots || self.has_properties) {
            return false;
        }
        // A new attribute takes memory.
        if is_new && self.charge(1).is_err() {
            return false;
        }
        if let Object::Instance(instance) = self.world.heap.get_mut(id) {
            instance.attributes.set(name, value);
        }
        let height = self.current.stack.len() - 2;
        self.current.stack.truncate(height);
        true
    }

    /// A method's function takes its object's place, and the object comes behind it.
    pub(crate) fn quick_method(&mut self, name: u32) -> bool {
        let Some(receiver) = self.current.stack.last().copied() else { return false };
        let Some(function) = self.method_function(receiver, name) else { return false };
        if let Some(top) = self.current.stack.last_mut() {
            *top = function;
        }
        self.push(receiver);
        true
    }

    /// The same, of a local.
    pub(crate) fn quick_bound(&mut self, base: usize, slot: u16, name: u32) -> bool {
        let receiver = self.current.stack[base + usize::from(slot)];
        let Some(function) = self.method_function(receiver, name) else { return false };
        self.push(function);
        self.push(receiver);
        true
    }

    fn method_function(&mut self, receiver: Value, name: u32) -> Option<Value> {
        if self.noting {
            return None;
        }
        let name = self.names[name as usize];
        let Value::Ref(id) = receiver else {
            let plain = matches!(receiver, Value::Str(_) | Value::Int(_) | Value::Float(_));
            return if plain { self.kept_method(self.type_of(receiver), name) } else { None };
        };
        match self.world.heap.get(id) {
            Object::Instance(instance) => match instance.attributes.get(name) {
                Some(_) => None,
                None => self.function_of(instance.class, name),
            },
            Object::Class(_) | Object::Local(_) | Object::Function(_) | Object::Asyncio(_) => None,
            _ => self.kept_method(self.type_of(receiver), name),
        }
    }

    /// A method of a built-in type, found by its names only once.
    fn kept_method(&mut self, t: Type, name: StrId) -> Option<Value> {
        if let Some(found) = self.type_methods.get(&(t, name)) {
            return *found;
        }
        let found = self.type_method(t, name);
        self.type_methods.insert((t, name), found);
        found
    }

    /// A function that a class has, or one that it is derived from.
    pub(crate) fn function_of(&self, class: Id, name: StrId) -> Option<Value> {
        let Object::Class(first) = self.world.heap.get(class) else { return None };
        let mut found = first.attributes.get(name);
        for behind in &first.rest {
            if found.is_some() {
                break;
            }
            let Object::Class(behind) = self.world.heap.get(*behind) else { return None };
            found = behind.attributes.get(name);
        }
        found.filter(|value| self.is_function(*value))
    }

    pub(crate) fn quick_item(&mut self) -> bool {
        let [.., object, index] = self.current.stack[..] else { return false };
        let (Value::Ref(id), false) = (object, self.noting) else { return false };
        let item = match (self.world.heap.get(id), index) {
            (Object::List(items) | Object::Tuple(items), Value::Int(index)) => {
                place(index, items.len()).map(|at| items[at])
            }
            (Object::Dict(table, _), key) => table.get_plain(key),
            _ => None,
        };
        item.is_some_and(|item| self.replace_two(item))
    }

    /// Calls `append` of a list, the method that programs call most.
    pub(crate) fn quick_append(&mut self) -> bool {
        let [.., callee, Value::Ref(list), item] = self.current.stack[..] else { return false };
        if callee != self.append || self.noting || self.charge(1).is_err() {
            return false;
        }
        let Object::List(items) = self.world.heap.get_mut(list) else { return false };
        items.push(item);
        let height = self.current.stack.len() - 3;
        self.current.stack.truncate(height);
        self.push(Value::None);
        true
    }

    pub(crate) fn quick_set_item(&mut self) -> bool {
        let [.., value, object, index] = self.current.stack[..] else { return false };
        let (Value::Ref(id), false) = (object, self.noting) else { return false };
        match (self.world.heap.get(id), index) {
            (Object::List(items), Value::Int(index)) => {
                let Some(at) = place(index, items.len()) else { return false };
                if let Object::List(items) = self.world.heap.get_mut(id) {
                    items[at] = value;
                }
            }
            (Object::Dict(..), name) => {
                let Some(key) = quick_key(name) else { return false };
                if self.charge(1).is_err() {
                    return false;
                }
                if let Object::Dict(table, _) = self.world.heap.get_mut(id) {
                    table.insert(key, name, value);
                }
            }
            _ => return false,
        }
        let height = self.current.stack.len() - 3;
        self.current.stack.truncate(height);
        true
    }

    /// Takes a sequence of so many items apart.
    pub(crate) fn quick_unpack(&mut self, count: u32) -> bool {
        let Some(id) = self.top_object() else { return false };
        let (Object::Tuple(items) | Object::List(items)) = self.world.heap.get(id) else {
            return false;
        };
        if items.len() != count as usize {
            return false;
        }
        self.current.stack.pop();
        self.current.stack.extend(items.iter().rev());
        true
    }

    /// Pushes the next item of the iterator on top, or takes that away: there is none.
    pub(crate) fn quick_next(&mut self) -> Option<bool> {
        let item = self.quick_advance(self.top_object()?)?;
        match item {
            Some(item) => self.push(item),
            None => drop(self.pop()),
        }
        Some(item.is_some())
    }

    /// The next item of an iterator, or that there is none.
    pub(crate) fn quick_advance(&mut self, id: Id) -> Option<Option<Value>> {
        let item = match self.world.heap.get(id) {
            Object::Iter(Iter::Range { next, left: 1.., .. }) => Some(Value::Int(*next)),
            Object::Iter(Iter::Range { .. }) => None,
            Object::Iter(Iter::Sequence { of: Value::Ref(of), at }) => {
                match self.world.heap.get(*of) {
                    Object::List(items) | Object::Tuple(items) => items.get(*at).copied(),
                    _ => return None,
                }
            }
            Object::Iter(Iter::Sequence { of: Value::Str(text), at }) => {
                let byte = self.strings.ascii(*text)?.as_bytes().get(*at).copied();
                byte.map(|byte| Value::Str(self.strings.one(byte)))
            }
            Object::Iter(Iter::Table { of, at, size, part }) => {
                return self.quick_entry(id, *of, *at, *size, *part).map(Some);
            }
            Object::Count(next, _) => Some(Value::Int(*next)),
            _ => return None,
        };
        match (self.world.heap.get_mut(id), item) {
            (Object::Iter(Iter::Range { next, left, step }), Some(_)) => {
                *next = next.wrapping_add(*step);
                *left -= 1;
            }
            (Object::Iter(Iter::Sequence { at, .. }), Some(_)) => *at += 1,
            (Object::Iter(iter), _) => *iter = Iter::Done,
            (Object::Count(next, step), _) => *next = next.checked_add(*step)?,
            _ => return None,
        }
        Some(item)
    }

    fn quick_entry(
        &mut self,
        iter: Id,
        of: Id,
        at: usize,
        size: usize,
        part: Part,
    ) -> Option<Value> {
        let (Object::Dict(table, _) | Object::Set(table)) = self.world.heap.get(of) else {
            return None;
        };
        // The last step, and a size that has changed, take the long way.
        let (behind, key, value) = if table.len() == size { table.next(at)? } else { return None };
        let item = match part {
            Part::Keys => key,
            Part::Values => value,
            Part::Items => return None,
        };
        if let Object::Iter(Iter::Table { at, .. }) = self.world.heap.get_mut(iter) {
            *at = behind;
        }
        Some(item)
    }

    /// `in` a dict or a set.
    pub(crate) fn quick_contains(&mut self, wanted: bool) -> bool {
        let [.., item, container] = self.current.stack[..] else { return false };
        let (Value::Ref(id), false) = (container, self.noting) else { return false };
        let (Object::Dict(table, _) | Object::Set(table)) = self.world.heap.get(id) else {
            return false;
        };
        if !matches!(item, Value::Int(_) | Value::Str(_)) {
            return false;
        }
        let found = table.get_plain(item).is_some();
        self.replace_two(Value::Bool(found == wanted))
    }

    /// The value of a cell.
    pub(crate) fn quick_cell(&mut self, at: usize) -> bool {
        let (Value::Ref(id), false) = (self.current.stack[at], self.noting) else { return false };
        match *self.world.heap.get(id) {
            Object::Cell(Value::Unset) => false,
            Object::Cell(value) => {
                self.push(value);
                true
            }
            _ => false,
        }
    }
}
