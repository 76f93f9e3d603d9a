//! Jobs that tasks await and futures that threads wait for: what crosses, what is cancelled,
//! and what either side learns when the other is gone.

mod common;
use common::{DropFlag, watchdog};
use singletrack::aio::{
    ExecutorJob, TcpListener, TcpStream, lookup_host, run_in_executor, set_default_executor,
    shutdown_default_executor, to_thread,
};
use singletrack::event_loop::LoopHandle;
use singletrack::futures::JobError;
use singletrack::futures::{ReturnWhen, as_completed, wait};
use singletrack::futures::{ThreadPoolExecutor, ThreadPoolOptions};
use singletrack::gil::GilThreadPoolExecutor;
use singletrack::gil::GlobalLock;
use singletrack::gil::SwitchPolicy;
use singletrack::{EventLoop, create_task, yield_now};
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::ThreadId;
use std::time::Duration;

fn run<F: Future>(future: F) -> F::Output {
    EventLoop::new().unwrap().run_until_complete(future)
}

/// How many threads of this process bear a name that begins so.
fn threads_named(prefix: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).count()
}

fn pool_of_one(prefix: &str) -> ThreadPoolExecutor {
    ThreadPoolOptions::default().max_workers(1).thread_name_prefix(prefix).build().unwrap()
}

#[test]
fn the_loop_goes_on_while_a_thread_blocks() {
    let _dog = watchdog("the_loop_goes_on", 30);
    let (send, receive) = mpsc::channel();
    let value = run(async {
        let job = create_task(to_thread(move || receive.recv().unwrap()));
        while threads_named("asyncio_") == 0 {
            yield_now().await;
        }
        assert!(!job.done());
        send.send(7).unwrap(); // were the loop blocked, this would never be sent
        job.await.unwrap()
    });
    assert_eq!(value, Ok(7));
}

#[test]
fn a_jobs_panic_is_its_awaiters_error() {
    let _dog = watchdog("a_jobs_panic", 30);
    let outcome = run(to_thread(|| -> u8 { panic!("no such luck") }));
    assert_eq!(outcome, Err(JobError::Panicked("no such luck".to_owned())));
}

#[test]
fn nothing_is_queued_before_the_first_poll() {
    let ran = Arc::new(AtomicBool::new(false));
    let inner = Arc::clone(&ran);
    run(async { drop(to_thread(move || inner.store(true, Ordering::SeqCst))) });
    assert!(!ran.load(Ordering::SeqCst));
}

/// The rule of asyncio's gh-107505: what runs goes on, what waits is cancelled.
#[test]
fn dropping_a_job_cancels_it_unless_it_runs() {
    let _dog = watchdog("dropping_a_job", 30);
    let (go, wait) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let (first, second, third) = (DropFlag::default(), DropFlag::default(), DropFlag::default());
    let finished = Arc::new(AtomicBool::new(false));
    let event_loop = EventLoop::new().unwrap();
    event_loop.set_default_executor(pool_of_one("one_at_a_time"));
    event_loop.run_until_complete(async {
        let (guard, end) = (first.guard(), Arc::clone(&finished));
        let running = create_task(to_thread(move || {
            begun.send(()).unwrap();
            wait.recv().unwrap();
            end.store(true, Ordering::SeqCst);
            drop(guard);
        }));
        let (guard, other) = (second.guard(), third.guard());
        let queued = create_task(to_thread(move || drop(guard)));
        yield_now().await;
        has_begun.recv().unwrap();
        assert!(running.cancel() && queued.cancel());
        let _ = (running.await.unwrap_err(), queued.await.unwrap_err());
        assert!(!first.dropped(), "it runs: a thread cannot be stopped");
        go.send(()).unwrap();
        to_thread(move || drop(other)).await.unwrap();
    });
    drop(event_loop);
    assert!(finished.load(Ordering::SeqCst) && first.dropped() && third.dropped());
    assert!(second.dropped(), "what never ran is dropped too");
}

