//! Orders of a program under `sim`: the same order is the same run, and what fails is replayed.

use super::reader::Reader;
use singletrack::aio::{Event, Lock, Queue, sleep, wait_for};
use singletrack::sim::{Explored, Explorer, Order, RunEnd, Sim};
use singletrack::task::budget::yield_now;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy)]
enum Op {
    Yield,
    /// With the lock, a step.
    Lock,
    Put,
    Get,
    Set,
    Clear,
    Wait,
    Sleep(u32),
    /// Lets time pass within a step.
    Compute(u32),
    Choose(usize),
    Child,
    Panic,
}

/// Whether waits have a limit, and what each task does.
#[derive(Debug, Clone)]
struct Program {
    patient: bool,
    tasks: Vec<Vec<Op>>,
}

fn op(r: &mut Reader) -> Option<Op> {
    Some(match r.byte()? % 16 {
        0 | 1 => Op::Yield,
        2 | 3 => Op::Lock,
        4 | 5 => Op::Put,
        6 | 7 => Op::Get,
        8 => Op::Set,
        9 => Op::Clear,
        10 => Op::Wait,
        11 => Op::Sleep(r.below(4)? as u32),
        12 => Op::Compute(r.below(4)? as u32),
        13 => Op::Choose(r.below(5)?),
        14 => Op::Child,
        _ if r.byte()? == 0xff => Op::Panic,
        _ => Op::Yield,
    })
}

/// Some tasks of some operations, and the choices of an order.
fn read(bytes: &[u8]) -> Option<(Program, Vec<u32>)> {
    let mut reader = Reader::new(bytes);
    let patient = reader.byte()?.is_multiple_of(8);
    let count = 1 + reader.below(3)?;
    let mut tasks = Vec::new();
    for _ in 0..count {
        let length = reader.below(8)?;
        tasks.push((0..length).map_while(|_| op(&mut reader)).collect());
    }
    let choices = reader.list(|r| r.below(5)).into_iter().map(|choice| choice as u32);
    Some((Program { patient, tasks }, choices.collect()))
}

struct Things {
    sim: Sim,
    patient: bool,
    lock: Lock<u32>,
    queue: Queue<u32>,
    event: Event,
    log: RefCell<Vec<(usize, usize, u64)>>,
}

impl Things {
    async fn wait<T>(&self, future: impl Future<Output = T>) {
        drop(wait_for(future, (!self.patient).then_some(3 * MS)).await);
    }

    async fn does(self: Rc<Self>, task: usize, ops: Vec<Op>) {
        for (number, op) in ops.into_iter().enumerate() {
            let seen = match op {
                Op::Choose(of) => self.sim.choose(of),
                _ => self.queue.qsize(),
            };
            self.log.borrow_mut().push((task, number, seen as u64));
            match op {
                Op::Yield => yield_now().await,
                Op::Lock => self.wait(self.add()).await,
                Op::Put => self.wait(self.queue.put(number as u32)).await,
                Op::Get => self.wait(self.queue.get()).await,
                Op::Set => self.event.set(),
                Op::Clear => self.event.clear(),
                Op::Wait => self.wait(self.event.wait()).await,
                Op::Sleep(ms) => sleep(ms * MS).await,
                Op::Compute(ms) => self.sim.compute(ms * MS),
                Op::Child => drop(self.sim.spawn("child", async { yield_now().await })),
                Op::Choose(_) => {}
                Op::Panic => panic!("as it was told to"),
            }
            let now = u64::try_from(self.sim.now().as_nanos()).unwrap();
            self.log.borrow_mut().push((task, number, now));
        }
    }

    async fn add(&self) {
        let mut count = self.lock.acquire().await;
        yield_now().await;
        *count += 1;
    }
}

type Ran = (Result<Explored, (Order, RunEnd, String)>, Vec<(usize, usize, u64)>);

/// Explores it; what the last run has done.
fn ran(program: &Program, explorer: &Explorer) -> Ran {
    let last = RefCell::new(None);
    let result = explorer.explore(|sim| {
        let things = Rc::new(Things {
            patient: program.patient,
            lock: Lock::new(0),
            queue: Queue::new(1),
            event: Event::new(),
            log: RefCell::default(),
            sim,
        });
        last.replace(Some(Rc::clone(&things)));
        let tasks = program.tasks.clone();
        async move {
            let tasks = tasks.into_iter().enumerate().map(|(number, ops)| {
                things.sim.spawn("task", Rc::clone(&things).does(number, ops))
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await.expect("a task that panics ends the run");
            }
        }
    });
    let log = last.take().map_or_else(Vec::new, |things: Rc<Things>| things.log.take());
    (result.map_err(|failing| (failing.order, failing.end, failing.story.to_string())), log)
}

/// The order reads back; it gives the same run twice, as chance does by the same seed; and what fails,
/// fails by the order that is printed.
pub fn check_bytes(bytes: &[u8]) {
    let Some((program, choices)) = read(bytes) else { return };
    let order = Order::new(choices);
    let text = order.to_string();
    assert_eq!(text.parse(), Ok(order));
    let explorer = Explorer::new().steps(2_000);
    let by = |order: &str| ran(&program, &explorer.clone().replay(order));
    let first = by(&text);
    assert_eq!(first, by(&text), "the same order, twice: {program:?}");
    let drawn = || ran(&program, &explorer.clone().random(bytes.len() as u64).orders(1));
    assert_eq!(drawn(), drawn(), "the same seed, twice: {program:?}");
    let searched = ran(&program, &explorer.clone().deviations(1).orders(6)).0;
    for failed in [first.0.err(), searched.err()].into_iter().flatten() {
        let (order, end, story) = failed;
        let again = by(&order.to_string()).0.expect_err("it is replayed");
        assert_eq!((again.1, again.2), (end, story), "by {order}: {program:?}");
    }
}
