//! Limits of the process instead of faults: descriptors, processes, memory.

use crate::scenarios::{Scenario, run_caught};
use crate::told::{Outcome, Told};
use std::fs;

/// What there is only so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// So many more descriptors than are open (`RLIMIT_NOFILE`).
    Descriptors,
    /// So many threads and processes of the user besides this one (`RLIMIT_NPROC`).
    Tasks,
    /// So many KiB of address space more than in use (`RLIMIT_AS`).
    Memory,
}

impl Resource {
    /// Only the superuser can become a user that has no other tasks.
    pub fn can_be_limited(self) -> bool {
        // SAFETY: the call takes nothing and cannot fail.
        self != Resource::Tasks || unsafe { libc::geteuid() } == 0
    }
}

/// A limit on one run.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub resource: Resource,
    pub more: u64,
}

impl Limit {
    /// Runs the scenario under the limit, and lifts it.
    pub fn hold(self, scenario: &Scenario) -> Outcome {
        let (resource, now) = match self.resource {
            Resource::Descriptors => (libc::RLIMIT_NOFILE, next_descriptor()),
            Resource::Tasks => (libc::RLIMIT_NPROC, 1),
            Resource::Memory => (libc::RLIMIT_AS, address_space()),
        };
        let more = if self.resource == Resource::Memory { self.more << 10 } else { self.more };
        if self.resource == Resource::Tasks
            && let Err(error) = become_nobody_else()
        {
            return Outcome::Told(Told::wrong(format!("no user of its own: {error}")));
        }
        let old = get(resource);
        set(resource, libc::rlimit { rlim_cur: now + more, ..old });
        let outcome = run_caught(scenario);
        set(resource, old);
        outcome
    }
}

fn get(resource: libc::__rlimit_resource_t) -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is a local that outlives the call.
    assert_eq!(unsafe { libc::getrlimit(resource, &mut limit) }, 0);
    limit
}

fn set(resource: libc::__rlimit_resource_t, limit: libc::rlimit) {
    // SAFETY: the limit is a local that outlives the call.
    assert_eq!(unsafe { libc::setrlimit(resource, &limit) }, 0);
}

/// The number that the next descriptor would get, if none is free below.
fn next_descriptor() -> u64 {
    let numbers = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok());
    // The descriptor that reads the folder is the highest, and closed again.
    numbers.max().unwrap_or(3)
}

fn address_space() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) << 12
}

/// The system's superuser has no limit of tasks: this process becomes a user that has no others.
fn become_nobody_else() -> std::io::Result<()> {
    let user = 2_000_000_000 + std::process::id();
    // SAFETY: the calls take numbers. What a user may not read of a process that has changed its user
    // is allowed again by the last.
    let done = unsafe {
        libc::setresuid(user, user, user) == 0
            && libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) == 0
    };
    if done { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}
