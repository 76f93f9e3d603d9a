//! `Pool`, and what an executor of processes offers besides `submit`: scenarios 66-87.

#[path = "process_pool/jobs.rs"]
#[allow(dead_code)]
mod jobs;
#[path = "process_pool/runner.rs"]
#[allow(dead_code)]
mod runner;

use jobs::*;
use runner::{Test, eventually, is_alive};
use serde::{Deserialize, Deserializer, Serialize};
use singletrack::EventLoop;
use singletrack::futures::Executor;
use singletrack::futures::Future;
use singletrack::futures::JobError;
use singletrack::futures::ThreadPoolExecutor;
use singletrack::futures::{ReturnWhen, as_completed, wait};
use singletrack::process::ForkServer;
use singletrack::process::Pool;
use singletrack::process::PoolError;
use singletrack::process::ProcessPool;
use singletrack::process::message::frame::{FrameKind, frame};
use singletrack::process::pool::worker::MAX_AHEAD;
use singletrack::process::{Consumer, Producer, queue};
use singletrack::process::{JobOptions, MapOptions};
use singletrack::sys::process::Death;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const TESTS: &[Test<ForkServer>] = &[
    ("apply_and_its_async_twin", apply_and_its_async_twin),
    ("map_and_starmap_keep_the_order", map_and_starmap_keep_the_order),
    ("chunks_follow_cpythons_rule", chunks_follow_cpythons_rule),
    (
        "a_map_works_while_its_iterator_is_not_at_its_end",
        a_map_works_while_its_iterator_is_not_at_its_end,
    ),
    ("an_iterator_that_miscounts_loses_no_item", an_iterator_that_miscounts_loses_no_item),
    ("an_iterator_is_not_asked_again_after_its_end", an_iterator_is_not_asked_again_after_its_end),
    ("map_iterable_raises_and_the_pool_lives", map_iterable_raises_and_the_pool_lives),
    ("pool_map_no_failfast_all_are_run", pool_map_no_failfast_all_are_run),
    ("fail_fast_gives_up_at_the_first_failure", fail_fast_gives_up_at_the_first_failure),
    (
        "a_map_reads_no_further_when_it_has_failed_fast",
        a_map_reads_no_further_when_it_has_failed_fast,
    ),
    ("a_closed_pool_reads_no_input_to_its_end", a_closed_pool_reads_no_input_to_its_end),
    (
        "a_pool_that_ends_in_the_middle_of_a_map_ends_it",
        a_pool_that_ends_in_the_middle_of_a_map_ends_it,
    ),
    (
        "a_panic_in_the_drop_of_a_value_hides_no_failure",
        a_panic_in_the_drop_of_a_value_hides_no_failure,
    ),
    (
        "results_that_nobody_takes_may_panic_in_their_drops",
        results_that_nobody_takes_may_panic_in_their_drops,
    ),
    ("pool_empty_iterable_is_done", pool_empty_iterable_is_done),
    ("a_map_is_awaited_on_the_loop", a_map_is_awaited_on_the_loop),
    ("imap_keeps_the_order_and_errors_their_places", imap_keeps_the_order_and_errors_their_places),
    ("imap_unordered_gives_what_is_done", imap_unordered_gives_what_is_done),
    (
        "imap_reads_an_endless_input_no_further_than_told",
        imap_reads_an_endless_input_no_further_than_told,
    ),
    (
        "buffersize_bounds_what_an_endless_input_costs",
        buffersize_bounds_what_an_endless_input_costs,
    ),
    ("imap_iterable_raises_and_the_pool_lives", imap_iterable_raises_and_the_pool_lives),
    ("imap_times_out_and_loses_nothing", imap_times_out_and_loses_nothing),
    ("unpicklable_result_fails_its_map", unpicklable_result_fails_its_map),
    ("a_map_of_more_than_a_frame_loses_no_result", a_map_of_more_than_a_frame_loses_no_result),
    ("an_item_too_long_for_a_frame_fails_alone", an_item_too_long_for_a_frame_fails_alone),
    (
        "a_worker_that_dies_between_parts_fails_its_chunk",
        a_worker_that_dies_between_parts_fails_its_chunk,
    ),
    ("a_crash_fails_its_chunk_alone", a_crash_fails_its_chunk_alone),
    ("a_dropped_imap_cancels_what_has_not_begun", a_dropped_imap_cancels_what_has_not_begun),
    ("close_and_join_run_everything", close_and_join_run_everything),
    (
        "pool_terminate_with_ten_thousand_jobs_returns",
        pool_terminate_with_ten_thousand_jobs_returns,
    ),
    ("worker_lifetime", worker_lifetime),
    ("an_initializer_runs_first_in_every_worker", an_initializer_runs_first_in_every_worker),
    ("an_initializer_may_carry_a_queue", an_initializer_may_carry_a_queue),
    ("a_long_initializer_argument_arrives", a_long_initializer_argument_arrives),
    ("initializer_fails_and_the_pool_is_broken", initializer_fails_and_the_pool_is_broken),
    (
        "an_initializer_that_dies_breaks_the_pool_in_the_end",
        an_initializer_that_dies_breaks_the_pool_in_the_end,
    ),
    ("killing_a_job_harms_no_other", killing_a_job_harms_no_other),
    ("a_queued_job_is_killed_by_cancelling_it", a_queued_job_is_killed_by_cancelling_it),
    (
        "a_job_submitted_without_the_option_is_not_killed",
        a_job_submitted_without_the_option_is_not_killed,
    ),
    ("idempotent_jobs_are_run_again", idempotent_jobs_are_run_again),
    ("retries_have_an_end", retries_have_an_end),
    ("a_pool_grows_and_shrinks", a_pool_grows_and_shrinks),
    ("counts_and_stats_balance", counts_and_stats_balance),
    ("kill_workers_resolves_everything", kill_workers_resolves_everything),
    ("terminate_workers_resolves_everything", terminate_workers_resolves_everything),
    (
        "wait_and_as_completed_take_futures_of_processes",
        wait_and_as_completed_take_futures_of_processes,
    ),
    ("map_timeout_gives_what_is_there", map_timeout_gives_what_is_there),
    (
        "waiting_for_the_pool_on_its_own_thread_is_refused",
        waiting_for_the_pool_on_its_own_thread_is_refused,
    ),
    ("callers_read_their_own_replies", callers_read_their_own_replies),
    ("a_caller_hears_of_its_workers_end", a_caller_hears_of_its_workers_end),
    ("calls_and_submits_share_the_workers", calls_and_submits_share_the_workers),
    (
        "a_callback_of_a_job_behind_a_call_must_not_wait",
        a_callback_of_a_job_behind_a_call_must_not_wait,
    ),
    (
        "a_callers_slow_decoding_holds_up_no_callback_which_may_shut_down",
        a_callers_slow_decoding_holds_up_no_callback_which_may_shut_down,
    ),
    (
        "a_callback_may_wait_for_a_pool_whose_worker_is_a_caller",
        a_callback_may_wait_for_a_pool_whose_worker_is_a_caller,
    ),
    (
        "slow_callbacks_hold_up_no_answer_and_no_limit",
        slow_callbacks_hold_up_no_answer_and_no_limit,
    ),
    (
        "slow_decoding_holds_up_no_answer_and_no_limit",
        slow_decoding_holds_up_no_answer_and_no_limit,
    ),
    (
        "a_callers_slow_decoding_keeps_no_answer_from_its_limit",
        a_callers_slow_decoding_keeps_no_answer_from_its_limit,
    ),
    (
        "a_stopped_fork_server_holds_up_no_answer_and_no_limit",
        a_stopped_fork_server_holds_up_no_answer_and_no_limit,
    ),
    ("wakeup_pipe_full_a_hundred_thousand_submits", wakeup_pipe_full_a_hundred_thousand_submits),
];

