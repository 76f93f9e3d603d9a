//! The loop on the scripted selector: every test is a deterministic function of its script.

mod common;
use common::{DropFlag, Log, scripted, watchdog};
use singletrack::aio::sleep;
use singletrack::event_loop::Iteration;
use singletrack::selector::event::Selector;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::task::state::TaskError;
use singletrack::{EventLoop, create_task, yield_now};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn callbacks_run_in_order_and_those_scheduled_meanwhile_in_the_next_turn() {
    let event_loop = Rc::new(scripted());
    let log = Log::default();
    for i in 0..3 {
        let (log, inner) = (log.clone(), Rc::clone(&event_loop));
        event_loop.call_soon(move || {
            log.note(format!("first {i}"));
            let log = log.clone();
            inner.call_soon(move || log.note(format!("second {i}")));
        });
    }
    assert_eq!(event_loop.run_once().unwrap().called, 3);
    assert_eq!(log.read(), ["first 0", "first 1", "first 2"]);
    assert_eq!(event_loop.run_once().unwrap().called, 3);
    assert_eq!(log.read()[3..], ["second 0", "second 1", "second 2"]);
}

#[test]
fn a_turn_says_what_it_did() {
    let event_loop = scripted();
    event_loop.call_soon(|| ());
    event_loop.call_later(Duration::ZERO, || ());
    drop(event_loop.create_task(async {}));
    event_loop.handle().call_soon_threadsafe(|| ()).unwrap();
    let expect = Iteration { polled: 1, called: 3, events: 0, timers: 1, foreign: 1 };
    assert_eq!(event_loop.run_once().unwrap(), expect);
}

/// Shows M1, M2.
#[test]
fn timers_fire_by_deadline_then_age_and_never_early() {
    let event_loop = Rc::new(scripted());
    let log = Log::default();
    for (name, ms) in [("c", 30), ("a", 10), ("b1", 20), ("b2", 20)] {
        let (log, clock) = (log.clone(), Rc::downgrade(&event_loop));
        event_loop.call_later(ms * MS, move || {
            assert_eq!(clock.upgrade().unwrap().time(), ms * MS);
            log.note(name);
        });
    }
    event_loop.run_until_complete(sleep(40 * MS));
    assert_eq!(log.read(), ["a", "b1", "b2", "c"]);
    assert_eq!(event_loop.time(), 40 * MS);
}

#[test]
fn a_cancelled_callback_never_runs_and_frees_what_it_holds_at_once() {
    let event_loop = scripted();
    let (soon, later) = (DropFlag::default(), DropFlag::default());
    let (soon_guard, later_guard) = (soon.guard(), later.guard());
    let ran = Rc::new(Cell::new(0));
    let call = |guard: Box<dyn Any>| {
        let ran = Rc::clone(&ran);
        move || {
            ran.set(ran.get() + 1);
            drop(guard);
        }
    };
    let a = event_loop.call_soon(call(Box::new(soon_guard)));
    let b = event_loop.call_later(MS, call(Box::new(later_guard)));
    a.cancel();
    b.cancel();
    // Outside a run, the handle leaves a message in the inbox; the next iteration takes it.
    assert_eq!(event_loop.run_until_complete(async { 1 }), 1);
    assert!(soon.dropped() && later.dropped());
    event_loop.run_until_complete(sleep(2 * MS));
    assert_eq!(ran.get(), 0);
}

#[test]
fn stop_before_run_forever_makes_one_iteration_without_sleeping() {
    let event_loop = scripted();
    let calls = Rc::new(Cell::new(0));
    let inner = Rc::clone(&calls);
    event_loop.call_soon(move || inner.set(inner.get() + 1));
    event_loop.stop();
    event_loop.run_forever().unwrap();
    assert_eq!((calls.get(), event_loop.iterations()), (1, 1));
}

