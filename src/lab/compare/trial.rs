//! Every file and every page once before the race: which can be had, and what they come to.
//!
//! *Assumes*: one thread, for the trial runs in a forked child, as a model does.
//! *Promises*: each item becomes a job that knows its value, or a failure that names it; one bad item
//! spoils no other. Names are looked up here, once. A page is fetched twice, so that one that is
//! never the same is found before it is raced.
//! *Leaves out*: what to do about a failure (`lab/compare/cases.rs`).
//!
//! ```text
//!   urls ──▶ tasks on a loop: reach the host, fetch, follow redirects, fetch again ─┐
//!   directory ──▶ its regular files ──▶ read and work on each ──────────────────────┤
//!                                                                                   ▼
//!                                                     for each: Job { expected }, or Failure
//! ```
//! Whatever is fetched from a disk for the first time is fetched here, so that no model has to do it
//! for the others.

use crate::aio::net::tcp::TcpStream;
use crate::aio::time::timeout::wait_for;
use crate::event_loop::lifecycle::EventLoop;
use crate::lab::compare::compute::Hash;
use crate::lab::compare::context::JobContext;
use crate::lab::compare::http::Outcome;
use crate::lab::compare::job::{self, FileWork, Hop, Job, fetch};
use crate::lab::compare::loops::{LoopThread, TaskCalls};
use crate::lab::compare::threads::{NoLock, ThreadCalls, poll_once};
use crate::lab::compare::url::Url;
use crate::lab::report::failure::{Failure, reason};
use crate::lab::report::measure::measure;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// Pages that are tried at the same time.
const AT_ONCE: usize = 8;
/// Redirects that are followed.
const REDIRECTS: usize = 10;
/// How long a host may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of each item.
pub type Tried = Vec<Result<Job, Failure>>;

// ---- pages ----

/// Tries all pages, each answer within `request`, all of them within `limit`.
///
/// # Errors
/// If the trial itself fails.
pub fn pages(urls: &[Url], request: Duration, limit: Duration) -> Result<Tried, Failure> {
    measure(limit, || try_pages(urls, request)).map(|(tried, _)| tried)
}

struct Trial {
    urls: Vec<Url>,
    request: Duration,
    next: Cell<usize>,
    tried: RefCell<Vec<Option<Result<Job, Failure>>>>,
    hosts: RefCell<HashMap<(String, u16), Result<SocketAddr, String>>>,
}

fn try_pages(urls: &[Url], request: Duration) -> Result<Tried, Failure> {
    let event_loop =
        EventLoop::new().map_err(|e| Failure::io("the event loop", &e, "raise `ulimit -n`"))?;
    let trial = Rc::new(Trial {
        urls: urls.to_vec(),
        request,
        next: Cell::new(0),
        tried: RefCell::new(vec![None; urls.len()]),
        hosts: RefCell::default(),
    });
    let lane = |_| {
        let trial = Rc::clone(&trial);
        event_loop.create_task(async move { trial.lane().await })
    };
    let lanes: Vec<_> = (0..AT_ONCE.min(urls.len())).map(lane).collect();
    event_loop.run_until_complete(async {
        for lane in lanes {
            let bug = "this is a bug; please report it";
            lane.await.map_err(|e| Failure::new("a task", e.to_string(), bug))?;
        }
        Ok::<(), Failure>(())
    })?;
    Ok(trial.tried.take().into_iter().flatten().collect())
}

impl Trial {
    async fn lane(&self) {
        let mut context = JobContext::new(TaskCalls::new(LoopThread));
        loop {
            let at = self.next.get();
            let Some(url) = self.urls.get(at) else { return };
            self.next.set(at + 1);
            let tried = self.page(&mut context, url).await;
            self.tried.borrow_mut()[at] = Some(tried);
        }
    }

    async fn page(
        &self,
        context: &mut JobContext<TaskCalls<LoopThread>>,
        url: &Url,
    ) -> Result<Job, Failure> {
        let (mut hops, mut next) = (Vec::new(), url.clone());
        let bytes = loop {
            let at = self.reach(&next).await.map_err(|f| via(url, &next, f))?;
            hops.push(Hop { url: next, at });
            let hop = &hops[hops.len() - 1];
            match fetch(context, hop, self.request).await.map_err(|f| via(url, &hop.url, f))? {
                Outcome::Page(bytes) => break bytes,
                Outcome::Elsewhere(_) if hops.len() > REDIRECTS => {
                    let why = format!("more than {REDIRECTS} redirects");
                    return Err(Failure::new(url.text(), why, "give the URL where they lead"));
                }
                Outcome::Elsewhere(location) => {
                    next = hop.url.join(&location).map_err(|f| f.within(url.text()))?;
                }
            }
        };
        let expected = Some(context.compute(Hash { bytes }).await?);
        let job = Job::Get { hops, expected, limit: self.request };
        job::run(context, &job).await?;
        Ok(job)
    }

    /// An address of the URL's host that accepts a connection: the first that does. Looking up its
    /// name stops the loop, so every host is looked up once.
    async fn reach(&self, url: &Url) -> Result<SocketAddr, Failure> {
        let host = (url.host().to_owned(), url.port());
        let known = self.hosts.borrow().get(&host).cloned();
        let reached = match known {
            Some(reached) => reached,
            None => {
                let reached = first_that_accepts(&host).await.map_err(|e| reason(&e));
                self.hosts.borrow_mut().insert(host, reached.clone());
                reached
            }
        };
        let remedy = "check host and port, and that a server listens there";
        reached.map_err(|why| Failure::new(url.text(), why, remedy))
    }
}

/// A failure of a page to which redirects led names the URL that was given, too.
fn via(given: &Url, url: &Url, failure: Failure) -> Failure {
    if given == url { failure } else { failure.within(given.text()) }
}

async fn first_that_accepts((host, port): &(String, u16)) -> io::Result<SocketAddr> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its host has no address");
    for address in (host.as_str(), *port).to_socket_addrs()? {
        let connected = wait_for(TcpStream::connect(address), Some(PATIENCE)).await;
        match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(_) => return Ok(address),
            Err(e) => last = e,
        }
    }
    Err(last)
}

// ---- files ----

/// Does the work with every regular file below `root`, in the order of their names, all within
/// `limit`. A directory that cannot be read is a failure like a file.
///
/// # Errors
/// If the trial itself fails.
pub fn files(work: FileWork, root: &Path, limit: Duration) -> Result<Tried, Failure> {
    measure(limit, || {
        let (paths, mut tried) = regular_files(root);
        tried.extend(paths.iter().map(|path| try_file(work, path)));
        Ok(tried)
    })
    .map(|(tried, _)| tried)
}

fn try_file(work: FileWork, path: &Path) -> Result<Job, Failure> {
    let job = Job::file(work, path);
    let mut context = JobContext::new(ThreadCalls::new(NoLock));
    let value = poll_once(job::run(&mut context, &job))?;
    Ok(job.expecting(value))
}

/// The files, and the directories that could not be read. Symbolic links are not followed: they
/// may lead back.
fn regular_files(root: &Path) -> (Vec<PathBuf>, Tried) {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let mut look = || {
            for entry in fs::read_dir(&directory)? {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    directories.push(entry.path());
                } else if kind.is_file() {
                    found.push(entry.path());
                }
            }
            Ok(())
        };
        if let Err(e) = look() {
            let name = directory.display().to_string();
            refused.push(Err(Failure::io(name, &e, "make it readable")));
        }
    }
    found.sort();
    (found, refused)
}
