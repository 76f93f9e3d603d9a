//! The thread pool: the rules for its workers against a model, then CPython's scenarios.

mod common;
use common::{bounded, until};
use proptest::prelude::*;
use singletrack::futures::idle_workers::{
    IdleWorkers, SpawnFailedAction, SubmitAction, WorkerAction,
};
use singletrack::futures::{Executor, Future, JobError, ReturnWhen, as_completed, wait};
use singletrack::futures::{NoWorkers, ThreadPoolExecutor, ThreadPoolOptions};
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

fn pool(max_workers: usize) -> ThreadPoolExecutor {
    ThreadPoolExecutor::new(max_workers).unwrap()
}

/// A job that runs until its gate is opened.
struct Gate {
    open: mpsc::Sender<()>,
    job: Future<()>,
}

impl Gate {
    /// Returns when the job is running.
    fn shut(pool: &ThreadPoolExecutor) -> Gate {
        let (open, opened) = mpsc::channel();
        let (begun, has_begun) = mpsc::channel();
        let job = pool.submit_fn(move || {
            begun.send(()).unwrap();
            let _ = opened.recv();
        });
        has_begun.recv().unwrap();
        Gate { open, job }
    }

    fn open(self) {
        self.open.send(()).unwrap();
        assert_eq!(self.job.result(), Ok(()));
    }
}

// ---- the rules (`IdleWorkers`), against workers that are plain data ----

#[derive(Debug, Clone, Copy, PartialEq)]
enum Worker {
    /// Asked for, and perhaps it will not start.
    Starting,
    Searching {
        may_search: bool,
    },
    Sleeping,
    Running,
    Blocked,
    Gone,
}

#[derive(Debug, Clone)]
enum Op {
    Submit,
    /// So many jobs at once that the submitter wakes more workers.
    Flood,
    /// The worker at this place (modulo their number) does its next step.
    Step(usize),
    Finish(usize),
    Block(usize),
    Unblock(usize),
    /// A job whose worker, if it needs a new one, starts some time later, or not at all.
    SubmitAndWait,
    /// One of those that are starting has started, or has failed to.
    StartEnds {
        well: bool,
    },
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    let at = 0usize..8;
    prop_oneof![
        8 => Just(Op::Submit),
        8 => at.clone().prop_map(Op::Step),
        5 => at.clone().prop_map(Op::Finish),
        3 => at.clone().prop_map(Op::Block),
        2 => at.prop_map(Op::Unblock),
        1 => Just(Op::Flood),
        4 => Just(Op::SubmitAndWait),
        4 => prop::bool::ANY.prop_map(|well| Op::StartEnds { well }),
        1 => Just(Op::Close),
    ]
}

struct Model {
    rules: IdleWorkers,
    max: usize,
    workers: Vec<Worker>,
    queued: usize,
    submitted: usize,
    refused: usize,
    ran: usize,
    open: bool,
}

impl Model {
    fn new(max: usize) -> Model {
        let (rules, workers) = (IdleWorkers::new(max), Vec::new());
        Model { rules, max, workers, queued: 0, submitted: 0, refused: 0, ran: 0, open: true }
    }

    fn count(&self, is: impl Fn(&Worker) -> bool) -> usize {
        self.workers.iter().filter(|w| is(w)).count()
    }

    fn idle(&self) -> usize {
        self.count(|w| matches!(w, Worker::Starting | Worker::Searching { .. } | Worker::Sleeping))
    }

    fn searching(&self) -> usize {
        self.count(|w| matches!(w, Worker::Starting | Worker::Searching { .. }))
    }

    fn alive(&self) -> usize {
        self.count(|w| *w != Worker::Gone)
    }

    fn wake(&mut self, how_many: usize) {
        for _ in 0..how_many {
            let sleeper = self.workers.iter_mut().find(|w| **w == Worker::Sleeping);
            *sleeper.expect("woken, so asleep") = Worker::Searching { may_search: true };
        }
    }

    fn submit(&mut self) {
        self.submitted += 1;
        let (idle, alive) = (self.idle(), self.alive());
        match self.rules.submit() {
            SubmitAction::Refuse => {
                assert!(!self.open);
                self.refused += 1;
                return;
            }
            action @ (SubmitAction::Nothing | SubmitAction::Wake) => {
                assert!(
                    alive == self.max || idle > self.queued,
                    "no worker is started although one is needed and there may be more"
                );
                self.wake(usize::from(action == SubmitAction::Wake));
            }
            SubmitAction::Spawn(number) => {
                assert!(idle <= self.queued, "started although {idle} were idle");
                assert!(alive < self.max, "started above the maximum");
                assert!(number >= self.workers.len(), "a number is given twice");
                self.workers.push(Worker::Starting);
            }
        }
        self.queued += 1;
    }

