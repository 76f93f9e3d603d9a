//! A task's life on its loop: spawned, run step by step, dropped.
//!
//! *Assumes*: slots and queue (`task/ready_queue.rs`), cells (`task/cell.rs`), wakers that are ids
//! (`event_loop/waker.rs`).
//! *Promises*: while a task runs nothing of the loop is borrowed, so it may spawn, wake and
//! cancel any task, itself included; its panic reaches its awaiter or the exception handler, and a
//! panic in its future's drop always the handler. An eager task that is ready at once never enters
//! the ready queue and costs no iteration; one that waits is a task like any other from then on. A
//! task that is ended now has been dropped when
//! the call returns, unless it is the caller, or the caller runs inside its step.
//! *Leaves out*: how many to run (`event_loop/run_once.rs`).
//!
//! ```text
//!   create_task        parent ───────────────────► waits      queue ─► child, step 1 …
//!   create_eager_task  parent ─► child, step 1 ─► parent … waits        child, step 2 …
//! ```
//! An eager task *changes the order*: the child's code up to its first wait runs before the rest
//! of its parent's step, and before all that is ready. That is the point where a result is often
//! there (a cache, a buffer that is not empty), and a trap where the parent still has
//! something to prepare. Deep chains of eager tasks take stack, as calls do.
//!
//! Counterpart: `asyncio.eager_task_factory` and `create_task(…, eager_start=True)` of
//! Python 3.12 and 3.14. There a factory can make all tasks of a loop eager; here each call says
//! so itself, so that the meaning of `create_task` does not change far from where it is read.

use crate::base::id::TaskId;
use crate::base::panic::{drop_caught, into_message};
use crate::event_loop::await_points;
use crate::event_loop::core::{Core, current, made_here, no_loop, try_enter, with_current};
use crate::event_loop::join::Task;
use crate::event_loop::recording::{Cause, LoopEventKind};
use crate::event_loop::spans;
use crate::event_loop::waker::{noting_waker, task_of, wake, waker};
use crate::task::cell::AnyTask;
use crate::task::metadata::TaskMetadata;
use crate::task::running;
use crate::task::state::{StepEnd, TaskEnd};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

