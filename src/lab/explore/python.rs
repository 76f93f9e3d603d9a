//! `explore FILE.py`: which versions of Python can get it wrong, by which schedule, on which line.
//!
//! *Assumes*: words that clap has sorted.
//! *Promises*: a file that is refused is refused before anything runs, with its place; an answer
//! says what it holds for: all schedules, or those up to a limit.
//! *Leaves out*: how schedules are tried (`python/explore`).
//!
//! ```text
//! {file, complete, policies: [{policy, wrong, switches, line, worlds, complete,
//!  outcomes: [{ending, output, exceptions, globals, switches, serial}]}]}
//! ```

use crate::gil::rules::threading::Threading;
use crate::lab::report::failure::Failure;
use crate::python::code::program::Program;
use crate::python::explore::outcome::{Ending, Outcome};
use crate::python::explore::policies::{ALL, Looks};
use crate::python::explore::replay::{Replay, replay};
use crate::python::explore::search::{Exploration, Found, Limits, explore_beside, serial};
use crate::python::explore::story::{columns, sentence};
use crate::python::run::single::program;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// How many bytes a file may have.
const LONGEST: u64 = 1 << 20;
/// How many outcomes are listed, at most.
const MOST_LISTED: usize = 12;

/// How long an outcome may be in a table.
const LONGEST_LINE: usize = 90;

/// What to explore.
#[derive(Debug, Clone)]
pub struct PythonRequest {
    name: String,
    source: String,
    program: Arc<Program>,
    policies: Vec<Threading>,
    cold: bool,
    limits: Limits,
    json: bool,
}

/// Why a file is not explored.
#[derive(Debug)]
pub enum Refused {
    /// It cannot be read.
    File(Failure),
    /// It is outside the subset: the message, with the line of source and a caret.
    Source(String),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::File(failure)
    }
}

/// Whether a file is Python, by its name.
pub fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "py")
}

/// Every policy that `all` means.
pub fn all_policies() -> Vec<Threading> {
    ALL.iter().filter_map(|name| name.parse().ok()).collect()
}

impl PythonRequest {
    /// Reads and compiles a file.
    ///
    /// # Errors
    /// [`Refused`] if there is none, or it is outside the subset.
    pub fn new(
        path: &Path,
        policies: Vec<Threading>,
        cold: bool,
        limits: Limits,
        json: bool,
    ) -> Result<PythonRequest, Refused> {
        let name = path.display().to_string();
        let source = read(path, &name)?;
        let program =
            program(&source).map_err(|refusal| Refused::Source(refusal.shown(&name, &source)))?;
        if let Some(refusal) = &program.real_only {
            return Err(Refused::Source(refusal.shown(&name, &source)));
        }
        Ok(PythonRequest { name, source, program, policies, cold, limits, json })
    }
}

fn read(path: &Path, name: &str) -> Result<String, Failure> {
    let failed = |e| Failure::io(name, &e, "name a file that can be read");
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        let why = format!("it has more than {LONGEST} bytes");
        return Err(Failure::new(name, why, "name a file with a program"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        Failure::new(format!("{name}:{line}"), "no UTF-8 text", "save it as UTF-8")
    })
}

/// One policy's answer.
struct Answer {
    policy: Threading,
    looks: Looks,
    exploration: Exploration,
}

impl Answer {
    /// The outcome that went wrong with the fewest switches.
    fn worst(&self) -> Option<&Found> {
        let wrong = self.exploration.found.iter().filter(|found| is_wrong(found));
        wrong.min_by_key(|found| (found.switches, found.serial))
    }

    fn replay(&self, request: &PythonRequest, found: &Found) -> Replay {
        let contended = &self.exploration.contended;
        replay(&request.program, self.looks, contended, &found.moves)
    }
}

/// An outcome that no order of whole threads gives, or that is a failure in any order.
fn is_wrong(found: &Found) -> bool {
    !found.serial || !found.outcome.is_fine()
}

/// Carries a request out, and gives the text to print.
pub fn explore_python(request: &PythonRequest) -> String {
    let serial = serial(&request.program, request.limits);
    let answers: Vec<Answer> = request
        .policies
        .iter()
        .map(|policy| {
            let looks = Looks::Under(*policy, request.cold);
            let exploration = explore_beside(&request.program, looks, request.limits, &serial);
            Answer { policy: *policy, looks, exploration }
        })
        .collect();
    if request.json {
        return format!("{:#}\n", document(request, &answers));
    }
    let names = telling(&answers);
    let mut text = match answers.as_slice() {
        [one] => listing(request, one, &names),
        _ => table(request, &answers, &names),
    };
    let drawn = answers.iter().find_map(|answer| Some((answer, answer.worst()?)));
    if let Some((answer, found)) = drawn {
        text += &drawing(request, answer, found, &names);
    }
    text
}

/// The globals that tell outcomes apart where what they print does not; if nothing is printed, all.
fn telling(answers: &[Answer]) -> Vec<Arc<str>> {
    let outcomes = || answers.iter().flat_map(|a| &a.exploration.found).map(|f| &f.outcome);
    let silent = outcomes().all(|outcome| outcome.output.is_empty());
    let Some(first) = outcomes().next() else { return Vec::new() };
    let value = |outcome: &Outcome, name: &Arc<str>| {
        outcome.globals.iter().find(|(other, _)| other == name).map(|(_, text)| text.clone())
    };
    let tells = |name: &Arc<str>| {
        outcomes()
            .any(|a| outcomes().any(|b| a.output == b.output && value(a, name) != value(b, name)))
    };
    let names = first.globals.iter().filter(|(name, _)| silent || tells(name));
    names.map(|(name, _)| Arc::clone(name)).collect()
}

