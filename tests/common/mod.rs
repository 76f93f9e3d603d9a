//! What several test files share.
#![allow(dead_code)] // each test file uses its own part

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Ends the whole test binary if it is still alive after `seconds`: a hang is a failure with
/// a name, not a silence.
pub struct Watchdog {
    _done: mpsc::Sender<()>,
}

/// Starts a watchdog; keep it in a variable for the length of the test.
pub fn watchdog(what: &'static str, seconds: u64) -> Watchdog {
    let (done, wait) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if wait.recv_timeout(Duration::from_secs(seconds)) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("watchdog: {what} still runs after {seconds} s");
            std::process::abort();
        }
    });
    Watchdog { _done: done }
}

/// Says whether it was dropped.
#[derive(Clone, Default)]
pub struct DropFlag(Arc<AtomicBool>);

impl DropFlag {
    /// A value to move into a future or callback.
    pub fn guard(&self) -> impl Drop + Send + 'static {
        struct Guard(Arc<AtomicBool>);
        impl Drop for Guard {
            fn drop(&mut self) {
                assert!(!self.0.swap(true, Ordering::SeqCst), "dropped twice");
            }
        }
        Guard(Arc::clone(&self.0))
    }

    /// True once the guard is gone.
    pub fn dropped(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
