//! gather, wait, as_completed, shield, time limits and task groups on the scripted selector:
//! CPython's scenarios 27 to 51 as far as they apply. Where Rust's cancel by drop makes a
//! difference on purpose, the test says so.

mod common;
use common::{DropFlag, run_scripted as run, scripted, settle};
use singletrack::aio::{
    ChildError, GroupClosed, GroupErrors, RescheduleError, TaskGroup, TimedOut, as_completed,
    gather, gather_outcomes, shield, sleep, timeout, timeout_at, try_gather, try_wait, wait,
    wait_for,
};
use singletrack::event_loop::Task;
use singletrack::futures::ReturnWhen;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::task::state::TaskError;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// A task that sleeps so long and returns the number.
fn nap(ms: u32) -> Task<u32> {
    create_task(async move {
        sleep(ms * MS).await;
        ms
    })
}

/// A task that sleeps so long and fails.
fn failing(ms: u32) -> Task<Result<u32, String>> {
    create_task(async move {
        sleep(ms * MS).await;
        Err(format!("failed at {ms}"))
    })
}

fn fine(ms: u32) -> Task<Result<u32, String>> {
    create_task(async move {
        sleep(ms * MS).await;
        Ok(ms)
    })
}

/// A task that never ends and says when it is dropped.
fn endless<T: 'static>(flag: &DropFlag) -> Task<T> {
    let guard = flag.guard();
    create_task(async move {
        let _guard = guard;
        pending().await
    })
}

// ---- gather -----------------------------------------------------------------------------

#[test]
fn gather_keeps_the_order_of_its_arguments() {
    run(async {
        assert_eq!(gather([3, 1, 2].map(nap)).await.unwrap(), [3, 1, 2]);
        assert_eq!(gather(Vec::<Task<u8>>::new()).await.unwrap(), [0u8; 0]);
        let done = create_task(async { 7 });
        settle().await;
        assert_eq!(gather([done]).await.unwrap(), [7], "done before gather saw it");
    });
}

// Scenario 37, first half.
#[test]
fn gather_exception_comes_at_once_and_siblings_still_finish() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let finished = Rc::new(Cell::new(false));
        let inner = Rc::clone(&finished);
        let sibling = create_task(async move {
            sleep(10 * MS).await;
            inner.set(true);
            Ok(1)
        });
        let error = try_gather([sibling, failing(1)]).await.unwrap_err();
        assert!(matches!(error, ChildError::Failed(text) if text == "failed at 1"));
        assert!(!finished.get());
        sleep(20 * MS).await;
        assert!(finished.get());
    });
    assert_eq!(event_loop.tasks(), 0);
}

// Scenario 37, second half.
#[test]
fn gather_cancel_outer_cancels_children() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let flags = [DropFlag::default(), DropFlag::default()];
        let children = flags.each_ref().map(endless::<()>);
        let outer = create_task(async move { gather(children).await.map(drop) });
        settle().await;
        outer.cancel();
        settle().await;
        assert!(flags.iter().all(DropFlag::dropped));
        // Even if it was never polled: the children were its own from the call on.
        let flag = DropFlag::default();
        drop(gather([endless::<()>(&flag)]));
        settle().await;
        assert!(flag.dropped());
    });
    assert_eq!(event_loop.tasks(), 0);
}

#[test]
fn gather_reads_a_childs_own_cancel_as_an_error() {
    run(async {
        let (a, b) = (nap(1), nap(5));
        a.cancel();
        assert!(matches!(gather([a, b]).await, Err(TaskError::Cancelled)));
    });
}

#[test]
fn gather_outcomes_waits_for_all_and_keeps_every_error() {
    run(async {
        let panics = create_task(async { panic!("oops") });
        let cancelled = nap(3);
        cancelled.cancel();
        let outcomes = gather_outcomes([panics, nap(5), cancelled]).await;
        let [Err(TaskError::Panicked(_)), Ok(5), Err(TaskError::Cancelled)] = &outcomes[..] else {
            panic!("{outcomes:?}");
        };
    });
}

#[test]
fn gather_of_many_polls_each_twice_at_most() {
    let event_loop = scripted();
    let polled = event_loop.run_until_complete(async {
        let tasks: Vec<_> = (0..1000).map(|i| nap(1 + i * 7 % 1000)).collect();
        let polls = Rc::new(Cell::new(0));
        let mut all = pin!(gather(tasks));
        let count = Rc::clone(&polls);
        let values = poll_fn(|cx| {
            count.set(count.get() + 1);
            all.as_mut().poll(cx)
        })
        .await;
        assert_eq!(values.unwrap().len(), 1000);
        polls.get()
    });
    assert!(polled <= 1001, "{polled} polls for 1000 completions");
}

