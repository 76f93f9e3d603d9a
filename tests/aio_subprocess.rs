//! Child processes: scenario 64, and properties Z4, Z6 and Z7.

mod common;
use common::{on_real_selectors as run, until_async, watchdog};
use singletrack::aio::{Child, sleep, spawn, wait_for};
use singletrack::sys::signal::by_default;
use singletrack::{EventLoop, create_task, yield_now};
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).stdin(Stdio::null());
    command
}

fn piped(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    spawn(command.stderr(Stdio::piped())).unwrap()
}

/// `Some('Z')` for a zombie, `None` for a process that is gone.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Scenario 64: more than the pipes hold crosses in both directions.
#[test]
fn four_mebibytes_echo_through_cat() {
    let _dog = watchdog("cat", 60);
    run(async || {
        let input: Vec<u8> = (0..4 << 20).map(|i| (i % 251) as u8).collect();
        let mut cat = piped(&mut Command::new("cat"));
        let output = cat.communicate(&input).await.unwrap();
        assert!(output.stdout == input && output.stderr.is_empty() && output.status.success());
        assert!(cat.wait().await.unwrap().success(), "every wait returns the status");
    });
}

#[test]
fn both_outputs_are_read_side_by_side() {
    let _dog = watchdog("both outputs", 60);
    run(async || {
        let script = "head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero; exit 3";
        let output = piped(&mut shell(script)).communicate(b"").await.unwrap();
        assert_eq!((output.stdout.len(), output.stderr.len()), (1_000_000, 1_000_000));
        assert_eq!(output.status.code(), Some(3));
    });
}

/// gh-104340: a child that does not read is no error.
#[test]
fn a_communicate_dropped_half_way_has_lost_nothing() {
    let _dog = watchdog("communicate again", 30);
    run(async || {
        // One stream ends, then the other, then the child.
        for script in [
            "cat; exec 1>&-; read line <go; echo err >&2; exec 2>&-",
            "cat; echo err >&2; exec 1>&- 2>&-; read line <go",
        ] {
            let dir = std::env::temp_dir().join(format!("singletrack-go-{}", std::process::id()));
            std::fs::create_dir(&dir).unwrap();
            let fifo = Command::new("mkfifo").arg("go").current_dir(&dir).status().unwrap();
            assert!(fifo.success());
            let mut child = piped(shell(script).current_dir(&dir));
            for _ in 0..3 {
                let limit = Some(Duration::from_millis(20));
                wait_for(child.communicate(b"input"), limit).await.unwrap_err();
            }
            std::fs::write(dir.join("go"), "!\n").unwrap();
            let output = child.communicate(b"").await.unwrap();
            std::fs::remove_dir_all(&dir).unwrap();
            assert!(output.status.success());
            assert_eq!((&*output.stdout, &*output.stderr), (&b"input"[..], &b"err\n"[..]));
        }
    });
}

/// A shell that leaves a process behind, which has both its pipes; the first line is its number.
/// It would be there for a thousand seconds.
fn leaves_one_behind(then: &str) -> Command {
    shell(&format!("sleep 1000 & echo $!; {then}"))
}

/// The number on the first line of some output, after that process was killed.
fn kill_first_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let pid = text.lines().next().unwrap();
    assert!(Command::new("kill").args(["-KILL", pid]).status().unwrap().success(), "it lived");
    pid.to_owned()
}

#[test]
fn communicate_does_not_wait_for_a_grandchild() {
    let _dog = watchdog("grandchild", 60);
    run(async || {
        // All of the child's own output is there: it fits into the pipe, and the child has ended.
        let script = "head -c 60000 /dev/zero | tr '\\0' x; echo oops >&2; exit 3";
        let mut child = piped(&mut leaves_one_behind(script));
        let output = child.communicate(b"").await.unwrap();
        let pid = kill_first_line(&output.stdout);
        assert_eq!(output.stdout.len(), pid.len() + 1 + 60_000);
        assert_eq!((&*output.stderr, output.status.code()), (&b"oops\n"[..], Some(3)));
        // Nor does it after a kill, or if the child has ended before.
        for kill in [true, false] {
            let mut child = piped(&mut leaves_one_behind(if kill { "wait" } else { "" }));
            let stdout = child.stdout.as_mut().unwrap();
            let pid = stdout.readline().await.unwrap();
            if kill {
                child.kill().unwrap();
            }
            child.wait().await.unwrap();
            let output = child.communicate(b"").await.unwrap();
            assert_eq!(output.stdout, b"");
            kill_first_line(&pid);
        }
    });
}

