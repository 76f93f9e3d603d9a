//! The two buffers of a stream: bytes that have arrived, and bytes to be sent. Pure.
//!
//! *Promises*: however the stream was cut on its way, [`ReadBuffer`]'s `read_exactly`,
//! `read_until` and `read_to_end` give the same results; no byte is lost or doubled; no byte is
//! searched twice. [`WriteQueue`]'s bytes leave in order; it pauses once when it grows above the
//! high mark and resumes once when it has shrunk to the low one, never two of a kind in a row.
//! *Leaves out*: system calls and waiting (`aio/streams/reader.rs`, `aio/streams/writer.rs`).
//!
//! The read buffer:
//!
//! ```text
//!   bytes:  │ read already │  data  │      room      │
//!           0            start     end       bytes.len()
//! ```
//! Counterpart: `StreamReader` in CPython's Lib/asyncio/streams.py.
//!
//! The write queue and its two watermarks:
//!
//! ```text
//!   queued
//!     high ┄┄┄┄┄┄┄┄┄/\┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄      above: writers must wait
//!                  /  \      /\  /            between the marks: as before
//!     low  ┄┄┄┄┄┄┄/┄┄┄┄\┄┄┄┄/┄┄\/┄┄┄      at or below: they may go on
//!              pause    resume
//! ```
//! Two marks instead of one, so that a writer wakes for a good stretch of work, not for each
//! packet that goes. Counterpart: `_FlowControlMixin` in CPython's Lib/asyncio/transports.py.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::{fmt, io};

/// Room for the first read of a stream, in bytes.
const LEAST_ROOM: usize = 4 * 1024;
/// Room is doubled as long as reads fill it, up to this.
const MOST_ROOM: usize = 64 * 1024;

/// Why a read has failed.
#[derive(Debug)]
#[doc(alias = "asyncio.IncompleteReadError")]
#[doc(alias = "asyncio.LimitOverrunError")]
pub enum StreamError {
    /// The stream ended first.
    IncompleteRead {
        /// The bytes before the end; they count as read.
        partial: Vec<u8>,
        /// How many bytes were wanted; `None` for a separator.
        expected: Option<usize>,
    },
    /// The separator does not begin within the limit.
    LimitOverrun {
        /// How many bytes can be read away without touching a separator. They are still there.
        consumed: usize,
    },
    /// What the system reports.
    Io(io::Error),
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::IncompleteRead { partial, expected: Some(expected) } => {
                write!(f, "the stream ended after {} of {expected} bytes", partial.len())
            }
            StreamError::IncompleteRead { partial, expected: None } => {
                write!(f, "the stream ended after {} bytes without a separator", partial.len())
            }
            StreamError::LimitOverrun { consumed } => {
                write!(f, "no separator in the first {consumed} bytes; raise the stream's limit")
            }
            StreamError::Io(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for StreamError {}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        StreamError::Io(error)
    }
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        let kind = match &error {
            StreamError::Io(_) => None,
            StreamError::IncompleteRead { .. } => Some(io::ErrorKind::UnexpectedEof),
            StreamError::LimitOverrun { .. } => Some(io::ErrorKind::InvalidData),
        };
        match (error, kind) {
            (StreamError::Io(e), _) => e,
            (error, kind) => io::Error::new(kind.unwrap_or(io::ErrorKind::Other), error),
        }
    }
}

/// A result, or `None`: bring more bytes, or the end, and try again.
pub type ReadResult = Option<Result<Vec<u8>, StreamError>>;

/// Bytes that have arrived and are not yet read.
///
/// ```
/// use singletrack::aio::streams::buffers::ReadBuffer;
///
/// let mut buffer = ReadBuffer::new(64);
/// buffer.feed(b"one\ntw");
/// let mut searched = 0;
/// assert_eq!(buffer.read_until(b"\n", &mut searched).unwrap().unwrap(), b"one\n");
/// let mut searched = 0;
/// assert!(buffer.read_until(b"\n", &mut searched).is_none()); // not yet
/// buffer.feed(b"o\n");
/// assert_eq!(buffer.read_until(b"\n", &mut searched).unwrap().unwrap(), b"two\n");
/// ```
#[derive(Debug)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    room: usize,
    limit: usize,
    eof: bool,
}

impl ReadBuffer {
    /// An empty buffer. A separator must begin within `limit` bytes.
    pub fn new(limit: usize) -> Self {
        ReadBuffer { bytes: Vec::new(), start: 0, end: 0, room: LEAST_ROOM, limit, eof: false }
    }

    /// The bytes that are here and not yet read.
    pub fn data(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// True once the end has come.
    pub fn has_ended(&self) -> bool {
        self.eof
    }

    /// True once the end has come and everything is read.
    pub fn at_eof(&self) -> bool {
        self.eof && self.data().is_empty()
    }

    /// Space for more bytes; report how many were put there with [`filled`](Self::filled).
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.bytes.resize(self.bytes.len().max(self.end + self.room), 0);
        &mut self.bytes[self.end..]
    }

    /// The first `count` bytes of the room are data now.
    pub fn filled(&mut self, count: usize) {
        if count == self.bytes.len() - self.end {
            self.room = (self.room * 2).min(MOST_ROOM);
        }
        self.end += count;
    }

    /// Appends bytes.
    #[doc(alias = "asyncio.StreamReader.feed_data")]
    pub fn feed(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(LEAST_ROOM) {
            self.room()[..part.len()].copy_from_slice(part);
            self.filled(part.len());
        }
    }

    /// There will be no more bytes.
    #[doc(alias = "asyncio.StreamReader.feed_eof")]
    pub fn feed_eof(&mut self) {
        self.eof = true;
    }

