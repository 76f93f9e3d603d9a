//! Ticks at regular times.
//!
//! *Assumes*: whoever awaits the ticks may come late to them.
//! *Promises*: no drift: the times of the ticks are multiples of the period after the first one,
//! whatever the work between them takes, unless [`MissedTicks::Delay`] asks for a distance instead.
//! A tick that is dropped before it came has taken nothing.
//! *Leaves out*: work on a thread of its own; a tick comes when its task is polled.
//!
//! The times are a pure state machine, [`Schedule`]; the shell is one sleep.
//!
//! ```text
//!   period   ├────┼────┼────┼────┼────┼────┼────┤      work that took 2.5 periods: ▒
//!   Burst    ▲    ▲▒▒▒▒▒▒▒▒▒▒▒▒▲▲▲▲    ▲    ▲    ▲     all that were missed, at once
//!   Delay    ▲    ▲▒▒▒▒▒▒▒▒▒▒▒▒▲    ▲    ▲    ▲        a period after the late one
//!   Skip     ▲    ▲▒▒▒▒▒▒▒▒▒▒▒▒▲ ▲    ▲    ▲    ▲      the next multiple of the period
//! ```
//! Counterpart: tokio's `Interval` with its `MissedTickBehavior`; asyncio has none, and programs call
//! `loop.call_at(when + period, …)` themselves.

use crate::aio::time::sleep::{Sleep, sleep, sleep_to};
use crate::base::id::LoopId;
use crate::event_loop::core::{Core, current};
use crate::event_loop::timers::deadline_after;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// What becomes of the ticks that came while nobody waited for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[doc(alias = "MissedTickBehavior")]
pub enum MissedTicks {
    /// They come at once, one after the other, until none is missing.
    #[default]
    Burst,
    /// They are forgotten; the next one comes a period after the late one.
    Delay,
    /// They are forgotten; the next one comes at its own time, a multiple of the period.
    Skip,
}

/// The times of the ticks, in nanoseconds of any clock. No tick is ever earlier than its time.
///
/// ```
/// use singletrack::aio::MissedTicks;
/// use singletrack::aio::time::interval::Schedule;
///
/// let mut schedule = Schedule::new(0, 10, MissedTicks::Skip);
/// assert_eq!(schedule.take(0), 0);
/// assert_eq!(schedule.take(35), 10); // late: 20 and 30 are skipped
/// assert_eq!(schedule.next(), 40);
/// ```
#[derive(Debug, Clone)]
pub struct Schedule {
    next: u64,
    period: u64,
    missed: MissedTicks,
}

impl Schedule {
    /// A first tick, and a period, which is at least one nanosecond.
    pub fn new(first: u64, period: u64, missed: MissedTicks) -> Schedule {
        Schedule { next: first, period: period.max(1), missed }
    }

    /// When the next tick is.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The tick that is due has been seen at `now`, which is not before it. Gives its time.
    pub fn take(&mut self, now: u64) -> u64 {
        let due = self.next;
        let following = due.saturating_add(self.period);
        self.next = match self.missed {
            _ if now < following => following,
            MissedTicks::Burst => following,
            MissedTicks::Delay => now.saturating_add(self.period),
            MissedTicks::Skip => {
                let into = (now - due) % self.period;
                now.saturating_add(self.period - into)
            }
        };
        due
    }
}

/// Ticks every `period`, the first time at once.
///
/// # Panics
/// If the period is zero, and when called outside a running loop.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::interval;
/// use std::time::Duration;
///
/// let ms = Duration::from_millis(1);
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let mut every_two = interval(2 * ms);
///     let first = every_two.tick().await;
///     assert_eq!(every_two.tick().await, first + 2 * ms);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "tokio::time::interval")]
pub fn interval(period: Duration) -> Interval {
    let now = current("interval").now();
    interval_at(Duration::from_nanos(now), period)
}

/// Ticks every `period`, the first time at `start` of the [loop's clock](crate::EventLoop::time).
///
/// # Panics
/// As [`interval`].
#[doc(alias = "tokio::time::interval_at")]
pub fn interval_at(start: Duration, period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval of zero never ends; use yield_now to let others run");
    let [first, period] = [start, period].map(|time| deadline_after(0, time));
    let schedule = Schedule::new(first, period, MissedTicks::Burst);
    Interval { alarm: alarm_at(first), schedule, loop_id: current("interval").id }
}

/// One that is due now rings in the next iteration.
fn alarm_at(deadline: u64) -> Sleep {
    let core = current("interval");
    match deadline <= core.now() {
        true => sleep(Duration::ZERO),
        false => sleep_to(core.id, deadline),
    }
}

/// The ticks of [`interval`]. With the feature `futures-core` it is a `Stream` that never ends.
#[derive(Debug)]
pub struct Interval {
    schedule: Schedule,
    alarm: Sleep,
    /// On another loop's clock its times mean nothing.
    loop_id: LoopId,
}

impl Interval {
    /// What becomes of ticks that came while nobody waited: all of them at once, if nothing is said.
    ///
    /// ```
    /// use singletrack::EventLoop;
    /// use singletrack::aio::{MissedTicks, interval, sleep};
    /// use std::time::Duration;
    ///
    /// let ms = Duration::from_millis(1);
    /// let event_loop = EventLoop::new()?;
    /// event_loop.run_until_complete(async {
    ///     let mut ticks = interval(ms).missed(MissedTicks::Skip);
    ///     let first = ticks.tick().await;
    ///     sleep(5 * ms).await; // ticks 2 to 5 are missed
    ///     assert_eq!(ticks.tick().await, first + ms); // comes late
    ///     assert!(ticks.tick().await >= first + 6 * ms);
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "set_missed_tick_behavior")]
    pub fn missed(mut self, missed: MissedTicks) -> Interval {
        self.schedule.missed = missed;
        self
    }

    /// Waits for the next tick. Its result is when the tick should have come, on the loop's clock,
    /// even if it came later.
    ///
    /// # Panics
    /// When polled on another loop than the one that made it.
    pub fn tick(&mut self) -> impl Future<Output = Duration> {
        poll_fn(|cx| self.poll_tick(cx))
    }

    /// [`tick`](Self::tick) for hand-written futures.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let own = self.own_loop();
        ready!(Pin::new(&mut self.alarm).poll(cx));
        let due = self.schedule.take(own.now());
        self.alarm = alarm_at(self.schedule.next());
        Poll::Ready(Duration::from_nanos(due))
    }

    fn own_loop(&self) -> Rc<Core> {
        let core = current("interval");
        assert!(core.id == self.loop_id, "an interval is used on the loop that made it");
        core
    }

    /// The next tick comes a period from now.
    ///
    /// # Panics
    /// On another loop than the one that made it.
    pub fn reset(&mut self) {
        let now = self.own_loop().now();
        self.schedule.next = now.saturating_add(self.schedule.period);
        self.alarm = alarm_at(self.schedule.next);
    }
}
