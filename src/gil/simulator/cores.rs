//! Simulated cores, and the scheduler that gives them to threads.
//!
//! *Assumes*: the caller reports which thread wakes, which blocks and which slice is over, in
//! order of time.
//! *Promises*: a thread is on one core at most; no core idles while a thread queues; the thread
//! with the least runtime is next.
//! *Leaves out*: what the threads do, and what a switch costs (`gil/simulator/timeline.rs`).
//!
//! ```text
//!      a thread wakes ──▶ a core idles? ──▶ it runs there
//!                          │ no
//!                          ▼
//!                         it has slept long? ──▶ it preempts the thread with the most runtime
//!                          │ no
//!                          ▼
//!                         one run queue, least runtime first ──▶ it runs on the next core that
//!                                                       is left, or whose time slice is over
//! ```
//! There is one run queue for the whole machine. Real kernels have one for each core and move
//! threads between them now and then, which is why a real battle of two threads sometimes stops
//! for a while: both were put on one core. With one queue a woken thread runs wherever a core
//! idles, every time, and the effect is there to be studied.
//!
//! What is asked of all cores at once (which idles, which has had its thread longest) is kept in
//! order, so a machine of a thousand cores costs little more an event than one of two.
//!
//! Runtime counts as in Linux's fair scheduler (`vruntime`): a thread that comes back from a sleep
//! is at most one quantum behind the others, so it goes before threads that compute, but not for
//! long.

use crate::gil::rules::decision::Nanos;
use std::collections::BTreeSet;

/// Where a woken thread went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Onto a core that was idle.
    OnIdle(usize),
    /// Onto this core, whose thread was put back into the run queue.
    Preempting {
        core: usize,
        preempted: usize,
    },
    Queued,
}

#[derive(Debug, Clone, Copy)]
struct OnCore {
    thread: usize,
    since: Nanos,
    /// Its runtime less the time at which it came: so two threads on cores compare at any moment as
    /// they do now, and the order below holds while they run.
    ahead: i128,
}

#[derive(Debug)]
pub(crate) struct Cores {
    running: Vec<Option<OnCore>>,
    /// The cores without a thread.
    idle: BTreeSet<usize>,
    /// The others, by how far ahead the thread on them is.
    busy: BTreeSet<(i128, usize)>,
    /// By runtime, then by arrival.
    run_queue: BTreeSet<(Nanos, u64, usize)>,
    /// How long each thread has been on a core; that of a sleeper is raised when it wakes.
    runtime: Vec<Nanos>,
    /// The core each thread ran on last.
    last_core: Vec<usize>,
    quantum: Nanos,
    /// For so long whoever has just come to a core is not displaced: it is still being switched to.
    settling: Nanos,
    arrivals: u64,
}

impl Cores {
    pub(crate) fn new(cores: usize, quantum: Nanos, settling: Nanos) -> Cores {
        Cores {
            running: vec![None; cores],
            idle: (0..cores).collect(),
            busy: BTreeSet::new(),
            run_queue: BTreeSet::new(),
            runtime: Vec::new(),
            last_core: Vec::new(),
            quantum,
            settling,
            arrivals: 0,
        }
    }

    /// Adds a thread that does not run yet. Threads are numbered from 0.
    pub(crate) fn add_thread(&mut self) {
        self.last_core.push(self.last_core.len() % self.running.len());
        self.runtime.push(0);
    }

    /// The core this thread is on.
    pub(crate) fn core_of(&self, thread: usize) -> Option<usize> {
        let core = self.last_core[thread];
        self.running[core].is_some_and(|on| on.thread == thread).then_some(core)
    }

    /// Whether a thread that wakes now would run at once.
    pub(crate) fn has_idle_core(&self) -> bool {
        !self.idle.is_empty()
    }

    /// A thread can run again: places it on a core or in the queue.
    pub(crate) fn wake(&mut self, thread: usize, now: Nanos) -> Placement {
        let last = Some(self.last_core[thread]).filter(|core| self.running[*core].is_none());
        if let Some(core) = last.or_else(|| self.idle.first().copied()) {
            self.dispatch(thread, core, now);
            return Placement::OnIdle(core);
        }
        let longest_on = self.busy.last().map(|&(_, core)| core);
        let most = longest_on.map_or(0, |core| self.runtime_on(core, now));
        let runtime = &mut self.runtime[thread];
        *runtime = (*runtime).max(most.saturating_sub(self.quantum));
        // Only a thread that is more than half a quantum behind preempts another. Else two threads
        // that wake each other would do nothing but change places. And nobody is displaced on the way to
        // its core: woken often enough, the others would keep it from ever getting there.
        let behind = most - (*runtime).min(most) > self.quantum / 2;
        let is_there = |core: usize| {
            self.running[core].is_some_and(|on| now.saturating_sub(on.since) > self.settling)
        };
        match longest_on.filter(|core| behind && is_there(*core)) {
            Some(core) => {
                let preempted = self.take_off(core, now);
                self.dispatch(thread, core, now);
                preempted.map_or(Placement::OnIdle(core), |preempted| {
                    self.enqueue(preempted);
                    Placement::Preempting { core, preempted }
                })
            }
            None => {
                self.enqueue(thread);
                Placement::Queued
            }
        }
    }

