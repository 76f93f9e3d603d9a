//! Memory for the tasks of one thread: small blocks, many of them, and soon given back.
//!
//! *Assumes*: pages from the kernel (`sys/memory.rs`); one thread.
//! *Promises*: a block has one owner until it is given back; taking one and giving it back
//! are a few instructions; when the last one is back, the kernel has all of the memory back but
//! half a megabyte, and that at the thread's end.
//! *Leaves out*: blocks of more than 512 bytes, which the heap serves; giving memory back while
//! blocks are in use.
//!
//! ```text
//!   chunk (64 KiB, then twice the last, at most 2 MiB)
//!   ┌────┬────┬──────┬────┬────┬──────────────────────┐
//!   │ 64 │ 64 │  96  │ 64 │ 64 │        fresh ►       │   else: bump, a block from here
//!   └────┴─┬──┴──────┴──┬─┴────┴──────────────────────┘
//!          └────────────┴─► free list of 64 bytes: given back, last first     if any: from here
//! ```
//! This is what an allocator is, without all that makes a general one slow: other threads,
//! sizes of any kind, neighbours that merge. `malloc` and `free` of a hundred thousand tasks
//! at once take some 330 instructions a task and a page fault for every fiftieth; CPython has
//! its own small-object allocator for the same reason (Objects/obmalloc.c).
#![allow(unsafe_code)]

use crate::sys::memory::{HUGE_PAGE, Pages};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Sizes are rounded up to this many bytes, and every block is aligned to it.
const GRAIN: usize = 8;
/// Sizes of blocks: from one grain to this many. Each has a list of its own.
const CLASSES: usize = 64;
/// Bytes in the first chunk. Pages that are never written to cost nothing.
const FIRST_CHUNK: usize = 64 << 10;
/// Chunks of 64, 128 and 256 KiB stay when the last block is back. With more, all but the first
/// go: a thread that needed them once need not need them again.
const KEPT: usize = 3;

/// Blocks of memory for one thread.
///
/// ```
/// use singletrack::task::arena::Arena;
/// use std::alloc::Layout;
///
/// let arena = Arena::default();
/// let layout = Layout::new::<[u64; 5]>();
/// let block = arena.take(layout);
/// // SAFETY: it came from `take`, with this layout.
/// unsafe { arena.give_back(block, layout) };
/// assert_eq!(arena.take(layout), block); // last out, first in
/// ```
pub struct Arena {
    /// By size: blocks that were given back, each with a pointer to the next in it.
    free: [Cell<Option<NonNull<FreeBlock>>>; CLASSES],
    /// The rest of the newest chunk that was never in use: where, and how many bytes.
    fresh: Cell<Option<(NonNull<u8>, usize)>>,
    /// Blocks that are in use.
    in_use: Cell<usize>,
    chunks: RefCell<Vec<Pages>>,
    /// Up to so many chunks stay when the last block is back.
    kept: Cell<usize>,
}

/// What a free block holds.
struct FreeBlock {
    next: Option<NonNull<FreeBlock>>,
}

/// Which list a block belongs to; `None`: the heap serves it.
fn class_of(layout: Layout) -> Option<usize> {
    let fits = layout.align() <= GRAIN && (1..=CLASSES * GRAIN).contains(&layout.size());
    fits.then(|| (layout.size() - 1) / GRAIN)
}

impl Default for Arena {
    fn default() -> Self {
        Arena::new()
    }
}

impl Arena {
    /// No chunks yet.
    pub const fn new() -> Self {
        Arena {
            free: [const { Cell::new(None) }; CLASSES],
            fresh: Cell::new(None),
            in_use: Cell::new(0),
            chunks: RefCell::new(Vec::new()),
            kept: Cell::new(KEPT),
        }
    }

    /// Memory with room for `layout`, uninitialised. Aborts when there is none, as `Box` does.
    ///
    /// # Panics
    /// If `layout` has no bytes.
    pub fn take(&self, layout: Layout) -> NonNull<u8> {
        let Some(class) = class_of(layout) else { return from_heap(layout) };
        self.in_use.set(self.in_use.get() + 1);
        match self.free[class].get() {
            Some(block) => {
                // SAFETY: `give_back` wrote a `Free` into it, and it was not taken since. Its
                // chunk is there: `start_over` empties all lists before it drops a chunk.
                self.free[class].set(unsafe { block.read() }.next);
                block.cast()
            }
            None => self.bump((class + 1) * GRAIN, layout),
        }
    }

