//! What a subscriber is told of tasks and wakers, as tokio-console reads it:
//! `cargo test --features tracing --test interop_tracing`.
#![cfg(feature = "tracing")]

#[path = "common/cases.rs"]
mod cases;
mod common;
use cases::cases;
use common::watchdog;
use proptest::prelude::*;
use singletrack::aio::{self, Event, Queue, create_named_task, sleep, to_thread};
use singletrack::base::id::TaskId;
use singletrack::event_loop::create_eager_task;
use singletrack::event_loop::lints::{Limits, Lint, LintKind, lints};
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Level, Metadata, Subscriber};

const MS: Duration = Duration::from_millis(1);

/// The fields of a span or an event, as text.
#[derive(Debug, Clone, Default, PartialEq)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// A span of a task.
#[derive(Debug, Default)]
struct Seen {
    name: String,
    target: String,
    fields: Fields,
    entered: u64,
    left: u64,
    handles: u64,
    closed: bool,
    /// How often each use of its wakers was told.
    uses: HashMap<String, i64>,
    /// How many wakes came while it was entered.
    self_wakes: u64,
}

impl Seen {
    fn uses(&self, op: &str) -> i64 {
        self.uses.get(op).copied().unwrap_or(0)
    }

    fn wakers_left(&self) -> i64 {
        self.uses("waker.clone") - self.uses("waker.drop") - self.uses("waker.wake")
    }
}

#[derive(Debug, Default)]
struct Told {
    spans: Vec<Seen>,
    entered: Vec<u64>,
    warnings: Vec<Fields>,
}

/// Writes down what it is told, and wakes this at each event, if there is one.
#[derive(Clone, Default)]
struct Listener {
    told: Arc<Mutex<Told>>,
    wakes: Arc<Mutex<Option<Waker>>>,
}

impl Listener {
    fn span<R>(&self, id: &Id, see: impl FnOnce(&mut Seen) -> R) -> R {
        see(&mut self.told.lock().unwrap().spans[id.into_u64() as usize - 1])
    }

