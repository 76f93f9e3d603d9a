//! Signals as callbacks and as streams.
//!
//! *Assumes*: who listens to what is known, and told (`aio/signal_listeners.rs`).
//! *Promises*: after a signal has come at least once, each who listens is told at least once,
//! on the loop's thread, in a turn, never inside the signal handler; when the last listener
//! of a signal goes, the signal does again what it did before.
//! *Leaves out*: counting. Signals coalesce: two that come between two turns are told once.
//!
//! One loop of a process listens at a time (asyncio: the main thread's). A second one is
//! told which; it can be asked with `call_soon_threadsafe`.

use crate::aio::signal_listeners::{Callback, Listeners, Subscription};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;

/// Runs `callback` on the loop each time `signal` has come. Takes the place of an earlier
/// callback for the same signal, and of its turn if that was due. Call it while the loop runs,
/// from one of its tasks.
///
/// # Errors
/// `InvalidInput` for a signal that cannot be handled; `ResourceBusy` while another loop
/// listens to signals; `NotConnected` outside a running loop; the system's limits.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::signals::{add_signal_handler, remove_signal_handler};
/// use std::{cell::Cell, rc::Rc};
///
/// # fn raise(n: i32) { unsafe { libc::raise(n); } }
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let count = Rc::new(Cell::new(0));
///     let inner = Rc::clone(&count);
///     add_signal_handler(libc::SIGUSR1, move || inner.set(inner.get() + 1))?;
///     raise(libc::SIGUSR1);
///     while count.get() == 0 {
///         singletrack::yield_now().await;
///     }
///     assert!(remove_signal_handler(libc::SIGUSR1));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.loop.add_signal_handler")]
pub fn add_signal_handler(signal: i32, callback: impl FnMut() + 'static) -> io::Result<()> {
    let callback = Callback::new(callback);
    let old = Listeners::open()?.watch(signal, |watch| watch.callback.replace(callback))?;
    if let Some(old) = old {
        old.give_way(signal);
    }
    Ok(())
}

/// Runs `callback` on the loop when `signal` first comes; the second one does what it does by
/// default, at once, even if no task ever awaits again. Gives way to whoever listens by the
/// other functions of this file. False, and nothing is changed, if the signal does not do the
/// default thing now.
///
/// # Errors
/// As [`add_signal_handler`].
pub(crate) fn on_first(signal: i32, callback: impl FnMut() + 'static) -> io::Result<bool> {
    Listeners::open()?.watch_once(signal, Callback::new(callback))
}

/// Undoes [`on_first`], unless it has given way.
pub(crate) fn forget_first(signal: i32) {
    let Some(listeners) = Listeners::here() else { return };
    let forgotten =
        listeners.unwatch(signal, |watch| watch.yields.then(|| watch.callback.take())?);
    if let Some(callback) = forgotten {
        callback.remove();
    }
}

/// Takes the callback for `signal` away; one that waits for its turn does not run. False if
/// there was none.
#[doc(alias = "asyncio.loop.remove_signal_handler")]
pub fn remove_signal_handler(signal: i32) -> bool {
    let Some(listeners) = Listeners::here() else { return false };
    let removed = listeners.unwatch(signal, |watch| watch.callback.take());
    removed.map(|callback| callback.remove()).is_some()
}

/// Listens to `signal` from now on. Any number of these may listen to the same one.
///
/// # Errors
/// As [`add_signal_handler`].
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::signals::signal;
///
/// # fn raise(n: i32) { unsafe { libc::raise(n); } }
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let mut hangups = signal(libc::SIGHUP)?;
///     raise(libc::SIGHUP); // it would have ended the process
///     hangups.recv().await
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "tokio::signal::unix::signal")]
pub fn signal(signal: i32) -> io::Result<Signal> {
    let listeners = Listeners::open()?;
    let subscription = Rc::new(Subscription::default());
    listeners.watch(signal, |watch| watch.streams.push(Rc::clone(&subscription)))?;
    Ok(Signal { signal, listeners, subscription })
}

/// A signal as a stream of its arrivals. Dropped, it stops listening.
pub struct Signal {
    signal: i32,
    listeners: Rc<Listeners>,
    subscription: Rc<Subscription>,
}

impl Signal {
    /// Waits until the signal has come since the last time, or since listening began. Dropped
    /// before it is done, it has taken nothing.
    ///
    /// # Errors
    /// `NotConnected` once the loop that listens is gone.
    pub async fn recv(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            if self.subscription.arrived.take() {
                return Poll::Ready(Ok(()));
            }
            if self.subscription.closed.get() {
                let text = "the event loop that listened to this signal is gone";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::NotConnected, text)));
            }
            let old = self.subscription.waiter.replace(Some(cx.waker().clone()));
            drop(old);
            Poll::Pending
        })
        .await
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        let gone = self.listeners.unwatch(self.signal, |watch| {
            let at = watch
                .streams
                .iter()
                .position(|subscription| Rc::ptr_eq(subscription, &self.subscription))?;
            Some(watch.streams.swap_remove(at))
        });
        drop(gone);
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({})", self.signal)
    }
}
