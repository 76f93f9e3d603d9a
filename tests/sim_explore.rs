//! `sim`: every order of a program's steps, the first that fails, and the way back to it.

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "common/sim_ends.rs"]
mod sim_ends;

use cases::cases;
use common::watchdog;
use proptest::prelude::*;
use sim_ends::both_hear;
use singletrack::aio::{Event, Lock, sleep, timeout};
use singletrack::create_task;
use singletrack::event_loop::{LoopHandle, Task};
use singletrack::sim::{Explorer, Failing, Order, RunEnd, Sim};
use singletrack::task::budget::yield_now;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn fails<F: Future>(explorer: Explorer, program: impl Fn(Sim) -> F) -> Failing {
    *explorer.explore(program).expect_err("some order must fail")
}

/// A balance that is read before an await and written after it; only some orders lose a deposit.
async fn deposits(sim: Sim) {
    let balance = Rc::new(Cell::new(100));
    let deposit = |name, wait| {
        let balance = Rc::clone(&balance);
        sim.spawn(name, async move {
            sleep(wait).await;
            let read = balance.get();
            yield_now().await;
            balance.set(read + 10);
        })
    };
    let both = [deposit("alice", MS), deposit("bob", 5 * MS)];
    for task in both {
        task.await.unwrap();
    }
    assert_eq!(balance.get(), 120, "a deposit is lost");
}

#[test]
fn an_await_race_is_found_though_the_loops_own_order_passes() {
    assert!(Explorer::new().replay("fifo").explore(deposits).is_ok());
    let failing = fails(Explorer::new(), deposits);
    assert!(matches!(&failing.end, RunEnd::Panicked { message, .. } if message.contains("lost")));
    assert_eq!(failing.order.deviations(), 1, "{failing}");
    assert!(failing.passed > 0);
}

#[test]
fn the_order_that_is_printed_replays_the_failure() {
    let failing = fails(Explorer::new(), deposits);
    let again = fails(Explorer::new().replay(&failing.order.to_string()), deposits);
    assert_eq!(again.end, failing.end);
    assert_eq!(again.story, failing.story);
}

#[test]
fn a_replay_says_so_when_the_order_is_not_of_this_program() {
    let misfit = |order: &str| {
        let failing = fails(Explorer::new().replay(order), |sim| async move {
            let task = sim.spawn("a", yield_now());
            sim.choose(3);
            task.await.unwrap();
        });
        assert_eq!(failing.order.to_string(), order);
        let RunEnd::Misfit(why) = failing.end else { panic!("{failing}") };
        why
    };
    assert_eq!(misfit("0:3"), "`0:3`: there were 3 candidates");
    assert_eq!(misfit("0:1 40:1"), "`40:1`: the run ended after 1 choice");
}

#[test]
fn a_program_that_does_not_do_the_same_twice_is_told_so() {
    let runs = Cell::new(0);
    let failing = fails(Explorer::new(), |_| {
        runs.set(runs.get() + 1);
        let first = runs.get() == 1;
        async move { assert!(!first, "only once") }
    });
    assert!(matches!(&failing.end, RunEnd::Misfit(why) if why.contains("only once")), "{failing}");
    // A choice less in each run: what a run has shown to be there is not there for the next.
    let runs = Cell::new(0);
    let failing = fails(Explorer::new(), |sim| {
        runs.set(runs.get() + 1);
        let choices = 4 - runs.get();
        async move { (0..choices).for_each(|_| _ = sim.choose(2)) }
    });
    assert!(matches!(failing.end, RunEnd::Misfit(_)), "{failing}");
}

/// One run of it makes these choices, and all after it those: of so many values, or among tasks.
fn chooses(sim: &Sim, choices: &[Result<usize, usize>]) -> Vec<Task<()>> {
    let mut tasks = Vec::new();
    for choice in choices {
        match *choice {
            Ok(values) => _ = sim.choose(values),
            Err(count) => tasks.extend((0..count).map(|_| sim.spawn("task", async {}))),
        }
    }
    tasks
}

