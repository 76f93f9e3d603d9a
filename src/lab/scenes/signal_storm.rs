//! `signal-storm`: two threads that compute after Ctrl-C, the main thread blocked.
//!
//! *Promises*: the same two threads twice: before a call is pending for the main thread, and after.

use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::counters::Counters;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::report::outside;
use crate::lab::report::recording::FlatRecording;
use crate::lab::scenes::bytecode::{Work, countdown};
use crate::lab::scenes::computing::{compute_under, in_child, join, spawn};
use crate::lab::scenes::explanation::explain;
use crate::lab::scenes::scene::{Scene, Simulation};
use crate::lab::scenes::scene_run::{Figures, MOST_EVENTS, SceneRun};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Passes of a loop in which a check is sure to come.
const ENOUGH_FOR_A_CHECK: u64 = 200;

/// The scene.
pub const SCENE: Scene = Scene {
    name: "signal-storm",
    title: "two threads that compute, after Ctrl-C, main blocked in join()",
    policies: &[SwitchPolicy::PYTHON_2_LINUX, SwitchPolicy::PYTHON_3_2],
    state_names: StateNames::LOCK,
    caption: ToString::to_string,
    real: run,
    simulated: Simulation::Impossible("simulated threads get no signals"),
    sentence,
    explanation: explain! {
        "A signal's C handler only leaves a note. The Python handler is a call that waits, and
        that only the main thread may make: " [gil/rules/pending.rs begins] ".

        Here the main thread is blocked, as in join() of Python 2, which nothing wakes. The
        other two find the note at their checks, and may do nothing about it.

        python-2: a note that is still there after a check means: check again at the very next
        tick, " [gil/lock/token.rs check_after_ticks] ". So each of them drops the lock and takes it back,
        not every 101 ticks but every tick. Ctrl-C does nothing, save that the program runs
        slower. When the main thread comes back, it makes the call at its first check, "
        [gil/lock/thread_state.rs make_pending_calls] ", and the storm is over.

        python-3.2: the note is shown only to a thread that may act on it: "
        [gil/lock/take_gil.rs publish] " raises the flag when the holder is the main thread.
        The others never look. (CPython 3.12 let all threads of the main interpreter see pending
        calls again, for a while; 3.13 gave each thread a word of its own.)

        Calls that nobody makes do not pile up for ever: " [gil/rules/pending.rs add] " refuses
        the 32nd. Since 3.2, join() and lock.acquire() can be interrupted, which was the real
        cure."
    },
};

fn run(policy: SwitchPolicy, time: Duration) -> Result<SceneRun, Failure> {
    in_child(time, move || {
        let (lock, handled) = (GlobalLock::new(policy), Arc::new(AtomicBool::new(false)));
        let (release, blocked) = mpsc::channel::<()>();
        let (claim, claimed) = mpsc::channel();
        let main = spawn(&lock, "main", move |gil| {
            gil.claim_main();
            // Nobody may be there to receive it: then the scene has failed already.
            let _ = claim.send(());
            // It ends when the other side is dropped.
            let _ = gil.detach(|| blocked.recv());
            countdown(gil, ENOUGH_FOR_A_CHECK, Work::of(Duration::ZERO));
        })?;
        let _ = claimed.recv();
        let before = compute_under(&lock, 2, time / 2)?;
        let signal = Arc::clone(&handled);
        let note = move || signal.store(true, Relaxed);
        lock.add_pending_call(note).map_err(|e| Failure::new("signal", e.to_string(), "wait"))?;
        let after = compute_under(&lock, 2, time / 2)?;
        // The picture is of a time of its own: to record every tick would slow down what is measured.
        lock.record(MOST_EVENTS);
        outside::check()?;
        let picture = compute_under(&lock, 2, time / 5)?;
        let while_blocked = handled.load(Relaxed);
        drop(release);
        join(main)?;
        let when_back = handled.load(Relaxed);
        let mut figures = Figures::per_second(&(after.counters - before.counters), after.counted);
        let drops = |run: Counters| (run.tick_drops + run.forced_drops) as f64;
        let rate = 2.0 / time.as_secs_f64();
        figures.set("passes_per_s_before", before.rate());
        figures.set("passes_per_s_after", after.rate());
        figures.set("times_slower", before.rate() / after.rate());
        figures.set("drops_per_s_before", drops(before.counters) * rate);
        figures.set("drops_per_s_after", drops(after.counters - before.counters) * rate);
        figures.set("handled_while_main_was_blocked", f64::from(u8::from(while_blocked)));
        figures.set("handled_when_main_was_back", f64::from(u8::from(when_back)));
        Ok((FlatRecording::from(&picture.recording), figures))
    })
}

fn sentence(figures: &Figures) -> String {
    let at_once = figures.get("handled_while_main_was_blocked") > 0.0;
    format!(
        "After the signal the threads that compute ran {:.1} times slower, and dropped the lock \
         {:.0} times a second instead of {:.0}; the signal was handled {}.",
        figures.get("times_slower"),
        figures.get("drops_per_s_after"),
        figures.get("drops_per_s_before"),
        if at_once { "at once" } else { "when the main thread was back, and no sooner" },
    )
}
