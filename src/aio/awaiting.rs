//! Who awaits several tasks at once, where no waker tells.
//!
//! *Assumes*: what a loop keeps for upper floors (`event_loop/attached.rs`).
//! *Promises*: whoever waits is found as long as it lives, and is forgotten with it; noting
//! it costs one entry a wait, not one a task, and nothing where all is done already.
//! *Leaves out*: one task that awaits another: that one's waker is the other's number.
//!
//! ```text
//!   parent ── gather ──► child          child's joiner = gather's own waker, nobody's number
//!     ▲         │  └───► child
//!     │     Weak│
//!     └─────────┴──── noted here: parent, and the children's numbers when somebody looks
//! ```
//! Counterpart: `asyncio.future_add_to_awaited_by` of Python 3.14, which keeps a set in each
//! task. Only [`task_tree`](crate::aio::task_tree) looks here.

use crate::base::id::TaskId;
use crate::event_loop::core::{Core, with_current};
use std::cell::RefCell;
use std::rc::{Rc, Weak};

/// One that awaits tasks on behalf of another.
pub trait Awaits {
    /// The task that will be woken; `None` while it waits for none of them, and if it is
    /// polled through somebody else's waker.
    fn awaiter(&self) -> Option<TaskId>;
    /// The tasks it awaits. Those that are done may be among them.
    fn awaited(&self) -> Vec<TaskId>;
}

/// Those of one loop that are alive, and some that are not.
#[derive(Default)]
struct Awaiting(RefCell<Known>);

#[derive(Default)]
struct Known {
    all: Vec<Weak<dyn Awaits>>,
    /// With so many the dead leave; never fewer than twice the living.
    full: usize,
}

/// From now on the running loop knows of `who`.
#[doc(alias = "asyncio.future_add_to_awaited_by")]
#[doc(alias = "asyncio.future_discard_from_awaited_by")]
pub fn note(who: Weak<dyn Awaits>) {
    with_current(|core| {
        let known = core.attached.get::<Awaiting>();
        let mut known = known.0.borrow_mut();
        if known.all.len() >= known.full {
            known.all.retain(|one| one.strong_count() > 0);
            known.full = 2 * known.all.len() + 8;
        }
        known.all.push(who);
    });
}

/// Who awaits whom: awaiter and awaited.
pub fn edges(core: &Core) -> Vec<(TaskId, TaskId)> {
    let known = core.attached.get::<Awaiting>();
    let alive: Vec<Rc<dyn Awaits>> =
        known.0.borrow().all.iter().filter_map(Weak::upgrade).collect();
    let edges_of = |one: &Rc<dyn Awaits>| {
        let awaiter = one.awaiter()?;
        Some(one.awaited().into_iter().map(move |awaited| (awaiter, awaited)))
    };
    alive.iter().filter_map(edges_of).flatten().collect()
}
