//! From any thread onto a loop: futures that cannot travel, made and run where they belong.
//!
//! *Assumes*: the promise of a task's output (`aio/tasks/bridge.rs`).
//! *Promises*: `on_loop`'s handle is `Send` whatever the future is, and can be awaited on any
//! executor; dropped, it takes the future along; a panic, a cancel and a loop that is gone are errors.
//! *Leaves out*: moving a task to another thread. It lives and dies on its loop.
//!
//! ```text
//!    any thread                               the loop's thread
//!    on_loop(handle, || …).await  ── make ──►  a task: make() and what it gives, to the end
//!                                 ◄─ value ──
//!    drop                         ── cancel ─► its future is dropped, in the next iteration
//! ```
//! # Which futures are `Send`
//!
//! A router, or another runtime's `spawn`, asks for futures that may go to another thread. `Send` is
//! what has nothing to do with one: numbers, descriptors, cells behind a lock. What shares a count or
//! a list with other tasks of its loop is not, since there are no locks around those.
//! `tests/aio_send.rs` checks each row.
//!
//! | future | `Send` | why |
//! | --- | --- | --- |
//! | `sleep` | yes | a loop's number and a timer's |
//! | `yield_now` | yes | a flag |
//! | `wait_for` | if its future is | a sleep beside it |
//! | `Timeout::run` | no | the limit can be moved from outside while it runs |
//! | `TcpStream::connect`, `TcpStream::connect_name` | yes | descriptors and sleeps |
//! | `TcpListener::accept`, `UdpSocket::recv_from` | yes | a descriptor |
//! | `ByteStream::read`, `ByteStream::write_all` | yes | a descriptor |
//! | `lookup_host` | yes | a job |
//! | `readable` | yes | a descriptor |
//! | `to_thread`, `ExecutorJob`, `futures::Future` | yes | a cell behind a lock |
//! | `on_loop` | yes | the same, for whatever future |
//! | `StreamReader::readline`, `StreamWriter::drain` | no | the halves share a stream by `Rc` |
//! | `Task` | no | a share of a task, counted without atomics |
//! | `gather`, `wait`, `as_completed`, `TaskGroup::run` | no | tasks |
//! | `Queue::get`, `Lock::acquire`, `Semaphore::acquire` | no | a list of waiters without a lock |
//! | `Event::wait`, `Barrier::wait`, `Notify::until` | no | the same |
//! | `Signal::recv` | no | the loop's list of listeners |
//!
//! For those that say no, [`on_loop`] is the way; and a [`TaskCanceller`], which is a number, is the
//! part of a task's handle that may travel.
//!
//! Counterparts: tokio's `LocalSet::spawn_local`, with a channel back; asyncio's
//! `run_coroutine_threadsafe`, where all objects may be touched from everywhere.
//!
//! [`TaskCanceller`]: crate::aio::TaskCanceller

use crate::aio::tasks::bridge::{ExecutorJob, run_on_loop};
use crate::event_loop::calls::LoopHandle;
use std::future::Future;

/// Runs `make` on the loop of `handle`, and the future that it gives to its end; only `make` and the
/// value travel. Await it anywhere; dropped, it takes the future along, and
/// [`detach`](ExecutorJob::detach) lets it run.
///
/// The errors are those of [`LoopHandle::run_coroutine_threadsafe`], which is for futures that can
/// travel themselves.
///
/// ```
/// use singletrack::aio::{LoopHandle, gather, on_loop};
/// use singletrack::{EventLoop, create_task};
///
/// fn is_send<T: Send>(future: T) -> T {
///     future
/// }
/// let event_loop = EventLoop::new()?;
/// let sum = event_loop.run_until_complete(async {
///     let here = LoopHandle::current().unwrap();
///     let sum = on_loop(here, || async {
///         gather([1, 2, 3].map(|n| create_task(async move { n }))).await.unwrap().iter().sum::<i32>()
///     });
///     is_send(sum).await
/// });
/// assert_eq!(sum, Ok(6));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "asyncio.run_coroutine_threadsafe")]
#[doc(alias = "spawn_local")]
#[doc(alias = "spawn_pinned")]
pub fn on_loop<F>(
    handle: LoopHandle,
    make: impl FnOnce() -> F + Send + 'static,
) -> ExecutorJob<F::Output>
where
    F: Future<Output: Send> + 'static,
{
    ExecutorJob::from(run_on_loop(handle, make))
}
