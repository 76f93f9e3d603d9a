//! The heap: objects in numbered slots, and a journal of what was changed.
//!
//! *Promises*: adding or changing an object costs no allocation and no atomic of the heap's own. While
//! a journal is kept, what was changed can be taken back and done again, at the cost of what was
//! changed, however many objects there are. Memory is counted, and bounded by who asks.
//! *Leaves out*: which objects are still needed (`python/machine/collector.rs`).
//!
//! ```text
//!   begin_change ─ add, get_mut ─ end_change ─▶ Change: the old objects
//!                                                 │ swap ▲
//!      the world before  ◀────────────────────────┴──────┴─────────▶  the world after
//! ```

use crate::python::value::any::Id;
use crate::python::value::object::Object;

/// How many bits of an id are the place within a space.
const PLACE_BITS: u32 = 25;
/// The most spaces: threads with a higher number share the last one.
const MOST_SPACES: usize = 128;

/// Objects by number. Each thread has a space of numbers of its own, so that what one thread makes
/// has the same number whatever the others make meanwhile.
///
/// ```
/// use singletrack::python::value::any::Value;
/// use singletrack::python::value::heap::{Change, Heap};
/// use singletrack::python::value::object::Object;
///
/// let mut heap = Heap::default();
/// let cell = heap.add(Object::Cell(Value::Int(1)));
/// heap.fix();
/// heap.begin_change();
/// *heap.get_mut(cell) = Object::Cell(Value::Int(2));
/// let mut change = Change::default();
/// heap.end_change(&mut change);
/// heap.swap(&mut change);
/// assert!(matches!(heap.get(cell), Object::Cell(Value::Int(1))));
/// heap.swap(&mut change);
/// assert!(matches!(heap.get(cell), Object::Cell(Value::Int(2))));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Heap {
    spaces: Vec<Space>,
    /// Whose turn it is to make objects.
    space: usize,
    /// Objects and their items that were made since the last collection, about.
    charged: usize,
    journal: Option<Box<Journal>>,
}

/// The objects of a thread.
#[derive(Debug, Clone, Default)]
struct Space {
    slots: Vec<Object>,
    /// The slots behind these are empty: what was in them was taken back.
    used: usize,
    free: Vec<u32>,
    /// So many were there when the journal began. They keep their numbers.
    fixed: usize,
    /// In which change each slot was last written down, and behind which checkpoint.
    stamps: Vec<(u32, u32)>,
}

#[derive(Debug, Clone, Default)]
struct Journal {
    /// What was in the slots that this change has changed.
    old: Vec<(Id, Object)>,
    shape: Shape,
    /// What was in slots at the checkpoint, if that is not what was in them before the change.
    inner: Vec<(Id, Object)>,
    /// Whether there is a checkpoint.
    kept: bool,
    /// The numbers of this change, and of its last checkpoint.
    stamp: (u32, u32),
    /// What was in fixed slots that were changed ever, when the journal began; by number.
    originals: Vec<(Id, Object)>,
}

/// How many slots are used, and which of them are free; and the count of memory.
#[derive(Debug, Clone, Default)]
struct Shape {
    spaces: Vec<(usize, Vec<u32>)>,
    charged: usize,
}

/// What a heap had before a change, or has after it.
#[derive(Debug, Clone, Default)]
pub struct Change {
    objects: Vec<(Id, Object)>,
    shape: Shape,
}

/// A place within a change to go back to. What it does not hold is not changed behind it.
#[derive(Debug)]
pub struct Checkpoint {
    entries: usize,
    used: usize,
    free: Vec<u32>,
    charged: usize,
}

static FREE: Object = Object::Free;

fn split(id: Id) -> (usize, usize) {
    ((id.0 >> PLACE_BITS) as usize, (id.0 & ((1 << PLACE_BITS) - 1)) as usize)
}

fn joined(space: usize, place: usize) -> Id {
    // The bound on memory stops a program long before the places are used up.
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    Id(u32::try_from(space).unwrap_or(0) << PLACE_BITS | place)
}

