//! `Explorer::only_shared` beside `Explorer::exhaustive`: programs of tasks that meet through handles,
//! groups and shared things come to the same ends, though fewer orders are tried.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::cases;
use common::watchdog;
use proptest::prelude::*;
use singletrack::aio::{
    Either, Event, Lock, Queue, Semaphore, TaskGroup, as_completed, gather_outcomes, race, sleep,
    timeout,
};
use singletrack::create_task;
use singletrack::event_loop::create_eager_task;
use singletrack::event_loop::join::{Task, TaskCanceller};
use singletrack::sim::{Explorer, Shared, Sim};
use singletrack::task::budget::yield_now;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// What a program says at its end over all orders, or that some order fails; `None` if there are more
/// orders than anyone wants to wait for.
fn ends<T: Ord, F: Future<Output = T>>(
    explorer: Explorer,
    program: impl Fn(Sim) -> F,
) -> Option<Result<BTreeSet<T>, ()>> {
    let said = RefCell::new(BTreeSet::new());
    let explored = explorer.explore(|sim| {
        let (said, program) = (&said, program(sim));
        async move {
            let heard = program.await;
            said.borrow_mut().insert(heard);
        }
    });
    match explored {
        Ok(explored) => explored.complete.then(|| Ok(said.into_inner())),
        Err(_) => Some(Err(())),
    }
}

/// All that the plain search hears, which the reduced one has to hear too.
fn both_hear<T: Ord + std::fmt::Debug, F: Future<Output = T>>(
    program: impl Fn(Sim) -> F,
    all: impl IntoIterator<Item = T>,
) {
    let all = Some(Ok(all.into_iter().collect()));
    assert_eq!(ends(Explorer::new().exhaustive(), &program), all);
    assert_eq!(ends(Explorer::new().only_shared(), &program), all);
}

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
    let _watchdog = watchdog("as_completed", 60);
    let program = |sim: Sim| async move {
        let tasks = [1, 2].map(|number| sim.spawn("task", async move { number }));
        let steps = Rc::new(Cell::new(0));
        let mut completed = as_completed(tasks);
        let mut order = Vec::new();
        while let Some(task) = completed.next().await {
            order.push((task.await.unwrap(), steps.replace(0)));
            if order.len() == 1 {
                yield_now().await;
            }
        }
        order
    };
    both_hear(program, [vec![(1, 0), (2, 0)], vec![(2, 0), (1, 0)]]);
}

#[test]
fn both_done_at_the_first_look_may_stand_in_either_order() {
    let _watchdog = watchdog("as_completed, looked at late", 60);
    let program = |sim: Sim| async move {
        let tasks = [1, 2].map(|number| sim.spawn("task", async move { number }));
        let together = gather_first_look(as_completed(tasks));
        together.await
    };
    let all = [vec![1], vec![2], vec![1, 2], vec![2, 1]];
    both_hear(program, all);
}

