//! The tasks of one loop, and the queue of what is ready to run.
//!
//! *Assumes*: one thread; cells that know their own state (`task/cell.rs`).
//! *Promises*: strict FIFO, asyncio's order; a task stands in the queue at most once; a stale
//! id changes nothing; no user code runs in here.
//! *Leaves out*: running (`event_loop/scheduler.rs`), and finding the loop of a waker
//! (`event_loop/waker.rs`).
//!
//! ```text
//!   a waker's number ─► slot 2 ─► its task, if it is still the same ─► queue, if it was idle
//!
//!   slots    0: task   1: –   2: task   3: task          free_slots   1
//!   queue    task of slot 3 · – · task of slot 0         what runs next stands first
//!   calls    key of a callback                           one for each – in the queue
//! ```

use crate::base::id::{Key, LoopId, MAX_INDEX, TaskId};
use crate::task::cell::{AnyTask, TaskOf};
use crate::task::state::{Pause, TaskState};
use std::collections::VecDeque;
use std::future::Future;

/// The slot number of the root future, which lives on the caller's stack and has no slot.
const ROOT: u32 = MAX_INDEX;

/// A queue with room for so many entries is not made smaller.
const KEPT_CAPACITY: usize = 4096;

/// One thing to run.
pub enum ReadyEntry {
    /// A task.
    Task(AnyTask),
    /// The callback with this key; or the root future, whose key is [`ROOT_CALL`].
    Call(Key),
}

/// The future given to `run_until_complete` stands among the callbacks under a key that none
/// of them has.
pub const ROOT_CALL: Key = Key { index: u32::MAX, generation: u32::MAX };

/// The key of a root that was given up while it was queued: no callback has it.
const NO_CALL: Key = Key { index: u32::MAX, generation: 0 };

/// Slots and queue.
pub struct ReadyQueue {
    loop_id: LoopId,
    /// By index. A task leaves when it is done, so its absence means just that. The generation is
    /// in the task's own id.
    slots: Vec<Option<AnyTask>>,
    /// The slots without a task, the last one to become free on top.
    free_slots: Vec<u32>,
    next_generation: u16,
    /// What runs when; `None` is the next of `calls`. Tasks are the common case, and an entry
    /// that is nothing but a pointer travels in a register: an enum with both kinds goes
    /// through memory, which makes a yield a quarter slower.
    queue: VecDeque<Option<AnyTask>>,
    calls: VecDeque<Key>,
    root: TaskState,
    closed: bool,
}

impl ReadyQueue {
    /// No tasks.
    pub fn new(loop_id: LoopId) -> Self {
        ReadyQueue {
            loop_id,
            slots: Vec::new(),
            free_slots: Vec::new(),
            next_generation: 0,
            queue: VecDeque::new(),
            calls: VecDeque::new(),
            root: TaskState::Idle,
            closed: false,
        }
    }

    /// Step 8 of an iteration begins: how many entries it is to run.
    pub fn batch(&mut self) -> usize {
        self.give_memory_back();
        self.queue.len()
    }

    /// True when nothing is ready.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many tasks are alive, not counting the root.
    pub fn tasks(&self) -> usize {
        self.slots.len() - self.free_slots.len()
    }

    /// Those tasks, in the order of their slots.
    pub fn all(&self) -> Vec<AnyTask> {
        self.slots.iter().flatten().cloned().collect()
    }

    /// The ids of those tasks, in the order of their slots.
    pub fn ids(&self) -> Vec<TaskId> {
        self.slots.iter().flatten().map(|task| task.id()).collect()
    }

    /// The ids of those that are to be dropped at their next step.
    pub fn cancelled(&self) -> impl Iterator<Item = TaskId> {
        self.slots.iter().flatten().filter(|task| task.is_cancelled()).map(|task| task.id())
    }

    /// The next entry, oldest first.
    pub fn pop(&mut self) -> Option<ReadyEntry> {
        match self.queue.pop_front()? {
            Some(task) => Some(ReadyEntry::Task(task)),
            None => {
                self.give_memory_back();
                self.calls.pop_front().map(ReadyEntry::Call)
            }
        }
    }

    /// What is ready, oldest first: the id of a task or of the root; `None` is a callback.
    pub fn ready(&self) -> Vec<Option<TaskId>> {
        let mut calls = self.calls.iter();
        let id = |entry: &Option<AnyTask>| match entry {
            Some(task) => Some(task.id()),
            None => calls.next().filter(|key| **key == ROOT_CALL).map(|_| self.root_id()),
        };
        self.queue.iter().map(id).collect()
    }

    /// The entry at this place of [`ready`](Self::ready), out of turn.
    pub fn pop_at(&mut self, place: usize) -> Option<ReadyEntry> {
        match self.queue.remove(place)? {
            Some(task) => Some(ReadyEntry::Task(task)),
            None => {
                let before = self.queue.iter().take(place).filter(|entry| entry.is_none()).count();
                self.calls.remove(before).map(ReadyEntry::Call)
            }
        }
    }

