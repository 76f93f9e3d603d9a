//! The search: every world that a program can come to, with the fewest switches first.
//!
//! *Promises*: every outcome that the policy allows is found, each by a schedule with as few
//! switches as there are, unless a limit is said; each move of each world is executed once.
//! *Leaves out*: schedules that differ only in the order of steps that cannot notice each other.

use crate::python::code::program::Program;
use crate::python::explore::changes::Recorder;
use crate::python::explore::conflicts::Conflicts;
use crate::python::explore::cycles::{endless, starving};
use crate::python::explore::fingerprint::Fingerprints;
use crate::python::explore::graph::{Graph, NONE};
use crate::python::explore::moves::{Move, moves};
use crate::python::explore::outcome::{Ending, Outcome};
use crate::python::explore::policies::Looks;
use crate::python::explore::sampling::sample;
use crate::python::explore::worlds::Stepper;
use crate::python::library::rows::rows;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::world::thread_name;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

pub use crate::python::explore::exploration::{Exploration, Found, Limits, Serial};

/// Explores a program.
pub fn explore(program: &Arc<Program>, looks: Looks, limits: Limits) -> Exploration {
    explore_beside(program, looks, limits, &serial(program, limits))
}

/// The outcomes of all orders of whole threads.
pub fn serial(program: &Arc<Program>, limits: Limits) -> Serial {
    let exploration = search(program, Looks::Nowhere, Limits { switches: None, ..limits });
    let outcomes = exploration.found.into_iter().map(|found| found.outcome).collect();
    Serial { outcomes, partial: exploration.sampled.is_some() }
}

/// Explores a program whose serial outcomes are known.
pub fn explore_beside(
    program: &Arc<Program>,
    looks: Looks,
    limits: Limits,
    serial: &Serial,
) -> Exploration {
    let mut exploration = search(program, looks, limits);
    for found in &mut exploration.found {
        let Found { outcome, serial: of_one, .. } = found;
        *of_one = serial.outcomes.contains(outcome) || serial.partial && outcome.is_fine();
    }
    if serial.partial {
        let why = "not all orders of whole threads were tried";
        exploration.bound.get_or_insert_with(|| why.to_owned());
    }
    exploration.found.sort_by_key(|found| (!found.serial, found.switches, found.outcome.clone()));
    exploration
}

/// A machine at the beginning, where time does not pass.
pub fn machine(program: &Arc<Program>) -> Machine {
    let mut machine = Machine::new(Arc::clone(program), rows());
    machine.timeless = true;
    machine.world.any_order = true;
    machine
}

/// Explores until no more things turn out to be shared.
fn search(program: &Arc<Program>, looks: Looks, limits: Limits) -> Exploration {
    let mut stepper = Stepper::new(machine(program), looks);
    stepper.most = limits.step.min(limits.instructions);
    stepper.iterations = limits.iterations;
    stepper.conflicts = Conflicts::new(limits.reduction);
    let beginning = stepper.machine.world.clone();
    loop {
        stepper.machine.world = beginning.clone();
        let mut search = Search::new(&mut stepper, limits);
        let again = search.run();
        let left_out = search.left_out;
        let mut exploration = search.finish(!again);
        let learnt = stepper.conflicts.learn() > 0;
        if (again || learnt) && exploration.bound.is_none() {
            continue;
        }
        if left_out && let Some(most) = limits.switches {
            let why = format!("schedules with more than {most} switches were left out");
            exploration.bound.get_or_insert(why);
        }
        if exploration.bound.is_some() {
            sample(&mut stepper, &beginning, limits, &mut exploration);
        }
        let cut = exploration.found.iter().any(|found| found.outcome.ending == Ending::Cut);
        let why = match (stepper.spent, limits.iterations) {
            (Some(most), _) => Some(too_many(most)),
            (None, Some(rounds)) if cut => Some(format!("loops were cut after {rounds} rounds")),
            _ => None,
        };
        exploration.bound = exploration.bound.or(why);
        exploration.contended = stepper.conflicts;
        return exploration;
    }
}

fn too_many(instructions: u64) -> String {
    format!("more than {instructions} instructions")
}

/// After so many worlds it is asked whether something new was learnt.
const UNTIL_LEARNT: u32 = 256;

