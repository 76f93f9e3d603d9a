//! How a selector sleeps and is woken, on real descriptors: in epoll where it watches something, and parked
//! where it does not; and what changes between the two.

mod common;

use common::{until, watchdog};
use singletrack::EventLoop;
use singletrack::aio::{UnixStream, block_on, sleep};
use singletrack::selector::event::{Selector, Token};
use singletrack::selector::mio::MioSelector;
use singletrack::selector::polling::PollingSelector;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

fn selectors() -> [Box<dyn Selector>; 2] {
    [Box::new(MioSelector::new().unwrap()), Box::new(PollingSelector::new().unwrap())]
}

/// Waits until another thread, which comes later, has used the waker: a selector may return early with
/// nothing.
fn is_woken(selector: &mut dyn Selector) {
    static ASLEEP: AtomicU64 = AtomicU64::new(0);
    let (waker, before) = (selector.waker(), ASLEEP.load(Ordering::Relaxed));
    let woken = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            until(|| ASLEEP.load(Ordering::Relaxed) > before);
            thread::sleep(Duration::from_millis(5));
            woken.store(true, Ordering::Relaxed);
            waker();
        });
        while !woken.load(Ordering::Relaxed) {
            ASLEEP.fetch_add(1, Ordering::Relaxed);
            selector.wait(&mut Vec::new(), None).unwrap();
        }
    });
}

/// Takes the events of what has just been registered.
fn settle(selector: &mut dyn Selector) {
    selector.wait(&mut Vec::new(), Some(Duration::from_millis(1))).unwrap();
}

#[test]
fn another_thread_ends_a_wait_whether_or_not_something_is_watched() {
    let _dog = watchdog("another_thread_ends_a_wait", 30);
    for mut selector in selectors() {
        is_woken(&mut *selector);
        let (ours, theirs) = StdStream::pair().unwrap();
        selector.register(ours.as_fd(), Token(1)).unwrap();
        settle(&mut *selector);
        is_woken(&mut *selector);
        selector.deregister(ours.as_fd()).unwrap();
        is_woken(&mut *selector);
        drop(theirs);
    }
}

#[test]
fn a_wake_before_the_wait_ends_it_and_only_that() {
    let _dog = watchdog("a_wake_before_the_wait", 30);
    for mut selector in selectors() {
        let waker = selector.waker();
        let (ours, _theirs) = StdStream::pair().unwrap();
        for watched in [false, true, false] {
            if watched {
                selector.register(ours.as_fd(), Token(1)).unwrap();
                settle(&mut *selector);
            }
            waker();
            waker();
            selector.wait(&mut Vec::new(), None).unwrap();
            let before = selector.now();
            let limit = Duration::from_millis(20);
            while selector.now() - before < limit.as_nanos() as u64 {
                // Once it may return early, for what the first wake has left.
                selector.wait(&mut Vec::new(), Some(limit)).unwrap();
            }
            if watched {
                selector.deregister(ours.as_fd()).unwrap();
            }
        }
    }
}

/// Watched is counted, and a refusal is no registration: else the selector would ask epoll for ever, or
/// would park beside a descriptor.
#[test]
fn refused_registrations_leave_the_selector_as_it_was() {
    let _dog = watchdog("refused_registrations", 30);
    let file = std::fs::File::open("Cargo.toml").unwrap();
    for mut selector in selectors() {
        let (ours, theirs) = StdStream::pair().unwrap();
        assert!(selector.register(file.as_fd(), Token(1)).is_err(), "a file cannot be watched");
        assert!(selector.deregister(ours.as_fd()).is_err(), "it was not watched");
        is_woken(&mut *selector);
        selector.register(ours.as_fd(), Token(1)).unwrap();
        assert!(selector.register(ours.as_fd(), Token(2)).is_err(), "it is watched already");
        assert!(selector.deregister(theirs.as_fd()).is_err(), "that one is not");
        settle(&mut *selector);
        is_woken(&mut *selector);
        selector
            .rearm(ours.as_fd(), Token(1), singletrack::selector::event::Readiness::READABLE)
            .unwrap();
        (&theirs, 1).0.set_nonblocking(true).unwrap();
        std::io::Write::write_all(&mut &theirs, b"x").unwrap();
        let mut events = Vec::new();
        while events.is_empty() {
            selector.wait(&mut events, None).unwrap();
        }
        assert_eq!(events[0].token, Token(1));
    }
}

/// Two threads call into a loop that begins and ends to watch something, sleeps for times and for ever.
#[test]
fn no_call_is_lost_while_a_loop_begins_and_ends_to_watch() {
    let _dog = watchdog("no_call_is_lost", 60);
    static CALLS: AtomicU64 = AtomicU64::new(0);
    const EACH: u64 = 2_000;
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for number in 0..EACH {
                    let before = CALLS.load(Ordering::SeqCst);
                    let call = || _ = CALLS.fetch_add(1, Ordering::SeqCst);
                    handle.call_soon_threadsafe(call).unwrap();
                    // In turns: the loop is awake, about to sleep, asleep.
                    if number % 3 > 0 {
                        until(|| CALLS.load(Ordering::SeqCst) > before);
                    }
                    (0..number % 7 * 200).for_each(|_| std::hint::spin_loop());
                }
            });
        }
        let mut round = 0_u64;
        while CALLS.load(Ordering::SeqCst) < 2 * EACH {
            let pair = async { UnixStream::pair().unwrap() };
            let watched = round.is_multiple_of(3).then(|| event_loop.run_until_complete(pair));
            let nap = sleep(Duration::from_micros(round % 90));
            event_loop.run_until_complete(nap);
            if CALLS.load(Ordering::SeqCst) < EACH {
                event_loop.run_once().unwrap(); // another call will end it
            }
            drop(watched);
            round += 1;
        }
    });
    assert_eq!(CALLS.load(Ordering::SeqCst), 2 * EACH);
}

/// A park uses no token of the thread: who waits for that is not kept from it.
#[test]
fn a_loop_takes_no_unpark_that_is_meant_for_its_thread() {
    let _dog = watchdog("a_loop_takes_no_unpark", 30);
    thread::current().unpark();
    block_on(sleep(Duration::from_millis(1)));
    thread::park();
}
