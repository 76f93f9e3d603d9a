//! The explorer: every schedule that a policy allows, and the outcome of each.
//!
//! *Promises*: unless a bound is reported, every outcome that some schedule leads to; each
//! with a schedule that leads there. The same every time.
//! *Leaves out*: time. A thread that sleeps longer does not wake up later: every order is tried.
//!
//! ```text
//!            ●                 a node: the world between two steps
//!         1 ╱ ╲ 2              an edge: one step of one thread, to the next place where the
//!          ●   ●               policy lets the lock change hands
//!       1 ╱ ╲2  ╲ 1            a schedule: a path from the root to a leaf
//!        ●   ●   ●             reduced: 1 2 and 2 1 lead to the same world, so the path on the
//!        ┆   ┆   ┆             right is left out
//! ```
//! # What is allowed
//! The policy says *where* the lock may change hands ([`Op::may_switch`]), and after a blocking
//! call it always may. *Which* thread is next is open: any thread that can run.
//!
//! * Without a lock (free-threaded) a switch may come anywhere, and nobody can keep others waiting.
//! * Under Python 2 the check comes every 101 ticks. But the phase of the count is unknown, and
//!   a signal sets the count to 0 at any moment (`Py_AddPendingCall`). So each counted tick may
//!   be the one that checks.
//! * Under a `Fifo` or `Priority` hand-off with three threads or more the queue would rule out
//!   some of these schedules. They are explored all the same: nothing is missed, but some of
//!   what is shown may need a queue in another order than the real one.
//!
//! # Reduction
//! Two steps of different threads are *independent* if neither writes a global that the other
//! reads or writes, and they use no lock in common. Schedules that differ only in the order of
//! neighbouring independent steps have the same outcome. *Sleep sets* (Godefroid, 1996) run one
//! schedule of each such class: when all paths that begin with step *a* have been tried, *a* is
//! put to sleep for the paths that begin with *b*, until a step that depends on *a* wakes it. A
//! thread that sleeps is not run: what would follow has been seen.
//!
//! There is one exception. A path that returns to a world it has met (a loop that waits) is cut
//! there. So not all that begins with its first step has been tried *below* it, and that step is
//! not put to sleep.
//!
//! [`Op::may_switch`]: crate::vm::op::Op::may_switch

use crate::gil::rules::threading::Threading;
use crate::vm::limits::{Bound, Limits};
use crate::vm::schedule::{Schedule, Stretch, serial_outcomes, shortest};
use crate::vm::verifier::Verified;
use crate::vm::world::{Ending, Outcome, Step, World, can_starve};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// After so many steps the explorer looks whether it has been stopped.
const LOOK: u64 = 1_000;

/// An outcome, how many schedules lead to it, and the shortest of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The outcome.
    pub outcome: Outcome,
    /// How many of the schedules lead to it.
    pub count: u64,
    /// A schedule that leads to it with the fewest switches. If the outcome is that it never
    /// ends, the schedule leads once round the cycle.
    pub schedule: Schedule,
    /// It is also the outcome of some order in which each thread runs to its end before the next
    /// begins.
    pub serial: bool,
}

/// The outcomes of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exploration {
    /// Under which rules the threads run.
    pub threading: Threading,
    /// How many schedules were run: with reduction one of each class of equivalent ones, else all.
    pub schedules: u64,
    /// Why this is not everything; `None` if it is.
    pub bound: Option<Bound>,
    /// All outcomes, in order.
    pub outcomes: Vec<Found>,
}

