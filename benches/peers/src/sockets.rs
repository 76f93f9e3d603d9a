//! An echo server with fifty connections, and what a connection costs that has nothing to say.

use crate::contest::{Contest, floor, ours, peer};
use crate::usage::{pin, raise_limit_of_descriptors, resident};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 50;
const MESSAGE: [u8; 64] = [b'x'; 64];
const FOR: Duration = Duration::from_millis(300);
/// Both ends of a connection are descriptors of one process, which may often have 10,000 or more.
const IDLE: usize = 4_000;
const FIRST: usize = 10;

/// Serves so many connections until each has ended.
type Server = fn(TcpListener, usize);

pub fn contests() -> Vec<Contest> {
    let echo = vec![
        ours(|| rate(singletrack_echo)),
        floor("epoll", || rate(epoll_echo)),
        peer("tokio", || rate(tokio_echo)),
    ];
    let idle = vec![ours(|| idle("singletrack")), peer("tokio", || idle("tokio"))];
    vec![
        Contest::new("echo, 50 connections", "thousand a second", echo).more_is_better(),
        Contest::new("an idle connection", "bytes", idle),
    ]
}

/// A server on a core of its own, and its address.
fn start(server: Server, connections: usize) -> (thread::JoinHandle<()>, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("a listener has one");
    let serving = thread::spawn(move || {
        pin(0);
        server(listener, connections);
    });
    (serving, address)
}

/// Fifty clients in one thread on the other core, each with one message on its way.
fn rate(server: Server) -> Option<f64> {
    let (serving, address) = start(server, CONNECTIONS);
    let clients = thread::spawn(move || {
        pin(1);
        let poll = Epoll::new();
        let streams: Vec<TcpStream> = (0..CONNECTIONS).map(|_| connect(address)).collect();
        for (at, mut stream) in streams.iter().enumerate() {
            poll.add(stream, at);
            stream.write_all(&MESSAGE).expect("a message");
        }
        let (start, mut answers) = (Instant::now(), 0_u64);
        while start.elapsed() < FOR {
            for at in poll.wait() {
                let mut stream = &streams[at];
                stream.read_exact(&mut MESSAGE.clone()).expect("an answer");
                stream.write_all(&MESSAGE).expect("a message");
                answers += 1;
            }
        }
        let rate = answers as f64 / start.elapsed().as_secs_f64() / 1e3;
        for mut stream in &streams {
            stream.read_exact(&mut MESSAGE.clone()).expect("the last answer");
        }
        rate
    });
    let rate = clients.join().expect("the clients end");
    serving.join().expect("the server ends with its clients");
    Some(rate)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Bytes that a connection adds to a process when it has been answered and then says nothing. In a
/// process of its own: what this one has freed would be used again, and seen by nobody.
fn idle(server: &str) -> Option<f64> {
    let me = std::env::current_exe().ok()?;
    let said = std::process::Command::new(me).args([IDLE_IN_CHILD, server]).output().ok()?;
    String::from_utf8(said.stdout).ok()?.trim().parse().ok()
}

/// The word that has the program do that.
pub const IDLE_IN_CHILD: &str = "--idle";

/// What the child prints.
pub fn idle_here(server: &str) -> f64 {
    let server: Server = if server == "tokio" { tokio_idle } else { singletrack_idle };
    raise_limit_of_descriptors();
    let (serving, address) = start(server, FIRST + IDLE);
    let some = |count| -> Vec<TcpStream> {
        let all: Vec<TcpStream> = (0..count).map(|_| connect(address)).collect();
        for mut stream in &all {
            stream.write_all(&MESSAGE).expect("a message");
            stream.read_exact(&mut MESSAGE.clone()).expect("an answer");
        }
        thread::sleep(Duration::from_millis(50)); // the last one goes to sleep
        all
    };
    let first = some(FIRST);
    let before = resident();
    let second = some(IDLE);
    let each = (resident() - before) as f64 / IDLE as f64;
    drop((first, second));
    serving.join().expect("the server ends with its clients");
    each
}

/// Each task has a buffer.
fn singletrack_echo(listener: TcpListener, connections: usize) {
    use singletrack::aio::TcpStream;
    async fn echo(stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = [0; 1024];
        loop {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                count => stream.write_all(&buffer[..count]).await?,
            }
        }
    }
    singletrack_serve(listener, connections, echo);
}

