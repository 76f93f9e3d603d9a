//! `serve echo`, `serve http`: one thread, any number of connections, until SIGTERM.

use singletrack::aio::{TcpListener, TcpStream};
use singletrack::{EventLoop, create_task};
use std::io;
use std::os::fd::AsRawFd;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
/// What a connection reads at a time.
const BUFFER: usize = 1024;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\
    date: Mon, 23 Nov 2026 00:00:00 GMT\r\n\r\nHello, World!";

pub fn serve(protocol: &str) {
    let http = match protocol {
        "echo" => false,
        "http" => true,
        other => panic!("serve {other}: want `serve echo` or `serve http`"),
    };
    let event_loop = EventLoop::new().expect("a loop");
    event_loop.run_until_complete(listen(http)).expect("a listener");
}

async fn listen(http: bool) -> io::Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    // SAFETY: `listen` on a socket that listens already only changes its backlog.
    unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) };
    println!("LISTENING {}", listener.local_addr()?.port());
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A connection that fails ends; there is nobody to tell.
        drop(match http {
            false => create_task(echo(stream)),
            true => create_task(answer(stream)),
        });
    }
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    loop {
        let bytes = stream.read_up_to(BUFFER).await?;
        if bytes.is_empty() {
            return Ok(());
        }
        stream.write_all(&bytes).await?;
    }
}

/// A canned answer for each blank line, as the raw peers give it.
async fn answer(stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        for _ in buffer[..n].windows(4).filter(|window| window == b"\r\n\r\n") {
            stream.write_all(ANSWER).await?;
        }
    }
}
