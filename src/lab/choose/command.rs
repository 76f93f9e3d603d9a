//! `singletrack choose`: measures the work, the machine and the models, and shows what came of it.
//!
//! *Assumes*: the calling process has one thread.
//! *Promises*: what was measured before a failure or an interruption is shown, and that it is not all;
//! if a control comes out wrong there is no answer, unless one is wanted anyway.
//! *Leaves out*: everything that is measured.
//!
//! ```text
//!   Source ─ measure ─▶ Shape ─ possible? ─▶ calibrate ─▶ controls ─▶ race ─▶ confirm ─▶ flips
//!                                                │           │ wrong: a failure      │
//!                                                └───────────┴───────────────────────┴─▶ Chosen
//! ```

use crate::lab::choose::calibrate::calibrate;
use crate::lab::choose::chosen::{Asked, Chosen, first_judgement, unconfirmed};
use crate::lab::choose::contest::{Contest, NAME};
use crate::lab::choose::controls::{Ruling, controls};
use crate::lab::choose::document::document;
use crate::lab::choose::finding::Finding;
use crate::lab::choose::html::html;
use crate::lab::choose::output::text;
use crate::lab::choose::probes::{Standing, flips};
use crate::lab::choose::request::ChooseRequest;
use crate::lab::compare::card::compare_card;
use crate::lab::compare::cases::Cores;
use crate::lab::compare::judgement::Judgement;
use crate::lab::compare::model::Model;
use crate::lab::compare::output::Progress;
use crate::lab::compare::race::{Effort, Unfinished};
use crate::lab::compare::result::CaseResult;
use crate::lab::compare::server::ServerProcess;
use crate::lab::page::shell;
use crate::lab::report::failure::Failure;
use crate::lab::report::terminal::Page;
use std::time::{Duration, Instant};

/// The exit code where no difference was shown.
pub const NO_DIFFERENCE: u8 = 3;
/// So many rounds should go into the time of the race.
const ROUNDS: u32 = 8;
/// Rounds that confirm a winner by little.
const CONFIRMING: usize = 16;
/// What has no lock, or is not of today, is not tried where flips are looked for.
const NOT_PROBED: [Model; 3] = [Model::ThreadsFree, Model::Interpreters, Model::ThreadsPy2];

/// Chooses, and shows what came of it; the exit code says whether a model is to be chosen.
///
/// # Errors
/// What ended it early, or that a control came out wrong.
pub fn choose(
    request: &ChooseRequest,
    page: &Page,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<u8, Failure> {
    let begun = Instant::now();
    let mut progress = Progress::new();
    progress.stage("measuring the work", 0.0);
    let measured = request.source.measure(request.time)?;
    let shape = request.shape(&measured);
    request.possible(&shape)?;
    let asked = Asked {
        shape,
        source: request.source.words(),
        assumed: measured.assumed,
        workers: request.workers,
        seed: request.seed,
    };
    let server = ServerProcess::start(false)?;
    let (mut chosen, failure) = {
        let mut chosen = prepare(request, asked, &server, &mut progress)?;
        let went = go(request, &mut chosen, &server, begun, &mut progress);
        (chosen, went.err())
    };
    // Where the server has died, the models only saw their connections break.
    let failure = failure.map(|failure| {
        let unfinished = Unfinished { failure, kept: chosen.race.take().map(Box::new) };
        let unfinished = unfinished.unless_died(Some(server), NAME);
        chosen.race = unfinished.kept.map(|kept| *kept);
        unfinished.failure
    });
    drop(progress);
    let printed = print(&shown(request, &chosen, page, failure.as_ref()));
    let drawn = draw(request, &chosen, failure.as_ref());
    failure.map_or(Ok(()), Err).and(printed).and(drawn)?;
    Ok(if chosen.is_choice() { 0 } else { NO_DIFFERENCE })
}

/// The machine and the controls.
fn prepare(
    request: &ChooseRequest,
    asked: Asked,
    server: &ServerProcess,
    progress: &mut Progress,
) -> Result<Chosen, Failure> {
    /// A payload is priced although the work has none: the search for flips tries one.
    const USUAL_PAYLOAD: usize = 4096;
    let mut calibrations = 0;
    loop {
        calibrations += 1;
        progress.stage("calibrating the machine", 0.01);
        let payload = Some(asked.shape.payload() as usize).filter(|&bytes| bytes > 0);
        let cores = request.machine.usable;
        let calibration = calibrate(server, payload.unwrap_or(USUAL_PAYLOAD), cores)?;
        progress.stage("checking the controls", 0.04);
        let contest = contest(request, server, calibration.operations_per_ms);
        let controls = controls(&contest)?;
        match Ruling::of(&controls, calibrations, request.anyway) {
            Ruling::Race => {}
            Ruling::Again => continue,
            Ruling::Refused(failure) => return Err(failure),
        }
        let (machine, flips) = (request.machine, Vec::new());
        let (race, confirmation) = (None, None);
        return Ok(Chosen { asked, machine, calibration, controls, race, confirmation, flips });
    }
}

fn contest<'a>(
    request: &ChooseRequest,
    server: &'a ServerProcess,
    operations_per_ms: f64,
) -> Contest<'a> {
    let (workers, seed) = (request.workers, request.seed);
    Contest { server, operations_per_ms, workers, cores: Cores::All, seed }
}

