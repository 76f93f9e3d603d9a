//! What the examples have in common: a command line, an accept loop, how many threads there are.

pub mod chromium;
pub mod http;
pub mod kv;
pub mod page;
pub mod postgres_server;
pub mod resp;
pub mod scene;
pub mod tls;

use singletrack::aio::{TcpListener, TcpStream, create_task, sleep};
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub type AnyError = Box<dyn std::error::Error>;

/// What the command line says.
pub struct Arguments {
    pub port: u16,
    /// Ask yourself a few questions, and end.
    pub check: bool,
    /// A flag that only one example knows.
    pub extra: bool,
}

/// Reads `--port N`, `--check` and the flag `extra`; anything else ends the program with a line.
pub fn arguments(port: u16, extra: &str) -> Arguments {
    let mut given = Arguments { port, check: false, extra: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--port" => match words.next().map(|number| number.parse()) {
                Some(Ok(number)) => given.port = number,
                _ => refuse("--port: give a number from 0 to 65535"),
            },
            "--check" => (given.check, given.port) = (true, 0),
            word if word == extra && !extra.is_empty() => given.extra = true,
            other => refuse(&format!("`{other}`: give --port N, --check, {extra}")),
        }
    }
    given
}

fn refuse(why: &str) -> ! {
    eprintln!("{}", why.trim_end_matches(", "));
    std::process::exit(2);
}

/// A listener on this port, and where it is. Says how many threads this process has.
pub fn listen(scheme: &str, port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port).into())?;
    let address = listener.local_addr()?;
    println!("listening on {scheme}://{address}/ with {} thread(s)", threads());
    Ok((listener, address))
}

/// How many threads this process has.
pub fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, |tasks| tasks.count())
}

/// How many descriptors this process has open.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, |open| open.count())
}

/// The program of this name in `PATH`, or in a folder of Debian's where it hides.
pub fn program(name: &str) -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(debian);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Serves each connection in a task of its own, for ever. A connection that fails ends alone; a
/// shortage of descriptors is waited out.
pub async fn serve<F, R>(listener: TcpListener, connection: F)
where
    F: Fn(TcpStream) -> R,
    R: Future<Output = Result<(), AnyError>> + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                let serving = connection(stream);
                drop(create_task(async move {
                    if let Err(error) = serving.await {
                        eprintln!("a connection ended: {error}");
                    }
                }));
            }
            Err(error) => {
                eprintln!("a connection could not be accepted: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Runs `main` on a loop of this thread, until it ends or Ctrl-C comes.
pub fn run<F: Future<Output = Result<(), AnyError>> + 'static>(main: F) -> Result<(), AnyError> {
    match singletrack::run(main) {
        Ok(ended) => ended,
        Err(singletrack::aio::RunError::Interrupted) => std::process::exit(130),
        Err(error) => Err(error.into()),
    }
}
