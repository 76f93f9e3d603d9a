//! The trait `Stream` of the `futures-core` crate (feature `futures-core`).
//!
//! *Promises*: the connections of a listener ([`Incoming`]), the arrivals of a signal, the ticks of an
//! interval, and tasks in
//! the order in which they are done are streams, for the combinators of `futures-util`.
//! *Leaves out*: what has a method that waits and no end, as a queue: `futures_util::stream::unfold`
//! makes a stream of that.

use crate::aio::net::byte_stream::ByteStream;
use crate::aio::signals::Signal;
use crate::aio::streams::server::Listener;
use crate::aio::tasks::combine::AsCompleted;
use crate::aio::time::interval::Interval;
use crate::event_loop::join::Task;
use futures_core::Stream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The connections of a listener, one after the other. It never ends; an error is that of one
/// `accept`, and the next may work.
///
/// ```
/// use futures_core::Stream;
/// use singletrack::aio::{TcpListener, TcpStream};
/// use singletrack::interop::Incoming;
/// use std::future::poll_fn;
/// use std::pin::Pin;
///
/// let event_loop = singletrack::EventLoop::new()?;
/// event_loop.run_until_complete(async {
///     let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
///     let address = listener.local_addr()?;
///     let mut incoming = Incoming(listener);
///     let client = TcpStream::connect(address).await?;
///     let server = poll_fn(|cx| Pin::new(&mut incoming).poll_next(cx)).await.unwrap()?;
///     client.write_all(b"hello").await?;
///     let mut greeting = [0; 5];
///     server.read_exact(&mut greeting).await
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "TcpListenerStream")]
pub struct Incoming<L>(pub L);

impl<L: Listener + Unpin> Stream for Incoming<L> {
    type Item = io::Result<ByteStream<L::Io>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_connection(cx).map(Some)
    }
}

/// The arrivals of the signal. It ends when the loop that listens is gone.
impl Stream for Signal {
    type Item = ();

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.get_mut().poll_recv(cx).map(Result::ok)
    }
}

/// The ticks, each with the time at which it should have come. It never ends.
impl Stream for Interval {
    type Item = Duration;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Duration>> {
        self.get_mut().poll_tick(cx).map(Some)
    }
}

/// The tasks in the order in which they are done.
impl<T> Stream for AsCompleted<T> {
    type Item = Task<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Task<T>>> {
        AsCompleted::poll_next(self.get_mut(), cx)
    }
}
