//! Waiting at a gate: the one future under every lock, queue and event.
//!
//! *Assumes*: rules that are a pure state machine (such as `Permits`, `aio/semaphore.rs`) with a
//! line of waiters (`aio/waiters.rs`).
//! *Promises*: who comes first goes first; a dropped wait leaves the line, and a grant it
//! already held goes to the next; no waker is called, cloned or dropped under a borrow.
//! *Leaves out*: what lies behind the gate.
//!
//! ```text
//!             enter: Some(pass), and there is budget
//!   new ─────────────────────────────────────────────► ready
//!    │ enter: None, or no budget: the pass is kept        ▲
//!    ▼                                                    │ take: Some(pass)
//!   in line ── poll: not granted yet ─────────────────────┤
//!    │                                                    │
//!    └─ drop: leave; pass_on(pass) ──► the next in line
//! ```
//! All primitives wait through this file, so the one subtle rule, that a cancelled waiter
//! passes its wake on, is written once.

use crate::aio::waiters::{Left, Waiters};
use crate::base::slab::Key;
use crate::event_loop::core::{spend_budget, with_current};
use crate::task::waker::task_of;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The rules of one primitive.
pub trait Gate {
    /// What a waiter goes through with.
    type Pass;

    /// Those who wait here.
    fn line(&mut self) -> &mut Waiters<Self::Pass>;

    /// Goes through at once, if that is fair: not while others wait.
    fn enter(&mut self) -> Option<Self::Pass>;

    /// A waiter was dropped with its pass unused. Brings the waker of whoever has it now.
    fn pass_on(&mut self, pass: Self::Pass) -> Option<Waker>;
}

/// Waits until the gate lets it through.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::gate::Wait;
/// use singletrack::aio::semaphore::{Grant, Permits};
/// use std::cell::RefCell;
///
/// let permits = RefCell::new(Permits::new(1));
/// let event_loop = EventLoop::new()?;
/// assert_eq!(event_loop.run_until_complete(Wait::at(&permits)), Grant::Permit);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Wait<'a, P: Gate> {
    gate: &'a RefCell<P>,
    place: Option<Key>,
}

impl<'a, P: Gate> Wait<'a, P> {
    /// A place at this gate; the line is joined at the first poll.
    pub fn at(gate: &'a RefCell<P>) -> Self {
        Wait { gate, place: None }
    }

    /// The first poll. A task whose budget is spent takes its place as well, and its pass waits
    /// there: were it to come back next turn to join, it would miss what is told today.
    fn join(&mut self, cx: &mut Context<'_>) -> Poll<P::Pass> {
        let Some(pass) = self.gate.borrow_mut().enter() else {
            let waker = cx.waker().clone();
            self.place = Some(self.gate.borrow_mut().line().push(waker));
            return Poll::Pending;
        };
        if spend_budget(cx).is_ready() {
            return Poll::Ready(pass);
        }
        self.place = Some(self.gate.borrow_mut().line().keep(pass));
        Poll::Pending
    }
}

impl<P: Gate> Future for Wait<'_, P> {
    type Output = P::Pass;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<P::Pass> {
        let Some(place) = self.place else { return self.join(cx) };
        let mut gate = self.gate.borrow_mut();
        if let Some(pass) = gate.line().take(place) {
            drop(gate);
            self.place = None;
            return Poll::Ready(pass);
        }
        if !gate.line().will_wake(place, cx.waker()) {
            drop(gate);
            let new = cx.waker().clone();
            let old = self.gate.borrow_mut().line().replace_waker(place, new);
            drop(old);
        }
        Poll::Pending
    }
}

impl<P: Gate> Drop for Wait<'_, P> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let left = self.gate.borrow_mut().line().leave(place);
        if let Left::Granted(pass) = left {
            let next = self.gate.borrow_mut().pass_on(pass);
            wake(next);
        }
    }
}

/// Wakes those who were granted something, now that no borrow is held. If somebody else's waker
/// panics, the exception handler is told, and the others are woken all the same.
pub fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        if task_of(&waker).is_some() {
            waker.wake(); // one of ours cannot panic
        } else if let Some(core) = with_current(Rc::clone) {
            core.wake_or_report(waker);
        } else {
            waker.wake();
        }
    }
}
