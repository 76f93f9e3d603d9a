//! What a thread pool bears from its process: a fork, which copies no workers, and a shortage of
//! threads.
//!
//! Without libtest: its bodies run on a second thread, and a limit holds for the whole process.

#[cfg(not(any(loom, shuttle)))]
mod process {
    use singletrack::EventLoop;
    use singletrack::aio::{run_in_executor, to_thread};
    use singletrack::base::origin::Origin;
    use singletrack::futures::{Executor, JobError, ThreadPoolExecutor};
    use std::sync::mpsc;

    /// Runs `body` in a child, which must end with `true` within ten seconds.
    fn in_child(body: impl FnOnce() -> bool) {
        // SAFETY: the child runs `body` only, and leaves by `_exit` or by the alarm.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork failed");
        if pid == 0 {
            // SAFETY: two plain system calls.
            unsafe {
                libc::alarm(10);
                let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
                libc::_exit(if matches!(good, Ok(true)) { 0 } else { 1 })
            }
        }
        assert_eq!(end_of(pid), 0, "exit 1 is a wrong answer, signal 14 a hang, 6 an abort");
    }

    fn end_of(pid: i32) -> i32 {
        let mut status = 0;
        // SAFETY: `pid` is our child and `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        status
    }

    fn is_refused<T>(outcome: Result<T, JobError>) -> bool {
        matches!(outcome, Err(JobError::Broken(why)) if why.contains("forked from it"))
    }

    /// A pool whose only worker has done a job.
    fn used_pool() -> ThreadPoolExecutor {
        let pool = ThreadPoolExecutor::new(1).unwrap();
        assert_eq!(pool.submit_fn(|| 1).result(), Ok(1));
        pool
    }

