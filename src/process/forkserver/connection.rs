//! The program's end of the socket to the fork server: one request, one answer.
//!
//! *Assumes*: the process at the other end is a child of this one.
//! *Promises*: requests are made one at a time, and each gets its own answer; a fork server that does not
//! answer in ten seconds, or not as it should, is killed, and with it all that it has forked; the last
//! handle ends it and reaps it. A copy that came with a fork does nothing, and an error when it is used.
//! *Leaves out*: what is asked (`process/forkserver/client.rs`).

use crate::base::origin::Origin;
use crate::base::sync::{Arc, Mutex};
use crate::process::forkserver::server::send_frame;
use crate::process::message::claim::ClaimWords;
use crate::process::message::frame::{Decoder, FrameKind};
use crate::sys::fd::wait_readable;
use crate::sys::process::{send_signal, wait, wait_for_exit};
use crate::sys::socket::receive;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A fork server that has not answered for so long is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Whoever waits for the fork server may look about so often for what else is to be done.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// A fork server that was told to exit and is still there after a second is killed.
const GRACE: Duration = Duration::from_secs(1);

/// What a thread does now and then while it waits for the fork server; `None`: nothing.
pub(crate) type Look<'a> = Option<&'a mut dyn FnMut()>;

/// The same look, for one request of several.
pub(crate) fn reborrow<'a>(look: &'a mut Look<'_>) -> Look<'a> {
    match look {
        Some(look) => Some(*look),
        None => None,
    }
}

/// What is asked, with the descriptors that go along.
pub(crate) struct ServerMessage<'a> {
    pub(crate) kind: FrameKind,
    pub(crate) id: u64,
    pub(crate) body: &'a [u8],
    pub(crate) descriptors: &'a [OwnedFd],
}

/// The answer: its kind, its number, its body, and the descriptors that came along.
pub(crate) type ServerReply = (FrameKind, u64, Vec<u8>, Vec<OwnedFd>);

/// The fork server's process, and the socket to it.
#[derive(Debug)]
pub(crate) struct ServerConnection {
    /// A copy neither asks the fork server nor ends it: the socket is shared with the original.
    origin: Origin,
    pid: u32,
    pidfd: OwnedFd,
    /// `None` once a request has failed: a late answer to it could be taken for the next one's.
    socket: Mutex<Option<UnixStream>>,
    /// Memory that it shares with all the workers.
    words: Arc<ClaimWords>,
}

impl ServerConnection {
    /// To a fork server that was just forked.
    pub(crate) fn new(
        pid: u32,
        pidfd: OwnedFd,
        socket: UnixStream,
        words: Arc<ClaimWords>,
    ) -> ServerConnection {
        let (origin, socket) = (Origin::here(), Mutex::new(Some(socket)));
        ServerConnection { origin, pid, pidfd, socket, words }
    }

    /// # Errors
    /// In a copy that came with a fork, which can use nothing of this fork server.
    pub(crate) fn check_origin(&self) -> io::Result<()> {
        self.origin.check("the fork server", "start one here, before any thread")
    }

    /// The fork server's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// The memory that it shares with all the workers.
    pub(crate) fn words(&self) -> &Arc<ClaimWords> {
        &self.words
    }

    /// Sends one request and waits for its answer, and looks about meanwhile. After a failure the fork
    /// server is given up.
    pub(crate) fn request(
        &self,
        message: &ServerMessage<'_>,
        mut look: Look<'_>,
    ) -> io::Result<ServerReply> {
        self.check_origin()?;
        let every = if look.is_some() { LOOK_EVERY } else { PATIENCE };
        let mut look = || look.iter_mut().for_each(|look| look());
        let mut slot = loop {
            match self.socket.try_lock_for(every) {
                Some(slot) => break slot,
                None => look(),
            }
        };
        // Whoever panics while the answer is on its way leaves no socket behind.
        let answer = slot.take().ok_or_else(|| io::ErrorKind::BrokenPipe.into());
        let answer = answer.and_then(|socket| match exchange(&socket, message, every, &mut look) {
            Ok(answer) => {
                *slot = Some(socket);
                Ok(answer)
            }
            Err(error) => {
                self.give_up(&socket);
                Err(error)
            }
        });
        answer.map_err(|error| {
            let why = format!("the fork server (process {}) does not answer: {error}", self.pid);
            io::Error::new(error.kind(), why)
        })
    }

