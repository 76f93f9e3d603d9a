//! Every way to go wrong, at every place, with little and with much on the wire: each job
//! resolves exactly once and with the right kind, the pool serves afterwards, and the census of
//! descriptors, processes and threads is what it was.
//!
//! ```text
//!  error panic exit segfault abort SIGKILL SIGSTOP
//!    ×  decoding  running  encoding  idle  request half written  reply half written
//!    ×  small  large (it lies beside the pipe)  huge (it does not fit there; only those half written)
//! ```

#[path = "process_pool/jobs.rs"]
#[allow(dead_code)]
mod jobs;
#[path = "process_pool/runner.rs"]
#[allow(dead_code)]
mod runner;

use jobs::{End, end_if, my_pid, my_reply_pipe, signal, square, stop_myself};
use runner::{Case, eventually, is_alive};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, SerializeTuple, Serializer};
use singletrack::futures::Executor;
use singletrack::futures::Future;
use singletrack::futures::JobError;
use singletrack::process::ForkServer;
use singletrack::process::JobOptions;
use singletrack::process::ProcessPool;
use singletrack::process::message::frame::{FrameKind, HEADER, frame};
use singletrack::sys::process::Death;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Way {
    Error,
    Panic,
    Exit,
    Segfault,
    Abort,
    Kill,
    Stop,
}

const WAYS: [Way; 7] =
    [Way::Error, Way::Panic, Way::Exit, Way::Segfault, Way::Abort, Way::Kill, Way::Stop];

/// Where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Place {
    Nowhere,
    Decoding,
    Running,
    Encoding,
    Idle,
    HalfRequest,
    HalfReply,
}

const PLACES: [Place; 6] = [
    Place::Decoding,
    Place::Running,
    Place::Encoding,
    Place::Idle,
    Place::HalfRequest,
    Place::HalfReply,
];

/// The process that tests; all others are workers.
static PARENT: AtomicU32 = AtomicU32::new(0);

fn main() {
    PARENT.store(std::process::id(), Ordering::Relaxed);
    let fork_server = ForkServer::start().expect("one thread so far");
    let mut cases: Vec<Case<'_>> = Vec::new();
    for place in PLACES {
        for way in WAYS {
            let half = matches!(place, Place::HalfRequest | Place::HalfReply);
            let huge = half.then_some(("huge", 5 << 20));
            for (size, load) in [("small", 10), ("large", 1 << 20)].into_iter().chain(huge) {
                let name = format!("{way:?} {place:?} {size}").to_lowercase().replace(' ', "_");
                let fork_server = &fork_server;
                cases.push((name, Box::new(move || case(fork_server, place, way, load))));
            }
        }
    }
    let code = runner::run_cases(cases, fork_server.pid());
    drop(fork_server);
    std::process::exit(code);
}

/// Argument and result of the job: goes off at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bomb {
    place: Place,
    way: Way,
    load: String,
}

impl Bomb {
    /// Goes off if this is the place; an `Err` is for the place to return.
    fn pass(&self, place: Place) -> Result<(), &'static str> {
        if self.place != place || std::process::id() == PARENT.load(Ordering::Relaxed) {
            return Ok(());
        }
        go_off(self.way)
    }
}

fn go_off(way: Way) -> Result<(), &'static str> {
    let end = match way {
        Way::Error => return Err("an error"),
        Way::Panic => {
            std::panic::set_hook(Box::new(|_| {}));
            panic!("a panic")
        }
        Way::Exit => End::Exit(3),
        Way::Segfault => End::Segv,
        Way::Abort => End::Abort,
        Way::Kill => End::Kill,
        Way::Stop => {
            stop_myself(());
            return Ok(());
        }
    };
    end_if((0, Some(end)));
    Ok(())
}

/// How the process ends that goes off in this way, if it does.
fn death(way: Way) -> Option<Death> {
    match way {
        Way::Error | Way::Panic | Way::Stop => None,
        Way::Exit => Some(Death::Code(3)),
        Way::Segfault => Some(Death::Signal(libc::SIGSEGV)),
        Way::Abort => Some(Death::Signal(libc::SIGABRT)),
        Way::Kill => Some(Death::Signal(libc::SIGKILL)),
    }
}

impl Serialize for Bomb {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_tuple(3)?;
        parts.serialize_element(&(self.place as u8, self.way as u8))?;
        parts.serialize_element(&self.load)?;
        self.pass(Place::Encoding).map_err(ser::Error::custom)?; // half of it is written
        parts.serialize_element(&0u8)?;
        parts.end()
    }
}

