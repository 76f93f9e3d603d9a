//! The parts of one loop, which loop a thread runs, and what reaches it from elsewhere.
//!
//! *Assumes*: parts with rules of their own: the ready queue (`task/ready_queue.rs`), timers,
//! reactor and inbox (`event_loop/`).
//! *Promises*: a thread runs at most one loop at a time; what is asked of a loop from elsewhere
//! reaches it through its inbox. A message about something that is gone changes nothing, and if
//! what it drops panics, the messages behind it are handled all the same. An extension is made when
//! it is first asked for, once for each type, and dropped after the tasks and before the sources.
//! *Leaves out*: the iteration (`event_loop/run_once.rs`); what the extensions are
//! (`aio/net/fds.rs`, `aio/tasks/bridge.rs`).
//!
//! ```text
//!   waker, cancel, …                      ┌ Core ────────────────────────────────────────────┐
//!     │                       this thread │ ready · calls   what runs next                   │
//!     └► run_or_send(id) ─┬─ runs it ────►│ timers          when to run what                 │
//!                         │               │ reactor         descriptors, and the selector    │
//!                         └─ else ► inbox │ metadata · debug · handler · budget · extensions │
//!                                     └──►│ handle: in steps 1 and 5 of an iteration         │
//!                                         └──────────────────────────────────────────────────┘
//! ```
//! The parts stand in a `RefCell` each. The rule that keeps them from ever being borrowed
//! twice: **no user code runs under a borrow** (no poll, no callback, no waker of another
//! executor, no drop of a future).

use crate::base::id::{GenerationSlab, Key, LoopId};
use crate::base::origin::Origin;
use crate::base::panic::{drop_caught, into_message, warn};
use crate::base::sync::Arc;
use crate::event_loop::debug::DebugMode;
use crate::event_loop::inbox::{self, Inbox, LoopMessage};
use crate::event_loop::reactor::Reactor;
use crate::event_loop::recording::Recorder;
use crate::event_loop::timers::Timers;
use crate::futures::deadlock::register_loop;
use crate::selector::event::Selector;
use crate::task::budget::Budget;
use crate::task::cell::AnyTask;
use crate::task::metadata::MetadataTable;
use crate::task::ready_queue::ReadyQueue;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What a timer does when it is due.
pub enum Due {
    /// Wakes a task that sleeps.
    Wake(Waker),
    /// Makes a callback ready.
    Call(Key),
}

/// A plain function in the ready queue.
pub type Callback = Box<dyn FnOnce()>;
type ExceptionHandler = Rc<dyn Fn(&Unhandled)>;

/// The parts of a loop.
pub struct Core {
    /// The loop's number.
    pub id: LoopId,
    /// The process it was made in; in any other it is a copy, made by `fork`.
    origin: Origin,
    /// Where other threads leave messages.
    pub inbox: Arc<Inbox<LoopMessage>>,
    /// Tasks and the ready queue.
    pub ready: RefCell<ReadyQueue>,
    /// Deadlines.
    pub timers: RefCell<Timers<Due>>,
    /// Descriptors.
    pub reactor: RefCell<Reactor>,
    /// Scheduled callbacks that have neither run nor been cancelled.
    pub calls: RefCell<GenerationSlab<Callback>>,
    /// What is left to the poll in progress.
    pub budget: Budget,
    /// Debug mode.
    pub debug: DebugMode,
    /// What happens, if that is recorded.
    pub recorder: Recorder,
    /// Debug mode or the recorder is on: the one branch that both cost a step.
    pub(super) watched: Cell<bool>,
    /// `stop` was called.
    pub stopping: Cell<bool>,
    /// What is called with panics that reach no awaiter; `None`: standard error.
    pub handler: RefCell<Option<ExceptionHandler>>,
    /// Names and done callbacks of the tasks that have any.
    pub metadata: RefCell<MetadataTable>,
    /// The tasks that are ended inside the drops of others.
    pub(super) nested_ends: NestedEnds,
    /// What upper floors keep here.
    pub extensions: Extensions,
}

/// A task may end in the drop of another, and so on: how deep that is now, and the tasks that wait
/// until it is less.
#[derive(Default)]
pub(super) struct NestedEnds {
    pub(super) depth: Cell<u32>,
    pub(super) later: RefCell<Vec<AnyTask>>,
}

