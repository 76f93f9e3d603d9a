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

use crate::aio::net::source::Source;
use crate::aio::sync::waiters::wake;
use crate::base::id::LoopId;
use crate::event_loop::core::{current, with_current};
use crate::event_loop::join::Task;
use crate::event_loop::scheduler::create_task;
use crate::sys::fd::Direction;
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
    static LISTENERS: RefCell<Option<Rc<Listeners>>> = const { RefCell::new(None) };
}

/// Who listens to what, on the one loop that does.
pub(crate) struct Listeners {
    loop_id: LoopId,
    /// What it has put into [`OWNER`].
    claim: u64,
    watches: RefCell<BTreeMap<i32, Watch>>,
    /// The task that hears the bell.
    hearing: RefCell<Option<Task<()>>>,
}

/// Those who listen to one signal.
pub(crate) struct Watch {
    old: OldAction,
    /// Its callback was told to listen once, and gives way to anybody else.
    pub(crate) yields: bool,
    pub(crate) callback: Option<Rc<Callback>>,
    pub(crate) streams: Vec<Rc<Subscription>>,
}

/// Called on the loop each time the signal has come.
pub(crate) struct Callback {
    call: RefCell<Box<dyn FnMut()>>,
    /// It has been scheduled and has not run yet.
    due: Cell<bool>,
    removed: Cell<bool>,
}

/// What a stream of arrivals shares with this page.
#[derive(Default)]
pub(crate) struct Subscription {
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

impl Listeners {
    /// Those of the running loop, if it is the one that listens.
    pub(crate) fn here() -> Option<Rc<Listeners>> {
        let id = with_current(|core| core.id)?;
        LISTENERS.with_borrow(Clone::clone).filter(|listeners| listeners.loop_id == id)
    }

    /// Those of the running loop, which listens from now on if no other loop does.
    pub(crate) fn open() -> io::Result<Rc<Listeners>> {
        if let Some(listeners) = Self::here() {
            return Ok(listeners);
        }
        // Outside a running loop this is an error that says so.
        let bell = Source::new(File::from(signal::wakeup_fd()?))?;
        let loop_id = with_current(|core| core.id).expect("a source was made on it");
        let claim = claim(loop_id)?;
        let (watches, hearing) = (RefCell::default(), RefCell::default());
        let listeners = Rc::new(Listeners { loop_id, claim, watches, hearing });
        listeners.hearing.replace(Some(create_task(hear(bell, Open(Rc::clone(&listeners))))));
        LISTENERS.set(Some(Rc::clone(&listeners)));
        Ok(listeners)
    }

    /// Changes who listens to `signal`, and begins to listen if nobody did.
    pub(crate) fn watch<R>(
        &self,
        signal: i32,
        change: impl FnOnce(&mut Watch) -> R,
    ) -> io::Result<R> {
        self.push_aside(signal)?;
        if !self.watches.borrow().contains_key(&signal) {
            let old = match signal::listen(signal) {
                Ok(old) => old,
                Err(e) => {
                    self.close_if_idle();
                    return Err(e);
                }
            };
            let watch = Watch { old, yields: false, callback: None, streams: Vec::new() };
            self.watches.borrow_mut().insert(signal, watch);
        }
        let mut watches = self.watches.borrow_mut();
        Ok(change(watches.get_mut(&signal).expect("inserted above")))
    }

    /// Has `callback` told of the first arrival alone, until somebody listens for good. False, and
    /// nothing is changed, if somebody listens already or the signal has not its default action.
    pub(crate) fn watch_once(&self, signal: i32, callback: Rc<Callback>) -> io::Result<bool> {
        let listening = match self.watches.borrow().contains_key(&signal) {
            true => Ok(None),
            false => signal::listen_once(signal),
        };
        let Ok(Some(old)) = listening else {
            self.close_if_idle();
            return listening.map(|_| false);
        };
        let watch = Watch { old, yields: true, callback: Some(callback), streams: Vec::new() };
        self.watches.borrow_mut().insert(signal, watch);
        Ok(true)
    }

