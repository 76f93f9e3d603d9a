//! A server: accepts connections and runs one task for each.
//!
//! *Promises*: one pending retry, one second later, when the system has run out of something, so
//! that a process without descriptors neither spins nor gives up; the error of one connection is
//! counted and costs the others nothing. No more connections at a time than the options say;
//! `close` stops listening and nothing else; `wait_closed` waits for every connection. What a
//! handler wrote reaches a peer that is still sending, if it ends within the time to linger.
//! *Leaves out*: the protocol of a connection; that is the handler's.
//!
//! ```text
//!   listening ──close──► closed ──last connection ends──► wait_closed returns
//!       │                  │
//!       └─ close_clients: each writer closes; its handler reads the end of the stream
//!          abort_clients: what is queued is dropped, the handlers' tasks are cancelled
//! ```
//! Counterpart: `Server` in CPython's Lib/asyncio/base_events.py. There a connection ends
//! with its transport; here with its task, so that nothing a handler does outlives the wait.

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::net::tcp::TcpListener;
use crate::aio::net::unix::UnixListener;
use crate::aio::streams::outgoing::{Closable, linger};
use crate::aio::streams::reader::{StreamReader, split};
use crate::aio::streams::writer::StreamWriter;
use crate::aio::sync::notify::{Notify, PollSlot};
use crate::aio::time::sleep::sleep;
use crate::base::id::{GenerationSlab, Key};
use crate::event_loop::join::Task;
use crate::event_loop::scheduler::create_task;
use crate::task::budget::yield_now;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// After so many accepts in a row the acceptor lets the other tasks run; and if all of them
/// failed, it is not the connections but the listener that is broken.
const ACCEPT_BATCH: u32 = 64;

/// A socket that a server accepts connections from.
pub trait Listener: 'static {
    /// The type of its connections.
    type Io: Bytes + 'static;

    /// The next connection.
    fn poll_connection(&self, cx: &mut Context<'_>) -> Poll<io::Result<ByteStream<Self::Io>>>;
}

impl Listener for TcpListener {
    type Io = std::net::TcpStream;

    fn poll_connection(&self, cx: &mut Context<'_>) -> Poll<io::Result<ByteStream<Self::Io>>> {
        self.poll_accept(cx).map_ok(|(stream, _)| stream)
    }
}

impl Listener for UnixListener {
    type Io = std::os::unix::net::UnixStream;

    fn poll_connection(&self, cx: &mut Context<'_>) -> Poll<io::Result<ByteStream<Self::Io>>> {
        self.poll_accept(cx).map_ok(|(stream, _)| stream)
    }
}

/// How many connections to serve, and when to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerOptions {
    /// Connections at a time; more wait in the listener's queue, and with 0 all of them do. No
    /// limit by default.
    pub connections: usize,
    /// How long to wait after an accept that failed for want of descriptors or memory (`EMFILE`,
    /// `ENFILE`, `ENOBUFS`, `ENOMEM`). A second by default, as in asyncio
    /// (`ACCEPT_RETRY_DELAY`).
    pub backoff: Duration,
    /// How long a connection that ends here first goes on reading, and throws away what it reads,
    /// while the peer still sends: until that has ended too, or has been silent for a quarter of a
    /// second, or this time is over. Five seconds by default; zero does not linger.
    ///
    /// Without it the system resets a connection whose peer sends, and one that stops at its write
    /// error never reads the answer ("413 too large", say). With it the connection counts until
    /// then, [`wait_closed`](Server::wait_closed) waits for it, and a reader of this side comes to
    /// its end after a `close`. asyncio does not linger; nginx does, as `lingering_close`.
    #[doc(alias = "lingering_close")]
    pub linger: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            connections: usize::MAX,
            backoff: Duration::from_secs(1),
            linger: Duration::from_secs(5),
        }
    }
}

/// What a server has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerStats {
    /// Connections accepted.
    pub accepted: u64,
    /// Accepts that failed.
    pub failed: u64,
    /// Retries that wait for their time: 0 or 1.
    pub pending_retries: u32,
}

/// A running server. Dropping the handle leaves it running, as with a task.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{TcpListener, open_connection, start_server};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
///     let address = listener.local_addr()?;
///     let server = start_server(listener, async |mut reader, writer| {
///         while let Ok(line) = reader.readline().await
///             && !line.is_empty()
///             && writer.write(&line).is_ok()
///             && writer.drain().await.is_ok()
///         {}
///     });
///     let (mut reader, writer) = open_connection(address).await?;
///     writer.write(b"hello\n")?;
///     assert_eq!(reader.readline().await?, b"hello\n");
///     writer.close();
///     server.close();
///     server.wait_closed().await;
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.Server")]
pub struct Server<L: Listener>(Rc<ServerState<L>>);

struct ServerState<L> {
    /// `None` once closed.
    listener: RefCell<Option<Rc<L>>>,
    options: ServerOptions,
    clients: RefCell<GenerationSlab<OpenConnection>>,
    /// The task that accepts.
    acceptor: RefCell<Option<Task<()>>>,
    /// Tasks that wait for a connection to end: the acceptor at the limit, `wait_closed`.
    changed: Notify,
    accepting: PollSlot,
    stats: Cell<ServerStats>,
    error: RefCell<Option<io::Error>>,
}