/// What waits holds no buffer.
fn singletrack_idle(listener: TcpListener, connections: usize) {
    use singletrack::aio::TcpStream;
    async fn echo(stream: TcpStream) -> std::io::Result<()> {
        loop {
            let bytes = stream.read_up_to(1024).await?;
            if bytes.is_empty() {
                return Ok(());
            }
            stream.write_all(&bytes).await?;
        }
    }
    singletrack_serve(listener, connections, echo);
}

fn singletrack_serve<E>(
    listener: TcpListener,
    connections: usize,
    echo: impl Fn(singletrack::aio::TcpStream) -> E,
) where
    E: Future<Output = std::io::Result<()>> + 'static,
{
    use singletrack::aio;
    let event_loop = singletrack::EventLoop::new().expect("a loop");
    event_loop.run_until_complete(async {
        let listener = aio::TcpListener::from_std(listener).expect("a listener");
        let mut tasks = Vec::with_capacity(connections);
        for _ in 0..connections {
            let (stream, _) = listener.accept().await.expect("a connection");
            tasks.push(singletrack::create_task(echo(stream)));
        }
        for task in tasks {
            task.await.expect("no task fails").expect("an echo");
        }
    });
}

/// Each task has a buffer.
fn tokio_echo(listener: TcpListener, connections: usize) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    async fn echo(mut stream: tokio::net::TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = [0; 1024];
        loop {
            match stream.read(&mut buffer).await? {
                0 => return Ok(()),
                count => stream.write_all(&buffer[..count]).await?,
            }
        }
    }
    tokio_serve(listener, connections, echo);
}

/// What waits holds no buffer.
fn tokio_idle(listener: TcpListener, connections: usize) {
    use tokio::io::AsyncWriteExt;
    async fn echo(mut stream: tokio::net::TcpStream) -> std::io::Result<()> {
        loop {
            stream.readable().await?;
            let mut bytes = vec![0; 1024];
            match stream.try_read(&mut bytes) {
                Ok(0) => return Ok(()),
                Ok(count) => stream.write_all(&bytes[..count]).await?,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
    tokio_serve(listener, connections, echo);
}

fn tokio_serve<E>(
    listener: TcpListener,
    connections: usize,
    echo: impl Fn(tokio::net::TcpStream) -> E,
) where
    E: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        listener.set_nonblocking(true).expect("non-blocking mode");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let mut tasks = Vec::with_capacity(connections);
        for _ in 0..connections {
            let (stream, _) = listener.accept().await.expect("a connection");
            tasks.push(tokio::spawn(echo(stream)));
        }
        for task in tasks {
            task.await.expect("no task fails").expect("an echo");
        }
    });
}

/// A table of streams, and one buffer.
fn epoll_echo(listener: TcpListener, connections: usize) {
    let poll = Epoll::new();
    let mut streams = Vec::new();
    for at in 0..connections {
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        poll.add(&stream, at);
        streams.push(stream);
    }
    let (mut open, mut buffer) = (connections, [0; 1024]);
    while open > 0 {
        for at in poll.wait() {
            match (&streams[at]).read(&mut buffer).unwrap_or(0) {
                0 => {
                    poll.remove(&streams[at]);
                    open -= 1;
                }
                count => (&streams[at]).write_all(&buffer[..count]).expect("an answer"),
            }
        }
    }
}

struct Epoll(libc::c_int);

impl Epoll {
    fn new() -> Epoll {
        // SAFETY: a new descriptor, closed by `drop`.
        Epoll(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
    }

    fn add(&self, stream: &TcpStream, token: usize) {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token as u64 };
        // SAFETY: both descriptors are open, the event is a local.
        unsafe { libc::epoll_ctl(self.0, libc::EPOLL_CTL_ADD, stream.as_raw_fd(), &mut event) };
    }

    fn remove(&self, stream: &TcpStream) {
        let none = std::ptr::null_mut();
        // SAFETY: both descriptors are open.
        unsafe { libc::epoll_ctl(self.0, libc::EPOLL_CTL_DEL, stream.as_raw_fd(), none) };
    }

    /// The tokens of what can be read, after a sleep if there is nothing.
    fn wait(&self) -> Vec<usize> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; CONNECTIONS];
        // SAFETY: so many events have room in the local.
        let count = unsafe {
            libc::epoll_wait(self.0, events.as_mut_ptr(), CONNECTIONS as libc::c_int, -1)
        };
        events.iter().take(count.max(0) as usize).map(|event| event.u64 as usize).collect()
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        // SAFETY: opened by `new`, and nobody else has it.
        unsafe { libc::close(self.0) };
    }
}
