//! A choice for people: the machine, the controls, a table, and the finding. Pure.
//!
//! *Promises*: no line is wider than it should be: columns are left out, the least telling first, and
//! numbers are never cut; sentences go on in the next line.
//! *Leaves out*: the words of the finding (`lab/choose/finding.rs`).

use crate::lab::choose::chosen::Chosen;
use crate::lab::choose::controls::Control;
use crate::lab::choose::finding::Finding;
use crate::lab::choose::quantity::shown_size;
use crate::lab::compare::model::Model;
use crate::lab::compare::output;
use crate::lab::compare::result::{CaseResult, ModelResult, TimeSplit};
use crate::lab::report::stats::{duration, three_digits};
use crate::lab::report::terminal::{Page, Palette, wrap};

const GREEN: &str = "\x1b[32m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";
/// Where what stands beside a word begins.
const INDENT: usize = 10;
/// Cells of a bar.
const BAR: usize = 22;
const HEAD: [&str; 9] =
    ["model", "wall", "jobs/s", "p50", "p99", "CPU", "memory", "threads", "where its time goes"];
/// Columns in the order in which they find room: model and wall always have it.
const ORDER: [usize; 9] = [0, 1, 5, 6, 4, 8, 2, 3, 7];

/// All of it, for a page.
pub fn text(chosen: &Chosen, page: &Page) -> String {
    let mut text = String::new();
    let width = page.width;
    let asked = &chosen.asked;
    let from = match asked.source.as_str() {
        "given" => String::new(),
        source => format!("{source}: "),
    };
    text += &paragraph("work", &format!("{from}{}", asked.shape.words()), width);
    for sentence in &asked.assumed {
        text += &paragraph("assumed", sentence, width);
    }
    text += &paragraph("machine", &machine(chosen), width);
    text += &paragraph("controls", &controls(&chosen.controls), width);
    let (Some(race), Some(finding)) = (&chosen.race, Finding::of(chosen)) else { return text };
    text += "\n";
    text += &wrap(&title(chosen, race), width);
    text += &table(chosen, race, page);
    for mark in chosen.marks() {
        text += &hanging(&format!("{} ", mark.sign), &mark.sentence, width);
    }
    for note in &race.notes {
        text += &hanging("note: ", note, width);
    }
    text + "\n" + &found(&finding, page)
}

/// The finding, a sentence a line.
fn found(finding: &Finding, page: &Page) -> String {
    let width = page.width;
    let head = hanging("→ ", &format!("{}.", finding.verdict), width);
    let mut text = paint(&head, BOLD, page);
    text += &hanging("  ", &format!("{}.", finding.currencies), width);
    for (label, sentences) in [
        ("why", &finding.why),
        ("flips", &finding.flips),
        ("rule", &vec![finding.rule.clone()]),
        ("elsewhere", &finding.elsewhere),
    ] {
        for (at, sentence) in sentences.iter().enumerate() {
            text += &paragraph(if at == 0 { label } else { "" }, sentence, width);
        }
    }
    text
}

/// A word, and beside it what there is to say.
fn paragraph(word: &str, text: &str, width: usize) -> String {
    hanging(&format!("{word:INDENT$}"), text, width)
}

/// Text whose further lines begin below its first word.
fn hanging(head: &str, text: &str, width: usize) -> String {
    let indent = head.chars().count();
    if width < indent + 20 {
        return wrap(&format!("{}{text}", head.trim_start()), width);
    }
    let lines = wrap(text, width - indent);
    let lines = lines.lines().enumerate().map(|(at, line)| match at {
        0 => format!("{head}{line}\n"),
        _ => format!("{:indent$}{line}\n", ""),
    });
    lines.collect()
}

fn machine(chosen: &Chosen) -> String {
    let (cores, costs) = (&chosen.machine, &chosen.calibration);
    let known = |cost: Option<f64>| cost.map_or("?".to_owned(), duration);
    let quota =
        cores.quota.map_or(String::new(), |quota| format!(", quota {}", three_digits(quota)));
    let worth = match cores.usable {
        1 => String::new(),
        _ => format!(" worth × {}", three_digits(costs.side_by_side)),
    };
    let payload = match chosen.asked.shape.payload() {
        0 => String::new(),
        bytes => format!(" · encode {} {}", shown_size(bytes), duration(costs.encode)),
    };
    format!(
        "{} usable core{} (of {}{quota}){worth} · switch {} · wake {} · fork {} · pipe {}{payload} · \
         answer {} · drift {:.1} %",
        cores.usable,
        if cores.usable == 1 { "" } else { "s" },
        cores.affinity,
        known(costs.switch),
        known(costs.wake),
        duration(costs.fork),
        duration(costs.pipe),
        duration(costs.answer),
        costs.drift * 100.0,
    )
}

