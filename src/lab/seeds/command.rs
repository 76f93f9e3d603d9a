//! `singletrack sim`: its arguments, seed after seed, and what is printed.
//!
//! *Promises*: the same seeds print the same number; the first that fails ends the command with exit
//! code 1, and what is printed replays it. Ctrl-C ends it after the seed in progress.
//! *Leaves out*: what happens in a world (`lab/seeds/world.rs`).
//!
//! With `--json`, one object; `worlds`, `lines` and `hash` are of the worlds that kept their promises, the
//! last five of the one that did not.
//!
//! ```text
//! {schema_version, seeds: [from, to], worlds, lines, hash,
//!  seed: null | number, failure: null | text, order: null | text, deviations: null | number,
//!  replay: null | text}
//! ```

use crate::base::random::mix;
use crate::lab::compare::output::counted;
use crate::lab::report::failure::Failure;
use crate::lab::report::outside::check;
use crate::lab::seeds::log::Log;
use crate::lab::seeds::world::world;
use crate::sim::explorer::{Explorer, Failing};
use crate::sim::order::Order;
use crate::sim::program::Sim;
use crate::sim::stage::RunEnd;
use clap::Args;
use serde_json::json;
use std::fmt;
use std::ops::Range;

/// For the end of `sim --help`.
pub const EXAMPLES: &str = "\
Examples:
  singletrack sim                          a hundred worlds
  singletrack sim --seeds 0..1000          a thousand, and one number for all that happened
  singletrack sim --seeds 7 --log          what happens in one of them, line by line
  singletrack sim --seeds 7 --order \"3:1\"  another order and other faults in the same program

Exit codes: 0 all worlds kept their promises, 1 one did not, 2 usage, or an order of another program.";

/// The longest range of seeds.
const MOST_SEEDS: u64 = 1 << 32;
/// Steps that a world may take.
const STEPS: u64 = 50_000;

/// The words after `sim`.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// Which worlds: a seed, or FROM..TO
    #[arg(long, value_name = "SEEDS", default_value = "0..100")]
    seeds: String,
    /// Prints what happens, line by line
    #[arg(long)]
    log: bool,
    /// Instead of drawing by a seed: the choices out of turn, as a failure prints them
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// Prints one JSON object
    #[arg(long, conflicts_with = "log")]
    json: bool,
}

/// Which worlds, and how they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimRequest {
    seeds: Range<u64>,
    log: bool,
    order: Option<Order>,
    json: bool,
}

impl SimArgs {
    /// What these arguments ask for.
    ///
    /// # Errors
    /// Seeds or an order that are none.
    pub fn request(self) -> Result<SimRequest, Failure> {
        let order = self.order.as_deref().map(str::parse::<Order>).transpose();
        let order = order.map_err(|why| {
            Failure::new("--order", why, "give it as a failure prints it: \"3:1 7:2\"")
        })?;
        let seeds = seeds(&self.seeds)?;
        if order.is_some() && seeds.end - seeds.start > 1 {
            let why = format!("it is of one world, and --seeds {} are many", self.seeds);
            return Err(Failure::new("--order", why, "give the seed that it was printed for"));
        }
        Ok(SimRequest { seeds, log: self.log, order, json: self.json })
    }
}

fn seeds(text: &str) -> Result<Range<u64>, Failure> {
    let wrong = |why: &str| Failure::new(format!("--seeds {text}"), why, "give FROM..TO, or one");
    let number = |word: &str| word.trim().parse::<u64>().map_err(|_| wrong("this is no number"));
    let range = match text.split_once("..") {
        Some((from, to)) => number(from)?..number(to)?,
        None => {
            let seed = number(text)?;
            seed..seed.checked_add(1).ok_or_else(|| wrong("it is too large"))?
        }
    };
    match range.end.checked_sub(range.start) {
        None | Some(0) => Err(wrong("there is no seed in it")),
        Some(count) if count > MOST_SEEDS => Err(wrong("these are too many")),
        Some(_) => Ok(range),
    }
}

