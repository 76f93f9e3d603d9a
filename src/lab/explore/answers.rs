//! Each policy's answer about a Python program, and what is wrong about it.
//!
//! *Promises*: what counts as wrong is said in one place: what no order of whole threads comes to,
//! an exception that ends a thread, a deadlock, an endless loop, a stop.
//! *Leaves out*: how it is shown (`lab/explore/listing.rs`, `lab/explore/python_document.rs`).

use crate::base::text::{cut, shown};
use crate::gil::rules::threading::Threading;
use crate::python::code::program::Program;
use crate::python::explore::outcome::{Ending, Outcome};
use crate::python::explore::policies::Looks;
use crate::python::explore::replay::{Replay, replay};
use crate::python::explore::search::{Exploration, Found};
use std::sync::Arc;

/// How long an outcome may be in a table.
const LONGEST_LINE: usize = 90;

/// One policy's answer.
pub(crate) struct Answer {
    /// The policy.
    pub(crate) policy: Threading,
    /// Where it looks.
    pub(crate) looks: Looks,
    /// All outcomes that it allows.
    pub(crate) exploration: Exploration,
}

impl Answer {
    /// The outcome that went wrong with the fewest switches.
    pub(crate) fn worst(&self) -> Option<&Found> {
        let wrong = self.exploration.found.iter().filter(|found| found.is_wrong());
        wrong.min_by_key(|found| (found.switches, found.serial))
    }

    /// The schedule that leads to an outcome, again.
    pub(crate) fn replay(&self, program: &Arc<Program>, found: &Found) -> Replay {
        replay(program, self.looks, &self.exploration.contended, &found.moves)
    }

    /// The line on which a thread was interrupted; of a failure, where it was raised.
    pub(crate) fn line_of(&self, program: &Arc<Program>, found: &Found) -> Option<u32> {
        let raised = found.outcome.failures.first().map(|(_, failure)| failure.at.line);
        self.replay(program, found).cut.or(raised)
    }
}

/// The globals that tell outcomes apart where what they print does not; if nothing is printed, all.
pub(crate) fn telling(answers: &[Answer]) -> Vec<Arc<str>> {
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

/// The outcome in one line that fits.
pub(crate) fn short(outcome: &Outcome, names: &[Arc<str>]) -> String {
    cut(&shown(&outcome.line(names)), LONGEST_LINE)
}

/// What is wrong about an outcome, if anything is.
pub(crate) fn remark(found: &Found) -> &'static str {
    match (&found.outcome.ending, found.serial) {
        (Ending::Deadlock(_), _) => "← they wait for each other",
        (Ending::Endless, _) => "← it goes round for ever",
        (Ending::Starvation(_), _) => "← it can wait for ever while others go on",
        (Ending::Cut, _) => "← cut short: a limit",
        (Ending::Stopped(..), _) => "← it was stopped",
        (Ending::Finished, false) => "← no order of whole threads gives this",
        (Ending::Finished, true) => "",
    }
}
