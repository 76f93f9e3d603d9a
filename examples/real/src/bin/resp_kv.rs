//! A key-value server that speaks the Redis protocol, on one thread of our loop.
//!
//! Level: 2 of 3. Minutes: 5. Read: examples/real/src/resp.rs
//!
//! Question: how far from Redis is a server of two pages? Prediction: not far, since both wait in
//! one epoll, and both answer all requests of one read with one write.
//!
//! A server that is done sooner sleeps sooner, and its clients pay for waking it: look at the rate
//! and at the time on a core. With `--never-sleep` a task that only yields keeps the loop awake.
//!
//!     cargo run --release --bin resp_kv
//!     redis-benchmark -p 6380 -t set,get -n 100000 -c 50 -P 16
//!     redis-cli -p 6380 set answer 42
//!
//! CI: --check

use singletrack::aio::{TcpStream, create_task, yield_now};
use singletrack_real::kv::{Store, connection};
use singletrack_real::{AnyError, arguments, listen, resp, run, serve, threads};
use std::net::SocketAddr;
use std::rc::Rc;

fn main() -> Result<(), AnyError> {
    let given = arguments(6380, "--never-sleep");
    run(async move {
        let (listener, address) = listen("redis", given.port)?;
        if given.extra {
            drop(create_task(async {
                loop {
                    yield_now().await;
                }
            }));
        }
        let store = Store::default();
        let serving = create_task(serve(listener, move |s| connection(s, Rc::clone(&store))));
        if given.check { check(address).await } else { Ok(serving.await?) }
    })
}

/// Sends requests and reads as many bytes as the expected answers have.
async fn ask(stream: &TcpStream, requests: &[u8], answers: &[u8]) -> Result<(), AnyError> {
    stream.write_all(requests).await?;
    let mut got = vec![0; answers.len()];
    stream.read_exact(&mut got).await?;
    assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(answers));
    Ok(())
}

async fn check(address: SocketAddr) -> Result<(), AnyError> {
    let stream = TcpStream::connect(address).await?;
    ask(&stream, b"PING\r\n", b"+PONG\r\n").await?;
    ask(&stream, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nv\n\r\n", b"+OK\r\n").await?;
    ask(&stream, b"GET k\r\nGET none\r\n", b"$2\r\nv\n\r\n$-1\r\n").await?;
    ask(&stream, b"INCR n\r\nINCR n\r\nINCR k\r\n", b":1\r\n:2\r\n-ERR value is not").await?;
    drop(stream);
    let mut flood = Vec::new();
    let mut answers = Vec::new();
    for n in 0..10_000 {
        flood.extend_from_slice(format!("SET key{n} {n}\r\nGET key{n}\r\n").as_bytes());
        answers.extend_from_slice(b"+OK\r\n");
        resp::bulk(&mut answers, Some(n.to_string().as_bytes()));
    }
    let stream = TcpStream::connect(address).await?;
    ask(&stream, &flood, &answers).await?;
    ask(&stream, b"DBSIZE\r\n", b":10002\r\n").await?;
    let garbage = TcpStream::connect(address).await?;
    garbage.write_all(b"*1\r\n$-5\r\n").await?;
    let mut end = Vec::new();
    let mut piece = [0; 64];
    while let count @ 1.. = garbage.read(&mut piece).await? {
        end.extend_from_slice(&piece[..count]);
    }
    assert_eq!(end, b"-ERR Protocol error: invalid length\r\n");
    println!(
        "20,000 requests in one flood answered in order, garbage refused; {} thread",
        threads()
    );
    Ok(())
}
