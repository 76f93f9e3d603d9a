//! The models of a case beside each other, in characters: one recorded run of each, on one axis.
//!
//! *Promises*: no line is wider than the page; it says that these runs are none of those that were
//! measured.
//! *Leaves out*: the recording (`lab/compare/recorded.rs`), the drawing (`lab/timeline/lanes.rs`).

use crate::lab::compare::recorded::LENGTH;
use crate::lab::report::lanes::DrawOptions;
use crate::lab::report::terminal::{Page, wrap};
use crate::lab::timeline::lanes::{draw, legend};
use crate::lab::timeline::timeline::Timeline;
use clap::Args;

/// The words of `compare` that are about lanes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct BandArgs {
    /// Draws afterwards what each model did: one more run of each, recorded, on one axis
    #[arg(long, conflicts_with_all = ["json", "sweep"])]
    lanes: bool,
    /// Draws with ASCII characters only
    #[arg(long, requires = "lanes")]
    ascii: bool,
}

impl BandArgs {
    /// Whether there is to be a drawing.
    pub fn are_wanted(self) -> bool {
        self.lanes
    }

    /// What was recorded of a case, drawn.
    pub fn drawing(self, timeline: &Timeline, page: &Page) -> String {
        let options = DrawOptions { width: page.width, ascii: self.ascii, palette: page.palette };
        let about = format!(
            "What each model did: one more run of each, recorded and not measured, with jobs begun for \
             {:?}. All are on one axis, so where a band ends the model is done.",
            LENGTH
        );
        let lanes = draw(timeline, 0..timeline.until, &options);
        let key = legend(timeline, &options);
        format!("{}\n{lanes}\n{key}", wrap(&about, page.width))
    }
}