/// Those that are given out in the step in which the first is.
async fn gather_first_look(mut completed: singletrack::aio::AsCompleted<i32>) -> Vec<i32> {
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

// ---- random programs ----

/// What a task does in turn. Its log is its own, and comes out with its end.
#[derive(Debug, Clone)]
enum Deed {
    Yields,
    Adds(usize),
    Looks(usize),
    Locks,
    LooksAtLock,
    Puts,
    Gets,
    Sets,
    WaitsALittle,
    WaitsInTime,
    TakesPermit,
    Sleeps,
    Computes,
    Cancels(usize),
    Eager(Vec<Deed>),
    Spawns(Vec<Deed>),
    Panics,
}

#[derive(Debug, Clone)]
enum Join {
    InTurn,
    Backwards,
    Race,
    Completed,
    Gather,
    Looks,
    Drops,
    Group,
}

#[derive(Debug, Clone)]
struct Program {
    tasks: Vec<Vec<Deed>>,
    join: Join,
    /// Whether a task of its own joins them, and not the root.
    apart: bool,
}

#[derive(Clone)]
struct World {
    sim: Sim,
    cells: [Shared<Cell<u32>>; 2],
    lock: Shared<Lock<u32>>,
    queue: Shared<Queue<u32>>,
    event: Shared<Event>,
    permits: Shared<Semaphore>,
    cancellers: Shared<RefCell<Vec<TaskCanceller>>>,
}

impl World {
    fn new(sim: &Sim) -> World {
        World {
            sim: sim.clone(),
            cells: [0, 0].map(|zero| sim.shared(Cell::new(zero))),
            lock: sim.shared(Lock::new(0)),
            queue: sim.shared(Queue::new(0)),
            event: sim.shared(Event::new()),
            permits: sim.shared(Semaphore::new(1)),
            cancellers: sim.shared(RefCell::default()),
        }
    }
}

type Log = Vec<String>;

fn does(world: World, me: u32, deeds: Vec<Deed>) -> Pin<Box<dyn Future<Output = Log>>> {
    Box::pin(async move {
        let mut log = Log::new();
        for deed in deeds {
            if let Some(said) = deed_of(&world, me, deed).await {
                log.push(said);
            }
        }
        log
    })
}

async fn deed_of(world: &World, me: u32, deed: Deed) -> Option<String> {
    match deed {
        Deed::Yields => yield_now().await,
        Deed::Adds(cell) => world.cells[cell].set(world.cells[cell].get() * 4 + me),
        Deed::Looks(cell) => return Some(world.cells[cell].get().to_string()),
        Deed::Locks => {
            let mut guard = world.lock.acquire().await;
            yield_now().await;
            *guard = *guard * 4 + me;
            return Some(guard.to_string());
        }
        Deed::LooksAtLock => return Some(world.lock.locked().to_string()),
        Deed::Puts => world.queue.put_nowait(me).unwrap(),
        Deed::Gets => return Some(format!("{:?}", world.queue.get_nowait().ok())),
        Deed::Sets => world.event.set(),
        Deed::WaitsALittle => {
            let waited = race(world.event.wait(), yield_now()).await;
            return Some(format!("{}", matches!(waited, Either::First(()))));
        }
        Deed::WaitsInTime => {
            let waited = timeout(MS).run(world.queue.get()).await;
            return Some(format!("{:?}", waited.ok().map(Result::ok)));
        }
        Deed::TakesPermit => {
            let _permit = world.permits.acquire().await;
            yield_now().await;
        }
        Deed::Sleeps => sleep(MS).await,
        Deed::Computes => world.sim.compute(MS),
        Deed::Cancels(task) => {
            let canceller = world.cancellers.borrow().get(task).copied();
            canceller.map(|canceller| canceller.cancel());
        }
        Deed::Eager(deeds) => {
            let task = create_eager_task(does(world.clone(), me, deeds));
            return Some(format!("{} {:?}", task.done(), task.await.ok()));
        }
        Deed::Spawns(deeds) => {
            let task = create_task(does(world.clone(), me, deeds));
            yield_now().await;
            return Some(format!("{} {:?}", task.done(), task.await.ok()));
        }
        Deed::Panics => panic!("deed"),
    }
    None
}

async fn joins(join: Join, mut tasks: Vec<Task<Log>>) -> Log {
    let mut said = Log::new();
    match join {
        Join::InTurn => {}
        Join::Backwards => tasks.reverse(),
        Join::Race if tasks.len() > 1 => {
            let (one, others) = tasks.split_first_mut().unwrap();
            said.push(format!("{}", matches!(race(one, &mut others[0]).await, Either::First(_))));
            return said;
        }
        Join::Race => {}
        Join::Completed => {
            let mut completed = as_completed(tasks);
            while let Some(task) = completed.next().await {
                said.push(format!("{:?}", task.await.ok()));
            }
            return said;
        }
        Join::Gather => {
            let outcomes = gather_outcomes(tasks).await;
            return outcomes.into_iter().map(|outcome| format!("{:?}", outcome.ok())).collect();
        }
        Join::Looks => {
            said.push(format!("{:?}", tasks.iter().map(Task::done).collect::<Vec<_>>()));
            yield_now().await;
            said.push(format!("{:?}", tasks.iter().map(Task::panicked).collect::<Vec<_>>()));
        }
        Join::Drops => {
            drop(tasks.swap_remove(0).cancel_on_drop());
        }
        Join::Group => unreachable!("it makes its tasks itself"),
    }
    for task in tasks {
        said.push(format!("{:?}", task.await.ok()));
    }
    said
}

async fn runs(program: Program, world: World) -> Log {
    let Program { tasks, join, .. } = program;
    if let Join::Group = join {
        let run = TaskGroup::run(async |group: TaskGroup<Log>| {
            for (me, deeds) in (1..).zip(tasks) {
                let does = does(world.clone(), me, deeds);
                // One that has anything to say fails.
                let task = group.create_task(async move {
                    let log = does.await;
                    if log.is_empty() { Ok(()) } else { Err(log) }
                });
                if let Ok(task) = task {
                    world.cancellers.borrow_mut().push(task.canceller());
                }
            }
            Ok(())
        });
        return vec![format!("{:?}", run.await.map_err(|errors| errors.0.len()))];
    }
    let spawn = |(me, deeds)| {
        let task = world.sim.spawn("task", does(world.clone(), me, deeds));
        world.cancellers.borrow_mut().push(task.canceller());
        task
    };
    let tasks = (1..).zip(tasks).map(spawn).collect();
    joins(join, tasks).await
}

fn run(program: Program) -> impl Fn(Sim) -> Pin<Box<dyn Future<Output = (Log, [u32; 2])>>> {
    move |sim| {
        let program = program.clone();
        Box::pin(async move {
            let world = World::new(&sim);
            let cells = world.cells.clone();
            let apart = program.apart;
            let runs = runs(program, world);
            let said = if apart { sim.spawn("joins", runs).await.unwrap() } else { runs.await };
            (said, cells.map(|cell| cell.get()))
        })
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    let leaf = prop_oneof![
        3 => Just(Deed::Yields),
        3 => (0..2usize).prop_map(Deed::Adds),
        3 => (0..2usize).prop_map(Deed::Looks),
        2 => Just(Deed::Locks),
        2 => Just(Deed::LooksAtLock),
        2 => Just(Deed::Puts),
        2 => Just(Deed::Gets),
        2 => Just(Deed::Sets),
        2 => Just(Deed::WaitsALittle),
        1 => Just(Deed::WaitsInTime),
        2 => Just(Deed::TakesPermit),
        1 => Just(Deed::Sleeps),
        1 => Just(Deed::Computes),
        2 => (0..3usize).prop_map(Deed::Cancels),
        1 => Just(Deed::Panics),
    ];
    leaf.prop_recursive(1, 3, 2, |deed| {
        prop_oneof![
            prop::collection::vec(deed.clone(), 0..3).prop_map(Deed::Eager),
            prop::collection::vec(deed, 0..3).prop_map(Deed::Spawns),
        ]
    })
}

fn program() -> impl Strategy<Value = Program> {
    let join = prop_oneof![
        1 => Just(Join::InTurn),
        1 => Just(Join::Backwards),
        3 => Just(Join::Race),
        2 => Just(Join::Completed),
        1 => Just(Join::Gather),
        2 => Just(Join::Looks),
        1 => Just(Join::Drops),
        2 => Just(Join::Group),
    ];
    let tasks = prop::collection::vec(prop::collection::vec(deed(), 0..3), 1..4);
    (tasks, join, any::<bool>()).prop_map(|(tasks, join, apart)| Program { tasks, join, apart })
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_program_comes_to_the_same_ends_by_the_reduced_search(program in program()) {
        let _watchdog = watchdog("the searches beside each other", 300);
        let run = run(program);
        let all = ends(Explorer::new().exhaustive().orders(4_000), &run);
        prop_assume!(all.is_some());
        let reduced = ends(Explorer::new().only_shared().orders(4_000), &run);
        prop_assert_eq!(reduced, all);
    }
}
