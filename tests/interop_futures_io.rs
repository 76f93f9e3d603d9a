//! The traits of `futures-io`, used as code that knows only them would:
//! `cargo test --features futures-io --test interop_futures_io`.
#![cfg(feature = "futures-io")]

mod common;
use common::watchdog;
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use singletrack::aio::{TcpListener, TcpStream, UnixStream, pipe, split};
use singletrack::{EventLoop, create_task};
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;

/// Knows nothing of this crate.
async fn copy<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(mut r: R, mut w: W) -> io::Result<u64> {
    let (mut total, mut buffer) = (0, [0; 4096]);
    loop {
        let count = poll_fn(|cx| Pin::new(&mut r).poll_read(cx, &mut buffer)).await?;
        if count == 0 {
            poll_fn(|cx| Pin::new(&mut w).poll_flush(cx)).await?;
            poll_fn(|cx| Pin::new(&mut w).poll_close(cx)).await?;
            return Ok(total);
        }
        total += count as u64;
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let sent = poll_fn(|cx| Pin::new(&mut w).poll_write(cx, rest)).await?;
            rest = &rest[sent..];
        }
    }
}

#[test]
fn foreign_code_copies_from_tcp_over_unix_into_a_pipe() {
    let _dog = watchdog("futures-io", 30);
    EventLoop::new().unwrap().run_until_complete(async {
        const SIZE: usize = 1 << 20;
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        let (reader, writer) = pipe().unwrap();
        let echo = create_task(async move { copy(&server, &server).await });
        let second = create_task(async move { copy(client_side(client).await, near).await });
        let third = create_task(async move { copy(far, writer).await });
        let mut got = vec![0; SIZE];
        reader.read_exact(&mut got).await.unwrap();
        assert!(got.iter().enumerate().all(|(i, byte)| *byte == (i % 251) as u8));
        assert_eq!(reader.read(&mut [0]).await.unwrap(), 0);
        for task in [echo, second, third] {
            assert_eq!(task.await.unwrap().unwrap(), SIZE as u64);
        }

        /// Sends a mebibyte, ends, and gives the stream to be read.
        async fn client_side(client: TcpStream) -> SharedStream {
            let client = std::rc::Rc::new(client);
            let writer = std::rc::Rc::clone(&client);
            drop(create_task(async move {
                let bytes: Vec<u8> = (0..SIZE).map(|i| (i % 251) as u8).collect();
                let mut writer = &*writer;
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let parts = [IoSlice::new(rest)];
                    let sent =
                        poll_fn(|cx| Pin::new(&mut writer).poll_write_vectored(cx, &parts)).await;
                    let sent = sent.unwrap();
                    rest = &rest[sent..];
                }
                poll_fn(|cx| Pin::new(&mut writer).poll_close(cx)).await.unwrap();
            }));
            SharedStream(client)
        }
    });
}

/// The next line, by code that knows no reader of this crate's.
async fn line<R: AsyncBufRead + Unpin>(mut r: R) -> Vec<u8> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let byte = poll_fn(|cx| {
            let filled = Pin::new(&mut r).poll_fill_buf(cx);
            filled.map(|bytes| bytes.unwrap().first().copied())
        });
        line.push(byte.await.expect("a whole line"));
        Pin::new(&mut r).consume(1);
    }
    line
}

#[test]
fn foreign_code_goes_on_where_buffered_streams_were_left() {
    let _dog = watchdog("buffered futures-io", 30);
    EventLoop::new().unwrap().run_until_complete(async {
        let (near, far) = UnixStream::pair().unwrap();
        let (mut reader, writer) = split(far);
        let echo = create_task(async move {
            assert_eq!(reader.readline().await.unwrap(), b"ours\n");
            assert!(reader.buffered() > 0, "it came with the line");
            assert_eq!(line(&mut reader).await, b"theirs\n");
            copy(reader, writer).await
        });
        let (mut answers, asks) = split(near);
        let body: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
        asks.write(&[b"ours\ntheirs\n", &body[..]].concat()).unwrap();
        asks.write_eof().unwrap();
        assert_eq!(answers.read_to_end().await.unwrap(), body);
        assert_eq!(echo.await.unwrap().unwrap(), 1 << 20);
    });
}

/// A reader made of a reference, as hyper or a codec would hold one.
struct SharedStream(std::rc::Rc<TcpStream>);

impl AsyncRead for SharedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buffer: &mut [u8],
    ) -> std::task::Poll<io::Result<usize>> {
        let mut buffers = [IoSliceMut::new(buffer)];
        Pin::new(&mut &*self.0).poll_read_vectored(cx, &mut buffers)
    }
}

/// Whatever is polled through the traits holds the waker of its last poll, as `std` asks.
#[test]
fn a_waker_replaces_the_one_before_it() {
    use std::sync::{Arc, Weak};
    use std::task::{Context, Wake, Waker};
    struct Quiet;
    impl Wake for Quiet {
        fn wake(self: Arc<Self>) {}
    }
    fn holds_one(name: &str, mut poll: impl FnMut(&mut Context<'_>) -> bool) {
        let mut handed: Vec<Weak<Quiet>> = Vec::new();
        for _ in 0..50 {
            let quiet = Arc::new(Quiet);
            handed.push(Arc::downgrade(&quiet));
            let waker = Waker::from(quiet);
            assert!(poll(&mut Context::from_waker(&waker)), "{name} is pending");
        }
        let held = handed.iter().filter(|waker| waker.strong_count() > 0).count();
        assert!(held <= 1, "{name} holds {held}");
    }
    let event_loop = EventLoop::new().unwrap();
    event_loop.set_budget(u32::MAX);
    event_loop.run_until_complete(async {
        let (stream, _there) = UnixStream::pair().unwrap();
        while stream.try_write(&[0; 4096]).is_ok() {}
        let mut bytes = [0; 8];
        let mut shared = &stream;
        holds_one("read", |cx| Pin::new(&mut shared).poll_read(cx, &mut bytes).is_pending());
        holds_one("write", |cx| Pin::new(&mut shared).poll_write(cx, b"x").is_pending());
        let (here, _there) = UnixStream::pair().unwrap();
        let (mut reader, mut writer) = split(here);
        writer.write(&vec![0; 8 << 20]).unwrap();
        holds_one("fill", |cx| Pin::new(&mut reader).poll_fill_buf(cx).is_pending());
        holds_one("write, buffered", |cx| Pin::new(&mut writer).poll_write(cx, b"x").is_pending());
        holds_one("flush", |cx| Pin::new(&mut writer).poll_flush(cx).is_pending());
        holds_one("close", |cx| Pin::new(&mut writer).poll_close(cx).is_pending());
        writer.abort();
    });
}

/// All names of this crate at once take none from the crate of the traits.
mod as_some_users_write {
    use futures_io::AsyncRead as _;
    use singletrack::aio::*;

    pub fn is_read(stream: &mut UnixStream, cx: &mut std::task::Context<'_>) -> bool {
        std::pin::Pin::new(stream).poll_read(cx, &mut [0]).is_ready()
    }
}

#[test]
fn a_glob_import_leaves_the_name_of_the_traits_crate_alone() {
    EventLoop::new().unwrap().run_until_complete(async {
        let (mut here, _there) = UnixStream::pair().unwrap();
        let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
        assert!(!as_some_users_write::is_read(&mut here, cx));
    });
}
