//! What `explore --play` is asked for: a program, a policy, a goal; or the list of levels.
//!
//! *Promises*: a level is found by its number, its name or its path, whether or not the files are
//! there; a goal that no schedule of the policy reaches is refused before the game begins.
//! *Leaves out*: the game (`lab/play/session.rs`).

use crate::gil::rules::threading::Threading;
use crate::lab::explore::answers::{Answer, short, telling};
use crate::lab::explore::python::{Refused, is_python, read};
use crate::lab::play::level::{Goal, Header, LEVELS, find};
use crate::lab::report::failure::Failure;
use crate::lab::report::table::{entries, indented};
use crate::lab::report::terminal::wrap;
use crate::python::code::program::Program;
use crate::python::explore::conflicts::Conflicts;
use crate::python::explore::exploration::{Found, Limits};
use crate::python::explore::moves::Move;
use crate::python::explore::outcome::Ending;
use crate::python::explore::policies::Looks;
use crate::python::explore::search::explore;
use crate::python::run::single::program;
use std::path::Path;
use std::sync::Arc;

/// A program to be played.
#[derive(Debug, Clone)]
pub struct PlayRequest {
    /// Its file, or the level's name.
    pub name: String,
    /// Its text.
    pub source: String,
    /// The program.
    pub program: Arc<Program>,
    /// When threads may switch.
    pub policy: Threading,
    /// What its first comments say.
    pub header: Header,
}

/// What is to be reached, and how the explorer does.
#[derive(Debug, Clone)]
pub struct Task {
    /// The goal; `None` if nothing can go wrong, so that there is nothing to reach.
    pub goal: Option<Goal>,
    /// The fewest switches.
    pub par: u32,
    /// A way with that many.
    pub way: Vec<Move>,
    /// What threads share.
    pub contended: Conflicts,
}

impl PlayRequest {
    /// Reads a level or a file.
    ///
    /// # Errors
    /// [`Refused`] if there is none, it is outside the subset, or has no policy.
    pub fn new(word: &Path, policy: Option<Threading>) -> Result<PlayRequest, Refused> {
        let name = word.display().to_string();
        let level = if word.exists() { None } else { find(&name) };
        let (name, source) = match level {
            Some((name, source)) => (name.to_owned(), source.to_owned()),
            None if name.parse::<i64>().is_ok() && !word.exists() => {
                let remedy = format!("name a level from 1 to {}, or a file", LEVELS.len());
                let why = "there is no such level";
                return Err(Failure::new(format!("--play {name}"), why, remedy).into());
            }
            None if word.exists() && !is_python(word) => {
                let why = "a game is of a Python program";
                return Err(Failure::new(name, why, "name a file that ends in .py").into());
            }
            None => (name.clone(), read(word, &name)?),
        };
        let program =
            program(&source).map_err(|refusal| Refused::Source(refusal.shown(&name, &source)))?;
        if let Some(refusal) = &program.real_only {
            return Err(Refused::Source(refusal.shown(&name, &source)));
        }
        let header = Header::of(&source);
        let policy = match (policy, &header.policy) {
            (Some(policy), _) => policy,
            (None, Some(own)) => own.parse().map_err(|e| {
                Failure::new(format!("{name}: # Policy: {own}"), format!("{e}"), "change it")
            })?,
            (None, None) => {
                let why = "it does not say under which policy";
                let remedy = "name one with --policy, or begin the file with `# Policy: 3.9`";
                return Err(Failure::new(name, why, remedy).into());
            }
        };
        Ok(PlayRequest { name, source, program, policy, header })
    }

    /// Where threads may switch.
    pub fn looks(&self) -> Looks {
        Looks::Under(self.policy, false)
    }

    /// Explores what can be reached.
    ///
    /// # Errors
    /// If the goal makes no sense, or cannot be reached.
    pub fn task(&self) -> Result<Task, Failure> {
        let looks = self.looks();
        let exploration = explore(&self.program, looks, Limits::default());
        let goal: Option<Goal> = match &self.header.win {
            Some(win) => Some(win.parse().map_err(|why: String| {
                Failure::new(format!("{}: # Win: {win}", self.name), why, "change it")
            })?),
            None => None,
        };
        let answer = Answer { policy: self.policy, looks, exploration };
        let (goal, found) = match goal {
            Some(goal) => {
                let all = answer.exploration.found.iter();
                let found =
                    all.filter(|f| goal.is_met(&f.outcome)).min_by_key(|found| found.switches);
                let Some(found) = found else {
                    let why = format!("no schedule under {} {goal}", self.policy);
                    return Err(Failure::new(&*self.name, why, "change the goal, or the policy"));
                };
                (Some(goal), Some(found))
            }
            None => {
                let worst = answer.worst();
                (worst.map(|worst| self.goal_of(&answer, worst)), worst)
            }
        };
        Ok(Task {
            par: found.map_or(0, |found| found.switches),
            way: found.map_or_else(Vec::new, |found| found.moves.clone()),
            goal,
            contended: answer.exploration.contended.clone(),
        })
    }

    fn goal_of(&self, answer: &Answer, worst: &Found) -> Goal {
        if matches!(worst.outcome.ending, Ending::Deadlock(_)) {
            return Goal::Deadlock;
        }
        let names = telling(std::slice::from_ref(answer));
        Goal::Outcome(Box::new(worst.outcome.clone()), short(&worst.outcome, &names))
    }
}

/// The list of levels, in lines of at most `width`.
pub fn list(width: usize) -> String {
    let title = "Levels: you are the scheduler. Play one by its number.";
    let level = |(number, (_, source)): (usize, &(&str, &str))| {
        let Header { question, policy, win, .. } = Header::of(source);
        let (question, policy) = (question.unwrap_or_default(), policy.unwrap_or_default());
        let goal = format!("{policy}, goal: {}", win.unwrap_or_default());
        let entry = entries(&[(format!("{number:>3}"), question)], width);
        entry + &indented(&goal, if width < 40 { 2 } else { 5 }, width)
    };
    let levels: String = (1..).zip(&LEVELS).map(level).collect();
    format!(
        "{}\n{levels}\n{}",
        wrap(title, width),
        indented("singletrack explore --play 1", 2, width)
    )
}
