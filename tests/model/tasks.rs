//! Tasks of a real loop, stepped by hand, against a queue: which are polled in which iteration, in
//! which order; every future dropped once; no wake lost, none counted twice. Properties T1 to
//! T5, T7 and T13. (Panics are left to the tests: a fuzzer takes a caught one for a crash.)

use super::reader::Reader;
use singletrack::EventLoop;
use singletrack::event_loop::Task;
use singletrack::selector::scripted::ScriptedSelector;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

#[derive(Debug, Clone, Copy)]
pub enum Op {
    Spawn,
    /// Uses the waker of the i-th task ever made, alive or not, as another thread would.
    Wake(usize),
    Cancel(usize),
    Detach(usize),
    /// What the i-th task does when it is polled next.
    Plan(usize, Act),
    Iterate,
}

#[derive(Debug, Clone, Copy)]
pub enum Act {
    Wait,
    /// Wakes itself, twice, and waits.
    WakeSelf,
    /// Wakes another task and waits.
    Wake(usize),
    Finish,
}

pub fn check_bytes(bytes: &[u8]) {
    let op = |r: &mut Reader| {
        Some(match r.byte()? % 8 {
            0 => Op::Spawn,
            1 | 2 => Op::Wake(r.below(12)?),
            3 => Op::Cancel(r.below(12)?),
            4 => Op::Detach(r.below(12)?),
            5 => {
                let act = match r.byte()? % 4 {
                    0 => Act::Wait,
                    1 => Act::WakeSelf,
                    2 => Act::Wake(r.below(12)?),
                    _ => Act::Finish,
                };
                Op::Plan(r.below(12)?, act)
            }
            _ => Op::Iterate,
        })
    };
    check(&Reader::new(bytes).list(op));
}

/// What really happened.
#[derive(Default)]
struct Log {
    polled: RefCell<Vec<usize>>,
    wakers: RefCell<Vec<Option<Waker>>>,
    plans: RefCell<Vec<Act>>,
    drops: RefCell<Vec<usize>>,
}

struct Probe {
    number: usize,
    log: Rc<Log>,
    in_poll: Cell<bool>,
}

impl Future for Probe {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        assert!(!self.in_poll.replace(true), "two polls at a time");
        let log = &self.log;
        log.polled.borrow_mut().push(self.number);
        log.wakers.borrow_mut()[self.number] = Some(cx.waker().clone());
        let act = std::mem::replace(&mut log.plans.borrow_mut()[self.number], Act::Wait);
        let wake = |number: usize| {
            let waker = log.wakers.borrow().get(number).cloned().flatten();
            waker.as_ref().map(Waker::wake_by_ref)
        };
        match act {
            Act::Wait => {}
            Act::WakeSelf => {
                wake(self.number);
                wake(self.number);
            }
            Act::Wake(other) => drop(wake(other)),
            Act::Finish => return Poll::Ready(self.number),
        }
        self.in_poll.set(false);
        Poll::Pending
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.log.drops.borrow_mut()[self.number] += 1;
    }
}

/// A task as the model sees it.
#[derive(Clone, Default)]
struct Seen {
    queued: bool,
    running: bool,
    cancelled: bool,
    done: bool,
    /// It was polled once, so there is a waker to be used.
    has_waker: bool,
}

struct World {
    event_loop: EventLoop,
    log: Rc<Log>,
    handles: Vec<Option<Task<usize>>>,
    tasks: Vec<Seen>,
    queue: VecDeque<usize>,
    /// What comes through the inbox at the beginning of the next iteration.
    inbox: Vec<usize>,
}

pub fn check(ops: &[Op]) {
    let mut world = World {
        event_loop: EventLoop::with_selector(Box::new(ScriptedSelector::new())),
        log: Rc::default(),
        handles: Vec::new(),
        tasks: Vec::new(),
        queue: VecDeque::new(),
        inbox: Vec::new(),
    };
    ops.iter().for_each(|op| world.apply(*op));
    world.iterate();
    let World { event_loop, log, handles, .. } = world;
    drop(event_loop);
    assert!(log.drops.borrow().iter().all(|drops| *drops == 1), "each future is dropped once");
    assert!(handles.iter().flatten().all(Task::done));
    for waker in log.wakers.take().into_iter().flatten() {
        waker.wake(); // no task is left to be woken
    }
}

impl World {
    fn apply(&mut self, op: Op) {
        match op {
            Op::Spawn if self.tasks.len() < 12 => {
                let (number, log) = (self.tasks.len(), Rc::clone(&self.log));
                log.wakers.borrow_mut().push(None);
                log.plans.borrow_mut().push(Act::Wait);
                log.drops.borrow_mut().push(0);
                let probe = Probe { number, log, in_poll: Cell::new(false) };
                self.handles.push(Some(self.event_loop.create_task(probe)));
                self.tasks.push(Seen { queued: true, ..Seen::default() });
                self.queue.push_back(number);
            }
            Op::Wake(i) if self.tasks.get(i).is_some_and(|task| task.has_waker) => {
                let waker = self.log.wakers.borrow()[i].clone().expect("the model says so");
                waker.wake();
                self.inbox.push(i);
            }
            Op::Cancel(i) => {
                if let Some(Some(task)) = self.handles.get(i) {
                    assert_eq!(task.cancel(), !self.tasks[i].done);
                    self.tasks[i].cancelled |= !self.tasks[i].done;
                    self.inbox.push(i);
                }
            }
            Op::Detach(i) => drop(self.handles.get_mut(i).and_then(Option::take)),
            Op::Plan(i, act) if i < self.tasks.len() => self.log.plans.borrow_mut()[i] = act,
            Op::Iterate => self.iterate(),
            Op::Spawn | Op::Wake(_) | Op::Plan(..) => {}
        }
    }

    fn iterate(&mut self) {
        let expected = self.predict();
        self.event_loop.call_soon(|| ()); // so that it never waits
        self.event_loop.run_once().unwrap();
        assert_eq!(self.log.polled.take(), expected);
        for (i, task) in self.tasks.iter().enumerate() {
            assert_eq!(self.log.drops.borrow()[i], usize::from(task.done), "task {i}");
            if let Some(handle) = &self.handles[i] {
                assert_eq!(handle.done(), task.done);
            }
        }
        assert_eq!(self.event_loop.tasks(), self.tasks.iter().filter(|t| !t.done).count());
    }

    /// Plays the next iteration on the model, and returns which tasks will be polled.
    fn predict(&mut self) -> Vec<usize> {
        for i in std::mem::take(&mut self.inbox) {
            self.wake(i);
        }
        let plans = self.log.plans.borrow().clone();
        let mut polled = Vec::new();
        for _ in 0..self.queue.len() {
            let i = self.queue.pop_front().expect("as many as there were");
            self.tasks[i].queued = false;
            if self.tasks[i].cancelled {
                self.tasks[i].done = true;
                continue;
            }
            polled.push(i);
            self.tasks[i].has_waker = true;
            match plans[i] {
                Act::Wait => {}
                Act::WakeSelf => self.wake(i), // behind all others, once
                Act::Wake(other) if other < self.tasks.len() && self.tasks[other].has_waker => {
                    self.wake(other);
                }
                Act::Wake(_) => {}
                Act::Finish => self.tasks[i].done = true,
            }
        }
        polled
    }

    fn wake(&mut self, i: usize) {
        let task = &mut self.tasks[i];
        if !task.done && !task.queued {
            task.queued = true;
            self.queue.push_back(i);
        }
    }
}
