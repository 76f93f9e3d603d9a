//! One measurement: the processor's time and the memory that so many things took.
//!
//! *Promises*: time is what the kernel charged this process and the children it has waited for, not
//! what a clock on the wall says, so that other programs on the machine hardly disturb it.
//! *Leaves out*: how often it is repeated (`point.rs`).

use std::time::Duration;

/// So many things took so much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// How many.
    pub units: f64,
    /// Seconds of processors.
    pub seconds: f64,
    /// Bytes that were there when all of them were; 0 where that was not looked at.
    pub bytes: f64,
}

/// From its start to its stop.
pub struct Meter {
    began: Duration,
    resident: f64,
    fullest: f64,
}

impl Meter {
    pub fn start() -> Meter {
        let resident = resident();
        Meter { began: cpu_time(), resident, fullest: resident }
    }

    /// All of them are there now. Its own time counts, and is some microseconds.
    pub fn full(&mut self) {
        self.fullest = self.fullest.max(resident());
    }

    pub fn stop(self, units: u64) -> Sample {
        let seconds = (cpu_time() - self.began).as_secs_f64();
        Sample { units: units as f64, seconds, bytes: self.fullest - self.resident }
    }
}

/// Of this process, all its threads, and the children that it has waited for.
fn cpu_time() -> Duration {
    let mut own = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls fill the struct they are given; all zeroes is a valid `rusage`.
    let children = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut own);
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let of = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Duration::new(own.tv_sec as u64, own.tv_nsec as u32)
        + of(children.ru_utime)
        + of(children.ru_stime)
}

/// Resident bytes of this process.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0
}

/// The most that a child that was waited for has had resident, in bytes.
pub fn fullest_child() -> f64 {
    // SAFETY: the call fills the struct it is given; all zeroes is a valid one.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    usage.ru_maxrss as f64 * 1024.0
}
