//! The other processes of a run, by the numbers of the requests that made them.
//!
//! *Promises*: a queue without a bound never lets a `put` wait; children that are no daemons are waited
//! for at the end, and the others are ended.
//! *Leaves out*: who makes them (`python/run/requests.rs`), what they do (`python/run/child.rs`).

use crate::futures::future::Future;
use crate::process::channel::queue::{Consumer, Producer};
use crate::process::forkserver::client::ForkServer;
use crate::process::forkserver::process::Process;
use crate::process::pool::process_pool::ProcessPool;
use crate::python::machine::processes::{Copied, Outcome};
use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};

/// What a process is started with.
#[derive(Serialize, Deserialize)]
pub(crate) struct Beginning {
    pub(crate) world: Vec<u8>,
    pub(crate) name: String,
    pub(crate) queues: Vec<(u64, Ends)>,
}

/// Both ends of a queue.
pub(crate) type Ends = (Producer<Vec<u8>>, Consumer<Vec<u8>>);

/// What forked processes do.
#[derive(Clone, Copy)]
pub(crate) struct Roles {
    /// A child of `Process.start`.
    pub(crate) live: fn(Beginning),
    /// The beginning of a worker.
    pub(crate) begin_worker: fn(Beginning),
    /// One job of a worker.
    pub(crate) do_job: fn(Vec<u8>) -> Outcome,
}

/// The processes of a run, and what they share.
#[derive(Default)]
pub struct Processes {
    forking: Mutex<Option<(ForkServer, Roles)>>,
    pub(crate) workers: Mutex<BTreeMap<u64, Arc<Workers>>>,
    pub(crate) children: Mutex<BTreeMap<u64, Arc<Mutex<Process<()>>>>>,
    pub(crate) queues: Mutex<BTreeMap<u64, Arc<Queue>>>,
    /// If this is a worker, where its jobs come from.
    pub(crate) post: Option<Arc<Post>>,
}

/// A queue between processes: both its ends.
pub(crate) struct Queue {
    pub(crate) producer: Arc<Producer<Vec<u8>>>,
    pub(crate) consumer: Consumer<Vec<u8>>,
    /// A queue without a bound is fed by a thread of its own, so that no `put` waits.
    feeder: Mutex<Option<Feeder>>,
    bounded: bool,
}

/// What goes into a queue, and the thread that puts it there.
type Feeder = (Sender<Vec<u8>>, JoinHandle<()>);

/// Workers of a pool, and the jobs that have no outcome yet.
pub(crate) struct Workers {
    pub(crate) pool: ProcessPool,
    pub(crate) jobs: Arc<Mutex<BTreeMap<u64, Future<Outcome>>>>,
    pub(crate) ended: Sender<u64>,
}

impl Processes {
    /// Processes that are forked, and what they do.
    pub(crate) fn forking(fork_server: ForkServer, roles: Roles) -> Processes {
        Processes { forking: Mutex::new(Some((fork_server, roles))), ..Processes::default() }
    }

    /// Those of a worker or a child, with the queues that it came with.
    pub(crate) fn inherited(
        queues: BTreeMap<u64, Arc<Queue>>,
        post: Option<Arc<Post>>,
    ) -> Processes {
        Processes { queues: Mutex::new(queues), post, ..Processes::default() }
    }

    /// Who forks, and what for. A process that was forked itself has nobody.
    pub(crate) fn forks(&self) -> Result<(ForkServer, Roles), String> {
        let why = "a process of a program starts none itself: start it in the main process";
        self.forking.lock().clone().ok_or_else(|| why.to_owned())
    }

    /// Waits for the children that are no daemons, ends the others, and lets go of all workers.
    pub(crate) fn finish(&self) {
        let children = std::mem::take(&mut *self.children.lock());
        for child in children.values() {
            let mut child = child.lock();
            if child.daemon() {
                let _ = child.terminate();
            }
            let _ = child.wait(None);
        }
        let workers = std::mem::take(&mut *self.workers.lock());
        for workers in workers.values() {
            workers.pool.shutdown(false, true);
            workers.pool.kill_workers();
        }
        self.queues.lock().clear();
        *self.forking.lock() = None;
    }

    pub(crate) fn beginning(&self, copied: Copied, name: String) -> io::Result<Beginning> {
        let queues = self.queues.lock();
        let mut ends = Vec::new();
        for (number, queue) in queues.iter().filter(|(n, _)| copied.queues.contains(n)) {
            ends.push((*number, (queue.producer.try_clone()?, queue.consumer.try_clone()?)));
        }
        Ok(Beginning { world: copied.world, name, queues: ends })
    }
}

impl Queue {
    pub(crate) fn of(
        producer: Producer<Vec<u8>>,
        consumer: Consumer<Vec<u8>>,
        bounded: bool,
    ) -> Queue {
        Queue { producer: Arc::new(producer), consumer, feeder: Mutex::default(), bounded }
    }

    /// Puts a value without waiting; gives it back if the queue has a bound.
    pub(crate) fn feed(&self, value: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        if self.bounded {
            return Ok(Some(value));
        }
        let mut feeder = self.feeder.lock();
        if feeder.is_none() {
            let (sender, values) = channel::<Vec<u8>>();
            let feeding = Arc::clone(&self.producer);
            // It ends when nobody is left to get what it puts.
            let feed = move || drop(values.iter().try_for_each(|value| feeding.put(&value)));
            let thread = Builder::new().name("QueueFeederThread".to_owned()).spawn(feed)?;
            *feeder = Some((sender, thread));
        }
        if let Some((sender, _)) = &*feeder {
            // If it has ended nobody gets the value, here as in CPython.
            let _ = sender.send(value);
        }
        Ok(None)
    }

    /// Waits until what was put is in the queue.
    pub(crate) fn flush(&self) {
        if let Some((sender, thread)) = self.feeder.lock().take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

/// Where a worker's jobs come from, and where their outcomes go.
#[derive(Default)]
pub struct Post {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    /// The request of the worker that waits for a job.
    pub(crate) wanted: Option<u64>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) ended: Option<String>,
}

impl Post {
    pub(crate) fn wants(&self, number: u64) {
        self.state.lock().wanted = Some(number);
        self.changed.notify_all();
    }

    pub(crate) fn reply(&self, outcome: Outcome) {
        self.state.lock().outcome = Some(outcome);
        self.changed.notify_all();
    }

    pub(crate) fn end(&self, why: String) {
        self.state.lock().ended = Some(why);
        self.changed.notify_all();
    }

    /// Waits for one of both; the error says how the worker has ended.
    pub(crate) fn wait<T>(&self, take: impl Fn(&mut State) -> Option<T>) -> Result<T, String> {
        let mut state = self.state.lock();
        loop {
            match (take(&mut state), &state.ended) {
                (Some(taken), _) => return Ok(taken),
                (None, Some(why)) => return Err(why.clone()),
                (None, None) => self.changed.wait(&mut state),
            }
        }
    }
}
