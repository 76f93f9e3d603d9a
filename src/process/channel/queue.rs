//! A queue of values that any number of processes put into and get from.
//!
//! *Assumes*: a pair of packet sockets, which keep messages whole; ends move to a new process
//! as its argument, and can be cloned.
//! *Promises*: values arrive whole, each once, in the order of putting; no process that dies,
//! at whatever moment, takes a lock with it or leaves half a value, for there is no lock; when
//! the last end of one side is gone, the other side gets an error.
//! *Leaves out*: how a `maxsize` is kept (`process/channel/slots.rs`); `task_done`.
//!
//! ```text
//!  Producer ─┐                                        ┌─▶ Consumer
//!  Producer ─┼─ sendmsg ─▶ [msg][msg][#fd][msg] ─ recvmsg ─▶ Consumer
//!  Producer ─┘                       │                └─▶ Consumer
//!                                    └ a long value lies in memory that travels along
//! ```
//! | what dies                     | what the others notice                                |
//! |-------------------------------|-------------------------------------------------------|
//! | one producer of several       | nothing; its last value is there whole, or not at all |
//! | the last producer             | `get` gives what is queued, then `Closed`             |
//! | one consumer of several       | nothing; the value it had got is gone with it         |
//! | the last consumer             | `put` gives `Closed`; what was queued is gone         |
//! | one with a slot of `maxsize`  | the queue holds one less, until it has run empty      |
//!
//! Without a `maxsize` the bound is the system's socket buffer: some 200 KiB, or 250 small
//! values; then `put` waits. With one it is whichever is reached first.
//!
//! Python's `multiprocessing.Queue` is a pipe with two locks shared between processes: a process
//! that is killed while it holds one stops all the others for ever (bpo-22393 and its kin). And
//! it puts through a thread of its own, so that an exit may lose what was put.

use crate::aio::net::fds::{readable, writable};
use crate::futures::error::JobError;
use crate::futures::wire::{Wire, decode, encode_onto};
use crate::process::channel::pipe::PipeError;
use crate::process::channel::slots::{FreeSlots, SlotGuard, SlotReturn, slots};
use crate::process::message::descriptor::{Descriptor, Packed};
use crate::process::message::frame::{FrameError, MAX_FRAME};
use crate::sys::fd::{Direction, block_on, can_read, can_write};
use crate::sys::memory::memory_file;
use crate::sys::socket::{all_received, packet_pair, receive, send_some};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// A longer message is put into memory of its own.
const INLINE: usize = 8 << 10;

/// The first byte of a message: the value follows, or lies in the file that comes along.
const HERE: u8 = 0;
const IN_FILE: u8 = 1;

/// A new queue.
///
/// ```
/// use singletrack::process::Process;
/// use singletrack::process::ForkServer;
/// use singletrack::process::{Consumer, Producer, queue};
///
/// fn double((numbers, doubled): (Consumer<u32>, Producer<u32>)) {
///     while let Ok(number) = numbers.get() {
///         doubled.put(&(2 * number)).unwrap();
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let fork_server = ForkServer::start()?;
///     let (numbers, theirs) = queue()?;
///     let (results, doubled) = queue()?;
///     let ends = |_| Ok::<_, std::io::Error>((theirs.try_clone()?, results.try_clone()?));
///     let workers = (0..2).map(|i| Ok(Process::spawn(&fork_server, double, ends(i)?)?));
///     let workers: Vec<_> = workers.collect::<Result<_, Box<dyn std::error::Error>>>()?;
///     drop((theirs, results)); // what is left of these ends is in the workers
///     (1..=10).try_for_each(|i| numbers.put(&i))?;
///     drop(numbers); // no more: the workers will return
///     let mut sum = 0;
///     while let Ok(number) = doubled.get() {
///         sum += number;
///     }
///     assert_eq!(sum, 110);
///     workers.into_iter().try_for_each(Process::join)?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// What `socketpair(2)` reports: too many descriptors, mostly.
#[doc(alias = "multiprocessing.SimpleQueue")]
pub fn queue<T: Wire>() -> io::Result<(Producer<T>, Consumer<T>)> {
    queue_of(0)
}

/// A new queue that holds at most `maxsize` values. 0 means as many as the system's buffer takes,
/// as [`queue`] does (in Python: without limit).
///
/// A value counts from before it is put until after it is got: of two processes that put at
/// the same moment into the last place, one waits.
///
/// ```
/// use singletrack::process::PipeError;
/// use singletrack::process::queue_of;
/// use std::time::Duration;
///
/// let (producer, consumer) = queue_of(2)?;
/// producer.put(&'a')?;
/// producer.put(&'b')?;
/// assert!(producer.is_full() && producer.qsize() == Some(2));
/// let full = producer.put_timeout(&'c', Duration::from_millis(1));
/// assert!(matches!(full, Err(PipeError::TimedOut)));
/// assert_eq!(consumer.get()?, 'a');
/// producer.put(&'c')?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Too many descriptors, mostly; `InvalidInput` if `maxsize` is above 65,536.
#[doc(alias = "multiprocessing.Queue")]
pub fn queue_of<T: Wire>(maxsize: usize) -> io::Result<(Producer<T>, Consumer<T>)> {
    let (one, other) = packet_pair()?;
    let (free, back) = if maxsize == 0 { None } else { Some(slots(maxsize)?) }.unzip();
    Ok((
        Producer { socket: one, free, value: PhantomData },
        Consumer { socket: other, back, value: PhantomData },
    ))
}

