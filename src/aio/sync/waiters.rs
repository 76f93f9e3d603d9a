//! A line of waiters: first come, first served, and no place in it is ever wasted.
//!
//! *Assumes*: a waker is stored and handed out, never called.
//! *Promises*: grants go out in order of arrival; a waiter may leave at any time, in O(1);
//! one that leaves with a grant in its hand gives the grant back; no allocation once the line
//! has had its greatest length.
//! *Leaves out*: what is granted (`G`), and the future that waits (`aio/sync/waiters.rs`).
//!
//! ```text
//!            push                grant (the head)               take
//!   nobody ───────► Waiting(waker) ───────────► Granted(G) ──────────► gone, with G
//!                         │ leave                    │ leave
//!                         ▼                          ▼
//!                  gone, with its waker       gone, G handed back: to the next!
//! ```
//! A grant is a *hand-off*: from then on the thing belongs to that waiter, although its task
//! has not run yet. So nobody who comes later can take it away, and there is no race between
//! a wake and a newcomer. What remains is the waiter that is dropped between grant and take.
//! asyncio lost wake-ups there for years (bpo-27585, gh-90155, gh-112202); here `leave`
//! returns the grant, and whoever ignores that gets a warning from the compiler.
//!
//! The line is a doubly linked list whose links are slab keys. tokio's and async-lock's are
//! intrusive lists of pinned nodes, which save the slab and cost a page of unsafe.
//!
//! # Waiting at a gate: the one future under every lock, queue and event
//!
//! *Assumes*: rules that are a pure state machine (such as `Permits`, `aio/sync/semaphore.rs`) with a
//! line of waiters (`aio/sync/waiters.rs`).
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

use crate::base::id::{GenerationSlab, Key};
use crate::event_loop::core::{spend_budget, with_current};
use crate::event_loop::waker::task_of;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Those who wait for a `G`, in order of arrival, and those who have one and not yet come
/// for it.
///
/// ```
/// use singletrack::aio::sync::waiters::{Left, Waiters};
/// use std::task::Waker;
///
/// let mut line = Waiters::new();
/// let a = line.push(Waker::noop().clone());
/// let b = line.push(Waker::noop().clone());
/// assert!(line.grant("key").is_ok()); // to `a`, who came first
/// assert_eq!(line.take(b), None);
/// // `a` is dropped before its task ran: the grant comes back and goes to the next.
/// assert!(matches!(line.leave(a), Left::Granted("key")));
/// assert!(line.grant("key").is_ok());
/// assert_eq!(line.take(b), Some("key"));
/// assert_eq!(line.grant("key").unwrap_err(), "key"); // nobody waits
/// ```
#[derive(Debug)]
pub struct Waiters<G> {
    nodes: GenerationSlab<Node<G>>,
    head: Option<Key>,
    tail: Option<Key>,
    waiting: usize,
}

#[derive(Debug)]
struct Node<G> {
    stage: Stage<G>,
    /// Both are `None` once granted: that waiter stands in the line no more.
    before: Option<Key>,
    behind: Option<Key>,
}

#[derive(Debug)]
enum Stage<G> {
    Waiting(Waker),
    Granted(G),
}

/// What a waiter had when it left.
#[derive(Debug)]
#[must_use = "a grant that comes back must go to the next waiter"]
pub enum Left<G> {
    /// Nothing yet. The waker is handed out so that it is not dropped inside a borrow.
    Waiting(Waker),
    /// This, which now belongs to the next in line.
    Granted(G),
    /// It had left before.
    Gone,
}

impl<G> Default for Waiters<G> {
    fn default() -> Self {
        Waiters { nodes: GenerationSlab::new(), head: None, tail: None, waiting: 0 }
    }
}

impl<G> Waiters<G> {
    /// Nobody waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many wait and have no grant.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many have a grant and have not come for it.
    pub fn granted(&self) -> usize {
        self.nodes.len() - self.waiting
    }

