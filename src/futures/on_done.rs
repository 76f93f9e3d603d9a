//! What happens when a future becomes done: who waits is told, then callbacks run in order.
//!
//! *Promises*: every callback is called once, those of one future in the order in which they were
//! added, and after all that wait were told; a panic in one harms neither the others nor the thread;
//! a chain of any length, in which each callback resolves the next future, takes a stack of bounded
//! depth.
//! *Leaves out*: when that is, and the lock (`futures/oneshot.rs`).
//!
//! A callback may resolve another future, whose callbacks are called before it goes on, as in
//! CPython. There, a thousand such steps are a `RecursionError`; here, from a depth of
//! [`MAX_DEPTH`] on, callbacks queue up on their thread, and the callback at that depth is followed
//! by all of them, oldest first:
//!
//! ```text
//!   depth 1        callback 1 ─ resolves ─┐                              ┌─ goes on
//!     …                                   └ … ─┐                    ┌─ … ┘
//!   depth 32       callback 32 ─ resolves, goes on ─ callback 33 ─ callback 34 ─ …
//! ```
//! Why not queue always, as asyncio does? A callback may wait: for a thread that one of the callbacks
//! sends to, or in an event loop of its own. Then whatever is queued behind it would wait too.

use crate::base::panic::{discard, drop_or_warn};
use crate::base::sync;
use crate::futures::deadlock::Unblock;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

pub(crate) type FutureCallback = Box<dyn FnOnce() + Send>;

/// A number for what added a callback, by which it can be removed; 0 for `add_done_callback`.
pub(crate) type Subscriber = usize;

/// The subscriber of wakers.
pub(crate) const WAKER: Subscriber = usize::MAX;

/// Up to this depth, whoever resolves a future calls its callbacks itself.
const MAX_DEPTH: usize = 32;

sync::thread_local! {
    /// The callbacks in which this thread is.
    static NESTING: Nesting = Nesting::default();
}

#[derive(Default)]
struct Nesting {
    depth: Cell<usize>,
    /// What waits until the callback at the greatest depth has ended.
    queued: RefCell<VecDeque<FutureCallback>>,
}

/// What happens when the future is done, besides waking the threads that wait on the condvar.
#[derive(Default)]
pub(crate) struct OnDone {
    pub(crate) waker: Option<Waker>,
    callbacks: Vec<(Subscriber, FutureCallback)>,
    /// For workers of the job's own pool that block on it: tells the pool that they no longer do.
    unblock: Vec<(Subscriber, Arc<dyn Unblock>)>,
}

impl OnDone {
    pub(crate) fn of(subscriber: Subscriber, callback: FutureCallback) -> OnDone {
        OnDone { waker: None, callbacks: vec![(subscriber, callback)], unblock: Vec::new() }
    }

    pub(crate) fn add(&mut self, subscriber: Subscriber, callback: FutureCallback) {
        self.callbacks.push((subscriber, callback));
    }

    pub(crate) fn add_blocked(&mut self, subscriber: Subscriber, worker: Arc<dyn Unblock>) {
        self.unblock.push((subscriber, worker));
    }

    /// What `subscriber` added, to be dropped outside the lock.
    pub(crate) fn remove(&mut self, subscriber: Subscriber) -> OnDone {
        let is_its = |owner: Subscriber| owner == subscriber;
        let callbacks = self.callbacks.extract_if(.., |(owner, _)| is_its(*owner)).collect();
        let unblock = self.unblock.extract_if(.., |(owner, _)| is_its(*owner)).collect();
        OnDone { waker: None, callbacks, unblock }
    }

    /// Under the lock: from now on these workers are no longer blocked.
    pub(crate) fn unblock_all(&self) {
        self.unblock.iter().for_each(|(_, worker)| worker.unblock());
    }

    /// Calls the waker, then what tells others that wait, then the user's callbacks in order. One of
    /// those may wait itself, for what a thread does that waits for this future.
    pub(crate) fn run(mut self) {
        if let Some(waker) = self.waker.take() {
            call(|| waker.wake());
        }
        let mut callbacks = std::mem::take(&mut self.callbacks);
        callbacks.sort_by_key(|(subscriber, _)| *subscriber == 0);
        for (subscriber, callback) in callbacks {
            match subscriber {
                0 => call_nested(callback),
                _ => call(callback), // it is short
            }
        }
    }
}

/// What was not called: it was removed, or its cell is gone.
impl Drop for OnDone {
    fn drop(&mut self) {
        drop_or_warn("a waker", self.waker.take());
        for (_, callback) in std::mem::take(&mut self.callbacks) {
            drop_or_warn("a done callback that was not called", callback);
        }
    }
}

/// Calls it now, or after the callback at the greatest depth.
fn call_nested(callback: FutureCallback) {
    let Ok(depth) = NESTING.try_with(|nesting| nesting.depth.get()) else {
        return call(callback); // the thread is at its end and keeps no count any more
    };
    if depth == MAX_DEPTH {
        return NESTING.with(|nesting| nesting.queued.borrow_mut().push_back(callback));
    }
    NESTING.with(|nesting| nesting.depth.set(depth + 1));
    call(callback);
    if depth + 1 == MAX_DEPTH {
        let next = || NESTING.with(|nesting| nesting.queued.borrow_mut().pop_front());
        while let Some(callback) = next() {
            call(callback);
        }
    }
    NESTING.with(|nesting| nesting.depth.set(depth));
}

/// A panic is printed by the panic hook and goes no further (CPython logs it).
fn call(callback: impl FnOnce()) {
    catch_unwind(AssertUnwindSafe(callback)).unwrap_or_else(discard);
}
