//! What a busy loop still hears, and when: the selector and the timers are polled again when
//! some time has passed, not only after so many polls of tasks.
//!
//! In virtual time every number here is exact. On a real clock slices are counted, not
//! milliseconds: a slow machine makes fewer of them, never more.

mod common;
use common::{on_real_selectors, watchdog};
use proptest::prelude::*;
use singletrack::aio::{Event, Queue, UnixStream, sleep, split, wait_for};
use singletrack::selector::event::Readiness;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::Cell;
use std::future::pending;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);
const US: Duration = Duration::from_micros(1);

/// Runs `body` on a loop in virtual time that it can move on, as code that computes would.
fn in_virtual_time<F: Future>(
    body: impl FnOnce(Rc<EventLoop>, ScriptedSelector) -> F,
) -> F::Output {
    let selector = ScriptedSelector::new();
    let event_loop = Rc::new(EventLoop::with_selector(Box::new(selector.clone())));
    let future = body(Rc::clone(&event_loop), selector);
    event_loop.run_until_complete(future)
}

/// How late a sleep of 10 ms ends beside a task that computes for `slice` and then calls `rest`.
fn lateness<R: Future>(slice: Duration, interval: u32, rest: impl Fn() -> R + 'static) -> Duration {
    in_virtual_time(async |event_loop, selector| {
        event_loop.set_io_interval(interval);
        drop(create_task(async move {
            loop {
                selector.advance(slice);
                rest().await;
            }
        }));
        yield_now().await;
        let start = event_loop.time();
        sleep(10 * MS).await;
        event_loop.time() - start - 10 * MS
    })
}

#[test]
fn a_task_that_computes_and_yields_holds_a_timer_up_by_a_slice_at_most() {
    for slice in [20 * US, MS, 5 * MS, 20 * MS] {
        for interval in [2, 61, u32::MAX] {
            let late = [
                lateness(slice, interval, yield_now),
                lateness(slice, interval, || sleep(Duration::ZERO)),
            ];
            // And the slice in which the sleeper itself is told.
            assert!(late.iter().all(|late| *late <= 2 * slice), "{slice:?}: {late:?}");
        }
    }
}

/// Two tasks that hand one item to and fro: neither yields, and one of them is always ready.
#[test]
fn tasks_that_keep_each_other_busy_hold_a_timer_up_by_about_a_millisecond() {
    for slice in [100 * US, 700 * US, 5 * MS] {
        let late = in_virtual_time(async |event_loop, selector| {
            event_loop.set_io_interval(u32::MAX);
            let (there, back) = (Rc::new(Queue::new(1)), Rc::new(Queue::new(1)));
            for (from, to) in [(&there, &back), (&back, &there)] {
                let (from, to, selector) = (Rc::clone(from), Rc::clone(to), selector.clone());
                drop(create_task(async move {
                    loop {
                        let item: u8 = from.get().await.unwrap();
                        selector.advance(slice);
                        to.put(item).await.unwrap();
                    }
                }));
            }
            there.put(0).await.unwrap();
            let start = event_loop.time();
            sleep(10 * MS).await;
            event_loop.time() - start - 10 * MS
        });
        assert!(late <= MS + 2 * slice, "{slice:?} at a time: {late:?} late");
    }
}

#[test]
fn callbacks_that_schedule_each_other_hold_a_timer_up_by_about_a_millisecond() {
    fn again(event_loop: &Rc<EventLoop>, selector: &ScriptedSelector, left: u32) {
        selector.advance(700 * US);
        // Not the loop itself: a callback that never runs would keep it for ever.
        let (inner, selector) = (Rc::downgrade(event_loop), selector.clone());
        if left > 0 {
            event_loop.call_soon(move || again(&inner.upgrade().unwrap(), &selector, left - 1));
        }
    }
    let late = in_virtual_time(async |event_loop, selector| {
        again(&event_loop, &selector, 100);
        sleep(10 * MS).await;
        event_loop.time() - 10 * MS
    });
    assert!(late <= 3 * MS, "{late:?} late");
}

