//! Memory straight from the kernel: pages, and huge pages.
//!
//! *Assumes*: Linux `mmap` and `madvise`.
//! *Promises*: zeroed pages with one owner, given back when that is dropped; long stretches are in
//! huge pages where the kernel has some to give.
//! *Leaves out*: cutting them up (`task/arena.rs`).
//!
//! The kernel hands memory out when it is first written to, a page at a time, and each page
//! costs a fault: about a microsecond in a virtual machine, as much as fifteen spawns. A huge
//! page is 512 pages for the price of some thirty.
#![allow(unsafe_code)]

use std::io;
use std::ptr::{self, NonNull};

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
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let how = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
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

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length, and nothing else unmaps them. A pointer into
        // them is followed only while this value lives; `task/arena.rs` sees to that.
        let unmapped = unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert_eq!(unmapped, 0);
    }
}
