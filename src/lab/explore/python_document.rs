//! The answers about a Python program, for machines: one JSON object.
//!
//! *Promises*: every outcome of every policy, and all that real interpreters did.
//! *Leaves out*: writing it anywhere.
//!
//! ```text
//! {schema_version, error: null | text, file, complete, promise: {kind, text},
//!  policies: [{policy, wrong, switches, line, worlds, complete, bound, steps, instructions, sampled,
//!  one_sequence, promise,
//!  outcomes: [{ending, output, exceptions, globals, switches, serial, schedule}],
//!  confirmed: [{python, path, kind, cell, tries, seen,
//!               outcomes: [{output, exceptions, globals, hangs, count}]}]}]}
//! ```
//! `error` says why the command fails: an interruption, or a program that can go wrong.
//! `promise` is what the documentation says; its `kind` is `never atomic`, `no promise`, `promised` or
//! `unknown`, and a policy has one if it can go wrong. `confirmed` is there with --confirm. Its `kind` is `agrees`, `disagrees` or `unknown`.

use crate::lab::compare::output::SCHEMA_VERSION;
use crate::lab::explore::agreement::{End, Observed};
use crate::lab::explore::answers::Answer;
use crate::lab::explore::confirmation::Confirmed;
use crate::lab::explore::listing::About;
use crate::lab::explore::promise::of_wrong;
use crate::lab::report::failure::Failure;
use crate::python::explore::exploration::Sampled;
use crate::python::explore::moves::{Move, write_moves};
use crate::python::explore::outcome::{Ending, Outcome};
use crate::python::explore::replay::Replay;
use crate::python::explore::search::Found;
use serde_json::{Value, json};

/// All of it.
pub(crate) fn document(about: &About<'_>, answers: &[Answer], error: Option<&Failure>) -> Value {
    let policies = answers.iter().enumerate().map(|(at, answer)| {
        let worst = answer.worst();
        let mut value = json!({
            "policy": answer.policy.to_string(),
            "wrong": worst.is_some(),
            "switches": worst.map(|found| found.switches),
            "line": worst.and_then(|found| answer.line_of(about.program, found)),
            "worlds": answer.exploration.worlds,
            "complete": answer.exploration.bound.is_none(),
            "bound": answer.exploration.bound,
            "steps": answer.exploration.steps,
            "instructions": answer.exploration.instructions,
            "sampled": answer.exploration.sampled.as_ref().map(Sampled::says),
            "one_sequence": answer.exploration.one_sequence,
            "outcomes": answer.exploration.found.iter().map(found_value).collect::<Vec<Value>>(),
        });
        if let Some(found) = worst {
            let promise = of_wrong(about.program, answer, found);
            value["promise"] = json!({"kind": promise.kind, "text": promise.text});
        }
        if let Some(confirmed) = about.confirmed {
            let own = confirmed.iter().filter(|row| row.answer == at);
            value["confirmed"] = own.map(confirmed_value).collect();
        }
        value
    });
    let complete = answers.iter().all(|answer| answer.exploration.bound.is_none());
    json!({
        "schema_version": SCHEMA_VERSION,
        "error": error.map(Failure::to_string),
        "file": about.name,
        "complete": complete,
        "promise": {"kind": about.promise.kind, "text": about.promise.text},
        "policies": policies.collect::<Vec<Value>>(),
    })
}

fn found_value(found: &Found) -> Value {
    let Outcome { ending, output, failures, globals } = &found.outcome;
    let ending = match ending {
        Ending::Finished => "finished".to_owned(),
        Ending::Deadlock(_) => "deadlock".to_owned(),
        Ending::Endless => "endless".to_owned(),
        Ending::Starvation(_) => "starvation".to_owned(),
        Ending::Cut => "cut".to_owned(),
        Ending::Stopped(why, line) => format!("stopped on line {line}: {why}"),
    };
    let exceptions = failures.iter().map(|(thread, failure)| {
        json!({"thread": thread, "exception": failure.text, "line": failure.at.line})
    });
    let globals = globals.iter().map(|(name, text)| (name.to_string(), json!(text)));
    json!({
        "ending": ending,
        "output": **output,
        "exceptions": exceptions.collect::<Vec<Value>>(),
        "globals": globals.collect::<serde_json::Map<String, Value>>(),
        "switches": found.switches,
        "serial": found.serial,
        "schedule": write_moves(&found.moves),
    })
}

/// One schedule, and what it came to.
pub(crate) fn schedule_value(answer: &Answer, schedule: &[Move], replayed: &Replay) -> Value {
    let (moves, switches) = (schedule.to_vec(), replayed.switches);
    let mut value = match &replayed.outcome {
        Some(outcome) => {
            let known = answer.exploration.found.iter().find(|found| found.outcome == *outcome);
            let serial = known.is_some_and(|found| found.serial);
            found_value(&Found { outcome: outcome.clone(), switches, moves, serial })
        }
        None => json!({
            "ending": "unfinished", "switches": switches, "schedule": write_moves(&moves),
        }),
    };
    value["schema_version"] = SCHEMA_VERSION.into();
    value
}

fn confirmed_value(row: &Confirmed) -> Value {
    let kind = match (&row.cell.disagrees, &row.facts.end) {
        (Some(_), _) => "disagrees",
        (None, End::Done) if row.facts.tries > 0 => "agrees",
        _ => "unknown",
    };
    let observed = |(observed, count): &(Observed, u64)| {
        let Observed { output, raised, globals, hung } = observed;
        json!({"output": output, "exceptions": raised, "globals": globals, "hangs": hung,
               "count": count})
    };
    json!({
        "python": row.interpreter.name(),
        "path": row.interpreter.path.display().to_string(),
        "kind": kind,
        "cell": row.cell.text,
        "tries": row.facts.tries,
        "seen": row.cell.seen,
        "outcomes": row.facts.outcomes.iter().map(observed).collect::<Vec<Value>>(),
    })
}