    /// Runs this with the listener, and gives what it was told.
    fn hears(&self, run: impl FnOnce()) -> Told {
        with_default(self.clone(), run);
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

impl Told {
    fn task(&self, name: &str) -> &Seen {
        let named = |seen: &&Seen| seen.fields.get("task.name") == name;
        self.spans.iter().find(named).unwrap_or_else(|| panic!("no span of {name}: {self:#?}"))
    }

    /// The warnings that name this task.
    fn warned(&self, name: &str) -> Vec<&str> {
        let of = |fields: &&Fields| fields.get("task.name") == name;
        self.warnings.iter().filter(of).map(|fields| fields.get("message")).collect()
    }

    /// What must hold of every run once its loop is gone.
    fn assert_sound(&self) {
        assert!(self.entered.is_empty(), "entered, and never left");
        for seen in &self.spans {
            assert_eq!((seen.name.as_str(), seen.closed), ("runtime.spawn", true), "{seen:#?}");
            assert_eq!(seen.entered, seen.left, "{seen:#?}");
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut seen = Seen {
            name: span.metadata().name().to_owned(),
            target: span.metadata().target().to_owned(),
            handles: 1,
            ..Seen::default()
        };
        assert!(span.is_root(), "a task outlives who made it");
        span.record(&mut seen.fields);
        let mut told = self.told.lock().unwrap();
        told.spans.push(seen);
        Id::from_u64(told.spans.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        if *metadata.level() == Level::WARN {
            assert_eq!(metadata.target(), "singletrack::event_loop::lints");
            self.told.lock().unwrap().warnings.push(fields);
        } else {
            assert_eq!(metadata.target(), "runtime::waker");
            let id: u64 = fields.get("task.id").parse().unwrap();
            let mut told = self.told.lock().unwrap();
            let inside = told.entered.contains(&id);
            let seen = &mut told.spans[id as usize - 1];
            *seen.uses.entry(fields.get("op").to_owned()).or_default() += 1;
            let own = inside && fields.get("op").starts_with("waker.wake");
            seen.self_wakes += u64::from(own);
        }
        let waker = self.wakes.lock().unwrap().clone();
        waker.iter().for_each(Waker::wake_by_ref);
    }

    fn enter(&self, id: &Id) {
        self.span(id, |seen| seen.entered += 1);
        self.told.lock().unwrap().entered.push(id.into_u64());
    }

    fn exit(&self, id: &Id) {
        self.span(id, |seen| seen.left += 1);
        assert_eq!(self.told.lock().unwrap().entered.pop(), Some(id.into_u64()), "steps nest");
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.span(id, |seen| seen.handles += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.span(&id, |seen| {
            seen.handles -= 1;
            seen.closed = seen.handles == 0;
            seen.closed
        })
    }
}

#[test]
fn a_task_is_a_span_with_its_name_and_place_entered_for_each_step() {
    let told = Listener::default().hears(|| {
        let event_loop = EventLoop::new().unwrap();
        event_loop.run_until_complete(async {
            let fetch = create_named_task("fetch", async {
                yield_now().await;
                sleep(MS).await;
            });
            fetch.await.unwrap();
            create_task(async {}).await.unwrap();
        });
    });
    told.assert_sound();
    let fetch = told.task("fetch");
    assert_eq!((fetch.entered, fetch.self_wakes), (3, 1), "{fetch:#?}");
    assert_eq!(fetch.target, "singletrack::event_loop::spans");
    assert_eq!(fetch.fields.get("kind"), "task");
    assert!(fetch.fields.get("loc.file").ends_with("interop_tracing.rs"), "{fetch:#?}");
    assert!(fetch.fields.get("loc.line").parse::<u32>().unwrap() > 100);
    assert!(fetch.fields.get("task.id").parse::<u64>().is_ok());
    let nameless = &told.spans[2];
    assert!(nameless.fields.get("task.name").starts_with("task "), "{nameless:#?}");
    assert_eq!(told.task("main").fields.get("kind"), "block_on");
    assert!(told.warnings.is_empty(), "{:?}", told.warnings);
}

#[test]
fn a_waker_that_is_cloned_is_dropped_or_used_up_and_its_task_is_told() {
    let told = Listener::default().hears(|| {
        let event_loop = EventLoop::new().unwrap();
        event_loop.run_until_complete(async {
            let (event, queue) = (Rc::new(Event::new()), Rc::new(Queue::new(1)));
            let (waits, takes) = (Rc::clone(&event), Rc::clone(&queue));
            let waiter = create_named_task("waiter", async move { waits.wait().await });
            let taker = create_named_task("taker", async move { takes.get().await });
            sleep(MS).await;
            event.set();
            queue.put(7).await.unwrap();
            waiter.await.unwrap();
            assert_eq!(taker.await.unwrap().unwrap(), 7);
            let answer = create_named_task("asks", async { to_thread(|| 6).await.unwrap() });
            assert_eq!(answer.await.unwrap(), 6);
        });
    });
    told.assert_sound();
    for name in ["waiter", "taker"] {
        let seen = told.task(name);
        assert_eq!(seen.entered, 2, "{seen:#?}");
        assert!(seen.uses("waker.wake") + seen.uses("waker.wake_by_ref") >= 1, "{seen:#?}");
        assert_eq!((seen.wakers_left(), seen.self_wakes), (0, 0), "{seen:#?}");
    }
    assert!(told.warnings.is_empty(), "{:?}", told.warnings);
}

#[test]
fn the_first_step_of_an_eager_task_is_inside_its_parents() {
    let told = Listener::default().hears(|| {
        let event_loop = EventLoop::new().unwrap();
        event_loop.run_until_complete(async {
            let parent = create_named_task("parent", async {
                let eager = create_eager_task(sleep(MS));
                eager.await.unwrap();
            });
            parent.await.unwrap();
        });
    });
    told.assert_sound();
    assert_eq!(told.task("parent").entered, 2);
    assert_eq!(told.spans.len(), 3);
}

#[test]
fn a_task_that_is_cancelled_or_goes_with_its_loop_is_closed() {
    let told = Listener::default().hears(|| {
        let event_loop = EventLoop::new().unwrap();
        event_loop.run_until_complete(async {
            let cancelled = create_named_task("cancelled", sleep(Duration::MAX));
            yield_now().await;
            cancelled.cancel();
            assert!(cancelled.await.is_err());
            drop(create_named_task("left", sleep(Duration::MAX)));
            yield_now().await;
        });
    });
    told.assert_sound();
    assert_eq!(told.task("cancelled").wakers_left(), 0);
    assert_eq!(told.task("left").wakers_left(), 0);
    assert!(told.warnings.is_empty(), "no waker was lost: {:?}", told.warnings);
}

/// A subscriber may send on a channel that a task of the loop reads.
#[test]
fn a_subscriber_that_wakes_a_task_at_each_event_neither_hangs_nor_goes_on_for_ever() {
    let _dog = watchdog("a subscriber that wakes", 60);
    let listener = Listener::default();
    let (wakes, last) = (Arc::clone(&listener.wakes), Arc::clone(&listener.wakes));
    let told = listener.hears(|| {
        let event_loop = EventLoop::new().unwrap();
        event_loop.run_until_complete(async {
            let reader = create_named_task(
                "reads the log",
                poll_fn(move |cx| {
                    // To clone and to drop one are events, and this is locked in them.
                    let new = cx.waker().clone();
                    let old = wakes.lock().unwrap().replace(new);
                    drop(old);
                    Poll::<()>::Pending
                }),
            );
            for _ in 0..20 {
                create_task(sleep(MS / 10)).await.unwrap();
            }
            reader.cancel();
        });
        let last = last.lock().unwrap().take();
        drop(last);
    });
    told.assert_sound();
    assert!(told.task("reads the log").entered > 20);
}

// ---- lints ----

#[test]
fn a_task_that_holds_the_loop_is_named() {
    let told = Listener::default().hears(|| {
        let event_loop = EventLoop::new().unwrap();
        event_loop.set_slow_callback_duration(20 * MS);
        event_loop.run_until_complete(async {
            create_named_task("quick", async {}).await.unwrap();
            let slow = create_named_task("slow", async { std::thread::sleep(25 * MS) });
            slow.await.unwrap();
        });
    });
    let [said] = told.warned("slow")[..] else { panic!("{:?}", told.warnings) };
    assert!(said.starts_with("slow held the loop for "), "{said}");
}

#[test]
fn a_task_that_asks_again_and_again_is_named_once() {
    let told = Listener::default().hears(|| {
        let event_loop = EventLoop::new().unwrap();
        event_loop.run_until_complete(async {
            let asks = create_named_task("asks", async {
                for _ in 0..5000 {
                    yield_now().await;
                }
            });
            asks.await.unwrap();
        });
    });
    let [said] = told.warned("asks")[..] else { panic!("{:?}", told.warnings) };
    assert_eq!(told.task("asks").self_wakes, 5000);
    assert!(said.starts_with("asks woke itself in 1000 of its first 1000 steps"), "{said}");
}

#[test]
fn a_task_that_nothing_can_wake_is_named_and_no_other() {
    let _dog = watchdog("a lost waker", 60);
    let told = Listener::default().hears(|| {
        let event_loop = EventLoop::new().unwrap();
        event_loop.record(10_000);
        let lost = event_loop.run_until_complete(async {
            let forgetful = create_named_task("forgetful", poll_fn(|_| Poll::<()>::Pending));
            let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
            let keeps = Rc::clone(&kept);
            let dropped = create_named_task(
                "dropped",
                poll_fn(move |cx| {
                    *keeps.borrow_mut() = Some(cx.waker().clone());
                    Poll::<()>::Pending
                }),
            );
            let patient = create_named_task("patient", sleep(Duration::MAX));
            sleep(MS).await;
            let early = lints(&event_loop.recording(), &Limits::default());
            assert!(early.iter().all(|lint| lint.task != dropped.id()), "it has a waker yet");
            kept.take();
            sleep(MS).await;
            let found = lints(&event_loop.recording(), &Limits::default());
            let is_lost = |lint: &&Lint| lint.kind == LintKind::LostWaker;
            let lost: Vec<TaskId> = found.iter().filter(is_lost).map(|lint| lint.task).collect();
            assert_eq!(lost, [forgetful.id(), dropped.id()]);
            patient.cancel();
            lost.len()
        });
        assert_eq!(lost, 2);
    });
    told.assert_sound();
    for name in ["forgetful", "dropped"] {
        let [said] = told.warned(name)[..] else { panic!("{:?}", told.warnings) };
        assert!(said.contains("no waker of it is left"), "{said}");
    }
    assert_eq!(told.warnings.len(), 2, "{:?}", told.warnings);
}

/// What a task of a random program does.
#[derive(Debug, Clone)]
enum Act {
    Yield,
    Sleep,
    Put,
    Get,
    Set,
    Wait,
    Thread,
    Race,
}

async fn act(what: Act, queue: &Queue<u8>, event: &Event) {
    match what {
        Act::Yield => yield_now().await,
        Act::Sleep => sleep(MS / 20).await,
        Act::Put => queue.put_nowait(1).unwrap_or(()),
        Act::Get => _ = aio::wait_for(queue.get(), Some(MS / 5)).await,
        Act::Set => event.set(),
        Act::Wait => _ = aio::wait_for(event.wait(), Some(MS / 5)).await,
        Act::Thread => to_thread(|| ()).await.unwrap(),
        Act::Race => drop(aio::race(sleep(MS / 10), yield_now()).await),
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        Just(Act::Yield),
        Just(Act::Sleep),
        Just(Act::Put),
        Just(Act::Get),
        Just(Act::Set),
        Just(Act::Wait),
        Just(Act::Thread),
        Just(Act::Race),
    ];
    prop::collection::vec(act, 0..8)
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn whatever_tasks_do_their_steps_nest_and_none_is_called_lost(
        programs in prop::collection::vec((acts(), any::<bool>()), 1..8),
    ) {
        let _dog = watchdog("a random program", 120);
        let told = Listener::default().hears(|| {
            let event_loop = EventLoop::new().unwrap();
            event_loop.set_slow_callback_duration(Duration::MAX);
            event_loop.run_until_complete(async {
                let shared = Rc::new((Queue::new(100), Event::new()));
                let start = |(acts, cancelled): (Vec<Act>, bool)| {
                    let shared = Rc::clone(&shared);
                    let task = create_task(async move {
                        for what in acts {
                            act(what, &shared.0, &shared.1).await;
                        }
                    });
                    (task, cancelled)
                };
                let tasks: Vec<_> = programs.into_iter().map(start).collect();
                sleep(MS / 10).await;
                for (task, _) in tasks.iter().filter(|(_, cancelled)| *cancelled) {
                    task.cancel();
                }
                for (task, _) in tasks {
                    let _ = task.await;
                }
            });
        });
        told.assert_sound();
        prop_assert!(told.warnings.is_empty(), "{:?}", told.warnings);
    }
}