/// How many slices of 5 ms go by from when a socket is ready, and from when a timer is due, until
/// its task runs: beside `tasks` that compute for so long and yield, and `idle` that only yield.
fn slices_until_heard(tasks: u32, idle: u32) -> (u32, u32) {
    in_virtual_time(async |event_loop, selector| {
        event_loop.set_io_interval(u32::MAX);
        let slices = Rc::new(Cell::new(0));
        for number in 0..tasks + idle {
            let (selector, slices) = (selector.clone(), Rc::clone(&slices));
            drop(create_task(async move {
                loop {
                    if number < tasks {
                        selector.advance(5 * MS);
                        slices.set(slices.get() + 1);
                    }
                    yield_now().await;
                }
            }));
        }
        // Both become so in the first slice of a round.
        let round = 5 * MS * tasks;
        let ready = event_loop.time() + 4 * round + MS;
        let (here, there) = UnixStream::pair().unwrap();
        selector.ready_at(ready, here.as_fd().as_raw_fd(), Readiness::READABLE);
        let count = Rc::clone(&slices);
        let reader = create_task(async move {
            here.read(&mut [0]).await.unwrap();
            count.get()
        });
        let (count, clock) = (Rc::clone(&slices), Rc::clone(&event_loop));
        let timer = create_task(async move {
            sleep(ready - clock.time()).await;
            count.get()
        });
        yield_now().await; // the reader waits
        there.write_all(b"x").await.unwrap();
        let before = 4 * tasks; // whole rounds
        (reader.await.unwrap() - before, timer.await.unwrap() - before)
    })
}

/// The rest of the round in progress, and one more: what is ready already stands before them in the
/// queue, as it does in asyncio.
#[test]
fn a_ready_socket_and_a_due_timer_wait_for_two_slices_of_each_busy_task_at_most() {
    let all = [(1, 0), (1, 64), (65, 0)].map(|(tasks, idle)| slices_until_heard(tasks, idle));
    assert_eq!(all, [(2, 2), (2, 2), (2 * 65, 2 * 65)]);
}

#[test]
fn yields_that_take_no_time_poll_the_selector_once_in_an_interval() {
    for interval in [1, 10, 61] {
        let polls = in_virtual_time(async |event_loop, selector| {
            event_loop.set_io_interval(interval);
            let before = selector.waits();
            for _ in 0..610 {
                yield_now().await;
            }
            selector.waits() - before
        });
        assert_eq!(polls, u64::from(610 / interval), "with an interval of {interval}");
    }
}

#[test]
fn short_yields_share_a_poll_of_the_selector() {
    let polls = in_virtual_time(async |event_loop, selector| {
        event_loop.set_io_interval(u32::MAX);
        let before = selector.waits();
        for _ in 0..1000 {
            selector.advance(US);
            yield_now().await;
        }
        selector.waits() - before
    });
    assert_eq!(polls, 100, "one in ten microseconds");
}