/// One connection.
struct OpenConnection {
    outgoing: Rc<dyn Closable>,
    task: Option<Task<()>>,
}

/// Serves every connection of `listener` with a task of its own that runs `handler`. A
/// connection ends when its handler has returned and all that the handler wrote is sent.
///
/// # Panics
/// If this thread runs no loop.
#[doc(alias = "asyncio.start_server")]
#[doc(alias = "asyncio.start_unix_server")]
#[doc(alias = "asyncio.loop.create_server")]
#[doc(alias = "asyncio.loop.create_unix_server")]
pub fn start_server<L, H>(listener: L, handler: H) -> Server<L>
where
    L: Listener,
    H: AsyncFn(StreamReader<L::Io>, StreamWriter<L::Io>) + 'static,
    for<'a> &'a L::Io: Read + Write,
{
    start_server_with(listener, ServerOptions::default(), handler)
}

/// [`start_server`] with options.
///
/// # Panics
/// If this thread runs no loop.
pub fn start_server_with<L, H>(listener: L, options: ServerOptions, handler: H) -> Server<L>
where
    L: Listener,
    H: AsyncFn(StreamReader<L::Io>, StreamWriter<L::Io>) + 'static,
    for<'a> &'a L::Io: Read + Write,
{
    let state = Rc::new(ServerState {
        listener: RefCell::new(Some(Rc::new(listener))),
        options,
        clients: RefCell::default(),
        acceptor: RefCell::default(),
        changed: Notify::default(),
        accepting: PollSlot::default(),
        stats: Cell::default(),
        error: RefCell::default(),
    });
    let acceptor = create_task(accept_all(Rc::clone(&state), Rc::new(handler)));
    state.acceptor.replace(Some(acceptor));
    Server(state)
}

impl<L: Listener> Server<L> {
    /// Closes the listener, at once. Connections go on; those that are not accepted yet are reset
    /// by the system.
    #[doc(alias = "asyncio.Server.close")]
    pub fn close(&self) {
        let listener = self.0.listener.take();
        let acceptor = self.0.acceptor.take();
        if let Some(acceptor) = &acceptor {
            acceptor.cancel();
        }
        drop((listener, acceptor));
        self.0.update_stats(|stats| stats.pending_retries = 0);
        self.0.changed.notify_all();
    }

    /// Waits until the server is closed and its last connection has ended.
    #[doc(alias = "asyncio.Server.wait_closed")]
    pub async fn wait_closed(&self) {
        self.0.until(|s| !s.is_serving() && s.connections() == 0).await;
    }

    /// Serves until the server is closed, or until this future is dropped, which closes it.
    /// Connections go on either way.
    #[doc(alias = "asyncio.Server.serve_forever")]
    pub async fn serve_forever(&self) {
        struct Close<'a, L: Listener>(&'a Server<L>);
        impl<L: Listener> Drop for Close<'_, L> {
            fn drop(&mut self) {
                self.0.close();
            }
        }
        let _close = Close(self);
        self.0.until(|s| !s.is_serving()).await;
    }

    /// Closes every connection, once all that its handler wrote is sent. The handler then reads
    /// the end of the stream; it goes on as long as it likes.
    #[doc(alias = "asyncio.Server.close_clients")]
    pub fn close_clients(&self) {
        for outgoing in self.0.outgoing() {
            outgoing.close();
        }
    }

    /// Closes every connection now, and cancels the handlers: their futures are dropped in the
    /// next iteration. (asyncio only closes; its handlers notice when they read or write.)
    #[doc(alias = "asyncio.Server.abort_clients")]
    pub fn abort_clients(&self) {
        for task in self.0.clients.borrow().iter().filter_map(|(_, client)| client.task.as_ref()) {
            task.cancel();
        }
        for outgoing in self.0.outgoing() {
            outgoing.abort();
        }
    }

    /// True until [`close`](Self::close).
    #[doc(alias = "asyncio.Server.is_serving")]
    pub fn is_serving(&self) -> bool {
        self.0.is_serving()
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.0.connections()
    }

    /// What it has done so far.
    pub fn stats(&self) -> ServerStats {
        self.0.stats.get()
    }

    /// The error of the last accept that failed; each is returned once.
    pub fn take_error(&self) -> Option<io::Error> {
        self.0.error.take()
    }
}

impl<L: Listener> fmt::Debug for Server<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_serving() { "serving" } else { "closed" };
        write!(f, "Server ({state}, {} connections)", self.connections())
    }
}

