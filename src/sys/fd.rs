//! Descriptors: how a call on one fails, pipes, and waiting for one of them.
//!
//! *Assumes*: Linux (`pipe2`, `ppoll`); calls of `libc` that return -1 and set `errno`, as nearly
//! all do.
//! *Promises*: every failure of a system call becomes an [`io::Error`] with the system's own
//! number, here and in all of `sys/`. Both ends of a pipe are close-on-exec and closed by their
//! drop; `EINTR` is retried; writing to a pipe without a reader is an error (`BrokenPipe`),
//! because Rust programs ignore `SIGPIPE`. No wait returns before its timeout unless the descriptor
//! is ready or a signal came; both look the same to the caller, which checks again anyway.
//! *Leaves out*: `Read` and `Write` (they want `&mut`; a pipe end may be shared), messages
//! (`process/message/frame.rs`), waiting for many descriptors (`selector/`).
#![allow(unsafe_code)]

use std::fmt;
use std::io;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a call returned, unless that is -1: then the error that `errno` names.
///
/// # Errors
/// What the system reports.
pub fn checked<N: PartialEq + From<i8>>(result: N) -> io::Result<N> {
    if result == N::from(-1) { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Makes a call, and again each time that a signal interrupts it (`EINTR`).
///
/// # Errors
/// What the system reports, except `EINTR`.
pub fn retry<N: PartialEq + From<i8>>(mut call: impl FnMut() -> N) -> io::Result<N> {
    loop {
        match checked(call()) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// The same kind of error, with a text that also says what was tried, such as
/// `cannot listen on 127.0.0.1:80`, and what may be done about it.
pub fn while_trying(what: impl fmt::Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| {
        let remedy = match error.kind() {
            io::ErrorKind::AddrInUse => "; end the program that has it, or take another",
            io::ErrorKind::AddrNotAvailable => "; take one of this machine's",
            io::ErrorKind::ConnectionRefused => "; start the program that listens there first",
            _ => "",
        };
        io::Error::new(error.kind(), format!("{what}: {error}{remedy}"))
    }
}

/// A call that a filter forbids, or an old kernel does not have, is named in the error.
pub(crate) fn name_refused(call: &'static str) -> impl FnOnce(io::Error) -> io::Error {
    move |error| match error.raw_os_error() {
        Some(libc::EPERM | libc::ENOSYS) => {
            let remedy = "allow it in the filter of system calls, or take a newer kernel";
            io::Error::new(error.kind(), format!("{call} is refused ({error}); {remedy}"))
        }
        _ => error,
    }
}

/// The end to read from.
#[derive(Debug)]
pub struct PipeReader(OwnedFd);

/// The end to write to.
#[derive(Debug)]
pub struct PipeWriter(OwnedFd);

/// A new pipe, blocking at both ends.
///
/// ```
/// let (reader, writer) = singletrack::sys::fd::pipe().unwrap();
/// writer.write_all(b"token").unwrap();
/// drop(writer);
/// let mut buffer = [0; 8];
/// assert_eq!(reader.read(&mut buffer).unwrap(), 5);
/// assert_eq!(reader.read(&mut buffer).unwrap(), 0); // the end
/// ```
///
/// # Errors
/// What `pipe2(2)` reports: too many descriptors, mostly.
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let mut ends = [-1; 2];
    // SAFETY: `ends` is a local array of the two integers that the call fills in.
    checked(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: the call succeeded, so both are open, and nothing else owns them yet.
    let [reader, writer] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    Ok((PipeReader(reader), PipeWriter(writer)))
}

impl PipeReader {
    /// Reads what is there, and waits for at least one byte; 0: no writer is left.
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

impl PipeWriter {
    /// Writes some of the bytes; returns how many.
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

    /// Writes some of the slices, in order, in one system call; returns how many bytes.
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

impl AsFd for PipeReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for PipeWriter {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A descriptor that came from elsewhere (another process), known to be a read end.
impl From<OwnedFd> for PipeReader {
    fn from(fd: OwnedFd) -> Self {
        PipeReader(fd)
    }
}

/// A descriptor that came from elsewhere, known to be a write end.
impl From<OwnedFd> for PipeWriter {
    fn from(fd: OwnedFd) -> Self {
        PipeWriter(fd)
    }
}

/// Makes operations on this end return `WouldBlock` where they would wait. The other end is
/// not affected; duplicates of this one are.
///
/// # Errors
/// What `fcntl(2)` reports.
pub fn set_nonblocking(end: impl AsFd) -> io::Result<()> {
    change_flags(end.as_fd(), |flags| flags | libc::O_NONBLOCK)
}

/// Undoes [`set_nonblocking`].
///
/// # Errors
/// What `fcntl(2)` reports.
pub fn set_blocking(end: impl AsFd) -> io::Result<()> {
    change_flags(end.as_fd(), |flags| flags & !libc::O_NONBLOCK)
}

/// True if operations return `WouldBlock` where they would wait.
///
/// # Errors
/// What `fcntl(2)` reports.
pub fn is_nonblocking(end: impl AsFd) -> io::Result<bool> {
    Ok(flags(end.as_fd())? & libc::O_NONBLOCK != 0)
}

fn flags(fd: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    // SAFETY: this command of `fcntl` gives an integer; the descriptor is borrowed.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })
}

fn change_flags(
    fd: BorrowedFd<'_>,
    change: impl FnOnce(libc::c_int) -> libc::c_int,
) -> io::Result<()> {
    let flags = change(flags(fd)?);
    // SAFETY: this command of `fcntl` takes an integer; the descriptor is borrowed.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) }).map(drop)
}

/// What a descriptor leads to, as far as the system says so: a file, and the access to it. The two
/// ends of a pipe differ in their access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
    access: libc::c_int,
}

/// What a descriptor leads to.
///
/// # Errors
/// What `fstat(2)` and `fcntl(2)` report.
pub fn identity(fd: impl AsFd) -> io::Result<FileIdentity> {
    let fd = fd.as_fd();
    // SAFETY: `stat` is plain data, for which all zeros is a valid value, and outlives the call
    // that fills it in; the descriptor is borrowed.
    let stat = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        checked(libc::fstat(fd.as_raw_fd(), &mut stat))?;
        stat
    };
    let access = flags(fd)? & libc::O_ACCMODE;
    Ok(FileIdentity { device: stat.st_dev, inode: stat.st_ino, access })
}

/// How many bytes a pipe holds by default.
pub const CAPACITY: usize = 64 << 10;

/// Lets the pipe hold about so many bytes, if the system allows it; returns how many it holds now.
/// For an unprivileged user the limit is in `/proc/sys/fs/pipe-max-size`, mostly 1 MiB.
///
/// # Errors
/// What `fcntl(2)` reports; the pipe is then as before.
pub fn set_capacity(end: impl AsFd, bytes: usize) -> io::Result<usize> {
    let fd = end.as_fd().as_raw_fd();
    let bytes = bytes.min(i32::MAX as usize) as libc::c_int;
    // SAFETY: this command of `fcntl` takes and gives an integer; the descriptor is borrowed.
    checked(unsafe { libc::fcntl(fd, libc::F_SETPIPE_SZ, bytes) }).map(|now| now as usize)
}

/// How many bytes can be read from a pipe, a socket of a stream or a terminal now.
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

/// What is waited for: reading or writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Read, accept, receive: there is something to read, or the end of the stream.
    Read,
    /// Write, connect, send: there is room, or no reader left.
    Write,
}

/// Waits until `fd` is readable or `timeout` has passed, to the nanosecond; true: it is readable.
///
/// # Errors
/// What `ppoll(2)` reports, except `EINTR`, which returns `Ok(false)`, or, with no time to wait, asks
/// again.
pub fn wait_readable(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
    wait_ready(fd, Direction::Read, Some(timeout))
}

/// True if a read would not block now: there are bytes, the end of the stream, or an error.
///
/// # Errors
/// As [`wait_readable`].
pub fn can_read(fd: BorrowedFd<'_>) -> io::Result<bool> {
    wait_ready(fd, Direction::Read, Some(Duration::ZERO))
}

/// True if a write would not block now: there is room, or it would fail.
///
/// # Errors
/// As [`wait_readable`].
pub fn can_write(fd: BorrowedFd<'_>) -> io::Result<bool> {
    wait_ready(fd, Direction::Write, Some(Duration::ZERO))
}

/// Waits until `fd` is ready or `timeout` has passed (`None`: no limit); true: it is ready.
///
/// # Errors
/// As [`wait_readable`].
pub fn wait_ready(
    fd: BorrowedFd<'_>,
    direction: Direction,
    timeout: Option<Duration>,
) -> io::Result<bool> {
    let events = match direction {
        Direction::Read => libc::POLLIN,
        Direction::Write => libc::POLLOUT,
    };
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    let at_once = timeout == Some(Duration::ZERO);
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs().min(i32::MAX as u64) as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    });
    let limit = timeout.as_ref().map_or(std::ptr::null(), |timeout| &raw const *timeout);
    // SAFETY: `entry` and `timeout` are locals that outlive the call, a null limit is none, the
    // count is 1, a null signal mask means "leave it", and the descriptor is borrowed, hence
    // open.
    let mut poll = || unsafe { libc::ppoll(&mut entry, 1, limit, std::ptr::null()) };
    let polled = if at_once { retry(poll) } else { checked(poll()) };
    match polled {
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(false),
        ready => Ok(ready? > 0),
    }
}

/// True if nobody will ever read what is written to `fd`: the reader of a pipe has closed it, a
/// terminal is gone. Never of a file.
pub fn reader_gone(fd: BorrowedFd<'_>) -> bool {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: `entry` is a local that outlives the call, the count is 1, and the descriptor is
    // borrowed, hence open.
    let polled = unsafe { libc::poll(&mut entry, 1, 0) };
    polled > 0 && entry.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0
}

/// Which of these descriptors are ready now, for reading, writing, or both: `poll(2)` without waiting.
/// A number that is no open descriptor is not ready.
///
/// # Errors
/// What `poll(2)` reports.
pub fn ready_now(fds: &[RawFd]) -> io::Result<Vec<(RawFd, ReadyNow)>> {
    let events = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP;
    let entry = |&fd: &RawFd| libc::pollfd { fd, events, revents: 0 };
    let mut entries: Vec<libc::pollfd> = fds.iter().map(entry).collect();
    let count = entries.len() as libc::nfds_t;
    // SAFETY: pointer and count are those of a live vector; a number that is no descriptor is
    // reported, not followed.
    retry(|| unsafe { libc::poll(entries.as_mut_ptr(), count, 0) })?;
    let ready = |entry: &libc::pollfd| {
        let has = |bits| entry.revents & bits != 0;
        let broken = has(libc::POLLHUP | libc::POLLERR);
        let now = ReadyNow {
            read: broken || has(libc::POLLIN | libc::POLLRDHUP),
            write: broken || has(libc::POLLOUT),
        };
        (!has(libc::POLLNVAL) && (now.read || now.write)).then_some((entry.fd, now))
    };
    Ok(entries.iter().filter_map(ready).collect())
}

/// What [`ready_now`] says of a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyNow {
    /// A read would not block.
    pub read: bool,
    /// A write would not block.
    pub write: bool,
}

static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether descriptor 1 was closed when the program began (`>&-` in a shell). Rust's std opens
/// `/dev/null` in its place before `main`, and what is printed is lost without a word.
pub fn stdout_was_closed() -> bool {
    // Named here, so that the linker keeps it.
    #[cfg(not(miri))]
    std::hint::black_box(&LOOK_BEFORE_MAIN);
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}

// SAFETY: the section is a list of such functions, which the loader calls before `main`. This one
// needs nothing that is not there by then: it makes a system call and stores to an atomic.
#[cfg(not(miri))]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK_BEFORE_MAIN: extern "C" fn() = look_before_main;

#[cfg(not(miri))]
extern "C" fn look_before_main() {
    // SAFETY: the call takes two numbers, and changes nothing.
    let flags = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) };
    STDOUT_WAS_CLOSED.store(flags == -1, Ordering::Relaxed);
}

