//! What the examples have in common.
#![allow(dead_code)] // each example uses a part of it

pub mod options;
pub mod picture;
pub mod server;
pub mod sleeps;
pub mod supervisor;
pub mod waiting;

use singletrack::EventLoop;
use singletrack::selector::scripted::ScriptedSelector;
use std::fmt::Display;
use std::io;

/// The last line of every example: what was measured, in a sentence.
pub fn measured(sentence: impl Display) {
    println!("\n→ {sentence}");
}

/// A loop; in virtual time its sleeps move the clock and take none.
pub fn event_loop(virtual_time: bool) -> io::Result<EventLoop> {
    match virtual_time {
        true => Ok(EventLoop::with_selector(Box::new(ScriptedSelector::new()))),
        false => EventLoop::new(),
    }
}
