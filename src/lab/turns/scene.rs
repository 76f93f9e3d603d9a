//! Scenes: small programs that show one thing about a loop each.
//!
//! *Promises*: each ends, in virtual time, after at most a few dozen iterations; its tasks have names.
//! *Leaves out*: sockets of other processes: what they do is not the same every time.

use crate::aio::sync::event::Event;
use crate::aio::sync::lock::Lock;
use crate::aio::sync::queue::Queue;
use crate::aio::tasks::combine::gather;
use crate::aio::tasks::current::create_named_task;
use crate::aio::time::sleep::sleep;
use crate::aio::time::timeout::timeout;
use crate::lab::report::failure::Failure;
use crate::lab::report::nearest::or_nearest;
use crate::selector::scripted::ScriptedSelector;
use crate::task::budget::yield_now;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// A program for a loop.
pub struct Scene {
    /// Its name.
    pub name: &'static str,
    /// What to ask oneself before looking.
    pub question: &'static str,
    /// The program.
    pub run: fn(ScriptedSelector) -> Pin<Box<dyn Future<Output = ()>>>,
}

const MS: Duration = Duration::from_millis(1);

/// All of them, the simplest first.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "order",
        question: "Two tasks yield three times each. In which order do they run, and in how many \
                   iterations?",
        run: |_| Box::pin(order()),
    },
    Scene {
        name: "sleep",
        question: "Three tasks sleep for 30, 10 and 20 ms. How often does the loop wake?",
        run: |_| Box::pin(sleeps()),
    },
    Scene {
        name: "queue",
        question: "A producer is faster than its consumer, and the queue holds two. Who waits for \
                   whom?",
        run: |_| Box::pin(queue()),
    },
    Scene {
        name: "lock",
        question: "Three tasks want one lock. Is the next holder woken before or after the one that \
                   gave it up goes on?",
        run: |_| Box::pin(lock()),
    },
    Scene {
        name: "herd",
        question: "One event, four waiters. How many tasks does one `set` make ready?",
        run: |_| Box::pin(herd()),
    },
    Scene {
        name: "timeout",
        question: "A limit of 10 ms around work of 50 ms. Who is woken at 10 ms, and what becomes of \
                   the work?",
        run: |_| Box::pin(limit()),
    },
    Scene {
        name: "busy",
        question: "A task computes for 5 ms, yields, and computes for 5 ms again. When does the sleep of \
                   1 ms beside it end?",
        run: |clock| Box::pin(busy(clock)),
    },
];

impl Scene {
    /// The scene of that name.
    ///
    /// # Errors
    /// One line that names them all.
    pub fn named(name: &str) -> Result<&'static Scene, Failure> {
        SCENES.iter().find(|scene| scene.name == name).ok_or_else(|| {
            let names: Vec<&str> = SCENES.iter().map(|scene| scene.name).collect();
            let remedy = format!("{}, or a file that ends in .py", or_nearest(name, &names));
            Failure::new(format!("loop step {name}"), "there is no such scene", remedy)
        })
    }
}

async fn order() {
    let yields = || async {
        for _ in 0..3 {
            yield_now().await;
        }
    };
    let both = ["a", "b"].map(|name| create_named_task(name, yields()));
    gather(both).await.unwrap_or_default();
}

async fn sleeps() {
    let naps = [("long", 30), ("short", 10), ("middle", 20)];
    let tasks = naps.map(|(name, ms)| create_named_task(name, sleep(ms * MS)));
    gather(tasks).await.unwrap_or_default();
}

async fn queue() {
    let queue = Rc::new(Queue::new(2));
    let (puts, gets) = (Rc::clone(&queue), queue);
    let producer = create_named_task("producer", async move {
        for item in 0..5 {
            let _ = puts.put(item).await;
        }
    });
    let consumer = create_named_task("consumer", async move {
        for _ in 0..5 {
            let _ = gets.get().await;
            sleep(5 * MS).await;
        }
    });
    gather([producer, consumer]).await.unwrap_or_default();
}

async fn lock() {
    let lock = Rc::new(Lock::new(()));
    let holds = |name| {
        let lock = Rc::clone(&lock);
        create_named_task(name, async move {
            let guard = lock.acquire().await;
            sleep(5 * MS).await;
            drop(guard);
            yield_now().await;
        })
    };
    gather(["first", "second", "third"].map(holds)).await.unwrap_or_default();
}

async fn herd() {
    let event = Rc::new(Event::new());
    let waits = |name| {
        let event = Rc::clone(&event);
        create_named_task(name, async move { event.wait().await })
    };
    let waiters = ["one", "two", "three", "four"].map(waits);
    sleep(MS).await;
    event.set();
    gather(waiters).await.unwrap_or_default();
}

async fn limit() {
    let guarded = create_named_task("guarded", async {
        let limit = timeout(10 * MS);
        let work = create_named_task("work", sleep(50 * MS)).cancel_on_drop();
        let _ = limit.run(work).await;
    });
    guarded.await.unwrap_or_default();
}

/// What computes moves the clock on.
async fn busy(clock: ScriptedSelector) {
    let sleeper = create_named_task("sleeper", sleep(MS));
    let busy = create_named_task("busy", async move {
        clock.advance(5 * MS);
        yield_now().await;
        clock.advance(5 * MS);
        yield_now().await;
    });
    gather([sleeper, busy]).await.unwrap_or_default();
}
