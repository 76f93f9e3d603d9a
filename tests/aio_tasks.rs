//! Tasks from inside: peeking at an output, done-callbacks, names, the current task, context
//! variables.

mod common;
use common::{DropFlag, run_scripted as run, scripted, settle};
use singletrack::aio::{
    ContextVar, all_tasks, create_named_task, current_task, gather, scope, sleep, task_name,
};
use singletrack::event_loop::Task;
use singletrack::{create_task, yield_now};
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// A task that sleeps so long and returns the number.
fn nap(ms: u64) -> Task<u64> {
    create_task(async move {
        sleep(Duration::from_millis(ms)).await;
        ms
    })
}

#[test]
fn peek_shows_a_value_without_fetching_it_and_survives_what_it_calls() {
    run(async {
        let task = create_task(async { String::from("value") });
        assert_eq!(task.peek(String::len), None);
        settle().await;
        assert_eq!(task.peek(String::len), Some(5));
        let nested = task.peek(|_| (task.done(), task.peek(String::len), task.cancel()));
        assert!(matches!(nested, Some((_, None, _))), "{nested:?}");
        let panicked = catch_unwind(AssertUnwindSafe(|| task.peek(|_| panic!("look"))));
        assert!(panicked.is_err());
        assert!(task.done() && !task.panicked());
        assert_eq!(task.await.unwrap(), "value");
    });
}

// Scenario 27, second half: callbacks are deferred, in order, and once.
#[test]
fn done_callbacks_run_in_the_turn_after_the_end_in_order() {
    let event_loop = scripted();
    let log: Rc<RefCell<Vec<u32>>> = Rc::default();
    event_loop.run_until_complete(async {
        let note = |n| {
            let log = Rc::clone(&log);
            move || log.borrow_mut().push(n)
        };
        let task = create_task(async {});
        task.add_done_callback(note(1));
        task.add_done_callback(note(2));
        yield_now().await; // the task has run; its callbacks come in this iteration, after us
        assert!(task.done() && log.borrow().is_empty());
        task.add_done_callback(note(3));
        assert!(log.borrow().is_empty(), "never inside the call");
        settle().await;
        assert_eq!(*log.borrow(), [1, 2, 3]);
        // However it ends: cancelled, panicked.
        let (cancelled, panicked) = (nap(5), create_task(async { panic!("expected") }));
        cancelled.add_done_callback(note(4));
        panicked.add_done_callback(note(5));
        cancelled.cancel();
        settle().await;
        assert_eq!(*log.borrow(), [1, 2, 3, 4, 5]);
        assert!(panicked.await.is_err());
    });
    let flag = DropFlag::default();
    let guard = flag.guard();
    event_loop.run_until_complete(async move {
        nap(1000).add_done_callback(move || drop(guard));
    });
    drop(event_loop);
    assert!(flag.dropped(), "callbacks go with the loop");
}

#[test]
fn tasks_have_names_which_reports_show() {
    let event_loop = scripted();
    let places: Rc<RefCell<Vec<String>>> = Rc::default();
    let sink = Rc::clone(&places);
    event_loop.set_exception_handler(move |unhandled| {
        sink.borrow_mut().push(unhandled.place.clone());
    });
    let early = event_loop.create_named_task("early", async {});
    assert_eq!(event_loop.task_name(early.id()), "early");
    event_loop.run_until_complete(async {
        drop(create_named_task("crasher", async { panic!("expected") }));
        let task = nap(1);
        assert_eq!(task_name(task.id()), format!("{:?}", task.id()));
        task.set_name("sleeper");
        assert_eq!(task_name(task.id()), "sleeper");
        assert_eq!(all_tasks().len(), 2, "the crasher and the sleeper; `early` is done");
        let id = task.id();
        task.await.unwrap();
        assert_eq!(task_name(id), format!("{id:?}"), "a name goes with its task");
        assert!(all_tasks().is_empty());
    });
    assert_eq!(*places.borrow(), ["crasher"]);
}

#[test]
fn current_task_is_the_one_that_asks() {
    run(async {
        let root = current_task().await.unwrap();
        let ids = gather([(); 3].map(|()| {
            create_task(async {
                let before = current_task().await;
                yield_now().await;
                assert_eq!(current_task().await, before);
                before.unwrap()
            })
        }));
        let ids = ids.await.unwrap();
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && !ids.contains(&root));
        let mut foreign = pin!(current_task());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(foreign.as_mut().poll(&mut cx), Poll::Ready(None));
    });
}

thread_local! {
    static DEPTH: ContextVar<u32> = const { ContextVar::new() };
}

#[test]
fn context_values_belong_to_their_task_and_nest() {
    run(async {
        let depth = || DEPTH.with(ContextVar::get);
        let tasks = [1, 2].map(|n| {
            create_task(scope(&DEPTH, n, async move {
                yield_now().await;
                assert_eq!(depth(), Some(n));
                scope(&DEPTH, n * 10, async {
                    yield_now().await;
                    assert_eq!(depth(), Some(n * 10));
                })
                .await;
                DEPTH.with(|depth| depth.set(n + 100));
                yield_now().await;
                depth().unwrap()
            }))
        });
        assert_eq!(gather(tasks).await.unwrap(), [101, 102]);
        assert_eq!(depth(), None);
        // A panic ends the scope as well.
        let panics = create_task(scope(&DEPTH, 5, async { panic!("expected") }));
        assert!(panics.await.is_err());
        assert_eq!(depth(), None);
    });
}

/// A number of a task comes again after 65,536 tasks in its place.
#[test]
fn whoever_holds_the_handle_of_a_task_that_is_done_ends_no_other() {
    scripted().run_until_complete(async {
        let mut first = create_task(async {}).cancel_on_drop();
        (&mut first).await.unwrap();
        for _ in 0..65_535 {
            create_task(async {}).await.unwrap();
        }
        let other = create_task(yield_now());
        drop(first);
        other.await.unwrap();
    });
}
