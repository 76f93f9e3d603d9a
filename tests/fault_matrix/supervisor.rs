//! Decides about every call that stops in one cell: counts, and has the k-th fail.
//!
//! *Promises*: comes back when the last process of the cell is gone, or was killed because its time was
//! over; says what was counted, where the fault came down, and what was left running.
//! *Leaves out*: what the cell does (`cell.rs`), what its end means (`verdict.rs`).
//!
//! **Why a supervisor.** A filter keeps no count, so it cannot have the k-th call fail. Of the ways to
//! count outside (`ptrace`, `LD_PRELOAD`, notification), notification is the one that follows threads,
//! forks and `exec` by itself, sees what libc calls for itself, stops nothing but the calls asked for,
//! and lives in a process that no fault can reach. A tracer would have every signal and every death
//! pass through it, which this library has enough of.
//!
//! **The end of a cell.** The listener hangs up when no process has the filter any more: so the kernel
//! itself takes the census of processes.

use crate::filter::{Answer, Listener, Stopped};
use crate::targets::{Kind, Only, TARGETS, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The call that fails: the `nth` of this target, from 1.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub target: &'static Target,
    pub errno: i32,
    pub nth: u32,
}

/// What became of a cell.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often each target was called while that counted.
    pub counts: BTreeMap<&'static str, u32>,
    /// Calls that stand in no list.
    pub unknown: BTreeSet<i64>,
    /// Who made the call that failed.
    pub hit: Option<String>,
    /// The status that `waitpid` gives of the cell's process.
    pub status: i32,
    /// What its threads were doing when its time was over.
    pub hung: Option<String>,
    /// Processes were left when the cell's own had ended.
    pub left_running: bool,
}

/// So long a cell may take.
const LIMIT: Duration = Duration::from_secs(30);
/// So long its other processes may take to end after it.
const GRACE: Duration = Duration::from_secs(3);

pub struct Supervisor<'a> {
    pub cell: u32,
    pub pidfd: BorrowedFd<'a>,
    /// `None`: nothing is to be stopped.
    pub listener: Option<Listener>,
    pub fault: Option<Fault>,
    /// Whether calls count now.
    pub armed: &'a dyn Fn() -> bool,
}

impl Supervisor<'_> {
    /// Serves until the cell is gone.
    pub fn run(mut self) -> Seen {
        let mut seen = Seen::default();
        let exe = fs::read_link("/proc/self/exe").unwrap_or_default();
        let limit = Instant::now() + LIMIT;
        let mut ended: Option<Instant> = None;
        loop {
            if ended.is_none() && reap(self.cell, &mut seen.status) {
                ended = Some(Instant::now());
            }
            if ended.is_some() && self.listener.is_none() {
                break;
            }
            let until = ended.map_or(limit, |at| at + GRACE);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if ended.is_some() {
                    seen.left_running = true;
                } else {
                    seen.hung = Some(what_it_does(self.cell));
                }
                kill_children();
                break;
            }
            self.serve(left.min(Duration::from_millis(100)), ended.is_some(), &exe, &mut seen);
        }
        drop(self.listener.take()); // calls that stop now fail
        while !no_child_is_left() {
            kill_children();
            reap(self.cell, &mut seen.status);
            std::thread::sleep(Duration::from_millis(1));
        }
        seen
    }

    fn serve(&mut self, timeout: Duration, ended: bool, exe: &PathBuf, seen: &mut Seen) {
        let listener = self.listener.as_ref().map_or(-1, Listener::number);
        let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let own = if ended { -1 } else { self.pidfd.as_raw_fd() };
        let mut entries = [entry(listener), entry(own)];
        // SAFETY: pointer and count are those of a local array.
        unsafe { libc::poll(entries.as_mut_ptr(), 2, timeout.as_millis() as i32) };
        let Some(listener) = &self.listener else { return };
        if entries[0].revents & libc::POLLIN != 0 {
            if let Some(stopped) = listener.receive() {
                let answer = self.decide(&stopped, exe, seen);
                listener.answer(&stopped, answer);
            }
        } else if entries[0].revents & libc::POLLHUP != 0 {
            self.listener = None;
        }
    }

    fn decide(&self, stopped: &Stopped, exe: &PathBuf, seen: &mut Seen) -> Answer {
        // What a command that was started does with its own faults is not ours.
        let ours =
            || fs::read_link(format!("/proc/{}/exe", stopped.thread)).ok().as_ref() == Some(exe);
        if !(self.armed)() || !ours() {
            return Answer::GoOn;
        }
        let Some(target) = find_target(stopped, &mut seen.unknown) else { return Answer::GoOn };
        let count = seen.counts.entry(target.name).or_default();
        *count += 1;
        match self.fault {
            Some(fault) if fault.target.name == target.name && fault.nth == *count => {
                seen.hit = Some(who(self.cell, stopped.thread));
                if target.only == Only::Closes {
                    self.close_for(stopped);
                }
                Answer::Errno(fault.errno)
            }
            _ => Answer::GoOn,
        }
    }

    /// Linux has closed a descriptor, whatever error `close` returns. Here its number stays taken, by
    /// `/dev/null`, which the census knows of.
    fn close_for(&self, stopped: &Stopped) {
        let Ok(null) = File::open("/dev/null") else { return };
        if let Some(listener) = &self.listener {
            listener.replace(stopped, stopped.args[0] as i32, null.as_fd());
        }
    }
}

