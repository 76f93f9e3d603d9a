//! How many cores there really are: by affinity, and by the quota of a control group.
//!
//! *Assumes*: Linux's `/proc` and `/sys/fs/cgroup`; what they do not tell is `None`.
//! *Promises*: of nested groups, the smallest quota counts. A number of workers never exceeds what the
//! quota pays for, as long as it pays for one.
//! *Leaves out*: how fast the cores are (`lab/choose/calibrate.rs`).

use crate::sys::usage::cores;
use std::fs;
use std::path::{Path, PathBuf};

/// The cores of this process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// On how many it may run: `taskset`, and the container's set.
    pub affinity: usize,
    /// What its control group may use of them, in cores; `None`: all.
    pub quota: Option<f64>,
    /// How many workers are of use.
    pub usable: usize,
}

impl Machine {
    /// This one.
    pub fn here() -> Machine {
        let known = std::thread::available_parallelism().map_or(1, usize::from);
        Machine::of(cores().map_or(known, |cores| cores.len()), quota())
    }

    /// One with that affinity and that quota.
    ///
    /// ```
    /// use singletrack::lab::choose::machine::Machine;
    ///
    /// assert_eq!(Machine::of(8, None).usable, 8);
    /// assert_eq!(Machine::of(8, Some(2.5)).usable, 2);
    /// assert_eq!(Machine::of(2, Some(0.5)).usable, 1);
    /// ```
    pub fn of(affinity: usize, quota: Option<f64>) -> Machine {
        let paid = quota.map_or(affinity, |cores| cores.floor() as usize);
        Machine { affinity, quota, usable: affinity.min(paid).max(1) }
    }
}

/// The quota of this process's control group and of those around it.
fn quota() -> Option<f64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let all = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
        let root = match controllers {
            "" => PathBuf::from("/sys/fs/cgroup"),
            list if list.split(',').any(|name| name == "cpu") => {
                Path::new("/sys/fs/cgroup").join("cpu")
            }
            _ => return None,
        };
        let here = root.join(path);
        here.ancestors()
            .take_while(|at| at.starts_with(&root))
            .filter_map(of_group)
            .reduce(f64::min)
    });
    all.reduce(f64::min)
}

fn of_group(group: &Path) -> Option<f64> {
    let read = |name| fs::read_to_string(group.join(name)).ok();
    match read("cpu.max") {
        Some(text) => cpu_max(&text),
        None => {
            let (quota, period) = (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?);
            cpu_max(&format!("{} {}", quota.trim(), period.trim()))
        }
    }
}

/// Cores, from the text of a `cpu.max`: microseconds, and of how many. `None`: no limit.
///
/// ```
/// use singletrack::lab::choose::machine::cpu_max;
///
/// assert_eq!(cpu_max("150000 100000\n"), Some(1.5));
/// assert_eq!(cpu_max("max 100000\n"), None);
/// assert_eq!(cpu_max("-1 100000"), None);
/// ```
pub fn cpu_max(text: &str) -> Option<f64> {
    let mut numbers = text.split_whitespace();
    let (quota, period): (f64, f64) =
        (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}
