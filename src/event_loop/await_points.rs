//! Where in its source a task waits: the line of the `await`, read from the stack when it goes to sleep.
//!
//! *Assumes*: a leaf that makes its task wait keeps a clone of the waker, and is polled inside the async
//! functions that await it, so that their lines are on the stack then.
//! *Promises*: while it is off it costs nothing: tasks are polled with another waker only where it is
//! on. On, each wait costs a walk of the stack, some microseconds to milliseconds.
//! *Leaves out*: builds without line tables (`debug = 0`), in which no place is known.
//!
//! ```text
//!   poll task ─▶ transfer{closure} ─▶ Lock::acquire ─▶ waker.clone()   ◀─ here the stack is read:
//!                src/bank.rs:12                                           the first frame that is the
//!                                                                         program's own, not ours
//! ```
//! A future of Rust is not a frame of a stack: nothing can be read from it while it waits (which is why
//! `aio/tasks/task_tree.rs` has no lines). At the moment at which it begins to wait it is on one.

use crate::base::id::TaskId;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

thread_local! {
    static LOOKING: Cell<bool> = const { Cell::new(false) };
    static POINTS: RefCell<Option<HashMap<TaskId, String>>> = const { RefCell::new(None) };
}

/// From now on, on this thread, the places are noted; or no longer.
pub fn switch(on: bool) {
    POINTS.set(on.then(HashMap::new));
}

/// Looks at tasks: a waker that is cloned meanwhile is nobody's await.
pub fn looking<T>(look: impl FnOnce() -> T) -> T {
    LOOKING.set(true);
    let seen = look();
    LOOKING.set(false);
    seen
}

/// Whether they are noted.
pub(super) fn is_on() -> bool {
    POINTS.with_borrow(Option::is_some)
}

/// This task begins to wait, or to yield, here.
#[inline(never)]
pub(super) fn note(task: TaskId) {
    if is_on()
        && !LOOKING.get()
        && let Some(place) = program_frame(&Backtrace::force_capture().to_string())
    {
        POINTS.with_borrow_mut(|points| points.as_mut().map(|points| points.insert(task, place)));
    }
}

/// Where this task waits, or has waited last: `src/bank.rs:12`.
pub fn of(task: TaskId) -> Option<String> {
    POINTS.with_borrow(|points| points.as_ref()?.get(&task).cloned())
}

/// The place of the first frame in this backtrace that is neither ours nor a library's.
fn program_frame(backtrace: &str) -> Option<String> {
    let mut lines = backtrace.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((number, function)) = line.split_once(": ") else { continue };
        if number.parse::<usize>().is_err() {
            continue;
        }
        let Some(place) = lines.next_if(|line| line.starts_with("at ")) else { continue };
        let place = place.trim_start_matches("at ").trim_start_matches("./");
        if is_program(function, place) {
            // Without the column: an await has a line of its own.
            return Some(place.rsplit_once(':').map_or(place, |(line, _)| line).to_owned());
        }
    }
    None
}

/// A function that was inlined stands there without its crate, so the place counts as well.
fn is_program(function: &str, place: &str) -> bool {
    let here = file!().trim_end_matches("event_loop/await_points.rs");
    // For who is in another folder it begins further up; in one above it, not at the root.
    let ends_home = |(at, _)| at > 0 && env!("CARGO_MANIFEST_DIR").ends_with(&place[..at]);
    let function = function.trim_start_matches('<').trim_start_matches("dyn ");
    let ours = [env!("CARGO_CRATE_NAME"), "core", "std", "alloc"];
    let root = function.split("::").next().unwrap_or_default();
    let theirs = ["/rustc/", "/.cargo/registry/", "/rustlib/"];
    place.contains(".rs:")
        && !place.starts_with(here)
        && !place.match_indices("/src/").any(ends_home)
        && !ours.contains(&root)
        && !theirs.iter().any(|part| place.contains(part) || place.starts_with(&part[1..]))
}

#[cfg(test)]
mod tests {
    use super::program_frame;

    #[test]
    fn the_first_frame_of_the_program_is_the_place() {
        let backtrace = "   0: std::backtrace::Backtrace::force_capture
             at /rustc/abc/library/std/src/backtrace.rs:1:2
   1: OURS::event_loop::await_points::note
             at ./src/event_loop/await_points.rs:40:9
   2: <OURS::aio::sync::waiters::Acquire<S> as core::future::Future>::poll
             at ./src/aio/sync/waiters.rs:300:1
   3: arm
             at ./src/aio/time/sleep.rs:147:35
   4: bank::transfer::{{closure}}
             at ./tests/bank.rs:12:28
   5: bank::main::{{closure}}
             at ./tests/bank.rs:40:9"
            .replace("OURS", env!("CARGO_CRATE_NAME"));
        assert_eq!(program_frame(&backtrace).as_deref(), Some("tests/bank.rs:12"));
        assert_eq!(program_frame("   3: bank::transfer"), None); // a build without lines
        assert_eq!(program_frame(""), None);
    }

    #[test]
    fn our_own_frames_are_ours_also_in_another_folder() {
        let home = env!("CARGO_MANIFEST_DIR");
        for home in [home, &home[1..], home.rsplit('/').next().unwrap()] {
            let inlined = format!("   3: arm\n             at {home}/src/aio/time/sleep.rs:147:35");
            assert_eq!(program_frame(&inlined), None);
        }
        let at_the_root = "   3: call_once\n             at rustc/abc/library/core/src/ops.rs:1:2";
        assert_eq!(program_frame(at_the_root), None);
        for theirs in ["/elsewhere/src/bank.rs:12", "/src/bank.rs:12"] {
            let inlined = format!("   3: arm\n             at {theirs}:28");
            assert_eq!(program_frame(&inlined).as_deref(), Some(theirs));
        }
    }
}
