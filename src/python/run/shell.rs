//! The shell: a machine under a global lock, and what a thread does that has the lock.
//!
//! *Assumes*: somebody carries each thread: calls `turn` for it until it has ended.
//! *Promises*: one thread executes at a time, and the lock changes hands where the policy looks, or
//! where a thread waits; when the run is over no thread gets the lock any more.
//! *Leaves out*: who carries a thread (`python/run/carry.rs`).
//!
//! ```text
//!   carrier: lock.attach ─▶ turn ─▶ resume ─▶ burst ─▶ wake others ─▶ checkpoint ─┐
//!                             ▲        ▲                                          │
//!                             │        └────────── where the policy looks ────────┘
//!              Turn::Waits ◀──┤  the carrier sleeps without the lock until the waker is woken
//!            Turn::Started ◀──┤  there are new threads: the carrier sees to it that each is carried
//!               Turn::Asks ◀──┤  something from outside is wanted: whoever has it calls `deliver`
//!  Turn::Ended, Turn::Over ◀──┘
//! ```
//! A carrier need not be an OS thread: a task of an event loop is one too, that calls `turn` when it
//! is polled, with its own waker. What it must not do is to block with the lock in hand.

use crate::base::sync::{Condvar, Mutex};
use crate::gil::lock::cell::GilCell;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::decision::AttachError;
use crate::gil::rules::policy::{Check, SwitchPolicy};
use crate::gil::rules::threading::Threading;
use crate::python::explore::policies::Looks;
use crate::python::machine::burst::{Pause, Points};
use crate::python::machine::interpreter::Machine;
use crate::python::machine::outside::{Answer, Clock, Request, Switching};
use crate::python::machine::traceback::tracebacks;
use crate::python::run::executors::Executors;
use crate::python::run::inside::{Ending, Inside, Resumed};
use crate::python::run::processes::Processes;
use crate::python::run::streams::{Streams, write_out};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Waker;
use std::time::{Duration, Instant};

/// How long the end waits for the lock.
const PATIENCE: Duration = Duration::from_millis(500);

/// Why a turn has ended. The carrier still has the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The thread waits: without the lock, until its waker is woken or this moment has come.
    Waits(Option<Instant>),
    /// These threads of the world have begun, and nobody carries them yet. The turn goes on.
    Started(Range<usize>),
    /// Something is wanted from outside, under this number. The turn goes on.
    Asks(Vec<(u64, Request)>),
    /// The thread has ended.
    Ended,
    /// The run has.
    Over,
}

/// A program that runs for real.
pub struct Shell {
    /// The lock that every thread takes to run.
    pub lock: GlobalLock,
    inside: GilCell<Inside>,
    /// Where the policy looks.
    points: Points<'static>,
    /// It looks at the word that a waiter sets; else it counts.
    on_request: bool,
    /// There is no lock in the program's eyes: it is dropped after every instruction.
    free: bool,
    clock: Clock,
    pub(crate) streams: Streams,
    /// The other processes of the run.
    pub(crate) processes: Processes,
    /// The executors of its pools of threads.
    pub(crate) executors: Executors,
    /// The name of the file and its text, for tracebacks.
    file: String,
    source: String,
    interrupted: AtomicBool,
    main: Mutex<Main>,
    done: Mutex<Option<Ending>>,
    is_done: Condvar,
}

/// The main thread, as those see it that have no lock.
#[derive(Default)]
struct Main {
    waker: Option<Waker>,
    ended: bool,
}

impl Shell {
    /// A machine at the beginning of its program.
    pub(crate) fn new(
        mut machine: Machine,
        threading: Threading,
        scale: f64,
        streams: Streams,
        (file, source): (String, String),
        processes: Processes,
    ) -> Arc<Shell> {
        let (policy, free) = match threading {
            Threading::Gil(policy) => (policy, false),
            // Whoever is quicker: nobody is asked, and nobody waits his turn.
            Threading::Free => (SwitchPolicy::NO_FORCE, true),
        };
        let lock = GlobalLock::new(policy);
        let clock = Clock::new(scale);
        machine.outside.clock = Some(clock);
        machine.outside.switching = switching(policy, free);
        machine.tracebacks.kept = true;
        Arc::new(Shell {
            inside: GilCell::new(&lock, Inside::new(machine)),
            lock,
            points: Points::of(|place| Looks::Under(threading, false).at(place)),
            on_request: !free && matches!(policy.check(), Check::OnRequest { .. }),
            free,
            clock,
            streams,
            processes,
            executors: Executors::default(),
            file,
            source,
            interrupted: AtomicBool::new(false),
            main: Mutex::default(),
            done: Mutex::default(),
            is_done: Condvar::new(),
        })
    }

