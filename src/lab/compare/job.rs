//! The jobs, each written once.
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
use crate::lab::compare::compute::{Deflate, Hash, Primes};
use crate::lab::compare::context::{Calls, JobContext};
use crate::lab::compare::http::{Answer, AnswerReader, Outcome};
use crate::lab::compare::server::Question;
use crate::lab::compare::step::{Payload, Spin, Step};
use crate::lab::compare::url::Url;
use crate::lab::report::failure::Failure;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Do these steps, one after another.
    Steps {
        /// Decides what they come to.
        seed: u64,
        /// The steps.
        steps: Vec<Step>,
        /// What all their `Send` carry together.
        payload: Payload,
        /// Who answers their `Io`.
        server: SocketAddr,
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

    /// What it brings back, besides its value.
    pub fn payload(&self) -> Payload {
        match self {
            Job::Steps { payload, .. } => payload.clone(),
            _ => Payload::default(),
        }
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
        Job::Steps { seed, steps, payload, server } => {
            run_steps(context, *seed, steps, payload, *server).await
        }
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

/// What a job carries goes with the first of its computations that a process does.
async fn run_steps(
    context: &mut JobContext<impl Calls>,
    mut seed: u64,
    steps: &[Step],
    payload: &Payload,
    server: SocketAddr,
) -> Result<u64, Failure> {
    /// An answer that says no more than that it is there.
    const SHORT: u32 = 16;
    let mut carried = payload.clone();
    for step in steps {
        let native = matches!(step, Step::Native(_));
        seed = match *step {
            Step::Cpu(operations) | Step::Native(operations) => {
                let payload = std::mem::take(&mut carried);
                context.compute(Spin { seed, operations, native, payload }).await?.0
            }
            Step::Io(late_us) => {
                let question = Question { seed, late_us, answer: SHORT };
                ask(context, server, question).await?
            }
            Step::Send(_) => seed,
        };
    }
    Ok(seed)
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
