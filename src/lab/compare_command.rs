//! `singletrack compare`: runs each case, at each point of a sweep if there is one, and shows it.
//!
//! *Assumes*: the calling process has one thread, for models run in forked children.
//! *Promises*: each case is shown as soon as it has ended; what was measured before a failure, a
//! signal or the going of the reader is shown, and exported, and that it is not all; an earlier
//! export is replaced when the new one is whole.
//! *Leaves out*: the measuring and the tables (`lab/compare`).

use crate::lab::compare::card::compare_card;
use crate::lab::compare::cases::Case;
use crate::lab::compare::document::document;
use crate::lab::compare::export::{csv, markdown};
use crate::lab::compare::html::{About, html};
use crate::lab::compare::output::{Progress, table};
use crate::lab::compare::race::Race;
use crate::lab::compare::recorded::recorded;
use crate::lab::compare::request::CompareRequest;
use crate::lab::compare::result::CaseResult;
use crate::lab::compare::sweep::Swept;
use crate::lab::page::request::command_line;
use crate::lab::page::shell::write;
use crate::lab::report::failure::Failure;
use crate::lab::report::terminal::{Page, Palette, said_width, wrap};
use crate::lab::timeline::timeline::{Group, Timeline};
use crate::lab::timeline::trace::save_trace;
use std::path::PathBuf;

/// Shows each case as soon as it has ended, or all as JSON in the end; of a case that fails, what
/// was measured before. `print` is called with each piece of text.
///
/// # Errors
/// What ended it early, or that something cannot be written.
pub fn compare(
    request: &CompareRequest,
    page: &Page,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut results, mut films) = (Vec::new(), Vec::new());
    let failure = race_all(request, page, &mut results, &mut films, &mut print).err();
    let printed = match request.json {
        true => print(&format!("{:#}\n", document(&results, failure.as_ref()))),
        false if failure.is_none() => {
            let more = wrap("What the columns mean: singletrack compare --help", page.width);
            print(&format!("\n{more}"))
        }
        false => Ok(()),
    };
    // What is there already is worth more than nothing.
    let saved = save(request, &results, films, failure.as_ref());
    failure.map_or(Ok(()), Err).and(printed).and(saved)
}

/// Runs and shows all cases, as far as it comes.
fn race_all(
    request: &CompareRequest,
    page: &Page,
    results: &mut Vec<CaseResult>,
    films: &mut Vec<Timeline>,
    print: &mut impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut progress = Progress::new();
    for case in &request.cases {
        let first = results.len();
        let raced = run_case(request, case, results, &mut progress);
        let of_case = &results[first..];
        if !request.json && !of_case.is_empty() {
            let gap = if first == 0 { "" } else { "\n" };
            let text = shown(request, of_case, page);
            progress.aside(|| print(&format!("{gap}{text}")))?;
        }
        raced?;
        if is_filmed(request) {
            let Race { models, sizes, limit, .. } = &request.race;
            let timeline = recorded(case, models, sizes, *limit)?;
            if request.bands.are_wanted() {
                let drawing = request.bands.drawing(&timeline, page);
                progress.aside(|| print(&format!("\n{drawing}")))?;
            }
            films.push(timeline);
        }
    }
    Ok(())
}

/// Whether every model is to run once more, to see what it does.
fn is_filmed(request: &CompareRequest) -> bool {
    let drawn = request.pictures.html.is_some() && request.sweep.is_none();
    request.bands.are_wanted() || request.trace.is_some() || drawn
}

/// What was filmed of all cases, beside each other.
fn film(request: &CompareRequest, films: &[Timeline]) -> Timeline {
    let several = request.cases.len() > 1;
    let mut groups = Vec::new();
    for (case, of_case) in request.cases.iter().zip(films) {
        let named = |group: &Group| match several {
            true => Group { name: format!("{} · {}", case.name(), group.name), ..group.clone() },
            false => group.clone(),
        };
        groups.extend(of_case.groups.iter().map(named));
    }
    let cases: Vec<&str> = request.cases.iter().map(Case::name).collect();
    let cmd = format!("singletrack compare {}", cases.join(" "));
    let seed = request.race.sizes.seed.to_string();
    let about = vec![("cmd".to_owned(), cmd), ("seed".to_owned(), seed)];
    let until = films.iter().map(|film| film.until).max().unwrap_or(0);
    Timeline { about, until, groups }
}

/// Writes all files that were asked for, if there is something to be written. One that cannot be is no
/// reason to lose the others.
fn save(
    request: &CompareRequest,
    results: &[CaseResult],
    films: Vec<Timeline>,
    failure: Option<&Failure>,
) -> Result<(), Failure> {
    if results.is_empty() {
        return Ok(());
    }
    let to = |path: &Option<PathBuf>, text: &dyn Fn() -> Result<String, Failure>| match path {
        Some(path) => write(path, &text()?),
        None => Ok(()),
    };
    // A film that is not all is no reason to lose an earlier one.
    let trace = request.trace.as_ref().filter(|_| failure.is_none());
    let command = command_line(std::env::args_os());
    let saved = [
        to(&request.export_csv, &|| Ok(csv(results))),
        to(&request.export_markdown, &|| Ok(markdown(results))),
        trace.map_or(Ok(()), |path| save_trace(path, &film(request, &films))),
        to(&request.pictures.card, &|| Ok(compare_card(results, &command))),
    ];
    let about = About {
        command: command.clone(),
        seed: request.race.sizes.seed,
        interval: request.race.sizes.interval,
        sweep: request.sweep.as_ref(),
        recorded: films.into_iter().map(Some).collect(),
    };
    let drawn = to(&request.pictures.html, &|| html(results, failure, &about));
    saved.into_iter().chain([drawn]).collect()
}

/// Runs a case, at each point of the sweep if there is one.
fn run_case(
    request: &CompareRequest,
    case: &Case,
    results: &mut Vec<CaseResult>,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let CompareRequest { race, sweep, .. } = request;
    let points = sweep.as_ref().map_or(vec![None], |sweep| {
        sweep.values.iter().map(|&value| Some((sweep, value))).collect()
    });
    for at in points {
        let sizes = at.map_or(race.sizes.clone(), |(sweep, value)| sweep.apply(value, &race.sizes));
        let name = at.map_or(String::new(), |(sweep, value)| sweep.point(value));
        let title = format!("{} {name}", case.name());
        let race = Race { sizes, ..race.clone() };
        let raced = race.case(case, |model, share| progress.begin(&title, model, share));
        let (result, went) = match raced {
            Ok(result) => (Some(result), Ok(())),
            Err(unfinished) => (unfinished.kept.map(|kept| *kept), Err(unfinished.failure)),
        };
        results.extend(result.map(|result| CaseResult { point: at.map(|_| name), ..result }));
        went?;
    }
    Ok(())
}

/// A case for people: a table, or the curve of a sweep.
fn shown(request: &CompareRequest, results: &[CaseResult], page: &Page) -> String {
    match &request.sweep {
        None => {
            let colour = page.palette != Palette::None;
            results.iter().map(|result| table(result, colour, said_width())).collect()
        }
        Some(sweep) => {
            let points = sweep.values.iter().copied().zip(results).collect();
            Swept { knob: sweep.knob, points }.text(said_width().unwrap_or(usize::MAX))
        }
    }
}