/// The race, its confirmation, and what would flip it: as far as time and luck allow.
fn go(
    request: &ChooseRequest,
    chosen: &mut Chosen,
    server: &ServerProcess,
    begun: Instant,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let contest = contest(request, server, chosen.calibration.operations_per_ms);
    let shape = chosen.asked.shape.clone();
    let share = |begun: Instant| begun.elapsed().div_duration_f64(request.time).min(1.0);
    let effort = Effort { rounds: None, time: Some(request.race_time()) };
    let raced = contest.race(&shape, &request.models, (effort, ROUNDS), |model, _| {
        progress.begin(NAME, model, share(begun));
    });
    keep(raced, &mut chosen.race)?;
    let first = chosen.race.as_ref().and_then(first_judgement);
    let again = first.map(|first| unexpected(chosen, first)).unwrap_or_default();
    if !again.is_empty() {
        let effort = Effort { rounds: Some(CONFIRMING), time: Some(request.time / 4) };
        let raced = contest.race(&shape, &again, (effort, CONFIRMING as u32), |model, _| {
            progress.begin("confirming", model, share(begun));
        });
        keep(raced, &mut chosen.confirmation)?;
    }
    let standing = chosen.judgement().as_ref().and_then(Standing::of);
    let Some(standing) = standing.filter(|_| !request.quiet) else { return Ok(()) };
    let mut models: Vec<Model> = request.models.clone();
    models.retain(|model| !NOT_PROBED.contains(model) || standing.best.contains(model));
    models.dedup();
    if models.iter().all(|model| standing.best.contains(model)) {
        return Ok(());
    }
    let deadline = begun + request.time.saturating_sub(Duration::from_secs(1));
    flips(&contest, &shape, (&standing, &models), deadline, &mut chosen.flips, |knob, value| {
        progress.stage(&format!("{} {}", knob.name(), knob.shown(value)), share(begun));
    })
}

/// Which models must meet the winner again, for arithmetic does not say that they are slow.
fn unexpected(chosen: &Chosen, first: &Judgement) -> Vec<Model> {
    let Some(race) = &chosen.race else { return Vec::new() };
    let winner = first.winner().and_then(|model| race.model(model));
    let wall = winner.map_or(f64::INFINITY, |winner| winner.wall.median);
    let least = |model| chosen.asked.shape.least_wall(race.jobs, model, race.workers);
    unconfirmed(first, |model| least(model) >= wall * 1.5)
}

/// Keeps what was measured, also if it did not come to its end.
fn keep(
    raced: Result<CaseResult, Unfinished>,
    place: &mut Option<CaseResult>,
) -> Result<(), Failure> {
    match raced {
        Ok(result) => {
            *place = Some(result);
            Ok(())
        }
        Err(Unfinished { failure, kept }) => {
            *place = kept.map(|kept| *kept);
            Err(failure)
        }
    }
}

/// Writes the page and the card, where they were asked for and there is something to draw.
fn draw(
    request: &ChooseRequest,
    chosen: &Chosen,
    failure: Option<&Failure>,
) -> Result<(), Failure> {
    let Some(race) = &chosen.race else { return Ok(()) };
    let (pictures, command) = (&request.pictures, &request.command);
    let card = pictures.card.as_ref().map_or(Ok(()), |path| {
        shell::write(path, &compare_card(std::slice::from_ref(race), command))
    });
    let page = pictures
        .html
        .as_ref()
        .map_or(Ok(()), |path| shell::write(path, &html(chosen, race, command, failure)?));
    card.and(page)
}

fn shown(
    request: &ChooseRequest,
    chosen: &Chosen,
    page: &Page,
    failure: Option<&Failure>,
) -> String {
    if request.json {
        return format!("{:#}\n", document(chosen, &request.command, failure));
    }
    match (request.quiet, Finding::of(chosen)) {
        (true, Some(finding)) => format!("→ {}.\n", finding.verdict),
        (true, None) => String::new(),
        (false, _) => text(chosen, page),
    }
}
