//! Many connections, of which most are silent: an event loop beside a thread for each.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/event_loop/reactor.rs
//!
//! Question: why does everybody say "many slow connections, so an event loop"? Prediction: not for
//! the time: a thread that sleeps costs none, and answers as soon as the loop does. For the memory:
//! a thread holds its stacks, the program's and the kernel's, for as long as its client stays.
//!
//!     cargo run --release --example echo_c10k
//!     cargo run --release --example echo_c10k -- --most 5000
//!     nc 127.0.0.1 PORT       # with `--serve loop` or `--serve threads`, which print the port
//!
//! CI: --most 100
//!
//! Each server is a process of its own, so its memory is its own. Every connection asks once; then
//! ten of them ask thirty times each, while all others stay silent. The kernel's part of the memory
//! (a socket, a thread's kernel stack) is on nobody's account here.

mod common;

use common::measured;
use common::options::Options;
use common::server::Server;
use singletrack::EventLoop;
use singletrack::aio::{TcpListener, start_server};
use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{self, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Each connection costs the client and the server a descriptor, and some are needed for others.
const SPARE: usize = 20;

fn serve_by_loop(listener: net::TcpListener) -> io::Result<()> {
    EventLoop::new()?.run_until_complete(async {
        let server = start_server(TcpListener::from_std(listener)?, async |mut reader, writer| {
            while let Ok(line) = reader.readline().await
                && !line.is_empty()
                && writer.write(&line).is_ok()
                && writer.drain().await.is_ok()
            {}
        });
        server.serve_forever().await;
        Ok(())
    })
}

fn serve_by_threads(listener: &net::TcpListener) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept()?;
        thread::Builder::new().spawn(move || {
            let mut bytes = [0; 64];
            while let Ok(count @ 1..) = stream.read(&mut bytes)
                && stream.write_all(&bytes[..count]).is_ok()
            {}
        })?;
    }
}

fn serve(way: &str) -> io::Result<()> {
    let listener = net::TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?);
    if way == "loop" { serve_by_loop(listener) } else { serve_by_threads(&listener) }
}

fn ask(stream: &mut TcpStream) -> io::Result<Duration> {
    let (begin, mut answer) = (Instant::now(), [0; 5]);
    stream.write_all(b"ping\n")?;
    stream.read_exact(&mut answer)?;
    assert_eq!(answer, *b"ping\n");
    Ok(begin.elapsed())
}

/// Memory for each connection in bytes, threads, and how long 99 of 100 answers took at most.
fn measure(way: &str, connections: usize) -> Result<(u64, u64, Duration), Box<dyn Error>> {
    let server = Server::start(way)?;
    let before = server.number("smaps_rollup", "Pss:")?;
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = TcpStream::connect(server.1)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        ask(&mut stream)?;
        streams.push(stream);
    }
    let active = streams.iter_mut().step_by(connections.div_ceil(10));
    let mut times = Vec::new();
    for stream in active {
        for _ in 0..30 {
            times.push(ask(stream)?);
        }
    }
    times.sort();
    let grown = server.number("smaps_rollup", "Pss:")?.saturating_sub(before) * 1024;
    let threads = server.number("status", "Threads:")?;
    Ok((grown / connections as u64, threads, times[times.len() * 99 / 100]))
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(&["--most N", "--serve WAY"]);
    if let Some(way) = options.text("--serve") {
        return Ok(serve(way)?);
    }
    let most = options.value("--most", 100..=100_000, 1000);
    let room = fs::read_to_string("/proc/self/limits")?;
    let room = room.lines().find(|line| line.starts_with("Max open files")).ok_or("no limit")?;
    let room = room.split_whitespace().nth(3).and_then(|soft| soft.parse::<usize>().ok());
    println!("{:>12}{:>10}{:>12}{:>16}{:>12}", "connections", "way", "threads", "each", "p99");
    let mut last = (0, [0; 2]);
    for connections in [10, 100, 1000, 5000, most] {
        if connections > most || connections <= last.0 {
            continue;
        }
        if room.is_some_and(|room| connections + SPARE > room) {
            println!("{connections:>12}  left out: needs more than `ulimit -n` allows");
            continue;
        }
        last.0 = connections;
        for (at, way) in ["loop", "threads"].into_iter().enumerate() {
            let (each, threads, p99) = measure(way, connections)?;
            println!("{connections:>12}{way:>10}{threads:>12}{each:>14} B{p99:>12.0?}");
            assert_eq!(threads, if way == "loop" { 1 } else { connections as u64 + 1 });
            last.1[at] = each;
        }
    }
    let (connections, [by_loop, by_threads]) = last;
    assert!(by_loop < by_threads, "a connection costs the loop less: {by_loop}, {by_threads}");
    measured(format_args!(
        "Of {connections} connections each cost the loop {by_loop} bytes and the server of threads \
         {by_threads} bytes, with 1 and {} threads.",
        connections + 1
    ));
    Ok(())
}
