//! TCP: a listener, and a stream, also to a name.
//!
//! *Assumes*: mio's `connect` does not block.
//! *Promises*: std's semantics, with `.await` where std would block. A connect by name tries each
//! of its addresses, the next one at most a quarter of a second after the one before.
//! *Leaves out*: TLS; how names are looked up (`aio/net/lookup.rs`); in which order addresses are
//! tried (`aio/net/race.rs`).

use crate::aio::net::async_fd::AsyncFd;
use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::net::lookup::lookup_host;
use crate::aio::net::race::{ATTEMPT_DELAY, AddressRace, Step};
use crate::aio::time::sleep::{Sleep, sleep};
use crate::sys::fd::Direction;
use crate::sys::fd::while_trying;
use crate::sys::socket;
use crate::sys::socket::ListenOptions;
use std::future::{Future, poll_fn};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
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

    /// Takes over a listener of std's. It stays in non-blocking mode afterwards: loops of other
    /// processes may accept from it as well, and an accept that blocks would stop them.
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
    /// `EMFILE`, `ENFILE`, `ENOBUFS` or `ENOMEM` when the system has run out of something: the
    /// listener goes on working, but fails again at once, so wait a little before the next try, as
    /// [servers](crate::aio::Server) do. What `accept(2)` lists besides was the fault of one
    /// connection, and the next may be sound. One that was reset while it queued is skipped.
    #[doc(alias = "asyncio.loop.sock_accept")]
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.0.io_call(Direction::Read, accept).await?;
        Ok((TcpStream::of_our_own(stream)?, peer))
    }

    /// [`accept`](Self::accept) for hand-written futures.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let (stream, peer) = ready!(self.0.poll_io(cx, Direction::Read, accept))?;
        Poll::Ready(TcpStream::of_our_own(stream).map(|stream| (stream, peer)))
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

    /// Takes over a stream of std's, as [`AsyncFd::take_over`] says.
    ///
    /// # Errors
    /// The system's limits; and `NotConnected` outside a running loop.
    #[doc(alias = "asyncio.loop.connect_accepted_socket")]
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        TcpStream::take_over(stream)
    }

    /// Gives the stream back to std, still in non-blocking mode if it was made here, and otherwise
    /// in the mode that it came in.
    ///
    /// # Errors
    /// `EMFILE`: for a moment it needs a second descriptor.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        self.async_fd().io().try_clone()
    }

    /// Reads what there is, at least one byte, and leaves it there to be read again.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[doc(alias = "MSG_PEEK")]
    pub fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.async_fd().io_call(Direction::Read, move |io| io.peek(buffer))
    }

    /// A stream that nobody shares.
    fn of_our_own(stream: net::TcpStream) -> io::Result<Self> {
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

impl TcpStream {
    /// Looks `host` up and connects to the first of its addresses that answers. They are tried as
    /// RFC 8305 says: another one beside those before it when 250 ms have brought no answer, or at
    /// once when one has failed; so one dead address costs a quarter of a second. The attempts that
    /// did not win are given up.
    ///
    /// # Errors
    /// As [`lookup_host`]; else that of the address that failed last, with the name.
    ///
    /// # Panics
    /// When polled outside a running loop.
    #[doc(alias = "asyncio.loop.create_connection")]
    #[doc(alias = "happy_eyeballs_delay")]
    pub async fn connect_name(host: &str, port: u16) -> io::Result<Self> {
        let mut race = Connecting::new(lookup_host(host, port).await?);
        poll_fn(|cx| race.poll(cx)).await.map_err(|(address, e)| {
            while_trying(format_args!("cannot connect to `{host}` at {address}"))(e)
        })
    }

    /// Connects to the first of several addresses that answers, tried as by
    /// [`connect_name`](Self::connect_name).
    ///
    /// # Errors
    /// That of the address that failed last; `InvalidInput` if there is none.
    pub async fn connect_any(addresses: &[SocketAddr]) -> io::Result<Self> {
        if addresses.is_empty() {
            let text = "there is no address to connect to";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let mut race = Connecting::new(addresses.iter().copied());
        poll_fn(|cx| race.poll(cx))
            .await
            .map_err(|(address, e)| while_trying(format_args!("cannot connect to {address}"))(e))
    }
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The shell of an [`AddressRace`]: its attempts, all in the one task that waits for them.
struct Connecting {
    race: AddressRace,
    attempts: Vec<(SocketAddr, Attempt)>,
    /// Since the last attempt began.
    delay: Pin<Box<Sleep>>,
    delay_over: bool,
    last_error: Option<(SocketAddr, io::Error)>,
}

impl Connecting {
    fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Connecting {
        Connecting {
            race: AddressRace::new(addresses),
            attempts: Vec::new(),
            delay: Box::pin(sleep(ATTEMPT_DELAY)),
            delay_over: false,
            last_error: None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<TcpStream, (SocketAddr, io::Error)>> {
        loop {
            if let Some(connected) = self.poll_attempts(cx) {
                return Poll::Ready(Ok(connected));
            }
            match self.race.next(self.delay_over) {
                Step::Try(address) => {
                    self.attempts.push((address, Box::pin(TcpStream::connect_to(address))));
                    self.delay = Box::pin(sleep(ATTEMPT_DELAY));
                    self.delay_over = false;
                }
                Step::Wait { then_try_next } => {
                    if !then_try_next || self.delay.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.delay_over = true;
                }
                Step::Lost => {
                    let last = self.last_error.take();
                    return Poll::Ready(Err(last.expect("there was at least one address")));
                }
            }
        }
    }

    /// The stream of the attempt that has won. Those that have failed are taken out.
    fn poll_attempts(&mut self, cx: &mut Context<'_>) -> Option<TcpStream> {
        let mut at = 0;
        while at < self.attempts.len() {
            match self.attempts[at].1.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(Ok(connected)) => return Some(connected),
                Poll::Ready(Err(error)) => {
                    let (address, _) = self.attempts.remove(at);
                    self.last_error = Some((address, error));
                    self.race.failed();
                }
            }
        }
        None
    }
}
