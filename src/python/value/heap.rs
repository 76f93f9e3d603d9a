//! The heap: objects in numbered slots.
//!
//! *Promises*: a copy of a heap costs a count for each object, and an object is copied only when
//! one of the copies changes it; memory is counted, and bounded by who asks.
//! *Leaves out*: which objects are still needed (`machine/collector.rs`).

use crate::python::value::object::Object;
use crate::python::value::value::Id;
use std::rc::Rc;

/// Objects by number.
#[derive(Debug, Clone, Default)]
pub struct Heap {
    slots: Vec<Rc<Object>>,
    free: Vec<u32>,
    /// Objects and their items that were made since the last collection, about.
    charged: usize,
}

static FREE: Object = Object::Free;

impl Heap {
    /// Keeps an object.
    pub fn add(&mut self, object: Object) -> Id {
        self.charged += 4;
        if let Some(number) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(number as usize)
        {
            *slot = Rc::new(object);
            return Id(number);
        }
        self.slots.push(Rc::new(object));
        Id(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
    }

    /// An object.
    pub fn get(&self, id: Id) -> &Object {
        self.slots.get(id.0 as usize).map_or(&FREE, |object| object)
    }

    /// An object, to be changed.
    pub fn get_mut(&mut self, id: Id) -> &mut Object {
        let at = (id.0 as usize).min(self.slots.len().saturating_sub(1));
        Rc::make_mut(&mut self.slots[at])
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Counts memory for so many items.
    pub fn charge(&mut self, items: usize) {
        self.charged = self.charged.saturating_add(items);
    }

    /// What was counted since the last collection.
    pub fn charged(&self) -> usize {
        self.charged
    }

    /// Counts anew.
    pub fn recount(&mut self, charged: usize) {
        self.charged = charged;
    }

    /// Frees what is not marked, and counts the rest anew.
    pub fn sweep(&mut self, marked: &[bool], charged: usize) {
        self.free.clear();
        for (number, slot) in self.slots.iter_mut().enumerate().rev() {
            if !marked.get(number).copied().unwrap_or(false) {
                *slot = Rc::new(Object::Free);
                self.free.push(u32::try_from(number).unwrap_or(u32::MAX));
            }
        }
        self.charged = charged;
    }
}
