//! What each exercise is asked. Each check takes the function that it checks: a solution, or yours.

use proptest::prelude::*;
use singletrack::aio::{gather, sleep};
use singletrack::futures::ThreadPoolExecutor;
use singletrack::gil::{Act, Costs, Script, Simulator, SwitchPolicy, Threading};
use singletrack::python::explore::exploration::Limits;
use singletrack::python::explore::outcome::Ending as PythonEnding;
use singletrack::python::explore::policies::Looks;
use singletrack::python::explore::search::explore;
use singletrack::python::run::single::program;
use singletrack::selector::event::Selector;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::vm::assembler::assemble;
use singletrack::vm::explorer::Explorer;
use singletrack::vm::op::Op;
use singletrack::vm::replay::replay;
use singletrack::vm::schedule::Schedule;
use singletrack::vm::verifier::Verified;
use singletrack::vm::world::Ending;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// A future with a type that can be written down.
type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;
/// The timeouts that `wait` was called with.
pub type Log = Rc<RefCell<Vec<Option<Duration>>>>;
/// Waits for the others; gives the number of the arrival.
pub type Meet = Rc<dyn Fn() -> Boxed<usize>>;
/// Something that can fail.
pub type Attempt = Box<dyn FnMut() -> Result<u32, String>>;
/// What came of it in the end.
pub type Retried = Boxed<Result<u32, String>>;

/// A thread that waits for a lock.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// Its number.
    pub thread: usize,
    /// When it came.
    pub since: u64,
}

/// A message with a checksum: how it is made, and how it is read.
pub struct Sealing {
    /// The message of this body.
    pub seal: fn(&[u8]) -> Vec<u8>,
    /// The body of this message; none if it is damaged.
    pub open: fn(&[u8]) -> Option<Vec<u8>>,
}

/// How a job comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A worker has answered it.
    Answered,
    /// It was lost with a worker.
    Lost,
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// How many jobs.
    pub jobs: u32,
    /// What each computes.
    pub cpu: Duration,
    /// What each waits for.
    pub io: Duration,
    /// How many may be under way.
    pub at_once: u32,
    /// How many cores there are.
    pub cores: u32,
    /// Whether one thread computes at a time.
    pub has_lock: bool,
}

/// A loop in virtual time. A wait that nothing could end is a panic, and no hang.
fn virtual_loop() -> EventLoop {
    EventLoop::with_selector(Box::new(ScriptedSelector::new()))
}

pub fn pool_threads(predicted: fn() -> [usize; 3]) {
    let predicted = predicted();
    let pool = ThreadPoolExecutor::new(3).unwrap();
    let new = pool.workers();
    let mut jobs: Vec<(Sender<()>, _)> = Vec::new();
    let mut submit = || {
        let (release, released) = channel();
        jobs.push((release, pool.submit_fn(move || released.recv())));
        pool.workers()
    };
    let one = submit();
    let five = (0..4).map(|_| submit()).last().unwrap();
    assert_eq!(predicted, [new, one, five], "predicted, and what it has");
}

pub fn logging(wrap: fn(Box<dyn Selector>, Log) -> Box<dyn Selector>) {
    let (scripted, log) = (ScriptedSelector::new(), Log::default());
    let event_loop = EventLoop::with_selector(wrap(Box::new(scripted.clone()), Rc::clone(&log)));
    event_loop.run_until_complete(async {
        sleep(Duration::from_secs(1)).await;
        yield_now().await;
        sleep(Duration::from_secs(2)).await;
    });
    assert_eq!(event_loop.time(), Duration::from_secs(3), "the loop has noticed");
    drop(event_loop);
    let log = log.take();
    assert_eq!(log.len() as u64, scripted.waits(), "one line for each wait: {log:?}");
    let slept: Duration = log.iter().flatten().sum();
    assert_eq!(slept, Duration::from_secs(3), "{log:?}");
}

pub fn iterations(predicted: fn() -> [u64; 3]) {
    let predicted = predicted();
    let count = |future: Boxed<()>| {
        let event_loop = virtual_loop();
        event_loop.run_until_complete(future);
        event_loop.iterations()
    };
    let counted = [
        count(Box::pin(async {})),
        count(Box::pin(yield_now())),
        count(Box::pin(sleep(Duration::from_secs(1)))),
    ];
    assert_eq!(predicted, counted, "predicted, and counted");
}

