//! What the Autobahn test suite drives: a WebSocket server that sends everything back, and a client
//! that does.
//!
//! Level: 3 of 3. Minutes: 5. Read: src/interop/futures_io.rs
//!
//! Question: does tungstenite keep RFC 6455 on our streams, at every size and cut of a frame?
//! Prediction: as it does elsewhere: a stream has no say in it, unless it loses or doubles a byte.
//!
//! `tests/peers/run.py` runs both sides:
//!
//!     cargo run --release --bin autobahn -- --port 9001              # wstest -m fuzzingclient
//!     cargo run --release --bin autobahn -- --port 9001 --client     # wstest -m fuzzingserver
//!
//! CI: --check

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::{Error, Message};
use futures_util::StreamExt;
use singletrack::aio::{TcpStream, create_task};
use singletrack_real::{AnyError, arguments, listen, page, run, serve, threads};
use std::net::SocketAddr;

/// Sends each message back, until the peer closes or breaks the protocol.
async fn echo(mut socket: WebSocketStream<TcpStream>) -> Result<(), AnyError> {
    while let Some(message) = socket.next().await {
        match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message).await?,
            Ok(_) => {}
            Err(Error::ConnectionClosed | Error::Protocol(_) | Error::Utf8(_) | Error::Io(_)) => {
                return Ok(()); // tungstenite has answered as the protocol wants
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn connection(mut stream: TcpStream) -> Result<(), AnyError> {
    match page::head(&mut stream).await?.websocket_key {
        Some(key) => echo(page::upgrade(stream, &key).await?).await,
        None => page::answer(&mut stream, "426 Upgrade Required", "a WebSocket, please").await,
    }
}

async fn connect(address: SocketAddr, path: &str) -> Result<WebSocketStream<TcpStream>, AnyError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(async_tungstenite::client_async(format!("ws://{address}{path}"), stream).await?.0)
}

/// Lets the suite's server put this client through each of its cases.
async fn client(address: SocketAddr) -> Result<(), AnyError> {
    let mut asked = connect(address, "/getCaseCount").await?;
    let count = asked.next().await.ok_or("no count of cases")??.into_text()?;
    for case in 1..=count.parse::<u32>()? {
        echo(connect(address, &format!("/runCase?case={case}&agent=singletrack")).await?).await?;
    }
    let mut reported = connect(address, "/updateReports?agent=singletrack").await?;
    while reported.next().await.is_some() {}
    println!("{} cases; {} thread", count.as_str(), threads());
    Ok(())
}

fn main() -> Result<(), AnyError> {
    let given = arguments(9001, "--client");
    run(async move {
        if given.extra {
            return client(([127, 0, 0, 1], given.port).into()).await;
        }
        let (listener, address) = listen("ws", given.port)?;
        let serving = create_task(serve(listener, connection));
        if given.check { check(address).await } else { Ok(serving.await?) }
    })
}

async fn check(address: SocketAddr) -> Result<(), AnyError> {
    let mut socket = connect(address, "/").await?;
    for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let message = Message::binary(vec![7; size]);
        socket.send(message.clone()).await?;
        assert_eq!(socket.next().await.ok_or("the server has hung up")??, message);
    }
    socket.close(None).await?;
    println!("messages of all lengths came back; {} thread", threads());
    Ok(())
}
