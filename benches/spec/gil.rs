//! The lock: uncontended, forced to change hands, beside itself in a countdown, and the convoy.

use crate::args::{Args, Line, percentile, repeat, usage};
use crate::wake::pin;
use singletrack::gil::Gil;
use singletrack::gil::GilCell;
use singletrack::gil::GilThread;
use singletrack::gil::GlobalLock;
use singletrack::gil::{Check, SwitchPolicy};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// What one pass of the countdown takes beside its check; about what CPython takes.
const BODY: Duration = Duration::from_nanos(25);
/// How long a forced holder keeps the lock after the other began to wait.
const KEPT: Duration = Duration::from_micros(100);
/// What the burners add to their count at a time.
const CHUNK: u64 = 10_000;

/// `policy=python-3.10 interval=0.005`: the lock of those names.
pub fn lock_of(args: &Args) -> GlobalLock {
    let policy: SwitchPolicy =
        args.text("policy", "python-3.10").parse().unwrap_or_else(|e| panic!("{e}"));
    let seconds: f64 = args.text("interval", "0.005").parse().expect("interval=SECONDS");
    let interval = Duration::from_secs_f64(seconds);
    GlobalLock::new(match policy.check() {
        Check::OnRequest { .. } => policy.with_check(Check::OnRequest { interval }).unwrap(),
        Check::EveryTicks(_) => policy,
    })
}

/// How many rounds of `body` take [`BODY`].
pub fn calibrate() -> u64 {
    const ROUNDS: u64 = 2_000_000;
    let once = || {
        let start = Instant::now();
        body(ROUNDS);
        start.elapsed()
    };
    let best = (0..5).map(|_| once()).min().expect("five times");
    (BODY.as_nanos() as u64 * ROUNDS / best.as_nanos() as u64).max(1)
}

/// A chain of multiplications, each of which needs the one before.
pub fn body(rounds: u64) {
    let mut x = black_box(7u64);
    for _ in 0..rounds {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }
    black_box(x);
}

fn countdown(gil: &mut Gil<'_>, mut n: u64, rounds: u64) {
    while n > 0 {
        body(rounds);
        n -= 1;
        gil.checkpoint();
    }
}

pub fn lock_uncontended(args: &Args) {
    let n = args.number("n", 20_000_000);
    let recording = args.number("recording", 0) != 0;
    pin(1);
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    if recording {
        lock.record(1 << 16);
    }
    let cell = GilCell::new(&lock, 0u64);
    let done = Arc::new(AtomicBool::new(false));
    let sleeper = sleeper(&done);
    let times = repeat(args.number("reps", 7), || {
        let start = Instant::now();
        for _ in 0..n {
            lock.attach(|gil| *cell.get_mut(gil) += 1).unwrap();
        }
        start.elapsed().as_secs_f64()
    });
    done.store(true, SeqCst);
    sleeper.thread().unpark();
    sleeper.join().unwrap();
    let kind = if recording { "lock_recorded" } else { "lock_uncontended" };
    let ((median, best), scale) = (times, 1e9 / n as f64);
    Line { workload: kind, variant: format!("n={n}"), primary: "ns_per_op", better: "lower" }
        .print(&[
            ("ns_per_op", median * scale),
            ("min_ns_per_op", best * scale),
            ("tick_ns", price(SwitchPolicy::PYTHON_2, n, |gil| gil.tick())),
            ("checkpoint_ns", price(SwitchPolicy::PYTHON_3_10, n, |gil| gil.checkpoint())),
        ]);
}

