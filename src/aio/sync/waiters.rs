//! The queue of waiters, and the future that waits in it, under every primitive.
//!
//! *Promises*: waiters are served in order of arrival; a waiter may leave at any time, in O(1);
//! a waiter that is dropped with a grant in its hands gives the grant back, and it goes to the
//! next; no waker is called, cloned or dropped under a borrow; no allocation once the queue has
//! had its greatest length.
//! *Leaves out*: what is granted, and by which rules: each primitive is a [`Synchronizer`].
//!
//! [`Waiters`] is the pure half:
//!
//! ```text
//!            push                grant (the head)               take
//!   nobody ───────► Waiting(waker) ───────────► Granted(G) ──────────► gone, with G
//!                         │ remove                   │ remove
//!                         ▼                          ▼
//!                  gone, with its waker       gone, G handed back: to the next!
//! ```
//! A grant is a *hand-off*: from then on the thing belongs to that waiter, although its task
//! has not run yet. So no newcomer can take it away, and there is no race between a wake and a
//! newcomer. What remains is the waiter that is dropped between grant and take. asyncio lost
//! wake-ups there for years (bpo-27585, gh-90155, gh-112202); here `remove` returns the grant,
//! and code that ignores it gets a warning from the compiler.
//!
//! The queue is a doubly linked list whose links are slab keys. tokio's and async-lock's are
//! intrusive lists of pinned nodes, which save the slab and cost a page of unsafe.
//!
//! [`Acquire`] is the future. All primitives wait through it, so the one subtle rule, that a
//! cancelled waiter passes its grant on, is written once:
//!
//! ```text
//!             try_acquire: Some(grant), and there is budget
//!   new ───────────────────────────────────────────────────────► ready
//!    │ try_acquire: None, or no budget: the grant is kept          ▲
//!    ▼                                                             │ take: Some(grant)
//!   in the queue ── poll: not granted yet ─────────────────────────┤
//!    │                                                             │
//!    └─ drop: remove; give_back(grant) ──► the next in the queue
//! ```
//! Counterpart: Java's `AbstractQueuedSynchronizer`, and the batch semaphore under tokio's locks.

use crate::base::id::{GenerationSlab, Key};
use crate::event_loop::caught::drop_wakers;
use crate::event_loop::core::{run_caught, spend_budget};
use crate::event_loop::waker::task_of;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The waiters for a `G`, in order of arrival, and the waiters that have been granted one and
/// have not taken it yet.
///
/// ```
/// use singletrack::aio::sync::waiters::{Removed, Waiters};
/// use std::task::Waker;
///
/// let mut waiters = Waiters::new();
/// let a = waiters.push(Waker::noop().clone());
/// let b = waiters.push(Waker::noop().clone());
/// assert!(waiters.grant("key").is_ok()); // to `a`, which came first
/// assert_eq!(waiters.take(b), None);
/// // `a` is dropped before its task ran: the grant comes back and goes to the next.
/// assert!(matches!(waiters.remove(a), Removed::Granted("key")));
/// assert!(waiters.grant("key").is_ok());
/// assert_eq!(waiters.take(b), Some("key"));
/// assert_eq!(waiters.grant("key").unwrap_err(), "key"); // nobody waits
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
    /// Both are `None` once granted: that waiter is out of the list.
    prev: Option<Key>,
    next: Option<Key>,
}

#[derive(Debug)]
enum WaiterState<G> {
    Waiting(Waker),
    Granted(G),
}

/// What a waiter had when it was removed.
#[derive(Debug)]
#[must_use = "a grant that comes back must go to the next waiter"]
pub enum Removed<G> {
    /// Nothing yet. The waker is handed out so that it is not dropped inside a borrow.
    Waiting(Waker),
    /// This, which now belongs to the next waiter.
    Granted(G),
    /// It had been removed before.
    Gone,
}