impl<'de> Deserialize<'de> for Bomb {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ((place, way), load, _): ((u8, u8), String, u8) =
            Deserialize::deserialize(deserializer)?;
        let place = [Place::Nowhere].into_iter().chain(PLACES).nth(place.into()).unwrap();
        let bomb = Bomb { place, way: WAYS[usize::from(way)], load };
        bomb.pass(Place::Decoding).map_err(de::Error::custom)?;
        Ok(bomb)
    }
}

/// Most go off in here, or on the way in or out.
fn carry(bomb: Bomb) -> Result<Bomb, String> {
    bomb.pass(Place::Running)?;
    if bomb.place == Place::HalfReply {
        let whole = frame(FrameKind::Value, u64::MAX, bomb.load.as_bytes()).unwrap();
        let half = &whole[..HEADER + bomb.load.len() / 2];
        OpenOptions::new().write(true).open(my_reply_pipe()).unwrap().write_all(half).unwrap();
        go_off(bomb.way)?;
    }
    Ok(bomb)
}

type Carried = Result<Result<Bomb, String>, JobError>;

const SOON: Duration = Duration::from_millis(100);
const NEVER: Duration = Duration::from_secs(20);

fn case(fork_server: &ForkServer, place: Place, way: Way, load: usize) {
    let pool = ProcessPool::new(fork_server, 2).unwrap();
    let bomb = Bomb { place, way, load: "x".repeat(load) };
    match place {
        Place::Idle => idle(fork_server, way, load),
        Place::HalfRequest => {
            half_request(fork_server, way, load);
            half_request_behind_a_bomb(fork_server, way, load);
        }
        _ => beside_others(&pool, &bomb),
    }
    assert_serves(&pool);
    eventually("all workers are there", || pool.worker_pids().len() == 2);
    pool.shutdown(true, false);
    let counts = pool.counts();
    assert_eq!(counts.submitted, counts.resolved());
    assert_eq!(counts.workers_started, counts.workers_ended);
}

fn assert_serves(pool: &ProcessPool) {
    let jobs: Vec<Future<u64>> = (0..20).map(|x| pool.submit(square, x)).collect();
    let squares: Result<Vec<u64>, _> = jobs.into_iter().map(Future::result).collect();
    assert_eq!(squares, Ok((0..20).map(|x| x * x).collect()));
}

fn beside_others(pool: &ProcessPool, bomb: &Bomb) {
    // With half a reply of its own making in the pipe, a job that returns is not understood.
    let half = bomb.place == Place::HalfReply && death(bomb.way).is_none();
    let limit = if half || bomb.way == Way::Stop { SOON } else { NEVER };
    let harmless = || Bomb { place: Place::Nowhere, ..bomb.clone() };
    let before: Vec<_> = (0..3).map(|_| pool.submit(carry, harmless())).collect();
    let result = pool.submit_within(limit, carry, bomb.clone());
    let after: Vec<_> = (0..3).map(|_| pool.submit(carry, harmless())).collect();
    check(result.result(), bomb);
    for other in before.into_iter().chain(after) {
        assert_eq!(other.result(), Ok(Ok(harmless())), "another job suffers");
    }
}

fn check(result: Carried, bomb: &Bomb) {
    let right = match (bomb.way, bomb.place, &result) {
        (Way::Error | Way::Panic, Place::HalfReply, Err(JobError::Protocol(_))) => true,
        (Way::Error | Way::Panic, Place::HalfReply, Err(JobError::TimedOut(SOON))) => true,
        (Way::Error | Way::Panic, Place::HalfReply, _) => false,
        (Way::Error, Place::Running, Ok(Err(why))) => why == "an error",
        (Way::Error, _, Err(JobError::Codec(_))) => true,
        (Way::Panic, _, Err(JobError::Panicked(why))) => why == "a panic",
        (Way::Stop, _, Err(JobError::TimedOut(SOON))) => true,
        (way, _, Err(JobError::WorkerLost { death: told, .. })) => Some(*told) == death(way),
        _ => false,
    };
    assert!(right, "{result:?}");
}

// ---- a worker alone, so that its next job cannot go elsewhere ----

/// Goes off a moment after its job has been answered, on a thread of its own.
fn plant((way, _load): (u8, String)) -> u64 {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        go_off(WAYS[usize::from(way)])
    });
    u64::from(std::process::id())
}

