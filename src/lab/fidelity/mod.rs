//! `singletrack gil fidelity`: real interpreters beside the presets of the lock.
//!
//! ```text
//!   comparison     asks both sides in turn, and says whether they agree in kind
//!       │
//!       ▼
//!   subject        the trait of both sides: one method for each experiment; ccbench's packets
//!       │
//!       ├─ python    a real CPython: found, started with fidelity.py, asked over its stdin
//!       └─ preset    the same threads, loops and system calls under a lock of this crate
//! ```
//!
//! Reading order: `subject`, `preset` beside `fidelity.py`, `python`, `comparison`.
//!
//! # How to add a row
//!
//! 1. `subject.rs`: a method of `Subject` that returns one number.
//! 2. `fidelity.py`: the function that measures it in Python 2.7 and 3, and its command in the
//!    loop at the end. `python.rs`: the method of `RealPython` that sends the command.
//! 3. `preset.rs`: the same threads under a `GlobalLock`, with loops from `lab/scenes/bytecode.rs`.
//! 4. `comparison.rs`: a field of `SideFigures`, a call in `compare`, and a `row` in `rows` with
//!    the kinds that the number can mean. The drawing at the top of that file lists all rows.
//! 5. `tests/fidelity.rs`: the number of rows, and a pair of figures that differ in kind.

pub mod comparison;
pub mod preset;
pub mod python;
pub mod subject;