struct Search<'a> {
    stepper: &'a mut Stepper,
    limits: Limits,
    graph: Graph,
    fingerprints: Fingerprints,
    recorder: Recorder,
    /// The visits whose nodes are to be explored, and their switches.
    queue: VecDeque<(u32, u32)>,
    /// The moves of the world that is explored.
    edges: Vec<(Move, u32)>,
    /// What the worlds came to that have ended.
    ends: HashMap<u32, Outcome>,
    outcomes: BTreeMap<Outcome, u32>,
    /// What came before the first world.
    before: Vec<Move>,
    bound: Option<String>,
    /// Schedules with too many switches were left out.
    left_out: bool,
}

impl<'a> Search<'a> {
    /// The main thread goes on alone until it starts another: what is there then is fixed.
    fn new(stepper: &'a mut Stepper, limits: Limits) -> Search<'a> {
        let first = Move::of(0);
        stepper.machine.world.heap.fix();
        stepper.machine.world.heap.begin_change();
        let went = stepper.step(first);
        stepper.machine.world.heap.fix();
        let world = &stepper.machine.world;
        let mut fingerprints = Fingerprints::new(world);
        let mut graph = Graph::new(fingerprints.of(world));
        let mut ends = HashMap::new();
        if let Err(ending) = went {
            graph.explored(0, &[]);
            ends.insert(0, Outcome::of(&mut stepper.machine, ending));
        }
        Search {
            stepper,
            limits,
            graph,
            fingerprints,
            recorder: Recorder::default(),
            queue: VecDeque::new(),
            edges: Vec::new(),
            ends,
            outcomes: BTreeMap::new(),
            before: vec![first],
            bound: None,
            left_out: false,
        }
    }

    /// Explores. `true` if what was learnt meanwhile makes another search necessary.
    fn run(&mut self) -> bool {
        let first = self.graph.visit(NONE, 0, 0);
        self.queue.extend(first.map(|visit| (visit, 0)));
        let mut explored = 0;
        // Ways that cost nothing more are tried first: a breadth-first search by switches.
        while let Some((visit, switches)) = self.queue.pop_front() {
            let (node, ran) = self.graph.visited(visit);
            if self.graph.nodes[node as usize].switches < switches {
                continue;
            }
            if !self.graph.nodes[node as usize].explored {
                if self.is_too_much() {
                    return false;
                }
                self.explore(node);
                explored += 1;
                if explored % UNTIL_LEARNT == 0
                    && self.stepper.conflicts.has_news()
                    && self.stepper.conflicts.learn() > 0
                {
                    return true;
                }
            }
            if self.graph.nodes[node as usize].ended {
                self.record(node, visit);
            }
            self.follow(visit, node, ran, switches);
        }
        false
    }

    fn is_too_much(&mut self) -> bool {
        let Limits { memory, instructions, .. } = self.limits;
        let texts = self.stepper.machine.strings.bytes();
        if self.graph.bytes() + texts > memory {
            self.bound = Some(format!("it needs more than {} MB of memory", memory >> 20));
        } else if (self.limits.interrupted)() {
            self.bound = Some("it was interrupted".to_owned());
        } else if self.stepper.instructions > instructions {
            self.bound = Some(too_many(instructions));
        }
        self.bound.is_some()
    }

    /// Executes each move of a world.
    fn explore(&mut self, node: u32) {
        self.graph.go_to(node, &mut self.stepper.machine.world);
        let world = &self.stepper.machine.world;
        let moves = if world.has_ended() { Vec::new() } else { moves(world) };
        let mut edges = std::mem::take(&mut self.edges);
        edges.clear();
        for chosen in moves {
            let to = self.take(chosen);
            edges.push((chosen, to));
        }
        if edges.is_empty() {
            let ending = match self.stepper.machine.world.has_ended() {
                true => Ending::Finished,
                false => Ending::Deadlock(self.stepper.machine.waits()),
            };
            let machine = &mut self.stepper.machine;
            self.recorder.begin(&mut machine.world);
            let outcome = Outcome::of(machine, ending);
            self.recorder.take_back(&mut machine.world);
            self.ends.insert(node, outcome);
        }
        self.graph.explored(node, &edges);
        self.edges = edges;
        self.graph.release(node, &mut self.stepper.machine.world);
    }

    /// Takes a step, and takes it back: the world that it leads to.
    fn take(&mut self, chosen: Move) -> u32 {
        self.recorder.begin(&mut self.stepper.machine.world);
        let went = self.stepper.step(chosen);
        let machine = &mut self.stepper.machine;
        let reached = match went {
            Ok(()) => Ok(self.fingerprints.of(&machine.world)),
            Err(ending) => Err(Outcome::of(machine, ending)),
        };
        self.recorder.take_back(&mut machine.world);
        match reached {
            Ok(key) => match self.graph.find(key) {
                Some(node) => node,
                None => self.graph.reach(key, self.recorder.keep()),
            },
            Err(outcome) => {
                let node = self.graph.reach_end();
                self.ends.insert(node, outcome);
                node
            }
        }
    }

    /// The ways behind a visit.
    fn follow(&mut self, visit: u32, node: u32, ran: usize, switches: u32) {
        let edges = self.graph.edges(node);
        let goes_on = |chosen: Move| chosen.thread == ran && !chosen.late;
        let could_go_on = edges.iter().any(|edge| goes_on(edge.chosen()));
        for at in 0..edges.len() {
            let switched = could_go_on && self.graph.edges(node)[at].chosen().thread != ran;
            let switches = switches + u32::from(switched);
            if self.limits.switches.is_some_and(|most| switches > most) {
                self.left_out = true;
                continue;
            }
            if let Some(next) = self.graph.visit(visit, at, switches) {
                match switched {
                    true => self.queue.push_back((next, switches)),
                    false => self.queue.push_front((next, switches)),
                }
            }
        }
    }

    fn record(&mut self, node: u32, visit: u32) {
        if let Some(outcome) = self.ends.remove(&node) {
            let best = self.outcomes.entry(outcome).or_insert(visit);
            let switches = |visit: u32| {
                let (node, _) = self.graph.visited(visit);
                self.graph.nodes[node as usize].switches
            };
            if switches(*best) > switches(visit) {
                *best = visit;
            }
        }
    }

    /// Cycles that nothing can end, or in which a thread waits for ever.
    fn cycles(&mut self) {
        let first = endless(&self.graph).map(|node| (node, None));
        let starving = starving(&self.graph).into_iter().map(|(node, thread)| (node, Some(thread)));
        for (node, thread) in first.into_iter().chain(starving).collect::<Vec<_>>() {
            let visit = self.graph.nodes[node as usize].visit;
            let moves = self.way(visit);
            let machine = &mut self.stepper.machine;
            machine.world = self::machine(&machine.program.clone()).world;
            machine.world.heap.fix();
            for chosen in moves {
                self.stepper.machine.world.heap.begin_change();
                if self.stepper.step(chosen).is_err() {
                    break;
                }
            }
            let machine = &mut self.stepper.machine;
            let ending = match thread {
                None => Ending::Endless,
                Some(thread) => {
                    let whose = format!("{} waits", thread_name(thread));
                    let line = machine.waits().into_iter().find(|line| line.starts_with(&whose));
                    let Some(line) = line else { continue };
                    Ending::Starvation(line)
                }
            };
            let outcome = Outcome::of(machine, ending);
            self.outcomes.entry(outcome).or_insert(visit);
        }
    }

    fn way(&self, visit: u32) -> Vec<Move> {
        self.before.iter().copied().chain(self.graph.way(visit)).collect()
    }

    fn finish(mut self, complete: bool) -> Exploration {
        if complete && self.bound.is_none() && !self.left_out {
            self.cycles();
        }
        let found = self.outcomes.iter().map(|(outcome, visit)| {
            let (node, _) = self.graph.visited(*visit);
            Found {
                outcome: outcome.clone(),
                switches: self.graph.nodes[node as usize].switches,
                moves: self.way(*visit),
                serial: false,
            }
        });
        Exploration {
            found: found.collect(),
            worlds: self.graph.nodes.len(),
            steps: self.stepper.steps,
            instructions: self.stepper.instructions,
            bound: self.bound,
            sampled: None,
            one_sequence: self.stepper.machine.one_sequence,
            contended: Conflicts::default(),
        }
    }
}
