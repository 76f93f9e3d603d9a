//! A worker's replies: which thread reads them, what they may be. Pure.
//!
//! *Assumes*: [`ReaderOwner`] is asked under one lock; the bytes that [`ReplyReader`] is fed are those
//! of one worker's reply pipe, in order.
//! *Promises*: at most one thread reads at a time; the supervisor is told to watch whenever a worker
//! has jobs and no caller reads; a dead worker is reaped once, and not before the last reader has
//! given its `ReplyReader` back. Whatever the bytes are: no panic, no job resolved by anything but
//! its own answer, and no more memory than one frame's limit, and once more for each item of a chunk
//! whose answer comes in parts; a worker that sends what it may not
//! send is reported to the dispatcher, which has it killed.
//! *Leaves out*: reading (`process/pool/pool_shared.rs`), pipes and selectors
//! (`process/pool/worker_pipes.rs`), and what is in an answer (`process/message/call.rs`).
//!
//! ```text
//!              appoint_caller                        give_back, no jobs
//!   SUPERVISOR ──────────────▶ CALLER ─────────────────────────────────▶ NOBODY
//!       ▲  (stop watching)       │ ▲          appoint_caller               │ │
//!       │                        │ └───────────────────────────────────────┘ │
//!       └─── give_back, jobs ────┘◀──────── jobs: watch again ───────────────┘
//! ```
//! The owner takes the `ReplyReader`, reads without the lock, and puts it back. Only the supervisor
//! sees a death; if a caller has the reader at that moment, the worker is reaped when the caller
//! gives it back.
//!
//! ```text
//!   hello ──▶ (initializer's reply) ──▶ reply, reply, (part, part, …) reply …
//!     anything else, at any time ──▶ misbehaved
//! ```

use crate::base::id::Key;
use crate::process::message::call::{check_greeting, read_reply};
use crate::process::message::frame::{Decoder, FrameKind};
use crate::process::message::segment::SegmentReader;
use crate::process::pool::dispatcher::Dispatcher;
use crate::process::pool::job::PoolJob;
use std::ops::Range;
use std::sync::Arc;

/// Which thread reads the replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The worker has no job.
    Nobody,
    /// The reply pipe is in the supervisor's selector.
    Supervisor,
    /// The thread that waits for the one job the worker has.
    Caller,
}

/// Decides which thread may read one worker's replies: the supervisor, a caller, or none for now.
/// `R` is the reader, the value that is needed to read.
///
/// ```
/// use singletrack::process::pool::replies::ReaderOwner;
///
/// let mut replies = ReaderOwner::new("reader"); // the supervisor watches
/// assert_eq!(replies.appoint_caller(), Some(true)); // stop watching!
/// let reader = replies.take().unwrap();
/// assert_eq!(replies.take_of_dead(), None); // the worker died, but the caller is still reading
/// assert!(replies.give_back(reader)); // now it is to be reaped
/// ```
#[derive(Debug)]
pub struct ReaderOwner<R> {
    /// `None` while a thread reads.
    reader: Option<R>,
    owner: Owner,
    /// It died while a caller was reading.
    dead: bool,
}

impl<R> ReaderOwner<R> {
    /// Of a worker just forked; the supervisor watches it.
    pub fn new(reader: R) -> Self {
        ReaderOwner { reader: Some(reader), owner: Owner::Supervisor, dead: false }
    }

    /// A caller wants to read until it has its answer. `None`: it cannot, because another thread
    /// reads. Otherwise the caller is the owner; true: the supervisor is to stop watching.
    pub fn appoint_caller(&mut self) -> Option<bool> {
        if self.reader.is_none() || self.owner == Owner::Caller {
            return None;
        }
        let watched = self.owner == Owner::Supervisor;
        self.owner = Owner::Caller;
        Some(watched)
    }

    /// Whether the supervisor must begin to watch, now that there are jobs; then it is the owner.
    pub fn appoint_supervisor(&mut self) -> bool {
        let needed = self.owner == Owner::Nobody;
        if needed {
            self.owner = Owner::Supervisor;
        }
        needed
    }

    /// The reader, to read; `None` if another thread has it.
    pub fn take(&mut self) -> Option<R> {
        self.reader.take()
    }

    /// The reader of a worker that is dead. `None`: reap it when the reader is given back.
    pub fn take_of_dead(&mut self) -> Option<R> {
        let reader = self.reader.take();
        self.dead |= reader.is_none();
        reader
    }

    /// The supervisor has read what there was.
    pub fn put_back(&mut self, reader: R) {
        self.reader = Some(reader);
    }

    /// A caller has finished reading. True: the worker is dead and can be reaped now.
    pub fn give_back(&mut self, reader: R) -> bool {
        self.reader = Some(reader);
        self.owner = Owner::Nobody;
        self.dead
    }

    /// The reader, without taking it.
    pub fn reader(&self) -> Option<&R> {
        self.reader.as_ref()
    }
}

pub use crate::process::forkserver::worker::INITIALIZER;

/// What a worker may send next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Hello,
    InitializerReply,
    JobReply,
}

/// Decodes one worker's replies and checks their order. Keeps half a frame, perhaps, and why the
/// initializer failed.
#[derive(Debug)]
pub struct ReplyReader {
    decoder: Decoder,
    /// Where long answers lie, if there is such memory.
    segment: Option<SegmentReader>,
    expected: Expected,
    /// It has an initializer to run.
    has_initializer: bool,
    /// Why its initializer failed.
    failure: Option<String>,
    /// What has come of the answer to the job that it runs.
    parts: Vec<Vec<u8>>,
    /// It is to be killed, so nothing that it has sent counts any more.
    is_done: bool,
}