#[test]
fn a_detached_job_runs_though_nobody_awaits_it() {
    let _dog = watchdog("a_detached_job", 30);
    let pool = pool_of_one("detached");
    let (go, wait) = mpsc::channel::<()>();
    let first = pool.submit_fn(move || wait.recv().unwrap());
    let ran = Arc::new(AtomicBool::new(false));
    let inner = Arc::clone(&ran);
    drop(ExecutorJob::from(pool.submit_fn(move || inner.store(true, Ordering::SeqCst))).detach());
    go.send(()).unwrap();
    first.result().unwrap();
    drop(pool);
    assert!(ran.load(Ordering::SeqCst));
}

#[test]
fn every_executor_runs_for_a_task() {
    let _dog = watchdog("every_executor", 30);
    let threads = ThreadPoolExecutor::new(2).unwrap();
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let switched = GilThreadPoolExecutor::new(&lock, 2).unwrap();
    run(async {
        let jobs: Vec<ExecutorJob<u64>> = (0..20)
            .flat_map(|n| {
                [
                    run_in_executor(&threads, |n: u64| n * n, n),
                    run_in_executor(&switched, |n: u64| n * n, n),
                ]
            })
            .collect();
        for (i, job) in jobs.into_iter().enumerate() {
            let n = i as u64 / 2;
            assert_eq!(job.await, Ok(n * n));
        }
    });
}

#[test]
fn dropping_the_loop_joins_its_threads() {
    let _dog = watchdog("dropping_the_loop_joins", 30);
    let event_loop = EventLoop::new().unwrap();
    event_loop.set_default_executor(pool_of_one("joined_old"));
    event_loop.run_until_complete(async {
        to_thread(|| ()).await.unwrap();
        set_default_executor(pool_of_one("joined_new"));
        to_thread(|| ()).await.unwrap();
    });
    assert_eq!((threads_named("joined_old_0"), threads_named("joined_new_0")), (1, 1));
    drop(event_loop);
    // A thread that has been joined may be listed for a moment more; another one for ever.
    while threads_named("joined_old_0") + threads_named("joined_new_0") > 0 {
        std::thread::yield_now();
    }
}

/// The job can only end if the loop runs while it waits for the threads.
#[test]
fn shutting_the_executor_down_does_not_hold_up_the_loop() {
    let _dog = watchdog("shutting_down", 30);
    run(async {
        let handle = LoopHandle::current().unwrap();
        let job = create_task(to_thread(move || {
            handle.run_coroutine_threadsafe(async { 6 * 7 }).result()
        }));
        yield_now().await; // the job is queued
        shutdown_default_executor().await;
        assert_eq!(job.await.unwrap(), Ok(Ok(42)));
        assert_eq!(to_thread(|| ()).await, Err(JobError::ShutDown));
        shutdown_default_executor().await; // again: nothing to do
    });
}

#[test]
#[should_panic(expected = "to_thread needs a running event loop")]
fn to_thread_outside_a_loop_says_what_it_needs() {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = std::pin::pin!(to_thread(|| ())).poll(&mut cx);
}

/// Runs `ask` on another thread, and the loop until that is done.
fn beside<R: Send + 'static>(
    event_loop: &EventLoop,
    ask: impl FnOnce(LoopHandle) -> R + Send + 'static,
) -> R {
    let handle = event_loop.handle();
    let thread = std::thread::spawn(move || {
        let answer = ask(handle);
        handle.stop().unwrap();
        answer
    });
    event_loop.run_forever().unwrap();
    thread.join().unwrap()
}

async fn panics() -> u8 {
    panic!("on the loop")
}

#[test]
fn a_coroutine_sent_to_the_loop_runs_there_and_answers() {
    let _dog = watchdog("a_coroutine_sent", 30);
    let event_loop = EventLoop::new().unwrap();
    let (home, panic) = beside(&event_loop, |handle| {
        let home = handle.run_coroutine_threadsafe(async {
            yield_now().await;
            std::thread::current().id()
        });
        let panic = handle.run_coroutine_threadsafe(panics());
        (home.result(), panic.result())
    });
    assert_eq!(home, Ok(std::thread::current().id()));
    assert_eq!(panic, Err(JobError::Panicked("on the loop".to_owned())));
    assert_eq!(event_loop.tasks(), 0);
}

