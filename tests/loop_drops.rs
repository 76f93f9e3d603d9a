//! Drops of the user's values that panic: whatever holds such a value, the exception handler is told
//! of each, the loop goes on, or is closed whole, and no two panics meet.

mod common;
use common::{Log, scripted, settle, watchdog};
use singletrack::aio::{UnixStream, add_reader, add_writer, remove_reader, sleep, wait, wait_for};
use singletrack::event_loop::create_eager_task;
use singletrack::event_loop::inbox::Inbox;
use singletrack::futures::ReturnWhen;
use singletrack::{EventLoop, create_task, yield_now};
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(9);

/// Its drop panics.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0)
    }
}

/// A callback that holds one. It is never called here.
fn armed(name: &'static str) -> impl FnOnce() + Send {
    let bomb = Bomb(name);
    move || {
        let _bomb = &bomb;
    }
}

/// A loop whose panics are noted.
fn noting() -> (EventLoop, Log) {
    let (event_loop, told) = (scripted(), Log::default());
    let log = told.clone();
    event_loop.set_exception_handler(move |unhandled| {
        log.note(format!("{}: {}", unhandled.place, unhandled.message));
    });
    (event_loop, told)
}

/// A waker of somebody else's, whose last drop panics.
struct AngryWaker(Arc<AtomicUsize>);

impl Wake for AngryWaker {
    fn wake(self: Arc<Self>) {}
}

impl Drop for AngryWaker {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a waker goes");
    }
}

/// Shows T9.
#[test]
fn a_loop_with_pending_callbacks_is_closed_whole_whatever_their_drops_do() {
    let (event_loop, told) = noting();
    event_loop.call_later(LONG, armed("later"));
    event_loop.call_later(LONG, armed("later"));
    event_loop.call_at(Duration::MAX, armed("at"));
    event_loop.call_soon(armed("soon"));
    event_loop.call_soon(armed("soon"));
    event_loop.call_soon_threadsafe(armed("threadsafe"));
    event_loop.call_soon_threadsafe(armed("threadsafe"));
    drop(event_loop);
    let mut expect = ["later", "later", "at", "soon", "soon", "threadsafe", "threadsafe"].to_vec();
    let told = told.read();
    let mut told: Vec<_> = told.iter().map(|t| t.strip_prefix("a callback: ").unwrap()).collect();
    expect.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, expect);
}

#[test]
fn a_loop_with_tasks_is_closed_whole_and_each_drop_that_panics_is_reported() {
    let (event_loop, told) = noting();
    for name in ["not begun", "not begun either"] {
        let bomb = Bomb(name);
        drop(event_loop.create_task(async move {
            let _bomb = bomb;
            pending::<()>().await;
        }));
    }
    drop(event_loop);
    let told = told.read();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|told| told.starts_with("task ")), "{told:?}");
}

#[test]
fn done_callbacks_and_wakers_that_go_with_their_loop_are_dropped_one_by_one() {
    let (event_loop, told) = noting();
    let gone = Arc::new(AtomicUsize::new(0));
    let angry = || Waker::from(Arc::new(AngryWaker(Arc::clone(&gone))));
    let mut naps: Vec<_> = (0..2).map(|_| Box::pin(sleep(LONG))).collect();
    let mut sockets = Vec::new();
    event_loop.run_until_complete(async {
        for _ in 0..2 {
            let task = create_task(pending::<()>());
            task.add_done_callback(armed("done"));
            drop(task);
        }
        for nap in &mut naps {
            let waker = angry();
            assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        let (here, there) = UnixStream::pair().unwrap();
        for _ in 0..2 {
            let waker = angry();
            let cx = &mut Context::from_waker(&waker);
            while here.poll_read(cx, &mut [0]).is_ready() {}
        }
        sockets.extend([here, there]);
    });
    drop(event_loop);
    assert_eq!(gone.load(Ordering::SeqCst), 4);
    let told = told.read();
    assert_eq!(told.iter().filter(|t| **t == "a done callback: done").count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|t| **t == "a waker: a waker goes").count(), 4, "{told:?}");
}

