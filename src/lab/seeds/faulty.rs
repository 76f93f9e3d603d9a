//! A connection whose calls are interrupted, come too early, give little, or break.
//!
//! *Promises*: each fault is drawn from the simulation, the first choice being none; what bytes it lets
//! through are the right ones, in order. A connection that broke stays broken.
//! *Leaves out*: what the kernel never does: bytes that change or double.

use crate::aio::net::byte_stream::Bytes;
use crate::sim::program::Sim;
use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// One in so many calls has a fault.
const SELDOM: usize = 12;
/// One in so many faults breaks the connection.
const BREAKS: usize = 10;

/// One end of a connection.
#[derive(Debug)]
pub struct Faulty {
    stream: UnixStream,
    sim: Sim,
    may_break: bool,
    broken: Cell<bool>,
}

/// What goes wrong with a call.
enum Fault {
    None,
    Interrupted,
    NotYet,
    Short,
    Reset,
}

impl Faulty {
    /// Both ends of a new connection. One that may not break still has the other faults.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub fn pair(sim: &Sim, may_break: bool) -> io::Result<(Faulty, Faulty)> {
        let (one, other) = UnixStream::pair()?;
        let end = |stream: UnixStream| -> io::Result<Faulty> {
            stream.set_nonblocking(true)?;
            Ok(Faulty { stream, sim: sim.clone(), may_break, broken: Cell::new(false) })
        };
        Ok((end(one)?, end(other)?))
    }

    fn fault(&self) -> Fault {
        if self.broken.get() {
            return Fault::Reset;
        }
        if self.sim.choose(SELDOM) == 0 || self.sim.choose(2) == 0 {
            return Fault::None;
        }
        match self.sim.choose(BREAKS) {
            0..=2 => Fault::Short,
            3..=5 => Fault::Interrupted,
            6..=8 => Fault::NotYet,
            _ if self.may_break => {
                self.broken.set(true);
                let _ = self.stream.shutdown(Shutdown::Both); // the other end learns of it
                Fault::Reset
            }
            _ => Fault::Short,
        }
    }

    fn call(
        &self,
        room: usize,
        call: impl FnOnce(usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        match self.fault() {
            Fault::None => call(room),
            Fault::Short => call(room.min(1)),
            Fault::Interrupted => Err(ErrorKind::Interrupted.into()),
            Fault::NotYet => Err(ErrorKind::WouldBlock.into()),
            Fault::Reset => Err(io::Error::from_raw_os_error(libc::ECONNRESET)),
        }
    }
}

impl Read for &Faulty {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        self.call(room, |most| (&self.stream).read(&mut buffer[..most]))
    }
}

impl Write for &Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.call(bytes.len(), |most| (&self.stream).write(&bytes[..most]))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Faulty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl From<Faulty> for OwnedFd {
    fn from(faulty: Faulty) -> OwnedFd {
        faulty.stream.into()
    }
}

impl Bytes for Faulty {
    const SHORT_READ_DRAINS: bool = false;
    const HALF_CLOSES: bool = true;

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }
}
