//! What happens in the two scenes in which threads run at the same time: an interpreter each,
//! and no lock at all.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: every thread has ended when a run is over; figures are measured, never built in.
//! *Leaves out*: the scenes with one lock (`lab/scenes/stage.rs`); what they mean.
//!
//! ```text
//!   per-interpreter    cpu 1 ── under lock A ──▶ channel ──▶ cpu 2 ── under lock B
//!
//!   free-threaded      cpu 1: takes from one account, works, gives to the other; checkpoint
//!                      cpu 2: the same, with accounts of its own
//!                      collector: peeks at all accounts; stops the world; looks again
//! ```

use crate::gil::free_threading::attached::Attached;
use crate::gil::free_threading::scope::FreeThreading;
use crate::gil::lock::cell::{ChannelError, Inlet, Outlet, channel};
use crate::gil::lock::gil_thread::GilThread;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::decision::AttachError;
use crate::gil::rules::decision::nanos;
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::record::Recording;
use crate::lab::report::failure::Failure;
use crate::lab::report::recording::FlatRecording;
use crate::lab::report::stats::percentile;
use crate::lab::scenes::bytecode::{Work, countdown};
use crate::lab::scenes::echo::ROOM;
use crate::lab::scenes::stage::{OPCODE, Take, compute, in_child, join, named, place};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::thread::{Builder, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// Passes of the countdown between two values that cross: about half a millisecond.
const PASSES_A_VALUE: u64 = 16_384;
/// Values that may be under way.
const UNDER_WAY: usize = 16;
/// Threads that compute without a lock.
const WORKERS: usize = 2;
/// How often a thread without a lock looks whether it should end.
const CHUNK: u64 = 256;
/// How long the world goes on between two stops.
const BETWEEN_STOPS: Duration = Duration::from_millis(8);
/// What is done in a stopped world, beside looking: as long as a small collection takes.
const COLLECTION: Duration = Duration::from_micros(500);
/// How often the collector looks at the accounts before it stops the world.
const PEEKS: u64 = 10;

/// Two threads that compute: under one lock, and each in an interpreter of its own, with values
/// crossing from one to the other.
///
/// # Errors
/// If the child or its threads cannot be had.
pub fn per_interpreter(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    in_child(time, move || {
        let shared = compute(policy, 2, time / 2)?;
        let work = Work::of(OPCODE);
        let (a, b) = (GlobalLock::new(policy), GlobalLock::new(policy));
        let (outlet, inlet) = channel::<u64>(&a, &b, UNDER_WAY);
        // Under the wrong lock; by a thread that is gone before anything is recorded.
        let stranger = GilThread::spawn(&a, "stranger", |gil| (inlet.recv(gil).err(), inlet));
        let (told, inlet) = join(stranger.map_err(|e| Failure::no_thread(&e))?)?;
        let refused = told == Some(ChannelError::WrongLock);
        a.record(ROOM);
        b.record(ROOM);
        let done = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&done);
        let began = Instant::now();
        let sender = GilThread::spawn(&a, "cpu 1", move |gil| {
            place(0);
            send_until(gil, &outlet, &theirs, work)
        });
        let receiver = GilThread::spawn(&b, "cpu 2", move |gil| {
            place(1);
            receive_all(gil, &inlet, work)
        });
        std::thread::sleep(time / 2);
        let (first, second) = (a.recording(), b.recording());
        done.store(true, Relaxed);
        let sent = join(sender.map_err(|e| Failure::no_thread(&e))?)?;
        let (received, sum) = join(receiver.map_err(|e| Failure::no_thread(&e))?)?;
        let passes = (sent + received) * PASSES_A_VALUE;
        let own = passes as f64 / began.elapsed().as_secs_f64();
        let tracks = first.tracks.into_iter().chain(second.tracks).collect();
        let recording = Recording { tracks, until: first.until.max(second.until) };
        let figures = [
            ("passes_per_s_shared", shared.rate()),
            ("passes_per_s_own", own),
            ("speed_up", own / shared.rate()),
            ("values_sent", sent as f64),
            ("values_received", received as f64),
            ("values_whole", f64::from(u8::from(sum == (0..sent).sum::<u64>()))),
            ("refused_wrong_lock", f64::from(u8::from(refused))),
        ];
        Ok((FlatRecording::from(&recording), named(&figures)))
    })
}

