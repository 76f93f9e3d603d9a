//! Queues between the tasks of one loop: by age, by priority, or last in, first out.
//!
//! *Promises*: putters and getters are each served in order of arrival; no item is lost or
//! given out twice, whichever task is cancelled when; what `empty`, `full` and `qsize` say holds
//! until the next await; `shutdown` leaves no task waiting and no item behind; no allocation per
//! operation; an item whose drop panics takes no other along.
//! *Leaves out*: other threads.
//!
//! ```text
//!            take a slot                      take an item
//!   put ───► slots ───► ┌───────────┐ ───► items ───► get
//!              ▲        │ the store │                  │
//!              │        └───────────┘                  │
//!              └──────────── give the slot back ───────┘
//! ```
//! A queue is a [`Store`], which decides the order, between two lots of permits
//! (`aio/sync/semaphore.rs`), one for slots and one for items, so the hard part is there.
//!
//! asyncio's queue wakes a getter and lets it check again, so a newcomer may be quicker. Here the
//! item is promised to the getter that is woken, and the slot to the putter. Nobody else can have
//! what is promised, so `empty`, `full` and `qsize` do not count it as there; and it may come back,
//! so after a shutdown it is waited for.

use crate::aio::sync::event::EventState;
use crate::aio::sync::semaphore::{Grant, Permits};
use crate::aio::sync::waiters::{Acquire, Synchronizer, wake};
use crate::event_loop::core::run_caught;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;

/// What a queue keeps its items in, which decides the order in which they come out.
///
/// ```
/// use singletrack::aio::Store;
/// use std::cmp::Reverse;
/// use std::collections::{BinaryHeap, VecDeque};
///
/// fn first_out(mut store: impl Store<Item = u8>) -> Option<u8> {
///     [2, 1, 3].map(|item| store.push(item));
///     store.pop()
/// }
/// assert_eq!(first_out(VecDeque::new()), Some(2)); // the oldest
/// assert_eq!(first_out(Vec::new()), Some(3)); // the newest
/// assert_eq!(first_out(BinaryHeap::<Reverse<u8>>::new()), Some(1)); // the smallest
/// ```
pub trait Store: Default {
    /// The items.
    type Item;
    /// Puts one in.
    fn push(&mut self, item: Self::Item);
    /// Takes the next one out.
    fn pop(&mut self) -> Option<Self::Item>;
    /// How many there are.
    fn len(&self) -> usize;
    /// True when there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Store for VecDeque<T> {
    type Item = T;
    fn push(&mut self, item: T) {
        self.push_back(item);
    }
    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }
    fn len(&self) -> usize {
        self.len()
    }
}

impl<T> Store for Vec<T> {
    type Item = T;
    fn push(&mut self, item: T) {
        self.push(item);
    }
    fn pop(&mut self) -> Option<T> {
        self.pop()
    }
    fn len(&self) -> usize {
        self.len()
    }
}

impl<T: Ord> Store for BinaryHeap<Reverse<T>> {
    type Item = T;
    fn push(&mut self, item: T) {
        self.push(Reverse(item));
    }
    fn pop(&mut self) -> Option<T> {
        self.pop().map(|Reverse(item)| item)
    }
    fn len(&self) -> usize {
        self.len()
    }
}

/// First in, first out.
///
/// ```
/// use singletrack::aio::{Queue, ShutDown};
/// use singletrack::{EventLoop, create_task};
/// use std::rc::Rc;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let queue = Rc::new(Queue::new(1)); // one item at a time
///     let source = Rc::clone(&queue);
///     let producer = create_task(async move {
///         for n in 1..=3 {
///             source.put(n).await.unwrap();
///         }
///         source.shutdown(false); // its items can still be taken
///     });
///     let mut sum = 0;
///     while let Ok(n) = queue.get().await {
///         sum += n;
///     }
///     assert_eq!(sum, 6);
///     assert_eq!(queue.put(4).await, Err(ShutDown(4))); // the item comes back
///     producer.await.unwrap();
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.Queue")]
#[doc(alias = "mpsc")]
pub type Queue<T> = QueueOf<VecDeque<T>>;

/// Last in, first out.
///
/// ```
/// use singletrack::aio::LifoQueue;
///
/// let stack = LifoQueue::new(0);
/// stack.put_nowait("plate").unwrap();
/// stack.put_nowait("bowl").unwrap();
/// assert_eq!(stack.get_nowait(), Ok("bowl"));
/// ```
#[doc(alias = "asyncio.LifoQueue")]
pub type LifoQueue<T> = QueueOf<Vec<T>>;

/// Smallest first. Among equals the order is open, as in asyncio; add a counter to the item
/// if it matters. The items' `cmp` must not use the queue, and must not panic.
///
/// ```
/// use singletrack::aio::PriorityQueue;
///
/// let jobs = PriorityQueue::new(0);
/// jobs.put_nowait((2, "sweep")).unwrap();
/// jobs.put_nowait((1, "put the fire out")).unwrap();
/// assert_eq!(jobs.get_nowait(), Ok((1, "put the fire out")));
/// ```
#[doc(alias = "asyncio.PriorityQueue")]
pub type PriorityQueue<T> = QueueOf<BinaryHeap<Reverse<T>>>;

