//! What happens in each scene: threads under a policy, recorded, in a process of their own.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: every thread has ended when a run is over; figures are measured, never built in.
//! *Leaves out*: what they mean (`lab/scene.rs`).

use crate::base::sys::affinity::{cores, pin_to};
use crate::gil::cell::GilCell;
use crate::gil::counters::Counters;
use crate::gil::lock::GlobalLock;
use crate::gil::policy::SwitchPolicy;
use crate::gil::record::{Event, Recording, State, What};
use crate::gil::token::Gil;
use crate::gil::worker::GilThread;
use crate::lab::bytecode::{Work, countdown, countdown_until, increment};
use crate::lab::echo::{ROOM, serve_and_ask};
use crate::lab::failure::Failure;
use crate::lab::film::Film;
use crate::lab::measure::Errand;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How long an interpreter works between two ticks, roughly: half of CPython's 25 ns or more
/// for one pass of a countdown.
const OPCODE: Duration = Duration::from_nanos(12);
/// The longest that a run may take beyond its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// The racers of `race`.
const RACERS: u64 = 4;
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
type Report = (Film, Figures);

/// Requests beside nobody, then beside a thread that computes.
///
/// # Errors
/// As [`serve_and_ask`].
pub fn convoy(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    let work = Work::of(OPCODE);
    let (idle, _, _) = serve_and_ask(policy, 0, work, time / 4)?;
    let (beside, recording, pid) = serve_and_ask(policy, 1, work, time)?;
    let at = |share| crate::lab::stats::percentile(&beside.round_trips, share).unwrap_or(0);
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

/// One thread that computes, then two: how much faster, or slower, together.
///
/// # Errors
/// If the child or its threads cannot be had.
pub fn battle(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    in_child(time, move || {
        let alone = compute(policy, 1, time / 3)?;
        let both = compute(policy, 2, time)?;
        let mut figures = both.figures(time);
        figures.insert("passes_per_s_alone".into(), alone.rate());
        figures.insert("passes_per_s_both".into(), both.rate());
        figures.insert("times_as_long".into(), alone.rate() / both.rate());
        Ok((Film::from(&both.recording), figures))
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
        Ok((Film::from(&run.recording), figures))
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
        Ok((Film::from(&run.recording), figures))
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
            (0..RACERS).map(racer).collect::<Result<_, _>>().map_err(|e| no_thread(&e))?;
        racers.into_iter().try_for_each(join)?;
        let recording = lock.recording();
        let counted = lock.attach(|gil| *x.get(gil)).unwrap_or(0);
        let wanted = (RACERS * each) as f64;
        let mut figures = count(&lock.counters(), time);
        figures.insert("increments".into(), wanted);
        figures.insert("lost".into(), wanted - counted as f64);
        Ok((Film::from(&recording), figures))
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
        let main = main.map_err(|e| no_thread(&e))?;
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
        Ok((Film::from(&picture.recording), figures))
    })
}

/// Two threads that compute: under one lock, and each in an interpreter of its own.
///
/// # Errors
/// As [`battle`].
pub fn per_interpreter(policy: SwitchPolicy, time: Duration) -> Result<Take, Failure> {
    in_child(time, move || {
        let shared = compute(policy, 2, time / 2)?;
        let one = |number| std::thread::spawn(move || interpreter(policy, number, time / 2));
        let both = [one(0), one(1)];
        let mut rates = Vec::new();
        let mut recording = Recording { tracks: Vec::new(), until: 0 };
        for run in both {
            let broken = |_| Failure::new("an interpreter", "panicked", "report it");
            let run = run.join().map_err(broken)??;
            rates.push(run.rate());
            recording.until = recording.until.max(run.recording.until);
            recording.tracks.extend(run.recording.tracks);
        }
        let own: f64 = rates.iter().sum();
        let figures = [
            ("passes_per_s_shared", shared.rate()),
            ("passes_per_s_own", own),
            ("speed_up", own / shared.rate()),
        ];
        Ok((Film::from(&recording), named(&figures)))
    })
}

/// One interpreter: a lock of its own, and a thread that computes under it.
fn interpreter(policy: SwitchPolicy, number: usize, time: Duration) -> Result<Computed, Failure> {
    let lock = GlobalLock::new(policy);
    lock.record(ROOM);
    compute_from(&lock, number..number + 1, time)
}

/// Some threads that did nothing but compute.
struct Computed {
    passes: Vec<u64>,
    took: Duration,
    counters: Counters,
    recording: Recording,
}

impl Computed {
    fn rate(&self) -> f64 {
        self.passes.iter().sum::<u64>() as f64 / self.took.as_secs_f64()
    }

    fn figures(&self, time: Duration) -> Figures {
        count(&self.counters, time)
    }
}

fn compute(policy: SwitchPolicy, threads: usize, time: Duration) -> Result<Computed, Failure> {
    let lock = GlobalLock::new(policy);
    lock.record(ROOM);
    compute_under(&lock, threads, time)
}

fn compute_under(lock: &GlobalLock, threads: usize, time: Duration) -> Result<Computed, Failure> {
    compute_from(lock, 0..threads, time)
}

/// A thread for each number, on the core of that number as far as there are cores.
fn compute_from(
    lock: &GlobalLock,
    numbers: Range<usize>,
    time: Duration,
) -> Result<Computed, Failure> {
    let work = Work::of(OPCODE);
    let done = Arc::new(AtomicBool::new(false));
    let cores = cores().map_err(|e| Failure::io("the cores", &e, "run it again"))?;
    let start = |number: usize| {
        let (done, core) = (Arc::clone(&done), cores[number % cores.len()]);
        let body = move |gil: &mut Gil<'_>| {
            // Where each has a core, a woken thread really runs. If the system refuses, the
            // kernel places the threads: a milder scene, but a true one.
            let _ = pin_to(&[core]);
            countdown_until(gil, &done, work)
        };
        GilThread::spawn(lock, &format!("cpu {}", number + 1), body)
    };
    let began = Instant::now();
    let threads: Vec<_> =
        numbers.map(start).collect::<Result<_, _>>().map_err(|e| no_thread(&e))?;
    std::thread::sleep(time);
    let recording = lock.recording();
    let counters = lock.counters();
    done.store(true, Relaxed);
    let passes = threads.into_iter().map(join).collect::<Result<_, _>>()?;
    Ok(Computed { passes, took: began.elapsed(), counters, recording })
}