    /// A thread goes to sleep, or ends. Gives the core that it leaves, and the thread that runs
    /// there now.
    pub(crate) fn block(&mut self, thread: usize, now: Nanos) -> Option<(usize, Option<usize>)> {
        let core = self.core_of(thread)?;
        self.take_off(core, now);
        let next = self.run_queue.pop_first().map(|(_, _, next)| next);
        if let Some(next) = next {
            self.dispatch(next, core, now);
        }
        Some((core, next))
    }

    /// A core's time slice is over. Gives the thread that had it and the one that has it now, if
    /// any thread queued.
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
        let runtime = |on: OnCore| self.runtime[on.thread] + now.saturating_sub(on.since);
        self.running[core].map_or(0, runtime)
    }

    fn dispatch(&mut self, thread: usize, core: usize, now: Nanos) {
        let ahead = i128::from(self.runtime[thread]) - i128::from(now);
        self.running[core] = Some(OnCore { thread, since: now, ahead });
        self.idle.remove(&core);
        self.busy.insert((ahead, core));
        self.last_core[thread] = core;
    }

    fn take_off(&mut self, core: usize, now: Nanos) -> Option<usize> {
        let runtime = self.runtime_on(core, now);
        let on_core = self.running[core].take()?;
        self.busy.remove(&(on_core.ahead, core));
        self.idle.insert(core);
        self.runtime[on_core.thread] = runtime;
        Some(on_core.thread)
    }

    fn enqueue(&mut self, thread: usize) {
        self.arrivals += 1;
        self.run_queue.insert((self.runtime[thread], self.arrivals, thread));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// What is kept in order is what a look at each core finds, whatever happens on them.
        #[test]
        fn the_order_of_the_cores_is_what_a_look_at_each_finds(
            count in 1_usize..9,
            steps in prop::collection::vec((0_usize..20, 0_u64..400, any::<bool>()), 1..200),
        ) {
            let (mut cores, mut awake, mut now) = (cores(count, 20), [false; 20], 0);
            for (thread, passes, ends_slice) in steps {
                now += passes;
                match (ends_slice, awake[thread]) {
                    (true, _) => drop(cores.end_slice(thread % count, now)),
                    (false, false) => drop(cores.wake(thread, now)),
                    // Only one that is on a core can block.
                    (false, true) if cores.core_of(thread).is_none() => continue,
                    (false, true) => drop(cores.block(thread, now)),
                }
                awake[thread] ^= !ends_slice;
                let idle = (0..count).filter(|&core| cores.running[core].is_none());
                prop_assert!(idle.eq(cores.idle.iter().copied()));
                let busy = (0..count).filter(|&core| cores.running[core].is_some());
                let longest = busy.max_by_key(|&core| (cores.runtime_on(core, now), core));
                prop_assert_eq!(longest, cores.busy.last().map(|&(_, core)| core));
                let on_cores = count - cores.idle.len();
                prop_assert!(on_cores == count || cores.run_queue.is_empty());
            }
        }
    }

    fn cores(cores: usize, threads: usize) -> Cores {
        let mut all = Cores::new(cores, 100, 0);
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
    fn a_thread_that_has_slept_long_preempts_one_that_computes() {
        let mut cores = cores(1, 2);
        assert_eq!(cores.wake(0, 0), Placement::OnIdle(0));
        assert_eq!(cores.wake(1, 51), Placement::Preempting { core: 0, preempted: 0 });
        assert_eq!(cores.block(1, 60), Some((0, Some(0))));
        // It has run for 9, the other for 52: it is less than half a quantum behind.
        assert_eq!(cores.wake(1, 61), Placement::Queued);
    }

    #[test]
    fn half_a_quantum_is_not_long_enough_and_no_sleep_is_where_slices_have_no_end() {
        for (quantum, settling) in [(100, 0), (0, 0), (60, 50)] {
            let mut cores = Cores::new(1, quantum, settling);
            (0..2).for_each(|_| cores.add_thread());
            assert_eq!(cores.wake(0, 0), Placement::OnIdle(0));
            assert_eq!(cores.wake(1, 50), Placement::Queued, "{quantum} {settling}");
        }
    }

    #[test]
    fn of_two_with_the_same_runtime_the_one_that_queued_first_is_next() {
        let mut cores = cores(1, 3);
        assert_eq!(cores.wake(0, 0), Placement::OnIdle(0));
        assert_eq!(cores.wake(2, 0), Placement::Queued);
        assert_eq!(cores.wake(1, 0), Placement::Queued);
        assert_eq!(cores.block(0, 10), Some((0, Some(2))));
    }
}
