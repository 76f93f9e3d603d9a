//! `singletrack examples`: all examples in reading order, and the exercises.
//!
//! ```text
//!   request     what the command line asks for: the list, one example, the exercises
//!     │
//!   shelf       which example stands where: chapters, and groups of Python programs
//!     │           └ headers.txt: what each file says of itself, copied from its first lines
//!   header      level, minutes, what to read, question, prediction, command: out of those lines
//!   exercise    the same of `tests/exercises/`
//!     │
//!   page        all of that as text, or as JSON
//! ```
//! An example tells what it is itself, in its opening comment. `headers.txt` is a copy, for the
//! command has no source to read where it is installed; `BLESS=1 cargo test --test examples` writes it
//! anew, and the same test fails while it is stale.
//!
//! # How to add an example
//!
//! 1. Its opening comment: a title; `Level: 2 of 3. Minutes: 5. Read: FILE`; `Question: … ?
//!    Prediction: …`; the command, indented; `CI: ARGUMENTS`, with which it runs in a moment.
//! 2. It asserts what it claims and ends with `common::measured`; 150 lines, with what several share
//!    in `examples/common`.
//! 3. Its name in a chapter of [`shelf::CHAPTERS`]; then `BLESS=1 cargo test --test examples`.

pub mod exercise;
pub mod header;
pub mod page;
pub mod request;
pub mod shelf;