/// Tries every schedule of a program.
///
/// ```
/// use singletrack::gil::SwitchPolicy;
/// use singletrack::vm::assembler::assemble;
/// use singletrack::vm::explorer::Explorer;
/// use singletrack::vm::verifier::Verified;
///
/// let text = "global x\nthread f\nthread f\n\
///     def f():\n LOAD_GLOBAL x\n LOAD_CONST 1\n ADD\n STORE_GLOBAL x\n LOAD_CONST 0\n RETURN_VALUE";
/// let program = Verified::new(assemble(text)?)?;
///
/// let outcomes = |policy| {
///     let exploration = Explorer::new(policy).explore(&program);
///     assert_eq!(exploration.bound, None);
///     exploration.outcomes.iter().map(|found| found.outcome.globals[0]).collect::<Vec<_>>()
/// };
/// assert_eq!(outcomes(SwitchPolicy::PYTHON_2), [1, 2]);
/// assert_eq!(outcomes(SwitchPolicy::PYTHON_3_2), [1, 2]);
/// assert_eq!(outcomes(SwitchPolicy::PYTHON_3_10), [2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explorer {
    threading: Threading,
    limits: Limits,
    reduce: bool,
}

impl Explorer {
    /// An explorer that reduces, with the default limits.
    pub fn new(threading: impl Into<Threading>) -> Explorer {
        Explorer { threading: threading.into(), limits: Limits::default(), reduce: true }
    }

    /// With other limits.
    pub fn with_limits(self, limits: Limits) -> Explorer {
        Explorer { limits, ..self }
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Runs each schedule, without reduction.
    pub fn in_full(self) -> Explorer {
        Explorer { reduce: false, ..self }
    }

    /// Tries all schedules of a program, within the limits.
    pub fn explore(&self, program: &Verified) -> Exploration {
        self.explore_until(program, || false)
    }

    /// The same, until `stopped` says so, which is asked now and then. What was found until then is
    /// the result.
    pub fn explore_until(
        &self,
        program: &Verified,
        mut stopped: impl FnMut() -> bool,
    ) -> Exploration {
        let mut search = Search::new(program, *self);
        search.run(&mut stopped);
        let Search { mut schedules, mut bound, mut found, .. } = search;
        let ends: BTreeSet<Outcome> = found.keys().filter(|o| is_end(o)).cloned().collect();
        let (mut states, mut was_stopped) = (0, false);
        let enough = |known: &BTreeMap<Outcome, Schedule>| {
            states += 1;
            was_stopped |= u64::is_multiple_of(states, LOOK) && stopped();
            was_stopped || bound.is_none() && ends.iter().all(|end| known.contains_key(end))
        };
        for (outcome, schedule) in shortest(program, self.threading, self.limits, enough) {
            let counted = found.entry(outcome).or_insert_with(|| {
                // The search gave up before it found this one, which few switches lead to.
                schedules += 1;
                OutcomeCount { count: 1, schedule: None }
            });
            counted.schedule = Some(schedule);
        }
        if was_stopped {
            bound = Some(Bound::Stopped);
        }
        let (serial, complete) = serial_outcomes(program, self.limits);
        if !complete {
            bound.get_or_insert(Bound::Serial);
        }
        let outcomes = found.into_iter().map(|(outcome, counted)| Found {
            serial: serial.contains(&outcome),
            count: counted.count,
            schedule: counted.schedule.unwrap_or_default(),
            outcome,
        });
        Exploration { threading: self.threading, schedules, bound, outcomes: outcomes.collect() }
    }
}

fn is_end(outcome: &Outcome) -> bool {
    matches!(outcome.ending, Ending::Finished | Ending::Raised | Ending::Deadlock)
}

/// How many schedules led to one outcome, and the one with the fewest switches.
struct OutcomeCount {
    count: u64,
    schedule: Option<Schedule>,
}

/// The step by which a node was left, while the search is below it.
struct Edge {
    thread: usize,
    step: Step,
    /// The search below returned to this node, or to one above, and was cut there.
    in_cycle: bool,
}

/// One world on the path from the beginning to the present place of the search.
struct SearchNode {
    world: Rc<World>,
    /// Threads to run from here; the last one first.
    to_try: Vec<usize>,
    /// The sleep set: threads whose next step, this one, need not be tried from here.
    asleep: Vec<(usize, Step)>,
    edge: Option<Edge>,
    /// Paths from here back to here.
    cycles: Vec<Cycle>,
}

/// A path from a world back to the same world.
struct Cycle {
    /// The threads that run on it.
    members: BTreeSet<usize>,
    /// One of them blocks on it, so every other thread can take the lock.
    blocks: bool,
    stretches: Vec<Stretch>,
}

/// A depth-first search; `path` leads from the root to the present node.
struct Search<'p> {
    program: &'p Verified,
    explorer: Explorer,
    path: Vec<SearchNode>,
    on_path: HashMap<Rc<World>, usize>,
    instructions: usize,
    schedules: u64,
    steps: u64,
    /// How much memory the path and what was found take.
    bytes: usize,
    bound: Option<Bound>,
    found: BTreeMap<Outcome, OutcomeCount>,
}

