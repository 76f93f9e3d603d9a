//! tokio's side of `benches/growth`: one size of one workload, measured as there.

#[path = "../../growth/sample.rs"]
#[allow(dead_code)]
mod sample;
#[path = "../../growth/shuffle.rs"]
mod shuffle;

use sample::{Meter, Sample};
use shuffle::shuffle;
use std::future::Future;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SOON: u64 = 40;
const MESSAGES: u64 = 2;

/// Measures a point, and prints each repetition.
pub fn measure(name: &str, size: u64) {
    let run = match name {
        "tasks" => tasks,
        "timers-fire" => timers_that_fire,
        "timers-taken-back" => timers_taken_back,
        "connections" => connections,
        _ => panic!("tokio has no side in {name}"),
    };
    let (mut spent, mut times) = (0.0, 0);
    while times < 2 && spent < 5.0 || spent < 0.25 && times < 20 {
        let sample = run(size);
        println!("sample {} {} {}", sample.units, sample.seconds, sample.bytes);
        (spent, times) = (spent + sample.seconds, times + 1);
    }
}

fn run<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime").block_on(future)
}

fn tasks(count: u64) -> Sample {
    run(async {
        let mut meter = Meter::start();
        let mut tasks = Vec::with_capacity(count as usize);
        for i in 0..count {
            tasks.push(tokio::spawn(async move { i }));
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

fn timers_that_fire(count: u64) -> Sample {
    run(async {
        let mut cx = Context::from_waker(Waker::noop());
        let mut meter = Meter::start();
        let mut naps = armed(count, |i| Duration::from_micros(i % (SOON * 1000)));
        meter.full();
        // Its timers are rounded up to the next millisecond.
        std::thread::sleep(Duration::from_millis(SOON + 2));
        tokio::task::yield_now().await;
        assert!(naps.iter_mut().all(|nap| nap.as_mut().poll(&mut cx) == Poll::Ready(())));
        meter.stop(count)
    })
}

fn timers_taken_back(count: u64) -> Sample {
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
    let mut numbers: Vec<u64> = (0..count).collect();
    shuffle(&mut numbers);
    let arm = |number: u64| {
        // Outside its budget, which so many polls in one step would use up.
        let nap = tokio::task::unconstrained(tokio::time::sleep(delay(number)));
        let mut nap = Box::pin(nap);
        assert_eq!(nap.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
        nap
    };
    numbers.into_iter().map(arm).collect()
}

fn connections(count: u64) -> Sample {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let program = std::env::var_os("GROWTH_CLIENTS").expect("the program of the clients");
        let words = ["--clients".to_owned(), port.to_string(), count.to_string()];
        let mut clients = Command::new(program).args(words).spawn().expect("a process");
        let mut meter = Meter::start();
        let mut tasks = Vec::new();
        for _ in 0..count {
            let (stream, _) = listener.accept().await.expect("a connection");
            tasks.push(tokio::spawn(echo(stream)));
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

async fn echo(mut stream: TcpStream) -> u64 {
    let (mut echoed, mut buffer) = (0, [0; 64]);
    loop {
        match stream.read(&mut buffer).await.expect("the client is there") {
            0 => return echoed,
            length => stream.write_all(&buffer[..length]).await.expect("the client is there"),
        }
        echoed += 1;
    }
}
