//! A program on real threads, under a real lock.
//!
//! *Promises*: an end, whatever the program does: a deadlock is found, an endless loop is
//! stopped by fuel. Instructions are atomic; between them the policy decides.
//! *Leaves out*: which thread runs when. That is up to the policy and the machine.
//!
//! ```text
//!   GilThread 1 ──┐                         ┌─ one instruction (vm/thread.rs)
//!   GilThread 2 ──┼── token ──▶ GilCell ────┤  its switch point: a tick or a checkpoint
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
use crate::gil::rules::policy::{PointCheck, SwitchPolicy};
use crate::gil::stats::counters::Counters;
use crate::vm::program::Position;
use crate::vm::sync::{Exception, Wait};
use crate::vm::thread::{Effect, Executed, SharedMemory, Thread};
use crate::vm::verifier::Verified;
use std::fmt;
use std::io;

/// How a thread of a program came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadEnd {
    /// Its function returned this.
    Returned(i64),
    /// It waited for what no thread was left to do.
    Stuck,
    /// This ended it, there.
    Raised(Exception, Position),
    /// It had executed as many instructions as it was allowed.
    OutOfFuel,
}

/// What one thread did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadRun {
    /// How it ended.
    pub end: ThreadEnd,
    /// How many instructions it executed.
    pub instructions: u64,
    /// How many of them Python 2 would count.
    pub ticks: u64,
}

/// The result of running a program.
#[derive(Debug, Clone)]
pub struct RealRun {
    /// The globals at the end.
    pub globals: Vec<i64>,
    /// What each thread did.
    pub threads: Vec<ThreadRun>,
    /// What happened to the lock, how often.
    pub counters: Counters,
}

/// Why a program did not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum RealRunError {
    /// The operating system refused to make a thread.
    Spawn(io::Error),
    /// A thread ended without a result.
    Thread(JobError),
    /// The lock could not be taken.
    Lock(AttachError),
}

impl fmt::Display for RealRunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RealRunError::Spawn(e) => write!(f, "no thread to be had: {e}; raise `ulimit -u`"),
            RealRunError::Thread(e) => write!(f, "a thread was lost: {e}"),
            RealRunError::Lock(e) => write!(f, "the lock was lost: {e}"),
        }
    }
}

impl std::error::Error for RealRunError {}

/// Runs a program on real threads, under a new lock with this policy. Each thread is stopped
/// after `fuel` instructions.
///
/// # Errors
/// [`RealRunError`] if the threads or the lock cannot be had.
///
/// ```
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::real_threads::{ThreadEnd, run};
/// use singletrack::vm::verifier::Verified;
///
/// let text = "global x = 40\nthread f(2)\n\
///     def f(n):\n LOAD_GLOBAL x\n LOAD_FAST n\n ADD\n STORE_GLOBAL x\n LOAD_FAST n\n RETURN_VALUE";
/// let program = Verified::new(assemble(text)?)?;
/// let result = run(&program, SwitchPolicy::PYTHON_2, 1_000)?;
/// assert_eq!((result.globals[0], result.threads[0].end), (42, ThreadEnd::Returned(2)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run(program: &Verified, policy: SwitchPolicy, fuel: u64) -> Result<RealRun, RealRunError> {
    let lock = GlobalLock::new(policy);
    let shared = GilCell::new(&lock, Shared::of(program));
    let runner = Arc::new(Runner {
        program: program.clone(),
        policy,
        shared,
        changes: EventCount::default(),
    });
    let threads = lock
        .attach(|gil| {
            // While this thread holds the lock, all others queue for it, so they start together.
            let spawned: Vec<io::Result<GilThread<ThreadRun>>> =
                (0..program.program().threads.len())
                    .map(|number| {
                        let runner = Arc::clone(&runner);
                        let body = move |gil: &mut Gil<'_>| runner.run_thread(gil, number, fuel);
                        GilThread::spawn(&lock, &format!("thread {}", number + 1), body)
                    })
                    .collect();
            let started = spawned.iter().filter(|thread| thread.is_ok()).count();
            while lock.waiting() < started {
                std::thread::yield_now();
            }
            gil.detach(|| {
                spawned.into_iter().map(join).collect::<Result<Vec<ThreadRun>, RealRunError>>()
            })
        })
        .map_err(RealRunError::Lock)??;
    let globals = lock.attach(|gil| runner.shared.get(gil).memory.globals.clone());
    let globals = globals.map_err(RealRunError::Lock)?;
    Ok(RealRun { globals, threads, counters: lock.counters() })
}

