//! The hot paths: each does one thing so many times, and asserts that it was done.

use singletrack::aio::{Queue, Semaphore, UnixStream, sleep, yield_now};
use singletrack::futures::promise;
use singletrack::gil::{GlobalLock, SwitchPolicy};
use singletrack::process::message::frame::{Decoder, FrameKind, frame};
use singletrack::{EventLoop, create_task};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A path: its name, what does it so many times, and how many times that should be.
pub type NamedPath = (&'static str, fn(u64), u64);

/// All of them, in the order of the floors.
pub const PATHS: &[NamedPath] = &[
    ("spawn_join", spawn_join, 20_000),
    ("yield", yields, 50_000),
    ("ping_pong", ping_pong, 20_000),
    ("timer", timers, 20_000),
    ("permit", permits, 50_000),
    ("echo", echo, 5_000),
    ("promise", promises, 50_000),
    ("attach", attaches, 50_000),
    ("checkpoint", checkpoints, 200_000),
    ("frame", frames, 20_000),
    #[cfg(feature = "python")]
    ("python", python, 50_000),
];

fn run<F: Future>(future: F) -> F::Output {
    EventLoop::new().expect("a loop").run_until_complete(future)
}

fn spawn_join(count: u64) {
    let sum = run(async {
        let tasks: Vec<_> = (0..count).map(|i| create_task(async move { i })).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it is not cancelled");
        }
        sum
    });
    assert_eq!(sum, count * (count - 1) / 2);
}

/// A hundred tasks, so that the ready queue is what it is in life.
fn yields(count: u64) {
    run(async {
        let task = || async move {
            for _ in 0..count / 100 {
                yield_now().await;
            }
        };
        for task in (0..100).map(|_| create_task(task())).collect::<Vec<_>>() {
            task.await.expect("it is not cancelled");
        }
    });
}

fn ping_pong(count: u64) {
    let last = run(async {
        let (there, back) = (Rc::new(Queue::new(1)), Rc::new(Queue::new(1)));
        let (gets, puts) = (Rc::clone(&there), Rc::clone(&back));
        let _echo = create_task(async move {
            while let Ok(ball) = gets.get().await {
                puts.put(ball).await.expect("it is open");
            }
        });
        let mut last = 0;
        for ball in 0..count {
            there.put(ball).await.expect("it is open");
            last = back.get().await.expect("it is open");
        }
        last
    });
    assert_eq!(last, count - 1);
}

/// Armed and taken back, as most time limits are.
fn timers(count: u64) {
    run(async {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..count {
            let nap = pin!(sleep(Duration::from_secs(60)));
            assert_eq!(nap.poll(&mut cx), Poll::Pending);
        }
    });
}

fn permits(count: u64) {
    run(async {
        let semaphore = Semaphore::new(1);
        for _ in 0..count {
            drop(semaphore.acquire().await);
        }
    });
}

fn echo(count: u64) {
    run(async {
        let (here, there) = UnixStream::pair().expect("a pair");
        let _echo = create_task(async move {
            let mut byte = [0];
            while there.read(&mut byte).await.expect("it is open") > 0 {
                there.write_all(&byte).await.expect("it is open");
            }
        });
        let mut byte = [7];
        for _ in 0..count {
            here.write_all(&byte).await.expect("it is open");
            here.read_exact(&mut byte).await.expect("it is open");
        }
        assert_eq!(byte, [7]);
    });
}

fn promises(count: u64) {
    for i in 0..count {
        let (promise, future) = promise();
        promise.set_result(i);
        assert_eq!(future.result().expect("a value"), i);
    }
}

fn attaches(count: u64) {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_13);
    for _ in 0..count {
        lock.attach(|_| ()).expect("it is free");
    }
}

fn checkpoints(count: u64) {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_13);
    let counted = lock.attach(|gil| {
        (0..count).for_each(|_| gil.checkpoint());
    });
    counted.expect("it is free");
}

fn frames(count: u64) {
    let mut decoder = Decoder::new();
    for id in 0..count {
        decoder.feed(&frame(FrameKind::Value, id, b"a short body").expect("it is short"));
        let frame = decoder.next_frame().expect("it is sound").expect("it is whole");
        assert_eq!(frame.id, id);
    }
}

#[cfg(feature = "python")]
fn python(count: u64) {
    let text = format!("n = {count}\nwhile n > 0:\n    n -= 1\nprint(n)\n");
    let program = singletrack::python::run::program(&text).expect("it is Python");
    let ran = singletrack::python::run::run_single(&program, u64::MAX);
    assert_eq!(ran.output, "0\n");
}
