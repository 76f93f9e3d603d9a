//! Waiting for a command that a test has started.

use std::fmt::Debug;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output};
use std::thread;
use std::time::{Duration, Instant};

/// Waits for the command to end and collects its output; if it hangs, it is killed and the test
/// fails.
#[allow(dead_code)] // only some test files need the output
pub fn finish(mut child: Child, words: &[&str], patience: Duration) -> Output {
    // Both pipes are read meanwhile, or a long output would fill one and stop the child.
    let collect = |mut pipe: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).map(|_| bytes).unwrap()
        })
    };
    let stdout = collect(Box::new(child.stdout.take().unwrap()));
    let stderr = collect(Box::new(child.stderr.take().unwrap()));
    let status = exit_within(&mut child, &words, patience);
    Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Waits for the command to end; if it hangs, it is killed and the test fails.
pub fn exit_within(child: &mut Child, what: &dyn Debug, patience: Duration) -> ExitStatus {
    let deadline = Instant::now() + patience;
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status,
            None if Instant::now() > deadline => {
                child.kill().unwrap();
                panic!("{what:?} did not end within {patience:?}");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The command as a user of its own, who may have so many threads and processes. `None` where only a
/// superuser could do that, or the user cannot come to the command.
#[allow(dead_code)] // only some test files limit one
pub fn with_few_tasks(command: &mut Command, most: u64) -> Option<Child> {
    let user = 2_000_000_000 + std::process::id();
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: these may be called between fork and exec, and take numbers and a local.
    let become_another = move || unsafe {
        match libc::setresuid(user, user, user) | libc::setrlimit(libc::RLIMIT_NPROC, &limit) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: see above.
    unsafe { command.pre_exec(become_another) }.spawn().ok()
}

/// Whoever runs the tests may ignore SIGINT, as a shell does for what it starts with `&`. A command
/// would ignore it, too.
#[allow(dead_code)] // only some test files send one
pub fn interruptible(command: &mut Command) -> &mut Command {
    // SAFETY: `signal` may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        })
    }
}
