//! What a process has: descriptors, threads, children, memory.
//!
//! *Assumes*: `/proc`; this program's allocator ([`Counting`]).
//! *Promises*: the count itself leaves nothing, and counts nothing of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::{Duration, Instant};

/// The system's allocator; counts the bytes that are in use.
pub struct Counting;

static IN_USE: AtomicIsize = AtomicIsize::new(0);

fn count(bytes: isize) {
    IN_USE.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: every call is passed on as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Which descriptors, by what they lead to; how many threads; and so on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    pub descriptors: BTreeMap<String, isize>,
    pub threads: isize,
    /// Children, alive or not: all that `waitid` knows is whether there are any.
    pub children: bool,
    /// Mappings that are shared with other processes.
    pub shared: isize,
    /// Bytes in use.
    pub heap: isize,
}

impl Census {
    pub fn take() -> Census {
        let heap = IN_USE.load(Ordering::Relaxed);
        let mut descriptors = BTreeMap::new();
        for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let target = target.display().to_string();
            if !target.starts_with("/proc/") {
                let kind = target.split(":[").next().unwrap_or_default().to_owned();
                *descriptors.entry(kind).or_default() += 1;
            }
        }
        let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let shared = |line: &&str| line.split(' ').nth(1).is_some_and(|how| how.ends_with('s'));
        Census {
            descriptors,
            threads: fs::read_dir("/proc/self/task").map_or(0, Iterator::count) as isize,
            children: has_children(),
            shared: maps.lines().filter(shared).count() as isize,
            heap,
        }
    }

    /// What is more now than `before`.
    pub fn since(&self, before: &Census) -> Census {
        let mut descriptors = self.descriptors.clone();
        for (kind, count) in &before.descriptors {
            *descriptors.entry(kind.clone()).or_default() -= count;
        }
        descriptors.retain(|_, count| *count != 0);
        Census {
            descriptors,
            threads: self.threads - before.threads,
            children: self.children && !before.children,
            shared: self.shared - before.shared,
            heap: self.heap - before.heap,
        }
    }

    /// The same, but for the heap, which may be so much more.
    pub fn is_as(&self, other: &Census, slack: isize) -> bool {
        let heap = 0;
        Census { heap, ..self.clone() } == Census { heap, ..other.clone() }
            && self.heap <= other.heap + slack
    }
}

fn has_children() -> bool {
    // SAFETY: plain data, for which all zeros is a value, a local that outlives the call, which only
    // looks.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        libc::waitid(libc::P_ALL, 0, &mut info, how) == 0
    }
}

/// Takes the census again and again until `right` says yes, a few seconds long: a thread that was joined
/// is seen in `/proc` for a moment.
pub fn settled(right: impl Fn(&Census) -> bool) -> Census {
    let patience = Instant::now() + Duration::from_secs(3);
    loop {
        let census = Census::take();
        if right(&census) || Instant::now() > patience {
            return census;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
