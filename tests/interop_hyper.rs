//! hyper's traits on this loop, without hyper's protocols:
//! `cargo test --features hyper --test interop_hyper`. The protocols run in `examples/real`.
#![cfg(feature = "hyper")]

mod common;
use common::watchdog;
use hyper::rt::{Executor, Read, ReadBuf, Timer, Write};
use singletrack::EventLoop;
use singletrack::aio::{UnixStream, yield_now};
use singletrack::interop::{LoopExecutor, LoopTimer};
use singletrack::selector::scripted::ScriptedSelector;
use std::cell::Cell;
use std::future::poll_fn;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

#[test]
fn slices_go_out_together_and_come_in_where_there_is_room() {
    let _dog = watchdog("hyper's streams", 30);
    EventLoop::new().unwrap().run_until_complete(async {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        assert!(near.is_write_vectored());
        let slices = [IoSlice::new(b"head"), IoSlice::new(b""), IoSlice::new(b"body")];
        let sent = poll_fn(|cx| Pin::new(&mut near).poll_write_vectored(cx, &slices)).await;
        assert_eq!(sent.unwrap(), 8);
        poll_fn(|cx| Pin::new(&mut near).poll_shutdown(cx)).await.unwrap();
        let mut got = Vec::new();
        loop {
            let mut memory = [MaybeUninit::uninit(); 3];
            let mut buffer = ReadBuf::uninit(&mut memory);
            poll_fn(|cx| Pin::new(&mut far).poll_read(cx, buffer.unfilled())).await.unwrap();
            if buffer.filled().is_empty() {
                break;
            }
            got.extend_from_slice(buffer.filled());
        }
        assert_eq!(got, b"headbody");
    });
}

#[test]
fn tasks_that_are_not_send_run_on_this_loop() {
    let _dog = watchdog("hyper's executor", 30);
    EventLoop::new().unwrap().run_until_complete(async {
        let ran = Rc::new(Cell::new(0));
        for _ in 0..3 {
            let ran = Rc::clone(&ran);
            LoopExecutor.execute(async move { ran.set(ran.get() + 1) });
        }
        assert_eq!(ran.get(), 0, "none runs inside `execute`");
        yield_now().await;
        assert_eq!(ran.get(), 3);
    });
}

#[test]
fn timers_run_on_the_loops_clock_and_can_be_set_anew() {
    let _dog = watchdog("hyper's timer", 30);
    let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
    event_loop.run_until_complete(async {
        let hour = Duration::from_secs(3600);
        let start = event_loop.time();
        LoopTimer.sleep(hour).await;
        assert_eq!(event_loop.time() - start, hour);
        let mut sleep = LoopTimer.sleep(hour * 24 * 365);
        LoopTimer.reset(&mut sleep, Instant::now());
        sleep.await;
        assert!(event_loop.time() - start < hour * 2, "the long one is off");
    });
}
