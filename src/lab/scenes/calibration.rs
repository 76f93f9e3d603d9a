//! Calibration: what this machine charges for ticks, wake-ups and switches.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: every cost is measured, here and now, in half a second, with the lock that is to be
//! simulated; threads are where the measurement needs them, on one core or on two. Costs that no
//! machine has ([`Calibration::impossible`]) are measured again, and then refused.
//! *Leaves out*: what else runs on the machine. Of many trials the quicker quarter counts, for
//! others only ever make a trial slower.
//!
//! ```text
//!   core 0: waker     ── notify ────────────▶ returns
//!                     ├─ signal + interrupt ─┤
//!                                            ├── wake ─┤
//!   core 1: sleeper   ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒ runs
//!
//!   core 0: two that wake each other: from sleep to sleep = signal + switch
//!   core 0: two that spin: how long one runs until the other does = quantum
//! ```

use crate::base::sync::{Arc, Condvar, Mutex};
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::decision::{Nanos, nanos};
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::simulator::costs::Costs;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::measure;
use crate::lab::report::stats::percentile;
use crate::lab::scenes::bytecode::{OPCODE, Work, countdown};
use crate::lab::scenes::scene_run::MOST_EVENTS;
use crate::lab::scenes::simulated::SimulatedMachine;
use crate::sys::usage::thread_cpu_time;
use crate::sys::usage::{cores, pin_to};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// Wake-ups that are timed.
const WAKE_UPS: usize = 300;
/// After this long a thread that was to sleep is asleep.
const UNTIL_ASLEEP: Duration = Duration::from_micros(200);
/// Visits to the lock in one trial, and passes of a loop.
const VISITS: u32 = 2_000;
/// How long two threads spin side by side.
const SPIN: Duration = Duration::from_millis(100);
/// A gap in a spinning thread's time that is more than an interrupt.
const GAP: Duration = Duration::from_micros(200);
/// No Linux lets a spinning thread keep its core longer than this beside another.
const LONGEST_QUANTUM: Nanos = 100_000_000;

/// How often costs are measured that turn out to be impossible.
const TRIALS: usize = 3;

/// What this machine charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// For the simulator.
    pub costs: Costs,
    /// A `write` to a socket, which is what the echo thread does without the lock.
    pub call: Nanos,
}

impl Calibration {
    /// A simulated machine with so many cores that charges the same.
    pub fn machine(&self, cores: usize, seed: u64) -> SimulatedMachine {
        SimulatedMachine { call: self.call, ..SimulatedMachine::of(cores, self.costs, seed) }
    }

    /// What of these costs no machine can have, if anything: then it was stopped, or not its own
    /// master, while it was measured.
    ///
    /// ```
    /// use singletrack::gil::Costs;
    /// use singletrack::lab::scenes::calibration::Calibration;
    ///
    /// let measured = |costs| Calibration { costs, call: 5_000 };
    /// assert_eq!(measured(Costs::TYPICAL).impossible(), None);
    /// let why = measured(Costs { contended: 5, ..Costs::TYPICAL }).impossible().unwrap();
    /// assert!(why.contains("contended=5ns is no more than uncontended=10ns"), "{why}");
    /// ```
    pub fn impossible(&self) -> Option<String> {
        let Costs { tick, uncontended, contended, signal, wake, switch, quantum, .. } = self.costs;
        let signal = signal + self.costs.interrupt;
        let none = [
            ("tick", "an instruction", tick),
            ("uncontended", "an atomic operation", uncontended),
            ("signal", "a system call that wakes a thread", signal),
            ("wake", "a thread that wakes up", wake),
            ("switch", "a change of threads", switch),
            ("call", "a write to a socket", self.call),
        ];
        if let Some((name, what, _)) = none.iter().find(|(_, _, time)| *time == 0) {
            return Some(format!("{name}=0ns: {what} takes time"));
        }
        let order = [
            ("contended", contended, "uncontended", uncontended, "a mutex on top of it"),
            (
                "quantum",
                quantum,
                "switch",
                switch,
                "a thread keeps a core longer than it takes to put it there",
            ),
            ("quantum", quantum, "tick", tick, "more than one instruction fits in"),
        ];
        if let Some((high, time, low, least, why)) = order.iter().find(|row| row.1 <= row.3) {
            return Some(format!("{high}={time}ns is no more than {low}={least}ns: {why}"));
        }
        let text = self.costs.to_string();
        text.parse::<Costs>().err().map(|why| why.to_string())
    }
}

