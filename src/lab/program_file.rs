//! A program of the bytecode machine, read from a file.
//!
//! *Assumes*: nothing of the file.
//! *Promises*: a program that can run, or one line: file, line, column, what is wrong, what to
//! do.
//! *Leaves out*: running it.

use crate::lab::failure::Failure;
use crate::vm::assembler::assemble;
use crate::vm::program::Program;
use crate::vm::verifier::Verified;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A longer file is no program.
const LONGEST: u64 = 1 << 20;

/// Reads a program.
///
/// # Errors
/// [`Failure`] if there is no such file, or no program in it.
pub fn read(path: &Path) -> Result<Program, Failure> {
    let name = path.display().to_string();
    let failed = |e| Failure::io(&name, &e, "name a file that can be read");
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        let why = format!("it has more than {LONGEST} bytes");
        return Err(Failure::new(name, why, "name a file with a program"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        let line_start = good.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = 1 + String::from_utf8_lossy(&good[line_start..]).chars().count();
        let place = format!("{name}:{line}:{column}");
        Failure::new(place, "no UTF-8 text", "name a file with a program")
    })?;
    assemble(&text).map_err(|error| {
        let place = format!("{name}:{}", error.position);
        let expected = format!("expected {}", error.expected);
        Failure::new(place, format!("found {}", error.found), expected)
    })
}

/// Reads a program and checks that it can run.
///
/// # Errors
/// As [`read`], and if it cannot.
pub fn read_verified(path: &Path) -> Result<Verified, Failure> {
    Verified::new(read(path)?).map_err(|error| {
        let place = format!("{}:{}", path.display(), error.position);
        Failure::new(place, error.what(), error.remedy())
    })
}
