//! Latency and bandwidth as Antoine Pitrou's ccbench measures them: over UDP, from outside.
//!
//! *Assumes*: the two sides run on one machine, so that they have one clock.
//! *Promises*: a packet that is lost is an error after a while, not a hang.
//! *Leaves out*: ccbench's tasks (pi, a regular expression, bzip2); ours is a countdown. And its
//! mean: a median does not mind that the machine was busy elsewhere for a moment.
//!
//! # What both sides of the fidelity comparison can be asked; the interpreter's side of it
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: the peer of every conversation is this process, on a core of its own.
//! *Leaves out*: the emulator's side (`lab/fidelity/preset.rs`).

use crate::gil::lock::token::Gil;
use crate::lab::fidelity::python::{Interpreter, Python};
use crate::lab::report::failure::Failure;
use crate::lab::report::stats::Spread;
use crate::lab::scenes::echo::{CoreSplit, ask};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const END: &[u8] = b"END";
const PACKET: [u8; 1024] = [b'.'; 1024];
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two pings.
const PAUSE: Duration = Duration::from_millis(10);

/// A socket of the loopback interface.
///
/// # Errors
/// What the system reports.
pub fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The peer's half of the bandwidth: one packet after the other, there and back; packets a
/// second.
///
/// # Errors
/// If a packet does not come back.
pub fn volley(server: SocketAddr, time: Duration) -> Result<f64, Failure> {
    let run = || -> io::Result<f64> {
        let socket = socket()?;
        let mut buffer = [0; 2048];
        let (start, mut count) = (Instant::now(), 0);
        while count < 3 || start.elapsed() < time {
            socket.send_to(&PACKET, server)?;
            socket.recv(&mut buffer)?;
            count += 1;
        }
        let rate = f64::from(count) / start.elapsed().as_secs_f64();
        socket.send_to(END, server)?;
        Ok(rate)
    };
    run().map_err(|e| Failure::broken(server, &e))
}

/// The peer's half of the latency: sends the time of day, now and then.
///
/// # Errors
/// If it cannot send.
pub fn pings(server: SocketAddr, time: Duration) -> Result<(), Failure> {
    let run = || -> io::Result<()> {
        let socket = socket()?;
        std::thread::sleep(PAUSE);
        for _ in 0..(time.as_micros() / PAUSE.as_micros()).max(5) {
            socket.send_to(format!("{:.9}", now_s()).as_bytes(), server)?;
            std::thread::sleep(PAUSE);
        }
        socket.send_to(END, server)?;
        Ok(())
    };
    run().map_err(|e| Failure::broken(server, &e))
}

/// The server's half of the bandwidth, under the lock.
///
/// # Errors
/// What the socket reports.
pub fn return_packets(gil: &mut Gil<'_>, socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = [0; 2048];
    loop {
        let (length, peer) = gil.detach(|| socket.recv_from(&mut buffer))?;
        if &buffer[..length] == END {
            return Ok(());
        }
        gil.detach(|| socket.send_to(&buffer[..length], peer))?;
        gil.checkpoint();
    }
}

/// The server's half of the latency, under the lock: the median delay in milliseconds.
///
/// # Errors
/// What the socket reports, or that something else than a time came.
pub fn time_pings(gil: &mut Gil<'_>, socket: &UdpSocket) -> io::Result<f64> {
    let mut buffer = [0; 2048];
    let mut delays = Vec::new();
    loop {
        let length = gil.detach(|| socket.recv(&mut buffer))?;
        let now = now_s();
        if &buffer[..length] == END {
            return Ok(Spread::of(&delays).map_or(f64::NAN, |spread| spread.median));
        }
        let text = std::str::from_utf8(&buffer[..length]).map_err(io::Error::other)?;
        let sent: f64 = text.parse().map_err(io::Error::other)?;
        delays.push((now - sent) * 1e3);
        gil.checkpoint();
    }
}

/// Threads that add.
pub const ADDERS: u64 = 4;
/// How often each adds one.
pub const ADDITIONS: u64 = 500_000;
/// Pairs of runs that the countdown takes the best of each side from.
pub const PAIRS: u64 = 5;
const RUN_LIMIT: Duration = Duration::from_secs(60);
/// Passes of the loops that are timed.
const TRIAL: u64 = 100_000;

/// How long one pass of each loop takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passes {
    /// `while n > 0: n -= 1`
    pub countdown: Duration,
    /// `x += 1`
    pub add: Duration,
    /// `x += int(1)`
    pub add_by_call: Duration,
}

