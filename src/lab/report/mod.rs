//! What all reports are made of: measurements, figures, pictures.
//!
//! ```text
//!   measure      a fork, a pipe, `wait4`: an answer, and what the kernel charged for it
//!      └─ outside    what may end it early: a signal, a reader who has gone, a limit
//!
//!   recording    a lock's recording: across that pipe, and in figures
//!      ├─ window    which stretch of it is drawn
//!      └─ lanes     drawn in characters, a line for each thread
//!          ├─ marks      what one column shows
//!          └─ terminal   how wide it is, and which colours it has
//!   table        columns that fit the page, and lists of names and what to say of them
//!   whole_file   a file that is there whole or not at all
//!   program      whether there is a program to start
//!   keys         what the reader says: a key of a terminal, or a line
//!   stats        medians, percentiles, numbers with three digits
//!   failure      why there is no result, in one line
//!   nearest      which name was meant, where there is none such
//! ```
//! To read: [`measure`] first. It says why no run can disturb another; the rest is small and pure.

pub mod failure;
pub mod keys;
pub mod lanes;
pub(crate) mod marks;
pub mod measure;
pub mod nearest;
pub mod outside;
pub mod program;
pub mod recording;
pub mod stats;
pub mod table;
pub mod terminal;
pub mod whole_file;
pub mod window;
