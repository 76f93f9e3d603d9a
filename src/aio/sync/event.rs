//! An event: a flag that tasks can wait for.
//!
//! *Promises*: `set` wakes every task that waits at that moment, even if `clear` follows at
//! once; a task that comes while it is set does not wait.
//! *Leaves out*: a value; that is what a queue is for.

use crate::aio::sync::waiters::{Acquire, Synchronizer, Waiters, wake};
use std::cell::RefCell;
use std::fmt;
use std::task::Waker;

/// The pure half of an event.
#[derive(Debug, Default)]
pub struct EventState {
    set: bool,
    waiters: Waiters<()>,
}

impl EventState {
    /// A flag without waiters.
    pub fn new(set: bool) -> Self {
        EventState { set, waiters: Waiters::new() }
    }

    /// Is it set?
    pub fn is_set(&self) -> bool {
        self.set
    }

    /// Sets it; returns the wakers of all that waited.
    #[must_use]
    pub fn set(&mut self) -> Vec<Waker> {
        self.set = true;
        self.waiters.grant_all(|| ())
    }

    /// From now on tasks wait again.
    pub fn clear(&mut self) {
        self.set = false;
    }
}

impl Synchronizer for EventState {
    type Grant = ();

    fn waiters(&mut self) -> &mut Waiters<()> {
        &mut self.waiters
    }

    fn try_acquire(&mut self) -> Option<()> {
        self.set.then_some(())
    }

    /// Every waiter had a grant of its own: no other needs this one.
    fn give_back(&mut self, (): ()) -> Option<Waker> {
        None
    }
}

/// Tasks wait until it is set; all of them go on then.
///
/// ```
/// use singletrack::aio::Event;
/// use singletrack::{EventLoop, create_task, yield_now};
/// use std::rc::Rc;
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let start = Rc::new(Event::new());
///     let signal = Rc::clone(&start);
///     let runner = create_task(async move { signal.wait().await });
///     yield_now().await;
///     start.set();
///     start.clear(); // the runner goes all the same
///     runner.await.unwrap();
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Default)]
#[doc(alias = "asyncio.Event")]
#[doc(alias = "tokio::sync::Notify")]
pub struct Event {
    state: RefCell<EventState>,
}

impl Event {
    /// An event that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Is it set?
    #[doc(alias = "asyncio.Event.is_set")]
    pub fn is_set(&self) -> bool {
        self.state.borrow().is_set()
    }

    /// Sets it and wakes all tasks that wait, in order of arrival.
    #[doc(alias = "asyncio.Event.set")]
    pub fn set(&self) {
        let waiters = self.state.borrow_mut().set();
        wake(waiters);
    }

    /// From now on tasks wait again.
    #[doc(alias = "asyncio.Event.clear")]
    pub fn clear(&self) {
        self.state.borrow_mut().clear();
    }

    /// Waits until it is set; returns at once if it is.
    #[doc(alias = "asyncio.Event.wait")]
    pub async fn wait(&self) {
        Acquire::of(&self.state).await;
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish_non_exhaustive()
    }
}
