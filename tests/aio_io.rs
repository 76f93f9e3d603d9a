//! Sockets and pipes on the real selector: half close, ends of streams, datagrams, files of
//! sockets. Properties R of the reactor that need a descriptor.

mod common;
use common::{on_real_selectors as run, watchdog};
use singletrack::aio::{
    ByteStream, Bytes, PipeReader, StreamReader, TcpListener, TcpStream, UdpSocket, UnixDatagram,
    UnixListener, UnixStream, pipe, sleep, wait_for,
};
use singletrack::sys::socket::ListenOptions;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::Cell;
use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Barrier;
use std::time::Duration;

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A path for a socket that no other test uses.
fn socket_path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("singletrack-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(any_port()).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

async fn read_to_end<T: Bytes>(stream: &ByteStream<T>) -> Vec<u8>
where
    for<'a> &'a T: Read,
{
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Each end closes its writing half, one after the other; the other direction goes on until it is closed.
async fn half_close<T: Bytes>(one: ByteStream<T>, other: ByteStream<T>)
where
    for<'a> &'a T: Read + Write,
{
    one.write_all(b"request").await.unwrap();
    one.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&other).await, b"request");
    assert_eq!(other.read(&mut [0; 8]).await.unwrap(), 0, "the end stays the end");
    other.write_all(b"answer").await.unwrap();
    assert_eq!(one.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    other.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&one).await, b"answer");
}

#[test]
fn half_close_matrix() {
    let _dog = watchdog("half close", 30);
    run(async || {
        let (one, other) = tcp_pair().await;
        half_close(one, other).await;
        let (one, other) = tcp_pair().await;
        half_close(other, one).await;
        let (one, other) = UnixStream::pair().unwrap();
        half_close(one, other).await;
    });
}

/// mio#939: a half-closed peer must not look like a socket that is for ever ready.
#[test]
fn a_half_closed_stream_does_not_keep_the_loop_busy() {
    let _dog = watchdog("half closed, idle", 30);
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let (one, other) = tcp_pair().await;
        one.shutdown(Shutdown::Write).unwrap();
        let reader = create_task(async move { (one.read(&mut [0]).await.unwrap(), one) });
        let before = event_loop.iterations();
        sleep(Duration::from_millis(20)).await;
        assert!(
            event_loop.iterations() - before < 10,
            "{} iterations",
            event_loop.iterations() - before
        );
        drop(other);
        assert_eq!(reader.await.unwrap().0, 0);
    });
}

/// Shows R5.
#[test]
fn fin_with_data() {
    let _dog = watchdog("fin with data", 60);
    run(async || {
        for size in [1, 63, 64, 65, 4095, 4096, 4097, 65535, 65536] {
            let bytes = vec![7; size];
            // How often the loop turns before the bytes are sent, and before the end. A reader that
            // waits already has both in one event.
            for (before_bytes, before_end) in [(0, 0), (0, 1), (2, 0), (2, 1)] {
                let (one, other) = tcp_pair().await;
                let (here, there) = UnixStream::pair().unwrap();
                let of_tcp = create_task(async move { read_to_end(&other).await.len() });
                let of_unix = create_task(async move { read_to_end(&here).await.len() });
                for _ in 0..before_bytes {
                    yield_now().await;
                }
                one.write_all(&bytes).await.unwrap();
                there.write_all(&bytes).await.unwrap();
                for _ in 0..before_end {
                    yield_now().await;
                }
                drop((one, there));
                assert_eq!((of_tcp.await.unwrap(), of_unix.await.unwrap()), (size, size));
            }
        }
    });
}

#[test]
fn vectored_reads_and_writes_keep_the_order_of_their_buffers() {
    let _dog = watchdog("vectored", 30);
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let slices = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cdef")];
        assert_eq!(one.write_vectored(&slices).await.unwrap(), 6);
        let (mut a, mut b) = ([0; 3], [0; 8]);
        let mut buffers = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
        assert_eq!(other.read_vectored(&mut buffers).await.unwrap(), 6);
        assert_eq!((&a, &b[..3]), (b"abc", &b"def"[..]));
    });
}