    /// The worker that was asked for last has started, or has failed to.
    fn start_ends(&mut self, well: bool) {
        let starting = self.workers.iter().rposition(|w| *w == Worker::Starting);
        let Some(starting) = starting else { return };
        if well {
            self.workers[starting] = Worker::Searching { may_search: true };
            return;
        }
        self.workers[starting] = Worker::Gone;
        match self.rules.spawn_failed() {
            SpawnFailedAction::Nothing => {}
            SpawnFailedAction::Wake => self.wake(1),
            SpawnFailedAction::FailJobs => {
                assert_eq!(self.alive(), self.count(|w| *w == Worker::Blocked));
                self.refused += self.rules.discard();
                self.queued = 0;
            }
        }
    }

    fn step(&mut self, at: usize) {
        let Worker::Searching { may_search } = self.workers[at] else { return };
        self.workers[at] = match self.rules.next(may_search) {
            WorkerAction::Run { wake } => {
                self.queued -= 1;
                self.ran += 1;
                self.workers[at] = Worker::Running;
                self.wake(usize::from(wake));
                Worker::Running
            }
            WorkerAction::Search => {
                assert!(may_search, "it has just searched in vain");
                assert_eq!(self.searching(), 1, "another searches already");
                Worker::Searching { may_search: false }
            }
            WorkerAction::Sleep => {
                assert!(!may_search || self.searching() > 1, "nobody is left to search");
                Worker::Sleeping
            }
            WorkerAction::Exit => {
                assert!(!self.open && self.queued == 0, "a worker ended while jobs were queued");
                Worker::Gone
            }
        };
    }

    fn apply(&mut self, op: &Op) {
        let place = |at: usize, of: usize| (of > 0).then(|| at % of);
        let n = self.workers.len();
        match *op {
            Op::Submit => {
                self.submit();
                self.start_ends(true);
            }
            Op::Flood => (0..600).for_each(|_| {
                self.submit();
                self.start_ends(true);
            }),
            Op::SubmitAndWait => self.submit(),
            Op::StartEnds { well } => self.start_ends(well),
            Op::Step(at) => {
                if let Some(at) = place(at, n) {
                    self.step(at);
                }
            }
            Op::Finish(at) => {
                if let Some(at) = place(at, n).filter(|at| self.workers[*at] == Worker::Running) {
                    self.rules.finished();
                    self.workers[at] = Worker::Searching { may_search: true };
                }
            }
            Op::Block(at) => {
                if let Some(at) = place(at, n).filter(|at| self.workers[*at] == Worker::Running) {
                    let others = self.count(|w| !matches!(w, Worker::Gone | Worker::Blocked)) - 1;
                    let may = self.rules.begin_blocking();
                    assert_eq!(may, others > 0, "a worker must be left to run what it waits for");
                    if may {
                        self.workers[at] = Worker::Blocked;
                    }
                }
            }
            Op::Unblock(at) => {
                if let Some(at) = place(at, n).filter(|at| self.workers[*at] == Worker::Blocked) {
                    self.rules.unblock();
                    self.workers[at] = Worker::Running;
                }
            }
            Op::Close => {
                self.open = false;
                let woken = self.rules.close();
                assert_eq!(woken, self.count(|w| *w == Worker::Sleeping));
                self.wake(woken);
            }
        }
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.rules.queued(), self.queued);
        assert_eq!(self.rules.workers(), self.alive());
        assert_eq!(self.rules.idle(), self.idle());
        assert_eq!(self.rules.sleeping(), self.count(|w| *w == Worker::Sleeping));
        assert_eq!(self.rules.searching(), self.searching());
        if self.queued > 0 && self.rules.sleeping() > 0 {
            assert!(self.searching() > 0, "jobs are queued, one worker sleeps, none searches");
        }
        if self.queued > 0 {
            let blocked = self.count(|w| *w == Worker::Blocked);
            assert!(self.alive() > blocked, "jobs are queued and no worker can ever take them");
        }
    }

    /// All workers do what is left to do; the number of rounds is bounded by the work.
    fn drain(&mut self) {
        for _ in 0..4 * (self.submitted + self.workers.len()) + 4 {
            self.apply(&Op::StartEnds { well: true });
            for at in 0..self.workers.len() {
                self.apply(&Op::Unblock(at));
                self.apply(&Op::Finish(at));
                self.apply(&Op::Step(at));
            }
            if self.workers.iter().all(|w| matches!(w, Worker::Sleeping | Worker::Gone)) {
                return;
            }
        }
    }
}

