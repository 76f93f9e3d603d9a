//! What one loop has in numbers: tasks, timers, connections.

use crate::sample::{Meter, Sample};
use crate::shuffle::shuffle;
use singletrack::aio::{TcpListener, TcpStream, sleep};
use singletrack::{EventLoop, create_task, yield_now};
use std::future::Future;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Timers that fire are due within so many milliseconds.
const SOON: u64 = 40;
/// How often each connection echoes a message.
pub const MESSAGES: u64 = 2;

fn run<F: Future>(future: F) -> F::Output {
    EventLoop::new().expect("a loop").run_until_complete(future)
}

/// Spawned, run and joined; all are there at once.
pub fn tasks(count: u64) -> Sample {
    run(async {
        let mut meter = Meter::start();
        let mut tasks = Vec::with_capacity(count as usize);
        for i in 0..count {
            tasks.push(create_task(async move { i }));
        }
        meter.full();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it is not cancelled");
        }
        assert_eq!(sum, count * (count - 1) / 2);
        meter.stop(count)
    })
}

/// Armed in no order; all become due, and fire.
pub fn timers_that_fire(count: u64) -> Sample {
    run(async {
        let mut cx = Context::from_waker(Waker::noop());
        let mut meter = Meter::start();
        let mut naps = armed(count, |i| Duration::from_micros(i % (SOON * 1000)));
        meter.full();
        std::thread::sleep(Duration::from_millis(SOON));
        yield_now().await;
        assert!(naps.iter_mut().all(|nap| nap.as_mut().poll(&mut cx) == Poll::Ready(())));
        meter.stop(count)
    })
}

/// Armed in no order, and taken back in no order, as most limits of time are.
pub fn timers_taken_back(count: u64) -> Sample {
    run(async {
        let mut meter = Meter::start();
        let mut naps = armed(count, |i| Duration::from_secs(60) + Duration::from_micros(i));
        meter.full();
        shuffle(&mut naps);
        drop(naps);
        meter.stop(count)
    })
}

fn armed(count: u64, delay: fn(u64) -> Duration) -> Vec<Pin<Box<impl Future<Output = ()>>>> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut numbers: Vec<u64> = (0..count).collect();
    shuffle(&mut numbers);
    let arm = |number: u64| {
        let mut nap = Box::pin(sleep(delay(number)));
        assert_eq!(nap.as_mut().poll(&mut cx), Poll::Pending);
        nap
    };
    numbers.into_iter().map(arm).collect()
}

/// Accepted, a task for each, that echoes a few messages; all are there at once.
pub fn connections(count: u64) -> Sample {
    run(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let mut clients = clients(port, count);
        let mut meter = Meter::start();
        let mut tasks = Vec::new();
        for _ in 0..count {
            let (stream, _) = listener.accept().await.expect("a connection");
            tasks.push(create_task(echo(stream)));
        }
        meter.full();
        for task in tasks {
            assert_eq!(task.await.expect("it is not cancelled"), MESSAGES);
        }
        let sample = meter.stop(count);
        assert!(clients.wait().expect("it ends").success());
        sample
    })
}

async fn echo(stream: TcpStream) -> u64 {
    let (mut echoed, mut buffer) = (0, [0; 64]);
    loop {
        match stream.read(&mut buffer).await.expect("the client is there") {
            0 => return echoed,
            length => stream.write_all(&buffer[..length]).await.expect("the client is there"),
        }
        echoed += 1;
    }
}

/// A process with the other ends of the connections, so that each has descriptors of its own.
fn clients(port: u16, count: u64) -> Child {
    let program = std::env::current_exe().expect("this program's own file");
    let words = ["--clients".to_owned(), port.to_string(), count.to_string()];
    Command::new(program).args(words).stdin(Stdio::null()).spawn().expect("a process")
}

/// What that process does.
pub fn be_clients(port: u16, count: u64) {
    use std::io::{Read, Write};
    let began = Instant::now();
    let connect =
        |_| std::net::TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    let mut streams: Vec<_> = (0..count).map(connect).collect();
    let mut byte = [0];
    for _ in 0..MESSAGES {
        streams.iter_mut().for_each(|stream| stream.write_all(b"x").expect("it is open"));
        streams.iter_mut().for_each(|stream| stream.read_exact(&mut byte).expect("it is open"));
    }
    assert!(began.elapsed() < Duration::from_secs(300));
}
