//! Signals: a handler that notes the number and writes to an eventfd, and no more.
//!
//! *Assumes*: Linux; `eventfd`; a reader that first drains the eventfd and then takes the flags,
//! each time that it becomes readable.
//! *Promises*: that reader is told of every kind of signal that arrives; of one that arrives twice
//! between two reads, once. The handler touches only atomics and `write(2)`, and keeps `errno`, so
//! it may interrupt anything. Its eventfd is never closed, so a late handler never writes into a
//! descriptor of another purpose.
//! *Leaves out*: which tasks listen to which signal (`aio/signals.rs`).
//!
//! ```text
//!   signal ──► note(n): raise flag n ──► write(eventfd) ──► epoll ──► drain it ──► take each flag
//! ```
//! However these steps mix: if a flag is raised too late to be taken, its write comes after the
//! drain, and there will be another read. Write first, or drain last, and a signal can be lost.
//! `tests/loom_loop.rs` walks through all of it. Deliveries between two reads become one, as the
//! kernel itself coalesces them. Python writes the number into a pipe or socket instead
//! (`signal.set_wakeup_fd`), which can be full; an eventfd whose counter is full is still readable.
#![allow(unsafe_code)]

use crate::sys::fd::checked;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A flag that any thread may swap. A trait only because a model's atomics cannot stand in a
/// `static`, and those that a signal handler uses must.
pub trait AtomicFlag {
    /// Stores `raised` and returns what was there.
    fn swap(&self, raised: bool, order: Ordering) -> bool;
}

impl AtomicFlag for AtomicBool {
    fn swap(&self, raised: bool, order: Ordering) -> bool {
        self.swap(raised, order)
    }
}

/// Flags for the kinds 0 to `N - 1`.
///
/// ```
/// use singletrack::sys::signal::SignalFlags;
/// use std::sync::atomic::AtomicBool;
///
/// static FLAGS: SignalFlags<AtomicBool, 2> =
///     SignalFlags::new([const { AtomicBool::new(false) }; 2]);
/// FLAGS.note(1, || println!("wake"));
/// FLAGS.note(1, || println!("wake"));
/// assert_eq!((FLAGS.take(0), FLAGS.take(1)), (false, true));
/// assert!(!FLAGS.take(1)); // both were told
/// ```
pub struct SignalFlags<F, const N: usize>([F; N]);

impl<F: AtomicFlag, const N: usize> SignalFlags<F, N> {
    /// Nothing has arrived, if no flag is raised.
    pub const fn new(flags: [F; N]) -> Self {
        SignalFlags(flags)
    }

    /// One of this kind has arrived. Takes no lock and allocates nothing.
    pub fn note(&self, kind: usize, wake: impl FnOnce()) {
        self.0[kind].swap(true, Ordering::AcqRel);
        wake();
    }

    /// True if one of this kind has arrived since this was last asked; false for a kind that
    /// does not exist.
    pub fn take(&self, kind: usize) -> bool {
        self.0.get(kind).is_some_and(|flag| flag.swap(false, Ordering::AcqRel))
    }
}

// Not `base::sync`: loom's atomics are no statics, and no model runs inside a signal handler.

/// Signals are numbered from 1 to 64.
const SIGNALS: usize = 65;

/// These have arrived since they were last taken.
static PENDING: SignalFlags<AtomicBool, SIGNALS> =
    SignalFlags::new([const { AtomicBool::new(false) }; SIGNALS]);

/// An eventfd, made once in a process and never closed, and in the upper half the process: a
/// forked child finds its parent's, and must not drain it. Before that, process 0 and
/// descriptor -1.
static WAKEUP_FD: AtomicU64 = AtomicU64::new(u32::MAX as u64);

fn fd_of(word: u64) -> RawFd {
    word as u32 as RawFd
}

/// What a signal did before this process listened to it.
pub struct OldAction(libc::sigaction);

/// Has this process note `signal` from now on, and says what it did before.
///
/// # Errors
/// `InvalidInput` for what cannot be handled: `SIGKILL` and `SIGSTOP`; and the faults
/// `SIGSEGV`, `SIGBUS`, `SIGFPE` and `SIGILL`, whose instruction would only fault again.
/// `EMFILE` if the eventfd cannot be made.
pub fn listen(signal: i32) -> io::Result<OldAction> {
    let faults = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];
    let refused = [libc::SIGKILL, libc::SIGSTOP];
    if !(1..SIGNALS as i32).contains(&signal)
        || faults.contains(&signal)
        || refused.contains(&signal)
    {
        let text = format!("signal {signal} cannot be handled by an event loop");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    install(signal, 0)
}

/// As [`listen`], but for one arrival: the second does what the signal does by default, at
/// once, whatever the process is busy with. `None` if the signal does not do that now: then
/// the process ignores it or has a handler for it, and nothing changes.
///
/// # Errors
/// What `sigaction(2)` reports; `EMFILE` if the eventfd cannot be made.
pub fn listen_once(signal: i32) -> io::Result<Option<OldAction>> {
    // SAFETY: the struct is plain data, written by the call; no new action changes nothing.
    let now = unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        checked(libc::sigaction(signal, std::ptr::null(), &mut now))?;
        now.sa_sigaction
    };
    if now != libc::SIG_DFL {
        return Ok(None);
    }
    install(signal, libc::SA_RESETHAND).map(Some)
}

/// Changes how this process notes a signal that it listens to already: the next arrival only, as
/// [`listen_once`], or every one. An arrival that nobody has taken yet is not forgotten.
///
/// # Errors
/// What `sigaction(2)` reports.
pub fn listen_on(signal: i32, once: bool) -> io::Result<()> {
    set_note(signal, if once { libc::SA_RESETHAND } else { 0 }).map(drop)
}

