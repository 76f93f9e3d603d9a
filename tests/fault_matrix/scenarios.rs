//! What is run under faults: a small use of each floor, which says what is right and gives on every
//! error that it is given.
//!
//! *Promises*: a scenario has no time limit of its own: one that waits in vain is seen to hang. But
//! clients that have the very descriptors that their server needs for them give up.

use crate::told::{Outcome, Told, ensure, ensure_eq};
use singletrack::EventLoop;
use singletrack::aio::{
    Listener, ServerOptions, TcpListener, UnixListener, create_task, open_connection,
    open_unix_connection, run, run_on, signal, sleep, spawn, start_server_with, to_thread,
    wait_for, yield_now,
};
use singletrack::aio::{StreamReader, StreamWriter, TimedOut};
use singletrack::futures::{Executor, ThreadPoolExecutor};
use singletrack::gil::{GilCell, GilThread, GlobalLock, SwitchPolicy};
use singletrack::selector::polling::PollingSelector;
use singletrack::sys::memory::memory_file;
use singletrack::sys::socket::{receive, send};
use std::cell::Cell;
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A use of the library.
pub struct Scenario {
    pub name: &'static str,
    /// Errors that it may end with besides those that name the fault: what follows from it elsewhere.
    pub documented: &'static [&'static str],
    pub run: fn() -> Result<(), Told>,
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "loop", documented: &[], run: start_and_stop },
    Scenario { name: "timer", documented: &[], run: timers },
    Scenario { name: "parked loop", documented: &[], run: parked },
    Scenario { name: "tcp", documented: PEER_GONE, run: tcp },
    Scenario { name: "tcp, polling", documented: PEER_GONE, run: tcp_on_the_other_selector },
    Scenario { name: "unix", documented: PEER_GONE, run: unix },
    Scenario { name: "descriptors", documented: &[], run: passed_descriptors },
    Scenario { name: "signals", documented: &[], run: signals },
    Scenario { name: "subprocess", documented: &[], run: subprocess },
    Scenario { name: "run", documented: &[], run: run_with_threads },
    Scenario { name: "thread pool", documented: &[], run: thread_pool },
    Scenario { name: "gil threads", documented: &[], run: gil_threads },
    Scenario { name: "process", documented: LOST, run: crate::processes::one_process },
    Scenario { name: "process pool", documented: LOST, run: crate::processes::pool },
    Scenario { name: "killed worker", documented: LOST, run: crate::processes::killed_worker },
    Scenario { name: "time limit", documented: LOST, run: crate::processes::time_limit },
    Scenario {
        name: "recycled workers",
        documented: LOST,
        run: crate::processes::recycled_workers,
    },
    Scenario { name: "queue", documented: LOST, run: crate::processes::bounded_queue },
    Scenario { name: "pool on the loop", documented: LOST, run: crate::processes::on_the_loop },
];

/// The fault befell the other side, which has hung up.
const PEER_GONE: &[&str] = &[
    "StreamError::IncompleteRead",
    "io::ConnectionReset",
    "io::BrokenPipe",
    "io::ConnectionRefused",
    "io::UnexpectedEof",
];

/// The fault befell a worker or the fork server, which has ended.
const LOST: &[&str] = &[
    "JobError::WorkerLost",
    "JobError::Broken",
    "JobError::Codec",
    "PipeError::Closed",
    "PipeError of the process",
];

/// Runs one. A panic is told, too, and is never right.
pub fn run_caught(scenario: &Scenario) -> Outcome {
    match catch_unwind(AssertUnwindSafe(scenario.run)) {
        Ok(Ok(())) => Outcome::Well,
        Ok(Err(told)) => Outcome::Told(told),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("of any type");
            Outcome::Told(Told::wrong(format!("panicked: {text}")))
        }
    }
}

// ---- the loop ----

