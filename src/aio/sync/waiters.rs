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
    nodes: GenerationSlab<WaiterNode<G>>,
    head: Option<Key>,
    tail: Option<Key>,
    waiting: usize,
}

#[derive(Debug)]
struct WaiterNode<G> {
    state: WaiterState<G>,
    /// Both are `None` once granted: that waiter stands in the line no more.
    prev: Option<Key>,
    next: Option<Key>,
}

#[derive(Debug)]
enum WaiterState<G> {
    Waiting(Waker),
    Granted(G),
}

/// What a waiter had when it left.
#[derive(Debug)]
#[must_use = "a grant that comes back must go to the next waiter"]
pub enum Removed<G> {
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
        let key = self.nodes.insert(WaiterNode {
            state: WaiterState::Waiting(waker),
            prev: before,
            next: None,
        });
        match before.and_then(|key| self.nodes.get_mut(key)) {
            Some(last) => last.next = Some(key),
            None => self.head = Some(key),
        }
        self.tail = Some(key);
        self.waiting += 1;
        key
    }

    /// For one who need not stand in the line, but cannot come for its grant before later.
    pub fn insert_granted(&mut self, grant: G) -> Key {
        self.nodes.insert(WaiterNode { state: WaiterState::Granted(grant), prev: None, next: None })
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
        let behind = node.next.take();
        let stage = std::mem::replace(&mut node.state, WaiterState::Granted(grant));
        self.head = behind;
        match behind.and_then(|key| self.nodes.get_mut(key)) {
            Some(next) => next.prev = None,
            None => self.tail = None,
        }
        self.waiting -= 1;
        match stage {
            WaiterState::Waiting(waker) => Ok(waker),
            WaiterState::Granted(_) => unreachable!("who stands in the line waits"),
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
        if let WaiterState::Waiting(_) = self.nodes.get(key)?.state {
            return None;
        }
        match self.nodes.remove(key)?.state {
            WaiterState::Granted(grant) => Some(grant),
            WaiterState::Waiting(_) => None,
        }
    }

    /// True if this waiter would be woken through `waker`.
    pub fn will_wake(&self, key: Key, waker: &Waker) -> bool {
        match self.nodes.get(key) {
            Some(WaiterNode { state: WaiterState::Waiting(own), .. }) => own.will_wake(waker),
            _ => false,
        }
    }

    /// The waiter moved to another task. The old waker is handed out to be dropped; it stays
    /// silent.
    #[must_use]
    pub fn replace_waker(&mut self, key: Key, waker: Waker) -> Waker {
        match self.nodes.get_mut(key) {
            Some(WaiterNode { state: WaiterState::Waiting(own), .. }) => {
                std::mem::replace(own, waker)
            }
            _ => waker,
        }
    }

    /// The waiter gives up.
    pub fn remove(&mut self, key: Key) -> Removed<G> {
        if let Some(WaiterNode { state: WaiterState::Waiting(_), .. }) = self.nodes.get(key) {
            self.unlink(key);
        }
        match self.nodes.remove(key).map(|node| node.state) {
            Some(WaiterState::Waiting(waker)) => Removed::Waiting(waker),
            Some(WaiterState::Granted(grant)) => Removed::Granted(grant),
            None => Removed::Gone,
        }
    }

    /// Closes the gap around a waiter who stands in the line.
    fn unlink(&mut self, key: Key) {
        let Some(node) = self.nodes.get_mut(key) else { return };
        let (before, behind) = (node.prev.take(), node.next.take());
        match before.and_then(|key| self.nodes.get_mut(key)) {
            Some(other) => other.next = behind,
            None => self.head = behind,
        }
        match behind.and_then(|key| self.nodes.get_mut(key)) {
            Some(other) => other.prev = before,
            None => self.tail = before,
        }
        self.waiting -= 1;
    }
}

/// The rules of one primitive.
pub trait Synchronizer {
    /// What a waiter goes through with.
    type Grant;

    /// Those who wait here.
    fn waiters(&mut self) -> &mut Waiters<Self::Grant>;

    /// Goes through at once, if that is fair: not while others wait.
    fn try_acquire(&mut self) -> Option<Self::Grant>;

    /// A waiter was dropped with its pass unused. Brings the waker of whoever has it now.
    fn give_back(&mut self, pass: Self::Grant) -> Option<Waker>;
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
pub struct Acquire<'a, P: Synchronizer> {
    owner: &'a RefCell<P>,
    key: Option<Key>,
}

impl<'a, P: Synchronizer> Acquire<'a, P> {
    /// A place at this gate; the line is joined at the first poll.
    pub fn of(gate: &'a RefCell<P>) -> Self {
        Acquire { owner: gate, key: None }
    }

    /// The first poll. A task whose budget is spent takes its place as well, and its pass waits
    /// there: were it to come back next turn to join, it would miss what is told today.
    fn join(&mut self, cx: &mut Context<'_>) -> Poll<P::Grant> {
        let Some(pass) = self.owner.borrow_mut().try_acquire() else {
            let waker = cx.waker().clone();
            self.key = Some(self.owner.borrow_mut().waiters().push(waker));
            return Poll::Pending;
        };
        if spend_budget(cx).is_ready() {
            return Poll::Ready(pass);
        }
        self.key = Some(self.owner.borrow_mut().waiters().insert_granted(pass));
        Poll::Pending
    }
}

impl<P: Synchronizer> Future for Acquire<'_, P> {
    type Output = P::Grant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<P::Grant> {
        let Some(place) = self.key else { return self.join(cx) };
        let mut gate = self.owner.borrow_mut();
        if let Some(pass) = gate.waiters().take(place) {
            drop(gate);
            self.key = None;
            return Poll::Ready(pass);
        }
        if !gate.waiters().will_wake(place, cx.waker()) {
            drop(gate);
            let new = cx.waker().clone();
            let old = self.owner.borrow_mut().waiters().replace_waker(place, new);
            drop(old);
        }
        Poll::Pending
    }
}

impl<P: Synchronizer> Drop for Acquire<'_, P> {
    fn drop(&mut self) {
        let Some(place) = self.key else { return };
        let left = self.owner.borrow_mut().waiters().remove(place);
        if let Removed::Granted(pass) = left {
            let next = self.owner.borrow_mut().give_back(pass);
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
