//! Pools in numbers: jobs, threads and processes; and std's threads behind one channel.

use crate::sample::{Meter, Sample};
use singletrack::futures::{ReturnWhen, ThreadPoolExecutor, wait};
use singletrack::process::{ForkServer, ProcessPool};
use std::hint::black_box;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Workers, where jobs are counted.
const FEW: usize = 2;
/// Jobs of each thread, where threads are counted.
const JOBS: u64 = 2_000;
/// Jobs of each process, where processes are counted.
const CALLS: u64 = 100;

/// Submitted to two threads, run, awaited; all are there at once.
pub fn thread_jobs(count: u64) -> Sample {
    let pool = ThreadPoolExecutor::new(FEW).expect("two threads");
    let mut meter = Meter::start();
    submit_and_wait(&pool, count, |_| meter.full());
    meter.stop(count)
}

/// A pool of so many threads, started, given its jobs, shut down.
pub fn threads(count: u64) -> Sample {
    let mut meter = Meter::start();
    let pool = ThreadPoolExecutor::new(count as usize).expect("threads");
    submit_and_wait(&pool, count * JOBS, |_| meter.full());
    drop(pool);
    meter.stop(count)
}

fn submit_and_wait(pool: &ThreadPoolExecutor, jobs: u64, full: impl FnOnce(u64)) {
    let futures: Vec<_> = (0..jobs).map(|i| pool.submit_fn(move || black_box(i))).collect();
    full(jobs);
    let (done, left) = wait(futures, ReturnWhen::AllCompleted, None);
    assert_eq!((done.len() as u64, left.len()), (jobs, 0));
}

fn square(x: u64) -> u64 {
    x.wrapping_mul(x)
}

/// The same for two processes.
pub fn process_jobs(count: u64) -> Sample {
    with_processes(FEW, count, count)
}

/// A pool of so many processes, started, given its jobs, shut down.
pub fn processes(count: u64) -> Sample {
    with_processes(count as usize, count * CALLS, count)
}

fn with_processes(workers: usize, jobs: u64, units: u64) -> Sample {
    let mut meter = Meter::start();
    let fork_server = ForkServer::start().expect("one thread so far");
    let pool = ProcessPool::new(&fork_server, workers).expect("a pool");
    let futures: Vec<_> = (0..jobs).map(|i| pool.submit(square, i)).collect();
    meter.full();
    for (i, future) in futures.into_iter().enumerate() {
        assert_eq!(future.result(), Ok(square(i as u64)));
    }
    drop(pool);
    drop(fork_server);
    meter.stop(units)
}

type Job = Box<dyn FnOnce() -> u64 + Send>;

/// What can be had for nothing: threads that take boxes from one channel and answer by another.
struct Bare {
    jobs: Sender<Job>,
    results: Receiver<u64>,
    threads: Vec<JoinHandle<()>>,
}

impl Bare {
    fn new(threads: usize) -> Bare {
        let ((jobs, taken), (answers, results)) = (channel::<Job>(), channel());
        let taken = Arc::new(Mutex::new(taken));
        let thread = |_| {
            let (taken, answers) = (Arc::clone(&taken), answers.clone());
            std::thread::spawn(move || {
                loop {
                    let job = taken.lock().expect("no panic").recv();
                    match job {
                        Ok(job) => answers.send(job()).expect("it is awaited"),
                        Err(_) => return,
                    }
                }
            })
        };
        Bare { jobs, results, threads: (0..threads).map(thread).collect() }
    }

    fn run(self, jobs: u64, full: impl FnOnce()) {
        for i in 0..jobs {
            self.jobs.send(Box::new(move || black_box(i))).expect("the threads live");
        }
        full();
        let sum = self.results.iter().take(jobs as usize).fold(0, u64::wrapping_add);
        assert_eq!(sum, jobs * (jobs - 1) / 2);
        drop(self.jobs);
        self.threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    }
}

/// [`thread_jobs`], bare.
pub fn bare_jobs(count: u64) -> Sample {
    let bare = Bare::new(FEW);
    let mut meter = Meter::start();
    bare.run(count, || meter.full());
    meter.stop(count)
}

/// [`threads`], bare.
pub fn bare_threads(count: u64) -> Sample {
    let mut meter = Meter::start();
    Bare::new(count as usize).run(count * JOBS, || meter.full());
    meter.stop(count)
}
