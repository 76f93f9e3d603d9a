//! A thread that parks, or sleeps in epoll where it watches something, under every interleaving: a wake
//! is never slept on.
//!
//! Run: `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_sleeper`
#![cfg(loom)]

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use singletrack::event_loop::inbox::Inbox;
use singletrack::selector::sleeper::Sleeper;
use std::time::Duration;

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

    /// As `MioSelector::wait`; its epoll hears of the eventfd alone.
    fn wait(&self, watches: bool, timeout: Option<Duration>) {
        self.sleeper.sleep(watches, timeout, |timeout| {
            let mut written = self.written.lock().unwrap();
            while timeout.is_none() && !written.0 {
                written = self.readable.wait(written).unwrap();
            }
            written.0 = false;
        });
    }
}

/// Whether it watches something, and whether it sleeps for ever.
type Kind = (bool, bool);

/// Takes two messages in sleeps of these kinds, in turns: of one other thread in every interleaving, of two
/// with at most three preemptions. A message that could be slept on would be a deadlock, which loom finds.
fn collect(kinds: [Kind; 2]) {
    loom::model(move || take_two(kinds, &[&[1, 2]]));
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || take_two(kinds, &[&[1], &[2]]));
}

fn take_two(kinds: [Kind; 2], senders: &[&'static [u32]]) {
    let selector = Selector::new();
    let waker = Arc::clone(&selector);
    let inbox = Arc::new(Inbox::new(Box::new(move || waker.wake())));
    let push = |numbers: &&'static [u32]| {
        let (inbox, numbers) = (Arc::clone(&inbox), *numbers);
        thread::spawn(move || numbers.iter().for_each(|number| inbox.push(*number).unwrap()))
    };
    let senders: Vec<_> = senders.iter().map(push).collect();
    let (mut got, mut sleeps) = (Vec::new(), 0);
    while got.len() < 2 {
        if inbox.park() {
            let (watches, for_ever) = kinds[sleeps % 2];
            selector.wait(watches, (!for_ever).then_some(Duration::from_millis(1)));
            sleeps += 1;
        }
        inbox.take(&mut got);
    }
    got.sort_unstable();
    assert_eq!(got, [1, 2]);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

/// Shows R8.
#[test]
fn a_parked_thread_never_sleeps_on_a_message() {
    collect([(false, true); 2]);
}

/// Shows R8.
#[test]
fn a_thread_that_begins_or_ends_to_watch_never_sleeps_on_a_message() {
    collect([(false, true), (true, true)]);
    collect([(true, true), (false, true)]);
}

/// Shows R8.
#[test]
fn a_sleep_that_ends_by_itself_takes_no_wake_along() {
    collect([(false, false), (false, true)]);
    collect([(false, false), (true, true)]);
    collect([(true, false), (false, true)]);
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
        selector.wait(false, None);
        selector.wake();
        assert_eq!(selector.written.lock().unwrap().1, 2, "it has risen since");
    });
}
