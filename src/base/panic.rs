//! What a panic leaves behind, and warnings that have no other place to go.
//!
//! *Promises*: nothing here panics, whatever the payload's own drop does, and even if standard
//! error is closed.

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

/// The same of a payload that is not needed any more, which is [`discard`]ed.
pub fn into_message(payload: Box<dyn Any + Send>) -> String {
    let message = panic_message(&*payload);
    discard(payload);
    message
}

/// Drops the payload of a panic. Its drop is user code and may panic in its turn: the payload of
/// that is leaked, since its drop could panic as well, and so on.
pub fn discard(payload: Box<dyn Any + Send>) {
    if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(next);
    }
}

/// Writes a line to standard error. If that is closed or full, the line is lost: `eprintln!` would
/// panic, and here that would often be while another panic is being reported.
pub fn warn(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "singletrack: {text}");
}
