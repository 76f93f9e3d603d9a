//! `per-interpreter`: two threads that compute, under one lock and under two.
//!
//! *Promises*: every value that was sent is received, or the figures say how many were not.
//!
//! ```text
//!   cpu 1 ── under lock A ──▶ channel ──▶ cpu 2 ── under lock B
//! ```

use crate::gil::lock::cell::{ChannelError, Inlet, Outlet, channel};
use crate::gil::lock::global_lock::GlobalLock;
use crate::gil::lock::token::Gil;
use crate::gil::rules::policy::SwitchPolicy;
use crate::gil::stats::record::Recording;
use crate::lab::report::failure::Failure;
use crate::lab::report::lanes::StateNames;
use crate::lab::report::outside;
use crate::lab::report::recording::FlatRecording;
use crate::lab::scenes::bytecode::{OPCODE, Work, countdown};
use crate::lab::scenes::computing::{compute, in_child, join, spawn, take_own_core};
use crate::lab::scenes::explanation::explain;
use crate::lab::scenes::scene::{Scene, Simulation};
use crate::lab::scenes::scene_run::{Figures, MOST_EVENTS, SceneRun};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Passes of the countdown between two values that cross: about half a millisecond.
const PASSES_A_VALUE: u64 = 16_384;
/// Values that may be under way.
const UNDER_WAY: usize = 16;

/// The scene.
pub const SCENE: Scene = Scene {
    name: "per-interpreter",
    title: "two threads that compute, in one interpreter and in two",
    policies: &[SwitchPolicy::PYTHON_3_13],
    state_names: StateNames::OWN_LOCK,
    caption: ToString::to_string,
    real: run,
    simulated: Simulation::Impossible("the simulator has one lock"),
    sentence,
    explanation: explain! {
        "PEP 684, Python 3.12: each interpreter of a process can have a lock of its own. In
        CPython the interpreter's state has a pointer to a lock; it is either the main one's
        or its own. Here it is as simple: two interpreters are two values of GlobalLock, "
        [lab/scenes/per_interpreter.rs run] ".

        The picture is drawn from two recordings, so two lanes can have the GIL at the same time,
        and no strip names the one owner. They are two GILs, and no thread asks for the other's.
        Each thread takes the lock it had last by one atomic operation, "
        [gil/lock/state_word.rs try_take] ", and if it is asked for nothing, a checkpoint costs one
        read, " [gil/lock/token.rs pass] ".

        The price is that nothing may be shared. A value that belongs to one lock cannot be
        reached with the token of another: " [gil/lock/cell.rs try_get] " compares them and
        refuses, which is a check that C code in CPython does not have; there, every module had
        to move its globals first. What must cross is sent, as bytes, through a channel that
        checks both ends: here cpu 1 sends a number now and then, " [gil/lock/cell.rs send] ",
        and cpu 2 decodes a number of its own from the bytes, " [gil/lock/cell.rs recv] ". A
        thread that waits for the other side has dropped its lock meanwhile: those are the short
        gaps in the lanes. An end that is shown the token of the other lock refuses it; the scene
        tries that once. With processes it is the same, with more memory.

        What you see of a speed-up depends on the cores that were free: two at best, or a little
        more where taking turns under one lock had its price."
    },
};

fn run(policy: SwitchPolicy, time: Duration) -> Result<SceneRun, Failure> {
    in_child(time, move || {
        let shared = compute(policy, 2, time / 2)?;
        outside::check()?;
        let work = Work::of(OPCODE);
        let (a, b) = (GlobalLock::new(policy), GlobalLock::new(policy));
        let (outlet, inlet) = channel::<u64>(&a, &b, UNDER_WAY);
        // Under the wrong lock; by a thread that is gone before anything is recorded.
        let stranger = spawn(&a, "stranger", |gil| (inlet.recv(gil).err(), inlet))?;
        let (error, inlet) = join(stranger)?;
        let refused = error == Some(ChannelError::WrongLock);
        a.record(MOST_EVENTS);
        b.record(MOST_EVENTS);
        let done = Arc::new(AtomicBool::new(false));
        let sender_done = Arc::clone(&done);
        let began = Instant::now();
        let sender = spawn(&a, "cpu 1", move |gil| {
            take_own_core(0);
            send_until(gil, &outlet, &sender_done, work)
        })?;
        let receiver = spawn(&b, "cpu 2", move |gil| {
            take_own_core(1);
            receive_all(gil, &inlet, work)
        })?;
        outside::rest(time / 2);
        let (first, second) = (a.recording(), b.recording());
        done.store(true, Relaxed);
        let sent = join(sender)?;
        let (received, sum) = join(receiver)?;
        let passes = (sent + received) * PASSES_A_VALUE;
        let own = passes as f64 / began.elapsed().as_secs_f64();
        let tracks = first.tracks.into_iter().chain(second.tracks).collect();
        let recording = Recording { tracks, until: first.until.max(second.until) };
        let figures = Figures::of(&[
            ("passes_per_s_shared", shared.rate()),
            ("passes_per_s_own", own),
            ("speed_up", own / shared.rate()),
            ("values_sent", sent as f64),
            ("values_received", received as f64),
            ("values_whole", f64::from(u8::from(sum == (0..sent).sum::<u64>()))),
            ("refused_wrong_lock", f64::from(u8::from(refused))),
        ]);
        Ok((FlatRecording::from(&recording), figures))
    })
}

/// Computes, and sends a value now and then, counted from 0. Gives how many it has sent.
fn send_until(gil: &mut Gil<'_>, outlet: &Outlet<u64>, done: &AtomicBool, work: Work) -> u64 {
    let mut sent = 0;
    while sent == 0 || !done.load(Relaxed) {
        countdown(gil, PASSES_A_VALUE, work);
        if outlet.send(gil, &sent).is_err() {
            break; // the other interpreter is gone
        }
        sent += 1;
    }
    sent
}

/// Computes, and receives a value now and then, until no more come. Gives how many there were,
/// and their sum.
fn receive_all(gil: &mut Gil<'_>, inlet: &Inlet<u64>, work: Work) -> (u64, u64) {
    let (mut received, mut sum) = (0, 0);
    while let Ok(value) = inlet.recv(gil) {
        (received, sum) = (received + 1, sum + value);
        countdown(gil, PASSES_A_VALUE, work);
    }
    (received, sum)
}

fn sentence(figures: &Figures) -> String {
    format!(
        "With a lock each the two threads did {:.2} times the work they did under one, and {:.0} \
         of {:.0} values crossed from one interpreter to the other.",
        figures.get("speed_up"),
        figures.get("values_received"),
        figures.get("values_sent"),
    )
}