fn main() {
    runner::run_with_fork_server(TESTS);
}

const SHORT: Duration = Duration::from_millis(20);

fn pool(fork_server: &ForkServer, workers: usize) -> Pool {
    Pool::new(fork_server, workers).unwrap()
}

fn executor(fork_server: &ForkServer, workers: usize) -> ProcessPool {
    ProcessPool::new(fork_server, workers).unwrap()
}

fn multiply(a: u64, b: u64) -> u64 {
    a * b
}

fn pid(_: u64) -> u32 {
    std::process::id()
}

/// Panics on 7 and on multiples of 50.
fn picky(x: u64) -> u64 {
    if x == 7 || (x > 0 && x.is_multiple_of(50)) {
        panic_with(format!("not {x}"));
    }
    x
}

fn apply_and_its_async_twin(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    assert_eq!(pool.apply(square, 7), Ok(49));
    let futures: Vec<_> = (0..10).map(|x| pool.apply_async(square, x)).collect();
    let squares: Result<Vec<u64>, _> = futures.into_iter().map(Future::result).collect();
    assert_eq!(squares, Ok((0..10).map(|x| x * x).collect()));
    assert_eq!(pool.apply(picky, 7), Err(JobError::Panicked("not 7".to_owned())));
}

fn map_and_starmap_keep_the_order(fork_server: &ForkServer) {
    let pool = pool(fork_server, 3);
    let naps = [30, 1, 20, 0, 10, 5];
    assert_eq!(pool.map(nap, naps), Ok(naps.to_vec()));
    let squares: Vec<u64> = (0..10_000).map(|x| x * x).collect();
    assert_eq!(pool.map(square, 0..10_000), Ok(squares.clone()));
    assert_eq!(pool.starmap(multiply, (0..10_000).map(|x| (x, x))), Ok(squares));
    let one_by_one = MapOptions::default().chunksize(0);
    assert_eq!(pool.map_with(one_by_one, square, [2, 3]).result(), Ok(vec![4, 9]));
    assert_eq!(pool.starmap_with(one_by_one, multiply, [(2, 3)]).result(), Ok(vec![6]));
}

fn chunks_follow_cpythons_rule(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let jobs = |run: &dyn Fn()| {
        let before = pool.executor().counts().submitted;
        run();
        pool.executor().counts().submitted - before
    };
    // Python: divmod(len, 4 * workers), one more if there is a rest.
    for (items, expected) in [(1, 1), (8, 8), (9, 5), (100, 8), (800, 8), (801, 8)] {
        let count = jobs(&|| drop(pool.map(square, 0..items).unwrap()));
        assert_eq!(count, expected, "{items} items");
    }
    let count = jobs(&|| {
        let options = MapOptions::default().chunksize(30);
        assert_eq!(pool.map_with(options, square, 0..100).result().unwrap().len(), 100);
    });
    assert_eq!(count, 4);
    assert_eq!(jobs(&|| assert_eq!(pool.imap(square, 0..10).count(), 10)), 10);
    assert_eq!(jobs(&|| drop(pool.map(square, []).unwrap())), 0);
    // An iterator that does not know its length is emptied to count its items.
    let count = jobs(&|| drop(pool.map(square, (0..200).filter(|i| i % 2 == 0)).unwrap()));
    assert_eq!(count, 8);
}

fn a_map_works_while_its_iterator_is_not_at_its_end(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let items = (0..8).inspect(|&item| {
        let answered = || pool.executor().counts().answered;
        eventually("the chunks before are done", || answered() >= item / 2);
    });
    let options = MapOptions::default().chunksize(2);
    let squares = pool.map_with(options, square, items).result().unwrap();
    assert_eq!(squares, (0..8).map(square).collect::<Vec<_>>());
}

/// Says that it has so many items, whatever it has.
struct Miscounted(std::ops::Range<u64>, usize);

impl Iterator for Miscounted {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.1, Some(self.1))
    }
}

fn an_iterator_that_miscounts_loses_no_item(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    for announced in [0, 1, 3, 100, usize::MAX] {
        let squares = pool.map(square, Miscounted(0..20, announced)).unwrap();
        assert_eq!(squares, (0..20).map(square).collect::<Vec<_>>(), "{announced} announced");
    }
}

fn an_iterator_is_not_asked_again_after_its_end(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let (mut next, mut over) = (0, false);
    let items = std::iter::from_fn(|| {
        assert!(!std::mem::replace(&mut over, next == 10), "it has ended");
        next += 1;
        (next <= 10).then_some(next)
    });
    let options = MapOptions::default().chunksize(4);
    let squares = pool.map_with(options, square, items).result().unwrap();
    assert_eq!(squares, (1..=10).map(square).collect::<Vec<_>>());
}

fn map_iterable_raises_and_the_pool_lives(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let items = (0..10).inspect(|i| assert_ne!(*i, 7, "no item 7"));
    let map = || pool.map(square, items);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(map));
    assert!(panicked.is_err(), "the iterator's panic is the caller's");
    assert_eq!(pool.map(square, 0..3), Ok(vec![0, 1, 4]));
    eventually("the chunks that were sent are over", || {
        let counts = pool.executor().counts();
        counts.submitted == counts.answered + counts.cancelled
    });
}

fn pool_map_no_failfast_all_are_run(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let options = MapOptions::default().chunksize(10);
    let result = pool.map_with(options, picky, (0..200).rev()).result();
    assert_eq!(result, Err(JobError::Panicked("not 150".to_owned())), "first in the input");
    let counts = pool.executor().counts();
    assert_eq!((counts.answered, counts.cancelled), (20, 0));
    assert_eq!(pool.apply(square, 2), Ok(4));
}

/// Panics at once, or naps.
fn panic_or_nap(ms: u64) -> u64 {
    if ms == 0 { picky(7) } else { nap(ms) }
}

