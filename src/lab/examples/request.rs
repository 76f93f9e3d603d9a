//! What `singletrack examples` is asked for: its arguments, and a request.
//!
//! *Promises*: a request that makes sense, or one line that names what does not.
//! *Leaves out*: handling it (`lab/examples/page.rs`).

use crate::lab::examples::shelf::{Named, find};
use crate::lab::report::failure::Failure;
use clap::Args;
use std::env;
use std::ffi::OsString;

/// Examples for the help text.
pub const EXAMPLES: &str = "\
Examples:
  singletrack examples                     all of them, in reading order
  singletrack examples convoy              one of them: what it asks, and how to run it
  singletrack examples questions           a group of Python programs
  singletrack examples --exercises         tests that fail until you have done something";

/// The arguments of `singletrack examples`, as clap splits them.
#[derive(Debug, Args)]
pub struct ExamplesArgs {
    /// An example or a group, by its name or path; the list of them if none is named
    #[arg(value_name = "NAME")]
    name: Option<OsString>,
    /// Lists the exercises instead
    #[arg(long, conflicts_with = "name")]
    exercises: bool,
    /// Prints one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Uses ASCII characters only, as it does where the locale has no others
    #[arg(long)]
    ascii: bool,
}

/// What is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// All examples.
    All,
    /// This one, or this group.
    One(Named),
    /// The exercises.
    Exercises,
}

/// What `singletrack examples` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExamplesRequest {
    /// What is to be shown.
    pub shown: Shown,
    /// Whether to print JSON.
    pub json: bool,
    /// ASCII characters only.
    pub ascii: bool,
}

impl ExamplesArgs {
    /// What these arguments ask for.
    ///
    /// # Errors
    /// An example that does not exist.
    pub fn request(self) -> Result<ExamplesRequest, Failure> {
        let ExamplesArgs { name, exercises, json, ascii } = self;
        let shown = match name {
            Some(name) => Shown::One(find(&name.to_string_lossy())?),
            None if exercises => Shown::Exercises,
            None => Shown::All,
        };
        let variable = |name: &str| Some(env::var_os(name)?.to_string_lossy().into_owned());
        Ok(ExamplesRequest { shown, json, ascii: ascii || !has_unicode(variable) })
    }
}

/// Whether the locale has more characters than ASCII. Where it says nothing at all, it has.
///
/// ```
/// use singletrack::lab::examples::request::has_unicode;
///
/// let german = |name: &str| (name == "LANG").then(|| "de_DE.UTF-8".to_owned());
/// let plain = |name: &str| (name == "LC_ALL").then(|| "C".to_owned()).or(german(name));
/// assert!(has_unicode(german) && has_unicode(|_| None));
/// assert!(!has_unicode(plain));
/// ```
pub fn has_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or(set("LC_CTYPE")).or(set("LANG"));
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
