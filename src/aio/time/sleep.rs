//! Sleeping, without holding the thread; and from when a time counts.
//!
//! *Promises*: never wakes early; a dropped sleep takes its timer with it. A time counts from the
//! call that names it.
//! *Leaves out*: limits around other futures (`aio/time/timeout.rs`).
//!
//! ```text
//!            first poll: a timer               the timer has fired
//!   New ───────────────────────────► Armed ───────────────────────► Over
//!    └─ at which time: settled by        └─ drop: the timer is cancelled
//!       the call
//! ```
//! # From when a time counts
//!
//! *From the call*, by the clock of the loop that the thread is running, for all that waits for
//! time: [`sleep`], [`timeout`](crate::aio::timeout), [`wait_for`](crate::aio::wait_for), the limit
//! of [`wait`](crate::aio::wait) and the rest of its kin. So `let nap = sleep(…)` before some work
//! and `nap.await` after it take the longer of the two, not their sum, as in tokio; and a limit that
//! is written above a block is the block's, wherever its first await is. (A coroutine of asyncio's
//! has not begun before it is awaited, so `asyncio.sleep` counts from there.)
//!
//! Where the call finds no clock to read, a time counts from the first poll: outside a running
//! loop, as in `event_loop.run_until_complete(sleep(…))`; and when the future was made on one loop
//! and goes to another, since their clocks have nothing to do with each other.

use crate::base::id::{Key, LoopId};
use crate::event_loop::caught::drop_wakers;
use crate::event_loop::core::{Due, current, drop_or_report_to, run_or_send, with_current};
use crate::event_loop::inbox::LoopMessage;
use crate::event_loop::timers::deadline_after;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Waits until `delay` has passed since this call ([outside a running loop](self): since the first
/// poll).
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
    let counts = |loop_id, now| SleepState::Until(loop_id, deadline_after(now, delay), delay);
    let state = match delay.is_zero() {
        true => None, // no clock need be read
        false => with_current(|core| counts(core.id, core.now())),
    };
    Sleep { state: state.unwrap_or(SleepState::For(delay)) }
}

/// Waits until `deadline`; one that has passed lets the other tasks run once.
///
/// On a loop with virtual time the deadline is as far away as it is in real time.
///
/// # Panics
/// As [`sleep`].
///
/// ```
/// use singletrack::{EventLoop, aio::sleep_until};
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(2);
/// EventLoop::new()?.run_until_complete(sleep_until(deadline));
/// assert!(Instant::now() >= deadline);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "tokio::time::sleep_until")]
pub fn sleep_until(deadline: Instant) -> Sleep {
    sleep(deadline.saturating_duration_since(Instant::now()))
}

/// Waits until a time of this loop's clock, in nanoseconds.
pub(super) fn sleep_to(loop_id: LoopId, deadline: u64) -> Sleep {
    Sleep { state: SleepState::Until(loop_id, deadline, Duration::ZERO) }
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
    /// Not polled yet, and no clock has been read: for so long from the first poll.
    For(Duration),
    /// Not polled yet: until this time of this loop's clock, or on another loop for so long.
    Until(LoopId, u64, Duration),
    Armed(LoopId, Key),
    Over,
}

impl Sleep {
    /// Moves the end to `delay` from now, also of a sleep that is over: one that is used again and
    /// again, as the idle limit of a connection is, need not be boxed anew. A timer that was armed is
    /// cancelled. Whoever awaits it is not woken: poll it once more, as
    /// [`timeout`](crate::aio::timeout) does when a limit is moved.
    ///
    /// ```
    /// use singletrack::EventLoop;
    /// use singletrack::aio::sleep;
    /// use std::time::Duration;
    ///
    /// let event_loop = EventLoop::new()?;
    /// event_loop.run_until_complete(async {
    ///     let mut limit = sleep(Duration::from_secs(60));
    ///     limit.reset(Duration::from_millis(1));
    ///     (&mut limit).await;
    ///     limit.reset(Duration::from_millis(1));
    ///     limit.await;
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "tokio::time::Sleep::reset")]
    pub fn reset(&mut self, delay: Duration) {
        *self = sleep(delay);
    }

    /// The first poll: arms the timer.
    fn arm(deadline: Option<(LoopId, u64)>, delay: Duration, waker: &Waker) -> SleepState {
        if deadline.is_none() && delay.is_zero() {
            waker.wake_by_ref();
            return SleepState::Over;
        }
        let core = current("sleep");
        let deadline = match deadline {
            Some((loop_id, deadline)) if loop_id == core.id => deadline,
            _ => deadline_after(core.now(), delay),
        };
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
        if let Due::Wake(other) = other {
            drop_wakers([other]); // maybe a foreign one: outside the borrow
        }
        armed.is_none()
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.state = match self.state {
            SleepState::For(delay) => Self::arm(None, delay, cx.waker()),
            SleepState::Until(loop_id, deadline, delay) => {
                Self::arm(Some((loop_id, deadline)), delay, cx.waker())
            }
            SleepState::Armed(loop_id, key) if !Self::is_over(loop_id, key, cx.waker()) => {
                return Poll::Pending;
            }
            SleepState::Armed(..) | SleepState::Over => {
                self.state = SleepState::Over;
                return Poll::Ready(());
            }
        };
        Poll::Pending
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
