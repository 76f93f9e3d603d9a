//! The executors behind a program's pools of threads, by the numbers of the pools.
//!
//! *Promises*: the jobs of a pool begin in the order in which they were submitted, on at most as many
//! threads as it has workers; a thread is started only if none is idle.
//! *Leaves out*: what a job is: a thread of the world, which a thread here carries to its end.

use crate::futures::thread_pool::{ThreadPoolExecutor, ThreadPoolOptions};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The executors of a run.
#[derive(Default)]
pub struct Executors {
    pools: Mutex<BTreeMap<u64, Arc<ThreadPoolExecutor>>>,
}

impl Executors {
    /// Has a worker of a pool do this, when one is free.
    ///
    /// ```
    /// use singletrack::python::run::executors::Executors;
    /// use std::sync::mpsc::channel;
    ///
    /// let executors = Executors::default();
    /// let (send, receive) = channel();
    /// executors.submit(7, "resizer", 2, move || send.send(12 * 12).unwrap())?;
    /// assert_eq!(receive.recv(), Ok(144));
    /// executors.finish();
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    /// If the operating system has no thread to give, and the pool has none yet.
    pub fn submit(
        &self,
        pool: u64,
        name: &str,
        workers: usize,
        job: impl FnOnce() + Send + 'static,
    ) -> Result<(), String> {
        let executor = self.executor(pool, name, workers)?;
        let future = executor.submit_fn(job);
        if executor.workers() == 0 && future.done() {
            return future.result().map_err(|error| error.to_string());
        }
        Ok(())
    }

    fn executor(
        &self,
        pool: u64,
        name: &str,
        workers: usize,
    ) -> Result<Arc<ThreadPoolExecutor>, String> {
        let mut pools = self.pools.lock();
        if let Some(executor) = pools.get(&pool) {
            return Ok(Arc::clone(executor));
        }
        let name = name.replace('\0', " ");
        let options = ThreadPoolOptions::default().max_workers(workers).thread_name_prefix(name);
        let executor = Arc::new(options.build().map_err(|error| error.to_string())?);
        pools.insert(pool, Arc::clone(&executor));
        Ok(executor)
    }

    /// Lets go of all: the run is over, and no job does anything any more.
    pub fn finish(&self) {
        for executor in std::mem::take(&mut *self.pools.lock()).into_values() {
            // Nobody submits to it meanwhile.
            Arc::into_inner(executor).into_iter().for_each(ThreadPoolExecutor::detach);
        }
    }
}
