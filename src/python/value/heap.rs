//! The heap: objects in numbered slots.
//!
//! *Promises*: a copy of a heap costs a count for each object, and an object is copied only when
//! one of the copies changes it; memory is counted, and bounded by who asks.
//! *Leaves out*: which objects are still needed (`python/machine/collector.rs`).

use crate::python::value::any::Id;
use crate::python::value::object::Object;
use std::sync::Arc;

/// How many bits of an id are the place within a space.
const PLACE_BITS: u32 = 25;

/// Objects by number. Each thread has a space of numbers of its own, so that what one thread makes
/// has the same number whatever the others make meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Heap {
    spaces: Vec<Vec<Arc<Object>>>,
    free: Vec<Vec<u32>>,
    /// Whose turn it is to make objects.
    space: usize,
    /// Objects and their items that were made since the last collection, about.
    charged: usize,
}

static FREE: Object = Object::Free;

fn split(id: Id) -> (usize, usize) {
    ((id.0 >> PLACE_BITS) as usize, (id.0 & ((1 << PLACE_BITS) - 1)) as usize)
}

impl Heap {
    /// From now on this thread makes objects.
    pub fn enter(&mut self, thread: usize) {
        self.space = thread.min(127);
        if self.spaces.len() <= self.space {
            self.spaces.resize_with(self.space + 1, Vec::new);
            self.free.resize_with(self.space + 1, Vec::new);
        }
    }

    /// Keeps an object.
    pub fn add(&mut self, object: Object) -> Id {
        self.charged += 4;
        self.enter(self.space);
        let space = &mut self.spaces[self.space];
        let place = match self.free[self.space].pop() {
            Some(place) => {
                space[place as usize] = Arc::new(object);
                place
            }
            None => {
                space.push(Arc::new(object));
                u32::try_from(space.len() - 1).unwrap_or(u32::MAX)
            }
        };
        // The bound on memory stops a program long before the places are used up.
        Id(u32::try_from(self.space).unwrap_or(0) << PLACE_BITS | place)
    }

    /// An object.
    pub fn get(&self, id: Id) -> &Object {
        let (space, place) = split(id);
        self.spaces.get(space).and_then(|space| space.get(place)).map_or(&FREE, |object| object)
    }

    /// An object, to be changed.
    pub fn get_mut(&mut self, id: Id) -> &mut Object {
        let (space, place) = split(id);
        Arc::make_mut(&mut self.spaces[space][place])
    }

    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.spaces.iter().flatten().map(|object| &**object)
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.spaces.iter().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For each space, how many slots there are before it.
    pub fn offsets(&self) -> Vec<usize> {
        let mut sum = 0;
        let mut offsets = Vec::with_capacity(self.spaces.len());
        for space in &self.spaces {
            offsets.push(sum);
            sum += space.len();
        }
        offsets
    }

    /// A number below [`len`](Self::len) for an object, different for each.
    pub fn dense(offsets: &[usize], id: Id) -> usize {
        let (space, place) = split(id);
        offsets.get(space).copied().unwrap_or(0) + place
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
        let mut number = 0;
        for (slots, free) in self.spaces.iter_mut().zip(&mut self.free) {
            free.clear();
            for (place, slot) in (0..).zip(slots) {
                if !marked.get(number).copied().unwrap_or(false) {
                    *slot = Arc::new(Object::Free);
                    free.push(place);
                }
                number += 1;
            }
            free.reverse();
        }
        self.charged = charged;
    }
}
