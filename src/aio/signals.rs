//! Signals, as callbacks on the loop and as streams of arrivals.
//!
//! *Assumes*: the signal handler sets a flag and wakes the loop (`sys/signal.rs`).
//! *Promises*: after a signal has come at least once, each of its callbacks and streams learns of
//! it at least once, on the loop's thread, in an iteration, never inside the signal handler; when
//! the last of them is removed, the signal does again what it did before, and another loop may
//! listen to signals. If `run` listens to it as well, the others borrow it: when the last of them
//! is removed, it is `run`'s again.
//! *Leaves out*: counting. Signals coalesce: two that come between two iterations are one arrival.
//!
//! ```text
//!   signal handler: flag, wake ──► dispatch_signals, a task ──┬─► callback: call_soon
//!   (any thread, any time)         of the one loop            └─► streams:  arrived, wake
//! ```
//! One loop of a process listens at a time (asyncio: the main thread's). A second one gets an
//! error with the number of the first, which can be asked with `call_soon_threadsafe`.

use crate::aio::signal_dispatcher::{SignalDispatcher, SignalHandler, SignalState};
use crate::aio::sync::notify::PollSlot;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::{fmt, io};

/// Runs `callback` on the loop each time `signal` has come. Takes the place of an earlier
/// callback for the same signal, and of its call if that was due. Call it while the loop runs,
/// from one of its tasks.
///
/// # Errors
/// `InvalidInput` for a signal that cannot be handled; `ResourceBusy` while another loop
/// listens to signals; `NotConnected` outside a running loop; the system's limits.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::{add_signal_handler, remove_signal_handler};
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
    let callback = SignalHandler::new(callback);
    let old = SignalDispatcher::get_or_start()?
        .subscribe(signal, |entry| entry.callback.replace(callback))?;
    if let Some(old) = old {
        old.displace(signal);
    }
    Ok(())
}

/// Takes the callback for `signal` away; a call that is due does not run. False if there was
/// none.
#[doc(alias = "asyncio.loop.remove_signal_handler")]
pub fn remove_signal_handler(signal: i32) -> bool {
    let Some(dispatcher) = SignalDispatcher::current() else { return false };
    let removed = dispatcher.unsubscribe(signal, |entry| entry.callback.take());
    removed.map(|callback| callback.remove()).is_some()
}

/// Runs `callback` on the loop when `signal` first comes; the second one does what it does by
/// default, at once, even if no task ever awaits again. While there are callbacks and streams of the
/// other functions, it rests. False, and nothing is changed, if the signal has not its default
/// action now.
///
/// # Errors
/// As [`add_signal_handler`].
pub(crate) fn set_first_handler(signal: i32, callback: impl FnMut() + 'static) -> io::Result<bool> {
    SignalDispatcher::get_or_start()?.subscribe_once(signal, SignalHandler::new(callback))
}

/// Undoes [`set_first_handler`].
pub(crate) fn remove_first_handler(signal: i32) {
    let Some(dispatcher) = SignalDispatcher::current() else { return };
    if let Some(callback) = dispatcher.unsubscribe(signal, |entry| entry.first.take()) {
        callback.remove();
    }
}

/// Listens to `signal` from now on. Any number of these may listen to the same one.
///
/// # Errors
/// As [`add_signal_handler`].
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::aio::signal;
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
    let dispatcher = SignalDispatcher::get_or_start()?;
    let state = Rc::new(SignalState::default());
    dispatcher.subscribe(signal, |entry| entry.streams.push(Rc::clone(&state)))?;
    Ok(Signal { signal, dispatcher, state, slot: PollSlot::default() })
}

/// A signal as a stream of its arrivals. Dropped, it stops listening.
pub struct Signal {
    signal: i32,
    dispatcher: Rc<SignalDispatcher>,
    state: Rc<SignalState>,
    slot: PollSlot,
}

impl Signal {
    /// Waits until the signal has come since the last time, or since listening began. Dropped
    /// before it is done, it has taken nothing.
    ///
    /// # Errors
    /// `NotConnected` once the loop that listens is gone.
    pub async fn recv(&mut self) -> io::Result<()> {
        self.state.changed.until(|| self.state.take_arrival()).await
    }

    /// [`recv`](Self::recv) for hand-written futures. It keeps the waker of the last poll only.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut arrival = Poll::Pending;
        let has_come = || {
            arrival = self.state.take_arrival();
            arrival.is_ready()
        };
        ready!(self.state.changed.poll_until(&self.slot, cx, has_come));
        arrival
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        let gone = self.dispatcher.unsubscribe(self.signal, |entry| {
            let at = entry.streams.iter().position(|state| Rc::ptr_eq(state, &self.state))?;
            Some(entry.streams.swap_remove(at))
        });
        drop(gone);
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({})", self.signal)
    }
}
