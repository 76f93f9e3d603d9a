//! What has arrived and nobody has looked at: a flag for each kind, and one bell for all.
//!
//! *Assumes*: the bell stays rung until somebody silences it.
//! *Promises*: who silences the bell and then takes the flags, each time it rings, hears of
//! every kind that arrives; what arrives twice between two looks is told once.
//! *Leaves out*: the bell, and what arrives (`sys/signal.rs`: signals).
//!
//! ```text
//!   note:  raise the flag ──► ring           look:  silence ──► take each flag
//! ```
//! However the four steps mix: if a flag is raised too late to be taken, its ring comes after
//! the silence, and there will be another look. Ring first, or silence last, and an arrival
//! can be lost. `tests/loom_loop.rs` walks through all of it.
//!
//! # Signals: a handler that notes the number, rings a bell, and does nothing else
//!
//! *Assumes*: Linux; `eventfd`.
//! *Promises*: the handler touches only atomics and `write(2)`, and keeps `errno`, so it may
//! interrupt anything; the bell cannot be full in a way that loses a signal; the descriptor it
//! writes to is never closed, so a late handler never writes into a stranger's.
//! *Leaves out*: who wants to know (`aio/signals.rs`).
//!
//! ```text
//!   signal ──► note(n): flag n, then write(BELL) ──► epoll ──► silence it, then take(n) each
//! ```
//! Why nothing is missed says `sys/signal.rs`. Deliveries between two looks become one, as
//! the kernel itself coalesces them. Python writes the number into a pipe instead
//! (`signal.set_wakeup_fd`), which can be full.
//!
//! # Ctrl-C as an exit code
//!
//! *Assumes*: a command with nothing to clean up but its children, which die with it.
//! *Promises*: `SIGINT` ends the process at once with code 130, the shell's 128 + 2.
//! *Leaves out*: signals as events; a program that wants those has an event loop.
#![allow(unsafe_code)]

use crate::sys::fd::checked;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A flag that any thread may swap. A trait only because a model's atomics cannot stand in a
/// `static`, as those that a signal handler finds must.
pub trait Flag {
    /// Puts `raised` in the place of what was there, and brings that.
    fn swap(&self, raised: bool, order: Ordering) -> bool;
}

impl Flag for AtomicBool {
    fn swap(&self, raised: bool, order: Ordering) -> bool {
        self.swap(raised, order)
    }
}

/// Flags for the kinds 0 to `N - 1`.
///
/// ```
/// use singletrack::sys::signal::Arrivals;
/// use std::sync::atomic::AtomicBool;
///
/// static ARRIVALS: Arrivals<AtomicBool, 2> =
///     Arrivals::new([const { AtomicBool::new(false) }; 2]);
/// ARRIVALS.note(1, || println!("ring"));
/// ARRIVALS.note(1, || println!("ring"));
/// assert_eq!((ARRIVALS.take(0), ARRIVALS.take(1)), (false, true));
/// assert!(!ARRIVALS.take(1)); // both are told of
/// ```
pub struct Arrivals<F, const N: usize>([F; N]);

impl<F: Flag, const N: usize> Arrivals<F, N> {
    /// Nothing has arrived, if no flag is raised.
    pub const fn new(flags: [F; N]) -> Self {
        Arrivals(flags)
    }

    /// One of this kind has arrived. Takes no lock and no memory.
    pub fn note(&self, kind: usize, ring: impl FnOnce()) {
        self.0[kind].swap(true, Ordering::AcqRel);
        ring();
    }

    /// True if one of this kind has arrived since this was last asked; false for a kind that
    /// there is not.
    pub fn take(&self, kind: usize) -> bool {
        self.0.get(kind).is_some_and(|flag| flag.swap(false, Ordering::AcqRel))
    }
}

// Not `base::sync`: loom's atomics are no statics, and no model runs inside a signal handler.

/// Signals are numbered from 1 to 64.
const SIGNALS: usize = 65;

/// These arrived since somebody looked.
static ARRIVALS: Arrivals<AtomicBool, SIGNALS> =
    Arrivals::new([const { AtomicBool::new(false) }; SIGNALS]);

/// An eventfd, made once in a process and never closed, and above it the process: a forked
/// child finds its parent's, and must not silence it. Process 0 and descriptor -1 before that.
static BELL: AtomicU64 = AtomicU64::new(u32::MAX as u64);

fn fd_of(bell: u64) -> RawFd {
    bell as u32 as RawFd
}

