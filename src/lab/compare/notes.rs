//! What must be said beside a table: what bounds it, who was stopped, what a connection costs. Pure.
//!
//! *Promises*: each is one sentence with its numbers, and none is there without a cause.
//! *Leaves out*: the verdict (`lab/compare/verdict.rs`).

use crate::lab::compare::model::Model;
use crate::lab::compare::result::{CaseResult, ModelResult};
use crate::lab::report::stats::{duration, three_digits};

/// From this share of a round on, the lab's own server bounds it.
const BOUNDS: f64 = 0.8;
/// From this share of the cores on, others are worth a word.
const BUSY: f64 = 0.1;
/// Connections are worth a line each from here on.
const MANY: usize = 16;

/// What is to be said of this result, if others had this share of the cores meanwhile.
pub fn of(result: &CaseResult, others: Option<f64>) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(result.models.iter().filter(|model| model.cut).map(|m| stopped(result, m)));
    notes.extend(server(result));
    notes.extend(connections(result));
    if let Some(share) = others.filter(|&share| share >= BUSY) {
        let percent = (share * 100.0).round();
        notes.push(format!(
            "others had {percent:.0} % of the cores meanwhile: figures are worse than on a quiet \
             machine, and less certain"
        ));
    }
    notes
}

fn stopped(result: &CaseResult, model: &ModelResult) -> String {
    let (name, done, all) = (model.model, model.jobs, result.jobs);
    let wall = duration(model.wall.median);
    let ahead = |other: &ModelResult| !other.cut && other.wall.median < model.wall.median;
    let why = match result.models.iter().any(ahead) {
        true => "it has lost",
        false => "its time was up, give it more --time",
    };
    format!("{name} was stopped after {wall} and {done} of {all} jobs: {why}")
}

/// The server of the I/O cases beside the fastest model.
fn server(result: &CaseResult) -> Option<String> {
    let whole = result.models.iter().filter(|model| !model.cut);
    let fastest = whole.min_by(|a, b| a.wall.median.total_cmp(&b.wall.median))?;
    let busy = fastest.server?;
    let share = busy / (fastest.start + fastest.wall.median);
    let name = fastest.model;
    let bounds = if share >= BOUNDS { ": it bounds the result" } else { "" };
    let percent = (share * 100.0).round();
    let busy = duration(busy);
    Some(format!(
        "the lab's own server was on its core for {busy} of a round of {name} ({percent:.0} %){bounds}"
    ))
}

/// What a connection costs each model.
fn connections(result: &CaseResult) -> Option<String> {
    if result.lanes < MANY || result.models.iter().all(|model| model.server.is_none()) {
        return None;
    }
    let of = |model: &ModelResult| {
        let memory = model.added_kib? as f64 / result.lanes as f64;
        let cpu = duration(model.cpu / result.lanes as f64);
        Some(format!("{} {} KiB and {cpu}", model.model, three_digits(memory)))
    };
    let holds = |model: &&ModelResult| {
        !model.cut && !matches!(model.model, Model::Sequential | Model::Processes)
    };
    let costs: Vec<String> = result.models.iter().filter(holds).filter_map(of).collect();
    (!costs.is_empty()).then(|| format!("memory and CPU for each connection: {}", costs.join(", ")))
}
