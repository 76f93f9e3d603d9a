//! What a fork server does besides forking: workers made ahead, and hooks around each fork.
//!
//! *Promises*: without options nothing is made ahead and nothing is run.
//! *Leaves out*: how hooks are run (`process/forkserver/hooks.rs`) and what is forked ahead
//! (`process/forkserver/server.rs`).

use crate::process::forkserver::hooks::Hooks;

/// Options of a fork server.
///
/// ```
/// use singletrack::process::ForkServerOptions;
/// use singletrack::process::ProcessPool;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static SEED: AtomicU32 = AtomicU32::new(0);
///
/// fn seed(_: ()) -> u32 {
///     SEED.load(Ordering::Relaxed)
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let options = ForkServerOptions::default().preforked(1);
///     let options = options.after_fork_in_child(|| SEED.store(std::process::id(), Ordering::Relaxed));
///     let fork_server = options.start()?;
///     let pool = ProcessPool::new(&fork_server, 2)?;
///     let seed = pool.submit(seed, ()).result()?;
///     assert!(pool.worker_pids().contains(&seed), "every worker has a seed of its own");
///     Ok(())
/// }
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing happens before `start`"]
pub struct ForkServerOptions {
    pub(crate) preforked: usize,
    pub(crate) hooks: Hooks,
}

impl ForkServerOptions {
    /// How many workers are forked ahead. A preforked worker is handed out at once when one is
    /// wanted (by a pool that replaces a worker, say), and another is forked while no request
    /// waits. A worker that is to start with descriptors (pipe ends in its arguments, or in a
    /// pool's initializer) is always forked afresh: a preforked one has none of them.
    ///
    /// A preforked worker's memory is that of the fork server at its fork. Nothing changes there
    /// between two forks but what the hooks change; so only hooks can make it stale.
    ///
    /// Default: none. A preforked worker costs a process that does nothing, and a fork that most
    /// programs would never need; it saves the time of a fork where workers are lost or recycled often.
    /// That time grows with memory, for a fork copies the page tables. One worker recycled after
    /// every job, measured: 1.0 ms a job in a small program, 0.9 with one preforked; with 500 MiB
    /// in use 36 ms, and 17 with one preforked. Take as many as workers end at once.
    #[doc(alias = "spares")]
    pub fn preforked(mut self, workers: usize) -> Self {
        self.preforked = workers;
        self
    }

    /// Has the fork server run `hook` before each fork of a worker; the last one given runs first.
    /// If it panics there is no fork: the request for the worker fails with its message.
    ///
    /// Hooks run in the fork server, not in the program: the program does not see what they change,
    /// and while one runs no worker can be had. If one takes longer than ten seconds, the fork server
    /// is given up. Hooks do not run around the fork of the fork server itself: what is to be done
    /// around that can stand around [`start`](Self::start).
    #[doc(alias = "os.register_at_fork")]
    pub fn before_fork(mut self, hook: impl FnMut() + 'static) -> Self {
        self.hooks.before(hook);
        self
    }

    /// Has the fork server run `hook` after each fork of a worker, also one that failed; the first
    /// one given runs first. A panic is printed and goes no further.
    #[doc(alias = "os.register_at_fork")]
    pub fn after_fork_in_parent(mut self, hook: impl FnMut() + 'static) -> Self {
        self.hooks.after_in_parent(hook);
        self
    }

    /// Has every worker run `hook` right after its fork, before its initializer and its first job;
    /// the first one given runs first. A panic ends the worker with exit code 101, as a death
    /// like any other: a `Process` reports it, and a pool whose workers all die so is broken.
    #[doc(alias = "os.register_at_fork")]
    pub fn after_fork_in_child(mut self, hook: impl FnMut() + 'static) -> Self {
        self.hooks.after_in_child(hook);
        self
    }
}
