//! What other threads ask of a loop, carried out on its own.
//!
//! *Assumes*: the loop's parts (`event_loop/core.rs`); messages in order of arrival
//! (`event_loop/inbox.rs`).
//! *Promises*: a message about something that is gone changes nothing; what a message lets go
//! of is dropped outside of every borrow, and if that panics, the messages behind it are heard
//! all the same.
//! *Leaves out*: when a turn takes the messages in (`event_loop/run.rs`, steps 1 and 5).

use crate::base::slab::Key;
use crate::event_loop::core::Core;
use crate::event_loop::inbox::Message;
use std::os::fd::{AsFd, OwnedFd};

impl Core {
    /// Does what the message says.
    pub(crate) fn obey(&self, message: Message) {
        match message {
            Message::Wake(id) => self.ready.borrow_mut().wake(id),
            Message::Cancel(id) => self.ready.borrow_mut().cancel(id),
            Message::Call(call) => _ = self.call_soon(call),
            // Its timer, if it has one, will find nothing to call.
            Message::CancelCall(key) => {
                let call = self.calls.borrow_mut().remove(key);
                self.survive("a cancelled callback", || drop(call));
            }
            Message::CancelTimer(key) => {
                let due = self.timers.borrow_mut().cancel(key);
                self.survive("a waker", || drop(due));
            }
            Message::Close(key, fd) => self.close_source(key, fd),
            Message::Panicked { place, message } => self.report(place, message),
            Message::Stop => self.stopping.set(true),
        }
    }

    /// A socket was dropped: first forget the source, then close the descriptor. The other
    /// order would leave a duplicate of the descriptor watched under a number that is reused.
    ///
    /// In a forked child it is only closed: forgetting it there would forget the parent's.
    pub(crate) fn close_source(&self, key: Key, fd: OwnedFd) {
        if self.is_copy() {
            return;
        }
        let waiters = self.reactor.borrow_mut().deregister(key, fd.as_fd());
        drop(fd);
        for waker in waiters {
            self.survive("a waker", || waker.wake());
        }
    }
}
