//! Unix sockets: streams, their listener, and datagrams.
//!
//! *Assumes*: mio's `connect` does not block; `flock` on a directory.
//! *Promises*: a socket file that belongs to no socket any more is replaced at bind; a live server
//! keeps its file and notices nothing; of several that bind the same path at the same time, exactly
//! one has it. The file that a bind made is removed at close, unless another file has taken its
//! place. A connect waits while the listener's queue is full.
//! *Leaves out*: passing descriptors and credentials.
//!
//! How a bind over an existing file goes:
//!
//! ```text
//!   bind ── EADDRINUSE ──► lock the directory ──► is the file a socket's?
//!                                                   │ alive          │ nobody's
//!                                                   ▼                ▼
//!                                               AddrInUse      remove it, bind, unlock
//! ```
//! *Is it alive?* A datagram socket is connected to the path: a stream socket that lives there is
//! of the wrong type (`EPROTOTYPE`), and no listener ever learns of the attempt; where no socket is,
//! it is refused. *The lock* (`flock`) keeps out other loops and processes that are about to remove
//! the same file; it leaves nothing behind, and ends with its process.
//!
//! asyncio, too, removes a socket file before it binds, but without asking whether a server
//! listens there. Here, taking a live server's address is an error.

use crate::aio::net::async_fd::AsyncFd;
use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::time::sleep::sleep;
use crate::base::origin::Origin;
use crate::sys::fd::Direction;
use crate::sys::fd::while_trying;
use std::fs::{self, File, TryLockError};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{self, SocketAddr};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Pauses between two looks at a queue that was full, or at a lock that was held.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// A bind holds the lock of a directory for some microseconds. What holds it longer is not a bind.
const LOCK_LIMIT: Duration = Duration::from_secs(1);

/// A connection between two processes of one machine.
pub type UnixStream = ByteStream<net::UnixStream>;

impl Bytes for net::UnixStream {
    const SHORT_READ_DRAINS: bool = false;
    const HALF_CLOSES: bool = true;

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown(how)
    }
}

