//! What a loop has recorded is what has happened: in this order, by these causes, and nothing while
//! it is off.

#[path = "common/cases.rs"]
mod cases;
mod common;
use cases::cases;
use common::{scripted, watchdog};
use proptest::prelude::*;
use singletrack::aio::{Event, UnixStream, create_named_task, gather, sleep, to_thread};
use singletrack::base::id::TaskId;
use singletrack::event_loop::create_eager_task;
use singletrack::event_loop::recording::{Cause, LoopEvent, LoopEventKind, LoopRecording};
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::Cell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Who woke the tasks of this name, in words, in order.
fn woken(recording: &LoopRecording, name: &str) -> Vec<String> {
    let cause = |event: &LoopEvent| match event.what {
        LoopEventKind::Woken(task, by) if recording.name(task) == name => Some(recording.cause(by)),
        _ => None,
    };
    recording.events.iter().filter_map(cause).collect()
}

/// The events of one task follow each other as the drawing in `event_loop/recording.rs` says.
fn check(recording: &LoopRecording) {
    use LoopEventKind as K;
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum State {
        Queued,
        Runs,
        Waits,
        Over,
    }
    let mut states: HashMap<TaskId, State> = HashMap::new();
    let mut asleep = false;
    let (mut at, mut iteration) = (0, 0);
    for event in &recording.events {
        assert!(event.at >= at && event.iteration >= iteration, "{event:?}");
        (at, iteration) = (event.at, event.iteration);
        let (task, before, after) = match event.what {
            K::Made(task, _) => (task, None, State::Queued),
            K::Woken(task, _) => (task, Some(State::Waits), State::Queued),
            K::Polled(task) => (task, Some(State::Queued), State::Runs),
            K::Paused(task) => (task, Some(State::Runs), State::Waits),
            K::Yielded(task) => (task, Some(State::Runs), State::Queued),
            K::Ended(task) => (task, Some(State::Runs), State::Over),
            K::Sleeps(_) => {
                assert!(!std::mem::replace(&mut asleep, true));
                continue;
            }
            K::Wakes(_) => {
                assert!(std::mem::replace(&mut asleep, false));
                continue;
            }
            K::Called | K::Returned => continue,
        };
        let was = states.insert(task, after);
        let root = recording.name(task) == "main" && was.is_none() | (was == Some(State::Over));
        assert!(
            was == before || (root && event.what == K::Woken(task, Cause::Outside)),
            "{event:?}: {was:?}"
        );
    }
    assert!(recording.until >= at);
}

#[test]
fn each_wake_names_what_it_came_from() {
    let _dog = watchdog("causes", 30);
    let event_loop = EventLoop::new().unwrap();
    event_loop.record(1000);
    let fd = event_loop.run_until_complete(async {
        let event = Rc::new(Event::new());
        let (here, there) = UnixStream::pair().unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&std::os::fd::AsFd::as_fd(&there));
        let waits = Rc::clone(&event);
        let waiter = create_named_task("waiter", async move { waits.wait().await });
        let reader = create_named_task("reader", async move { there.read(&mut [0; 8]).await });
        let sleeper = create_named_task("sleeper", sleep(MS));
        // The job ends when the task waits for it, so there is a wake to be seen.
        let (go, wait) = std::sync::mpsc::channel();
        let threads = create_named_task("threads", async move {
            to_thread(move || wait.recv().unwrap()).await.unwrap();
        });
        let setter = create_named_task("setter", async move {
            sleep(2 * MS).await;
            event.set();
            go.send(()).unwrap();
            here.write_all(b"x").await.unwrap();
            sleep(2 * MS).await;
        });
        waiter.await.unwrap();
        reader.await.unwrap().unwrap();
        gather([sleeper, threads, setter]).await.unwrap();
        fd
    });
    let recording = event_loop.recording();
    check(&recording);
    assert_eq!(woken(&recording, "waiter"), ["setter"]);
    assert_eq!(woken(&recording, "reader"), [format!("fd {fd} readable")]);
    assert_eq!(woken(&recording, "sleeper"), ["a timer"]);
    assert_eq!(woken(&recording, "threads"), ["another thread"]);
    let main = woken(&recording, "main");
    assert_eq!(main.first().map(String::as_str), Some("the caller"));
    assert!(main.contains(&"waiter".to_owned()), "the end of a task wakes who awaits it: {main:?}");
}

