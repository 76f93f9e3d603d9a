//! Who listens to which signal, on the one loop of the process that does.
//!
//! *Assumes*: a handler that notes and rings (`sys/signal.rs`).
//! *Promises*: after the bell has rung, everybody who listens to a signal that has come is told
//! once; when the last one goes, the signal does again what it did before, and another loop may
//! listen.
//! *Leaves out*: how one listens (`aio/signals.rs`).
//!
//! ```text
//!   handler: flag, bell ──► hear(), a task of the loop ──┬─► callback: call_soon
//!   (any thread, any time)   one loop a process          └─► streams:  arrived, wake
//! ```
//!
//! # Signals as callbacks and as streams
//!
//! *Assumes*: who listens to what is known, and told (`aio/signals.rs`).
//! *Promises*: after a signal has come at least once, each who listens is told at least once,
//! on the loop's thread, in a turn, never inside the signal handler; when the last listener
//! of a signal goes, the signal does again what it did before.
//! *Leaves out*: counting. Signals coalesce: two that come between two turns are told once.
//!
//! One loop of a process listens at a time (asyncio: the main thread's). A second one is
//! told which; it can be asked with `call_soon_threadsafe`.

use crate::aio::net::async_fd::AsyncFd;
use crate::aio::sync::waiters::wake;
use crate::base::id::LoopId;
use crate::event_loop::core::{current, with_current};
use crate::event_loop::join::Task;
use crate::event_loop::reactor::Direction;
use crate::event_loop::run_once::create_task;
use crate::sys::signal;
use crate::sys::signal::OldAction;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::future::poll_fn;
use std::io::Read;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::{fmt, io};

/// The number of the loop that listens, and above it its process: what a forked child finds
/// here is its parent's. 0 if none does.
static OWNER: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Those of this thread's loop, if that is the one that listens.
    static DISPATCHER: RefCell<Option<Rc<SignalDispatcher>>> = const { RefCell::new(None) };
}

/// Who listens to what, on the one loop that does.
pub(crate) struct SignalDispatcher {
    loop_id: LoopId,
    /// What it has put into [`OWNER`].
    claim: u64,
    subscribers: RefCell<BTreeMap<i32, Subscribers>>,
    /// The task that hears the bell.
    dispatch_task: RefCell<Option<Task<()>>>,
}

/// Those who listen to one signal.
pub(crate) struct Subscribers {
    old: OldAction,
    /// Its callback was told to listen once, and gives way to anybody else.
    pub(crate) first_only: bool,
    pub(crate) callback: Option<Rc<SignalHandler>>,
    pub(crate) streams: Vec<Rc<StreamState>>,
}

/// Called on the loop each time the signal has come.
pub(crate) struct SignalHandler {
    call: RefCell<Box<dyn FnMut()>>,
    /// It has been scheduled and has not run yet.
    due: Cell<bool>,
    removed: Cell<bool>,
}

/// What a stream of arrivals shares with this page.
#[derive(Default)]
pub(crate) struct StreamState {
    pub(crate) arrived: Cell<bool>,
    /// The loop is gone or going.
    pub(crate) closed: Cell<bool>,
    pub(crate) waiter: RefCell<Option<Waker>>,
}

/// Makes this loop the one that listens, unless another loop of this process does.
fn claim(loop_id: LoopId) -> io::Result<u64> {
    let here = u64::from(std::process::id());
    let (owner, claim) = (OWNER.load(Ordering::SeqCst), here << 32 | u64::from(loop_id.get()));
    let is_free = owner == 0 || owner >> 32 != here;
    if is_free && OWNER.compare_exchange(owner, claim, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        return Ok(claim);
    }
    let text = format!(
        "event loop {} listens to this process's signals; ask it, with `call_soon_threadsafe`",
        OWNER.load(Ordering::SeqCst) as u32
    );
    Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
}

impl SignalDispatcher {
    /// Those of the running loop, if it is the one that listens.
    pub(crate) fn current() -> Option<Rc<SignalDispatcher>> {
        let id = with_current(|core| core.id)?;
        DISPATCHER.with_borrow(Clone::clone).filter(|listeners| listeners.loop_id == id)
    }