fn idle(fork_server: &ForkServer, way: Way, load: usize) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let pid = pool.submit(plant, (way as u8, "x".repeat(load))).result().unwrap() as u32;
    if death(way).is_some() {
        eventually("the worker is gone", || !is_alive(pid));
        eventually("it is replaced", || pool.worker_pids().iter().any(|new| *new != pid));
    } else if way == Way::Stop {
        eventually("the worker is stopped", || state(pid) == 'T');
        let stuck = pool.submit_within(SOON, square, 2).result();
        assert_eq!(stuck, Err(JobError::TimedOut(SOON)));
    } else {
        std::thread::sleep(Duration::from_millis(40)); // a thread of its ends; it does not care
        assert_eq!(pool.submit(my_pid, ()).result(), Ok(u64::from(pid)));
    }
    assert_serves(&pool);
    assert_eq!(pool.counts().lost, 0, "it had no job");
}

/// `T` for a stopped process.
fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next()).unwrap_or('?')
}

/// The worker is stopped, so that the request stays in the pipe: a large one in part, a small
/// one whole. The worker has claimed neither, so the next one answers it. Then the worker ends, by the signal that the way
/// would send; those that need the worker's own doing are a stop that lasts.
fn half_request(fork_server: &ForkServer, way: Way, load: usize) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let pid = pool.submit(my_pid, ()).result().unwrap() as u32;
    signal(pid, libc::SIGSTOP);
    eventually("the worker is stopped", || state(pid) == 'T');
    let ends = match death(way) {
        Some(Death::Signal(signal)) => Some(signal),
        _ => None,
    };
    let limit = if ends.is_some() { NEVER } else { SOON };
    let bomb = Bomb { place: Place::Nowhere, way, load: "x".repeat(load) };
    let options = JobOptions::default().limit(limit);
    let job = pool.submit_with(options, carry, bomb.clone()).future;
    eventually("it is sent", || job.done() || pool.worker_stats()[0].held == 1);
    if let Some(ends) = ends {
        signal(pid, ends);
        // Any other signal than SIGKILL waits until the process may run: then it runs no
        // further than into that signal.
        signal(pid, libc::SIGCONT);
    }
    let result = job.result();
    match ends {
        None => assert_eq!(result, Err(JobError::TimedOut(SOON))),
        Some(_) => assert_eq!(result, Ok(Ok(bomb)), "it had not begun"),
    }
    assert_serves(&pool);
}

/// Goes off when the file is there.
fn await_and_go_off((way, file): (u8, String)) -> Result<(), String> {
    eventually("the fuse is lit", || Path::new(&file).exists());
    Ok(go_off(WAYS[usize::from(way)])?)
}

/// The request lies behind a job that goes off, a large one in part: it has not begun, whatever
/// becomes of the worker, so it is answered, by this one or by the next.
fn half_request_behind_a_bomb(fork_server: &ForkServer, way: Way, load: usize) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let fuse = std::env::temp_dir().join(format!("fuse-{}-{way:?}-{load}", std::process::id()));
    let harmless = Bomb { place: Place::Nowhere, way, load: "x".repeat(load) };
    let both = || {
        // Quick jobs, so that the worker is sent ahead.
        assert!(pool.map(square, 0..1000).all(|result| result.is_ok()));
        let ahead = pool.submit(await_and_go_off, (way as u8, fuse.display().to_string()));
        (ahead, pool.submit(carry, harmless.clone()))
    };
    let (mut ahead, mut behind) = both();
    // On a busy machine a worker may not seem quick: then once more, until it does.
    for _ in 0..100 {
        if pool.worker_stats()[0].held == 2 {
            break;
        }
        std::fs::write(&fuse, "").unwrap();
        if way == Way::Stop {
            eventually("the worker is stopped", || state(pool.worker_pids()[0]) == 'T');
            signal(pool.worker_pids()[0], libc::SIGKILL);
        }
        drop((ahead.result(), behind.result()));
        std::fs::remove_file(&fuse).unwrap();
        (ahead, behind) = both();
    }
    assert_eq!(pool.worker_stats()[0].held, 2, "it was not sent ahead");
    assert!(!behind.running(), "it has not begun");
    let pid = pool.worker_pids()[0];
    std::fs::write(&fuse, "").unwrap();
    if way == Way::Stop {
        eventually("the worker is stopped", || state(pid) == 'T');
        signal(pid, libc::SIGKILL);
    }
    match (way, ahead.result()) {
        (Way::Error, result) => assert_eq!(result, Ok(Err("an error".to_owned()))),
        (Way::Panic, result) => assert_eq!(result, Err(JobError::Panicked("a panic".to_owned()))),
        (Way::Stop, result) => assert_eq!(jobs::death(result), jobs::KILLED),
        (way, result) => assert_eq!(Some(jobs::death(result)), death(way)),
    }
    assert_eq!(behind.result(), Ok(Ok(harmless)));
    std::fs::remove_file(&fuse).unwrap();
}
