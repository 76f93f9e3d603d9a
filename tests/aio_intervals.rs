//! Ticks, sleeps that are used again, the first of two, and iterations that never sleep: on virtual
//! time, so that each test says to the nanosecond when what happens.

mod common;
use common::{DropFlag, scripted, watchdog};
use proptest::prelude::*;
use singletrack::aio::time::interval::Schedule;
use singletrack::aio::{
    Either, MissedTicks, block_on, interval, interval_at, race, sleep, sleep_until, yield_now,
};
use singletrack::selector::polling::PollingSelector;
use singletrack::{EventLoop, create_task};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

proptest! {
    /// For each way to miss ticks: against the definition of that way, spelled out.
    #[test]
    fn the_times_of_ticks_are_those_of_their_definition(
        first in 0_u64..100,
        period in 1_u64..50,
        works in prop::collection::vec(0_u64..200, 1..40),
    ) {
        for missed in [MissedTicks::Burst, MissedTicks::Delay, MissedTicks::Skip] {
            let mut schedule = Schedule::new(first, period, missed);
            let mut now = 0;
            for work in &works {
                let due = schedule.next();
                now = now.max(due);
                prop_assert_eq!(schedule.take(now), due);
                let next = schedule.next();
                prop_assert!(next > due, "time goes on");
                match missed {
                    MissedTicks::Burst => prop_assert_eq!(next, due + period),
                    MissedTicks::Delay if now < due + period => prop_assert_eq!(next, due + period),
                    MissedTicks::Delay => prop_assert_eq!(next, now + period),
                    MissedTicks::Skip => {
                        prop_assert_eq!((next - first) % period, 0, "a multiple of the period");
                        prop_assert!(next > now && next <= now.max(due) + period);
                    }
                }
                now += work;
            }
        }
    }

    #[test]
    fn no_schedule_overflows(first: u64, period: u64, now: u64) {
        for missed in [MissedTicks::Burst, MissedTicks::Delay, MissedTicks::Skip] {
            let mut schedule = Schedule::new(first, period, missed);
            prop_assert_eq!(schedule.take(now.max(first)), first);
            prop_assert!(schedule.next() >= first);
        }
    }
}

#[test]
fn ticks_do_not_drift_with_the_work_between_them() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let start = event_loop.time();
        let mut ticks = interval(10 * MS);
        for number in 0..20 {
            assert_eq!(ticks.tick().await, start + number * 10 * MS);
            assert_eq!(event_loop.time(), start + number * 10 * MS);
            sleep(number % 10 * MS).await;
        }
    });
}

#[test]
fn ticks_that_were_missed_come_as_was_asked() {
    for (missed, expected) in [
        (MissedTicks::Burst, [10, 20, 30, 40, 50]),
        (MissedTicks::Delay, [10, 45, 55, 65, 75]),
        (MissedTicks::Skip, [10, 40, 50, 60, 70]),
    ] {
        let event_loop = scripted();
        event_loop.run_until_complete(async {
            let start = event_loop.time();
            let mut ticks = interval_at(start + 10 * MS, 10 * MS).missed(missed);
            let mut came = vec![ticks.tick().await];
            sleep(25 * MS).await; // two are missed, and the third is not due
            let late = ticks.tick().await;
            assert_eq!((late, event_loop.time()), (start + 20 * MS, start + 35 * MS));
            for _ in 0..4 {
                came.push(match missed {
                    MissedTicks::Burst if came.len() == 1 => late,
                    _ => ticks.tick().await,
                });
            }
            let came: Vec<_> = came.iter().map(|time| (*time - start).as_millis()).collect();
            assert_eq!(came, expected, "{missed:?}");
        });
    }
}

#[test]
fn a_tick_that_is_dropped_has_taken_nothing() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let start = event_loop.time();
        let mut ticks = interval(10 * MS);
        ticks.tick().await;
        assert_eq!(race(ticks.tick(), sleep(4 * MS)).await, Either::Second(()));
        assert_eq!(ticks.tick().await, start + 10 * MS);
        ticks.reset();
        assert_eq!(ticks.tick().await, start + 20 * MS);
    });
}

#[test]
fn an_interval_of_zero_is_refused() {
    scripted().run_until_complete(async {
        assert!(catch_unwind(AssertUnwindSafe(|| interval(Duration::ZERO))).is_err());
    });
}

#[test]
fn a_sleep_is_used_again_whatever_it_was_doing() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let start = event_loop.time();
        let mut nap = sleep(Duration::MAX);
        nap.reset(2 * MS); // not polled yet
        (&mut nap).await;
        nap.reset(3 * MS); // over
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(Pin::new(&mut nap).poll(&mut cx), Poll::Pending);
        nap.reset(5 * MS); // armed
        nap.await;
        assert_eq!(event_loop.time() - start, 7 * MS);
    });
    assert_eq!(event_loop.run_ready().unwrap().timers, 0, "no timer is left");
}

#[test]
fn a_deadline_that_has_passed_lets_the_others_run_once() {
    scripted().run_until_complete(async {
        let other = create_task(async { 1 });
        sleep_until(Instant::now()).await;
        assert!(other.done());
    });
}

#[test]
fn the_loser_of_a_race_is_gone_before_the_result_is_seen() {
    scripted().run_until_complete(async {
        let (never, flag) = (DropFlag::default(), DropFlag::default());
        let (guard, held) = (never.guard(), flag.guard());
        let slow = async move {
            let _guard = guard;
            pending::<()>().await
        };
        let quick = async move {
            let _held = held;
            yield_now().await;
            7
        };
        assert_eq!(race(slow, quick).await, Either::Second(7));
        assert!(never.dropped() && flag.dropped());
        assert_eq!(race(async { 1 }, async { 2 }).await.into_inner(), 1, "the first of two");
    });
}

#[test]
fn an_iteration_that_never_sleeps_takes_in_what_has_come() {
    let _dog = watchdog("run_ready", 30);
    let polling = Box::new(PollingSelector::new().unwrap());
    for event_loop in [EventLoop::new().unwrap(), EventLoop::with_selector(polling)] {
        assert_eq!(event_loop.run_ready().unwrap().polled, 0);
        let task = event_loop.create_task(sleep(MS));
        while !task.done() {
            event_loop.run_ready().unwrap();
        }
        let _pending = event_loop.create_task(pending::<()>());
        event_loop.run_ready().unwrap();
        event_loop.stop();
        event_loop.run_ready().unwrap();
        event_loop.run_forever().unwrap(); // the stop was not lost
    }
}

#[test]
fn block_on_refuses_to_run_inside_a_loop() {
    let inner = block_on(async { catch_unwind(|| block_on(async { 1 })).is_err() });
    assert!(inner);
    assert_eq!(
        block_on(async {
            sleep(MS).await;
            3
        }),
        3
    );
}

#[test]
#[should_panic(expected = "on the loop that made it")]
fn an_interval_does_not_tick_on_another_loop() {
    let mut ticks = scripted().run_until_complete(async { interval(3_600_000 * MS) });
    scripted().run_until_complete(ticks.tick());
}
