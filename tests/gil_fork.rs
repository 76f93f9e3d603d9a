//! A lock in a forked child: used if it can be, an error if not, never a hang.
//!
//! Without libtest, since its test bodies run on a second thread, and a fork copies one thread.

#[cfg(not(loom))]
mod forks {
    use singletrack::gil::AttachError;
    use singletrack::gil::Check;
    use singletrack::gil::FreeThreading;
    use singletrack::gil::GilCell;
    use singletrack::gil::GlobalLock;
    use singletrack::gil::Stopped;
    use singletrack::gil::SwitchPolicy;
    use std::sync::mpsc;
    use std::time::Duration;

    /// Runs `body` in a child, which must say `true` within ten seconds.
    fn in_child(what: &str, body: impl FnOnce() -> bool) {
        // SAFETY: the child runs `body` only, which uses fresh memory and the lock under test,
        // and leaves by `_exit` or by the alarm.
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
        let mut status = 0;
        // SAFETY: `pid` is our child and `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        assert_eq!(status, 0, "{what}: exit 1 is a wrong answer, signal 14 a hang");
        println!("test {what} ... ok");
    }

    fn a_free_lock_goes_on_in_the_child() {
        let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
        let cell = GilCell::new(&lock, 1);
        lock.attach(|_| ()).unwrap();
        in_child("a_free_lock_goes_on_in_the_child", || {
            lock.attach(|gil| {
                *cell.get_mut(gil) += 1;
                gil.detach(|| ());
                *cell.get(gil)
            }) == Ok(2)
        });
        assert_eq!(lock.attach(|gil| *cell.get(gil)), Ok(1));
    }

    /// Shows G16.
    fn the_forking_thread_keeps_the_lock() {
        for (_, policy) in SwitchPolicy::PRESETS {
            let lock = GlobalLock::new(policy);
            lock.attach(|gil| {
                in_child("the_forking_thread_keeps_the_lock", || {
                    (0..1_000).for_each(|_| gil.tick());
                    gil.checkpoint();
                    gil.detach(|| lock.attach(|_| 3)) == Ok(3)
                        && gil.lend(|| lock.ensure(|gil| gil.depth())) == Ok(2)
                });
            })
            .unwrap();
        }
    }

    /// Shows G16.
    fn the_lock_is_granted_to_no_thread_that_is_not_copied() {
        for (name, policy) in SwitchPolicy::PRESETS {
            // So long that none is awake, with the mutex, at the fork.
            let interval = Duration::from_secs(3600);
            let asleep = policy.with_check(Check::OnRequest { interval }).unwrap();
            let asks = matches!(policy.check(), Check::OnRequest { .. });
            let lock = GlobalLock::new(if asks { asleep } else { policy });
            let attached = lock.attach(|gil| {
                std::thread::scope(|s| {
                    (0..2).for_each(|_| _ = s.spawn(|| lock.attach(|_| ())));
                    while lock.waiting() < 2 {
                        std::thread::yield_now();
                    }
                    in_child(name, || (0..3).all(|_| gil.detach(|| lock.attach(|_| 3)) == Ok(3)));
                    gil.detach(|| {
                        while lock.waiting() > 0 {
                            std::thread::yield_now();
                        }
                    });
                });
            });
            assert_eq!(attached, Ok(()));
        }
    }

    /// Shows G16.
    fn a_lock_held_by_a_thread_that_is_not_copied_is_an_error() {
        for (_, policy) in SwitchPolicy::PRESETS {
            let lock = GlobalLock::new(policy);
            let (go, leave) = mpsc::channel::<()>();
            let (out, holds) = mpsc::channel();
            std::thread::scope(|s| {
                let go = go; // dropped by a panic, so that the other thread ends
                let theirs = &lock;
                s.spawn(move || {
                    theirs.attach(|_| {
                        out.send(()).unwrap();
                        let _ = leave.recv();
                    })
                });
                holds.recv().unwrap();
                let parent = std::process::id();
                in_child("a_lock_held_by_a_thread_that_is_not_copied_is_an_error", || {
                    let here = std::process::id();
                    let forked = AttachError::Forked { made_in: parent, here };
                    let fresh = GlobalLock::new(policy);
                    lock.attach(|_| ()) == Err(forked)
                        && lock.ensure(|_| ()) == Err(forked)
                        && fresh.ensure(|_| 4) == Ok(4)
                });
                go.send(()).unwrap();
            });
            assert_eq!(lock.attach(|_| 5), Ok(5));
        }
    }

