//! An echo server for as many clients as come, on one thread.
//!
//! Level: 2 of 3. Minutes: 5. Read: src/aio/streams/outgoing.rs
//!
//! Question: what must a server do for a client that sends and never reads? Prediction: its
//! `drain` stops that client's task, and nobody else's.
//!
//!     cargo run --example echo_server          # then, elsewhere: nc 127.0.0.1 8888
//!     cargo run --example echo_server -- --port 0 --once
//!
//! CI: --port 0 --once
//!
//! `--once` brings a greedy client and a polite one of its own, checks that the greedy one
//! costs no more memory than two watermarks, and ends.

mod common;

use common::measured;
use common::options::Options;
use singletrack::aio::StreamWriter;
use singletrack::aio::TcpListener;
use singletrack::aio::sleep;
use singletrack::aio::start_server;
use singletrack::aio::{StreamReader, open_connection};
use singletrack::{EventLoop, create_task};
use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

/// Answers with what it hears, and notes how much it has ever had to keep for one client.
async fn echo(
    mut reader: StreamReader<TcpStream>,
    writer: StreamWriter<TcpStream>,
    most_queued: Rc<Cell<usize>>,
) -> io::Result<()> {
    loop {
        let bytes = reader.read(16 * 1024).await?;
        if bytes.is_empty() {
            return Ok(());
        }
        writer.write(&bytes)?;
        most_queued.set(most_queued.get().max(writer.queued()));
        writer.drain().await?;
    }
}

/// Sends 64 MiB, more than all buffers on the way hold, and reads nothing for as long as it lives.
async fn greedy(address: SocketAddr) -> io::Result<()> {
    let (_reader, writer) = open_connection(address).await?;
    for _ in 0..4096 {
        writer.write(&[b'!'; 16 * 1024])?;
        writer.drain().await?;
    }
    Ok(())
}

/// Sends lines and compares the answers.
async fn polite(address: SocketAddr) -> io::Result<()> {
    let (mut reader, writer) = open_connection(address).await?;
    for i in 0..100 {
        let line = format!("line {i}\n");
        writer.write(line.as_bytes())?;
        assert_eq!(reader.readline().await?, line.as_bytes());
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let options = Options::read(&["--once", "--port N"]);
    let (port, once) = (options.value("--port", 0..=u16::MAX, 8888), options.has("--once"));
    EventLoop::new()?.run_until_complete(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
        let address = listener.local_addr()?;
        let most_queued = Rc::new(Cell::new(0));
        let queued = Rc::clone(&most_queued);
        let server = start_server(listener, async move |reader, writer| {
            if let Err(e) = echo(reader, writer, Rc::clone(&queued)).await {
                eprintln!("a client left: {e}");
            }
        });
        println!("echo on {address}; try: nc {} {}", address.ip(), address.port());
        if !once {
            server.serve_forever().await;
        }

        let greedy = create_task(greedy(address));
        while most_queued.get() <= 64 * 1024 {
            sleep(Duration::from_millis(1)).await; // until the greedy client's task must wait
        }
        polite(address).await?;
        assert!(!greedy.done(), "nobody reads what it sends back, so it cannot send it all");
        assert!(most_queued.get() <= 64 * 1024 + 16 * 1024, "the mark and one read");
        while server.connections() > 1 {
            sleep(Duration::from_millis(1)).await; // until the polite one has gone
        }
        server.close();
        server.abort_clients();
        server.wait_closed().await;
        measured(format_args!(
            "A client that sends 64 MiB and never reads has cost {} bytes of queue at most, and the \
             polite one got 100 answers meanwhile.",
            most_queued.get()
        ));
        Ok(())
    })
}
