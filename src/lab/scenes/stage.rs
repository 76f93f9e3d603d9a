//! What happens in each scene: threads under a policy, recorded, in a process of their own.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: every thread has ended when a run is over; figures are measured, never built in.
//! *Leaves out*: what they mean (`lab/scenes/explanation.rs`).

use crate::gil::lock::cell::GilCell;
use crate::gil::lock::gil_thread::GilThread;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::counters::Counters;
use crate::gil::stats::record::Recording;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::ChildRun;
use crate::lab::report::recording::FlatRecording;
use crate::lab::report::recording::{handed_over, longest_wait};
use crate::lab::report::stats::{Spread, percentile};
use crate::lab::scenes::bytecode::{Work, countdown, countdown_until, increment};
use crate::lab::scenes::echo::{Places, ROOM, serve_and_ask};
use crate::sys::usage::thread_core_wait;
use crate::sys::usage::{cores, pin_to};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How long an interpreter works between two ticks, roughly: half of CPython's 25 ns or more
/// for one pass of a countdown.
pub(crate) const OPCODE: Duration = Duration::from_nanos(12);
/// The longest that a run may take beyond its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look whether threads that were started have come to the lock.
const COMING: Duration = Duration::from_micros(200);
/// The racers of `race`.
const RACERS: u64 = 4;
/// How often one thread and two take turns in `battle`.
const ROUNDS: u32 = 5;
/// Increments a racer does for each second that the scene may take.
const INCREMENTS_PER_S: f64 = 800_000.0;

/// Passes of a loop in which a check is sure to come.
const ENOUGH_FOR_A_CHECK: u64 = 200;

/// Named numbers.
pub type Figures = BTreeMap<String, f64>;

/// One scene under one policy.
#[derive(Debug, Clone)]
pub struct Take {
    /// The process it ran in.
    pub pid: u32,
    /// What happened to the lock.
    pub recording: Recording,
    /// What it came to.
    pub figures: Figures,
}

/// What a child sends back.
pub(crate) type Report = (FlatRecording, Figures);

/// Requests beside nobody, then beside a thread that computes.
///
/// # Errors
/// As [`serve_and_ask`].
pub fn convoy(policy: SwitchPolicy, time: Duration, places: &Places) -> Result<Take, Failure> {
    let work = Work::of(OPCODE);
    let (idle, _, _) = serve_and_ask(policy, 0, work, time / 4, places)?;
    let (beside, recording, pid) = serve_and_ask(policy, 1, work, time, places)?;
    let at = |share| percentile(&beside.round_trips, share).unwrap_or(0);
    let figures = [
        ("idle_us", idle.mean_us()),
        ("idle_requests_per_s", idle.per_second()),
        ("beside_us", beside.mean_us()),
        ("beside_us_p50", at(0.50) as f64 / 1e3),
        ("beside_us_p99", at(0.99) as f64 / 1e3),
        ("beside_requests_per_s", beside.per_second()),
        ("toll_us", beside.mean_us() - idle.mean_us()),
    ];
    Ok(Take { pid, recording, figures: named(&figures) })
}

/// One thread that computes, and two: how much faster, or slower, together. Both in turn, so
/// that what else runs on the machine is in the way of both.
///
/// # Errors
/// If the child or its threads cannot be had.
pub fn battle(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    in_child(time, move || {
        let round = |_| {
            let alone = compute(policy, 1, time / (3 * ROUNDS))?;
            Ok((alone, compute(policy, 2, time / ROUNDS)?))
        };
        let rounds: Vec<(Computed, Computed)> =
            (0..ROUNDS).map(round).collect::<Result<_, Failure>>()?;
        let counters: Counters = rounds.iter().map(|(_, both)| both.counters).sum();
        let mut figures = count(&counters, time);
        let mut middle = |name: &str, of: &dyn Fn(&Computed, &Computed) -> f64| {
            let values: Vec<f64> = rounds.iter().map(|(alone, both)| of(alone, both)).collect();
            let median = Spread::of(&values).map_or(f64::NAN, |spread| spread.median);
            figures.insert(name.into(), median);
        };
        middle("passes_per_s_alone", &|alone, _| alone.rate());
        middle("passes_per_s_both", &|_, both| both.rate());
        middle("times_as_long", &|alone, both| alone.rate() / both.rate());
        let delays = rounds.iter().map(|(_, both)| both.core_wait);
        if let Some(delay) = delays.sum::<Option<Duration>>() {
            let each = delay.as_secs_f64() / counters.sleeps.max(1) as f64;
            figures.insert("core_wait_us".into(), 1e6 * each);
        }
        let last = rounds.last().map(|(_, both)| FlatRecording::from(&both.recording));
        let missing = || Failure::new("the battle", "no round was fought", "report it");
        Ok((last.ok_or_else(missing)?, figures))
    })
}

