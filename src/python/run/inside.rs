//! What is under the lock: the machine, who waits, and how the run has ended.
//!
//! *Assumes*: a thread that holds the lock.
//! *Promises*: a thread that lost the lock in the middle of a function goes on where it was; who
//! changes something wakes those that waited for it; a deadlock is an end.
//! *Leaves out*: the lock, threads, streams (`python/run/shell.rs`, `python/run/carry.rs`). Pure but
//! for the clock.

use crate::python::front::position::Position;
use crate::python::machine::burst::{Pause, Points};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::outside::SocketRequest;
use crate::python::machine::terms::Limits;
use crate::python::machine::world::{Stage, Wait};
use crate::python::run::waiters::Waiters;
use crate::python::value::any::Id;
use crate::python::value::asyncio::Loop;
use crate::python::value::object::{Object, Sync};
use std::sync::Arc;
use std::task::Waker;

/// Instructions of one burst, at most: so an interruption is heard in code that nobody asks to go.
const LONGEST_BURST: u64 = 100_000;

/// The bounds of a real run.
pub(crate) const LIMITS: Limits = Limits { items: 32 << 20, frames: 1000, threads: 10_000 };

/// How a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All threads that are waited for have ended; this is the exit code.
    Finished(u8),
    /// The program asked for too much, or for what is outside the subset, in this place.
    Stopped(String, Position),
    /// No thread can go on: what each waits for.
    Deadlock(Vec<String>),
    /// Somebody has ended it, when the main thread was at its end already.
    Interrupted,
    /// Its output could not be written, for this reason; `true` if its reader has gone.
    NoOutput(String, bool),
}

/// Whether a thread can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resumed {
    /// It is the machine's current thread now.
    Runs,
    /// What it waits for has not come, and will not be waited for after this moment.
    Waits(Option<u64>),
    /// It has ended.
    Ended,
}

/// The machine and its threads.
pub struct Inside {
    /// The machine. Its current thread may be one that has lost the lock since.
    pub machine: Machine,
    pub(crate) waiters: Waiters,
    /// Whether the machine has a current thread.
    entered: bool,
    /// How many of the world's threads somebody carries.
    pub(crate) carried: usize,
    /// How it has ended.
    pub(crate) ending: Option<Ending>,
}

impl Inside {
    pub(crate) fn new(machine: Machine) -> Inside {
        let carried = machine.world.threads.len();
        Inside { machine, waiters: Waiters::default(), entered: false, carried, ending: None }
    }

    /// Puts the current thread back, if there is one.
    pub(crate) fn leave(&mut self) {
        if std::mem::take(&mut self.entered) {
            self.machine.leave();
        }
    }

    fn enter(&mut self, number: usize) {
        if self.entered && self.machine.number == number {
            return;
        }
        self.leave();
        self.machine.enter(number);
        self.entered = true;
    }

    /// A thread has the lock: it goes on, if it can; else its waker will be woken. An interruption
    /// ends its wait.
    pub(crate) fn resume(&mut self, number: usize, interrupted: bool, waker: &Waker) -> Resumed {
        if self.entered && self.machine.number == number {
            return Resumed::Runs;
        }
        let now = self.machine.now();
        self.machine.world.clock = now;
        let ready = self.machine.world.is_ready(number);
        let Some(thread) = self.machine.world.threads.get_mut(number) else {
            return Resumed::Ended;
        };
        if thread.has_ended() {
            return Resumed::Ended;
        }
        if let (Some((wait, _)), false) = (thread.wait, ready) {
            let late = thread.deadline.is_some_and(|deadline| deadline <= now);
            if !late && !interrupted {
                let deadline = thread.deadline;
                self.waiters.add(number, wait, waker.clone());
                return Resumed::Waits(deadline);
            }
            Arc::make_mut(thread).timed_out = true;
            if let (Wait::Barrier(id), true) = (wait, interrupted) {
                self.break_barrier(number, id);
            }
        }
        self.waiters.forget(number);
        self.enter(number);
        Resumed::Runs
    }

    /// Whoever is interrupted at a barrier breaks it for the others.
    fn break_barrier(&mut self, number: usize, barrier: Id) {
        if let Object::Sync(Sync::Barrier { broken, .. }) = self.machine.world.heap.get_mut(barrier)
        {
            *broken = true;
        }
        Arc::make_mut(&mut self.machine.world.threads[number]).stage = Stage::None;
    }

    /// Raises `KeyboardInterrupt` in the current thread, unless it is in the middle of a call that
    /// has to take back a lock first. True if it was raised.
    pub(crate) fn interrupt(&mut self) -> bool {
        let stage = self.machine.current.stage;
        let now = matches!(stage, Stage::None | Stage::Slept | Stage::Entering);
        if now {
            self.machine.current.timed_out = false;
            self.machine.interrupt("KeyboardInterrupt");
            // Another thread may have what this one has not taken.
            self.machine.outside.stirred = true;
        }
        now
    }