#[test]
fn what_a_grandchild_writes_later_can_still_be_read() {
    let _dog = watchdog("grandchild's words", 60);
    run(async || {
        let dir = std::env::temp_dir().join(format!("singletrack-late-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let fifo = Command::new("mkfifo").arg("go").current_dir(&dir).status().unwrap();
        assert!(fifo.success());
        let script = "(read line <go; echo late) & echo early";
        let mut child = piped(shell(script).current_dir(&dir));
        let output = child.communicate(b"").await.unwrap();
        assert_eq!((&*output.stdout, output.status.code()), (&b"early\n"[..], Some(0)));
        std::fs::write(dir.join("go"), "!\n").unwrap();
        assert_eq!(child.stdout.as_mut().unwrap().read_to_end().await.unwrap(), b"late\n");
        std::fs::remove_dir_all(&dir).unwrap();
    });
}

/// One that never stops writing is no reason never to end.
#[test]
fn communicate_ends_beside_a_grandchild_that_writes_without_end() {
    let _dog = watchdog("endless grandchild", 60);
    run(async || {
        let mut child = piped(&mut shell("yes & echo $! >&2"));
        let output = child.communicate(b"").await.unwrap();
        kill_first_line(&output.stderr);
        assert!(output.stdout.starts_with(b"y\ny\n") && output.status.success());
    });
}

#[test]
fn a_child_that_ends_before_it_has_read_everything_is_no_error() {
    let _dog = watchdog("early end", 60);
    run(async || {
        for _ in 0..20 {
            let mut child = piped(&mut Command::new("true"));
            let output = child.communicate(&vec![1; 1 << 20]).await.unwrap();
            assert!(output.status.success());
        }
    });
}

#[test]
fn kill_and_send_signal_after_the_end_are_harmless() {
    let _dog = watchdog("late signals", 60);
    run(async || {
        let mut child = spawn(&mut shell("exit 7")).unwrap();
        let pid = child.id();
        until_async(|| state(pid) == Some('Z')).await; // ended, and not collected
        child.kill().unwrap();
        child.send_signal(libc::SIGUSR1).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(7));
        assert_eq!(state(pid), None);
        child.kill().unwrap();
        child.terminate().unwrap();
        assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(7));
    });
}