    /// # Safety
    /// `block` came from [`take`](Self::take) of this arena with the same layout, and is not used
    /// any more.
    pub unsafe fn give_back(&self, block: NonNull<u8>, layout: Layout) {
        let Some(class) = class_of(layout) else {
            // SAFETY: a layout without a class came from `from_heap`.
            return unsafe { dealloc(block.as_ptr(), layout) };
        };
        let block = block.cast::<FreeBlock>();
        // SAFETY: the caller hands it over. Its chunk is there, since it was in use until now; it
        // is at least a grain long and aligned to one, and so is a `Free`.
        unsafe { block.write(FreeBlock { next: self.free[class].get() }) };
        self.free[class].set(Some(block));
        self.in_use.set(self.in_use.get() - 1);
        if self.in_use.get() == 0 && self.chunks.borrow().len() > self.kept.get() {
            self.reset();
        }
    }

    /// Blocks that are in use.
    pub fn in_use(&self) -> usize {
        self.in_use.get()
    }

    /// Bytes got from the kernel.
    pub fn mapped(&self) -> usize {
        self.chunks.borrow().iter().map(Pages::len).sum()
    }

    /// Cuts a block off what is fresh. The rest of a chunk that is too short for it is lost.
    fn bump(&self, size: usize, layout: Layout) -> NonNull<u8> {
        let (start, len) = match self.fresh.get() {
            Some((start, len)) if len >= size => (start, len),
            _ => self.add_chunk(layout),
        };
        // SAFETY: the chunk has `len >= size` bytes from `start` on: one that is too short was
        // left behind above, and no class is longer than a new chunk.
        let rest = unsafe { start.add(size) };
        self.fresh.set(Some((rest, len - size)));
        start
    }

    #[cold]
    fn add_chunk(&self, layout: Layout) -> (NonNull<u8>, usize) {
        let mut chunks = self.chunks.borrow_mut();
        let len = (FIRST_CHUNK << chunks.len().min(16)).min(HUGE_PAGE);
        let Ok(chunk) = Pages::map(len) else { handle_alloc_error(layout) };
        let fresh = (chunk.start(), chunk.len());
        chunks.push(chunk);
        // The first access registers it, to be dropped at the thread's end. An error: that end has
        // come already.
        let _registered = THREAD_END.try_with(|_| ());
        fresh
    }

    /// From now on no chunk stays when no block is in use.
    pub fn retire(&self) {
        self.kept.set(0);
        if self.in_use.get() == 0 {
            self.reset();
        }
    }

    /// No block is in use, so no chunk is: all go back to the kernel, or all but the first.
    #[cold]
    fn reset(&self) {
        self.free.iter().for_each(|list| list.set(None));
        let mut chunks = self.chunks.borrow_mut();
        chunks.truncate(self.kept.get().min(1));
        chunks.shrink_to_fit();
        self.fresh.set(chunks.first().map(|chunk| (chunk.start(), chunk.len())));
    }
}

impl Drop for Arena {
    /// A block that is still in use keeps all the memory: a leak is better than a dangling pointer.
    fn drop(&mut self) {
        if self.in_use.get() > 0 {
            self.chunks.take().into_iter().for_each(std::mem::forget);
        }
    }
}

fn from_heap(layout: Layout) -> NonNull<u8> {
    assert!(layout.size() > 0, "a block of no bytes");
    // SAFETY: the layout is not empty.
    let block = unsafe { alloc(layout) };
    NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
}

thread_local! {
    /// It has no destructor, so it is there for all that the thread drops at its end.
    static ARENA: ManuallyDrop<Arena> = const { ManuallyDrop::new(Arena::new()) };
    static THREAD_END: ThreadEnd = const { ThreadEnd };
}

/// Its drop is the thread's end. Blocks may be in use by other thread-locals, which are dropped
/// later: then the memory goes with the last of them.
struct ThreadEnd;

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        ARENA.with(|arena| arena.retire());
    }
}

/// A block from this thread's arena.
///
/// # Panics
/// If `layout` has no bytes.
pub fn take(layout: Layout) -> NonNull<u8> {
    ARENA.with(|arena| arena.take(layout))
}

/// # Safety
/// `block` came from [`take`] on this thread with the same layout, and is not used any more.
pub unsafe fn give_back(block: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller's promise; and a thread has one arena for as long as it runs.
    ARENA.with(|arena| unsafe { arena.give_back(block, layout) });
}
