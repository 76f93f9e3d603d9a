//! The server of the I/O cases, in a process of its own, and what it is asked.
//!
//! *Promises*: the answer depends on the question alone; a peer that breaks the protocol loses its
//! connection and nothing else; the server ends with its [`ServerProcess`]. It has one thread, and,
//! where it is to be apart and there are several cores, one of them to itself: no model can take it, and it
//! takes none from them. What it uses is measured, for a race that it bounds is a race of the server.
//! *Leaves out*: favour. Under every model it is the same loop, one task a connection.
//!
//! ```text
//!   a lane                                      the server: one loop, a task for each connection
//!     question: seed, late_us, answer  ──16 B──▶ sleep late_us
//!     digest of what came              ◀──────── `answer` bytes made from `seed`
//!
//!   cores   0 … n-2: the model                  n-1: the server
//! ```

use crate::aio::net::tcp::{self, TcpStream};
use crate::aio::time::sleep::sleep;
use crate::base::random::SplitMix64;
use crate::event_loop::lifecycle::EventLoop;
use crate::event_loop::scheduler::create_task;
use crate::lab::compare::footprint::thread_times;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::ChildRun;
use crate::sys::socket::set_backlog;
use crate::sys::usage::{cores, pin_to};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::Duration;

/// What the server is asked: answer with `answer` bytes made from `seed`, `late_us`
/// microseconds after the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Decides the bytes of the answer.
    pub seed: u64,
    /// How late the answer is to come, in microseconds.
    pub late_us: u32,
    /// How long the answer is to be, in bytes.
    pub answer: u32,
}

impl Question {
    /// Length of a question on the wire.
    pub const BYTES: usize = 16;

    /// As it goes over the wire: three little-endian numbers.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.late_us.to_le_bytes());
        bytes[12..].copy_from_slice(&self.answer.to_le_bytes());
        bytes
    }

    /// The question in these bytes.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Question {
        let [a, b, c, d, e, f, g, h, late @ .., w, x, y, z] = bytes;
        Question {
            seed: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            late_us: u32::from_le_bytes(late),
            answer: u32::from_le_bytes([w, x, y, z]),
        }
    }
}

/// The server of the I/O cases, as long as this value lives.
#[derive(Debug)]
pub struct ServerProcess {
    /// Where it listens.
    pub address: SocketAddr,
    process: ChildRun<()>,
}

impl ServerProcess {
    /// Starts it on a free port of the loopback interface; with a core of its own if it is to be
    /// `apart`, and there is one.
    ///
    /// # Errors
    /// If there is no free port or no room for a process.
    pub fn start(apart: bool) -> Result<ServerProcess, Failure> {
        let refuse = |e: io::Error| Failure::io("the server", &e, "close other programs");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(refuse)?;
        // All lanes may connect at the same moment.
        set_backlog(&listener, i32::MAX).map_err(refuse)?;
        let address = listener.local_addr().map_err(refuse)?;
        let serve = || {
            if let Some((_, own)) = cores_apart().filter(|_| apart) {
                // Where it cannot be had, the server shares, as on a machine with one core.
                let _ = pin_to(&[own]);
            }
            listener.try_clone().and_then(serve).map_err(refuse)
        };
        let process = ChildRun::begin(&[listener.as_fd()], serve)?;
        Ok(ServerProcess { address, process })
    }

    /// How long it has been on a core so far, in nanoseconds; `None` if the kernel does not say.
    pub fn cpu_ns(&self) -> Option<u64> {
        thread_times(self.process.pid(), self.process.pid()).map(|(on_core, _)| on_core)
    }

    /// Why it has ended; `None` if it has not. Its clients see no more than connections that break.
    pub fn why_it_ended(self) -> Option<Failure> {
        let dying = Duration::from_millis(100);
        if !self.process.has_ended(dying) {
            return None;
        }
        self.process.finish(dying).err()
    }
}

/// The longest answer that is given.
pub const LONGEST_ANSWER: u32 = 1 << 20;

/// The cores of a model and the core of the server; `None` if there is one for all.
pub fn cores_apart() -> Option<(Vec<usize>, usize)> {
    let mut others = cores().ok()?;
    let own = others.pop()?;
    (!others.is_empty()).then_some((others, own))
}

/// Serves for ever.
///
/// # Errors
/// What `accept` reports, other than that a peer has given up.
pub fn serve(listener: TcpListener) -> io::Result<()> {
    EventLoop::new()?.run_until_complete(async {
        let listener = tcp::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            // A peer may go away, even in the middle of a question: its connection ends, no more.
            drop(create_task(async move { drop(serve_peer(stream).await) }));
        }
    })
}

/// Answers one peer until it closes.
async fn serve_peer(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = [0; Question::BYTES];
    loop {
        let mut got = 0;
        while got < bytes.len() {
            match stream.read(&mut bytes[got..]).await? {
                0 => return Ok(()),
                n => got += n,
            }
        }
        let question = Question::from_bytes(bytes);
        if question.answer > LONGEST_ANSWER {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        if question.late_us > 0 {
            sleep(Duration::from_micros(u64::from(question.late_us))).await;
        }
        stream.write_all(&answer(question)).await?;
    }
}

/// The answer to a question.
pub fn answer(question: Question) -> Vec<u8> {
    SplitMix64::new(question.seed).bytes(question.answer as usize)
}