// ---- wait -------------------------------------------------------------------------------

#[test]
fn wait_first_completed_gives_all_handles_back() {
    run(async {
        let (done, rest) = wait([5, 1, 9].map(nap), ReturnWhen::FirstCompleted, None).await;
        assert_eq!((done.len(), rest.len()), (1, 2));
        for task in done {
            assert_eq!(task.await.unwrap(), 1);
        }
        let (done, rest) = wait(rest, ReturnWhen::AllCompleted, None).await;
        assert!(rest.is_empty());
        assert_eq!(gather(done).await.unwrap(), [5, 9], "in the order given");
    });
}

// Scenario 38.
#[test]
fn wait_first_exception_returns_early_only_for_real_exceptions() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let cancelled = fine(1);
        cancelled.cancel();
        let tasks = [cancelled, fine(2), failing(4), fine(9)];
        let (done, rest) = try_wait(tasks, ReturnWhen::FirstException, None).await;
        assert_eq!((done.len(), rest.len()), (3, 1));
        assert!(done[2].failed() && !done[1].failed() && !done[0].failed());
        // Without an exception it waits for all.
        let (done, rest) = wait([1, 2].map(nap), ReturnWhen::FirstException, None).await;
        assert_eq!((done.len(), rest.len()), (2, 0));
        let boom = create_task(async {
            sleep(MS).await;
            panic!("boom")
        });
        let (done, rest) = wait([nap(9), boom], ReturnWhen::FirstException, None).await;
        assert!(done[0].panicked() && rest.len() == 1);
        assert!(done.into_iter().next().unwrap().await.is_err());
    });
}

#[test]
fn wait_timeout_is_no_error_and_cancels_nothing() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let tasks = [1, 50].map(nap);
        let (done, rest) = wait(tasks, ReturnWhen::AllCompleted, Some(10 * MS)).await;
        assert_eq!((done.len(), rest.len()), (1, 1));
        assert_eq!(event_loop.time(), 10 * MS);
        assert_eq!(gather(rest).await.unwrap(), [50]);
        let (done, _) = wait([nap(5)], ReturnWhen::AllCompleted, Some(Duration::ZERO)).await;
        assert!(done.is_empty());
        let none = wait(Vec::<Task<()>>::new(), ReturnWhen::FirstCompleted, None).await;
        assert!(none.0.is_empty() && none.1.is_empty());
    });
}

#[test]
fn wait_that_is_cancelled_leaves_the_tasks_running() {
    run(async {
        let finished = Rc::new(Cell::new(false));
        let inner = Rc::clone(&finished);
        let task = create_task(async move {
            sleep(5 * MS).await;
            inner.set(true);
        });
        let outer = create_task(async move {
            drop(wait([task], ReturnWhen::AllCompleted, None).await);
        });
        settle().await;
        outer.cancel();
        sleep(10 * MS).await;
        assert!(finished.get());
    });
}

// ---- as_completed -----------------------------------------------------------------------

// Scenario 39.
#[test]
fn as_completed_goes_by_completion_and_a_time_limit_around_it_cancels_nothing() {
    run(async {
        let mut completed = as_completed([30, 10, 20, 100].map(nap));
        let mut order = Vec::new();
        let end = wait_for(
            async {
                while let Some(task) = completed.next().await {
                    order.push(task.await.unwrap());
                }
            },
            Some(50 * MS),
        );
        assert_eq!(end.await, Err(TimedOut));
        assert_eq!(order, [10, 20, 30]);
        let rest = completed.into_rest();
        assert_eq!(gather(rest).await.unwrap(), [100]);
    });
}

#[test]
fn as_completed_can_be_polled_by_one_task_and_then_by_another() {
    run(async {
        let mut completed = as_completed([5, 6].map(nap));
        {
            // Polled here once, then moved into a task of its own.
            let mut first = pin!(completed.next());
            let polled = poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx).is_pending())).await;
            assert!(polled);
        }
        let mover = create_task(async move {
            let mut seen = Vec::new();
            while let Some(task) = completed.next().await {
                seen.push(task.await.unwrap());
            }
            seen
        });
        assert_eq!(mover.await.unwrap(), [5, 6]);
    });
}