/// Three threads that compute, and the longest that one of them had to wait.
///
/// # Errors
/// As [`battle`].
pub fn starvation(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    in_child(time, move || {
        let run = compute(policy, 3, time)?;
        let mut figures = run.figures(time);
        let share = |passes: u64| passes as f64 / run.passes.iter().sum::<u64>().max(1) as f64;
        let shares = || run.passes.iter().map(|&passes| share(passes));
        figures.insert("smallest_share".into(), shares().fold(1.0, f64::min));
        figures.insert("largest_share".into(), shares().fold(0.0, f64::max));
        figures.insert("longest_wait_ms".into(), longest_wait(&run.recording) as f64 / 1e6);
        Ok((FlatRecording::from(&run.recording), figures))
    })
}

/// Two threads that compute, and how many drops on request led to a switch.
///
/// # Errors
/// As [`battle`].
pub fn no_force(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    in_child(time, move || {
        let run = compute(policy, 2, time)?;
        let mut figures = run.figures(time);
        figures.insert("handed_over".into(), handed_over(&run.recording));
        Ok((FlatRecording::from(&run.recording), figures))
    })
}

/// Four threads that do `x += 1`, and the updates that were lost.
///
/// # Errors
/// As [`battle`].
pub fn race(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    in_child(time, move || {
        let (work, lock) = (Work::of(OPCODE), GlobalLock::new(policy));
        lock.record(ROOM);
        let each = (time.as_secs_f64() * INCREMENTS_PER_S) as u64 + 1;
        let x = Arc::new(GilCell::new(&lock, 0i64));
        let racer = |number: u64| {
            let x = Arc::clone(&x);
            let body = move |gil: &mut Gil<'_>| increment(gil, &x, each, work);
            GilThread::spawn(&lock, &format!("racer {}", number + 1), body)
        };
        let racers: Vec<_> =
            (0..RACERS).map(racer).collect::<Result<_, _>>().map_err(|e| Failure::no_thread(&e))?;
        racers.into_iter().try_for_each(join)?;
        let recording = lock.recording();
        let counted = lock.attach(|gil| *x.get(gil)).unwrap_or(0);
        let wanted = (RACERS * each) as f64;
        let mut figures = count(&lock.counters(), time);
        figures.insert("increments".into(), wanted);
        figures.insert("lost".into(), wanted - counted as f64);
        Ok((FlatRecording::from(&recording), figures))
    })
}

/// Two threads that compute while the main thread blocks: before a signal has come for it, and
/// after.
///
/// # Errors
/// As [`battle`].
pub fn signal_storm(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    in_child(time, move || {
        let (lock, handled) = (GlobalLock::new(policy), Arc::new(AtomicBool::new(false)));
        let (release, blocked) = mpsc::channel::<()>();
        let (tell, claimed) = mpsc::channel();
        let main = GilThread::spawn(&lock, "main", move |gil| {
            gil.claim_main();
            // Whoever listens has waited for this; whoever has gone need not hear it.
            let _ = tell.send(());
            // It ends when the other side is dropped.
            let _ = gil.detach(|| blocked.recv());
            countdown(gil, ENOUGH_FOR_A_CHECK, Work::of(Duration::ZERO));
        });
        let main = main.map_err(|e| Failure::no_thread(&e))?;
        let _ = claimed.recv();
        let before = compute_under(&lock, 2, time / 2)?;
        let signal = Arc::clone(&handled);
        let note = move || signal.store(true, Relaxed);
        lock.add_pending_call(note).map_err(|e| Failure::new("signal", e.to_string(), "wait"))?;
        let after = compute_under(&lock, 2, time / 2)?;
        // The picture is of a time of its own: to record every tick would cost more than it.
        lock.record(ROOM);
        let picture = compute_under(&lock, 2, time / 5)?;
        let late = handled.load(Relaxed);
        drop(release);
        join(main)?;
        let mut figures = count(&(after.counters - before.counters), time / 2);
        let checks = |run: Counters| (run.tick_drops + run.forced_drops) as f64;
        let rate = 2.0 / time.as_secs_f64();
        figures.insert("passes_per_s_before".into(), before.rate());
        figures.insert("passes_per_s_after".into(), after.rate());
        figures.insert("times_slower".into(), before.rate() / after.rate());
        figures.insert("drops_per_s_before".into(), checks(before.counters) * rate);
        let drops_after = checks(after.counters - before.counters) * rate;
        figures.insert("drops_per_s_after".into(), drops_after);
        figures.insert("handled_while_main_was_blocked".into(), f64::from(u8::from(late)));
        let handled = handled.load(Relaxed);
        figures.insert("handled_when_main_was_back".into(), f64::from(u8::from(handled)));
        Ok((FlatRecording::from(&picture.recording), figures))
    })
}

