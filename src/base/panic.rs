//! What a panic leaves behind, and warnings that have no other place to go.
//!
//! *Promises*: nothing here panics, whatever the payload's own drop does and whatever has become
//! of standard error.

use std::any::Any;
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of a panic payload: what `panic!` was given, as far as it can be read.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic payload that is not text".to_owned()
    }
}

/// The same of a payload that nobody wants any more, which is [`discard`]ed.
pub fn into_message(payload: Box<dyn Any + Send>) -> String {
    let message = panic_message(&*payload);
    discard(payload);
    message
}

/// Drops what a panic brought along. Its drop is user code and may panic in its turn: what that
/// brings is not dropped at all, for there would be no end to it.
pub fn discard(payload: Box<dyn Any + Send>) {
    if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(next);
    }
}

/// Tells standard error. If that is closed or full, nobody hears of it: `eprintln!` would panic,
/// and here that would often be in the middle of telling of a panic.
pub fn warn(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "singletrack: {text}");
}
