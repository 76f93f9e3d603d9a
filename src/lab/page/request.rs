//! What a command is asked for beside its text: a page, a card; and the line that asks for it.
//!
//! *Promises*: a file that cannot be written is refused before anything is measured; the line, read by
//! a shell, is the same words again.
//! *Leaves out*: what is on the page.

use crate::lab::report::failure::{Failure, shown};
use crate::lab::report::whole_file::WholeFile;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// Files with pictures.
#[derive(Args, Debug, Clone, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Writes a page with pictures of it: one file, for any browser, without a network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Writes a card of 1200 by 630 pixels with the answer on it: one file of SVG
    #[arg(long, value_name = "FILE")]
    pub card: Option<PathBuf>,
}

impl Pictures {
    /// Whether these files can be written. Nothing is changed.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self) -> Result<(), Failure> {
        self.html.iter().chain(&self.card).try_for_each(|path| WholeFile::check(path))
    }
}

/// The words of a command line as a shell reads them; the first is the name of this command.
///
/// ```
/// use singletrack::lab::page::request::command_line;
///
/// let words = ["/usr/bin/singletrack", "compare", "files", "a b's"].map(Into::into);
/// assert_eq!(command_line(words), r"singletrack compare files 'a b'\''s'");
/// ```
pub fn command_line(words: impl IntoIterator<Item = OsString>) -> String {
    let words = words.into_iter().skip(1).map(|word| quoted(&word.to_string_lossy()));
    let words: Vec<String> = std::iter::once("singletrack".to_owned()).chain(words).collect();
    shown(&words.join(" "))
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
