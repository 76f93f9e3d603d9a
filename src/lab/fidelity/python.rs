//! Real interpreters: which there are, one at work, and the experiments on it.
//!
//! *Assumes*: the calling process has one thread when it asks for experiments.
//! *Promises*: each is found once, whatever links lead to it; none outlives its handle; one
//! that does not answer is an error. The peer of every conversation is this process, on a core
//! of its own.
//! *Leaves out*: what the interpreter does (`src/lab/fidelity/fidelity.py`).
//!
//! ```text
//!   Interpreter    a path and a version       ── start ──▶  Python, a child process
//!   RealPython     two children:  free     passes, lost, pair, switches, crowd ── numbers ──▶
//!                                 pinned   echo, bandwidth, latency  ── PORT n, then numbers ──▶
//! ```

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::fidelity::crowd::{PASSES, ROUNDS, trials};
use crate::lab::fidelity::subject::{ADDERS, ADDITIONS, PAIRS, Passes, Subject, countdown_passes};
use crate::lab::fidelity::subject::{exchange_packets, send_pings};
use crate::lab::report::failure::{Failure, reason};
use crate::lab::report::outside::{self, Patience};
use crate::lab::scenes::echo::{CoreSplit, ask};
use crate::sys::fd::wait_readable;
use std::collections::BTreeSet;
use std::env;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("fidelity.py");
/// Prints implementation, version, the program's own path and whether it has a global lock, one a
/// line.
const IDENTIFY: &str = "import platform, sys\n\
    print(platform.python_implementation())\n\
    print('%d.%d.%d' % sys.version_info[:3])\n\
    print(sys.executable)\n\
    print(int(getattr(sys, '_is_gil_enabled', lambda: True)()))\n";
/// How long an interpreter may take to say what it is.
const STARTING: Duration = Duration::from_secs(10);
/// How long it may take to answer a command.
const RUN_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take for a crowd. CPython itself collapses now and then under 10,000 threads:
/// each waiter wakes up every 5 ms, and they keep the cores from the one whose turn it is.
const CROWD_LIMIT: Duration = Duration::from_secs(60);
const ENDED: &str = "it ended before it had answered";
/// Passes of the loops that are timed.
const TRIAL: u64 = 100_000;

/// A CPython with a global lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interpreter {
    /// Major, minor, micro.
    pub version: [u32; 3],
    /// Where it is.
    pub path: PathBuf,
}

impl Interpreter {
    /// Asks a program what it is.
    ///
    /// # Errors
    /// If it does not run, is no CPython, or has no global lock.
    pub fn at(path: &Path) -> Result<Interpreter, Failure> {
        let no = |why: String| {
            Failure::new(path.display().to_string(), why, "name a CPython with --python")
        };
        let mut python = Python::run(path, IDENTIFY)?;
        let mut line = || python.line(STARTING);
        let (implementation, version) = (line()?, line()?);
        let (program, has_gil) = (line()?, line()?);
        if implementation != "CPython" {
            return Err(no(format!("it is {implementation}, not CPython")));
        }
        if has_gil != "1" {
            return Err(no("it runs without a global lock".into()));
        }
        let numbers: Vec<u32> = version.split('.').flat_map(str::parse).collect();
        let version = numbers.try_into().map_err(|_| no(format!("its version is {version}")))?;
        Ok(Interpreter { version, path: PathBuf::from(program) })
    }

    /// All that are on `PATH` and in pyenv, oldest first.
    pub fn find() -> Vec<Interpreter> {
        let found: BTreeSet<Interpreter> =
            candidates().iter().filter_map(|path| Interpreter::at(path).ok()).collect();
        let mut seen = BTreeSet::new();
        let real = |python: &Interpreter| python.path.canonicalize().ok();
        found.into_iter().filter(|python| seen.insert(real(python))).collect()
    }

    /// The preset that describes its lock.
    pub fn preset(&self) -> SwitchPolicy {
        // One that is newer than what has been looked at is probably like the newest.
        let [major, minor, _] = self.version;
        SwitchPolicy::of_python((major, minor)).unwrap_or(SwitchPolicy::PYTHON_3_15)
    }

