//! What a thread keeps of its own for each lock that it has attached to.
//!
//! *Assumes*: it stands in a thread-local.
//! *Promises*: the one used last is found without a search and taken without counting
//! references; those whose lock nobody else knows any more are forgotten in time.
//! *Leaves out*: what is kept (`gil/thread_state.rs`, `gil/member.rs`).

use crate::base::sync::Arc;
use crate::gil::error::AttachError;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A thread's own part in something that is shared.
pub(crate) trait Part: Sized {
    /// What is shared: a lock.
    type Of;

    /// The lock that this is a part of.
    fn of(&self) -> &Arc<Self::Of>;

    /// This thread becomes one of those that use the lock.
    fn joins(shared: &Arc<Self::Of>) -> Result<Self, AttachError>;

    /// What this thread keeps.
    ///
    /// # Errors
    /// If the thread ends, and has dropped it: [`ending`].
    fn with_own<R>(f: impl FnOnce(&Own<Self>) -> R) -> Result<R, AttachError>;
}

/// A thread's parts in all locks of one kind.
pub(crate) struct Own<P> {
    all: RefCell<Vec<Rc<P>>>,
    /// The one used last, unless it is in use.
    latest: Cell<Option<Rc<P>>>,
}

impl<P> Default for Own<P> {
    fn default() -> Self {
        Own { all: RefCell::default(), latest: Cell::default() }
    }
}

impl<P: Part> Own<P> {
    /// This thread's part in `shared`; it joins if need be. The one used last is taken out: see
    /// [`put_back`](Self::put_back).
    #[inline]
    pub(crate) fn part_in(shared: &Arc<P::Of>) -> Result<Rc<P>, AttachError> {
        match P::with_own(|own| own.latest.take().filter(|part| Arc::ptr_eq(part.of(), shared))) {
            Ok(Some(part)) => Ok(part),
            _ => Own::search(shared),
        }
    }

    /// Keeps one at hand for the next time.
    #[inline]
    pub(crate) fn put_back(part: Rc<P>) {
        // A thread that ends has no use for it.
        let _ = P::with_own(|own| own.latest.set(Some(part)));
    }

    #[cold]
    fn search(shared: &Arc<P::Of>) -> Result<Rc<P>, AttachError> {
        if let Some(known) = P::with_own(|own| own.find(shared))? {
            return Ok(known);
        }
        let part = Rc::new(P::joins(shared)?);
        let forgotten = P::with_own(|own| own.keep(&part))?;
        drop(forgotten); // outside the borrow: that runs code
        Ok(part)
    }

    fn find(&self, shared: &Arc<P::Of>) -> Option<Rc<P>> {
        self.all.borrow().iter().find(|part| Arc::ptr_eq(part.of(), shared)).map(Rc::clone)
    }

    /// Keeps a new one. Gives those that are of no use any more.
    fn keep(&self, part: &Rc<P>) -> Vec<Rc<P>> {
        let mut all = self.all.borrow_mut();
        all.push(Rc::clone(part));
        all.extract_if(.., |part| Arc::strong_count(part.of()) == 1).collect()
    }
}

/// A thread that ends has dropped what it kept.
pub(crate) fn ending<E>(_: E) -> AttachError {
    AttachError::ThreadEnding
}