impl<'p> Search<'p> {
    fn new(program: &'p Verified, explorer: Explorer) -> Search<'p> {
        let mut search = Search {
            program,
            explorer,
            path: Vec::new(),
            on_path: HashMap::new(),
            instructions: 0,
            schedules: 0,
            steps: 0,
            bytes: 0,
            bound: None,
            found: BTreeMap::new(),
        };
        search.push_node(World::new(program), 0, Vec::new());
        search
    }

    fn run(&mut self, stopped: &mut impl FnMut() -> bool) {
        while let Some(node) = self.path.last_mut() {
            if let Some(edge) = node.edge.take() {
                self.instructions -= edge.step.instructions;
                if self.explorer.reduce && !edge.in_cycle {
                    node.asleep.push((edge.thread, edge.step));
                }
            }
            match node.to_try.pop() {
                None => {
                    self.bytes -= node.world.bytes();
                    self.on_path.remove(&node.world);
                    self.path.pop();
                }
                Some(thread) if node.asleep.iter().any(|(asleep, _)| *asleep == thread) => {}
                Some(_) if self.limit_reached() => return,
                Some(_) if self.steps.is_multiple_of(LOOK) && stopped() => {
                    self.bound = Some(Bound::Stopped);
                    return;
                }
                Some(thread) => self.try_step(thread),
            }
        }
    }

    fn limit_reached(&mut self) -> bool {
        let Limits { schedules, steps, bytes, .. } = self.explorer.limits;
        if self.schedules >= schedules {
            self.bound = Some(Bound::Schedules(schedules));
        } else if self.steps >= steps {
            self.bound = Some(Bound::Steps(steps));
        } else if self.bytes >= bytes {
            self.bound = Some(Bound::Memory(bytes));
        } else {
            return false;
        }
        true
    }

    /// Runs a thread for a step from the last node, and handles the world that it leads to.
    fn try_step(&mut self, thread: usize) {
        let Some(node) = self.path.last_mut() else { return };
        let mut world = World::clone(&node.world);
        let step = world.step(self.program, thread, self.explorer.threading);
        self.steps += 1;
        self.instructions += step.instructions;
        let sleeps_on = |(_, other): &&(usize, Step)| step.is_independent(other);
        let asleep = node.asleep.iter().filter(sleeps_on).cloned().collect();
        node.edge = Some(Edge { thread, step, in_cycle: false });
        if let Some(outcome) = world.outcome(self.program) {
            self.record(outcome, self.schedule());
        } else if let Some(&at) = self.on_path.get(&world) {
            self.close_cycle(at);
        } else if self.instructions >= self.explorer.limits.fuel {
            self.bound = Some(Bound::Fuel(self.explorer.limits.fuel));
            self.record(world.outcome_with(Ending::OutOfFuel), self.schedule());
        } else {
            self.push_node(world, thread, asleep);
        }
    }

    /// Adds a node. The thread that ran is tried first, so that few switches come first.
    fn push_node(&mut self, world: World, ran: usize, asleep: Vec<(usize, Step)>) {
        let mut to_try = world.runnable(self.program);
        to_try.sort_by_key(|&thread| std::cmp::Reverse((thread != ran, thread)));
        let world = Rc::new(world);
        self.bytes += world.bytes();
        self.on_path.insert(Rc::clone(&world), self.path.len());
        self.path.push(SearchNode { world, to_try, asleep, edge: None, cycles: Vec::new() });
    }

    /// The last step led back to a world on the path: this could go on for ever, from each world on the way.
    fn close_cycle(&mut self, at: usize) {
        let edges = || self.path[at..].iter().filter_map(|node| node.edge.as_ref());
        let members: BTreeSet<usize> = edges().map(|edge| edge.thread).collect();
        let blocks = edges().any(|edge| edge.step.blocked);
        for edge in self.path[at..].iter_mut().filter_map(|node| node.edge.as_mut()) {
            edge.in_cycle = true;
        }
        for start in at..self.path.len() {
            self.add_cycle(at, start, &members, blocks);
        }
    }

    /// From the world at `start` a cycle leads back to it. A schedule can alternate between all cycles that
    /// lead back to one world.
    fn add_cycle(&mut self, at: usize, start: usize, members: &BTreeSet<usize>, blocks: bool) {
        let cycles = &self.path[start].cycles;
        let others = cycles.iter().filter(|other| other.blocks == blocks);
        let known: BTreeSet<usize> = others.flat_map(|other| other.members.clone()).collect();
        if members.is_subset(&known) {
            return;
        }
        let (to_start, from_start) = (&self.path[at..start], &self.path[start..]);
        let around = from_start.iter().chain(to_start).filter_map(SearchNode::stretch);
        let cycle = Cycle { members: members.clone(), blocks, stretches: around.collect() };
        self.path[start].cycles.push(cycle);
        let SearchNode { world, cycles, .. } = &self.path[start];
        let world = Rc::clone(world);
        let all: BTreeSet<usize> = cycles.iter().flat_map(|c| c.members.clone()).collect();
        let busy: Vec<&Cycle> = cycles.iter().filter(|cycle| !cycle.blocks).collect();
        let hogging: BTreeSet<usize> = busy.iter().flat_map(|c| c.members.clone()).collect();
        let before: Vec<Stretch> =
            self.path[..start].iter().filter_map(SearchNode::stretch).collect();
        let schedule = |cycles: &[&Cycle]| {
            let stretches = cycles.iter().flat_map(|cycle| &cycle.stretches);
            before.iter().chain(stretches).copied().collect::<Schedule>()
        };
        if world.runnable(self.program).iter().all(|thread| all.contains(thread)) {
            let schedule = schedule(&cycles.iter().collect::<Vec<&Cycle>>());
            self.record(world.outcome_with(Ending::Endless), schedule);
        } else if !blocks && can_starve(self.explorer.threading, hogging.len()) {
            let schedule = schedule(&busy);
            self.record(world.outcome_with(Ending::Starvation), schedule);
        }
    }

    /// The schedule from the beginning to here.
    fn schedule(&self) -> Schedule {
        self.path.iter().filter_map(SearchNode::stretch).collect()
    }

    /// Counts a schedule that has come to its end.
    fn record(&mut self, outcome: Outcome, schedule: Schedule) {
        self.schedules += 1;
        let bytes = size_of_val(&outcome.globals[..]);
        let counted = self.found.entry(outcome).or_insert_with(|| {
            self.bytes += bytes;
            OutcomeCount { count: 0, schedule: None }
        });
        counted.count += 1;
        if counted.schedule.as_ref().is_none_or(|known| schedule.switches() < known.switches()) {
            counted.schedule = Some(schedule);
        }
    }
}

impl SearchNode {
    fn stretch(&self) -> Option<Stretch> {
        let edge = self.edge.as_ref()?;
        Some(Stretch { thread: edge.thread, instructions: edge.step.instructions })
    }
}
