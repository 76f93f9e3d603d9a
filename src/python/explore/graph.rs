//! The worlds that were reached, and how: a graph, and a machine that is in one of them.
//!
//! *Promises*: each world is kept once, as what changed since the one that it was first reached from,
//! and that only as long as it, or one reached from it, is still to be explored. The machine goes
//! from one world to another by the way between them in that tree.
//! *Assumes*: ways are given in the order of their switches, the fewest first.
//! *Leaves out*: what is reached from where (`python/explore/search.rs`).
//!
//! ```text
//!   known   fingerprint ─▶ node
//!   nodes   parent, change        the tree: how to get the machine there
//!   edges   move ─▶ node          the graph: all moves of all nodes that were explored
//!   visits  node, move, visit     a way to a node by fewest switches, for each last thread
//! ```
//! Two visits of a node with the same number of switches differ in the thread that ran last, which
//! may go on for nothing. One with more switches is never needed: from the other, the same thread can
//! be switched to for one.

use crate::python::explore::changes::Change;
use crate::python::explore::conflicts::Mix;
use crate::python::explore::moves::Move;
use crate::python::machine::world::World;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// No node, no visit.
pub const NONE: u32 = u32::MAX;

/// A world.
#[derive(Debug)]
pub struct Node {
    parent: u32,
    depth: u32,
    /// Nodes below it in the tree that are not done with.
    children: u32,
    first: u32,
    count: u32,
    /// The first visit by fewest switches, and how many those are.
    pub visit: u32,
    /// How many switches there are on the way.
    pub switches: u32,
    /// The threads that ran last on the way, a bit each.
    ran: u128,
    change: Option<Box<Change>>,
    /// How many bytes that had at first.
    bytes: u32,
    /// Its moves are known.
    pub explored: bool,
    /// The run has ended here.
    pub ended: bool,
}

/// A move, and where it leads.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// The node.
    pub to: u32,
    thread: u8,
    late: bool,
    choice: u16,
}

impl Edge {
    /// The move.
    pub fn chosen(self) -> Move {
        let (thread, choice) = (usize::from(self.thread), u32::from(self.choice));
        Move { thread, late: self.late, choice }
    }
}

/// A way to a node.
#[derive(Debug, Clone, Copy)]
pub struct Visit {
    /// The node.
    pub node: u32,
    from: u32,
    edge: u32,
}

/// All that was reached.
#[derive(Debug, Default)]
pub struct Graph {
    /// The worlds.
    pub nodes: Vec<Node>,
    edges: Vec<Edge>,
    visits: Vec<Visit>,
    known: HashMap<u128, u32, BuildHasherDefault<Mix>>,
    /// Where the machine is.
    at: u32,
    /// Bytes of changes.
    kept: usize,
    down: Vec<u32>,
}

impl Graph {
    /// A graph of the world that the machine is in.
    pub fn new(key: u128) -> Graph {
        let mut graph = Graph::default();
        graph.add(NONE, Some(key));
        graph
    }

    fn add(&mut self, parent: u32, key: Option<u128>) -> u32 {
        let number = u32::try_from(self.nodes.len()).unwrap_or(NONE - 1);
        let depth = self.nodes.get(parent as usize).map_or(0, |parent| parent.depth + 1);
        self.nodes.push(Node {
            parent,
            depth,
            children: 0,
            first: 0,
            count: 0,
            visit: NONE,
            switches: u32::MAX,
            ran: 0,
            change: None,
            bytes: 0,
            explored: false,
            ended: false,
        });
        if let Some(key) = key {
            self.known.insert(key, number);
        }
        number
    }

    /// The node with that fingerprint.
    pub fn find(&self, key: u128) -> Option<u32> {
        self.known.get(&key).copied()
    }

    /// A new world, below the one that the machine is in.
    pub fn reach(&mut self, key: u128, change: Change) -> u32 {
        let parent = self.at;
        let number = self.add(parent, Some(key));
        let bytes = u32::try_from(change.bytes()).unwrap_or(u32::MAX);
        self.kept += bytes as usize;
        self.nodes[number as usize].bytes = bytes;
        self.nodes[number as usize].change = Some(Box::new(change));
        self.nodes[parent as usize].children += 1;
        number
    }

    /// A run that has ended within a move.
    pub fn reach_end(&mut self) -> u32 {
        let number = self.add(self.at, None);
        let node = &mut self.nodes[number as usize];
        (node.explored, node.ended) = (true, true);
        number
    }

