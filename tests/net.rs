//! TCP on both real selectors, over loopback.

mod common;
use common::{on_real_selectors as run, watchdog};
use proptest::prelude::*;
use singletrack::aio::net::async_fd::AsyncFd;
use singletrack::aio::net::race::{AddressRace, Step};
use singletrack::aio::{TcpListener, TcpStream, UnixDatagram, UnixListener, UnixStream, sleep};
use singletrack::sys::socket::{MAX_RIGHTS, packet_pair, send_some, set_backlog};
use singletrack::{EventLoop, create_task};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Answers every connection with what it sends, until told to stop.
async fn echo_server(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        drop(create_task(async move {
            let mut buffer = [0; 1024];
            loop {
                match stream.read(&mut buffer).await? {
                    0 => return Ok::<(), io::Error>(()),
                    n => stream.write_all(&buffer[..n]).await?,
                }
            }
        }));
    }
}

#[test]
fn many_connections_echo_on_one_thread() {
    let _dog = watchdog("many_connections", 60);
    run(|| async {
        let listener = TcpListener::bind(any_port()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = create_task(echo_server(listener));
        let clients: Vec<_> = (0..200u32)
            .map(|n| {
                create_task(async move {
                    let stream = TcpStream::connect(address).await?;
                    for round in 0..5u32 {
                        let message = (n * 10 + round).to_be_bytes();
                        stream.write_all(&message).await?;
                        let mut answer = [0; 4];
                        stream.read_exact(&mut answer).await?;
                        assert_eq!(answer, message);
                    }
                    stream.peer_addr()
                })
            })
            .collect();
        for client in clients {
            assert_eq!(client.await.unwrap().unwrap(), address);
        }
        server.cancel();
        assert!(server.await.is_err());
    });
}

#[test]
fn more_than_the_socket_buffers_crosses_both_ways_at_once() {
    let _dog = watchdog("big transfer", 60);
    const SIZE: usize = 8 << 20;
    run(|| async {
        let listener = TcpListener::bind(any_port()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = create_task(echo_server(listener));
        let stream = std::rc::Rc::new(TcpStream::connect(address).await.unwrap());
        let writer = std::rc::Rc::clone(&stream);
        let sent = create_task(async move {
            let bytes: Vec<u8> = (0..SIZE).map(|i| (i % 251) as u8).collect();
            writer.write_all(&bytes).await.unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let (mut total, mut buffer) = (0, vec![0; 65536]);
        loop {
            match stream.read(&mut buffer).await.unwrap() {
                0 => break,
                n => {
                    for (i, byte) in buffer[..n].iter().enumerate() {
                        assert_eq!(*byte, ((total + i) % 251) as u8);
                    }
                    total += n;
                }
            }
        }
        assert_eq!(total, SIZE);
        sent.await.unwrap();
        drop(server);
    });
}

/// The end of the stream may arrive together with the last bytes, or right after them; a
/// short read must never hide it.
#[test]
fn the_end_of_a_stream_is_seen_whenever_it_comes() {
    let _dog = watchdog("fin with data", 60);
    run(|| async {
        let listener = TcpListener::bind(any_port()).unwrap();
        let address = listener.local_addr().unwrap();
        for size in (1..300).step_by(7) {
            let thread = std::thread::spawn(move || {
                use std::io::Write;
                let mut peer = std::net::TcpStream::connect(address).unwrap();
                peer.write_all(&vec![7; size]).unwrap();
                if size % 2 == 0 {
                    std::thread::yield_now();
                }
            });
            let (stream, _) = listener.accept().await.unwrap();
            let (mut total, mut buffer) = (0, [0; 64]);
            loop {
                match stream.read(&mut buffer).await.unwrap() {
                    0 => break,
                    n => total += n,
                }
            }
            assert_eq!(total, size);
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    let _dog = watchdog("refused", 30);
    run(|| async {
        let free = TcpListener::bind(any_port()).unwrap().local_addr().unwrap();
        let error = TcpStream::connect(free).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().starts_with(&format!("cannot connect to {free}: ")), "{error}");
    });
}

#[test]
fn an_address_in_use_is_an_error() {
    run(|| async {
        let listener = TcpListener::bind(any_port()).unwrap();
        let address = listener.local_addr().unwrap();
        let error = TcpListener::bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let text = error.to_string();
        assert!(text.starts_with(&format!("cannot listen on {address}: ")), "{text}");
        assert!(text.ends_with("; end the program that has it, or take another"), "{text}");
    });
}

proptest! {
    /// Whatever fails and whenever the delay passes: each address is tried once, the families take
    /// turns while there are two, and none is tried before its time.
    #[test]
    fn a_race_tries_every_address_in_turn(
        families in prop::collection::vec(any::<bool>(), 0..12),
        events in prop::collection::vec(any::<bool>(), 64),
    ) {
        let address = |(port, v4): (usize, &bool)| {
            let ip = if *v4 { IpAddr::from([127, 0, 0, 1]) } else { "::1".parse().unwrap() };
            SocketAddr::new(ip, port as u16)
        };
        let addresses: Vec<_> = families.iter().enumerate().map(address).collect();
        let mut race = AddressRace::new(addresses.clone());
        let (mut tried, mut running, mut events) = (Vec::new(), 0, events.into_iter());
        let (mut delay_over, mut failed) = (false, false);
        loop {
            match race.next(delay_over) {
                Step::Try(address) => {
                    prop_assert!(running == 0 || delay_over || failed);
                    tried.push(address);
                    (running, delay_over, failed) = (running + 1, false, false);
                }
                Step::Wait { then_try_next } => {
                    prop_assert!(running > 0 && !(failed && then_try_next));
                    prop_assert_eq!(then_try_next, tried.len() < addresses.len());
                    if then_try_next && events.next() == Some(true) {
                        delay_over = true;
                    } else {
                        race.failed();
                        (running, failed) = (running - 1, true);
                    }
                }
                Step::Lost => break,
            }
        }
        prop_assert_eq!(running, 0);
        let (v4, v6): (Vec<SocketAddr>, Vec<SocketAddr>) = tried.iter().partition(|address| address.is_ipv4());
        for (here, family) in [(true, &v4), (false, &v6)] {
            let in_order = addresses.iter().filter(|address| address.is_ipv4() == here);
            prop_assert!(family.iter().eq(in_order), "the system's order in a family");
        }
        for pair in tried[..2 * v4.len().min(v6.len())].chunks(2) {
            prop_assert_ne!(pair[0].is_ipv4(), pair[1].is_ipv4());
        }
        prop_assert_eq!(tried.first(), addresses.first());
    }
}

/// A listener whose queue is full drops what comes: nothing answers there, for minutes.
fn dead_address(ip: &str) -> (std::net::TcpListener, Vec<io::Result<std::net::TcpStream>>) {
    let listener = std::net::TcpListener::bind((ip, 0)).unwrap();
    set_backlog(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_millis(50);
    let fill = || std::net::TcpStream::connect_timeout(&address, limit);
    let filled = (0..4).map(|_| fill()).collect::<Vec<_>>();
    assert!(filled.last().unwrap().is_err(), "its queue is full");
    (listener, filled)
}

#[test]
fn a_dead_address_does_not_keep_the_next_one_waiting() {
    let _dog = watchdog("dead address", 60);
    let (dead, _filled) = dead_address("127.0.0.2");
    let dead = dead.local_addr().unwrap();
    run(|| async {
        let live = TcpListener::bind("127.0.0.3:0".parse().unwrap()).unwrap();
        let live_at = live.local_addr().unwrap();
        let refused = {
            let gone = std::net::TcpListener::bind("127.0.0.4:0").unwrap();
            gone.local_addr().unwrap()
        };
        for order in [[dead, live_at, refused], [refused, dead, live_at], [dead, refused, live_at]]
        {
            let stream = TcpStream::connect_any(&order).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), live_at);
        }
        // All that are refused: the error of the last. None at all is an error as well.
        let error = TcpStream::connect_any(&[refused, refused]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&refused.to_string()), "{error}");
        assert_eq!(TcpStream::connect_any(&[]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_reader_does_not_wake_for_the_writers_news() {
    let _dog = watchdog("directions", 30);
    run(|| async {
        let listener = TcpListener::bind(any_port()).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_peer, _) = listener.accept().await.unwrap();
        let reader = create_task(async move { stream.read(&mut [0; 8]).await });
        for _ in 0..20 {
            singletrack::yield_now().await;
        }
        assert!(!reader.done());
        reader.cancel();
        assert!(reader.await.is_err());
    });
}

#[test]
fn io_without_a_loop_and_on_a_foreign_loop_say_what_to_do() {
    let error = TcpListener::bind(any_port()).unwrap_err();
    assert!(error.to_string().contains("needs a running event loop"), "{error}");
    let (a, b) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let listener = a.run_until_complete(async { TcpListener::bind(any_port()).unwrap() });
    let error = b.run_until_complete(listener.accept()).unwrap_err();
    assert!(error.to_string().contains("make it on the loop that uses it"), "{error}");
}

#[test]
fn a_regular_file_cannot_be_watched() {
    run(|| async {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let error = AsyncFd::new(file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("on a thread, with `to_thread`"), "{error}");
    });
}

/// Shows R3.
/// A duplicate keeps the kernel's entry alive after a close; only an explicit goodbye to the
/// selector keeps its news away from the next tenant of the number.
#[test]
fn sources_are_forgotten_before_they_are_closed_wherever_they_are_dropped() {
    let _dog = watchdog("drops", 30);
    let selector = singletrack::selector::scripted::ScriptedSelector::new();
    let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
    event_loop.run_until_complete(async {
        let here = TcpListener::bind(any_port()).unwrap();
        let there = TcpListener::bind(any_port()).unwrap();
        assert_eq!(selector.watched().len(), 2);
        drop(here);
        assert_eq!(selector.watched().len(), 1);
        std::thread::spawn(move || drop(there)).join().unwrap();
        singletrack::yield_now().await; // the next iteration drains the inbox
        singletrack::yield_now().await;
        assert_eq!(selector.watched().len(), 0);
    });
}

#[test]
fn sources_may_outlive_their_loop() {
    let event_loop = EventLoop::new().unwrap();
    let listener = event_loop.run_until_complete(async { TcpListener::bind(any_port()).unwrap() });
    let address = listener.local_addr().unwrap();
    drop(event_loop);
    drop(listener);
    assert!(std::net::TcpListener::bind(address).is_ok(), "the port is free again");
}

#[test]
fn sleeps_keep_time_beside_busy_sockets() {
    let _dog = watchdog("fairness", 60);
    run(|| async {
        let listener = TcpListener::bind(any_port()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = create_task(echo_server(listener));
        let busy = create_task(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            loop {
                stream.write_all(b"x").await.unwrap();
                stream.read_exact(&mut [0]).await.unwrap();
            }
        });
        sleep(Duration::from_millis(20)).await;
        assert!(busy.cancel() && server.cancel());
        let _: (Result<(), _>, _) = (busy.await, server.await);
    });
}

#[test]
fn a_zero_byte_in_a_name_is_an_error() {
    run(|| async {
        let kinds = [
            UnixListener::bind("a\0b").map(drop),
            UnixDatagram::bind("a\0b").map(drop),
            UnixStream::connect("a\0b").await.map(drop),
            UnixDatagram::unbound().unwrap().connect("a\0b"),
            UnixDatagram::unbound().unwrap().try_send_to(b"x", "a\0b").map(drop),
        ]
        .map(|refused| refused.unwrap_err().kind());
        assert_eq!(kinds, [ErrorKind::InvalidInput; 5]);
    });
}

#[test]
fn a_message_without_bytes_would_look_like_an_end_and_is_refused() {
    let (one, _other) = packet_pair().unwrap();
    let refused = |bytes: &[u8], rights: &[BorrowedFd<'_>]| {
        let sent = catch_unwind(AssertUnwindSafe(|| send_some(&one, bytes, rights)));
        let panic = sent.expect_err("nothing to carry, or too much");
        assert!(panic.downcast_ref::<&str>().unwrap().contains("nothing to carry, or too much"));
    };
    refused(b"", &[]);
    refused(b"x", &[one.as_fd(); MAX_RIGHTS + 1]);
    assert_eq!(send_some(&one, b"x", &[one.as_fd(); MAX_RIGHTS]).unwrap(), 1);
}
