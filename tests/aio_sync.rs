//! Locks, events, conditions, semaphores, barriers and queues, on the scripted selector:
//! CPython's scenarios (test_asyncio/test_locks.py, test_queues.py) and what a drop may do.

mod common;
use common::{DropFlag, Log, on_every_selector as run, settle};
use singletrack::aio::{
    Barrier, BoundedSemaphore, BrokenBarrier, Condition, DoneTooOften, Event, GetError, LifoQueue,
    Lock, PriorityQueue, PutError, Queue, Semaphore, ShutDown,
};
use singletrack::event_loop::Task;
use singletrack::selector::scripted::ScriptedSelector;
use singletrack::task::budget::BUDGET;
use singletrack::{EventLoop, create_task, yield_now};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A task that takes the lock, says so, and keeps it for one iteration.
fn locker(name: &str, lock: &Rc<Lock>, log: &Log) -> Task<()> {
    let (name, lock, log) = (name.to_owned(), Rc::clone(lock), log.clone());
    create_task(async move {
        let _guard = lock.acquire().await;
        log.note(name);
        yield_now().await;
    })
}

#[test]
fn lock_is_fifo_and_nobody_slips_in() {
    run(async || {
        let (lock, log) = (Rc::new(Lock::new(())), Log::default());
        let guard = lock.acquire().await;
        let tasks = ["a", "b", "c"].map(|name| locker(name, &lock, &log));
        settle().await;
        drop(guard);
        // Released, but already `a`'s, although `a` has not run yet.
        assert!(lock.locked() && lock.try_acquire().is_none());
        log.note("me");
        drop(lock.acquire().await);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(log.read(), ["me", "a", "b", "c"]);
        assert!(!lock.locked());
    });
}

// Scenario 53.
#[test]
fn lock_cancel_race() {
    run(async || {
        let (lock, log) = (Rc::new(Lock::new(())), Log::default());
        let a = lock.acquire().await;
        let (b, c) = (locker("b", &lock, &log), locker("c", &lock, &log));
        settle().await;
        assert!(b.cancel());
        drop(a); // in one pass: the lock is handed to `b`, which is dropped before it runs
        assert!(b.await.is_err());
        c.await.unwrap();
        assert_eq!(log.read(), ["c"]);
        assert!(!lock.locked());
    });
}

// Scenario 54.
#[test]
fn lock_cancel_release_race() {
    run(async || {
        let (lock, log) = (Rc::new(Lock::new(())), Log::default());
        let holder = lock.acquire().await;
        let tasks = ["a", "b", "c"].map(|name| locker(name, &lock, &log));
        settle().await;
        drop(holder);
        tasks[0].cancel();
        tasks[1].cancel();
        settle().await;
        assert_eq!(log.read(), ["c"], "exactly one of the rest has it");
    });
}

#[test]
fn a_lock_can_be_kept_across_awaits_and_dropped_by_cancelling_its_holder() {
    run(async || {
        let lock = Rc::new(Lock::new(1));
        let inner = Rc::clone(&lock);
        let holder = create_task(async move {
            let mut guard = inner.acquire().await;
            *guard = 2;
            std::future::pending::<()>().await;
        });
        settle().await;
        assert!(lock.locked());
        holder.cancel();
        assert_eq!(*lock.acquire().await, 2, "the dropped future's guard let go");
    });
}

/// Shows T14.
#[test]
fn a_wait_that_is_polled_by_another_waker_wakes_only_that_one() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (old, new) = (Arc::new(Count(AtomicUsize::new(0))), Arc::new(Count(AtomicUsize::new(0))));
    let lock = Lock::new(());
    let guard = lock.try_acquire().unwrap();
    let mut wait = pin!(lock.acquire());
    for count in [&old, &new] {
        let waker = Waker::from(Arc::clone(count));
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    drop(guard);
    assert_eq!((old.0.load(Ordering::Relaxed), new.0.load(Ordering::Relaxed)), (0, 1));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(wait.as_mut().poll(&mut cx).is_ready());
}

thread_local! {
    static PROBED: Semaphore = Semaphore::new(0);
}

