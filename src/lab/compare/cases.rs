//! What is compared: three built-in cases, and three on the user's own input.
//!
//! *Assumes*: files and pages stay as they are while they are compared.
//! *Promises*: the jobs of a case depend on its input, its sizes and the seed alone. Where the plan is
//! not what was asked for, it says so: an item that was left out, connections that the jobs do not
//! fill, or for which there are no descriptors.
//! *Leaves out*: trying the input (`lab/compare/trial.rs`), doing the jobs (`lab/compare/job.rs`).
//!
//! ```text
//!   words of the command line ─ parse ─▶ Case ─ plan ─▶ Plan: jobs, lanes, workers
//! ```

use crate::base::random::SplitMix64;
use crate::lab::compare::job::{FileWork, Job};
use crate::lab::compare::server::Question;
use crate::lab::compare::trial::{self, Tried};
use crate::lab::compare::url::Url;
use crate::lab::compare::verdict::Nature;
use crate::lab::report::failure::Failure;
use crate::lab::report::nearest::nearest;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many numbers one `cpu` job tests for being prime: about two milliseconds of work.
const CANDIDATES: u64 = 10_000;
/// How late the server of `slow-io` answers: ten times a switch interval.
const LATE: Duration = Duration::from_millis(50);
/// Connections of `slow-io`: as many as it takes to be many.
const MANY: usize = 1000;
/// Connections of the other I/O cases.
const FEW: usize = 4;
/// Length of an answer of the server.
const ANSWER: u32 = 512;
/// How to get past an item that is no good.
const WAY_OUT: &str = "go on without: --keep-going";

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
    /// Compress every file below a directory, without writing anything.
    Compress(PathBuf),
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
    /// Switch interval of the Pythons that have one; `None`: their own, 5 ms.
    pub interval: Option<Duration>,
    /// Decides which numbers are tested and which questions are asked.
    pub seed: u64,
    /// Go on without files and pages that cannot be had, or fail later.
    pub keep_going: bool,
    /// How long an answer to a request may take.
    pub request_limit: Duration,
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
    /// Switch interval of the Pythons that have one; `None`: their own.
    pub interval: Option<Duration>,
    /// The server of the I/O cases, to which connections are opened before the clock starts.
    pub server: Option<SocketAddr>,
    /// Which cores the model has.
    pub cores: Cores,
    /// Whether a job that fails is only counted.
    pub keep_going: bool,
    /// Where this is not what was asked for, a sentence each.
    pub notes: Vec<String>,
    /// The items that were left out, and why.
    pub skipped: Vec<String>,
}

/// Which of the usable cores a model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// All but the one of the lab's own server, if it talks to that.
    Apart,
    /// All; the server shares them.
    All,
    /// The first so many.
    First(usize),
}

impl Case {
    /// The cases that run when none is named.
    pub const BUILT_IN: [Case; 3] = [Case::Cpu, Case::SlowIo, Case::FastIo];

