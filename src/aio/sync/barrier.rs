//! A barrier: a fixed number of tasks wait for each other, then all go on together.
//!
//! *Promises*: the last task to arrive lets all go; each gets a number of its own, in order of
//! arrival; a task that is cancelled while it waits is not counted, and its replacement
//! completes the round.
//! *Leaves out*: time limits; wrap the wait in one.
//!
//! asyncio's barrier has a *draining* state, in which late comers block until the last task of
//! the round has left. Here each task of the round has its grant in hand, so late comers simply
//! begin the next round.

use crate::aio::sync::waiters::{Acquire, Synchronizer, Waiters, wake};
use crate::event_loop::core::spend_budget;
use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::task::Waker;

/// The barrier was aborted, or reset while tasks waited at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "asyncio.BrokenBarrierError")]
pub struct BrokenBarrier;

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the barrier was aborted or reset; `reset` makes it usable again")
    }
}

impl std::error::Error for BrokenBarrier {}

/// The pure half.
#[derive(Debug)]
struct BarrierState {
    parties: usize,
    broken: bool,
    waiters: Waiters<Result<usize, BrokenBarrier>>,
}

impl BarrierState {
    /// If the task that arrives now is the last of the round: its number, and the wakers of the
    /// others, which may all go.
    fn complete(&mut self) -> Option<(usize, Vec<Waker>)> {
        let last = self.parties - 1;
        if self.broken || self.waiters.waiting() < last {
            return None;
        }
        let mut numbers = 0..last;
        Some((last, self.waiters.grant_all(|| numbers.next().ok_or(BrokenBarrier))))
    }

    fn break_round(&mut self) -> Vec<Waker> {
        self.waiters.grant_all(|| Err(BrokenBarrier))
    }
}

impl Synchronizer for BarrierState {
    type Grant = Result<usize, BrokenBarrier>;

    fn waiters(&mut self) -> &mut Waiters<Self::Grant> {
        &mut self.waiters
    }

    fn try_acquire(&mut self) -> Option<Self::Grant> {
        self.broken.then_some(Err(BrokenBarrier))
    }

    /// The round is over for the others as well: no waiter needs the number.
    fn give_back(&mut self, _: Self::Grant) -> Option<Waker> {
        None
    }
}

/// Makes a fixed number of tasks wait for each other, again and again.
///
/// ```
/// use singletrack::aio::Barrier;
/// use singletrack::{EventLoop, create_task};
/// use std::rc::Rc;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let barrier = Rc::new(Barrier::new(2));
///     let other = Rc::clone(&barrier);
///     let helper = create_task(async move { other.wait().await });
///     let (mine, its) = (barrier.wait().await, helper.await.unwrap());
///     assert_eq!((mine, its), (Ok(0), Ok(1))); // we arrived first
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.Barrier")]
#[doc(alias = "tokio::sync::Barrier")]
pub struct Barrier {
    state: RefCell<BarrierState>,
}

impl Barrier {
    /// A barrier for `parties` tasks.
    ///
    /// # Panics
    /// If `parties` is 0.
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier needs at least one party");
        Barrier {
            state: RefCell::new(BarrierState { parties, broken: false, waiters: Waiters::new() }),
        }
    }

    /// Waits for the others. The numbers 0 to `parties - 1` are given in order of arrival.
    ///
    /// # Errors
    /// [`BrokenBarrier`] if it is aborted or reset before the round is complete.
    #[doc(alias = "asyncio.Barrier.wait")]
    pub async fn wait(&self) -> Result<usize, BrokenBarrier> {
        let complete = self.state.borrow_mut().complete();
        match complete {
            Some((last, others)) => {
                wake(others);
                poll_fn(spend_budget).await;
                Ok(last)
            }
            None => Acquire::of(&self.state).await,
        }
    }

    /// Ends the waits of all tasks with an error, and begins afresh.
    #[doc(alias = "asyncio.Barrier.reset")]
    pub fn reset(&self) {
        self.end_round(false);
    }

    /// Breaks it: all tasks that wait, and all that come until [`reset`](Self::reset), get an
    /// error.
    #[doc(alias = "asyncio.Barrier.abort")]
    pub fn abort(&self) {
        self.end_round(true);
    }

    fn end_round(&self, broken: bool) {
        let mut state = self.state.borrow_mut();
        state.broken = broken;
        let waiters = state.break_round();
        drop(state);
        wake(waiters);
    }

    /// Is it broken?
    pub fn broken(&self) -> bool {
        self.state.borrow().broken
    }

    /// How many tasks make a round.
    pub fn parties(&self) -> usize {
        self.state.borrow().parties
    }

    /// How many wait now.
    #[doc(alias = "asyncio.Barrier.n_waiting")]
    pub fn waiting(&self) -> usize {
        self.state.borrow().waiters.waiting()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.borrow();
        write!(f, "Barrier({} of {} wait", state.waiters.waiting(), state.parties)?;
        f.write_str(if state.broken { ", broken)" } else { ")" })
    }
}