/// Shows T11.
#[test]
fn a_waker_may_use_the_primitive_it_is_kept_by() {
    /// Looks at the semaphore, and takes part in it, whenever it is cloned, woken or dropped.
    struct Nosy;
    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {
            PROBED.with(|semaphore| drop(semaphore.try_acquire()));
        }
    }
    impl Drop for Nosy {
        fn drop(&mut self) {
            PROBED.with(|semaphore| drop(semaphore.try_acquire()));
        }
    }
    PROBED.with(|semaphore| {
        let mut cx = Context::from_waker(Waker::noop());
        let mut wait = Box::pin(semaphore.acquire());
        for _ in 0..2 {
            // The waker of the last poll is dropped when the next one replaces it.
            let waker = Waker::from(Arc::new(Nosy));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        semaphore.release();
        assert!(wait.as_mut().poll(&mut cx).is_ready());
        let mut wait = Box::pin(semaphore.acquire());
        semaphore.try_acquire().unwrap().forget();
        let waker = Waker::from(Arc::new(Nosy));
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        drop(wait); // the waiter leaves, its waker with it
        assert_eq!(semaphore.value(), 0);
    });
}

// Scenario 17, on the loop.
#[test]
fn event_set_then_clear_wakes_every_prior_waiter() {
    run(async || {
        let (event, woken) = (Rc::new(Event::new()), Rc::new(Cell::new(0)));
        let tasks = [(); 3].map(|()| {
            let (event, woken) = (Rc::clone(&event), Rc::clone(&woken));
            create_task(async move {
                event.wait().await;
                woken.set(woken.get() + 1);
            })
        });
        settle().await;
        event.set();
        event.clear();
        let late = Rc::clone(&event);
        let late = create_task(async move { late.wait().await });
        for task in tasks {
            task.await.unwrap();
        }
        settle().await;
        assert_eq!(woken.get(), 3);
        assert!(!late.done() && !event.is_set());
        event.set();
        late.await.unwrap();
        event.wait().await; // set: no waiting
    });
}

// Scenario 55.
#[test]
fn semaphore_fifo_with_cancelled_head() {
    run(async || {
        let (semaphore, log) = (Rc::new(Semaphore::new(1)), Log::default());
        let permit = semaphore.acquire().await;
        let taker = |name: &'static str| {
            let (semaphore, log) = (Rc::clone(&semaphore), log.clone());
            create_task(async move {
                let _permit = semaphore.acquire().await;
                log.note(name);
            })
        };
        let [a, b, c] = ["a", "b", "c"].map(taker);
        settle().await;
        drop(permit);
        a.cancel(); // granted, not run yet: the permit must not leak with it
        b.await.unwrap();
        c.await.unwrap();
        assert!(a.await.is_err());
        assert_eq!(log.read(), ["b", "c"]);
        assert_eq!(semaphore.value(), 1, "no permit is lost");
    });
}

