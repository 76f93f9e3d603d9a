//! `singletrack gil`: runs a scene, or asks real interpreters, and shows the result.
//!
//! *Assumes*: the calling process has one thread, for scenes run in forked children.
//! *Promises*: the trace file holds what was drawn, and all that was recorded before it.
//! *Leaves out*: the scenes, the drawings and the tables (`lab/scenes`, `lab/fidelity`,
//! `lab/report`).

use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::fidelity::comparison::{self, compare, table};
use crate::lab::fidelity::python::Interpreter;
use crate::lab::gil_cli::{
    CostSource, FidelityRequest, MachineRequest, ParityRequest, SceneRequest,
};
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::DrawOptions;
use crate::lab::report::terminal::{Page, wrap};
use crate::lab::report::trace::{TraceProcess, write_trace};
use crate::lab::scenes::calibration::calibrate;
use crate::lab::scenes::echo::CoreSplit;
use crate::lab::scenes::parity;
use crate::lab::scenes::scene_report::{document, explanation, picture};
use crate::lab::scenes::scene_run::SceneRun;
use crate::lab::scenes::simulated::SimulatedMachine;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Shows a scene; `print` is called with each piece of text as soon as there is one.
///
/// # Errors
/// If a run fails, or something cannot be written.
pub fn show(
    request: &SceneRequest,
    page: &Page,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let SceneRequest { scene, policies, time, json, window, ascii, .. } = request;
    let Page { width, palette } = *page;
    let options = DrawOptions { width, ascii: *ascii, palette };
    let setting = request.simulate.as_ref().map(setting).transpose()?;
    if !json {
        let title = wrap(&format!("{}: {}", scene.name, scene.title), width);
        print(&format!("{title}{}\n", place(setting.as_ref(), width)))?;
    }
    let mut runs: Vec<(SwitchPolicy, SceneRun)> = Vec::new();
    for &policy in policies {
        let take = match &setting {
            // No process ran: the number of the run stands for its process number.
            Some(on) => {
                SceneRun { pid: runs.len() as u32 + 1, ..scene.simulate(policy, *time, on)? }
            }
            None => scene.run(policy, *time)?,
        };
        if !json {
            print(&format!("{}\n", picture(scene, policy, &take, *window, &options)?))?;
        }
        runs.push((policy, take));
    }
    if let Some(path) = &request.trace {
        trace(path, request, &runs).map_err(|e| {
            Failure::io(path.display().to_string(), &e, "name a file that can be written")
        })?;
    }
    match json {
        true => print(&format!("{:#}\n", document(scene, *time, setting.as_ref(), &runs))),
        false => print(&explanation(scene, width)),
    }
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
    let rows = parity::compare(&request.policies, request.time, &measured, |row| {
        if request.json { Ok(()) } else { print(&parity::line(row, page.width)) }
    })?;
    match request.json {
        true => print(&format!("{:#}\n", parity::document(&measured, &rows))),
        false => print(&format!("\n{}", wrap(NOTE, page.width))),
    }
}

const NOTE: &str = "The real threads share their cores with whatever else runs, the simulated ones \
have theirs to themselves. The convoy's peer has a core of its own: to see the server on several \
takes three.";

/// Compares the presets with the interpreters that are named, or with all that are found.
///
/// # Errors
/// If an interpreter that was named cannot be run, or a measurement fails.
pub fn fidelity(
    request: &FidelityRequest,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let pythons: Vec<Interpreter> = match request.pythons.is_empty() {
        true => Interpreter::find(),
        false => {
            request.pythons.iter().map(|path| Interpreter::at(path)).collect::<Result<_, _>>()?
        }
    };
    let (mut rows, mut skipped) = (Vec::new(), Vec::new());
    if pythons.is_empty() {
        skipped.push("no CPython was found; name one with --python".to_owned());
    }
    if !CoreSplit::find()?.apart() {
        skipped.push("one usable core: peer and server shared it, which hides a convoy".into());
    }
    for python in &pythons {
        let new = compare(python, request.time)
            .map_err(|failure| failure.within(&format!("CPython {}", python.name())))?;
        if !request.json {
            print(&format!("{}\n", table(&new)))?;
        }
        rows.extend(new);
    }
    if request.json {
        return print(&format!("{:#}\n", comparison::document(&rows, &skipped)));
    }
    skipped.iter().try_for_each(|why| print(&format!("skipped: {why}\n")))?;
    let agree = rows.iter().filter(|row| row.agrees_in_kind()).count();
    print(&format!("{agree} of {} rows agree in kind.\n", rows.len()))
}

fn trace(
    path: &Path,
    request: &SceneRequest,
    runs: &[(SwitchPolicy, SceneRun)],
) -> std::io::Result<()> {
    let policies: Vec<String> = runs.iter().map(|(policy, _)| policy.to_string()).collect();
    let command = format!("singletrack gil {}", request.scene.name);
    let process = |(policy, take): &(SwitchPolicy, SceneRun)| TraceProcess {
        pid: take.pid,
        name: format!("{} · {policy}", request.scene.name),
        recording: take.recording.clone(),
        words: request.scene.state_names,
    };
    let processes: Vec<TraceProcess> = runs.iter().map(process).collect();
    let mut file = BufWriter::new(File::create(path)?);
    let about = [("policy", policies.join(", ")), ("cmd", command)];
    let about: Vec<(&str, &str)> = about.iter().map(|(key, value)| (*key, &**value)).collect();
    write_trace(&mut file, &about, &processes)?;
    file.flush()
}
