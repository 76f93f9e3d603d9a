//! The dispatcher of signals: which loop listens, and what it does with each that has come.
//!
//! *Assumes*: the signal handler sets a flag and wakes the loop (`sys/signal.rs`).
//! *Promises*: one loop of the process listens at a time; it takes a signal over when the first
//! callback or stream asks for it, and gives it back, as it was, when the last one leaves; callbacks
//! are scheduled, never called, from here.
//! *Leaves out*: what users call (`aio/signals.rs`).
//!
//! ```text
//!   first subscriber of the loop ──► claims OWNER, starts the task `dispatch_signals`
//!   first subscriber of a signal ──► takes the signal over      last one leaves ──► gives it back
//! ```

use crate::aio::net::async_fd::AsyncFd;
use crate::aio::sync::notify::Notify;
use crate::base::id::LoopId;
use crate::event_loop::caught::Caught;
use crate::event_loop::core::{current, with_current};
use crate::event_loop::join::Task;
use crate::event_loop::scheduler::create_task;
use crate::sys::fd::Direction;
use crate::sys::signal;
use crate::sys::signal::OldAction;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Read;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

/// The loop that listens to signals: its number, and above it its process, because a forked child
/// finds its parent's entry here. 0 if no loop listens.
static OWNER: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The dispatcher of this thread's loop, if that is the one that listens.
    static DISPATCHER: RefCell<Option<Rc<SignalDispatcher>>> = const { RefCell::new(None) };
}

/// The callbacks and streams of all signals, on the one loop that listens.
pub(super) struct SignalDispatcher {
    loop_id: LoopId,
    /// Its entry in [`OWNER`].
    claim: u64,
    subscribers: RefCell<BTreeMap<i32, Subscribers>>,
    /// The task that runs [`dispatch_signals`].
    dispatch_task: RefCell<Option<Task<()>>>,
}

/// The callback and the streams of one signal.
pub(super) struct Subscribers {
    old: OldAction,
    /// [`set_first_handler`]'s: called, for the first arrival, while there is no other.
    pub(super) first: Option<Rc<SignalHandler>>,
    pub(super) callback: Option<Rc<SignalHandler>>,
    pub(super) streams: Vec<Rc<SignalState>>,
}

impl Subscribers {
    fn new(old: OldAction) -> Subscribers {
        Subscribers { old, first: None, callback: None, streams: Vec::new() }
    }

    /// Somebody listens to every arrival.
    fn to_every_one(&self) -> bool {
        self.callback.is_some() || !self.streams.is_empty()
    }
}

/// A function of the user's, whose drop is caught.
type UserCallback = Caught<Box<dyn FnMut()>>;

/// A function to be called on the loop each time the signal has come.
pub(super) struct SignalHandler {
    call: Rc<RefCell<UserCallback>>,
    /// It has been scheduled and has not run yet.
    due: Cell<bool>,
    called: Cell<bool>,
    removed: Cell<bool>,
}

/// What a [`Signal`] shares with the dispatcher.
#[derive(Default)]
pub(super) struct SignalState {
    arrived: Cell<bool>,
    /// The loop is gone, or about to go.
    closed: Cell<bool>,
    pub(super) changed: Notify,
}

impl SignalState {
    pub(super) fn take_arrival(&self) -> Poll<io::Result<()>> {
        if self.arrived.take() {
            return Poll::Ready(Ok(()));
        }
        if self.closed.get() {
            let text = "the event loop that listened to this signal is gone";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::NotConnected, text)));
        }
        Poll::Pending
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

impl SignalDispatcher {
    /// The dispatcher of the running loop, if that is the one that listens.
    pub(super) fn current() -> Option<Rc<SignalDispatcher>> {
        let id = with_current(|core| core.id)?;
        DISPATCHER.with_borrow(Clone::clone).filter(|dispatcher| dispatcher.loop_id == id)
    }

    /// The dispatcher of the running loop, which listens from now on if no other loop does.
    pub(super) fn get_or_start() -> io::Result<Rc<SignalDispatcher>> {
        if let Some(dispatcher) = Self::current() {
            return Ok(dispatcher);
        }
        // Outside a running loop this is an error that says so.
        let wakeup_fd = AsyncFd::new(File::from(signal::wakeup_fd()?))?;
        let loop_id = with_current(|core| core.id).expect("the descriptor was registered with it");
        let claim = claim(loop_id)?;
        let (subscribers, dispatch_task) = (RefCell::default(), RefCell::default());
        let dispatcher = Rc::new(SignalDispatcher { loop_id, claim, subscribers, dispatch_task });
        let close = CloseOnDrop(Rc::clone(&dispatcher));
        dispatcher.dispatch_task.replace(Some(create_task(dispatch_signals(wakeup_fd, close))));
        DISPATCHER.set(Some(Rc::clone(&dispatcher)));
        Ok(dispatcher)
    }

    /// Changes the subscribers of `signal`, and begins to listen to it if it had none.
    pub(super) fn subscribe<R>(
        &self,
        signal: i32,
        change: impl FnOnce(&mut Subscribers) -> R,
    ) -> io::Result<R> {
        if !self.subscribers.borrow().contains_key(&signal) {
            let old = signal::listen(signal).inspect_err(|_| self.close_if_idle())?;
            self.subscribers.borrow_mut().insert(signal, Subscribers::new(old));
        }
        let mut all = self.subscribers.borrow_mut();
        let entry = all.get_mut(&signal).expect("inserted above");
        if !entry.to_every_one()
            && let Some(first) = &mut entry.first
        {
            // Borrowed from it.
            signal::listen_on(signal, false)?;
            *first = first.displace(signal);
        }
        Ok(change(entry))
    }

