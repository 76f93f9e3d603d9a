//! One cell of the matrix: a fork of this program that runs a scenario, once with the fault and once
//! without, and takes the census.
//!
//! *Assumes*: this process has one thread.
//! *Promises*: the scenario begins in a process that has run none before; whatever happens, this comes
//! back, and nothing of the cell is left.
//! *Leaves out*: what is right (`verdict.rs`).
//!
//! ```text
//!   this process          the cell
//!   fork ───────────────▶ filter, listener
//!   fetch the listener    wait
//!   supervise ░░░░░░░░░░  census · scenario with the fault · scenario without · census · report
//! ```
//! The second run shows that the fault has broken nothing for good. What the library makes once in a
//! process (its eventfd for signals, say) is there after it, with a fault or without.

use crate::SLACK;
use crate::census::{Census, settled};
use crate::filter::{self, Listener, Stop};
use crate::scenarios::{Scenario, run_caught};
use crate::supervisor::{Fault, Seen, Supervisor};
use crate::targets::{Only, left_out};
use crate::told::Outcome;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

/// What the scenario runs under.
#[derive(Debug, Clone, Copy)]
pub enum Under {
    /// Nothing: all calls are counted.
    Watch,
    Fault(Fault),
    /// A limit of the process, for the first run only.
    Limit(crate::limits::Limit),
}

/// What a cell reports itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub faulted: Outcome,
    pub healthy: Outcome,
    /// What is more at the end than at the beginning.
    pub left: Census,
}

/// A cell that is over.
#[derive(Debug)]
pub struct Over {
    pub seen: Seen,
    /// `None`: it did not come so far.
    pub report: Option<Report>,
    /// What its processes wrote to standard error.
    pub said: String,
}

/// Why there is no matrix on this system.
#[derive(Debug)]
pub struct NotPermitted(pub String);

/// What both processes see.
#[repr(C)]
struct Shared {
    /// The listener's number in the cell; minus an errno; 0: not yet.
    listener: AtomicI32,
    fetched: AtomicU32,
    armed: AtomicU32,
}

fn map_shared() -> &'static Shared {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let how = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: new pages of zeros, which are these atomics, and are never unmapped.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), 4096, access, how, -1, 0);
        assert_ne!(page, libc::MAP_FAILED, "no page to share");
        &*page.cast()
    }
}

/// A file in memory, shared with the cell.
fn memory_file() -> File {
    // SAFETY: the name ends in zero; the call returns a descriptor that nothing else owns.
    unsafe {
        let fd = libc::memfd_create(c"cell".as_ptr(), libc::MFD_CLOEXEC);
        assert_ne!(fd, -1, "no file in memory");
        File::from_raw_fd(fd)
    }
}

/// Where cells are run from.
pub struct Cells {
    shared: &'static Shared,
}

impl Cells {
    /// # Panics
    /// Where the system gives a page and a file less.
    pub fn new() -> Cells {
        // SAFETY: the option takes a number: orphans come to this process.
        unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
        Cells { shared: map_shared() }
    }

    /// Runs one. `expected`: what a run without a fault leaves, where that is known.
    pub fn run(
        &self,
        scenario: &Scenario,
        under: Under,
        expected: Option<&Census>,
    ) -> Result<Over, NotPermitted> {
        let shared = self.shared;
        shared.listener.store(0, Ordering::SeqCst);
        shared.fetched.store(0, Ordering::SeqCst);
        shared.armed.store(0, Ordering::SeqCst);
        let (mut report, mut said) = (memory_file(), memory_file());
        // SAFETY: this process has one thread, so the child can do all that it could.
        let pid = unsafe { libc::fork() };
        assert_ne!(pid, -1, "no process for a cell");
        if pid == 0 {
            let file = report.as_raw_fd();
            live(shared, scenario, under, expected, file, &said);
        }
        let pid = pid as u32;
        // SAFETY: the call takes two numbers, and returns a descriptor that nothing else owns.
        let pidfd = unsafe {
            OwnedFd::from_raw_fd(libc::syscall(libc::SYS_pidfd_open, pid, 0) as libc::c_int)
        };
        let filtered = !matches!(under, Under::Limit(_));
        let listener = filtered.then(|| self.fetch(pid, &pidfd)).transpose()?;
        let seen = Supervisor {
            cell: pid,
            pidfd: pidfd.as_fd(),
            listener,
            fault: if let Under::Fault(fault) = under { Some(fault) } else { None },
            armed: &|| shared.armed.load(Ordering::SeqCst) == 1,
        }
        .run();
        Ok(Over { seen, report: Report::parse(&text(&mut report)), said: text(&mut said) })
    }

