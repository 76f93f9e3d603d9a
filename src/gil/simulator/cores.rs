//! Simulated cores, and the scheduler that gives them to threads.
//!
//! *Assumes*: its caller reports who wakes, who leaves and whose slice is over, in order of time.
//! *Promises*: a thread is on one core at most; no core idles while a thread queues; who has had
//! the least gets the next.
//! *Leaves out*: what the threads do, and what a switch costs (`gil/simulator/simulation.rs`).
//!
//! ```text
//!      wakes ──▶ a core idles? ──▶ on it
//!                  │ no
//!                  ▼
//!                it has slept long: ──▶ instead of the one that has had the most
//!                  │ no
//!                  ▼
//!                one queue, least served first ──▶ on the next core that is left,
//!                                                  or whose slice is over
//! ```
//! There is one queue for the whole machine. Real kernels have one a core and move threads
//! between them now and then, which is why a real battle of two threads sometimes stops for a
//! while: both were put on one core. With one queue a woken thread runs wherever a core idles,
//! every time, and the effect is there to be studied.
//!
//! Time on a core counts as in Linux's fair scheduler: a thread that comes back from a sleep is
//! owed no more than one quantum, so it goes before threads that compute, but not for long.

use crate::gil::rules::decision::Nanos;
use std::collections::BTreeSet;

/// Where a woken thread went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Onto a core that was idle.
    OnIdle(usize),
    /// Onto this core, whose thread was put back into the queue.
    Preempting {
        core: usize,
        of: usize,
    },
    Queued,
}

#[derive(Debug, Clone, Copy)]
struct OnCore {
    thread: usize,
    since: Nanos,
}

#[derive(Debug)]
pub(crate) struct Cores {
    running: Vec<Option<OnCore>>,
    /// By time on a core, then by arrival.
    run_queue: BTreeSet<(Nanos, u64, usize)>,
    /// How long each thread has been on a core; a sleeper's is raised when it wakes.
    runtime: Vec<Nanos>,
    /// The core each thread ran on last.
    last_core: Vec<usize>,
    quantum: Nanos,
    arrivals: u64,
}

impl Cores {
    pub(crate) fn new(cores: usize, quantum: Nanos) -> Cores {
        Cores {
            running: vec![None; cores],
            run_queue: BTreeSet::new(),
            runtime: Vec::new(),
            last_core: Vec::new(),
            quantum,
            arrivals: 0,
        }
    }

    /// A thread, numbered from 0, that does not run yet.
    pub(crate) fn add_thread(&mut self) {
        self.last_core.push(self.last_core.len() % self.running.len());
        self.runtime.push(0);
    }

    /// The core this thread is on.
    pub(crate) fn core_of(&self, thread: usize) -> Option<usize> {
        let core = self.last_core[thread];
        self.running[core].is_some_and(|shift| shift.thread == thread).then_some(core)
    }

    /// Whoever wakes now would run at once.
    pub(crate) fn has_idle_core(&self) -> bool {
        self.running.iter().any(Option::is_none)
    }

    /// A thread can run again.
    pub(crate) fn wake(&mut self, thread: usize, now: Nanos) -> Placement {
        let idle = |core: &usize| self.running[*core].is_none();
        let home = Some(self.last_core[thread]).filter(idle);
        if let Some(core) = home.or_else(|| (0..self.running.len()).find(idle)) {
            self.dispatch(thread, core, now);
            return Placement::OnIdle(core);
        }
        let most_served = (0..self.running.len()).max_by_key(|&core| self.runtime_on(core, now));
        let most = most_served.map_or(0, |core| self.runtime_on(core, now));
        let served = &mut self.runtime[thread];
        *served = (*served).max(most.saturating_sub(self.quantum));
        // Half a quantum is what it takes to be preferred: else two threads that wake each
        // other would do nothing but change places.
        let preferred = self.quantum > 0 && most - (*served).min(most) > self.quantum / 2;
        match most_served.filter(|_| preferred) {
            Some(core) => {
                let of = self.take_off(core, now);
                self.dispatch(thread, core, now);
                of.map_or(Placement::OnIdle(core), |of| {
                    self.enqueue(of);
                    Placement::Preempting { core, of }
                })
            }
            None => {
                self.enqueue(thread);
                Placement::Queued
            }
        }
    }

