//! One point of a curve: a process of its own, in which one size is measured a few times.
//!
//! *Promises*: no point sees the memory or the threads of another; the quickest repetition counts;
//! a point that takes too long, or that the machine refuses, is a reason in words and no number.
//! *Leaves out*: which points there are.

use crate::sample::Sample;
use crate::workload::{Peer, Workload, named};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Repetitions go on for so long, and are so many at most.
const LONG: f64 = 0.25;
const MOST: usize = 20;
/// So long a point may take.
const LIMIT: Duration = Duration::from_secs(150);

/// What a point is measured with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Ours,
    Peer,
}

/// What the process of a point does: measures, and prints each repetition.
pub fn measure_here(name: &str, size: u64, side: &str) {
    raise_descriptors();
    let workload = named(name).expect("a workload");
    let run = match (&workload.peer, side) {
        (_, "ours") => workload.run,
        (Peer::Here(_, run), _) => *run,
        _ => panic!("{name} has no peer in this program"),
    };
    let (mut spent, mut times) = (0.0, 0);
    while times < 2 && spent < 5.0 || spent < LONG && times < MOST {
        let sample = run(size);
        println!("sample {} {} {}", sample.units, sample.seconds, sample.bytes);
        (spent, times) = (spent + sample.seconds, times + 1);
    }
}

/// Measures a point in a process of its own: the quickest repetition, with the most memory.
///
/// # Errors
/// Why there is no number.
pub fn measure(
    workload: &Workload,
    size: u64,
    side: Side,
    peers: Option<&Path>,
) -> Result<Sample, String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = match (&workload.peer, side) {
        (Peer::Tokio, Side::Peer) => Command::new(peers.ok_or("the peers are not built")?),
        _ => Command::new(&own),
    };
    let side = if side == Side::Ours { "ours" } else { "peer" };
    command.args(["--point", workload.name, &size.to_string(), side]);
    // The peers' connections are the same process as ours.
    let mut child = command
        .env("GROWTH_CLIENTS", &own)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let began = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|e| e.to_string())? {
            Some(status) => break status,
            None if began.elapsed() > LIMIT => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("over {} s", LIMIT.as_secs()));
            }
            None => thread::sleep(Duration::from_millis(2)),
        }
    };
    let (mut text, mut why) = (String::new(), String::new());
    child.stdout.take().map(|mut out| out.read_to_string(&mut text));
    child.stderr.take().map(|mut out| out.read_to_string(&mut why));
    if !status.success() {
        let said = why.lines().find(|line| !line.is_empty() && !line.starts_with("thread '"));
        return Err(format!("{status}: {}", said.unwrap_or("it said nothing")));
    }
    quickest(&text).ok_or_else(|| "it printed no sample".to_owned())
}

fn quickest(text: &str) -> Option<Sample> {
    let samples = text.lines().filter_map(|line| {
        let mut numbers = line.strip_prefix("sample ")?.split(' ').map(str::parse::<f64>);
        let mut next = || numbers.next()?.ok();
        Some(Sample { units: next()?, seconds: next()?, bytes: next()? })
    });
    samples.reduce(|a, b| Sample {
        units: a.units,
        seconds: a.seconds.min(b.seconds),
        bytes: a.bytes.max(b.bytes),
    })
}

/// As many descriptors as this process may have.
pub fn raise_descriptors() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given a local that outlives them.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        let most = libc::rlimit { rlim_cur: 30_000, rlim_max: limit.rlim_max.max(30_000) };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &most) != 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}
