//! The rules of threads without a lock, played by threads that believe nothing: nobody runs in
//! a stopped world, and nobody is forgotten.

use super::reader::Reader;
use singletrack::gil::ThreadId;
use singletrack::gil::free_threading::stop_the_world::{
    AttachState, Misuse, RunOrSleep, StopTheWorld,
};
use std::collections::VecDeque;

/// How many threads, and then for each step: who, and what it does.
pub fn check_bytes(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let count = 1 + reader.below(6).unwrap_or(0);
    check(count, &reader.list(|r| Some((r.below(count)?, r.byte()?))));
}

pub fn check(count: usize, steps: &[(usize, u8)]) {
    let mut stage = Stage::new(count);
    for &(who, what) in steps {
        stage.act(who % count, what);
        stage.check();
    }
    stage.drain();
}

/// What a thread believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Outside,
    Runs,
    /// Asleep until it may run; it was at a checkpoint, or wanted in.
    Parked,
    /// Asleep until all others are.
    WantsToStop,
    /// It has the world to itself.
    Stops,
    Dead,
}

/// Threads, played. It knows no rule of the world, and complains when what it is told is absurd.
struct Stage {
    world: StopTheWorld,
    ids: Vec<ThreadId>,
    bodies: Vec<Body>,
    /// Who wants to stop the world, in the order of asking.
    line: VecDeque<usize>,
    /// Woken, and not yet looked.
    woken: Vec<bool>,
    /// Stops that a parked thread has slept through.
    slept_through: Vec<u64>,
}

impl Stage {
    fn new(count: usize) -> Stage {
        let mut world = StopTheWorld::default();
        let ids = (0..count).map(|_| world.add_thread()).collect();
        let (bodies, line) = (vec![Body::Outside; count], VecDeque::new());
        let (woken, slept_through) = (vec![false; count], vec![0; count]);
        Stage { world, ids, bodies, line, woken, slept_through }
    }

    fn act(&mut self, who: usize, what: u8) {
        let id = self.ids[who];
        match (self.bodies[who], what % 6) {
            (Body::Dead, _) => {
                self.ids[who] = self.world.add_thread();
                self.bodies[who] = Body::Outside;
            }
            (Body::Outside, 0) => self.dies(who),
            // Through its door, which is open while nobody stops the world: it asks nobody.
            (Body::Outside, 5) if self.line.is_empty() => {
                self.world.record_fast_path(id, true);
                self.bodies[who] = Body::Runs;
            }
            (Body::Outside, _) => {
                let next = self.world.attach(id).unwrap();
                self.obey(who, next, Body::Runs, Body::Parked);
            }
            (Body::Runs, 0) => {
                let outcome = self.world.detach(id).unwrap();
                self.bodies[who] = Body::Outside;
                self.wake(outcome.wake);
            }
            (Body::Runs, 5) if self.line.is_empty() => {
                self.world.record_fast_path(id, false);
                self.bodies[who] = Body::Outside;
            }
            (Body::Runs, 1 | 2) => {
                let outcome = self.world.park(id).unwrap();
                self.obey(who, outcome.next, Body::Runs, Body::Parked);
                self.wake(outcome.wake);
            }
            (Body::Runs, 3) => {
                self.line.push_back(who);
                let outcome = self.world.stop(id).unwrap();
                self.obey(who, outcome.next, Body::Stops, Body::WantsToStop);
                self.wake(outcome.wake);
            }
            (Body::Runs, _) => {
                assert_eq!(self.world.attach(id), Err(Misuse::Nested));
                assert_eq!(self.world.start(id), Err(Misuse::NotStopping));
            }
            // Perhaps for no reason: condition variables do that.
            (Body::Parked | Body::WantsToStop, 0..=3) => self.looks(who),
            (Body::Parked | Body::WantsToStop, _) => {
                let wakes = self.world.give_up(id);
                self.line.retain(|&other| other != who);
                self.bodies[who] = Body::Outside;
                (self.woken[who], self.slept_through[who]) = (false, 0);
                self.wake_all(wakes);
            }
            (Body::Stops, 0) => self.dies(who),
            (Body::Stops, 1) => {
                assert_eq!(self.world.detach(id), Err(Misuse::Stopping));
                assert_eq!(self.world.stop(id), Err(Misuse::Stopping));
                assert_eq!(self.world.park(id).unwrap().next, RunOrSleep::Run);
            }
            (Body::Stops, _) => self.starts(who),
        }
    }

