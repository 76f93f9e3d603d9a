//! A listening TCP socket with the options that std does not offer.
//!
//! *Assumes*: Linux (`SO_REUSEPORT`, `SOCK_CLOEXEC`).
//! *Promises*: the socket is non-blocking and closed on exec from its first moment; on any
//! error nothing stays open.
//! *Leaves out*: everything std's sockets do as well.
#![allow(unsafe_code)]

use crate::base::sys::errno::checked;
use std::io;
use std::mem::size_of;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// How to listen.
///
/// ```
/// use singletrack::base::sys::socket::ListenOptions;
///
/// let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
/// assert!(options.reuse_address);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOptions {
    /// How many connections may queue until they are accepted. 1024 unless told otherwise;
    /// asyncio's default is 100. The system caps it (`net.core.somaxconn`).
    pub backlog: u32,
    /// Bind although connections of an earlier listener linger in `TIME_WAIT`
    /// (`SO_REUSEADDR`). True unless told otherwise, as in asyncio and std.
    pub reuse_address: bool,
    /// Let several listeners share the address, and the kernel deal connections out to them
    /// (`SO_REUSEPORT`). All of them must say so.
    pub reuse_port: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        ListenOptions { backlog: 1024, reuse_address: true, reuse_port: false }
    }
}

/// Opens, binds and listens.
///
/// # Errors
/// What `socket(2)`, `bind(2)` and `listen(2)` report.
pub fn listen(address: SocketAddr, options: &ListenOptions) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the call takes three numbers; what it gives is a descriptor that nobody else has.
    let socket = unsafe { OwnedFd::from_raw_fd(checked(libc::socket(family, kind, 0))?) };
    if options.reuse_address {
        switch_on(&socket, libc::SO_REUSEADDR)?;
    }
    if options.reuse_port {
        switch_on(&socket, libc::SO_REUSEPORT)?;
    }
    bind(&socket, address)?;
    let backlog = options.backlog.min(i32::MAX as u32) as i32;
    // SAFETY: the descriptor is ours and open.
    checked(unsafe { libc::listen(socket.as_raw_fd(), backlog) })?;
    Ok(socket)
}

/// Lets `connections` of a listener that somebody else made queue until they are accepted, or
/// as many as the system allows. std and mio say 128. What comes on top is dropped in silence,
/// and the peer tries again a second later.
///
/// # Errors
/// What `listen(2)` reports.
pub fn set_backlog(listener: &TcpListener, connections: i32) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed, hence open; the call takes two numbers.
    checked(unsafe { libc::listen(listener.as_raw_fd(), connections) }).map(drop)
}

fn switch_on(socket: &OwnedFd, option: i32) -> io::Result<()> {
    let one: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    let value = (&raw const one).cast();
    // SAFETY: `value` points to a local of `length` bytes that outlives the call.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, length) };
    checked(result).map(drop)
}

fn bind(socket: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(v4) => bind_as(
            socket,
            &libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            },
        ),
        SocketAddr::V6(v6) => bind_as(
            socket,
            &libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            },
        ),
    }
}

/// `A` is one of the two address structs above.
fn bind_as<A>(socket: &OwnedFd, address: &A) -> io::Result<()> {
    let pointer = (&raw const *address).cast();
    // SAFETY: `pointer` leads to a whole `A`, of the length given, that outlives the call; the
    // kernel checks the family in its first field.
    let result =
        unsafe { libc::bind(socket.as_raw_fd(), pointer, size_of::<A>() as libc::socklen_t) };
    checked(result).map(drop)
}
