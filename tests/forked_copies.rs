//! What came with a fork: a copy of a handle, dropped, used or shut down, does nothing to what the
//! original has outside the process, and says what it is instead of waiting for ever.
//!
//! Without libtest: its bodies run on a second thread, and the fork server needs to be the first.

use singletrack::EventLoop;
use singletrack::aio::{
    Event, PipeReader, StreamReader, StreamWriter, UnixDatagram, UnixListener, UnixStream,
    add_reader, remove_reader, sleep, spawn, wait_for,
};
use singletrack::create_task;
use singletrack::futures::{Executor, Future, JobError, ThreadPoolExecutor, as_completed, promise};
use singletrack::process::{ForkServer, Pool, PoolError, Process, ProcessOptions, ProcessPool};
use singletrack::sys::fd::is_nonblocking;
use singletrack::sys::process::Death;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

/// A name, and what is to be done with the fork server of all.
type Test = (&'static str, fn(&ForkServer));

/// Runs `body` in a child, which must end with `true` within ten seconds.
fn in_child(body: impl FnOnce() -> bool) {
    // SAFETY: the child runs `body` only, and leaves by `_exit` or by the alarm.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        // SAFETY: two plain system calls.
        unsafe {
            libc::alarm(10);
            let good = catch_unwind(AssertUnwindSafe(body));
            libc::_exit(if matches!(good, Ok(true)) { 0 } else { 1 })
        }
    }
    let mut status = 0;
    // SAFETY: `pid` is our child and `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert_eq!(status, 0, "exit 1 is a wrong answer, signal 14 a hang, 6 an abort");
}

/// The error names both processes.
fn says_copy<T>(result: Result<T, impl ToString>) -> bool {
    result.is_err_and(|why| is_copy(&why))
}

fn is_copy(why: &impl ToString) -> bool {
    why.to_string().contains("forked from it")
}

fn square(x: u64) -> u64 {
    x * x
}

fn nap(ms: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    ms
}

fn for_ever(_: ()) {
    loop {
        std::thread::park();
    }
}

/// All that can be awaited at once, without a loop.
fn poll_once<F: std::future::Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn a_fork_server(fork_server: &ForkServer) {
    let own = ForkServer::start().unwrap();
    in_child(|| {
        let refused = says_copy(Process::spawn(&own, square, 3))
            && matches!(ProcessPool::new(&own, 1), Err(PoolError::Os(why)) if is_copy(&why));
        // A fork server of its own is no copy.
        let another = ForkServer::start().unwrap();
        refused && Process::spawn(&another, square, 3).unwrap().join() == Ok(9)
    });
    let mut copy = Some(own);
    in_child(|| copy.take().is_some());
    let own = copy.unwrap();
    assert_eq!(Process::spawn(&own, square, 4).unwrap().join(), Ok(16));
    assert_eq!(Process::spawn(fork_server, square, 5).unwrap().join(), Ok(25));
}

fn a_daemon_and_another_process(fork_server: &ForkServer) {
    let daemon = ProcessOptions::default().daemon(true).spawn(fork_server, nap, 300).unwrap();
    let other = Process::spawn(fork_server, for_ever, ()).unwrap();
    let mut copies = (Some(daemon), Some(other));
    // Neither killed by its drop nor waited for.
    in_child(|| copies.0.take().is_some() && copies.1.take().is_some());
    let (daemon, other) = (copies.0.unwrap(), copies.1.unwrap());
    assert_eq!(daemon.join(), Ok(300));
    other.kill().unwrap();
    let killed = other.join();
    let nine = Death::Signal(libc::SIGKILL);
    assert!(
        matches!(killed, Err(JobError::WorkerLost { death, .. }) if death == nine),
        "{killed:?}"
    );
}

