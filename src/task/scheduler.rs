//! A task's life on its loop: spawned, polled, cancelled, dropped.
//!
//! *Assumes*: slots and queue (`task/ready.rs`), cells (`task/cell.rs`), wakers that are ids.
//! *Promises*: a task is out of its slot while it runs, so it may spawn, wake and cancel
//! whatever it likes, itself included; its panic reaches its awaiter or the handler.
//! *Leaves out*: how many to run (`event_loop/run.rs`).

use crate::base::id::TaskId;
use crate::event_loop::core::Core;
use crate::task::cell::{Body, TaskCell, TaskError};
use crate::task::join::Task;
use crate::task::ready::Start;
use crate::task::waker::waker;
use std::future::Future;
use std::rc::Rc;
use std::task::{Context, Poll};

impl Core {
    /// Gives `future` a slot; its first poll comes in the next turn. A loop that is being
    /// dropped takes no more tasks: the future is dropped, its handle reads `Cancelled`.
    pub fn spawn<F: Future + 'static>(&self, future: F) -> Task<F::Output> {
        let cell = TaskCell::new(future);
        let id = self.ready.borrow_mut().insert(Rc::clone(&cell) as Rc<dyn Body>);
        if id.is_none() {
            cell.end(TaskError::Cancelled);
        }
        Task::new(id.unwrap_or_else(|| self.ready.borrow().root_id()), cell)
    }

    /// Runs one step of the task in a slot.
    pub fn step(&self, index: u32) {
        let Some((id, start)) = self.ready.borrow_mut().start(index) else { return };
        let (body, joiner) = match start {
            Start::Poll(body) => match body.poll(&mut Context::from_waker(&waker(id))) {
                Poll::Pending => return self.ready.borrow_mut().pause(index, body),
                Poll::Ready(joiner) => (body, joiner),
            },
            Start::Drop(body) => {
                let joiner = body.end(TaskError::Cancelled);
                (body, joiner)
            }
        };
        self.ready.borrow_mut().finish(index);
        if let Some(joiner) = joiner {
            joiner.wake();
        }
        self.bury(id, &body);
    }

    /// If the handle is gone too, nobody will ever fetch a panic: report it.
    fn bury(&self, id: TaskId, body: &Rc<dyn Body>) {
        if Rc::strong_count(body) == 1
            && let Some(message) = body.unread_panic()
        {
            self.report(format!("{id:?}"), message);
        }
    }

    /// Drops every task, those that drops spawn included. Awaiters read `Cancelled`.
    pub fn drop_tasks(&self) {
        self.ready.borrow_mut().close();
        loop {
            // The borrow ends before the body does: its drop is user code.
            let evicted = self.ready.borrow_mut().evict();
            let Some(body) = evicted else { break };
            if let Some(joiner) = body.end(TaskError::Cancelled) {
                joiner.wake();
            }
        }
    }
}