impl Core {
    /// A loop with nothing to do, entered into the table of loops.
    pub fn new(selector: Box<dyn Selector>) -> Rc<Core> {
        let inbox = Arc::new(Inbox::new(selector.waker()));
        let id = inbox::open(Arc::clone(&inbox));
        register_loop(id);
        let core = Rc::new(Core {
            id,
            origin: Origin::here(),
            inbox,
            ready: RefCell::new(ReadyQueue::new(id)),
            timers: RefCell::default(),
            reactor: RefCell::new(Reactor::new(selector)),
            calls: RefCell::default(),
            budget: Budget::default(),
            debug: DebugMode::default(),
            recorder: Recorder::default(),
            watched: Cell::new(false),
            stopping: Cell::new(false),
            handler: RefCell::default(),
            metadata: RefCell::default(),
            nested_ends: NestedEnds::default(),
            extensions: Extensions::default(),
        });
        let _at_the_threads_end = MADE_HERE.try_with(|made| {
            let mut made = made.borrow_mut();
            made.retain(|other| other.strong_count() > 0);
            made.push(Rc::downgrade(&core));
        });
        core
    }

    /// # Errors
    /// In a copy that came with a fork: its selector is the original's.
    pub fn check_origin(&self) -> std::io::Result<()> {
        self.origin.check("this event loop", "make a new loop here")
    }

    /// True in a child that was forked with the loop. The copy shares epoll with the original,
    /// so all that it did about its sources, it would do to the parent's.
    pub fn is_copy(&self) -> bool {
        self.origin.is_copy()
    }

    /// The loop's clock, read now.
    pub fn now(&self) -> u64 {
        self.reactor.borrow().now()
    }

    /// Takes a callback back, with its timer if it has one. To be dropped under no borrow.
    pub fn take_call(&self, call: Key, timer: Option<Key>) -> Option<Callback> {
        // The timer holds the callback's number and nothing of the user's.
        let _timer = timer.and_then(|timer| self.timers.borrow_mut().cancel(timer));
        self.calls.borrow_mut().remove(call)
    }

    /// Puts a callback behind all that is ready: it runs in the next iteration.
    pub fn call_soon(&self, callback: Callback) -> Key {
        let call = self.calls.borrow_mut().insert(callback);
        self.ready.borrow_mut().push_call(call);
        call
    }
}