fn a_process_that_is_used(fork_server: &ForkServer) {
    let mut process = Some(Process::spawn(fork_server, nap, 300).unwrap());
    in_child(|| {
        let mut copy = process.take().unwrap();
        says_copy(copy.wait(None))
            && says_copy(poll_once(copy.ended()).unwrap())
            && copy.exit_code().is_none()
            && says_copy(copy.kill())
            && says_copy(copy.terminate())
            && says_copy(copy.interrupt())
            && says_copy(copy.join())
    });
    assert_eq!(process.unwrap().join(), Ok(300), "its answer was not read by the copy");
}

fn a_pool(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let running = pool.submit(nap, 300);
    let queued = pool.submit(square, 3);
    let job = pool.submit_with(Default::default(), square, 4);
    let mut copy = Some(pool);
    in_child(|| {
        let pool = copy.take().unwrap();
        let refused = says_copy(pool.submit(square, 1).result())
            && says_copy(pool.call(square, 1))
            && says_copy(pool.submit_within(Duration::ZERO, square, 1).result())
            && pool.map(square, [1, 2]).all(says_copy)
            && says_copy(pool.resize(2));
        let nothing = !pool.kill(job.job)
            && pool.workers() == 0
            && pool.worker_pids().is_empty()
            && pool.worker_stats().is_empty()
            && pool.counts() == Default::default()
            && format!("{pool:?}").contains("ProcessPool");
        pool.shutdown(true, true);
        pool.terminate_workers();
        pool.kill_workers();
        drop(pool);
        refused && nothing
    });
    let pool = copy.unwrap();
    assert_eq!((running.result(), queued.result()), (Ok(300), Ok(9)));
    assert_eq!(job.future.result(), Ok(16));
    assert_eq!(pool.call(square, 5), Ok(25));
}

/// A worker ends when the last copy of its request pipe is closed: the original's pool can be shut
/// down while a copy that has let go of its own lives on.
fn a_pool_that_a_living_copy_has_dropped(fork_server: &ForkServer) {
    let mut pool = Some(ProcessPool::new(fork_server, 1).unwrap());
    assert_eq!(pool.as_ref().unwrap().call(square, 5), Ok(25));
    let (dropped, tell) = std::io::pipe().unwrap();
    let (ended, end) = std::io::pipe().unwrap();
    // SAFETY: the child leaves by `_exit` or by the alarm.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: plain system calls.
        unsafe { libc::alarm(20) };
        drop(pool.take());
        drop((dropped, tell, end));
        let _until_the_parent_says_so = std::io::read_to_string(ended);
        // SAFETY: it does not return.
        unsafe { libc::_exit(0) }
    }
    drop((tell, ended));
    assert_eq!(std::io::read_to_string(dropped).unwrap(), "");
    let killed = pool.as_ref().unwrap().counts();
    drop(pool);
    drop(end);
    let mut status = 0;
    // SAFETY: `pid` is our child and `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert_eq!(status, 0, "the copy was there until the pool was gone: {killed:?}");
}

/// Nobody tells a copy of a future what became of the job.
fn the_futures_of_a_pool(fork_server: &ForkServer) {
    let pool = ProcessPool::new(fork_server, 1).unwrap();
    let threads = ThreadPoolExecutor::new(1).unwrap();
    let several = || vec![pool.submit(nap, 100), threads.submit(nap, 100), pool.submit(square, 3)];
    let mut futures = several();
    let begun = as_completed(several(), None);
    let mut begun = Some(begun);
    let (promise, free) = promise();
    let (mut free, mut promise) = (Some(free), Some(promise));
    in_child(|| {
        let two = futures.drain(..2).map(Future::result).all(says_copy);
        let awaited = says_copy(poll_once(futures.pop().unwrap()).unwrap());
        let waited = begun.take().unwrap().map(|done| done.unwrap().result()).all(says_copy);
        // What anybody may complete is as good here as there, and is worth waiting for.
        let mut free = free.take().unwrap();
        let open = poll_once(&mut free).is_none();
        promise.take().unwrap().set_result(7);
        two && awaited && waited && open && free.result() == Ok(7)
    });
    in_child(|| {
        let all = as_completed(std::mem::take(&mut futures), None);
        all.map(|done| done.unwrap().result()).all(says_copy)
    });
    promise.unwrap().set_result(8);
    assert_eq!(free.unwrap().result(), Ok(8));
    assert_eq!(begun.unwrap().map(|done| done.unwrap().result().unwrap()).max(), Some(100));
    let results: Vec<_> = futures.into_iter().map(Future::result).collect();
    assert_eq!(results, [Ok(100), Ok(100), Ok(9)]);
}

