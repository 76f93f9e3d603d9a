//! The inbox: what other threads ask of a loop, and when that has to wake its selector.
//!
//! *Assumes*: a waker that makes the sleeping loop's `wait` return (`selector/event.rs`).
//! *Promises*: every message is taken once, in order of arrival; the loop never sleeps while a
//! message waits; the waker, which may cost a system call, is used only while the loop is parked, and
//! once for all that is pushed meanwhile. Parked is a little more than asleep: it begins before the
//! selector is polled, and ends when the inbox is taken after that.
//! *Leaves out*: when an iteration takes messages and parks (steps 1, 3 and 5 of
//! `event_loop/run_once.rs`), and what each message then does (`event_loop/core.rs`).
//!
//! ```text
//!      ┌────────── push: the loop will take it, no system call ───────┐
//!      │                                                              ▼
//!   AWAKE ──park: may sleep──► PARKED ──push: use the waker──► NOTIFIED ◄─┐
//!      ▲                          │                                │   │   │ push
//!      └───────── take ───────────┴────────────── take ────────────┘   └───┘
//! ```
//! `park` succeeds only from AWAKE. Push, park and take are read-modify-writes of one atomic,
//! so they stand in one order that all threads agree on. Either `push` comes first, and `park`
//! finds NOTIFIED and the loop does not sleep; or `park` comes first, and `push` finds PARKED
//! and uses the waker. `tests/loom_inbox.rs` walks through all interleavings.
//!
//! Counterpart: asyncio's `call_soon_threadsafe` writes a byte into the self-pipe every time.

use crate::base::id::{Key, LoopId, MAX_LOOPS, TaskId};
use crate::base::panic::drop_or_warn;
use crate::base::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use crate::base::sync::{Arc, Mutex};
use crate::sys::process::generation;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::LazyLock;

const AWAKE: u8 = 0;
const PARKED: u8 = 1;
const NOTIFIED: u8 = 2;

/// What one thread may ask of another thread's loop.
pub enum LoopMessage {
    /// A waker of one of its tasks was used.
    Wake(TaskId),
    /// One of its tasks was cancelled.
    Cancel(TaskId),
    /// Run this in the next iteration.
    Call(Box<dyn FnOnce() + Send>),
    /// A handle of a scheduled callback was cancelled: forget the callback, and its timer if it
    /// has one.
    CancelCall(Key, Option<Key>),
    /// A sleep was dropped.
    CancelTimer(Key),
    /// A socket was dropped: forget the source, then close the descriptor.
    Close(Key, OwnedFd),
    /// The handle of a task was dropped where its loop was not running, and with it a panic that
    /// had not been fetched.
    Panicked {
        /// The task.
        place: String,
        /// The panic's message.
        message: String,
    },
    /// `stop` was called.
    Stop,
}

/// A queue that many threads fill and one loop empties. Generic, so that a model can push
/// plain numbers.
///
/// ```
/// use singletrack::event_loop::inbox::Inbox;
///
/// let inbox = Inbox::new(Box::new(|| println!("wake up")));
/// inbox.push(1).unwrap(); // the loop is awake: the waker is not used
/// assert!(!inbox.park()); // it must not sleep now
/// let mut messages = Vec::new();
/// inbox.take(&mut messages);
/// assert_eq!(messages, [1]);
/// assert!(inbox.park()); // now it may; the next push would use the waker
/// assert!(inbox.close().is_empty());
/// assert_eq!(inbox.push(2), Err(2)); // nobody would take it
/// ```
pub struct Inbox<M> {
    queue: Mutex<Queue<M>>,
    state: AtomicU8,
    waker: Box<dyn Fn() + Send + Sync>,
}

struct Queue<M> {
    messages: Vec<M>,
    closed: bool,
}

impl<M> Inbox<M> {
    /// An empty inbox of a loop that is awake.
    pub fn new(waker: Box<dyn Fn() + Send + Sync>) -> Self {
        let queue = Queue { messages: Vec::new(), closed: false };
        Inbox { queue: Mutex::new(queue), state: AtomicU8::new(AWAKE), waker }
    }

    /// Leaves a message; uses the waker if the loop is parked and nobody has. From any thread.
    ///
    /// # Errors
    /// The message, if the inbox is closed.
    pub fn push(&self, message: M) -> Result<(), M> {
        let mut queue = self.queue.lock();
        if queue.closed {
            return Err(message);
        }
        queue.messages.push(message);
        drop(queue);
        // Release: the thread that sees NOTIFIED also sees the message. Acquire: a PARKED that
        // is seen here is the loop's newest word.
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == PARKED {
            (self.waker)();
        }
        Ok(())
    }

    /// The loop takes no more: gives what has come. Whatever is pushed from now on is given back.
    pub fn close(&self) -> Vec<M> {
        let mut queue = self.queue.lock();
        queue.closed = true;
        std::mem::take(&mut queue.messages)
    }

