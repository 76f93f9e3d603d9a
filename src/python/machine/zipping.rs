//! `zip`, `enumerate` and `map` over what calls no Python: iterators that hold iterators.
//!
//! *Promises*: a step of `zip` or `enumerate` is one step, as in C, and a step of `map` is its call.
//! *Leaves out*: those over generators and objects, and `strict`, which the prelude writes.
//!
//! ```text
//! enumerate(zip(a, b))    Zip ──▶ (Count, Zip ──▶ (Sequence, Sequence))
//! ```

use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::{Arguments, Done, Location, R};
use crate::python::value::any::{Id, Value};
use crate::python::value::frame::Then;
use crate::python::value::object::{Iter, Object};

/// How many iterators can take a step at once: so that their calls are not too deep in each other, and that
/// zips of zips are not a bomb.
pub const MOST_STEPS: u8 = 100;

impl Machine {
    /// An iterator over all of them at once; none if one may call Python.
    pub fn zipped(&mut self, values: &[Value], counted: bool) -> Option<Value> {
        let (mut parts, mut steps) = (Vec::with_capacity(values.len()), 1_usize);
        for value in values {
            let (part, its) = self.plain_iterator(*value)?;
            steps += usize::from(its);
            parts.push(Value::Ref(part));
        }
        let steps = u8::try_from(steps).ok().filter(|steps| *steps <= MOST_STEPS)?;
        let of = self.world.heap.add(Object::Tuple(parts));
        Some(self.add(Object::Iter(Iter::Zip { of, steps, counted })))
    }

    /// An iterator over what a Python function makes of each of them; none if their iterator may call Python
    /// itself, or if the function is another: what is C may wait, and then takes the same item again.
    pub fn mapped(&mut self, call: Value, items: Value) -> Option<Value> {
        if !matches!(self.world.heap.get(call.id()?), Object::Function(_)) {
            return None;
        }
        let (of, _) = self.plain_iterator(items)?;
        Some(self.add(Object::Iter(Iter::Map { call, of })))
    }

    /// An iterator that calls no Python, and how many take a step with it.
    fn plain_iterator(&mut self, value: Value) -> Option<(Id, u8)> {
        match value.id().map(|id| (id, self.world.heap.get(id))) {
            Some((_, Object::Iter(Iter::Map { .. }) | Object::Instance(_))) => None,
            Some((id, Object::Iter(Iter::Zip { steps, .. }))) => Some((id, *steps)),
            Some((id, Object::Iter(_) | Object::Count(..))) => Some((id, 1)),
            _ => {
                let iter = self.iter_over(value)?;
                Some((self.world.heap.add(Object::Iter(iter)), 1))
            }
        }
    }

    /// One item of each, as a tuple; none as soon as one has no more. `enumerate` counts what it has got.
    pub(crate) fn next_of_each(&mut self, of: Id, counted: bool) -> R<Option<Value>> {
        let Object::Tuple(parts) = self.world.heap.get(of) else { return Ok(None) };
        let count = parts.len();
        self.charge(1 + count)?;
        let mut items = Vec::with_capacity(count);
        for at in 0..count {
            let at = if counted { count - 1 - at } else { at };
            let Object::Tuple(parts) = self.world.heap.get(of) else { return Ok(None) };
            let Value::Ref(part) = parts[at] else { return Ok(None) };
            let Some(item) = self.next_plain(part)? else { return Ok(None) };
            items.push(item);
        }
        if counted {
            items.reverse();
        }
        Ok((count > 0).then(|| self.add(Object::Tuple(items))))
    }

    /// The next item of an iterator that calls no Python.
    pub(crate) fn next_plain(&mut self, id: Id) -> R<Option<Value>> {
        if !self.noting
            && let Some(item) = self.quick_advance(id)
        {
            return Ok(item);
        }
        self.note(Location::Object(id), true);
        match self.world.heap.get(id) {
            Object::Iter(Iter::Zip { of, counted, .. }) => {
                let (of, counted) = (*of, *counted);
                self.next_of_each(of, counted)
            }
            Object::Iter(iter) => {
                let mut iter = iter.clone();
                let item = self.advance(&mut iter);
                *self.world.heap.get_mut(id) = Object::Iter(iter);
                item
            }
            Object::Count(next, step) => {
                let (next, step) = (*next, *step);
                let behind = self.fitting(next.checked_add(step))?;
                *self.world.heap.get_mut(id) = Object::Count(behind, step);
                Ok(Some(Value::Int(next)))
            }
            _ => Ok(None),
        }
    }

    /// Calls a `map`'s function with the next item.
    pub(crate) fn next_mapped(
        &mut self,
        id: Id,
        call: Value,
        of: Id,
        then: Then,
    ) -> R<Option<Done>> {
        self.note(Location::Object(id), false);
        let function = match call.id().map(|id| self.world.heap.get(id)) {
            Some(Object::Function(function)) => function.clone(),
            _ => return self.type_error("a map calls a function"),
        };
        let Some(item) = self.next_plain(of)? else { return Ok(None) };
        let arguments = Arguments { values: vec![item], named: Vec::new() };
        self.enter_function(&function, arguments, then).map(Some)
    }
}
