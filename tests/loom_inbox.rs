//! The inbox under every interleaving: the loop never sleeps on a message.
//!
//! Run: `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_inbox`
#![cfg(loom)]

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use singletrack::event_loop::inbox::Inbox;

/// A selector that only its waker can wake, and how often the waker was used.
#[derive(Default)]
struct Selector {
    state: Mutex<Wakes>,
    woken: Condvar,
}

#[derive(Default)]
struct Wakes {
    pending: bool,
    total: u32,
}

impl Selector {
    /// Returns once the waker has been used since the last wait.
    fn wait(&self) {
        let mut state = self.state.lock().unwrap();
        while !state.pending {
            state = self.woken.wait(state).unwrap();
        }
        state.pending = false;
    }
}

fn inbox(selector: &Arc<Selector>) -> Arc<Inbox<u32>> {
    let selector = Arc::clone(selector);
    Arc::new(Inbox::new(Box::new(move || {
        let mut state = selector.state.lock().unwrap();
        state.pending = true;
        state.total += 1;
        selector.woken.notify_one();
    })))
}

/// The loop's side: sleeps only if it may, until it has `expected` messages. If a message
/// could be slept on, loom would find the deadlock. Also returns how often it slept.
fn collect(inbox: &Inbox<u32>, selector: &Selector, expected: usize) -> (Vec<u32>, u32) {
    let (mut got, mut sleeps) = (Vec::new(), 0);
    while got.len() < expected {
        if inbox.park() {
            sleeps += 1;
            selector.wait();
        }
        inbox.take(&mut got);
    }
    (got, sleeps)
}

/// Shows R8.
#[test]
fn loop_never_sleeps_on_a_message() {
    loom::model(|| {
        let selector = Arc::new(Selector::default());
        let inbox = inbox(&selector);
        let push = |number| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.push(number).unwrap())
        };
        let (a, b) = (push(1), push(2));
        let (mut got, _) = collect(&inbox, &selector, 2);
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        a.join().unwrap();
        b.join().unwrap();
    });
}

/// Shows R8.
#[test]
fn messages_keep_their_order_and_wake_once_for_each_sleep() {
    loom::model(|| {
        let selector = Arc::new(Selector::default());
        let inbox = inbox(&selector);
        let sender = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || (1..=2).for_each(|n| inbox.push(n).unwrap()))
        };
        let (got, sleeps) = collect(&inbox, &selector, 2);
        sender.join().unwrap();
        assert_eq!(got, [1, 2]);
        assert_eq!(selector.state.lock().unwrap().total, sleeps, "one wake for each sleep");
    });
}
