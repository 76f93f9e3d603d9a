//! The table of asyncio's scenarios (20 to 64 of CPython's own tests, test_asyncio) and where
//! each is shown here; and the scenarios about single tasks that no other file has.
//!
//! Where a Rust future's cancel (a drop) makes the behaviour different on purpose, the test
//! says *differs* and what asyncio does.

mod common;
#[path = "common/page.rs"]
mod page;
use common::{DropFlag, Log, run_scripted, scripted, settle};
use page::page;
use singletrack::aio::{Event, TimedOut, gather, sleep, timeout, wait};
use singletrack::futures::ReturnWhen;
use singletrack::task::state::TaskError;
use singletrack::{create_task, yield_now};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// Scenario, the file, and the beginning of the test's name there.
const TABLE: &[(u32, &str, &str)] = &[
    (20, "aio_run", "scenario_20_call_soon_order"),
    (21, "aio_run", "scenario_21_a_delay_of_nothing_fires_in_the_next_pass"),
    (22, "aio_run", "scenario_22_run_forever_pre_stopped"),
    (23, "aio_run", "scenario_23_callback_added_during_pass"),
    (24, "aio_run", "scenario_24_cancelled_timers"),
    (25, "aio_run", "scenario_25_a_slow_callback"),
    (26, "aio_run", "scenario_26_an_exception_handler_that_panics"),
    (27, "aio_scenarios", "scenario_27_a_done_task"),
    (28, "event_loop", "awaiting_oneself_is_an_error_not_a_hang"),
    (29, "aio_scenarios", "scenario_29_a_task_of_another_loop"),
    (30, "event_loop", "cancel_before_first_poll_drops_the_future"),
    (31, "aio_scenarios", "scenario_31_differs_a_cancel_cannot_be_ignored"),
    (32, "aio_scenarios", "scenario_32_cancel_at_end"),
    (33, "aio_scenarios", "scenario_33_an_inner_limit"),
    (34, "aio_scenarios", "scenario_34_differs_a_cancel_cannot_be_taken_back"),
    (35, "aio_eager", "scenario_35_eager_completion"),
    (36, "aio_eager", "scenario_36_eager_block"),
    (36, "aio_eager", "scenario_36_recursive_gathers_and_groups"),
    (37, "aio_combine", "gather_exception_comes_at_once_and_siblings_still_finish"),
    (37, "aio_combine", "gather_cancel_outer_cancels_children"),
    (38, "aio_combine", "wait_first_exception_returns_early_only_for_real_exceptions"),
    (39, "aio_combine", "as_completed_goes_by_completion"),
    (40, "aio_combine", "shield_outer_cancel_leaves_the_inner_running"),
    (41, "aio_combine", "wait_for_zero_polls_once_and_takes_what_is_ready"),
    (42, "aio_combine", "wait_for_drops_the_future_before_the_error_is_seen"),
    (43, "aio_combine", "wait_for_gives_the_value_that_is_ready_in_the_turn_of_the_deadline"),
    (44, "aio_combine", "nested_timeouts_loop_busy"),
    (45, "aio_combine", "a_foreign_cancel_before_expiry_is_no_timeout"),
    (46, "aio_combine", "timeout_in_past_fires_at_the_next_await"),
    (47, "aio_combine", "reschedule_moves_the_limit_and_is_refused_after_the_end"),
    (47, "aio_combine", "a_time_limit_that_is_used_twice_says_so"),
    (48, "aio_combine", "taskgroup_child_error_cancels_the_siblings"),
    (49, "aio_combine", "taskgroup_nested_both_fail"),
    (50, "aio_combine", "taskgroup_outside_cancel_takes_the_children_with_it"),
    (51, "aio_combine", "taskgroup_create_after_abort"),
    (52, "aio_run", "scenario_52_the_first_sigint"),
    (52, "aio_run", "scenario_52_the_second_sigint"),
    (52, "aio_run", "scenario_52_hanging_tasks"),
    (52, "aio_run", "scenario_52_a_nested_run"),
    (53, "aio_sync", "lock_cancel_race"),
    (54, "aio_sync", "lock_cancel_release_race"),
    (55, "aio_sync", "semaphore_fifo_with_cancelled_head"),
    (56, "aio_sync", "condition_cancel_after_notify"),
    (57, "aio_sync", "barrier_cancel_one_while_filling"),
    (58, "aio_sync", "queue_cancel_getter_race"),
    (59, "aio_sync", "queue_shutdown_drains_getters_and_refuses_putters"),
    (59, "aio_sync", "queue_immediate_shutdown"),
    (60, "aio_streams", "stream_limits"),
    (61, "aio_streams", "watermarks"),
    (62, "aio_server", "server_wait_closed"),
    (62, "aio_server", "close_clients"),
    (62, "aio_server", "abort_clients"),
    (63, "aio_server", "accept_emfile"),
    (64, "aio_subprocess", "four_mebibytes_echo"),
    (64, "aio_subprocess", "kill_and_send_signal_after_the_end_are_harmless"),
    (64, "aio_subprocess", "a_cancelled_wait_leaves_the_process"),
];

#[test]
fn every_scenario_has_a_test_where_the_table_says() {
    let mut missing: Vec<u32> =
        (20..=64).filter(|n| TABLE.iter().all(|(number, ..)| number != n)).collect();
    for (number, file, name) in TABLE {
        let text = page(&format!("tests/{file}.rs"));
        let listed = file == &"aio_run" && text.contains(&format!("(\"{name}"));
        if !listed && !text.contains(&format!("fn {name}")) {
            eprintln!("scenario {number}: no `{name}…` in {file}.rs");
            missing.push(*number);
        }
    }
    assert!(missing.is_empty(), "scenarios without a test: {missing:?}");
}