#[test]
fn a_killed_child_tells_the_signal() {
    let _dog = watchdog("killed", 60);
    // Whoever runs the tests may ignore it, and children inherit that.
    by_default(libc::SIGINT).unwrap();
    run(async || {
        for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGINT] {
            let mut child = spawn(Command::new("sleep").arg("1000")).unwrap();
            assert!(child.try_wait().unwrap().is_none());
            child.send_signal(signal).unwrap();
            assert_eq!(child.wait().await.unwrap().signal(), Some(signal));
        }
        let child = spawn(&mut shell("sleep 0.1")).unwrap();
        assert_eq!(child.send_signal(1000).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_cancelled_wait_leaves_the_process() {
    let _dog = watchdog("cancelled wait", 60);
    run(async || {
        let mut child = spawn(Command::new("cat").stdin(Stdio::piped())).unwrap();
        let stdin = child.stdin.take();
        let (send, receive) = std::sync::mpsc::channel();
        let waits = create_task(async move {
            let waiting = Waiting { child: Some(child), send };
            let mut waiting = waiting;
            waiting.child.as_mut().unwrap().wait().await
        });
        yield_now().await;
        waits.cancel();
        assert!(waits.await.is_err());
        let mut child: Child = receive.try_recv().unwrap();
        assert!(child.try_wait().unwrap().is_none(), "it is still running");
        drop(stdin);
        assert!(child.wait().await.unwrap().success());
    });

    /// Saves the child from a task that is cancelled.
    struct Waiting {
        child: Option<Child>,
        send: std::sync::mpsc::Sender<Child>,
    }
    impl Drop for Waiting {
        fn drop(&mut self) {
            self.send.send(self.child.take().unwrap()).unwrap();
        }
    }
}

/// Shows Z4.
/// Z4: every status is reported, and it is the child's own. Two loops at a time.
#[test]
fn five_hundred_children_each_tell_their_own_status() {
    let _dog = watchdog("500 children", 120);
    let loops = [0, 1].map(|_| {
        std::thread::spawn(|| {
            run(async || {
                for batch in 0..10 {
                    let children: Vec<_> = (0..25)
                        .map(|i| {
                            let code = (batch * 25 + i) % 256;
                            let mut child = spawn(&mut shell(&format!("exit {code}"))).unwrap();
                            create_task(async move { (code, child.wait().await.unwrap().code()) })
                        })
                        .collect();
                    for child in children {
                        let (code, status) = child.await.unwrap();
                        assert_eq!(status, Some(code));
                    }
                }
            });
        })
    });
    for thread in loops {
        thread.join().unwrap();
    }
}

/// Shows Z5.
/// Z5. Whatever the loop does about its own children, the status of a child that is not its own
/// stays there for the code that waits for it: nothing here calls `waitpid(-1)`.
#[test]
fn a_child_of_somebody_elses_keeps_its_status() {
    let _dog = watchdog("a stranger's child", 30);
    let mut strangers: Vec<_> =
        (0..5).map(|n| shell(&format!("exit {n}")).spawn().unwrap()).collect();
    for child in &strangers {
        // Dead and not collected, before the loop's own children end.
        let zombie = || state(child.id()) == Some('Z');
        while !zombie() {
            std::thread::yield_now();
        }
    }
    run(async || {
        for kill in [false, true] {
            for _ in 0..5 {
                let mut own = spawn(&mut shell("exit 7")).unwrap();
                assert_eq!(own.wait().await.unwrap().code(), Some(7));
                let mut dropped = spawn(&mut shell("sleep 0.01")).unwrap();
                let pid = dropped.id();
                dropped.kill_on_drop(kill);
                drop(dropped);
                until_async(|| state(pid).is_none()).await; // collected by the loop
            }
        }
    });
    for (n, child) in strangers.iter_mut().enumerate() {
        assert_eq!(state(child.id()), Some('Z'));
        assert_eq!(child.wait().unwrap().code(), Some(n as i32));
    }
}

/// Shows Z6.
/// Z6: what a child writes right before it ends is not lost.
#[test]
fn all_output_is_delivered_before_the_end_is() {
    let _dog = watchdog("last words", 120);
    run(async || {
        for size in [1, 4096, 65536] {
            for _ in 0..10 {
                let mut child = piped(&mut shell(&format!("head -c {size} /dev/zero")));
                if size == 4096 {
                    // Even when the end is known long before the read.
                    let pid = child.id();
                    until_async(|| state(pid) == Some('Z')).await;
                }
                let output = child.communicate(b"").await.unwrap();
                assert_eq!((output.stdout.len(), output.status.code()), (size, Some(0)));
            }
        }
    });
}

/// Shows Z7.
/// Z7.
#[test]
fn kill_on_drop_leaves_no_zombie() {
    let _dog = watchdog("kill_on_drop", 60);
    run(async || {
        let mut child = spawn(Command::new("sleep").arg("1000")).unwrap();
        child.kill_on_drop(true);
        let pid = child.id();
        drop(child);
        until_async(|| state(pid).is_none()).await;
    });
    // With the loop, and without one.
    let event_loop = EventLoop::new().unwrap();
    let sleeper = || {
        let mut child = spawn(Command::new("sleep").arg("1000")).unwrap();
        child.kill_on_drop(true);
        child
    };
    let outlives = event_loop.run_until_complete(async { sleeper() });
    let (send, receive) = std::sync::mpsc::channel();
    drop(event_loop.create_task(async move {
        let child = sleeper();
        send.send(child.id()).unwrap();
        std::future::pending::<()>().await;
        drop(child);
    }));
    event_loop.run_until_complete(yield_now());
    drop(event_loop);
    assert_eq!(state(receive.recv().unwrap()), None);
    let pid = outlives.id();
    drop(outlives);
    assert_eq!(state(pid), None);
}

#[test]
fn a_dropped_child_goes_on_and_is_collected() {
    let _dog = watchdog("dropped child", 60);
    run(async || {
        let mut child = spawn(Command::new("cat").stdin(Stdio::piped())).unwrap();
        let (pid, stdin) = (child.id(), child.stdin.take());
        drop(child);
        sleep(Duration::from_millis(5)).await;
        assert!(matches!(state(pid), Some('S' | 'R' | 'D')), "it is still running");
        drop(stdin);
        until_async(|| state(pid).is_none()).await;
    });
}

/// Whichever loop runs at that moment, its own collects it, when it runs again.
#[test]
fn a_child_that_is_dropped_between_two_runs_is_collected() {
    let _dog = watchdog("a child dropped between two runs", 60);
    let (event_loop, other) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let children = event_loop.run_until_complete(async {
        [(); 2].map(|()| spawn(Command::new("cat").stdin(Stdio::piped())).unwrap())
    });
    let pids = children.each_ref().map(|child| child.id());
    let [one, two] = children;
    drop(one);
    other.run_until_complete(async move { drop(two) });
    event_loop.run_until_complete(until_async(|| pids.iter().all(|pid| state(*pid).is_none())));
}

#[test]
fn a_program_that_is_not_there_leaves_nothing() {
    let _dog = watchdog("no program", 60);
    let event_loop = EventLoop::new().unwrap();
    event_loop.run_until_complete(async {
        for _ in 0..200 {
            let error = spawn(&mut Command::new("/no/such/program")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    });
    assert_eq!(event_loop.tasks(), 0);
    let error = spawn(&mut Command::new("true")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected, "outside a loop");
}

/// A pipeline as a shell would make it: the first child's output is the second one's input.
#[test]
fn pipes_connect_children_directly() {
    let _dog = watchdog("pipeline", 60);
    run(async || {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut first = spawn(shell("echo c; echo a; echo b").stdout(writer)).unwrap();
        let mut second = spawn(Command::new("sort").stdin(reader).stdout(Stdio::piped())).unwrap();
        assert_eq!(second.communicate(b"").await.unwrap().stdout, b"a\nb\nc\n");
        assert!(first.wait().await.unwrap().success());
    });
}
