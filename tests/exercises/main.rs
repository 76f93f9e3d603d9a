//! Exercises: what you write into `reader.rs` is checked here. `cargo test` checks the solutions.
//!
//! ```text
//!   singletrack examples --exercises                       the list, with hints
//!   cargo test --test exercises -- --ignored               all of yours
//!   cargo test --test exercises -- --ignored meeting       one of them
//! ```
//! A check is one function for both files, so an exercise whose solution is right can be solved, and
//! stays so: the solutions are run whenever the tests are.
#![cfg(feature = "cli")]

mod checks;
mod reader;
mod solutions;

macro_rules! exercises {
    ($($name:ident: $ignore:literal,)*) => {
        mod solution {
            $(
                #[test]
                fn $name() {
                    crate::checks::$name(crate::solutions::$name);
                }
            )*
        }
        $(
            #[test]
            #[ignore = $ignore]
            fn $name() {
                checks::$name(reader::$name);
            }
        )*
    };
}

exercises! {
    pool_threads: "exercise: predict how many threads a pool has",
    logging: "exercise: write a selector that logs",
    iterations: "exercise: predict how often a loop goes round",
    order: "exercise: predict who runs when",
    meeting: "exercise: write a barrier",
    retry: "exercise: write a retry with growing pauses",
    short_waits: "exercise: make a switch policy",
    next_holder: "exercise: write a fair hand-off",
    losing_schedule: "exercise: find the schedule that loses an update",
    guarded: "exercise: write a program that loses none",
    checked_bytes: "exercise: write a message with a checksum",
    outcome_after: "exercise: drive the pool's rules by hand",
    still_loses: "exercise: write a Python program that 3.13 gets wrong",
    least_time: "exercise: say what no runtime can beat",
}
