//! Tasks that look again whenever something has changed.
//!
//! *Assumes*: that whoever changes something says so.
//! *Promises*: each onlooker is woken once for all the changes since it last looked.
//! *Leaves out*: an order among them (`aio/waiters.rs` has one), and what there is to see.

use std::cell::RefCell;
use std::task::{Context, Poll, Waker};

/// Who waits for something to become true of an object that only the object can tell.
///
/// ```
/// use singletrack::aio::onlookers::Onlookers;
/// use std::cell::Cell;
/// use std::future::poll_fn;
/// use std::rc::Rc;
///
/// let event_loop = singletrack::EventLoop::new()?;
/// let shared = Rc::new((Cell::new(0), Onlookers::default()));
/// let inner = Rc::clone(&shared);
/// event_loop.call_soon(move || {
///     inner.0.set(3);
///     inner.1.wake_all();
/// });
/// event_loop.run_until_complete(poll_fn(|cx| shared.1.poll_until(cx, || shared.0.get() == 3)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[doc(alias = "tokio::sync::Notify")]
pub struct Onlookers(RefCell<Vec<Waker>>);

impl Onlookers {
    /// Ready when `reached` says so; if not, the task looks again after the next change.
    pub fn poll_until(&self, cx: &mut Context<'_>, reached: impl FnOnce() -> bool) -> Poll<()> {
        if reached() {
            return Poll::Ready(());
        }
        let waker = cx.waker();
        if !self.0.borrow().iter().any(|known| known.will_wake(waker)) {
            let waker = waker.clone(); // may be anybody's: outside the borrow
            self.0.borrow_mut().push(waker);
        }
        Poll::Pending
    }

    /// Something has changed: all look again.
    pub fn wake_all(&self) {
        self.0.take().into_iter().for_each(Waker::wake);
    }
}
