//! Ctrl-C as an exit code.
//!
//! *Assumes*: a command with nothing to clean up but its children, which die with it.
//! *Promises*: `SIGINT` ends the process at once with code 130, the shell's 128 + 2.
//! *Leaves out*: signals as events; a program that wants those has an event loop.
#![allow(unsafe_code)]

use crate::base::sys::errno::checked;
use std::io;

/// The exit code after `SIGINT`.
pub const EXIT_CODE: i32 = 128 + libc::SIGINT;

extern "C" fn leave(_signal: libc::c_int) {
    // SAFETY: `_exit` may be called from a signal handler; it runs no code of ours.
    unsafe { libc::_exit(EXIT_CODE) }
}

/// From now on `SIGINT` ends this process with code 130. Children start without this.
///
/// # Errors
/// What `sigaction(2)` reports.
pub fn exit_on_interrupt() -> io::Result<()> {
    // SAFETY: all zeroes is a `sigaction` with an empty mask and no flags. `leave` has the
    // type of a handler, lives as long as the program, and only calls `_exit`.
    let installed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = leave as extern "C" fn(libc::c_int) as usize;
        libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut())
    };
    checked(installed).map(drop)
}
