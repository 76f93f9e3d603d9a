//! The heap's journal: what was changed can be taken back and done again, whatever it was.
#![cfg(feature = "python")]

use singletrack::python::value::any::{Id, Value};
use singletrack::python::value::heap::{Change, Heap};
use singletrack::python::value::object::Object;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % most as u64).unwrap()
    }
}

/// All that can be seen of a heap: its objects, its count, and where the next objects will be.
fn seen(heap: &Heap, ids: &[Id]) -> String {
    let objects: Vec<_> = ids.iter().map(|id| heap.get(*id)).collect();
    let mut copy = heap.clone();
    let next: Vec<Id> = (0..3).map(|_| copy.add(Object::Free)).collect();
    format!("{objects:?} {} {} {next:?}", heap.len(), heap.charged())
}

fn act(heap: &mut Heap, ids: &mut Vec<Id>, chance: &mut Chance) {
    match chance.below(10) {
        0..3 => ids.push(heap.add(Object::Cell(Value::Int(1)))),
        3..8 => {
            let id = ids[chance.below(ids.len())];
            let value = i64::try_from(chance.below(1000)).unwrap();
            *heap.get_mut(id) = Object::Cell(Value::Int(value));
        }
        8 => heap.charge(chance.below(100)),
        _ => {
            let marked: Vec<bool> = (0..heap.len()).map(|_| chance.below(4) > 0).collect();
            heap.sweep(&marked, 7);
        }
    }
}

#[test]
fn changes_are_taken_back_and_done_again() {
    for seed in 0..200 {
        let mut chance = Chance(seed);
        let mut heap = Heap::default();
        let mut ids: Vec<Id> = (0..5).map(|n| heap.add(Object::Cell(Value::Int(n)))).collect();
        heap.fix();
        let mut ways = Vec::new();
        for thread in 0..6 {
            heap.enter(thread % 3);
            heap.begin_change();
            let mut new = ids.clone();
            for _ in 0..chance.below(12) {
                act(&mut heap, &mut new, &mut chance);
            }
            // Something is tried, and taken back.
            let before = seen(&heap, &new);
            let checkpoint = heap.checkpoint();
            let mut tried = new.clone();
            for _ in 0..chance.below(6) {
                match chance.below(2) {
                    0 => tried.push(heap.add(Object::Tuple(vec![Value::None]))),
                    _ => *heap.get_mut(tried[chance.below(tried.len())]) = Object::List(Vec::new()),
                }
            }
            heap.go_back(checkpoint);
            assert_eq!(seen(&heap, &new), before, "seed {seed}");
            act(&mut heap, &mut new, &mut chance);
            ids = new;
            let mut change = Change::default();
            heap.end_change(&mut change);
            ways.push((change, thread % 3));
        }
        let mut shown = vec![seen(&heap, &ids)];
        for (change, thread) in ways.iter_mut().rev() {
            heap.swap(change);
            heap.enter(*thread);
            shown.push(seen(&heap, &ids));
        }
        for (at, (change, thread)) in ways.iter_mut().enumerate() {
            heap.enter(*thread);
            let expected = shown.pop();
            let here = seen(&heap, &ids);
            assert_eq!(Some(here), expected, "seed {seed}, step {at}");
            heap.swap(change);
        }
    }
}