impl Heap {
    /// From now on this thread makes objects.
    pub fn enter(&mut self, thread: usize) {
        self.space = thread.min(MOST_SPACES - 1);
        if self.spaces.len() <= self.space {
            self.spaces.resize_with(self.space + 1, Space::default);
        }
    }

    /// Keeps an object.
    pub fn add(&mut self, object: Object) -> Id {
        self.charged += 4;
        if self.spaces.is_empty() {
            self.enter(self.space);
        }
        let own = &mut self.spaces[self.space];
        let place = match own.free.pop() {
            Some(place) => place as usize,
            None => {
                own.used += 1;
                own.used - 1
            }
        };
        if place == own.slots.len() {
            own.slots.push(Object::Free);
        }
        if self.journal.is_some() {
            self.write_down(self.space, place);
        }
        self.spaces[self.space].slots[place] = object;
        joined(self.space, place)
    }

    /// An object.
    pub fn get(&self, id: Id) -> &Object {
        let (space, place) = split(id);
        self.spaces.get(space).and_then(|own| own.slots.get(place)).unwrap_or(&FREE)
    }

    /// An object, to be changed.
    pub fn get_mut(&mut self, id: Id) -> &mut Object {
        let (space, place) = split(id);
        if self.journal.is_some() {
            self.write_down(space, place);
        }
        &mut self.spaces[space].slots[place]
    }

