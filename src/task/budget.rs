//! A task's budget for one poll, and yielding: how a task lets the others run.
//!
//! *Assumes*: a waker that puts its own task into the ready queue (`task/running.rs`).
//! *Promises*: a task whose I/O is always ready pauses after 128 operations of one poll, and
//! goes to the end of the ready queue; so does one that yields. Even with a budget of one operation
//! every task gets on.
//! *Leaves out*: leaves of other crates, which know nothing of it: where a task awaits only those,
//! `consume_budget` (`aio/tasks/current.rs`) pays. And computation. A task that never awaits cannot be interrupted; that is what
//! threads and processes are for. And fairness between the futures of one task: the budget is the
//! task's, and the future that is polled first may have all of it.
//!
//! The rule for a leaf: *an operation is paid for once, where it is done, and what is not done costs
//! nothing*. A poll that pays and returns `Pending` all the same must remember that it has paid, or
//! have done something for it (a read that found nothing clears the readiness of its descriptor). A
//! leaf that paid twice, for itself and through the one beneath it, would with a budget of one be
//! refused in each poll anew, and keep the loop busy for ever.
//!
//! Without it, a task that reads from a peer that writes faster than it reads would never meet
//! `Pending`: its loop would serve no timer and no other socket. asyncio has no such limit,
//! since each of its reads costs an iteration. tokio's is `coop`, and the number is tokio's.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Operations in one poll.
pub const BUDGET: u32 = 128;

/// What is left of the poll in progress. Filled up before each poll, spent by the leaves:
/// sockets, streams, locks and queues.
///
/// ```
/// use singletrack::task::budget::{BUDGET, Budget};
/// use std::task::{Context, Waker};
///
/// let budget = Budget::default();
/// let mut cx = Context::from_waker(Waker::noop());
/// budget.refill();
/// for _ in 0..BUDGET {
///     assert!(budget.spend(&mut cx).is_ready());
/// }
/// assert!(budget.spend(&mut cx).is_pending()); // and the task is woken, to go on later
/// ```
#[derive(Debug)]
pub struct Budget {
    left: Cell<u32>,
    full: Cell<u32>,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { left: Cell::new(BUDGET), full: Cell::new(BUDGET) }
    }
}

impl Budget {
    /// Another limit; `u32::MAX` is as good as none.
    pub fn set(&self, full: u32) {
        self.full.set(full);
        self.left.set(full);
    }

    /// A poll begins.
    pub fn refill(&self) {
        self.left.set(self.full.get());
    }

    /// A leaf is about to do something that may well succeed. `Pending`: not now; the task
    /// has been woken, so return `Pending` too.
    pub fn spend(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Poll::Ready(())
            }
            None => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

/// Lets all other ready tasks run before this one goes on.
///
/// ```
/// use singletrack::{EventLoop, yield_now};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(yield_now());
/// assert_eq!(event_loop.iterations(), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.sleep(0)")]
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`]: pending once.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