pub fn order(predicted: fn() -> &'static str) {
    let predicted = predicted();
    let written = Rc::new(RefCell::new(Vec::new()));
    let task = |name: char, written: Rc<RefCell<Vec<String>>>| async move {
        written.borrow_mut().push(format!("{name}1"));
        yield_now().await;
        written.borrow_mut().push(format!("{name}2"));
    };
    virtual_loop().run_until_complete(async {
        let [a, b] = ['a', 'b'].map(|name| create_task(task(name, Rc::clone(&written))));
        written.borrow_mut().push("root".to_owned());
        a.await.unwrap();
        written.borrow_mut().push("joined".to_owned());
        b.await.unwrap();
    });
    assert_eq!(predicted, written.take().join(" "), "predicted, and written");
}

pub fn meeting(make: fn(usize) -> Meet) {
    virtual_loop().run_until_complete(async move {
        assert_eq!(make(1)().await, 0, "one need not wait");
        let meet = make(3);
        for round in 0..2 {
            let waiting: Vec<_> = (0..2).map(|_| create_task(meet())).collect();
            sleep(Duration::from_secs(1)).await;
            assert!(waiting.iter().all(|task| !task.done()), "round {round}: two are not three");
            assert_eq!(meet().await, 2, "round {round}: the last one");
            assert_eq!(gather(waiting).await.unwrap(), [0, 1], "round {round}");
        }
        let gone = create_task(meet());
        yield_now().await;
        gone.cancel();
        let waiting: Vec<_> = (0..2).map(|_| create_task(meet())).collect();
        sleep(Duration::from_secs(1)).await;
        assert!(waiting.iter().all(|task| !task.done()), "one of the three has gone");
        meet().await;
        assert_eq!(gather(waiting).await.unwrap(), [0, 1]);
    });
}

pub fn retry(retry: fn(u32, Duration, Attempt) -> Retried) {
    // After so many failures it would succeed; so many attempts are allowed.
    for (failures, allowed, calls, seconds) in
        [(0, 5, 1, 0), (2, 5, 3, 3), (4, 5, 5, 15), (9, 3, 3, 3), (9, 1, 1, 0)]
    {
        let called = Rc::new(RefCell::new(0));
        let count = Rc::clone(&called);
        let attempt = Box::new(move || {
            *count.borrow_mut() += 1;
            let call = *count.borrow();
            if call > failures { Ok(call) } else { Err(format!("failure {call}")) }
        });
        let event_loop = virtual_loop();
        let end = event_loop.run_until_complete(retry(allowed, Duration::from_secs(1), attempt));
        let expected = if calls > failures { Ok(calls) } else { Err(format!("failure {calls}")) };
        let case = format!("{failures} failures, {allowed} attempts");
        assert_eq!((end, *called.borrow()), (expected, calls), "{case}");
        assert_eq!(event_loop.time(), Duration::from_secs(seconds), "{case}: the pauses");
    }
}

pub fn short_waits(policy: fn() -> SwitchPolicy) {
    let time = 1_000_000_000;
    let around = Act::Compute { ticks: 20 };
    let echo = [Act::Await { time: 60_000 }, around, Act::Call { time: 10_000 }, around];
    let mut simulator = Simulator::new(policy(), 4, Costs::TYPICAL, 7).unwrap();
    simulator.spawn(Script::new("echo", u64::MAX, &echo));
    simulator.spawn(Script::computes("cpu", u64::MAX));
    let result = simulator.run(time);
    let each = time / result.threads[0].rounds.max(1);
    let computed = result.threads[1].ticks * Costs::TYPICAL.tick * 100 / time;
    assert!(each < 1_000_000, "a request takes {each} ns");
    assert!(computed >= 85, "the other thread computes {computed} % of the time");
}

pub fn next_holder(next: fn(&[Waiting], usize) -> Option<usize>) {
    assert_eq!(next(&[], 0), None, "nobody waits");
    assert_eq!(next(&[Waiting { thread: 0, since: 5 }], 0), Some(0), "nobody else waits");
    // Four threads that always want the lock: each has it once in four times.
    let mut waiting: Vec<Waiting> = (0..4).map(|thread| Waiting { thread, since: 0 }).collect();
    let (mut last, mut holders) = (3, Vec::new());
    for now in 1..=40 {
        let index = next(&waiting, last).expect("somebody waits");
        last = waiting.remove(index).thread;
        holders.push(last);
        waiting.insert(now as usize * 7 % 4, Waiting { thread: last, since: now });
    }
    for window in holders.windows(4).skip(4) {
        let mut all = window.to_vec();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3], "each once in four times: {holders:?}");
    }
    let crowd = [Waiting { thread: 7, since: 1 }, Waiting { thread: 8, since: 9 }];
    assert_eq!(next(&crowd, 7), Some(1), "who dropped it comes after all others");
}

