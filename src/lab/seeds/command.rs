//! `singletrack sim`: its arguments, seed after seed, and what is printed.
//!
//! *Promises*: the same seeds print the same number; the first that fails ends the command with exit
//! code 1, and what is printed replays it. Ctrl-C ends it after the seed in progress.
//! *Leaves out*: what happens in a world (`lab/seeds/world.rs`).

use crate::base::random::mix;
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
    let (mut all, mut lines) = (0, 0);
    let mut worlds = 0u64;
    for seed in request.seeds.clone() {
        check()?;
        if let Err(failing) = live(seed, request.order.as_ref(), &log) {
            if let (Some(order), RunEnd::Misfit(why)) = (&request.order, &failing.end) {
                let remedy = "it is of another version, or mistyped: run the seed without it";
                return Ok(Some(Failure::new(format!("--order \"{order}\""), why, remedy)));
            }
            return fails(request, seed, &failing, &mut print);
        }
        for line in log.lines() {
            print(&format!("{line}\n"))?;
        }
        all = mix(all ^ log.hash());
        (worlds, lines) = (worlds + 1, lines + log.count());
    }
    match request.json {
        true => print(&format!(
            "{:#}\n",
            json!({
                "schema_version": 1,
                "seeds": [request.seeds.start, request.seeds.end],
                "worlds": worlds,
                "lines": lines,
                "hash": format!("{all:016x}"),
                "failure": null,
            })
        )),
        false => print(&format!("{worlds} worlds, {lines} lines, none failed: {all:016x}\n")),
    }
    .map(|()| None)
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

fn fails(
    request: &SimRequest,
    seed: u64,
    failing: &Failing,
    print: &mut impl FnMut(&str) -> Result<(), Failure>,
) -> Result<Option<Failure>, Failure> {
    let text = match request.json {
        true => format!(
            "{:#}\n",
            json!({
                "schema_version": 1,
                "seed": seed,
                "failure": failing.end.to_string(),
                "order": failing.order.to_string(),
                "deviations": failing.order.deviations(),
            })
        ),
        false => format!(
            "seed {seed}: {}\n\nshrunk to {} choices that are not the first:\n\n{}\n",
            failing.end,
            failing.order.deviations(),
            failing.story
        ),
    };
    print(&text)?;
    let again = format!("singletrack sim --seeds {seed} --order \"{}\"", failing.order);
    let why = failing.end.to_string();
    let why = why.lines().next().unwrap_or_default().to_owned();
    Err(Failure::new(format!("seed {seed}"), why, format!("replay it: {again}")))
}
