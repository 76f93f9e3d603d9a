//! A child by its descriptor: opened, watched, sent signals; and collected.
//!
//! *Assumes*: Linux 5.3 (`pidfd_open`).
//! *Promises*: processes are killed by descriptor, never by number, so that no other process is hit which got
//! the number of a dead child.
//! *Leaves out*: what a process has started itself (`sys/process_tree.rs`).
#![allow(unsafe_code)]

use crate::sys::death::Death;
use crate::sys::fd::{checked, name_refused, retry};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// A descriptor that stands for a child: readable when it is dead.
///
/// # Errors
/// What `pidfd_open(2)` reports.
pub fn pidfd_open(child: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes a number and flags, and returns a descriptor that nothing else owns.
    unsafe {
        let fd = checked(libc::syscall(libc::SYS_pidfd_open, child as libc::pid_t, 0))
            .map_err(name_refused("pidfd_open"))?;
        Ok(OwnedFd::from_raw_fd(fd as RawFd))
    }
}

/// Whether this process may send signals by descriptor, asked of a child of its own. Where it may
/// not, no child could be killed, and each limit would be one in name only.
///
/// # Errors
/// The system's refusal, with the name of the call.
pub(crate) fn can_signal(child: BorrowedFd<'_>) -> io::Result<()> {
    send_signal(child, 0).map_err(name_refused("pidfd_send_signal"))
}

/// Sends a signal to the process behind a pidfd; to a dead one it sends nothing.
///
/// # Errors
/// What `pidfd_send_signal(2)` reports, except `ESRCH`.
pub fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let info = std::ptr::null_mut::<libc::siginfo_t>();
    // SAFETY: the descriptor is borrowed, hence open; no info and no flags are allowed.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, info, 0) };
    match checked(result) {
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        sent => sent.map(drop),
    }
}

/// Waits for a child to end and collects it, so that it is no zombie any more.
///
/// # Errors
/// `ECHILD` if this is no child of ours, or was collected before.
pub fn wait(child: u32) -> io::Result<Death> {
    // SAFETY: `siginfo_t` is plain data, for which all zeros is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is a local that outlives the call.
    retry(|| unsafe { libc::waitid(libc::P_PID, child, &mut info, libc::WEXITED) })?;
    // SAFETY: after a successful `waitid` for an ended child the status field is the one set.
    let status = unsafe { info.si_status() };
    Ok(if info.si_code == libc::CLD_EXITED { Death::Code(status) } else { Death::Signal(status) })
}

/// Waits until one of the processes behind these pidfds has ended, or the time is up (`None`:
/// no limit). Returns the indices of all that have. `multiprocessing.connection.wait` in Python.
///
/// # Errors
/// What `poll(2)` reports, except `EINTR`: then the answer is empty, as after a timeout; or, with no
/// time to wait, asked for again.
#[doc(alias = "sentinel")]
pub fn wait_for_exit(
    pidfds: &[BorrowedFd<'_>],
    timeout: Option<Duration>,
) -> io::Result<Vec<usize>> {
    let entry =
        |fd: &BorrowedFd<'_>| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut entries: Vec<libc::pollfd> = pidfds.iter().map(entry).collect();
    let millis =
        timeout.map_or(-1, |t| t.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32);
    loop {
        let count = entries.len() as libc::nfds_t;
        // SAFETY: pointer and count are those of a live vector; the descriptors are borrowed.
        match checked(unsafe { libc::poll(entries.as_mut_ptr(), count, millis) }) {
            // Who does not wait asks once, for an edge that is not told again: "no" must be true.
            Err(e) if e.kind() == io::ErrorKind::Interrupted && millis == 0 => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(Vec::new()),
            Err(e) => return Err(e),
            Ok(_) => return Ok((0..entries.len()).filter(|i| entries[*i].revents != 0).collect()),
        }
    }
}
