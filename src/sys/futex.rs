//! A word on which threads sleep: a futex.
//!
//! *Assumes*: that whoever wakes a thread has changed the word before.
//! *Promises*: the kernel looks at the word and puts the thread to sleep in one step, so that a wake in
//! between is not slept on. A sleep may end early: by a signal, or for no reason.
//! *Leaves out*: what the numbers in the word mean, and what a thread should do next.
//!
//! ```text
//!    sleeper   wait(expected) ── does the word still hold it? ── no ──► returns at once
//!                                              │ yes
//!                                              ▼
//!    waker     word.swap(other); wake() ──► returns
//! ```
//! Counterpart: what std's mutexes, `park` and parking_lot's locks sleep on. Those go back to sleep after
//! a signal; here it is told, as by `epoll_wait`.
#![allow(unsafe_code)]

use std::ptr::null;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// The word.
///
/// ```
/// use singletrack::sys::futex::Futex;
/// use std::sync::atomic::Ordering;
///
/// let futex = Futex::new(1);
/// futex.wait(2, None); // it holds something else: returns at once
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         futex.word().store(2, Ordering::Release);
///         futex.wake();
///     });
///     while futex.word().load(Ordering::Acquire) == 1 {
///         futex.wait(1, None);
///     }
/// });
/// ```
#[derive(Debug, Default)]
pub struct Futex(AtomicU32);

impl Futex {
    /// A word that holds this number.
    pub const fn new(number: u32) -> Futex {
        Futex(AtomicU32::new(number))
    }

    /// The word.
    pub const fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// Sleeps if the word holds `expected`: until [`wake`](Self::wake), a signal, or the end of `timeout`;
    /// or less long.
    pub fn wait(&self, expected: u32, timeout: Option<Duration>) {
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos() as _,
        });
        let timeout = timeout.as_ref().map_or(null(), std::ptr::from_ref);
        let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the word is borrowed, and the timeout a local: both outlive the call, which reads them.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), operation, expected, timeout) };
    }

    /// Wakes one thread that sleeps on the word.
    pub fn wake(&self) {
        let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: the word is borrowed; the kernel takes its address as a name, and reads nothing.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), operation, 1) };
    }
}