    /// All objects.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.spaces.iter().flat_map(|own| &own.slots[..own.used])
    }

    /// How many slots there are.
    pub fn len(&self) -> usize {
        self.spaces.iter().map(|own| own.used).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For each space, how many slots there are before it.
    pub fn offsets(&self) -> Vec<usize> {
        let mut sum = 0;
        let mut offsets = Vec::with_capacity(self.spaces.len());
        for own in &self.spaces {
            offsets.push(sum);
            sum += own.used;
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

    /// Frees what is not marked, and counts the rest anew. What is fixed stays; and while there is a
    /// checkpoint to go back to, all does.
    pub fn sweep(&mut self, marked: &[bool], charged: usize) {
        if self.journal.as_ref().is_some_and(|journal| journal.kept) {
            self.charged = charged;
            return;
        }
        let mut number = 0;
        for space in 0..self.spaces.len() {
            let used = self.spaces[space].used;
            let mut free = Vec::new();
            for place in 0..used {
                let own = &self.spaces[space];
                let kept = place < own.fixed || marked.get(number).copied().unwrap_or(false);
                number += 1;
                if kept {
                    continue;
                }
                if !matches!(own.slots[place], Object::Free) {
                    *self.get_mut(joined(space, place)) = Object::Free;
                }
                free.push(u32::try_from(place).unwrap_or(u32::MAX));
            }
            free.reverse();
            self.spaces[space].free = free;
        }
        self.charged = charged;
    }
}

/// The journal.
impl Heap {
    /// Begins the journal: what there is keeps its numbers from now on.
    pub fn fix(&mut self) {
        for own in &mut self.spaces {
            own.fixed = own.used;
            // A list of what is free would be copied and compared with every change.
            own.free = Vec::new();
            own.stamps = vec![(0, 0); own.slots.len()];
        }
        self.journal = Some(Box::default());
    }

    /// Whether an object was there when the journal began.
    pub fn is_fixed(&self, id: Id) -> bool {
        let (space, place) = split(id);
        self.spaces.get(space).is_some_and(|own| place < own.fixed)
    }

    /// The fixed objects that were changed ever, as they were at first, by number.
    pub fn originals(&self) -> &[(Id, Object)] {
        self.journal.as_ref().map_or(&[], |journal| &journal.originals)
    }

    /// The space of an object, and its place in it.
    pub fn place(id: Id) -> (usize, usize) {
        split(id)
    }

    /// Keeps what is in a slot: once a change, and once a checkpoint.
    fn write_down(&mut self, space: usize, place: usize) {
        let Some(journal) = &mut self.journal else { return };
        let own = &mut self.spaces[space];
        if own.stamps.len() < own.slots.len() {
            own.stamps.resize(own.slots.len(), (0, 0));
        }
        let (change, inner) = std::mem::replace(&mut own.stamps[place], journal.stamp);
        let id = joined(space, place);
        if change == journal.stamp.0 {
            if journal.kept && inner != journal.stamp.1 {
                journal.inner.push((id, own.slots[place].clone()));
            }
            return;
        }
        let old = own.slots[place].clone();
        if place < own.fixed
            && let Err(at) = journal.originals.binary_search_by_key(&id, |(other, _)| *other)
        {
            journal.originals.insert(at, (id, old.clone()));
        }
        journal.old.push((id, old));
    }

    /// From now on, what is changed is written down.
    pub fn begin_change(&mut self) {
        let Some(journal) = &mut self.journal else { return };
        journal.old.clear();
        journal.kept = false;
        journal.stamp.0 += 1;
        let Shape { spaces, charged } = &mut journal.shape;
        *charged = self.charged;
        spaces.resize_with(self.spaces.len(), Default::default);
        for ((used, free), own) in spaces.iter_mut().zip(&self.spaces) {
            *used = own.used;
            free.clone_from(&own.free);
        }
    }

    /// What the heap had before.
    pub fn end_change(&mut self, change: &mut Change) {
        change.objects.clear();
        let Some(journal) = &mut self.journal else { return };
        std::mem::swap(&mut journal.old, &mut change.objects);
        std::mem::swap(&mut journal.shape, &mut change.shape);
        let same = |((used, free), own): (&(usize, Vec<u32>), &Space)| {
            *used == own.used && *free == own.free
        };
        let spaces = &mut change.shape.spaces;
        if spaces.len() == self.spaces.len() && spaces.iter().zip(&self.spaces).all(same) {
            spaces.clear();
        }
    }

    /// Takes a change back; or does it again, if it was taken back.
    pub fn swap(&mut self, change: &mut Change) {
        for (id, object) in &mut change.objects {
            let (space, place) = split(*id);
            std::mem::swap(&mut self.spaces[space].slots[place], object);
        }
        self.charged = std::mem::replace(&mut change.shape.charged, self.charged);
        let shape = &mut change.shape.spaces;
        if shape.is_empty() {
            // Nothing was made, and nothing freed.
            return;
        }
        shape.resize_with(self.spaces.len(), Default::default);
        for (own, (used, free)) in self.spaces.iter_mut().zip(shape) {
            std::mem::swap(&mut own.used, used);
            std::mem::swap(&mut own.free, free);
        }
    }

    /// A place to go back to, as long as only this thread makes objects.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let mut entries = 0;
        if let Some(journal) = &mut self.journal {
            journal.kept = true;
            journal.inner.clear();
            journal.stamp.1 += 1;
            entries = journal.old.len();
        }
        let (used, free) = match self.spaces.get(self.space) {
            Some(own) => (own.used, own.free.clone()),
            None => (0, Vec::new()),
        };
        Checkpoint { entries, used, free, charged: self.charged }
    }

    /// The checkpoint is not needed any more.
    pub fn commit(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.kept = false;
        }
    }

    /// Takes back what was changed since.
    pub fn go_back(&mut self, to: Checkpoint) {
        let Some(journal) = &mut self.journal else { return };
        journal.kept = false;
        for (id, object) in journal.inner.drain(..) {
            let (space, place) = split(id);
            self.spaces[space].slots[place] = object;
        }
        for (id, object) in journal.old.drain(to.entries..) {
            let (space, place) = split(id);
            self.spaces[space].slots[place] = object;
            // It is as it was before the change, and is written down if it is changed again.
            self.spaces[space].stamps[place] = (0, 0);
        }
        self.charged = to.charged;
        if let Some(own) = self.spaces.get_mut(self.space) {
            own.used = to.used;
            own.free = to.free;
        }
    }
}

impl Change {
    /// The change, in memory of its own; what is left is empty.
    pub fn moved(&mut self) -> Change {
        let spaces = self.shape.spaces.drain(..).collect();
        let shape = Shape { spaces, charged: self.shape.charged };
        Change { objects: self.objects.drain(..).collect(), shape }
    }

    /// How many bytes it has, about.
    pub fn bytes(&self) -> usize {
        let entry = size_of::<(Id, Object)>() + 32;
        self.objects.len() * entry + self.shape.spaces.len() * 32
    }
}