fn install(signal: i32, flags: libc::c_int) -> io::Result<OldAction> {
    wakeup_fd()?;
    let _of_earlier_listeners = take(signal);
    set_note(signal, flags).map(OldAction)
}

fn set_note(signal: i32, flags: libc::c_int) -> io::Result<libc::sigaction> {
    // SAFETY: `sigaction` is plain data, for which all zeros is a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = note as extern "C" fn(libc::c_int) as usize;
    // Restart what the signal interrupts, as asyncio asks for with `siginterrupt`.
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK | flags;
    set_action(signal, &action)
}

/// True on the thread that began with the process.
pub fn on_main_thread() -> bool {
    // SAFETY: both calls only ask for a number.
    unsafe { libc::gettid() == libc::getpid() }
}

/// Has `signal` do again what it did before.
///
/// # Errors
/// What `sigaction(2)` reports.
pub fn restore(signal: i32, old: &OldAction) -> io::Result<()> {
    set_action(signal, &old.0).map(drop)
}

/// True if `signal` has arrived since this was last asked.
pub fn take(signal: i32) -> bool {
    PENDING.take(signal as usize)
}

/// The listener that was told of `signal` went away before it acted: as if the signal had arrived
/// anew, for those that listen now.
pub fn note_again(signal: i32) {
    PENDING.note(signal as usize, write_wakeup);
}

/// A descriptor that is readable when a signal has arrived: a duplicate of the process's own.
/// Reading eight bytes drains it; then ask [`take`] for each signal.
///
/// # Errors
/// `EMFILE` when there are no descriptors left.
#[doc(alias = "signal.set_wakeup_fd")]
pub fn wakeup_fd() -> io::Result<OwnedFd> {
    let mut word = WAKEUP_FD.load(Ordering::SeqCst);
    let here = std::process::id();
    if word >> 32 != u64::from(here) {
        // SAFETY: the call takes two numbers, and returns a descriptor that nothing else owns.
        let made = unsafe {
            let raw = checked(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?;
            OwnedFd::from_raw_fd(raw)
        };
        let ours = u64::from(here) << 32 | made.as_raw_fd() as u64;
        match WAKEUP_FD.compare_exchange(word, ours, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => {
                word = ours;
                let _ = made.into_raw_fd(); // from now on it belongs to the process
            }
            Err(first) => word = first,
        }
    }
    // SAFETY: the eventfd is never closed; the duplicate is a new descriptor that nothing else
    // owns.
    unsafe {
        let copy: RawFd = checked(libc::fcntl(fd_of(word), libc::F_DUPFD_CLOEXEC, 0))?;
        Ok(OwnedFd::from_raw_fd(copy))
    }
}

/// The handler. It may interrupt any instruction on any thread, this file's included.
extern "C" fn note(signal: libc::c_int) {
    PENDING.note(signal as usize, write_wakeup);
}

fn write_wakeup() {
    let one: u64 = 1;
    // SAFETY: `write` and `errno` are allowed in a handler; `one` is eight bytes on this
    // stack; the eventfd is never closed. If its counter is full, the write fails, and the
    // eventfd is readable anyway.
    unsafe {
        let errno = libc::__errno_location();
        let kept = *errno;
        let fd = fd_of(WAKEUP_FD.load(Ordering::SeqCst));
        libc::write(fd, (&raw const one).cast(), size_of::<u64>());
        *errno = kept;
    }
}

fn set_action(signal: i32, action: &libc::sigaction) -> io::Result<libc::sigaction> {
    // SAFETY: both actions are whole structs that outlive the call. What is installed is `note` or
    // `leave`, which may run at any instruction, the default, or what was installed before.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        checked(libc::sigaction(signal, action, &mut old))?;
        Ok(old)
    }
}

/// The exit code after `SIGINT`: the shell's 128 + 2.
pub const EXIT_CODE: i32 = 128 + libc::SIGINT;

extern "C" fn leave(_signal: libc::c_int) {
    // SAFETY: `_exit` may be called from a signal handler; it runs no code of this program.
    unsafe { libc::_exit(EXIT_CODE) }
}

/// From now on `SIGINT` ends this process at once with code 130, unless it is ignored: then
/// whoever started the process wants it so. For a command that has nothing to clean up but its
/// children, which die with it. Children start without this.
///
/// # Errors
/// What `sigaction(2)` reports.
pub fn exit_on_interrupt() -> io::Result<()> {
    if is_ignored(libc::SIGINT)? {
        return Ok(());
    }
    // SAFETY: `sigaction` is plain data; all zeroes is one with an empty mask and no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = leave as extern "C" fn(libc::c_int) as usize;
    set_action(libc::SIGINT, &action).map(drop)
}

/// Whether this process ignores `signal`.
///
/// # Errors
/// What `sigaction(2)` reports.
pub fn is_ignored(signal: i32) -> io::Result<bool> {
    // SAFETY: the struct is plain data, written by the call; no new action changes nothing.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        checked(libc::sigaction(signal, std::ptr::null(), &mut now))?;
        Ok(now.sa_sigaction == libc::SIG_IGN)
    }
}

/// Has `signal` do what it does by default.
///
/// # Errors
/// What `sigaction(2)` reports.
pub fn by_default(signal: i32) -> io::Result<()> {
    // SAFETY: `sigaction` is plain data; all zeroes is SIG_DFL, an empty mask and no flags.
    let action: libc::sigaction = unsafe { std::mem::zeroed() };
    set_action(signal, &action).map(drop)
}
