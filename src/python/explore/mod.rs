//! Every schedule of a Python program that a version's switch points allow.
//!
//! ```text
//!   policies ── which points it looks at
//!   worlds ──── one step of one thread, from one world to the next; which accesses conflict
//!   fingerprint a world as a number, the same for equal worlds
//!   outcome ─── what a run came to
//!   search ──── all worlds that can be reached, by fewest switches first ──▶ outcomes
//!   replay ──── one schedule again, with what each line read and wrote
//!   story ───── in two columns, and the sentence that says why
//! ```
//!
//! # Guarantees
//!
//! * *Can go wrong*: there is a schedule that the policy allows; it is shown, and replayed.
//! * *Cannot go wrong*, and nothing more is said: all schedules were tried, up to those that differ in
//!   the order of steps that cannot notice each other. It holds for this program with these numbers,
//!   not for more threads or more rounds; and for what the version does, not for what Python
//!   promises.
//! * *Not all was tried*: a limit was hit, and is named. What was found is right, and there may be
//!   more.
//! * *Fewest switches* counts how often a thread has to go that could have gone on. A thread that waits
//!   or ends costs nothing.
//! * Tasks of one event loop run in turn, and only an `await` that waits lets another one run. The
//!   explorer tries every order of those that are ready; asyncio's own, first come, first served, is
//!   one of them, and the one in which a program runs by itself. Callbacks of `call_soon` keep theirs.
//! * Sleeping takes no time, and any limit of a wait may pass or not: every order is tried, also those
//!   that a clock makes unlikely. `random` is one sequence of numbers. A finaliser is never run.
//! * *Wrong* is what no order of whole threads gives, an exception that ends a thread, a deadlock, and
//!   a loop that nothing can end.

pub mod fingerprint;
pub mod outcome;
pub mod policies;
pub mod replay;
pub mod search;
pub mod story;
pub mod worlds;
