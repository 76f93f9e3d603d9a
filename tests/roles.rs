//! The roles of a pool's threads against a crew that is only written down: whatever is held up, somebody
//! leads; what is to be settled begins in order; requests are made one at a time.

use proptest::prelude::*;
use singletrack::process::pool::roles::{MAX_THREADS, RETRY, Roles, Seen, Turn, Watch, Work};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Instant;

/// Numbers from `next` to `end`, which are taken one by one.
#[derive(Debug)]
struct Numbers {
    next: AtomicU32,
    end: u32,
}

impl Numbers {
    fn of(next: u32, count: u32) -> Numbers {
        Numbers { next: AtomicU32::new(next), end: next + count }
    }

    fn take(&self) -> Option<u32> {
        let next = self.next.fetch_add(1, Relaxed);
        (next < self.end).then_some(next)
    }
}

impl Work for Numbers {
    fn is_taken(&self) -> bool {
        self.next.load(Relaxed) >= self.end
    }
}

/// What goes with the lead: there is one of it.
#[derive(Debug)]
struct Lead;

type TestRoles = Roles<Lead, Numbers, u32>;

/// What a thread of the crew is at.
#[derive(Debug)]
enum At {
    Fresh,
    /// It stands by.
    Watching(Seen),
    Leading(Lead),
    /// It settles a number of these.
    Settling(std::sync::Arc<Numbers>),
    Asking(Seen),
}

#[derive(Debug, Clone)]
enum Op {
    Settle {
        count: u32,
    },
    Request,
    /// A thread does one step, or looks; a thread that it wants can be started, or cannot.
    Step {
        thread: usize,
        refused: bool,
    },
    /// The request that a thread makes was made.
    Answer,
    /// The leader says that what it does next takes long.
    AwayForLong,
    Later,
}

#[derive(Debug)]
struct Crew {
    roles: TestRoles,
    threads: Vec<At>,
    now: Instant,
    /// How many numbers are to be settled, and which were begun, in this order.
    given: u32,
    begun: Vec<u32>,
    /// The requests to be made.
    requests: VecDeque<u32>,
    requested: u32,
    over: bool,
}

impl Crew {
    fn new() -> Crew {
        let mut roles = Roles::new();
        roles.begin(Lead);
        let Some(Turn::Lead(lead)) = roles.next(false) else { panic!("the first thread leads") };
        Crew {
            roles,
            threads: vec![At::Leading(lead)],
            now: Instant::now(),
            given: 0,
            begun: Vec::new(),
            requests: VecDeque::new(),
            requested: 0,
            over: false,
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Settle { count } => {
                self.roles.settle_later(Numbers::of(self.given, count));
                self.given += count;
            }
            Op::Request => {
                self.roles.request_later(self.requested);
                self.requests.push_back(self.requested);
                self.requested += 1;
            }
            Op::Step { thread, refused } => self.step(thread % self.threads.len(), refused),
            Op::Answer => {
                if let Some(at) = self.threads.iter().position(|at| matches!(at, At::Asking(_))) {
                    self.roles.request_done();
                    self.threads.remove(at);
                    self.next();
                }
            }
            Op::AwayForLong => _ = self.roles.away_for_long(),
            Op::Later => self.now += RETRY,
        }
        self.check();
    }

    fn start_second(&mut self, refused: bool) {
        if refused {
            self.roles.refused_second(self.now);
        } else {
            self.roles.started_second();
            self.threads.push(At::Fresh);
        }
    }

    /// A thread does one step; of those that ask, it looks.
    fn step(&mut self, thread: usize, refused: bool) {
        match self.threads.remove(thread) {
            At::Leading(_) if self.over => self.next(),
            At::Leading(lead) => {
                if self.roles.wants_second(self.now) {
                    self.start_second(refused);
                }
                let turn = self.roles.leave(lead, self.now);
                self.take(turn);
            }
            At::Settling(numbers) => match numbers.take() {
                Some(number) => {
                    self.begun.push(number);
                    self.threads.insert(thread, At::Settling(numbers));
                }
                None => self.next(),
            },
            At::Asking(mut seen) => {
                if self.roles.look(&mut seen, self.now) {
                    self.start_second(refused);
                }
                self.threads.push(At::Asking(seen));
            }
            At::Fresh => {
                assert!(self.roles.next(true).is_none(), "it was started to stand by");
                self.watch(Seen::default(), false);
            }
            At::Watching(seen) => self.watch(seen, true),
        }
    }

