//! `singletrack gil fidelity`: real interpreters beside the presets of the lock.
//!
//! ```text
//!   sides          asks both sides in turn; what cannot be measured is a line
//!       │  comparison    what the numbers come to: rows that agree in kind, or not; the verdict
//!       ▼
//!   subject        the trait of both sides: one method for each experiment; ccbench's packets
//!       │
//!       ├─ python    a real CPython: found, started with fidelity.py, asked over its stdin
//!       └─ preset    the same threads, loops and system calls under a lock of this crate
//!            crowd     many threads let go at once
//!
//!   idiom_table    what the explorer predicts for an update between a load and a store, beside what is
//!       │          seen of it; idioms.py asks the interpreter
//!       ╰─ idioms    the updates: one text for both
//! ```
//!
//! Reading order: `subject`, `preset` beside `fidelity.py`, `python`, `sides`, `comparison`.
//!
//! # How to add a row
//!
//! 1. `subject.rs`: a method of `Subject` that returns one number.
//! 2. `fidelity.py`: the function that measures it in Python 2.7 and 3, and its command in the
//!    loop at the end. `python.rs`: the method of `RealPython` that sends the command.
//! 3. `preset.rs`: the same threads under a `GlobalLock`, with loops from `lab/scenes/bytecode.rs`.
//! 4. `comparison.rs`: a field of `SideFigures`, and a `row` in `rows` with the kinds that the
//!    number can mean; the drawing at the top of that file lists all rows. `sides.rs`: a line in
//!    `compare`.
//! 5. `tests/fidelity.rs`: the number of rows, and a pair of figures that differ in kind.
//!
//! # How to add an idiom
//!
//! A line in `idioms.rs`, in the group whose versions lose it: `tests/idioms.rs` asks the explorer
//! under each preset, and every interpreter there is.

pub mod comparison;
pub mod crowd;
pub mod idiom_table;
pub mod idioms;
pub mod preset;
pub mod python;
pub mod sides;
pub mod subject;
