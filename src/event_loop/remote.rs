//! A loop, seen from another thread.
//!
//! *Assumes*: the loop's inbox (`event_loop/inbox.rs`).
//! *Promises*: everything here may be called from any thread, at any time, and never blocks
//! for longer than it takes to append to a queue.
//! *Leaves out*: results; `concurrent::bridge` brings those back.

use crate::base::id::LoopId;
use crate::event_loop::core::with_current;
use crate::event_loop::inbox::{self, Message};
use crate::event_loop::run::EventLoop;
use std::fmt;

/// The loop that was asked is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopClosed(pub LoopId);

impl fmt::Display for LoopClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event loop {} is gone; keep it alive as long as others call it", self.0.get())
    }
}

impl std::error::Error for LoopClosed {}

/// A loop's number, and what may be done with it from afar.
///
/// ```
/// use singletrack::EventLoop;
///
/// let event_loop = EventLoop::new()?;
/// let handle = event_loop.handle();
/// let thread = std::thread::spawn(move || {
///     handle.call_soon_threadsafe(|| println!("on the loop's thread")).unwrap();
///     handle.stop().unwrap();
/// });
/// event_loop.run_forever()?; // sleeps until the thread rings
/// thread.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopHandle(LoopId);

impl EventLoop {
    /// A handle for other threads.
    pub fn handle(&self) -> LoopHandle {
        LoopHandle(self.id())
    }

    /// [`LoopHandle::call_soon_threadsafe`] of [`handle`](Self::handle), for code that asyncio
    /// users find under this name. Another thread needs the handle: a loop stays on its own.
    pub fn call_soon_threadsafe(&self, callback: impl FnOnce() + Send + 'static) {
        self.handle().call_soon_threadsafe(callback).expect("a loop that is borrowed is alive");
    }
}

impl LoopHandle {
    /// A handle of the loop that this thread is running, if it runs one. (asyncio raises
    /// `RuntimeError` if not.)
    ///
    /// ```
    /// use singletrack::EventLoop;
    /// use singletrack::event_loop::remote::LoopHandle;
    ///
    /// let event_loop = EventLoop::new()?;
    /// let inside = event_loop.run_until_complete(async { LoopHandle::current() });
    /// assert_eq!(inside, Some(event_loop.handle()));
    /// assert_eq!(LoopHandle::current(), None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias = "asyncio.get_running_loop")]
    #[doc(alias = "asyncio.loop.is_running")]
    pub fn current() -> Option<LoopHandle> {
        with_current(|core| LoopHandle(core.id))
    }

    /// True once the loop is gone.
    #[doc(alias = "asyncio.loop.is_closed")]
    pub fn is_closed(&self) -> bool {
        !inbox::is_open(self.0)
    }

    /// The loop's number.
    pub fn id(&self) -> LoopId {
        self.0
    }

    /// Runs `callback` on the loop's thread in its next turn. Calls from one thread keep
    /// their order.
    ///
    /// # Errors
    /// [`LoopClosed`] if the loop is gone; the callback is dropped.
    #[doc(alias = "asyncio.loop.call_soon_threadsafe")]
    pub fn call_soon_threadsafe(
        &self,
        callback: impl FnOnce() + Send + 'static,
    ) -> Result<(), LoopClosed> {
        self.send(Message::Call(Box::new(callback)))
    }

    /// Ends [`EventLoop::run_forever`] after the turn in progress.
    ///
    /// # Errors
    /// [`LoopClosed`] if the loop is gone.
    pub fn stop(&self) -> Result<(), LoopClosed> {
        self.send(Message::Stop)
    }

    fn send(&self, message: Message) -> Result<(), LoopClosed> {
        inbox::send(self.0, message).map_err(|_| LoopClosed(self.0))
    }
}
