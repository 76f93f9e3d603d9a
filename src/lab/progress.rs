//! One status line with an estimate, for people who watch.
//!
//! *Assumes*: nothing else writes to a terminal on stderr meanwhile.
//! *Promises*: silence unless stderr is a terminal; no thread of its own, for the command
//! must stay single-threaded to fork.
//! *Leaves out*: results; those go to stdout.

use crate::lab::model::Model;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Counts runs.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    begun: u64,
}

impl Progress {
    /// A line that ends after `runs` runs.
    pub fn new(runs: usize) -> Progress {
        // On anything but a terminal this target draws nothing.
        let bar = ProgressBar::with_draw_target(Some(runs as u64), ProgressDrawTarget::stderr());
        let line = "{msg:32} {wide_bar} run {pos} of {len}, about {eta} left";
        // The template is a constant; should it be wrong, the default line will do.
        if let Ok(style) = ProgressStyle::with_template(line) {
            bar.set_style(style);
        }
        Progress { bar, begun: 0 }
    }

    /// This model is about to run on this case; what ran before it has ended.
    pub fn begin(&mut self, case: &str, model: Model) {
        self.bar.set_message(format!("{case} under {model}"));
        self.bar.set_position(self.begun);
        self.begun += 1;
    }

    /// Takes the line away while `write` writes.
    pub fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