    /// What is under the lock.
    pub fn inside<'a>(&'a self, gil: &'a mut Gil<'_>) -> &'a mut Inside {
        self.inside.get_mut(gil)
    }

    /// Executes a thread until it has to wait, has ended, or its carrier has something to do first.
    pub fn turn(&self, gil: &mut Gil<'_>, number: usize, waker: &Waker) -> Turn {
        if number == 0 {
            self.main.lock().waker.get_or_insert_with(|| waker.clone()).clone_from(waker);
        }
        loop {
            let interrupted = number == 0 && self.interrupted.load(Relaxed);
            let asked = gil.asked();
            let inside = self.inside.get_mut(gil);
            if inside.ending.is_some() {
                self.finish(gil);
                return Turn::Over;
            }
            if !inside.machine.outside.requests.is_empty() {
                return Turn::Asks(std::mem::take(&mut inside.machine.outside.requests));
            }
            let threads = inside.machine.world.threads.len();
            if inside.carried < threads {
                return Turn::Started(std::mem::replace(&mut inside.carried, threads)..threads);
            }
            match inside.resume(number, interrupted, waker) {
                Resumed::Runs => {}
                Resumed::Waits(until) => {
                    return Turn::Waits(until.and_then(|until| self.clock.instant(until)));
                }
                Resumed::Ended => return Turn::Ended,
            }
            if interrupted && inside.interrupt() {
                self.interrupted.store(false, Relaxed);
            }
            let points = if self.on_request { self.points.when(asked) } else { self.points };
            let pause = inside.burst(points);
            self.settle(gil, number, pause);
        }
    }

    /// Does what a burst has left to do, and lets others run where the policy looks.
    fn settle(&self, gil: &mut Gil<'_>, number: usize, pause: Pause) {
        let inside = self.inside.get_mut(gil);
        let looks = matches!(pause, Pause::Place(place) if self.points.has(place));
        match pause {
            Pause::Place(_) | Pause::Fuel => {}
            Pause::Wait(..) => inside.wait(),
            Pause::Ended => self.end(gil, number),
            Pause::Stop(why) => {
                inside.ending = Some(Ending::Stopped(why, inside.machine.position()));
            }
        }
        let inside = self.inside.get_mut(gil);
        inside.wake();
        self.complain(gil);
        let inside = self.inside.get_mut(gil);
        let outside = &mut inside.machine.outside;
        if std::mem::take(&mut outside.switching_changed) {
            let switching = outside.switching;
            self.set_switching(gil, switching);
        }
        let inside = self.inside.get_mut(gil);
        let output = &inside.machine.world.output;
        if !output.is_empty()
            && (inside.machine.outside.flush || self.streams.is_due(output))
            && let Err(error) = self.flush(gil)
        {
            let reader_gone = error.kind() == io::ErrorKind::BrokenPipe;
            let ending = Ending::NoOutput(error.to_string(), reader_gone);
            self.inside.get_mut(gil).ending.get_or_insert(ending);
        }
        match (looks, self.free) {
            (true, false) => gil.checkpoint(),
            (true, true) => gil.detach(|| ()),
            (false, _) => {}
        }
    }

    /// The thread has ended: says so if it was by an exception.
    fn end(&self, gil: &mut Gil<'_>, number: usize) {
        let inside = self.inside.get_mut(gil);
        let told = inside.machine.tracebacks.take(number);
        let failed = inside.machine.current.failure.is_some();
        let name = inside.machine.name_of_thread(number);
        let process = inside.machine.outside.process.clone();
        let exit = inside.machine.outside.exit.as_ref().filter(|_| number == 0);
        let mut text =
            exit.filter(|exit| !exit.text.is_empty()).map(|exit| exit.text.clone() + "\n");
        if failed {
            let head = match number {
                0 => process.map_or_else(String::new, |process| format!("Process {process}:\n")),
                _ => format!("Exception in thread {name}:\n"),
            };
            text = Some(head + &tracebacks(&told, &self.file, &self.source));
        }
        // With the lock in hand: who waits for this thread finds it said.
        if let Some(text) = text {
            self.streams.complain(&text);
        }
        inside.end_thread();
        if number == 0 {
            self.main.lock().ended = true;
        }
    }

    /// Writes what the library has to say on stderr.
    fn complain(&self, gil: &mut Gil<'_>) {
        let errors = &mut self.inside.get_mut(gil).machine.world.errors;
        if !errors.is_empty() {
            self.streams.complain(&std::mem::take(errors));
        }
    }

    fn set_switching(&self, gil: &mut Gil<'_>, switching: Switching) {
        // The library has checked both: neither is refused.
        let _ = match switching {
            Switching::Interval(interval) => self.lock.set_switch_interval(interval),
            Switching::Ticks(ticks) => gil.set_check_interval(ticks),
            Switching::None => Ok(()),
        };
    }

    /// Writes what was printed.
    fn flush(&self, gil: &mut Gil<'_>) -> io::Result<()> {
        let machine = &mut self.inside.get_mut(gil).machine;
        machine.outside.flush = false;
        let text = std::mem::take(&mut machine.world.output);
        let mut out = self.streams.out();
        gil.detach(move || write_out(&mut **out, &text))
    }

    /// The run is over: writes the rest, wakes everybody up and gives nobody the lock again.
    fn finish(&self, gil: &mut Gil<'_>) {
        let flushed = self.flush(gil);
        let inside = self.inside.get_mut(gil);
        inside.leave();
        inside.machine.complain_at_end();
        self.complain(gil);
        let inside = self.inside.get_mut(gil);
        let mut ending = inside.ending.clone().unwrap_or(Ending::Finished(0));
        if let (Err(error), Ending::Finished(_)) = (flushed, &ending) {
            let reader_gone = error.kind() == io::ErrorKind::BrokenPipe;
            ending = Ending::NoOutput(error.to_string(), reader_gone);
        }
        inside.leave();
        inside.waiters.wake_all();
        gil.finalise();
        self.done.lock().get_or_insert(ending);
        self.is_done.notify_all();
    }
}

