//! tokio's traits, used as code that knows only them would, and no runtime of tokio's:
//! `cargo test --features tokio-io --test interop_tokio_io`.
#![cfg(feature = "tokio-io")]

mod common;
use common::watchdog;
use singletrack::aio::{TcpListener, TcpStream, UnixStream, split};
use singletrack::task::budget::BUDGET;
use singletrack::{EventLoop, create_task};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

/// Knows nothing of this crate. Its buffer is uninitialised memory, of an odd size.
async fn copy(mut r: impl AsyncRead + Unpin, mut w: impl AsyncWrite + Unpin) -> io::Result<u64> {
    let (mut total, mut memory) = (0, [MaybeUninit::uninit(); 100_003]);
    loop {
        let mut buffer = ReadBuf::uninit(&mut memory);
        poll_fn(|cx| Pin::new(&mut r).poll_read(cx, &mut buffer)).await?;
        let mut rest = buffer.filled();
        if rest.is_empty() {
            poll_fn(|cx| Pin::new(&mut w).poll_flush(cx)).await?;
            poll_fn(|cx| Pin::new(&mut w).poll_shutdown(cx)).await?;
            return Ok(total);
        }
        total += rest.len() as u64;
        while !rest.is_empty() {
            let sent = poll_fn(|cx| Pin::new(&mut w).poll_write(cx, rest)).await?;
            rest = &rest[sent..];
        }
    }
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8).collect()
}

#[test]
fn foreign_code_copies_from_unix_over_tcp_to_the_last_byte() {
    let _dog = watchdog("tokio-io", 30);
    EventLoop::new().unwrap().run_until_complete(async {
        const SIZE: usize = 3 << 20;
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        let first = create_task(copy(far, client));
        let feeding = create_task(async move { near.write_all(&pattern(SIZE)).await });
        let mut got = vec![0; SIZE];
        server.read_exact(&mut got).await.unwrap();
        assert_eq!(got, pattern(SIZE));
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0, "the shutdown has arrived");
        feeding.await.unwrap().unwrap();
        assert_eq!(first.await.unwrap().unwrap(), SIZE as u64);
    });
}

#[test]
fn a_read_without_room_reads_nothing_and_is_no_end() {
    let _dog = watchdog("no room", 30);
    EventLoop::new().unwrap().run_until_complete(async {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.write_all(b"x").await.unwrap();
        let mut none = ReadBuf::new(&mut []);
        poll_fn(|cx| Pin::new(&mut far).poll_read(cx, &mut none)).await.unwrap();
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        poll_fn(|cx| Pin::new(&mut far).poll_read(cx, &mut one)).await.unwrap();
        assert_eq!(one.filled(), b"x");
    });
}

#[test]
fn foreign_code_goes_on_where_buffered_streams_were_left() {
    let _dog = watchdog("buffered tokio-io", 30);
    EventLoop::new().unwrap().run_until_complete(async {
        let (near, far) = UnixStream::pair().unwrap();
        let (mut reader, writer) = split(far);
        let echo = create_task(async move {
            assert_eq!(reader.readline().await.unwrap(), b"ours\n");
            let next = poll_fn(|cx| {
                Pin::new(&mut reader).poll_fill_buf(cx).map(|bytes| bytes.unwrap().first().copied())
            });
            assert_eq!(next.await, Some(0), "what came with the line");
            copy(reader, writer).await
        });
        let (mut answers, asks) = split(near);
        let body = pattern(1 << 20);
        asks.write(&[b"ours\n", &body[..]].concat()).unwrap();
        asks.write_eof().unwrap();
        assert_eq!(answers.read_to_end().await.unwrap(), body);
        assert_eq!(echo.await.unwrap().unwrap(), 1 << 20);
    });
}

thread_local! {
    /// What is read when a waker is used.
    static ANOTHER: RefCell<Option<UnixStream>> = const { RefCell::new(None) };
}

/// A waker that runs foreign code: it reads a stream.
struct Reads(AtomicUsize);

impl Wake for Reads {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        ANOTHER.with_borrow_mut(|another| {
            let (mut room, cx) = ([0; 8], &mut Context::from_waker(Waker::noop()));
            let mut buffer = ReadBuf::new(&mut room);
            let _ = Pin::new(another.as_mut().unwrap()).poll_read(cx, &mut buffer);
            self.0.fetch_add(1, Ordering::Relaxed);
        });
    }
}

#[test]
fn whoever_is_woken_within_a_read_may_read() {
    let _dog = watchdog("a read within a read", 30);
    EventLoop::new().unwrap().run_until_complete(async {
        let (mut near, far) = UnixStream::pair().unwrap();
        let (another, _its_peer) = UnixStream::pair().unwrap();
        ANOTHER.set(Some(another));
        far.write_all(&[7; 4 * BUDGET as usize]).await.unwrap();
        let reads = Arc::new(Reads(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&reads));
        let mut room = [0; 1];
        // The budget of this poll ends before the bytes do, and who spends it is woken.
        for _ in 0..2 * BUDGET {
            let mut buffer = ReadBuf::new(&mut room);
            let _ = Pin::new(&mut near).poll_read(&mut Context::from_waker(&waker), &mut buffer);
        }
        assert!(reads.0.load(Ordering::Relaxed) > 0, "nobody was woken");
        ANOTHER.take();
    });
}
