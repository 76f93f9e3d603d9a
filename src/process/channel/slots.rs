//! The slots of a queue with a `maxsize`: one byte in a pipe for each that is free.
//!
//! *Assumes*: a consumer gives a slot back for each value it receives.
//! *Promises*: a producer puts a value only with a slot that it has taken, so there are never more
//! values than slots; no process that dies, at whatever moment, stops the others: a slot that is
//! lost with it is detected, and replaced once the queue has run empty.
//! *Leaves out*: the values (`process/channel/queue.rs`).
//!
//! ```text
//!   producer                      free slots: ● ● ●                     consumer
//!   1. read one byte  ◀──────────────── pipe ◀──────────────── 4. write one byte
//!   2. send the value ───────────── the queue ────────────────▶ 3. receive it
//! ```
//! **Lost slots.** A process that is killed between 1 and 2, or between 3 and 4, takes a slot
//! along, and the queue holds one less. When all are lost like that, no producer could put any
//! more: Python's `Queue`, whose slots are a semaphore, then stops for ever. Here a producer that
//! has waited and found the queue empty and no slot free, twice, [`RECHECK`] apart, puts without
//! one. The consumer of that value gives one back all the same: the lost slot is replaced. (If the
//! process was not dead but stopped at just that moment, the queue holds one more when it goes on.)

use crate::aio::net::fds::readable;
use crate::aio::time::timeout::wait_for;
use crate::process::message::descriptor::{Descriptor, Packed};
use crate::sys::fd::{Direction, wait_ready};
use crate::sys::fd::{PipeReader, PipeWriter, pipe, set_nonblocking, unread};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// As many slots as a pipe holds bytes.
pub(crate) const MAX_SLOTS: usize = 64 << 10;

/// How long a producer waits for a slot before it checks whether one is lost.
const RECHECK: Duration = Duration::from_millis(50);

/// `maxsize` slots, all free: the producers' end and the consumers'.
pub(crate) fn slots(maxsize: usize) -> io::Result<(FreeSlots, SlotReturn)> {
    if maxsize > MAX_SLOTS {
        let why = format!("a queue of {maxsize} values: at most {MAX_SLOTS} can be had");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let (free, back) = pipe()?;
    set_nonblocking(&free)?;
    set_nonblocking(&back)?;
    back.write_all(&vec![0; maxsize])?;
    let in_hand = AtomicUsize::new(0);
    Ok((FreeSlots { maxsize, pipe: free, in_hand }, SlotReturn { maxsize, pipe: back }))
}

/// The end that producers take free slots from.
#[derive(Debug)]
pub(crate) struct FreeSlots {
    maxsize: usize,
    pipe: PipeReader,
    /// Taken for values that were not put after all. The next ones use them.
    in_hand: AtomicUsize,
}

/// A slot that was taken for one value. If it is dropped before the value is put, it is kept for
/// the next one.
#[must_use = "spend it when the value is put"]
pub(crate) struct SlotGuard<'a>(&'a FreeSlots);

impl SlotGuard<'_> {
    /// The value was put.
    pub(crate) fn spend(self) {
        std::mem::forget(self);
    }
}

impl Drop for SlotGuard<'_> {
    fn drop(&mut self) {
        self.0.in_hand.fetch_add(1, Ordering::Relaxed);
    }
}

/// The end that consumers give slots back to.
#[derive(Debug)]
pub(crate) struct SlotReturn {
    maxsize: usize,
    pipe: PipeWriter,
}

/// Since when no slot has been free and no value in the queue.
#[derive(Debug, Default)]
struct LostSlotCheck(Option<Instant>);

impl LostSlotCheck {
    /// Checks once more. True: a slot must have been lost.
    fn check(&mut self, now: Instant, is_empty: bool) -> bool {
        if !is_empty {
            self.0 = None;
            return false;
        }
        now.duration_since(*self.0.get_or_insert(now)) >= RECHECK
    }
}

impl FreeSlots {
    /// Takes a slot if one is free.
    ///
    /// # Errors
    /// `WouldBlock` if none is; `BrokenPipe` if there is no consumer any more.
    fn try_take(&self) -> io::Result<()> {
        let one_less = |held: usize| held.checked_sub(1);
        if self.in_hand.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            return Ok(());
        }
        match self.pipe.read(&mut [0])? {
            0 => Err(io::ErrorKind::BrokenPipe.into()),
            _ => Ok(()),
        }
    }

    /// Takes a slot, waiting until the deadline. `is_empty` says whether all that was put has
    /// been received.
    pub(crate) fn take(
        &self,
        deadline: Option<Instant>,
        is_empty: impl Fn() -> bool,
    ) -> io::Result<SlotGuard<'_>> {
        let mut lost = LostSlotCheck::default();
        loop {
            match self.try_take() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(|()| SlotGuard(self)),
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let patience = left.map_or(RECHECK, |left| left.min(RECHECK));
            let ready = wait_ready(self.pipe.as_fd(), Direction::Read, Some(patience))?;
            if !ready && lost.check(Instant::now(), is_empty()) {
                return Ok(SlotGuard(self));
            }
        }
    }

    /// [`take`](Self::take) on the event loop. Dropped before it is done, it has taken nothing.
    pub(crate) async fn take_async(
        &self,
        is_empty: impl Fn() -> bool,
    ) -> io::Result<SlotGuard<'_>> {
        let mut lost = LostSlotCheck::default();
        loop {
            match self.try_take() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(|()| SlotGuard(self)),
            }
            match wait_for(readable(&self.pipe), Some(RECHECK)).await {
                Ok(ready) => ready?,
                Err(_) if lost.check(Instant::now(), is_empty()) => return Ok(SlotGuard(self)),
                Err(_) => {}
            }
        }
    }

    /// How many slots there are, and how many of them are free.
    pub(crate) fn count(&self) -> io::Result<(usize, usize)> {
        Ok((self.maxsize, unread(&self.pipe)? + self.in_hand.load(Ordering::Relaxed)))
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        let pipe = self.pipe.as_fd().try_clone_to_owned()?.into();
        Ok(FreeSlots { maxsize: self.maxsize, pipe, in_hand: AtomicUsize::new(0) })
    }
}

impl SlotReturn {
    /// Gives one slot back.
    pub(crate) fn give(&self) {
        // It fails if there is no producer any more, or if the pipe is full; then no slot is
        // missing.
        let _ = self.pipe.write_all(&[0]);
    }

    /// How many slots there are, and how many of them are free.
    pub(crate) fn count(&self) -> io::Result<(usize, usize)> {
        Ok((self.maxsize, unread(&self.pipe)?))
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(SlotReturn {
            maxsize: self.maxsize,
            pipe: self.pipe.as_fd().try_clone_to_owned()?.into(),
        })
    }
}

impl Serialize for FreeSlots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.maxsize, Packed(self.pipe.as_fd())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FreeSlots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (maxsize, pipe) = <(usize, Descriptor)>::deserialize(deserializer)?;
        let pipe = OwnedFd::from(pipe).into();
        Ok(FreeSlots { maxsize, pipe, in_hand: AtomicUsize::new(0) })
    }
}

impl Serialize for SlotReturn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.maxsize, Packed(self.pipe.as_fd())).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SlotReturn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (maxsize, pipe) = <(usize, Descriptor)>::deserialize(deserializer)?;
        Ok(SlotReturn { maxsize, pipe: OwnedFd::from(pipe).into() })
    }
}
