//! The locks, queues, groups, streams and servers of `aio`, in the orders that a loop could run them in,
//! with cancellations and errors wherever they may come. And what a simulated run is worth: it is the same
//! twice, and comes to what a real one comes to.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::cases;
use common::watchdog;
use proptest::prelude::*;
use singletrack::EventLoop;
use singletrack::aio::{
    Barrier, Condition, Event, Lock, Queue, Semaphore, StreamReader, StreamWriter, TaskGroup,
    TimedOut, UnixListener, UnixStream, gather, sleep, split, start_server, timeout,
};
use singletrack::create_task;
use singletrack::sim::{Explored, Explorer, Sim};
use singletrack::task::budget::yield_now;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::rc::Rc;
use std::time::Duration;

type Reader = StreamReader<std::os::unix::net::UnixStream>;
type Writer = StreamWriter<std::os::unix::net::UnixStream>;

const MS: Duration = Duration::from_millis(1);

/// Every order with so many deviations passes.
fn passes<F: Future>(deviations: usize, program: impl Fn(Sim) -> F) -> Explored {
    let explorer = Explorer::new().deviations(deviations).orders(20_000);
    let explored = explorer.explore(program).unwrap_or_else(|failing| panic!("{failing}"));
    assert!(explored.orders > 1, "there was nothing to choose");
    explored
}

#[test]
fn a_queue_keeps_its_order_and_loses_nothing_whoever_goes_first() {
    passes(4, |sim| async move {
        let queue = Rc::new(Queue::new(1));
        let puts = Rc::clone(&queue);
        let producer = sim.spawn("producer", async move {
            for item in 0..3 {
                puts.put(item).await.unwrap();
            }
        });
        for item in 0..3 {
            yield_now().await;
            assert_eq!(queue.get().await.unwrap(), item);
        }
        producer.await.unwrap();
    });
}

#[test]
fn an_item_whose_getter_is_cancelled_goes_to_another() {
    passes(4, |sim| async move {
        let queue = Rc::new(Queue::new(0));
        let gets = |name| {
            let queue = Rc::clone(&queue);
            sim.spawn(name, async move { queue.get().await.unwrap() })
        };
        let (first, second) = (gets("first"), gets("second"));
        let puts = Rc::clone(&queue);
        let producer = sim.spawn("producer", async move { puts.put(7).await.unwrap() });
        yield_now().await;
        first.cancel();
        producer.await.unwrap();
        match first.await {
            Ok(item) => {
                assert_eq!(item, 7);
                second.cancel();
            }
            Err(_) => assert_eq!(second.await.unwrap(), 7),
        }
    });
}

#[test]
fn a_cancelled_waiter_hands_the_lock_on() {
    let explored = passes(3, |sim| async move {
        let lock = Rc::new(Lock::new(0));
        let adds = |name| {
            let lock = Rc::clone(&lock);
            sim.spawn(name, async move {
                let mut count = lock.acquire().await;
                yield_now().await;
                *count += 1;
            })
        };
        let (first, second, third) = (adds("first"), adds("second"), adds("third"));
        yield_now().await;
        second.cancel();
        first.await.unwrap();
        let cancelled = second.await.is_err();
        third.await.unwrap();
        assert_eq!(*lock.acquire().await, if cancelled { 2 } else { 3 });
    });
    assert!(explored.orders > 100);
}

#[test]
fn a_semaphore_never_has_more_holders_than_permits_and_forgets_none() {
    passes(3, |sim| async move {
        let permits = Rc::new(Semaphore::new(2));
        let inside = Rc::new(Cell::new(0));
        let tasks = ["a", "b", "c", "d"].map(|name| {
            let (permits, inside) = (Rc::clone(&permits), Rc::clone(&inside));
            sim.spawn(name, async move {
                let _permit = permits.acquire().await;
                inside.set(inside.get() + 1);
                assert!(inside.get() <= 2);
                yield_now().await;
                inside.set(inside.get() - 1);
            })
        });
        tasks[1].cancel();
        for task in tasks {
            let _ = task.await; // one of them may be cancelled, inside as well
        }
        assert_eq!(permits.value(), 2);
    });
}

