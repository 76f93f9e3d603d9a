//! Servers: scenarios 62 and 63, the connection limit, and what is left at the end.

mod common;
use common::{DropFlag, on_real_selectors as run, until_async, watchdog};
use singletrack::aio::{
    ByteStream, Bytes, Listener, ServerOptions, ServerStats, StreamReader, StreamWriter,
    TcpListener, TcpStream, UnixListener, UnixStream, open_connection, open_unix_connection, sleep,
    start_server, start_server_with,
};
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

type Tcp = std::net::TcpStream;

fn tcp() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Echoes until the client ends.
async fn echo(mut reader: StreamReader<Tcp>, writer: StreamWriter<Tcp>) {
    while let Ok(bytes) = reader.read(4096).await
        && !bytes.is_empty()
        && writer.write(&bytes).is_ok()
        && writer.drain().await.is_ok()
    {}
}

/// Scenario 62.
#[test]
fn server_wait_closed_blocks_until_the_last_client_goes() {
    let _dog = watchdog("wait_closed", 30);
    run(async || {
        let (listener, address) = tcp();
        let server = Rc::new(start_server(listener, echo));
        let (mut reader, writer) = open_connection(address).await.unwrap();
        writer.write(b"x").unwrap();
        assert_eq!(reader.read(1).await.unwrap(), b"x");
        let waiting = Rc::clone(&server);
        let closed = create_task(async move { waiting.wait_closed().await });
        yield_now().await;
        assert!(!closed.done(), "it is still serving");
        server.close();
        assert!(!server.is_serving());
        assert!(StdStream::connect(address).is_err(), "the listener is closed at once");
        writer.write(b"y").unwrap();
        assert_eq!(reader.read(1).await.unwrap(), b"y", "connections go on");
        assert!(!closed.done() && server.connections() == 1);
        writer.close();
        closed.await.unwrap();
        assert_eq!(server.stats(), ServerStats { accepted: 1, failed: 0, pending_retries: 0 });
    });
}

#[test]
fn close_clients_sends_what_is_queued_and_releases_the_wait() {
    let _dog = watchdog("close_clients", 30);
    run(async || {
        let (listener, address) = tcp();
        let server = start_server(listener, async |mut reader, writer: StreamWriter<Tcp>| {
            writer.write(&vec![1; 8 << 20]).unwrap();
            assert!(writer.queued() > 0);
            assert_eq!(reader.read(1).await.unwrap(), b"", "close_clients ends the reader");
        });
        let (mut reader, _writer) = open_connection(address).await.unwrap();
        until_async(|| server.connections() == 1).await;
        yield_now().await;
        server.close();
        server.close_clients();
        assert_eq!(reader.read_to_end().await.unwrap().len(), 8 << 20);
        server.wait_closed().await;
    });
}

#[test]
fn abort_clients_drops_what_is_queued_and_the_handlers() {
    let _dog = watchdog("abort_clients", 30);
    run(async || {
        let (listener, address) = tcp();
        let flag = Rc::new(RefCell::new(Vec::new()));
        let flags = Rc::clone(&flag);
        let server = start_server(listener, async move |_reader, writer: StreamWriter<Tcp>| {
            let dropped = DropFlag::default();
            let _guard = dropped.guard();
            flags.borrow_mut().push(dropped);
            writer.write(&vec![1; 8 << 20]).unwrap();
            std::future::pending().await
        });
        let (mut reader, _writer) = open_connection(address).await.unwrap();
        until_async(|| flag.borrow().len() == 1).await;
        server.close();
        server.abort_clients();
        server.wait_closed().await;
        assert!(flag.borrow()[0].dropped());
        let got = reader.read_to_end().await.map_or(0, |bytes| bytes.len());
        assert!(got < 8 << 20, "{got} bytes came");
    });
}

/// A listener that has no descriptors for the first three accepts.
struct Exhausted {
    event_times: Rc<RefCell<Vec<Duration>>>,
    event_loop: Rc<EventLoop>,
    code: i32,
}

