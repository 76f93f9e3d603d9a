//! A key-value server that speaks the Redis protocol: what each command does, and one connection.

use crate::{AnyError, resp};
use singletrack::aio::{TcpStream, yield_now};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// All that is stored. One thread, so no lock.
pub type Store = Rc<RefCell<HashMap<Vec<u8>, Vec<u8>>>>;

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
    let mut upper = [0; 16]; // on the stack: this runs for every request
    let length = command.len().min(upper.len());
    upper[..length].copy_from_slice(&command[..length]);
    upper.make_ascii_uppercase();
    match (&upper[..length], arguments) {
        (b"GET", [key]) => resp::bulk(out, store.get(*key).map(Vec::as_slice)),
        (b"SET", [key, value]) => {
            set(&mut store, key, value);
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
        (b"INCR", [key]) => increment(&mut store, key, Some(1), out),
        (b"INCRBY", [key, by]) => increment(&mut store, key, number(by), out),
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
        (
            b"GET" | b"SET" | b"DEL" | b"EXISTS" | b"INCR" | b"INCRBY" | b"DBSIZE" | b"PING"
            | b"ECHO",
            _,
        ) => {
            resp::error(out, "wrong number of arguments");
        }
        _ => {
            let name: String = String::from_utf8_lossy(command).chars().take(32).collect();
            resp::error(out, &format!("unknown command '{}'", name.escape_default()));
        }
    }
    Next::Go
}

/// Stores a value; into the memory of the one before, if there was one.
fn set(store: &mut HashMap<Vec<u8>, Vec<u8>>, key: &[u8], value: &[u8]) {
    match store.get_mut(key) {
        Some(old) => {
            old.clear();
            old.extend_from_slice(value);
        }
        None => drop(store.insert(key.to_vec(), value.to_vec())),
    }
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn increment(
    store: &mut HashMap<Vec<u8>, Vec<u8>>,
    key: &[u8],
    by: Option<i64>,
    out: &mut Vec<u8>,
) {
    let old = store.get(key).map_or(Some(0), |value| number(value));
    match old.zip(by).and_then(|(old, by)| old.checked_add(by)) {
        Some(new) => {
            set(store, key, new.to_string().as_bytes());
            resp::integer(out, new);
        }
        None => resp::error(out, "value is not an integer or out of range"),
    }
}

/// Answers all requests that are there with one write, then reads again.
pub async fn connection(stream: TcpStream, store: Store) -> Result<(), AnyError> {
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
        // Redis writes before it sleeps, not as it reads. So do we: whoever else has a request now
        // is read first. The answers then leave together, and the peers wake once for many.
        yield_now().await;
        stream.write_all(&out).await?;
        out.clear();
        if next == Next::Close {
            return Ok(());
        }
        input.copy_within(taken..filled, 0);
        filled -= taken;
    }
}