    /// Somebody listens for good: who listened until then goes, and every arrival counts.
    fn push_aside(&self, signal: i32) -> io::Result<()> {
        let mut watches = self.watches.borrow_mut();
        let Some(watch) = watches.get_mut(&signal).filter(|watch| watch.yields) else {
            return Ok(());
        };
        signal::listen(signal)?; // what was before all of us is remembered already
        watch.yields = false;
        let first = watch.callback.take();
        drop(watches);
        if let Some(first) = first {
            first.give_way(signal);
        }
        Ok(())
    }

    /// Changes who listens to `signal`, and stops listening if nobody does any more.
    pub(crate) fn unwatch<R>(
        &self,
        signal: i32,
        change: impl FnOnce(&mut Watch) -> Option<R>,
    ) -> Option<R> {
        let mut watches = self.watches.borrow_mut();
        let watch = watches.get_mut(&signal)?;
        let result = change(watch);
        if watch.callback.is_none() && watch.streams.is_empty() {
            put_back(signal, &watch.old);
            watches.remove(&signal);
        }
        drop(watches);
        self.close_if_idle();
        result
    }

    /// Nobody listens to anything: let another loop have the signals.
    fn close_if_idle(&self) {
        if self.watches.borrow().is_empty() {
            self.close();
        }
    }

    fn close(&self) {
        let Some(hearing) = self.hearing.take() else { return };
        hearing.cancel();
        let watches = self.watches.take();
        for (signal, watch) in &watches {
            put_back(*signal, &watch.old);
        }
        let is_this = |known: &mut Rc<Listeners>| known.loop_id == self.loop_id;
        let this = LISTENERS.try_with(|known| known.borrow_mut().take_if(is_this));
        let _ = OWNER.compare_exchange(self.claim, 0, Ordering::SeqCst, Ordering::SeqCst);
        drop((this, hearing));
        // Last of all: whoever is told may begin to listen anew.
        for subscription in watches.into_values().flat_map(|watch| watch.streams) {
            subscription.closed.set(true);
            wake(subscription.waiter.take());
        }
    }

    /// Tells everybody of what has arrived.
    fn deliver(&self) {
        let core = current("a signal");
        let mut waiters: Vec<Waker> = Vec::new();
        let watches = self.watches.borrow();
        for (_, watch) in watches.iter().filter(|(signal, _)| signal::take(**signal)) {
            for subscription in &watch.streams {
                subscription.arrived.set(true);
                waiters.extend(subscription.waiter.take());
            }
            if let Some(callback) = &watch.callback {
                core.call_soon(callback.turn());
            }
        }
        drop(watches);
        // Outside the borrow: they may be anybody's, and change who listens.
        wake(waiters);
    }
}

impl Callback {
    pub(crate) fn new(callback: impl FnMut() + 'static) -> Rc<Callback> {
        let call = RefCell::new(Box::new(callback) as Box<dyn FnMut()>);
        Rc::new(Callback { call, due: Cell::new(false), removed: Cell::new(false) })
    }

    /// It is not called any more, not even if it was due.
    pub(crate) fn remove(&self) {
        self.removed.set(true);
    }

    /// Somebody else listens in its place, and hears of what it was about to be told.
    pub(crate) fn give_way(&self, signal: i32) {
        self.remove();
        if self.due.get() {
            signal::note_again(signal);
        }
    }

    /// An ordinary callback of the loop, so that order and panics are as for all others.
    fn turn(self: &Rc<Self>) -> Box<dyn FnOnce()> {
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

fn put_back(signal: i32, old: &OldAction) {
    // The number and the action came from the system; it takes them back.
    let _ = signal::restore(signal, old);
}

/// The listeners are there as long as the hearing task lives. If the loop is dropped, so is this.
struct Open(Rc<Listeners>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The hearing task: silence the bell, then look at every signal; never the other way.
async fn hear(bell: Source<File>, open: Open) {
    let silence = |mut bell: &File| bell.read(&mut [0; 8]);
    while bell.io_call(Direction::Read, silence).await.is_ok() {
        open.0.deliver();
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