    /// Stands at the end of the line.
    pub fn push(&mut self, waker: Waker) -> Key {
        let before = self.tail;
        let key = self.nodes.insert(Node { stage: Stage::Waiting(waker), before, behind: None });
        match before.and_then(|key| self.nodes.get_mut(key)) {
            Some(last) => last.behind = Some(key),
            None => self.head = Some(key),
        }
        self.tail = Some(key);
        self.waiting += 1;
        key
    }

    /// For one who need not stand in the line, but cannot come for its grant before later.
    pub fn keep(&mut self, grant: G) -> Key {
        self.nodes.insert(Node { stage: Stage::Granted(grant), before: None, behind: None })
    }

    /// Hands `grant` to the first in line; brings its waker, to be called once no borrow is
    /// held.
    ///
    /// # Errors
    /// The grant itself, if nobody waits.
    pub fn grant(&mut self, grant: G) -> Result<Waker, G> {
        let Some(node) = self.head.and_then(|key| self.nodes.get_mut(key)) else {
            return Err(grant);
        };
        let behind = node.behind.take();
        let stage = std::mem::replace(&mut node.stage, Stage::Granted(grant));
        self.head = behind;
        match behind.and_then(|key| self.nodes.get_mut(key)) {
            Some(next) => next.before = None,
            None => self.tail = None,
        }
        self.waiting -= 1;
        match stage {
            Stage::Waiting(waker) => Ok(waker),
            Stage::Granted(_) => unreachable!("who stands in the line waits"),
        }
    }

    /// Gives every waiter a grant, in order; those who come meanwhile are not concerned.
    #[must_use]
    pub fn grant_all(&mut self, mut grant: impl FnMut() -> G) -> Vec<Waker> {
        let waiting = self.waiting;
        (0..waiting).filter_map(|_| self.grant(grant()).ok()).collect()
    }

    /// Comes for a grant. With it, the waiter is gone; `None`: it still waits.
    pub fn take(&mut self, key: Key) -> Option<G> {
        if let Stage::Waiting(_) = self.nodes.get(key)?.stage {
            return None;
        }
        match self.nodes.remove(key)?.stage {
            Stage::Granted(grant) => Some(grant),
            Stage::Waiting(_) => None,
        }
    }

    /// True if this waiter would be woken through `waker`.
    pub fn will_wake(&self, key: Key, waker: &Waker) -> bool {
        match self.nodes.get(key) {
            Some(Node { stage: Stage::Waiting(own), .. }) => own.will_wake(waker),
            _ => false,
        }
    }

    /// The waiter moved to another task. The old waker is handed out to be dropped; it stays
    /// silent.
    #[must_use]
    pub fn replace_waker(&mut self, key: Key, waker: Waker) -> Waker {
        match self.nodes.get_mut(key) {
            Some(Node { stage: Stage::Waiting(own), .. }) => std::mem::replace(own, waker),
            _ => waker,
        }
    }

    /// The waiter gives up.
    pub fn leave(&mut self, key: Key) -> Left<G> {
        if let Some(Node { stage: Stage::Waiting(_), .. }) = self.nodes.get(key) {
            self.unlink(key);
        }
        match self.nodes.remove(key).map(|node| node.stage) {
            Some(Stage::Waiting(waker)) => Left::Waiting(waker),
            Some(Stage::Granted(grant)) => Left::Granted(grant),
            None => Left::Gone,
        }
    }

    /// Closes the gap around a waiter who stands in the line.
    fn unlink(&mut self, key: Key) {
        let Some(node) = self.nodes.get_mut(key) else { return };
        let (before, behind) = (node.before.take(), node.behind.take());
        match before.and_then(|key| self.nodes.get_mut(key)) {
            Some(other) => other.behind = behind,
            None => self.head = behind,
        }
        match behind.and_then(|key| self.nodes.get_mut(key)) {
            Some(other) => other.before = before,
            None => self.tail = before,
        }
        self.waiting -= 1;
    }
}

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
/// use singletrack::aio::sync::waiters::Wait;
/// use singletrack::aio::{Grant, Permits};
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
