//! What `singletrack explain` is asked for: its arguments, and a request.
//!
//! *Promises*: a request that makes sense, or one line that names what does not.
//! *Leaves out*: handling it (`lab/explain/page.rs`).

use crate::lab::explain::topic::Topic;
use crate::lab::report::failure::Failure;
use crate::lab::report::terminal::ColorChoice;
use clap::Args;
use std::ffi::OsString;
use std::time::Duration;

/// Examples for the help text.
pub const EXAMPLES: &str = "\
Examples:
  singletrack explain                      all topics, a line each
  singletrack explain convoy               with the picture of a run that was just made
  singletrack explain lost wake-up
  singletrack explain battle --json        the text, the places in the source, the figures";

/// The arguments of `singletrack explain`, as clap splits them.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// convoy, battle, starvation, thundering herd, lost wake-up, back-pressure, head-of-line
    /// blocking, fork and locks; the list of them if none is named
    #[arg(value_name = "TOPIC")]
    topic: Vec<OsString>,
    /// Prints one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Draws with ASCII characters only
    #[arg(long)]
    ascii: bool,
    /// Colours in the picture: those that TERM and COLORTERM promise
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    color: ColorChoice,
}

/// What `singletrack explain` is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainRequest {
    /// Which topic; if none is named, the list of them.
    pub topic: Option<&'static Topic>,
    /// How long the scene runs that shows it.
    pub time: Duration,
    /// Whether to print JSON.
    pub json: bool,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// When to use colours.
    pub color: ColorChoice,
}

/// Long enough for the eight intervals that a picture shows.
const TIME: Duration = Duration::from_millis(300);

impl ExplainArgs {
    /// What these arguments ask for.
    ///
    /// # Errors
    /// A topic that does not exist.
    pub fn request(self) -> Result<ExplainRequest, Failure> {
        let words: Vec<String> =
            self.topic.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let topic = match &words[..] {
            [] => None,
            words => Some(Topic::from_words(&words.join(" "))?),
        };
        let ExplainArgs { json, ascii, color, .. } = self;
        Ok(ExplainRequest { topic, time: TIME, json, ascii, color })
    }
}
