//! The jobs, each written once, and the calls that a model makes for them.
//!
//! *Promises*: a job runs unchanged under every model, and its value depends on the job alone, so
//! every model must find the same: a file or a page that has changed is a failure that names it. No
//! page is waited for longer than its limit.
//! *Leaves out*: how many jobs there are (`lab/compare/cases.rs`) and which lane does which
//! (`lab/compare/lane.rs`).
//!
//! ```text
//!   run(job) ── compute, send, wait, read_file ──▶ JobContext ──▶ Calls, a model's own
//!
//!                        compute               send / wait             read_file
//!  sequential            here                  the thread blocks       the thread blocks
//!  threads-py*           here, tick by tick;   without the lock        without the lock
//!                        native parts without
//!                        the lock
//!  threads-free          here                  the thread blocks       the thread blocks
//!  processes             in the worker         the worker blocks       the worker blocks
//!  event-loop            here: all wait        the task is parked      the loop blocks
//!  loop+processes        in a worker           the task is parked      the loop blocks
//! ```
//!
//! Linux has no readiness for regular files, so a file blocks the loop, as it does in asyncio.

use crate::base::random::mix;
use crate::lab::compare::compute::{Compute, Deflate, Hash, Primes};
use crate::lab::compare::http::{Answer, AnswerReader, Outcome};
use crate::lab::compare::server::Question;
use crate::lab::compare::url::Url;
use crate::lab::report::failure::Failure;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bytes of a file that are read and worked on at a time; a huge file costs no more memory.
const PIECE: usize = 1 << 20;
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
    /// Read a file, and work on it piece by piece.
    File {
        /// What is done with it.
        work: FileWork,
        /// Its path, as bytes: a file name need not be UTF-8.
        path: Vec<u8>,
        /// What it came to when it was tried.
        expected: Option<u64>,
    },
    /// Fetch a page and hash its body.
    Get {
        /// The page, or the redirects that lead to it, and then the page.
        hops: Vec<Hop>,
        /// What it came to when it was tried.
        expected: Option<u64>,
        /// How long each answer may take.
        limit: Duration,
    },
}

/// What is done with the bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileWork {
    /// They are hashed.
    Hash,
    /// They are compressed.
    Compress,
}

/// A URL, and where it is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// What to ask for.
    pub url: Url,
    /// An address of its host.
    pub at: SocketAddr,
}

impl Job {
    /// The job that does this with the file at `path`.
    pub fn file(work: FileWork, path: &Path) -> Job {
        Job::File { work, path: path.as_os_str().as_bytes().to_vec(), expected: None }
    }

    /// The same job, that fails if it comes to anything else.
    pub fn expecting(mut self, value: u64) -> Job {
        if let Job::File { expected, .. } | Job::Get { expected, .. } = &mut self {
            *expected = Some(value);
        }
        self
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
        Job::File { work, path, expected } => {
            let path = PathBuf::from(OsString::from_vec(path.clone()));
            let value = through_file(context, *work, &path).await?;
            unchanged(value, *expected, || path.display().to_string())
        }
        Job::Get { hops, expected, limit } => {
            let value = get(context, hops, *limit).await?;
            unchanged(value, *expected, || hops.first().map_or("", |hop| hop.url.text()).into())
        }
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

async fn through_file(
    context: &mut JobContext<impl Calls>,
    work: FileWork,
    path: &Path,
) -> Result<u64, Failure> {
    let mut value = 0;
    let mut from = 0;
    loop {
        let bytes = context.read_file(path, from, PIECE)?;
        let got = bytes.len();
        let piece = match work {
            FileWork::Hash => context.compute(Hash { bytes }).await?,
            FileWork::Compress => context.compute(Deflate { bytes }).await?,
        };
        value = mix(value ^ piece);
        from += got as u64;
        if got < PIECE {
            return Ok(value);
        }
    }
}

async fn get(
    context: &mut JobContext<impl Calls>,
    hops: &[Hop],
    limit: Duration,
) -> Result<u64, Failure> {
    let mut hops = hops.iter().peekable();
    while let Some(hop) = hops.next() {
        match (fetch(context, hop, limit).await?, hops.peek()) {
            (Outcome::Page(bytes), None) => return context.compute(Hash { bytes }).await,
            (Outcome::Elsewhere(location), Some(next)) if next.is_at(hop, &location) => {}
            _ => return Err(changed(hop.url.to_string())),
        }
    }
    Err(Failure::new("urls", "a page without a URL", "this is a bug; please report it"))
}

impl Hop {
    fn is_at(&self, from: &Hop, location: &str) -> bool {
        from.url.join(location).is_ok_and(|url| url == self.url)
    }
}

/// Asks for one URL, over a connection of its own, and reads the answer to its end.
///
/// # Errors
/// What is wrong with it, naming the URL: a connection that broke, an answer that is none or is
/// not there in time.
pub async fn fetch(
    context: &mut JobContext<impl Calls>,
    hop: &Hop,
    limit: Duration,
) -> Result<Outcome, Failure> {
    context.hang_up();
    context.limit(limit);
    let answer = exchange(context, hop).await;
    let late = answer.is_err() && context.is_late();
    context.hang_up();
    if late {
        let why = format!("no whole answer came within {limit:?}");
        return Err(Failure::new(hop.url.text(), why, "raise --request-limit"));
    }
    answer
}

async fn exchange(context: &mut JobContext<impl Calls>, hop: &Hop) -> Result<Outcome, Failure> {
    let wrong = |why: String| Failure::new(hop.url.text(), why, "give a URL that answers 200");
    let seen = |failure: Failure| failure.within(hop.url.text());
    context.send(hop.at, &hop.url.request()).await.map_err(seen)?;
    let mut reader = AnswerReader::new(PAGE_LIMIT);
    // On the heap: an array would live in the future of every job, whatever it does.
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let got = context.wait(&mut buffer).await.map_err(seen)?;
        if got == 0 || reader.feed(&buffer[..got]).map_err(wrong)? {
            return reader.end().and_then(Answer::outcome).map_err(wrong);
        }
    }
}

/// A job whose input has changed has done other work than the others.
fn unchanged(
    value: u64,
    expected: Option<u64>,
    name: impl FnOnce() -> String,
) -> Result<u64, Failure> {
    match expected.is_none_or(|expected| expected == value) {
        true => Ok(value),
        false => Err(changed(name())),
    }
}

fn changed(name: String) -> Failure {
    let why = "it is not the same each time it is read";
    Failure::new(name, why, "give input that stays the same while it is compared")
}

fn cut_off(who: String, got: usize, whole: usize) -> Failure {
    let why = format!("the connection ended after {got} of {whole} bytes");
    Failure::new(who, why, "run it again; if it stays, the server died")
}

// ---- what a job may call ----

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