/// Measures, in a child process; again if what comes out is impossible.
///
/// # Errors
/// If the child, its threads or its sockets cannot be had, or the costs stay impossible.
pub fn calibrate() -> Result<Calibration, Failure> {
    let mut wrong = String::new();
    for _ in 0..TRIALS {
        let measured = measure_once()?;
        match measured.impossible() {
            None => return Ok(measured),
            Some(why) => wrong = why,
        }
    }
    let remedy = "run it again when less else runs, on a machine whose cores are not shared";
    Err(Failure::new("the measured costs", format!("impossible {TRIALS} times: {wrong}"), remedy))
}

fn measure_once() -> Result<Calibration, Failure> {
    let refuse = |e: io::Error| Failure::io("the measurement", &e, "close other programs");
    let (numbers, _) = measure(PATIENCE, || numbers().map_err(refuse))?;
    let [tick, uncontended, contended, signal, interrupt, wake, switch, quantum, jitter, call] =
        numbers;
    let costs =
        Costs { tick, uncontended, contended, signal, interrupt, wake, switch, quantum, jitter };
    Ok(Calibration { costs, call })
}

fn numbers() -> io::Result<[u64; 10]> {
    let all = cores()?;
    let (here, there) = (all[0], all[1 % all.len()]);
    pin_to(&[here])?;
    let (uncontended, contended) = visits();
    let (from_sleep_to_sleep, signal) = ping_pong(here)?;
    let (with_interrupt, wakes) = wake_ups(there)?;
    let (wake, usual) = (quicker(&wakes), percentile(&wakes, 0.5).unwrap_or(0));
    let interrupt = quicker(&with_interrupt).saturating_sub(signal);
    let jitter = (usual - wake) * 100 / usual.max(1);
    let switch = from_sleep_to_sleep.saturating_sub(signal);
    let (tick, quantum, call) = (tick(), quantum()?, call()?);
    Ok([tick, uncontended, contended, signal, interrupt, wake, switch, quantum, jitter, call])
}

/// Of sorted trials, the one that a quarter of them were quicker than.
fn quicker(sorted: &[Nanos]) -> Nanos {
    percentile(sorted, 0.25).unwrap_or(0)
}

fn sorted(mut trials: Vec<Nanos>) -> Vec<Nanos> {
    trials.sort_unstable();
    trials
}

/// The length of one of many, over a few trials.
fn each(mut trial: impl FnMut()) -> Nanos {
    let trials = (0..9).map(|_| {
        let begun = Instant::now();
        trial();
        nanos(begun.elapsed()) / u64::from(VISITS)
    });
    quicker(&sorted(trials.collect()))
}

/// One tick of the loop that the scenes run, with all that the lock does at it.
fn tick() -> Nanos {
    let (work, lock) = (Work::of(OPCODE), GlobalLock::new(SwitchPolicy::PYTHON_3_2));
    // The lock is new and this thread holds none: it cannot be refused.
    let pass = lock.attach(|gil| each(|| countdown(gil, u64::from(VISITS), work)));
    (pass.unwrap_or(0) / 3).max(1)
}

/// What it costs to take or drop the lock on the fast path (`uncontended`), and on the slow one under
/// the mutex (`contended`); recorded, as in a scene.
fn visits() -> (Nanos, Nanos) {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_2);
    lock.record(MOST_EVENTS);
    let detach = |gil: &mut Gil<'_>| (0..VISITS).for_each(|_| gil.detach(|| ()));
    let there_and_back = lock.attach(|gil| each(|| detach(gil))).unwrap_or(0);
    let uncontended = there_and_back / 2;
    // An attach with a limit takes the slow path always; the drop takes the fast one.
    let attach = || {
        for _ in 0..VISITS {
            // No other thread has the lock, so it is free.
            let _ = lock.attach_timeout(PATIENCE, |_| ());
        }
    };
    (uncontended, each(attach).saturating_sub(uncontended))
}

/// Two threads that take turns: each sleeps until the other notifies it.
struct Turns {
    /// The number of the thread whose turn it is.
    next: Mutex<usize>,
    changed: Condvar,
    woke: Mutex<Option<Instant>>,
    awake: AtomicBool,
    sleeps: AtomicU64,
    /// How long each notification took.
    signals: Mutex<Vec<Nanos>>,
}

fn turns() -> Arc<Turns> {
    let (next, changed) = (Mutex::new(0), Condvar::new());
    let (woke, signals) = (Mutex::new(None), Mutex::new(Vec::new()));
    let (awake, sleeps) = (AtomicBool::new(false), AtomicU64::new(0));
    Arc::new(Turns { next, changed, woke, awake, sleeps, signals })
}

