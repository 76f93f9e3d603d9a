//! The process pool behind the one face of all pools.
//!
//! *Assumes*: `process/pool.rs`.
//! *Promises*: what `Executor` promises (`concurrent/executor.rs`).
//! *Leaves out*: everything else; the pool has methods of its own (`process/pool.rs`).

use crate::base::wire::Wire;
use crate::concurrent::executor::Executor;
use crate::concurrent::future::Future;
use crate::process::pool::ProcessPool;

/// ```
/// use singletrack::concurrent::executor::Executor;
/// use singletrack::process::nursery::Nursery;
/// use singletrack::process::pool::ProcessPool;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let nursery = Nursery::start()?;
///     let pool = ProcessPool::new(&nursery, 5)?;
///     let squares: Result<Vec<u64>, _> = pool.map(|x| x * x, [1, 2, 3]).collect();
///     assert_eq!(squares?, [1, 4, 9]);
///     Ok(())
/// }
/// ```
impl Executor for ProcessPool {
    fn submit<A: Wire, R: Wire>(&self, f: fn(A) -> R, args: A) -> Future<R> {
        self.submit(f, args)
    }

    fn shutdown(&self, wait: bool, cancel_futures: bool) {
        self.shutdown(wait, cancel_futures);
    }
}
