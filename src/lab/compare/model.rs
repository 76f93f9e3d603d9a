//! The ways to run the same jobs, by name: the eight that are compared, and one that runs where it is named.
//!
//! *Promises*: one name for each model, and one order in which they are shown; a word names one
//! model or a group of them, and a word that names none is told its neighbour.
//! *Leaves out*: what they do (`dispatch` in `lab/compare/run.rs`).

use crate::lab::report::failure::Failure;
use crate::lab::report::nearest::or_nearest;
use std::fmt;

/// A way to run many jobs.
///
/// ```
/// use singletrack::lab::compare::model::Model;
///
/// assert_eq!(Model::from_name("threads-py3.2"), Some(Model::ThreadsPy32));
/// assert_eq!(Model::ALL.len(), 8);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Model {
    /// One job after another on one thread.
    Sequential,
    /// One thread, many tasks on an event loop.
    EventLoop,
    /// Threads under the lock of Python 2: a switch may come every 100 ticks.
    ThreadsPy2,
    /// Threads under the lock of Python 3.2: a switch on request, after 5 ms.
    ThreadsPy32,
    /// The same lock with the checks of Python 3.10: at back edges and calls only.
    ThreadsPy310,
    /// Threads under no lock.
    ThreadsFree,
    /// A pool of forked processes.
    Processes,
    /// An event loop whose computations go to a pool of forked processes.
    LoopProcesses,
    /// Threads of several interpreters in one process, each with a lock of its own (PEP 684): as
    /// many as there are workers.
    Interpreters,
}

/// The three answers of the rule of thumb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// For CPU-bound work.
    Processes,
    /// For fast I/O over few connections.
    Threads,
    /// For slow I/O over many connections.
    EventLoop,
}

impl Model {
    /// The models of a comparison, in the order in which they are shown. [`Model::Interpreters`] is
    /// not among them: it runs where it is named, and in `choose`.
    pub const ALL: [Model; 8] = [
        Model::Sequential,
        Model::EventLoop,
        Model::ThreadsPy2,
        Model::ThreadsPy32,
        Model::ThreadsPy310,
        Model::ThreadsFree,
        Model::Processes,
        Model::LoopProcesses,
    ];

    /// Its name on the command line and in every output.
    pub fn name(self) -> &'static str {
        match self {
            Model::Sequential => "sequential",
            Model::EventLoop => "event-loop",
            Model::ThreadsPy2 => "threads-py2",
            Model::ThreadsPy32 => "threads-py3.2",
            Model::ThreadsPy310 => "threads-py3.10",
            Model::ThreadsFree => "threads-free",
            Model::Processes => "processes",
            Model::LoopProcesses => "loop+processes",
            Model::Interpreters => "interpreters",
        }
    }

    /// The model of this name.
    pub fn from_name(name: &str) -> Option<Model> {
        Model::every().find(|model| model.name() == name)
    }

    /// The names of all that there are.
    pub fn names() -> Vec<&'static str> {
        Model::every().map(Model::name).collect()
    }

    fn every() -> impl Iterator<Item = Model> {
        Model::ALL.into_iter().chain([Model::Interpreters])
    }

    /// Whether a Python with one lock a process has it. One thread a process needs no lock, but has
    /// one.
    pub fn has_one_lock(self) -> bool {
        !matches!(self, Model::ThreadsFree | Model::Interpreters)
    }

    /// The models of these words, each once, in the order in which they were named: a model, or a
    /// group: `all`, `threads`, `gil`, `loops` or `pools`.
    ///
    /// ```
    /// use singletrack::lab::compare::model::Model;
    ///
    /// let named = Model::named(&["gil".to_owned(), "threads-py2".to_owned()]).unwrap();
    /// assert_eq!(named, [Model::ThreadsPy2, Model::ThreadsPy32, Model::ThreadsPy310]);
    /// let refused = Model::named(&["event-lop".to_owned()]).unwrap_err();
    /// assert!(refused.to_string().contains("event-loop"));
    /// ```
    ///
    /// # Errors
    /// If a word is the name of neither.
    pub fn named(words: &[String]) -> Result<Vec<Model>, Failure> {
        let mut named = Vec::new();
        for word in words {
            let new = Model::of_word(word).ok_or_else(|| unknown(word))?;
            new.into_iter().for_each(|model| {
                if !named.contains(&model) {
                    named.push(model);
                }
            });
        }
        Ok(named)
    }

    fn of_word(word: &str) -> Option<Vec<Model>> {
        let group = GROUPS.iter().find(|(name, _)| *name == word);
        let of_group = |holds: fn(Model) -> bool| Model::ALL.into_iter().filter(move |m| holds(*m));
        match group {
            Some((_, holds)) => Some(of_group(*holds).collect()),
            None => Model::from_name(word).map(|model| vec![model]),
        }
    }

    /// Whether its threads share a global lock.
    pub fn has_lock(self) -> bool {
        matches!(self, Model::ThreadsPy2 | Model::ThreadsPy32 | Model::ThreadsPy310)
    }

    /// Whether the rule's answer includes this model. The loop with processes behind it
    /// belongs to two families.
    pub fn belongs_to(self, family: Family) -> bool {
        match self {
            Model::Sequential => false,
            Model::EventLoop => family == Family::EventLoop,
            Model::Processes => family == Family::Processes,
            Model::LoopProcesses => family != Family::Threads,
            Model::ThreadsPy2
            | Model::ThreadsPy32
            | Model::ThreadsPy310
            | Model::ThreadsFree
            | Model::Interpreters => family == Family::Threads,
        }
    }
}

/// A word that names several models, and which.
type Group = (&'static str, fn(Model) -> bool);

/// Words that name several models.
const GROUPS: [Group; 5] = [
    ("all", |_| true),
    ("threads", |model| model.belongs_to(Family::Threads)),
    ("gil", Model::has_lock),
    ("loops", |model| model.belongs_to(Family::EventLoop)),
    ("pools", |model| model.belongs_to(Family::Processes)),
];

fn unknown(word: &str) -> Failure {
    let mut names = Model::names();
    names.extend(GROUPS.map(|(name, _)| name));
    let remedy = or_nearest(word, &names);
    Failure::new(format!("--model {word}"), "there is no such model", remedy)
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Family::Processes => "processes",
            Family::Threads => "threads",
            Family::EventLoop => "event loop",
        })
    }
}
