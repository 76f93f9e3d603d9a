//! The queue of waiters, and the permits over it, against a `VecDeque`: after any sequence of
//! operations no waiter is stranded, the order is that of arrival, and no permit is lost.

use super::reader::Reader;
use singletrack::aio::sync::semaphore::{Grant, Permits};
use singletrack::aio::sync::waiters::{Removed, Synchronizer};
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
            4 => Op::PutBack,
            _ if r.below(4)? == 0 => Op::Retire,
            _ => Op::Bring,
        })
    };
    check(free, &reader.list(op));
}

pub fn check(free: usize, ops: &[Op]) {
    let mut world = World::new(free);
    for op in ops {
        world.apply(op);
        world.check();
    }
    // In any state: bring enough permits and every waiter is served, in order.
    let names: Vec<usize> = world.queue.iter().copied().collect();
    for name in names {
        world.apply(&Op::Bring);
        world.check();
        assert!(world.waiters.iter().any(|w| w.name == name && w.granted));
    }
}

/// A waker that counts.
#[derive(Default)]
struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl CountingWaker {
    fn wakes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Clone)]
pub enum Op {
    /// A task acquires or waits. Without budget (false) it takes its grant later.
    Acquire(bool),
    /// The i-th waiter's task runs.
    Run(usize),
    /// The i-th waiter is dropped, granted or not.
    Cancel(usize),
    /// The i-th waiter moves to another task.
    Move(usize),
    /// A task that holds a permit puts it back.
    PutBack,
    /// A permit is added.
    Bring,
    /// A task that holds a permit takes it out of circulation.
    Retire,
}

struct Waiter {
    name: usize,
    key: Key,
    waker_count: Arc<CountingWaker>,
    /// What the model says.
    granted: bool,
}

/// Permits, and the model beside them: the waiters, in order; how many are free or held.
struct World {
    permits: Permits,
    free: usize,
    held: usize,
    total: usize,
    queue: VecDeque<usize>,
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
            queue: VecDeque::new(),
            waiters: Vec::new(),
            names: 0,
        }
    }

    /// The model's hand-off: to the first waiter, or to the free permits.
    fn hand_off(&mut self) {
        match self.queue.pop_front() {
            None => self.free += 1,
            Some(name) => {
                self.waiters.iter_mut().find(|w| w.name == name).unwrap().granted = true;
            }
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Acquire(has_budget) => {
                let acquired = self.permits.try_acquire();
                assert_eq!(acquired.is_some(), self.free > 0);
                if acquired.is_some() {
                    self.free -= 1;
                }
                let waker_count = Arc::new(CountingWaker::default());
                let (key, granted) = match acquired {
                    Some(_) if has_budget => {
                        self.held += 1;
                        return;
                    }
                    Some(grant) => {
                        waker_count.0.fetch_add(1, Ordering::Relaxed); // as the spent budget does
                        (self.permits.promise(grant), true)
                    }
                    None => {
                        self.queue.push_back(self.names);
                        (self.permits.waiters().push(Waker::from(Arc::clone(&waker_count))), false)
                    }
                };
                self.waiters.push(Waiter { name: self.names, key, waker_count, granted });
                self.names += 1;
            }
            Op::Run(i) if i < self.waiters.len() => {
                let Waiter { key, granted, .. } = self.waiters[i];
                let grant = self.permits.claim(key);
                assert_eq!(grant, granted.then_some(Grant::Permit));
                if granted {
                    self.waiters.remove(i);
                    self.held += 1;
                    assert!(matches!(self.permits.waiters().remove(key), Removed::Gone));
                }
            }
            Op::Cancel(i) if i < self.waiters.len() => {
                let waiter = self.waiters.remove(i);
                match self.permits.waiters().remove(waiter.key) {
                    Removed::Waiting(_) => assert!(!waiter.granted),
                    Removed::Gone => panic!("it was there"),
                    Removed::Granted(grant) => {
                        assert!(waiter.granted);
                        if let Some(waker) = self.permits.give_back(grant) {
                            waker.wake();
                        }
                        self.hand_off();
                    }
                }
                self.queue.retain(|&name| name != waiter.name);
            }
            Op::Move(i) if i < self.waiters.len() => {
                let waiter = &mut self.waiters[i];
                if waiter.granted {
                    return;
                }
                let waiters = self.permits.waiters();
                assert!(
                    waiters.will_wake(waiter.key, &Waker::from(Arc::clone(&waiter.waker_count)))
                );
                waiter.waker_count = Arc::new(CountingWaker::default());
                let new = Waker::from(Arc::clone(&waiter.waker_count));
                assert!(!waiters.will_wake(waiter.key, &new));
                drop(waiters.replace_waker(waiter.key, new));
            }
            Op::PutBack if self.held > 0 => {
                self.held -= 1;
                self.permits.put_back().into_iter().for_each(Waker::wake);
                self.hand_off();
            }
            Op::Bring => {
                self.total += 1;
                self.permits.release().into_iter().for_each(Waker::wake);
                self.hand_off();
            }
            Op::Retire if self.held > 0 => {
                self.held -= 1;
                self.total -= 1;
                assert!(self.permits.retire().is_empty(), "only a close sends waiters away");
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        let granted = self.waiters.iter().filter(|w| w.granted).count();
        let account = (self.permits.free(), self.permits.held(), self.permits.promised());
        assert_eq!(account, (self.free, self.held, granted));
        assert_eq!(self.free + self.held + granted, self.total, "permits are conserved");
        assert_eq!(self.permits.total(), self.total);
        assert!(self.free == 0 || self.queue.is_empty(), "no task waits while one is free");
        assert_eq!(self.permits.waiters().waiting(), self.queue.len());
        assert_eq!(self.permits.waiters().granted(), granted);
        for waiter in &self.waiters {
            assert_eq!(
                waiter.waker_count.wakes(),
                usize::from(waiter.granted),
                "woken once, if granted"
            );
        }
    }
}