    fn fetch(&self, pid: u32, pidfd: &OwnedFd) -> Result<Listener, NotPermitted> {
        let number = loop {
            match self.shared.listener.load(Ordering::SeqCst) {
                0 => std::thread::yield_now(),
                number => break number,
            }
        };
        let refused = |what: &str, error: std::io::Error| {
            // SAFETY: both calls take numbers; the child is ours and was not reaped.
            unsafe {
                libc::kill(pid as i32, libc::SIGKILL);
                libc::waitpid(pid as i32, std::ptr::null_mut(), 0);
            }
            NotPermitted(format!("{what}: {error}"))
        };
        if number < 0 {
            let error = std::io::Error::from_raw_os_error(-number);
            return Err(refused("a filter of system calls (seccomp) is not permitted", error));
        }
        let fetched = Listener::fetch(pidfd.as_fd(), number);
        let listener = fetched.map_err(|e| refused("pidfd_getfd is not permitted", e))?;
        self.shared.fetched.store(1, Ordering::SeqCst);
        Ok(listener)
    }
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let read = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    read.expect("a file in memory can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

// ---- in the cell ----

/// The cell's whole life.
fn live(
    shared: &Shared,
    scenario: &Scenario,
    under: Under,
    expected: Option<&Census>,
    report: i32,
    said: &File,
) -> ! {
    // SAFETY: the calls take numbers. The reports go to files in memory, which no fault reaches before
    // it is disarmed; the files' own numbers are closed, so that the census is a clean one.
    unsafe {
        libc::dup2(said.as_raw_fd(), libc::STDERR_FILENO);
        libc::close(said.as_raw_fd());
        libc::alarm(120);
    }
    let stop = match under {
        Under::Watch => Some(Stop::AllBut(left_out())),
        Under::Fault(fault) => Some(Stop::These(fault.target.numbers())),
        Under::Limit(_) => None,
    };
    if let Some(stop) = stop {
        begin_to_stop(shared, &stop);
    }
    let before = Census::take();
    shared.armed.store(1, Ordering::SeqCst);
    let faulted = match under {
        Under::Limit(limit) => limit.hold(scenario),
        _ => run_caught(scenario),
    };
    shared.armed.store(0, Ordering::SeqCst);
    let healthy = run_caught(scenario);
    // Either is right: the number is given back when its owner had it for the second run.
    let replaced = matches!(under, Under::Fault(fault) if fault.target.only == Only::Closes);
    let left = |after: &Census| {
        let mut left = after.since(&before);
        if replaced && left.descriptors.get("/dev/null") == Some(&1) {
            left.descriptors.remove("/dev/null");
        }
        left
    };
    let as_expected = |left: &Census| match expected {
        Some(expected) => left.is_as(expected, SLACK),
        None => left.threads == 0 && !left.children,
    };
    let left = left(&settled(|after| as_expected(&left(after))));
    let text = Report { faulted, healthy, left }.to_text();
    // SAFETY: the descriptor is the report's, which nothing has closed; it is not dropped.
    let mut file = std::mem::ManuallyDrop::new(unsafe { File::from_raw_fd(report) });
    let written = file.write_all(text.as_bytes());
    // SAFETY: the call has no preconditions.
    unsafe { libc::_exit(i32::from(written.is_err())) }
}

fn begin_to_stop(shared: &Shared, stop: &Stop) {
    match filter::install(stop) {
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(libc::ENOSYS);
            shared.listener.store(-errno, Ordering::SeqCst);
            // SAFETY: the call has no preconditions.
            unsafe { libc::_exit(0) }
        }
        Ok(listener) => {
            shared.listener.store(listener, Ordering::SeqCst);
            while shared.fetched.load(Ordering::SeqCst) == 0 {
                std::thread::yield_now(); // makes no call that stops
            }
            // SAFETY: the listener is ours alone here; the supervisor has a duplicate.
            unsafe { libc::close(listener) };
        }
    }
}

impl Report {
    /// One fact a line.
    fn to_text(&self) -> String {
        let Census { descriptors, threads, children, shared, heap } = &self.left;
        let mut text = format!(
            "faulted {}\nhealthy {}\nthreads {threads}\nchildren {}\nshared {shared}\nheap {heap}\n",
            self.faulted.to_line(),
            self.healthy.to_line(),
            isize::from(*children),
        );
        for (kind, count) in descriptors {
            text.push_str(&format!("descriptor {count} {kind}\n"));
        }
        text + "end\n"
    }

    /// `None` if it is not whole.
    fn parse(text: &str) -> Option<Report> {
        let mut report = Report::default();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let number = || rest.parse::<isize>().ok();
            match word {
                "faulted" => report.faulted = Outcome::from_line(rest)?,
                "healthy" => report.healthy = Outcome::from_line(rest)?,
                "threads" => report.left.threads = number()?,
                "children" => report.left.children = number()? == 1,
                "shared" => report.left.shared = number()?,
                "heap" => report.left.heap = number()?,
                "descriptor" => {
                    let (count, kind) = rest.split_once(' ')?;
                    report.left.descriptors.insert(kind.to_owned(), count.parse().ok()?);
                }
                "end" => return Some(report),
                _ => return None,
            }
        }
        None
    }
}
