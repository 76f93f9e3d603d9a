//! Schedules by chance, where all are too many: probabilistic concurrency testing.
//!
//! *Promises*: the same seed samples the same schedules; what they find can be replayed; it is never
//! called more than sampling.
//! *Leaves out*: schedules with more changes of priorities than are said.
//!
//! Each thread has a random priority, and of those that can go on the one with the highest does. At
//! each of some random steps the priority of the thread that runs becomes the lowest of all. With
//! `n` threads, `k` steps and `d - 1` such changes, one sample finds a bug of depth `d` (one that `d`
//! steps in the right order are enough for) with a probability of at least `1 / (n · k^(d-1))`:
//! Burckhardt, Kothari, Musuvathi and Nagarakatte, 2010.

use crate::python::explore::exploration::{Exploration, Found, Limits, Sampled};
use crate::python::explore::moves::{Move, moves};
use crate::python::explore::outcome::{Ending, Outcome};
use crate::python::explore::worlds::Stepper;
use crate::python::machine::world::World;

/// The most steps of a sample: one that is longer comes to nothing.
const LONGEST: usize = 10_000;
/// The most instructions of all samples.
const MOST_INSTRUCTIONS: u64 = 20_000_000;
/// How many changes there are, if nothing else is asked for.
const CHANGES: u32 = 3;
/// One in so many times, the limit of a wait passes although others can go on.
const LATE: u64 = 8;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap_or(0)
    }
}

/// Samples schedules of a program from its beginning, and adds what is new to what was found.
pub fn sample(
    stepper: &mut Stepper,
    beginning: &World,
    limits: Limits,
    exploration: &mut Exploration,
) {
    let mut chance = Chance(limits.seed);
    let changes = limits.switches.map_or(CHANGES, |most| most + 1);
    let (mut threads, mut steps, mut samples) = (1, 1, 0);
    let most = stepper.instructions.saturating_add(MOST_INSTRUCTIONS);
    let goes_on = || !(limits.interrupted)();
    while samples < limits.samples && stepper.instructions < most && goes_on() {
        samples += 1;
        let places = (0..changes).map(|_| chance.below(steps)).collect::<Vec<_>>();
        stepper.machine.world = beginning.clone();
        stepper.machine.world.heap.fix();
        let (moves, switches, ending) = one(stepper, &mut chance, &places);
        threads = threads.max(stepper.machine.world.threads.len());
        steps = steps.max(moves.len());
        let Some(ending) = ending else { continue };
        let outcome = Outcome::of(&mut stepper.machine, ending);
        match exploration.found.iter_mut().find(|found| found.outcome == outcome) {
            Some(found) if found.switches > switches => {
                (found.switches, found.moves) = (switches, moves);
            }
            Some(_) => {}
            None => exploration.found.push(Found { outcome, switches, moves, serial: false }),
        }
    }
    let seed = limits.seed;
    exploration.sampled = Some(Sampled { samples, changes, seed, threads, steps });
}

/// One schedule: its moves, its switches, and how it ended.
fn one(
    stepper: &mut Stepper,
    chance: &mut Chance,
    changes: &[usize],
) -> (Vec<Move>, u32, Option<Ending>) {
    let (mut taken, mut switches, mut ran) = (Vec::new(), 0, 0);
    let mut priorities: Vec<u64> = Vec::new();
    let mut lowest = u64::MAX >> 1;
    while taken.len() < LONGEST {
        let world = &mut stepper.machine.world;
        world.heap.begin_change();
        if world.has_ended() {
            return (taken, switches, Some(Ending::Finished));
        }
        while priorities.len() < world.threads.len() {
            priorities.push(chance.next() | 1 << 63);
        }
        if changes.contains(&taken.len()) {
            lowest -= 1;
            priorities[ran] = lowest;
        }
        let mut able = moves(world);
        let goes_on = |m: &Move| !m.late;
        let waits_on = able.iter().any(goes_on) && !chance.next().is_multiple_of(LATE);
        able.retain(|m| !(m.late && waits_on));
        let Some(first) = able.iter().max_by_key(|m| priorities[m.thread]).map(|m| m.thread) else {
            let lines = stepper.machine.waits();
            return (taken, switches, Some(Ending::Deadlock(lines)));
        };
        able.retain(|m| m.thread == first);
        let chosen = able[chance.below(able.len())];
        switches += u32::from(chosen.thread != ran && world.is_ready(ran));
        ran = chosen.thread;
        taken.push(chosen);
        if let Err(ending) = stepper.step(chosen) {
            return (taken, switches, Some(ending));
        }
    }
    (taken, switches, None)
}
