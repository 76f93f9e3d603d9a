//! `free-threaded`: two threads without a lock, and one that stops the world.
//!
//! *Promises*: between the two halves of a transfer there is no checkpoint, so the accounts add up
//! to nothing in every stopped world.
//!
//! ```text
//!   cpu 1       takes from one account, works, gives to the other, works; checkpoint; and again
//!   cpu 2       the same, with accounts of its own
//!   collector   reads all accounts as they change; stops the world; reads them again
//! ```

use crate::gil::free_threading::attached::Attached;
use crate::gil::free_threading::scope::FreeThreading;
use crate::gil::rules::decision::AttachError;
use crate::gil::rules::decision::nanos;
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::record::Recording;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::report::outside;
use crate::lab::report::recording::FlatRecording;
use crate::lab::report::stats::percentile;
use crate::lab::scenes::bytecode::{OPCODE, Work};
use crate::lab::scenes::computing::{compute, in_child, take_own_core};
use crate::lab::scenes::explanation::explain;
use crate::lab::scenes::scene::{Scene, Simulation};
use crate::lab::scenes::scene_run::{Figures, MOST_EVENTS, SceneRun};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::thread::{Builder, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// Threads that compute without a lock.
const WORKERS: usize = 2;
/// Transfers between two checks whether a thread should end.
const CHUNK: u64 = 256;
/// How long the world runs between two stops.
const BETWEEN_STOPS: Duration = Duration::from_millis(8);
/// What is done in a stopped world, beside reading: as long as a small collection takes.
const COLLECTION: Duration = Duration::from_micros(500);
/// How often the collector reads the accounts before it stops the world.
const PEEKS: u64 = 10;

/// The scene.
pub const SCENE: Scene = Scene {
    name: "free-threaded",
    title: "two threads without a lock, and one that stops the world",
    policies: &[SwitchPolicy::PYTHON_3_13],
    state_names: StateNames::NO_LOCK,
    caption: |policy| format!("no lock, beside {policy}"),
    real: run,
    simulated: Simulation::Impossible("the simulator has one lock"),
    sentence,
    explanation: explain! {
        "PEP 703, Python 3.13 and later, built without a GIL: both threads run at the same time,
        in one interpreter, on the same values. A thread still says when it may be disturbed.
        It attaches to run and detaches to block: each is one atomic operation, on a word that is
        the thread's own, " [gil/free_threading/attached.rs FreeThreading::attach] ", "
        [gil/free_threading/attached.rs Attached::detach] ". A lock has one such word for all,
        which goes from core to core; here none does.

        No lock protects a value any more: a GilCell has no meaning. Each account is an atomic; in
        CPython each object has a small mutex. That keeps one value whole, not two of them:
        between taking from one account and giving to the other, "
        [lab/scenes/free_threaded.rs transfer_until] ", the sum is wrong, and a thread that reads
        both sees it: " [lab/scenes/free_threaded.rs is_torn] ".

        To see all values as they belong together, the collector stops the world. It shuts every
        thread's word, " [gil/free_threading/scope.rs close_all] ", and so learns which threads
        run. A thread that runs finds its word shut at its next checkpoint, "
        [gil/free_threading/attached.rs checkpoint] ", and parks: "
        [gil/free_threading/stop_the_world.rs park] ". One that blocks is not waited for, but kept out
        when it comes back, " [gil/free_threading/stop_the_world.rs attach] ". The last one to park wakes
        the collector. No checkpoint is between the two halves of a transfer: so the sum is right
        in every stop.

        When the world starts, those that were parked run at once, before any thread can stop it
        again: " [gil/free_threading/stop_the_world.rs start] ". CPython stops the world to collect
        garbage, to fork, and to change what all threads read without a lock. The price is that
        every stop waits for the slowest thread to come to a checkpoint, all others with it; and
        one that has no core comes to none, until the kernel gives it one."
    },
};

fn run(policy: SwitchPolicy, time: Duration) -> Result<SceneRun, Failure> {
    in_child(time, move || {
        let shared = compute(policy, WORKERS, time / 2)?;
        outside::check()?;
        let scope = FreeThreading::new();
        scope.record(MOST_EVENTS);
        let began = Instant::now();
        let (passes, seen, recording) = work_and_collect(&scope, time / 2)?;
        let free = passes as f64 / began.elapsed().as_secs_f64();
        let at = |times: &[u64], share| percentile(times, share).unwrap_or(0) as f64 / 1e3;
        let counters = scope.counters();
        let figures = Figures::of(&[
            ("passes_per_s_shared", shared.rate()),
            ("passes_per_s_free", free),
            ("speed_up", free / shared.rate()),
            ("stops", seen.stopped.len() as f64),
            ("parked_per_stop", seen.parked as f64 / seen.stopped.len().max(1) as f64),
            ("to_stop_us_p50", at(&seen.to_stop, 0.50)),
            ("to_stop_us_max", at(&seen.to_stop, 1.0)),
            ("stopped_us_p50", at(&seen.stopped, 0.50)),
            ("stopped_us_max", at(&seen.stopped, 1.0)),
            ("peeks", seen.peeks as f64),
            ("torn_while_running", seen.torn_while_running as f64),
            ("torn_when_stopped", seen.torn_when_stopped as f64),
            ("attaches", counters.acquisitions() as f64),
            ("slow_paths", counters.slow_paths as f64),
            ("sleeps", counters.sleeps as f64),
        ]);
        Ok((FlatRecording::from(&recording), figures))
    })
}

/// The two accounts of one thread. In CPython each would be an object with a small mutex in it;
/// for a number an atomic is enough. Each pair is on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Accounts([AtomicI64; 2]);

/// What the collector has seen.
#[derive(Debug, Default)]
struct Observations {
    peeks: u64,
    torn_while_running: u64,
    torn_when_stopped: u64,
    parked: u64,
    /// How long it took until all threads were stopped, each time, in nanoseconds.
    to_stop: Vec<u64>,
    /// How long they then were.
    stopped: Vec<u64>,
}

/// Ends the workers when it is dropped, also if the collector could not be had.
struct EndWorkers<'a>(&'a AtomicBool);