/// Nanoseconds of one call under a lock that nobody else wants; the best of five.
fn price(policy: SwitchPolicy, n: u64, call: impl Fn(&mut Gil<'_>)) -> f64 {
    let lock = GlobalLock::new(policy);
    let once = || {
        lock.attach(|gil| {
            let start = Instant::now();
            for _ in 0..n {
                call(gil);
                black_box(());
            }
            start.elapsed().as_secs_f64()
        })
        .unwrap()
    };
    (0..5).map(|_| once()).fold(f64::INFINITY, f64::min) * 1e9 / n as f64
}

/// A second thread that exists, and does nothing.
fn sleeper(done: &Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let done = Arc::clone(done);
    std::thread::spawn(move || {
        while !done.load(SeqCst) {
            std::thread::park();
        }
    })
}

/// What the two threads of `lock_forced` share.
struct Duel {
    lock: GlobalLock,
    base: Instant,
    acquired: AtomicU64,
    last: AtomicU64,
    released: AtomicU64,
    finished: AtomicBool,
}

pub fn lock_forced(args: &Args) {
    let n = args.number("n", 5_000);
    let place = args.text("place", "cross");
    let cores = match place.as_str() {
        "cross" => [0, 1],
        "same" => [0, 0],
        other => panic!("place={other}: want cross or same"),
    };
    let duel = Arc::new(Duel {
        lock: GlobalLock::new(SwitchPolicy::PYTHON_3_10),
        base: Instant::now(),
        acquired: AtomicU64::new(0),
        last: AtomicU64::new(u64::MAX),
        released: AtomicU64::new(0),
        finished: AtomicBool::new(false),
    });
    let fight = |me: usize| {
        let duel = Arc::clone(&duel);
        std::thread::spawn(move || {
            pin(cores[me]);
            forced(&duel, me as u64, n)
        })
    };
    let threads = [fight(0), fight(1)];
    let mut times: Vec<u64> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    times.sort_unstable();
    let changes = times.len() as f64;
    Line {
        workload: "lock_forced",
        variant: format!("place={place}"),
        primary: "us_p50",
        better: "lower",
    }
    .print(&[
        ("us_p50", percentile(&times, 50.0) / 1e3),
        ("us_p99", percentile(&times, 99.0) / 1e3),
        ("fair_frac", changes / duel.acquired.load(SeqCst) as f64),
    ]);
}

/// Holds the lock until the other waits and a little longer, lets it be asked to go, and goes.
fn forced(duel: &Duel, me: u64, n: u64) -> Vec<u64> {
    let now = || duel.base.elapsed().as_nanos() as u64;
    let mut latencies = Vec::new();
    let attached = duel.lock.attach(|gil| {
        loop {
            if duel.acquired.fetch_add(1, SeqCst) + 1 >= n {
                duel.finished.store(true, SeqCst);
            }
            let last = duel.last.swap(me, SeqCst);
            if last != me && last != u64::MAX {
                latencies.push(now() - duel.released.load(SeqCst));
            }
            while duel.lock.waiting() == 0 && !duel.finished.load(SeqCst) {
                std::thread::yield_now();
            }
            let waited = Instant::now();
            while waited.elapsed() < KEPT {
                std::thread::yield_now();
            }
            if duel.finished.load(SeqCst) {
                return;
            }
            duel.lock.request_drop();
            duel.released.store(now(), SeqCst);
            gil.checkpoint();
        }
    });
    attached.unwrap();
    latencies
}

pub fn gil_countdown(args: &Args) {
    let threads = args.number("threads", 2);
    let w = args.number("w", 20_000_000);
    let lock = lock_of(args);
    let rounds = calibrate();
    let start = |n: u64| {
        GilThread::spawn(&lock, "countdown", move |gil| countdown(gil, n, rounds)).unwrap()
    };
    start(w / 2).join().unwrap();
    let (mut ratios, mut sequential, mut parallel) = (Vec::new(), Vec::new(), Vec::new());
    let (mut cpu, mut switches) = (0.0, 0.0);
    for _ in 0..args.number("pairs", 7).max(1) {
        let begun = Instant::now();
        (0..threads).for_each(|_| start(w / threads).join().unwrap());
        let one_by_one = begun.elapsed().as_secs_f64();
        let (cpu_before, switches_before) = usage();
        let begun = Instant::now();
        let all: Vec<_> = (0..threads).map(|_| start(w / threads)).collect();
        all.into_iter().for_each(|thread| thread.join().unwrap());
        let at_once = begun.elapsed().as_secs_f64();
        let (cpu_after, switches_after) = usage();
        ratios.push(one_by_one / at_once);
        sequential.push(one_by_one);
        parallel.push(at_once);
        cpu += cpu_after - cpu_before;
        switches += switches_after - switches_before;
    }
    let total: f64 = parallel.iter().sum();
    Line {
        workload: "gil_countdown",
        variant: format!("threads={threads},interval={}", args.text("interval", "0.005")),
        primary: "rel_throughput",
        better: "higher",
    }
    .print(&[
        ("rel_throughput", median(&mut ratios)),
        ("seq_s", median(&mut sequential)),
        ("par_s", median(&mut parallel)),
        ("cpus_used", cpu / total),
        ("vol_csw_per_s", switches / total),
        ("pairs", parallel.len() as f64),
    ]);
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// `serve gil_convoy threads=K interval=S`: one blocking thread a connection, beside `K` that
/// count down, all under one lock. The load generator is the one of the echo workload.
pub fn serve_convoy(args: &Args) {
    let lock = lock_of(args);
    let rounds = calibrate();
    block_sigterm();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().unwrap().port();
    let burnt = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    for _ in 0..args.number("threads", 0) {
        let burnt = Arc::clone(&burnt);
        let burn = move |gil: &mut Gil<'_>| {
            loop {
                countdown(gil, CHUNK, rounds);
                burnt.fetch_add(CHUNK, Relaxed);
            }
        };
        drop(GilThread::<()>::spawn(&lock, "burner", burn).unwrap());
    }
    let door = lock.clone();
    drop(GilThread::spawn(&lock, "acceptor", move |gil| {
        while let Ok((stream, _)) = gil.detach(|| listener.accept()) {
            let session = move |gil: &mut Gil<'_>| drop(echo(gil, stream));
            drop(GilThread::spawn(&door, "echo", session));
        }
    }));
    println!("LISTENING {port}");
    wait_for_sigterm();
    let rate = burnt.load(Relaxed) as f64 / begun.elapsed().as_secs_f64();
    println!("STAT burn_iters_per_s {rate}");
    std::process::exit(0);
}

fn echo(gil: &mut Gil<'_>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 1024];
    loop {
        match gil.detach(|| stream.read(&mut buffer))? {
            0 => return Ok(()),
            n => gil.detach(|| stream.write_all(&buffer[..n]))?,
        }
        gil.checkpoint();
    }
}

fn sigterm() -> libc::sigset_t {
    // SAFETY: `sigset_t` is plain data that `sigemptyset` fills; the set is a local.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGTERM);
        set
    }
}

/// In this thread and in all that it starts from now on.
fn block_sigterm() {
    // SAFETY: the set is a local that outlives the call.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &sigterm(), std::ptr::null_mut()) };
}

fn wait_for_sigterm() {
    let mut signal = 0;
    // SAFETY: both are locals that outlive the call; the signal is blocked.
    unsafe { libc::sigwait(&sigterm(), &mut signal) };
}
