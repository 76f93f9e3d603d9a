//! The inbox door under every interleaving: the loop never sleeps on a message.
//!
//! Run: `RUSTFLAGS="--cfg loom" cargo test --release --target-dir target/loom --test loom_inbox`
#![cfg(loom)]

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use singletrack::event_loop::inbox::Inbox;

/// A bell that a sleeping loop can wait for, and how often it rang.
#[derive(Default)]
struct Bell {
    state: Mutex<Rings>,
    rang: Condvar,
}

#[derive(Default)]
struct Rings {
    pending: bool,
    total: u32,
}

impl Bell {
    /// What a selector's `wait` does: returns once the bell has rung since the last wait.
    fn wait(&self) {
        let mut state = self.state.lock().unwrap();
        while !state.pending {
            state = self.rang.wait(state).unwrap();
        }
        state.pending = false;
    }
}

fn inbox(bell: &Arc<Bell>) -> Arc<Inbox<u32>> {
    let bell = Arc::clone(bell);
    Arc::new(Inbox::new(Box::new(move || {
        let mut state = bell.state.lock().unwrap();
        state.pending = true;
        state.total += 1;
        bell.rang.notify_one();
    })))
}

/// The loop's side: sleeps only if it may, until it has `expected` messages. If a message
/// could be slept on, loom would find the deadlock. Also returns how often it slept.
fn collect(inbox: &Inbox<u32>, bell: &Bell, expected: usize) -> (Vec<u32>, u32) {
    let (mut got, mut sleeps) = (Vec::new(), 0);
    while got.len() < expected {
        if inbox.park() {
            sleeps += 1;
            bell.wait();
        }
        inbox.take(&mut got);
    }
    (got, sleeps)
}

#[test]
fn loop_never_sleeps_on_a_message() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let inbox = inbox(&bell);
        let push = |number| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.push(number))
        };
        let (a, b) = (push(1), push(2));
        let (mut got, _) = collect(&inbox, &bell, 2);
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        a.join().unwrap();
        b.join().unwrap();
    });
}

#[test]
fn messages_keep_their_order_and_ring_once_for_each_sleep() {
    loom::model(|| {
        let bell = Arc::new(Bell::default());
        let inbox = inbox(&bell);
        let sender = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || (1..=2).for_each(|n| inbox.push(n)))
        };
        let (got, sleeps) = collect(&inbox, &bell, 2);
        sender.join().unwrap();
        assert_eq!(got, [1, 2]);
        assert_eq!(bell.state.lock().unwrap().total, sleeps, "one ring for each sleep");
    });
}
