//! What std and mio do not say about sockets: how many connections may queue.
//!
//! *Assumes*: Linux, where `listen(2)` may be called again.
//! *Promises*: a socket that listens goes on listening.
//! *Leaves out*: everything else about sockets.
#![allow(unsafe_code)]

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

/// Lets `connections` queue until they are accepted, or as many as the system allows
/// (`net.core.somaxconn`). std and mio say 128. What comes on top is dropped in silence, and
/// the peer tries again a second later.
///
/// # Errors
/// What `listen(2)` reports.
pub fn set_backlog(listener: &TcpListener, connections: i32) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed, hence open; the call takes two numbers.
    match unsafe { libc::listen(listener.as_raw_fd(), connections) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
