//! Memory straight from the kernel: pages, and huge pages.
//!
//! *Assumes*: Linux `mmap`, `madvise` and `memfd_create`.
//! *Promises*: zeroed pages with one owner, given back when that is dropped; long stretches are in
//! huge pages where the kernel has some to give. Shared words are the same memory in every process
//! that is forked later, or has mapped the same file, and no write to them is torn.
//! *Leaves out*: cutting them up (`task/arena.rs`, `process/message/segment.rs`).
//!
//! The kernel hands memory out when it is first written to, a page at a time, and each page
//! costs a fault: about a microsecond in a virtual machine, as much as fifteen spawns. A huge
//! page is 512 pages for the price of some thirty.
#![allow(unsafe_code)]

use crate::sys::fd::checked;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
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
        Pages::map_how(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, None)
    }

    fn map_how(len: usize, how: libc::c_int, file: Option<&File>) -> io::Result<Pages> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let fd = file.map_or(-1, AsRawFd::as_raw_fd);
        // SAFETY: new pages at an address of the kernel's choice change nothing that exists.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, access, how, fd, 0) };
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

/// What is sealed in a file of shared words: its length, for good.
const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

/// Atomic numbers in memory that this process shares with all that are forked from it later, and with
/// those that are given its file. A page of them takes memory when a number in it is first written.
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
        SharedWords::map_bytes(size_of_words(count)?, None)
    }

    /// So many, all 0, and the file that they are. Nobody can make it shorter any more: who touches a
    /// page beyond the end of a file dies of it.
    ///
    /// # Errors
    /// What `memfd_create(2)`, `ftruncate(2)`, `fcntl(2)` and `mmap(2)` report.
    pub fn in_file(count: usize) -> io::Result<(SharedWords, File)> {
        if cfg!(miri) {
            return Err(io::ErrorKind::Unsupported.into()); // Miri has no `memfd_create`
        }
        let file = memory_file()?;
        file.set_len(size_of_words(count)? as u64)?;
        // SAFETY: this command of `fcntl` takes an integer; the file is open.
        checked(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) })?;
        Ok((SharedWords::of_file(&file)?, file))
    }

    /// Those that are in a file which [`in_file`](Self::in_file) made, here or elsewhere.
    ///
    /// # Errors
    /// What `fcntl(2)`, `fstat(2)` and `mmap(2)` report; `InvalidInput` for a file that somebody could
    /// make shorter.
    pub fn of_file(file: &File) -> io::Result<SharedWords> {
        // SAFETY: this command of `fcntl` takes nothing more; the file is open.
        let seals = checked(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) })?;
        if seals & SEALS != SEALS {
            let why = "it can be made shorter: only a file made by `in_file` can be mapped";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        SharedWords::map_bytes(file.metadata()?.len() as usize, Some(file))
    }

    fn map_bytes(len: usize, file: Option<&File>) -> io::Result<SharedWords> {
        let anonymous = if file.is_none() { libc::MAP_ANONYMOUS } else { 0 };
        let how = libc::MAP_SHARED | libc::MAP_NORESERVE | anonymous;
        Ok(SharedWords { pages: Pages::map_how(len, how, file)?, count: len / size_of::<u64>() })
    }

    /// All of them.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the pages are mapped, writable, long enough and aligned to far more than eight bytes
        // for as long as `self` lives; any bytes are an `AtomicU64`; and whatever other processes do,
        // in this one the memory is reached only by these atomics.
        unsafe { std::slice::from_raw_parts(self.pages.start.as_ptr().cast(), self.count) }
    }
}

/// A file that exists in memory only, as long as a process has it open.
///
/// # Errors
/// What `memfd_create(2)` reports.
pub fn memory_file() -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a literal that ends in zero.
    let fd = checked(unsafe { libc::memfd_create(c"singletrack".as_ptr(), flags) })?;
    // SAFETY: the call succeeded, so it is open, and nothing else owns it.
    Ok(unsafe { File::from_raw_fd(fd) })
}

fn size_of_words(count: usize) -> io::Result<usize> {
    count.checked_mul(size_of::<AtomicU64>()).ok_or(io::ErrorKind::OutOfMemory.into())
}

/// Has malloc keep what is freed for what comes next. glibc gives the free end of the heap back as
/// soon as it is 128 KiB long, and each page of it faults when it comes again; but from the first
/// freed block of its own mapping on, the limit is twice that block's size (mallopt(3),
/// `M_MMAP_THRESHOLD`). This one is never touched, so it is no memory at all.
pub fn keep_freed_memory() {
    const KEPT: usize = 8 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(KEPT / 2)));
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length, and nothing else unmaps them. A pointer into
        // them is followed only while this value lives; `task/arena.rs` sees to that.
        let unmapped = unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert_eq!(unmapped, 0);
    }
}