    /// Up to `most` bytes of what is here; none at the end.
    pub fn read(&mut self, most: usize) -> Option<Vec<u8>> {
        let have = self.data().len();
        (have > 0 || self.eof || most == 0).then(|| self.take(most.min(have)))
    }

    /// Everything until the end.
    pub fn read_to_end(&mut self) -> Option<Vec<u8>> {
        self.eof.then(|| self.take(self.data().len()))
    }

    /// `count` bytes. The limit does not matter here.
    pub fn read_exactly(&mut self, count: usize) -> ReadResult {
        let have = self.data().len();
        if have >= count {
            return Some(Ok(self.take(count)));
        }
        self.eof.then(|| {
            let partial = self.take(have);
            Err(StreamError::IncompleteRead { partial, expected: Some(count) })
        })
    }

    /// Everything through the next `separator`. `searched` is 0 when a read is tried for the first
    /// time, and remembers where to go on when it is tried again.
    ///
    /// The result depends on the first `limit + separator.len()` bytes alone: CPython's depends
    /// on how many of them have arrived, and so do the numbers in its errors.
    pub fn read_until(&mut self, separator: &[u8], searched: &mut usize) -> ReadResult {
        if separator.is_empty() {
            let text = "the separator must have at least one byte";
            return Some(Err(io::Error::new(io::ErrorKind::InvalidInput, text).into()));
        }
        let window = self.limit.saturating_add(separator.len());
        let seen = self.data().len().min(window);
        if let Some(at) = find(&self.data()[*searched..seen], separator) {
            return Some(Ok(self.take(*searched + at + separator.len())));
        }
        *searched = (seen + 1).saturating_sub(separator.len());
        if seen == window {
            return Some(Err(StreamError::LimitOverrun { consumed: *searched }));
        }
        self.eof.then(|| {
            let partial = self.take(seen);
            Err(StreamError::IncompleteRead { partial, expected: None })
        })
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let taken = self.data()[..count].to_vec();
        self.skip(count);
        taken
    }

    /// The first `count` bytes of the data count as read.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn skip(&mut self, count: usize) {
        assert!(count <= self.data().len(), "{count} bytes to be skipped of {}", self.data().len());
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            // The memory of a long read would otherwise stay for the stream's life.
            self.bytes.truncate(MOST_ROOM);
            self.bytes.shrink_to(MOST_ROOM);
        }
    }
}

/// Where `needle` begins in `hay`. The first byte is searched for alone: std has no search for
/// slices, and most separators are one byte.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let last = (hay.len() + 1).checked_sub(needle.len())?;
    let mut from = 0;
    while let Some(at) = hay[from..last.max(from)].iter().position(|byte| *byte == needle[0]) {
        if hay[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// The high mark, unless set otherwise.
const DEFAULT_HIGH: usize = 64 * 1024;

/// Bytes that are to be sent and have not gone yet: a queue with two watermarks.
///
/// ```
/// use singletrack::aio::streams::buffers::WriteQueue;
///
/// let mut queue = WriteQueue::new();
/// queue.push(&[0; 65537]);
/// assert!(queue.paused());
/// queue.pop(1);
/// assert!(queue.paused(), "not below the low mark yet");
/// queue.pop(49152);
/// assert!(!queue.paused());
/// ```
#[derive(Debug)]
pub struct WriteQueue {
    bytes: VecDeque<u8>,
    high: usize,
    low: usize,
    paused: bool,
    pauses: u64,
    resumes: u64,
}

impl Default for WriteQueue {
    fn default() -> Self {
        WriteQueue {
            bytes: VecDeque::new(),
            high: DEFAULT_HIGH,
            low: DEFAULT_HIGH / 4,
            paused: false,
            pauses: 0,
            resumes: 0,
        }
    }
}

impl WriteQueue {
    /// An empty queue with marks at 64 KiB and 16 KiB.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes are queued.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True when none is.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// True from above the high mark until down at the low one.
    pub fn paused(&self) -> bool {
        self.paused
    }

    /// How often it has paused and resumed.
    pub fn pauses_and_resumes(&self) -> (u64, u64) {
        (self.pauses, self.resumes)
    }

    /// The bytes in order: a ring has two parts.
    pub fn slices(&self) -> [IoSlice<'_>; 2] {
        let (front, back) = self.bytes.as_slices();
        [IoSlice::new(front), IoSlice::new(back)]
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.update_paused();
    }

    /// The first `count` bytes have gone.
    pub fn pop(&mut self, count: usize) {
        self.bytes.drain(..count);
        if self.bytes.is_empty() {
            self.bytes = VecDeque::new(); // bytes rarely queue: do not keep the memory
        }
        self.update_paused();
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.pop(self.len());
    }

    /// Sets the marks, and pauses or resumes at once if they say so. A mark left out follows
    /// from the other: `high` is four times `low`. High 0 pauses on any byte.
    ///
    /// # Errors
    /// `InvalidInput` if `low` is above `high`.
    pub fn set_limits(&mut self, high: Option<usize>, low: Option<usize>) -> io::Result<()> {
        let high = high.unwrap_or_else(|| low.map_or(DEFAULT_HIGH, |low| low.saturating_mul(4)));
        let low = low.unwrap_or(high / 4);
        if low > high {
            let text = format!("the low mark ({low}) must not be above the high one ({high})");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        (self.high, self.low) = (high, low);
        self.update_paused();
        Ok(())
    }

    fn update_paused(&mut self) {
        if !self.paused && self.len() > self.high {
            self.paused = true;
            self.pauses += 1;
        } else if self.paused && self.len() <= self.low {
            self.paused = false;
            self.resumes += 1;
        }
    }
}