impl<G> Default for Waiters<G> {
    fn default() -> Self {
        Waiters { nodes: GenerationSlab::new(), head: None, tail: None, waiting: 0 }
    }
}

impl<G> Waiters<G> {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many wait and have no grant.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many have a grant and have not taken it.
    pub fn granted(&self) -> usize {
        self.nodes.len() - self.waiting
    }

    /// Enters a waiter at the end of the queue.
    pub fn push(&mut self, waker: Waker) -> Key {
        let prev = self.tail;
        let state = WaiterState::Waiting(waker);
        let key = self.nodes.insert(WaiterNode { state, prev, next: None });
        match prev.and_then(|key| self.nodes.get_mut(key)) {
            Some(last) => last.next = Some(key),
            None => self.head = Some(key),
        }
        self.tail = Some(key);
        self.waiting += 1;
        key
    }

    /// Enters a waiter that need not queue, but can only take its grant later.
    pub fn insert_granted(&mut self, grant: G) -> Key {
        self.nodes.insert(WaiterNode { state: WaiterState::Granted(grant), prev: None, next: None })
    }

    /// Hands `grant` to the first waiter; returns its waker, to be called when no borrow is held.
    ///
    /// # Errors
    /// The grant itself, if nobody waits.
    pub fn grant(&mut self, grant: G) -> Result<Waker, G> {
        let Some(node) = self.head.and_then(|key| self.nodes.get_mut(key)) else {
            return Err(grant);
        };
        let next = node.next.take();
        let before = std::mem::replace(&mut node.state, WaiterState::Granted(grant));
        self.head = next;
        match next.and_then(|key| self.nodes.get_mut(key)) {
            Some(next) => next.prev = None,
            None => self.tail = None,
        }
        self.waiting -= 1;
        match before {
            WaiterState::Waiting(waker) => Ok(waker),
            WaiterState::Granted(_) => unreachable!("a waiter in the list has no grant"),
        }
    }

    /// Gives every waiter a grant, in order; a waiter that comes later gets none.
    #[must_use]
    pub fn grant_all(&mut self, mut grant: impl FnMut() -> G) -> Vec<Waker> {
        let waiting = self.waiting;
        (0..waiting).filter_map(|_| self.grant(grant()).ok()).collect()
    }

    /// Takes this waiter's grant, which ends it; `None`: it still waits.
    pub fn take(&mut self, key: Key) -> Option<G> {
        if let WaiterState::Waiting(_) = self.nodes.get(key)?.state {
            return None;
        }
        match self.nodes.remove(key)?.state {
            WaiterState::Granted(grant) => Some(grant),
            WaiterState::Waiting(_) => None,
        }
    }

    /// Changes the grants that were not taken yet.
    pub fn change_grants(&mut self, mut change: impl FnMut(&mut G)) {
        let keys: Vec<Key> = self.nodes.iter().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(WaiterNode { state: WaiterState::Granted(grant), .. }) =
                self.nodes.get_mut(key)
            {
                change(grant);
            }
        }
    }

    /// True if this waiter would be woken through `waker`.
    pub fn will_wake(&self, key: Key, waker: &Waker) -> bool {
        match self.nodes.get(key) {
            Some(WaiterNode { state: WaiterState::Waiting(own), .. }) => own.will_wake(waker),
            _ => false,
        }
    }

    /// The waiter moved to another task. The old waker is returned to be dropped; it is not
    /// called.
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

    /// Takes a waiter out of the list.
    fn unlink(&mut self, key: Key) {
        let Some(node) = self.nodes.get_mut(key) else { return };
        let (prev, next) = (node.prev.take(), node.next.take());
        match prev.and_then(|key| self.nodes.get_mut(key)) {
            Some(other) => other.next = next,
            None => self.head = next,
        }
        match next.and_then(|key| self.nodes.get_mut(key)) {
            Some(other) => other.prev = prev,
            None => self.tail = prev,
        }
        self.waiting -= 1;
    }
}

