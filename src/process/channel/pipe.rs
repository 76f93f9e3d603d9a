//! Pipes of values: one end sends, the other receives, here or in another process.
//!
//! *Assumes*: frames over a kernel pipe; ends move to a new process as its argument.
//! *Promises*: values arrive whole and in order; the end of the other side, by drop or by
//! death, is an error and never waited for in vain; a send that is abandoned half way is finished
//! by the next one. A [`PipeError`] tells apart what the peer has done (closed, died half way,
//! written garbage), what the value is (no `T`, too long) and what the system refused.
//! *Leaves out*: several senders or receivers on one end (`process/channel/queue.rs`); two sides that
//! both send more than a pipe holds (64 KiB) before either receives wait for each other.
//!
//! ```text
//!   Sender<T> ── frame ─ frame ─ fra ▶ Receiver<T>      one way
//!
//!   Connection<A, B>  ── A ──▶  Connection<B, A>        duplex: two of them
//!                     ◀── B ──
//! ```
//! | the peer …                    | `send`     | `recv`                                  |
//! |-------------------------------|------------|-----------------------------------------|
//! | drops its end, or dies        | `Closed`   | what was sent, then `Closed`            |
//! | dies in the middle of a value | -          | what was sent, then `Truncated`         |
//! | is stopped                    | waits when the pipe is full | waits                  |

use crate::aio::net::fds::{readable, writable};
use crate::futures::error::JobError;
use crate::futures::wire::{Wire, decode};
use crate::process::message::descriptor::{pack, refuse, unpack};
use crate::process::message::frame::{Decoder, FrameError, FrameKind, open, seal_value};
use crate::sys::fd::{
    self, Direction, PipeReader, PipeWriter, block_on, set_nonblocking, wait_until,
};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeTuple, Serializer};
use std::io::IoSlice;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};
use std::{fmt, io};

/// Why a value could not be sent or received.
///
/// ```
/// use singletrack::process::PipeError;
/// use singletrack::process::pipe;
///
/// let (mut receiver, sender) = pipe::<u8>()?;
/// drop(sender);
/// let error = receiver.recv().unwrap_err();
/// assert!(matches!(error, PipeError::Closed));
/// assert_eq!(error.to_string(), "nobody is at the other end any more");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PipeError {
    /// The other end is closed everywhere. `EOFError` and `BrokenPipeError` in Python.
    Closed,
    /// The sender died in the middle of a value.
    Truncated,
    /// The time ran out.
    TimedOut,
    /// The value could not be encoded or decoded, or is too long; the next one may pass.
    Codec(JobError),
    /// What came is no value: somebody else has written into the pipe.
    Garbage(FrameError),
    /// The operating system refused.
    Os(io::Error),
}

impl fmt::Display for PipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PipeError::Closed => write!(f, "nobody is at the other end any more"),
            PipeError::Truncated => write!(f, "the sender died in the middle of a value"),
            PipeError::TimedOut => write!(f, "the time ran out"),
            PipeError::Codec(error) => write!(f, "{error}"),
            PipeError::Garbage(error) => write!(f, "what came is no value: {error}"),
            PipeError::Os(error) => write!(f, "the operating system refused: {error}"),
        }
    }
}

impl std::error::Error for PipeError {}

impl From<JobError> for PipeError {
    fn from(error: JobError) -> Self {
        PipeError::Codec(error)
    }
}

impl From<io::Error> for PipeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => PipeError::Closed,
            io::ErrorKind::TimedOut => PipeError::TimedOut,
            _ => PipeError::Os(error),
        }
    }
}

/// A new pipe, one way: what is sent at one end comes out of the other.
/// `multiprocessing.Pipe(duplex=False)` in Python.
///
/// ```
/// use singletrack::process::Process;
/// use singletrack::process::PipeError;
/// use singletrack::process::ForkServer;
/// use singletrack::process::{Sender, pipe};
///
/// fn count((mut numbers, to): (Sender<u32>, u32)) {
///     (0..to).for_each(|i| numbers.send(&i).unwrap());
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?;
///     let (mut receiver, sender) = pipe()?;
///     let child = Process::spawn(&fork_server, count, (sender, 3))?; // the end moves to the child
///     assert_eq!(receiver.recv()?, 0);
///     assert_eq!(receiver.recv()?, 1);
///     assert_eq!(receiver.recv()?, 2);
///     assert!(matches!(receiver.recv(), Err(PipeError::Closed))); // the child has returned
///     Ok(child.join()?)
/// }
/// ```
///
/// # Errors
/// What `pipe2(2)` reports: too many descriptors, mostly.
#[doc(alias = "multiprocessing.Pipe")]
pub fn pipe<T: Wire>() -> io::Result<(Receiver<T>, Sender<T>)> {
    let (reader, writer) = fd::pipe()?;
    set_nonblocking(&reader)?;
    set_nonblocking(&writer)?;
    Ok((Receiver::new(reader), Sender::new(writer)))
}

