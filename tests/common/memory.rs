//! Memory, counted: the most that a piece of work holds at a time.
//!
//! *Promises*: what other threads take does not count, nor what was there before.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    let now = NOW.get() + bytes;
    NOW.set(now);
    MOST.set(MOST.get().max(now));
}

// SAFETY: all is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What `work` returns, and the most bytes that it held at a time.
pub fn peak<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = NOW.get();
    MOST.set(before);
    let value = work();
    (value, (MOST.get() - before) as usize)
}

/// Reads `bytes`, and holds no more than `times` their number for it, besides what is needed for
/// no bytes at all.
pub fn within<R>(times: usize, bytes: &[u8], read: impl FnOnce(&[u8]) -> R) -> R {
    const AT_LEAST: usize = 64 * 1024;
    let (value, most) = peak(|| read(bytes));
    let length = bytes.len();
    assert!(most <= times * length + AT_LEAST, "{most} bytes were held to read {length}");
    value
}
