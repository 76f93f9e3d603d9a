//! What the kernel charged a child or a thread, and on which cores a thread may run.
//!
//! *Assumes*: Linux (`wait4`, `CLOCK_THREAD_CPUTIME_ID`, `sched_setaffinity`); at most 1024 cores.
//! *Promises*: the figures of a child include every descendant that it has waited for; threads
//! started later inherit the cores that are set here. Besides, the system's clock: exact, or as of
//! its last tick and all but free.
//! *Leaves out*: memory of several processes added up (`ru_maxrss` is that of the largest); which
//! cores share a cache.
#![allow(unsafe_code)]

use crate::sys::fd::{checked, retry};
use crate::sys::process::Death;
use std::io;
use std::time::Duration;

/// What a process and the descendants it waited for used in their lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Time on a CPU, user and system together.
    pub cpu: Duration,
    /// The most memory that one of the processes ever had resident, in KiB.
    pub peak_rss_kib: u64,
    /// Times a thread gave up its CPU because it had to wait.
    pub voluntary_switches: u64,
    /// Times a thread was made to give up its CPU.
    pub involuntary_switches: u64,
}

/// Waits for the end of child `pid`; returns how it ended and what it used.
///
/// # Errors
/// What `wait4(2)` reports: `ECHILD` if it is no child of this process, or was waited for already.
pub fn wait_with_usage(pid: u32) -> io::Result<(Death, Usage)> {
    let mut status = 0;
    // SAFETY: `rusage` is plain integers, for which all zeroes is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `status` and `usage` are locals that outlive the call.
    retry(|| unsafe { libc::wait4(pid as libc::pid_t, &mut status, 0, &mut usage) })?;
    Ok((death(status), Usage::from(usage)))
}

fn death(status: libc::c_int) -> Death {
    match libc::WIFSIGNALED(status) {
        true => Death::Signal(libc::WTERMSIG(status)),
        false => Death::Code(libc::WEXITSTATUS(status)),
    }
}

impl From<libc::rusage> for Usage {
    fn from(usage: libc::rusage) -> Usage {
        let count = |n: libc::c_long| u64::try_from(n).unwrap_or(0);
        Usage {
            cpu: of_timeval(usage.ru_utime) + of_timeval(usage.ru_stime),
            peak_rss_kib: count(usage.ru_maxrss),
            voluntary_switches: count(usage.ru_nvcsw),
            involuntary_switches: count(usage.ru_nivcsw),
        }
    }
}

fn of_timeval(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
}

/// How long this thread has been on a CPU since it began.
///
/// ```
/// use singletrack::sys::usage::thread_cpu_time;
///
/// let before = thread_cpu_time();
/// assert!(thread_cpu_time() >= before);
/// ```
pub fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a local that outlives the call. The clock exists on every Linux that
    // Rust's std runs on, so the call cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Nanoseconds on the clock that only goes forward, which `Instant` reads as well
/// (`CLOCK_MONOTONIC`), since a moment before this process began.
pub fn monotonic_time() -> u64 {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// The same clock as it was at the kernel's last tick, so 1 to 10 ms ago at most. It costs 3 ns
/// where the exact time costs 20.
///
/// ```
/// use singletrack::sys::usage::{coarse_time, monotonic_time};
///
/// let coarse = coarse_time();
/// assert!(coarse <= monotonic_time());
/// ```
pub fn coarse_time() -> u64 {
    read_clock(libc::CLOCK_MONOTONIC_COARSE)
}

fn read_clock(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a local that outlives the call. Both clocks exist on every Linux that
    // Rust's std runs on, so the call cannot fail.
    unsafe { libc::clock_gettime(clock, &mut time) };
    (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64)
}

/// How long this thread could have run so far, but had to wait for a core: other threads had
/// them all. `None` if the kernel does not count that (`/proc/thread-self/schedstat`).
///
/// ```
/// use singletrack::sys::usage::thread_core_wait;
///
/// if let Some(before) = thread_core_wait() {
///     assert!(thread_core_wait() >= Some(before));
/// }
/// ```
pub fn thread_core_wait() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let waited = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(waited))
}

/// The cores this thread may run on, in ascending order.
///
/// # Errors
/// What `sched_getaffinity(2)` reports: `EINVAL` on a machine with more than 1024 cores.
#[doc(alias = "os.sched_getaffinity")]
pub fn cores() -> io::Result<Vec<usize>> {
    // SAFETY: `cpu_set_t` is plain integers, for which all zeroes is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is a local of the size that is given; 0 is this thread.
    checked(unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) })?;
    // SAFETY: every number below CPU_SETSIZE has a bit in the set.
    let may_run = |core: &usize| unsafe { libc::CPU_ISSET(*core, &set) };
    Ok((0..libc::CPU_SETSIZE as usize).filter(may_run).collect())
}

/// Lets this thread run on these cores only.
///
/// # Errors
/// What `sched_setaffinity(2)` reports: `EINVAL` if it may run on none of them.
///
/// ```
/// use singletrack::sys::usage::{cores, pin_to};
///
/// let all = cores()?;
/// pin_to(&all[..1])?;
/// assert_eq!(cores()?, all[..1]);
/// pin_to(&all)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "os.sched_setaffinity")]
pub fn pin_to(cores: &[usize]) -> io::Result<()> {
    // SAFETY: `cpu_set_t` is plain integers, for which all zeroes is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for &core in cores.iter().filter(|&&core| core < libc::CPU_SETSIZE as usize) {
        // SAFETY: the number has a bit in the set.
        unsafe { libc::CPU_SET(core, &mut set) };
    }
    // SAFETY: the set is a local of the size that is given; 0 is this thread.
    checked(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) }).map(drop)
}

/// How many seconds local time is ahead of UTC at a moment, in seconds since 1970: as `TZ` says, or the
/// system's own zone. 0 if that is not known.
pub fn utc_offset(moment: i64) -> i64 {
    // SAFETY: `tm` is plain integers and a pointer, for which all zeroes is a value.
    let mut fields: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both are locals that outlive the call.
    let filled = unsafe { libc::localtime_r(&moment, &mut fields) };
    if filled.is_null() { 0 } else { fields.tm_gmtoff }
}
