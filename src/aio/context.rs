//! Values that belong to a task and are seen by all it calls: a request's id, a user's name.
//!
//! *Assumes*: a task polls what it wraps, so what is set around a poll is seen in all of it.
//! *Promises*: two tasks never see each other's value; after a poll, however it ends, the
//! value from before is back.
//! *Leaves out*: handing values down to new tasks. asyncio copies the whole context at each
//! `create_task`; here who wants that says `scope(&VAR, value, future)`, and no other task
//! pays for it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::thread::LocalKey;

/// A variable with a value for each task that was given one, by [`scope`].
///
/// ```
/// use singletrack::aio::context::{ContextVar, scope};
/// use singletrack::{EventLoop, create_task, yield_now};
///
/// thread_local! {
///     static USER: ContextVar<&'static str> = const { ContextVar::new() };
/// }
///
/// async fn greeting() -> String {
///     yield_now().await; // others run, with other users
///     format!("hello {}", USER.with(|user| user.get()).unwrap())
/// }
///
/// let event_loop = EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let tasks = ["ada", "kurt"].map(|name| create_task(scope(&USER, name, greeting())));
///     let [ada, kurt] = tasks;
///     assert_eq!(kurt.await.unwrap(), "hello kurt");
///     assert_eq!(ada.await.unwrap(), "hello ada");
///     assert_eq!(USER.with(|user| user.get()), None);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "contextvars.ContextVar")]
#[doc(alias = "tokio::task_local")]
pub struct ContextVar<T> {
    value: RefCell<Option<Rc<T>>>,
}

impl<T> Default for ContextVar<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> ContextVar<T> {
    /// A variable that nobody has given a value.
    pub const fn new() -> Self {
        ContextVar { value: RefCell::new(None) }
    }

    /// The value for the task that is being polled.
    pub fn get(&self) -> Option<T>
    where
        T: Clone,
    {
        let value = self.value.borrow().clone(); // a count; the user's clone comes after
        value.as_deref().cloned()
    }

    /// Gives it another value, until the end of the innermost [`scope`].
    pub fn set(&self, value: T) {
        let old = self.value.replace(Some(Rc::new(value)));
        drop(old);
    }

    /// Exchanges the value: what makes and ends a scope.
    fn swap(&self, other: &mut Option<Rc<T>>) {
        std::mem::swap(&mut *self.value.borrow_mut(), other);
    }
}

/// Runs `future` with a value of its own in `var`. When the future is dropped unfinished, its
/// destructors see the outer value.
#[doc(alias = "contextvars.Context.run")]
pub async fn scope<T, F: Future>(
    var: &'static LocalKey<ContextVar<T>>,
    value: T,
    future: F,
) -> F::Output {
    let mut own = Some(Rc::new(value));
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _inside = Inside::new(var, &mut own);
        future.as_mut().poll(cx)
    })
    .await
}

/// While this lives, the variable has the scope's value; a panic ends it as well.
struct Inside<'a, T: 'static> {
    var: &'static LocalKey<ContextVar<T>>,
    other: &'a mut Option<Rc<T>>,
}

impl<'a, T> Inside<'a, T> {
    fn new(var: &'static LocalKey<ContextVar<T>>, other: &'a mut Option<Rc<T>>) -> Self {
        var.with(|var| var.swap(other));
        Inside { var, other }
    }
}

impl<T> Drop for Inside<'_, T> {
    fn drop(&mut self) {
        self.var.with(|var| var.swap(self.other));
    }
}