    /// The cases that these words of the command line name, in their order.
    ///
    /// # Errors
    /// An unknown word, or input that is missing or no input.
    pub fn parse(words: &[OsString]) -> Result<Vec<Case>, Failure> {
        let mut cases = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            cases.push(match word.to_string_lossy().as_ref() {
                "cpu" => Case::Cpu,
                "slow-io" => Case::SlowIo,
                "fast-io" => Case::FastIo,
                "files" => Case::Files(directory("files", words.next())?),
                "compress" => Case::Compress(directory("compress", words.next())?),
                "urls" => Case::Urls(urls(words.as_slice())?),
                other => return Err(unknown(other)),
            });
            if word == "urls" {
                break;
            }
        }
        Ok(if cases.is_empty() { Case::BUILT_IN.to_vec() } else { cases })
    }

    /// Whether this word begins a case.
    pub fn is_name(word: &OsStr) -> bool {
        let names = ["cpu", "slow-io", "fast-io", "files", "compress", "urls"];
        names.iter().any(|name| word == *name)
    }

    /// Its name on the command line and in every output.
    pub fn name(&self) -> &'static str {
        match self {
            Case::Cpu => "cpu",
            Case::SlowIo => "slow-io",
            Case::FastIo => "fast-io",
            Case::Files(_) => "files",
            Case::Compress(_) => "compress",
            Case::Urls(_) => "urls",
        }
    }

    /// What kind of work this is; `None` if that must be measured.
    pub fn nature(&self) -> Option<Nature> {
        match self {
            Case::Cpu => Some(Nature::CpuBound),
            Case::SlowIo => Some(Nature::SLOW_IO),
            Case::FastIo => Some(Nature::FAST_IO),
            Case::Files(_) | Case::Compress(_) | Case::Urls(_) => None,
        }
    }

    /// Whether it talks to the server of `lab/compare/server.rs`.
    pub fn needs_server(&self) -> bool {
        matches!(self, Case::SlowIo | Case::FastIo)
    }

    /// Whether its lanes hold a connection each.
    pub(crate) fn has_connections(&self) -> bool {
        matches!(self, Case::SlowIo | Case::FastIo | Case::Urls(_))
    }

    /// How many connections, unless another number is asked for.
    fn usual_connections(&self) -> usize {
        if *self == Case::SlowIo { MANY } else { FEW }
    }

    /// How many jobs, unless another number is asked for: one for each connection at least, for
    /// connections without a job are not opened.
    fn jobs(&self, sizes: &Sizes, connections: usize) -> usize {
        sizes.jobs.unwrap_or(match self {
            Case::Cpu => 48,
            Case::SlowIo => connections,
            Case::FastIo => connections.max(2000),
            Case::Files(_) | Case::Compress(_) => 1,
            Case::Urls(urls) => urls.len().max(32).max(connections),
        })
    }

    /// Makes the case ready. `server` is where the server of the I/O cases listens; `limit` is how
    /// long it may take to try the files or the pages.
    ///
    /// # Errors
    /// A file that cannot be read, a page that cannot be had, too many connections.
    pub fn plan(
        &self,
        sizes: &Sizes,
        server: SocketAddr,
        limit: Duration,
    ) -> Result<Plan, Failure> {
        let (mut skipped, mut notes) = (Vec::new(), Vec::new());
        let mut chosen = |tried| choose(tried, sizes.keep_going, &mut skipped);
        let connections = self.connections(sizes, &mut notes)?;
        let count = self.jobs(sizes, connections);
        let jobs = match self {
            Case::Cpu => primes(sizes.seed, count),
            Case::SlowIo => questions(sizes.seed, count, server, LATE),
            Case::FastIo => questions(sizes.seed, count, server, Duration::ZERO),
            Case::Files(root) => again(&chosen(files(FileWork::Hash, root, limit)?)?, sizes.jobs),
            Case::Compress(root) => {
                again(&chosen(files(FileWork::Compress, root, limit)?)?, sizes.jobs)
            }
            Case::Urls(urls) => {
                let tried = trial::pages(urls, sizes.request_limit, limit)?;
                again(&chosen(tried)?, Some(count))
            }
        };
        let lanes = match self.has_connections() {
            true => connections.min(jobs.len()),
            false => sizes.workers.min(jobs.len()),
        };
        // A job of the built-in cases does not fail because of its input.
        let keep_going = sizes.keep_going && !Case::BUILT_IN.contains(self);
        notes.extend(self.unfollowed(sizes, jobs.len()));
        let server = self.needs_server().then_some(server);
        let (workers, interval) = (sizes.workers, sizes.interval);
        let cores = Cores::Apart;
        Ok(Plan { jobs, lanes, workers, interval, server, cores, keep_going, notes, skipped })
    }

    /// How many connections there will be: as many as were asked for, or the usual number, if there
    /// are descriptors for them; fewer of these are no failure, but a note.
    fn connections(&self, sizes: &Sizes, notes: &mut Vec<String>) -> Result<usize, Failure> {
        let usual = self.usual_connections();
        let wanted = sizes.connections.unwrap_or(usual);
        // No connection without a job.
        let needed = wanted.min(sizes.jobs.unwrap_or(usize::MAX));
        // Where nobody counts on the number, every model has room to spare.
        let own = if sizes.connections.is_none() && needed > FEW { OWN + ROOM } else { OWN };
        let possible = match self.has_connections() {
            true => descriptors().map_or(usize::MAX, |limit| limit.saturating_sub(own)),
            false => usize::MAX,
        };
        if needed <= possible {
            return Ok(wanted);
        }
        let why =
            format!("they take {} descriptors, and the limit is {}", needed + own, possible + own);
        if sizes.connections.is_some() || possible == 0 {
            let remedy = "raise `ulimit -n`, or ask for fewer";
            return Err(Failure::new(format!("{needed} connections"), why, remedy));
        }
        notes.push(format!("{possible} connections instead of {usual}: {why}; raise `ulimit -n`"));
        Ok(possible)
    }

    /// What this plan of so many jobs does not do, though it was asked for.
    fn unfollowed(&self, sizes: &Sizes, jobs: usize) -> Option<String> {
        let asked = sizes.connections?;
        let name = self.name();
        if !self.has_connections() {
            Some(format!(
                "{name} has no connections, so --connections {asked} changes nothing here"
            ))
        } else if asked > jobs {
            Some(format!(
                "--connections {asked}, but {jobs} jobs open no more than {jobs}; raise --jobs"
            ))
        } else {
            None
        }
    }
}