impl UnixStream {
    /// Connects to the listener at `path`.
    ///
    /// While the listener's queue is full, it waits, as std's `connect` does: for as long as the
    /// caller likes, see [`timeout`](crate::aio::timeout). The system reports to nobody that there
    /// is room in a Unix listener's queue again, so it is asked: after 1 ms, then 2, and so on to
    /// 32 ms. (Those who ask are not in the order in which they came.)
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused` when there is no listener at the file, `PermissionDenied`.
    #[doc(alias = "asyncio.open_unix_connection")]
    #[doc(alias = "asyncio.loop.create_unix_connection")]
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let connected = match SocketAddr::from_pathname(path) {
            Ok(address) => Self::connect_addr(&address).await,
            Err(unfit) => Err(unfit),
        };
        connected.map_err(while_trying(format_args!("cannot connect to {}", path.display())))
    }

    /// [`connect`](Self::connect) to an address, such as one in the abstract namespace
    /// (`std::os::linux::net::SocketAddrExt`).
    ///
    /// # Errors
    /// As `connect`.
    pub async fn connect_addr(address: &SocketAddr) -> io::Result<Self> {
        let mut pause = FIRST_PAUSE;
        loop {
            match mio::net::UnixStream::connect_addr(address) {
                Ok(connected) => return UnixStream::new(OwnedFd::from(connected).into()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => sleep(pause).await,
                Err(e) => return Err(e),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Two streams, connected to each other.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = net::UnixStream::pair()?;
        Ok((Self::of_our_own(one)?, Self::of_our_own(other)?))
    }

    /// Takes over a stream of std's, as [`AsyncFd::take_over`] says.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    pub fn from_std(stream: net::UnixStream) -> io::Result<Self> {
        UnixStream::take_over(stream)
    }

    /// Gives the stream back to std, as [`TcpStream::into_std`](crate::aio::TcpStream::into_std) does.
    ///
    /// # Errors
    /// As there.
    pub fn into_std(self) -> io::Result<net::UnixStream> {
        self.async_fd().io().try_clone()
    }

    /// A stream that nobody shares.
    fn of_our_own(stream: net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        UnixStream::new(stream)
    }
}

/// A socket that waits for connections at a path.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{UnixListener, UnixStream};
///
/// let path = std::env::temp_dir().join(format!("singletrack-doc-{}", std::process::id()));
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let listener = UnixListener::bind(&path)?;
///     let client = UnixStream::connect(&path).await?;
///     let (server, _) = listener.accept().await?;
///     client.write_all(b"x").await?;
///     server.read_exact(&mut [0]).await
/// })?;
/// assert!(!path.exists(), "closing the listener removed its file");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "asyncio.start_unix_server")]
pub struct UnixListener {
    // Fields drop in order. As long as the socket is open, its file's number belongs to it, so
    // the file that is removed cannot be another's. (asyncio closes first.)
    _file: Option<SocketFile>,
    async_fd: AsyncFd<net::UnixListener>,
}

impl UnixListener {
    /// Listens at `path`, in place of a socket file that has no listener any more.
    ///
    /// # Errors
    /// `AddrInUse` if a server listens there, or if the file is no socket; `NotFound`,
    /// `PermissionDenied`; `ResourceBusy` if there is a file to be replaced and other code keeps
    /// its directory locked for a second; and `NotConnected` outside a running loop.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let bind = |path: &Path| net::UnixListener::bind(path);
        let (listener, file) = SocketFile::bind(path.as_ref(), "listen on", bind)?;
        listener.set_nonblocking(true)?;
        Ok(UnixListener { async_fd: AsyncFd::new(listener)?, _file: Some(file) })
    }

    /// Takes over a listener of std's, and leaves its file, if it has one, alone. As with
    /// [`TcpListener::from_std`](crate::aio::TcpListener::from_std), it stays non-blocking.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(UnixListener { async_fd: AsyncFd::new(listener)?, _file: None })
    }

    /// The next connection, and the name of its other end, mostly none.
    ///
    /// # Errors
    /// As [`TcpListener::accept`](crate::aio::TcpListener::accept).
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let accepted = self.async_fd.io_call(Direction::Read, net::UnixListener::accept).await?;
        Ok((UnixStream::of_our_own(accepted.0)?, accepted.1))
    }

    /// [`accept`](Self::accept) for hand-written futures.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = self.async_fd.poll_io(cx, Direction::Read, net::UnixListener::accept);
        let (stream, peer) = ready!(accepted)?;
        Poll::Ready(UnixStream::of_our_own(stream).map(|stream| (stream, peer)))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.async_fd.io().local_addr()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.async_fd.io().as_fd()
    }
}

/// A socket for messages between processes of one machine. None is lost or cut short on the
/// way, unless the receiver's buffer is too small for it.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::UnixDatagram;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let (here, there) = UnixDatagram::pair()?;
///     there.send(b"one").await?;
///     there.send(b"two").await?;
///     let mut message = [0; 16];
///     assert_eq!(here.recv(&mut message).await?, 3); // messages do not run together
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct UnixDatagram {
    // Dropped first, as in a listener.
    _file: Option<SocketFile>,
    async_fd: AsyncFd<net::UnixDatagram>,
}

impl UnixDatagram {
    /// Receives at `path`, in place of a socket file that has no socket any more.
    ///
    /// # Errors
    /// As [`UnixListener::bind`].
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let bind = |path: &Path| net::UnixDatagram::bind(path);
        let (socket, file) = SocketFile::bind(path.as_ref(), "receive at", bind)?;
        Self::of_our_own(socket, Some(file))
    }

    /// A socket without a name: it can send, and receives no answers.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    pub fn unbound() -> io::Result<Self> {
        Self::of_our_own(net::UnixDatagram::unbound()?, None)
    }

    /// Two sockets, connected to each other.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = net::UnixDatagram::pair()?;
        Ok((Self::of_our_own(one, None)?, Self::of_our_own(other, None)?))
    }

    /// A socket that nobody shares.
    fn of_our_own(socket: net::UnixDatagram, file: Option<SocketFile>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(UnixDatagram { async_fd: AsyncFd::new(socket)?, _file: file })
    }

    /// Takes over a socket of std's, as [`AsyncFd::take_over`] says, and leaves its file, if it has
    /// one, alone.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<Self> {
        Ok(UnixDatagram { async_fd: AsyncFd::take_over(socket)?, _file: None })
    }

    /// Makes `path` the destination of [`send`](Self::send), and the only sender to receive from.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused`, `PermissionDenied`.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.async_fd.io().connect(path)
    }

    /// Sends one message to the connected socket; waits while its queue is full.
    ///
    /// # Errors
    /// `NotConnected` without a destination; `ConnectionRefused` once it is gone; `EMSGSIZE`.
    pub async fn send(&self, message: &[u8]) -> io::Result<usize> {
        self.async_fd.io_call(Direction::Write, |io| io.send(message)).await
    }

    /// Sends one message to `path`.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused`, `EMSGSIZE`; `WouldBlock` when the receiver's queue is
    /// full: the system does not report when another socket's queue has room, so try again later,
    /// or [`connect`](Self::connect): of the connected socket it does.
    pub fn try_send_to(&self, message: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        self.async_fd.io().send_to(message, path)
    }

    /// Receives one message; what does not fit into `buffer` is lost.
    ///
    /// # Errors
    /// What `recv(2)` reports.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.async_fd.io_call(Direction::Read, |io| io.recv(buffer)).await
    }

    /// [`recv`](Self::recv), and the address of the sender.
    ///
    /// # Errors
    /// What `recvfrom(2)` reports.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.async_fd.io_call(Direction::Read, |io| io.recv_from(buffer)).await
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.async_fd.io().as_fd()
    }
}