/// What a signal did before we listened to it.
pub struct OldAction(libc::sigaction);

/// Has this process note `signal` from now on, and says what it did before.
///
/// # Errors
/// `InvalidInput` for what cannot be handled: `SIGKILL` and `SIGSTOP`; and the faults
/// `SIGSEGV`, `SIGBUS`, `SIGFPE` and `SIGILL`, whose instruction would only fault again.
/// `EMFILE` if the bell cannot be made.
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
/// somebody ignores it or has plans of his own, and nothing changes.
///
/// # Errors
/// What `sigaction(2)` reports; `EMFILE` if the bell cannot be made.
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

fn install(signal: i32, flags: libc::c_int) -> io::Result<OldAction> {
    bell()?;
    let _of_earlier_listeners = take(signal);
    // SAFETY: `sigaction` is plain data, for which all zeros is a valid value.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = note as extern "C" fn(libc::c_int) as usize;
    // Restart what the signal interrupts, as asyncio asks for with `siginterrupt`.
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK | flags;
    set_action(signal, &action).map(OldAction)
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
    ARRIVALS.take(signal as usize)
}

/// Whoever was told of `signal` went before he could act: as if it had arrived anew, for those
/// who listen now.
pub fn hand_on(signal: i32) {
    ARRIVALS.note(signal as usize, ring);
}

/// A descriptor that is readable when something has arrived: a duplicate of the process's own.
/// Reading eight bytes from it silences it; then ask [`take`] for each signal.
///
/// # Errors
/// `EMFILE` when there are no descriptors left.
pub fn bell() -> io::Result<OwnedFd> {
    let mut bell = BELL.load(Ordering::SeqCst);
    let here = std::process::id();
    if bell >> 32 != u64::from(here) {
        // SAFETY: the call takes two numbers, and gives a descriptor that nobody else has.
        let made = unsafe {
            let raw = checked(libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?;
            OwnedFd::from_raw_fd(raw)
        };
        let ours = u64::from(here) << 32 | made.as_raw_fd() as u64;
        match BELL.compare_exchange(bell, ours, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => {
                bell = ours;
                let _ = made.into_raw_fd(); // from now on it belongs to the process
            }
            Err(first) => bell = first,
        }
    }
    // SAFETY: the bell is never closed; the duplicate is a new descriptor of our own.
    unsafe {
        let copy: RawFd = checked(libc::fcntl(fd_of(bell), libc::F_DUPFD_CLOEXEC, 0))?;
        Ok(OwnedFd::from_raw_fd(copy))
    }
}

/// The handler. It may interrupt any instruction on any thread, this file's included.
extern "C" fn note(signal: libc::c_int) {
    ARRIVALS.note(signal as usize, ring);
}

fn ring() {
    let one: u64 = 1;
    // SAFETY: `write` and `errno` are allowed in a handler; `one` is eight bytes on this
    // stack; the bell is never closed. If its counter is full, the write fails, and the bell
    // is readable anyway.
    unsafe {
        let errno = libc::__errno_location();
        let kept = *errno;
        let bell = fd_of(BELL.load(Ordering::SeqCst));
        libc::write(bell, (&raw const one).cast(), size_of::<u64>());
        *errno = kept;
    }
}

fn set_action(signal: i32, action: &libc::sigaction) -> io::Result<libc::sigaction> {
    // SAFETY: both actions are whole structs that outlive the call. What is installed is
    // either `note`, which is safe in any place, or what the process had installed before.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        checked(libc::sigaction(signal, action, &mut old))?;
        Ok(old)
    }
}

/// The exit code after `SIGINT`.
pub const EXIT_CODE: i32 = 128 + libc::SIGINT;

extern "C" fn leave(_signal: libc::c_int) {
    // SAFETY: `_exit` may be called from a signal handler; it runs no code of ours.
    unsafe { libc::_exit(EXIT_CODE) }
}

/// From now on `SIGINT` ends this process with code 130. Children start without this.
///
/// # Errors
/// What `sigaction(2)` reports.
pub fn exit_on_interrupt() -> io::Result<()> {
    // SAFETY: all zeroes is a `sigaction` with an empty mask and no flags. `leave` has the
    // type of a handler, lives as long as the program, and only calls `_exit`.
    let installed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = leave as extern "C" fn(libc::c_int) as usize;
        libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut())
    };
    checked(installed).map(drop)
}
