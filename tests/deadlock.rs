//! Threads that block on jobs and on tasks: a circle is an error for one of them, and a hang for none;
//! what is no circle ends as usual.

mod common;
use common::watchdog;
use proptest::prelude::*;
use singletrack::aio::{EventLoop, LoopHandle, to_thread};
use singletrack::futures::wait_graph::{BlockingThread, Circle, Target, WaitGraph};
use singletrack::futures::{Future, JobError, ReturnWhen, ThreadPoolExecutor, as_completed, wait};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

fn would_deadlock<T>(result: &Result<T, JobError>) -> bool {
    matches!(result, Err(JobError::WouldDeadlock(_)))
}

/// A job that asks its loop for something, and blocks until it has it.
fn asks(handle: LoopHandle) -> Result<u8, JobError> {
    handle.run_coroutine_threadsafe(async { 7 }).result()
}

/// The ways in which a task may block, which none should.
fn blocking_waits() -> [(&'static str, Block); 4] {
    [
        ("result", |job| job.result()),
        ("exception", |job| {
            let error = job.exception();
            assert!(job.done());
            error.map_or_else(|| job.result(), Err)
        }),
        ("wait", |job| {
            let (mut done, rest) = wait([job], ReturnWhen::AllCompleted, None);
            assert!(rest.is_empty());
            done.pop().unwrap().result()
        }),
        ("as_completed", |job| as_completed([job], None).next().unwrap().unwrap().result()),
    ]
}

type Outcome = Result<Result<u8, JobError>, JobError>;
type Block = fn(Future<Result<u8, JobError>>) -> Outcome;

#[test]
fn a_task_that_blocks_on_a_job_that_asks_its_loop_is_told() {
    let _dog = watchdog("a task blocks on a job that asks its loop", 60);
    for (name, block) in blocking_waits() {
        for round in 0..20 {
            let pool = ThreadPoolExecutor::new(2).unwrap();
            let event_loop = EventLoop::new().unwrap();
            let handle = event_loop.handle();
            let outcome = event_loop.run_until_complete(async {
                let job = pool.submit_fn(move || asks(handle));
                if round % 2 == 1 {
                    while !job.running() {
                        std::thread::yield_now();
                    }
                }
                block(job)
            });
            // Whoever comes last closes the circle, and is told.
            let told = would_deadlock(&outcome) || outcome.as_ref().is_ok_and(would_deadlock);
            assert!(told, "{name}: {outcome:?}");
        }
    }
}

/// Shows E11.
/// The job that it blocks on has not begun, and those that hold the threads want the loop.
#[test]
fn a_task_that_blocks_on_a_job_behind_those_that_ask_its_loop_is_told() {
    let _dog = watchdog("a task blocks behind jobs that ask its loop", 60);
    for _ in 0..20 {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        let event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        event_loop.run_until_complete(async {
            let holders = [(); 2].map(|()| pool.submit_fn(move || asks(handle)));
            let behind = pool.submit_fn(|| 5).result();
            let mut told = u32::from(would_deadlock(&behind));
            for holder in holders {
                told += u32::from(would_deadlock(&holder.await.unwrap()));
            }
            assert_eq!(told, 1, "one wait is refused, and the others end");
        });
    }
}

/// Two loops, each on a thread of its own, whose tasks block on each other's.
#[test]
fn loops_that_block_on_each_other_are_told() {
    let _dog = watchdog("loops block on each other", 60);
    let (to_first, from_second) = mpsc::channel::<LoopHandle>();
    let (to_second, from_first) = mpsc::channel();
    let meet = Arc::new(std::sync::Barrier::new(2));
    let other = Arc::clone(&meet);
    let second = std::thread::spawn(move || {
        let event_loop = EventLoop::new().unwrap();
        to_first.send(event_loop.handle()).unwrap();
        let theirs: LoopHandle = from_first.recv().unwrap();
        event_loop.run_until_complete(async { block_then_serve(theirs, &other).await })
    });
    let event_loop = EventLoop::new().unwrap();
    to_second.send(event_loop.handle()).unwrap();
    let theirs = from_second.recv().unwrap();
    let first = event_loop.run_until_complete(async { block_then_serve(theirs, &meet).await });
    let answers = [first, second.join().unwrap()];
    assert_eq!(answers.iter().filter(|answer| would_deadlock(answer)).count(), 1, "{answers:?}");
}

async fn block_then_serve(theirs: LoopHandle, meet: &std::sync::Barrier) -> Result<u8, JobError> {
    let asked = theirs.run_coroutine_threadsafe(async { 1 });
    meet.wait(); // now both block
    let answer = asked.result();
    for _ in 0..3 {
        singletrack::yield_now().await; // the other one's, if it still waits
    }
    meet.wait();
    answer
}

#[test]
fn waits_that_are_no_circle_end_as_usual() {
    let _dog = watchdog("waits that are no circle", 60);
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let pools = [(); 2].map(|()| Arc::new(ThreadPoolExecutor::new(1).unwrap()));
    event_loop.run_until_complete(async {
        let [first, second] = pools.each_ref().map(Arc::clone);
        // The loop blocks on a job that blocks on a job elsewhere.
        let inner = Arc::clone(&second);
        let chain = first.submit_fn(move || inner.submit_fn(|| 3).result());
        assert_eq!(chain.result(), Ok(Ok(3)));
        // A job waits for the loop, which awaits it.
        assert_eq!(to_thread(move || asks(handle)).await, Ok(Ok(7)));
        // The loop blocks on one job while another one waits for the loop, on a second thread.
        let waits = second.submit_fn(move || asks(handle));
        assert_eq!(first.submit_fn(|| 4).result(), Ok(4));
        assert_eq!(waits.await, Ok(Ok(7)));
    });
}

#[test]
fn a_job_of_ones_own_pool_that_is_done_already_hides_no_circle() {
    let _dog = watchdog("a job that is done and one that cannot begin", 60);
    let pool = Arc::new(ThreadPoolExecutor::new(1).unwrap());
    let done = pool.submit_fn(|| 1);
    while !done.done() {
        std::thread::yield_now();
    }
    let own = Arc::clone(&pool);
    let both = pool.submit_fn(move || {
        let in_vain = own.submit_fn(|| 2);
        let all = as_completed([done, in_vain], None);
        all.map(|one| one.unwrap().result()).collect::<Vec<_>>()
    });
    let results = both.result().unwrap();
    assert_eq!(results[0], Ok(1));
    assert!(would_deadlock(&results[1]), "{results:?}");
}

/// A job that waits, on a pool of so many threads, for the first of two: a task of a loop of its own
/// thread, which cannot run meanwhile, and a job of its own pool.
fn first_of_own_task_and_own_job(threads: usize, task_first: bool) -> Result<u8, JobError> {
    let pool = Arc::new(ThreadPoolExecutor::new(threads).unwrap());
    let own = Arc::clone(&pool);
    let outer = pool.submit_fn(move || {
        let event_loop = EventLoop::new().unwrap();
        let task = event_loop.handle().run_coroutine_threadsafe(async { 1 });
        let job = own.submit_fn(|| {
            std::thread::sleep(Duration::from_millis(20)); // the other one waits by then
            7
        });
        let both = if task_first { [task, job] } else { [job, task] };
        let (mut done, rest) = wait(both, ReturnWhen::FirstCompleted, None);
        assert_eq!((done.len(), rest.len()), (1, 1));
        done.remove(0).result()
    });
    outer.result().unwrap()
}

/// Shows E11.
#[test]
fn a_wait_for_the_first_is_refused_only_if_none_of_them_can_end() {
    let _dog = watchdog("a wait for a task and a job, both of one's own", 60);
    for task_first in [true, false] {
        assert_eq!(first_of_own_task_and_own_job(2, task_first), Ok(7), "{task_first}");
        let in_vain = first_of_own_task_and_own_job(1, task_first);
        assert!(would_deadlock(&in_vain), "{in_vain:?}");
    }
}

/// Shows E11.
/// Whether others may wait for the thread that iterates may change from one future to the next.
#[test]
fn a_loop_made_between_two_futures_of_as_completed_closes_the_circle() {
    let _dog = watchdog("a loop made in the middle of as_completed", 60);
    let pool = ThreadPoolExecutor::new(2).unwrap();
    let (give, get) = mpsc::channel();
    let first = pool.submit_fn(|| Ok(1));
    let second = pool.submit_fn(move || asks(get.recv().unwrap()));
    let mut both = as_completed([first, second], None);
    assert_eq!(both.next().unwrap().unwrap().result(), Ok(Ok(1)));
    let event_loop = EventLoop::new().unwrap();
    give.send(event_loop.handle()).unwrap();
    let outcome = both.next().unwrap().unwrap().result();
    let told = would_deadlock(&outcome) || outcome.as_ref().is_ok_and(would_deadlock);
    assert!(told, "{outcome:?}");
}

#[test]
fn a_wait_with_a_limit_ends_by_itself_and_is_no_circle() {
    let _dog = watchdog("a wait with a limit", 60);
    let pool = Arc::new(ThreadPoolExecutor::new(1).unwrap());
    let own = Arc::clone(&pool);
    let job = pool.submit_fn(move || {
        let behind = own.submit_fn(|| 2);
        behind.result_timeout(Duration::from_millis(5)).expect_err("the one worker is here")
    });
    assert_eq!(job.result().unwrap().result(), Ok(2), "and then it runs");
}

/// Who blocks on what.
#[derive(Debug, Clone)]
struct Blocked {
    thread: BlockingThread,
    targets: Vec<Target>,
}

/// Two pools and the number of their threads; a job's number says which it belongs to.
const POOLS: [(usize, usize); 2] = [(100, 1), (200, 3)];

fn threads() -> impl Strategy<Value = BlockingThread> {
    let worker = (1_usize..7, any::<bool>(), 1_u32..4);
    worker.prop_map(|(job, is_worker, loop_id)| BlockingThread {
        job: is_worker.then_some(job),
        loops: if is_worker { vec![] } else { vec![loop_id] },
        pools: if is_worker { vec![POOLS[job % 2]] } else { vec![] },
    })
}

fn targets() -> impl Strategy<Value = Vec<Target>> {
    let job = |job: usize| Target::Job { job, pool: POOLS[job % 2].0 };
    let one = prop_oneof![(1_u32..4).prop_map(Target::Task), (1_usize..10).prop_map(job)];
    prop::collection::vec(one, 1..3)
}

/// A model that lets end what can end, again and again; those left over wait in vain.
fn ends_at_last(waits: &BTreeMap<usize, Blocked>, which: usize) -> bool {
    let mut left = waits.clone();
    loop {
        let free = |target: Target| match target {
            Target::Task(id) => !left.values().any(|other| other.thread.loops.contains(&id)),
            Target::Job { job, pool } => {
                let most = POOLS.iter().find(|(id, _)| *id == pool).unwrap().1;
                let works = |other: &&Blocked| other.thread.pools.iter().any(|(id, _)| *id == pool);
                !left.values().any(|other| other.thread.job == Some(job))
                    && left.values().filter(works).count() < most
            }
        };
        let ended =
            left.iter().find(|(_, wait)| wait.targets.iter().any(|t| free(*t))).map(|(at, _)| *at);
        let Some(ended) = ended else { return false };
        if ended == which {
            return true;
        }
        left.remove(&ended);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Shows E11.
    /// As long as every wait that was in vain has been refused, the graph refuses a new one exactly
    /// when it could not end.
    #[test]
    fn a_wait_is_refused_exactly_if_it_could_not_end(
        steps in prop::collection::vec((threads(), targets(), any::<prop::sample::Index>()), 1..40),
    ) {
        let mut graph = WaitGraph::default();
        let (mut waits, mut ids) = (BTreeMap::new(), BTreeMap::new());
        for (number, (thread, targets, ends)) in steps.into_iter().enumerate() {
            // A thread blocks once: one that runs this job, or has this loop, does already.
            let known = waits.values().any(|other: &Blocked| {
                (other.thread.job.is_some() && other.thread.job == thread.job)
                    || other.thread.loops.iter().any(|id| thread.loops.contains(id))
            });
            // And no pool has more threads than it can have.
            let full = thread.pools.iter().any(|(pool, most)| {
                let works = |other: &&Blocked| other.thread.pools.contains(&(*pool, *most));
                waits.values().filter(works).count() >= *most
            });
            if known || full {
                let blocked: Vec<usize> = ids.keys().copied().collect();
                let at = ends.get(&blocked);
                graph.end(ids.remove(at).unwrap());
                waits.remove(at);
                continue;
            }
            waits.insert(number, Blocked { thread: thread.clone(), targets: targets.clone() });
            let ends = ends_at_last(&waits, number);
            match graph.begin(thread, targets.clone()) {
                Ok(id) => {
                    prop_assert!(ends, "{targets:?} can never be done: {waits:#?}");
                    ids.insert(number, id);
                }
                Err(Circle { threads }) => {
                    prop_assert!(!ends, "{targets:?} would have been done: {waits:#?}");
                    prop_assert!((1..=waits.len()).contains(&threads));
                    waits.remove(&number);
                }
            }
            prop_assert_eq!((graph.len(), graph.is_empty()), (waits.len(), waits.is_empty()));
        }
    }
}