#[test]
fn semaphore_never_lets_more_in_than_it_has_permits() {
    run(async || {
        let semaphore = Rc::new(Semaphore::new(3));
        let (inside, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let tasks: Vec<_> = (0..20)
            .map(|i| {
                let (semaphore, inside) = (Rc::clone(&semaphore), Rc::clone(&inside));
                let most = Rc::clone(&most);
                create_task(async move {
                    let _permit = semaphore.acquire().await;
                    inside.set(inside.get() + 1);
                    most.set(most.get().max(inside.get()));
                    for _ in 0..i % 4 {
                        yield_now().await;
                    }
                    inside.set(inside.get() - 1);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!((most.get(), semaphore.value()), (3, 3));
    });
}

#[test]
fn a_bounded_semaphore_counts_permits_that_are_held_or_promised() {
    run(async || {
        let semaphore = Rc::new(BoundedSemaphore::new(1));
        let held = semaphore.acquire().await;
        assert!(semaphore.release().is_err(), "the guard will bring it back");
        let (inside, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let tasks = [(); 4].map(|()| {
            let (semaphore, inside, most) =
                (Rc::clone(&semaphore), Rc::clone(&inside), Rc::clone(&most));
            create_task(async move {
                let _permit = semaphore.acquire().await;
                inside.set(inside.get() + 1);
                most.set(most.get().max(inside.get()));
                yield_now().await;
                inside.set(inside.get() - 1);
            })
        });
        settle().await;
        drop(held);
        assert_eq!(semaphore.value(), 0, "promised to the first task");
        assert!(semaphore.release().is_err(), "and so not to be brought again");
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!((most.get(), semaphore.value()), (1, 1));
        semaphore.acquire().await.forget();
        assert_eq!(semaphore.value(), 0);
        semaphore.release().unwrap();
        assert!(semaphore.release().is_err());
        assert_eq!(semaphore.value(), 1);
    });
}

#[test]
fn a_semaphore_that_overflows_says_so_and_keeps_its_permits() {
    run(async || {
        let semaphore = Semaphore::new(usize::MAX);
        let held = semaphore.try_acquire().unwrap();
        let release = AssertUnwindSafe(|| semaphore.release());
        assert!(catch_unwind(release).is_err(), "the one that is held counts");
        drop(held);
        assert_eq!((semaphore.value(), semaphore.locked()), (usize::MAX, false));
        semaphore.acquire().await.forget();
        semaphore.release();
        assert_eq!(semaphore.value(), usize::MAX);
    });
}

#[test]
fn semaphore_release_without_acquire_adds_a_permit_and_a_bounded_one_refuses() {
    let semaphore = Semaphore::new(0);
    assert!(semaphore.locked() && semaphore.try_acquire().is_none());
    semaphore.release();
    assert_eq!(semaphore.value(), 1);
    let bounded = BoundedSemaphore::new(1);
    bounded.try_acquire().unwrap().forget();
    assert!(bounded.locked());
    bounded.release().unwrap();
    assert!(bounded.release().unwrap_err().to_string().contains("all 1 permits"));
}

// Scenario 13, on the loop.
#[test]
fn condition_notify_n_wakes_exactly_n_in_order() {
    run(async || {
        let shared = Rc::new((Lock::new(()), Condition::new()));
        let log = Log::default();
        let tasks: Vec<_> = (0..10)
            .map(|i| {
                let (shared, log) = (Rc::clone(&shared), log.clone());
                create_task(async move {
                    let guard = shared.0.acquire().await;
                    let _guard = shared.1.wait(guard).await;
                    log.note(i.to_string());
                })
            })
            .collect();
        settle().await;
        shared.1.notify(3);
        settle().await;
        settle().await;
        assert_eq!(log.read(), ["0", "1", "2"]);
        shared.1.notify_all();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(log.read().len(), 10);
        assert!(!shared.0.locked());
        shared.1.notify(5); // no task waits: forgotten
    });
}

// Scenario 56. asyncio's waiter leaves with the lock held, because it must run its `except`
// blocks under it. A dropped future runs no more code of the task, so the lock is free.
#[test]
fn condition_cancel_after_notify_passes_the_notification_on() {
    run(async || {
        let shared = Rc::new((Lock::new(()), Condition::new()));
        let log = Log::default();
        let waiter = |name: &'static str| {
            let (shared, log) = (Rc::clone(&shared), log.clone());
            create_task(async move {
                let guard = shared.0.acquire().await;
                let _guard = shared.1.wait(guard).await;
                log.note(name);
            })
        };
        let [a, b, c] = ["a", "b", "c"].map(waiter);
        settle().await;
        shared.1.notify(1);
        a.cancel(); // notified, dropped before it ran
        settle().await;
        assert_eq!(log.read(), ["b"]);
        // The same while the notified one waits for the lock.
        let d = waiter("d");
        settle().await;
        let guard = shared.0.acquire().await;
        shared.1.notify(1);
        settle().await; // `c` is notified and stands before the lock
        c.cancel();
        settle().await;
        drop(guard);
        d.await.unwrap();
        assert_eq!(log.read(), ["b", "d"]);
        assert!(!shared.0.locked());
        assert!(a.await.is_err() && c.await.is_err());
        b.await.unwrap();
    });
}

#[test]
fn condition_wait_for_checks_again_after_every_notification() {
    run(async || {
        let shared = Rc::new((Lock::new(0), Condition::new()));
        let (inner, asked) = (Rc::clone(&shared), Rc::new(Cell::new(0)));
        let count = Rc::clone(&asked);
        let waiter = create_task(async move {
            let guard = inner.0.acquire().await;
            *inner
                .1
                .wait_for(guard, |n| {
                    count.set(count.get() + 1);
                    *n >= 2
                })
                .await
        });
        for n in 1..=2 {
            settle().await;
            *shared.0.acquire().await = n;
            shared.1.notify(1);
        }
        assert_eq!(waiter.await.unwrap(), 2);
        assert_eq!(asked.get(), 3);
    });
}

/// A task that waits at a barrier.
fn arrive(barrier: &Rc<Barrier>) -> Task<Result<usize, BrokenBarrier>> {
    let barrier = Rc::clone(barrier);
    create_task(async move { barrier.wait().await })
}

// Scenario 16, on the loop.
#[test]
fn barrier_numbers_are_unique_and_rounds_repeat() {
    run(async || {
        let barrier = Rc::new(Barrier::new(3));
        for _ in 0..4 {
            let tasks = [(); 3].map(|()| arrive(&barrier));
            for (number, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), Ok(number));
            }
            assert_eq!(barrier.waiting(), 0);
        }
        assert_eq!(Barrier::new(1).wait().await, Ok(0), "alone: never waits");
    });
}

// Scenario 57.
#[test]
fn barrier_cancel_one_while_filling() {
    run(async || {
        let barrier = Rc::new(Barrier::new(3));
        let (a, b) = (arrive(&barrier), arrive(&barrier));
        settle().await;
        assert_eq!(barrier.waiting(), 2);
        a.cancel();
        settle().await;
        assert_eq!(barrier.waiting(), 1);
        let (c, d) = (arrive(&barrier), arrive(&barrier));
        // asyncio would number them 1, 1, 2 here.
        assert_eq!((b.await.unwrap(), c.await.unwrap(), d.await.unwrap()), (Ok(0), Ok(1), Ok(2)));
    });
}

#[test]
fn barrier_a_party_cancelled_after_release_does_not_hold_the_others() {
    run(async || {
        let barrier = Rc::new(Barrier::new(2));
        let a = arrive(&barrier);
        settle().await;
        assert_eq!(barrier.wait().await, Ok(1));
        a.cancel(); // released, not run yet
        let (b, c) = (arrive(&barrier), arrive(&barrier));
        assert_eq!((b.await.unwrap(), c.await.unwrap()), (Ok(0), Ok(1)), "a round of its own");
    });
}

#[test]
fn barrier_abort_breaks_it_and_reset_mends_it() {
    run(async || {
        let barrier = Rc::new(Barrier::new(2));
        let a = arrive(&barrier);
        settle().await;
        barrier.abort();
        assert_eq!(a.await.unwrap(), Err(BrokenBarrier));
        assert!(barrier.broken());
        assert_eq!(barrier.wait().await, Err(BrokenBarrier));
        let alone = Barrier::new(1);
        alone.abort();
        assert_eq!(alone.wait().await, Err(BrokenBarrier));
        barrier.reset();
        let b = arrive(&barrier);
        settle().await;
        barrier.reset(); // with a task waiting: it gets an error, the barrier is not broken
        assert_eq!(b.await.unwrap(), Err(BrokenBarrier));
        let c = arrive(&barrier);
        assert_eq!((barrier.wait().await, c.await.unwrap()), (Ok(0), Ok(1)));
    });
}

fn getter<T: 'static>(queue: &Rc<Queue<T>>) -> Task<Result<T, ShutDown>> {
    let queue = Rc::clone(queue);
    create_task(async move { queue.get().await })
}

fn putter<T: 'static>(queue: &Rc<Queue<T>>, item: T) -> Task<Result<(), ShutDown<T>>> {
    let queue = Rc::clone(queue);
    create_task(async move { queue.put(item).await })
}

#[test]
fn queue_order_is_the_stores() {
    let (fifo, lifo, least) = (Queue::new(0), LifoQueue::new(0), PriorityQueue::new(0));
    for n in [2, 3, 1] {
        fifo.put_nowait(n).unwrap();
        lifo.put_nowait(n).unwrap();
        least.put_nowait(n).unwrap();
    }
    assert_eq!([(); 3].map(|()| fifo.get_nowait().unwrap()), [2, 3, 1]);
    assert_eq!([(); 3].map(|()| lifo.get_nowait().unwrap()), [1, 3, 2]);
    assert_eq!([(); 3].map(|()| least.get_nowait().unwrap()), [1, 2, 3]);
    assert_eq!(fifo.get_nowait(), Err(GetError::Empty));
}

#[test]
fn queue_full_and_empty_are_typed_errors() {
    let queue = Queue::new(1);
    assert!(queue.empty() && !queue.full());
    queue.put_nowait("a").unwrap();
    assert_eq!(queue.put_nowait("b"), Err(PutError::Full("b")));
    assert_eq!((queue.qsize(), queue.maxsize(), queue.full()), (1, 1, true));
    assert_eq!(queue.get_nowait(), Ok("a"));
    assert_eq!(queue.get_nowait(), Err(GetError::Empty));
}

#[test]
fn queue_putters_and_getters_are_served_in_order() {
    run(async || {
        let queue = Rc::new(Queue::new(1));
        let getters = [(); 3].map(|()| getter(&queue));
        settle().await;
        let putters = [10, 20, 30].map(|n| putter(&queue, n));
        for (task, n) in getters.into_iter().zip([10, 20, 30]) {
            assert_eq!(task.await.unwrap(), Ok(n));
        }
        for task in putters {
            task.await.unwrap().unwrap();
        }
        assert!(queue.empty() && !queue.full());
    });
}

// Scenario 58. asyncio wakes the getter and lets it look again, so a newcomer could be first.
#[test]
fn queue_cancel_getter_race() {
    run(async || {
        let queue = Rc::new(Queue::new(0));
        let (a, b) = (getter(&queue), getter(&queue));
        settle().await;
        queue.put_nowait("item").unwrap();
        assert_eq!(queue.get_nowait(), Err(GetError::Empty), "it is promised");
        assert!(queue.empty() && queue.qsize() == 0, "so it is not there");
        a.cancel();
        assert_eq!(b.await.unwrap(), Ok("item"), "not lost");
        assert!(a.await.is_err());
        // Without another getter the item stays.
        let c = getter(&queue);
        settle().await;
        queue.put_nowait("next").unwrap();
        c.cancel();
        settle().await;
        assert_eq!(queue.get_nowait(), Ok("next"));
    });
}

#[test]
fn queue_cancel_putter_race() {
    run(async || {
        let queue = Rc::new(Queue::new(1));
        queue.put_nowait("first").unwrap();
        let (a, b) = (putter(&queue, "a"), putter(&queue, "b"));
        settle().await;
        assert_eq!(queue.get_nowait(), Ok("first")); // the slot is `a`'s now
        assert_eq!(queue.put_nowait("me"), Err(PutError::Full("me")));
        a.cancel();
        b.await.unwrap().unwrap();
        assert_eq!(queue.get().await, Ok("b"), "the slot went on; a's item was dropped with it");
        assert!(a.await.is_err() && !queue.full());
    });
}

#[test]
fn a_priority_queue_gives_the_least_at_the_time_the_getter_runs() {
    run(async || {
        let queue = Rc::new(PriorityQueue::new(0));
        let inner = Rc::clone(&queue);
        let first = create_task(async move { inner.get().await });
        settle().await;
        queue.put_nowait(5).unwrap();
        queue.put_nowait(1).unwrap();
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(queue.get_nowait(), Ok(5));
    });
}

// Scenario 59, first half.
#[test]
fn queue_shutdown_drains_getters_and_refuses_putters() {
    run(async || {
        let queue = Rc::new(Queue::new(2));
        queue.put_nowait(1).unwrap();
        queue.put_nowait(2).unwrap();
        let late = putter(&queue, 3);
        settle().await;
        queue.shutdown(false);
        assert_eq!(late.await.unwrap(), Err(ShutDown(3)));
        assert_eq!(queue.put(4).await, Err(ShutDown(4)));
        assert_eq!(queue.put_nowait(5), Err(PutError::ShutDown(5)));
        assert_eq!((queue.get().await, queue.get_nowait()), (Ok(1), Ok(2)));
        assert_eq!(queue.put(6).await, Err(ShutDown(6)), "although there is room now");
        assert_eq!(queue.get().await, Err(ShutDown(())));
        assert_eq!(queue.get_nowait(), Err(GetError::ShutDown));
        assert!(queue.is_shut_down());
    });
}

// Scenario 59, second half.
#[test]
fn queue_immediate_shutdown_drops_what_is_in_it_and_frees_everybody() {
    run(async || {
        let (queue, flag) = (Rc::new(Queue::new(1)), DropFlag::default());
        queue.put_nowait(Some(flag.guard())).ok().unwrap();
        let blocked = putter(&queue, None);
        let join = Rc::clone(&queue);
        let join = create_task(async move { join.join().await });
        settle().await;
        assert!(!join.done() && !blocked.done());
        queue.shutdown(true);
        assert!(flag.dropped() && queue.empty());
        assert!(blocked.await.unwrap().is_err());
        join.await.unwrap();
        assert!(queue.get().await.is_err());
        // Waiting getters are sent away as well.
        let other = Rc::new(Queue::<u8>::new(1));
        let getters = [getter(&other), getter(&other)];
        settle().await;
        other.shutdown(true);
        let full = Queue::new(2);
        full.put_nowait(1).unwrap();
        full.put_nowait(2).unwrap();
        full.shutdown(true);
        assert_eq!(full.get_nowait(), Err(GetError::ShutDown));
        assert_eq!(full.get().await, Err(ShutDown(())));
        for getter in getters {
            assert_eq!(getter.await.unwrap(), Err(ShutDown(())));
        }
    });
}

#[test]
fn queue_shutdown_refuses_a_putter_that_was_promised_a_slot() {
    run(async || {
        let queue = Rc::new(Queue::new(1));
        queue.put_nowait(1).unwrap();
        let late = putter(&queue, 2);
        settle().await;
        assert_eq!(queue.get_nowait(), Ok(1)); // the slot is `late`'s, which has not run
        queue.shutdown(false);
        assert_eq!(late.await.unwrap(), Err(ShutDown(2)));
        assert_eq!(queue.get().await, Err(ShutDown(())));
    });
}

#[test]
fn queue_immediate_shutdown_takes_a_promised_item_back() {
    run(async || {
        let queue = Rc::new(Queue::new(0));
        let a = getter(&queue);
        settle().await;
        queue.put_nowait(1).unwrap();
        queue.shutdown(true);
        assert_eq!(a.await.unwrap(), Err(ShutDown(())));
    });
}

#[test]
fn what_a_queue_says_while_something_is_promised_is_what_it_does() {
    run(async || {
        let queue = Rc::new(Queue::new(1));
        let first = getter(&queue);
        settle().await;
        queue.put_nowait(1).unwrap(); // `first`'s, which has not run; it takes the only slot
        assert!(queue.empty() && queue.full() && queue.qsize() == 0);
        assert_eq!(queue.get_nowait(), Err(GetError::Empty));
        assert_eq!(queue.put_nowait(2), Err(PutError::Full(2)));
        assert_eq!(first.await.unwrap(), Ok(1));
        assert!(queue.empty() && !queue.full());

        queue.put_nowait(2).unwrap();
        let late = putter(&queue, 3);
        settle().await;
        assert_eq!(queue.get_nowait(), Ok(2)); // the slot is `late`'s, which has not run
        assert!(queue.empty() && queue.full());
        assert_eq!(queue.put_nowait(4), Err(PutError::Full(4)));
        late.await.unwrap().unwrap();
        assert_eq!((queue.qsize(), queue.get_nowait()), (1, Ok(3)));
    });
}

#[test]
fn a_shutdown_waits_for_promised_items_and_leaves_none_behind() {
    run(async || {
        let queue = Rc::new(Queue::new(0));
        let (first, second) = (getter(&queue), getter(&queue));
        settle().await;
        queue.put_nowait("item").unwrap();
        queue.shutdown(false);
        assert_eq!(queue.get_nowait(), Err(GetError::Empty), "it may come back");
        let third = getter(&queue);
        first.cancel();
        assert_eq!(second.await.unwrap(), Ok("item"));
        assert_eq!(third.await.unwrap(), Err(ShutDown(())));
        assert_eq!(queue.get_nowait(), Err(GetError::ShutDown));

        let queue = Rc::new(Queue::new(0));
        let only = getter(&queue);
        settle().await;
        queue.put_nowait("item").unwrap();
        queue.shutdown(false);
        only.cancel();
        settle().await;
        assert_eq!(queue.get_nowait(), Ok("item"));
        assert_eq!(queue.get().await, Err(ShutDown(())));
    });
}

#[test]
fn an_immediate_shutdown_sends_getters_with_a_promise_away_and_frees_all_slots() {
    run(async || {
        let queue = Rc::new(Queue::new(2));
        let (promised, waiting) = (getter(&queue), getter(&queue));
        settle().await;
        queue.put_nowait(1).unwrap();
        queue.shutdown(false);
        queue.shutdown(true);
        assert!(queue.empty() && !queue.full());
        for task in [promised, waiting] {
            assert_eq!(task.await.unwrap(), Err(ShutDown(())));
        }
    });
}

/// Counts its drops; some of them panic.
struct Item(Rc<Cell<u32>>, bool);

impl Drop for Item {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        assert!(!self.1, "in the drop of an item");
    }
}