impl Core {
    /// Gives `future` a slot; its first poll comes in the next iteration. A loop that is being
    /// dropped takes no more tasks: the future is dropped, and awaiting it gives `Cancelled`.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> Task<F::Output> {
        self.spawn_at(Location::caller(), None, future)
    }

    /// As [`spawn`](Self::spawn), on behalf of this place in the program.
    #[inline]
    pub fn spawn_at<F: Future + 'static>(
        &self,
        place: &'static Location<'static>,
        name: Option<&str>,
        future: F,
    ) -> Task<F::Output> {
        let mut ready = self.ready.borrow_mut();
        ready.check_room();
        let inserted = ready.insert(future);
        let refused = inserted.is_err();
        let (Ok(task) | Err(task)) = inserted;
        drop(ready); // ending a future is user code
        if refused {
            if let Some(end) = task.cancel_now() {
                self.settle(task.id(), end);
            }
            return Task::new(task);
        }
        if let Some(name) = name {
            self.metadata.borrow_mut().of(task.id()).name = Some(name.into());
        }
        if self.is_watched() {
            self.note_made(task.id(), place);
        }
        Task::new(task)
    }

    /// Runs one step of a task that came out of the queue. True: it was woken in it, mostly by
    /// itself, and stands in the queue again.
    pub(crate) fn step(&self, task: AnyTask) -> bool {
        self.budget.refill();
        self.advance(task)
    }

    /// The same, on what is left of the budget.
    pub(crate) fn advance(&self, task: AnyTask) -> bool {
        if task.is_done() {
            return false; // ended while it stood in the queue
        }
        // Its drop would do nothing, and that by a call through a pointer.
        let waker = ManuallyDrop::new(waker(task.id()));
        let cx = &mut Context::from_waker(&waker);
        let ran = match self.is_watched() {
            false => task.run(cx),
            true => self.run_watched(&task, cx),
        };
        match ran {
            StepEnd::Parked => false,
            StepEnd::Again => {
                self.ready.borrow_mut().push_task(task);
                true
            }
            StepEnd::Done(end) => {
                self.conclude(task, end);
                false
            }
        }
    }

    /// In debug mode: where the task was made. If that is recorded: by whom.
    #[inline(never)]
    fn note_made(&self, id: TaskId, place: &'static Location<'static>) {
        if self.debug.is_on() {
            self.metadata.borrow_mut().of(id).made_at = Some(place);
        }
        if spans::on() {
            spans::made(id, &self.name_of(id), "task", Some(place));
        }
        self.note(LoopEventKind::Made(id, self.recorder.cause()));
    }

    /// Records a step. In debug mode one that takes long is reported.
    #[inline(never)]
    fn run_watched(&self, task: &AnyTask, cx: &mut Context<'_>) -> StepEnd {
        let (id, start) = (task.id(), self.now());
        if let Some(name) = self.metadata.borrow().name(id) {
            self.recorder.note_name(id, &name);
        }
        self.recorder.write(start, LoopEventKind::Polled(id));
        let noting = await_points::is_on().then(|| noting_waker(id));
        let step = || match &noting {
            None => task.run(cx),
            Some(waker) => task.run(&mut Context::from_waker(waker)),
        };
        let ran = self.because(Cause::Task(id), || spans::within(id, step));
        let end = self.now();
        self.recorder.write(
            end,
            match &ran {
                StepEnd::Parked => LoopEventKind::Paused(id),
                StepEnd::Again => LoopEventKind::Yielded(id),
                StepEnd::Done(_) => LoopEventKind::Ended(id),
            },
        );
        let took = Duration::from_nanos(end - start);
        spans::stepped(id, took, matches!(ran, StepEnd::Again), self.debug.limit());
        if !self.debug.is_on() {
            return ran;
        }
        let place = || match self.metadata.borrow().made_at(id) {
            Some(place) => format!("{}, made at {place}", self.name_of(id)),
            None => self.name_of(id),
        };
        self.check_slow(took, place);
        ran
    }

    /// A task is done: frees its slot, wakes its joiner, schedules its callbacks. Out of line, for
    /// the sake of the steps that end in `Pending`.
    #[inline(never)]
    fn conclude(&self, task: AnyTask, end: TaskEnd) {
        let id = task.id();
        spans::ended(id);
        let slot = self.ready.borrow_mut().remove(id.index());
        drop(slot);
        self.because(Cause::Task(id), || self.settle(id, end));
        let metadata = self.metadata.borrow_mut().remove(id);
        let name = metadata.and_then(|metadata| self.schedule_callbacks(metadata));
        self.release(task, name);
    }

    /// Wakes the joiner, and reports a panic in the future's drop, which no awaiter is told of.
    fn settle(&self, id: TaskId, end: TaskEnd) {
        if let Some(joiner) = end.joiner {
            self.wake_or_report(joiner);
        }
        if let Some(panic) = end.drop_panic {
            self.report(self.name_of(id), into_message(*panic));
        }
    }

    /// Uses a waker. One of this crate's cannot panic. Another one's may, and must not keep the
    /// other wakers from being used.
    pub fn wake_or_report(&self, waker: Waker) {
        match task_of(&waker) {
            Some(id) => wake(id),
            None => self.run_user_code("a waker", || waker.wake()),
        }
    }

    /// Drops a task that is done. If its handle is gone too, its panic can no longer be fetched,
    /// and is reported; nor can its value, whose drop is user code and may panic as well.
    fn release(&self, task: AnyTask, name: Option<Rc<str>>) {
        if !task.is_last() {
            return;
        }
        let id = task.id();
        let unread = task.unread_panic();
        if let Some(message) = unread.or(drop_caught(task)) {
            self.report(name.map_or_else(|| format!("{id:?}"), |name| name.to_string()), message);
        }
    }

    /// A task with metadata has ended: its callbacks run in the next iteration. Returns its name.
    fn schedule_callbacks(&self, metadata: TaskMetadata) -> Option<Rc<str>> {
        for callback in metadata.callbacks {
            self.call_soon(callback);
        }
        metadata.name
    }

    /// A task's name, or its number.
    pub fn name_of(&self, id: TaskId) -> String {
        let name = self.metadata.borrow().name(id);
        name.map_or_else(|| format!("{id:?}"), |name| name.to_string())
    }

    /// Drops the future of a task here and now; awaiting it gives `Cancelled`. One that runs,
    /// because it calls this itself or something does inside its step, is dropped in the next
    /// iteration instead: a future cannot be dropped while it is being polled. Without effect on a
    /// task that is done, and in the copy of a loop that came with a fork.
    pub(crate) fn end_now(id: TaskId) {
        let Some(core) = made_here(id.loop_id()) else { return };
        let _its_drops_find_their_loop = try_enter(&core);
        core.end(id);
    }

    fn end(&self, id: TaskId) {
        let task = self.ready.borrow().task(id).cloned();
        let Some(task) = task else { return };
        if task.state().is_running() {
            return self.cancel_here(id);
        }
        let nested = &self.nested_ends;
        let depth = nested.depth.get();
        if depth == DEEPEST_END {
            return nested.later.borrow_mut().push(task);
        }
        nested.depth.set(depth + 1);
        self.drop_future(task);
        if depth == 0 {
            // The borrow ends before the task does: its drop is user code.
            let next = || nested.later.borrow_mut().pop();
            std::iter::from_fn(next).for_each(|task| self.drop_future(task));
        }
        nested.depth.set(depth);
    }

    /// No drop in here panics: all are caught.
    fn drop_future(&self, task: AnyTask) {
        if let Some(end) = task.cancel_now() {
            self.conclude(task, end);
        }
    }

    /// Drops every task. Awaiters get `Cancelled`; what the drops spawn is refused.
    pub(crate) fn drop_tasks(&self) {
        let queue = self.ready.borrow_mut().close();
        drop(queue);
        loop {
            // The borrow ends before the task does: its drop is user code.
            let slot = self.ready.borrow_mut().pop_slot();
            let Some(task) = slot else { break };
            if let Some(end) = task.cancel_now() {
                self.settle(task.id(), end);
            }
            spans::ended(task.id());
            self.drop_or_report("a task", task);
        }
    }
}

