//! What is compared: three built-in cases, and two on the user's own input.
//!
//! *Assumes*: files and pages stay as they are while they are compared.
//! *Promises*: the jobs of a case depend on its input, its sizes and the seed alone.
//! *Leaves out*: doing the jobs (`lab/compare/job.rs`).
//!
//! ```text
//!   words of the command line ─ parse ─▶ Case ─ plan ─▶ Plan: jobs, lanes, workers
//! ```

use crate::base::random::SplitMix64;
use crate::lab::compare::http::Url;
use crate::lab::compare::job::{Job, read_piece};
use crate::lab::compare::server::Question;
use crate::lab::compare::verdict::Nature;
use crate::lab::report::failure::Failure;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many numbers one `cpu` job tests for being prime: about two milliseconds of work.
const CANDIDATES: u64 = 10_000;
/// How late the server of `slow-io` answers.
const LATE: Duration = Duration::from_millis(10);
/// Length of an answer of the server.
const ANSWER: u32 = 512;
/// How long a host may take to accept the connection that shows that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Case {
    /// Count prime numbers.
    Cpu,
    /// Many connections to a server that answers late.
    SlowIo,
    /// Few connections to a server that answers at once.
    FastIo,
    /// Hash every file below a directory.
    Files(PathBuf),
    /// Fetch pages.
    Urls(Vec<Url>),
}

/// How many jobs, and how many at once. `None` is the case's own default.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// Jobs a round.
    pub jobs: Option<usize>,
    /// Threads or processes for the work that needs a core.
    pub workers: usize,
    /// Connections, hence lanes, of the I/O cases.
    pub connections: Option<usize>,
    /// Decides which numbers are tested and which questions are asked.
    pub seed: u64,
}

/// A case made ready: its jobs, and how many may be under way at once.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What one round does.
    pub jobs: Vec<Job>,
    /// Threads of the thread models, tasks of the loop models.
    pub lanes: usize,
    /// Processes of the pools.
    pub workers: usize,
}

impl Case {
    /// The cases that run when none is named.
    pub const BUILT_IN: [Case; 3] = [Case::Cpu, Case::SlowIo, Case::FastIo];

    /// The cases that these words of the command line name, in their order.
    ///
    /// # Errors
    /// An unknown word, or input that is missing or no input.
    pub fn parse(words: &[String]) -> Result<Vec<Case>, Failure> {
        let mut cases = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            cases.push(match word.as_str() {
                "cpu" => Case::Cpu,
                "slow-io" => Case::SlowIo,
                "fast-io" => Case::FastIo,
                "files" => Case::Files(directory(words.next())?),
                "urls" => Case::Urls(urls(words.as_slice())?),
                _ => return Err(unknown(word)),
            });
            if word == "urls" {
                break;
            }
        }
        Ok(if cases.is_empty() { Case::BUILT_IN.to_vec() } else { cases })
    }

    /// Whether this word begins a case.
    pub fn is_name(word: &str) -> bool {
        ["cpu", "slow-io", "fast-io", "files", "urls"].contains(&word)
    }

    /// Its name on the command line and in every output.
    pub fn name(&self) -> &'static str {
        match self {
            Case::Cpu => "cpu",
            Case::SlowIo => "slow-io",
            Case::FastIo => "fast-io",
            Case::Files(_) => "files",
            Case::Urls(_) => "urls",
        }
    }

    /// What kind of work this is; `None` if that must be measured.
    pub fn nature(&self) -> Option<Nature> {
        match self {
            Case::Cpu => Some(Nature::CpuBound),
            Case::SlowIo => Some(Nature::SlowIo),
            Case::FastIo => Some(Nature::FastIo),
            Case::Files(_) | Case::Urls(_) => None,
        }
    }

    /// Whether it talks to the server of `lab/compare/server.rs`.
    pub fn needs_server(&self) -> bool {
        matches!(self, Case::SlowIo | Case::FastIo)
    }

    /// Makes the case ready. `server` is where the server of the I/O cases listens.
    ///
    /// # Errors
    /// A file that cannot be read, a host that cannot be reached, too many connections.
    pub fn plan(&self, sizes: &Sizes, server: SocketAddr) -> Result<Plan, Failure> {
        let (jobs, lanes) = match self {
            Case::Cpu => (primes(sizes), sizes.workers),
            Case::SlowIo => (questions(sizes, 150, server, LATE), sizes.connections.unwrap_or(150)),
            Case::FastIo => {
                (questions(sizes, 2000, server, Duration::ZERO), sizes.connections.unwrap_or(4))
            }
            Case::Files(directory) => (again(&files(directory)?, sizes.jobs), sizes.workers),
            Case::Urls(urls) => {
                let jobs = sizes.jobs.unwrap_or(urls.len().max(32));
                let lanes = sizes.connections.unwrap_or(4);
                (again(&pages(urls)?, Some(jobs)), lanes)
            }
        };
        let lanes = lanes.min(jobs.len());
        check_descriptors(lanes)?;
        Ok(Plan { lanes, workers: sizes.workers, jobs })
    }
}