#[test]
fn a_search_by_depth_notices_that_a_program_does_something_else_in_its_next_run() {
    let _watchdog = watchdog("programs that change", 60);
    let (values, tasks) = (Ok, Err);
    for (first, then) in [
        (vec![values(3)], vec![values(2)]),
        (vec![values(2)], vec![values(3)]),
        (vec![values(2), values(2)], vec![values(2)]),
        (vec![values(2), values(2)], vec![tasks(2)]),
        (vec![values(2), tasks(3)], vec![values(2), tasks(2)]),
        (vec![tasks(2)], vec![]),
        (vec![tasks(2)], vec![tasks(3)]),
        (vec![tasks(2)], vec![values(2), tasks(2)]),
    ] {
        for explorer in [Explorer::new().exhaustive(), Explorer::new().only_shared()] {
            let runs = Cell::new(0);
            let failing = fails(explorer, |sim| {
                let choices = if runs.replace(runs.get() + 1) == 0 { &first } else { &then };
                async move {
                    for task in chooses(&sim, choices) {
                        task.await.unwrap();
                    }
                }
            });
            assert!(matches!(failing.end, RunEnd::Misfit(_)), "{first:?}, {then:?}: {failing}");
        }
    }
}

#[test]
fn the_story_names_tasks_lines_and_what_was_out_of_turn() {
    let failing = fails(Explorer::new(), deposits);
    let text = failing.to_string();
    for part in ["alice", "bob", "time", "which stood first", "waits for a timer", ".replay("] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    // The line of an await of this file stands in it, where the build has line tables.
    if cfg!(debug_assertions) {
        assert!(text.contains("tests/sim_explore.rs:"), "{text}");
    }
}