#[test]
fn a_condition_wakes_whoever_waits_for_the_change() {
    passes(3, |sim| async move {
        let shared = Rc::new((Lock::new(0), Condition::new()));
        let waits = |name, level| {
            let shared = Rc::clone(&shared);
            sim.spawn(name, async move {
                let (lock, changed) = &*shared;
                let guard = lock.acquire().await;
                let guard = changed.wait_for(guard, |count| *count >= level).await;
                assert!(*guard >= level);
            })
        };
        let (low, high) = (waits("low", 1), waits("high", 2));
        for _ in 0..2 {
            let (lock, changed) = &*shared;
            *lock.acquire().await += 1;
            changed.notify_all();
            yield_now().await;
        }
        low.await.unwrap();
        high.await.unwrap();
    });
}

#[test]
fn a_notification_whose_waiter_is_cancelled_goes_to_the_next() {
    passes(3, |sim| async move {
        let shared = Rc::new((Lock::new(0), Condition::new()));
        let waits = |name| {
            let shared = Rc::clone(&shared);
            sim.spawn(name, async move {
                let mut guard = shared.0.acquire().await;
                *guard += 1;
                drop(shared.1.wait(guard).await);
            })
        };
        let (first, second) = (waits("first"), waits("second"));
        let mut guard = shared.0.acquire().await;
        while *guard < 2 {
            drop(guard);
            yield_now().await;
            guard = shared.0.acquire().await;
        }
        shared.1.notify(1);
        drop(guard);
        if sim.fails() {
            yield_now().await;
        }
        first.cancel();
        match first.await {
            Ok(()) => assert!(second.cancel(), "there was one notification"),
            Err(_) => second.await.unwrap(),
        }
    });
}