    /// A new connection to `to` that sends each write at once (`TCP_NODELAY`). `TimedOut` if there
    /// is none at the deadline.
    fn connect(
        &mut self,
        to: SocketAddr,
        deadline: Option<Instant>,
    ) -> impl Future<Output = io::Result<Self::Stream>>;

    /// Sends all of `bytes`; `TimedOut` if that takes past the deadline.
    fn write_all(
        &mut self,
        stream: &mut Self::Stream,
        bytes: &[u8],
        deadline: Option<Instant>,
    ) -> impl Future<Output = io::Result<()>>;

    /// Waits for bytes and says how many came; 0 at the end of the stream. `TimedOut` if none came
    /// before the deadline.
    fn read(
        &mut self,
        stream: &mut Self::Stream,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> impl Future<Output = io::Result<usize>>;

    /// Makes a call that blocks the thread under every model.
    fn block<R>(&mut self, call: impl FnOnce() -> R) -> R;

    /// How long all calls but the computations have taken so far, without any wait for a lock.
    fn blocked(&self) -> Duration;
}

/// What the jobs of one lane share: the model's calls, and the one connection that the lane keeps
/// from job to job.
pub struct JobContext<C: Calls> {
    calls: C,
    connection: Option<(SocketAddr, C::Stream)>,
    deadline: Option<Instant>,
}

impl<C: Calls + Default> Default for JobContext<C> {
    fn default() -> JobContext<C> {
        JobContext::new(C::default())
    }
}

impl<C: Calls> JobContext<C> {
    /// A context without a connection.
    pub fn new(calls: C) -> JobContext<C> {
        JobContext { calls, connection: None, deadline: None }
    }

    /// Opens the connection that the first job will need, before the clock starts.
    ///
    /// # Errors
    /// If nothing listens at `to`.
    pub async fn reach(&mut self, to: SocketAddr) -> Result<(), Failure> {
        let connected = self.calls.connect(to, self.deadline).await;
        self.connection = Some((to, connected.map_err(|e| Failure::unreachable(to, &e))?));
        Ok(())
    }

    /// The same connection, for other calls.
    pub fn with_calls<D: Calls<Stream = C::Stream>>(self, calls: D) -> JobContext<D> {
        JobContext { calls, connection: self.connection, deadline: self.deadline }
    }

    /// How long its calls have taken so far: [`Calls::blocked`].
    pub fn blocked(&self) -> Duration {
        self.calls.blocked()
    }

    /// Until [`hang_up`](Self::hang_up), whatever waits longer than this from now fails.
    pub fn limit(&mut self, limit: Duration) {
        self.deadline = Instant::now().checked_add(limit);
    }

    /// Whether the limit has passed.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Forgets the connection, and the limit.
    pub fn hang_up(&mut self) {
        (self.connection, self.deadline) = (None, None);
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
            None => {
                let connected = self.calls.connect(to, self.deadline).await;
                (to, connected.map_err(|e| Failure::unreachable(to, &e))?)
            }
        };
        let (_, stream) = self.connection.insert(connection);
        let sent = self.calls.write_all(stream, bytes, self.deadline).await;
        sent.map_err(|e| Failure::broken(to, &e))
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
        let got = self.calls.read(stream, buffer, self.deadline).await;
        let got = got.map_err(|e| Failure::broken(*peer, &e))?;
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

/// At most `limit` bytes of a file from byte `from` on. The failure names the path.
fn read_piece(path: &Path, from: u64, limit: usize) -> Result<Vec<u8>, Failure> {
    let read = || {
        let file = File::open(path)?;
        let rest = file.metadata()?.len().saturating_sub(from);
        let mut bytes = vec![0; limit.min(usize::try_from(rest).unwrap_or(limit))];
        file.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    };
    read().map_err(|e: io::Error| {
        let remedy = "make it readable, and leave it alone while it is compared";
        Failure::io(path.display().to_string(), &e, remedy)
    })
}