impl Drop for EndWorkers<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Runs the workers and the collector. Gives the workers' transfers, and what the collector saw.
fn work_and_collect(
    scope: &FreeThreading,
    time: Duration,
) -> Result<(u64, Observations, Recording), Failure> {
    let (work, collection) = (Work::of(OPCODE), Work::of(COLLECTION));
    let done = AtomicBool::new(false);
    let accounts: Vec<Accounts> = (0..WORKERS).map(|_| Accounts::default()).collect();
    let panicked = |_| Failure::lost_thread("panicked");
    let refused = |e: AttachError| Failure::lost_thread(e);
    std::thread::scope(|s| {
        let end_workers = EndWorkers(&done);
        let worker = |number: usize| {
            let (accounts, done) = (&accounts[number], &done);
            let body = move || {
                take_own_core(number);
                scope.attach(|me| transfer_until(me, accounts, done, work))
            };
            Builder::new().name(format!("cpu {}", number + 1)).spawn_scoped(s, body)
        };
        let workers: Vec<ScopedJoinHandle<'_, _>> = (0..WORKERS)
            .map(worker)
            .collect::<Result<_, _>>()
            .map_err(|e| Failure::no_thread(&e))?;
        let collector = || collect_for(scope, &accounts, time, collection);
        let collector = Builder::new().name("collector".into()).spawn_scoped(s, collector);
        let seen = collector.map_err(|e| Failure::no_thread(&e))?.join();
        let recording = scope.recording();
        drop(end_workers);
        let seen = seen.map_err(panicked)?.map_err(refused)?;
        let mut passes = 0;
        for worker in workers {
            passes += worker.join().map_err(panicked)?.map_err(refused)?;
        }
        Ok((passes, seen, recording))
    })
}

/// Takes one from the first account and gives one to the second, again and again. In between is
/// work, and no checkpoint: so the world cannot be stopped there. Gives the number of transfers.
fn transfer_until(
    me: &mut Attached<'_>,
    accounts: &Accounts,
    done: &AtomicBool,
    work: Work,
) -> u64 {
    let Accounts([from, to]) = accounts;
    let mut passes = 0;
    loop {
        for _ in 0..CHUNK {
            from.store(from.load(Relaxed) - 1, Relaxed);
            work.run();
            to.store(to.load(Relaxed) + 1, Relaxed);
            work.run();
            me.checkpoint();
        }
        passes += CHUNK;
        if done.load(Relaxed) {
            return passes;
        }
    }
}

/// Reads all accounts, first as they change, then in a stopped world, for this long.
fn collect_for(
    scope: &FreeThreading,
    accounts: &[Accounts],
    time: Duration,
    collection: Work,
) -> Result<Observations, AttachError> {
    let (mut seen, began) = (Observations::default(), Instant::now());
    scope.attach(|me| {
        let goes_on = || began.elapsed() < time && outside::ended().is_none();
        while seen.stopped.is_empty() || goes_on() {
            me.detach(|| std::thread::sleep(BETWEEN_STOPS.min(time / 4)));
            seen.peeks += PEEKS;
            seen.torn_while_running += (0..PEEKS).filter(|_| is_torn(accounts)).count() as u64;
            let asked = Instant::now();
            me.stop_the_world(|all| {
                let stopped = Instant::now();
                collection.run();
                seen.parked += all.parked() as u64;
                seen.torn_when_stopped += u64::from(is_torn(accounts));
                seen.to_stop.push(nanos(stopped.duration_since(asked)));
                seen.stopped.push(nanos(stopped.elapsed()));
            })?;
        }
        Ok::<(), AttachError>(())
    })??;
    seen.to_stop.sort_unstable();
    seen.stopped.sort_unstable();
    Ok(seen)
}

/// Something was taken that has not been given yet.
fn is_torn(accounts: &[Accounts]) -> bool {
    let all = accounts.iter().flat_map(|Accounts(both)| both);
    all.map(|account| account.load(Relaxed)).sum::<i64>() != 0
}

fn sentence(figures: &Figures) -> String {
    format!(
        "Without a lock the two threads did {:.2} times the work they did under one. {:.0} times \
         the world was stopped, {} after it was asked for (at worst {}). Of {:.0} looks at moving \
         accounts {:.0} saw a wrong sum; of those in a stopped world, {:.0}.",
        figures.get("speed_up"),
        figures.get("stops"),
        figures.time("to_stop_us_p50"),
        figures.time("to_stop_us_max"),
        figures.get("peeks"),
        figures.get("torn_while_running"),
        figures.get("torn_when_stopped"),
    )
}
