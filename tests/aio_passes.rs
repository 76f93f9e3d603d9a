//! How many iterations of the loop each feature takes, beside asyncio's count of `_run_once`. Each
//! row has the Python that was counted, and where there is a CPython 3.12 or 3.13, it is counted
//! again.
//!
//! It is the cheapest proof of asyncio's order: a loop that polled inline, or woke too often,
//! would show other numbers. Where ours differ, the row says why.

use singletrack::aio::{
    Barrier, Condition, Event, Lock, Queue, Semaphore, TaskGroup, as_completed, gather, shield,
    sleep, timeout, wait, wait_for,
};
use singletrack::futures::ReturnWhen;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::{EventLoop, create_task, yield_now};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

type Work = Pin<Box<dyn Future<Output = ()>>>;

struct Row {
    what: &'static str,
    asyncio: u64,
    ours: u64,
    /// Why the two differ; empty if they do not.
    why: &'static str,
    /// The same in Python, as the body of a function.
    python: &'static str,
    work: Work,
}

const LONG: Duration = Duration::from_secs(100);

/// The same number as asyncio.
fn same(
    what: &'static str,
    iterations: u64,
    python: &'static str,
    work: impl Future<Output = ()> + 'static,
) -> Row {
    Row { what, asyncio: iterations, ours: iterations, why: "", python, work: Box::pin(work) }
}

/// Another number, for a reason.
fn differs(
    what: &'static str,
    (asyncio, ours): (u64, u64),
    why: &'static str,
    python: &'static str,
    work: impl Future<Output = ()> + 'static,
) -> Row {
    Row { what, asyncio, ours, why, python, work: Box::pin(work) }
}

const NO_CALLBACK: &str = "asyncio's children finish through a done-callback, an iteration of its own, \
     that resolves an outer future, whose callback wakes the awaiter; here a child wakes it";
const NO_THROW: &str = "asyncio spends an iteration on throwing CancelledError into the body; a drop \
     happens in the iteration of the deadline";

async fn noop() {}

fn basics(event_loop: &Rc<EventLoop>) -> Vec<Row> {
    let event_loop = Rc::clone(event_loop);
    async fn chain(depth: u32) {
        if depth > 0 {
            let next: Work = Box::pin(chain(depth - 1));
            create_task(next).await.unwrap();
        }
    }
    vec![
        same("await a plain coroutine", 0, "await noop()", noop()),
        same(
            "await a task that is done",
            1,
            r"
task = create_task(noop())
await sleep(0)
await task",
            async {
                let task = create_task(noop());
                yield_now().await;
                task.await.unwrap();
            },
        ),
        same("sleep(0)", 1, "await sleep(0)", sleep(Duration::ZERO)),
        same(
            "await what a call_soon resolves",
            2,
            r"
event = Event()
get_running_loop().call_soon(event.set)
await event.wait()",
            async move {
                let event = Rc::new(Event::new());
                let inner = Rc::clone(&event);
                event_loop.call_soon(move || inner.set());
                event.wait().await;
            },
        ),
        same("await a task", 2, "await create_task(noop())", async {
            create_task(noop()).await.unwrap()
        }),
        same("await a task that does sleep(0)", 3, "await create_task(sleep(0))", async {
            create_task(sleep(Duration::ZERO)).await.unwrap();
        }),
        same(
            "chain of 5 create_task awaits",
            10,
            r"
async def chain(depth):
    if depth > 0:
        await create_task(chain(depth - 1))
await chain(5)",
            chain(5),
        ),
        same(
            "cancel a sleeping task and await it",
            3,
            r"
task = create_task(sleep(LONG))
await sleep(0)
task.cancel()
with suppress(CancelledError):
    await task",
            async {
                let task = create_task(sleep(LONG));
                yield_now().await;
                task.cancel();
                task.await.unwrap_err();
            },
        ),
    ]
}