/// By a yield, or by a wait for somebody else, who makes the task ready again.
async fn end_turn(event_loop: &Weak<EventLoop>, yields: bool) {
    if yields {
        return yield_now().await;
    }
    let event = Rc::new(Event::new());
    let set = Rc::clone(&event);
    event_loop.upgrade().unwrap().call_soon(move || set.set());
    event.wait().await;
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows T10.
    /// Whatever the slices and whoever makes them ready again, the sleeper waits no longer than
    /// about a millisecond and the iteration in progress.
    #[test]
    fn whatever_keeps_the_loop_busy_a_timer_is_late_by_little(
        slices in prop::collection::vec((0_u32..3000, any::<bool>()), 1..40),
        tasks in 1_u32..4,
        interval in prop_oneof![1_u32..100, Just(u32::MAX)],
    ) {
        let late = in_virtual_time(async |event_loop, selector| {
            event_loop.set_io_interval(interval);
            for number in 0..tasks as usize {
                let (slices, selector) = (slices.clone(), selector.clone());
                let inner = Rc::downgrade(&event_loop); // a task that never ends must not keep its loop
                drop(create_task(async move {
                    for (micros, yields) in slices.iter().cycle().skip(number) {
                        selector.advance(*micros * US);
                        end_turn(&inner, *yields).await;
                        selector.advance(US); // so that time passes in any case
                    }
                }));
            }
            let start = event_loop.time();
            sleep(10 * MS).await;
            event_loop.time() - start - 10 * MS
        });
        let iteration = tasks * (slices.iter().map(|(micros, _)| *micros).max().unwrap() + 1) * US;
        prop_assert!(late <= MS + 2 * iteration, "{late:?} late, {iteration:?} an iteration");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What is behind the selector is heard of before a task that has had a long turn has its next:
    /// long is 10 µs if it ended with a yield, and a millisecond if another task made it ready again.
    #[test]
    fn between_a_long_turn_and_the_next_of_the_same_task_the_selector_is_polled(
        turns in prop::collection::vec((0_u32..3000, any::<bool>()), 1..30),
        tasks in 1_usize..6,
        interval in prop_oneof![1_u32..100, Just(u32::MAX)],
    ) {
        let unheard = in_virtual_time(async |event_loop, selector| {
            event_loop.set_io_interval(interval);
            let unheard = Rc::new(Cell::new(0));
            let mut all = Vec::new();
            for number in 0..tasks {
                let (turns, selector) = (turns.clone(), selector.clone());
                let (inner, unheard) = (Rc::downgrade(&event_loop), Rc::clone(&unheard));
                all.push(create_task(async move {
                    let shifted = turns.iter().cycle().skip(number).take(turns.len());
                    for (micros, yields) in shifted {
                        selector.advance(*micros * US);
                        let before = selector.waits();
                        end_turn(&inner, *yields).await;
                        let long = *micros >= if *yields { 10 } else { 1000 };
                        let heard = selector.waits() > before;
                        unheard.set(unheard.get() + u32::from(long && !heard));
                    }
                }));
            }
            for task in all {
                task.await.unwrap();
            }
            unheard.get()
        });
        prop_assert_eq!(unheard, 0);
    }
}

/// Computes for so long, on a real clock.
fn compute(slice: Duration) {
    let start = Instant::now();
    while start.elapsed() < slice {}
}

/// A task that makes slices of `slice` until it is dropped, and counts them.
fn busy(slice: Duration) -> (Rc<Cell<u32>>, impl Drop) {
    struct Stop(Rc<Cell<bool>>);
    impl Drop for Stop {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let (slices, stopped) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (count, stop) = (Rc::clone(&slices), Rc::clone(&stopped));
    drop(create_task(async move {
        while !stop.get() {
            compute(slice);
            count.set(count.get() + 1);
            yield_now().await;
        }
    }));
    (slices, Stop(stopped))
}

#[test]
#[cfg_attr(miri, ignore = "computes against a real clock")]
fn beside_a_busy_task_timers_limits_and_sockets_are_heard_after_a_few_slices() {
    on_real_selectors(async || {
        let (slices, _stop) = busy(5 * MS);
        yield_now().await;
        let counted = |from: u32| slices.get() - from;

        let from = slices.get();
        sleep(10 * MS).await;
        assert!(counted(from) <= 5, "a sleep of two slices took {}", counted(from));

        let from = slices.get();
        wait_for(pending::<()>(), Some(10 * MS)).await.unwrap_err();
        assert!(counted(from) <= 5, "a limit of two slices took {}", counted(from));

        let (here, there) = UnixStream::pair().unwrap();
        let echo = create_task(async move {
            let (mut reader, writer) = split(there);
            let line = reader.readline().await.unwrap();
            writer.write(&line).unwrap();
        });
        let (mut reader, writer) = split(here);
        yield_now().await;
        let from = slices.get();
        writer.write(b"hi\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"hi\n");
        assert!(counted(from) <= 6, "an echo took {} slices", counted(from));
        echo.await.unwrap();
    });
}

#[test]
#[cfg_attr(miri, ignore = "computes against a real clock")]
fn waits_of_zero_in_a_loop_hear_who_would_end_them() {
    on_real_selectors(async || {
        for slice in [Duration::ZERO, 5 * MS] {
            let (here, there) = UnixStream::pair().unwrap();
            let (heard, rounds) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0_u32)));
            let set = Rc::clone(&heard);
            let reader = create_task(async move {
                here.read(&mut [0; 8]).await.unwrap();
                set.set(true);
            });
            let (ended, count) = (Rc::clone(&heard), Rc::clone(&rounds));
            let waits = create_task(async move {
                while !ended.get() {
                    compute(slice);
                    count.set(count.get() + 1);
                    sleep(Duration::ZERO).await;
                }
            });
            sleep(MS).await;
            rounds.set(0);
            there.write_all(b"x").await.unwrap();
            waits.await.unwrap();
            reader.await.unwrap();
            let most = if slice.is_zero() { 64 } else { 4 };
            assert!(rounds.get() <= most, "heard after {} rounds of {slice:?}", rounds.get());
        }
    });
}

/// No task yields here, so the coarse clock decides: at most one of the kernel's ticks late.
#[test]
#[cfg_attr(miri, ignore = "computes against a real clock")]
fn beside_tasks_that_keep_each_other_busy_a_timer_is_heard() {
    let _dog = watchdog("a busy pair", 60);
    on_real_selectors(async || {
        let (there, back) = (Rc::new(Queue::new(1)), Rc::new(Queue::new(1)));
        let slices = Rc::new(Cell::new(0_u32));
        let mut pair = Vec::new();
        for (from, to) in [(&there, &back), (&back, &there)] {
            let (from, to, count) = (Rc::clone(from), Rc::clone(to), Rc::clone(&slices));
            let task = create_task(async move {
                loop {
                    let item: u8 = from.get().await.unwrap();
                    compute(10 * MS);
                    count.set(count.get() + 1);
                    to.put(item).await.unwrap();
                }
            });
            pair.push(task.cancel_on_drop());
        }
        there.put(0).await.unwrap();
        sleep(20 * MS).await;
        assert!(slices.get() <= 8, "a sleep of two slices took {}", slices.get());
    });
}
