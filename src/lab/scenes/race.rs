//! `race`: four threads that do `x += 1` on one variable.
//!
//! *Promises*: the threads do nothing but add, all of them for the whole time of the scene, which
//! is many intervals; what is missing from the sum was lost.

use crate::gil::lock::cell::GilCell;
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::policy::SwitchPolicy;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::report::outside;
use crate::lab::report::recording::FlatRecording;
use crate::lab::scenes::bytecode::{OPCODE, Work, increment_until};
use crate::lab::scenes::computing::{await_threads, in_child, join, spawn};
use crate::lab::scenes::explanation::explain;
use crate::lab::scenes::scene::{Scene, Simulation};
use crate::lab::scenes::scene_run::{Figures, MOST_EVENTS, SceneRun};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// How many threads add.
const RACERS: u64 = 4;

/// The scene.
pub const SCENE: Scene = Scene {
    name: "race",
    title: "four threads that do `x += 1` on one variable",
    policies: &[SwitchPolicy::PYTHON_2, SwitchPolicy::PYTHON_3_2, SwitchPolicy::PYTHON_3_10],
    state_names: StateNames::LOCK,
    caption: ToString::to_string,
    real: run,
    simulated: Simulation::Impossible("simulated threads share no variable"),
    sentence,
    explanation: explain! {
        "`x += 1` is three steps: load x, add, store x. The lock protects each step, not the
        three together: " [lab/scenes/bytecode.rs increment] ".

        Until 3.9 a thread could lose the lock before any instruction: by the count of ticks, "
        [gil/rules/ticker.rs tick] ", or because another thread had asked, "
        [gil/lock/token.rs pass] ". If that is between its load and its store, the others count
        on while they have the lock; then it comes back and stores what it had loaded plus one.
        All that they added meanwhile is lost: not one update, but every one of that time.

        From 3.10 on the request is read at a loop's jump back and at calls only: "
        [gil/rules/policy.rs at] ". Between load and store of `x += 1` there is neither. So the
        updates seem to be safe, and programs have come to rely on it.

        They are not. Put a call in between, as in `x += f(1)`, and the lock can change hands
        there: " [lab/scenes/bytecode.rs increment_by_call] ". The language promises nothing: it
        never has. Use a threading.Lock."
    },
};

fn run(policy: SwitchPolicy, time: Duration) -> Result<SceneRun, Failure> {
    in_child(time, move || {
        let (work, lock) = (Work::of(OPCODE), GlobalLock::new(policy));
        lock.record(MOST_EVENTS);
        let (x, done) = (Arc::new(GilCell::new(&lock, 0i64)), Arc::new(AtomicBool::new(false)));
        let start = |number: u64| {
            let (x, done) = (Arc::clone(&x), Arc::clone(&done));
            let body = move |gil: &mut Gil<'_>| increment_until(gil, &x, &done, work);
            spawn(&lock, &format!("racer {}", number + 1), body)
        };
        let racers: Vec<_> = (0..RACERS).map(start).collect::<Result<_, _>>()?;
        // All of them race for the whole time: one that had ended before the next had begun would
        // lose nothing under any policy.
        await_threads(&lock, RACERS as usize);
        let time = outside::rest(time);
        let (recording, counters) = (lock.recording(), lock.counters());
        done.store(true, Relaxed);
        let added = racers.into_iter().map(join).sum::<Result<u64, Failure>>()?;
        let counted = lock.attach(|gil| *x.get(gil)).unwrap_or(0);
        let mut figures = Figures::per_second(&counters, time);
        figures.set("increments", added as f64);
        figures.set("lost", added as f64 - counted as f64);
        Ok((FlatRecording::from(&recording), figures))
    })
}

/// A variable, after so many threads have added to it at once.
///
/// # Errors
/// If a thread cannot be had, or does not come to its end.
pub(crate) fn add_together(
    lock: &GlobalLock,
    threads: u64,
    add: impl Fn(&mut Gil<'_>, &GilCell<i64>) + Copy + Send + 'static,
) -> Result<Arc<GilCell<i64>>, Failure> {
    let x = Arc::new(GilCell::new(lock, 0i64));
    let start = |number: u64| {
        let x = Arc::clone(&x);
        spawn(lock, &format!("racer {}", number + 1), move |gil| add(gil, &x))
    };
    let threads: Vec<_> = (0..threads).map(start).collect::<Result<_, _>>()?;
    threads.into_iter().try_for_each(join)?;
    Ok(x)
}

fn sentence(figures: &Figures) -> String {
    format!(
        "{:.0} of {:.0} updates were lost, at {:.0} switches a second.",
        figures.get("lost"),
        figures.get("increments"),
        figures.get("switches_per_s"),
    )
}
