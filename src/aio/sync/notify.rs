//! Tasks that check again whenever an object has changed.
//!
//! *Assumes*: the code that changes the object calls `notify_all`.
//! *Promises*: each task is woken once for all the changes since its last check; a wait that
//! is dropped leaves nothing behind, and what is polled by hand one waker at most.
//! *Leaves out*: an order among the tasks (`aio/sync/waiters.rs` has one), and the condition.
//!
//! ```text
//!   until(check): check ── pending ──► register a waker ── notify_all ──► check again …
//!                   └── ready ──► done
//! ```

use crate::aio::sync::waiters::wake;
use crate::event_loop::caught::drop_wakers;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// The tasks that wait for something to become true of an object, which each must check itself.
///
/// ```
/// use singletrack::aio::Notify;
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::task::Poll;
///
/// let event_loop = singletrack::EventLoop::new()?;
/// let shared = Rc::new((Cell::new(0), Notify::default()));
/// let inner = Rc::clone(&shared);
/// event_loop.call_soon(move || {
///     inner.0.set(3);
///     inner.1.notify_all();
/// });
/// event_loop.run_until_complete(shared.1.until(|| match shared.0.get() {
///     3 => Poll::Ready(()),
///     _ => Poll::Pending,
/// }));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[doc(alias = "tokio::sync::Notify")]
pub struct Notify {
    /// In order of arrival, which numbers them.
    waiting: RefCell<BTreeMap<u64, Waker>>,
    next_number: Cell<u64>,
}

impl Notify {
    /// Waits until `check` is ready: now, or after a change.
    pub async fn until<R>(&self, mut check: impl FnMut() -> Poll<R>) -> R {
        let mut registration = Registration { notify: self, number: None };
        poll_fn(|cx| {
            registration.remove();
            let checked = check();
            if checked.is_pending() {
                registration.number = Some(self.register(cx.waker()));
            }
            checked
        })
        .await
    }

    /// Ready when `reached` says so, for hand-written futures: each has a slot, in which the waker that
    /// it was last polled with stands until the next change. Polled to the end, it is empty.
    pub fn poll_until(
        &self,
        slot: &PollSlot,
        cx: &mut Context<'_>,
        reached: impl FnOnce() -> bool,
    ) -> Poll<()> {
        let known = slot.0.take();
        let reached = reached();
        let old = match (known, reached) {
            (Some(number), true) => self.waiting.borrow_mut().remove(&number),
            (Some(number), false) => {
                let waker = cx.waker().clone();
                slot.0.set(Some(number));
                self.waiting.borrow_mut().insert(number, waker)
            }
            (None, false) => {
                slot.0.set(Some(self.register(cx.waker())));
                None
            }
            (None, true) => None,
        };
        drop_wakers(old); // outside the borrow
        if reached { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Something has changed: all check again.
    pub fn notify_all(&self) {
        wake(self.waiting.take().into_values());
    }

    fn register(&self, waker: &Waker) -> u64 {
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        let waker = waker.clone(); // a foreign one runs foreign code: outside the borrow
        self.waiting.borrow_mut().insert(number, waker);
        number
    }
}

/// Where one hand-written future, or one `poll_*` function, leaves its waker with a [`Notify`]: the
/// waker of the last poll, and no other.
#[derive(Debug, Default)]
pub struct PollSlot(Cell<Option<u64>>);

/// The waker that one wait has registered, if it has.
struct Registration<'a> {
    notify: &'a Notify,
    number: Option<u64>,
}

impl Registration<'_> {
    fn remove(&mut self) {
        let Some(number) = self.number.take() else { return };
        let waker = self.notify.waiting.borrow_mut().remove(&number);
        drop_wakers(waker);
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}
