//! What each kind of answer means, and what it does not: the page of `explore --guarantees`.
//!
//! *Promises*: says no more than `python/explore/mod.rs` does, in a user's words.
//! *Leaves out*: one program's answer.

use crate::lab::report::table::entries;
use crate::lab::report::terminal::wrap;

/// A kind of answer; what it means; what it does not mean.
const ANSWERS: [(&str, &str, &str); 11] = [
    (
        "yes",
        "There is a schedule that this policy allows, it is drawn, and it was carried out twice.",
        "That your computer will ever follow it: a schedule may be as rare as it likes.",
    ),
    (
        "no",
        "Every schedule was tried, up to those that differ only in the order of steps that no other \
         thread can notice.",
        "That it is safe. It holds for this program with these numbers, not for more threads or more \
         rounds, and for what this version does, not for what Python promises.",
    ),
    (
        "not all was tried",
        "A limit was hit, and is named. What was found is right. Where schedules were sampled, it is \
         said how many, and what that is worth.",
        "That there is no more. Ask about fewer rounds (--iterations), or for all schedules with few \
         switches (--preemptions).",
    ),
    (
        "cut",
        "A loop went round as often as --iterations allows, or a step took all of --max-steps, and \
         the schedule ends there.",
        "Anything about what comes behind it.",
    ),
    (
        "switches",
        "The fewest times that a thread has to make room although it could have gone on. A thread \
         that waits or ends costs nothing.",
        "How likely it is.",
    ),
    (
        "wrong",
        "What no order of whole threads comes to; an exception that ends a thread, a failed assert \
         included; a deadlock; a loop that nothing can end; a thread that can wait for ever while others \
         go on, each of which gets its turn.",
        "What you did not want. Say what you want with an assert.",
    ),
    (
        "seen in 3 of 4000",
        "A real interpreter did it: 3 tries of 4000 came to something wrong that was predicted.",
        "How often it happens elsewhere. The tries are made so that it shows: with the smallest switch \
         interval that lets the interpreter go on, threads of many copies side by side, code warm \
         (--cold: cold), sleeps cut short.",
    ),
    (
        "not seen in 4000 tries",
        "4000 tries came to nothing wrong.",
        "That it cannot happen. A predicted loss that was not seen is not seen, and no more.",
    ),
    (
        "DISAGREES",
        "An interpreter did what was not predicted, although all was tried: a fault of this command, \
         or of the interpreter. The exit code is 1.",
        "That the program is at fault.",
    ),
    (
        "hangs, crashed, needs 3.8",
        "That interpreter made no progress any more, died, or cannot read the program. It is killed, \
         the others are still asked.",
        "Anything about the other versions.",
    ),
    (
        "promised, never atomic",
        "What the documentation says of the accesses that raced, and where.",
        "What a version does: several do more than is promised, until they do not.",
    ),
];

const MODEL: &str = "The model. A switch comes only where the version looks whether it has to drop its \
lock: `dis FILE.py --policy P` marks the places. A call into C on built-in types is one step, unless it \
calls Python. Whatever blocks lets others run. Time does not pass: a sleep may end at any moment, and \
each limit of a wait may pass or not. Code is warm, so calls such as len() are specialised; --cold \
explores code that is not. A generator that is left in the middle is never closed, so its `finally` does \
not run. free-threaded is sequentially consistent: it has no weaker memory. It was \
not measured, for no free-threaded interpreter was at hand.";

/// The page, no line wider than this.
pub fn guarantees(width: usize) -> String {
    let width = width.min(100);
    let mut text = wrap("What an answer of `singletrack explore FILE.py` means", width);
    for (answer, means, not) in ANSWERS {
        text += &format!("\n{}", wrap(answer, width));
        let room = width.saturating_sub(2);
        for line in entries(&[("means", means), ("does not", not)], room).lines() {
            text += &format!("  {line}\n");
        }
    }
    text + "\n" + &wrap(MODEL, width)
}