    /// `3.12.1`.
    pub fn name(&self) -> String {
        let [major, minor, micro] = self.version;
        format!("{major}.{minor}.{micro}")
    }

    /// Starts it with the script of `fidelity.py`. It runs where this thread may run now.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&self) -> Result<Python, Failure> {
        self.run(SCRIPT)
    }

    /// Starts it with another script.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn run(&self, script: &str) -> Result<Python, Failure> {
        Python::run(&self.path, script)
    }
}

/// Programs that may be interpreters.
fn candidates() -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(home);
    for version in pyenv.iter().flat_map(|root| entries(&root.join("versions"))) {
        candidates.push(version.join("bin/python"));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    for program in env::split_paths(&path).flat_map(|directory| entries(&directory)) {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let shim = program.parent().is_some_and(|parent| parent.ends_with("shims"));
        let version = name.strip_prefix("python").unwrap_or("no");
        if !shim && version.chars().all(|c| c.is_ascii_digit() || c == '.') {
            candidates.push(program);
        }
    }
    // Links to one program need not be asked one by one.
    let mut seen = BTreeSet::new();
    candidates.retain(|path| path.canonicalize().is_ok_and(|real| seen.insert(real)));
    candidates
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).collect()
}

/// A running interpreter. Dropping it ends it.
#[derive(Debug)]
pub struct Python {
    path: PathBuf,
    child: Child,
    commands: ChildStdin,
    answers: ChildStdout,
    unread: Vec<u8>,
}

impl Python {
    fn run(path: &Path, script: &str) -> Result<Python, Failure> {
        let mut command = Command::new(path);
        command.args(["-u", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let refuse =
            |e: io::Error| Failure::io(path.display().to_string(), &e, "name another --python");
        let mut child = command.stderr(Stdio::null()).spawn().map_err(refuse)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(commands), Some(answers)) => {
                Ok(Python { path: path.to_owned(), child, commands, answers, unread: Vec::new() })
            }
            _ => Err(refuse(io::Error::from(io::ErrorKind::BrokenPipe))),
        }
    }

    /// Sends a command.
    ///
    /// # Errors
    /// If it has ended.
    pub fn send(&mut self, command: &str) -> Result<(), Failure> {
        let sent = writeln!(self.commands, "{command}");
        sent.map_err(|e| match e.kind() {
            // Whether it ended before the question or before the answer is chance.
            io::ErrorKind::BrokenPipe => self.failed(ENDED),
            _ => self.failed(&format!("`{command}`: {}", reason(&e))),
        })
    }

