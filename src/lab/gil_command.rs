//! `singletrack gil`: runs a scene, or asks real interpreters, and shows the result.
//!
//! *Assumes*: the calling process has one thread, for scenes run in forked children.
//! *Promises*: the trace file holds what was drawn, and all that was recorded before it; an earlier
//! one is replaced when the new one is whole. What was measured before a failure, a signal or the
//! going of the reader is shown, and that it is not all.
//! *Leaves out*: the scenes, the drawings and the tables (`lab/scenes`, `lab/fidelity`,
//! `lab/report`).

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::fidelity::comparison::{self, table, verdict};
use crate::lab::fidelity::idiom_table::{self, IdiomRow, Predictions, Seen};
use crate::lab::fidelity::python::Interpreter;
use crate::lab::fidelity::sides::{Comparison, compare};
use crate::lab::gil_cli::{
    CostSource, FidelityRequest, MachineRequest, ParityRequest, SceneRequest,
};
use crate::lab::page::request::command_line;
use crate::lab::page::shell;
use crate::lab::poster::card::poster_card;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::DrawOptions;
use crate::lab::report::outside;
use crate::lab::report::terminal::{Page, wrap};
use crate::lab::scenes::calibration::calibrate;
use crate::lab::scenes::echo::CoreSplit;
use crate::lab::scenes::parity;
use crate::lab::scenes::scene_html::{html, scene_card};
use crate::lab::scenes::scene_report::{document, explanation, picture};
use crate::lab::scenes::scene_run::SceneRun;
use crate::lab::scenes::simulated::SimulatedMachine;
use crate::lab::timeline::from_lock::from_lock;
use crate::lab::timeline::timeline::Timeline;
use crate::lab::timeline::trace::save_trace;
use std::path::Path;

/// Shows a scene; `print` is called with each piece of text as soon as there is one. Of runs that
/// were to come when one fails, or when somebody ends the command, it says that they are missing.
///
/// # Errors
/// If a run fails, or something cannot be written.
pub fn show(
    request: &SceneRequest,
    page: &Page,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let SceneRequest { scene, time, json, .. } = request;
    let setting = request.simulate.as_ref().map(setting).transpose()?;
    if !json {
        let title = wrap(&format!("{}: {}", scene.name, scene.title), page.width);
        print(&format!("{title}{}\n", place(setting.as_ref(), page.width)))?;
    }
    let mut runs = Vec::new();
    let ran = run_all(request, setting.as_ref(), page, &mut runs, &mut print);
    let failure = trace(request, &runs, ran.err());
    let printed = if *json {
        let document = document(scene, *time, setting.as_ref(), &runs, failure.as_ref());
        print(&format!("{document:#}\n"))
    } else if failure.is_none() {
        print(&explanation(scene, page.width))
    } else if !runs.is_empty() {
        let whole = runs.iter().take_while(|(_, run)| !run.partial).count();
        let left: Vec<String> = request.policies[whole..].iter().map(ToString::to_string).collect();
        let note = format!("partial: not run, or not to the end: {}", left.join(", "));
        print(&wrap(&note, page.width))
    } else {
        Ok(())
    };
    let drawn = draw(request, setting.as_ref(), &runs, failure.as_ref());
    failure.map_or(Ok(()), Err).and(printed).and(drawn)
}

/// Writes the page and the card, where they were asked for and there is something to draw.
fn draw(
    request: &SceneRequest,
    setting: Option<&SimulatedMachine>,
    runs: &[(SwitchPolicy, SceneRun)],
    failure: Option<&Failure>,
) -> Result<(), Failure> {
    let SceneRequest { scene, time, window, pictures, .. } = request;
    if runs.is_empty() {
        return Ok(());
    }
    let command = command_line(std::env::args_os());
    let page = pictures.html.as_ref().map_or(Ok(()), |path| {
        let data = document(scene, *time, setting, runs, failure);
        shell::write(path, &html(scene, runs, *window, &command, &data)?)
    });
    let card = match &pictures.card {
        Some(path) if scene.name == "convoy" => {
            poster_card(&command).and_then(|card| shell::write(path, &card))
        }
        Some(path) => {
            scene_card(scene, runs, *window, &command).and_then(|card| shell::write(path, &card))
        }
        None => Ok(()),
    };
    page.and(card)
}

