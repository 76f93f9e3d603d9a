//! A thread that parks, or sleeps in epoll where it watches something, under every interleaving: a wake
//! is never slept on.
//!
//! Run: `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_sleeper`
#![cfg(loom)]

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use singletrack::event_loop::inbox::Inbox;
use singletrack::selector::sleeper::Sleeper;

/// A selector that hears of its eventfd alone, and how often that was written to.
struct Selector {
    sleeper: Sleeper,
    written: Mutex<(bool, u32)>,
    readable: Condvar,
}

impl Selector {
    fn new() -> Arc<Self> {
        let written = Mutex::new((false, 0));
        Arc::new(Selector { sleeper: Sleeper::new(), written, readable: Condvar::new() })
    }

    fn wake(&self) {
        if self.sleeper.wake() {
            let mut written = self.written.lock().unwrap();
            *written = (true, written.1 + 1);
            self.readable.notify_one();
        }
    }

    /// As `MioSelector::wait`, of a selector that watches something or not.
    fn wait(&self, watches: bool) {
        if !watches && self.sleeper.park(None) {
            self.sleeper.rise();
            return;
        }
        let mut written = self.written.lock().unwrap();
        while watches && !written.0 {
            written = self.readable.wait(written).unwrap();
        }
        written.0 = false;
        drop(written);
        self.sleeper.rise();
    }
}

/// Takes two messages of two threads, in sleeps of these kinds, in turns. A message that could be slept
/// on would be a deadlock, which loom finds.
fn collect(watches: [bool; 2]) {
    loom::model(move || {
        let selector = Selector::new();
        let waker = Arc::clone(&selector);
        let inbox = Arc::new(Inbox::new(Box::new(move || waker.wake())));
        let push = |number| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.push(number).unwrap())
        };
        let (a, b) = (push(1), push(2));
        let (mut got, mut sleeps) = (Vec::new(), 0);
        while got.len() < 2 {
            if inbox.park() {
                selector.wait(watches[sleeps % 2]);
                sleeps += 1;
            }
            inbox.take(&mut got);
        }
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        a.join().unwrap();
        b.join().unwrap();
    });
}

/// Shows R8.
#[test]
fn a_parked_thread_never_sleeps_on_a_message() {
    collect([false, false]);
}

/// Shows R8.
#[test]
fn a_thread_that_begins_or_ends_to_watch_never_sleeps_on_a_message() {
    collect([false, true]);
    collect([true, false]);
}

/// Shows R8.
#[test]
fn of_two_wakes_for_one_sleep_the_second_costs_nothing() {
    loom::model(|| {
        let selector = Selector::new();
        let waker = Arc::clone(&selector);
        let other = thread::spawn(move || {
            waker.wake();
            waker.wake();
        });
        other.join().unwrap();
        assert_eq!(selector.written.lock().unwrap().1, 1);
        selector.wait(false);
        selector.wake();
        assert_eq!(selector.written.lock().unwrap().1, 2, "it has risen since");
    });
}
