//! What a program asks of other processes, and what comes back.
//!
//! *Promises*: plain data: worlds, calls and results are bytes (`python/image`), processes are numbers.
//! *Leaves out*: processes: whoever runs a program for real has them (`python/run/processes.rs`).

use serde::{Deserialize, Serialize};

/// A world for another process, and the numbers of the queues that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The world.
    pub world: Vec<u8>,
    /// The queues.
    pub queues: Vec<u64>,
}

/// What is asked for. The number of a request is also the number of what it makes: of workers, of a
/// process, of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessRequest {
    /// Workers, each of which begins with this world. Their results come under the same number.
    Workers {
        /// How many.
        count: usize,
        /// After so many jobs a worker is replaced.
        tasks: Option<u32>,
        /// Their world.
        world: Copied,
    },
    /// A job for workers: a tuple of a function, its arguments, and those by keyword.
    Job {
        /// The number of the workers.
        workers: u64,
        /// The number of the job.
        job: u64,
        /// The tuple.
        call: Vec<u8>,
    },
    /// No more jobs: the workers end when they have done theirs, or at once.
    Stop {
        /// The number of the workers.
        workers: u64,
        /// At once.
        kill: bool,
    },
    /// A process with this world. When it has ended, that comes under the same number.
    Start {
        /// Its name.
        name: String,
        /// It ends with the program.
        daemon: bool,
        /// Its world.
        world: Copied,
    },
    /// A signal for a process.
    Signal {
        /// Its number.
        process: u64,
        /// SIGKILL rather than SIGTERM.
        kill: bool,
    },
    /// A queue between processes, for at most so many values; 0 is any number.
    Queue(usize),
    /// A value for a queue; not to be waited for longer than so many nanoseconds.
    Put(u64, Vec<u8>, Option<u64>),
    /// The next value of a queue; the same.
    Get(u64, Option<u64>),
    /// Of a worker: its next job.
    NextJob,
    /// Of a worker: what came of the job.
    Reply(Outcome),
    /// This process ends at once, with this exit code.
    Exit(u8),
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It has returned this.
    Value(Vec<u8>),
    /// It has raised this.
    Raised(Vec<u8>),
    /// Its worker is gone, for this reason.
    Lost(String),
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessAnswer {
    /// It was done.
    Done,
    /// The process has this id.
    Pid(u32),
    /// What came of jobs, by their numbers.
    Results(Vec<(u64, Outcome)>),
    /// The process has ended: its exit code, or a signal as a negative number.
    Ended(i32),
    /// A value, or a job.
    Bytes(Vec<u8>),
    /// The time was over.
    Late,
}
