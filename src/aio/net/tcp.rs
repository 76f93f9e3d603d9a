//! TCP: a listener, a stream, and the look-up of names.
//!
//! *Assumes*: mio's `connect` does not block; the system's resolver does, so it runs on a thread
//! (`to_thread`, `aio/tasks/bridge.rs`).
//! *Promises*: std's semantics, with `.await` where std would block. While a name is looked up
//! the loop goes on; an address written as a number costs no thread.
//! *Leaves out*: TLS; a cache of names; trying two addresses at once (Happy Eyeballs, RFC 8305).

use crate::aio::net::async_fd::AsyncFd;
use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::tasks::bridge::to_thread;
use crate::sys::fd::Direction;
use crate::sys::fd::while_trying;
use crate::sys::socket;
use crate::sys::socket::ListenOptions;
use std::net::{IpAddr, Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};
use std::{io, net};

/// A socket that waits for connections.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{TcpListener, TcpStream};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
///     let address = listener.local_addr()?;
///     let server = singletrack::create_task(async move {
///         let (stream, _) = listener.accept().await?;
///         stream.write_all(b"hello").await
///     });
///     let client = TcpStream::connect(address).await?;
///     let mut greeting = [0; 5];
///     client.read_exact(&mut greeting).await?;
///     assert_eq!(&greeting, b"hello");
///     server.await.unwrap()
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "asyncio.start_server")]
pub struct TcpListener(AsyncFd<net::TcpListener>);

impl TcpListener {
    /// Listens on `address`; port 0 lets the system choose one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, `PermissionDenied`, the system's limits; and
    /// `NotConnected` outside a running loop.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_with(address, &ListenOptions::default())
    }

    /// [`bind`](Self::bind) with a backlog and socket options of your own.
    ///
    /// # Errors
    /// As `bind`.
    #[doc(alias = "reuse_port")]
    pub fn bind_with(address: SocketAddr, options: &ListenOptions) -> io::Result<Self> {
        let listening = socket::listen(address, options);
        let socket = listening.map_err(while_trying(format_args!("cannot listen on {address}")))?;
        Ok(TcpListener(AsyncFd::new(socket.into())?))
    }

    /// Takes over a listener of std's.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(TcpListener(AsyncFd::new(listener)?))
    }

    /// The next connection, and where it comes from.
    ///
    /// # Errors
    /// `EMFILE` when there are no descriptors left, and what `accept(2)` lists besides; the
    /// listener goes on working, but fails again at once: wait a little before the next try, as
    /// [servers](crate::aio::Server) do. A connection that was reset while it queued is skipped.
    #[doc(alias = "asyncio.loop.sock_accept")]
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.0.io_call(Direction::Read, accept).await?;
        Ok((TcpStream::from_std(stream)?, peer))
    }

    /// [`accept`](Self::accept) for hand-written futures.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let (stream, peer) = ready!(self.0.poll_io(cx, Direction::Read, accept))?;
        Poll::Ready(TcpStream::from_std(stream).map(|stream| (stream, peer)))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.io().as_fd()
    }
}

/// One connection from the queue, without those that were reset while they waited in it.
fn accept(listener: &net::TcpListener) -> io::Result<(net::TcpStream, SocketAddr)> {
    loop {
        match listener.accept() {
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
            other => return other,
        }
    }
}

/// A connection.
#[doc(alias = "asyncio.open_connection")]
pub type TcpStream = ByteStream<net::TcpStream>;

impl Bytes for net::TcpStream {
    const SHORT_READ_DRAINS: bool = true;
    const HALF_CLOSES: bool = true;

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

impl TcpStream {
    /// Connects to `address`.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, unreachable networks, the system's limits; and
    /// `NotConnected` outside a running loop.
    #[doc(alias = "asyncio.loop.sock_connect")]
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let tried = Self::connect_to(address).await;
        tried.map_err(while_trying(format_args!("cannot connect to {address}")))
    }

    /// [`connect`](Self::connect), for a caller that adds the address to the error itself.
    pub(crate) async fn connect_to(address: SocketAddr) -> io::Result<Self> {
        // std's `connect` blocks; mio's begins and returns.
        let begun = OwnedFd::from(mio::net::TcpStream::connect(address)?);
        let stream = TcpStream::new(net::TcpStream::from(begun))?;
        stream.async_fd().io_call(Direction::Write, connected).await?;
        Ok(stream)
    }

    /// Takes over a stream of std's.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    #[doc(alias = "asyncio.loop.connect_accepted_socket")]
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        TcpStream::new(stream)
    }

    /// Sends small writes at once instead of gathering them (`TCP_NODELAY`).
    ///
    /// # Errors
    /// What `setsockopt(2)` reports.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.async_fd().io().set_nodelay(on)
    }

    /// This end.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.async_fd().io().local_addr()
    }

    /// The other end.
    ///
    /// # Errors
    /// `NotConnected` once the peer is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.async_fd().io().peer_addr()
    }
}

/// A connect that has begun ends with an error on the socket or with a peer's name.
fn connected(stream: &net::TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        other => other.map(drop),
    }
}

/// The addresses of `host`, in the order in which the system wants them tried. Never empty.
///
/// # Errors
/// What the resolver reports, with the name; `Other` if it could not be asked.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::lookup_host;
///
/// let event_loop = EventLoop::new()?;
/// let found = event_loop.run_until_complete(lookup_host("127.0.0.1", 80))?;
/// assert_eq!(found, ["127.0.0.1:80".parse().unwrap()]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// When polled outside a running loop.
#[doc(alias = "asyncio.loop.getaddrinfo")]
pub async fn lookup_host(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let name = host.to_owned();
    let lookup = move || Ok((name.as_str(), port).to_socket_addrs()?.collect::<Vec<_>>());
    let failed = |e: io::Error| {
        let text = format!(
            "the name `{host}` could not be looked up: {e}; is it spelled right, and is the \
             network up?"
        );
        io::Error::new(e.kind(), text)
    };
    match to_thread(lookup).await.map_err(io::Error::other).flatten() {
        Ok(addresses) if addresses.is_empty() => {
            let text = format!("the name `{host}` has no address");
            Err(io::Error::new(io::ErrorKind::NotFound, text))
        }
        other => other.map_err(failed),
    }
}

impl TcpStream {
    /// Looks `host` up and connects to the first of its addresses that answers.
    ///
    /// # Errors
    /// As [`lookup_host`]; else that of the last address that was tried, with the name.
    ///
    /// # Panics
    /// When polled outside a running loop.
    #[doc(alias = "asyncio.loop.create_connection")]
    pub async fn connect_name(host: &str, port: u16) -> io::Result<Self> {
        let mut last = None;
        for address in lookup_host(host, port).await? {
            match TcpStream::connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(e) => last = Some((address, e)),
            }
        }
        let (address, e) = last.expect("there was at least one address");
        Err(while_trying(format_args!("cannot connect to `{host}` at {address}"))(e))
    }
}
