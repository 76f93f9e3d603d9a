//! What several test files share.
#![allow(dead_code)] // each test file uses its own part

use singletrack::aio::sleep;
use singletrack::selector::polling::PollingSelector;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::{EventLoop, yield_now};
use std::cell::RefCell;
use std::rc::Rc;
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
    // An interpreter takes a hundred times as long; and forty times as many cases, forty times.
    let seconds = if cfg!(miri) { 100 * seconds } else { seconds };
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse::<u64>().ok());
    let seconds = seconds * (asked.unwrap_or(0) / 256).clamp(1, 1_000);
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

/// Runs the test on a thread of its own: a hang must fail. The limit is far above any run and
/// says nothing about speed.
pub fn bounded(test: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    if finished.recv_timeout(Duration::from_secs(60)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("the test hangs");
    }
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs the test on a loop over mio (edge-triggered), and again over polling (one shot at a time).
pub fn on_real_selectors(test: impl AsyncFn()) {
    let _dog = watchdog("a test on real selectors", 120);
    EventLoop::new().unwrap().run_until_complete(test());
    let polling = PollingSelector::new().unwrap();
    EventLoop::with_selector(Box::new(polling)).run_until_complete(test());
}

/// Runs the test on the scripted selector first, where a wait that could never end is an error
/// at once, and then as [`on_real_selectors`] does.
pub fn on_every_selector(test: impl AsyncFn()) {
    run_scripted(test());
    on_real_selectors(test);
}

/// Waits for other threads to come so far.
pub fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}

/// Waits for the world outside the loop to come so far.
pub async fn until_async(mut condition: impl FnMut() -> bool) {
    while !condition() {
        sleep(Duration::from_micros(200)).await;
    }
}

/// A loop in virtual time: a test that would hang is an error at once.
pub fn scripted() -> EventLoop {
    EventLoop::with_selector(Box::new(ScriptedSelector::new()))
}

/// Runs a future in virtual time.
pub fn run_scripted<F: Future>(future: F) -> F::Output {
    scripted().run_until_complete(future)
}

/// Lets everything that is ready run until it waits.
pub async fn settle() {
    for _ in 0..5 {
        yield_now().await;
    }
}

/// A shared list to note the order of things in.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub fn note(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }
    pub fn read(&self) -> Vec<String> {
        self.0.borrow().clone()
    }
}