/// A home-made event: a flag, and the waker of whoever waits. It looks at the flag, and only in the
/// next step leaves its waker.
#[derive(Default)]
struct Sloppy {
    set: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Sloppy {
    fn set(&self) {
        self.set.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn wait(&self) {
        if self.set.get() {
            return;
        }
        yield_now().await; // a set that comes here is lost
        let mut left = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut left, true) {
                return Poll::Ready(());
            }
            self.waker.replace(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

async fn lost_wake_up(sim: Sim) {
    let event = Rc::new(Sloppy::default());
    let sets = Rc::clone(&event);
    let setter = sim.spawn("setter", async move {
        yield_now().await;
        yield_now().await;
        sets.set();
    });
    drop(setter);
    let waits = sim.spawn("waiter", async move { event.wait().await });
    waits.await.unwrap();
}

#[test]
fn a_lost_wake_up_is_a_deadlock_that_says_who_waits() {
    let failing = fails(Explorer::new(), lost_wake_up);
    let RunEnd::Deadlock(waiting) = &failing.end else { panic!("{failing}") };
    let who: Vec<&str> = waiting.iter().map(|(who, _)| who.as_str()).collect();
    assert!(who.contains(&"waiter") && who.contains(&"main"), "{who:?}");
}

#[test]
fn every_search_finds_it() {
    for explorer in [
        Explorer::new(),
        Explorer::new().deviations(2),
        Explorer::new().random(7),
        Explorer::new().exhaustive(),
    ] {
        let failing = fails(explorer, lost_wake_up);
        assert!(matches!(failing.end, RunEnd::Deadlock(_)));
        assert!(failing.order.deviations() <= 3, "shrunk: {failing}");
    }
}

#[test]
fn a_panic_that_nobody_awaits_is_a_failure() {
    let failing = fails(Explorer::new(), |sim| async move {
        drop(sim.spawn("lonely", async { panic!("unheard") }));
        sleep(MS).await;
    });
    let RunEnd::Panicked { task, message } = &failing.end else { panic!("{failing}") };
    assert_eq!(task, "lonely");
    assert!(message.starts_with("unheard"), "{message}");
}

/// Its number has the number of its loop in it, which is another one each time.
#[test]
fn a_task_without_a_name_is_told_of_in_the_same_words_each_time() {
    let told = || {
        let failing = fails(Explorer::new(), |_| async {
            drop(create_task(async { panic!("unheard") }));
            sleep(MS).await;
        });
        failing.to_string()
    };
    assert_eq!(told(), told());
}

#[test]
fn a_program_that_never_ends_is_cut_and_fails() {
    let failing = fails(Explorer::new().steps(100), |_| async {
        loop {
            yield_now().await;
        }
    });
    assert_eq!(failing.end, RunEnd::TooLong);
}

#[test]
fn a_program_that_stops_its_own_loop_has_not_ended() {
    let yields = fails(Explorer::new(), |_| async {
        LoopHandle::current().unwrap().stop().unwrap();
        yield_now().await;
        yield_now().await;
    });
    let waits = fails(Explorer::new(), |_| async {
        LoopHandle::current().unwrap().stop().unwrap();
        pending::<()>().await;
    });
    for failing in [yields, waits] {
        let stopped = |why: &str| why.contains("stopped before the future was done");
        assert!(matches!(&failing.end, RunEnd::Failed(why) if stopped(why)), "{failing}");
    }
}

/// Its drop wants it to have been said that all is over.
#[derive(Default)]
struct MustBeOver(Cell<bool>);

impl Drop for MustBeOver {
    fn drop(&mut self) {
        assert!(self.0.get(), "it is not over");
    }
}

#[test]
fn how_a_run_ended_is_not_hidden_by_what_the_drop_of_its_root_says() {
    let deadlock = fails(Explorer::new(), |_| async {
        let _over = MustBeOver::default();
        pending::<()>().await;
    });
    assert!(matches!(&deadlock.end, RunEnd::Deadlock(_)), "{deadlock}");
    let lonely = fails(Explorer::new(), |sim| async move {
        let _over = MustBeOver::default();
        drop(sim.spawn("lonely", async { panic!("unheard") }));
        pending::<()>().await;
    });
    assert!(matches!(&lonely.end, RunEnd::Panicked { task, .. } if task == "lonely"), "{lonely}");
    // Where there is nothing else to say, it counts.
    let value = fails(Explorer::new(), |_| async { MustBeOver::default() });
    assert!(matches!(&value.end, RunEnd::Panicked { task, .. } if task == "main"), "{value}");
}

/// It was in the middle of something, and says so when it is dropped: by a guard, or by the handle of a
/// task that has panicked.
#[test]
fn a_run_that_is_cut_does_not_fail_by_what_its_drops_say() {
    let explored = Explorer::new().only_shared().explore(|sim| async move {
        let over = MustBeOver::default();
        let panics: Task<()> = sim.spawn("panics", async { panic!("heard") });
        let tasks = [1, 2].map(|_| {
            let thing = sim.shared(Cell::new(0));
            sim.spawn("task", async move {
                yield_now().await;
                thing.set(1);
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        panics.await.unwrap_err();
        over.0.set(true);
    });
    let explored = explored.unwrap_or_else(|failing| panic!("{failing}"));
    assert!(explored.complete && explored.repeated > 0, "{explored:?}");
}

#[test]
fn all_orders_of_two_tasks_are_counted() {
    // The steps of two tasks with two yields each, 3 steps a task: 6! / (3! 3!) orders, and no
    // other choice, for their parent waits for a wake that comes when both are done.
    let explored = Explorer::new().explore(|sim| async move {
        let left = Rc::new(Cell::new(2));
        let done = Rc::new(Event::new());
        for name in ["a", "b"] {
            let (left, done) = (Rc::clone(&left), Rc::clone(&done));
            drop(sim.spawn(name, async move {
                yield_now().await;
                yield_now().await;
                left.set(left.get() - 1);
                if left.get() == 0 {
                    done.set();
                }
            }));
        }
        done.wait().await;
    });
    let explored = explored.unwrap();
    assert!(explored.complete);
    assert_eq!(explored.orders, 20);
}

#[test]
fn a_bound_of_deviations_leaves_orders_out_and_says_so() {
    let program = |sim: Sim| async move {
        let tasks = ["a", "b", "c"].map(|name| sim.spawn(name, yield_now()));
        for task in tasks {
            task.await.unwrap();
        }
    };
    let all = Explorer::new().explore(program).unwrap();
    let some = Explorer::new().deviations(1).explore(program).unwrap();
    assert!(all.complete && !some.complete);
    assert!(some.orders < all.orders);
    let plain = Explorer::new().exhaustive().explore(program).unwrap();
    assert_eq!((plain.orders, plain.complete), (all.orders, true));
}

#[test]
fn what_the_program_chooses_is_explored_and_replayed() {
    let program = |sim: Sim| async move {
        let (one, other) = (sim.choose(3), sim.fails());
        sim.note(format_args!("{one}, {other}"));
        assert!(one != 2 || !other, "both");
    };
    let failing = fails(Explorer::new(), program);
    assert_eq!(failing.order.to_string(), "0:2 1:1");
    assert_eq!(failing.story.steps[0].notes, ["2, true"]);
    assert_eq!(failing.passed, 5);
}

#[test]
fn seeds_beside_each_other_draw_different_orders() {
    let drawn = |seed| {
        let seen = RefCell::new(BTreeSet::new());
        let explored = Explorer::new().random(seed).orders(100).explore(|sim| {
            let seen = &seen;
            async move { seen.borrow_mut().insert(sim.choose(1 << 30)) }
        });
        assert_eq!(explored.unwrap().orders, 100);
        seen.into_inner()
    };
    let (one, other) = (drawn(7), drawn(8));
    assert_eq!((one.len(), one.intersection(&other).count()), (100, 0));
    assert_eq!(drawn(7), one, "a seed draws the same each time");
}

#[test]
fn a_deadline_may_come_before_what_is_ready() {
    // The work needs no time, and yet a limit of an hour can end it: nothing says how long steps
    // take.
    let failing = fails(Explorer::new(), |_| async {
        let slow = async {
            yield_now().await;
            yield_now().await;
        };
        timeout(Duration::from_secs(3600)).run(slow).await.expect("in time");
    });
    assert!(failing.story.steps.iter().any(|step| step.who == "time"), "{failing}");
}

#[test]
fn both_ends_of_a_connection_are_explored_in_virtual_time() {
    let explored = Explorer::new().deviations(2).explore(|sim| async move {
        let echo = |name| {
            let (here, there) = sim.pair().unwrap();
            let echo = async move {
                let mut bytes = [0; 5];
                there.read_exact(&mut bytes).await.unwrap();
                sleep(Duration::from_secs(60)).await;
                there.write_all(&bytes).await.unwrap();
            };
            (here, sim.spawn(name, echo))
        };
        for (here, echo) in [echo("one"), echo("other")] {
            here.write_all(b"hello").await.unwrap();
            let mut bytes = [0; 5];
            here.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"hello");
            echo.await.unwrap();
        }
    });
    assert!(explored.unwrap().orders > 1);
}

#[test]
fn a_run_leaves_no_descriptor_behind() {
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let program = |sim: Sim| async move {
        let (here, _there) = sim.pair().unwrap();
        drop(sim.spawn("reader", async move { drop(here.read(&mut [0; 1]).await) }));
        yield_now().await;
    };
    Explorer::new().explore(program).unwrap();
    let before = count();
    Explorer::new().explore(program).unwrap();
    // Other tests of this process open and close descriptors meanwhile: a leak would be dozens.
    assert!(count() <= before + 10);
}

// ---- the searches beside each other ----

/// Who took each thing, in order; for each end that was reached.
type Ends = BTreeSet<Vec<Vec<u8>>>;

/// Each task a list of things that it takes in turn, an await after each; the end is who took what
/// when.
fn takes(tasks: &[Vec<u8>]) -> (Ends, usize, Ends, usize) {
    let run = |explorer: Explorer| {
        let ends = RefCell::new(BTreeSet::new());
        let program = |sim: Sim| {
            let ends = &ends;
            async move {
                let things: Vec<_> = (0..3).map(|_| sim.shared(RefCell::new(Vec::new()))).collect();
                let mut handles = Vec::new();
                for (number, list) in (0..).zip(tasks) {
                    let things = things.clone();
                    let list = list.clone();
                    handles.push(sim.spawn("taker", async move {
                        for thing in list {
                            things[usize::from(thing)].borrow_mut().push(number);
                            yield_now().await;
                        }
                    }));
                }
                for handle in handles {
                    handle.await.unwrap();
                }
                let seen = things.iter().map(|thing| thing.borrow().clone()).collect();
                ends.borrow_mut().insert(seen);
            }
        };
        let explored = explorer.orders(100_000).explore(program).unwrap();
        assert!(explored.complete);
        (ends.into_inner(), explored.orders)
    };
    let (all, plain) = run(Explorer::new().exhaustive());
    let (reduced, fewer) = run(Explorer::new().only_shared());
    (all, plain, reduced, fewer)
}

#[test]
fn steps_on_different_things_are_not_tried_in_both_orders() {
    let (all, plain, reduced, fewer) = takes(&[vec![0, 0], vec![1, 1]]);
    assert_eq!(all, reduced);
    assert!(fewer * 3 < plain, "{fewer} of {plain}");
}

#[test]
fn the_reduced_search_sees_a_cancelled_task_though_it_was_ready_before() {
    let program = |sim: Sim| async move {
        let count = sim.shared(Cell::new(0));
        let counts = count.clone();
        let worker = sim.spawn("worker", async move { counts.set(1) });
        let canceller = worker.canceller();
        let cancels = sim.spawn("cancels", async move { _ = canceller.cancel() });
        cancels.await.unwrap();
        let _ = worker.await;
        count.get()
    };
    both_hear(program, [0, 1]);
}

#[test]
fn the_reduced_search_sees_what_a_dropped_task_lets_go_of() {
    let program = |sim: Sim| async move {
        let lock = sim.shared(Lock::new(()));
        let (held, seen) = (sim.shared(Cell::new(false)), sim.shared(Cell::new((false, false))));
        let (locks, holds) = (lock.clone(), held.clone());
        let holder = sim.spawn("holder", async move {
            let _guard = locks.acquire().await;
            holds.set(true);
            std::future::pending::<()>().await;
        });
        let drops = sim.spawn("drops", async move { drop(holder.cancel_on_drop()) });
        let sees = seen.clone();
        let looks = sim.spawn("looks", async move { sees.set((held.get(), lock.locked())) });
        drops.await.unwrap();
        looks.await.unwrap();
        seen.get()
    };
    both_hear(program, [(false, false), (true, false), (true, true)]);
}

#[test]
fn the_reduced_search_sees_that_time_passes_in_a_step() {
    let program = |sim: Sim| async move {
        let (computes, looks, seen) = (sim.clone(), sim.clone(), sim.shared(Cell::new(MS)));
        let sees = seen.clone();
        let computes = sim.spawn("computes", async move { computes.compute(MS) });
        let looks = sim.spawn("looks", async move { sees.set(looks.now()) });
        computes.await.unwrap();
        looks.await.unwrap();
        seen.get()
    };
    both_hear(program, [Duration::ZERO, MS]);
}

proptest! {
    #![proptest_config(cases(24))]

    /// Sleep sets reach every end that the plain search reaches, in no more runs.
    #[test]
    fn the_reduced_search_reaches_every_end(
        tasks in prop::collection::vec(prop::collection::vec(0u8..3, 1..3), 1..4)
    ) {
        let (all, plain, reduced, fewer) = takes(&tasks);
        prop_assert_eq!(all, reduced);
        prop_assert!(fewer <= plain);
    }

    #[test]
    fn an_order_survives_its_text(choices in prop::collection::vec(0u32..4, 0..40)) {
        let order = Order::new(choices);
        prop_assert_eq!(order.to_string().parse::<Order>().unwrap(), order);
    }

    #[test]
    fn no_text_makes_the_reader_of_orders_panic(text in "[0-9: fio]{0,30}") {
        let _ = text.parse::<Order>();
    }
}

/// Nothing comes after the root's last step, and yet it has to do with the others: it ends them.
#[test]
fn the_last_step_of_the_root_is_tried_before_and_after_the_others() {
    let program = |sim: Sim| async move {
        let flag = sim.shared(Cell::new(false));
        let sets = flag.clone();
        drop(sim.spawn("setter", async move {
            yield_now().await;
            sets.set(true);
        }));
        yield_now().await;
        assert!(!flag.get(), "the setter was first");
    };
    for explorer in [Explorer::new().exhaustive(), Explorer::new().only_shared()] {
        fails(explorer, program);
    }
}