thread_local! {
    /// The loop that this thread is running. [`Entered`] takes it out again, so there is
    /// nothing to drop when the thread ends; and a thread-local without a destructor is read
    /// without asking whether it is still alive.
    static CURRENT: ManuallyDrop<RefCell<Option<Rc<Core>>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

thread_local! {
    /// The loops of this thread, running or not.
    static MADE_HERE: RefCell<Vec<Weak<Core>>> = const { RefCell::new(Vec::new()) };
}

/// The loop `id` of this thread, whether or not it is running.
pub fn made_here(id: LoopId) -> Option<Rc<Core>> {
    if let Some(running) = with_current(Rc::clone).filter(|core| core.id == id) {
        return Some(running).filter(|core| !core.is_copy());
    }
    let find = |made: &RefCell<Vec<Weak<Core>>>| {
        made.borrow().iter().filter_map(Weak::upgrade).find(|core| core.id == id)
    };
    MADE_HERE.try_with(find).ok()?.filter(|core| !core.is_copy())
}

/// Makes `core` the thread's running loop until the guard is dropped.
///
/// # Panics
/// If the thread is running a loop already: a loop inside a loop would starve the outer one.
/// And if the loop is a copy that came with a fork.
#[must_use]
pub fn enter(core: &Rc<Core>) -> Entered {
    assert!(!core.is_copy(), "this event loop was {}: make a new loop here", core.origin);
    try_enter(core).expect(
        "this thread is running an event loop already; await the future there instead of \
         running a loop inside a loop",
    )
}

/// Like [`enter`], for a caller that can do without.
#[must_use]
pub fn try_enter(core: &Rc<Core>) -> Option<Entered> {
    CURRENT.with(|current| {
        // It is borrowed while `with_current` runs its closure, and then a loop is running.
        let mut current = current.try_borrow_mut().ok()?;
        if current.as_ref().is_some_and(|running| !running.is_copy()) {
            return None;
        }
        // Forked while a loop ran: its copy will never run here, and is left alone.
        std::mem::forget(current.replace(Rc::clone(core)));
        Some(Entered(PhantomData))
    })
}

/// The thread is running a loop; dropped, it is not. So it must not go to another thread.
pub struct Entered(PhantomData<*const ()>);

impl Drop for Entered {
    fn drop(&mut self) {
        let left = CURRENT.with(|current| current.borrow_mut().take());
        drop(left);
    }
}

/// Runs `f` on the loop that this thread is running.
pub fn with_current<R>(f: impl FnOnce(&Rc<Core>) -> R) -> Option<R> {
    CURRENT.with(|current| current.borrow().as_ref().map(f))
}

/// The loop that this thread is running.
///
/// # Panics
/// If it runs none: the message says that `caller` needs one.
pub fn current(caller: &str) -> Rc<Core> {
    with_current(Rc::clone).unwrap_or_else(|| no_loop(caller))
}

/// The panic of a `caller` that needs a running loop and has none.
pub fn no_loop(caller: &str) -> ! {
    panic!("{caller} needs a running event loop: call it inside `EventLoop::run_until_complete`")
}

/// A leaf is about to do something that may well succeed; see [`Budget::spend`]. Outside a
/// running loop there is no budget.
pub fn spend_budget(cx: &mut Context<'_>) -> Poll<()> {
    with_current(|core| core.budget.spend(cx)).unwrap_or(Poll::Ready(()))
}

/// Does `here` if this thread runs the loop `id`, else leaves it a message. Returns false if
/// that loop is gone.
pub fn run_or_send(
    id: LoopId,
    here: impl FnOnce(&Core),
    message: impl FnOnce() -> LoopMessage,
) -> bool {
    let mut here = Some(here);
    let local = with_current(|core| {
        if core.id == id
            && let Some(here) = here.take()
        {
            here(core);
            return true;
        }
        false
    });
    local == Some(true) || inbox::send(id, message()).is_ok()
}

impl Core {
    /// Does what a message asks for.
    pub(crate) fn handle(&self, message: LoopMessage) {
        match message {
            LoopMessage::Wake(id) => self.wake_here(id),
            LoopMessage::Cancel(id) => self.cancel_here(id),
            LoopMessage::Call(call) => _ = self.call_soon(call),
            LoopMessage::CancelCall(call, timer) => {
                let callback = self.take_call(call, timer);
                self.drop_or_report("a cancelled callback", callback);
            }
            LoopMessage::CancelTimer(key) => {
                let due = self.timers.borrow_mut().cancel(key);
                self.drop_or_report("a waker", due);
            }
            LoopMessage::Close(key, fd) => self.close_source(key, fd),
            LoopMessage::Panicked { place, message } => self.report(place, message),
            LoopMessage::Stop => self.stopping.set(true),
        }
    }

    /// A socket was dropped: first forget the source, then close the descriptor. The other
    /// order would leave a duplicate of the descriptor watched under a number that is reused.
    pub(crate) fn close_source(&self, key: Key, fd: OwnedFd) {
        let waiters = self.reactor.borrow_mut().deregister(key, fd.as_fd());
        drop(fd);
        for waker in waiters {
            self.run_user_code("a waker", || waker.wake());
        }
    }
}

/// What the exception handler is called with.
#[derive(Debug, Clone)]
pub struct Unhandled {
    /// Where it happened: a task's name, or its number as `task 1:0.3`; or `a callback`, `a waker`
    /// and the like. The drop of a task's future counts as the task.
    pub place: String,
    /// The panic's message.
    pub message: String,
}

impl Unhandled {
    fn print(&self) {
        warn(format_args!("{} panicked: {}", self.place, self.message));
    }
}

impl Core {
    /// Runs user code whose panic reaches no caller: it goes to the exception handler.
    pub fn run_user_code(&self, what: &str, user_code: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(user_code)) {
            self.report(what.to_owned(), into_message(panic));
        }
    }

    /// Drops a value of the user's. If that panics, the exception handler is told.
    pub fn drop_or_report<T>(&self, what: &str, value: T) {
        if let Some(message) = drop_caught(value) {
            self.report(what.to_owned(), message);
        }
    }

    /// The loop is going away: drops all that is left to it but its tasks and its selector, each
    /// value by itself, so that a drop that panics costs no other. What such a drop adds goes as well.
    pub(crate) fn drop_leftovers(&self) {
        loop {
            let calls = self.calls.borrow_mut().take_values();
            let timers = self.timers.borrow_mut().take_values();
            let callbacks = self.metadata.borrow_mut().take_callbacks();
            let waiters = self.reactor.borrow_mut().take_waiters();
            if calls.is_empty() && timers.is_empty() && callbacks.is_empty() && waiters.is_empty() {
                break;
            }
            calls.into_iter().for_each(|call| self.drop_or_report("a callback", call));
            timers.into_iter().for_each(|due| self.drop_or_report("a waker", due));
            callbacks.into_iter().for_each(|call| self.drop_or_report("a done callback", call));
            waiters.into_iter().for_each(|waker| self.drop_or_report("a waker", waker));
        }
        for extension in self.extensions.take() {
            self.drop_or_report("what is kept with a loop", extension);
        }
    }

    /// The same for the handlers, of which one would be told of the others: standard error is.
    pub(crate) fn drop_handlers(&self) {
        let (handler, slow) = (self.handler.take(), self.debug.take_handler());
        self.drop_or_report("an exception handler", handler);
        self.drop_or_report("a handler of slow callbacks", slow);
    }

    /// In debug mode: something took so long. The handler of that is user code.
    pub fn check_slow(&self, took: Duration, place: impl FnOnce() -> String) {
        self.run_user_code("the handler of slow callbacks", || self.debug.check(took, place));
    }

    /// Calls the exception handler with a panic that reaches no caller. If the handler panics
    /// itself, both go to standard error, and the loop goes on, as in asyncio.
    pub fn report(&self, place: String, message: String) {
        let handler = self.handler.borrow().clone();
        let unhandled = Unhandled { place, message };
        if let Some(handler) = handler {
            let called = catch_unwind(AssertUnwindSafe(|| handler(&unhandled)));
            let Err(panic) = called else { return };
            warn(format_args!("the exception handler panicked: {}", into_message(panic)));
        }
        unhandled.print();
    }
}