impl Listener for Exhausted {
    type Io = std::os::unix::net::UnixStream;

    fn poll_connection(&self, _: &mut Context<'_>) -> Poll<io::Result<ByteStream<Self::Io>>> {
        let mut times = self.event_times.borrow_mut();
        times.push(self.event_loop.time());
        match times.len() {
            1..=3 => Poll::Ready(Err(io::Error::from_raw_os_error(self.code))),
            4 | 5 => Poll::Ready(UnixStream::pair().map(|(stream, _)| stream)),
            _ => Poll::Pending,
        }
    }
}

/// Shows R14.
/// Scenario 63, in virtual time.
#[test]
fn accept_emfile_suspends_for_one_second_with_one_retry_pending() {
    let _dog = watchdog("EMFILE", 30);
    for code in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
        let event_loop = Rc::new(EventLoop::with_selector(Box::new(ScriptedSelector::new())));
        let times = Rc::new(RefCell::new(Vec::new()));
        let listener =
            Exhausted { event_times: Rc::clone(&times), event_loop: Rc::clone(&event_loop), code };
        event_loop.run_until_complete(async {
            let server = start_server(listener, async |_, _| ());
            let half = Duration::from_millis(500);
            for failed in 1..=3 {
                sleep(half).await;
                let expect = ServerStats { accepted: 0, failed, pending_retries: 1 };
                assert_eq!(server.stats(), expect);
                assert_eq!(server.take_error().unwrap().raw_os_error(), Some(code));
                sleep(half).await;
            }
            sleep(half).await;
            assert_eq!(server.stats(), ServerStats { accepted: 2, failed: 3, pending_retries: 0 });
            assert!(server.take_error().is_none());
            server.close();
            server.wait_closed().await;
        });
        let seconds: Vec<u64> = times.borrow().iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [0, 1, 2, 3, 3, 3]);
    }
}

/// Fails with `code` so many times, then gives two connections.
struct Failing {
    left: Cell<u32>,
    code: i32,
}

impl Listener for Failing {
    type Io = std::os::unix::net::UnixStream;

    fn poll_connection(&self, _: &mut Context<'_>) -> Poll<io::Result<ByteStream<Self::Io>>> {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        match left {
            0 => Poll::Pending,
            1 | 2 => Poll::Ready(UnixStream::pair().map(|(stream, _)| stream)),
            _ => Poll::Ready(Err(io::Error::from_raw_os_error(self.code))),
        }
    }
}

/// In virtual time: a pause would take a second of it.
#[test]
fn the_error_of_one_connection_does_not_delay_the_next() {
    let _dog = watchdog("bad connections", 30);
    for code in [libc::EPERM, libc::EPROTO, libc::ENETDOWN, libc::EHOSTUNREACH, libc::ETIMEDOUT] {
        let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
        event_loop.run_until_complete(async {
            let start = event_loop.time();
            let server = start_server(Failing { left: Cell::new(42), code }, async |_, _| ());
            until_async(|| server.stats().accepted == 2).await;
            assert_eq!(server.stats(), ServerStats { accepted: 2, failed: 40, pending_retries: 0 });
            assert_eq!(server.take_error().unwrap().raw_os_error(), Some(code));
            assert!(event_loop.time() - start < ServerOptions::default().backoff);
        });
    }
}

/// A listener that always fails is not asked in a tight loop.
#[test]
fn a_broken_listener_is_tried_again_after_a_pause() {
    let _dog = watchdog("broken listener", 30);
    let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
    event_loop.run_until_complete(async {
        let listener = Failing { left: Cell::new(u32::MAX), code: libc::EINVAL };
        let server = start_server(listener, async |_, _| ());
        sleep(Duration::from_millis(10_500)).await;
        let stats = server.stats();
        assert_eq!((stats.failed, stats.pending_retries), (11 * 64, 1));
    });
}

