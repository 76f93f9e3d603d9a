//! Callbacks, now or at a time, and the handle of a loop for other threads.
//!
//! *Assumes*: the ready queue (`task/ready_queue.rs`), timers (`event_loop/timers.rs`) and inbox
//! (`event_loop/inbox.rs`) of a loop.
//! *Promises*: FIFO among equals; a cancelled callback never runs, and it, its timer and what it
//! holds are gone at once, or as soon as the loop takes its inbox if another thread cancelled it;
//! a panic in one, or in its drop, goes to the exception handler. All of [`LoopHandle`] may be
//! called from any thread, at any time, and blocks no longer than it takes to append to a queue.
//! *Leaves out*: coroutines, which are tasks; results of a call on another thread
//! (`aio/tasks/bridge.rs`).

use crate::base::id::{Key, LoopId};
use crate::event_loop::core::{Core, Due, drop_or_report_to, run_or_send, with_current};
use crate::event_loop::inbox::{self, LoopMessage};
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::timers::deadline_after;
use std::fmt;
use std::time::Duration;

/// A scheduled callback. Dropping the handle changes nothing. It may be used from any thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "asyncio.Handle")]
#[doc(alias = "asyncio.TimerHandle")]
pub struct CallHandle {
    loop_id: LoopId,
    call: Key,
    timer: Option<Key>,
}

impl CallHandle {
    /// The callback will not run, unless it has already or is running now.
    pub fn cancel(&self) {
        let mut callback = None;
        let here = |core: &Core| callback = core.take_call(self.call, self.timer);
        let message = || LoopMessage::CancelCall(self.call, self.timer);
        // False if the loop is gone, and the callback with it.
        let _ = run_or_send(self.loop_id, here, message);
        drop_or_report_to(self.loop_id, "a cancelled callback", callback);
    }
}

impl EventLoop {
    /// Runs `callback` in the next iteration, after all that is scheduled already.
    ///
    /// ```
    /// use singletrack::EventLoop;
    /// use std::{cell::RefCell, rc::Rc};
    ///
    /// let event_loop = EventLoop::new()?;
    /// let order = Rc::new(RefCell::new(Vec::new()));
    /// for i in 0..3 {
    ///     let order = Rc::clone(&order);
    ///     event_loop.call_soon(move || order.borrow_mut().push(i));
    /// }
    /// assert_eq!(event_loop.run_once()?.called, 3);
    /// assert_eq!(*order.borrow(), [0, 1, 2]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "asyncio.loop.call_soon")]
    pub fn call_soon(&self, callback: impl FnOnce() + 'static) -> CallHandle {
        let call = self.core.call_soon(Box::new(callback));
        CallHandle { loop_id: self.id(), call, timer: None }
    }

    /// Runs `callback` once `delay` has passed, never earlier. A delay of 584 years or more is never
    /// over.
    #[doc(alias = "asyncio.loop.call_later")]
    pub fn call_later(&self, delay: Duration, callback: impl FnOnce() + 'static) -> CallHandle {
        self.call_by(deadline_after(self.core.now(), delay), callback)
    }

    /// Runs `callback` when [`time`](Self::time) has reached `when`. Callbacks with the same
    /// time run in the order of these calls (asyncio leaves that open).
    #[doc(alias = "asyncio.loop.call_at")]
    pub fn call_at(&self, when: Duration, callback: impl FnOnce() + 'static) -> CallHandle {
        self.call_by(deadline_after(0, when), callback)
    }

    fn call_by(&self, deadline: u64, callback: impl FnOnce() + 'static) -> CallHandle {
        let call = self.core.calls.borrow_mut().insert(Box::new(callback));
        let timer = self.core.timers.borrow_mut().insert(deadline, Due::Call(call));
        CallHandle { loop_id: self.id(), call, timer: Some(timer) }
    }
}

/// The loop of a handle is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopClosed(pub LoopId);

impl fmt::Display for LoopClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event loop {} is gone; keep it alive as long as others call it", self.0.get())
    }
}

impl std::error::Error for LoopClosed {}

/// A loop's number, and what may be asked of that loop from any thread.
///
/// ```
/// use singletrack::EventLoop;
///
/// let event_loop = EventLoop::new()?;
/// let handle = event_loop.handle();
/// let thread = std::thread::spawn(move || {
///     handle.call_soon_threadsafe(|| println!("on the loop's thread")).unwrap();
///     handle.stop().unwrap();
/// });
/// event_loop.run_forever()?; // sleeps until the thread wakes it
/// thread.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopHandle(LoopId);

impl EventLoop {
    /// A handle for other threads.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle(self.id())
    }

    /// [`LoopHandle::call_soon_threadsafe`] of [`handle`](Self::handle), under the name that
    /// asyncio users look for. Another thread needs the handle, since a loop stays on its own.
    pub fn call_soon_threadsafe(&self, callback: impl FnOnce() + Send + 'static) {
        self.handle().call_soon_threadsafe(callback).expect("a loop that is borrowed is alive");
    }
}

impl LoopHandle {
    /// A handle of the loop that this thread is running, if it runs one. (asyncio raises
    /// `RuntimeError` if not.)
    ///
    /// ```
    /// use singletrack::EventLoop;
    /// use singletrack::event_loop::LoopHandle;
    ///
    /// let event_loop = EventLoop::new()?;
    /// let inside = event_loop.run_until_complete(async { LoopHandle::current() });
    /// assert_eq!(inside, Some(event_loop.handle()));
    /// assert_eq!(LoopHandle::current(), None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "asyncio.get_running_loop")]
    #[doc(alias = "asyncio.loop.is_running")]
    pub fn current() -> Option<LoopHandle> {
        with_current(|core| LoopHandle(core.id))
    }

    /// True once the loop is gone.
    #[doc(alias = "asyncio.loop.is_closed")]
    pub fn is_closed(&self) -> bool {
        !inbox::is_open(self.0)
    }

    /// The loop's number.
    pub fn id(&self) -> LoopId {
        self.0
    }

    /// Runs `callback` on the loop's thread in its next iteration. Calls from one thread keep
    /// their order.
    ///
    /// # Errors
    /// [`LoopClosed`] if the loop is gone; the callback is dropped.
    #[doc(alias = "asyncio.loop.call_soon_threadsafe")]
    pub fn call_soon_threadsafe(
        &self,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<(), LoopClosed> {
        self.send(LoopMessage::Call(Box::new(callback)))
    }

    /// Ends [`EventLoop::run_forever`] after the iteration in progress.
    ///
    /// # Errors
    /// [`LoopClosed`] if the loop is gone.
    pub fn stop(&self) -> Result<(), LoopClosed> {
        self.send(LoopMessage::Stop)
    }

    fn send(&self, message: LoopMessage) -> Result<(), LoopClosed> {
        inbox::send(self.0, message).map_err(|_| LoopClosed(self.0))
    }
}