/// Calls the exception handler of the loop `id` with a panic: now if this thread runs that loop,
/// else when the loop next takes its inbox. Once it is gone, the panic goes to standard error.
pub fn report_to(id: LoopId, place: String, message: String) {
    // Not under the borrow of `with_current`: the handler is user code.
    if let Some(core) = with_current(Rc::clone).filter(|core| core.id == id) {
        core.report(place, message);
    } else if let Err(LoopMessage::Panicked { place, message }) =
        inbox::send(id, LoopMessage::Panicked { place, message })
    {
        Unhandled { place, message }.print();
    }
}

/// Drops a value of the user's that the loop `id` had. If that panics, [`report_to`] that loop.
pub fn drop_or_report_to<T>(id: LoopId, what: &str, value: T) {
    if let Some(message) = drop_caught(value) {
        report_to(id, what.to_owned(), message);
    }
}

/// Runs user code whose panic reaches no caller, wherever this thread is: the handler of the loop
/// that it runs gets the panic, and without a loop standard error.
pub fn run_caught(what: &str, user_code: impl FnOnce()) {
    if let Some(core) = with_current(Rc::clone) {
        core.run_user_code(what, user_code);
    } else if let Err(panic) = catch_unwind(AssertUnwindSafe(user_code)) {
        Unhandled { place: what.to_owned(), message: into_message(panic) }.print();
    }
}

/// What upper floors keep with a loop: one value of each type, so that a floor needs neither a
/// global nor a field here. There are two or three, so a list is searched.
///
/// ```
/// use singletrack::event_loop::core::Extensions;
/// use std::cell::Cell;
///
/// let extensions = Extensions::default();
/// extensions.get::<Cell<u8>>().set(7);
/// assert_eq!(extensions.get::<Cell<u8>>().get(), 7);
/// ```
#[derive(Default)]
pub struct Extensions(RefCell<Vec<Rc<dyn Any>>>);

impl Extensions {
    /// The value of this type, made now if there is none.
    pub fn get<T: Default + 'static>(&self) -> Rc<T> {
        let found = self.0.borrow().iter().find_map(|any| Rc::clone(any).downcast().ok());
        found.unwrap_or_else(|| {
            let new = Rc::<T>::default();
            self.0.borrow_mut().push(Rc::clone(&new) as Rc<dyn Any>);
            new
        })
    }

    /// Hands all values out, to be dropped.
    #[must_use]
    pub fn take(&self) -> Vec<Rc<dyn Any>> {
        self.0.take()
    }
}