/// What waits takes no room for what may come, however much that may be.
#[test]
fn a_read_up_to_a_limit_makes_room_only_for_what_is_there() {
    let _dog = watchdog("read_up_to", 20);
    run(async || {
        let (here, there) = tcp_pair().await;
        let waiting = here.read_up_to(1 << 30);
        assert!(size_of_val(&waiting) < 128, "{} bytes", size_of_val(&waiting));
        assert!(wait_for(waiting, Some(Duration::from_millis(1))).await.is_err());
        there.write_all(b"four and five").await.unwrap();
        assert_eq!(here.read_up_to(4).await.unwrap(), b"four");
        assert_eq!(here.read_up_to(64).await.unwrap(), b" and five");
        there.shutdown(Shutdown::Write).unwrap();
        assert_eq!(here.read_up_to(64).await.unwrap(), b"");
    });
}

/// Both leave the same waker, which is their task's; it must outlive the first of them.
#[test]
fn a_dropped_read_takes_no_wake_from_another_read_of_its_task() {
    run(async || {
        let (here, there) = UnixStream::pair().unwrap();
        let task = create_task(async move {
            let (mut one, mut two) = ([0], [0]);
            let mut kept = pin!(here.read(&mut one));
            let mut dropped = Some(Box::pin(here.read(&mut two)));
            let mut nap = pin!(sleep(Duration::from_millis(1)));
            poll_fn(|cx| {
                let read = kept.as_mut().poll(cx);
                if nap.as_mut().poll(cx).is_ready() {
                    dropped = None;
                } else if let Some(dropped) = &mut dropped {
                    assert!(dropped.as_mut().poll(cx).is_pending());
                }
                read
            })
            .await
        });
        sleep(Duration::from_millis(5)).await;
        there.write_all(b"!").await.unwrap();
        let read = wait_for(task, Some(Duration::from_secs(5))).await.expect("it was woken");
        assert_eq!(read.unwrap().unwrap(), 1);
    });
}

/// Two tasks may read one stream: each byte goes to one of them, and while they wait, the
/// loop sleeps.
#[test]
fn two_readers_of_one_stream_both_wait_without_waking_each_other() {
    let _dog = watchdog("two readers", 30);
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let (one, other) = UnixStream::pair().unwrap();
        let one = Rc::new(one);
        let got = Rc::new(Cell::new(0));
        let readers = [0, 1].map(|_| {
            let (one, got) = (Rc::clone(&one), Rc::clone(&got));
            create_task(async move {
                while one.read(&mut [0]).await.unwrap() == 1 {
                    got.set(got.get() + 1);
                }
            })
        });
        yield_now().await;
        let before = event_loop.iterations();
        sleep(Duration::from_millis(20)).await;
        assert!(
            event_loop.iterations() - before < 10,
            "{} iterations",
            event_loop.iterations() - before
        );
        other.write_all(&[1; 100]).await.unwrap();
        drop(other);
        for reader in readers {
            reader.await.unwrap();
        }
        assert_eq!(got.get(), 100);
    });
}

/// A waiter that is gone must neither take the news from the one that stays nor pile up.
#[test]
fn a_cancelled_reader_leaves_the_news_to_the_others() {
    let _dog = watchdog("cancelled reader", 30);
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let one = Rc::new(one);
        let reader = || {
            let one = Rc::clone(&one);
            create_task(async move { one.read(&mut [0; 8]).await.unwrap() })
        };
        for cancelled_first in [true, false] {
            let (a, b) = (reader(), reader());
            yield_now().await;
            let (gone, stays) = if cancelled_first { (a, b) } else { (b, a) };
            gone.cancel();
            assert!(gone.await.is_err());
            other.write_all(b"x").await.unwrap();
            assert_eq!(stays.await.unwrap(), 1);
        }
    });
}

/// A Unix read stops short at a message that carries descriptors, with more behind it.
#[test]
fn a_short_read_at_a_passed_descriptor_hides_nothing() {
    let _dog = watchdog("passed descriptor", 30);
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        send_with_descriptor(&other, b"ab");
        other.write_all(b"cd").await.unwrap();
        sleep(Duration::from_millis(1)).await; // the news of all of it has been taken in
        let mut buffer = [0; 64];
        let first = one.read(&mut buffer).await.unwrap();
        let second = one.read(&mut buffer[first..]).await.unwrap();
        assert_eq!((first, second, &buffer[..4]), (2, 2, &b"abcd"[..]));
    });
}

fn send_with_descriptor(stream: &UnixStream, bytes: &[u8]) {
    use std::os::fd::AsFd;
    // SAFETY: every pointer in the message leads to a local that outlives the call; the
    // control buffer is as long as its one header and one descriptor need.
    unsafe {
        let mut part = libc::iovec { iov_base: bytes.as_ptr() as *mut _, iov_len: bytes.len() };
        let mut control = [0u64; 8];
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(header).cast::<i32>().write_unaligned(1);
        let sent = libc::sendmsg(stream.as_fd().as_raw_fd(), &message, 0);
        assert_eq!(sent, bytes.len() as isize);
    }
}

