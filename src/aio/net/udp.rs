//! UDP: messages that may be lost, doubled or reordered, but are never cut.
//!
//! *Promises*: std's semantics, with `.await` where std would block; a destination that
//! refuses is an error of one call, not the end of the socket.
//! *Leaves out*: multicast. [`std::net::UdpSocket`] can join a group; then take it over.

use crate::aio::net::async_fd::AsyncFd;
use crate::sys::fd::Direction;
use crate::sys::fd::while_trying;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

/// A socket for messages.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::UdpSocket;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let here = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
///     let there = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
///     there.send_to(b"hello", here.local_addr()?).await?;
///     let mut message = [0; 16];
///     let (length, sender) = here.recv_from(&mut message).await?;
///     assert_eq!((&message[..length], sender), (&b"hello"[..], there.local_addr()?));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "asyncio.loop.create_datagram_endpoint")]
pub struct UdpSocket(AsyncFd<net::UdpSocket>);

impl UdpSocket {
    /// Receives at `address`; port 0 lets the system choose one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, `PermissionDenied`, the system's limits; and
    /// `NotConnected` outside a running loop.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let bound = net::UdpSocket::bind(address);
        let socket = bound.map_err(while_trying(format_args!("cannot receive at {address}")))?;
        socket.set_nonblocking(true)?; // nobody shares it
        Ok(UdpSocket(AsyncFd::new(socket)?))
    }

    /// Takes over a socket of std's, as [`AsyncFd::take_over`] says.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<Self> {
        Ok(UdpSocket(AsyncFd::take_over(socket)?))
    }

    /// Makes `peer` the destination of [`send`](Self::send), and the only sender to receive from.
    /// No message is exchanged.
    ///
    /// # Errors
    /// What `connect(2)` reports.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        self.0.io().connect(peer)
    }

    /// Sends one message to the connected peer.
    ///
    /// # Errors
    /// `NotConnected` without a peer; `EMSGSIZE` when it is too long; `ConnectionRefused`
    /// when an earlier message found no receiver.
    pub async fn send(&self, message: &[u8]) -> io::Result<usize> {
        self.0.io_call(Direction::Write, |io| io.send(message)).await
    }

    /// Sends one message to `peer`.
    ///
    /// # Errors
    /// `EMSGSIZE` when it is too long, and the rest of `sendto(2)`.
    #[doc(alias = "asyncio.loop.sock_sendto")]
    pub async fn send_to(&self, message: &[u8], peer: SocketAddr) -> io::Result<usize> {
        self.0.io_call(Direction::Write, |io| io.send_to(message, peer)).await
    }

    /// Receives one message from the connected peer; what does not fit into `buffer` is lost.
    ///
    /// # Errors
    /// `ConnectionRefused` when an earlier message found no receiver (asyncio calls
    /// `error_received`); the socket goes on working.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.io_call(Direction::Read, |io| io.recv(buffer)).await
    }

    /// Receives one message, and the address of its sender.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[doc(alias = "asyncio.loop.sock_recvfrom")]
    #[doc(alias = "asyncio.loop.sock_recvfrom_into")]
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.io_call(Direction::Read, |io| io.recv_from(buffer)).await
    }

    /// [`send_to`](Self::send_to) for hand-written futures.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        message: &[u8],
        peer: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.0.poll_io(cx, Direction::Write, |io| io.send_to(message, peer))
    }

    /// [`recv_from`](Self::recv_from) for hand-written futures.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.0.poll_io(cx, Direction::Read, |io| io.recv_from(buffer))
    }

    /// Where it receives.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// The socket of std's, for options.
    pub fn as_std(&self) -> &net::UdpSocket {
        self.0.io()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.io().as_fd()
    }
}