    fn starts(&mut self, who: usize) {
        assert_eq!(self.line.pop_front(), Some(who));
        self.bodies[who] = Body::Runs;
        let wakes = self.world.start(self.ids[who]).unwrap();
        self.world_started();
        self.wake_all(wakes);
    }

    fn dies(&mut self, who: usize) {
        let stopped = self.bodies[who] == Body::Stops;
        let wakes = self.world.remove_thread(self.ids[who]);
        self.line.retain(|&other| other != who);
        self.bodies[who] = Body::Dead;
        if stopped {
            self.world_started();
        }
        self.wake_all(wakes);
    }

    /// Whoever was parked may run now, and is counted until it has.
    fn world_started(&mut self) {
        for who in 0..self.bodies.len() {
            if self.bodies[who] == Body::Parked {
                self.slept_through[who] += 1;
                assert!(self.slept_through[who] <= 1, "{who} sleeps through stop after stop");
            }
        }
    }

    fn looks(&mut self, who: usize) {
        self.woken[who] = false;
        let runs = if self.bodies[who] == Body::Parked { Body::Runs } else { Body::Stops };
        let next = self.world.after_wake(self.ids[who]);
        self.obey(who, next, runs, self.bodies[who]);
    }

    fn obey(&mut self, who: usize, next: RunOrSleep, runs: Body, sleeps: Body) {
        self.bodies[who] = if next == RunOrSleep::Run { runs } else { sleeps };
        if next == RunOrSleep::Run {
            self.slept_through[who] = 0;
        }
        if self.bodies[who] == Body::Stops {
            assert_eq!(self.line.front(), Some(&who), "it was not its turn to stop the world");
        }
    }

    /// The living thread with this number: numbers are used again.
    fn of(&self, id: ThreadId) -> usize {
        let is = |&who: &usize| self.ids[who] == id && self.bodies[who] != Body::Dead;
        (0..self.ids.len()).find(is).expect("a thread")
    }

    fn wake_all(&mut self, ids: Vec<ThreadId>) {
        ids.into_iter().for_each(|id| self.wake(Some(id)));
    }

    fn wake(&mut self, id: Option<ThreadId>) {
        let Some(id) = id else { return };
        let who = self.of(id);
        let asleep = matches!(self.bodies[who], Body::Parked | Body::WantsToStop);
        assert!(asleep && !self.woken[who], "{who} is woken for nothing: {:?}", self.bodies[who]);
        self.woken[who] = true;
    }

    fn check(&self) {
        let runs = |body: &&Body| matches!(body, Body::Runs);
        let running = self.bodies.iter().filter(runs).count();
        let stopping = self.bodies.iter().filter(|b| **b == Body::Stops).count();
        assert!(stopping <= 1 && (stopping == 0 || running == 0), "{:?}", self.bodies);
        for (who, &body) in self.bodies.iter().enumerate() {
            let standing = self.world.state(self.ids[who]);
            match body {
                Body::Outside => assert_eq!(standing, AttachState::Detached),
                Body::Runs | Body::Stops => assert_eq!(standing, AttachState::Attached),
                Body::Parked | Body::WantsToStop => {
                    let told = self.world.after_wake(self.ids[who]) == RunOrSleep::Sleep;
                    assert!(told || self.woken[who], "{who} may run, and nobody has told it");
                }
                Body::Dead => {}
            }
        }
        let stopper = self.world.stopper().map(|id| self.of(id));
        assert_eq!(stopper, self.line.front().copied());
    }

    /// From now on nobody stops anything anew, and only those move who run or were woken.
    fn drain(&mut self) {
        for _ in 0..self.bodies.len() * 4 {
            for who in 0..self.bodies.len() {
                match self.bodies[who] {
                    Body::Runs => self.act(who, 0),
                    Body::Stops => self.starts(who),
                    Body::Parked | Body::WantsToStop if self.woken[who] => self.looks(who),
                    _ => {}
                }
                self.check();
            }
        }
        let left = self.bodies.iter().all(|b| matches!(b, Body::Outside | Body::Dead));
        assert!(left, "somebody was forgotten: {:?}", self.bodies);
    }
}
