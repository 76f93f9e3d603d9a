//! Sleeping, without holding the thread.
//!
//! *Promises*: never wakes early; a dropped sleep takes its timer with it.
//! *Leaves out*: limits around other futures (`aio/time/timeout.rs`).
//!
//! ```text
//!            first poll: a timer               the timer has fired
//!   New ───────────────────────────► Armed ───────────────────────► Over
//!                                      └─ drop: the timer is cancelled
//! ```

use crate::base::id::{Key, LoopId};
use crate::event_loop::core::{Due, current, drop_or_report_to, run_or_send};
use crate::event_loop::inbox::LoopMessage;
use crate::event_loop::timers::deadline_after;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Waits until `delay` has passed, counted from the first poll.
///
/// Zero lets the other tasks run once, as `asyncio.sleep(0)` does. A delay of 584 years or
/// more never ends.
///
/// # Panics
/// When polled outside a running [`EventLoop`](crate::EventLoop), or on another loop than the
/// first time.
///
/// ```
/// use singletrack::{EventLoop, aio::sleep};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// let before = event_loop.time();
/// event_loop.run_until_complete(sleep(Duration::from_millis(3)));
/// assert!(event_loop.time() - before >= Duration::from_millis(3));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.sleep")]
pub fn sleep(delay: Duration) -> Sleep {
    Sleep { state: SleepState::New(delay) }
}

/// The future of [`sleep`]. It holds only numbers, so it is `Send` and `Sync`; but once
/// polled it belongs to that loop.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Sleep {
    state: SleepState,
}

#[derive(Debug)]
enum SleepState {
    New(Duration),
    Armed(LoopId, Key),
    Over,
}

impl Sleep {
    /// The first poll: arms the timer.
    fn arm(delay: Duration, waker: &Waker) -> SleepState {
        if delay.is_zero() {
            waker.wake_by_ref();
            return SleepState::Over;
        }
        let core = current("sleep");
        let deadline = deadline_after(core.now(), delay);
        let due = Due::Wake(waker.clone()); // may be a foreign one: outside the borrow
        let key = core.timers.borrow_mut().insert(deadline, due);
        SleepState::Armed(core.id, key)
    }

    /// A later poll: true when the timer has fired.
    fn is_over(loop_id: LoopId, key: Key, waker: &Waker) -> bool {
        let core = current("sleep");
        assert!(
            core.id == loop_id,
            "this sleep was armed on event loop {}; it cannot go on on event loop {}",
            loop_id.get(),
            core.id.get()
        );
        let mut other = Due::Wake(waker.clone());
        let armed =
            core.timers.borrow_mut().get_mut(key).map(|due| std::mem::swap(due, &mut other));
        armed.is_none() // the other waker, maybe a foreign one, is dropped outside the borrow
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.state {
            SleepState::New(delay) => {
                self.state = Self::arm(delay, cx.waker());
                Poll::Pending
            }
            SleepState::Armed(loop_id, key) if !Self::is_over(loop_id, key, cx.waker()) => {
                Poll::Pending
            }
            SleepState::Armed(..) | SleepState::Over => {
                self.state = SleepState::Over;
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let SleepState::Armed(loop_id, key) = self.state else { return };
        let mut due = None;
        run_or_send(
            loop_id,
            |core| due = core.timers.borrow_mut().cancel(key),
            || LoopMessage::CancelTimer(key),
        );
        drop_or_report_to(loop_id, "a waker", due);
    }
}
