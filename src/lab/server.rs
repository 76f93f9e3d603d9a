//! The server of the I/O cases: a process of its own that answers as late as it is asked to.
//!
//! *Assumes*: to be the only business of its process.
//! *Promises*: the answer depends on the question alone; a peer that breaks the protocol
//! loses its connection and nothing else.
//! *Leaves out*: speed records. It is a thread per connection in every round of every
//! model, so that it is no model's ally.

use crate::base::random::SplitMix64;
use crate::lab::workload::Question;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// The longest answer that is given.
pub const LONGEST_ANSWER: u32 = 1 << 20;
/// A question, an answer and a few calls: far less than the usual 2 MiB.
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
        // A peer that goes away, even in the middle of a word, is its own business.
        let session = move || drop(converse(stream));
        thread::Builder::new().stack_size(STACK).spawn(session)?;
    }
}

/// Answers one peer until it closes.
fn converse(mut stream: TcpStream) -> io::Result<()> {
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
