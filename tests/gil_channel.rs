//! Two interpreters, each under a lock of its own, and the channel between them.
#![cfg(not(loom))]

mod common;

use common::watchdog;
use singletrack::gil::GilThread;
use singletrack::gil::GlobalLock;
use singletrack::gil::SwitchPolicy;
use singletrack::gil::{ChannelError, channel};

fn two() -> (GlobalLock, GlobalLock) {
    [SwitchPolicy::PYTHON_3_13; 2].map(GlobalLock::new).into()
}

#[test]
fn values_arrive_in_order_though_there_is_little_room() {
    let _watchdog = watchdog("a channel", 30);
    let (a, b) = two();
    let (outlet, inlet) = channel::<Vec<u32>>(&a, &b, 1);
    let sender = GilThread::spawn(&a, "sender", move |gil| {
        (0..500).try_for_each(|n| outlet.send(gil, &vec![n; 3]))
    });
    let received = GilThread::spawn(&b, "receiver", move |gil| {
        let next = || inlet.recv(gil).map_err(|end| assert_eq!(end, ChannelError::Closed));
        std::iter::repeat_with(next).map_while(Result::ok).collect::<Vec<_>>()
    });
    sender.unwrap().join().unwrap().unwrap();
    let wanted: Vec<Vec<u32>> = (0..500).map(|n| vec![n; 3]).collect();
    assert_eq!(received.unwrap().join().unwrap(), wanted);
}

#[test]
fn who_waits_at_an_end_has_dropped_the_lock() {
    let _watchdog = watchdog("a channel that waits", 30);
    let (a, b) = two();
    let (outlet, inlet) = channel::<u8>(&a, &b, 0);
    let receiver = GilThread::spawn(&b, "receiver", move |gil| inlet.recv(gil)).unwrap();
    // Both locks can be had, although one end waits for the other.
    while b.thread_counters().is_empty() {
        std::thread::yield_now();
    }
    b.attach(|_| ()).unwrap();
    a.attach(|gil| outlet.send(gil, &7)).unwrap().unwrap();
    assert_eq!(receiver.join(), Ok(Ok(7)));
}

#[test]
fn an_end_refuses_the_token_of_another_lock() {
    let (a, b) = two();
    let (outlet, inlet) = channel::<u8>(&a, &b, 1);
    assert_eq!(b.attach(|gil| outlet.send(gil, &1)), Ok(Err(ChannelError::WrongLock)));
    assert_eq!(a.attach(|gil| inlet.recv(gil)), Ok(Err(ChannelError::WrongLock)));
    drop(inlet);
    assert_eq!(a.attach(|gil| outlet.send(gil, &1)), Ok(Err(ChannelError::Closed)));
}
