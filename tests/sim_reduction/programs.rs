//! Random programs of tasks that meet through handles, groups and shared things: what each says at its
//! end.

use proptest::prelude::*;
use singletrack::aio::{
    Condition, Either, Event, Lock, Queue, Semaphore, TaskGroup, as_completed, gather_outcomes,
    race, sleep, timeout,
};
use singletrack::create_task;
use singletrack::event_loop::create_eager_task;
use singletrack::event_loop::join::{Task, TaskCanceller};
use singletrack::sim::{Shared, Sim};
use singletrack::task::budget::yield_now;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

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
    Chooses,
    /// Whether a task that was made before is done.
    Asks(usize),
    /// What is to be called at the end of it adds to a cell.
    CallsBack(usize),
    Notifies,
    WaitsForChange,
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
    /// The handles are everybody's, and nobody awaits them.
    Asks,
}

#[derive(Debug, Clone)]
pub struct Program {
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
    changed: Shared<Condition>,
    /// Handles of the tasks that were made before.
    before: Vec<Rc<Task<Log>>>,
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
            changed: sim.shared(Condition::new()),
            before: Vec::new(),
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
        Deed::Chooses => return Some(format!("{}", world.sim.choose(2))),
        Deed::Notifies => {
            *world.lock.acquire().await += 1;
            world.changed.notify(1);
        }
        Deed::WaitsForChange => {
            let guard = world.lock.acquire().await;
            let waited = timeout(MS).run(world.changed.wait(guard)).await;
            return Some(format!("{:?}", waited.map(|guard| *guard).ok()));
        }
        with_tasks => return deed_with_tasks(world, me, with_tasks).await,
    }
    None
}

async fn deed_with_tasks(world: &World, me: u32, deed: Deed) -> Option<String> {
    match deed {
        Deed::Asks(task) => return Some(format!("{:?}", world.before.get(task).map(|t| t.done()))),
        Deed::CallsBack(task) => {
            let cell = world.cells[0].clone();
            let adds = move || cell.set(cell.get() * 4 + me);
            if let Some(task) = world.before.get(task) {
                task.add_done_callback(adds);
            }
        }
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
        other => unreachable!("{other:?}"),
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
        Join::Group | Join::Asks => unreachable!("it makes its tasks itself"),
    }
    for task in tasks {
        said.push(format!("{:?}", task.await.ok()));
    }
    said
}

async fn runs(program: Program, mut world: World) -> Log {
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
    let mut spawn = |(me, deeds)| {
        let task = world.sim.spawn("task", does(world.clone(), me, deeds));
        world.cancellers.borrow_mut().push(task.canceller());
        if let Join::Asks = join {
            world.before.push(Rc::new(task));
            return None;
        }
        Some(task)
    };
    let tasks = (1..).zip(tasks).filter_map(&mut spawn).collect();
    if let Join::Asks = join {
        yield_now().await;
        let said = |task: &Rc<Task<Log>>| format!("{} {:?}", task.done(), task.peek(Clone::clone));
        return world.before.iter().map(said).collect();
    }
    joins(join, tasks).await
}

/// What is said, and what the cells hold.
type End = (Log, [u32; 2]);

pub fn run(program: Program) -> impl Fn(Sim) -> Pin<Box<dyn Future<Output = End>>> {
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
        1 => Just(Deed::Chooses),
        3 => (0..2usize).prop_map(Deed::Asks),
        1 => (0..2usize).prop_map(Deed::CallsBack),
        1 => Just(Deed::Notifies),
        1 => Just(Deed::WaitsForChange),
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

pub fn program() -> impl Strategy<Value = Program> {
    let join = prop_oneof![
        1 => Just(Join::InTurn),
        1 => Just(Join::Backwards),
        3 => Just(Join::Race),
        2 => Just(Join::Completed),
        1 => Just(Join::Gather),
        2 => Just(Join::Looks),
        1 => Just(Join::Drops),
        2 => Just(Join::Group),
        2 => Just(Join::Asks),
    ];
    let tasks = prop::collection::vec(prop::collection::vec(deed(), 0..3), 1..4);
    (tasks, join, any::<bool>()).prop_map(|(tasks, join, apart)| Program { tasks, join, apart })
}
