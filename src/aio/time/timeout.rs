//! Time limits around a future.
//!
//! *Promises*: when time is up the future is dropped, there and then, before the error is
//! seen, and with it the tasks of a [`TaskGroup`](crate::aio::TaskGroup) or a
//! [`gather`](crate::aio::gather) in it; a future that is ready in time, or in the same iteration,
//! wins.
//! *Leaves out*: stopping a future that never awaits. Nothing can, on one thread.
//!
//! ```text
//!   each poll:   the body ── ready ──────────────► Ok(output)
//!                   │ pending
//!                   ▼
//!                the alarm ── due ──► drop the body ──► Err(TimedOut)
//! ```
//!
//! *What asyncio does*: it cancels the task at the deadline, and turns the `CancelledError`
//! that comes out of the block into `TimeoutError`, but only if no other code cancelled the
//! task too. For that it counts the cancels (`cancelling`, `uncancel`). The body may take its
//! time to clean up, or refuse.
//!
//! *What we do*: we drop the body. It cannot refuse, it cannot await while it goes, and there
//! is nothing to count: an outside cancel drops the time limit together with the body, and
//! an inner limit and an outer one cannot be mistaken for each other.

use crate::aio::time::sleep::{Sleep, sleep, sleep_to};
use crate::event_loop::caught::drop_wakers;
use crate::event_loop::core::current;
use crate::event_loop::timers::deadline_after;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "asyncio.TimeoutError")]
#[doc(alias = "Elapsed")]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the time limit passed before the future was done")
    }
}

impl std::error::Error for TimedOut {}

/// Awaits `future` for at most `limit`, counted [from this call](crate::aio::time::sleep); `None`
/// means for ever. It is `Send` if `future` is.
///
/// The future is polled first, so even with a limit of zero it has one chance. asyncio's
/// `wait_for(coroutine, 0)` never starts the coroutine; but whether a Rust future is done can
/// only be learned by polling it.
///
/// A [`Task`](crate::aio::Task) that is waited for in this way is detached when time is up,
/// since only its handle is dropped. asyncio cancels it; say
/// [`cancel_on_drop`](crate::aio::Task::cancel_on_drop) for that.
///
/// # Errors
/// [`TimedOut`]; the future is gone by then.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{TimedOut, sleep, wait_for};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// let nap = wait_for(sleep(Duration::MAX), Some(Duration::from_millis(1)));
/// assert_eq!(event_loop.run_until_complete(nap), Err(TimedOut));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.wait_for")]
#[doc(alias = "tokio::time::timeout")]
pub fn wait_for<F: Future>(
    future: F,
    limit: Option<Duration>,
) -> impl Future<Output = Result<F::Output, TimedOut>> {
    let alarm = limit.map(sleep);
    async move {
        let Some(alarm) = alarm else { return Ok(future.await) };
        let (mut future, mut alarm) = (pin!(future), pin!(alarm));
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => alarm.as_mut().poll(cx).map(|()| Err(TimedOut)),
        })
        .await
        // If time is up, the future is dropped here.
    }
}

/// A limit of `delay` from now, for a block of code.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{sleep, timeout};
/// use std::time::Duration;
///
/// let ms = Duration::from_millis(1);
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let limit = timeout(2 * ms);
///     let end = limit.run(async {
///         limit.reschedule(None).unwrap(); // no limit any more
///         sleep(4 * ms).await;
///     });
///     assert!(end.await.is_ok());
///     assert!(!limit.expired());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// When called outside a running loop.
#[doc(alias = "asyncio.timeout")]
pub fn timeout(delay: Duration) -> Timeout {
    let deadline = deadline_after(current("timeout").now(), delay);
    timeout_at(Some(Duration::from_nanos(deadline)))
}

/// A limit at a time of the [loop's clock](crate::EventLoop::time); `None`: not yet.
#[doc(alias = "asyncio.timeout_at")]
pub fn timeout_at(when: Option<Duration>) -> Timeout {
    Timeout {
        when: Cell::new(when),
        state: Cell::new(TimeoutState::New),
        alarm: RefCell::default(),
    }
}

