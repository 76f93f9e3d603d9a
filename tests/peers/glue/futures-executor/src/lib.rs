//! `futures-executor`, whose `block_on` and `block_on_stream` run on our loop.

use futures_core::Stream;
use std::future::{Future, poll_fn};
use std::pin::Pin;

pub use real::*;

/// On a loop of its own.
pub fn block_on<F: Future>(future: F) -> F::Output {
    singletrack::aio::block_on(future)
}

/// A stream as an iterator: each item on a loop of its own.
pub fn block_on_stream<S: Stream + Unpin>(stream: S) -> BlockingStream<S> {
    BlockingStream { stream }
}

pub struct BlockingStream<S: Stream + Unpin> {
    stream: S,
}

impl<S: Stream + Unpin> BlockingStream<S> {
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: Stream + Unpin> std::ops::Deref for BlockingStream<S> {
    type Target = S;
    fn deref(&self) -> &S {
        &self.stream
    }
}

impl<S: Stream + Unpin> std::ops::DerefMut for BlockingStream<S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: Stream + Unpin> Iterator for BlockingStream<S> {
    type Item = S::Item;
    fn next(&mut self) -> Option<S::Item> {
        singletrack::aio::block_on(poll_fn(|cx| Pin::new(&mut self.stream).poll_next(cx)))
    }
}