/// Notes the thread on which it is dropped.
struct Whereabouts(mpsc::Sender<ThreadId>);

impl Drop for Whereabouts {
    fn drop(&mut self) {
        self.0.send(std::thread::current().id()).unwrap();
    }
}

#[test]
fn a_cancel_crosses_to_the_loops_thread() {
    let _dog = watchdog("a_cancel_crosses", 30);
    let event_loop = EventLoop::new().unwrap();
    let (dropped, place) = mpsc::channel();
    let (polled, was_polled) = mpsc::channel();
    let outcome = beside(&event_loop, move |handle| {
        let inside = Whereabouts(dropped);
        let future = handle.run_coroutine_threadsafe(async move {
            let _inside = inside;
            polled.send(()).unwrap();
            std::future::pending::<()>().await;
        });
        was_polled.recv().unwrap();
        assert!(!future.done() && !future.running(), "it stays pending, so that it can be");
        assert!(future.cancel());
        let place = place.recv().unwrap(); // the loop drops it, though nothing else wakes it
        (future.result(), place)
    });
    assert_eq!(outcome, (Err(JobError::Cancelled), std::thread::current().id()));
    assert_eq!(event_loop.tasks(), 0);
}

#[test]
fn a_coroutine_cancelled_before_it_arrives_never_begins() {
    let _dog = watchdog("cancelled_before_it_arrives", 30);
    let event_loop = EventLoop::new().unwrap();
    let flag = DropFlag::default();
    let guard = flag.guard();
    let future = event_loop.handle().run_coroutine_threadsafe(async move {
        let _guard = guard;
        unreachable!("it was polled");
    });
    assert!(future.cancel());
    event_loop.run_until_complete(async {
        yield_now().await;
        yield_now().await;
    });
    assert!(flag.dropped());
    assert_eq!(future.exception(), Some(JobError::Cancelled));
}

#[test]
fn a_task_cancelled_on_its_loop_cancels_the_future() {
    let _dog = watchdog("cancelled_on_its_loop", 30);
    let event_loop = EventLoop::new().unwrap();
    let future = event_loop.handle().run_coroutine_threadsafe(std::future::pending::<()>());
    event_loop.run_until_complete(async {
        yield_now().await;
        for id in singletrack::aio::all_tasks() {
            singletrack::event_loop::core::current("test").ready.borrow_mut().cancel(id);
        }
        yield_now().await;
    });
    assert!(future.cancelled());
}

/// asyncio hangs in all of these.
#[test]
fn blocking_on_the_loops_own_thread_is_an_error_not_a_hang() {
    let _dog = watchdog("blocking_on_the_loops_own_thread", 30);
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let would_deadlock = |error: Option<JobError>| matches!(error, Some(JobError::WouldDeadlock(why)) if why.contains("await the future"));
    let flag = DropFlag::default();
    event_loop.run_until_complete(async {
        let guard = flag.guard();
        let future = handle.run_coroutine_threadsafe(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        });
        yield_now().await; // it has begun
        assert!(would_deadlock(future.result().err()));
        for _ in 0..2 {
            yield_now().await;
        }
        assert!(flag.dropped(), "its value is not wanted any more");
        assert!(would_deadlock(handle.run_coroutine_threadsafe(async {}).exception()));
        let (done, rest) =
            wait([handle.run_coroutine_threadsafe(async {})], ReturnWhen::AllCompleted, None);
        assert!(would_deadlock(done[0].exception()) && rest.is_empty());
        let two = [(); 2].map(|()| handle.run_coroutine_threadsafe(async {}));
        assert_eq!(
            as_completed(two, None)
                .filter(|f| would_deadlock(f.as_ref().unwrap().exception()))
                .count(),
            2
        );
    });
    // Nor can another thread run it while it does not run.
    assert!(would_deadlock(handle.run_coroutine_threadsafe(async {}).exception()));
    // With a limit it is a wait like any other; awaited, or waited for elsewhere, it ends.
    let (short, elsewhere) =
        (Duration::from_millis(1), handle.run_coroutine_threadsafe(async { 7 }));
    assert!(!elsewhere.wait(Some(short)));
    let other = std::thread::spawn(|| elsewhere.result());
    let awaited =
        event_loop.run_until_complete(async { handle.run_coroutine_threadsafe(async { 8 }).await });
    assert_eq!((awaited, other.join().unwrap()), (Ok(8), Ok(7)));
    // A second loop on the thread changes nothing, and its end neither.
    drop(EventLoop::new().unwrap());
    assert!(would_deadlock(handle.run_coroutine_threadsafe(async {}).exception()));
    assert_eq!(event_loop.tasks(), 0);
}