fn listing(request: &PythonRequest, answer: &Answer, names: &[Arc<str>]) -> String {
    let Exploration { found, worlds, bound, .. } = &answer.exploration;
    let mut text = format!("{} under {}: {worlds} worlds, ", request.name, answer.policy);
    text += &match bound {
        Some(bound) => format!("and that is not all: {bound}\n"),
        None => "all that there are\n".to_owned(),
    };
    let listed = &found[..found.len().min(MOST_LISTED)];
    let lines: Vec<String> = listed.iter().map(|found| short(found, names)).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).clamp(7, 60);
    text += &format!("  {:<width$}  fewest switches\n", "outcome");
    for (line, found) in lines.iter().zip(listed) {
        let row = format!("  {line:<width$}  {:>15}  {}", found.switches, remark(found));
        text += row.trim_end();
        text.push('\n');
    }
    if found.len() > listed.len() {
        text += &format!("  and {} more; --json lists all\n", found.len() - listed.len());
    }
    if answer.worst().is_none() {
        let which = if bound.is_none() { "every schedule" } else { "each of these schedules" };
        text += &format!("→ {which} comes to what some order of whole threads comes to\n");
    }
    text
}

/// The outcome in one line that fits.
fn short(found: &Found, names: &[Arc<str>]) -> String {
    let line = found.outcome.line(names);
    match line.char_indices().nth(LONGEST_LINE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

fn remark(found: &Found) -> &'static str {
    match (&found.outcome.ending, found.serial) {
        (Ending::Deadlock(_), _) => "← they wait for each other",
        (Ending::Endless, _) => "← it goes round for ever",
        (Ending::Stopped(..), _) => "← it was stopped",
        (Ending::Finished, false) => "← no order of whole threads gives this",
        (Ending::Finished, true) => "",
    }
}

fn table(request: &PythonRequest, answers: &[Answer], names: &[Arc<str>]) -> String {
    let mut text = format!("{}: can it go wrong?\n", request.name);
    let width = answers.iter().map(|a| a.policy.to_string().len()).max().unwrap_or(0);
    text += &format!("  {:<width$}  wrong  switches  line  outcome\n", "policy");
    for answer in answers {
        let policy = answer.policy.to_string();
        let row = match answer.worst() {
            Some(found) => {
                let line = line_of(request, answer, found);
                let line = line.map_or_else(String::new, |line| line.to_string());
                let outcome = short(found, names);
                format!("  {policy:<width$}  yes    {:>8}  {line:>4}  {outcome}", found.switches)
            }
            None => format!("  {policy:<width$}  no"),
        };
        let row = match &answer.exploration.bound {
            Some(bound) => format!("{row}  (not all was tried: {bound})"),
            None => row,
        };
        text += row.trim_end();
        text.push('\n');
    }
    text + "  Python promises none of this: a version that says `no` is not safe, only lucky; a lock \
            is.\n"
}

/// The line on which a thread was interrupted; of a failure, where it was raised.
fn line_of(request: &PythonRequest, answer: &Answer, found: &Found) -> Option<u32> {
    let raised = found.outcome.failures.first().map(|(_, failure)| failure.at.line);
    answer.replay(request, found).cut.or(raised)
}

fn drawing(request: &PythonRequest, answer: &Answer, found: &Found, names: &[Arc<str>]) -> String {
    let replayed = answer.replay(request, found);
    let mut text = format!(
        "\n{}, under {} by as few switches as can be ({}):\n\n{}",
        short(found, names),
        answer.policy,
        found.switches,
        columns(&replayed, &request.source)
    );
    if let Ending::Deadlock(waits) = &found.outcome.ending {
        waits.iter().for_each(|line| text += &format!("→ {line}\n"));
    }
    match sentence(&replayed) {
        Some(sentence) if found.outcome.ending == Ending::Finished => {
            text += &format!("→ {sentence}\n");
        }
        _ => {}
    }
    text
}

fn document(request: &PythonRequest, answers: &[Answer]) -> Value {
    let policies = answers.iter().map(|answer| {
        let worst = answer.worst();
        json!({
            "policy": answer.policy.to_string(),
            "wrong": worst.is_some(),
            "switches": worst.map(|found| found.switches),
            "line": worst.and_then(|found| line_of(request, answer, found)),
            "worlds": answer.exploration.worlds,
            "complete": answer.exploration.bound.is_none(),
            "outcomes": answer.exploration.found.iter().map(found_value).collect::<Vec<Value>>(),
        })
    });
    let complete = answers.iter().all(|answer| answer.exploration.bound.is_none());
    json!({
        "file": request.name,
        "complete": complete,
        "policies": policies.collect::<Vec<Value>>(),
    })
}

fn found_value(found: &Found) -> Value {
    let Outcome { ending, output, failures, globals } = &found.outcome;
    let ending = match ending {
        Ending::Finished => "finished".to_owned(),
        Ending::Deadlock(_) => "deadlock".to_owned(),
        Ending::Endless => "endless".to_owned(),
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
    })
}