    /// Those of the running loop, which listens from now on if no other loop does.
    pub(crate) fn get_or_start() -> io::Result<Rc<SignalDispatcher>> {
        if let Some(listeners) = Self::current() {
            return Ok(listeners);
        }
        // Outside a running loop this is an error that says so.
        let bell = AsyncFd::new(File::from(signal::bell()?))?;
        let loop_id = with_current(|core| core.id).expect("a source was made on it");
        let claim = claim(loop_id)?;
        let (watches, hearing) = (RefCell::default(), RefCell::default());
        let listeners = Rc::new(SignalDispatcher {
            loop_id,
            claim,
            subscribers: watches,
            dispatch_task: hearing,
        });
        listeners
            .dispatch_task
            .replace(Some(create_task(dispatch_signals(bell, CloseOnDrop(Rc::clone(&listeners))))));
        DISPATCHER.set(Some(Rc::clone(&listeners)));
        Ok(listeners)
    }

    /// Changes who listens to `signal`, and begins to listen if nobody did.
    pub(crate) fn subscribe<R>(
        &self,
        signal: i32,
        change: impl FnOnce(&mut Subscribers) -> R,
    ) -> io::Result<R> {
        self.displace_first(signal)?;
        if !self.subscribers.borrow().contains_key(&signal) {
            let old = match signal::listen(signal) {
                Ok(old) => old,
                Err(e) => {
                    self.close_if_idle();
                    return Err(e);
                }
            };
            let watch = Subscribers { old, first_only: false, callback: None, streams: Vec::new() };
            self.subscribers.borrow_mut().insert(signal, watch);
        }
        let mut watches = self.subscribers.borrow_mut();
        Ok(change(watches.get_mut(&signal).expect("inserted above")))
    }

    /// Has `callback` told of the first arrival alone, until somebody listens for good. False, and
    /// nothing is changed, if somebody listens already or the signal has not its default action.
    pub(crate) fn subscribe_once(
        &self,
        signal: i32,
        callback: Rc<SignalHandler>,
    ) -> io::Result<bool> {
        let listening = match self.subscribers.borrow().contains_key(&signal) {
            true => Ok(None),
            false => signal::listen_once(signal),
        };
        let Ok(Some(old)) = listening else {
            self.close_if_idle();
            return listening.map(|_| false);
        };
        let watch =
            Subscribers { old, first_only: true, callback: Some(callback), streams: Vec::new() };
        self.subscribers.borrow_mut().insert(signal, watch);
        Ok(true)
    }

    /// Somebody listens for good: who listened until then goes, and every arrival counts.
    fn displace_first(&self, signal: i32) -> io::Result<()> {
        let mut watches = self.subscribers.borrow_mut();
        let Some(watch) = watches.get_mut(&signal).filter(|watch| watch.first_only) else {
            return Ok(());
        };
        signal::listen(signal)?; // what was before all of us is remembered already
        watch.first_only = false;
        let first = watch.callback.take();
        drop(watches);
        if let Some(first) = first {
            first.displace(signal);
        }
        Ok(())
    }

    /// Changes who listens to `signal`, and stops listening if nobody does any more.
    pub(crate) fn unsubscribe<R>(
        &self,
        signal: i32,
        change: impl FnOnce(&mut Subscribers) -> Option<R>,
    ) -> Option<R> {
        let mut watches = self.subscribers.borrow_mut();
        let watch = watches.get_mut(&signal)?;
        let result = change(watch);
        if watch.callback.is_none() && watch.streams.is_empty() {
            restore(signal, &watch.old);
            watches.remove(&signal);
        }
        drop(watches);
        self.close_if_idle();
        result
    }

    /// Nobody listens to anything: let another loop have the signals.
    fn close_if_idle(&self) {
        if self.subscribers.borrow().is_empty() {
            self.close();
        }
    }

    fn close(&self) {
        let Some(hearing) = self.dispatch_task.take() else { return };
        hearing.cancel();
        let watches = self.subscribers.take();
        for (signal, watch) in &watches {
            restore(*signal, &watch.old);
        }
        let is_this = |known: &mut Rc<SignalDispatcher>| known.loop_id == self.loop_id;
        let this = DISPATCHER.try_with(|known| known.borrow_mut().take_if(is_this));
        let _ = OWNER.compare_exchange(self.claim, 0, Ordering::SeqCst, Ordering::SeqCst);
        drop((this, hearing));
        // Last of all: whoever is told may begin to listen anew.
        for subscription in watches.into_values().flat_map(|watch| watch.streams) {
            subscription.closed.set(true);
            wake(subscription.waiter.take());
        }
    }

