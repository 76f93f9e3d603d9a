//! What a program asks of other processes, carried out.
//!
//! *Assumes*: a thread that has no lock.
//! *Promises*: every job has an outcome, also if its worker is killed; a process that has ended is told
//! to the program; nothing here waits for a process, but threads of its own.
//! *Leaves out*: what such a process does (`python/run/child.rs`).
//!
//! ```text
//!   Pool, ProcessPoolExecutor ─ Job ─▶ process/pool ════▶ worker: its world, one job after another
//!          ▲                               │
//!          └────── Results ◀── collector ◀─┘             the numbers of requests name all of them
//!   Process ─ Start ─▶ process/forkserver ══════════════▶ child: its world, one call
//!          ▲                               │
//!          └────── Ended ◀──── watcher ◀───┘             process/channel ◀══ Put, Get ══▶ queues
//! ```

use crate::futures::error::JobError;
use crate::process::channel::pipe::PipeError;
use crate::process::channel::queue::queue_of;
use crate::process::forkserver::process::{Process, ProcessOptions};
use crate::process::pool::process_pool::ProcessPool;
use crate::python::machine::outside::Answer;
use crate::python::machine::processes::{Copied, Outcome, ProcessAnswer, ProcessRequest};
use crate::python::run::processes::{Queue, Workers};
use crate::python::run::shell::Shell;
use crate::sys::death::Death;
use crate::sys::process::wait_for_exit;
use parking_lot::Mutex;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::Duration;

/// How long it takes at most until a Ctrl-C is noticed (`python/run/real.rs`), and some more.
const HEARD: Duration = Duration::from_millis(200);

fn done(answer: ProcessAnswer) -> Answer {
    Answer::Process(answer)
}

fn failed(why: impl ToString) -> Answer {
    Answer::Failed(why.to_string())
}

/// Sees to what was asked for, without the lock.
pub(crate) fn answer(shell: &Arc<Shell>, number: u64, request: ProcessRequest) {
    let processes = &shell.processes;
    let answer = match request {
        ProcessRequest::Workers { count, tasks, world } => {
            match start_workers(shell, number, count, tasks, world) {
                Ok(()) => Some(done(ProcessAnswer::Done)),
                Err(why) => Some(failed(why)),
            }
        }
        ProcessRequest::Job { workers, job, call } => {
            submit(shell, workers, job, call);
            None
        }
        ProcessRequest::Stop { workers, kill } => {
            stop(shell, workers, kill);
            None
        }
        ProcessRequest::Start { name, daemon, world } => {
            Some(match start_child(shell, number, name, daemon, world) {
                Ok(pid) => done(ProcessAnswer::Pid(pid)),
                Err(why) => failed(why),
            })
        }
        ProcessRequest::Signal { process, kill } => {
            if let Some(child) = processes.children.lock().get(&process).cloned() {
                let child = child.lock();
                // One that has ended already needs none.
                let _ = if kill { child.kill() } else { child.terminate() };
            }
            None
        }
        ProcessRequest::Queue(most) => Some(match queue_of(most) {
            Ok((producer, consumer)) => {
                let queue = Arc::new(Queue::of(producer, consumer, most > 0));
                processes.queues.lock().insert(number, queue);
                done(ProcessAnswer::Done)
            }
            Err(error) => failed(error),
        }),
        ProcessRequest::Put(..) | ProcessRequest::Get(..) => pass(shell, number, request),
        ProcessRequest::NextJob => {
            match &processes.post {
                Some(post) => post.wants(number),
                None => return,
            }
            None
        }
        ProcessRequest::Reply(outcome) => {
            processes.post.iter().for_each(|post| post.reply(outcome.clone()));
            None
        }
        ProcessRequest::Exit(code) => std::process::exit(i32::from(code)),
    };
    if let Some(answer) = answer {
        // If the run is over nobody wants it any more.
        let _ = shell.deliver(number, answer);
    }
}

fn start_workers(
    shell: &Arc<Shell>,
    number: u64,
    count: usize,
    tasks: Option<u32>,
    world: Copied,
) -> Result<(), String> {
    let processes = &shell.processes;
    let beginning = processes.beginning(world, String::new()).map_err(|error| error.to_string())?;
    let (fork_server, roles) = processes.forks()?;
    let mut builder = ProcessPool::builder(&fork_server)
        .workers(count)
        .initializer(roles.begin_worker, beginning);
    if let Some(tasks) = tasks {
        builder = builder.max_tasks_per_child(tasks);
    }
    let pool = builder.start().map_err(|error| error.to_string())?;
    let (ended, jobs) = channel();
    let workers = Workers { pool, jobs: Arc::default(), ended };
    let futures = Arc::clone(&workers.jobs);
    processes.workers.lock().insert(number, Arc::new(workers));
    let collecting = Arc::clone(shell);
    let collect = move || {
        for job in jobs {
            let future = futures.lock().remove(&job);
            let Some(future) = future else { continue };
            let outcome = future.result().unwrap_or_else(|error| Outcome::Lost(lost(&error)));
            bring(&collecting, number, job, outcome);
        }
    };
    let collector = Builder::new().name("results".to_owned()).spawn(collect);
    collector.map(drop).map_err(|error| error.to_string())
}

/// Why a job has no result, in the words of CPython where it has any.
fn lost(error: &JobError) -> String {
    let why = error.to_string();
    match error {
        JobError::WorkerLost { .. } => {
            format!("A process in the process pool was terminated abruptly: {why}")
        }
        _ => why,
    }
}

