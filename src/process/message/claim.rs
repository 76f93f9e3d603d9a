//! A claim: which of two processes has a job that was sent ahead.
//!
//! *Assumes*: one pool writes a worker's words, under its lock; one worker reads them. The numbers of
//! a worker's jobs go up by one with each frame, from a number that no worker before it had.
//! *Promises*: of the worker that wants to begin a job and the pool that wants it back one gets it,
//! never both; a claim is one atomic step in memory, and no system call. What stands in a word that
//! a job has spoilt makes no process panic: a job is then skipped, and lost with its worker.
//! *Leaves out*: which job is to be taken back, and when (`process/pool/dispatcher.rs`).
//!
//! ```text
//!    the pool                           a word, in memory of both                   the worker
//!    offer, then write the frame ─────▶ SENT ──────────────── claim ─────▶ CLAIMED   runs it
//!                                        │
//!                                        └─ take_back ─▶ TAKEN                       skips its frame
//! ```
//! A word holds the number of its job and one of the three. It is used again for the number that is
//! [`WORDS`] higher, even if the worker has not come to the frame of the first: to the worker, a word
//! with another number is a job that was taken back.
//!
//! Beside each word lie two times: when the worker began the job, and when it was done. It notes them if
//! the pool records, which a word more tells it.
//!
//! The words of all workers lie in one mapping that is made before the fork server is forked, so all
//! of them have it; a worker is told by its first frame which words are its own.

use crate::base::origin::Origin;
use crate::base::sync::{Arc, Mutex};
use crate::process::message::frame::{FrameKind, frame};
use crate::sys::memory::SharedWords;
use crate::sys::usage::monotonic_time;

use std::sync::atomic::{AtomicU64, Ordering};

/// How many words a worker has; of the jobs that it holds, no two may share one.
pub const WORDS: u64 = 256;

/// So many workers of one fork server can have words at a time; to the others nothing is sent ahead.
const WORKERS: usize = 512;

/// So many numbers each worker has.
const NUMBERS: u64 = 1 << 38;

const SENT: u64 = 1;
const CLAIMED: u64 = 2;
const TAKEN: u64 = 3;

/// An atomic number: std's, or a model's.
pub trait ClaimWord {
    /// What it holds.
    fn get(&self) -> u64;
    /// Holds `value` from now on.
    fn set(&self, value: u64);
    /// Changes `from` to `to`, in one step; false: it holds something else.
    fn replace(&self, from: u64, to: u64) -> bool;
}

impl ClaimWord for AtomicU64 {
    fn get(&self) -> u64 {
        self.load(Ordering::Acquire)
    }

    fn set(&self, value: u64) {
        self.store(value, Ordering::Release);
    }