/// Issue: using a handle after its loop is gone.
#[test]
fn a_loop_that_is_gone_is_an_error_not_a_hang() {
    let _dog = watchdog("a_loop_that_is_gone", 30);
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let begun = handle.run_coroutine_threadsafe(std::future::pending::<()>());
    event_loop.run_until_complete(yield_now());
    let in_the_inbox = handle.run_coroutine_threadsafe(std::future::pending::<()>());
    assert!(!handle.is_closed());
    drop(event_loop);
    assert!(handle.is_closed());
    let flag = DropFlag::default();
    let guard = flag.guard();
    let too_late = handle.run_coroutine_threadsafe(async move { drop(guard) });
    assert!(flag.dropped());
    for future in [begun, in_the_inbox, too_late] {
        let error = future.result().unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, JobError::Broken(_)), "{error:?}");
        assert!(text.contains("is gone; keep it alive"), "{text}");
    }
    let _ = handle.call_soon_threadsafe(|| ()).unwrap_err();
    let _ = handle.stop().unwrap_err();
}

#[test]
fn a_name_is_looked_up_and_connected_to() {
    let _dog = watchdog("a_name_is_looked_up", 60);
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = lookup_host("localhost", port).await.unwrap();
        assert!(found.iter().any(|a| a.ip().is_loopback() && a.port() == port));
        let client = TcpStream::connect_name("localhost", port).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(client.local_addr().unwrap(), peer);
        drop((client, server, listener));
        let error = TcpStream::connect_name("localhost", port).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains("cannot connect to `localhost` at "), "{error}");
    });
}

/// The default executor's only thread has a job that ends after the look-up.
#[test]
fn a_look_up_waits_for_no_job_of_another_kind() {
    let _dog = watchdog("a_look_up_waits_for_no_job", 60);
    run(async {
        set_default_executor(ThreadPoolExecutor::new(1).unwrap());
        let (end, wait_for_end) = mpsc::channel::<()>();
        let jobs = [create_task(to_thread(move || wait_for_end.recv().is_ok()))];
        yield_now().await;
        assert!(!lookup_host("localhost", 80).await.unwrap().is_empty());
        end.send(()).unwrap();
        for job in jobs {
            assert_eq!(job.await.unwrap(), Ok(true));
        }
    });
}

/// The job holds the one thread of its pool, and wants something of its loop that wants a thread.
#[test]
fn a_job_may_wait_for_a_look_up_on_its_loop() {
    let _dog = watchdog("a_job_may_wait_for_a_look_up", 60);
    run(async {
        set_default_executor(ThreadPoolExecutor::new(1).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let handle = LoopHandle::current().unwrap();
        let connected = to_thread(move || {
            let connects = async move { TcpStream::connect_name("localhost", port).await.is_ok() };
            handle.run_coroutine_threadsafe(connects).result()
        });
        assert_eq!(connected.await, Ok(Ok(true)));
    });
}

/// Issue: a name that does not resolve.
#[test]
fn a_name_that_does_not_resolve_is_named() {
    let _dog = watchdog("a_name_that_does_not_resolve", 60);
    run(async {
        for name in ["no.such.host.invalid", "", "two words", "nul\0"] {
            let error = TcpStream::connect_name(name, 80).await.unwrap_err();
            assert!(
                error.to_string().contains(&format!("`{name}` could not be looked up")),
                "{error}"
            );
            assert!(error.to_string().contains("is it spelled right"), "{error}");
        }
    });
}