/// Shows D1.
/// A table of hashes would drop them in another order each time.
#[test]
fn done_callbacks_that_go_with_their_loop_are_dropped_in_the_order_of_their_tasks() {
    struct Notes(Log, usize);
    impl Drop for Notes {
        fn drop(&mut self) {
            self.0.note(self.1.to_string());
        }
    }
    let (event_loop, log) = (scripted(), Log::default());
    event_loop.run_until_complete(async {
        for number in 0..20 {
            let notes = Notes(log.clone(), number);
            create_task(pending::<()>()).add_done_callback(move || drop(notes));
        }
    });
    drop(event_loop);
    assert_eq!(log.read(), (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn handlers_that_go_with_their_loop_may_panic_as_well() {
    let event_loop = scripted();
    let (one, two) = (Bomb("handler"), Bomb("slow handler"));
    event_loop.set_exception_handler(move |_| {
        let _bomb = &one;
    });
    event_loop.set_slow_callback_handler(move |_| {
        let _bomb = &two;
    });
    event_loop.call_soon(armed("callback"));
    drop(event_loop);
}

#[test]
fn what_a_drop_at_the_end_schedules_is_dropped_as_well() {
    struct AddsBomb(singletrack::event_loop::Task<()>);
    impl Drop for AddsBomb {
        fn drop(&mut self) {
            self.0.add_done_callback(armed("added at the end"));
            panic!("and panics");
        }
    }
    let (event_loop, told) = noting();
    let task = event_loop.create_task(async {});
    event_loop.run_until_complete(yield_now());
    let adds = AddsBomb(task);
    event_loop.call_later(LONG, move || drop(adds));
    drop(event_loop);
    assert_eq!(told.read(), ["a callback: and panics", "a callback: added at the end"]);
}

/// On the loop's own thread, between two runs, and from another thread.
#[test]
fn a_cancelled_callback_whose_drop_panics_costs_its_canceller_nothing() {
    let (event_loop, told) = noting();
    let rests = event_loop.call_later(LONG, armed("between two runs"));
    rests.cancel();
    event_loop.run_until_complete(async {
        settle().await;
        event_loop.call_later(LONG, armed("here")).cancel();
        event_loop.call_soon(armed("here, too")).cancel();
        let far = event_loop.call_later(LONG, armed("from afar"));
        std::thread::spawn(move || far.cancel()).join().unwrap();
        settle().await;
    });
    let expect = ["between two runs", "here", "here, too", "from afar"];
    assert_eq!(told.read(), expect.map(|name| format!("a cancelled callback: {name}")));
    assert_eq!(event_loop.tasks(), 0);
}

#[test]
fn a_sleep_that_is_given_up_while_a_panic_unwinds_does_not_end_the_process() {
    let (event_loop, told) = noting();
    let gone = Arc::new(AtomicUsize::new(0));
    let waker = Waker::from(Arc::new(AngryWaker(Arc::clone(&gone))));
    event_loop.run_until_complete(async move {
        let task = create_task(async move {
            let mut nap = Box::pin(sleep(LONG));
            assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            panic!("the task's own");
        });
        assert!(task.await.unwrap_err().to_string().contains("the task's own"));
    });
    assert_eq!((gone.load(Ordering::SeqCst), told.read().len()), (1, 1));
}

/// Ready, or pending for ever, or panicking; its drop panics in any case.
struct BadFuture(Option<Result<u8, &'static str>>, Bomb);

impl Future for BadFuture {
    type Output = u8;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
        let _ = &self.1;
        match self.0 {
            None => Poll::Pending,
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(message)) => panic!("{message}"),
        }
    }
}

/// Shows T9.
#[test]
fn a_future_whose_drop_panics_is_reported_and_its_awaiter_gets_the_output_all_the_same() {
    let (event_loop, told) = noting();
    event_loop.run_until_complete(async {
        let bad = |what| BadFuture(what, Bomb("in its drop"));
        let ready = create_task(bad(Some(Ok(5))));
        let panics = create_task(bad(Some(Err("in its poll"))));
        let cancelled = create_task(bad(None));
        let not_begun = create_task(bad(None));
        not_begun.cancel();
        let eager = create_eager_task(bad(Some(Ok(6))));
        cancelled.set_name("the cancelled one");
        yield_now().await;
        cancelled.cancel();
        assert_eq!((ready.await.unwrap(), eager.await.unwrap()), (5, 6));
        assert!(panics.await.unwrap_err().to_string().contains("in its poll"));
        for task in [cancelled, not_begun] {
            assert_eq!(task.await.unwrap_err().to_string(), "the task was cancelled");
        }
    });
    let told = told.read();
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(told.iter().all(|told| told.ends_with(": in its drop")), "{told:?}");
    assert!(told.contains(&"the cancelled one: in its drop".to_owned()), "{told:?}");
    assert_eq!(event_loop.tasks(), 0);
}

/// A spawn that a closing loop refuses drops its future there and then.
#[test]
fn a_future_that_a_closing_loop_refuses_may_panic_in_its_drop() {
    struct Spawner;
    impl Drop for Spawner {
        fn drop(&mut self) {
            drop(create_task(BadFuture(None, Bomb("refused"))));
            panic!("the spawner's own");
        }
    }
    let (event_loop, told) = noting();
    let spawner = Spawner;
    drop(event_loop.create_task(async move {
        let _spawner = spawner;
        pending::<()>().await;
    }));
    drop(event_loop);
    assert_eq!(told.read().len(), 2, "{:?}", told.read());
}

/// What was never taken goes with the inbox, on whichever thread that is.
#[test]
fn messages_that_go_with_their_inbox_are_dropped_one_by_one() {
    let inbox = Inbox::new(Box::new(|| ()));
    for _ in 0..3 {
        inbox.push(Bomb("in the inbox")).ok().unwrap();
    }
    drop(inbox);
}

/// Shows M7.
/// A callback that is cancelled from afar takes its timer along, as one that is cancelled here does.
#[test]
#[cfg_attr(miri, ignore = "real threads and a real selector take the interpreter minutes")]
fn a_timer_that_is_cancelled_from_another_thread_is_gone_at_once() {
    let _dog = watchdog("a timer cancelled from afar", 30);
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        let core = singletrack::event_loop::core::current("a test");
        let calls: Vec<_> = (0..1000).map(|_| event_loop.call_later(LONG, || ())).collect();
        assert_eq!(core.timers.borrow().len(), 1000);
        std::thread::spawn(move || calls.iter().for_each(|call| call.cancel())).join().unwrap();
        settle().await;
        assert_eq!((core.timers.borrow().len(), core.calls.borrow().len()), (0, 0));
    });
}

