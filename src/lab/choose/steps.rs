//! Step files: one step of a job a line. Pure.
//!
//! *Promises*: no text can make it panic; a line that is no step is refused with its number, and the
//! whole file with it; what [`written`] writes reads back as the same steps.
//! *Leaves out*: reading the file (`lab/choose/source.rs`).
//!
//! ```text
//!   # a request: ask the database, work on the rows, send them to whoever asked
//!   io 20ms
//!   cpu 2ms
//!   native 1ms      # compression, say: CPython lets go of the lock for it
//!   send 4KiB
//! ```

use crate::lab::choose::quantity::{shown_size, shown_time, size, time};
use crate::lab::choose::shape::Part;
use crate::lab::report::failure::Failure;

/// More steps than this are no unit of work.
const MOST: usize = 1000;

/// The steps in a text; `name` is that of the file.
///
/// ```
/// use singletrack::lab::choose::shape::Part;
/// use singletrack::lab::choose::steps::read;
///
/// assert_eq!(read("a.steps", "# nothing\nsend 4KiB\n").unwrap(), [Part::Send(4096)]);
/// let why = read("a.steps", "cpu 2ms\nsleep 1s\n").unwrap_err().to_string();
/// assert!(why.starts_with("a.steps:2: sleep"), "{why}");
/// ```
///
/// # Errors
/// The first line that is no step, or that there is none.
pub fn read(name: &str, text: &str) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            parts.push(step(line).map_err(|f| f.within(&format!("{name}:{}", at + 1)))?);
        }
    }
    let remedy = "write one step a line: cpu 2ms, io 20ms, native 1ms, send 4KiB";
    match parts.len() {
        0 => Err(Failure::new(name, "it holds no steps", remedy)),
        n if n > MOST => {
            let remedy = "add steps of a kind up";
            Err(Failure::new(name, format!("{n} steps are more than {MOST}"), remedy))
        }
        _ => Ok(parts),
    }
}

fn step(line: &str) -> Result<Part, Failure> {
    let remedy = "write cpu, io or native with a duration, or send with a size: cpu 2ms";
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match word {
        "cpu" | "io" | "native" | "send" if rest.is_empty() => {
            Err(Failure::new(word, "how much is missing", remedy))
        }
        "cpu" => time(word, rest).map(Part::Cpu),
        "io" => time(word, rest).map(Part::Io),
        "native" => time(word, rest).map(Part::Native),
        "send" => size(word, rest).map(Part::Send),
        _ => Err(Failure::new(word, "there is no such step", remedy)),
    }
}

/// These steps as a file.
pub fn written(parts: &[Part]) -> String {
    let line = |part: &Part| match part {
        Part::Cpu(time) => format!("cpu {}\n", shown_time(*time)),
        Part::Io(time) => format!("io {}\n", shown_time(*time)),
        Part::Native(time) => format!("native {}\n", shown_time(*time)),
        Part::Send(bytes) => format!("send {}\n", shown_size(*bytes)),
    };
    parts.iter().map(line).collect()
}
