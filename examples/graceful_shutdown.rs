//! SIGTERM: take no more work, finish what was begun, and go.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/aio/signals.rs
//!
//! Question: when may a server that is told to stop exit? Prediction: when its listener is
//! closed and its last request is answered, not when the signal comes.
//!
//!     cargo run --example graceful_shutdown   # then, elsewhere: nc 127.0.0.1 PORT, kill -TERM PID
//!     cargo run --example graceful_shutdown -- --once
//!
//! CI: --once
//!
//! A client that is connected and says nothing would hold up the end for as long as it likes; so
//! a request must come within two seconds.
//!
//! `--once` sends the signal from a process of its own while three requests are under way,
//! and checks that all three are answered and a fourth is refused.

mod common;

use common::measured;
use common::options::Options;
use singletrack::aio::StreamWriter;
use singletrack::aio::TcpListener;
use singletrack::aio::sleep;
use singletrack::aio::spawn;
use singletrack::aio::wait_for;
use singletrack::aio::{Server, start_server};
use singletrack::aio::{Signal, signal};
use singletrack::aio::{StreamReader, open_connection};
use singletrack::{EventLoop, create_task};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

/// Answers one line, slowly.
async fn slow(mut reader: StreamReader<TcpStream>, writer: StreamWriter<TcpStream>) {
    let line = wait_for(reader.readline(), Some(Duration::from_secs(2)));
    if let Ok(Ok(line)) = line.await {
        sleep(Duration::from_millis(100)).await;
        // Should the client have gone, there is nobody to tell.
        let _ = writer.write(&[b"done: ", &line[..]].concat());
    }
}

async fn request(address: SocketAddr) -> io::Result<Vec<u8>> {
    let (mut reader, writer) = open_connection(address).await?;
    writer.write(b"work\n")?;
    reader.read_to_end().await
}

/// Waits for the signal, then stops in an orderly way.
async fn until_told_to_stop(mut terminate: Signal, server: &Server<TcpListener>) -> io::Result<()> {
    terminate.recv().await?;
    server.close();
    println!("told to stop; clients still here: {}", server.connections());
    server.wait_closed().await;
    println!("all answered, {} in all", server.stats().accepted);
    Ok(())
}

fn main() -> io::Result<()> {
    let once = Options::read(&["--once"]).has("--once");
    EventLoop::new()?.run_until_complete(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = listener.local_addr()?;
        let server = start_server(listener, slow);
        let terminate = signal(libc::SIGTERM)?; // before anybody is told where to send it
        let pid = std::process::id();
        println!("serving {address}; stop with: kill -TERM {pid}");
        if !once {
            return until_told_to_stop(terminate, &server).await;
        }

        let requests = [(); 3].map(|()| create_task(request(address)));
        let teller = create_task(async move {
            sleep(Duration::from_millis(30)).await; // the requests are under way
            spawn(Command::new("sh").arg("-c").arg(format!("kill -TERM {pid}")))?.wait().await
        });
        until_told_to_stop(terminate, &server).await?;
        assert!(teller.await.expect("no panic")?.success());
        for request in requests {
            assert_eq!(request.await.expect("no panic")?, b"done: work\n");
        }
        let refused = request(address).await.expect_err("nobody listens any more");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        measured(format_args!(
            "SIGTERM came while {} requests were under way: all were answered, and the next one was \
             refused.",
            server.stats().accepted
        ));
        Ok(())
    })
}
