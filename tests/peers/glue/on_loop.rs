//! What the suite of tokio-postgres calls tokio for, from our loop.

pub use singletrack::aio::create_task as spawn;

/// The body of a test, on a loop of its own.
pub fn run(test: impl Future<Output = ()>) {
    singletrack::aio::block_on(test)
}

pub mod net {
    pub use singletrack::aio::TcpStream;
}

pub mod time {
    pub use singletrack::aio::sleep;
}