    /// The next line of its answers.
    ///
    /// # Errors
    /// If it ends, or does not answer for so long; or if somebody has ended the command.
    pub fn line(&mut self, limit: Duration) -> Result<String, Failure> {
        let mut patience = Patience::new(limit, Instant::now());
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim().to_owned());
            }
            outside::check()?;
            let left = patience.left(Instant::now());
            let readable = wait_readable(self.answers.as_fd(), left.min(outside::LOOK));
            if readable.map_err(|e| self.failed(&e.to_string()))? {
                let mut buffer = [0; 4096];
                match self.answers.read(&mut buffer) {
                    Ok(0) => return Err(self.failed(ENDED)),
                    Ok(n) => self.unread.extend_from_slice(&buffer[..n]),
                    Err(e) => return Err(self.failed(&e.to_string())),
                }
            } else if left.is_zero() {
                return Err(self.failed(&format!("it had not answered after {limit:?}")));
            }
        }
    }

    /// A command, and the numbers that answer it.
    ///
    /// # Errors
    /// As [`line`](Self::line), or if the answer is no row of numbers.
    pub fn ask(&mut self, command: &str, limit: Duration) -> Result<Vec<f64>, Failure> {
        self.send(command)?;
        self.numbers(limit)
    }

    /// The numbers on the next line.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn numbers(&mut self, limit: Duration) -> Result<Vec<f64>, Failure> {
        let line = self.line(limit)?;
        let numbers: Result<Vec<f64>, _> = line.split_whitespace().map(str::parse).collect();
        match numbers {
            Ok(numbers) if !numbers.is_empty() => Ok(numbers),
            _ => Err(self.failed(&format!("it answered `{line}`"))),
        }
    }

    fn failed(&self, why: &str) -> Failure {
        Failure::new(self.path.display().to_string(), why, "name another --python")
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended by itself; what counts is that it is reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The interpreter's side of the comparison: one process for what only computes, one on the
/// server's core.
#[derive(Debug)]
pub struct RealPython {
    free: Python,
    pinned: Python,
    cores: CoreSplit,
    pass: Duration,
}

impl RealPython {
    /// Starts both.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(python: &Interpreter) -> Result<RealPython, Failure> {
        let cores = CoreSplit::find()?;
        let pinned = cores.on(&cores.server, || python.start())?;
        Ok(RealPython { free: python.start()?, pinned, cores, pass: Duration::from_nanos(50) })
    }

    /// How long its loops take.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn passes(&mut self) -> Result<Passes, Failure> {
        let numbers = self.free.ask(&format!("passes {TRIAL}"), RUN_LIMIT)?;
        let nanos = |at: usize| {
            Duration::from_secs_f64(numbers.get(at).copied().unwrap_or(0.0).max(0.0) / 1e9)
        };
        self.pass = nanos(0);
        Ok(Passes { countdown: nanos(0), add: nanos(1), add_by_call: nanos(2) })
    }

    fn number(&mut self, command: &str) -> Result<f64, Failure> {
        Ok(self.free.ask(command, RUN_LIMIT)?[0])
    }

    /// Begins a conversation: sends the command, and reads where to connect.
    fn converse(&mut self, command: &str) -> Result<SocketAddr, Failure> {
        self.pinned.send(command)?;
        let line = self.pinned.line(RUN_LIMIT)?;
        let port = line.strip_prefix("PORT ").and_then(|port| port.parse().ok());
        let port: u16 = port.ok_or_else(|| {
            Failure::new(command, format!("it answered `{line}`"), "name another --python")
        })?;
        Ok((Ipv4Addr::LOCALHOST, port).into())
    }
}

impl Subject for RealPython {
    fn lost(&mut self, by_call: bool) -> Result<f64, Failure> {
        let command = if by_call { "lost_by_call" } else { "lost" };
        self.number(&format!("{command} {ADDERS} {ADDITIONS}"))
    }

    fn countdown(&mut self, time: Duration) -> Result<f64, Failure> {
        let passes = countdown_passes(time, self.pass);
        self.number(&format!("pair {passes} {PAIRS}"))
    }

    fn switches(&mut self, time: Duration) -> Result<f64, Failure> {
        self.number(&format!("switches {}", time.as_secs_f64()))
    }

    fn latency(&mut self, time: Duration) -> Result<f64, Failure> {
        let server = self.converse("latency 1")?;
        self.cores.on(&self.cores.peer, || send_pings(server, time))?;
        Ok(self.pinned.numbers(RUN_LIMIT)?[0])
    }

    fn bandwidth(&mut self, burners: usize, time: Duration) -> Result<f64, Failure> {
        let server = self.converse(&format!("bandwidth {burners}"))?;
        let rate = self.cores.on(&self.cores.peer, || exchange_packets(server, time))?;
        self.pinned.line(RUN_LIMIT).map(|_| rate)
    }

    fn echo(&mut self, burners: usize, time: Duration) -> Result<f64, Failure> {
        let server = self.converse(&format!("echo {burners}"))?;
        let answers = self.cores.on(&self.cores.peer, || ask(server, time))?;
        self.pinned.line(RUN_LIMIT).map(|_| answers.per_second())
    }

    fn crowd(&mut self, threads: usize) -> Result<f64, Failure> {
        let command = format!("crowd {threads} {ROUNDS} {PASSES} {}", trials(threads));
        let begun = Instant::now();
        match self.free.ask(&command, CROWD_LIMIT) {
            Ok(numbers) => Ok(numbers[0]),
            Err(why) if begun.elapsed() < CROWD_LIMIT => Err(why),
            Err(_) => {
                // So long, or longer. It is at it still, so another takes its place.
                outside::check()?;
                self.free = Python::run(&self.free.path.clone(), SCRIPT)?;
                Ok(CROWD_LIMIT.as_secs_f64() * 1e3)
            }
        }
    }
}
