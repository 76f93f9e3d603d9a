//! Which futures may go to another thread, as the table in `src/aio/tasks/on_loop.rs` says; and what
//! there is for those that may not.

mod common;
use common::{DropFlag, watchdog};
use singletrack::aio::{
    Barrier, Event, ExecutorJob, Lock, LoopHandle, Notify, Queue, ReturnWhen, Semaphore, TaskGroup,
    TcpListener, TcpStream, UdpSocket, UnixStream, as_completed, gather, lookup_host, on_loop,
    promise, readable, signal, sleep, split, timeout, to_thread, wait, wait_for,
};
use singletrack::futures::{Executor, JobError, ThreadPoolExecutor};
use singletrack::{EventLoop, create_task, yield_now};
use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

/// Asked of a value, it says whether its type is `Send`: the inherent function is found first, where
/// there is one.
struct Probe<'a, T>(#[allow(dead_code)] &'a T);

impl<T: Send> Probe<'_, T> {
    fn is_send(&self) -> bool {
        true
    }
}

trait NotSend {
    fn is_send(&self) -> bool {
        false
    }
}

impl<T> NotSend for &Probe<'_, T> {}

macro_rules! table {
    ($($name:literal: $future:expr),* $(,)?) => {
        BTreeMap::from([$(($name, { let future = $future; (&Probe(&future)).is_send() })),*])
    };
}

/// What the compiler says of each.
async fn found() -> BTreeMap<&'static str, bool> {
    let local = "127.0.0.1:0".parse().unwrap();
    let (here, there) = UnixStream::pair().unwrap();
    let (mut reader, writer) = split(there);
    let (listener, udp) = (TcpListener::bind(local).unwrap(), UdpSocket::bind(local).unwrap());
    let (mut one, mut two) = ([0; 1], [0; 1]);
    let limit = timeout(Duration::from_secs(9));
    let (queue, lock, semaphore) = (Queue::<u8>::new(1), Lock::new(0), Semaphore::new(1));
    let (event, barrier, notify) = (Event::new(), Barrier::new(2), Notify::default());
    let mut listens = signal(libc::SIGUSR2).unwrap();
    let task = || [create_task(ready(()))];
    let mut completed = as_completed(task());
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let loop_handle = LoopHandle::current().unwrap();
    table! {
        "sleep": sleep(Duration::ZERO),
        "yield_now": yield_now(),
        "wait_for": wait_for(ready(1), None),
        "Timeout::run": limit.run(ready(1)),
        "TcpStream::connect": TcpStream::connect(local),
        "TcpStream::connect_name": TcpStream::connect_name("localhost", 1),
        "TcpListener::accept": listener.accept(),
        "UdpSocket::recv_from": udp.recv_from(&mut one),
        "ByteStream::read": here.read(&mut two),
        "ByteStream::write_all": here.write_all(b""),
        "lookup_host": lookup_host("localhost", 1),
        "readable": readable(&here),
        "to_thread": to_thread(|| ()),
        "ExecutorJob": ExecutorJob::from(pool.submit_fn(|| ())),
        "futures::Future": promise::<u8>().1,
        "on_loop": on_loop(loop_handle, || async { Rc::new(1); 1 }),
        "StreamReader::readline": reader.readline(),
        "StreamWriter::drain": writer.drain(),
        "Task": create_task(ready(())),
        "gather": gather(task()),
        "wait": wait(task(), ReturnWhen::AllCompleted, None),
        "as_completed": completed.next(),
        "TaskGroup::run": TaskGroup::<()>::run(async |_| Ok(())),
        "Queue::get": queue.get(),
        "Lock::acquire": lock.acquire(),
        "Semaphore::acquire": semaphore.acquire(),
        "Event::wait": event.wait(),
        "Barrier::wait": barrier.wait(),
        "Notify::until": notify.until(|| Poll::Ready(())),
        "Signal::recv": listens.recv(),
    }
}

async fn keeps_a_count() -> usize {
    let shared = Rc::new(1);
    yield_now().await;
    *shared
}

#[test]
fn the_table_says_what_the_compiler_says() {
    let _dog = watchdog("the table of Send", 60);
    let page = include_str!("../src/aio/tasks/on_loop.rs");
    let mut said = BTreeMap::new();
    for row in page.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let (names, rest) = row.split_once(" | ").unwrap();
        let send = rest.split(" | ").next().unwrap();
        for name in names.split(", ") {
            said.insert(name.trim_matches('`').to_owned(), send != "no");
        }
    }
    let found = EventLoop::new().unwrap().run_until_complete(found());
    let found: BTreeMap<String, bool> = found.into_iter().map(|(n, s)| (n.to_owned(), s)).collect();
    assert_eq!(said, found);
    // The last one depends on its future.
    let held = wait_for(keeps_a_count(), None);
    assert!(!(&Probe(&held)).is_send());
}

/// Runs a loop until `ask`, on another thread, has its answer.
fn beside<R: Send + 'static>(ask: impl FnOnce(LoopHandle) -> R + Send + 'static) -> R {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let thread = std::thread::spawn(move || {
        let answer = ask(handle);
        handle.stop().unwrap();
        answer
    });
    event_loop.run_forever().unwrap();
    thread.join().unwrap()
}

#[test]
fn a_future_that_cannot_travel_is_made_and_run_on_its_loop() {
    let _dog = watchdog("on_loop", 60);
    let (value, panic, made_badly) = beside(|handle| {
        let value = on_loop(handle, || async {
            let tasks = [1, 2, 3].map(|n| create_task(async move { Rc::new(n) }));
            gather(tasks).await.unwrap().iter().map(|n| **n).sum::<i32>()
        });
        let panic = on_loop(handle, || async { panic!("in the future") });
        let made_badly = on_loop(handle, || -> std::future::Ready<()> { panic!("in the making") });
        (value.detach().result(), panic.detach().result(), made_badly.detach().result())
    });
    assert_eq!(value, Ok(6));
    assert_eq!(panic, Err::<(), _>(JobError::Panicked("in the future".to_owned())));
    assert_eq!(made_badly, Err(JobError::Panicked("in the making".to_owned())));
}

#[test]
fn dropping_its_handle_drops_the_future_on_its_loop() {
    let _dog = watchdog("on_loop, dropped", 60);
    let flag = DropFlag::default();
    let guard = flag.guard();
    beside(move |handle| {
        let (begun, has_begun) = mpsc::channel();
        let job = on_loop(handle, move || async move {
            let _guard = guard;
            begun.send(()).unwrap();
            pending::<()>().await;
        });
        has_begun.recv().unwrap();
        drop(job);
        common::until(|| flag.dropped());
    });
}

#[test]
fn on_a_loop_that_is_gone_it_is_an_error() {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    drop(event_loop);
    let gone = on_loop(handle, || ready(1)).detach().result();
    assert!(matches!(gone, Err(JobError::Broken(_))), "{gone:?}");
}

#[test]
fn another_thread_can_cancel_a_task() {
    let _dog = watchdog("a canceller", 60);
    let event_loop = EventLoop::new().unwrap();
    let canceller = event_loop.run_until_complete(async {
        let never = create_task(pending::<()>());
        let canceller = never.canceller();
        let thread = std::thread::spawn(move || canceller.cancel());
        assert!(never.await.unwrap_err().to_string().contains("cancelled"));
        assert!(thread.join().unwrap());
        canceller
    });
    drop(event_loop);
    assert!(!canceller.cancel(), "its loop is gone");
    let pool = ThreadPoolExecutor::new(1).unwrap();
    pool.shutdown(true, false);
}