    fn replace(&self, from: u64, to: u64) -> bool {
        self.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

fn with_state(number: u64, state: u64) -> u64 {
    number << 2 | state
}

/// The pool is about to send job `number`.
pub fn offer(word: &impl ClaimWord, number: u64) {
    word.set(with_state(number, SENT));
}

/// The worker wants to begin job `number`; false: it was taken back, and must not.
pub fn claim(word: &impl ClaimWord, number: u64) -> bool {
    word.replace(with_state(number, SENT), with_state(number, CLAIMED))
}

/// The pool wants job `number` back; false: it has begun.
///
/// ```
/// use singletrack::process::message::claim::{claim, is_claimed, offer, take_back};
/// use std::sync::atomic::AtomicU64;
///
/// let word = AtomicU64::new(0);
/// offer(&word, 7);
/// assert!(claim(&word, 7)); // the worker begins it
/// assert!(!take_back(&word, 7) && is_claimed(&word, 7));
/// offer(&word, 263);
/// assert!(take_back(&word, 263)); // before the worker comes to it
/// assert!(!claim(&word, 263));
/// ```
pub fn take_back(word: &impl ClaimWord, number: u64) -> bool {
    word.replace(with_state(number, SENT), with_state(number, TAKEN))
}

/// Whether the worker has begun job `number`.
pub fn is_claimed(word: &impl ClaimWord, number: u64) -> bool {
    word.get() == with_state(number, CLAIMED)
}

/// The words of all workers of one fork server.
///
/// ```
/// use singletrack::process::message::claim::{ClaimWords, OwnClaims, WorkerClaims};
/// use singletrack::process::message::frame::Decoder;
///
/// let all = ClaimWords::map();
/// let pool = WorkerClaims::lend(&all).unwrap(); // for one worker, which is told by a frame
/// let mut decoder = Decoder::new();
/// decoder.feed(&pool.to_frame());
/// let told = decoder.next_frame().unwrap().unwrap();
/// let mut worker = OwnClaims::new(&all, told.id, told.body).unwrap();
///
/// (0..2).for_each(|nth| pool.offer(nth));
/// assert!(worker.claim_next() && pool.is_claimed(0));
/// assert!(pool.take_back(1)); // the worker has not come to it
/// assert!(!worker.claim_next());
/// ```
#[derive(Debug)]
pub struct ClaimWords {
    /// `None` where the system had no memory to share.
    words: Option<SharedWords>,
    origin: Origin,
    /// How many workers have got words so far, and which words are free again.
    lent: Mutex<(u64, Vec<usize>)>,
}

impl ClaimWords {
    /// To be made before the fork server is forked.
    pub fn map() -> Arc<ClaimWords> {
        let words = SharedWords::map(WORKERS * (3 * WORDS as usize + 1)).ok();
        let free = if words.is_some() { (0..WORKERS).rev().collect() } else { Vec::new() };
        Arc::new(ClaimWords { words, origin: Origin::here(), lent: Mutex::new((0, free)) })
    }

    fn word(&self, place: usize, number: u64) -> Option<&AtomicU64> {
        self.words.as_ref()?.words().get(place * WORDS as usize + (number % WORDS) as usize)
    }

    /// When a worker began a job, and when it was done: behind the words of all.
    fn times(&self, place: usize, number: u64) -> Option<&[AtomicU64]> {
        let job = place * WORDS as usize + (number % WORDS) as usize;
        let from = WORKERS * WORDS as usize + 2 * job;
        self.words.as_ref()?.words().get(from..from + 2)
    }

    /// 1: the worker is to note its times. Behind the times of all.
    fn noting(&self, place: usize) -> Option<&AtomicU64> {
        self.words.as_ref()?.words().get(WORKERS * 3 * WORDS as usize + place)
    }

    /// Writes to a job's times, if they are noted. Relaxed: the pipe orders them before who reads them.
    #[inline]
    fn note(&self, place: usize, number: u64, write: impl FnOnce(&[AtomicU64])) {
        if self.noting(place).is_some_and(|noting| noting.load(Ordering::Relaxed) != 0) {
            self.times(place, number).map(write);
        }
    }
}

/// The words of one worker, as its pool has them.
#[derive(Debug)]
pub struct WorkerClaims {
    all: Arc<ClaimWords>,
    place: usize,
    first: u64,
}

impl WorkerClaims {
    /// Words for one more worker; `None` if all are lent.
    pub fn lend(all: &Arc<ClaimWords>) -> Option<WorkerClaims> {
        let mut lent = all.lent.lock();
        let place = lent.1.pop()?;
        lent.0 += 1;
        let first = lent.0.wrapping_mul(NUMBERS);
        drop(lent);
        Some(WorkerClaims { all: Arc::clone(all), place, first })
    }

    /// What the worker is told of them: their place, and the number of its first job.
    pub fn to_frame(&self) -> Vec<u8> {
        let first = self.first.to_le_bytes();
        frame(FrameKind::Claims, self.place as u64, &first).expect("eight bytes are short")
    }

    fn number(&self, nth: u64) -> u64 {
        self.first + nth % NUMBERS
    }

    fn with_word<R>(&self, nth: u64, act: impl FnOnce(&AtomicU64, u64) -> R) -> R {
        let number = self.number(nth);
        act(self.all.word(self.place, number).expect("a place that was lent"), number)
    }

    /// The worker's `nth` job is about to be sent.
    pub fn offer(&self, nth: u64) {
        let forget = |times: &[AtomicU64]| times.iter().for_each(|t| t.store(0, Ordering::Relaxed));
        self.all.note(self.place, self.number(nth), forget);
        self.with_word(nth, offer);
    }

    /// Whether the worker is to note its times.
    pub fn set_noting(&self, noting: bool) {
        if let Some(word) = self.all.noting(self.place) {
            word.store(noting.into(), Ordering::Relaxed);
        }
    }

    /// When the worker began its `nth` job and when it was done, on the system's clock; `None` where
    /// it has not noted that.
    pub fn times(&self, nth: u64) -> [Option<u64>; 2] {
        let times = self.all.times(self.place, self.number(nth));
        let time = |at: usize| {
            let time = times.map_or(0, |times| times[at].load(Ordering::Relaxed));
            (time > 0).then_some(time)
        };
        [time(0), time(1)]
    }

    /// Takes it back; false: it has begun.
    pub fn take_back(&self, nth: u64) -> bool {
        self.with_word(nth, take_back)
    }

    /// Whether it has begun.
    pub fn is_claimed(&self, nth: u64) -> bool {
        self.with_word(nth, is_claimed)
    }
}

/// A worker that still lives claims only numbers that are its own, so its words may be lent at once.
/// In a copy that came with a fork they are the original's.
impl Drop for WorkerClaims {
    fn drop(&mut self) {
        if !self.all.origin.is_copy() {
            self.all.lent.lock().1.push(self.place);
        }
    }
}

/// The words of one worker, as it has them itself.
#[derive(Debug)]
pub struct OwnClaims<'a> {
    all: &'a ClaimWords,
    place: usize,
    next: u64,
}

impl<'a> OwnClaims<'a> {
    /// What the pool told; `None` if it makes no sense.
    pub fn new(all: &'a ClaimWords, place: u64, first: &[u8]) -> Option<OwnClaims<'a>> {
        let place = usize::try_from(place).ok().filter(|place| *place < WORKERS)?;
        let next = u64::from_le_bytes(first.try_into().ok()?);
        all.word(place, next)?;
        Some(OwnClaims { all, place, next })
    }

    /// The worker has come to the next job: whether it may begin it.
    pub fn claim_next(&mut self) -> bool {
        let number = self.next;
        self.next += 1;
        let mine = self.all.word(self.place, number).is_some_and(|word| claim(word, number));
        if mine {
            let begin = |times: &[AtomicU64]| times[0].store(monotonic_time(), Ordering::Relaxed);
            self.all.note(self.place, number, begin);
        }
        mine
    }

    /// The job that was claimed last is done.
    pub fn note_end(&self) {
        let end = |times: &[AtomicU64]| times[1].store(monotonic_time(), Ordering::Relaxed);
        self.all.note(self.place, self.next - 1, end);
    }
}
