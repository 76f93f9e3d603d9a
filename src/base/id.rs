//! Ids and keys: numbers for loops, tasks and slots that notice when they are stale.
//!
//! *Assumes*: pointers of 64 bits (a `Waker`'s data pointer carries a task's id).
//! *Promises*: what `new` packs comes out again; two live tasks never share an id, since no two
//! live loops share a number, and no two live tasks of a loop a slot. A key of a removed entry
//! never finds the next entry of its slot, until 2^32 insertions later; O(1) for everything.
//! *Leaves out*: what the numbers refer to; shrinking (a slab's memory stays at the high-water
//! mark).
//!
//! ```text
//!   63        40 39             24 23          0
//!  ┌────────────┬─────────────────┬─────────────┐
//!  │  loop (24) │ generation (16) │  index (24) │   TaskId: fits in a waker's data pointer
//!  └────────────┴─────────────────┴─────────────┘
//!  ┌──────────────────────┬─────────────────────┐
//!  │   generation (32)    │     index (32)      │   Key: fits in an epoll token
//!  └──────────────────────┴─────────────────────┘
//! ```
//! A task's generation wraps after 65,536 tasks. A waker that old which meets its own number again,
//! in its own slot, causes one spurious poll, which the `Future` contract allows. Sixteen
//! bits are what loops and slots leave of a word.
//!
//! This is what lets every handle of the crate be a plain number: timers, callbacks, sources
//! and tasks are keys, and a key that outlives its entry is harmless.

use slab::Slab;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("singletrack packs a task id into a waker's pointer and needs 64 bits");

const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 16;
const LOOP_BITS: u32 = 24;

/// The greatest slot index an id can carry. It is the root future's (`task/ready_queue.rs`), so one
/// loop holds at most 16,777,215 tasks.
pub const MAX_INDEX: u32 = (1 << INDEX_BITS) - 1;
/// Generations are counted modulo this power of two.
pub const GENERATIONS: u32 = 1 << GENERATION_BITS;
/// Every loop's number is below this. No loop has 0 (`event_loop/inbox.rs`), so 16,777,215 loops
/// can live in one process at a time.
pub const MAX_LOOPS: u32 = 1 << LOOP_BITS;

/// The number of an event loop, unique among the loops alive in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoopId(pub(crate) u32);

impl LoopId {
    /// The number itself.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// The id of one task: its loop, its slot, and its generation, which tells it from the earlier and
/// later tasks of that slot.
///
/// ```
/// use singletrack::base::id::TaskId;
///
/// let id = TaskId::from_raw(0x0000_0100_0200_0003);
/// assert_eq!((id.loop_id().get(), id.generation(), id.index()), (1, 2, 3));
/// assert_eq!(TaskId::from_raw(id.raw()), id);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u64);

impl TaskId {
    /// Packs the three parts; `generation` is taken modulo [`GENERATIONS`].
    ///
    /// # Panics
    /// If `index` is above [`MAX_INDEX`].
    pub fn new(loop_id: LoopId, generation: u32, index: u32) -> Self {
        assert!(index <= MAX_INDEX, "slot {index} does not fit into a task's id");
        Self::pack(loop_id, (generation % GENERATIONS) as u16, index)
    }

    /// The same from parts that are known to fit: this stands in the path of every poll.
    pub(crate) fn pack(loop_id: LoopId, generation: u16, index: u32) -> Self {
        debug_assert!(index <= MAX_INDEX);
        let generation = u64::from(generation) << INDEX_BITS;
        let loop_id = u64::from(loop_id.0) << (GENERATION_BITS + INDEX_BITS);
        TaskId(loop_id | generation | u64::from(index))
    }

    /// The word a waker carries.
    pub fn raw(self) -> u64 {
        self.0
    }

    /// Reads a word that [`raw`](Self::raw) gave.
    pub fn from_raw(raw: u64) -> Self {
        TaskId(raw)
    }

    /// The loop that owns the task.
    pub fn loop_id(self) -> LoopId {
        LoopId((self.0 >> (GENERATION_BITS + INDEX_BITS)) as u32)
    }

    /// Tells the tasks that have had the slot apart.
    pub fn generation(self) -> u32 {
        (self.0 >> INDEX_BITS) as u32 % GENERATIONS
    }

    /// The slot.
    pub fn index(self) -> u32 {
        self.0 as u32 & MAX_INDEX
    }
}

impl std::fmt::Debug for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (l, i, g) = (self.loop_id().0, self.index(), self.generation());
        write!(f, "task {l}:{i}.{g}")
    }
}

/// The key of one entry: its slot and its generation.
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
/// use singletrack::base::id::GenerationSlab;
///
/// let mut slab = GenerationSlab::new();
/// let old = slab.insert("first");
/// slab.remove(old);
/// let new = slab.insert("second");
/// assert_eq!(old.index, new.index); // the slot is used again …
/// assert_eq!(slab.get(old), None); // … but the old key finds nothing
/// assert_eq!(slab.get(new), Some(&"second"));
/// ```
#[derive(Debug)]
pub struct GenerationSlab<T> {
    entries: Slab<Versioned<T>>,
    next_generation: u32,
}

#[derive(Debug)]
struct Versioned<T> {
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

    /// Puts a value that is made from its own key into a free slot.
    pub fn insert_with(&mut self, value: impl FnOnce(Key) -> T) -> Key {
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        let slot = self.entries.vacant_entry();
        let key = Key { index: slot.key() as u32, generation };
        slot.insert(Versioned { generation, value: value(key) });
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

    /// Hands out all values, in slot order, and forgets them.
    pub fn take_values(&mut self) -> Vec<T> {
        self.entries.drain().map(|entry| entry.value).collect()
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