/// The share of drops on request after which another thread was the next to take the lock.
fn handed_over(recording: &Recording) -> f64 {
    let tracks = recording.tracks.iter().enumerate();
    let mut events: Vec<(usize, Event)> =
        tracks.flat_map(|(track, t)| t.events.iter().map(move |&event| (track, event))).collect();
    events.sort_by_key(|(_, event)| event.at);
    let (mut dropper, mut drops, mut switches) = (None, 0, 0);
    for (track, event) in events {
        match (event.what, dropper) {
            (What::DropsOnRequest, _) => dropper = Some(track),
            (What::Takes, Some(last)) => {
                drops += 1;
                switches += u32::from(last != track);
                dropper = None;
            }
            _ => {}
        }
    }
    f64::from(switches) / f64::from(drops.max(1))
}

fn longest_wait(recording: &Recording) -> u64 {
    let slices = recording.tracks.iter().flat_map(|track| track.slices(recording.until));
    let waits = slices.filter(|slice| slice.state == State::WaitingForGil);
    waits.map(|slice| slice.to - slice.from).max().unwrap_or(0)
}

/// The lock's counters, a second.
fn count(counters: &Counters, time: Duration) -> Figures {
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

fn named(figures: &[(&str, f64)]) -> Figures {
    figures.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
}

fn in_child(
    time: Duration,
    work: impl FnOnce() -> Result<Report, Failure>,
) -> Result<Take, Failure> {
    let child = Errand::begin(&[], work)?;
    let pid = child.pid();
    let ((film, figures), _) = child.finish(2 * time + PATIENCE)?;
    Ok(Take { pid, recording: film.into(), figures })
}

fn join<R: Send + 'static>(thread: GilThread<R>) -> Result<R, Failure> {
    thread.join().map_err(|e| Failure::new("a thread", e.to_string(), "report it"))
}

fn no_thread(why: &io::Error) -> Failure {
    Failure::io("a thread", why, "close other programs")
}
