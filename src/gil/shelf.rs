//! The diaries of all threads that use one lock.
//!
//! *Assumes*: it stands under a mutex.
//! *Promises*: what a thread has counted is not lost when it dies; who was recorded can be read
//! as long as there is the lock.
//! *Leaves out*: writing (`gil/diary.rs`).

use crate::base::sync::Arc;
use crate::gil::counters::Counters;
use crate::gil::diary::Diary;
use crate::gil::histogram::Times;
use crate::gil::record::Track;
use crate::gil::verdict::ThreadId;

/// Diaries.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// By thread number.
    living: Vec<Option<Arc<Diary>>>,
    /// Those that have a ring, of the living and of the dead, in the order in which they got it.
    recorded: Vec<Arc<Diary>>,
    /// How many events a ring holds; 0 until there is a recording.
    capacity: usize,
    of_the_dead: (Counters, Times),
}

impl Shelf {
    /// A thread joined.
    pub(crate) fn adds(&mut self, id: ThreadId, diary: &Arc<Diary>) {
        if self.living.len() <= id.index() {
            self.living.resize_with(id.index() + 1, || None);
        }
        self.living[id.index()] = Some(Arc::clone(diary));
        self.equips(diary);
    }

    /// A thread died.
    pub(crate) fn removes(&mut self, id: ThreadId) {
        if let Some(diary) = self.living[id.index()].take() {
            let (counters, times) = self.of_the_dead;
            self.of_the_dead = (counters + diary.meter.read(), times + diary.times());
        }
    }

    /// Threads have rings of this many events from now on; those that have one keep it.
    pub(crate) fn records(&mut self, capacity: usize) {
        self.capacity = capacity;
        let living: Vec<Arc<Diary>> = self.living().map(Arc::clone).collect();
        living.iter().for_each(|diary| self.equips(diary));
    }

    fn equips(&mut self, diary: &Arc<Diary>) {
        if self.capacity > 0 && diary.begins_ring(self.capacity) {
            self.recorded.push(Arc::clone(diary));
        }
    }

    /// What was recorded.
    pub(crate) fn tracks(&self) -> Vec<Track> {
        self.recorded.iter().map(|diary| diary.track()).collect()
    }

    /// Summed over all, dead ones included.
    pub(crate) fn counters(&self) -> Counters {
        self.of_the_dead.0 + self.living().map(|diary| diary.meter.read()).sum::<Counters>()
    }

    /// Of the living.
    pub(crate) fn thread_counters(&self) -> Vec<(String, Counters)> {
        self.living().map(|diary| (diary.name().to_owned(), diary.meter.read())).collect()
    }

    /// Summed over all, dead ones included.
    pub(crate) fn times(&self) -> Times {
        self.living().fold(self.of_the_dead.1, |sum, diary| sum + diary.times())
    }

    /// Of those that were recorded, and of the living that were not.
    pub(crate) fn thread_times(&self) -> Vec<(String, Times)> {
        let others = self.living().filter(|diary| !diary.has_ring());
        let all = self.recorded.iter().chain(others);
        all.map(|diary| (diary.name().to_owned(), diary.times())).collect()
    }

    fn living(&self) -> impl Iterator<Item = &Arc<Diary>> {
        self.living.iter().flatten()
    }
}