/// The job is the original's: a copy neither cancels it nor tells anybody that it did.
fn the_cancel_of_a_job(_: &ForkServer) {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (open, gate) = mpsc::channel::<()>();
    let runs = pool.submit_fn(move || gate.recv().is_ok());
    let queued = pool.submit_fn(|| true);
    let told = Arc::new(AtomicUsize::new(0));
    for future in [&runs, &queued] {
        let told = Arc::clone(&told);
        future.add_done_callback(move || _ = told.fetch_add(1, SeqCst));
    }
    in_child(|| {
        let cancels = [runs.cancel(), queued.cancel(), queued.cancelled()];
        cancels == [false; 3] && told.load(SeqCst) == 0 && says_copy(queued.result())
    });
    open.send(()).unwrap();
    assert_eq!(runs.result(), Ok(true));
}

/// A thread that does something again and again, until this is dropped.
struct Busy(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Busy {
    fn with(step: impl Fn() + Send + 'static) -> Busy {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || {
            let _loop = EventLoop::new().unwrap(); // so others may wait for this thread
            while !stopped.load(SeqCst) {
                step();
            }
        };
        Busy(stop, Some(std::thread::spawn(work)))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
        self.1.take().unwrap().join().unwrap();
    }
}

/// A thread that was not copied may have had the lock of a future. Enough forks meet one that has.
fn a_future_that_another_thread_looks_at(_: &ForkServer) {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let (open, gate) = mpsc::channel::<()>();
    let runs = pool.submit_fn(move || gate.recv().is_ok());
    let queued = Arc::new(pool.submit_fn(|| ()));
    let looked_at = Arc::clone(&queued);
    let busy = Busy::with(move || assert!(!looked_at.cancelled()));
    for _ in 0..40 {
        in_child(|| {
            queued.add_done_callback(|| ());
            let no = [queued.cancel(), queued.running(), queued.cancelled()];
            let error = queued.exception();
            no == [false; 3]
                && error.is_some_and(|why| is_copy(&why))
                && queued.wait(None)
                && queued.done()
                && format!("{queued:?}").contains("Finished")
        });
    }
    drop(busy);
    open.send(()).unwrap();
    assert_eq!(runs.result(), Ok(true));
    assert_eq!(Arc::into_inner(queued).unwrap().result(), Ok(()));
}

/// The workers end its futures when the fork comes.
fn an_as_completed_that_is_being_told(_: &ForkServer) {
    let pool = ThreadPoolExecutor::new(2).unwrap();
    for _ in 0..40 {
        let jobs: Vec<_> = (0..200).map(|i| pool.submit_fn(move || i)).collect();
        let mut all = as_completed(jobs, None);
        let first = all.next().unwrap().unwrap().result();
        let mut all = Some(all);
        in_child(|| {
            let ends = all.take().unwrap().map(|one| one.unwrap().result());
            ends.filter(|end| end.is_ok() || says_copy(end.clone())).count() == 199
        });
        let sum = all.unwrap().map(|one| one.unwrap().result().unwrap()).sum::<i32>();
        assert_eq!(sum + first.unwrap(), 199 * 100);
    }
}

/// A copy can block on what is its own, though others blocked when the fork came.
fn who_waits_for_whom(_: &ForkServer) {
    let pool = ThreadPoolExecutor::new(1).unwrap();
    let busy = Busy::with(move || {
        assert_eq!(pool.submit_fn(std::thread::yield_now).result(), Ok(()));
    });
    for _ in 0..40 {
        in_child(|| {
            let _loop = EventLoop::new().unwrap();
            let own = ThreadPoolExecutor::new(1).unwrap();
            own.submit(nap, 1).result() == Ok(1)
        });
    }
    drop(busy);
}

