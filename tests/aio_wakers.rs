//! How many wakers are held: never more than there are waits, whatever is polled how often and with
//! whatever wakers. And the last one of each wait is woken.

#[path = "common/cases.rs"]
mod cases;
mod common;
use cases::cases;
use common::{on_real_selectors, until_async, watchdog};
use proptest::prelude::*;
use singletrack::aio::{
    Barrier, Event, Lock, Notify, Queue, ReturnWhen, Semaphore, StreamReader, StreamWriter,
    TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream, as_completed, gather, promise,
    readable, signal, sleep, spawn, split, timeout, to_thread, wait, wait_for, writable,
};
use singletrack::{EventLoop, create_task, yield_now};
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// A waker that counts how often it was woken.
#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Wakers that nobody keeps but what was polled with them.
#[derive(Default)]
struct Handed(Vec<Weak<Counts>>);

impl Handed {
    /// Polls with a waker of its own.
    fn poll(&mut self, poll: impl FnOnce(&mut Context<'_>)) {
        let counts = Arc::new(Counts::default());
        self.0.push(Arc::downgrade(&counts));
        poll(&mut Context::from_waker(&Waker::from(counts)));
    }

    fn held(&self) -> usize {
        self.0.iter().filter(|waker| waker.strong_count() > 0).count()
    }
}

/// Polled again and again, each time with another waker, it holds one at most.
fn holds_one(name: &str, mut poll: impl FnMut(&mut Context<'_>) -> bool) {
    let mut handed = Handed::default();
    for _ in 0..50 {
        handed.poll(|cx| assert!(poll(cx), "{name} is pending"));
    }
    assert!(handed.held() <= 1, "{name} holds {} wakers", handed.held());
}

/// The same of a future, which holds none once it is dropped.
fn future_holds_one<F: Future>(name: &str, future: F) {
    let mut future = Box::pin(future);
    let mut handed = Handed::default();
    for _ in 0..50 {
        let polled = |cx: &mut Context<'_>| {
            assert!(future.as_mut().poll(cx).is_pending(), "{name} is pending");
        };
        handed.poll(polled);
    }
    assert!(handed.held() <= 1, "{name} holds {} wakers", handed.held());
    drop(future);
    assert_eq!(handed.held(), 0, "{name} is gone");
}

fn local() -> std::net::SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn full_stream() -> (UnixStream, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    while here.try_write(&[0; 4096]).is_ok() {}
    (here, there)
}

type Streams =
    (StreamReader<std::os::unix::net::UnixStream>, StreamWriter<std::os::unix::net::UnixStream>);

/// A writer that has more queued than it sends, and what must live meanwhile.
fn full_writer() -> (Streams, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    let (reader, writer) = split(here);
    writer.write(&vec![0; 8 << 20]).unwrap();
    ((reader, writer), there)
}

#[test]
fn what_is_polled_by_hand_holds_the_waker_of_its_last_poll() {
    on_real_selectors(async || {
        singletrack::event_loop::core::current("test").budget.set(u32::MAX);
        let mut byte = [0; 8];
        let (stream, _there) = full_stream();
        holds_one("poll_read", |cx| stream.poll_read(cx, &mut byte).is_pending());
        holds_one("poll_read_vectored", |cx| {
            let buffers = &mut [std::io::IoSliceMut::new(&mut byte)];
            stream.poll_read_vectored(cx, buffers).is_pending()
        });
        holds_one("poll_write", |cx| stream.poll_write(cx, b"x").is_pending());
        holds_one("poll_write_vectored", |cx| {
            stream.poll_write_vectored(cx, &[std::io::IoSlice::new(b"x")]).is_pending()
        });
        let listener = TcpListener::bind(local()).unwrap();
        holds_one("poll_accept", |cx| listener.poll_accept(cx).is_pending());
        let udp = UdpSocket::bind(local()).unwrap();
        holds_one("poll_recv_from", |cx| udp.poll_recv_from(cx, &mut byte).is_pending());
        let ((mut reader, writer), _there) = full_writer();
        holds_one("poll_fill", |cx| reader.poll_fill(cx).is_pending());
        holds_one("poll_drain", |cx| writer.poll_drain(cx).is_pending());
        holds_one("poll_sent", |cx| writer.poll_sent(cx).is_pending());
        let (notify, slot) = (Notify::default(), Default::default());
        holds_one("poll_until", |cx| notify.poll_until(&slot, cx, || false).is_pending());
        writer.abort();
    });
}

#[test]
fn each_future_holds_one_waker_and_none_once_it_is_dropped() {
    let _dog = watchdog("futures and their wakers", 60);
    EventLoop::new().unwrap().run_until_complete(async {
        singletrack::event_loop::core::current("test").budget.set(u32::MAX);
        let mut byte = [0; 8];
        let (stream, _there) = full_stream();
        future_holds_one("read", stream.read(&mut byte));
        future_holds_one("read_exact", stream.read_exact(&mut byte));
        future_holds_one("write", stream.write(b"x"));
        future_holds_one("write_all", stream.write_all(b"x"));
        let listener = TcpListener::bind(local()).unwrap();
        future_holds_one("accept", listener.accept());
        let path = std::env::temp_dir().join(format!("wakers-{}", std::process::id()));
        future_holds_one("accept, Unix", UnixListener::bind(&path).unwrap().accept());
        let udp = UdpSocket::bind(local()).unwrap();
        future_holds_one("recv_from", udp.recv_from(&mut byte));
        let ((mut reader, writer), _there) = full_writer();
        future_holds_one("readline", reader.readline());
        future_holds_one("drain", writer.drain());
        future_holds_one("wait_closed", writer.wait_closed());
        writer.abort();
        future_holds_one("readable", readable(&stream));
        future_holds_one("writable", writable(&stream));
        future_holds_one("signal", signal(libc::SIGUSR2).unwrap().recv());
        let mut child = spawn(std::process::Command::new("sleep").arg("3600")).unwrap();
        future_holds_one("Child::wait", child.wait());
        child.kill().unwrap();
        child.wait().await.unwrap();
        future_holds_one("sleep", sleep(LONG));
        future_holds_one("wait_for", wait_for(pending::<()>(), Some(LONG)));
        let limit = timeout(LONG);
        future_holds_one("timeout", limit.run(pending::<()>()));
        future_holds_one("Task", create_task(pending::<()>()).cancel_on_drop());
        future_holds_one("gather", gather([create_task(pending::<()>())]));
        let all = [create_task(pending::<()>())];
        future_holds_one("wait", wait(all, ReturnWhen::AllCompleted, Some(LONG)));
        let mut all = as_completed([create_task(pending::<()>())]);
        future_holds_one("as_completed", all.next());
        future_holds_one("a promise's future", promise::<u8>().1.pending_for_ever());
        let (end, until) = std::sync::mpsc::channel::<()>();
        future_holds_one("to_thread", to_thread(move || until.recv().is_err()));
        drop(end);
        let queue = Queue::<u8>::new(1);
        future_holds_one("get", queue.get());
        queue.put(1).await.unwrap();
        future_holds_one("put", queue.put(2));
        future_holds_one("join", queue.join());
        let lock = Lock::new(0);
        let _held = lock.acquire().await;
        future_holds_one("Lock", lock.acquire());
        future_holds_one("Semaphore", Semaphore::new(0).acquire());
        future_holds_one("Event", Event::new().wait());
        future_holds_one("Barrier", Barrier::new(2).wait());
        future_holds_one("Notify", Notify::default().until(|| Poll::<()>::Pending));
    });
}

/// A future whose promise lives as long as it does.
trait PendingForEver {
    fn pending_for_ever(self) -> impl Future;
}

impl<T: 'static> PendingForEver for singletrack::futures::Future<T> {
    fn pending_for_ever(self) -> impl Future {
        self
    }
}

