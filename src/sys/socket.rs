//! Sockets beyond std's: listeners with options, whole messages, descriptors sent.
//!
//! *Assumes*: Linux (`SO_REUSEPORT`, `SOCK_CLOEXEC`, `SOCK_SEQPACKET`, `SCM_RIGHTS`,
//! `memfd_create`); of a stream that carries descriptors, one thread reads at a time.
//! *Promises*: every descriptor made or received here is close-on-exec from its first moment, and
//! on an error none stays open; new sockets are non-blocking. A message over a socket of packets
//! arrives whole or not at all, whichever side dies, and in the order of sending. Descriptors
//! arrive no later than the first byte they were sent with. `EINTR` is retried.
//! *Leaves out*: all that std's sockets do as well; credentials; more than [`MAX_RIGHTS`]
//! descriptors at a time.
#![allow(unsafe_code)]

use crate::sys::fd::{checked, retry};
use std::io;
use std::mem::{size_of, size_of_val};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// How to listen.
///
/// ```
/// use singletrack::sys::socket::ListenOptions;
///
/// let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
/// assert!(options.reuse_address);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOptions {
    /// How many connections may queue until they are accepted. 1024 by default; asyncio's
    /// default is 100. The system caps it (`net.core.somaxconn`).
    pub backlog: u32,
    /// Bind although connections of an earlier listener linger in `TIME_WAIT`
    /// (`SO_REUSEADDR`). True by default, as in asyncio and std.
    pub reuse_address: bool,
    /// Let several listeners share the address, and the kernel deal connections out to them
    /// (`SO_REUSEPORT`). All of them must set it.
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
    // SAFETY: the call takes three numbers and returns a descriptor that nothing else owns.
    let socket = unsafe { OwnedFd::from_raw_fd(checked(libc::socket(family, kind, 0))?) };
    if options.reuse_address {
        switch_on(&socket, libc::SO_REUSEADDR)?;
    }
    if options.reuse_port {
        switch_on(&socket, libc::SO_REUSEPORT)?;
    }
    bind(&socket, address)?;
    let backlog = options.backlog.min(i32::MAX as u32) as i32;
    // SAFETY: the call takes two numbers; `socket` owns the descriptor, so it is open.
    checked(unsafe { libc::listen(socket.as_raw_fd(), backlog) })?;
    Ok(socket)
}

/// Sets how many connections of an existing listener may queue until they are accepted; the system
/// may allow fewer. std and mio set 128. One that finds the queue full is dropped without an
/// answer, and its peer tries again a second later.
///
/// # Errors
/// What `listen(2)` reports.
pub fn set_backlog(listener: &TcpListener, connections: i32) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed, hence open; the call takes two numbers.
    checked(unsafe { libc::listen(listener.as_raw_fd(), connections) }).map(drop)
}

fn switch_on(socket: &OwnedFd, option: i32) -> io::Result<()> {
    set_option::<libc::c_int>(socket.as_fd(), option, &1)
}

/// Has the close of a TCP socket end the connection at once, with a reset, in both directions.
///
/// # Errors
/// What `setsockopt(2)` reports.
#[doc(alias = "SO_LINGER")]
pub fn reset_on_close(socket: impl AsFd) -> io::Result<()> {
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    set_option(socket.as_fd(), libc::SO_LINGER, &at_once)
}

