//! Non-blocking mode on descriptors that came from elsewhere: set while they are used, and put back.
//!
//! *Promises*: a descriptor that was blocking when the first of its users here took it over is
//! blocking again when the last one has let go of it; one that was non-blocking is left as it was.
//! A forked copy of the process puts nothing back: its parent may still be using the mode.
//! *Leaves out*: what ends without a drop, such as `process::exit` or a signal: then the mode stays.
//! Loops of other processes that found the mode set and rely on it: they cannot be seen from here.
//! (So listeners, which are what processes share to serve, keep the mode.) And sockets that the loop
//! makes itself, which nobody shares.
//!
//! The mode belongs to the open file, not to the descriptor: every duplicate has it, in this
//! process and in all that inherited one. So a shell's terminal, taken over as standard input,
//! would become non-blocking for the shell as well:
//!
//! ```text
//!   this process, fd 0 ─┐
//!   this process, fd 1 ─┼──► one open file: /dev/pts/3, O_NONBLOCK ◄── seen by all of them
//!   the shell,    fd 0 ─┘
//! ```
//! Which descriptors share an open file the kernel does not say to everybody. So users are counted
//! by the file (its device and inode) and the access that they have: both ends of a pipe are one
//! inode, but differ in that. Several open files of one terminal are counted together, and the last
//! descriptor's is the one that is put back.
//!
//! The safe ways to wait for what others share change no mode at all: `readable` and `writable`
//! (`aio/net/fds.rs`) and then one read, which does not block; or a file that is opened anew, by
//! `/dev/tty` or `/proc/self/fd/0`, which nobody shares. Counterpart: libuv opens terminals anew;
//! asyncio's `connect_read_pipe` sets the mode and leaves it.

use crate::base::origin::Origin;
use crate::sys::fd::{FileIdentity, identity, is_nonblocking, set_blocking, set_nonblocking};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;

/// The files that were blocking when they were taken over, and how many users each has here.
///
/// ```
/// use singletrack::aio::net::nonblocking::Users;
///
/// let mut users = Users::new();
/// assert!(users.add("terminal", true)); // it was blocking: counted
/// assert!(users.add("terminal", false)); // it no longer is, because of the first
/// assert!(!users.add("socket", false)); // as it came: nothing to be put back
/// assert!(!users.remove("terminal"));
/// assert!(users.remove("terminal")); // the last one puts it back
/// ```
#[derive(Debug)]
pub struct Users<F>(BTreeMap<F, usize>);

impl<F: Ord> Users<F> {
    /// None yet.
    pub const fn new() -> Self {
        Users(BTreeMap::new())
    }

    /// One more user of `file`. True if it is counted, and must be [removed](Self::remove) again.
    pub fn add(&mut self, file: F, was_blocking: bool) -> bool {
        match self.0.get_mut(&file) {
            Some(users) => *users += 1,
            None if was_blocking => drop(self.0.insert(file, 1)),
            None => return false,
        }
        true
    }

    /// A user that was counted lets go. True if it was the last: the mode is to be put back.
    pub fn remove(&mut self, file: F) -> bool {
        let Some(users) = self.0.get_mut(&file) else { return false };
        *users -= 1;
        let last = *users == 0;
        if last {
            self.0.remove(&file);
        }
        last
    }
}

impl<F: Ord> Default for Users<F> {
    fn default() -> Self {
        Self::new()
    }
}

// Not `base::sync`: a model's mutex cannot stand in a `static`.
static USERS: parking_lot::Mutex<Users<FileIdentity>> = parking_lot::Mutex::new(Users::new());

/// A file whose mode is to be put back, and the process that has changed it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Borrowed {
    file: FileIdentity,
    origin: Origin,
}

impl Borrowed {
    /// Sets non-blocking mode. `None` if there will be nothing to put back.
    ///
    /// # Errors
    /// What `fstat(2)` and `fcntl(2)` report.
    pub(crate) fn set(fd: BorrowedFd<'_>) -> io::Result<Option<Borrowed>> {
        let file = identity(fd)?;
        // Under the lock: else the last user could put the mode back between the two.
        let mut users = USERS.lock();
        let was_blocking = !is_nonblocking(fd)?;
        if was_blocking {
            set_nonblocking(fd)?;
        }
        let counted = users.add(file, was_blocking);
        Ok(counted.then(|| Borrowed { file, origin: Origin::here() }))
    }

    /// This user lets go; call it while the descriptor is still open.
    pub(crate) fn put_back(self, fd: BorrowedFd<'_>) {
        if self.origin.is_copy() {
            return; // and the lock may have been held when the process was copied
        }
        let mut users = USERS.lock();
        if users.remove(self.file) {
            // It can only fail for a descriptor that is not open.
            let _ = set_blocking(fd);
        }
    }
}