/// Starts thread number `me`, which waits for its turns and calls `then` at each. Its result is the
/// CPU time that it has spent.
fn sleeper(
    turns: &Arc<Turns>,
    me: usize,
    core: usize,
    then: fn(&Turns),
) -> io::Result<JoinHandle<Duration>> {
    let turns = Arc::clone(turns);
    thread::Builder::new().spawn(move || {
        // If that is refused it runs on any core: other costs are measured, but real ones.
        let _ = pin_to(&[core]);
        for _ in 0..WAKE_UPS {
            let mut next = turns.next.lock();
            while *next != me {
                turns.sleeps.fetch_add(1, SeqCst);
                turns.changed.wait(&mut next);
            }
            *next = 1 - me;
            drop(next);
            then(&turns);
        }
        thread_cpu_time()
    })
}

/// How long it takes to wake a thread on that core: for the waker, and from then on until the
/// sleeper runs.
fn wake_ups(core: usize) -> io::Result<(Vec<Nanos>, Vec<Nanos>)> {
    let turns = turns();
    let thread = sleeper(&turns, 1, core, |turns| {
        *turns.woke.lock() = Some(Instant::now());
        turns.awake.store(true, SeqCst);
    })?;
    let (mut signals, mut wakes) = (Vec::new(), Vec::new());
    for _ in 0..WAKE_UPS {
        let asleep = Instant::now() + UNTIL_ASLEEP;
        while Instant::now() < asleep {
            std::hint::spin_loop();
        }
        *turns.next.lock() = 1;
        let begun = Instant::now();
        turns.changed.notify_one();
        let ended = Instant::now();
        while !turns.awake.swap(false, SeqCst) {
            // On one core it has to be let in.
            thread::yield_now();
        }
        signals.push(nanos(ended - begun));
        let woke = turns.woke.lock().take();
        wakes.push(woke.map_or(0, |woke| nanos(woke.saturating_duration_since(ended))));
    }
    ended(thread)?;
    Ok((sorted(signals), sorted(wakes)))
}

/// Two threads on this core that wake each other: from sleep to sleep, and the system call that
/// is a part of it. In CPU time, for others may have the core in between.
fn ping_pong(core: usize) -> io::Result<(Nanos, Nanos)> {
    let turns = turns();
    let notify: fn(&Turns) = |turns| {
        let begun = thread_cpu_time();
        turns.changed.notify_one();
        let took = thread_cpu_time() - begun;
        turns.signals.lock().push(nanos(took));
    };
    let threads = [sleeper(&turns, 0, core, notify)?, sleeper(&turns, 1, core, notify)?];
    let mut spent = Duration::ZERO;
    for thread in threads {
        spent += ended(thread)?;
    }
    let reads = || {
        for _ in 0..VISITS {
            black_box(thread_cpu_time());
        }
    };
    let clock = each(reads);
    // Up to half of the notifications find no thread asleep: the slower ones count.
    let signals = sorted(std::mem::take(&mut *turns.signals.lock()));
    let signal = percentile(&signals, 0.75).unwrap_or(0).saturating_sub(clock);
    let from_sleep_to_sleep = nanos(spent) / turns.sleeps.load(SeqCst).max(1);
    Ok((from_sleep_to_sleep.saturating_sub(2 * clock).max(signal), signal))
}

/// How long a thread that spins keeps this core beside another.
fn quantum() -> io::Result<Nanos> {
    let spin = || {
        let (begun, mut stretches) = (Instant::now(), Vec::new());
        let (mut since, mut last) = (begun, begun);
        while last < begun + SPIN {
            let now = Instant::now();
            if now - last > GAP {
                stretches.push(nanos(last - since));
                since = now;
            }
            last = now;
        }
        stretches
    };
    let threads = [thread::Builder::new().spawn(spin)?, thread::Builder::new().spawn(spin)?];
    let mut stretches = Vec::new();
    for thread in threads {
        stretches.extend(ended(thread)?);
    }
    Ok(percentile(&sorted(stretches), 0.5).unwrap_or(LONGEST_QUANTUM).max(1))
}

/// A write to a connection whose other side is there.
fn call() -> io::Result<Nanos> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut writer = TcpStream::connect(listener.local_addr()?)?;
    let (mut reader, _) = listener.accept()?;
    writer.set_nodelay(true)?;
    let (mut trials, mut buffer) = (Vec::new(), [7; 64]);
    for _ in 0..WAKE_UPS {
        let begun = Instant::now();
        writer.write_all(&buffer)?;
        trials.push(nanos(begun.elapsed()));
        reader.read_exact(&mut buffer)?;
    }
    Ok(quicker(&sorted(trials)))
}

fn ended<R>(thread: JoinHandle<R>) -> io::Result<R> {
    thread.join().map_err(|_| io::Error::other("a thread panicked"))
}
