//! Memory straight from the kernel: pages, and huge pages.
//!
//! *Assumes*: Linux `mmap` and `madvise`.
//! *Promises*: zeroed pages with one owner, given back when that is dropped; long stretches are in
//! huge pages where the kernel has some to give. Shared words are the same memory in every process
//! that is forked later, and no write to them is torn.
//! *Leaves out*: cutting them up (`task/arena.rs`).
//!
//! The kernel hands memory out when it is first written to, a page at a time, and each page
//! costs a fault: about a microsecond in a virtual machine, as much as fifteen spawns. A huge
//! page is 512 pages for the price of some thirty.
#![allow(unsafe_code)]

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU64;

/// Bytes in one of the kernel's huge pages (x86-64, and AArch64 with pages of 4 KiB).
pub const HUGE_PAGE: usize = 2 << 20;

/// Some pages.
///
/// ```
/// use singletrack::sys::memory::Pages;
///
/// let pages = Pages::map(4096)?;
/// assert_eq!(pages.len(), 4096);
/// assert_eq!(pages.start().addr().get() % 4096, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Pages {
    start: NonNull<u8>,
    len: usize,
}

impl Pages {
    /// So many bytes, readable and writable. From [`HUGE_PAGE`] on, asks for huge pages.
    ///
    /// # Errors
    /// What `mmap(2)` reports: `ENOMEM`; `EINVAL` for no bytes at all.
    pub fn map(len: usize) -> io::Result<Pages> {
        Pages::map_how(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS)
    }

    fn map_how(len: usize, how: libc::c_int) -> io::Result<Pages> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: new pages at an address of the kernel's choice change nothing that exists.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, access, how, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        if len >= HUGE_PAGE {
            // SAFETY: these pages were mapped above. If the kernel has no huge pages to give, the
            // call fails and nothing changes.
            let _advice = unsafe { libc::madvise(start, len, libc::MADV_HUGEPAGE) };
        }
        let start = NonNull::new(start.cast()).expect("mmap does not use the page at zero");
        Ok(Pages { start, len })
    }

    /// From now on each copy of this process that a fork makes finds zeros here.
    ///
    /// # Errors
    /// What `madvise(2)` reports: `EINVAL` from a kernel that cannot.
    pub fn wiped_by_fork(self) -> io::Result<Pages> {
        if cfg!(miri) {
            return Err(io::ErrorKind::Unsupported.into()); // Miri has no `madvise`
        }
        // SAFETY: these pages were mapped by `map`, private and anonymous; here nothing changes.
        let advice =
            unsafe { libc::madvise(self.start.as_ptr().cast(), self.len, libc::MADV_WIPEONFORK) };
        if advice == 0 { Ok(self) } else { Err(io::Error::last_os_error()) }
    }

    /// The first byte.
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// How many bytes.
    #[allow(clippy::len_without_is_empty)] // they are never empty
    pub fn len(&self) -> usize {
        self.len
    }
}

/// Atomic numbers in memory that this process shares with all that are forked from it later. A page
/// of them takes memory when a number in it is first written.
///
/// ```
/// use singletrack::sys::memory::SharedWords;
/// use std::sync::atomic::Ordering;
///
/// let words = SharedWords::map(1000)?;
/// assert_eq!(words.words().len(), 1000);
/// assert_eq!(words.words()[7].swap(1, Ordering::Relaxed), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct SharedWords {
    pages: Pages,
    count: usize,
}

// SAFETY: the pages are reached only as atomics, by `words`, which any number of threads may use; and
// they may be unmapped by any thread.
unsafe impl Send for SharedWords {}
// SAFETY: as above.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// So many, all 0.
    ///
    /// # Errors
    /// As [`Pages::map`].
    pub fn map(count: usize) -> io::Result<SharedWords> {
        let len = count.checked_mul(size_of::<AtomicU64>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let how = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        Ok(SharedWords { pages: Pages::map_how(len, how)?, count })
    }

    /// All of them.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the pages are mapped, writable, long enough and aligned to far more than eight bytes
        // for as long as `self` lives; any bytes are an `AtomicU64`; and whatever other processes do,
        // in this one the memory is reached only by these atomics.
        unsafe { std::slice::from_raw_parts(self.pages.start.as_ptr().cast(), self.count) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length, and nothing else unmaps them. A pointer into
        // them is followed only while this value lives; `task/arena.rs` sees to that.
        let unmapped = unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert_eq!(unmapped, 0);
    }
}