    fn an_origin_knows_its_copies_and_theirs() {
        let ours = Origin::here();
        std::thread::spawn(move || assert!(!ours.is_copy())).join().unwrap();
        in_child(|| {
            let first = ours.is_copy();
            let theirs = Origin::here();
            in_child(|| ours.is_copy() && theirs.is_copy() && !Origin::here().is_copy());
            first && !theirs.is_copy()
        });
        // A child that was forked past libc is one too.
        // SAFETY: `fork` as a raw call; the child only reads memory and leaves by `_exit`.
        let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } as i32;
        if pid == 0 {
            // SAFETY: it does not return.
            unsafe { libc::_exit(i32::from(!ours.is_copy())) }
        }
        assert_eq!(end_of(pid), 0);
        assert!(!ours.is_copy());
    }

    fn a_copy_of_a_pool_is_dropped_without_a_wait() {
        let mut pool = Some(used_pool());
        in_child(|| pool.take().is_some());
        assert_eq!(pool.unwrap().submit_fn(|| 2).result(), Ok(2));
    }

    fn a_copy_of_a_pool_refuses_jobs_and_shuts_down_at_once() {
        let pool = used_pool();
        in_child(|| {
            let refused = is_refused(pool.submit_fn(|| 2).result());
            pool.shutdown(true, true);
            pool.shutdown(true, false);
            let text = format!("{pool:?}");
            refused
                && is_refused(pool.submit(|x: u8| x, 3).result())
                && pool.workers() == 0
                && text.contains("ThreadPoolExecutor")
        });
        assert_eq!(pool.submit_fn(|| 2).result(), Ok(2));
    }

    fn a_copy_of_a_busy_pool_leaves_its_jobs_alone() {
        let pool = used_pool();
        let (open, gate) = mpsc::channel::<()>();
        let running = pool.submit_fn(move || gate.recv().is_ok());
        let queued = pool.submit_fn(|| 2);
        let mut copy = Some(pool);
        in_child(|| {
            let pool = copy.take().unwrap();
            pool.shutdown(true, true);
            drop(pool);
            true
        });
        open.send(()).unwrap();
        assert_eq!((running.result(), queued.result()), (Ok(true), Ok(2)));
    }

    /// In the copy the worker is the only thread. When its job returns, the process ends, and what
    /// was queued behind it is not done a second time.
    fn a_job_that_forks_and_returns_runs_no_other_job_in_the_copy() {
        let pool = used_pool();
        let (reader, writer) = std::io::pipe().unwrap();
        let (open, gate) = mpsc::channel::<()>();
        let forks = pool.submit_fn(move || {
            gate.recv().unwrap();
            // SAFETY: the child returns from this closure and ends with this thread.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                // SAFETY: a plain system call.
                unsafe { libc::alarm(10) };
            }
            pid
        });
        let told = pool.submit_fn(move || std::io::Write::write(&mut &writer, b"x").unwrap());
        open.send(()).unwrap();
        assert_eq!(end_of(forks.result().unwrap()), 0);
        assert_eq!(told.result(), Ok(1));
        drop(pool);
        let text = std::io::read_to_string(reader).unwrap();
        assert_eq!(text, "x");
    }

    fn a_copy_of_a_default_executor_gives_an_error() {
        let mut pool = Some(used_pool());
        in_child(|| {
            let event_loop = EventLoop::new().unwrap();
            event_loop.set_default_executor(pool.take().unwrap());
            let outcome = event_loop.run_until_complete(async {
                let other = ThreadPoolExecutor::new(1).unwrap();
                assert_eq!(run_in_executor(&other, |x: u8| x, 4).await, Ok(4));
                to_thread(|| 5).await
            });
            drop(event_loop);
            is_refused(outcome)
        });
        let event_loop = EventLoop::new().unwrap();
        assert_eq!(event_loop.run_until_complete(async { to_thread(|| 6).await }), Ok(6));
        let mut copy = Some(event_loop);
        in_child(|| copy.take().is_some());
        let event_loop = copy.unwrap();
        assert_eq!(event_loop.run_until_complete(async { to_thread(|| 7).await }), Ok(7));
    }

    /// Lets this process map no more memory than half a thread needs, until dropped.
    struct NoRoom(libc::rlimit);

    impl NoRoom {
        fn now() -> NoRoom {
            let text = std::fs::read_to_string("/proc/self/statm").unwrap();
            let pages: u64 = text.split(' ').next().unwrap().parse().unwrap();
            let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: `old` is a local that outlives the call.
            assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut old) }, 0);
            set(libc::rlimit { rlim_cur: pages * 4096 + (1 << 20), rlim_max: old.rlim_max });
            NoRoom(old)
        }
    }

    impl Drop for NoRoom {
        fn drop(&mut self) {
            set(self.0);
        }
    }

    fn set(limit: libc::rlimit) {
        // SAFETY: the limit is a local that outlives the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
    }

    /// Jobs that must all run at once, on a pool that has room for as many.
    fn all_meet(pool: &ThreadPoolExecutor, jobs: usize) {
        let barrier = std::sync::Arc::new(std::sync::Barrier::new(jobs));
        let meet = |_| {
            let barrier = std::sync::Arc::clone(&barrier);
            pool.submit_fn(move || _ = barrier.wait())
        };
        let all: Vec<_> = (0..jobs).map(meet).collect();
        all.into_iter().for_each(|job| job.result().unwrap());
    }

    fn a_pool_without_any_thread_fails_its_jobs_and_recovers() {
        let pool = ThreadPoolExecutor::new(2).unwrap();
        let no_room = NoRoom::now();
        let failed = pool.submit_fn(|| 1).result();
        drop(no_room);
        assert!(matches!(failed, Err(JobError::Broken(_))), "{failed:?}");
        assert_eq!(pool.submit_fn(|| 2).result(), Ok(2));
        all_meet(&pool, 2);
    }

    fn a_shortage_of_threads_strands_no_job_and_ends() {
        let pool = ThreadPoolExecutor::new(4).unwrap();
        all_meet(&pool, 2);
        for _ in 0..200 {
            while !format!("{pool:?}").contains("sleeping: 2") {
                std::thread::yield_now();
            }
            let no_room = NoRoom::now();
            // Two jobs that need each other and both workers, and one for which there is no thread.
            let (send, received) = mpsc::channel::<()>();
            let one = pool.submit_fn(move || received.recv().is_ok());
            let two = pool.submit_fn(move || send.send(()).is_ok());
            let three = pool.submit_fn(|| 3);
            drop(no_room);
            assert_eq!((one.result(), two.result(), three.result()), (Ok(true), Ok(true), Ok(3)));
            assert_eq!(pool.workers(), 2, "there was no room for a third");
        }
        all_meet(&pool, 4);
        assert_eq!(pool.workers(), 4, "the pool grows again when the shortage is over");
    }

    pub fn run_all() {
        // SAFETY: a plain system call: nothing here may hang.
        unsafe { libc::alarm(120) };
        let tests: [(&str, fn()); 8] = [
            ("no thread", a_pool_without_any_thread_fails_its_jobs_and_recovers),
            ("a shortage", a_shortage_of_threads_strands_no_job_and_ends),
            ("origins", an_origin_knows_its_copies_and_theirs),
            ("a drop", a_copy_of_a_pool_is_dropped_without_a_wait),
            ("a refusal", a_copy_of_a_pool_refuses_jobs_and_shuts_down_at_once),
            ("a busy pool", a_copy_of_a_busy_pool_leaves_its_jobs_alone),
            ("a job that forks", a_job_that_forks_and_returns_runs_no_other_job_in_the_copy),
            ("default executors", a_copy_of_a_default_executor_gives_an_error),
        ];
        for (name, test) in tests {
            test();
            println!("{name} ... ok");
        }
    }
}

fn main() {
    #[cfg(not(any(loom, shuttle)))]
    process::run_all();
}
