//! A task's life on its loop: spawned, run, dropped.
//!
//! *Assumes*: slots and queue (`task/ready.rs`), cells (`task/cell.rs`), wakers that are ids
//! (`task/waker.rs`).
//! *Promises*: while a task runs nothing of the loop is borrowed, so it may spawn, wake and
//! cancel whatever it likes, itself included; its panic reaches its awaiter or the exception
//! handler.
//! *Leaves out*: how many to run (`event_loop/run.rs`).

use crate::base::error::last_words;
use crate::base::id::TaskId;
use crate::event_loop::core::Core;
use crate::task::cell::{AnyTask, Ran};
use crate::task::join::Task;
use crate::task::notes::Note;
use crate::task::waker::{task_of, wake, waker};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

impl Core {
    /// Gives `future` a slot; its first poll comes in the next turn. A loop that is being
    /// dropped takes no more tasks: the future is dropped, its handle reads `Cancelled`.
    #[track_caller]
    pub fn spawn<F: Future + 'static>(&self, future: F) -> Task<F::Output> {
        self.spawn_at(Location::caller(), future)
    }

    /// As [`spawn`](Self::spawn), on behalf of this place in the program.
    pub fn spawn_at<F: Future + 'static>(
        &self,
        place: &'static Location<'static>,
        future: F,
    ) -> Task<F::Output> {
        let mut ready = self.ready.borrow_mut();
        let inserted = ready.insert(future);
        let refused = inserted.is_err();
        let (Ok(task) | Err(task)) = inserted;
        drop(ready); // ending a future is user code
        if refused {
            let _nobody_awaits_it_yet = task.evict();
        } else if self.debug.is_on() {
            self.notes.borrow_mut().of(task.id()).made_at = Some(place);
        }
        Task::new(task)
    }

    /// Runs one step of a task that came out of the queue.
    pub(crate) fn step(&self, task: AnyTask) {
        self.budget.refill();
        self.advance(task);
    }

    /// The same, on what is left of the budget.
    pub(crate) fn advance(&self, task: AnyTask) {
        // Its drop would do nothing, and that by a call through a pointer.
        let waker = ManuallyDrop::new(waker(task.id()));
        let cx = &mut Context::from_waker(&waker);
        let ran = match self.debug.is_on() {
            false => task.run(cx),
            true => self.run_watched(&task, cx),
        };
        match ran {
            Ran::Parked => {}
            Ran::Again => self.ready.borrow_mut().push_task(task),
            Ran::Done(joiner) => self.conclude(task, joiner),
        }
    }

    /// In debug mode: a step that takes long is told of.
    #[inline(never)]
    fn run_watched(&self, task: &AnyTask, cx: &mut Context<'_>) -> Ran {
        let start = self.now();
        let (id, ran) = (task.id(), task.run(cx));
        let took = Duration::from_nanos(self.now() - start);
        let place = || match self.notes.borrow().made_at(id) {
            Some(place) => format!("{}, made at {place}", self.name_of(id)),
            None => self.name_of(id),
        };
        self.check_slow(took, place);
        ran
    }

    /// A task is done: frees its slot, tells those who wait. Out of line, for the sake of the
    /// steps that end in `Pending`.
    #[inline(never)]
    fn conclude(&self, task: AnyTask, joiner: Option<Waker>) {
        let id = task.id();
        let slot = self.ready.borrow_mut().remove(id.index());
        drop(slot);
        if let Some(joiner) = joiner {
            self.wake_or_report(joiner);
        }
        let note = self.notes.borrow_mut().remove(id);
        let name = note.and_then(|note| self.schedule_callbacks(note));
        self.let_go(task, name);
    }

    /// Uses a waker. One of ours cannot panic. Somebody else's may, and must not take the
    /// wakes of others down with it.
    pub fn wake_or_report(&self, waker: Waker) {
        match task_of(&waker) {
            Some(id) => wake(id),
            None => self.survive("a waker", || waker.wake()),
        }
    }

    /// Drops a task that is done. If its handle is gone too, nobody will ever fetch its panic,
    /// which is reported; nor its value, whose drop is user code and may panic as well.
    fn let_go(&self, task: AnyTask, name: Option<Rc<str>>) {
        if !task.is_last() {
            return;
        }
        let id = task.id();
        let unread = task.unread_panic();
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(task))).map_err(last_words);
        if let Some(message) = unread.or(dropped.err()) {
            self.report(name.map_or_else(|| format!("{id:?}"), |name| name.to_string()), message);
        }
    }

    /// A task with a note has ended: its callbacks come in the next turn. Returns its name.
    fn schedule_callbacks(&self, note: Note) -> Option<Rc<str>> {
        for callback in note.callbacks {
            self.call_soon(callback);
        }
        note.name
    }

    /// A task's name, or its number.
    pub fn name_of(&self, id: TaskId) -> String {
        let name = self.notes.borrow().name(id);
        name.map_or_else(|| format!("{id:?}"), |name| name.to_string())
    }

    /// Drops every task. Awaiters read `Cancelled`; what the drops spawn is refused.
    pub(crate) fn drop_tasks(&self) {
        let queue = self.ready.borrow_mut().close();
        drop(queue);
        loop {
            // The borrow ends before the task does: its drop is user code.
            let slot = self.ready.borrow_mut().pop_slot();
            let Some(task) = slot else { break };
            if let Some(joiner) = task.evict() {
                self.wake_or_report(joiner);
            }
        }
    }
}
