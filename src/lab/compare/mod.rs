//! `singletrack compare`: the same jobs under eight models.
//!
//! ```text
//!   blocking         The queue that lanes take jobs from, and the account they keep
//!   cases            What is compared: three built-in cases, and two on the user's own input
//!   http             As much of HTTP/1.1 as one GET over plain TCP takes. Pure
//!   job              The verbs of a job: compute, send, wait, read. A model of concurrency is one way to do them
//!   json             The comparison for machines: one JSON object
//!   loops            Jobs as tasks of an event loop: one thread, and every wait is an `await`
//!   model            The eight ways to run the same jobs, by name
//!   processes        Jobs, or the computations of jobs, in a pool of forked processes
//!   race             The server of the I/O cases: a process of its own that answers as late as it is asked to
//!   result           What the rounds of a model come to, and what the models of a case come to
//!   run              Runs a plan under a model, in this process
//!   table            The comparison for people: one table a case, and one sentence. Pure
//!   threads          One thread a lane: none beside the command's own, many that are free, many under a lock
//!   verdict          Which model won, by how much, and whether the rule of thumb says so. Pure
//! ```

pub mod cases;
pub mod http;
pub mod job;
pub mod json;
pub mod lane;
pub mod loops;
pub mod model;
pub mod processes;
pub mod race;
pub mod result;
pub mod server;
pub mod table;
pub mod threads;
pub mod verdict;
