//! A run for real: OS threads under a global lock, real time, real output.
//!
//! *Promises*: it returns when the last thread has ended that is no daemon, or at a deadlock, a stop
//! or an interruption, and then nothing of the program executes any more.
//! *Leaves out*: arguments and exit codes (`lab/run`).

use crate::gil::rules::threading::Threading;
use crate::gil::stats::counters::Counters;
use crate::gil::stats::record::Recording;
use crate::python::code::program::Program;
use crate::python::library::rows::rows;
use crate::python::machine::interpreter::Machine;
use crate::python::run::carry::start_main;
use crate::python::run::inside::{Ending, LIMITS};
use crate::python::run::processes::Processes;
use crate::python::run::shell::Shell;
use crate::python::run::streams::Streams;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How often somebody looks for an interruption.
const LOOK: Duration = Duration::from_millis(20);

/// A program, and how to run it.
///
/// ```
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::python::run::{Ending, RealRun, Streams, program};
///
/// let program = program("import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\n")?;
/// let streams = Streams::new(std::io::sink(), std::io::sink(), std::io::empty());
/// let run = RealRun::new(&program, SwitchPolicy::PYTHON_3_13.into()).streams(streams);
/// let ran = run.run(|| false)?;
/// assert_eq!(ran.ending, Ending::Finished(0), "another thread's exception is not the program's");
/// assert!(ran.counters.switches >= 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RealRun {
    program: Arc<Program>,
    threading: Threading,
    scale: f64,
    record: Option<usize>,
    streams: Streams,
    file: (String, String),
    processes: Processes,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct RealRan {
    /// How it has ended.
    pub ending: Ending,
    /// What happened to the lock, how often.
    pub counters: Counters,
    /// Who had the lock when, if that was recorded.
    pub recording: Option<Recording>,
}

impl RealRun {
    /// A run under a policy, with the streams of the process.
    pub fn new(program: &Arc<Program>, threading: Threading) -> RealRun {
        RealRun {
            program: Arc::clone(program),
            threading,
            scale: 1.0,
            record: None,
            streams: Streams::of_process(),
            file: ("<string>".to_owned(), String::new()),
            processes: Processes::default(),
        }
    }

    /// A second of the program takes so many real ones.
    pub fn scale(mut self, scale: f64) -> RealRun {
        self.scale = scale;
        self
    }

    /// Records who has the lock when: the last so many events of each thread.
    pub fn record(mut self, events: usize) -> RealRun {
        self.record = Some(events);
        self
    }

    /// Other streams.
    pub fn streams(mut self, streams: Streams) -> RealRun {
        self.streams = streams;
        self
    }

    /// What tracebacks name and quote: the file, and its text.
    pub fn file(mut self, name: &str, source: &str) -> RealRun {
        self.file = (name.to_owned(), source.to_owned());
        self
    }

    /// With other processes, which are forked.
    pub fn processes(mut self, processes: Processes) -> RealRun {
        self.processes = processes;
        self
    }

    /// Runs it. Whenever `interrupted` is true, that is a Ctrl-C.
    ///
    /// # Errors
    /// If the operating system has no thread to give.
    pub fn run(self, mut interrupted: impl FnMut() -> bool) -> io::Result<RealRan> {
        let mut machine = Machine::new(self.program, rows());
        machine.limits = LIMITS;
        // A seed of the process's own: the keys that the standard library hashes with.
        machine.world.random = RandomState::new().hash_one(0);
        let shell = Shell::new(
            machine,
            self.threading,
            self.scale,
            self.streams,
            self.file,
            self.processes,
        );
        if let Some(events) = self.record {
            shell.lock.record(events);
        }
        start_main(&shell)?;
        let mut ending = loop {
            if let Some(ending) = shell.wait(LOOK) {
                break ending;
            }
            if interrupted() && !shell.interrupt() {
                shell.stop(Ending::Interrupted);
                break Ending::Interrupted;
            }
        };
        shell.processes.finish();
        // Ctrl-C is for the children, too: the program may be over because they are.
        if matches!(ending, Ending::Finished(_)) && interrupted() {
            ending = Ending::Interrupted;
        }
        shell.executors.finish();
        shell.lock.stop_recording();
        Ok(RealRan {
            ending,
            counters: shell.lock.counters(),
            recording: self.record.map(|_| shell.lock.recording()),
        })
    }
}