    /// Shows G16.
    fn a_dropper_waits_for_no_thread_that_is_not_copied() {
        let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_2);
        lock.attach(|gil| {
            std::thread::scope(|s| {
                s.spawn(|| lock.attach(|_| ()));
                while lock.waiting() == 0 {
                    std::thread::yield_now();
                }
                assert!(lock.request_drop());
                // Forced: in the parent it would wait for the waiter.
                let name = "a_dropper_waits_for_no_thread_that_is_not_copied";
                in_child(name, || {
                    gil.detach(|| ());
                    true
                });
                in_child(name, || {
                    gil.checkpoint();
                    gil.checkpoint();
                    gil.counters().forced_drops == 0 && gil.counters().sleeps == 0
                });
                gil.detach(|| ());
            });
        })
        .unwrap();
    }

    fn a_scope_without_a_lock_goes_on_in_the_child() {
        let scope = FreeThreading::new();
        scope.attach(|_| ()).unwrap();
        scope
            .attach(|me| {
                in_child("a_scope_without_a_lock_goes_on_in_the_child", || {
                    me.checkpoint();
                    me.detach(|| ());
                    me.stop_the_world(|all| all.parked()) == Ok(0)
                });
            })
            .unwrap();
    }

    fn nobody_waits_for_a_thread_that_is_not_copied_to_park() {
        let scope = FreeThreading::new();
        let (go, leave) = mpsc::channel::<()>();
        let (out, attached) = mpsc::channel();
        std::thread::scope(|s| {
            let go = go; // as above
            let theirs = &scope;
            s.spawn(move || {
                theirs.attach(|_| {
                    out.send(()).unwrap();
                    let _ = leave.recv();
                })
            });
            attached.recv().unwrap();
            let parent = std::process::id();
            in_child("nobody_waits_for_a_thread_that_is_not_copied_to_park", || {
                let forked = AttachError::Forked { made_in: parent, here: std::process::id() };
                let stopped = scope.attach(|me| {
                    let stopped = me.stop_the_world(|_| ());
                    me.checkpoint();
                    stopped
                });
                stopped == Ok(Err(forked)) && scope.attach(|_| 6) == Ok(6)
            });
            go.send(()).unwrap();
        });
    }

    fn a_world_stopped_by_a_thread_that_is_not_copied_is_an_error() {
        let scope = FreeThreading::new();
        let (go, leave) = mpsc::channel::<()>();
        let (out, stopped) = mpsc::channel();
        std::thread::scope(|s| {
            let go = go; // as above
            let theirs = &scope;
            s.spawn(move || {
                let stop = |_: &Stopped<'_>| {
                    out.send(()).unwrap();
                    let _ = leave.recv();
                };
                theirs.attach(|me| me.stop_the_world(stop))
            });
            stopped.recv().unwrap();
            let parent = std::process::id();
            in_child("a_world_stopped_by_a_thread_that_is_not_copied_is_an_error", || {
                let forked = AttachError::Forked { made_in: parent, here: std::process::id() };
                scope.attach(|_| ()) == Err(forked)
            });
            go.send(()).unwrap();
        });
        assert_eq!(scope.attach(|_| 7), Ok(7));
    }

    pub fn run() {
        a_scope_without_a_lock_goes_on_in_the_child();
        nobody_waits_for_a_thread_that_is_not_copied_to_park();
        a_world_stopped_by_a_thread_that_is_not_copied_is_an_error();
        a_free_lock_goes_on_in_the_child();
        the_forking_thread_keeps_the_lock();
        the_lock_is_granted_to_no_thread_that_is_not_copied();
        a_lock_held_by_a_thread_that_is_not_copied_is_an_error();
        a_dropper_waits_for_no_thread_that_is_not_copied();
    }
}

fn main() {
    #[cfg(not(loom))]
    forks::run();
}
