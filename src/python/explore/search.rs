//! The search: every world that a program can come to, with the fewest switches first.
//!
//! *Promises*: every outcome that the policy allows is found, each by a schedule with as few
//! switches as there are, unless a limit is said; a world that was reached is not explored again.
//! *Leaves out*: schedules that differ only in the order of steps that cannot notice each other.

use crate::python::code::program::Program;
use crate::python::explore::fingerprint::fingerprint;
use crate::python::explore::outcome::{Ending, Outcome};
use crate::python::explore::policies::Looks;
use crate::python::explore::worlds::{Move, Stepper};
use crate::python::library::rows::rows;
use crate::python::machine::interpreter::Machine;
use crate::python::machine::terms::Location;
use crate::python::machine::world::World;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// When to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Worlds.
    pub worlds: usize,
    /// Instructions, of all schedules together.
    pub instructions: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { worlds: 100_000, instructions: 20_000_000 }
    }
}

/// An outcome, and the shortest way to it.
#[derive(Debug, Clone)]
pub struct Found {
    /// The outcome.
    pub outcome: Outcome,
    /// How often the thread changes on the way, without need: it could have gone on.
    pub switches: u32,
    /// The way.
    pub moves: Vec<Move>,
    /// Whether some order of whole threads comes to the same.
    pub serial: bool,
}

/// All outcomes of a program under a policy.
#[derive(Debug, Clone)]
pub struct Exploration {
    /// The outcomes, those of whole threads first, then by switches.
    pub found: Vec<Found>,
    /// How many worlds there were.
    pub worlds: usize,
    /// How many steps were taken.
    pub steps: u64,
    /// The limit that was hit.
    pub bound: Option<String>,
    /// What more than one thread touches.
    pub contended: HashSet<Location>,
}

/// A world on the way: where it came from.
struct Node {
    parent: u32,
    chosen: Move,
    switches: u32,
    /// The nodes that it leads to; and whether it has ended.
    next: Vec<u32>,
    ended: bool,
}

struct Waiting {
    node: u32,
    ran: usize,
    world: World,
}

/// Explores a program.
pub fn explore(program: &Arc<Program>, looks: Looks, limits: Limits) -> Exploration {
    explore_beside(program, looks, limits, &serial(program, limits))
}

/// The outcomes of all orders of whole threads.
pub fn serial(program: &Arc<Program>, limits: Limits) -> Vec<Outcome> {
    let exploration = search(program, Looks::Nowhere, limits);
    exploration.found.into_iter().map(|found| found.outcome).collect()
}

/// Explores a program whose serial outcomes are known.
pub fn explore_beside(
    program: &Arc<Program>,
    looks: Looks,
    limits: Limits,
    serial: &[Outcome],
) -> Exploration {
    let mut exploration = search(program, looks, limits);
    for found in &mut exploration.found {
        found.serial = serial.contains(&found.outcome);
    }
    exploration.found.sort_by_key(|found| (!found.serial, found.switches, found.outcome.clone()));
    exploration
}

/// A machine at the beginning, where time does not pass.
pub fn machine(program: &Arc<Program>) -> Machine {
    let mut machine = Machine::new(Arc::clone(program), rows());
    machine.timeless = true;
    machine
}

/// Explores until no more things turn out to be shared.
fn search(program: &Arc<Program>, looks: Looks, limits: Limits) -> Exploration {
    let mut stepper = Stepper::new(machine(program), looks);
    stepper.most = limits.instructions;
    let beginning = stepper.machine.world.clone();
    loop {
        stepper.machine.world = beginning.clone();
        let mut search = Search {
            stepper: &mut stepper,
            limits,
            nodes: Vec::new(),
            known: HashMap::new(),
            outcomes: BTreeMap::new(),
            bound: None,
        };
        search.run(beginning.clone());
        let exploration = search.finish();
        if stepper.learn() == 0 || exploration.bound.is_some() {
            return exploration;
        }
    }
}

struct Search<'a> {
    stepper: &'a mut Stepper,
    limits: Limits,
    nodes: Vec<Node>,
    known: HashMap<(u128, usize), u32>,
    outcomes: BTreeMap<Outcome, u32>,
    bound: Option<String>,
}

