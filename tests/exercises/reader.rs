//! Exercises for whoever reads this crate: each `todo!()` is left open on purpose, for you to replace.
//!
//! Nothing else uses this file, and `cargo test` runs none of it: its tests are `#[ignore]`d until you ask
//! for them, and `main.rs` proves that. `singletrack examples --exercises` lists what is asked.
#![allow(unused_imports, unused_variables)] // until you use them

use crate::checks::{Attempt, Load, Log, Meet, Outcome, Retried, Sealing, Waiting};
use singletrack::EventLoop;
use singletrack::aio::sleep;
use singletrack::aio::sync::waiters::{Acquire, Synchronizer, Waiters, wake};
use singletrack::gil::{Check, SwitchPolicy, Threading};
use singletrack::process::pool::dispatcher::{Action, Dispatcher, Settings};
use singletrack::process::pool::job::{JobOutcome, PoolJob, Terms};
use singletrack::selector::event::{IoEvent, Readiness, Selector, Token, WakeFn};
use singletrack::vm::explorer::Explorer;
use singletrack::vm::schedule::Schedule;
use singletrack::vm::verifier::Verified;
use std::time::Duration;

/// Exercise 1 (futures): how many threads does a pool have?
///
/// A `ThreadPoolExecutor` may have three threads. Predict how many it has: when it is new; while it
/// runs one job; while it has five.
///
/// Look: src/futures/idle_workers.rs. Hint: a thread is made for a job, and only if no idle one can
/// have it.
pub fn pool_threads() -> [usize; 3] {
    todo!("three numbers")
}

/// Exercise 2 (selector): a selector that logs.
///
/// Wrap a selector: all seven methods go to the one within, and `wait` also writes down its timeout
/// into the log. The loop must not notice.
///
/// Look: src/selector/event.rs. Hint: a struct with two fields and an `impl Selector`; `has_ticked` has
/// a body of its own, and an inner selector may have a better one.
pub fn logging(inner: Box<dyn Selector>, log: Log) -> Box<dyn Selector> {
    todo!("a struct of your own in a Box")
}

/// Exercise 3 (event_loop): how often does a loop go round?
///
/// Predict how many iterations a new loop has made at the end of `run_until_complete` of: `async {}`;
/// one `yield_now().await`; a `sleep` of a second in virtual time.
///
/// Look: src/event_loop/run_once.rs. Hint: read the drawing, and look at where the root is polled.
pub fn iterations() -> [u64; 3] {
    todo!("three numbers")
}

/// Exercise 4 (event_loop): who runs when?
///
/// The root creates the tasks `a` and `b`, writes `root`, awaits `a`, writes `joined`, awaits `b`. Each
/// of the two writes its name and 1, yields, and writes its name and 2. Predict what is written, with
/// spaces between, such as `a1 root b1 a2 joined b2`.
///
/// Look: src/task/ready_queue.rs. Hint: a new task is ready and not running; who yields goes to the
/// end of the queue; the end of a task wakes who awaits it, for the next iteration.
pub fn order() -> &'static str {
    todo!("seven words")
}

/// Exercise 5 (aio): a barrier.
///
/// Make tasks wait for each other: whoever calls waits until so many tasks have, and then all go on,
/// each with the number of its arrival from 0; then the next round begins. A task that is dropped while
/// it waits does not count. Use no `Barrier`; use `Waiters`.
///
/// Look: src/aio/sync/waiters.rs. Hint: only the last arrival has something to do: `grant_all`, then
/// `wake` when nothing is borrowed; all others await an `Acquire`.
pub fn meeting(parties: usize) -> Meet {
    todo!("a closure in an Rc, whose future is in a Box")
}

/// Exercise 6 (aio): a retry with growing pauses.
///
/// Call `attempt` up to `times` times until it succeeds, with pauses between of `pause`, twice that,
/// four times that, and so on. Give its value; or the last error, and then no pause after it.
///
/// Look: src/aio/time/sleep.rs. Hint: `Box::pin(async move { … })`, and a `sleep` in a loop.
pub fn retry(times: u32, pause: Duration, attempt: Attempt) -> Retried {
    todo!("a future in a Box")
}