fn combinators() -> Vec<Row> {
    let three = || [(); 3].map(|()| create_task(noop()));
    vec![
        differs("gather of 3", (3, 2), NO_CALLBACK, "await gather(*three())", async move {
            gather(three()).await.unwrap();
        }),
        same("nested gather", 4, "await gather(gather(noop(), noop()), noop())", async {
            // Here the inner gather is a future, so it takes a task of its own.
            let inner = create_task(async {
                gather([create_task(noop()), create_task(noop())]).await.unwrap();
            });
            gather([inner, create_task(noop())]).await.unwrap();
        }),
        differs("wait for 3", (3, 2), NO_CALLBACK, "await wait(three())", async move {
            wait(three(), ReturnWhen::AllCompleted, None).await;
        }),
        differs(
            "as_completed of 2",
            (3, 2),
            NO_CALLBACK,
            r"
for task in as_completed([noop(), noop()]):
    await task",
            async {
                let mut completed = as_completed([(); 2].map(|()| create_task(noop())));
                while let Some(task) = completed.next().await {
                    task.await.unwrap();
                }
            },
        ),
        differs("shield", (3, 2), NO_CALLBACK, "await shield(noop())", async {
            shield(noop()).await.unwrap()
        }),
        same(
            "empty TaskGroup",
            0,
            r"
async with TaskGroup():
    pass",
            async {
                TaskGroup::<()>::run(async |_| Ok(())).await.unwrap();
            },
        ),
        differs(
            "TaskGroup with 2 tasks",
            (3, 2),
            NO_CALLBACK,
            r"
async with TaskGroup() as group:
    group.create_task(noop())
    group.create_task(noop())",
            async {
                let end = TaskGroup::<()>::run(async |group| {
                    drop(group.create_task(async { Ok(()) }));
                    drop(group.create_task(async { Ok(()) }));
                    Ok(())
                });
                end.await.unwrap();
            },
        ),
        same(
            "TaskGroup whose only child fails",
            3,
            r"
with suppress(ExceptionGroup):
    async with TaskGroup() as group:
        group.create_task(fails())",
            async {
                let end = TaskGroup::<()>::run(async |group| {
                    drop(group.create_task::<()>(async { Err(()) }));
                    Ok(())
                });
                end.await.unwrap_err();
            },
        ),
        differs(
            "TaskGroup: one fails, one sleeps",
            (5, 4),
            "the sleeper is dropped, not woken to have an error thrown into it",
            r"
with suppress(ExceptionGroup):
    async with TaskGroup() as group:
        group.create_task(fails())
        group.create_task(sleep(LONG))",
            async {
                let end = TaskGroup::<()>::run(async |group| {
                    drop(group.create_task::<()>(async { Err(()) }));
                    drop(group.create_task(async {
                        sleep(LONG).await;
                        Ok(())
                    }));
                    Ok(())
                });
                end.await.unwrap_err();
            },
        ),
        same(
            "timeout that does not expire",
            0,
            r"
async with timeout(LONG):
    await noop()",
            async {
                timeout(LONG).run(noop()).await.unwrap();
            },
        ),
        differs(
            "timeout(0) around a sleep",
            (2, 1),
            NO_THROW,
            r"
with suppress(TimeoutError):
    async with timeout(0):
        await sleep(LONG)",
            async {
                timeout(Duration::ZERO).run(sleep(LONG)).await.unwrap_err();
            },
        ),
        same("wait_for(coroutine, 100 s)", 0, "await wait_for(noop(), LONG)", async {
            wait_for(noop(), Some(LONG)).await.unwrap();
        }),
        same("wait_for(task, 100 s)", 2, "await wait_for(create_task(noop()), LONG)", async {
            wait_for(create_task(noop()), Some(LONG)).await.unwrap().unwrap();
        }),
    ]
}

/// Hand-offs to a task that waits already, with the iteration that lets it start.
fn hand_offs() -> Vec<Row> {
    vec![
        same(
            "Event",
            3,
            r"
event = Event()
task = create_task(event.wait())
await sleep(0)
event.set()
await task",
            async {
                let event = Rc::new(Event::new());
                let inner = Rc::clone(&event);
                let task = create_task(async move { inner.wait().await });
                yield_now().await;
                event.set();
                task.await.unwrap();
            },
        ),
        same(
            "Lock",
            3,
            r"
lock = Lock()
await lock.acquire()
task = create_task(lock.acquire())
await sleep(0)
lock.release()
await task",
            async {
                let lock = Rc::new(Lock::new(()));
                let guard = lock.acquire().await;
                let inner = Rc::clone(&lock);
                let task = create_task(async move { drop(inner.acquire().await) });
                yield_now().await;
                drop(guard);
                task.await.unwrap();
            },
        ),
        same(
            "Semaphore",
            3,
            r"
semaphore = Semaphore(1)
await semaphore.acquire()
task = create_task(semaphore.acquire())
await sleep(0)
semaphore.release()
await task",
            async {
                let semaphore = Rc::new(Semaphore::new(1));
                let permit = semaphore.acquire().await;
                let inner = Rc::clone(&semaphore);
                let task = create_task(async move { drop(inner.acquire().await) });
                yield_now().await;
                drop(permit);
                task.await.unwrap();
            },
        ),
        same(
            "Condition",
            3,
            r"
condition = Condition()
async def waiter():
    async with condition:
        await condition.wait()
task = create_task(waiter())
await sleep(0)
async with condition:
    condition.notify(1)
await task",
            async {
                let shared = Rc::new((Lock::new(()), Condition::new()));
                let inner = Rc::clone(&shared);
                let task = create_task(async move {
                    let guard = inner.0.acquire().await;
                    drop(inner.1.wait(guard).await);
                });
                yield_now().await;
                let guard = shared.0.acquire().await;
                shared.1.notify(1);
                drop(guard);
                task.await.unwrap();
            },
        ),
        same(
            "Queue",
            3,
            r"
queue = Queue()
task = create_task(queue.get())
await sleep(0)
queue.put_nowait(1)
await task",
            async {
                let queue = Rc::new(Queue::new(0));
                let inner = Rc::clone(&queue);
                let task = create_task(async move { inner.get().await });
                yield_now().await;
                queue.put_nowait(1).unwrap();
                assert_eq!(task.await.unwrap(), Ok(1));
            },
        ),
        same(
            "Queue.join, one item, one worker",
            2,
            r"
queue = Queue()
queue.put_nowait(1)
async def worker():
    await queue.get()
    queue.task_done()
task = create_task(worker())
await queue.join()",
            async {
                let queue = Rc::new(Queue::new(0));
                queue.put_nowait(1).unwrap();
                let inner = Rc::clone(&queue);
                drop(create_task(async move {
                    inner.get().await.unwrap();
                    inner.task_done().unwrap();
                }));
                queue.join().await;
            },
        ),
        same(
            "Barrier(2) with one helper task",
            2,
            r"
barrier = Barrier(2)
task = create_task(barrier.wait())
await barrier.wait()",
            async {
                let barrier = Rc::new(Barrier::new(2));
                let inner = Rc::clone(&barrier);
                drop(create_task(async move { inner.wait().await }));
                barrier.wait().await.unwrap();
            },
        ),
    ]
}