/// What others may do that have no lock.
impl Shell {
    /// Gives the answer that was asked for under this number. From any thread that has no lock.
    ///
    /// # Errors
    /// [`AttachError`] if the run is over.
    pub fn deliver(&self, number: u64, answer: Answer) -> Result<(), AttachError> {
        self.change_answers(|answers| drop(answers.insert(number, answer)))
    }

    /// Changes what has come from outside, and wakes who waits for it.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    pub(crate) fn change_answers(
        &self,
        change: impl FnOnce(&mut BTreeMap<u64, Answer>),
    ) -> Result<(), AttachError> {
        self.lock.attach(|gil| {
            let inside = self.inside.get_mut(gil);
            change(&mut inside.machine.world.answers);
            inside.machine.outside.stirred = true;
            inside.wake();
        })
    }

    /// So many nanoseconds of the program in real time.
    pub(crate) fn real(&self, nanoseconds: u64) -> Duration {
        self.clock.real(nanoseconds)
    }

    /// Interrupts the main thread, as Ctrl-C does. False if nobody is left who would hear it: the
    /// main thread has ended, or has not heard the last one.
    pub(crate) fn interrupt(&self) -> bool {
        let main = self.main.lock();
        if main.ended || self.interrupted.swap(true, Relaxed) {
            return false;
        }
        main.waker.iter().for_each(Waker::wake_by_ref);
        true
    }

    /// Ends the run, if the lock can be had in time.
    pub(crate) fn stop(&self, ending: Ending) {
        // Else a thread does not come to a place where the policy looks, or the run is over.
        let _ = self.lock.attach_timeout(PATIENCE, |gil| {
            self.inside.get_mut(gil).ending.get_or_insert(ending);
            self.finish(gil);
        });
    }

    /// Waits so long for the end of the run.
    pub(crate) fn wait(&self, time: Duration) -> Option<Ending> {
        let mut done = self.done.lock();
        if done.is_none() {
            self.is_done.wait_for(&mut done, time);
        }
        done.clone()
    }
}

/// What the program sees of the lock.
fn switching(policy: SwitchPolicy, free: bool) -> Switching {
    match policy.check() {
        _ if free => Switching::None,
        Check::OnRequest { interval } => Switching::Interval(interval),
        Check::EveryTicks(ticks) => Switching::Ticks(ticks),
    }
}