fn a_multiprocessing_pool(fork_server: &ForkServer) {
    let pool = Pool::new(fork_server, 1).unwrap();
    let mut results = pool.imap(nap, [100; 4]);
    assert_eq!(results.next(), Some(Ok(100)));
    in_child(|| says_copy(results.next().unwrap()) && results.next().is_none());
    let mut copy = Some(results);
    in_child(|| copy.take().is_some());
    assert_eq!(copy.unwrap().collect::<Vec<_>>(), [Ok(100), Ok(100), Ok(100)]);
    in_child(|| {
        pool.close();
        pool.join();
        pool.terminate();
        says_copy(pool.map(square, [1, 2, 3]))
            && says_copy(pool.apply(square, 1))
            && pool.imap(square, [1, 2]).all(says_copy)
    });
    let mut copy = Some(pool);
    in_child(|| copy.take().is_some());
    assert_eq!(copy.unwrap().map(square, [1, 2, 3]), Ok(vec![1, 4, 9]));
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("singletrack-copies-{name}-{}", std::process::id()))
}

fn socket_files(_: &ForkServer) {
    let (stream, messages) = (path("stream"), path("messages"));
    EventLoop::new().unwrap().run_until_complete(async {
        let mut listener = Some(UnixListener::bind(&stream).unwrap());
        let mut socket = Some(UnixDatagram::bind(&messages).unwrap());
        in_child(|| listener.take().is_some() && socket.take().is_some());
        assert!(stream.exists() && messages.exists());
        let client = UnixStream::connect(&stream).await.unwrap();
        let (server, _) = listener.as_ref().unwrap().accept().await.unwrap();
        client.write_all(b"x").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
        drop((listener, socket));
        assert!(!stream.exists() && !messages.exists(), "the original removes them");
    });
}

fn a_child_of_the_loop(_: &ForkServer) {
    EventLoop::new().unwrap().run_until_complete(async {
        let mut child = spawn(Command::new("sleep").arg("0.3")).unwrap();
        child.kill_on_drop(true);
        let mut child = Some(child);
        in_child(|| {
            let mut copy = child.take().unwrap();
            let refused = says_copy(copy.kill())
                && says_copy(copy.terminate())
                && says_copy(copy.try_wait())
                && says_copy(poll_once(copy.wait()).unwrap())
                && says_copy(poll_once(copy.communicate(b"")).unwrap());
            drop(copy);
            refused
        });
        assert!(child.unwrap().wait().await.unwrap().success());
    });
}

fn a_connection(_: &ForkServer) {
    EventLoop::new().unwrap().run_until_complete(async {
        let (one, two) = UnixStream::pair().unwrap();
        let writer = StreamWriter::new(one);
        let mut reader = StreamReader::new(two);
        let mut writer = Some(writer);
        in_child(|| writer.take().is_some());
        in_child(|| {
            writer.as_ref().unwrap().close();
            true
        });
        writer.as_ref().unwrap().write(b"still there\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"still there\n");
        drop(writer);
        assert_eq!(reader.readline().await.unwrap(), b"");
    });
}

fn the_mode_of_somebody_elses_descriptor(_: &ForkServer) {
    EventLoop::new().unwrap().run_until_complete(async {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let (ours, theirs) = (reader.try_clone().unwrap(), reader);
        let taken = PipeReader::from_fd(ours.into());
        let mut taken = Some(taken.unwrap());
        in_child(|| taken.take().is_some());
        assert!(is_nonblocking(&theirs).unwrap(), "the original still uses it");
        writer.write_all(b"x").unwrap();
        taken.as_ref().unwrap().read_exact(&mut [0]).await.unwrap();
        drop(taken);
        assert!(!is_nonblocking(OwnedFd::from(theirs)).unwrap(), "the original puts it back");
    });
}

fn the_half_of_a_connection(_: &ForkServer) {
    EventLoop::new().unwrap().run_until_complete(async {
        let (near, far) = UnixStream::pair().unwrap();
        let (_reader, writer) = near.into_split();
        let mut writer = Some(writer);
        in_child(|| writer.take().is_some());
        writer.unwrap().write_all(b"x").await.expect("it is as open as it was");
        assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 1);
    });
}