proptest! {
    /// Shows E8.
    #[test]
    fn the_worker_rules_keep_their_promises(max in 1usize..5, ops in prop::collection::vec(op(), 0..80)) {
        let mut model = Model::new(max);
        ops.iter().for_each(|op| model.apply(op));
        model.drain();
        prop_assert_eq!(model.queued, 0, "all jobs were run");
        prop_assert_eq!(model.ran + model.refused, model.submitted);
        model.apply(&Op::Close);
        model.drain();
        prop_assert_eq!(model.alive(), 0, "all workers have ended");
    }
}

/// A pool whose workers have each done a job.
fn with_so_many_asleep(workers: usize, max: usize) -> IdleWorkers {
    let mut rules = IdleWorkers::new(max);
    for _ in 0..workers {
        assert!(matches!(rules.submit(), SubmitAction::Spawn(_)));
    }
    for _ in 0..workers {
        assert!(matches!(rules.next(true), WorkerAction::Run { .. }));
    }
    for _ in 0..workers {
        rules.finished();
        assert_eq!(rules.next(false), WorkerAction::Sleep);
    }
    rules
}

#[test]
fn a_worker_that_could_not_be_started_is_replaced_by_one_that_sleeps() {
    let mut rules = with_so_many_asleep(2, 4);
    let three = [rules.submit(), rules.submit(), rules.submit()];
    assert_eq!(three, [SubmitAction::Wake, SubmitAction::Nothing, SubmitAction::Spawn(2)]);
    // The one that was woken sees another that searches, and wakes none …
    assert_eq!(rules.next(true), WorkerAction::Run { wake: false });
    // … which was never there.
    assert_eq!(rules.spawn_failed(), SpawnFailedAction::Wake);
    assert_eq!((rules.queued(), rules.sleeping()), (2, 0));
    assert_eq!(rules.submit(), SubmitAction::Spawn(3), "and the pool may grow again");
}

#[test]
fn whoever_takes_the_last_job_wakes_nobody() {
    let mut rules = with_so_many_asleep(2, 2);
    assert_eq!(rules.submit(), SubmitAction::Wake);
    assert_eq!(rules.next(true), WorkerAction::Run { wake: false });
    assert_eq!((rules.searching(), rules.sleeping()), (0, 1));
}

#[test]
fn workers_that_rely_on_one_that_never_starts_get_an_error() {
    let mut rules = IdleWorkers::new(2);
    assert_eq!(rules.submit(), SubmitAction::Spawn(0));
    assert_eq!(rules.next(true), WorkerAction::Run { wake: false });
    assert_eq!(rules.submit(), SubmitAction::Spawn(1));
    assert!(rules.begin_blocking(), "the second worker will run what the first waits for");
    assert_eq!(rules.spawn_failed(), SpawnFailedAction::FailJobs);
}

#[test]
fn a_queue_that_grows_long_wakes_one_more_although_a_worker_searches() {
    let mut rules = with_so_many_asleep(3, 3);
    let woken = |jobs, rules: &mut IdleWorkers| {
        (0..jobs).filter(|_| rules.submit() == SubmitAction::Wake).count()
    };
    assert_eq!(woken(500, &mut rules), 1, "the first job wakes one, which searches for the others");
    assert_eq!(woken(500, &mut rules), 1, "it does not keep up");
    assert_eq!(woken(500, &mut rules), 1, "nor do the two");
    assert_eq!((woken(500, &mut rules), rules.sleeping()), (0, 0), "all are awake");
}

/// Shows E8.
#[test]
fn the_job_that_makes_the_queue_long_has_a_worker_started_if_none_is_idle_for_it() {
    let mut rules = with_so_many_asleep(511, 1000);
    let spawned = |action: &SubmitAction| matches!(action, SubmitAction::Spawn(_));
    let for_the_idle: Vec<_> = (0..511).map(|_| rules.submit()).collect();
    assert_eq!(for_the_idle.iter().filter(|action| spawned(action)).count(), 0);
    assert_eq!(rules.submit(), SubmitAction::Spawn(511));
}

// ---- CPython's scenarios, by their names in its tests ----

#[test]
fn idle_reuse_three_jobs_one_after_the_other_need_one_worker() {
    bounded(|| {
        let pool = pool(4);
        for i in 0..3u32 {
            assert_eq!(pool.submit(|x: u32| x + 1, i).result(), Ok(i + 1));
            // The result is set before the worker is idle, and only an idle worker is used again.
            while !format!("{pool:?}").contains("sleeping: 1") {
                std::thread::yield_now();
            }
        }
        assert_eq!(pool.workers(), 1);
    });
}

