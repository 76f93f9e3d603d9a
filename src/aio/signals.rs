//! Signals as callbacks and as streams.
//!
//! *Assumes*: a handler that notes and rings (`base/sys/signal.rs`).
//! *Promises*: after a signal has come at least once, each who listens is told at least once,
//! on the loop's thread, in a turn, never inside the signal handler; when the last listener
//! of a signal goes, the signal does again what it did before.
//! *Leaves out*: counting. Signals coalesce: two that come between two turns are told once.
//!
//! ```text
//!   handler: flag, bell ──► hear(), a task of the loop ──┬─► callback: call_soon
//!   (any thread, any time)   one desk a process          └─► streams:  arrived, wake
//! ```
//! One loop of a process listens at a time (asyncio: the main thread's). A second one is
//! told which; it can be asked with `call_soon_threadsafe`.

use crate::aio::source::Source;
use crate::base::id::LoopId;
use crate::base::sys::signal::{self, OldAction};
use crate::event_loop::core::{current, with_current};
use crate::event_loop::reactor::Direction;
use crate::event_loop::run::create_task;
use crate::task::join::Task;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};

/// The number of the loop that listens, and above it its process: what a forked child finds
/// here is its parent's. 0 if none does.
static OWNER: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The desk of this thread's loop, if that is the one that listens.
    static DESK: RefCell<Option<Rc<Desk>>> = const { RefCell::new(None) };
}

/// Who listens to what, on the one loop that does.
struct Desk {
    loop_id: LoopId,
    /// What it has put into [`OWNER`].
    claim: u64,
    watches: RefCell<BTreeMap<i32, Watch>>,
    /// The task that hears the bell.
    listener: RefCell<Option<Task<()>>>,
}

/// Those who listen to one signal.
struct Watch {
    old: OldAction,
    /// [`on_first`] listens, and gives way to anybody else.
    yields: bool,
    callback: Option<Rc<Callback>>,
    streams: Vec<Rc<Inbox>>,
}

struct Callback {
    call: RefCell<Box<dyn FnMut()>>,
    /// It has been scheduled and has not run yet.
    due: Cell<bool>,
    removed: Cell<bool>,
}

/// What a [`Signal`] shares with the desk.
#[derive(Default)]
struct Inbox {
    arrived: Cell<bool>,
    /// The loop is gone or going.
    closed: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
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
    let old = Desk::open()?.watch(signal, |watch| watch.callback.replace(callback))?;
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
    let desk = Desk::open()?;
    let listening = match desk.watches.borrow().contains_key(&signal) {
        true => Ok(None),
        false => signal::listen_once(signal),
    };
    let Ok(Some(old)) = listening else {
        desk.close_if_idle();
        return listening.map(|_| false);
    };
    let callback = Some(Callback::new(callback));
    let watch = Watch { old, yields: true, callback, streams: Vec::new() };
    desk.watches.borrow_mut().insert(signal, watch);
    Ok(true)
}

/// Undoes [`on_first`], unless it has given way.
pub(crate) fn forget_first(signal: i32) {
    let Some(desk) = Desk::here() else { return };
    let forgotten = desk.unwatch(signal, |watch| watch.yields.then(|| watch.callback.take())?);
    if let Some(callback) = forgotten {
        callback.removed.set(true);
    }
}

/// Takes the callback for `signal` away; one that waits for its turn does not run. False if
/// there was none.
#[doc(alias = "asyncio.loop.remove_signal_handler")]
pub fn remove_signal_handler(signal: i32) -> bool {
    let Some(desk) = Desk::here() else { return false };
    let removed = desk.unwatch(signal, |watch| watch.callback.take());
    match removed {
        Some(callback) => {
            callback.removed.set(true);
            true
        }
        None => false,
    }
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
    let desk = Desk::open()?;
    let inbox = Rc::new(Inbox::default());
    desk.watch(signal, |watch| watch.streams.push(Rc::clone(&inbox)))?;
    Ok(Signal { signal, desk, inbox })
}

/// A signal as a stream of its arrivals. Dropped, it stops listening.
pub struct Signal {
    signal: i32,
    desk: Rc<Desk>,
    inbox: Rc<Inbox>,
}

