//! Every schedule of a Python program that a version's switch points allow.
//!
//! ```text
//!   policies ── which points it looks at
//!   worlds ──── one step of one thread, from one world to the next; which accesses conflict
//!   fingerprint a world as a number, the same for equal worlds
//!   search ──── all worlds that can be reached, by fewest switches first ──▶ outcomes
//!   replay ──── one schedule again, with what each line read and wrote
//!   story ───── in two columns, and the sentence that says why
//! ```

pub mod fingerprint;
pub mod outcome;
pub mod policies;
pub mod replay;
pub mod search;
pub mod story;
pub mod worlds;
