//! `singletrack replay`: the walk through the moments of a trace.
//!
//! *Promises*: where stdin is no terminal, each line is an answer, and its end shows the rest; whoever
//! ends the command ends the walk. What an answer means is pure ([`Place::after`]).
//! *Leaves out*: where keys come from (`lab/report/keys.rs`).

use crate::lab::replay::moment::Moments;
use crate::lab::replay::request::{ReplayRequest, time};
use crate::lab::replay::view::{bare, log, view, with_lanes};
use crate::lab::report::failure::{Failure, shown};
use crate::lab::report::keys::{Answers, CLEAR};
use crate::lab::report::terminal::wrap;
use serde_json::{Value, json};

/// Grows when what `--json` prints changes its shape.
const SCHEMA_VERSION: u32 = 1;

const HELP: &str = "n = next, p = previous, t = to a time, q = quit > ";

/// Carries a request out.
///
/// # Errors
/// What `print` and `answers` report.
pub fn replay(
    request: &ReplayRequest,
    answers: &mut dyn Answers,
    width: usize,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let moments = Moments::of(request.timeline.clone());
    let first = request.at.map_or(0, |at| moments.at_or_before(at));
    if request.json {
        return print(&format!("{:#}\n", document(&moments, request.at.map(|_| first))));
    }
    let title = title(&moments, width);
    if moments.count() == 0 {
        return print(&format!("{title}nothing happens in it\n"));
    }
    if request.all {
        print(&title)?;
        return rest(&moments, first, &mut print);
    }
    walk(&title, &moments, first, answers, width, print)
}

/// What the trace is of, and what it has forgotten.
fn title(moments: &Moments, width: usize) -> String {
    let about = &moments.timeline.about;
    let told: Vec<String> = about.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    let groups: Vec<&str> =
        moments.timeline.groups.iter().map(|group| group.name.as_str()).collect();
    let mut text = wrap(&shown(&format!("{} ({})", groups.join(", "), told.join("; "))), width);
    let forgotten = moments.timeline.forgotten();
    if forgotten > 0 {
        text += &wrap(&format!("{forgotten} events had no room in the recording"), width);
    }
    text
}

fn document(moments: &Moments, only: Option<usize>) -> Value {
    let timeline = &moments.timeline;
    let about: serde_json::Map<String, Value> =
        timeline.about.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    let groups: Vec<Value> = timeline
        .groups
        .iter()
        .map(|group| json!({ "name": group.name, "pid": group.pid, "forgotten": group.forgotten }))
        .collect();
    let all: Vec<Value> = match only {
        Some(number) if number < moments.count() => vec![with_lanes(moments, number)],
        Some(_) => Vec::new(),
        None => (0..moments.count()).map(|number| bare(moments, number)).collect(),
    };
    json!({ "schema_version": SCHEMA_VERSION, "about": about, "until_ns": timeline.until, "groups": groups,
            "count": moments.count(), "moments": all })
}

/// A line for each thing that happens from this moment on, some hundred at a time.
fn rest(
    moments: &Moments,
    from: usize,
    print: &mut impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    const AT_ONCE: usize = 16 * 1024;
    let mut text = String::new();
    for lines in log(moments, from) {
        text += &lines;
        if text.len() > AT_ONCE {
            print(&std::mem::take(&mut text))?;
        }
    }
    print(&text)
}

/// Where the walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To this moment.
    At(usize),
    /// Nowhere: the answer means nothing.
    Here,
    /// To a place that is still to be said.
    Asks,
    /// All that is left is shown.
    Rest,
    /// The walk is over.
    Over,
}

impl Place {
    /// Where this answer leads from moment `at`.
    pub fn after(answer: &str, at: usize, moments: &Moments) -> Place {
        let last = moments.count().saturating_sub(1);
        let to = |at: usize| Place::At(at.min(last));
        match answer {
            "q" | "quit" => Place::Over,
            "" | "n" | "next" => to(at + 1),
            "p" | "previous" => to(at.saturating_sub(1)),
            "N" => to(at + 10),
            "P" => to(at.saturating_sub(10)),
            "g" | "first" => to(0),
            "G" | "last" => to(last),
            "t" => Place::Asks,
            "a" | "all" => Place::Rest,
            other => Place::named(other, moments),
        }
    }

    /// A time, or a number.
    fn named(text: &str, moments: &Moments) -> Place {
        let last = moments.count().saturating_sub(1);
        let number = text.strip_prefix('#').unwrap_or(text).trim().parse::<usize>().ok();
        match (number, time(text)) {
            (Some(number), _) => Place::At(number.saturating_sub(1).min(last)),
            (None, Some(at)) => Place::At(moments.at_or_before(at)),
            (None, None) => Place::Here,
        }
    }
}

/// Shows a moment, and goes where the answers say.
fn walk(
    title: &str,
    moments: &Moments,
    first: usize,
    answers: &mut dyn Answers,
    width: usize,
    mut print: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut at, mut shown) = (first, None);
    loop {
        if shown != Some(at) {
            let clear = if answers.are_keys() { CLEAR } else { "" };
            let head = if answers.are_keys() || shown.is_none() { title } else { "" };
            print(&format!("{clear}{head}\n{}\n{HELP}", view(moments, at, width)))?;
            shown = Some(at);
        }
        let Some(answer) = answers.next()? else {
            print("\n")?;
            return rest(moments, at + 1, &mut print);
        };
        match Place::after(&answer, at, moments) {
            Place::At(next) => at = next,
            Place::Here => {}
            Place::Asks => {
                let text = ask(answers, &mut print)?;
                if let Place::At(next) = Place::named(&text, moments) {
                    at = next;
                }
                shown = None;
            }
            Place::Rest => {
                print("\n")?;
                return rest(moments, at + 1, &mut print);
            }
            Place::Over => return print("\n"),
        }
    }
}

/// A time or a number: a line, or keys up to Enter.
fn ask(
    answers: &mut dyn Answers,
    print: &mut impl FnMut(&str) -> Result<(), Failure>,
) -> Result<String, Failure> {
    print("\rto a time such as 12.5ms, or a number such as #40 > ")?;
    let mut text = String::new();
    while let Some(answer) = answers.next()? {
        if !answers.are_keys() {
            return Ok(answer);
        }
        match answer.as_str() {
            "" => break,
            "\x7f" | "\x08" => {
                if text.pop().is_some() {
                    print("\x08 \x08")?;
                }
            }
            key => {
                text += key;
                print(&shown(key))?;
            }
        }
    }
    Ok(text)
}
