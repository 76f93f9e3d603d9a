//! The number of this process among those that were forked from one another.
//!
//! *Assumes*: `MADV_WIPEONFORK` (Linux 4.14); where it is refused, the process's own number must do.
//! *Promises*: a copy, however it was forked, has another number than the process that it was forked from;
//! asking costs two loads.
//! *Leaves out*: whose things a copy may touch (`base/origin.rs`).
#![allow(unsafe_code)]

use crate::sys::memory::Pages;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// A number that a forked copy of this process does not share with it, nor with any process that
/// either was forked from (up to 2³² forks ago); and the process's own. They cost two loads, and a little more once in each
/// process.
///
/// They lie in a page that the kernel empties in every copy (`MADV_WIPEONFORK`), however the fork
/// was made. A process's own number alone would need a call into the kernel each time, and can come
/// again: the first process in a new namespace of pids is number 1, as the one that made it may be.
pub fn generation() -> (u32, u32) {
    // In memory that copies inherit, so that a copy goes on counting where the original was.
    static LAST: AtomicU32 = AtomicU32::new(0);
    let page = match PAGE.load(Ordering::Acquire) {
        null if null.is_null() => map_generation(),
        page => page,
    };
    if std::ptr::eq(page, &NO_PAGE) {
        let pid = std::process::id();
        return (pid, pid);
    }
    // SAFETY: not null; a page of zeros at first, never unmapped, and used as these atomics only.
    let here = unsafe { &*page };
    match here.generation.load(Ordering::Acquire) {
        0 => {
            let (new, pid) = (LAST.fetch_add(1, Ordering::Relaxed) + 1, std::process::id());
            here.pid.store(pid, Ordering::Relaxed); // every thread stores the same
            // If another thread was faster, its number is the process's.
            let order = (Ordering::AcqRel, Ordering::Acquire);
            match here.generation.compare_exchange(0, new, order.0, order.1) {
                Ok(_) => (new, pid),
                Err(known) => (known, pid),
            }
        }
        known => (known, here.pid.load(Ordering::Relaxed)),
    }
}

/// What is known of this process alone. All zeros: nothing yet.
struct Generation {
    generation: AtomicU32,
    pid: AtomicU32,
}

/// The page of [`generation`]; null before it is needed.
static PAGE: AtomicPtr<Generation> = AtomicPtr::new(std::ptr::null_mut());
/// Stands for the page, from then on, where the system had none to give: then the process's own
/// number must do.
static NO_PAGE: Generation = Generation { generation: AtomicU32::new(0), pid: AtomicU32::new(0) };

#[cold]
fn map_generation() -> *mut Generation {
    let pages = Pages::map(size_of::<Generation>()).and_then(Pages::wiped_by_fork);
    let none = (&raw const NO_PAGE).cast_mut();
    let new = pages.as_ref().map_or(none, |pages| pages.start().as_ptr().cast());
    let null = std::ptr::null_mut();
    match PAGE.compare_exchange(null, new, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            std::mem::forget(pages); // it serves until the process ends
            new
        }
        Err(another_threads) => another_threads,
    }
}
