//! Cycles in the graph of worlds: loops that nothing can end, and threads that wait for ever.
//!
//! *Assumes*: a graph in which every move of every world is known.
//! *Promises*: *endless* is a world from which no schedule comes to an end. *Starving* is a thread that
//! could be served, in a cycle in which it waits all the time and that goes on for ever without
//! ignoring another thread that could always run.
//! *Leaves out*: what such a thread waits for (`python/explore/outcome.rs`).

use crate::python::explore::graph::{Edge, Graph, NONE};

/// The world with the fewest switches from which no end can be reached.
pub fn endless(graph: &Graph) -> Option<u32> {
    if !has_cycle(graph) {
        return None;
    }
    let ends = leads_to_an_end(graph);
    let stuck = numbers(graph).filter(|node| !ends[*node as usize]);
    stuck.min_by_key(|node| (graph.nodes[*node as usize].switches, *node))
}

/// Threads that can wait for ever while others go on, each with a world in which it does.
pub fn starving(graph: &Graph) -> Vec<(u32, usize)> {
    if !has_cycle(graph) {
        return Vec::new();
    }
    let ends = leads_to_an_end(graph);
    let all = numbers(graph).flat_map(|node| graph.edges(node)).map(|edge| edge.chosen().thread);
    let most = all.max().unwrap_or(0);
    let mut found = Vec::new();
    for thread in 0..=most {
        let components = components(graph, thread);
        let starves = |component: &&Vec<u32>| {
            component.iter().all(|node| ends[*node as usize]) && is_fair(graph, component, thread)
        };
        let worlds = components.iter().filter(starves).flatten().copied();
        let first = worlds.min_by_key(|node| (graph.nodes[*node as usize].switches, *node));
        found.extend(first.map(|node| (node, thread)));
    }
    found
}

fn numbers(graph: &Graph) -> impl Iterator<Item = u32> + use<> {
    0..u32::try_from(graph.nodes.len()).unwrap_or(NONE)
}

/// Whether some world can be come back to: not all can be taken away, those first that nothing leads
/// to.
fn has_cycle(graph: &Graph) -> bool {
    let mut incoming = vec![0_u32; graph.nodes.len()];
    numbers(graph).flat_map(|n| graph.edges(n)).for_each(|e| incoming[e.to as usize] += 1);
    let mut pending: Vec<u32> = numbers(graph).filter(|n| incoming[*n as usize] == 0).collect();
    let mut left = graph.nodes.len();
    while let Some(node) = pending.pop() {
        left -= 1;
        for edge in graph.edges(node) {
            incoming[edge.to as usize] -= 1;
            if incoming[edge.to as usize] == 0 {
                pending.push(edge.to);
            }
        }
    }
    left > 0
}

fn leads_to_an_end(graph: &Graph) -> Vec<bool> {
    let mut before: Vec<Vec<u32>> = vec![Vec::new(); graph.nodes.len()];
    for node in numbers(graph) {
        graph.edges(node).iter().for_each(|edge| before[edge.to as usize].push(node));
    }
    let mut ends: Vec<bool> = graph.nodes.iter().map(|node| node.ended).collect();
    let mut pending: Vec<u32> = numbers(graph).filter(|node| ends[*node as usize]).collect();
    while let Some(node) = pending.pop() {
        for earlier in &before[node as usize] {
            if !std::mem::replace(&mut ends[*earlier as usize], true) {
                pending.push(*earlier);
            }
        }
    }
    ends
}

/// Whether a cycle through all these worlds ignores no thread that could always run, and this one
/// only while it cannot.
fn is_fair(graph: &Graph, component: &[u32], waiting: usize) -> bool {
    let inside = |edge: &&Edge| component.binary_search(&edge.to).is_ok();
    let edges = || component.iter().flat_map(|node| graph.edges(*node));
    let cannot = |thread: usize| {
        component.iter().any(|node| {
            let runs = |e: &Edge| e.chosen().thread == thread && !e.chosen().late;
            !graph.edges(*node).iter().any(runs)
        })
    };
    // A wait with a time limit ends by itself.
    let limited = edges().any(|edge| edge.chosen().late && edge.chosen().thread == waiting);
    let mut others: Vec<usize> = edges().map(|edge| edge.chosen().thread).collect();
    others.sort_unstable();
    others.dedup();
    let moves = |thread: usize| {
        edges().filter(inside).any(|e| e.chosen().thread == thread && !e.chosen().late)
    };
    let served = edges().any(|edge| edge.chosen().thread == waiting);
    let fair = others.into_iter().filter(|o| *o != waiting).all(|o| moves(o) || cannot(o));
    !limited && served && cannot(waiting) && fair
}

/// The worlds that lead to each other without a move of that thread, sorted; those of one alone only
/// if it leads to itself. (Tarjan, 1972, without recursion.)
fn components(graph: &Graph, without: usize) -> Vec<Vec<u32>> {
    let count = graph.nodes.len();
    let (mut index, mut low) = (vec![NONE; count], vec![0_u32; count]);
    let (mut on_stack, mut stack, mut next) = (vec![false; count], Vec::new(), 0);
    let mut components = Vec::new();
    for root in numbers(graph) {
        let mut calls = if index[root as usize] == NONE { vec![(root, 0)] } else { Vec::new() };
        while let Some((node, at)) = calls.pop() {
            let n = node as usize;
            if at == 0 {
                (index[n], low[n], on_stack[n]) = (next, next, true);
                next += 1;
                stack.push(node);
            }
            let edges = graph.edges(node);
            if at > 0 {
                low[n] = low[n].min(low[edges[at - 1].to as usize]);
            }
            let mut at = at;
            let mut deeper = None;
            while let Some(edge) = edges.get(at) {
                at += 1;
                let to = edge.to as usize;
                if edge.chosen().thread == without {
                    continue;
                }
                if index[to] == NONE {
                    deeper = Some(edge.to);
                    break;
                }
                if on_stack[to] {
                    low[n] = low[n].min(index[to]);
                }
            }
            if let Some(to) = deeper {
                calls.push((node, at));
                calls.push((to, 0));
                continue;
            }
            if low[n] == index[n] {
                let from = stack.iter().rposition(|other| *other == node).unwrap_or(0);
                let mut component = stack.split_off(from);
                component.iter().for_each(|node| on_stack[*node as usize] = false);
                component.sort_unstable();
                let round = |e: &Edge| e.to == node && e.chosen().thread != without;
                if component.len() > 1 || edges.iter().any(round) {
                    components.push(component);
                }
            }
        }
    }
    components
}
