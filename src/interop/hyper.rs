//! hyper's runtime on this loop: its streams, its executor, its timer (feature `hyper`).
//!
//! *Promises*: a byte stream is hyper's connection; [`LoopExecutor`] runs hyper's own tasks on the
//! loop of this thread; [`LoopTimer`] is its clock, so that `header_read_timeout` and HTTP/2's
//! keep-alive work.
//! *Leaves out*: accepting connections (a task for each, as [`start_server`](crate::aio::start_server)
//! makes them); what a read and a write are (`interop/halves.rs`).
//!
//! Everything of hyper's may be of one thread here: its executor need not be `Send`, so a service
//! may use `Rc`.

use crate::aio::net::byte_stream::{ByteStream, Bytes};
use crate::aio::time::sleep::{Sleep, sleep};
use crate::event_loop::scheduler::create_task;
use crate::interop::halves::{WriteHalf, read_through_scratch, write_through_halves};
use hyper::rt;
use std::future::Future;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

impl<T: Bytes + Unpin> rt::Read for ByteStream<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.remaining();
        read_through_scratch(self.get_mut(), cx, room, |bytes| buffer.put_slice(bytes))
    }
}

write_through_halves!(rt::Write, poll_shutdown, is_write_vectored => ByteStream<T>);

/// Runs hyper's tasks on the event loop that this thread is running.
///
/// # Panics
/// If hyper starts a task where no loop is running.
///
/// ```
/// use hyper::rt::Executor;
/// use singletrack::aio::yield_now;
/// use singletrack::interop::LoopExecutor;
/// use std::{cell::Cell, rc::Rc};
///
/// let event_loop = singletrack::EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let ran = Rc::new(Cell::new(false)); // not `Send`
///     let inside = Rc::clone(&ran);
///     LoopExecutor.execute(async move { inside.set(true) });
///     yield_now().await;
///     assert!(ran.get());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "TokioExecutor")]
pub struct LoopExecutor;

impl<F> rt::Executor<F> for LoopExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        drop(create_task(future));
    }
}

/// The clock of the event loop that this thread is running, for hyper.
///
/// On a loop with virtual time, what hyper asks for by an [`Instant`] is as far away as it is in
/// real time.
///
/// ```
/// use hyper::rt::Timer;
/// use singletrack::interop::LoopTimer;
/// use std::time::Duration;
///
/// let event_loop = singletrack::EventLoop::new()?;
/// event_loop.run_until_complete(async { LoopTimer.sleep(Duration::from_millis(1)).await });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "TokioTimer")]
pub struct LoopTimer;

impl rt::Sleep for Sleep {}

impl rt::Timer for LoopTimer {
    fn sleep(&self, delay: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(sleep(delay))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}
