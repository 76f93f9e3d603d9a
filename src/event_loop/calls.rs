//! Callbacks: plain functions in the ready queue, now or at a time.
//!
//! *Assumes*: the ready queue (`task/ready.rs`) and the timers (`event_loop/timers.rs`) of a loop.
//! *Promises*: FIFO among equals; a cancelled callback never runs and frees what it holds at
//! once; a panic in one goes to the exception handler.
//! *Leaves out*: coroutines; those are tasks.

use crate::base::id::LoopId;
use crate::base::slab::Key;
use crate::event_loop::core::{Core, Due, tell};
use crate::event_loop::inbox::Message;
use crate::event_loop::run::EventLoop;
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
        let here = |core: &Core| {
            let timer = self.timer.and_then(|key| core.timers.borrow_mut().cancel(key));
            let call = core.calls.borrow_mut().remove(self.call);
            drop((timer, call));
        };
        // False if the loop is gone, and the callback with it.
        let _ = tell(self.loop_id, here, || Message::CancelCall(self.call));
    }
}

impl EventLoop {
    /// Runs `callback` in the next turn, after all that is scheduled already.
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

    /// Runs `callback` once `delay` has passed, never earlier.
    #[doc(alias = "asyncio.loop.call_later")]
    pub fn call_later(&self, delay: Duration, callback: impl FnOnce() + 'static) -> CallHandle {
        self.call_at(self.time().saturating_add(delay), callback)
    }

    /// Runs `callback` when [`time`](Self::time) has reached `when`. Callbacks with the same
    /// time run in the order of these calls (asyncio leaves that open).
    #[doc(alias = "asyncio.loop.call_at")]
    pub fn call_at(&self, when: Duration, callback: impl FnOnce() + 'static) -> CallHandle {
        let deadline = u64::try_from(when.as_nanos()).unwrap_or(u64::MAX);
        let call = self.core.calls.borrow_mut().insert(Box::new(callback));
        let timer = self.core.timers.borrow_mut().insert(deadline, Due::Call(call));
        CallHandle { loop_id: self.id(), call, timer: Some(timer) }
    }
}