fn submit(shell: &Arc<Shell>, number: u64, job: u64, call: Vec<u8>) {
    let Some(workers) = shell.processes.workers.lock().get(&number).cloned() else {
        bring(shell, number, job, Outcome::Lost("the pool was stopped".to_owned()));
        return;
    };
    let Ok((_, roles)) = shell.processes.forks() else { return };
    // Whoever takes the future out waits until it is in.
    let mut jobs = workers.jobs.lock();
    let future = workers.pool.submit(roles.do_job, call);
    let ended = workers.ended.clone();
    future.add_done_callback(move || {
        // The collector ends with the run.
        let _ = ended.send(job);
    });
    jobs.insert(job, future);
}

fn bring(shell: &Arc<Shell>, number: u64, job: u64, outcome: Outcome) {
    // If the run is over nobody wants it any more.
    let _ = shell.change_answers(|answers| {
        let none = || done(ProcessAnswer::Results(Vec::new()));
        match answers.entry(number).or_insert_with(none) {
            Answer::Process(ProcessAnswer::Results(results)) => results.push((job, outcome)),
            other => *other = done(ProcessAnswer::Results(vec![(job, outcome)])),
        }
    });
}

fn stop(shell: &Arc<Shell>, number: u64, kill: bool) {
    let Some(workers) = shell.processes.workers.lock().remove(&number) else { return };
    if kill {
        workers.pool.kill_workers();
        workers.pool.shutdown(false, true);
    } else {
        workers.pool.shutdown(true, false);
    }
}

fn start_child(
    shell: &Arc<Shell>,
    number: u64,
    name: String,
    daemon: bool,
    world: Copied,
) -> Result<u32, String> {
    let processes = &shell.processes;
    let beginning = processes.beginning(world, name.clone()).map_err(|error| error.to_string())?;
    let options = ProcessOptions::default().name(name).daemon(daemon);
    let (fork_server, roles) = processes.forks()?;
    let process = options.spawn(&fork_server, roles.live, beginning);
    let process = process.map_err(|error| error.to_string())?;
    let pid = process.pid();
    let sentinel = process.sentinel().try_clone_to_owned().map_err(|error| error.to_string())?;
    let process = Arc::new(Mutex::new(process));
    processes.children.lock().insert(number, Arc::clone(&process));
    let watching = Arc::clone(shell);
    let watch = move || {
        let code = ending(&sentinel, &process);
        if code == -libc::SIGINT {
            // Ctrl-C is for the whole group: the program hears of its own before the child's.
            std::thread::sleep(HEARD);
        }
        let _ = watching.deliver(number, done(ProcessAnswer::Ended(code)));
    };
    let watcher = Builder::new().name("watcher".to_owned()).spawn(watch);
    watcher.map(|_| pid).map_err(|error| error.to_string())
}

/// Waits for the end of a process: its exit code, or its signal as a negative number.
fn ending(sentinel: &OwnedFd, process: &Mutex<Process<()>>) -> i32 {
    // If the system refuses to wait, it is asked for below.
    let _ = wait_for_exit(&[sentinel.as_fd()], None);
    let mut process = process.lock();
    let _ = process.wait(None);
    match process.exit_code() {
        Some(Death::Code(code)) => code,
        Some(Death::Signal(signal)) => -signal,
        None => -libc::SIGKILL,
    }
}

/// Puts into a queue, or gets from it; the answer, if that is known at once.
pub(crate) fn pass(shell: &Arc<Shell>, number: u64, request: ProcessRequest) -> Option<Answer> {
    let (ProcessRequest::Put(place, ..) | ProcessRequest::Get(place, ..)) = request else {
        return None;
    };
    let queue = shell.processes.queues.lock().get(&place).cloned();
    let Some(queue) = queue else {
        let why = "this queue was not made before the process that uses it was started";
        return Some(Answer::Failed(why.to_owned()));
    };
    let request = match request {
        ProcessRequest::Put(_, value, limit) => match queue.feed(value) {
            Ok(None) => return Some(Answer::Process(ProcessAnswer::Done)),
            Ok(Some(value)) => ProcessRequest::Put(place, value, limit),
            Err(error) => return Some(Answer::Failed(error.to_string())),
        },
        ProcessRequest::Get(_, limit) => match queue.consumer.try_get() {
            Ok(Some(value)) => return Some(Answer::Process(ProcessAnswer::Bytes(value))),
            Ok(None) if limit == Some(0) => return Some(Answer::Process(ProcessAnswer::Late)),
            Ok(None) => request,
            Err(error) => return Some(passed(Err(error))),
        },
        _ => return None,
    };
    let waiting = Arc::clone(shell);
    let work = move || {
        let real = |limit: u64| waiting.real(limit);
        let answer = match request {
            ProcessRequest::Put(_, value, Some(limit)) => {
                let put = queue.producer.put_timeout(&value, real(limit));
                passed(put.map(|()| ProcessAnswer::Done))
            }
            ProcessRequest::Put(_, value, None) => {
                passed(queue.producer.put(&value).map(|()| ProcessAnswer::Done))
            }
            ProcessRequest::Get(_, Some(limit)) => {
                passed(queue.consumer.get_timeout(real(limit)).map(ProcessAnswer::Bytes))
            }
            _ => passed(queue.consumer.get().map(ProcessAnswer::Bytes)),
        };
        let _ = waiting.deliver(number, answer);
    };
    let spawned = Builder::new().name("queue".to_owned()).spawn(work);
    spawned.err().map(|error| Answer::Failed(error.to_string()))
}

fn passed(result: Result<ProcessAnswer, PipeError>) -> Answer {
    match result {
        Ok(answer) => Answer::Process(answer),
        Err(PipeError::TimedOut) => Answer::Process(ProcessAnswer::Late),
        Err(error) => Answer::Failed(error.to_string()),
    }
}