/// The acceptor's task. Because one task both accepts and waits, there can be only one retry.
async fn accept_all<L, H>(state: Rc<ServerState<L>>, handler: Rc<H>)
where
    L: Listener,
    H: AsyncFn(StreamReader<L::Io>, StreamWriter<L::Io>) + 'static,
    for<'a> &'a L::Io: Read + Write,
{
    let (mut in_a_row, mut failed_in_a_row) = (0, 0);
    loop {
        match poll_fn(|cx| state.poll_accept(cx)).await {
            None => return,
            Some(Ok(stream)) => {
                state.update_stats(|stats| stats.accepted += 1);
                state.serve(stream, Rc::clone(&handler));
                (in_a_row, failed_in_a_row) = (in_a_row + 1, 0);
            }
            Some(Err(error)) => {
                (in_a_row, failed_in_a_row) = (in_a_row + 1, failed_in_a_row + 1);
                let pause = accepting_must_pause(&error, failed_in_a_row);
                state.error.replace(Some(error));
                state.update_stats(|stats| stats.failed += 1);
                if pause {
                    state.update_stats(|stats| stats.pending_retries += 1);
                    sleep(state.options.backoff).await;
                    state.update_stats(|stats| stats.pending_retries -= 1);
                    (in_a_row, failed_in_a_row) = (0, 0);
                }
            }
        }
        if in_a_row == ACCEPT_BATCH {
            yield_now().await;
            in_a_row = 0;
        }
    }
}

/// Most errors of `accept(2)` are those of the connection that it would have returned, and the
/// next may be sound. A pause helps where the system has run out of something, which is as true
/// of the next accept; and where every accept fails, it keeps the loop from spinning.
fn accepting_must_pause(error: &io::Error, failed_in_a_row: u32) -> bool {
    // The system's ENOMEM, also where another error was made of it.
    let ran_out = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS];
    error.kind() == io::ErrorKind::OutOfMemory
        || error.raw_os_error().is_some_and(|code| ran_out.contains(&code))
        || failed_in_a_row >= ACCEPT_BATCH
}

impl<L: Listener> ServerState<L> {
    fn is_serving(&self) -> bool {
        self.listener.borrow().is_some()
    }

    fn connections(&self) -> usize {
        self.clients.borrow().len()
    }

    fn update_stats(&self, change: impl FnOnce(&mut ServerStats)) {
        let mut stats = self.stats.get();
        change(&mut stats);
        self.stats.set(stats);
    }

    fn outgoing(&self) -> Vec<Rc<dyn Closable>> {
        self.clients.borrow().iter().map(|(_, client)| Rc::clone(&client.outgoing)).collect()
    }

    /// The next connection, once there is room for it. `None` when the server is closed.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Option<io::Result<ByteStream<L::Io>>>> {
        let has_room = || self.connections() < self.options.connections;
        ready!(self.changed.poll_until(&self.accepting, cx, has_room));
        let listener = self.listener.borrow().clone();
        match listener {
            None => Poll::Ready(None),
            Some(listener) => listener.poll_connection(cx).map(Some),
        }
    }

    async fn until(&self, reached: impl Fn(&Self) -> bool) {
        let check = || if reached(self) { Poll::Ready(()) } else { Poll::Pending };
        self.changed.until(check).await;
    }

    fn serve<H>(self: &Rc<Self>, stream: ByteStream<L::Io>, handler: Rc<H>)
    where
        H: AsyncFn(StreamReader<L::Io>, StreamWriter<L::Io>) + 'static,
        for<'a> &'a L::Io: Read + Write,
    {
        let (reader, writer) = split(stream);
        let outgoing = writer.outgoing(self.options.linger);
        let key = self.clients.borrow_mut().insert(OpenConnection { outgoing, task: None });
        let remove = RemoveOnDrop { state: Rc::clone(self), key };
        let task = create_task(connection(handler, reader, writer, remove));
        // If the loop is being dropped, the connection is gone already.
        if let Some(connection) = self.clients.borrow_mut().get_mut(key) {
            connection.task = Some(task);
        }
    }
}

/// One connection's task: the handler, then the bytes that it left to be sent, then those that the
/// peer still sends.
async fn connection<L, H>(
    handler: Rc<H>,
    reader: StreamReader<L::Io>,
    writer: StreamWriter<L::Io>,
    remove: RemoveOnDrop<L>,
) where
    L: Listener,
    H: AsyncFn(StreamReader<L::Io>, StreamWriter<L::Io>) + 'static,
    for<'a> &'a L::Io: Read + Write,
{
    let limit = remove.state.options.linger;
    let (outgoing, stream) = (writer.outgoing(limit), writer.stream());
    handler(reader, writer).await;
    // A peer that has gone is no error of the server's.
    let _ = poll_fn(|cx| outgoing.poll_closed(cx)).await;
    if let Some(stream) = stream
        && Rc::strong_count(&stream) == 1 // no other task of the handler's reads it
        && !limit.is_zero()
    {
        linger(&stream, limit).await;
    }
}

/// Dropped with the connection's task, however that ends.
struct RemoveOnDrop<L: Listener> {
    state: Rc<ServerState<L>>,
    key: Key,
}

impl<L: Listener> Drop for RemoveOnDrop<L> {
    fn drop(&mut self) {
        let removed = self.state.clients.borrow_mut().remove(self.key);
        drop(removed);
        self.state.changed.notify_all();
    }
}