/// How a handler leaves an answer behind for a client that is still sending.
async fn answer_and_go<T: Bytes + 'static>(
    mut reader: StreamReader<T>,
    writer: StreamWriter<T>,
    close: bool,
) where
    for<'a> &'a T: io::Read + io::Write,
{
    reader.read_exactly(100).await.unwrap();
    writer.write(b"413 too large\n").unwrap();
    if close {
        writer.close();
        let _ = reader.read_to_end().await;
    }
}

/// The client sends 16 MiB, of which the handler reads a little, and gives up if it cannot.
async fn upload<T: Bytes + 'static>((mut reader, writer): (StreamReader<T>, StreamWriter<T>))
where
    for<'a> &'a T: io::Read + io::Write,
{
    writer.write(&vec![7; 16 << 20]).unwrap();
    writer.drain().await.expect("the server reads on");
    assert_eq!(reader.readline().await.unwrap(), b"413 too large\n");
}

#[test]
fn an_answer_reaches_a_client_that_stops_at_its_write_error() {
    let _dog = watchdog("lingering close", 60);
    run(async || {
        for close in [false, true] {
            let (listener, address) = tcp();
            let options = ServerOptions { linger: Duration::from_secs(60), ..Default::default() };
            let server = start_server_with(listener, options, async move |reader, writer| {
                answer_and_go(reader, writer, close).await;
            });
            for _ in 0..5 {
                upload(open_connection(address).await.unwrap()).await;
            }
            server.close();
            server.wait_closed().await;
            let path = std::env::temp_dir().join(format!("singletrack-413-{}", std::process::id()));
            let listener = UnixListener::bind(&path).unwrap();
            let server = start_server_with(listener, options, async move |reader, writer| {
                answer_and_go(reader, writer, close).await;
            });
            upload(open_unix_connection(&path).await.unwrap()).await;
            server.close();
            server.wait_closed().await;
        }
    });
}

/// A peer that never ends costs the time to linger and no more; an abort costs nothing.
#[test]
fn lingering_ends_with_its_time_or_an_abort() {
    let _dog = watchdog("bounded lingering", 60);
    run(async || {
        for (close, abort) in [(false, false), (true, false), (false, true), (true, true)] {
            let (listener, address) = tcp();
            let seconds = if abort { 3600 } else { 0 };
            let linger = Duration::from_secs(seconds) + Duration::from_millis(20);
            let options = ServerOptions { linger, ..Default::default() };
            let server = start_server_with(listener, options, async move |mut reader, writer| {
                reader.read_exactly(1).await.unwrap();
                if close {
                    writer.close();
                    let _ = reader.read_to_end().await;
                }
            });
            // More than one read of the buffered reader takes.
            let (_reader, writer) = open_connection(address).await.unwrap();
            writer.write(&vec![7; 100_000]).unwrap();
            writer.drain().await.unwrap();
            until_async(|| server.connections() == 1).await;
            server.close();
            if abort {
                sleep(Duration::from_millis(5)).await;
                server.abort_clients();
            }
            server.wait_closed().await;
        }
    });
}

/// One that never stops has its time and no more.
#[test]
fn a_peer_that_sends_without_end_is_cut_off() {
    let _dog = watchdog("endless peer", 60);
    run(async || {
        for close in [false, true] {
            let (listener, address) = tcp();
            let linger = Duration::from_millis(20);
            let options = ServerOptions { linger, ..ServerOptions::default() };
            let server = start_server_with(listener, options, async move |reader, writer| {
                answer_and_go(reader, writer, close).await;
            });
            let (_reader, writer) = open_connection(address).await.unwrap();
            while writer.write(&[7; 4096]).is_ok() && writer.drain().await.is_ok() {}
            server.close();
            server.wait_closed().await;
        }
    });
}

