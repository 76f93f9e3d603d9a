//! The jobs, each written once, and the calls that a model makes for them.
//!
//! *Promises*: a job runs unchanged under every model, and its value depends on the job alone, so
//! every model must find the same.
//! *Leaves out*: how many jobs there are (`lab/compare/cases.rs`) and which lane does which
//! (`lab/compare/lane.rs`).
//!
//! ```text
//!   run(job) ── compute, send, wait, read_file ──▶ JobContext ──▶ Calls, a model's own
//!
//!                        compute               send / wait             read_file
//!  sequential            here                  the thread blocks       the thread blocks
//!  threads-py*           here, tick by tick    without the lock        without the lock
//!  threads-free          here                  the thread blocks       the thread blocks
//!  processes             in the worker         the worker blocks       the worker blocks
//!  event-loop            here: all wait        the task is parked      the loop blocks
//!  loop+processes        in a worker           the task is parked      the loop blocks
//! ```
//!
//! Linux has no readiness for regular files, so a file blocks the loop, as it does in asyncio.

use crate::base::random::mix;
use crate::futures::wire::Wire;
use crate::lab::compare::http::{self, Url};
use crate::lab::compare::server::Question;
use crate::lab::report::failure::Failure;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::fs::File;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes of a file that are read and hashed at a time; a huge file costs no more memory.
const PIECE: usize = 1 << 20;
/// Bytes hashed between two ticks: about a microsecond of work.
const SLICE: usize = 512;
/// The longest page that is taken in.
const PAGE_LIMIT: usize = 64 << 20;

/// One unit of work. All of it can cross a pipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Job {
    /// Count the prime numbers among `count` numbers from `from` on.
    Primes {
        /// The first candidate.
        from: u64,
        /// How many candidates.
        count: u64,
    },
    /// Ask the server of `lab/compare/server.rs` a question and digest the answer.
    Ask {
        /// Where it listens.
        server: SocketAddr,
        /// The question.
        question: Question,
    },
    /// Hash a file.
    File {
        /// Its path, as bytes: a file name need not be UTF-8.
        path: Vec<u8>,
    },
    /// Fetch a page and hash its body.
    Get {
        /// The page.
        url: Url,
        /// An address of its host.
        at: SocketAddr,
    },
}

impl Job {
    /// The job that hashes the file at `path`.
    pub fn file(path: &Path) -> Job {
        Job::File { path: path.as_os_str().as_bytes().to_vec() }
    }
}

/// Does one job. This is the body that every model runs.
///
/// # Errors
/// What stopped it, naming the file, the page or the server.
pub async fn run(context: &mut JobContext<impl Calls>, job: &Job) -> Result<u64, Failure> {
    match job {
        Job::Primes { from, count } => context.compute(Primes { from: *from, count: *count }).await,
        Job::Ask { server, question } => ask(context, *server, *question).await,
        Job::File { path } => {
            hash_file(context, &PathBuf::from(OsString::from_vec(path.clone()))).await
        }
        Job::Get { url, at } => get(context, url, *at).await,
    }
}

async fn ask(
    context: &mut JobContext<impl Calls>,
    server: SocketAddr,
    question: Question,
) -> Result<u64, Failure> {
    context.send(server, &question.to_bytes()).await?;
    let mut answer = vec![0; question.answer as usize];
    let mut got = 0;
    while got < answer.len() {
        match context.wait(&mut answer[got..]).await? {
            0 => return Err(cut_off(server.to_string(), got, answer.len())),
            n => got += n,
        }
    }
    context.compute(Hash { bytes: answer }).await
}

async fn hash_file(context: &mut JobContext<impl Calls>, path: &Path) -> Result<u64, Failure> {
    let mut hash = 0;
    let mut from = 0;
    loop {
        let bytes = context.read_file(path, from, PIECE)?;
        let got = bytes.len();
        hash = mix(hash ^ context.compute(Hash { bytes }).await?);
        from += got as u64;
        if got < PIECE {
            return Ok(hash);
        }
    }
}

async fn get(
    context: &mut JobContext<impl Calls>,
    url: &Url,
    at: SocketAddr,
) -> Result<u64, Failure> {
    let seen = |failure: Failure| failure.within(&url.to_string());
    context.send(at, &url.request()).await.map_err(seen)?;
    let mut answer = Vec::new();
    // On the heap: an array would live in the future of every job, whatever it does.
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match context.wait(&mut buffer).await.map_err(seen)? {
            0 => break,
            n => answer.extend_from_slice(&buffer[..n]),
        }
        if answer.len() > PAGE_LIMIT {
            let why = format!("the answer is longer than {} MiB", PAGE_LIMIT >> 20);
            return Err(Failure::new(url.to_string(), why, "give a shorter page"));
        }
    }
    let body = http::body(&answer)
        .map_err(|why| Failure::new(url.to_string(), why, "give a URL that answers 200"))?;
    context.compute(Hash { bytes: body }).await
}

fn cut_off(who: String, got: usize, whole: usize) -> Failure {
    let why = format!("the connection ended after {got} of {whole} bytes");
    Failure::new(who, why, "run it again; if it stays, the server died")
}

// ---- what a job may call ----

/// One counted instruction of the emulated interpreter.
pub trait Tick {
    /// Called once per small slice of a computation. Under a global lock this is where the
    /// lock may change hands; elsewhere it does nothing.
    fn tick(&mut self);
}