/// Shows E8.
#[test]
fn saturation_starts_up_to_the_maximum_and_no_more() {
    bounded(|| {
        let pool = pool(3);
        let gate = Arc::new((Mutex::new(()), AtomicUsize::new(0)));
        let hold = gate.0.lock().unwrap();
        let jobs: Vec<_> = (0..15 * 3)
            .map(|_| {
                let gate = Arc::clone(&gate);
                pool.submit_fn(move || {
                    gate.1.fetch_add(1, SeqCst);
                    drop(gate.0.lock().unwrap());
                })
            })
            .collect();
        assert_eq!(pool.workers(), 3);
        drop(hold);
        assert!(jobs.into_iter().all(|job| job.result().is_ok()));
        assert_eq!((pool.workers(), gate.1.load(SeqCst)), (3, 45));
    });
}

#[test]
fn jobs_that_need_each_other_all_run_at_once() {
    // As many jobs as workers meet at a barrier, so all workers must be awake at once.
    bounded(|| {
        let pool = pool(4);
        for _ in 0..200 {
            let barrier = Arc::new(Barrier::new(4));
            let jobs: Vec<_> = (0..4)
                .map(|_| {
                    let barrier = Arc::clone(&barrier);
                    pool.submit_fn(move || barrier.wait().is_leader())
                })
                .collect();
            let leaders = jobs.into_iter().filter_map(|job| job.result().unwrap().then_some(()));
            assert_eq!(leaders.count(), 1);
        }
    });
}

#[test]
fn jobs_start_in_the_order_of_submission() {
    bounded(|| {
        let pool = pool(1);
        let gate = Gate::shut(&pool);
        let order = Arc::new(Mutex::new(Vec::new()));
        let jobs: Vec<_> = (0..100)
            .map(|i| {
                let order = Arc::clone(&order);
                pool.submit_fn(move || order.lock().unwrap().push(i))
            })
            .collect();
        gate.open();
        let (done, _) = wait(jobs, ReturnWhen::AllCompleted, None);
        assert_eq!(done.len(), 100);
        assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn a_panicking_job_fails_alone_and_keeps_its_message() {
    bounded(|| {
        let pool = pool(1);
        let bad = pool.submit_fn(|| -> u8 { std::panic::resume_unwind(Box::new("no fuel")) });
        let good = pool.submit_fn(|| 7u8);
        assert_eq!(bad.result(), Err(JobError::Panicked("no fuel".into())));
        assert_eq!(good.result(), Ok(7));
        assert_eq!(pool.workers(), 1);
    });
}

#[test]
fn a_value_that_panics_when_dropped_costs_no_worker() {
    struct Sore;
    impl Drop for Sore {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("sore"));
        }
    }
    bounded(|| {
        let pool = pool(1);
        let gate = Gate::shut(&pool);
        drop(pool.submit_fn(|| Sore)); // its future is dropped, so the value is dropped on the worker
        gate.open();
        assert_eq!(pool.submit_fn(|| 7).result(), Ok(7));
        assert_eq!(pool.workers(), 1);
    });
}

/// A value that panics when it is dropped, after it has counted that.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
        std::panic::resume_unwind(Box::new("a bomb"));
    }
}

#[test]
fn jobs_that_panic_when_dropped_harm_nobody_at_shutdown() {
    bounded(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let pool = pool(1);
        let gate = Gate::shut(&pool);
        let job = |bomb: Bomb| pool.submit_fn(move || drop(bomb));
        let jobs: Vec<_> = (0..3).map(|_| job(Bomb(Arc::clone(&dropped)))).collect();
        pool.shutdown(false, true);
        let refused = job(Bomb(Arc::clone(&dropped)));
        assert_eq!(dropped.load(SeqCst), 4);
        for job in jobs {
            assert_eq!(job.result(), Err(JobError::Cancelled));
        }
        assert_eq!(refused.result(), Err(JobError::ShutDown));
        gate.open();
    });
}

#[test]
fn a_cancelled_job_that_panics_when_dropped_costs_no_worker() {
    bounded(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let pool = pool(1);
        let gate = Gate::shut(&pool);
        for _ in 0..2 {
            let bomb = Bomb(Arc::clone(&dropped));
            assert!(pool.submit_fn(move || drop(bomb)).cancel());
        }
        gate.open();
        assert_eq!(pool.submit_fn(|| 7).result(), Ok(7));
        assert_eq!((dropped.load(SeqCst), pool.workers()), (2, 1));
    });
}

#[test]
fn initializer_fails_and_the_pool_is_broken_for_queued_and_new_jobs() {
    bounded(|| {
        let (go, wait_for_it) = mpsc::channel::<()>();
        let wait_for_it = Mutex::new(wait_for_it);
        let pool = ThreadPoolOptions::default()
            .max_workers(1)
            .thread_name_prefix("mill")
            .initializer(move || {
                let _ = wait_for_it.lock().unwrap().recv();
                std::panic::resume_unwind(Box::new("no water"));
            })
            .build()
            .unwrap();
        let queued: Vec<_> = (0..3).map(|_| pool.submit_fn(|| 1)).collect();
        go.send(()).unwrap();
        let why = "the initializer of a worker of `mill` panicked: no water";
        for job in queued {
            assert_eq!(job.result(), Err(JobError::Broken(why.into())));
        }
        assert_eq!(pool.submit_fn(|| 1).result(), Err(JobError::Broken(why.into())));
    });
}

