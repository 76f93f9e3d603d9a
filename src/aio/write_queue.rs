//! What is to be written and has not yet gone: a queue with two watermarks.
//!
//! *Assumes*: nothing; somebody else writes.
//! *Promises*: bytes leave in order; one pause when the queue grows above the high mark, one
//! resume when it has shrunk to the low one, never two of a kind in a row.
//! *Leaves out*: writing and waiting (`aio/writer.rs`).
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
use std::io::{self, IoSlice};

/// The high mark, unless told otherwise.
const HIGH: usize = 64 * 1024;

/// The queue.
///
/// ```
/// use singletrack::aio::write_queue::WriteQueue;
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
            high: HIGH,
            low: HIGH / 4,
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

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True when none does.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// True from above the high mark until down at the low one.
    pub fn paused(&self) -> bool {
        self.paused
    }

    /// How often it has paused and resumed.
    pub fn turns(&self) -> (u64, u64) {
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
        self.judge();
    }

    /// The first `count` bytes have gone.
    pub fn pop(&mut self, count: usize) {
        self.bytes.drain(..count);
        if self.bytes.is_empty() {
            self.bytes = VecDeque::new(); // a queue is the exception: do not keep its memory
        }
        self.judge();
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
        let high = high.unwrap_or_else(|| low.map_or(HIGH, |low| low.saturating_mul(4)));
        let low = low.unwrap_or(high / 4);
        if low > high {
            let text = format!("the low mark ({low}) must not be above the high one ({high})");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        (self.high, self.low) = (high, low);
        self.judge();
        Ok(())
    }

    fn judge(&mut self) {
        if !self.paused && self.len() > self.high {
            self.paused = true;
            self.pauses += 1;
        } else if self.paused && self.len() <= self.low {
            self.paused = false;
            self.resumes += 1;
        }
    }
}