fn start_and_stop() -> Result<(), Told> {
    let sum = run_on(EventLoop::new()?, async {
        let tasks: Vec<_> = (0..3u32)
            .map(|n| {
                create_task(async move {
                    yield_now().await;
                    n
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap_or(100);
        }
        sum
    })?;
    ensure_eq(sum, 3, "the sum of three tasks")
}

fn timers() -> Result<(), Told> {
    let order = run_on(EventLoop::new()?, async {
        let order = Rc::new(Cell::new(0));
        let tasks: Vec<_> = [(3u64, 2u64), (1, 1)]
            .map(|(ms, mark)| {
                let order = Rc::clone(&order);
                create_task(async move {
                    sleep(Duration::from_millis(ms)).await;
                    order.set(order.get() * 10 + mark);
                })
            })
            .into();
        for task in tasks {
            let _ = task.await;
        }
        let limit = Some(Duration::from_millis(1));
        let never = wait_for(std::future::pending::<()>(), limit).await;
        (order.get(), never)
    })?;
    ensure_eq(order, (12, Err(TimedOut)), "the order of two timers, and a time limit")
}

/// It watches nothing, and sleeps until a timer or another thread has something for it.
fn parked() -> Result<(), Told> {
    let event_loop = EventLoop::new()?;
    let answer = event_loop.run_until_complete(async {
        sleep(Duration::from_millis(1)).await;
        let late = to_thread(|| {
            std::thread::sleep(Duration::from_millis(2));
            6
        });
        let late = late.await?;
        sleep(Duration::from_millis(1)).await;
        Ok::<i32, Told>(late * to_thread(|| 7).await?)
    })?;
    ensure_eq(answer, 42, "the product of two threads, and two timers")
}

fn signals() -> Result<(), Told> {
    run_on(EventLoop::new()?, async {
        let mut arrivals = signal(libc::SIGUSR1)?;
        for _ in 0..2 {
            // SAFETY: the call takes a number; the signal has a handler now.
            unsafe { libc::raise(libc::SIGUSR1) };
            arrivals.recv().await?;
        }
        Ok(())
    })?
}

fn run_with_threads() -> Result<(), Told> {
    let sum = run(async {
        let six = to_thread(|| 6).await?;
        let seven = to_thread(|| 7).await?;
        Ok::<i32, Told>(six * seven)
    })??;
    ensure_eq(sum, 42, "the product of two threads")
}

// ---- sockets ----

const OPTIONS: ServerOptions = ServerOptions {
    connections: usize::MAX,
    backoff: Duration::from_millis(2),
    linger: Duration::from_millis(100),
};

/// Sends back each line.
async fn echo<T>(mut reader: StreamReader<T>, writer: StreamWriter<T>)
where
    T: singletrack::aio::Bytes + 'static,
    for<'a> &'a T: Read + Write,
{
    while let Ok(line) = reader.readline().await
        && !line.is_empty()
        && writer.write(&line).is_ok()
        && writer.drain().await.is_ok()
    {}
}

/// Says two lines and hears them.
async fn ask<T>(streams: (StreamReader<T>, StreamWriter<T>)) -> Result<(), Told>
where
    T: singletrack::aio::Bytes + 'static,
    for<'a> &'a T: Read + Write,
{
    let (mut reader, writer) = streams;
    for line in ["one\n", "two\n"] {
        writer.write(line.as_bytes())?;
        let heard = reader.read_exactly(4).await?;
        ensure(heard == line.as_bytes(), "the echo is another line")?;
    }
    writer.close();
    Ok(writer.wait_closed().await?)
}

/// A server tries again every few milliseconds. If it is refused in one such time and in the next, its
/// clients have all that there is.
const PATIENCE: Duration = Duration::from_millis(300);

/// Serves while `clients` do their work, then closes and waits until all is closed.
async fn serve<L, C>(listener: L, clients: C) -> Result<(), Told>
where
    L: Listener,
    for<'a> &'a L::Io: Read + Write,
    C: Future<Output = Result<(), Told>>,
{
    let server = start_server_with(listener, OPTIONS, echo);
    let (mut clients, mut was_refused) = (pin!(clients), false);
    let ended = loop {
        match (wait_for(clients.as_mut(), Some(PATIENCE)).await, server.take_error()) {
            (Ok(ended), _) => break ended,
            (Err(_), Some(error)) if was_refused => break Err(error.into()),
            (Err(_), error) => was_refused = error.is_some(),
        }
    };
    server.close();
    server.wait_closed().await;
    ended
}

fn tcp() -> Result<(), Told> {
    run_on(EventLoop::new()?, three_clients())?
}

fn tcp_on_the_other_selector() -> Result<(), Told> {
    let selector = PollingSelector::new()?;
    run_on(EventLoop::with_selector(Box::new(selector)), three_clients())?
}

/// Three at the same time. The first error is told, when all have ended.
async fn three_clients() -> Result<(), Told> {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    let address = listener.local_addr()?;
    let clients = async move {
        let asking = || create_task(async move { ask(open_connection(address).await?).await });
        let clients = [asking(), asking(), asking()];
        let mut all = Ok(());
        for client in clients {
            let ended = client.await.map_err(|e| Told::wrong(e.to_string()));
            all = all.and(ended.and_then(|ended| ended));
        }
        all
    };
    serve(listener, clients).await
}

fn unix() -> Result<(), Told> {
    let path = std::env::temp_dir().join(format!("fault-matrix-{}", std::process::id()));
    let there = path.clone();
    let ended: Result<(), Told> = run_on(EventLoop::new()?, async move {
        let listener = UnixListener::bind(&there)?;
        let client = async { ask(open_unix_connection(&there).await?).await };
        serve(listener, client).await
    })?;
    let left = std::fs::remove_file(path).is_ok();
    ensure(!left || ended.is_err(), "the socket's file is left")?;
    ended
}

fn passed_descriptors() -> Result<(), Told> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    let mut file = memory_file()?;
    file.write_all(b"token")?;
    send(&ours, b"here", &[file.as_fd()])?;
    drop(file);
    let (mut bytes, mut rights) = ([0; 16], Vec::new());
    let count = receive(&theirs, &mut bytes, &mut rights)?;
    ensure(&bytes[..count] == b"here", "the message")?;
    ensure_eq(rights.len(), 1, "descriptors that came")?;
    let mut file = std::fs::File::from(rights.remove(0));
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    ensure_eq(&*text, "token", "what the file holds")
}

// ---- processes and threads ----

fn subprocess() -> Result<(), Told> {
    run_on(EventLoop::new()?, async {
        let mut command = Command::new("cat");
        let mut cat = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        cat.kill_on_drop(true);
        let output = cat.communicate(b"a line\n").await?;
        ensure(output.status.success(), "it failed")?;
        ensure(output.stdout == b"a line\n", "its output is not its input")
    })?
}

fn thread_pool() -> Result<(), Told> {
    let pool = ThreadPoolExecutor::new(2).map_err(|e| Told::wrong(e.to_string()))?;
    let squares: Vec<_> = pool.map(|n: u64| n * n, 0..6).collect();
    pool.shutdown(true, false);
    let squares: Vec<u64> = squares.into_iter().collect::<Result<_, _>>()?;
    ensure_eq(squares, vec![0, 1, 4, 9, 16, 25], "six squares")
}

fn gil_threads() -> Result<(), Told> {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let sum = Arc::new(GilCell::new(&lock, 0u64));
    let start = |n: u64| {
        let sum = Arc::clone(&sum);
        GilThread::spawn(&lock, "adder", move |gil| {
            for _ in 0..50 {
                *sum.get_mut(gil) += n;
                gil.tick();
            }
            gil.detach(|| std::thread::sleep(Duration::from_micros(100)));
        })
    };
    let threads: Vec<_> = (1..=2).map(start).collect();
    let mut all = Ok(());
    let mut whole = true;
    for thread in threads {
        whole &= thread.is_ok();
        let ended = thread.map_err(Told::from).and_then(|thread| Ok(thread.join()?));
        all = all.and(ended);
    }
    let sum = lock.attach(|gil| *sum.get(gil)).map_err(|e| Told::wrong(e.to_string()))?;
    ensure(!whole || sum == 150, "the sum of two threads")?;
    all
}
