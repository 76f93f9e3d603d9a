//! The tree of a process: what it has started, and what that has started, signalled together.
//!
//! *Assumes*: `/proc` is mounted; else a process has no tree, and is signalled alone.
//! *Promises*: a kill reaches every process that is attached when it begins, and all that they start
//! meanwhile: each is stopped before its children are looked for. Nothing is signalled by its number,
//! so no stranger is hit that has got the number of a dead one.
//! *Leaves out*: what has detached itself, that is, whose parent has ended (a daemon; `sh -c 'x &'`):
//! no trace leads from it to the process that began it. What has become another user's.
//!
//! ```text
//!   kill_trees        stop the root ─▶ look for children ─▶ stop them ─▶ look again ─▶ … none new:
//!                                                                                 SIGKILL to all
//!   worker 4711 ─┬─ sh ─── sleep     attached: killed with it
//!                └─ (sh, ended)
//!   1 ─────────────── sleep          detached: lives on
//! ```
//! **Why not a process group?** A terminal sends Ctrl-C to one group, and a worker in a group of its
//! own would not get it. A *subreaper* (`PR_SET_CHILD_SUBREAPER`) keeps the group, and orphans come
//! to it instead of to process 1. But it cannot tell whose orphan came, nor a daemon that was left
//! on purpose from what a kill has left over. A cgroup or a namespace of pids would be exact, and
//! takes privileges. CPython, tokio and std signal the one process.
//!
//! **What it costs.** Most kernels keep a list of children for each thread
//! (`/proc/PID/task/TID/children`), and then it is a few files. Without it (`CONFIG_PROC_CHILDREN`)
//! all processes of the system are asked for their parents: some milliseconds.

use crate::sys::process::{pidfd_open, send_signal};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;

/// Who starts processes faster than they can be looked for is not followed for ever.
const MOST_LOOKS: usize = 64;

