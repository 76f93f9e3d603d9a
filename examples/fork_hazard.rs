//! A lock that a thread holds while another forks: the child waits for ever.
//!
//! Level: 3 of 3. Minutes: 5. Read: src/process/forkserver/client.rs
//!
//! Question: a program with threads forks, and the child takes a lock that nobody holds any more in
//! the parent. What happens? Prediction: the child hangs. `fork` copies the memory, with the lock as
//! it was, but only the thread that called it; whoever held the lock is not there to release it. A
//! fork server, started before there were threads, never has such a copy to give.
//!
//!     cargo run --example fork_hazard
//!
//! CI:
//!
//! ```text
//!   parent   worker ──── lock ─────────────── unlock
//!            main ───────────── fork ────────────────
//!   child    main               └──── lock? ……………………………   the worker was not copied
//! ```
//! malloc's and stdout's locks are of this kind, so it may be any line of the child that hangs. CPython
//! warns of it since 3.12, and has not forked by default since 3.14.

mod common;

use common::measured;
use common::options::Options;
use singletrack::process::{ForkServer, ForkServerError, Process};
use std::error::Error;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

static LOCK: Mutex<u32> = Mutex::new(42);

/// What the child does, either way.
fn read_under_lock(_: ()) -> u32 {
    *LOCK.lock().expect("nobody panicked")
}

/// Forks by hand; whether the child came through within `patience`. If not, it is killed.
fn fork_by_hand(patience: Duration) -> io::Result<bool> {
    // SAFETY: in the child of a program with threads only async-signal-safe functions may be called.
    // To take a lock is none of them, and that is what this shows; the child does nothing else.
    let child = unsafe { libc::fork() };
    match child {
        -1 => return Err(io::Error::last_os_error()),
        // SAFETY: `alarm` ends the child should its parent be gone; `_exit` runs nothing of ours.
        0 => unsafe {
            libc::alarm(30);
            libc::_exit(i32::from(read_under_lock(()) != 42))
        },
        _ => {}
    }
    let (begin, mut status, mut killed) = (Instant::now(), 0, false);
    loop {
        // SAFETY: a child of ours that was not waited for, and a number to write to.
        let (ended, now) =
            unsafe { (libc::waitpid(child, &mut status, libc::WNOHANG), begin.elapsed()) };
        if ended == child {
            return Ok(!killed && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
        }
        if now > patience && !killed {
            // SAFETY: two numbers, and the child is not reaped yet.
            unsafe { libc::kill(child, libc::SIGKILL) };
            killed = true;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Runs `f` while another thread holds the lock.
fn while_locked<R>(f: impl FnOnce() -> R) -> R {
    thread::scope(|scope| {
        let (locked, (release, released)) = (channel(), channel::<()>());
        let tell = locked.0;
        scope.spawn(move || {
            let _guard = LOCK.lock();
            let _ = tell.send(());
            let _ = released.recv(); // an error is the end of this scope, too
        });
        locked.1.recv().expect("the thread has the lock");
        let result = f();
        drop(release);
        result
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let patience = Options::read(&["--patience MS"]).value("--patience", 50..=20_000, 300);
    let patience = Duration::from_millis(patience);
    let fork_server = ForkServer::start()?; // while there is one thread

    let alone = fork_by_hand(Duration::from_secs(20))?;
    println!("forked from one thread               the child came through: {alone}");
    assert!(alone);

    let beside = while_locked(|| fork_by_hand(patience))?;
    println!("forked while a thread holds the lock the child came through: {beside}");
    assert!(!beside, "the lock in the child belongs to nobody");

    let refused = while_locked(ForkServer::start).err();
    let Some(ForkServerError::Threads(names)) = &refused else {
        return Err("a program with threads was forked".into());
    };
    assert!(names.len() >= 2, "it names them: {names:?}");
    println!(
        "ForkServer::start says               {}",
        refused.map_or(String::new(), |e| e.to_string())
    );

    let value = while_locked(|| Process::spawn(&fork_server, read_under_lock, ())?.join())?;
    println!("by a fork server from before         the child has read {value}");
    assert_eq!(value, 42);
    measured(format_args!(
        "The child of a program with threads was still waiting for a lock after {} ms; the one \
         of the fork server came through, while that lock was held.",
        patience.as_millis()
    ));
    Ok(())
}
