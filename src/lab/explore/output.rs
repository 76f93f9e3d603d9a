//! What was explored, for people and for machines.
//!
//! *Assumes*: a request that can be carried out.
//! *Promises*: every outcome with its count; a drawing of the one that went wrong with the fewest
//! switches; if a bound was hit, a line that says so.
//! *Leaves out*: writing it anywhere.
//!
//! ```text
//! {policy, schedules, complete, reduced,
//!  outcomes: [{state: {x: 1}, ending, count, schedule, switches, serial}]}
//! ```
//! `ending` is `finished`, `deadlock`, `starvation`, `endless` or `out of fuel`. `serial` is
//! true if the outcome also comes when each thread runs to its end before the next begins.

use crate::lab::explore::request::{ExploreRequest, Schedules};
use crate::vm::explorer::{Exploration, Found};
use crate::vm::program::Program;
use crate::vm::replay::{Replay, columns, replay};
use crate::vm::world::{Ending, Outcome};
use serde_json::{Map, Value, json};

/// Schedules many outcomes are listed, at most.
const MOST_LISTED: usize = 20;

/// Carries a request out, and gives the text to print.
pub fn explore(request: &ExploreRequest) -> String {
    let program = request.program.program();
    match &request.schedules {
        Schedules::One(schedule, replayed) if request.json => {
            let Replay { outcome, .. } = &**replayed;
            let switches = schedule.switches();
            let schedule = schedule.to_string();
            pretty(&json!({
                "policy": request.policy.to_string(),
                "schedules": 1,
                "complete": false,
                "outcomes": [{
                    "state": state(program, outcome),
                    "ending": outcome.ending.name(),
                    "count": 1,
                    "schedule": schedule,
                    "switches": switches,
                }],
            }))
        }
        Schedules::One(_, replayed) => format!(
            "{}{}→ {}\n",
            columns(program, &replayed.trace),
            afterword(request, replayed),
            outcome_line(program, &replayed.outcome)
        ),
        Schedules::All { explorer, full } => {
            let exploration = explorer.explore(&request.program);
            if request.json {
                pretty(&document(program, &exploration, *full))
            } else {
                page(request, &exploration, *full)
            }
        }
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn document(program: &Program, exploration: &Exploration, full: bool) -> Value {
    let outcomes = exploration.outcomes.iter().map(|found| {
        json!({
            "state": state(program, &found.outcome),
            "ending": found.outcome.ending.name(),
            "count": found.count,
            "schedule": found.schedule.to_string(),
            "switches": found.schedule.switches(),
            "serial": found.serial,
        })
    });
    json!({
        "policy": exploration.policy.to_string(),
        "schedules": exploration.schedules,
        "complete": exploration.bound.is_none(),
        "reduced": !full,
        "outcomes": outcomes.collect::<Vec<Value>>(),
    })
}

fn state(program: &Program, outcome: &Outcome) -> Map<String, Value> {
    let values = program.globals.iter().zip(&outcome.globals);
    values.map(|(global, value)| (global.name.clone(), json!(value))).collect()
}

/// The outcome in a line: `x = 1`, or `deadlock, x = 1`.
fn outcome_line(program: &Program, outcome: &Outcome) -> String {
    let values = program.globals.iter().zip(&outcome.globals);
    let mut parts: Vec<String> =
        values.map(|(global, value)| format!("{} = {value}", global.name)).collect();
    if outcome.ending != Ending::Finished || parts.is_empty() {
        parts.insert(0, outcome.ending.to_string());
    }
    parts.join(", ")
}

/// The table of outcomes, and the losing one drawn.
fn page(request: &ExploreRequest, exploration: &Exploration, full: bool) -> String {
    let program = request.program.program();
    let outcomes = &exploration.outcomes;
    let mut text = title(request, exploration, full);
    let listed = &outcomes[..outcomes.len().min(MOST_LISTED)];
    let names: Vec<String> =
        listed.iter().map(|found| outcome_line(program, &found.outcome)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(7);
    text += &format!("  {:<width$}  schedules  fewest switches\n", "outcome");
    for (name, found) in names.iter().zip(listed) {
        let (count, switches) = (found.count, found.schedule.switches());
        let line = format!("  {name:<width$}  {count:>9}  {switches:>15}  {}", remark(found));
        text += line.trim_end();
        text.push('\n');
    }
    if outcomes.len() > listed.len() {
        text += &format!("  and {} more; --json lists all\n", outcomes.len() - listed.len());
    }
    text + &drawing(request, exploration)
}

fn title(request: &ExploreRequest, exploration: &Exploration, full: bool) -> String {
    let program = request.program.program();
    let threads = program.threads.len();
    let schedules = match exploration.schedules {
        1 => "1 schedule".to_owned(),
        count => format!("{count} schedules"),
    };
    let s = if threads == 1 { "" } else { "s" };
    let mut text = format!("{}: {threads} thread{s} under {}, ", request.name, request.policy);
    text += &match exploration.bound {
        Some(bound) => format!("{schedules}, and that is not all: {bound}\n"),
        None if full => format!("all {schedules}\n"),
        None => {
            format!("{schedules} tried: of those that must come to the same, one (--full: all)\n")
        }
    };
    let queues = request.policy.hand_off().grants();
    if queues && threads > 2 {
        text += "  (the order of the queue is left open: some may need another than there is)\n";
    }
    text
}

fn remark(found: &Found) -> &'static str {
    match found.outcome.ending {
        Ending::Finished if found.serial => "",
        Ending::Finished => "← no order of whole threads gives this",
        Ending::Deadlock => "← they wait for each other",
        Ending::Starvation => "← one could run, and never gets the lock",
        Ending::Endless => "← they go round a cycle for ever",
        Ending::OutOfFuel => "← it was stopped",
    }
}

/// The outcome that went wrong with the fewest switches, drawn.
fn drawing(request: &ExploreRequest, exploration: &Exploration) -> String {
    let lost = exploration.outcomes.iter().filter(|found| !found.serial);
    let found = lost.min_by_key(|found| found.schedule.switches());
    let drawn = found.and_then(|found| {
        Some((found, replay(&request.program, &request.policy, &found.schedule).ok()?))
    });
    let Some((found, replayed)) = drawn else {
        let all = exploration.bound.is_none();
        let which = if all { "every schedule" } else { "each of these schedules" };
        return format!("→ {which} comes to what some order of whole threads comes to\n");
    };
    let program = request.program.program();
    format!(
        "\n{}, by as few switches as can be:\n\n{}{}→ again: singletrack explore {} --policy {} \
         --schedule {}\n",
        outcome_line(program, &found.outcome),
        columns(program, &replayed.trace),
        afterword(request, &replayed),
        request.name,
        request.policy,
        found.schedule
    )
}

/// Why nothing more happens: which thread waits for which, or that the program is in a cycle.
fn afterword(request: &ExploreRequest, replayed: &Replay) -> String {
    let program = &request.program;
    let mut text = String::new();
    let waits = |thread: usize| {
        let lock = replayed.world.waits_for(program, thread)?;
        let owner = replayed.world.owner(lock)?;
        let (_, next) = replayed.world.thread(thread).next(program)?;
        let name = &program.program().locks[usize::from(lock)];
        let line = next.position.line;
        let (me, owner) = (thread + 1, owner + 1);
        Some(format!("thread {me} waits for `{name}` of thread {owner}, in line {line}\n"))
    };
    for line in (0..replayed.world.threads()).filter_map(waits) {
        text += &line;
    }
    match replayed.outcome.ending {
        Ending::Finished | Ending::Deadlock => {}
        Ending::Starvation | Ending::Endless => {
            text += "here the program is where it was before: this can go on for ever\n";
        }
        Ending::OutOfFuel => text += "here the schedule ends, and not all threads have\n",
    }
    text
}
