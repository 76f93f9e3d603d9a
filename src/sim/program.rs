//! What a program under exploration may ask of its simulation.
//!
//! *Promises*: whatever it gives is a function of the choices of the run, so that the run can be had
//! again.
//! *Leaves out*: the rest of the world. A program may use all of this crate's event loop: tasks, time,
//! locks, queues, and sockets of which it has both ends. Threads, processes and other machines have no
//! place in a run that is to be the same twice.

use crate::aio::net::unix::UnixStream;
use crate::aio::tasks::current::create_named_task;
use crate::event_loop::join::Task;
use crate::selector::event::Selector;
use crate::sim::stage::Stage;
use crate::task::state::TaskError;
use std::fmt;
use std::future::Future;
use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

/// A program's handle on the run that it is in.
///
/// ```
/// use singletrack::sim::Explorer;
///
/// // Whatever is chosen, the future is run to its end.
/// let explored = Explorer::new().explore(|sim| async move {
///     let level = sim.choose(3);
///     let task = sim.spawn("double", async move { 2 * level });
///     assert!(task.await.unwrap() < 5);
/// });
/// assert_eq!(explored.unwrap().orders, 3);
/// ```
#[derive(Clone)]
pub struct Sim {
    run: Rc<Stage>,
}

impl Sim {
    pub(super) fn new(run: Rc<Stage>) -> Sim {
        Sim { run }
    }

    /// Makes a task, whose name stands in what is printed of a failing order.
    /// [`create_task`](crate::create_task) is as good, but for the name.
    pub fn spawn<F: Future + 'static>(&self, name: &str, future: F) -> Task<F::Output> {
        create_named_task(name, future)
    }

    /// One of `0..of`, and the exploration tries them all. `of` below 2 is no choice.
    pub fn choose(&self, of: usize) -> usize {
        self.run.value(of)
    }

    /// Whether something goes wrong here: false first, and then also true.
    pub fn fails(&self) -> bool {
        self.choose(2) == 1
    }

    /// A line for what is printed of a failing order.
    pub fn note(&self, text: impl fmt::Display) {
        self.run.note(|| text.to_string());
    }

    /// The virtual time.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.run.selector.now())
    }

    /// The step in progress takes so long: other tasks' timers may be due when it ends.
    pub fn compute(&self, time: Duration) {
        self.run.compute(time);
    }

    /// Two ends of a connection.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub fn pair(&self) -> io::Result<(UnixStream, UnixStream)> {
        UnixStream::pair()
    }

    /// Something that tasks share, of which the simulation sees the use. See
    /// [`Explorer::only_shared`](crate::sim::Explorer::only_shared).
    pub fn shared<T>(&self, value: T) -> Shared<T> {
        Shared { thing: self.run.new_thing(), run: Rc::clone(&self.run), value: Rc::new(value) }
    }
}

/// Waits until all of these have ended. One that was cancelled has; the panic of one goes on here, so that
/// the run fails by it.
pub async fn all_end(tasks: impl IntoIterator<Item = Task<()>>) {
    for task in tasks {
        if let Err(TaskError::Panicked(panic)) = task.await {
            std::panic::resume_unwind(panic);
        }
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sim")
    }
}

/// Something that tasks share: a clone is the same thing.
///
/// ```
/// use singletrack::aio::Lock;
/// use singletrack::sim::Explorer;
///
/// let explored = Explorer::new().only_shared().explore(|sim| async move {
///     let count = sim.shared(Lock::new(0));
///     let (one, other) = (count.clone(), count.clone());
///     let tasks = [one, other].map(|count| {
///         sim.spawn("adds", async move { *count.acquire().await += 1 })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(*count.acquire().await, 2);
/// });
/// assert!(explored.unwrap().complete);
/// ```
pub struct Shared<T> {
    run: Rc<Stage>,
    thing: u64,
    value: Rc<T>,
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared { run: Rc::clone(&self.run), thing: self.thing, value: Rc::clone(&self.value) }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.run.touch(self.thing);
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
