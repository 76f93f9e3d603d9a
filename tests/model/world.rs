//! The rules of free threading under random schedules: no thread runs in a stopped world, and no
//! thread is forgotten.

use super::reader::Reader;
use singletrack::gil::ThreadId;
use singletrack::gil::free_threading::stop_the_world::{
    AttachState, Misuse, RunOrSleep, StopTheWorld,
};
use std::collections::VecDeque;

/// The bytes give the number of threads, then for each step a thread and what it does.
pub fn check_bytes(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let count = 1 + reader.below(6).unwrap_or(0);
    check(count, &reader.list(|r| Some((r.below(count)?, r.byte()?))));
}

pub fn check(count: usize, steps: &[(usize, u8)]) {
    let mut model = Model::new(count);
    for &(thread, what) in steps {
        model.act(thread % count, what);
        model.check();
    }
    model.drain();
}

/// What a thread does, as the model knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Outside,
    Runs,
    /// It sleeps until it may run; it was at a checkpoint, or wanted to attach.
    Parked,
    /// It sleeps until all others are parked.
    WantsToStop,
    /// It is the only thread that runs.
    Stops,
    Dead,
}

/// Simulated threads, which do what the rules say. The model has no rules of its own; it panics
/// if what the rules say contradicts what the threads do.
struct Model {
    world: StopTheWorld,
    ids: Vec<ThreadId>,
    doing: Vec<Doing>,
    /// The threads that want to stop the world, in the order of their requests.
    queue: VecDeque<usize>,
    /// Woken, but has not yet asked whether it may run.
    woken: Vec<bool>,
    /// How many stops a parked thread has slept through.
    slept_through: Vec<u64>,
}

impl Model {
    fn new(count: usize) -> Model {
        let mut world = StopTheWorld::default();
        let ids = (0..count).map(|_| world.add_thread()).collect();
        let (doing, queue) = (vec![Doing::Outside; count], VecDeque::new());
        let (woken, slept_through) = (vec![false; count], vec![0; count]);
        Model { world, ids, doing, queue, woken, slept_through }
    }

    fn act(&mut self, thread: usize, what: u8) {
        let id = self.ids[thread];
        match (self.doing[thread], what % 6) {
            (Doing::Dead, _) => {
                self.ids[thread] = self.world.add_thread();
                self.doing[thread] = Doing::Outside;
            }
            (Doing::Outside, 0) => self.remove(thread),
            // By its state word, which is open while no thread stops the world.
            (Doing::Outside, 5) if self.queue.is_empty() => {
                self.world.record_fast_path(id, true);
                self.doing[thread] = Doing::Runs;
            }
            (Doing::Outside, _) => {
                let next = self.world.attach(id).unwrap();
                self.apply(thread, next, Doing::Runs, Doing::Parked);
            }
            (Doing::Runs, 0) => {
                let response = self.world.detach(id).unwrap();
                self.doing[thread] = Doing::Outside;
                self.wake(response.wake);
            }
            (Doing::Runs, 5) if self.queue.is_empty() => {
                self.world.record_fast_path(id, false);
                self.doing[thread] = Doing::Outside;
            }
            (Doing::Runs, 1 | 2) => {
                let response = self.world.park(id).unwrap();
                self.apply(thread, response.next, Doing::Runs, Doing::Parked);
                self.wake(response.wake);
            }
            (Doing::Runs, 3) => {
                self.queue.push_back(thread);
                let response = self.world.stop(id).unwrap();
                self.apply(thread, response.next, Doing::Stops, Doing::WantsToStop);
                self.wake(response.wake);
            }
            (Doing::Runs, _) => {
                assert_eq!(self.world.attach(id), Err(Misuse::Nested));
                assert_eq!(self.world.start(id), Err(Misuse::NotStopping));
            }
            // Perhaps for no reason: condition variables have spurious wake-ups.
            (Doing::Parked | Doing::WantsToStop, 0..=3) => self.recheck(thread),
            (Doing::Parked | Doing::WantsToStop, _) => {
                let wakes = self.world.give_up(id);
                self.queue.retain(|&other| other != thread);
                self.doing[thread] = Doing::Outside;
                (self.woken[thread], self.slept_through[thread]) = (false, 0);
                self.wake_all(wakes);
            }
            (Doing::Stops, 0) => self.remove(thread),
            (Doing::Stops, 1) => {
                assert_eq!(self.world.detach(id), Err(Misuse::Stopping));
                assert_eq!(self.world.stop(id), Err(Misuse::Stopping));
                assert_eq!(self.world.park(id).unwrap().next, RunOrSleep::Run);
            }
            (Doing::Stops, _) => self.start(thread),
        }
    }