    /// The loop is about to sleep. False: it must not, there are messages.
    pub fn park(&self) -> bool {
        self.state.compare_exchange(AWAKE, PARKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// False: there is nothing to take. Costs one load.
    pub fn has_messages(&self) -> bool {
        self.state.load(Ordering::Relaxed) != AWAKE
    }

    /// The loop is awake: moves all messages to the end of `into`.
    pub fn take(&self, into: &mut Vec<M>) {
        if !self.has_messages() {
            return;
        }
        if self.state.swap(AWAKE, Ordering::AcqRel) == NOTIFIED {
            into.append(&mut self.queue.lock().messages);
        }
    }
}

impl<M> Drop for Inbox<M> {
    /// What was never taken, where an inbox was not closed. Each message may own a user value, whose drop
    /// may panic, and there is no loop any more that could be told.
    fn drop(&mut self) {
        for message in self.close() {
            drop_or_warn("a message to a closed event loop", message);
        }
    }
}

/// The loops of this process. This is how a waker, which is only a number, finds its loop
/// from a foreign thread.
static LOOPS: LazyLock<Loops<LoopMessage>> = LazyLock::new(Loops::default);

/// The inboxes of loops that are alive, by number. Generic for the sake of a model.
///
/// A message that is sent while its loop closes is taken by that loop, or given back: nobody waits for what
/// lies in an inbox that is not taken any more.
///
/// The table goes along with a fork, and its loops do not: a copy of the process begins with none, and asks
/// for that before it takes the lock, which a thread that was not copied may have.
pub struct Loops<M> {
    open: Mutex<OpenLoops<M>>,
    /// The process that opened them, by its [generation](crate::sys::process::generation).
    process: AtomicU32,
}

struct OpenLoops<M> {
    inboxes: BTreeMap<u32, Arc<Inbox<M>>>,
    last: u32,
}

impl<M> Default for Loops<M> {
    fn default() -> Self {
        let open = Mutex::new(OpenLoops { inboxes: BTreeMap::new(), last: 0 });
        Loops { open, process: AtomicU32::new(0) }
    }
}

impl<M> Loops<M> {
    /// Gives a new loop its number. Numbers go round, so a fresh loop seldom meets the wakers
    /// of a dead one; where it does, the cost is a spurious poll.
    ///
    /// # Panics
    /// If 16,777,215 loops are alive.
    pub fn open(&self, inbox: Arc<Inbox<M>>) -> LoopId {
        let mut loops = self.open.lock();
        if !self.are_ours() {
            // The original's, which it will close itself.
            std::mem::forget(std::mem::take(&mut loops.inboxes));
            self.process.store(generation().0, Ordering::Release);
        }
        for _ in 0..MAX_LOOPS {
            loops.last = (loops.last + 1) % MAX_LOOPS;
            let number = loops.last;
            // No loop has number zero: a task id of all zero bits would be a null waker.
            if number != 0 && !loops.inboxes.contains_key(&number) {
                loops.inboxes.insert(number, inbox);
                return LoopId(number);
            }
        }
        panic!("no more than {} event loops can be alive at a time", MAX_LOOPS - 1);
    }

    fn are_ours(&self) -> bool {
        self.process.load(Ordering::Acquire) == generation().0
    }

    /// The loop is gone: gives what it has not taken. What is sent to its number from now on is given back
    /// to its sender.
    pub fn close(&self, id: LoopId) -> Vec<M> {
        let closed = self.open.lock().inboxes.remove(&id.get());
        closed.map_or_else(Vec::new, |inbox| inbox.close())
    }

    /// True until [`close`](Self::close).
    pub fn is_open(&self, id: LoopId) -> bool {
        self.are_ours() && self.open.lock().inboxes.contains_key(&id.get())
    }

    /// Leaves a message for a loop; gives it back if that loop is gone, or another process's.
    ///
    /// # Errors
    /// The message.
    pub fn send(&self, id: LoopId, message: M) -> Result<(), M> {
        if !self.are_ours() {
            return Err(message);
        }
        let inbox = self.open.lock().inboxes.get(&id.get()).cloned();
        match inbox {
            Some(inbox) => inbox.push(message),
            None => Err(message),
        }
    }
}

/// [`Loops::open`] in this process.
pub fn open(inbox: Arc<Inbox<LoopMessage>>) -> LoopId {
    LOOPS.open(inbox)
}

/// [`Loops::close`] in this process.
pub fn close(id: LoopId) -> Vec<LoopMessage> {
    LOOPS.close(id)
}

/// [`Loops::is_open`] in this process.
pub fn is_open(id: LoopId) -> bool {
    LOOPS.is_open(id)
}

/// [`Loops::send`] in this process.
pub fn send(id: LoopId, message: LoopMessage) -> Result<(), LoopMessage> {
    LOOPS.send(id, message)
}