/// A reply that counts, and where its body lies.
#[derive(Debug)]
pub enum Reply<B> {
    /// A job was answered, in a frame of this kind.
    Answer(PoolJob<B>, FrameKind, Range<usize>),
    /// A part of the answer to the job that is answered next. To be [kept](ReplyReader::keep_part).
    Part(Range<usize>),
}

impl ReplyReader {
    /// For a worker that has sent nothing yet.
    pub fn new(prepares: bool) -> ReplyReader {
        ReplyReader {
            decoder: Decoder::new(),
            segment: None,
            expected: Expected::Hello,
            has_initializer: prepares,
            failure: None,
            parts: Vec::new(),
            is_done: false,
        }
    }

    /// For one that may lay long answers into its segment.
    pub fn with_segment(mut self, segment: Option<SegmentReader>) -> ReplyReader {
        if segment.is_some() {
            self.decoder = Decoder::that_fetches();
        }
        self.segment = segment;
        self
    }

    /// Whether there is nothing more to be read: the worker is to be killed for what it sent, or for
    /// another reason. Somebody may go on writing, in whose hands it has left its pipe.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Room for the next bytes; see [`Decoder::room`].
    pub fn room(&mut self) -> &mut [u8] {
        self.decoder.room()
    }

    /// So many bytes came into the room.
    pub fn filled(&mut self, count: usize) {
        self.decoder.filled(count);
    }

    /// Fetches the body of the next answer, if it lies in the worker's segment; true: there are frames to
    /// handle again.
    pub fn fetch(&mut self) -> bool {
        let ReplyReader { segment, decoder, .. } = self;
        // An error is the decoder's from now on.
        segment.as_mut().is_some_and(|segment| segment.fetch(decoder).unwrap_or(true))
    }

    /// The bytes of an answer; valid until [`room`](Self::room) is called.
    pub fn body(&self, place: Range<usize>) -> &[u8] {
        self.decoder.body(place)
    }

    /// What the places of all replies so far are about, for as long as the caller wants.
    pub(crate) fn bytes(&self) -> Arc<Vec<u8>> {
        self.decoder.bytes()
    }

    /// Keeps a part until the answer itself comes.
    pub fn keep_part(&mut self, place: Range<usize>) {
        self.parts.push(self.decoder.body(place).to_vec());
    }

    /// Whether a part waits for its answer.
    pub(crate) fn has_parts(&self) -> bool {
        !self.parts.is_empty()
    }

    /// The parts of the answer that came last, in their order.
    pub fn take_parts(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.parts)
    }

    /// Why the initializer failed, if it did.
    pub fn failure(&self) -> Option<&String> {
        self.failure.as_ref()
    }

    /// Reports every whole frame to `pool`, as sent by worker `key`; gives the replies that count.
    /// (A part is long: it is copied later, when no lock is held.)
    pub fn handle_frames<B>(
        &mut self,
        key: Key,
        pool: &mut Dispatcher<B>,
        now: u64,
    ) -> Vec<Reply<B>> {
        let mut replies = Vec::new();
        loop {
            match self.decoder.next_place() {
                Ok(Some((kind, id, place))) if self.is_answer(kind) => {
                    match pool.answered(key, id, now) {
                        Some(job) => replies.push(Reply::Answer(job, kind, place)),
                        None => self.stop(),
                    }
                }
                Ok(Some((FrameKind::Part, id, place))) if self.expected == Expected::JobReply => {
                    match pool.answered_in_part(key, id) {
                        true => replies.push(Reply::Part(place)),
                        false => self.stop(),
                    }
                }
                Ok(Some((kind, id, place))) => {
                    if let Err(why) = self.start_up(key, pool, (kind, id, place)) {
                        self.stop();
                        pool.misbehaved(key, why);
                    }
                }
                Ok(None) => return replies,
                Err(error) => {
                    self.stop();
                    pool.misbehaved(key, error.to_string());
                    return replies;
                }
            }
        }
    }

    /// The worker is to be killed: what else it has sent is not worth its copies.
    fn stop(&mut self) {
        (self.segment, self.is_done) = (None, true);
    }

    fn is_answer(&self, kind: FrameKind) -> bool {
        self.expected == Expected::JobReply
            && matches!(kind, FrameKind::Value | FrameKind::Panicked | FrameKind::Refused)
    }

    /// Handles what comes before the first answer: the hello, and the initializer's reply.
    fn start_up<B>(
        &mut self,
        key: Key,
        pool: &mut Dispatcher<B>,
        (kind, id, place): (FrameKind, u64, Range<usize>),
    ) -> Result<(), String> {
        let body = self.decoder.body(place);
        match (self.expected, kind) {
            (Expected::Hello, FrameKind::Hello) => {
                check_greeting(body)?;
                pool.hello(key);
                self.expected = Expected::InitializerReply;
            }
            (Expected::InitializerReply, _) if self.has_initializer && id == INITIALIZER => {
                if let Err(error) = read_reply(kind, body) {
                    let why = format!("the initializer of a worker failed: {error}");
                    pool.give_up();
                    return Err(self.failure.insert(why).clone());
                }
                self.has_initializer = false;
            }
            _ => return Err(format!("it sent a frame of kind {kind:?} out of turn")),
        }
        if !self.has_initializer {
            pool.ready(key);
            self.expected = Expected::JobReply;
        }
        Ok(())
    }
}