#[test]
fn items_whose_drop_panics_take_no_other_item_along_and_are_reported() {
    let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
    let reports = Log::default();
    let log = reports.clone();
    event_loop.set_exception_handler(move |unhandled| log.note(&*unhandled.message));
    let drops = Rc::new(Cell::new(0));
    event_loop.run_until_complete(async {
        let full = || {
            let queue = Queue::new(0);
            for angry in [true, false, true, false] {
                queue.put_nowait(Item(Rc::clone(&drops), angry)).ok().unwrap();
            }
            queue
        };
        let queue = full();
        queue.shutdown(true);
        assert_eq!(drops.get(), 4);
        assert_eq!(queue.join().await, ());
        drop(full());
        assert_eq!(drops.get(), 8);
    });
    assert_eq!(reports.read(), ["in the drop of an item"; 4]);
}

#[test]
fn queue_join_waits_for_task_done_of_every_item() {
    run(async || {
        let queue = Rc::new(Queue::new(0));
        queue.join().await; // nothing was put
        assert_eq!(queue.task_done(), Err(DoneTooOften));
        let done = Rc::new(Cell::new(0));
        let (worker, count) = (Rc::clone(&queue), Rc::clone(&done));
        let worker = create_task(async move {
            while let Ok(()) = worker.get().await {
                yield_now().await;
                count.set(count.get() + 1);
                worker.task_done().unwrap();
            }
        });
        for _ in 0..3 {
            queue.put_nowait(()).unwrap();
        }
        queue.join().await;
        assert_eq!(done.get(), 3);
        queue.shutdown(false);
        worker.await.unwrap();
        // `task_done` before the items were taken: an immediate shutdown must not count twice.
        let odd = Queue::new(0);
        odd.put_nowait(()).unwrap();
        odd.task_done().unwrap();
        odd.shutdown(true);
        odd.join().await;
    });
}