/// Kills the processes behind these pidfds, with all that is attached to them.
///
/// # Errors
/// What `pidfd_send_signal(2)` reports of the first of them that cannot be killed; all others are.
pub fn kill_trees(roots: &[BorrowedFd<'_>]) -> io::Result<()> {
    let stopped = stop_trees(roots);
    let killed = signal_each(roots, libc::SIGKILL);
    for pidfd in stopped.values().flatten() {
        // It was stopped, so it can be killed, unless it is dead.
        let _ = send_signal(pidfd.as_fd(), libc::SIGKILL);
    }
    killed
}

/// As [`kill_trees`], for a caller that must not wait while all processes of the system are looked
/// through: these are stopped at once, and where the kernel keeps no lists of children, another
/// thread does the rest.
///
/// # Errors
/// As `kill_trees`, if it is done here; else, that one of them cannot be stopped.
pub fn kill_trees_soon(roots: &[BorrowedFd<'_>]) -> io::Result<()> {
    if kernel_lists_children() || roots.is_empty() {
        return kill_trees(roots);
    }
    let stopped = signal_each(roots, libc::SIGSTOP);
    let owned = roots.iter().map(|root| root.try_clone_to_owned()).collect::<io::Result<Vec<_>>>();
    let Ok(owned) = owned else { return kill_trees(roots) };
    let kill = move || {
        let roots: Vec<_> = owned.iter().map(AsFd::as_fd).collect();
        // They were stopped, so they can be killed, or the caller knows already.
        let _ = kill_trees(&roots);
    };
    match std::thread::Builder::new().name("kill-trees".to_owned()).spawn(kill) {
        Ok(_) => stopped,
        Err(_) => kill_trees(roots), // no thread to be had: it takes longer
    }
}

/// Sends a signal to the processes behind these pidfds and to all that is attached to them. What they
/// start at this very moment may not get it.
///
/// # Errors
/// As [`kill_trees`].
pub fn signal_trees(roots: &[BorrowedFd<'_>], signal: i32) -> io::Result<()> {
    if signal == libc::SIGKILL {
        return kill_trees(roots);
    }
    // Held before any is told: when a parent has ended, its children are nobody's.
    let numbers = numbers(roots);
    let held: Vec<OwnedFd> = attached_to(&numbers).into_iter().filter_map(hold).collect();
    let sent = signal_each(roots, signal);
    for pidfd in held {
        // It fails only for a process that has become another user's.
        let _ = send_signal(pidfd.as_fd(), signal);
    }
    sent
}

fn signal_each(pidfds: &[BorrowedFd<'_>], signal: i32) -> io::Result<()> {
    pidfds.iter().map(|pidfd| send_signal(*pidfd, signal)).fold(Ok(()), io::Result::and)
}

/// Stops the roots and all that is attached to them; gives the others by number. `None`: it cannot be
/// stopped.
fn stop_trees(roots: &[BorrowedFd<'_>]) -> BTreeMap<u32, Option<OwnedFd>> {
    let mut stopped = BTreeMap::new();
    // What cannot be stopped cannot be killed either, and then that is the error.
    let _ = signal_each(roots, libc::SIGSTOP);
    let numbers = numbers(roots);
    for _ in 0..MOST_LOOKS {
        let known = stopped.len();
        for (pid, parent) in attached_to(&numbers) {
            stopped.entry(pid).or_insert_with(|| {
                let pidfd = hold((pid, parent))?;
                send_signal(pidfd.as_fd(), libc::SIGSTOP).is_ok().then_some(pidfd)
            });
        }
        if stopped.len() == known {
            break;
        }
    }
    stopped
}

/// The numbers of the processes behind these pidfds, of those that have not been reaped.
fn numbers(pidfds: &[BorrowedFd<'_>]) -> Vec<u32> {
    let number = |pidfd: &BorrowedFd<'_>| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
        info.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse().ok()
    };
    pidfds.iter().filter_map(number).collect()
}

/// A descriptor of a process, if it still is the child of that parent.
fn hold((pid, parent): (u32, u32)) -> Option<OwnedFd> {
    let pidfd = pidfd_open(pid).ok()?;
    // Asked when the descriptor is there: from then on the number is not given to another.
    (parent_of(pid) == Some(parent)).then_some(pidfd)
}

/// What is attached to these processes, each with its parent, the nearest first.
fn attached_to(roots: &[u32]) -> Vec<(u32, u32)> {
    if kernel_lists_children() {
        return reach(roots, listed_children);
    }
    let mut children = BTreeMap::<u32, Vec<u32>>::new();
    for pid in all_processes() {
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    reach(roots, |pid| children.remove(&pid).unwrap_or_default())
}

/// All that can be reached from `roots`, each with what it was reached from, the nearest first.
///
/// ```
/// use singletrack::sys::process_tree::reach;
///
/// let children = |pid| match pid {
///     1 => vec![2, 3],
///     3 => vec![4, 1], // a circle, which there is none of among processes
///     _ => vec![],
/// };
/// assert_eq!(reach(&[1], children), [(2, 1), (3, 1), (4, 3)]);
/// assert_eq!(reach(&[2, 4], children), []);
/// ```
pub fn reach(roots: &[u32], mut children: impl FnMut(u32) -> Vec<u32>) -> Vec<(u32, u32)> {
    let mut seen: BTreeSet<u32> = roots.iter().copied().collect();
    let mut found = Vec::new();
    let mut next = roots.to_vec();
    while !next.is_empty() {
        let before = found.len();
        for parent in next {
            let new = children(parent).into_iter().filter(|child| seen.insert(*child));
            found.extend(new.map(|child| (child, parent)));
        }
        next = found[before..].iter().map(|(child, _)| *child).collect();
    }
    found
}

fn kernel_lists_children() -> bool {
    static LISTS: OnceLock<bool> = OnceLock::new();
    *LISTS.get_or_init(|| Path::new("/proc/thread-self/children").exists())
}

/// The children of a process, of all its threads. None, if it is gone.
fn listed_children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| numbers_in(&list)).collect()
}

fn numbers_in(list: &str) -> Vec<u32> {
    list.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn all_processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The parent of a process, from a line such as `4711 (any) name) S 42 …`.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}
