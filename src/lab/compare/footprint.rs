//! The processes of a run at one moment: memory, threads, time on cores and time without one.
//!
//! *Assumes*: Linux's `/proc`. What it does not tell is `None`, never a guess.
//! *Promises*: the sum over this process and all below it. Memory is the proportional set size: a
//! page that three processes share counts a third in each, so that the sum is what the run takes
//! from the machine. Times are those of the threads that live now, and exact for those that sleep.
//! *Leaves out*: threads that have ended; memory of the kernel, such as socket buffers.
//!
//! ```text
//!   /proc/PID/smaps_rollup             Pss
//!   /proc/PID/task/TID/schedstat       ns on a core · ns that it could have run and had no core
//!   /proc/PID/task/TID/children        the processes below
//!   /proc/stat                         how busy all cores were, whoever had them
//! ```

use crate::gil::rules::decision::nanos;
use crate::sys::process::thread_id;
use crate::sys::usage::thread_cpu_time;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// What the processes of a run have and have used, all added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// How many processes.
    pub processes: u64,
    /// How many threads.
    pub threads: u64,
    /// Proportional set size, in KiB.
    pub memory_kib: Option<u64>,
    /// Time that the threads were on a core.
    pub cpu_ns: Option<u64>,
    /// Time that the threads could have run, but had no core.
    pub core_wait_ns: Option<u64>,
}

impl Footprint {
    /// Of this process and all below it, without their memory, which takes longest to learn.
    pub fn without_memory() -> Footprint {
        let mut sum = Footprint::nothing();
        for pid in family() {
            sum.add_threads(pid);
        }
        sum
    }

    /// Of this process and all below it.
    pub fn now() -> Footprint {
        let mut sum = Footprint::nothing();
        for pid in family() {
            sum.add_threads(pid);
            sum.memory_kib = added(sum.memory_kib, memory(pid));
        }
        sum
    }

    fn nothing() -> Footprint {
        let none = Some(0);
        Footprint { memory_kib: none, cpu_ns: none, core_wait_ns: none, ..Footprint::default() }
    }

    fn add_threads(&mut self, pid: u32) {
        let threads = numbers(&format!("/proc/{pid}/task"));
        if threads.is_empty() {
            (self.cpu_ns, self.core_wait_ns) = (None, None);
        }
        self.processes += 1;
        for thread in threads {
            let times = thread_times(pid, thread);
            self.threads += 1;
            self.cpu_ns = added(self.cpu_ns, times.map(|(on_core, _)| on_core));
            self.core_wait_ns = added(self.core_wait_ns, times.map(|(_, waited)| waited));
        }
    }
}

fn added(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    Some(sum?.saturating_add(more?))
}

/// How long a thread has been on a core, and how long it could have run without one.
pub fn thread_times(pid: u32, thread: u32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
    let mut numbers = text.split_whitespace().map(str::parse);
    let (on_core, waited) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    // Of a thread that runs, the kernel shows what it had at the last tick.
    match thread == thread_id() {
        true => Some((nanos(thread_cpu_time()), waited)),
        false => Some((on_core, waited)),
    }
}

/// This process and all below it.
fn family() -> Vec<u32> {
    let mut family = vec![std::process::id()];
    let mut at = 0;
    while at < family.len() {
        let pid = family[at];
        for thread in numbers(&format!("/proc/{pid}/task")) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{thread}/children"));
            let children = children.unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        at += 1;
    }
    family
}

/// The entries of a directory that are numbers.
fn numbers(directory: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(Path::new(directory)) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The proportional set size of a process, in KiB.
fn memory(pid: u32) -> Option<u64> {
    pss(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?)
}

/// The proportional set size in the text of a `smaps_rollup`, in KiB.
///
/// ```
/// use singletrack::lab::compare::footprint::pss;
///
/// assert_eq!(pss("Rss:    1728 kB\nPss:     205 kB\nPss_Dirty: 116 kB\n"), Some(205));
/// assert_eq!(pss("Rss:    1728 kB\n"), None);
/// ```
pub fn pss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

// ---- the machine ----

/// How long all cores together have worked, and how long they could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoreTime {
    /// For anybody.
    pub busy: Duration,
    /// At all.
    pub whole: Duration,
}

/// The time of all cores since the machine started; `None` if the kernel does not say.
pub fn core_time() -> Option<CoreTime> {
    parse_stat(&fs::read_to_string("/proc/stat").ok()?)
}

/// The first line of a `/proc/stat`, which counts hundredths of a second.
///
/// ```
/// use singletrack::lab::compare::footprint::parse_stat;
///
/// let time = parse_stat("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n").unwrap();
/// assert_eq!((time.busy.as_secs_f64(), time.whole.as_secs_f64()), (1.5, 10.0));
/// assert_eq!(parse_stat("intr 1 2 3"), None);
/// ```
pub fn parse_stat(text: &str) -> Option<CoreTime> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|n| n.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; what guests used is in user.
    let whole = ticks.iter().take(8).fold(0u64, |sum, ticks| sum.saturating_add(*ticks));
    let idle = ticks.get(3)?.saturating_add(*ticks.get(4)?);
    let time = |ticks: u64| Duration::from_millis(ticks.saturating_mul(10));
    Some(CoreTime { busy: time(whole.saturating_sub(idle)), whole: time(whole) })
}

/// The share of all cores that others had between two moments, if `ours` is what this command used
/// of them.
pub fn share_of_others(before: CoreTime, after: CoreTime, ours: Duration) -> f64 {
    let busy = after.busy.saturating_sub(before.busy).saturating_sub(ours);
    let whole = after.whole.saturating_sub(before.whole);
    if whole.is_zero() { 0.0 } else { busy.as_secs_f64() / whole.as_secs_f64() }
}