// Scenario 28, for waits for several tasks.
#[test]
fn a_task_that_waits_for_itself_among_others_is_told_so() {
    let event_loop = scripted();
    let own: Rc<RefCell<Option<Task<bool>>>> = Rc::default();
    let inner = Rc::clone(&own);
    let task = event_loop.create_task(async move {
        let me = inner.take().unwrap();
        matches!(gather([me]).await, Err(TaskError::AwaitsItself))
    });
    own.replace(Some(task));
    assert_eq!(event_loop.run_once().unwrap().polled, 1);
    assert_eq!(event_loop.tasks(), 0, "it did not hang");
}

// ---- shield -----------------------------------------------------------------------------

// Scenario 40.
#[test]
fn shield_outer_cancel_leaves_the_inner_running_and_reports_its_late_error() {
    let event_loop = scripted();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&reports);
    event_loop.set_exception_handler(move |unhandled| {
        sink.borrow_mut().push(unhandled.message.clone());
    });
    event_loop.run_until_complete(async {
        let finished = Rc::new(Cell::new(false));
        let inner = Rc::clone(&finished);
        let outer = create_task(async move {
            let work = async move {
                sleep(5 * MS).await;
                inner.set(true);
                panic!("late");
            };
            let _ = shield(work).await;
        });
        settle().await;
        outer.cancel();
        assert!(matches!(outer.await, Err(TaskError::Cancelled)));
        assert!(!finished.get());
        sleep(10 * MS).await;
        assert!(finished.get());
        assert_eq!(shield(async { 1 }).await.unwrap(), 1);
    });
    assert_eq!(*reports.borrow(), ["late"]);
}

// ---- time limits ------------------------------------------------------------------------

// Scenario 41. asyncio never starts the coroutine; here asking is polling, so it gets one poll.
#[test]
fn wait_for_zero_polls_once_and_takes_what_is_ready() {
    run(async {
        assert_eq!(wait_for(async { 5 }, Some(Duration::ZERO)).await, Ok(5));
        let polls = Rc::new(Cell::new(0));
        let count = Rc::clone(&polls);
        let never = poll_fn(move |_| {
            count.set(count.get() + 1);
            Poll::<()>::Pending
        });
        assert_eq!(wait_for(never, Some(Duration::ZERO)).await, Err(TimedOut));
        assert!(polls.get() <= 2, "{} polls", polls.get());
        // A task, given by its handle, does not start: only the handle is polled.
        let started = Rc::new(Cell::new(false));
        let inner = Rc::clone(&started);
        let task = create_task(async move { inner.set(true) });
        task.cancel();
        assert!(wait_for(task, Some(Duration::ZERO)).await.is_ok_and(|end| end.is_err()));
        assert!(!started.get());
        assert_eq!(wait_for(async { 6 }, None).await, Ok(6));
    });
}

// Scenario 42. asyncio awaits a cleanup that takes 0.2 s; a drop runs to its end at once.
#[test]
fn wait_for_drops_the_future_before_the_error_is_seen() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let flag = DropFlag::default();
        let guard = flag.guard();
        let end = wait_for(
            async move {
                let _guard = guard;
                pending::<()>().await;
            },
            Some(10 * MS),
        );
        assert_eq!(end.await, Err(TimedOut));
        assert!(flag.dropped());
        assert_eq!(event_loop.time(), 10 * MS);
    });
}

// Scenario 43 (a task that swallows its cancel and returns a value) cannot be written: a
// dropped future returns nothing. What remains is a value that is ready at the deadline.
#[test]
fn wait_for_gives_the_value_that_is_ready_in_the_turn_of_the_deadline() {
    run(async {
        let end = wait_for(nap(10), Some(10 * MS)).await;
        assert_eq!(end.err(), Some(TimedOut), "the nap's task ends one iteration after its timer");
        let direct = wait_for(sleep(10 * MS), Some(10 * MS)).await;
        assert_eq!(direct, Ok(()), "both are due in the same iteration: the future wins");
    });
}

#[test]
fn wait_for_detaches_a_task_unless_its_handle_cancels_on_drop() {
    run(async {
        let (kept, cancelled) = (DropFlag::default(), DropFlag::default());
        let end = wait_for(endless::<()>(&kept), Some(MS)).await;
        assert!(end.is_err());
        let end = wait_for(endless::<()>(&cancelled).cancel_on_drop(), Some(MS)).await;
        assert!(end.is_err());
        settle().await;
        assert!(!kept.dropped() && cancelled.dropped());
    });
}

