//! tokio-console shows the tasks of our loop.
//!
//! Level: 3 of 3. Minutes: 10. Read: src/event_loop/recording.rs
//!
//! Question: a loop that tokio has never heard of; does tokio's debugger see its tasks? Prediction: it
//! does. It looks for spans and events of certain names, and the feature `tracing` makes them: names,
//! places, busy, scheduled and idle time. Three tasks have a fault each, and it marks two of them; the
//! third, which holds the loop, has the longest polls.
//!
//!     cargo run --release
//!     cargo install tokio-console && tokio-console http://127.0.0.1:6669
//!
//! The faults are told on standard error as well. The loop is one thread; the console's server is
//! another, with a tokio runtime of its own.
//!
//! CI: --check

use singletrack::aio::{UnixStream, create_named_task, sleep, to_thread};
use singletrack::{EventLoop, yield_now};
use std::future::{Future, poll_fn};
use std::net::{Ipv4Addr, TcpListener};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

mod check;

/// What a console asks if it is not told where to.
const PORT: u16 = 6669;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let checks = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("`{}`: give nothing, or --check", words.join(" "));
            std::process::exit(2);
        }
    };
    // A port that was free a moment ago.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let port = if checks { free } else { PORT };
    let console = console_subscriber::ConsoleLayer::builder()
        .server_addr((Ipv4Addr::LOCALHOST, port))
        .spawn();
    let faults = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(
        Targets::new().with_target("singletrack::event_loop::lints", LevelFilter::WARN),
    );
    tracing_subscriber::registry().with(console).with(faults).init();
    println!("the console's server is at http://127.0.0.1:{port}/");

    let event_loop = EventLoop::new()?;
    let seen = event_loop.run_until_complete(async {
        start();
        match checks {
            false => loop {
                sleep(Duration::from_secs(3600)).await;
            },
            true => to_thread(move || check::ask(port)).await.map_err(|e| e.to_string())?,
        }
    });
    seen.map_err(Into::into)
}

/// Tasks that wait in different ways, and three with a fault.
fn start() {
    every("ticks", Duration::from_millis(100), || sleep(Duration::from_millis(5)));
    every("computes a little", Duration::from_millis(50), || async { busy(5) });
    every("waits for a thread", Duration::from_millis(300), || async {
        to_thread(|| thread::sleep(Duration::from_millis(100))).await.expect("the job returns");
    });
    let (ping, pong) = UnixStream::pair().expect("descriptors for two sockets");
    drop(create_named_task("echo", async move {
        let mut byte = [0];
        while pong.read(&mut byte).await.is_ok_and(|n| n > 0) && pong.write_all(&byte).await.is_ok()
        {
        }
    }));
    drop(create_named_task("asks the echo", async move {
        while ping.write_all(b"!").await.is_ok() && ping.read(&mut [0]).await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    }));
    every("greedy", Duration::from_secs(3), || async { busy(200) });
    every("impatient", Duration::from_millis(500), || async {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(2) {
            yield_now().await;
        }
    });
    drop(create_named_task("forgetful", poll_fn(|_| Poll::<()>::Pending)));
}

#[track_caller]
fn every<F: Future<Output = ()> + 'static>(
    name: &str,
    pause: Duration,
    mut act: impl FnMut() -> F + 'static,
) {
    drop(create_named_task(name, async move {
        loop {
            act().await;
            sleep(pause).await;
        }
    }));
}

/// Computes for so many milliseconds.
fn busy(ms: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(ms) {
        std::hint::spin_loop();
    }
}