fn unknown(word: &str) -> Failure {
    let remedy = "name cpu, slow-io, fast-io, files DIR or urls URL...";
    Failure::new(word, "there is no such case", remedy)
}

fn directory(word: Option<&String>) -> Result<PathBuf, Failure> {
    let remedy = "name a directory: files DIR";
    let Some(word) = word else {
        return Err(Failure::new("files", "the directory is missing", remedy));
    };
    match fs::metadata(word) {
        Ok(found) if found.is_dir() => Ok(PathBuf::from(word)),
        Ok(_) => Err(Failure::new(word, "this is no directory", remedy)),
        Err(e) => Err(Failure::io(word, &e, remedy)),
    }
}

fn urls(words: &[String]) -> Result<Vec<Url>, Failure> {
    if words.is_empty() {
        let remedy = "name at least one: urls http://host/path";
        return Err(Failure::new("urls", "the URL is missing", remedy));
    }
    words.iter().map(|word| Url::parse(word)).collect()
}

fn primes(sizes: &Sizes) -> Vec<Job> {
    let start = 1_000_000 + SplitMix64::new(sizes.seed).next_u64() % 100_000;
    let jobs = sizes.jobs.unwrap_or(128) as u64;
    (0..jobs)
        .map(|job| Job::Primes { from: start + job % 128 * CANDIDATES, count: CANDIDATES })
        .collect()
}

fn questions(sizes: &Sizes, default: usize, server: SocketAddr, late: Duration) -> Vec<Job> {
    let mut random = SplitMix64::new(sizes.seed);
    let late_us = late.as_micros() as u32;
    let mut ask = |_| {
        let question = Question { seed: random.next_u64(), late_us, answer: ANSWER };
        Job::Ask { server, question }
    };
    (0..sizes.jobs.unwrap_or(default)).map(&mut ask).collect()
}

/// The first `jobs` of these over and over; each once if no number is given.
fn again(jobs: &[Job], count: Option<usize>) -> Vec<Job> {
    jobs.iter().cycle().take(count.unwrap_or(jobs.len())).cloned().collect()
}

/// A job for every regular file below `root`, in the order of their names. Each is read
/// once, so that no model has to fetch it from the disk for the others.
fn files(root: &Path) -> Result<Vec<Job>, Failure> {
    let mut jobs = Vec::new();
    for path in regular_files(root)? {
        warm_up(&path)?;
        jobs.push(Job::file(&path));
    }
    if jobs.is_empty() {
        let why = "it holds no regular files";
        return Err(Failure::new(root.display().to_string(), why, "name a directory that does"));
    }
    Ok(jobs)
}

/// Symbolic links are not followed: they may lead back.
fn regular_files(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let refuse = |e: io::Error| {
            Failure::io(directory.display().to_string(), &e, "make it readable, or leave it out")
        };
        for entry in fs::read_dir(&directory).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let kind = entry.file_type().map_err(refuse)?;
            if kind.is_dir() {
                directories.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn warm_up(path: &Path) -> Result<(), Failure> {
    const PIECE: usize = 1 << 20;
    let mut from = 0;
    while read_piece(path, from, PIECE)?.len() == PIECE {
        from += PIECE as u64;
    }
    Ok(())
}

fn pages(urls: &[Url]) -> Result<Vec<Job>, Failure> {
    urls.iter().map(|url| Ok(Job::Get { url: url.clone(), at: reach(url)? })).collect()
}

/// The first address of the URL's host that accepts a connection. Names are looked up here,
/// once, before anything is measured.
fn reach(url: &Url) -> Result<SocketAddr, Failure> {
    let refuse = |e: &io::Error, remedy| Failure::io(url.to_string(), e, remedy);
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    let addresses = (url.host(), url.port())
        .to_socket_addrs()
        .map_err(|e| refuse(&e, "check the name of the host"))?;
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(address),
            Err(e) => last = e,
        }
    }
    Err(refuse(&last, "check host and port, and that a server listens there"))
}

/// Every lane may hold a connection; a loop needs a few descriptors of its own.
fn check_descriptors(lanes: usize) -> Result<(), Failure> {
    const OWN: usize = 32;
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let open_files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = open_files.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    match soft {
        Some(soft) if lanes + OWN > soft => {
            let why = format!("it takes {} descriptors, and the limit is {soft}", lanes + OWN);
            let remedy = "raise `ulimit -n`, or lower --connections";
            Err(Failure::new(format!("--connections {lanes}"), why, remedy))
        }
        _ => Ok(()),
    }
}
