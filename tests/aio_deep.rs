//! Chains and nests of many tasks: drawn, ended, woken and dropped on a small stack.

mod common;
use common::{scripted, settle, watchdog};
use singletrack::aio::{Task, TaskGroup, gather, sleep, task_tree, wait_for};
use singletrack::{EventLoop, create_task, yield_now};
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

const DEEP: usize = 8_000;

/// Far less than one frame of a debug build for each of `DEEP`.
const STACK: usize = 512 << 10;

fn on_a_small_stack(test: impl FnOnce(&EventLoop) + Send + 'static) {
    let _dog = watchdog("a deep nest", 120);
    let whole = move || {
        let event_loop = scripted();
        test(&event_loop);
        drop(event_loop);
    };
    std::thread::Builder::new().stack_size(STACK).spawn(whole).unwrap().join().unwrap();
}

/// Each task awaits the one before; the first never ends.
fn chain(length: usize, first: Task<()>) -> Task<()> {
    (1..length).fold(first, |before, _| create_task(async move { before.await.unwrap_or(()) }))
}

type Nested = Pin<Box<dyn Future<Output = ()>>>;
type Way = fn(usize) -> Nested;

/// How a task waits for the next one below it. Each takes it along when it is dropped.
const WAYS: [(&str, Way); 4] = [
    ("cancel_on_drop", |left| Box::pin(async move { drop(start(left, 0).cancel_on_drop().await) })),
    ("gather", |left| Box::pin(async move { drop(gather([start(left, 1)]).await) })),
    ("group", |left| {
        Box::pin(async move {
            let ended = TaskGroup::<()>::run(async |group| {
                let below = async move {
                    below(left, 2).await;
                    Ok(())
                };
                drop(group.create_task(below).unwrap());
                Ok(())
            });
            ended.await.unwrap();
        })
    }),
    ("wait_for", |left| {
        Box::pin(async move {
            let limit = Some(Duration::from_secs(3600));
            drop(wait_for(start(left, 3).cancel_on_drop(), limit).await);
        })
    }),
];

fn below(left: usize, way: usize) -> Nested {
    if left == 0 { Box::pin(pending()) } else { WAYS[way].1(left - 1) }
}

fn start(left: usize, way: usize) -> Task<()> {
    create_task(below(left, way))
}

async fn nested(way: usize, event_loop: &EventLoop) -> Task<()> {
    let top = start(DEEP, way);
    while event_loop.tasks() <= DEEP {
        yield_now().await; // a level in each iteration
    }
    top
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_long_chain_is_drawn_on_a_small_stack_and_its_picture_stays_small() {
    on_a_small_stack(|event_loop| {
        event_loop.run_until_complete(async {
            let _last = chain(DEEP, create_task(pending()));
            settle().await;
            let picture = task_tree().to_string();
            assert_eq!(picture.lines().count(), DEEP + 1, "a line a task, and the loop's");
            let widest = picture.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest < 400, "{widest} characters wide");
            assert!(picture.contains(&format!("level {DEEP}: (T) ")), "the last one's level");
        });
    });
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_long_chain_ends_from_its_beginning_and_is_cancelled_from_its_end() {
    on_a_small_stack(|event_loop| {
        event_loop.run_until_complete(async {
            let last = chain(DEEP, create_task(sleep(Duration::from_millis(1))));
            last.await.unwrap();
            assert_eq!(event_loop.tasks(), 0);
            let first = create_task(pending());
            let first_id = first.id();
            let last = chain(DEEP, first);
            settle().await;
            singletrack::event_loop::core::current("test").ready.borrow_mut().cancel(first_id);
            last.await.unwrap();
            drop(chain(DEEP, create_task(pending()))); // they go with the loop
            settle().await;
        });
    });
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_deep_nest_is_gone_when_the_drop_of_its_top_returns() {
    for (way, (name, _)) in WAYS.iter().enumerate() {
        on_a_small_stack(move |event_loop| {
            event_loop.run_until_complete(async {
                let top = nested(way, event_loop).await;
                assert!(!task_tree().to_string().is_empty());
                drop(top.cancel_on_drop());
                assert_eq!(event_loop.tasks(), 0, "{name}");
            });
        });
    }
}

#[test]
#[cfg_attr(miri, ignore = "too long")]
fn a_deep_nest_goes_with_its_loop() {
    for way in 0..WAYS.len() {
        on_a_small_stack(move |event_loop| {
            event_loop.run_until_complete(async {
                drop(nested(way, event_loop).await);
            });
        });
    }
}

/// Nothing of it was polled yet, or only its top.
#[test]
fn a_chain_that_was_never_polled_goes_with_its_loop() {
    on_a_small_stack(|event_loop| {
        event_loop.run_until_complete(async {
            drop(chain(1000, create_task(pending())));
        });
    });
}