    /// When a burst is over. Not checked for every task that comes out: that path is hot.
    fn give_memory_back(&mut self) {
        if self.queue.capacity() > KEPT_CAPACITY && self.queue.len() < KEPT_CAPACITY {
            self.shrink();
        }
    }

    #[cold]
    fn shrink(&mut self) {
        self.queue.shrink_to(KEPT_CAPACITY);
    }

    /// Appends a callback.
    pub fn push_call(&mut self, key: Key) {
        self.calls.push_back(key);
        self.queue.push_back(None);
    }

    /// Appends a task whose state says that it is queued.
    pub fn push_task(&mut self, task: AnyTask) {
        self.queue.push_back(Some(task));
    }

    /// Takes the task out again if it stands last in the queue.
    pub fn unqueue_last(&mut self, id: TaskId) -> Option<AnyTask> {
        let its_own =
            |entry: &mut Option<AnyTask>| entry.as_ref().is_some_and(|task| task.id() == id);
        self.queue.pop_back_if(its_own).flatten()
    }

    /// Whether there is room for one task more, asked while the caller still has its future: the drop of
    /// that is user code.
    ///
    /// # Panics
    /// If 16,777,215 tasks are alive.
    #[inline]
    pub fn check_room(&self) {
        let full = self.free_slots.is_empty() && self.slots.len() == ROOT as usize;
        assert!(!full || self.closed, "a loop holds at most {ROOT} tasks");
    }

    /// Gives a new task its slot and queues it: its first step comes in the next iteration. Once
    /// the loop is going away there is no slot, and the caller has to end the task.
    ///
    /// # Panics
    /// As [`check_room`](Self::check_room), which is to be called before.
    pub fn insert<F: Future + 'static>(
        &mut self,
        future: F,
    ) -> Result<TaskOf<F::Output>, TaskOf<F::Output>> {
        if self.closed {
            return Err(TaskOf::new(self.root_id(), future));
        }
        let index = self.free_slots.pop().unwrap_or_else(|| self.new_slot());
        let task = TaskOf::new(TaskId::pack(self.loop_id, self.next_generation, index), future);
        self.next_generation = self.next_generation.wrapping_add(1);
        self.slots[index as usize] = Some(task.clone());
        self.push_task(task.clone());
        Ok(task)
    }

    /// With no slot left, though without tasks.
    #[cfg(test)]
    pub fn fill(&mut self) {
        self.slots.resize_with(ROOT as usize, || None);
    }

    fn new_slot(&mut self) -> u32 {
        self.check_room();
        let index = self.slots.len() as u32;
        self.slots.push(None);
        index
    }

    /// The id by which the root future is woken.
    pub fn root_id(&self) -> TaskId {
        TaskId::pack(self.loop_id, 0, ROOT)
    }

    /// Where the root future is between its polls.
    pub fn root_state(&self) -> TaskState {
        self.root
    }

    /// The waker of `id` was used. True if that has put it into the queue.
    pub fn wake(&mut self, id: TaskId) -> bool {
        if id.index() == ROOT {
            let wakes = self.root.wake();
            if wakes {
                self.push_call(ROOT_CALL);
            }
            return wakes;
        }
        let Some(task) = self.task(id).filter(|task| task.wake()) else { return false };
        let task = task.clone();
        self.push_task(task);
        true
    }

    /// Marks a task to be dropped at its next step, and queues it for that. True as for a wake.
    pub fn cancel(&mut self, id: TaskId) -> bool {
        let Some(task) = self.task(id) else { return false };
        task.cancel();
        self.wake(id)
    }

    /// A task is done. Hands the slot's share of it out, since its drop may be user code.
    #[must_use]
    pub fn remove(&mut self, index: u32) -> Option<AnyTask> {
        let task = self.slots.get_mut(index as usize)?.take()?;
        self.free_slots.push(index);
        Some(task)
    }

    /// The root future is about to be polled.
    pub fn start_root(&mut self) {
        self.root.start();
    }

    /// The root future's poll returned `Pending`. True: it was woken in it, and runs again.
    pub fn pause_root(&mut self) -> bool {
        let again = self.root.pause() == Pause::Requeue;
        if again {
            self.push_call(ROOT_CALL);
        }
        again
    }

    /// The root future is done or given up: its entry in the queue, if there is one, runs nothing.
    pub fn forget_root(&mut self) {
        for key in self.calls.iter_mut().filter(|key| **key == ROOT_CALL) {
            *key = NO_CALL;
        }
        self.root = TaskState::Idle;
    }

    /// The loop is going away: no more tasks. Hands out the queue, to be dropped.
    #[must_use]
    pub fn close(&mut self) -> VecDeque<Option<AnyTask>> {
        self.closed = true;
        self.calls.clear();
        std::mem::take(&mut self.queue)
    }

    /// Takes any one task out, to be dropped with its loop.
    pub fn pop_slot(&mut self) -> Option<AnyTask> {
        loop {
            match self.slots.pop()? {
                None => self.free_slots.pop(),
                task => return task,
            };
        }
    }

    /// The task of this id, if it is alive.
    pub fn task(&self, id: TaskId) -> Option<&AnyTask> {
        self.slots.get(id.index() as usize)?.as_ref().filter(|task| task.id() == id)
    }
}
