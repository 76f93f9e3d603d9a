//! Real interpreters that run the program many times, two at a time, each for a second or so.
//!
//! *Assumes*: a program that the explorer has accepted, for it is run.
//! *Promises*: none outlives this, none hangs it: whoever does not answer in time, or writes without
//! end, is killed by its process number. Whoever ends the command (`lab/report/outside.rs`) ends it.
//! *Leaves out*: what the interpreter does (`src/lab/explore/confirm.py`), and what it means
//! (`lab/explore/agreement.rs`).
//!
//! ```text
//!   Interpreter::find ──▶ nine of them ─┬─ Trial ── confirm.py ── a line of JSON, five a second ─▶ Facts
//!                                       └─ Trial ── …
//! ```

use crate::lab::explore::agreement::{End, Facts, Observed};
use crate::lab::fidelity::python::Interpreter;
use crate::lab::report::outside::{Patience, ended};
use crate::sys::death::Death;
use crate::sys::fd::wait_readable;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("confirm.py");
/// So many run at once: each of them wants a core and a half.
const AT_ONCE: usize = 2;
/// How long an interpreter is asked, after it has started and warmed up.
const SECONDS: f64 = 1.5;
/// So many tries are enough, if there is nothing to see or it has been seen so often.
const ENOUGH: u64 = 4000;
const OFTEN_ENOUGH: u64 = 3;
/// How long nothing may go on before it is called a hang.
pub(crate) const HANG: Duration = Duration::from_millis(1000);
/// How long an interpreter may take for all of it before it is killed.
const LIMIT: Duration = Duration::from_secs(6);
/// How much it may write.
const MOST_BYTES: usize = 4 << 20;
const LOOK: Duration = Duration::from_millis(5);

/// What to ask an interpreter.
pub(crate) struct Question<'a> {
    /// The program's file.
    pub(crate) path: &'a Path,
    /// Its code is cold.
    pub(crate) cold: bool,
    /// The globals that tell outcomes apart.
    pub(crate) names: &'a [Arc<str>],
}

/// Asks all of these. `settled` says how often something wrong was seen, if the answer may have
/// some; `None` if it has none.
pub(crate) fn ask(
    question: &Question<'_>,
    interpreters: &[Interpreter],
    seen: impl Fn(usize, &Facts) -> Option<u64>,
) -> Vec<Facts> {
    let none = || Facts::none(End::Failed("was not asked".to_owned()));
    let mut all: Vec<Facts> = interpreters.iter().map(|_| none()).collect();
    let mut waiting: VecDeque<usize> = (0..interpreters.len()).collect();
    let mut running: Vec<(usize, Trial)> = Vec::new();
    while !(waiting.is_empty() && running.is_empty()) && ended().is_none() {
        while running.len() < AT_ONCE
            && let Some(next) = waiting.pop_front()
        {
            match Trial::start(&interpreters[next], question) {
                Ok(trial) => running.push((next, trial)),
                Err(e) => all[next] = Facts::none(End::Failed(format!("does not start: {e}"))),
            }
        }
        running.retain_mut(|(number, trial)| {
            let enough = |facts: &Facts| {
                facts.tries >= ENOUGH && seen(*number, facts).is_none_or(|n| n >= OFTEN_ENOUGH)
            };
            match trial.look(enough) {
                None => true,
                Some(facts) => {
                    all[*number] = facts;
                    false
                }
            }
        });
    }
    all
}

/// An interpreter at work. Dropping it ends it.
struct Trial {
    child: Child,
    answers: ChildStdout,
    unread: Vec<u8>,
    read: usize,
    patience: Patience,
    facts: Facts,
}

impl Trial {
    fn start(interpreter: &Interpreter, question: &Question<'_>) -> io::Result<Trial> {
        let mut command = Command::new(&interpreter.path);
        command.args(["-E", "-s", "-S", "-c", SCRIPT]).arg(question.path);
        command.args([SECONDS, ENOUGH as f64 * 25.0, HANG.as_secs_f64()].map(|n| n.to_string()));
        command.arg(if question.cold { "cold" } else { "warm" });
        command.args(question.names.iter().map(|name| &**name));
        // Ctrl-C is for this process, which ends the child.
        command.process_group(0).stdin(File::open(question.path)?);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let answers = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let patience = Patience::new(LIMIT, Instant::now());
        let facts = Facts::none(End::Done);
        Ok(Trial { child, answers, unread: Vec::new(), read: 0, patience, facts })
    }

    /// Reads what there is to read; the facts, if there will be no more.
    fn look(&mut self, enough: impl Fn(&Facts) -> bool) -> Option<Facts> {
        let mut buffer = [0; 16 * 1024];
        let got = match wait_readable(self.answers.as_fd(), LOOK) {
            Ok(false) => None,
            Ok(true) => Some(self.answers.read(&mut buffer)),
            Err(e) => Some(Err(e)),
        };
        match got {
            Some(Ok(0)) => {
                let death = self.reap();
                // It says what it has seen and ends; a death before that is the answer.
                if !matches!(death, Death::Code(0)) {
                    self.facts.end = End::Died(death);
                } else if self.facts.tries == 0 && self.facts.end == End::Done {
                    self.facts.end = End::Failed("no answer".to_owned());
                }
                return Some(self.facts.clone());
            }
            Some(Ok(count)) => {
                self.read += count;
                self.unread.extend_from_slice(&buffer[..count]);
                self.take_lines();
            }
            Some(Err(e)) => self.facts.end = End::Failed(e.to_string()),
            None => {}
        }
        let silent = self.patience.left(Instant::now()).is_zero();
        if silent || self.read > MOST_BYTES {
            self.facts.end = End::Silent(LIMIT);
        }
        let over = self.facts.end != End::Done || enough(&self.facts);
        over.then(|| self.facts.clone())
    }

    fn take_lines(&mut self) {
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            if let Ok(value) = serde_json::from_slice(&line) {
                self.facts = facts_of(&value);
            }
        }
    }

    fn reap(&mut self) -> Death {
        // If it is at its end, this changes nothing about it.
        let _ = self.child.kill();
        match self.child.wait() {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => Death::Code(code),
                (None, signal) => Death::Signal(signal.unwrap_or(0)),
            },
            Err(_) => Death::Code(-1),
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.reap();
    }
}

/// What a line says: each one says all that was seen so far.
fn facts_of(line: &Value) -> Facts {
    if line.get("syntax").is_some() {
        return Facts::none(End::Syntax);
    }
    let outcomes = line["outcomes"].as_array().into_iter().flatten();
    let outcomes =
        outcomes.filter_map(|outcome| Some((observed(outcome)?, outcome.get(4)?.as_u64()?)));
    Facts {
        tries: line["tries"].as_u64().unwrap_or(0),
        outcomes: outcomes.collect(),
        calm: observed(&line["calm"]),
        end: End::Done,
    }
}

/// `[output, [class of exception], {global: value}, null or [line]]`.
fn observed(value: &Value) -> Option<Observed> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
    };
    let globals: BTreeMap<String, String> = value
        .get(2)?
        .as_object()?
        .iter()
        .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
        .collect();
    let lines = value.get(3)?.as_array().map(|lines| {
        lines.iter().filter_map(|line| u32::try_from(line.as_u64()?).ok()).collect::<Vec<_>>()
    });
    Some(Observed {
        output: value.get(0)?.as_str()?.to_owned(),
        raised: texts(value.get(1)?),
        globals,
        hung: lines,
    })
}