    fn next(&mut self) {
        match self.roles.next(false) {
            Some(turn) => self.take(turn),
            None => self.watch(Seen::default(), false),
        }
    }

    fn watch(&mut self, mut seen: Seen, patience_over: bool) {
        match self.roles.watch(&mut seen, patience_over) {
            Watch::Take(turn) => self.take(turn),
            Watch::Wait => self.threads.push(At::Watching(seen)),
            Watch::Sleep => {
                assert!(self.leads(), "it sleeps, and nobody leads");
                self.threads.push(At::Watching(seen));
            }
        }
    }

    fn take(&mut self, turn: Turn<Lead, Numbers, u32>) {
        self.threads.push(match turn {
            Turn::Lead(lead) => At::Leading(lead),
            Turn::Settle(numbers) => At::Settling(numbers),
            Turn::Request(request) => {
                assert_eq!(self.requests.pop_front(), Some(request), "requests are made in order");
                At::Asking(Seen::default())
            }
            Turn::Over => return,
        });
    }

    fn leads(&self) -> bool {
        self.threads.iter().any(|at| matches!(at, At::Leading(_)))
    }

    fn check(&self) {
        let count = |is: fn(&At) -> bool| self.threads.iter().filter(|at| is(at)).count();
        let leading = count(|at| matches!(at, At::Leading(_)));
        let looking = count(|at| matches!(at, At::Fresh | At::Watching(_)));
        let asking = count(|at| matches!(at, At::Asking(_)));
        assert!(leading <= 1 && looking <= 1 && asking <= 1, "{:?}", self.threads);
        assert!(self.begun.is_sorted(), "{:?} begun in this order", self.begun);
        if self.over {
            return;
        }
        assert_eq!(self.roles.threads(), self.threads.len());
        assert!(self.threads.len() <= MAX_THREADS);
        // With a single thread, none could be had.
        let sure = leading + looking + asking > 0 || self.threads.len() == 1;
        assert!(sure, "nobody leads, nor sees that nobody does: {:?}", self.threads);
    }

    /// Nobody who settles or asks goes on; then, with threads to be had, somebody leads all the same.
    fn hold_up(&mut self) {
        self.now += RETRY;
        for _ in 0..4 {
            for thread in (0..self.threads.len()).rev() {
                let held = matches!(self.threads[thread], At::Settling(_) | At::Leading(_));
                if !held {
                    self.step(thread, false);
                }
            }
            self.check();
        }
        let alone = self.threads.len() == 1;
        assert!(self.leads() || alone, "nobody leads while these are held up: {:?}", self.threads);
    }