/// Runs the scene under each policy, and draws each run when it has ended.
fn run_all(
    request: &SceneRequest,
    setting: Option<&SimulatedMachine>,
    page: &Page,
    runs: &mut Vec<(SwitchPolicy, SceneRun)>,
    print: &mut impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let SceneRequest { scene, policies, time, json, window, ascii, .. } = request;
    let options = DrawOptions { width: page.width, ascii: *ascii, palette: page.palette };
    for &policy in policies {
        let take = match setting {
            // No process is that run's: the number of the run stands for its process number.
            Some(on) => {
                SceneRun { pid: runs.len() as u32 + 1, ..scene.simulate(policy, *time, on)? }
            }
            None => scene.run(policy, *time)?,
        };
        if !json {
            print(&format!("{}\n", picture(scene, policy, &take, *window, &options)?))?;
        }
        let partial = take.partial;
        runs.push((policy, take));
        if partial {
            outside::check()?;
        }
    }
    Ok(())
}

/// The machine to simulate; its costs are measured here if that was asked for.
fn setting(machine: &MachineRequest) -> Result<SimulatedMachine, Failure> {
    Ok(match machine.costs {
        CostSource::Given(costs) => SimulatedMachine::of(machine.cores, costs, machine.seed),
        CostSource::Measured => calibrate()?.machine(machine.cores, machine.seed),
    })
}

/// On which simulated machine it runs: all that is needed to see the same again. Where the costs
/// are wider than a line, a backslash ends it, as a shell would read it.
fn place(setting: Option<&SimulatedMachine>, width: usize) -> String {
    let Some(SimulatedMachine { cores, costs, seed, .. }) = setting else { return String::new() };
    let s = if *cores == 1 { "" } else { "s" };
    let costs = wrap(&format!("--costs {costs}"), width.saturating_sub(1));
    let costs = costs.trim_end().replace(",\n", ",\\\n").replace("--costs\n", "--costs \\\n");
    wrap(&format!("on {cores} simulated core{s}, --seed {seed}"), width) + &costs + "\n"
}

/// Compares the simulator, given what this machine charges, with the real lock.
///
/// # Errors
/// If the machine cannot be measured, or a run fails.
pub fn parity(
    request: &ParityRequest,
    page: &Page,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let measured = calibrate()?;
    if !request.json {
        let measured = wrap(&format!("measured: {}", measured.costs), page.width);
        print(&format!("{measured}\n{}", parity::heading(page.width)))?;
    }
    let mut rows = Vec::new();
    let compared = parity::compare(&request.policies, request.time, &measured, |row| {
        let line = parity::line(&row, page.width);
        rows.push(row);
        if request.json { Ok(()) } else { print(&line) }
    });
    let failure = compared.err();
    match (request.json, &failure) {
        (true, _) => {
            print(&format!("{:#}\n", parity::document(&measured, &rows, failure.as_ref())))?
        }
        (false, None) => print(&format!("\n{}", wrap(NOTE, page.width)))?,
        (false, Some(_)) => print(&wrap("partial: other rows were not measured", page.width))?,
    }
    failure.map_or(Ok(()), Err)
}

/// How many times as long as an experiment the idioms of an interpreter may take.
const IDIOMS: u32 = 10;
const NOTE: &str = "The real threads share their cores with whatever else runs, the simulated ones \
have theirs to themselves. The convoy's peer has a core of its own: to see the server on several \
takes three.";

