//! `Explorer::only_shared` beside `Explorer::exhaustive`: programs of tasks that meet through handles,
//! groups and shared things come to the same ends, though fewer orders are tried.

#[path = "common/cases.rs"]
mod cases;
mod common;
#[path = "sim_reduction/programs.rs"]
mod programs;
#[path = "common/sim_ends.rs"]
mod sim_ends;

use cases::cases;
use common::watchdog;
use programs::{program, run};
use proptest::prelude::*;
use sim_ends::{both_hear, ends};
use singletrack::aio::{AsCompleted, Either, Lock, TaskGroup, as_completed, race};
use singletrack::event_loop::create_eager_task;
use singletrack::event_loop::join::Task;
use singletrack::sim::{Explorer, Shared, Sim};
use singletrack::task::budget::yield_now;
use std::cell::RefCell;

/// Programs of more orders than this are left out of the random ones.
const MOST: usize = 2_000;

async fn first_of(mut one: Task<()>, mut other: Task<()>) -> &'static str {
    let first = match race(&mut other, &mut one).await {
        Either::First(_) => "other",
        Either::Second(_) => "one",
    };
    // The other one is awaited too: there the order that ran first is over.
    if first == "one" {
        other.await.unwrap()
    } else {
        one.await.unwrap()
    }
    first
}

#[test]
fn a_task_ends_before_or_after_its_awaiter_looks_though_that_is_ready() {
    let _watchdog = watchdog("a race of two handles", 60);
    let program = |sim: Sim| async move {
        let (one, other) = (sim.spawn("one", async {}), sim.spawn("other", async {}));
        first_of(one, other).await
    };
    both_hear(program, ["one", "other"]);
}

#[test]
fn a_task_ends_before_or_after_another_task_looks_for_the_first_time() {
    let _watchdog = watchdog("a race of two handles in a task", 60);
    let program = |sim: Sim| async move {
        let (one, other) = (sim.spawn("one", async {}), sim.spawn("other", async {}));
        sim.spawn("third", first_of(one, other)).await.unwrap()
    };
    both_hear(program, ["one", "other"]);
}

#[test]
fn whether_a_task_is_done_is_asked_before_and_after_its_end() {
    let _watchdog = watchdog("looks at a handle", 60);
    let program = |sim: Sim| async move {
        let task = sim.spawn("task", async { 7 });
        let looks = sim.spawn("looks", async move { (task.done(), task.peek(|value| *value)) });
        looks.await.unwrap()
    };
    both_hear(program, [(false, None), (true, Some(7))]);
}

/// Each is given out in the order in which they end, though whoever waits is woken once.
#[test]
fn tasks_that_are_awaited_together_end_in_every_order() {
    let _watchdog = watchdog("as_completed, looked at late", 60);
    let program = |sim: Sim| async move {
        let tasks = [1, 2].map(|number| sim.spawn("task", async move { number }));
        given_out_at_first(as_completed(tasks)).await
    };
    both_hear(program, [vec![1], vec![2], vec![1, 2], vec![2, 1]]);
}

/// Those that are given out in the step in which the first is.
async fn given_out_at_first(mut completed: AsCompleted<i32>) -> Vec<i32> {
    let first = completed.next().await.unwrap().await.unwrap();
    let second = async { completed.next().await.unwrap().await.unwrap() };
    match race(second, async {}).await {
        Either::First(second) => vec![first, second],
        Either::Second(()) => vec![first],
    }
}

#[test]
fn the_errors_of_a_group_come_in_every_order() {
    let _watchdog = watchdog("a group that fails twice", 60);
    let program = |_: Sim| async move {
        let run = TaskGroup::run(async |group| {
            let fails = |number| group.create_task(async move { Err::<(), i32>(number) });
            let _tasks = [fails(1).unwrap(), fails(2).unwrap()];
            Ok(())
        });
        format!("{:?}", run.await.unwrap_err().0)
    };
    let all = ["[Failed(1)]", "[Failed(2)]", "[Failed(1), Failed(2)]", "[Failed(2), Failed(1)]"];
    both_hear(program, all.map(str::to_owned));
}

/// An eager task's first step is part of its maker's; what it holds then it holds by itself.
#[test]
fn what_an_eager_task_took_in_its_first_step_it_lets_go_of_in_another() {
    let _watchdog = watchdog("an eager holder", 60);
    let program = |sim: Sim| async move {
        let lock = sim.shared(Lock::new(()));
        let (holds, looks) = (lock.clone(), lock);
        let holder = create_eager_task(async move {
            let _guard = holds.acquire().await;
            yield_now().await;
        });
        let looker = sim.spawn("looks", async move { looks.locked() });
        let locked = looker.await.unwrap();
        holder.await.unwrap();
        locked
    };
    both_hear(program, [false, true]);
}

/// The value of a task goes with its handle, or with the task if that is gone.
#[test]
fn a_value_is_dropped_where_the_last_of_task_and_handle_is() {
    struct Says(Shared<RefCell<Vec<i32>>>);
    impl Drop for Says {
        fn drop(&mut self) {
            self.0.borrow_mut().push(1);
        }
    }
    let _watchdog = watchdog("a dropped value", 60);
    let program = |sim: Sim| async move {
        let said = sim.shared(RefCell::new(Vec::new()));
        let value = said.clone();
        let task = sim.spawn("task", async move { Says(value) });
        let drops = sim.spawn("drops", async move { drop(task) });
        let says = said.clone();
        let other = sim.spawn("other", async move { says.borrow_mut().push(2) });
        drops.await.unwrap();
        other.await.unwrap();
        said.borrow().clone()
    };
    both_hear(program, [vec![2], vec![1, 2], vec![2, 1]]);
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn a_program_comes_to_the_same_ends_by_the_reduced_search(program in program()) {
        let _watchdog = watchdog("the searches beside each other", 300);
        let run = run(program);
        let all = ends(Explorer::new().exhaustive().orders(MOST), &run);
        prop_assume!(all.is_some());
        let reduced = ends(Explorer::new().only_shared().orders(MOST), &run);
        prop_assert_eq!(&reduced, &all);
        let deviating = ends(Explorer::new().orders(MOST), &run);
        prop_assert_eq!(deviating, all);
    }
}
