//! Tasks that look again whenever something has changed.
//!
//! *Assumes*: that whoever changes something says so.
//! *Promises*: each task is woken once for all the changes since it last looked; a wait that
//! is dropped leaves nothing behind.
//! *Leaves out*: an order among them (`aio/sync/waiters.rs` has one), and what there is to see.
//!
//! ```text
//!   until(look): look ── not yet ──► leave a waker ── notify_all ──► look again …
//!                  └── there it is ──► done
//! ```

use crate::aio::sync::waiters::wake;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// Those who wait for something to become true of an object, which only a look at it can tell.
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
    /// Waits until `look` sees what it looks for: now, or after a change.
    pub async fn until<R>(&self, mut look: impl FnMut() -> Poll<R>) -> R {
        let mut place = Registration { notify: self, number: None };
        poll_fn(|cx| {
            place.remove();
            let seen = look();
            if seen.is_pending() {
                place.number = Some(self.register(cx.waker()));
            }
            seen
        })
        .await
    }

    /// Ready when `reached` says so. For a task that does nothing else: its waker stays here,
    /// once, until the next change, whether or not it still waits.
    pub fn poll_until(&self, cx: &mut Context<'_>, reached: impl FnOnce() -> bool) -> Poll<()> {
        if reached() {
            return Poll::Ready(());
        }
        if !self.waiting.borrow().values().any(|known| known.will_wake(cx.waker())) {
            self.register(cx.waker());
        }
        Poll::Pending
    }

    /// Something has changed: all look again.
    pub fn notify_all(&self) {
        wake(self.waiting.take().into_values());
    }

    fn register(&self, waker: &Waker) -> u64 {
        let (number, waker) = (self.next_number.get(), waker.clone()); // may be anybody's: unborrowed
        self.next_number.set(number + 1);
        self.waiting.borrow_mut().insert(number, waker);
        number
    }
}

/// One wait's place among the others.
struct Registration<'a> {
    notify: &'a Notify,
    number: Option<u64>,
}

impl Registration<'_> {
    fn remove(&mut self) {
        let Some(number) = self.number.take() else { return };
        let waker = self.notify.waiting.borrow_mut().remove(&number);
        drop(waker);
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}