/// What is on its way when the connection ends has not arrived yet.
#[test]
fn an_answer_reaches_a_client_that_sends_more_after_it() {
    let _dog = watchdog("late bytes", 60);
    run(async || {
        let (listener, address) = tcp();
        let answered = Rc::new(Cell::new(false));
        let has_answered = Rc::clone(&answered);
        let server = start_server(listener, async move |reader, writer| {
            answer_and_go(reader, writer, false).await;
            has_answered.set(true);
        });
        let (mut reader, writer) = open_connection(address).await.unwrap();
        writer.write(&[7; 100]).unwrap();
        until_async(|| answered.get()).await;
        writer.write(&vec![7; 4 << 20]).unwrap();
        writer.drain().await.expect("the server reads on");
        writer.write_eof().unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"413 too large\n");
        server.close();
        server.wait_closed().await;
    });
}

/// It may keep its side open for ever.
#[test]
fn a_peer_that_is_silent_is_not_waited_for() {
    let _dog = watchdog("silent peers", 60);
    run(async || {
        for close in [false, true] {
            let (listener, address) = tcp();
            let linger = Duration::from_secs(3600);
            let options = ServerOptions { linger, ..ServerOptions::default() };
            let handler = async move |mut reader: StreamReader<Tcp>, writer: StreamWriter<Tcp>| {
                writer.write(b"hello").unwrap();
                if close {
                    writer.close();
                    assert_eq!(reader.read(1).await.unwrap(), b"");
                }
            };
            let server = start_server_with(listener, options, handler);
            let (mut reader, _writer) = open_connection(address).await.unwrap();
            assert_eq!(reader.read_to_end().await.unwrap(), b"hello");
            server.close();
            server.wait_closed().await;
        }
    });
}

/// The handler has dropped its writer already.
#[test]
fn close_clients_ends_a_reader_whose_writer_is_gone() {
    let _dog = watchdog("close_clients, reader alone", 30);
    run(async || {
        let (listener, address) = tcp();
        let server = start_server(listener, async |mut reader: StreamReader<Tcp>, writer| {
            drop(writer);
            assert_eq!(reader.read(1).await.unwrap(), b"");
        });
        let (mut reader, _writer) = open_connection(address).await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"", "the writer's drop is seen");
        server.close();
        server.close_clients();
        server.wait_closed().await;
    });
}

#[test]
fn a_server_closed_while_it_backs_off_has_no_retry_left() {
    let _dog = watchdog("closed in back-off", 30);
    let event_loop = Rc::new(EventLoop::with_selector(Box::new(ScriptedSelector::new())));
    let times = Rc::new(RefCell::new(Vec::new()));
    let listener = Exhausted {
        event_times: Rc::clone(&times),
        event_loop: Rc::clone(&event_loop),
        code: libc::EMFILE,
    };
    event_loop.run_until_complete(async {
        let server = start_server(listener, async |_, _| ());
        yield_now().await;
        assert_eq!(server.stats().pending_retries, 1);
        server.close();
        server.wait_closed().await;
        sleep(Duration::from_secs(10)).await;
        assert_eq!(server.stats(), ServerStats { accepted: 0, failed: 1, pending_retries: 0 });
    });
    assert_eq!(times.borrow().len(), 1);
    // Only an empty timer heap lets a scripted loop notice that it would wait for ever.
    assert!(event_loop.run_once().is_err());
}