    /// Subscribes `callback` to the first arrival, while nobody subscribes to every one. False, and
    /// nothing is changed, if the signal has a subscriber or not its default action.
    pub(super) fn subscribe_once(
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
        let entry = Subscribers { first: Some(callback), ..Subscribers::new(old) };
        self.subscribers.borrow_mut().insert(signal, entry);
        Ok(true)
    }

    /// Changes the subscribers of `signal`, and stops listening to it if none is left.
    pub(super) fn unsubscribe<R>(
        &self,
        signal: i32,
        change: impl FnOnce(&mut Subscribers) -> Option<R>,
    ) -> Option<R> {
        let mut all = self.subscribers.borrow_mut();
        let entry = all.get_mut(&signal)?;
        let borrowed = entry.to_every_one();
        let result = change(entry);
        if !entry.to_every_one() {
            // One that was called has had its arrival: the next one is the second.
            let first = entry.first.as_ref().filter(|first| !first.called.get());
            if first.is_none() {
                restore(signal, &entry.old);
                all.remove(&signal);
            } else if borrowed {
                // It was listened to until now, so the system takes the same again.
                let _ = signal::listen_on(signal, true);
            }
        }
        drop(all);
        self.close_if_idle();
        result
    }

    /// Without subscribers another loop may listen to signals.
    fn close_if_idle(&self) {
        if self.subscribers.borrow().is_empty() {
            self.close();
        }
    }

    fn close(&self) {
        let Some(task) = self.dispatch_task.take() else { return };
        task.cancel();
        let subscribers = self.subscribers.take();
        for (signal, entry) in &subscribers {
            restore(*signal, &entry.old);
        }
        let is_this = |known: &mut Rc<SignalDispatcher>| known.loop_id == self.loop_id;
        let this = DISPATCHER.try_with(|known| known.borrow_mut().take_if(is_this));
        let _ = OWNER.compare_exchange(self.claim, 0, Ordering::SeqCst, Ordering::SeqCst);
        drop((this, task));
        // Last of all: a task that is woken here may subscribe anew.
        for stream in subscribers.into_values().flat_map(|entry| entry.streams) {
            stream.closed.set(true);
            stream.changed.notify_all();
        }
    }

    /// Schedules the callbacks and wakes the streams of all signals that have arrived.
    fn dispatch(&self) {
        let core = current("a signal");
        let mut changed = Vec::new();
        let subscribers = self.subscribers.borrow();
        for (number, entry) in subscribers.iter().filter(|(number, _)| signal::take(**number)) {
            for stream in &entry.streams {
                stream.arrived.set(true);
                changed.push(Rc::clone(stream));
            }
            if let Some(callback) = &entry.callback {
                core.call_soon(callback.schedule());
            }
            if !entry.to_every_one()
                && let Some(first) = &entry.first
            {
                core.call_soon(first.schedule());
                restore(*number, &entry.old); // if another had borrowed it when it came
            }
        }
        drop(subscribers);
        // Outside the borrow: a foreign waker may subscribe or unsubscribe.
        changed.iter().for_each(|stream| stream.changed.notify_all());
    }
}

impl SignalHandler {
    pub(super) fn new(callback: impl FnMut() + 'static) -> Rc<SignalHandler> {
        let callback: Box<dyn FnMut()> = Box::new(callback);
        Self::fresh(Rc::new(RefCell::new(Caught::new("the callback of a signal", callback))))
    }

    fn fresh(call: Rc<RefCell<UserCallback>>) -> Rc<SignalHandler> {
        let [due, called, removed] = [const { Cell::new(false) }; 3];
        Rc::new(SignalHandler { call, due, called, removed })
    }

    /// It is not called any more, not even if it is due.
    pub(super) fn remove(&self) {
        self.removed.set(true);
    }

    /// Removes it in favour of another, which gets the arrival that this one was due for. Returns
    /// one like it, if it is to have its turn later.
    pub(super) fn displace(&self, signal: i32) -> Rc<SignalHandler> {
        self.remove();
        if self.due.get() {
            signal::note_again(signal);
        }
        let again = Self::fresh(Rc::clone(&self.call));
        again.called.set(self.called.get());
        again
    }

    /// An ordinary callback of the loop, so that order and panics are as for all others.
    fn schedule(self: &Rc<Self>) -> Box<dyn FnOnce()> {
        let this = Rc::clone(self);
        self.due.set(true);
        Box::new(move || {
            this.due.set(false);
            if !this.removed.get() {
                this.called.set(true);
                (this.call.borrow_mut())();
            }
        })
    }
}

fn restore(signal: i32, old: &OldAction) {
    // The number and the action came from the system; it takes them back.
    let _ = signal::restore(signal, old);
}

/// The dispatcher is open as long as its task lives. If the loop is dropped, so is this.
struct CloseOnDrop(Rc<SignalDispatcher>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The task: resets the wake-up descriptor, then checks every signal; in this order, so that an
/// arrival in between is not lost.
async fn dispatch_signals(wakeup_fd: AsyncFd<File>, close: CloseOnDrop) {
    let reset = |mut fd: &File| fd.read(&mut [0; 8]);
    while wakeup_fd.io_call(Direction::Read, reset).await.is_ok() {
        close.0.dispatch();
    }
}