/// Exercise 7 (gil): a switch policy of your own.
///
/// Make a policy, as data, under which a thread that answers requests needs less than a millisecond
/// for each beside a thread that computes, and which leaves the computing thread 85 % of its time.
///
/// Look: src/gil/rules/policy.rs. Hint: `cargo run --example convoy` measures some; begin with one of
/// the presets, and `with_check`.
pub fn short_waits() -> SwitchPolicy {
    todo!("SwitchPolicy::PYTHON_3_10.…")
}

/// Exercise 8 (gil): a fair hand-off.
///
/// A lock was dropped by `last`. Say which of the waiting threads has it next, as an index; `last` may
/// be among them, and comes after all others. Among the others nobody who came earlier may come later.
/// Nobody waits: nobody has it.
///
/// Look: src/gil/rules/wait_queue.rs. Hint: `min_by_key` with a pair as the key.
pub fn next_holder(waiting: &[Waiting], last: usize) -> Option<usize> {
    todo!("the index of one of them")
}

/// Exercise 9 (vm): the schedule that loses an update.
///
/// Have the explorer try every schedule of a program that these rules allow, and give one that comes
/// to what no order of whole threads comes to; none if there is none.
///
/// Look: src/vm/explorer.rs. Hint: `Explorer::new`, and what a `Found` says of its outcome. `singletrack
/// explore examples/programs/increment.gil --policy python-2` prints all of it.
pub fn losing_schedule(program: &Verified, threading: Threading) -> Option<Schedule> {
    todo!("what the explorer has found")
}

/// Exercise 10 (vm): a program that loses none.
///
/// Write `examples/programs/increment.gil` with a lock around its four instructions, so that x is 2 under every
/// policy, even if there is no global lock.
///
/// Look: examples/programs/semaphore.gil. Hint: `lock door`, `ACQUIRE door`, `RELEASE door`.
pub fn guarded() -> &'static str {
    todo!("global x = 0 …")
}

/// Exercise 11 (process): a message with a checksum.
///
/// Write `seal`, which makes a message of a body, and `open`, which gives the body back. `open` must
/// notice if any single bit was changed and if the end is missing, and must not panic whatever it gets.
///
/// Look: src/process/message/frame.rs. Hint: length, check, body; the frame's check is a hash of words
/// in which each step is a bijection, and yours may be one of bytes.
pub fn checked_bytes() -> Sealing {
    todo!("two functions in a Sealing")
}

/// Exercise 12 (process): drive the pool's rules by hand.
///
/// A `Dispatcher` with one worker gets one job, which may be sent again `retries` times. The worker
/// dies so many times while it runs it; the next one would answer. Carry out what the rules ask for,
/// and say how the job comes out.
///
/// Look: src/process/pool/dispatcher.rs. Hint: the example in its documentation; ask `next_action` until
/// there is none, with a time that grows, for after a death it waits before it asks for a new worker.
pub fn outcome_after(retries: u32, deaths: u32) -> Outcome {
    todo!("Outcome::Answered, or Outcome::Lost")
}

/// Exercise 13 (python): a program that Python 3.13 gets wrong.
///
/// `x += 1` in two threads is never wrong in 3.13. Write a program of two threads that add one each, in
/// another way, such that it can print 1 in the end.
///
/// Look: src/gil/rules/switch_point.rs. Hint: something between the load and the store at which 3.13
/// looks whether somebody wants the lock.
pub fn still_loses() -> &'static str {
    todo!("import threading …")
}

/// Exercise 14 (lab): what no runtime can beat.
///
/// So many jobs each need the CPU for a while and wait for another while; so many may be under way at
/// once, on so many cores, of which a global lock leaves one. Say the least time that all can take,
/// whatever the runtime. A measurement below that is wrong.
///
/// Look: src/lab/compare/lane.rs. Hint: two bounds, of which the greater counts: the cores have
/// all the computing to do, and of all jobs only some are under way at once (Little's law).
pub fn least_time(load: Load) -> Duration {
    todo!("the greater of two")
}