/// Binds a socket to `path`, in place of the file of a socket that is gone. Where no file is, the
/// system itself sees to it that one bind wins.
fn bind_or_replace<S>(path: &Path, bind: impl Fn(&Path) -> io::Result<S>) -> io::Result<S> {
    match bind(path) {
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
            let is_socket = |data: fs::Metadata| data.file_type().is_socket();
            if !fs::symlink_metadata(path).is_ok_and(is_socket) || !is_stale(path)? {
                return Err(e);
            }
        }
        done => return done,
    }
    let _locked = lock_directory(path)?;
    // Another may have taken the place until we had the lock; from now on none does.
    if is_stale(path)? {
        fs::remove_file(path)?;
    }
    bind(path)
}

/// True if no socket is bound to the socket file at `path` any more. A probe of datagrams cannot
/// reach a listener, whose streams are of another type; and it sends nothing to a receiver.
fn is_stale(path: &Path) -> io::Result<bool> {
    let probed = net::UnixDatagram::unbound()?.connect(path);
    Ok(probed.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused))
}

/// Holds the lock of the directory of `path`. It blocks the loop, but for the microseconds that a
/// bind takes.
fn lock_directory(path: &Path) -> io::Result<File> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = File::open(directory.unwrap_or(Path::new(".")))?;
    let (mut pause, mut waited) = (FIRST_PAUSE / 10, Duration::ZERO);
    loop {
        match directory.try_lock() {
            Ok(()) => return Ok(directory),
            Err(TryLockError::Error(e)) => return Err(e),
            Err(TryLockError::WouldBlock) if waited >= LOCK_LIMIT => {
                let text = "a socket file whose owner is gone is in the way, and its directory is \
                            locked by another program; remove the file by hand";
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        std::thread::sleep(pause);
        (pause, waited) = ((pause * 2).min(LONGEST_PAUSE), waited + pause);
    }
}

/// The file that a bind has made. Dropped where it was made, it removes the file, if it still is the
/// same. A copy that came with a fork leaves it: the original listens there.
#[derive(Debug)]
struct SocketFile {
    origin: Origin,
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Binds a socket to `path`, in place of a stale file, and records the file that it made.
    fn bind<S>(
        path: &Path,
        purpose: &str,
        bind: impl Fn(&Path) -> io::Result<S>,
    ) -> io::Result<(S, Self)> {
        let bound = bind_or_replace(path, bind);
        let socket =
            bound.map_err(while_trying(format_args!("cannot {purpose} {}", path.display())))?;
        let path = std::path::absolute(path)?;
        let identity = identity(&path)?;
        Ok((socket, SocketFile { origin: Origin::here(), path, identity }))
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let data = fs::symlink_metadata(path)?;
    Ok((data.dev(), data.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.origin.is_copy() && identity(&self.path).is_ok_and(|found| found == self.identity)
        {
            // A file that cannot be removed is replaced by the next bind.
            let _ = fs::remove_file(&self.path);
        }
    }
}