impl Signal {
    /// Waits until the signal has come since the last time, or since listening began. Dropped
    /// before it is done, it has taken nothing.
    ///
    /// # Errors
    /// `NotConnected` once the loop that listens is gone.
    pub async fn recv(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            if self.inbox.arrived.take() {
                return Poll::Ready(Ok(()));
            }
            if self.inbox.closed.get() {
                let text = "the event loop that listened to this signal is gone";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::NotConnected, text)));
            }
            let old = self.inbox.waiter.replace(Some(cx.waker().clone()));
            drop(old);
            Poll::Pending
        })
        .await
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        let gone = self.desk.unwatch(self.signal, |watch| {
            let at = watch.streams.iter().position(|inbox| Rc::ptr_eq(inbox, &self.inbox))?;
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

impl Desk {
    /// The running loop's desk, if it has one.
    fn here() -> Option<Rc<Desk>> {
        let id = with_current(|core| core.id)?;
        DESK.with_borrow(|desk| desk.clone()).filter(|desk| desk.loop_id == id)
    }

    /// The running loop's desk; opens it if no other loop has one open.
    fn open() -> io::Result<Rc<Desk>> {
        if let Some(desk) = Self::here() {
            return Ok(desk);
        }
        // Outside a running loop this is an error that says so.
        let bell = Source::new(File::from(signal::bell()?))?;
        let loop_id = with_current(|core| core.id).expect("a source was made on it");
        let claim = claim(loop_id)?;
        let (watches, listener) = (RefCell::default(), RefCell::default());
        let desk = Rc::new(Desk { loop_id, claim, watches, listener });
        desk.listener.replace(Some(create_task(hear(bell, Open(Rc::clone(&desk))))));
        DESK.set(Some(Rc::clone(&desk)));
        Ok(desk)
    }

    /// Changes who listens to `signal`, and begins to listen if nobody did.
    fn watch<R>(&self, signal: i32, change: impl FnOnce(&mut Watch) -> R) -> io::Result<R> {
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
    fn unwatch<R>(&self, signal: i32, change: impl FnOnce(&mut Watch) -> Option<R>) -> Option<R> {
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
        let Some(listener) = self.listener.take() else { return };
        listener.cancel();
        let watches = self.watches.take();
        for (signal, watch) in &watches {
            put_back(*signal, &watch.old);
        }
        let is_this = |desk: &mut Rc<Desk>| desk.loop_id == self.loop_id;
        let desk = DESK.try_with(|desk| desk.borrow_mut().take_if(is_this));
        let _ = OWNER.compare_exchange(self.claim, 0, Ordering::SeqCst, Ordering::SeqCst);
        drop((desk, listener));
        // Last of all, for whoever is told may want to listen again, on a new desk.
        for inbox in watches.into_values().flat_map(|watch| watch.streams) {
            inbox.closed.set(true);
            inbox.waiter.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Tells everybody of what has arrived.
    fn deliver(&self) {
        let core = current("a signal");
        let mut waiters = Vec::new();
        let watches = self.watches.borrow();
        for (_, watch) in watches.iter().filter(|(signal, _)| signal::take(**signal)) {
            for inbox in &watch.streams {
                inbox.arrived.set(true);
                waiters.extend(inbox.waiter.take());
            }
            if let Some(callback) = &watch.callback {
                core.call_soon(callback.turn());
            }
        }
        drop(watches);
        // Outside the borrow: they may be anybody's, and change who listens.
        waiters.into_iter().for_each(|waiter| core.wake_or_report(waiter));
    }
}

impl Callback {
    fn new(callback: impl FnMut() + 'static) -> Rc<Callback> {
        let call = RefCell::new(Box::new(callback) as Box<dyn FnMut()>);
        Rc::new(Callback { call, due: Cell::new(false), removed: Cell::new(false) })
    }

    /// Somebody else listens in its place, and hears of what it was about to be told.
    fn give_way(&self, signal: i32) {
        self.removed.set(true);
        if self.due.get() {
            signal::hand_on(signal);
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

/// The desk is open as long as the listening task lives. If the loop is dropped, so is this.
struct Open(Rc<Desk>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The listening task: silence the bell, then look at every signal; never the other way.
async fn hear(bell: Source<File>, open: Open) {
    let silence = |mut bell: &File| bell.read(&mut [0; 8]);
    while bell.io_call(Direction::Read, silence).await.is_ok() {
        open.0.deliver();
    }
}
