//! Tasks whose first step runs in the call that makes them (scenarios 35 and 36 of CPython's
//! tests): what is saved, what changes in the order, and what must not.

mod common;
use common::{DropFlag, Log, run_scripted, scripted, settle};
use singletrack::aio::{Event, Queue, TaskGroup, all_tasks, current_task, gather};
use singletrack::event_loop::Task;
use singletrack::event_loop::create_eager_task;
use singletrack::task::budget::BUDGET;
use singletrack::{create_task, yield_now};
use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

#[test]
fn scenario_35_eager_completion_takes_no_pass_and_no_place_in_the_queue() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let before = event_loop.iterations();
        let task = create_eager_task(async { 7 });
        assert!(task.done());
        assert_eq!(all_tasks(), []);
        assert_eq!(task.peek(|value| *value), Some(7));
        assert_eq!(task.await.unwrap(), 7);
        assert_eq!(event_loop.iterations(), before);
    });
    // Of the root alone; the task was never in the queue.
    event_loop.call_soon(|| drop(create_eager_task(async {})));
    let iteration = event_loop.run_once().unwrap();
    assert_eq!((iteration.called, iteration.polled), (1, 0));
}

#[test]
fn scenario_36_eager_block_suspends_and_gives_the_current_task_back() {
    run_scripted(async {
        let (log, event) = (Log::default(), Rc::new(Event::new()));
        let parent = create_task({
            let (log, event) = (log.clone(), Rc::clone(&event));
            async move {
                let me = current_task().await;
                let child = create_eager_task({
                    let (log, event) = (log.clone(), Rc::clone(&event));
                    async move {
                        let me = current_task().await;
                        log.note("child begins");
                        event.wait().await;
                        log.note("child ends");
                        assert_eq!(current_task().await, me);
                        me
                    }
                });
                log.note("parent goes on");
                assert_eq!(current_task().await, me);
                assert!(all_tasks().contains(&child.id()) && !child.done());
                event.set();
                log.note("parent waits");
                let id = child.id();
                assert_eq!(child.await.unwrap(), Some(id));
                assert_ne!(Some(id), me);
            }
        });
        parent.await.unwrap();
        let expected = ["child begins", "parent goes on", "parent waits", "child ends"];
        assert_eq!(log.read(), expected);
    });
}

#[test]
fn scenario_36_recursive_gathers_and_groups_of_eager_tasks_end() {
    fn tree(depth: u32) -> Pin<Box<dyn Future<Output = u32>>> {
        Box::pin(async move {
            if depth == 0 {
                return 1;
            }
            let children = gather([0; 3].map(|_| create_eager_task(tree(depth - 1)))).await;
            let below: u32 = children.unwrap().into_iter().sum();
            let group = TaskGroup::<()>::run(async |group| {
                let own = group.create_task(async { Ok(1) }).unwrap();
                Ok(own.await.unwrap())
            });
            below + group.await.unwrap()
        })
    }
    let event_loop = scripted();
    let total = event_loop.run_until_complete(async { create_eager_task(tree(4)).await.unwrap() });
    assert_eq!(total, 81 + 27 + 9 + 3 + 1);
    assert_eq!(event_loop.tasks(), 0);
}

#[test]
fn the_first_step_comes_before_all_that_is_ready_and_later_ones_in_their_turn() {
    run_scripted(async {
        let log = Log::default();
        let steps = |name: &'static str| {
            let log = log.clone();
            async move {
                log.note(format!("{name} 1"));
                yield_now().await;
                log.note(format!("{name} 2"));
            }
        };
        let first = create_task(steps("queued"));
        let second = create_eager_task(steps("eager"));
        log.note("maker");
        first.await.unwrap();
        second.await.unwrap();
        assert_eq!(log.read(), ["eager 1", "maker", "queued 1", "eager 2", "queued 2"]);
    });
}

#[test]
fn what_the_maker_woke_before_is_not_forgotten() {
    let event_loop = scripted();
    let polls = event_loop.run_until_complete(async {
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            drop(create_eager_task(yield_now()));
            Poll::Pending
        })
        .await;
        polls
    });
    assert_eq!(polls, 2, "a lost wake would have ended the scripted loop with an error");
    // The same for a maker that is a task: the root is not counted as running by its id.
    run_scripted(async {
        let task = create_task(async {
            let mut woken = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut woken, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                drop(create_eager_task(pending::<()>()));
                Poll::Pending
            })
            .await;
        });
        task.await.unwrap();
    });
}

