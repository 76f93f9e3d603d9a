//! What all reports are made of: figures, measurements, pictures.
//!
//! ```text
//!   failure          Why a comparison ended without a result: the thing, the reason, the remedy
//!   lanes            A recording drawn in characters: one lane a thread, and a strip for the owner. Pure
//!   measure          Work in a child process of its own, and what the kernel charged for it
//!   recording        A recording as numbers and names, to cross a pipe: the lock's own types know no serde
//!   stats            Medians, extremes and percentiles of measured values. Pure
//!   trace            A recording as a trace file: JSON that Perfetto and `chrome://tracing` open
//! ```

pub mod failure;
pub mod lanes;
pub mod measure;
pub mod recording;
pub mod stats;
pub mod trace;