/// Uses up what the poll in progress may still do, if it has just begun.
async fn spend_budget() {
    let semaphore = Semaphore::new(1);
    for _ in 0..BUDGET {
        drop(semaphore.acquire().await);
    }
}

/// A task that has spent its budget waits as well as any other: it stands in the line when its
/// poll is over, and not one iteration later, when what it waits for may have come and gone.
#[test]
fn a_waiter_whose_budget_is_spent_stands_in_the_line_at_once() {
    run(async || {
        let shared = Rc::new((Lock::new(()), Condition::new(), Event::new(), Log::default()));
        let (a, b) = (Rc::clone(&shared), Rc::clone(&shared));
        let notified = create_task(async move {
            let guard = a.0.try_acquire().unwrap(); // spends nothing
            spend_budget().await;
            drop(a.1.wait(guard).await);
        });
        let waiter = create_task(async move {
            spend_budget().await;
            b.2.wait().await;
        });
        yield_now().await;
        shared.1.notify(1);
        shared.2.set();
        shared.2.clear();
        notified.await.unwrap();
        waiter.await.unwrap();

        let guard = shared.0.acquire().await;
        let (c, d) = (Rc::clone(&shared), Rc::clone(&shared));
        let first = create_task(async move {
            spend_budget().await;
            let _guard = c.0.acquire().await;
            c.3.note("first");
        });
        let second = create_task(async move {
            let _guard = d.0.acquire().await;
            d.3.note("second");
        });
        yield_now().await;
        drop(guard);
        first.await.unwrap();
        second.await.unwrap();
        assert_eq!(shared.3.read(), ["first", "second"]);
    });
}