/// An armed callback that may be called again and again.
fn armed_again(name: &'static str) -> impl FnMut() {
    let bomb = Bomb(name);
    move || {
        let _bomb = &bomb;
    }
}

#[test]
fn callbacks_of_descriptors_that_go_with_their_loop_are_dropped_one_by_one() {
    let (event_loop, told) = noting();
    let pairs: Vec<_> = (0..3).map(|_| std::os::unix::net::UnixStream::pair().unwrap()).collect();
    let shared: Vec<_> = pairs.into_iter().map(|(here, there)| (Rc::new(here), there)).collect();
    event_loop.run_until_complete(async {
        for (here, _) in &shared {
            add_reader(Rc::clone(here), armed_again("read")).unwrap();
            add_writer(Rc::clone(here), armed_again("write")).unwrap();
        }
        // Taken back, and replaced.
        assert!(remove_reader(&*shared[0].0));
        add_writer(Rc::clone(&shared[0].0), armed_again("write")).unwrap();
        settle().await;
    });
    drop(event_loop);
    let told = told.read();
    assert_eq!(told.iter().filter(|told| told.ends_with(": read")).count(), 3, "{told:?}");
    assert_eq!(told.iter().filter(|told| told.ends_with(": write")).count(), 4, "{told:?}");
    assert!(shared.iter().all(|(here, _)| Rc::strong_count(here) == 1), "no descriptor is kept");
}

#[test]
fn a_wait_that_is_given_up_drops_the_values_that_have_come_one_by_one() {
    let (event_loop, told) = noting();
    event_loop.run_until_complete(async {
        let values = (0..3).map(|_| create_task(async { Some(Bomb("a value")) }));
        let tasks = values.chain([create_task(pending())]);
        let all = wait(tasks, ReturnWhen::AllCompleted, None);
        wait_for(all, Some(Duration::from_millis(1))).await.unwrap_err();
    });
    let told = told.read();
    assert_eq!(told, ["the drop of a task's value: a value"; 3]);
}

/// Not in the next iteration, which may never come: nothing else holds it.
#[test]
fn a_socket_that_is_dropped_between_two_runs_is_closed_at_once() {
    use std::io::Read;
    let _dog = watchdog("a socket that is dropped between two runs", 30);
    let event_loop = EventLoop::new().unwrap();
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let stream = event_loop.run_until_complete(async { UnixStream::from_std(ours) }).unwrap();
    let other = EventLoop::new().unwrap();
    other.run_until_complete(async move { drop(stream) });
    theirs.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(theirs.read(&mut [0; 4]).unwrap(), 0);
}
