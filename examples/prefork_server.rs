//! A pre-fork server: several processes, each with an event loop, on one listening socket.
//!
//! Level: 3 of 3. Minutes: 10. Read: examples/common/supervisor.rs
//!
//! Question: what does it take to use all cores, to survive the crash of a worker, and to be
//! updated without refusing a connection? Prediction: a supervisor that owns the socket and
//! keeps count of its workers. It is what gunicorn does, with uvloop in its workers.
//!
//!     cargo run --example prefork_server
//!     nc 127.0.0.1 PORT            # each line comes back with generation and pid
//!     kill -9 WORKER               # it is replaced
//!     kill -HUP SUPERVISOR         # a new generation; the old one finishes its work
//!     kill -TERM SUPERVISOR        # all finish their work, then the end; so does Ctrl-C
//!
//! A terminal sends Ctrl-C to every process of the program, and SIGTERM may come to all as well. The
//! workers leave SIGINT and SIGHUP to the supervisor, which stops each of them with SIGTERM.
//!
//! ```text
//!   supervisor ── forks ──▶ worker   worker   worker       each: accept, answer, accept …
//!     │ └ holds the socket ───┴─────────┴────────┘         all from one queue of the kernel's
//!     └ pidfd of each: replaced when it ends
//! ```
//! CI: --once

mod common;

use common::measured;
use common::options::Options;
pub use common::supervisor::run;
use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

/// How often the client of `--once` comes.
const VISITS: usize = 40;

#[allow(dead_code)] // the test that drives this has a `main` of its own
fn main() -> Result<(), Box<dyn Error>> {
    let once = Options::read(&["--once"]).has("--once");
    run(2, 0, move |address| {
        if once {
            std::thread::spawn(move || visits(address));
        }
    })?;
    if once {
        let answers = ANSWERS.lock().expect("nobody panicked").clone();
        let workers: BTreeSet<&str> = answers.iter().filter_map(|a| a.split(' ').nth(1)).collect();
        assert!((1..=2).contains(&workers.len()), "of two workers: {workers:?}");
        measured(format_args!(
            "{} of {VISITS} visits were answered, by {} processes that accept from one socket.",
            answers.len(),
            workers.len()
        ));
    }
    Ok(())
}

static ANSWERS: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

/// One client, which then stops the server. A failure ends the program.
fn visits(address: SocketAddr) {
    let visited = || -> io::Result<()> {
        for _ in 0..VISITS {
            let answer = visit(address)?;
            ANSWERS.lock().expect("nobody panicked").push(answer);
        }
        let kill = format!("kill -TERM {}", std::process::id());
        assert!(Command::new("sh").arg("-c").arg(kill).status()?.success());
        Ok(())
    };
    if let Err(error) = visited() {
        eprintln!("a client failed: {error}");
        std::process::exit(1);
    }
}

fn visit(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"hello\n")?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply)?;
    assert!(reply.starts_with("1 ") && reply.ends_with(" hello\n"), "{reply}");
    Ok(reply)
}
