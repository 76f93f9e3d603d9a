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

/// Drops a user's value. `Some`: its drop panicked, and this is the message, to be told to the
/// handler that there is; where there is none, use [`drop_or_warn`].
#[must_use = "a drop that panicked must be told to somebody"]
pub fn drop_caught<T>(value: T) -> Option<String> {
    if !std::mem::needs_drop::<T>() {
        return None;
    }
    catch_unwind(AssertUnwindSafe(|| drop(value))).err().map(into_message)
}

/// The same where no handler exists: a panic is told to standard error, once. `what` names the
/// value, as in "the result of a job".
pub fn drop_or_warn<T>(what: &str, value: T) {
    if let Some(message) = drop_caught(value) {
        warn(format_args!("{what} panicked when it was dropped: {message}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{discard, drop_caught, drop_or_warn};

    struct Bomb<P: Clone + Send + 'static>(P);

    impl<P: Clone + Send + 'static> Drop for Bomb<P> {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(self.0.clone()));
        }
    }

    #[test]
    fn a_drop_that_panics_gives_its_message_and_harms_nobody() {
        assert_eq!(drop_caught(Bomb("sore")), Some("sore".to_owned()));
        assert_eq!(drop_caught(vec![1]), None);
        assert_eq!(drop_caught(7), None);
        drop_or_warn("a value of this test", Bomb("sore"));
    }

    #[test]
    fn a_payload_that_panics_in_its_turn_is_caught_too() {
        let message = drop_caught(Bomb(std::sync::Arc::new(Bomb("inner"))));
        assert_eq!(message.as_deref(), Some("a panic payload that is not text"));
        discard(Box::new(Bomb("inner")));
    }

    #[test]
    fn a_drop_may_panic_while_its_thread_unwinds() {
        struct Keeper(Option<Bomb<&'static str>>);
        impl Drop for Keeper {
            fn drop(&mut self) {
                assert_eq!(drop_caught(self.0.take()), Some("within".to_owned()));
            }
        }
        let unwound = std::panic::catch_unwind(|| {
            let _keeper = Keeper(Some(Bomb("within")));
            std::panic::resume_unwind(Box::new("without"));
        });
        assert_eq!(unwound.unwrap_err().downcast_ref::<&str>(), Some(&"without"));
    }
}