#[test]
fn a_yield_an_eager_task_and_a_cancel_are_recorded_as_such() {
    let event_loop = scripted();
    event_loop.record(1000);
    event_loop.run_until_complete(async {
        create_named_task("yields", async { yield_now().await }).await.unwrap();
        let eager = create_eager_task(async { 1 });
        assert_eq!(eager.await.unwrap(), 1);
        let sleeps = create_named_task("cancelled", sleep(Duration::MAX));
        yield_now().await;
        sleeps.cancel();
        assert!(sleeps.await.is_err());
    });
    let recording = event_loop.recording();
    let of = |name: &str| -> Vec<&'static str> {
        let kind = |event: &LoopEvent| {
            let (task, word) = match event.what {
                LoopEventKind::Made(task, _) => (task, "made"),
                LoopEventKind::Woken(task, _) => (task, "woken"),
                LoopEventKind::Polled(task) => (task, "polled"),
                LoopEventKind::Paused(task) => (task, "paused"),
                LoopEventKind::Yielded(task) => (task, "yielded"),
                LoopEventKind::Ended(task) => (task, "ended"),
                _ => return None,
            };
            (recording.name(task) == name).then_some(word)
        };
        recording.events.iter().filter_map(kind).collect()
    };
    assert_eq!(of("yields"), ["made", "polled", "yielded", "polled", "ended"]);
    assert_eq!(of("cancelled"), ["made", "polled", "paused", "woken", "polled", "ended"]);
    assert_eq!(woken(&recording, "cancelled"), ["main"]);
}

#[test]
fn a_wake_that_queues_nothing_is_not_recorded() {
    let event_loop = scripted();
    event_loop.record(1000);
    event_loop.run_until_complete(async {
        let (left, mut go) = (Rc::new(Cell::new(None::<Waker>)), false);
        let place = Rc::clone(&left);
        let waits = poll_fn(move |cx| {
            place.set(Some(cx.waker().clone()));
            if std::mem::replace(&mut go, true) { Poll::Ready(()) } else { Poll::Pending }
        });
        let task = create_named_task("woken", waits);
        yield_now().await;
        let waker = left.take().unwrap();
        waker.wake_by_ref();
        waker.wake_by_ref();
        task.await.unwrap();
        waker.wake();
    });
    let recording = event_loop.recording();
    check(&recording);
    assert_eq!(woken(&recording, "woken"), ["main"]);
}

#[test]
fn a_full_recording_forgets_its_oldest_events_and_counts_them() {
    let event_loop = scripted();
    let work = || async {
        for _ in 0..100 {
            create_task(async {}).await.unwrap();
        }
    };
    event_loop.record(10_000);
    event_loop.run_until_complete(work());
    let all = event_loop.recording();
    assert_eq!(all.dropped, 0);
    let event_loop = scripted();
    event_loop.record(10);
    event_loop.run_until_complete(work());
    let last = event_loop.recording();
    assert_eq!(last.events.len(), 10);
    assert_eq!(last.dropped as usize + 10, all.events.len());
    event_loop.record(0);
    event_loop.run_until_complete(work());
    assert_eq!(event_loop.recording(), LoopRecording { until: last.until, ..Default::default() });
}

#[derive(Debug, Clone)]
enum Step {
    Yield,
    Sleep(u8),
    Child(Vec<Step>),
    Eager(Vec<Step>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![Just(Step::Yield), (0_u8..3).prop_map(Step::Sleep)];
    let step = leaf.prop_recursive(4, 24, 4, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![list().prop_map(Step::Child), list().prop_map(Step::Eager)]
    });
    prop::collection::vec(step, 0..5)
}

fn run(steps: Vec<Step>) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async move {
        let mut children = Vec::new();
        for step in steps {
            match step {
                Step::Yield => yield_now().await,
                Step::Sleep(ms) => sleep(u32::from(ms) * MS).await,
                Step::Child(steps) => children.push(create_task(run(steps))),
                Step::Eager(steps) => children.push(create_eager_task(run(steps))),
            }
        }
        for child in children {
            child.await.unwrap();
        }
    })
}

proptest! {
    #![proptest_config(cases(64))]

    /// And the same program, run without a recording, makes as many iterations.
    #[test]
    fn whatever_tasks_do_their_events_fit_together(steps in steps()) {
        let (plain, recorded) = (scripted(), scripted());
        recorded.record(100_000);
        plain.run_until_complete(run(steps.clone()));
        recorded.run_until_complete(run(steps));
        prop_assert_eq!(plain.iterations(), recorded.iterations());
        prop_assert_eq!(plain.time(), recorded.time());
        check_eager(&recorded.recording());
    }
}

/// As [`check`], for programs whose tasks may begin without having stood in the queue.
fn check_eager(recording: &LoopRecording) {
    let mut depth = 0;
    for event in &recording.events {
        match event.what {
            LoopEventKind::Polled(_) => depth += 1,
            LoopEventKind::Paused(_) | LoopEventKind::Yielded(_) | LoopEventKind::Ended(_) => {
                depth -= 1;
            }
            LoopEventKind::Sleeps(_) => assert_eq!(depth, 0, "the loop sleeps outside of steps"),
            _ => {}
        }
        assert!(depth >= 0);
    }
    assert_eq!(depth, 0);
}