#[test]
fn an_initializer_that_fails_ends_the_workers_that_sleep() {
    bounded(|| {
        let begun = AtomicUsize::new(0);
        let pool = ThreadPoolOptions::default()
            .max_workers(2)
            .initializer(move || {
                assert!(begun.fetch_add(1, SeqCst) == 0, "the second of them");
            })
            .build()
            .unwrap();
        let gate = Gate::shut(&pool);
        assert!(pool.submit_fn(|| 1).result().is_err());
        gate.open();
        while pool.workers() > 0 {
            std::thread::yield_now();
        }
    });
}

#[test]
fn initializer_runs_once_on_every_worker() {
    bounded(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&count);
        let pool = ThreadPoolOptions::default()
            .max_workers(2)
            .initializer(move || {
                seen.fetch_add(1, SeqCst);
            })
            .build()
            .unwrap();
        let (one, two) = (Gate::shut(&pool), Gate::shut(&pool));
        assert_eq!(count.load(SeqCst), 2);
        one.open();
        two.open();
        assert_eq!(pool.submit_fn(|| 1).result(), Ok(1));
        assert_eq!(count.load(SeqCst), 2);
    });
}

/// The system's threads cannot have such a name, and std panics.
#[test]
fn a_thread_whose_start_panics_fails_the_job_and_is_no_worker() {
    bounded(|| {
        let pool = ThreadPoolOptions::default().thread_name_prefix("a\0b").build().unwrap();
        for _ in 0..2 {
            let error = pool.submit_fn(|| 1).result().unwrap_err();
            let says_why = |why: &str| why.contains("no thread could be started");
            assert!(matches!(&error, JobError::Broken(why) if says_why(why)), "{error}");
        }
        assert_eq!(pool.workers(), 0);
        pool.shutdown(true, false);
    });
}

#[test]
fn workers_are_named_after_the_prefix() {
    bounded(|| {
        let pool =
            ThreadPoolOptions::default().max_workers(2).thread_name_prefix("p").build().unwrap();
        let gate = Gate::shut(&pool);
        let name = pool.submit_fn(|| std::thread::current().name().unwrap().to_owned());
        assert_eq!(name.result().as_deref(), Ok("p_1"));
        gate.open();
    });
}

/// Shows E10.
#[test]
fn shutdown_cancel_futures_keeps_the_running_and_cancels_the_rest() {
    for wait in [true, false] {
        bounded(move || {
            let pool = Arc::new(pool(1));
            let finished = pool.submit_fn(|| 1);
            assert!(finished.wait(None));
            let gate = Gate::shut(&pool);
            let rest: Vec<_> = (0..5).map(|_| pool.submit_fn(|| 2)).collect();
            let closer = Arc::clone(&pool);
            let closing = std::thread::spawn(move || closer.shutdown(wait, true));
            assert!(rest.iter().all(|job| job.wait(None) && job.cancelled()));
            assert!(gate.job.running());
            gate.open();
            closing.join().unwrap();
            assert_eq!(finished.result(), Ok(1));
            assert_eq!(pool.submit_fn(|| 3).result(), Err(JobError::ShutDown));
            pool.shutdown(true, false);
            assert_eq!(pool.workers(), 0);
        });
    }
}

#[test]
fn gc_executor_dropping_the_pool_finishes_its_work() {
    bounded(|| {
        let ran = Arc::new(AtomicUsize::new(0));
        let pool = pool(2);
        for _ in 0..100 {
            let ran = Arc::clone(&ran);
            drop(pool.submit_fn(move || ran.fetch_add(1, SeqCst)));
        }
        drop(pool);
        assert_eq!(ran.load(SeqCst), 100);
        assert_eq!(Arc::strong_count(&ran), 1, "no job is left anywhere");
    });
}

/// Shows E7.
#[test]
fn shutdown_may_be_called_from_a_job_a_callback_and_again() {
    bounded(|| {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        let first = pool.submit_fn(move || inside.shutdown(true, false));
        let inside = Arc::clone(&pool);
        first.add_done_callback(move || inside.shutdown(true, false));
        assert_eq!(first.result(), Ok(()));
        pool.shutdown(true, false);
        pool.shutdown(true, true);
        assert_eq!(pool.workers(), 0);
    });
}

