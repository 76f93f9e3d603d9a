//! What is counted, measured and recorded of a lock and its threads.
//!
//! ```text
//!   counters         How often each thing happened to a lock, and how long threads waited for it
//!   histogram        How long things took, in buckets that double: a histogram of 65 numbers
//!   record           What happened to a lock and when: the events, and the states of a thread between them
//!   thread_stats     The clock of one lock, and how closely its threads are watched
//! ```

pub mod counters;
pub mod histogram;
pub mod record;
pub(crate) mod thread_stats;
