//! Task states against an enumerated model, and the queue that is built on them.

use proptest::prelude::*;
use singletrack::base::id::TaskId;
use singletrack::task::cell::{AnyTask, TaskOf};
use singletrack::task::state::{Pause, StepEnd, TaskState};
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What the state machine stands for, said naively.
#[derive(Default)]
struct Model {
    in_queue: u32,
    running: bool,
    woken_while_running: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows T3, T4.
    /// true: the task is woken. false: the loop does its next step with it.
    #[test]
    fn no_wake_is_lost_and_none_counts_twice(ops in prop::collection::vec(any::<bool>(), 0..200)) {
        let (mut state, mut model) = (TaskState::Idle, Model::default());
        let (mut wakes, mut polls) = (0u32, 0u32);
        for wake in ops {
            if wake {
                wakes += 1;
                let expect = model.in_queue == 0 && !model.running;
                model.in_queue += u32::from(expect);
                model.woken_while_running |= model.running;
                prop_assert_eq!(state.wake(), expect);
            } else if model.running {
                model.running = false;
                let again = std::mem::take(&mut model.woken_while_running);
                model.in_queue += u32::from(again);
                let pause = if again { Pause::Requeue } else { Pause::Park };
                prop_assert_eq!(state.pause(), pause);
            } else if model.in_queue == 1 {
                model.in_queue = 0;
                model.running = true;
                polls += 1;
                state.start();
            }
            let expect = match (model.in_queue, model.running, model.woken_while_running) {
                (0, false, _) => TaskState::Idle,
                (1, false, _) => TaskState::Queued,
                (0, true, false) => TaskState::Running,
                (0, true, true) => TaskState::RunningWoken,
                other => panic!("the model itself is lost: {other:?}"),
            };
            prop_assert_eq!(state, expect);
            prop_assert!(polls <= wakes, "a poll without a wake");
        }
    }
}

/// Shows T5.
/// All five states times all four steps, written out.
#[test]
fn every_edge_of_the_diagram() {
    use TaskState::*;
    for (before, enqueue, after) in [
        (Idle, true, Queued),
        (Queued, false, Queued),
        (Running, false, RunningWoken),
        (RunningWoken, false, RunningWoken),
        (Done, false, Done),
    ] {
        let mut state = before;
        assert_eq!((state.wake(), state), (enqueue, after), "wake in {before:?}");
    }
    let mut state = Queued;
    state.start();
    assert_eq!(state, Running);
    for (before, pause, after) in
        [(Running, Pause::Park, Idle), (RunningWoken, Pause::Requeue, Queued)]
    {
        let mut state = before;
        assert_eq!((state.pause(), state), (pause, after), "pause in {before:?}");
    }
    for mut state in [Running, RunningWoken] {
        state.finish();
        assert_eq!(state, Done);
    }
}

/// Safe code may hold a task and run it when it should not. A second poll inside the first, or
/// one of what is an output by now, would be the end of memory safety: it must be refused, and
/// not in debug builds only.
#[test]
fn a_task_runs_only_when_it_stands_in_the_queue() {
    let id = TaskId::from_raw(0x0000_0100_0200_0003);
    let own = Rc::new(RefCell::new(None::<AnyTask>));
    let inner = Rc::clone(&own);
    let refused = |task: &AnyTask| {
        let cx = &mut Context::from_waker(Waker::noop());
        catch_unwind(AssertUnwindSafe(|| drop(task.run(cx)))).is_err()
    };
    let task = TaskOf::new(
        id,
        poll_fn(move |_| Poll::Ready(inner.borrow().as_ref().is_some_and(refused))),
    );
    own.replace(Some(task.clone()));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(matches!(task.run(cx), StepEnd::Done(_)));
    assert!(refused(&task), "it is done");
    assert!(matches!(task.poll_join(cx), Poll::Ready(Ok(true))), "and was refused inside");
}