/// How many columns the terminal behind `fd` shows; `None` if there is no terminal, or it does not
/// say.
pub fn terminal_width(fd: BorrowedFd<'_>) -> Option<usize> {
    // SAFETY: `winsize` is plain integers, for which all zeroes is a value.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is borrowed, hence open; `size` is the struct that this request fills
    // in, a local that outlives the call.
    let answer = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &mut size) };
    (answer == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Calls `attempt` until it returns something other than `WouldBlock`; sleeps in between until `fd`
/// is ready, but not past the deadline.
///
/// # Errors
/// What `attempt` and `ppoll(2)` report; `TimedOut`.
pub fn block_on<R>(
    fd: BorrowedFd<'_>,
    direction: Direction,
    deadline: Option<Instant>,
    mut attempt: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    loop {
        match attempt() {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
        wait_until(fd, direction, deadline)?;
    }
}

/// Waits until `fd` is ready or a signal came: try again.
///
/// # Errors
/// What `ppoll(2)` reports; `TimedOut` when the deadline has passed.
pub fn wait_until(
    fd: BorrowedFd<'_>,
    direction: Direction,
    deadline: Option<Instant>,
) -> io::Result<()> {
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    if left == Some(Duration::ZERO) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    wait_ready(fd, direction, left).map(drop)
}