    /// A thread goes to sleep, or ends. The core it leaves, and who is on that now.
    pub(crate) fn block(&mut self, thread: usize, now: Nanos) -> Option<(usize, Option<usize>)> {
        let core = self.core_of(thread)?;
        self.take_off(core, now);
        let next = self.run_queue.pop_first().map(|(_, _, next)| next);
        if let Some(next) = next {
            self.dispatch(next, core, now);
        }
        Some((core, next))
    }

    /// A core's slice is over: who had it, and who has it now, if anybody queued.
    pub(crate) fn end_slice(&mut self, core: usize, now: Nanos) -> Option<(usize, usize)> {
        if self.run_queue.is_empty() {
            return None;
        }
        let before = self.take_off(core, now)?;
        let (_, _, next) = self.run_queue.pop_first()?;
        self.enqueue(before);
        self.dispatch(next, core, now);
        Some((before, next))
    }

    fn runtime_on(&self, core: usize, now: Nanos) -> Nanos {
        let shift = |shift: OnCore| self.runtime[shift.thread] + now.saturating_sub(shift.since);
        self.running[core].map_or(0, shift)
    }

    fn dispatch(&mut self, thread: usize, core: usize, now: Nanos) {
        self.running[core] = Some(OnCore { thread, since: now });
        self.last_core[thread] = core;
    }

    fn take_off(&mut self, core: usize, now: Nanos) -> Option<usize> {
        let served = self.runtime_on(core, now);
        let shift = self.running[core].take()?;
        self.runtime[shift.thread] = served;
        Some(shift.thread)
    }

    fn enqueue(&mut self, thread: usize) {
        self.arrivals += 1;
        self.run_queue.insert((self.runtime[thread], self.arrivals, thread));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(cores: usize, threads: usize) -> Cores {
        let mut all = Cores::new(cores, 100);
        (0..threads).for_each(|_| all.add_thread());
        all
    }

    #[test]
    fn a_woken_thread_prefers_the_core_it_had() {
        let mut cores = cores(2, 2);
        assert_eq!(cores.wake(1, 0), Placement::OnIdle(1));
        assert_eq!(cores.block(1, 5), Some((1, None)));
        assert_eq!(cores.wake(1, 9), Placement::OnIdle(1));
        assert_eq!(cores.wake(0, 9), Placement::OnIdle(0));
    }

    #[test]
    fn no_core_idles_while_a_thread_queues() {
        let mut cores = cores(1, 3);
        assert_eq!(cores.wake(0, 0), Placement::OnIdle(0));
        assert_eq!(cores.wake(1, 0), Placement::Queued);
        assert_eq!(cores.wake(2, 0), Placement::Queued);
        assert_eq!(cores.block(0, 10), Some((0, Some(1))));
        assert_eq!(cores.end_slice(0, 110), Some((1, 2)));
        assert_eq!(cores.block(2, 120), Some((0, Some(1))));
        assert_eq!(cores.end_slice(0, 220), None);
        assert_eq!(cores.block(1, 230), Some((0, None)));
    }

    #[test]
    fn who_has_slept_long_goes_before_who_computes() {
        let mut cores = cores(1, 2);
        assert_eq!(cores.wake(0, 0), Placement::OnIdle(0));
        assert_eq!(cores.wake(1, 51), Placement::Preempting { core: 0, of: 0 });
        assert_eq!(cores.block(1, 60), Some((0, Some(0))));
        // It has had 9 and is owed 43 of the other's 52: not enough.
        assert_eq!(cores.wake(1, 61), Placement::Queued);
    }
}
