//! Functions that run around every fork of a worker: what `os.register_at_fork` is in CPython.
//!
//! *Promises*: hooks run in CPython's order, each in the process that it is for; one that panics before
//! the fork prevents it, one in the child ends the child.
//! *Leaves out*: the fork (`process/forkserver/server.rs`).
//!
//! ```text
//!   hooks registered 1, 2, 3   fork server:  before 3, 2, 1 ── fork ── after in parent 1, 2, 3
//!                                                            │
//!                              worker:                       └───── after in child  1, 2, 3
//! ```
//! A hook that was registered last may build on one that was registered first: so it is prepared
//! first and restored last, as scopes are.

use crate::base::panic::{discard, into_message};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A hook may keep state: each process has a copy of its own.
type Hook = Box<dyn FnMut()>;

/// Functions that run around every fork of a worker.
///
/// ```
/// use singletrack::process::forkserver::hooks::Hooks;
/// use std::{cell::RefCell, rc::Rc};
///
/// let said = Rc::new(RefCell::new(Vec::new()));
/// let say = |text| {
///     let said = Rc::clone(&said);
///     move || said.borrow_mut().push(text)
/// };
/// let mut hooks = Hooks::default();
/// hooks.before(say("stop the clock"));
/// hooks.before(say("close the book"));
/// hooks.after_in_parent(say("go on"));
/// hooks.run_before().unwrap();
/// hooks.run_after_in_parent();
/// assert_eq!(*said.borrow(), ["close the book", "stop the clock", "go on"]);
/// ```
#[derive(Default)]
#[doc(alias = "os.register_at_fork")]
#[doc(alias = "pthread_atfork")]
pub struct Hooks {
    before: Vec<Hook>,
    after_in_parent: Vec<Hook>,
    after_in_child: Vec<Hook>,
}

impl Hooks {
    /// Adds a hook to be run in the parent before a fork.
    pub fn before(&mut self, hook: impl FnMut() + 'static) {
        self.before.push(Box::new(hook));
    }

    /// Adds a hook to be run in the parent after a fork, and after one that failed.
    pub fn after_in_parent(&mut self, hook: impl FnMut() + 'static) {
        self.after_in_parent.push(Box::new(hook));
    }

    /// Adds a hook to be run in the child before anything else.
    pub fn after_in_child(&mut self, hook: impl FnMut() + 'static) {
        self.after_in_child.push(Box::new(hook));
    }

    /// True if no hook is registered.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after_in_parent.is_empty() && self.after_in_child.is_empty()
    }

    /// Runs the hooks for before a fork, the last first.
    ///
    /// # Errors
    /// The message of the first hook that panicked. Then there must be no fork, because what the
    /// hook left undone is unknown. (CPython prints the exception and forks.)
    pub fn run_before(&mut self) -> Result<(), String> {
        self.before
            .iter_mut()
            .rev()
            .try_for_each(|hook| catch_unwind(AssertUnwindSafe(hook)).map_err(into_message))
    }

    /// Runs the hooks for the parent, the first first. A panic is printed and goes no further: the
    /// fork is done, and the other hooks must run.
    pub fn run_after_in_parent(&mut self) {
        for hook in &mut self.after_in_parent {
            catch_unwind(AssertUnwindSafe(hook)).unwrap_or_else(discard);
        }
    }

    /// Runs the hooks for the child, the first first.
    ///
    /// # Panics
    /// With the first hook that panics. That ends the child with exit code 101.
    pub fn run_after_in_child(&mut self) {
        self.after_in_child.iter_mut().for_each(|hook| hook());
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("before", &self.before.len())
            .field("after_in_parent", &self.after_in_parent.len())
            .field("after_in_child", &self.after_in_child.len())
            .finish()
    }
}
