//! Latency and bandwidth as Antoine Pitrou's ccbench measures them: over UDP, from outside.
//!
//! *Assumes*: the two sides run on one machine, so that they have one clock.
//! *Promises*: a packet that is lost is an error after a while, not a hang.
//! *Leaves out*: ccbench's tasks (pi, a regular expression, bzip2); ours is a countdown. And its
//! mean: a median does not mind that the machine was busy elsewhere for a moment.

use crate::gil::token::Gil;
use crate::lab::failure::Failure;
use crate::lab::stats::Spread;
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
