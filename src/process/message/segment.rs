//! A segment: memory beside a worker's pipes, in which long bodies lie.
//!
//! *Assumes*: of each half one process is the writer and one the reader; the bytes in the pipe come
//! after those in memory that they speak of, as system calls see to.
//! *Promises*: the writer never waits for room: what finds none goes by the pipe, as do short bodies.
//! A body that has not been fetched is not written over. The reader copies a body out before anybody
//! looks at it; what the other process then does to its memory changes no value and ends no process.
//! *Leaves out*: what stands for the body in the pipe, and the fetching (`process/message/frame.rs`).
//!
//! ```text
//!              pipe   ──── frame │ header, place │ frame ───▶
//!                                            ┊
//!   writer                                   ▼                           reader
//!   copies in ──▶ ┌─────────┬──────────────┬──────────────┬─────────┐ ──▶ copies out
//!                 │ fetched │ body 7       │ body 8       │ free    │
//!   sees them ◀── └─────────┴──────────────┴──────────────┴─────────┘ ◀── counts them
//! ```
//! Each worker has one such half for its calls and one for its answers. A pipe takes a page of memory for
//! each page that is written, and gives it back when that was read: a mebibyte in and out again takes
//! 190 µs. Into memory that stays and out of it again, 40 to 80. All the rest is the pipe's: the order,
//! the end, and the wake-up of who waits. So whatever dies, and at whatever byte, is seen as without it:
//! what was laid here and not told of by a whole frame is nothing.
//!
//! What does not go by the kernel is only as good as its writer. The words of a half are atomics, and are
//! copied one by one into the reader's own buffer, which takes no longer than `memcpy`; what is decoded
//! there nobody can change any more. (In CPython it is the user who has
//! `multiprocessing.shared_memory`, and pickle's out-of-band buffers.)

use crate::process::message::frame::{Decoder, FrameError, HEADER, STUB, stub};
use crate::sys::fd::CAPACITY;
use crate::sys::memory::{SharedWords, keep_freed_memory};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that a half has room for: some bodies of a mebibyte. Longer ones are rare, and the memory that
/// is used once stays with the worker as long as it lives.
pub const ROOM: usize = 4 << 20;

/// Words before the room: the count, on a cache line of its own.
const COUNT: usize = 8;

/// Words of a half.
const HALF: usize = COUNT + ROOM / 8;

/// Which stretches of a half hold a body that has not been fetched, in the order of the bodies.
///
/// ```
/// use singletrack::process::message::segment::Places;
///
/// let mut places = Places::new(128);
/// assert_eq!(places.take(72), Some(0));
/// assert_eq!(places.take(72), None); // it goes by the pipe
/// assert_eq!(places.take(56), Some(72));
/// places.fetched(1); // the first of all is
/// assert_eq!(places.take(40), Some(0));
/// ```
#[derive(Debug)]
pub struct Places {
    room: usize,
    taken: VecDeque<Range<usize>>,
    /// How many were ever fetched.
    fetched: u64,
}

impl Places {
    /// For so many bytes.
    pub fn new(room: usize) -> Places {
        Places { room, taken: VecDeque::new(), fetched: 0 }
    }

    /// So many bodies were ever fetched. A number that cannot be is none.
    pub fn fetched(&mut self, count: u64) {
        while self.fetched < count && self.taken.pop_front().is_some() {
            self.fetched += 1;
        }
    }

    /// Nothing was ever taken.
    fn is_new(&self) -> bool {
        self.fetched == 0 && self.taken.is_empty()
    }

    /// The lowest place where so many bytes are free; it is taken now.
    pub fn take(&mut self, length: usize) -> Option<usize> {
        let is_free = |from: &usize| {
            let end = from.checked_add(length);
            let apart = |other: &Range<usize>| end <= Some(other.start) || other.end <= *from;
            end.is_some_and(|end| end <= self.room) && self.taken.iter().all(apart)
        };
        let ends = self.taken.iter().map(|other| other.end.next_multiple_of(8));
        let from = [0].into_iter().chain(ends).filter(is_free).min()?;
        self.taken.push_back(from..from + length);
        Some(from)
    }
}

/// A new segment, for a worker that is about to be forked, and the file by which the pool has it, too.
///
/// # Errors
/// What `memfd_create(2)` and `mmap(2)` report.
pub fn new_segment() -> io::Result<(Segment, File)> {
    let (words, file) = SharedWords::in_file(2 * HALF)?;
    Ok((Segment { words: Arc::new(words) }, file))
}