/// A pipe's reader cannot know what it reads: a terminal gives a line a read, and a pipe a packet
/// if its writer asked for that, with more behind them.
#[test]
fn a_short_read_of_a_terminal_or_a_packet_hides_nothing() {
    use std::os::fd::{FromRawFd, OwnedFd};
    let _dog = watchdog("terminals and packets", 30);
    // SAFETY: the calls write to locals; what they opened belongs to nobody else.
    let terminal = || unsafe {
        let (mut main, mut sub, null) = (0, 0, std::ptr::null_mut());
        assert_eq!(libc::openpty(&mut main, &mut sub, null, null.cast(), null.cast()), 0);
        (OwnedFd::from_raw_fd(sub), OwnedFd::from_raw_fd(main))
    };
    let packets = || {
        let (reader, writer) = std::io::pipe().unwrap();
        // SAFETY: the call takes numbers. Only the writer's end is told.
        assert_eq!(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_DIRECT) }, 0);
        (OwnedFd::from(reader), OwnedFd::from(writer))
    };
    run(async || {
        for (reader, writer) in [terminal(), packets()] {
            let mut reader = StreamReader::new(PipeReader::from_fd(reader).unwrap());
            // The first read finds nothing; then three lines come before the loop looks.
            let waiting = wait_for(reader.readline(), Some(Duration::from_millis(1))).await;
            assert!(waiting.is_err());
            let mut writer = std::fs::File::from(writer);
            for line in ["one\n", "two\n", "three\n"] {
                writer.write_all(line.as_bytes()).unwrap();
            }
            for line in ["one\n", "two\n", "three\n"] {
                assert_eq!(reader.readline().await.unwrap(), line.as_bytes());
            }
        }
    });
}

/// A TCP read stops short at the urgent mark, with more behind it.
#[test]
fn a_short_read_at_urgent_data_hides_nothing() {
    use std::os::fd::AsFd;
    let _dog = watchdog("urgent data", 30);
    run(async || {
        let (one, other) = tcp_pair().await;
        let fd = one.as_fd().as_raw_fd();
        // SAFETY: the bytes outlive the call.
        assert_eq!(unsafe { libc::send(fd, b"ab!".as_ptr().cast(), 3, libc::MSG_OOB) }, 3);
        one.write_all(b"cd").await.unwrap();
        sleep(Duration::from_millis(2)).await; // the news of all of it has been taken in
        let mut buffer = [0; 64];
        let first = other.read(&mut buffer).await.unwrap();
        let second = other.read(&mut buffer[first..]).await.unwrap();
        assert_eq!((first, second, &buffer[..4]), (2, 2, &b"abcd"[..]));
    });
}