#[test]
fn sleeping_tasks_wake_in_order_of_deadline() {
    let event_loop = scripted();
    let log = Log::default();
    let tasks: Vec<_> = [3u32, 1, 2]
        .map(|n| {
            let log = log.clone();
            event_loop.create_task(async move {
                sleep(n * MS).await;
                log.note(n.to_string());
            })
        })
        .into();
    event_loop.run_until_complete(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(log.read(), ["1", "2", "3"]);
}

#[test]
fn cancel_before_first_poll_drops_the_future() {
    let event_loop = scripted();
    let (flag, polled) = (DropFlag::default(), Rc::new(Cell::new(false)));
    let (guard, inner) = (flag.guard(), Rc::clone(&polled));
    let task = event_loop.create_task(async move {
        inner.set(true);
        drop(guard);
    });
    assert!(task.cancel());
    let end = event_loop.run_until_complete(task);
    assert!(matches!(end, Err(TaskError::Cancelled)));
    assert!(flag.dropped() && !polled.get());
}

#[test]
fn cancelling_a_sleeper_frees_its_timer_and_tells_its_awaiter() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let task = create_task(sleep(3600 * 1000 * MS));
        yield_now().await;
        assert!(task.cancel() && !task.done());
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
    });
    // Only a timer heap without a deadline lets a scripted loop notice that it would wait for ever.
    assert!(event_loop.run_once().is_err());
    assert_eq!(event_loop.tasks(), 0);
}

#[test]
fn cancel_of_a_done_task_is_refused() {
    let event_loop = scripted();
    let task = event_loop.create_task(async { 5 });
    event_loop.run_once().unwrap();
    assert!(task.done() && !task.cancel());
    assert_eq!(event_loop.run_until_complete(task).unwrap(), 5);
}

#[test]
fn a_task_that_cancels_itself_is_dropped_at_its_next_await() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let own = Rc::new(RefCell::new(None::<singletrack::event_loop::Task<()>>));
        let (seen, after) = (Rc::clone(&own), Rc::new(Cell::new(false)));
        let reached = Rc::clone(&after);
        let task = create_task(async move {
            yield_now().await;
            seen.borrow().as_ref().unwrap().cancel();
            yield_now().await;
            reached.set(true);
        });
        own.replace(Some(task));
        for _ in 0..4 {
            yield_now().await;
        }
        let task = own.take().unwrap();
        assert!(matches!(task.await, Err(TaskError::Cancelled)));
        assert!(!after.get());
    });
}

/// Shows T8.
#[test]
fn a_panic_stays_in_its_task_and_reaches_the_awaiter() {
    let event_loop = scripted();
    let other = event_loop.create_task(async { 1 });
    let bad = event_loop.create_task(async { assert_eq!("milk", "spilt milk") });
    event_loop.run_until_complete(async {
        let error: TaskError = bad.await.unwrap_err();
        assert!(error.to_string().contains("spilt milk"), "{error}");
        assert_eq!(other.await.unwrap(), 1);
    });
}

#[test]
fn a_panic_that_nobody_awaits_goes_to_the_handler() {
    let event_loop = scripted();
    let log = Log::default();
    let sink = log.clone();
    event_loop.set_exception_handler(move |unhandled| sink.note(unhandled.message.clone()));
    drop(event_loop.create_task(async { panic!("detached") }));
    event_loop.call_soon(|| panic!("callback"));
    let kept = event_loop.create_task(async { panic!("handle dropped later") });
    event_loop.run_until_complete(async move {
        yield_now().await;
        drop(kept);
    });
    assert_eq!(log.read(), ["detached", "callback", "handle dropped later"]);
}

