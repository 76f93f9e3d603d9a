//! The pool whose jobs hold a global lock: never two at once, and a job that waits in the wrong way gets an error.

mod common;
use common::bounded;
use singletrack::futures::Executor;
use singletrack::futures::Future;
use singletrack::futures::JobError;
use singletrack::futures::{NoWorkers, ThreadPoolOptions};
use singletrack::futures::{ReturnWhen, wait};
use singletrack::gil::GilThread;
use singletrack::gil::GilThreadPoolExecutor;
use singletrack::gil::GlobalLock;
use singletrack::gil::SwitchPolicy;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};

fn pool(policy: SwitchPolicy, max_workers: usize) -> GilThreadPoolExecutor {
    GilThreadPoolExecutor::new(&GlobalLock::new(policy), max_workers).unwrap()
}

/// How many jobs are inside now, and the most that there ever were.
#[derive(Default)]
struct Room {
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Room {
    fn visit(&self, stay: impl FnOnce()) {
        let now = self.inside.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
        stay();
        self.inside.fetch_sub(1, SeqCst);
    }
}

#[test]
fn two_jobs_never_run_at_once_under_any_preset() {
    for policy in [SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_3_2, SwitchPolicy::PYTHON_3_10] {
        bounded(move || {
            let (pool, room) = (pool(policy, 4), Arc::new(Room::default()));
            let jobs: Vec<_> = (0..200)
                .map(|_| {
                    let room = Arc::clone(&room);
                    pool.submit_fn(move |gil| {
                        for _ in 0..50 {
                            room.visit(std::thread::yield_now);
                            gil.checkpoint();
                        }
                    })
                })
                .collect();
            let (done, _) = wait(jobs, ReturnWhen::AllCompleted, None);
            assert!(done.into_iter().all(|job| job.result().is_ok()));
            assert_eq!(room.most.load(SeqCst), 1);
            assert!(pool.workers() > 1, "there was competition");
        });
    }
}

#[test]
fn detached_jobs_meet() {
    bounded(|| {
        let pool = pool(SwitchPolicy::PYTHON_3_10, 3);
        let barrier = Arc::new(Barrier::new(3));
        let jobs: Vec<_> = (0..3)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                pool.submit_fn(move |gil| gil.detach(|| barrier.wait().is_leader()))
            })
            .collect();
        let leaders = jobs.into_iter().filter_map(|job| job.result().unwrap().then_some(()));
        assert_eq!(leaders.count(), 1);
    });
}

#[test]
fn a_plain_function_runs_with_the_lock_held() {
    bounded(|| {
        let pool = pool(SwitchPolicy::PYTHON_3_2, 2);
        let squares: Result<Vec<_>, _> = pool.map(|x: u32| x * x, 1..=3).collect();
        assert_eq!(squares, Ok(vec![1, 4, 9]));
        assert_eq!(pool.lock().waiting(), 0);
        pool.shutdown(true, false);
        let counters = pool.lock().counters();
        assert_eq!((counters.acquisitions(), counters.drops()), (3, 3), "once for each job");
    });
}

#[test]
fn a_panic_gives_the_lock_back() {
    bounded(|| {
        let pool = pool(SwitchPolicy::PYTHON_3_10, 1);
        let bad: Future<()> = pool.submit_fn(|_| std::panic::resume_unwind(Box::new("off")));
        assert_eq!(bad.result(), Err(JobError::Panicked("off".into())));
        assert_eq!(pool.submit_fn(|_| 7).result(), Ok(7));
        assert_eq!(pool.lock().attach(|_| 8), Ok(8));
    });
}

#[test]
fn waiting_for_a_job_with_the_lock_in_hand_is_an_error() {
    bounded(|| {
        let pool = Arc::new(pool(SwitchPolicy::PYTHON_3_10, 2));
        let inside = Arc::clone(&pool);
        let outer = pool.submit_fn(move |_gil| inside.submit_fn(|_| 7).result());
        let error = outer.result().unwrap().unwrap_err();
        assert!(matches!(&error, JobError::WouldDeadlock(why) if why.contains("gil.detach")));
    });
}

#[test]
fn waiting_for_a_job_detached_is_fine() {
    bounded(|| {
        let pool = Arc::new(pool(SwitchPolicy::PYTHON_3_10, 2));
        for i in 0..100 {
            let inside = Arc::clone(&pool);
            let outer = pool.submit_fn(move |gil| {
                let inner = inside.submit_fn(move |_| i);
                gil.detach(|| inner.result())
            });
            assert_eq!(outer.result(), Ok(Ok(i)));
        }
    });
}

#[test]
fn options_are_those_of_the_thread_pool() {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
    let options = ThreadPoolOptions::default().max_workers(1).thread_name_prefix("tape");
    let pool = GilThreadPoolExecutor::with_options(&lock, options).unwrap();
    let name = pool.submit_fn(|_| std::thread::current().name().unwrap().to_owned());
    assert_eq!(name.result().as_deref(), Ok("tape_0"));
    assert_eq!(GilThreadPoolExecutor::new(&lock, 0).err(), Some(NoWorkers));
}

#[test]
fn a_name_with_a_zero_byte_is_an_error() {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let refused = GilThread::spawn(&lock, "a\0b", |_| ()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("zero byte"), "{refused}");
    assert_eq!(GilThread::spawn(&lock, "", |_| 1).unwrap().join(), Ok(1));
}
