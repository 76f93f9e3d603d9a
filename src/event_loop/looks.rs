//! Looks at tasks from outside, by their handles and in groups: told to whoever asks, as they happen
//!
//! *Assumes*: one listener a thread, which looks at no task itself.
//! *Promises*: while nobody listens a look costs the read of a thread-local.
//! *Leaves out*: looks by a task's number and at all tasks of a loop; who looks, which the listener knows.
//!
//! ```text
//!   handle: poll, done, peek, …  ─┐
//!   the drop of a value with it  ─┼─▶ at ─▶ listener (`sim/stage.rs`): the end of a task and a look at
//!   group: a member, an error    ─┘         it are steps that must be tried in both orders
//! ```

use crate::base::id::TaskId;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A task.
    Task(TaskId),
    /// A task, which is left a waker that is not another task's: its end runs code of whoever looks.
    WithWaker(TaskId),
    /// A group of tasks, by its parent or by one of them.
    Group,
}

type Listener = Rc<dyn Fn(Look)>;

thread_local! {
    static LISTENS: Cell<bool> = const { Cell::new(false) };
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
}

/// Somebody looks; at what, is asked only if somebody listens.
#[inline]
pub fn at(look: impl FnOnce() -> Look) {
    if LISTENS.get() {
        tell(look());
    }
}

#[cold]
fn tell(look: Look) {
    // Not under the borrow: the listener is not ours.
    let listener = LISTENER.with_borrow(Clone::clone);
    if let Some(listener) = listener {
        listener(look);
    }
}

/// Calls `listener` with each look on this thread, until the guard is dropped.
pub fn listen(listener: impl Fn(Look) + 'static) -> Listening {
    LISTENER.set(Some(Rc::new(listener)));
    LISTENS.set(true);
    Listening(())
}

/// Somebody listens.
#[must_use]
pub struct Listening(());

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENS.set(false);
        LISTENER.set(None);
    }
}