/// `eprintln!` panics then. The child is this test again.
#[test]
#[cfg_attr(miri, ignore = "starts a process")]
fn a_panic_that_cannot_be_written_down_ends_no_run() {
    const NAME: &str = "a_panic_that_cannot_be_written_down_ends_no_run";
    if std::env::var_os(NAME).is_some() {
        let event_loop = scripted();
        event_loop.set_debug(true);
        event_loop.set_slow_callback_duration(Duration::ZERO);
        drop(event_loop.create_task(async { panic!("not awaited") }));
        event_loop.run_until_complete(yield_now());
        event_loop.set_exception_handler(|_| panic!("the handler, too"));
        event_loop.call_soon(|| panic!("not awaited"));
        return event_loop.run_until_complete(yield_now());
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", NAME, "--nocapture"]).env(NAME, "1");
    let output = child.stderr(full).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_panic_whose_handle_goes_while_the_loop_rests_goes_to_the_handler_all_the_same() {
    let event_loop = scripted();
    let log = Log::default();
    let sink = log.clone();
    event_loop.set_exception_handler(move |unhandled| sink.note(unhandled.message.clone()));
    let reported_in_a_run = event_loop.create_task(async { panic!("dropped between two runs") });
    let reported_at_the_end =
        event_loop.create_task(async { panic!("dropped after the last run") });
    let reported_elsewhere = event_loop.create_task(async { panic!("dropped under another loop") });
    event_loop.run_until_complete(yield_now());
    drop(reported_in_a_run);
    event_loop.run_until_complete(async {});
    assert_eq!(log.read(), ["dropped between two runs"]);
    scripted().run_until_complete(async move { drop(reported_elsewhere) });
    drop(reported_at_the_end);
    drop(event_loop);
    assert_eq!(log.read()[1..], ["dropped under another loop", "dropped after the last run"]);
}

#[test]
fn a_panic_in_a_futures_drop_costs_only_that_task() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    let event_loop = scripted();
    let cancelled = event_loop.create_task(async {
        let _bomb = Bomb;
        pending::<()>().await;
    });
    let after = event_loop.create_task(async { 2 });
    event_loop.run_until_complete(async {
        yield_now().await;
        cancelled.cancel();
        assert!(matches!(cancelled.await, Err(TaskError::Cancelled)));
        assert_eq!(after.await.unwrap(), 2);
    });
}

#[test]
fn awaiting_oneself_is_an_error_not_a_hang() {
    let event_loop = scripted();
    let handle = Rc::new(RefCell::new(None));
    let own = Rc::clone(&handle);
    let task = event_loop.create_task(async move {
        let me: singletrack::event_loop::Task<()> = own.take().unwrap();
        assert!(matches!(me.await, Err(TaskError::AwaitsItself)));
    });
    handle.replace(Some(task));
    assert_eq!(event_loop.run_once().unwrap().polled, 1);
    assert_eq!(event_loop.tasks(), 0);
}

/// Shows T4.
#[test]
fn many_wakes_during_one_poll_cause_one_more_poll() {
    let event_loop = scripted();
    let polls = Rc::new(Cell::new(0));
    let count = Rc::clone(&polls);
    drop(event_loop.create_task(poll_fn(move |cx| {
        count.set(count.get() + 1);
        if count.get() == 1 {
            (0..10).for_each(|_| cx.waker().wake_by_ref());
        }
        Poll::<()>::Pending
    })));
    for expect in [1, 1] {
        assert_eq!(event_loop.run_once().unwrap().polled, expect);
    }
    assert!(event_loop.run_once().is_err(), "the third iteration has nothing to do");
    assert_eq!(polls.get(), 2);
}

/// Shows T5.
#[test]
fn a_stale_waker_wakes_nobody() {
    let event_loop = scripted();
    let kept = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&kept);
    let first = event_loop.create_task(poll_fn(move |cx| {
        keep.replace(Some(cx.waker().clone()));
        Poll::Ready(())
    }));
    event_loop.run_until_complete(first).unwrap();
    // The next task gets the same slot; the old waker must not reach it.
    let polls = Rc::new(Cell::new(0));
    let count = Rc::clone(&polls);
    drop(event_loop.create_task(poll_fn(move |_| {
        count.set(count.get() + 1);
        Poll::<()>::Pending
    })));
    event_loop.run_until_complete(async {
        yield_now().await;
        kept.borrow().as_ref().unwrap().wake_by_ref();
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(polls.get(), 1);
}

/// Shows T1, T13.
#[test]
fn dropping_the_loop_drops_every_future_once_and_handles_read_cancelled() {
    let (flags, loop_b) = ([(); 50].map(|()| DropFlag::default()), scripted());
    let event_loop = scripted();
    let mut tasks: Vec<_> = flags
        .iter()
        .map(|flag| {
            let guard = flag.guard();
            event_loop.create_task(async move {
                let _guard = guard;
                sleep(Duration::MAX).await;
            })
        })
        .collect();
    event_loop.run_once().unwrap();
    drop(event_loop);
    assert!(flags.iter().all(DropFlag::dropped));
    let last = tasks.pop().unwrap();
    assert!(!last.cancel(), "its loop is gone");
    assert!(matches!(loop_b.run_until_complete(last), Err(TaskError::Cancelled)));
}

#[test]
fn a_drop_that_spawns_does_not_keep_a_dying_loop_alive() {
    struct Spawner(DropFlag);
    impl Drop for Spawner {
        fn drop(&mut self) {
            let guard = self.0.guard();
            drop(create_task(async move { drop(guard) }));
        }
    }
    let flag = DropFlag::default();
    let event_loop = scripted();
    let spawner = Spawner(flag.clone());
    drop(event_loop.create_task(async move {
        let _spawner = spawner;
        pending::<()>().await;
    }));
    drop(event_loop);
    assert!(flag.dropped());
}

#[test]
#[should_panic(expected = "running an event loop already")]
fn a_loop_inside_a_loop_is_refused() {
    let (outer, inner) = (scripted(), scripted());
    outer.run_until_complete(async { inner.run_until_complete(async {}) });
}

#[test]
#[should_panic(expected = "sleep needs a running event loop")]
fn a_sleep_without_a_loop_says_what_it_needs() {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = std::pin::pin!(sleep(MS)).poll(&mut cx);
}

#[test]
#[should_panic(expected = "was stopped before the future was done")]
fn stop_during_run_until_complete_says_so() {
    let event_loop = scripted();
    let handle = event_loop.handle();
    event_loop.call_soon(move || handle.stop().unwrap());
    event_loop.run_until_complete(pending::<()>());
}

#[test]
fn a_scripted_loop_that_would_wait_for_ever_says_so() {
    let event_loop = scripted();
    let error = event_loop.run_once().unwrap_err();
    assert!(error.to_string().contains("waits for ever"), "{error}");
}

#[test]
fn a_busy_loop_still_looks_at_its_timers() {
    let selector = ScriptedSelector::new();
    let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
    let fired = Rc::new(Cell::new(false));
    let inner = Rc::clone(&fired);
    event_loop.call_later(MS, move || inner.set(true));
    selector.advance(MS);
    let polls = event_loop.run_until_complete(async {
        let mut polls = 0;
        while !fired.get() {
            yield_now().await;
            polls += 1;
        }
        polls
    });
    assert!(polls <= 62, "{polls} polls went by before the selector was looked at");
}

#[test]
fn timer_slack_ends_sleeps_that_are_close_together_in_one_wake() {
    let (ms, us) = (Duration::from_millis, Duration::from_micros);
    let run = |slack: Duration| {
        let selector = ScriptedSelector::new();
        let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
        event_loop.set_timer_slack(slack);
        let sleeps = [us(10_000), us(10_400), us(10_900), us(11_100)];
        let ends = event_loop.run_until_complete(async {
            let clock = selector.clone();
            let tasks: Vec<_> = sleeps
                .into_iter()
                .map(|delay| {
                    let clock = clock.clone();
                    create_task(async move {
                        sleep(delay).await;
                        Duration::from_nanos(clock.now())
                    })
                })
                .collect();
            let mut ends = Vec::new();
            for task in tasks {
                ends.push(task.await.unwrap());
            }
            ends
        });
        (ends, selector.waits())
    };
    let (exact, waits) = run(Duration::ZERO);
    assert_eq!(exact, [us(10_000), us(10_400), us(10_900), us(11_100)]);
    let (slack, fewer) = run(ms(1));
    assert_eq!(slack, [us(11_000), us(11_000), us(11_000), us(12_100)]);
    assert_eq!(waits - fewer, 2, "the second and the third came with the first");
}

#[test]
fn passes_counted_as_asyncio_counts_them() {
    // (what, passes on CPython 3.11 to 3.13)
    let count = |future: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        let event_loop = scripted();
        event_loop.set_io_interval(1);
        event_loop.run_until_complete(async {
            let before = event_loop.iterations();
            future.await;
            event_loop.iterations() - before
        })
    };
    assert_eq!(count(Box::pin(async {})), 0, "await a plain coroutine");
    assert_eq!(count(Box::pin(sleep(Duration::ZERO))), 1, "sleep(0)");
    assert_eq!(count(Box::pin(async { drop(create_task(async {}).await) })), 2, "await a task");
    let sleeper = async { drop(create_task(sleep(Duration::ZERO)).await) };
    assert_eq!(count(Box::pin(sleeper)), 3, "await a task that does sleep(0)");
    let cancelled = async {
        let task = create_task(sleep(Duration::MAX));
        yield_now().await;
        task.cancel();
        drop(task.await);
    };
    assert_eq!(count(Box::pin(cancelled)), 3, "cancel a sleeping task and await it");
}

#[test]
#[cfg_attr(miri, ignore = "real threads and a real selector take the interpreter minutes")]
fn wakes_from_other_threads_arrive_while_the_loop_sleeps() {
    let _dog = watchdog("wakes_from_other_threads", 30);
    let event_loop = EventLoop::new().unwrap();
    let rounds = 200;
    let (to_thread, wakers) = std::sync::mpsc::channel::<std::task::Waker>();
    let thread = std::thread::spawn(move || wakers.into_iter().map(|w| w.wake()).count());
    event_loop.run_until_complete(async {
        for _ in 0..rounds {
            let mut sent = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut sent, true) {
                    return Poll::Ready(());
                }
                to_thread.send(cx.waker().clone()).unwrap();
                Poll::Pending
            })
            .await;
        }
    });
    drop(to_thread);
    assert_eq!(thread.join().unwrap(), rounds);
}