fn fail_fast_gives_up_at_the_first_failure(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let options = MapOptions::default().chunksize(1).fail_fast();
    let naps = [20, 0].into_iter().chain((0..500).map(|_| 20));
    let result = pool.map_with(options, panic_or_nap, naps).result();
    assert_eq!(result, Err(JobError::Panicked("not 7".to_owned())));
    pool.close();
    pool.join();
    let counts = pool.executor().counts();
    assert!(counts.answered < 100, "{counts:?}");
    assert_eq!(counts.submitted, counts.resolved());
}

fn a_map_reads_no_further_when_it_has_failed_fast(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let options = MapOptions::default().chunksize(1).fail_fast();
    let endless = (0..).inspect(|i| assert!(*i < 10_000_000, "it reads on"));
    let result = pool.map_with(options, picky, endless).result();
    assert_eq!(result, Err(JobError::Panicked("not 7".to_owned())));
}

fn a_closed_pool_reads_no_input_to_its_end(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    pool.terminate();
    let mut read = 0;
    let endless = (0..).inspect(|_| {
        read += 1;
        assert!(read < 1000, "it reads on");
    });
    let options = MapOptions::default().chunksize(1);
    assert_eq!(pool.map_with(options, square, endless).result(), Err(JobError::ShutDown));
    assert_eq!(read, 1);
}

fn a_pool_that_ends_in_the_middle_of_a_map_ends_it(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let mut read = 0;
    let endless = (0..).inspect(|i| {
        read += 1;
        assert!(read < 1000, "it reads on");
        if *i == 100 {
            pool.terminate();
        }
    });
    let options = MapOptions::default().chunksize(1);
    let result = pool.map_with(options, nap, endless.map(|_| 10_000)).result();
    assert!(matches!(result, Err(JobError::WorkerLost { .. } | JobError::Cancelled)), "{result:?}");
    assert_eq!(read, 101);
}

/// Must not be dropped on the pool's own thread.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        assert_ne!(std::thread::current().name(), Some("process-pool"), "dropped there");
    }
}

impl serde::Serialize for Fragile {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}

impl<'de> serde::Deserialize<'de> for Fragile {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        <()>::deserialize(from).map(|()| Fragile)
    }
}

fn fragile_or_panic(i: u64) -> Fragile {
    assert_ne!(i, 1, "not 1");
    Fragile
}

fn a_panic_in_the_drop_of_a_value_hides_no_failure(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let options = MapOptions::default().chunksize(1).fail_fast();
    let result = pool.map_with(options, fragile_or_panic, 0..2).result();
    let why = result.err().expect("one has failed");
    assert!(why.to_string().contains("not 1"), "{why}");
}

/// Panics when it is dropped in the program, on whatever thread.
#[derive(Serialize, Deserialize)]
struct Sore;

/// True in the program only, which sets it when the workers' fork server has been forked.
static SORE: AtomicBool = AtomicBool::new(false);

impl Drop for Sore {
    fn drop(&mut self) {
        assert!(!SORE.load(Ordering::SeqCst), "sore");
    }
}

fn sore_or_panic(fails: bool) -> Sore {
    assert!(!fails, "it fails");
    Sore
}

fn results_that_nobody_takes_may_panic_in_their_drops(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    SORE.store(true, Ordering::SeqCst);
    for chunksize in [1, 4] {
        let options = MapOptions::default().chunksize(chunksize);
        let result = pool.map_with(options, sore_or_panic, [false, false, false, true]).result();
        assert!(result.err().is_some_and(|why| why.to_string().contains("it fails")));
        for ordered in [true, false] {
            let items = [false; 5];
            let mut results = match ordered {
                true => pool.imap_with(options, sore_or_panic, items),
                false => pool.imap_unordered_with(options, sore_or_panic, items),
            };
            std::mem::forget(results.next().map(|first| first.map(std::mem::forget)));
            let answered = pool.executor().counts().submitted;
            eventually("all are there", || pool.executor().counts().answered == answered);
        }
    }
    assert_eq!(pool.map(square, [3]), Ok(vec![9]), "the pool goes on");
}

fn pool_empty_iterable_is_done(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    assert_eq!(pool.map(square, []), Ok(vec![]));
    assert_eq!(pool.map_with(MapOptions::default().chunksize(1), square, []).result(), Ok(vec![]));
    assert_eq!(pool.starmap(multiply, []), Ok(vec![]));
    assert_eq!(pool.imap(square, []).next(), None);
    assert_eq!(pool.imap_unordered(square, []).next(), None);
}

fn a_map_is_awaited_on_the_loop(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let squares = EventLoop::new().unwrap().run_until_complete(async {
        let first = pool.map_async(square, 0..100);
        let second = pool.map_async(square, 0..10);
        (second.await, first.await)
    });
    assert_eq!(squares.0, Ok((0..10).map(|x| x * x).collect()));
    assert_eq!(squares.1, Ok((0..100).map(|x| x * x).collect()));
}

fn imap_keeps_the_order_and_errors_their_places(fork_server: &ForkServer) {
    let pool = pool(fork_server, 3);
    let naps: Vec<u64> = (0..30).map(|i| (i * 7) % 5).collect();
    let results: Result<Vec<u64>, _> = pool.imap(nap, naps.clone()).collect();
    assert_eq!(results, Ok(naps));
    for chunksize in [1, 3, 1000] {
        let options = MapOptions::default().chunksize(chunksize);
        for (x, result) in (0..200).zip(pool.imap_with(options, picky, 0..200)) {
            let expected = match x == 7 || (x > 0 && x % 50 == 0) {
                true => Err(JobError::Panicked(format!("not {x}"))),
                false => Ok(x),
            };
            assert_eq!(result, expected, "in chunks of {chunksize}");
        }
    }
}

fn imap_unordered_gives_what_is_done(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let mut results = pool.imap_unordered(nap, [300, 1, 2, 3]);
    let first: Vec<u64> = results.by_ref().take(3).map(Result::unwrap).collect();
    assert_eq!(first, [1, 2, 3], "nobody waits for the slow one");
    assert_eq!(results.next(), Some(Ok(300)));
    assert_eq!(results.next(), None);
    let options = MapOptions::default().chunksize(7);
    let all: Result<BTreeSet<u64>, _> =
        pool.imap_unordered_with(options, square, 0..1000).collect();
    assert_eq!(all.unwrap(), (0..1000).map(|x| x * x).collect());
}

fn imap_reads_an_endless_input_no_further_than_told(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let read = Cell::new(0u64);
    let input = || (0..).inspect(|_| read.set(read.get() + 1));
    let options = MapOptions::default().chunksize(5).buffersize(3);
    let mut results = pool.imap_with(options, square, input());
    assert_eq!(read.get(), 0, "nothing before the first `next`");
    for x in 0..500 {
        assert_eq!(results.next(), Some(Ok(x * x)));
        assert!(read.get() <= x + 5 * 3 + 5, "{} read for {x}", read.get());
    }
    drop(results);
    read.set(0);
    assert!(pool.imap_unordered(square, input()).take(1000).all(|result| result.is_ok()));
    let window = 2 * MAX_AHEAD as u64;
    assert!(read.get() <= 1000 + window, "{}", read.get());
}