/// Some threads that did nothing but compute.
pub(crate) struct Computed {
    passes: Vec<u64>,
    took: Duration,
    counters: Counters,
    recording: Recording,
    /// How long they could have run, but had no core, all together.
    core_wait: Option<Duration>,
}

impl Computed {
    pub(crate) fn rate(&self) -> f64 {
        self.passes.iter().sum::<u64>() as f64 / self.took.as_secs_f64()
    }

    fn figures(&self, time: Duration) -> Figures {
        count(&self.counters, time)
    }
}

pub(crate) fn compute(
    policy: SwitchPolicy,
    threads: usize,
    time: Duration,
) -> Result<Computed, Failure> {
    let lock = GlobalLock::new(policy);
    lock.record(ROOM);
    compute_under(&lock, threads, time)
}

/// So many threads, each on a core of its own as far as there are cores.
fn compute_under(lock: &GlobalLock, threads: usize, time: Duration) -> Result<Computed, Failure> {
    let work = Work::of(OPCODE);
    let done = Arc::new(AtomicBool::new(false));
    let start = |number: usize| {
        let done = Arc::clone(&done);
        let body = move |gil: &mut Gil<'_>| {
            place(number);
            (countdown_until(gil, &done, work), thread_core_wait())
        };
        GilThread::spawn(lock, &format!("cpu {}", number + 1), body)
    };
    let began = Instant::now();
    let all = lock.thread_counters().len() + threads;
    let threads: Vec<_> =
        (0..threads).map(start).collect::<Result<_, _>>().map_err(|e| Failure::no_thread(&e))?;
    // On a busy machine the time could be over before they have come to the lock.
    while lock.thread_counters().len() < all && began.elapsed() < PATIENCE {
        std::thread::sleep(COMING);
    }
    std::thread::sleep(time);
    let recording = lock.recording();
    let counters = lock.counters();
    done.store(true, Relaxed);
    let ended: Vec<_> = threads.into_iter().map(join).collect::<Result<_, _>>()?;
    let took = began.elapsed();
    let (passes, waits): (Vec<u64>, Vec<Option<Duration>>) = ended.into_iter().unzip();
    let core_wait = waits.into_iter().sum();
    Ok(Computed { passes, took, counters, recording, core_wait })
}

/// The lock's counters, a second.
pub(crate) fn count(counters: &Counters, time: Duration) -> Figures {
    let per_s = |count: u64| count as f64 / time.as_secs_f64();
    named(&[
        ("switches_per_s", per_s(counters.switches)),
        ("drop_requests_per_s", per_s(counters.drop_requests)),
        ("failed_takes_per_s", per_s(counters.retries)),
        ("forced_drops_per_s", per_s(counters.forced_drops)),
        ("tick_drops_per_s", per_s(counters.tick_drops)),
        ("voluntary_drops_per_s", per_s(counters.voluntary_drops)),
        ("sleeps_per_s", per_s(counters.sleeps)),
    ])
}

pub(crate) fn named(figures: &[(&str, f64)]) -> Figures {
    figures.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
}

pub(crate) fn in_child(
    time: Duration,
    work: impl FnOnce() -> Result<Report, Failure>,
) -> Result<Take, Failure> {
    let child = ChildRun::begin(&[], work)?;
    let pid = child.pid();
    let ((flat, figures), _) = child.finish(2 * time + PATIENCE)?;
    Ok(Take { pid, recording: flat.into(), figures })
}

pub(crate) fn join<R: Send + 'static>(thread: GilThread<R>) -> Result<R, Failure> {
    thread.join().map_err(Failure::lost_thread)
}

/// Gives this thread a core of its own, as far as there are cores: a woken thread then really
/// runs. If the system refuses, the kernel places it: a milder scene, but a true one.
pub(crate) fn place(number: usize) {
    if let Ok(cores) = cores() {
        let _ = pin_to(&[cores[number % cores.len()]]);
    }
}