/// Of those that poll by hand the last is woken; of those that wait each.
#[test]
fn an_event_wakes_each_wait_and_the_last_of_those_that_poll_by_hand() {
    on_real_selectors(async || {
        let (here, there) = UnixStream::pair().unwrap();
        let counts: Vec<Arc<Counts>> = (0..5).map(|_| Arc::default()).collect();
        let wakers: Vec<Waker> = counts.iter().cloned().map(Waker::from).collect();
        let (mut one, mut two) = ([0; 1], [0; 1]);
        let (mut first, mut second) = (pin!(here.read(&mut one)), pin!(here.read(&mut two)));
        assert!(first.as_mut().poll(&mut Context::from_waker(&wakers[0])).is_pending());
        assert!(first.as_mut().poll(&mut Context::from_waker(&wakers[1])).is_pending());
        assert!(second.as_mut().poll(&mut Context::from_waker(&wakers[2])).is_pending());
        for waker in &wakers[3..] {
            assert!(here.poll_read(&mut Context::from_waker(waker), &mut [0]).is_pending());
        }
        there.write_all(b"x").await.unwrap();
        until_async(|| counts[2].0.load(Ordering::SeqCst) > 0).await;
        let woken: Vec<usize> = counts.iter().map(|c| c.0.load(Ordering::SeqCst)).collect();
        assert_eq!(woken, [0, 1, 1, 0, 1]);
    });
}