fn buffersize_bounds_what_an_endless_input_costs(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    let read = Cell::new(0u64);
    let input = (0..).inspect(|_| read.set(read.get() + 1));
    let results = pool.map_buffered(square, input, 4.try_into().unwrap());
    let firsts: Result<Vec<u64>, _> = results.take(100).collect();
    assert_eq!(firsts, Ok((0..100).map(|x| x * x).collect()));
    assert!(read.get() <= 104, "{}", read.get());
}

fn imap_iterable_raises_and_the_pool_lives(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let input = || (0..10).inspect(|x| assert!(*x < 5, "no more than five"));
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let options = MapOptions::default().buffersize(1);
    let mut results = pool.imap_with(options, square, input());
    for x in 0..5 {
        assert_eq!(results.next(), Some(Ok(x * x)));
    }
    let next = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| results.next()));
    assert!(next.is_err(), "the input's panic is the caller's");
    std::panic::set_hook(hook);
    drop(results);
    assert_eq!(pool.apply(square, 3), Ok(9));
}

fn imap_times_out_and_loses_nothing(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let mut results = pool.imap(nap, [1, 200, 2]);
    assert_eq!(results.next(), Some(Ok(1)));
    let error = results.next_before(Instant::now() + SHORT).unwrap_err();
    assert_eq!(error.to_string(), "2 (of 3) futures unfinished");
    assert_eq!(results.next(), Some(Ok(200)));
    assert_eq!(results.next_before(Instant::now() + 1000 * SHORT), Ok(Some(Ok(2))));
    assert_eq!(results.next_before(Instant::now()), Ok(None));
}

fn unpicklable_result_fails_its_map(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let argument = pool.map(take_thorny, [Thorny::RefusesToEncode]);
    assert!(matches!(argument, Err(JobError::Codec(_))), "{argument:?}");
    let argument = pool.map(take_thorny, [Thorny::RefusesToDecode]);
    assert!(matches!(argument, Err(JobError::Codec(_))), "{argument:?}");
    let result = pool.map(give_thorny, [1]);
    assert!(matches!(result, Err(JobError::Codec(_))), "{result:?}");
    let thorns: Vec<_> = pool.imap(give_thorny, [1, 2, 3]).map(|r| r.is_err()).collect();
    assert_eq!(thorns, [true; 3]);
    assert_eq!(pool.map(square, 0..3), Ok(vec![0, 1, 4]));
}

/// A text of so many mebibytes, which begins with its number; every seventh item panics.
fn long_or_panic((number, mebibytes): (u32, usize)) -> String {
    assert!(number % 7 != 3, "no text {number}");
    format!("{number} {}", "x".repeat(mebibytes << 20))
}

fn number_of(text: String) -> u32 {
    text.split(' ').next().unwrap().parse().unwrap()
}

fn a_map_of_more_than_a_frame_loses_no_result(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    // One chunk each way: ten values of 20 MiB.
    let options = MapOptions::default().chunksize(10);
    let items = (0..12).filter(|i| i % 7 != 3).map(|i| (i, 20));
    let texts = pool.map_with(options, long_or_panic, items).result().unwrap();
    let numbers: Vec<u32> = texts.iter().cloned().map(number_of).collect();
    assert_eq!(numbers, [0, 1, 2, 4, 5, 6, 7, 8, 9, 11]);
    assert!(texts.iter().all(|text| text.len() > 20 << 20));
    assert_eq!(pool.executor().counts().submitted, 1, "each was run once");
    assert_eq!(pool.map_with(options, number_of, texts.iter().cloned()).result(), Ok(numbers));
    assert!(pool.executor().counts().submitted > 2, "the arguments went in several jobs");
    // Failures keep their places between the parts.
    let results: Vec<_> =
        pool.imap_with(options, long_or_panic, (0..10).map(|i| (i, 20))).collect();
    assert_eq!(results.len(), 10);
    for (i, result) in results.into_iter().enumerate() {
        match (i, result.map(number_of)) {
            (3, Err(JobError::Panicked(why))) => assert_eq!(why, "no text 3"),
            (_, result) => assert_eq!(result, Ok(i as u32)),
        }
    }
    let back: Vec<_> = pool.imap_unordered_with(options, number_of, texts).collect();
    assert_eq!(back.into_iter().filter_map(Result::ok).sum::<u32>(), 53);
}

fn an_item_too_long_for_a_frame_fails_alone(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let options = MapOptions::default().chunksize(3);
    let too_long = |result: &Result<u32, JobError>| match result {
        Err(JobError::Codec(why)) => assert!(why.contains("limit"), "{why}"),
        other => panic!("not refused: {other:?}"),
    };
    let results = pool.imap_with(options, long_or_panic, [(0, 1), (1, 65), (2, 1)]);
    let results: Vec<_> = results.map(|result| result.map(number_of)).collect();
    assert_eq!((results[0].clone(), results[2].clone()), (Ok(0), Ok(2)));
    too_long(&results[1]);
    let texts = [(0, 1), (1, 65), (2, 1)].map(long_or_panic);
    let results: Vec<_> = pool.imap_with(options, number_of, texts).collect();
    assert_eq!((results[0].clone(), results[2].clone()), (Ok(0), Ok(2)));
    too_long(&results[1]);
    assert_eq!(pool.map(square, 0..3), Ok(vec![0, 1, 4]));
}

/// Sends a part of an answer to the job that it is, and dies.
fn part_and_die(job: u64) -> u64 {
    let body = singletrack::futures::encode(&(vec![1u64], Vec::<(u32, bool, String)>::new()));
    let part = frame(FrameKind::Part, job, &body.unwrap()).unwrap();
    let mut pipe = std::fs::OpenOptions::new().write(true).open(my_reply_pipe()).unwrap();
    pipe.write_all(&part).unwrap();
    std::process::exit(3)
}

fn a_worker_that_dies_between_parts_fails_its_chunk(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let options = MapOptions::default().chunksize(2);
    let results: Vec<_> = pool.imap_with(options, part_and_die, [0, 0]).collect();
    assert_eq!(results.len(), 2);
    for result in results {
        assert_eq!(death(result), Death::Code(3));
    }
    assert_eq!(pool.map(square, 0..3), Ok(vec![0, 1, 4]), "no part is taken for another job's");
}

fn a_crash_fails_its_chunk_alone(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let options = MapOptions::default().chunksize(10);
    for end in [End::Exit(3), End::Kill, End::Segv] {
        let items = (0..100).map(|i| (i, (i == 42).then_some(end)));
        for (i, result) in pool.imap_with(options, end_if, items).enumerate() {
            match (40..50).contains(&i) {
                true => assert_eq!(death(result), end.death(), "item {i}"),
                false => assert_eq!(result, Ok(i as u64)),
            }
        }
    }
}