/// The target that this call belongs to. A call may be left out because of what it is made on.
fn find_target(stopped: &Stopped, unknown: &mut BTreeSet<i64>) -> Option<&'static Target> {
    let mut known = false;
    let mut kind = None;
    for target in TARGETS.iter().filter(|target| target.numbers().contains(&stopped.number)) {
        known = true;
        let fits = match target.only {
            Only::All | Only::Closes => true,
            Only::On(wanted) => *kind.get_or_insert_with(|| kind_of(stopped)) == wanted,
            Only::Waits => {
                let operation = stopped.args[1] as i32 & libc::FUTEX_CMD_MASK;
                matches!(operation, libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET)
            }
        };
        if fits {
            return Some(target);
        }
    }
    if !known {
        unknown.insert(stopped.number);
    }
    None
}

fn kind_of(stopped: &Stopped) -> Kind {
    let path = format!("/proc/{}/fd/{}", stopped.thread, stopped.args[0] as i32);
    let target = fs::read_link(path).unwrap_or_default().display().to_string();
    match target.split(":[").next() {
        Some("pipe") => Kind::Pipe,
        Some("socket") => Kind::Socket,
        Some("anon_inode") if target.contains("eventfd") => Kind::Event,
        _ => Kind::File,
    }
}

/// As `process-pool of the program`.
fn who(cell: u32, thread: u32) -> String {
    let read = |file| fs::read_to_string(format!("/proc/{thread}/{file}")).unwrap_or_default();
    let status = read("status");
    let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let group: Option<u32> = field("Tgid:").and_then(|text| text.parse().ok());
    let parent: Option<u32> = field("PPid:").and_then(|text| text.parse().ok());
    let whose = match (group == Some(cell), parent == Some(cell)) {
        (true, _) => "the program",
        (_, true) => "its child",
        _ => "a child's child",
    };
    format!("{} of {whose}", read("comm").trim())
}

/// For the report of a hang: each thread, and the call that it is in.
fn what_it_does(cell: u32) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(format!("/proc/{cell}/task")).into_iter().flatten().flatten() {
        let read = |file| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let call = read("syscall");
        let call = call.split(' ').take(3).collect::<Vec<_>>().join(" ");
        text.push_str(&format!("{}: {}; ", read("comm").trim(), call.trim()));
    }
    text
}

/// Collects what has ended; true if the cell's own process has.
fn reap(cell: u32, status: &mut i32) -> bool {
    let mut ended = false;
    loop {
        let mut of_this = 0;
        // SAFETY: the status is a local that outlives the call.
        let pid = unsafe { libc::waitpid(-1, &mut of_this, libc::WNOHANG) };
        if pid <= 0 {
            return ended;
        }
        if pid as u32 == cell {
            (*status, ended) = (of_this, true);
        }
    }
}

/// All processes of a cell come to be children of this one when their parents have ended.
fn no_child_is_left() -> bool {
    // SAFETY: plain data, a local that outlives the call, which only looks.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        libc::waitid(libc::P_ALL, 0, &mut info, how) == -1
    }
}

fn kill_children() {
    let me = std::process::id();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
        if parent.and_then(|text| text.parse().ok()) == Some(me) {
            // SAFETY: the call takes two numbers. The child was not reaped, so the number is its own.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}
