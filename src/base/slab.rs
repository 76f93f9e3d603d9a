//! Slots that remember who they were given to: a stale key answers `None`.
//!
//! *Assumes*: the `slab` crate for the slots themselves.
//! *Promises*: a key from a removed entry never reaches the next tenant of its slot, until
//! 2^32 insertions later; O(1) for everything.
//! *Leaves out*: shrinking. Memory stays at the high-water mark.
//!
//! This is what lets every handle of the crate be a plain number: timers, callbacks, sources
//! and tasks are keys, and a key that outlives its entry is harmless.

use slab::Slab;

/// The key of one entry: the slot, and which tenant of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The slot.
    pub index: u32,
    /// Counts insertions into the whole slab, modulo 2^32.
    pub generation: u32,
}

impl Key {
    /// Both halves in one word, for places that can carry only a number (an epoll token).
    pub fn pack(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The inverse of [`pack`](Self::pack).
    pub fn unpack(word: u64) -> Key {
        Key { index: word as u32, generation: (word >> 32) as u32 }
    }
}

/// A slab whose keys carry a generation.
///
/// ```
/// use singletrack::base::slab::GenerationSlab;
///
/// let mut slab = GenerationSlab::new();
/// let old = slab.insert("first");
/// slab.remove(old);
/// let new = slab.insert("second");
/// assert_eq!(old.index, new.index); // the slot is used again …
/// assert_eq!(slab.get(old), None); // … but the old key opens nothing
/// assert_eq!(slab.get(new), Some(&"second"));
/// ```
#[derive(Debug)]
pub struct GenerationSlab<T> {
    entries: Slab<Entry<T>>,
    next_generation: u32,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: T,
}

impl<T> Default for GenerationSlab<T> {
    fn default() -> Self {
        GenerationSlab { entries: Slab::new(), next_generation: 0 }
    }
}

impl<T> GenerationSlab<T> {
    /// An empty slab; it allocates at the first insertion.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `value` into a free slot.
    pub fn insert(&mut self, value: T) -> Key {
        self.insert_with(|_| value)
    }

    /// Puts a value that wants to know its own key into a free slot.
    pub fn insert_with(&mut self, value: impl FnOnce(Key) -> T) -> Key {
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        let slot = self.entries.vacant_entry();
        let key = Key { index: slot.key() as u32, generation };
        slot.insert(Entry { generation, value: value(key) });
        key
    }

    /// The entry, if `key` is its own.
    pub fn get(&self, key: Key) -> Option<&T> {
        match self.entries.get(key.index as usize) {
            Some(entry) if entry.generation == key.generation => Some(&entry.value),
            _ => None,
        }
    }

    /// The entry, if `key` is its own.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.entries.get_mut(key.index as usize) {
            Some(entry) if entry.generation == key.generation => Some(&mut entry.value),
            _ => None,
        }
    }

    /// Takes the entry out, if `key` is its own.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        Some(self.entries.remove(key.index as usize).value)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries with their keys, in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.entries.iter().map(|(index, entry)| {
            (Key { index: index as u32, generation: entry.generation }, &entry.value)
        })
    }
}