impl Plan {
    /// Leaves this share of the jobs, or as many as it takes for all lanes and workers to have some,
    /// and says so.
    pub fn shrink(&mut self, share: f64) {
        let all = self.jobs.len();
        let least = self.lanes.max(2 * self.workers);
        let left = ((all as f64 * share).ceil() as usize).max(least).min(all);
        if left < all {
            self.jobs.truncate(left);
            let note = "instead of the usual number, for this machine is slow or busy";
            self.notes.push(format!("{left} jobs {note}; ask for {all} with --jobs"));
        }
    }
}

/// The jobs of the items that can be had. If there are others, they are `skipped`, or nothing is
/// done at all.
fn choose(tried: Tried, keep_going: bool, skipped: &mut Vec<String>) -> Result<Vec<Job>, Failure> {
    let all = tried.len();
    let (mut jobs, mut failures) = (Vec::new(), Vec::new());
    for item in tried {
        match item {
            Ok(job) => jobs.push(job),
            Err(failure) => failures.push(failure),
        }
    }
    skipped.extend(failures.iter().map(Failure::what));
    let bad = failures.len();
    match failures.into_iter().next() {
        Some(first) if jobs.is_empty() || !keep_going => {
            let way_out = if jobs.is_empty() { "name others" } else { WAY_OUT };
            Err(first.or_else(&format!(" ({bad} of {all} failed)"), way_out))
        }
        _ => Ok(jobs),
    }
}

fn unknown(word: &str) -> Failure {
    let known = "name cpu, slow-io, fast-io, files DIR, compress DIR or urls URL...";
    let remedy = match nearest(word, &["cpu", "slow-io", "fast-io", "files", "compress", "urls"]) {
        Some(near) => format!("did you mean {near}? Or {known}"),
        None => known.to_owned(),
    };
    Failure::new(word, "there is no such case", remedy)
}

fn directory(case: &str, word: Option<&OsString>) -> Result<PathBuf, Failure> {
    let remedy = format!("name a directory: {case} DIR");
    let Some(path) = word.map(PathBuf::from) else {
        return Err(Failure::new(case, "the directory is missing", remedy));
    };
    let name = path.display().to_string();
    match fs::metadata(&path) {
        Ok(found) if found.is_dir() => Ok(path),
        Ok(_) => Err(Failure::new(name, "this is no directory", remedy)),
        Err(e) => Err(Failure::io(name, &e, &remedy)),
    }
}

fn urls(words: &[OsString]) -> Result<Vec<Url>, Failure> {
    if words.is_empty() {
        let remedy = "name at least one: urls http://host/path";
        return Err(Failure::new("urls", "the URL is missing", remedy));
    }
    words.iter().map(|word| Url::parse(&word.to_string_lossy())).collect()
}

fn primes(seed: u64, jobs: usize) -> Vec<Job> {
    let start = 1_000_000 + SplitMix64::new(seed).next_u64() % 100_000;
    (0..jobs as u64)
        .map(|job| Job::Primes { from: start + job % 128 * CANDIDATES, count: CANDIDATES })
        .collect()
}

fn questions(seed: u64, jobs: usize, server: SocketAddr, late: Duration) -> Vec<Job> {
    let mut random = SplitMix64::new(seed);
    let late_us = late.as_micros() as u32;
    let mut ask = |_| {
        let question = Question { seed: random.next_u64(), late_us, answer: ANSWER };
        Job::Ask { server, question }
    };
    (0..jobs).map(&mut ask).collect()
}

/// Every file below a directory as a job that does this with it.
fn files(work: FileWork, root: &Path, limit: Duration) -> Result<Tried, Failure> {
    let tried = trial::files(work, root, limit)?;
    if tried.is_empty() {
        let (name, why) = (root.display().to_string(), "it holds no regular files");
        return Err(Failure::new(name, why, "name a directory that does"));
    }
    Ok(tried)
}

/// The first `jobs` of these over and over; each once if no number is given.
fn again(jobs: &[Job], count: Option<usize>) -> Vec<Job> {
    jobs.iter().cycle().take(count.unwrap_or(jobs.len())).cloned().collect()
}

/// Descriptors that a model needs besides its connections.
pub const OWN: usize = 16;
/// What a pool of many workers needs more.
const ROOM: usize = 24;

/// How many descriptors a process may have; `None` if the kernel does not say.
pub fn descriptors() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let open_files = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    open_files.split_whitespace().next()?.parse().ok()
}
