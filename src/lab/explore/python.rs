//! `explore FILE.py`: which versions of Python can get it wrong, by which schedule, on which line.
//!
//! *Assumes*: words that clap has sorted.
//! *Promises*: a file that is refused is refused before anything runs, with its place.
//! *Leaves out*: how schedules are tried (`python/explore`), how the answers are shown
//! (`lab/explore/listing.rs`, `lab/explore/python_document.rs`).

use crate::gil::rules::threading::Threading;
use crate::lab::explore::answers::{Answer, short, telling};
use crate::lab::explore::confirmation::{confirm, disagreement};
use crate::lab::explore::explored::Explored;
use crate::lab::explore::html::html;
use crate::lab::explore::listing::{About, page};
use crate::lab::explore::promise::of_program;
use crate::lab::explore::python_document::{document, schedule_value};
use crate::lab::page::shell::write;
use crate::lab::report::failure::{Failure, shown};
use crate::lab::report::outside::check;
use crate::python::code::program::Program;
use crate::python::explore::moves::{Move, write_moves};
use crate::python::explore::outcome::Ending;
use crate::python::explore::policies::{ALL, Looks};
use crate::python::explore::replay::replay;
use crate::python::explore::search::{Found, Limits, Serial, explore_beside, serial};
use crate::python::explore::story::columns;
use crate::python::run::single::program;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many bytes a file may have.
const LONGEST: u64 = 1 << 20;
/// The most instructions of an answer that nobody has asked for.
const MOST_UNASKED: u64 = 5_000_000;

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
    path: PathBuf,
    confirm: bool,
    html: Option<PathBuf>,
    width: usize,
    schedule: Option<Vec<Move>>,
}

/// How to explore a Python program.
#[derive(Debug, Clone)]
pub struct PythonOptions {
    /// The policies.
    pub policies: Vec<Threading>,
    /// Code is cold, so no call is specialised yet.
    pub cold: bool,
    /// When to give up.
    pub limits: Limits,
    /// Whether to print JSON.
    pub json: bool,
    /// Whether to ask real interpreters.
    pub confirm: bool,
    /// Where to write a page.
    pub html: Option<PathBuf>,
    /// How wide a line may be.
    pub width: usize,
    /// Only this schedule, which is drawn.
    pub schedule: Option<Vec<Move>>,
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
    pub fn new(path: &Path, options: PythonOptions) -> Result<PythonRequest, Refused> {
        let name = shown(&path.display().to_string());
        let source = read(path, &name)?;
        let program =
            program(&source).map_err(|refusal| Refused::Source(refusal.shown(&name, &source)))?;
        if let Some(refusal) = &program.real_only {
            return Err(Refused::Source(refusal.shown(&name, &source)));
        }
        let PythonOptions { policies, cold, limits, json, confirm, html, width, schedule } =
            options;
        let path = path.to_owned();
        Ok(PythonRequest {
            name,
            source,
            program,
            policies,
            cold,
            limits,
            json,
            path,
            confirm,
            html,
            width,
            schedule,
        })
    }
}

/// Reads a file of source text.
///
/// # Errors
/// [`Failure`] if there is none, or it is too long, or no UTF-8.
pub fn read(path: &Path, name: &str) -> Result<String, Failure> {
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
        let line_start = good.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = 1 + String::from_utf8_lossy(&good[line_start..]).chars().count();
        Failure::new(format!("{name}:{line}:{column}"), "no UTF-8 text", "save it as UTF-8")
    })
}