    /// Ends the fork server, whatever it is at, and with it its workers: the kernel kills them.
    fn give_up(&self, socket: &UnixStream) {
        // Either fails only if it is gone already.
        let _ = socket.shutdown(Shutdown::Both);
        let _ = send_signal(self.pidfd.as_fd(), libc::SIGKILL);
    }

    /// Waits for its end; false: it is still there, or the system refuses to wait.
    fn ends_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match wait_for_exit(&[self.pidfd.as_fd()], Some(left)) {
                Ok(ended) if !ended.is_empty() => return true,
                Ok(_) if !left.is_zero() => {} // a signal came
                Ok(_) | Err(_) => return false,
            }
        }
    }
}

/// Sends one request and reads its answer, with the descriptors that come along.
fn exchange(
    socket: &UnixStream,
    message: &ServerMessage<'_>,
    every: Duration,
    look: &mut dyn FnMut(),
) -> io::Result<ServerReply> {
    let descriptors: Vec<_> = message.descriptors.iter().map(AsFd::as_fd).collect();
    send_frame(socket, message.kind, message.id, message.body, &descriptors)?;
    let sent = Instant::now();
    while !wait_readable(socket.as_fd(), every)? {
        look();
        if sent.elapsed() >= PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    let (mut decoder, mut rights) = (Decoder::new(), Vec::new());
    loop {
        if let Some(answer) = decoder.next_frame().map_err(io::Error::other)? {
            return Ok((answer.kind, answer.id, answer.body.to_vec(), rights));
        }
        match receive(socket, decoder.room(), &mut rights)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => decoder.filled(count),
        }
    }
}

impl Drop for ServerConnection {
    fn drop(&mut self) {
        if self.origin.is_copy() {
            return;
        }
        // It sees the end of the socket and exits, unless it is stopped, or busy with a hook. Not only
        // closed: a copy of this process may have the socket open, too.
        if let Some(socket) = self.socket.lock().take() {
            // It can only fail if the fork server has closed its end, and then it has exited.
            let _ = socket.shutdown(Shutdown::Both);
        }
        if !self.ends_within(GRACE) {
            // It has not become another user's, and that it can be signalled was tried at the start.
            let _ = send_signal(self.pidfd.as_fd(), libc::SIGKILL);
        }
        // If another thread has reaped it, there is nothing left to do.
        let _ = wait(self.pid);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::sys::process::pidfd_open;
    use std::io::Write as _;
    use std::process::Command;

    /// A process that never looks at its socket stands for a fork server that does not answer.
    #[test]
    fn a_fork_server_that_is_given_up_is_killed() {
        let pid = Command::new("sleep").arg("600").spawn().unwrap().id();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let copy = ours.try_clone().unwrap(); // so that closing ours is not the end of the socket
        let pidfd = pidfd_open(pid).unwrap();
        let server = ServerConnection::new(pid, pidfd, ours, ClaimWords::map());
        let none = ServerMessage { kind: FrameKind::Reap, id: 0, body: &[], descriptors: &[] };
        theirs.write_all(&[0xff; 64]).unwrap();
        let why = server.request(&none, None).unwrap_err().to_string();
        assert!(why.contains(&format!("(process {pid}) does not answer")), "{why}");
        assert!(server.ends_within(Duration::from_secs(20)), "it lives on");
        let again = server.request(&none, None).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::BrokenPipe);
        drop((server, copy));
    }

    #[test]
    fn a_panic_of_whoever_looks_leaves_no_answer_to_the_next() {
        let pid = Command::new("sleep").arg("600").spawn().unwrap().id();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let server = ServerConnection::new(pid, pidfd_open(pid).unwrap(), ours, ClaimWords::map());
        let none = ServerMessage { kind: FrameKind::Reap, id: 0, body: &[], descriptors: &[] };
        let mut look = || std::panic::resume_unwind(Box::new("never mind"));
        let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            server.request(&none, Some(&mut look)).map(drop)
        }));
        assert!(asked.is_err());
        assert_eq!(server.request(&none, None).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        send_signal(server.pidfd.as_fd(), libc::SIGKILL).unwrap();
    }
}
