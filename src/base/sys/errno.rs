//! How a system call says that it failed: minus one, and a number to be looked up.
//!
//! *Assumes*: calls of `libc` that answer -1 and set `errno`, as nearly all do.
//! *Promises*: what failed is an [`io::Error`] with the system's own number.
//! *Leaves out*: the calls themselves, each in the page of its noun.

use std::io;

/// What a call answered, if that is no failure.
///
/// # Errors
/// What the system says.
pub fn checked<N: PartialEq + From<i8>>(answer: N) -> io::Result<N> {
    if answer == N::from(-1) { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Makes a call, and again each time that a signal interrupts it (`EINTR`).
///
/// # Errors
/// What the system says else.
pub fn retry<N: PartialEq + From<i8>>(mut call: impl FnMut() -> N) -> io::Result<N> {
    loop {
        match checked(call()) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