// Scenario 44.
#[test]
fn nested_timeouts_loop_busy_end_the_inner_first_then_the_outer() {
    let selector = ScriptedSelector::new();
    let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
    event_loop.run_until_complete(async {
        let (outer, inner) = (timeout(100 * MS), timeout(10 * MS));
        let seen = Rc::new(RefCell::new(Vec::new()));
        let end = outer
            .run(async {
                selector.advance(100 * MS); // the loop is busy so long
                let end = inner.run(pending::<()>()).await;
                seen.borrow_mut().push(end);
                pending::<()>().await;
            })
            .await;
        assert_eq!(end, Err(TimedOut));
        // Both are due in one iteration. The outer's future holds the inner's, so whichever is
        // looked at first, the inner one has its say before the outer drops it.
        assert_eq!(*seen.borrow(), [Err(TimedOut)]);
        assert!(inner.expired() && outer.expired());
    });
}

// Scenario 45: with cancel by drop there is no count to clear; a foreign cancel is a drop.
#[test]
fn a_foreign_cancel_before_expiry_is_no_timeout() {
    run(async {
        let expired = Rc::new(Cell::new(None));
        struct Note(Rc<Cell<Option<bool>>>, Rc<singletrack::aio::Timeout>);
        impl Drop for Note {
            fn drop(&mut self) {
                self.0.set(Some(self.1.expired()));
            }
        }
        let limit = Rc::new(timeout(10 * MS));
        let (note, inner) = (Note(Rc::clone(&expired), Rc::clone(&limit)), Rc::clone(&limit));
        let task = create_task(async move {
            let _note = note;
            inner.run(pending::<()>()).await
        });
        sleep(5 * MS).await;
        task.cancel();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert_eq!(expired.get(), Some(false));
        assert_eq!(limit.reschedule(None), Err(RescheduleError::Over));
    });
}

// Scenario 46.
#[test]
fn timeout_in_past_fires_at_the_next_await() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        sleep(10 * MS).await;
        let before = event_loop.iterations();
        let limit = timeout_at(Some(MS));
        assert_eq!(limit.run(pending::<()>()).await, Err(TimedOut));
        assert_eq!(
            event_loop.iterations() - before,
            1,
            "in the next iteration, not inside the call"
        );
        // A body that is ready at once never meets the deadline.
        assert_eq!(timeout_at(Some(MS)).run(async { 3 }).await, Ok(3));
    });
}

// Scenario 47.
/// Shows M4.
#[test]
fn reschedule_moves_the_limit_and_is_refused_after_the_end() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let limit = Rc::new(timeout(10 * MS));
        let mover = Rc::clone(&limit);
        drop(create_task(async move {
            sleep(5 * MS).await;
            let when = mover.when().unwrap();
            mover.reschedule(Some(when + 20 * MS)).unwrap();
        }));
        assert_eq!(limit.run(pending::<()>()).await, Err(TimedOut));
        assert_eq!(event_loop.time(), 30 * MS);
        assert_eq!(limit.reschedule(None), Err(RescheduleError::Expired));

        let earlier = timeout_at(None);
        let end = earlier.run(async {
            sleep(MS).await;
            earlier.reschedule(Some(Duration::ZERO)).unwrap();
            pending::<()>().await
        });
        assert_eq!(end.await, Err(TimedOut));
        assert_eq!(event_loop.time(), 31 * MS);
        let used = timeout(MS);
        used.run(async {}).await.unwrap();
        assert_eq!(used.reschedule(None), Err(RescheduleError::Over));
        assert!(!used.expired());
    });
}

#[test]
#[should_panic(expected = "a time limit is used once")]
fn a_time_limit_that_is_used_twice_says_so() {
    run(async {
        let limit = timeout(MS);
        limit.run(async {}).await.unwrap();
        let _ = limit.run(async {}).await;
    });
}

#[test]
fn a_time_limit_leaves_no_timer_behind() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        wait_for(yield_now(), Some(Duration::from_secs(3600))).await.unwrap();
        assert!(wait_for(pending::<()>(), Some(MS)).await.is_err());
        wait_for(async {}, Some(Duration::MAX)).await.unwrap();
    });
    assert!(event_loop.run_once().is_err(), "nothing is armed any more");
}

// ---- task groups ------------------------------------------------------------------------

