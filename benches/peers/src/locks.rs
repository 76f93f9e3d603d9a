//! Locks: taken when nobody waits, and handed over because somebody does.

use crate::contest::{Contest, floor, ours, peer};
use crate::usage::{median, pin, unpin};
use singletrack::gil::{GilCell, GlobalLock, SwitchPolicy};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub fn contests() -> Vec<Contest> {
    let duel = |name, cores: [usize; 2]| {
        let entrants = vec![
            ours(move || hand_over(cores, global_lock)),
            floor("Mutex and Condvar", move || hand_over(cores, turn)),
            // A waiter of this lock times its sleep: that is how it comes to ask for it.
            peer("a timed wait", move || hand_over(cores, timed_turn)),
        ];
        Contest::new(name, "µs", entrants)
    };
    let uncontended = vec![
        ours(attach),
        floor("parking_lot Mutex", parking_lot_mutex),
        peer("std Mutex", std_mutex),
    ];
    vec![
        Contest::new("lock taken and left", "ns", uncontended),
        duel("forced hand-over, two cores", [0, 1]),
        duel("forced hand-over, one core", [0, 0]),
    ]
}

const TIMES: u64 = 2_000_000;

fn per_time(run: impl FnOnce()) -> Option<f64> {
    let start = Instant::now();
    run();
    Some(start.elapsed().as_nanos() as f64 / TIMES as f64)
}

fn attach() -> Option<f64> {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let cell = GilCell::new(&lock, 0_u64);
    per_time(|| (0..TIMES).for_each(|_| lock.attach(|gil| *cell.get_mut(gil) += 1).unwrap()))
}

fn parking_lot_mutex() -> Option<f64> {
    let count = parking_lot::Mutex::new(0_u64);
    per_time(|| (0..TIMES).for_each(|_| *black_box(&count).lock() += 1))
}

fn std_mutex() -> Option<f64> {
    let count = Mutex::new(0_u64);
    per_time(|| (0..TIMES).for_each(|_| *black_box(&count).lock().unwrap() += 1))
}

/// How often the lock changes hands in a round.
const CHANGES: u64 = 400;
/// How long a holder keeps it after the other began to wait: so that the other surely sleeps.
const KEPT: Duration = Duration::from_micros(100);

/// When the lock was left last, on a clock that both have, and how long each change took.
struct Duel {
    begun: Instant,
    left: AtomicU64,
    changes: AtomicU64,
    times: Mutex<Vec<f64>>,
}

impl Duel {
    fn leave(&self) {
        self.left.store(self.begun.elapsed().as_nanos() as u64, SeqCst);
    }

    /// True: that was enough.
    fn arrive(&self) -> bool {
        let now = self.begun.elapsed().as_nanos() as u64;
        let left = self.left.swap(0, SeqCst);
        if left != 0 {
            self.times.lock().unwrap().push((now - left) as f64 / 1e3);
        }
        self.changes.fetch_add(1, SeqCst) >= CHANGES
    }

    fn over(&self) -> bool {
        self.changes.load(SeqCst) > CHANGES
    }
}

/// The median time from one thread's leaving the lock to the other's having it.
fn hand_over(cores: [usize; 2], fight: fn(&Arc<Duel>, [usize; 2])) -> Option<f64> {
    let duel = Arc::new(Duel {
        begun: Instant::now(),
        left: AtomicU64::new(0),
        changes: AtomicU64::new(0),
        times: Mutex::new(Vec::new()),
    });
    fight(&duel, cores);
    unpin();
    let times = std::mem::take(&mut *duel.times.lock().unwrap());
    median(times)
}

fn keep() {
    let begun = Instant::now();
    while begun.elapsed() < KEPT {
        thread::yield_now();
    }
}

fn global_lock(duel: &Arc<Duel>, cores: [usize; 2]) {
    let lock = GlobalLock::new(SwitchPolicy::PYTHON_3_10);
    let fight = |core| {
        let (lock, duel) = (lock.clone(), Arc::clone(duel));
        thread::spawn(move || {
            pin(core);
            let rounds = |gil: &mut singletrack::gil::Gil<'_>| {
                while !duel.arrive() {
                    while lock.waiting() == 0 && !duel.over() {
                        thread::yield_now();
                    }
                    keep();
                    if duel.over() {
                        return;
                    }
                    lock.request_drop();
                    duel.leave();
                    gil.checkpoint();
                }
            };
            lock.attach(rounds).unwrap();
        })
    };
    let threads = cores.map(fight);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

fn turn(duel: &Arc<Duel>, cores: [usize; 2]) {
    take_turns(duel, cores, None);
}

fn timed_turn(duel: &Arc<Duel>, cores: [usize; 2]) {
    take_turns(duel, cores, Some(Duration::from_millis(5)));
}

fn take_turns(duel: &Arc<Duel>, cores: [usize; 2], limit: Option<Duration>) {
    let turn = Arc::new((Mutex::new(0), Condvar::new()));
    let fight = |me: usize| {
        let (turn, duel) = (Arc::clone(&turn), Arc::clone(duel));
        thread::spawn(move || {
            pin(cores[me]);
            loop {
                let other = |whose: &mut usize| *whose != me;
                let whose = turn.0.lock().unwrap();
                match limit {
                    None => drop(turn.1.wait_while(whose, other).unwrap()),
                    Some(limit) => drop(turn.1.wait_timeout_while(whose, limit, other).unwrap()),
                }
                let over = duel.arrive();
                keep();
                let mut whose = turn.0.lock().unwrap();
                *whose = 1 - me;
                duel.leave();
                drop(whose);
                turn.1.notify_one();
                if over {
                    return;
                }
            }
        })
    };
    let threads = [fight(0), fight(1)];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