/// What is recorded, if anything is.
impl Core {
    /// Whether debug mode or the recorder is on, or somebody listens for traces.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.watched.get() || spans::on()
    }

    /// To be called when one of the two was switched.
    pub fn watch(&self) {
        self.watched.set(self.debug.is_on() || self.recorder.is_on());
    }

    /// Records an event that happens now.
    #[inline(never)]
    pub fn note(&self, what: LoopEventKind) {
        self.recorder.write(self.now(), what);
    }

    /// The waker of `id` was used.
    pub fn wake_here(&self, id: TaskId) {
        let queued = self.ready.borrow_mut().wake(id);
        self.note_woken(queued, id);
    }

    /// The task is to be dropped at its next step.
    pub fn cancel_here(&self, id: TaskId) {
        let queued = self.ready.borrow_mut().cancel(id);
        self.note_woken(queued, id);
    }

    #[inline]
    fn note_woken(&self, queued: bool, id: TaskId) {
        if self.is_watched() && queued {
            self.note(LoopEventKind::Woken(id, self.recorder.cause()));
        }
    }

    /// Does `act`, which is what wakes tasks meanwhile.
    pub fn because<R>(&self, cause: Cause, act: impl FnOnce() -> R) -> R {
        let outer = self.recorder.set_cause(Some(cause));
        let done = act();
        self.recorder.set_cause(outer);
        done
    }
}

/// A task that ends in the drop of another, and so on, is dropped at once down to this depth. Those
/// below wait until the first of all has been dropped, so that no chain overflows the stack.
const DEEPEST_END: u32 = 16;

/// Starts a task on the loop that this thread is running; its first poll comes in the next
/// iteration.
///
/// # Panics
/// When called outside a running loop.
#[doc(alias = "asyncio.create_task")]
#[track_caller]
#[doc(alias = "asyncio.ensure_future")]
pub fn create_task<F: Future + 'static>(future: F) -> Task<F::Output> {
    let place = Location::caller();
    with_current(|core| core.spawn_at(place, None, future))
        .unwrap_or_else(|| no_loop("create_task"))
}

/// Starts a task on the running loop and runs its first step here and now.
///
/// Inside, [`current_task`](crate::aio::tasks::current::current_task) is the new task, and outside
/// again the old one. A panic stays in the task. The step spends what is left of its parent's
/// [budget](crate::task::budget), so that a row of eager tasks cannot hold the loop for
/// longer than one task could. It also sees the parent's [context](crate::aio::tasks::current), but
/// later steps do not: give the future a scope of its own if it reads that.
///
/// ```
/// use singletrack::EventLoop;
/// use singletrack::event_loop::create_eager_task;
///
/// let event_loop = EventLoop::new()?;
/// let iterations = event_loop.run_until_complete(async {
///     let before = event_loop.iterations();
///     let task = create_eager_task(async { 6 * 7 });
///     assert!(task.done());
///     assert_eq!(task.await.unwrap(), 42);
///     event_loop.iterations() - before
/// });
/// assert_eq!(iterations, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
/// When called outside a running loop.
#[doc(alias = "asyncio.eager_task_factory")]
#[doc(alias = "eager_start")]
#[track_caller]
#[doc(alias = "asyncio.create_eager_task_factory")]
pub fn create_eager_task<F: Future + 'static>(future: F) -> Task<F::Output> {
    current("create_eager_task").spawn_eager(Location::caller(), future)
}

impl Core {
    fn spawn_eager<F: Future + 'static>(
        &self,
        place: &'static Location<'static>,
        future: F,
    ) -> Task<F::Output> {
        let task = self.spawn_at(place, None, future);
        // `spawn_at` put it at the end of the queue, and nothing was queued since.
        let queued_last = self.ready.borrow_mut().unqueue_last(task.id());
        if let Some(cell) = queued_last {
            let _parent = running::save();
            self.advance(cell);
        }
        task
    }
}

#[cfg(test)]
mod tests {
    use super::create_task;
    use crate::base::panic::into_message;
    use crate::event_loop::lifecycle::EventLoop;
    use std::future::{Future, poll_fn};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    struct WakesInItsDrop(Waker);

    impl Future for WakesInItsDrop {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    impl Drop for WakesInItsDrop {
        fn drop(&mut self) {
            self.0.wake_by_ref();
        }
    }

    #[test]
    fn a_future_that_finds_no_slot_may_wake_tasks_of_the_loop_in_its_drop() {
        let event_loop = EventLoop::new().unwrap();
        event_loop.core.ready.borrow_mut().fill();
        let message = event_loop.run_until_complete(poll_fn(|cx| {
            let future = WakesInItsDrop(cx.waker().clone());
            let made = catch_unwind(AssertUnwindSafe(|| drop(create_task(future))));
            Poll::Ready(made.map_err(into_message))
        }));
        assert_eq!(message.unwrap_err(), "a loop holds at most 16777215 tasks");
    }
}