type Group = TaskGroup<String>;

#[test]
fn an_empty_group_gives_its_bodys_value() {
    run(async {
        assert_eq!(Group::run(async |_| Ok(5)).await.unwrap(), 5);
        let error = Group::run(async |_| Err::<(), _>("body".to_owned())).await.unwrap_err();
        assert_eq!(error.to_string(), "1 task of the group failed: body");
    });
}

#[test]
fn a_group_waits_for_its_tasks_and_their_handles_have_the_values() {
    run(async {
        let sum = Group::run(async |group| {
            let tasks: Vec<_> = (1..=3)
                .map(|n| {
                    let work = async move {
                        sleep(n * MS).await;
                        Ok(n)
                    };
                    group.create_task(work).unwrap()
                })
                .collect();
            drop(group.create_task(async { Ok(()) }).unwrap()); // its output is not awaited
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            Ok(sum)
        });
        assert_eq!(sum.await.unwrap(), 6);
    });
}

// Scenario 48.
#[test]
fn taskgroup_child_error_cancels_the_siblings_and_interrupts_the_body() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let (sibling, body) = (DropFlag::default(), DropFlag::default());
        let guards = (sibling.guard(), body.guard());
        let end = Group::run(async move |group| {
            let (of_sibling, of_body) = guards;
            let _of_body = of_body;
            drop(group.create_task(async move {
                let _guard = of_sibling;
                pending().await
            }) as Result<Task<()>, GroupClosed>);
            let failing = group.create_task(async {
                sleep(MS).await;
                Err::<(), _>("child".to_owned())
            });
            drop(failing);
            pending::<()>().await;
            Ok(())
        });
        let errors = end.await.unwrap_err();
        assert_eq!(errors.0.len(), 1);
        assert!(matches!(&errors.0[0], ChildError::Failed(text) if text == "child"));
        assert!(sibling.dropped() && body.dropped(), "all gone when `run` returns");
    });
    assert_eq!(event_loop.tasks(), 0);
}

#[test]
fn taskgroup_collects_the_errors_of_all_that_fail_in_one_turn_and_panics_too() {
    run(async {
        let end = Group::run(async |group| {
            let a = group.create_task(async { Err::<(), _>("a".to_owned()) }).unwrap();
            drop(group.create_task(async {
                if true {
                    panic!("b");
                }
                Ok(())
            }));
            let read = a.await;
            assert!(matches!(read, Err(TaskError::Cancelled)), "{read:?}");
            Ok(())
        });
        let errors = end.await.unwrap_err();
        assert_eq!(errors.to_string(), "2 tasks of the group failed: a; the task panicked: b");
    });
}

#[test]
fn taskgroup_a_cancelled_child_is_no_failure() {
    run(async {
        let end = Group::run(async |group| {
            let child = group.create_task(async { pending().await }) as Result<Task<()>, _>;
            child.unwrap().cancel();
            Ok(1)
        });
        assert_eq!(end.await.unwrap(), 1);
    });
}

// Scenario 49. There is no `cancelling()` to count; each group has its own errors.
#[test]
fn taskgroup_nested_both_fail() {
    run(async {
        let end = Group::run(async |outer| {
            let fails = async {
                sleep(2 * MS).await;
                Err::<(), _>("outer".to_owned())
            };
            drop(outer.create_task(fails));
            let inner = Group::run(async |inner| {
                drop(inner.create_task(async { Err::<(), _>("inner".to_owned()) }));
                pending::<()>().await;
                Ok(())
            });
            assert_eq!(inner.await.unwrap_err().to_string(), "1 task of the group failed: inner");
            pending::<()>().await;
            Ok(())
        });
        assert_eq!(end.await.unwrap_err().to_string(), "1 task of the group failed: outer");
    });
}

// Scenario 50: an outside cancel drops `run`. asyncio's waits for the children first; a drop
// cannot wait, so they go right after it.
#[test]
fn taskgroup_outside_cancel_takes_the_children_with_it() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let flag = DropFlag::default();
        let guard = flag.guard();
        let kept: Rc<RefCell<Option<Group>>> = Rc::default();
        let keep = Rc::clone(&kept);
        let outer = create_task(Group::run(async move |group| {
            keep.replace(Some(group.clone()));
            drop(group.create_task(async move {
                let _guard = guard;
                pending().await
            }) as Result<Task<()>, _>);
            pending::<()>().await;
            Ok(())
        }));
        settle().await;
        outer.cancel();
        settle().await;
        assert!(outer.done() && flag.dropped());
        let refused = kept.take().unwrap().create_task(async { Ok(()) });
        assert!(matches!(refused, Err(GroupClosed)));
    });
    assert_eq!(event_loop.tasks(), 0);
}