#[test]
#[cfg_attr(miri, ignore = "real threads and a real selector take the interpreter minutes")]
fn threadsafe_calls_of_one_thread_keep_their_order() {
    let _dog = watchdog("threadsafe_calls", 30);
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = std::sync::Arc::clone(&seen);
    let thread = std::thread::spawn(move || {
        for i in 0..1000 {
            let log = std::sync::Arc::clone(&log);
            handle.call_soon_threadsafe(move || log.lock().unwrap().push(i)).unwrap();
        }
        handle.stop().unwrap();
    });
    event_loop.run_forever().unwrap();
    thread.join().unwrap();
    assert_eq!(*seen.lock().unwrap(), (0..1000).collect::<Vec<_>>());
    let handle = event_loop.handle();
    drop(event_loop);
    let refused = handle.call_soon_threadsafe(|| ()).unwrap_err();
    assert!(refused.to_string().contains("is gone"), "{refused}");
}

/// What woke it was left by the root of an earlier run, when no run was under way.
#[test]
fn a_root_is_polled_though_an_earlier_one_was_woken_after_its_run() {
    for between in [
        (|event_loop| _ = event_loop.run_ready().unwrap()) as fn(&EventLoop),
        |event_loop| _ = event_loop.run_once().unwrap(),
        |event_loop| {
            let handle = event_loop.handle();
            event_loop.call_soon(move || handle.stop().unwrap());
            event_loop.run_forever().unwrap();
        },
    ] {
        let event_loop = scripted();
        let left: Rc<RefCell<Option<std::task::Waker>>> = Rc::default();
        let leave = poll_fn(|cx| {
            *left.borrow_mut() = Some(cx.waker().clone());
            Poll::Ready(())
        });
        event_loop.run_until_complete(leave);
        left.borrow_mut().take().unwrap().wake();
        between(&event_loop);
        assert_eq!(event_loop.run_until_complete(async { 7 }), 7);
    }
}
