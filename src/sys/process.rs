//! Processes: fork, where that is safe, and the ways back.
//!
//! *Assumes*: what is assumed of a child (`sys/child.rs`) and of its descriptor (`sys/pidfd.rs`).
//! *Promises*: only a process with one thread can fork; a child has been cleaned before anything of ours
//! runs in it, and leaves by `_exit`, whatever its function does.
//! *Leaves out*: `exec`; whose things a copy may touch (`base/origin.rs`); what a process has
//! started itself (`sys/process_tree.rs`).
//!
//! ```text
//!   parent  SingleThreaded::prove ─ plan ─ block signals ─ fork ─ restore ─▶ pid, pidfd ─▶ wait
//!                                                           │
//!   child                          default signals, dies with its parent, closes the rest,
//!                                  then its function ─▶ _exit
//! ```
#![allow(unsafe_code)]

pub use crate::sys::child::{exit, ignore_group_signals, settle_ignored_signals};
pub use crate::sys::death::Death;
pub use crate::sys::generation::generation;
pub use crate::sys::pidfd::{pidfd_open, send_signal, wait, wait_for_exit};

use crate::sys::child::{
    Closing, block_signals, can_die_with_parent, die_with, reset_signals, restore_signals,
};
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What a child exits with when its function panicked, as every Rust program does.
pub const PANICKED: i32 = 101;

/// What a child exits with that was refused, in spite of all, what it needs (`EX_OSERR`).
const NOT_READY: i32 = 71;

/// Proof that this process had one thread when that was checked. Its holder must not start
/// another while it means to fork.
#[derive(Debug)]
pub struct SingleThreaded(());

impl SingleThreaded {
    /// Counts the entries of `/proc/self/task`. Where there is no `/proc`, asks `unshare(2)`, which
    /// refuses `CLONE_THREAD` to a process with other threads, and else does nothing.
    ///
    /// # Errors
    /// The names of all threads, if there is more than one; no names, if they cannot be
    /// counted. (A thread that was joined a moment ago may still be on its way out; it is
    /// waited for, 20 ms at most.)
    pub fn prove() -> Result<SingleThreaded, Vec<String>> {
        let mut names = threads();
        // SAFETY: the flag shares and unshares nothing; it is only allowed or refused.
        if names.is_empty() && unsafe { libc::unshare(libc::CLONE_THREAD) } == 0 {
            return Ok(SingleThreaded(()));
        }
        for _ in 0..20 {
            if names.len() == 1 {
                return Ok(SingleThreaded(()));
            }
            std::thread::sleep(Duration::from_millis(1));
            names = threads();
        }
        Err(names)
    }
}

/// The threads of this process by name and number, as in `main (4711)`. Empty if `/proc`
/// cannot be read.
pub fn threads() -> Vec<String> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let name = |task: fs::DirEntry| {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        format!("{} ({})", name.trim_end(), task.file_name().to_string_lossy())
    };
    tasks.flatten().map(name).collect()
}

/// The kernel's number for this thread.
#[doc(alias = "threading.get_native_id")]
pub fn thread_id() -> u32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::gettid() as u32 }
}

/// Forks a child that runs `child` and exits with the code it returns; returns its pid.
///
/// Before `child` runs, the new process has reset its signal handlers and mask, asked to be
/// killed when this one ends, and closed all descriptors but 0, 1, 2 and `keep`: `child` must
/// not touch others, not even drop them. Those that the closure owns are closed in this process
/// when the closure is dropped: they now belong to the child.
///
/// Nothing of the parent's is torn down in the child: it never returns into the parent's
/// stack, runs no `atexit` handlers, and does not flush what the parent had buffered.
///
/// # Errors
/// What `fork(2)` reports: `EAGAIN` or `ENOMEM`, mostly; and what the system refuses that the child
/// would need.
pub(crate) fn fork(
    _: &SingleThreaded,
    keep: &[RawFd],
    child: impl FnOnce() -> i32,
) -> io::Result<u32> {
    let parent = std::process::id();
    can_die_with_parent()?;
    let closing = Closing::plan()?;
    // A signal that arrives between the fork and the reset would run the parent's handler in
    // the child. So all signals are blocked until the reset.
    let mask = block_signals();
    // SAFETY: there is one thread (the caller holds the proof), so no lock is held by a thread
    // that the child would lack; the child can do all that this process could.
    match unsafe { libc::fork() } {
        -1 => {
            let error = io::Error::last_os_error();
            restore_signals(&mask);
            Err(error)
        }
        0 => {
            let code = catch_unwind(AssertUnwindSafe(|| {
                reset_signals();
                match die_with(parent).and_then(|()| closing.carry_out(keep)) {
                    Ok(()) => child(),
                    Err(error) => {
                        // If nobody can read it, the exit code is all there is to say.
                        let _ = writeln!(io::stderr(), "singletrack: a child ends: {error}");
                        NOT_READY
                    }
                }
            }));
            exit(code.unwrap_or_else(|payload| {
                // To drop it is to run what may panic, and then would unwind into the parent's stack.
                std::mem::forget(payload);
                PANICKED
            }))
        }
        pid => {
            restore_signals(&mask);
            Ok(pid as u32)
        }
    }
}