#[test]
fn the_last_owner_may_be_a_job_of_the_pool() {
    bounded(|| {
        let (sent, received) = mpsc::channel();
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        let (go, gone) = mpsc::channel::<()>();
        drop(pool.submit_fn(move || {
            gone.recv().unwrap();
            drop(inside); // the pool is dropped here, on its own worker
            sent.send(()).unwrap();
        }));
        drop(pool);
        go.send(()).unwrap();
        received.recv().unwrap();
    });
}

thread_local! {
    /// Runs when its thread is all but gone: after its last job, and before whoever joins it goes on.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

struct Last(Box<dyn FnMut()>);

impl Drop for Last {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// From now on, the last thing that this thread does.
fn at_the_end(what: impl FnMut() + 'static) {
    LAST.with(|last| *last.borrow_mut() = Some(Last(Box::new(what))));
}

/// Shows E7.
#[test]
fn each_of_two_shutdowns_waits_for_the_threads() {
    bounded(|| {
        let pool = Arc::new(pool(1));
        let (open, gate) = mpsc::channel::<()>();
        pool.submit_fn(move || at_the_end(move || _ = gate.recv())).result().unwrap();
        let returned = Arc::new(AtomicUsize::new(0));
        let enders = [(); 2].map(|()| {
            let (pool, returned) = (Arc::clone(&pool), Arc::clone(&returned));
            std::thread::spawn(move || {
                pool.shutdown(true, false);
                returned.fetch_add(1, SeqCst)
            })
        });
        until(|| pool.workers() == 0);
        std::thread::sleep(Duration::from_millis(50)); // a shutdown that does not wait returns
        assert_eq!(returned.load(SeqCst), 0);
        open.send(()).unwrap();
        enders.into_iter().for_each(|ender| _ = ender.join().unwrap());
    });
}

/// Shows E7.
#[test]
fn a_thread_that_ends_may_shut_its_pool_down_while_another_waits_for_it() {
    bounded(|| {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        let ends = move || inside.shutdown(true, false);
        pool.submit_fn(move || at_the_end(ends)).result().unwrap();
        pool.shutdown(true, false);
        assert_eq!(Arc::strong_count(&pool), 1, "the thread is gone");
    });
}

/// A job's captured value that, as it is dropped, asks the job's future.
struct Asks {
    future: Arc<Mutex<Option<Future<()>>>>,
    running_and_cancelled: mpsc::Sender<(bool, bool)>,
}

impl Drop for Asks {
    fn drop(&mut self) {
        if let Some(future) = &*self.future.lock().unwrap() {
            let _ = self.running_and_cancelled.send((future.running(), future.cancel()));
        }
    }
}

/// Submits a job that `end` keeps from running: what its value was told, and how it ended.
fn asked_by_a_job_that_never_runs(
    pool: &ThreadPoolExecutor,
    end: impl FnOnce(),
) -> ((bool, bool), Result<(), JobError>) {
    let (running_and_cancelled, told) = mpsc::channel();
    let future = Arc::new(Mutex::new(None));
    let asks = Asks { future: Arc::clone(&future), running_and_cancelled };
    *future.lock().unwrap() = Some(pool.submit_fn(move || drop(asks)));
    end();
    let told = told.recv().unwrap();
    let future = future.lock().unwrap().take().unwrap();
    (told, future.result())
}

/// Shows E2.
#[test]
fn a_job_that_will_never_run_is_not_running_and_can_be_cancelled_to_the_end() {
    bounded(|| {
        let pool = pool(1);
        let gate = Gate::shut(&pool);
        let told = asked_by_a_job_that_never_runs(&pool, || pool.shutdown(false, true));
        assert_eq!(told, ((false, true), Err(JobError::Cancelled)));
        gate.open();
    });
    bounded(|| {
        let (open, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let breaks = move || {
            gate.lock().unwrap().recv().unwrap();
            std::panic::resume_unwind(Box::new("it breaks"));
        };
        let options = ThreadPoolOptions::default().max_workers(1).initializer(breaks);
        let pool = options.build().unwrap();
        let told = asked_by_a_job_that_never_runs(&pool, || open.send(()).unwrap());
        assert_eq!(told, ((false, true), Err(JobError::Cancelled)));
    });
}

/// Shows E6.
#[test]
fn every_submitted_job_is_accounted_for_at_shutdown() {
    bounded(|| {
        let pool = Arc::new(pool(2));
        let submitters: Vec<_> = (0..3)
            .map(|n: usize| {
                let pool = Arc::clone(&pool);
                std::thread::spawn(move || {
                    let jobs: Vec<_> = (0..500usize)
                        .map(|i| {
                            pool.submit_fn(move || {
                                if i.is_multiple_of(7) {
                                    std::panic::resume_unwind(Box::new("seven"));
                                }
                            })
                        })
                        .collect();
                    if n == 0 {
                        pool.shutdown(false, true);
                    }
                    jobs.into_iter().map(Future::result).collect::<Vec<_>>()
                })
            })
            .collect();
        let ends: Vec<_> = submitters.into_iter().flat_map(|s| s.join().unwrap()).collect();
        let count = |is: fn(&Result<(), JobError>) -> bool| ends.iter().filter(|e| is(e)).count();
        let finished = count(|e| e.is_ok());
        let failed = count(|e| matches!(e, Err(JobError::Panicked(_))));
        let cancelled = count(|e| *e == Err(JobError::Cancelled));
        let refused = count(|e| *e == Err(JobError::ShutDown));
        assert_eq!(finished + failed + cancelled + refused, 1500);
        pool.shutdown(true, false);
        assert_eq!(pool.workers(), 0);
    });
}

#[test]
fn no_workers_is_a_typed_error_that_names_the_remedy() {
    assert_eq!(ThreadPoolExecutor::new(0).err(), Some(NoWorkers));
    assert!(NoWorkers.to_string().contains("at least 1"));
}

// ---- waiting inside one's own full pool ----

/// Shows E11.
#[test]
fn a_job_that_waits_for_its_own_full_pool_gets_an_error() {
    bounded(|| {
        let pool = Arc::new(pool(1));
        let inside = Arc::clone(&pool);
        let ran = Arc::new(AtomicUsize::new(0));
        let inner_ran = Arc::clone(&ran);
        let outer = pool.submit_fn(move || {
            let inner = inside.submit_fn(move || inner_ran.fetch_add(1, SeqCst));
            inner.result()
        });
        let error = outer.result().unwrap().unwrap_err();
        assert!(matches!(&error, JobError::WouldDeadlock(why) if why.contains("all 1 workers")));
        assert_eq!(pool.submit_fn(|| 7).result(), Ok(7), "the pool goes on");
        assert_eq!(ran.load(SeqCst), 0, "a job that failed is not run later");
    });
}

#[test]
fn when_all_wait_for_each_other_only_the_last_gets_an_error() {
    bounded(|| {
        let pool = Arc::new(pool(2));
        let barrier = Arc::new(Barrier::new(2));
        let outer: Vec<_> = (0..2)
            .map(|i| {
                let (pool2, barrier) = (Arc::clone(&pool), Arc::clone(&barrier));
                pool.submit_fn(move || {
                    barrier.wait();
                    let inner = pool2.submit_fn(move || i);
                    barrier.wait();
                    inner.result()
                })
            })
            .collect();
        let ends: Vec<_> = outer.into_iter().map(|o| o.result().unwrap()).collect();
        let failed = |e: &&Result<usize, _>| matches!(e, Err(JobError::WouldDeadlock(_)));
        assert_eq!(ends.iter().filter(failed).count(), 1);
        assert_eq!(ends.iter().filter(|e| e.is_ok()).count(), 1);
    });
}

#[test]
fn waiting_inside_a_pool_with_a_free_worker_is_fine() {
    bounded(|| {
        let pool = Arc::new(pool(2));
        for i in 0..500 {
            let inside = Arc::clone(&pool);
            let outer = pool.submit_fn(move || inside.submit_fn(move || i).result());
            assert_eq!(outer.result(), Ok(Ok(i)));
        }
    });
}

#[test]
fn waiting_for_another_pool_is_no_deadlock() {
    bounded(|| {
        let (here, there) = (pool(1), Arc::new(pool(1)));
        let outer = here.submit_fn(move || there.submit_fn(|| 7).result());
        assert_eq!(outer.result(), Ok(Ok(7)));
    });
}

#[test]
fn a_deep_tree_of_waiting_jobs_ends_also_on_few_workers() {
    fn sum(pool: &Arc<ThreadPoolExecutor>, n: u64) -> Result<u64, JobError> {
        if n == 0 {
            return Ok(0);
        }
        let inside = Arc::clone(pool);
        Ok(n + pool.submit_fn(move || sum(&inside, n - 1)).result()??)
    }
    bounded(|| {
        let wide = Arc::new(pool(12));
        assert_eq!(sum(&wide, 10), Ok(55));
        let narrow = Arc::new(pool(4));
        assert!(matches!(sum(&narrow, 10), Err(JobError::WouldDeadlock(_))));
    });
}

fn would_deadlock<T>(future: Future<T>) -> bool {
    matches!(future.result(), Err(JobError::WouldDeadlock(_)))
}

/// Shows E11.
#[test]
fn waiting_for_many_in_ones_own_full_pool_fails_one_by_one() {
    bounded(|| {
        let pool = Arc::new(pool(1));
        let ran = Arc::new(AtomicUsize::new(0));
        let (inside, inner_ran) = (Arc::clone(&pool), Arc::clone(&ran));
        let outer = pool.submit_fn(move || {
            let jobs: Vec<_> = (0..3)
                .map(|_| {
                    let ran = Arc::clone(&inner_ran);
                    inside.submit_fn(move || ran.fetch_add(1, SeqCst))
                })
                .collect();
            as_completed(jobs, None).map(|job| would_deadlock(job.unwrap())).collect::<Vec<_>>()
        });
        assert_eq!(outer.result(), Ok(vec![true; 3]));
        assert_eq!(pool.submit_fn(|| 7).result(), Ok(7), "the pool goes on");
        assert_eq!(ran.load(SeqCst), 0, "a job that failed is not run later");
    });
}

#[test]
fn wait_for_the_first_in_ones_own_full_pool_fails() {
    bounded(|| {
        let pool = Arc::new(pool(1));
        for when in [ReturnWhen::FirstCompleted, ReturnWhen::FirstException] {
            let inside = Arc::clone(&pool);
            let outer = pool.submit_fn(move || {
                let jobs: Vec<_> = (0..3).map(|i| inside.submit_fn(move || i)).collect();
                wait(jobs, when, None)
            });
            let (mut done, rest) = outer.result().unwrap();
            assert!(done.len() == 1 && would_deadlock(done.remove(0)));
            let (done, _) = wait(rest, ReturnWhen::AllCompleted, None);
            assert_eq!(done.into_iter().map(|job| job.result().unwrap()).sum::<i32>(), 1);
        }
    });
}

#[test]
fn waiting_for_many_inside_a_pool_with_a_free_worker_is_fine() {
    bounded(|| {
        let pool = Arc::new(pool(2));
        for _ in 0..50 {
            let inside = Arc::clone(&pool);
            let outer = pool.submit_fn(move || {
                let jobs: Vec<_> = (0..20).map(|i| inside.submit_fn(move || i)).collect();
                as_completed(jobs, None).map(|job| job.unwrap().result().unwrap()).sum::<i32>()
            });
            assert_eq!(outer.result(), Ok(190));
        }
    });
}

#[test]
fn when_all_wait_for_many_of_each_other_only_the_last_gets_an_error() {
    bounded(|| {
        let pool = Arc::new(pool(2));
        let barrier = Arc::new(Barrier::new(2));
        let outer: Vec<_> = (0..2)
            .map(|i| {
                let (inside, barrier) = (Arc::clone(&pool), Arc::clone(&barrier));
                pool.submit_fn(move || {
                    barrier.wait();
                    let job = inside.submit_fn(move || i);
                    barrier.wait();
                    let (mut done, rest) = wait([job], ReturnWhen::FirstCompleted, None);
                    assert!(rest.is_empty());
                    would_deadlock(done.remove(0))
                })
            })
            .collect();
        let failed: Vec<_> = outer.into_iter().map(|o| o.result().unwrap()).collect();
        assert_eq!(failed.into_iter().filter(|failed| *failed).count(), 1);
    });
}

#[test]
fn others_may_end_a_wait_for_many_so_it_is_no_deadlock() {
    bounded(|| {
        let (here, there) = (Arc::new(pool(1)), Arc::new(pool(1)));
        let gate = Gate::shut(&there);
        let inside = Arc::clone(&here);
        let elsewhere = Arc::clone(&there);
        let (waits, is_waiting) = mpsc::channel();
        let outer = here.submit_fn(move || {
            let jobs = [inside.submit_fn(|| 1), elsewhere.submit_fn(|| 2)];
            let mut all = as_completed(jobs, None);
            waits.send(()).unwrap();
            let first = all.next().unwrap().unwrap().result();
            (first, all.next().map(|job| would_deadlock(job.unwrap())))
        });
        is_waiting.recv().unwrap();
        gate.open();
        assert_eq!(
            outer.result(),
            Ok((Ok(2), Some(true))),
            "then only the job of its own pool is left"
        );
    });
}

/// When a payload is dropped, user code runs once more.
#[test]
fn a_payload_that_panics_costs_neither_the_outcome_nor_a_callback() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("a payload's drop");
        }
    }
    bounded(|| {
        let panicked = pool(1).submit_fn(|| std::panic::panic_any(Bomb)).result();
        assert!(matches!(panicked, Err(JobError::Panicked(_))), "{panicked:?}");
        let (promise, future) = singletrack::futures::promise::<()>();
        let called = Arc::new(AtomicUsize::new(0));
        future.add_done_callback(|| std::panic::panic_any(Bomb));
        let count = Arc::clone(&called);
        future.add_done_callback(move || _ = count.fetch_add(1, SeqCst));
        promise.set_result(());
        assert_eq!(called.load(SeqCst), 1);
    });
}