    fn start(&mut self, thread: usize) {
        assert_eq!(self.queue.pop_front(), Some(thread));
        self.doing[thread] = Doing::Runs;
        let wakes = self.world.start(self.ids[thread]).unwrap();
        self.world_started();
        self.wake_all(wakes);
    }

    fn remove(&mut self, thread: usize) {
        let stopped = self.doing[thread] == Doing::Stops;
        let wakes = self.world.remove_thread(self.ids[thread]);
        self.queue.retain(|&other| other != thread);
        self.doing[thread] = Doing::Dead;
        if stopped {
            self.world_started();
        }
        self.wake_all(wakes);
    }

    /// A parked thread may run now; counts the stops until it has.
    fn world_started(&mut self) {
        for thread in 0..self.doing.len() {
            if self.doing[thread] == Doing::Parked {
                self.slept_through[thread] += 1;
                assert!(
                    self.slept_through[thread] <= 1,
                    "thread {thread} sleeps through stop after stop"
                );
            }
        }
    }

    fn recheck(&mut self, thread: usize) {
        self.woken[thread] = false;
        let runs = if self.doing[thread] == Doing::Parked { Doing::Runs } else { Doing::Stops };
        let next = self.world.after_wake(self.ids[thread]);
        self.apply(thread, next, runs, self.doing[thread]);
    }

    fn apply(&mut self, thread: usize, next: RunOrSleep, runs: Doing, sleeps: Doing) {
        self.doing[thread] = if next == RunOrSleep::Run { runs } else { sleeps };
        if next == RunOrSleep::Run {
            self.slept_through[thread] = 0;
        }
        if self.doing[thread] == Doing::Stops {
            assert_eq!(self.queue.front(), Some(&thread), "it stops the world before its turn");
        }
    }

    /// The living thread with this number: numbers are used again.
    fn of(&self, id: ThreadId) -> usize {
        let is = |&thread: &usize| self.ids[thread] == id && self.doing[thread] != Doing::Dead;
        (0..self.ids.len()).find(is).expect("a thread")
    }

    fn wake_all(&mut self, ids: Vec<ThreadId>) {
        ids.into_iter().for_each(|id| self.wake(Some(id)));
    }

    fn wake(&mut self, id: Option<ThreadId>) {
        let Some(id) = id else { return };
        let thread = self.of(id);
        let asleep = matches!(self.doing[thread], Doing::Parked | Doing::WantsToStop);
        assert!(
            asleep && !self.woken[thread],
            "thread {thread} is woken for nothing: {:?}",
            self.doing[thread]
        );
        self.woken[thread] = true;
    }

    fn check(&self) {
        let runs = |doing: &&Doing| matches!(doing, Doing::Runs);
        let running = self.doing.iter().filter(runs).count();
        let stopping = self.doing.iter().filter(|b| **b == Doing::Stops).count();
        assert!(stopping <= 1 && (stopping == 0 || running == 0), "{:?}", self.doing);
        for (thread, &doing) in self.doing.iter().enumerate() {
            let state = self.world.state(self.ids[thread]);
            match doing {
                Doing::Outside => assert_eq!(state, AttachState::Detached),
                Doing::Runs | Doing::Stops => assert_eq!(state, AttachState::Attached),
                Doing::Parked | Doing::WantsToStop => {
                    let must_sleep = self.world.after_wake(self.ids[thread]) == RunOrSleep::Sleep;
                    assert!(
                        must_sleep || self.woken[thread],
                        "thread {thread} may run, and was not woken"
                    );
                }
                Doing::Dead => {}
            }
        }
        let stopper = self.world.stopper().map(|id| self.of(id));
        assert_eq!(stopper, self.queue.front().copied());
    }

    /// From now on no thread begins to stop the world, and only threads that run or were woken
    /// take steps.
    fn drain(&mut self) {
        for _ in 0..self.doing.len() * 4 {
            for thread in 0..self.doing.len() {
                match self.doing[thread] {
                    Doing::Runs => self.act(thread, 0),
                    Doing::Stops => self.start(thread),
                    Doing::Parked | Doing::WantsToStop if self.woken[thread] => {
                        self.recheck(thread)
                    }
                    _ => {}
                }
                self.check();
            }
        }
        let left = self.doing.iter().all(|b| matches!(b, Doing::Outside | Doing::Dead));
        assert!(left, "a thread was forgotten: {:?}", self.doing);
    }
}
