//! The reactor against a list, over a selector that follows a script: it refuses to register,
//! sends events of sources that are gone, reuses descriptors. Properties R1 to R4 and R7.

use super::reader::Reader;
use singletrack::base::id::Key;
use singletrack::event_loop::reactor::{Reactor, WaitTicket};
use singletrack::selector::event::{IoEvent, Readiness, Selector, Token, WakeFn};
use singletrack::sys::fd::Direction;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

#[derive(Debug, Clone)]
pub enum Op {
    /// Registers the i-th descriptor; `false`: the system refuses.
    Register(usize, bool),
    /// All these mean the i-th source ever made, gone or not.
    Deregister(usize),
    /// `false`: the system refuses to tell of the next event.
    Clear(usize, Direction, bool),
    /// A read was short: the kernel's buffer is empty.
    ClearDrained(usize),
    /// One of four tasks waits: the first two by hand, the others in waits of their own.
    Wait(usize, Direction, usize),
    Forget(usize, Direction, usize),
    /// Bits of `Readiness`: 1 read, 2 write, 4 read closed.
    Event(usize, u8),
}

const BITS: [Readiness; 3] = [Readiness::READABLE, Readiness::WRITABLE, Readiness::READ_CLOSED];

pub fn check_bytes(bytes: &[u8]) {
    let op = |r: &mut Reader| {
        let kind = r.byte()?;
        let direction = if kind & 128 == 0 { Direction::Read } else { Direction::Write };
        Some(match kind % 7 {
            0 => Op::Register(r.below(4)?, kind & 64 == 0),
            1 => Op::Deregister(r.below(16)?),
            2 => Op::Clear(r.below(16)?, direction, kind & 64 == 0),
            3 => Op::ClearDrained(r.below(16)?),
            4 => Op::Wait(r.below(16)?, direction, r.below(4)?),
            5 => Op::Forget(r.below(16)?, direction, r.below(4)?),
            _ => Op::Event(r.below(16)?, r.byte()? % 8),
        })
    };
    check(&Reader::new(bytes).list(op));
}

pub fn check(ops: &[Op]) {
    let mut world = World::new();
    for op in ops {
        world.apply(op);
        world.check();
    }
    let waits = world.waits();
    assert_eq!(world.reactor.take_waiters().len(), waits, "a loop that ends lets all of them go");
    assert_eq!(world.reactor.waiters().count(), 0);
}

/// What the selector was asked, and what it is to answer.
#[derive(Default)]
struct Script {
    refuse: bool,
    watched: BTreeMap<RawFd, Token>,
    /// Of which descriptor it was asked for more events, and in which direction.
    rearmed: Vec<(RawFd, Readiness)>,
    events: Vec<IoEvent>,
}

struct FollowsScript(Rc<RefCell<Script>>);

impl Selector for FollowsScript {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let mut script = self.0.borrow_mut();
        if script.refuse || script.watched.contains_key(&fd.as_raw_fd()) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        script.watched.insert(fd.as_raw_fd(), token);
        Ok(())
    }

    fn rearm(&mut self, fd: BorrowedFd<'_>, token: Token, wanted: Readiness) -> io::Result<()> {
        let mut script = self.0.borrow_mut();
        assert_eq!(script.watched.get(&fd.as_raw_fd()), Some(&token));
        script.rearmed.push((fd.as_raw_fd(), wanted));
        if script.refuse { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(()) }
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        assert!(self.0.borrow_mut().watched.remove(&fd.as_raw_fd()).is_some());
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<IoEvent>, _: Option<Duration>) -> io::Result<()> {
        events.append(&mut self.0.borrow_mut().events);
        Ok(())
    }

    fn waker(&self) -> WakeFn {
        Box::new(|| ())
    }

    fn now(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A source as the model sees it: three bits, and the tasks that wait in each direction.
struct Source {
    key: Key,
    fd: usize,
    live: bool,
    ready: [bool; 3],
    waiting: [Vec<usize>; 2],
    tickets: [[WaitTicket; 4]; 2],
}

/// The tasks that wait in one place.
fn place(task: usize) -> &'static [usize] {
    [&[0, 1][..], &[0, 1], &[2], &[3]][task]
}

struct World {
    reactor: Reactor,
    script: Rc<RefCell<Script>>,
    fds: Vec<OwnedFd>,
    sources: Vec<Source>,
    tasks: Vec<Arc<Task>>,
    /// How often the model says each task was woken.
    woken: [usize; 4],
}

fn side(direction: Direction) -> usize {
    usize::from(direction == Direction::Write)
}

impl World {
    fn new() -> World {
        let script = Rc::new(RefCell::new(Script::default()));
        let null = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        World {
            reactor: Reactor::new(Box::new(FollowsScript(Rc::clone(&script)))),
            script,
            fds: (0..4).map(|_| null()).collect(),
            sources: Vec::new(),
            tasks: (0..4).map(|_| Arc::default()).collect(),
            woken: [0; 4],
        }
    }

    fn waker(&self, task: usize) -> Waker {
        Waker::from(Arc::clone(&self.tasks[task]))
    }

    fn register(&mut self, fd: usize, allow: bool) {
        self.script.borrow_mut().refuse = !allow;
        let free = self.sources.iter().all(|s| !s.live || s.fd != fd);
        let registered = self.reactor.register(self.fds[fd].as_fd());
        assert_eq!(registered.is_ok(), allow && free);
        if let Ok(key) = registered {
            let (ready, waiting) = ([true, true, false], Default::default());
            let tickets = || {
                [WaitTicket::polled(), WaitTicket::polled(), WaitTicket::new(), WaitTicket::new()]
            };
            let tickets = [tickets(), tickets()];
            self.sources.push(Source { key, fd, live: true, ready, waiting, tickets });
        }
    }

