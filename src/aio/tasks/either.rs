//! The first of two futures.
//!
//! *Promises*: the first one is polled first, so it wins when both are ready; the other one is
//! dropped before the result is seen.
//! *Leaves out*: more than two (a race of races, or [`wait`](crate::aio::wait) for tasks, which run on
//! when they have lost).
//!
//! ```text
//!   each poll:   first ── ready ──► Either::First     second is dropped
//!                  │ pending
//!                second ─ ready ──► Either::Second    first is dropped
//! ```
//! Counterpart: tokio's `select!` with `biased`, futures' `select`; asyncio has `wait` with
//! `FIRST_COMPLETED`, which takes tasks and cancels none. Since the loser is dropped where it stands,
//! it must be able to stand that: what it has read and not returned is lost with it. The reads, queues
//! and locks of this crate take nothing before they are ready.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Which of two it was.
///
/// ```
/// use singletrack::aio::Either;
///
/// assert_eq!(Either::<i32, i32>::Second(7).into_inner(), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first.
    First(A),
    /// The second.
    Second(B),
}

impl<T> Either<T, T> {
    /// What it is, whichever it was.
    pub fn into_inner(self) -> T {
        match self {
            Either::First(value) | Either::Second(value) => value,
        }
    }
}

/// Awaits both until one is ready, and drops the other.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{Either, race, sleep};
/// use std::time::Duration;
///
/// let event_loop = EventLoop::new()?;
/// let winner = event_loop.run_until_complete(race(
///     async { sleep(Duration::MAX).await; "never" },
///     async { 42 },
/// ));
/// assert_eq!(winner, Either::Second(42));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "select")]
#[doc(alias = "asyncio.FIRST_COMPLETED")]
pub async fn race<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Either::First(value)),
        Poll::Pending => second.as_mut().poll(cx).map(Either::Second),
    })
    .await
    // The loser is dropped here.
}
