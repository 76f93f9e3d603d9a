//! Giving the other tasks a turn.
//!
//! *Assumes*: a waker that puts its own task into the ready queue (`task/self_wake.rs`).
//! *Promises*: pending once, and woken at once: the task goes to the end of the ready queue.
//! *Leaves out*: waiting for anything.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Gives the other tasks a turn.
///
/// ```
/// use singletrack::{EventLoop, yield_now};
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(yield_now());
/// assert_eq!(event_loop.turns(), 2);
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