/// Compares the presets with the interpreters that are named, or with all that are found. What
/// fails on the way is a line; the rest is measured.
///
/// # Errors
/// If a program that was named is no CPython; if nothing was compared, a row disagrees or could not
/// be measured; if somebody has ended the command.
pub fn fidelity(
    request: &FidelityRequest,
    page: &Page,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let pythons: Vec<Interpreter> = match request.pythons.is_empty() {
        true => Interpreter::find(),
        false => {
            request.pythons.iter().map(|path| Interpreter::at(path)).collect::<Result<_, _>>()?
        }
    };
    let mut skipped = Vec::new();
    if !request.idioms && !CoreSplit::find()?.apart() {
        skipped.push("one usable core: peer and server shared it, which hides a convoy".to_owned());
    }
    let (mut all, mut failure) = (Comparison::default(), outside::check().err());
    let (mut idioms, mut known) = (Vec::new(), Vec::new());
    for python in &pythons {
        if failure.is_some() {
            break;
        }
        let mut text = String::new();
        if !request.idioms {
            let mut new = compare(python, request.time);
            failure = new.ended.take();
            let preset = python.preset().to_string();
            text += &table(&python.name(), &preset, &new.rows, &new.unmeasured, page.width);
            all.rows.append(&mut new.rows);
            all.unmeasured.append(&mut new.unmeasured);
        }
        if failure.is_none() {
            let mut new =
                idiom_table::ask(python, predicted(&mut known, python), IDIOMS * request.time);
            text += &idiom_table::table(&new, page.width);
            idioms.append(&mut new);
            failure = outside::check().err();
        }
        if !request.json {
            failure = failure.or(print(&format!("{text}\n")).err());
        }
    }
    let failure = failure.or_else(|| verdict(&all.rows, &all.unmeasured, &idioms));
    if request.json {
        let error = failure.as_ref();
        let document = comparison::document(&all.rows, &all.unmeasured, &idioms, &skipped, error);
        print(&format!("{document:#}\n"))?;
    } else {
        let skipped = skipped.iter().map(|why| wrap(&format!("skipped: {why}"), page.width));
        print(
            &(skipped.collect::<String>() + &endings(&all, &idioms, request.idioms, page.width)),
        )?;
    }
    failure.map_or(Ok(()), Err)
}

/// What the explorer predicts for an interpreter; those with one preset share it.
fn predicted<'a>(known: &'a mut Vec<Predictions>, python: &Interpreter) -> &'a Predictions {
    let policy = python.preset();
    let at = known.iter().position(|one| one.policy() == policy).unwrap_or_else(|| {
        known.push(Predictions::under(policy));
        known.len() - 1
    });
    &known[at]
}

/// The last lines: how much of it agrees.
fn endings(all: &Comparison, idioms: &[IdiomRow], only_idioms: bool, width: usize) -> String {
    let mut text =
        if idioms.is_empty() { String::new() } else { idiom_table::summary(idioms, width) };
    if !only_idioms {
        let agree = all.rows.iter().filter(|row| row.agrees_in_kind()).count();
        text += &wrap(&format!("{agree} of {} rows agree in kind.", all.rows.len()), width);
    }
    let answered = idioms.iter().filter(|row| !matches!(row.seen, Seen::Unanswered(_)));
    let (agree, of) = (answered.filter(|row| !row.disagrees()).count(), idioms.len());
    text + &wrap(&format!("{agree} of {of} idioms lose no update that cannot be lost."), width)
}

/// Writes what was asked for as a trace; gives the first thing that failed. When somebody has
/// ended the command, or a run has failed, an earlier file is worth more than a part of a new one.
fn trace(
    request: &SceneRequest,
    runs: &[(SwitchPolicy, SceneRun)],
    failure: Option<Failure>,
) -> Option<Failure> {
    let Some(path) = &request.trace else { return failure };
    if failure.is_some() && (runs.is_empty() || path.exists()) {
        return failure;
    }
    let written = write(path, request, runs, failure.as_ref());
    failure.or(written.err())
}

fn write(
    path: &Path,
    request: &SceneRequest,
    runs: &[(SwitchPolicy, SceneRun)],
    failure: Option<&Failure>,
) -> Result<(), Failure> {
    let policies: Vec<String> = runs.iter().map(|(policy, _)| policy.to_string()).collect();
    let command = format!("singletrack gil {}", request.scene.name);
    let group = |(policy, take): &(SwitchPolicy, SceneRun)| {
        let name = format!("{} · {policy}", request.scene.name);
        from_lock(&name, take.pid, &take.recording, &request.scene.state_names)
    };
    let mut about = vec![("policy", policies.join(", ")), ("cmd", command)];
    about.extend(failure.map(|failure| ("error", failure.to_string())));
    let about = about.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let until = runs.iter().map(|(_, take)| take.recording.until).max().unwrap_or(0);
    let timeline = Timeline { about, until, groups: runs.iter().map(group).collect() };
    save_trace(path, &timeline)
}
