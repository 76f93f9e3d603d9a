//! A key-value server that speaks the Redis protocol, on one thread of our loop.
//!
//! Level: 2 of 3. Minutes: 5. Read: examples/real/src/resp.rs
//!
//! Question: how far from Redis is a server of two pages? Prediction: not far, since both wait in
//! one epoll, and both answer all requests of one read with one write.
//!
//!     cargo run --release --bin resp_kv
//!     redis-benchmark -p 6380 -t set,get -n 100000 -c 50 -P 16
//!     redis-cli -p 6380 set answer 42
//!
//! CI: --check

use singletrack::aio::{TcpStream, create_task};
use singletrack_real::{AnyError, arguments, listen, resp, run, serve, threads};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

/// All that is stored. One thread, so no lock.
type Store = Rc<RefCell<HashMap<Vec<u8>, Vec<u8>>>>;

/// Whether the connection goes on.
#[derive(PartialEq)]
enum Next {
    Go,
    Close,
}

/// Carries out one request and appends its answer.
fn execute(store: &Store, parts: &[&[u8]], out: &mut Vec<u8>) -> Next {
    let Some((command, arguments)) = parts.split_first() else { return Next::Go };
    let mut store = store.borrow_mut();
    match (command.to_ascii_uppercase().as_slice(), arguments) {
        (b"GET", [key]) => resp::bulk(out, store.get(*key).map(Vec::as_slice)),
        (b"SET", [key, value]) => {
            store.insert(key.to_vec(), value.to_vec());
            resp::ok(out);
        }
        (b"DEL", keys) if !keys.is_empty() => {
            let gone = keys.iter().filter(|key| store.remove(**key).is_some()).count();
            resp::integer(out, gone as i64);
        }
        (b"EXISTS", keys) if !keys.is_empty() => {
            let there = keys.iter().filter(|key| store.contains_key(**key)).count();
            resp::integer(out, there as i64);
        }
        (b"INCR", [key]) => increment(&mut store, key, out),
        (b"DBSIZE", []) => resp::integer(out, store.len() as i64),
        (b"FLUSHDB" | b"FLUSHALL", _) => {
            store.clear();
            resp::ok(out);
        }
        (b"PING", []) => resp::status(out, "PONG"),
        (b"PING" | b"ECHO", [text]) => resp::bulk(out, Some(text)),
        // What redis-benchmark and redis-cli ask before they begin.
        (b"CONFIG", [_, name]) => {
            resp::array(out, 2);
            resp::bulk(out, Some(name));
            resp::bulk(out, Some(b""));
        }
        (b"COMMAND", _) => resp::array(out, 0),
        (b"CLIENT" | b"SELECT", _) => resp::ok(out),
        (b"QUIT", _) => {
            resp::ok(out);
            return Next::Close;
        }
        (b"GET" | b"SET" | b"DEL" | b"EXISTS" | b"INCR" | b"DBSIZE" | b"PING" | b"ECHO", _) => {
            resp::error(out, "wrong number of arguments");
        }
        (name, _) => {
            let name: String = String::from_utf8_lossy(name).chars().take(32).collect();
            resp::error(out, &format!("unknown command '{}'", name.escape_default()));
        }
    }
    Next::Go
}

fn increment(store: &mut HashMap<Vec<u8>, Vec<u8>>, key: &[u8], out: &mut Vec<u8>) {
    let old = store.get(key).map_or(Some(0), |value| {
        std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok())
    });
    match old.and_then(|old| old.checked_add(1)) {
        Some(new) => {
            store.insert(key.to_vec(), new.to_string().into_bytes());
            resp::integer(out, new);
        }
        None => resp::error(out, "value is not an integer or out of range"),
    }
}

/// Answers all requests that are there with one write, then reads again.
async fn connection(stream: TcpStream, store: Store) -> Result<(), AnyError> {
    let (mut input, mut filled) = (vec![0; 16 * 1024], 0);
    let mut out = Vec::new();
    loop {
        if filled == input.len() {
            input.resize(filled * 2, 0);
        }
        let count = stream.read(&mut input[filled..]).await?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        let (mut parts, mut taken, mut next) = (Vec::new(), 0, Next::Go);
        while next == Next::Go {
            match resp::parse(&input[taken..filled], &mut parts) {
                Ok(None) => break,
                Ok(Some(length)) => {
                    next = execute(&store, &parts, &mut out);
                    taken += length;
                }
                Err(error) => {
                    resp::error(&mut out, &format!("Protocol error: {}", error.0));
                    next = Next::Close;
                }
            }
        }
        stream.write_all(&out).await?;
        out.clear();
        if next == Next::Close {
            return Ok(());
        }
        input.copy_within(taken..filled, 0);
        filled -= taken;
    }
}

fn main() -> Result<(), AnyError> {
    let given = arguments(6380, "");
    run(async move {
        let (listener, address) = listen(given.port)?;
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
