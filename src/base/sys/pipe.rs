//! Pipes: a read end and a write end, each closed by its drop.
//!
//! *Assumes*: Linux `pipe2`.
//! *Promises*: both ends are close-on-exec; `EINTR` is retried and never seen; writing to a
//! pipe nobody reads is an error (`BrokenPipe`), because Rust programs ignore `SIGPIPE`.
//! *Leaves out*: `Read` and `Write` (they want `&mut`; a pipe end may be shared), messages
//! (`process/frame.rs`).
#![allow(unsafe_code)]

use crate::base::sys::errno::{checked, retry};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The end to read from.
#[derive(Debug)]
pub struct Reader(OwnedFd);

/// The end to write to.
#[derive(Debug)]
pub struct Writer(OwnedFd);

/// A new pipe, blocking at both ends.
///
/// ```
/// let (reader, writer) = singletrack::base::sys::pipe::pipe().unwrap();
/// writer.write_all(b"token").unwrap();
/// drop(writer);
/// let mut buffer = [0; 8];
/// assert_eq!(reader.read(&mut buffer).unwrap(), 5);
/// assert_eq!(reader.read(&mut buffer).unwrap(), 0); // the end
/// ```
///
/// # Errors
/// What `pipe2(2)` reports: too many descriptors, mostly.
pub fn pipe() -> io::Result<(Reader, Writer)> {
    let mut ends = [-1; 2];
    // SAFETY: `ends` is a local array of the two integers that the call fills in.
    checked(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the call succeeded, so both are open, and nobody else knows them yet.
    let [reader, writer] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    Ok((Reader(reader), Writer(writer)))
}

impl Reader {
    /// Reads what is there, waiting for at least one byte; 0 means that no writer is left.
    ///
    /// # Errors
    /// What `read(2)` reports; `WouldBlock` if non-blocking and nothing is there.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = retry(|| {
            // SAFETY: pointer and length are those of a live, writable slice.
            unsafe { libc::read(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) }
        })?;
        Ok(count as usize)
    }
}

impl Writer {
    /// Writes some of the bytes; says how many.
    ///
    /// # Errors
    /// What `write(2)` reports; `WouldBlock` if non-blocking and full.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let count = retry(|| {
            // SAFETY: pointer and length are those of a live slice.
            unsafe { libc::write(self.0.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) }
        })?;
        Ok(count as usize)
    }

    /// Writes some of the slices, in order, in one system call; says how many bytes.
    ///
    /// # Errors
    /// What `writev(2)` reports; `WouldBlock` if non-blocking and full.
    pub fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let pieces = slices.len().min(libc::UIO_MAXIOV as usize) as libc::c_int;
        let count = retry(|| {
            // SAFETY: `IoSlice` is guaranteed to have the layout of `iovec`; so many of them are
            // borrowed for the whole call, as is what they point to.
            unsafe { libc::writev(self.0.as_raw_fd(), slices.as_ptr().cast(), pieces) }
        })?;
        Ok(count as usize)
    }

    /// Writes everything, blocking as long as it takes.
    ///
    /// # Errors
    /// What `write(2)` reports.
    pub fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.write(bytes)?;
            bytes = &bytes[written..];
        }
        Ok(())
    }
}

impl AsFd for Reader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for Writer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A descriptor that came from elsewhere (another process), known to be a read end.
impl From<OwnedFd> for Reader {
    fn from(fd: OwnedFd) -> Self {
        Reader(fd)
    }
}

/// A descriptor that came from elsewhere, known to be a write end.
impl From<OwnedFd> for Writer {
    fn from(fd: OwnedFd) -> Self {
        Writer(fd)
    }
}

/// Makes operations on this end answer `WouldBlock` where they would wait. The other end is
/// not affected.
///
/// # Errors
/// What `fcntl(2)` reports.
pub fn set_nonblocking(end: impl AsFd) -> io::Result<()> {
    let fd = end.as_fd().as_raw_fd();
    // SAFETY: these commands of `fcntl` take and give integers; the descriptor is borrowed.
    let flags = checked(unsafe { libc::fcntl(fd, libc::F_GETFL) })?;
    // SAFETY: as above.
    checked(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) }).map(drop)
}

/// What a pipe holds unless told otherwise.
pub const CAPACITY: usize = 64 << 10;

/// Lets the pipe hold about so many bytes, if the system allows; says how many it is now.
/// For an unprivileged user the limit is in `/proc/sys/fs/pipe-max-size`: 1 MiB, mostly.
///
/// # Errors
/// What `fcntl(2)` reports; the pipe is then as before.
pub fn set_capacity(end: impl AsFd, bytes: usize) -> io::Result<usize> {
    let fd = end.as_fd().as_raw_fd();
    let bytes = bytes.min(i32::MAX as usize) as libc::c_int;
    // SAFETY: this command of `fcntl` takes and gives an integer; the descriptor is borrowed.
    checked(unsafe { libc::fcntl(fd, libc::F_SETPIPE_SZ, bytes) }).map(|now| now as usize)
}

/// How many bytes lie in the pipe.
///
/// # Errors
/// What `ioctl(2)` reports.
#[doc(alias = "FIONREAD")]
pub fn unread(end: impl AsFd) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: this command writes one integer to where the pointer says: a local that outlives
    // the call; the descriptor is borrowed.
    checked(unsafe { libc::ioctl(end.as_fd().as_raw_fd(), libc::FIONREAD, &mut count) })?;
    Ok(count as usize)
}