/// A computation as a value, so that it can be done here or shipped to another process.
pub trait Compute: Wire {
    /// What it comes to.
    type Output: Wire;

    /// Does it, with one `tick` per small slice of work (about a microsecond).
    fn compute(self, tick: &mut dyn Tick) -> Self::Output;
}

/// How a model computes and does its I/O: all in which the models differ, for one job at a time.
///
/// Under the blocking models these futures are ready at their first poll; under the loop they
/// truly wait. Nothing here is `Send`: a job stays on its thread.
pub trait Calls {
    /// A connection.
    type Stream;

    /// Does a computation, wherever this model does them.
    ///
    /// # Errors
    /// If it was shipped to a process and that process failed.
    fn compute<C: Compute>(&mut self, work: C) -> impl Future<Output = Result<C::Output, Failure>>;

    /// A new connection to `to` that sends each write at once (`TCP_NODELAY`).
    fn connect(&mut self, to: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Sends all of `bytes`.
    fn write_all(
        &mut self,
        stream: &mut Self::Stream,
        bytes: &[u8],
    ) -> impl Future<Output = io::Result<()>>;

    /// Waits for bytes and says how many came; 0 at the end of the stream.
    fn read(
        &mut self,
        stream: &mut Self::Stream,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<usize>>;

    /// Makes a call that blocks the thread under every model.
    fn block<R>(&mut self, call: impl FnOnce() -> R) -> R;
}

/// What the jobs of one lane share: the model's calls, and the one connection that the lane keeps
/// from job to job.
pub struct JobContext<C: Calls> {
    calls: C,
    connection: Option<(SocketAddr, C::Stream)>,
}

impl<C: Calls> JobContext<C> {
    /// A context without a connection.
    pub fn new(calls: C) -> JobContext<C> {
        JobContext { calls, connection: None }
    }

    /// Does a computation.
    ///
    /// # Errors
    /// If it was shipped to a process and that process failed.
    pub async fn compute<W: Compute>(&mut self, work: W) -> Result<W::Output, Failure> {
        self.calls.compute(work).await
    }

    /// Sends `bytes` to `to`, over the connection that is kept if it leads there, else over a new
    /// one.
    ///
    /// # Errors
    /// If nothing listens at `to`, or the connection broke.
    pub async fn send(&mut self, to: SocketAddr, bytes: &[u8]) -> Result<(), Failure> {
        let connection = match self.connection.take().filter(|(peer, _)| *peer == to) {
            Some(kept) => kept,
            None => (to, self.calls.connect(to).await.map_err(|e| Failure::unreachable(to, &e))?),
        };
        let (_, stream) = self.connection.insert(connection);
        self.calls.write_all(stream, bytes).await.map_err(|e| Failure::broken(to, &e))
    }

    /// Waits for the next bytes of the answer and says how many came. 0 means that the peer
    /// has closed; the connection is then forgotten.
    ///
    /// # Errors
    /// If nothing was sent before, or the connection broke.
    pub async fn wait(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let Some((peer, stream)) = &mut self.connection else {
            return Err(Failure::nothing_sent());
        };
        let got = self.calls.read(stream, buffer).await.map_err(|e| Failure::broken(*peer, &e))?;
        if got == 0 {
            self.connection = None;
        }
        Ok(got)
    }

    /// Reads at most `limit` bytes of a file from byte `from` on; fewer only at its end.
    ///
    /// # Errors
    /// If the file cannot be opened or read.
    pub fn read_file(&mut self, path: &Path, from: u64, limit: usize) -> Result<Vec<u8>, Failure> {
        self.calls.block(|| read_piece(path, from, limit))
    }
}

/// At most `limit` bytes of a file from byte `from` on.
///
/// # Errors
/// If it cannot be opened or read; the failure names the path.
pub fn read_piece(path: &Path, from: u64, limit: usize) -> Result<Vec<u8>, Failure> {
    let read = || {
        let file = File::open(path)?;
        let rest = file.metadata()?.len().saturating_sub(from);
        let mut bytes = vec![0; limit.min(usize::try_from(rest).unwrap_or(limit))];
        file.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    };
    read().map_err(|e: io::Error| {
        let remedy = "make it readable, and leave it alone while it is hashed";
        Failure::io(path.display().to_string(), &e, remedy)
    })
}

// ---- the computations ----

/// Counts prime numbers by trial division, one tick a candidate.
#[derive(Debug, Serialize, Deserialize)]
struct Primes {
    from: u64,
    count: u64,
}

impl Compute for Primes {
    type Output = u64;

    fn compute(self, tick: &mut dyn Tick) -> u64 {
        let mut primes = 0;
        for candidate in self.from..self.from + self.count {
            primes += u64::from(is_prime(candidate));
            tick.tick();
        }
        primes
    }
}

fn is_prime(n: u64) -> bool {
    let mut divisors = (2..).take_while(|d| d * d <= n);
    n >= 2 && divisors.all(|d| !n.is_multiple_of(d))
}

/// The first 8 bytes of a SHA-256, one tick per [`SLICE`].
#[derive(Debug, Serialize, Deserialize)]
struct Hash {
    bytes: Vec<u8>,
}

impl Compute for Hash {
    type Output = u64;

    fn compute(self, tick: &mut dyn Tick) -> u64 {
        let mut hasher = Sha256::new();
        for slice in self.bytes.chunks(SLICE) {
            hasher.update(slice);
            tick.tick();
        }
        let digest = hasher.finalize();
        digest.iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
    }
}