#[test]
fn a_barrier_counts_a_party_whose_budget_is_spent() {
    run(async || {
        let barrier = Rc::new(Barrier::new(2));
        let inner = Rc::clone(&barrier);
        let first = create_task(async move {
            spend_budget().await;
            inner.wait().await
        });
        let second = arrive(&barrier);
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(0), Ok(1)));
    });
}

#[test]
fn what_a_task_without_budget_was_let_through_to_is_passed_on_if_it_is_dropped() {
    run(async || {
        let lock = Rc::new(Lock::new(()));
        let inner = Rc::clone(&lock);
        let greedy = create_task(async move {
            spend_budget().await;
            let _guard = inner.acquire().await;
            unreachable!("it is cancelled before it goes on");
        });
        yield_now().await;
        assert!(lock.locked(), "it came first, so the lock is promised to it");
        greedy.cancel();
        drop(lock.acquire().await);
    });
}

#[test]
fn a_loop_that_is_dropped_with_waiters_everywhere_leaks_and_strands_nothing() {
    let flags = [(); 4].map(|()| DropFlag::default());
    let (lock, event) = (Rc::new(Lock::new(())), Rc::new(Event::new()));
    let (queue, semaphore) = (Rc::new(Queue::<u8>::new(1)), Rc::new(Semaphore::new(0)));
    let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
    event_loop.run_until_complete(async {
        let guards = flags.each_ref().map(DropFlag::guard);
        let [a, b, c, d] = guards;
        let (lock, event) = (Rc::clone(&lock), Rc::clone(&event));
        let (queue, semaphore) = (Rc::clone(&queue), Rc::clone(&semaphore));
        lock.try_acquire().map(std::mem::forget).unwrap();
        drop(create_task(async move { (drop(lock.acquire().await), a).0 }));
        drop(create_task(async move { (event.wait().await, b).0 }));
        drop(create_task(async move { (queue.get().await.map(drop), c).0 }));
        drop(create_task(async move { (semaphore.acquire().await.forget(), d).0 }));
        settle().await;
    });
    semaphore.release(); // granted to a task that will never run
    drop(event_loop);
    assert!(flags.iter().all(DropFlag::dropped));
    assert_eq!(semaphore.value(), 1, "the permit came back");
    for count in [Rc::strong_count(&lock), Rc::strong_count(&event), Rc::strong_count(&queue)] {
        assert_eq!(count, 1);
    }
}