fn assembled(text: &str) -> Verified {
    Verified::new(assemble(text).unwrap()).unwrap()
}

pub fn losing_schedule(find: fn(&Verified, Threading) -> Option<Schedule>) {
    let plain = assembled(include_str!("../../examples/programs/increment.gil"));
    let with_call = assembled(include_str!("../../examples/programs/increment_call.gil"));
    for (program, policy, loses) in [
        (&plain, SwitchPolicy::PYTHON_2, true),
        (&plain, SwitchPolicy::PYTHON_3_10, false),
        (&with_call, SwitchPolicy::PYTHON_3_10, true),
        (&with_call, SwitchPolicy::PYTHON_3_13, true),
    ] {
        let found = find(program, Threading::Gil(policy));
        assert_eq!(found.is_some(), loses, "under {policy}: {found:?}");
        if let Some(schedule) = found {
            let end = replay(program, policy, &schedule).expect("a schedule it allows").outcome;
            assert_eq!((end.ending, end.globals), (Ending::Finished, vec![1]), "{schedule}");
        }
    }
}

pub fn guarded(text: fn() -> &'static str) {
    let program = assembled(text());
    let plain = program.program();
    assert_eq!((plain.threads.len(), plain.globals.len()), (2, 1), "two threads and one global");
    let ops = plain.functions.iter().flat_map(|function| &function.code);
    assert!(ops.clone().any(|at| matches!(at.op, Op::StoreGlobal(_))), "x is stored");
    let presets = SwitchPolicy::PRESETS.map(|(_, policy)| Threading::Gil(policy));
    for threading in presets.into_iter().chain(["free-threaded".parse().unwrap()]) {
        let exploration = Explorer::new(threading).explore(&program);
        assert_eq!(exploration.bound, None);
        for found in exploration.outcomes {
            let end = (found.outcome.ending, found.outcome.globals);
            assert_eq!(end, (Ending::Finished, vec![2]), "{threading}: {}", found.schedule);
        }
    }
}

pub fn checked_bytes(sealing: fn() -> Sealing) {
    let Sealing { seal, open } = sealing();
    proptest!(|(body in prop::collection::vec(any::<u8>(), 0..60), noise in any::<Vec<u8>>())| {
        let message = seal(&body);
        prop_assert_eq!(open(&message), Some(body));
        for bit in 0..message.len() * 8 {
            let mut damaged = message.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(open(&damaged), None, "bit {} was changed", bit);
        }
        for length in 0..message.len() {
            prop_assert_eq!(open(&message[..length]), None, "{} bytes are left", length);
        }
        let _ = open(&noise); // which may be anything
    });
}

pub fn outcome_after(outcome: fn(u32, u32) -> Outcome) {
    for (retries, deaths) in (0..4).flat_map(|retries| (0..5).map(move |deaths| (retries, deaths)))
    {
        let expected = if deaths <= retries { Outcome::Answered } else { Outcome::Lost };
        assert_eq!(outcome(retries, deaths), expected, "{retries} retries, {deaths} deaths");
    }
}

pub fn still_loses(source: fn() -> &'static str) {
    let source = source();
    let program =
        program(source).unwrap_or_else(|refusal| panic!("{}", refusal.shown("yours", source)));
    let looks = Looks::Under(Threading::Gil(SwitchPolicy::PYTHON_3_13), false);
    let exploration = explore(&program, looks, Limits::default());
    let fine =
        exploration.found.iter().filter(|found| found.outcome.ending == PythonEnding::Finished);
    let printed: Vec<&str> = fine.map(|found| found.outcome.output.trim_end()).collect();
    assert!(printed.contains(&"2") && printed.contains(&"1"), "it can print {printed:?}");
}

pub fn least_time(least: fn(Load) -> Duration) {
    let ms = Duration::from_millis;
    let load = |cpu, io, at_once, has_lock| Load {
        jobs: 200,
        cpu: ms(cpu),
        io: ms(io),
        at_once,
        cores: 2,
        has_lock,
    };
    for (load, expected) in [
        (load(5, 200, 50, false), ms(820)),
        (load(5, 200, 50, true), ms(1000)),
        (load(0, 100, 200, true), ms(100)),
        (load(10, 0, 8, false), ms(1000)),
        (load(10, 0, 1, false), ms(2000)),
    ] {
        assert_eq!(least(load), expected, "{load:?}");
    }
}
