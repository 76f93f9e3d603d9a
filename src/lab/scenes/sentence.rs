//! What was measured in each scene, in a sentence.
//!
//! *Assumes*: the figures that `lab/scenes/stage.rs`, `lab/scenes/scopes.rs` and `lab/scenes/simulated.rs` give.
//! *Promises*: a sentence states what was measured, and nothing else.
//! *Leaves out*: why it is so (`lab/scenes/explanation.rs`).

use crate::lab::scenes::stage::Figures;

pub(crate) fn convoy(figures: &Figures) -> String {
    format!(
        "A request takes {} beside a thread that computes and {} without it: the toll is {} a \
         request, and {:.0} requests a second instead of {:.0}.",
        time(figures, "beside_us"),
        time(figures, "idle_us"),
        // On a busy machine the server can be quicker beside a thread.
        length(get(figures, "toll_us").max(0.0)),
        get(figures, "beside_requests_per_s"),
        get(figures, "idle_requests_per_s"),
    )
}

pub(crate) fn battle(figures: &Figures) -> String {
    let waited = match figures.get("core_wait_us") {
        Some(&us) => format!("; a woken thread waited {} for a core", length(us)),
        None => String::new(),
    };
    format!(
        "Two threads take {:.2} times as long as one after the other would: {:.0} switches, {:.0} \
         failed takes and {:.0} sleeps a second{waited}.",
        get(figures, "times_as_long"),
        get(figures, "switches_per_s"),
        get(figures, "failed_takes_per_s"),
        get(figures, "sleeps_per_s"),
    )
}

pub(crate) fn race(figures: &Figures) -> String {
    format!(
        "{:.0} of {:.0} updates were lost, at {:.0} switches a second.",
        get(figures, "lost"),
        get(figures, "increments"),
        get(figures, "switches_per_s"),
    )
}

pub(crate) fn starvation(figures: &Figures) -> String {
    format!(
        "The longest wait was {:.1} ms; the threads had {:.0} % to {:.0} % of the work done, where \
         a third each would be fair.",
        get(figures, "longest_wait_ms"),
        100.0 * get(figures, "smallest_share"),
        100.0 * get(figures, "largest_share"),
    )
}

pub(crate) fn no_force(figures: &Figures) -> String {
    format!(
        "{:.0} % of {:.0} drops on request a second led to a switch; each of the others cost two \
         threads a visit to the lock and changed nothing.",
        100.0 * get(figures, "handed_over"),
        get(figures, "forced_drops_per_s"),
    )
}

pub(crate) fn signal_storm(figures: &Figures) -> String {
    let at_once = get(figures, "handled_while_main_was_blocked") > 0.0;
    format!(
        "After the signal the threads that compute ran {:.1} times slower, and dropped the lock \
         {:.0} times a second instead of {:.0}; the signal was handled {}.",
        get(figures, "times_slower"),
        get(figures, "drops_per_s_after"),
        get(figures, "drops_per_s_before"),
        if at_once { "at once" } else { "when the main thread was back, and no sooner" },
    )
}

pub(crate) fn per_interpreter(figures: &Figures) -> String {
    format!(
        "With a lock each the two threads did {:.2} times the work they did under one, and {:.0} \
         of {:.0} values crossed from one interpreter to the other.",
        get(figures, "speed_up"),
        get(figures, "values_received"),
        get(figures, "values_sent"),
    )
}

pub(crate) fn free_threaded(figures: &Figures) -> String {
    format!(
        "Without a lock the two threads did {:.2} times the work they did under one. {:.0} times \
         the world was stopped, {} after it was asked for (at worst {}). Of {:.0} looks at moving \
         accounts {:.0} saw a wrong sum; of those in a stopped world, {:.0}.",
        get(figures, "speed_up"),
        get(figures, "stops"),
        time(figures, "to_stop_us_p50"),
        time(figures, "to_stop_us_max"),
        get(figures, "peeks"),
        get(figures, "torn_while_running"),
        get(figures, "torn_when_stopped"),
    )
}

fn get(figures: &Figures, name: &str) -> f64 {
    figures.get(name).copied().unwrap_or(f64::NAN)
}

fn time(figures: &Figures, name: &str) -> String {
    length(get(figures, name))
}

fn length(micros: f64) -> String {
    if micros >= 1000.0 { format!("{:.2} ms", micros / 1e3) } else { format!("{micros:.0} us") }
}
