//! TCP: a listener that accepts and a stream that reads and writes.
//!
//! *Assumes*: sources (`aio/source.rs`); mio for the non-blocking `connect`.
//! *Promises*: std's semantics, with `.await` where std would block. Reading and writing
//! take `&self`, so two tasks can share a stream; two readers of one stream take turns.
//! *Leaves out*: buffering, names (an address is a number here), TLS.

use crate::aio::source::Source;
use crate::event_loop::reactor::Direction;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

/// A socket that waits for connections.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::net::{TcpListener, TcpStream};
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
pub struct TcpListener(Source<net::TcpListener>);

impl TcpListener {
    /// Listens on `address`; port 0 lets the system choose one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable`, `PermissionDenied`, the system's limits; and
    /// `NotConnected` outside a running loop.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::from_std(net::TcpListener::bind(address)?)
    }

    /// Takes over a listener of std's.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn from_std(listener: net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(TcpListener(Source::new(listener)?))
    }

    /// The next connection, and where it comes from.
    ///
    /// # Errors
    /// `EMFILE` when there are no descriptors left, and what `accept(2)` lists besides; the
    /// listener goes on working. A connection that was reset while it queued is skipped.
    #[doc(alias = "asyncio.loop.sock_accept")]
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            let accepted =
                poll_fn(|cx| self.0.poll_io(cx, Direction::Read, net::TcpListener::accept)).await;
            match accepted {
                Ok((stream, peer)) => return Ok((TcpStream::from_std(stream)?, peer)),
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }
}

/// A connection.
#[derive(Debug)]
#[doc(alias = "asyncio.open_connection")]
pub struct TcpStream(Source<net::TcpStream>);

impl TcpStream {
    /// Connects to `address`.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, unreachable networks, the system's limits; and
    /// `NotConnected` outside a running loop.
    #[doc(alias = "asyncio.loop.sock_connect")]
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        // std's `connect` blocks; mio's begins and returns.
        let begun = OwnedFd::from(mio::net::TcpStream::connect(address)?);
        let stream = TcpStream(Source::new(net::TcpStream::from(begun))?);
        poll_fn(|cx| stream.poll_connected(cx)).await?;
        Ok(stream)
    }

    /// Takes over a stream of std's.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(TcpStream(Source::new(stream)?))
    }

    /// A connect that has begun ends with an error on the socket or with a peer's name.
    fn poll_connected(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_io(cx, Direction::Write, |stream| {
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
            match stream.peer_addr() {
                Err(e) if e.kind() == io::ErrorKind::NotConnected => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                other => other.map(drop),
            }
        })
    }

    /// Reads what there is, at least one byte, into `buffer`; 0 is the end of the stream.
    ///
    /// # Errors
    /// `ConnectionReset` and the rest of `recv(2)`.
    #[doc(alias = "asyncio.StreamReader.read")]
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, buffer)).await
    }

    /// [`read`](Self::read) for hand-written futures.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let room = buffer.len();
        self.0.poll_read(cx, room, |mut stream| stream.read(buffer))
    }

    /// Fills `buffer`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the stream ends first; and as [`read`](Self::read).
    #[doc(alias = "asyncio.StreamReader.readexactly")]
    pub async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => filled += n,
            }
        }
        Ok(())
    }

    /// Writes some of `bytes` and says how many.
    ///
    /// # Errors
    /// `BrokenPipe`, `ConnectionReset` and the rest of `send(2)`.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_write(cx, bytes)).await
    }

    /// [`write`](Self::write) for hand-written futures.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_io(cx, Direction::Write, |mut stream| stream.write(bytes))
    }

    /// Writes all of `bytes`. Dropped half way, it has written some of them.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    #[doc(alias = "asyncio.loop.sock_sendall")]
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => bytes = &bytes[n..],
            }
        }
        Ok(())
    }

    /// Closes one direction or both; the peer then reads the end of the stream.
    ///
    /// # Errors
    /// What `shutdown(2)` reports.
    #[doc(alias = "asyncio.StreamWriter.write_eof")]
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.io().shutdown(how)
    }

    /// Sends small writes at once instead of gathering them (`TCP_NODELAY`).
    ///
    /// # Errors
    /// What `setsockopt(2)` reports.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.0.io().set_nodelay(on)
    }

    /// This end.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// The other end.
    ///
    /// # Errors
    /// `NotConnected` once the peer is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }
}