fn join(spawned: io::Result<GilThread<ThreadRun>>) -> Result<ThreadRun, RealRunError> {
    spawned.map_err(RealRunError::Spawn)?.join().map_err(RealRunError::Thread)
}

/// What a thread does, as the others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Running,
    Waiting(Wait),
    Ended,
}

/// What only the thread that holds the lock touches.
struct Shared {
    memory: SharedMemory,
    statuses: Vec<Status>,
}

impl Shared {
    fn of(program: &Verified) -> Shared {
        let threads = program.program().threads.len();
        Shared {
            memory: SharedMemory::of(program.program()),
            statuses: vec![Status::Running; threads],
        }
    }

    /// Whether no thread can ever run again. Any that runs could release a lock or set an event, and
    /// one that was woken runs, though it may not know yet.
    fn is_deadlock(&self) -> bool {
        self.statuses.iter().enumerate().all(|(thread, status)| match status {
            Status::Running => false,
            Status::Waiting(wait) => self.memory.sync.holds_up(thread, *wait),
            Status::Ended => true,
        })
    }
}

/// What the threads of one run have in common.
struct Runner {
    program: Verified,
    policy: SwitchPolicy,
    shared: GilCell<Shared>,
    /// Advances when what a thread waits for may have happened.
    changes: EventCount,
}

impl Runner {
    /// The loop of one thread: an instruction, what it asks for, its switch point.
    fn run_thread(&self, gil: &mut Gil<'_>, number: usize, fuel: u64) -> ThreadRun {
        let mut thread = Thread::new(&self.program, number);
        let (mut instructions, mut ticks) = (0, 0);
        let end = loop {
            let Some((_, next)) = thread.next(&self.program) else { break ThreadEnd::Returned(0) };
            if instructions == fuel {
                break ThreadEnd::OutOfFuel;
            }
            let memory = &mut self.shared.get_mut(gil).memory;
            let Some(executed) = thread.execute(&self.program, memory) else {
                break ThreadEnd::Returned(0);
            };
            match executed.effect {
                Effect::Nothing => {}
                Effect::Blocks => gil.detach(std::thread::yield_now),
                Effect::Sleeps(time) => gil.sleep(time),
                Effect::Wakes => self.changes.advance(),
                Effect::Waits(wait) => {
                    if self.wait(gil, number, wait) {
                        continue;
                    }
                    break ThreadEnd::Stuck;
                }
                Effect::Ends(value) => {
                    instructions += 1;
                    break ThreadEnd::Returned(value);
                }
                Effect::Raises(exception) => {
                    instructions += 1;
                    break ThreadEnd::Raised(exception, next.position);
                }
            }
            instructions += 1;
            ticks += u64::from(next.op.opcode().counted);
            self.pass_switch_point(gil, executed);
        };
        // Those that wait look whether any thread is left that could help them.
        self.shared.get_mut(gil).statuses[number] = Status::Ended;
        self.changes.advance();
        ThreadRun { end, instructions, ticks }
    }

    /// Waits until something has changed; false if nothing ever will.
    fn wait(&self, gil: &mut Gil<'_>, number: usize, wait: Wait) -> bool {
        let shared = self.shared.get_mut(gil);
        shared.statuses[number] = Status::Waiting(wait);
        if shared.is_deadlock() {
            return false;
        }
        // The count is read with the lock held, while no other thread can change anything, so no
        // change is missed.
        let seen = self.changes.count();
        gil.detach(|| self.changes.wait_beyond(seen));
        self.shared.get_mut(gil).statuses[number] = Status::Running;
        true
    }

    /// The switch point after an instruction. The lock changes hands here, and where a thread
    /// blocks; nowhere else.
    fn pass_switch_point(&self, gil: &mut Gil<'_>, executed: Executed) {
        match executed.op.point_check(executed.point, &self.policy) {
            PointCheck::Nothing => {}
            PointCheck::Count | PointCheck::AtRequest => gil.checkpoint(),
        }
    }
}

/// An event count: a number that only grows, and a way to wait until it has grown.
#[derive(Debug, Default)]
struct EventCount {
    count: Mutex<u64>,
    advanced: Condvar,
}

impl EventCount {
    fn count(&self) -> u64 {
        *self.count.lock()
    }

    fn advance(&self) {
        *self.count.lock() += 1;
        self.advanced.notify_all();
    }

    /// Waits until the count has grown beyond `seen`.
    fn wait_beyond(&self, seen: u64) {
        let mut count = self.count.lock();
        while *count == seen {
            self.advanced.wait(&mut count);
        }
    }
}
