//! What was explored, for machines: one JSON object.
//!
//! *Promises*: every outcome, whatever is left out for people; `complete` is true if all schedules
//! were tried. Text of a program is spelled so that a terminal survives it.
//! *Leaves out*: writing it anywhere.
//!
//! ```text
//! {schema_version, policy, schedules, complete, stopped, reduced, error,
//!  expects: [{condition, line, kept}],
//!  outcomes: [{state: {x: 1}, ending, count, schedule, switches, serial, breaks: ["x == 2"],
//!              raised: [{thread, exception, line}]}]}
//! ```
//! `ending` is `finished`, `raised`, `deadlock`, `starvation`, `endless` or `out of fuel`. `serial`
//! is true if the outcome also comes when each thread runs to its end before the next begins.
//! `error` is there if the command was interrupted or an expectation is broken.

use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::explore::request::ExploreRequest;
use crate::lab::report::failure::Failure;
use crate::vm::explorer::Exploration;
use crate::vm::program::Program;
use crate::vm::schedule::Schedule;
use crate::vm::world::Outcome;
use serde_json::{Map, Value, json};

/// All that was explored.
pub(crate) fn all_document(
    request: &ExploreRequest,
    exploration: &Exploration,
    full: bool,
    failure: Option<&Failure>,
) -> String {
    let program = request.program.program();
    let outcomes: Vec<Value> = exploration
        .outcomes
        .iter()
        .map(|found| {
            let mut value = outcome(program, &found.outcome, &found.schedule, found.count);
            value.insert("serial".into(), json!(found.serial));
            Value::Object(value)
        })
        .collect();
    let reached = exploration.outcomes.iter().map(|found| &found.outcome);
    let mut document = json!({
        "schema_version": SCHEMA_VERSION,
        "policy": exploration.threading.to_string(),
        "schedules": exploration.schedules,
        "complete": exploration.bound.is_none(),
        "stopped": exploration.bound.map(|bound| bound.to_string()),
        "reduced": !full,
        "expects": expects(program, &reached.collect::<Vec<_>>()),
        "outcomes": outcomes,
    });
    if let Some(failure) = failure {
        document["error"] = json!(failure.to_string());
    }
    format!("{document:#}\n")
}

/// One schedule.
pub(crate) fn one_document(
    request: &ExploreRequest,
    schedule: &Schedule,
    reached: &Outcome,
) -> String {
    let program = request.program.program();
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "policy": request.policy.to_string(),
        "schedules": 1,
        "complete": false,
        "expects": expects(program, &[reached]),
        "outcomes": [outcome(program, reached, schedule, 1)],
    });
    format!("{document:#}\n")
}

fn outcome(
    program: &Program,
    outcome: &Outcome,
    schedule: &Schedule,
    count: u64,
) -> Map<String, Value> {
    let values = program.globals.iter().zip(&outcome.globals);
    let state: Map<String, Value> =
        values.map(|(global, value)| (global.name.clone(), json!(value))).collect();
    let breaks: Vec<String> =
        outcome.breaks(program).into_iter().map(|expect| expect.shown(program)).collect();
    let raised = outcome.raised.iter().map(|raised| {
        json!({
            "thread": raised.thread + 1,
            "exception": raised.exception.to_string(),
            "line": raised.position.line,
        })
    });
    let value = json!({
        "state": state,
        "ending": outcome.ending.name(),
        "count": count,
        "schedule": schedule.to_string(),
        "switches": schedule.switches(),
        "breaks": breaks,
        "raised": raised.collect::<Vec<Value>>(),
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn expects(program: &Program, outcomes: &[&Outcome]) -> Vec<Value> {
    let expects = program.expects.iter().map(|expect| {
        json!({
            "condition": expect.shown(program),
            "line": expect.position.line,
            "kept": !outcomes.iter().any(|outcome| outcome.breaks(program).contains(&expect)),
        })
    });
    expects.collect()
}
