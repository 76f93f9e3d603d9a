//! One worker's descriptors: its request pipe, its reply pipe and its pidfd.
//!
//! *Assumes*: the pool's lock is held for everything but reading; both pipes are non-blocking.
//! *Promises*: frames are written whole and in the order of the jobs, however often the pipe is full
//! in between; a job counts as delivered when the last byte of its frame is written, or kept here (or
//! laid in the worker's segment) to be written. Before the first byte its claim is offered, so that it can be taken back from then on.
//! *Leaves out*: which thread may read (`process/pool/replies.rs`), and the reading
//! (`process/pool/pool_shared.rs`).
//!
//! ```text
//!        claims │ initializer │ job │ job │ jo▒▒▒          one `writev` for up to 64 frames; of a
//!                                                         long one only where it lies
//!   WorkerPipes ────────────── requests ──────────────▶ worker
//!               ◀───────────── replies  ───────────────   │
//!               ◀┄┄┄┄┄┄┄┄┄┄┄┄┄ pidfd: readable when dead ┄┘
//! ```

use crate::base::id::Key;
use crate::process::forkserver::worker::ROOMY;
use crate::process::message::claim::WorkerClaims;
use crate::process::message::frame::{FrameKind, frame};
use crate::process::message::segment::{SegmentReader, SegmentWriter, is_long};
use crate::process::pool::dispatcher::Dispatcher;
use crate::process::pool::job::WorkItem;
use crate::process::pool::replies::{ReaderOwner, ReplyReader};
use crate::sys::fd::{CAPACITY, PipeReader, PipeWriter, set_capacity};
use crate::sys::process::{Death, send_signal};
use crate::sys::process_tree::kill_trees_soon;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

/// One system call writes at most so many frames.
const AT_ONCE: usize = 64;

/// The descriptors that a thread needs to read a worker's replies without the lock.
pub(crate) struct ReplyPipe {
    pub(crate) replies: PipeReader,
    /// Becomes readable when the worker is dead.
    pub(crate) pidfd: OwnedFd,
}

impl ReplyPipe {
    /// Kills the worker and what it has started, as `sys/process_tree.rs` says. It can only fail as
    /// [`kill_worker`](Self::kill_worker) can.
    pub(crate) fn kill_tree(&self) {
        let _ = kill_trees_soon(&[self.pidfd.as_fd()]);
    }

    /// Kills the worker alone: one that is about to exit leaves what it has started. It can only fail
    /// for want of permission, for a worker that has changed its user; then the worker is at least cut
    /// off from the pool.
    pub(crate) fn kill_worker(&self) {
        let _ = send_signal(self.pidfd.as_fd(), libc::SIGKILL);
    }
}

/// The right to read a worker's replies, and what that takes. To be given back.
pub(crate) struct BorrowedReader {
    pub(crate) key: Key,
    pub(crate) pipe: Arc<ReplyPipe>,
    pub(crate) reader: ReplyReader,
}

/// A worker's process and descriptors, as the pool holds them.
pub(crate) struct WorkerPipes {
    pub(crate) pid: u32,
    pub(crate) reply_pipe: Arc<ReplyPipe>,
    pub(crate) reader: ReaderOwner<ReplyReader>,
    /// `None` once the worker was told to exit, or nothing more could be written.
    pub(crate) requests: Option<PipeWriter>,
    /// Where the long ones lie, if there is such memory.
    segment: Option<SegmentWriter>,
    /// The words by which it claims its jobs.
    pub(crate) claims: Option<WorkerClaims>,
    /// What is to be written before any undelivered job: the place of the claims, the initializer's
    /// call, the rest of the frame of a job that was taken back.
    first: VecDeque<Arc<Vec<u8>>>,
    /// The request pipe was made larger.
    enlarged: bool,
    /// How much of the first of those, or else of the first undelivered job's frame, is written.
    written: usize,
    /// Set when the worker is dead and reaped.
    pub(crate) death: Option<Death>,
}

impl WorkerPipes {
    /// For a worker just forked, whose replies the supervisor watches.
    pub(crate) fn new(
        pid: u32,
        reply_pipe: Arc<ReplyPipe>,
        requests: PipeWriter,
        segment: Option<(SegmentWriter, SegmentReader)>,
        claims: Option<WorkerClaims>,
        initializer: Option<Arc<Vec<u8>>>,
    ) -> WorkerPipes {
        // What was laid beside the pipe counts as delivered before it is sent, which is harmless only
        // where it can be taken back.
        let (segment, answers) = segment.filter(|_| claims.is_some()).unzip();
        let reader =
            ReaderOwner::new(ReplyReader::new(initializer.is_some()).with_segment(answers));
        let place = claims.as_ref().map(|claims| Arc::new(claims.to_frame()));
        let told = segment
            .as_ref()
            .map(|_| Arc::new(frame(FrameKind::Segment, 0, &[]).expect("nothing is short")));
        WorkerPipes {
            pid,
            reply_pipe,
            reader,
            requests: Some(requests),
            segment,
            claims,
            first: place.into_iter().chain(told).chain(initializer).collect(),
            enlarged: false,
            written: 0,
            death: None,
        }
    }