#[test]
fn a_queue_that_is_shut_down_ends_all_waits_and_keeps_what_was_put() {
    passes(3, |sim| async move {
        let (queue, put, got) =
            (Rc::new(Queue::new(1)), Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let puts = |name| {
            let (queue, put) = (Rc::clone(&queue), Rc::clone(&put));
            sim.spawn(name, async move {
                while queue.put(()).await.is_ok() {
                    put.update(|count| count + 1);
                }
            })
        };
        let (from, gets) = (Rc::clone(&queue), Rc::clone(&got));
        let getter = sim.spawn("getter", async move {
            while from.get().await.is_ok() {
                gets.update(|count| count + 1);
                if gets.get() == 2 {
                    sleep(2 * MS).await; // so that the putters wait
                }
            }
        });
        let putters = [puts("a"), puts("b")];
        sleep(MS).await;
        queue.shutdown(false);
        gather(putters).await.unwrap();
        getter.await.unwrap();
        assert_eq!(got.get(), put.get());
    });
}

#[test]
fn all_parties_of_a_barrier_go_on_or_all_learn_that_it_broke() {
    passes(3, |sim| async move {
        let barrier = Rc::new(Barrier::new(3));
        let party = |name| {
            let barrier = Rc::clone(&barrier);
            sim.spawn(name, async move { barrier.wait().await })
        };
        let parties = [party("a"), party("b"), party("c")];
        if sim.fails() {
            yield_now().await;
            barrier.abort();
        }
        let mut passed = Vec::new();
        for task in parties {
            if let Ok(number) = task.await.unwrap() {
                passed.push(number);
            }
        }
        passed.sort_unstable();
        assert!(passed.is_empty() || passed == [0, 1, 2], "{passed:?}");
    });
}

#[test]
fn an_event_that_is_set_and_cleared_at_once_still_wakes_those_who_waited() {
    passes(3, |sim| async move {
        let event = Rc::new(Event::new());
        let waits = |name| {
            let event = Rc::clone(&event);
            sim.spawn(name, async move { event.wait().await })
        };
        let waiters = [waits("a"), waits("b")];
        sleep(MS).await;
        let late = sim.spawn("late", {
            let event = Rc::clone(&event);
            async move { event.wait().await }
        });
        event.set();
        event.clear();
        // Whoever came before the `set` goes on; whoever comes after waits for the next.
        event.set();
        gather(waiters).await.unwrap();
        late.await.unwrap();
    });
}

#[test]
fn a_limit_ends_its_work_or_lets_it_be_never_both() {
    passes(3, |sim| async move {
        let finished = Rc::new(Cell::new(false));
        let finishes = Rc::clone(&finished);
        let work = sim.spawn("work", async move {
            sleep(2 * MS).await;
            finishes.set(true);
        });
        let limited = timeout(2 * MS).run(work.cancel_on_drop()).await;
        yield_now().await;
        assert_eq!(limited.is_ok(), finished.get());
    });
}

#[test]
fn when_one_of_a_group_fails_none_is_left_behind() {
    passes(3, |sim| async move {
        let alive = Rc::new(Cell::new(0));
        let member = |fails: bool| {
            let alive = Rc::clone(&alive);
            async move {
                struct Leaves(Rc<Cell<i32>>);
                impl Drop for Leaves {
                    fn drop(&mut self) {
                        self.0.set(self.0.get() - 1);
                    }
                }
                alive.set(alive.get() + 1);
                let _leaves = Leaves(alive);
                yield_now().await;
                sleep(MS).await;
                if fails { Err("failed") } else { Ok(()) }
            }
        };
        let which = sim.choose(3);
        let ended = TaskGroup::run(async |group| {
            for place in 0..3 {
                let _ = group.create_task(member(place == which));
            }
            Ok(())
        });
        assert!(ended.await.is_err());
        assert_eq!(alive.get(), 0);
    });
}

#[test]
fn a_group_that_is_cancelled_from_outside_ends_when_all_its_members_have() {
    passes(3, |sim| async move {
        let alive = Rc::new(Cell::new(0));
        let members = Rc::clone(&alive);
        let group = sim.spawn("group", async move {
            TaskGroup::run(async |group| {
                for _ in 0..2 {
                    let alive = Rc::clone(&members);
                    let _ = group.create_task(async move {
                        struct Leaves(Rc<Cell<i32>>);
                        impl Drop for Leaves {
                            fn drop(&mut self) {
                                self.0.update(|count| count - 1);
                            }
                        }
                        alive.update(|count| count + 1);
                        let _leaves = Leaves(alive);
                        yield_now().await;
                        sleep(MS).await;
                        Ok::<(), ()>(())
                    });
                }
                yield_now().await;
                Ok(())
            })
            .await
        });
        yield_now().await;
        if sim.fails() {
            sleep(MS).await;
        }
        group.cancel();
        let _ = group.await; // cancelled, or done before
        assert_eq!(alive.get(), 0);
    });
}

#[test]
fn lines_come_whole_and_in_order_however_they_were_cut() {
    passes(2, |sim| async move {
        let (here, there) = sim.pair().unwrap();
        let writes = sim.spawn("writer", async move {
            for piece in [&b"one\ntw"[..], b"o\nthr", b"ee\n"] {
                there.write_all(piece).await.unwrap();
                yield_now().await;
            }
        });
        let (mut reader, _writer) = split(here);
        for line in [&b"one\n"[..], b"two\n", b"three\n", b""] {
            assert_eq!(reader.readline().await.unwrap(), line);
        }
        writes.await.unwrap();
    });
}

#[test]
fn a_server_answers_whoever_came_before_it_closed_and_then_has_no_connection() {
    let path = std::env::temp_dir().join(format!("{}-sim-server", std::process::id()));
    passes(1, |sim| {
        let path = path.clone();
        async move {
            let _ = std::fs::remove_file(&path);
            let listener = UnixListener::bind(&path).unwrap();
            let server = start_server(listener, async |mut reader: Reader, writer: Writer| {
                let line = reader.readline().await.unwrap();
                let _ = writer.write(&line);
                writer.close();
            });
            let clients = ["a", "b"].map(|name| {
                let path = path.clone();
                sim.spawn(name, async move {
                    let stream = UnixStream::connect(&path).await.unwrap();
                    stream.write_all(b"hello\n").await.unwrap();
                    let mut answer = [0; 6];
                    stream.read_exact(&mut answer).await.unwrap();
                    assert_eq!(&answer, b"hello\n");
                })
            });
            gather(clients).await.unwrap();
            server.close();
            server.wait_closed().await;
            assert_eq!(server.connections(), 0);
        }
    });
    let _ = std::fs::remove_file(&path);
}

/// Shows D1.
#[cfg(feature = "cli")]
#[test]
fn a_world_is_the_same_to_the_last_line_of_its_log_each_time_and_on_any_thread() {
    use singletrack::lab::seeds::{log::Log, world::world};
    let lived = |seed| {
        let log = Log::new(false);
        let explored =
            Explorer::new().random(seed).orders(1).explore(|sim| world(sim, log.clone()));
        assert!(explored.is_ok(), "seed {seed}");
        (log.count(), log.hash())
    };
    let first: Vec<(u64, u64)> = (0..4).map(lived).collect();
    let all: BTreeSet<_> = first.iter().collect();
    assert_eq!(all.len(), first.len(), "other seeds, other worlds");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert_eq!((0..4).map(lived).collect::<Vec<_>>(), first);
                }
            });
        }
    });
}