impl Search<'_> {
    fn run(&mut self, beginning: World) {
        let chosen = Move { thread: 0, late: false };
        self.nodes.push(Node { parent: 0, chosen, switches: 0, next: Vec::new(), ended: false });
        let mut queue = VecDeque::from([Waiting { node: 0, ran: 0, world: beginning }]);
        // Worlds that cost nothing more are tried first: a breadth-first search by switches.
        while let Some(waiting) = queue.pop_front() {
            if self.nodes.len() > self.limits.worlds {
                self.bound = Some(format!("more than {} worlds", self.limits.worlds));
                return;
            }
            if self.stepper.instructions > self.limits.instructions {
                self.bound = Some(format!("more than {} instructions", self.limits.instructions));
                return;
            }
            self.expand(&waiting, &mut queue);
        }
    }

    fn expand(&mut self, waiting: &Waiting, queue: &mut VecDeque<Waiting>) {
        let world = &waiting.world;
        let moves = Stepper::moves(world);
        if world.has_ended() || moves.is_empty() {
            self.end(waiting);
            return;
        }
        let could_go_on = world.is_ready(waiting.ran);
        for chosen in moves {
            self.stepper.machine.world = world.clone();
            let switched = could_go_on && chosen.thread != waiting.ran;
            let switches = self.nodes[waiting.node as usize].switches + u32::from(switched);
            let stopped = self.stepper.step(chosen).err();
            let next = self.stepper.machine.world.clone();
            let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            let node =
                Node { parent: waiting.node, chosen, switches, next: Vec::new(), ended: false };
            if let Some((why, line)) = stopped {
                self.nodes.push(node);
                self.record(number, Ending::Stopped(why, line));
                self.nodes[waiting.node as usize].next.push(number);
                continue;
            }
            let key = (fingerprint(&next), chosen.thread);
            if let Some(known) = self.known.get(&key).copied()
                && self.nodes[known as usize].switches <= switches
            {
                self.nodes[waiting.node as usize].next.push(known);
                continue;
            }
            self.known.insert(key, number);
            self.nodes.push(node);
            self.nodes[waiting.node as usize].next.push(number);
            let entry = Waiting { node: number, ran: chosen.thread, world: next };
            if switched { queue.push_back(entry) } else { queue.push_front(entry) }
        }
    }

    fn end(&mut self, waiting: &Waiting) {
        self.stepper.machine.world = waiting.world.clone();
        let ending = match waiting.world.has_ended() {
            true => Ending::Finished,
            false => Ending::Deadlock(self.stepper.machine.waits()),
        };
        self.record(waiting.node, ending);
    }

    fn record(&mut self, node: u32, ending: Ending) {
        let outcome = Outcome::of(&mut self.stepper.machine, ending);
        self.nodes[node as usize].ended = true;
        let switches = self.nodes[node as usize].switches;
        let best = self.outcomes.entry(outcome).or_insert(node);
        if self.nodes[*best as usize].switches > switches {
            *best = node;
        }
    }

    fn moves_to(&self, node: u32) -> Vec<Move> {
        let mut moves = Vec::new();
        let mut at = node;
        while at != 0 {
            let node = &self.nodes[at as usize];
            moves.push(node.chosen);
            at = node.parent;
        }
        moves.reverse();
        moves
    }

    /// The first world from which no end can be reached, if all were explored.
    fn endless(&self) -> Option<u32> {
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.nodes.len()];
        for (number, node) in (0..).zip(&self.nodes) {
            node.next.iter().for_each(|next| before[*next as usize].push(number));
        }
        let mut ends = vec![false; self.nodes.len()];
        let mut pending: Vec<u32> =
            (0..).zip(&self.nodes).filter(|(_, n)| n.ended).map(|(at, _)| at).collect();
        pending.iter().for_each(|at| ends[*at as usize] = true);
        while let Some(at) = pending.pop() {
            for earlier in &before[at as usize] {
                if !std::mem::replace(&mut ends[*earlier as usize], true) {
                    pending.push(*earlier);
                }
            }
        }
        let stuck = (0..).zip(&ends).filter(|(_, ends)| !**ends).map(|(at, _)| at);
        stuck.min_by_key(|at: &u32| (self.nodes[*at as usize].switches, *at))
    }

    fn finish(mut self) -> Exploration {
        if self.bound.is_none()
            && let Some(node) = self.endless()
        {
            let moves = self.moves_to(node);
            self.stepper.machine.world = machine(&self.stepper.machine.program.clone()).world;
            for chosen in moves {
                if self.stepper.step(chosen).is_err() {
                    break;
                }
            }
            self.record(node, Ending::Endless);
        }
        let found = self.outcomes.iter().map(|(outcome, node)| Found {
            outcome: outcome.clone(),
            switches: self.nodes[*node as usize].switches,
            moves: self.moves_to(*node),
            serial: false,
        });
        Exploration {
            found: found.collect(),
            worlds: self.nodes.len(),
            steps: self.stepper.steps,
            bound: self.bound,
            contended: self.stepper.contended.clone(),
        }
    }
}