#[test]
fn turns_per_feature_beside_asyncios() {
    let event_loop = Rc::new(EventLoop::with_selector(Box::new(ScriptedSelector::new())));
    event_loop.set_io_interval(1); // poll the selector in every iteration, as asyncio does
    let mut wrong = Vec::new();
    for row in [basics(&event_loop), combinators(), hand_offs()].into_iter().flatten() {
        let Row { what, asyncio, ours, why, work, .. } = row;
        assert_eq!(asyncio == ours, why.is_empty(), "{what}: a difference needs a reason");
        let taken = event_loop.run_until_complete(async {
            let before = event_loop.iterations();
            work.await;
            event_loop.iterations() - before
        });
        println!("{what:40} asyncio {asyncio:2}   here {taken:2}   {why}");
        if taken != ours {
            wrong.push(format!("{what}: {taken} iterations, the table says {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const PREFACE: &str = r#"
import sys
if sys.version_info[:2] not in [(3, 12), (3, 13)]:
    sys.exit(77)
from asyncio import *
from contextlib import suppress
LONG = 100
async def noop():
    pass
async def fails():
    raise ValueError
def three():
    return [create_task(noop()) for _ in range(3)]
class Counting(SelectorEventLoop):
    turns = 0
    def _run_once(self):
        self.turns += 1
        super()._run_once()
async def counted(row):
    loop = get_running_loop()
    before = loop.turns
    await row()
    return loop.turns - before
"#;

/// On `PATH` and in pyenv; some may not be there.
fn interpreters() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let versions = std::fs::read_dir(PathBuf::from(home).join(".pyenv/versions"));
    let in_pyenv = versions.into_iter().flatten().flatten().map(|v| v.path().join("bin/python3"));
    in_pyenv.chain(["python3.12", "python3.13", "python3"].map(PathBuf::from)).collect()
}

/// What asyncio takes for each row, if this interpreter is here and of the right age.
fn count_with(python: &Path, rows: &[Row]) -> Option<Vec<u64>> {
    let mut script = PREFACE.to_owned();
    for row in rows {
        let body = row.python.trim().replace('\n', "\n    ");
        let run = "print(run(counted(row), loop_factory=Counting))";
        script += &format!("async def row():\n    {body}\n{run}\n");
    }
    let output = Command::new(python).arg("-c").arg(script).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    match output.status.success() {
        true => Some(text.lines().map(|line| line.parse().unwrap()).collect()),
        false => {
            let why = String::from_utf8_lossy(&output.stderr);
            assert!(!why.contains("Traceback"), "{why}");
            None
        }
    }
}

#[test]
fn asyncio_itself_takes_as_many_as_the_table_says() {
    let event_loop = Rc::new(EventLoop::with_selector(Box::new(ScriptedSelector::new())));
    let rows = [basics(&event_loop), combinators(), hand_offs()];
    let rows: Vec<_> = rows.into_iter().flatten().collect();
    let counts: Vec<_> =
        interpreters().iter().filter_map(|python| count_with(python, &rows)).collect();
    if counts.is_empty() {
        eprintln!("not counted again: there is no CPython 3.12 or 3.13 here");
    }
    let table: Vec<_> = rows.iter().map(|row| (row.what, row.asyncio)).collect();
    for counts in counts {
        assert_eq!(table, rows.iter().map(|row| row.what).zip(counts).collect::<Vec<_>>());
    }
}