/// What a task does whose order among others makes no difference.
#[derive(Debug, Clone, Copy)]
enum Act {
    Rest,
    Sleep(u8),
    /// Reads and writes, with a rest between, under the lock.
    Add(u8),
    Put(u8),
    /// There and back through a socket.
    Echo(u8),
    /// Waits for a task of its own.
    Ask(u8),
    /// A limit passes.
    TooLate,
}

fn acts() -> impl Strategy<Value = Vec<Vec<Act>>> {
    let act = prop_oneof![
        Just(Act::Rest),
        (0u8..3).prop_map(Act::Sleep),
        any::<u8>().prop_map(Act::Add),
        any::<u8>().prop_map(Act::Put),
        any::<u8>().prop_map(Act::Echo),
        any::<u8>().prop_map(Act::Ask),
        Just(Act::TooLate),
    ];
    prop::collection::vec(prop::collection::vec(act, 0..6), 1..5)
}

/// What they share, and what each has seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ended {
    total: u64,
    items: Vec<u8>,
    seen: Vec<Vec<u8>>,
}

async fn without_races(tasks: Vec<Vec<Act>>) -> Ended {
    let (total, queue) = (Rc::new(Lock::new(0)), Rc::new(Queue::new(0)));
    let lives = tasks.into_iter().map(|acts| {
        let (total, queue) = (Rc::clone(&total), Rc::clone(&queue));
        create_task(async move {
            let mut seen = Vec::new();
            for act in acts {
                live(act, &total, &queue, &mut seen).await;
            }
            seen
        })
    });
    let seen = gather(lives.collect::<Vec<_>>()).await.unwrap();
    let mut items: Vec<u8> = std::iter::from_fn(|| queue.get_nowait().ok()).collect();
    items.sort_unstable();
    let total = *total.acquire().await;
    Ended { total, items, seen }
}

async fn live(act: Act, total: &Lock<u64>, queue: &Queue<u8>, seen: &mut Vec<u8>) {
    match act {
        Act::Rest => yield_now().await,
        Act::Sleep(ms) => sleep(u32::from(ms) * MS).await,
        Act::Add(n) => {
            let mut total = total.acquire().await;
            let read = *total;
            yield_now().await;
            *total = read + u64::from(n);
        }
        Act::Put(n) => queue.put(n).await.unwrap(),
        Act::Echo(n) => {
            let (here, there) = UnixStream::pair().unwrap();
            let echo = create_task(async move {
                let mut byte = [0];
                there.read_exact(&mut byte).await.unwrap();
                there.write_all(&byte).await.unwrap();
            });
            here.write_all(&[n]).await.unwrap();
            let mut byte = [0];
            here.read_exact(&mut byte).await.unwrap();
            echo.await.unwrap();
            seen.push(byte[0]);
        }
        Act::Ask(n) => seen.push(create_task(async move { n / 2 }).await.unwrap()),
        Act::TooLate => {
            let limited = timeout(MS).run(pending::<()>()).await;
            seen.push(u8::from(limited == Err(TimedOut)));
        }
    }
}

proptest! {
    #![proptest_config(cases(64))]

    /// Shows D3.
    #[test]
    fn a_program_without_races_comes_to_the_same_in_any_simulated_order_and_on_the_real_loop(
        tasks in acts(),
        seed in any::<u64>(),
    ) {
        let _dog = watchdog("a program without races", 60);
        let ends = RefCell::new(BTreeSet::new());
        for explorer in [Explorer::new().replay("fifo"), Explorer::new().random(seed).orders(10)] {
            let program = |_: Sim| async {
                let end = without_races(tasks.clone()).await;
                ends.borrow_mut().insert(end);
            };
            explorer.explore(program).unwrap_or_else(|failing| panic!("{failing}"));
        }
        let real = EventLoop::new().unwrap().run_until_complete(without_races(tasks.clone()));
        prop_assert_eq!(ends.into_inner(), BTreeSet::from([real]));
    }
}
