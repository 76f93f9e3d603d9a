//! An echo server thread beside threads that compute, and the peer that asks it.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: real sockets between two processes, which run on different cores if there are
//! two; a peer that gets no answer is an error, not a hang.
//! *Leaves out*: many connections. One shows what a request pays.
//!
//! ```text
//!   core 1: peer                    core 0: server
//!     write ──────────────────────▶ read   (lock dropped)
//!       │                             wants the lock … beside a thread that computes with it
//!     read ◀─────────────────────── write  (lock dropped)
//! ```
//! With both on one core the answer is there before the server has dropped the lock, and there
//! is no convoy to be seen: this has misled more than one measurement.

use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::record::Recording;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::ChildRun;
use crate::lab::report::outside::{self, Patience};
use crate::lab::report::recording::FlatRecording;
use crate::lab::scenes::bytecode::Work;
use crate::lab::scenes::computing::serve_beside;
use crate::lab::scenes::scene_run::MOST_EVENTS;
use crate::sys::usage::{cores, pin_to};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Bytes of a request, and of its answer.
const SIZE: usize = 64;
/// Requests before the clock starts.
const WARM_UP: usize = 3;
/// How long a peer waits for one answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a server that has failed takes to say why.
const A_MOMENT: Duration = Duration::from_secs(1);

/// The cores that the two sides run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreSplit {
    /// The server's cores.
    pub server: Vec<usize>,
    /// The peer's.
    pub peer: Vec<usize>,
    all: Vec<usize>,
}

impl CoreSplit {
    /// A core each; if there is only one, the same for both.
    ///
    /// # Errors
    /// If the system does not say which cores there are.
    pub fn find() -> Result<CoreSplit, Failure> {
        let all = cores().map_err(|e| Failure::io("the cores", &e, "run it again"))?;
        let (server, peer) = match all[..] {
            [first, second, ..] => (vec![first], vec![second]),
            _ => (all.clone(), all.clone()),
        };
        Ok(CoreSplit { server, peer, all })
    }

    /// The server has all cores but the peer's.
    pub fn with_all_but_the_peers(&self) -> CoreSplit {
        let rest = self.all.iter().filter(|core| !self.peer.contains(core));
        CoreSplit { server: rest.copied().collect(), ..self.clone() }
    }

    /// How many cores there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// The two sides have a core each.
    pub fn apart(&self) -> bool {
        self.server != self.peer
    }

    /// Runs `work` on these cores, and then goes back to all.
    ///
    /// # Errors
    /// If the system refuses; else what `work` says.
    pub fn on<R>(
        &self,
        cores: &[usize],
        work: impl FnOnce() -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let refuse = |e| Failure::io("a core", &e, "run it where it may use all cores");
        pin_to(cores).map_err(refuse)?;
        let result = work();
        pin_to(&self.all).map_err(refuse)?;
        result
    }
}

/// How the server answered the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// How long each request took, sorted, in nanoseconds.
    pub round_trips: Vec<u64>,
}

impl Answers {
    /// The mean in microseconds.
    pub fn mean_us(&self) -> f64 {
        let sum: u64 = self.round_trips.iter().sum();
        sum as f64 / 1e3 / self.round_trips.len().max(1) as f64
    }

    /// How many requests there were a second, one after the other.
    pub fn per_second(&self) -> f64 {
        1e6 / self.mean_us()
    }
}

/// Asks one request after the other, for this long and at least twice.
///
/// # Errors
/// If there is no connection, or no answer; or if somebody has ended the command.
pub fn ask(server: SocketAddr, time: Duration) -> Result<Answers, Failure> {
    let broken = |e: io::Error| Failure::broken(server, &e);
    let mut stream = TcpStream::connect(server).map_err(|e| Failure::unreachable(server, &e))?;
    stream.set_nodelay(true).map_err(broken)?;
    stream.set_read_timeout(Some(outside::LOOK)).map_err(broken)?;
    for _ in 0..WARM_UP {
        outside::check()?;
        round_trip(&mut stream, server)?;
    }
    let (start, mut round_trips, mut looked) = (Instant::now(), Vec::new(), Duration::ZERO);
    loop {
        let passed = start.elapsed();
        if round_trips.len() >= 2 && passed >= time {
            break;
        }
        if passed - looked >= outside::LOOK {
            looked = passed;
            match (outside::check(), round_trips.len()) {
                (Ok(()), _) => {}
                // What was asked until then counts.
                (Err(_), 2..) => break,
                (Err(ended), _) => return Err(ended),
            }
        }
        round_trips.push(round_trip(&mut stream, server)?);
    }
    round_trips.sort_unstable();
    Ok(Answers { round_trips })
}