/// Both halves, as one process has mapped them.
///
/// ```
/// use singletrack::process::message::frame::{Decoder, FrameKind, frame};
/// use singletrack::process::message::segment::{Segment, new_segment};
///
/// let (in_worker, file) = new_segment()?;
/// let (mut answers, _calls) = in_worker.for_worker();
/// let (_calls, mut fetched) = Segment::of_file(&file)?.for_pool();
///
/// let answer = frame(FrameKind::Value, 7, &[1; 100_000])?;
/// let stub = answers.lay(&answer).expect("it is long");
/// let mut decoder = Decoder::that_fetches();
/// decoder.feed(&stub);
/// assert_eq!(decoder.next_frame(), Ok(None)); // not all there yet
/// assert_eq!(fetched.fetch(&mut decoder), Ok(true));
/// assert_eq!(decoder.next_frame()?.expect("it is now").body, [1; 100_000]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Segment {
    words: Arc<SharedWords>,
}

impl Segment {
    /// Of a file that [`new_segment`] made.
    ///
    /// # Errors
    /// Those of [`SharedWords::of_file`]; `InvalidInput` for a file that is no segment.
    pub fn of_file(file: &File) -> io::Result<Segment> {
        let words = SharedWords::of_file(file)?;
        if words.words().len() != 2 * HALF {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the file is no segment"));
        }
        Ok(Segment { words: Arc::new(words) })
    }

    /// What the pool has of it: the calls to write, the answers to read.
    pub fn for_pool(self) -> (SegmentWriter, SegmentReader) {
        (SegmentWriter::new(&self.words, 0), SegmentReader::new(&self.words, HALF))
    }

    /// What the worker has of it.
    pub fn for_worker(self) -> (SegmentWriter, SegmentReader) {
        (SegmentWriter::new(&self.words, HALF), SegmentReader::new(&self.words, 0))
    }
}

/// The writer's side of a half.
#[derive(Debug)]
pub struct SegmentWriter {
    words: Arc<SharedWords>,
    first: usize,
    places: Places,
}

impl SegmentWriter {
    fn new(words: &Arc<SharedWords>, first: usize) -> SegmentWriter {
        SegmentWriter { words: Arc::clone(words), first, places: Places::new(ROOM) }
    }

    /// Lays down the body of a frame and gives what is to be sent instead. `None`: send the frame, for
    /// it is short, or not one, or there is no room.
    pub fn lay(&mut self, frame: &[u8]) -> Option<[u8; STUB]> {
        if !is_long(frame) {
            return None;
        }
        let body = &frame[HEADER..];
        let half = &self.words.words()[self.first..self.first + HALF];
        self.places.fetched(half[0].load(Ordering::Acquire));
        stub(frame, 0)?; // more than one frame has none, and must take no place
        if self.places.is_new() {
            keep_freed_memory();
        }
        let place = self.places.take(body.len())?;
        copy_in(&half[COUNT + place / 8..], body);
        stub(frame, place as u64)
    }
}

/// Whether a frame is longer than a pipe takes at once.
pub(crate) fn is_long(frame: &[u8]) -> bool {
    frame.len() > CAPACITY
}

/// The reader's side of a half.
#[derive(Debug)]
pub struct SegmentReader {
    words: Arc<SharedWords>,
    first: usize,
    fetched: u64,
}

impl SegmentReader {
    fn new(words: &Arc<SharedWords>, first: usize) -> SegmentReader {
        SegmentReader { words: Arc::clone(words), first, fetched: 0 }
    }

    /// Fetches the body of the decoder's next frame, if that lies here; true: it did.
    ///
    /// # Errors
    /// [`FrameError::NoBody`]: it cannot lie there. The decoder says so from now on.
    pub fn fetch(&mut self, decoder: &mut Decoder) -> Result<bool, FrameError> {
        let half = &self.words.words()[self.first..self.first + HALF];
        if !decoder.fetch(|place, body| copy_out(&half[COUNT..], place, body))? {
            return Ok(false);
        }
        if self.fetched == 0 {
            keep_freed_memory();
        }
        self.fetched += 1;
        half[0].store(self.fetched, Ordering::Release);
        Ok(true)
    }
}

/// Copies bytes into words, of which there are enough. (Relaxed, as below: the pipe orders them. And word
/// for word it is as fast as `memcpy`.)
fn copy_in(words: &[AtomicU64], bytes: &[u8]) {
    let (whole, rest) = bytes.as_chunks();
    for (word, bytes) in words.iter().zip(whole) {
        word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        words[whole.len()].store(u64::from_ne_bytes(last), Ordering::Relaxed);
    }
}

/// Copies bytes out of words, from a place that the other process names; false: it cannot be.
fn copy_out(words: &[AtomicU64], place: u64, bytes: &mut [u8]) -> bool {
    let from = usize::try_from(place).ok().filter(|place| place % 8 == 0).map(|place| place / 8);
    let Some(words) = from.and_then(|from| words.get(from..)) else { return false };
    let (whole, rest) = bytes.as_chunks_mut();
    if words.len() < whole.len() + usize::from(!rest.is_empty()) {
        return false;
    }
    for (word, bytes) in words.iter().zip(&mut *whole) {
        *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
    }
    if !rest.is_empty() {
        let last = words[whole.len()].load(Ordering::Relaxed).to_ne_bytes();
        rest.copy_from_slice(&last[..rest.len()]);
    }
    true
}