#[test]
fn connections_beyond_the_limit_wait_their_turn() {
    let _dog = watchdog("limit", 30);
    run(async || {
        let (listener, address) = tcp();
        let options = ServerOptions { connections: 2, ..ServerOptions::default() };
        let most = Rc::new(RefCell::new((0, 0)));
        let seen = Rc::clone(&most);
        let server = start_server_with(listener, options, async move |reader, writer| {
            let now = seen.borrow().0 + 1;
            let high = seen.borrow().1.max(now);
            seen.replace((now, high));
            echo(reader, writer).await;
            seen.borrow_mut().0 -= 1;
        });
        let clients: Vec<_> = (0..10)
            .map(|_| {
                create_task(async move {
                    let (mut reader, writer) = open_connection(address).await.unwrap();
                    writer.write(b"x").unwrap();
                    assert_eq!(reader.read(1).await.unwrap(), b"x");
                    sleep(Duration::from_millis(1)).await;
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        assert_eq!(most.borrow().1, 2);
        assert_eq!(server.stats().accepted, 10);
    });
}

#[test]
fn a_handler_that_panics_ends_its_connection_only() {
    let _dog = watchdog("panicking handler", 30);
    let event_loop = EventLoop::new().unwrap();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&reports);
    event_loop.set_exception_handler(move |e| sink.borrow_mut().push(e.message.clone()));
    event_loop.run_until_complete(async {
        let (listener, address) = tcp();
        let server = start_server(listener, async |mut reader: StreamReader<Tcp>, writer| {
            let byte = reader.read(1).await.unwrap();
            assert_ne!(byte, b"!", "a bad byte");
            writer.write(&byte).unwrap();
        });
        for (byte, answer) in [(b"!", &b""[..]), (b"a", b"a")] {
            let (mut reader, writer) = open_connection(address).await.unwrap();
            writer.write(byte).unwrap();
            assert_eq!(reader.read_to_end().await.unwrap(), answer);
        }
        server.close();
        server.wait_closed().await;
        assert_eq!(server.stats().accepted, 2);
    });
    assert!(reports.borrow()[0].contains("a bad byte") && reports.borrow().len() == 1);
}

#[test]
fn a_unix_server_serves_and_removes_its_file() {
    let _dog = watchdog("unix server", 30);
    run(async || {
        let path = std::env::temp_dir().join(format!("singletrack-server-{}", std::process::id()));
        let server =
            start_server(UnixListener::bind(&path).unwrap(), async |mut reader, writer| {
                if let Ok(line) = StreamReader::readline(&mut reader).await {
                    let _ = writer.write(&line);
                }
            });
        let (mut reader, writer) = open_unix_connection(&path).await.unwrap();
        writer.write(b"line\n").unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"line\n");
        server.close();
        assert!(!path.exists());
        server.wait_closed().await;
    });
}

#[test]
fn serve_forever_closes_when_it_is_dropped() {
    let _dog = watchdog("serve_forever", 30);
    run(async || {
        let (listener, address) = tcp();
        let server = Rc::new(start_server(listener, echo));
        let forever = Rc::clone(&server);
        let serving = create_task(async move { forever.serve_forever().await });
        yield_now().await;
        let _stream = TcpStream::connect(address).await.unwrap();
        assert!(server.is_serving());
        serving.cancel();
        assert!(serving.await.is_err() && !server.is_serving());
    });
}

/// asyncio's `close` cancels `serve_forever`, too.
#[test]
fn serve_forever_ends_when_somebody_else_closes_the_server() {
    let _dog = watchdog("serve_forever and close", 30);
    run(async || {
        let server = Rc::new(start_server(tcp().0, echo));
        let forever = Rc::clone(&server);
        let serving = create_task(async move { forever.serve_forever().await });
        yield_now().await;
        assert!(!serving.done());
        server.close();
        serving.await.unwrap();
        server.serve_forever().await; // there is nothing left to serve
    });
}

#[test]
fn a_loop_dropped_with_a_live_server_drops_its_handlers() {
    let _dog = watchdog("dropped loop", 30);
    let event_loop = EventLoop::new().unwrap();
    let flag = DropFlag::default();
    let (inner, (started, address)) =
        (flag.clone(), event_loop.run_until_complete(async { tcp() }));
    let server = event_loop.run_until_complete(async {
        start_server(started, async move |_r, _w| {
            let _guard = inner.guard();
            std::future::pending().await
        })
    });
    let _client = event_loop.run_until_complete(async {
        let client = TcpStream::connect(address).await.unwrap();
        until_async(|| server.connections() == 1).await;
        yield_now().await;
        client
    });
    drop(event_loop);
    assert!(flag.dropped() && server.connections() == 0);
    drop(server);
    assert!(StdStream::connect(address).is_err());
}
