//! What few tasks have: a name, done callbacks, and the place where they were made.
//!
//! *Assumes*: ids are keys.
//! *Promises*: a task without a name and without callbacks costs nothing here; nothing stays
//! behind when a task ends.
//! *Leaves out*: calling the callbacks (`event_loop/scheduler.rs`).
//!
//! asyncio keeps both in each task. Here they stand beside the tasks, since most have
//! neither, and the cost of a million parked tasks is their size.

use crate::base::id::TaskId;
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;

/// Called in the iteration after the task's end.
pub type DoneCallback = Box<dyn FnOnce()>;

/// What one task has.
#[derive(Default)]
pub struct TaskMetadata {
    /// Its name, if it was given one.
    pub name: Option<Rc<str>>,
    /// Where it was made, if that was in debug mode.
    pub made_at: Option<&'static Location<'static>>,
    /// In the order in which they were added.
    pub callbacks: Vec<DoneCallback>,
}

/// The metadata of one loop's tasks.
///
/// ```
/// use singletrack::base::id::TaskId;
/// use singletrack::task::metadata::MetadataTable;
///
/// let (id, mut table) = (TaskId::from_raw(7), MetadataTable::default());
/// table.of(id).name = Some("fetch".into());
/// assert_eq!(table.name(id).as_deref(), Some("fetch"));
/// assert!(table.remove(id).is_some());
/// assert!(table.name(id).is_none());
/// ```
#[derive(Default)]
pub struct MetadataTable(BTreeMap<TaskId, TaskMetadata>);

impl MetadataTable {
    /// What a task has, to be changed.
    pub fn of(&mut self, id: TaskId) -> &mut TaskMetadata {
        self.0.entry(id).or_default()
    }

    /// The name of a task.
    pub fn name(&self, id: TaskId) -> Option<Rc<str>> {
        self.0.get(&id)?.name.clone()
    }

    /// Where the task was made, if that is known.
    pub fn made_at(&self, id: TaskId) -> Option<&'static Location<'static>> {
        self.0.get(&id)?.made_at
    }

    /// Forgets everything, and hands out the callbacks that are left, by the ids of their tasks: a table
    /// of hashes would have another order in each run, and the user sees the order in which they are dropped.
    pub fn take_callbacks(&mut self) -> Vec<DoneCallback> {
        std::mem::take(&mut self.0).into_values().flat_map(|metadata| metadata.callbacks).collect()
    }

    /// The task has ended. Where no task has metadata, this costs one comparison.
    pub fn remove(&mut self, id: TaskId) -> Option<TaskMetadata> {
        if self.0.is_empty() { None } else { self.0.remove(&id) }
    }
}
