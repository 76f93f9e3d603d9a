//! The line of waiters, and the permits over it, against a `VecDeque`: after any sequence of
//! operations nobody is stranded, the order is that of arrival, and no permit is lost.

use super::reader::Reader;
use singletrack::aio::sync::waiters::Removed;
use singletrack::aio::sync::waiters::Synchronizer;
use singletrack::aio::{Grant, Permits};
use singletrack::base::id::Key;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

pub fn check_bytes(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let Some(free) = reader.below(4) else { return };
    let op = |r: &mut Reader| {
        Some(match r.byte()? % 7 {
            n @ (0 | 6) => Op::Acquire(n == 0),
            1 => Op::Run(r.below(8)?),
            2 => Op::Cancel(r.below(8)?),
            3 => Op::Move(r.below(8)?),
            4 => Op::Release,
            _ => Op::Bring,
        })
    };
    check(free, &reader.list(op));
}

pub fn check(free: usize, ops: &[Op]) {
    let mut world = World::new(free);
    for op in ops {
        world.obey(op);
        world.check();
    }
    // However it came to this: bring enough permits and everybody is served, in order.
    let names: Vec<usize> = world.line.iter().copied().collect();
    for name in names {
        world.obey(&Op::Bring);
        world.check();
        assert!(world.waiters.iter().any(|w| w.name == name && w.granted));
    }
}

/// A waker that counts.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Bell {
    fn rung(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone)]
pub enum Op {
    /// A task comes and enters or waits. Without budget (false) it comes for its pass later.
    Acquire(bool),
    /// The i-th waiter's task runs.
    Run(usize),
    /// The i-th waiter is dropped, granted or not.
    Cancel(usize),
    /// The i-th waiter moves to another task.
    Move(usize),
    /// One who holds a permit gives it back.
    Release,
    /// Somebody brings a permit of his own.
    Bring,
}

struct Waiter {
    name: usize,
    place: Key,
    bell: Arc<Bell>,
    /// What the model says.
    granted: bool,
}

/// Permits, and the model beside them: who waits, in order; how many are free or held.
struct World {
    permits: Permits,
    free: usize,
    held: usize,
    total: usize,
    line: VecDeque<usize>,
    waiters: Vec<Waiter>,
    names: usize,
}

impl World {
    fn new(free: usize) -> World {
        World {
            permits: Permits::new(free),
            free,
            held: 0,
            total: free,
            line: VecDeque::new(),
            waiters: Vec::new(),
            names: 0,
        }
    }

    /// The model's hand-off: the first in line, or the heap of free permits.
    fn hand_off(&mut self) {
        match self.line.pop_front() {
            None => self.free += 1,
            Some(name) => {
                self.waiters.iter_mut().find(|w| w.name == name).unwrap().granted = true;
            }
        }
    }

    fn release(&mut self) {
        if let Some(waker) = self.permits.release() {
            waker.wake();
        }
        self.hand_off();
    }

    fn obey(&mut self, op: &Op) {
        match *op {
            Op::Acquire(has_budget) => {
                let entered = self.permits.try_acquire();
                assert_eq!(entered.is_some(), self.free > 0);
                if entered.is_some() {
                    self.free -= 1;
                }
                let bell = Arc::new(Bell::default());
                let (place, granted) = match entered {
                    Some(_) if has_budget => {
                        self.held += 1;
                        return;
                    }
                    Some(pass) => {
                        bell.0.fetch_add(1, Ordering::Relaxed); // as the spent budget does
                        (self.permits.waiters().insert_granted(pass), true)
                    }
                    None => {
                        self.line.push_back(self.names);
                        (self.permits.waiters().push(Waker::from(Arc::clone(&bell))), false)
                    }
                };
                self.waiters.push(Waiter { name: self.names, place, bell, granted });
                self.names += 1;
            }
            Op::Run(i) if i < self.waiters.len() => {
                let Waiter { place, granted, .. } = self.waiters[i];
                let pass = self.permits.waiters().take(place);
                assert_eq!(pass, granted.then_some(Grant::Permit));
                if granted {
                    self.waiters.remove(i);
                    self.held += 1;
                    assert!(matches!(self.permits.waiters().remove(place), Removed::Gone));
                }
            }
            Op::Cancel(i) if i < self.waiters.len() => {
                let waiter = self.waiters.remove(i);
                match self.permits.waiters().remove(waiter.place) {
                    Removed::Waiting(_) => assert!(!waiter.granted),
                    Removed::Gone => panic!("it was there"),
                    Removed::Granted(pass) => {
                        assert!(waiter.granted);
                        if let Some(waker) = self.permits.give_back(pass) {
                            waker.wake();
                        }
                        self.hand_off();
                    }
                }
                self.line.retain(|&name| name != waiter.name);
            }
            Op::Move(i) if i < self.waiters.len() => {
                let waiter = &mut self.waiters[i];
                if waiter.granted {
                    return;
                }
                let line = self.permits.waiters();
                assert!(line.will_wake(waiter.place, &Waker::from(Arc::clone(&waiter.bell))));
                waiter.bell = Arc::new(Bell::default());
                let new = Waker::from(Arc::clone(&waiter.bell));
                assert!(!line.will_wake(waiter.place, &new));
                drop(line.replace_waker(waiter.place, new));
            }
            Op::Release if self.held > 0 => {
                self.held -= 1;
                self.release();
            }
            Op::Bring => {
                self.total += 1;
                self.release();
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        let granted = self.waiters.iter().filter(|w| w.granted).count();
        assert_eq!(self.permits.free(), self.free);
        assert_eq!(self.free + self.held + granted, self.total, "permits are conserved");
        assert!(self.free == 0 || self.line.is_empty(), "nobody waits while one is free");
        assert_eq!(self.permits.waiters().waiting(), self.line.len());
        assert_eq!(self.permits.waiters().granted(), granted);
        for waiter in &self.waiters {
            assert_eq!(waiter.bell.rung(), usize::from(waiter.granted), "woken once, if granted");
        }
    }
}
