//! Iteration: what a `for` takes its items from, and generators.
//!
//! *Promises*: a step of a built-in iterator is one step; a generator's is a frame; a dict that
//! changes its size meanwhile raises, as in CPython.
//! *Leaves out*: `map`, `zip` and their kin (`zipping.rs`, and the prelude).

use crate::gil::rules::switch_point::SwitchPoint;
use crate::python::code::instruction::Place;
use crate::python::code::program::{Code, CodeKind};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Flow, Location, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{DictKind, Generator, Iter, Object, Part};

const STRAIGHT: R<Flow> = Ok(Flow::Next(Place::Straight));

impl Machine {
    /// Whether a value can be iterated over.
    pub fn is_iterable(&mut self, value: Value) -> bool {
        match value {
            Value::Str(_) | Value::Bytes(_) => true,
            Value::Ref(id) => match self.world.heap.get(id) {
                Object::Tuple(_)
                | Object::List(_)
                | Object::Dict(..)
                | Object::Set(_)
                | Object::Deque(..)
                | Object::Range(..)
                | Object::View(..)
                | Object::Generator(_)
                | Object::Iter(_)
                | Object::Count(..) => true,
                Object::Instance(_) => {
                    let names = ["__iter__", "__getitem__"].map(|name| self.strings.intern(name));
                    names.into_iter().any(|name| self.class_attribute(value, name).is_some())
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether iterating over a value runs Python code.
    pub fn needs_python(&self, value: Value) -> bool {
        let object = value.id().map(|id| self.world.heap.get(id));
        matches!(
            object,
            Some(Object::Generator(_) | Object::Instance(_) | Object::Iter(_) | Object::Count(..))
        )
    }

    /// From now on threads run at the same time: what C does with one item after the other are as
    /// many steps. What locks the object meanwhile stays one.
    pub fn without_lock(&mut self) {
        let names = ["_collect", "_sum", "_any", "_all", "_min", "_max", "_contains"];
        let codes = self.program.codes.iter();
        let native = |code: &Code| code.kind == CodeKind::Native;
        self.item_by_item =
            codes.map(|code| native(code) && names.contains(&code.name.as_str())).collect();
    }

    /// Whether the innermost call stands for C that others can run beside.
    pub(crate) fn is_item_by_item(&self) -> bool {
        let code = self.current.frames.last().map_or(0, |frame| frame.code as usize);
        self.item_by_item.get(code).copied().unwrap_or(false)
    }

    /// Whether going through a value is more than one step: it runs Python code, or others run beside
    /// it.
    pub fn needs_steps(&self, value: Value) -> bool {
        let object = value.id().map(|id| self.world.heap.get(id));
        let shared = matches!(
            object,
            Some(Object::List(_) | Object::Dict(..) | Object::Set(_) | Object::View(..))
        );
        self.needs_python(value) || (shared && !self.item_by_item.is_empty())
    }

    /// All items of a built-in container.
    pub fn items(&mut self, value: Value) -> R<Vec<Value>> {
        let mut items = Vec::new();
        let mut iter = match self.iter_over(value) {
            Some(iter) => iter,
            None => {
                let name = self.type_name(value);
                return self.type_error(format!("'{name}' object is not iterable"));
            }
        };
        if let Some(length) = self.length(value) {
            self.charge(length)?;
        }
        while let Some(item) = self.advance(&mut iter)? {
            items.push(item);
        }
        Ok(items)
    }

    /// An iterator over a built-in container.
    pub fn iter_over(&mut self, value: Value) -> Option<Iter> {
        if let Value::Str(_) | Value::Bytes(_) = value {
            return Some(Iter::Sequence { of: value, at: 0 });
        }
        let id = value.id()?;
        // How many there are, or how often it was changed, is looked at now.
        let looks_at = match self.world.heap.get(id) {
            Object::Dict(..) | Object::Set(_) | Object::Deque(_) => Some(id),
            Object::View(of, _) => Some(*of),
            _ => None,
        };
        if let Some(id) = looks_at {
            self.note(Location::Object(id), false);
        }
        Some(match self.world.heap.get(id) {
            Object::Tuple(_) | Object::List(_) => Iter::Sequence { of: value, at: 0 },
            Object::Deque(deque) => {
                let changes = deque.changes.unwrap_or(0);
                if deque.changes.is_none()
                    && let Object::Deque(deque) = self.world.heap.get_mut(id)
                {
                    deque.changes = Some(0);
                }
                Iter::Deque { of: id, at: 0, changes }
            }
            Object::Range(start, stop, step) => {
                let left = crate::python::machine::comparison::range_length(*start, *stop, *step);
                let left = i64::try_from(left).unwrap_or(i64::MAX);
                Iter::Range { next: *start, left, step: *step }
            }
            Object::Dict(table, _) | Object::Set(table) => {
                Iter::Table { of: id, at: 0, size: table.len(), part: Part::Keys }
            }
            Object::View(of, part) => {
                let (of, part) = (*of, *part);
                let size = self.length(Value::Ref(of)).unwrap_or(0);
                Iter::Table { of, at: 0, size, part }
            }
            Object::Iter(Iter::Map { .. }) => return None,
            Object::Iter(iter) => iter.clone(),
            Object::Instance(_) => Iter::Sequence { of: self.named_values(value)?, at: 0 },
            _ => return None,
        })
    }

    /// The next item of a built-in iterator.
    pub fn advance(&mut self, iter: &mut Iter) -> R<Option<Value>> {
        let item = match iter {
            Iter::Done | Iter::Map { .. } => None,
            // One part may have no more today, and the others go on.
            Iter::Zip { of, counted, .. } => return self.next_of_each(*of, *counted),
            Iter::Range { next, left, step } => (*left > 0).then(|| {
                let item = *next;
                *left -= 1;
                *next = next.wrapping_add(*step);
                Value::Int(item)
            }),
            Iter::Sequence { of: Value::Str(text), at } => {
                let rest = self.strings.text(*text).get(*at..).unwrap_or("");
                let next = rest.chars().next();
                *at += next.map_or(0, char::len_utf8);
                next.map(|c| self.text_value(c.encode_utf8(&mut [0; 4])))
            }
            Iter::Sequence { of: Value::Bytes(text), at } => {
                let rest = self.strings.text(*text).get(*at..).unwrap_or("");
                let next = rest.chars().next();
                *at += next.map_or(0, char::len_utf8);
                next.map(|byte| Value::Int(i64::from(u32::from(byte))))
            }
            Iter::Sequence { of, at } => {
                let Value::Ref(id) = *of else { return Ok(None) };
                self.note(Location::Object(id), false);
                let item = match self.world.heap.get(id) {
                    Object::Tuple(items) | Object::List(items) => items.get(*at).copied(),
                    Object::Deque(deque) => deque.items.get(*at).copied(),
                    _ => None,
                };
                *at += 1;
                item
            }
            Iter::Deque { of, at, changes } => {
                self.note(Location::Object(*of), false);
                let Object::Deque(deque) = self.world.heap.get(*of) else { return Ok(None) };
                if deque.changes != Some(*changes) {
                    return Err(self.error("RuntimeError", "deque mutated during iteration"));
                }
                *at += 1;
                deque.items.get(*at - 1).copied()
            }
            Iter::Reversed { of, left } => {
                self.note(Location::Object(*of), false);
                if *left == 0 {
                    *iter = Iter::Done;
                    return Ok(None);
                }
                *left -= 1;
                match self.world.heap.get(*of) {
                    Object::Tuple(items) | Object::List(items) => items.get(*left).copied(),
                    _ => None,
                }
            }
            Iter::Table { of, at, size, part } => {
                let (of, part) = (*of, *part);
                let found = self.next_entry(of, *at, *size);
                if found.is_err() {
                    // It stays so, whatever becomes of the size.
                    *size = usize::MAX;
                }
                match found? {
                    None => None,
                    Some((next, key, value)) => {
                        *at = next;
                        Some(match part {
                            Part::Keys => key,
                            Part::Values => value,
                            Part::Items => self.add(Object::Tuple(vec![key, value])),
                        })
                    }
                }
            }
        };
        if item.is_none() {
            *iter = Iter::Done;
        }
        Ok(item)
    }

    fn next_entry(&mut self, of: Id, at: usize, size: usize) -> R<Option<(usize, Value, Value)>> {
        self.note(Location::Object(of), false);
        let (text, table) = match self.world.heap.get(of) {
            Object::Dict(table, DictKind::Ordered) => {
                ("OrderedDict mutated during iteration", table)
            }
            Object::Dict(table, _) => ("dictionary changed size during iteration", table),
            Object::Set(table) => ("Set changed size during iteration", table),
            _ => return Ok(None),
        };
        if table.len() != size {
            return Err(self.error("RuntimeError", text));
        }
        Ok(table.next(at))
    }

    pub(crate) fn get_iter(&mut self) -> R<Flow> {
        let value = self.pop();
        if let Done::Value(value) = self.iterator(value)? {
            self.push(value);
        }
        STRAIGHT
    }

    /// Python's `iter`.
    pub fn iterator(&mut self, value: Value) -> R<Done> {
        if let Value::Ref(id) = value {
            match self.world.heap.get(id) {
                Object::Generator(_) | Object::Iter(_) | Object::Count(..) => {
                    return Ok(Done::Value(value));
                }
                Object::Instance(_) => {
                    let name = self.strings.intern("__iter__");
                    if let Some(method) = self.class_attribute(value, name) {
                        let arguments = Arguments { values: vec![value], named: Vec::new() };
                        return self.call_value(method, arguments, Then::Push);
                    }
                    let name = self.strings.intern("__getitem__");
                    if self.class_attribute(value, name).is_some() {
                        let function = self.prelude("_ByIndex");
                        let arguments = Arguments { values: vec![value], named: Vec::new() };
                        return self.call_value(function, arguments, Then::Push);
                    }
                }
                _ => {}
            }
        }
        match self.iter_over(value) {
            Some(iter) => Ok(Done::Value(self.add(Object::Iter(iter)))),
            None => {
                let name = self.type_name(value);
                self.type_error(format!("'{name}' object is not iterable"))
            }
        }
    }

    pub(crate) fn for_iter(&mut self, to: u32) -> R<Flow> {
        let iterator = self.peek(0);
        match self.next_item(iterator, Then::Item(to))? {
            Some(Done::Value(item)) => self.push(item),
            Some(_) => {}
            None => {
                self.pop();
                self.frame().at = to;
            }
        }
        STRAIGHT
    }

    /// The next item of any iterator; `None` if there is no more.
    pub fn next_item(&mut self, iterator: Value, then: Then) -> R<Option<Done>> {
        let Value::Ref(id) = iterator else { return self.not_an_iterator(iterator) };
        match self.world.heap.get(id) {
            Object::Iter(Iter::Map { call, of }) => {
                let (call, of) = (*call, *of);
                self.next_mapped(id, call, of, then)
            }
            Object::Iter(_) | Object::Count(..) => Ok(self.next_plain(id)?.map(Done::Value)),
            Object::Generator(_) => self.resume(id, Value::None, then),
            Object::Instance(_) => {
                let name = self.strings.intern("__next__");
                match self.class_attribute(iterator, name) {
                    Some(method) => {
                        let arguments = Arguments { values: vec![iterator], named: Vec::new() };
                        self.call_value(method, arguments, then).map(Some)
                    }
                    None => self.not_an_iterator(iterator),
                }
            }
            _ => self.not_an_iterator(iterator),
        }
    }

    fn not_an_iterator<T>(&mut self, value: Value) -> R<T> {
        let name = self.type_name(value);
        self.type_error(format!("'{name}' object is not an iterator"))
    }

    /// Lets a generator go on; what it yields next goes to `then`.
    pub fn resume(&mut self, id: Id, sent: Value, then: Then) -> R<Option<Done>> {
        self.note(Location::Object(id), true);
        let state = match self.world.heap.get_mut(id) {
            Object::Generator(state) => std::mem::replace(state, Generator::Running),
            _ => Generator::Done,
        };
        match state {
            Generator::Running => self.value_error("generator already executing"),
            Generator::Done => {
                *self.world.heap.get_mut(id) = Object::Generator(Generator::Done);
                Ok(None)
            }
            Generator::Suspended(mut frame, mut values) => {
                if self.current.frames.len() >= self.limits.frames {
                    let state = Generator::Suspended(frame, values);
                    *self.world.heap.get_mut(id) = Object::Generator(state);
                    let text = "maximum recursion depth exceeded";
                    return Err(self.error("RecursionError", text));
                }
                frame.then = then;
                frame.back = SwitchPoint::Straight;
                frame.base = u32::try_from(self.current.stack.len()).unwrap_or(u32::MAX);
                self.current.stack.append(&mut values);
                self.spare.give(values);
                if frame.at > 0 {
                    self.push(sent);
                }
                let depth = self.current.frames.len();
                self.current.rounds.retain(|round| (round.depth as usize) < depth);
                self.current.frames.push(frame);
                Ok(Some(Done::Entered))
            }
        }
    }

    /// A generator yields: its frame goes back into the heap.
    pub(crate) fn yield_value(&mut self) -> R<Flow> {
        let value = self.pop();
        let Some((frame, values)) = self.pop_frame() else { return STRAIGHT };
        let (then, back) = (frame.then, frame.back);
        if let Some(id) = frame.generator {
            let state = Generator::Suspended(frame, values);
            *self.world.heap.get_mut(id) = Object::Generator(state);
        }
        self.deliver(then, value, None)?;
        Ok(Flow::Next(back.into()))
    }

    /// A generator has returned: there is no more.
    pub(crate) fn exhausted(&mut self, then: Then, value: Value, back: SwitchPoint) -> R<Flow> {
        match then {
            Then::Delegated => {
                self.pop();
                self.push(value);
            }
            Then::Item(to) => {
                self.pop();
                self.frame().at = to;
            }
            Then::Next(default) if default != Value::Unset => self.push(default),
            Then::Discard => {}
            _ => {
                let values = if value == Value::None { Vec::new() } else { vec![value] };
                return Err(self.exception("StopIteration", values));
            }
        }
        Ok(Flow::Next(back.into()))
    }
}