/// asyncio raises InvalidStateError when a future is set twice. Here a task's output is set by
/// its own end alone, and a `Promise` is used up by setting it; so that does not compile. What
/// is left: callbacks are deferred, and adding more from inside one is safe.
#[test]
fn scenario_27_a_done_task_runs_its_callbacks_deferred_even_those_added_by_callbacks() {
    run_scripted(async {
        let (log, task) = (Log::default(), Rc::new(create_task(async { 7 })));
        let (first, handle) = (log.clone(), Rc::clone(&task));
        task.add_done_callback(move || {
            first.note("first");
            let second = first.clone();
            handle.add_done_callback(move || second.note("added by the first"));
            first.note("first ends");
        });
        let third = log.clone();
        task.add_done_callback(move || third.note("third"));
        settle().await;
        assert_eq!(log.read(), ["first", "first ends", "third", "added by the first"]);
        assert_eq!(task.peek(|value| *value), Some(7));
    });
}

#[test]
fn scenario_29_a_task_of_another_loop_is_an_error_not_a_hang() {
    let (home, abroad) = (scripted(), scripted());
    let task = |n| home.create_task(async move { n });
    let (direct, gathered, waited) = (task(1), task(2), task(3));
    abroad.run_until_complete(async {
        let error = direct.await.unwrap_err();
        assert!(matches!(error, TaskError::OnAnotherLoop));
        assert!(error.to_string().contains("run_coroutine_threadsafe"), "{error}");
        assert!(matches!(gather([gathered]).await, Err(TaskError::OnAnotherLoop)));
        let (done, pending) = wait([waited], ReturnWhen::FirstCompleted, None).await;
        assert_eq!((done.len(), pending.len()), (0, 1), "it is not done, and never will be here");
    });
    // A task that is done can be asked anywhere, and both loops go on.
    let done = task(4);
    home.run_until_complete(settle());
    assert_eq!(abroad.run_until_complete(done).unwrap(), 4);
    assert_eq!((home.tasks(), abroad.tasks()), (0, 0));
}

/// asyncio: a task that catches CancelledError and returns has a value, and `cancelled()` is
/// false. A drop cannot be caught: what must happen in any case stands in a destructor, and
/// what must go on stands behind a `shield`.
#[test]
fn scenario_31_differs_a_cancel_cannot_be_ignored_but_cleaned_up_after_and_shielded_from() {
    run_scripted(async {
        let (cleaned, saved) = (DropFlag::default(), Rc::new(Cell::new(false)));
        let (guard, inner) = (cleaned.guard(), Rc::clone(&saved));
        let task = create_task(async move {
            let _guard = guard;
            let save = async move {
                sleep(Duration::from_secs(1)).await;
                inner.set(true);
            };
            singletrack::aio::shield(save).await.unwrap();
            unreachable!("it was cancelled");
        });
        yield_now().await;
        assert!(task.cancel());
        assert!(matches!(task.await, Err::<(), _>(TaskError::Cancelled)));
        assert!(cleaned.dropped() && !saved.get());
        sleep(Duration::from_secs(2)).await;
        assert!(saved.get());
    });
}

/// The wait is over, the task stands in the queue to take its last step: a cancel wins still.
#[test]
fn scenario_32_cancel_at_end_wins_over_a_value_that_is_one_poll_away() {
    run_scripted(async {
        let (event, reached) = (Rc::new(Event::new()), Rc::new(Cell::new(false)));
        let (inner, flag) = (Rc::clone(&event), Rc::clone(&reached));
        let task = create_task(async move {
            inner.wait().await;
            flag.set(true);
        });
        yield_now().await;
        event.set();
        assert!(task.cancel());
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(!reached.get());
    });
}

/// asyncio needs `uncancel` for this: the inner limit cancels the task and takes that back.
#[test]
fn scenario_33_an_inner_limit_leaves_the_outer_code_alone_and_an_outside_cancel_does_not() {
    run_scripted(async {
        let steps = |log: Log| async move {
            let inner = timeout(Duration::from_secs(1)).run(pending::<()>()).await;
            assert_eq!(inner, Err(TimedOut));
            log.note("after the limit");
            sleep(LONG).await;
            log.note("to the end");
        };
        let (alone, both) = (Log::default(), Log::default());
        create_task(steps(alone.clone())).await.unwrap();
        assert_eq!(alone.read(), ["after the limit", "to the end"]);

        let task = create_task(steps(both.clone()));
        sleep(Duration::from_secs(1)).await; // the limit has passed in this very iteration …
        task.cancel();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(both.read().len() < 2, "… and the cancel is not mistaken for it");
    });
}

/// asyncio: `cancel` and then `uncancel` before the next step, and nothing happens. Here there
/// is nothing to count and no way back; a second cancel changes nothing.
#[test]
fn scenario_34_differs_a_cancel_cannot_be_taken_back_and_a_second_one_adds_nothing() {
    let event_loop = scripted();
    let drops = Rc::new(RefCell::new(0));
    struct Counts(Rc<RefCell<u32>>);
    impl Drop for Counts {
        fn drop(&mut self) {
            *self.0.borrow_mut() += 1;
        }
    }
    let counts = Counts(Rc::clone(&drops));
    event_loop.run_until_complete(async {
        let task = create_task(async move {
            let _counts = counts;
            pending::<()>().await;
        });
        yield_now().await;
        assert!(task.cancel() && task.cancel());
        assert_eq!(*drops.borrow(), 0, "not inside the call");
        let before = event_loop.iterations();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert_eq!((*drops.borrow(), event_loop.iterations() - before), (1, 2));
    });
}
