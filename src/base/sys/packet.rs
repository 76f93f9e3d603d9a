//! Sockets of whole messages, and memory that travels as a descriptor.
//!
//! *Assumes*: Linux (`SOCK_SEQPACKET` for Unix sockets, `memfd_create`).
//! *Promises*: what they make is close-on-exec, the sockets non-blocking; a message over such
//! a socket arrives whole or not at all, whoever dies, and in the order of sending.
//! *Leaves out*: sending and receiving (`base/sys/rights.rs`).
#![allow(unsafe_code)]

use crate::base::sys::errno::checked;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// Two connected sockets. Reading from one whose peer is closed everywhere gives first what
/// is still queued, then 0.
///
/// # Errors
/// What `socketpair(2)` reports: too many descriptors, mostly.
pub fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let mut ends = [-1; 2];
    // SAFETY: `ends` is a local array of the two integers that the call fills in.
    checked(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so both are open, and nobody else knows them yet.
    let [one, other] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    Ok((one, other))
}

/// True if the peer of this socket, wherever it is, has received all that was sent here.
///
/// # Errors
/// What `ioctl(2)` reports.
#[doc(alias = "SIOCOUTQ")]
pub fn all_received(socket: impl AsFd) -> io::Result<bool> {
    let mut count: libc::c_int = 0;
    // SAFETY: this command (SIOCOUTQ by its other name) writes one integer to where the pointer
    // says: a local that outlives the call; the descriptor is borrowed.
    checked(unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &mut count) })?;
    Ok(count == 0)
}

/// A file that exists in memory only, as long as somebody has it open.
///
/// # Errors
/// What `memfd_create(2)` reports.
pub fn memory_file() -> io::Result<File> {
    // SAFETY: the name is a literal that ends in zero; what the call gives is a descriptor
    // that nobody else has.
    unsafe {
        let fd = checked(libc::memfd_create(c"singletrack".as_ptr(), libc::MFD_CLOEXEC))?;
        Ok(File::from_raw_fd(fd))
    }
}
