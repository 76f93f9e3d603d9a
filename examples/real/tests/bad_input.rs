//! Clients that send garbage, half a request or a hundred megabytes, or vanish: each is an error for
//! its own connection. The process has its descriptors and its memory back, and serves on.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use singletrack::aio::{TcpStream, create_task, sleep, wait_for};
use singletrack_real::tls::Authority;
use singletrack_real::{AnyError, descriptors, http, kv, listen, page, run, serve, tls};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Longer than anything here takes, shorter than the servers' own limits for a slow client.
const LIMIT: Duration = Duration::from_secs(8);
const MEGABYTE: usize = 1 << 20;

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}

/// What each kind of server is sent, and how it begins a request.
struct Target {
    address: SocketAddr,
    half: &'static [u8],
}

fn targets(authority: &Authority) -> Result<[Target; 4], AnyError> {
    let (listener, http) = listen("http", 0)?;
    drop(create_task(serve(listener, |s| http::serve_connection(s, service_fn(hello)))));
    let (listener, redis) = listen("redis", 0)?;
    let store = kv::Store::default();
    drop(create_task(serve(listener, move |s| kv::connection(s, Rc::clone(&store)))));
    let (listener, https) = listen("https", 0)?;
    let acceptor = authority.acceptor(&["localhost"], 2999)?;
    drop(create_task(serve(listener, move |s| tls::connection(s, acceptor.clone()))));
    let (listener, by_hand) = listen("http", 0)?;
    drop(create_task(serve(listener, async |mut stream| {
        page::head(&mut stream).await?;
        page::answer(&mut stream, "200 OK", "hello").await
    })));
    let head = b"GET / HTTP/1.1\r\nHost: x\r\nA: ";
    Ok([
        Target { address: http, half: head },
        Target { address: redis, half: b"*2\r\n$3\r\nGET\r\n$100\r\n" },
        Target { address: https, half: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" },
        Target { address: by_hand, half: head },
    ])
}

/// Sends until the server has had enough; reads what it says; hangs up.
async fn send(address: SocketAddr, pieces: impl Iterator<Item = &[u8]>) -> Result<(), AnyError> {
    let stream = TcpStream::connect(address).await?;
    for piece in pieces {
        if stream.write_all(piece).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn attack(target: &Target) -> Result<(), AnyError> {
    let garbage: Vec<u8> =
        (0..5_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..20 {
        drop(TcpStream::connect(target.address).await?);
        send(target.address, [&garbage[..]].into_iter()).await?;
        send(target.address, [target.half].into_iter()).await?;
    }
    // A head of a hundred megabytes, and one that never ends a line.
    let piece = vec![b'a'; MEGABYTE];
    send(target.address, [target.half].into_iter().chain([&piece[..]; 100])).await?;
    send(target.address, [&piece[..]; 100].into_iter()).await
}

/// The memory of this process that is in use, in bytes.
fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Waits until no more descriptors are open than before.
async fn level(before: usize) -> Result<(), AnyError> {
    let back = async {
        while descriptors() > before {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let late = |_| format!("{} descriptors are open, not {before}", descriptors());
    wait_for(back, Some(LIMIT)).await.map_err(late)?;
    Ok(())
}

async fn still_serve(targets: &[Target; 4], authority: &Authority) -> Result<(), AnyError> {
    for http in [&targets[0], &targets[3]] {
        let (_, body) = http::ask(http.address, http::request("GET", "/", "")).await?;
        assert_eq!(body, "hello");
    }
    let stream = TcpStream::connect(targets[1].address).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut pong = [0; 7];
    stream.read_exact(&mut pong).await?;
    assert_eq!(&pong, b"+PONG\r\n");
    tls::connect(&authority.connector()?, "localhost", targets[2].address).await?;
    let wrong = tls::connect(&authority.connector()?, "example.org", targets[2].address).await;
    assert!(wrong.is_err_and(|error| error.to_string().contains("not valid for name")));
    let nobody = listen("tcp", 0)?.1; // its listener is closed
    let nobody = TcpStream::connect(nobody).await;
    assert!(nobody.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused));
    Ok(())
}

#[test]
fn bad_clients_cost_nobody_else_anything_and_leave_nothing_behind() {
    let ended = run(async {
        let authority = Authority::new("singletrack")?;
        let targets = targets(&authority)?;
        let open = descriptors();
        for target in &targets {
            attack(target).await?; // what is made once is made now
        }
        level(open).await?;
        let used = memory();
        for target in &targets {
            attack(target).await?;
            level(open).await?;
        }
        still_serve(&targets, &authority).await?;
        level(open).await?;
        let grown = memory().saturating_sub(used);
        assert!(grown < 8 * MEGABYTE, "{grown} bytes more are in use");
        Ok(())
    });
    ended.unwrap();
}