// Scenario 51.
#[test]
fn taskgroup_create_after_abort_is_an_error_and_drops_the_future() {
    run(async {
        let flag = DropFlag::default();
        let guard = flag.guard();
        let end = Group::run(async move |group| {
            let inner = group.clone();
            drop(group.create_task(async move {
                let failed = inner.create_task(async { Err::<(), _>("first".to_owned()) });
                drop(failed);
                yield_now().await;
                Ok(())
            }));
            // The body is dropped because of the failure, and tries to go on.
            struct Late<F: FnMut()>(F);
            impl<F: FnMut()> Drop for Late<F> {
                fn drop(&mut self) {
                    (self.0)();
                }
            }
            let (late, mut guard) = (group.clone(), Some(guard));
            let _late = Late(move || {
                let guard = guard.take();
                let refused = late.create_task(async move {
                    drop(guard);
                    Ok(())
                });
                assert!(matches!(refused, Err(GroupClosed)));
            });
            pending::<()>().await;
            Ok(())
        });
        assert_eq!(end.await.unwrap_err().0.len(), 1);
        assert!(flag.dropped());
        let group = Group::run(async |group| Ok(group)).await.unwrap();
        let flag = DropFlag::default();
        let guard = flag.guard();
        let refused = group.create_task(async move {
            drop(guard);
            Ok(())
        });
        assert!(matches!(refused, Err(GroupClosed)));
        assert!(flag.dropped());
        assert!(refused.unwrap_err().to_string().contains("takes no more tasks"));
    });
}

#[test]
fn taskgroup_children_may_create_siblings() {
    run(async {
        let count = Rc::new(Cell::new(0));
        let inner = Rc::clone(&count);
        let end = Group::run(async move |group| {
            fn grow(group: Group, depth: u32, count: Rc<Cell<u32>>) {
                let next = group.clone();
                drop(group.create_task(async move {
                    count.set(count.get() + 1);
                    if depth > 0 {
                        grow(next.clone(), depth - 1, Rc::clone(&count));
                        grow(next, depth - 1, count);
                    }
                    Ok(())
                }));
            }
            grow(group, 4, inner);
            Ok(())
        });
        end.await.unwrap();
        assert_eq!(count.get(), 31);
    });
}

// ---- the end of a block ------------------------------------------------------------------

/// A group whose body and one child never end, and a second child that is ready to run.
fn endless_group(
    alive: &Rc<Cell<u32>>,
) -> impl Future<Output = Result<(), GroupErrors<String>>> + use<> {
    let alive = Rc::clone(alive);
    Group::run(async move |group| {
        for wakes in [false, true] {
            let alive = Alive::new(&alive);
            drop(group.create_task(async move {
                let _alive = alive;
                if !wakes {
                    pending::<()>().await;
                }
                loop {
                    yield_now().await; // so it is often in the ready queue when the block ends
                    sleep(MS).await;
                }
            }) as Result<Task<()>, _>);
        }
        pending().await
    })
}

fn endless_gather(alive: &Rc<Cell<u32>>) -> impl Future<Output = ()> + use<> {
    let tasks = [(); 2].map(|()| {
        let alive = Alive::new(alive);
        create_task(async move {
            let _alive = alive;
            pending::<()>().await
        })
    });
    let all = gather(tasks); // they are its own from here on, whether or not it is ever polled
    async { drop(all.await) }
}

/// Counts those of its kind that are alive.
struct Alive(Rc<Cell<u32>>);

impl Alive {
    fn new(count: &Rc<Cell<u32>>) -> Alive {
        count.set(count.get() + 1);
        Alive(Rc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[test]
fn nothing_of_a_group_or_gather_is_alive_after_a_time_limit() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let alive = Rc::default();
        for _ in 0..4 {
            assert!(wait_for(endless_group(&alive), Some(MS)).await.is_err());
            assert_eq!((alive.get(), event_loop.tasks()), (0, 0), "a group");
            assert!(wait_for(endless_gather(&alive), Some(MS)).await.is_err());
            assert_eq!((alive.get(), event_loop.tasks()), (0, 0), "gather");
            let guard = Alive::new(&alive);
            let task = create_task(async move { (pending::<()>().await, guard).0 });
            assert!(wait_for(task.cancel_on_drop(), Some(MS)).await.is_err());
            assert_eq!((alive.get(), event_loop.tasks()), (0, 0), "a task with its handle");
            settle().await;
        }
    });
}