/// An end of a queue that values are put into. Threads may share one.
#[derive(Debug)]
pub struct Producer<T> {
    socket: OwnedFd,
    /// With a `maxsize`: where slots are taken from.
    free: Option<FreeSlots>,
    value: PhantomData<fn(T)>,
}

/// A value ready to be sent.
struct EncodedValue {
    bytes: Vec<u8>,
    file: Option<File>,
}

impl EncodedValue {
    fn of<T: Wire>(value: &T) -> Result<EncodedValue, PipeError> {
        let bytes = encode_onto(value, vec![HERE])?;
        if bytes.len() > MAX_FRAME {
            return Err(JobError::Codec(FrameError::TooLong(bytes.len()).to_string()).into());
        }
        if bytes.len() <= INLINE {
            return Ok(EncodedValue { bytes, file: None });
        }
        let file = memory_file()?;
        file.write_all_at(&bytes[1..], 0)?;
        Ok(EncodedValue { bytes: vec![IN_FILE], file: Some(file) })
    }

    fn send(&self, socket: &OwnedFd) -> io::Result<()> {
        let rights: Vec<BorrowedFd<'_>> = self.file.iter().map(AsFd::as_fd).collect();
        match send_some(socket, &self.bytes, &rights) {
            // The last consumer has left what was queued: Linux says so once, and EPIPE from then on. To
            // a consumer a reset is no end: something may be lost.
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            sent => sent.map(drop),
        }
    }
}

impl<T: Wire> Producer<T> {
    /// Puts a value; blocks while the queue is full.
    ///
    /// # Errors
    /// [`PipeError::Closed`] when there is no consumer any more, [`PipeError::Codec`]
    /// when the value cannot be encoded or is longer than a frame: then nothing was put.
    pub fn put(&self, value: &T) -> Result<(), PipeError> {
        self.put_before(value, None)
    }

    /// [`put`](Self::put), for no longer than `timeout`.
    ///
    /// # Errors
    /// As `put`; [`PipeError::TimedOut`] (Python: `queue.Full`), and nothing was put.
    pub fn put_timeout(&self, value: &T, timeout: Duration) -> Result<(), PipeError> {
        self.put_before(value, Instant::now().checked_add(timeout))
    }

    /// [`put`](Self::put) on the event loop. Dropped before it is done, it has put nothing.
    ///
    /// # Errors
    /// As `put`; and outside a running loop.
    pub async fn put_async(&self, value: &T) -> Result<(), PipeError> {
        let encoded = EncodedValue::of(value)?;
        let slot = match &self.free {
            Some(free) => Some(free.take_async(|| self.is_drained()).await?),
            None => None,
        };
        loop {
            match encoded.send(&self.socket) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => writable(&self.socket).await?,
                done => break done?,
            }
        }
        slot.into_iter().for_each(SlotGuard::spend);
        Ok(())
    }

    fn put_before(&self, value: &T, deadline: Option<Instant>) -> Result<(), PipeError> {
        let encoded = EncodedValue::of(value)?;
        let slot = match &self.free {
            Some(free) => Some(free.take(deadline, || self.is_drained())?),
            None => None,
        };
        let send = || encoded.send(&self.socket);
        block_on(self.socket.as_fd(), Direction::Write, deadline, send)?;
        slot.into_iter().for_each(SlotGuard::spend);
        Ok(())
    }

    /// All that was put has been got.
    fn is_drained(&self) -> bool {
        all_received(&self.socket).unwrap_or(false)
    }
}

/// An end of a queue that values are got from. Threads may share one.
#[derive(Debug)]
pub struct Consumer<T> {
    socket: OwnedFd,
    /// With a `maxsize`: where slots are given back.
    back: Option<SlotReturn>,
    value: PhantomData<fn() -> T>,
}

impl<T: Wire> Consumer<T> {
    /// The next value; blocks until there is one.
    ///
    /// # Errors
    /// [`PipeError::Closed`] when there is none and no producer any more;
    /// [`PipeError::Codec`] when its bytes are no `T`. [`PipeError::Os`] may mean that a value is
    /// lost: a long one that came while this process had no descriptor left, say.
    pub fn get(&self) -> Result<T, PipeError> {
        self.get_before(None)
    }

    /// [`get`](Self::get), for no longer than `timeout`.
    ///
    /// # Errors
    /// As `get`; [`PipeError::TimedOut`] (Python: `queue.Empty`).
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, PipeError> {
        self.get_before(Instant::now().checked_add(timeout))
    }

