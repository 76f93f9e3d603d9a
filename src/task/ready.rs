//! The tasks of one loop, and the queue of what is ready to run.
//!
//! *Assumes*: one thread; the states' rules (`task/state.rs`).
//! *Promises*: strict FIFO, asyncio's order; a task stands in the queue at most once; a stale
//! id changes nothing; nothing of the user's runs in here.
//! *Leaves out*: polling (`task/scheduler.rs`), and finding the loop of a waker
//! (`task/waker.rs`).

use crate::base::id::{GENERATIONS, LoopId, MAX_INDEX, TaskId};
use crate::base::slab::{GenerationSlab, Key};
use crate::task::cell::Body;
use crate::task::state::{Pause, State};
use std::collections::VecDeque;
use std::rc::Rc;

/// The slot number of the root future, which lives on the caller's stack and has no slot.
const ROOT: u32 = MAX_INDEX;

/// One thing to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The future given to `run_until_complete`.
    Root,
    /// The task in this slot.
    Task(u32),
    /// The callback with this key.
    Call(Key),
}

/// A task's place. Its absence means that the task is done.
struct Slot {
    /// Out while the task is polled, so that no borrow spans user code.
    body: Option<Rc<dyn Body>>,
    state: State,
    cancelled: bool,
}

/// What to do with a task that came out of the queue.
#[must_use]
pub enum Start {
    /// Poll it.
    Poll(Rc<dyn Body>),
    /// It was cancelled: drop its future.
    Drop(Rc<dyn Body>),
}

/// Slots and queue.
pub struct Ready {
    loop_id: LoopId,
    slots: GenerationSlab<Slot>,
    queue: VecDeque<Entry>,
    root: State,
    closed: bool,
}

impl Ready {
    /// No tasks.
    pub fn new(loop_id: LoopId) -> Self {
        Ready {
            loop_id,
            slots: GenerationSlab::new(),
            queue: VecDeque::new(),
            root: State::Idle,
            closed: false,
        }
    }

    /// How many entries the queue holds.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// True when nothing is ready.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many tasks are alive, not counting the root.
    pub fn tasks(&self) -> usize {
        self.slots.len()
    }

    /// The next entry, oldest first.
    pub fn pop(&mut self) -> Option<Entry> {
        self.queue.pop_front()
    }

    /// Appends a callback.
    pub fn push_call(&mut self, key: Key) {
        self.queue.push_back(Entry::Call(key));
    }

    /// Gives a task a slot and queues it: its first step comes in the next turn. `None` once
    /// the loop is going away.
    ///
    /// # Panics
    /// If 16,777,215 tasks are alive.
    pub fn insert(&mut self, body: Rc<dyn Body>) -> Option<TaskId> {
        if self.closed {
            return None;
        }
        let slot = Slot { body: Some(body), state: State::Queued, cancelled: false };
        let key = self.slots.insert(slot);
        assert!(key.index < ROOT, "a loop holds at most {ROOT} tasks");
        self.queue.push_back(Entry::Task(key.index));
        Some(TaskId::new(self.loop_id, key.generation, key.index))
    }

    /// The id by which the root future is woken.
    pub fn root_id(&self) -> TaskId {
        TaskId::new(self.loop_id, 0, ROOT)
    }

    /// Somebody used the waker of `id`.
    pub fn wake(&mut self, id: TaskId) {
        if id.index() == ROOT {
            if self.root.wake() {
                self.queue.push_back(Entry::Root);
            }
        } else if let Some(slot) = self.slot_of(id)
            && slot.state.wake()
        {
            self.queue.push_back(Entry::Task(id.index()));
        }
    }

    /// Marks a task to be dropped at its next turn, which comes soon.
    pub fn cancel(&mut self, id: TaskId) {
        if let Some(slot) = self.slot_of(id) {
            slot.cancelled = true;
            self.wake(id);
        }
    }

    /// The task in a slot came out of the queue. `None`: it ended some other way.
    pub fn start(&mut self, index: u32) -> Option<(TaskId, Start)> {
        let loop_id = self.loop_id;
        let (key, slot) = self.slots.at_mut(index)?;
        let body = slot.body.take()?;
        slot.state.start();
        let id = TaskId::new(loop_id, key.generation, key.index);
        Some((id, if slot.cancelled { Start::Drop(body) } else { Start::Poll(body) }))
    }

    /// Its poll returned `Pending`.
    pub fn pause(&mut self, index: u32, body: Rc<dyn Body>) {
        let Some((_, slot)) = self.slots.at_mut(index) else { return };
        slot.body = Some(body);
        if slot.state.pause() == Pause::Requeue {
            self.queue.push_back(Entry::Task(index));
        }
    }

    /// Its poll returned `Ready`, or it was dropped: the slot is free again.
    pub fn finish(&mut self, index: u32) {
        if let Some((key, _)) = self.slots.at_mut(index) {
            self.slots.remove(key);
        }
    }

    /// The root future is about to be polled.
    pub fn start_root(&mut self) {
        self.root.start();
    }

    /// The root future's poll returned `Pending`.
    pub fn pause_root(&mut self) {
        if self.root.pause() == Pause::Requeue {
            self.queue.push_back(Entry::Root);
        }
    }

    /// The root future is done or given up; what is left of it in the queue is nobody's.
    pub fn forget_root(&mut self) {
        self.queue.retain(|entry| *entry != Entry::Root);
        self.root = State::Idle;
    }

    /// The loop is going away: from now on [`insert`](Self::insert) refuses.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Takes any one task out, to be dropped with its loop.
    pub fn evict(&mut self) -> Option<Rc<dyn Body>> {
        loop {
            let (key, _) = self.slots.iter().next()?;
            if let Some(Slot { body: Some(body), .. }) = self.slots.remove(key) {
                return Some(body);
            }
        }
    }

    fn slot_of(&mut self, id: TaskId) -> Option<&mut Slot> {
        let (key, slot) = self.slots.at_mut(id.index())?;
        (key.generation % GENERATIONS == id.generation()).then_some(slot)
    }
}