/// The rules of one primitive: a pure state machine with a queue of waiters, such as
/// [`Permits`](crate::aio::sync::semaphore::Permits).
pub trait Synchronizer {
    /// What a waiter is granted.
    type Grant;

    /// The queue.
    fn waiters(&mut self) -> &mut Waiters<Self::Grant>;

    /// Takes a grant at once, if that is fair: not while others wait.
    fn try_acquire(&mut self) -> Option<Self::Grant>;

    /// A waiter was dropped with its grant unused. Returns the waker of the waiter that has it
    /// now.
    fn give_back(&mut self, grant: Self::Grant) -> Option<Waker>;

    /// What [`try_acquire`](Self::try_acquire) gave cannot be taken now: a waiter keeps it. One
    /// that keeps an account of its grants notes that here.
    fn promise(&mut self, grant: Self::Grant) -> Key {
        self.waiters().insert_granted(grant)
    }

    /// The waiter takes its grant, if it has one; the counterpart of `promise` and of a hand-off.
    fn claim(&mut self, waiter: Key) -> Option<Self::Grant> {
        self.waiters().take(waiter)
    }
}

/// Waits until the synchronizer grants something.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::sync::waiters::Acquire;
/// use singletrack::aio::sync::semaphore::{Grant, Permits};
/// use std::cell::RefCell;
///
/// let permits = RefCell::new(Permits::new(1));
/// let event_loop = EventLoop::new()?;
/// assert_eq!(event_loop.run_until_complete(Acquire::of(&permits)), Grant::Permit);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Acquire<'a, S: Synchronizer> {
    owner: &'a RefCell<S>,
    key: Option<Key>,
}

impl<'a, S: Synchronizer> Acquire<'a, S> {
    /// A future that joins the queue of `owner` when it is first polled.
    pub fn of(owner: &'a RefCell<S>) -> Self {
        Acquire { owner, key: None }
    }

    /// The first poll. A task whose budget is spent enters the queue with its grant in hand:
    /// were it to come back in the next iteration to join, it would miss what is granted in this
    /// one.
    fn join(&mut self, cx: &mut Context<'_>) -> Poll<S::Grant> {
        let Some(grant) = self.owner.borrow_mut().try_acquire() else {
            let waker = cx.waker().clone();
            self.key = Some(self.owner.borrow_mut().waiters().push(waker));
            return Poll::Pending;
        };
        if spend_budget(cx).is_ready() {
            return Poll::Ready(grant);
        }
        self.key = Some(self.owner.borrow_mut().promise(grant));
        Poll::Pending
    }
}

impl<S: Synchronizer> Future for Acquire<'_, S> {
    type Output = S::Grant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Grant> {
        let Some(key) = self.key else { return self.join(cx) };
        let mut owner = self.owner.borrow_mut();
        if let Some(grant) = owner.claim(key) {
            drop(owner);
            self.key = None;
            return Poll::Ready(grant);
        }
        if !owner.waiters().will_wake(key, cx.waker()) {
            drop(owner);
            let new = cx.waker().clone();
            let old = self.owner.borrow_mut().waiters().replace_waker(key, new);
            drop_wakers([old]);
        }
        Poll::Pending
    }
}

impl<S: Synchronizer> Drop for Acquire<'_, S> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let removed = self.owner.borrow_mut().waiters().remove(key);
        match removed {
            Removed::Waiting(waker) => drop_wakers([waker]),
            Removed::Granted(grant) => {
                let next = self.owner.borrow_mut().give_back(grant);
                wake(next);
            }
            Removed::Gone => {}
        }
    }
}

/// Wakes the waiters that were granted something; call it when no borrow is held. If a foreign
/// waker panics, the exception handler gets the panic (without a running loop standard error), and
/// the others are woken all the same.
pub fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        match task_of(&waker) {
            Some(_) => waker.wake(), // one of ours cannot panic
            None => run_caught("a waker", || waker.wake()),
        }
    }
}