/// A hand-written poll of the same stream must not take the place of the task that flushes.
#[test]
fn a_writer_flushes_on_while_its_stream_is_polled_by_hand() {
    on_real_selectors(async || {
        let ((_reader, writer), there) = full_writer();
        let stream = writer.stream().unwrap();
        yield_now().await; // the flushing task waits now
        assert!(stream.poll_write(&mut Context::from_waker(Waker::noop()), b"x").is_pending());
        let reads = create_task(async move {
            let mut buffer = vec![0; 1 << 16];
            let mut all = 0;
            while all < 8 << 20 {
                all += there.read(&mut buffer).await.unwrap();
            }
            all
        });
        assert!(writer.poll_drain(&mut Context::from_waker(Waker::noop())).is_pending());
        writer.drain().await.unwrap();
        assert!(reads.await.unwrap() >= 8 << 20);
    });
}

/// Whoever of a hundred speaks first, or a moment, again and again, as `select_all` and its kin wait.
#[test]
fn waits_that_are_given_up_again_and_again_leave_nothing_behind() {
    on_real_selectors(async || {
        let pairs: Vec<_> = (0..100).map(|_| UnixStream::pair().unwrap()).collect();
        let mut handed = Handed::default();
        for _ in 0..50 {
            let mut buffers = vec![[0; 1]; pairs.len()];
            let mut any: Vec<Pin<Box<dyn Future<Output = _>>>> = Vec::new();
            for ((here, _), buffer) in pairs.iter().zip(&mut buffers) {
                any.push(Box::pin(here.read(buffer)));
            }
            for read in &mut any {
                handed.poll(|cx| assert!(read.as_mut().poll(cx).is_pending()));
            }
            assert_eq!(handed.held(), pairs.len());
            drop(any);
            assert_eq!(handed.held(), 0);
        }
        // And by hand, where nothing tells that a wait was given up.
        for _ in 0..50 {
            for (here, _) in &pairs {
                handed.poll(|cx| assert!(here.poll_read(cx, &mut [0]).is_pending()));
            }
        }
        assert_eq!(handed.held(), pairs.len());
        drop(pairs);
        assert_eq!(handed.held(), 0);
    });
}

#[derive(Debug, Clone)]
enum Op {
    Begin,
    Poll(usize),
    PollByHand,
    Drop(usize),
    Speak,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        Just(Op::Begin),
        (0_usize..6).prop_map(Op::Poll),
        Just(Op::PollByHand),
        (0_usize..6).prop_map(Op::Drop),
        Just(Op::Speak),
    ];
    prop::collection::vec(op, 1..40)
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn no_more_wakers_are_held_than_there_are_waits(ops in ops()) {
        EventLoop::new().unwrap().run_until_complete(async {
            let (here, there) = UnixStream::pair().unwrap();
            let mut handed = Handed::default();
            let mut waits: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
            let mut by_hand = false;
            let stream = &here;
            for op in ops {
                match op {
                    Op::Begin => waits.push(Box::pin(async move {
                        stream.read(&mut [0; 4]).await.unwrap();
                    })),
                    Op::Poll(which) if which < waits.len() => {
                        let mut done = false;
                        handed.poll(|cx| done = waits[which].as_mut().poll(cx).is_ready());
                        if done {
                            drop(waits.swap_remove(which));
                        }
                    }
                    Op::PollByHand => {
                        by_hand = true;
                        handed.poll(|cx| drop(here.poll_read(cx, &mut [0; 4])));
                    }
                    Op::Drop(which) if which < waits.len() => drop(waits.swap_remove(which)),
                    Op::Speak => {
                        there.write_all(b"x").await.unwrap();
                        for _ in 0..3 {
                            sleep(Duration::from_micros(1)).await;
                        }
                    }
                    Op::Poll(_) | Op::Drop(_) => {}
                }
                assert!(handed.held() <= waits.len() + usize::from(by_hand));
            }
        });
    }
}

#[test]
fn two_tasks_that_accept_both_get_connections() {
    on_real_selectors(async || {
        let listener = std::rc::Rc::new(TcpListener::bind(local()).unwrap());
        let accepting = [(); 2].map(|()| {
            let listener = std::rc::Rc::clone(&listener);
            create_task(async move { listener.accept().await.unwrap().1 })
        });
        yield_now().await;
        let address = listener.local_addr().unwrap();
        let clients = [
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        ];
        let mut peers = gather(accepting).await.unwrap();
        let mut expect: Vec<_> = clients.iter().map(|c| c.local_addr().unwrap()).collect();
        peers.sort();
        expect.sort();
        assert_eq!(peers, expect);
    });
}