/// A new pair of connected ends, each of which sends and receives.
///
/// # Errors
/// As [`pipe()`].
///
/// ```
/// use singletrack::process::Process;
/// use singletrack::process::ForkServer;
/// use singletrack::process::{Connection, duplex};
///
/// fn measure(mut parent: Connection<usize, String>) {
///     while let Ok(text) = parent.recv() {
///         parent.send(&text.len()).unwrap();
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?;
///     let (mut ours, theirs) = duplex::<String, usize>()?;
///     let child = Process::spawn(&fork_server, measure, theirs)?;
///     ours.send(&"four".to_owned())?;
///     assert_eq!(ours.recv()?, 4);
///     drop(ours); // ends the child's loop
///     Ok(child.join()?)
/// }
/// ```
#[doc(alias = "multiprocessing.Pipe")]
pub fn duplex<A: Wire, B: Wire>() -> io::Result<(Connection<A, B>, Connection<B, A>)> {
    let (a_receiver, a_sender) = pipe()?;
    let (b_receiver, b_sender) = pipe()?;
    let ours = Connection { sender: a_sender, receiver: b_receiver };
    Ok((ours, Connection { sender: b_sender, receiver: a_receiver }))
}

/// The end of a pipe that values go into. Once it is dropped, the receiver gets what was sent,
/// and then [`PipeError::Closed`].
#[derive(Debug)]
pub struct Sender<T> {
    end: PipeWriter,
    /// A frame of which the first `sent` bytes are written.
    frame: Vec<u8>,
    sent: usize,
    value: PhantomData<fn(T)>,
}

impl<T: Wire> Sender<T> {
    fn new(end: PipeWriter) -> Self {
        Sender { end, frame: Vec::new(), sent: 0, value: PhantomData }
    }

    /// Sends a value; blocks while the pipe is full.
    ///
    /// # Errors
    /// [`PipeError::Closed`] when nobody can receive it, [`PipeError::Codec`] when it
    /// cannot be encoded or is longer than a frame: then nothing is sent.
    pub fn send(&mut self, value: &T) -> Result<(), PipeError> {
        self.flush(None)?;
        self.encode(value)?;
        self.flush(None)
    }

    /// [`send`](Self::send), for no longer than `timeout`. When the time runs out half way,
    /// the rest of the value goes first with the next one.
    ///
    /// # Errors
    /// As `send`; [`PipeError::TimedOut`].
    pub fn send_timeout(&mut self, value: &T, timeout: Duration) -> Result<(), PipeError> {
        let deadline = Instant::now().checked_add(timeout);
        self.flush(deadline)?;
        self.encode(value)?;
        self.flush(deadline)
    }

    /// [`send`](Self::send) on the event loop. Dropped half way, the rest of the value goes
    /// first with the next one.
    ///
    /// # Errors
    /// As `send`; and outside a running loop.
    pub async fn send_async(&mut self, value: &T) -> Result<(), PipeError> {
        self.flush_async().await?;
        self.encode(value)?;
        self.flush_async().await
    }

    fn encode(&mut self, value: &T) -> Result<(), PipeError> {
        let mut frame = std::mem::take(&mut self.frame);
        open(&mut frame, FrameKind::Item, 0);
        self.frame = seal_value(frame, value, "")?;
        self.sent = 0;
        Ok(())
    }

    fn flush(&mut self, deadline: Option<Instant>) -> Result<(), PipeError> {
        let (end, frame, sent) = (&self.end, &self.frame, &mut self.sent);
        let flushed =
            block_on(end.as_fd(), Direction::Write, deadline, || write_rest(end, frame, sent));
        Ok(flushed?)
    }

    async fn flush_async(&mut self) -> Result<(), PipeError> {
        loop {
            match write_rest(&self.end, &self.frame, &mut self.sent) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => writable(&self.end).await?,
                done => return Ok(done?),
            }
        }
    }
}

fn write_rest(end: &PipeWriter, frame: &[u8], sent: &mut usize) -> io::Result<()> {
    while *sent < frame.len() {
        *sent += end.write_vectored(&[IoSlice::new(&frame[*sent..])])?;
    }
    Ok(())
}