#[test]
fn a_maker_that_is_not_woken_stays_asleep_though_its_child_woke_itself() {
    run_scripted(async {
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        let maker = create_task(poll_fn(move |_| {
            counted.set(counted.get() + 1);
            drop(create_eager_task(yield_now()));
            Poll::<()>::Pending
        }));
        settle().await;
        assert_eq!(polls.get(), 1);
        assert_eq!(all_tasks(), [maker.id()]);
        maker.cancel();
    });
}

#[test]
fn a_panic_in_the_first_step_stays_in_the_task() {
    let event_loop = scripted();
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    event_loop.set_exception_handler(move |_| count.set(count.get() + 1));
    event_loop.run_until_complete(async {
        let task: Task<()> = create_eager_task(async { panic!("at once") });
        assert!(task.done());
        assert_eq!(task.await.unwrap_err().to_string(), "the task panicked: at once");
        assert_eq!(calls.get(), 0);
        drop(create_eager_task(async { panic!("and it is not awaited") }));
        assert_eq!(calls.get(), 1);
    });
}

#[test]
fn a_row_of_eager_tasks_spends_its_makers_budget() {
    run_scripted(async {
        let queue = Rc::new(Queue::new(0));
        (0..2 * BUDGET).for_each(|n| queue.put_nowait(n).unwrap());
        let maker = create_task({
            let queue = Rc::clone(&queue);
            async move {
                let mut done = 0;
                for _ in 0..2 * BUDGET {
                    let queue = Rc::clone(&queue);
                    done += u32::from(create_eager_task(async move { queue.get().await }).done());
                }
                done
            }
        });
        assert_eq!(maker.await.unwrap(), BUDGET, "the others wait for an iteration of their own");
        settle().await;
        assert!(queue.empty());
    });
}

#[test]
fn a_cancel_after_the_first_step_drops_the_future_in_its_next_turn() {
    run_scripted(async {
        let flag = DropFlag::default();
        let guard = flag.guard();
        let task = create_eager_task(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        assert!(task.cancel());
        assert!(!flag.dropped());
        assert_eq!(task.await.unwrap_err().to_string(), "the task was cancelled");
        assert!(flag.dropped());
    });
}

#[test]
fn done_callbacks_come_in_the_next_turn_though_the_task_is_done() {
    run_scripted(async {
        let calls = Rc::new(Cell::new(false));
        let inner = Rc::clone(&calls);
        let task = create_eager_task(async {});
        task.add_done_callback(move || inner.set(true));
        assert!(!calls.get());
        yield_now().await;
        assert!(calls.get());
    });
}

#[test]
fn a_dying_loop_starts_nothing_and_outside_a_loop_the_panic_says_what_it_needs() {
    struct Spawns(Rc<Cell<bool>>, DropFlag);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let (ran, guard) = (Rc::clone(&self.0), self.1.guard());
            let task = create_eager_task(async move {
                let _guard = guard;
                ran.set(true);
            });
            assert!(task.done());
        }
    }
    let (ran, flag) = (Rc::new(Cell::new(false)), DropFlag::default());
    let event_loop = scripted();
    let late = Spawns(Rc::clone(&ran), flag.clone());
    drop(event_loop.create_task(async move {
        let _late = late;
        pending::<()>().await;
    }));
    event_loop.run_until_complete(yield_now());
    drop(event_loop);
    assert!(!ran.get() && flag.dropped());

    let panic = catch_unwind(AssertUnwindSafe(|| drop(create_eager_task(async {}))));
    let panic = panic.unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("create_eager_task needs a running event loop"), "{text}");
}

/// The parent's step is going on, but the parent is not what runs: only a task that awaits itself would
/// wait for ever.
#[test]
fn an_eager_child_may_await_the_parent_in_whose_step_it_begins() {
    run_scripted(async {
        let handle: Rc<Cell<Option<Task<u8>>>> = Rc::default();
        let child: Rc<Cell<Option<Task<u8>>>> = Rc::default();
        let (own, begun) = (Rc::clone(&handle), Rc::clone(&child));
        handle.set(Some(create_task(async move {
            let me = own.take().expect("it was put there before the first step");
            begun
                .set(Some(create_eager_task(async move { me.await.expect("the parent's value") })));
            yield_now().await;
            1
        })));
        yield_now().await;
        assert_eq!(child.take().expect("it has begun").await.unwrap(), 1);
    });
}