    /// Tells everybody of what has arrived.
    fn dispatch(&self) {
        let core = current("a signal");
        let mut waiters: Vec<Waker> = Vec::new();
        let watches = self.subscribers.borrow();
        for (_, watch) in watches.iter().filter(|(signal, _)| signal::take(**signal)) {
            for subscription in &watch.streams {
                subscription.arrived.set(true);
                waiters.extend(subscription.waiter.take());
            }
            if let Some(callback) = &watch.callback {
                core.call_soon(callback.schedule());
            }
        }
        drop(watches);
        // Outside the borrow: they may be anybody's, and change who listens.
        wake(waiters);
    }
}

impl SignalHandler {
    pub(crate) fn new(callback: impl FnMut() + 'static) -> Rc<SignalHandler> {
        let call = RefCell::new(Box::new(callback) as Box<dyn FnMut()>);
        Rc::new(SignalHandler { call, due: Cell::new(false), removed: Cell::new(false) })
    }

    /// It is not called any more, not even if it was due.
    pub(crate) fn remove(&self) {
        self.removed.set(true);
    }

    /// Somebody else listens in its place, and hears of what it was about to be told.
    pub(crate) fn displace(&self, signal: i32) {
        self.remove();
        if self.due.get() {
            signal::hand_on(signal);
        }
    }

    /// An ordinary callback of the loop, so that order and panics are as for all others.
    fn schedule(self: &Rc<Self>) -> Box<dyn FnOnce()> {
        let this = Rc::clone(self);
        self.due.set(true);
        Box::new(move || {
            this.due.set(false);
            if !this.removed.get() {
                (this.call.borrow_mut())();
            }
        })
    }
}

fn restore(signal: i32, old: &OldAction) {
    // The number and the action came from the system; it takes them back.
    let _ = signal::restore(signal, old);
}

/// The listeners are there as long as the hearing task lives. If the loop is dropped, so is this.
struct CloseOnDrop(Rc<SignalDispatcher>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The hearing task: silence the bell, then look at every signal; never the other way.
async fn dispatch_signals(bell: AsyncFd<File>, open: CloseOnDrop) {
    let silence = |mut bell: &File| bell.read(&mut [0; 8]);
    while bell.io_call(Direction::Read, silence).await.is_ok() {
        open.0.dispatch();
    }
}

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
        .subscribe(signal, |watch| watch.callback.replace(callback))?;
    if let Some(old) = old {
        old.displace(signal);
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
pub(crate) fn set_first_handler(signal: i32, callback: impl FnMut() + 'static) -> io::Result<bool> {
    SignalDispatcher::get_or_start()?.subscribe_once(signal, SignalHandler::new(callback))
}

/// Undoes [`on_first`], unless it has given way.
pub(crate) fn remove_first_handler(signal: i32) {
    let Some(listeners) = SignalDispatcher::current() else { return };
    let forgotten =
        listeners.unsubscribe(signal, |watch| watch.first_only.then(|| watch.callback.take())?);
    if let Some(callback) = forgotten {
        callback.remove();
    }
}

/// Takes the callback for `signal` away; one that waits for its turn does not run. False if
/// there was none.
#[doc(alias = "asyncio.loop.remove_signal_handler")]
pub fn remove_signal_handler(signal: i32) -> bool {
    let Some(listeners) = SignalDispatcher::current() else { return false };
    let removed = listeners.unsubscribe(signal, |watch| watch.callback.take());
    removed.map(|callback| callback.remove()).is_some()
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
    let listeners = SignalDispatcher::get_or_start()?;
    let subscription = Rc::new(StreamState::default());
    listeners.subscribe(signal, |watch| watch.streams.push(Rc::clone(&subscription)))?;
    Ok(Signal { signal, listeners, subscription })
}

/// A signal as a stream of its arrivals. Dropped, it stops listening.
pub struct Signal {
    signal: i32,
    listeners: Rc<SignalDispatcher>,
    subscription: Rc<StreamState>,
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
        let gone = self.listeners.unsubscribe(self.signal, |watch| {
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