/// The end of a pipe that values come out of. Once it is dropped, sending is an error.
#[derive(Debug)]
pub struct Receiver<T> {
    end: PipeReader,
    decoder: Decoder,
    value: PhantomData<fn() -> T>,
}

impl<T: Wire> Receiver<T> {
    fn new(end: PipeReader) -> Self {
        Receiver { end, decoder: Decoder::new(), value: PhantomData }
    }

    /// The next value; blocks until there is one.
    ///
    /// # Errors
    /// [`PipeError::Closed`] when none will come, [`PipeError::Truncated`] when the
    /// sender died in the middle of one, [`PipeError::Codec`] when its bytes are no `T`.
    pub fn recv(&mut self) -> Result<T, PipeError> {
        self.recv_before(None)
    }

    /// [`recv`](Self::recv), for no longer than `timeout`.
    ///
    /// # Errors
    /// As `recv`; [`PipeError::TimedOut`], and nothing is lost.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<T, PipeError> {
        self.recv_before(Instant::now().checked_add(timeout))
    }

    /// The next value if it is there, without waiting.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[doc(alias = "poll")]
    pub fn try_recv(&mut self) -> Result<Option<T>, PipeError> {
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) if frame.kind == FrameKind::Item => {
                    return Ok(Some(decode(frame.body)?));
                }
                Ok(Some(frame)) => {
                    return Err(PipeError::Garbage(FrameError::UnknownKind(frame.kind as u32)));
                }
                Err(error) => return Err(PipeError::Garbage(error)),
                Ok(None) => {}
            }
            match self.end.read(self.decoder.room()) {
                Ok(0) if self.decoder.end().is_ok() => return Err(PipeError::Closed),
                Ok(0) => return Err(PipeError::Truncated),
                Ok(count) => self.decoder.filled(count),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// [`recv`](Self::recv) on the event loop. Dropped before it is done, it has taken
    /// nothing.
    ///
    /// # Errors
    /// As `recv`; and outside a running loop.
    pub async fn recv_async(&mut self) -> Result<T, PipeError> {
        loop {
            match self.try_recv()? {
                Some(value) => return Ok(value),
                None => readable(&self.end).await?,
            }
        }
    }

    fn recv_before(&mut self, deadline: Option<Instant>) -> Result<T, PipeError> {
        loop {
            if let Some(value) = self.try_recv()? {
                return Ok(value);
            }
            wait_until(self.end.as_fd(), Direction::Read, deadline)?;
        }
    }
}

/// One end of a duplex pipe: it sends `S` and receives `R`.
///
/// The two halves may be used apart, by two threads or two tasks.
#[derive(Debug)]
#[doc(alias = "multiprocessing.connection.Connection")]
pub struct Connection<S, R> {
    /// What goes out.
    pub sender: Sender<S>,
    /// What comes in.
    pub receiver: Receiver<R>,
}

impl<S: Wire, R: Wire> Connection<S, R> {
    /// [`Sender::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(&mut self, value: &S) -> Result<(), PipeError> {
        self.sender.send(value)
    }

    /// [`Receiver::recv`].
    ///
    /// # Errors
    /// As there.
    pub fn recv(&mut self) -> Result<R, PipeError> {
        self.receiver.recv()
    }
}

impl<T> AsFd for Sender<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

impl<T> AsFd for Receiver<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

/// Only for a process that is being started; and not half way through a value.
impl<T> Serialize for Sender<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.sent < self.frame.len() {
            return Err(refuse("a value is only half sent; send another one first"));
        }
        pack(self.as_fd(), serializer)
    }
}

impl<'de, T: Wire> Deserialize<'de> for Sender<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Sender::new(unpack(deserializer)?.into()))
    }
}

/// Only for a process that is being started; and not when values have been read here already,
/// which that process would miss.
impl<T> Serialize for Receiver<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.decoder.end().is_err() {
            return Err(refuse("values have arrived here already; receive them first"));
        }
        pack(self.as_fd(), serializer)
    }
}

impl<'de, T: Wire> Deserialize<'de> for Receiver<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Receiver::new(unpack(deserializer)?.into()))
    }
}

impl<S, R> Serialize for Connection<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut halves = serializer.serialize_tuple(2)?;
        halves.serialize_element(&self.sender)?;
        halves.serialize_element(&self.receiver)?;
        halves.end()
    }
}

impl<'de, S: Wire, R: Wire> Deserialize<'de> for Connection<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (sender, receiver) = Deserialize::deserialize(deserializer)?;
        Ok(Connection { sender, receiver })
    }
}
