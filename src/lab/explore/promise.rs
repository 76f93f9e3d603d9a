//! What the Python documentation promises about what a program does, beside what its versions do.
//!
//! *Promises*: a sentence names the kind of access that raced and the page that speaks of it; "it is
//! promised" is said only where nothing goes wrong without a lock of the interpreter either.
//! *Leaves out*: promises about anything but what threads share.
//!
//! The pages: the FAQ's "What kinds of global value mutation are thread-safe?" (Library and
//! Extension FAQ), and `library/threadsafety` of the documentation of 3.14.

use crate::lab::explore::answers::Answer;
use crate::python::code::program::Program;
use crate::python::explore::outcome::Ending;
use crate::python::explore::replay::Shared;
use crate::python::explore::search::Found;
use crate::python::explore::story::lost;
use std::sync::Arc;

const FAQ: &str = "FAQ \"What kinds of global value mutation are thread-safe?\"";
const PAGE: &str = "docs, library/threadsafety";

/// What the documentation says about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promise {
    /// `never atomic`, `no promise`, `promised`, or `unknown`.
    pub(crate) kind: &'static str,
    /// The sentence.
    pub(crate) text: String,
}

impl Promise {
    fn of(kind: &'static str, text: impl Into<String>) -> Promise {
        Promise { kind, text: text.into() }
    }
}

/// What it says about an outcome that is wrong.
pub(crate) fn of_wrong(program: &Arc<Program>, answer: &Answer, found: &Found) -> Promise {
    match found.outcome.ending {
        Ending::Deadlock(_) => {
            let text = "acquire(), wait(), join() and get() wait without end for what does not come \
                        (docs, library/threading): no version looks for deadlocks";
            return Promise::of("no promise", text);
        }
        Ending::Endless | Ending::Starvation(_) => {
            let text = "nothing makes a loop end that waits for another thread";
            return Promise::of("no promise", text);
        }
        Ending::Cut | Ending::Stopped(..) => {
            return Promise::of("unknown", "it was stopped, so this says nothing of promises");
        }
        Ending::Finished if found.serial => {
            let text = "the same exception comes without any switch, and is no matter of chance";
            return Promise::of("promised", text);
        }
        Ending::Finished => {}
    }
    let replayed = answer.replay(program, found);
    let Some(lost) = lost(&replayed) else {
        let text = format!(
            "each read and each write is one step, two of them never are: a check and what is done \
             about it, two things that should agree ({PAGE}: check-then-act)"
        );
        return Promise::of("never atomic", text);
    };
    let name = replayed.name(lost.location);
    let text = match replayed.kind(lost.location) {
        Shared::Variable => format!(
            "to read {name} is one step and to write it is one; both together never are ({FAQ}: \
             `i = i+1` is not atomic; {PAGE}: read-modify-write)"
        ),
        Shared::Attribute => format!(
            "to read {name} is one step and to write it is one (`x.field = y`); both together never \
             are ({FAQ}; {PAGE}: read-modify-write)"
        ),
        Shared::Dict => format!(
            "`D[x] = y` and `D[x]` are one step each; `D[x] = D[x] + 1` on {name} never is ({FAQ}; \
             {PAGE}: read-modify-write)"
        ),
        Shared::List => format!(
            "`L[i] = x` and `L[i]` are one step each; `L[i] = L[i] + 1` on {name} never is ({FAQ}; \
             {PAGE}: read-modify-write)"
        ),
        Shared::Sync | Shared::Other | Shared::Output => {
            format!("to read {name} and then to change it is never one step ({PAGE})")
        }
    };
    Promise::of("never atomic", text)
}

/// What it says of the whole program: of the first answer that is wrong, or of none. `unlocked` is the
/// answer of a Python without a global lock.
pub(crate) fn of_program(program: &Arc<Program>, answers: &[Answer], unlocked: &Answer) -> Promise {
    let wrong = answers.iter().find_map(|answer| Some((answer, answer.worst()?)));
    if let Some((answer, found)) = wrong {
        return of_wrong(program, answer, found);
    }
    if let Some(found) = unlocked.worst() {
        return of_wrong(program, unlocked, found);
    }
    let Answer { exploration, .. } = unlocked;
    let (Some(found), None) = (exploration.found.first(), &exploration.bound) else {
        return Promise::of("unknown", "not all was tried, so this says nothing of promises");
    };
    let replayed = unlocked.replay(program, found);
    let kinds: Vec<Shared> =
        exploration.contended.contended().map(|location| replayed.kind(location)).collect();
    let waits = kinds.contains(&Shared::Sync);
    let text = match () {
        () if kinds.iter().all(|kind| *kind == Shared::Output) => {
            "the threads share nothing that one of them changes".to_owned()
        }
        () if waits => {
            "nothing goes wrong without a global lock either: what the threads wait with \
                        keeps them apart (docs, library/threading)"
                .to_owned()
        }
        () => format!(
            "nothing goes wrong without a global lock either: each access is one step of a built-in \
             type ({FAQ}; {PAGE})"
        ),
    };
    Promise::of("promised", text)
}