/// Runs the worlds, and prints what came of them. Returned is what is wrong with the order that was
/// to be replayed, if that is none of this program's.
///
/// # Errors
/// The first world that fails; what `print` reports; an interruption.
pub fn sim(
    request: &SimRequest,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<Option<Failure>, Failure> {
    let log = Log::new(request.log);
    let mut lived = Lived::default();
    for seed in request.seeds.clone() {
        check()?;
        if let Err(failing) = live(seed, request.order.as_ref(), &log) {
            if let (Some(order), RunEnd::Misfit(why)) = (&request.order, &failing.end) {
                let remedy = "it is of another version, or mistyped: run the seed without it";
                return Ok(Some(Failure::new(format!("--order \"{order}\""), why, remedy)));
            }
            return Err(fails(request, &lived, seed, &failing, &mut print)?);
        }
        for line in log.lines() {
            print(&format!("{line}\n"))?;
        }
        lived.hash = mix(lived.hash ^ log.hash());
        lived.worlds += 1;
        lived.lines += log.count() as usize;
    }
    let text = match request.json {
        true => document(request, &lived, None),
        false => format!("{lived}\n"),
    };
    print(&text).map(|()| None)
}

/// The worlds that have kept their promises.
#[derive(Default)]
struct Lived {
    worlds: usize,
    lines: usize,
    /// Stands for all that has happened in them.
    hash: u64,
}

impl fmt::Display for Lived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (worlds, lines) = (counted(self.worlds, "world"), counted(self.lines, "line"));
        write!(f, "{worlds}, {lines}, none failed: {:016x}", self.hash)
    }
}

/// What `--json` prints; the same fields, whether a world has failed or not.
fn document(request: &SimRequest, lived: &Lived, failed: Option<(u64, &Failing)>) -> String {
    let failing = failed.map(|(_, failing)| failing);
    let object = json!({
        "schema_version": 1,
        "seeds": [request.seeds.start, request.seeds.end],
        "worlds": lived.worlds,
        "lines": lived.lines,
        "hash": format!("{:016x}", lived.hash),
        "seed": failed.map(|(seed, _)| seed),
        "failure": failing.map(|failing| failing.end.to_string()),
        "order": failing.map(|failing| failing.order.to_string()),
        "deviations": failing.map(|failing| failing.order.deviations()),
        "replay": failed.map(|(seed, failing)| replay(seed, &failing.order)),
    });
    format!("{object:#}\n")
}

/// The command that shows a failure again.
fn replay(seed: u64, order: &Order) -> String {
    format!("singletrack sim --seeds {seed} --order \"{order}\"")
}

/// One world; its log is that of the failing run, if it fails.
fn live(seed: u64, order: Option<&Order>, log: &Log) -> Result<(), Box<Failing>> {
    let explorer = match order {
        Some(order) => Explorer::new().replay(&order.to_string()),
        None => Explorer::new().random(seed).orders(1),
    };
    let program = |sim: Sim| world(sim, log.clone());
    explorer.steps(STEPS).explore(program).map(drop)
}

/// Prints the failure; gives the line that is the end of it.
fn fails(
    request: &SimRequest,
    lived: &Lived,
    seed: u64,
    failing: &Failing,
    print: &mut impl FnMut(&str) -> Result<(), Failure>,
) -> Result<Failure, Failure> {
    let text = match request.json {
        true => document(request, lived, Some((seed, failing))),
        false => format!(
            "seed {seed}: {}\n\nshrunk to {} out of turn:\n\n{}\n",
            failing.end,
            counted(failing.order.deviations(), "choice"),
            failing.story
        ),
    };
    print(&text)?;
    let why = failing.end.to_string();
    let why = why.lines().next().unwrap_or_default().to_owned();
    let remedy = format!("replay it: {}", replay(seed, &failing.order));
    Ok(Failure::new(format!("seed {seed}"), why, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_object_has_the_same_fields_whether_a_world_has_failed_or_not() {
        let request = SimRequest { seeds: 3..9, log: false, order: None, json: true };
        let lived = Lived { worlds: 4, lines: 200, hash: 7 };
        let program = |sim: Sim| async move {
            let task = sim.spawn("one", async move { panic!("of no use") });
            task.await.unwrap()
        };
        let failing = Explorer::new().explore(program).expect_err("it panics");
        let object = |failed| -> Value {
            serde_json::from_str(&document(&request, &lived, failed)).unwrap()
        };
        let (well, failed) = (object(None), object(Some((7, &*failing))));
        let of_both = ["schema_version", "seeds", "worlds", "lines", "hash"];
        of_both.iter().for_each(|field| assert_eq!(well[field], failed[field], "{field}"));
        let of_failures = ["seed", "failure", "order", "deviations", "replay"];
        for field in of_failures {
            assert!(well[field].is_null() && !failed[field].is_null(), "{field}");
        }
        for object in [&well, &failed] {
            let fields = object.as_object().unwrap();
            assert_eq!(fields.len(), of_both.len() + of_failures.len(), "{fields:?}");
        }
        assert_eq!(failed["replay"], "singletrack sim --seeds 7 --order \"fifo\"");
    }
}
