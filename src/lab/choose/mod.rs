//! `singletrack choose`: threads, event loop or processes, for somebody's own work.
//!
//! ```text
//!   whose work   request    the command line
//!                source     options, a step file, a command, pages, a Python program ──▶ steps
//!                ├─ quantity   2ms, 4KiB
//!                ├─ steps      step files
//!                ├─ outlay     what a command or a page takes
//!                └─ python     what the threads of a program take
//!                shape      the steps of a job, how many, how many at once; and their arithmetic
//!
//!   the scale    machine    usable cores: affinity and quota
//!                calibrate  what switches, wake-ups, forks, pipes cost; how much work a millisecond is
//!                controls   two answers that are known: else there is no other
//!
//!   the contest  contest    a shape made into jobs, and raced (`lab/compare`)
//!                chosen     what came of it; a winner by little is confirmed
//!                probes     the same work but for one setting
//!                └─ flips      the search for where the verdict flips
//!                identities rows that arithmetic does not allow
//!
//!   the answer   finding    in sentences
//!                output     a table and the sentences
//!                document   a JSON object
//!                html       a page of HTML, with a map of what was tried; and a card
//!                command    all of it, in order
//! ```
//! To read: [`shape`], [`contest`], [`controls`], then [`chosen`] and [`flips`]. The models, the rounds
//! and the evidence are those of `lab/compare`.

pub mod calibrate;
pub mod chosen;
pub mod command;
pub mod contest;
pub mod controls;
pub mod document;
pub mod finding;
pub mod flips;
pub mod html;
pub mod identities;
pub mod machine;
pub mod outlay;
pub mod output;
pub mod probes;
pub mod python;
pub mod quantity;
pub mod request;
pub mod shape;
pub mod source;
pub mod steps;