    /// Writes to the request pipe what it has room for, and reports the jobs that were delivered.
    pub(crate) fn write(&mut self, key: Key, dispatcher: &mut Dispatcher<WorkItem>) {
        loop {
            match self.write_some(key, dispatcher) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.not_written(&error),
            }
        }
    }

    /// False: there is nothing more to write.
    fn write_some(&mut self, key: Key, dispatcher: &mut Dispatcher<WorkItem>) -> io::Result<bool> {
        if self.requests.is_none() {
            return Ok(false);
        }
        self.write_first()?;
        Ok(self.lay_next(key, dispatcher) || self.write_next(key, dispatcher)?)
    }

    /// Writes what comes before any undelivered job.
    fn write_first(&mut self) -> io::Result<()> {
        let Some(pipe) = &self.requests else { return Ok(()) };
        while let Some(frame) = self.first.front() {
            self.written += pipe.write(&frame[self.written..])?;
            if self.written == frame.len() {
                self.first.pop_front();
                self.written = 0;
            }
        }
        Ok(())
    }

    /// Lays the next job beside the pipe, if it is long and there is room; its stub is then the first
    /// to be written.
    fn lay_next(&mut self, key: Key, dispatcher: &mut Dispatcher<WorkItem>) -> bool {
        let Some(segment) = self.segment.as_mut().filter(|_| self.written == 0) else {
            return false;
        };
        let stub = dispatcher.undelivered(key).next().and_then(|job| segment.lay(&job.body.frame));
        let Some(stub) = stub else { return false };
        if let Some(claims) = &self.claims {
            claims.offer(dispatcher.ever_delivered(key));
        }
        self.first.push_back(Arc::new(stub.to_vec()));
        dispatcher.delivered(key);
        true
    }

    /// Writes jobs, up to the next that may lie beside the pipe; false: there is none.
    fn write_next(&mut self, key: Key, dispatcher: &mut Dispatcher<WorkItem>) -> io::Result<bool> {
        let Some(pipe) = &self.requests else { return Ok(false) };
        let mut slices = [IoSlice::new(&[]); AT_ONCE];
        let mut count = 0;
        let next = dispatcher.ever_delivered(key);
        for (slot, job) in slices.iter_mut().zip(dispatcher.undelivered(key)) {
            if count > 0 && is_long(&job.body.frame) {
                break;
            }
            let from = if count == 0 { self.written } else { 0 };
            *slot = IoSlice::new(&job.body.frame[from..]);
            if let Some(claims) = &self.claims {
                claims.offer(next + count as u64);
            }
            count += 1;
        }
        if count == 0 {
            return Ok(false);
        }
        if !self.enlarged && slices[0].len() > CAPACITY {
            self.enlarged = true;
            // Many small steps take longer; but if the system says no, they will do.
            let _ = set_capacity(pipe, ROOMY);
        }
        self.written += pipe.write_vectored(&slices[..count])?;
        while let Some(length) = next_length(dispatcher, key)
            && self.written >= length
        {
            self.written -= length;
            dispatcher.delivered(key);
        }
        Ok(true)
    }

    /// The pipe is full, and will have room. Or it is of no use any more: then it ends here, and the
    /// worker exits when it has done what it was sent. (It may be dead already; its pidfd says so.)
    fn not_written(&mut self, error: &io::Error) {
        if error.kind() != io::ErrorKind::WouldBlock {
            self.requests = None;
        }
    }

    /// Keeps the rest of a frame that is written in part. Then its job counts as delivered, and can be
    /// taken back with it.
    pub(crate) fn keep_rest(&mut self, key: Key, dispatcher: &mut Dispatcher<WorkItem>) {
        if !self.first.is_empty() || self.written == 0 {
            return;
        }
        let rest = dispatcher.undelivered(key).next();
        let rest = rest.map(|job| job.body.frame[self.written..].to_vec());
        if let Some(rest) = rest {
            self.first.push_back(Arc::new(rest));
            self.written = 0;
            dispatcher.delivered(key);
        }
    }

    /// Lends out the reader, unless another thread has it.
    pub(crate) fn borrow_reader(&mut self, key: Key) -> Option<BorrowedReader> {
        let reader = self.reader.take()?;
        Some(BorrowedReader { key, pipe: Arc::clone(&self.reply_pipe), reader })
    }

    /// Lends out the reader of a worker that is dead, or notes that it is.
    pub(crate) fn borrow_reader_of_dead(&mut self, key: Key) -> Option<BorrowedReader> {
        let reader = self.reader.take_of_dead()?;
        Some(BorrowedReader { key, pipe: Arc::clone(&self.reply_pipe), reader })
    }

    /// Takes the reply pipe out of the supervisor's selector. It may be out already.
    pub(crate) fn stop_watching_replies(&self, registry: &Registry) {
        let fd = self.reply_pipe.replies.as_fd().as_raw_fd();
        let _ = registry.deregister(&mut SourceFd(&fd));
    }

    /// Takes the pidfd and the reply pipe of a dead worker out of the supervisor's selector.
    pub(crate) fn stop_watching(&self, registry: &Registry) {
        let fd = self.reply_pipe.pidfd.as_raw_fd();
        let _ = registry.deregister(&mut SourceFd(&fd));
        self.stop_watching_replies(registry);
    }
}

/// How long the frame is that a worker gets next.
fn next_length(dispatcher: &Dispatcher<WorkItem>, key: Key) -> Option<usize> {
    dispatcher.undelivered(key).next().map(|job| job.body.frame.len())
}

/// What the supervisor's selector reports of a worker, one for each of its descriptors.
#[derive(Clone, Copy)]
pub(crate) enum WorkerEvent {
    /// The reply pipe has bytes, or has ended.
    Replies,
    /// The process is dead.
    Death,
    /// The request pipe has room again.
    Room,
}

/// A token of the supervisor's selector: the index of the worker's key, and the event.
pub(crate) fn token(key: Key, event: WorkerEvent) -> Token {
    Token(key.index as usize * 4 + event as usize)
}

/// Has the supervisor's selector report when `fd` can be read.
pub(crate) fn watch(registry: &Registry, fd: &impl AsFd, token: Token) -> io::Result<()> {
    registry.register(&mut SourceFd(&fd.as_fd().as_raw_fd()), token, Interest::READABLE)
}
