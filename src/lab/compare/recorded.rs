//! What each model does with a case: one more run of each, filmed, and not measured.
//!
//! *Assumes*: the calling process has one thread, for each run is forked off it.
//! *Promises*: every model gets the same jobs, and no longer than [`LENGTH`] to begin them; the axis of
//! all of them begins when their clock does.
//! *Leaves out*: which part of it is drawn (`lab/timeline`), and the measuring (`lab/compare/race.rs`).

use crate::lab::compare::cases::{Case, Sizes};
use crate::lab::compare::film::Film;
use crate::lab::compare::model::Model;
use crate::lab::compare::run::run_watched;
use crate::lab::compare::server::ServerProcess;
use crate::lab::report::failure::Failure;
use crate::lab::report::measure::measure;
use crate::lab::timeline::timeline::{Group, Nanos, Timeline};
use std::net::Ipv4Addr;
use std::time::Duration;

/// A model begins no job later than this after its clock has started.
pub const LENGTH: Duration = Duration::from_secs(1);

/// Films the case under each of these models; `limit` is how long one run may take.
///
/// # Errors
/// The first failure of any run, with its model.
pub fn recorded(
    case: &Case,
    models: &[Model],
    sizes: &Sizes,
    limit: Duration,
) -> Result<Timeline, Failure> {
    let server = case.needs_server().then(|| ServerProcess::start(true)).transpose()?;
    let address = server.as_ref().map_or((Ipv4Addr::LOCALHOST, 0).into(), |s| s.address);
    let plan = case.plan(sizes, address, limit).map_err(|f| f.within(case.name()))?;
    let mut groups: Vec<Group> = Vec::new();
    for &model in models {
        let plan = plan.clone();
        let filmed = || {
            let film = Film::on();
            let run = run_watched(model, plan, Some(LENGTH), &film)?;
            Ok(film.develop(&model.to_string(), &run.phase))
        };
        let place = format!("{} under {model}", case.name());
        let (group, _) = measure(limit, filmed).map_err(|f| f.within(&place))?;
        groups.push(group);
    }
    let until = groups.iter().map(last).max().unwrap_or(0);
    Ok(Timeline { about: Vec::new(), until, groups })
}

/// When the last of it ends.
fn last(group: &Group) -> Nanos {
    let of = |lane: &crate::lab::timeline::timeline::Lane| {
        let spans = lane.spans.iter().map(|span| span.to);
        spans.chain(lane.points.iter().map(|point| point.at)).max().unwrap_or(0)
    };
    let links = group.links.iter().map(|link| link.to.1);
    group.lanes.iter().map(of).chain(links).max().unwrap_or(0)
}