/// One side.
pub trait Subject {
    /// Updates lost by [`ADDERS`] threads; with a call between load and store, or without.
    ///
    /// # Errors
    /// If the side breaks down, as with all of these.
    fn lost(&mut self, by_call: bool) -> Result<f64, Failure>;
    /// How long two threads that count down take together, against one after the other; the
    /// best of each, for what else runs on the machine only ever makes it slower.
    ///
    /// # Errors
    /// If the side breaks down.
    fn countdown(&mut self, time: Duration) -> Result<f64, Failure>;
    /// Changes of owner a second.
    ///
    /// # Errors
    /// If the side breaks down.
    fn switches(&mut self, time: Duration) -> Result<f64, Failure>;
    /// Median delay of a packet beside one thread that computes, in milliseconds.
    ///
    /// # Errors
    /// If the side breaks down.
    fn latency(&mut self, time: Duration) -> Result<f64, Failure>;
    /// Packets a second, there and back.
    ///
    /// # Errors
    /// If the side breaks down.
    fn bandwidth(&mut self, burners: usize, time: Duration) -> Result<f64, Failure>;
    /// Requests a second.
    ///
    /// # Errors
    /// If the side breaks down.
    fn echo(&mut self, burners: usize, time: Duration) -> Result<f64, Failure>;
}

/// How many passes each of two counting threads makes, so that one pair takes about `time`.
pub fn countdown_passes(time: Duration, pass: Duration) -> u64 {
    let per_run = time.as_secs_f64() / (4 * PAIRS) as f64;
    ((per_run / pass.as_secs_f64().max(1e-9)) as u64).max(10_000)
}

/// A real interpreter: one process for what only computes, one on the server's core.
#[derive(Debug)]
pub struct RealOne {
    free: Python,
    pinned: Python,
    places: CoreSplit,
    pass: Duration,
}

impl RealOne {
    /// Starts both.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(python: &Interpreter) -> Result<RealOne, Failure> {
        let places = CoreSplit::find()?;
        let pinned = places.on(&places.server, || python.start())?;
        Ok(RealOne { free: python.start()?, pinned, places, pass: Duration::from_nanos(50) })
    }

    /// How long its loops take.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn passes(&mut self) -> Result<Passes, Failure> {
        let numbers = self.free.ask(&format!("passes {TRIAL}"), RUN_LIMIT)?;
        let nanos = |at: usize| {
            Duration::from_secs_f64(numbers.get(at).copied().unwrap_or(0.0).max(0.0) / 1e9)
        };
        self.pass = nanos(0);
        Ok(Passes { countdown: nanos(0), add: nanos(1), add_by_call: nanos(2) })
    }

    fn number(&mut self, command: &str) -> Result<f64, Failure> {
        Ok(self.free.ask(command, RUN_LIMIT)?[0])
    }

    /// Begins a conversation: says the command, and reads where to connect.
    fn open(&mut self, command: &str) -> Result<SocketAddr, Failure> {
        self.pinned.say(command)?;
        let line = self.pinned.line(RUN_LIMIT)?;
        let port = line.strip_prefix("PORT ").and_then(|port| port.parse().ok());
        let port: u16 = port.ok_or_else(|| {
            Failure::new(command, format!("it answered `{line}`"), "name another --python")
        })?;
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }
}

impl Subject for RealOne {
    fn lost(&mut self, by_call: bool) -> Result<f64, Failure> {
        let command = if by_call { "lost_by_call" } else { "lost" };
        self.number(&format!("{command} {ADDERS} {ADDITIONS}"))
    }

    fn countdown(&mut self, time: Duration) -> Result<f64, Failure> {
        let passes = countdown_passes(time, self.pass);
        self.number(&format!("pair {passes} {PAIRS}"))
    }

    fn switches(&mut self, time: Duration) -> Result<f64, Failure> {
        self.number(&format!("switches {}", time.as_secs_f64()))
    }

    fn latency(&mut self, time: Duration) -> Result<f64, Failure> {
        let server = self.open("latency 1")?;
        self.places.on(&self.places.peer, || pings(server, time))?;
        Ok(self.pinned.numbers(RUN_LIMIT)?[0])
    }

    fn bandwidth(&mut self, burners: usize, time: Duration) -> Result<f64, Failure> {
        let server = self.open(&format!("bandwidth {burners}"))?;
        let rate = self.places.on(&self.places.peer, || volley(server, time))?;
        self.pinned.line(RUN_LIMIT).map(|_| rate)
    }

    fn echo(&mut self, burners: usize, time: Duration) -> Result<f64, Failure> {
        let server = self.open(&format!("echo {burners}"))?;
        let answers = self.places.on(&self.places.peer, || ask(server, time))?;
        self.pinned.line(RUN_LIMIT).map(|_| answers.per_second())
    }
}