#[test]
fn nothing_of_a_group_or_gather_is_alive_after_a_drop_a_cancel_or_a_panic() {
    let event_loop = scripted();
    let alive = Rc::default();
    event_loop.run_until_complete(async {
        type Block = Pin<Box<dyn Future<Output = ()>>>;
        type MakeBlock = fn(&Rc<Cell<u32>>) -> Block;
        let blocks: [MakeBlock; 2] = [
            |alive| Box::pin(endless_gather(alive)),
            |alive| {
                let group = endless_group(alive);
                Box::pin(async { drop(group.await) })
            },
        ];
        for block in blocks {
            // Never polled, polled once, and polled until the children run.
            for polls in 0..3 {
                let mut block = block(&alive);
                for _ in 0..polls {
                    poll_fn(|cx| Poll::Ready(block.as_mut().poll(cx).is_pending())).await;
                    yield_now().await;
                }
                drop(block);
                assert_eq!((alive.get(), event_loop.tasks()), (0, 0), "after {polls} polls");
            }
            let block_of_outer = block(&alive);
            let outer = create_task(block_of_outer);
            settle().await;
            assert_eq!(alive.get(), 2);
            outer.cancel();
            assert!(outer.await.is_err());
            assert_eq!((alive.get(), event_loop.tasks()), (0, 0), "after a cancel");

            let mut inner = block(&alive);
            let panics: Task<()> = create_task(async move {
                poll_fn(|cx| Poll::Ready(inner.as_mut().poll(cx).is_pending())).await;
                yield_now().await;
                let _inner = inner;
                if true {
                    panic!("while the block runs");
                }
            });
            assert!(matches!(panics.await, Err(TaskError::Panicked(_))));
            assert_eq!((alive.get(), event_loop.tasks()), (0, 0), "after a panic");
        }
    });
}

#[test]
fn a_block_that_is_dropped_while_its_loop_does_not_run_takes_its_tasks_along() {
    let event_loop = scripted();
    let alive = Rc::default();
    for other_loop_runs in [false, true] {
        let mut block = Box::pin(endless_group(&alive));
        event_loop.run_until_complete(async {
            poll_fn(|cx| Poll::Ready(block.as_mut().poll(cx).is_pending())).await;
            settle().await;
        });
        assert_eq!(alive.get(), 2);
        match other_loop_runs {
            false => drop(block),
            true => run(async move { drop(block) }),
        }
        assert_eq!((alive.get(), event_loop.tasks()), (0, 0));
        event_loop.run_until_complete(settle());
    }
}

#[test]
fn a_child_that_drops_its_own_group_is_gone_after_its_step() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        type Kept = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;
        let (kept, alive): (Kept, Rc<Cell<u32>>) = Default::default();
        let (inner, count) = (Rc::clone(&kept), Rc::clone(&alive));
        let block = Box::pin(async move {
            let end = Group::run(async move |group| {
                let (own, sibling) = (Alive::new(&count), Alive::new(&count));
                drop(group.create_task(async move {
                    let _sibling = sibling;
                    pending::<Result<(), String>>().await
                }));
                drop(group.create_task(async move {
                    let block = inner.take();
                    drop(block);
                    assert_eq!(count.get(), 1, "the sibling is gone, and this one is not yet");
                    yield_now().await;
                    drop(own);
                    unreachable!("it is cancelled at its next await");
                }) as Result<Task<()>, _>);
                pending::<Result<(), String>>().await
            });
            drop(end.await);
        });
        kept.replace(Some(block));
        poll_fn(|cx| {
            let mut block = kept.take().unwrap();
            assert!(block.as_mut().poll(cx).is_pending());
            kept.replace(Some(block));
            Poll::Ready(())
        })
        .await;
        settle().await;
        assert_eq!((alive.get(), event_loop.tasks()), (0, 0));
    });
}