    /// Everybody goes on: all is settled, all requests are made, and then all threads end.
    fn finish(mut self) {
        for _ in 0..4 * (self.given + self.requested) + 16 {
            (0..self.threads.len()).rev().for_each(|thread| self.step(thread, false));
            self.apply(&Op::Answer);
        }
        assert_eq!(self.begun, (0..self.given).collect::<Vec<_>>());
        assert!(self.requests.is_empty() && self.leads());
        self.apply(&Op::Settle { count: 3 });
        self.roles.end();
        self.over = true;
        for _ in 0..32 {
            (0..self.threads.len()).rev().for_each(|thread| self.step(thread, false));
        }
        assert!(self.threads.is_empty(), "some do not end: {:?}", self.threads);
        assert_eq!(self.begun.len() as u32, self.given, "what was to be settled still is");
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (1..4u32).prop_map(|count| Op::Settle { count }),
        2 => Just(Op::Request),
        12 => (0usize..8, prop::bool::weighted(0.2))
            .prop_map(|(thread, refused)| Op::Step { thread, refused }),
        2 => Just(Op::Answer),
        1 => Just(Op::AwayForLong),
        1 => Just(Op::Later),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows X18.
    ///
    /// Somebody leads, or sees that nobody does.
    #[test]
    fn somebody_leads_whatever_is_held_up(ops in prop::collection::vec(op(), 0..120)) {
        let mut crew = Crew::new();
        ops.iter().for_each(|op| crew.apply(op));
        crew.hold_up();
        crew.finish();
    }
}

/// Roles with one thread, and what it leads with.
fn alone() -> (TestRoles, Lead) {
    let mut roles = Roles::new();
    roles.begin(Lead);
    let Some(Turn::Lead(lead)) = roles.next(false) else { panic!("the first thread leads") };
    (roles, lead)
}

/// The first thread makes a request, the second leads.
fn while_one_asks(now: Instant) -> (TestRoles, Lead) {
    let (mut roles, lead) = alone();
    roles.started_second();
    roles.request_later(1);
    assert!(!roles.wants_second(now));
    assert!(matches!(roles.leave(lead, now), Turn::Request(1)));
    assert!(roles.next(true).is_none());
    let mut seen = Seen::default();
    assert!(matches!(roles.watch(&mut seen, false), Watch::Wait));
    let Watch::Take(Turn::Lead(lead)) = roles.watch(&mut seen, true) else { panic!("it is late") };
    (roles, lead)
}

#[test]
fn while_a_thread_is_away_for_long_whoever_stands_by_leads_at_once() {
    let (mut roles, lead) = alone();
    assert!(!roles.away_for_long(), "there is nobody to call");
    roles.started_second();
    assert!(!roles.away_for_long(), "somebody leads");
    roles.request_later(1);
    assert!(matches!(roles.leave(lead, Instant::now()), Turn::Request(1)));
    let mut seen = Seen::default();
    assert!(matches!(roles.watch(&mut seen, false), Watch::Wait), "it may come back at once");
    assert!(roles.away_for_long(), "so whoever stands by is called");
    assert!(matches!(roles.watch(&mut seen, false), Watch::Take(Turn::Lead(Lead))));
    assert!(!roles.away_for_long(), "and once is enough");
}

#[test]
fn patience_begins_when_the_lead_is_left() {
    let now = Instant::now();
    let (mut roles, lead) = alone();
    roles.started_second();
    let mut seen = Seen::default();
    assert!(matches!(roles.watch(&mut seen, false), Watch::Wait));
    roles.settle_later(Numbers::of(0, 1));
    assert!(matches!(roles.leave(lead, now), Turn::Settle(_)));
    assert!(matches!(roles.watch(&mut seen, true), Watch::Wait), "it was left meanwhile");
    assert!(matches!(roles.watch(&mut seen, false), Watch::Wait), "it was called for nothing");
    assert!(matches!(roles.watch(&mut seen, true), Watch::Take(Turn::Lead(Lead))));
}

#[test]
fn the_last_thread_that_there_may_be_leads_for_good() {
    let now = Instant::now();
    let (mut roles, mut lead) = alone();
    roles.settle_later(Numbers::of(0, 1));
    while roles.wants_second(now) {
        roles.started_second();
        assert!(matches!(roles.leave(lead, now), Turn::Settle(_))); // which takes long
        let mut seen = Seen::default();
        assert!(roles.next(true).is_none());
        assert!(matches!(roles.watch(&mut seen, false), Watch::Wait));
        let Watch::Take(Turn::Lead(taken)) = roles.watch(&mut seen, true) else { panic!("late") };
        lead = taken;
    }
    assert_eq!(roles.threads(), MAX_THREADS);
    assert!(matches!(roles.leave(lead, now), Turn::Lead(Lead)));
}

#[test]
fn whoever_stands_by_sleeps_when_nobody_has_left_the_lead_in_many_looks() {
    let (mut roles, lead) = alone();
    roles.started_second();
    let mut seen = Seen::default();
    assert!(matches!(roles.watch(&mut seen, false), Watch::Wait));
    let looks = (0..100).position(|_| matches!(roles.watch(&mut seen, true), Watch::Sleep));
    assert_eq!((looks, roles.is_asleep()), (Some(15), true));
    roles.settle_later(Numbers::of(0, 1));
    assert!(matches!(roles.leave(lead, Instant::now()), Turn::Settle(_)));
    assert!(matches!(roles.watch(&mut seen, false), Watch::Wait), "it is called, and looks again");
    assert!(!roles.is_asleep());
    assert!(matches!(roles.watch(&mut seen, true), Watch::Take(Turn::Lead(Lead))));
}

#[test]
fn whoever_waits_for_a_request_looks_whether_somebody_leads() {
    let now = Instant::now();
    let (mut roles, lead) = while_one_asks(now);
    let mut seen = Seen::default();
    assert!(!roles.look(&mut seen, now), "somebody leads");
    roles.settle_later(Numbers::of(0, 1));
    assert!(!roles.wants_second(now), "it relies on whoever asks");
    assert!(matches!(roles.leave(lead, now), Turn::Settle(_)));
    assert!(!roles.look(&mut seen, now), "it may come back");
    assert!(roles.look(&mut seen, now), "it has not");
    roles.started_second();
    assert!(!roles.look(&mut seen, now));
    assert!(matches!(roles.watch(&mut Seen::default(), false), Watch::Take(Turn::Lead(Lead))));
}

#[test]
fn whoever_was_relied_on_leads_before_it_settles() {
    let now = Instant::now();
    let (mut roles, lead) = while_one_asks(now);
    roles.settle_later(Numbers::of(0, 3));
    let Turn::Settle(numbers) = roles.leave(lead, now) else { panic!("there are three") };
    assert_eq!(numbers.take(), Some(0)); // and this takes long
    roles.request_done();
    let Some(Turn::Lead(lead)) = roles.next(false) else { panic!("nobody leads") };
    assert!(roles.wants_second(now), "before it settles the others");
    roles.started_second();
    assert!(matches!(roles.leave(lead, now), Turn::Settle(_)));
}

#[test]
fn where_no_thread_can_be_started_whoever_leads_goes_on() {
    let now = Instant::now();
    let (mut roles, lead) = while_one_asks(now);
    roles.settle_later(Numbers::of(0, 1));
    let Turn::Settle(numbers) = roles.leave(lead, now) else { panic!("one is to be settled") };
    let mut seen = Seen::default();
    assert!(!roles.look(&mut seen, now) && roles.look(&mut seen, now));
    roles.refused_second(now);
    assert!(!roles.look(&mut seen, now + RETRY / 2), "it was refused a moment ago");
    assert_eq!(numbers.take(), Some(0)); // and comes back, so that somebody leads again
    let Some(Turn::Lead(lead)) = roles.next(false) else { panic!("nobody leads") };
    roles.settle_later(Numbers::of(1, 1));
    assert!(matches!(roles.leave(lead, now), Turn::Lead(Lead)), "nobody could take the lead");
}

#[test]
fn without_a_second_thread_the_first_does_everything() {
    let now = Instant::now();
    let (mut roles, lead) = alone();
    assert!(roles.may_start_second(now) && !roles.wants_second(now));
    roles.refused_second(now);
    let Turn::Lead(lead) = roles.leave(lead, now) else { panic!("nothing else is to be done") };
    roles.settle_later(Numbers::of(1, 1));
    roles.request_later(2);
    assert!(!roles.wants_second(now));
    let Turn::Settle(numbers) = roles.leave(lead, now) else { panic!("one is to be settled") };
    assert_eq!((numbers.take(), numbers.take()), (Some(1), None));
    assert!(matches!(roles.next(false), Some(Turn::Request(2))));
    roles.request_done();
    assert!(matches!(roles.next(false), Some(Turn::Lead(Lead))));
    assert!(!roles.is_over());
    roles.end();
    assert!(roles.is_over() && matches!(roles.next(false), Some(Turn::Over)));
}
