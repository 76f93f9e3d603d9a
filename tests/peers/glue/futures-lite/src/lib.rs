//! `futures-lite`, whose `block_on` runs on our loop.

pub use real::*;

pub mod future {
    pub use real::future::*;

    /// On a loop of its own.
    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        singletrack::aio::block_on(future)
    }
}
