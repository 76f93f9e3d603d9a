//! The panics of a program that is tried in thousands of orders: caught, with their places, and not printed.
//!
//! *Promises*: a panic on a thread that is trying an order prints nothing; on any other, and after, all
//! is as before.
//! *Leaves out*: tasks' panics, which the loop catches (`task/cell.rs`): their handler is told.

use crate::base::panic::into_message;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Calls `f`. A panic's message comes with the place of the last panic on this thread.
pub(super) fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| match QUIET.get() {
            true => _ = PLACE.replace(info.location().map(ToString::to_string)),
            false => before(info),
        }));
    });
    let before = QUIET.replace(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(f));
    QUIET.set(before);
    ended.map_err(|panic| {
        let message = into_message(panic);
        match PLACE.take() {
            Some(place) => format!("{message}, at {place}"),
            None => message,
        }
    })
}

/// Where the last panic on this thread was, if it was caught here.
pub(super) fn last_place() -> Option<String> {
    PLACE.with_borrow(Clone::clone)
}