/// One request and its answer, in nanoseconds.
fn round_trip(stream: &mut TcpStream, server: SocketAddr) -> Result<u64, Failure> {
    let broken = |e: io::Error| Failure::broken(server, &e);
    let start = Instant::now();
    let (mut buffer, mut got) = ([7; SIZE], 0);
    stream.write_all(&buffer).map_err(broken)?;
    let mut patience = None;
    while got < SIZE {
        match stream.read(&mut buffer[got..]) {
            Ok(0) => return Err(broken(io::ErrorKind::UnexpectedEof.into())),
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // Nothing came for as long as it waits between two looks at who may have ended it.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                outside::check()?;
                let now = Instant::now();
                let patience = patience.get_or_insert_with(|| Patience::new(PATIENCE, start));
                if patience.left(now).is_zero() {
                    return Err(broken(io::ErrorKind::TimedOut.into()));
                }
            }
            Err(e) => return Err(broken(e)),
        }
    }
    Ok(start.elapsed().as_nanos() as u64)
}

/// A server with one echo thread and `burners` that compute, asked for this long. Gives how
/// it answered, what happened to the lock, and the number of its process.
///
/// # Errors
/// If a process, a socket or a thread cannot be had, or a side breaks down.
pub fn serve_and_ask(
    policy: SwitchPolicy,
    burners: usize,
    work: Work,
    time: Duration,
    cores: &CoreSplit,
) -> Result<(Answers, Recording, u32), Failure> {
    let refuse = |e: io::Error| Failure::io("the server", &e, "close other programs");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(refuse)?;
    let address = listener.local_addr().map_err(refuse)?;
    let begin = || ChildRun::begin(&[listener.as_fd()], || serve(policy, burners, work, &listener));
    let server = cores.on(&cores.server, begin)?;
    // Its socket is the only one now: a peer whom nobody will serve learns of it.
    drop(listener);
    let pid = server.pid();
    match cores.on(&cores.peer, || ask(address, time)) {
        Err(failure) if !server.has_ended(A_MOMENT) => Err(failure),
        answers => {
            // A server that has failed knows better why there was no answer.
            let (flat, _) = server.finish_early(PATIENCE)?;
            Ok((answers?, flat.into(), pid))
        }
    }
}

/// Serves one connection to its end, beside `burners`.
fn serve(
    policy: SwitchPolicy,
    burners: usize,
    work: Work,
    listener: &TcpListener,
) -> Result<FlatRecording, Failure> {
    // Ctrl-C ends the one who asks; this ends when its connection does.
    outside::watch()?;
    let lock = GlobalLock::new(policy);
    lock.record(MOST_EVENTS);
    let listener = listener.try_clone().map_err(|e| Failure::no_thread(&e))?;
    let echo = move |gil: &mut Gil<'_>| echo(gil, &listener);
    let (ended, recording) = serve_beside(&lock, burners, work, "echo", echo)?;
    ended.map_err(|e| Failure::io("the server", &e, "run it again"))?;
    Ok(FlatRecording::from(&recording))
}

/// What a server thread in Python does: each call that may block drops the lock.
fn echo(gil: &mut Gil<'_>, listener: &TcpListener) -> io::Result<()> {
    let (mut stream, _) = gil.detach(|| listener.accept())?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; SIZE];
    loop {
        match gil.detach(|| stream.read(&mut buffer))? {
            0 => return Ok(()),
            n => gil.detach(|| stream.write_all(&buffer[..n]))?,
        }
        gil.checkpoint();
    }
}