    /// The moves of a node.
    pub fn explored(&mut self, node: u32, moves: &[(Move, u32)]) {
        let first = u32::try_from(self.edges.len()).unwrap_or(NONE);
        self.edges.extend(moves.iter().map(|(chosen, to)| Edge {
            to: *to,
            thread: u8::try_from(chosen.thread).unwrap_or(u8::MAX),
            late: chosen.late,
            choice: u16::try_from(chosen.choice).unwrap_or(u16::MAX),
        }));
        let node = &mut self.nodes[node as usize];
        node.first = first;
        node.count = u32::try_from(moves.len()).unwrap_or(0);
        node.explored = true;
        node.ended = moves.is_empty();
    }

    /// The moves of a node that is explored.
    pub fn edges(&self, node: u32) -> &[Edge] {
        let Node { first, count, .. } = self.nodes[node as usize];
        &self.edges[first as usize..(first + count) as usize]
    }

    /// A way to a node: by the edge of that number, behind this visit. Gives the new visit if the
    /// way is needed.
    pub fn visit(&mut self, from: u32, edge: usize, switches: u32) -> Option<u32> {
        let (to, thread, number) = match self.visits.get(from as usize) {
            None => (0, 0, 0),
            Some(visit) => {
                let number = self.nodes[visit.node as usize].first + u32::try_from(edge).ok()?;
                let edge = self.edges[number as usize];
                (edge.to, edge.thread, number)
            }
        };
        let visit = u32::try_from(self.visits.len()).ok()?;
        let node = &mut self.nodes[to as usize];
        if switches < node.switches {
            node.switches = switches;
            node.ran = 0;
            node.visit = visit;
        }
        let bit = 1 << (u32::from(thread) % 128);
        if switches > node.switches || node.ran & bit != 0 {
            return None;
        }
        node.ran |= bit;
        self.visits.push(Visit { node: to, from, edge: number });
        Some(visit)
    }

    /// The node of a visit, and the thread that ran last.
    pub fn visited(&self, visit: u32) -> (u32, usize) {
        let Visit { node, from, edge } = self.visits[visit as usize];
        let ran = if from == NONE { 0 } else { self.edges[edge as usize].thread };
        (node, usize::from(ran))
    }

    /// The moves of a way.
    pub fn way(&self, visit: u32) -> Vec<Move> {
        let mut moves = Vec::new();
        let mut at = visit;
        while let Some(Visit { from, edge, .. }) = self.visits.get(at as usize).copied()
            && from != NONE
        {
            moves.push(self.edges[edge as usize].chosen());
            at = from;
        }
        moves.reverse();
        moves
    }

    /// Takes the machine to a node that is not done with.
    pub fn go_to(&mut self, node: u32, world: &mut World) {
        self.down.clear();
        let mut to = node;
        while self.at != to {
            let (here, there) = (self.nodes[self.at as usize].depth, self.nodes[to as usize].depth);
            if here >= there {
                self.go_up(world);
            }
            if there >= here {
                self.down.push(to);
                to = self.nodes[to as usize].parent;
            }
        }
        while let Some(next) = self.down.pop() {
            self.swap(next, world);
            self.at = next;
        }
    }

    fn go_up(&mut self, world: &mut World) {
        let at = self.at;
        self.swap(at, world);
        self.at = self.nodes[at as usize].parent;
    }

    fn swap(&mut self, node: u32, world: &mut World) {
        if let Some(change) = &mut self.nodes[node as usize].change {
            change.swap(world);
        }
    }

    /// A node is explored: what is not needed any more is dropped.
    pub fn release(&mut self, node: u32, world: &mut World) {
        let mut node = node;
        while node != 0 {
            let Node { explored, children, parent, .. } = self.nodes[node as usize];
            if !explored || children > 0 {
                return;
            }
            if self.at == node {
                self.go_up(world);
            }
            self.nodes[node as usize].change = None;
            self.kept -= self.nodes[node as usize].bytes as usize;
            self.nodes[parent as usize].children -= 1;
            node = parent;
        }
    }

    /// How much memory all of it has, about.
    pub fn bytes(&self) -> usize {
        let known = self.known.capacity() * (size_of::<(u128, u32)>() + 1);
        known
            + self.nodes.capacity() * size_of::<Node>()
            + self.edges.capacity() * size_of::<Edge>()
            + self.visits.capacity() * size_of::<Visit>()
            + self.kept
    }
}
