//! A program on real threads, under a real lock.
//!
//! *Promises*: an end, whatever the program does: a deadlock is found, an endless loop is
//! stopped by fuel. Instructions are atomic; between them the policy decides.
//! *Leaves out*: which thread runs when. That is up to the policy and the machine.
//!
//! ```text
//!   GilThread 1 ──┐                         ┌─ one instruction (vm/thread.rs)
//!   GilThread 2 ──┼── token ──▶ GilCell ────┤  one look at the lock: tick or checkpoint
//!   GilThread 3 ──┘             globals,    └─ and again
//!                               locks
//! ```

use crate::base::sync::{Arc, Condvar, Mutex};
use crate::futures::error::JobError;
use crate::gil::lock::cell::GilCell;
use crate::gil::lock::gil_thread::GilThread;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::decision::AttachError;
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::counters::Counters;
use crate::vm::program::Op;
use crate::vm::thread::{Effect, Shared, Thread};
use crate::vm::verifier::Verified;
use std::fmt;
use std::io;

/// How a thread of a program came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its function returned this.
    Returned(i64),
    /// It waited for a lock that nobody would ever let go of.
    Stuck,
    /// It had executed as many instructions as it was given.
    OutOfFuel,
}

/// What one thread did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// How it ended.
    pub end: End,
    /// Instructions executed.
    pub instructions: u64,
    /// Those that Python 2 would count.
    pub ticks: u64,
}

/// What a program came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// The globals at the end.
    pub globals: Vec<i64>,
    /// By thread.
    pub threads: Vec<Account>,
    /// What the lock went through.
    pub counters: Counters,
}

/// Why a program did not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// The operating system has no thread to give.
    Spawn(io::Error),
    /// A thread was lost.
    Thread(JobError),
    /// The lock could not be had.
    Lock(AttachError),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Spawn(e) => write!(f, "no thread to be had: {e}; raise `ulimit -u`"),
            RunError::Thread(e) => write!(f, "a thread was lost: {e}"),
            RunError::Lock(e) => write!(f, "the lock was lost: {e}"),
        }
    }
}

impl std::error::Error for RunError {}

/// Runs a program on real threads, under a new lock with this policy. Each thread is stopped
/// after `fuel` instructions.
///
/// # Errors
/// [`RunError`] if the threads cannot be had.
///
/// ```
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::real_threads::{End, run};
/// use singletrack::vm::verifier::Verified;
///
/// let text = "global x = 40\nthread f(2)\n\
///     def f(n):\n LOAD_GLOBAL x\n LOAD_FAST n\n ADD\n STORE_GLOBAL x\n LOAD_FAST n\n RETURN_VALUE";
/// let program = Verified::new(assemble(text)?)?;
/// let report = run(&program, SwitchPolicy::PYTHON_2, 1_000)?;
/// assert_eq!((report.globals[0], report.threads[0].end), (42, End::Returned(2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run(program: &Verified, policy: SwitchPolicy, fuel: u64) -> Result<Report, RunError> {
    let lock = GlobalLock::new(policy);
    let shared = GilCell::new(&lock, Shared::of(program.program()));
    let stage =
        Arc::new(Stage { program: program.clone(), policy, shared, freed: Bell::default() });
    let threads = lock
        .attach(|gil| {
            // While this thread has the lock all others gather before it, and start together.
            let spawned: Vec<io::Result<GilThread<Account>>> = (0..program.program().threads.len())
                .map(|number| {
                    let stage = Arc::clone(&stage);
                    let body = move |gil: &mut Gil<'_>| stage.play(gil, number, fuel);
                    GilThread::spawn(&lock, &format!("thread {}", number + 1), body)
                })
                .collect();
            let gathered = spawned.iter().filter(|thread| thread.is_ok()).count();
            while lock.waiting() < gathered {
                std::thread::yield_now();
            }
            gil.detach(|| spawned.into_iter().map(join).collect::<Result<Vec<Account>, RunError>>())
        })
        .map_err(RunError::Lock)??;
    let globals = lock.attach(|gil| stage.shared.get(gil).globals.clone());
    let globals = globals.map_err(RunError::Lock)?;
    Ok(Report { globals, threads, counters: lock.counters() })
}

fn join(spawned: io::Result<GilThread<Account>>) -> Result<Account, RunError> {
    spawned.map_err(RunError::Spawn)?.join().map_err(RunError::Thread)
}

/// What the threads of one run share.
struct Stage {
    program: Verified,
    policy: SwitchPolicy,
    shared: GilCell<Shared>,
    /// A lock of the program was let go of, or a thread has stopped for good.
    freed: Bell,
}

impl Stage {
    /// A thread's whole life: an instruction, what it asks for, a look at the lock.
    fn play(&self, gil: &mut Gil<'_>, number: usize, fuel: u64) -> Account {
        let mut thread = Thread::new(&self.program, number);
        let (mut instructions, mut ticks) = (0, 0);
        let end = loop {
            let Some((_, next)) = thread.next(&self.program) else { break End::Returned(0) };
            if instructions == fuel {
                break End::OutOfFuel;
            }
            match thread.execute(&self.program, self.shared.get_mut(gil)) {
                Effect::Goes => {}
                Effect::Blocks => gil.detach(std::thread::yield_now),
                Effect::Sleeps(time) => gil.sleep(time),
                Effect::Frees => self.freed.ring(),
                Effect::Waits(_) if self.shared.get(gil).locks.is_stuck(number) => {
                    break End::Stuck;
                }
                Effect::Waits(_) => {
                    // The count is read while nobody can let go, so no ring is missed.
                    let heard = self.freed.rings();
                    gil.detach(|| self.freed.wait(heard));
                    continue;
                }
                Effect::Ends(value) => {
                    instructions += 1;
                    break End::Returned(value);
                }
            }
            instructions += 1;
            ticks += u64::from(next.op.opcode().counted);
            self.look(gil, next.op);
        };
        if !matches!(end, End::Returned(_)) {
            self.shared.get_mut(gil).locks.stops(number);
            self.freed.ring();
        }
        Account { end, instructions, ticks }
    }

    /// The one checkpoint: the lock may change hands here, and nowhere else but where a thread
    /// blocks.
    fn look(&self, gil: &mut Gil<'_>, op: Op) {
        if op.opcode().edge_or_call {
            gil.checkpoint();
        } else if op.may_switch(&self.policy) {
            gil.tick();
        }
    }
}

/// Something to wait for that can come again and again.
#[derive(Debug, Default)]
struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    fn rings(&self) -> u64 {
        *self.rings.lock()
    }

    fn ring(&self) {
        *self.rings.lock() += 1;
        self.rung.notify_all();
    }

    /// Waits until it has rung again.
    fn wait(&self, heard: u64) {
        let mut rings = self.rings.lock();
        while *rings == heard {
            self.rung.wait(&mut rings);
        }
    }
}