/// A time limit that can be moved while the block under it runs. See [`timeout`].
#[derive(Debug)]
#[doc(alias = "asyncio.Timeout")]
pub struct Timeout {
    when: Cell<Option<Duration>>,
    state: Cell<TimeoutState>,
    alarm: RefCell<Alarm>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeoutState {
    New,
    Running,
    Expired,
    Over,
}

/// The sleep until the deadline, and the waker to call when the deadline is moved.
#[derive(Debug, Default)]
struct Alarm {
    sleep: Option<Sleep>,
    waker: Option<Waker>,
}

/// The limit cannot be moved any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RescheduleError {
    /// It has passed.
    Expired,
    /// The block has ended in time.
    Over,
}

impl fmt::Display for RescheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RescheduleError::Expired => "the time limit has passed and cannot be moved any more",
            RescheduleError::Over => "the block under the time limit has ended already",
        })
    }
}

impl std::error::Error for RescheduleError {}

impl Timeout {
    /// The deadline, on the loop's clock.
    #[doc(alias = "asyncio.Timeout.when")]
    pub fn when(&self) -> Option<Duration> {
        self.when.get()
    }

    /// True once the block was dropped because time was up.
    #[doc(alias = "asyncio.Timeout.expired")]
    pub fn expired(&self) -> bool {
        self.state.get() == TimeoutState::Expired
    }

    /// Moves the limit, or takes it away with `None`. A time in the past ends the block at
    /// its next await, in the next iteration, not inside this call.
    ///
    /// # Errors
    /// If it is too late for that.
    #[doc(alias = "asyncio.Timeout.reschedule")]
    pub fn reschedule(&self, when: Option<Duration>) -> Result<(), RescheduleError> {
        match self.state.get() {
            TimeoutState::Expired => return Err(RescheduleError::Expired),
            TimeoutState::Over => return Err(RescheduleError::Over),
            TimeoutState::New | TimeoutState::Running => {}
        }
        self.when.set(when);
        let old = self.alarm.take();
        if let Some(runner) = old.waker {
            runner.wake();
        }
        Ok(())
    }

    /// Runs the block under this limit.
    ///
    /// # Errors
    /// [`TimedOut`] if time is up first; the block has been dropped by then.
    ///
    /// # Panics
    /// If it has run before: a limit is used once.
    pub async fn run<F: Future>(&self, body: F) -> Result<F::Output, TimedOut> {
        let before = self.state.replace(TimeoutState::Running);
        assert!(before == TimeoutState::New, "a time limit is used once; make a new one");
        let end = EndOnDrop(self);
        let output = {
            let mut body = pin!(body);
            poll_fn(|cx| match body.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending => self.poll_alarm(cx).map(|()| None),
            })
            .await
            // If time is up, the body is dropped here.
        };
        if output.is_none() {
            self.state.set(TimeoutState::Expired);
        }
        drop(end);
        output.ok_or(TimedOut)
    }

    /// Ready when the deadline has come. Armed at the first poll after each change.
    fn poll_alarm(&self, cx: &mut Context<'_>) -> Poll<()> {
        let alarm = self.alarm.take();
        let mut sleep_left = match (alarm.sleep, self.when.get()) {
            (Some(armed), _) => Some(armed),
            (None, when) => when.map(alarm_at),
        };
        let over = match &mut sleep_left {
            Some(armed) => Pin::new(armed).poll(cx),
            None => Poll::Pending,
        };
        let runner = Some(cx.waker().clone());
        self.alarm.replace(Alarm { sleep: sleep_left, waker: runner });
        over
    }
}

/// One that is due now rings in the next iteration.
fn alarm_at(when: Duration) -> Sleep {
    let core = current("timeout");
    match deadline_after(0, when) {
        deadline if deadline <= core.now() => sleep(Duration::ZERO),
        deadline => sleep_to(core.id, deadline),
    }
}

/// However the block ends, by a panic or a drop as well, its limit is over.
struct EndOnDrop<'a>(&'a Timeout);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        if self.0.state.get() == TimeoutState::Running {
            self.0.state.set(TimeoutState::Over);
        }
        drop_wakers(self.0.alarm.take().waker);
    }
}