fn a_message_to_a_loop(_: &ForkServer) {
    let event_loop = EventLoop::new().unwrap();
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut stream = Some(
        event_loop.run_until_complete(async { UnixStream::from_std(ours) }).expect("a stream"),
    );
    let handle = event_loop.handle();
    in_child(|| {
        // The loop does not run, and will never run here: the message is given back.
        let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = open();
        drop(stream.take());
        let is_closed = open() == before - 1;
        let broken = handle.run_coroutine_threadsafe(async { 7 }).result();
        let own = EventLoop::new().unwrap();
        let answer = own.run_until_complete(async { 8 });
        is_closed
            && handle.call_soon_threadsafe(|| ()).is_err()
            && matches!(broken, Err(JobError::Broken(_)))
            && own.handle().call_soon_threadsafe(|| ()).is_ok()
            && answer == 8
    });
    drop(stream);
    theirs.set_read_timeout(Some(Duration::from_secs(9))).unwrap();
    assert_eq!(theirs.read(&mut [0; 4]).unwrap(), 0, "nothing keeps it open");
}

fn what_a_loop_watches(_: &ForkServer) {
    EventLoop::new().unwrap().run_until_complete(async {
        let (near, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
        let near = Rc::new(near);
        let (called, io) = (Rc::new(Event::new()), Rc::clone(&near));
        let tell = Rc::clone(&called);
        let read = move || {
            let _ = (&*io).read(&mut [0; 8]);
            tell.set();
        };
        add_reader(Rc::clone(&near), read).unwrap();
        sleep(Duration::from_millis(1)).await;
        in_child(|| {
            !remove_reader(&*near)
                && says_copy(UnixStream::pair().map(drop))
                && says_copy(add_reader(std::io::stdin(), || ()))
        });
        far.write_all(b"x").unwrap();
        wait_for(called.wait(), Some(Duration::from_secs(9))).await.expect("it is watched");
        // A task that is ended in the copy is ended there for nobody.
        let task = create_task(sleep(Duration::from_millis(1))).cancel_on_drop();
        let mut task = Some(task);
        in_child(|| task.take().is_some());
        task.unwrap().await.unwrap();
    });
}

fn main() {
    // SAFETY: a plain system call: nothing here may hang.
    unsafe { libc::alarm(120) };
    let fork_server = ForkServer::start().expect("one thread so far");
    let tests: [Test; 18] = [
        ("a fork server", a_fork_server),
        ("a daemon and another process", a_daemon_and_another_process),
        ("a process that is used", a_process_that_is_used),
        ("a pool", a_pool),
        ("a pool that a living copy has dropped", a_pool_that_a_living_copy_has_dropped),
        ("the futures of a pool", the_futures_of_a_pool),
        ("the cancel of a job", the_cancel_of_a_job),
        ("a future that another thread looks at", a_future_that_another_thread_looks_at),
        ("an as_completed that is being told", an_as_completed_that_is_being_told),
        ("who waits for whom", who_waits_for_whom),
        ("a multiprocessing pool", a_multiprocessing_pool),
        ("socket files", socket_files),
        ("a child of the loop", a_child_of_the_loop),
        ("a connection", a_connection),
        ("the mode of somebody else's descriptor", the_mode_of_somebody_elses_descriptor),
        ("the half of a connection", the_half_of_a_connection),
        ("a message to a loop", a_message_to_a_loop),
        ("what a loop watches", what_a_loop_watches),
    ];
    let filter = std::env::args().nth(1).filter(|text| !text.starts_with('-'));
    for (name, test) in tests {
        if filter.as_ref().is_none_or(|text| name.contains(text.as_str())) {
            test(&fork_server);
            println!("{name} ... ok");
        }
    }
}
