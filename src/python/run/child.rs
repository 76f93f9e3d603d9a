//! What a process does that the program has started: a run of its own, in a copy of the world.
//!
//! *Assumes*: it was forked after the command has learnt the program, when there was one thread.
//! *Promises*: what a child prints is written line by line; a worker that cannot go on ends, and says
//! why on stderr, so that its job is lost and not waited for.
//! *Leaves out*: starting it (`python/run/processes.rs`).

use crate::gil::rules::threading::Threading;
use crate::process::forkserver::client::ForkServer;
use crate::process::forkserver::error::ForkServerError;
use crate::python::code::program::Program;
use crate::python::library::rows::rows;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::outside::Answer;
use crate::python::machine::processes::{Outcome, ProcessAnswer};
use crate::python::machine::terms::Arguments;
use crate::python::run::carry::start_main;
use crate::python::run::inside::{Ending, LIMITS};
use crate::python::run::processes::{Beginning, Post, Processes, Queue, Roles};
use crate::python::run::shell::Shell;
use crate::python::run::streams::Streams;
use crate::python::value::frame::Then;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock};
use std::thread::Builder;
use std::time::Duration;

/// The program, and how it is run: what a forked process knows without being told.
#[derive(Clone)]
pub struct Settings {
    /// The program.
    pub program: Arc<Program>,
    /// When threads may switch.
    pub threading: Threading,
    /// So many real seconds are one of the program's.
    pub scale: f64,
    /// The file's name, and its text.
    pub file: (String, String),
}

static SETTINGS: Mutex<Option<Settings>> = Mutex::new(None);
static WORKER: OnceLock<(Arc<Shell>, Arc<Post>)> = OnceLock::new();

/// How often somebody looks whether the run of a worker is over.
const LOOK: Duration = Duration::from_millis(500);

/// Processes for a run: to be called before any thread is started. They know the program and how to
/// run it.
///
/// # Errors
/// [`ForkServerError`] if there are threads, or the fork server cannot be forked.
pub fn processes(settings: Settings) -> Result<Processes, ForkServerError> {
    *SETTINGS.lock() = Some(settings);
    Ok(Processes::forking(ForkServer::start()?, Roles { live, begin_worker, do_job }))
}

/// Starts the run of this process: its main thread calls a function of the library.
fn begin(
    beginning: Beginning,
    function: &str,
    post: Option<Arc<Post>>,
) -> Result<Arc<Shell>, String> {
    let Some(settings) = SETTINGS.lock().clone() else {
        return Err("it does not know the program".to_owned());
    };
    let world = Machine::world_from(&settings.program, rows(), &beginning.world);
    let mut machine = world.map_err(|why| format!("its world cannot be read: {why}"))?;
    machine.limits = LIMITS;
    // CPython seeds anew after a fork, too: children do not draw the same numbers.
    machine.world.random = RandomState::new().hash_one(std::process::id());
    machine.outside.process = (!beginning.name.is_empty()).then_some(beginning.name);
    machine.enter(0);
    let function = machine.prelude(function);
    let begun = machine.call_value(function, Arguments::default(), Then::Discard);
    machine.leave();
    begun.map_err(|_| "its library is another one".to_owned())?;
    let mut queues = BTreeMap::new();
    for (number, (producer, consumer)) in beginning.queues {
        let bounded = producer.qsize().is_some();
        queues.insert(number, Arc::new(Queue::of(producer, consumer, bounded)));
    }
    let processes = Processes::inherited(queues, post);
    let Settings { threading, scale, file, .. } = settings;
    let shell = Shell::new(machine, threading, scale, Streams::by_line(), file, processes);
    start_main(&shell).map_err(|error| error.to_string())?;
    Ok(shell)
}

/// How a run has ended, if that is to be told.
fn told(ending: &Ending) -> Option<String> {
    let file = || SETTINGS.lock().as_ref().map_or_else(String::new, |s| s.file.0.clone());
    match ending {
        Ending::Finished(_) | Ending::Interrupted | Ending::NoOutput(..) => None,
        Ending::Stopped(why, at) => Some(format!("{}:{at}: stopped: {why}", file())),
        Ending::Deadlock(waits) => {
            Some(format!("{}: deadlock: no thread can go on: {}", file(), waits.join("; ")))
        }
    }
}

/// A child of `Process.start`: one call, then the exit code.
pub(crate) fn live(beginning: Beginning) {
    let shell = match begin(beginning, "multiprocessing._child", None) {
        Ok(shell) => shell,
        Err(why) => exit(&why),
    };
    let ending = loop {
        if let Some(ending) = shell.wait(LOOK) {
            break ending;
        }
    };
    if let Some(why) = told(&ending) {
        exit(&why);
    }
    let queues = shell.processes.queues.lock().clone();
    queues.values().for_each(|queue| queue.flush());
    if let Ending::Finished(code) = ending
        && code != 0
    {
        std::process::exit(i32::from(code));
    }
}

fn exit(why: &str) -> ! {
    Streams::of_process().complain(&format!("process {}: {why}\n", std::process::id()));
    std::process::exit(1)
}

/// The beginning of a worker: its main thread calls the initializer, then waits for jobs.
pub(crate) fn begin_worker(beginning: Beginning) {
    let post = Arc::new(Post::default());
    let shell = match begin(beginning, "concurrent.futures._work", Some(Arc::clone(&post))) {
        Ok(shell) => shell,
        Err(why) => exit(&why),
    };
    let (watched, told_to) = (Arc::clone(&shell), Arc::clone(&post));
    let watch = move || loop {
        if let Some(ending) = watched.wait(LOOK) {
            told_to.end(told(&ending).unwrap_or_else(|| "its main thread has ended".to_owned()));
            return;
        }
    };
    if let Err(error) = Builder::new().name("watcher".to_owned()).spawn(watch) {
        exit(&error.to_string());
    }
    if post.wait(|state| state.wanted).is_err() {
        // The traceback has been written; a panic without another message breaks the pool.
        resume_unwind(Box::new("its initializer has failed".to_owned()));
    }
    let _ = WORKER.set((shell, post));
}

/// One job of a worker.
pub(crate) fn do_job(call: Vec<u8>) -> Outcome {
    let Some((shell, post)) = WORKER.get() else {
        return Outcome::Lost("the worker did not begin".to_owned());
    };
    let outcome = post.wait(|state| state.wanted.take()).and_then(|number| {
        let call = Answer::Process(ProcessAnswer::Bytes(call));
        // If the run is over, the post says so.
        let _ = shell.deliver(number, call);
        post.wait(|state| state.outcome.take())
    });
    outcome.unwrap_or_else(|why| exit(&why))
}
