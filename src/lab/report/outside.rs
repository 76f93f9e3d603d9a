//! What ends a command from outside: a signal, or a reader who has gone; and a limit of time.
//!
//! *Assumes*: one thread, which looks every few hundredths of a second while it waits.
//! *Promises*: nothing happens behind anybody's back: whoever waits learns of it as a [`Failure`],
//! and can show what was measured before. A second signal ends the process at once. A signal that
//! was ignored when the command began stays ignored. Time in which the command was stopped (Ctrl-Z)
//! counts against no limit.
//! *Leaves out*: exit codes (`main.rs`).
//!
//! ```text
//!   SIGINT, SIGTERM ──▶ a flag ─────────┐
//!   `| head` has gone ──▶ POLLERR ──────┼──▶ check() ──▶ Failure ──▶ what was measured, and why
//!   a look that came late ──▶ Patience ─┘                            there is no more of it
//! ```

use crate::lab::report::failure::Failure;
use crate::sys::fd;
use crate::sys::process::Death;
use crate::sys::signal::{listen_once, take};
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// How often somebody who waits should look.
pub const LOOK: Duration = Duration::from_millis(50);

/// Who has ended the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// This signal came.
    Signal(i32),
    /// Nobody will read what it prints any more.
    ReaderGone,
}

// Not `base::sync`: loom's atomics cannot stand in a static.
static WATCHED: AtomicBool = AtomicBool::new(false);
/// The signal that came; 0 before that.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// From now on SIGINT and SIGTERM do not end the process: [`check`] tells of them, and of a reader
/// of stdout who has gone.
///
/// # Errors
/// If a handler cannot be installed.
pub fn watch() -> Result<(), Failure> {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let listens = listen_once(signal);
        listens.map_err(|e| Failure::io("a signal handler", &e, "run it again"))?;
    }
    WATCHED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Who has ended the command, if anybody has, and if it [`watch`]es.
pub fn ended() -> Option<Ended> {
    if !WATCHED.load(Ordering::Relaxed) {
        return None;
    }
    for signal in [libc::SIGINT, libc::SIGTERM] {
        if take(signal) {
            SIGNAL.store(signal, Ordering::Relaxed);
        }
    }
    match SIGNAL.load(Ordering::Relaxed) {
        0 => fd::reader_gone(io::stdout().as_fd()).then_some(Ended::ReaderGone),
        signal => Some(Ended::Signal(signal)),
    }
}

/// Fails as soon as somebody has ended the command.
///
/// # Errors
/// Says who.
pub fn check() -> Result<(), Failure> {
    let remedy = "see what was measured before, or run it again";
    match ended() {
        None => Ok(()),
        Some(Ended::Signal(signal)) => {
            let why = format!("was ended by {}", Death::Signal(signal));
            Err(Failure::new("the command", why, remedy))
        }
        Some(Ended::ReaderGone) => Err(reader_gone()),
    }
}

/// Nobody will read what the command prints any more.
pub fn reader_gone() -> Failure {
    Failure::new("stdout", "its reader has gone", "read it to its end")
}

/// Sleeps for so long, or until somebody ends the command; says for how long it was. A forked child
/// that calls [`watch`] first rests no longer than its parent would.
pub fn rest(time: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let left = time.saturating_sub(began.elapsed());
        if left.is_zero() || ended().is_some() {
            return began.elapsed();
        }
        std::thread::sleep(left.min(LOOK));
    }
}

/// Time that something may take, counted by looks.
///
/// Between two looks counts [`Patience::MOST`] at the most: whoever looks that late was stopped
/// meanwhile, and so was what he waits for.
///
/// ```
/// use singletrack::lab::report::outside::Patience;
/// use std::time::{Duration, Instant};
///
/// let (start, s) = (Instant::now(), Duration::from_secs(1));
/// let mut patience = Patience::new(10 * s, start);
/// assert_eq!(patience.left(start + s / 2), 19 * s / 2);
/// assert_eq!(patience.left(start + 600 * s), 17 * s / 2, "ten minutes of Ctrl-Z");
/// ```
#[derive(Debug)]
pub struct Patience {
    left: Duration,
    looked: Instant,
}

impl Patience {
    /// What counts between two looks at the most.
    pub const MOST: Duration = Duration::from_secs(1);

    /// So much time from `now` on.
    pub fn new(limit: Duration, now: Instant) -> Patience {
        Patience { left: limit, looked: now }
    }

    /// What is left of it `now`.
    pub fn left(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.looked).min(Self::MOST);
        self.looked = now;
        self.left = self.left.saturating_sub(passed);
        self.left
    }
}