    fn apply(&mut self, op: &Op) {
        let (Op::Register(i, _)
        | Op::Deregister(i)
        | Op::Clear(i, ..)
        | Op::ClearDrained(i)
        | Op::Wait(i, ..)
        | Op::Forget(i, ..)
        | Op::Event(i, _)) = *op;
        if let Op::Register(fd, allow) = *op {
            return self.register(fd, allow);
        }
        if i >= self.sources.len() {
            return;
        }
        let waker = match op {
            Op::Wait(.., task) | Op::Forget(.., task) => self.waker(*task),
            _ => Waker::noop().clone(),
        };
        let World { reactor, script, fds, sources, woken, .. } = self;
        let source = &mut sources[i];
        let fd = fds[source.fd].as_fd();
        match *op {
            Op::Register(..) => {}
            Op::Deregister(_) if source.live => {
                source.live = false;
                for waker in reactor.deregister(source.key, fd) {
                    waker.wake();
                }
                for task in source.waiting.iter_mut().flat_map(std::mem::take) {
                    woken[task] += 1;
                }
            }
            Op::Deregister(_) => assert!(reactor.deregister(source.key, fd).is_empty()),
            Op::Clear(_, direction, allow) => {
                script.borrow_mut().refuse = !allow;
                let cleared = reactor.clear(source.key, fd, direction).is_ok();
                assert_eq!(cleared, allow || !source.live);
                source.ready[side(direction)] &= !cleared;
                let asked = (fd.as_raw_fd(), BITS[side(direction)]);
                let asked = source.live.then_some(asked);
                assert!(script.borrow_mut().rearmed.drain(..).eq(asked), "asked anew, once");
            }
            Op::ClearDrained(_) => {
                script.borrow_mut().refuse = false;
                reactor.clear_drained(source.key, fd);
                source.ready[0] &= source.ready[2];
                let asked = (fd.as_raw_fd(), Readiness::READABLE);
                let asked = (source.live && !source.ready[2]).then_some(asked);
                assert!(script.borrow_mut().rearmed.drain(..).eq(asked), "asked anew, once");
            }
            Op::Wait(_, direction, task) => {
                let ticket = &mut source.tickets[side(direction)][task];
                let old = reactor.set_waiter(source.key, direction, ticket, waker.clone());
                let line = &mut source.waiting[side(direction)];
                let known = line.extract_if(.., |other| place(task).contains(other)).count();
                assert_eq!(old.is_some(), known == 1 || !source.live);
                if source.live {
                    line.push(task);
                }
            }
            Op::Forget(_, direction, task) => {
                let ticket = &source.tickets[side(direction)][task];
                let found = reactor.remove_waiter(source.key, direction, ticket).is_some();
                let line = &mut source.waiting[side(direction)];
                let known = line.extract_if(.., |other| place(task).contains(other)).count();
                assert_eq!(usize::from(found), known);
            }
            Op::Event(_, bits) => {
                let set: Vec<usize> = (0..3).filter(|bit| bits >> bit & 1 == 1).collect();
                let ready = set.iter().fold(Readiness::NONE, |all, bit| all.with(BITS[*bit]));
                script.borrow_mut().events.push(IoEvent { token: Token(source.key.pack()), ready });
                let mut wakers = Vec::new();
                assert_eq!(reactor.wait(Some(Duration::ZERO), &mut wakers).unwrap(), 1);
                wakers.into_iter().for_each(Waker::wake);
                for bit in set.into_iter().filter(|_| source.live) {
                    source.ready[bit] = true;
                    for task in source.waiting.get_mut(bit).map(std::mem::take).unwrap_or_default()
                    {
                        woken[task] += 1;
                    }
                }
            }
        }
    }

    /// How many wakers the reactor holds.
    fn waits(&self) -> usize {
        self.sources.iter().flat_map(|source| &source.waiting).flatten().count()
    }

    fn check(&mut self) {
        let live = self.sources.iter().filter(|s| s.live);
        let watched: BTreeMap<RawFd, Token> =
            live.map(|s| (self.fds[s.fd].as_raw_fd(), Token(s.key.pack()))).collect();
        assert_eq!(self.script.borrow().watched, watched);
        let count = (self.reactor.len(), self.reactor.is_empty());
        assert_eq!(count, (watched.len(), watched.is_empty()));
        assert_eq!(self.reactor.waiters().count(), self.waits());
        for source in &self.sources {
            for direction in [Direction::Read, Direction::Write] {
                let expected = source.live.then_some(source.ready[side(direction)]);
                assert_eq!(self.reactor.is_ready(source.key, direction), expected);
            }
        }
        for (number, task) in self.tasks.iter().enumerate() {
            let lines = self.sources.iter().flat_map(|s| &s.waiting).flatten();
            let waits = lines.filter(|waiting| **waiting == number).count();
            assert_eq!(Arc::strong_count(task) - 1, waits, "a waker for each wait, and no more");
        }
        let woken: Vec<usize> = self.tasks.iter().map(|t| t.0.load(Ordering::Relaxed)).collect();
        assert_eq!(woken, self.woken);
    }
}
