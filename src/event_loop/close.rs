//! Closing a loop: what goes, and in which order.
//!
//! *Assumes*: the parts of a loop (`event_loop/core.rs`); nobody runs it, for then it is borrowed.
//! *Promises*: all that the loop still has is dropped on its own thread, and everything that such
//! a drop may use goes after it; who asks for something too late is told so.
//! *Leaves out*: letting tasks end by themselves first (`aio/run.rs`).
//!
//! ```text
//!   1 the inbox: no more messages
//!   2 the tasks, whose drops may use all that follows
//!   3 callbacks, timers, names
//!   4 what upper floors attached: the default executor joins its threads
//!   5 sources and selector, with the core
//! ```
//! Counterpart: `close` of CPython's Lib/asyncio/selector_events.py and base_events.py, which
//! drops callbacks and leaves tasks where they are.

use crate::concurrent::home::move_out;
use crate::event_loop::core::try_enter;
use crate::event_loop::inbox;
use crate::event_loop::run::EventLoop;
use std::rc::Rc;

impl Drop for EventLoop {
    /// A copy that came with a fork is left as it is: its threads are not here, and its epoll is
    /// the parent's.
    fn drop(&mut self) {
        if self.core.is_copy() {
            std::mem::forget(Rc::clone(&self.core));
            return;
        }
        inbox::close(self.core.id);
        // What is dropped finds its loop running here, unless this thread is running another
        // one: then it finds that its own is gone.
        let entered = try_enter(&self.core);
        self.take_inbox();
        self.core.drop_tasks();
        let calls = self.core.calls.take();
        let timers = self.core.timers.take();
        let notes = self.core.notes.take();
        drop((calls, timers, notes));
        drop((self.core.attached.take(), entered));
        move_out(self.core.id);
    }
}
