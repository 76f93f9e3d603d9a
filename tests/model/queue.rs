//! A queue against its own words: `empty`, `full` and `qsize` are asked before each call without
//! an await, and must have foretold it; no item is lost, doubled, or left behind by a shutdown.

use super::reader::Reader;
use singletrack::aio::{GetError, PutError, Queue, ShutDown};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

#[derive(Debug, Clone)]
pub enum QueueOp {
    /// A task puts, or waits for a slot.
    Put,
    /// A task gets, or waits for an item.
    Get,
    PutNowait,
    GetNowait,
    /// The i-th waiter's task runs.
    Run(usize),
    /// The i-th waiter is dropped.
    Cancel(usize),
}

pub fn check_queue_bytes(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let Some(maxsize) = reader.below(4) else { return };
    let Some(immediate) = reader.below(2) else { return };
    let op = |r: &mut Reader| {
        Some(match r.byte()? % 6 {
            0 => QueueOp::Put,
            1 => QueueOp::Get,
            2 => QueueOp::PutNowait,
            3 => QueueOp::GetNowait,
            4 => QueueOp::Run(r.below(8)?),
            _ => QueueOp::Cancel(r.below(8)?),
        })
    };
    let ops = reader.list(op);
    let (before, after) = ops.split_at(ops.len() / 2);
    check_queue(maxsize, before, immediate == 1, after);
}

/// Some operations, a shutdown, some more; then every task runs to its end.
pub fn check_queue(maxsize: usize, before: &[QueueOp], immediate: bool, after: &[QueueOp]) {
    let mut world = QueueWorld::new(maxsize);
    before.iter().for_each(|op| world.apply(op));
    world.shut_down(immediate);
    after.iter().for_each(|op| world.apply(op));
    world.drain();
}

type Waiting = Pin<Box<dyn Future<Output = Done>>>;

/// What a task of the queue came to.
enum Done {
    Got(u32),
    Put(u32),
    /// A getter, or a putter with its item.
    SentAway(Option<u32>),
}

struct QueueWorld {
    queue: Rc<Queue<u32>>,
    maxsize: usize,
    shut: bool,
    next_item: u32,
    /// Put and not taken.
    inside: BTreeSet<u32>,
    waiting: Vec<Waiting>,
}

impl QueueWorld {
    fn new(maxsize: usize) -> QueueWorld {
        QueueWorld {
            queue: Rc::new(Queue::new(maxsize)),
            maxsize,
            shut: false,
            next_item: 0,
            inside: BTreeSet::new(),
            waiting: Vec::new(),
        }
    }

    fn apply(&mut self, op: &QueueOp) {
        let queue = Rc::clone(&self.queue);
        match *op {
            QueueOp::Put => {
                let item = self.new_item();
                self.start(Box::pin(async move {
                    match queue.put(item).await {
                        Ok(()) => Done::Put(item),
                        Err(ShutDown(item)) => Done::SentAway(Some(item)),
                    }
                }));
            }
            QueueOp::Get => self.start(Box::pin(async move {
                queue.get().await.map_or(Done::SentAway(None), Done::Got)
            })),
            QueueOp::PutNowait => {
                let item = self.new_item();
                let full = queue.full();
                match queue.put_nowait(item) {
                    Ok(()) => {
                        assert!(!full && !self.shut);
                        self.inside.insert(item);
                    }
                    Err(PutError::Full(same)) => assert!(full && same == item),
                    Err(PutError::ShutDown(same)) => assert!(self.shut && same == item),
                }
            }
            QueueOp::GetNowait => self.get_nowait(),
            QueueOp::Run(i) if i < self.waiting.len() => {
                let task = self.waiting.remove(i);
                if let Some(task) = self.poll(task) {
                    self.waiting.insert(i, task);
                }
            }
            QueueOp::Cancel(i) if i < self.waiting.len() => drop(self.waiting.remove(i)),
            QueueOp::Run(_) | QueueOp::Cancel(_) => {}
        }
        self.check();
    }

    fn new_item(&mut self) -> u32 {
        self.next_item += 1;
        self.next_item
    }

    fn get_nowait(&mut self) {
        let (empty, qsize) = (self.queue.empty(), self.queue.qsize());
        match self.queue.get_nowait() {
            Ok(item) => {
                assert!(!empty && qsize == self.queue.qsize() + 1);
                self.take(item);
            }
            Err(GetError::Empty) => assert!(empty),
            Err(GetError::ShutDown) => {
                assert!(empty && self.shut);
                assert!(self.inside.is_empty(), "a shutdown leaves no item behind");
            }
        }
    }

    fn take(&mut self, item: u32) {
        assert!(self.inside.remove(&item), "{item} was put once and is given out once");
    }

    fn start(&mut self, task: Waiting) {
        if let Some(task) = self.poll(task) {
            self.waiting.push(task);
        }
    }

    fn poll(&mut self, mut task: Waiting) -> Option<Waiting> {
        match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => return Some(task),
            Poll::Ready(Done::Put(item)) => {
                assert!(!self.shut);
                self.inside.insert(item);
            }
            Poll::Ready(Done::Got(item)) => self.take(item),
            Poll::Ready(Done::SentAway(Some(_item))) => assert!(self.shut),
            Poll::Ready(Done::SentAway(None)) => {
                assert!(self.shut && self.inside.is_empty(), "an item was still to be had");
            }
        }
        None
    }

    fn shut_down(&mut self, immediate: bool) {
        self.queue.shutdown(immediate);
        self.shut = true;
        if immediate {
            self.inside.clear();
            assert!(self.queue.empty());
        }
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.queue.empty(), self.queue.qsize() == 0);
        assert!(self.queue.qsize() <= self.inside.len(), "promised items are not counted");
        if self.maxsize > 0 {
            assert!(self.inside.len() <= self.maxsize, "never more items than slots");
            assert!(self.queue.full() || self.inside.len() < self.maxsize);
        } else {
            assert!(!self.queue.full());
        }
    }

    /// After the shutdown every task comes to its end, and somebody has every item.
    fn drain(mut self) {
        while !self.waiting.is_empty() {
            let before = self.waiting.len();
            for task in std::mem::take(&mut self.waiting) {
                self.start(task);
            }
            assert!(self.waiting.len() < before, "a task waits for ever");
        }
        while !self.queue.empty() {
            self.get_nowait();
        }
        assert!(self.inside.is_empty());
        assert_eq!(self.queue.get_nowait(), Err(GetError::ShutDown));
    }
}
