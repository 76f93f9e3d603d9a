//! The pool that loses no job.
//!
//! ```text
//!   chunk            Chunks: many items in one job, and what becomes of their results
//!   dispatcher       The pool's bookkeeping: which job is where, and what must happen next. Pure
//!   multiprocessing  A stream of results: many items submitted a window at a time, given out one by one
//!   options          What can be chosen for a job, and for a map of many
//!   pool_state       The desk: the books and the request pipes under one lock, where submitters and the
//!   process_pool     The process pool: functions submitted here run in forked workers
//!   replies          Whose turn it is to read a worker's replies. Pure
//!   supervisor       What a pool's callers and its supervisor share: the desk, and how a worker is heard
//!   worker           What becomes of jobs: the verdicts, and how many there were of each. Pure
//!   workers          When the next worker may be forked: one at a time, and after a failure not at once. Pure
//! ```

pub mod chunk;
pub mod dispatcher;
pub mod job;
pub mod multiprocessing;
pub mod options;
pub(crate) mod pool_state;
pub mod process_pool;
pub mod replies;
pub(crate) mod supervisor;
pub mod worker;
pub(crate) mod worker_pipes;
pub mod workers;