#[test]
fn pipes_carry_more_than_they_hold_and_end_with_their_writer() {
    let _dog = watchdog("pipes", 30);
    run(async || {
        let (reader, writer) = pipe().unwrap();
        let bytes: Vec<u8> = (0..300_000).map(|i| (i % 251) as u8).collect();
        let expect = bytes.clone();
        let sent = create_task(async move { writer.write_all(&bytes).await });
        assert!(read_to_end(&reader).await == expect);
        sent.await.unwrap().unwrap();
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        assert_eq!(writer.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_stale_socket_file_is_replaced_and_a_live_one_is_not() {
    let _dog = watchdog("stale socket file", 30);
    run(async || {
        let path = socket_path("stale");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // std leaves its file
        assert!(path.exists());
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(UnixDatagram::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(listener);
        assert!(!path.exists(), "closing removes the file");
        let datagrams = UnixDatagram::bind(&path).unwrap();
        assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(datagrams);
        std::fs::write(&path, "not a socket").unwrap();
        assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a socket");
        std::fs::remove_file(&path).unwrap();
    });
}

/// Whatever the live server is, and whether it is ours or not, it has nothing to accept.
#[test]
fn a_bind_that_is_refused_is_not_seen_by_the_live_server() {
    let _dog = watchdog("refused bind", 30);
    run(async || {
        let path = socket_path("live");
        let ours = UnixListener::bind(&path).unwrap();
        let std_path = socket_path("live-std");
        let theirs = std::os::unix::net::UnixListener::bind(&std_path).unwrap();
        theirs.set_nonblocking(true).unwrap();
        for path in [&path, &std_path] {
            assert_eq!(UnixListener::bind(path).unwrap_err().kind(), ErrorKind::AddrInUse);
            assert_eq!(UnixDatagram::bind(path).unwrap_err().kind(), ErrorKind::AddrInUse);
        }
        assert!(wait_for(ours.accept(), Some(Duration::from_millis(5))).await.is_err());
        assert_eq!(theirs.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        // Nor does a receiver of datagrams receive anything.
        let datagram_path = socket_path("live-datagram");
        let receiver = std::os::unix::net::UnixDatagram::bind(&datagram_path).unwrap();
        receiver.set_nonblocking(true).unwrap();
        assert_eq!(UnixDatagram::bind(&datagram_path).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(receiver.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
        std::fs::remove_file(&std_path).unwrap();
        std::fs::remove_file(&datagram_path).unwrap();
    });
}

/// Each on a loop of its own, all over the file of a socket that is gone; in every other round
/// over no file at all.
#[test]
fn of_several_that_bind_a_path_at_once_exactly_one_has_it() {
    let _dog = watchdog("binding race", 60);
    const STARTERS: usize = 3;
    const ROUNDS: usize = 500;
    let path = socket_path("starters");
    let barrier = Barrier::new(STARTERS);
    let start = |number: usize| {
        let mut won = Vec::new();
        for round in 0..ROUNDS {
            if number == 0 && round % 2 == 0 {
                drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // stale from now on
            }
            barrier.wait();
            let bound = UnixListener::bind(&path);
            barrier.wait();
            if let Err(e) = &bound {
                assert_eq!(e.kind(), ErrorKind::AddrInUse, "{e}");
            }
            let client = bound.is_ok().then(|| std::os::unix::net::UnixStream::connect(&path));
            won.push(client.is_some_and(|client| client.is_ok()));
            drop(bound);
            barrier.wait();
        }
        won
    };
    let won: Vec<Vec<bool>> = std::thread::scope(|scope| {
        let starters = (0..STARTERS).map(|number| {
            let start = &start;
            scope.spawn(move || {
                EventLoop::new().unwrap().run_until_complete(async { start(number) })
            })
        });
        let starters: Vec<_> = starters.collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).collect()
    });
    for round in 0..ROUNDS {
        assert_eq!(won.iter().filter(|won| won[round]).count(), 1, "round {round}");
    }
    assert!(!path.exists());
}

#[test]
fn a_directory_that_stays_locked_is_an_error_and_not_a_hang() {
    let _dog = watchdog("locked directory", 30);
    let directory = socket_path("locked");
    std::fs::create_dir(&directory).unwrap();
    let locked = std::fs::File::open(&directory).unwrap();
    locked.lock().unwrap();
    let path = directory.join("socket");
    EventLoop::new().unwrap().run_until_complete(async {
        drop(UnixListener::bind(&path).unwrap()); // where no file is, no lock is needed
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::ResourceBusy);
        drop(locked);
        drop(UnixListener::bind(&path).unwrap());
    });
    std::fs::remove_dir(&directory).unwrap();
}

#[test]
fn a_socket_file_that_somebody_replaced_is_left_alone() {
    run(async || {
        let path = socket_path("replaced");
        let ours = UnixListener::bind(&path).unwrap();
        std::fs::rename(&path, path.with_extension("moved")).unwrap();
        let theirs = UnixListener::bind(&path).unwrap();
        drop(ours);
        assert!(path.exists());
        drop(theirs);
        assert!(!path.exists());
        std::fs::remove_file(path.with_extension("moved")).unwrap();
    });
}

#[test]
fn connecting_to_nobody_is_an_error() {
    run(async || {
        let path = socket_path("nobody");
        assert_eq!(UnixStream::connect(&path).await.unwrap_err().kind(), ErrorKind::NotFound);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert_eq!(
            UnixStream::connect(&path).await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        std::fs::remove_file(&path).unwrap();
    });
}

/// As std's `connect` does, and that of TCP.
#[test]
fn a_connect_waits_while_the_queue_of_a_unix_listener_is_full() {
    let _dog = watchdog("full backlog", 30);
    run(async || {
        let path = socket_path("backlog");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        // SAFETY: the call takes numbers.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 1) }, 0);
        let listener = UnixListener::from_std(listener).unwrap();
        let connects: Vec<_> = (0..20)
            .map(|_| {
                let path = path.clone();
                create_task(async move { UnixStream::connect(&path).await })
            })
            .collect();
        sleep(Duration::from_millis(5)).await;
        let waiting = connects.iter().filter(|connect| !connect.done()).count();
        assert!(waiting >= 15, "a queue of one holds few: {waiting} wait");
        // Nobody accepts: the caller's own limit ends the wait.
        let limited = wait_for(UnixStream::connect(&path), Some(Duration::from_millis(5))).await;
        assert!(limited.is_err());
        let mut accepted = Vec::new();
        for _ in 0..20 {
            accepted.push(listener.accept().await.unwrap());
        }
        for connect in connects {
            connect.await.unwrap().unwrap();
        }
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn unix_datagrams_wait_for_room_and_keep_their_bounds() {
    let _dog = watchdog("unix datagrams", 30);
    run(async || {
        let path = socket_path("datagrams");
        let here = UnixDatagram::bind(&path).unwrap();
        let there = UnixDatagram::unbound().unwrap();
        assert_eq!(there.try_send_to(b"first", &path).unwrap(), 5);
        there.connect(&path).unwrap();
        let sender = create_task(async move {
            for i in 0..1000u32 {
                there.send(&vec![1; i as usize % 100 + 1]).await.unwrap();
            }
        });
        yield_now().await;
        yield_now().await;
        assert!(!sender.done(), "the queue is shorter than a thousand messages");
        let mut message = [0; 128];
        assert_eq!(here.recv_from(&mut message).await.unwrap().0, 5);
        for i in 0..1000 {
            assert_eq!(here.recv(&mut message).await.unwrap(), i % 100 + 1);
        }
        sender.await.unwrap();
    });
}

#[test]
fn a_refused_datagram_is_an_error_of_one_call() {
    let _dog = watchdog("udp refused", 30);
    run(async || {
        let here = UdpSocket::bind(any_port()).unwrap();
        let gone = UdpSocket::bind(any_port()).unwrap().local_addr().unwrap();
        here.connect(gone).unwrap();
        here.send(b"anybody?").await.unwrap();
        let error = here.recv(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let there = UdpSocket::bind(any_port()).unwrap();
        here.connect(there.local_addr().unwrap()).unwrap();
        here.send(b"hello").await.unwrap();
        let (length, sender) = there.recv_from(&mut [0; 16]).await.unwrap();
        assert_eq!((length, sender), (5, here.local_addr().unwrap()));
    });
}

#[test]
fn a_datagram_too_long_for_the_buffer_is_cut_and_the_next_is_whole() {
    let _dog = watchdog("udp cut", 30);
    run(async || {
        let here = UdpSocket::bind(any_port()).unwrap();
        let there = UdpSocket::bind(any_port()).unwrap();
        for message in [&b"abcdef"[..], b"", b"xy"] {
            there.send_to(message, here.local_addr().unwrap()).await.unwrap();
        }
        let mut buffer = [0; 4];
        assert_eq!(here.recv_from(&mut buffer).await.unwrap().0, 4);
        assert_eq!(here.recv_from(&mut buffer).await.unwrap().0, 0, "empty is no end");
        assert_eq!(here.recv_from(&mut buffer).await.unwrap().0, 2);
    });
}

#[test]
fn listeners_share_an_address_only_if_both_say_so() {
    run(async || {
        let shared = ListenOptions { reuse_port: true, ..ListenOptions::default() };
        let one = TcpListener::bind_with(any_port(), &shared).unwrap();
        let address = one.local_addr().unwrap();
        let two = TcpListener::bind_with(address, &shared).unwrap();
        assert_eq!(two.local_addr().unwrap(), address);
        assert_eq!(TcpListener::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
        let six = TcpListener::bind("[::1]:0".parse().unwrap());
        assert!(six.is_err() || six.unwrap().local_addr().unwrap().is_ipv6());
    });
}

/// The system takes 1024 of them at most, so the others are no room.
#[test]
fn more_buffers_than_the_system_takes_lose_no_bytes() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        near.write_all(&[7; 4096]).await.unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        let mut count = 0;
        loop {
            let mut pairs = vec![[0u8; 2]; 1100];
            let mut buffers: Vec<_> = pairs.iter_mut().map(|pair| IoSliceMut::new(pair)).collect();
            match far.read_vectored(&mut buffers).await.unwrap() {
                0 => break,
                more => count += more,
            }
        }
        assert_eq!(count, 4096);
    });
}