#[test]
fn waiting_costs_no_poll_until_it_is_over() {
    run(async || {
        let (event, polls) = (Rc::new(Event::new()), Rc::new(Cell::new(0)));
        let (inner, count) = (Rc::clone(&event), Rc::clone(&polls));
        let task = create_task(async move {
            let mut wait = pin!(inner.wait());
            poll_fn(|cx| {
                count.set(count.get() + 1);
                wait.as_mut().poll(cx)
            })
            .await;
        });
        for _ in 0..20 {
            yield_now().await;
        }
        assert_eq!(polls.get(), 1);
        event.set();
        task.await.unwrap();
        assert_eq!(polls.get(), 2);
        assert!(matches!(
            pin!(event.wait()).poll(&mut Context::from_waker(Waker::noop())),
            Poll::Ready(())
        ));
    });
}

/// Shows T9.
/// T9: tasks that are woken together must not fail together.
#[test]
fn a_waker_that_panics_takes_no_other_wake_along() {
    struct Angry;
    impl Wake for Angry {
        fn wake(self: Arc<Self>) {
            panic!("in a wake");
        }
    }
    let event_loop = EventLoop::with_selector(Box::new(ScriptedSelector::new()));
    let reports = Log::default();
    let log = reports.clone();
    event_loop.set_exception_handler(move |unhandled| log.note(&*unhandled.message));
    event_loop.run_until_complete(async {
        let angry = Waker::from(Arc::new(Angry));
        let mut cx = Context::from_waker(&angry);
        let shared = Rc::new((Event::new(), Condition::new(), Lock::new(())));
        let mut told_first = Box::pin(shared.0.wait());
        assert!(told_first.as_mut().poll(&mut cx).is_pending());
        let mut notified_first = Box::pin(shared.1.wait(shared.2.acquire().await));
        assert!(notified_first.as_mut().poll(&mut cx).is_pending());
        let inner = Rc::clone(&shared);
        let second = create_task(async move {
            inner.0.wait().await;
            drop(inner.1.wait(inner.2.acquire().await).await);
        });
        yield_now().await;
        shared.0.set();
        yield_now().await;
        shared.1.notify(2);
        told_first.await;
        drop(notified_first.await);
        second.await.unwrap();
    });
    assert_eq!(reports.read(), ["in a wake", "in a wake"]);
}