/// Each group's only child runs the next group: a drop of the first ends all of them, one inside
/// the other, and must not overflow the stack.
#[test]
fn a_deep_nest_of_groups_ends_at_once_and_without_overflow() {
    fn nest(depth: u32, alive: Rc<Cell<u32>>) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
        Box::pin(async move {
            let _alive = Alive::new(&alive);
            if depth == 0 {
                return pending().await;
            }
            let end = Group::run(async move |group| {
                drop(group.create_task(nest(depth - 1, alive)));
                pending::<Result<(), String>>().await
            });
            end.await.map_err(|errors| errors.to_string())
        })
    }
    let small_stack = std::thread::Builder::new().stack_size(1 << 20);
    let test = small_stack.spawn(|| {
        let event_loop = scripted();
        event_loop.run_until_complete(async {
            let alive = Rc::default();
            let depth = 10_000;
            let mut outer = nest(depth, Rc::clone(&alive));
            poll_fn(|cx| Poll::Ready(outer.as_mut().poll(cx).is_pending())).await;
            for _ in 0..depth {
                yield_now().await;
            }
            assert_eq!(alive.get(), depth + 1);
            drop(outer);
            assert_eq!((alive.get(), event_loop.tasks()), (0, 0));
            settle().await;
        });
    });
    test.unwrap().join().unwrap();
}

#[test]
fn values_whose_drop_panics_take_no_other_value_along_and_are_reported() {
    struct Value(Rc<Cell<u32>>);
    impl Drop for Value {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            panic!("in the drop of a value");
        }
    }
    let event_loop = scripted();
    let (reports, drops) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let count = Rc::clone(&reports);
    event_loop.set_exception_handler(move |_| count.set(count.get() + 1));
    event_loop.run_until_complete(async {
        let values = || {
            [(); 3].map(|()| {
                let value = Value(Rc::clone(&drops));
                create_task(async move { value })
            })
        };
        let unpolled = gather(values());
        settle().await;
        drop(unpolled);
        assert_eq!((drops.get(), reports.get()), (3, 3));
        let failing = create_task(async {
            yield_now().await;
            panic!("a sibling")
        });
        let some_are_there = gather(values().into_iter().chain([failing]));
        assert!(some_are_there.await.is_err());
        assert_eq!((drops.get(), reports.get()), (6, 6));
    });
}

/// Issue: durations that are huge or nothing (a `Duration` cannot be negative). None overflows,
/// none ends early, and what is past is over at the next await.
#[test]
fn limits_of_ages_and_of_nothing() {
    let event_loop = scripted();
    event_loop.set_timer_slack(Duration::MAX);
    event_loop.set_timer_slack(Duration::ZERO);
    event_loop.run_until_complete(async {
        let ages = [Duration::MAX, Duration::from_nanos(u64::MAX), Duration::from_secs(1 << 40)];
        for age in ages {
            let late = Rc::new(Cell::new(false));
            let (by_delay, by_time) = (Rc::clone(&late), Rc::clone(&late));
            let calls = [
                event_loop.call_later(age, move || by_delay.set(true)),
                event_loop.call_at(age, move || by_time.set(true)),
            ];
            let nap = create_task(sleep(age));
            assert_eq!(timeout(age).run(sleep(MS)).await, Ok(()));
            assert_eq!(timeout_at(Some(age)).run(sleep(MS)).await, Ok(()));
            assert_eq!(wait_for(sleep(MS), Some(age)).await, Ok(()));
            let limit = timeout(MS);
            limit.reschedule(Some(age)).unwrap();
            assert_eq!(limit.run(sleep(2 * MS)).await, Ok(()));
            let (done, _) =
                wait([create_task(sleep(MS))], ReturnWhen::AllCompleted, Some(age)).await;
            assert_eq!((done.len(), nap.done(), late.get()), (1, false, false));
            calls.iter().for_each(|call| call.cancel());
            nap.cancel();
            nap.await.unwrap_err();
        }
        let never = pending::<()>;
        let before = event_loop.iterations();
        assert_eq!(timeout(Duration::ZERO).run(never()).await, Err(TimedOut));
        assert_eq!(timeout_at(Some(Duration::ZERO)).run(never()).await, Err(TimedOut));
        assert_eq!(wait_for(never(), Some(Duration::ZERO)).await, Err(TimedOut));
        let nap = create_task(sleep(Duration::MAX));
        let (_, left) = wait([nap], ReturnWhen::AllCompleted, Some(Duration::ZERO)).await;
        left[0].cancel();
        assert_eq!(
            (left.len(), event_loop.iterations() - before),
            (1, 4),
            "one iteration for each"
        );
    });
    assert!(event_loop.time() < Duration::from_secs(1), "no sleep has run to its end");
}
