//! The server of the I/O cases, in a process of its own, and what it is asked.
//!
//! *Promises*: the answer depends on the question alone; a peer that breaks the protocol loses its
//! connection and nothing else; the server ends with its [`ServerProcess`].
//! *Leaves out*: speed records. It runs a thread per connection in every round of every model, so
//! that it favours no model.
//!
//! ```text
//!   a lane                                      the server: a thread for each connection
//!     question: seed, late_us, answer  ──16 B──▶ sleep late_us
//!     digest of what came              ◀──────── `answer` bytes made from `seed`
//! ```

use crate::base::random::SplitMix64;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::ChildRun;
use crate::sys::socket::set_backlog;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;
use std::{io, thread};

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
    /// Starts it on a free port of the loopback interface.
    ///
    /// # Errors
    /// If there is no free port or no room for a process.
    pub fn start() -> Result<ServerProcess, Failure> {
        let refuse = |e: io::Error| Failure::io("the server", &e, "close other programs");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(refuse)?;
        // All lanes may connect at the same moment.
        set_backlog(&listener, i32::MAX).map_err(refuse)?;
        let address = listener.local_addr().map_err(refuse)?;
        let serve = || serve(&listener).map_err(refuse);
        let process = ChildRun::begin(&[listener.as_fd()], serve)?;
        Ok(ServerProcess { address, process })
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
/// Stack of a connection's thread: a question and a few calls need far less than the usual 2 MiB.
const STACK: usize = 64 * 1024;

/// Serves for ever.
///
/// # Errors
/// What `accept` reports, other than that a peer has given up.
pub fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(e) => return Err(e),
        };
        // A peer may go away, even in the middle of a question: its connection ends, no more.
        let session = move || drop(serve_peer(stream));
        thread::Builder::new().stack_size(STACK).spawn(session)?;
    }
}

/// Answers one peer until it closes.
fn serve_peer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = [0; Question::BYTES];
    loop {
        stream.read_exact(&mut bytes)?;
        let question = Question::from_bytes(bytes);
        if question.answer > LONGEST_ANSWER {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        if question.late_us > 0 {
            thread::sleep(Duration::from_micros(u64::from(question.late_us)));
        }
        stream.write_all(&answer(question))?;
    }
}

/// The answer to a question.
pub fn answer(question: Question) -> Vec<u8> {
    SplitMix64::new(question.seed).bytes(question.answer as usize)
}
