//! From when a time counts: one rule for all that waits for time, on every clock.

mod common;
use common::{on_real_selectors, scripted};
use proptest::prelude::*;
use singletrack::aio::{
    ReturnWhen, TimedOut, sleep, timeout, timeout_at, try_wait, wait, wait_for,
};
use singletrack::selector::event::END_OF_TIME;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::{EventLoop, create_task};
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

type Wait = Pin<Box<dyn Future<Output = ()>>>;

/// All that ends when so much time has passed, each asked for here and now.
fn waits(time: Duration) -> Vec<(&'static str, Wait)> {
    fn boxed(wait: impl Future<Output = ()> + 'static) -> Wait {
        Box::pin(wait)
    }
    fn idle<T: 'static>() -> [singletrack::aio::Task<T>; 1] {
        [create_task(pending::<T>())]
    }
    let limited = wait_for(pending::<()>(), Some(time));
    let limit = timeout(time);
    let waiting = wait(idle::<()>(), ReturnWhen::AllCompleted, Some(time));
    let trying = try_wait(idle::<Result<(), ()>>(), ReturnWhen::AllCompleted, Some(time));
    vec![
        ("sleep", boxed(sleep(time))),
        ("wait_for", boxed(async { assert_eq!(limited.await, Err(TimedOut)) })),
        ("timeout", boxed(async move { assert!(limit.run(pending::<()>()).await.is_err()) })),
        ("wait", boxed(async { assert_eq!(waiting.await.1.len(), 1) })),
        ("try_wait", boxed(async { assert_eq!(trying.await.1.len(), 1) })),
    ]
}

#[test]
fn what_is_asked_for_early_and_awaited_late_counts_from_the_call() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        for number in 0..waits(MS).len() {
            let start = event_loop.time();
            let (name, wait) = waits(1000 * MS).swap_remove(number);
            sleep(800 * MS).await;
            wait.await;
            assert_eq!(event_loop.time() - start, 1000 * MS, "{name}");
            let (name, wait) = waits(1000 * MS).swap_remove(number);
            sleep(1500 * MS).await;
            wait.await;
            assert_eq!(event_loop.time() - start, 2500 * MS, "{name}, over before it began");
        }
    });
}

#[test]
fn a_time_of_the_loops_clock_is_that_time_whenever_it_is_awaited() {
    let event_loop = scripted();
    event_loop.run_until_complete(async {
        let limit = timeout_at(Some(10 * MS));
        sleep(4 * MS).await;
        assert!(limit.run(pending::<()>()).await.is_err());
        assert_eq!(event_loop.time(), 10 * MS);
        assert!(timeout_at(Some(7 * MS)).run(pending::<()>()).await.is_err());
        assert_eq!(event_loop.time(), 10 * MS, "a time that has passed is over at once");
    });
}

#[test]
fn outside_a_running_loop_there_is_no_clock_yet_and_the_first_poll_counts() {
    let event_loop = scripted();
    let nap = sleep(10 * MS);
    let limited = wait_for(pending::<()>(), Some(10 * MS));
    event_loop.run_until_complete(async {
        sleep(5 * MS).await;
        nap.await;
        assert_eq!(event_loop.time(), 15 * MS);
        assert_eq!(limited.await, Err(TimedOut));
        assert_eq!(event_loop.time(), 25 * MS);
    });
}

/// Their clocks have nothing to do with each other.
#[test]
fn a_sleep_that_was_asked_for_on_another_loop_counts_from_its_first_poll() {
    let (here, there) = (scripted(), scripted());
    let (nap,) = there.run_until_complete(async {
        sleep(1000 * MS).await;
        (sleep(10 * MS),)
    });
    here.run_until_complete(nap);
    assert_eq!(here.time(), 10 * MS);
}

#[test]
fn a_limit_may_be_asked_for_by_another_thread() {
    fn send(future: impl Future<Output = Result<u8, TimedOut>> + Send + 'static) -> u8 {
        let event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let thread = std::thread::spawn(move || {
            let value = handle.run_coroutine_threadsafe(future).result();
            handle.stop().unwrap();
            value
        });
        event_loop.run_forever().unwrap();
        thread.join().unwrap().unwrap().unwrap()
    }
    assert_eq!(send(wait_for(async { 7 }, Some(Duration::from_secs(60)))), 7);
}

#[test]
#[cfg_attr(miri, ignore = "a real clock")]
fn on_real_clocks_no_wait_ends_early() {
    on_real_selectors(async || {
        for number in 0..waits(MS).len() {
            let start = std::time::Instant::now();
            let (name, wait) = waits(5 * MS).swap_remove(number);
            sleep(2 * MS).await;
            wait.await;
            assert!(start.elapsed() >= 5 * MS, "{name}");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows M1, M8.
    /// Wherever the clock stands, the end of its range included.
    #[test]
    fn every_wait_ends_at_the_call_plus_its_time(
        starts_at in prop_oneof![0_u64..5_000, END_OF_TIME - 5_000..END_OF_TIME],
        time in 0_u64..3_000,
        late in 0_u64..4_000,
    ) {
        let nanos = Duration::from_nanos;
        let selector = ScriptedSelector::new();
        selector.advance(nanos(starts_at));
        let event_loop = EventLoop::with_selector(Box::new(selector.clone()));
        event_loop.run_until_complete(async {
            let over = |from: u64| from.saturating_add(time).min(END_OF_TIME);
            let awaited_at = starts_at.saturating_add(late).min(END_OF_TIME);
            for (name, wait) in waits(nanos(time)) {
                if event_loop.time() == nanos(starts_at) {
                    selector.advance(nanos(awaited_at - starts_at));
                }
                wait.await;
                let end = nanos(over(starts_at).max(awaited_at));
                assert_eq!(event_loop.time(), end, "{name}");
            }
        });
    }
}
