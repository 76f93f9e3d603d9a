//! What upper floors keep with a loop.
//!
//! *Assumes*: one thread.
//! *Promises*: one value a type, made when it is first asked for, and dropped with the loop:
//! after its tasks, before its sources. So a floor needs neither a global nor a field here.
//! *Leaves out*: what the values are (`aio/watch.rs`, `concurrent/bridge.rs`).

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// One value of each type. There are two or three, so a list is searched.
///
/// ```
/// use singletrack::event_loop::attached::Attached;
/// use std::cell::Cell;
///
/// let attached = Attached::default();
/// attached.get::<Cell<u8>>().set(7);
/// assert_eq!(attached.get::<Cell<u8>>().get(), 7);
/// ```
#[derive(Default)]
pub struct Attached(RefCell<Vec<Rc<dyn Any>>>);

impl Attached {
    /// The value of this type.
    pub fn get<T: Default + 'static>(&self) -> Rc<T> {
        let found = self.0.borrow().iter().find_map(|any| Rc::clone(any).downcast().ok());
        found.unwrap_or_else(|| {
            let new = Rc::<T>::default();
            self.0.borrow_mut().push(Rc::clone(&new) as Rc<dyn Any>);
            new
        })
    }

    /// Hands all values out, to be dropped.
    #[must_use]
    pub fn take(&self) -> Vec<Rc<dyn Any>> {
        self.0.take()
    }
}
