//! What `singletrack replay` is asked for: a trace file, and where to begin.
//!
//! *Promises*: what is no trace of ours is refused in one line that names the file and what is wrong with
//! it; a file that is too large is not read.
//! *Leaves out*: the walk (`lab/replay/walk.rs`).

use crate::lab::report::failure::Failure;
use crate::lab::timeline::timeline::{Nanos, Timeline};
use crate::lab::timeline::trace_reader::{TraceError, read};
use clap::Args;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// For the end of `replay --help`.
pub const EXAMPLES: &str = "\
Examples:
  singletrack replay battle.json               what `gil battle --trace battle.json` has written
  singletrack replay battle.json --at 5ms      begins there
  singletrack replay battle.json --all | less  a line for each thing that happens
  singletrack replay battle.json --at 5ms --json
  singletrack replay battle.json --only python-3.2

Keys: n or space = next, p = previous, N and P = ten at once, g = first, G = last, t = to a time or
a number, a = all that is left, q = quit. Without a terminal each line is an answer: one of these
letters, a time such as 12.5ms, or a number such as #40.";

/// The largest file that is read: some times as much memory is needed for it.
const LARGEST: u64 = 1 << 28;

/// The words after `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A trace that a command of ours has written with --trace
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Begins at the last moment that is no later than this: 12.5ms, 300us
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only the groups whose names have this in them: one model of a comparison, one policy
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Prints a line for each thing that happens, from there on
    #[arg(long)]
    all: bool,
    /// Prints one JSON object: every moment, or with --at that one and what every lane does then
    #[arg(long, conflicts_with = "all")]
    json: bool,
}

/// What to walk through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayRequest {
    /// What the file holds, or the groups of it that are wanted.
    pub timeline: Timeline,
    /// Where to begin.
    pub at: Option<Nanos>,
    /// Everything at once: nothing is asked.
    pub all: bool,
    /// As JSON.
    pub json: bool,
}

impl ReplayArgs {
    /// What these arguments ask for, with the file read.
    ///
    /// # Errors
    /// A time that is none; a file that cannot be read, or is no trace; that no group is wanted.
    pub fn request(self) -> Result<ReplayRequest, Failure> {
        let ReplayArgs { file, at, only, all, json } = self;
        let no_time = |text: &str| {
            let remedy = "give one such as 12.5ms or 300us";
            Failure::new(format!("--at {text}"), "this is no time", remedy)
        };
        let time = |text: String| time(&text).ok_or_else(|| no_time(&text));
        let at = at.map(time).transpose()?;
        let mut timeline = load(&file)?;
        if let Some(only) = &only {
            retain(&mut timeline, only)?;
        }
        Ok(ReplayRequest { timeline, at, all, json })
    }
}

fn retain(timeline: &mut Timeline, only: &str) -> Result<(), Failure> {
    let names: Vec<String> = timeline.groups.iter().map(|group| group.name.clone()).collect();
    timeline.groups.retain(|group| group.name.contains(only));
    if timeline.groups.is_empty() {
        let (why, remedy) =
            ("no group has this in its name", format!("name one of {}", names.join(", ")));
        return Err(Failure::new(format!("--only {only}"), why, remedy));
    }
    Ok(())
}

/// A time with its unit, in nanoseconds.
///
/// ```
/// use singletrack::lab::replay::request::time;
///
/// assert_eq!(time("12.5ms"), Some(12_500_000));
/// assert_eq!(time("300 us"), Some(300_000));
/// assert_eq!((time("7"), time("-1ms"), time("1e300s"), time("ms")), (None, None, None, None));
/// ```
pub fn time(text: &str) -> Option<Nanos> {
    let units = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let of =
        |(name, size): (&str, f64)| Some((text.strip_suffix(name)?.trim().parse().ok()?, size));
    let (number, size): (f64, f64) = units.into_iter().find_map(of)?;
    let nanos = number * size;
    (0.0..=1e18).contains(&nanos).then_some(nanos.round() as Nanos)
}

fn load(path: &Path) -> Result<Timeline, Failure> {
    let name = path.display().to_string();
    let failed = |e| Failure::io(name.clone(), &e, "name a trace that --trace has written");
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        let why = format!("it is longer than {} MiB", LARGEST >> 20);
        return Err(Failure::new(name, why, "record less, or open it in Perfetto"));
    }
    read(&bytes).map_err(|error| {
        let remedy = match error {
            TraceError::CutOff { .. } => "write it again",
            TraceError::NotOurs | TraceError::NotJson { .. } => {
                "name a trace that --trace of this command has written"
            }
            _ => "write it again; it was changed, or another version has written it",
        };
        Failure::new(name, error.to_string(), remedy)
    })
}