fn a_dropped_imap_cancels_what_has_not_begun(fork_server: &ForkServer) {
    let pool = pool(fork_server, 1);
    let mut results = pool.imap(nap, (0..50).map(|_| 10));
    assert_eq!(results.next(), Some(Ok(10)));
    drop(results);
    pool.close();
    pool.join();
    let counts = pool.executor().counts();
    assert!(counts.cancelled > 20, "{counts:?}");
}

fn close_and_join_run_everything(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let naps = pool.map_async(nap, (0..20).map(|i| i % 4));
    pool.close();
    assert_eq!(pool.apply(square, 2), Err(JobError::ShutDown));
    assert_eq!(pool.map(square, [1, 2]), Err(JobError::ShutDown));
    assert_eq!(pool.imap(square, [1]).next(), Some(Err(JobError::ShutDown)));
    pool.join();
    assert!(naps.done());
    assert_eq!(naps.result().map(|naps| naps.len()), Ok(20));
    assert!(pool.executor().worker_pids().is_empty());
}

fn pool_terminate_with_ten_thousand_jobs_returns(fork_server: &ForkServer) {
    let pool = pool(fork_server, 2);
    let sleeps = pool.map_with(MapOptions::default().chunksize(1), nap, vec![1000; 10_000]);
    eventually("it runs", || sleeps.running());
    pool.terminate();
    pool.join();
    assert!(sleeps.done());
    assert!(sleeps.result().is_err());
    let counts = pool.executor().counts();
    assert_eq!((counts.submitted, counts.resolved()), (10_000, 10_000));
    assert!(counts.answered < 100, "it waited for {} naps of a second", counts.answered);
}

fn worker_lifetime(fork_server: &ForkServer) {
    let builder = ProcessPool::builder(fork_server).workers(3).max_tasks_per_child(10);
    let pool = Pool::from(builder.start().unwrap());
    let options = MapOptions::default().chunksize(1);
    let pids = pool.map_with(options, pid, 0..100).result().unwrap();
    let distinct: BTreeSet<u32> = pids.iter().copied().collect();
    assert!(distinct.len() >= 10, "{} processes", distinct.len());
    for one in distinct {
        assert!(pids.iter().filter(|pid| **pid == one).count() <= 10);
    }
    // An early close does not hang.
    let early = pool.map_with(options, square, 0..100);
    pool.close();
    pool.join();
    assert_eq!(early.result(), Ok((0..100).map(|x| x * x).collect()));
}

// ---- initializers ----

static LOADED: AtomicU64 = AtomicU64::new(0);

fn load(number: u64) {
    nap(10);
    LOADED.fetch_add(number, Ordering::SeqCst);
}

fn loaded(_: u64) -> u64 {
    nap(2);
    LOADED.load(Ordering::SeqCst)
}

fn an_initializer_runs_first_in_every_worker(fork_server: &ForkServer) {
    let builder = ProcessPool::builder(fork_server).workers(2).max_tasks_per_child(5);
    let pool = Pool::from(builder.initializer(load, 7).start().unwrap());
    let options = MapOptions::default().chunksize(1);
    assert_eq!(pool.map_with(options, loaded, 0..40).result(), Ok(vec![7; 40]));
    assert_eq!(LOADED.load(Ordering::SeqCst), 0, "ours is another copy");
}

static RESULTS: std::sync::OnceLock<Producer<u64>> = std::sync::OnceLock::new();

fn keep_queue(results: Producer<u64>) {
    RESULTS.set(results).unwrap();
}

fn put_square(x: u64) {
    RESULTS.get().unwrap().put(&(x * x)).unwrap();
}

fn an_initializer_may_carry_a_queue(fork_server: &ForkServer) {
    let (producer, results): (_, Consumer<u64>) = queue().unwrap();
    let builder = ProcessPool::builder(fork_server).workers(2).initializer(keep_queue, producer);
    let pool = Pool::from(builder.start().unwrap());
    assert!(pool.map(put_square, 0..100).is_ok());
    let mut squares: Vec<u64> = (0..100).map(|_| results.get().unwrap()).collect();
    squares.sort_unstable();
    assert_eq!(squares, (0..100).map(|x| x * x).collect::<Vec<_>>());
    drop(pool);
    assert!(results.get().is_err(), "the last producer went with the pool");
}

fn keep_length(text: String) {
    LOADED.store(text.len() as u64, Ordering::SeqCst);
}

fn a_long_initializer_argument_arrives(fork_server: &ForkServer) {
    let text = "x".repeat(3 << 20);
    let builder = ProcessPool::builder(fork_server).workers(2).initializer(keep_length, text);
    let pool = Pool::from(builder.start().unwrap());
    assert_eq!(pool.map(loaded, 0..10), Ok(vec![3 << 20; 10]));
    let refused = ProcessPool::builder(fork_server).initializer(keep_length, "x".repeat(65 << 20));
    assert!(matches!(refused.start(), Err(PoolError::Initializer(JobError::Codec(_)))));
}

fn fail_to_load(why: String) {
    panic_with(why);
}