/// A queue over any store; see [`Queue`], [`LifoQueue`] and [`PriorityQueue`].
///
/// It belongs to the tasks of one thread, which share it by `Rc`; two threads cannot. Tasks of
/// two loops that run on one thread by turns can: each waker knows its loop, so here asyncio's
/// "bound to a different event loop" does not exist.
///
/// ```compile_fail
/// fn share(_: impl Sync) {}
/// share(singletrack::aio::Queue::<u8>::new(1));
/// ```
pub struct QueueOf<S: Store> {
    store: RefCell<S>,
    slots: RefCell<Permits>,
    items: RefCell<Permits>,
    maxsize: usize,
    is_shut: Cell<bool>,
    /// Items put and not yet reported done, and the flag that is set while there are none.
    unfinished: Cell<usize>,
    finished: RefCell<EventState>,
}

/// The queue was shut down. Brings back what was to be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "asyncio.QueueShutDown")]
pub struct ShutDown<T = ()>(pub T);

impl<T> fmt::Display for ShutDown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the queue was shut down")
    }
}

impl<T: fmt::Debug> std::error::Error for ShutDown<T> {}

/// Why [`QueueOf::put_nowait`] refused; the item comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "asyncio.QueueFull")]
pub enum PutError<T> {
    /// There is no slot free. asyncio's `QueueFull`.
    Full(T),
    /// The queue was shut down.
    ShutDown(T),
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full(_) => "the queue is full; `put` would wait for a slot",
            PutError::ShutDown(_) => "the queue was shut down",
        })
    }
}

impl<T: fmt::Debug> std::error::Error for PutError<T> {}

/// Why [`QueueOf::get_nowait`] has nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "asyncio.QueueEmpty")]
pub enum GetError {
    /// Every item is gone, or promised to a getter that waited. asyncio's `QueueEmpty`.
    Empty,
    /// It was shut down and no item is left, not even a promised one: there will be no more.
    ShutDown,
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::Empty => "the queue is empty; `get` would wait for an item",
            GetError::ShutDown => "the queue is empty and was shut down",
        })
    }
}

impl std::error::Error for GetError {}

/// [`QueueOf::task_done`] was called more often than items were put; asyncio's `ValueError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoneTooOften;

impl fmt::Display for DoneTooOften {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`task_done` was called more often than items were put")
    }
}

impl std::error::Error for DoneTooOften {}

impl<S: Store> QueueOf<S> {
    /// An empty queue for at most `maxsize` items; 0 means no limit.
    pub fn new(maxsize: usize) -> Self {
        let slots = if maxsize == 0 { usize::MAX } else { maxsize };
        QueueOf {
            store: RefCell::default(),
            slots: RefCell::new(Permits::new(slots)),
            items: RefCell::new(Permits::new(0)),
            maxsize,
            is_shut: Cell::new(false),
            unfinished: Cell::new(0),
            finished: RefCell::new(EventState::new(true)),
        }
    }

    /// How many items [`get_nowait`](Self::get_nowait) could take now, one after the other. One
    /// that is promised to a waiting getter is not among them.
    #[doc(alias = "asyncio.Queue.qsize")]
    pub fn qsize(&self) -> usize {
        self.items.borrow().free()
    }

    /// How many items may be in it; 0 means no limit.
    pub fn maxsize(&self) -> usize {
        self.maxsize
    }

    /// True when [`get`](Self::get) would wait: when `get_nowait` has nothing.
    #[doc(alias = "asyncio.Queue.empty")]
    pub fn empty(&self) -> bool {
        self.qsize() == 0
    }

    /// True when [`put`](Self::put) would wait: when [`put_nowait`](Self::put_nowait) has no slot.
    /// Slots that are promised, or whose item is, are not free: `qsize` may be below `maxsize`.
    #[doc(alias = "asyncio.Queue.full")]
    pub fn full(&self) -> bool {
        self.slots.borrow().free() == 0
    }

    /// Puts an item in; waits for a slot if there is none. If the wait is dropped, the item
    /// is dropped with it.
    ///
    /// # Errors
    /// [`ShutDown`], with the item, if the queue is shut down before there is a slot.
    #[doc(alias = "asyncio.Queue.put")]
    #[doc(alias = "send")]
    pub async fn put(&self, item: S::Item) -> Result<(), ShutDown<S::Item>> {
        let slot = Acquire::of(&self.slots).await;
        if !self.is_shut.get() {
            self.put_item(item);
            return Ok(());
        }
        let nobody = (slot == Grant::Permit).then(|| self.slots.borrow_mut().put_back());
        wake(nobody.flatten());
        Err(ShutDown(item))
    }

