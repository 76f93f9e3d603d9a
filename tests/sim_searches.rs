//! `sim`'s pure halves beside plain enumerations: which orders are tried, which may be left out, and
//! to what a failing one shrinks.

use proptest::prelude::*;
use singletrack::sim::frontier::Frontier;
use singletrack::sim::order::shrink;
use singletrack::sim::sleep_sets::{Actor, Footprint, SleepSets};
use singletrack::sim::{Explorer, Order};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

fn number(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

// ---- orders by deviations ----

/// A program: how many candidates there are after these choices; 0 at its end.
fn candidates(program: u64, choices: &[u32]) -> u32 {
    match choices.len() {
        0..5 => (number((program, choices)) % 4) as u32,
        _ => 0,
    }
}

/// Where the program goes by this order: its choices, and how many candidates each had.
fn follow(program: u64, order: &Order) -> (Vec<u32>, Vec<u32>) {
    let (mut choices, mut of) = (Vec::new(), Vec::new());
    loop {
        let count = candidates(program, &choices);
        if count == 0 {
            return (choices, of);
        }
        choices.push(order.at(choices.len()));
        of.push(count);
    }
}

/// Every way through the program.
fn ways(program: u64, choices: &[u32]) -> Vec<Vec<u32>> {
    let next = |choice| ways(program, &[choices, &[choice]].concat());
    match candidates(program, choices) {
        0 => vec![choices.to_vec()],
        count => (0..count).flat_map(next).collect(),
    }
}

// ---- sleep sets ----

/// A step of a model: it takes a thing, which one a value decides, and may wake somebody.
#[derive(Debug, Clone)]
struct Take {
    thing: usize,
    values: usize,
    wakes: Option<usize>,
}

#[derive(Debug, Clone, Hash)]
struct World {
    /// How far each actor has come, and whether it can go on.
    actors: Vec<(usize, bool)>,
    /// Who has taken each thing, and with which value.
    taken: [Vec<(usize, usize)>; 3],
}

type Takers = Vec<(bool, Vec<Take>)>;

impl World {
    fn new(takers: &Takers) -> World {
        let actors = takers.iter().map(|(awake, _)| (0, *awake)).collect();
        World { actors, taken: Default::default() }
    }

    fn ready(&self, takers: &Takers) -> Vec<Actor> {
        let all = self.actors.iter().zip(takers).zip(0..);
        let ready = all.filter(|(((at, awake), (_, takes)), _)| *awake && *at < takes.len());
        ready.map(|(_, actor)| actor).collect()
    }

    fn take(&mut self, actor: usize, take: &Take, value: usize) -> Footprint {
        let thing = (take.thing + value) % 3;
        self.taken[thing].push((actor, value));
        self.actors[actor].0 += 1;
        let woken = take.wakes.filter(|woken| !self.actors[*woken].1);
        woken.into_iter().for_each(|woken| self.actors[woken].1 = true);
        let woke = woken.into_iter().map(|woken| woken as Actor).collect();
        Footprint { all: false, woke, touched: BTreeSet::from([thing as u64]) }
    }
}

/// Every end, found by plain recursion, and how many ways lead to one.
fn all_ends(takers: &Takers, world: &World, ends: &mut BTreeSet<String>) -> usize {
    let ready = world.ready(takers);
    if ready.is_empty() {
        ends.insert(format!("{world:?}"));
        return 1;
    }
    let mut ways = 0;
    for actor in ready.into_iter().map(|actor| actor as usize) {
        let take = &takers[actor].1[world.actors[actor].0];
        for value in 0..take.values {
            let mut next = world.clone();
            next.take(actor, take, value);
            ways += all_ends(takers, &next, ends);
        }
    }
    ways
}

/// The same by the search; `plain` tells it that each step depends on each.
fn searched(takers: &Takers, plain: bool) -> (BTreeSet<String>, usize, usize) {
    let (mut sets, mut ends) = (SleepSets::new(), BTreeSet::new());
    let (mut whole, mut cut) = (0, 0);
    loop {
        let mut world = World::new(takers);
        loop {
            let ready = world.ready(takers);
            if ready.is_empty() {
                ends.insert(format!("{world:?}"));
                whole += 1;
                break;
            }
            let Some(chosen) = sets.step(&ready) else {
                cut += 1;
                break;
            };
            let actor = ready[chosen] as usize;
            let take = &takers[actor].1[world.actors[actor].0];
            let value = if take.values > 1 { sets.value(take.values) } else { 0 };
            let footprint = world.take(actor, take, value);
            sets.ran(&if plain { Footprint::all() } else { footprint });
        }
        if !sets.next_run() {
            return (ends, whole, cut);
        }
    }
}

fn takers() -> impl Strategy<Value = Takers> {
    let take = (0..3usize, 1..3usize, prop::option::of(0..3usize))
        .prop_map(|(thing, values, wakes)| Take { thing, values, wakes });
    let taker = (prop::bool::weighted(0.8), prop::collection::vec(take, 0..3));
    prop::collection::vec(taker, 3)
}

proptest! {
    /// Each order of a program once, by deviations, and no more than were asked for.
    #[test]
    fn each_order_is_tried_once_and_those_with_fewer_deviations_first(
        program in any::<u64>(), most in 0..6usize,
    ) {
        let mut frontier = Frontier::new(most, usize::MAX);
        let mut tried = Vec::new();
        while let Some(order) = frontier.pop() {
            let (choices, of) = follow(program, &order);
            prop_assert_eq!(&order, &Order::new(choices.clone()), "no order goes beyond its run");
            tried.push(choices);
            frontier.ran(order, &of);
        }
        let deviations = |way: &Vec<u32>| way.iter().filter(|choice| **choice != 0).count();
        prop_assert!(tried.is_sorted_by_key(deviations));
        let all = ways(program, &[]);
        let wanted: BTreeSet<_> = all.iter().filter(|way| deviations(way) <= most).collect();
        prop_assert_eq!(tried.len(), wanted.len(), "none twice");
        prop_assert_eq!(tried.iter().collect::<BTreeSet<_>>(), wanted);
        prop_assert_eq!(frontier.has_left_out(), all.iter().any(|way| deviations(way) > most));
    }

    /// Where only so many will be tried, they are the first of all, and no more are kept.
    #[test]
    fn a_limit_of_orders_leaves_the_last_out(program in any::<u64>(), most in 1..40usize) {
        let tries = |most| {
            let mut frontier = Frontier::new(usize::MAX, most);
            let mut tried = Vec::new();
            while let Some(order) = frontier.pop() {
                tried.push(order.clone());
                let (_, of) = follow(program, &order);
                frontier.ran(order, &of);
            }
            (tried, frontier.has_left_out())
        };
        let (all, _) = tries(usize::MAX);
        let (some, left_out) = tries(most);
        prop_assert_eq!(&some[..], &all[..most.min(all.len())]);
        prop_assert_eq!(left_out, all.len() > most);
    }

    /// Of what has run only that is kept of which something is still to come.
    #[test]
    fn an_order_is_forgotten_with_the_last_that_comes_of_it(program in any::<u64>()) {
        let mut frontier = Frontier::new(usize::MAX, usize::MAX);
        while let Some(order) = frontier.pop() {
            let (_, of) = follow(program, &order);
            frontier.ran(order, &of);
        }
        let left = format!("{frontier:?}");
        prop_assert!(!left.contains("Order("), "{}", left);
    }

    #[test]
    fn sleep_sets_reach_every_end_whatever_is_chosen_within_a_step(takers in takers()) {
        let mut ends = BTreeSet::new();
        let ways = all_ends(&takers, &World::new(&takers), &mut ends);
        let (plain, whole, cut) = searched(&takers, true);
        prop_assert_eq!((&plain, whole, cut), (&ends, ways, 0), "each order once");
        let (reduced, fewer, _) = searched(&takers, false);
        prop_assert_eq!(&reduced, &ends);
        prop_assert!(fewer <= whole);
    }

    /// Of a failure that needs some deviations and no others, those are left.
    #[test]
    fn an_order_shrinks_to_what_its_failure_needs(
        choices in prop::collection::vec(0u32..4, 0..40),
        needed in prop::collection::vec(any::<bool>(), 40),
    ) {
        let is_needed = |(choice, needed): (&u32, &bool)| if *needed { *choice } else { 0 };
        let least = Order::new(choices.iter().zip(&needed).map(is_needed).collect());
        let has_them = |order: &Order| {
            (0..least.len()).all(|at| least.at(at) == 0 || order.at(at) == least.at(at))
        };
        prop_assert_eq!(shrink(Order::new(choices), has_them), least);
    }

    /// Whatever makes an order fail: what is left fails, and not without any of its deviations.
    #[test]
    fn what_is_left_of_an_order_fails_and_needs_all_it_has(
        choices in prop::collection::vec(0u32..4, 0..30), seed in any::<u64>(),
    ) {
        let order = Order::new(choices);
        let fails = |tried: &Order| *tried == order || number((seed, tried)) % 3 == 0;
        let least = shrink(order.clone(), fails);
        prop_assert!(fails(&least));
        prop_assert!(least.deviations() <= order.deviations());
        for at in (0..least.len()).filter(|at| least.at(*at) != 0) {
            prop_assert!(!fails(&least.with(at, 0)), "{} does without {}", least, at);
        }
    }
}

#[test]
fn an_order_with_another_choice_is_as_long_as_it_has_to_be() {
    let order = Order::new(vec![0, 2]);
    for (choice, candidate, text) in
        [(0, 1, "0:1 1:2"), (1, 3, "1:3"), (2, 1, "1:2 2:1"), (4, 1, "1:2 4:1"), (9, 0, "1:2")]
    {
        assert_eq!(order.with(choice, candidate).to_string(), text);
    }
    let fifo = order.with(1, 0);
    assert!(fifo.is_empty() && !order.is_empty());
    assert_eq!((fifo.len(), fifo.to_string(), fifo), (0, "fifo".to_owned(), Order::default()));
}

#[test]
fn both_searches_try_every_value_that_the_program_wants_chosen() {
    for explorer in [Explorer::new().exhaustive(), Explorer::new().only_shared()] {
        let seen = RefCell::new(Vec::new());
        let explored = explorer.explore(|sim| {
            let seen = &seen;
            async move { seen.borrow_mut().push((sim.choose(3), sim.fails())) }
        });
        assert!(explored.unwrap().complete);
        let both = |value| [(value, false), (value, true)];
        assert_eq!(seen.into_inner(), [both(0), both(1), both(2)].concat());
    }
}
