//! The experiments that both sides of the comparison are asked for.
//!
//! *Assumes*: both sides of a conversation run on one machine, so that they have one clock.
//! *Promises*: a packet that is lost is an error after a while, not a hang.
//! *Leaves out*: the sides (`lab/fidelity/python.rs`, `lab/fidelity/preset.rs`).
//!
//! ```text
//!   peer (this process)                      server, under the lock, beside threads that compute
//!     send_pings:      the time of day ────▶ time_pings: how late it came       latency
//!     exchange_packets: a packet ──────────▶ return_packets                     bandwidth
//!                       ◀───────── the same
//! ```
//! Latency and bandwidth are measured as Antoine Pitrou's ccbench does it: over UDP, from outside.
//! Ours leaves out ccbench's tasks (pi, a regular expression, bzip2) for a countdown, and its mean
//! for a median, which does not mind that the machine was busy elsewhere for a moment.

use crate::gil::lock::token::Gil;
use crate::lab::report::failure::Failure;
use crate::lab::report::stats::Spread;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many threads add.
pub const ADDERS: u64 = 4;
/// How often each adds one.
pub const ADDITIONS: u64 = 500_000;
/// How often the countdown runs two threads together and one by one; the best of each counts.
pub const PAIRS: u64 = 5;
/// The last packet of a conversation.
const END: &[u8] = b"END";
const PACKET: [u8; 1024] = [b'.'; 1024];
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause between two pings.
const PAUSE: Duration = Duration::from_millis(10);

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

/// One side of the comparison: a real interpreter, or a preset.
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
    /// Changes of the thread that runs, a second, as the threads see them.
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
    /// Milliseconds until the last of so many threads has ended that were let go at once; a minute
    /// where an interpreter takes a minute or longer.
    ///
    /// # Errors
    /// If the side breaks down, or has no room for so many threads.
    fn crowd(&mut self, threads: usize) -> Result<f64, Failure>;
}

/// How many passes each of two counting threads makes, so that one pair takes about `time`.
pub fn countdown_passes(time: Duration, pass: Duration) -> u64 {
    let per_run = time.as_secs_f64() / (4 * PAIRS) as f64;
    ((per_run / pass.as_secs_f64().max(1e-9)) as u64).max(10_000)
}

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
pub fn exchange_packets(server: SocketAddr, time: Duration) -> Result<f64, Failure> {
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
pub fn send_pings(server: SocketAddr, time: Duration) -> Result<(), Failure> {
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
