//! How a run ends: well, with an error that has a type, or wrong.

use singletrack::aio::{RunError, StreamError};
use singletrack::futures::JobError;
use singletrack::process::{ForkServerError, PipeError, PoolError};
use std::fmt::Debug;
use std::io;

/// An error that a scenario was given, and so gives: its type and case, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub kind: String,
    pub text: String,
}

impl Told {
    /// Something that no fault excuses.
    pub fn wrong(text: impl Into<String>) -> Told {
        Told { kind: String::new(), text: text.into() }
    }
}

/// An error that no fault excuses, unless this holds.
pub fn ensure(holds: bool, text: &str) -> Result<(), Told> {
    if holds { Ok(()) } else { Err(Told::wrong(text)) }
}

/// As [`ensure`], for two values.
pub fn ensure_eq<T: PartialEq + Debug>(is: T, should: T, text: &str) -> Result<(), Told> {
    if is == should { Ok(()) } else { Err(Told::wrong(format!("{text}: {is:?}, not {should:?}"))) }
}

/// The name of the case: `WorkerLost` of `WorkerLost { pid: 4711, … }`.
fn case(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

impl From<io::Error> for Told {
    fn from(error: io::Error) -> Told {
        Told { kind: format!("io::{:?}", error.kind()), text: error.to_string() }
    }
}

macro_rules! told {
    ($($error:ident)*) => {$(
        impl From<$error> for Told {
            fn from(error: $error) -> Told {
                let kind = format!("{}::{}", stringify!($error), case(&error));
                Told { kind, text: error.to_string() }
            }
        }
    )*};
}
told!(RunError JobError ForkServerError PipeError PoolError);

impl From<StreamError> for Told {
    fn from(error: StreamError) -> Told {
        match error {
            StreamError::Io(error) => error.into(),
            other => {
                Told { kind: format!("StreamError::{}", case(&other)), text: other.to_string() }
            }
        }
    }
}

/// How a run of a scenario ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Outcome {
    #[default]
    Well,
    /// With an error of this kind, which says this.
    Told(Told),
}

impl Outcome {
    /// In one line.
    pub fn to_line(&self) -> String {
        match self {
            Outcome::Well => "well".to_owned(),
            Outcome::Told(Told { kind, text }) => {
                format!("told {kind}\t{}", text.replace(['\n', '\t'], " "))
            }
        }
    }

    pub fn from_line(line: &str) -> Option<Outcome> {
        if line == "well" {
            return Some(Outcome::Well);
        }
        let (kind, text) = line.strip_prefix("told ")?.split_once('\t')?;
        Some(Outcome::Told(Told { kind: kind.to_owned(), text: text.to_owned() }))
    }
}