fn initializer_fails_and_the_pool_is_broken(fork_server: &ForkServer) {
    let builder = ProcessPool::builder(fork_server).workers(2);
    let pool = builder.initializer(fail_to_load, "no crane".to_owned()).start().unwrap();
    let queued: Vec<_> = (0..10).map(|x| pool.submit(square, x)).collect();
    for future in queued.into_iter().chain([pool.submit(square, 1)]) {
        match future.result() {
            Err(JobError::Broken(why)) => assert!(why.contains("no crane"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

fn die_loading(end: End) {
    end_if((0, Some(end)));
}

fn an_initializer_that_dies_breaks_the_pool_in_the_end(fork_server: &ForkServer) {
    let builder = ProcessPool::builder(fork_server).workers(1);
    let pool = builder.initializer(die_loading, End::Segv).start().unwrap();
    let result = pool.submit(square, 1).result();
    assert!(matches!(result, Err(JobError::Broken(_))), "{result:?}");
    assert_eq!(pool.counts().workers_started, pool.counts().workers_ended);
}

// ---- kill, retry, resize, statistics ----

fn killing_a_job_harms_no_other(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    // Quick jobs first, so that workers are sent ahead.
    assert!(pool.map(square, 0..1000).all(|result| result.is_ok()));
    let endless = pool.submit_with(JobOptions::default().killable(), sleep_for_ever, ());
    let others: Vec<_> = (0..1000).map(|x| pool.submit(square, x)).collect();
    eventually("it runs", || endless.future.running());
    assert!(pool.kill(endless.job));
    match endless.future.result() {
        Err(JobError::WorkerLost { death: KILLED, job, .. }) => assert_eq!(job, endless.job),
        other => panic!("{other:?}"),
    }
    assert!(!pool.kill(endless.job), "it is done");
    assert!(others.into_iter().all(|future| future.result().is_ok()));
    assert_eq!(pool.counts().lost, 1);
}

fn a_queued_job_is_killed_by_cancelling_it(fork_server: &ForkServer) {
    let pool = executor(fork_server, 1);
    let first = pool.submit(nap, 100);
    eventually("it runs", || first.running());
    let queued = pool.submit_with(JobOptions::default().killable(), square, 3);
    assert!(pool.kill(queued.job));
    assert_eq!(queued.future.result(), Err(JobError::Cancelled));
    assert_eq!(first.result(), Ok(100));
}

fn a_job_submitted_without_the_option_is_not_killed(fork_server: &ForkServer) {
    let pool = executor(fork_server, 1);
    let running = pool.submit_with(JobOptions::default(), nap, 100);
    eventually("it runs", || running.future.running());
    let queued = pool.submit_with(JobOptions::default().retries(1), square, 3);
    let limited = JobOptions::default().limit(Duration::from_secs(60));
    let limited = pool.submit_with(limited, square, 4);
    assert!(!pool.kill(running.job) && !pool.kill(queued.job));
    assert!(pool.kill(limited.job), "a job with a limit travels alone");
    assert_eq!(running.future.result(), Ok(100));
    assert_eq!(queued.future.result(), Ok(9));
    assert_eq!(limited.future.result(), Err(JobError::Cancelled));
    assert_eq!(pool.counts().lost, 0);
}

/// Kills its process the first time it is run: then it leaves a mark.
fn unreliable((i, marks): (u64, String)) -> u64 {
    let mark = std::fs::File::create_new(format!("{marks}/{i}"));
    end_if((i, mark.is_ok().then_some(End::Kill)))
}

/// Shows X2.
fn idempotent_jobs_are_run_again(fork_server: &ForkServer) {
    let marks = std::env::temp_dir().join(format!("singletrack-marks-{}", std::process::id()));
    std::fs::create_dir(&marks).unwrap();
    let path = marks.display().to_string();
    let pool = Pool::from(executor(fork_server, 2));
    let options = JobOptions::default().retries(5);
    let futures: Vec<_> = (0..10)
        .map(|i| pool.executor().submit_with(options, unreliable, (i, path.clone())).future)
        .collect();
    let results: Result<Vec<u64>, _> = futures.into_iter().map(Future::result).collect();
    assert_eq!(results, Ok((0..10).collect()));
    let counts = pool.executor().counts();
    assert_eq!((counts.answered, counts.lost, counts.retried), (10, 0, 10));
    // A chunk is tried again as a whole.
    let map = MapOptions::default().chunksize(5).job(options);
    let items = (10..20).map(|i| (i, path.clone()));
    assert_eq!(pool.map_with(map, unreliable, items).result(), Ok((10..20).collect()));
    assert_eq!(pool.executor().counts().retried, 20);
    std::fs::remove_dir_all(marks).unwrap();
}

fn retries_have_an_end(fork_server: &ForkServer) {
    let pool = executor(fork_server, 1);
    let options = JobOptions::default().retries(2);
    let job = pool.submit_with(options, end_if, (0, Some(End::Segv))).future;
    assert_eq!(death(job.result()), Death::Signal(libc::SIGSEGV));
    assert_eq!((pool.counts().retried, pool.counts().lost), (2, 1));
    assert_eq!(pool.submit(square, 3).result(), Ok(9));
}

fn a_pool_grows_and_shrinks(fork_server: &ForkServer) {
    let pool = executor(fork_server, 1);
    for size in [4, 2, 3, 1] {
        let jobs: Vec<_> = (0..40).map(|i| pool.submit(nap_a_little, i)).collect();
        pool.resize(size).unwrap();
        assert_eq!(pool.workers(), size);
        let results: Result<Vec<u64>, _> = jobs.into_iter().map(Future::result).collect();
        assert_eq!(results, Ok((0..40).collect()), "no job is interrupted");
        eventually("it has its size", || pool.worker_pids().len() == size);
    }
    assert!(matches!(pool.resize(0), Err(PoolError::NoWorkers)));
    assert_eq!(pool.submit(square, 3).result(), Ok(9));
}

fn counts_and_stats_balance(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    assert!(pool.map(square, 0..500).all(|result| result.is_ok()));
    let busy = pool.submit(sleep_for_ever, ());
    eventually("it runs", || busy.running());
    let stats = pool.worker_stats();
    assert_eq!(stats.len(), 2);
    assert_eq!(stats.iter().map(|s| s.answered).sum::<u64>(), 500);
    let running: Vec<_> = stats.iter().filter_map(|s| s.running.map(|job| (s.pid, job))).collect();
    assert_eq!(running.len(), 1);
    assert_eq!(running[0].1, 500);
    assert!(stats.iter().all(|s| s.answered == 0 || s.busy_ns > 0));
    signal(running[0].0, libc::SIGKILL);
    assert_eq!(death(busy.result()), KILLED);
    let counts = pool.counts();
    assert_eq!((counts.submitted, counts.answered, counts.lost), (501, 500, 1));
    assert_eq!(counts.submitted, counts.resolved());
}

// ---- ending ----

fn ended(fork_server: &ForkServer, end: fn(&ProcessPool), signal: i32) {
    let pool = executor(fork_server, 2);
    let sleepers: Vec<_> = (0..2).map(|_| pool.submit(sleep_for_ever, ())).collect();
    let queued: Vec<_> = (0..20).map(|x| pool.submit(square, x)).collect();
    eventually("both run", || sleepers.iter().all(Future::running));
    let pids = pool.worker_pids();
    end(&pool);
    for sleeper in sleepers {
        assert_eq!(death(sleeper.result()), Death::Signal(signal));
    }
    for future in queued {
        assert_eq!(future.result(), Err(JobError::Cancelled));
    }
    assert_eq!(pool.submit(square, 1).result(), Err(JobError::ShutDown));
    pool.shutdown(true, false);
    assert!(!pids.into_iter().any(is_alive));
    let counts = pool.counts();
    assert_eq!(counts.workers_started, counts.workers_ended);
}

fn kill_workers_resolves_everything(fork_server: &ForkServer) {
    ended(fork_server, ProcessPool::kill_workers, libc::SIGKILL);
}

fn terminate_workers_resolves_everything(fork_server: &ForkServer) {
    ended(fork_server, ProcessPool::terminate_workers, libc::SIGTERM);
}

// ---- waiting ----

fn wait_and_as_completed_take_futures_of_processes(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    let submit = |naps: [u64; 3]| naps.map(|ms| pool.submit(nap, ms));
    let (done, rest) = wait(submit([400, 5, 5]), ReturnWhen::FirstCompleted, None);
    assert!(!done.is_empty() && !rest.is_empty());
    let (done, rest) = wait(rest, ReturnWhen::AllCompleted, None);
    assert!(!done.is_empty() && rest.is_empty());
    let order: Vec<u64> = as_completed(submit([150, 1, 2]), None)
        .map(|future| future.unwrap().result().unwrap())
        .collect();
    assert_eq!(order, [1, 2, 150]);
    let futures = [pool.submit(sleep_for_ever, ()), pool.submit(picky, 7)];
    let (done, rest) = wait(futures, ReturnWhen::FirstException, None);
    assert_eq!((done.len(), rest.len()), (1, 1));
    let mut unfinished = as_completed(rest, Some(SHORT));
    assert_eq!(unfinished.next().unwrap().unwrap_err().to_string(), "1 (of 1) futures unfinished");
    pool.kill_workers();
    assert_eq!(death(unfinished.into_rest().pop().unwrap().result()), KILLED);
}

fn map_timeout_gives_what_is_there(fork_server: &ForkServer) {
    let pool = executor(fork_server, 1);
    let mut results = pool.map(nap, [1, 500]);
    let deadline = Instant::now() + Duration::from_millis(250);
    assert_eq!(results.next_before(deadline), Ok(Some(Ok(1))));
    assert!(results.next_before(deadline).is_err());
    assert_eq!(results.next(), Some(Ok(500)));
}

fn waiting_for_the_pool_on_its_own_thread_is_refused(fork_server: &ForkServer) {
    let pool = Arc::new(pool(fork_server, 2));
    let (tell, told) = mpsc::channel();
    // Slow enough for the callback to be there in time, so that it runs on the pool's thread.
    let outer = pool.apply_async(nap, 100);
    let inner = Arc::clone(&pool);
    outer.add_done_callback(move || {
        let waited = inner.apply(nap, 100);
        let mapped = inner.map(nap, [100, 100]).map(|_| 0);
        let streamed = inner.imap(nap, [100, 100]);
        let streamed: Vec<_> = streamed.take(10).collect();
        assert_eq!(streamed.len(), 1, "told once, and then it is over");
        let streamed = streamed.into_iter().next().unwrap();
        let both = [1, 2].map(|_| inner.apply_async(nap, 100));
        let first = as_completed(both, None).next().unwrap().unwrap().result();
        drop(inner);
        tell.send([waited, mapped, streamed, first]).unwrap();
    });
    for result in told.recv().unwrap() {
        match result {
            Err(JobError::WouldDeadlock(why)) => assert!(why.contains("the pool's own"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(outer.result(), Ok(100));
    assert_eq!(pool.apply(square, 3), Ok(9));
    eventually("the callback is gone", || Arc::strong_count(&pool) == 1);
}

fn callers_read_their_own_replies(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    thread::scope(|scope| {
        for i in 0..4 {
            let pool = &pool;
            scope.spawn(move || {
                for x in 0..500 {
                    assert_eq!(pool.call(square, x + i), Ok((x + i) * (x + i)));
                }
                let text = "x".repeat(1 << 20);
                assert_eq!(pool.call(echo, text.clone()), Ok(text));
            });
        }
    });
    assert_eq!(pool.counts().answered, 4 * 501);
    pool.shutdown(true, false);
    assert_eq!(pool.call(square, 1), Err(JobError::ShutDown));
}

fn a_caller_hears_of_its_workers_end(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    for end in [End::Exit(3), End::Kill, End::Segv, End::Abort] {
        for i in 0..10 {
            assert_eq!(pool.call(square, i), Ok(i * i));
            assert_eq!(death(pool.call(end_if, (0, Some(end)))), end.death());
        }
    }
    assert_eq!(pool.call(panic_with, "oh".to_owned()), Err(JobError::Panicked("oh".to_owned())));
    assert!(matches!(pool.call(write_garbage, ()), Err(JobError::Protocol(_))));
    assert_eq!(death(pool.call(close_my_pipes, ())), KILLED);
    let strict = ProcessPool::builder(fork_server).workers(1).time_limit(SHORT).start().unwrap();
    assert_eq!(strict.call(sleep_for_ever, ()), Err(JobError::TimedOut(SHORT)));
    assert_eq!(strict.call(stop_myself, ()), Err(JobError::TimedOut(SHORT)));
    assert_eq!(strict.call(square, 3), Ok(9));
    let recycled = ProcessPool::builder(fork_server).workers(1).max_tasks_per_child(1);
    let recycled = recycled.start().unwrap();
    let pids: BTreeSet<u32> = (0..10).map(|i| recycled.call(pid, i).unwrap()).collect();
    assert_eq!(pids.len(), 10);
}

fn calls_and_submits_share_the_workers(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let submitter = scope.spawn(|| {
            let mut sum = 0;
            while !over.load(Ordering::SeqCst) {
                let futures: Vec<_> = (0..50).map(|x| pool.submit(square, x)).collect();
                sum += futures.into_iter().filter(|future| future.exception().is_none()).count();
            }
            sum
        });
        for i in 0..2000 {
            assert_eq!(pool.call(square, i), Ok(i * i));
        }
        over.store(true, Ordering::SeqCst);
        assert!(submitter.join().unwrap() > 0);
    });
    let counts = pool.counts();
    assert_eq!((counts.submitted, counts.answered), (counts.resolved(), counts.resolved()));
}

fn a_callback_of_a_job_behind_a_call_must_not_wait(fork_server: &ForkServer) {
    let pool = Arc::new(executor(fork_server, 1));
    // Quick jobs, so that the worker is sent ahead, behind a call that takes its time.
    assert!(pool.map(square, 0..1000).all(|result| result.is_ok()));
    let (tell, told) = mpsc::channel();
    let caller = Arc::clone(&pool);
    let caller = thread::spawn(move || caller.call(nap, 60));
    eventually("it runs", || pool.worker_stats().iter().any(|worker| worker.running.is_some()));
    let ahead = pool.submit(square, 5);
    let inner = Arc::clone(&pool);
    ahead.add_done_callback(move || {
        let result = inner.call(square, 6);
        drop(inner);
        tell.send(result).unwrap();
    });
    assert_eq!(caller.join().unwrap(), Ok(60));
    assert_eq!(ahead.result(), Ok(25));
    match told.recv().unwrap() {
        Err(JobError::WouldDeadlock(_)) | Ok(36) => {}
        other => panic!("{other:?}"),
    }
    eventually("the callback is gone", || Arc::strong_count(&pool) == 1);
}

/// A long text that takes its time: to be made, and to be decoded.
#[derive(Serialize)]
struct Slow(String);

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Deserialize::deserialize(deserializer)?;
        thread::sleep(Duration::from_millis(50));
        Ok(Slow(text))
    }
}

fn slow_text(length: usize) -> Slow {
    thread::sleep(Duration::from_millis(60));
    Slow("x".repeat(length))
}

fn a_callers_slow_decoding_holds_up_no_callback_which_may_shut_down(fork_server: &ForkServer) {
    let pool = Arc::new(executor(fork_server, 1));
    // Quick jobs, so that the worker is sent ahead, behind a call that takes its time.
    assert!(pool.map(square, 0..1000).all(|result| result.is_ok()));
    let caller = Arc::clone(&pool);
    let caller = thread::spawn(move || (thread::current().id(), caller.call(slow_text, 1 << 20)));
    eventually("it runs", || pool.worker_stats().iter().any(|worker| worker.running.is_some()));
    let ahead = pool.submit(square, 5);
    let (tell, told) = mpsc::channel();
    let inner = Arc::clone(&pool);
    ahead.add_done_callback(move || {
        inner.shutdown(true, false);
        drop(inner);
        tell.send(thread::current().id()).unwrap();
    });
    // While the caller decodes its own result, the next one arrives: the pool's thread reads that.
    let (on, result) = caller.join().unwrap();
    assert_eq!(result.map(|slow| slow.0.len()), Ok(1 << 20));
    assert_ne!(told.recv(), Ok(on), "the callback ran on the thread of another's call");
    assert_eq!(ahead.result(), Ok(25));
    eventually("the callback is gone", || Arc::strong_count(&pool) == 1);
}

/// The thread that calls has its own answer to decode and nobody else's callbacks to run.
fn a_callback_may_wait_for_a_pool_whose_worker_is_a_caller(fork_server: &ForkServer) {
    let pool = Arc::new(executor(fork_server, 1));
    assert!(pool.map(square, 0..1000).all(|result| result.is_ok()));
    let threads = Arc::new(ThreadPoolExecutor::new(1).unwrap());
    let caller = Arc::clone(&pool);
    let calling = threads.submit_fn(move || caller.call(slow_text, 1 << 20).map(drop));
    eventually("it runs", || pool.worker_stats().iter().any(|worker| worker.running.is_some()));
    let ahead = pool.submit(square, 5);
    let (tell, told) = mpsc::channel();
    let inner = Arc::clone(&threads);
    ahead.add_done_callback(move || tell.send(inner.submit_fn(|| 7).result()).unwrap());
    assert_eq!(told.recv().unwrap(), Ok(7));
    assert_eq!(calling.result(), Ok(Ok(())));
}

/// Nobody's answers and limits wait for `slow`, which does something slow to the pool's threads and
/// says when it is over: both futures are done before that.
fn nobody_waits_for(pool: &ProcessPool, slow: impl FnOnce(&ProcessPool) -> Arc<AtomicBool>) {
    let over = slow(pool);
    let limited = pool.submit_within(Duration::from_millis(50), nap, 60_000);
    let other = pool.submit(nap, 20);
    assert_eq!(other.result(), Ok(20));
    let verdict = limited.result();
    assert_eq!(verdict, Err(JobError::TimedOut(Duration::from_millis(50))));
    assert!(!over.load(Ordering::SeqCst), "they came after what was slow");
}

/// A flag that is raised some seconds after the callback begins; so many callbacks begin.
fn slow_callbacks(pool: &ProcessPool, callbacks: usize) -> (Arc<AtomicBool>, Vec<Future<u64>>) {
    let over = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicU64::new(0));
    let futures = (0..callbacks).map(|_| {
        let future = pool.submit(nap, 20);
        let (over, begun) = (Arc::clone(&over), Arc::clone(&begun));
        future.add_done_callback(move || {
            begun.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_secs(3));
            over.store(true, Ordering::SeqCst);
        });
        future
    });
    let futures = futures.collect();
    eventually("they begin", || begun.load(Ordering::SeqCst) == callbacks as u64);
    (over, futures)
}

fn slow_callbacks_hold_up_no_answer_and_no_limit(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    let mut futures = Vec::new();
    nobody_waits_for(&pool, |pool| {
        let (over, slow) = slow_callbacks(pool, 5);
        futures = slow;
        over
    });
    pool.shutdown(true, false);
    assert!(futures.into_iter().all(|future| future.result() == Ok(20)));
}

static DECODED: AtomicBool = AtomicBool::new(false);
static DECODING: AtomicBool = AtomicBool::new(false);

#[derive(Serialize)]
struct SlowToDecode;

impl<'de> Deserialize<'de> for SlowToDecode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODING.store(true, Ordering::SeqCst);
        thread::sleep(Duration::from_secs(3));
        DECODED.store(true, Ordering::SeqCst);
        <()>::deserialize(deserializer).map(|()| SlowToDecode)
    }
}

fn slow_decoding_holds_up_no_answer_and_no_limit(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    let future = pool.submit(|()| SlowToDecode, ());
    eventually("it is decoded", || DECODING.load(Ordering::SeqCst));
    let limited = pool.submit_within(Duration::from_millis(50), nap, 60_000);
    assert_eq!(pool.submit(nap, 20).result(), Ok(20));
    assert_eq!(limited.result(), Err(JobError::TimedOut(Duration::from_millis(50))));
    assert!(!DECODED.load(Ordering::SeqCst), "they came after what was slow");
    assert!(future.result().is_ok());
}

fn a_callers_slow_decoding_keeps_no_answer_from_its_limit(fork_server: &ForkServer) {
    let pool = Arc::new(executor(fork_server, 1));
    let caller = Arc::clone(&pool);
    let caller = thread::spawn(move || caller.call(slow_text, 1 << 20).map(drop));
    eventually("it is answered", || pool.counts().answered == 1);
    // The caller decodes for 50 ms; the worker is idle, and its next answer must be heard.
    let quick = pool.submit_within(Duration::from_millis(40), square, 5);
    assert_eq!(quick.result(), Ok(25));
    assert_eq!(caller.join().unwrap(), Ok(()));
}

fn a_stopped_fork_server_holds_up_no_answer_and_no_limit(fork_server: &ForkServer) {
    let pool = executor(fork_server, 3);
    assert!(pool.map(nap, [5; 6]).all(|result| result.is_ok()));
    let busy = pool.submit(nap, 300);
    signal(fork_server.pid(), libc::SIGSTOP);
    let lost = pool.submit_with(JobOptions::default(), end_if, (0, Some(End::Exit(3)))).future;
    let limited = pool.submit_within(Duration::from_millis(50), nap, 60_000);
    assert_eq!(busy.result(), Ok(300));
    assert_eq!(limited.result(), Err(JobError::TimedOut(Duration::from_millis(50))));
    // One worker is left. What the dead ones had not begun is not kept for them.
    let later: Vec<_> = (0..20).map(|x| pool.submit(square, x)).collect();
    for (x, future) in (0..).zip(later) {
        assert_eq!(future.result(), Ok(x * x));
    }
    assert!(!lost.done(), "how the worker ended only the fork server knows");
    signal(fork_server.pid(), libc::SIGCONT);
    assert_eq!(death(lost.result()), Death::Code(3));
    assert!(pool.map(nap, [5; 6]).all(|result| result.is_ok()));
}

fn wakeup_pipe_full_a_hundred_thousand_submits(fork_server: &ForkServer) {
    let pool = executor(fork_server, 2);
    let futures: Vec<_> = (0..100_000).map(|x| pool.submit(square, x)).collect();
    let sum: u64 = futures.into_iter().map(|future| future.result().unwrap()).sum();
    assert_eq!(sum, (0..100_000).map(|x| x * x).sum::<u64>());
}