/// Computes, and sends a value now and then, counted from 0. Gives how many it has sent.
fn send_until(gil: &mut Gil<'_>, outlet: &Outlet<u64>, done: &AtomicBool, work: Work) -> u64 {
    let mut sent = 0;
    while sent == 0 || !done.load(Relaxed) {
        countdown(gil, PASSES_A_VALUE, work);
        if outlet.send(gil, &sent).is_err() {
            break; // the other interpreter is gone
        }
        sent += 1;
    }
    sent
}

/// Computes, and receives a value now and then, until no more come. Gives how many there were,
/// and their sum.
fn receive_all(gil: &mut Gil<'_>, inlet: &Inlet<u64>, work: Work) -> (u64, u64) {
    let (mut received, mut sum) = (0, 0);
    while let Ok(value) = inlet.recv(gil) {
        (received, sum) = (received + 1, sum + value);
        countdown(gil, PASSES_A_VALUE, work);
    }
    (received, sum)
}

/// What a thread of its own takes from and gives to. In CPython each would be an object with a
/// small mutex in it; for a number an atomic is enough. Each pair is on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Accounts([AtomicI64; 2]);

/// What the collector has seen.
#[derive(Debug, Default)]
struct Seen {
    peeks: u64,
    torn_while_running: u64,
    torn_when_stopped: u64,
    parked: u64,
    /// How long it took until all stood still, each time, in nanoseconds.
    to_stop: Vec<u64>,
    /// How long they then stood.
    stopped: Vec<u64>,
}

/// Threads that compute without a lock, and one that stops the world now and then.
///
/// # Errors
/// If the child or its threads cannot be had.
pub fn free_threaded(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    in_child(time, move || {
        let shared = compute(policy, WORKERS, time / 2)?;
        let scope = FreeThreading::new();
        scope.record(ROOM);
        let began = Instant::now();
        let (passes, seen, recording) = work_and_collect(&scope, time / 2)?;
        let free = passes as f64 / began.elapsed().as_secs_f64();
        let at = |times: &[u64], share| percentile(times, share).unwrap_or(0) as f64 / 1e3;
        let counters = scope.counters();
        let figures = [
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
        ];
        Ok((FlatRecording::from(&recording), named(&figures)))
    })
}

/// Ends the workers, also if the one they work beside could not be had.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Runs the workers and the collector. Gives the workers' passes, and what the collector saw.
fn work_and_collect(
    scope: &FreeThreading,
    time: Duration,
) -> Result<(u64, Seen, Recording), Failure> {
    let (work, collection) = (Work::of(OPCODE), Work::of(COLLECTION));
    let done = AtomicBool::new(false);
    let accounts: Vec<Accounts> = (0..WORKERS).map(|_| Accounts::default()).collect();
    let panicked = |_| Failure::lost_thread("panicked");
    let refused = |e: AttachError| Failure::lost_thread(e);
    std::thread::scope(|s| {
        let ends = Done(&done);
        let worker = |number: usize| {
            let (accounts, done) = (&accounts[number], &done);
            let body = move || {
                place(number);
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
        drop(ends);
        let seen = seen.map_err(panicked)?.map_err(refused)?;
        let mut passes = 0;
        for worker in workers {
            passes += worker.join().map_err(panicked)?.map_err(refused)?;
        }
        Ok((passes, seen, recording))
    })
}

/// Takes one from the first account and gives one to the second, again and again. In between is
/// work, and no checkpoint: so the world cannot be stopped there. Gives the number of passes.
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

/// Looks at all accounts, first as they change, then in a stopped world, for this long.
fn collect_for(
    scope: &FreeThreading,
    accounts: &[Accounts],
    time: Duration,
    collection: Work,
) -> Result<Seen, AttachError> {
    let (mut seen, began) = (Seen::default(), Instant::now());
    scope.attach(|me| {
        while seen.stopped.is_empty() || began.elapsed() < time {
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

/// What was taken has not been given yet.
fn is_torn(accounts: &[Accounts]) -> bool {
    let all = accounts.iter().flat_map(|Accounts(both)| both);
    all.map(|account| account.load(Relaxed)).sum::<i64>() != 0
}