fn controls(controls: &[Control]) -> String {
    let shown = |control: &Control| {
        let mark = if control.is_right() { "✓" } else { "✗" };
        format!(
            "{} × {} (ideal {}) {mark}",
            control.name,
            three_digits(control.measured),
            three_digits(control.ideal)
        )
    };
    let sound = match controls.iter().all(Control::is_right) {
        true => "the scale is sound",
        false => "the scale is not sound: look at nothing but large differences",
    };
    format!("{} · {sound}", controls.iter().map(shown).collect::<Vec<String>>().join(" · "))
}

fn title(chosen: &Chosen, race: &CaseResult) -> String {
    let asked = match chosen.asked.shape.jobs {
        Some(jobs) if jobs != race.jobs => format!("{} of {jobs} jobs", race.jobs),
        _ => output::counted(race.jobs, "job"),
    };
    format!(
        "{asked} a round, up to {} at once, {}, {}",
        race.lanes,
        output::counted(race.workers, "pool worker"),
        output::counted(race.rounds, "interleaved round")
    )
}

// ---- the table ----

fn table(chosen: &Chosen, race: &CaseResult, page: &Page) -> String {
    let marks = chosen.marks();
    let sign = |model: Model| -> String {
        marks.iter().filter(|mark| mark.model == model).map(|mark| mark.sign).collect()
    };
    let mut results: Vec<&ModelResult> = race.models.iter().collect();
    results.sort_by(|a, b| a.cut.cmp(&b.cut).then(a.wall.median.total_cmp(&b.wall.median)));
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(results.iter().map(|result| row(result, race.workers, &sign(result.model))));
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0))
        .collect();
    let columns = columns(&widths, page.width);
    let winner = chosen.winner();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells = columns.iter().map(|&column| {
            let (cell, width) = (&row[column], widths[column]);
            match column {
                0 | 8 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            }
        });
        let line = cells.collect::<Vec<String>>().join("  ");
        let style = match at.checked_sub(1).map(|at| results[at].model) {
            None => BOLD,
            model if model == winner => GREEN,
            _ => "",
        };
        text += &paint(&format!("{}\n", line.trim_end()), style, page);
    }
    text
}

/// The columns that there is room for, in their own order.
fn columns(widths: &[usize], width: usize) -> Vec<usize> {
    let (mut chosen, mut used) = (Vec::new(), 0);
    for at in ORDER {
        let gap = if chosen.is_empty() { 0 } else { 2 };
        if chosen.len() < 2 || used + gap + widths[at] <= width {
            used += gap + widths[at];
            chosen.push(at);
        }
    }
    chosen.sort_unstable();
    chosen
}

fn row(result: &ModelResult, workers: usize, signs: &str) -> [String; 9] {
    let [model, wall, rate, p50, p99, cpu, memory, threads, ..] = output::row(result);
    let several = match result.model {
        Model::Processes | Model::LoopProcesses | Model::Interpreters => format!(" ×{workers}"),
        _ => String::new(),
    };
    let model = format!("{model}{several}{}{signs}", if signs.is_empty() { "" } else { " " });
    [model, wall, rate, p50, p99, cpu, memory, threads, bar(&result.time)]
}

/// Where the lanes' time went, in cells; whatever there is of gets one.
fn bar(time: &TimeSplit) -> String {
    let whole = time.whole();
    if whole <= 0.0 {
        return String::new();
    }
    let cells = |part: f64| match part / whole * BAR as f64 {
        cells if cells < 0.05 => 0,
        cells => (cells.round() as usize).max(1),
    };
    let (own, waits) = (cells(time.computing), cells(time.gil_wait));
    let rest = BAR.saturating_sub(own + waits);
    ["█".repeat(own), "▓".repeat(waits), "░".repeat(rest)].concat()
}

fn paint(text: &str, style: &str, page: &Page) -> String {
    if page.palette == Palette::None || style.is_empty() {
        return text.to_owned();
    }
    text.lines().map(|line| format!("{style}{line}{PLAIN}\n")).collect()
}