    /// The next value if there is one, without waiting.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<Option<T>, PipeError> {
        match self.receive() {
            Ok(bytes) => Ok(Some(value(bytes)?)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// [`get`](Self::get) on the event loop. Dropped before it is done, it has taken nothing.
    ///
    /// # Errors
    /// As `get`; and outside a running loop.
    pub async fn get_async(&self) -> Result<T, PipeError> {
        loop {
            match self.try_get()? {
                Some(value) => return Ok(value),
                None => readable(&self.socket).await?,
            }
        }
    }

    fn get_before(&self, deadline: Option<Instant>) -> Result<T, PipeError> {
        let receive = || self.receive();
        value(block_on(self.socket.as_fd(), Direction::Read, deadline, receive)?)
    }

    /// The bytes of one value, or none at the end.
    fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let (mut buffer, mut files) = ([0; INLINE], Vec::new());
        let count = receive(&self.socket, &mut buffer, &mut files)?;
        if let (Some(back), true) = (&self.back, count > 0) {
            back.give();
        }
        match (buffer[..count].split_first(), files.pop()) {
            (None, _) => Ok(None),
            (Some((&HERE, bytes)), _) => Ok(Some(bytes.to_vec())),
            (Some(_), None) => Err(io::Error::from_raw_os_error(libc::EMFILE)),
            (Some(_), Some(file)) => {
                let file = File::from(file);
                let mut bytes = vec![0; file.metadata()?.len().min(MAX_FRAME as u64) as usize];
                file.read_exact_at(&mut bytes, 0)?;
                Ok(Some(bytes))
            }
        }
    }
}

fn value<T: Wire>(bytes: Option<Vec<u8>>) -> Result<T, PipeError> {
    Ok(decode(&bytes.ok_or(PipeError::Closed)?)?)
}

impl<T> Producer<T> {
    /// Whether a `put` would wait now. That may have changed when the answer is used.
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        let slots = self.free.as_ref().map(FreeSlots::count);
        matches!(slots, Some(Ok((_, 0)))) || !can_write(self.socket.as_fd()).unwrap_or(true)
    }

    /// How many values the queue holds, with those that are being put or got at this moment.
    /// `None` if it has no `maxsize`: nothing is counted then. (Python counts always, except
    /// on macOS, where it raises.)
    pub fn qsize(&self) -> Option<usize> {
        let (all, free) = self.free.as_ref()?.count().ok()?;
        Some(all.saturating_sub(free))
    }

    /// One more end of the same side.
    ///
    /// # Errors
    /// `EMFILE` when there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<Self> {
        let free = self.free.as_ref().map(FreeSlots::try_clone).transpose()?;
        Ok(Producer { socket: self.socket.try_clone()?, free, value: PhantomData })
    }
}

impl<T> Consumer<T> {
    /// Whether a `get` would wait now. That may have changed when the answer is used.
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        !can_read(self.socket.as_fd()).unwrap_or(true)
    }

    /// As [`Producer::qsize`].
    pub fn qsize(&self) -> Option<usize> {
        let (all, free) = self.back.as_ref()?.count().ok()?;
        Some(all.saturating_sub(free))
    }

    /// One more end of the same side.
    ///
    /// # Errors
    /// `EMFILE` when there are no descriptors left.
    pub fn try_clone(&self) -> io::Result<Self> {
        let back = self.back.as_ref().map(SlotReturn::try_clone).transpose()?;
        Ok(Consumer { socket: self.socket.try_clone()?, back, value: PhantomData })
    }
}

/// Only for a process that is being started.
impl<T> Serialize for Producer<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Packed(self.socket.as_fd()), &self.free).serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Producer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (socket, free) = <(Descriptor, Option<FreeSlots>)>::deserialize(deserializer)?;
        Ok(Producer { socket: socket.into(), free, value: PhantomData })
    }
}

/// Only for a process that is being started.
impl<T> Serialize for Consumer<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Packed(self.socket.as_fd()), &self.back).serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Consumer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (socket, back) = <(Descriptor, Option<SlotReturn>)>::deserialize(deserializer)?;
        Ok(Consumer { socket: socket.into(), back, value: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_the_end_to_who_puts_and_no_end_to_who_gets() {
        let (producer, consumer) = queue::<u8>().unwrap();
        producer.put(&1).unwrap();
        drop(consumer); // what was queued is gone with it
        assert!(matches!(producer.put(&2), Err(PipeError::Closed)));

        let (producer, consumer) = queue::<u8>().unwrap();
        // Nobody reads that, so the producer's end is closed before its time.
        send_some(&consumer.socket, &[HERE], &[]).unwrap();
        drop(producer);
        let Err(PipeError::Os(error)) = consumer.get() else { panic!("something may be lost") };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(matches!(consumer.get(), Err(PipeError::Closed)), "and now nobody is there");
    }
}