/// `V` is what the option's page says.
fn set_option<V>(socket: BorrowedFd<'_>, option: i32, value: &V) -> io::Result<()> {
    let (value, length) = ((&raw const *value).cast(), size_of::<V>() as libc::socklen_t);
    // SAFETY: `value` points to `length` bytes that are borrowed for the call, of which the kernel
    // reads as many as it needs or refuses; the descriptor is borrowed.
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
    // SAFETY: the call succeeded, so both are open, and nothing else owns them yet.
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

/// Reads some of what has arrived over a stream and throws it away; 0 at the end. TCP copies
/// nothing for it.
///
/// # Errors
/// What `recv(2)` reports; `WouldBlock` if nothing is there.
#[doc(alias = "MSG_TRUNC")]
pub fn discard(socket: impl AsFd) -> io::Result<usize> {
    let mut room = [0u8; 16 << 10];
    let count = retry(|| {
        let (fd, flags) = (socket.as_fd().as_raw_fd(), libc::MSG_TRUNC | libc::MSG_DONTWAIT);
        // SAFETY: pointer and length are those of a local array; the descriptor is borrowed. The
        // flag makes TCP count bytes instead of copying them, and never write beyond the length.
        unsafe { libc::recv(fd, room.as_mut_ptr().cast(), room.len(), flags) }
    })?;
    Ok(count as usize)
}

/// How many descriptors may go with one message.
pub const MAX_RIGHTS: usize = 8;

/// Room for one control message with `MAX_RIGHTS` descriptors, aligned as `cmsghdr` wants.
type Control = [u64; 8];

/// Sends all of `bytes` over a stream, with duplicates of `rights`.
///
/// # Errors
/// What `sendmsg(2)` reports.
///
/// # Panics
/// With no bytes or more than [`MAX_RIGHTS`] descriptors.
pub fn send(socket: impl AsFd, bytes: &[u8], rights: &[BorrowedFd<'_>]) -> io::Result<()> {
    let socket = socket.as_fd();
    let sent = send_some(socket, bytes, rights)?;
    let mut rest = &bytes[sent..];
    while !rest.is_empty() {
        rest = &rest[send_some(socket, rest, &[])?..];
    }
    Ok(())
}

/// One `sendmsg`: over a stream some of the bytes, over a socket of packets all or none.
///
/// # Errors
/// What `sendmsg(2)` reports.
///
/// # Panics
/// As [`send`].
pub fn send_some(socket: impl AsFd, bytes: &[u8], rights: &[BorrowedFd<'_>]) -> io::Result<usize> {
    assert!(!bytes.is_empty() && rights.len() <= MAX_RIGHTS, "nothing to carry, or too much");
    let fds: Vec<RawFd> = rights.iter().map(|fd| fd.as_raw_fd()).collect();
    let mut control: Control = [0; 8];
    let mut piece =
        libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let length = size_of_val(&fds[..]) as u32;
    // SAFETY: `msghdr` is plain data, for which all zeros is a valid value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &mut piece;
    message.msg_iovlen = 1;
    if !fds.is_empty() {
        message.msg_control = control.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE only computes; for MAX_RIGHTS descriptors it is 48, and
        // `control` has 64 bytes.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(length) } as usize;
        // SAFETY: `msg_control` points to `control`, which is zeroed, aligned for `cmsghdr`,
        // and has room for one header and the data, so CMSG_FIRSTHDR gives a pointer into it
        // and CMSG_DATA points to `length` bytes still inside.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(length) as usize;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            std::ptr::copy_nonoverlapping(fds.as_ptr(), data, fds.len());
        }
    }
    let count = retry(|| {
        // SAFETY: `message` points to `piece` and `control`, locals that outlive the call;
        // sending reads `bytes` and does not write through `iov_base`.
        unsafe { libc::sendmsg(socket.as_fd().as_raw_fd(), &message, libc::MSG_NOSIGNAL) }
    })?;
    Ok(count as usize)
}

/// Receives some bytes and appends the descriptors that came along to `rights`; 0 means
/// that the other end is closed. If this process can open no more descriptors, those that came are
/// lost without an error: count them.
///
/// # Errors
/// What `recvmsg(2)` reports; `WouldBlock` when the socket's time limit passes.
pub fn receive(
    socket: impl AsFd,
    buffer: &mut [u8],
    rights: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut control: Control = [0; 8];
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `msghdr` is plain data, for which all zeros is a valid value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    let count = retry(|| {
        // SAFETY: `message` points to `piece` and `control`, locals that outlive the call, and
        // `piece` to `buffer`, which is borrowed mutably.
        unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC) }
    })?;
    // SAFETY: the kernel has filled in `control` and set `msg_controllen` to what it used, so
    // the CMSG functions walk only over complete headers inside it. `cmsg_len` counts header
    // and data. Each descriptor in it was just opened for this call, and nothing else owns it.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&message);
        while !header.is_null() {
            if ((*header).cmsg_level, (*header).cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let length = (*header).cmsg_len - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for i in 0..length / size_of::<RawFd>() {
                    rights.push(OwnedFd::from_raw_fd(data.add(i).read_unaligned()));
                }
            }
            header = libc::CMSG_NXTHDR(&message, header);
        }
    }
    Ok(count as usize)
}