    /// Executes the current thread up to a place at which the policy looks, or where the shell has to.
    pub(crate) fn burst(&mut self, points: Points<'_>) -> Pause {
        let mut fuel = LONGEST_BURST;
        self.machine.run_burst(points.or_stirred(), &mut fuel)
    }

    /// What is wanted of the sockets of a loop since it was asked last.
    pub(crate) fn take_sockets(&mut self, event_loop: Id) -> Vec<(u64, SocketRequest)> {
        let all = self.machine.outside.sockets.drain(..);
        let (own, others) = all.partition(|(other, ..)| *other == event_loop);
        self.machine.outside.sockets = others;
        let own: Vec<(Id, u64, SocketRequest)> = own;
        own.into_iter().map(|(_, number, request)| (number, request)).collect()
    }

    /// Wakes whom something from outside has helped.
    pub(crate) fn wake_waiters(&mut self) {
        self.machine.outside.stirred = true;
        self.wake();
    }

    /// The event loop that a thread runs.
    pub(crate) fn runs(&self, number: usize) -> Option<Id> {
        self.machine.world.threads.get(number).and_then(|thread| thread.runs)
    }

    /// The tasks of a loop that have begun, and that nobody carries yet.
    pub(crate) fn take_born(&mut self, event_loop: Id) -> Vec<usize> {
        let born = &mut self.machine.outside.born;
        let (own, others) = born.drain(..).partition(|(other, _)| *other == event_loop);
        *born = others;
        let own: Vec<(Id, usize)> = own;
        own.into_iter().map(|(_, number)| number).collect()
    }

    /// The current thread waits from now on. If no thread can go on any more, that is the end.
    pub(crate) fn wait(&mut self) {
        self.leave();
        self.machine.outside.stirred = true;
        self.look_for_deadlock();
    }

    /// The current thread has ended. If nobody is left to be waited for, that is the end.
    pub(crate) fn end_thread(&mut self) {
        self.leave();
        self.machine.outside.stirred = true;
        if self.machine.world.has_ended() {
            let code = self.exit_code();
            self.ending.get_or_insert(Ending::Finished(code));
        } else {
            self.look_for_deadlock();
        }
    }

    fn exit_code(&self) -> u8 {
        let main = self.machine.world.threads.first().and_then(|main| main.failure.as_ref());
        match (main, &self.machine.outside.exit) {
            (Some(failure), _) if failure.text.starts_with("KeyboardInterrupt") => 130,
            (Some(_), _) => 1,
            (None, Some(exit)) => exit.code,
            (None, None) => 0,
        }
    }

    /// Wakes whom the last burst has helped.
    pub(crate) fn wake(&mut self) {
        if std::mem::take(&mut self.machine.outside.stirred) && !self.waiters.is_empty() {
            let world = &self.machine.world;
            self.waiters.wake(|number| world.is_ready(number));
            self.waiters.wake_turns(|event_loop| {
                let next = world.event_loop(event_loop).map_or([None; 2], Loop::next);
                next.map(|number| number.filter(|number| world.is_ready(*number)))
            });
        }
    }

    /// Whether a thread runs a loop that has no task: `run_forever` waits for nothing in particular.
    fn is_idle(&self, number: usize, event_loop: Id) -> bool {
        let threads = &self.machine.world.threads;
        let waits = Some(Wait::Turn(event_loop));
        let has_tasks = threads.iter().enumerate().any(|(other, thread)| {
            other != number && !thread.has_ended() && thread.wait.map(|(wait, _)| wait) == waits
        });
        threads[number].runs == Some(event_loop) && !has_tasks
    }

    fn look_for_deadlock(&mut self) {
        let world = &self.machine.world;
        let stuck = |number: usize| {
            let thread = &world.threads[number];
            let hopeless = match thread.wait {
                Some((Wait::Answer(_) | Wait::Sleep(_), _)) => false,
                // A socket may have something to say, or a task is ready.
                Some((Wait::Turn(_), _)) if self.machine.outside.open_sockets > 0 => false,
                Some((Wait::Turn(id), _)) if self.is_idle(number, id) => false,
                Some((Wait::Turn(id), _)) if world.event_loop(id).is_some_and(Loop::goes_on) => {
                    false
                }
                Some(_) => thread.deadline.is_none() && !world.is_ready(number),
                None => false,
            };
            thread.has_ended() || hopeless
        };
        if (0..world.threads.len()).all(stuck) {
            let waits = self.machine.waits();
            self.ending.get_or_insert(Ending::Deadlock(waits));
        }
    }
}
