//! The solutions. Others may be as good: `checks.rs` says what is asked.

use crate::checks::{Attempt, Load, Log, Meet, Outcome, Retried, Sealing, Waiting};
use singletrack::aio::sleep;
use singletrack::aio::sync::waiters::{Acquire, Synchronizer, Waiters, wake};
use singletrack::gil::{Check, SwitchPolicy, Threading};
use singletrack::process::pool::dispatcher::{Action, Dispatcher, Settings};
use singletrack::process::pool::job::{PoolJob, Terms};
use singletrack::selector::event::{IoEvent, Readiness, Selector, Token, WakeFn};
use singletrack::vm::explorer::Explorer;
use singletrack::vm::schedule::Schedule;
use singletrack::vm::verifier::Verified;
use std::cell::RefCell;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

pub fn pool_threads() -> [usize; 3] {
    [0, 1, 3]
}

struct Logging {
    inner: Box<dyn Selector>,
    log: Log,
}

impl Selector for Logging {
    fn register(&mut self, fd: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        self.inner.register(fd, token)
    }

    fn rearm(&mut self, fd: BorrowedFd<'_>, token: Token, interest: Readiness) -> io::Result<()> {
        self.inner.rearm(fd, token, interest)
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.inner.deregister(fd)
    }

    fn wait(&mut self, events: &mut Vec<IoEvent>, timeout: Option<Duration>) -> io::Result<()> {
        self.log.borrow_mut().push(timeout);
        self.inner.wait(events, timeout)
    }

    fn waker(&self) -> WakeFn {
        self.inner.waker()
    }

    fn now(&self) -> u64 {
        self.inner.now()
    }

    fn has_ticked(&self, then: u64) -> bool {
        self.inner.has_ticked(then)
    }
}

pub fn logging(inner: Box<dyn Selector>, log: Log) -> Box<dyn Selector> {
    Box::new(Logging { inner, log })
}

pub fn iterations() -> [u64; 3] {
    [1, 2, 2]
}

pub fn order() -> &'static str {
    "root a1 b1 a2 b2 joined"
}

struct Meeting(Waiters<usize>);

impl Synchronizer for Meeting {
    type Grant = usize;

    fn waiters(&mut self) -> &mut Waiters<usize> {
        &mut self.0
    }

    fn try_acquire(&mut self) -> Option<usize> {
        None // whoever comes here is not the last
    }

    fn give_back(&mut self, _: usize) -> Option<Waker> {
        None // the round is over for all
    }
}

pub fn meeting(parties: usize) -> Meet {
    let meeting = Rc::new(RefCell::new(Meeting(Waiters::new())));
    Rc::new(move || {
        let meeting = Rc::clone(&meeting);
        Box::pin(async move {
            let last = parties - 1;
            if meeting.borrow().0.waiting() < last {
                return Acquire::of(&meeting).await;
            }
            let mut numbers = 0..last;
            let others = meeting.borrow_mut().0.grant_all(|| numbers.next().unwrap_or(last));
            wake(others);
            last
        })
    })
}

pub fn retry(times: u32, pause: Duration, mut attempt: Attempt) -> Retried {
    Box::pin(async move {
        let mut pause = pause;
        for _ in 1..times {
            if let Ok(value) = attempt() {
                return Ok(value);
            }
            sleep(pause).await;
            pause *= 2;
        }
        attempt()
    })
}

pub fn short_waits() -> SwitchPolicy {
    let check = Check::OnRequest { interval: Duration::from_micros(500) };
    SwitchPolicy::PYTHON_3_10.with_check(check).expect("half a millisecond is an interval")
}

pub fn next_holder(waiting: &[Waiting], last: usize) -> Option<usize> {
    let of = |index: &usize| (waiting[*index].thread == last, waiting[*index].since);
    (0..waiting.len()).min_by_key(of)
}

pub fn losing_schedule(program: &Verified, threading: Threading) -> Option<Schedule> {
    let found = Explorer::new(threading).explore(program).outcomes;
    found.into_iter().find(|found| !found.serial).map(|found| found.schedule)
}

pub fn guarded() -> &'static str {
    "global x = 0
lock door
thread increment
thread increment

def increment():
    ACQUIRE      door
    LOAD_GLOBAL  x
    LOAD_CONST   1
    ADD
    STORE_GLOBAL x
    RELEASE      door
    LOAD_CONST   0
    RETURN_VALUE
"
}

fn check(body: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    body.iter().fold(0x811c_9dc5, step)
}

fn seal(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    [&length, &check(body).to_le_bytes()[..], body].concat()
}

fn open(message: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = message.split_first_chunk::<4>()?;
    let (sum, body) = rest.split_first_chunk::<4>()?;
    let whole = u32::from_le_bytes(*length) as usize == body.len();
    (whole && u32::from_le_bytes(*sum) == check(body)).then(|| body.to_vec())
}

pub fn checked_bytes() -> Sealing {
    Sealing { seal, open }
}

pub fn outcome_after(retries: u32, deaths: u32) -> Outcome {
    let mut rules = Dispatcher::new(Settings { workers: 1, max_tasks_per_child: None });
    rules.submit(PoolJob { id: 0, terms: Terms { retries, ..Terms::default() }, body: () });
    let (mut now, mut died) = (0, 0);
    loop {
        now += 1_000_000_000;
        match rules.next_action(now) {
            Some(Action::Spawn) => {
                let worker = rules.started(now);
                rules.ready(worker);
                let Some(worker) = rules.assign(now, |_| true) else { continue };
                rules.delivered(worker);
                if died == deaths {
                    assert!(rules.answered(worker, 0, now).is_some(), "it ran this job");
                    return Outcome::Answered;
                }
                died += 1;
                rules.died(worker, now);
            }
            Some(Action::Resolve(..)) => return Outcome::Lost,
            _ => {}
        }
    }
}

pub fn still_loses() -> &'static str {
    include_str!("../../examples/levels/02_the_call_in_between.py")
}

pub fn least_time(load: Load) -> Duration {
    let Load { jobs, cpu, io, at_once, cores, has_lock } = load;
    let cores = if has_lock { 1 } else { cores };
    let computing = cpu * jobs / cores;
    let under_way = (cpu + io) * jobs / at_once;
    computing.max(under_way)
}