/// Carries a request out: the text to print, and why the command failed all the same: an interpreter
/// did what was not predicted, or the program can go wrong under a policy that was asked for.
///
/// # Errors
/// A schedule that the policy does not allow.
pub fn explore_python(request: &PythonRequest) -> Result<Explored, Failure> {
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
    if let (Some(schedule), [answer]) = (&request.schedule, answers.as_slice()) {
        return one_schedule(request, answer, schedule);
    }
    let confirmed =
        request.confirm.then(|| confirm(Path::new(&request.path), request.cold, &answers));
    let free = answers.iter().find(|answer| answer.policy == Threading::Free);
    let promise = match free {
        Some(free) => of_program(&request.program, &answers, free),
        None => of_program(&request.program, &answers, &without_lock(request, &serial)),
    };
    let about = About {
        name: &request.name,
        source: &request.source,
        program: &request.program,
        names: &telling(&answers),
        confirmed: confirmed.as_deref(),
        promise: &promise,
        width: request.width,
    };
    let failure = check()
        .err()
        .or_else(|| disagreement(confirmed.as_deref().unwrap_or(&[]), &answers))
        .or_else(|| goes_wrong(&about, &answers));
    let written = request.html.as_ref().map(|path| {
        let page = html(&about, &answers)?;
        write(path, &page)
    });
    // What the reader asked to be kept and was not is the first thing to say.
    let failure = written.and_then(Result::err).or(failure);
    let text = match request.json {
        true => format!("{:#}\n", document(&about, &answers, failure.as_ref())),
        false => page(&about, &answers),
    };
    Ok(Explored { text, failure })
}

/// One schedule, drawn: what is shared was found by trying all.
fn one_schedule(
    request: &PythonRequest,
    answer: &Answer,
    schedule: &[Move],
) -> Result<Explored, Failure> {
    let replayed = replay(&request.program, answer.looks, &answer.exploration.contended, schedule);
    if let Some(at) = replayed.impossible {
        let why = format!("step {} is one that {} does not allow", at + 1, answer.policy);
        let remedy = "take a schedule that --json has printed for this policy";
        return Err(Failure::new(format!("--schedule {}", write_moves(schedule)), why, remedy));
    }
    let text = match request.json {
        true => format!("{:#}\n", schedule_value(answer, schedule, &replayed)),
        false => {
            let names = telling(std::slice::from_ref(answer));
            let outcome = replayed.outcome.as_ref();
            let line = outcome.map_or("here the schedule ends".to_owned(), |o| short(o, &names));
            format!("{}→ {line}\n", columns(&replayed, &request.source, request.width))
        }
    };
    Ok(Explored { text, failure: check().err() })
}

/// What to do about a program that can end so.
fn remedy(found: &Found) -> &'static str {
    match found.outcome.ending {
        Ending::Deadlock(_) => {
            "take locks in one order, release each on every way out, and have somebody do what is \
             waited for"
        }
        Ending::Endless => "give the loop an end",
        Ending::Starvation(_) => "let whoever goes round wait, so that others get their turn",
        Ending::Finished if !found.serial => "put what belongs together under one lock",
        Ending::Finished => "mend the line that is named: it fails without any switch, too",
        Ending::Cut | Ending::Stopped(..) => "change the line that is named",
    }
}

/// Whether the program can go wrong under a policy that was asked for.
fn goes_wrong(about: &About<'_>, answers: &[Answer]) -> Option<Failure> {
    let wrong = answers.iter().filter_map(|answer| Some((answer, answer.worst()?)));
    let wrong: Vec<(&Answer, &Found)> = wrong.collect();
    let (first, found) = wrong.first()?;
    let place = match first.line_of(about.program, found) {
        Some(line) => format!("{}:{line}", about.name),
        None => about.name.to_owned(),
    };
    let outcome = short(&found.outcome, about.names);
    let why = match answers.len() {
        1 => format!("under {} it can go wrong: {outcome}", first.policy),
        all => format!("it can go wrong under {} of {all} policies: {outcome}", wrong.len()),
    };
    Some(Failure::new(place, why, remedy(found)))
}

/// The answer of a Python without a global lock, for what is promised holds there, too. Its limits
/// are low, for nobody has asked for it.
fn without_lock(request: &PythonRequest, serial: &Serial) -> Answer {
    let looks = Looks::Under(Threading::Free, false);
    let Limits { memory, instructions, .. } = request.limits;
    let (memory, instructions) = (memory / 10, instructions.min(MOST_UNASKED));
    let limits = Limits { memory, instructions, samples: 0, ..request.limits };
    let exploration = explore_beside(&request.program, looks, limits, serial);
    Answer { policy: Threading::Free, looks, exploration }
}