    /// Puts an item in if there is a slot now.
    ///
    /// # Errors
    /// [`PutError`], with the item.
    #[doc(alias = "asyncio.Queue.put_nowait")]
    pub fn put_nowait(&self, item: S::Item) -> Result<(), PutError<S::Item>> {
        if self.is_shut.get() {
            return Err(PutError::ShutDown(item));
        }
        let slot = self.slots.borrow_mut().try_acquire();
        if slot.is_none() {
            return Err(PutError::Full(item));
        }
        self.put_item(item);
        Ok(())
    }

    /// Takes the next item; waits for one if there is none. If the wait is dropped, the item
    /// that was promised to it goes to the next getter.
    ///
    /// # Errors
    /// [`ShutDown`] if the queue is shut down and no item is left. While one is promised to
    /// another getter, which may yet be dropped, this waits.
    #[doc(alias = "asyncio.Queue.get")]
    #[doc(alias = "recv")]
    pub async fn get(&self) -> Result<S::Item, ShutDown> {
        match Acquire::of(&self.items).await {
            Grant::Permit => self.take_item().ok_or(ShutDown(())),
            Grant::Closed => Err(ShutDown(())),
        }
    }

    /// Takes the next item if there is one now that is not promised.
    ///
    /// # Errors
    /// [`GetError`].
    #[doc(alias = "asyncio.Queue.get_nowait")]
    pub fn get_nowait(&self) -> Result<S::Item, GetError> {
        let item = self.items.borrow_mut().try_acquire();
        match item {
            None => Err(GetError::Empty),
            Some(Grant::Closed) => Err(GetError::ShutDown),
            Some(Grant::Permit) => self.take_item().ok_or(GetError::ShutDown),
        }
    }

    /// An item that was taken has been dealt with.
    ///
    /// # Errors
    /// If that has been said of all of them already.
    #[doc(alias = "asyncio.Queue.task_done")]
    pub fn task_done(&self) -> Result<(), DoneTooOften> {
        if self.unfinished.get() == 0 {
            return Err(DoneTooOften);
        }
        self.finish(1);
        Ok(())
    }

    /// Waits until [`task_done`](Self::task_done) has been said of every item that was put.
    #[doc(alias = "asyncio.Queue.join")]
    pub async fn join(&self) {
        Acquire::of(&self.finished).await;
    }

    /// From now on it takes no items. Putters, waiting ones included, get [`ShutDown`]. Getters get
    /// the items in the queue and then [`ShutDown`]; with `immediate`, these items are dropped at
    /// once and count as done.
    #[doc(alias = "asyncio.Queue.shutdown")]
    #[doc(alias = "close")]
    pub fn shutdown(&self, immediate: bool) {
        self.is_shut.set(true);
        let putters = self.slots.borrow_mut().close_at_once();
        if !immediate {
            let getters = self.items.borrow_mut().close();
            return wake(putters.into_iter().chain(getters));
        }
        let getters = self.items.borrow_mut().close_at_once();
        let items = self.items.borrow_mut().retire_free();
        for _ in 0..items {
            let _nobody = self.slots.borrow_mut().put_back();
        }
        let store = self.store.take();
        self.finish(items);
        wake(putters.into_iter().chain(getters));
        drop_items(store); // user code: no borrow is held
    }

    /// True after [`shutdown`](Self::shutdown).
    pub fn is_shut_down(&self) -> bool {
        self.is_shut.get()
    }

    /// Puts an item into a slot that is ours, and promises it to the first getter.
    fn put_item(&self, item: S::Item) {
        if self.unfinished.replace(self.unfinished.get() + 1) == 0 {
            self.finished.borrow_mut().clear();
        }
        self.store.borrow_mut().push(item);
        let getter = self.items.borrow_mut().release();
        wake(getter);
    }

    /// Takes an item that is ours, and gives its slot to the first putter. `None`: the store has
    /// lost it.
    fn take_item(&self) -> Option<S::Item> {
        let item = self.store.borrow_mut().pop();
        let putter = self.slots.borrow_mut().put_back();
        let getters = self.items.borrow_mut().retire(); // after a shutdown this may be the last
        wake(putter.into_iter().chain(getters));
        item
    }

    fn finish(&self, items: usize) {
        let left = self.unfinished.get().saturating_sub(items);
        self.unfinished.set(left);
        if left == 0 {
            let joiners = self.finished.borrow_mut().set();
            wake(joiners);
        }
    }
}

impl<S: Store> Drop for QueueOf<S> {
    fn drop(&mut self) {
        drop_items(self.store.take());
    }
}

/// Drops the items one by one: a drop that panics is reported, and takes no other item along.
fn drop_items<S: Store>(mut store: S) {
    for _ in 0..store.len() {
        run_caught("the drop of a queue's item", || drop(store.pop()));
    }
    run_caught("the drop of a queue's store", || drop(store));
}

impl<S: Store> fmt::Debug for QueueOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (qsize, shut) = (self.qsize(), self.is_shut.get());
        let mut fields = f.debug_struct("Queue");
        fields.field("qsize", &qsize).field("maxsize", &self.maxsize).field("shut_down", &shut);
        fields.finish_non_exhaustive()
    }
}
